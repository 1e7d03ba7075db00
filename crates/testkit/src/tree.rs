//! What lies in a directory, and a readable difference of two of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::files::must;

/// What the build directory holds besides outputs: never compared.
const PRIVATE: [&str; 11] = [
    "journal",
    "journal.new",
    "marker",
    "lock",
    "running",
    "tmp",
    "kept",
    "CACHEDIR.TAG",
    "snapshots",
    "proofs",
    "timings.html",
];

/// Where other build tools work, beside the folders of profiles: not ours to compare.
const OF_OTHER_TOOLS: &str = ".archives";

/// One thing in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    File { bytes: Vec<u8>, executable: bool },
    Link(PathBuf),
    Other,
}

/// The files and links below a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<PathBuf, Entry>,
}

impl Tree {
    /// Everything below `dir`; empty if it is not there.
    pub fn of(dir: &Path) -> Self {
        let mut tree = Self::default();
        if dir.is_dir() {
            tree.add(dir, Path::new(""), &[]);
        }
        tree
    }

    /// The outputs in a build directory (one folder a profile): what rekindle keeps for itself is left out.
    pub fn of_outputs(build: &Path) -> Self {
        let mut tree = Self::default();
        if build.is_dir() {
            for entry in must(fs::read_dir(build), "list", build) {
                let entry = must(entry, "list", build);
                if entry.path().is_dir() && entry.file_name() != OF_OTHER_TOOLS {
                    tree.add(&entry.path(), Path::new(&entry.file_name()), &PRIVATE);
                }
            }
        }
        tree
    }

    fn add(&mut self, dir: &Path, rel: &Path, without: &[&str]) {
        for entry in must(fs::read_dir(dir), "list", dir) {
            let entry = must(entry, "list", dir);
            let name = entry.file_name();
            if without.iter().any(|private| name == *private) {
                continue;
            }
            let (path, rel) = (entry.path(), rel.join(&name));
            let meta = must(fs::symlink_metadata(&path), "look at", &path);
            if meta.is_dir() {
                self.add(&path, &rel, &[]);
                continue;
            }
            let entry = if meta.is_symlink() {
                Entry::Link(must(fs::read_link(&path), "read", &path))
            } else if meta.is_file() {
                let bytes = must(fs::read(&path), "read", &path);
                Entry::File { bytes, executable: meta.permissions().mode() & 0o111 != 0 }
            } else {
                Entry::Other
            };
            self.entries.insert(rel, entry);
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Leaves out what `keep` does not say.
    pub fn retain(&mut self, keep: impl Fn(&Path) -> bool) {
        self.entries.retain(|path, _| keep(path));
    }

    /// Whether something lies in the folder in which `path` begins.
    pub fn has_folder(&self, path: &Path) -> bool {
        let first = path.components().next();
        self.paths().any(|other| other.components().next() == first)
    }

    /// The paths in it.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.entries.keys().map(PathBuf::as_path)
    }

    /// The only path in it that ends with `end` (whole components).
    ///
    /// # Panics
    /// There is none, or more than one.
    #[track_caller]
    pub fn one(&self, end: &str) -> &Path {
        let found: Vec<&Path> = self.paths().filter(|path| path.ends_with(end)).collect();
        match found[..] {
            [one] => one,
            _ => panic!("{} files `{end}` in {:#?}", found.len(), self.paths().collect::<Vec<_>>()),
        }
    }

    /// What is different in `other`, a line each; empty if nothing is.
    pub fn difference(&self, other: &Self) -> String {
        let mut text = String::new();
        for (path, entry) in &self.entries {
            match other.entries.get(path) {
                None => {
                    let _ = writeln!(text, "  only in the first: {}", path.display());
                }
                Some(found) if found != entry => {
                    let _ = writeln!(text, "  {}: {}", path.display(), unlike(entry, found));
                }
                Some(_) => {}
            }
        }
        for path in other.paths().filter(|path| !self.entries.contains_key(*path)) {
            let _ = writeln!(text, "  only in the second: {}", path.display());
        }
        text
    }
}

fn unlike(first: &Entry, second: &Entry) -> String {
    match (first, second) {
        (Entry::File { bytes: a, executable: x }, Entry::File { bytes: b, executable: y }) => {
            if x != y {
                return format!("executable {x} and {y}");
            }
            let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
            let around = |bytes: &[u8]| {
                let part = &bytes[at.saturating_sub(16).min(bytes.len())..(at + 32).min(bytes.len())];
                String::from_utf8_lossy(part).escape_debug().to_string()
            };
            let (shown_a, shown_b) = (around(a), around(b));
            format!("{} and {} bytes, first unlike at {at}: `{shown_a}` and `{shown_b}`", a.len(), b.len())
        }
        (Entry::Link(a), Entry::Link(b)) => format!("links to {} and {}", a.display(), b.display()),
        _ => "of another type".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_is_missing_added_and_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for side in [&a, &b] {
            fs::create_dir_all(side.join("sub")).unwrap();
            fs::write(side.join("same"), "x").unwrap();
        }
        fs::write(a.join("sub/gone"), "x").unwrap();
        fs::write(b.join("new"), "x").unwrap();
        fs::write(a.join("changed"), "left").unwrap();
        fs::write(b.join("changed"), "loft").unwrap();
        let text = Tree::of(&a).difference(&Tree::of(&b));
        assert_eq!(
            text,
            "  changed: 4 and 4 bytes, first unlike at 1: `left` and `loft`\n  only in the first: sub/gone\n  \
             only in the second: new\n"
        );
        assert_eq!(Tree::of(&a).difference(&Tree::of(&a)), "");
    }

    #[test]
    fn outputs_are_what_is_not_private() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("debug/kept/1")).unwrap();
        fs::create_dir_all(dir.path().join("debug/obj/kept")).unwrap();
        fs::write(dir.path().join("debug/journal"), "x").unwrap();
        fs::write(dir.path().join("debug/kept/1/before0"), "x").unwrap();
        fs::write(dir.path().join("debug/obj/kept/a.o"), "x").unwrap();
        let tree = Tree::of_outputs(dir.path());
        assert_eq!(tree.paths().collect::<Vec<_>>(), [Path::new("debug/obj/kept/a.o")]);
        assert_eq!(tree.one("a.o"), Path::new("debug/obj/kept/a.o"));
    }
}
