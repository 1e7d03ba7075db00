//! Searching LLVM's bitstreams (bitcode, precompiled headers of clang), where a text may start at any bit.
//!
//! A text is written there in one of these ways (`BitcodeWriter.cpp`), the lowest bit of each number first:
//! - in a blob, at a byte: the plain search finds that;
//! - as an array of numbers of 8 bits, or of 7 if all its characters are ASCII, from any bit on;
//! - as a record without abbreviation, each character a number in chunks of 6 bits, of which the sixth says that more
//!   follows, from any bit on; so are the elements of arrays of wide characters;
//! - as an array of `char6`, which has no `/` and so holds no absolute path.
//!
//! So each of them is a known row of bits, and it is sought at each of the eight bits of a byte: the bytes that it fills
//! are looked for, then the rest is compared. What follows it is not: no text has an end there that would be written.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::spellings;

/// What a file of bitcode, its wrapper, and a precompiled header of clang start with.
const MAGICS: [&[u8]; 3] = [b"BC\xc0\xde", b"\xde\xc0\x17\x0b", b"CPCH"];

/// Whether `bytes` are a bitstream.
pub(super) fn is_bitstream(bytes: &[u8]) -> bool {
    MAGICS.iter().any(|magic| bytes.starts_with(magic))
}

/// Whether bitcode holds texts that were compressed before they were written: the file names of coverage maps, the names
/// of profiled functions. The names of these variables are in its table of names, which is a blob.
pub(super) fn holds_packed_texts(bytes: &[u8]) -> bool {
    [&b"__llvm_coverage_mapping"[..], b"__llvm_prf_nm"]
        .iter()
        .any(|name| memchr::memmem::find(bytes, name).is_some())
}

/// How a character is written.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// In so many bits.
    Fixed(usize),
    /// In chunks of six.
    Chunks,
}

/// How many patterns are too many for a full table.
const LARGE: usize = 500;

/// A path as a row of bits.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    bits: Vec<bool>,
    root: usize,
}

/// Every path as every row of bits, and the search for them.
#[derive(Debug)]
pub(super) struct PackedNeedles {
    rows: Vec<Row>,
    /// For each pattern, its row, and how many of the row's bits stand in front of the first byte that it fills.
    starts: Vec<(usize, usize)>,
    automaton: Option<AhoCorasick>,
    /// The roots whose paths are too short to fill a byte: they are taken to be everywhere.
    everywhere: Vec<usize>,
}

impl PackedNeedles {
    pub(super) fn new(paths: &[(usize, Vec<u8>)]) -> Self {
        let rows: BTreeSet<Row> = paths.iter().flat_map(|(root, path)| rows(*root, path)).collect();
        let rows: Vec<Row> = rows.into_iter().collect();
        let (mut patterns, mut starts, mut everywhere) = (Vec::new(), Vec::new(), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            for before in 0..8 {
                let filled = row.bits.get(before..).unwrap_or_default().chunks_exact(8);
                let pattern: Vec<u8> = filled.map(number).collect();
                if pattern.is_empty() {
                    everywhere.push(row.root);
                } else {
                    patterns.push(pattern);
                    starts.push((at, before));
                }
            }
        }
        everywhere.sort_unstable();
        everywhere.dedup();
        // Ten times as fast, for a table of some megabytes.
        let kind = (patterns.len() <= LARGE).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder().kind(kind).build(&patterns).ok();
        if automaton.is_none() {
            everywhere = paths.iter().map(|(root, _)| *root).collect();
        }
        Self { rows, starts, automaton, everywhere }
    }

    /// The roots whose paths are in `bytes`.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<usize> {
        let mut found = self.everywhere.clone();
        let matches = self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(bytes));
        for at in matches {
            let (row, before) = self.starts[at.pattern().as_usize()];
            let row = &self.rows[row];
            let Some(start) = (at.start() * 8).checked_sub(before) else { continue };
            if !found.contains(&row.root) && row.is_at(bytes, start) {
                found.push(row.root);
            }
        }
        found
    }
}

impl Row {
    fn new(root: usize, unit: Unit, units: &[u32]) -> Self {
        let mut bits = Vec::new();
        for unit_value in units {
            match unit {
                Unit::Fixed(width) => bits.extend((0..width).map(|at| unit_value >> at & 1 == 1)),
                Unit::Chunks => {
                    let mut rest = *unit_value;
                    loop {
                        bits.extend((0..5).map(|at| rest >> at & 1 == 1));
                        rest >>= 5;
                        bits.push(rest != 0);
                        if rest == 0 {
                            break;
                        }
                    }
                }
            }
        }
        Self { bits, root }
    }

    /// Whether it stands in `bytes` from the bit `start` on.
    fn is_at(&self, bytes: &[u8], start: usize) -> bool {
        self.bits.iter().enumerate().all(|(at, wanted)| bit(bytes, start + at) == Some(*wanted))
    }
}

/// Every row of bits that stands for `path`.
fn rows(root: usize, path: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    for text in spellings::texts(path) {
        let bytes: Vec<u32> = text.iter().map(|byte| u32::from(*byte)).collect();
        rows.push(Row::new(root, Unit::Fixed(8), &bytes));
        if text.is_ascii() {
            rows.push(Row::new(root, Unit::Fixed(7), &bytes));
        }
        for units in [bytes, spellings::units(&text, 2), spellings::units(&text, 4)] {
            rows.push(Row::new(root, Unit::Chunks, &units));
        }
    }
    rows
}

/// The byte that eight bits make, the lowest first.
fn number(bits: &[bool]) -> u8 {
    bits.iter().rev().fold(0, |number, bit| number << 1 | u8::from(*bit))
}

/// The bit numbered `at`, the lowest of each byte first.
fn bit(bytes: &[u8], at: usize) -> Option<bool> {
    bytes.get(at / 8).map(|byte| byte >> (at % 8) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits of `row` behind `before` ones that are set, then the bits of `rest`, filled up with zeroes.
    fn stream(before: usize, unit: Unit, text: &str) -> Vec<u8> {
        let units: Vec<u32> = text.chars().map(u32::from).collect();
        let mut bits = vec![true; before];
        bits.extend(Row::new(0, unit, &units).bits);
        bits.resize(bits.len().next_multiple_of(8), false);
        bits.chunks(8).map(number).collect()
    }

    #[test]
    fn a_path_is_found_at_every_bit_in_every_unit() {
        let needles = PackedNeedles::new(&[(3, b"/home/a/project".to_vec())]);
        for unit in [Unit::Fixed(8), Unit::Fixed(7), Unit::Chunks] {
            for before in 0..19 {
                let found = |text: &str| needles.find(&stream(before, unit, text));
                assert_eq!(found("x/home/a/project/src"), [3], "{unit:?} behind {before} bits");
                assert_eq!(found("/home/a/project"), [3], "{unit:?} behind {before} bits");
                assert_eq!(found("x/home/b/project/src"), [0; 0], "{unit:?} behind {before} bits");
            }
        }
    }

    #[test]
    fn wide_characters_are_found_in_records_of_numbers() {
        let needles = PackedNeedles::new(&[(0, "/é€/x".as_bytes().to_vec())]);
        assert_eq!(needles.find(&stream(3, Unit::Chunks, "a/é€/x/b")), [0]);
        assert_eq!(needles.find(&stream(3, Unit::Chunks, "a/é€/y/b")), [0; 0]);
    }

    #[test]
    fn what_is_too_short_to_be_sought_is_taken_to_be_there() {
        let needles = PackedNeedles::new(&[(0, b"/".to_vec()), (1, b"/long/enough".to_vec())]);
        assert_eq!(needles.find(b""), [0]);
    }
}
