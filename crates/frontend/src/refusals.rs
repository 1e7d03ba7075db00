//! Every refusal, as a person reads it.

use crate::load::{Request, load};
use crate::testing::Space;

/// The complaints about a manifest with `[project]` added, over these files.
fn complaints(manifest: &str, files: &[&str]) -> String {
    Space::new(manifest, files).errors()
}

#[test]
fn a_key_or_table_that_is_not_known_is_named_with_what_was_meant() {
    insta::assert_snapshot!(complaints(
        "[library.util]\nsorces = [\"a.c\"]\ncxx_std = \"c++17\"\nfrobnicate = 1\n[libary.x]\n[executable.e]\nversion = \"1\"",
        &[],
    ), @"");
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
    ), @"");
}

#[test]
fn several_independent_errors_come_in_one_go() {
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"nowhere.c\", \"src/*.c\"]\ndeps = [\"utl\"]\ntoolchain = \"arm\"\n[library.util]\nsources = []\npool = \"x\"\n",
        &["main.c"],
    ), @"");
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"nowhere.c\", \"src/*.c\", \"mian.c\"]\ninclude = [\"inc\"]\n",
        &["main.c", "include/a.h"],
    ), @"");
}

#[test]
fn text_that_is_not_toml_is_shown_where_it_stops() {
    insta::assert_snapshot!(Space::raw("[project]\nname = \"x\"\n[executable.a\nsources = [\"a.c\"\n").errors(), @"");
    insta::assert_snapshot!(Space::raw("[project]\nname = \"x\"\nname = \"y\"\n").errors(), @"");
    insta::assert_snapshot!(Space::raw("").errors(), @"");
    insta::assert_snapshot!(Space::raw("[project]\nversion = \"1\"").errors(), @"");
}

#[test]
fn a_manifest_that_is_not_utf8_is_shown_where_it_stops_to_be() {
    let space = Space::raw("");
    std::fs::write(space.base.join("rekindle.toml"), b"[project]\nname = \"caf\xe9\"\n").unwrap();
    insta::assert_snapshot!(space.errors(), @"");
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
    insta::assert_snapshot!(say(&space.base), @"");
    insta::assert_snapshot!(say(&manifest), @"");
    std::fs::create_dir_all(&manifest).unwrap();
    insta::assert_snapshot!(say(&space.base), @"");
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
    ), @"");
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
    ), @"");
}

#[test]
fn globs_that_match_nothing_or_cannot_be_read() {
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"src/*.cc\", \"src/[a.c\", \"*/../x.c\"]\noverrides = [{ files = [\"x*.c\"], cflags = [\"-O3\"] }]\n",
        &["src/a.c"],
    ), @"");
}

#[test]
fn languages_that_are_not_built_are_refused() {
    insta::assert_snapshot!(complaints(
        "[executable.a]\nsources = [\"src/*\", \"m.ixx\"]\ncxxflags = [\"-fmodules-ts\"]\n",
        &["src/a.m", "src/b.mm", "src/c.cppm", "src/d.txt", "src/e.h", "src/f.c", "m.ixx"],
    ), @"");
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
    ), @"");
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
    ), @"");
}

#[test]
fn things_that_two_write() {
    insta::assert_snapshot!(complaints(
        r#"
[command.one]
argv = ["x"]
outputs = ["v.h", "v.h"]
[command.two]
argv = ["y"]
outputs = ["./v.h"]
[executable.a]
sources = ["a.c"]
[executable.b]
sources = ["a.c"]
output = "a"
"#,
        &["a.c"],
    ), @"");
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
    ), @"");
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
    ), @"");
}

#[test]
fn profiles_that_are_not_there_or_go_round() {
    let mut space = Space::new("[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\"\n[profile.fast]\n", &[]);
    space.request.profile = "fsat".into();
    insta::assert_snapshot!(space.errors(), @"");
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
    insta::assert_snapshot!(Space::new(manifest, &[]).with(&set).errors(), @"");
    insta::assert_snapshot!(Space::new("", &[]).with(&["X=1"]).errors(), @"");
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
    ), @"");
}

#[test]
fn commands_that_make_no_sense() {
    insta::assert_snapshot!(complaints(
        r#"
[command.none]
outputs = ["n"]
[command.both]
argv = ["a"]
shell = "b"
outputs = ["b"]
[command.empty]
argv = []
outputs = []
"#,
        &[],
    ), @"");
    insta::assert_snapshot!(complaints(
        r#"
[command.outside]
argv = ["a"]
outputs = ["../x", "/etc/x", "d/"]
[command.words]
argv = ["a", "--in={in}", "{out:3}", "{depfile}", "{target:headers}"]
inputs = ["a.c", "b.c"]
outputs = ["w"]
env = { "A=B" = "x" }
[command.dep]
argv = ["a"]
outputs = ["dep"]
depfile = "../x.d"
[library.headers]
"#,
        &["a.c", "b.c"],
    ), @"");
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
    ).replace("\n[library.versioned]", ""), @"");
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
    ), @"");
}

#[test]
fn targets_that_are_asked_for_and_not_there() {
    let manifest = "[executable.app]\nsources = [\"a.c\"]\n[library.w]\nwhen = { os = \"windows\" }\n";
    insta::assert_snapshot!(Space::new(manifest, &["a.c"]).wanting(&["ap", "w", "zzzzzz"]).errors(), @"");
    insta::assert_snapshot!(Space::raw("[project]\nname = \"x\"\ndefault = [\"ap\"]\n[executable.app]\n").errors(), @"");
}
