//! The index as it comes: every chunk is read and checked before the first blob comes, and kept aside.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Malformed;

use super::error::Error;
use super::frame::Frame;
use super::head::Head;
use super::index::{self, From, Known, LONGEST_CHUNK, Row, Text, Used};
use super::{MOST_NAMED, NAMED};
use crate::build::Build;
use crate::disk::MAX_SETS;
use crate::error::At;

/// What stays in memory of an index.
#[derive(Default)]
pub(super) struct Survey {
    /// The size of each blob.
    pub(super) sizes: Vec<u64>,
    /// The key of each set, and its own digest.
    pub(super) sets: Vec<(Digest, Digest)>,
    notes: Vec<Digest>,
    results: Vec<Digest>,
    /// The names of the records.
    builds: Vec<Digest>,
    /// Whether a result names the blob of this number.
    named: Vec<bool>,
    /// How many things results and records of builds name.
    names: u64,
}

/// Why a chunk is refused.
enum Wrong {
    Malformed,
    What(&'static str),
}

impl std::convert::From<Malformed> for Wrong {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// An index that was read and checked.
pub(super) struct Index {
    pub(super) survey: Survey,
    file: File,
}

/// A row that was read again.
pub(super) enum Item<'a> {
    Blob,
    Set(Text<'a>),
    Note(Text<'a>),
    Result(Row<'a>),
    /// Whether it is the last one, and the record.
    Build(bool, Build),
}

impl Index {
    /// Reads the `length` bytes of an index that has what `head` says, and keeps them in a file in `dir`.
    pub(super) fn read(frame: &mut Frame<'_>, length: u64, head: &Head, dir: &Path) -> Result<Self, Error> {
        let file = tempfile::tempfile_in(dir).at("write in", dir)?;
        let mut out = BufWriter::with_capacity(1 << 20, &file);
        let mut survey = Survey::default();
        let mut left = length;
        for (section, (mut rows, what)) in head.counts().into_iter().enumerate() {
            let path = frame.path();
            let bad = |why: &str| Error::bad(path, format!("its {what} are not as they should be: {why}"));
            while rows > 0 {
                left = left.checked_sub(8).ok_or_else(|| bad("the index ends before them"))?;
                let mut chunk_length = [0; 8];
                frame.fill(&mut chunk_length)?;
                let chunk_length = u64::from_le_bytes(chunk_length);
                if chunk_length > LONGEST_CHUNK {
                    return Err(bad("a part of the index is too long"));
                }
                left = left.checked_sub(chunk_length).ok_or_else(|| bad("the index ends before they do"))?;
                let chunk = frame.bytes(chunk_length)?;
                let read = survey.add(section, &chunk).map_err(|wrong| match wrong {
                    Wrong::Malformed => bad("a part of the index makes no sense"),
                    Wrong::What(why) => bad(why),
                })?;
                rows = rows.checked_sub(read).ok_or_else(|| bad("there are more than it says"))?;
                let kept = out.write_all(&chunk_length.to_le_bytes()).and_then(|()| out.write_all(&chunk));
                kept.at("write in", dir)?;
            }
        }
        let bad = |why: &str| Error::bad(frame.path(), why);
        if left > 0 {
            return Err(bad("its index goes on behind its end"));
        }
        survey.check(head).map_err(bad)?;
        out.flush().at("write in", dir)?;
        drop(out);
        Ok(Self { survey, file })
    }

    /// Goes through all but the blobs once more, in their order.
    pub(super) fn each(
        self,
        dir: &Path,
        mut each: impl FnMut(&Survey, Item<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { survey, mut file } = self;
        file.rewind().at("read in", dir)?;
        let mut file = BufReader::with_capacity(1 << 20, file);
        for (section, mut rows) in survey.counts().into_iter().enumerate() {
            while rows > 0 {
                let mut length = [0; 8];
                file.read_exact(&mut length).at("read in", dir)?;
                let mut chunk = Vec::new();
                file.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut chunk).at("read in", dir)?;
                // It was read before; if it is another one now, somebody else wrote to the file.
                let changed = |_: Malformed| std::io::Error::from(std::io::ErrorKind::InvalidData);
                let items = survey.items(section, &chunk, rows).map_err(changed).at("read in", dir)?;
                rows = rows.saturating_sub(items.len().max(1));
                for item in items {
                    each(&survey, item)?;
                }
            }
        }
        Ok(())
    }
}

impl Survey {
    /// Takes up a chunk of a section, and tells how many rows it has.
    fn add(&mut self, section: usize, chunk: &[u8]) -> Result<u64, Wrong> {
        let rows = match section {
            0 => {
                let sizes = index::read_blobs(chunk)?;
                self.sizes.extend(&sizes);
                self.named.resize(self.sizes.len(), false);
                sizes.len()
            }
            1 => {
                let texts = index::read_keyed(chunk)?;
                self.sets.extend(texts.iter().map(|text| (text.key, Digest::of(text.bytes))));
                texts.len()
            }
            2 => {
                let texts = index::read_keyed(chunk)?;
                self.notes.extend(texts.iter().map(|text| text.key));
                texts.len()
            }
            3 => {
                let rows = index::read_results(chunk)?;
                for row in &rows {
                    self.add_result(row)?;
                }
                rows.len()
            }
            _ => {
                let builds = index::read_builds(chunk)?;
                for used in &builds {
                    self.count(used.results.len() + used.notes.len())?;
                    let build =
                        self.build(used).ok_or(Wrong::What("one names a number that there is not"))?;
                    self.builds.push(build.name());
                }
                builds.len()
            }
        };
        Ok(rows as u64)
    }

    fn add_result(&mut self, row: &Row<'_>) -> Result<(), Wrong> {
        self.results.push(row.name);
        let Known::Made { products, origin, .. } = &row.known else { return Ok(()) };
        self.count(products.len())?;
        for (number, _) in products {
            let named = self.named.get_mut(*number as usize);
            *named.ok_or(Wrong::What("one names a blob that there is not"))? = true;
        }
        match origin {
            Some((From::Set(number), _)) if *number as usize >= self.sets.len() => {
                Err(Wrong::What("one names an input set that there is not"))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, names: usize) -> Result<(), Wrong> {
        self.names = self.names.saturating_add(names as u64);
        let is_fit = self.names <= MOST_NAMED;
        if is_fit { Ok(()) } else { Err(Wrong::What("they name more than a pack may")) }
    }

    /// How many bytes all that is named takes in a store.
    pub(super) fn names(&self) -> u64 {
        self.names.saturating_mul(NAMED)
    }

    /// The record of a build that used these.
    fn build(&self, used: &Used) -> Option<Build> {
        let names = |numbers: &[u32], all: &[Digest]| {
            numbers.iter().map(|number| all.get(*number as usize).copied()).collect::<Option<Vec<Digest>>>()
        };
        let mut build =
            Build { results: names(&used.results, &self.results)?, notes: names(&used.notes, &self.notes)? };
        build.sort();
        Some(build)
    }

    /// Checks what only all chunks together tell.
    fn check(&self, head: &Head) -> Result<(), &'static str> {
        if self.sizes.iter().try_fold(0u64, |sum, size| sum.checked_add(*size)) != Some(head.bytes) {
            return Err("its blobs are not as many bytes as it says");
        }
        if self.named.contains(&false) {
            return Err("it has a blob that no result names");
        }
        let is_twice = has_twice(&self.sets)
            || [&self.notes, &self.results, &self.builds].into_iter().any(|names| has_twice(names));
        if is_twice {
            return Err("its index names something twice");
        }
        let mut keys: Vec<Digest> = self.sets.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        // A store looks at all sets of a key when it puts one.
        let is_crowded = keys.windows(MAX_SETS + 1).any(|keys| keys[0] == keys[MAX_SETS]);
        if is_crowded { Err("it has more input sets of one key than are ever read") } else { Ok(()) }
    }

    /// How many rows each section has.
    fn counts(&self) -> [usize; 5] {
        [self.sizes.len(), self.sets.len(), self.notes.len(), self.results.len(), self.builds.len()]
    }

    /// The rows of a chunk that was checked. `left` rows of its section are not read yet.
    fn items<'c>(&self, section: usize, chunk: &'c [u8], left: usize) -> Result<Vec<Item<'c>>, Malformed> {
        Ok(match section {
            0 => index::read_blobs(chunk)?.into_iter().map(|_| Item::Blob).collect(),
            1 => index::read_keyed(chunk)?.into_iter().map(Item::Set).collect(),
            2 => index::read_keyed(chunk)?.into_iter().map(Item::Note).collect(),
            3 => index::read_results(chunk)?.into_iter().map(Item::Result).collect(),
            _ => {
                let builds = index::read_builds(chunk)?.into_iter().zip(1..);
                let item = |(used, number)| Some(Item::Build(number == left, self.build(&used)?));
                builds.map(item).collect::<Option<_>>().ok_or(Malformed)?
            }
        })
    }
}

/// Sorted, not hashed: who made the pack may have chosen the names.
fn has_twice<T: Copy + Ord>(names: &[T]) -> bool {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}
