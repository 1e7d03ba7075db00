//! A store that cannot be used as it should: the build goes on, says so once, and is right. And outputs that came from
//! a store and are edited in place: the store does not notice.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rekindle_testkit::{Built, Space, Tmpfs, Tree, require_root};

use crate::kit::{ALL, notices, project};

/// A build in a clean directory gives what one without a store gives.
#[track_caller]
fn builds_well(space: &Space, clean: &Tree) -> Built {
    space.remove_if_there(".rekindle");
    let built = space.build(&[]);
    built.ok();
    let difference = space.outputs().difference(clean);
    assert!(difference.is_empty(), "unlike a clean build (the second):\n{difference}{}", built.story());
    built
}

/// What a build without a store gives.
fn clean(space: &Space) -> Tree {
    space.build(&["--no-store"]).ok();
    let tree = space.outputs();
    space.remove(".rekindle");
    tree
}

/// A project with objects of a hundred kilobytes.
fn large() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"*.c\"]\n");
    for number in 1..6 {
        let text = format!(
            "char table{number}[100000] = {{{number}}};\nint f{number}(void) {{ return table{number}[0]; }}\n"
        );
        space.write(format!("f{number}.c"), text);
    }
    space.write("main.c", "int f1(void), f5(void);\nint main(void) { return f1() + f5(); }\n");
    space
}

#[test]
fn a_full_disk_is_said_once_and_costs_nothing_but_what_is_not_stored() {
    if !require_root() {
        return;
    }
    let mut space = large();
    let store = space.base().join("store");
    let disk = Tmpfs::mount(&store, 256);
    space.use_store(&store);
    let clean = clean(&space);
    for _ in 0..2 {
        let built = builds_well(&space, &clean);
        assert_eq!(notices(&built), 1, "{}", built.story());
    }
    space.build(&[]).ok().assert_work("-");
    disk.resize(8192);
    builds_well(&space, &clean);
    builds_well(&space, &clean).assert_restored("6c 1l");
}

#[test]
fn a_disk_that_is_full_from_the_beginning_is_said_once() {
    if !require_root() {
        return;
    }
    let mut space = project();
    let store = space.base().join("store");
    let _disk = Tmpfs::mount(&store, 4);
    space.use_store(&store);
    let clean = clean(&space);
    fs::write(store.join("filler"), [0; 4096]).unwrap_or_default();
    let built = builds_well(&space, &clean);
    built.assert_kinds(ALL, "-");
    assert_eq!(notices(&built), 1, "{}", built.story());
}

fn mount_again(store: &Path, options: &str) {
    let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(store).status();
    assert!(status.unwrap().success());
}

#[test]
fn from_a_read_only_store_everything_is_put_back_and_what_is_new_is_not_stored() {
    if !require_root() {
        return;
    }
    let mut space = project();
    let store = space.base().join("store");
    let _disk = Tmpfs::mount(&store, 8192);
    space.use_store(&store);
    let before = clean(&space);
    builds_well(&space, &before).assert_kinds(ALL, "-");
    mount_again(&store, "ro");
    let built = builds_well(&space, &before);
    built.assert_restored(ALL);
    // The first that runs is not the last that is looked for.
    space.edit("util/one.c", "+ 1", "+ 3");
    space.edit("words.txt", "warm", "hot");
    space.use_no_store();
    let after = clean(&space);
    space.use_store(&store);
    let built = builds_well(&space, &after);
    built.assert_kinds("2c 1a 1l 1x", "2c");
    assert_eq!(notices(&built), 1, "{}", built.story());
    mount_again(&store, "rw");
    builds_well(&space, &after).assert_kinds("2c 1a 1l 1x", "2c");
    builds_well(&space, &after).assert_restored(ALL);
}

#[test]
fn somebody_who_may_not_write_the_store_is_served_from_it() {
    as_nobody(0o755, |built| {
        built.assert_restored(ALL);
    });
}

#[test]
fn somebody_who_may_not_read_the_store_is_told_once() {
    as_nobody(0o700, |built| {
        built.assert_kinds(ALL, "-");
        assert_eq!(notices(built), 1, "{}", built.story());
    });
}

#[track_caller]
fn as_nobody(mode: u32, check: fn(&Built)) {
    if !require_root() {
        return;
    }
    let shared = Space::new("/bin/true");
    let store = shared.path("store");
    let mut space = project();
    space.use_store(&store);
    let clean = clean(&space);
    builds_well(&space, &clean);
    space.remove(".rekindle");
    fs::set_permissions(&store, fs::Permissions::from_mode(mode)).unwrap();
    space.give_to_nobody();
    let built = space.run(&["build", "--format", "json", "-v"]).as_nobody().done();
    check(built.ok());
    assert_eq!(space.outputs().difference(&clean), "");
    let again = space.run(&["build", "--format", "json", "-v"]).as_nobody().done();
    again.ok().assert_work("-");
}

#[test]
fn a_file_where_the_store_should_be_is_said_once_and_left_alone() {
    let mut space = project();
    let store = space.base().join("store");
    space.use_store(&store);
    let clean = clean(&space);
    fs::write(&store, "something of somebody").unwrap();
    let built = builds_well(&space, &clean);
    built.assert_kinds(ALL, "-");
    assert_eq!(notices(&built), 1, "{}", built.story());
    assert_eq!(fs::read(&store).unwrap(), b"something of somebody");
}

#[test]
fn a_directory_that_holds_something_else_is_not_taken_for_a_store() {
    let mut space = project();
    let store = space.base().join("store");
    space.use_store(&store);
    let clean = clean(&space);
    fs::create_dir_all(store.join("photos")).unwrap();
    fs::write(store.join("photos/cat"), "a cat").unwrap();
    let built = builds_well(&space, &clean);
    built.assert_kinds(ALL, "-");
    assert_eq!(notices(&built), 1, "{}", built.story());
    assert_eq!(Tree::of(&store).paths().collect::<Vec<_>>(), [Path::new("photos/cat")]);
}

#[test]
fn a_store_that_goes_away_during_a_build_costs_only_what_was_in_it() {
    let mut space = project();
    let store = space.base().join("store");
    space.use_store(&store);
    let gate = "while [ ! -e go ]; do : > reached; sleep 0.01; done\n";
    let script = String::from_utf8(space.read("words.sh")).unwrap();
    space.write("words.sh", format!("{gate}{script}"));
    space.write("go", "");
    let clean = clean(&space);
    space.remove("go");
    let mut running = space.start_build(&[]);
    running.until_exists(&space.path("reached"));
    fs::remove_dir_all(&store).unwrap();
    space.write("go", "");
    let built = running.wait();
    built.ok().assert_kinds(ALL, "-");
    assert!(notices(&built) <= 1, "{}", built.story());
    assert_eq!(space.outputs().difference(&clean), "");
    builds_well(&space, &clean);
    builds_well(&space, &clean).assert_restored(ALL);
}

/// Every file that a build has written for people.
fn handed_out(space: &Space) -> Vec<PathBuf> {
    space
        .outputs()
        .paths()
        .map(|path| space.build_dir().join(path))
        .filter(|path| !path.is_symlink())
        .collect()
}

#[test]
fn an_output_can_be_edited_in_place_and_the_store_stays_as_it_is() {
    let mut space = project();
    let store = space.base().join("store");
    space.use_store(&store);
    let clean = clean(&space);
    let edits: [fn(&Path); 3] = [
        |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes.extend(b"more\n");
            fs::write(path, bytes).unwrap();
        },
        |path| {
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(3).unwrap();
        },
        |path| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap(),
    ];
    builds_well(&space, &clean);
    for edit in edits {
        // What commands wrote the first time, what the store gave after that.
        for path in handed_out(&space) {
            let meta = fs::metadata(&path).unwrap();
            assert_eq!(meta.nlink(), 1, "{} is nothing of the store's", path.display());
            assert!(meta.mode() & 0o200 != 0, "{} can be written", path.display());
            edit(&path);
        }
        let built = space.build(&[]);
        built.ok();
        assert_eq!(built.summary().processes(), 0, "what was edited is put back\n{}", built.story());
        assert_eq!(space.outputs().difference(&clean), "", "{}", built.story());
        let built = builds_well(&space, &clean);
        built.assert_restored(ALL);
        assert_eq!(notices(&built), 0, "{}", built.story());
        space.run(&["cache", "verify"]).done().ok();
    }
    assert_eq!(space.prints("app"), "warm builds 41 42");
}
