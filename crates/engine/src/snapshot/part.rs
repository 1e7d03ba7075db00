//! What of a build is to be looked at, if some files are not what a snapshot says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::consult::{Answer, Names};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::encode::Malformed;
use rekindle_fingerprint::files::{Cost, Files, PathId, Prior, Seen};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::Signature;
use rustc_hash::{FxHashMap, FxHashSet};

use super::draft::Draft;
use super::image::Image;
use super::layout::Kind;
use super::prove::{Now, Placed, read_of, take_listings};
use super::terms::{Kept, Replay};
use crate::event::{Counts, Report, Summary};

/// A snapshot of which some files are no longer true, and nothing that lowering looked at.
pub struct Part {
    pub(super) image: Image,
    pub(super) placed: Placed,
    pub(super) now: FxHashMap<u32, Now>,
    pub(super) relisted: Vec<(usize, Option<Signature>)>,
    pub(super) cost: Cost,
}

/// What is to be built of a project whose other actions are proved to be fresh.
pub struct Adopted {
    /// What names the actions that have to be in the graph: those that may be stale, and those that make what these read
    /// and leave something for links.
    pub keys: FxHashSet<PathId>,
    /// What names those that may be stale.
    pub stale: Vec<PathId>,
    /// What a summary says of all others.
    pub proved: Proved,
    /// What looking at files has cost so far.
    pub cost: Cost,
    /// Signatures of files that the next build knows without the journal.
    pub saved: Vec<(PathId, Prior)>,
    /// For each path of the snapshot that the build knows, what it is there.
    pub(super) numbers: Vec<(PathId, u32)>,
    /// The numbers of the actions in the snapshot.
    pub(super) actions: FxHashMap<PathId, usize>,
}

/// What a summary says of results that were proved to be fresh.
#[derive(Clone, Debug, Default)]
pub struct Proved {
    /// Their numbers, by kind.
    pub kinds: [u64; ActionKind::ALL.len()],
    /// What binds them: the reason, whether that is toolchains alone, how many they are.
    pub bound: Vec<(String, bool, u64)>,
    /// How many are volatile.
    pub volatile: u64,
    /// How many are local.
    pub local: u64,
    /// What they have to say.
    pub reports: Vec<Report>,
    /// What compilers and other tools that we know make there, of what others read. It is neither a script nor a list of
    /// files, and nobody has to look.
    pub made: FxHashSet<PathId>,
    /// Directories whose names are known without a listing.
    pub directories: Vec<(PathId, Names)>,
}

impl Part {
    /// What the caller gave with the snapshot.
    pub fn note(&self) -> &[u8] {
        &self.image.terms.note
    }

    /// The name of the record in the store of the build that left the snapshot.
    pub fn build(&self) -> Option<Digest> {
        self.image.terms.build
    }

    /// How long the journal was when everything was last built from the whole of it, in bytes.
    pub fn whole_journal(&self) -> u64 {
        self.image.terms.journal
    }

    /// Whether what has changed is nobody's: a file that was read once and is read no more.
    pub(super) fn is_nothing(&self) -> bool {
        self.affected().is_ok_and(|affected| !affected.contains(&true))
    }

    /// For each action, whether something that it reads or writes is not what it was, or may not be once others ran.
    fn affected(&self) -> Result<Vec<bool>, Malformed> {
        let mut other = vec![false; self.image.paths()];
        for (number, now) in &self.now {
            if !matches!(now, Now::Touched(..)) {
                *other.get_mut(*number as usize).ok_or(Malformed)? = true;
            }
        }
        let mut affected = vec![false; self.image.actions()];
        // Most stand behind those that make what they read, so that one way through finds all of them.
        let mut grew = self.pass(&mut other, &mut affected)?;
        if grew {
            grew = self.pass(&mut other, &mut affected)?;
        }
        if grew {
            self.spread(&mut other, &mut affected)?;
        }
        Ok(affected)
    }

    /// Goes once through all actions; tells whether another one was found.
    fn pass(&self, other: &mut [bool], affected: &mut [bool]) -> Result<bool, Malformed> {
        let mut grew = false;
        for (number, affected) in affected.iter_mut().enumerate() {
            let action = self.image.action(number).ok_or(Malformed)?;
            if !*affected && self.image.list(&action).any(|path| other.get(path as usize) == Some(&true)) {
                *affected = true;
                grew = true;
                for output in self.image.list(&action).take(action.outputs as usize) {
                    *other.get_mut(output as usize).ok_or(Malformed)? = true;
                }
            }
        }
        Ok(grew)
    }

    /// Finds the rest along the paths, each looked at once.
    fn spread(&self, other: &mut [bool], affected: &mut [bool]) -> Result<(), Malformed> {
        let mut readers: Vec<Vec<u32>> = vec![Vec::new(); self.image.paths()];
        for number in 0..affected.len() {
            let action = self.image.action(number).ok_or(Malformed)?;
            for path in self.image.list(&action) {
                let number = u32::try_from(number).map_err(|_| Malformed)?;
                readers.get_mut(path as usize).ok_or(Malformed)?.push(number);
            }
        }
        let mut open: Vec<usize> = (0..other.len()).filter(|path| other[*path]).collect();
        while let Some(path) = open.pop() {
            for number in std::mem::take(&mut readers[path]) {
                let number = number as usize;
                if std::mem::replace(&mut affected[number], true) {
                    continue;
                }
                let action = self.image.action(number).ok_or(Malformed)?;
                for output in self.image.list(&action).take(action.outputs as usize) {
                    if !std::mem::replace(other.get_mut(output as usize).ok_or(Malformed)?, true) {
                        open.push(output as usize);
                    }
                }
            }
        }
        Ok(())
    }

    /// The actions that have to be in the graph: those that are `affected`, and those that make what they read and leave
    /// something for links, of which only their stamps tell.
    fn needed(&self, affected: &[bool]) -> Result<Vec<bool>, Malformed> {
        const NOBODY: u32 = u32::MAX;
        let mut makers = vec![NOBODY; self.image.paths()];
        for number in 0..affected.len() {
            let action = self.image.action(number).ok_or(Malformed)?;
            for output in self.image.list(&action).take(action.outputs as usize).filter(|_| action.leaves) {
                *makers.get_mut(output as usize).ok_or(Malformed)? =
                    u32::try_from(number).map_err(|_| Malformed)?;
            }
        }
        let mut needed = affected.to_vec();
        for number in (0..affected.len()).filter(|number| affected[*number]) {
            let action = self.image.action(number).ok_or(Malformed)?;
            for path in self.image.list(&action) {
                let maker = *makers.get(path as usize).ok_or(Malformed)?;
                if maker != NOBODY {
                    needed[maker as usize] = true;
                }
            }
        }
        Ok(needed)
    }

    /// Tells `files` what is known of all that the needed actions and lowering look at, and which actions those are.
    ///
    /// # Errors
    /// The snapshot contradicts itself.
    pub fn adopt(&self, files: &mut Files) -> Result<Adopted, Malformed> {
        let affected = self.affected()?;
        let needed = self.needed(&affected)?;
        let mut known: Vec<Option<PathId>> = vec![None; self.image.paths()];
        let mut adopted = Adopted {
            keys: FxHashSet::default(),
            stale: Vec::new(),
            proved: Proved::default(),
            cost: self.cost,
            saved: Vec::new(),
            numbers: Vec::new(),
            actions: FxHashMap::default(),
        };
        let mut bound = vec![0_u64; self.image.terms.bound.len()];
        let custom = ActionKind::ALL.iter().position(|kind| *kind == ActionKind::Custom);
        let mut made = vec![false; self.image.paths()];
        for number in 0..needed.len() {
            let action = self.image.action(number).ok_or(Malformed)?;
            if !needed[number] {
                if custom != Some(usize::from(action.kind)) {
                    for output in self.image.list(&action).take(action.outputs as usize) {
                        *made.get_mut(output as usize).ok_or(Malformed)? = true;
                    }
                }
                *adopted.proved.kinds.get_mut(usize::from(action.kind)).ok_or(Malformed)? += 1;
                adopted.proved.volatile += u64::from(action.volatile);
                adopted.proved.local += u64::from(action.local);
                if let Some(count) = (action.bound as usize).checked_sub(1).and_then(|at| bound.get_mut(at)) {
                    *count += 1;
                }
                continue;
            }
            let mut key = None;
            for path in self.image.list(&action) {
                let id = self.path(path, files, &mut known)?;
                key.get_or_insert(id);
            }
            let key = key.ok_or(Malformed)?;
            adopted.keys.insert(key);
            adopted.actions.insert(key, number);
            if affected[number] {
                adopted.stale.push(key);
            }
        }
        for number in 0..u32::try_from(self.image.paths()).map_err(|_| Malformed)? {
            if self.image.path_record(number).is_some_and(|path| path.lowers) {
                self.path(number, files, &mut known)?;
            }
        }
        let said = self.image.replays()?;
        let said = said.iter().filter(|replay| needed.get(replay.action as usize) == Some(&false));
        let report = |replay: &Replay| {
            replay.report(&self.placed.roots, read_of(&self.image, replay.action, &self.now))
        };
        adopted.proved.reports = said.map(report).collect();
        let reasons = self.image.terms.bound.iter().zip(bound);
        adopted.proved.bound = reasons.map(|((why, tools, _), count)| (why.clone(), *tools, count)).collect();
        adopted.proved.directories = self.directories(files, &mut known)?;
        for id in known.iter().flatten() {
            if let Seen::File { signature, content, racy: false } = *files.seen(*id) {
                adopted.saved.push((*id, Prior { signature, content, racy: false }));
            }
        }
        let read = known.iter().zip(made).filter(|(_, made)| *made);
        adopted.proved.made = read.filter_map(|(id, _)| *id).collect();
        let numbered = known.iter().zip(0..);
        adopted.numbers = numbered.filter_map(|(id, number)| Some(((*id)?, number))).collect();
        Ok(adopted)
    }

    /// What was asked of directories and is the same, where a change from now on would show.
    fn directories(
        &self,
        files: &mut Files,
        known: &mut [Option<PathId>],
    ) -> Result<Vec<(PathId, Names)>, Malformed> {
        let relisted: FxHashMap<usize, Option<Signature>> = self.relisted.iter().copied().collect();
        let mut all = Vec::new();
        for (at, asked) in self.image.asked()?.iter().enumerate() {
            let Kept::Plain(Answer::Names(then)) = &asked.answer else { continue };
            let signature = relisted.get(&at).copied().unwrap_or(then.signature);
            let id = self.path(asked.path, files, known)?;
            // What is ours in the build directory comes and goes, and is left out there.
            let is_of_ours = files.root(id) == Roots::BUILD && files.rel(id).as_os_str().is_empty();
            if signature.is_some() && !is_of_ours {
                all.push((id, Names { signature, ..then.clone() }));
            }
        }
        Ok(all)
    }

    /// The numbers of the directories that are one under several names, as they are here.
    pub(super) fn identities(&self) -> FxHashMap<(u64, u64), u32> {
        let asked = self.image.asked().unwrap_or_default();
        let numbered = asked.iter().filter_map(|asked| match asked.answer {
            Kept::Identity(number) => {
                Some((disk::directory_identity(&self.placed.absolute(&self.image, asked.path)?)?, number))
            }
            _ => None,
        });
        numbered.collect()
    }

    /// The path with this number in the table of the build, with what is known of it.
    fn path(
        &self,
        number: u32,
        files: &mut Files,
        known: &mut [Option<PathId>],
    ) -> Result<PathId, Malformed> {
        if let Some(id) = known.get(number as usize).ok_or(Malformed)? {
            return Ok(*id);
        }
        let record = self.image.path_record(number).ok_or(Malformed)?;
        let name = &self.image.terms.roots.get(usize::from(record.root)).ok_or(Malformed)?.name;
        let root = files.roots_mut().reserve(name);
        let id = files.path(root, Path::new(OsStr::from_bytes(self.image.text_of(number).ok_or(Malformed)?)));
        known[number as usize] = Some(id);
        let state = self.image.state(number).ok_or(Malformed)?;
        let mut file = |signature, blob, racy| {
            let content = files.content_id(blob);
            Seen::File { signature, content, racy }
        };
        let then = || self.image.content(state.content).ok_or(Malformed);
        let seen = match (self.now.get(&number), record.kind) {
            (Some(Now::Touched(signature, racy)), _) => file(*signature, then()?, *racy),
            (Some(Now::Changed(signature, blob, racy)), _) => file(*signature, *blob, *racy),
            (Some(Now::Gone), _) | (None, Kind::Absent) => Seen::Absent,
            (None, Kind::File) => file(state.signature, then()?, false),
            (Some(Now::Other), _) | (None, Kind::Racy | Kind::Unseen) => return Ok(id),
        };
        files.adopt(id, seen);
        Ok(id)
    }

    /// The next snapshot, as far as it is known: what was found now in the place of what was.
    pub(super) fn draft(&self) -> Result<Draft, Malformed> {
        let mut draft = Draft::of(&self.image)?;
        for (number, now) in &self.now {
            match now {
                Now::Touched(signature, racy) => draft.touch(*number, *signature, *racy),
                Now::Changed(signature, blob, racy) => {
                    draft.change(*number, Some((*signature, *blob, *racy)))
                }
                Now::Gone | Now::Other => draft.change(*number, None),
            }
        }
        take_listings(&mut draft, &self.relisted);
        Ok(draft)
    }
}

impl Proved {
    /// How many actions they are.
    pub fn total(&self) -> u64 {
        self.kinds.iter().sum()
    }

    /// Adds them to an account.
    pub fn add_to(&self, summary: &mut Summary) {
        for (counts, count) in summary.kinds.iter_mut().zip(self.kinds) {
            *counts = Counts { fresh: counts.fresh + count, ..*counts };
        }
        summary.actions.fresh += self.total();
        summary.total += self.total();
        summary.volatile += self.volatile;
        summary.local += self.local;
        for (why, tools, count) in self.bound.iter().filter(|(_, _, count)| *count > 0) {
            summary.bound += count;
            if !tools {
                *summary.bound_by.entry(why.clone()).or_default() += count;
            }
        }
    }
}
