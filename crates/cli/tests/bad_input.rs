//! What a person, another program or a broken disk can hand in: each is refused with words that help, or mended.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rekindle_testkit::{Built, Space, Tmpfs, Tree, copy_tree, is_root, require_root};

fn space() -> Space {
    Space::new(env!("CARGO_BIN_EXE_rekindle"))
}

/// A project that is fine.
fn good() -> Space {
    let space = space();
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\n");
    space.write("main.c", "#include \"main.h\"\nint main(void) { return ANSWER; }\n");
    space.write("main.h", "#define ANSWER 0\n");
    space
}

/// What is said of a manifest (behind `[project]`), which is refused; `main.c` and `other.c` lie beside it.
#[track_caller]
fn refused(manifest: &str) -> String {
    let space = space();
    space.write("main.c", "int main(void) { return 0; }\n");
    space.write("other.c", "int other;\n");
    space.write("rekindle.toml", format!("[project]\nname = \"p\"\n\n{manifest}\n"));
    let built = space.run(&["build"]).done();
    refusal(&space, &built)
}

#[track_caller]
fn refusal(space: &Space, built: &Built) -> String {
    built.exits(2);
    space.redact(&built.stderr)
}

#[test]
fn unknown_key() {
    insta::assert_snapshot!(refused("[executable.app]\nsuorces = [\"main.c\"]"), @r#"
    rekindle.toml:5:1: [executable.app] has no key `suorces`
       5 | suorces = ["main.c"]
         | ^^^^^^^
         = hint: did you mean `sources`?
    "#);
}

#[test]
fn unknown_table() {
    insta::assert_snapshot!(refused("[executables.app]\nsources = [\"main.c\"]"), @"
    rekindle.toml:4:2: the manifest has no table `executables`
       4 | [executables.app]
         |  ^^^^^^^^^^^
         = hint: did you mean `executable`?
    ");
}

#[test]
fn key_of_the_wrong_type() {
    insta::assert_snapshot!(refused("[executable.app]\nsources = \"main.c\""), @r#"
    rekindle.toml:5:11: `sources` in [executable.app] is a list of strings, and this is a string
       5 | sources = "main.c"
         |           ^^^^^^^^
         = hint: write `sources = ["main.c"]`
    "#);
}

#[test]
fn value_that_is_none_of_the_choices() {
    insta::assert_snapshot!(refused("[library.x]\ntype = \"sharde\"\nsources = [\"main.c\"]"), @r#"
    rekindle.toml:5:8: `type` in [library.x] cannot be "sharde"
       5 | type = "sharde"
         |        ^^^^^^^^
         = hint: did you mean "shared"?
    "#);
}

#[test]
fn no_toml() {
    insta::assert_snapshot!(refused("[executable.app\nsources = 1"), @"
    rekindle.toml:4:16: this is not TOML: unclosed table, expected `]`
       4 | [executable.app
         |                ^
    ");
}

#[test]
fn key_twice() {
    insta::assert_snapshot!(refused("[executable.app]\nsources = [\"main.c\"]\nsources = [\"other.c\"]"), @r#"
    rekindle.toml:6:1: this name was given before
       6 | sources = ["other.c"]
         | ^^^^^^^
         = why: the first one is on line 5, column 1
    "#);
}

#[test]
fn missing_source() {
    insta::assert_snapshot!(refused("[executable.app]\nsources = [\"mian.c\"]"), @r#"
    rekindle.toml:5:12: there is no file `mian.c`
       5 | sources = ["mian.c"]
         |            ^^^^^^^^
         = hint: did you mean `main.c`?
    "#);
}

#[test]
fn glob_that_matches_nothing() {
    insta::assert_snapshot!(refused("[executable.app]\nsources = [\"main.c\", \"lib/**/*.c\"]"), @r#"
    rekindle.toml:5:22: no file matches this glob
       5 | sources = ["main.c", "lib/**/*.c"]
         |                      ^^^^^^^^^^^^
    "#);
}

#[test]
fn glob_that_is_none() {
    insta::assert_snapshot!(refused("[executable.app]\nsources = [\"src/[a.c\"]"), @r#"
    rekindle.toml:5:12: this glob cannot be read: unclosed character class; missing ']'
       5 | sources = ["src/[a.c"]
         |            ^^^^^^^^^^
    "#);
}

#[test]
fn missing_include_directory() {
    insta::assert_snapshot!(refused("[executable.app]\nsources = [\"main.c\"]\ninclude = [\"inculde\"]"), @r#"
    rekindle.toml:6:12: there is no directory `inculde`
       6 | include = ["inculde"]
         |            ^^^^^^^^^
         = hint: make it, or take it out; what a command generates is found without it
    "#);
}

#[test]
fn no_sources() {
    insta::assert_snapshot!(refused("[executable.app]\n"), @r#"
    rekindle.toml:4:13: `app` has nothing to link
       4 | [executable.app]
         |             ^^^
         = hint: name its sources: `sources = ["src/*.c"]`
    "#);
}

#[test]
fn unknown_dependency() {
    let manifest = "[library.util]\nsources = [\"other.c\"]\n[executable.app]\nsources = [\"main.c\"]\ndeps = [\"utli\"]";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:8:9: `app` depends on `utli`, and there is no such library or command
       8 | deps = ["utli"]
         |         ^^^^^^
         = hint: did you mean `util`?
    "#);
}

#[test]
fn dependency_on_a_program() {
    let manifest = "[executable.one]\nsources = [\"main.c\"]\n[executable.two]\nsources = [\"main.c\"]\ndeps = [\"one\"]";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:8:9: `two` depends on `one`, and there is no such library or command
       8 | deps = ["one"]
         |         ^^^^^
         = why: a program cannot be linked
         = hint: a [command.NAME] can run it: `{target:NAME}` in its `argv`
    "#);
}

#[test]
fn libraries_that_need_each_other() {
    let manifest = "[library.a]\nsources = [\"other.c\"]\ndeps = [\"b\"]\n[library.b]\nsources = [\"other.c\"]\n\
                    deps = [\"c\"]\n[library.c]\nsources = [\"other.c\"]\ndeps = [\"a\"]\n";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:12:9: `a` needs itself: a → b → c → a
      12 | deps = ["a"]
         |         ^^^
    "#);
}

#[test]
fn commands_that_need_each_other() {
    let manifest = "[command.a]\nargv = [\"cp\", \"{in}\", \"{out}\"]\ninputs = [\"command:b\"]\noutputs = [\"a\"]\n\
                    [command.b]\nargv = [\"cp\", \"{in}\", \"{out}\"]\ninputs = [\"command:a\"]\noutputs = [\"b\"]\n";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:10:11: `a` needs itself: a → b → a
      10 | inputs = ["command:a"]
         |           ^^^^^^^^^^^
    "#);
}

#[test]
fn command_that_reads_what_it_writes() {
    let manifest =
        "[command.a]\nargv = [\"cp\", \"{in}\", \"{out}\"]\ninputs = [\"command:a\"]\noutputs = [\"a\"]\n";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:6:11: `a` needs itself: a → a
       6 | inputs = ["command:a"]
         |           ^^^^^^^^^^^
    "#);
}

#[test]
fn two_commands_with_one_output() {
    let manifest = "[command.a]\nargv = [\"touch\", \"{out}\"]\noutputs = [\"x.c\"]\n\
                    [command.b]\nargv = [\"touch\", \"{out}\"]\noutputs = [\"x.c\"]\n";
    insta::assert_snapshot!(refused(manifest), @"
    rekindle.toml:7:10: `build:gen/x.c` is written by both `a` and `b`
       7 | [command.b]
         |          ^
         = why: `a` is on line 4
    ");
}

#[test]
fn two_targets_with_one_name() {
    let manifest = "[executable.a]\nsources = [\"main.c\"]\n[library.a]\nsources = [\"other.c\"]\n";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:6:10: there are two targets called `a`
       6 | [library.a]
         |          ^
         = why: [executable.a] is on line 4
         = hint: call one of them something else; `output = "a"` keeps the product's name
    "#);
}

#[test]
fn two_programs_with_one_product() {
    let manifest =
        "[executable.a]\nsources = [\"main.c\"]\n[executable.b]\nsources = [\"main.c\"]\noutput = \"a\"\n";
    insta::assert_snapshot!(refused(manifest), @"
    rekindle.toml:6:13: `build:a` is written by both `a` and `b`
       6 | [executable.b]
         |             ^
         = why: `a` is on line 4
    ");
}

#[test]
fn output_outside_the_build_directory() {
    let manifest = "[command.a]\nargv = [\"touch\", \"{out}\"]\noutputs = [\"../../../x.c\"]\n";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:6:12: `../../../x.c` is outside the directory of generated files
       6 | outputs = ["../../../x.c"]
         |            ^^^^^^^^^^^^^^
         = why: commands write below `gen` in the build directory, never among the sources
         = hint: write a relative name without `..`
    "#);
}

#[test]
fn cxx_modules() {
    let space = space();
    space.write("m.cppm", "export module m;\n");
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"m.cppm\"]\n");
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @r#"
    rekindle.toml:4:12: `m.cppm`: C++20 modules are not supported
       4 | sources = ["m.cppm"]
         |            ^^^^^^^^
         = hint: make a header and a source of it
    "#);
}

#[test]
fn objective_c() {
    let space = space();
    space.write("m.m", "@interface A\n@end\n");
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"m.m\"]\n");
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @r#"
    rekindle.toml:4:12: `m.m`: Objective-C is not supported
       4 | sources = ["m.m"]
         |            ^^^^^
         = hint: compile it by a [command.NAME] whose output is an object, and have `command:NAME` among the `sources`
    "#);
}

#[test]
fn source_of_no_known_language() {
    let space = space();
    space.write("x.f90", "end\n");
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"x.f90\"]\n");
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @r#"
    rekindle.toml:4:12: `x.f90` is no source that this can compile
       4 | sources = ["x.f90"]
         |            ^^^^^^^
         = why: the name's ending says the language: `.c` is C; `.cc`, `.cpp`, `.cxx`, `.c++`, `.cp`, `.C`, `.CPP` are C++; `.S`, `.sx`, `.s` are assembler
    "#);
}

#[test]
fn unknown_profile_to_inherit_from() {
    insta::assert_snapshot!(refused("[profile.fast]\ninherits = \"relaese\""), @r#"
    rekindle.toml:5:12: the manifest has no profile `relaese`
       5 | inherits = "relaese"
         |            ^^^^^^^^^
         = hint: did you mean `release`?
    "#);
}

#[test]
fn profiles_that_inherit_from_each_other() {
    insta::assert_snapshot!(refused("[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\""), @r#"
    rekindle.toml:5:12: profile `a` inherits from itself: a → b → a
       5 | inherits = "b"
         |            ^^^
         = hint: let one of them inherit from `debug` or `release`
    "#);
}

#[test]
fn unknown_toolchain() {
    let manifest =
        "[toolchain.arm]\ncc = \"gcc\"\n[executable.app]\nsources = [\"main.c\"]\ntoolchain = \"amr\"";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:8:13: the manifest has no toolchain `amr`
       8 | toolchain = "amr"
         |             ^^^^^
         = hint: did you mean `arm`?
    "#);
}

/// A text with the names of gcc and ls taken out, which machines differ in.
fn without_compilers(text: &str) -> String {
    let ends = |c: char| " `\n:".contains(c);
    let words = text.split_inclusive(ends).map(|word| {
        let name = word.trim_end_matches(ends);
        match name.contains("-gcc") || name.ends_with("/gcc") || name.ends_with("/ls") {
            true => format!("[PROGRAM]{}", &word[name.len()..]),
            false => word.to_string(),
        }
    });
    words.collect()
}

#[test]
fn toolchain_that_does_not_fit() {
    let target = "[executable.app]\ntoolchain = \"x\"\nsources = [\"main.c\"]\n[toolchain.x]\n";
    let with = |keys: &str| without_compilers(&refused(&format!("{target}{keys}")));
    insta::assert_snapshot!(with("cc = \"gcc | tee\""), @r#"
    rekindle.toml:8:6: toolchain `x`: `gcc | tee` is no command line
       8 | cc = "gcc | tee"
         |      ^^^^^^^^^^^
         = hint: give a program and its arguments, with spaces between them
    "#);
    insta::assert_snapshot!(with("cc = \"ls\""), @r#"
    rekindle.toml:8:6: toolchain `x`: [PROGRAM] is neither gcc nor clang
       8 | cc = "ls"
         |      ^^^^
         = why: asked for its version, it said: [PROGRAM]: invalid option -- '-'
         = hint: name a gcc or clang as `cc` of the toolchain, or in CC
    "#);
    insta::assert_snapshot!(with("cc = \"gcc\"\ntarget = \"riscv64-unknown-elf\""), @r#"
    rekindle.toml:9:10: toolchain `x`: [PROGRAM] makes code for x86_64-linux-gnu, not for riscv64-unknown-elf
       9 | target = "riscv64-unknown-elf"
         |          ^^^^^^^^^^^^^^^^^^^^^
         = hint: name a compiler for riscv64-unknown-elf as `cc` of the toolchain
    "#);
}

#[test]
fn flags_that_cannot_be_used_are_shown_where_they_stand() {
    let target = "[executable.app]\ntoolchain = \"x\"\nsources = [\"main.c\"]\n";
    let with = |of_target: &str, of_toolchain: &str| {
        let said = refused(&format!("{target}{of_target}\n[toolchain.x]\ncc = \"gcc\"\n{of_toolchain}"));
        without_compilers(&said)
    };
    insta::assert_snapshot!(with("", "flags = [\"-O2\", \"-mabi=nonsense\"]"), @r#"
    rekindle.toml:10:17: toolchain `x`: `[PROGRAM] -mabi=nonsense -E -v -x c /dev/null` failed (exit code 1)
      10 | flags = ["-O2", "-mabi=nonsense"]
         |                 ^^^^^^^^^^^^^^^^
         = why: it said: [PROGRAM]: error: unrecognized argument in option '-mabi=nonsense'
    "#);
    insta::assert_snapshot!(with("", "cflags = [\"-O2\", \"-mabi=nonsense\"]"), @r#"
    rekindle.toml:10:18: `app` cannot be built with `x`: toolchain `x`: `[PROGRAM] -mabi=nonsense -E -v -x c /dev/null` failed (exit code 1)
      10 | cflags = ["-O2", "-mabi=nonsense"]
         |                  ^^^^^^^^^^^^^^^^
         = why: it said: [PROGRAM]: error: unrecognized argument in option '-mabi=nonsense'
    "#);
    insta::assert_snapshot!(with("cflags = [\"-O2\", \"-o\", \"x\"]", ""), @r#"
    rekindle.toml:7:18: `app` cannot be built with `x`: the flag `-o` cannot be used: rekindle names the product
       7 | cflags = ["-O2", "-o", "x"]
         |                  ^^^^
    "#);
    insta::assert_snapshot!(with("ldflags = [\"-s\", \"-Wl,-o,x\"]", ""), @r#"
    rekindle.toml:7:18: `app` cannot be built with `x`: the flag `-o` cannot be used: rekindle names the product
       7 | ldflags = ["-s", "-Wl,-o,x"]
         |                  ^^^^^^^^^^
    "#);
    insta::assert_snapshot!(with("defines = [\"A\", \"HAS=__has_include\"]", ""), @r#"
    rekindle.toml:7:17: `app` cannot be built with `x`: the define `HAS=__has_include` asks which files there are
       7 | defines = ["A", "HAS=__has_include"]
         |                 ^^^^^^^^^^^^^^^^^^^
         = hint: write `#define` into a header instead, and include that
    "#);
}

#[test]
fn compiler_that_is_not_there() {
    let manifest = "[toolchain.host]\ncc = \"no-such-gcc\"\n[executable.app]\nsources = [\"main.c\"]";
    insta::assert_snapshot!(refused(manifest), @r#"
    rekindle.toml:5:6: toolchain `host`: no C compiler was found
       5 | cc = "no-such-gcc"
         |      ^^^^^^^^^^^^^
         = why: searched for no-such-gcc in /usr/local/bin:/usr/bin:/bin
         = hint: name a compiler that is installed, or give its path
    "#);
}

#[test]
fn package_that_is_not_there() {
    let said = refused("[executable.app]\nsources = [\"main.c\"]\npkg-config = [\"no-such-package\"]");
    let lines = said.lines().map(|line| match line.split_once("searched in ") {
        Some((before, _)) => format!("{before}searched in [DIRECTORIES]\n"),
        None => format!("{line}\n"),
    });
    insta::assert_snapshot!(lines.collect::<String>(), @r#"
    rekindle.toml:6:15: there is no package `no-such-package`
       6 | pkg-config = ["no-such-package"]
         |               ^^^^^^^^^^^^^^^^^
         = why: searched in [DIRECTORIES]
         = hint: PKG_CONFIG_PATH names directories that are searched first
    "#);
}

#[test]
fn no_project_table() {
    let space = space();
    space.write("rekindle.toml", "[executable.app]\nsources = []\n");
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @r#"
    rekindle.toml:1:1: the manifest has no [project] table
       1 | [executable.app]
         | ^
         = hint: begin it with `[project]` and `name = "..."`
    "#);
}

#[test]
fn no_manifest() {
    let space = space();
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @"
    ./rekindle.toml: there is no manifest here, nor in a directory above
         = hint: `rekindle init` writes one for the sources that lie here; `-C DIR` looks in DIR
    ");
}

#[test]
fn manifest_that_is_a_directory() {
    let space = space();
    space.mkdir("rekindle.toml");
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @"rekindle.toml: this is a directory, and should be the manifest");
}

#[test]
fn manifest_that_is_no_text() {
    let space = space();
    space.write("rekindle.toml", b"[project]\nname = \"\xff\"\n");
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @r#"
    rekindle.toml:2:9: a manifest is UTF-8 text, and this byte is not
       2 | name = "�"
         |         ^
         = hint: write file names that are not UTF-8 with a glob: `src/caf?.c`
    "#);
}

#[test]
fn words_on_the_command_line() {
    let space = good();
    let rows: [&[&str]; 10] = [
        &["build", "ap"],
        &["build", "--profile", "relase"],
        &["build", "-D", "colour=red"],
        &["build", "-D", "colour"],
        &["build", "-j", "0"],
        &["build", "--format", "xml"],
        &["run", "nothing"],
        &["test", "--filter", "("],
        &["-C", "nowhere", "build"],
        &["buidl"],
    ];
    let said: Vec<String> = rows
        .iter()
        .map(|args| format!("$ rekindle {}\n{}", args.join(" "), refusal(&space, &space.run(args).done())))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @"
    $ rekindle build ap
    ap: the manifest has no such target
         = hint: did you mean `app`?

    $ rekindle build --profile relase
    --profile relase: the manifest has no profile `relase`
         = hint: did you mean `release`?

    $ rekindle build -D colour=red
    -D colour=red: the manifest has no option `colour`
         = hint: options are declared by `[option.NAME]`; a macro is defined by `defines`

    $ rekindle build -D colour
    -D colour: the manifest has no option `colour`
         = hint: options are declared by `[option.NAME]`; a macro is defined by `defines`

    $ rekindle build -j 0
    error: invalid value '0' for '--jobs <N>': it should be a whole number from 1 on

    For more information, try '--help'.

    $ rekindle build --format xml
    error: invalid value 'xml' for '--format <FORMAT>'
      [possible values: auto, plain, fancy, json]

    For more information, try '--help'.

    $ rekindle run nothing
    nothing: the manifest has no such target
         = hint: known: `app`

    $ rekindle test --filter (
    rekindle: `--filter (` is no regular expression: found open group without closing ')'
      hint: a part of a name is one; `.` stands for any character, `^` and `$` for the ends

    $ rekindle -C nowhere build
    rekindle: cannot look for a project in `[SPACE]/project/nowhere`: there is no such directory

    $ rekindle buidl
    error: unrecognized subcommand 'buidl'

      tip: a similar subcommand exists: 'build'

    Usage: rekindle [OPTIONS] [COMMAND]

    For more information, try '--help'.
    ");
}

#[test]
fn unreadable_source() {
    let mut space = good();
    fs::set_permissions(space.path("main.c"), fs::Permissions::from_mode(0o000)).unwrap();
    let built = if is_root() {
        space.give_to_nobody();
        space.run(&["build"]).as_nobody().done()
    } else {
        space.run(&["build"]).done()
    };
    insta::assert_snapshot!(refusal(&space, &built), @"
    [1/2] FAILED compile main.c: it needs `main.c`, which cannot be read: permission denied
    rekindle: 1 of 2 actions failed; 1 not reached ([TIME])
    ");
}

#[test]
fn unreadable_manifest() {
    let mut space = good();
    fs::set_permissions(space.path("rekindle.toml"), fs::Permissions::from_mode(0o000)).unwrap();
    let built = if is_root() {
        space.give_to_nobody();
        space.run(&["build"]).as_nobody().done()
    } else {
        space.run(&["build"]).done()
    };
    insta::assert_snapshot!(refusal(&space, &built), @"rekindle.toml: cannot read this: permission denied");
}

#[test]
fn unreadable_header_is_the_compilers_to_tell() {
    let mut space = good();
    fs::set_permissions(space.path("main.h"), fs::Permissions::from_mode(0o000)).unwrap();
    let built = if is_root() {
        space.give_to_nobody();
        space.run(&["build"]).as_nobody().done()
    } else {
        space.run(&["build"]).done()
    };
    built.exits(1).says("main.h");
    fs::set_permissions(space.path("main.h"), fs::Permissions::from_mode(0o644)).unwrap();
    let built =
        if is_root() { space.run(&["build"]).as_nobody().done() } else { space.run(&["build"]).done() };
    built.ok();
}

#[test]
fn project_that_may_not_be_written() {
    let mut space = good();
    if is_root() {
        space.give_to_nobody();
    }
    fs::set_permissions(space.root(), fs::Permissions::from_mode(0o555)).unwrap();
    let built =
        if is_root() { space.run(&["build"]).as_nobody().done() } else { space.run(&["build"]).done() };
    fs::set_permissions(space.root(), fs::Permissions::from_mode(0o755)).unwrap();
    built.exits(3);
    insta::assert_snapshot!(space.redact(&built.stderr), @"
    rekindle: cannot create `[SPACE]/project/.rekindle/build/debug`: permission denied
      hint: `--build-dir DIR` builds in another directory
    ");
}

#[test]
fn an_ordinary_user_builds() {
    let mut space = good();
    if is_root() {
        space.give_to_nobody();
        space.run(&["build"]).as_nobody().done().ok();
        let built = space.run(&["build", "--format", "json"]).as_nobody().done();
        built.ok().assert_work("-");
    }
}

#[test]
fn names_that_are_no_utf8_build_and_count() {
    let space = space();
    let name = |bytes: &[u8]| OsStr::from_bytes(bytes).to_os_string();
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"src/*.c\"]\n");
    space.write(name(b"src/caf\xe9.c"), b"#include \"th\xe9.h\"\nint main(void) { return TEA; }\n");
    space.write(name(b"src/th\xe9.h"), "#define TEA 0\n");
    space.build(&[]).ok().assert_kinds("1c 1l", "-");
    space.build(&[]).ok().assert_work("-");
    space.write(name(b"src/th\xe9.h"), "#define TEA 1\n");
    space.build(&[]).ok().assert_work("1c 1l");
    space.write(name(b"src/th\xe9.h"), b"#error caf\xe9\n");
    let failed = space.build(&[]);
    failed.exits(1).says("#error caf");
}

#[test]
fn a_project_below_a_name_that_is_no_utf8() {
    let space = space();
    let dir = space.path(OsStr::from_bytes(b"d\xe9pot"));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("rekindle.toml"), "[project]\nname = \"p\"\n[executable.app]\nsources = [\"a.c\"]\n")
        .unwrap();
    fs::write(dir.join("a.c"), "int main(void) { return 0; }\n").unwrap();
    space.run(&["build", "-C"]).arg(&dir).done().ok();
    space.run(&["build", "--format", "json", "-C"]).arg(&dir).done().ok().assert_work("-");
}

#[test]
fn names_with_blanks_quotes_and_signs() {
    let space = space();
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"src/*.c\"]\n");
    let names =
        ["a b", "c#d", "e$f", "g'h", "i\"j", "k\\l", "m:n", "o%p", "q;r", "-s", "t\tu", "@v", "(w)", "x&y"];
    for (number, name) in names.iter().enumerate() {
        space.write(format!("src/{name}.h"), format!("#define N {number}\n"));
        // gcc takes the text between the first and the last quote only where there is no quote in it.
        let include = if name.contains('"') { format!("<{name}.h>") } else { format!("\"{name}.h\"") };
        space.write(
            format!("src/{name}.c"),
            format!("#include {include}\nint f{number}(void) {{ return N; }}\n"),
        );
    }
    space.edit("rekindle.toml", "sources", "cflags = [\"-Isrc\"]\nsources");
    space.write("src/main.c", "int f0(void);\nint main(void) { return f0(); }\n");
    space.build(&[]).ok();
    space.build(&[]).ok().assert_work("-");
    for name in names {
        space.write(format!("src/{name}.h"), "#define N 99\n");
        let built = space.build(&[]);
        built.ok();
        assert_eq!(format!("{:?}", built.summary().ran), "1c 1l", "{name}: {}", built.story());
    }
    space.assert_like_clean(&[]);
}

#[test]
fn a_directory_where_a_source_should_be() {
    let space = good();
    space.remove("main.c");
    space.mkdir("main.c");
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @r#"
    rekindle.toml:4:12: `main.c` is a directory, and should be a source
       4 | sources = ["main.c"]
         |            ^^^^^^^^
         = hint: write `main.c/**` for the files in it
    "#);
}

#[test]
fn a_directory_where_an_output_should_be() {
    let space = good();
    space.build(&[]).ok();
    let app = space.output("app");
    space.remove(&app);
    space.mkdir(app.join("inner"));
    insta::assert_snapshot!(refusal(&space, &space.run(&["build"]).done()), @"
    [1/2] FAILED link app: it cannot write `build:app`: what lies there cannot be replaced: is a directory
    rekindle: 1 of 2 actions failed; 1 fresh ([TIME])
    ");
    space.remove(&app);
    space.build(&[]).ok().assert_work("1l");
}

#[test]
fn a_file_where_the_build_directory_should_be() {
    let space = good();
    space.write(".rekindle", "");
    let failed = space.run(&["build"]).done();
    failed.exits(3);
    insta::assert_snapshot!(space.redact(&failed.stderr), @"
    rekindle: cannot create `[SPACE]/project/.rekindle/build/debug`: not a directory
      hint: move `[SPACE]/project/.rekindle` away, which is no directory, or build elsewhere with `--build-dir DIR`
    ");
}

#[test]
fn a_full_disk() {
    if !require_root() {
        return;
    }
    let space = good();
    let mut text = String::from("int main(void) { return 0; }\n");
    for number in 0..2000 {
        text.push_str(&format!("int f{number}(int a) {{ return a * {number}; }}\n"));
    }
    space.write("main.c", text);
    space.build(&["--build-dir", "elsewhere"]).ok();
    let mut failures = 0;
    for kilobytes in [4, 16, 48, 96, 160, 256, 512] {
        let disk = Tmpfs::mount(&space.path("small"), kilobytes);
        let built = space.build(&["--build-dir", "small/build"]);
        if built.code != 0 {
            failures += 1;
            assert!([1, 3].contains(&built.code), "{}", built.story());
            let said = built.stderr.to_lowercase();
            assert!(said.contains("space") || said.contains("full"), "{kilobytes}: {}", built.story());
        }
        disk.resize(65_536);
        let built = space.build(&["--build-dir", "small/build"]);
        built.ok();
        space.build(&["--build-dir", "small/build"]).ok().assert_work("-");
        let (full, good) = (space.path("small/build"), space.path("elsewhere"));
        let difference = Tree::of_outputs(&full).difference(&Tree::of_outputs(&good));
        assert!(difference.is_empty(), "{kilobytes}: {difference}");
    }
    assert!(failures >= 3, "{failures} builds met a full disk");
}

/// The journal of a build directory, and what a build with these bytes in its place does.
struct Journal {
    space: Space,
    good: Vec<u8>,
}

impl Journal {
    fn new() -> Self {
        let space = good();
        space.build(&[]).ok();
        space.build(&[]).ok().assert_work("-");
        let good = space.read(".rekindle/build/debug/journal");
        Self { space, good }
    }

    #[track_caller]
    fn build_with(&self, bytes: &[u8]) -> Built {
        self.space.write(".rekindle/build/debug/journal", bytes);
        // Else nobody reads the journal as long as nothing has changed.
        self.space.remove_if_there(".rekindle/build/debug/snapshots");
        self.space.build_at_once(&[])
    }
}

#[test]
fn a_build_directory_of_a_newer_format() {
    let journal = Journal::new();
    let mut bytes = journal.good.clone();
    bytes[16..20].copy_from_slice(&99_u32.to_le_bytes());
    let sum = rekindle_fingerprint::digest::Digest::of(&bytes[..20]);
    bytes[20..28].copy_from_slice(&sum.0[..8]);
    let refused = journal.build_with(&bytes);
    insta::assert_snapshot!(refusal(&journal.space, &refused), @"
    rekindle: the build directory [SPACE]/project/.rekindle/build/debug/journal has format 99, and this rekindle knows formats up to 4
      hint: use that newer rekindle, or `rekindle clean`, or another `--build-dir`
    ");
    assert_eq!(journal.space.read(".rekindle/build/debug/journal"), bytes, "it is left as it is");
}

#[test]
fn a_build_directory_of_an_older_or_foreign_format_is_built_anew() {
    let journal = Journal::new();
    for bytes in [&b""[..], b"ninja log v5\n", &journal.good[..10], &[0; 4096]] {
        journal.build_with(bytes).ok().assert_kinds("1c 1l", "-");
        journal.space.build(&[]).ok().assert_work("-");
    }
}

/// A small real project, in two states that differ in a source, a header and what a command reads.
struct TwoStates {
    space: Space,
    clean: [Tree; 2],
}

impl TwoStates {
    fn new() -> Self {
        let space = space();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello");
        for part in ["rekindle.toml", "src", "include", "words", "tools", "tests"] {
            copy_tree(&example.join(part), &space.path(part));
        }
        let mut two = Self { space, clean: [Tree::default(), Tree::default()] };
        for state in [0, 1] {
            two.write(state);
            two.space.remove_if_there(".rekindle");
            two.space.build(&[]).ok();
            two.clean[state] = two.space.outputs();
        }
        assert!(two.clean[0] != two.clean[1], "the states differ");
        two
    }

    fn write(&self, state: usize) {
        let word = ["Hello", "Howdy"][state];
        self.space.write("words/hello.txt", format!("en {word}\nde Hallo\n"));
        for file in ["src/main.c", "include/greet.h"] {
            let text = String::from_utf8(self.space.read(file)).unwrap();
            let text = text.split("\nstatic const int state").next().unwrap();
            let line = format!("static const int state_{} __attribute__((used)) = {state};", file.len());
            self.space.write(file, format!("{text}\n{line}\n"));
        }
    }

    /// Builds the first state well, damages the journal (and, if `bare`, leaves no snapshot), and builds either state: the result is that of a clean build,
    /// and of the build after it nothing is left to do.
    #[track_caller]
    fn with_journal(&self, state: usize, bare: bool, what: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        const JOURNAL: &str = ".rekindle/build/debug/journal";
        self.write(0);
        self.space.build(&[]).ok();
        let mut bytes = self.space.read(JOURNAL);
        damage(&mut bytes);
        self.space.write(JOURNAL, bytes);
        if bare {
            self.space.remove_if_there(".rekindle/build/debug/snapshots");
        }
        if state != 0 {
            self.write(state);
        }
        let built = self.space.build_at_once(&[]);
        built.ok();
        let difference = self.space.outputs().difference(&self.clean[state]);
        assert!(
            difference.is_empty(),
            "{what}: unlike a clean build (the second):\n{difference}{}",
            built.story()
        );
        self.space.build(&[]).ok().assert_work("-");
    }
}

#[test]
fn a_damaged_journal_is_never_trusted() {
    const FLIPS: usize = 48;
    let two = TwoStates::new();
    for round in 0..FLIPS {
        // Sources stay as they are in every fourth round: outputs may be vouched for, and must be right.
        let state = usize::from(round % 4 != 0);
        two.with_journal(state, round % 8 != 1, &format!("flip {round} of {FLIPS}"), |bytes| {
            // Spread over all of it, the header first, each time at another bit.
            let at = if round < 8 { round * 4 } else { bytes.len() * round / FLIPS };
            bytes[at] ^= 1 << (round % 8);
        });
    }
}

#[test]
fn a_journal_cut_short_is_never_trusted() {
    const CUTS: usize = 24;
    let two = TwoStates::new();
    for round in 0..CUTS {
        let state = usize::from(round % 4 != 0);
        two.with_journal(state, round % 8 != 1, &format!("cut {round} of {CUTS}"), |bytes| {
            // Some leave a record almost whole: the last bytes are missing.
            let keep = if round < 6 { bytes.len() - 1 - round } else { bytes.len() * round / CUTS };
            bytes.truncate(keep);
        });
    }
}

#[test]
fn a_stamp_of_other_content_is_not_believed() {
    // The journal of one state, put back under the sources of another one.
    let journal = Journal::new();
    journal.space.write("main.h", "#define ANSWER 3\n");
    journal.space.build(&[]).ok().assert_work("1c 1l");
    journal.build_with(&journal.good).ok();
    journal.space.assert_like_clean(&[]);
    assert_eq!(journal.space.execute(&journal.space.output("app"), &[]).status.code(), Some(3));
}
