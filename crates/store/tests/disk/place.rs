//! Where a store may be, and what else may be there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rekindle_store::Error;

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
    insta::assert_snapshot!(refused(dir.path()), @"STORE is no store, and holds `v1`");
}

#[test]
fn a_mark_that_was_begun_by_a_process_that_died_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("CACHEDIR.TAG.x1y2z3"), "Signature: 8a4").unwrap();
    Thing::Note(1).put(&unlimited(dir.path())).unwrap();
    assert!(Thing::Note(1).get(&unlimited(dir.path())).unwrap());
}

#[test]
fn a_store_of_a_newer_format_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(unlimited(dir.path()));
    let tag = dir.path().join("CACHEDIR.TAG");
    let text = fs::read_to_string(&tag).unwrap();
    fs::write(&tag, text.replace("format 1", "format 2")).unwrap();
    insta::assert_snapshot!(refused(dir.path()), @"STORE was made by a newer rekindle (its format is 2)");
    fs::write(&tag, text.replace("format 1", "format 0")).unwrap();
    assert!(matches!(open(dir.path(), 0), Err(Error::Foreign { .. })));
}

#[test]
fn a_link_in_the_place_of_a_directory_of_the_store_is_refused() {
    for name in ["v1", "v1/blobs", "v1/tmp", "v1/sets"] {
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
