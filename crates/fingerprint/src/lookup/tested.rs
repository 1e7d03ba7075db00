//! Which names are asked of which directories: it follows from what was read and where was searched.

use rustc_hash::{FxHashMap, FxHashSet};

use super::listings::{Listings, Way};
use super::{Lookups, World};
use crate::files::{Files, PathId, TextId};

/// The names that are tested, and where.
pub(super) struct Tested {
    /// Directories that are asked first.
    near: Vec<PathId>,
    /// Directories that are asked in order, each at its last place only, and whether it is near too.
    dirs: Vec<(PathId, bool)>,
    names: Vec<Name>,
    /// The pairs at which something was read.
    read: FxHashSet<(PathId, TextId)>,
}

struct Name {
    text: TextId,
    /// Whether the near directories are asked.
    near: bool,
    /// How many of the search directories are asked, from the first: those before the last one from which it was
    /// read, which need not be asked since the file that was read is an input.
    upto: usize,
    probe: bool,
    way: Way,
}

/// A way that names take, and where they are asked.
#[derive(Clone, Copy)]
struct Asked {
    way: Way,
    /// Whether the near directories are asked.
    near: bool,
    /// How many of the search directories are asked that are not near, and how many in any case.
    upto: usize,
    upto_not_near: usize,
}

/// A directory that is asked: by this number, first or as those of the search.
struct Place {
    id: PathId,
    search: Option<usize>,
}

impl Tested {
    /// Derives the names.
    pub(super) fn of(files: &mut Files, lookups: &Lookups, listings: &mut Listings) -> Self {
        let (near, dirs) = places(files, lookups, listings);
        let mut asked: FxHashMap<PathId, Vec<Place>> = FxHashMap::default();
        for (at, id) in dirs.iter().enumerate() {
            let place = Place { id: *id, search: Some(at) };
            asked.entry(listings.located(files, *id)).or_default().push(place);
        }
        for id in near.iter().filter(|id| !dirs.contains(id)) {
            let place = Place { id: *id, search: None };
            asked.entry(listings.located(files, *id)).or_default().push(place);
        }
        let dirs: Vec<(PathId, bool)> = dirs.into_iter().map(|id| (id, near.contains(&id))).collect();
        let mut tested = Self { near, dirs, names: Vec::new(), read: FxHashSet::default() };
        let mut known: FxHashMap<TextId, usize> = FxHashMap::default();
        let mut seen = FxHashSet::default();
        for read in lookups.read.iter().filter(|id| seen.insert(**id)) {
            for (dir, suffix) in listings.lineage(files, *read).iter() {
                if let Some(places) = asked.get(dir) {
                    tested.add_read(*suffix, places, &mut known);
                }
            }
        }
        for probe in &lookups.probes {
            let text = files.text_id(&probe.name);
            let name = tested.name(text, &mut known);
            name.near |= !probe.angled;
            name.probe = true;
            name.upto = usize::MAX;
        }
        let all = tested.dirs.len();
        for name in &mut tested.names {
            name.upto = name.upto.min(all);
            name.way = listings.way(files, name.text);
        }
        tested
    }

    /// A file was read that is called `suffix` in these places.
    fn add_read(&mut self, suffix: TextId, places: &[Place], known: &mut FxHashMap<TextId, usize>) {
        let name = self.name(suffix, known);
        name.near = true;
        for upto in places.iter().filter_map(|place| place.search) {
            name.upto = name.upto.max(upto);
        }
        self.read.extend(places.iter().map(|place| (place.id, suffix)));
    }

    fn name(&mut self, text: TextId, known: &mut FxHashMap<TextId, usize>) -> &mut Name {
        let at = *known.entry(text).or_insert_with(|| {
            self.names.push(Name { text, near: false, upto: 0, probe: false, way: Way::default() });
            self.names.len() - 1
        });
        &mut self.names[at]
    }

    /// Every directory of which anything is asked.
    pub(super) fn searched(&self) -> impl Iterator<Item = PathId> + '_ {
        let near = if self.names.iter().any(|name| name.near) { self.near.len() } else { 0 };
        let upto = self.names.iter().map(|name| name.upto).max().unwrap_or(0);
        self.near[..near].iter().copied().chain(self.dirs[..upto].iter().map(|(id, _)| *id))
    }

    /// Every directory and name that is asked, each once, but for those at which something was read. Only where
    /// `wanted` says so of the directory and the way of the name, which many names share.
    pub(super) fn pairs(&self, mut wanted: impl FnMut(PathId, Way) -> bool) -> Vec<(PathId, TextId)> {
        let mut ways: FxHashMap<Way, Vec<usize>> = FxHashMap::default();
        let mut pairs = Vec::new();
        for name in &self.names {
            let places = ways.entry(name.way).or_insert_with(|| {
                (0..self.places()).filter(|at| wanted(self.place(*at), name.way)).collect()
            });
            let asked = places.iter().filter(|at| self.asks(name, **at));
            let asked = asked.map(|at| (self.place(*at), name.text));
            pairs.extend(asked.filter(|pair| !self.read.contains(pair)));
        }
        pairs
    }

    /// The pairs among those that are asked for which listings do not prove that there is no such file, and whether there
    /// is one; and the directories whose listings are asked on the ways that names take, also where something was read, but
    /// for those where they begin. Goes by where names are, and not by where they are asked, which are many places.
    pub(super) fn found(
        &self,
        files: &mut Files,
        world: &dyn World,
        listings: &mut Listings,
    ) -> (Vec<(PathId, TextId, bool)>, Vec<PathId>) {
        let mut places: FxHashMap<PathId, Vec<usize>> = FxHashMap::default();
        for at in 0..self.places() {
            places.entry(self.place(at)).or_default().push(at);
        }
        let searched: Vec<PathId> = self.searched().collect();
        listings.list(files, world, &searched);
        let mut walked = Vec::new();
        let mut leads: FxHashMap<Way, Vec<PathId>> = FxHashMap::default();
        for asked in self.asked_ways() {
            let dirs = (0..self.places()).filter(|at| self.passes(asked, *at)).map(|at| self.place(at));
            let mut dirs: Vec<PathId> = dirs.collect();
            dirs.retain(|dir| listings.leads(files, world, *dir, asked.way));
            for dir in &dirs {
                walked.extend(listings.walked(files, world, *dir, asked.way).iter());
            }
            leads.insert(asked.way, dirs);
        }
        let mut all = Vec::new();
        for name in &self.names {
            let dirs = match leads.get(&name.way) {
                Some(dirs) => dirs.as_slice(),
                None => listings.holders(files, name.text),
            };
            let mut found: Vec<usize> =
                dirs.iter().filter_map(|dir| places.get(dir)).flatten().copied().collect();
            found.retain(|at| self.asks(name, *at));
            found.sort_unstable();
            found.dedup();
            for dir in found.into_iter().map(|at| self.place(at)) {
                let pair = (dir, name.text);
                if !self.read.contains(&pair) && listings.may_have(files, world, dir, name.text) {
                    all.push((dir, name.text, listings.ask(files, world, dir, name.text)));
                }
            }
        }
        (all, walked)
    }

    /// The ways that names take, each once, and where they are asked.
    fn asked_ways(&self) -> Vec<Asked> {
        let mut at: FxHashMap<Way, usize> = FxHashMap::default();
        let mut all: Vec<Asked> = Vec::new();
        for name in self.names.iter().filter(|name| name.way != Way::default()) {
            let at = *at.entry(name.way).or_insert_with(|| {
                all.push(Asked { way: name.way, near: false, upto: 0, upto_not_near: 0 });
                all.len() - 1
            });
            let asked = &mut all[at];
            if name.near {
                asked.near = true;
                asked.upto = asked.upto.max(name.upto);
            } else {
                asked.upto_not_near = asked.upto_not_near.max(name.upto);
            }
        }
        all
    }

    /// Whether some name that takes a way is asked of a place.
    fn passes(&self, asked: Asked, at: usize) -> bool {
        if at < self.near.len() {
            return asked.near;
        }
        let at = at - self.near.len();
        at < asked.upto_not_near || at < asked.upto && !self.dirs[at].1
    }

    /// How many places are asked: the near directories, then those of the search.
    fn places(&self) -> usize {
        self.near.len() + self.dirs.len()
    }

    fn place(&self, at: usize) -> PathId {
        if at < self.near.len() { self.near[at] } else { self.dirs[at - self.near.len()].0 }
    }

    fn asks(&self, name: &Name, at: usize) -> bool {
        if at < self.near.len() {
            return name.near;
        }
        let at = at - self.near.len();
        at < name.upto && !(name.near && self.dirs[at].1)
    }

    /// Whether a name is asked that listings pass over, so that the digests of all names are needed.
    pub(super) fn needs_all_names(&self, files: &mut Files, listings: &mut Listings) -> bool {
        self.names.iter().any(|name| listings.needs_all_names(files, name.text))
    }

    /// Whether `text` was asked for by a probe.
    pub(super) fn is_probe(&self, text: TextId) -> bool {
        self.names.iter().any(|name| name.text == text && name.probe)
    }
}

/// The directories that are asked first, and those of the search, each once.
fn places(files: &mut Files, lookups: &Lookups, listings: &mut Listings) -> (Vec<PathId>, Vec<PathId>) {
    let mut known = FxHashSet::default();
    let mut near: Vec<PathId> = lookups.from.iter().copied().filter(|id| known.insert(*id)).collect();
    if lookups.search.near {
        let parents = lookups.read.iter().filter_map(|id| listings.parent(files, *id));
        near.extend(parents.filter(|id| known.insert(*id)));
    }
    // A directory that comes again may be searched first or last: its names are asked of all others, and it is asked
    // first for the names of all others.
    let mut once = FxHashSet::default();
    near.extend(lookups.search.dirs.iter().copied().filter(|id| !once.insert(*id) && known.insert(*id)));
    // Among those that are asked in order it keeps its last place, so that more names are asked of it, not fewer.
    known.clear();
    let mut dirs: Vec<PathId> =
        lookups.search.dirs.iter().rev().copied().filter(|id| known.insert(*id)).collect();
    dirs.reverse();
    (near, dirs)
}
