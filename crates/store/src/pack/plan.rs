//! What goes into a pack, and in which order: like follows like.

use std::collections::BTreeSet;

use rekindle_fingerprint::digest::{Blob, Digest};
use rustc_hash::{FxHashMap, FxHashSet};

use super::error::Error;
use super::export::Missing;
use super::index::Used;
use crate::ActionCache;
use crate::disk::{Disk, Head, MAX_SETS, Reached, Since, Time};
use crate::result::Entry;

/// What goes into a pack, each kind in its order.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) blobs: Vec<Blob>,
    /// The key of each, and its own digest.
    pub(super) sets: Vec<(Digest, Digest)>,
    pub(super) notes: Vec<Digest>,
    pub(super) results: Vec<Digest>,
    /// The last build's comes last.
    pub(super) builds: Vec<Used>,
    pub(super) missing: Missing,
    /// How many things results and records name.
    pub(super) names: u64,
}

/// The place of each thing in its list.
pub(super) fn numbers<T: Copy + Eq + std::hash::Hash>(things: impl Iterator<Item = T>) -> FxHashMap<T, u32> {
    things.zip(0..).collect()
}

/// A result.
struct Light {
    name: Digest,
    /// Its first blob, if it has any.
    blob: Option<Digest>,
    /// Its first-level key, if that is known.
    key: Option<Digest>,
}

/// The results that are there with all of their blobs.
#[derive(Default)]
struct Whole {
    results: Vec<Light>,
    /// The blobs that they name.
    blobs: FxHashSet<Blob>,
    /// How each blob starts that any result names; none if it is not there.
    heads: FxHashMap<Blob, Option<Head>>,
    /// The sets that they name.
    sets: BTreeSet<(Digest, Digest)>,
    incomplete: u64,
    /// How many products they have together.
    names: u64,
}

impl Plan {
    /// What is reached of the store, as far as it is there.
    pub(super) fn of(disk: &Disk, since: Option<Since>) -> Result<Self, Error> {
        let reached = disk.reach(since)?;
        let whole = Whole::of(disk, &reached)?;
        let mut plan = Self::default();
        plan.missing.results = whole.incomplete;
        plan.names = whole.names;
        plan.missing.blobs = whole.heads.values().filter(|head| head.is_none()).count() as u64;
        plan.order_blobs(&whole);
        let keys = plan.order_results(whole.results);
        let sets = if since.is_some() { &whole.sets } else { &reached.sets };
        plan.order_sets(disk, sets, &keys)?;
        for note in &reached.notes {
            match disk.note_there(note)? {
                Some(_) => plan.notes.push(*note),
                None => plan.missing.notes += 1,
            }
        }
        plan.add_builds(disk, &reached)?;
        Ok(plan)
    }

    /// Objects for one kind of machine lie together, archives, programs; and among them those of like size.
    fn order_blobs(&mut self, whole: &Whole) {
        let head = |blob: &Blob| whole.heads.get(blob).copied().flatten();
        let mut blobs: Vec<(Option<Head>, u64, Digest)> =
            whole.blobs.iter().map(|blob| (head(blob), blob.size, blob.digest)).collect();
        blobs.sort_unstable();
        self.blobs = blobs.into_iter().map(|(_, size, digest)| Blob { digest, size }).collect();
    }

    /// The results come in the order of their blobs. Gives their keys in that order.
    fn order_results(&mut self, mut results: Vec<Light>) -> Vec<Digest> {
        let numbers = numbers(self.blobs.iter().map(|blob| blob.digest));
        let number = |blob: Option<Digest>| blob.and_then(|blob| numbers.get(&blob)).copied();
        results.sort_unstable_by_key(|result| (number(result.blob), result.name));
        self.results = results.iter().map(|result| result.name).collect();
        results.iter().filter_map(|result| result.key).collect()
    }

    /// The sets of a key come together, where the first result of that key comes; the set that was put last comes last.
    fn order_sets(
        &mut self,
        disk: &Disk,
        sets: &BTreeSet<(Digest, Digest)>,
        keys: &[Digest],
    ) -> Result<(), Error> {
        let mut places: FxHashMap<Digest, usize> = FxHashMap::default();
        for (place, key) in keys.iter().enumerate() {
            places.entry(*key).or_insert(place);
        }
        let mut order: Vec<(usize, Digest, Time, Digest)> = Vec::new();
        for (key, set) in sets {
            match disk.set_there(key, set)? {
                Some((time, _)) => {
                    order.push((places.get(key).copied().unwrap_or(usize::MAX), *key, time, *set));
                }
                None => self.missing.sets += 1,
            }
        }
        order.sort_unstable();
        // More than that of one key are never read.
        let is_old = |at: usize| order.get(at + MAX_SETS).is_some_and(|(_, key, ..)| *key == order[at].1);
        let read = (0..order.len()).filter(|at| !is_old(*at));
        self.sets = read.map(|at| (order[at].1, order[at].3)).collect();
        Ok(())
    }

    fn add_builds(&mut self, disk: &Disk, reached: &Reached) -> Result<(), Error> {
        let results = numbers(self.results.iter().copied());
        let notes = numbers(self.notes.iter().copied());
        let mut gone = FxHashSet::default();
        let mut known = FxHashSet::default();
        for (_, name) in disk.builds()? {
            if !reached.builds.contains(&name) {
                continue;
            }
            let build = match disk.build(&name) {
                Ok(build) => build,
                Err(crate::Error::Damaged { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let Some(build) = build else { continue };
            let there = |names: &[Digest], numbers: &FxHashMap<Digest, u32>| {
                let mut there: Vec<u32> =
                    names.iter().filter_map(|name| numbers.get(name)).copied().collect();
                there.sort_unstable();
                there
            };
            let used = Used { results: there(&build.results, &results), notes: there(&build.notes, &notes) };
            let absent = |name: &&Digest| !results.contains_key(*name) && !reached.results.contains(*name);
            gone.extend(build.results.iter().filter(absent).copied());
            // What is left of two builds may be the same; then the later one counts.
            self.names += (used.results.len() + used.notes.len()) as u64;
            if known.insert((used.results.clone(), used.notes.clone())) {
                self.builds.push(used);
            }
        }
        self.missing.results += gone.len() as u64;
        self.builds.reverse();
        Ok(())
    }
}

impl Whole {
    fn of(disk: &Disk, reached: &Reached) -> Result<Self, Error> {
        let mut whole = Self::default();
        for name in &reached.results {
            let Some(entry) = disk.entry_there(name)? else { continue };
            let Entry::Made(result) = entry else {
                whole.results.push(Light { name: *name, blob: None, key: None });
                continue;
            };
            let mut is_whole = true;
            for product in &result.products {
                is_whole &= whole.has(disk, &product.blob)?;
            }
            if is_whole {
                let blob = result.products.first().map(|product| product.blob.digest);
                let key = result.origin.as_ref().map(|origin| origin.key);
                whole.results.push(Light { name: *name, blob, key });
                whole.names += result.products.len() as u64;
                whole.blobs.extend(result.products.iter().map(|product| product.blob));
                whole.sets.extend(result.origin.and_then(|origin| Some((origin.key, origin.set?))));
            } else {
                whole.incomplete += 1;
            }
        }
        Ok(whole)
    }

    fn has(&mut self, disk: &Disk, blob: &Blob) -> Result<bool, Error> {
        if let Some(head) = self.heads.get(blob) {
            return Ok(head.is_some());
        }
        let head = disk.head_of(blob)?;
        self.heads.insert(*blob, head);
        Ok(head.is_some())
    }
}
