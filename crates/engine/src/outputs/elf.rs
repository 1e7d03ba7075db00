//! The sections of an ELF file whose plain bytes do not show what is in them.

use object::Endianness;
use object::elf;
use object::read::elf::{CompressionHeader, FileHeader, SectionHeader};

use super::needles::Search;
use super::stream::{self, Format};

/// What the names of gcc's bytecode go on with where it writes plain bytes, whatever it does with the rest: the header
/// of it all, options, symbols. The body of a function `opts` has no dot in front.
const PLAIN_BYTECODE: [&[u8]; 4] = [b".lto.", b".opts", b".symtab.", b".ext_symtab."];

/// Searches the compressed sections of a file, gcc's bytecode and LLVM's.
pub(super) fn search(search: &mut Search<'_>, bytes: &[u8]) {
    let done = match bytes.get(4) {
        Some(&class) if class == elf::ELFCLASS32.0 => {
            sections::<elf::FileHeader32<Endianness>>(search, bytes)
        }
        Some(&class) if class == elf::ELFCLASS64.0 => {
            sections::<elf::FileHeader64<Endianness>>(search, bytes)
        }
        _ => None,
    };
    if done.is_none() {
        search.give_up("it is no whole ELF file");
    }
}

/// `None` if the file is damaged.
fn sections<Elf: FileHeader<Endian = Endianness>>(search: &mut Search<'_>, bytes: &[u8]) -> Option<()> {
    let header = Elf::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    for section in sections.iter() {
        if search.is_over() {
            return Some(());
        }
        if section.sh_type(endian) == elf::SHT_NULL || section.sh_type(endian) == elf::SHT_NOBITS {
            continue;
        }
        if let Some((header, start, size)) = section.compression(endian, bytes).ok()? {
            let format = match header.ch_type(endian) {
                elf::ELFCOMPRESS_ZLIB => Format::Zlib,
                elf::ELFCOMPRESS_ZSTD => Format::Zstd,
                _ => return None,
            };
            let start = usize::try_from(start).ok()?;
            let packed = bytes.get(start..)?.get(..usize::try_from(size).ok()?)?;
            stream::search(search, format, packed, Some(header.ch_size(endian).into()));
            continue;
        }
        let name = sections.section_name(endian, section).ok()?;
        if let Some(kind) = Kind::of(name) {
            kind.search(search, section.data(endian, bytes).ok()?);
        }
    }
    Some(())
}

/// A section that is known by its name.
enum Kind {
    /// Compressed debug information as it was before there was a flag for it.
    OldCompressed,
    /// Bytecode of gcc.
    Bytecode,
    /// Bytecode of LLVM, and precompiled modules of clang.
    Bitcode,
    /// Compressed texts among others: file names of clang's coverage maps, names of profiled functions (those of static
    /// ones start with the file's), CTF type information.
    Mixed,
    /// Packed in a way that we do not unpack: symbols as `.xz`, metadata of Rust's shared libraries.
    Unknown,
}

impl Kind {
    fn of(name: &[u8]) -> Option<Self> {
        if name.starts_with(b".zdebug") || name.starts_with(b".gnu.debuglto_.zdebug") {
            return Some(Self::OldCompressed);
        }
        if let Some(rest) =
            name.strip_prefix(b".gnu.lto_").or_else(|| name.strip_prefix(b".gnu.offload_lto_"))
        {
            let is_plain = PLAIN_BYTECODE.iter().any(|plain| rest.starts_with(plain));
            return (!is_plain).then_some(Self::Bytecode);
        }
        match name {
            b".llvmbc" | b".llvm.lto" | b"__clangast" => Some(Self::Bitcode),
            b"__llvm_covmap" | b"__llvm_prf_names" | b".ctf" => Some(Self::Mixed),
            b".gnu_debugdata" | b".rustc" => Some(Self::Unknown),
            _ => None,
        }
    }

    fn search(&self, search: &mut Search<'_>, data: &[u8]) {
        match self {
            // One with such a name that is as it is was seen by the plain search.
            Self::OldCompressed => {
                let header = data.strip_prefix(b"ZLIB").and_then(|data| data.split_at_checked(8));
                if let Some((size, packed)) = header {
                    let size = size.iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
                    stream::search(search, Format::Zlib, packed, Some(size));
                }
            }
            Self::Bytecode => match Format::of(data) {
                Some(format) => stream::search(search, format, data, None),
                None if data.is_empty() => {}
                None => search.give_up("its bytecode is packed in a way that is not known"),
            },
            Self::Bitcode if search.spend(data.len()) => search.bitstream(data),
            Self::Bitcode => {}
            Self::Mixed => stream::search_everywhere(search, data),
            Self::Unknown => search.give_up("one of its sections is packed in a way that is not known"),
        }
    }
}
