//! Three workspaces that share a store: the second differs from the first, the third does not. Each of them is built
//! after each other, and held against a build of its own, from nothing and without a store, in the same place.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rekindle_testkit::{Action, Built, Space, Tree};

use crate::row::Row;

/// A build of all rows takes its time where much else runs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A workspace, and how it is built.
pub(crate) struct World {
    pub(crate) space: Space,
    pub(crate) args: Vec<String>,
    /// Where the build directory is; by default below `.rekindle`.
    pub(crate) build: PathBuf,
}

/// What came out of a build.
struct Outcome {
    built: Built,
    tree: Tree,
    printed: BTreeSet<(String, String)>,
}

impl World {
    pub(crate) fn new(space: Space) -> Self {
        let build = space.build_dir();
        Self { space, args: Vec::new(), build }
    }

    fn build(&self) -> Outcome {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let run = self.space.run(&["build", "--format", "json", "-v"]).args(&args);
        let built = run.within(PATIENCE).done();
        let tree = Tree::of_outputs(&self.build);
        let printed = printed(&built);
        Outcome { built, tree, printed }
    }

    fn forget(&self) {
        let _ = std::fs::remove_dir_all(&self.build);
        self.space.remove_if_there(".rekindle");
    }

    /// What a build from nothing gives that shares nothing.
    fn clean(&mut self) -> Outcome {
        self.space.use_no_store();
        let outcome = self.build();
        self.forget();
        outcome
    }

    /// What a build from nothing gives that shares with the builds before.
    fn shared(&mut self, store: &Path) -> Outcome {
        self.space.use_store(store);
        let outcome = self.build();
        self.forget();
        outcome
    }
}

/// What the actions printed.
fn printed(built: &Built) -> BTreeSet<(String, String)> {
    let actions = built.actions();
    let told = built.events.iter().filter(|event| event["event"] == "diagnostic");
    let said = told.filter_map(|event| {
        let id = event["action"].as_u64()?;
        let action = actions.iter().find(|action| action.event["id"].as_u64() == Some(id))?;
        let message = event["message"].as_str().unwrap_or_default();
        Some((action.outputs.join(" "), message.to_string()))
    });
    said.collect()
}

/// Whether a path is one of the row called `slug`; every path is of the row without a name.
fn is_of(path: &str, slug: &str) -> bool {
    let own = |part: &str| {
        part.strip_prefix(slug).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '.']))
    };
    let mut parts = path.split(['/', ':', ' ']);
    slug.is_empty() || parts.any(|part| own(part) || part.strip_prefix("lib").is_some_and(own))
}

/// What was found wrong.
pub(crate) struct Findings {
    setup: String,
    pub(crate) list: Vec<String>,
}

impl Findings {
    pub(crate) fn new(setup: impl Into<String>) -> Self {
        Self { setup: setup.into(), list: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: &str, text: impl AsRef<str>) {
        self.list.push(format!("[{}, {row}] {}", self.setup, text.as_ref()));
    }

    /// What failed in a build.
    fn add_failures(&mut self, what: &str, built: &Built) {
        if built.code != 0 {
            let errors = built.events.iter().filter(|event| event["severity"] == "error");
            let errors: Vec<String> = errors.map(|event| event["message"].to_string()).collect();
            self.add(what, format!("exit code {}: {}", built.code, errors.join("; ")));
        }
    }

    /// Nothing was found wrong.
    ///
    /// # Panics
    /// Something was.
    #[track_caller]
    pub(crate) fn none(self) {
        assert!(self.list.is_empty(), "{} findings:\n{}", self.list.len(), self.list.join("\n"));
    }
}

/// A row and the name of its targets and directory; without a name, the row is the whole workspace.
pub(crate) type Named = (Row, String);

/// Which of a row's actions may run in a build.
type May = fn(&Row) -> &'static [&'static str];

/// The whole play.
pub(crate) struct Matrix {
    pub(crate) rows: Vec<Named>,
    pub(crate) findings: Findings,
}

impl Matrix {
    /// Plays all rows in three workspaces.
    pub(crate) fn play(&mut self, one: &mut World, other: &mut World, twin: &mut World) {
        let clean = [one.clean(), other.clean(), twin.clean()];
        for outcome in &clean {
            self.findings.add_failures("a clean build", &outcome.built);
            if outcome.built.code > 1 {
                return;
            }
        }
        self.tell_apart(&clean[0], &clean[1]);
        let [clean_one, clean_other, clean_twin] = &clean;
        let all: May = |_| &[""];
        let differing: May = |row| row.runs;
        let elsewhere: May = |row| row.runs_elsewhere;
        let again: May = |row| row.runs_always;
        let stores = [one.space.base().join("store 1"), one.space.base().join("store 2")];
        self.hold("the first", &one.shared(&stores[0]), clean_one, all);
        self.hold("the other after it", &other.shared(&stores[0]), clean_other, differing);
        self.hold("its twin after both", &twin.shared(&stores[0]), clean_twin, elsewhere);
        self.hold("the first again", &one.shared(&stores[0]), clean_one, again);
        self.hold("the other first", &other.shared(&stores[1]), clean_other, all);
        self.hold("the first after the other", &one.shared(&stores[1]), clean_one, differing);
        self.hold("the other again", &other.shared(&stores[1]), clean_other, again);
    }

    /// A difference that makes no difference shows nothing.
    fn tell_apart(&mut self, one: &Outcome, other: &Outcome) {
        for (row, slug) in &self.rows {
            let alike = difference(row, slug, one, other).is_empty();
            if row.differs() && !row.runs.is_empty() && alike != row.alike {
                let text =
                    if alike { "the clean builds are alike" } else { "the clean builds are not alike" };
                self.findings.add(row.name, text);
            }
        }
    }

    fn hold(&mut self, what: &str, got: &Outcome, clean: &Outcome, may_run: May) {
        self.findings.add_failures(what, &got.built);
        if got.built.code > 1 {
            return;
        }
        let actions = got.built.actions();
        let mut nothing_runs = true;
        for (row, slug) in &self.rows {
            let difference = difference(row, slug, got, clean);
            if !difference.is_empty() {
                self.findings.add(row.name, format!("WRONG: {what} is unlike a clean build:\n{difference}"));
            }
            let may = may_run(row);
            nothing_runs &= may.is_empty();
            let own = |action: &&Action| action.outputs.iter().any(|path| is_of(path, slug));
            let mut count = 0;
            for action in actions.iter().filter(own) {
                count += 1;
                let runs = may.iter().any(|text| text.is_empty() || action.is(text));
                let expected = if runs { "ran" } else { "restored" };
                if action.outcome != expected {
                    self.findings.add(row.name, told(what, action, expected));
                }
            }
            let unmet = may.iter().filter(|text| {
                !text.is_empty() && !row.lacking && !actions.iter().filter(own).any(|action| action.is(text))
            });
            let unmet: Vec<_> = unmet.collect();
            if count == 0 || !unmet.is_empty() {
                self.findings.add(row.name, format!("no action {unmet:?}"));
            }
        }
        let processes = got.built.summary().processes();
        if nothing_runs && processes > 0 {
            self.findings.add(what, format!("{processes} processes, and nothing was to run"));
        }
    }
}

fn told(what: &str, action: &Action, expected: &str) -> String {
    let event = &action.event;
    let mut text = format!("{what}: {} `{}` {}", action.kind, event["name"], action.outcome);
    let _ = write!(text, ", not {expected}");
    for key in ["bound", "local", "unprovable", "unrecorded", "volatile"] {
        if !event[key].is_null() {
            let _ = write!(text, "; {key}: {}", event[key]);
        }
    }
    if expected == "ran" { format!("WRONG: {text}") } else { text }
}

/// What is unlike in what a row made and said.
fn difference(row: &Row, slug: &str, one: &Outcome, other: &Outcome) -> String {
    let own = |path: &Path| {
        is_of(&path.to_string_lossy(), slug)
            && row.but.is_none_or(|ending| path.extension().is_none_or(|own| own != ending))
    };
    let [mut a, mut b] = [one.tree.clone(), other.tree.clone()];
    a.retain(own);
    b.retain(own);
    let mut text = a.difference(&b);
    let said = |outcome: &Outcome| -> Vec<(String, String)> {
        outcome.printed.iter().filter(|(action, _)| is_of(action, slug)).cloned().collect()
    };
    let (a, b) = (said(one), said(other));
    if a != b {
        let lines = |said: &[(String, String)]| -> Vec<String> {
            said.iter().flat_map(|(_, text)| text.lines().map(str::to_string)).collect()
        };
        let (a, b) = (lines(&a), lines(&b));
        let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
        let _ = writeln!(text, "  printed, line {at}: {:?} and {:?}", a.get(at), b.get(at));
    }
    text
}
