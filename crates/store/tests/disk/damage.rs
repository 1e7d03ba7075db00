//! Every way in which a stored file can be wrong, for every kind of file.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use rekindle_store::{Cas, Error};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::{Thing, unlimited};

/// Damages the file of a thing in a store, and holds the store to its promise.
fn damage(how: &str, damage: impl Fn(&Path, Thing)) {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for thing in Thing::all(1) {
        check(dir.path(), &store, thing, how, &damage);
    }
}

fn check(dir: &Path, store: &rekindle_store::Disk, thing: Thing, how: &str, damage: &dyn Fn(&Path, Thing)) {
    let path = dir.join(thing.path());
    let case = format!("{thing:?}, {how}");
    thing.put(store).unwrap();
    assert!(thing.get(store).unwrap(), "{case}: there before");
    damage(&path, thing);
    match (thing, thing.get(store)) {
        (Thing::Set(_), got) => assert!(!got.unwrap(), "{case}: left out"),
        (_, Err(Error::Damaged { path: named, .. })) => assert_eq!(named, path, "{case}"),
        (_, got) => panic!("{case}: {got:?}"),
    }
    assert!(fs::symlink_metadata(&path).is_err(), "{case}: out of the way");
    assert!(!thing.get(store).unwrap(), "{case}: absent from then on");
    if let Thing::Blob(_) = thing {
        assert!(store.put(&thing.blob(), &thing.bytes()).unwrap(), "{case}: put anew");
    }
    thing.put(store).unwrap();
    assert!(thing.get(store).unwrap(), "{case}: there again");
}

/// Writes a file in the place of one that cannot be written.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_file_that_was_cut_off_is_not_served() {
    for keep in [0, 1, 7, 15, 16, 17, 23, 24, 31, 32, 33, 40] {
        damage(&format!("cut to {keep}"), |path, thing| {
            let bytes = fs::read(path).unwrap();
            let keep = keep.min(bytes.len() - 1);
            assert!(keep < bytes.len(), "{thing:?}");
            replace(path, &bytes[..keep]);
        });
    }
    damage("without its last byte", |path, _| {
        let bytes = fs::read(path).unwrap();
        replace(path, &bytes[..bytes.len() - 1]);
    });
}

#[test]
fn a_file_that_grew_is_not_served() {
    damage("a byte more", |path, _| replace(path, &[&fs::read(path).unwrap()[..], b"x"].concat()));
    damage("twice", |path, _| replace(path, &fs::read(path).unwrap().repeat(2)));
}

#[test]
fn a_file_with_any_bit_flipped_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for thing in Thing::all(1) {
        thing.put(&store).unwrap();
        let bytes = fs::read(dir.path().join(thing.path())).unwrap();
        for bit in 0..bytes.len() * 8 {
            check(dir.path(), &store, thing, &format!("bit {bit}"), &|path, _| {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                replace(path, &bytes);
            });
        }
    }
}

#[test]
fn a_file_of_zeros_is_not_served() {
    damage("zeros", |path, _| replace(path, &vec![0; fs::read(path).unwrap().len()]));
    damage("zeros behind a page", |path, _| {
        let mut bytes = fs::read(path).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
        replace(path, &bytes);
    });
}

#[test]
fn a_huge_file_is_refused_before_it_is_read() {
    damage("huge", |path, _| {
        replace(path, b"");
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1 << 42).unwrap();
    });
}

#[test]
fn a_file_under_the_name_of_another_is_not_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for (thing, other) in Thing::all(1).into_iter().zip(Thing::all(2)) {
        // Of one length, so that it takes more than a look at that.
        assert_eq!(thing.bytes().len(), other.bytes().len());
        other.put(&store).unwrap();
        check(dir.path(), &store, thing, "another of its kind", &|path, _| {
            replace(path, &fs::read(dir.path().join(other.path())).unwrap());
        });
        assert!(other.get(&store).unwrap());
    }
}

#[test]
fn a_note_under_the_name_of_a_result_is_not_served() {
    use rekindle_store::ActionCache;
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let result = Thing::Result(1);
    store.put_note(&result.key(), &crate::made(&[result.blob()]).encode()).unwrap();
    let note =
        fs::read(dir.path().join(result.path()).to_str().unwrap().replace("results", "notes")).unwrap();
    check(dir.path(), &store, result, "a note", &|path, _| replace(path, &note));
}

#[test]
fn a_set_under_another_key_or_under_the_digest_of_another_set_is_not_served() {
    use rekindle_store::ActionCache;
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let (set, other) = (Thing::Set(1), Thing::Set(2));
    set.put(&store).unwrap();
    other.put(&store).unwrap();
    let (path, of_other) = (dir.path().join(set.path()), dir.path().join(other.path()));
    fs::copy(&path, of_other.with_file_name(set.blob().digest.hex())).unwrap();
    assert_eq!(store.sets(&other.key()).unwrap(), [other.bytes()]);
    fs::copy(&path, path.with_file_name(other.blob().digest.hex())).unwrap();
    assert_eq!(store.sets(&set.key()).unwrap(), [set.bytes()]);
}

#[test]
fn what_is_no_file_is_not_served_not_followed_and_not_waited_for() {
    let outside = tempfile::tempdir().unwrap();
    damage("an empty directory", |path, _| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    });
    damage("a full directory", |path, _| {
        fs::remove_file(path).unwrap();
        fs::create_dir_all(path.join("a/b")).unwrap();
        fs::write(path.join("a/file"), "x").unwrap();
    });
    damage("a link to the same bytes", |path, thing| {
        let target = outside.path().join(format!("{thing:?}"));
        fs::rename(path, &target).unwrap();
        symlink(&target, path).unwrap();
    });
    for target in ["/dev/zero", "nowhere", "."] {
        damage(&format!("a link to {target}"), |path, _| {
            fs::remove_file(path).unwrap();
            symlink(target, path).unwrap();
        });
    }
    damage("a FIFO", |path, _| {
        fs::remove_file(path).unwrap();
        mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    });
    let names = fs::read_dir(outside.path()).unwrap().count();
    assert_eq!(names, 4, "what a link leads to is left alone");
}

#[test]
fn not_even_an_empty_blob_is_read_from_what_is_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let blob = rekindle_fingerprint::digest::Blob::of(b"");
    store.put(&blob, b"").unwrap();
    let hex = blob.digest.hex();
    let path = dir.path().join("v2/blobs").join(&hex[..2]).join(hex);
    fs::remove_file(&path).unwrap();
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap();
    assert!(!store.holds(&blob).unwrap());
    assert!(matches!(store.read(&blob), Err(Error::Damaged { .. })));
    assert!(store.put(&blob, b"").unwrap() && store.holds(&blob).unwrap());
}

#[test]
fn what_a_writer_that_died_left_is_never_found() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for thing in Thing::all(1) {
        thing.put(&store).unwrap();
        let path = dir.path().join(thing.path());
        let bytes = fs::read(&path).unwrap();
        fs::rename(&path, dir.path().join("v2/tmp/left")).unwrap();
        assert!(!thing.get(&store).unwrap());
        fs::write(dir.path().join("v2/tmp/left"), &bytes[..bytes.len() / 2]).unwrap();
        thing.put(&store).unwrap();
        assert!(thing.get(&store).unwrap());
        fs::remove_file(dir.path().join("v2/tmp/left")).unwrap();
    }
}

#[test]
fn a_blob_of_the_wrong_size_is_replaced_by_a_put_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let blob = Thing::Blob(1);
    blob.put(&store).unwrap();
    replace(&dir.path().join(blob.path()), b"short");
    assert!(!store.holds(&blob.blob()).unwrap());
    assert!(store.put(&blob.blob(), &blob.bytes()).unwrap());
    assert!(blob.get(&store).unwrap());
}

#[test]
fn a_directory_of_files_that_is_none_gives_way_and_a_link_in_its_place_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    for thing in Thing::all(1) {
        let shard = |path: &Path| {
            path.ancestors().find(|dir| dir.file_name().unwrap().len() == 2).unwrap().to_path_buf()
        };
        for how in ["file", "link", "dangling link", "FIFO"] {
            let store = unlimited(dir.path());
            let shard = shard(&dir.path().join(thing.path()));
            let _ = fs::remove_dir_all(&shard);
            match how {
                "file" => fs::write(&shard, "x").unwrap(),
                "link" => symlink(outside.path(), &shard).unwrap(),
                "FIFO" => mknodat(CWD, &shard, FileType::Fifo, Mode::from_raw_mode(0o666), 0).unwrap(),
                _ => symlink("nowhere", &shard).unwrap(),
            }
            let got = thing.get(&store);
            assert!(matches!(got, Ok(false) | Err(Error::Damaged { .. })), "{thing:?}, {how}: {got:?}");
            thing.put(&store).unwrap();
            assert!(thing.get(&store).unwrap(), "{thing:?}, {how}");
        }
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "nothing was written outside of the store");
}

#[test]
fn nothing_behind_a_link_is_removed_or_moved() {
    use rekindle_store::ActionCache;
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for thing in Thing::all(1) {
        thing.put(&store).unwrap();
        let path = dir.path().join(thing.path());
        let shard = path.ancestors().find(|dir| dir.file_name().unwrap().len() == 2).unwrap();
        let target = outside.path().join(format!("{thing:?}"));
        fs::rename(shard, &target).unwrap();
        symlink(&target, shard).unwrap();
        let below = target.join(path.strip_prefix(shard).unwrap());
        if let Thing::Result(_) = thing {
            store.remove_entry(&thing.key()).unwrap();
        }
        assert!(!store.read(&thing.blob()).is_ok_and(|got| got.is_some()));
        store.trim(0).unwrap();
        store.verify().unwrap();
        assert!(below.exists(), "{thing:?}");
        assert!(fs::symlink_metadata(shard).is_err(), "{thing:?}: verify sets the link aside");
    }
}

#[test]
fn a_blob_that_is_damaged_is_not_written_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let to = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    let made = to.path().join("made");
    fs::write(&made, "before").unwrap();
    let ways: [fn(&mut Vec<u8>); 4] = [
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes.push(b'x'),
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.clear(),
    ];
    for size in [10, 70_000, 3_000_000] {
        for (way, as_draft) in ways.into_iter().flat_map(|way| [(way, false), (way, true)]) {
            let mut bytes = vec![b'x'; size];
            let blob = rekindle_fingerprint::digest::Blob::of(&bytes);
            assert!(store.put(&blob, &bytes).unwrap());
            let hex = blob.digest.hex();
            way(&mut bytes);
            replace(&dir.path().join("v2/blobs").join(&hex[..2]).join(hex), &bytes);
            let wrote = if as_draft {
                store.write_draft(&blob, &to.path().join("draft"), false)
            } else {
                store.write_to(&blob, &made, false)
            };
            let error = wrote.unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert_eq!(fs::read(&made).unwrap(), b"before");
            assert_eq!(fs::read_dir(to.path()).unwrap().count(), 1);
            assert!(!store.write_to(&blob, &made, false).unwrap());
        }
    }
}

#[test]
fn verify_finds_all_damage_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for number in 0..20 {
        for thing in Thing::all(number) {
            thing.put(&store).unwrap();
        }
    }
    let clean = store.verify().unwrap();
    assert_eq!((clean.checked.files, clean.damaged.len()), (80, 0));
    let mut expected = Vec::new();
    for thing in Thing::all(7) {
        let path = dir.path().join(thing.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes[5] ^= 1;
        replace(&path, &bytes);
        expected.push(path);
    }
    for (name, bytes) in
        [("v2/notes/x", "a stray"), ("v2/results/00/x", "a stray"), ("v2/sets/00/y/z", "a stray")]
    {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        let stray = if name.contains("/y/") { path.parent().unwrap().to_path_buf() } else { path };
        expected.push(stray);
    }
    expected.sort();
    let verified = store.verify().unwrap();
    let mut found: Vec<_> = verified.damaged.iter().map(|damage| damage.path.clone()).collect();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(verified.checked.files, 76);
    let again = store.verify().unwrap();
    assert_eq!((again.checked.files, again.damaged.len()), (76, 0));
    let odd = dir.path().join("v2/notes").join(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
    fs::write(&odd, "a stray").unwrap();
    assert_eq!(store.verify().unwrap().damaged.len(), 1);
    assert!(!odd.exists());
    assert_eq!(store.stats().unwrap().damaged.files, 8);
}

#[test]
fn no_more_than_a_few_damaged_files_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = unlimited(dir.path());
    for number in 0..200 {
        let thing = Thing::Note(number);
        thing.put(&store).unwrap();
        replace(&dir.path().join(thing.path()), b"x");
        assert!(thing.get(&store).is_err());
        assert!(!thing.get(&store).unwrap());
    }
    assert_eq!(store.stats().unwrap().damaged.files, 64);
    assert_eq!(store.stats().unwrap().notes.files, 0);
}
