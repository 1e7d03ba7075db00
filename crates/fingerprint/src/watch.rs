//! Watch sets: the files below some directories, by name and content, for commands that no depfile speaks of.
//!
//! What never counts below a directory that is watched: what version control systems keep, `.rekindle`, what editors leave
//! beside files, a `target` beside a `Cargo.toml`, a directory that holds a `CACHEDIR.TAG`; and pipes, sockets and
//! devices. A directory that is named is watched whatever it is called.

mod globs;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use crate::consult;
use crate::disk::{Entry, Name, NameKind};
use crate::files::{Files, PathId};
use crate::roots::{RootId, Roots};
use globs::{LeftOut, Only};

/// What is watched. The names are looked up by [`WatchSet::walk`]; contents are looked at as those of any input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchSet {
    /// Directories, each with all that is in it.
    pub trees: Vec<Tree>,
    /// Files that are watched whatever excludes them, there or not.
    pub files: Vec<PathId>,
    /// Globs of what is left out below the trees, with all below it: one without a slash is held against the last
    /// component of a path, one with a slash against the path relative to the workspace. One that ends in a slash means
    /// directories alone.
    pub exclude: Vec<String>,
    /// Files and directories below the trees that are left out with all below them: build directories, what the command
    /// writes.
    pub outside: Vec<PathId>,
}

/// A directory of a watch set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The directory.
    pub dir: PathId,
    /// The files in it that count, as globs relative to it; all if there is none.
    pub only: Vec<String>,
}

/// The names of a watch set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// The files, sorted by the names of their roots and their paths. One that [`WatchSet::files`] names is among them
    /// whether it is there or not.
    pub files: Vec<PathId>,
    /// The symbolic links, sorted likewise, and where they point. One that leads to a file is among the files too; one that leads to
    /// a directory is walked, but not where it leads back to one that is being walked.
    pub links: Vec<(PathId, PathBuf)>,
}

/// What two looks at one watch set see differently; each list is in the order of [`Watched::files`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Files and links that the second look found, and the first did not.
    pub came: Vec<PathId>,
    /// Those that the first look found, and the second did not.
    pub went: Vec<PathId>,
    /// Symbolic links that point elsewhere now, or are files now; and files that are links now.
    pub turned: Vec<PathId>,
}

impl Moved {
    /// Whether both saw the same.
    pub fn is_empty(&self) -> bool {
        self.came.is_empty() && self.went.is_empty() && self.turned.is_empty()
    }
}

/// Why the names of a watch set cannot be looked up; [`WatchSet::walk`] wraps it into its [`io::Error`].
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// A directory is not there.
    #[error("cannot watch `{path}`: there is no such directory; create it, or take it out of the inputs")]
    Absent {
        /// The directory.
        path: String,
    },
    /// It is something else.
    #[error("cannot watch `{path}` as a directory: it is none; name it as a file")]
    NoDirectory {
        /// What is no directory.
        path: String,
    },
    /// The system refused.
    #[error("cannot look into `{path}`, which is watched: {source}; make it readable, or exclude it")]
    Unreadable {
        /// The file or directory.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A glob is none.
    #[error("`{glob}` is no pattern: {why}")]
    Glob {
        /// The text.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
    /// Links lead to directories that have links to directories, and so on.
    #[error(
        "symbolic links below `{path}`, which is watched, lead to more than {MOST_LINKED} directories, the same ones \
         again and again; exclude those links"
    )]
    Tangled {
        /// The directory that is watched.
        path: String,
    },
}

impl From<WatchError> for io::Error {
    fn from(error: WatchError) -> Self {
        let kind = match &error {
            WatchError::Absent { .. } => io::ErrorKind::NotFound,
            WatchError::NoDirectory { .. } => io::ErrorKind::NotADirectory,
            WatchError::Unreadable { source, .. } => source.kind(),
            WatchError::Glob { .. } | WatchError::Tangled { .. } => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// How many directories of one tree may be reached through symbolic links.
const MOST_LINKED: usize = if cfg!(test) { 1 << 10 } else { 1 << 16 };

impl WatchSet {
    /// Looks up the names. What is asked of the disk goes through [`crate::consult`], and is about names alone: no file is
    /// looked at but where a symbolic link leads.
    ///
    /// # Errors
    /// A glob that is none; a directory that is not there or cannot be read. The error says which.
    pub fn walk(&self, files: &mut Files) -> io::Result<Watched> {
        let outside: HashSet<PathBuf> = self.outside.iter().map(|path| files.abs(*path)).collect();
        let workspace = files.roots().get(Roots::WORKSPACE).path.clone();
        let left_out = LeftOut::new(&self.exclude, outside, &workspace)?;
        let mut watched = Watched { files: self.files.clone(), links: Vec::new() };
        for path in &self.files {
            let target = consult::link_target(&files.abs(*path));
            watched.links.extend(target.map(|target| (*path, target)));
        }
        let above_roots = above_roots(files.roots());
        for tree in &self.trees {
            let only = Only::new(&tree.only)?;
            let (top, walked) = (tree.dir, Vec::new());
            let (files, watched, left_out, above_roots) =
                (&mut *files, &mut watched, &left_out, &above_roots);
            Walk { files, left_out, only, top, above_roots, walked, linked: 0, watched }.tree()?;
        }
        watched.sort(files);
        Ok(watched)
    }
}

/// By what paths are sorted: the names of their roots, then themselves.
fn place(files: &Files, path: PathId) -> (&str, &OsStr) {
    (&files.roots().get(files.root(path)).name, files.rel(path).as_os_str())
}

impl Watched {
    fn sort(&mut self, files: &Files) {
        self.files.sort_unstable_by(|one, other| place(files, *one).cmp(&place(files, *other)));
        self.files.dedup();
        self.links.sort_unstable_by(|(one, _), (other, _)| place(files, *one).cmp(&place(files, *other)));
        self.links.dedup_by_key(|(path, _)| *path);
    }

    fn names(&self) -> FxHashSet<PathId> {
        self.files.iter().chain(self.links.iter().map(|(path, _)| path)).copied().collect()
    }

    /// What another look sees differently, a later one with the same table of files.
    pub fn moved(&self, later: &Self, files: &Files) -> Moved {
        let (then, now) = (self.names(), later.names());
        let sorted = |paths: FxHashSet<PathId>| {
            let mut paths: Vec<PathId> = paths.into_iter().collect();
            paths.sort_unstable_by(|one, other| place(files, *one).cmp(&place(files, *other)));
            paths
        };
        let texts: FxHashSet<&(PathId, PathBuf)> = self.links.iter().collect();
        let later_texts: FxHashSet<&(PathId, PathBuf)> = later.links.iter().collect();
        let turned = texts.symmetric_difference(&later_texts).map(|(path, _)| *path);
        Moved {
            came: sorted(now.difference(&then).copied().collect()),
            went: sorted(then.difference(&now).copied().collect()),
            turned: sorted(turned.filter(|path| then.contains(path) && now.contains(path)).collect()),
        }
    }
}

/// The directories in which something is the beginning of a root, in any spelling: not all that is in one is in the
/// root that it is in itself.
fn above_roots(roots: &Roots) -> FxHashSet<PathBuf> {
    let mut above = FxHashSet::default();
    for (_, root) in roots.iter().filter(|(_, root)| root.is_placed()) {
        for place in std::iter::once(&root.path).chain(&root.spellings) {
            let within = root.within.iter().map(|within| place.join(within));
            above.extend(within.chain([place.clone()]).filter_map(|base| Some(base.parent()?.to_path_buf())));
        }
    }
    above
}

struct Walk<'a> {
    files: &'a mut Files,
    left_out: &'a LeftOut<'a>,
    only: Only,
    top: PathId,
    above_roots: &'a FxHashSet<PathBuf>,
    /// The directories that are being walked, without links in their names.
    walked: Vec<PathBuf>,
    /// How many directories were reached through links.
    linked: usize,
    watched: &'a mut Watched,
}

/// A directory, or something in one.
struct Place {
    /// By the names through which it was reached.
    shown: PathBuf,
    /// Without links in its name, but for the last component.
    real: PathBuf,
    /// Relative to the tree.
    rel: PathBuf,
    /// How many components that has.
    depth: usize,
    /// Whether it was reached through a link.
    linked: bool,
}

/// The root of all that is in a directory, if it is one, and where the directory lies in it.
type Home<'a> = Option<(RootId, &'a Path)>;

impl Place {
    fn join(&self, name: &Name) -> Self {
        Self {
            shown: self.shown.join(&name.name),
            real: self.real.join(&name.name),
            rel: self.rel.join(&name.name),
            depth: self.depth + 1,
            linked: self.linked,
        }
    }
}

impl Walk<'_> {
    fn show(&mut self, path: &Path) -> String {
        let (root, rel) = self.files.roots().locate(path);
        let rel = rel.to_path_buf();
        let id = self.files.path(root, rel);
        let shown = self.files.show(id);
        if shown == "ws:" { ".".into() } else { shown }
    }

    fn unreadable(&mut self, path: &Path, source: io::Error) -> WatchError {
        WatchError::Unreadable { path: self.show(path), source }
    }

    fn tree(&mut self) -> Result<(), WatchError> {
        let shown = self.files.abs(self.top);
        match consult::stat(&shown) {
            Ok(Entry::Directory(_)) => {}
            Ok(Entry::Absent) => return Err(WatchError::Absent { path: self.show(&shown) }),
            Ok(Entry::File(..)) => return Err(WatchError::NoDirectory { path: self.show(&shown) }),
            Err(error) => return Err(self.unreadable(&shown, error)),
        }
        let real = consult::canonical(&shown).map_err(|error| self.unreadable(&shown, error))?;
        self.directory(&Place { shown, real, rel: PathBuf::new(), depth: 0, linked: false })
    }

    fn directory(&mut self, dir: &Place) -> Result<(), WatchError> {
        if dir.linked {
            self.linked += 1;
            if self.linked > MOST_LINKED {
                let top = self.files.abs(self.top);
                return Err(WatchError::Tangled { path: self.show(&top) });
            }
        }
        let names = consult::names(&dir.shown).map_err(|error| self.unreadable(&dir.shown, error))?;
        if dir.depth > 0 && is_tagged(dir, &names) {
            return Ok(());
        }
        let crate_root =
            names.iter().any(|name| name.name == "Cargo.toml" && name.kind != NameKind::Directory);
        let (root, rel) = self.files.roots().locate(&dir.shown);
        let rel = rel.to_path_buf();
        let home = (!self.above_roots.contains(&dir.shown)).then_some((root, &*rel));
        self.walked.push(dir.real.clone());
        for name in &names {
            if !globs::never_counts(&name.name, name.kind, crate_root) {
                self.name(&dir.join(name), name.kind, home)?;
            }
        }
        self.walked.pop();
        Ok(())
    }

    fn name(&mut self, place: &Place, kind: NameKind, home: Home<'_>) -> Result<(), WatchError> {
        let is_directory = kind == NameKind::Directory;
        if self.left_out.has(&place.shown, is_directory) || self.left_out.is_outside(&place.real) {
            return Ok(());
        }
        match kind {
            NameKind::File if self.only.has(&place.rel) => {
                let path = self.path(place, home);
                self.watched.files.push(path);
            }
            NameKind::Directory => self.enter(place)?,
            NameKind::Link => self.link(place, home)?,
            NameKind::File | NameKind::Other => {}
        }
        Ok(())
    }

    fn enter(&mut self, place: &Place) -> Result<(), WatchError> {
        let leads_back = place.linked && self.walked.contains(&place.real);
        if leads_back || !self.only.may_have_below(place.depth) {
            return Ok(());
        }
        self.directory(place)
    }

    fn link(&mut self, place: &Place, home: Home<'_>) -> Result<(), WatchError> {
        // Gone meanwhile.
        let Some(text) = consult::link_target(&place.shown) else { return Ok(()) };
        let entry = match consult::stat(&place.shown) {
            Ok(entry) => Some(entry),
            // A pipe, a socket, a device; or nobody gets there, the command neither.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied) =>
            {
                None
            }
            Err(error) => return Err(self.unreadable(&place.shown, error)),
        };
        let counts = match entry {
            Some(Entry::Directory(_)) => {
                self.only.may_have_below(place.depth) && !self.left_out.has(&place.shown, true)
            }
            _ => self.only.has(&place.rel),
        };
        if !counts {
            return Ok(());
        }
        let path = self.path(place, home);
        self.watched.links.push((path, text));
        match entry {
            Some(Entry::File(..)) => self.watched.files.push(path),
            Some(Entry::Directory(_)) => {
                let real =
                    consult::canonical(&place.shown).map_err(|error| self.unreadable(&place.shown, error))?;
                if real.ancestors().any(|above| self.left_out.is_outside(above)) {
                    return Ok(());
                }
                let Place { shown, rel, depth, .. } = place;
                let (shown, rel, depth) = (shown.clone(), rel.clone(), *depth);
                self.enter(&Place { shown, real, rel, depth, linked: true })?;
            }
            Some(Entry::Absent) | None => {}
        }
        Ok(())
    }

    fn path(&mut self, place: &Place, home: Home<'_>) -> PathId {
        let (root, rel) = match (home, place.shown.file_name()) {
            (Some((root, rel)), Some(name)) => (root, rel.join(name)),
            _ => {
                let (root, rel) = self.files.roots().locate(&place.shown);
                (root, rel.to_path_buf())
            }
        };
        self.files.path(root, rel)
    }
}

/// Whether a directory says of itself that all in it can be made again: by a `CACHEDIR.TAG` with the line that is the
/// standard's, or by any if it is called `target`.
fn is_tagged(dir: &Place, names: &[Name]) -> bool {
    let is_tag = |name: &Name| name.name == globs::TAG && name.kind != NameKind::Directory;
    if !names.iter().any(is_tag) {
        return false;
    }
    let tag = dir.shown.join(globs::TAG);
    dir.rel.ends_with("target")
        || consult::is_file(&tag) && consult::read(&tag).is_ok_and(|text| text.starts_with(globs::TAGGED))
}
