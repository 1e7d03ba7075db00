//! Where a store may be, and what else may be there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rekindle_store::{Cas, Error};

use crate::{Thing, open, unlimited};

fn refused(path: &Path) -> String {
    let error = open(path, 0).unwrap_err().to_string();
    error.replace(path.to_str().unwrap(), "STORE")
}

#[test]
fn a_store_is_made_where_there_is_nothing_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    for thing in Thing::all(1) {
        thing.put(&unlimited(&path)).unwrap();
        assert!(thing.get(&unlimited(&path)).unwrap());
        let mode = fs::metadata(path.join(thing.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o333, 0, "nobody writes to it, by mistake either");
    }
    let link = dir.path().join("link");
    symlink("a/b", &link).unwrap();
    assert!(Thing::Blob(1).get(&unlimited(&link)).unwrap(), "the store itself may be behind a link");
    assert!(!unlimited(&path).is_read_only());
}

#[test]
fn a_directory_of_something_else_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "years of work").unwrap();
    insta::assert_snapshot!(refused(dir.path()), @"STORE is no store, and holds `thesis.tex`");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "and left as it is");
    fs::write(dir.path().join("CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n# of another\n")
        .unwrap();
    assert!(matches!(open(dir.path(), 0), Err(Error::Foreign { .. })));
    let file = dir.path().join("thesis.tex");
    insta::assert_snapshot!(refused(&file), @"cannot create STORE in the store: File exists (os error 17)");
}

#[test]
fn a_store_whose_mark_is_gone_is_not_taken_either() {
    let dir = tempfile::tempdir().unwrap();
    drop(unlimited(dir.path()));
    fs::remove_file(dir.path().join("CACHEDIR.TAG")).unwrap();
    insta::assert_snapshot!(refused(dir.path()), @"STORE is no store, and holds `v2`");
}

#[test]
fn a_mark_that_was_begun_by_a_process_that_died_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("CACHEDIR.TAG.x1y2z3"), "Signature: 8a4").unwrap();
    Thing::Note(1).put(&unlimited(dir.path())).unwrap();
    assert!(Thing::Note(1).get(&unlimited(dir.path())).unwrap());
}

/// Gives a store the mark of another format.
fn mark(path: &Path, format: u32) {
    let tag = path.join("CACHEDIR.TAG");
    let text = fs::read_to_string(&tag).unwrap();
    assert!(text.contains("store format 2\n"), "{text}");
    fs::write(&tag, text.replace("format 2", &format!("format {format}"))).unwrap();
}

#[test]
fn a_store_of_a_newer_format_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(unlimited(dir.path()));
    mark(dir.path(), 3);
    let before = fs::read(dir.path().join("CACHEDIR.TAG")).unwrap();
    insta::assert_snapshot!(refused(dir.path()), @"STORE was made by a newer rekindle (its format is 3)");
    assert_eq!(fs::read(dir.path().join("CACHEDIR.TAG")).unwrap(), before);
    let dir = tempfile::tempdir().unwrap();
    drop(unlimited(dir.path()));
    mark(dir.path(), 0);
    assert!(matches!(open(dir.path(), 0), Err(Error::Foreign { .. })));
}

/// Makes a store of the format before this one, with one file of each kind in it.
pub(crate) fn make_older(path: &Path) {
    for thing in Thing::all(1) {
        thing.put(&unlimited(path)).unwrap();
    }
    // The account is written when a store is closed; there is one in the older store too.
    assert!(path.join("v2/usage").exists());
    fs::rename(path.join("v2"), path.join("v1")).unwrap();
    mark(path, 1);
}

#[test]
fn an_older_store_is_taken_over_empty_and_its_directory_goes_with_a_trim() {
    let dir = tempfile::tempdir().unwrap();
    make_older(dir.path());
    let store = unlimited(dir.path());
    let tag = fs::read_to_string(dir.path().join("CACHEDIR.TAG")).unwrap();
    assert!(tag.ends_with("store format 2\n"), "{tag}");
    for thing in Thing::all(1) {
        assert!(!thing.get(&store).unwrap(), "{thing:?} is of another format");
        thing.put(&store).unwrap();
    }
    store.put(&Thing::Result(1).blob(), &Thing::Result(1).bytes()).unwrap();
    assert!(dir.path().join("v1/blobs").exists());
    let trimmed = store.trim(u64::MAX).unwrap();
    assert!(!dir.path().join("v1").exists());
    // One file of each kind, and the account.
    assert_eq!((trimmed.removed.files, trimmed.left.files), (5, 5));
    for thing in Thing::all(1) {
        assert!(thing.get(&unlimited(dir.path())).unwrap(), "{thing:?}");
    }
}

#[test]
fn what_an_older_store_left_goes_after_a_build_too() {
    let dir = tempfile::tempdir().unwrap();
    make_older(dir.path());
    let store = unlimited(dir.path());
    Thing::Note(1).put(&store).unwrap();
    assert_eq!(store.trim_if_needed().unwrap(), None);
    assert!(!dir.path().join("v1").exists() && Thing::Note(1).get(&store).unwrap());
}

#[test]
fn a_link_in_the_place_of_what_an_older_store_left_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("mine"), "x").unwrap();
    let store = unlimited(dir.path());
    symlink(outside.path(), dir.path().join("v1")).unwrap();
    store.trim(u64::MAX).unwrap();
    assert!(outside.path().join("mine").exists());
    assert!(fs::symlink_metadata(dir.path().join("v1")).is_err());
}

#[test]
fn a_link_in_the_place_of_a_directory_of_the_store_is_refused() {
    for name in ["v2", "v2/blobs", "v2/tmp", "v2/sets"] {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        drop(unlimited(dir.path()));
        fs::remove_dir_all(dir.path().join(name)).unwrap();
        symlink(outside.path(), dir.path().join(name)).unwrap();
        assert!(matches!(open(dir.path(), 0), Err(Error::Io { .. })), "{name}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}

#[test]
fn two_stores_are_merged_by_copying_files() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let third = tempfile::tempdir().unwrap();
    let (first, second) = (unlimited(one.path()), unlimited(other.path()));
    for number in 0..30 {
        for thing in Thing::all(number) {
            thing.put(if number % 3 == 0 { &first } else { &second }).unwrap();
            if number == 5 {
                thing.put(&first).unwrap();
            }
        }
    }
    let merged = third.path().join("merged");
    rekindle_testkit::copy_tree(other.path(), &merged);
    copy(one.path(), &merged);
    for store in [unlimited(&merged), {
        copy(other.path(), one.path());
        unlimited(one.path())
    }] {
        for number in 0..30 {
            for thing in Thing::all(number) {
                assert!(thing.get(&store).unwrap(), "{thing:?}");
            }
        }
        assert!(store.verify().unwrap().damaged.is_empty());
        assert_eq!(store.stats().unwrap().total().files, 120);
    }
}

/// `cp -r FROM/. TO`, which writes over what is there.
#[expect(clippy::disallowed_methods, reason = "the test is about what people do with cp")]
fn copy(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-r").arg(from.join(".")).arg(to).status();
    assert!(status.unwrap().success() || !rekindle_testkit::is_root());
}
