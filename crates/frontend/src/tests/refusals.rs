//! Every refusal, as a person reads it.

use crate::load::{Request, load};
use crate::tests::space::Space;

/// The complaints about a manifest with `[project]` added, over these files.
fn complaints(manifest: &str, files: &[&str]) -> String {
    Space::new(manifest, files).errors()
}

#[test]
fn a_key_or_table_that_is_not_known_is_named_with_what_was_meant() {
    insta::assert_snapshot!(complaints(
        "[library.util]\nsorces = [\"a.c\"]\ncxx_std = \"c++17\"\nfrobnicate = 1\n[libary.x]\n[executable.e]\nversion = \"1\"",
        &[],
    ), @r#"
    rekindle.toml:4:1: [library.util] has no key `sorces`
       4 | sorces = ["a.c"]
         | ^^^^^^
         = hint: did you mean `sources`?

    rekindle.toml:5:1: [library.util] has no key `cxx_std`
       5 | cxx_std = "c++17"
         | ^^^^^^^
         = hint: did you mean `cxx-std`?

    rekindle.toml:6:1: [library.util] has no key `frobnicate`
       6 | frobnicate = 1
         | ^^^^^^^^^^

    rekindle.toml:7:2: the manifest has no table `libary`
       7 | [libary.x]
         |  ^^^^^^
         = hint: did you mean `library`?

    rekindle.toml:9:1: [executable.e] has no key `version`
       9 | version = "1"
         | ^^^^^^^
         = hint: did you mean `version-script`?
    "#);
}

#[test]
fn a_store_that_cannot_be_is_refused() {
    let said = [
        "[store]\nmax-size = \"10\"\ndirectory = \"~/store\"\n",
        "[store]\nmax-size = \"lots\"\ndirectory = \"${root.x}/store\"\n",
        "[store]\nmax-size = \"0 GB\"\ndirectory = \"\"\n",
        "[store]\nmax-size = 10\nenabled = \"no\"\nsize = \"1 GB\"\n",
    ];
    insta::assert_snapshot!(said.map(|manifest| complaints(manifest, &[])).join("\n---\n"), @r#"
    rekindle.toml:4:12: `max-size` in [store] cannot be "10"
       4 | max-size = "10"
         |            ^^^^
         = hint: it should be a number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB

    rekindle.toml:5:13: `~/store` cannot be the directory of the store
       5 | directory = "~/store"
         |             ^^^^^^^^^
         = hint: write a path, relative to the project's directory or absolute

    ---
    rekindle.toml:4:12: `max-size` in [store] cannot be "lots"
       4 | max-size = "lots"
         |            ^^^^^^
         = hint: it should be a number and a unit, as in `10 GB` or `512 MiB`

    rekindle.toml:5:13: `${root.x}/store` cannot be the directory of the store
       5 | directory = "${root.x}/store"
         |             ^^^^^^^^^^^^^^^^^
         = hint: write a path, relative to the project's directory or absolute

    ---
    rekindle.toml:4:12: a store of no size holds nothing
       4 | max-size = "0 GB"
         |            ^^^^^^
         = hint: `enabled = false` shares no results

    rekindle.toml:5:13: `` cannot be the directory of the store
       5 | directory = ""
         |             ^^
         = hint: write a path, relative to the project's directory or absolute

    ---
    rekindle.toml:4:12: `max-size` in [store] should be a string, and is a number
       4 | max-size = 10
         |            ^^

    rekindle.toml:5:11: `enabled` in [store] should be true or false, and is a string
       5 | enabled = "no"
         |           ^^^^

    rekindle.toml:6:1: [store] has no key `size`
       6 | size = "1 GB"
         | ^^^^
         = hint: known: `enabled`, `directory`, `max-size`
    "#);
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_what_it_should_be() {
    insta::assert_snapshot!(complaints(
        r#"
[library.util]
type = "statc"
sources = "a.c"
pic = "yes"
deps = ["a", 1]
overrides = { files = ["a.c"] }
when = { os = 1, option = { x = 1.5 } }
[library]
deps = ["a"]
[profile.p]
optimize = 4
lto = "fat"
[pool]
p = 0
[test.t]
timeout = -1
install = true
[command.c]
argv = ["x"]
"#,
        &[],
    ), @r#"
    rekindle.toml:5:8: `type` in [library.util] cannot be "statc"
       5 | type = "statc"
         |        ^^^^^^^
         = hint: did you mean "static"?

    rekindle.toml:6:11: `sources` in [library.util] is a list of strings, and this is a string
       6 | sources = "a.c"
         |           ^^^^^
         = hint: write `sources = ["a.c"]`

    rekindle.toml:7:7: `pic` in [library.util] should be true or false, and is a string
       7 | pic = "yes"
         |       ^^^^^

    rekindle.toml:8:14: an entry of `deps` in [library.util] should be a string, and is a number
       8 | deps = ["a", 1]
         |              ^

    rekindle.toml:9:13: `overrides` in [library.util] is a list of tables, and this is one table
       9 | overrides = { files = ["a.c"] }
         |             ^^^^^^^^^^^^^^^^^^^
         = hint: write `overrides = [{ ... }]`

    rekindle.toml:10:15: `os` in `when` in [library.util] should be a string or a list of strings, and is a number
      10 | when = { os = 1, option = { x = 1.5 } }
         |               ^

    rekindle.toml:10:33: `x` in `option` in `when` in [library.util] should be true or false or a whole number or a string or a list of strings, and is a number with a fraction
      10 | when = { os = 1, option = { x = 1.5 } }
         |                                 ^^^

    rekindle.toml:12:1: [library] has tables with names of your choice, and `deps` is a list
      12 | deps = ["a"]
         | ^^^^
         = hint: write `[library.NAME]` above it

    rekindle.toml:14:12: `optimize` in [profile.p] cannot be 4
      14 | optimize = 4
         |            ^
         = hint: it is one of 0, 1, 2, 3 or one of "s", "z", "g", "fast"

    rekindle.toml:15:7: `lto` in [profile.p] cannot be "fat"
      15 | lto = "fat"
         |       ^^^^^
         = hint: it is true or false or one of "off", "full", "thin"

    rekindle.toml:17:5: `p` in [pool] cannot be 0
      17 | p = 0
         |     ^
         = hint: it is a whole number from 1 on

    rekindle.toml:19:11: `timeout` in [test.t] cannot be -1
      19 | timeout = -1
         |           ^^
         = hint: it is a whole number from 1 on

    rekindle.toml:20:1: [test.t] has no key `install`
      20 | install = true
         | ^^^^^^^

    rekindle.toml:21:10: [command.c] has no `outputs`
      21 | [command.c]
         |          ^
         = hint: `outputs` is a list of strings
    "#);
}

#[test]
fn several_independent_errors_come_in_one_go() {
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"nowhere.c\", \"src/*.c\"]\ndeps = [\"utl\"]\ntoolchain = \"arm\"\n[library.util]\nsources = []\npool = \"x\"\n",
        &["main.c"],
    ), @r#"
    rekindle.toml:5:9: `a` depends on `utl`, and there is no such library or command
       5 | deps = ["utl"]
         |         ^^^^^
         = hint: did you mean `util`?

    rekindle.toml:6:13: the manifest has no toolchain `arm`
       6 | toolchain = "arm"
         |             ^^^^^
         = hint: known: `host`

    rekindle.toml:9:8: the manifest has no pool `x`
       9 | pool = "x"
         |        ^^^
         = hint: declare it: `[pool]` and `x = 1`
    "#);
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"nowhere.c\", \"src/*.c\", \"mian.c\"]\ninclude = [\"inc\"]\n",
        &["main.c", "include/a.h"],
    ), @r#"
    rekindle.toml:4:12: there is no file `nowhere.c`
       4 | sources = ["nowhere.c", "src/*.c", "mian.c"]
         |            ^^^^^^^^^^^

    rekindle.toml:4:25: no file matches this glob
       4 | sources = ["nowhere.c", "src/*.c", "mian.c"]
         |                         ^^^^^^^^^

    rekindle.toml:4:36: there is no file `mian.c`
       4 | sources = ["nowhere.c", "src/*.c", "mian.c"]
         |                                    ^^^^^^^^
         = hint: did you mean `main.c`?

    rekindle.toml:5:12: there is no directory `inc`
       5 | include = ["inc"]
         |            ^^^^^
         = hint: did you mean `include`?
    "#);
}

#[test]
fn text_that_is_not_toml_is_shown_where_it_stops() {
    insta::assert_snapshot!(Space::raw("[project]\nname = \"x\"\n[executable.a\nsources = [\"a.c\"\n").errors(), @r#"
    rekindle.toml:3:14: this is not TOML: unclosed table, expected `]`
       3 | [executable.a
         |              ^

    rekindle.toml:4:17: this is not TOML: unclosed array, expected `]`
       4 | sources = ["a.c"
         |                 ^
    "#);
    insta::assert_snapshot!(Space::raw("[project]\nname = \"x\"\nname = \"y\"\n").errors(), @r#"
    rekindle.toml:3:1: this name was given before
       3 | name = "y"
         | ^^^^
         = why: the first one is on line 2, column 1
    "#);
    insta::assert_snapshot!(Space::raw("").errors(), @r#"
    rekindle.toml:1:1: the manifest has no [project] table
       1 |
         | ^
         = hint: begin it with `[project]` and `name = "..."`
    "#);
    insta::assert_snapshot!(Space::raw("[project]\nversion = \"1\"").errors(), @"
    rekindle.toml:1:2: [project] has no `name`
       1 | [project]
         |  ^^^^^^^
         = hint: `name` is a string
    ");
}

#[test]
fn a_manifest_that_is_not_utf8_is_shown_where_it_stops_to_be() {
    let space = Space::raw("");
    std::fs::write(space.base.join("rekindle.toml"), b"[project]\nname = \"caf\xe9\"\n").unwrap();
    insta::assert_snapshot!(space.errors(), @r#"
    rekindle.toml:2:12: a manifest is UTF-8 text, and this byte is not
       2 | name = "caf�"
         |            ^
         = hint: write file names that are not UTF-8 with a glob: `src/caf?.c`
    "#);
}

#[test]
fn a_manifest_that_is_not_there_or_is_a_directory_or_cannot_be_read() {
    let space = Space::raw("");
    let say = |path: &std::path::Path| {
        let errors = load(path, &Request::default()).map(|_| ()).unwrap_err().to_string();
        errors.replace(&space.base.display().to_string(), "/P")
    };
    let manifest = space.base.join("rekindle.toml");
    std::fs::remove_file(&manifest).unwrap();
    insta::assert_snapshot!(say(&space.base), @"
    /P/rekindle.toml: there is no manifest here
         = hint: `rekindle init` writes one for the sources that lie here
    ");
    insta::assert_snapshot!(say(&manifest), @"/P/rekindle.toml: there is no such file");
    std::fs::create_dir_all(&manifest).unwrap();
    insta::assert_snapshot!(say(&space.base), @"/P/rekindle.toml: this is a directory, and should be the manifest");
}

#[test]
fn a_file_or_directory_that_is_not_there_or_is_the_other() {
    insta::assert_snapshot!(complaints(
        r#"
[executable.a]
sources = ["src", "src/mian.c", "gen.x"]
include = ["src/main.c"]
library-dirs = ["lib"]
linker-script = "a.ld"
pch = "src"
[command.gen]
argv = ["tools/gen", "{out}"]
inputs = ["src", "none/*.x"]
outputs = ["gen.c"]
working-directory = "nowhere"
[roots]
sdk = "../nowhere"
home = "src"
"#,
        &["src/main.c"],
    ), @r#"
    rekindle.toml:16:7: there is no directory `../nowhere`
      16 | sdk = "../nowhere"
         |       ^^^^^^^^^^^^
         = hint: make it, or name one that is there

    rekindle.toml:17:1: `home` cannot be the name of a root
      17 | home = "src"
         | ^^^^
         = hint: use letters, digits, `_` and `-`; `ws`, `build`, `outside` and `home` are taken
    "#);
    insta::assert_snapshot!(complaints(
        r#"
[executable.a]
sources = ["src", "src/mian.c", "gen.x"]
include = ["src/main.c"]
library-dirs = ["lib"]
linker-script = "a.ld"
pch = "src"
[command.gen]
argv = ["tools/gen", "{out}"]
inputs = ["src", "none/*.x"]
outputs = ["gen.c"]
working-directory = "nowhere"
"#,
        &["src/main.c"],
    ), @r#"
    rekindle.toml:5:12: `src` is a directory, and should be a source
       5 | sources = ["src", "src/mian.c", "gen.x"]
         |            ^^^^^
         = hint: write `src/**` for the files in it

    rekindle.toml:5:19: there is no file `src/mian.c`
       5 | sources = ["src", "src/mian.c", "gen.x"]
         |                   ^^^^^^^^^^^^
         = hint: did you mean `src/main.c`?

    rekindle.toml:5:33: there is no file `gen.x`
       5 | sources = ["src", "src/mian.c", "gen.x"]
         |                                 ^^^^^^^
         = hint: did you mean the generated file `gen.c`?

    rekindle.toml:6:12: `src/main.c` is a file, and should be a directory
       6 | include = ["src/main.c"]
         |            ^^^^^^^^^^^^
         = hint: name the directory that it lies in

    rekindle.toml:9:7: `src` is a directory, and should be a header
       9 | pch = "src"
         |       ^^^^^

    rekindle.toml:11:9: there is no program `tools/gen`
      11 | argv = ["tools/gen", "{out}"]
         |         ^^^^^^^^^^^
         = why: a program with a slash in its name lies in the project; one without is searched on PATH

    rekindle.toml:12:11: `src` is a directory, and should be a file
      12 | inputs = ["src", "none/*.x"]
         |           ^^^^^
         = hint: write `src/**` for the files in it

    rekindle.toml:12:18: no file matches this glob
      12 | inputs = ["src", "none/*.x"]
         |                  ^^^^^^^^^^

    rekindle.toml:14:21: there is no directory `nowhere`
      14 | working-directory = "nowhere"
         |                     ^^^^^^^^^
         = hint: make it, or take it out; what a command generates is found without it
    "#);
}

#[test]
fn globs_that_match_nothing_or_cannot_be_read() {
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"src/*.cc\", \"src/[a.c\", \"*/../x.c\"]\noverrides = [{ files = [\"x*.c\"], cflags = [\"-O3\"] }]\n",
        &["src/a.c"],
    ), @r#"
    rekindle.toml:4:12: no file matches this glob
       4 | sources = ["src/*.cc", "src/[a.c", "*/../x.c"]
         |            ^^^^^^^^^^

    rekindle.toml:4:24: this glob cannot be read: unclosed character class; missing ']'
       4 | sources = ["src/*.cc", "src/[a.c", "*/../x.c"]
         |                        ^^^^^^^^^^

    rekindle.toml:4:36: this glob cannot be read: `..` behind a wildcard
       4 | sources = ["src/*.cc", "src/[a.c", "*/../x.c"]
         |                                    ^^^^^^^^^^

    rekindle.toml:5:25: no source of `a` matches this
       5 | overrides = [{ files = ["x*.c"], cflags = ["-O3"] }]
         |                         ^^^^^^
    "#);
}

#[test]
fn languages_that_are_not_built_are_refused() {
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"src/*\", \"m.ixx\"]\ncxxflags = [\"-fmodules-ts\"]\n",
        &["src/a.m", "src/b.mm", "src/c.cppm", "src/d.txt", "src/e.h", "src/f.c", "m.ixx"],
    ), @r#"
    rekindle.toml:4:12: `src/a.m`: Objective-C is not supported
       4 | sources = ["src/*", "m.ixx"]
         |            ^^^^^^^
         = hint: name it in `exclude`, or compile it by a [command.NAME] whose output is an object, and have `command:NAME` among the `sources`

    rekindle.toml:4:12: `src/b.mm`: Objective-C is not supported
       4 | sources = ["src/*", "m.ixx"]
         |            ^^^^^^^
         = hint: name it in `exclude`, or compile it by a [command.NAME] whose output is an object, and have `command:NAME` among the `sources`

    rekindle.toml:4:12: `src/c.cppm`: C++20 modules are not supported
       4 | sources = ["src/*", "m.ixx"]
         |            ^^^^^^^
         = hint: name it in `exclude`, or make a header and a source of it

    rekindle.toml:4:12: `src/d.txt` is no source that this can compile
       4 | sources = ["src/*", "m.ixx"]
         |            ^^^^^^^
         = why: the name's ending says the language: `.c` is C; `.cc`, `.cpp`, `.cxx`, `.c++`, `.cp`, `.C`, `.CPP` are C++; `.S`, `.sx`, `.s` are assembler
         = hint: make the glob narrower (`src/*.c`), or name the file in `exclude`

    rekindle.toml:4:21: `m.ixx`: C++20 modules are not supported
       4 | sources = ["src/*", "m.ixx"]
         |                     ^^^^^^^
         = hint: make a header and a source of it

    rekindle.toml:5:13: `-fmodules-ts`: C++20 modules are not supported
       5 | cxxflags = ["-fmodules-ts"]
         |             ^^^^^^^^^^^^^^
         = hint: take it out, and include headers instead of importing modules
    "#);
}

#[test]
fn modules_are_refused_wherever_a_flag_comes_from() {
    let mut space = Space::new(
        r#"
[toolchain.x]
cc = "gcc -fmodules-ts"
flags = ["-fmodules", "-O1"]
cflags = ["-fcxx-modules"]
[profile.debug]
cxxflags = ["-fmodule-mapper=m"]
[executable.a]
toolchain = "x"
sources = ["a.cpp"]
cflags = ["-fmodules"]
overrides = [{ files = ["a.cpp"], cxxflags = ["-fmodule-header"] }]
[executable.b]
sources = ["b.cpp"]
pkg-config = ["m"]
"#,
        &["a.cpp", "b.cpp"],
    );
    space.toolchains.push("x");
    space.write("pc/m.pc", "Name: m\nVersion: 1\nDescription: m\nCflags: -fmodules-ts\n");
    let pc = space.base.join("pc").into_os_string();
    space.request.environment.insert("PKG_CONFIG_PATH".into(), pc);
    space.request.environment.insert("CXX".into(), "g++ -fmodules-ts".into());
    insta::assert_snapshot!(space.errors(), @r#"
    CXX=g++ -fmodules-ts: `-fmodules-ts`: C++20 modules are not supported
         = hint: take it out, and include headers instead of importing modules

    rekindle.toml:5:6: `-fmodules-ts`: C++20 modules are not supported
       5 | cc = "gcc -fmodules-ts"
         |      ^^^^^^^^^^^^^^^^^^
         = hint: take it out, and include headers instead of importing modules

    rekindle.toml:6:10: `-fmodules`: C++20 modules are not supported
       6 | flags = ["-fmodules", "-O1"]
         |          ^^^^^^^^^^^
         = hint: take it out, and include headers instead of importing modules

    rekindle.toml:7:11: `-fcxx-modules`: C++20 modules are not supported
       7 | cflags = ["-fcxx-modules"]
         |           ^^^^^^^^^^^^^^^
         = hint: take it out, and include headers instead of importing modules

    rekindle.toml:9:13: `-fmodule-mapper=m`: C++20 modules are not supported
       9 | cxxflags = ["-fmodule-mapper=m"]
         |             ^^^^^^^^^^^^^^^^^^^
         = hint: take it out, and include headers instead of importing modules

    rekindle.toml:13:11: `-fmodules`: C++20 modules are not supported
      13 | cflags = ["-fmodules"]
         |           ^^^^^^^^^^^
         = hint: take it out, and include headers instead of importing modules

    rekindle.toml:14:47: `-fmodule-header`: C++20 modules are not supported
      14 | overrides = [{ files = ["a.cpp"], cxxflags = ["-fmodule-header"] }]
         |                                               ^^^^^^^^^^^^^^^^^
         = hint: take it out, and include headers instead of importing modules

    rekindle.toml:15:13: `-fmodules-ts` of a package: C++20 modules are not supported
      15 | [executable.b]
         |             ^
         = hint: take it out, and include headers instead of importing modules
    "#);
}

#[test]
fn cycles_are_written_out() {
    insta::assert_snapshot!(complaints(
        r#"
[library.a]
deps = ["b"]
[library.b]
deps = ["c", "b"]
[library.c]
deps = ["a"]
[executable.gen]
sources = ["gen.c", "command:table"]
[command.table]
argv = ["{target:gen}", "{out}"]
outputs = ["table.c"]
[command.one]
argv = ["cp", "{in}", "{out}"]
inputs = ["two.h"]
outputs = ["one.h"]
[command.two]
argv = ["cp", "{in}", "{out}"]
inputs = ["one.h"]
outputs = ["two.h"]
"#,
        &["gen.c"],
    ), @r#"
    rekindle.toml:7:14: `b` needs itself: b → b
       7 | deps = ["c", "b"]
         |              ^^^

    rekindle.toml:9:9: `a` needs itself: a → b → c → a
       9 | deps = ["a"]
         |         ^^^

    rekindle.toml:10:13: a program cannot be called `gen`
      10 | [executable.gen]
         |             ^^^
         = why: the build directory holds something else of that name

    rekindle.toml:13:9: `gen` needs itself: gen → table → gen
      13 | argv = ["{target:gen}", "{out}"]
         |         ^^^^^^^^^^^^^^

    rekindle.toml:21:11: `one` needs itself: one → two → one
      21 | inputs = ["one.h"]
         |           ^^^^^^^
    "#);
}

#[test]
fn names_that_are_taken_or_cannot_be() {
    insta::assert_snapshot!(complaints(
        r#"
[library.zstd]
[executable.zstd]
sources = ["a.c"]
[executable."my app"]
[executable.obj]
[test.".x"]
[command.zstd]
argv = ["x"]
outputs = ["x"]
[profile."a/b"]
"#,
        &["a.c"],
    ), @r#"
    rekindle.toml:5:13: there are two targets called `zstd`
       5 | [executable.zstd]
         |             ^^^^
         = why: [library.zstd] is on line 4
         = hint: call one of them something else; `output = "zstd"` keeps the product's name

    rekindle.toml:7:13: `my app` cannot be a name
       7 | [executable."my app"]
         |             ^^^^^^^^
         = hint: use letters, digits, `_`, `-`, `.` and `+`, with no dot or dash in front

    rekindle.toml:8:13: a program cannot be called `obj`
       8 | [executable.obj]
         |             ^^^
         = why: the build directory holds something else of that name

    rekindle.toml:9:7: `.x` cannot be a name
       9 | [test.".x"]
         |       ^^^^
         = hint: use letters, digits, `_`, `-`, `.` and `+`, with no dot or dash in front

    rekindle.toml:10:10: there are two targets called `zstd`
      10 | [command.zstd]
         |          ^^^^
         = why: [library.zstd] is on line 4
         = hint: call one of them something else; `output = "zstd"` keeps the product's name

    rekindle.toml:13:10: `a/b` cannot be the name of a profile
      13 | [profile."a/b"]
         |          ^^^^^
         = why: the build directory of a profile has its name
         = hint: use letters, digits, `_`, `-`, `.` and `+`
    "#);
}

#[test]
fn things_that_two_write() {
    insta::assert_snapshot!(complaints(
        r#"
[command.one]
argv = ["cp"]
outputs = ["v.h", "v.h"]
[command.two]
argv = ["cp"]
outputs = ["./v.h"]
[executable.a]
sources = ["a.c"]
[executable.b]
sources = ["a.c"]
output = "a"
"#,
        &["a.c"],
    ), @r#"
    rekindle.toml:6:19: `v.h` is named twice in `outputs`
       6 | outputs = ["v.h", "v.h"]
         |                   ^^^^^

    rekindle.toml:7:10: `build:gen/v.h` is written by both `one` and `two`
       7 | [command.two]
         |          ^^^
         = why: `one` is on line 4

    rekindle.toml:12:13: `build:a` is written by both `a` and `b`
      12 | [executable.b]
         |             ^
         = why: `a` is on line 10
    "#);
}

#[test]
fn references_to_what_is_not_there() {
    insta::assert_snapshot!(complaints(
        r#"
[library.util]
[executable.app]
sources = ["main.c", "command:vresion", "command:winres"]
deps = ["utill", "tool", "wonly"]
private-deps = ["nothing-like-it"]
toolchain = "arm"
[executable.tool]
sources = ["main.c"]
when = { toolchain = "amr", profile = "relase", option.fats = true }
[command.version]
argv = ["x", "{target:tol}"]
outputs = ["v.c"]
deps = ["nobody"]
pool = "hevy"
[command.winres]
argv = ["x"]
outputs = ["r.c"]
when = { os = "windows" }
[library.wonly]
when = { os = ["windows", "macos"], not = { arch = "arm" } }
[test.t]
program = "util"
sources = ["main.c"]
[pool]
heavy = 1
[option.fast]
type = "bool"
default = false
[profile.p]
inherits = "q"
[toolchain.amd]
[project]
"#.replace("[project]\n", "").as_str(),
        &["main.c"],
    ), @r#"
    rekindle.toml:6:22: the manifest has no command `vresion`
       6 | sources = ["main.c", "command:vresion", "command:winres"]
         |                      ^^^^^^^^^^^^^^^^^
         = hint: did you mean `version`?

    rekindle.toml:6:41: `winres` is left out of this build
       6 | sources = ["main.c", "command:vresion", "command:winres"]
         |                                         ^^^^^^^^^^^^^^^^
         = why: it counts only when os = "windows"
         = hint: name it in an `also` with the same `when`

    rekindle.toml:7:9: `app` depends on `utill`, and there is no such library or command
       7 | deps = ["utill", "tool", "wonly"]
         |         ^^^^^^^
         = hint: did you mean `util`?

    rekindle.toml:7:18: `app` depends on `tool`, and there is no such library or command
       7 | deps = ["utill", "tool", "wonly"]
         |                  ^^^^^^
         = why: a program cannot be linked
         = hint: a [command.NAME] can run it: `{target:NAME}` in its `argv`

    rekindle.toml:7:26: `wonly` is left out of this build
       7 | deps = ["utill", "tool", "wonly"]
         |                          ^^^^^^^
         = why: it counts only when os = "windows" or "macos", not { arch = "arm" }
         = hint: name it in an `also` with the same `when`

    rekindle.toml:8:17: `app` depends on `nothing-like-it`, and there is no such library or command
       8 | private-deps = ["nothing-like-it"]
         |                 ^^^^^^^^^^^^^^^^^
         = hint: known: `util`, `wonly`, `version`, `winres`

    rekindle.toml:9:13: the manifest has no toolchain `arm`
       9 | toolchain = "arm"
         |             ^^^^^
         = hint: did you mean `amd`?

    rekindle.toml:12:22: the manifest has no toolchain `amr`
      12 | when = { toolchain = "amr", profile = "relase", option.fats = true }
         |                      ^^^^^
         = hint: did you mean `amd`?

    rekindle.toml:12:39: the manifest has no profile `relase`
      12 | when = { toolchain = "amr", profile = "relase", option.fats = true }
         |                                       ^^^^^^^^
         = hint: did you mean `release`?

    rekindle.toml:12:56: the manifest has no option `fats`
      12 | when = { toolchain = "amr", profile = "relase", option.fats = true }
         |                                                        ^^^^
         = hint: did you mean `fast`?

    rekindle.toml:14:14: `version` needs `tol`, and there is no such target
      14 | argv = ["x", "{target:tol}"]
         |              ^^^^^^^^^^^^^^
         = hint: did you mean `tool`?

    rekindle.toml:16:9: `version` needs `nobody`, and there is no such target
      16 | deps = ["nobody"]
         |         ^^^^^^^^
         = hint: known: `app`, `tool`, `util`, `wonly`, `t`, `winres`

    rekindle.toml:17:8: the manifest has no pool `hevy`
      17 | pool = "hevy"
         |        ^^^^^^
         = hint: did you mean `heavy`?

    rekindle.toml:25:11: the manifest has no executable `util`
      25 | program = "util"
         |           ^^^^^^
         = hint: known: `app`, `tool`

    rekindle.toml:26:12: [test.t] has both `sources` and a `program`
      26 | sources = ["main.c"]
         |            ^^^^^^^^
         = hint: a test is built from sources, or runs an executable of this project

    rekindle.toml:33:12: the manifest has no profile `q`
      33 | inherits = "q"
         |            ^^^
         = hint: known: `debug`, `release`, `p`
    "#);
}

#[test]
fn a_library_for_another_toolchain_is_not_linked() {
    insta::assert_snapshot!(complaints(
        r#"
[toolchain.avr]
cc = "avr-gcc"
[library.util]
toolchain = "avr"
sources = ["a.c"]
[executable.app]
sources = ["a.c"]
deps = ["util"]
"#,
        &["a.c"],
    ), @r#"
    rekindle.toml:11:9: `app` is built with `host`, and `util` with `avr`
      11 | deps = ["util"]
         |         ^^^^^^
         = hint: without a `toolchain` in [library.util], it is built with that of whatever uses it
    "#);
}

#[test]
fn a_sysroot_that_is_not_there_where_it_is_needed() {
    let manifest = r#"
[toolchain.avr]
sysroot = "nowhere"
[toolchain.arm]
sysroot = "a.c"
[toolchain.riscv]
sysroot = "nowhere"
[executable.a]
toolchain = "avr"
sources = ["a.c"]
[executable.b]
toolchain = "arm"
sources = ["a.c"]
[executable.c]
toolchain = "riscv"
sources = ["a.c"]
[executable.d]
sources = ["a.c"]
"#;
    insta::assert_snapshot!(complaints(manifest, &["a.c"]), @r#"
    rekindle.toml:5:11: there is no directory `nowhere`
       5 | sysroot = "nowhere"
         |           ^^^^^^^^^
         = hint: `sysroot` is the directory with the target's headers and libraries

    rekindle.toml:7:11: `a.c` is a file, and should be a directory
       7 | sysroot = "a.c"
         |           ^^^^^
         = hint: `sysroot` is the directory with the target's headers and libraries
    "#);
    assert!(Space::new(manifest, &["a.c"]).wanting(&["d"]).lower().is_ok());
}

#[test]
fn platforms_that_nothing_is_built_for() {
    let manifest = r#"
[toolchain.own]
target = "riscv32imac-unknown-hermit"
[executable.a]
sources = ["a.c"]
when = { os = "linx", arch = ["x64", "x86_64", "amr", "riscv32imac", "quantum"] }
[executable.b]
sources = ["a.c"]
when = { not = { os = ["plan9", "darwin"] }, arch = "aarch46" }
"#;
    insta::assert_snapshot!(complaints(manifest, &["a.c"]), @r#"
    rekindle.toml:8:15: no operating system is called `linx` here
       8 | when = { os = "linx", arch = ["x64", "x86_64", "amr", "riscv32imac", "quantum"] }
         |               ^^^^^^
         = hint: did you mean `linux`?

    rekindle.toml:8:30: no processor is called `x64` here
       8 | when = { os = "linx", arch = ["x64", "x86_64", "amr", "riscv32imac", "quantum"] }
         |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
         = hint: did you mean `x86_64`?

    rekindle.toml:8:30: no processor is called `amr` here
       8 | when = { os = "linx", arch = ["x64", "x86_64", "amr", "riscv32imac", "quantum"] }
         |                              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
         = hint: did you mean `arm`?

    rekindle.toml:11:23: no operating system is called `plan9` here
      11 | when = { not = { os = ["plan9", "darwin"] }, arch = "aarch46" }
         |                       ^^^^^^^^^^^^^^^^^^^
         = hint: known: `linux`, `macos`, `windows`, `none`, `freebsd`, `netbsd`, `openbsd`, `dragonfly`

    rekindle.toml:11:23: no operating system is called `darwin` here
      11 | when = { not = { os = ["plan9", "darwin"] }, arch = "aarch46" }
         |                       ^^^^^^^^^^^^^^^^^^^
         = hint: did you mean `macos`?

    rekindle.toml:11:53: no processor is called `aarch46` here
      11 | when = { not = { os = ["plan9", "darwin"] }, arch = "aarch46" }
         |                                                     ^^^^^^^^^
         = hint: did you mean `aarch64`?
    "#);
}

#[test]
fn names_that_are_empty() {
    let manifest = r#"
[executable.a]
sources = [""]
include = [""]
pkg-config = ["zlib >> 1", ">= 2"]
[command.c]
argv = ["cp", "a.c", "{out}"]
inputs = [""]
outputs = ["x"]
[executable.f]
sources = ["x.f90"]
"#;
    insta::assert_snapshot!(complaints(manifest, &["a.c", "x.f90"]), @r#"
    rekindle.toml:5:12: an empty name is no source
       5 | sources = [""]
         |            ^^

    rekindle.toml:6:12: an empty name is no directory
       6 | include = [""]
         |            ^^
         = hint: `.` is the project's own

    rekindle.toml:7:15: `>>` is no comparison: those are =, <, >, <=, >= and !=
       7 | pkg-config = ["zlib >> 1", ">= 2"]
         |               ^^^^^^^^^^^

    rekindle.toml:7:28: `>=` without a package before it
       7 | pkg-config = ["zlib >> 1", ">= 2"]
         |                            ^^^^^^

    rekindle.toml:10:11: an empty name is no file
      10 | inputs = [""]
         |           ^^

    rekindle.toml:13:12: `x.f90` is no source that this can compile
      13 | sources = ["x.f90"]
         |            ^^^^^^^
         = why: the name's ending says the language: `.c` is C; `.cc`, `.cpp`, `.cxx`, `.c++`, `.cp`, `.C`, `.CPP` are C++; `.S`, `.sx`, `.s` are assembler
    "#);
    let output = "[command.c]\nargv = [\"cp\"]\ninputs = [\"\"]\noutputs = [\"\"]\n";
    insta::assert_snapshot!(complaints(output, &[]), @r#"
    rekindle.toml:6:12: an output needs a name
       6 | outputs = [""]
         |            ^^
    "#);
}

#[test]
fn outputs_that_are_files_and_directories() {
    let manifest = r#"
[command.c]
argv = ["cp", "{out}"]
outputs = ["a", "d/"]
[command.d]
argv = ["cp", "{out}"]
outputs = ["./a/b/c", "a.b", "e/f", "e/g"]
"#;
    insta::assert_snapshot!(complaints(manifest, &[]), @r#"
    rekindle.toml:6:17: `d/` is a directory, and should be a file
       6 | outputs = ["a", "d/"]
         |                 ^^^^
         = hint: name every file that the command writes

    rekindle.toml:9:12: `./a/b/c` cannot be written: `a` is a file
       9 | outputs = ["./a/b/c", "a.b", "e/f", "e/g"]
         |            ^^^^^^^^^
         = why: `c` writes it, on line 6, column 12
    "#);
}

#[test]
fn what_is_given_twice_is_shown_with_the_first_place() {
    let twice = "[library.a]\nsources = []\n[executable.a]\nsources = []\npool = \"x\"\nsources = []\n[library.b]\n[executable.a]\n[library.\"b\"]\npic = true\n  pic = false\n[library]\n";
    insta::assert_snapshot!(complaints(twice, &[]), @r#"
    rekindle.toml:8:1: this name was given before
       8 | sources = []
         | ^^^^^^^
         = why: the first one is on line 6, column 1

    rekindle.toml:10:13: this name was given before
      10 | [executable.a]
         |             ^
         = why: the first one is on line 5, column 13

    rekindle.toml:11:10: this name was given before
      11 | [library."b"]
         |          ^^^
         = why: the first one is on line 9, column 10

    rekindle.toml:13:3: this name was given before
      13 |   pic = false
         |   ^^^
         = why: the first one is on line 12, column 1
    "#);
}

#[test]
fn profiles_that_are_not_there_or_go_round() {
    let mut space = Space::new(
        "[profile.b]\ninherits = \"a\"\n[profile.a]\ninherits = \"b\"\n[profile.c]\ninherits = \"a\"\n[profile.fast]\ninherits = \"fast\"\n",
        &[],
    );
    space.request.profile = "fsat".into();
    insta::assert_snapshot!(space.errors(), @r#"
    --profile fsat: the manifest has no profile `fsat`
         = hint: did you mean `fast`?

    rekindle.toml:4:12: profile `b` inherits from itself: b → a → b
       4 | inherits = "a"
         |            ^^^
         = hint: let one of them inherit from `debug` or `release`

    rekindle.toml:10:12: profile `fast` inherits from itself: fast → fast
      10 | inherits = "fast"
         |            ^^^^^^
         = hint: let one of them inherit from `debug` or `release`
    "#);
}

#[test]
fn options_that_are_not_there_or_cannot_have_that_value() {
    let manifest = r#"
[option.tls]
type = "choice"
choices = ["none", "openssl"]
default = "none"
[option.jobs]
type = "int"
default = 1
[option.name]
type = "string"
default = "x"
"#;
    let set = ["tsl=none", "tls=gnutls", "tls", "jobs=many", "name", "debug"];
    insta::assert_snapshot!(Space::new(manifest, &[]).with(&set).errors(), @r#"
    -D tsl=none: the manifest has no option `tsl`
         = hint: did you mean `tls`?

    -D tls=gnutls: option `tls` cannot be `gnutls`
         = hint: it is one of "none", "openssl"

    -D tls: option `tls` needs a value
         = hint: it is one of "none", "openssl"

    -D jobs=many: option `jobs` cannot be `many`
         = hint: it is a whole number

    -D name: option `name` needs a value
         = hint: it is a string

    -D debug: the manifest has no option `debug`
         = hint: known: `jobs`, `name`, `tls`
    "#);
    insta::assert_snapshot!(Space::new("", &[]).with(&["X=1"]).errors(), @"
    -D X=1: the manifest has no option `X`
         = hint: options are declared by `[option.NAME]`; a macro is defined by `defines`
    ");
    insta::assert_snapshot!(complaints(
        r#"
[option."a b"]
type = "bool"
default = "yes"
[option.c]
type = "choice"
default = "x"
[option.d]
type = "int"
default = 1
choices = ["1"]
[option.e]
type = "choice"
choices = ["1"]
default = "2"
[executable.a]
sources = ["${option.ee}", "${x"]
when = { option.d = "one" }
"#,
        &[],
    ), @r#"
    rekindle.toml:4:9: `a b` cannot be the name of an option
       4 | [option."a b"]
         |         ^^^^^
         = hint: use letters, digits, `_` and `-`

    rekindle.toml:6:11: `default` in [option.a b] should be true or false
       6 | default = "yes"
         |           ^^^^^

    rekindle.toml:8:8: [option.c] is a choice and has no `choices`
       8 | type = "choice"
         |        ^^^^^^^^
         = hint: add `choices = ["..."]`

    rekindle.toml:13:12: [option.d] has `choices` and is no choice
      13 | choices = ["1"]
         |            ^^^
         = hint: write `type = "choice"`

    rekindle.toml:17:11: `default` in [option.e] should be one of "1"
      17 | default = "2"
         |           ^^^

    rekindle.toml:20:21: option `d` cannot be "one"
      20 | when = { option.d = "one" }
         |                     ^^^^^
         = hint: it is a whole number
    "#);
}

#[test]
fn commands_that_make_no_sense() {
    insta::assert_snapshot!(complaints(
        r#"
[command.none]
outputs = ["n"]
[command.both]
argv = ["cp"]
shell = "b"
outputs = ["b"]
[command.empty]
argv = []
outputs = []
"#,
        &[],
    ), @r#"
    rekindle.toml:4:10: [command.none] has neither `argv` nor `shell`
       4 | [command.none]
         |          ^^^^
         = hint: add `argv = ["program", "{in}", "{out}"]`

    rekindle.toml:8:9: [command.both] has both `argv` and `shell`
       8 | shell = "b"
         |         ^^^

    rekindle.toml:10:10: [command.empty] writes no file
      10 | [command.empty]
         |          ^^^^^
         = hint: name one in `outputs`

    rekindle.toml:11:8: `argv` in [command.empty] is empty
      11 | argv = []
         |        ^^
         = hint: its first word is the program
    "#);
    insta::assert_snapshot!(complaints(
        r#"
[command.outside]
argv = ["cp"]
outputs = ["../x", "/etc/x", "d/"]
[command.words]
argv = ["cp", "--in={in}", "{out:3}", "{depfile}", "{target:headers}"]
inputs = ["a.c", "b.c"]
outputs = ["w"]
env = { "A=B" = "x" }
[command.dep]
argv = ["cp"]
outputs = ["dep"]
depfile = "../x.d"
[library.headers]
"#,
        &["a.c", "b.c"],
    ), @r#"
    rekindle.toml:6:12: `../x` is outside the directory of generated files
       6 | outputs = ["../x", "/etc/x", "d/"]
         |            ^^^^^^
         = why: commands write below `gen` in the build directory, never among the sources
         = hint: write a relative name without `..`

    rekindle.toml:6:20: `/etc/x` is outside the directory of generated files
       6 | outputs = ["../x", "/etc/x", "d/"]
         |                    ^^^^^^^^
         = why: commands write below `gen` in the build directory, never among the sources
         = hint: write a relative name without `..`

    rekindle.toml:6:30: `d/` is a directory, and should be a file
       6 | outputs = ["../x", "/etc/x", "d/"]
         |                              ^^^^
         = hint: name every file that the command writes

    rekindle.toml:8:15: `{in}` in a word needs one file, and [command.words] has 2
       8 | argv = ["cp", "--in={in}", "{out:3}", "{depfile}", "{target:headers}"]
         |               ^^^^^^^^^^^
         = hint: make it a word of its own, or choose one: `{in:0}`

    rekindle.toml:8:28: there is no `{out:3}`: [command.words] has 1 in `outputs`
       8 | argv = ["cp", "--in={in}", "{out:3}", "{depfile}", "{target:headers}"]
         |                            ^^^^^^^^^
         = hint: they are counted from 0

    rekindle.toml:8:39: [command.words] has no depfile
       8 | argv = ["cp", "--in={in}", "{out:3}", "{depfile}", "{target:headers}"]
         |                                       ^^^^^^^^^^^
         = hint: add `depfile = true`

    rekindle.toml:8:52: `headers` has no product of its own
       8 | argv = ["cp", "--in={in}", "{out:3}", "{depfile}", "{target:headers}"]
         |                                                    ^^^^^^^^^^^^^^^^^^

    rekindle.toml:11:9: `A=B` cannot be the name of a variable
      11 | env = { "A=B" = "x" }
         |         ^^^^^

    rekindle.toml:15:11: `../x.d` is outside the directory of generated files
      15 | depfile = "../x.d"
         |           ^^^^^^^^
         = hint: write a relative name without `..`, or `depfile = true`
    "#);
}

#[test]
fn programs_of_commands_that_cannot_be_run() {
    let manifest = r#"
[command.path]
argv = ["no-such-program", "{out}"]
outputs = ["a"]
[command.absolute]
argv = ["/nonexistent/tool", "{out}"]
outputs = ["b"]
[command.plain]
argv = ["./plain.py", "{out}"]
outputs = ["c"]
[command.target]
argv = ["maker", "{out}"]
outputs = ["d"]
[command.output]
argv = ["a", "{out}"]
outputs = ["e"]
[command.project]
argv = ["plain.py", "{out}"]
outputs = ["f"]
[command.directory]
argv = ["src/", "{out}"]
outputs = ["g"]
[command.made]
argv = [".rekindle/build/debug/gen/a", "{out}"]
outputs = ["h"]
[command.fine]
argv = ["{target:maker}", "{out}"]
outputs = ["i"]
[executable.maker]
sources = ["src/maker.c"]
"#;
    insta::assert_snapshot!(complaints(manifest, &["plain.py", "src/maker.c"]), @r#"
    rekindle.toml:5:9: program `no-such-program` was not found on PATH
       5 | argv = ["no-such-program", "{out}"]
         |         ^^^^^^^^^^^^^^^^^
         = hint: install it, or name it by a path

    rekindle.toml:8:9: there is no program `/nonexistent/tool`
       8 | argv = ["/nonexistent/tool", "{out}"]
         |         ^^^^^^^^^^^^^^^^^^^

    rekindle.toml:11:9: `./plain.py` is not executable
      11 | argv = ["./plain.py", "{out}"]
         |         ^^^^^^^^^^^^
         = hint: make it so by `chmod +x ./plain.py`, or name what interprets it first

    rekindle.toml:14:9: program `maker` was not found on PATH
      14 | argv = ["maker", "{out}"]
         |         ^^^^^^^
         = hint: write `{target:maker}` for what this project makes

    rekindle.toml:17:9: program `a` was not found on PATH
      17 | argv = ["a", "{out}"]
         |         ^^^
         = hint: write `{target:path}` for what this project makes

    rekindle.toml:20:9: program `plain.py` was not found on PATH
      20 | argv = ["plain.py", "{out}"]
         |         ^^^^^^^^^^
         = hint: write `./plain.py` for the one in the project

    rekindle.toml:23:9: `src/` is a directory, and no program
      23 | argv = ["src/", "{out}"]
         |         ^^^^^^
    "#);
    // What is not needed is not missed.
    let space = Space::new(manifest, &["plain.py", "src/maker.c"]).wanting(&["absolute"]);
    insta::assert_snapshot!(space.errors(), @r#"
    rekindle.toml:8:9: there is no program `/nonexistent/tool`
       8 | argv = ["/nonexistent/tool", "{out}"]
         |         ^^^^^^^^^^^^^^^^^^^

    rekindle.toml:11:9: `./plain.py` is not executable
      11 | argv = ["./plain.py", "{out}"]
         |         ^^^^^^^^^^^^
         = hint: make it so by `chmod +x ./plain.py`, or name what interprets it first

    rekindle.toml:23:9: `src/` is a directory, and no program
      23 | argv = ["src/", "{out}"]
         |         ^^^^^^
    "#);
}

#[test]
fn targets_that_make_no_sense() {
    insta::assert_snapshot!(complaints(
        r#"
[executable.empty]
[library.empty2]
type = "shared"
[library.versioned]
version = "1"
[library.obj1]
type = "object"
sources = ["a.c"]
[executable.whole]
sources = ["a.c"]
deps = ["obj1"]
whole-archive = ["obj1", "obj"]
install = "../bin"
[library.packed]
sources = ["a.c"]
pkg-config = ["no-such-package >= 2", ">= 1"]
"#,
        &["a.c"],
    ), @r#"
    rekindle.toml:8:11: [library.versioned] has a `version` and is no shared library
       8 | version = "1"
         |           ^^^
         = hint: add `type = "shared"`
    "#);
    insta::assert_snapshot!(complaints(
        r#"
[executable.empty]
[library.empty2]
type = "shared"
[library.obj1]
type = "object"
sources = ["a.c"]
[executable.whole]
sources = ["a.c"]
deps = ["obj1"]
whole-archive = ["obj1", "obj"]
install = "../bin"
[library.packed]
sources = ["a.c"]
pkg-config = ["no-such-package >= 2", ">= 1"]
"#,
        &["a.c"],
    ), @r#"
    rekindle.toml:4:13: `empty` has nothing to link
       4 | [executable.empty]
         |             ^^^^^
         = hint: name its sources: `sources = ["src/*.c"]`

    rekindle.toml:5:10: `empty2` has nothing to link
       5 | [library.empty2]
         |          ^^^^^^
         = hint: name its sources: `sources = ["src/*.c"]`

    rekindle.toml:13:18: `obj1` is no static library
      13 | whole-archive = ["obj1", "obj"]
         |                  ^^^^^^

    rekindle.toml:13:26: `whole` does not depend on `obj`
      13 | whole-archive = ["obj1", "obj"]
         |                          ^^^^^
         = hint: did you mean `obj1`?

    rekindle.toml:14:11: this place is outside the prefix
      14 | install = "../bin"
         |           ^^^^^^^^
         = hint: write a directory relative to the prefix, without `..`

    rekindle.toml:17:15: there is no package `no-such-package`
      17 | pkg-config = ["no-such-package >= 2", ">= 1"]
         |               ^^^^^^^^^^^^^^^^^^^^^^
         = why: searched in /usr/local/lib/x86_64-linux-gnu/pkgconfig:/usr/local/lib64/pkgconfig:/usr/local/lib/pkgconfig:/usr/local/share/pkgconfig:/usr/lib/x86_64-linux-gnu/pkgconfig:/usr/lib64/pkgconfig:/usr/lib/pkgconfig:/usr/share/pkgconfig
         = hint: PKG_CONFIG_PATH names directories that are searched first

    rekindle.toml:17:39: `>=` without a package before it
      17 | pkg-config = ["no-such-package >= 2", ">= 1"]
         |                                       ^^^^^^
    "#);
}

#[test]
fn targets_that_are_asked_for_and_not_there() {
    let manifest = "[executable.app]\nsources = [\"a.c\"]\n[library.w]\nwhen = { os = \"windows\" }\n";
    insta::assert_snapshot!(Space::new(manifest, &["a.c"]).wanting(&["ap", "w", "zzzzzz"]).errors(), @r#"
    ap: the manifest has no such target
         = hint: did you mean `app`?

    w: this target is left out of this build
         = why: it counts only when os = "windows"

    zzzzzz: the manifest has no such target
         = hint: known: `app`
    "#);
    insta::assert_snapshot!(Space::raw("[project]\nname = \"x\"\ndefault = [\"ap\"]\n[executable.app]\n").errors(), @r#"
    rekindle.toml:3:12: the manifest has no target `ap`
       3 | default = ["ap"]
         |            ^^^^
         = hint: did you mean `app`?
    "#);
}

#[test]
fn a_root_is_neither_the_project_nor_the_build_directory() {
    insta::assert_snapshot!(complaints("[roots]\nhere = \".\"\nempty = \"\"\nback = \"src/..\"\n", &["src/a.c"]), @r#"
    rekindle.toml:4:8: the root `here` is the project's own directory
       4 | here = "."
         |        ^^^
         = why: it has a name already, and under two names its files would not be recognised after a move
         = hint: take the root out: results do not depend on where this directory lies

    rekindle.toml:5:9: the root `empty` is the project's own directory
       5 | empty = ""
         |         ^^
         = why: it has a name already, and under two names its files would not be recognised after a move
         = hint: take the root out: results do not depend on where this directory lies

    rekindle.toml:6:8: the root `back` is the project's own directory
       6 | back = "src/.."
         |        ^^^^^^^^
         = why: it has a name already, and under two names its files would not be recognised after a move
         = hint: take the root out: results do not depend on where this directory lies
    "#);
    let space = Space::new("[roots]\nout = \"out\"\n", &["out/a"]);
    let project = load(&space.base, &space.request).unwrap();
    assert_eq!(project.roots_are_not(&space.base.join("out/debug")), Ok(()));
    let refused = project.roots_are_not(&space.base.join("out")).unwrap_err();
    insta::assert_snapshot!(refused.to_string().replace(&*space.base.to_string_lossy(), "[SPACE]"), @r#"
    [SPACE]/rekindle.toml:4:7: the root `out` is the build directory
       4 | out = "out"
         |       ^^^^^
         = why: it has a name already, and under two names its files would not be recognised after a move
         = hint: take the root out: results do not depend on where this directory lies
    "#);
}

#[test]
fn an_archive_that_nothing_or_too_much_says_how_to_make() {
    insta::assert_snapshot!(complaints(
        "[archive.a]\noutputs = [\"x.a\"]\n[archive.b]\ncargo = \"b/Cargo.toml\"\nmake = \"b\"\n\
         [archive.c]\ncommand = []\ninputs = [\"x\"]\noutputs = [\"c.a\"]\n[archive.d]\ncommand = [\"sh\"]\nfeatures = [\"x\"]\n\
         [archive.e]\nmake = \"e\"\nfeatures = [\"x\"]\n[archive.f]\ncargo = \"f\"\ngenerator = \"Ninja\"\nenv-from = [\"A=B\"]\npool = \"p\"\n",
        &[],
    ), @r#"
    rekindle.toml:3:10: nothing says how `a` is made
       3 | [archive.a]
         |          ^
         = why: [archive.NAME] has `cargo`, `make` or `cmake`, or else a `command`
         = hint: `cargo = "DIR/Cargo.toml"`, or `make = "DIR"`, or `cmake = "DIR"`

    rekindle.toml:7:8: [archive.b] has both `cargo` and `make`
       7 | make = "b"
         |        ^^^
         = hint: make two archives of it

    rekindle.toml:9:11: `command` in [archive.c] is empty
       9 | command = []
         |           ^^
         = hint: its first word is the program

    rekindle.toml:12:10: [archive.d] names no file that it makes
      12 | [archive.d]
         |          ^
         = hint: name one: `outputs = ["libNAME.a"]`

    rekindle.toml:12:10: [archive.d] names nothing that it reads
      12 | [archive.d]
         |          ^
         = hint: name the directory of its sources: `inputs = ["DIR"]`

    rekindle.toml:14:12: `features` in [archive.d] counts only with `cargo`
      14 | features = ["x"]
         |            ^^^^^
         = hint: write it as a word of `command`, or take it out

    rekindle.toml:15:10: [archive.e] names no file that it makes
      15 | [archive.e]
         |          ^
         = hint: name one: `outputs = ["libNAME.a"]`

    rekindle.toml:17:12: `features` in [archive.e] counts only with `cargo`
      17 | features = ["x"]
         |            ^^^^^
         = hint: write it as a word of `command`, or take it out

    rekindle.toml:20:13: `generator` in [archive.f] counts only with `cmake`
      20 | generator = "Ninja"
         |             ^^^^^^^
         = hint: write it as a word of `command`, or take it out

    rekindle.toml:21:13: `A=B` cannot be the name of a variable
      21 | env-from = ["A=B"]
         |             ^^^^^

    rekindle.toml:22:8: the manifest has no pool `p`
      22 | pool = "p"
         |        ^^^
         = hint: declare it: `[pool]` and `p = 1`
    "#);
}

#[test]
fn a_key_of_an_archive_that_is_not_known_is_named_with_what_was_meant() {
    insta::assert_snapshot!(complaints(
        "[archive.a]\ncargo = \"a/Cargo.toml\"\nfeature = [\"x\"]\ncargo_profile = \"dev\"\nprofile = { x = 1.5, y = [] }\noutput = \"x.a\"\n",
        &[],
    ), @r#"
    rekindle.toml:5:1: [archive.a] has no key `feature`
       5 | feature = ["x"]
         | ^^^^^^^
         = hint: did you mean `features`?

    rekindle.toml:6:1: [archive.a] has no key `cargo_profile`
       6 | cargo_profile = "dev"
         | ^^^^^^^^^^^^^
         = hint: did you mean `cargo-profile`?

    rekindle.toml:7:17: `x` in `profile` in [archive.a] should be true or false or a whole number or a string, and is a number with a fraction
       7 | profile = { x = 1.5, y = [] }
         |                 ^^^

    rekindle.toml:7:26: `y` in `profile` in [archive.a] should be true or false or a whole number or a string, and is a list
       7 | profile = { x = 1.5, y = [] }
         |                          ^^

    rekindle.toml:8:1: [archive.a] has no key `output`
       8 | output = "x.a"
         | ^^^^^^
         = hint: did you mean `outputs`?
    "#);
}

#[test]
fn the_name_of_an_archive_is_taken_or_cannot_be() {
    insta::assert_snapshot!(complaints(
        "[archive.x]\nmake = \"m\"\noutputs = [\"x.a\"]\n[library.x]\nsources = [\"x.c\"]\n[archive.\"a/b\"]\nmake = \"m\"\noutputs = [\"y.a\"]\n\
         [executable.archive]\nsources = [\"x.c\"]\ndeps = [\"y\"]\n[command.c]\nargv = [\"true\", \"{target:xx}\"]\noutputs = [\"c\"]\n",
        &["x.c", "m/Makefile"],
    ), @r#"
    rekindle.toml:6:10: there are two targets called `x`
       6 | [library.x]
         |          ^
         = why: [archive.x] is on line 3
         = hint: call one of them something else; `output = "x"` keeps the product's name

    rekindle.toml:8:10: `a/b` cannot be a name
       8 | [archive."a/b"]
         |          ^^^^^
         = hint: use letters, digits, `_`, `-`, `.` and `+`, with no dot or dash in front

    rekindle.toml:11:13: a program cannot be called `archive` here
      11 | [executable.archive]
         |             ^^^^^^^
         = why: the copies of what other build tools make are in a directory of that name

    rekindle.toml:13:9: `archive` depends on `y`, and there is no such library or command
      13 | deps = ["y"]
         |         ^^^
         = hint: known: `x`, `c`, `a/b`, `x`

    rekindle.toml:15:17: `c` needs `xx`, and there is no such target
      15 | argv = ["true", "{target:xx}"]
         |                 ^^^^^^^^^^^^^
         = hint: known: `archive`, `x`, `a/b`, `x`
    "#);
}

#[test]
fn what_an_archive_is_made_from_is_not_there() {
    let space = Space::new(
        "[archive.a]\ncargo = \"rt/Cargo.tml\"\n[archive.b]\nmake = \"mk\"\noutputs = [\"mk/b.a\"]\n[archive.c]\ncmake = \"cm\"\noutputs = [\"c.a\"]\n\
         [archive.d]\nmake = \"nowhere\"\noutputs = [\"d.a\"]\n\
         [archive.e]\ncommand = [\"sh\"]\ninputs = [\"nowhere\", \"gone/*.c\", \"rt/[\"]\noutputs = [\"e.a\"]\ninclude = [\"nowhere\"]\n",
        &["rt/Cargo.toml", "mk/README", "cm/README"],
    );
    insta::assert_snapshot!(space.errors(), @r#"
    rekindle.toml:4:9: there is no Cargo.toml at `rt/Cargo.tml`
       4 | cargo = "rt/Cargo.tml"
         |         ^^^^^^^^^^^^^^
         = hint: name the manifest of a package or a workspace: `DIR/Cargo.toml`

    rekindle.toml:6:8: there is no Makefile in `mk`
       6 | make = "mk"
         |        ^^^^
         = hint: name the directory in which `make` is run

    rekindle.toml:9:9: there is no CMakeLists.txt in `cm`
       9 | cmake = "cm"
         |         ^^^^
         = hint: name the directory of the project's own one

    rekindle.toml:12:8: there is no directory `nowhere`
      12 | make = "nowhere"
         |        ^^^^^^^^^
         = hint: make it, or take it out; what a command generates is found without it

    rekindle.toml:16:11: there is no file or directory `nowhere`
      16 | inputs = ["nowhere", "gone/*.c", "rt/["]
         |           ^^^^^^^^^

    rekindle.toml:16:22: there is no directory `gone`
      16 | inputs = ["nowhere", "gone/*.c", "rt/["]
         |                      ^^^^^^^^^^

    rekindle.toml:16:34: this glob cannot be read: unclosed character class; missing ']'
      16 | inputs = ["nowhere", "gone/*.c", "rt/["]
         |                                  ^^^^^^

    rekindle.toml:18:12: there is no directory `nowhere`
      18 | include = ["nowhere"]
         |            ^^^^^^^^^
         = hint: make it, or take it out; what a command generates is found without it
    "#);
}

#[test]
fn a_package_that_is_no_static_library_or_not_there() {
    let space = Space::new(
        "[archive.plain]\ncargo = \"one/Cargo.toml\"\n[archive.none]\ncargo = \"ws/Cargo.toml\"\n[archive.other]\ncargo = \"ws\"\npackage = \"inne\"\n\
         [archive.broken]\ncargo = \"broken/Cargo.toml\"\n",
        &[],
    );
    space.write("one/Cargo.toml", "[package]\nname = \"one\"\n[lib]\ncrate-type = [\"cdylib\"]\n");
    space.write("ws/Cargo.toml", "[workspace]\nmembers = [\"inner\", \"more\"]\n");
    space.write("ws/inner/Cargo.toml", "[package]\nname = \"inner\"\n");
    space.write("ws/more/Cargo.toml", "[package]\nname = \"more\"\n");
    space.write("broken/Cargo.toml", "[package\n");
    insta::assert_snapshot!(space.errors(), @r#"
    rekindle.toml:4:9: the package `one` has no library of the crate type `staticlib`
       4 | cargo = "one/Cargo.toml"
         |         ^^^^^^^^^^^^^^^^
         = hint: write `crate-type = ["staticlib"]` below `[lib]` in its Cargo.toml

    rekindle.toml:6:9: `ws/Cargo.toml` is a workspace without a package of its own
       6 | cargo = "ws/Cargo.toml"
         |         ^^^^^^^^^^^^^^^
         = hint: name one by `package`: `inner`, `more`

    rekindle.toml:9:11: there is no package `inne` in the workspace of `ws`
       9 | package = "inne"
         |           ^^^^^^
         = hint: did you mean `inner`?

    rekindle.toml:11:9: `broken/Cargo.toml` cannot be read: it is not TOML
      11 | cargo = "broken/Cargo.toml"
         |         ^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn outputs_of_archives_that_are_nowhere_or_twice_there() {
    insta::assert_snapshot!(complaints(
        "[archive.a]\nmake = \"m\"\noutputs = [\"../x.a\", \"/x.a\", \"m/\", \"\", \"m/a.a\", \"./m/a.a\", \"m/a.a/b\"]\n\
         [archive.b]\ncmake = \"c\"\noutputs = [\"../x.a\"]\ndepfiles = [\"/x.d\"]\n[archive.c]\ncmake = \"c\"\noutputs = [\"c.a\"]\ndepfiles = [\"/x.d\"]\n",
        &["m/Makefile", "c/CMakeLists.txt"],
    ), @r#"
    rekindle.toml:5:12: `../x.a` is outside the project
       5 | outputs = ["../x.a", "/x.a", "m/", "", "m/a.a", "./m/a.a", "m/a.a/b"]
         |            ^^^^^^^^
         = hint: write a relative name without `..`

    rekindle.toml:5:22: `/x.a` is outside the project
       5 | outputs = ["../x.a", "/x.a", "m/", "", "m/a.a", "./m/a.a", "m/a.a/b"]
         |                      ^^^^^^
         = hint: write a relative name without `..`

    rekindle.toml:5:30: `m/` is no file's name
       5 | outputs = ["../x.a", "/x.a", "m/", "", "m/a.a", "./m/a.a", "m/a.a/b"]
         |                              ^^^^
         = hint: name every file that others use

    rekindle.toml:5:36: `` is no file's name
       5 | outputs = ["../x.a", "/x.a", "m/", "", "m/a.a", "./m/a.a", "m/a.a/b"]
         |                                    ^^
         = hint: name every file that others use

    rekindle.toml:5:49: `./m/a.a` is named twice in `outputs`
       5 | outputs = ["../x.a", "/x.a", "m/", "", "m/a.a", "./m/a.a", "m/a.a/b"]
         |                                                 ^^^^^^^^^

    rekindle.toml:5:60: `m/a.a/b` and `m/a.a` cannot both be files
       5 | outputs = ["../x.a", "/x.a", "m/", "", "m/a.a", "./m/a.a", "m/a.a/b"]
         |                                                            ^^^^^^^^^

    rekindle.toml:8:12: `../x.a` is outside the build tree
       8 | outputs = ["../x.a"]
         |            ^^^^^^^^
         = hint: write a relative name without `..`

    rekindle.toml:13:13: `/x.d` is outside the build tree
      13 | depfiles = ["/x.d"]
         |             ^^^^^^
         = hint: write a relative name without `..`
    "#);
}

#[test]
fn what_one_archive_makes_is_made_or_watched_by_another() {
    insta::assert_snapshot!(complaints(
        "[archive.a]\nmake = \"m\"\noutputs = [\"m/a.a\", \"m/fine.a\"]\n[archive.b]\nmake = \"m\"\noutputs = [\"m/a.a\"]\nexclude = [\"fine.a\"]\n\
         [archive.c]\ncommand = [\"sh\"]\ninputs = [\"m/sub\", \"m/*.c\"]\noutputs = [\"m/fine/c.a\"]\n",
        &["m/Makefile", "m/sub/x", "m/x.c"],
    ), @r#"
    rekindle.toml:8:12: `m/a.a` is made by both `a` and `b`
       8 | outputs = ["m/a.a"]
         |            ^^^^^^^

    rekindle.toml:13:12: `m/fine/c.a` is made by `c`, and `a` watches it
      13 | outputs = ["m/fine/c.a"]
         |            ^^^^^^^^^^^^
         = why: it would be made again whenever the other one was
         = hint: add it to `exclude` of [archive.a]: "c.a"

    rekindle.toml:13:12: `m/fine/c.a` is made by `c`, and `b` watches it
      13 | outputs = ["m/fine/c.a"]
         |            ^^^^^^^^^^^^
         = why: it would be made again whenever the other one was
         = hint: add it to `exclude` of [archive.b]: "c.a"
    "#);
}

#[test]
fn who_depends_on_an_archive_that_is_left_out_or_not_there() {
    insta::assert_snapshot!(complaints(
        "[archive.zlib]\nmake = \"m\"\noutputs = [\"m/z.a\"]\nwhen = { os = \"windows\" }\n[archive.png]\nmake = \"m\"\noutputs = [\"m/p.a\"]\n\
         [executable.app]\nsources = [\"x.c\"]\ndeps = [\"zlib\", \"pgn\"]\n",
        &["m/Makefile", "x.c"],
    ), @r#"
    rekindle.toml:12:9: `zlib` is left out of this build
      12 | deps = ["zlib", "pgn"]
         |         ^^^^^^
         = why: it counts only when os = "windows"
         = hint: name it in an `also` with the same `when`

    rekindle.toml:12:17: `app` depends on `pgn`, and there is no such library or command
      12 | deps = ["zlib", "pgn"]
         |                 ^^^^^
         = hint: did you mean `png`?
    "#);
}

#[test]
fn all_of_an_archive_is_linked_by_who_depends_on_it() {
    insta::assert_snapshot!(complaints(
        "[archive.png]\nmake = \"m\"\noutputs = [\"m/p.a\"]\n[executable.more]\nsources = [\"x.c\"]\nwhole-archive = [\"png\"]\n",
        &["m/Makefile", "x.c"],
    ), @r#"
    rekindle.toml:8:18: `more` does not depend on `png`
       8 | whole-archive = ["png"]
         |                  ^^^^^
    "#);
}

#[test]
fn a_glob_of_an_archive_that_is_none() {
    insta::assert_snapshot!(complaints(
        "[archive.a]\nmake = \"m\"\noutputs = [\"m/a.a\"]\nexclude = [\"m/[\"]\n",
        &["m/Makefile"],
    ), @r#"
    rekindle.toml:6:12: cannot look through what `a` reads: `m/[` is no pattern: unclosed character class; missing ']'
       6 | exclude = ["m/["]
         |            ^^^^^
    "#);
}
