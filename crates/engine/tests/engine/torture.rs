//! Random graphs, random changes, and a pure model that says what every file must hold and which commands may run.

use std::collections::BTreeMap;
use std::fs;

use crate::space::{Space, Step};
use rekindle_engine::event::Outcome;

/// xorshift64*, so that a failing seed can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }
}

const SOURCES: usize = 6;
const ACTIONS: usize = 14;

/// How an action makes its output of its inputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    /// All inputs, one after the other, and a flag.
    Join(usize),
    /// The first character of the first input: many changes stop here.
    Head,
}

struct Node {
    rule: Rule,
    /// Numbers of sources (below `SOURCES`) and of earlier actions.
    inputs: Vec<usize>,
}

struct Model {
    nodes: Vec<Node>,
    sources: Vec<usize>,
    /// What each action last ran on: rule and contents of its inputs.
    last: BTreeMap<usize, String>,
    /// Outputs that somebody changed behind our back.
    spoilt: Vec<usize>,
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

impl Model {
    fn new(random: &mut Random) -> Self {
        let nodes = (0..ACTIONS).map(|at| Self::node(random, at)).collect();
        Self { nodes, sources: vec![0; SOURCES], last: BTreeMap::new(), spoilt: Vec::new() }
    }

    fn node(random: &mut Random, at: usize) -> Node {
        let mut inputs: Vec<usize> = (0..=random.below(3)).map(|_| random.below(SOURCES + at)).collect();
        inputs.sort_unstable();
        inputs.dedup();
        Node { rule: if random.below(3) == 0 { Rule::Head } else { Rule::Join(random.below(2)) }, inputs }
    }

    fn source_text(&self, at: usize) -> String {
        // The first character seldom changes, the rest often does.
        format!("{}{}{at}\n", self.sources[at] / 2, self.sources[at])
    }

    fn contents(&self) -> Vec<String> {
        let mut contents: Vec<String> = (0..SOURCES).map(|at| self.source_text(at)).collect();
        for node in &self.nodes {
            let made = match node.rule {
                Rule::Join(flag) => {
                    let all: String = node.inputs.iter().map(|input| contents[*input].as_str()).collect();
                    format!("{all}{flag}\n")
                }
                Rule::Head => contents[node.inputs[0]].chars().take(1).collect(),
            };
            contents.push(made);
        }
        contents
    }

    fn steps(&self) -> Vec<Step> {
        let place = |input: &usize| match input.checked_sub(SOURCES) {
            None => (format!("s{input}"), format!("s{input}")),
            Some(action) => (format!("build:o{action}"), format!("out/o{action}")),
        };
        let step = |(at, node): (usize, &Node)| {
            let paths: Vec<String> = node.inputs.iter().map(|input| place(input).1).collect();
            let script = match node.rule {
                Rule::Join(flag) => format!("{{ cat {}; echo {flag}; }} > out/o{at}", paths.join(" ")),
                Rule::Head => format!("head -c 1 {} > out/o{at}", paths[0]),
            };
            Step {
                script,
                inputs: node.inputs.iter().map(|input| leak(place(input).0)).collect(),
                outputs: vec![leak(format!("o{at}"))],
                ..Step::default()
            }
        };
        self.nodes.iter().enumerate().map(step).collect()
    }

    /// The actions whose command may run now: never ran on this, or their output was spoilt.
    fn may_run(&self) -> Vec<bool> {
        let contents = self.contents();
        let ran_on = |at: usize| self.ran_on(at, &contents);
        (0..self.nodes.len())
            .map(|at| self.last.get(&at) != Some(&ran_on(at)) || self.spoilt.contains(&at))
            .collect()
    }

    fn ran_on(&self, at: usize, contents: &[String]) -> String {
        let node = &self.nodes[at];
        let inputs: Vec<&String> = node.inputs.iter().map(|input| &contents[*input]).collect();
        format!("{:?} {:?} {inputs:?}", node.rule, node.inputs)
    }

    fn change(&mut self, random: &mut Random, space: &Space) {
        match random.below(8) {
            0..=3 => {
                let at = random.below(SOURCES);
                self.sources[at] = random.below(5);
            }
            4 => {
                let at = random.below(ACTIONS);
                self.nodes[at].rule = Rule::Join(random.below(2));
            }
            5 => {
                let at = random.below(ACTIONS);
                self.nodes[at] = Self::node(random, at);
            }
            6 => self.spoil(random.below(ACTIONS), space, |path| fs::write(path, "junk").unwrap()),
            _ => self.spoil(random.below(ACTIONS), space, |path| fs::remove_file(path).unwrap()),
        }
    }

    fn spoil(&mut self, at: usize, space: &Space, how: impl FnOnce(std::path::PathBuf)) {
        let path = space.out(&format!("o{at}"));
        if path.exists() {
            how(path);
            self.spoilt.push(at);
        }
    }
}

#[test]
fn every_file_is_what_a_clean_build_gives_and_no_command_runs_in_vain() {
    for seed in 1..=12 {
        let mut random = Random(seed * 0x9E37_79B9);
        let mut space = Space::new(Vec::new());
        let mut model = Model::new(&mut random);
        for round in 0..14 {
            for _ in 0..random.below(4) {
                model.change(&mut random, &space);
            }
            for at in 0..SOURCES {
                let text = model.source_text(at);
                space.write(&format!("s{at}"), &text);
            }
            space.steps = model.steps();
            let may_run = model.may_run();
            let done = space.build();
            let contents = model.contents();
            for at in 0..ACTIONS {
                let made = space.read(&format!("out/o{at}"));
                assert_eq!(made, contents[SOURCES + at], "seed {seed}, round {round}, output {at}");
                model.last.insert(at, model.ran_on(at, &contents));
            }
            for report in done.reports.iter().filter(|report| report.outcome == Outcome::Ran) {
                let at: usize = report.name[1..].parse().unwrap();
                assert!(
                    may_run[at],
                    "seed {seed}, round {round}: {} ran in vain: {:?}",
                    report.name, report.reasons
                );
            }
            model.spoilt.clear();
        }
    }
}
