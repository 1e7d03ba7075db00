//! What a build directory remembers: stamps of now and before, signatures, what toolchains were made of. Kept in
//! memory while a build runs, and in the journal for the next one.

use std::path::Path;

use rekindle_fingerprint::action::{Identity, Part};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId, Prior, Seen};
use rekindle_fingerprint::stamp::Stamp;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Error;
use crate::journal::{Journal, Mark};
use crate::record::{Entry, Reader, Scout, Writer, length_of};

/// A journal below this length is never rewritten.
const SMALL: u64 = 1 << 20;

/// The stamps of one action.
#[derive(Default)]
pub struct Generations {
    /// What was true when it last succeeded.
    pub current: Option<Box<Stamp>>,
    /// What was true the time before, whose outputs were kept.
    pub previous: Option<Box<Stamp>>,
    /// How long the records of both are.
    lengths: (u64, u64),
}

/// What becomes of an action's previous stamp when a new current one is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// There is none any more: no outputs of before are kept.
    Dropped,
    /// The current stamp so far becomes it: its outputs were kept.
    Current,
    /// It stays as it is: the new stamp only says better what the current one said.
    Stays,
}

impl Generations {
    /// These stamps, as somebody kept them elsewhere.
    pub fn new(current: Option<Stamp>, previous: Option<Stamp>) -> Self {
        Self { current: current.map(Box::new), previous: previous.map(Box::new), lengths: (0, 0) }
    }
}

impl Before {
    /// Whether the outputs of the current stamp so far were kept.
    pub fn of_current(kept: bool) -> Self {
        if kept { Self::Current } else { Self::Dropped }
    }

    /// Its number in the journal.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Dropped => 0,
            Self::Current => 1,
            Self::Stays => 2,
        }
    }

    /// What a number in the journal means.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Dropped, Self::Current, Self::Stays].into_iter().find(|before| before.code() == code)
    }
}

/// What a build directory remembers.
pub struct History {
    journal: Journal,
    writer: Writer,
    known: Known,
    used_memo: FxHashSet<Digest>,
    partial: bool,
}

/// What the records of a journal come to.
#[derive(Default)]
struct Known {
    stamps: FxHashMap<PathId, Generations>,
    /// Outputs of commands that were started and of which no stamp speaks, and how long the record of it is.
    started: FxHashMap<PathId, (Vec<PathId>, u64)>,
    saved: FxHashMap<PathId, Prior>,
    identities: FxHashMap<Digest, Vec<Part>>,
    memo: FxHashMap<Digest, Vec<u8>>,
    /// How many bytes of the journal say nothing any more.
    dead: u64,
}

/// What is known of the journal up to a mark, by whoever kept it elsewhere.
#[derive(Default)]
pub struct Base {
    /// Stamps, by the first output of their action.
    pub stamps: Vec<(PathId, Generations)>,
    /// The signatures of files that were saved.
    pub signatures: Vec<(PathId, Prior)>,
    /// What identities were made of.
    pub identities: Vec<(Digest, Vec<Part>)>,
    /// Answers about toolchains.
    pub memo: Vec<(Digest, Vec<u8>)>,
    /// Outputs that commands may have left and of which no stamp speaks, by the first output of their action.
    pub started: Vec<(PathId, Vec<PathId>)>,
    /// Whether this is all that the journal held up to the mark.
    pub complete: bool,
}

impl Known {
    /// Takes over what is known from elsewhere; nothing of it is dead as far as anybody can tell.
    fn from_base(base: Base, files: &mut Files) -> Self {
        for (path, prior) in &base.signatures {
            files.set_prior(*path, *prior);
        }
        Self {
            stamps: base.stamps.into_iter().collect(),
            started: base.started.into_iter().map(|(key, outputs)| (key, (outputs, 0))).collect(),
            saved: base.signatures.into_iter().collect(),
            identities: base.identities.into_iter().collect(),
            memo: base.memo.into_iter().collect(),
            dead: 0,
        }
    }

    /// Takes in a record of this length.
    fn take(&mut self, entry: Entry, length: u64, files: &mut Files) {
        match entry {
            Entry::Definition { dead } => self.dead += if dead { length } else { 0 },
            Entry::Stamp { key, stamp, before } => self.remember(key, stamp, before, length),
            Entry::Forget(key) => {
                self.forget(key);
                self.dead += length;
            }
            Entry::Started(key, outputs) => self.start(key, outputs, length),
            Entry::Signature(path, prior) => {
                files.set_prior(path, prior);
                self.save(path, prior, length);
            }
            Entry::Identity(digest, parts) => {
                if self.identities.insert(digest, parts).is_some() {
                    self.dead += length;
                }
            }
            Entry::Memo(key, value) => {
                if self.memo.insert(key, value).is_some() {
                    self.dead += length;
                }
            }
        }
    }

    fn remember(&mut self, key: PathId, stamp: Box<Stamp>, before: Before, length: u64) {
        self.start(key, Vec::new(), 0);
        let generations = self.stamps.entry(key).or_default();
        let current = generations.current.replace(stamp);
        let (previous, live) = match before {
            Before::Dropped => (None, 0),
            Before::Current => (current, generations.lengths.0),
            Before::Stays => (generations.previous.take(), generations.lengths.1),
        };
        generations.previous = previous;
        let (old_current, old_previous) = generations.lengths;
        generations.lengths = (length, live);
        self.dead += old_current + old_previous - live;
    }

    /// Voids the stamps of an action; tells whether there were any.
    fn forget(&mut self, key: PathId) -> bool {
        let old = self.stamps.remove(&key);
        self.dead += old.as_ref().map_or(0, |old| old.lengths.0 + old.lengths.1);
        old.is_some()
    }

    fn start(&mut self, key: PathId, outputs: Vec<PathId>, length: u64) {
        let old = if outputs.is_empty() {
            self.dead += length;
            self.started.remove(&key)
        } else {
            self.started.insert(key, (outputs, length))
        };
        self.dead += old.map_or(0, |(_, length)| length);
    }

    fn save(&mut self, path: PathId, prior: Prior, length: u64) {
        if self.saved.insert(path, prior).is_some() {
            self.dead += length;
        }
    }
}

impl History {
    /// Reads the journal at `path` into `files` and into memory.
    ///
    /// # Errors
    /// The journal cannot be read or written, or is of a newer format.
    pub fn open(path: &Path, files: &mut Files) -> Result<Self, Error> {
        let mut reader = Reader::default();
        let mut known = Known::default();
        let journal = Journal::open(path, |record| match reader.read(record, files) {
            Ok(entry) => {
                known.take(entry, length_of(record.payload), files);
                true
            }
            Err(_) => false,
        })?;
        Ok(Self::new(journal, known, false))
    }

    /// Reads of the journal at `path` what it says of the actions that `wanted` names. `saved` are signatures that were
    /// written down before, here or elsewhere. The history is partial.
    ///
    /// # Errors
    /// As [`History::open`].
    pub fn open_part(
        path: &Path,
        files: &mut Files,
        wanted: &FxHashSet<PathId>,
        saved: Vec<(PathId, Prior)>,
    ) -> Result<Self, Error> {
        let mut scout = Scout::new(wanted);
        let mut known = Known { saved: saved.into_iter().collect(), ..Known::default() };
        let journal = Journal::open(path, |record| match scout.read(record, files) {
            Ok(entry) => {
                if let Some(entry) = entry {
                    known.take(entry, length_of(record.payload), files);
                }
                true
            }
            Err(_) => false,
        })?;
        Ok(Self::new(journal, known, true))
    }

    /// Goes on behind `mark`, where the journal at `path` ended when `base` was all that counts of it, or the part that
    /// is asked for; only what other builds have appended since is read. `None` if the journal has to be read whole:
    /// it is another one by now, or it is damaged.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn resume(path: &Path, mark: Mark, base: Base, files: &mut Files) -> Result<Option<Self>, Error> {
        let mut reader = Reader::behind_a_mark();
        let mut since = Vec::new();
        let journal = Journal::resume(path, mark, |record| match reader.read(record, files) {
            Ok(entry) => {
                since.push((entry, length_of(record.payload)));
                true
            }
            Err(_) => false,
        })?;
        let Some(journal) = journal else { return Ok(None) };
        let partial = !base.complete;
        let mut known = Known::from_base(base, files);
        for (entry, length) in since {
            known.take(entry, length, files);
        }
        Ok(Some(Self::new(journal, known, partial)))
    }

    fn new(journal: Journal, known: Known, partial: bool) -> Self {
        Self { journal, writer: Writer::default(), known, used_memo: FxHashSet::default(), partial }
    }

    /// Whether it knows only a part of what the journal says: it is never rewritten then, and that something is not
    /// known means nothing.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// Writes everything out and tells where the journal ends then, for [`History::resume`].
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn mark(&mut self) -> Result<Mark, Error> {
        self.journal.flush()?;
        Ok(self.journal.mark())
    }

    /// How long the journal is, in bytes. One that is resumed again and again only grows; opened whole, it is rewritten
    /// when that is worth it.
    pub fn length(&self) -> u64 {
        self.journal.length()
    }

    /// Whether outputs may lie in the build directory of which nothing is known: there was no journal, or it was
    /// damaged.
    pub fn lost(&self) -> bool {
        self.journal.lost()
    }

    /// The stamps of the action whose first output is `key`.
    pub fn generations(&self, key: PathId) -> Option<&Generations> {
        self.known.stamps.get(&key)
    }

    /// The current stamp of the action whose first output is `key`.
    pub fn current(&self, key: PathId) -> Option<&Stamp> {
        self.known.stamps.get(&key)?.current.as_deref()
    }

    /// The keys of all actions that have stamps.
    pub fn keys(&self) -> impl Iterator<Item = PathId> + '_ {
        self.known.stamps.keys().copied()
    }

    /// All stamps that are known, by the first output of their action.
    pub fn stamps(&self) -> impl Iterator<Item = (PathId, &Generations)> {
        self.known.stamps.iter().map(|(key, both)| (*key, both))
    }

    /// All signatures that are saved.
    pub fn signatures(&self) -> impl Iterator<Item = (PathId, &Prior)> {
        self.known.saved.iter().map(|(path, prior)| (*path, prior))
    }

    /// What all known identities were made of.
    pub fn identities(&self) -> impl Iterator<Item = (&Digest, &[Part])> {
        self.known.identities.iter().map(|(digest, parts)| (digest, parts.as_slice()))
    }

    /// The answers about toolchains that this build used or found out.
    pub fn used_memo(&self) -> impl Iterator<Item = (&Digest, &[u8])> {
        let used = |(key, _): &(&Digest, &Vec<u8>)| self.used_memo.contains(key);
        self.known.memo.iter().filter(used).map(|(key, value)| (key, value.as_slice()))
    }

    /// Records that an action succeeded; `before` says what becomes of its stamps so far.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn succeed(&mut self, key: PathId, stamp: Stamp, before: Before, files: &Files) -> Result<(), Error> {
        let length = self.writer.stamp(key, &stamp, before, files, &mut self.journal);
        self.known.remember(key, Box::new(stamp), before, length);
        self.journal.flush()
    }

    /// Voids the stamps of an action.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn forget(&mut self, key: PathId, files: &Files) -> Result<(), Error> {
        if self.known.forget(key) {
            self.known.dead += self.writer.forget(key, files, &mut self.journal);
            self.journal.flush()?;
        }
        Ok(())
    }

    /// Records, before a command starts or when its result is not recorded, that it may leave files at `outputs`.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn start(&mut self, key: PathId, outputs: &[PathId], files: &Files) -> Result<(), Error> {
        let stamped = self.current(key).is_some_and(|stamp| {
            let stamped =
                |path| stamp.outputs.iter().any(|output| output.path == path) || stamp.links.contains(&path);
            outputs.iter().all(|path| stamped(*path))
        });
        if stamped || self.known.started.get(&key).is_some_and(|(known, _)| known == outputs) {
            return Ok(());
        }
        let length = self.writer.started(key, outputs, files, &mut self.journal);
        self.known.start(key, outputs.to_vec(), length);
        self.journal.flush()
    }

    /// Outputs that commands may have left and of which no stamp speaks, by action.
    pub fn unstamped(&self) -> impl Iterator<Item = (PathId, &[PathId])> {
        self.known.started.iter().map(|(key, (outputs, _))| (*key, outputs.as_slice()))
    }

    /// Records that a command has left nothing without a stamp, or nothing any more.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn cleared(&mut self, key: PathId, files: &Files) -> Result<(), Error> {
        if self.known.started.contains_key(&key) {
            let length = self.writer.started(key, &[], files, &mut self.journal);
            self.known.start(key, Vec::new(), length);
            self.journal.flush()?;
        }
        Ok(())
    }

    /// What the identity with this digest was made of.
    pub fn parts(&self, digest: &Digest) -> Option<Vec<Part>> {
        self.known.identities.get(digest).cloned()
    }

    /// Remembers what an identity is made of.
    pub fn know_identity(&mut self, identity: &Identity) {
        if !self.known.identities.contains_key(&identity.digest) {
            self.writer.identity(&identity.digest, &identity.parts, &mut self.journal);
            self.known.identities.insert(identity.digest, identity.parts.clone());
        }
    }

    /// An answer about a toolchain that an earlier build, or this one, found out.
    pub fn memo(&mut self, key: &Digest) -> Option<Vec<u8>> {
        let value = self.known.memo.get(key).cloned()?;
        self.used_memo.insert(*key);
        Some(value)
    }

    /// Remembers an answer about a toolchain.
    pub fn set_memo(&mut self, key: Digest, value: Vec<u8>) {
        self.used_memo.insert(key);
        if self.known.memo.get(&key) != Some(&value) {
            let length = self.writer.memo(&key, &value, &mut self.journal);
            if self.known.memo.insert(key, value).is_some() {
                self.known.dead += length;
            }
        }
    }

    /// Closes the journal and leaves the memory to the end of the process.
    pub(crate) fn leave(self) {
        std::mem::forget(self.known);
    }

    /// Saves the signatures of all files that were seen and whose signature is not racy, rewrites the journal if
    /// more than half of it is dead, and writes everything out.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn save(&mut self, files: &Files) -> Result<(), Error> {
        for id in files.ids() {
            let Seen::File { signature, content, racy: false } = *files.seen(id) else { continue };
            let prior = Prior { signature, content, racy: false };
            if self.known.saved.get(&id) != Some(&prior) {
                let length = self.writer.signature(id, &prior, files, &mut self.journal);
                self.known.save(id, prior, length);
            }
        }
        self.journal.flush()?;
        let length = self.journal.length();
        if !self.partial && length > SMALL && self.known.dead * 2 > length {
            self.compact(files)?;
        }
        Ok(())
    }

    /// Rewrites the journal with only what lives: the stamps, the signatures of files that they speak of or that
    /// this build saw, the identities of stamps, and the answers that this build used. Does nothing if the history is
    /// partial.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn compact(&mut self, files: &Files) -> Result<(), Error> {
        if self.partial {
            return Ok(());
        }
        let mut writer = Writer::default();
        let Self { journal, known, used_memo, .. } = self;
        let Known { stamps, started, saved, identities, memo, dead } = known;
        let all = || stamps.values().flat_map(|both| both.previous.iter().chain(&both.current));
        let spoken: FxHashSet<PathId> = all().flat_map(|stamp| stamp.paths()).collect();
        saved.retain(|path, _| spoken.contains(path) || *files.seen(*path) != Seen::Unknown);
        let named: FxHashSet<Digest> = all().filter_map(|stamp| stamp.identity).collect();
        identities.retain(|digest, _| named.contains(digest));
        memo.retain(|key, _| used_memo.contains(key));
        journal.rewrite(|new| {
            for (digest, parts) in identities.iter() {
                writer.identity(digest, parts, new);
            }
            for (key, value) in memo.iter() {
                writer.memo(key, value, new);
            }
            for (path, prior) in saved.iter() {
                writer.signature(*path, prior, files, new);
            }
            for (key, both) in stamps.iter() {
                // The previous one is written first and becomes the previous one of the second.
                for stamp in both.previous.iter().chain(&both.current) {
                    writer.stamp(*key, stamp, Before::Current, files, new);
                }
            }
            for (key, (outputs, _)) in started.iter() {
                writer.started(*key, outputs, files, new);
            }
        })?;
        *dead = 0;
        self.writer = writer;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
