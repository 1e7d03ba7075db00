//! What the traits promise, held by every store.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::disk::{Disk, Settings};
use rekindle_store::memory::Memory;
use rekindle_store::{ActionResult, Entry, Error, Product, Store};

/// Runs a test against each kind of store, with a directory to write to.
fn each(test: impl Fn(&dyn Store, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { now: UNIX_EPOCH + Duration::from_secs(1_700_000_000), limit: u64::MAX };
    let disk = Disk::open(&dir.path().join("store"), settings).unwrap();
    for (store, name) in [(&Memory::default() as &dyn Store, "memory"), (&disk, "disk")] {
        let to = dir.path().join(name);
        fs::create_dir(&to).unwrap();
        test(store, &to);
    }
}

fn made(blobs: &[Blob]) -> Entry {
    let products = blobs.iter().map(|blob| Product { blob: *blob, executable: true });
    Entry::Made(ActionResult {
        products: products.collect(),
        printed: b"warning".to_vec(),
        duration_ms: 3,
        origin: None,
    })
}

#[test]
fn a_blob_is_absent_until_it_is_put_and_put_once() {
    each(|store, to| {
        for bytes in [&b""[..], b"object", &vec![7; 3_000_000]] {
            let blob = Blob::of(bytes);
            assert!(!store.holds(&blob).unwrap());
            assert_eq!(store.read(&blob).unwrap(), None);
            assert!(!store.write_to(&blob, &to.join("none"), false).unwrap());
            assert!(!to.join("none").exists());
            assert!(store.put(&blob, bytes).unwrap());
            assert!(!store.put(&blob, bytes).unwrap());
            assert!(store.holds(&blob).unwrap());
            assert_eq!(store.read(&blob).unwrap().as_deref(), Some(bytes));
            assert!(store.write_to(&blob, &to.join("made"), false).unwrap());
            assert_eq!(fs::read(to.join("made")).unwrap(), bytes);
        }
    });
}

#[test]
fn a_draft_is_the_blob_or_is_not_there() {
    each(|store, to| {
        for bytes in [&b"object"[..], &vec![7; 3_000_000]] {
            let (blob, draft) = (Blob::of(bytes), to.join(format!("draft{}", bytes.len())));
            assert!(!store.write_draft(&blob, &draft, true).unwrap());
            assert!(!draft.exists());
            store.put(&blob, bytes).unwrap();
            assert!(store.write_draft(&blob, &draft, true).unwrap());
            assert_eq!(fs::read(&draft).unwrap(), bytes);
            assert_eq!(fs::metadata(&draft).unwrap().permissions().mode() & 0o700, 0o700);
            fs::write(&draft, "it can be written to").unwrap();
            assert_eq!(store.read(&blob).unwrap().as_deref(), Some(bytes), "and is another file");
            let nowhere = store.write_draft(&blob, &to.join("no/such/directory"), false);
            assert!(matches!(nowhere, Err(Error::Place { .. })));
        }
    });
}

#[test]
fn a_file_that_was_handed_out_belongs_to_who_asked_for_it() {
    each(|store, to| {
        for bytes in [&b"object"[..], &vec![7; 100_000]] {
            let blob = Blob::of(bytes);
            store.put(&blob, bytes).unwrap();
            for (name, executable) in [("plain", false), ("tool", true)] {
                let file = to.join(name);
                fs::write(&file, "what was there before").unwrap();
                assert!(store.write_to(&blob, &file, executable).unwrap());
                let mode = fs::metadata(&file).unwrap().permissions().mode();
                assert_eq!((mode & 0o600, mode & 0o100 != 0), (0o600, executable));
                fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(3).unwrap();
            }
            assert_eq!(store.read(&blob).unwrap().as_deref(), Some(bytes));
        }
        let names: Vec<_> = fs::read_dir(to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "nothing is left beside what was asked for: {names:?}");
    });
}

#[test]
fn a_link_in_the_way_is_replaced_and_not_followed() {
    each(|store, to| {
        let blob = Blob::of(b"object");
        store.put(&blob, b"object").unwrap();
        fs::write(to.join("target"), "mine").unwrap();
        std::os::unix::fs::symlink("target", to.join("link")).unwrap();
        assert!(store.write_to(&blob, &to.join("link"), false).unwrap());
        assert_eq!(fs::read(to.join("target")).unwrap(), b"mine");
        assert!(!to.join("link").is_symlink());
    });
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_nothing_is_touched() {
    each(|store, to| {
        let blob = Blob::of(b"object");
        store.put(&blob, b"object").unwrap();
        fs::create_dir_all(to.join("dir/inner")).unwrap();
        for place in ["dir", "none/file"] {
            let error = store.write_to(&blob, &to.join(place), false).unwrap_err();
            assert!(matches!(&error, Error::Place { path, .. } if *path == to.join(place)), "{error}");
        }
        assert_eq!(fs::read_dir(to).unwrap().count(), 1);
    });
}

#[test]
fn entries_are_replaced_and_forgotten() {
    each(|store, _| {
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let bound = Entry::Bound { roots: vec!["ws".into()], why: "`-g`".into() };
        assert_eq!(store.entry(&one).unwrap(), None);
        store.remove_entry(&one).unwrap();
        store.put_entry(&one, &made(&[Blob::of(b"a"), Blob::of(b"b")])).unwrap();
        store.put_entry(&other, &bound).unwrap();
        assert_eq!(store.entry(&one).unwrap(), Some(made(&[Blob::of(b"a"), Blob::of(b"b")])));
        store.put_entry(&one, &made(&[])).unwrap();
        assert_eq!(store.entry(&one).unwrap(), Some(made(&[])));
        store.remove_entry(&one).unwrap();
        assert_eq!(store.entry(&one).unwrap(), None);
        assert_eq!(store.entry(&other).unwrap(), Some(bound));
    });
}

#[test]
fn the_set_that_was_put_last_comes_first() {
    each(|store, _| {
        let (key, other) = (Digest::of(b"key"), Digest::of(b"other"));
        assert!(store.sets(&key).unwrap().is_empty());
        let sets: Vec<Vec<u8>> = (0..20u8).map(|number| vec![number; usize::from(number)]).collect();
        for set in &sets {
            store.put_set(&key, set).unwrap();
        }
        store.put_set(&other, b"of another key").unwrap();
        let mut expected: Vec<Vec<u8>> = sets.into_iter().rev().collect();
        assert_eq!(store.sets(&key).unwrap(), expected);
        assert_eq!(store.sets(&key).unwrap(), expected, "looking changes nothing");
        let again = expected.remove(13);
        store.put_set(&key, &again).unwrap();
        expected.insert(0, again);
        assert_eq!(store.sets(&key).unwrap(), expected);
    });
}

#[test]
fn notes_and_entries_and_blobs_of_one_digest_are_different_things() {
    each(|store, _| {
        let blob = Blob::of(b"x");
        assert_eq!(store.note(&blob.digest).unwrap(), None);
        store.put_note(&blob.digest, b"note").unwrap();
        assert_eq!(store.entry(&blob.digest).unwrap(), None);
        assert!(!store.holds(&blob).unwrap() && store.sets(&blob.digest).unwrap().is_empty());
        store.put_entry(&blob.digest, &made(&[])).unwrap();
        store.put_note(&blob.digest, b"").unwrap();
        assert_eq!(store.note(&blob.digest).unwrap().as_deref(), Some(&b""[..]));
        assert_eq!(store.entry(&blob.digest).unwrap(), Some(made(&[])));
    });
}
