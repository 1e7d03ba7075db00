//! Builds without the bytes, with real compilers: what is restored and nobody reads stays in the store, and comes out of it
//! when a command, a person or a flag wants it. And each build is recorded there.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::path::{Path, PathBuf};

use rekindle_testkit::{Built, Space};

/// Two libraries, of which one is shared, a program of both, a generated header, a test.
const PROJECT: &str = "\
=== rekindle.toml
[project]
name = \"p\"
default = [\"app\"]

[command.words]
argv = [\"sh\", \"-c\", \"echo '#define WORD 40' > $1\", \"sh\", \"{out}\"]
outputs = [\"word.h\"]

[library.util]
sources = [\"util/*.c\"]
include = [\"include\"]
deps = [\"words\"]

[library.part]
type = \"shared\"
version = \"1.2.0\"
sources = [\"part/*.c\"]

[executable.app]
sources = [\"src/*.c\"]
deps = [\"util\", \"part\"]

[test.check]
sources = [\"check.c\"]
deps = [\"util\"]
=== include/util.h
int one(void);
int two(void);
=== util/one.c
#include \"util.h\"
#include \"word.h\"
int one(void) { return WORD + 1; }
=== util/two.c
#include \"util.h\"
int two(void) { return 2; }
=== part/part.c
int part(void) { return 7; }
=== src/main.c
#include <stdio.h>
#include \"util.h\"
int part(void);
int other(void);
int main(void) { printf(\"%d %d %d %d\\n\", one(), two(), part(), other()); return 0; }
=== src/other.c
int other(void) { return 5; }
=== check.c
#include \"util.h\"
int main(void) { return one() + two() == 43 ? 0 : 1; }
";

/// All that the program needs: five compiles, an archive, two links, a command.
const ALL: &str = "5c 1a 2l 1x";

/// The project, built, with a store; and a place where nothing was built yet.
fn two() -> (Space, Space, PathBuf) {
    let mut here = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    here.write_all(PROJECT);
    let store = here.base().join("store");
    here.use_store(&store);
    here.build(&[]).ok().assert_kinds(ALL, "");
    let mut there = here.copy_to_another_place();
    there.leave_bytes();
    there.remove(".rekindle");
    (here, there, store)
}

/// The names of the files that lie in the build directory and are nobody's but the project's.
fn lie(space: &Space) -> Vec<String> {
    space
        .outputs()
        .paths()
        .filter_map(|path| Some(path.strip_prefix("debug").ok()?.display().to_string()))
        .collect()
}

/// A build as most people start it; `-v`, which other runs say, looks at every action.
fn plain(space: &Space) -> Built {
    space.run(&["build", "--format", "json"]).done()
}

/// With all files written, they are those of a clean build.
fn like_clean(space: &Space) {
    space.build(&["--materialize=all"]).ok();
    space.assert_like_clean(&["--materialize=all"]);
}

/// How many outputs were left in the store.
fn left(built: &Built) -> u64 {
    built.summary().number(&["actions", "left"])
}

#[test]
fn a_clean_directory_gets_what_was_asked_for_and_no_process_is_started() {
    let (here, there, _store) = two();
    let built = there.build(&["--forbid-spawn"]);
    built.ok().assert_kinds("", ALL);
    assert_eq!((built.summary().processes(), left(&built)), (0, 6));
    assert_eq!(lie(&there), ["app", "gen/word.h", "libpart.so", "libpart.so.1", "libpart.so.1.2.0"]);
    assert_eq!(there.prints("app"), "41 2 7 5");
    for name in ["app", "libpart.so.1.2.0"] {
        assert_eq!(there.read(there.output(name)), here.read(here.output(name)), "{name}");
    }
    // By the snapshot, and the whole way.
    let again = plain(&there);
    again.ok().assert_work("");
    assert_eq!(left(&again), 6);
    let whole = there.build(&[]);
    whole.ok().assert_work("");
    assert_eq!(left(&whole), 6);
}

#[test]
fn after_an_edit_its_unit_and_the_links_above_it_run_and_find_what_they_read() {
    let (_here, there, _store) = two();
    there.edit("src/other.c", "5", "6");
    there.build(&[]).ok().assert_kinds("1c 1l", "4c 1a 1l 1x");
    assert_eq!(there.prints("app"), "41 2 7 6");
    like_clean(&there);
    there.edit("util/two.c", "2;", "3;");
    there.build(&[]).ok().assert_kinds("1c 1a 1l", "");
    assert_eq!(there.prints("app"), "41 3 7 6");
    there.build(&["--forbid-spawn"]).ok().assert_work("");
}

#[test]
fn a_person_who_wants_all_files_gets_them_without_a_process() {
    let (here, there, _store) = two();
    there.build(&["--forbid-spawn"]).ok();
    let built = there.build(&["--forbid-spawn", "--materialize=all"]);
    built.ok().assert_kinds("", "5c 1a");
    assert_eq!(left(&built), 0);
    assert_eq!(here.outputs().difference(&there.outputs()), "");
    there.build(&["--forbid-spawn", "--materialize=all"]).ok().assert_work("");
}

#[test]
fn what_is_asked_for_by_name_later_comes_out_of_the_store() {
    let (_here, there, _store) = two();
    there.build(&["--forbid-spawn"]).ok();
    there.build(&["--forbid-spawn", "util"]).ok().assert_kinds("", "1a");
    assert!(lie(&there).contains(&"libutil.a".to_string()));
    // The test was never built: its compile and its link run, and find the archive.
    there.run(&["test"]).done().ok();
}

#[test]
fn an_explanation_speaks_of_what_a_build_would_do_and_not_of_what_it_leaves() {
    let (_here, there, _store) = two();
    there.build(&["--forbid-spawn"]).ok();
    let told = there.run(&["explain", "app"]).done();
    assert!(told.text().contains("link app is fresh"), "{}", told.text());
    assert!(!told.text().contains("left in the store"), "{}", told.text());
    let told = there.run(&["explain", "app", "util"]).done();
    assert!(told.text().contains("output `build:libutil.a` was left in the store"), "{}", told.text());
    assert_eq!(told.text().matches("left in the store").count(), 1, "{}", told.text());
}

#[test]
fn a_blob_that_is_gone_is_made_again_within_the_same_build() {
    let (_here, there, store) = two();
    there.build(&["--forbid-spawn"]).ok();
    // All objects are gone, and so is the archive.
    std::fs::remove_dir_all(store.join("v2/blobs")).unwrap();
    there.build(&["--forbid-spawn"]).ok().assert_work("");
    there.edit("src/other.c", "5", "6");
    let built = there.build(&[]);
    built.ok().assert_kinds("4c 1a 1l", "");
    assert_eq!(there.prints("app"), "41 2 7 6");
    like_clean(&there);
    there.build(&["--forbid-spawn"]).ok().assert_work("");
}

#[test]
fn a_blob_that_is_damaged_is_made_again_within_the_same_build() {
    let (_here, there, store) = two();
    there.build(&["--forbid-spawn"]).ok();
    for blob in files(&store.join("v2/blobs")) {
        let mut bytes = std::fs::read(&blob).unwrap();
        bytes[0] ^= 1;
        std::fs::remove_file(&blob).unwrap();
        std::fs::write(&blob, bytes).unwrap();
    }
    there.edit("util/one.c", "+ 1", "+ 2");
    there.build(&[]).ok();
    assert_eq!(there.prints("app"), "42 2 7 5");
    like_clean(&there);
}

#[test]
fn with_its_store_gone_the_directory_is_fresh_and_makes_what_it_needs() {
    let (_here, mut there, store) = two();
    there.build(&["--forbid-spawn"]).ok();
    std::fs::remove_dir_all(&store).unwrap();
    there.build(&["--forbid-spawn"]).ok().assert_work("");
    there.use_no_store();
    there.build(&["--forbid-spawn"]).ok().assert_work("");
    there.edit("src/main.c", "%d %d %d %d", "%d %d %d %d!");
    there.build(&[]).ok();
    assert_eq!(there.prints("app"), "41 2 7 5!");
    like_clean(&there);
}

#[test]
fn coverage_notes_and_split_debug_information_are_written() {
    let (mut here, _there, _store) = two();
    here.edit(
        "rekindle.toml",
        "[executable.app]",
        "[executable.app]\ncflags = [\"--coverage\"]\nldflags = [\"--coverage\"]",
    );
    here.build(&[]).ok();
    let mut there = here.copy_to_another_place();
    there.leave_bytes();
    there.remove(".rekindle");
    here = there;
    here.build(&[]).ok();
    let notes = lie(&here).into_iter().filter(|name| name.ends_with(".gcno"));
    assert_eq!(notes.count(), 2);
}

#[test]
fn a_build_directory_of_all_files_is_warm_elsewhere_without_its_store() {
    let (here, _there, _store) = two();
    let mut there = here.copy_to_another_place();
    there.leave_bytes();
    there.use_no_store();
    there.copy_without_times();
    there.build(&["--forbid-spawn"]).ok().assert_work("");
    assert_eq!(there.prints("app"), "41 2 7 5");
}

#[test]
fn each_build_is_recorded_and_the_last_one_is_known() {
    let (here, there, store) = two();
    let records = || files(&store.join("v2/builds"));
    assert_eq!(records().len(), 1);
    let first = records().remove(0);
    let used = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    let before = used(&first);
    // One in which nothing is to be done, and one at another place that used the same, count.
    plain(&here).ok().assert_work("");
    let after = used(&first);
    assert!(after > before);
    there.build(&[]).ok();
    assert!(used(&first) > after);
    assert_eq!(records().len(), 1);
    here.edit("src/other.c", "5", "6");
    plain(&here).ok().assert_kinds("1c 1l", "");
    assert_eq!(records().len(), 2);
    // The part that was built gives the same record as the whole.
    here.build(&[]).ok().assert_work("");
    assert_eq!(records().len(), 2);
    // What is not recorded, because somebody took the store away, is recorded again.
    std::fs::remove_dir_all(&store).unwrap();
    plain(&here).ok().assert_work("");
    assert_eq!(records().len(), 1);
}

#[test]
fn a_build_that_failed_is_not_the_last_one() {
    let (here, there, store) = two();
    there.edit("src/other.c", "return 5;", "return 5");
    there.build(&["-j", "1"]).exits(1);
    assert_eq!(files(&store.join("v2/builds")).len(), 1);
    here.run(&["cache", "trim", "--used-since", "last-build"]).done().ok();
    there.edit("src/other.c", "return 5", "return 5;");
    there.build(&["--forbid-spawn"]).ok();
}

#[test]
fn what_the_last_build_used_is_all_that_is_needed_elsewhere() {
    let (here, there, _store) = two();
    here.edit("src/other.c", "5", "6");
    here.build(&[]).ok();
    here.run(&["cache", "trim", "--used-since", "last-build"]).done().ok();
    there.edit("src/other.c", "5", "6");
    there.build(&["--forbid-spawn"]).ok();
    there.edit("src/other.c", "6", "5");
    there.build(&[]).ok().assert_kinds("1c 1l", "");
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
