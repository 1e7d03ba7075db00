//! Where things lie in the build directory. Objects lie below `obj`, generated files below `gen`, scratch files
//! below `tmp`, products beside them; no directory of objects is ever on an include path.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rekindle_fingerprint::action::{Arg, Piece};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;

/// The directory of generated files.
pub(super) const GENERATED: &str = "gen";

/// The object of a source, for the target with the directory name `place`. The name is the source's with `.o`
/// behind, so that `a.c` and `a.cpp` have two. Different sources have different objects:
///
/// * a source outside the workspace is below `@ROOT`, a `..` that stays is `@up`, and a component that starts with
///   `@` gets another one;
/// * a directory that ends with `.o` (and perhaps `@`s) gets an `@` behind, so that it is no object's name.
pub(super) fn object(files: &Files, place: &str, source: PathId) -> PathBuf {
    let rel = files.rel(source).as_os_str();
    if files.root(source) == Roots::WORKSPACE && stays(rel) {
        let mut path = OsString::with_capacity(place.len() + rel.len() + 7);
        for part in [OsStr::new("obj/"), place.as_ref(), "/".as_ref(), rel, ".o".as_ref()] {
            path.push(part);
        }
        return PathBuf::from(path);
    }
    let mut path = Path::new("obj").join(place);
    path.push(mirrored(files, source));
    path
}

/// Whether nothing in the name of a source has to become something else in that of its object.
fn stays(rel: &OsStr) -> bool {
    let bytes = rel.as_bytes();
    let has = |pair: &[u8; 2]| bytes.windows(2).any(|at| at == pair);
    !(bytes.contains(&b'@') || has(b"..") || has(b".o") && has(b"o/"))
}

/// The scratch directory that belongs to an object.
pub(super) fn temporary(object: &Path) -> PathBuf {
    let inner = object.strip_prefix("obj").unwrap_or(object);
    Path::new("tmp").join(inner.parent().unwrap_or(Path::new("")))
}

fn mirrored(files: &Files, source: PathId) -> PathBuf {
    let mut path = PathBuf::new();
    let root = files.root(source);
    if root != Roots::WORKSPACE {
        path.push(format!("@{}", files.roots().get(root).name));
    }
    let rel = files.rel(source);
    for component in rel.parent().unwrap_or(Path::new("")).components() {
        path.push(directory(component));
    }
    let mut name = escaped(rel.file_name().unwrap_or_default());
    name.push(".o");
    path.join(name)
}

fn directory(component: Component<'_>) -> OsString {
    let Component::Normal(name) = component else { return "@up".into() };
    let mut name = escaped(name);
    let bytes = name.as_bytes();
    let end = bytes.iter().rposition(|byte| *byte != b'@').map_or(0, |at| at + 1);
    if bytes[..end].ends_with(b".o") {
        name.push("@");
    }
    name
}

fn escaped(name: &OsStr) -> OsString {
    let mut bytes = name.as_bytes().to_vec();
    if bytes.starts_with(b"@") {
        bytes.insert(0, b'@');
    }
    OsString::from_vec(bytes)
}

/// A flag as an argument: absolute paths that lie in a named root, other than a system's, are named by it. A path
/// ends at `,`, `:`, `;` or a blank.
pub(super) fn flag(files: &mut Files, text: &str) -> Arg {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('/') {
        let end = at + rest[at..].find([',', ':', ';', ' ']).unwrap_or(rest.len() - at);
        let path = Path::new(&rest[at..end]);
        // A slash in the middle of a word starts no absolute path: only one at its front, behind `=` or `,`, or
        // behind an option's letters (`-I/opt`).
        let before = &rest[..at];
        let is_start = before.is_empty() && plain.is_empty()
            || before.ends_with(['=', ',', ':'])
            || is_option(&format!("{plain}{before}"));
        let (root, _) = files.roots().locate(path);
        let named = root != Roots::OUTSIDE && !files.roots().get(root).is_system();
        if is_start && named {
            plain.push_str(before);
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain).into_bytes()));
            }
            pieces.push(Piece::Path(files.path_abs(path)));
        } else {
            plain.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    plain.push_str(rest);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain.into_bytes()));
    }
    Arg(pieces)
}

fn is_option(before: &str) -> bool {
    before
        .strip_prefix('-')
        .is_some_and(|letters| !letters.is_empty() && letters.chars().all(|c| c.is_ascii_alphabetic()))
}

/// Whether a declared output is a plain relative name: no `..`, not absolute, not empty.
pub(super) fn is_inside(name: &str) -> bool {
    let path = Path::new(name);
    let normal = |component| matches!(component, Component::Normal(_) | Component::CurDir);
    path.file_name().is_some() && path.components().all(normal) && !name.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_fingerprint::roots::Root;

    fn files() -> Files {
        let mut roots = Roots::new("/w", "/w/.rekindle/build/debug");
        roots.add(Root::new("sdk", "/opt/sdk")).unwrap();
        Files::new(roots)
    }

    #[test]
    fn different_sources_have_different_objects() {
        let mut files = files();
        let mut seen = std::collections::BTreeSet::new();
        let sources = [
            "/w/a.c",
            "/w/a.cpp",
            "/w/b/a.c",
            "/w/a.c.o/x.c",
            "/w/a.c.o@/x.c",
            "/w/@up/a.c",
            "/w/@/a.c",
            "/w/@a.c",
            "/w/@@a.c",
            "/x/a.c",
            "/opt/sdk/a.c",
            "/opt/sdk/@up/a.c",
            "/w/.rekindle/build/debug/gen/a.c",
            "/w/gen/a.c",
            "/w/@build/gen/a.c",
            "/w/@outside/x/a.c",
            "/w/up/a.c",
        ];
        for source in sources {
            let id = files.path_abs(Path::new(source));
            assert!(seen.insert(object(&files, "t", id)), "{source} has another's object");
        }
        // No object lies where another's directory is.
        for path in &seen {
            assert!(path.ancestors().skip(1).all(|above| !seen.contains(above)), "{}", path.display());
        }
        assert!(seen.contains(Path::new("obj/t/@outside/x/a.c.o")));
        assert!(seen.contains(Path::new("obj/t/@sdk/a.c.o")));
    }

    #[test]
    fn a_plain_name_gives_the_object_that_any_other_way_gives() {
        let mut files = files();
        for source in ["a.c", "src/deep/a.c", "b.o.c", "lib.o/c.c", "x/lib.o/c.c", ".hidden/c", "o/a.out.c"] {
            let id = files.path(Roots::WORKSPACE, source);
            assert_eq!(object(&files, "t", id), Path::new("obj/t").join(mirrored(&files, id)), "{source}");
        }
    }

    #[test]
    fn scratch_files_mirror_objects() {
        assert_eq!(temporary(Path::new("obj/t/src/a.c.o")), Path::new("tmp/t/src"));
    }

    #[test]
    fn paths_of_roots_in_flags_are_named_and_others_are_text() {
        let mut files = files();
        for text in ["-Wall", "-DURL=http://x/y", "-I/usr/include", "a/opt/sdk", ""] {
            assert_eq!(flag(&mut files, text), Arg::text(text));
        }
        let pieces = flag(&mut files, "-Wl,-Map,/opt/sdk/x.map,-z");
        assert_eq!(pieces.0.len(), 3);
        assert_eq!(flag(&mut files, "-I/opt/sdk/include").paths().count(), 1);
    }
}
