//! What directories hold, asked once a build: listings, and the answers to "is there a file of this name".

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::World;
use crate::consult::{self, Names, is_passed_over};
use crate::digest::Digest;
use crate::disk::{self, Entry};
use crate::encode::Encoder;
use crate::files::{Files, PathId, TextId};
use crate::signature::{FileTime, Signature};

/// The directory listings of one build, and what was concluded from them.
#[derive(Default)]
pub struct Listings {
    words: FxHashMap<Box<[u8]>, Word>,
    dirs: FxHashMap<PathId, Listing>,
    names: FxHashMap<TextId, Shape>,
    walks: FxHashMap<(PathId, TextId), Walk>,
    /// Names that listings cannot rule out, asked of the disk.
    on_disk: FxHashMap<(PathId, TextId), bool>,
    splits: FxHashMap<PathId, Split>,
    lineages: FxHashMap<PathId, Arc<[(PathId, TextId)]>>,
    located: FxHashMap<PathId, PathId>,
    /// The directories that have a name, or cannot be listed, of those that were asked; and those that cannot be listed.
    holders: FxHashMap<Word, Vec<PathId>>,
    unlistable: Vec<PathId>,
    /// What each directory is under all its names.
    identities: FxHashMap<PathId, Option<(u64, u64)>>,
    /// What is known of directories that were not listed.
    known: FxHashMap<PathId, Names>,
}

/// The directory that holds a path and the path's name in it; `None` for `/`.
type Split = Option<(PathId, Box<[u8]>)>;

/// The number of a name without a `/`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Word(u32);

struct Listing {
    /// `None` if the directory is there and cannot be listed.
    names: Option<FxHashSet<Word>>,
    /// Of the names that are not passed over.
    digest: Digest,
    /// Of all names.
    full: Digest,
    /// Of the directory, taken before it was listed.
    signature: Option<Signature>,
}

impl Listing {
    /// Whether the name is there; `None` if the listing cannot tell.
    fn has(&self, name: Word) -> Option<bool> {
        Some(self.names.as_ref()?.contains(&name))
    }
}

/// How a name is looked up.
#[derive(Clone, Copy)]
struct Shape {
    way: Way,
    /// What comes after the last `/`.
    base: Word,
    /// Whether a component is passed over, so that only the digest of all names proves an answer.
    passed_over: bool,
}

/// What the names of one directory and kind have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Way {
    /// What comes before the last `/`, if anything.
    prefix: Option<TextId>,
    /// Whether only the disk itself can answer: a component is `..`, or the name is absolute.
    pub(super) by_stat: bool,
}

/// The way from a directory along a prefix.
#[derive(Clone)]
struct Walk {
    /// The directories whose listings were asked, the first included.
    visited: Arc<[PathId]>,
    end: End,
}

#[derive(Clone, Copy)]
enum End {
    At(PathId),
    Absent,
    Unknown,
}

impl Listings {
    /// Lists these directories now, if they were not listed yet. What is listed before a command starts need not be
    /// asked again after it.
    pub fn look(&mut self, files: &Files, world: &dyn World, dirs: &[PathId]) {
        for dir in dirs {
            if self.known(world, *dir).is_none() {
                self.listing(files, world, *dir);
            }
        }
    }

    /// Lists these directories, also those of which enough is known otherwise.
    pub(super) fn list(&mut self, files: &Files, world: &dyn World, dirs: &[PathId]) {
        for dir in dirs {
            self.listing(files, world, *dir);
        }
    }

    /// Whether a directory that was not listed is what is known of it now.
    pub(super) fn is_still(&self, files: &Files, world: &dyn World, dir: PathId) -> bool {
        let known = self.known(world, dir);
        known.is_none_or(|names| disk::directory_signature(&files.abs(dir)) == names.signature)
    }

    /// Whether a directory was not what was known of it when it was listed.
    pub(super) fn has_changed(&self, dir: PathId) -> bool {
        let listed = self.known.get(&dir).zip(self.dirs.get(&dir));
        listed.is_some_and(|(known, listed)| known.signature != listed.signature)
    }

    /// The directories of a search that are another one, before them, under a second name. A compiler searches such a
    /// directory once.
    pub(super) fn twins(&mut self, files: &Files, dirs: &[PathId]) -> Vec<(PathId, PathId)> {
        let mut first: FxHashMap<(u64, u64), PathId> = FxHashMap::default();
        let mut twins = Vec::new();
        for dir in dirs {
            let look = || consult::directory_identity(&files.abs(*dir));
            let Some(identity) = *self.identities.entry(*dir).or_insert_with(look) else { continue };
            let known = *first.entry(identity).or_insert(*dir);
            if known != *dir {
                twins.push((*dir, known));
            }
        }
        twins
    }

    /// Somebody has found out just now that `dir` has these names. It need not be listed then, unless it matters which they
    /// are.
    pub fn know(&mut self, dir: PathId, names: Names) {
        self.known.insert(dir, names);
    }

    /// What is known of a directory that was not listed, and in which actions of this graph make nothing.
    fn known(&self, world: &dyn World, dir: PathId) -> Option<&Names> {
        let is_as_on_disk = || !self.dirs.contains_key(&dir) && world.outputs_in(dir).is_empty();
        self.known.get(&dir).filter(|_| is_as_on_disk())
    }

    /// How many directories were listed.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.dirs.len()
    }

    /// The directories that may have a file called `name`, which is no more than a name: all such that were listed.
    pub(super) fn holders(&mut self, files: &mut Files, name: TextId) -> &[PathId] {
        let base = self.shape(files, name).base;
        self.holders.get(&base).map_or(&self.unlistable, Vec::as_slice)
    }

    /// Whether a way from `dir` leads further than listings prove that it does not.
    pub(super) fn leads(&mut self, files: &mut Files, world: &dyn World, dir: PathId, way: Way) -> bool {
        let Some(prefix) = way.prefix else { return true };
        if let Some(walk) = self.walks.get(&(dir, prefix)) {
            return walk.visited.len() > 1 || !matches!(walk.end, End::Absent);
        }
        let walk = self.walk(files, world, dir, prefix);
        walk.visited.len() > 1 || !matches!(walk.end, End::Absent)
    }

    fn listing(&mut self, files: &Files, world: &dyn World, dir: PathId) -> &Listing {
        let Self { words, dirs, holders, unlistable, .. } = self;
        dirs.entry(dir).or_insert_with(|| {
            let listing = listing_of(&files.abs(dir), world.outputs_in(dir), words);
            match &listing.names {
                Some(names) => names.iter().for_each(|name| {
                    holders.entry(*name).or_insert_with(|| unlistable.clone()).push(dir);
                }),
                None => {
                    holders.values_mut().for_each(|dirs| dirs.push(dir));
                    unlistable.push(dir);
                }
            }
            listing
        })
    }

    /// The digest of the names in `dir`: of all, or of those that are not passed over.
    pub(super) fn digest(&mut self, files: &Files, world: &dyn World, dir: PathId, full: bool) -> Digest {
        if let Some(names) = self.known(world, dir) {
            return if full { names.all } else { names.searched };
        }
        let listing = self.listing(files, world, dir);
        if full { listing.full } else { listing.digest }
    }

    /// The signature that `dir` had before it was listed, or when its names were proved; `None` if it was no directory.
    pub(super) fn signature(&mut self, files: &Files, world: &dyn World, dir: PathId) -> Option<Signature> {
        match self.known(world, dir) {
            Some(names) => names.signature,
            None => self.listing(files, world, dir).signature,
        }
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

    /// The one number of a directory that may be written below several roots: that of the root which holds it.
    pub(super) fn located(&mut self, files: &mut Files, dir: PathId) -> PathId {
        *self.located.entry(dir).or_insert_with(|| {
            let absolute = files.abs(dir);
            files.path_abs(&absolute)
        })
    }

    /// Each directory above a path, from the nearest, and the path's name relative to it.
    pub(super) fn lineage(&mut self, files: &mut Files, path: PathId) -> Arc<[(PathId, TextId)]> {
        if let Some(lineage) = self.lineages.get(&path) {
            return Arc::clone(lineage);
        }
        let absolute = files.abs(path);
        let mut lineage = Vec::new();
        for dir in absolute.ancestors().skip(1) {
            let Ok(suffix) = absolute.strip_prefix(dir) else { continue };
            lineage.push((files.path_abs(dir), files.text_id(suffix.as_os_str().as_bytes())));
        }
        let lineage: Arc<[_]> = lineage.into();
        self.lineages.insert(path, Arc::clone(&lineage));
        lineage
    }

    fn shape(&mut self, files: &mut Files, name: TextId) -> Shape {
        if let Some(shape) = self.names.get(&name) {
            return *shape;
        }
        let text = files.text(name).to_vec();
        // An absolute name has an empty part.
        let plain = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
        let by_stat = !text.split(|byte| *byte == b'/').all(plain);
        let passed_over = text.split(|byte| *byte == b'/').any(is_passed_over);
        let slash = text.iter().rposition(|byte| *byte == b'/');
        let prefix = slash.filter(|_| !by_stat).map(|at| files.text_id(&text[..at]));
        let way = Way { prefix, by_stat };
        let shape = Shape { way, base: word(&mut self.words, base(&text)), passed_over };
        self.names.insert(name, shape);
        shape
    }

    /// Whether only the digest of all names proves an answer about this one.
    pub(super) fn needs_all_names(&mut self, files: &mut Files, name: TextId) -> bool {
        let shape = self.shape(files, name);
        shape.passed_over && !shape.way.by_stat
    }

    /// Works out how a name is looked up.
    pub(super) fn way(&mut self, files: &mut Files, name: TextId) -> Way {
        self.shape(files, name).way
    }

    /// The directories whose listings are asked along a way from `dir`.
    pub(super) fn walked(
        &mut self,
        files: &mut Files,
        world: &dyn World,
        dir: PathId,
        way: Way,
    ) -> Arc<[PathId]> {
        way.prefix.map_or_else(|| [dir].into(), |prefix| self.walk(files, world, dir, prefix).visited)
    }

    /// Whether the way from `dir` passes one of `dirs`.
    pub(super) fn passes(
        &mut self,
        files: &mut Files,
        world: &dyn World,
        (dir, way): (PathId, Way),
        dirs: &FxHashSet<PathId>,
    ) -> bool {
        let Some(prefix) = way.prefix else { return dirs.contains(&dir) };
        if let Some(walk) = self.walks.get(&(dir, prefix)) {
            return walk.visited.iter().any(|dir| dirs.contains(dir));
        }
        self.walk(files, world, dir, prefix).visited.iter().any(|dir| dirs.contains(dir))
    }

    fn walk(&mut self, files: &mut Files, world: &dyn World, dir: PathId, prefix: TextId) -> Walk {
        if let Some(walk) = self.walks.get(&(dir, prefix)) {
            return walk.clone();
        }
        let text = files.text(prefix).to_vec();
        let mut visited = vec![dir];
        let mut end = End::At(dir);
        for part in text.split(|byte| *byte == b'/') {
            let End::At(at) = end else { break };
            end = match self.has(files, world, at, part) {
                Some(true) => End::At(files.path_abs(&files.abs(at).join(OsStr::from_bytes(part)))),
                Some(false) => End::Absent,
                None => End::Unknown,
            };
            if let End::At(at) = end {
                visited.push(at);
            }
        }
        let walk = Walk { visited: visited.into(), end };
        self.walks.insert((dir, prefix), walk.clone());
        walk
    }

    /// Whether a name is there, be it a link that leads nowhere; `None` if that cannot be told.
    fn has(&mut self, files: &Files, world: &dyn World, dir: PathId, name: &[u8]) -> Option<bool> {
        if self.known(world, dir).is_some() {
            // Whoever knows its names has written down that they were asked for.
            return Some(disk::own(&files.abs(dir).join(OsStr::from_bytes(name))).is_ok());
        }
        let name = word(&mut self.words, name);
        self.listing(files, world, dir).has(name)
    }

    /// Whether listings do not prove that there is no file called `name` (a path relative to `dir`).
    pub(super) fn may_have(
        &mut self,
        files: &mut Files,
        world: &dyn World,
        dir: PathId,
        name: TextId,
    ) -> bool {
        let shape = self.shape(files, name);
        if shape.way.by_stat {
            return true;
        }
        match self.end(files, world, dir, shape.way) {
            // The disk knows.
            End::At(at) if self.known(world, at).is_some() => true,
            End::At(at) => self.listing(files, world, at).has(shape.base) != Some(false),
            End::Absent => false,
            End::Unknown => true,
        }
    }

    /// Whether there is a file called `name` (a path relative to `dir`). A directory of that name is no file.
    pub(super) fn ask(&mut self, files: &mut Files, world: &dyn World, dir: PathId, name: TextId) -> bool {
        if !self.may_have(files, world, dir, name) {
            return false;
        }
        match self.on_disk.get(&(dir, name)) {
            Some(file) => *file,
            None => {
                let file = self.look_for(files, world, dir, name, consult::stat).0;
                self.on_disk.insert((dir, name), file);
                file
            }
        }
    }

    fn end(&mut self, files: &mut Files, world: &dyn World, dir: PathId, way: Way) -> End {
        if let Some(walk) = way.prefix.and_then(|prefix| self.walks.get(&(dir, prefix))) {
            return walk.end;
        }
        way.prefix.map_or(End::At(dir), |prefix| self.walk(files, world, dir, prefix).end)
    }

    /// Whether a file called `name` is there now, and when it was last changed; a file that an action writes is
    /// there, at no time. Nothing of this is remembered or written down: a command ran since it was asked first.
    pub(super) fn ask_disk(
        &mut self,
        files: &mut Files,
        world: &dyn World,
        dir: PathId,
        name: TextId,
    ) -> (bool, Option<FileTime>) {
        self.look_for(files, world, dir, name, disk::stat)
    }

    fn look_for(
        &mut self,
        files: &mut Files,
        world: &dyn World,
        dir: PathId,
        name: TextId,
        stat: fn(&Path) -> io::Result<Entry>,
    ) -> (bool, Option<FileTime>) {
        if self.is_output(files, world, dir, name) {
            return (true, None);
        }
        match stat(&files.abs(dir).join(OsStr::from_bytes(files.text(name)))) {
            Ok(Entry::File(signature, _)) => (true, Some(signature.last_change())),
            // gcc takes a precompiled header out of a directory of that name, too.
            Ok(Entry::Directory(signature)) if files.text(name).ends_with(b".gch") => {
                (true, Some(signature.last_change()))
            }
            _ => (false, None),
        }
    }

    fn is_output(&mut self, files: &mut Files, world: &dyn World, dir: PathId, name: TextId) -> bool {
        let shape = self.shape(files, name);
        let end = if shape.way.by_stat { End::Unknown } else { self.end(files, world, dir, shape.way) };
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

fn word(words: &mut FxHashMap<Box<[u8]>, Word>, name: &[u8]) -> Word {
    if let Some(word) = words.get(name) {
        return *word;
    }
    // Two names would share a number only behind 2^32 of them.
    let word = Word(u32::try_from(words.len()).unwrap_or(u32::MAX));
    words.insert(name.into(), word);
    word
}

/// Lists a directory. One that is missing has no names, as an empty one: both answer every question alike. Domain
/// of a digest: `rekindle listing 1`, then the sorted list of names; without one if it cannot be listed.
fn listing_of(path: &Path, outputs: &[Box<[u8]>], words: &mut FxHashMap<Box<[u8]>, Word>) -> Listing {
    let (on_disk, signature) = consult::names_signed(path);
    let Ok(on_disk) = on_disk else {
        let unlisted = Encoder::for_digest("rekindle listing 1").finish();
        return Listing { names: None, digest: unlisted, full: unlisted, signature };
    };
    let on_disk = on_disk.into_iter().map(|name| name.name.into_vec().into_boxed_slice());
    let mut all: Vec<Box<[u8]>> = on_disk.chain(outputs.iter().cloned()).collect();
    all.sort_unstable();
    all.dedup();
    let names = Some(all.iter().map(|name| word(words, name)).collect());
    let full = consult::listing(&all);
    all.retain(|name| !is_passed_over(name));
    Listing { names, digest: consult::listing(&all), full, signature }
}
