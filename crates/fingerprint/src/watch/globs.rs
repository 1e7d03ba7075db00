//! Which names of a directory tree are left out of a watch set, and which count.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::WatchError;
use crate::disk::NameKind;

/// What version control systems keep beside the files, in a directory.
const VERSION_CONTROL: [&str; 6] = [".hg", ".svn", ".jj", ".bzr", "CVS", "_darcs"];

/// How a `CACHEDIR.TAG` starts: <https://bford.info/cachedir/>.
pub(super) const TAGGED: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// The file that says of a directory that all of it can be made again.
pub(super) const TAG: &str = "CACHEDIR.TAG";

/// Whether a name in a watched directory never counts, whatever a manifest says. `crate_root` is whether the directory
/// holds a `Cargo.toml`.
pub(super) fn never_counts(name: &OsStr, kind: NameKind, crate_root: bool) -> bool {
    if name == ".git" || name == ".rekindle" {
        return true;
    }
    match kind {
        NameKind::Other => true,
        NameKind::Directory => is_aside(name, crate_root),
        NameKind::File => is_editors(name.as_bytes()),
        // Editors lock files by links that lead nowhere.
        NameKind::Link => is_aside(name, crate_root) || is_editors(name.as_bytes()),
    }
}

fn is_aside(name: &OsStr, crate_root: bool) -> bool {
    VERSION_CONTROL.iter().any(|vcs| name == *vcs) || (crate_root && name == "target")
}

/// What editors and file managers leave beside a file while, or because, somebody looks at it.
fn is_editors(name: &[u8]) -> bool {
    let is_swap = matches!(name, [b'.', .., b'.', b's', b'w', _]);
    name.ends_with(b"~")
        || name.starts_with(b".#")
        || (name.len() > 1 && name.starts_with(b"#") && name.ends_with(b"#"))
        || matches!(name, b"4913" | b".DS_Store")
        || is_swap
}

#[derive(Debug)]
struct Exclusion {
    glob: GlobMatcher,
    /// Whether it is held against the path in the workspace, and not against the last component alone.
    anchored: bool,
    /// Whether it means directories alone.
    directories: bool,
}

/// What a manifest leaves out.
#[derive(Debug)]
pub(super) struct LeftOut<'a> {
    workspace: &'a Path,
    exclusions: Vec<Exclusion>,
    outside: HashSet<PathBuf>,
}

impl<'a> LeftOut<'a> {
    pub(super) fn new(
        exclude: &[String],
        outside: HashSet<PathBuf>,
        workspace: &'a Path,
    ) -> Result<Self, WatchError> {
        let exclusions = exclude.iter().map(|text| exclusion(text)).collect::<Result<_, _>>()?;
        Ok(Self { workspace, exclusions, outside })
    }

    /// Whether what lies at `path` is left out, with all that may be below it.
    pub(super) fn has(&self, path: &Path, is_directory: bool) -> bool {
        if self.is_outside(path) {
            return true;
        }
        let name = Path::new(path.file_name().unwrap_or_default());
        let within = path.strip_prefix(self.workspace).ok();
        self.exclusions.iter().filter(|exclusion| is_directory || !exclusion.directories).any(|exclusion| {
            let held_against = if exclusion.anchored { within } else { Some(name) };
            held_against.is_some_and(|path| exclusion.glob.is_match(path))
        })
    }

    pub(super) fn is_outside(&self, path: &Path) -> bool {
        self.outside.contains(path)
    }
}

fn exclusion(text: &str) -> Result<Exclusion, WatchError> {
    let pattern = text.trim_end_matches('/');
    let anchored = pattern.contains('/');
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern).trim_start_matches('/');
    Ok(Exclusion { glob: glob(pattern, text)?, anchored, directories: text.ends_with('/') })
}

fn glob(pattern: &str, shown: &str) -> Result<GlobMatcher, WatchError> {
    let bad = |why: &str| WatchError::Glob { glob: shown.to_string(), why: why.to_string() };
    if pattern.is_empty() {
        return Err(bad("it is empty"));
    }
    if pattern.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(bad("a step `.` or `..` in it matches nothing"));
    }
    let built = GlobBuilder::new(pattern).literal_separator(true).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| bad(&error.kind().to_string()))
}

/// Which files of a tree count.
#[derive(Debug)]
pub(super) struct Only {
    globs: Vec<GlobMatcher>,
    /// How many components a path that counts may have at most; none if any number.
    depth: Option<usize>,
}

impl Only {
    pub(super) fn new(only: &[String]) -> Result<Self, WatchError> {
        let plain = |text: &String| text.strip_prefix("./").unwrap_or(text).to_string();
        let globs = only.iter().map(|text| glob(&plain(text), text)).collect::<Result<_, _>>()?;
        let deep = only.is_empty() || only.iter().any(|text| text.contains("**"));
        let slashes = |text: &String| plain(text).bytes().filter(|byte| *byte == b'/').count();
        let depth = only.iter().map(slashes).max().filter(|_| !deep).map(|slashes| slashes + 1);
        Ok(Self { globs, depth })
    }

    /// Whether a file counts; `path` is relative to the tree.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.globs.is_empty() || self.globs.iter().any(|glob| glob.is_match(path))
    }

    /// Whether a file could count that lies in a directory below the tree, which has so many components.
    pub(super) fn may_have_below(&self, components: usize) -> bool {
        self.depth.is_none_or(|depth| components < depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_leave_beside_files_is_told_from_files() {
        let left =
            [".a.c.swp", ".x.swo", "..swp", "a.c~", "~", "#a.c#", "##", ".#a.c", ".#", "4913", ".DS_Store"];
        for name in left {
            assert!(is_editors(name.as_bytes()), "{name}");
            assert!(never_counts(OsStr::new(name), NameKind::Link, false), "{name}");
            assert!(!never_counts(OsStr::new(name), NameKind::Directory, false), "{name}");
        }
        let files =
            ["a.swp", ".swp", ".a.sw", ".a.swap", "~a", "#a", "a#", "#", "a.#b", "49130", ".a.c", ".env"];
        for name in files {
            assert!(!is_editors(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn version_control_is_left_out_by_what_it_is_and_cargos_directory_by_where_it_lies() {
        let never = |name: &str, kind, crate_root| never_counts(OsStr::new(name), kind, crate_root);
        for name in VERSION_CONTROL {
            assert!(never(name, NameKind::Directory, false) && never(name, NameKind::Link, false));
            assert!(!never(name, NameKind::File, false), "{name}");
        }
        for kind in [NameKind::File, NameKind::Directory, NameKind::Link] {
            assert!(never(".git", kind, false) && never(".rekindle", kind, false));
            assert!(!never("target", kind, false) && !never("tests", kind, true));
        }
        assert!(never("target", NameKind::Directory, true) && never("target", NameKind::Link, true));
        assert!(!never("target", NameKind::File, true));
        assert!(never("pipe", NameKind::Other, false));
    }

    #[test]
    fn an_exclusion_without_a_slash_means_a_name_and_one_with_a_slash_a_path() {
        let left = |glob: &str, path: &str, is_directory| {
            let exclude = [glob.to_string()];
            let workspace = Path::new("/w");
            LeftOut::new(&exclude, HashSet::new(), workspace).unwrap().has(Path::new(path), is_directory)
        };
        assert!(left("*.log", "/w/a/b.log", false) && left("*.log", "/elsewhere/b.log", false));
        assert!(left("gen", "/w/a/gen", true) && !left("gen", "/w/a/gen2", true));
        assert!(left("a/gen", "/w/a/gen", true) && !left("a/gen", "/w/b/a/gen", true));
        for anchored in ["/gen", "./gen", "/gen/"] {
            assert!(left(anchored, "/w/gen", true) && !left(anchored, "/w/a/gen", true), "{anchored}");
        }
        assert!(left("**/gen", "/w/gen", true) && left("**/gen", "/w/a/b/gen", false));
        assert!(!left("a/*", "/w/a/b/c", false) && left("a/**", "/w/a/b/c", false));
        assert!(!left("a/gen", "/elsewhere/a/gen", true));
        assert!(left("gen/", "/w/a/gen", true) && !left("gen/", "/w/a/gen", false));
        assert!(left("{a,b}.c", "/w/.b/a.c", false) && left("*", "/w/.hidden", false));
    }

    #[test]
    fn a_tree_is_only_searched_as_deep_as_its_globs_reach() {
        let only = |globs: &[&str]| {
            Only::new(&globs.iter().map(|glob| (*glob).to_string()).collect::<Vec<_>>()).unwrap()
        };
        let flat = only(&["*.c", "./inc/*.h"]);
        assert!(flat.has(Path::new("a.c")) && !flat.has(Path::new("x/a.c")));
        assert!(flat.has(Path::new("inc/a.h")) && !flat.has(Path::new("a.h")));
        assert!(flat.may_have_below(1) && !flat.may_have_below(2));
        let deep = only(&["**/*.c"]);
        assert!(deep.has(Path::new("a.c")) && deep.has(Path::new(".h/x/a.c")) && deep.may_have_below(99));
        let all = only(&[]);
        assert!(all.has(Path::new("x")) && all.may_have_below(99));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_the_reason() {
        let refused = |text: &str| exclusion(text).unwrap_err().to_string();
        let texts = ["a[", "", "//", "../a", "a/./b"].map(refused);
        insta::assert_snapshot!(texts.join("\n"), @r"
        `a[` is no pattern: unclosed character class; missing ']'
        `` is no pattern: it is empty
        `//` is no pattern: it is empty
        `../a` is no pattern: a step `.` or `..` in it matches nothing
        `a/./b` is no pattern: a step `.` or `..` in it matches nothing
        ");
        assert!(Only::new(&["{a".to_string()]).is_err());
    }
}
