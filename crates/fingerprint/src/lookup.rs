//! Absence is an input (law 5): which answers the search for headers or libraries gave, without writing down the
//! thousands of paths that were tried in vain.
//!
//! **What is tested.** A compiler looks for a *name* in one directory after the other. The names come from what was
//! read: every suffix of a read path relative to a searched directory that contains it (`/usr/include/sys/types.h`
//! is `sys/types.h` in `/usr/include` and `types.h` in `/usr/include/sys`, if that is searched too). A name is asked
//! of every directory that is searched first (those of the including files), and of the search directories before the
//! last one from which a file of that name was read, which covers every step of an `#include_next` chain. A *probe*
//! (a literal `__has_include`, an include name with `..`, a library name that was tried) is asked of all of them.
//! That is more than the compiler asks, so some changes rebuild in vain; it is never less.
//!
//! **What is kept.** Not the answers: they follow from the paths that were read, but for the [`Hit`]s, names that are
//! in a listing and were not read. So a full evaluation asks everything again and compares.
//!
//! **What is checked first.** Each directory whose listing could change an answer, nested ones such as `D/sys` too, is
//! kept with the digest of its names. While all of them are equal and each hit is still what it was, no answer has
//! changed. A digest leaves out names that are hardly ever searched (see [`is_passed_over`]), so that an editor's
//! file or a new source does not disturb it; if such a name is searched after all, the digests of all names are kept.
//!
//! What is asked first is written down by [`crate::consult`]; what [`unsettled`] asks again after a command ran is not.
//!
//! Cost: one listing a directory and build; one comparison a directory and unit; one `stat` a distinct hit.

mod listings;
mod tested;
#[cfg(test)]
mod tests;

use std::path::Component;

use rustc_hash::{FxHashMap, FxHashSet};

#[cfg(doc)]
use crate::consult::is_passed_over;
use crate::digest::Digest;
use crate::disk::{self, Entry};
use crate::encode::{Decoder, Encoder, Malformed};
use crate::files::{Files, PathId, TextId};
use crate::scan::Probe;
use crate::signature::{COARSE, FileTime};

pub use listings::Listings;
use tested::Tested;

/// Where headers or libraries are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The directories, in order. One of which nobody knows where in the order it comes is given twice, first and last.
    pub dirs: Vec<PathId>,
    /// Whether the directory of each file that was read is searched too.
    pub near: bool,
}

/// What the actions of the current graph produce. A listing is the disk's names plus these, whether or not they are
/// on disk already.
pub trait World {
    /// The names that actions of this graph make in `dir`: of files, and of directories above such files.
    fn outputs_in(&self, dir: PathId) -> &[Box<[u8]>];

    /// Whether an action of this graph writes a file called `name` in `dir`.
    fn writes(&self, dir: PathId, name: &[u8]) -> bool;
}

/// The outputs of a graph, by directory.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    dirs: FxHashMap<PathId, Made>,
}

#[derive(Clone, Debug, Default)]
struct Made {
    names: Vec<Box<[u8]>>,
    files: FxHashSet<Box<[u8]>>,
}

impl Outputs {
    /// Sorts `outputs` by directory.
    pub fn of(files: &mut Files, outputs: impl IntoIterator<Item = PathId>) -> Self {
        let mut listings = Listings::default();
        let mut made = Self::default();
        let mut above: FxHashSet<PathId> = FxHashSet::default();
        for output in outputs {
            let Some((mut dir, name)) = listings.split(files, output) else { continue };
            let entry = made.dirs.entry(dir).or_default();
            if entry.files.insert(name.clone()) {
                entry.names.push(name);
            }
            while above.insert(dir) {
                let Some((parent, name)) = listings.split(files, dir) else { break };
                made.dirs.entry(parent).or_default().names.push(name);
                dir = parent;
            }
        }
        made
    }
}

impl World for Outputs {
    fn outputs_in(&self, dir: PathId) -> &[Box<[u8]>] {
        self.dirs.get(&dir).map_or(&[], |made| &made.names)
    }

    fn writes(&self, dir: PathId, name: &[u8]) -> bool {
        self.dirs.get(&dir).is_some_and(|made| made.files.contains(name))
    }
}

/// A name that a directory may have though nothing of that name was read there: whether it is a file is asked of the
/// disk in every build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The directory that was searched.
    pub dir: PathId,
    /// The name that was searched, relative to `dir`.
    pub name: Box<[u8]>,
    /// Whether a file was there (not a directory, nor a link that leads nowhere).
    pub file: bool,
}

/// What was searched and found: enough to tell whether any answer has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// The directories that were searched.
    pub search: Search,
    /// Those of them that are another one of them under a second name, and which.
    pub twins: Vec<(PathId, PathId)>,
    /// Directories that were searched before them: those of the sources, and the working directory for `-include`.
    pub from: Vec<PathId>,
    /// The headers or libraries that were read, without the sources.
    pub read: Vec<PathId>,
    /// Names that were asked for whether or not they were read.
    pub probes: Vec<Probe>,
    /// Names that are listed, or that a listing cannot tell of, and were not read.
    pub hits: Vec<Hit>,
    /// Whether the digests are those of all names, also of those that are hardly ever searched.
    pub all_names: bool,
    /// Each directory whose listing could change an answer, and the digest of what it had.
    pub listings: Vec<(PathId, Digest)>,
}

/// An answer that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupChange {
    /// The name that is searched; an empty one for the directory itself, which is another one now.
    pub name: Box<[u8]>,
    /// The directory that has it now, or had it.
    pub dir: PathId,
    /// Whether it appeared there; else it went away.
    pub appeared: bool,
}

/// Records the answers of a search, from the listings of this build.
pub fn record(files: &mut Files, world: &dyn World, asked: Asked<'_>, listings: &mut Listings) -> Lookups {
    let lookups = Lookups {
        search: asked.search.clone(),
        from: asked.from.to_vec(),
        read: asked.read.to_vec(),
        probes: asked.probes.to_vec(),
        ..Lookups::default()
    };
    evaluate(files, world, lookups, listings)
}

/// The answers of a search that asks for what `before` asked for, if they are the same: nothing is searched. What is known
/// of a directory counts only while that has not changed since: a command that has run meanwhile has seen the change.
pub fn same(
    files: &mut Files,
    world: &dyn World,
    before: &Lookups,
    asked: &Asked<'_>,
    listings: &mut Listings,
) -> Option<Lookups> {
    let is_same = before.search == *asked.search
        && have_the_same(&before.from, asked.from)
        && have_the_same(&before.read, asked.read)
        && have_the_same(&before.probes, asked.probes)
        && before.listings.iter().all(|(dir, _)| listings.is_still(files, world, *dir))
        && !is_outdated(files, world, before, listings)
        && check(files, world, before, listings).is_empty();
    is_same.then(|| before.clone())
}

/// What one action asks for: see [`record`].
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Where is searched.
    pub search: &'a Search,
    /// The directories of the sources, and the working directory where `-include` is used; none for a link.
    pub from: &'a [PathId],
    /// What was found by searching, so not the sources.
    pub read: &'a [PathId],
    /// Names that are asked for whether or not they were found.
    pub probes: &'a [Probe],
}

/// Whether two lists have the same items, in whatever order.
fn have_the_same<T: Eq + std::hash::Hash>(one: &[T], other: &[T]) -> bool {
    let (one, other): (FxHashSet<&T>, FxHashSet<&T>) = (one.iter().collect(), other.iter().collect());
    one == other
}

/// Whether the quoted name in an `#include` of the file `includer` is found beside it, so that nothing else was
/// searched. Otherwise a name with `..` in it (`stepping` in [`crate::scan::Scan`]) must be recorded as a probe.
pub fn is_beside(
    files: &mut Files,
    world: &dyn World,
    includer: PathId,
    name: &Probe,
    listings: &mut Listings,
) -> bool {
    let Some(dir) = listings.parent(files, includer) else { return false };
    let text = files.text_id(&name.name);
    !name.angled && !name.next && listings.ask(files, world, dir, text)
}

/// Fills in hits and listings.
fn evaluate(files: &mut Files, world: &dyn World, mut lookups: Lookups, listings: &mut Listings) -> Lookups {
    let tested = Tested::of(files, &lookups, listings);
    let mut watched: Vec<PathId> = tested.searched().collect();
    let (found, walked) = tested.found(files, world, listings);
    let hits = found.into_iter().map(|(dir, name, file)| Hit { dir, name: files.text(name).into(), file });
    let hits = hits.collect();
    watched.extend(walked);
    let mut known = FxHashSet::default();
    watched.retain(|dir| known.insert(*dir));
    let all = tested.needs_all_names(files, listings);
    lookups.all_names = all;
    lookups.listings =
        watched.into_iter().map(|dir| (dir, listings.digest(files, world, dir, all))).collect();
    lookups.hits = hits;
    lookups.twins = listings.twins(files, &lookups.search.dirs);
    lookups
}

/// The answers that are not what they were; none means that every search goes as before.
pub fn check(
    files: &mut Files,
    world: &dyn World,
    lookups: &Lookups,
    listings: &mut Listings,
) -> Vec<LookupChange> {
    let changed: FxHashSet<PathId> = lookups
        .listings
        .iter()
        .filter(|(dir, digest)| has_changed(files, world, (*dir, digest), lookups, listings))
        .map(|(dir, _)| *dir)
        .collect();
    let mut changes = changed_twins(files, lookups, listings);
    for hit in &lookups.hits {
        let name = files.text_id(&hit.name);
        let now = listings.ask(files, world, hit.dir, name);
        if now != hit.file {
            changes.push(LookupChange { name: hit.name.clone(), dir: hit.dir, appeared: now });
        }
    }
    if changed.is_empty() {
        return changes;
    }
    // Now it matters which names they are.
    listings.list(files, world, &changed.iter().copied().collect::<Vec<_>>());
    let hits: FxHashSet<(PathId, TextId)> =
        lookups.hits.iter().map(|hit| (hit.dir, files.text_id(&hit.name))).collect();
    let tested = Tested::of(files, lookups, listings);
    for (dir, name) in tested.pairs(|dir, way| listings.passes(files, world, (dir, way), &changed)) {
        if listings.ask(files, world, dir, name) && !hits.contains(&(dir, name)) {
            changes.push(LookupChange { name: files.text(name).into(), dir, appeared: true });
        }
    }
    changes
}

/// Whether a listing is not what it was.
fn has_changed(
    files: &Files,
    world: &dyn World,
    (dir, then): (PathId, &Digest),
    lookups: &Lookups,
    listings: &mut Listings,
) -> bool {
    listings.digest(files, world, dir, lookups.all_names) != *then
}

/// The directories that were another one under a second name and are not now, or are now and were not.
fn changed_twins(files: &Files, lookups: &Lookups, listings: &mut Listings) -> Vec<LookupChange> {
    let now = listings.twins(files, &lookups.search.dirs);
    let differ = |these: &[(PathId, PathId)], those: &[(PathId, PathId)], appeared: bool| {
        let gone = these.iter().filter(|twin| !those.contains(twin)).map(|(dir, _)| *dir);
        gone.map(|dir| LookupChange { name: [].into(), dir, appeared }).collect::<Vec<_>>()
    };
    [differ(&lookups.twins, &now, true), differ(&now, &lookups.twins, false)].concat()
}

/// Whether [`check`] had to evaluate, because a listing is no longer what it was. If it found no change then,
/// [`refresh`] gives lookups that make the next check cheap again.
pub fn is_outdated(files: &mut Files, world: &dyn World, lookups: &Lookups, listings: &mut Listings) -> bool {
    lookups.listings.iter().any(|(dir, digest)| has_changed(files, world, (*dir, digest), lookups, listings))
}

/// The same lookups with the listings of this build. Only for lookups that [`check`] has found unchanged.
pub fn refresh(files: &mut Files, world: &dyn World, lookups: &Lookups, listings: &mut Listings) -> Lookups {
    evaluate(files, world, lookups.clone(), listings)
}

/// The answers that may have changed while the command ran (law 4); if there are any, its result is not recorded.
///
/// `marker` is the time of a file that was touched before the command started. A directory that is as it was when it
/// was listed, and was last changed before the marker, is taken as it is. In any other, each name that was searched
/// and not read is asked of the disk again.
pub fn unsettled(
    files: &mut Files,
    world: &dyn World,
    lookups: &Lookups,
    listings: &mut Listings,
    marker: FileTime,
) -> Vec<LookupChange> {
    let mut late = FxHashSet::default();
    let mut moved = FxHashSet::default();
    for (dir, _) in &lookups.listings {
        let now = match disk::stat(&files.abs(*dir)) {
            Ok(Entry::Directory(signature)) => Some(signature),
            _ => None,
        };
        let listed = listings.signature(files, world, *dir);
        let changed = listings.has_changed(*dir);
        if changed || listed.is_some_and(|listed| !is_before(listed.last_change(), marker)) {
            late.insert(*dir);
        }
        if now != listed || late.contains(dir) {
            moved.insert(*dir);
        }
    }
    if moved.is_empty() && !asks_the_disk(files, lookups, listings) {
        return Vec::new();
    }
    let tested = Tested::of(files, lookups, listings);
    let asked = tested.pairs(|dir, way| way.by_stat || listings.passes(files, world, (dir, way), &moved));
    let mut changes = Vec::new();
    for (dir, name) in asked {
        let then = listings.ask(files, world, dir, name);
        let (now, changed) = listings.ask_disk(files, world, dir, name);
        let young = changed.is_some_and(|time| !is_before(time, marker));
        let way = listings.way(files, name);
        // A precompiled header that came and went is not waited for: each unit asks for one.
        let asked = tested.is_probe(name) && !files.text(name).ends_with(b".gch");
        let unknown = !now && asked && listings.passes(files, world, (dir, way), &late);
        if now != then || young || unknown {
            changes.push(LookupChange { name: files.text(name).into(), dir, appeared: now });
        }
    }
    changes
}

/// Whether a name may be asked for of which no listing tells: one with `..` in it, or an absolute one.
fn asks_the_disk(files: &mut Files, lookups: &Lookups, listings: &mut Listings) -> bool {
    let is_step = |part: Component<'_>| matches!(part, Component::ParentDir | Component::CurDir);
    let probes = lookups.probes.iter().any(|probe| {
        let name = files.text_id(&probe.name);
        listings.way(files, name).by_stat
    });
    probes || lookups.read.iter().any(|read| files.rel(*read).components().any(is_step))
}

/// Whether a change at `time` came before the marker was touched. A time in whole seconds may be a truncated one.
fn is_before(time: FileTime, marker: FileTime) -> bool {
    let coarse = if time.0 % 1_000_000_000 == 0 { COARSE } else { 0 };
    time.0.saturating_add(coarse) < marker.0
}

impl Lookups {
    /// Writes the canonical encoding: search directories, near, twins (directory, first name), from, read, probes (name, angled, next), hits
    /// (directory, name, file), all names, listings (directory, digest). `path` gives the number under which a path is written.
    pub fn encode(&self, encoder: &mut Encoder, mut path: impl FnMut(PathId) -> u32) {
        for (at, list) in [&self.search.dirs, &self.from, &self.read].into_iter().enumerate() {
            encoder.list(list, |e, id| {
                e.u32(path(*id));
            });
            if at == 0 {
                encoder.u8(u8::from(self.search.near));
                encoder.list(&self.twins, |e, (dir, first)| {
                    e.u32(path(*dir)).u32(path(*first));
                });
            }
        }
        encoder.list(&self.probes, |e, probe| {
            e.bytes(&probe.name).u8(u8::from(probe.angled)).u8(u8::from(probe.next));
        });
        encoder.list(&self.hits, |e, hit| {
            e.u32(path(hit.dir)).bytes(&hit.name).u8(u8::from(hit.file));
        });
        encoder.u8(u8::from(self.all_names));
        encoder.list(&self.listings, |e, (dir, digest)| {
            e.u32(path(*dir)).digest(digest);
        });
    }

    /// Reads what [`Lookups::encode`] wrote; `path` gives the path that a number stands for.
    ///
    /// # Errors
    /// The bytes are no such encoding, or `path` does not know a number.
    pub fn decode(
        decoder: &mut Decoder<'_>,
        mut path: impl FnMut(u32) -> Option<PathId>,
    ) -> Result<Self, Malformed> {
        let mut id = |d: &mut Decoder<'_>| path(d.u32()?).ok_or(Malformed);
        let dirs = decoder.list(&mut id)?;
        let near = flag(decoder)?;
        let twins = decoder.list(|d| Ok((id(d)?, id(d)?)))?;
        let from = decoder.list(&mut id)?;
        let read = decoder.list(&mut id)?;
        let probes =
            decoder.list(|d| Ok(Probe { name: d.bytes()?.into(), angled: flag(d)?, next: flag(d)? }))?;
        let hits = decoder.list(|d| Ok(Hit { dir: id(d)?, name: d.bytes()?.into(), file: flag(d)? }))?;
        let all_names = flag(decoder)?;
        let listings = decoder.list(|d| Ok((id(d)?, d.digest()?)))?;
        Ok(Self { search: Search { dirs, near }, twins, from, read, probes, hits, all_names, listings })
    }
}

fn flag(decoder: &mut Decoder<'_>) -> Result<bool, Malformed> {
    match decoder.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}
