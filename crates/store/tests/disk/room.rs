//! Making room: who goes first, when, and what the account knows.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::disk::{Disk, Settings};
use rekindle_store::{ActionCache, Cas};
use rekindle_testkit::set_mtime;

use crate::{Thing, made, open, unlimited};

/// An hour, in seconds.
const HOUR: u64 = 3600;

fn hours(count: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_600_000_000 + count * HOUR)
}

fn age(store: &Path, thing: Thing, time: SystemTime) {
    let path = store.join(thing.path());
    // The sets of a key are used together.
    set_mtime(if let Thing::Set(_) = thing { path.parent().unwrap() } else { &path }, time);
}

fn at(path: &Path, now: SystemTime) -> Disk {
    Disk::open(path, Settings { now, limit: u64::MAX }).unwrap()
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let things: Vec<Thing> = (0..10).flat_map(Thing::all).collect();
    for (count, thing) in things.iter().enumerate() {
        thing.put(&store).unwrap();
        // In an order that is not that of their names, nor that of their kinds.
        age(dir.path(), *thing, hours(count as u64 * 7 % 40));
    }
    // Each result names a blob; without it, it would be of no use.
    for number in 0..10 {
        let blob = Thing::Result(number);
        store.put(&blob.blob(), &blob.bytes()).unwrap();
    }
    assert_eq!(store.stats().unwrap().total().bytes, 50 * 4096);
    for left in (0..=40).rev() {
        store.trim((left + 10) * 4096).unwrap();
        for (count, thing) in things.iter().enumerate() {
            let there = dir.path().join(thing.path()).exists();
            assert_eq!(there, count as u64 * 7 % 40 >= 40 - left, "{thing:?} with {left} left");
        }
    }
}

/// A way to use a thing of a store.
type Use = fn(&Disk, Thing);

#[test]
fn a_use_is_written_down_when_the_last_one_was_long_ago() {
    let dir = tempfile::tempdir().unwrap();
    let store = at(dir.path(), hours(10));
    let uses: [(Thing, Use); 6] = [
        (Thing::Blob(1), |store, thing| assert!(store.read(&thing.blob()).unwrap().is_some())),
        (Thing::Blob(1), |store, thing| assert!(store.holds(&thing.blob()).unwrap())),
        (Thing::Blob(1), |store, thing| assert!(!store.put(&thing.blob(), &thing.bytes()).unwrap())),
        (Thing::Result(1), |store, thing| assert!(store.entry(&thing.key()).unwrap().is_some())),
        (Thing::Note(1), |store, thing| assert!(store.note(&thing.key()).unwrap().is_some())),
        (Thing::Set(1), |store, thing| assert_eq!(store.sets(&thing.key()).unwrap().len(), 1)),
    ];
    for (thing, using) in uses {
        thing.put(&store).unwrap();
        let path = dir.path().join(thing.path());
        let path = if let Thing::Set(_) = thing { path.parent().unwrap() } else { &path };
        set_mtime(path, hours(10));
        using(&store, thing);
        assert_eq!(modified(path), hours(10), "{thing:?}: used lately");
        for old in [hours(8), hours(0), hours(12), hours(1_000_000)] {
            set_mtime(path, old);
            using(&store, thing);
            assert_ne!(modified(path), old, "{thing:?}: now");
        }
    }
    let blob = Thing::Blob(1);
    set_mtime(&dir.path().join(blob.path()), hours(0));
    assert!(store.write_to(&blob.blob(), &dir.path().join("v2/tmp/made"), false).unwrap());
    assert_ne!(modified(&dir.path().join(blob.path())), hours(0));
}

#[test]
fn a_clock_that_is_wrong_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let far = UNIX_EPOCH + Duration::from_secs(1 << 40);
    for now in [UNIX_EPOCH, UNIX_EPOCH - Duration::from_secs(1 << 40), far, hours(0)] {
        let store = Disk::open(dir.path(), Settings { now, limit: 1 << 20 }).unwrap();
        for thing in Thing::all(1) {
            thing.put(&store).unwrap();
            assert!(thing.get(&store).unwrap());
            age(dir.path(), thing, far);
            assert!(thing.get(&store).unwrap());
        }
        store.trim_if_needed().unwrap();
        let blob = Thing::Result(1);
        store.put(&blob.blob(), &blob.bytes()).unwrap();
        assert_eq!(store.trim(1 << 20).unwrap().removed.files, 0);
        assert_eq!(store.trim(0).unwrap().left.files, 0);
    }
}

#[test]
fn results_whose_blobs_are_gone_go_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let (kept, lost) = (Thing::Blob(1), Thing::Blob(2));
    kept.put(&store).unwrap();
    lost.put(&store).unwrap();
    let digests = [Digest::of(b"whole"), Digest::of(b"half"), Digest::of(b"none")];
    store.put_entry(&digests[0], &made(&[kept.blob()])).unwrap();
    store.put_entry(&digests[1], &made(&[kept.blob(), lost.blob()])).unwrap();
    store.put_entry(&digests[2], &made(&[])).unwrap();
    assert_eq!(store.trim(u64::MAX).unwrap().removed.files, 0);
    fs::remove_file(dir.path().join(lost.path())).unwrap();
    let trimmed = store.trim(u64::MAX).unwrap();
    assert_eq!((trimmed.removed.files, trimmed.left.files), (1, 3));
    let there = digests.map(|digest| store.entry(&digest).unwrap().is_some());
    assert_eq!(there, [true, false, true]);
}

#[test]
fn a_blob_counts_as_used_when_a_result_that_names_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let (named, other) = (Thing::Blob(1), Thing::Blob(2));
    named.put(&store).unwrap();
    other.put(&store).unwrap();
    age(dir.path(), named, hours(1));
    age(dir.path(), other, hours(2));
    store.put_entry(&Digest::of(b"it"), &made(&[named.blob()])).unwrap();
    store.trim(2 * 4096).unwrap();
    assert!(named.get(&store).unwrap() && !other.get(&store).unwrap());
}

#[test]
fn a_store_over_its_limit_is_trimmed_well_below_it_and_one_below_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let limit = 100 * 4096;
    for build in 0..10u32 {
        let store = open(dir.path(), limit).unwrap();
        for number in 0..15 {
            Thing::Note(build * 100 + number).put(&store).unwrap();
        }
        let trimmed = store.trim_if_needed().unwrap();
        let left = store.stats().unwrap().total().bytes;
        assert!(left <= limit, "build {build}: {left}");
        assert_eq!(trimmed.is_some(), [6, 8].contains(&build), "build {build}");
        if let Some(trimmed) = trimmed {
            assert_eq!(left, 80 * 4096);
            assert_eq!(trimmed.left.bytes, left);
        }
        for number in 0..15 {
            assert!(Thing::Note(build * 100 + number).get(&store).unwrap(), "the newest stay");
        }
    }
}

#[test]
fn an_account_that_is_gone_damaged_too_long_or_of_another_store_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    unlimited(other.path()).stats().unwrap();
    let of_other = fs::read(other.path().join("v2/usage")).unwrap();
    let usage = dir.path().join("v2/usage");
    let store = open(dir.path(), 10 * 4096).unwrap();
    store.stats().unwrap();
    let good = fs::read_to_string(&usage).unwrap();
    let mut number = 0;
    for bytes in [
        Vec::new(),
        b"x".to_vec(),
        vec![0; 100],
        vec![0xff; 100],
        good.trim_end().as_bytes().to_vec(),
        [good.as_bytes(), b"+x\n"].concat(),
        [good.as_bytes(), b"-5\n"].concat(),
        [good.as_bytes(), "+0\n".repeat(1 << 20).as_bytes()].concat(),
        of_other,
    ] {
        for _ in 0..11 {
            number += 1;
            Thing::Note(number).put(&unlimited(dir.path())).unwrap();
        }
        fs::write(&usage, &bytes).unwrap();
        let trimmed = store.trim_if_needed().unwrap();
        assert!(trimmed.is_some(), "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(99)]));
        assert_eq!(store.trim_if_needed().unwrap(), None);
    }
}

#[test]
fn a_store_is_counted_anew_once_a_week() {
    let dir = tempfile::tempdir().unwrap();
    let settings = |now| Settings { now, limit: 10 * 4096 };
    Disk::open(dir.path(), settings(hours(0))).unwrap().stats().unwrap();
    let account = fs::read(dir.path().join("v2/usage")).unwrap();
    for number in 0..20 {
        Thing::Note(number).put(&unlimited(dir.path())).unwrap();
    }
    for (now, counted) in [(hours(6 * 24), false), (hours(8 * 24), true)] {
        // As if these files had come with a copy of another store.
        fs::write(dir.path().join("v2/usage"), &account).unwrap();
        let store = Disk::open(dir.path(), settings(now)).unwrap();
        assert_eq!(store.trim_if_needed().unwrap().is_some(), counted);
    }
}

#[test]
fn a_store_that_was_made_just_now_is_not_counted_and_one_without_an_account_is() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { now: hours(0), limit: 10 * 4096 };
    drop(Disk::open(dir.path(), settings).unwrap());
    // What lies there and in no account shows whether it was counted.
    for number in 0..20 {
        Thing::Note(number).put(&unlimited(dir.path())).unwrap();
    }
    let usage = dir.path().join("v2/usage");
    let head = fs::read_to_string(&usage).unwrap().lines().next().unwrap().to_string() + "\n";
    assert!(head.ends_with(" 0\n"), "{head}");
    fs::write(&usage, &head).unwrap();
    assert_eq!(Disk::open(dir.path(), settings).unwrap().trim_if_needed().unwrap(), None);
    fs::remove_file(&usage).unwrap();
    let store = Disk::open(dir.path(), settings).unwrap();
    assert!(!usage.exists(), "it may hold anything");
    assert!(store.trim_if_needed().unwrap().is_some());
}

#[test]
fn every_process_adds_to_the_account() {
    let dir = tempfile::tempdir().unwrap();
    unlimited(dir.path()).stats().unwrap();
    let bytes = vec![1; 5 << 20];
    for number in 0..3 {
        Thing::Note(number).put(&unlimited(dir.path())).unwrap();
    }
    let store = unlimited(dir.path());
    store.put(&Blob::of(&bytes), &bytes).unwrap();
    let text = fs::read_to_string(dir.path().join("v2/usage")).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(lines, ["+4096", "+4096", "+4096", "+5242880"], "much is written down at once");
}

#[test]
fn an_account_that_claims_too_much_is_put_right_and_removes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 10 * 4096).unwrap();
    Thing::Note(1).put(&store).unwrap();
    store.stats().unwrap();
    let usage = dir.path().join("v2/usage");
    let good = fs::read_to_string(&usage).unwrap();
    for claim in ["+999999999999\n", "+18446744073709551615\n+18446744073709551615\n"] {
        fs::write(&usage, format!("{good}{claim}")).unwrap();
        assert_eq!(store.trim_if_needed().unwrap(), None);
        assert_eq!(fs::read_to_string(&usage).unwrap(), good);
    }
    assert!(Thing::Note(1).get(&store).unwrap());
}

#[test]
fn what_a_writer_that_died_left_goes_when_it_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let tmp = dir.path().join("v2/tmp");
    fs::write(tmp.join("old"), "x").unwrap();
    fs::create_dir(tmp.join("dir")).unwrap();
    fs::write(tmp.join("dir/file"), "x").unwrap();
    fs::write(tmp.join("new"), "x").unwrap();
    let now = modified(&tmp.join("new"));
    set_mtime(&tmp.join("old"), now - Duration::from_secs(2 * HOUR));
    set_mtime(&tmp.join("dir"), now - Duration::from_secs(2 * HOUR));
    store.trim(u64::MAX).unwrap();
    let left: Vec<_> = fs::read_dir(&tmp).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["new"]);
}

#[test]
fn damaged_files_go_before_good_ones() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for number in 0..4 {
        Thing::Note(number).put(&store).unwrap();
    }
    let path = dir.path().join(Thing::Note(3).path());
    fs::remove_file(&path).unwrap();
    fs::write(&path, "x").unwrap();
    assert!(Thing::Note(3).get(&store).is_err());
    store.trim(4 * 4096).unwrap();
    assert_eq!(store.stats().unwrap().damaged.files, 1, "there is room for it");
    store.trim(3 * 4096).unwrap();
    let stats = store.stats().unwrap();
    assert_eq!((stats.damaged.files, stats.notes.files), (0, 3));
}

#[test]
fn many_sets_under_one_key_give_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let key = Digest::of(b"key");
    let sets: Vec<Vec<u8>> = (0..100u8).map(|number| vec![number]).collect();
    for set in &sets {
        store.put_set(&key, set).unwrap();
    }
    let expected: Vec<Vec<u8>> = sets.into_iter().rev().take(64).collect();
    assert_eq!(store.sets(&key).unwrap(), expected);
}

#[test]
fn a_set_that_is_put_after_the_clock_was_set_back_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let key = Digest::of(b"key");
    store.put_set(&key, b"old").unwrap();
    let shard = dir.path().join("v2/sets").join(&key.hex()[..2]).join(key.hex());
    let file = shard.join(Digest::of(b"old").hex());
    set_mtime(&file, UNIX_EPOCH + Duration::new(1 << 33, 999_999_999));
    store.put_set(&key, b"new").unwrap();
    assert_eq!(store.sets(&key).unwrap(), [b"new", b"old"]);
}

#[test]
fn what_is_counted_is_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 12_345).unwrap();
    let sizes = [0, 1, 4096, 4097, 1_000_000];
    for size in sizes {
        let bytes = vec![5; size];
        store.put(&Blob::of(&bytes), &bytes).unwrap();
    }
    Thing::Note(1).put(&store).unwrap();
    Thing::Set(1).put(&store).unwrap();
    Thing::Result(1).put(&store).unwrap();
    let stats = store.stats().unwrap();
    assert_eq!((stats.blobs.files, stats.blobs.bytes), (5, 4096 * (1 + 1 + 2 + 245)));
    assert_eq!(
        (stats.notes.files, stats.notes.bytes, stats.sets.files, stats.results.files),
        (1, 4096, 1, 1)
    );
    assert_eq!((stats.total().files, stats.limit), (8, 12_345));
}
