//! Looking at many files at once, of which an earlier build knew what they were: which of them are no longer the same.
//!
//! Nothing is allocated for a file that is what it was. Each path is looked up below a directory that is held open, so
//! that the system walks only what comes behind it; files are handed out to all cores in runs of neighbours.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

use crate::digest::Blob;
use crate::disk::{self, Entry};
use crate::signature::Signature;

/// How many neighbours one core looks at before it asks for more.
const RUN: usize = 128;

/// A directory below which paths are looked up.
#[derive(Debug)]
pub struct Base {
    directory: Option<OwnedFd>,
    path: PathBuf,
}

impl Base {
    /// The directory at `path`, absolute. One that is not there has nothing below it.
    pub fn open(path: &Path) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::openat(CWD, path, flags, Mode::empty()).ok();
        Self { directory, path: path.to_path_buf() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file and reads all of it; the signature is what it had before.
    fn read(&self, rel: &CStr) -> Read {
        let Some(directory) = &self.directory else { return Read::Absent };
        // A pipe that nobody writes to is opened at once, and refused.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(directory, rel, flags, Mode::empty()).map(File::from);
        let file = match opened.map_err(io::Error::from) {
            Ok(file) => file,
            Err(error) if disk::is_absence(&error) => return Read::Absent,
            Err(_) => return Read::Other,
        };
        match disk::entry_of(rustix::fs::fstat(&file).map_err(io::Error::from)) {
            Ok(Entry::File(signature, device)) => match disk::hash_opened(file, signature.size) {
                Ok(blob) => Read::File(signature, device, blob),
                Err(_) => Read::Other,
            },
            _ => Read::Other,
        }
    }

    fn look(&self, rel: &CStr) -> Look {
        let Some(directory) = &self.directory else { return Look::Absent };
        let rel = if rel.is_empty() { c"." } else { rel };
        let said = rustix::fs::statat(directory, rel, AtFlags::empty()).map_err(io::Error::from);
        match disk::entry_of(said) {
            Ok(Entry::Absent) => Look::Absent,
            Ok(Entry::File(signature, device)) => Look::File(signature, device),
            Ok(Entry::Directory(_)) | Err(_) => Look::Other,
        }
    }
}

/// What an earlier build knew of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing was there.
    Absent,
    /// A file with this signature.
    File(Signature),
    /// A file whose signature is not to be believed.
    Racy,
}

/// What is there now, of a path that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing.
    Absent,
    /// A file with this signature, and the device that it is on.
    File(Signature, u64),
    /// A directory, or something that cannot be looked at.
    Other,
}

/// What is there now, of a path that was read whatever was known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing.
    Absent,
    /// A file with this signature, the device that it is on, and what is in it.
    File(Signature, u64, Blob),
    /// A directory, or something that cannot be read; or nobody has looked, because another path decided it.
    Other,
}

/// Many paths, by number, and what was known of them.
pub trait Table: Sync {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Below which base a path lies, and the rest of it, without a NUL.
    fn path(&self, number: usize) -> (usize, &[u8]);

    /// What was known of it.
    fn known(&self, number: usize) -> Known;
}

/// Looks at every path of `table`, on all cores; gives those that are not what they were, in order.
pub fn sweep(bases: &[Base], table: &impl Table) -> Vec<(usize, Look)> {
    let runs: Vec<usize> = (0..table.len()).step_by(RUN).collect();
    let found: Vec<Vec<(usize, Look)>> = runs
        .into_par_iter()
        .with_max_len(1)
        .map_init(Vec::new, |text, start| {
            let mut different = Vec::new();
            for number in start..(start + RUN).min(table.len()) {
                let (base, rel) = table.path(number);
                text.clear();
                text.extend_from_slice(rel);
                text.push(0);
                let look = match (bases.get(base), CStr::from_bytes_with_nul(text)) {
                    (Some(base), Ok(rel)) => base.look(rel),
                    _ => Look::Other,
                };
                let same = match (table.known(number), look) {
                    (Known::Absent, Look::Absent) => true,
                    (Known::File(then), Look::File(now, _)) => then == now,
                    _ => false,
                };
                if !same {
                    different.push((number, look));
                }
            }
            different
        })
        .collect();
    found.concat()
}

/// Reads every path of `table` that is to be a file, and looks whether nothing is where nothing is to be, on all cores.
/// Once one is there that is not to be, or the other way round, the rest need not be looked at.
pub fn read(bases: &[Base], table: &impl Table) -> Vec<Read> {
    let decided = AtomicBool::new(false);
    let runs: Vec<usize> = (0..table.len()).step_by(RUN).collect();
    let found: Vec<Vec<Read>> = runs
        .into_par_iter()
        .with_max_len(1)
        .map_init(Vec::new, |text, start| {
            let one = |number| {
                if decided.load(Ordering::Relaxed) {
                    return Read::Other;
                }
                let (base, rel) = table.path(number);
                text.clear();
                text.extend_from_slice(rel);
                text.push(0);
                let (Some(base), Ok(rel)) = (bases.get(base), CStr::from_bytes_with_nul(text)) else {
                    return Read::Other;
                };
                let absent = table.known(number) == Known::Absent;
                let read = match (absent, absent.then(|| base.look(rel))) {
                    (true, Some(Look::Absent)) => Read::Absent,
                    (true, _) => Read::Other,
                    (false, _) => base.read(rel),
                };
                if absent != (read == Read::Absent) || read == Read::Other {
                    decided.store(true, Ordering::Relaxed);
                }
                read
            };
            (start..(start + RUN).min(table.len())).map(one).collect()
        })
        .collect();
    found.concat()
}

/// Reads and digests files, on all cores; `None` for one that cannot be read.
pub fn hash_all(paths: &[PathBuf]) -> Vec<Option<Blob>> {
    paths.par_iter().with_max_len(16).map(|path| disk::hash(path).ok()).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;
    use std::fs;

    struct List(Vec<(&'static str, Known)>);

    impl Table for List {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn path(&self, number: usize) -> (usize, &[u8]) {
            (usize::from(self.0[number].0.starts_with("gone")), self.0[number].0.as_bytes())
        }

        fn known(&self, number: usize) -> Known {
            self.0[number].1
        }
    }

    fn signature(path: &Path) -> Signature {
        match disk::stat(path).unwrap() {
            Entry::File(signature, _) => signature,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_not_what_it_was_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let bases = [Base::open(dir.path()), Base::open(&dir.path().join("nowhere"))];
        fs::create_dir(dir.path().join("d")).unwrap();
        for name in ["same", "d/touched", "racy", "appeared"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        let of = |name: &str| signature(&dir.path().join(name));
        let before = Signature { inode: 0, ..of("d/touched") };
        let list = List(vec![
            ("same", Known::File(of("same"))),
            ("d/touched", Known::File(before)),
            ("absent", Known::Absent),
            ("gone/below", Known::Absent),
            ("racy", Known::Racy),
            ("appeared", Known::Absent),
            ("deleted", Known::File(of("same"))),
            ("d", Known::File(of("same"))),
        ]);
        let found = sweep(&bases, &list);
        let numbers: Vec<usize> = found.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 4, 5, 6, 7]);
        assert!(matches!(found[0].1, Look::File(now, _) if now == of("d/touched")));
        assert_eq!((found[3].1, found[4].1), (Look::Absent, Look::Other));
    }

    #[test]
    fn each_run_of_many_is_looked_at_and_told_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let list = List(vec![("x", Known::Racy); 10 * RUN + 7]);
        let found = sweep(&[Base::open(dir.path())], &list);
        assert!(found.iter().map(|(number, _)| *number).eq(0..list.len()));
    }

    #[test]
    fn a_name_that_no_file_can_have_is_not_what_it_was() {
        let list = List(vec![("a\0b", Known::Absent)]);
        assert_eq!(sweep(&[Base::open(Path::new("/"))], &list), [(0, Look::Other)]);
    }

    #[test]
    fn every_file_is_read_and_one_that_is_not_as_it_is_to_be_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let bases = [Base::open(dir.path()), Base::open(&dir.path().join("nowhere"))];
        fs::create_dir(dir.path().join("d")).unwrap();
        let large = "large".repeat(100_000);
        for (name, text) in [("small", "small"), ("large", large.as_str()), ("empty", "")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let list = List(vec![
            ("small", Known::Racy),
            ("large", Known::Racy),
            ("empty", Known::Racy),
            ("absent", Known::Absent),
            ("gone/below", Known::Absent),
        ]);
        let blob = |read: &Read| match read {
            Read::File(_, _, blob) => Some(*blob),
            _ => None,
        };
        let found: Vec<Option<Blob>> = read(&bases, &list).iter().map(blob).collect();
        let texts = [Some("small"), Some(&large), Some(""), None, None];
        assert_eq!(found, texts.map(|text| text.map(|text| Blob::of(text.as_bytes()))));
        for (name, known) in [("d", Known::Racy), ("gone/below", Known::Racy), ("small", Known::Absent)] {
            let list = List(vec![(name, known), ("small", Known::Racy)]);
            let found = read(&bases, &list);
            assert!(found.contains(&Read::Other), "{name}: {found:?}");
        }
    }

    #[test]
    fn many_files_are_digested_and_one_that_is_gone_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..40).map(|at| dir.path().join(at.to_string())).collect();
        for path in &paths[..39] {
            fs::write(path, path.as_os_str().as_encoded_bytes()).unwrap();
        }
        let digests = hash_all(&paths);
        assert_eq!(digests[39], None);
        assert_eq!(digests[7], Some(Blob::of(paths[7].as_os_str().as_encoded_bytes())));
    }
}
