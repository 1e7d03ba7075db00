//! Stores that may not take a pack, and disks that cannot.

use std::fs;

use rekindle_fingerprint::digest::Blob;
use rekindle_store::pack::{Content, Error, export, import};
use rekindle_store::{ActionCache, Cas};
use rekindle_testkit::{Tmpfs, Tree, require_root};

use crate::{has, limited, made, name, put, store, things, unfinished};

/// Bytes that cannot be compressed.
fn noise(length: u32) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&length.to_le_bytes());
    let mut bytes = vec![0; length as usize];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn a_pack_of_more_than_the_store_may_take_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    let bytes = noise(100_000);
    disk.put(&Blob::of(&bytes), &bytes).unwrap();
    disk.put_entry(&name("a"), &made(&[&bytes], None)).unwrap();
    let file = dir.path().join("pack");
    export(&disk, None, &file).unwrap();
    let path = dir.path().join("other");
    let small = limited(&path, 99_999);
    let before = Tree::of(&path);
    let error = import(&small, &file, Content::All).unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 99_999, .. }), "{error}");
    assert_eq!(Tree::of(&path).difference(&before), "");
    import(&small, &file, Content::WithoutBlobs).unwrap();
}

#[test]
fn what_shrinks_as_only_bombs_do_is_not_packed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    let zeros = vec![0; 80 << 20];
    disk.put(&Blob::of(&zeros), &zeros).unwrap();
    disk.put_entry(&name("a"), &made(&[&zeros], None)).unwrap();
    let file = dir.path().join("pack");
    let error = export(&disk, None, &file).unwrap_err();
    insta::assert_snapshot!(error, @"what is to be packed shrinks so much that it could not be told from a bomb");
    assert!(!file.exists());
}

#[expect(clippy::disallowed_methods, reason = "file systems are mounted by programs")]
fn remount(path: &std::path::Path, options: &str) {
    let options = format!("remount,{options}");
    let done = std::process::Command::new("mount").args(["-o", &options]).arg(path).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_disk_without_room_is_found_before_or_while_blobs_come_and_nothing_is_put() {
    if !require_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    let bytes = noise(600_000);
    disk.put(&Blob::of(&bytes), &bytes).unwrap();
    disk.put_entry(&name("large"), &made(&[&bytes], None)).unwrap();
    for at in 0..100 {
        put(&disk, &format!("result {at}"));
    }
    let file = dir.path().join("pack");
    export(&disk, None, &file).unwrap();

    let mounted = dir.path().join("disk");
    let tmpfs = Tmpfs::mount(&mounted, 512);
    let path = mounted.join("store");
    let small = store(&path);
    put(&small, "result 5");
    let before = things(&path);
    let full = |error: Error| {
        let Error::Store(rekindle_store::Error::Io { source, .. }) = &error else { panic!("{error}") };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull, "{error}");
    };
    let written = || fs::metadata(path.join("v2/tmp")).unwrap().modified().unwrap();
    let untouched = written();
    full(import(&small, &file, Content::All).unwrap_err());
    assert_eq!(written(), untouched, "it was found before anything was written");
    assert_eq!(things(&path).difference(&before), "");
    // There is room for the bytes, and not for so many files.
    tmpfs.resize(8192);
    remount(&mounted, "nr_inodes=60");
    full(import(&small, &file, Content::All).unwrap_err());
    assert_eq!(things(&path).difference(&before), "");
    assert_eq!(unfinished(&path), 0);
    remount(&mounted, "nr_inodes=4000");
    import(&small, &file, Content::All).unwrap();
    assert!((0..100).all(|at| has(&small, &format!("result {at}"))));
    drop(small);

    // The pack does not fit where it is to lie.
    let packs = dir.path().join("packs");
    let _packs = Tmpfs::mount(&packs, 256);
    let error = export(&disk, None, &packs.join("pack")).unwrap_err();
    assert!(matches!(&error, Error::File { .. }), "{error}");
    assert_eq!(fs::read_dir(&packs).unwrap().count(), 0);

    remount(&mounted, "ro");
    let reading = store_read_only(&path);
    let error = import(&reading, &file, Content::All).unwrap_err();
    assert!(matches!(error, Error::Store(rekindle_store::Error::Io { .. })), "{error}");
    let again = dir.path().join("again");
    assert_eq!(export(&reading, None, &again).unwrap().results, 101);
}

fn store_read_only(path: &std::path::Path) -> rekindle_store::Disk {
    let settings = rekindle_store::disk::Settings { now: std::time::SystemTime::UNIX_EPOCH, limit: 1 << 40 };
    rekindle_store::Disk::open(path, settings).unwrap()
}
