//! Packs.
//!
//! The first part of the input says how the file is made. Its first byte, modulo 4: 0 and 1 a pack of chunks, each of
//! which is one of the other parts (section, chunk), with the text, the blobs, the headers and the frame that belong there;
//! 2 the other parts as they are, in a frame; 3 these bytes alone. With 4 added, only what is no blob is taken. Then, if
//! it has more bytes: where a byte of what is in the frame is changed (three of them), and to what; how many bytes (two)
//! the file lacks at its end.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rekindle_store::disk::{Disk, Settings};
use rekindle_store::pack::{self, Content, Error};

pub use rekindle_store::pack::Imported;
use twox_hash::XxHash64;

use super::{parts, place};

/// Blobs of a pack of this harness are at most so long together.
const MOST: u64 = 64 << 10;

/// Makes a pack of `data` and takes it into an empty store; what came in is sound, and of what is refused nothing came in.
pub fn run(data: &[u8]) -> Option<Imported> {
    let parts = parts::split(data);
    let (how, parts) = parts.split_first()?;
    place::with(|dir| {
        let (store, file) = (dir.join("store"), dir.join("pack"));
        let _ = fs::remove_dir_all(&store);
        fs::write(&file, made(how, parts)).expect("a place to write to");
        let settings = Settings { now: UNIX_EPOCH + Duration::from_secs(1_700_000_000), limit: 16 << 20 };
        let disk = Disk::open(&store, settings).expect("a place to write to");
        let all = how.first().is_none_or(|how| how & 4 == 0);
        let imported = pack::import(&disk, &file, if all { Content::All } else { Content::WithoutBlobs });
        let stats = disk.stats().expect("a store").total();
        let names = |dir: &Path| fs::read_dir(dir).map_or(0, Iterator::count);
        assert_eq!(
            (names(dir), names(&store), names(&store.join("v2/tmp"))),
            (2, 2, 0),
            "nothing else lies there"
        );
        match imported {
            Ok(imported) => {
                let verified = disk.verify().expect("a store");
                assert!(verified.damaged.is_empty(), "what came in is sound");
                let came = imported.sets + imported.notes + imported.results + imported.builds;
                assert_eq!(stats.files, came + imported.new_blobs, "{imported:?}");
                Some(imported)
            }
            Err(Error::Bad { .. } | Error::Newer { .. } | Error::TooLarge { .. } | Error::Store(_)) => {
                assert_eq!(stats.files, 0, "of what is refused nothing came in");
                None
            }
            Err(why) => panic!("{why}"),
        }
    })
}

fn made(how: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut content = match how.first().copied().unwrap_or(0) % 4 {
        3 => return parts.concat(),
        2 => parts.concat(),
        _ => archive(parts),
    };
    if let Some(&[low, middle, high, value]) = how.get(1..5)
        && let Some(byte) = content.get_mut(u32::from_le_bytes([low, middle, high, 0]) as usize)
    {
        *byte = value;
    }
    let mut bytes = frame(&content);
    if let Some(&[low, high]) = how.get(5..7) {
        bytes.truncate(bytes.len().saturating_sub(usize::from(u16::from_le_bytes([low, high]))));
    }
    bytes
}

/// The three members of a pack, as `docs/format/pack.md` tells them.
fn archive(parts: &[&[u8]]) -> Vec<u8> {
    let mut counts = [0_u64; 5];
    let mut index: [Vec<u8>; 5] = Default::default();
    let mut sizes = Vec::new();
    for part in parts {
        let Some((section, chunk)) = part.split_first() else { continue };
        let section = usize::from(section % 5);
        let numbers =
            || chunk.chunks_exact(8).filter_map(|eight| eight.try_into().ok()).map(u64::from_le_bytes);
        counts[section] = counts[section].saturating_add(numbers().next().unwrap_or(0));
        if section == 0 {
            sizes.extend(numbers().skip(1));
        }
        index[section].extend_from_slice(&(chunk.len() as u64).to_le_bytes());
        index[section].extend_from_slice(chunk);
    }
    let index = index.concat();
    let total = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
    let [blobs, sets, notes, results, builds] = counts;
    let text = format!(
        "rekindle pack 1\nversion 0\nblobs {blobs}\nbytes {total}\nsets {sets}\nnotes {notes}\nresults {results}\n\
         builds {builds}\n"
    );
    let mut bytes = Vec::new();
    for size in &sizes {
        // Each another one, if it is long enough for that.
        let number = u64::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
        let size = (*size).min(MOST.saturating_sub(bytes.len() as u64));
        bytes.extend(number.iter().cycle().take(usize::try_from(size).unwrap_or(0)));
    }
    let mut archive = Vec::new();
    for (name, member) in [("rekindle-pack", text.as_bytes()), ("index", &index), ("blobs", &bytes)] {
        archive.extend_from_slice(&header(name, member.len()));
        archive.extend_from_slice(member);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// The header of a tar archive's member.
fn header(name: &str, size: usize) -> [u8; 512] {
    let mut header = [0; 512];
    let size = format!("{size:011o}\0");
    let fields: [(usize, &[u8]); 11] = [
        (0, name.as_bytes()),
        (100, b"0000644\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, size.as_bytes()),
        (136, b"00000000000\0"),
        (148, b"        "),
        (156, b"0"),
        (257, b"ustar\x0000"),
        (329, b"0000000\0"),
        (337, b"0000000\0"),
    ];
    for (at, text) in fields {
        header[at..at + text.len()].copy_from_slice(text);
    }
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// A frame of zstd (RFC 8878) in which nothing is compressed.
fn frame(content: &[u8]) -> Vec<u8> {
    // It says how long its content is, in 8 bytes; it has one segment, and a checksum.
    let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0xe4];
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    let mut blocks = content.chunks(64 << 10).peekable();
    if blocks.peek().is_none() {
        bytes.extend_from_slice(&[1, 0, 0]);
    }
    while let Some(block) = blocks.next() {
        let last = u32::from(blocks.peek().is_none());
        let length = u32::try_from(block.len()).expect("a short block");
        bytes.extend_from_slice(&(length << 3 | last).to_le_bytes()[..3]);
        bytes.extend_from_slice(block);
    }
    let sum = XxHash64::oneshot(0, content).to_le_bytes();
    bytes.extend_from_slice(&sum[..4]);
    bytes
}

/// The input that stands for the archive in a pack that was written; none if `archive` is none.
pub fn input_of(archive: &[u8]) -> Option<Vec<u8>> {
    let octal = |at: usize| {
        let digits = std::str::from_utf8(archive.get(at + 124..at + 135)?).ok()?;
        usize::from_str_radix(digits, 8).ok()
    };
    let text = octal(0)?;
    let said = std::str::from_utf8(archive.get(512..512 + text)?).ok()?;
    let said: Vec<u64> = said.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect();
    let start = 512 + text.next_multiple_of(512);
    let mut index = archive.get(start + 512..start + 512 + octal(start)?)?;
    let mut parts = vec![vec![0]];
    // The version is no number; `bytes` is no section.
    let counts = said.iter().rev().take(4).rev();
    for (section, count) in (0..).zip(said.iter().rev().nth(5).into_iter().chain(counts)) {
        let mut left = *count;
        while left > 0 {
            let (length, rest) = index.split_first_chunk::<8>()?;
            let (chunk, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
            left = left.checked_sub(u64::from_le_bytes(*chunk.first_chunk::<8>()?))?;
            parts.push([&[section], chunk].concat());
            index = rest;
        }
    }
    Some(parts::join(&parts))
}
