//! A build directory: its lock, its journal, its clock and its places.
//!
//! ```text
//! lock      who builds here now
//! running   locked by the commands that run now
//! journal   stamps, signatures, what toolchains were made of
//! marker    touched to read the file system's clock
//! tmp/      depfiles, response files, the commands' TMPDIR
//! snapshots/ by which the next build finds out that nothing is to be done
//! proofs/   the same where it was carried elsewhere
//! kept/     the outputs of the stamp before the current one
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::signature::Instant;
use rekindle_store::Store;
use rekindle_toolchain::Memo;
use rustc_hash::FxHashSet;

use crate::error::{At, Error};
use crate::history::History;
use crate::lock::{Lock, Waiting};
use crate::marker::Marker;

/// The format of the build directory, as the name of its file.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory was made by rekindle; backups may leave it out. See https://bford.info/cachedir/\n";

/// The names at its top that are ours.
pub(crate) const OWN: [&str; 11] = [
    "snapshots",
    "proofs",
    "lock",
    "running",
    "journal",
    "journal.new",
    "marker",
    "tmp",
    "kept",
    "CACHEDIR.TAG",
    "CACHEDIR.TAG.new",
];

/// An open, locked build directory of one profile.
pub struct BuildDir {
    path: PathBuf,
    /// What it remembers.
    pub history: History,
    pub(crate) marker: Arc<Marker>,
    /// Where results are shared with other build directories.
    pub(crate) store: Option<Arc<dyn Store>>,
    /// Whether it bore our mark when it was opened.
    pub(crate) ours: bool,
    /// The answers about toolchains that were asked for and may be shared.
    asked: BTreeSet<Digest>,
    /// Held for as long as this lives.
    _lock: Lock,
}

/// A build directory that is locked, and of which nothing is read yet.
pub struct Locked {
    path: PathBuf,
    lock: Lock,
    marker: Marker,
    ours: bool,
}

impl Locked {
    /// Locks the build directory at `path` (it is made if need be), after waiting for other builds in it. `holder` is
    /// what others are told about us; `waiting` is called once for each thing that has to be waited for.
    ///
    /// # Errors
    /// It cannot be written, or it holds something else.
    pub fn take(path: &Path, holder: &str, waiting: impl FnMut(Waiting)) -> Result<Self, Error> {
        let ours = mark(path)?;
        let lock = Lock::take(path, holder, waiting)?;
        empty(&path.join("tmp"))?;
        let marker = Marker::open(&path.join("marker"))?;
        Ok(Self { path: path.to_path_buf(), lock, marker, ours })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its journal lies, for [`History::resume`].
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal")
    }

    /// What the clock of its file system says now.
    ///
    /// # Errors
    /// The marker cannot be touched.
    pub fn now(&self) -> Result<Instant, Error> {
        self.marker.now()
    }

    /// Reads all that it remembers into `files`; what `files` reads from here on is racy against this instant.
    ///
    /// # Errors
    /// The journal cannot be used, or a newer rekindle wrote it.
    pub fn remember(self, files: &mut Files) -> Result<BuildDir, Error> {
        let history = History::open(&self.journal(), files)?;
        files.set_instant(self.marker.now()?);
        self.resume(history)
    }

    /// Reads only the answers about toolchains that it remembers. See [`BuildDir::remember_all`].
    ///
    /// # Errors
    /// As [`Locked::remember`].
    pub fn remember_answers(self, files: &mut Files) -> Result<BuildDir, Error> {
        let history = History::open_part(&self.journal(), files, &FxHashSet::default(), Vec::new())?;
        files.set_instant(self.marker.now()?);
        self.resume(history)
    }

    /// Whether nothing lies in it but what is ours, and nothing is remembered.
    pub fn is_empty(&self) -> bool {
        let ours = |name: &std::ffi::OsStr| name.to_str().is_some_and(|name| OWN.contains(&name));
        let entries = fs::read_dir(&self.path).into_iter().flatten();
        !self.journal().exists()
            && entries.into_iter().all(|entry| entry.is_ok_and(|entry| ours(&entry.file_name())))
    }

    /// Goes on with a history of its journal that somebody else has opened. Commands can be started from here on.
    ///
    /// # Errors
    /// The lock that commands inherit cannot be had.
    pub fn resume(mut self, history: History) -> Result<BuildDir, Error> {
        rekindle_exec::inherit(self.lock.running()?)?;
        let Self { path, lock, marker, ours } = self;
        Ok(BuildDir {
            path,
            history,
            marker: Arc::new(marker),
            store: None,
            ours,
            asked: BTreeSet::new(),
            _lock: lock,
        })
    }
}

impl BuildDir {
    /// Opens the build directory at `path` (it is made if need be), waits for other builds in it, and reads what
    /// it remembers into `files`.
    ///
    /// # Errors
    /// It cannot be written, or a newer rekindle wrote it.
    pub fn open(
        path: &Path,
        files: &mut Files,
        holder: &str,
        waiting: impl FnMut(Waiting),
    ) -> Result<Self, Error> {
        Locked::take(path, holder, waiting)?.remember(files)
    }

    /// Reads the rest of what it remembers, after [`Locked::remember_answers`].
    ///
    /// # Errors
    /// The journal cannot be used.
    pub fn remember_all(&mut self, files: &mut Files) -> Result<(), Error> {
        self.history.mark()?;
        self.history = History::open(&self.path.join("journal"), files)?;
        for key in &self.asked {
            self.history.memo(key);
        }
        Ok(())
    }

    /// From here on, results are shared through `store`, and so are answers about toolchains.
    pub fn share(&mut self, store: Arc<dyn Store>) {
        self.store = Some(store);
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the notes in the store that answered this build's questions about toolchains. Those that the store does
    /// not have, because this directory knew the answers, are put there.
    pub fn notes(&mut self) -> Vec<Digest> {
        let Self { asked, history, store, .. } = self;
        for key in asked.iter() {
            // What goes wrong with the store shows when results are asked for.
            if let (Some(store), Some(known)) = (&*store, history.memo(key))
                && matches!(store.note(key), Ok(None))
            {
                let _ = store.put_note(key, &known);
            }
        }
        asked.iter().copied().collect()
    }

    /// What the clock of its file system says now.
    ///
    /// # Errors
    /// The marker cannot be touched.
    pub fn now(&self) -> Result<Instant, Error> {
        self.marker.now()
    }

    /// Unlocks it without giving back the memory that its history takes: for a process that ends now.
    pub fn leave(self) {
        let Self { history, .. } = self;
        history.leave();
    }

    /// Where commands put what nobody keeps.
    pub fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// Where the outputs of previous stamps are kept.
    pub(crate) fn kept(&self) -> PathBuf {
        self.path.join("kept")
    }
}

/// Sees to it that the directory at `path` is there and has nothing in it.
fn empty(path: &Path) -> Result<(), Error> {
    match fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => return Ok(()),
        Ok(false) => fs::remove_dir_all(path).at("empty", path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).at("list", path),
    }
    fs::create_dir_all(path).at("create", path)
}

/// Whether the file at `tag` is our mark.
fn is_mark(tag: &Path) -> bool {
    // A byte more than it has, so that a longer one is told from it.
    let mut text = [0; CACHEDIR_TAG.len() + 1];
    let read = File::open(tag).and_then(|file| file.read_at(&mut text, 0));
    read.is_ok_and(|read| text[..read] == *CACHEDIR_TAG.as_bytes())
}

/// Marks the directory at `path` as a build directory, and makes it if need be; tells whether it was one. A directory
/// that holds something else is not taken: in a build directory, what nobody makes any more is deleted.
fn mark(path: &Path) -> Result<bool, Error> {
    let tag = path.join("CACHEDIR.TAG");
    if is_mark(&tag) {
        return Ok(true);
    }
    fs::create_dir_all(path).at("create", path)?;
    for entry in fs::read_dir(path).at("list", path)? {
        let name = entry.at("list", path)?.file_name();
        if !name.to_str().is_some_and(|name| OWN.contains(&name)) {
            // Another build may have marked it and gone ahead since we looked.
            if is_mark(&tag) {
                return Ok(true);
            }
            return Err(Error::Foreign {
                path: path.to_path_buf(),
                found: name.to_string_lossy().into_owned(),
            });
        }
    }
    let beside = path.join("CACHEDIR.TAG.new");
    fs::write(&beside, CACHEDIR_TAG).at("write", &beside)?;
    match fs::rename(&beside, &tag) {
        // Another build has marked it in the same moment: we do not hold the lock yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && tag.exists() => Ok(false),
        renamed => renamed.at("rename", &beside).map(|()| false),
    }
}

impl Memo for BuildDir {
    fn get(&mut self, key: &Digest) -> Option<Vec<u8>> {
        self.asked.insert(*key);
        if let Some(known) = self.history.memo(key) {
            return Some(known);
        }
        // What goes wrong with the store shows when results are asked for.
        let shared = self.store.as_ref()?.note(key).ok().flatten()?;
        self.history.set_memo(*key, shared.clone());
        Some(shared)
    }

    fn put(&mut self, key: Digest, value: Vec<u8>) {
        self.asked.insert(key);
        if let Some(store) = &self.store {
            let _ = store.put_note(&key, &value);
        }
        self.history.set_memo(key, value);
    }

    fn get_here(&mut self, key: &Digest) -> Option<Vec<u8>> {
        self.history.memo(key)
    }

    fn put_here(&mut self, key: Digest, value: Vec<u8>) {
        self.history.set_memo(key, value);
    }
}
