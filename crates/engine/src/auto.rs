//! Actions in which another build tool works: only one build at a time works in the tool's directories; the way is
//! cleared so that the tool takes nothing for done; what it made is copied to where others read it; and if what it reads
//! has changed meanwhile, it runs again.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rekindle_exec as exec;
use rekindle_exec::Live;
use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::ar::{self, ArError};
use rekindle_fingerprint::auto::{AutoBuild, Fact};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::key::InputSet;
use rekindle_scheduler::ActionId;

use crate::error::{At, Error};
use crate::event::{ArchiveReport, Event};
use crate::session::{Message, Session};
use crate::shared::Looked;
use crate::start::{Refusal, Running};

/// How often a tool runs in one build because what it reads has changed while it ran.
const MOST_RUNS: u32 = 3;

/// How long a build sleeps before it tries again whether a directory is free.
const PAUSE: Duration = Duration::from_millis(20);

/// The directories of a tool, locked until this is dropped. The kernel unlocks them with the process, however it ends.
pub(crate) struct Guard {
    _directories: Vec<File>,
    /// How long others had them, in milliseconds.
    pub(crate) waited_ms: u64,
    /// Whether others had them, and may have made what is wanted.
    contended: bool,
}

/// What is known of an action's tool in this build.
#[derive(Default)]
pub(crate) struct Tool {
    guard: Option<Guard>,
    waited_ms: u64,
    runs: u32,
    /// What lay among its sources and may be in what it made: see [`AutoBuild::left`].
    pub(crate) leftover: Option<String>,
}

/// Why the directories of a tool could not be locked.
pub(crate) enum Unlocked {
    Interrupted,
    Failed(Error),
}

/// Locks all of `directories`, or waits for the one that another build has while holding none of the others. `waiting`
/// is told once who has it.
fn take(directories: &[PathBuf], live: &Live, mut waiting: impl FnMut(String)) -> Result<Guard, Unlocked> {
    let mut pauses: u32 = 0;
    loop {
        let mut taken = Vec::with_capacity(directories.len());
        let busy = directories.iter().try_fold((), |(), path| {
            let directory =
                File::open(path).at("open", path).map_err(|error| Some(Unlocked::Failed(error)))?;
            match directory.try_lock() {
                Ok(()) => taken.push(directory),
                Err(TryLockError::WouldBlock) => {
                    if pauses == 0 {
                        waiting(holder(&directory).unwrap_or_default());
                    }
                    return Err(None);
                }
                Err(TryLockError::Error(source)) => {
                    let error = Error::Io { verb: "lock", path: path.clone(), source };
                    return Err(Some(Unlocked::Failed(error)));
                }
            }
            Ok(())
        });
        match busy {
            Ok(()) => {
                let waited = PAUSE.as_millis() as u64 * u64::from(pauses);
                return Ok(Guard { _directories: taken, waited_ms: waited, contended: pauses > 0 });
            }
            Err(Some(failed)) => return Err(failed),
            Err(None) => {}
        }
        drop(taken);
        if live.is_closed() {
            return Err(Unlocked::Interrupted);
        }
        std::thread::sleep(PAUSE);
        pauses = pauses.saturating_add(1);
    }
}

/// Who holds the lock of a directory, as Linux tells it: `process 41 (rekindle)`.
fn holder(directory: &File) -> Option<String> {
    let meta = directory.metadata().ok()?;
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let inode = format!(":{}", meta.ino());
    let line = locks.lines().find(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        words.next() == Some("FLOCK") && words.nth(3).is_some_and(|place| place.ends_with(&inode))
    })?;
    let process = line.split_ascii_whitespace().nth(4)?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
    Some(format!("process {process} ({})", name.trim()))
}

/// Deletes a file, or a directory with all that is in it; what is not there is no error. A link is deleted itself.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// What a tool left is copied to where others read it. Of an archive only what is in its members counts.
pub(crate) struct Delivery {
    pub(crate) from: PathBuf,
    pub(crate) to: PathBuf,
}

/// Why a product could not be copied.
#[derive(Debug)]
pub(crate) enum Undelivered {
    /// The tool made something that cannot be used.
    Unusable(String),
    /// The disk refused.
    Trouble(Error),
}

impl Delivery {
    /// Copies the file; one that is not there is left to who looks at outputs.
    pub(crate) fn run(&self) -> Result<(), Undelivered> {
        let trouble = |verb, path: &Path| {
            let path = path.to_path_buf();
            move |source| Undelivered::Trouble(Error::Io { verb, path, source })
        };
        let meta = match fs::metadata(&self.from) {
            Ok(meta) if meta.is_file() => meta,
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(trouble("look at", &self.from)(source)),
        };
        let from = File::open(&self.from).map_err(trouble("read", &self.from))?;
        let to = File::create(&self.to).map_err(trouble("write", &self.to))?;
        let beside = self.from.parent().unwrap_or(Path::new(""));
        let mut member = |name: &Path| disk::read(&beside.join(name));
        let copied = ar::normalise(BufReader::new(from), BufWriter::new(to), &mut member);
        copied.map_err(|error| match error {
            ArError::Read(source) => trouble("read", &self.from)(source),
            ArError::Write(source) => trouble("write", &self.to)(source),
            other => Undelivered::Unusable(other.to_string()),
        })?;
        let mode = if meta.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
        fs::set_permissions(&self.to, fs::Permissions::from_mode(mode)).map_err(trouble("write", &self.to))
    }
}

/// Runs some commands one after the other, until one fails: what they said, one behind the other, and how the last ended.
pub(crate) fn run_all(
    before: &[exec::Command],
    last: &exec::Command,
    live: &Live,
) -> Result<exec::Finished, exec::Error> {
    let (mut text, mut wall) = (Vec::new(), Duration::ZERO);
    for command in before {
        let finished = exec::run(command, live)?;
        text.extend_from_slice(&finished.text);
        wall += finished.wall;
        if !finished.status.success() {
            return Ok(exec::Finished { text, wall, ..finished });
        }
    }
    let mut finished = exec::run(last, live)?;
    text.extend_from_slice(&finished.text);
    finished.text = text;
    finished.wall += wall;
    Ok(finished)
}

impl Session<'_> {
    fn auto(&self, id: ActionId) -> Option<&AutoBuild> {
        self.graph.action(id).auto.as_deref()
    }

    /// Sees to it that the tool of a stale action may run: `false` if that is on its way, or cannot be.
    pub(crate) fn may_run_tool(&mut self, id: ActionId) -> bool {
        let Some(auto) = self.auto(id) else { return true };
        let held = self.tools.get(&id).is_some_and(|tool| tool.guard.is_some());
        if !self.builds() || self.request.forbid_spawn || self.scheduler.is_stopped() || held {
            return true;
        }
        if let Some(tool) = auto.absent.clone() {
            let why = match self.several.remove(&id) {
                Some(several) => format!(
                    "its tool `{tool}` is not on this machine, and the store has results of several ones: {}; which of them is meant cannot be told: install `{tool}`",
                    several.join(", ")
                ),
                None => format!(
                    "it has to be built, and its tool `{tool}` is not on this machine: install it, or add its directory to PATH"
                ),
            };
            self.summary.bad_input = true;
            self.fail(id, why, Vec::new(), 0);
            return false;
        }
        if let Err(error) = self.lock_tool(id) {
            self.scheduler.failed(id);
            self.give_up(error);
        }
        false
    }

    /// Locks the tool's directories on a thread of its own.
    fn lock_tool(&mut self, id: ActionId) -> Result<(), Error> {
        let Some(auto) = self.auto(id) else { return Ok(()) };
        for path in &auto.work {
            let path = self.files.abs(*path);
            fs::create_dir_all(&path).at("create", &path)?;
        }
        let mut directories: Vec<PathBuf> = auto.locks.iter().map(|path| self.files.abs(*path)).collect();
        // One directory under two names would be waited for for ever.
        directories = directories.iter().filter_map(|path| disk::canonical(path).ok()).collect();
        directories.sort();
        directories.dedup();
        directories.retain(|path| path.is_dir());
        let (sender, live) = (self.sender.clone(), self.live.clone());
        let thread = std::thread::Builder::new().name("lock".into());
        let spawned = thread.spawn(move || {
            let waiting = |holder| {
                let _ = sender.send(Message::ToolIsBusy(id, holder));
            };
            let taken = take(&directories, &live, waiting);
            // If the build is gone, nobody wants to know.
            let _ = sender.send(Message::Locked(id, taken));
        });
        let path = self.dir.path().to_path_buf();
        spawned.map(drop).map_err(|source| Error::Io { verb: "start a thread for", path, source })
    }

    /// Another build works in the directories of an action's tool.
    pub(crate) fn tool_is_busy(&mut self, id: ActionId, holder: String) {
        let archive = self.graph.action(id).name.clone();
        let is_us = holder.starts_with(&format!("process {} (", std::process::id()));
        let holder = if is_us { "another archive of this build".to_string() } else { holder };
        (self.events)(Event::ToolIsBusy { archive, holder });
    }

    /// The directories of an action's tool are ours. Who had them before may have made what is wanted.
    pub(crate) fn was_locked(&mut self, id: ActionId, taken: Result<Guard, Unlocked>) {
        match taken {
            Err(Unlocked::Interrupted) => {
                self.scheduler.failed(id);
                self.interrupt();
            }
            Err(Unlocked::Failed(error)) => {
                self.scheduler.failed(id);
                self.give_up(error);
            }
            Ok(guard) => {
                let contended = guard.contended;
                let tool = self.tools.entry(id).or_default();
                tool.waited_ms = guard.waited_ms;
                tool.guard = Some(guard);
                if !contended || self.restore_shared(id) == Looked::Missed {
                    self.needs_to_run(id);
                }
            }
        }
    }

    /// An action has ended: others may have its tool's directories.
    pub(crate) fn unlock_tool(&mut self, id: ActionId) {
        if let Some(tool) = self.tools.get_mut(&id) {
            tool.guard = None;
        }
    }

    /// Clears the way for a tool.
    pub(crate) fn prepare_tool(&self, id: ActionId) -> Result<(), Refusal> {
        let Some(auto) = self.auto(id) else { return Ok(()) };
        let work: Vec<PathBuf> = auto.work.iter().map(|path| self.files.abs(*path)).collect();
        let own = |path: &Path| work.iter().any(|work| path.starts_with(work));
        // What is an output where it lies is set aside, to be put back if the command fails.
        let outputs = &self.graph.action(id).outputs;
        for id in auto.remove.iter().filter(|id| !outputs.contains(id)) {
            let path = self.files.abs(*id);
            if own(&path) || auto.made.contains(id) {
                remove(&path).at("remove", &path)?;
            }
        }
        for (directory, start) in &auto.forget {
            let directory = self.files.abs(*directory);
            if !own(&directory) {
                continue;
            }
            for name in disk::list(&directory).at("list", &directory)? {
                if name.as_bytes().starts_with(start) {
                    let path = directory.join(name);
                    remove(&path).at("remove", &path)?;
                }
            }
        }
        for path in work {
            fs::create_dir_all(&path).at("create", &path)?;
        }
        Ok(())
    }

    /// A tool has started to run.
    pub(crate) fn tool_runs(&mut self, id: ActionId) {
        if self.auto(id).is_some() {
            self.tools.entry(id).or_default().runs += 1;
        }
    }

    /// Whether an action has to fail because its tool is not here and every tool has to be.
    pub(crate) fn lacks_required_tool(&mut self, id: ActionId) -> bool {
        let absent = self.auto(id).and_then(|auto| auto.absent.clone());
        let Some(tool) = absent.filter(|_| self.request.require_tools) else { return false };
        self.summary.bad_input = true;
        let why = format!("its tool `{tool}` is not on this machine, and --require-tools asks for it");
        self.fail(id, why, Vec::new(), 0);
        true
    }

    /// What a tool's products are copied to.
    pub(crate) fn deliveries(&self, id: ActionId) -> Vec<Delivery> {
        let action = self.graph.action(id);
        let made = action.auto.iter().flat_map(|auto| &auto.made);
        let pairs = made.zip(&action.outputs).filter(|(from, to)| from != to);
        pairs.map(|(from, to)| Delivery { from: self.files.abs(*from), to: self.files.abs(*to) }).collect()
    }

    /// Where a command was to write an output, as people know it.
    pub(crate) fn shown_output(&self, action: &Action, at: usize) -> String {
        let made = action.auto.as_ref().and_then(|auto| auto.made.get(at));
        self.files.show(made.copied().unwrap_or(action.outputs[at]))
    }

    /// Whether the names of a watch set are no longer those that the action was made of.
    fn names_changed(&mut self, action: &Action) -> Option<String> {
        let auto = action.auto.as_deref()?;
        let now = match consult::off_the_record(|| auto.watch.walk(self.files)) {
            Ok(now) => now,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(path) = now.files.iter().find(|path| !action.inputs.contains(path)) {
            return Some(format!("`{}` appeared", self.files.show(*path)));
        }
        let link = |(path, target): &(PathId, PathBuf)| {
            let name = Fact::Link(self.files.show(*path).into());
            (name, target.as_os_str().as_bytes().to_vec())
        };
        let links: Vec<(Fact, Vec<u8>)> = now.links.iter().map(link).collect();
        let known = auto.facts.iter().filter(|(fact, _)| matches!(fact, Fact::Link(_)));
        let known: Vec<&(Fact, Vec<u8>)> = known.collect();
        let other = links.iter().find(|link| !known.contains(link));
        let gone = known.into_iter().find(|link| !links.contains(link));
        let (Fact::Link(path), _) = other.or(gone)? else { return None };
        Some(format!("link `{}` changed", path.display()))
    }

    /// Something that tools leave among their sources, and that this run did not write.
    fn find_leftover(&mut self, action: &Action, running: &Running) -> Option<String> {
        let auto = action.auto.as_deref().filter(|auto| !auto.left.is_empty())?;
        let mut all = auto.watch.clone();
        all.exclude.retain(|glob| !auto.left.contains(glob));
        let there = consult::off_the_record(|| all.walk(self.files)).ok()?;
        let is_known = |path: &PathId| {
            action.inputs.contains(path) || auto.made.contains(path) || action.outputs.contains(path)
        };
        let is_old = |path: &PathId| match disk::stat(&self.files.abs(*path)) {
            Ok(Entry::File(signature, device)) => !running.before.is_younger(device, &signature),
            _ => false,
        };
        let old = there.files.iter().find(|path| !is_known(path) && is_old(path))?;
        let shown = self.files.show(*old);
        Some(format!(
            "`{shown}` lay there before and was not made again, so it may be in the archive though it should not: delete it, or name it below `inputs`"
        ))
    }

    /// What a tool has read is not what it was told to read: it runs again, a few times, or has failed. Gives back what
    /// runs if nothing of the kind has happened.
    pub(crate) fn run_tool_again(
        &mut self,
        id: ActionId,
        running: Running,
        moved: Option<&str>,
        printed: &[u8],
        ms: u64,
    ) -> Option<Running> {
        let action = self.graph.action(id);
        if action.auto.is_none() {
            return Some(running);
        }
        let names = self.names_changed(action);
        if names.is_none() && moved.is_none() {
            let leftover = self.find_leftover(action, &running);
            self.tools.entry(id).or_default().leftover = leftover;
            return Some(running);
        }
        self.abandon(id, running);
        let runs = self.tools.get(&id).map_or(0, |tool| tool.runs);
        if let Some(why) = names {
            let why = format!(
                "what it reads was changed while it ran: {why}; build again (if the command makes it, name it below `exclude` or `outputs`)"
            );
            self.fail(id, why, printed.to_vec(), ms);
            return None;
        }
        if runs >= MOST_RUNS {
            let why = moved.unwrap_or_default();
            let why = format!("what it reads was changed while it ran, {runs} times in a row: {why}");
            self.fail(id, why, printed.to_vec(), ms);
            return None;
        }
        self.start(id);
        None
    }

    /// The input sets of an archive that another build tool makes which are of the tool that is here. If it is not here:
    /// those of the one that made the archive that is recorded, or of the only one that the store knows.
    pub(crate) fn sets_of_tool(&mut self, id: ActionId, mut sets: Vec<InputSet>) -> Vec<InputSet> {
        let action = self.graph.action(id);
        let Some(auto) = action.auto.as_deref() else { return sets };
        let recorded = self.dir.history.current(self.key(id)).and_then(|stamp| stamp.identity);
        let tool = match (&action.identity, &auto.absent) {
            (Some(identity), None) => Some(identity.digest),
            (_, None) => None,
            _ => recorded.or_else(|| self.only_tool(id, &sets)),
        };
        sets.retain(|set| set.tool.is_some() && set.tool == tool);
        sets
    }

    fn only_tool(&mut self, id: ActionId, sets: &[InputSet]) -> Option<Digest> {
        let mut tools: Vec<Digest> = sets.iter().filter_map(|set| set.tool).collect();
        tools.sort_unstable();
        tools.dedup();
        if tools.len() > 1 {
            let names = tools.iter().map(|tool| tool.hex()[..12].to_string()).collect();
            self.several.insert(id, names);
            return None;
        }
        tools.first().copied()
    }

    /// What is told of an archive that another build tool makes.
    pub(crate) fn archive_report(&self, id: ActionId) -> Option<Box<ArchiveReport>> {
        let action = self.graph.action(id);
        let auto = action.auto.as_deref()?;
        let tool = self.tools.get(&id);
        let runs = tool.map_or(0, |tool| tool.runs);
        Some(Box::new(ArchiveReport {
            profile: auto.profile(),
            inputs: action.inputs.len() as u64,
            hashed_bytes: self.files.bytes_read(&action.inputs),
            lock_wait_ms: tool.map_or(0, |tool| tool.waited_ms),
            commands: u64::from(runs) * (1 + auto.before.len() as u64),
            absent: auto.absent.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_build_that_waits_for_one_directory_holds_no_other_and_is_told_who_has_it() {
        let place = tempfile::tempdir().unwrap();
        let (a, b) = (place.path().join("a"), place.path().join("b"));
        for dir in [&a, &b] {
            fs::create_dir(dir).unwrap();
        }
        let live = Live::new().unwrap();
        let other = File::open(&b).unwrap();
        other.lock().unwrap();
        let (tell, told) = mpsc::channel();
        let both = [a.clone(), b];
        let waiting = std::thread::spawn(move || {
            take(&both, &live, |holder| tell.send(holder).unwrap()).map(|guard| guard.contended).ok()
        });
        let holder = told.recv().unwrap();
        assert!(holder.starts_with(&format!("process {} (", std::process::id())), "{holder}");
        // Between two tries `a` is free, too.
        File::open(&a).unwrap().lock().unwrap();
        drop(other);
        assert_eq!(waiting.join().unwrap(), Some(true));
    }

    #[test]
    fn a_build_that_is_interrupted_waits_no_longer() {
        let place = tempfile::tempdir().unwrap();
        let other = File::open(place.path()).unwrap();
        other.lock().unwrap();
        let live = Live::new().unwrap();
        live.close();
        let taken = take(&[place.path().to_path_buf()], &live, |_| {});
        assert!(matches!(taken, Err(Unlocked::Interrupted)));
        drop(other);
    }

    #[test]
    fn a_link_is_removed_and_not_what_it_leads_to() {
        let place = tempfile::tempdir().unwrap();
        let (dir, link) = (place.path().join("dir"), place.path().join("link"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("kept"), "").unwrap();
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        remove(&link).unwrap();
        remove(&place.path().join("absent")).unwrap();
        assert!(!link.exists() && dir.join("kept").exists());
        remove(&dir).unwrap();
        assert!(!dir.exists());
    }
}
