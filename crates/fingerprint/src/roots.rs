//! Named roots: how a path is written down without saying where on this machine it lies (design law 2).

use std::path::{Component, Path, PathBuf};

/// The number of a root in a [`Roots`] table; it means nothing outside this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub u16);

/// A directory with a name. What lies below it is written `name:relative/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The name that is persisted: `ws`, `build`, `home`, `tc.NAME`, `sys.NAME`, `work.NAME` (where another build tool
    /// makes the archive `NAME`), `home.cargo` (what cargo keeps), or a declared one.
    pub name: String,
    /// Where it lies, canonical and absolute; empty as long as nobody has said so.
    pub path: PathBuf,
    /// Other absolute spellings of the same directory (as the person gave it, through a link).
    pub spellings: Vec<PathBuf>,
    /// If not empty, only these relative subtrees belong to it (a toolchain below `/usr`).
    pub within: Vec<PathBuf>,
}

impl Root {
    /// A root that is all of `path`.
    pub fn new(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), path: path.into(), spellings: Vec::new(), within: Vec::new() }
    }

    /// A root that names no path, so that none is written down, mapped or keyed by it. Its own path is only sought:
    /// in outputs, which it binds, and in what commands print.
    pub fn only_sought(name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        // No relative path starts with this.
        Self { within: vec!["/".into()], ..Self::new(name, path) }
    }

    /// Whether it may name a path: see [`Root::only_sought`].
    pub fn names_paths(&self) -> bool {
        self.within.is_empty() || self.within.iter().any(|within| within.is_relative())
    }

    /// Whether it is one of the places that every machine has (`/`, `/usr`, `/usr/local`): named, but neither
    /// mapped away nor searched for in outputs.
    pub fn is_system(&self) -> bool {
        ["/", "/usr", "/usr/local"].iter().any(|system| self.path == Path::new(system))
    }

    /// Whether it is known where it lies. A stamp can speak of a root that this build has not found (yet).
    pub fn is_placed(&self) -> bool {
        !self.path.as_os_str().is_empty()
    }

    fn relative<'p>(&self, path: &'p Path) -> Option<(&'p Path, usize)> {
        if !self.is_placed() {
            return None;
        }
        let places = std::iter::once(&self.path).chain(&self.spellings);
        places
            .filter_map(|base| Some((path.strip_prefix(base).ok()?, base.as_os_str().len())))
            .filter(|(rel, _)| self.within.is_empty() || self.within.iter().any(|w| rel.starts_with(w)))
            .max_by_key(|&(_, length)| length)
    }
}

/// The roots of one build. The workspace, the build directory and "outside" are always there.
#[derive(Clone, Debug)]
pub struct Roots {
    list: Vec<Root>,
}

/// Two roots were given one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the root name `{name}` is taken by {}", path.display())]
pub struct NameTaken {
    /// The name that both want.
    pub name: String,
    /// Where the first one lies.
    pub path: PathBuf,
}

impl Roots {
    /// The directory of the project.
    pub const WORKSPACE: RootId = RootId(0);
    /// The build directory of the profile that is built.
    pub const BUILD: RootId = RootId(1);
    /// Files that lie in no other root, named by their absolute paths.
    pub const OUTSIDE: RootId = RootId(2);

    /// The table for a project at `workspace` that is built in `build`; both must be canonical.
    pub fn new(workspace: impl Into<PathBuf>, build: impl Into<PathBuf>) -> Self {
        let list = vec![Root::new("ws", workspace), Root::new("build", build), Root::new("outside", "/")];
        Self { list }
    }

    /// The root called `name`, which is added without a place if it is not there. [`Roots::add`] places it later.
    pub fn reserve(&mut self, name: &str) -> RootId {
        self.by_name(name).unwrap_or_else(|| {
            self.list.push(Root::new(name, PathBuf::new()));
            id_at(self.list.len() - 1)
        })
    }

    /// Adds a root, or places the reserved one of its name, or finds it if an equal one is there.
    ///
    /// # Errors
    /// Its name belongs to another directory.
    pub fn add(&mut self, root: Root) -> Result<RootId, NameTaken> {
        if let Some(at) = self.list.iter().position(|known| known.name == root.name) {
            let known = &mut self.list[at];
            if !known.is_placed() {
                *known = root;
                return Ok(id_at(at));
            }
            if known.path == root.path && known.within == root.within {
                return Ok(id_at(at));
            }
            return Err(NameTaken { name: root.name, path: known.path.clone() });
        }
        self.list.push(root);
        Ok(id_at(self.list.len() - 1))
    }

    /// Records another spelling of the root `id`.
    pub fn add_spelling(&mut self, id: RootId, spelling: impl Into<PathBuf>) {
        let spelling = spelling.into();
        let root = &mut self.list[usize::from(id.0)];
        if root.path != spelling && !root.spellings.contains(&spelling) {
            root.spellings.push(spelling);
        }
    }

    /// The root numbered `id`.
    pub fn get(&self, id: RootId) -> &Root {
        &self.list[usize::from(id.0)]
    }

    /// The root called `name`.
    pub fn by_name(&self, name: &str) -> Option<RootId> {
        self.list.iter().position(|root| root.name == name).map(id_at)
    }

    /// Every root with its number.
    pub fn iter(&self) -> impl Iterator<Item = (RootId, &Root)> {
        self.list.iter().enumerate().map(|(at, root)| (id_at(at), root))
    }

    /// The root that holds `path` (absolute, lexically normal) and the path relative to it: the longest match
    /// in any spelling; among equals any other root before [`Roots::OUTSIDE`].
    pub fn locate<'p>(&self, path: &'p Path) -> (RootId, &'p Path) {
        self.iter()
            .filter_map(|(id, root)| root.relative(path).map(|(rel, length)| (id, rel, length)))
            .max_by_key(|&(id, _, length)| (length, id != Self::OUTSIDE))
            .map_or((Self::OUTSIDE, path), |(id, rel, _)| (id, rel))
    }
}

fn id_at(position: usize) -> RootId {
    RootId(u16::try_from(position).unwrap_or(u16::MAX))
}

/// Joins `spelled` onto `base` and takes out what changes nothing: `.`, doubled slashes, and `x/..` where
/// `is_link(x)` says that `x` is no symbolic link. A `..` behind a link stays, because it leads elsewhere.
pub fn normalize(base: &Path, spelled: &Path, mut is_link: impl FnMut(&Path) -> bool) -> PathBuf {
    let mut normal = PathBuf::with_capacity(base.as_os_str().len() + spelled.as_os_str().len() + 1);
    for component in base.join(spelled).components() {
        match component {
            Component::ParentDir => {
                if normal == Path::new("/") {
                    continue;
                }
                let behind_parent = normal.file_name().is_none();
                if behind_parent || is_link(&normal) {
                    normal.push("..");
                } else {
                    normal.pop();
                }
            }
            Component::CurDir => {}
            other => normal.push(other.as_os_str()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> Roots {
        Roots::new("/home/a/project", "/home/a/project/.rekindle/build/debug")
    }

    #[test]
    fn the_longest_root_that_holds_a_path_names_it() {
        let mut roots = roots();
        let tc = roots.add(Root { within: vec!["lib/gcc".into()], ..Root::new("tc.host", "/usr") }).unwrap();
        let sys = roots.add(Root::new("sys.host", "/")).unwrap();
        let located = |path: &'static str| roots.locate(Path::new(path));
        assert_eq!(located("/home/a/project/src/a.c"), (Roots::WORKSPACE, Path::new("src/a.c")));
        assert_eq!(located("/home/a/project/.rekindle/build/debug/a.o"), (Roots::BUILD, Path::new("a.o")));
        assert_eq!(located("/usr/lib/gcc/x/stddef.h"), (tc, Path::new("lib/gcc/x/stddef.h")));
        assert_eq!(located("/usr/include/stdio.h"), (sys, Path::new("usr/include/stdio.h")));
        assert_eq!(located("/home/a/project2/a.c"), (sys, Path::new("home/a/project2/a.c")));
    }

    #[test]
    fn every_spelling_of_a_root_leads_to_it() {
        let mut roots = roots();
        roots.add_spelling(Roots::WORKSPACE, "/link/project");
        assert_eq!(roots.locate(Path::new("/link/project/a.c")), (Roots::WORKSPACE, Path::new("a.c")));
    }

    #[test]
    fn a_spelling_is_kept_once_and_never_if_it_is_the_path_itself() {
        let mut roots = roots();
        for spelling in ["/home/a/project", "/link/project", "/link/project"] {
            roots.add_spelling(Roots::WORKSPACE, spelling);
        }
        assert_eq!(roots.get(Roots::WORKSPACE).spellings, [Path::new("/link/project")]);
    }

    #[test]
    fn a_name_stands_for_one_directory() {
        let mut roots = roots();
        roots.add(Root::new("sdk", "/opt/sdk")).unwrap();
        assert!(roots.add(Root::new("sdk", "/opt/sdk")).is_ok());
        assert_eq!(
            roots.add(Root::new("sdk", "/opt/other")).unwrap_err().to_string(),
            "the root name `sdk` is taken by /opt/sdk"
        );
    }

    #[test]
    fn a_reserved_root_holds_nothing_until_it_is_placed() {
        let mut roots = roots();
        let id = roots.reserve("sdk");
        assert_eq!(roots.locate(Path::new("/opt/sdk/a.h")).0, Roots::OUTSIDE);
        assert_eq!(roots.add(Root::new("sdk", "/opt/sdk")), Ok(id));
        assert_eq!(roots.locate(Path::new("/opt/sdk/a.h")), (id, Path::new("a.h")));
    }

    #[test]
    fn a_parent_step_is_kept_only_behind_a_link() {
        let linked = |path: &Path| path.ends_with("link");
        let normal = |text: &str| normalize(Path::new("/w"), Path::new(text), linked);
        assert_eq!(normal("a/../b/./c.h"), Path::new("/w/b/c.h"));
        assert_eq!(normal("link/../c.h"), Path::new("/w/link/../c.h"));
        assert_eq!(normal("link/../../c.h"), Path::new("/w/link/../../c.h"));
        assert_eq!(normal("/usr//lib/../include/x.h"), Path::new("/usr/include/x.h"));
        assert_eq!(normal("../../../x"), Path::new("/x"));
    }

    #[test]
    fn a_root_that_is_only_sought_names_no_path() {
        let mut roots = roots();
        roots.add(Root::only_sought("home", "/home/a")).unwrap();
        let outside = (Roots::OUTSIDE, Path::new("home/a/x"));
        assert_eq!(roots.locate(Path::new("/home/a/x")), outside);
        assert_eq!(roots.locate(Path::new("/home/a")).0, Roots::OUTSIDE);
        assert_eq!(roots.locate(Path::new("/home/a/project/a.c")).0, Roots::WORKSPACE);
        let names: Vec<bool> = roots.iter().map(|(_, root)| root.names_paths()).collect();
        assert_eq!(names, [true, true, true, false]);
        assert!(Root { within: vec!["lib".into()], ..Root::new("tc", "/usr") }.names_paths());
    }
}
