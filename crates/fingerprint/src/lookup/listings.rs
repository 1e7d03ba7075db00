//! What directories hold, asked once a build: listings, and the answers to "is there a file of this name".

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::World;
use crate::digest::Digest;
use crate::disk::{self, Entry};
use crate::encode::Encoder;
use crate::files::{Files, PathId, TextId};
use crate::signature::{FileTime, Signature};

/// Endings of names that a listing leaves out: files that are hardly ever included, and that come and go.
const PASSED_OVER: [&[u8]; 24] = [
    b"o", b"obj", b"d", b"dwo", b"su", b"gcda", b"gcno", b"c", b"cc", b"cpp", b"cxx", b"m", b"mm", b"s",
    b"S", b"swp", b"tmp", b"bak", b"orig", b"rej", b"md", b"txt", b"log", b"py",
];

/// Whether a listing leaves out this name of a file or directory, so that its coming and going disturbs nothing:
/// it starts with a dot, ends in `~`, or has the ending of an object, a source, an editor's file and the like. Such
/// a name can be searched all the same; then it is asked of the disk itself.
pub fn is_passed_over(name: &[u8]) -> bool {
    let ending = name.iter().rposition(|byte| *byte == b'.').map(|at| &name[at + 1..]);
    name.starts_with(b".")
        || name.ends_with(b"~")
        || ending.is_some_and(|ending| PASSED_OVER.contains(&ending))
}

/// The directory listings of one build, and what was concluded from them.
#[derive(Default)]
pub struct Listings {
    dirs: FxHashMap<PathId, Listing>,
    names: FxHashMap<TextId, Shape>,
    walks: FxHashMap<(PathId, TextId), Walk>,
    answers: FxHashMap<(PathId, TextId), Answer>,
    splits: FxHashMap<PathId, Split>,
}

/// The directory that holds a path and the path's name in it; `None` for `/`.
type Split = Option<(PathId, Box<[u8]>)>;

struct Listing {
    /// Sorted; `None` if the directory is there and cannot be listed.
    names: Option<Vec<Box<[u8]>>>,
    digest: Digest,
    /// Of the directory, taken before it was listed.
    signature: Option<Signature>,
}

impl Listing {
    /// Whether the name is there; `None` if the listing cannot tell.
    fn has(&self, name: &[u8]) -> Option<bool> {
        let names = self.names.as_ref()?;
        Some(names.binary_search_by(|known| (**known).cmp(name)).is_ok())
    }
}

/// How a name is looked up.
#[derive(Clone, Copy)]
struct Shape {
    /// What comes before the last `/`, if anything.
    prefix: Option<TextId>,
    /// Whether only the disk itself can answer: a component is `..` or passed over, or the name is absolute.
    by_stat: bool,
}

/// The way from a directory along a prefix.
#[derive(Clone)]
struct Walk {
    /// The directories whose listings were asked, the first included.
    visited: Vec<PathId>,
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    At(PathId),
    Absent,
    Unknown,
}

/// An answer to "is there a file of this name".
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) file: bool,
    /// Whether equal listings prove an equal answer.
    pub(super) proven: bool,
}

impl Listings {
    /// Lists these directories now, if they were not listed yet. What is listed before a command starts need not be
    /// asked again after it.
    pub fn look(&mut self, files: &Files, world: &dyn World, dirs: &[PathId]) {
        for dir in dirs {
            self.listing(files, world, *dir);
        }
    }

    /// Forgets everything, so that the next question goes to the disk.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many directories were listed.
    pub fn len(&self) -> usize {
        self.dirs.len()
    }

    /// Whether nothing was listed yet.
    pub fn is_empty(&self) -> bool {
        self.dirs.is_empty()
    }

    fn listing(&mut self, files: &Files, world: &dyn World, dir: PathId) -> &Listing {
        self.dirs.entry(dir).or_insert_with(|| list(&files.abs(dir), world.outputs_in(dir)))
    }

    /// The digest of the names in `dir`.
    pub(super) fn digest(&mut self, files: &Files, world: &dyn World, dir: PathId) -> Digest {
        self.listing(files, world, dir).digest
    }

    /// The signature that `dir` had before it was listed; `None` if it was no directory.
    pub(super) fn signature(&mut self, files: &Files, world: &dyn World, dir: PathId) -> Option<Signature> {
        self.listing(files, world, dir).signature
    }

    /// The directory that holds a path.
    pub(super) fn parent(&mut self, files: &mut Files, path: PathId) -> Option<PathId> {
        if let Some(known) = self.splits.get(&path) {
            return known.as_ref().map(|(dir, _)| *dir);
        }
        self.split(files, path).map(|(dir, _)| dir)
    }

    /// The directory that holds a path, and the path's name in it; `None` for `/`.
    pub(super) fn split(&mut self, files: &mut Files, path: PathId) -> Split {
        if let Some(known) = self.splits.get(&path) {
            return known.clone();
        }
        let absolute = files.abs(path);
        let split = absolute.parent().zip(absolute.file_name()).map(|(parent, name)| {
            let name: Box<[u8]> = name.as_bytes().into();
            (files.path_abs(parent), name)
        });
        self.splits.insert(path, split.clone());
        split
    }

    fn shape(&mut self, files: &mut Files, name: TextId) -> Shape {
        if let Some(shape) = self.names.get(&name) {
            return *shape;
        }
        let text = files.text(name).to_vec();
        let plain = |part: &[u8]| !part.is_empty() && part != b"." && part != b".." && !is_passed_over(part);
        let by_stat = !text.split(|byte| *byte == b'/').all(plain);
        let slash = text.iter().rposition(|byte| *byte == b'/');
        let prefix = slash.filter(|_| !by_stat).map(|at| files.text_id(&text[..at]));
        let shape = Shape { prefix, by_stat };
        self.names.insert(name, shape);
        shape
    }

    /// Works out how a name is looked up.
    pub(super) fn learn(&mut self, files: &mut Files, name: TextId) {
        self.shape(files, name);
    }

    /// Whether a listing cannot answer for this name.
    pub(super) fn is_by_stat(&mut self, files: &mut Files, name: TextId) -> bool {
        self.shape(files, name).by_stat
    }

    /// Whether the answer for this name depends on other listings than that of the directory that is asked. Only
    /// for names that were learnt.
    pub(super) fn is_nested(&self, name: TextId) -> bool {
        self.names.get(&name).is_none_or(|shape| shape.prefix.is_some())
    }

    /// What comes before the last `/` of a name that was learnt.
    pub(super) fn prefix(&self, name: TextId) -> Option<TextId> {
        self.names.get(&name)?.prefix
    }

    /// The directories whose listings are asked for a name in `dir`.
    pub(super) fn walked(
        &mut self,
        files: &mut Files,
        world: &dyn World,
        dir: PathId,
        name: TextId,
    ) -> Vec<PathId> {
        match self.shape(files, name).prefix {
            Some(prefix) => self.walk(files, world, dir, prefix).visited,
            None => vec![dir],
        }
    }

    fn walk(&mut self, files: &mut Files, world: &dyn World, dir: PathId, prefix: TextId) -> Walk {
        if let Some(walk) = self.walks.get(&(dir, prefix)) {
            return walk.clone();
        }
        let text = files.text(prefix).to_vec();
        let mut walk = Walk { visited: Vec::new(), end: End::At(dir) };
        let mut at = dir;
        for part in text.split(|byte| *byte == b'/') {
            walk.visited.push(at);
            match self.listing(files, world, at).has(part) {
                Some(true) => at = files.path_abs(&files.abs(at).join(OsStr::from_bytes(part))),
                Some(false) => {
                    walk.end = End::Absent;
                    break;
                }
                None => {
                    walk.end = End::Unknown;
                    break;
                }
            }
        }
        if let End::At(_) = walk.end {
            walk.visited.push(at);
            walk.end = End::At(at);
        }
        self.walks.insert((dir, prefix), walk.clone());
        walk
    }

    /// Whether there is a file called `name` (a path relative to `dir`). A directory of that name is no file.
    pub(super) fn ask(&mut self, files: &mut Files, world: &dyn World, dir: PathId, name: TextId) -> Answer {
        if let Some(answer) = self.answers.get(&(dir, name)) {
            return *answer;
        }
        let answer = self.find_out(files, world, dir, name);
        self.answers.insert((dir, name), answer);
        answer
    }

    fn find_out(&mut self, files: &mut Files, world: &dyn World, dir: PathId, name: TextId) -> Answer {
        let shape = self.shape(files, name);
        if !shape.by_stat {
            let has = match self.end(files, world, dir, shape) {
                End::At(at) => self.listing(files, world, at).has(base(files.text(name))),
                End::Absent => Some(false),
                End::Unknown => None,
            };
            if has == Some(false) {
                return Answer { file: false, proven: true };
            }
        }
        Answer { file: self.ask_disk(files, world, dir, name).0, proven: false }
    }

    fn end(&mut self, files: &mut Files, world: &dyn World, dir: PathId, shape: Shape) -> End {
        shape.prefix.map_or(End::At(dir), |prefix| self.walk(files, world, dir, prefix).end)
    }

    /// Whether a file called `name` is there now, and when it was last changed; a file that an action writes is
    /// there, at no time. Nothing of this is remembered.
    pub(super) fn ask_disk(
        &mut self,
        files: &mut Files,
        world: &dyn World,
        dir: PathId,
        name: TextId,
    ) -> (bool, Option<FileTime>) {
        if self.is_output(files, world, dir, name) {
            return (true, None);
        }
        match disk::stat(&files.abs(dir).join(OsStr::from_bytes(files.text(name)))) {
            Ok(Entry::File(signature, _)) => (true, Some(signature.last_change())),
            _ => (false, None),
        }
    }

    fn is_output(&mut self, files: &mut Files, world: &dyn World, dir: PathId, name: TextId) -> bool {
        let shape = self.shape(files, name);
        let end = if shape.by_stat { End::Unknown } else { self.end(files, world, dir, shape) };
        match end {
            End::At(at) => world.writes(at, base(files.text(name))),
            End::Absent => false,
            End::Unknown => {
                let spelled = PathBuf::from(OsStr::from_bytes(files.text(name)));
                let path = files.path_from(&files.abs(dir), &spelled);
                self.split(files, path).is_some_and(|(parent, name)| world.writes(parent, &name))
            }
        }
    }
}

fn base(name: &[u8]) -> &[u8] {
    name.iter().rposition(|byte| *byte == b'/').map_or(name, |at| &name[at + 1..])
}

/// Lists a directory. One that is missing has no names, as an empty one: both answer every question alike. Domain
/// of the digest: `rekindle listing 1`, then the sorted list of names; without one if it cannot be listed.
fn list(path: &Path, outputs: &[Box<[u8]>]) -> Listing {
    let signature = match disk::stat(path) {
        Ok(Entry::Directory(signature)) => Some(signature),
        _ => None,
    };
    let mut encoder = Encoder::for_digest("rekindle listing 1");
    let names = disk::list(path).ok().map(|names| {
        let on_disk = names.into_iter().map(|name| name.into_vec().into_boxed_slice());
        let all = on_disk.chain(outputs.iter().cloned());
        let mut names: Vec<Box<[u8]>> = all.filter(|name| !is_passed_over(name)).collect();
        names.sort_unstable();
        names.dedup();
        names
    });
    if let Some(names) = &names {
        encoder.list(names, |e, name| {
            e.bytes(name);
        });
    }
    Listing { names, digest: encoder.finish(), signature }
}
