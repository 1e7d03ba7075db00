//! What can go wrong with a store. None of it is the project's fault, and none of it stops a build.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused something in the store's own directory.
    #[error("cannot {verb} {} in the store: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the store is not what its name says. It was set aside and is not served.
    #[error("{} in the store was damaged ({what}) and is set aside", path.display())]
    Damaged {
        /// Where it lay.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The file that was to be written from the store could not be.
    #[error("cannot {verb} {}: {source}", path.display())]
    Place {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer rekindle made the store.
    #[error("{} was made by a newer rekindle (its format is {format})", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// Something else lies where the store is to be.
    #[error("{} is no store, and holds `{found}`", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// No record says what builds used.
    #[error("no build has recorded in {} what it used{}", path.display(), if *ever { "" } else { " since then" })]
    Unrecorded {
        /// The store.
        path: PathBuf,
        /// Whether that is so for all times, and not for those alone that were asked for.
        ever: bool,
    },
    /// The record of the last build is not what its name says. It was set aside.
    #[error("{} was damaged ({what}) and is set aside: what the last build used is not known", path.display())]
    LastBuild {
        /// Where it lay.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Puts a verb and a path to an I/O error.
pub(crate) trait At<T> {
    /// What was tried in the store, and on what.
    fn at(self, verb: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, verb: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { verb, path: path.to_path_buf(), source })
    }
}
