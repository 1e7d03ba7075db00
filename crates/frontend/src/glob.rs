//! Globs over listings: sorted, with every directory that was listed written down. Names are bytes.
//!
//! A pattern is a path whose components may hold `*`, `?`, `[...]` and `{a,b}`; a component `**` is any number of
//! directories. A name that starts with a dot is matched only by a component that does. `**` enters no such
//! directory, no symbolic link, no folder of a version control system, and not the build directory.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use rekindle_fingerprint::disk::NameKind;

use crate::reader::{Found, Reader};

/// Folders of version control systems whose names do not start with a dot.
const VERSION_CONTROL: [&str; 2] = ["CVS", "_darcs"];

/// A pattern, absolute. Braces with slashes in them make it several.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    alternatives: Vec<Vec<Segment>>,
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(OsString),
    Wild(GlobMatcher, bool),
    Deep,
}

/// Why a walk failed.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// Whether a path is a pattern.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

impl Pattern {
    /// The pattern `text` in the directory `base`, which is absolute.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub(crate) fn new(base: &Path, text: &str) -> Result<Self, String> {
        let mut alternatives = Vec::new();
        for text in split_braces(text) {
            let mut segments: Vec<Segment> = Vec::new();
            if !text.starts_with('/') {
                segments.extend(literals(base));
            }
            for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
                match part {
                    ".." if matches!(segments.last(), Some(Segment::Literal(_))) => drop(segments.pop()),
                    ".." => return Err("`..` behind a wildcard".into()),
                    "**" if matches!(segments.last(), Some(Segment::Deep)) => {}
                    "**" => segments.push(Segment::Deep),
                    part if is_pattern(part) || part.contains('\\') => segments.push(wild(part)?),
                    part => segments.push(Segment::Literal(part.into())),
                }
            }
            if matches!(segments.last(), Some(Segment::Deep)) {
                segments.push(wild("*")?);
            }
            alternatives.push(segments);
        }
        Ok(Self { alternatives })
    }

    /// Whether `path`, absolute, is one that the pattern means.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        let names: Vec<&OsStr> = path
            .components()
            .filter_map(|component| if let Component::Normal(name) = component { Some(name) } else { None })
            .collect();
        self.alternatives.iter().any(|segments| matches(segments, &names))
    }

    /// The files that it means, sorted. `skip` are directories that `**` does not enter.
    pub(crate) fn find(&self, reader: &mut Reader, skip: &[PathBuf]) -> Result<Vec<PathBuf>, Unreadable> {
        let mut found = Vec::new();
        for segments in &self.alternatives {
            let mut walk = Walk { reader: &mut *reader, skip, found: &mut found };
            walk.step(Path::new("/"), segments)?;
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

fn literals(base: &Path) -> impl Iterator<Item = Segment> + '_ {
    base.components().filter_map(|component| match component {
        Component::Normal(name) => Some(Segment::Literal(name.to_os_string())),
        _ => None,
    })
}

fn wild(part: &str) -> Result<Segment, String> {
    let glob =
        GlobBuilder::new(part).literal_separator(true).build().map_err(|error| error.kind().to_string())?;
    Ok(Segment::Wild(glob.compile_matcher(), part.starts_with('.')))
}

fn fits(glob: &GlobMatcher, dotted: bool, name: &OsStr) -> bool {
    (dotted || !name.as_bytes().starts_with(b".")) && glob.is_match(Path::new(name))
}

/// Whether `**` goes through a directory of this name.
fn is_entered(name: &OsStr) -> bool {
    !name.as_bytes().starts_with(b".") && !VERSION_CONTROL.iter().any(|vcs| name == *vcs)
}

fn matches(segments: &[Segment], names: &[&OsStr]) -> bool {
    match (segments.split_first(), names.split_first()) {
        (None, None) => true,
        (Some((Segment::Deep, rest)), None) => matches(rest, names),
        (Some((Segment::Deep, rest)), Some((name, later))) => {
            matches(rest, names) || (is_entered(name) && matches(segments, later))
        }
        (Some((Segment::Literal(literal), rest)), Some((name, later))) => {
            literal == name && matches(rest, later)
        }
        (Some((Segment::Wild(glob, dotted), rest)), Some((name, later))) => {
            fits(glob, *dotted, name) && matches(rest, later)
        }
        _ => false,
    }
}

struct Walk<'a> {
    reader: &'a mut Reader,
    skip: &'a [PathBuf],
    found: &'a mut Vec<PathBuf>,
}

impl Walk<'_> {
    fn step(&mut self, dir: &Path, segments: &[Segment]) -> Result<(), Unreadable> {
        let Some((segment, rest)) = segments.split_first() else { return Ok(()) };
        match segment {
            Segment::Literal(name) => {
                let path = dir.join(name);
                if !rest.is_empty() {
                    return self.step(&path, rest);
                }
                if self.probe(&path)? == Found::File {
                    self.found.push(path);
                }
            }
            Segment::Wild(glob, dotted) => {
                for (path, kind) in self.names(dir, |name| fits(glob, *dotted, name))? {
                    let wanted = if rest.is_empty() { Found::File } else { Found::Directory };
                    let is = match kind {
                        NameKind::File | NameKind::Other => Found::File,
                        NameKind::Directory => Found::Directory,
                        NameKind::Link => self.probe(&path)?,
                    };
                    if is == wanted && rest.is_empty() {
                        self.found.push(path);
                    } else if is == wanted {
                        self.step(&path, rest)?;
                    }
                }
            }
            Segment::Deep => {
                self.step(dir, rest)?;
                for (path, kind) in self.names(dir, is_entered)? {
                    if kind == NameKind::Directory && !self.skip.contains(&path) {
                        self.step(&path, segments)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn names(
        &mut self,
        dir: &Path,
        wanted: impl Fn(&OsStr) -> bool,
    ) -> Result<Vec<(PathBuf, NameKind)>, Unreadable> {
        let names = self.reader.list(dir).map_err(|error| Unreadable { path: dir.to_path_buf(), error })?;
        let wanted = names.iter().filter(|name| wanted(&name.name));
        Ok(wanted.map(|name| (dir.join(&name.name), name.kind)).collect())
    }

    fn probe(&mut self, path: &Path) -> Result<Found, Unreadable> {
        self.reader.probe(path).map_err(|error| Unreadable { path: path.to_path_buf(), error })
    }
}

/// Takes braces apart that have a slash in them, so that the rest can be split at slashes.
fn split_braces(text: &str) -> Vec<String> {
    let Some((open, close)) = group_with_slash(text) else { return vec![text.to_string()] };
    let (before, inner, after) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
    let mut depth = 0;
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    parts.iter().flat_map(|part| split_braces(&format!("{before}{part}{after}"))).collect()
}

fn group_with_slash(text: &str) -> Option<(usize, usize)> {
    let mut open = Vec::new();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => {
                let start = open.pop()?;
                if open.is_empty() && text[start..at].contains('/') {
                    return Some((start, at));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;
    use rekindle_fingerprint::consult::{self, Question};
    use std::fs;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;

    fn tree(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for name in names {
            fs::create_dir_all(base.join(name).parent().unwrap()).unwrap();
            fs::write(base.join(name), "").unwrap();
        }
        (dir, base)
    }

    fn find(base: &Path, pattern: &str) -> Vec<String> {
        let mut reader = Reader::default();
        let pattern = Pattern::new(base, pattern).unwrap();
        let found = pattern.find(&mut reader, &[base.join("out")]).unwrap();
        assert!(found.iter().all(|path| pattern.matches(path)), "what is found also matches: {found:?}");
        found.iter().map(|path| path.strip_prefix(base).unwrap_or(path).display().to_string()).collect()
    }

    #[test]
    fn wildcards_match_within_a_component_and_deep_ones_across() {
        let (_dir, base) = tree(&["a.c", "src/b.c", "src/b.h", "src/x/c.c", "src/x/y/d.c", "lib/e.c"]);
        assert_eq!(find(&base, "*.c"), ["a.c"]);
        assert_eq!(find(&base, "src/*.c"), ["src/b.c"]);
        assert_eq!(find(&base, "**/*.c"), ["a.c", "lib/e.c", "src/b.c", "src/x/c.c", "src/x/y/d.c"]);
        assert_eq!(find(&base, "src/**"), ["src/b.c", "src/b.h", "src/x/c.c", "src/x/y/d.c"]);
        assert_eq!(find(&base, "src/**/x/*.c"), ["src/x/c.c"]);
        assert_eq!(find(&base, "{src/x,lib}/*.{c,h}"), ["lib/e.c", "src/x/c.c"]);
        assert_eq!(find(&base, "./src/../lib/[a-e].c"), ["lib/e.c"]);
        assert_eq!(find(&base.join("lib"), "../src/?.c"), [base.join("src/b.c").display().to_string()]);
        assert_eq!(find(&base, "none/*.c"), [""; 0]);
    }

    #[test]
    fn hidden_names_the_build_directory_and_version_control_are_passed_over() {
        let (_dir, base) = tree(&["a.c", ".#a.c", ".git/x.c", "CVS/x.c", "out/x.c", ".h/x.c", "in/x.c"]);
        symlink("in", base.join("loop")).unwrap();
        symlink("../..", base.join("in/up")).unwrap();
        symlink("nowhere", base.join("gone.c")).unwrap();
        symlink("in/x.c", base.join("link.c")).unwrap();
        assert_eq!(find(&base, "**/*.c"), ["a.c", "in/x.c", "link.c"]);
        assert_eq!(find(&base, "*/x.c"), ["CVS/x.c", "in/x.c", "loop/x.c", "out/x.c"]);
        assert_eq!(find(&base, ".h/*.c"), [".h/x.c"]);
        assert_eq!(find(&base, ".*/*.c"), [".git/x.c", ".h/x.c"]);
    }

    #[test]
    fn a_name_that_is_not_utf8_is_found() {
        let (_dir, base) = tree(&[]);
        let name = OsString::from_vec(b"caf\xe9.c".to_vec());
        fs::write(base.join(&name), "").unwrap();
        let found = Pattern::new(&base, "*.c").unwrap().find(&mut Reader::default(), &[]).unwrap();
        assert_eq!(found, [base.join(&name)]);
        let found = Pattern::new(&base, "caf?.c").unwrap().find(&mut Reader::default(), &[]).unwrap();
        assert_eq!(found, [base.join(name)]);
    }

    #[test]
    fn every_listing_and_every_link_is_written_down() {
        let (_dir, base) = tree(&["src/x/c.c", "lib/e.c"]);
        symlink("x/c.c", base.join("src/link.c")).unwrap();
        consult::begin();
        Pattern::new(&base, "src/**/*.c").unwrap().find(&mut Reader::default(), &[]).unwrap();
        let record = consult::end().unwrap();
        let mut asked: Vec<_> =
            record.iter().map(|(path, question, _)| (path.to_path_buf(), question)).collect();
        asked.sort();
        let expected = [
            (base.join("src"), Question::Names),
            (base.join("src/link.c"), Question::What),
            (base.join("src/x"), Question::Names),
        ];
        assert_eq!(asked, expected);
    }
}
