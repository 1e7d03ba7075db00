//! Results that are shared through the store: looked for before a command runs, put there after it has.
//!
//! Nothing that goes wrong with the store stops a build: it says so and goes on without.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rekindle_fingerprint::disk::{self, Entry as OnDisk};
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::key::{ActionDigest, FirstKey, InputSet, first_key, is_declared};
use rekindle_fingerprint::lookup::Lookups;
use rekindle_fingerprint::printed;
use rekindle_fingerprint::signature::Instant;
use rekindle_fingerprint::stamp::{Bound, Holds, Output, Stamp};
use rekindle_scheduler::{ActionId, NeedsFirst, State};
use rekindle_store::{ActionResult, Entry, Error as StoreError, Product, Store};

use crate::error::Error;
use crate::event::{Outcome, StoreUse};
use crate::history::Before;
use crate::kept::{Aside, Kept};
use crate::session::Session;
use crate::settle::remarks_of;

/// What looking into the store came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Looked {
    /// The result is there, and the action is settled.
    Restored,
    /// The action is judged again behind others, or lost one of them.
    Later,
    /// There is nothing for it.
    Missed,
}

/// What became of the files of a result.
enum Written {
    /// They are all at their places; and this becomes of the stamps so far.
    All(Before),
    /// One is not in the store any more.
    Gone,
    /// A place cannot be written to.
    Nothing,
}

/// What is to be put back.
struct Hit {
    digest: ActionDigest,
    set: InputSet,
    lookups: Option<Lookups>,
    deferred: Vec<PathId>,
    result: ActionResult,
    bound: Option<Bound>,
}

impl Session<'_> {
    /// The store, if the result of an action may come from it or go there.
    pub(crate) fn store_for(&self, id: ActionId) -> Option<Arc<dyn Store>> {
        let action = self.graph.action(id);
        let store = self.store.as_ref().filter(|_| action.share && action.local.is_none())?;
        Some(Arc::clone(store))
    }

    /// Looks for the result of an action in the store, and puts it back.
    pub(crate) fn restore_shared(&mut self, id: ActionId) -> Looked {
        let Some(store) = self.store_for(id).filter(|_| self.planned_changes(id).is_empty()) else {
            return Looked::Missed;
        };
        let now = self.command(id);
        let action = self.graph.action(id);
        self.files.observe(&action.inputs);
        let Some(key) = first_key(action, &now, self.files) else { return Looked::Missed };
        let sets = if is_declared(action) { Ok(Vec::new()) } else { store.sets(&key.0) };
        let sets = self.answered(sets).unwrap_or_default();
        let mut sets: Vec<InputSet> =
            sets.iter().filter_map(|bytes| InputSet::decode(bytes, self.files).ok()).collect();
        if is_declared(action) {
            sets.push(InputSet::default());
        }
        // A set that speaks of what is still to be made has to wait, and perhaps in vain.
        let (later, ready): (Vec<InputSet>, Vec<InputSet>) =
            sets.into_iter().partition(|set| !self.to_come(set).is_empty());
        for set in ready {
            let Some(hit) = self.hit(id, key, set, &*store) else { continue };
            if self.put_back(id, hit, &*store) {
                return Looked::Restored;
            }
        }
        for set in later {
            if self.waits_for(id, &set) {
                return Looked::Later;
            }
        }
        if self.builds() {
            self.used(|used| used.misses += 1);
        }
        Looked::Missed
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

    /// What the store has for an action that read what `set` says, as things are here.
    fn hit(&mut self, id: ActionId, key: FirstKey, set: InputSet, store: &dyn Store) -> Option<Hit> {
        let action = self.graph.action(id);
        if set.paths.iter().any(|path| self.would_change.contains(path)) {
            return None;
        }
        self.files.observe(&set.paths);
        let lookups = set.search(action, self.files, &self.world, &mut self.listings);
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
        let mut bound = None;
        let mut entry = self.answered(store.entry(&digest.0))??;
        if let Entry::Bound { roots, why } = entry {
            let here = Bound::here(roots, why, self.files.roots());
            entry = self.answered(store.entry(&digest.bound(&here).0))??;
            bound = Some(here);
        }
        let Entry::Made(result) = entry else { return None };
        if result.products.len() != action.outputs.len() {
            return None;
        }
        let mut deferred = [set.deferred.clone(), inherited.deferred].concat();
        deferred.sort_unstable();
        deferred.dedup();
        Some(Hit { digest, set, lookups, deferred, result, bound })
    }

    /// Whether a search finds what another action makes and has not made yet: it counts as there, and is not.
    fn finds_what_is_to_come(&mut self, lookups: &Lookups) -> bool {
        lookups.hits.iter().filter(|hit| hit.file).any(|hit| {
            let place = self.files.abs(hit.dir).join(OsStr::from_bytes(&hit.name));
            let path = self.files.path_abs(&place);
            self.graph.producer(path).is_some_and(|producer| !self.scheduler.state(producer).is_settled())
        })
    }

    /// Puts a result back and settles the action. `false` if that cannot be done: then nothing was changed.
    fn put_back(&mut self, id: ActionId, hit: Hit, store: &dyn Store) -> bool {
        let before = if self.builds() {
            match self.write_products(id, &hit.result.products, store) {
                Written::All(before) => before,
                Written::Nothing => return false,
                Written::Gone => {
                    // Who makes it next puts it anew.
                    let forgotten = store.remove_entry(&self.entry_name(&hit).0);
                    self.answered(forgotten);
                    return false;
                }
            }
        } else {
            if !self.are_there(&hit.result.products, store) {
                return false;
            }
            for (output, product) in self.graph.action(id).outputs.iter().zip(&hit.result.products) {
                let content = self.files.content_id(product.blob);
                self.files.assume(*output, content, product.executable);
            }
            Before::Stays
        };
        let stamp = self.stamp_of(id, hit);
        let (remarks, named) = (remarks_of(&stamp), stamp.printed.clone());
        if self.builds()
            && let Err(error) = self.record_restored(id, stamp, before)
        {
            self.give_up(error);
        }
        self.used(|used| used.hits += 1);
        self.scheduler.restored(id);
        let mut report = self.report(id, Outcome::Restored);
        report.printed = printed::with_paths(&named, self.files.roots());
        report.remarks = remarks;
        self.finished(report);
        true
    }

    fn record_restored(&mut self, id: ActionId, stamp: Stamp, before: Before) -> Result<(), Error> {
        self.make_links(id)?;
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

    fn entry_name(&self, hit: &Hit) -> ActionDigest {
        hit.bound.as_ref().map_or(hit.digest, |bound| hit.digest.bound(bound))
    }

    /// Writes the products of a result to their places, by way of the directory of temporary files, which the next
    /// build empties if this one is killed. What lies there already as it should is left alone. On failure, what was
    /// there before is there again.
    fn write_products(&mut self, id: ActionId, products: &[Product], store: &dyn Store) -> Written {
        let action = self.graph.action(id);
        self.files.observe(&action.outputs);
        let lies_there = |(path, product): (&PathId, &Product)| {
            let content = self.files.content(*path).map(|content| self.files.blob(content));
            content == Some(product.blob) && self.files.is_executable(*path) == product.executable
        };
        if action.outputs.iter().zip(products).all(lies_there) {
            return Written::All(Before::Stays);
        }
        let places = self.output_paths(id);
        let drafts: Vec<PathBuf> = (0..places.len())
            .map(|at| self.dir.temporary().join(format!("{}.{at}.restored", id.0)))
            .collect();
        for (draft, product) in drafts.iter().zip(products) {
            let wrote = store.write_to(&product.blob, draft, product.executable);
            let outcome = match wrote {
                Ok(true) => continue,
                Ok(false) | Err(StoreError::Damaged { .. }) => Written::Gone,
                Err(_) => Written::Nothing,
            };
            self.answered(wrote);
            remove_all(&drafts);
            return outcome;
        }
        self.place_drafts(id, products, &drafts, &places).unwrap_or_else(|| {
            // They would take room that the command needs.
            remove_all(&drafts);
            Written::Nothing
        })
    }

    /// Moves files that were made for an action's outputs to their places. Nothing if one cannot be placed; then what
    /// was there before is there again.
    fn place_drafts(
        &mut self,
        id: ActionId,
        products: &[Product],
        drafts: &[PathBuf],
        places: &[PathBuf],
    ) -> Option<Written> {
        let intact = self.outputs_are_as_recorded(id);
        let (instant, aside) = self.clear_the_way(id, places)?;
        if drafts.iter().zip(places).any(|(draft, place)| std::fs::rename(draft, place).is_err()) {
            remove_all(places);
            aside.put_back();
            return None;
        }
        for ((path, place), product) in self.graph.action(id).outputs.iter().zip(places).zip(products) {
            match disk::stat(place) {
                Ok(OnDisk::File(signature, device)) => {
                    self.files.record(*path, signature, device, product.blob, instant);
                }
                _ => self.files.forget(*path),
            }
            self.used(|used| used.bytes_read += product.blob.size);
        }
        let kept = Kept::of(&self.dir.kept(), self.key(id), self.files);
        Some(Written::All(Before::of_current(kept.keep(aside, places, intact))))
    }

    /// Makes room for outputs: what lies there is moved aside. Nothing if that cannot be done; the command would fail
    /// for the same reason, and then says so.
    fn clear_the_way(&mut self, id: ActionId, places: &[PathBuf]) -> Option<(Instant, Aside)> {
        self.make_directories(id).ok()?;
        let (key, written) = (self.key(id), self.written(id));
        let instant = self.dir.marker.now();
        let started = instant.and_then(|instant| {
            self.dir.history.start(key, &written, self.files)?;
            Ok(instant)
        });
        let instant = match started {
            Ok(instant) => instant,
            Err(error) => {
                self.give_up(error);
                return None;
            }
        };
        let aside = Kept::of(&self.dir.kept(), key, self.files).set_aside(places).ok()?;
        Some((instant, aside))
    }

    /// The stamp that an action has when its result was put back.
    fn stamp_of(&mut self, id: ActionId, hit: Hit) -> Stamp {
        let command = self.command(id);
        let action = self.graph.action(id);
        let content = |path: &PathId| self.files.content(*path);
        let mut paths = hit.set.paths;
        paths.sort_unstable();
        paths.dedup();
        let discovered = paths.iter().map(|path| (*path, content(path))).collect();
        let executables = action.executables(self.files);
        let declared = action.inputs.iter().filter_map(|path| Some((*path, content(path)?))).collect();
        let outputs: Vec<(PathId, Product)> =
            action.outputs.iter().copied().zip(hit.result.products.iter().copied()).collect();
        let outputs = outputs.into_iter().map(|(path, product)| Output {
            path,
            content: self.files.content_id(product.blob),
            executable: product.executable,
        });
        Stamp {
            kind: action.kind,
            identity: action.identity.as_ref().map(|identity| identity.digest),
            declared,
            executables,
            discovered,
            lookups: hit.lookups,
            deferred: hit.deferred,
            outputs: outputs.collect(),
            links: action.links.iter().map(|(link, _)| *link).collect(),
            holds: hit.bound.map_or(Holds::Everywhere, Holds::AtRoots),
            volatile: None,
            unprovable: None,
            printed: hit.result.printed,
            duration_ms: hit.result.duration_ms,
            shared: Some(hit.digest),
            command,
        }
    }

    /// Puts what an action gave into the store, under everything that its stamp says it depends on; the blobs are
    /// there. Gives the name under which it is shared; none if it must not be.
    pub(crate) fn share(&mut self, id: ActionId, stamp: &Stamp) -> Option<ActionDigest> {
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
        let made = Entry::Made(ActionResult {
            products: products.collect(),
            printed: stamp.printed.clone(),
            duration_ms: stamp.duration_ms,
        });
        let set = (!is_declared(action)).then(|| set.encode(self.files));
        let put = || {
            match &bound {
                None => store.put_entry(&digest.0, &made)?,
                Some(bound) => {
                    store.put_entry(&digest.bound(bound).0, &made)?;
                    let (roots, why) = (bound.roots.clone(), bound.why.clone());
                    store.put_entry(&digest.0, &Entry::Bound { roots, why })?;
                }
            }
            set.as_ref().map_or(Ok(()), |set| store.put_set(&key.0, set))
        };
        let put = put();
        self.answered(put)?;
        self.used(|used| used.stored += 1);
        Some(digest)
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

/// Removes files that may be there.
fn remove_all(files: &[PathBuf]) {
    for file in files {
        let _ = std::fs::remove_file(file);
    }
}
