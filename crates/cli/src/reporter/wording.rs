//! The sentences of the reports. They have colours in them; a stream that takes none leaves those out.

use std::time::Duration;

use rekindle_engine::event::{ArchiveReport, BuildOutcome, Outcome, Remarks, Report, StoreUse, Summary};
use rekindle_engine::lock::Waiting;
use rekindle_exec::Exit;
use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::reason::StaleReason;
use rekindle_frontend::diagnostic::{Diagnostic, Place};

use super::{Closing, Options, TestCounts};
use crate::testing::TestReport;

/// How many names of failed actions the end repeats.
const NAMES: usize = 10;
/// How many flags and macros that bind results are named.
const FAULTS: usize = 3;

pub(super) const RED: &str = "\x1b[1;31m";
pub(super) const GREEN: &str = "\x1b[32m";
pub(super) const YELLOW: &str = "\x1b[33m";
pub(super) const DIM: &str = "\x1b[2m";
pub(super) const PLAIN: &str = "\x1b[m";

/// What an action is called: `compile src/a.c`.
pub(crate) fn title(kind: ActionKind, name: &str) -> String {
    match kind {
        ActionKind::AutoArchive => format!("build archive {name}"),
        ActionKind::Custom => format!("run {name}"),
        kind => format!("{} {name}", kind.name()),
    }
}

/// `0.04 s`, `12.3 s`, `2 min 5 s`.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0..10 => format!("{seconds:.2} s"),
        10..60 => format!("{seconds:.1} s"),
        whole @ 60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        whole => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// What has to be waited for.
pub(super) fn waiting(waiting: &Waiting) -> String {
    match waiting {
        Waiting::ForBuild { holder } if holder.is_empty() => {
            "waiting for another build in this build directory".to_string()
        }
        Waiting::ForBuild { holder } => {
            format!("waiting for another build in this build directory: {holder}")
        }
        Waiting::ForOrphans => "waiting for commands that a killed build left running".to_string(),
    }
}

/// Which archive has to wait for whom.
pub(super) fn tool_is_busy(archive: &str, holder: &str) -> String {
    let holder = if holder.is_empty() { "another build" } else { holder };
    format!("archive {archive}: waiting for {holder}, which works in the directories of its tool")
}

/// Something about the manifest that is no error, on one line.
pub(super) fn notice(notice: &Diagnostic) -> String {
    let place = match &notice.place {
        Place::Request(words) => words.clone(),
        Place::File(path, None) => path.display().to_string(),
        Place::File(path, Some(excerpt)) => {
            format!("{}:{}:{}", path.display(), excerpt.line, excerpt.column)
        }
    };
    let why = notice.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{place}: {}{why}", notice.message)
}

/// Whether an action that ended well has something to say to everybody.
pub(super) fn is_noteworthy(report: &Report) -> bool {
    report.outcome == Outcome::Failed || !report.printed.is_empty() || report.remarks.unrecorded.is_some()
}

/// Whether something keeps the result of an action from being of use everywhere.
pub(super) fn is_kept_from_others(report: &Report) -> bool {
    let Remarks { bound, bound_to_tools: _, volatile, local, unprovable, unrecorded: _ } = &report.remarks;
    [bound, volatile, local, unprovable].into_iter().any(Option::is_some)
}

/// All that is told of an action that has ended, ready to print; `counter` goes before it. Nothing if it is not
/// worth a line.
pub(super) fn finished(report: &Report, counter: &str, options: Options) -> Vec<u8> {
    let title = title(report.kind, &report.name);
    let told = is_noteworthy(report) || options.sharing && is_kept_from_others(report);
    let quiet = !options.verbose && !options.fresh && !told;
    let first = match report.outcome {
        Outcome::Fresh | Outcome::Restored if quiet => return Vec::new(),
        Outcome::Fresh if options.fresh || options.sharing => format!("{title} is fresh\n"),
        Outcome::Fresh => format!("{counter} {title} {DIM}(fresh){PLAIN}\n"),
        Outcome::Restored => format!("{counter} {title} {DIM}(restored){PLAIN}\n"),
        Outcome::Ran => format!("{counter} {title}\n"),
        Outcome::WouldRun => format!("would {title}\n"),
        Outcome::Failed => {
            let why = report.failure.as_deref().unwrap_or("it failed");
            format!("{counter} {RED}FAILED{PLAIN} {title}: {why}\n")
        }
    };
    let mut text = first.into_bytes();
    if options.explain {
        text.extend(reasons(&report.reasons).into_bytes());
    }
    if options.verbose && report.outcome != Outcome::Fresh {
        text.extend(format!("    {DIM}{}{PLAIN}\n", report.command).into_bytes());
    }
    if let Some(archive) = report.archive.as_ref().filter(|_| options.explain || options.verbose) {
        text.extend(self::archive(archive).into_bytes());
    }
    text.extend(remarks(report, options).into_bytes());
    text.extend_from_slice(&report.printed);
    if !report.printed.is_empty() && !report.printed.ends_with(b"\n") {
        text.push(b'\n');
    }
    text
}

/// A line for each reason.
fn reasons(reasons: &[StaleReason]) -> String {
    reasons.iter().map(|reason| format!("    {DIM}because{PLAIN} {reason}\n")).collect()
}

/// A line about the profile, the inputs and the waiting of an archive that another build tool makes.
fn archive(archive: &ArchiveReport) -> String {
    let mut words: Vec<String> =
        archive.profile.iter().map(|(key, value)| format!("{key} {value}")).collect();
    words.push(match archive.inputs {
        1 => "1 input".to_string(),
        inputs => format!("{inputs} inputs"),
    });
    words.push(format!("{} KB read", archive.hashed_bytes.div_ceil(1000)));
    if archive.lock_wait_ms > 0 {
        let waited = duration(Duration::from_millis(archive.lock_wait_ms));
        words.push(format!("waited {waited} for another build"));
    }
    format!("    {DIM}{}{PLAIN}\n", words.join(", "))
}

fn remarks(report: &Report, options: Options) -> String {
    let remarks = &report.remarks;
    let mut text = String::new();
    let mut line = |words: String| text.push_str(&format!("    {YELLOW}note{PLAIN}: {words}\n"));
    if let Some(why) = &remarks.unrecorded {
        line(format!("it counts for this build only: {why}"));
    }
    if options.verbose || options.sharing {
        if let Some(by) = &remarks.bound {
            line(format!("its result is bound to absolute paths: {by}"));
        }
        if let Some(by) = &remarks.volatile {
            line(format!("its result holds the time at which it was made: {by}"));
        }
        if let Some(why) = &remarks.local {
            line(format!("its result holds on this machine only: {why}"));
        }
        if let Some(why) = &remarks.unprovable {
            line(format!("it runs in every build, for what it reads cannot be known: {why}"));
        }
    }
    text
}

/// How a test ended: `ok`, or what was wrong.
pub(crate) fn outcome_of_test(report: &TestReport) -> String {
    match &report.exit {
        Ok(exit) if exit.success() => "ok".to_string(),
        Ok(Exit::TimedOut) => format!("ran out of time after {}", duration(report.wall)),
        Ok(exit) => exit.to_string(),
        Err(why) => why.clone(),
    }
}

/// A test that has ended, with what it printed if it failed (or all is to be shown).
pub(super) fn test(report: &TestReport, options: Options) -> Vec<u8> {
    let took = duration(report.wall);
    let outcome = outcome_of_test(report);
    let passed = report.passed();
    let line = match passed {
        true => format!("test {} {GREEN}{outcome}{PLAIN} {DIM}({took}){PLAIN}\n", report.name),
        false => format!("test {} {RED}FAILED{PLAIN}: {outcome} {DIM}({took}){PLAIN}\n", report.name),
    };
    let mut text = line.into_bytes();
    if !passed || options.verbose {
        text.extend_from_slice(&report.output);
        if !report.output.is_empty() && !report.output.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    text
}

/// The last lines for a person.
pub(super) fn closing(closing: &Closing, failed: &[String], options: Options) -> String {
    let mut text = String::new();
    let summary = &closing.summary;
    let began = closing.failure.is_none();
    if closing.quiet && began && summary.outcome == BuildOutcome::Ok && !options.verbose {
        return text;
    }
    let mut line = |words: String| text.push_str(&format!("rekindle: {words}\n"));
    for name in failed.iter().take(if failed.len() > 1 { NAMES } else { 0 }) {
        line(format!("{RED}failed{PLAIN}: {name}"));
    }
    if failed.len() > NAMES {
        line(format!("{RED}failed{PLAIN}: {} more", failed.len() - NAMES));
    }
    if began && (closing.tests.is_none() || summary.outcome != BuildOutcome::Ok || summary.actions.ran > 0) {
        line(account(summary, closing.wall));
        let counts = &summary.actions;
        if options.verbose || options.sharing || counts.ran + counts.restored > 0 {
            bound(summary).into_iter().for_each(&mut line);
        }
    }
    if let Some(tests) = &closing.tests {
        line(tests_account(tests, closing.wall));
    }
    if began && options.verbose {
        line(cost(summary));
    }
    if let Some(failure) = &closing.failure {
        text.push_str(&failure.text());
    }
    text
}

fn account(summary: &Summary, wall: Duration) -> String {
    let counts = &summary.actions;
    let took = duration(wall);
    let actions = counted(summary.total, "action");
    let mut parts = Vec::new();
    for (count, word) in [
        (counts.would_run, "would run"),
        (counts.ran, "ran"),
        (counts.restored, "restored"),
        (counts.fresh, "fresh"),
        (counts.skipped, "not reached"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let parts = parts.join(", ");
    let aside = if parts.is_empty() { String::new() } else { format!("; {parts}") };
    match summary.outcome {
        BuildOutcome::Interrupted => format!("{RED}interrupted{PLAIN}{aside} ({took})"),
        BuildOutcome::Failed => format!("{RED}{} of {actions} failed{PLAIN}{aside} ({took})", counts.failed),
        BuildOutcome::Ok if counts.would_run + counts.ran + counts.restored == 0 => {
            format!("nothing to do, {actions} fresh ({took})")
        }
        BuildOutcome::Ok => format!("{actions}: {parts} ({took})"),
    }
}

/// How many results hold only where the project lies, and what does that to most of them.
fn bound(summary: &Summary) -> Vec<String> {
    let count = summary.bound_by.values().sum();
    if count == 0 {
        return Vec::new();
    }
    let verb = if count == 1 { "is" } else { "are" };
    let head = format!("{} {verb} bound to absolute paths", counted(count, "result"));
    let mut faults: Vec<(&String, u64)> = summary.bound_by.iter().map(|(by, count)| (by, *count)).collect();
    if let [(by, _)] = faults.as_slice() {
        return vec![format!("{head}: {by}")];
    }
    let mut lines = vec![format!("{head}:")];
    faults.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    lines.extend(faults.iter().take(FAULTS).map(|(by, count)| format!("  {count} by {by}")));
    let rest: u64 = faults.iter().skip(FAULTS).map(|(_, count)| count).sum();
    if rest > 0 {
        lines.push(format!("  {rest} by something else; `rekindle explain` names it"));
    }
    lines
}

fn tests_account(tests: &TestCounts, wall: Duration) -> String {
    let total = counted((tests.passed + tests.failed.len()) as u64, "test");
    let took = duration(wall);
    match tests.failed.as_slice() {
        [] => format!("{GREEN}{total} passed{PLAIN} ({took})"),
        failed => {
            let names: Vec<&str> = failed.iter().take(NAMES).map(String::as_str).collect();
            let more = failed.len() - names.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{RED}{} of {total} failed{PLAIN}: {}{more} ({took})", failed.len(), names.join(", "))
        }
    }
}

fn cost(summary: &Summary) -> String {
    let Summary { processes_spawned, files, bound, volatile, local, left, .. } = summary;
    let mut text = format!(
        "{}, {} looked at, {} read ({} bytes)",
        counted_as(*processes_spawned, "process", "processes"),
        counted(files.signed, "file"),
        files.hashed,
        files.hashed_bytes
    );
    for (count, word) in [(bound, "bound to its place"), (volatile, "volatile"), (local, "local")] {
        if *count > 0 {
            text.push_str(&format!(", {} {word}", counted(*count, "result")));
        }
    }
    if *left > 0 {
        text.push_str(&format!(", {} left in the store", counted(*left, "output")));
    }
    if let Some(StoreUse { hits, misses, stored, .. }) = &summary.store {
        text.push_str(&format!("; store: {hits} found, {misses} not found, {stored} added"));
    }
    text
}

fn counted(count: u64, word: &str) -> String {
    counted_as(count, word, &format!("{word}s"))
}

fn counted_as(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_as_exact_as_a_person_wants_them() {
        let shown =
            [0, 41, 9_994, 12_345, 59_900, 125_000, 7_260_000].map(|ms| duration(Duration::from_millis(ms)));
        insta::assert_snapshot!(shown.join(", "), @"0.00 s, 0.04 s, 9.99 s, 12.3 s, 59.9 s, 2 min 5 s, 2 h 1 min");
    }

    #[test]
    fn an_action_is_called_by_kind_and_name() {
        let titles = ActionKind::ALL.map(|kind| title(kind, "x"));
        insta::assert_snapshot!(titles.join(", "), @"compile x, archive x, link x, run x, build archive x");
    }

    #[test]
    fn of_an_archive_its_profile_its_inputs_and_the_waiting_are_told() {
        let one = ArchiveReport { inputs: 1, ..ArchiveReport::default() };
        let other = ArchiveReport {
            profile: vec![("target".into(), "avr".into()), ("features".into(), "crypto".into())],
            inputs: 12,
            hashed_bytes: 1_200_001,
            lock_wait_ms: 1500,
            commands: 2,
            absent: None,
        };
        let told = [archive(&one), archive(&other)].concat();
        let told = String::from_utf8(crate::ansi::strip(told.as_bytes()).into_owned()).unwrap();
        insta::assert_snapshot!(told, @r"
            1 input, 0 KB read
            target avr, features crypto, 12 inputs, 1201 KB read, waited 1.50 s for another build
        ");
    }

    #[test]
    fn who_is_waited_for_is_said() {
        let all = [
            Waiting::ForBuild { holder: "process 41, rekindle test".into() },
            Waiting::ForBuild { holder: String::new() },
            Waiting::ForOrphans,
        ];
        insta::assert_snapshot!(all.map(|one| waiting(&one)).join("\n"), @"
        waiting for another build in this build directory: process 41, rekindle test
        waiting for another build in this build directory
        waiting for commands that a killed build left running
        ");
        let tools = [tool_is_busy("runtime", "process 41 (rekindle)"), tool_is_busy("runtime", "")];
        insta::assert_snapshot!(tools.join("\n"), @"
        archive runtime: waiting for process 41 (rekindle), which works in the directories of its tool
        archive runtime: waiting for another build, which works in the directories of its tool
        ");
    }
}
