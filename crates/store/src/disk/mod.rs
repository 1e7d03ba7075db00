//! A store on disk: one directory that many processes share without a daemon.
//!
//! Its format is in `docs/format/store.md`. Files appear whole, by a rename, and are never changed. Readers need no
//! lock: what they look for may vanish at any time, and then it is absent.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use rekindle_fingerprint::digest::{Blob, Digest};
use rustix::fs::{Access, AtFlags, CWD, Mode, accessat, openat};
use rustix::io::Errno;

use crate::build::Build;
use crate::error::{At, Error};
use crate::result::Entry;
use crate::{ActionCache, Cas, Store};

mod account;
mod blob;
mod builds;
mod carry;
mod files;
mod layout;
mod reach;
mod read;
mod sealed;
mod sets;
mod tag;
mod trim;
mod used;
mod walk;

pub use reach::{Reached, Since};
pub use read::Lies;
pub use trim::Trimmed;
pub use walk::{Count, Damage, Stats, Verified};

pub(crate) use carry::{Head, Taking};
pub(crate) use sets::{MAX_SETS, Time};

use account::Account;
use blob::{Copying, read_blob};
use files::{DIRECTORY, Found};
use layout::{Kind, Name, VERSION};

/// What is wrong with a result that is sealed as it should be.
pub(crate) const NO_SENSE: &str = "it makes no sense";

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
    dirs: [Option<OwnedFd>; 5],
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
        let mut dirs = [None, None, None, None, None];
        let mut read_only = false;
        let is_new = !inner.exists();
        if let Some(version) = directory(&open_place(path)?, VERSION).at("open", &inner)? {
            for (kind, dir) in Kind::ALL.into_iter().zip(&mut dirs) {
                *dir = directory(&version, kind.dir()).at("open", &inner.join(kind.dir()))?;
            }
            read_only |= directory(&version, "tmp").at("open", &temporary)?.is_none();
            for dir in ["tmp", "blobs", "results", "sets", "notes", "builds"] {
                let access = Access::WRITE_OK | Access::EXEC_OK;
                read_only |= accessat(&version, dir, access, AtFlags::empty()).is_err();
            }
        } else {
            read_only = true;
        }
        let now = seconds_of(settings.now);
        let account = Account::new(inner.join("usage"));
        if is_new && let Ok(data) = fs::metadata(&inner) {
            account.begin(data.ino(), now);
        }
        Ok(Self {
            place: path.to_path_buf(),
            account,
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

    /// Copies a blob to a file that is handed out at `to`; one that is not what its name says is set aside.
    fn fill(
        &self,
        name: &Name,
        blob: &Blob,
        found: &mut Found,
        file: &mut fs::File,
        to: &Path,
    ) -> Result<(), Error> {
        self.copy(blob, found, file).map_err(|copying| match copying {
            Copying::Wrong(what) => self.damaged(name, Some(&found.stat), what),
            Copying::To(error) => trouble("write", to)(error),
        })
    }

    /// Puts a sealed file, and tells whether the directory that it lies in was made for it. A payload that is too long to
    /// be read again is left out.
    fn put_sealed(&self, name: &Name, payload: &[u8]) -> Result<bool, Error> {
        if self.read_only || payload.len() > sealed::MAX_PAYLOAD {
            return Ok(false);
        }
        self.place(name, &sealed::seal(name, payload))
    }
}

/// Seconds since 1970.
fn seconds_of(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

/// The mode of a file that is handed out, before the mask of the process.
fn mode(executable: bool) -> u32 {
    if executable { 0o777 } else { 0o666 }
}

/// A place that cannot be written to.
fn trouble(verb: &'static str, to: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = to.to_path_buf();
    move |source| Error::Place { verb, path, source }
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
pub(crate) fn payload(name: &Name, found: &mut Found) -> Result<Vec<u8>, &'static str> {
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
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".rekindle-")
            .permissions(fs::Permissions::from_mode(mode(executable)))
            .tempfile_in(dir)
            .map_err(trouble("write", to))?;
        self.fill(&name, blob, &mut found, file.as_file_mut(), to)?;
        file.persist(to).map_err(|error| trouble("rename", to)(error.error))?;
        self.renew(&found.file, &found.stat);
        Ok(true)
    }

    fn write_draft(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        let name = Name::of(Kind::Blob, blob.digest);
        let Some(mut found) = self.find(&name)? else { return Ok(false) };
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(mode(executable)).open(to);
        let mut file = file.map_err(trouble("write", to))?;
        if let Err(error) = self.fill(&name, blob, &mut found, &mut file, to) {
            // If it stays, it is a draft all the same.
            let _ = fs::remove_file(to);
            return Err(error);
        }
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

impl ActionCache for Disk {
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        self.read_sets(key)
    }

    fn put_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error> {
        if self.read_only { Ok(()) } else { self.add_set(key, set) }
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
        self.put_sealed(&Name::of(Kind::Result, *action), &entry.encode()).map(drop)
    }

    fn remove_entry(&self, action: &Digest) -> Result<(), Error> {
        let name = Name::of(Kind::Result, *action);
        if self.read_only {
            return Ok(());
        }
        self.remove(&name).at("remove", &self.path_of(&name))
    }

    fn note(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let Some((payload, found)) = self.open_sealed(&Name::of(Kind::Note, *key))? else { return Ok(None) };
        self.renew(&found.file, &found.stat);
        Ok(Some(payload))
    }

    fn put_note(&self, key: &Digest, note: &[u8]) -> Result<(), Error> {
        self.put_sealed(&Name::of(Kind::Note, *key), note).map(drop)
    }

    fn put_build(&self, build: &Build) -> Result<Digest, Error> {
        let name = Name::of(Kind::Build, build.name());
        // One that is damaged is set aside by the look, and made anew.
        let is_there = match self.build(&name.id) {
            Ok(there) => there.is_some(),
            Err(Error::Damaged { .. }) => false,
            Err(error) => return Err(error),
        };
        self.make_last(&name, || {
            if !(is_there && self.touch(&name)?) {
                self.put_sealed(&name, &build.encode())?;
            }
            Ok(true)
        })?;
        Ok(name.id)
    }

    fn build(&self, name: &Digest) -> Result<Option<Build>, Error> {
        let name = Name::of(Kind::Build, *name);
        let Some((payload, found)) = self.open_sealed(&name)? else { return Ok(None) };
        let build = Build::decode(&payload).ok().filter(|build| build.name() == name.id);
        build.map(Some).ok_or_else(|| self.damaged(&name, Some(&found.stat), NO_SENSE))
    }

    fn use_build(&self, name: &Digest) -> Result<bool, Error> {
        let name = Name::of(Kind::Build, *name);
        self.make_last(&name, || self.touch(&name))
    }
}

impl Store for Disk {
    fn place(&self) -> Option<PathBuf> {
        Some(self.place.clone())
    }
}
