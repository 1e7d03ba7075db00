//! What a person, or a program, sees of a build while it runs: events in, lines out. Three files show them: `plain`,
//! `fancy` and `json`; `wording` has the sentences, `tally` counts.

mod fancy;
mod json;
mod plain;
mod tally;
mod wording;

use std::time::Duration;

use rekindle_engine::event::{Event, Summary};
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_scheduler::Graph;

use crate::args::Format;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::output::Stream;
use crate::testing::TestReport;

pub(crate) use self::wording::{outcome_of_test, title};

/// What is told besides what must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Commands, and what was fresh.
    pub(crate) verbose: bool,
    /// Reasons.
    pub(crate) explain: bool,
    /// What was fresh.
    pub(crate) fresh: bool,
    /// What keeps results from being shared everywhere, also of what was fresh.
    pub(crate) sharing: bool,
}

/// What is built, for those who read the report without having typed the command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heading {
    /// The profile.
    pub(crate) profile: String,
    /// The targets; none for what is built by default.
    pub(crate) targets: Vec<String>,
    /// How many commands run at once.
    pub(crate) jobs: usize,
    /// Whether nothing is run.
    pub(crate) dry_run: bool,
}

/// How it all ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closing {
    /// The engine's account; nothing in it if the build did not begin.
    pub(crate) summary: Summary,
    /// Why it ended early.
    pub(crate) failure: Option<Failure>,
    /// How many tests passed and failed, if tests were run.
    pub(crate) tests: Option<TestCounts>,
    /// How long it took, from the start of the process.
    pub(crate) wall: Duration,
    /// The exit code.
    pub(crate) code: u8,
    /// Whether people need no account if all went well: something else follows.
    pub(crate) quiet: bool,
}

/// How tests ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestCounts {
    /// How many passed.
    pub(crate) passed: usize,
    /// The names of those that did not.
    pub(crate) failed: Vec<String>,
}

/// How far the tests are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Testing {
    /// How many have ended.
    pub(crate) done: usize,
    /// How many there are.
    pub(crate) total: usize,
    /// The names of those that run.
    pub(crate) running: Vec<String>,
}

/// Shows what happens. `at` is how long ago the process began.
pub(crate) trait Reporter {
    /// The graph of which something is built, told before the build begins.
    fn graph(&mut self, _graph: &Graph) {}

    /// Something happened in the build.
    fn event(&mut self, event: &Event, at: Duration);

    /// A test ended.
    fn test(&mut self, report: &TestReport, at: Duration);

    /// Tests run; shown where there is a live line.
    fn testing(&mut self, _testing: &Testing, _at: Duration) {}

    /// Something for the person to know: one line.
    fn note(&mut self, text: &str);

    /// Something about what the person wrote, that is no error: one line, with its place.
    fn notice(&mut self, notice: &Diagnostic) {
        self.note(&wording::notice(notice));
    }

    /// It is over. Nothing is shown after this.
    fn finish(&mut self, closing: &Closing);

    /// What kept the report from being written.
    ///
    /// # Errors
    /// That.
    fn trouble(&mut self) -> Result<(), Failure>;
}

/// Where reports go.
pub(crate) struct Streams {
    /// The answers, and JSON.
    pub(crate) stdout: Stream,
    /// Everything for people.
    pub(crate) stderr: Stream,
}

/// The reporter for a format that has been decided.
pub(crate) fn reporter(
    format: Format,
    options: Options,
    heading: Heading,
    streams: Streams,
    clock: Clock,
) -> Box<dyn Reporter> {
    match format {
        Format::Json => {
            let human = plain::Plain::new(streams.stderr, options);
            Box::new(json::Json::new(streams.stdout, human, heading, options))
        }
        // What would be done is the answer of a dry run; it goes where answers go.
        _ if heading.dry_run => Box::new(plain::Plain::apart(streams.stdout, streams.stderr, options)),
        Format::Fancy => {
            let screen = fancy::Screen::new(streams.stderr, crate::terminal::width);
            Box::new(fancy::Fancy::new(screen, options, heading.jobs, clock))
        }
        Format::Plain | Format::Auto => Box::new(plain::Plain::new(streams.stderr, options)),
    }
}

#[cfg(test)]
pub(crate) mod samples;
