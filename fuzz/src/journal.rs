//! The journal of a build directory.
//!
//! The first part of the input says how the file is made. Its first byte, modulo 5: 0 a journal of records, each of which
//! is one of the other parts (kind, payload), with the checksums that belong there; 1 the same in format 2, 4 in format 3;
//! 2 the other parts as they are, behind a header that is right; 3 these bytes alone. Then, if it has more bytes: how many
//! bytes (two of them) are cut off at the end, where a byte is changed (three), and to what.

use std::fs;
use std::path::Path;

use rekindle_engine::history::{Base, Generations, History};
use rekindle_engine::journal::Journal;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::stamp::Stamp;
use rustc_hash::FxHashSet;
use twox_hash::XxHash3_64;

use super::{parts, place};

/// What came of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many actions have stamps.
    pub stamps: usize,
    /// How many signatures there are.
    pub signatures: usize,
    /// Whether all was read that was there.
    pub whole: bool,
}

/// Makes a journal of `data` and opens it in each way in which builds do.
pub fn run(data: &[u8]) -> Found {
    let parts = parts::split(data);
    let Some((how, records)) = parts.split_first() else { return Found::default() };
    place::with(|dir| {
        let path = dir.join("journal");
        let _ = fs::remove_file(&path);
        write(&path, how, records);
        let found = open(&path);
        let there: Vec<_> =
            fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(there, ["journal"], "nothing else lies there");
        found
    })
}

fn write(path: &Path, how: &[u8], records: &[&[u8]]) {
    let mut bytes = match how.first().copied().unwrap_or(0) % 5 {
        0 => {
            let mut journal = Journal::open(path, |_| true).expect("a new journal");
            for record in records {
                if let Some((kind, payload)) = record.split_first() {
                    assert!(journal.append(*kind, payload));
                }
            }
            journal.flush().expect("a place to write to");
            fs::read(path).expect("what was written")
        }
        1 => before(2, records),
        4 => before(3, records),
        2 => {
            drop(Journal::open(path, |_| true).expect("a new journal"));
            [fs::read(path).expect("what was written"), records.concat()].concat()
        }
        _ => records.concat(),
    };
    if let Some(&[low, high]) = how.get(1..3) {
        bytes.truncate(bytes.len().saturating_sub(usize::from(u16::from_le_bytes([low, high]))));
    }
    if let Some(&[low, middle, high, value]) = how.get(3..7)
        && let Some(byte) = bytes.get_mut(u32::from_le_bytes([low, middle, high, 0]) as usize)
    {
        *byte = value;
    }
    fs::write(path, bytes).expect("a place to write to");
}

/// A journal of a format before: the checksums of 2 are the start of BLAKE3 digests, those of 3 cover the one before.
fn before(version: u32, records: &[&[u8]]) -> Vec<u8> {
    let plain = |bytes: &[u8]| -> [u8; 8] { *Digest::of(bytes).0.first_chunk().expect("it is longer") };
    let mut bytes = [&b"rekindle journal"[..], &version.to_le_bytes()].concat();
    let mut sum = plain(&bytes);
    bytes.extend_from_slice(&sum);
    for record in records.iter().filter(|record| !record.is_empty()) {
        let mut framed = u32::try_from(record.len() - 1).expect("a short record").to_le_bytes().to_vec();
        framed.extend_from_slice(record);
        sum = match version {
            2 => plain(&framed),
            _ => XxHash3_64::oneshot_with_seed(u64::from_le_bytes(sum), &framed).to_le_bytes(),
        };
        bytes.extend_from_slice(&framed);
        bytes.extend_from_slice(&sum);
    }
    bytes
}

/// Opens it whole, again, in part, behind its end and rewritten: all of them say the same.
fn open(path: &Path) -> Found {
    let mut files = Files::new(Roots::new("/no/ws", "/no/ws/build"));
    let before = fs::read(path).expect("what was written");
    let mut history = match History::open(path, &mut files) {
        Ok(history) => history,
        Err(why) => {
            assert_eq!(fs::read(path).expect("it is left alone"), before, "{why}");
            return Found::default();
        }
    };
    let stamps = stamps(&history);
    let found =
        Found { stamps: stamps.len(), signatures: history.signatures().count(), whole: !history.lost() };

    let again = History::open(path, &mut files).expect("it was opened before");
    assert!(!again.lost(), "what was cut off is cut off for good");
    assert!(same(&history, &again));

    let wanted: FxHashSet<PathId> = stamps.iter().map(|(key, ..)| *key).collect();
    let part = History::open_part(path, &mut files, &wanted, Vec::new()).expect("it was opened before");
    assert!(!part.lost() && part.is_partial());
    assert_eq!(self::stamps(&part), stamps);

    let mark = history.mark().expect("nothing is to be written");
    let base = Base { stamps: kept(&history), complete: true, ..Base::default() };
    let behind = History::resume(path, mark, base, &mut files).expect("it was opened before");
    assert_eq!(behind.map(|behind| self::stamps(&behind)), Some(stamps));

    history.compact(&files).expect("a place to write to");
    let rewritten = History::open(path, &mut files).expect("it was opened before");
    assert!(!rewritten.lost());
    assert!(same(&history, &rewritten));
    found
}

type Both = (PathId, Option<Stamp>, Option<Stamp>);

/// All stamps, now and before, in order.
fn stamps(history: &History) -> Vec<Both> {
    let copy = |stamp: &Option<Box<Stamp>>| stamp.as_deref().cloned();
    let mut all: Vec<Both> =
        history.stamps().map(|(key, both)| (key, copy(&both.current), copy(&both.previous))).collect();
    all.sort_by_key(|(key, ..)| *key);
    all
}

fn kept(history: &History) -> Vec<(PathId, Generations)> {
    stamps(history).into_iter().map(|(key, now, before)| (key, Generations::new(now, before))).collect()
}

fn same(one: &History, other: &History) -> bool {
    let unstamped = |history: &History| {
        let mut all: Vec<(PathId, Vec<PathId>)> =
            history.unstamped().map(|(key, outputs)| (key, outputs.to_vec())).collect();
        all.sort();
        all
    };
    let signatures = |history: &History| {
        let mut all: Vec<_> = history.signatures().map(|(path, prior)| (path, *prior)).collect();
        all.sort_by_key(|(path, _)| *path);
        all
    };
    let identities = |history: &History| {
        let mut all: Vec<_> = history.identities().map(|(digest, parts)| (*digest, parts.to_vec())).collect();
        all.sort_by_key(|(digest, _)| *digest);
        all
    };
    stamps(one) == stamps(other)
        && unstamped(one) == unstamped(other)
        && signatures(one) == signatures(other)
        && identities(one) == identities(other)
}

/// The input that stands for a journal that a build has written.
pub fn input_of(file: &[u8]) -> Vec<u8> {
    let mut parts = vec![&[0_u8][..]];
    let mut rest = file.get(28..).unwrap_or_default();
    while let Some((length, framed)) = rest.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(record) = framed.get(..=length) else { break };
        parts.push(record);
        rest = framed.get(length + 9..).unwrap_or_default();
    }
    parts::join(&parts)
}
