//! What a build directory remembers: stamps of now and before, signatures, what toolchains were made of. Kept in
//! memory while a build runs, and in the journal for the next one.

use std::path::Path;

use rekindle_fingerprint::action::{Identity, Part};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId, Prior, Seen};
use rekindle_fingerprint::stamp::Stamp;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::error::Error;
use crate::journal::Journal;
use crate::record::{Entry, Reader, Writer};

/// A journal below this length is never rewritten.
const SMALL: u64 = 1 << 20;

/// The stamps of one action.
#[derive(Default)]
pub struct Generations {
    /// What was true when it last succeeded.
    pub current: Option<Stamp>,
    /// What was true the time before, whose outputs were kept.
    pub previous: Option<Stamp>,
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
    stamps: FxHashMap<PathId, Generations>,
    /// Outputs of commands that were started and of which no stamp speaks.
    started: FxHashMap<PathId, Vec<PathId>>,
    saved: FxHashMap<PathId, Prior>,
    identities: FxHashMap<Digest, Vec<Part>>,
    memo: FxHashMap<Digest, Vec<u8>>,
    used_memo: FxHashSet<Digest>,
    dead: u64,
}

impl History {
    /// Reads the journal at `path` into `files` and into memory.
    ///
    /// # Errors
    /// The journal cannot be read or written, or is of a newer format.
    pub fn open(path: &Path, files: &mut Files) -> Result<Self, Error> {
        let mut reader = Reader::default();
        let mut entries = Vec::new();
        let journal = Journal::open(path, |record| match reader.read(record, files) {
            Ok(Entry::Definition) => true,
            Ok(entry) => {
                entries.push((entry, record.payload.len() as u64));
                true
            }
            Err(_) => false,
        })?;
        let mut history = Self {
            journal,
            writer: Writer::behind(&reader),
            stamps: FxHashMap::default(),
            started: FxHashMap::default(),
            saved: FxHashMap::default(),
            identities: FxHashMap::default(),
            memo: FxHashMap::default(),
            used_memo: FxHashSet::default(),
            dead: 0,
        };
        for (entry, length) in entries {
            history.take(entry, length, files);
        }
        Ok(history)
    }

    fn take(&mut self, entry: Entry, length: u64, files: &mut Files) {
        match entry {
            Entry::Definition => {}
            Entry::Stamp { key, stamp, before } => self.remember(key, *stamp, before, length),
            Entry::Forget(key) => {
                self.dead += self.stamps.remove(&key).map_or(0, |old| old.lengths.0 + old.lengths.1);
            }
            Entry::Started(key, outputs) if outputs.is_empty() => {
                self.started.remove(&key);
            }
            Entry::Started(key, outputs) => {
                self.started.insert(key, outputs);
            }
            Entry::Signature(path, prior) => {
                files.set_prior(path, prior);
                if self.saved.insert(path, prior).is_some() {
                    self.dead += length;
                }
            }
            Entry::Identity(digest, parts) => {
                self.identities.insert(digest, parts);
            }
            Entry::Memo(key, value) => {
                if self.memo.insert(key, value).is_some() {
                    self.dead += length;
                }
            }
        }
    }

    fn remember(&mut self, key: PathId, stamp: Stamp, before: Before, length: u64) {
        self.started.remove(&key);
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

    /// Whether outputs may lie in the build directory of which nothing is known: there was no journal, or it was
    /// damaged.
    pub fn lost(&self) -> bool {
        self.journal.lost()
    }

    /// The stamps of the action whose first output is `key`.
    pub fn generations(&self, key: PathId) -> Option<&Generations> {
        self.stamps.get(&key)
    }

    /// The current stamp of the action whose first output is `key`.
    pub fn current(&self, key: PathId) -> Option<&Stamp> {
        self.stamps.get(&key)?.current.as_ref()
    }

    /// The keys of all actions that have stamps.
    pub fn keys(&self) -> impl Iterator<Item = PathId> + '_ {
        self.stamps.keys().copied()
    }

    /// Records that an action succeeded; `before` says what becomes of its stamps so far.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn succeed(&mut self, key: PathId, stamp: Stamp, before: Before, files: &Files) -> Result<(), Error> {
        let length = self.writer.stamp(key, &stamp, before, files, &mut self.journal);
        self.remember(key, stamp, before, length);
        self.journal.flush()
    }

    /// Voids the stamps of an action.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn forget(&mut self, key: PathId, files: &Files) -> Result<(), Error> {
        if let Some(old) = self.stamps.remove(&key) {
            self.dead += old.lengths.0 + old.lengths.1;
            self.writer.forget(key, files, &mut self.journal);
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
        if stamped || self.started.get(&key).is_some_and(|known| known == outputs) {
            return Ok(());
        }
        self.writer.started(key, outputs, files, &mut self.journal);
        self.started.insert(key, outputs.to_vec());
        self.journal.flush()
    }

    /// Outputs that commands may have left and of which no stamp speaks, by action.
    pub fn unstamped(&self) -> impl Iterator<Item = (PathId, &[PathId])> {
        self.started.iter().map(|(key, outputs)| (*key, outputs.as_slice()))
    }

    /// Records that a command has left nothing without a stamp, or nothing any more.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn cleared(&mut self, key: PathId, files: &Files) -> Result<(), Error> {
        if self.started.remove(&key).is_some() {
            self.writer.started(key, &[], files, &mut self.journal);
            self.journal.flush()?;
        }
        Ok(())
    }

    /// What the identity with this digest was made of.
    pub fn parts(&self, digest: &Digest) -> Option<Vec<Part>> {
        self.identities.get(digest).cloned()
    }

    /// Remembers what an identity is made of.
    pub fn know_identity(&mut self, identity: &Identity) {
        if !self.identities.contains_key(&identity.digest) {
            Writer::identity(&identity.digest, &identity.parts, &mut self.journal);
            self.identities.insert(identity.digest, identity.parts.clone());
        }
    }

    /// An answer about a toolchain that an earlier build, or this one, found out.
    pub fn memo(&mut self, key: &Digest) -> Option<Vec<u8>> {
        let value = self.memo.get(key).cloned()?;
        self.used_memo.insert(*key);
        Some(value)
    }

    /// Remembers an answer about a toolchain.
    pub fn set_memo(&mut self, key: Digest, value: Vec<u8>) {
        self.used_memo.insert(key);
        if self.memo.get(&key) != Some(&value) {
            Writer::memo(&key, &value, &mut self.journal);
            self.memo.insert(key, value);
        }
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
            if self.saved.get(&id) != Some(&prior) {
                let length = self.writer.signature(id, &prior, files, &mut self.journal);
                if self.saved.insert(id, prior).is_some() {
                    self.dead += length;
                }
            }
        }
        self.journal.flush()?;
        if self.journal.length() > SMALL && self.dead * 2 > self.journal.length() {
            self.compact(files)?;
        }
        Ok(())
    }

    /// Rewrites the journal with only what lives: the stamps, the signatures of files that they speak of or that
    /// this build saw, the identities of stamps, and the answers that this build used.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn compact(&mut self, files: &Files) -> Result<(), Error> {
        let mut writer = Writer::default();
        let Self { journal, stamps, started, saved, identities, memo, used_memo, .. } = self;
        let all = || stamps.values().flat_map(|both| both.previous.iter().chain(&both.current));
        let spoken: FxHashSet<PathId> = all().flat_map(Stamp::paths).collect();
        saved.retain(|path, _| spoken.contains(path) || *files.seen(*path) != Seen::Unknown);
        let known: FxHashSet<Digest> = all().filter_map(|stamp| stamp.identity).collect();
        identities.retain(|digest, _| known.contains(digest));
        memo.retain(|key, _| used_memo.contains(key));
        journal.rewrite(|new| {
            for (digest, parts) in identities.iter() {
                Writer::identity(digest, parts, new);
            }
            for (key, value) in memo.iter() {
                Writer::memo(key, value, new);
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
            for (key, outputs) in started.iter() {
                writer.started(*key, outputs, files, new);
            }
        })?;
        self.writer = writer;
        self.dead = 0;
        Ok(())
    }
}
