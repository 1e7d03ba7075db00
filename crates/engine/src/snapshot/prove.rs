//! Whether everything is still as a snapshot says: then nothing is to be done.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rekindle_fingerprint::consult::{self, Answer, Names, Question};
use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::files::Cost;
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_fingerprint::signature::{Instant, Signature};
use rekindle_fingerprint::sweep::{Base, Look, Table, hash_all, sweep};
use rustc_hash::FxHashMap;

use super::draft::Draft;
use super::image::Image;
use super::layout::Kind;
use super::terms::{self, Asked, Kept};
use super::{Caller, Held, Part, Proof};
use crate::build_dir::OWN;
use crate::error::Error;
use crate::event::{Counts, Summary};

/// So many directories are listed again by each build rather than the snapshot written anew: where other tools write beside
/// what is searched, that would be done for ever.
const FEW: usize = 16;

/// What is there now, of a path that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Now {
    /// Another signature, and the content that it had; whether the signature is racy.
    Touched(Signature, bool),
    /// This content; whether the signature is racy.
    Changed(Signature, Blob, bool),
    /// Nothing.
    Gone,
    /// Something that is no file, or cannot be read.
    Other,
}

/// The roots as a snapshot numbers them.
pub(super) struct Placed {
    /// All roots, those of the caller first.
    pub(super) roots: Roots,
    /// For each root of the snapshot, which one it is.
    pub(super) ids: Vec<RootId>,
}

impl Placed {
    /// Where the roots of `image` lie for this caller; none if that cannot be.
    pub(super) fn of(image: &Image, caller: &Caller<'_>) -> Option<Self> {
        let mut roots = caller.roots.clone();
        let mut ids = Vec::with_capacity(image.terms.roots.len());
        for term in &image.terms.roots {
            ids.push(match term.root(caller.roots) {
                Some(root) => roots.add(root).ok()?,
                None => roots.reserve(&term.name),
            });
        }
        Some(Self { roots, ids })
    }

    pub(super) fn absolute(&self, image: &Image, number: u32) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStrExt;
        let record = image.path_record(number)?;
        let root = self.roots.get(*self.ids.get(usize::from(record.root))?);
        let text = std::ffi::OsStr::from_bytes(image.text_of(number)?);
        root.is_placed().then(|| if text.is_empty() { root.path.clone() } else { root.path.join(text) })
    }
}

/// Proves from the snapshot at `path` that nothing is to be done, or finds out what has changed.
pub(super) fn prove(
    path: &Path,
    clock: &dyn Fn() -> Result<Instant, Error>,
    caller: &Caller<'_>,
) -> Result<Proof, Error> {
    let Some(image) = Image::open(path) else { return Ok(Proof::Fails) };
    let Some(placed) = Placed::of(&image, caller).filter(|placed| holds(&image, placed, caller)) else {
        return Ok(Proof::Fails);
    };
    let bases: Vec<Base> = placed
        .ids
        .iter()
        .map(|id| placed.roots.get(*id))
        .map(|root| Base::open(if root.is_placed() { &root.path } else { Path::new("/dev/null") }))
        .collect();
    let different = sweep(&bases, &image);
    let Ok(asked) = image.asked() else { return Ok(Proof::Fails) };
    let Some(relisted) = answers(&image, &placed, &asked) else { return Ok(Proof::Fails) };
    let mut cost = Cost { signed: image.len() as u64, ..Cost::default() };
    if different.is_empty() && relisted.len() <= FEW {
        return Ok(Proof::Holds(Box::new(held(&image, &placed, &FxHashMap::default(), cost))));
    }
    if image.verify_all().is_err() {
        return Ok(Proof::Fails);
    }
    let now = look_closer(&image, &placed, &different, clock()?, &mut cost);
    let changed = |now: &Now| !matches!(now, Now::Touched(..));
    let lowers = |number: u32| image.path_record(number).is_none_or(|record| record.lowers);
    if now.iter().any(|(number, now)| changed(now) && lowers(*number)) {
        return Ok(Proof::Fails);
    }
    let relisted = relist(&placed, &image, &asked, relisted, clock()?);
    let leaves = image.terms.left > 0;
    let part = Part { image, placed, now, relisted, cost };
    if part.is_nothing() {
        let Ok(draft) = part.draft() else { return Ok(Proof::Fails) };
        // If it cannot be written, the next build reads the same files again.
        let _ = draft.write(path);
        return Ok(Proof::Holds(Box::new(held(&part.image, &part.placed, &part.now, part.cost))));
    }
    // What a part of the actions reads may have to be taken out of the store, and stamps alone tell what that is.
    Ok(if leaves { Proof::Fails } else { Proof::Part(Box::new(part)) })
}

/// Whether the roots lie where they did.
pub(super) fn is_of_here(image: &Image, caller: &Caller<'_>) -> bool {
    Placed::of(image, caller).is_some_and(|placed| terms::places(&placed.roots) == image.terms.places)
}

/// Whether what is known without the disk is as it was.
fn holds(image: &Image, placed: &Placed, caller: &Caller<'_>) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let terms = &image.terms;
    let variable = |name: &[u8]| (caller.variable)(std::ffi::OsStr::from_bytes(name));
    terms.request == caller.request
        && terms.variables.iter().all(|(name, then)| variable(name).as_deref().map(terms::value) == *then)
        && terms.processor.is_none_or(|then| (caller.processor)() == then)
        && terms::places(&placed.roots) == terms.places
}

/// Asks everything again that was asked besides the content of files. Gives the directories that have another signature
/// and the same names; none if an answer is another one.
fn answers(image: &Image, placed: &Placed, asked: &[Asked]) -> Option<Vec<usize>> {
    let wrong = AtomicBool::new(false);
    let again: Vec<Option<Again>> = asked
        .par_iter()
        .with_max_len(32)
        .map(|asked| {
            if wrong.load(Ordering::Relaxed) {
                return None;
            }
            let again = again(image, placed, asked);
            if again.is_none() {
                wrong.store(true, Ordering::Relaxed);
            }
            again
        })
        .collect();
    let mut relisted = Vec::new();
    let mut directories: FxHashMap<u32, (u64, u64)> = FxHashMap::default();
    let mut numbers: FxHashMap<(u64, u64), u32> = FxHashMap::default();
    for (at, (asked, again)) in asked.iter().zip(again).enumerate() {
        match (again?, &asked.answer) {
            (Again::Same, _) => {}
            (Again::Relisted, _) => relisted.push(at),
            (Again::Directory(device, inode), Kept::Identity(number)) => {
                let here = (device, inode);
                let same = *directories.entry(*number).or_insert(here) == here
                    && *numbers.entry(here).or_insert(*number) == *number;
                if !same {
                    return None;
                }
            }
            (Again::Directory(..), _) => return None,
        }
    }
    Some(relisted)
}

/// What asking again came to.
enum Again {
    Same,
    /// The same names in a directory that was changed.
    Relisted,
    /// The directory is this one.
    Directory(u64, u64),
}

fn again(image: &Image, placed: &Placed, asked: &Asked) -> Option<Again> {
    let path = placed.absolute(image, asked.path)?;
    if let Kept::Plain(Answer::Names(Names { signature: Some(then), .. })) = &asked.answer
        && disk::directory_signature(&path) == Some(*then)
    {
        return Some(Again::Same);
    }
    let now = ask(&path, asked.question, &placed.roots.get(Roots::BUILD).path);
    match (&asked.answer, now) {
        (Kept::Plain(then), now @ Answer::Names(..)) => then.agrees(&now).then_some(Again::Relisted),
        (Kept::Plain(then), now) => then.agrees(&now).then_some(Again::Same),
        (Kept::Path(then), Answer::Path(now)) => (then.absolute(&placed.roots) == now).then_some(Again::Same),
        (Kept::Identity(_), Answer::Identity(device, inode)) => Some(Again::Directory(device, inode)),
        _ => None,
    }
}

/// Asks the disk. What is ours in the build directory at `build` comes and goes, and nobody else searches for it.
pub(super) fn ask(path: &Path, question: Question, build: &Path) -> Answer {
    if question != Question::Names || path != build {
        return consult::ask(path, question);
    }
    let (names, signature) = disk::names_signed(path);
    let Ok(mut names) = names else { return Answer::Refused };
    names.retain(|name| !name.name.to_str().is_some_and(|name| OWN.contains(&name)));
    Answer::Names(Names::of(&names, signature))
}

/// Reads the files whose signature is another one.
fn look_closer(
    image: &Image,
    placed: &Placed,
    different: &[(usize, Look)],
    instant: Instant,
    cost: &mut Cost,
) -> FxHashMap<u32, Now> {
    let mut found = FxHashMap::default();
    let mut read = Vec::new();
    let mut paths = Vec::new();
    for (at, look) in different {
        let Some(number) = image.order(*at) else { continue };
        match (look, placed.absolute(image, number)) {
            (Look::Absent, _) => drop(found.insert(number, Now::Gone)),
            (Look::File(signature, device), Some(path)) => {
                read.push((number, *signature, instant.makes_racy(*device, signature)));
                paths.push(path);
            }
            _ => drop(found.insert(number, Now::Other)),
        }
    }
    for ((number, signature, racy), blob) in read.into_iter().zip(hash_all(&paths)) {
        cost.hashed += 1;
        cost.hashed_bytes += blob.map_or(0, |blob| blob.size);
        let now = match blob {
            Some(blob) if is_what_it_was(image, number, signature, blob) => Now::Touched(signature, racy),
            Some(blob) => Now::Changed(signature, blob, racy),
            None => Now::Other,
        };
        found.insert(number, now);
    }
    found
}

fn is_what_it_was(image: &Image, number: u32, signature: Signature, blob: Blob) -> bool {
    let was_file = image.path_record(number).is_some_and(|path| matches!(path.kind, Kind::File | Kind::Racy));
    let state = image.state(number).filter(|_| was_file);
    state.is_some_and(|state| {
        image.content(state.content) == Some(blob) && state.signature.executable() == signature.executable()
    })
}

/// How many bytes of what an action reads and writes were read to see what they are now.
pub(super) fn read_of(image: &Image, action: u32, now: &FxHashMap<u32, Now>) -> u64 {
    let Some(action) = image.action(action as usize).filter(|_| !now.is_empty()) else { return 0 };
    let size = |path: u32| match now.get(&path) {
        Some(Now::Touched(signature, _)) => signature.size,
        Some(Now::Changed(_, blob, _)) => blob.size,
        _ => 0,
    };
    image.list(&action).map(size).fold(0, u64::saturating_add)
}

fn held(image: &Image, placed: &Placed, now: &FxHashMap<u32, Now>, cost: Cost) -> Held {
    let mut summary = Summary { files: cost, ..Summary::default() };
    for (kind, count) in summary.kinds.iter_mut().zip(image.terms.kinds) {
        *kind = Counts { fresh: count, ..Counts::default() };
        summary.actions.fresh += count;
    }
    summary.total = summary.actions.fresh;
    (summary.volatile, summary.local) = (image.terms.volatile, image.terms.local);
    summary.left = image.terms.left;
    for (why, tools, count) in &image.terms.bound {
        summary.bound += count;
        if !tools && *count > 0 {
            *summary.bound_by.entry(why.clone()).or_default() += count;
        }
    }
    let replays = image.replays().unwrap_or_default();
    let reports =
        replays.iter().map(|replay| replay.report(&placed.roots, read_of(image, replay.action, now)));
    let super::terms::Terms { build, note, .. } = &image.terms;
    Held { summary, reports: reports.collect(), build: *build, note: note.clone() }
}

/// Lists directories again that had been changed and have the same names: behind an instant, so that a signature is only
/// believed if a later change would show in it.
fn relist(
    placed: &Placed,
    image: &Image,
    asked: &[Asked],
    changed: Vec<usize>,
    instant: Instant,
) -> Vec<(usize, Option<Signature>)> {
    let build = &placed.roots.get(Roots::BUILD).path;
    let signature = |at: usize| {
        let asked = asked.get(at)?;
        let path = placed.absolute(image, asked.path)?;
        let now = ask(&path, asked.question, build);
        let Kept::Plain(then) = &asked.answer else { return None };
        match now {
            Answer::Names(Names { signature, .. }) if then.agrees(&now) => {
                believed(&path, signature, instant)
            }
            _ => None,
        }
    };
    changed.into_iter().map(|at| (at, signature(at))).collect()
}

/// The signature of a directory that was listed behind `instant`, if a later change would show in it.
pub(super) fn believed(path: &Path, signature: Option<Signature>, instant: Instant) -> Option<Signature> {
    let device = disk::device(path)?;
    signature.filter(|signature| !instant.makes_racy(device, signature))
}

/// Takes listings that were found to be the same into a draft.
pub(super) fn take_listings(draft: &mut Draft, relisted: &[(usize, Option<Signature>)]) {
    for (at, signature) in relisted {
        if let Some(Asked { question: Question::Names, answer: Kept::Plain(Answer::Names(then)), .. }) =
            draft.asked.get_mut(*at)
        {
            then.signature = *signature;
        }
    }
}
