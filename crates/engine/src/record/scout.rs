//! Reading only some stamps of a journal: all records are gone through, and only what is asked for is taken apart.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::encode::{Decoder, Malformed};
use rekindle_fingerprint::files::{ContentId, Files, PathId, TextId};
use rekindle_fingerprint::roots::RootId;
use rustc_hash::FxHashSet;

use super::{Entry, Numbered, identity, kind, root, stamp, stays_below};
use crate::history::Before;
use crate::journal::Record;

/// Where in the text of a scout something stands.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    length: usize,
}

/// What the numbers of the current epoch stand for, as far as it was asked.
#[derive(Default)]
struct Tables {
    roots: Vec<RootId>,
    paths: Vec<(u32, Span, Option<PathId>)>,
    texts: Vec<(Span, Option<TextId>)>,
    contents: Vec<(Blob, Option<ContentId>)>,
    /// The text of paths and texts.
    text: Vec<u8>,
}

/// Reads records for what is said of some actions.
pub(crate) struct Scout<'w> {
    /// What names those actions.
    wanted: &'w FxHashSet<PathId>,
    tables: Tables,
}

/// The tables, and where what they stand for is looked up.
struct Lookup<'l> {
    tables: &'l mut Tables,
    files: &'l mut Files,
}

impl Tables {
    fn keep(&mut self, text: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        Span { start, length: text.len() }
    }

    fn path(&self, number: u32) -> Result<(RootId, &Path), Malformed> {
        let (root, span, _) = self.paths.get(number as usize).ok_or(Malformed)?;
        let root = *self.roots.get(*root as usize).ok_or(Malformed)?;
        Ok((root, Path::new(OsStr::from_bytes(&self.text[span.start..span.start + span.length]))))
    }
}

impl Numbered for Lookup<'_> {
    fn path_numbered(&mut self, number: u32) -> Result<PathId, Malformed> {
        if let Some((_, _, Some(known))) = self.tables.paths.get(number as usize) {
            return Ok(*known);
        }
        let (root, rel) = self.tables.path(number)?;
        let id = self.files.path(root, rel);
        self.tables.paths[number as usize].2 = Some(id);
        Ok(id)
    }

    fn text_numbered(&mut self, number: u32) -> Result<TextId, Malformed> {
        let (span, known) = self.tables.texts.get_mut(number as usize).ok_or(Malformed)?;
        let text = &self.tables.text[span.start..span.start + span.length];
        Ok(*known.get_or_insert_with(|| self.files.text_id(text)))
    }

    fn content_numbered(&mut self, number: u32) -> Result<ContentId, Malformed> {
        let (blob, known) = self.tables.contents.get_mut(number as usize).ok_or(Malformed)?;
        Ok(*known.get_or_insert_with(|| self.files.content_id(*blob)))
    }
}

impl<'w> Scout<'w> {
    /// A scout for the actions that `wanted` names.
    pub(crate) fn new(wanted: &'w FxHashSet<PathId>) -> Self {
        Self { wanted, tables: Tables::default() }
    }

    /// Reads one record; none if it says nothing that is asked for. Signatures are not.
    pub(crate) fn read(&mut self, record: Record<'_>, files: &mut Files) -> Result<Option<Entry>, Malformed> {
        let mut d = Decoder::new(record.payload);
        let tables = &mut self.tables;
        let entry = match record.kind {
            kind::EPOCH => {
                *tables = Tables::default();
                None
            }
            kind::ROOT => {
                tables.roots.push(root(&mut d, files)?);
                None
            }
            kind::PATH => {
                let root = d.u32()?;
                let rel = d.bytes()?;
                if root as usize >= tables.roots.len() || !stays_below(Path::new(OsStr::from_bytes(rel))) {
                    return Err(Malformed);
                }
                let span = tables.keep(rel);
                tables.paths.push((root, span, None));
                None
            }
            kind::TEXT => {
                let span = tables.keep(d.bytes()?);
                tables.texts.push((span, None));
                None
            }
            kind::CONTENT => {
                tables.contents.push((Blob { digest: d.digest()?, size: d.u64()? }, None));
                None
            }
            kind::STAMP => {
                let before = Before::from_code(d.u8()?).ok_or(Malformed)?;
                let Some(key) = self.wanted(d.u32()?, files)? else { return Ok(None) };
                let stamp = stamp(&mut d, &mut Lookup { tables: &mut self.tables, files })?;
                Some(Entry::Stamp { key, stamp: Box::new(stamp), before })
            }
            kind::FORGET => self.wanted(d.u32()?, files)?.map(Entry::Forget),
            kind::STARTED => {
                let Some(key) = self.wanted(d.u32()?, files)? else { return Ok(None) };
                let mut lookup = Lookup { tables: &mut self.tables, files };
                Some(Entry::Started(key, d.list(|d| lookup.path_numbered(d.u32()?))?))
            }
            kind::SIGNATURE => return Ok(None),
            kind::IDENTITY => Some(identity(&mut d)?),
            kind::MEMO => Some(Entry::Memo(d.digest()?, d.bytes()?.to_vec())),
            _ => return Err(Malformed),
        };
        d.end()?;
        Ok(entry)
    }

    /// The path with this number, if it names an action that is asked for.
    fn wanted(&mut self, number: u32, files: &Files) -> Result<Option<PathId>, Malformed> {
        let (root, rel) = self.tables.path(number)?;
        Ok(files.find(root, rel).filter(|path| self.wanted.contains(path)))
    }
}
