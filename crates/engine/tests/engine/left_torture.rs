//! Twins to which the same happens at random: one has all its files, the other leaves in a store what nobody reads, and
//! that store may lose things. What is asked for is the same, and what nothing was lost of is made as often.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rekindle_engine::event::{BuildOutcome, Outcome};
use rekindle_engine::request::Materialize;
use rekindle_exec::Live;
use rekindle_fingerprint::action::ActionKind;
use rekindle_store::Store;

use crate::left::Forgetful;
use crate::shared_torture::Random;
use crate::space::{Done, Space, Step, step};

const SOURCES: [&str; 6] = ["s0", "s1", "s2", "s3", "s4", "tool.c"];

/// What may be asked for, and what has to be there then besides.
const PRODUCTS: [(&str, &[&str]); 7] = [
    ("app", &["x.so", "x.so.1", "y.so"]),
    ("app.sh", &["app", "x.so", "y.so"]),
    ("y.so", &["x.so", "x.so.1"]),
    ("report", &[]),
    ("l.a", &[]),
    ("o0", &[]),
    ("found", &[]),
];

/// What is written on the way, and may be deleted, overwritten or lost.
const MADE: [&str; 14] = [
    "o0", "o1", "o2", "o2.notes", "o3", "o4", "tool.o", "tool", "g.h", "l.a", "x.so", "y.so", "app", "found",
];

fn of_kind(kind: ActionKind, step: Step) -> Step {
    Step { kind: Some(kind), ..step }
}

/// A source in which the word `bad` stands cannot be compiled; a line that starts with `#` is a comment.
fn compile(source: &'static str, output: &'static str) -> Step {
    let script = format!("! grep bad {source} && grep -v '^#' {source} > out/{output}");
    of_kind(ActionKind::Compile, step(&script, &[source], &[output]))
}

fn link(script: &str, inputs: &[&'static str], output: &'static str) -> Step {
    of_kind(ActionKind::Link, step(script, inputs, &[output]))
}

/// Objects, an archive, shared libraries of which one loads the other, a program of all; a tool and what it makes; commands
/// that run the program and that write a script that does; a link that finds what it reads.
fn project() -> Vec<Step> {
    let mut first = compile("s0", "o0");
    first.script = "! grep bad s0 && cat out/g.h > out/o0 && grep -v '^#' s0 >> out/o0".into();
    first.inputs.push("build:g.h");
    let mut third = compile("s2", "o2");
    third.script += " && echo notes > out/o2.notes";
    third.outputs.push("o2.notes");
    let object_of_which_little_is_known = Step {
        scanned: true,
        depfile: Some("tmp/o4.d"),
        ..of_kind(
            ActionKind::Compile,
            step(
                "! grep bad s4 && grep -v '^#' s4 > out/o4 && echo out/o4: s4 > out/tmp/o4.d",
                &["s4"],
                &["o4"],
            ),
        )
    };
    let searching = Step {
        order_only: vec!["build:l.a"],
        search: vec!["build:"],
        depfile: Some("tmp/found.d"),
        ..link(
            "cat out/o3 out/l.a > out/found && echo out/found: out/o3 out/l.a > out/tmp/found.d",
            &["build:o3"],
            "found",
        )
    };
    vec![
        compile("tool.c", "tool.o"),
        link("cp out/tool.o out/tool", &["build:tool.o"], "tool"),
        step("cat out/tool > out/g.h", &["build:tool"], &["g.h"]),
        first,
        compile("s1", "o1"),
        third,
        compile("s3", "o3"),
        object_of_which_little_is_known,
        of_kind(
            ActionKind::Archive,
            step("cat out/o1 out/o2 > out/l.a", &["build:o1", "build:o2"], &["l.a"]),
        ),
        Step { links: vec![("x.so.1", "x.so")], ..link("cp out/o3 out/x.so", &["build:o3"], "x.so") },
        link("cat out/o1 out/x.so > out/y.so", &["build:o1", "build:x.so"], "y.so"),
        link(
            "cat out/o0 out/o4 out/l.a out/x.so out/y.so > out/app",
            &["build:o0", "build:o4", "build:l.a", "build:x.so", "build:y.so"],
            "app",
        ),
        step("echo 'cat out/app out/x.so.1 out/y.so' > out/app.sh", &["build:app"], &["app.sh"]),
        // It runs the program, which loads libraries.
        step("cat out/app out/x.so.1 out/y.so > out/report", &["build:app"], &["report"]),
        searching,
    ]
}

/// What both twins are given to build next.
struct Round {
    wanted: Vec<&'static str>,
    jobs: usize,
}

struct Twin {
    space: Space,
    store: Arc<Forgetful>,
}

impl Twin {
    fn new(materialize: Materialize) -> Self {
        let store = Arc::new(Forgetful::default());
        let mut space = Space::new(project());
        space.store = Some(Arc::clone(&store) as Arc<dyn Store>);
        space.materialize = materialize;
        // So that both make the same whatever fails.
        space.failures = None;
        for source in SOURCES {
            space.write(source, "1\n");
        }
        Self { space, store }
    }

    fn build(&mut self, round: &Round, live: &Live) -> Done {
        self.space.jobs = round.jobs;
        self.space.try_build_of(&round.wanted, live).unwrap()
    }

    /// Every source can be compiled again.
    fn mend(&mut self) {
        for source in SOURCES {
            if !matches!(self.space.read(source).trim(), "1" | "2" | "3") {
                self.space.write(source, "1\n");
            }
        }
    }

    fn lies(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.space.out(name)).ok()
    }
}

/// How often each action ran or failed.
fn ran(done: &Done) -> BTreeMap<&str, usize> {
    let mut ran = BTreeMap::new();
    let is = |outcome| matches!(outcome, Outcome::Ran | Outcome::Failed);
    for report in done.reports.iter().filter(|report| is(report.outcome)) {
        *ran.entry(report.name.as_str()).or_default() += 1;
    }
    ran
}

/// One of the things that happen to both.
fn happen(random: &mut Random, twins: &mut [Twin; 2]) {
    let source = SOURCES[random.below(SOURCES.len())];
    let made = MADE[random.below(MADE.len())];
    match random.below(11) {
        0..=5 => {
            let text = [
                "1\n",
                "2\n",
                "# a comment\n1\n",
                "3\n",
                "bad\n",
                "asm(\".incbin \" NAME);\n",
                "# another\n2\n",
                "",
            ][random.below(8)];
            twins.iter_mut().for_each(|twin| twin.space.write(source, text));
        }
        6 | 7 => twins.iter().for_each(|twin| drop(fs::remove_dir_all(twin.space.root().join("out")))),
        8 => twins.iter().for_each(|twin| drop(fs::remove_file(twin.space.out(made)))),
        9 => {
            for twin in twins.iter().filter(|twin| twin.space.out("").is_dir()) {
                fs::write(twin.space.out(made), "junk").unwrap();
            }
        }
        _ => twins.iter().for_each(|twin| {
            drop(fs::remove_file(twin.space.out(made)));
            let _ = std::os::unix::fs::symlink("nowhere", twin.space.out(made));
        }),
    }
}

/// What happens to the one that leaves things in its store, and to that.
fn lose(random: &mut Random, twin: &mut Twin, other: &Twin) {
    for _ in 0..random.below(4) {
        let made = MADE[random.below(MADE.len())];
        if let Some(text) = other.lies(made) {
            twin.store.lose(&String::from_utf8_lossy(&text));
        }
    }
    twin.space.store = Some(Arc::clone(&twin.store) as Arc<dyn Store>).filter(|_| random.below(8) != 0);
    if random.below(3) == 0 {
        let _ = fs::remove_dir_all(twin.space.root().join("out"));
    }
    if random.below(8) == 0 {
        // A build that is interrupted somewhere.
        let live = Live::new().unwrap();
        let (other, after) = (live.clone(), Duration::from_millis(random.below(60) as u64));
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(after);
            other.terminate(Duration::from_millis(50));
        });
        let _ = twin.space.try_build_of(&[], &live);
        stopper.join().unwrap();
    }
}

/// Gives how many builds succeeded in which something was left, and how many actions ran that did not with all files.
fn torture(seed: u64, rounds: usize, loses: bool) -> [usize; 2] {
    let mut seen = [0; 2];
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut twins = [Twin::new(Materialize::All), Twin::new(Materialize::Outputs)];
    for at in 0..rounds {
        let at = format!("seed {seed}, loses {loses}, round {at}");
        if random.below(2) == 0 {
            twins.iter_mut().for_each(Twin::mend);
        }
        for _ in 0..random.below(4) {
            happen(&mut random, &mut twins);
        }
        let [full, lean] = &mut twins;
        if loses {
            lose(&mut random, lean, full);
        }
        use Materialize::{All, Auto, Outputs};
        lean.space.materialize = [Outputs, Auto, Outputs, Auto, Outputs, All][random.below(6)];
        let mut wanted: Vec<&str> =
            PRODUCTS.iter().map(|(name, _)| *name).filter(|_| random.below(3) == 0).collect();
        if wanted.is_empty() {
            wanted.push(PRODUCTS[random.below(PRODUCTS.len())].0);
        }
        let round = Round { wanted, jobs: 1 + random.below(3) };
        let expected = full.build(&round, &Live::new().unwrap());
        let done = lean.build(&round, &Live::new().unwrap());
        let story = || format!("{at}: {:?}: {:?}\n{:?}", round.wanted, expected.told(), done.told());
        assert_eq!(done.summary.outcome, expected.summary.outcome, "{}", story());
        let counts = done.summary.actions;
        let sum = counts.fresh + counts.restored + counts.ran + counts.failed + counts.skipped;
        assert_eq!(
            (done.summary.total, sum),
            (expected.summary.total, expected.summary.total),
            "{}",
            story()
        );
        assert_eq!(counts.failed, expected.summary.actions.failed, "{}", story());
        if loses {
            assert!(ran(&done).values().all(|times| *times == 1), "{}", story());
        } else {
            assert_eq!(ran(&done), ran(&expected), "{}", story());
        }
        seen[1] += ran(&done).keys().filter(|name| !ran(&expected).contains_key(*name)).count();
        if expected.summary.outcome != BuildOutcome::Ok {
            continue;
        }
        seen[0] += usize::from(done.summary.left > 0);
        for (name, beside) in PRODUCTS.iter().filter(|(name, _)| round.wanted.contains(name)) {
            for name in std::iter::once(name).chain(*beside) {
                assert!(Path::new(&lean.space.out(name)).is_file(), "{name} {}", story());
                assert_eq!(lean.lies(name), full.lies(name), "{name} {}", story());
            }
        }
        if random.below(3) == 0 {
            lean.space.forbid_spawn = true;
            let again = lean.build(&round, &Live::new().unwrap());
            lean.space.forbid_spawn = false;
            let unknown = done.reports.iter().any(|report| report.remarks.unprovable.is_some());
            assert!(unknown || again.told().is_empty(), "{:?} after {}", again.told(), story());
        }
    }
    seen
}

fn seeds(many: u64, loses: bool) {
    let seen = (1..=many).map(|seed| torture(seed, 25, loses));
    let [left, more] = seen.fold([0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
    let many = usize::try_from(many).unwrap();
    assert!(left > 2 * many && (more > 5 * many) == loses, "{left} {more}");
}

#[test]
fn what_is_left_in_a_store_changes_nothing_that_is_asked_for_and_makes_nothing_run() {
    seeds(5, false);
}

#[test]
fn what_a_store_loses_changes_nothing_that_is_asked_for() {
    seeds(5, true);
}

#[test]
#[ignore = "takes minutes"]
fn many_twins() {
    seeds(60, false);
    seeds(60, true);
}
