//! One file of the store: found, read, put into its place, set aside.
//!
//! Nothing here follows a link below the store's own directory, and nothing waits for a FIFO.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, UTIME_NOW,
    UTIME_OMIT, fstat, futimens, mkdirat, openat, openat2, renameat, statat, unlinkat, utimensat,
};
use rustix::io::Errno;

use super::Disk;
use super::blob::UNREADABLE;
use super::layout::{Kind, Name};
use crate::error::{At, Error};

/// So much later than its last use a file is used again before that is written down, in seconds.
const RENEW_AFTER: i64 = 3600;

/// So many files are kept of those that were set aside.
const MAX_DAMAGED: usize = 64;

/// How a directory on the way to a file is opened.
pub(crate) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// How a file is opened.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK);

/// A regular file that was found, and what the system says of it.
pub(crate) struct Found {
    pub(crate) file: File,
    pub(crate) stat: Stat,
}

impl Found {
    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }

    /// All of it, which is `size` bytes.
    pub(crate) fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.size()).unwrap_or(usize::MAX)];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// What a look at a name gave.
pub(crate) enum Look {
    Absent,
    /// It is no file that can be read.
    Wrong(&'static str),
    File(Found),
}

pub(crate) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// When a file was last used, in seconds.
pub(crate) fn seconds(stat: &Stat) -> i64 {
    stat.st_mtime
}

/// "Now", as the file system says it.
pub(crate) const NOW: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ },
    last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW as _ },
};

impl Disk {
    /// Opens the file called `name`.
    pub(crate) fn look(&self, name: &Name) -> Result<Look, Error> {
        let Some(dir) = self.dir(name.kind) else { return Ok(Look::Absent) };
        look_at(dir, &name.path()).at("read", &self.path_of(name))
    }

    /// The file called `name`; one that is none is set aside.
    pub(crate) fn find(&self, name: &Name) -> Result<Option<Found>, Error> {
        match self.look(name)? {
            Look::Absent => Ok(None),
            Look::File(found) => Ok(Some(found)),
            Look::Wrong(what) => Err(self.damaged(name, None, what)),
        }
    }

    /// Writes down that a file was used, if that was not done lately.
    pub(crate) fn renew(&self, file: impl AsFd, stat: &Stat) {
        if self.is_due(stat) {
            // Who may not write it down goes without.
            let _ = futimens(file, &NOW);
        }
    }

    /// Whether the last use that is written down is not a recent one.
    pub(crate) fn is_due(&self, stat: &Stat) -> bool {
        !self.read_only && self.now.saturating_sub(seconds(stat)).saturating_abs() > RENEW_AFTER
    }

    /// Whether a blob's file is there with the right size; then it counts as used.
    pub(crate) fn stands(&self, name: &Name, size: u64) -> Result<bool, Error> {
        let Some(dir) = self.dir(name.kind) else { return Ok(false) };
        match statat(dir, name.path(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if is_file(&stat) && u64::try_from(stat.st_size) == Ok(size) => {
                if self.is_due(&stat)
                    && let Ok(dir) = self.dir_of(name)
                {
                    let _ = utimensat(&dir, name.file(), &NOW, AtFlags::SYMLINK_NOFOLLOW);
                }
                Ok(true)
            }
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => Ok(false),
            Err(error) => Err(error.into()).at("look at", &self.path_of(name)),
        }
    }

    /// Writes down that a file is used now, whenever it last was; `false` if it is not there.
    pub(crate) fn touch(&self, name: &Name) -> Result<bool, Error> {
        let Some(dir) = self.dir(name.kind) else { return Ok(false) };
        match statat(dir, name.path(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if is_file(&stat) => {}
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(false),
            Err(error) => return Err(error.into()).at("look at", &self.path_of(name)),
        }
        if self.read_only {
            return Ok(true);
        }
        let touched = self
            .dir_of(name)
            .is_ok_and(|dir| utimensat(&dir, name.file(), &NOW, AtFlags::SYMLINK_NOFOLLOW).is_ok());
        Ok(touched)
    }

    /// Writes a file: whole, under its name, or not at all. Tells whether the directory that it lies in was made for it.
    pub(crate) fn place(&self, name: &Name, bytes: &[u8]) -> Result<bool, Error> {
        let path = self.path_of(name);
        let mut file = tempfile::Builder::new()
            .prefix("")
            .permissions(fs::Permissions::from_mode(0o444))
            .tempfile_in(&self.temporary)
            .at("write in", &self.temporary)?;
        file.write_all(bytes).at("write", &path)?;
        let file = file.into_temp_path();
        let made = self.adopt(name, &file)?;
        file.keep().map_err(|error| error.error).at("write", &path)?;
        self.account_of(bytes.len() as u64);
        Ok(made)
    }

    /// Moves the file at `from`, which is whole and lies in the store's own directory for what is being written, to its
    /// place. Tells whether the directory that it lies in was made for it.
    pub(crate) fn adopt(&self, name: &Name, from: &Path) -> Result<bool, Error> {
        let mut tries = 0;
        loop {
            let moved = self.make_dir_of(name).and_then(|(dir, made)| {
                renameat(CWD, from, &dir, name.file())?;
                Ok(made)
            });
            tries += 1;
            match moved {
                Ok(made) => return Ok(made),
                // A directory lies in its place, or something that is none on the way to it; or a trim took the
                // directory away.
                Err(error) if tries < 4 && is_in_the_way(&error) => self.clear(name, |stat| !is_file(stat)),
                Err(error) => return Err(error).at("write", &self.path_of(name)),
            }
        }
    }

    /// Writes down that a file of `size` bytes was put.
    pub(crate) fn account_of(&self, size: u64) {
        self.account.add(size);
    }

    /// The directory that a file lies in.
    pub(crate) fn dir_of(&self, name: &Name) -> io::Result<OwnedFd> {
        let kind = self.dir(name.kind).ok_or(Errno::NOENT)?;
        let mut dir: Option<OwnedFd> = None;
        for part in name.dirs() {
            dir = Some(openat(dir.as_ref().unwrap_or(kind), &part, DIRECTORY, Mode::empty())?);
        }
        dir.ok_or_else(|| Errno::NOENT.into())
    }

    /// The directory that a file lies in, made if need be, and whether that was so.
    fn make_dir_of(&self, name: &Name) -> io::Result<(OwnedFd, bool)> {
        let kind = self.dir(name.kind).ok_or(Errno::NOENT)?;
        let (mut dir, mut made): (Option<OwnedFd>, bool) = (None, false);
        for part in name.dirs() {
            let above = dir.as_ref().unwrap_or(kind);
            let below = match openat(above, &part, DIRECTORY, Mode::empty()) {
                Err(Errno::NOENT) => {
                    made = match mkdirat(above, &part, Mode::from_raw_mode(0o777)) {
                        Ok(()) => true,
                        Err(Errno::EXIST) => false,
                        Err(error) => return Err(error.into()),
                    };
                    openat(above, &part, DIRECTORY, Mode::empty())?
                }
                opened => {
                    made = false;
                    opened?
                }
            };
            dir = Some(below);
        }
        dir.map(|dir| (dir, made)).ok_or_else(|| Errno::NOENT.into())
    }

    /// Removes a file.
    pub(crate) fn remove(&self, name: &Name) -> io::Result<()> {
        let gone = |error: &io::Error| {
            let errno = Errno::from_io_error(error);
            matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ISDIR))
        };
        let removed = self.dir_of(name).and_then(|dir| Ok(unlinkat(&dir, name.file(), AtFlags::empty())?));
        removed.or_else(|error| if gone(&error) { Ok(()) } else { Err(error) })
    }

    /// Sets aside what lies where a directory on the way to a file is to be, or, if these are there, what lies in the
    /// file's own place and `is_wrong`.
    fn clear(&self, name: &Name, is_wrong: impl Fn(&Stat) -> bool) {
        let Some(kind) = self.dir(name.kind) else { return };
        let mut dir: Option<OwnedFd> = None;
        for part in name.dirs() {
            let above = dir.as_ref().unwrap_or(kind);
            match openat(above, &part, DIRECTORY, Mode::empty()) {
                Ok(below) => dir = Some(below),
                Err(Errno::NOTDIR | Errno::LOOP) => return self.move_aside(name.kind, above, part.as_ref()),
                Err(_) => return,
            }
        }
        let above = dir.as_ref().unwrap_or(kind);
        if statat(above, name.file(), AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| is_wrong(&stat)) {
            self.move_aside(name.kind, above, name.file().as_ref());
        }
    }

    /// Sets a file aside that is not what its name says, and gives the error that tells so. `seen` is what was read:
    /// if another file lies there by now, that one stays.
    pub(crate) fn damaged(&self, name: &Name, seen: Option<&Stat>, what: &'static str) -> Error {
        self.clear(name, |now| {
            seen.is_none_or(|seen| (now.st_ino, now.st_dev) == (seen.st_ino, seen.st_dev))
        });
        Error::Damaged { path: self.path_of(name), what }
    }

    /// Moves what is called `name` in `dir` to the damaged files; where there are many of these already, it is removed.
    pub(crate) fn move_aside(&self, kind: Kind, dir: &OwnedFd, name: &OsStr) {
        if self.read_only {
            return;
        }
        let aside = self.inner.join("damaged");
        let _ = fs::create_dir(&aside);
        let many = fs::read_dir(&aside).map_or(usize::MAX, Iterator::count) >= MAX_DAMAGED;
        let moved = !many
            && rustix::fs::open(&aside, DIRECTORY, Mode::empty()).is_ok_and(|aside| {
                (0..MAX_DAMAGED).any(|count| {
                    let to = format!("{}-{}-{count}", kind.dir(), name.to_string_lossy());
                    statat(&aside, &to, AtFlags::SYMLINK_NOFOLLOW).is_err()
                        && renameat(dir, name, &aside, &to).is_ok()
                })
            });
        if !moved {
            remove(dir, Path::new(name));
        }
    }

    /// A file's path, for people.
    pub(crate) fn path_of(&self, name: &Name) -> PathBuf {
        self.place.join(name.shown())
    }
}

/// Opens what lies at `path` below `dir`, and follows no link on the way.
pub(crate) fn open_below(dir: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    match openat2(dir, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        // The system does not know this call, or a sandbox refuses it.
        Err(Errno::NOSYS | Errno::PERM) => openat(dir, path, flags, Mode::empty()),
        opened => opened,
    }
}

/// Opens a file below `dir`.
pub(crate) fn look_at(dir: &OwnedFd, path: &str) -> io::Result<Look> {
    let file = match open_below(dir, path, FILE) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Look::Absent),
        Err(Errno::LOOP) => return Ok(Look::Wrong("it is a link")),
        Err(Errno::NXIO | Errno::NODEV) => return Ok(Look::Wrong("it is no file")),
        Err(Errno::ACCESS | Errno::PERM | Errno::IO) => return Ok(Look::Wrong(UNREADABLE)),
        Err(error) => return Err(error.into()),
    };
    let stat = fstat(&file)?;
    if !is_file(&stat) {
        return Ok(Look::Wrong("it is no file"));
    }
    Ok(Look::File(Found { file, stat }))
}

/// Removes whatever lies at `path`.
pub(crate) fn remove(dir: &OwnedFd, path: &Path) -> bool {
    remove_each(dir, path, &mut |_| {})
}

/// As [`remove`]; tells the size of each file that is removed.
pub(crate) fn remove_each(dir: &OwnedFd, path: &Path, each: &mut dyn FnMut(u64)) -> bool {
    let size = statat(dir, path, AtFlags::SYMLINK_NOFOLLOW).ok().filter(is_file).map(|stat| stat.st_size);
    match unlinkat(dir, path, AtFlags::empty()) {
        Ok(()) => {
            size.into_iter().for_each(|size| each(u64::try_from(size).unwrap_or(0)));
            return true;
        }
        Err(Errno::ISDIR) => {}
        Err(_) => return false,
    }
    let Ok(below) = openat(dir, path, DIRECTORY, Mode::empty()) else { return false };
    // A directory that is changed while it is listed may be listed in part.
    for entry in Dir::read_from(&below).into_iter().flatten().flatten() {
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            remove_each(&below, Path::new(OsStr::from_bytes(entry.file_name().to_bytes())), each);
        }
    }
    unlinkat(dir, path, AtFlags::REMOVEDIR).is_ok()
}

fn is_in_the_way(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(
        errno,
        Some(Errno::ISDIR | Errno::NOTDIR | Errno::LOOP | Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT)
    )
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use rekindle_fingerprint::digest::Blob;

    use super::*;
    use crate::Cas;
    use crate::disk::Settings;

    #[test]
    fn a_good_file_that_has_taken_the_place_of_a_damaged_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = Disk::open(dir.path(), Settings { now: UNIX_EPOCH, limit: 0 }).unwrap();
        let blob = Blob::of(b"good");
        let name = Name::of(Kind::Blob, blob.digest);
        store.put(&blob, b"good").unwrap();
        let path = store.path_of(&name);
        let good = fs::read(&path).unwrap();
        fs::rename(&path, dir.path().join("v2/tmp/held")).unwrap();
        fs::write(&path, "bad").unwrap();
        let Look::File(seen) = store.look(&name).unwrap() else { panic!("it is there") };
        // Another process has found the damage first, and put the blob anew.
        fs::rename(dir.path().join("v2/tmp/held"), &path).unwrap();
        let _ = store.damaged(&name, Some(&seen.stat), "bad");
        assert_eq!(fs::read(&path).unwrap(), good);
        let Look::File(seen) = store.look(&name).unwrap() else { panic!("it is there") };
        let _ = store.damaged(&name, Some(&seen.stat), "bad");
        assert!(!path.exists());
    }
}
