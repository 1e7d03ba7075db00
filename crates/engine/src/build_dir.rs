//! A build directory: its lock, its journal, its clock and its places.
//!
//! ```text
//! lock      who builds here now
//! running   locked by the commands that run now
//! journal   stamps, signatures, what toolchains were made of
//! marker    touched to read the file system's clock
//! tmp/      depfiles, response files, the commands' TMPDIR
//! kept/     the outputs of the stamp before the current one
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::Files;
use rekindle_store::Store;
use rekindle_toolchain::Memo;

use crate::error::{At, Error};
use crate::history::History;
use crate::lock::{Lock, Waiting};
use crate::marker::Marker;

/// The format of the build directory, as the name of its file.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory was made by rekindle; backups may leave it out. See https://bford.info/cachedir/\n";

/// The names at its top that are ours.
pub(crate) const OWN: [&str; 9] = [
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
    /// Held for as long as this lives.
    _lock: Lock,
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
        let temporary = path.join("tmp");
        fs::create_dir_all(path).at("create", path)?;
        let ours = mark(path)?;
        let lock = Lock::take(path, holder, waiting)?;
        rekindle_exec::inherit(lock.running())?;
        if temporary.exists() {
            fs::remove_dir_all(&temporary).at("empty", &temporary)?;
        }
        fs::create_dir_all(&temporary).at("create", &temporary)?;
        let marker = Arc::new(Marker::open(&path.join("marker"))?);
        let history = History::open(&path.join("journal"), files)?;
        files.set_instant(marker.now()?);
        Ok(Self { path: path.to_path_buf(), history, marker, store: None, ours, _lock: lock })
    }

    /// From here on, results are shared through `store`, and so are answers about toolchains.
    pub fn share(&mut self, store: Arc<dyn Store>) {
        self.store = Some(store);
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
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

/// Marks the directory at `path` as a build directory; tells whether it was one. A directory that holds something else
/// is not taken: in a build directory, what nobody makes any more is deleted.
fn mark(path: &Path) -> Result<bool, Error> {
    let tag = path.join("CACHEDIR.TAG");
    let is_marked = || fs::read_to_string(&tag).is_ok_and(|text| text == CACHEDIR_TAG);
    if is_marked() {
        return Ok(true);
    }
    for entry in fs::read_dir(path).at("list", path)? {
        let name = entry.at("list", path)?.file_name();
        if !name.to_str().is_some_and(|name| OWN.contains(&name)) {
            // Another build may have marked it and gone ahead since we looked.
            if is_marked() {
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
        if let Some(known) = self.history.memo(key) {
            return Some(known);
        }
        // What goes wrong with the store shows when results are asked for.
        let shared = self.store.as_ref()?.note(key).ok().flatten()?;
        self.history.set_memo(*key, shared.clone());
        Some(shared)
    }

    fn put(&mut self, key: Digest, value: Vec<u8>) {
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
