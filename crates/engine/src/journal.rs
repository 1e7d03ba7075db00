//! The journal: a file of checksummed records that is only ever appended to. A torn or damaged tail is cut off;
//! what stood there is simply not known any more. The format is described in `docs/format/journal.md`.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::Digest;

use crate::error::{At, Error};

/// Starts every journal.
const MAGIC: &[u8; 16] = b"rekindle journal";
/// The format that this rekindle writes.
pub const VERSION: u32 = 2;
/// Magic, version, checksum of both.
const HEADER: usize = 16 + 4 + 8;
/// Length of payload, kind; checksum behind the payload.
const FRAME: usize = 4 + 1 + 8;
/// No record is longer; a length beyond it is damage.
const LONGEST: usize = 64 << 20;

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    pending: Vec<u8>,
    length: u64,
    lost: bool,
}

/// One record as it was read: its kind and its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What kind of record it is.
    pub kind: u8,
    /// What it says.
    pub payload: &'a [u8],
}

fn checksum(parts: &[&[u8]]) -> [u8; 8] {
    let digest = match parts {
        [one] => Digest::of(one),
        _ => Digest::of(&parts.concat()),
    };
    let mut short = [0; 8];
    short.copy_from_slice(&digest.0[..8]);
    short
}

fn header() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let sum = checksum(&[&bytes]);
    bytes.extend_from_slice(&sum);
    bytes
}

/// The format version that a header names; `None` if it is no undamaged header of a journal.
fn version_of(bytes: &[u8]) -> Option<u32> {
    let header = bytes.get(..HEADER)?;
    let (said, sum) = header.split_at(HEADER - 8);
    if !said.starts_with(MAGIC) || checksum(&[said]) != sum {
        return None;
    }
    Some(u32::from_le_bytes(said[16..20].try_into().ok()?))
}

/// The record at `at`, and where the next one starts; `None` at the end or at damage.
fn record_at(bytes: &[u8], at: usize) -> Option<(Record<'_>, usize)> {
    let rest = bytes.get(at..)?;
    let length = u32::from_le_bytes(rest.get(..4)?.try_into().ok()?) as usize;
    if length > LONGEST {
        return None;
    }
    let framed = rest.get(..5 + length)?;
    let sum = rest.get(5 + length..FRAME + length)?;
    if checksum(&[framed]) != sum {
        return None;
    }
    Some((Record { kind: framed[4], payload: &framed[5..] }, at + FRAME + length))
}

fn frame(kind: u8, payload: &[u8], into: &mut Vec<u8>) {
    let start = into.len();
    into.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    into.push(kind);
    into.extend_from_slice(payload);
    let sum = checksum(&[&into[start..]]);
    into.extend_from_slice(&sum);
}

impl Journal {
    /// Opens the journal at `path`, or makes an empty one, and hands every undamaged record to `read` until that
    /// says `false` (a record that cannot be right). What follows the last good record is cut off.
    ///
    /// # Errors
    /// The file cannot be read or written, or a newer rekindle wrote it: then it is left as it is.
    pub fn open(path: &Path, mut read: impl FnMut(Record<'_>) -> bool) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
            .at("open", path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).at("read", path)?;
        let version = version_of(&bytes);
        if let Some(found) = version.filter(|found| *found > VERSION) {
            return Err(Error::NewerFormat { path: path.to_path_buf(), found, known: VERSION });
        }
        let mut journal = Self { file, path: path.to_path_buf(), pending: Vec::new(), length: 0, lost: true };
        if version == Some(VERSION) {
            let mut at = HEADER;
            while let Some((record, next)) = record_at(&bytes, at) {
                if !read(record) {
                    break;
                }
                at = next;
            }
            journal.lost = at < bytes.len();
            journal.cut(at as u64, bytes.len() as u64)?;
        } else {
            journal.cut(0, bytes.len() as u64)?;
            journal.pending = header();
            journal.flush()?;
        }
        Ok(journal)
    }

    fn cut(&mut self, keep: u64, length: u64) -> Result<(), Error> {
        if keep < length {
            self.file.set_len(keep).at("truncate", &self.path)?;
        }
        self.length = keep;
        self.file.seek(SeekFrom::Start(keep)).at("seek in", &self.path)?;
        Ok(())
    }

    /// Appends a record; it reaches the file with the next [`Journal::flush`]. One of more than 64 MiB is not
    /// written (and so not known to the next build): `false`.
    pub fn append(&mut self, kind: u8, payload: &[u8]) -> bool {
        let fits = payload.len() <= LONGEST;
        if fits {
            frame(kind, payload, &mut self.pending);
        }
        fits
    }

    /// Writes what was appended.
    ///
    /// # Errors
    /// The disk is full, or the like. What was written of it by then is cut off again, or by the next build.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.pending);
        if let Err(error) = written {
            self.pending.clear();
            let length = self.length;
            self.cut(length, u64::MAX)?;
            return Err(error).at("write", &self.path);
        }
        self.length += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Whether something that stood here may be gone: there was no journal, or it was damaged.
    pub fn lost(&self) -> bool {
        self.lost
    }

    /// How many bytes the file has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Replaces the journal by one with only the records that `write` appends, by an atomic rename.
    ///
    /// # Errors
    /// The new file cannot be written or renamed; the old one is then still there.
    pub fn rewrite(&mut self, write: impl FnOnce(&mut Self)) -> Result<(), Error> {
        self.flush()?;
        let beside = self.path.with_extension("new");
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&beside)
            .at("open", &beside)?;
        let mut new = Self { file, path: beside.clone(), pending: header(), length: 0, lost: self.lost };
        write(&mut new);
        new.flush()?;
        fs::rename(&beside, &self.path).at("rename", &beside)?;
        new.path.clone_from(&self.path);
        *self = new;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(path: &Path) -> Vec<(u8, Vec<u8>)> {
        let mut records = Vec::new();
        Journal::open(path, |record| {
            records.push((record.kind, record.payload.to_vec()));
            true
        })
        .unwrap();
        records
    }

    fn written(path: &Path) -> Vec<(u8, Vec<u8>)> {
        let mut journal = Journal::open(path, |_| true).unwrap();
        let records = vec![(1, b"one".to_vec()), (2, Vec::new()), (3, vec![0xff; 300])];
        for (kind, payload) in &records {
            journal.append(*kind, payload);
        }
        journal.flush().unwrap();
        records
    }

    #[test]
    fn what_was_appended_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let records = written(&path);
        assert_eq!(read_all(&path), records);
        assert_eq!(written(&path).len(), 3);
        assert_eq!(read_all(&path).len(), 6);
    }

    #[test]
    fn a_torn_tail_is_cut_off_wherever_it_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let records = written(&path);
        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            let read = read_all(&path);
            assert!(read.len() < records.len() && read[..] == records[..read.len()], "torn at {length}");
            let more = written(&path);
            assert_eq!(read_all(&path).len(), read.len() + more.len(), "appending after a cut at {length}");
        }
    }

    #[test]
    fn a_flipped_byte_is_never_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let records = written(&path);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, &damaged).unwrap();
            let read = read_all(&path);
            assert!(read.len() < records.len() && read[..] == records[..read.len()], "flipped at {at}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&(VERSION + 1).to_le_bytes());
        bytes.extend_from_slice(&checksum(&[&bytes]));
        bytes.extend_from_slice(b"from the future");
        fs::write(&path, &bytes).unwrap();
        let error = Journal::open(&path, |_| true).unwrap_err().to_string();
        let shown = error.replace(&dir.path().display().to_string(), "DIR");
        insta::assert_snapshot!(shown, @"the build directory DIR/journal has format 3, and this rekindle knows formats up to 2");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn rewriting_leaves_only_what_was_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        written(&path);
        let mut journal = Journal::open(&path, |_| true).unwrap();
        journal.rewrite(|new| assert!(new.append(9, b"all that is left"))).unwrap();
        journal.append(8, b"and more");
        journal.flush().unwrap();
        assert_eq!(read_all(&path), [(9, b"all that is left".to_vec()), (8, b"and more".to_vec())]);
        assert_eq!(journal.length(), fs::metadata(&path).unwrap().len());
    }
}
