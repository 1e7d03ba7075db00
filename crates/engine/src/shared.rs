//! Results that are shared through the store: looked for before a command runs, put there after it has.
//!
//! Nothing that goes wrong with the store stops a build: it says so and goes on without.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::key::{ActionDigest, FirstKey, InputSet, first_key, is_declared};
use rekindle_fingerprint::lookup::Lookups;
use rekindle_fingerprint::printed;
use rekindle_fingerprint::stamp::{Holds, Output, Stamp};
use rekindle_scheduler::{ActionId, NeedsFirst, State};
use rekindle_store::{ActionResult, Entry, Error as StoreError, Origin, Product, Store};

use crate::error::Error;
use crate::event::{Outcome, Remarks, StoreUse};
use crate::hands::Work;
use crate::history::Before;
use crate::kept::Kept;
use crate::origin::made_of;
use crate::restore::{self, Held, Lies, Places, Retrieval, Retrieved};
use crate::session::{Message, Session};
use crate::settle::remarks_of;

/// What looking into the store came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// The result is there, and the action is settled.
    Restored,
    /// The action is judged again behind others, or lost one of them; or a thread looks into the store for it.
    Later,
    /// There is nothing for it.
    Missed,
}

/// The input sets of an action that have not been tried yet.
pub(crate) struct Untried {
    key: FirstKey,
    /// Those that can be tried now, the next one last.
    ready: Vec<InputSet>,
    /// Those that speak of what is still to be made.
    later: Vec<InputSet>,
}

/// A result that the store may have: what would be recorded of it, but for what the store alone knows. It is made in one
/// go with its digest, so that what is recorded is what the digest was made of, whatever changes meanwhile.
pub(crate) struct Candidate {
    digest: ActionDigest,
    stamp: Stamp,
}

/// An action for which a thread takes a result out of the store.
pub(crate) struct Asking {
    candidate: Candidate,
    untried: Untried,
}

/// What a panic amounts to where `verb` was tried: the store is not asked again.
pub(crate) fn broken(verb: &'static str, place: Option<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
    let path = place.unwrap_or_default();
    move |source| StoreError::Io { verb, path, source }
}

impl Session<'_> {
    /// The store, if the result of an action may come from it or go there.
    pub(crate) fn store_for(&self, id: ActionId) -> Option<Arc<dyn Store>> {
        let action = self.graph.action(id);
        let store = self.store.as_ref().filter(|_| action.share && action.local.is_none())?;
        Some(Arc::clone(store))
    }

    /// Looks for the result of an action in the store, and puts it back. In a build, a thread reads the input sets.
    pub(crate) fn restore_shared(&mut self, id: ActionId) -> Looked {
        let Some(store) = self.store_for(id).filter(|_| self.planned_changes(id).is_empty()) else {
            return Looked::Missed;
        };
        let Some(key) = self.first_key(id) else { return Looked::Missed };
        if is_declared(self.graph.action(id)) {
            let untried = Untried { key, ready: vec![InputSet::default()], later: Vec::new() };
            return self.try_next(id, untried);
        }
        if self.builds() {
            let broken = broken("read", store.place());
            let lost = move |error: Option<io::Error>| Message::Sets {
                id,
                key,
                sets: error.map_or(Ok(Vec::new()), |error| Err(broken(error))),
            };
            self.hands.give(Work::Ask, move || Message::Sets { id, key, sets: store.sets(&key.0) }, lost);
            return Looked::Later;
        }
        let sets = store.sets(&key.0);
        self.try_sets(id, key, sets)
    }

    fn first_key(&mut self, id: ActionId) -> Option<FirstKey> {
        let now = self.command(id);
        let action = self.graph.action(id);
        self.files.observe(&action.inputs);
        first_key(action, &now, self.files)
    }

    /// A thread has read the input sets of an action.
    pub(crate) fn sets_were_read(
        &mut self,
        id: ActionId,
        key: FirstKey,
        sets: Result<Vec<Vec<u8>>, StoreError>,
    ) {
        let looked = if self.scheduler.is_stopped() { Looked::Missed } else { self.try_sets(id, key, sets) };
        self.looked(id, looked);
    }

    fn try_sets(&mut self, id: ActionId, key: FirstKey, sets: Result<Vec<Vec<u8>>, StoreError>) -> Looked {
        let sets = self.answered(sets).unwrap_or_default();
        let mut sets: Vec<InputSet> =
            sets.iter().filter_map(|bytes| InputSet::decode(bytes, self.files).ok()).collect();
        sets = self.sets_of_tool(id, sets);
        sets.reverse();
        // A set that speaks of what is still to be made has to wait, and perhaps in vain.
        let (mut later, ready): (Vec<InputSet>, Vec<InputSet>) =
            sets.into_iter().partition(|set| !self.to_come(set).is_empty());
        later.reverse();
        self.try_next(id, Untried { key, ready, later })
    }

    /// Tries the next input set; in a build, a thread takes out what the store has for it.
    fn try_next(&mut self, id: ActionId, mut untried: Untried) -> Looked {
        let Some(store) = self.store_for(id) else { return self.missed() };
        if self.scheduler.is_stopped() {
            return Looked::Missed;
        }
        // An input may have been seen to be another one meanwhile; then the sets are those of something else, and a
        // digest with this key would not be that of what a stamp says.
        if self.first_key(id) != Some(untried.key) {
            return self.missed();
        }
        while let Some(set) = untried.ready.pop() {
            let Some(candidate) = self.candidate(id, untried.key, set) else { continue };
            if !self.builds() {
                if self.plan_to_put_back(id, candidate, &*store) {
                    return Looked::Restored;
                }
                continue;
            }
            let places = match self.is_to_be_left(id) {
                true => None,
                false => match self.places(id) {
                    None => return self.missed(),
                    places => places,
                },
            };
            let (roots, digest) = (Arc::clone(&self.roots), candidate.digest);
            self.asking.insert(id, Asking { candidate, untried });
            let broken = broken("read", store.place());
            let lost = move |error: Option<io::Error>| {
                let errors = error.map(broken).into_iter().collect();
                Message::Retrieved(id, Box::new(Retrieved { found: None, errors }))
            };
            let retrieval = Retrieval { store, roots, digest, places };
            self.hands.give(Work::Restore, move || Message::Retrieved(id, Box::new(retrieval.run())), lost);
            return Looked::Later;
        }
        for set in untried.later {
            if self.waits_for(id, &set) {
                return Looked::Later;
            }
        }
        self.missed()
    }

    fn missed(&mut self) -> Looked {
        if self.builds() {
            self.used(|used| used.misses += 1);
        }
        Looked::Missed
    }

    fn looked(&mut self, id: ActionId, looked: Looked) {
        if looked == Looked::Missed {
            self.needs_to_run(id);
        }
    }

    /// A thread has put a result back, or found that there is none.
    pub(crate) fn was_retrieved(&mut self, id: ActionId, retrieved: Retrieved) {
        let Some(Asking { candidate, untried }) = self.asking.remove(&id) else { return };
        for error in retrieved.errors {
            self.answered::<()>(Err(error));
        }
        let looked = match retrieved.found {
            Some((held, lies)) => {
                self.put_back(id, candidate, held, lies);
                Looked::Restored
            }
            None => self.try_next(id, untried),
        };
        self.looked(id, looked);
    }

    /// The actions that make what a set speaks of, and have not done so yet.
    fn to_come(&self, set: &InputSet) -> Vec<ActionId> {
        let asked = set.asked.iter().flat_map(|asked| &asked.read);
        let mut first: Vec<ActionId> =
            set.paths.iter().chain(asked).filter_map(|path| self.graph.producer(*path)).collect();
        first.sort_unstable();
        first.dedup();
        first.retain(|first| !self.scheduler.state(*first).is_settled());
        first
    }

    /// Lets the actions come first that make what a set speaks of; `false` if the set is dropped. What nothing else
    /// wants, or what has failed, is not asked for: a set says what was read once, not what will be.
    fn waits_for(&mut self, id: ActionId, set: &InputSet) -> bool {
        let first = self.to_come(set);
        let will_come = |first: &ActionId| {
            let state = self.scheduler.state(*first);
            state != State::Unwanted && !state.is_lost()
        };
        if !first.iter().all(will_come) {
            return false;
        }
        match self.scheduler.needs_first(id, &first) {
            NeedsFirst::Waiting | NeedsFirst::Skipped => true,
            NeedsFirst::Ready | NeedsFirst::Cycle { .. } => false,
        }
    }

    /// What the store may have for an action that read what `set` says, as things are here.
    fn candidate(&mut self, id: ActionId, key: FirstKey, set: InputSet) -> Option<Candidate> {
        let action = self.graph.action(id);
        if set.paths.iter().any(|path| self.would_change.contains(path)) {
            return None;
        }
        self.files.observe(&set.paths);
        let before = self.dir.history.current(self.key(id)).and_then(|stamp| stamp.lookups.as_ref());
        let lookups = set.search(action, before, self.files, &self.world, &mut self.listings);
        if lookups.is_some() != action.discovery.search.is_some() {
            return None;
        }
        let inherited = self.inherited(action, &set.paths);
        // A link reads what its inputs left for it to read; a link that read less is another one.
        let reads_all = inherited.payloads.iter().all(|path| set.paths.contains(path));
        if inherited.unprovable.is_some() || !reads_all {
            return None;
        }
        if lookups.as_ref().is_some_and(|lookups| self.finds_what_is_to_come(lookups)) {
            return None;
        }
        let digest = set.action_digest(key, lookups.as_ref(), self.files)?;
        let mut deferred = [set.deferred.clone(), inherited.deferred].concat();
        deferred.sort_unstable();
        deferred.dedup();
        let stamp = self.stamp_of(id, set, lookups, deferred, digest);
        Some(Candidate { digest, stamp })
    }

    /// Whether a search finds what another action makes and has not made yet: it counts as there, and is not.
    fn finds_what_is_to_come(&mut self, lookups: &Lookups) -> bool {
        lookups.hits.iter().filter(|hit| hit.file).any(|hit| {
            let place = self.files.abs(hit.dir).join(OsStr::from_bytes(&hit.name));
            let path = self.files.path_abs(&place);
            self.graph.producer(path).is_some_and(|producer| !self.scheduler.state(producer).is_settled())
        })
    }

    /// Planning: takes it that the result is put back and settles the action; `false` if that cannot be done.
    fn plan_to_put_back(&mut self, id: ActionId, candidate: Candidate, store: &dyn Store) -> bool {
        let held = restore::held(store, &candidate.digest, self.files.roots());
        let outputs = &self.graph.action(id).outputs;
        let Some(held) = self.answered(held).flatten() else { return false };
        let products = &held.result.products;
        if products.len() != outputs.len() || !self.are_there(products, store) {
            return false;
        }
        for (output, product) in outputs.iter().zip(products) {
            let content = self.files.content_id(product.blob);
            self.files.assume(*output, content, product.executable);
        }
        let stamp = self.completed(id, candidate, held);
        self.tell_of_restored(id, remarks_of(&stamp), &stamp.printed);
        true
    }

    /// The files of a result lie at their places, or are left in the store: records it, and settles the action.
    fn put_back(&mut self, id: ActionId, candidate: Candidate, held: Held, lies: Lies) {
        let is_left = matches!(lies, Lies::InTheStore);
        let before = match lies {
            Lies::There => Before::Stays,
            Lies::InTheStore => Before::Dropped,
            Lies::Placed(placed) => {
                let outputs = &self.graph.action(id).outputs;
                for ((path, seen), product) in outputs.iter().zip(placed.files).zip(&held.result.products) {
                    match seen {
                        // It was written after that instant, so it is read again before it is believed.
                        Some((signature, device)) => {
                            self.files.record(*path, signature, device, product.blob, self.opened);
                        }
                        None => self.files.forget(*path),
                    }
                    self.used(|used| used.bytes_read += product.blob.size);
                }
                Before::of_current(placed.keeps)
            }
        };
        let stamp = Stamp { left: is_left, ..self.completed(id, candidate, held) };
        if is_left {
            self.leave_result(&stamp);
        }
        let (remarks, named) = (remarks_of(&stamp), stamp.printed.clone());
        if let Err(error) = self.record_restored(id, stamp, before) {
            self.give_up(error);
        }
        self.tell_of_restored(id, remarks, &named);
    }

    fn tell_of_restored(&mut self, id: ActionId, remarks: Remarks, named: &[u8]) {
        self.used(|used| used.hits += 1);
        self.scheduler.restored(id);
        let mut report = self.report(id, Outcome::Restored);
        report.printed = printed::with_paths(named, self.files.roots());
        report.remarks = remarks;
        self.finished(report);
    }

    fn record_restored(&mut self, id: ActionId, stamp: Stamp, before: Before) -> Result<(), Error> {
        if !stamp.left {
            self.make_links(id)?;
        }
        self.drop_former_outputs(id);
        if let Some(identity) = &self.graph.action(id).identity {
            self.dir.history.know_identity(identity);
        }
        self.dir.history.succeed(self.key(id), stamp, before, self.files)
    }

    /// Whether all of these lie in the store, as far as their names tell; for a plan, which takes nothing out.
    fn are_there(&mut self, products: &[Product], store: &dyn Store) -> bool {
        products.iter().all(|product| self.answered(store.holds(&product.blob)).unwrap_or(false))
    }

    /// Where a result of an action goes. Nothing if no file can be put there; the command would fail for the same
    /// reason, and then says so.
    fn places(&mut self, id: ActionId) -> Option<Places> {
        let action = self.graph.action(id);
        self.files.observe(&action.outputs);
        let here = |path: &PathId| {
            let content = self.files.content(*path)?;
            Some((self.files.blob(content), self.files.is_executable(*path)))
        };
        let here = action.outputs.iter().map(here).collect();
        if !action.links.is_empty() {
            self.make_directories(id).ok()?;
        }
        let (key, written) = (self.key(id), self.written(id));
        // From here on its outputs may be moved; a build that follows a killed one has to know of them.
        if let Err(error) = self.dir.history.start(key, &written, self.files) {
            self.give_up(error);
            return None;
        }
        let outputs = self.output_paths(id);
        let drafts: Vec<PathBuf> = (0..outputs.len())
            .map(|at| self.dir.temporary().join(format!("{}.{at}.restored", id.0)))
            .collect();
        Some(Places {
            here,
            drafts,
            kept: Kept::of(&self.dir.kept(), key, self.files),
            intact: self.outputs_are_as_recorded(id),
            had_stamp: self.dir.history.generations(key).is_some(),
            outputs,
        })
    }

    /// The stamp that an action has when its result is put back, but for what the result says.
    fn stamp_of(
        &mut self,
        id: ActionId,
        set: InputSet,
        lookups: Option<Lookups>,
        deferred: Vec<PathId>,
        digest: ActionDigest,
    ) -> Stamp {
        let command = self.command(id);
        let action = self.graph.action(id);
        let content = |path: &PathId| self.files.content(*path);
        let mut paths = set.paths;
        paths.sort_unstable();
        paths.dedup();
        Stamp {
            kind: action.kind,
            identity: set.tool.or_else(|| action.identity.as_ref().map(|identity| identity.digest)),
            declared: action.inputs.iter().filter_map(|path| Some((*path, content(path)?))).collect(),
            executables: action.executables(self.files),
            discovered: paths.iter().map(|path| (*path, content(path))).collect(),
            lookups,
            deferred,
            outputs: Vec::new(),
            left: false,
            links: action.links.iter().map(|(link, _)| *link).collect(),
            holds: Holds::Everywhere,
            volatile: None,
            unprovable: None,
            printed: Vec::new(),
            duration_ms: 0,
            shared: Some(digest),
            command,
        }
    }

    /// The stamp of a candidate that the store has.
    fn completed(&mut self, id: ActionId, candidate: Candidate, held: Held) -> Stamp {
        let ActionResult { products, printed, duration_ms, .. } = held.result;
        let outputs = self.graph.action(id).outputs.iter().zip(products);
        let outputs = outputs.map(|(path, product)| Output {
            path: *path,
            content: self.files.content_id(product.blob),
            executable: product.executable,
        });
        let holds = held.bound.map_or(Holds::Everywhere, Holds::AtRoots);
        Stamp { outputs: outputs.collect(), holds, printed, duration_ms, ..candidate.stamp }
    }

    /// How to put what an action gave into the store, under everything that its stamp says it depends on, and the name
    /// under which it is shared then; the blobs are there. Nothing if it must not be shared.
    pub(crate) fn share(
        &mut self,
        id: ActionId,
        stamp: &Stamp,
    ) -> Option<(ActionDigest, impl FnOnce() -> Result<(), StoreError> + Send + 'static)> {
        let store = self.store_for(id)?;
        if stamp.volatile.is_some() || stamp.unprovable.is_some() {
            return None;
        }
        let bound = match &stamp.holds {
            Holds::Everywhere => None,
            Holds::AtRoots(bound) => Some(bound.clone()),
            Holds::OnMachine(_) => return None,
        };
        let action = self.graph.action(id);
        let key = first_key(action, &stamp.command, self.files)?;
        let set = InputSet::of(stamp);
        let digest = set.action_digest(key, stamp.lookups.as_ref(), self.files)?;
        let products = stamp
            .outputs
            .iter()
            .map(|output| Product { blob: self.files.blob(output.content), executable: output.executable });
        let set = (!is_declared(action)).then(|| set.encode(self.files));
        let origin = Origin {
            key: key.0,
            set: set.as_deref().map(Digest::of),
            made_of: made_of(action, stamp, self.files),
        };
        let made = Entry::Made(ActionResult {
            products: products.collect(),
            printed: stamp.printed.clone(),
            duration_ms: stamp.duration_ms,
            origin: Some(origin),
        });
        let put = move || {
            match bound {
                None => store.put_entry(&digest.0, &made)?,
                Some(bound) => {
                    store.put_entry(&digest.bound(&bound).0, &made)?;
                    let (roots, why) = (bound.roots, bound.why);
                    store.put_entry(&digest.0, &Entry::Bound { roots, why })?;
                }
            }
            set.as_ref().map_or(Ok(()), |set| store.put_set(&key.0, set))
        };
        Some((digest, put))
    }

    /// The value, or, where the store failed, nothing, and a notice. A store that cannot be read or written is not
    /// asked again in this build.
    pub(crate) fn answered<T>(&mut self, value: Result<T, StoreError>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            // The first of its kind is told in full; the others are counted.
            Err(error @ StoreError::Damaged { .. }) => {
                self.damaged += 1;
                if self.damaged == 1 {
                    self.notice(error.to_string());
                }
                None
            }
            Err(error @ StoreError::Place { .. }) => {
                self.unwritable += 1;
                if self.unwritable == 1 {
                    self.notice(error.to_string());
                }
                None
            }
            Err(error) => {
                // Commands that run at once may all find it out.
                if self.store.take().is_some() {
                    self.used(|used| used.failed = true);
                    self.notice(format!("{error}; the build goes on without the store"));
                }
                None
            }
        }
    }

    /// Tells how often the store failed besides what was told.
    pub(crate) fn tell_of_troubles(&mut self) {
        let more = [
            (self.damaged, "files of the store were damaged and are set aside"),
            (self.unwritable, "results of the store could not be written to their places"),
        ];
        for (count, what) in more.into_iter().filter(|(count, _)| *count > 1) {
            self.notice(format!("{count} {what}"));
        }
    }

    /// Counts something about the store.
    pub(crate) fn used(&mut self, count: impl FnOnce(&mut StoreUse)) {
        count(self.summary.store.get_or_insert_default());
    }

    /// What an action writes: its outputs and its links.
    pub(crate) fn written(&self, id: ActionId) -> Vec<PathId> {
        let action = self.graph.action(id);
        action.outputs.iter().chain(action.links.iter().map(|(link, _)| link)).copied().collect()
    }

    /// The files that a command wrote, put under the digests of their content.
    pub(crate) fn stored(&mut self, stored: Result<u64, StoreError>) -> bool {
        match self.answered(stored) {
            Some(bytes) => {
                self.used(|used| used.bytes_written += bytes);
                true
            }
            None => false,
        }
    }
}
