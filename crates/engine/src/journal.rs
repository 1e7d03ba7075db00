//! The journal: a file of checksummed records that is only ever appended to. A torn or damaged tail is cut off;
//! what stood there is simply not known any more. The format is described in `docs/format/journal.md`.
//!
//! Each checksum covers the one before, so the last one stands for all that was ever written: a [`Mark`] tells whether
//! a journal still starts with what it held at an earlier time, without a look at any of it.

mod window;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::Digest;
use twox_hash::XxHash3_64;

use crate::error::{At, Error};
use window::Window;

/// Starts every journal.
const MAGIC: &[u8; 16] = b"rekindle journal";
/// The format that this rekindle writes.
pub const VERSION: u32 = 4;
/// The format before: none of its stamps says that outputs were left in the store.
const BEFORE: u32 = 3;
/// The format before that: it has no epochs, and its checksums are other ones.
const FIRST: u32 = 2;
/// Magic, version, checksum of both.
const HEADER: usize = 16 + 4 + SUM;
/// A checksum.
const SUM: usize = 8;
/// What a record has besides its payload: length, kind, checksum.
pub(crate) const FRAME: usize = 4 + 1 + SUM;
/// No record is longer; a length beyond it is damage.
const LONGEST: usize = 64 << 20;

/// A checksum of a record and of everything before it.
type Sum = [u8; SUM];

/// Where a journal ended at some time, and a checksum of all that it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How long it was.
    pub length: u64,
    /// The last 8 bytes that it had.
    pub tail: [u8; 8],
}

/// A journal that is open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// What was appended and not written yet.
    pending: Vec<u8>,
    /// The checksum of the last record, written or not.
    tail: Sum,
    /// What is in the file.
    written: Mark,
    /// Which epoch it is in; see [`Journal::epoch`].
    epoch: u32,
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

/// The checksum of headers, and of the records of format 2. It stays what it is in every format, so that a rekindle
/// knows a newer one when it sees it.
fn plain_sum(bytes: &[u8]) -> Sum {
    let mut short = [0; SUM];
    short.copy_from_slice(&Digest::of(bytes).0[..SUM]);
    short
}

/// The checksum of a record behind one whose checksum is `before`.
fn chained_sum(before: Sum, bytes: &[u8]) -> Sum {
    XxHash3_64::oneshot_with_seed(u64::from_le_bytes(before), bytes).to_le_bytes()
}

fn header() -> (Vec<u8>, Sum) {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    let sum = plain_sum(&bytes);
    bytes.extend_from_slice(&sum);
    (bytes, sum)
}

/// The format version that a header names, and its checksum; `None` if it is no undamaged header of a journal.
fn version_of(header: &[u8]) -> Option<(u32, Sum)> {
    let (said, sum) = header.split_last_chunk::<SUM>()?;
    if !said.starts_with(MAGIC) || plain_sum(said) != *sum {
        return None;
    }
    Some((u32::from_le_bytes(said[16..].try_into().ok()?), *sum))
}

/// Hands the records of `window` to `read`, until one is torn or damaged or `read` says `false`. `sum` gives the
/// checksum of a record from the one before. Gives the checksum of the last record that was good.
fn read_all(
    window: &mut Window<'_>,
    mut tail: Sum,
    sum: impl Fn(Sum, &[u8]) -> Sum,
    mut read: impl FnMut(Record<'_>) -> bool,
) -> io::Result<Sum> {
    while let Some(length) = window.ahead(4)?.and_then(|bytes| bytes.try_into().ok()) {
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST {
            break;
        }
        let Some(whole) = window.ahead(FRAME + length)? else { break };
        let Some((framed, found)) = whole.split_last_chunk::<SUM>() else { break };
        if sum(tail, framed) != *found || !read(Record { kind: framed[4], payload: &framed[5..] }) {
            break;
        }
        tail = *found;
        window.pass(FRAME + length);
    }
    Ok(tail)
}

fn open(path: &Path, options: &mut OpenOptions) -> Result<File, Error> {
    options.read(true).write(true).open(path).at("open", path)
}

impl Journal {
    /// Opens the journal at `path`, or makes an empty one, and hands every undamaged record to `read` until that
    /// says `false` (a record that cannot be right). What follows the last good record is cut off.
    ///
    /// # Errors
    /// The file cannot be read or written, or a newer rekindle wrote it: then it is left as it is.
    pub fn open(path: &Path, read: impl FnMut(Record<'_>) -> bool) -> Result<Self, Error> {
        let file = open(path, OpenOptions::new().create(true).truncate(false))?;
        let length = file.metadata().at("stat", path)?.len();
        let mut window = Window::new(&file, 0, length);
        let version = window.ahead(HEADER).at("read", path)?.and_then(version_of);
        let good = match version {
            Some((found, _)) if found > VERSION => {
                return Err(Error::NewerFormat { path: path.to_path_buf(), found, known: VERSION });
            }
            Some((FIRST, _)) => {
                return Self::taken_over(path, window, length, [0; SUM], |_, bytes| plain_sum(bytes), read);
            }
            Some((BEFORE, sum)) => {
                return Self::taken_over(path, window, length, sum, chained_sum, read);
            }
            Some((VERSION, sum)) => {
                window.pass(HEADER);
                let tail = read_all(&mut window, sum, chained_sum, read).at("read", path)?;
                Some(Mark { length: window.at(), tail })
            }
            _ => None,
        };
        let lost = good.is_none_or(|good| good.length < length);
        let mut journal = Self::ending(file, path, good.unwrap_or(Mark { length: 0, tail: [0; SUM] }), lost);
        if journal.written.length < length {
            journal.cut()?;
        }
        if good.is_none() {
            (journal.pending, journal.tail) = header();
            journal.flush()?;
        }
        Ok(journal)
    }

    /// Rewrites a journal of a format before with the same records. `first` is what stands for the checksum before the
    /// first of them, and `sum` gives that of each.
    fn taken_over(
        path: &Path,
        mut window: Window<'_>,
        length: u64,
        first: Sum,
        sum: impl Fn(Sum, &[u8]) -> Sum,
        mut read: impl FnMut(Record<'_>) -> bool,
    ) -> Result<Self, Error> {
        window.pass(HEADER);
        let mut new = Self::beside(path)?;
        let both = |record: Record<'_>| read(record) && new.append(record.kind, record.payload);
        read_all(&mut window, first, sum, both).at("read", path)?;
        new.lost = window.at() < length;
        new.flush()?;
        new.put_at(path)?;
        Ok(new)
    }

    /// Opens the journal at `path` for appending, given where it ended when its records were last read. Only what was
    /// written since is read. `None` if it is another journal by now, or if what was written since is torn or `read`
    /// says `false`: it has to be opened whole then, and is left as it is.
    ///
    /// # Errors
    /// The file is there and cannot be read or written.
    pub fn resume(
        path: &Path,
        mark: Mark,
        read: impl FnMut(Record<'_>) -> bool,
    ) -> Result<Option<Self>, Error> {
        let file = match open(path, &mut OpenOptions::new()) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let length = file.metadata().at("stat", path)?.len();
        if mark.length < HEADER as u64 || length < mark.length {
            return Ok(None);
        }
        let mut start = [0; HEADER];
        file.read_exact_at(&mut start, 0).at("read", path)?;
        if version_of(&start).is_none_or(|(version, _)| version != VERSION) {
            return Ok(None);
        }
        let mut window = Window::new(&file, mark.length - SUM as u64, length);
        if window.ahead(SUM).at("read", path)? != Some(&mark.tail) {
            return Ok(None);
        }
        window.pass(SUM);
        let tail = read_all(&mut window, mark.tail, chained_sum, read).at("read", path)?;
        let good = Mark { length: window.at(), tail };
        Ok((good.length == length).then(|| Self::ending(file, path, good, false)))
    }

    fn ending(file: File, path: &Path, written: Mark, lost: bool) -> Self {
        let path = path.to_path_buf();
        Self { file, path, pending: Vec::new(), tail: written.tail, written, epoch: 0, lost }
    }

    /// An empty journal under another name, to be put in the place of the one at `path`.
    fn beside(path: &Path) -> Result<Self, Error> {
        let beside = path.with_extension("new");
        let file = open(&beside, OpenOptions::new().create(true).truncate(true))?;
        let mut new = Self::ending(file, &beside, Mark { length: 0, tail: [0; SUM] }, false);
        (new.pending, new.tail) = header();
        Ok(new)
    }

    /// Puts it, by an atomic rename, in the place of the one at `path`.
    fn put_at(&mut self, path: &Path) -> Result<(), Error> {
        fs::rename(&self.path, path).at("rename", &self.path)?;
        self.path = path.to_path_buf();
        Ok(())
    }

    /// Cuts off what stands behind the records that are known to be written, and forgets what was to be.
    fn cut(&mut self) -> Result<(), Error> {
        self.pending.clear();
        self.tail = self.written.tail;
        self.epoch += 1;
        self.file.set_len(self.written.length).at("truncate", &self.path)
    }

    /// Appends a record; it reaches the file with the next [`Journal::flush`]. One of more than 64 MiB is not
    /// written (and so not known to the next build): `false`.
    pub fn append(&mut self, kind: u8, payload: &[u8]) -> bool {
        let (true, Ok(length)) = (payload.len() <= LONGEST, u32::try_from(payload.len())) else {
            return false;
        };
        let start = self.pending.len();
        self.pending.extend_from_slice(&length.to_le_bytes());
        self.pending.push(kind);
        self.pending.extend_from_slice(payload);
        self.tail = chained_sum(self.tail, &self.pending[start..]);
        self.pending.extend_from_slice(&self.tail);
        true
    }

    /// Writes what was appended.
    ///
    /// # Errors
    /// The disk is full, or the like. What was written of it by then is cut off again, or by the next build.
    pub fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all_at(&self.pending, self.written.length) {
            self.cut()?;
            return Err(error).at("write", &self.path);
        }
        self.written.length += self.pending.len() as u64;
        self.written.tail = self.tail;
        self.pending.clear();
        Ok(())
    }

    /// Where the journal ends, as far as it is written. What is appended from here on is in another epoch.
    pub fn mark(&mut self) -> Mark {
        self.epoch += 1;
        self.written
    }

    /// Counts the places where whoever appends has to start anew with all that records before had settled, since a
    /// reader may not have them: a mark was taken here, or what was appended could not be written.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether something that stood here may be gone: there was no journal, or it was damaged.
    pub fn lost(&self) -> bool {
        self.lost
    }

    /// How many bytes the file has.
    pub fn length(&self) -> u64 {
        self.written.length
    }

    /// Replaces the journal by one with only the records that `write` appends, by an atomic rename.
    ///
    /// # Errors
    /// The new file cannot be written or renamed; the old one is then still there.
    pub fn rewrite(&mut self, write: impl FnOnce(&mut Self)) -> Result<(), Error> {
        self.flush()?;
        let mut new = Self::beside(&self.path)?;
        new.lost = self.lost;
        new.epoch = self.epoch + 1;
        write(&mut new);
        new.flush()?;
        new.put_at(&self.path)?;
        *self = new;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
