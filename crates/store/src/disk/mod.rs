//! A store on disk: one directory that many processes share without a daemon.
//!
//! Its format is in `docs/format/store.md`. Files appear whole, by a rename, and are never changed. Readers need no
//! lock: what they look for may vanish at any time, and then it is absent.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rekindle_fingerprint::digest::{Blob, Digest};
use rustix::fs::{Access, AtFlags, CWD, Dir, Mode, accessat, openat, statat, unlinkat, utimensat};
use rustix::io::Errno;

use crate::error::{At, Error};
use crate::result::Entry;
use crate::{ActionCache, Cas, Store};

mod account;
mod files;
mod layout;
mod sealed;
mod tag;
mod trim;
mod walk;

pub use layout::Kind;
pub use trim::Trimmed;
pub use walk::{Count, Damage, Stats, Verified};

use account::Account;
use files::{DIRECTORY, Found, NOW};
use layout::{Name, VERSION};

/// So many input sets are read under one key: the newest.
const MAX_SETS: usize = 64;

/// Blobs from this size on are shared with what is written from them, where the file system can do that.
const CLONE_FROM: u64 = 64 << 10;

/// Larger blobs are read in pieces of this size.
const PIECE: usize = 1 << 20;

/// What a store on disk has to be told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The time; it decides whether a use is worth writing down.
    pub now: SystemTime,
    /// How many bytes the store may take, for [`Disk::trim_if_needed`].
    pub limit: u64,
}

/// A store in a directory.
#[derive(Debug)]
pub struct Disk {
    place: PathBuf,
    /// The directory of this format.
    inner: PathBuf,
    temporary: PathBuf,
    /// The directory of each kind; none is there in a store that cannot be written and never held any.
    dirs: [Option<OwnedFd>; 4],
    /// In seconds.
    now: i64,
    limit: u64,
    read_only: bool,
    clones: AtomicBool,
    account: Account,
}

impl Disk {
    /// Opens the store in the directory `path`, which is made if need be. One that cannot be written can still be
    /// read: then everything that is put is left out without an error.
    ///
    /// # Errors
    /// The directory cannot be made or read, it holds something else, or a newer rekindle made it.
    pub fn open(path: &Path, settings: Settings) -> Result<Self, Error> {
        fs::create_dir_all(path).at("create", path)?;
        tag::mark(path)?;
        let inner = path.join(VERSION);
        let temporary = inner.join("tmp");
        let mut dirs = [None, None, None, None];
        let mut read_only = false;
        if let Some(version) = directory(&open_place(path)?, VERSION).at("open", &inner)? {
            for (kind, dir) in Kind::ALL.into_iter().zip(&mut dirs) {
                *dir = directory(&version, kind.dir()).at("open", &inner.join(kind.dir()))?;
            }
            read_only |= directory(&version, "tmp").at("open", &temporary)?.is_none();
            for dir in ["tmp", "blobs", "results", "sets", "notes"] {
                let access = Access::WRITE_OK | Access::EXEC_OK;
                read_only |= accessat(&version, dir, access, AtFlags::empty()).is_err();
            }
        } else {
            read_only = true;
        }
        let now = match settings.now.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(_) => 0,
        };
        Ok(Self {
            place: path.to_path_buf(),
            account: Account::new(inner.join("usage")),
            inner,
            temporary,
            dirs,
            now,
            limit: settings.limit,
            read_only,
            clones: AtomicBool::new(true),
        })
    }

    /// Whether it can be read alone.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn dir(&self, kind: Kind) -> Option<&OwnedFd> {
        self.dirs[kind as usize].as_ref()
    }

    /// The payload of a sealed file, checked.
    fn open_sealed(&self, name: &Name) -> Result<Option<(Vec<u8>, Found)>, Error> {
        let Some(mut found) = self.find(name)? else { return Ok(None) };
        match payload(name, &mut found) {
            Ok(payload) => Ok(Some((payload, found))),
            Err(what) => Err(self.damaged(name, Some(&found.stat), what)),
        }
    }

    /// Puts a sealed file. A payload that is too long to be read again is left out.
    fn put_sealed(&self, name: &Name, payload: &[u8]) -> Result<(), Error> {
        if self.read_only || payload.len() > sealed::MAX_PAYLOAD {
            return Ok(());
        }
        self.place(name, &sealed::seal(name, payload))
    }

    /// The names of the sets under a key, and their directory.
    fn names_of_sets(&self, key: &Digest) -> Result<Option<(OwnedFd, Vec<Name>)>, Error> {
        let Some(dir) = self.dir(Kind::Set) else { return Ok(None) };
        let id = layout::hex(key);
        let path = format!("{}/{id}", &id[..2]);
        let shown = || self.inner.join(Kind::Set.dir()).join(&path);
        let dir = match openat(dir, &path, DIRECTORY, Mode::empty()) {
            Ok(dir) => dir,
            // What is no directory gives way when a set is put.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(error.into()).at("open", &shown()),
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&dir).map_err(io::Error::from).at("list", &shown())? {
            let entry = entry.map_err(io::Error::from).at("list", &shown())?;
            let set = layout::digest(entry.file_name().to_bytes());
            names.extend(set.map(|set| Name::set(*key, set)));
        }
        Ok(Some((dir, names)))
    }

    /// The time of the newest set in a key's directory but for `own`.
    fn newest(dir: &OwnedFd, names: &[Name], own: &Name) -> Option<(i64, i64)> {
        names.iter().filter(|name| *name != own).filter_map(|name| time_in(dir, name)).max()
    }
}

/// When a set was put.
fn time_in(dir: &OwnedFd, name: &Name) -> Option<(i64, i64)> {
    let stat = statat(dir, name.file(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(time(&stat))
}

fn time(stat: &rustix::fs::Stat) -> (i64, i64) {
    (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0))
}

fn open_place(path: &Path) -> Result<OwnedFd, Error> {
    // The store itself may be behind a link; nothing in it may.
    let flags = DIRECTORY.difference(rustix::fs::OFlags::NOFOLLOW);
    openat(CWD, path, flags, Mode::empty()).map_err(io::Error::from).at("open", path)
}

/// Opens the directory `name`, which is made if need be; none if it is not there and cannot be made.
fn directory(above: &OwnedFd, name: &str) -> io::Result<Option<OwnedFd>> {
    match openat(above, name, DIRECTORY, Mode::empty()) {
        Ok(dir) => return Ok(Some(dir)),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    match rustix::fs::mkdirat(above, name, Mode::from_raw_mode(0o777)) {
        Ok(()) | Err(Errno::EXIST) => Ok(Some(openat(above, name, DIRECTORY, Mode::empty())?)),
        Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The payload of an open sealed file.
fn payload(name: &Name, found: &mut Found) -> Result<Vec<u8>, &'static str> {
    if found.size() > sealed::MAX_SEALED {
        return Err("it is too long");
    }
    let bytes = found.bytes().map_err(|_| "it cannot be read")?;
    sealed::open(name, &bytes).map(<[u8]>::to_vec)
}

impl Cas for Disk {
    fn holds(&self, blob: &Blob) -> Result<bool, Error> {
        self.stands(&Name::of(Kind::Blob, blob.digest), blob.size)
    }

    fn read(&self, blob: &Blob) -> Result<Option<Vec<u8>>, Error> {
        let name = Name::of(Kind::Blob, blob.digest);
        let Some(mut found) = self.find(&name)? else { return Ok(None) };
        match read_blob(blob, &mut found) {
            Ok(bytes) => {
                self.renew(&found.file, &found.stat);
                Ok(Some(bytes))
            }
            Err(what) => Err(self.damaged(&name, Some(&found.stat), what)),
        }
    }

    fn write_to(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        let name = Name::of(Kind::Blob, blob.digest);
        let Some(mut found) = self.find(&name)? else { return Ok(false) };
        let place = |verb: &'static str| {
            move |source: io::Error| Error::Place { verb, path: to.to_path_buf(), source }
        };
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mode = fs::Permissions::from_mode(if executable { 0o777 } else { 0o666 });
        let mut file = tempfile::Builder::new()
            .prefix(".rekindle-")
            .permissions(mode)
            .tempfile_in(dir)
            .map_err(place("write"))?;
        match self.copy(blob, &mut found, file.as_file_mut()) {
            Ok(()) => {}
            Err(Copying::Wrong(what)) => return Err(self.damaged(&name, Some(&found.stat), what)),
            Err(Copying::To(error)) => return Err(place("write")(error)),
        }
        file.persist(to).map_err(|error| place("rename")(error.error))?;
        self.renew(&found.file, &found.stat);
        Ok(true)
    }

    fn put(&self, blob: &Blob, bytes: &[u8]) -> Result<bool, Error> {
        let name = Name::of(Kind::Blob, blob.digest);
        if self.read_only || self.stands(&name, blob.size)? {
            return Ok(false);
        }
        self.place(&name, bytes)?;
        Ok(true)
    }
}

/// Why a blob was not copied.
enum Copying {
    Wrong(&'static str),
    To(io::Error),
}

const NOT_ITS_SIZE: &str = "it does not have its size";
const NOT_ITS_NAME: &str = "its content is not what its name says";
const UNREADABLE: &str = "it cannot be read";
const NO_SENSE: &str = "it makes no sense";

impl Disk {
    /// Copies a blob. What was written is what was digested.
    fn copy(&self, blob: &Blob, from: &mut Found, to: &mut File) -> Result<(), Copying> {
        if from.size() != blob.size {
            return Err(Copying::Wrong(NOT_ITS_SIZE));
        }
        if blob.size >= CLONE_FROM && self.clone_file(&from.file, to) {
            let digest = pieces(to, blob.size, |_| Ok(())).map_err(Copying::To)?;
            let ends = to.metadata().is_ok_and(|now| now.len() == blob.size);
            return if digest == blob.digest && ends { Ok(()) } else { Err(Copying::Wrong(NOT_ITS_NAME)) };
        }
        let mut failed = None;
        let digest = pieces(&mut from.file, blob.size, |piece| {
            to.write_all(piece).map_err(|error| {
                let kind = error.kind();
                failed = Some(error);
                kind.into()
            })
        });
        match (digest, failed) {
            (_, Some(error)) => Err(Copying::To(error)),
            (Err(_), None) => Err(Copying::Wrong(UNREADABLE)),
            (Ok(digest), None) if digest == blob.digest => Ok(()),
            (Ok(_), None) => Err(Copying::Wrong(NOT_ITS_NAME)),
        }
    }

    /// Lets one file share the blocks of another, where the file system can do that.
    fn clone_file(&self, from: &File, to: &File) -> bool {
        if !self.clones.load(Ordering::Relaxed) {
            return false;
        }
        let cloned = rustix::fs::ioctl_ficlone(to, from).is_ok();
        // It is one file system to another in a whole build, so there is no need to ask again.
        self.clones.store(cloned, Ordering::Relaxed);
        cloned
    }
}

/// Reads `size` bytes, gives each piece to `each`, and tells their digest.
fn pieces(from: &mut File, size: u64, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut left = usize::try_from(size).unwrap_or(usize::MAX);
    let mut buffer = vec![0; left.min(PIECE)];
    while left > 0 {
        let piece = left.min(PIECE);
        let piece = &mut buffer[..piece];
        from.read_exact(piece)?;
        hasher.update(piece);
        each(piece)?;
        left -= piece.len();
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

fn read_blob(blob: &Blob, found: &mut Found) -> Result<Vec<u8>, &'static str> {
    if found.size() != blob.size {
        return Err(NOT_ITS_SIZE);
    }
    let bytes = found.bytes().map_err(|_| UNREADABLE)?;
    if Digest::of(&bytes) == blob.digest { Ok(bytes) } else { Err(NOT_ITS_NAME) }
}

impl ActionCache for Disk {
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        let Some((dir, mut names)) = self.names_of_sets(key)? else { return Ok(Vec::new()) };
        if names.len() > MAX_SETS {
            names.sort_by_cached_key(|name| std::cmp::Reverse(time_in(&dir, name)));
            names.truncate(MAX_SETS);
        }
        let mut sets = Vec::new();
        for name in &names {
            match self.open_sealed(name) {
                Ok(Some((payload, found))) => sets.push((time(&found.stat), payload)),
                Ok(None) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if let Ok(stat) = rustix::fs::fstat(&dir) {
            self.renew(&dir, &stat);
        }
        sets.sort_by(|one, other| other.cmp(one));
        Ok(sets.into_iter().map(|(_, payload)| payload).collect())
    }

    fn put_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error> {
        if self.read_only {
            return Ok(());
        }
        let name = Name::set(*key, Digest::of(set));
        self.put_sealed(&name, set)?;
        // The clock of a file system has ticks; what is put in one comes in order all the same.
        if let Some((dir, names)) = self.names_of_sets(key)?
            && let (Some(newest), Some(own)) = (Self::newest(&dir, &names, &name), time_in(&dir, &name))
            && own <= newest
        {
            let mut times = NOW;
            let (seconds, nanos) = newest;
            let carry = nanos >= 999_999_999;
            times.last_modification.tv_sec = seconds.saturating_add(i64::from(carry));
            times.last_modification.tv_nsec = if carry { 0 } else { nanos + 1 };
            let _ = utimensat(&dir, name.file(), &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        Ok(())
    }

    fn entry(&self, action: &Digest) -> Result<Option<Entry>, Error> {
        let name = Name::of(Kind::Result, *action);
        let Some((payload, found)) = self.open_sealed(&name)? else { return Ok(None) };
        match Entry::decode(&payload) {
            Ok(entry) => {
                self.renew(&found.file, &found.stat);
                Ok(Some(entry))
            }
            Err(_) => Err(self.damaged(&name, Some(&found.stat), NO_SENSE)),
        }
    }

    fn put_entry(&self, action: &Digest, entry: &Entry) -> Result<(), Error> {
        self.put_sealed(&Name::of(Kind::Result, *action), &entry.encode())
    }

    fn remove_entry(&self, action: &Digest) -> Result<(), Error> {
        let name = Name::of(Kind::Result, *action);
        let Some(dir) = self.dir(Kind::Result).filter(|_| !self.read_only) else { return Ok(()) };
        match unlinkat(dir, name.path(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR) => Ok(()),
            Err(error) => Err(error.into()).at("remove", &self.path_of(&name)),
        }
    }

    fn note(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let Some((payload, found)) = self.open_sealed(&Name::of(Kind::Note, *key))? else { return Ok(None) };
        self.renew(&found.file, &found.stat);
        Ok(Some(payload))
    }

    fn put_note(&self, key: &Digest, note: &[u8]) -> Result<(), Error> {
        self.put_sealed(&Name::of(Kind::Note, *key), note)
    }
}

impl Store for Disk {
    fn place(&self) -> Option<PathBuf> {
        Some(self.place.clone())
    }
}
