//! What every verb is given: the weighed settings, the world as it was found, the children that run, the reporter.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rekindle_engine::event::{BuildOutcome, Summary};
use rekindle_exec::{Interrupts, Live};

use crate::args::Format;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::failure::{Failure, Kind};
use crate::output::Stream;
use crate::place::Place;
use crate::reporter::{Closing, Heading, Options, Reporter, Streams, TestCounts, reporter};
use crate::settings::{Settings, Timings};
use crate::terminal::{self, Terminal};
use crate::timings::{self, Timed};

/// How long commands may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(2);

/// See the module's documentation.
pub(crate) struct App {
    /// The world as it was found.
    pub(crate) environment: Environment,
    /// What is to be done and how.
    pub(crate) settings: Settings,
    /// The project's directory as it was named.
    pub(crate) given: Option<PathBuf>,
    /// Since when the process runs.
    pub(crate) clock: Clock,
    /// The children that run.
    pub(crate) live: Live,
    /// Who tells what happens.
    pub(crate) reporter: Box<dyn Reporter>,
    /// Whether nothing is run: what would be done is told.
    pub(crate) plans: bool,
    /// The format in which it is told; never `Auto`.
    pub(crate) format: Format,
    terminal: Terminal,
    /// Set while nothing could be lost by leaving at once.
    waits: Arc<AtomicBool>,
    interrupts: Option<Interrupts>,
}

/// What a verb came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended {
    /// The engine's account; nothing in it if nothing was built.
    pub(crate) summary: Summary,
    /// How tests ended, if tests were run.
    pub(crate) tests: Option<TestCounts>,
    /// Whether people need no account if all went well.
    pub(crate) quiet: bool,
}

impl Ended {
    /// A verb that came to a build.
    pub(crate) fn built(summary: Summary) -> Self {
        Self { summary, ..Self::default() }
    }

    /// The exit code.
    fn code(&self) -> u8 {
        let tests_failed = self.tests.as_ref().is_some_and(|tests| !tests.failed.is_empty());
        match self.summary.outcome {
            BuildOutcome::Interrupted => Kind::Interrupted.code(),
            BuildOutcome::Failed if self.summary.bad_input => Kind::Input.code(),
            BuildOutcome::Failed => Kind::Failed.code(),
            BuildOutcome::Ok if tests_failed => Kind::Failed.code(),
            BuildOutcome::Ok => 0,
        }
    }

    /// Whether everything was built.
    pub(crate) fn is_ok(&self) -> bool {
        self.summary.outcome == BuildOutcome::Ok
    }
}

/// What kind of report a verb gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Its answer goes to standard output, so that the report is only for people.
    pub(crate) answers: bool,
    /// Nothing is run, whatever the settings say.
    pub(crate) plans: bool,
    /// Reasons are told, whatever the settings say.
    pub(crate) explains: bool,
    /// What is fresh is told, too.
    pub(crate) tells_fresh: bool,
}

impl App {
    /// Sets everything up; from here on Ctrl-C ends children first.
    ///
    /// # Errors
    /// The system refuses a pipe, a thread or a signal handler.
    pub(crate) fn new(
        environment: Environment,
        settings: Settings,
        given: Option<PathBuf>,
        clock: Clock,
        manner: Manner,
        targets: &[String],
    ) -> Result<Self, Failure> {
        // Who counts the cores does so once. If there is a pool already, that one is as good.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(environment.cores).build_global();
        let terminal = Terminal::look();
        let asked = if manner.answers { Format::Plain } else { settings.format };
        let format = terminal::format(asked, terminal.stderr, &environment);
        let options = Options {
            verbose: settings.verbose,
            // Who forbids commands wants to know what called for one.
            explain: settings.explain || settings.forbid_spawn || manner.explains,
            fresh: manner.tells_fresh,
            sharing: manner.explains,
        };
        let heading = Heading {
            profile: settings.profile.clone(),
            targets: targets.to_vec(),
            jobs: settings.jobs,
            dry_run: settings.dry_run || manner.plans,
        };
        let plans = heading.dry_run;
        // Of what is not run there is nothing to measure.
        let timings = (!plans).then(|| timings(&settings, given.as_deref())).flatten();
        let timed = heading.clone();
        let colour = |is_terminal| terminal::has_colour(settings.colour, is_terminal, &environment);
        let streams = Streams {
            stdout: Stream::stdout(format != Format::Json && colour(terminal.stdout)),
            stderr: Stream::stderr(colour(terminal.stderr)),
        };
        let live = Live::new()?;
        let waits = Arc::new(AtomicBool::new(false));
        let interrupts = Some(interrupts(&live, &waits, format == Format::Fancy)?);
        let mut reporter = reporter(format, options, heading, streams, clock);
        if let Some(file) = timings {
            reporter = Box::new(Timed::new(reporter, timed, file));
        }
        Ok(Self {
            environment,
            settings,
            given,
            clock,
            live,
            reporter,
            plans,
            format,
            terminal,
            waits,
            interrupts,
        })
    }

    /// Does `work`, during which Ctrl-C may end the process at once.
    pub(crate) fn waiting<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.waits.store(true, Ordering::SeqCst);
        let done = work(self);
        self.waits.store(false, Ordering::SeqCst);
        done
    }

    /// Lets go of the signals.
    pub(crate) fn release(&mut self) {
        self.interrupts = None;
    }

    /// Writes an answer to standard output.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn answer(&self, text: impl AsRef<[u8]>) -> Result<(), Failure> {
        let colour = terminal::has_colour(self.settings.colour, self.terminal.stdout, &self.environment);
        let mut stream = Stream::stdout(colour);
        stream.raw(text.as_ref());
        stream.finish()
    }

    /// Tells how the verb ended, and gives the exit code.
    pub(crate) fn close(&mut self, ended: Result<Ended, Failure>) -> u8 {
        let ended =
            ended.map_err(|failure| match self.live.is_closed() && failure.kind != Kind::Interrupted {
                // Whatever went wrong after an interruption went wrong because of it.
                true => Failure::new(Kind::Interrupted, "interrupted"),
                false => failure,
            });
        let (mut ended, failure) = match ended {
            Ok(ended) => (ended, None),
            Err(failure) => (Ended::default(), Some(failure)),
        };
        ended.summary.processes_spawned = self.live.spawned();
        let code = failure.as_ref().map_or_else(|| ended.code(), Failure::code);
        let Ended { summary, tests, quiet } = ended;
        self.reporter.finish(&Closing { summary, failure, tests, wall: self.clock.elapsed(), code, quiet });
        let Err(trouble) = self.reporter.trouble() else { return code };
        Stream::stderr(false).write(trouble.text());
        // Who asked for a report and did not get it must not take silence for success.
        if code == 0 { trouble.code() } else { code }
    }
}

/// Where a page is written that shows where the time went; nowhere if nobody asks, or if there is no project.
fn timings(settings: &Settings, given: Option<&Path>) -> Option<PathBuf> {
    match settings.timings.as_ref()? {
        Timings::In(file) => Some(file.clone()),
        // Whatever is wrong with the place, the build says it.
        Timings::InBuildDir => Place::look(settings, given)
            .ok()
            .flatten()
            .map(|place| place.builds.join(&settings.profile).join(timings::NAME)),
    }
}

/// Catches the signals that ask us to end. While nothing could be lost the process just ends; else commands are
/// ended and the build tells.
#[expect(clippy::exit, reason = "a thread that waits for a lock can only be ended with the process")]
fn interrupts(live: &Live, waits: &Arc<AtomicBool>, live_line: bool) -> Result<Interrupts, Failure> {
    let waits = Arc::clone(waits);
    let on_signal = move |_signal| {
        if waits.load(Ordering::SeqCst) {
            if live_line {
                Stream::stderr(true).raw(b"\r\x1b[K");
            }
            std::process::exit(i32::from(Kind::Interrupted.code()));
        }
    };
    Ok(Interrupts::install(live, GRACE, on_signal)?)
}
