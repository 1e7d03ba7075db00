//! A snapshot that is damaged, shortened, of another version or forged: the build is right all the same.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::ops::Range;

use rekindle_testkit::{Space, Tree};
use twox_hash::XxHash3_64;

use crate::kit::{Random, build, bytes_of, clean_products, forget, one, products};
use crate::project::{self, PLAIN};

/// Where the number of the version stands, and where the table of sections begins.
const VERSION: usize = 16;
const TABLE: usize = 24;
const SECTIONS: usize = 10;
const HEADER: usize = TABLE + SECTIONS * 24 + 8;

fn sum(bytes: &[u8]) -> [u8; 8] {
    XxHash3_64::oneshot(bytes).to_le_bytes()
}

fn number(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap()
}

/// Where each section lies.
fn sections(bytes: &[u8]) -> Vec<Range<usize>> {
    let section = |at: usize| number(bytes, at)..number(bytes, at) + number(bytes, at + 8);
    (0..SECTIONS).map(|section_number| section(TABLE + section_number * 24)).collect()
}

/// Makes the sums of a snapshot right.
fn sign(bytes: &mut [u8]) {
    for (at, section) in sections(bytes).into_iter().enumerate() {
        let sum = sum(&bytes[section]);
        bytes[TABLE + at * 24 + 16..TABLE + at * 24 + 24].copy_from_slice(&sum);
    }
    let sum = sum(&bytes[..HEADER - 8]);
    bytes[HEADER - 8..HEADER].copy_from_slice(&sum);
}

/// A small project, built, with its snapshot.
struct Case {
    space: Space,
    snapshot: Vec<u8>,
    products: Tree,
}

impl Case {
    fn new() -> Self {
        let space = project::new(PLAIN);
        build(&space, &[]).ok();
        let (snapshot, products) = (bytes_of(&one(&space)), products(&space));
        Self { space, snapshot, products }
    }

    /// With `bytes` in the place of the snapshot, nothing is done.
    #[track_caller]
    fn does_nothing(&self, bytes: &[u8], what: &str) {
        fs::write(one(&self.space), bytes).unwrap();
        let built = build(&self.space, &[]);
        assert_eq!(built.code, 0, "{what}\n{}", built.story());
        assert_eq!(built.summary().ran.total(), 0, "{what}\n{}", built.story());
        assert_eq!(self.products.difference(&products(&self.space)), "", "{what}");
    }

    /// With `bytes` in the place of the snapshot, an edit is seen.
    #[track_caller]
    fn sees_an_edit(&mut self, bytes: &[u8], round: usize, what: &str) {
        fs::write(one(&self.space), bytes).unwrap();
        self.space.write("shr/shr.c", format!("#include \"shr.h\"\nint shr(void) {{ return {round}; }}\n"));
        let built = build(&self.space, &[]);
        built.ok().assert_work("1c 2l");
        assert_eq!(clean_products(&self.space, &[]).difference(&products(&self.space)), "", "{what}");
        self.products = products(&self.space);
        self.snapshot = bytes_of(&one(&self.space));
    }
}

/// Flips a bit in every `step`th byte, and shortens to every `step`th length.
fn damage(step: usize) {
    let mut case = Case::new();
    let length = case.snapshot.len();
    for (round, at) in (0..length).step_by(step).enumerate() {
        let mut bytes = case.snapshot.clone();
        if at >= bytes.len() {
            break;
        }
        bytes[at] ^= 1 << (at % 8);
        case.does_nothing(&bytes, &format!("byte {at}"));
        let shorter = case.snapshot[..at].to_vec();
        case.does_nothing(&shorter, &format!("{at} bytes"));
        if round % 10 == 9 {
            case.sees_an_edit(&bytes, at, &format!("byte {at}"));
            let shorter = case.snapshot[..at.min(case.snapshot.len())].to_vec();
            case.sees_an_edit(&shorter, at + 1, &format!("{at} bytes"));
        }
    }
}

#[test]
fn a_damaged_snapshot_does_no_harm() {
    damage(1499);
}

#[test]
#[ignore = "takes an hour"]
fn a_snapshot_that_is_damaged_anywhere_does_no_harm() {
    damage(1);
}

#[test]
fn a_snapshot_of_another_version_counts_as_none() {
    let mut case = Case::new();
    for version in [0_u32, 1, 7, u32::MAX] {
        let mut bytes = case.snapshot.clone();
        bytes[VERSION..VERSION + 4].copy_from_slice(&version.to_le_bytes());
        sign(&mut bytes);
        case.does_nothing(&bytes, &format!("version {version}"));
        assert_ne!(bytes_of(&one(&case.space)), bytes, "another one is written");
        case.sees_an_edit(&bytes, 100 + version as usize % 100, &format!("version {version}"));
    }
}

#[test]
fn a_snapshot_signed_anew_is_believed() {
    // Else the forgeries below would prove nothing.
    let case = Case::new();
    let mut bytes = case.snapshot.clone();
    sign(&mut bytes);
    assert_eq!(bytes, case.snapshot);
}

/// Somebody writes a snapshot by hand, with sums that are right. It may say that there is nothing to do; it may not make
/// a build run or remove anything that the project does not say, nor fall over.
fn forge(seed: u64, rounds: u64) {
    let mut random = Random(seed);
    let case = Case::new();
    let outside = case.space.base().join("home");
    let before = Tree::of(&outside);
    let below = |range: &Range<usize>, random: &mut Random| {
        range.start + usize::try_from(random.below(range.len() as u64)).unwrap()
    };
    for round in 0..rounds {
        let mut bytes = bytes_of(&one(&case.space));
        let all: Vec<_> = sections(&bytes).into_iter().filter(|section| !section.is_empty()).collect();
        let mut told = Vec::new();
        for _ in 0..=random.below(3) {
            let section = random.pick(&all).clone();
            let at = below(&section, &mut random);
            let value = *random.pick(&[0, 1, 2, 0x7f, 0x80, 0xff, bytes[at] ^ 1, bytes[at].wrapping_add(1)]);
            told.push(format!("{at} in {section:?}: {} to {value}", bytes[at]));
            bytes[at] = value;
        }
        sign(&mut bytes);
        fs::write(one(&case.space), &bytes).unwrap();
        if round % 2 == 0 {
            case.space
                .write("shr/shr.c", format!("#include \"shr.h\"\nint shr(void) {{ return {round}; }}\n"));
        }
        let built = build(&case.space, &[]);
        let ends_well = built.code == 0 && !built.stderr.contains("panicked");
        assert!(ends_well, "round {round}, {told:?}\n{}", built.story());
        let known = ["compile", "link", "archive", "custom"];
        assert!(built.actions().iter().all(|action| known.contains(&action.kind.as_str())), "{told:?}");
        assert_eq!(before.difference(&Tree::of(&outside)), "", "{told:?}");
        forget(&case.space);
        build(&case.space, &[]).ok();
        let difference = clean_products(&case.space, &[]).difference(&products(&case.space));
        assert_eq!(difference, "", "round {round}, {told:?}");
    }
}

#[test]
fn a_forged_snapshot_breaks_nothing() {
    forge(7, 12);
}

#[test]
#[ignore = "takes ten minutes"]
fn many_forged_snapshots_break_nothing() {
    forge(8, 600);
}
