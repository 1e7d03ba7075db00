//! Unpacking: all of a pack is read and checked before anything of it is visible.
//!
//! Its blobs and its index are kept in a directory of the store's own for what is being written. Then blobs are moved to
//! their places, and sets, notes, results and records of builds are put, in this order, so that nothing names what is
//! not there yet.

use std::path::Path;

use super::error::Error;
use super::frame::Frame;
use super::head::{self, Head, Wrong};
use super::index::{From, Known, Row};
use super::stage::Staged;
use super::survey::{Index, Item, Survey};
use super::{LONGEST_INDEX, MEMBERS, MOST, tar};
use crate::disk::Disk;
use crate::result::{ActionResult, Entry, Origin, Product};
use crate::{ActionCache, Cas};

/// A file of the store takes up to so much more than what is in it.
const FILE: u64 = 4096;

/// What of a pack is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    All,
    /// All but the blobs: what builds used, to look at, not to build with.
    WithoutBlobs,
}

/// What came out of a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
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
    /// How many of the blobs the store did not have.
    pub new_blobs: u64,
    /// Results that were left out because the store lost a blob of theirs meanwhile.
    pub left_out: u64,
}

/// Brings what is in the pack `file` into a store. What is there already stays or is replaced, as when a build puts it.
/// The record of the last build of the pack becomes that of the last build.
///
/// # Errors
/// The file is no pack that can be used, or the store cannot be written, or it has no room. Then nothing was put, unless
/// the store got into trouble while things were put; those that were are whole.
pub fn import(disk: &Disk, file: &Path, content: Content) -> Result<Imported, Error> {
    disk.can_be_written()?;
    let mut frame = Frame::open(file)?;
    let text = member(&mut frame, 0, |size| size <= head::LONGEST)?;
    let bytes = frame.bytes(text)?;
    pad(&mut frame, text)?;
    let head = Head::read(&bytes).map_err(|wrong| match wrong {
        Wrong::Newer(format) => Error::Newer { path: file.to_path_buf(), format },
        Wrong::Bad(what) => Error::bad(file, what),
    })?;
    for (count, what) in head.counts() {
        if count > MOST {
            return Err(Error::bad(file, format!("it says that it has {count} {what}, beyond {MOST}")));
        }
    }
    let length = member(&mut frame, 1, |size| size <= LONGEST_INDEX)?;
    if head.bytes > frame.left() {
        return Err(Error::bad(file, "it says that its blobs are more bytes than it holds"));
    }
    has_room(disk, file, &head, length, content)?;
    let stage = disk.staging()?;
    let index = Index::read(&mut frame, length, &head, stage.path())?;
    pad(&mut frame, length)?;
    if index.survey.names() > disk.free()? {
        return Err(disk.is_full().into());
    }
    let bytes = member(&mut frame, 2, |_| true)?;
    if bytes != head.bytes {
        return Err(Error::bad(file, "its blobs are not as many bytes as it says"));
    }
    let wanted = content == Content::All;
    let blobs = Staged::read(&mut frame, &index.survey.sizes, disk, stage.path(), wanted)?;
    pad(&mut frame, bytes)?;
    zeros(&mut frame, tar::END)?;
    frame.end()?;
    put(disk, &head, index, &blobs, stage.path(), content)
}

/// The size of a member, which starts here.
fn member(frame: &mut Frame<'_>, number: usize, is_fit: impl Fn(u64) -> bool) -> Result<u64, Error> {
    let mut header = [0; tar::BLOCK];
    let name = MEMBERS[number];
    frame.fill(&mut header)?;
    let size = tar::read(&header, name).map_err(|what| Error::bad(frame.path(), what))?;
    if !is_fit(size) || size > frame.left() {
        return Err(Error::bad(frame.path(), format!("its member `{name}` is longer than it can be")));
    }
    Ok(size)
}

/// What follows a member up to the next block.
fn pad(frame: &mut Frame<'_>, size: u64) -> Result<(), Error> {
    zeros(frame, tar::padding(size))
}

fn zeros(frame: &mut Frame<'_>, count: usize) -> Result<(), Error> {
    let mut bytes = [0; tar::END];
    let bytes = &mut bytes[..count];
    frame.fill(bytes)?;
    let is_clear = bytes.iter().all(|byte| *byte == 0);
    if is_clear { Ok(()) } else { Err(Error::bad(frame.path(), "something lies behind one of its members")) }
}

/// Checks that the store may take what the pack says it has, and that the disk has room for it.
fn has_room(disk: &Disk, file: &Path, head: &Head, index: u64, content: Content) -> Result<(), Error> {
    let blobs = if content == Content::All { head.bytes } else { 0 };
    let limit = disk.limit();
    let holds = blobs.saturating_add(index);
    if holds > limit {
        return Err(Error::TooLarge { path: file.to_path_buf(), holds, limit });
    }
    let files: u64 = head.counts().iter().map(|(count, _)| count).sum();
    // The index is kept aside for a while.
    if holds.saturating_add(index).saturating_add(files * FILE) > disk.free()? {
        return Err(disk.is_full().into());
    }
    Ok(())
}

fn put(
    disk: &Disk,
    head: &Head,
    index: Index,
    blobs: &Staged<'_>,
    dir: &Path,
    content: Content,
) -> Result<Imported, Error> {
    let mut imported = Imported { blobs: head.blobs, bytes: head.bytes, ..Imported::default() };
    imported.new_blobs = blobs.settle()?;
    index.each(dir, |survey, item| {
        match item {
            Item::Blob => {}
            Item::Set(set) => {
                disk.put_set(&set.key, set.bytes)?;
                imported.sets += 1;
            }
            Item::Note(note) => {
                disk.put_note(&note.key, note.bytes)?;
                imported.notes += 1;
            }
            Item::Result(row) => {
                let name = row.name;
                // All numbers were checked.
                let Some(entry) = entry(row, survey, blobs) else { return Ok(()) };
                if content == Content::All && !is_whole(disk, &entry)? {
                    imported.left_out += 1;
                } else {
                    disk.put_entry(&name, &entry)?;
                    imported.results += 1;
                }
            }
            Item::Build(is_last, build) => {
                // An older one that is known has its time already.
                if is_last || !disk.has_build(&build.name())? {
                    disk.put_build(&build)?;
                }
                imported.builds += 1;
            }
        }
        Ok(())
    })?;
    Ok(imported)
}

/// Whether the blobs of a result are there: a trim may have taken one that the store had.
fn is_whole(disk: &Disk, entry: &Entry) -> Result<bool, Error> {
    let Entry::Made(made) = entry else { return Ok(true) };
    for product in &made.products {
        if !disk.holds(&product.blob)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A result as the store has it.
fn entry(row: Row<'_>, survey: &Survey, blobs: &Staged<'_>) -> Option<Entry> {
    match row.known {
        Known::Bound(entry) => Entry::decode(entry).ok(),
        Known::Made { products, printed, duration_ms, origin } => {
            let product = |(number, executable)| Some(Product { blob: blobs.blob(number)?, executable });
            let origin = origin.map(|(from, made_of)| {
                let (key, set) = match from {
                    From::Set(number) => {
                        let (key, set) = survey.sets.get(number as usize)?;
                        (*key, Some(*set))
                    }
                    From::Key(key) => (key, None),
                    From::Gone(key, set) => (key, Some(set)),
                };
                Some(Origin { key, set, made_of: made_of.to_vec() })
            });
            Some(Entry::Made(ActionResult {
                products: products.into_iter().map(product).collect::<Option<_>>()?,
                printed: printed.to_vec(),
                duration_ms,
                origin: match origin {
                    None => None,
                    Some(origin) => Some(origin?),
                },
            }))
        }
    }
}
