//! A composite action as its YAML says it, in the plain style in which ours are written: what GitHub makes of it is
//! played by `runner.rs`, so that it is the real file that is tested.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// An action.
#[derive(Debug, Default)]
pub(crate) struct Action {
    /// The names of its inputs, with their defaults.
    pub(crate) inputs: BTreeMap<String, String>,
    /// The names of its outputs, with the expressions that give their values.
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) steps: Vec<Step>,
}

/// A step of an action: what stands in it, and in the maps `with` and `env` of it.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) with: BTreeMap<String, String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl Step {
    /// A value, or nothing.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.values.get(key).map_or("", String::as_str)
    }
}

impl Action {
    /// Reads `action.yml` in `dir`.
    pub(crate) fn read(dir: &Path) -> Self {
        let text = fs::read_to_string(dir.join("action.yml")).unwrap();
        let mut action = Self::default();
        let (mut section, mut name) = (String::new(), String::new());
        for line in text.lines() {
            let bare = line.trim_start();
            let indent = line.len() - bare.len();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            match (indent, section.as_str()) {
                (0, _) => section = bare.trim_end_matches(':').to_owned(),
                (2, "inputs" | "outputs") => name = bare.trim_end_matches(':').to_owned(),
                (4, "inputs" | "outputs") => {
                    let (key, value) = pair(bare);
                    match (key.as_str(), section.as_str()) {
                        ("default", "inputs") => drop(action.inputs.insert(name.clone(), value)),
                        ("value", "outputs") => drop(action.outputs.insert(name.clone(), value)),
                        _ => {}
                    }
                }
                (4.., "runs") => action.add(indent, bare, &mut name),
                _ => {}
            }
        }
        assert!(!action.steps.is_empty(), "no steps in {}", dir.display());
        action
    }

    /// Takes a line of the list of steps; `map` is the key of the map that it may be in.
    fn add(&mut self, indent: usize, bare: &str, map: &mut String) {
        let (indent, bare) = match bare.strip_prefix("- ") {
            Some(rest) => {
                self.steps.push(Step::default());
                (indent + 2, rest)
            }
            None => (indent, bare),
        };
        let step = self.steps.last_mut().unwrap();
        let (key, value) = pair(bare);
        match (indent, map.as_str()) {
            (6, _) if value.is_empty() => *map = key,
            (6, _) => drop(step.values.insert(key, value)),
            (8, "with") => drop(step.with.insert(key, value)),
            (8, "env") => drop(step.env.insert(key, value)),
            _ => panic!("a line that is not understood: {bare}"),
        }
    }
}

/// `key: value`, without quotes around the value and without a comment behind it.
fn pair(line: &str) -> (String, String) {
    let (key, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.split(" # ").next().unwrap_or_default().trim();
    let quoted = |mark: char| value.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark));
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    (key.trim().to_owned(), value.to_owned())
}
