//! Whether everything is here as a portable proof says.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path as FsPath, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rekindle_fingerprint::consult::{Answer, Question};
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::files::Cost;
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_fingerprint::signature::{Instant, Signature};
use rekindle_fingerprint::stamp::places_digest;
use rekindle_fingerprint::sweep::{Base, Known, Read, Table, read};
use rekindle_store::Build;
use rustc_hash::FxHashMap;

use super::super::{prove, terms};
use super::make::said;
use super::{Asked, Path, Paths, Portable, Said, arrangement, held, is_ours};
use crate::event::{Counts, Outcome, Report, Summary};

/// What is to be proved, and where.
pub struct Here<'a> {
    /// The digest of all that the caller says a build depends on, portably.
    pub request: Digest,
    /// The digest of what the toolchains are.
    pub toolchains: Digest,
    /// All roots; those of toolchains are placed.
    pub roots: &'a Roots,
    /// What the environment says.
    pub variable: &'a dyn Fn(&OsStr) -> Option<OsString>,
    /// The digest of this machine's processor.
    pub processor: &'a dyn Fn() -> Digest,
    /// The clock of the build directory's file system, from just now.
    pub instant: Instant,
    /// What lies in the build directory.
    pub way: Way,
}

/// What is to lie in a build directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All outputs.
    Full,
    /// Nothing yet: what was asked for is taken out of a store.
    Empty,
}

/// What came of it.
pub enum Found {
    /// All is as the proof says.
    Holds(Box<Checked>),
    /// Something is not; what was read all the same.
    Fails(Vec<SeenThere>),
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct SeenThere {
    /// The root that it lies in.
    pub root: RootId,
    /// Its path below that.
    pub rel: PathBuf,
    /// What it was before it was read.
    pub signature: Signature,
    /// Where it lies.
    pub device: u64,
    /// What is in it.
    pub blob: Blob,
}

/// A proof that holds here.
pub struct Checked {
    pub(super) proof: Portable,
    /// The roots by the proof's numbers.
    pub(super) ids: Vec<RootId>,
    /// What lies at the inputs, and at the outputs that lie at their places: these by their number.
    pub(super) inputs: Vec<Read>,
    pub(super) outputs: Vec<(u32, Read)>,
    /// What was said when asked again.
    pub(super) answers: Vec<Answer>,
    pub(super) way: Way,
    cost: Cost,
}

impl Portable {
    /// Whether this can hold here, as far as that is known without the disk; if so, the roots by their numbers.
    fn places(&self, here: &Here<'_>) -> Option<Vec<RootId>> {
        let terms = &self.terms;
        let roots = here.roots;
        let variable = |name: &[u8]| (here.variable)(OsStr::from_bytes(name)).as_deref().map(terms::value);
        let lies = |(names, places): &(Vec<String>, Digest)| {
            let names: Vec<Box<str>> = names.iter().map(|name| name.as_str().into()).collect();
            places_digest(roots, &names) == *places
        };
        let holds = terms.request == here.request
            && terms.toolchains == here.toolchains
            && (terms.in_store || here.way == Way::Full)
            && terms.variables.iter().all(|(name, then)| variable(name) == *then)
            && terms.places.is_none_or(|then| terms::places(roots) == then)
            && terms.arrangement == arrangement(roots)
            && terms.bound_to.iter().all(lies)
            && terms.processor.is_none_or(|then| (here.processor)() == then);
        if !holds {
            return None;
        }
        let used = |number: usize| {
            let number = u16::try_from(number).ok();
            let paths = self.inputs.list.iter().chain(&self.outputs.list).map(|path| path.root);
            paths.chain(self.asked.iter().map(|asked| asked.root)).any(|root| Some(root) == number)
        };
        let id = |(number, name): (usize, &String)| match roots.by_name(name) {
            Some(id) if roots.get(id).is_placed() => Some(id),
            // A root that no path is in need not be anywhere.
            Some(_) | None if used(number) => None,
            other => other.or(Some(Roots::OUTSIDE)),
        };
        terms.roots.iter().enumerate().map(id).collect()
    }

    /// Whether all is here as it says.
    pub fn check(self, here: &Here<'_>) -> Found {
        let Some(ids) = self.places(here) else { return Found::Fails(Vec::new()) };
        let Some(answers) = answers(&self.asked, &ids, here) else { return Found::Fails(Vec::new()) };
        let bases: Vec<Base> = ids.iter().map(|id| Base::open(&here.roots.get(*id).path)).collect();
        let outputs = if here.way == Way::Full { &self.outputs } else { &Paths::default() };
        let all = Both { inputs: &self.inputs, outputs };
        let mut found = read(&bases, &all);
        let made = found.split_off(self.inputs.list.len());
        let content = |read: &Read| match read {
            Read::File(signature, _, blob) => Some((*blob, signature.executable())),
            Read::Absent | Read::Other => None,
        };
        let digest = |all: &[Read]| held(all.iter().map(content));
        let same = !found.iter().chain(&made).any(|read| *read == Read::Other)
            && digest(&found) == self.held
            && (here.way == Way::Empty || digest(&made) == self.made);
        if !same {
            let seen = found.iter().chain(&made).enumerate();
            let seen = seen.filter_map(|(at, read)| all.seen(at, read, &ids)).collect();
            return Found::Fails(seen);
        }
        let bytes = found.iter().chain(&made).filter_map(content).map(|(blob, _)| blob.size);
        let cost = Cost {
            signed: all.len() as u64,
            hashed: found.iter().chain(&made).filter_map(content).count() as u64,
            hashed_bytes: bytes.sum(),
        };
        let outputs = (0..).zip(made).collect();
        Found::Holds(Box::new(Checked {
            proof: self,
            ids,
            inputs: found,
            outputs,
            answers,
            way: here.way,
            cost,
        }))
    }
}

/// The inputs, and then the outputs.
struct Both<'a> {
    inputs: &'a Paths,
    outputs: &'a Paths,
}

impl Both<'_> {
    fn nth(&self, number: usize) -> Option<(&Paths, &Path)> {
        let of = |paths| move |path| (paths, path);
        let behind = || self.outputs.list.get(number - self.inputs.list.len());
        self.inputs.list.get(number).map(of(self.inputs)).or_else(|| behind().map(of(self.outputs)))
    }

    fn seen(&self, number: usize, read: &Read, ids: &[RootId]) -> Option<SeenThere> {
        let (paths, path) = self.nth(number)?;
        let Read::File(signature, device, blob) = *read else { return None };
        let rel = PathBuf::from(OsStr::from_bytes(paths.rel(path)));
        Some(SeenThere { root: *ids.get(usize::from(path.root))?, rel, signature, device, blob })
    }
}

impl Table for Both<'_> {
    fn len(&self) -> usize {
        self.inputs.list.len() + self.outputs.list.len()
    }

    fn path(&self, number: usize) -> (usize, &[u8]) {
        self.nth(number).map_or((usize::MAX, &[]), |(paths, path)| (usize::from(path.root), paths.rel(path)))
    }

    fn known(&self, number: usize) -> Known {
        self.nth(number)
            .map_or(Known::Absent, |(_, path)| if path.there { Known::Racy } else { Known::Absent })
    }
}

/// Where a path lies.
pub(super) fn absolute(roots: &Roots, id: RootId, rel: &FsPath) -> PathBuf {
    let base = &roots.get(id).path;
    if rel.as_os_str().is_empty() { base.clone() } else { base.join(rel) }
}

/// Asks everything again; none if an answer is another one.
fn answers(all: &[Asked], ids: &[RootId], here: &Here<'_>) -> Option<Vec<Answer>> {
    let (roots, way) = (here.roots, here.way);
    let build = &roots.get(Roots::BUILD).path;
    let wrong = AtomicBool::new(false);
    let answers: Vec<Option<Answer>> = all
        .par_iter()
        .with_max_len(32)
        .map(|asked| {
            if wrong.load(Ordering::Relaxed) {
                return None;
            }
            if asked.carried && way == Way::Empty {
                return Some(Answer::Nothing);
            }
            let answer = again(asked, ids, roots, build);
            if answer.is_none() {
                wrong.store(true, Ordering::Relaxed);
            }
            answer
        })
        .collect();
    let answers: Vec<Answer> = answers.into_iter().collect::<Option<_>>()?;
    // The same number is the same directory, and another number another one.
    let mut directories: FxHashMap<u32, (u64, u64)> = FxHashMap::default();
    let mut numbers: FxHashMap<(u64, u64), u32> = FxHashMap::default();
    let same = all.iter().zip(&answers).all(|(asked, answer)| match (&asked.answer, answer) {
        (Said::Identity(number), Answer::Identity(device, inode)) => {
            let found = (*device, *inode);
            *directories.entry(*number).or_insert(found) == found
                && *numbers.entry(found).or_insert(*number) == *number
        }
        _ => true,
    });
    same.then_some(answers)
}

fn again(asked: &Asked, ids: &[RootId], roots: &Roots, build: &FsPath) -> Option<Answer> {
    let path = absolute(roots, *ids.get(usize::from(asked.root))?, &asked.rel);
    let question = *Question::ALL.get(usize::from(asked.question))?;
    let now = prove::ask(&path, question, build);
    let same = match (&asked.answer, &now) {
        (Said::Path(root, rel), Answer::Path(now)) => {
            absolute(roots, *ids.get(usize::from(*root))?, rel) == *now
        }
        (Said::Identity(_), Answer::Identity(..)) => true,
        (Said::Ours, _) => is_ours(&path, build),
        (then, now) => said(now).as_ref() == Some(then),
    };
    same.then_some(now)
}

impl Checked {
    /// The name of the build's record in a store.
    pub fn record(&self) -> Digest {
        self.proof.terms.record
    }

    /// The variables on which it depends.
    pub fn variables(&self) -> impl Iterator<Item = OsString> + '_ {
        self.proof.terms.variables.iter().map(|(name, _)| OsStr::from_bytes(name).to_os_string())
    }

    /// What the build used of a store, if that is known.
    pub fn build(&self) -> Option<&Build> {
        self.proof.build.as_ref()
    }

    /// The account of a build that found everything as it was.
    pub fn summary(&self) -> Summary {
        let terms = &self.proof.terms;
        let mut summary = Summary { files: self.cost, ..Summary::default() };
        let counts = |count| match self.way {
            Way::Full => Counts { fresh: count, ..Counts::default() },
            Way::Empty => Counts { restored: count, ..Counts::default() },
        };
        for (kind, count) in summary.kinds.iter_mut().zip(&terms.kinds) {
            *kind = counts(*count);
        }
        summary.total = terms.kinds.iter().sum();
        summary.actions = counts(summary.total);
        for (why, tools, count) in &terms.bound {
            summary.bound += count;
            if !tools && *count > 0 {
                *summary.bound_by.entry(why.clone()).or_default() += count;
            }
        }
        summary.left = self.left();
        summary
    }

    /// How many outputs stay in the store: of those, each is the only one of its action.
    pub(super) fn left(&self) -> u64 {
        match self.way {
            Way::Full => 0,
            Way::Empty => (self.proof.outputs.list.len() - self.proof.placed.len()) as u64,
        }
    }

    /// All files that were read.
    pub fn seen(&self) -> Vec<SeenThere> {
        let all = Both { inputs: &self.proof.inputs, outputs: &Paths::default() };
        self.inputs.iter().enumerate().filter_map(|(at, read)| all.seen(at, read, &self.ids)).collect()
    }

    /// What actions have to say.
    pub fn reports(&self, roots: &Roots) -> Vec<Report> {
        let replays = terms::decode_replays(&self.proof.replays).unwrap_or_default();
        let outcome = match self.way {
            Way::Full => Outcome::Fresh,
            Way::Empty => Outcome::Restored,
        };
        replays.iter().map(|replay| Report { outcome, ..replay.report(roots, 0) }).collect()
    }
}
