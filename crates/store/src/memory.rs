//! A store that ends with the process.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rekindle_fingerprint::digest::{Blob, Digest};

use crate::build::Build;
use crate::error::Error;
use crate::result::Entry;
use crate::{ActionCache, Cas, Store};

/// A store in memory.
#[derive(Debug, Default)]
pub struct Memory {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    blobs: BTreeMap<Digest, Vec<u8>>,
    sets: BTreeMap<Digest, Vec<Vec<u8>>>,
    entries: BTreeMap<Digest, Entry>,
    notes: BTreeMap<Digest, Vec<u8>>,
    builds: BTreeMap<Digest, Build>,
}

impl Memory {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cas for Memory {
    fn holds(&self, blob: &Blob) -> Result<bool, Error> {
        Ok(self.held().blobs.contains_key(&blob.digest))
    }

    fn read(&self, blob: &Blob) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.held().blobs.get(&blob.digest).cloned())
    }

    fn write_to(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        let Some(bytes) = self.read(blob)? else { return Ok(false) };
        let place = |verb: &'static str| {
            move |source: std::io::Error| Error::Place { verb, path: to.to_path_buf(), source }
        };
        let dir = to.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(place("write"))?;
        file.write_all(&bytes).map_err(place("write"))?;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).map_err(place("write"))?;
        file.persist(to).map_err(|error| place("rename")(error.error))?;
        Ok(true)
    }

    fn put(&self, blob: &Blob, bytes: &[u8]) -> Result<bool, Error> {
        Ok(self.held().blobs.insert(blob.digest, bytes.to_vec()).is_none())
    }
}

impl ActionCache for Memory {
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.held().sets.get(key).cloned().unwrap_or_default())
    }

    fn put_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error> {
        let mut held = self.held();
        let sets = held.sets.entry(*key).or_default();
        sets.retain(|known| known != set);
        sets.insert(0, set.to_vec());
        Ok(())
    }

    fn entry(&self, action: &Digest) -> Result<Option<Entry>, Error> {
        Ok(self.held().entries.get(action).cloned())
    }

    fn put_entry(&self, action: &Digest, entry: &Entry) -> Result<(), Error> {
        self.held().entries.insert(*action, entry.clone());
        Ok(())
    }

    fn remove_entry(&self, action: &Digest) -> Result<(), Error> {
        self.held().entries.remove(action);
        Ok(())
    }

    fn note(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.held().notes.get(key).cloned())
    }

    fn put_note(&self, key: &Digest, note: &[u8]) -> Result<(), Error> {
        self.held().notes.insert(*key, note.to_vec());
        Ok(())
    }

    fn put_build(&self, build: &Build) -> Result<Digest, Error> {
        let name = build.name();
        self.held().builds.insert(name, build.clone());
        Ok(name)
    }

    fn build(&self, name: &Digest) -> Result<Option<Build>, Error> {
        Ok(self.held().builds.get(name).cloned())
    }

    fn use_build(&self, name: &Digest) -> Result<bool, Error> {
        Ok(self.held().builds.contains_key(name))
    }
}

impl Store for Memory {
    fn place(&self) -> Option<PathBuf> {
        None
    }
}
