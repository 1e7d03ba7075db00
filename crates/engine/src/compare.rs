//! Why another place has no result for an action here, or would have none: what differs, by name and with both values.
//!
//! For each action its counterpart *there* is looked for: what was made by an action of the same kind with the same
//! products. What that was made of is held against what the action here would be made of now. Nothing is run, and
//! nothing is concluded from it: whether a result is found is decided by its digest alone.
//!
//! What an action reads beyond its declared inputs is known here if its stamp still holds. If not, the list of its
//! counterpart is looked at here, as a look-up in a store does it. What other actions make is taken from their stamps,
//! if these hold, or from their counterparts, if those are made of the same; else nobody knows it yet, and a difference
//! there *follows* from what differs in the action that makes it.

#[cfg(test)]
mod tests;
mod there;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Action, Command, Spelling};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::ingredients::{
    BoundTo, Difference, Held, Ingredients, Name, Named, Short, Sight, Value, What, part_differences,
};
use rekindle_fingerprint::key::{Asked, InputSet};
use rekindle_fingerprint::lookup::{Listings, Lookups, Outputs};
use rekindle_fingerprint::stamp::{Holds, Stamp, places_digest};
use rekindle_scheduler::{ActionId, Graph};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::history::History;
use there::Made;
pub use there::{Products, There, products};

/// How an action here compares with what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The action.
    pub id: ActionId,
    /// What came out.
    pub verdict: Verdict,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same ingredients gave a result there.
    Same {
        /// Whether its files are other ones than those that the same ingredients gave here.
        other_bytes: bool,
    },
    /// It was made of something else there.
    Differs(Vec<Cause>),
    /// Nothing made its products there.
    NotThere,
    /// Its result is never shared, for this reason.
    NotShared(String),
}

/// A difference, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What differs.
    pub difference: Difference,
    /// The action that makes what differs, if that differs itself.
    pub follows: Option<ActionId>,
}

/// A difference that several actions have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'c> {
    /// What differs.
    pub difference: &'c Difference,
    /// The actions.
    pub ids: Vec<ActionId>,
}

/// The differences that follow from no other, each once: causes first, then what more actions have.
pub fn groups(comparisons: &[Comparison]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: FxHashMap<&Difference, usize> = FxHashMap::default();
    for Comparison { id, verdict } in comparisons {
        let Verdict::Differs(causes) = verdict else { continue };
        for Cause { difference, .. } in causes.iter().filter(|cause| cause.follows.is_none()) {
            let at = *known.entry(difference).or_insert_with(|| {
                groups.push(Group { difference, ids: Vec::new() });
                groups.len() - 1
            });
            if groups[at].ids.last() != Some(id) {
                groups[at].ids.push(*id);
            }
        }
    }
    groups.sort_by_key(|group| (group.difference.what, std::cmp::Reverse(group.ids.len())));
    groups
}

/// Compares actions with what is `there`, in the order in which they are built. `graph`, `files` and `history` are those
/// of this place.
pub fn compare(
    graph: &Graph,
    files: &mut Files,
    history: &History,
    there: &There,
    asked: &[ActionId],
) -> Vec<Comparison> {
    let world = Outputs::of(files, graph.produced().map(|(path, _)| path));
    let mut walk = Walk {
        graph,
        files,
        history,
        there,
        world,
        listings: Listings::default(),
        spellings: FxHashMap::default(),
        gives: FxHashMap::default(),
        verdicts: FxHashMap::default(),
        entered: FxHashSet::default(),
    };
    for id in graph.closure(asked) {
        walk.settle(id);
    }
    let wanted: FxHashSet<ActionId> = asked.iter().copied().collect();
    let told = graph.closure(asked).into_iter().filter(|id| wanted.contains(id));
    told.filter_map(|id| Some(Comparison { id, verdict: walk.verdicts.remove(&id)? })).collect()
}

/// So many counterparts of an action are looked at closely.
const CLOSELY: usize = 8;

/// What an action gives.
#[derive(Clone, Copy)]
struct Given {
    held: Held,
    executable: bool,
    /// Whether it is, or may be, another file than the one that is there.
    unlike: bool,
}

/// What an action reads beyond its declared inputs.
struct Reads {
    set: InputSet,
    /// What this place does not name as the other one does.
    lookups: Option<Lookups>,
}

struct Walk<'a> {
    graph: &'a Graph,
    files: &'a mut Files,
    history: &'a History,
    there: &'a There,
    world: Outputs,
    listings: Listings,
    spellings: FxHashMap<PathId, Spelling>,
    gives: FxHashMap<PathId, Given>,
    verdicts: FxHashMap<ActionId, Verdict>,
    entered: FxHashSet<ActionId>,
}

/// An action as it stands here, before anybody knows what else it reads.
struct Here<'a> {
    action: &'a Action,
    command: Command,
    declared: Vec<(PathId, Held)>,
    executables: Vec<PathId>,
}

impl<'a> Walk<'a> {
    /// Compares an action, after those that make what its stamp says that it reads.
    fn settle(&mut self, id: ActionId) {
        if !self.entered.insert(id) {
            return;
        }
        let graph = self.graph;
        let action = graph.action(id);
        let history = self.history;
        let stamp = action.outputs.first().and_then(|key| history.current(*key));
        for (path, _) in stamp.iter().flat_map(|stamp| &stamp.discovered) {
            for first in graph.producer(*path).map(|first| graph.closure(&[first])).unwrap_or_default() {
                self.settle(first);
            }
        }
        let here = self.here(action);
        let current = stamp.and_then(|stamp| Some((stamp, self.if_current(&here, stamp)?)));
        let (verdict, made) = self.compared(&here, stamp, current.as_ref().map(|(_, now)| now));
        let current = current.map(|(stamp, _)| stamp);
        let verdict = match (verdict, current, made) {
            (Verdict::Same { .. }, Some(stamp), Some(made)) => {
                let gives = |stamp: &Stamp| {
                    stamp.outputs.iter().map(|output| self.short(output.content)).collect::<Vec<_>>()
                };
                Verdict::Same { other_bytes: gives(stamp) != made.contents() }
            }
            (verdict, ..) => verdict,
        };
        self.give(action, &verdict, current, made);
        self.verdicts.insert(id, verdict);
    }

    fn short(&self, content: rekindle_fingerprint::files::ContentId) -> Short {
        Short::from(&self.files.blob(content).digest)
    }

    fn here<'g>(&mut self, action: &'g Action) -> Here<'g> {
        if !self.spellings.contains_key(&action.cwd) {
            self.spellings.insert(action.cwd, Spelling::new(self.files, action.cwd));
        }
        let command = action.command_spelled(self.files, &self.spellings[&action.cwd]);
        self.observe(&action.inputs);
        let declared = action.inputs.iter().map(|path| (*path, self.look(*path))).collect();
        let executable = |path: &PathId| match self.gives.get(path) {
            Some(given) => given.executable,
            None => self.files.is_executable(*path),
        };
        let inputs = action.inputs.iter().copied().filter(|_| action.modes_count());
        Here { action, command, declared, executables: inputs.filter(executable).collect() }
    }

    /// Looks at what no action makes.
    fn observe(&mut self, paths: &[PathId]) {
        let found: Vec<PathId> =
            paths.iter().copied().filter(|path| self.graph.producer(*path).is_none()).collect();
        self.files.observe(&found);
    }

    /// What a path holds, or will.
    fn look(&self, path: PathId) -> Held {
        match self.gives.get(&path) {
            Some(given) => given.held,
            None if self.graph.producer(path).is_some() => Held::ToCome,
            None => {
                self.files.digest(path).map_or(Held::Absent, |digest| Held::Content(Short::from(&digest)))
            }
        }
    }

    /// What an action is made of here if it reads this.
    fn seen(&mut self, here: &Here<'_>, reads: &Reads) -> Ingredients {
        self.observe(&reads.set.paths);
        let discovered = reads.set.paths.iter().map(|path| (*path, self.look(*path))).collect();
        let sight = Sight {
            kind: here.action.kind,
            command: &here.command,
            identity: here.action.identity.as_ref().map(|identity| identity.digest),
            declared: here.declared.clone(),
            executables: &here.executables,
            discovered,
            deferred: &reads.set.deferred,
            lookups: reads.lookups.as_ref(),
            bound: None,
        };
        Ingredients::seen(here.action, &sight, self.files)
    }

    fn reads(&mut self, here: &Here<'_>, set: InputSet) -> Reads {
        let lookups = set.search(here.action, None, self.files, &self.world, &mut self.listings);
        Reads { set, lookups }
    }

    /// What an action is made of here, if its stamp still holds.
    fn if_current(&mut self, here: &Here<'_>, stamp: &Stamp) -> Option<Ingredients> {
        if stamp.unprovable.is_some() {
            return None;
        }
        let reads = self.reads(here, InputSet::of(stamp));
        let mut now = self.seen(here, &reads);
        let mut before = Ingredients::of(here.action, stamp, self.files);
        if let Holds::AtRoots(bound) = &stamp.holds
            && !bound.holds(self.files.roots())
        {
            return None;
        }
        (before.bound, now.bound) = (None, None);
        Ingredients::differences(&before, &now).is_empty().then_some(now)
    }

    /// What comes out, and which counterpart was taken.
    fn compared(
        &mut self,
        here: &Here<'_>,
        stamp: Option<&Stamp>,
        current: Option<&Ingredients>,
    ) -> (Verdict, Option<&'a Made>) {
        let products: Vec<_> =
            here.command.produces.iter().map(|text| self.files.text(*text).into()).collect();
        let there = self.there;
        let counterparts = there.counterparts(here.action.kind, &products);
        let mut best: Option<(&Made, Vec<Difference>)> = None;
        for made in self.nearest(here, counterparts) {
            let differences = self.differences(here, made, current);
            let better = |(_, known): &(&Made, Vec<Difference>)| differences.len() < known.len();
            if best.as_ref().is_none_or(better) {
                best = Some((made, differences));
            }
        }
        let Some((made, differences)) = best else {
            let why = there.is_shared().then(|| not_shared(here.action, stamp)).flatten();
            return (why.map_or(Verdict::NotThere, Verdict::NotShared), None);
        };
        if differences.is_empty() {
            return (Verdict::Same { other_bytes: false }, Some(made));
        }
        let by_command = differences.iter().any(|difference| difference.what <= What::Directory);
        // What follows from another command or toolchain is no cause.
        let causes =
            differences.into_iter().filter(|difference| !(by_command && is_derived(difference.what)));
        let causes = causes.flat_map(|difference| self.in_parts(here.action, made, difference));
        let causes: Vec<Difference> = causes.collect();
        let causes =
            causes.into_iter().map(|difference| Cause { follows: self.follows(&difference), difference });
        (Verdict::Differs(causes.collect()), Some(made))
    }

    /// The counterparts that are made of most nearly the same before it is known what else was read; the newest of
    /// them first.
    fn nearest<'t>(&mut self, here: &Here<'_>, counterparts: &'t [Made]) -> Vec<&'t Made> {
        let bare = self.seen(here, &Reads { set: InputSet::default(), lookups: None });
        let known = |made: &&Made| {
            let differences = Ingredients::differences(&made.ingredients, &bare);
            differences.iter().filter(|difference| is_first(difference)).count()
        };
        let mut nearest: Vec<&Made> = counterparts.iter().collect();
        nearest.sort_by_cached_key(|made| (known(made), made.age));
        nearest.truncate(CLOSELY);
        nearest
    }

    /// What differs between a counterpart and the action as it stands here.
    fn differences(
        &mut self,
        here: &Here<'_>,
        made: &Made,
        current: Option<&Ingredients>,
    ) -> Vec<Difference> {
        let bound = made.ingredients.bound.as_ref().map(|bound| BoundTo {
            roots: bound.roots.clone(),
            places: Short::from(&places_digest(self.files.roots(), &bound.roots)),
        });
        let held = |now: Ingredients| {
            Ingredients::differences(&made.ingredients, &Ingredients { bound: bound.clone(), ..now })
        };
        let by_stamp = current.map(|now| held(now.clone()));
        match by_stamp {
            Some(differences) if differences.is_empty() || differences.iter().any(is_first) => differences,
            by_stamp => {
                // What was read there would be looked at here, whatever was read here.
                let (set, complete) = self.set_of(&made.ingredients);
                let reads = self.reads(here, set);
                let looked = held(self.seen(here, &reads));
                match by_stamp {
                    Some(differences) if !(complete && looked.is_empty()) => differences,
                    _ => looked,
                }
            }
        }
    }

    /// The input set of a counterpart, as this place names it; and whether it names all of it.
    fn set_of(&mut self, all: &Ingredients) -> (InputSet, bool) {
        let mut complete = true;
        let mut list = |names: &mut dyn Iterator<Item = &Named>| -> Vec<PathId> {
            let paths = names.map(|name| self.path(name)).collect::<Vec<_>>();
            complete &= paths.iter().all(Option::is_some);
            paths.into_iter().flatten().collect()
        };
        let paths = list(&mut all.discovered.iter().map(|(name, _)| name));
        let deferred = list(&mut all.deferred.iter());
        let asked = all.searched.as_ref().map(|searched| Asked {
            from: list(&mut searched.from.iter()),
            read: list(&mut searched.read.iter()),
            probes: searched.probes.clone(),
        });
        let tool = all.identity.filter(|_| all.kind == rekindle_fingerprint::action::ActionKind::AutoArchive);
        (InputSet { paths, deferred, asked, tool }, complete)
    }

    /// The path of a name that came from elsewhere; none if this place names that file otherwise.
    fn path(&mut self, name: &Named) -> Option<PathId> {
        let root = self.files.roots().by_name(&name.root)?;
        let rel = Path::new(OsStr::from_bytes(&name.rel));
        let base = self.files.roots().get(root).path.clone();
        let path = self.files.path_from(&base, rel);
        let is_its_name =
            self.files.root(path) == root && self.files.rel(path).as_os_str() == rel.as_os_str();
        is_its_name.then_some(path)
    }

    /// The parts of a toolchain that differ, if it is known of what the one there was made.
    fn in_parts(&self, action: &Action, made: &Made, difference: Difference) -> Vec<Difference> {
        let there = made.ingredients.identity.as_ref().and_then(|identity| self.there.parts(identity));
        let (What::Toolchain, Some(there), Some(here)) = (difference.what, there, &action.identity) else {
            return vec![difference];
        };
        let here: Vec<(String, Short)> =
            here.parts.iter().map(|part| (part.name.clone(), Short::from(&part.digest))).collect();
        let parts = part_differences(there, &here);
        if parts.is_empty() { vec![difference] } else { parts }
    }

    /// The action that makes what differs, if that is not the same as there.
    fn follows(&mut self, difference: &Difference) -> Option<ActionId> {
        let Name::Path(name) = &difference.name else { return None };
        if difference.there == Value::Missing || difference.here == Value::Missing {
            return None;
        }
        let path = self.path(name)?;
        self.graph.producer(path).filter(|_| self.gives.get(&path).is_none_or(|given| given.unlike))
    }

    /// Notes what an action gives, for those that read it.
    fn give(&mut self, action: &Action, verdict: &Verdict, current: Option<&Stamp>, made: Option<&Made>) {
        let unlike = *verdict != Verdict::Same { other_bytes: false };
        let mut given: Vec<Given> = Vec::new();
        for (at, path) in action.outputs.iter().enumerate() {
            let stamped = current.and_then(|stamp| stamp.outputs.iter().find(|output| output.path == *path));
            let there = made.and_then(|made| made.products.get(at));
            let executable =
                stamped.map(|output| output.executable).or(there.map(|product| product.executable));
            let held = match (stamped, there) {
                (Some(output), _) => Held::Content(self.short(output.content)),
                (None, Some(product)) if !unlike => Held::Content(product.content),
                (None, _) => Held::ToCome,
            };
            given.push(Given { held, executable: executable.unwrap_or(false), unlike });
        }
        for (link, target) in &action.links {
            let named = |path: &PathId| self.files.rel(*path).file_name() == target.file_name();
            let at = action.outputs.iter().position(named);
            let given = at.and_then(|at| given.get(at).copied());
            self.gives
                .insert(*link, given.unwrap_or(Given { held: Held::ToCome, executable: false, unlike }));
        }
        self.gives.extend(action.outputs.iter().copied().zip(given));
    }
}

/// Whether an ingredient is known before an action runs.
fn is_first(difference: &Difference) -> bool {
    difference.what < What::Discovered
}

/// Whether an ingredient follows from the command and the toolchain.
fn is_derived(what: What) -> bool {
    matches!(what, What::Discovery | What::SearchDirectory | What::SearchOrder | What::SystemPlace)
}

/// Why the result of an action is in no store.
fn not_shared(action: &Action, stamp: Option<&Stamp>) -> Option<String> {
    if let Some(why) = &action.local {
        return Some(format!("it holds on the machine that made it only: {why}"));
    }
    if !action.share {
        return Some("the manifest says so".into());
    }
    let stamp = stamp?;
    let volatile = stamp.volatile.as_ref().map(|by| format!("{by} puts the date or the time into it"));
    volatile
        .or_else(|| stamp.unprovable.as_ref().map(|why| format!("it cannot be known what it reads: {why}")))
}
