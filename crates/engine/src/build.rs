//! The build loop: judge what is settled, start what is stale, take in what has ended, until nothing is left.

use std::path::{Component, Path, PathBuf};

use rekindle_exec::Live;
use rekindle_fingerprint::files::{Files, PathId, Seen};
use rekindle_fingerprint::lookup::World;
use rekindle_fingerprint::roots::Roots;
use rekindle_scheduler::{ActionId, Graph};

use crate::build_dir::{BuildDir, OWN};
use crate::error::Error;
use crate::event::{BuildOutcome, Event, StoreUse, Summary};
use crate::kept::Kept;
use crate::left::Again;
use crate::request::Request;
use crate::session::{Message, Session};

/// Brings what `request` asks for up to date, or, with [`crate::request::Mode::Plan`], says what that would take.
///
/// If [`Request::whole`], outputs of actions that are no longer in `graph` are deleted first.
/// Closing or terminating `live` from another thread interrupts the build.
///
/// # Errors
/// The build as a whole cannot be done. An action that fails is told in events and in the summary instead.
pub fn build(
    dir: &mut BuildDir,
    graph: &Graph,
    files: &mut Files,
    request: &Request,
    live: &Live,
    events: &mut dyn FnMut(Event),
) -> Result<Summary, Error> {
    if let Err(cycle) = graph.check() {
        return Err(Error::Cycle { cycle: cycle.show(graph, files) });
    }
    let mut again: Option<Again> = None;
    let mut store: Option<StoreUse> = None;
    loop {
        files.set_instant(dir.marker.now()?);
        let begins = again.is_none();
        let mut session = Session::new(dir, graph, files, request, live, events, again)?;
        if store.is_some() {
            session.summary.store = store;
        }
        if begins && session.builds() && request.whole {
            session.remove_orphans()?;
        }
        session.observe_everything();
        if begins {
            let total = session.scheduler.progress().total() + session.proved();
            (session.events)(Event::Started { total });
            for report in &request.proved.reports {
                (session.events)(Event::ActionFinished(Box::new(report.clone())));
            }
        }
        session.run();
        match session.close()? {
            Closed::Done(summary) => return Ok(*summary),
            Closed::Again(used, left) => (store, again) = (used, Some(left)),
        }
    }
}

/// How a session ended.
enum Closed {
    /// So did the build.
    Done(Box<Summary>),
    /// Another one has to follow.
    Again(Option<StoreUse>, Again),
}

impl Session<'_> {
    /// Looks, in parallel and once, at every file that judging will ask for.
    fn observe_everything(&mut self) {
        let mut paths: Vec<PathId> = Vec::new();
        for id in self.graph.wanted(&self.request.outputs) {
            let action = self.graph.action(id);
            paths.extend(&action.inputs);
            paths.extend(&action.outputs);
            if let Some(stamp) = self.dir.history.current(action.outputs[0]) {
                paths.extend(stamp.paths());
            }
        }
        paths.sort_unstable();
        paths.dedup();
        self.files.observe(&paths);
    }

    /// Deletes what actions that are no longer in the graph wrote into the build directory.
    fn remove_orphans(&mut self) -> Result<(), Error> {
        if self.dir.ours && self.dir.history.lost() {
            self.remove_unknown(self.dir.path().to_path_buf());
        }
        let gone = |key: &PathId| self.graph.producer(*key).is_none();
        let keys: Vec<PathId> = self.dir.history.keys().filter(gone).collect();
        for key in keys {
            let stamp = self.dir.history.current(key);
            let outputs = stamp.map_or_else(Vec::new, |stamp| {
                let files = stamp.outputs.iter().map(|output| output.path);
                files.chain(stamp.links.iter().copied()).collect::<Vec<_>>()
            });
            for output in outputs {
                self.remove_output(output);
            }
            Kept::of(&self.dir.kept(), key, self.files).clear();
            self.dir.history.forget(key, self.files)?;
        }
        // What a command wrote that was killed, or whose result was not recorded.
        let unstamped: Vec<(PathId, Vec<PathId>)> =
            self.dir.history.unstamped().map(|(key, outputs)| (key, outputs.to_vec())).collect();
        for (key, outputs) in unstamped {
            if outputs.iter().all(|output| self.graph.producer(*output).is_some()) {
                continue;
            }
            for output in outputs {
                self.remove_output(output);
            }
            if self.graph.producer(key).is_none() {
                self.dir.history.cleared(key, self.files)?;
            }
        }
        Ok(())
    }

    /// Deletes every file below `dir`, in the build directory, that no action makes and that is not ours.
    fn remove_unknown(&mut self, dir: PathBuf) {
        let Ok(entries) = std::fs::read_dir(&dir) else { return };
        for entry in entries.flatten() {
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let ours = entry.file_name().to_str().is_some_and(|name| OWN.contains(&name));
            if dir == self.dir.path() && ours {
                continue;
            } else if is_directory {
                self.remove_unknown(entry.path());
            } else {
                let path = self.files.path_abs(&entry.path());
                self.remove_output(path);
            }
        }
    }

    /// Deletes a file of the build directory that nobody produces any more, and directories that are empty then; but
    /// for those that an action writes to: its command may just be running.
    pub(crate) fn remove_output(&mut self, output: PathId) {
        // A name that only a journal tells of may lead anywhere.
        let climbs = self.files.rel(output).components().any(|part| part == Component::ParentDir);
        if climbs || self.files.root(output) != Roots::BUILD || self.graph.producer(output).is_some() {
            return;
        }
        let path = self.files.abs(output);
        if std::fs::remove_file(&path).is_ok() {
            self.files.forget(output);
            let base = self.dir.path().to_path_buf();
            let parents = path.ancestors().skip(1).take_while(|dir| *dir != base && dir.starts_with(&base));
            let unused = parents.take_while(|dir| !self.is_written_to(dir));
            let _ = unused.map(std::fs::remove_dir).take_while(Result::is_ok).count();
        }
    }

    /// Whether an action of the graph makes something in `dir`, or a command that runs now is to leave a depfile there.
    fn is_written_to(&self, dir: &Path) -> bool {
        let (root, rel) = self.files.roots().locate(dir);
        let known = self.files.find(root, rel);
        known.is_some_and(|dir| !self.world.outputs_in(dir).is_empty())
            || self.running.keys().flat_map(|id| self.depfiles(*id)).any(|depfile| depfile.starts_with(dir))
    }

    /// What has ended is taken in first, so that the next command starts; then commands are started; and while there
    /// is none to start or no place for it, the next action is judged.
    fn run(&mut self) {
        loop {
            if self.live.is_closed() && !self.scheduler.finished() {
                self.interrupt();
            }
            if self.scheduler.is_stopped() {
                self.hands.stop();
            }
            let to_start = self.scheduler.progress().to_start;
            if let Ok(message) = self.messages.try_recv() {
                self.take(message);
                // What may be started now may belong to another pool.
                self.pools_are_full &= self.scheduler.progress().to_start <= to_start;
                continue;
            }
            self.start_what_is_ready();
            let to_start = self.scheduler.progress().to_start;
            if let Some(id) = self.scheduler.next_judge() {
                self.settle(id);
                self.pools_are_full &= self.scheduler.progress().to_start <= to_start;
                continue;
            }
            if self.scheduler.finished() {
                return;
            }
            if self.scheduler.progress().with_caller() == 0 {
                // Something failed or was settled without running; there may be more to judge.
                continue;
            }
            match self.messages.recv() {
                Ok(message) => self.take(message),
                // We hold a sender ourselves, so the channel stays open.
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Ended(ended) => {
                let Some(running) = self.running.remove(&ended.id) else { return };
                // Its place is free: unless it failed, the next command runs while its result is looked at.
                if ended.kept_its_promise() {
                    self.start_what_fits(Some(ended.id));
                }
                self.finish(*ended, running);
                // Only now is its place in a pool free, or once its result is put.
                self.pools_are_full = false;
            }
            Message::Token(token) => {
                self.asked_for_token = false;
                self.tokens.push(token);
            }
            Message::Sets { id, key, sets } => self.sets_were_read(id, key, sets),
            Message::Retrieved(id, retrieved) => self.was_retrieved(id, *retrieved),
            Message::Fetched(id, fetched) => self.was_fetched(id, fetched),
            Message::ToolIsBusy(id, holder) => self.tool_is_busy(id, holder),
            Message::Locked(id, taken) => {
                self.was_locked(id, taken);
                self.pools_are_full = false;
            }
            Message::Put(id, put) => {
                self.was_put(id, put);
                self.pools_are_full = false;
            }
        }
    }

    /// How many commands may run at once with the tokens that we have.
    fn slots(&self) -> usize {
        (1 + self.tokens.len()).min(self.request.jobs.max(1))
    }

    /// Starts as many commands as there are tokens for, the most urgent first. A place is kept for what comes after
    /// a command whose result is being put, or has not been looked at yet (`ended`), and is more urgent; and what is
    /// more urgent is judged first.
    fn start_what_fits(&mut self, ended: Option<ActionId>) {
        while let Some(first) = self.scheduler.first_to_start() {
            let free = self.slots().saturating_sub(self.running.len());
            let to_come =
                |id: ActionId| self.scheduler.priority(id).saturating_sub(self.scheduler.estimate(id));
            let awaited = self.putting.keys().copied().chain(ended).filter(|id| to_come(*id) > first);
            if free <= awaited.count() || self.scheduler.first_to_judge() > Some(first) {
                return;
            }
            let Some(id) = self.scheduler.next_start() else { return };
            self.start(id);
        }
    }

    /// Starts what there is a place for; asks for one more token if there is more to start.
    fn start_what_is_ready(&mut self) {
        self.start_what_fits(None);
        let slots = self.slots();
        if self.running.len() >= slots {
            let more = self.scheduler.progress().to_start > 0 && !self.pools_are_full;
            if slots < self.request.jobs && more && !self.asked_for_token {
                self.asked_for_token = true;
                self.jobs.request();
            }
            return;
        }
        let progress = self.scheduler.progress();
        if progress.to_judge > 0 || self.scheduler.first_to_start().is_some() {
            // There may be something to start in a moment.
            return;
        }
        // There is a slot and nothing to start in it, until a command ends: tokens that are not in use go back.
        self.pools_are_full = progress.to_start > 0;
        if self.asked_for_token {
            self.asked_for_token = false;
            self.jobs.withdraw();
        }
        self.tokens.truncate(self.running.len().saturating_sub(1));
    }

    /// Somebody asked us to stop: nothing new is started.
    pub(crate) fn interrupt(&mut self) {
        self.interrupted = true;
        self.scheduler.stop();
    }

    /// What was written in this build cannot be believed by a later one until it was read a tick after it was written:
    /// does so for what is old enough by now, on all cores, so that the next build need not. The last files stay for it.
    fn read_again(&mut self) -> Result<(), Error> {
        let actions = &self.summary.actions;
        if !self.builds() || actions.ran + actions.restored == 0 {
            return Ok(());
        }
        let now = self.dir.marker.now()?;
        self.files.set_instant(now);
        let is_due = |id: &PathId| match self.files.seen(*id) {
            Seen::File { signature, racy: true, .. } => {
                self.files.root(*id) == Roots::BUILD && !now.makes_racy(now.device, signature)
            }
            _ => false,
        };
        let due: Vec<PathId> = self.files.ids().filter(is_due).collect();
        self.files.observe_again(&due);
        Ok(())
    }

    fn close(mut self) -> Result<Closed, Error> {
        self.tell_of_troubles();
        if self.fatal.is_none() && !self.interrupted {
            self.read_again()?;
        }
        let saved = if self.builds() { self.dir.history.save(self.files) } else { Ok(()) };
        if let Some(error) = self.fatal {
            return Err(error);
        }
        saved?;
        let failed = usize::try_from(self.summary.actions.failed).unwrap_or(usize::MAX);
        let goes_on = failed == 0 || self.request.failures.is_none_or(|most| failed < most);
        if self.begins_again && !self.interrupted && goes_on {
            let again = self.leaving.again(self.outcomes, self.summary.bad_input);
            return Ok(Closed::Again(self.summary.store, again));
        }
        self.summary.left = self.count_left();
        let progress = self.scheduler.progress();
        let summary = &mut self.summary;
        summary.total = progress.total() as u64;
        summary.actions.skipped = (progress.total() as u64).saturating_sub(
            summary.actions.fresh
                + summary.actions.restored
                + summary.actions.ran
                + summary.actions.failed
                + summary.actions.would_run,
        );
        summary.processes_spawned = self.live.spawned();
        summary.files = self.files.cost();
        summary.outcome = if self.interrupted {
            BuildOutcome::Interrupted
        } else if summary.actions.failed > 0 {
            BuildOutcome::Failed
        } else {
            BuildOutcome::Ok
        };
        self.request.proved.add_to(summary);
        Ok(Closed::Done(Box::new(self.summary)))
    }
}

/// Whether `path` lies in the directory where commands put what nobody keeps.
pub(crate) fn is_temporary(files: &Files, path: PathId) -> bool {
    files.root(path) == Roots::BUILD && files.rel(path).starts_with(Path::new("tmp"))
}
