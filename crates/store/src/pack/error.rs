//! Why nothing was packed, or nothing of a pack was taken.

use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with a pack.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not as a pack is. Nothing of it was taken.
    #[error("{} is no pack that can be used: {what}", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A newer rekindle made the pack.
    #[error("{} was packed by a newer rekindle (its format is {format})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
    /// It holds more than the store may take.
    #[error("{} holds {holds} bytes, and the store may take {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it holds.
        holds: u64,
        /// What the store may take.
        limit: u64,
    },
    /// What is to be packed is beyond what a pack may hold.
    #[error("what is to be packed {what}")]
    TooMuch {
        /// In which way.
        what: String,
    },
    /// What is to be packed went away while it was packed, time and again.
    #[error("what is to be packed changes all the time")]
    Restless,
    /// The system refused something with the file.
    #[error("cannot {verb} {}: {source}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store is in trouble.
    #[error(transparent)]
    Store(#[from] crate::Error),
}

impl Error {
    pub(super) fn bad(path: &Path, what: impl Into<String>) -> Self {
        Self::Bad { path: path.to_path_buf(), what: what.into() }
    }

    pub(super) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { verb, path, source }
    }
}
