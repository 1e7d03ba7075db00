//! The snapshot: a file by which the next build finds out that nothing is to be done without reading the manifest, the
//! journal or anything else, and by which one that has something to do finds the few actions that matter.
//!
//! It is written when a build has ended in which everything that was wanted is fresh. It holds a *proof*: everything on
//! which that verdict depends, and what each of it was. That is
//!
//! * what the caller said (a digest: version, profile, targets, options, environment), and where the roots lie;
//! * every answer that the disk gave to loading, finding toolchains, lowering and searching
//!   ([`rekindle_fingerprint::consult`]);
//! * every file that an action reads or writes, or that a toolchain is made of: its signature and content, or that it
//!   is not there;
//! * for each action, which of these files are its own.
//!
//! While all of that holds, every stamp would be judged fresh, so nothing is judged ([`prove`], [`Proof::Holds`]). A file
//! whose signature is another one is read; its content counts. If only files of actions have changed, the actions that
//! read them, and those behind these, are named ([`Proof::Part`]): the caller lowers those, and what makes their inputs,
//! from the project's own files, and builds that small graph. No command is ever run because a snapshot says so. If
//! anything else has changed, the snapshot is worth nothing ([`Proof::Fails`]).
//!
//! Stamps are not in it: they are the journal's. A proof stays true whatever happens to those, since it says which
//! contents belong together, not what was done last. The format is described in `docs/format/snapshot.md`.

mod draft;
mod image;
mod layout;
mod looked;
mod map;
mod part;
pub mod portable;
mod prove;
mod terms;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult::{self, Answer, Names, Question, Record};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::files::{Files, PathId, Seen};
use rekindle_fingerprint::lookup::{Outputs, World as _};
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_fingerprint::signature::Instant;
use rekindle_scheduler::Graph;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::build_dir::OWN;
use crate::error::{At, Error};
use crate::event::{BuildOutcome, Report, Summary};
use crate::history::History;
use crate::left::Lying;
use draft::Draft;
use image::Image;
use portable::{Checked, Portable, Travel};
use terms::{Asked, Kept, Place, RootTerm, Terms};

pub use looked::Looked;
pub use part::{Adopted, Part, Proved};

/// The directory of snapshots in a build directory: one for each request that was made lately.
const DIRECTORY: &str = "snapshots";
/// How many there are at most.
const MOST: usize = 8;

/// Where the snapshot for a request lies.
pub fn place(build: &Path, request: &Digest) -> PathBuf {
    build.join(DIRECTORY).join(&request.hex()[..16])
}

/// What the caller knows without reading the project.
pub struct Caller<'a> {
    /// The digest of all that it says a build depends on.
    pub request: Digest,
    /// The roots that it knows.
    pub roots: &'a Roots,
    /// What the environment says.
    pub variable: &'a dyn Fn(&OsStr) -> Option<OsString>,
    /// The digest of this machine's processor.
    pub processor: &'a dyn Fn() -> Digest,
}

/// What a snapshot says of now.
pub enum Proof {
    /// Everything is as it was.
    Holds(Box<Held>),
    /// Some files of actions are not.
    Part(Box<Part>),
    /// Something is not on which everything depends, or there is no snapshot.
    Fails,
}

/// A build in which nothing is to be done.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its account.
    pub summary: Summary,
    /// What fresh actions have to say.
    pub reports: Vec<Report>,
    /// The name of the build's record in the store, if there is one.
    pub build: Option<Digest>,
    /// What the caller gave with the snapshot.
    pub note: Vec<u8>,
}

/// Proves from the snapshot of the build directory at `build` that nothing is to be done, or finds out what has changed.
/// `clock` is the file system's (see [`crate::marker`]).
///
/// # Errors
/// A snapshot that needs to be written anew, because files were touched, cannot be.
pub fn prove(
    build: &Path,
    clock: &dyn Fn() -> Result<Instant, Error>,
    caller: &Caller<'_>,
) -> Result<Proof, Error> {
    prove::prove(&place(build, &caller.request), clock, caller)
}

/// Whether the snapshot for a request, which does not hold, is of this place: then what differs is no matter of places.
pub fn is_of_here(build: &Path, caller: &Caller<'_>) -> bool {
    Image::open(&place(build, &caller.request)).is_some_and(|image| prove::is_of_here(&image, caller))
}

/// Removes the snapshot for a request, which is not true any more.
pub fn remove(build: &Path, request: &Digest) {
    let _ = std::fs::remove_file(place(build, request));
}

/// The snapshots of the build directory at `build`. What lies there otherwise, of whoever made it, is none of them.
fn all(build: &Path) -> Vec<PathBuf> {
    all_in(&build.join(DIRECTORY))
}

/// The files in a directory of ours that are called as those for requests are.
fn all_in(directory: &Path) -> Vec<PathBuf> {
    if !std::fs::symlink_metadata(directory).is_ok_and(|meta| meta.is_dir()) {
        return Vec::new();
    }
    let is_name = |name: &str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.filter(|entry| entry.file_name().to_str().is_some_and(is_name)).map(|entry| entry.path()).collect()
}

/// Sees to it that a directory of ours is one.
fn own_directory(directory: &Path) -> Result<(), Error> {
    match std::fs::symlink_metadata(directory) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => std::fs::remove_file(directory).at("remove", directory)?,
        Err(_) => {}
    }
    std::fs::create_dir_all(directory).at("create", directory)
}

/// Makes room for one more at `place`: the oldest go, and those that know of other actions than those named by `keys`.
fn make_room(build: &Path, place: &Path, keys: &Digest) -> Result<(), Error> {
    own_directory(&build.join(DIRECTORY))?;
    let mut others = Vec::new();
    for path in all(build) {
        if path == place {
            continue;
        }
        if Image::open(&path).is_none_or(|image| image.terms.keys != *keys) {
            let _ = std::fs::remove_file(path);
        } else {
            let changed = std::fs::symlink_metadata(&path).and_then(|meta| meta.modified()).ok();
            others.push((changed, path));
        }
    }
    others.sort();
    let over = others.len().saturating_sub(MOST - 1);
    for (_, path) in others.into_iter().take(over) {
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// What a snapshot is made of besides what the build directory knows.
pub struct Claims {
    /// See [`Caller::request`].
    pub request: Digest,
    /// The names of the roots that the caller will know.
    pub known_roots: Vec<String>,
    /// What lowering asked the environment for.
    pub variables: BTreeMap<OsString, Option<OsString>>,
    /// The name of the build's record in the store, if there is one.
    pub build: Option<Digest>,
    /// What the caller wants back.
    pub note: Vec<u8>,
    /// What loading and lowering looked at.
    pub looked: Looked,
    /// What finding the toolchains looked at.
    pub tools: Looked,
    /// What judging asked of the disk.
    pub judged: Record,
}

/// What was built.
pub struct Built<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// What was wanted of it.
    pub outputs: &'a [PathId],
    /// What was seen.
    pub files: &'a mut Files,
    /// The stamps.
    pub history: &'a History,
    /// The account.
    pub summary: &'a Summary,
}

/// Writes the snapshot of a build that has ended, and, if the caller says what that takes (`travel`), a portable proof,
/// which is given back. No snapshot is written if nothing was proved: an action failed, or its result was not recorded, or
/// something was changed meanwhile.
///
/// # Errors
/// One of the two cannot be written.
pub fn keep(
    build: &Path,
    built: Built<'_>,
    claims: Claims,
    travel: Option<&Travel>,
    clock: Instant,
) -> Result<Option<Portable>, Error> {
    let mut keeper = Keeper::new(build, built, &claims, clock);
    let mut outputs = portable::Outputs::new();
    let kept = !claims.looked.is_torn_from(&claims.tools)
        && keeper.actions(&FxHashMap::default(), Some(&mut outputs))
        && keeper.looked(&claims.looked)
        && keeper.asked(&claims.judged, false);
    if !kept {
        return Ok(None);
    }
    // What comes after this is no affair of a proof elsewhere: toolchains are found anew there.
    let proof = travel.and_then(|travel| {
        keeper.draft.count();
        let made = keeper.directories_that_are_made();
        let made = |dir: &[u8]| made.contains(dir);
        outputs.proof(&keeper.draft, keeper.built.files.roots(), travel, &made)
    });
    if !keeper.looked(&claims.tools) {
        return Ok(None);
    }
    keeper.write()?;
    match (&proof, travel) {
        (Some(proof), _) => proof.keep(build)?,
        (None, Some(travel)) => portable::remove(build, &travel.request),
        (None, None) => {}
    }
    Ok(proof)
}

/// Writes the snapshot that follows from a portable proof which holds here.
///
/// # Errors
/// It cannot be written.
pub fn settle(
    build: &Path,
    checked: &Checked,
    built: Built<'_>,
    claims: &Claims,
    clock: Instant,
) -> Result<(), Error> {
    let mut keeper = Keeper::new(build, built, claims, clock);
    let torn = claims.looked.is_torn_from(&claims.tools);
    let looked = !torn && keeper.looked(&claims.looked) && keeper.looked(&claims.tools);
    if looked && keeper.proved(checked) {
        keeper.write()?;
    }
    Ok(())
}

/// Writes the snapshot that follows from `part` and what was built of it; `record` is the name of the build's record in the
/// store. None is left if something changed while that was built: an action that was left out may have to run for it.
/// Tells whether that is so.
///
/// # Errors
/// It cannot be written.
pub fn renew(
    build: &Path,
    part: &Part,
    adopted: &Adopted,
    built: Built<'_>,
    judged: &Record,
    record: Option<Digest>,
    clock: Instant,
) -> Result<bool, Error> {
    let Ok(mut draft) = part.draft() else { return Ok(false) };
    for (id, number) in &adopted.numbers {
        draft.knows(*id, *number);
    }
    draft.terms.build = record;
    for (path, _) in built.graph.produced() {
        draft.makes(path, built.files);
    }
    let identities = part.identities();
    // Two directories with one number make a snapshot that does not hold.
    let next_identity = identities.values().max().map_or(0, |most| most.saturating_add(1));
    let mut keeper = Keeper { build, built, draft, clock, world: None, identities, next_identity };
    let kept = keeper.actions(&adopted.actions, None) && keeper.asked(judged, false);
    let (torn, kept) = (keeper.draft.torn, kept && !keeper.draft.torn);
    let place = place(build, &keeper.draft.terms.request);
    if kept {
        keeper.draft.write(&place)?;
    } else if keeper.built.summary.outcome == BuildOutcome::Ok {
        // The next build finds out what is the matter.
        let _ = std::fs::remove_file(place);
    }
    Ok(torn)
}

/// Makes a snapshot of what was built.
struct Keeper<'a> {
    build: &'a Path,
    built: Built<'a>,
    draft: Draft,
    clock: Instant,
    /// What the graph makes, once that is asked.
    world: Option<Outputs>,
    /// The numbers of directories, and the next one.
    identities: FxHashMap<(u64, u64), u32>,
    next_identity: u32,
}

impl<'a> Keeper<'a> {
    /// One that knows no action yet.
    fn new(build: &'a Path, built: Built<'a>, claims: &Claims, clock: Instant) -> Self {
        let value = |value: &Option<OsString>| value.as_deref().map(terms::value);
        let variables = claims.variables.iter();
        let terms = Terms {
            request: claims.request,
            roots: Vec::new(),
            variables: variables.map(|(name, given)| (name.as_bytes().to_vec(), value(given))).collect(),
            processor: None,
            places: terms::places(built.files.roots()),
            keys: terms::keys(built.history.keys(), built.files),
            kinds: Default::default(),
            bound: Vec::new(),
            volatile: 0,
            local: 0,
            left: 0,
            build: claims.build,
            journal: built.history.length(),
            note: claims.note.clone(),
        };
        let mut draft = Draft::new(terms);
        for (id, root) in built.files.roots().iter() {
            let known = id.0 < 3 || claims.known_roots.contains(&root.name);
            draft.terms.roots.push(RootTerm::of(root, built.files.roots(), known));
        }
        let identities = FxHashMap::default();
        Self { build, built, draft, clock, world: None, identities, next_identity: 0 }
    }

    /// Writes the snapshot.
    fn write(self) -> Result<(), Error> {
        let place = place(self.build, &self.draft.terms.request);
        make_room(self.build, &place, &self.draft.terms.keys)?;
        self.draft.write(&place)
    }

    /// Takes in every action, also for a portable proof; `known` says which number it had. `false` if not all of them are
    /// fresh.
    fn actions(
        &mut self,
        known: &FxHashMap<PathId, usize>,
        mut travelling: Option<&mut portable::Outputs>,
    ) -> bool {
        let Built { graph, outputs, files, history, summary } = &mut self.built;
        let lying = travelling.as_ref().map(|_| Lying::of(graph, outputs));
        if summary.outcome != BuildOutcome::Ok || summary.unrecorded > 0 || summary.actions.would_run > 0 {
            return false;
        }
        for id in graph.wanted(outputs) {
            let action = graph.action(id);
            let Some(stamp) = action.outputs.first().and_then(|key| history.current(*key)) else {
                return false;
            };
            self.draft.terms.left += u64::from(stamp.left);
            let number = action.outputs.first().and_then(|key| known.get(key)).copied();
            if !self.draft.action(number, action, stamp, files) {
                return false;
            }
            if let (Some(travelling), Some(lying)) = (&mut travelling, &lying) {
                travelling.take(action, stamp, lying.has(graph, id), &mut self.draft, files);
            }
            let parts = action.identity.iter().flat_map(|identity| &identity.parts);
            if let Some(processor) = parts.into_iter().find(|part| part.name == rekindle_toolchain::PROCESSOR)
            {
                self.draft.terms.processor = Some(processor.digest);
            }
            for (link, target) in &action.links {
                let answer = consult::ask(&files.abs(*link), Question::Target);
                if answer != Answer::Path(target.clone()) {
                    return false;
                }
                let path = self.draft.path(*link, files);
                self.draft.ask(Asked { path, question: Question::Target, answer: Kept::Plain(answer) });
            }
        }
        true
    }

    /// Takes in what lowering looked at.
    fn looked(&mut self, looked: &Looked) -> bool {
        for id in &looked.files {
            let number = self.draft.path(*id, self.built.files);
            match self.built.files.seen(*id) {
                Seen::File { .. } | Seen::Absent | Seen::Left { .. } => {
                    self.draft.see(*id, self.built.files);
                    self.draft.lowers(number);
                }
                Seen::Directory => {
                    let (question, answer) = (Question::What, Kept::Plain(Answer::Directory));
                    self.draft.ask(Asked { path: number, question, answer });
                }
                Seen::Unknown | Seen::Unreadable(_) => return false,
            }
        }
        looked.records.iter().all(|record| self.asked(record, true))
    }

    /// Takes in what was asked of the disk; `false` if an answer is another one by now. In the build directory, commands
    /// may have changed it since by making what the graph says: that counted as there when it was searched.
    fn asked(&mut self, record: &Record, lowering: bool) -> bool {
        if record.is_torn() {
            return false;
        }
        let mut all: Vec<(&Path, Question, &Answer)> = record.iter().collect();
        all.sort_unstable_by_key(|(path, question, _)| (*path, *question));
        for (path, question, answer) in all {
            if !path.is_absolute() {
                return false;
            }
            let is_ours = path.starts_with(self.build);
            let answer = match (question, answer) {
                (Question::Content, Answer::Content(blob)) => {
                    let id = self.built.files.path_abs(path);
                    self.built.files.observe(&[id]);
                    let content = self.built.files.content(id).map(|content| self.built.files.blob(content));
                    if content != Some(*blob) || !self.draft.see(id, self.built.files) {
                        return false;
                    }
                    let number = self.draft.path(id, self.built.files);
                    self.draft.lowers(number);
                    continue;
                }
                (Question::Names, Answer::Names(names))
                    if path != self.build && record.is_unchanged(path, names) =>
                {
                    answer.clone()
                }
                (Question::Names, _) => match self.listed(path, answer, is_ours && !lowering) {
                    Some(answer) => answer,
                    None => return false,
                },
                _ if is_ours => {
                    let now = consult::ask(path, question);
                    if !(now.agrees(answer) || !lowering && self.is_made(path, &now)) {
                        return false;
                    }
                    now
                }
                _ => answer.clone(),
            };
            self.ask(path, question, answer);
        }
        true
    }

    /// Whether an action of the graph makes what lies at `path` now: a file, or a directory for files.
    fn is_made(&mut self, path: &Path, now: &Answer) -> bool {
        let id = self.path_of(path);
        match now {
            Answer::File(_) => self.built.graph.producer(id).is_some(),
            Answer::Directory | Answer::Path(_) => !self.world().outputs_in(id).is_empty(),
            // A directory that is searched under another name too is another matter.
            Answer::Identity(device, inode) => {
                !self.identities.contains_key(&(*device, *inode)) && !self.world().outputs_in(id).is_empty()
            }
            _ => false,
        }
    }

    /// What the graph makes.
    fn world(&mut self) -> &Outputs {
        let Built { graph, files, .. } = &mut self.built;
        self.world.get_or_insert_with(|| Outputs::of(files, graph.produced().map(|(path, _)| path)))
    }

    /// The listing of a directory as it is now, which must be what it was, unless it `may_differ` in what the graph
    /// makes. Its signature is kept only if a later change would show in it.
    fn listed(&mut self, path: &Path, then: &Answer, may_differ: bool) -> Option<Answer> {
        // What is kept is listed first, so that nothing can come between it and the comparison.
        let now = prove::ask(path, Question::Names, self.build);
        let same = consult::ask(path, Question::Names).agrees(then);
        if !(same || may_differ && self.holds_only_what_is_made(path)) {
            return None;
        }
        Some(match now {
            Answer::Names(names) => {
                let signature = prove::believed(path, names.signature, self.clock);
                Answer::Names(Names { signature, ..names })
            }
            other => other,
        })
    }

    /// The directories of the build directory that were listed, and in which everything is of the graph's making.
    fn directories_that_are_made(&mut self) -> FxHashSet<Vec<u8>> {
        let listed = self.draft.asked.iter().filter(|asked| asked.question == Question::Names);
        let build = |asked: &Asked| {
            let (root, rel) = self.draft.place_of(asked.path);
            let is_build =
                self.draft.terms.roots.get(usize::from(root)).is_some_and(|root| root.name == "build");
            is_build.then(|| rel.to_vec())
        };
        let listed: Vec<Vec<u8>> = listed.filter_map(build).collect();
        let is_made = |rel: &Vec<u8>| {
            let rel = Path::new(OsStr::from_bytes(rel));
            let path =
                if rel.as_os_str().is_empty() { self.build.to_path_buf() } else { self.build.join(rel) };
            self.holds_only_what_is_made(&path)
        };
        listed.into_iter().filter(is_made).collect()
    }

    /// Whether everything in a directory is of the graph's making.
    fn holds_only_what_is_made(&mut self, path: &Path) -> bool {
        let dir = self.path_of(path);
        let build = self.build;
        let made = self.world().outputs_in(dir);
        let Ok(names) = disk::names(path) else { return false };
        let is_made = |name: &disk::Name| {
            let ours = path == build && name.name.to_str().is_some_and(|name| OWN.contains(&name));
            ours || made.iter().any(|made| **made == *name.name.as_bytes())
        };
        names.iter().all(is_made)
    }

    fn ask(&mut self, path: &Path, question: Question, answer: Answer) {
        let roots = self.built.files.roots();
        let answer = match answer {
            Answer::Path(path) if question == Question::Canonical => Kept::Path(Place::of(&path, roots)),
            Answer::Identity(device, inode) => Kept::Identity(self.identity(device, inode)),
            answer => Kept::Plain(answer),
        };
        let id = self.path_of(path);
        let path = self.draft.path(id, self.built.files);
        let asked = Asked { path, question, answer };
        self.draft.ask(asked);
    }

    /// The number of a directory.
    fn identity(&mut self, device: u64, inode: u64) -> u32 {
        let next = self.next_identity;
        let number = *self.identities.entry((device, inode)).or_insert(next);
        self.next_identity = next.max(number.saturating_add(1));
        number
    }

    /// The path as it was asked for, links and all.
    fn path_of(&mut self, path: &Path) -> PathId {
        let (root, rel) = self.built.files.roots().locate(path);
        let leads_out = rel.starts_with("..");
        let (root, rel): (RootId, PathBuf) = match path.strip_prefix("/") {
            Ok(whole) if leads_out => (Roots::OUTSIDE, whole.into()),
            _ => (root, rel.into()),
        };
        self.built.files.path(root, rel)
    }
}
