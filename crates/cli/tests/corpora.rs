//! Every input in the corpora of the fuzz targets, given to the same functions that fuzzing gives them to: what was
//! found once stays mended, and the corpora stay worth something. See `docs/fuzzing.md`.
#![expect(clippy::disallowed_methods, reason = "the targets make their own files")]
#![expect(clippy::print_stdout, reason = "what is printed is shown if a test fails: the input")]

#[path = "../../../fuzz/src/lib.rs"]
pub mod targets;

use std::fs;
use std::path::Path;

use targets::{depfile, entry, inputs, journal, manifest, pack, parts, portable, snapshot, store};

/// Gives every input of a corpus to `run`.
fn each<T>(target: &str, mut run: impl FnMut(&[u8]) -> T) -> Vec<T> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(!names.is_empty(), "{}", dir.display());
    names
        .iter()
        .map(|path| {
            println!("{}", path.display());
            run(&fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn depfiles_of_any_kind_are_read() {
    each("depfile", depfile::run);
}

#[test]
fn payloads_of_results_and_records_have_one_spelling() {
    each("entry", entry::run);
}

#[test]
fn input_sets_stay_what_they_are() {
    each("inputs", inputs::run);
}

#[test]
fn manifests_of_any_kind_are_read_or_refused() {
    each("manifest", manifest::run);
}

#[test]
fn journals_of_any_kind_are_read_as_far_as_they_are_sound() {
    let found = each("journal", journal::run);
    assert!(
        found.iter().any(|found| found.whole && found.stamps > 1 && found.signatures > 1),
        "none of a build"
    );
    assert!(found.iter().any(|found| !found.whole), "none with damage");
}

#[test]
fn portable_proofs_of_any_kind_hold_or_do_not() {
    use portable::Found;
    assert_eq!(portable::run(&portable::sound()), Found::Holds);
    let found = each("portable", portable::run);
    for wanted in [Found::Holds, Found::Fails, Found::Malformed] {
        assert!(found.contains(&wanted), "none of the corpus is {wanted:?}: has the format changed?");
    }
}

#[test]
fn snapshots_of_any_kind_hold_or_do_not() {
    use snapshot::Found;
    let found = each("snapshot", snapshot::run);
    for wanted in [Found::Holds, Found::Part, Found::Contradiction, Found::Fails] {
        assert!(found.contains(&wanted), "none of the corpus is {wanted:?}: has the format changed?");
    }
}

#[test]
fn stores_of_any_kind_serve_what_is_sound() {
    let found = each("store", store::run);
    let most = |count: fn(&store::Found) -> usize| found.iter().map(count).max();
    let counts =
        [most(|f| f.entries), most(|f| f.sets), most(|f| f.notes), most(|f| f.builds), most(|f| f.blobs)];
    assert!(counts.iter().all(|count| *count > Some(0)), "{counts:?}: has the format changed?");
}

#[test]
fn packs_of_any_kind_come_in_whole_or_not_at_all() {
    let found = each("pack", pack::run);
    let most = |count: fn(&pack::Imported) -> u64| found.iter().flatten().map(count).max();
    let counts =
        [most(|i| i.results), most(|i| i.sets), most(|i| i.notes), most(|i| i.builds), most(|i| i.new_blobs)];
    assert!(counts.iter().all(|count| *count > Some(0)), "{counts:?}: has the format changed?");
    assert!(found.contains(&None), "none is refused");
}

#[test]
fn an_input_of_several_parts_is_split_as_it_was_joined_and_stays_within_bounds() {
    let all: [&[u8]; 3] = [b"one", b"", b"three"];
    let joined = parts::join(&all);
    assert_eq!(parts::split(&joined), all);
    assert_eq!(parts::split(b"\xff\xff\xff\xffrest"), [b"rest"]);
    for seed in 0..2000 {
        let mut data = joined.clone();
        data.resize(joined.len() + 16, 0);
        let most = data.len();
        let size = parts::mutate(&mut data, joined.len(), most, seed, |part, used, room| {
            assert!(used <= room && room <= part.len());
            part[..room].fill(b'x');
            room
        });
        assert!(size <= most, "seed {seed}");
    }
}
