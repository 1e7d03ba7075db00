//! A store that somebody else uses, opened to be read: nothing in it is made, written down or set aside.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rustix::fs::{Mode, openat};
use rustix::io::Errno;

use super::account::Account;
use super::files::DIRECTORY;
use super::layout::{Kind, VERSION};
use super::tag::{self, Mark};
use super::{Disk, Settings, open_place, seconds_of};
use crate::error::{At, Error};

/// What lies in a directory.
#[derive(Debug)]
pub enum Lies {
    /// A store.
    Store(Box<Disk>),
    /// A store of an older format, which has nothing in it that this one could read.
    Older,
    /// Something else.
    Other,
}

impl Disk {
    /// Opens the store in the directory `path`, if one is there. It is read-only: what is put is left out, no use is
    /// written down, and what is damaged stays where it is.
    ///
    /// # Errors
    /// The directory cannot be read, or a newer rekindle made the store.
    pub fn open_to_read(path: &Path, settings: Settings) -> Result<Lies, Error> {
        fs::metadata(path).at("stat", path)?;
        match tag::read(path)? {
            Mark::Own => {}
            Mark::Older => return Ok(Lies::Older),
            Mark::None => return Ok(Lies::Other),
        }
        let inner = path.join(VERSION);
        let mut dirs = [None, None, None, None, None];
        let open = |above: &_, name: &str| match openat(above, name, DIRECTORY, Mode::empty()) {
            Ok(dir) => Ok(Some(dir)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(std::io::Error::from(error)),
        };
        if let Some(version) = open(&open_place(path)?, VERSION).at("open", &inner)? {
            for (kind, dir) in Kind::ALL.into_iter().zip(&mut dirs) {
                *dir = open(&version, kind.dir()).at("open", &inner.join(kind.dir()))?;
            }
        }
        Ok(Lies::Store(Box::new(Self {
            place: path.to_path_buf(),
            account: Account::new(inner.join("usage")),
            temporary: inner.join("tmp"),
            inner,
            dirs,
            now: seconds_of(settings.now),
            limit: settings.limit,
            read_only: true,
            clones: AtomicBool::new(true),
        })))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;
    use std::time::{Duration, UNIX_EPOCH};

    use rekindle_fingerprint::digest::Digest;

    use super::*;
    use crate::{ActionCache, ActionResult, Entry};

    /// Everything below a directory: its path, its time of change, its content.
    fn all(dir: &Path) -> Vec<(PathBuf, i64, i64, Vec<u8>)> {
        let mut found = Vec::new();
        let mut dirs = vec![dir.to_path_buf()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
                let (path, data) = (entry.path(), entry.metadata().unwrap());
                if data.is_dir() {
                    dirs.push(path.clone());
                }
                found.push((
                    path.clone(),
                    data.ctime(),
                    data.ctime_nsec(),
                    fs::read(path).unwrap_or_default(),
                ));
            }
        }
        found.sort();
        found
    }

    fn settings() -> Settings {
        // Long after every file, so that each use is worth writing down.
        Settings { now: UNIX_EPOCH + Duration::from_secs(1 << 33), limit: u64::MAX }
    }

    #[test]
    fn reading_a_store_changes_nothing_in_it_not_even_what_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let (good, bad) = (Digest::of(b"good"), Digest::of(b"bad"));
        let store = Disk::open(dir.path(), settings()).unwrap();
        for name in [good, bad] {
            store.put_entry(&name, &Entry::Made(ActionResult::default())).unwrap();
            store.put_note(&name, b"note").unwrap();
        }
        drop(store);
        let hex = bad.hex();
        let damaged = dir.path().join(VERSION).join("results").join(&hex[..2]).join(&hex);
        fs::remove_file(&damaged).unwrap();
        fs::write(&damaged, "no result").unwrap();
        let before = all(dir.path());
        let Ok(Lies::Store(store)) = Disk::open_to_read(dir.path(), settings()) else { panic!("no store") };
        let mut names = Vec::new();
        store.each_result(&mut |name, _| names.push(name)).unwrap();
        assert_eq!(names, [good]);
        assert!(store.entry(&bad).is_err());
        assert_eq!(store.note(&good).unwrap().as_deref(), Some(&b"note"[..]));
        store.put_note(&Digest::of(b"new"), b"note").unwrap();
        assert_eq!(store.builds().unwrap(), []);
        drop(store);
        assert_eq!(all(dir.path()), before);
    }

    #[test]
    fn what_is_no_store_is_told_from_one_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let lies = |path: &Path| Disk::open_to_read(path, settings());
        assert!(matches!(lies(dir.path()), Ok(Lies::Other)));
        assert!(matches!(lies(&dir.path().join("missing")), Err(Error::Io { .. })));
        assert!(all(dir.path()).is_empty());
        drop(Disk::open(dir.path(), settings()).unwrap());
        let tag = dir.path().join("CACHEDIR.TAG");
        let text = fs::read_to_string(&tag).unwrap();
        fs::remove_file(&tag).unwrap();
        for (format, older) in [("1", true), ("2", false)] {
            fs::write(&tag, text.replace("format 2", &format!("format {format}"))).unwrap();
            let before = all(dir.path());
            assert_eq!(matches!(lies(dir.path()), Ok(Lies::Older)), older);
            assert_eq!(all(dir.path()), before);
        }
        fs::write(&tag, text.replace("format 2", "format 9")).unwrap();
        assert!(matches!(lies(dir.path()), Err(Error::Newer { format: 9, .. })));
        // Its mark alone is there: there is nothing in it.
        fs::write(&tag, text).unwrap();
        fs::remove_dir_all(dir.path().join(VERSION)).unwrap();
        let Ok(Lies::Store(store)) = lies(dir.path()) else { panic!("no store") };
        store.each_result(&mut |_, _| panic!("a result")).unwrap();
        assert!(!dir.path().join(VERSION).exists());
    }
}
