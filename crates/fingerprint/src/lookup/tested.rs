//! Which names are asked of which directories: it follows from what was read and where was searched.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustc_hash::{FxHashMap, FxHashSet};

use super::Lookups;
use super::listings::Listings;
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
    /// How many of the search directories are asked, from the first.
    upto: usize,
    probe: bool,
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
        let mut asked: FxHashMap<PathBuf, Vec<Place>> = FxHashMap::default();
        for (at, id) in dirs.iter().enumerate() {
            asked.entry(files.abs(*id)).or_default().push(Place { id: *id, search: Some(at) });
        }
        for id in near.iter().filter(|id| !dirs.contains(id)) {
            asked.entry(files.abs(*id)).or_default().push(Place { id: *id, search: None });
        }
        let dirs = dirs.into_iter().map(|id| (id, near.contains(&id))).collect();
        let mut tested = Self { near, dirs, names: Vec::new(), read: FxHashSet::default() };
        let mut known: FxHashMap<TextId, usize> = FxHashMap::default();
        let mut seen = FxHashSet::default();
        for read in lookups.read.iter().filter(|id| seen.insert(**id)) {
            tested.add_suffixes(files, &files.abs(*read), &asked, &mut known);
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
            listings.learn(files, name.text);
        }
        tested
    }

    fn add_suffixes(
        &mut self,
        files: &mut Files,
        path: &Path,
        asked: &FxHashMap<PathBuf, Vec<Place>>,
        known: &mut FxHashMap<TextId, usize>,
    ) {
        for dir in path.ancestors().skip(1) {
            let Some(places) = asked.get(dir) else { continue };
            let Ok(suffix) = path.strip_prefix(dir) else { continue };
            let text = files.text_id(suffix.as_os_str().as_bytes());
            let name = self.name(text, known);
            name.near = true;
            for upto in places.iter().filter_map(|place| Some(place.search? + 1)) {
                name.upto = name.upto.max(upto);
            }
            self.read.extend(places.iter().map(|place| (place.id, text)));
        }
    }

    fn name(&mut self, text: TextId, known: &mut FxHashMap<TextId, usize>) -> &mut Name {
        let at = *known.entry(text).or_insert_with(|| {
            self.names.push(Name { text, near: false, upto: 0, probe: false });
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

    /// Every directory and name that is asked, each once, but for those at which something was read.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (PathId, TextId)> + '_ {
        self.names
            .iter()
            .flat_map(|name| self.asked(name).map(|dir| (dir, name.text)))
            .filter(|pair| !self.read.contains(pair))
    }

    /// One name of each prefix (`sys/` of `sys/types.h`) with each directory that is asked for a name of that prefix,
    /// also where something was read.
    pub(super) fn nested(&self, listings: &Listings) -> Vec<(PathId, TextId)> {
        let mut known = FxHashSet::default();
        let names = self.names.iter().filter_map(|name| Some((name, listings.prefix(name.text)?)));
        let pairs =
            names.flat_map(|(name, prefix)| self.asked(name).map(move |dir| (dir, name.text, prefix)));
        pairs
            .filter(|(dir, _, prefix)| known.insert((*dir, *prefix)))
            .map(|(dir, text, _)| (dir, text))
            .collect()
    }

    fn asked(&self, name: &Name) -> impl Iterator<Item = PathId> + '_ {
        let near = if name.near { self.near.as_slice() } else { &[] };
        let asked_already = name.near;
        let rest = self.dirs[..name.upto].iter().filter(move |(_, near)| !(asked_already && *near));
        near.iter().copied().chain(rest.map(|(id, _)| *id))
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
    // A directory that comes again keeps its last place, so that more names are asked of it rather than fewer.
    known.clear();
    let mut dirs: Vec<PathId> =
        lookups.search.dirs.iter().rev().copied().filter(|id| known.insert(*id)).collect();
    dirs.reverse();
    (near, dirs)
}
