//! A snapshot as it lies in its file, read in place: nothing is copied but what is asked for.

use std::path::Path;

use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::encode::Malformed;
use rekindle_fingerprint::sweep::{Known, Table};

use super::layout::{ActionRecord, Kind, PathRecord, Record, Section, Sections, StateRecord};
use super::map::Mapped;
use super::terms::{Asked, Replay, Terms, decode_asked, decode_replays};

/// What every check reads.
const HOT: [Section; 7] = [
    Section::Terms,
    Section::Paths,
    Section::Text,
    Section::States,
    Section::Order,
    Section::Questions,
    Section::Replays,
];

/// What is read once something has changed.
const COLD: [Section; 3] = [Section::Contents, Section::Actions, Section::Lists];

/// A snapshot in its file.
#[derive(Debug)]
pub(super) struct Image {
    bytes: Mapped,
    sections: Sections,
    pub(super) terms: Terms,
}

impl Image {
    /// Opens the snapshot at `path`; none if there is none, or none that this rekindle can read.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let bytes = Mapped::open(path).ok()?;
        let sections = Sections::read(&bytes).ok()?;
        sections.verify(&bytes, &HOT).ok()?;
        let terms = Terms::decode(sections.bytes(&bytes, Section::Terms)).ok()?;
        let image = Self { bytes, sections, terms };
        let sound = PathRecord::count(image.section(Section::Paths))
            == StateRecord::count(image.section(Section::States))
            && (0..image.len())
                .all(|at| image.order(at).is_some_and(|number| image.text_of(number).is_some()));
        sound.then_some(image)
    }

    /// Checks what is read once something has changed.
    pub(super) fn verify_all(&self) -> Result<(), Malformed> {
        self.sections.verify(&self.bytes, &COLD)
    }

    fn section(&self, section: Section) -> &[u8] {
        self.sections.bytes(&self.bytes, section)
    }

    /// How many paths there are.
    pub(super) fn paths(&self) -> usize {
        PathRecord::count(self.section(Section::Paths))
    }

    /// A path.
    pub(super) fn path_record(&self, number: u32) -> Option<PathRecord> {
        PathRecord::nth(self.section(Section::Paths), number as usize)
    }

    /// A path relative to its root. It never starts with a step out of that.
    pub(super) fn text_of(&self, number: u32) -> Option<&[u8]> {
        let record = self.path_record(number)?;
        let start = record.start as usize;
        let text = self.section(Section::Text).get(start..start.checked_add(record.length as usize)?)?;
        let leads_out = text.starts_with(b"/") || text == b".." || text.starts_with(b"../");
        (!leads_out && usize::from(record.root) < self.terms.roots.len()).then_some(text)
    }

    /// What lay at a path.
    pub(super) fn state(&self, number: u32) -> Option<StateRecord> {
        StateRecord::nth(self.section(Section::States), number as usize)
    }

    /// A content.
    pub(super) fn content(&self, number: u32) -> Option<Blob> {
        Blob::nth(self.section(Section::Contents), number as usize)
    }

    /// How many contents there are.
    pub(super) fn contents(&self) -> usize {
        Blob::count(self.section(Section::Contents))
    }

    /// The path that is looked at as the one numbered `at`.
    pub(super) fn order(&self, at: usize) -> Option<u32> {
        u32::nth(self.section(Section::Order), at)
    }

    /// What else was asked of the disk.
    pub(super) fn asked(&self) -> Result<Vec<Asked>, Malformed> {
        decode_asked(self.section(Section::Questions))
    }

    /// What fresh actions have to say.
    pub(super) fn replays(&self) -> Result<Vec<Replay>, Malformed> {
        decode_replays(self.section(Section::Replays))
    }

    /// How many actions there are.
    pub(super) fn actions(&self) -> usize {
        ActionRecord::count(self.section(Section::Actions))
    }

    /// An action.
    pub(super) fn action(&self, number: usize) -> Option<ActionRecord> {
        ActionRecord::nth(self.section(Section::Actions), number)
    }

    /// The paths of an action, those that it writes first.
    pub(super) fn list(&self, action: &ActionRecord) -> impl Iterator<Item = u32> + '_ {
        let lists = self.section(Section::Lists);
        let start = action.start as usize * u32::LENGTH;
        let end = start.saturating_add(action.length as usize * u32::LENGTH);
        let list = lists.get(start..end).unwrap_or_default();
        list.chunks_exact(u32::LENGTH).map(u32::read)
    }
}

impl Table for Image {
    fn len(&self) -> usize {
        u32::count(self.section(Section::Order))
    }

    fn path(&self, at: usize) -> (usize, &[u8]) {
        let number = self.order(at).unwrap_or_default();
        let root = self.path_record(number).map_or(usize::MAX, |record| usize::from(record.root));
        (root, self.text_of(number).unwrap_or_default())
    }

    fn known(&self, at: usize) -> Known {
        let number = self.order(at).unwrap_or_default();
        match self.path_record(number).map(|record| record.kind) {
            Some(Kind::Absent) => Known::Absent,
            Some(Kind::File) => self.state(number).map_or(Known::Racy, |state| Known::File(state.signature)),
            _ => Known::Racy,
        }
    }
}
