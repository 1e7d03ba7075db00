//! What a program or shared library asks the dynamic loader for, read from its dynamic section.
//!
//! Source: System V ABI, "Dynamic Linking" (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html>).

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef};
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};

/// What kind of file it is, and what it loads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    /// An ELF file.
    Elf(Loads),
    /// A file that starts with `#!`.
    Script,
    /// Anything else.
    Other,
}

/// What an ELF file asks the loader for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loads {
    /// Its machine (`e_machine`).
    pub(crate) machine: u16,
    /// Whether it is a 64-bit file.
    pub(crate) wide: bool,
    /// The libraries that it needs (`DT_NEEDED`), in order.
    pub(crate) needed: Vec<OsString>,
    /// `DT_RPATH`, unsplit.
    pub(crate) rpath: Option<OsString>,
    /// `DT_RUNPATH`, unsplit.
    pub(crate) runpath: Option<OsString>,
}

/// Reads what `path` is and loads. Only the headers and the dynamic section are read.
#[expect(clippy::disallowed_methods, reason = "its content was digested, and is in the table of files")]
pub(crate) fn read(path: &Path) -> io::Result<Binary> {
    let file = File::open(path)?;
    let cache = ReadCache::new(file);
    let data = &cache;
    let magic = data.read_bytes_at(0, 16).unwrap_or_default();
    if magic.is_empty() {
        let start = data.read_bytes_at(0, 2).unwrap_or_default();
        return Ok(if start == b"#!" { Binary::Script } else { Binary::Other });
    }
    if magic.starts_with(b"#!") {
        return Ok(Binary::Script);
    }
    // The fifth byte is the class: 1 for 32 bits, 2 for 64.
    let loads = match magic.get(..5) {
        Some([0x7f, b'E', b'L', b'F', 2]) => dynamic::<elf::FileHeader64<object::Endianness>, _>(data),
        Some([0x7f, b'E', b'L', b'F', 1]) => dynamic::<elf::FileHeader32<object::Endianness>, _>(data),
        _ => return Ok(Binary::Other),
    };
    Ok(loads.map_or(Binary::Other, Binary::Elf))
}

fn dynamic<'data, Header, Data>(data: Data) -> Option<Loads>
where
    Header: FileHeader<Endian = object::Endianness>,
    Data: ReadRef<'data>,
{
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    let mut loads =
        Loads { machine: header.e_machine(endian).0, wide: header.is_type_64(), ..Loads::default() };
    let Some(entries) = segments.iter().find_map(|segment| segment.dynamic(endian, data).ok().flatten())
    else {
        return Some(loads);
    };
    let value = |tag: elf::DynamicTag| {
        let entry = entries.iter().find(|entry| entry.d_tag(endian) == tag)?;
        Some(entry.d_val(endian).into())
    };
    let Some(table) = value(elf::DT_STRTAB) else { return Some(loads) };
    let size = value(elf::DT_STRSZ).unwrap_or(0);
    // The table is named by its address; the segment that holds the address says where it lies in the file.
    let segment = segments.iter().find(|segment| {
        let start: u64 = segment.p_vaddr(endian).into();
        let length: u64 = segment.p_filesz(endian).into();
        segment.p_type(endian) == elf::PT_LOAD && table >= start && table - start < length
    })?;
    let (address, offset): (u64, u64) = (segment.p_vaddr(endian).into(), segment.p_offset(endian).into());
    let strings = data.read_bytes_at(offset.checked_add(table - address)?, size).ok()?;
    let string = |at: u64| {
        let rest = strings.get(usize::try_from(at).ok()?..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(OsString::from_vec(rest[..end].to_vec()))
    };
    for entry in entries {
        let text = || string(entry.d_val(endian).into());
        match entry.d_tag(endian) {
            elf::DT_NULL => break,
            elf::DT_NEEDED => loads.needed.extend(text()),
            elf::DT_RPATH => loads.rpath = text(),
            elf::DT_RUNPATH => loads.runpath = text(),
            _ => {}
        }
    }
    Some(loads)
}

impl Binary {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        match self {
            Self::Other => encoder.u8(0),
            Self::Script => encoder.u8(1),
            Self::Elf(loads) => {
                encoder.u8(2).u32(loads.machine.into()).u8(loads.wide.into());
                encoder.list(&loads.needed, |e, name| {
                    e.bytes(name.as_bytes());
                });
                for path in [&loads.rpath, &loads.runpath] {
                    encoder.option(path.as_ref(), |e, path| {
                        e.bytes(path.as_bytes());
                    });
                }
                &mut encoder
            }
        };
        encoder.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(bytes);
        let text = |d: &mut Decoder<'_>| d.bytes().map(|bytes| OsString::from_vec(bytes.to_vec()));
        Ok(match decoder.u8()? {
            0 => Self::Other,
            1 => Self::Script,
            2 => Self::Elf(Loads {
                machine: u16::try_from(decoder.u32()?).map_err(|_| Malformed)?,
                wide: decoder.u8()? != 0,
                needed: decoder.list(text)?,
                rpath: decoder.option(text)?,
                runpath: decoder.option(text)?,
            }),
            _ => return Err(Malformed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_needs_the_c_library_and_reads_back() {
        let read = read(Path::new("/proc/self/exe")).unwrap();
        let Binary::Elf(loads) = &read else { panic!("{read:?}") };
        assert!(loads.needed.iter().any(|name| name == "libc.so.6"), "{loads:?}");
        assert_eq!(Binary::decode(&read.encode()), Ok(read.clone()));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn scripts_short_files_and_cut_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let is = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).unwrap()
        };
        assert_eq!(is(b"#!/bin/sh\nexec gcc \"$@\"\n"), Binary::Script);
        assert_eq!(is(b"#!"), Binary::Script);
        assert_eq!(is(b""), Binary::Other);
        let whole = std::fs::read("/proc/self/exe").unwrap();
        for length in [4, 16, 63, 64, 200, 1000] {
            is(&whole[..length]);
        }
    }
}
