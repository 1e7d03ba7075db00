//! The verbs, one a file. Here is which one runs, and with what around it.

mod build;
mod cache;
mod clean;
mod compdb;
mod completions;
mod explain;
mod graph;
mod help;
mod init;
mod install;
mod man;
mod run;
mod size;
mod test;
mod toolchain;

use clap::Parser;
use clap::error::ErrorKind;

use crate::app::{App, Ended, Manner};
use crate::args::{Cli, Verb};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::Stream;
use crate::settings::Settings;
use crate::terminal::{Terminal, has_colour};

/// What the whole process does. Returns the exit code.
pub(crate) fn run(clock: Clock) -> u8 {
    let environment = match Environment::read() {
        Ok(environment) => environment,
        Err(error) => return tell(&Failure::io("find", "the current directory", &error), false),
    };
    let cli = match Cli::try_parse_from(Environment::arguments()) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &environment),
    };
    let settings = match Settings::new(&cli.common, &environment) {
        Ok(settings) => settings,
        Err(failure) => return tell(&failure, false),
    };
    let colour = has_colour(settings.colour, Terminal::look().stderr, &environment);
    let verb = cli.verb.unwrap_or(Verb::Build { targets: Vec::new() });
    let bare = cli.common.store.as_ref().is_some_and(|directory| directory.is_empty());
    if bare && !matches!(verb, Verb::Clean) {
        let failure = Failure::input("`--store` has no directory").hint("write `--store DIR`");
        return tell(&failure, colour);
    }
    let given = cli.common.directory.as_deref();
    let done = match &verb {
        Verb::Clean => clean::clean(&settings, &environment, given),
        Verb::Cache { what } => cache::cache(&settings, &environment, given, what),
        Verb::Init => init::init(&settings),
        Verb::Completions { shell } => completions::completions(*shell),
        Verb::Man { directory } => man::man(&environment.directory.join(directory)),
        Verb::Help { topic } => help::help(topic),
        _ => return reported(environment, settings, cli.common.directory, clock, &verb, colour),
    };
    match done {
        Ok(()) => 0,
        Err(failure) => tell(&failure, colour),
    }
}

/// Runs a verb that builds, or asks what would be built.
fn reported(
    environment: Environment,
    settings: Settings,
    given: Option<std::path::PathBuf>,
    clock: Clock,
    verb: &Verb,
    colour: bool,
) -> u8 {
    let targets = targets(verb);
    let mut app = match App::new(environment, settings, given, clock, manner(verb), &targets) {
        Ok(app) => app,
        Err(failure) => return tell(&failure, colour),
    };
    let ended = match verb {
        Verb::Run { target, arguments } => return run::run(&mut app, target, arguments),
        Verb::Test(args) => test::test(&mut app, args),
        Verb::Explain { what, compare } => explain::explain(&mut app, what, compare.as_deref()),
        Verb::Graph { targets, form } => graph::graph(&mut app, targets, *form),
        Verb::Compdb { targets, output } => compdb::compdb(&mut app, targets, output.as_deref()),
        Verb::Size { targets } => size::size(&mut app, targets),
        Verb::Toolchain { what } => toolchain::toolchain(&mut app, what),
        Verb::Install(args) => install::install(&mut app, args),
        _ => build::build(&mut app, &targets),
    };
    app.close(ended)
}

/// The targets that the command line names.
fn targets(verb: &Verb) -> Vec<String> {
    match verb {
        Verb::Build { targets }
        | Verb::Graph { targets, .. }
        | Verb::Compdb { targets, .. }
        | Verb::Size { targets } => targets.clone(),
        Verb::Test(args) => args.targets.clone(),
        Verb::Install(args) => args.targets.clone(),
        Verb::Run { target, .. } => vec![target.clone()],
        _ => Vec::new(),
    }
}

fn manner(verb: &Verb) -> Manner {
    match verb {
        Verb::Explain { what, .. } => {
            Manner { plans: true, explains: true, tells_fresh: !what.is_empty(), ..Manner::default() }
        }
        Verb::Graph { .. } | Verb::Compdb { .. } => Manner { answers: true, ..Manner::default() },
        _ => Manner::default(),
    }
}

/// Prints what clap has to say: help and version are answers, everything else is wrong usage.
fn usage(error: &clap::Error, environment: &Environment) -> u8 {
    let terminal = Terminal::look();
    let wrong = error.use_stderr();
    let is_terminal = if wrong { terminal.stderr } else { terminal.stdout };
    // Flags have not been understood, so only the environment speaks.
    let colour = has_colour(crate::args::Colour::Auto, is_terminal, environment);
    let mut stream = if wrong { Stream::stderr(colour) } else { Stream::stdout(colour) };
    stream.write(error.render().ansi().to_string());
    match (error.kind(), stream.finish()) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Ok(())) => 0,
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, Err(failure)) => tell(&failure, colour),
        _ => 2,
    }
}

/// Tells a failure of a verb that has no reporter, and gives its exit code.
fn tell(failure: &Failure, colour: bool) -> u8 {
    Stream::stderr(colour).write(failure.text());
    failure.code()
}

/// Writes an answer of a verb that has no reporter.
fn answer(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut stream = Stream::stdout(false);
    stream.raw(text.as_ref());
    stream.finish()
}

/// A verb that answered and built nothing.
fn answered() -> Result<Ended, Failure> {
    Ok(Ended { quiet: true, ..Ended::default() })
}
