//! Disks that are full, that cannot be written, and that can share blocks.

use std::fs;
use std::io::Write;
use std::path::Path;

use rekindle_fingerprint::digest::Blob;
use rekindle_store::{ActionCache, Cas, Error};
use rekindle_testkit::{Tmpfs, require_path, require_root};

use crate::place::make_older;
use crate::{Thing, open, unlimited};

#[expect(clippy::disallowed_methods, reason = "file systems are made and mounted by programs")]
fn run(program: &str, args: &[&str]) -> bool {
    std::process::Command::new(program).args(args).output().unwrap().status.success()
}

#[test]
fn on_a_full_disk_nothing_is_half_there_and_a_trim_makes_room() {
    if !require_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let _disk = Tmpfs::mount(dir.path(), 512);
    let store = unlimited(&dir.path().join("store"));
    for thing in Thing::all(1) {
        thing.put(&store).unwrap();
    }
    let mut put = 0u8;
    let error = loop {
        let bytes = vec![put; 20_000];
        match store.put(&Blob::of(&bytes), &bytes) {
            Ok(_) => put += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
        "{error}"
    );
    let filler = dir.path().join("filler");
    while fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 512]))
        .is_ok()
    {}
    for thing in Thing::all(2) {
        let put = thing.put(&store);
        assert!(matches!(put, Err(Error::Io { .. })), "{thing:?}: {put:?}");
        assert!(!thing.get(&store).unwrap());
    }
    assert_eq!(fs::read_dir(dir.path().join("store/v2/tmp")).unwrap().count(), 0);
    for thing in Thing::all(1) {
        assert!(thing.get(&store).unwrap(), "{thing:?} can still be read");
    }
    let to = dir.path().join("made");
    let error = store.write_to(&Thing::Blob(1).blob(), &to, false).unwrap_err();
    assert!(matches!(error, Error::Place { .. }) && !to.exists(), "{error}");
    assert!(store.verify().unwrap().damaged.is_empty());
    let again = unlimited(&dir.path().join("store"));
    assert!(!again.is_read_only());
    assert!(again.trim(100_000).unwrap().removed.files > 0);
    for thing in Thing::all(2) {
        thing.put(&store).unwrap();
        assert!(thing.get(&store).unwrap());
    }
}

#[test]
fn an_older_store_that_cannot_be_written_has_nothing_in_it() {
    if !require_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    let _disk = Tmpfs::mount(&disk, 512);
    let path = disk.join("store");
    make_older(&path);
    assert!(run("mount", &["-o", "remount,ro", disk.to_str().unwrap()]));
    let store = unlimited(&path);
    assert!(store.is_read_only());
    for thing in Thing::all(1) {
        thing.put(&store).unwrap();
        assert!(!thing.get(&store).unwrap(), "{thing:?}");
    }
    assert_eq!(store.stats().unwrap().total().files, 0);
    assert!(store.verify().unwrap().damaged.is_empty());
    assert!(path.join("v1/blobs").exists());
}

#[test]
fn a_store_that_cannot_be_written_is_read() {
    if !require_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    let _disk = Tmpfs::mount(&disk, 512);
    fs::create_dir(disk.join("empty")).unwrap();
    let path = disk.join("store");
    let store = unlimited(&path);
    for thing in Thing::all(1).into_iter().chain(Thing::all(3)) {
        thing.put(&store).unwrap();
    }
    for thing in Thing::all(3) {
        fs::remove_file(path.join(thing.path())).unwrap();
        fs::write(path.join(thing.path()), "damaged").unwrap();
    }
    drop(store);
    assert!(run("mount", &["-o", "remount,ro", disk.to_str().unwrap()]));

    let store = open(&path, 0).unwrap();
    assert!(store.is_read_only());
    for thing in Thing::all(1) {
        assert!(thing.get(&store).unwrap(), "{thing:?}");
    }
    for thing in Thing::all(2) {
        thing.put(&store).unwrap();
        assert!(!thing.get(&store).unwrap(), "{thing:?}: left out");
    }
    for thing in Thing::all(3) {
        for _ in 0..2 {
            match (thing, thing.get(&store)) {
                (Thing::Set(_), got) => assert!(!got.unwrap()),
                (_, got) => assert!(matches!(got, Err(Error::Damaged { .. })), "{thing:?}: {got:?}"),
            }
        }
    }
    let to = dir.path().join("made");
    assert!(store.write_to(&Thing::Blob(1).blob(), &to, false).unwrap());
    store.remove_entry(&Thing::Result(1).key()).unwrap();
    assert!(Thing::Result(1).get(&store).unwrap());
    assert_eq!(store.verify().unwrap().damaged.len(), 4);
    assert_eq!(store.stats().unwrap().total().files, 8);
    assert_eq!(store.trim_if_needed().unwrap(), None);
    assert!(matches!(store.trim(0), Err(Error::Io { .. })));

    for place in ["empty", "new"] {
        let error = open(&disk.join(place), 0).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
}

/// The blocks that two files share are found by how much the disk gets fuller.
fn free(path: &Path) -> u64 {
    rustix::fs::syncfs(fs::File::open(path).unwrap()).unwrap();
    let stat = rustix::fs::statvfs(path).unwrap();
    stat.f_bfree * stat.f_frsize
}

#[test]
fn where_the_disk_can_share_blocks_a_file_that_is_handed_out_takes_no_room_and_is_checked() {
    let tool = Path::new("/usr/sbin/mkfs.btrfs");
    if !require_root() || !require_path(tool, "mkfs.btrfs") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (image, disk) = (dir.path().join("image"), dir.path().join("disk"));
    fs::File::create(&image).unwrap().set_len(256 << 20).unwrap();
    fs::create_dir(&disk).unwrap();
    assert!(run(tool.to_str().unwrap(), &["-q", image.to_str().unwrap()]));
    if !run("mount", &["-o", "loop", image.to_str().unwrap(), disk.to_str().unwrap()]) {
        // The kernel is not the test's to bring along.
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: blocks that are shared (the kernel mounts no btrfs from a file)"
        );
        return;
    }
    let result = std::panic::catch_unwind(|| {
        let store = unlimited(&disk.join("store"));
        let bytes: Vec<u8> =
            (0..20u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let blob = Blob::of(&bytes);
        store.put(&blob, &bytes).unwrap();
        let before = free(&disk);
        for name in ["one", "two"] {
            assert!(store.write_to(&blob, &disk.join(name), false).unwrap());
        }
        assert!(before - free(&disk) < 5 << 20, "{} bytes more", before - free(&disk));
        assert_eq!(fs::read(disk.join("one")).unwrap(), bytes);
        fs::write(disk.join("one"), "edited").unwrap();
        assert_eq!(store.read(&blob).unwrap().unwrap(), bytes);
        let hex = blob.digest.hex();
        let path = disk.join("store/v2/blobs").join(&hex[..2]).join(hex);
        let mut wrong = bytes;
        wrong[12_345_678] ^= 1;
        fs::remove_file(&path).unwrap();
        fs::write(&path, &wrong).unwrap();
        assert!(matches!(store.write_to(&blob, &disk.join("two"), false), Err(Error::Damaged { .. })));
    });
    assert!(run("umount", &[disk.to_str().unwrap()]));
    result.unwrap();
}
