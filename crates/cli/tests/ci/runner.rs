//! A runner of GitHub's, as far as our actions need one: it runs the steps of an action as its YAML says, with the
//! files by which steps speak to it, and keeps caches. What stands in an expression and is not known here is a panic,
//! so that a step that reads what no step before it writes is found.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;

use rekindle_testkit::copy_tree;
use tempfile::TempDir;

use crate::action::{Action, Step};

/// The workspace of this project, whose actions are played.
pub(crate) const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

type Values = BTreeMap<String, String>;

/// What is saved, for all runners: nothing is written twice, and what is newest is found first.
#[derive(Clone, Default)]
pub(crate) struct Caches(Rc<RefCell<Vec<Cache>>>);

struct Cache {
    key: String,
    /// GitHub finds a cache only by the text of the paths that it was saved with.
    paths: String,
    file: tempfile::NamedTempFile,
}

impl Caches {
    /// The keys of all that was saved, oldest first.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.borrow().iter().map(|cache| cache.key.clone()).collect()
    }

    /// Puts other bytes in the place of the file `rel` of the newest cache.
    pub(crate) fn damage(&self, rel: &str) {
        let caches = self.0.borrow();
        let (dir, file) = (tempfile::tempdir().unwrap(), caches.last().unwrap().file.path().to_owned());
        tar(dir.path(), &["-xf".as_ref(), file.as_os_str()]);
        let path = dir.path().join(rel);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        tar(dir.path(), &["--posix".as_ref(), "-cf".as_ref(), file.as_os_str(), rel.as_ref()]);
    }

    fn restore(&self, with: &Values, workspace: &Path) -> Values {
        let caches = self.0.borrow();
        let keys = with.get("restore-keys").map_or("", String::as_str).lines();
        let fits = |cache: &&Cache| cache.paths == with["path"];
        let exact = caches.iter().filter(fits).find(|cache| cache.key == with["key"]);
        let found = exact.or_else(|| {
            let newest =
                |key: &str| caches.iter().rev().filter(fits).find(|cache| cache.key.starts_with(key));
            keys.filter(|key| !key.is_empty()).find_map(newest)
        });
        if let Some(cache) = found {
            tar(workspace, &["-P".as_ref(), "-xf".as_ref(), cache.file.path().as_os_str()]);
        }
        let mut outputs = Values::new();
        outputs.insert("cache-primary-key".into(), with["key"].clone());
        outputs.insert("cache-hit".into(), found.is_some_and(|cache| cache.key == with["key"]).to_string());
        outputs.insert("cache-matched-key".into(), found.map(|cache| cache.key.clone()).unwrap_or_default());
        outputs
    }

    fn save(&self, with: &Values, workspace: &Path) -> Values {
        let (key, paths) = (with["key"].clone(), with["path"].clone());
        assert!(!key.contains(',') && key.len() <= 512, "{key}");
        if !self.keys().contains(&key) {
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut args = vec!["--posix".as_ref(), "-P".as_ref(), "-cf".as_ref(), file.path().as_os_str()];
            args.extend(paths.lines().map(OsStr::new));
            tar(workspace, &args);
            self.0.borrow_mut().push(Cache { key, paths, file });
        }
        Values::new()
    }
}

fn tar(dir: &Path, args: &[&OsStr]) {
    let output = Command::new("tar").arg("-C").arg(dir).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A machine on which one job runs.
pub(crate) struct Runner {
    base: TempDir,
    caches: Caches,
    /// `github.*`, `runner.*` and the like: what expressions and scripts ask of the runner.
    pub(crate) context: Values,
    /// What steps have set for the steps after them.
    env: Values,
    /// What steps have put before the `PATH`.
    pub(crate) path: Vec<String>,
    files: u32,
    /// What all steps printed.
    pub(crate) said: String,
}

impl Runner {
    /// A machine with a checkout of the project in `from`, whose files are all new. Each is the `run`-th.
    pub(crate) fn new(caches: &Caches, from: &Path, run: u32) -> Self {
        let base = tempfile::Builder::new().prefix("rekindle-runner.").tempdir().unwrap();
        copy_tree(from, &base.path().join(format!("work-{run}/p")));
        for name in ["temp", "home"] {
            fs::create_dir(base.path().join(name)).unwrap();
        }
        let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let context = [
            text("inputs.none", ""),
            text("github.event_name", "push"),
            text("github.repository", "o/p"),
            text("github.event.pull_request.head.repo.full_name", ""),
            text("job.status", "success"),
            text("toJSON(matrix)", "null"),
            text("RUNNER_OS", "Linux"),
            text("RUNNER_ARCH", "X64"),
            text("GITHUB_WORKFLOW", "w"),
            text("GITHUB_JOB", "build"),
            text("GITHUB_RUN_ID", &run.to_string()),
            text("GITHUB_RUN_ATTEMPT", "1"),
        ];
        Self {
            base,
            caches: caches.clone(),
            context: context.into(),
            env: Values::new(),
            path: Vec::new(),
            files: run * 1000,
            said: String::new(),
        }
    }

    /// Where the checkout lies.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.base.path().join(format!("work-{}/p", self.context["GITHUB_RUN_ID"]))
    }

    /// The directory that is emptied after each job.
    pub(crate) fn temp(&self) -> PathBuf {
        self.base.path().join("temp")
    }

    /// Sets what expressions or scripts ask of the runner.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }

    /// Runs an action, and answers its outputs.
    #[track_caller]
    pub(crate) fn uses(&mut self, action: &str, with: &[(&str, &str)]) -> Values {
        self.tries(action, with).unwrap_or_else(|said| panic!("{action}: {said}"))
    }

    /// The same; if a step fails, what it printed.
    pub(crate) fn tries(&mut self, action: &str, with: &[(&str, &str)]) -> Result<Values, String> {
        let dir = Path::new(PROJECT).join(".github/actions").join(action);
        let action = Action::read(&dir);
        let mut known = self.context.clone();
        known.extend(action.inputs.iter().map(|(name, value)| (format!("inputs.{name}"), value.clone())));
        for (name, value) in with {
            let old = known.insert(format!("inputs.{name}"), (*value).to_owned());
            assert!(old.is_some(), "there is no input {name}");
        }
        for step in &action.steps {
            let id = step.get("id").to_owned();
            // What a step that is left out would write is empty.
            known.insert(format!("steps.{id}.ran"), "false".into());
            if !holds(step.get("if"), &known) {
                continue;
            }
            let outputs = self.step(&dir, step, &known)?;
            known.insert(format!("steps.{id}.ran"), "true".into());
            known.extend(
                outputs.into_iter().map(|(name, value)| (format!("steps.{id}.outputs.{name}"), value)),
            );
        }
        Ok(action.outputs.iter().map(|(name, value)| (name.clone(), expand(value, &known))).collect())
    }

    fn step(&mut self, dir: &Path, step: &Step, known: &Values) -> Result<Values, String> {
        let expanded = |map: &Values| -> Values {
            map.iter().map(|(name, value)| (name.clone(), expand(value, known))).collect()
        };
        let with = expanded(&step.with);
        match step.get("uses").split('@').next().unwrap_or_default() {
            "" => {
                let run = step.get("run");
                assert!(!run.contains("${{"), "a value is pasted into a script: {run}");
                let mut env = expanded(&step.env);
                env.insert("GITHUB_ACTION_PATH".into(), dir.display().to_string());
                let (output, outputs) = self.bash(run, &env);
                if output.status.success() { Ok(outputs) } else { Err(printed(&output)) }
            }
            "actions/cache/restore" => Ok(self.caches.restore(&with, &self.workspace())),
            "actions/cache/save" => Ok(self.caches.save(&with, &self.workspace())),
            other => panic!("an action that is not played here: {other}"),
        }
    }

    /// A step of the job itself, in the workspace.
    pub(crate) fn run(&mut self, script: &str) -> Output {
        self.bash(script, &Values::new()).0
    }

    /// The same; it does not fail.
    #[track_caller]
    pub(crate) fn ok(&mut self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}: {}", printed(&output));
        printed(&output)
    }

    /// Runs a script as the runner does, with what steps before it have set; what it writes for steps after it counts
    /// from then on.
    fn bash(&mut self, script: &str, env: &Values) -> (Output, Values) {
        let file = |name: &str| self.temp().join(format!("{name}-{}", self.files));
        let (output, vars, path) = (file("output"), file("env"), file("path"));
        self.files += 1;
        for file in [&output, &vars, &path] {
            fs::write(file, "").unwrap();
        }
        let mut dirs = self.path.clone();
        dirs.push("/usr/local/bin:/usr/bin:/bin".into());
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).env_clear();
        command.current_dir(self.workspace()).env("PATH", dirs.join(":"));
        command.env("HOME", self.base.path().join("home")).env("GITHUB_WORKSPACE", self.workspace());
        command.env("RUNNER_TEMP", self.temp());
        command.env("GITHUB_OUTPUT", &output).env("GITHUB_ENV", &vars).env("GITHUB_PATH", &path);
        command.envs(self.context.iter().filter(|(name, _)| name.contains('_') && !name.contains('.')));
        let done = command.envs(&self.env).envs(env).output().unwrap();
        self.said.push_str(&printed(&done));
        self.env.extend(assignments(&fs::read_to_string(vars).unwrap()));
        self.path.extend(fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        (done, assignments(&fs::read_to_string(output).unwrap()))
    }
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What is written to `GITHUB_OUTPUT` or `GITHUB_ENV`: `name=value`, or `name<<end`, lines and `end`.
fn assignments(text: &str) -> Values {
    let (mut values, mut lines) = (Values::new(), text.lines());
    while let Some(line) = lines.next() {
        let (plain, long) = (line.find('='), line.find("<<"));
        let (name, value) = match (plain, long) {
            (at, Some(from)) if at.is_none_or(|at| from < at) => {
                let end = &line[from + 2..];
                let held: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
                (&line[..from], held.join("\n"))
            }
            (Some(at), _) => (&line[..at], line[at + 1..].to_owned()),
            _ => panic!("neither a value nor the beginning of one: {line}"),
        };
        values.insert(name.to_owned(), value);
    }
    values
}

/// A text with its expressions evaluated.
fn expand(text: &str, known: &Values) -> String {
    let mut parts = text.split("${{");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or_else(|| panic!("no end: {text}"));
        result.push_str(&value(name.trim(), known));
        result.push_str(rest);
    }
    result
}

fn value(name: &str, known: &Values) -> String {
    if let Some(value) = known.get(name) {
        return value.clone();
    }
    let step = name.strip_prefix("steps.").and_then(|rest| rest.split('.').next()).unwrap_or_default();
    let left_out = known.get(&format!("steps.{step}.ran")).is_some_and(|ran| ran == "false");
    assert!(left_out, "{name}: nothing before it gives that value");
    String::new()
}

/// Whether the condition of a step holds: comparisons with texts, with `&&` between them.
fn holds(condition: &str, known: &Values) -> bool {
    condition.split("&&").map(str::trim).filter(|part| !part.is_empty()).all(|part| {
        let (name, equal, text) = match (part.split_once(" == "), part.split_once(" != ")) {
            (Some((name, text)), None) => (name, true, text),
            (None, Some((name, text))) => (name, false, text),
            _ => panic!("a condition that is not understood: {part}"),
        };
        (value(name, known) == text.trim_matches('\'')) == equal
    })
}
