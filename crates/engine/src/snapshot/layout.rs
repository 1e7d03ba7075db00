//! How a snapshot lies in its file: a header that names every section, and sections of records of equal length. What
//! stands here is described in `docs/format/snapshot.md`.

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::Malformed;
use rekindle_fingerprint::signature::{FileTime, Signature};
use twox_hash::XxHash3_64;

/// Starts every snapshot.
const MAGIC: &[u8; 16] = b"rekindlesnapshot";
/// The format that this rekindle writes and reads. A snapshot of another one counts as none.
const VERSION: u32 = 3;

/// The sections, in their order in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// What the proof depends on and what is told if it holds.
    Terms,
    /// [`PathRecord`]s: every path that is spoken of.
    Paths,
    /// The text of paths.
    Text,
    /// [`StateRecord`]s: what lay at each path.
    States,
    /// The numbers of the paths that are looked at, neighbours together.
    Order,
    /// What else was asked of the disk.
    Questions,
    /// What fresh actions have to say.
    Replays,
    /// Digest and size of every content.
    Contents,
    /// [`ActionRecord`]s.
    Actions,
    /// The paths of every action.
    Lists,
}

impl Section {
    pub(super) const COUNT: usize = 10;
}

/// Magic, version, number of sections; offset, length and checksum of each; checksum of all that.
pub(super) const HEADER: usize = 16 + 4 + 4 + Section::COUNT * 24 + 8;

/// A fast sum that tells damage: XXH3-64 (<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>).
fn sum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Puts sections together to a file.
pub(super) fn assemble(sections: &[Vec<u8>; Section::COUNT]) -> Vec<u8> {
    let length: usize = sections.iter().map(|section| section.len().next_multiple_of(8)).sum();
    let mut bytes = Vec::with_capacity(HEADER + length);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(Section::COUNT as u32).to_le_bytes());
    let mut at = HEADER as u64;
    for section in sections {
        for number in [at, section.len() as u64, sum(section)] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        at += section.len().next_multiple_of(8) as u64;
    }
    let header = sum(&bytes);
    bytes.extend_from_slice(&header.to_le_bytes());
    for section in sections {
        bytes.extend_from_slice(section);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

/// Where the sections of a file lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sections([(usize, usize, u64); Section::COUNT]);

impl Sections {
    /// Reads the header.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let header = bytes.get(..HEADER).ok_or(Malformed)?;
        let (said, own) = header.split_at(HEADER - 8);
        if !said.starts_with(MAGIC)
            || u32_at(said, 16) != VERSION
            || u32_at(said, 20) as usize != Section::COUNT
            || sum(said) != u64_at(own, 0)
        {
            return Err(Malformed);
        }
        let mut sections = [(0, 0, 0); Section::COUNT];
        for (number, section) in sections.iter_mut().enumerate() {
            let at = 24 + number * 24;
            let place = |at| usize::try_from(u64_at(said, at)).map_err(|_| Malformed);
            let (start, length) = (place(at)?, place(at + 8)?);
            let end = start.checked_add(length).ok_or(Malformed)?;
            if start < HEADER || end > bytes.len() {
                return Err(Malformed);
            }
            *section = (start, length, u64_at(said, at + 16));
        }
        Ok(Self(sections))
    }

    /// The bytes of a section, as they are.
    pub(super) fn bytes<'b>(&self, bytes: &'b [u8], section: Section) -> &'b [u8] {
        let (start, length, _) = self.0[section as usize];
        &bytes[start..start + length]
    }

    /// Checks that the bytes of these sections are those that were written.
    pub(super) fn verify(&self, bytes: &[u8], sections: &[Section]) -> Result<(), Malformed> {
        let intact = |section: &Section| sum(self.bytes(bytes, *section)) == self.0[*section as usize].2;
        if sections.iter().all(intact) { Ok(()) } else { Err(Malformed) }
    }
}

/// Writes numbers one behind the other.
macro_rules! put {
    ($bytes:expr, $($number:expr),+) => {{ $( $bytes.extend_from_slice(&$number.to_le_bytes()); )+ }};
}

/// Records of equal length.
pub(super) trait Record: Copy {
    /// Its length in bytes.
    const LENGTH: usize;

    /// Appends it.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Reads it from at least [`Record::LENGTH`] bytes.
    fn read(bytes: &[u8]) -> Self;

    /// The one numbered `number` of a section.
    fn nth(section: &[u8], number: usize) -> Option<Self> {
        let start = number.checked_mul(Self::LENGTH)?;
        section.get(start..start.checked_add(Self::LENGTH)?).map(Self::read)
    }

    /// How many there are in a section.
    fn count(section: &[u8]) -> usize {
        section.len() / Self::LENGTH
    }
}

/// Writes all records of a section.
pub(super) fn section<R: Record>(records: &[R]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(records.len() * R::LENGTH);
    for record in records {
        record.write(&mut bytes);
    }
    bytes
}

/// A path: the number of its root, and where its text lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PathRecord {
    pub(super) root: u16,
    pub(super) kind: Kind,
    /// Whether lowering looked at it, so that everything may be another when it changes.
    pub(super) lowers: bool,
    pub(super) start: u32,
    pub(super) length: u32,
}

/// What lay at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is not looked at.
    Unseen,
    /// Nothing.
    Absent,
    /// A file.
    File,
    /// A file whose signature is not to be believed.
    Racy,
}

impl Record for PathRecord {
    const LENGTH: usize = 12;

    fn write(&self, bytes: &mut Vec<u8>) {
        put!(bytes, self.root, self.kind as u8, u8::from(self.lowers), self.start, self.length);
    }

    fn read(bytes: &[u8]) -> Self {
        let kind = match bytes[2] {
            1 => Kind::Absent,
            2 => Kind::File,
            3 => Kind::Racy,
            _ => Kind::Unseen,
        };
        let root = u16::from_le_bytes([bytes[0], bytes[1]]);
        Self { root, kind, lowers: bytes[3] != 0, start: u32_at(bytes, 4), length: u32_at(bytes, 8) }
    }
}

/// The signature of a file and the number of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateRecord {
    pub(super) signature: Signature,
    pub(super) content: u32,
}

impl StateRecord {
    /// That of a path at which no file lay.
    pub(super) const NONE: Self = Self {
        signature: Signature { size: 0, mtime: FileTime(0), ctime: FileTime(0), inode: 0, mode: 0 },
        content: 0,
    };
}

impl Record for StateRecord {
    const LENGTH: usize = 40;

    fn write(&self, bytes: &mut Vec<u8>) {
        let Signature { size, mtime, ctime, inode, mode } = self.signature;
        put!(bytes, size, mtime.0, ctime.0, inode, mode, self.content);
    }

    fn read(bytes: &[u8]) -> Self {
        let time = |at| FileTime(u64_at(bytes, at).cast_signed());
        let signature = Signature {
            size: u64_at(bytes, 0),
            mtime: time(8),
            ctime: time(16),
            inode: u64_at(bytes, 24),
            mode: u32_at(bytes, 32),
        };
        Self { signature, content: u32_at(bytes, 36) }
    }
}

impl Record for Blob {
    const LENGTH: usize = 40;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.digest.0);
        put!(bytes, self.size);
    }

    fn read(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(&bytes[..32]);
        Self { digest: Digest(digest), size: u64_at(bytes, 32) }
    }
}

/// An action: its paths, those that it writes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ActionRecord {
    /// Where its paths start in the lists.
    pub(super) start: u32,
    /// How many they are.
    pub(super) length: u32,
    /// How many of them it writes, at least one; the first one names it.
    pub(super) outputs: u32,
    /// The place of its kind in `ActionKind::ALL`.
    pub(super) kind: u8,
    /// Whether its result is volatile, and whether it is local.
    pub(super) volatile: bool,
    pub(super) local: bool,
    /// Whether it leaves something for links to read.
    pub(super) leaves: bool,
    /// What binds its result, as a number of the terms' list counted from 1; 0 if nothing does.
    pub(super) bound: u32,
}

impl Record for ActionRecord {
    const LENGTH: usize = 20;

    fn write(&self, bytes: &mut Vec<u8>) {
        put!(bytes, self.start, self.length, self.outputs);
        put!(
            bytes,
            self.kind,
            u8::from(self.volatile),
            u8::from(self.local),
            u8::from(self.leaves),
            self.bound
        );
    }

    fn read(bytes: &[u8]) -> Self {
        Self {
            start: u32_at(bytes, 0),
            length: u32_at(bytes, 4),
            outputs: u32_at(bytes, 8),
            kind: bytes[12],
            volatile: bytes[13] != 0,
            local: bytes[14] != 0,
            leaves: bytes[15] != 0,
            bound: u32_at(bytes, 16),
        }
    }
}

impl Record for u32 {
    const LENGTH: usize = 4;

    fn write(&self, bytes: &mut Vec<u8>) {
        put!(bytes, self);
    }

    fn read(bytes: &[u8]) -> Self {
        u32_at(bytes, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back_as_they_were_written() {
        let path = PathRecord { root: 7, kind: Kind::Racy, lowers: true, start: 9, length: 300 };
        let signature =
            Signature { size: 5, mtime: FileTime(-6), ctime: FileTime(7), inode: u64::MAX, mode: 0o644 };
        let state = StateRecord { signature, content: 12 };
        let action = ActionRecord {
            start: 1,
            length: 2,
            outputs: 1,
            kind: 4,
            volatile: true,
            local: false,
            leaves: true,
            bound: 3,
        };
        let blob = Blob::of(b"text");
        assert_eq!(PathRecord::nth(&section(&[path, path]), 1), Some(path));
        assert_eq!(StateRecord::nth(&section(&[state]), 0), Some(state));
        assert_eq!(ActionRecord::nth(&section(&[action]), 0), Some(action));
        assert_eq!(Blob::nth(&section(&[blob]), 0), Some(blob));
        assert_eq!((u32::nth(&section(&[1u32, 2]), 1), u32::nth(&section(&[1u32]), 1)), (Some(2), None));
    }

    fn file() -> Vec<u8> {
        let mut sections: [Vec<u8>; Section::COUNT] = Default::default();
        for (number, section) in sections.iter_mut().enumerate() {
            section.resize(number * 3, number as u8);
        }
        assemble(&sections)
    }

    #[test]
    fn sections_are_found_where_they_were_put() {
        let bytes = file();
        let sections = Sections::read(&bytes).unwrap();
        sections.verify(&bytes, &[Section::Terms, Section::Lists]).unwrap();
        assert_eq!(sections.bytes(&bytes, Section::Text), [2; 6]);
        assert_eq!(sections.bytes(&bytes, Section::Lists), [9; 27]);
    }

    #[test]
    fn every_flipped_byte_of_header_and_sections_is_noticed() {
        let bytes = file();
        let all = [
            Section::Terms,
            Section::Paths,
            Section::Text,
            Section::States,
            Section::Order,
            Section::Questions,
            Section::Replays,
            Section::Contents,
            Section::Actions,
            Section::Lists,
        ];
        let whole = Sections::read(&bytes).unwrap();
        let used = |at: usize| {
            at < HEADER || whole.0.iter().any(|(start, length, _)| (*start..start + length).contains(&at))
        };
        for at in (0..bytes.len()).filter(|at| used(*at)) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            let noticed = Sections::read(&damaged).and_then(|sections| sections.verify(&damaged, &all));
            assert!(noticed.is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_shortened_file_is_refused() {
        let bytes = file();
        let end = HEADER + (0..9).map(|number: usize| (number * 3).next_multiple_of(8)).sum::<usize>() + 27;
        for length in 0..end {
            assert!(Sections::read(&bytes[..length]).is_err(), "{length}");
        }
    }
}
