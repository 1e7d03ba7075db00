//! Looking into what a file is made of, where the plain bytes do not show it: compressed sections, members of archives,
//! bitcode. What cannot be looked into may hold every path.
//!
//! Not looked into, besides compressed files of other kinds than gzip and Zstandard (`.zip`, `.xz`, ...): objects of
//! other systems than ELF's.

use object::read::archive::ArchiveFile;

use super::needles::Search;
use super::stream::{self, Format};
use super::{bits, elf};

/// How deep archives may lie in archives.
const DEEPEST: usize = 4;

/// What may be spent on what is packed in a file of `size` bytes. Debug information packs to a fifth; what packs to a
/// hundredth was made to harm.
pub(super) fn budget(size: usize) -> u64 {
    ((size as u64).saturating_mul(64).saturating_add(64 << 20)).min(16 << 30)
}

/// Searches the parts of a file whose plain bytes do not show what is in them.
pub(super) fn search(search: &mut Search<'_>, bytes: &[u8]) {
    part(search, bytes, 0);
}

fn part(search: &mut Search<'_>, bytes: &[u8], depth: usize) {
    if search.is_over() {
        return;
    }
    if bytes.starts_with(b"\x7fELF") {
        elf::search(search, bytes);
    } else if bytes.starts_with(b"!<arch>\n") || bytes.starts_with(b"!<thin>\n") {
        members(search, bytes, depth);
    } else if bits::is_bitstream(bytes) {
        search.bitstream(bytes);
    } else if let Some(format @ (Format::Gzip | Format::Zstd)) = Format::of(bytes) {
        stream::search(search, format, bytes, None);
    }
}

/// Searches the members of an archive. Those of a thin one are other files.
fn members(search: &mut Search<'_>, bytes: &[u8], depth: usize) {
    if depth == DEEPEST {
        return search.give_up("archives lie too deep in archives in it");
    }
    let damaged = "it is no whole archive";
    let Ok(archive) = ArchiveFile::parse(bytes) else { return search.give_up(damaged) };
    for member in archive.members() {
        let Ok(member) = member else { return search.give_up(damaged) };
        if member.is_thin() {
            continue;
        }
        let Ok(data) = member.data(bytes) else { return search.give_up(damaged) };
        part(search, data, depth + 1);
    }
}
