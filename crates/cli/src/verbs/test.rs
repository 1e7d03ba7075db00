//! `rekindle test`: build tests, run them in parallel, show what the failed ones printed.

use std::path::PathBuf;
use std::time::Duration;

use regex_lite::Regex;
use rekindle_exec::Command;
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_frontend::load::Wanted;
use rekindle_scheduler::graph::{Target, TargetKind};

use crate::app::{App, Ended};
use crate::args::TestArgs;
use crate::failure::Failure;
use crate::reporter::TestCounts;
use crate::session::Session;
use crate::testing::{self, Test};
use crate::writers::{atomic, junit::junit};

/// Builds and runs the tests.
pub(super) fn test(app: &mut App, args: &TestArgs) -> Result<Ended, Failure> {
    let filter = args.filter.as_deref().map(filter).transpose()?;
    let wanted = if args.targets.is_empty() { Wanted::Tests } else { Wanted::Names(args.targets.clone()) };
    let mut session = Session::open(app, wanted)?;
    let chosen = chosen(&session, filter.as_ref())?;
    let outputs = chosen.iter().flat_map(|target| target.outputs.clone()).collect();
    let tests: Vec<Test> =
        chosen.iter().map(|target| prepared(target, app, &session, args.timeout)).collect();
    let ended = Ended::built(session.build_outputs(app, outputs)?);
    if !ended.is_ok() || app.settings.dry_run {
        return Ok(ended);
    }
    let name = session.project.name().to_string();
    // Others may build while tests run.
    drop(session);
    let counts = run(app, tests, &name, args.junit.as_ref())?;
    Ok(Ended { tests: Some(counts), ..ended })
}

fn filter(text: &str) -> Result<Regex, Failure> {
    Regex::new(text).map_err(|error| {
        Failure::input(format!("`--filter {text}` is no regular expression: {error}"))
            .hint("a part of a name is one; `.` stands for any character, `^` and `$` for the ends")
    })
}

/// The tests that are asked for.
fn chosen(session: &Session, filter: Option<&Regex>) -> Result<Vec<Target>, Failure> {
    let wanted = session.wanted();
    if let Some(other) = wanted.iter().find(|target| target.kind != TargetKind::Test) {
        let what = Diagnostic::request(&other.name, "this target is no test");
        let tests = session.lowered.graph.targets().iter().filter(|target| target.kind == TargetKind::Test);
        return Err(what.suggest(&other.name, tests.map(|target| target.name.as_str())).into());
    }
    let matches = |target: &&Target| filter.is_none_or(|filter| filter.is_match(&target.name));
    let chosen: Vec<Target> = wanted.iter().copied().filter(matches).cloned().collect();
    match filter {
        Some(filter) if chosen.is_empty() => {
            let what = Diagnostic::request(format!("--filter {filter}"), "no test has a name that matches");
            let names = wanted.iter().map(|target| target.name.as_str());
            Err(what.suggest(filter.as_str(), names).into())
        }
        _ => Ok(chosen),
    }
}

/// How a test is run: in its directory, with the person's environment and its own, for as long as it may.
fn prepared(target: &Target, app: &App, session: &Session, timeout: Option<Duration>) -> Test {
    let how = session.lowered.tests.iter().find(|run| run.target == target.name);
    let program = target.outputs.first().map_or_else(PathBuf::new, |path| session.files.abs(*path));
    let directory = how.map_or(&session.place.workspace, |how| &how.directory);
    let mut command = Command::new(program, directory).args(&target.arguments);
    command.env = super::run::environment(app, &target.environment);
    command.env.push(("PWD".into(), directory.into()));
    command.timeout = timeout.or_else(|| Some(Duration::from_secs(how?.timeout?)));
    Test { name: target.name.clone(), command }
}

fn run(app: &mut App, tests: Vec<Test>, suite: &str, file: Option<&PathBuf>) -> Result<TestCounts, Failure> {
    let begun = app.clock.elapsed();
    let (reporter, clock) = (&mut app.reporter, app.clock);
    let reports = testing::run(tests, app.settings.jobs, &app.live, |testing, report| {
        reporter.testing(testing, clock.elapsed());
        if let Some(report) = report {
            reporter.test(report, clock.elapsed());
        }
    })?;
    if let Some(file) = file {
        let text = junit(suite, &reports, app.clock.elapsed() - begun);
        atomic::write(&app.environment.directory.join(file), text.as_bytes())?;
    }
    let failed: Vec<String> = reports.iter().filter(|r| !r.passed()).map(|r| r.name.clone()).collect();
    Ok(TestCounts { passed: reports.len() - failed.len(), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_no_regular_expression_is_refused_in_words() {
        let failure = filter("a(").unwrap_err();
        insta::assert_snapshot!(failure.text(), @"
        rekindle: `--filter a(` is no regular expression: found open group without closing ')'
          hint: a part of a name is one; `.` stands for any character, `^` and `$` for the ends
        ");
        assert_eq!(failure.code(), 2);
    }
}
