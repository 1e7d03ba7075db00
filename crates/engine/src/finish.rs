//! Taking in a command that has ended: what it read and wrote is found out and checked, and only what can be proved
//! is recorded.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_exec as exec;
use rekindle_fingerprint::action::{Action, ActionKind, DepfileFormat};
use rekindle_fingerprint::depfile;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::{Files, PathId, Seen};
use rekindle_fingerprint::key::ActionDigest;
use rekindle_fingerprint::printed;
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_fingerprint::signature::FileTime;
use rekindle_fingerprint::stamp::Stamp;
use rekindle_scheduler::{ActionId, RunAgain};
use rekindle_store::Error as StoreError;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::bound;
use crate::build::is_temporary;
use crate::error::Error;
use crate::event::{Outcome, Remarks, Report};
use crate::hands::Work;
use crate::history::Before;
use crate::kept::Kept;
use crate::outputs::{Found, Made};
use crate::scans::Mentioned;
use crate::session::{Message, Session};
use crate::settle::remarks_of;
use crate::shared::broken;
use crate::start::{Ended, Running};
use crate::stepped;

/// What is known of a command that has succeeded.
pub(crate) struct Success {
    /// Everything that it said it read, sorted; without its own outputs and temporary files.
    pub(crate) named: Vec<PathId>,
    /// What of that is beyond its declared inputs.
    pub(crate) discovered: Vec<PathId>,
    /// What the assembler named by the last component of the source alone: the source, unless some text makes the
    /// assembler read files, and then a file of that name in the working directory, if there is one, may be meant.
    pub(crate) echoes: Vec<PathId>,
    /// What it wrote, in the order of the action's outputs.
    pub(crate) made: Vec<Made>,
    /// The first name that leads from one root into another, as the command spelled it, and the names of the roots
    /// between which such names lead.
    pub(crate) steps_out: Option<(String, Vec<Box<str>>)>,
    /// What it printed, but for what it printed for us.
    pub(crate) printed: Vec<u8>,
    pub(crate) ms: u64,
}

/// A command that has succeeded, and whose result a thread puts into the store.
pub(crate) struct Putting {
    running: Running,
    stamp: Stamp,
    digest: ActionDigest,
    report: Report,
}

impl Session<'_> {
    /// Takes in a command that has ended.
    pub(crate) fn finish(&mut self, ended: Ended, running: Running) {
        let id = ended.id;
        let found = match ended.outputs {
            Ok(found) => found,
            Err(error) => {
                self.abandon(id, running);
                self.scheduler.failed(id);
                self.give_up(error);
                return;
            }
        };
        let finished = match ended.result {
            Ok(finished) => finished,
            Err(exec::Error::Interrupted) => {
                self.abandon(id, running);
                self.scheduler.failed(id);
                self.interrupt();
                return;
            }
            Err(error) => {
                self.abandon(id, running);
                self.fail(id, error.to_string(), Vec::new(), 0);
                return;
            }
        };
        let ms = u64::try_from(finished.wall.as_millis()).unwrap_or(u64::MAX);
        if !finished.status.success() {
            self.abandon(id, running);
            self.fail(id, format!("it {}", finished.status), finished.text, ms);
            return;
        }
        if let Some(why) = ended.undelivered {
            self.abandon(id, running);
            self.fail(id, format!("what it made cannot be used: {why}"), finished.text, ms);
            return;
        }
        let text = finished.text.clone();
        match self.success(id, finished.text, ms, &ended.depfiles, found) {
            Ok(success) => self.succeed(id, running, success, ended.stored),
            Err(why) => {
                self.abandon(id, running);
                self.fail(id, why, text, ms);
            }
        }
    }

    /// A command has failed: what it wrote by then is not left lying, and what was there before is there again.
    pub(crate) fn abandon(&self, id: ActionId, running: Running) {
        for path in self.output_paths(id) {
            let _ = std::fs::remove_file(path);
        }
        running.aside.put_back();
    }

    /// What a command that exited with 0 read and wrote; else the promise that it did not keep.
    fn success(
        &mut self,
        id: ActionId,
        text: Vec<u8>,
        ms: u64,
        depfiles: &[std::io::Result<Option<Vec<u8>>>],
        found: Vec<Found>,
    ) -> Result<Success, String> {
        let action = self.graph.action(id);
        let mut made = Vec::with_capacity(found.len());
        for (at, found) in found.into_iter().enumerate().take(action.outputs.len()) {
            let shown = || self.shown_output(action, at);
            made.push(match found {
                Found::Made(file) => *file,
                Found::Missing => return Err(format!("it succeeded but did not write `{}`", shown())),
                Found::Directory => {
                    return Err(format!("it made a directory where `{}` is to be a file", shown()));
                }
                Found::Unreadable(error) => {
                    return Err(format!("its output `{}` cannot be read: {error}", shown()));
                }
            });
        }
        let cwd = self.files.abs(action.cwd);
        let (mut names, mut echoes) = (Vec::new(), Vec::new());
        let mut contents = depfiles.iter();
        let mut printed = text;
        for format in &action.discovery.depfiles {
            match format {
                DepfileFormat::Make(path) | DepfileFormat::Assembler(path) => {
                    let shown = self.files.show(*path);
                    let bytes = match contents.next() {
                        Some(Ok(Some(bytes))) => bytes,
                        Some(Err(error)) => {
                            return Err(format!("its depfile `{shown}` cannot be read: {error}"));
                        }
                        _ => return Err(format!("it succeeded but did not write its depfile `{shown}`")),
                    };
                    let mut listed = depfile_names(action.kind, bytes)
                        .map_err(|why| format!("its depfile `{shown}`: {why}"))?;
                    if matches!(format, DepfileFormat::Assembler(_)) {
                        let source =
                            action.inputs.first().and_then(|source| self.files.rel(*source).file_name());
                        echoes.extend(
                            listed.extract_if(.., |name| source.is_some_and(|s| s.as_bytes() == *name)),
                        );
                    }
                    names.extend(listed);
                }
                DepfileFormat::Trace => {
                    let is_file = |name: &[u8]| {
                        let path = cwd.join(Path::new(std::ffi::OsStr::from_bytes(name)));
                        matches!(disk::stat(&path), Ok(Entry::File(..)))
                    };
                    let trace = depfile::parse_trace(&printed, is_file);
                    names.extend(trace.files);
                    printed = trace.other;
                }
            }
        }
        let named = self.named_paths(action, &cwd, &names);
        let declared: FxHashSet<PathId> = action.inputs.iter().copied().collect();
        let discovered = named.iter().copied().filter(|path| !declared.contains(path)).collect();
        let echoes = self.named_paths(action, &cwd, &echoes);
        let as_path = |name: &Vec<u8>| PathBuf::from(std::ffi::OsStr::from_bytes(name));
        let mut steps_out: Option<(String, Vec<Box<str>>)> = None;
        for name in names.iter().map(as_path) {
            let Some(between) = bound::steps_out(self.files, &cwd, &name) else { continue };
            self.add_step(&mut steps_out, name.display().to_string(), between);
        }
        Ok(Success { named, discovered, echoes, made, steps_out, printed, ms })
    }

    /// Notes a name that leads from one root into another.
    fn add_step(&self, steps: &mut Option<(String, Vec<Box<str>>)>, name: String, between: [RootId; 2]) {
        let (_, roots) = steps.get_or_insert_with(|| (name, Vec::new()));
        roots.extend(between.map(|root| Box::from(self.files.roots().get(root).name.as_str())));
    }

    /// Where a name of a linker's depfile lies: it may have been found where libraries are searched.
    fn linked(&mut self, action: &Action, cwd: &Path, name: &Path) -> PathId {
        let spelled = self.files.path_from(cwd, name);
        let seen = matches!(self.files.seen(spelled), Seen::File { .. });
        let is_file = |path: &Path| matches!(disk::stat(path), Ok(Entry::File(..)));
        if action.kind != ActionKind::Link || name.is_absolute() || seen || is_file(&cwd.join(name)) {
            return spelled;
        }
        let dirs = action.discovery.search.iter().flat_map(|search| &search.dirs);
        let found = dirs.map(|dir| self.files.abs(*dir).join(name)).find(|path| is_file(path));
        found.map_or(spelled, |path| self.files.path_abs(&path))
    }

    /// The paths that the command named, but for its own outputs and temporary files.
    fn named_paths(&mut self, action: &Action, cwd: &Path, names: &[Vec<u8>]) -> Vec<PathId> {
        let linked = |name: &Vec<u8>| self.linked(action, cwd, Path::new(std::ffi::OsStr::from_bytes(name)));
        let mut named: Vec<PathId> = names.iter().map(linked).collect();
        named.sort_unstable();
        named.dedup();
        let works_in: Vec<PathBuf> =
            action.auto.iter().flat_map(|auto| &auto.work).map(|work| self.files.abs(*work)).collect();
        let own = |path: PathId| {
            !works_in.is_empty() && works_in.iter().any(|work| self.files.abs(path).starts_with(work))
        };
        named
            .retain(|path| !action.outputs.contains(path) && !is_temporary(self.files, *path) && !own(*path));
        // Other build tools name directories, too, and what they looked for in vain.
        let is_file = |path: &PathId| matches!(disk::stat(&self.files.abs(*path)), Ok(Entry::File(..)));
        named.retain(|path| action.auto.is_none() || is_file(path));
        // What a link made for itself beside its product, and took away again (link-time optimization).
        let is_gone = |path: &PathId| {
            let is_own = self.files.root(*path) == Roots::BUILD && !self.is_made(*path);
            is_own && matches!(disk::stat(&self.files.abs(*path)), Ok(Entry::Absent))
        };
        named.retain(|path| action.kind != ActionKind::Link || !is_gone(path));
        named
    }

    fn succeed(
        &mut self,
        id: ActionId,
        running: Running,
        mut success: Success,
        stored: Option<Result<u64, StoreError>>,
    ) {
        let marked = self.dir.marker.now();
        match marked {
            Ok(instant) => self.files.set_instant(instant),
            Err(error) => self.give_up(error),
        }
        let action = self.graph.action(id);
        let mentioned = self.mentioned(action, &mut success);
        let foreign = self.undeclared_producers(id, &success.discovered);
        let mut unrecorded = None;
        if !foreign.is_empty() {
            let names: Vec<String> = foreign.iter().map(|id| self.graph.action(*id).name.clone()).collect();
            match self.scheduler.run_again(id, &foreign) {
                RunAgain::NotNeeded => {}
                RunAgain::Later | RunAgain::Skipped => {
                    self.abandon(id, running);
                    return;
                }
                RunAgain::Cycle { .. } | RunAgain::TooOften => {
                    unrecorded =
                        Some(format!("it reads what {} makes, which comes after it", names.join(", ")));
                }
            }
        }
        let unrecorded = unrecorded.or_else(|| self.moved_inputs(action, &running, &success.discovered));
        let moved = unrecorded.as_deref();
        let again = self.run_tool_again(id, running, moved, &success.printed, success.ms);
        let Some(running) = again else { return };
        if let Err(error) = self.make_links(id) {
            self.give_up(error);
        }
        for (path, made) in action.outputs.iter().zip(&success.made) {
            self.files.record(*path, made.signature, made.device, made.blob, made.instant);
        }
        let recorded = match unrecorded {
            Some(why) => Err(why),
            None => self.recorded(id, &running, &success, mentioned),
        };
        let mut report = self.report(id, Outcome::Ran);
        report.ms = success.ms;
        report.printed = success.printed;
        report.remarks.local = self.leftover(id).cloned().or(report.remarks.local);
        match recorded {
            Ok(stamp) => {
                let shared = stored.is_some_and(|stored| self.stored(stored));
                if let Some((digest, put)) = shared.then(|| self.share(id, &stamp)).flatten() {
                    // The stamp says that it is shared, so it waits for that; the next command need not.
                    self.putting.insert(id, Putting { running, stamp, digest, report });
                    let broken = broken("write", self.store.as_ref().and_then(|store| store.place()));
                    let lost = move |error: Option<io::Error>| {
                        let error = error.unwrap_or_else(|| io::Error::other("the build was stopped"));
                        Message::Put(id, Err(broken(error)))
                    };
                    self.hands.give(Work::Put, move || Message::Put(id, put()), lost);
                } else {
                    self.end(id, running, stamp, report);
                }
            }
            Err(why) => {
                report.remarks.unrecorded = Some(why);
                if let Err(error) = self.do_not_remember(id, running) {
                    self.give_up(error);
                }
                self.scheduler.done(id);
                self.finished(report);
            }
        }
    }

    /// A thread has put what a command gave into the store, or could not.
    pub(crate) fn was_put(&mut self, id: ActionId, put: Result<(), StoreError>) {
        let Some(Putting { running, mut stamp, digest, report }) = self.putting.remove(&id) else { return };
        if self.answered(put).is_some() {
            self.used(|used| used.stored += 1);
            stamp.shared = Some(digest);
        }
        self.end(id, running, stamp, report);
    }

    /// Records that a command has succeeded, and settles its action.
    fn end(&mut self, id: ActionId, running: Running, stamp: Stamp, mut report: Report) {
        if let Err(error) = self.remember(id, running, stamp, &mut report.remarks) {
            self.give_up(error);
        }
        self.scheduler.done(id);
        self.finished(report);
    }

    /// Whether an action makes `path`: one of the graph, or a compiler or the like that was left out of it as fresh.
    pub(crate) fn is_made(&self, path: PathId) -> bool {
        self.graph.producer(path).is_some() || self.request.proved.made.contains(&path)
    }

    /// The actions that produce what this one read, without a path of edges from them to it.
    fn undeclared_producers(&mut self, id: ActionId, discovered: &[PathId]) -> Vec<ActionId> {
        let producers = discovered.iter().filter_map(|path| self.graph.producer(*path));
        let mut producers: Vec<ActionId> = producers.filter(|producer| *producer != id).collect();
        producers.sort_unstable();
        producers.dedup();
        producers.retain(|producer| !self.scheduler.is_reachable(*producer, id));
        producers
    }

    /// What the files that the action read mention that no depfile tells; payloads that it names are discovered too.
    fn mentioned(&mut self, action: &Action, success: &mut Success) -> Mentioned {
        let (mut all, mut steps) = (Mentioned::default(), Vec::new());
        if action.discovery.scan {
            self.files.observe(&success.discovered);
            let read: Vec<PathId> = action.inputs.iter().chain(&success.discovered).copied().collect();
            let Self { files, listings, world, .. } = self;
            all = self.scans.mentioned(files, &read, action, world, listings);
            if all.assembly {
                self.files.observe(&success.echoes);
                all.payloads
                    .extend(success.echoes.iter().filter(|path| self.files.content(**path).is_some()));
                all.payloads.retain(|path| !action.inputs.contains(path));
            }
            if action.discovery.assembled_later {
                all.deferred.clone_from(&all.payloads);
            }
        }
        if matches!(action.kind, ActionKind::Link | ActionKind::Archive) {
            let inherited = self.inherited(action, &success.discovered);
            if action.kind == ActionKind::Link {
                steps = stepped::left_for_link(self.files, &inherited.payloads);
            }
            all.payloads.extend(inherited.payloads);
            all.deferred.extend(inherited.deferred);
            if let Some(why) = inherited.unprovable {
                all.unprovable.get_or_insert(why);
            }
        }
        if action.kind == ActionKind::Link {
            self.scripts(action, &success.discovered, &mut all);
        }
        if !all.payloads.is_empty() {
            let read: Vec<PathId> = action.inputs.iter().chain(&success.discovered).copied().collect();
            steps.extend(stepped::payloads(self.files, action, &read, &all.probes));
        }
        for (name, between) in steps {
            self.add_step(&mut success.steps_out, name, between);
        }
        success.discovered.append(&mut all.payloads);
        // Present or absent: it was observed before the command started.
        let maybe = action.discovery.maybe.iter().filter(|path| !action.inputs.contains(path));
        success.discovered.extend(maybe);
        success.discovered.sort_unstable();
        success.discovered.dedup();
        all
    }

    /// What the inputs of a link have left for it to read, the link reads; an archive passes it on.
    pub(crate) fn inherited(&mut self, action: &Action, discovered: &[PathId]) -> Mentioned {
        let mut all = Mentioned::default();
        if !matches!(action.kind, ActionKind::Link | ActionKind::Archive) {
            return all;
        }
        for path in action.inputs.iter().chain(discovered) {
            let Some(producer) = self.graph.producer(*path) else {
                if !self.is_made(*path) {
                    self.thin_archive(*path, action.kind, &mut all);
                }
                continue;
            };
            let maker = self.graph.action(producer);
            let leaves = maker.kind == ActionKind::Archive || maker.discovery.assembled_later;
            let Some(stamp) = self.dir.history.current(self.key(producer)) else {
                // Its result was not recorded, and so neither was what it leaves. (A plan records nothing.)
                if leaves && self.builds() {
                    let why = || format!("what `{}` leaves for the link was not recorded", maker.name);
                    all.unprovable.get_or_insert_with(why);
                }
                continue;
            };
            let left = if action.kind == ActionKind::Link { &mut all.payloads } else { &mut all.deferred };
            left.extend(&stamp.deferred);
            if let Some(why) = stamp.unprovable.as_ref().filter(|_| leaves) {
                all.unprovable.get_or_insert_with(|| why.clone());
            }
        }
        all.deferred.sort_unstable();
        all.deferred.dedup();
        all
    }

    /// Why what the command read is not what was observed before it started (law 4); `None` if it is.
    fn moved_inputs(&mut self, action: &Action, running: &Running, discovered: &[PathId]) -> Option<String> {
        let mut inputs: Vec<PathId> = action.inputs.iter().chain(discovered).copied().collect();
        // What an action of this build made was observed when it was written.
        let observed =
            |path: &PathId| running.observed.contains_key(path) || self.graph.producer(*path).is_some();
        let first_named: Vec<PathId> = inputs.iter().copied().filter(|path| !observed(path)).collect();
        self.files.observe(&first_named);
        let mut ages = Ages::default();
        for path in first_named {
            let age = ages.of(self.files, path, running);
            let shown = || self.files.show(path);
            match age {
                Age::Older => {}
                Age::Young => {
                    return Some(format!("`{}` was changed as the command started or later", shown()));
                }
                Age::Gone => return Some(format!("it says that it read `{}`, which is not there", shown())),
            }
        }
        inputs.extend(action.identity.iter().flat_map(|identity| identity.files.iter().copied()));
        // Who looked again meanwhile may have seen another file than this command.
        let is_another = |path: &PathId| {
            running.observed.get(path).is_some_and(|then| !is_same(then, self.files.seen(*path)))
        };
        let mut moved: Vec<PathId> = inputs.iter().copied().filter(is_another).collect();
        moved.extend(self.files.moved_since_seen(&inputs));
        for path in &moved {
            self.files.forget(*path);
        }
        moved.first().map(|path| format!("`{}` was changed while the command ran", self.files.show(*path)))
    }

    fn remember(
        &mut self,
        id: ActionId,
        running: Running,
        stamp: Stamp,
        remarks: &mut Remarks,
    ) -> Result<(), Error> {
        *remarks = Remarks { local: remarks.local.take(), ..remarks_of(&stamp) };
        let key = self.key(id);
        let outputs = self.output_paths(id);
        let kept = Kept::of(&self.dir.kept(), key, self.files);
        let keeps = kept.keep(running.aside, &outputs, running.worth_keeping);
        self.drop_former_outputs(id);
        if let Some(identity) = &self.graph.action(id).identity {
            self.dir.history.know_identity(identity);
        }
        self.dir.history.succeed(key, stamp, Before::of_current(keeps), self.files)
    }

    /// Deletes what the action wrote when it was last recorded and does not write any more.
    pub(crate) fn drop_former_outputs(&mut self, id: ActionId) {
        let written = self.written(id);
        let Some(before) = self.dir.history.current(self.key(id)) else { return };
        let all = before.outputs.iter().map(|output| output.path).chain(before.links.iter().copied());
        let dropped: Vec<PathId> = all.filter(|path| !written.contains(path)).collect();
        for path in dropped {
            self.remove_output(path);
        }
    }

    /// The result serves this build; the next one knows nothing of it.
    fn do_not_remember(&mut self, id: ActionId, running: Running) -> Result<(), Error> {
        let key = self.key(id);
        let kept = Kept::of(&self.dir.kept(), key, self.files);
        kept.keep(running.aside, &self.output_paths(id), false);
        self.dir.history.forget(key, self.files)?;
        self.dir.history.start(key, &self.graph.action(id).outputs, self.files)
    }

    /// What the command printed, as the stamp keeps it.
    pub(crate) fn named(&self, text: &[u8]) -> Vec<u8> {
        printed::with_names(text, self.files.roots())
    }
}

fn depfile_names(kind: ActionKind, bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let parsed = if kind == ActionKind::Link { depfile::parse_linker(bytes) } else { depfile::parse(bytes) };
    let parsed = parsed.map_err(|error| error.to_string())?;
    Ok(parsed.prerequisites().into_iter().map(<[u8]>::to_vec).collect())
}

/// When an input that a run named for the first time was last changed.
enum Age {
    /// Before the command started, and so were the symbolic links on its path: it is what the command read.
    Older,
    /// As the command started, or later.
    Young,
    /// It is not there (any more), or is no file that can be read.
    Gone,
}

/// Whether two looks saw the same; whether the signature can be believed later is no matter here.
fn is_same(one: &Seen, other: &Seen) -> bool {
    match (one, other) {
        (Seen::File { signature: this, content, .. }, Seen::File { signature: that, content: other, .. }) => {
            this == that && content == other
        }
        _ => one == other,
    }
}

/// The ages of the files that one command named: each directory on the way to one is looked at once.
#[derive(Default)]
struct Ages {
    /// When the newest symbolic link on the way to a directory was changed, the directory itself included.
    links: FxHashMap<PathBuf, Option<FileTime>>,
}

impl Ages {
    fn of(&mut self, files: &Files, path: PathId, running: &Running) -> Age {
        let Seen::File { signature, .. } = files.seen(path) else { return Age::Gone };
        let absolute = files.abs(path);
        let (Ok(own), Ok(above)) = (disk::own(&absolute), self.above(&absolute)) else { return Age::Gone };
        // What a link leads to may be on another file system.
        let device = if own.link.is_some() { disk::device(&absolute) } else { Some(own.device) };
        if running.before.is_younger(device.unwrap_or(u64::MAX), signature) {
            return Age::Young;
        }
        match above.max(own.link) {
            Some(changed)
                if changed.0.saturating_add(running.before.granularity) >= running.before.time.0 =>
            {
                Age::Young
            }
            _ => Age::Older,
        }
    }

    /// The newest change of the links on the way to `path`, without its last component.
    fn above(&mut self, path: &Path) -> std::io::Result<Option<FileTime>> {
        let Some(dir) = path.parent().filter(|dir| dir.parent().is_some()) else { return Ok(None) };
        if let Some(known) = self.links.get(dir) {
            return Ok(*known);
        }
        let newest = self.above(dir)?.max(disk::own(dir)?.link);
        self.links.insert(dir.to_path_buf(), newest);
        Ok(newest)
    }
}
