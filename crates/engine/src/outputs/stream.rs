//! Searching what is compressed, without ever holding all of it: a piece at a time, each with the end of the one
//! before in front.

use std::io::Read;

use flate2::bufread::{GzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

use super::needles::Search;

/// How something is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Zlib,
    Gzip,
    Zstd,
}

/// What each frame of Zstandard starts with.
pub(super) const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// What each member of a gzip file starts with.
pub(super) const GZIP: &[u8] = b"\x1f\x8b\x08";
/// What deflated data starts with, as everybody writes it: the largest window.
pub(super) const ZLIB: &[u8] = b"\x78";

/// The largest window that is allowed, as in the `zstd` tool: this much memory may be needed.
const LARGEST_WINDOW: u64 = 128 << 20;
/// How much is looked at at once.
const PIECE: usize = 256 << 10;

const DAMAGED: &str = "what is packed in it is damaged, or packed in a way that is not known";

impl Format {
    /// How `bytes` are compressed, by what they start with.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let is_zlib = |bytes: &[u8]| {
            bytes.starts_with(ZLIB)
                && bytes.get(1).is_some_and(|second| (0x7800 + u16::from(*second)).is_multiple_of(31))
        };
        if bytes.starts_with(ZSTD) {
            Some(Self::Zstd)
        } else if bytes.starts_with(GZIP) {
            Some(Self::Gzip)
        } else {
            is_zlib(bytes).then_some(Self::Zlib)
        }
    }
}

/// Searches what `packed` holds. What stands behind its end must be zeroes or a stream of the same kind.
///
/// `stated` is what it is said to unpack to.
pub(super) fn search(search: &mut Search<'_>, format: Format, mut packed: &[u8], stated: Option<u64>) {
    if !search.spend(packed.len()) {
        return;
    }
    let mut unpacked = 0;
    // Zeroes fill up, where a section is aligned.
    while packed.iter().any(|byte| *byte != 0) && !search.is_over() {
        let left = stated.map(|stated| stated.saturating_sub(unpacked));
        let Some((rest, size)) = one_stream(search, format, packed, left) else {
            search.give_up(DAMAGED);
            return;
        };
        unpacked += size;
        packed = rest;
    }
    if stated.is_some_and(|stated| stated != unpacked) && !search.is_over() {
        search.give_up(DAMAGED);
    }
}

/// Searches every deflated stream that starts somewhere in `bytes`. What looks like the start of one and is none does
/// no harm.
pub(super) fn search_everywhere(search: &mut Search<'_>, bytes: &[u8]) {
    for at in memchr::memchr_iter(ZLIB[0], bytes) {
        let rest = &bytes[at..];
        if Format::of(rest) == Some(Format::Zlib) {
            if !search.spend(PIECE) {
                return;
            }
            one_stream(search, Format::Zlib, rest, None);
        }
    }
}

/// Searches the first stream in `packed`; gives what follows it, and its size. `None` if it is damaged or longer than
/// `most`.
fn one_stream<'p>(
    search: &mut Search<'_>,
    format: Format,
    packed: &'p [u8],
    most: Option<u64>,
) -> Option<(&'p [u8], u64)> {
    match format {
        Format::Zlib => {
            let mut decoder = ZlibDecoder::new(packed);
            let size = pieces(search, &mut decoder, most)?;
            Some((decoder.into_inner(), size))
        }
        Format::Gzip => {
            let mut decoder = GzDecoder::new(packed);
            let size = pieces(search, &mut decoder, most)?;
            Some((decoder.into_inner(), size))
        }
        Format::Zstd => {
            if zstd_window(packed)? > LARGEST_WINDOW {
                return None;
            }
            let mut decoder = StreamingDecoder::new(packed).ok()?;
            let size = pieces(search, &mut decoder, most)?;
            Some((decoder.into_inner(), size))
        }
    }
}

/// Searches all that `source` gives, piece by piece; gives how much that was.
fn pieces(search: &mut Search<'_>, source: &mut impl Read, most: Option<u64>) -> Option<u64> {
    let mut buffer = vec![0; PIECE];
    let (mut kept, mut total) = (0, 0_u64);
    while !search.is_over() {
        let read = match source.read(&mut buffer[kept..]) {
            Ok(0) => {
                search.bytes(&buffer[..kept]);
                return Some(total);
            }
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        total += read as u64;
        if most.is_some_and(|most| total > most) || !search.spend(read) {
            return None;
        }
        let filled = kept + read;
        kept = search.first_bytes(&buffer[..filled]);
        buffer.copy_within(filled - kept..filled, 0);
        if kept * 2 > buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
    Some(total)
}

/// How much memory a frame of Zstandard asks for (RFC 8878, section 3.1.1.1). `None` if `frame` is none.
fn zstd_window(frame: &[u8]) -> Option<u64> {
    let header = frame.strip_prefix(ZSTD)?;
    let descriptor = *header.first()?;
    let is_single = descriptor & 0x20 != 0;
    if !is_single {
        let window = *header.get(1)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let start = 1 + [0, 1, 2, 4][usize::from(descriptor & 3)];
    let length = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let field = header.get(start..start + length)?;
    let size = field.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    Some(if length == 2 { size + 256 } else { size })
}
