//! The store of a build: where it is, and how it is opened. Nothing that is wrong with it stops a build.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_frontend::sharing::Sharing;
use rekindle_store::disk::{self, Disk};
use rekindle_store::{ActionCache, Build, Cas, Entry, Error, Store};

use crate::clock::Clock;
use crate::environment::Environment;
use crate::failure::{Failure, Kind, without_numbers};
use crate::settings::{self, Settings};

/// How many bytes a store holds unless told otherwise.
pub(crate) const LIMIT: u64 = 10_000_000_000;

/// The name of the store in the person's cache directory.
const NAME: &str = "rekindle";

/// Where results are shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: somebody said so.
    Off,
    /// Nowhere: nobody says where, and there is no cache directory.
    Unknown,
    /// In this directory.
    At(PathBuf),
    /// Nowhere: this directory is a build directory, from which everything is deleted that no action makes.
    Within(PathBuf),
}

impl Place {
    /// A flag wins over a variable, a variable over the manifest, the manifest over what is built in.
    pub(crate) fn find(settings: &Settings, environment: &Environment, manifest: &Sharing) -> Self {
        match &settings.store {
            settings::Sharing::Off => return Self::Off,
            settings::Sharing::In(directory) => return Self::At(directory.clone()),
            settings::Sharing::Unsaid if manifest.enabled == Some(false) => return Self::Off,
            settings::Sharing::On | settings::Sharing::Unsaid => {}
        }
        let built_in = || environment.user_cache().map(|cache| cache.join(NAME));
        manifest.directory.clone().or_else(built_in).map_or(Self::Unknown, Self::At)
    }

    /// The same, if it does not lie among the build directories.
    pub(crate) fn apart_from(self, builds: &Path) -> Self {
        match self {
            Self::At(path) if path.starts_with(builds) => Self::Within(path),
            other => other,
        }
    }
}

/// A store that was opened for a build.
#[derive(Clone)]
pub(crate) struct Shared {
    disk: Arc<Disk>,
    path: PathBuf,
    limit: u64,
    reads: bool,
}

/// What opening a store came to.
pub(crate) enum Opened {
    /// It is there.
    Store(Shared),
    /// Results are not shared, and that is as it should be.
    Without,
    /// Results are not shared, and a person should know why.
    Failed(String),
}

impl Opened {
    /// Opens the store at `place`, which is kept below `limit` bytes. If the build only `plans`, nothing is written.
    pub(crate) fn new(place: Place, limit: u64, plans: bool) -> Self {
        let path = match place {
            Place::Off => return Self::Without,
            Place::Unknown => {
                let what =
                    "results are not shared: neither XDG_CACHE_HOME nor HOME says where a store could be";
                return Self::Failed(what.into());
            }
            Place::Within(path) => {
                let path = path.display();
                return Self::Failed(format!(
                    "results are not shared: {path} lies among build directories, and would be removed with them"
                ));
            }
            Place::At(path) => path,
        };
        if plans && !path.exists() {
            return Self::Without;
        }
        match Disk::open(&path, disk::Settings { now: Clock::now(), limit }) {
            Ok(disk) => Self::Store(Shared { disk: Arc::new(disk), path, limit, reads: plans }),
            Err(error) => Self::Failed(format!("{}; the build goes on without the store", told(&error))),
        }
    }
}

impl Shared {
    /// As the engine uses it.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let disk = Arc::clone(&self.disk);
        if self.reads { Arc::new(Reading(disk)) } else { disk }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing can be put into it.
    pub(crate) fn is_read_only(&self) -> bool {
        self.disk.is_read_only()
    }

    /// Makes room, if the store has grown over its limit.
    ///
    /// # Errors
    /// What went wrong, as a sentence.
    pub(crate) fn make_room(&self) -> Result<(), String> {
        match self.disk.trim_if_needed() {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(format!("the store cannot be kept below {} bytes: {}", self.limit, told(&error)))
            }
        }
    }
}

/// Opens the store at `path` for a verb that is about it.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn open(path: &Path, limit: u64) -> Result<Disk, Failure> {
    Disk::open(path, disk::Settings { now: Clock::now(), limit }).map_err(|error| trouble(&error))
}

/// What is wrong with the store, of a verb that is about it.
pub(crate) fn trouble(error: &Error) -> Failure {
    let text = told(error);
    match error {
        Error::Foreign { .. } => Failure::input(text).hint("name another directory with `--store DIR`"),
        Error::Newer { .. } => {
            Failure::input(text).hint("use that newer rekindle, or another directory with `--store DIR`")
        }
        Error::Unrecorded { ever: true, .. } => {
            Failure::input(text).hint("build first: each build records what it uses")
        }
        Error::Unrecorded { ever: false, .. } => {
            Failure::input(text).hint("give an earlier time, or `last-build`, or build first")
        }
        Error::LastBuild { .. } => {
            Failure::new(Kind::Trouble, text).hint("build again: each build records what it uses")
        }
        _ => Failure::new(Kind::Trouble, text),
    }
}

/// What the store says about its trouble, as a part of a sentence.
pub(crate) fn told(error: &Error) -> String {
    match error {
        Error::Io { path, source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
            format!("{} is no directory", path.display())
        }
        _ => without_numbers(&error.to_string()),
    }
}

/// A path as reports show it: relative to the workspace, if it is in there.
pub(crate) fn shown(path: &Path, workspace: &Path) -> PathBuf {
    path.strip_prefix(workspace).unwrap_or(path).to_path_buf()
}

/// A store that is only read: what is put there is not there.
struct Reading(Arc<Disk>);

impl Cas for Reading {
    fn holds(&self, blob: &Blob) -> Result<bool, Error> {
        self.0.holds(blob)
    }

    fn read(&self, blob: &Blob) -> Result<Option<Vec<u8>>, Error> {
        self.0.read(blob)
    }

    fn write_to(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        self.0.write_to(blob, to, executable)
    }

    fn write_draft(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        self.0.write_draft(blob, to, executable)
    }

    fn put(&self, _blob: &Blob, _bytes: &[u8]) -> Result<bool, Error> {
        Ok(false)
    }
}

impl ActionCache for Reading {
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        self.0.sets(key)
    }

    fn put_set(&self, _key: &Digest, _set: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn entry(&self, action: &Digest) -> Result<Option<Entry>, Error> {
        self.0.entry(action)
    }

    fn put_entry(&self, _action: &Digest, _entry: &Entry) -> Result<(), Error> {
        Ok(())
    }

    fn remove_entry(&self, _action: &Digest) -> Result<(), Error> {
        Ok(())
    }

    fn note(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.0.note(key)
    }

    fn put_note(&self, _key: &Digest, _note: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn put_build(&self, build: &Build) -> Result<Digest, Error> {
        Ok(build.name())
    }

    fn build(&self, name: &Digest) -> Result<Option<Build>, Error> {
        self.0.build(name)
    }

    fn use_build(&self, _name: &Digest) -> Result<bool, Error> {
        Ok(true)
    }
}

impl Store for Reading {
    fn place(&self) -> Option<PathBuf> {
        self.0.place()
    }
}
