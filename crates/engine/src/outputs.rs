//! Looking at what a command wrote: its content, and whether an absolute path of a root is in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::{Instant, Signature};

use crate::error::Error;
use crate::marker::Marker;

/// A file that a command wrote.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) signature: Signature,
    pub(crate) device: u64,
    pub(crate) blob: Blob,
    /// The names of the roots whose absolute paths are in it.
    pub(crate) holds: Vec<Arc<str>>,
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

/// The absolute path of one root, in every spelling and width.
#[derive(Debug)]
struct Needle {
    name: Arc<str>,
    forms: Vec<Vec<u8>>,
}

/// The absolute paths that make a result bound to where it was made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needles {
    list: Arc<[Needle]>,
}

impl Needles {
    /// Those of every root that is placed and no system root. Each is sought as bytes and as UTF-16.
    pub(crate) fn of(roots: &Roots) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let mut list = Vec::new();
        for (_, root) in roots.iter().filter(|(_, root)| root.is_placed() && !root.is_system()) {
            let mut forms = Vec::new();
            for place in std::iter::once(&root.path).chain(&root.spellings) {
                let bytes = place.as_os_str().as_bytes().to_vec();
                let wide = |unit: usize, at: usize| -> Vec<u8> {
                    let one = |byte: &u8| {
                        let mut cell = vec![0; unit];
                        cell[at] = *byte;
                        cell
                    };
                    bytes.iter().flat_map(one).collect()
                };
                forms.extend([wide(2, 0), wide(2, 1), wide(4, 0), wide(4, 3), bytes.clone()]);
            }
            list.push(Needle { name: root.name.as_str().into(), forms });
        }
        Self { list: list.into() }
    }

    /// The roots whose paths are in `bytes` and end there at a path boundary.
    fn find(&self, bytes: &[u8]) -> Vec<Arc<str>> {
        let ends = |at: usize| {
            !bytes
                .get(at)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+'))
        };
        let holds = |form: &Vec<u8>| memchr::memmem::find_iter(bytes, form).any(|at| ends(at + form.len()));
        let hits = self.list.iter().filter(|needle| needle.forms.iter().any(holds));
        hits.map(|needle| needle.name.clone()).collect()
    }
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
                let (blob, holds) = (Blob::of(&bytes), needles.find(&bytes));
                content = bytes;
                Found::Made(Box::new(Made { signature, device, blob, holds, instant }))
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
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_root_is_found_in_every_width_and_only_whole() {
        let needles = Needles::of(&Roots::new("/home/a/project", "/home/a/project/out"));
        let named = |bytes: &[u8]| needles.find(bytes).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(named(b"x/home/a/project/src\0"), ["ws"]);
        assert_eq!(named(b"x/home/a/project/out/src\0"), ["ws", "build"]);
        assert_eq!(named(b"x/home/a/project2/src\0"), Vec::<String>::new());
        let wide: Vec<u8> = b"/home/a/project\0".iter().flat_map(|byte| [*byte, 0]).collect();
        assert_eq!(named(&wide), ["ws"]);
        assert_eq!(named(b"/usr/include/stdio.h"), Vec::<String>::new());
    }
}
