//! `rekindle run`: build a program, then become as good as it: its input, its output, its exit code.

use std::ffi::OsString;
use std::path::PathBuf;

use rekindle_exec::{Command, Exit, Interrupts, Live, Output, Stdin};
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_frontend::load::Wanted;
use rekindle_scheduler::graph::{Target, TargetKind};

use crate::app::{App, Ended};
use crate::failure::{Failure, Kind};
use crate::session::Session;

/// SIGINT: the terminal sends it to the program as well, which may have its own mind about it.
const INTERRUPT: i32 = 2;

/// How long the program may take to end when we are asked to.
const GRACE: std::time::Duration = std::time::Duration::from_secs(10);

/// Builds and runs. Returns the exit code.
pub(super) fn run(app: &mut App, name: &str, arguments: &[OsString]) -> u8 {
    let built = prepare(app, name, arguments);
    let (ended, command) = match built {
        Ok((ended, command)) => (Ok(ended), command),
        Err(failure) => (Err(failure), None),
    };
    let code = app.close(ended);
    match command {
        Some(command) if code == 0 => execute(app, &command),
        _ => code,
    }
}

/// Builds the program; says how it is to be run, if it is. The build directory is let go of here, so that others can
/// build while the program runs.
fn prepare(app: &mut App, name: &str, arguments: &[OsString]) -> Result<(Ended, Option<Command>), Failure> {
    let mut session = Session::open(app, Wanted::Names(vec![name.to_string()]))?;
    let target = session.lowered.graph.target(name);
    let command = target.and_then(|target| program(target, &session)).map(|program| {
        let mut command = Command::new(program, &app.environment.directory);
        let own = target.map_or(&[][..], |target| &target.arguments[..]);
        command.args = own.iter().map(OsString::from).chain(arguments.iter().cloned()).collect();
        command.env = environment(app, target.map_or(&[][..], |target| &target.environment[..]));
        command.stdin = Stdin::Inherit;
        command.output = Output::Inherit;
        command
    });
    let Some(command) = command else {
        let what = Diagnostic::request(name, "this target is no program");
        let programs = session.lowered.graph.targets().iter().filter(|target| runs(target));
        return Err(what.suggest(name, programs.map(|target| target.name.as_str())).into());
    };
    let summary = session.build_wanted(app)?;
    let ended = Ended { quiet: summary.actions.ran + summary.actions.restored == 0, ..Ended::built(summary) };
    let run = ended.is_ok() && !app.settings.dry_run;
    Ok((ended, run.then_some(command)))
}

fn runs(target: &Target) -> bool {
    matches!(target.kind, TargetKind::Program | TargetKind::Test)
}

fn program(target: &Target, session: &Session) -> Option<PathBuf> {
    target.outputs.first().filter(|_| runs(target)).map(|path| session.files.abs(*path))
}

/// The whole environment of a program of the project: the person's, and what the manifest adds.
pub(super) fn environment(app: &App, own: &[(String, String)]) -> Vec<(OsString, OsString)> {
    let inherited = app.environment.variables.iter().map(|(name, value)| (name.clone(), value.clone()));
    inherited.chain(own.iter().map(|(name, value)| (name.into(), value.into()))).collect()
}

fn execute(app: &mut App, command: &Command) -> u8 {
    app.release();
    match ended(command) {
        Ok(code) => code,
        Err(failure) => super::tell(&failure, false),
    }
}

/// Runs the program to its end. Ctrl-C is its own business; when we alone are asked to end, so is it.
fn ended(command: &Command) -> Result<u8, Failure> {
    let live = Live::new()?;
    let program = live.clone();
    let nobody = Live::new()?;
    let _interrupts = Interrupts::install(&nobody, GRACE, move |signal| {
        if signal != INTERRUPT {
            program.terminate(GRACE);
        }
    })?;
    let ended = rekindle_exec::run(command, &live)?;
    Ok(match ended.status {
        // The system keeps eight bits of an exit code.
        Exit::Code(code) => (code & 0xff) as u8,
        Exit::Signal(signal) => 128_u8.wrapping_add((signal & 0x7f) as u8),
        Exit::TimedOut => Kind::Failed.code(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<u8, Failure> {
        let mut command = Command::new("/bin/sh", "/").args(["-c", script]);
        command.output = Output::Inherit;
        ended(&command)
    }

    #[test]
    fn the_exit_code_is_the_programs_own() {
        assert_eq!(shell("exit 0").unwrap(), 0);
        assert_eq!(shell("exit 77").unwrap(), 77);
        assert_eq!(shell("kill -SEGV $$").unwrap(), 139);
        assert_eq!(shell("kill -INT $$").unwrap(), 130);
    }

    #[test]
    fn a_program_that_cannot_be_run_is_trouble() {
        assert_eq!(ended(&Command::new("/nonexistent/x", "/")).unwrap_err().code(), 3);
    }
}
