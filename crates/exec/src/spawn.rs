//! Starting a process, and finding out why it could not be started.

use std::fs;
use std::io::{self, PipeReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

use crate::command::{Command, Output, Stdin};
use crate::error::Error;
use crate::group::Target;
use crate::limits;

/// A child that was started, and the ends of its pipes that are ours.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) target: Target,
    /// Standard output, or both.
    pub(crate) first: Option<PipeReader>,
    /// Standard error.
    pub(crate) second: Option<PipeReader>,
}

/// How often a program that is "busy" is tried again, and after which pause.
const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Starts the command, in a process group of its own unless it shares our input.
pub(crate) fn start(command: &Command) -> Result<Started, Error> {
    let mut process = Process::new(executed(&command.program));
    process.arg0(&command.program).args(&command.args).current_dir(&command.cwd);
    process.env_clear().envs(command.env.iter().map(|(name, value)| (name, value)));
    match command.stdin {
        Stdin::Null => process.stdin(Stdio::null()).process_group(0),
        Stdin::Inherit => process.stdin(Stdio::inherit()),
    };
    let (first, second) = connect(&mut process, command.output)?;
    let child = spawn_patiently(&mut process).map_err(|error| diagnose(command, error))?;
    let pid = Pid::from_child(&child);
    let target = match command.stdin {
        Stdin::Null => Target::Group(pid),
        Stdin::Inherit => Target::Alone(pid),
    };
    // Our copies of the write ends go with `process`, so the pipes end when the child's side does.
    drop(process);
    Ok(Started { child, target, first, second })
}

/// What the system is told to execute, which it does in the new working directory; a script sees it as its `$0`, so
/// it is not made absolute. The standard library would look a bare name up on `PATH`.
fn executed(program: &Path) -> PathBuf {
    match program.as_os_str().as_bytes().contains(&b'/') {
        true => program.to_path_buf(),
        false => Path::new(".").join(program),
    }
}

fn connect(process: &mut Process, output: Output) -> Result<(Option<PipeReader>, Option<PipeReader>), Error> {
    let pipe = || io::pipe().map_err(Error::setup("make a pipe"));
    match output {
        Output::Inherit => {
            process.stdout(Stdio::inherit()).stderr(Stdio::inherit());
            Ok((None, None))
        }
        Output::Together => {
            let (reader, writer) = pipe()?;
            let twin = writer.try_clone().map_err(Error::setup("duplicate a pipe"))?;
            process.stdout(writer).stderr(twin);
            Ok((Some(reader), None))
        }
        Output::Apart => {
            let (first, stdout) = pipe()?;
            let (second, stderr) = pipe()?;
            process.stdout(stdout).stderr(stderr);
            Ok((Some(first), Some(second)))
        }
    }
}

/// Starts the process, and waits while its program's file is still open for writing: a child that another thread
/// started a moment ago holds copies of all our files until it has become another program.
fn spawn_patiently(process: &mut Process) -> io::Result<Child> {
    for _ in 0..BUSY_TRIES {
        match process.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::sleep(BUSY_PAUSE),
            other => return other,
        }
    }
    process.spawn()
}

/// The system says only "no such file" or "permission denied"; this finds out of what.
fn diagnose(command: &Command, error: io::Error) -> Error {
    let program = command.cwd.join(&command.program);
    // The system itself never saw a command line with a NUL byte: the standard library refuses it.
    if error.kind() == io::ErrorKind::InvalidInput && error.raw_os_error().is_none() {
        return Error::Nul { program };
    }
    if error.raw_os_error() == Some(Errno::TOOBIG.raw_os_error()) {
        let bytes = limits::bytes(&command.program, &command.args, &command.env);
        return Error::TooLong { program, bytes };
    }
    if let Some(source) = trouble_with_cwd(&command.cwd) {
        return Error::BadCwd { program, cwd: command.cwd.clone(), source };
    }
    let why = match fs::metadata(&program) {
        Err(missing) if is_absence(&missing) => return Error::NotFound { program },
        Err(_) => None,
        Ok(meta) if meta.is_dir() => Some("it is a directory"),
        Ok(_) if error.kind() == io::ErrorKind::PermissionDenied => Some("it is not executable"),
        Ok(_) if error.kind() == io::ErrorKind::NotFound => {
            Some("the interpreter that its first line or its header names does not exist")
        }
        Ok(_) if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
            Some("it is neither a program of this machine nor a script with a `#!` line")
        }
        Ok(_) => None,
    };
    match why {
        Some(why) => Error::NotExecutable { program, why },
        None => Error::Process { verb: "start", program, source: error },
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn trouble_with_cwd(cwd: &Path) -> Option<io::Error> {
    let here = if cwd.as_os_str().is_empty() { Path::new(".") } else { cwd };
    match fs::metadata(here) {
        Err(error) => Some(error),
        Ok(meta) if !meta.is_dir() => Some(Errno::NOTDIR.into()),
        Ok(_) => rustix::fs::access(here, rustix::fs::Access::EXEC_OK).err().map(Into::into),
    }
}
