//! Thin archives, and the regular archives of the same members.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustc_hash::FxHashSet;

use super::source::{HEADER, Header, Kind, Names, Source};
use super::{ArError, Member, REGULAR, THIN};
use crate::digest::Digest;

/// The longest name that is written into a header; a slash comes behind it.
const SHORT: usize = 15;

/// A thin archive. Its tables lie in it; of the members, their names.
#[derive(Debug, Default)]
pub(super) struct Thin {
    symbols: Option<Symbols>,
    members: Vec<Named>,
}

/// A symbol table: for each symbol, where the header of its member starts; then the symbols, each with a zero.
#[derive(Debug)]
struct Symbols {
    /// Where the table starts.
    at: u64,
    members: Vec<u64>,
    names: Vec<u8>,
}

/// A member.
#[derive(Debug)]
struct Named {
    /// Where its header starts.
    at: u64,
    /// The file, relative to the archive's directory.
    path: Vec<u8>,
    /// Where in that file, which is an archive, the header of the member starts; none if it is the file.
    inside: Option<u64>,
    size: u64,
}

type ReadMember<'a> = &'a mut dyn FnMut(&Path) -> io::Result<Vec<u8>>;

impl Thin {
    /// Reads what comes behind the first 8 bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ArError> {
        let mut source = Source::at(bytes, THIN.len() as u64);
        let mut thin = Self::default();
        let mut names = Names::default();
        while let Some(header) = source.header()? {
            let (path, inside) = match header.kind(&mut names)? {
                Kind::Symbols => {
                    thin.symbols = Some(Symbols::read(&header, &source.take(header.size)?)?);
                    source.padding(header.size)?;
                    continue;
                }
                Kind::Names => {
                    names.set(source.take(header.size)?);
                    source.padding(header.size)?;
                    continue;
                }
                Kind::OtherTable | Kind::Inside(_) => {
                    return Err(header.damaged("a thin archive has no such member"));
                }
                Kind::Named(path) => (path, None),
                Kind::Nested { archive, at } => (archive, Some(at)),
            };
            if base(&path).is_empty() {
                return Err(header.damaged("the member has no name"));
            }
            thin.members.push(Named { at: header.at, path, inside, size: header.size });
        }
        Ok(thin)
    }

    /// The files, each once.
    pub(super) fn paths(self) -> Vec<Vec<u8>> {
        let mut seen: FxHashSet<Vec<u8>> = FxHashSet::default();
        let paths = self.members.into_iter().map(|member| member.path);
        paths.filter(|path| seen.insert(path.clone())).collect()
    }

    pub(super) fn members(&self, read: ReadMember<'_>) -> Result<Vec<Member>, ArError> {
        let mut contents = Contents { read, archive: None };
        let member = |member: &Named| {
            let (name, content) = contents.of(member)?;
            Ok(Member { name, digest: Digest::of(&content) })
        };
        self.members.iter().map(member).collect()
    }

    /// Writes the regular archive.
    pub(super) fn write(&self, to: &mut dyn Write, read: ReadMember<'_>) -> Result<(), ArError> {
        let mut contents = Contents { read, archive: None };
        let mut table = Vec::new();
        let mut spell = |member: &Named| {
            // A member of another archive has its name there; of all others it is known without reading.
            let known = member.inside.is_none().then(|| base(&member.path).to_vec());
            let name = known.map_or_else(|| Ok(contents.of(member)?.0), Ok)?;
            Ok(spelled(&name, &mut table))
        };
        let headers = self.members.iter().map(&mut spell).collect::<Result<Vec<_>, ArError>>()?;
        let mut out = |bytes: &[u8]| to.write_all(bytes).map_err(ArError::Write);
        out(REGULAR)?;
        if let Some(symbols) = &self.symbols {
            symbols.write(&self.members, table.len() as u64, &mut out)?;
        }
        if !table.is_empty() {
            let mut header = Header::made(b"//", "", table.len() as u64);
            header[16..48].fill(b' ');
            out(&header)?;
            out(&table)?;
            out(padding(table.len() as u64))?;
        }
        for (member, header) in self.members.iter().zip(headers) {
            let (_, content) = contents.of(member)?;
            out(&Header::made(&header, "644", member.size))?;
            out(&content)?;
            out(padding(member.size))?;
        }
        Ok(())
    }
}

/// How a header spells a name, which goes into the table of names if it is long.
fn spelled(name: &[u8], table: &mut Vec<u8>) -> Vec<u8> {
    if name.len() <= SHORT {
        return [name, b"/"].concat();
    }
    let reference = format!("/{}", table.len()).into_bytes();
    table.extend_from_slice(name);
    table.extend_from_slice(b"/\n");
    reference
}

fn padding(size: u64) -> &'static [u8] {
    if size.is_multiple_of(2) { b"" } else { b"\n" }
}

/// The last component of a path.
fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Reads contents, and the archive that one came from once for all that come from it one behind the other.
struct Contents<'a> {
    read: ReadMember<'a>,
    archive: Option<(Vec<u8>, Archive)>,
}

impl Contents<'_> {
    /// The name and the content of a member.
    fn of(&mut self, member: &Named) -> Result<(Vec<u8>, Vec<u8>), ArError> {
        let (name, content) = match member.inside {
            None => (base(&member.path).to_vec(), self.read(&member.path)?),
            Some(at) => {
                let absent = ArError::Damaged {
                    at: member.at,
                    what: "it names a member of an archive that has none there",
                };
                self.archive(&member.path)?.member(at).ok_or(absent)?
            }
        };
        let size = content.len() as u64;
        if size == member.size {
            return Ok((name, content));
        }
        let name = String::from_utf8_lossy(&member.path).into_owned();
        Err(ArError::Changed { name, size, expected: member.size })
    }

    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, ArError> {
        (self.read)(Path::new(OsStr::from_bytes(path)))
            .map_err(|source| ArError::Member { name: String::from_utf8_lossy(path).into_owned(), source })
    }

    fn archive(&mut self, path: &[u8]) -> Result<&mut Archive, ArError> {
        let (name, archive) = match self.archive.take() {
            Some((name, archive)) if name == path => (name, archive),
            _ => (path.to_vec(), Archive::new(self.read(path)?)),
        };
        Ok(&mut self.archive.insert((name, archive)).1)
    }
}

/// A regular archive, some of whose members a thin one names.
struct Archive {
    bytes: Vec<u8>,
    names: Names,
}

impl Archive {
    fn new(bytes: Vec<u8>) -> Self {
        let names = Self::names(&bytes).unwrap_or_default();
        Self { bytes, names }
    }

    /// The table of names, which is before all members.
    fn names(bytes: &[u8]) -> Option<Names> {
        let mut source = Source::new(bytes);
        let mut names = Names::default();
        source.form().ok()?;
        while let Some(header) = source.header().ok()? {
            match header.kind(&mut names).ok()? {
                Kind::Names => names.set(source.take(header.size).ok()?),
                Kind::Symbols | Kind::OtherTable => source.pass(header.size, &mut |_| Ok(())).ok()?,
                _ => break,
            }
            source.padding(header.size).ok()?;
        }
        Some(names)
    }

    /// The member whose header starts at `at`.
    fn member(&mut self, at: u64) -> Option<(Vec<u8>, Vec<u8>)> {
        let rest = self.bytes.get(usize::try_from(at).ok()?..)?;
        let mut source = Source::at(rest, at);
        let header = source.header().ok()??;
        match header.kind(&mut self.names).ok()? {
            Kind::Named(name) => Some((name, source.take(header.size).ok()?)),
            _ => None,
        }
    }
}

impl Symbols {
    fn read(header: &Header, bytes: &[u8]) -> Result<Self, ArError> {
        let wide = header.raw.starts_with(b"/SYM64/");
        let width = if wide { 8 } else { 4 };
        let word = |bytes: &[u8]| bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let table = || {
            let (count, rest) = bytes.split_at_checked(width)?;
            let count = usize::try_from(word(count)).ok()?;
            let (members, names) = rest.split_at_checked(count.checked_mul(width)?)?;
            Some((members.chunks_exact(width).map(word).collect(), names.to_vec()))
        };
        let (members, names) = table().ok_or_else(|| header.damaged("the symbol table is too short"))?;
        Ok(Self { at: header.at, members, names })
    }

    /// Writes the table for the regular archive, in which a table of names of that size comes behind it.
    fn write(
        &self,
        members: &[Named],
        names: u64,
        out: &mut dyn FnMut(&[u8]) -> Result<(), ArError>,
    ) -> Result<(), ArError> {
        let header = HEADER as u64;
        let length = |width: u64| width * (1 + self.members.len() as u64) + self.names.len() as u64;
        // Where each header will start, by where it starts in the thin archive.
        let layout = |width: u64| -> BTreeMap<u64, u64> {
            let tables = if names == 0 { 0 } else { header + names.next_multiple_of(2) };
            let mut at = REGULAR.len() as u64 + header + length(width).next_multiple_of(2) + tables;
            let place = |member: &Named| {
                let start = at;
                at = at.saturating_add(header).saturating_add(member.size.next_multiple_of(2));
                (member.at, start)
            };
            members.iter().map(place).collect()
        };
        let mut places = layout(4);
        let wide = places.values().next_back().is_some_and(|last| u32::try_from(*last).is_err());
        if wide {
            places = layout(8);
        }
        let width: usize = if wide { 8 } else { 4 };
        let name: &[u8] = if wide { b"/SYM64/" } else { b"/" };
        let size = length(width as u64);
        out(&Header::made(name, "0", size))?;
        out(&(self.members.len() as u64).to_be_bytes()[8 - width..])?;
        for member in &self.members {
            let place = places.get(member).ok_or(ArError::Damaged {
                at: self.at,
                what: "a symbol's member is not where the symbol table says",
            })?;
            out(&place.to_be_bytes()[8 - width..])?;
        }
        out(&self.names)?;
        out(padding(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_whose_members_lie_beyond_four_gigabytes_is_wide() {
        let named = |at: u64, size: u64| Named { at, path: b"x.o".to_vec(), inside: None, size };
        let symbols = Symbols { at: 8, members: vec![200, 100], names: b"a\0b\0".to_vec() };
        let table = |size: u64| {
            let mut bytes = Vec::new();
            symbols
                .write(&[named(100, size), named(200, 1)], 0, &mut |some| {
                    bytes.extend_from_slice(some);
                    Ok(())
                })
                .unwrap();
            bytes
        };
        let narrow = table(4);
        assert_eq!(narrow[..60], Header::made(b"/", "0", 16));
        assert_eq!(narrow[60..], *b"\0\0\0\x02\0\0\0\x94\0\0\0\x54a\0b\0");
        let wide = table(u64::from(u32::MAX));
        assert_eq!(wide[..60], Header::made(b"/SYM64/", "0", 28));
        let last = 8 + 60 + 28 + 60 + (1 << 32);
        let words = [2_u64, last, 8 + 60 + 28].map(u64::to_be_bytes).concat();
        assert_eq!(wide[60..], [&words[..], b"a\0b\0"].concat());
        let header = Header::new(wide[..60].try_into().unwrap(), 8).unwrap();
        let again = Symbols::read(&header, &wide[60..]).unwrap();
        assert_eq!((again.members, again.names), (vec![last, 8 + 60 + 28], b"a\0b\0".to_vec()));
    }
}
