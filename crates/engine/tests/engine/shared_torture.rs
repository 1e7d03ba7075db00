//! Two workspaces that share a store, random changes in both, and a pure model that says what every file must hold and
//! which commands may run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use crate::space::{Space, Step, step};
use rekindle_engine::event::Outcome;
use rekindle_store::Store;
use rekindle_store::memory::Memory;

/// xorshift64*, so that a failing seed can be run again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }
}

const NAMES: [&str; 3] = ["n0", "n1", "n2"];
const SOURCES: [&str; 3] = ["s0", "s1", "s2"];
const OUTPUTS: [&str; 3] = ["o0", "o1", "o2"];
const DEPFILES: [&str; 3] = ["tmp/o0.d", "tmp/o1.d", "tmp/o2.d"];
/// Where names are searched; in the last one they all are.
const DIRS: [&str; 3] = ["d0", "build:gen", "base"];

/// One workspace: what lies in it, by name, and how its commands go.
struct Model {
    files: BTreeMap<String, String>,
    /// Whether each of the commands searches the generated files first.
    generated_first: [bool; 3],
    /// Whether `build:gen/n1` is made, of the file `text`.
    generates: bool,
}

impl Model {
    fn new() -> Self {
        let mut files = BTreeMap::new();
        for (at, name) in NAMES.iter().enumerate() {
            files.insert(format!("base/{name}"), "0".to_string());
            files.insert(SOURCES[at].to_string(), "n0 n1".to_string());
        }
        files.insert("text".into(), "g".into());
        Self { files, generated_first: [false; 3], generates: false }
    }

    fn dirs(&self, at: usize) -> [&'static str; 3] {
        let [first, generated, last] = DIRS;
        if self.generated_first[at] { [generated, first, last] } else { [first, generated, last] }
    }

    /// What a command reads for each name in its source, and where.
    fn reads(&self, at: usize) -> Vec<(String, String)> {
        let read = |name: &str| {
            let mut places = self.dirs(at).into_iter().map(|dir| format!("{dir}/{name}"));
            places.find_map(|place| {
                let made = (self.generates && place == "build:gen/n1").then(|| self.files["text"].clone());
                Some((place.clone(), made.or_else(|| self.files.get(&place).cloned())?))
            })
        };
        self.files[SOURCES[at]].split_whitespace().filter_map(read).collect()
    }

    fn output(&self, at: usize) -> String {
        self.reads(at).into_iter().map(|(_, text)| text).collect()
    }

    fn steps(&self) -> Vec<Step> {
        let compile = |at: usize| {
            let dirs = self.dirs(at).join(" ").replace("build:", "out/");
            let (source, output) = (SOURCES[at], OUTPUTS[at]);
            let script = format!(
                "deps={source}; for n in $(cat {source}); do for d in {dirs}; do if [ -f $d/$n ]; then \
                 cat $d/$n; deps=\"$deps $d/$n\"; break; fi; done; done > out/{output}; \
                 echo out/{output}: $deps > out/{}",
                DEPFILES[at]
            );
            Step {
                depfile: Some(DEPFILES[at]),
                search: self.dirs(at).to_vec(),
                order_only: if self.generates { vec!["build:gen/n1"] } else { vec![] },
                ..step(&script, &[source], &[output])
            }
        };
        let mut steps: Vec<Step> = (0..OUTPUTS.len()).map(compile).collect();
        if self.generates {
            steps.push(step("cat text > out/gen/n1", &["text"], &["gen/n1"]));
        }
        steps.push(step(
            "cat out/o0 out/o1 out/o2 > out/all",
            &["build:o0", "build:o1", "build:o2"],
            &["all"],
        ));
        steps
    }

    fn change(&mut self, random: &mut Random) {
        let name = NAMES[random.below(NAMES.len())];
        let value = random.below(2).to_string();
        match random.below(8) {
            0 | 1 => drop(self.files.insert(format!("base/{name}"), value)),
            2 => drop(self.files.insert(format!("d0/{name}"), value)),
            3 => drop(self.files.remove(&format!("d0/{name}"))),
            4 => {
                let text = ["n0 n1", "n1 n2", "n2", ""][random.below(4)];
                self.files.insert(SOURCES[random.below(3)].into(), text.into());
            }
            5 => drop(self.files.insert("text".into(), format!("g{value}"))),
            6 => self.generates = !self.generates,
            _ => self.generated_first[random.below(3)] ^= true,
        }
    }

    fn write(&self, space: &mut Space) {
        for name in NAMES {
            let place = format!("d0/{name}");
            if !self.files.contains_key(&place) {
                let _ = fs::remove_file(space.root().join(place));
            }
        }
        for (name, text) in &self.files {
            if fs::read_to_string(space.root().join(name)).ok().as_ref() != Some(text) {
                space.write(name, text);
            }
        }
        space.steps = self.steps();
    }

    /// Everything that the result of a command depends on.
    fn ran_on(&self, name: &str, steps: &[Step]) -> String {
        let script = &steps.iter().find(|step| step.outputs[0] == name).unwrap().script;
        let read = match OUTPUTS.iter().position(|output| *output == name) {
            Some(at) => format!("{:?} {:?}", self.files[SOURCES[at]], self.reads(at)),
            None if name == "all" => format!("{:?}", [0, 1, 2].map(|at| self.output(at))),
            None => self.files["text"].clone(),
        };
        format!("{script} {read}")
    }
}

#[test]
fn every_file_is_what_a_clean_build_gives_and_nothing_is_made_twice_in_two_workspaces() {
    let (mut ran_at_all, mut restored_at_all) = (0, 0);
    for seed in 1..=6 {
        let mut random = Random(seed * 0x9E37_79B9);
        let store: Arc<dyn Store> = Arc::new(Memory::default());
        let mut both = [0, 1].map(|_| {
            let mut space = Space::new(Vec::new());
            space.store = Some(Arc::clone(&store));
            (space, Model::new())
        });
        let mut known: BTreeSet<String> = BTreeSet::new();
        for round in 0..20 {
            let (space, model) = &mut both[random.below(2)];
            for _ in 0..random.below(4) {
                model.change(&mut random);
            }
            if random.below(6) == 0 {
                let _ = fs::remove_dir_all(space.root().join("out"));
            }
            if random.below(4) == 0 && space.out("o1").exists() {
                fs::write(space.out("o1"), "junk").unwrap();
            }
            model.write(space);
            let done = space.build();
            let at = format!("seed {seed}, round {round}");
            let outputs = [0, 1, 2].map(|at| model.output(at));
            for (name, expected) in OUTPUTS.iter().zip(&outputs) {
                assert_eq!(space.read(&format!("out/{name}")), *expected, "{at}: {name}");
            }
            assert_eq!(space.read("out/all"), outputs.concat(), "{at}");
            for report in &done.reports {
                let on = model.ran_on(&report.name, &space.steps);
                match report.outcome {
                    Outcome::Ran => {
                        let why = &report.remarks.unrecorded;
                        assert!(why.is_none(), "{at}: {} was not recorded: {why:?}", report.name);
                        assert!(known.insert(on), "{at}: {} ran in vain: {:?}", report.name, report.reasons);
                        ran_at_all += 1;
                    }
                    Outcome::Restored => restored_at_all += 1,
                    _ => {}
                }
            }
        }
    }
    assert!(ran_at_all > 60 && restored_at_all > 60, "{ran_at_all} {restored_at_all}");
}
