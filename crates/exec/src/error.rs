//! What can go wrong when a command is to be run.

use std::io;
use std::path::PathBuf;

/// Why a command did not run to its own end, or a tool of this crate could not be set up.
///
/// A child that fails is no error: it is a [`crate::Finished`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// [`crate::Live`] was closed before the child began, or ended it.
    #[error("interrupted")]
    Interrupted,
    /// There is no such program.
    #[error("cannot run `{}`: there is no such file", program.display())]
    NotFound {
        /// The program, with the working directory before it if it was relative.
        program: PathBuf,
    },
    /// The program's file is there, but cannot be executed.
    #[error("cannot run `{}`: {why}", program.display())]
    NotExecutable {
        /// The program, with the working directory before it if it was relative.
        program: PathBuf,
        /// What it is instead of a program.
        why: &'static str,
    },
    /// The working directory is missing, or is no directory, or may not be entered.
    #[error("cannot run `{}` in `{}`: {source}", program.display(), cwd.display())]
    BadCwd {
        /// The program.
        program: PathBuf,
        /// The directory.
        cwd: PathBuf,
        /// What the system says of it.
        source: io::Error,
    },
    /// The system does not take a command line (or one argument, or the environment) of this length.
    #[error("cannot run `{}`: the command line and environment of {bytes} bytes are longer than the system takes", program.display())]
    TooLong {
        /// The program.
        program: PathBuf,
        /// Bytes of all arguments and variables.
        bytes: usize,
    },
    /// An argument, a variable or a path holds a NUL byte, which no command line can carry.
    #[error("cannot run `{}`: its command line, environment or working directory holds a NUL byte", program.display())]
    Nul {
        /// The program.
        program: PathBuf,
    },
    /// The system could not start or watch the process for another reason.
    #[error("cannot {verb} `{}`: {source}", program.display())]
    Process {
        /// What was tried: `start`, `watch`.
        verb: &'static str,
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A pipe, file descriptor or thread of our own could not be made.
    #[error("cannot {verb}: {source}")]
    Setup {
        /// What was tried.
        verb: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The jobserver's fifo could not be made or opened.
    #[error("cannot {verb} the jobserver's fifo `{}`: {source}", path.display())]
    Fifo {
        /// What was tried: `make`, `open`.
        verb: &'static str,
        /// Where the fifo is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err` on a step of setting something up.
    pub(crate) fn setup<E: Into<io::Error>>(verb: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Setup { verb, source: source.into() }
    }
}
