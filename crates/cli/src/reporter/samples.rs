//! Made-up events for the tests of the reporters.

use std::time::Duration;

use rekindle_engine::event::{
    BuildOutcome, Counts, Event, Left, Outcome, Progress, Remarks, Report, StoreUse, Summary,
};
use rekindle_engine::lock::Waiting;
use rekindle_exec::Exit;
use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::files::Cost;
use rekindle_fingerprint::reason::StaleReason;
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_scheduler::graph::ActionId;

use super::{Closing, Reporter, TestCounts};
use crate::failure::{Failure, Kind};
use crate::testing::TestReport;

fn report(id: u32, name: &str, outcome: Outcome) -> Report {
    Report {
        id: ActionId(id),
        kind: ActionKind::Compile,
        name: name.into(),
        outputs: vec![format!("build:obj/{name}.o")],
        outcome,
        reasons: Vec::new(),
        ms: 120,
        printed: Vec::new(),
        command: format!("/usr/bin/cc -c {name}"),
        failure: None,
        remarks: Remarks::default(),
        archive: None,
    }
}

fn finished(report: Report) -> Event {
    Event::ActionFinished(Box::new(report))
}

pub(crate) fn started(id: u32, name: &str) -> Event {
    Event::ActionStarted {
        id: ActionId(id),
        kind: ActionKind::Compile,
        name: name.into(),
        reasons: vec![StaleReason::NeverBuilt],
        command: format!("/usr/bin/cc -c {name}"),
        expected_ms: 200,
        way_ms: 200,
    }
}

/// A command starts that should take so long, with so long a way to the end.
pub(super) fn expected(id: u32, expected_ms: u64, way_ms: u64) -> Event {
    Event::ActionStarted {
        id: ActionId(id),
        kind: ActionKind::Compile,
        name: format!("src/{id}.c"),
        reasons: Vec::new(),
        command: String::new(),
        expected_ms,
        way_ms,
    }
}

/// So much is left.
pub(super) fn left(work_ms: u64, way_ms: u64) -> Event {
    Event::Progress(Progress { done: 0, total: 12, running: 1, left: Some(Left { work_ms, way_ms }) })
}

pub(crate) fn ran(id: u32, name: &str) -> Event {
    let mut report = report(id, name, Outcome::Ran);
    report.reasons = vec![StaleReason::InputChanged { path: "src/a.h".into() }];
    finished(report)
}

/// Put back, with nothing to say.
pub(crate) fn restored(id: u32, name: &str) -> Event {
    let mut report = report(id, name, Outcome::Restored);
    report.reasons = vec![StaleReason::NeverBuilt];
    finished(Report { ms: 0, ..report })
}

pub(crate) fn fresh() -> Event {
    finished(Report { ms: 0, ..report(1, "src/quiet.c", Outcome::Fresh) })
}

/// Fresh, and bound to its place.
pub(super) fn bound() -> Event {
    let mut report = report(6, "src/where.c", Outcome::Fresh);
    report.remarks.bound = Some("`__FILE__` in `src/where.c`".into());
    finished(Report { ms: 0, ..report })
}

pub(crate) fn warned() -> Event {
    let mut report = report(2, "src/old.c", Outcome::Fresh);
    report.printed = b"src/old.c:1: \x1b[1;35mwarning:\x1b[m dusty\n".to_vec();
    finished(Report { ms: 0, ..report })
}

pub(crate) fn failed() -> Event {
    let mut report = report(4, "src/b.c", Outcome::Failed);
    report.printed = b"src/b.c:1: \x1b[1;31merror:\x1b[m no".to_vec();
    report.failure = Some("exit code 1".into());
    report.reasons = vec![StaleReason::NeverBuilt];
    finished(report)
}

pub(super) fn waiting() -> Event {
    Event::Waiting(Waiting::ForBuild { holder: "process 41, rekindle test".into() })
}

pub(super) fn progress(done: usize, work_ms: u64) -> Event {
    let left = Some(Left { work_ms, way_ms: 0 });
    Event::Progress(Progress { done, total: 12, running: 1, left })
}

/// A build in which something of everything happens.
pub(super) fn play(reporter: &mut impl Reporter) {
    let at = Duration::ZERO;
    let mut moved = report(5, "src/c.c", Outcome::Ran);
    moved.remarks.unrecorded = Some("`src/c.h` changed while it ran".into());
    moved.remarks.local = Some("the flag `-fmystery`".into());
    moved.remarks.volatile = Some("`__DATE__` in `src/c.c`".into());
    reporter.event(&waiting(), at);
    reporter.event(&Event::Started { total: 12 }, at);
    reporter.event(&Event::Notice("the flag `-fmystery` is not known".into()), at);
    reporter.event(&fresh(), at);
    reporter.event(&warned(), at);
    reporter.event(&started(3, "src/a.c"), at);
    reporter.event(&progress(4, 300), at);
    reporter.event(&ran(3, "src/a.c"), at);
    reporter.event(&failed(), at);
    reporter.event(&finished(moved), at);
    let (_, closing) = closings().swap_remove(3);
    reporter.finish(&closing);
}

pub(super) fn tests() -> Vec<TestReport> {
    let test = |name: &str, exit, output: &str| TestReport {
        name: name.into(),
        exit,
        output: output.into(),
        wall: Duration::from_millis(120),
    };
    vec![
        test("good", Ok(Exit::Code(0)), "fine\n"),
        test("bad", Ok(Exit::Code(3)), "expected 1,\nfound 2"),
        test("slow", Ok(Exit::TimedOut), ""),
        test("dead", Ok(Exit::Signal(11)), "\x1b[31mouch\x1b[m\n"),
        test("gone", Err("cannot run `/w/gone`: there is no such file".into()), ""),
    ]
}

/// Results came from the store, and some are bound.
fn from_store() -> Summary {
    let faults = [("`-DHERE=<ws>`", 2), ("`__FILE__` in `src/a.c`", 1), ("`b.cfg`", 7), ("`c.cfg`", 4)];
    Summary {
        total: 16,
        actions: Counts { restored: 15, ran: 1, ..Counts::default() },
        bound: 14,
        bound_by: faults.map(|(by, count)| (by.to_string(), count)).into(),
        store: Some(StoreUse {
            place: Some("/home/me/.cache/rekindle".into()),
            hits: 15,
            misses: 1,
            stored: 1,
            bytes_read: 40960,
            bytes_written: 512,
            failed: false,
        }),
        ..Summary::default()
    }
}

/// Ways in which a build ends, with a name each.
pub(crate) fn closings() -> Vec<(&'static str, Closing)> {
    let ok = Summary {
        total: 116,
        actions: Counts { fresh: 115, ran: 1, ..Counts::default() },
        kinds: [
            Counts { fresh: 115, ran: 1, ..Counts::default() },
            Counts::default(),
            Counts::default(),
            Counts::default(),
            Counts::default(),
        ],
        processes_spawned: 4,
        files: Cost { signed: 1700, hashed: 1, hashed_bytes: 5120 },
        volatile: 1,
        ..Summary::default()
    };
    let nothing = Summary {
        actions: Counts { fresh: 116, ..Counts::default() },
        kinds: Default::default(),
        ..ok.clone()
    };
    let bad = Summary {
        outcome: BuildOutcome::Failed,
        total: 12,
        actions: Counts { fresh: 2, ran: 2, failed: 1, skipped: 7, ..Counts::default() },
        ..ok.clone()
    };
    let stopped = Summary { outcome: BuildOutcome::Interrupted, ..bad.clone() };
    let plan =
        Summary { actions: Counts { fresh: 114, would_run: 2, ..Counts::default() }, ..nothing.clone() };
    let wall = Duration::from_millis(1_240);
    let closing =
        |summary: Summary, code| Closing { summary, failure: None, tests: None, wall, code, quiet: false };
    let tests = |passed, failed: &[&str]| {
        Some(TestCounts { passed, failed: failed.iter().map(|name| (*name).to_string()).collect() })
    };
    let error = |failure: Failure| Closing {
        code: failure.code(),
        failure: Some(failure),
        wall,
        ..Closing::default()
    };
    vec![
        ("one ran", closing(ok.clone(), 0)),
        ("nothing to do", closing(nothing.clone(), 0)),
        ("dry run", closing(plan, 0)),
        ("failed", closing(bad, 1)),
        ("interrupted", closing(stopped, 130)),
        ("tests passed", Closing { tests: tests(3, &[]), ..closing(nothing.clone(), 0) }),
        ("tests failed", Closing { tests: tests(3, &["bad", "slow"]), ..closing(ok, 1) }),
        (
            "no such target",
            error(
                Diagnostic::request("ap", "the manifest has no such target")
                    .hint("did you mean `app`?")
                    .into(),
            ),
        ),
        ("trouble", error(Failure::new(Kind::Trouble, "cannot write the journal").hint("buy a disk"))),
        ("interrupted early", error(Failure::new(Kind::Interrupted, "interrupted"))),
        ("restored", closing(from_store(), 0)),
    ]
}
