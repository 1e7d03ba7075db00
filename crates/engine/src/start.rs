//! Starting a command: its inputs are observed first, the way for its outputs is cleared, and a thread of its own
//! waits for it and looks at what it wrote.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use rekindle_exec as exec;
use rekindle_fingerprint::action::DepfileFormat;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::files::{PathId, Seen};
use rekindle_fingerprint::signature::{COARSE, Instant};
use rekindle_scheduler::ActionId;
use rekindle_store::{Error as StoreError, Store};
use rustc_hash::FxHashMap;

use crate::auto::{self, Delivery, Undelivered};
use crate::error::{At, Error};
use crate::event::{Event, Outcome};
use crate::hands::unless_it_panics;
use crate::kept::{Aside, Kept};
use crate::marker::Marker;
use crate::outputs::{self, Found, Needles};
use crate::recorded::directories;
use crate::session::{Message, Session};
use crate::spelled::{self, Surroundings};

/// A command that runs now.
pub(crate) struct Running {
    /// What was moved out of its way.
    pub(crate) aside: Aside,
    /// Whether that was what the stamp of before vouched for.
    pub(crate) worth_keeping: bool,
    /// Inputs that were observed before it started, and what was seen: another command that starts meanwhile looks again.
    pub(crate) observed: FxHashMap<PathId, Seen>,
    /// The file system's clock just before it started.
    pub(crate) before: Instant,
}

/// A command that has ended, and what its thread found then.
pub(crate) struct Ended {
    pub(crate) id: ActionId,
    pub(crate) result: Result<exec::Finished, exec::Error>,
    pub(crate) depfiles: Vec<io::Result<Option<Vec<u8>>>>,
    /// Why a product of another build tool could not be copied to the outputs.
    pub(crate) undelivered: Option<String>,
    /// What it wrote; an error ends the build, whatever came of the command.
    pub(crate) outputs: Result<Vec<Found>, Error>,
    /// How many bytes of that were put into the store; none if it does not go there.
    pub(crate) stored: Option<Result<u64, StoreError>>,
}

impl Ended {
    /// Whether it succeeded and wrote all that it was to write.
    pub(crate) fn kept_its_promise(&self) -> bool {
        let made = |found: &Vec<Found>| found.iter().all(|found| matches!(found, Found::Made(_)));
        self.undelivered.is_none()
            && self.result.as_ref().is_ok_and(|finished| finished.status.success())
            && self.outputs.as_ref().is_ok_and(made)
            && self.depfiles.iter().all(|depfile| matches!(depfile, Ok(Some(_))))
    }
}

/// What the thread of one command needs.
struct Errand {
    id: ActionId,
    /// Commands that run before it.
    before: Vec<exec::Command>,
    command: exec::Command,
    /// What is copied to the outputs when all have succeeded.
    deliveries: Vec<Delivery>,
    live: exec::Live,
    depfiles: Vec<PathBuf>,
    temporary: PathBuf,
    outputs: Vec<PathBuf>,
    needles: Needles,
    marker: Arc<Marker>,
    store: Option<Arc<dyn Store>>,
    sender: Sender<Message>,
}

impl Errand {
    fn run(self) {
        let (id, sender) = (self.id, self.sender.clone());
        let first = self.outputs.first().cloned().unwrap_or_default();
        // The main loop waits for every command that it has started.
        let ended = unless_it_panics(|| self.work()).unwrap_or_else(|source| Ended {
            id,
            result: Err(exec::Error::Interrupted),
            depfiles: Vec::new(),
            undelivered: None,
            outputs: Err(Error::Io { verb: "make", path: first, source }),
            stored: None,
        });
        // If the build is gone, nobody wants to know.
        let _ = sender.send(Message::Ended(Box::new(ended)));
    }

    fn work(self) -> Ended {
        let result = auto::run_all(&self.before, &self.command, &self.live);
        let id = self.id;
        let ended = |result| Ended {
            id,
            result,
            depfiles: Vec::new(),
            undelivered: None,
            outputs: Ok(Vec::new()),
            stored: None,
        };
        let succeeded = result.as_ref().is_ok_and(|finished| finished.status.success());
        let (mut depfiles, mut found, mut stored) = (Vec::new(), Ok(Vec::new()), None);
        if succeeded {
            depfiles = outputs::read_depfiles(&self.depfiles, &self.temporary);
            stored = self.store.is_some().then_some(Ok(0));
            match self.deliveries.iter().try_for_each(Delivery::run) {
                Ok(()) => {}
                Err(Undelivered::Trouble(error)) => return Ended { outputs: Err(error), ..ended(result) },
                Err(Undelivered::Unusable(why)) => {
                    return Ended { undelivered: Some(why), ..ended(result) };
                }
            }
            found = self.outputs.iter().map(|path| self.look(path, &mut stored)).collect();
        }
        Ended { depfiles, outputs: found, stored, ..ended(result) }
    }

    /// Looks at an output, and puts it into the store while its bytes are at hand.
    fn look(&self, path: &Path, stored: &mut Option<Result<u64, StoreError>>) -> Result<Found, Error> {
        let (found, bytes) = outputs::look(path, &self.needles, &self.marker)?;
        if disk::is_link(path) {
            // Where it leads is no content, and may be another file elsewhere.
            *stored = None;
        }
        if let (Found::Made(made), Some(store), Some(Ok(sum))) = (&found, &self.store, &mut *stored) {
            match store.put(&made.blob, &bytes) {
                Ok(true) => *sum += made.blob.size,
                Ok(false) => {}
                Err(error) => *stored = Some(Err(error)),
            }
        }
        Ok(found)
    }
}

/// Why a command was not started.
pub(crate) enum Refusal {
    /// It fails, for this reason.
    Fails(String),
    /// It fails, because what the person gave is wrong.
    BadInput(String),
    /// The build directory is in trouble, so the build ends.
    Trouble(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Trouble(error)
    }
}

impl Session<'_> {
    /// Starts the command of an action, or settles it as failed. When planning, takes it that it ran.
    pub(crate) fn start(&mut self, id: ActionId) {
        if !self.builds() {
            self.would_run(id);
            return;
        }
        match self.try_start(id) {
            Ok(()) => self.progress(),
            Err(Refusal::Fails(why)) => self.fail(id, why, Vec::new(), 0),
            Err(Refusal::BadInput(why)) => {
                self.summary.bad_input = true;
                self.fail(id, why, Vec::new(), 0);
            }
            Err(Refusal::Trouble(error)) => {
                self.scheduler.failed(id);
                self.give_up(error);
            }
        }
    }

    fn try_start(&mut self, id: ActionId) -> Result<(), Refusal> {
        if self.request.forbid_spawn {
            return Err(Refusal::Fails(
                "its command would have to run, and --forbid-spawn forbids that".into(),
            ));
        }
        self.wait_for_a_clear_clock()?;
        let observed = self.observe_inputs(id)?;
        let before = self.dir.marker.now()?;
        let worth_keeping = self.outputs_are_as_recorded(id);
        let outputs = self.output_paths(id);
        let kept = Kept::of(&self.dir.kept(), self.key(id), self.files);
        self.make_directories(id)?;
        self.prepare_tool(id)?;
        let written = self.written(id);
        self.dir.history.start(self.key(id), &written, self.files)?;
        let aside = kept.set_aside(&outputs).map_err(|error| self.in_the_way(id, &error))?;
        let errand = self.errand(id, outputs)?;
        self.tool_runs(id);
        let running = Running { aside, worth_keeping, observed, before };
        let action = self.graph.action(id);
        let command = spelled::shell_line(&self.argv(id));
        (self.events)(Event::ActionStarted {
            id,
            kind: action.kind,
            name: action.name.clone(),
            reasons: self.reasons.get(&id).cloned().unwrap_or_default(),
            command,
            expected_ms: self.scheduler.estimate(id),
            way_ms: self.scheduler.priority(id),
        });
        let thread = std::thread::Builder::new().name(action.name.chars().take(15).collect());
        match thread.spawn(move || errand.run()) {
            Ok(_waits_for_itself) => {
                self.running.insert(id, running);
                Ok(())
            }
            Err(error) => {
                running.aside.put_back();
                Err(Refusal::Fails(format!("no thread can be started for it: {error}")))
            }
        }
    }

    /// Before the first command of a build, waits (a few milliseconds at most) until a file that was written before
    /// the build began is older than the clock by its granularity: else what a command includes for the first time
    /// could not be proved to have been there before it started, and its result would not be recorded. Where the
    /// clock is coarse, waiting would take seconds, and an extra rebuild is the better price.
    fn wait_for_a_clear_clock(&mut self) -> Result<(), Error> {
        let Some(began) = self.began.take() else { return Ok(()) };
        if began.granularity >= COARSE {
            return Ok(());
        }
        while self.dir.marker.now()?.time.0 - began.time.0 <= began.granularity {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(())
    }

    /// Observes what the action is known to read (law 4). Every declared input must be a readable file.
    fn observe_inputs(&mut self, id: ActionId) -> Result<FxHashMap<PathId, Seen>, Refusal> {
        let action = self.graph.action(id);
        let on_disk = self.inputs_on_disk(id);
        self.files.set_instant(self.dir.marker.now()?);
        self.files.observe_again(&on_disk);
        let toolchain = action.identity.iter().flat_map(|identity| identity.files.iter().copied());
        let toolchain: Vec<PathId> = toolchain.collect();
        self.files.observe(&toolchain);
        if let Some(search) = &action.discovery.search {
            let mut dirs = if search.near { directories(self.files, action) } else { Vec::new() };
            dirs.extend(&search.dirs);
            self.listings.look(self.files, &self.world, &dirs);
        }
        for path in &action.inputs {
            let why = match self.files.seen(*path) {
                Seen::File { .. } => continue,
                Seen::Left { .. } => "which is still in the store".to_string(),
                Seen::Directory => "which is a directory".to_string(),
                Seen::Unreadable(kind) => format!("which cannot be read: {kind}"),
                Seen::Absent | Seen::Unknown => "which does not exist".to_string(),
            };
            let path = self.files.show(*path);
            return Err(Refusal::BadInput(format!("it needs `{path}`, {why}")));
        }
        let observed = on_disk.into_iter().chain(toolchain);
        Ok(observed.map(|path| (path, self.files.seen(path).clone())).collect())
    }

    /// Whether what lies at the outputs is what the stamp says, so that it is worth keeping.
    pub(crate) fn outputs_are_as_recorded(&self, id: ActionId) -> bool {
        let Some(stamp) = self.dir.history.current(self.key(id)) else { return false };
        let as_recorded = |path: &PathId| {
            let output = stamp.outputs.iter().find(|output| output.path == *path);
            output.is_some_and(|output| self.files.content(*path) == Some(output.content))
        };
        self.graph.action(id).outputs.iter().all(as_recorded)
    }

    pub(crate) fn make_directories(&self, id: ActionId) -> Result<(), Refusal> {
        let action = self.graph.action(id);
        let depfiles = self.depfiles(id);
        let links = action.links.iter().map(|(link, _)| self.files.abs(*link));
        for path in self.output_paths(id).into_iter().chain(links).chain(depfiles.iter().cloned()) {
            let Some(parent) = path.parent() else { continue };
            fs::create_dir_all(parent).at("create", parent).map_err(|error| match error {
                Error::Io { source, .. } => self.in_the_way(id, &source),
                other => Refusal::Trouble(other),
            })?;
        }
        for path in depfiles {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Refusal::Trouble(Error::Io { verb: "remove", path, source: error }));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Something lies where an output or its directory is to be. A disk that is full or read-only is no fault of
    /// the project.
    fn in_the_way(&self, id: ActionId, error: &io::Error) -> Refusal {
        let output = self.files.abs(self.key(id));
        let source = io::Error::new(error.kind(), error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem => {
                Refusal::Trouble(Error::Io { verb: "make room for", path: output, source })
            }
            _ => {
                let (path, why) = (self.files.show(self.key(id)), error.kind());
                Refusal::BadInput(format!(
                    "it cannot write `{path}`: what lies there cannot be replaced: {why}"
                ))
            }
        }
    }

    /// The files in which the command is to tell what it read.
    pub(crate) fn depfiles(&self, id: ActionId) -> Vec<PathBuf> {
        let formats = self.graph.action(id).discovery.depfiles.iter();
        formats.filter_map(DepfileFormat::path).map(|path| self.files.abs(path)).collect()
    }

    fn errand(&self, id: ActionId, outputs: Vec<PathBuf>) -> Result<Errand, Error> {
        let around = Surroundings {
            request: self.request,
            makeflags: self.jobs.makeflags(),
            temporary: self.dir.temporary(),
        };
        let action = self.graph.action(id);
        let command = spelled::command(action, self.files, &around, &format!("{}", id.0))?;
        Ok(Errand {
            id,
            before: spelled::before(action, self.files, &command),
            command,
            deliveries: self.deliveries(id),
            live: self.live.clone(),
            depfiles: self.depfiles(id),
            temporary: self.dir.temporary(),
            outputs,
            needles: self.needles.clone(),
            marker: self.dir.marker.clone(),
            store: self.store_for(id),
            sender: self.sender.clone(),
        })
    }

    /// Settles an action as failed and tells so.
    pub(crate) fn fail(&mut self, id: ActionId, why: String, printed: Vec<u8>, ms: u64) {
        self.scheduler.failed(id);
        let mut report = self.report(id, Outcome::Failed);
        report.failure = Some(why);
        report.printed = printed;
        report.ms = ms;
        self.finished(report);
    }

    /// Makes the symbolic links that belong to an action's outputs.
    pub(crate) fn make_links(&self, id: ActionId) -> Result<(), Error> {
        for (link, target) in &self.graph.action(id).links {
            let place = self.files.abs(*link);
            let mut name = OsString::from(".");
            name.push(place.file_name().unwrap_or_else(|| std::ffi::OsStr::from_bytes(b"link")));
            name.push(".new");
            let beside = place.with_file_name(name);
            let _ = fs::remove_file(&beside);
            std::os::unix::fs::symlink(target, &beside).at("link", &beside)?;
            fs::rename(&beside, &place).at("rename", &beside)?;
        }
        Ok(())
    }
}
