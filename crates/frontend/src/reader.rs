//! The only file of this crate that touches the disk. It reads, stats and lists, and writes down what it consulted,
//! so that the lowered graph can be reused while all of that is equal.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::encode::Encoder;

/// What loading and lowering looked at. All paths are absolute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consulted {
    /// Files whose content was read.
    pub read: BTreeSet<PathBuf>,
    /// Directories whose names were read, each with the digest of the list (see [`listing_digest`]).
    pub listed: BTreeMap<PathBuf, Digest>,
    /// Paths of which it counts what they are: a file, a directory, or nothing.
    pub probed: BTreeMap<PathBuf, Found>,
    /// Environment variables, and what they were.
    pub variables: BTreeMap<OsString, Option<OsString>>,
}

impl Consulted {
    /// Adds what another one has.
    pub fn extend(&mut self, other: Self) {
        self.read.extend(other.read);
        self.listed.extend(other.listed);
        self.probed.extend(other.probed);
        self.variables.extend(other.variables);
    }
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A file of any kind.
    File,
    /// A directory.
    Directory,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The name, any bytes.
    pub name: OsString,
    /// What it is, links not followed.
    pub kind: NameKind,
}

/// What a name in a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A file of any kind.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
}

/// The digest of a listing: domain `rekindle listing 1`, then each name, sorted, with a byte for what it is
/// (0 file, 1 directory, 2 link).
pub fn listing_digest(names: &[Name]) -> Digest {
    let mut encoder = Encoder::for_digest("rekindle listing 1");
    encoder.list(names, |e, name| {
        e.bytes(name.name.as_bytes()).u8(name.kind as u8);
    });
    encoder.finish()
}

/// Reads for one load or lowering.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    pub(crate) consulted: Consulted,
    listings: BTreeMap<PathBuf, Vec<Name>>,
}

impl Reader {
    /// The content of a file.
    pub(crate) fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.consulted.read.insert(path.to_path_buf());
        disk::read(path)
    }

    /// What lies at `path`, links followed.
    pub(crate) fn probe(&mut self, path: &Path) -> io::Result<Found> {
        if let Some(found) = self.consulted.probed.get(path) {
            return Ok(*found);
        }
        let found = match disk::stat(path)? {
            Entry::Absent => Found::Nothing,
            Entry::Directory(_) => Found::Directory,
            Entry::File(..) => Found::File,
        };
        self.consulted.probed.insert(path.to_path_buf(), found);
        Ok(found)
    }

    /// Whether a file that may be run lies at `path`. That one is not there is written down too.
    pub(crate) fn is_program(&mut self, path: &Path) -> bool {
        matches!(self.probe(path), Ok(Found::File))
            && fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o111 != 0)
    }

    /// The names in a directory, sorted; none if it is not there.
    pub(crate) fn list(&mut self, path: &Path) -> io::Result<&[Name]> {
        if !self.listings.contains_key(path) {
            let names = read_names(path)?;
            self.consulted.listed.insert(path.to_path_buf(), listing_digest(&names));
            self.listings.insert(path.to_path_buf(), names);
        }
        Ok(self.listings.get(path).map_or(&[], Vec::as_slice))
    }

    /// The value of an environment variable, from what the caller passed.
    pub(crate) fn variable(
        &mut self,
        environment: &BTreeMap<OsString, OsString>,
        name: &OsStr,
    ) -> Option<OsString> {
        let value = environment.get(name).cloned();
        self.consulted.variables.insert(name.to_os_string(), value.clone());
        value
    }
}

fn read_names(path: &Path) -> io::Result<Vec<Name>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let kind = match entry.file_type()? {
            kind if kind.is_dir() => NameKind::Directory,
            kind if kind.is_symlink() => NameKind::Link,
            _ => NameKind::File,
        };
        names.push(Name { name: entry.file_name(), kind });
    }
    names.sort_unstable();
    Ok(names)
}

/// The canonical spelling of a path that is there.
pub(crate) fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}
