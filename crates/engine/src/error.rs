//! What can go wrong with a build as a whole. A command that fails is no error of the engine but an outcome.

use std::io;
use std::path::{Path, PathBuf};

/// Why a build could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused something in the build directory.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `rename`.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The build directory was written by a newer rekindle.
    #[error(
        "the build directory {} has format {found}, and this rekindle knows formats up to {known}",
        path.display()
    )]
    NewerFormat {
        /// The file that says so.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest version that this rekindle knows.
        known: u32,
    },
    /// The directory that is to be built in holds something else.
    #[error("{} is no build directory: it holds `{found}`, which rekindle did not make", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Something in it.
        found: String,
    },
    /// Processes of a build that was killed still write into the build directory.
    #[error("commands of an earlier build that was killed still run in {}", path.display())]
    Orphans {
        /// The build directory.
        path: PathBuf,
    },
    /// A pipe, a thread or the like could not be had.
    #[error(transparent)]
    Exec(#[from] rekindle_exec::Error),
    /// Two different directories want one root name.
    #[error(transparent)]
    Root(#[from] rekindle_fingerprint::roots::NameTaken),
    /// The actions depend on each other in a circle.
    #[error("{cycle}")]
    Cycle {
        /// The circle, written out.
        cycle: String,
    },
}

/// Puts verb and path to an error of the system.
pub(crate) trait At<T> {
    /// `verb` was tried on `path`.
    fn at(self, verb: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, verb: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { verb, path: path.to_path_buf(), source })
    }
}
