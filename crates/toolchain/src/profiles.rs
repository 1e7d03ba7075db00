//! Which profiles a compiler reads if they are there: no depfile names them.
//!
//! The names were found out by watching gcc 5.4 and 12.2 and clang 14. Clang reads one file for everything. gcc reads
//! one for each object, beside it, or in a directory under a name that is made of the object's whole path.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rekindle_fingerprint::action::{Arg, Spelling};
use rekindle_fingerprint::files::{Files, PathId};

use crate::command::below;
use crate::flags::Treated;
use crate::maps::HERE;
use crate::toolchain::{Family, Toolchain};

/// What clang reads unless it is told otherwise, and in a directory that it is given.
const MERGED: &str = "default.profdata";

/// What gcc reads of samples unless it is told otherwise.
const SAMPLES: &str = "fbdata.afdo";

/// Where flags say that profiles lie.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    /// Whether they are read from where the compiler looks by itself.
    pub(crate) usual: bool,
    /// The same for samples.
    pub(crate) samples: bool,
    /// Directories in which they are searched.
    pub(crate) directories: Vec<PathId>,
    /// Directories in which they are searched if they are read at all.
    pub(crate) apart: Vec<PathId>,
    /// What is taken away from the beginning of paths that become names.
    pub(crate) prefixes: Vec<Vec<u8>>,
}

impl Toolchain {
    /// The profiles that a compile to `object` reads if they are there; a link has none of its own but clang's.
    pub(crate) fn profiles(
        &self,
        treated: &Treated,
        object: Option<PathId>,
        cwd: PathId,
        files: &mut Files,
    ) -> Vec<PathId> {
        let asked = &treated.profiles;
        let mut found = Vec::new();
        match (self.family, object) {
            (Family::Clang, _) => {
                let usual = asked.usual.then_some(cwd);
                let directories = usual.into_iter().chain(asked.directories.iter().copied());
                found.extend(directories.map(|directory| below(directory, Path::new(MERGED), files)));
            }
            // It links bytecode with the counts that the bytecode came with.
            (Family::Gcc, None) => {}
            (Family::Gcc, Some(object)) => {
                if asked.samples {
                    found.push(below(cwd, Path::new(SAMPLES), files));
                }
                if asked.usual || !asked.directories.is_empty() {
                    found.extend(counts(treated, object, cwd, files));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The files of gcc's counts for an object.
fn counts(treated: &Treated, object: PathId, cwd: PathId, files: &mut Files) -> Vec<PathId> {
    let asked = &treated.profiles;
    let root = files.root(object);
    let beside = files.rel(object).with_extension("gcda");
    let beside = files.path(root, beside);
    let directories: Vec<PathId> = asked.directories.iter().chain(&asked.apart).copied().collect();
    if directories.is_empty() {
        return vec![beside];
    }
    let spelled = Arg::path(beside).spell(files, &Spelling::new(files, cwd)).into_vec();
    // Old ones take the path as it is.
    let mut names = vec![spelled.iter().copied().skip_while(|byte| *byte == b'/').collect::<Vec<u8>>()];
    let here = [files.abs(cwd).into_os_string().into_vec(), HERE.as_bytes().to_vec()];
    for here in here {
        let full =
            if spelled.starts_with(b"/") { spelled.clone() } else { [&here, &spelled[..]].join(&b'/') };
        names.push(mangled(&full));
        for prefix in &asked.prefixes {
            if let Some(rest) = full.strip_prefix(&prefix[..]) {
                let start = rest.iter().position(|byte| *byte != b'/').unwrap_or(rest.len());
                names.push(mangled(&rest[start..]));
            }
        }
    }
    let places = directories.iter().flat_map(|directory| names.iter().map(move |name| (*directory, name)));
    places.map(|(directory, name)| below(directory, Path::new(OsStr::from_bytes(name)), files)).collect()
}

/// A path as gcc makes a file name of it.
fn mangled(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|byte| *byte == b'/');
    let parts: Vec<&[u8]> = parts.map(|part| if part == b".." { b"^" } else { part }).collect();
    parts.join(&b'#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_file_name() {
        assert_eq!(mangled(b"/w/../o/x.gcda"), b"#w#^#o#x.gcda");
        assert_eq!(mangled(b"x.gcda"), b"x.gcda");
    }
}
