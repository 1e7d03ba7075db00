//! `ar` archives: what in one says when, by whom and from where it was made, and how to take that out.
//!
//! An archive is 8 bytes that say so, then members: a header of 60 bytes, the content, a byte to make it even. A header
//! holds, as text padded with blanks, the name (16), date (12), owner (6), group (6), mode (8), size (10), and two bytes
//! that end it. Two archives of the same members differ by dates and owners, unless the archiver was told otherwise; so
//! [`normalise`] sets them to 0, 0, 0 and 644, as `ar D` does, and touches nothing else.
//!
//! * GNU: names end in `/`; `/N` is the name that starts at N in the member `//`; `/` and `/SYM64/` are symbol tables.
//! * BSD: `#1/N` is the name that the first N bytes of the content are; `__.SYMDEF` and the like are symbol tables.
//! * Thin archives hold the names of files in the place of their content. What is made of one is the regular archive
//!   that `ar rcD` makes of the same files.
//!
//! Nothing here is read twice, and of a regular archive no more than a buffer is in memory.

mod source;
#[cfg(test)]
mod tests;
mod thin;

use std::io::{self, Read, Write};
use std::path::Path;

use crate::digest::Digest;
use source::{Kind, Names, Source};
use thin::Thin;

/// How a regular archive starts.
pub const REGULAR: &[u8; 8] = b"!<arch>\n";

/// How a thin archive starts.
pub const THIN: &[u8; 8] = b"!<thin>\n";

/// What a file is, as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An archive that holds its members.
    Regular,
    /// An archive whose members lie beside it.
    Thin,
    /// No archive.
    Other,
}

/// Why an archive could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArError {
    /// It is not what an archiver writes.
    #[error("the archive is damaged at byte {at}: {what}")]
    Damaged {
        /// Where, counted from its start.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// It could not be read.
    #[error("the archive cannot be read: {0}")]
    Read(io::Error),
    /// What is made of it could not be written.
    #[error("the copy of the archive cannot be written: {0}")]
    Write(io::Error),
    /// A file that a thin archive names could not be read.
    #[error("`{name}`, a member of the thin archive, cannot be read: {source}")]
    Member {
        /// The file, as the archive names it.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file that a thin archive names is not the one it was made of.
    #[error("`{name}`, a member of the thin archive, has {size} bytes where the archive says {expected}")]
    Changed {
        /// The file, as the archive names it.
        name: String,
        /// How long it is.
        size: u64,
        /// How long it was.
        expected: u64,
    },
}

/// A member and its content, without what says when and by whom it was put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name; of a member of a thin archive, the last component.
    pub name: Vec<u8>,
    /// The digest of its content.
    pub digest: Digest,
}

/// Copies `from` to `to`: an archive with dates, owners, groups and modes taken out, a thin one as a regular one,
/// anything else as it is. Tells what it was. `member` reads a file that a thin archive names, relative to the directory
/// of the archive.
///
/// # Errors
/// See [`ArError`]. What was written until then is nothing.
pub fn normalise(
    from: impl Read,
    mut to: impl Write,
    member: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Result<Form, ArError> {
    let mut source = Source::new(from);
    let (form, start) = source.form()?;
    match form {
        Form::Other => {
            to.write_all(&start).map_err(ArError::Write)?;
            source.pass_rest(&mut |bytes| to.write_all(bytes))?;
        }
        Form::Regular => {
            to.write_all(REGULAR).map_err(ArError::Write)?;
            while let Some(mut header) = source.header()? {
                header.normalise();
                to.write_all(&header.raw).map_err(ArError::Write)?;
                source.pass(header.size, &mut |bytes| to.write_all(bytes))?;
                if let Some(padding) = source.padding(header.size)? {
                    to.write_all(&[padding]).map_err(ArError::Write)?;
                }
            }
        }
        Form::Thin => Thin::read(&source.rest()?)?.write(&mut to, member)?,
    }
    to.flush().map_err(ArError::Write)?;
    Ok(form)
}

/// The members of an archive in their order, without the symbol table; none if it is no archive. `member` is as for
/// [`normalise`]. Two archives of one archiver have the same members exactly if they are the same when normalised, but
/// for the symbol table.
///
/// # Errors
/// See [`ArError`].
pub fn members(
    from: impl Read,
    member: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
) -> Result<Option<Vec<Member>>, ArError> {
    let mut source = Source::new(from);
    match source.form()?.0 {
        Form::Other => return Ok(None),
        Form::Thin => return Ok(Some(Thin::read(&source.rest()?)?.members(member)?)),
        Form::Regular => {}
    }
    let mut members = Vec::new();
    let mut names = Names::default();
    while let Some(header) = source.header()? {
        match header.kind(&mut names)? {
            Kind::Symbols | Kind::OtherTable => source.pass(header.size, &mut |_| Ok(()))?,
            Kind::Names => names.set(source.take(header.size)?),
            Kind::Named(name) => {
                let digest = digest(&mut source, header.size)?;
                if !is_symbol_table(&name) {
                    members.push(Member { name, digest });
                }
            }
            Kind::Inside(length) => {
                let rest = header
                    .size
                    .checked_sub(length)
                    .ok_or_else(|| header.damaged("the name is longer than the member"))?;
                let mut name = source.take(length)?;
                name.truncate(name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
                let digest = digest(&mut source, rest)?;
                if !is_symbol_table(&name) {
                    members.push(Member { name, digest });
                }
            }
            Kind::Nested { .. } => return Err(header.damaged("a member of another archive")),
        }
        source.padding(header.size)?;
    }
    Ok(Some(members))
}

/// The files that a thin archive names, relative to its directory, each once; none if `bytes` are no thin archive, or
/// one that is damaged.
pub fn thin_members(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut source = Source::new(bytes);
    match source.form() {
        Ok((Form::Thin, _)) => Some(Thin::read(&source.rest().ok()?).ok()?.paths()),
        _ => None,
    }
}

/// Whether a member of this name is the symbol table of a BSD archive.
fn is_symbol_table(name: &[u8]) -> bool {
    name.starts_with(b"__.SYMDEF")
}

fn digest<R: Read>(source: &mut Source<R>, size: u64) -> Result<Digest, ArError> {
    let mut hasher = blake3::Hasher::new();
    source.pass(size, &mut |bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}
