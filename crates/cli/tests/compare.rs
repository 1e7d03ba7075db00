//! `explain --compare`: two runners differ in exactly one thing, and that is named with both values; what follows from it
//! is told as that. Nothing is run, and nothing is written where is compared with.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rekindle_testkit::{Built, Space, require, require_root};

const PROJECT: &str = "\
=== rekindle.toml
[project]
name = \"p\"

[option.level]
type = \"int\"
default = 1

[command.place]
argv = [\"sh\", \"place.sh\", \"{out}\"]
outputs = [\"place.txt\"]

[library.util]
sources = [\"util/*.c\"]
include = [\"include\"]
cflags = [\"-fwrapv\", \"-fno-common\"]

[executable.app]
sources = [\"main.c\"]
deps = [\"util\"]
defines = [\"LEVEL=${option.level}\"]
=== place.sh
pwd > \"$1\"
=== include/util.h
#define BASE 40
int util(void);
=== include/extra.h
#define EXTRA 1
=== util/util.c
#include \"util.h\"
int util(void) { return BASE; }
=== main.c
#include \"util.h\"
#if __has_include(\"extra.h\")
#include \"extra.h\"
#endif
#ifndef EXTRA
#define EXTRA 2
#endif
int main(void) { return util() - BASE + EXTRA - EXTRA * LEVEL; }
";

fn space() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(PROJECT);
    space
}

/// A runner that has built, and its store.
struct There {
    space: Space,
    store: PathBuf,
}

impl There {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Space)) -> Self {
        let mut space = space();
        let store = space.base().join("store");
        space.use_store(&store);
        change(&mut space);
        space.build(&[]).ok();
        Self { space, store }
    }

    fn build_dir(&self) -> PathBuf {
        self.space.build_dir().join("debug")
    }
}

fn compare(here: &Space, place: &Path, args: &[&str]) -> Built {
    here.run(&["explain", "--compare"]).arg(place).args(args).done()
}

/// What was told, with a name for each digest in the order in which they are met.
fn told(here: &Space, there: &There, built: &Built) -> String {
    let text = there.space.redact(&built.text()).replace("[SPACE]", "[THERE]");
    let text = here.redact(&text);
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let end = rest[at..].find(|c: char| !c.is_ascii_hexdigit()).map_or(rest.len(), |end| at + end);
        let word = &rest[at..end];
        out.push_str(&rest[..at]);
        if word.len() == 12 {
            let next = names.len() + 1;
            let number = *names.entry(word.to_string()).or_insert(next);
            out.push_str(&format!("[{number}]"));
        } else {
            out.push_str(word);
        }
        rest = &rest[end..];
    }
    out + rest
}

/// The lines that name differences.
fn lines(told: &str) -> String {
    told.lines().skip(1).filter(|line| !line.starts_with(' ')).map(|line| format!("    {line}\n")).collect()
}

type Case = (&'static str, fn(&mut Space), &'static [&'static str]);

const CASES: &[Case] = &[
    ("nothing", |_| {}, &[]),
    ("a flag", |s| s.edit("rekindle.toml", "\"-fwrapv\"", "\"-fwrapv\", \"-fno-ident\""), &[]),
    ("a flag's value", |s| s.edit("rekindle.toml", "\"-fwrapv\"", "\"-fno-wrapv\""), &[]),
    (
        "the order of flags",
        |s| {
            s.edit("rekindle.toml", "\"-fwrapv\", \"-fno-common\"", "\"-fno-common\", \"-fwrapv\"");
        },
        &[],
    ),
    ("a define", |s| s.edit("rekindle.toml", "defines = [", "defines = [\"MORE\", "), &[]),
    ("an option", |_| {}, &["-D", "level=2"]),
    ("CPATH", |s| s.set_env("CPATH", "/usr/include"), &[]),
    ("SOURCE_DATE_EPOCH", |s| s.set_env("SOURCE_DATE_EPOCH", "1"), &[]),
    ("a source", |s| s.edit("main.c", "int main", "int other; int main"), &[]),
    ("a header", |s| s.edit("include/util.h", "BASE 40", "BASE 41"), &[]),
    ("a header that is only there", |s| s.remove("include/extra.h"), &[]),
    ("a header that shadows", |s| s.write("extra.h", "#define EXTRA 3\n"), &[]),
    ("one source more", |s| s.write("util/more.c", "int more;\n"), &[]),
    (
        "one source fewer",
        |s| {
            s.remove("util/util.c");
            s.write("util/other.c", "#include \"util.h\"\nint util(void) { return BASE; }\n");
        },
        &[],
    ),
    ("the profile", |_| {}, &["--profile", "release"]),
    (
        "a target that is not shared",
        |s| {
            s.edit("rekindle.toml", "outputs = [\"place.txt\"]", "outputs = [\"other.txt\"]\nshare = false");
        },
        &[],
    ),
];

#[test]
fn each_ingredient_that_differs_is_named_with_both_values() {
    if !require("gcc") {
        return;
    }
    let there = There::new();
    let before = all(&there.space.base().join("store"));
    let dir_before = all(&there.space.build_dir());
    let mut text = String::new();
    for (name, change, args) in CASES {
        let mut here = space();
        change(&mut here);
        let mut came = Vec::new();
        for built in [false, true] {
            if built {
                here.build(args).ok();
            }
            for (what, place) in [("the store", &there.store), ("the build directory", &there.build_dir())] {
                let answer = compare(&here, place, args);
                answer.ok();
                came.push((built, what, lines(&told(&here, &there, &answer))));
            }
        }
        text.push_str(&format!("{name}\n{}", came[0].2));
        for (built, what, other) in &came[1..] {
            if *other != came[0].2 {
                text.push_str(&format!("  {what}{}\n{other}", if *built { ", built here" } else { "" }));
            }
        }
    }
    insta::assert_snapshot!(text);
    assert!(all(&there.space.base().join("store")) == before, "something was written in the store");
    assert!(all(&there.space.build_dir()) == dir_before, "something was written in the build directory");
}

/// Everything below a directory: path, time of change, content.
fn all(dir: &Path) -> Vec<(PathBuf, i64, i64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let (path, data) = (entry.path(), fs::symlink_metadata(entry.path()).unwrap());
            if data.is_dir() {
                dirs.push(path.clone());
            }
            found.push((path.clone(), data.ctime(), data.ctime_nsec(), fs::read(path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[test]
fn the_part_of_a_compiler_that_is_another_one_is_named() {
    if !require("gcc") || !require_root() {
        return;
    }
    let there = There::new();
    let mut here = space();
    let output = Command::new("gcc").arg("-print-prog-name=cc1").output().unwrap();
    let cc1 = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    let mut content = fs::read(&cc1).unwrap();
    content.push(0);
    here.overlay(&cc1, &content);
    let answer = compare(&here, &there.store, &[]);
    let told = told(&here, &there, answer.ok());
    assert!(lines(&told).contains("2 actions: toolchain part cc1: [1] there, [2] here\n"), "{told}");
    assert!(!told.contains("the toolchain:"), "{told}");
    // The journal of a build directory knows of what toolchains were made, too.
    let answer = compare(&here, &there.build_dir(), &[]);
    assert!(answer.ok().text().contains("2 actions: toolchain part cc1: "), "{}", answer.story());
}

#[test]
fn where_a_result_is_bound_to_its_place_that_is_what_differs() {
    if !require("gcc") {
        return;
    }
    let there = There::new();
    let here = space();
    let answer = compare(&here, &there.store, &["place.sh"]);
    insta::assert_snapshot!(told(&here, &there, answer.ok()));
    let answer = compare(&there.space, &there.store, &["place.sh"]);
    insta::assert_snapshot!(told(&here, &there, answer.ok()), @"
    1 action compared with the store [THERE]/store
    nothing differs
    ");
}

#[test]
fn what_follows_from_a_difference_is_told_behind_it() {
    if !require("gcc") {
        return;
    }
    let there = There::new();
    let here = space();
    here.edit("util/util.c", "return BASE", "return 1 + BASE");
    let unbuilt = told(&here, &there, compare(&here, &there.store, &["app"]).ok());
    here.build(&[]).ok();
    let built = told(&here, &there, compare(&here, &there.store, &["app", "-v"]).ok());
    insta::assert_snapshot!(format!("{unbuilt}\n{built}"));
    // A comment gives the same object: the wave stops there, and so does what differs.
    here.edit("util/util.c", "return 1 + BASE", "return /* the same */ BASE");
    here.build(&["--profile", "release"]).ok();
    let there = There::with(|space| {
        space.build(&["--profile", "release"]).ok();
    });
    let answer = compare(&here, &there.store, &["--profile", "release", "app"]);
    insta::assert_snapshot!(told(&here, &there, answer.ok()));
}

#[test]
fn of_several_generations_the_nearest_is_compared() {
    if !require("gcc") {
        return;
    }
    let there = There::new();
    there.space.edit("main.c", "int main", "static int unused; int main");
    there.space.build(&["-D", "level=3"]).ok();
    let here = space();
    let answer = compare(&here, &there.store, &["-D", "level=2", "main.c"]);
    insta::assert_snapshot!(told(&here, &there, answer.ok()));
    let answer = compare(&here, &there.store, &["main.c"]);
    assert!(answer.ok().text().ends_with("\nnothing differs\n"), "{}", answer.story());
}

#[test]
fn json_has_an_object_for_each_action() {
    if !require("gcc") {
        return;
    }
    let there = There::new();
    let here = space();
    here.edit("util/util.c", "return BASE", "return 1 + BASE");
    here.remove("include/extra.h");
    let answer = compare(&here, &there.store, &["--format", "json", "-D", "level=2", "app"]);
    insta::assert_snapshot!(
        told(&here, &there, answer.ok())
            .lines()
            .filter(|line| line.contains("comparison"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    assert_eq!(answer.events.last().map(|last| &last["outcome"]), Some(&"ok".into()));
}

#[test]
fn a_pack_is_compared_like_the_store_that_it_came_from() {
    if !require("gcc") {
        return;
    }
    let there = There::new();
    let pack = there.space.base().join("pack");
    there.space.run(&["cache", "export"]).arg(&pack).done().ok();
    let here = space();
    here.edit("include/util.h", "BASE 40", "BASE 41");
    let text = |place: &Path| {
        let answer = compare(&here, place, &["-v"]);
        lines(&told(&here, &there, answer.ok()))
    };
    assert_eq!(text(&pack), text(&there.store));
    assert!(text(&pack).contains("discovered input include/util.h: [1] there, [2] here"), "{}", text(&pack));
}

#[test]
fn what_cannot_be_compared_with_is_said() {
    if !require("gcc") {
        return;
    }
    let there = There::new();
    let here = space();
    let mut text = String::new();
    let mut refused = |name: &str, place: &Path| {
        let answer = compare(&here, place, &[]);
        answer.exits(2);
        text.push_str(&format!("{name}\n{}", here.redact(&answer.stderr)));
    };
    let base = here.base().to_path_buf();
    refused("nothing there", &base.join("missing"));
    refused("another directory", &base.join("home"));
    fs::write(base.join("file"), "no pack").unwrap();
    refused("another file", &base.join("file"));
    let tag = there.store.join("CACHEDIR.TAG");
    let mark = fs::read_to_string(&tag).unwrap();
    let copy = base.join("copied");
    fs::create_dir(&copy).unwrap();
    for (name, format) in [("an older store", "format 1"), ("a newer store", "format 99")] {
        fs::write(copy.join("CACHEDIR.TAG"), mark.replace("format 2", format)).unwrap();
        refused(name, &copy);
    }
    insta::assert_snapshot!(text);
    assert_eq!(fs::read_dir(&copy).unwrap().count(), 1);
}

#[test]
fn the_directory_of_all_profiles_is_compared_too() {
    if !require("gcc") {
        return;
    }
    let there = There::with(|space| {
        space.build(&["--profile", "release"]).ok();
    });
    let here = space();
    let answer = compare(&here, &there.space.build_dir(), &["--profile", "release", "app"]);
    insta::assert_snapshot!(told(&here, &there, answer.ok()));
}

#[test]
fn what_gave_other_files_of_the_same_is_told_and_what_reads_them_follows() {
    if !require("gcc") {
        return;
    }
    let change = |space: &mut Space| {
        space.write(
            "place.sh",
            "echo \"int chance = 0x$(cut -c1-7 /proc/sys/kernel/random/uuid);\" > \"$1\"\n",
        );
        space.edit("rekindle.toml", "place.txt", "chance.c");
        space.edit("rekindle.toml", "\"main.c\"", "\"main.c\", \"command:place\"");
    };
    let there = There::with(change);
    let mut here = space();
    change(&mut here);
    here.build(&[]).ok();
    let answer = compare(&here, &there.store, &["-v"]);
    insta::assert_snapshot!(told(&here, &there, answer.ok()));
}
