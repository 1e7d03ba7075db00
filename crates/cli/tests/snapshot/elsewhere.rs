//! Snapshots in other places than those where they were made, from other hands, and over many builds.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::os::unix::fs::symlink;

use rekindle_testkit::Space;

use crate::kit::{all, build, directory, forget, one};

fn space() -> Space {
    Space::new(env!("CARGO_BIN_EXE_rekindle"))
}

/// A program that returns what `v.h` says, which is found by `flags`.
fn finds(flags: &str) -> Space {
    let space = space();
    space.write(
        "rekindle.toml",
        format!("[project]\nname = \"x\"\n[executable.app]\nsources = [\"main.c\"]\n{flags}\n"),
    );
    space.write("main.c", "#include <v.h>\nint main(void) { return V; }\n");
    space
}

#[track_caller]
fn gives(space: &Space, code: i32) {
    assert_eq!(space.execute(&space.output("app"), &[]).status.code(), Some(code));
}

#[test]
fn what_a_path_out_of_the_workspace_means_is_asked_again_where_it_lies_now() {
    let mut space = finds("cflags = [\"-I../include\", \"-Iinc\"]");
    space.write("inc/v.h", "#define V 1\n");
    build(&space, &[]).ok();
    build(&space, &[]).ok().assert_work("-");
    gives(&space, 1);
    space.move_project("there/deeper");
    let beside = space.root().parent().unwrap().join("include");
    fs::create_dir_all(&beside).unwrap();
    fs::write(beside.join("v.h"), "#define V 2\n").unwrap();
    build(&space, &[]).ok();
    gives(&space, 2);
}

#[test]
fn a_header_that_nobody_declared_is_noticed_by_the_build_behind_the_one_that_made_it() {
    let space = finds("private-include = [\"{outdir}/gen\", \"second\"]\ndeps = [\"gen\"]");
    space.edit("rekindle.toml", "[executable.app]", "[command.gen]\nargv = [\"sh\", \"gen.sh\", \"{out}\"]\ninputs = [\"gen.sh\"]\noutputs = [\"w.c\"]\n[executable.app]");
    space.write("gen.sh", "echo 'int w;' > $1; echo '#define V 2' > $(dirname $1)/v.h\n");
    space.write("second/v.h", "#define V 1\n");
    build(&space, &[]).ok();
    forget(&space);
    let whole = build(&space, &[]);
    whole.ok();
    build(&space, &[]).ok().assert_work("-");
    let by_snapshot = fs::read(space.output("app")).unwrap();
    forget(&space);
    build(&space, &[]).ok().assert_work("-");
    assert_eq!(by_snapshot, fs::read(space.output("app")).unwrap());
}

#[test]
fn many_edits_make_neither_the_snapshot_nor_the_next_build_larger() {
    let space = finds("private-include = [\"inc\"]");
    space.write("inc/v.h", "#define V 1\n");
    let edit = |round: usize| {
        space.write("main.c", format!("#include <v.h>\nint x{round};\nint main(void) {{ return V; }}\n"));
        build(&space, &[]).ok().assert_kinds("1c 1l", "-");
        let signed = build(&space, &[]).ok().summary().number(&["files", "signed"]);
        (fs::metadata(one(&space)).unwrap().len(), signed)
    };
    edit(0);
    let (length, signed) = edit(1);
    for round in 2..12 {
        edit(round);
    }
    let (later_length, later_signed) = edit(12);
    assert_eq!(later_signed, signed);
    assert!(later_length < length + length / 4, "{length} and {later_length} bytes");
}

#[test]
fn an_option_that_is_taken_back_takes_its_products_back() {
    let space = finds(
        "private-include = [\"inc\"]\n[option.gui]\ntype = \"bool\"\ndefault = false\n[library.gui]\ntype = \"static\"\nsources = [\"gui.c\"]\nwhen = { option.gui = true }",
    );
    space.write("inc/v.h", "#define V 1\n");
    space.write("gui.c", "int gui;\n");
    let archive = space.build_dir().join("debug/libgui.a");
    for _ in 0..3 {
        build(&space, &["-D", "gui=true"]).ok();
        assert!(archive.exists());
        build(&space, &[]).ok();
        assert!(!archive.exists());
    }
}

#[test]
fn a_warning_of_what_is_not_looked_at_is_told_again() {
    let space = space();
    space.write("rekindle.toml", "[project]\nname = \"x\"\n[executable.one]\nsources = [\"one.c\"]\n[executable.two]\nsources = [\"two.c\"]\n");
    space.write("one.c", "int main(void) { return 1; }\n");
    space.write("two.c", "#warning hear, hear\nint main(void) { return 2; }\n");
    build(&space, &[]).ok();
    build(&space, &[]).ok();
    space.write("one.c", "int main(void) { return 3; }\n");
    let built = build(&space, &[]);
    built.ok().assert_kinds("1c 1l", "-");
    assert!(built.text().contains("hear, hear"), "{}", built.story());
}

#[test]
fn nothing_is_written_deleted_or_waited_for_outside_whatever_lies_in_the_place_of_snapshots() {
    let space = finds("private-include = [\"inc\"]");
    space.write("inc/v.h", "#define V 1\n");
    build(&space, &[]).ok();
    let precious = space.base().join("precious");
    fs::create_dir_all(&precious).unwrap();
    for number in 0..12 {
        fs::write(precious.join(format!("{number:016x}")), "dear").unwrap();
    }
    let dear = || {
        let names = fs::read_dir(&precious).unwrap().flatten();
        names.filter(|entry| fs::read_to_string(entry.path()).unwrap() == "dear").count()
    };
    forget(&space);
    symlink(&precious, directory(&space, "debug")).unwrap();
    build(&space, &[]).ok();
    assert_eq!(dear(), 12, "a link in the place of the directory is taken away, and not followed");
    let snapshot = one(&space);
    let victim = precious.join("0000000000000000");
    symlink(&victim, snapshot.with_extension("new")).unwrap();
    space.write("inc/v.h", "#define V 4\n");
    build(&space, &[]).ok();
    assert_eq!(dear(), 12, "nothing is written through a link");
    let snapshot = one(&space);
    fs::remove_file(&snapshot).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &snapshot, rustix::fs::Mode::RWXU).unwrap();
    build(&space, &[]).ok().assert_work("-");
}

#[test]
fn a_snapshot_that_cannot_be_written_is_told_of_and_the_build_is_done() {
    let space = finds("private-include = [\"inc\"]");
    space.write("inc/v.h", "#define V 1\n");
    build(&space, &[]).ok();
    let place = one(&space);
    forget(&space);
    // A directory lies where the snapshot is to be.
    fs::create_dir_all(place.join("in the way")).unwrap();
    let built = build(&space, &[]);
    built.ok().assert_work("-");
    assert!(built.text().contains("the next build will have to look at everything"), "{}", built.story());
    assert!(all(&space).len() == 1);
}
