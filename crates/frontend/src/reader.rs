//! What loading and lowering ask of the disk and of the environment. The disk is asked through
//! [`rekindle_fingerprint::consult`], which writes down what it said; what variables were is written down here.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;
use rekindle_fingerprint::disk::{Entry, Name};
use rustc_hash::FxHashMap;

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A file of any kind.
    File,
    /// A directory.
    Directory,
}

/// Asks for one load or lowering, and asks nothing twice.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// The variables that were asked for, and what they were.
    pub(crate) variables: BTreeMap<OsString, Option<OsString>>,
    probed: FxHashMap<PathBuf, Found>,
    programs: FxHashMap<PathBuf, bool>,
    listings: FxHashMap<PathBuf, Vec<Name>>,
}

impl Reader {
    /// What lies at `path`, links followed.
    pub(crate) fn probe(&mut self, path: &Path) -> io::Result<Found> {
        if let Some(found) = self.probed.get(path) {
            return Ok(*found);
        }
        let found = match consult::stat(path)? {
            Entry::Absent => Found::Nothing,
            Entry::Directory(_) => Found::Directory,
            Entry::File(..) => Found::File,
        };
        self.probed.insert(path.to_path_buf(), found);
        Ok(found)
    }

    /// Whether a file that may be run lies at `path`.
    pub(crate) fn is_program(&mut self, path: &Path) -> bool {
        if let Some(is) = self.programs.get(path) {
            return *is;
        }
        let is = consult::is_program(path);
        self.programs.insert(path.to_path_buf(), is);
        is
    }

    /// The names in a directory, sorted; none if it is not there.
    pub(crate) fn list(&mut self, path: &Path) -> io::Result<&[Name]> {
        if !self.listings.contains_key(path) {
            self.listings.insert(path.to_path_buf(), consult::names(path)?);
        }
        Ok(self.listings.get(path).map_or(&[], Vec::as_slice))
    }

    /// The value of an environment variable, from what the caller passed.
    pub(crate) fn variable(
        &mut self,
        environment: &BTreeMap<OsString, OsString>,
        name: &OsStr,
    ) -> Option<OsString> {
        if let Some(known) = self.variables.get(name) {
            return known.clone();
        }
        let value = environment.get(name).cloned();
        self.variables.insert(name.to_os_string(), value.clone());
        value
    }
}
