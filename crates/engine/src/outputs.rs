//! Looking at what a command wrote: its content, and whether an absolute path of a root is in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::signature::{Instant, Signature};

mod bits;
mod elf;
mod inside;
mod needles;
mod spellings;
mod stream;

use crate::error::Error;
use crate::marker::Marker;

pub(crate) use needles::Needles;

/// A file that a command wrote.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) signature: Signature,
    pub(crate) device: u64,
    pub(crate) blob: Blob,
    /// The names of the roots whose absolute paths are in it.
    pub(crate) holds: Vec<Arc<str>>,
    /// Why some of it could not be looked into; then it counts as holding those of all roots.
    pub(crate) opaque: Option<&'static str>,
    /// Taken before it was read.
    pub(crate) instant: Instant,
}

/// What was found at an output.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file.
    Made(Box<Made>),
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// It cannot be read.
    Unreadable(io::Error),
}

/// Looks at the file `path` that a command has written, and gives its bytes too.
pub(crate) fn look(path: &Path, needles: &Needles, marker: &Marker) -> Result<(Found, Vec<u8>), Error> {
    let instant = marker.now()?;
    let mut content = Vec::new();
    let found = match disk::stat(path) {
        Ok(Entry::Absent) => Found::Missing,
        Ok(Entry::Directory(_)) => Found::Directory,
        Ok(Entry::File(signature, device)) => match disk::read(path) {
            Ok(bytes) => {
                let blob = Blob::of(&bytes);
                let (holds, opaque) = needles.find(&bytes);
                content = bytes;
                Found::Made(Box::new(Made { signature, device, blob, holds, opaque, instant }))
            }
            Err(error) => Found::Unreadable(error),
        },
        Err(error) => Found::Unreadable(error),
    };
    Ok((found, content))
}

/// Reads the depfiles that a command was to write; `None` for one that it did not write. Those in `temporary`, which
/// nobody keeps, are deleted.
pub(crate) fn read_depfiles(paths: &[PathBuf], temporary: &Path) -> Vec<io::Result<Option<Vec<u8>>>> {
    let read = |path: &PathBuf| match disk::read(path) {
        Ok(bytes) => {
            if path.starts_with(temporary) {
                // One that stays all the same goes with the next build.
                let _ = std::fs::remove_file(path);
            }
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    paths.iter().map(read).collect()
}

#[cfg(test)]
mod tests;
