//! Builds without the bytes: what is restored from the store and wanted by nobody but other actions stays there, until
//! a command that must run reads it.
//!
//! Only what a compiler, an archiver or a linker writes as its one output is left. What custom commands write is read by
//! whoever finds it, and side outputs (coverage notes, split debug information) are there for people.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::{PathId, Seen};
use rekindle_fingerprint::lookup::World as _;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::Signature;
use rekindle_fingerprint::stamp::Stamp;
use rekindle_scheduler::{ActionId, Graph};
use rekindle_store::Error as StoreError;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::event::Outcome;
use crate::hands::Work;
use crate::history::{Before, History};
use crate::request::{Materialize, Request};
use crate::session::{Message, Session};
use crate::shared::broken;

/// What one build knows of what is left in the store.
#[derive(Default)]
pub(crate) struct Leaving {
    /// Whether anything is left there.
    leaves: bool,
    /// The actions whose outputs are written whatever happens.
    written: FxHashSet<ActionId>,
    /// The actions whose outputs are being written, and who waits for them.
    fetching: FxHashMap<ActionId, Vec<ActionId>>,
    /// Whether anything was left there.
    some: bool,
    /// How many of those an action waits for that is to run.
    awaiting: FxHashMap<ActionId, usize>,
    /// Those whose outputs somebody needs and the store has lost.
    lost: FxHashSet<ActionId>,
}

/// What a build that has to begin again takes over.
#[derive(Default)]
pub(crate) struct Again {
    /// The actions that have to run, because the store has lost what they left in it.
    pub(crate) lost: FxHashSet<ActionId>,
    /// How the actions ended that had ended by then.
    pub(crate) ended: FxHashMap<ActionId, Outcome>,
    /// Whether results are left in the store.
    pub(crate) leaves: bool,
    /// Whether one of them failed because of what the person gave.
    pub(crate) bad_input: bool,
}

/// An output that was written after all.
pub(crate) type Fetched = Option<(Signature, u64)>;

impl Leaving {
    /// For a build of `request`.
    pub(crate) fn new(graph: &Graph, history: &History, request: &Request, again: Option<&Again>) -> Self {
        let is_left = |stamp: &Stamp| stamp.left;
        let leaves = match (again, request.materialize) {
            (Some(again), _) => again.leaves,
            (None, Materialize::All) => false,
            (None, Materialize::Outputs) => true,
            // A directory stays what it was begun as.
            (None, Materialize::Auto) => {
                let mut stamps = history.stamps().filter_map(|(_, both)| both.current.as_deref()).peekable();
                stamps.peek().is_none() || stamps.any(is_left)
            }
        };
        let lost = again.map(|again| again.lost.clone()).unwrap_or_default();
        Self { leaves, written: requested(graph, &request.outputs), lost, ..Self::default() }
    }

    /// What a build that begins again takes over from this one.
    pub(crate) fn again(self, ended: FxHashMap<ActionId, Outcome>, bad_input: bool) -> Again {
        Again { lost: self.lost, ended, leaves: self.leaves, bad_input }
    }
}

/// The actions that make `outputs`; what programs and shared libraries among these load when they run; and what commands
/// were given whose outputs are among these: a script may run it, a thin archive names its members.
fn requested(graph: &Graph, outputs: &[PathId]) -> FxHashSet<ActionId> {
    let mut written: FxHashSet<ActionId> = outputs.iter().filter_map(|path| graph.producer(*path)).collect();
    let mut open: Vec<ActionId> = written.iter().copied().collect();
    let kind = |id: ActionId| graph.action(id).kind;
    while let Some(id) = open.pop() {
        let names = |before: &ActionId| match kind(id) {
            ActionKind::Link => is_loaded(kind(*before)),
            ActionKind::Custom | ActionKind::AutoArchive => true,
            ActionKind::Compile | ActionKind::Archive => false,
        };
        open.extend(direct(graph, id).filter(|before| names(before) && written.insert(*before)));
    }
    written
}

/// Whether a link may make a program that loads what an action of this kind makes: a command may make a library of one.
fn is_loaded(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::Link | ActionKind::Custom | ActionKind::AutoArchive)
}

/// The actions that make what an action is declared to need.
fn direct(graph: &Graph, id: ActionId) -> impl Iterator<Item = ActionId> + '_ {
    let action = graph.action(id);
    action.inputs.iter().chain(&action.order_only).filter_map(|path| graph.producer(*path))
}

impl Session<'_> {
    /// Whether the outputs of an action have to lie at their places.
    fn must_lie(&self, id: ActionId) -> bool {
        let action = self.graph.action(id);
        let kind = matches!(action.kind, ActionKind::Compile | ActionKind::Archive | ActionKind::Link);
        let is_one = action.outputs.len() == 1 && action.links.is_empty();
        !self.leaving.leaves || !kind || !is_one || self.leaving.written.contains(&id)
    }

    /// Whether the result of an action is left in the store if it is found there. What lies at the place of its output
    /// is dealt with as ever.
    pub(crate) fn is_to_be_left(&mut self, id: ActionId) -> bool {
        if self.must_lie(id) {
            return false;
        }
        let output = self.key(id);
        self.files.observe(&[output]);
        matches!(self.files.seen(output), Seen::Absent | Seen::Left { .. })
    }

    /// Whether the store has lost what an action left there, and somebody needs it.
    pub(crate) fn is_lost(&self, id: ActionId) -> bool {
        self.leaving.lost.contains(&id)
    }

    /// The first output of a stamp that was left in the store and has to lie at its place now, if only because the store
    /// has lost it.
    pub(crate) fn is_wanted_here(&self, id: ActionId, stamp: &Stamp) -> Option<PathId> {
        let wanted = stamp.left && (self.must_lie(id) || self.is_lost(id));
        let not_there = |path: &PathId| matches!(self.files.seen(*path), Seen::Absent | Seen::Left { .. });
        stamp.outputs.iter().map(|output| output.path).filter(|_| wanted).find(not_there)
    }

    /// An action is fresh whose outputs were left in the store: who depends on it goes by what they would hold.
    pub(crate) fn leave_outputs(&mut self, id: ActionId) {
        let Some(stamp) = self.dir.history.current(self.key(id)).filter(|stamp| stamp.left) else { return };
        self.leaving.some = true;
        for output in &stamp.outputs {
            if *self.files.seen(output.path) == Seen::Absent {
                self.files.leave(output.path, output.content, output.executable);
            }
        }
    }

    /// The result of an action was found in the store, and stays there.
    pub(crate) fn leave_result(&mut self, stamp: &Stamp) {
        self.leaving.some = true;
        for output in &stamp.outputs {
            self.files.leave(output.path, output.content, output.executable);
        }
    }

    /// How many outputs are in the store and not at their places.
    pub(crate) fn count_left(&self) -> u64 {
        let wanted = self.graph.wanted(&self.request.outputs);
        wanted.iter().filter(|id| self.files.is_left(self.key(**id))).count() as u64
    }

    /// An action has to run: what it may read and was left in the store is written first.
    pub(crate) fn needs_to_run(&mut self, id: ActionId) {
        if !self.may_run_tool(id) {
            return;
        }
        let refused = self.request.forbid_spawn || self.scheduler.is_stopped() || !self.leaving.some;
        let left = if refused || !self.builds() { Vec::new() } else { self.left_before(id) };
        if left.is_empty() {
            self.scheduler.stale(id);
            return;
        }
        self.leaving.awaiting.insert(id, left.len());
        for maker in left {
            self.fetch(maker, id);
        }
    }

    /// The actions whose outputs are in the store and may be read by a command.
    fn left_before(&mut self, id: ActionId) -> Vec<ActionId> {
        let graph = self.graph;
        let is_link = graph.action(id).kind == ActionKind::Link;
        let mut found: FxHashSet<ActionId> = FxHashSet::default();
        let mut open: Vec<ActionId> = direct(graph, id).collect();
        // What it read when it was last run, and what lies where it searches.
        if let Some(stamp) = self.dir.history.current(self.key(id)) {
            open.extend(stamp.discovered.iter().filter_map(|(path, _)| graph.producer(*path)));
        }
        let searched =
            graph.action(id).discovery.search.iter().flat_map(|search| search.dirs.iter().copied());
        let searched: Vec<PathId> = searched.filter(|dir| self.files.root(*dir) == Roots::BUILD).collect();
        for dir in searched {
            open.extend(self.made_in(dir));
        }
        while let Some(before) = open.pop() {
            if before == id || !found.insert(before) {
                continue;
            }
            match graph.action(before).kind {
                // A linker's script, a thin archive: it may name anything that its command was given.
                ActionKind::Custom | ActionKind::AutoArchive => open.extend(direct(graph, before)),
                // What a program loads.
                ActionKind::Link => {
                    open.extend(direct(graph, before).filter(|id| is_loaded(graph.action(*id).kind)));
                }
                // What it leaves for the link to read.
                ActionKind::Compile | ActionKind::Archive if is_link => {
                    let stamp = self.dir.history.current(self.key(before));
                    let deferred = stamp.into_iter().flat_map(|stamp| &stamp.deferred);
                    open.extend(deferred.filter_map(|path| graph.producer(*path)));
                }
                ActionKind::Compile | ActionKind::Archive => {}
            }
        }
        let mut left: Vec<ActionId> =
            found.into_iter().filter(|id| self.files.is_left(self.key(*id))).collect();
        left.sort_unstable();
        left
    }

    /// The actions that make something in a directory of the build directory.
    fn made_in(&self, dir: PathId) -> Vec<ActionId> {
        let path = |name: &[u8]| {
            let rel = self.files.rel(dir).join(OsStr::from_bytes(name));
            self.files.find(Roots::BUILD, &rel)
        };
        let names = self.world.outputs_in(dir).iter();
        names.filter_map(|name| self.graph.producer(path(name)?)).collect()
    }

    /// Writes the output of `maker`, for which `reader` waits.
    fn fetch(&mut self, maker: ActionId, reader: ActionId) {
        if let Some(readers) = self.leaving.fetching.get_mut(&maker) {
            readers.push(reader);
            return;
        }
        self.leaving.fetching.insert(maker, vec![reader]);
        let path = self.key(maker);
        let (Some(store), Seen::Left { content, executable }) =
            (self.store.clone(), self.files.seen(path).clone())
        else {
            // There is no store any more. The main loop is told like of any other answer: the reader waits for one.
            let _ = self.sender.send(Message::Fetched(maker, Ok(None)));
            return;
        };
        if let Err(error) = self.dir.history.start(path, &[path], self.files) {
            self.give_up(error);
        }
        let place = Place {
            blob: self.files.blob(content),
            executable,
            output: self.files.abs(path),
            draft: self.dir.temporary().join(format!("{}.fetched", maker.0)),
        };
        let broken = broken("read", store.place());
        let lost = move |error: Option<std::io::Error>| {
            // Nobody has looked, if the build was stopped.
            Message::Fetched(maker, error.map_or(Ok(None), |error| Err(broken(error))))
        };
        self.hands.give(Work::Ask, move || Message::Fetched(maker, place.fill(&*store)), lost);
    }

    /// An output was written that had been left in the store, or the store does not have it any more.
    pub(crate) fn was_fetched(&mut self, maker: ActionId, fetched: Result<Fetched, StoreError>) {
        let path = self.key(maker);
        let fetched = self.answered(fetched).flatten();
        match (fetched, self.files.seen(path).clone()) {
            (Some((signature, device)), Seen::Left { content, .. }) => {
                let blob = self.files.blob(content);
                self.files.record(path, signature, device, blob, self.opened);
                self.used(|used| used.bytes_read += blob.size);
                let stamp =
                    self.dir.history.current(path).map(|stamp| Stamp { left: false, ..stamp.clone() });
                let noted = stamp
                    .map_or(Ok(()), |stamp| self.dir.history.succeed(path, stamp, Before::Stays, self.files));
                if let Err(error) = noted {
                    self.give_up(error);
                }
            }
            (None, Seen::Left { .. }) if !self.scheduler.is_stopped() => {
                self.leaving.lost.insert(maker);
            }
            _ => {}
        }
        for reader in self.leaving.fetching.remove(&maker).unwrap_or_default() {
            let Some(left) = self.leaving.awaiting.get_mut(&reader) else { continue };
            *left -= 1;
            if *left == 0 {
                self.leaving.awaiting.remove(&reader);
                self.has_its_inputs(reader);
            }
        }
    }

    /// All that was left in the store and that a command may read was asked for. If some of it is gone, those that make
    /// it have to run first, though they were settled: the build begins again, and does not look them up.
    fn has_its_inputs(&mut self, reader: ActionId) {
        if !self.left_before(reader).iter().any(|maker| self.is_lost(*maker)) {
            // Something else may have been left meanwhile where it searches.
            return self.needs_to_run(reader);
        }
        if !self.scheduler.is_stopped() {
            self.begins_again = true;
            self.scheduler.stop();
        }
        self.scheduler.stale(reader);
    }
}

/// Where an output goes that was left in the store.
struct Place {
    blob: Blob,
    executable: bool,
    output: PathBuf,
    draft: PathBuf,
}

impl Place {
    /// Writes it, and tells what lies there then.
    fn fill(self, store: &dyn rekindle_store::Store) -> Result<Fetched, StoreError> {
        let trouble = |source| StoreError::Place { verb: "write", path: self.output.clone(), source };
        let dir = self.output.parent().map_or(Ok(()), fs::create_dir_all);
        dir.map_err(trouble)?;
        if !store.write_draft(&self.blob, &self.draft, self.executable)? {
            return Ok(None);
        }
        fs::rename(&self.draft, &self.output).map_err(trouble)?;
        match disk::stat(&self.output) {
            Ok(Entry::File(signature, device)) => Ok(Some((signature, device))),
            _ => Ok(None),
        }
    }
}
