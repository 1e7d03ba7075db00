//! What one build holds while it runs.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use rekindle_exec::{Jobs, Live, Token};
use rekindle_fingerprint::action::{ActionKind, Command, Spelling};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::judge::View;
use rekindle_fingerprint::key::FirstKey;
use rekindle_fingerprint::lookup::{Listings, Outputs};
use rekindle_fingerprint::reason::StaleReason;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::Instant;
use rekindle_fingerprint::stamp::{Stamp, machine_digest};
use rekindle_scheduler::{ActionId, Graph, Limits, Scheduler, State};
use rekindle_store::{Error as StoreError, Store};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::auto::{Guard, Tool, Unlocked};
use crate::build_dir::BuildDir;
use crate::error::Error;
use crate::event::{Counts, Event, Left, Outcome, Progress, Remarks, Report, StoreUse, Summary};
use crate::finish::Putting;
use crate::hands::Hands;
use crate::left::{Again, Fetched, Leaving};
use crate::outputs::Needles;
use crate::request::{Mode, Request};
use crate::restore::Retrieved;
use crate::scans::Scans;
use crate::shared::Asking;
use crate::spelled;
use crate::start::{Ended, Running};

/// What wakes the main loop.
pub(crate) enum Message {
    /// A command has ended, and its thread has looked at what it wrote.
    Ended(Box<Ended>),
    /// One more command may run.
    Token(Token),
    /// The input sets under the first-level key of an action were read.
    Sets { id: ActionId, key: FirstKey, sets: Result<Vec<Vec<u8>>, StoreError> },
    /// A result was taken out of the store and put to its places, or was not there.
    Retrieved(ActionId, Box<Retrieved>),
    /// What a command gave was put into the store.
    Put(ActionId, Result<(), StoreError>),
    /// Another build works in the directories of an action's tool: who that is.
    ToolIsBusy(ActionId, String),
    /// The directories of an action's tool were locked, or could not be.
    Locked(ActionId, Result<Guard, Unlocked>),
    /// An output was written that had been left in the store; nothing if it is not there any more.
    Fetched(ActionId, Result<Fetched, StoreError>),
}

/// One build.
pub(crate) struct Session<'a> {
    pub(crate) dir: &'a mut BuildDir,
    pub(crate) graph: &'a Graph,
    pub(crate) files: &'a mut Files,
    pub(crate) request: &'a Request,
    pub(crate) live: &'a Live,
    pub(crate) events: &'a mut dyn FnMut(Event),
    pub(crate) scheduler: Scheduler,
    pub(crate) commands: FxHashMap<ActionId, Command>,
    spellings: FxHashMap<PathId, Spelling>,
    pub(crate) reasons: FxHashMap<ActionId, Vec<StaleReason>>,
    pub(crate) listings: Listings,
    /// What the graph produces, by directory.
    pub(crate) world: Outputs,
    pub(crate) scans: Scans,
    pub(crate) running: FxHashMap<ActionId, Running>,
    pub(crate) jobs: Jobs,
    pub(crate) tokens: Vec<Token>,
    pub(crate) asked_for_token: bool,
    /// Nothing more can be started until a command ends, whatever waits.
    pub(crate) pools_are_full: bool,
    pub(crate) messages: mpsc::Receiver<Message>,
    pub(crate) sender: mpsc::Sender<Message>,
    pub(crate) hands: Hands,
    /// The roots, for the threads.
    pub(crate) roots: Arc<Roots>,
    /// Actions whose results are being taken out of the store.
    pub(crate) asking: FxHashMap<ActionId, Asking>,
    /// Actions whose results are being put into it.
    pub(crate) putting: FxHashMap<ActionId, Putting>,
    /// The tools of actions that were stale.
    pub(crate) tools: FxHashMap<ActionId, Tool>,
    /// Of actions whose tool is not here: those of which the store has results.
    pub(crate) several: FxHashMap<ActionId, Vec<String>>,
    pub(crate) needles: Needles,
    /// Where results are shared; none once it fails.
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) machine: Digest,
    /// Planning only: what would be made anew, with content that cannot be known.
    pub(crate) would_change: FxHashSet<PathId>,
    pub(crate) summary: Summary,
    /// Why the build as a whole cannot be done; what runs is let finish first.
    pub(crate) fatal: Option<Error>,
    pub(crate) interrupted: bool,
    /// What stays in the store.
    pub(crate) leaving: Leaving,
    /// Whether this build has to begin again, because the store has lost something.
    pub(crate) begins_again: bool,
    /// How actions ended before it began again.
    pub(crate) ended_before: FxHashMap<ActionId, Outcome>,
    /// The clock when the build began, until the first command starts.
    pub(crate) began: Option<Instant>,
    /// The same, for as long as the build lasts.
    pub(crate) opened: Instant,
    noticed: HashSet<String>,
    /// How many files of the store were damaged, and how many results could not be written from it.
    pub(crate) damaged: u64,
    pub(crate) unwritable: u64,
    /// How actions have ended, in this session or before it.
    pub(crate) outcomes: FxHashMap<ActionId, Outcome>,
    left_ms: u64,
    knows_durations: bool,
    /// The actions that have not started, the one with the longest way to the end last; others may be among them.
    by_way: Vec<ActionId>,
}

impl<'a> Session<'a> {
    /// A session for the wanted actions of a graph; `again` is what one before it has left, which found out that the store
    /// has lost something.
    pub(crate) fn new(
        dir: &'a mut BuildDir,
        graph: &'a Graph,
        files: &'a mut Files,
        request: &'a Request,
        live: &'a Live,
        events: &'a mut dyn FnMut(Event),
        again: Option<Again>,
    ) -> Result<Self, Error> {
        let began = dir.marker.now()?;
        let wanted = graph.wanted(&request.outputs);
        let history = &dir.history;
        let duration = |id: ActionId| {
            let key = graph.action(id).outputs.first()?;
            history.current(*key).map(|stamp| u64::from(stamp.duration_ms))
        };
        let known = wanted.iter().filter(|id| duration(**id).is_some()).count();
        let keep_going = request.failures.map_or(usize::MAX, |most| most.saturating_sub(1));
        let scheduler = Scheduler::new(graph, &wanted, duration, Limits { keep_going: Some(keep_going) });
        let left_ms = wanted.iter().map(|id| scheduler.estimate(*id)).sum();
        let knows_durations = 2 * known >= wanted.len();
        let mut by_way = wanted;
        by_way.sort_by_cached_key(|id| scheduler.priority(*id));
        let (sender, messages) = mpsc::channel();
        let jobs = jobs(request, &sender)?;
        let store_use =
            dir.store.as_ref().map(|store| StoreUse { place: store.place(), ..StoreUse::default() });
        let roots = Arc::new(files.roots().clone());
        let leaving = Leaving::new(graph, &dir.history, request, again.as_ref());
        let bad_input = again.as_ref().is_some_and(|again| again.bad_input);
        let ended_before = again.map(|again| again.ended).unwrap_or_default();
        let outcomes = ended_before.clone();
        Ok(Self {
            needles: Needles::of(files.roots()),
            store: dir.store.clone(),
            machine: machine_digest(&request.machine, files.roots()),
            world: Outputs::of(files, graph.produced().map(|(path, _)| path)),
            dir,
            graph,
            files,
            request,
            live,
            events,
            scheduler,
            commands: FxHashMap::default(),
            spellings: FxHashMap::default(),
            reasons: FxHashMap::default(),
            listings: listings(request),
            scans: Scans::default(),
            running: FxHashMap::default(),
            jobs,
            tokens: Vec::new(),
            asked_for_token: false,
            pools_are_full: false,
            messages,
            hands: Hands::new(sender.clone(), live),
            sender,
            roots,
            asking: FxHashMap::default(),
            putting: FxHashMap::default(),
            tools: FxHashMap::default(),
            several: FxHashMap::default(),
            would_change: FxHashSet::default(),
            summary: Summary { store: store_use, bad_input, ..Summary::default() },
            fatal: None,
            interrupted: false,
            leaving,
            begins_again: false,
            ended_before,
            began: Some(began),
            opened: began,
            noticed: HashSet::new(),
            damaged: 0,
            unwritable: 0,
            outcomes,
            left_ms,
            knows_durations,
            by_way,
        })
    }

    /// Whether commands run in this build.
    pub(crate) fn builds(&self) -> bool {
        self.request.mode == Mode::Build
    }

    /// What names an action in the journal.
    pub(crate) fn key(&self, id: ActionId) -> PathId {
        self.graph.action(id).outputs[0]
    }

    /// The command of an action as its stamp would hold it.
    pub(crate) fn command(&mut self, id: ActionId) -> Command {
        if !self.commands.contains_key(&id) {
            let action = self.graph.action(id);
            let spelling =
                self.spellings.entry(action.cwd).or_insert_with(|| Spelling::new(self.files, action.cwd));
            let command = action.command_spelled(self.files, spelling);
            self.commands.insert(id, command);
        }
        self.commands[&id].clone()
    }

    /// Runs `with` on what judging looks at, and on the current and the previous stamp of an action.
    pub(crate) fn with_view<T>(
        &mut self,
        key: PathId,
        with: impl FnOnce(&mut View<'_>, Option<&Stamp>, Option<&Stamp>) -> T,
    ) -> T {
        let Self { dir, graph, files, listings, world, scheduler, .. } = self;
        let pending = |path: PathId| {
            graph.producer(path).is_some_and(|producer| !scheduler.state(producer).is_settled())
        };
        let history = &dir.history;
        let parts = |digest: &Digest| history.parts(digest);
        let mut view =
            View { files, listings, world, pending: &pending, parts: &parts, machine: self.machine };
        let generations = history.generations(key);
        let current = generations.and_then(|both| both.current.as_deref());
        let previous = generations.and_then(|both| both.previous.as_deref());
        with(&mut view, current, previous)
    }

    /// The files that an action is known to read before it runs and that no action of the graph produces.
    pub(crate) fn inputs_on_disk(&self, id: ActionId) -> Vec<PathId> {
        let action = self.graph.action(id);
        let before = self.dir.history.current(action.outputs[0]);
        let discovered = before.into_iter().flat_map(|stamp| stamp.discovered.iter().map(|(path, _)| *path));
        let all = action.inputs.iter().chain(&action.discovery.maybe).copied().chain(discovered);
        all.filter(|path| self.graph.producer(*path).is_none()).collect()
    }

    /// Where an action's outputs lie.
    pub(crate) fn output_paths(&self, id: ActionId) -> Vec<PathBuf> {
        self.graph.action(id).outputs.iter().map(|path| self.files.abs(*path)).collect()
    }

    /// The command line of an action as it is run here.
    pub(crate) fn argv(&self, id: ActionId) -> Vec<OsString> {
        spelled::argv(self.graph.action(id), self.files)
    }

    /// Tells something once.
    pub(crate) fn notice(&mut self, text: String) {
        if self.noticed.insert(text.clone()) {
            (self.events)(Event::Notice(text));
        }
    }

    /// The report of an action that ended, to be filled in further.
    pub(crate) fn report(&mut self, id: ActionId, outcome: Outcome) -> Report {
        let command = spelled::shell_line(&self.argv(id));
        let reasons = self.reasons.remove(&id).unwrap_or_default();
        let action = self.graph.action(id);
        Report {
            id,
            kind: action.kind,
            name: action.name.clone(),
            outputs: action.outputs.iter().map(|path| self.files.show(*path)).collect(),
            outcome,
            reasons,
            ms: 0,
            printed: Vec::new(),
            command,
            failure: None,
            remarks: Remarks { local: action.local.clone(), ..Remarks::default() },
            archive: self.archive_report(id),
        }
    }

    /// Counts an action that has ended and takes its duration from what is left.
    pub(crate) fn count(&mut self, id: ActionId, outcome: Outcome, remarks: &Remarks) {
        // What was made before the build began again is fresh by now.
        let before = self.ended_before.get(&id).filter(|_| outcome == Outcome::Fresh);
        let outcome = before.copied().unwrap_or(outcome);
        self.outcomes.insert(id, outcome);
        let kind = self.graph.action(id).kind;
        let at = ActionKind::ALL.iter().position(|one| *one == kind).unwrap_or_default();
        for counts in [&mut self.summary.actions, &mut self.summary.kinds[at]] {
            *field(counts, outcome) += 1;
        }
        if let Some(by) = &remarks.bound {
            self.summary.bound += 1;
            if !remarks.bound_to_tools {
                *self.summary.bound_by.entry(by.clone()).or_default() += 1;
            }
        }
        self.summary.volatile += u64::from(remarks.volatile.is_some());
        self.summary.unrecorded += u64::from(remarks.unrecorded.is_some());
        self.summary.local += u64::from(remarks.local.is_some());
        self.left_ms = self.left_ms.saturating_sub(self.scheduler.estimate(id));
    }

    /// Counts and tells that an action has ended.
    pub(crate) fn finished(&mut self, report: Report) {
        self.unlock_tool(report.id);
        self.count(report.id, report.outcome, &report.remarks);
        if self.ended_before.contains_key(&report.id) && report.outcome == Outcome::Fresh {
            return self.progress();
        }
        if let Some(why) = &report.remarks.local {
            self.notice(format!("{} is built for this machine only: {why}", report.name));
        }
        if let Some(by) = report.remarks.volatile.as_ref().filter(|_| report.outcome == Outcome::Ran) {
            self.notice(format!("{} is not shared: {by} puts the date or the time into it", report.name));
        }
        let absent = report.archive.as_ref().and_then(|archive| archive.absent.as_ref());
        if let Some(tool) = absent.filter(|_| report.outcome != Outcome::Failed) {
            let outcome = report.outcome.name();
            self.notice(format!("{}: {outcome}, tool absent: `{tool}` is not on this machine", report.name));
        }
        (self.events)(Event::ActionFinished(Box::new(report)));
        self.progress();
    }

    /// How many actions are not in the graph because they were proved to be fresh.
    pub(crate) fn proved(&self) -> usize {
        usize::try_from(self.request.proved.total()).unwrap_or_default()
    }

    /// Tells how far the build is.
    pub(crate) fn progress(&mut self) {
        let proved = self.proved();
        let progress = self.scheduler.progress();
        let started = |state: State| state.is_settled() || state.is_lost() || state == State::Running;
        while self.by_way.last().is_some_and(|id| started(self.scheduler.state(*id))) {
            self.by_way.pop();
        }
        let way_ms = self.by_way.last().map_or(0, |id| self.scheduler.priority(*id));
        let left = Left { work_ms: self.left_ms, way_ms };
        (self.events)(Event::Progress(Progress {
            done: progress.ended() + proved,
            total: progress.total() + proved,
            running: self.running.len(),
            left: self.knows_durations.then_some(left),
        }));
    }

    /// The build as a whole cannot go on: nothing new is started.
    pub(crate) fn give_up(&mut self, error: Error) {
        self.fatal.get_or_insert(error);
        self.scheduler.stop();
    }
}

/// Listings in which what a snapshot knows need not be listed.
fn listings(request: &Request) -> Listings {
    let mut listings = Listings::default();
    for (dir, names) in &request.proved.directories {
        listings.know(*dir, names.clone());
    }
    listings
}

/// The jobserver's tokens: those of the make that started us, or our own.
fn jobs(request: &Request, sender: &mpsc::Sender<Message>) -> Result<Jobs, Error> {
    let sender = sender.clone();
    let arrived = move |token| {
        // A token that nobody waits for any more goes back when the message is dropped.
        let _ = sender.send(Message::Token(token));
    };
    Ok(match &request.makeflags {
        Some(makeflags) => Jobs::client(makeflags, request.jobs, arrived)?,
        None => Jobs::server(request.jobs, arrived)?,
    })
}

fn field(counts: &mut Counts, outcome: Outcome) -> &mut u64 {
    match outcome {
        Outcome::Fresh => &mut counts.fresh,
        Outcome::Restored => &mut counts.restored,
        Outcome::Ran => &mut counts.ran,
        Outcome::Failed => &mut counts.failed,
        Outcome::WouldRun => &mut counts.would_run,
    }
}
