//! What is said of snapshots, one by one.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rekindle_testkit::{Built, Space, copy_program, helper, require};

use crate::kit::{self, all, build, clean_products, forget, one, products};
use crate::pair::{Like, Pair};
use crate::project::{self, ALL, PLAIN};

/// The project, built.
fn built() -> Space {
    let space = project::new(PLAIN);
    build(&space, &[]).ok().assert_kinds(ALL, "-");
    space
}

/// Nothing was done.
#[track_caller]
fn is_no_op(built: &Built) {
    built.ok().assert_work("-");
    assert_eq!(built.summary().processes(), 0, "{}", built.story());
}

/// What a run gave: all of it, but for times, what looking at files has cost, and the numbers in front of progress, which
/// say how many were judged before. What takes longest is judged first, so that the order is none.
fn shown(space: &Space, args: &[&str]) -> String {
    let built = space.run(args).done();
    let said: Vec<&str> = built.stderr.lines().map(kit::without_number).collect();
    let text = format!("{}\n{}\n{}", built.ok().code, built.text(), said.join("\n"));
    let mut text = space.redact(&text);
    for key in ["\"wall_ms\":", "\"signed\":", "\"hashed\":", "\"hashed_bytes\":"] {
        if let Some((before, behind)) = text.split_once(key) {
            let rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
            text = format!("{before}{key}N{rest}");
        }
    }
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// What a build opens, with all its commands or rekindle's first thread alone.
fn opened(space: &Space, with_commands: bool) -> String {
    let log = space.base().join("tmp/opened");
    let mut command = Command::new("strace");
    command.args(with_commands.then_some("-f")).args(["-qq", "-e", "trace=open,openat", "-o"]);
    command.arg(&log).arg(env!("CARGO_BIN_EXE_rekindle")).arg("build");
    command.current_dir(space.root()).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env("HOME", space.base().join("home")).env("REKINDLE_NO_STORE", "true").env("TASTE", "sweet");
    command.env("REKINDLE_MATERIALIZE", "all");
    assert!(command.output().unwrap().status.success());
    fs::read_to_string(log).unwrap()
}

#[test]
fn an_edit_opens_no_object_of_the_others_and_lists_no_directory_of_libraries() {
    if !require("strace") {
        return;
    }
    let mut manifest = String::from("[project]\nname = \"app\"\n[executable.app]\nsources = [\"src/*.c\"]\n");
    manifest += "private-include = [\"include\"]\n";
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", &manifest);
    space.write("include/all.h", "int value(void);\n");
    space.write("src/main.c", "#include <all.h>\nint main(void) { return 0; }\n");
    for at in 0..20 {
        space.write(
            format!("src/unit_{at}.c"),
            format!("#include <all.h>\nint value_{at}(void) {{ return 1; }}\n"),
        );
    }
    space.set_env("TASTE", "sweet");
    build(&space, &[]).ok();
    let edit = |value: u32| {
        std::thread::sleep(Duration::from_millis(50));
        space.write("src/unit_7.c", format!("#include <all.h>\nint value_7(void) {{ return {value}; }}\n"));
    };
    // What the build before wrote is known from here on.
    edit(2);
    opened(&space, false);
    edit(3);
    let opened = opened(&space, false);
    let count = |what: &str| opened.lines().filter(|line| line.contains(what)).count();
    assert_eq!(count("unit_3.c.o"), 0, "{opened}");
    let libraries = opened.lines().filter(|line| {
        !line.contains("ENOENT") && line.contains("O_DIRECTORY") && line.contains("lib/x86_64")
    });
    assert_eq!(libraries.collect::<Vec<_>>(), [""; 0]);
    assert!(count("unit_7.c\"") > 0, "{opened}");
    is_no_op(&build(&space, &[]));
}

#[test]
fn a_build_that_does_nothing_opens_neither_manifest_nor_journal() {
    if !require("strace") {
        return;
    }
    let space = built();
    // Whatever was too young to be believed is old by now.
    std::thread::sleep(Duration::from_millis(50));
    is_no_op(&build(&space, &[]));
    let opened = |forgotten: bool| -> String {
        if forgotten {
            forget(&space);
        }
        opened(&space, true)
    };
    let (snapshot, whole) = (opened(false), opened(true));
    for name in ["rekindle.toml\"", "/journal\"", "low/one.c\"", "libmid.a\""] {
        assert!(!snapshot.contains(name), "{name} was opened:\n{snapshot}");
    }
    assert!(snapshot.contains("/snapshots/"), "{snapshot}");
    assert!(whole.contains("rekindle.toml\"") && whole.contains("/journal\""), "{whole}");
}

#[test]
fn a_build_that_does_nothing_notices_no_junk_in_the_journal() {
    let space = built();
    fs::write(space.build_dir().join("debug/journal"), "junk").unwrap();
    is_no_op(&build(&space, &[]));
    // What has to be done is done, from what the journal does not say.
    space.edit("low/one.c", "+ 1", "+ 2");
    build(&space, &[]).ok();
    assert_eq!(clean_products(&space, &[]).difference(&products(&space)), "");
}

#[test]
fn what_a_build_tells_that_does_nothing_is_what_the_whole_way_tells() {
    let mut space = project::new(PLAIN);
    space.write("low/loud.c", "#warning loud\nint loud;\n");
    space.write("shr/loud.c", "#warning louder\nint louder;\n");
    space.write("src/loud.c", "#warning loudest\nint loudest;\n");
    for store in [false, true] {
        if store {
            let place = space.base().join("store");
            space.use_store(&place);
        }
        build(&space, &[]).ok();
        for args in
            [&["build"][..], &["build", "--format", "json"], &["build", "--format", "json", "-j1", "app"]]
        {
            space.run(args).done().ok();
            let by_snapshot = shown(&space, args);
            forget(&space);
            let whole = shown(&space, args);
            assert!(by_snapshot.contains("loud") && by_snapshot.contains("warns.c"), "{by_snapshot}");
            assert_eq!(by_snapshot, whole, "{args:?}, store: {store}");
        }
    }
}

/// Both ways do and tell the same after `change`; exactly this runs.
#[track_caller]
fn does_the_same(change: impl Fn(&mut Space), ran: &str) {
    let mut pair = Pair::new(PLAIN, false);
    pair.build(Like::All).ok();
    pair.both("the change", change);
    let built = pair.build(Like::All);
    built.ok().assert_work(ran);
    pair.is_like_clean();
}

#[test]
fn warnings_of_what_is_not_looked_at_are_told_when_something_else_is_built() {
    does_the_same(|space| space.edit("shr/shr.c", "50", "51"), "1c 2l");
}

#[test]
fn a_changed_source_costs_its_own_commands() {
    does_the_same(|space| space.edit("low/one.c", "+ 1", "+ 2"), "1c 1a 2l");
    does_the_same(|space| space.edit("tests/check.c", "- 1", "- 2"), "1c 1l");
}

#[test]
fn a_changed_header_costs_what_reads_it() {
    does_the_same(|space| space.edit("include/level.h", "30", "31"), "2c 1a 1l");
}

#[test]
fn a_changed_input_of_a_command_costs_it_and_what_reads_its_output() {
    does_the_same(|space| space.write("words.txt", "8\n"), "1c 1l 1x");
}

#[test]
fn a_deleted_output_is_made_again_and_nothing_else() {
    does_the_same(|space| space.remove(space.build_dir().join("debug/libmid.a")), "1a");
    does_the_same(|space| space.remove(space.build_dir().join("debug/gen/words.h")), "1x");
}

#[test]
fn a_new_header_that_shadows_another_is_noticed() {
    does_the_same(|space| space.write("first/level.h", "#define LEVEL 31\n"), "2c 1a 1l");
    does_the_same(
        |space| space.write("src/base.h", "#include \"../include/base.h\"\n#define MORE 1\n"),
        "1c",
    );
}

#[test]
fn a_variable_that_a_command_takes_is_noticed() {
    does_the_same(|space| space.set_env("TASTE", "sour"), "1x");
    does_the_same(|space| space.unset_env("TASTE"), "1x");
}

/// A compiler that is gcc; `mark` makes another program of it.
fn compiler(mark: &str) -> std::path::PathBuf {
    let source = format!(
        "#include <unistd.h>\nconst char *mark = \"{mark}\";\nint main(int count, char **words) \
         {{ words[0] = \"/usr/bin/gcc\"; return execv(words[0], words), count; }}\n"
    );
    helper("gcc", &source)
}

#[test]
fn a_compiler_that_is_replaced_in_place_is_noticed() {
    let mut space = project::new(PLAIN);
    let place = space.base().join("tools/gcc");
    copy_program(&compiler("one"), &place);
    space.set_env("CC", &place);
    build(&space, &[]).ok().assert_kinds(ALL, "-");
    is_no_op(&build(&space, &[]));
    fs::remove_file(&place).unwrap();
    copy_program(&compiler("two"), &place);
    build(&space, &[]).ok().assert_kinds("8c 3l", "-");
    is_no_op(&build(&space, &[]));
}

#[test]
fn touching_everything_runs_nothing_and_the_next_build_reads_nothing() {
    let space = built();
    is_no_op(&build(&space, &[]));
    for file in space.files() {
        space.touch(file);
    }
    for output in products(&space).paths() {
        space.touch(space.build_dir().join(output));
    }
    // Old enough to be believed.
    std::thread::sleep(Duration::from_millis(50));
    let touched = build(&space, &[]);
    is_no_op(&touched);
    assert!(touched.summary().number(&["files", "hashed"]) > 20, "{}", touched.story());
    let next = build(&space, &[]);
    is_no_op(&next);
    assert_eq!(next.summary().number(&["files", "hashed"]), 0, "{}", next.story());
}

#[test]
fn each_request_keeps_its_snapshot() {
    let space = built();
    build(&space, &["low"]).ok();
    let both = all(&space);
    assert_eq!(both.len(), 2);
    // What was too young to be believed is old now, and is written down as such.
    std::thread::sleep(Duration::from_millis(50));
    is_no_op(&build(&space, &[]));
    is_no_op(&build(&space, &["low"]));
    let contents: Vec<_> = both.iter().map(|path| kit::bytes_of(path)).collect();
    for args in [&[][..], &["low"], &[], &["low"]] {
        is_no_op(&build(&space, args));
    }
    assert_eq!(all(&space), both);
    assert_eq!(both.iter().map(|path| kit::bytes_of(path)).collect::<Vec<_>>(), contents);
    // What one has built, the other finds.
    space.edit("low/one.c", "+ 1", "+ 2");
    build(&space, &["low"]).ok().assert_work("1c 1a");
    build(&space, &[]).ok().assert_work("2l");
    is_no_op(&build(&space, &["low"]));
}

#[test]
fn at_most_eight_snapshots_are_kept_and_the_oldest_go() {
    let space = built();
    let first = one(&space);
    for number in 0..10 {
        let value = format!("/nowhere/{number}");
        let run = space.run(&["build", "--format", "json"]).env("PATH", format!("/usr/bin:/bin:{value}"));
        run.done().ok();
        assert!(all(&space).len() <= 8, "{:?}", all(&space));
    }
    assert_eq!(all(&space).len(), 8);
    assert!(!first.exists());
}

#[test]
fn a_snapshot_of_another_place_makes_nothing_fresh_that_is_not_there() {
    let space = built();
    let other = project::new(PLAIN);
    other.edit("low/one.c", "+ 1", "+ 2");
    other.edit("rekindle.toml", "#define WORD ", "#define WORD 1");
    let to = other.build_dir().join("debug/snapshots");
    fs::create_dir_all(&to).unwrap();
    fs::copy(one(&space), to.join(one(&space).file_name().unwrap())).unwrap();
    build(&other, &[]).ok().assert_kinds(ALL, "-");
    assert_eq!(clean_products(&other, &[]).difference(&products(&other)), "");
}

#[test]
fn a_file_in_the_place_of_snapshots_is_no_trouble() {
    let space = project::new(PLAIN);
    space.write(".rekindle/build/debug/snapshots", "a file");
    build(&space, &[]).ok().assert_kinds(ALL, "-");
    build(&space, &[]).ok().assert_work("-");
}

#[test]
fn a_directory_in_the_place_of_a_snapshot_is_no_trouble() {
    let space = built();
    let place = one(&space);
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    build(&space, &[]).ok().assert_work("-");
}

#[test]
fn a_directory_in_the_place_of_a_draft_is_no_trouble() {
    let place = one(&built());
    let space = project::new(PLAIN);
    let name = place.file_name().unwrap();
    fs::create_dir_all(space.build_dir().join("debug/snapshots").join(Path::new(name).with_extension("new")))
        .unwrap();
    build(&space, &[]).ok().assert_kinds(ALL, "-");
    build(&space, &[]).ok().assert_work("-");
}

#[test]
fn a_change_after_a_while_elsewhere_costs_no_more_than_itself() {
    // Compiled meanwhile with a variable that is in every key and changes nothing.
    let mut space = built();
    space.set_env("CPATH", "/nowhere");
    build(&space, &[]).ok().assert_work("8c");
    space.unset_env("CPATH");
    is_no_op(&build(&space, &[]));
    space.edit("src/more.c", "LEVEL;", "LEVEL + 1;");
    build(&space, &[]).ok().assert_work("1c 1l");
    is_no_op(&build(&space, &[]));
}

/// A program of two units that read one header, a library, and a header that a command makes once it is let go.
const SLOW: &str = "\
=== rekindle.toml
[project]
name = \"slow\"
[command.slow]
argv = [\"sh\", \"-c\", \"touch $TMPDIR/reached; i=0; until test -e $TMPDIR/go || test $i = 40; do sleep 0.05; i=$((i + 1)); done; cat slow.in > {out}\"]
inputs = [\"slow.in\"]
outputs = [\"slow.h\"]
[library.k]
sources = [\"k.c\"]
[executable.app]
sources = [\"main.c\", \"other.c\"]
deps = [\"slow\", \"k\"]
=== slow.in
#define SLOW 1
=== common.h
#define COMMON 10
=== k.c
int k(void) { return 1; }
=== other.c
#include \"common.h\"
int other(void) { return COMMON; }
=== main.c
#include \"common.h\"
#include \"slow.h\"
int other(void);
int k(void);
int main(void) { return COMMON + other() + k() + SLOW; }
";

const MEANWHILE: &str = "files that had been looked at were changed while the rest was built: build again, or what was built \
                         may not fit together";

/// Builds while something is changed behind the first look at everything; gives what the program returns after the next
/// build, and whether that had something to do.
fn changed_meanwhile(change: impl Fn(&Space)) -> (Option<i32>, bool) {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(SLOW);
    // Where nobody looks.
    let [go, reached] = ["go", "reached"].map(|name| space.build_dir().join("debug/tmp").join(name));
    build(&space, &[]).ok();
    std::thread::sleep(Duration::from_millis(50));
    is_no_op(&build(&space, &[]));
    let _ = fs::remove_file(&reached);
    space.write("slow.in", "#define SLOW 2\n");
    let mut running = space.run(&["build"]).start();
    running.until_exists(&reached);
    change(&space);
    fs::write(&go, "").unwrap();
    let said = running.wait().stderr;
    let built = build(&space, &[]);
    built.ok();
    let app = Command::new(space.build_dir().join("debug/app")).status().unwrap();
    let count = |name: &str| built.summary().number(&["actions", name]);
    let goes_on = count("fresh") < count("total");
    assert_eq!(said.contains(MEANWHILE), goes_on, "{said}");
    (app.code(), goes_on)
}

#[test]
fn a_header_that_is_edited_while_some_of_its_readers_are_built_makes_the_others_stale() {
    let edit = |space: &Space| space.write("common.h", "#define COMMON 20\n");
    assert_eq!(changed_meanwhile(edit), (Some(20 + 20 + 1 + 2), true));
    assert_eq!(changed_meanwhile(|_| {}), (Some(10 + 10 + 1 + 2), false));
}

#[test]
fn an_output_that_somebody_replaces_while_its_readers_are_built_is_made_again() {
    let replace = |space: &Space| {
        let other = space.base().join("other.c");
        fs::write(&other, "int k(void) { return 99; }\n").unwrap();
        let object = space.base().join("other.o");
        assert!(Command::new("gcc").arg("-c").arg(&other).arg("-o").arg(&object).status().unwrap().success());
        let library = space.build_dir().join("debug/libk.a");
        fs::remove_file(&library).unwrap();
        assert!(Command::new("ar").arg("rcsD").arg(&library).arg(&object).status().unwrap().success());
    };
    assert_eq!(changed_meanwhile(replace), (Some(10 + 10 + 1 + 2), true));
}
