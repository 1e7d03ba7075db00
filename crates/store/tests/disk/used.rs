//! Trims that keep what builds used.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::UNIX_EPOCH;

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::disk::{Disk, Since};
use rekindle_store::{ActionCache, Cas, Entry, Error, Origin};
use rekindle_testkit::set_mtime;

use crate::builds::{ago, build, name, put, put_made, record, spoil, today};

/// The files below a directory of the store.
fn files(store: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut dirs: Vec<PathBuf> =
        ["blobs", "results", "sets", "notes", "builds"].map(|kind| store.join("v2").join(kind)).into();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path())
            } else {
                files.insert(entry.path());
            }
        }
    }
    files
}

/// How many files of each kind there are: blobs, results, sets, notes, records.
fn counts(store: &Disk) -> [u64; 5] {
    let stats = store.stats().unwrap();
    [stats.blobs, stats.results, stats.sets, stats.notes, stats.builds].map(|count| count.files)
}

#[test]
fn a_trim_to_the_last_build_keeps_exactly_what_its_record_reaches() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    for text in ["kept", "also kept"] {
        put(&store, text);
    }
    store.put_entry(&name("bound"), &Entry::Bound { roots: vec!["ws".into()], why: "so".into() }).unwrap();
    put_made(&store, "without origin", &["kept"], None);
    store.put_note(&name("note"), b"kept").unwrap();
    store.put_build(&build(&["kept", "also kept", "bound", "without origin"], &["note"])).unwrap();
    let kept = files(&path);
    // 2 blobs, 4 results, 2 sets, a note, a record.
    assert_eq!((kept.len(), counts(&store)), (10, [2, 4, 2, 1, 1]));

    for text in ["x", "y", "z"] {
        put(&store, text);
    }
    store.put_set(&name("key of kept"), b"an older set of a kept key").unwrap();
    store.put_set(&name("key of nothing"), b"a set of a key that is not kept").unwrap();
    store.put_note(&name("other"), b"not kept").unwrap();
    store.put(&Blob::of(b"named by nobody"), b"named by nobody").unwrap();
    let older = store.put_build(&build(&["x", "kept"], &["other"])).unwrap();
    set_mtime(&record(&path, &older), ago(5));
    store.put_build(&build(&["kept", "also kept", "bound", "without origin"], &["note"])).unwrap();

    let before = store.stats().unwrap().total();
    let trimmed = store.trim_used(Since::LastBuild, u64::MAX).unwrap();
    assert_eq!(files(&path), kept);
    assert_eq!(trimmed.left, store.stats().unwrap().total());
    assert_eq!(trimmed.removed.files, before.files - 10);
    assert_eq!(trimmed.removed.bytes, before.bytes - trimmed.left.bytes);
    assert_eq!(store.trim_used(Since::LastBuild, u64::MAX).unwrap().removed.files, 0);
    assert!(store.verify().unwrap().damaged.is_empty());
    assert_eq!(store.sets(&name("key of kept")).unwrap(), [b"kept"]);
}

#[test]
fn where_results_share_a_key_the_sets_of_all_that_are_kept_stay() {
    let dir = tempfile::tempdir().unwrap();
    let store = today(&dir.path().join("store"));
    let sets: [&[u8]; 3] = [b"one", b"two", b"three"];
    for set in sets {
        store.put_set(&name("key"), set).unwrap();
        let origin = Origin { key: name("key"), set: Some(Digest::of(set)), made_of: Vec::new() };
        put_made(&store, std::str::from_utf8(set).unwrap(), &[], Some(origin));
    }
    store.put_build(&build(&["one", "three"], &[])).unwrap();
    store.trim_used(Since::LastBuild, u64::MAX).unwrap();
    assert_eq!(store.sets(&name("key")).unwrap(), [&b"three"[..], b"one"]);
    assert_eq!(counts(&store), [0, 2, 2, 0, 1]);
}

#[test]
fn a_trim_by_time_keeps_what_every_build_since_then_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    for (hours, text) in [(30, "a"), (20, "b"), (10, "c"), (0, "d")] {
        put(&store, text);
        let name = store.put_build(&build(&[text], &[])).unwrap();
        set_mtime(&record(&path, &name), ago(hours));
    }
    for (hours, left) in [(40, 4), (31, 4), (21, 2 + 1), (11, 2), (1, 1)] {
        store.trim_used(Since::Time(ago(hours)), u64::MAX).unwrap();
        assert_eq!(counts(&store), [left, left, left, 0, left], "{hours} hours");
    }
    assert!(store.entry(&name("d")).unwrap().is_some());
}

#[test]
fn what_is_left_over_the_size_goes_as_it_always_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    for (hours, text) in [(3, "a"), (2, "b"), (1, "c"), (4, "d")] {
        put(&store, text);
        for (kind, id) in [("blobs", text), ("results", text), ("sets", &format!("key of {text}"))] {
            let id = name(id).hex();
            set_mtime(&path.join("v2").join(kind).join(&id[..2]).join(&id), ago(hours));
        }
    }
    store.put_build(&build(&["a", "b", "c"], &[])).unwrap();
    let trimmed = store.trim_used(Since::LastBuild, 8 * 4096).unwrap();
    assert!(trimmed.left.bytes <= 8 * 4096, "{trimmed:?}");
    let there = ["a", "b", "c", "d"].map(|text| store.entry(&name(text)).unwrap().is_some());
    assert_eq!(there, [false, true, true, false]);
    assert_eq!(store.builds().unwrap().len(), 1);
}

#[test]
fn a_trim_for_room_takes_old_records_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    for number in 0..10 {
        let name = store.put_build(&build(&[&number.to_string()], &[])).unwrap();
        set_mtime(&record(&path, &name), ago(10 - number));
    }
    store.trim(3 * 4096).unwrap();
    let left: Vec<Digest> = store.builds().unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(left, ["9", "8", "7"].map(|text| build(&[text], &[]).name()));
}

#[test]
fn a_store_without_records_is_not_emptied() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    put(&store, "a");
    let before = files(&path);
    for since in [Since::LastBuild, Since::Time(UNIX_EPOCH)] {
        let refused = store.trim_used(since, 0);
        assert!(matches!(refused, Err(Error::Unrecorded { ever: true, .. })), "{refused:?}");
        assert_eq!(files(&path), before);
    }
    let name = store.put_build(&build(&["a"], &[])).unwrap();
    set_mtime(&record(&path, &name), ago(5));
    let before = files(&path);
    let refused = store.trim_used(Since::Time(ago(4)), 0);
    assert!(matches!(refused, Err(Error::Unrecorded { ever: false, .. })), "{refused:?}");
    assert_eq!(files(&path), before);
}

#[test]
fn where_the_last_builds_record_is_damaged_nothing_is_removed() {
    for since in [Since::LastBuild, Since::Time(ago(9))] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        let store = today(&path);
        for text in ["a", "b"] {
            put(&store, text);
            let name = store.put_build(&build(&[text], &[])).unwrap();
            if text == "a" { set_mtime(&record(&path, &name), ago(5)) } else { spoil(&record(&path, &name)) }
        }
        let mut before = files(&path);
        let refused = store.trim_used(since, 0);
        assert!(matches!(refused, Err(Error::LastBuild { .. })), "{refused:?}");
        assert!(before.remove(&record(&path, &build(&["b"], &[]).name())), "it is set aside");
        assert_eq!(files(&path), before);
        // The build is done again, and records itself again.
        store.put_build(&build(&["b"], &[])).unwrap();
        store.trim_used(Since::LastBuild, u64::MAX).unwrap();
        assert_eq!(counts(&store), [1, 1, 1, 0, 1]);
    }
}

#[test]
fn a_damaged_result_is_as_good_as_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    for text in ["a", "b"] {
        put(&store, text);
    }
    store.put_build(&build(&["a", "b"], &[])).unwrap();
    spoil(&path.join("v2/results").join(&name("a").hex()[..2]).join(name("a").hex()));
    store.trim_used(Since::LastBuild, u64::MAX).unwrap();
    assert_eq!(counts(&store), [1, 1, 1, 0, 1]);
}

#[test]
fn what_the_last_build_has_recorded_stays_while_others_trim_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    put(&today(&path), "first");
    today(&path).put_build(&build(&["first"], &[])).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let store = today(&path);
                // Not for ever, should the other side fail.
                for _ in 0..500 {
                    store.trim_used(Since::LastBuild, u64::MAX).unwrap();
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    // Who waits for the lock shall get it.
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
            });
        }
        let store = today(&path);
        for round in 0..10 {
            let texts: Vec<String> = (0..5).map(|number| format!("{round} {number}")).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            texts.iter().for_each(|text| put(&store, text));
            store.put_build(&build(&texts, &[])).unwrap();
            // A trim that looked in between may have taken something; what is missing is made again.
            let is_whole = |text: &&str| {
                store.entry(&name(text)).unwrap().is_some()
                    && store.holds(&Blob::of(text.as_bytes())).unwrap()
                    && store.sets(&name(&format!("key of {text}"))).unwrap().len() == 1
            };
            loop {
                texts.iter().for_each(|text| put(&store, text));
                store.trim_used(Since::LastBuild, u64::MAX).unwrap();
                if texts.iter().all(is_whole) {
                    break;
                }
            }
            for _ in 0..2 {
                store.trim_used(Since::LastBuild, u64::MAX).unwrap();
                assert!(texts.iter().all(is_whole), "round {round}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let store = today(&path);
    assert!(store.verify().unwrap().damaged.is_empty());
    assert_eq!(counts(&store), [5, 5, 5, 0, 1]);
}
