//! Packing: everything that goes in is checked on the way, and the file appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rekindle_fingerprint::digest::{Blob, Digest};
use rustc_hash::FxHashMap;

use super::error::Error;
use super::head::Head;
use super::index::{self, FULL, From, Known, LONGEST_CHUNK, MOST_PRODUCTS, MOST_ROWS, Row, Text};
use super::plan::{Plan, numbers};
use super::{LONGEST_INDEX, MEMBERS, MOST, MOST_NAMED, frame, most_in, tar};
use crate::disk::{Disk, Since, Taking};
use crate::result::Entry;

/// So often a pack is begun anew because something went away meanwhile.
const TRIES: usize = 5;

/// What was packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Results.
    pub results: u64,
    /// Input sets.
    pub sets: u64,
    /// Answers that toolchains gave.
    pub notes: u64,
    /// Records of builds.
    pub builds: u64,
    /// Contents of files.
    pub blobs: u64,
    /// How many bytes these are.
    pub bytes: u64,
    /// How long the pack is.
    pub size: u64,
    /// What was left out.
    pub missing: Missing,
}

/// What is named in the store and is not there, or not whole, so that it was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Results that a build used and that are gone, or of which a blob is gone.
    pub results: u64,
    /// Blobs that results name.
    pub blobs: u64,
    /// Input sets that results name.
    pub sets: u64,
    /// Notes that a build used.
    pub notes: u64,
}

/// Why a pack was not finished.
enum Stop {
    /// Something went away since the plan was made.
    Again,
    Failed(Error),
}

impl<E: Into<Error>> std::convert::From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Packs what the records of builds since then reach, or, without a `since`, everything, into the file `to`, in the
/// place of what may be there. What is packed does not count as used.
///
/// # Errors
/// As [`Disk::reach`]; or the store cannot be read, or the file not be written. Then there is no new file.
pub fn export(disk: &Disk, since: Option<Since>, to: &Path) -> Result<Packed, Error> {
    for _ in 0..TRIES {
        let plan = Plan::of(disk, since)?;
        match write(disk, &plan, to) {
            Ok(packed) => return Ok(packed),
            Err(Stop::Again) => {}
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
    Err(Error::Restless)
}

fn write(disk: &Disk, plan: &Plan, to: &Path) -> Result<Packed, Stop> {
    let head = Head {
        version: env!("CARGO_PKG_VERSION").to_string(),
        blobs: plan.blobs.len() as u64,
        bytes: plan.blobs.iter().map(|blob| blob.size).sum(),
        sets: plan.sets.len() as u64,
        notes: plan.notes.len() as u64,
        results: plan.results.len() as u64,
        builds: plan.builds.len() as u64,
    };
    for (count, what) in head.counts() {
        if count > MOST {
            return Err(too_much(format!("has {count} {what}, and a pack holds at most {MOST}")));
        }
    }
    if plan.names > MOST_NAMED {
        return Err(too_much(format!("names {} things, and a pack at most {MOST_NAMED}", plan.names)));
    }
    let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut index = tempfile::tempfile_in(dir).map_err(Error::file("write", to))?;
    write_index(disk, plan, &index, to)?;
    let index_length = index.stream_position().map_err(Error::file("write", to))?;
    if index_length > LONGEST_INDEX {
        return Err(too_much(format!("takes an index of {index_length} bytes, beyond {LONGEST_INDEX}")));
    }
    index.rewind().map_err(Error::file("write", to))?;
    let mut file = tempfile::Builder::new()
        .prefix(".rekindle-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(dir)
        .map_err(Error::file("write", to))?;
    let length = write_frame(disk, plan, &head, (index, index_length), file.as_file_mut(), to)?;
    let size = file.as_file().metadata().map_err(Error::file("look at", to))?.len();
    if length > most_in(size) {
        return Err(too_much("shrinks so much that it could not be told from a bomb".to_string()));
    }
    file.as_file().sync_all().map_err(Error::file("write", to))?;
    file.persist(to).map_err(|error| Error::file("rename", to)(error.error))?;
    let Head { blobs, bytes, sets, notes, results, builds, .. } = head;
    Ok(Packed { results, sets, notes, builds, blobs, bytes, size, missing: plan.missing })
}

fn too_much(what: String) -> Stop {
    Stop::Failed(Error::TooMuch { what })
}

/// Writes all of the pack, and tells how long it is before it is compressed.
fn write_frame(
    disk: &Disk,
    plan: &Plan,
    head: &Head,
    (index, index_length): (File, u64),
    file: &mut File,
    to: &Path,
) -> Result<u64, Stop> {
    let refused = || Error::file("write", to);
    let text = head.text();
    let sizes = [text.len() as u64, index_length, head.bytes];
    let length = tar::length(sizes).ok_or_else(|| too_much("is beyond all numbers".to_string()))?;
    let mut out = frame::writer(BufWriter::with_capacity(1 << 20, file), length).map_err(refused())?;
    let zeros = [0; tar::END];
    let start = |out: &mut dyn Write, member: usize| {
        out.write_all(&tar::header(MEMBERS[member], sizes[member])).map_err(refused())
    };
    let end = |out: &mut dyn Write, member: usize| {
        out.write_all(&zeros[..tar::padding(sizes[member])]).map_err(refused())
    };
    start(&mut out, 0)?;
    out.write_all(text.as_bytes()).map_err(refused())?;
    end(&mut out, 0)?;
    start(&mut out, 1)?;
    io::copy(&mut BufReader::with_capacity(1 << 20, index).take(index_length), &mut out).map_err(refused())?;
    end(&mut out, 1)?;
    start(&mut out, 2)?;
    for blob in &plan.blobs {
        disk.take_out(blob, |piece| out.write_all(piece)).map_err(|taking| match taking {
            Taking::Gone => Stop::Again,
            Taking::To(error) => Stop::Failed(refused()(error)),
            Taking::Store(error) => error.into(),
        })?;
    }
    end(&mut out, 2)?;
    out.write_all(&zeros).map_err(refused())?;
    let mut out = out.finish().map_err(refused())?;
    out.flush().map_err(refused())?;
    Ok(length)
}

/// The index as it is written.
struct Chunks<'a> {
    out: BufWriter<&'a File>,
    to: &'a Path,
}

impl Chunks<'_> {
    fn put(&mut self, chunk: &[u8]) -> Result<(), Stop> {
        let length = chunk.len() as u64;
        if length > LONGEST_CHUNK {
            return Err(too_much(format!(
                "takes a part of an index of {length} bytes, beyond {LONGEST_CHUNK}"
            )));
        }
        let length = length.to_le_bytes();
        let written = self.out.write_all(&length).and_then(|()| self.out.write_all(chunk));
        Ok(written.map_err(Error::file("write", self.to))?)
    }

    /// Writes rows that are read one after the other: `read` gives the bytes that a row is made of, `write` a chunk.
    fn rows<T, R>(
        &mut self,
        things: &[T],
        mut read: impl FnMut(&T) -> Result<(R, usize), Stop>,
        write: impl Fn(&[R]) -> Vec<u8>,
    ) -> Result<(), Stop> {
        let (mut rows, mut size) = (Vec::new(), 0);
        for thing in things {
            let (row, length) = read(thing)?;
            rows.push(row);
            size += length;
            if rows.len() == MOST_ROWS || size >= FULL {
                self.put(&write(&rows))?;
                rows.clear();
                size = 0;
            }
        }
        if rows.is_empty() { Ok(()) } else { self.put(&write(&rows)) }
    }
}

fn write_index(disk: &Disk, plan: &Plan, file: &File, to: &Path) -> Result<(), Stop> {
    let mut chunks = Chunks { out: BufWriter::with_capacity(1 << 20, file), to };
    chunks.rows(&plan.blobs, |blob| Ok((blob.size, 8)), index::write_blobs)?;
    let keyed = |texts: &[(Digest, Vec<u8>)]| {
        let texts: Vec<Text<'_>> = texts.iter().map(|(key, bytes)| Text { key: *key, bytes }).collect();
        index::write_keyed(&texts)
    };
    let row = |key: &Digest, bytes: Option<Vec<u8>>| {
        let bytes = bytes.ok_or(Stop::Again)?;
        let length = bytes.len();
        Ok(((*key, bytes), length))
    };
    chunks.rows(
        &plan.sets,
        |(key, set)| row(key, disk.set_there(key, set)?.map(|(_, payload)| payload)),
        keyed,
    )?;
    chunks.rows(&plan.notes, |key| row(key, disk.note_there(key)?), keyed)?;
    let numbers =
        Numbers { blobs: numbers(plan.blobs.iter().copied()), sets: numbers(plan.sets.iter().copied()) };
    let read = |name: &Digest| {
        let entry = disk.entry_there(name)?.ok_or(Stop::Again)?;
        let row = numbers.of(*name, entry).ok_or(Stop::Again)?;
        if row.products.len() > MOST_PRODUCTS as usize {
            return Err(too_much(format!("has a result of {} products", row.products.len())));
        }
        let length = row.length();
        Ok((row, length))
    };
    chunks.rows(&plan.results, read, |rows| {
        let rows: Vec<Row<'_>> = rows.iter().map(Numbered::row).collect();
        index::write_results(&rows)
    })?;
    chunks.rows(
        &plan.builds,
        |build| Ok((build.clone(), 4 * (build.results.len() + build.notes.len()))),
        index::write_builds,
    )?;
    Ok(chunks.out.flush().map_err(Error::file("write", to))?)
}

/// The numbers of what a pack has.
struct Numbers {
    blobs: FxHashMap<Blob, u32>,
    sets: FxHashMap<(Digest, Digest), u32>,
}

/// A result, and the numbers of what it names.
struct Numbered {
    name: Digest,
    entry: Entry,
    products: Vec<(u32, bool)>,
    origin: Option<From>,
    /// The entry of a bound one.
    bound: Vec<u8>,
}

impl Numbers {
    /// None if the result names a blob that is not in the pack: it was put anew since the plan was made.
    fn of(&self, name: Digest, entry: Entry) -> Option<Numbered> {
        let mut numbered = Numbered { name, entry, products: Vec::new(), origin: None, bound: Vec::new() };
        match &numbered.entry {
            Entry::Bound { .. } => numbered.bound = numbered.entry.encode(),
            Entry::Made(made) => {
                let number = |blob: &Blob| self.blobs.get(blob).copied();
                let products = made.products.iter();
                let products: Option<_> =
                    products.map(|product| Some((number(&product.blob)?, product.executable))).collect();
                numbered.products = products?;
                numbered.origin = made.origin.as_ref().map(|origin| match origin.set {
                    None => From::Key(origin.key),
                    Some(set) => {
                        let number = self.sets.get(&(origin.key, set));
                        number.map_or(From::Gone(origin.key, set), |number| From::Set(*number))
                    }
                });
            }
        }
        Some(numbered)
    }
}

impl Numbered {
    fn row(&self) -> Row<'_> {
        let known = match &self.entry {
            Entry::Bound { .. } => Known::Bound(&self.bound),
            Entry::Made(made) => {
                let made_of = made.origin.as_ref().map_or(&[][..], |origin| &origin.made_of);
                Known::Made {
                    products: self.products.clone(),
                    printed: &made.printed,
                    duration_ms: made.duration_ms,
                    origin: self.origin.map(|from| (from, made_of)),
                }
            }
        };
        Row { name: self.name, known }
    }

    /// About how many bytes it adds to a chunk.
    fn length(&self) -> usize {
        let texts = match &self.entry {
            Entry::Bound { .. } => self.bound.len(),
            Entry::Made(made) => {
                made.printed.len() + made.origin.as_ref().map_or(0, |origin| origin.made_of.len())
            }
        };
        texts + 128 + 5 * self.products.len()
    }
}
