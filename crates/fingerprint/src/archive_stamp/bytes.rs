//! An archive stamp as bytes: `docs/format/archive-stamp.md`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{ArchiveStamp, Made};
use rustc_hash::FxHashSet;

use crate::action::{ActionKind, Command};
use crate::digest::{Blob, Digest};
use crate::encode::{Decoder, Encoder, Malformed};
use crate::files::{Files, PathId, Prior, Seen, TextId};
use crate::roots::RootId;
use crate::signature::{FileTime, Signature};
use crate::stamp::{Bound, Holds, Output};

/// How it starts; the number is that of the format.
const MAGIC: &[u8] = b"rekindle archive stamp 1\n";

/// What a file is in it.
const INPUT: u8 = 0;
const PROGRAM: u8 = 1;
const ABSENT: u8 = 2;
const OUTPUT: u8 = 3;
const OUTPUT_PROGRAM: u8 = 4;

/// How long a digest is.
const DIGEST: usize = 32;

impl ArchiveStamp {
    /// The stamp as bytes, with the signatures that `files` has of its files; a racy one is not among them.
    pub fn encode(&self, files: &Files) -> Vec<u8> {
        let stamp = &self.stamp;
        let programs: FxHashSet<PathId> = stamp.executables.iter().copied().collect();
        let mut rows = Vec::new();
        for (path, content) in &stamp.declared {
            let role = if programs.contains(path) { PROGRAM } else { INPUT };
            rows.push((role, *path, Some(*content)));
        }
        rows.extend(stamp.discovered.iter().map(|(path, content)| (ABSENT, *path, *content)));
        for output in &stamp.outputs {
            let role = if output.executable { OUTPUT_PROGRAM } else { OUTPUT };
            rows.push((role, output.path, Some(output.content)));
        }
        let mut roots: Vec<RootId> = rows.iter().map(|(_, path, _)| files.root(*path)).collect();
        roots.sort_unstable();
        roots.dedup();
        let mut e = Encoder::new();
        e.list(&roots, |e, root| {
            e.bytes(files.roots().get(*root).name.as_bytes());
        });
        e.list(&rows, |e, (role, path, content)| {
            let root = roots.binary_search(&files.root(*path)).unwrap_or(usize::MAX);
            e.u8(*role).u32(u32::try_from(root).unwrap_or(u32::MAX));
            e.bytes(files.rel(*path).as_os_str().as_bytes());
            let Some(content) = content else { return };
            let blob = files.blob(*content);
            e.digest(&blob.digest).u64(blob.size);
            let signature = match files.seen(*path) {
                Seen::File { signature, content: seen, racy: false } if seen == content => Some(signature),
                _ => None,
            };
            e.option(signature, put_signature);
        });
        let text = |e: &mut Encoder, id: &TextId| {
            e.bytes(files.text(*id));
        };
        e.list(&stamp.command.env, |e, (name, value)| {
            text(e, name);
            text(e, value);
        });
        text(&mut e, &stamp.command.cwd);
        e.list(&stamp.command.produces, text);
        e.option(stamp.identity.as_ref(), |e, digest| {
            e.digest(digest);
        });
        let bound = if let Holds::AtRoots(bound) = &stamp.holds { Some(bound) } else { None };
        e.option(bound, |e, bound| {
            e.list(&bound.roots, |e, name| {
                e.bytes(name.as_bytes());
            });
            e.digest(&bound.places).bytes(bound.why.as_bytes());
        });
        let mut bytes = [MAGIC, &e.into_bytes()].concat();
        bytes.extend_from_slice(&Digest::of(&bytes).0);
        bytes
    }

    /// Reads what [`ArchiveStamp::encode`] wrote, and tells `files` the signatures, so that no file is read whose
    /// signature is what it was.
    ///
    /// # Errors
    /// The bytes are no such encoding, or not whole; or they speak of a root that is not there, or name a file otherwise
    /// than it is named here. `files` was told nothing then.
    pub fn decode(bytes: &[u8], files: &mut Files) -> Result<Self, Malformed> {
        let (content, sum) = bytes.split_at_checked(bytes.len().wrapping_sub(DIGEST)).ok_or(Malformed)?;
        if Digest::of(content).0 != sum {
            return Err(Malformed);
        }
        let mut d = Decoder::new(content.strip_prefix(MAGIC).ok_or(Malformed)?);
        let roots = d.list(|d| files.roots().by_name(d.text()?).ok_or(Malformed))?;
        let rows = d.list(|d| row(d, &roots, files))?;
        let mut text = |d: &mut Decoder<'_>| Ok(files.text_id(d.bytes()?));
        let env = d.list(|d| Ok((text(d)?, text(d)?)))?;
        let cwd = text(&mut d)?;
        let produces = d.list(text)?;
        let identity = d.option(Decoder::digest)?;
        let holds = d.option(|d| {
            let roots = d.list(|d| Ok(d.text()?.into()))?;
            Ok(Bound { roots, places: d.digest()?, why: d.text()?.to_string() })
        })?;
        d.end()?;
        let mut made = Made {
            command: Command::new(ActionKind::AutoArchive, Vec::new(), env, cwd, produces, files),
            identity,
            declared: Vec::new(),
            executables: Vec::new(),
            absent: Vec::new(),
            outputs: Vec::new(),
            holds: holds.map_or(Holds::Everywhere, Holds::AtRoots),
        };
        for row in rows {
            row.add(&mut made, files);
        }
        Ok(Self::new(made))
    }
}

fn put_signature(e: &mut Encoder, signature: &Signature) {
    e.u64(signature.size).u64(signature.mtime.0.cast_unsigned()).u64(signature.ctime.0.cast_unsigned());
    e.u64(signature.inode).u32(signature.mode);
}

fn signature(d: &mut Decoder<'_>) -> Result<Signature, Malformed> {
    let (size, mtime, ctime) = (d.u64()?, d.u64()?, d.u64()?);
    let time = |bits: u64| FileTime(bits.cast_signed());
    Ok(Signature { size, mtime: time(mtime), ctime: time(ctime), inode: d.u64()?, mode: d.u32()? })
}

/// A file of a stamp.
struct Row {
    role: u8,
    path: PathId,
    content: Option<(Blob, Option<Signature>)>,
}

fn row(d: &mut Decoder<'_>, roots: &[RootId], files: &mut Files) -> Result<Row, Malformed> {
    let role = d.u8()?;
    let root = *roots.get(d.u32()? as usize).ok_or(Malformed)?;
    let rel = Path::new(OsStr::from_bytes(d.bytes()?));
    let base = files.roots().get(root).path.clone();
    let path = files.path_from(&base, rel);
    // So nothing leads out of its root.
    if files.root(path) != root || files.rel(path).as_os_str() != rel.as_os_str() {
        return Err(Malformed);
    }
    let content = match role {
        ABSENT => None,
        INPUT | PROGRAM | OUTPUT | OUTPUT_PROGRAM => {
            Some((Blob { digest: d.digest()?, size: d.u64()? }, d.option(signature)?))
        }
        _ => return Err(Malformed),
    };
    Ok(Row { role, path, content })
}

impl Row {
    fn add(self, made: &mut Made, files: &mut Files) {
        let path = self.path;
        let Some((blob, signature)) = self.content else { return made.absent.push(path) };
        let content = files.content_id(blob);
        if let Some(signature) = signature {
            files.set_prior(path, Prior { signature, content, racy: false });
        }
        match self.role {
            OUTPUT | OUTPUT_PROGRAM => {
                made.outputs.push(Output { path, content, executable: self.role == OUTPUT_PROGRAM });
            }
            _ => made.declared.push((path, content)),
        }
        if self.role == PROGRAM {
            made.executables.push(path);
        }
    }
}
