//! What a build looked at before it judged anything.

use std::path::Path;

use rekindle_fingerprint::consult::{self, Answer, Question, Record};
use rekindle_fingerprint::files::{Files, PathId, Seen};
use rustc_hash::{FxHashMap, FxHashSet};

/// What loading, finding toolchains or lowering looked at.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// What was asked of the disk.
    pub(super) records: Vec<Record>,
    /// Files whose content was looked at.
    pub(super) files: Vec<PathId>,
}

impl Looked {
    /// Everything since the last record was begun ([`consult::begin`]), but for the files that were looked at `before`.
    pub fn since(files: &Files, before: Option<&Self>) -> Option<Self> {
        let before: FxHashSet<PathId> =
            before.into_iter().flat_map(|before| &before.files).copied().collect();
        let looked_at = files.ids().filter(|id| *files.seen(*id) != Seen::Unknown && !before.contains(id));
        Some(Self { records: vec![consult::end()?], files: looked_at.collect() })
    }

    /// This, and what was asked of the disk besides.
    #[must_use]
    pub fn and(mut self, record: Record) -> Self {
        self.records.push(record);
        self
    }

    /// Whether one question was answered in two ways, here or in `other`: something changed between.
    pub(super) fn is_torn_from(&self, other: &Self) -> bool {
        let mut known: FxHashMap<(&Path, Question), &Answer> = FxHashMap::default();
        let mut all = self.records.iter().chain(&other.records).flat_map(Record::iter);
        all.any(|(path, question, answer)| !known.entry((path, question)).or_insert(answer).agrees(answer))
    }

    /// What was asked of the disk, and no file.
    pub fn only(record: Record) -> Self {
        Self { records: vec![record], files: Vec::new() }
    }
}
