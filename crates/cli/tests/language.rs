//! What a project can be made of, built with real compilers and used.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::path::Path;
use std::process::Command;

use rekindle_testkit::{Built, Space, require};

/// A project of these files, written as `Space::write_all` takes them.
fn project(files: &str) -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(files);
    space
}

/// Builds, holds what ran against `ran`, and finds nothing to do a second time.
#[track_caller]
fn builds(space: &Space, ran: &str) -> Built {
    let built = space.build(&[]);
    built.ok().assert_kinds(ran, "-");
    space.build(&[]).ok().assert_work("-");
    built
}

/// Edits, and holds the work and the result against the row.
#[track_caller]
fn edited(space: &Space, file: &str, from: &str, to: &str, ran: &str) {
    space.edit(file, from, to);
    space.build(&[]).ok().assert_work(ran);
    space.assert_like_clean(&[]);
    space.build(&[]).ok().assert_work("-");
}

#[test]
fn c_cxx_and_assembler_in_one_program() {
    if !require("g++") {
        return;
    }
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"*.c\", \"*.cc\", \"*.S\", \"*.s\"]
c-std = \"c11\"
cxx-std = \"c++17\"
=== main.cc
#include <iostream>
#include <string_view>
extern \"C\" int from_c(), from_cpp_asm(), from_asm();
int main() { std::cout << from_c() << ' ' << from_cpp_asm() << ' ' << from_asm() << std::string_view(\"!\\n\"); }
=== c.c
_Static_assert(__STDC_VERSION__ == 201112L, \"c11\");
int from_c(void) { return 1; }
=== upper.S
#include \"number.inc\"
.globl from_cpp_asm
from_cpp_asm:
  mov $NUMBER, %eax
  ret
.section .note.GNU-stack,\"\",@progbits
=== number.inc
#define NUMBER 2
=== lower.s
.globl from_asm
from_asm:
  .include \"three.inc\"
  ret
.section .note.GNU-stack,\"\",@progbits
=== three.inc
  mov $3, %eax
",
    );
    builds(&space, "4c 1l");
    assert_eq!(space.prints("app"), "1 2 3!");
    edited(&space, "number.inc", "2", "5", "1c 1l");
    // No depfile of the compiler names what the assembler includes.
    edited(&space, "three.inc", "3", "6", "1c 1l");
    assert_eq!(space.prints("app"), "1 5 6!");
}

#[test]
fn static_shared_and_object_libraries() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[library.quiet]
sources = [\"quiet.c\"]
[library.loud]
type = \"shared\"
version = \"1.2.3\"
sources = [\"loud.c\"]
deps = [\"quiet\"]
[library.loose]
type = \"object\"
sources = [\"loose.c\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"loud\", \"loose\"]
=== quiet.c
int quiet(void) { return 1; }
=== loud.c
int quiet(void);
int loud(void) { return 10 * quiet(); }
=== loose.c
#include <stdio.h>
__attribute__((constructor)) static void hello(void) { puts(\"hello\"); }
=== main.c
#include <stdio.h>
int loud(void);
int main(void) { printf(\"%d\\n\", loud()); return 0; }
",
    );
    builds(&space, "4c 1a 2l");
    assert_eq!(space.prints("app"), "hello\n10", "found beside the program, wherever that lies");
    let outputs = space.outputs();
    for name in ["libloud.so", "libloud.so.1", "libloud.so.1.2.3"] {
        outputs.one(name);
    }
    // The program loads the library by its name; its code is not in the program. One that gives the same names
    // could spare the link, but its content counts.
    space.edit("loud.c", "10", "20");
    let built = space.build(&[]);
    built.ok();
    assert_eq!(format!("{:?}", built.summary().ran), "1c 2l");
    assert_eq!(space.prints("app"), "hello\n20");
    space.assert_like_clean(&[]);
    // The whole tree somewhere else: the run path is relative.
    let mut space = space;
    space.move_project("moved");
    assert_eq!(space.prints("app"), "hello\n20");
    space.build(&[]).ok().assert_work("-");
}

#[test]
fn whole_archives() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[library.plugins]
sources = [\"plugin.c\"]
[executable.without]
sources = [\"main.c\"]
deps = [\"plugins\"]
[executable.with]
sources = [\"main.c\"]
deps = [\"plugins\"]
whole-archive = [\"plugins\"]
=== plugin.c
int count;
__attribute__((constructor)) static void add(void) { extern int plugins; plugins++; }
=== main.c
#include <stdio.h>
int plugins;
int main(void) { printf(\"%d\\n\", plugins); return 0; }
",
    );
    space.build(&[]).ok();
    assert_eq!((space.prints("without"), space.prints("with")), ("0".into(), "1".into()));
}

#[test]
fn generated_sources_and_headers_and_a_tool_that_makes_them() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.maker]
sources = [\"maker.c\"]
[command.table]
argv = [\"{target:maker}\", \"{in}\", \"{out:0}\", \"{out:1}\", \"{depfile}\"]
inputs = [\"table.txt\"]
outputs = [\"table.c\", \"table.h\"]
depfile = true
deps = [\"maker\"]
[executable.app]
sources = [\"main.c\", \"command:table\"]
deps = [\"table\"]
=== maker.c
#include <stdio.h>
int main(int count, char **words) {
  int number, more = 0;
  FILE *in = fopen(words[1], \"r\"), *c = fopen(words[2], \"w\"), *h = fopen(words[3], \"w\");
  FILE *extra = fopen(\"extra.txt\", \"r\"), *d = fopen(words[4], \"w\");
  fscanf(in, \"%d\", &number);
  fscanf(extra, \"%d\", &more);
  fprintf(c, \"#include \\\"table.h\\\"\\nint table(void) { return TABLE; }\\n\");
  fprintf(h, \"#define TABLE %d\\n\", number + more);
  fprintf(d, \"%s: extra.txt\\n\", words[2]);
  return 0;
}
=== table.txt
1
=== extra.txt
100
=== main.c
#include <stdio.h>
#include \"table.h\"
int table(void);
int main(void) { printf(\"%d %d\\n\", table(), TABLE); return 0; }
",
    );
    builds(&space, "3c 2l 1x");
    assert_eq!(space.prints("app"), "101 101");
    edited(&space, "table.txt", "1", "2", "2c 1l 1x");
    edited(&space, "extra.txt", "100", "200", "2c 1l 1x");
    // Another tool that writes the same.
    edited(&space, "maker.c", "more = 0", "more = 1", "1c 1l 1x");
    edited(&space, "maker.c", "number + more", "number + more + 1", "3c 2l 1x");
    assert_eq!(space.prints("app"), "203 203");
}

#[test]
fn precompiled_header() {
    for cc in ["gcc", "clang"] {
        if !require(cc) {
            continue;
        }
        let mut space = project(
            "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"*.c\"]
pch = \"all.h\"
=== all.h
#pragma once
#include <stdio.h>
#include \"number.h\"
=== number.h
#define NUMBER 1
=== main.c
int other(void);
int main(void) { printf(\"%d %d\\n\", NUMBER, other()); return 0; }
=== other.c
int other(void) { return NUMBER; }
",
        );
        space.set_env("CC", cc);
        builds(&space, "3c 1l");
        // The warnings of fresh actions would be told again.
        let again = space.build(&[]);
        assert!(!again.ok().text().contains("warning"), "{}", again.story());
        assert_eq!(space.prints("app"), "1 1");
        space.edit("number.h", "1", "2");
        space.build(&[]).ok().assert_work("3c 1l");
        assert_eq!(space.prints("app"), "2 2");
        space.build(&[]).ok().assert_work("-");
        space.edit("other.c", "NUMBER;", "NUMBER + 1;");
        space.build(&[]).ok().assert_work("1c 1l");
        // gcc writes addresses of its own process into a precompiled header; what is compiled with it has none.
        space.assert_like_clean_but(&[], "gch");
    }
}

#[test]
fn flags_for_some_of_the_sources() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"*.c\"]
defines = [\"WHO=1\"]
[[executable.app.overrides]]
files = [\"two.c\"]
cflags = [\"-UWHO\", \"-DWHO=2\"]
=== main.c
#include <stdio.h>
int two(void);
int main(void) { printf(\"%d %d\\n\", WHO, two()); return 0; }
=== two.c
int two(void) { return WHO; }
",
    );
    builds(&space, "2c 1l");
    assert_eq!(space.prints("app"), "1 2");
    edited(&space, "rekindle.toml", "WHO=2", "WHO=3", "1c 1l");
    edited(&space, "rekindle.toml", "\"WHO=1\"", "\"WHO=4\"", "2c 1l");
    assert_eq!(space.prints("app"), "4 3");
}

#[test]
fn public_and_private_parts_of_libraries() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[library.base]
sources = [\"base/base.c\"]
include = [\"base/include\"]
private-include = [\"base/private\"]
defines = [\"BASE\"]
private-defines = [\"SECRET\"]
system-libs = [\"m\"]
[library.middle]
sources = [\"middle.c\"]
deps = [\"base\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"middle\"]
=== base/base.c
#include <math.h>
#include \"base.h\"
#include \"private.h\"
#if !defined BASE || !defined SECRET
#error both are seen here
#endif
double base(double x) { return PRIVATE + cos(x); }
=== base/include/base.h
double base(double);
=== base/private/private.h
#define PRIVATE 1
=== middle.c
#include \"base.h\"
double middle(void) { return base(0); }
=== main.c
#include <stdio.h>
#include \"base.h\"
#if !defined BASE || defined SECRET || __has_include(\"private.h\")
#error only what is public is seen here
#endif
double middle(void);
int main(void) { printf(\"%.0f\\n\", middle()); return 0; }
",
    );
    builds(&space, "3c 2a 1l");
    assert_eq!(space.prints("app"), "2");
}

#[test]
fn packages_by_pkg_config() {
    let mut space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"main.c\"]
pkg-config = [\"numbers >= 1.2\"]
=== main.c
#include <stdio.h>
#include <numbers.h>
int main(void) { printf(\"%d %d\\n\", NUMBER, FLAG); return 0; }
",
    );
    let home = space.base().join("home");
    let pc = |flag: u32| {
        format!(
            "prefix={}\nName: numbers\nDescription: numbers\nVersion: 1.3\nCflags: -I${{prefix}}/include \
             -DFLAG={flag}\nLibs: -L${{prefix}}/lib -lm\n",
            home.display()
        )
    };
    space.write(home.join("include/numbers.h"), "#define NUMBER 7\n");
    space.write(home.join("pc/numbers.pc"), pc(1));
    space.set_env("PKG_CONFIG_PATH", home.join("pc"));
    let built = builds(&space, "1c 1l");
    assert!(built.summary().processes() > 0);
    assert_eq!(space.prints("app"), "7 1");
    space.write(home.join("pc/numbers.pc"), pc(2));
    space.build(&[]).ok().assert_work("1c 1l");
    assert_eq!(space.prints("app"), "7 2");
    space.write(home.join("pc/numbers.pc"), pc(2).replace("1.3", "1.1"));
    space.build(&[]).exits(2).says("numbers");
}

#[test]
fn options_and_conditions() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[option.colour]
type = \"choice\"
choices = [\"red\", \"blue\"]
default = \"red\"
[option.loud]
type = \"bool\"
default = false
[executable.app]
sources = [\"main.c\"]
defines = ['COLOUR=\"${option.colour}\"']
also = [
  { when = { option = { loud = true } }, defines = [\"LOUD\"] },
  { when = { profile = \"release\" }, defines = [\"FAST\"] },
  { when = { os = \"linux\" }, defines = [\"LINUX\"] },
  { when = { os = \"windows\" }, defines = [\"WINDOWS\"] },
]
=== main.c
#include <stdio.h>
int main(void) {
  printf(\"%s\", COLOUR);
#ifdef LOUD
  printf(\" loud\");
#endif
#ifdef FAST
  printf(\" fast\");
#endif
#ifdef LINUX
  printf(\" linux\");
#endif
#ifdef WINDOWS
  printf(\" windows\");
#endif
  return 0;
}
",
    );
    let with = |args: &[&str], ran: &str, put_back: &str| {
        space.build(args).ok().assert_kinds(ran, put_back);
        space.prints("debug/app")
    };
    assert_eq!(with(&[], "1c 1l", "-"), "red linux");
    assert_eq!(with(&["-D", "colour=blue"], "1c 1l", "-"), "blue linux");
    assert_eq!(with(&["-D", "colour=red"], "-", "1c 1l"), "red linux");
    assert_eq!(with(&["-D", "loud=true"], "1c 1l", "-"), "red loud linux");
    space.build(&["--profile", "release"]).ok();
    assert_eq!(space.prints("release/app"), "red fast linux");
    space.build(&["-D", "colour=green"]).exits(2).says("red");
    space.build(&["-D", "color=red"]).exits(2).says("colour");
}

#[test]
fn command_lines_longer_than_the_system_takes() {
    // All words of a command may have 2 MiB together. These objects' names alone have more.
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"main.c\", \"objects/**/*.o\"]
=== main.c
int f(void);
int main(void) { return f(); }
=== objects/f.c
int f(void) { return 0; }
",
    );
    let directory = format!("objects/{}/{}", "a".repeat(200), "b".repeat(200));
    let run = |words: &[&str]| {
        let status = Command::new("gcc").args(words).current_dir(space.root()).status();
        assert!(status.unwrap().success());
    };
    run(&["-c", "-x", "c", "/dev/null", "-o", "empty.o"]);
    run(&["-c", "objects/f.c", "-o", "objects/f.o"]);
    let empty = space.read("empty.o");
    for number in 0..5600 {
        space.write(format!("{directory}/{number:04}.o"), &empty);
    }
    assert!(5600 * directory.len() > 2 << 20, "the command is long");
    builds(&space, "1c 1l");
    run(&["-c", "-DMORE", "objects/f.c", "-o", "objects/f.o"]);
    space.build(&[]).ok().assert_work("-");
    edited(&space, "objects/f.c", "return 0", "return 3", "-");
    run(&["-c", "objects/f.c", "-o", "objects/f.o"]);
    space.build(&[]).ok().assert_work("1l");
    assert_eq!(space.execute(&space.output("app"), &[]).status.code(), Some(3));
}

#[test]
fn installs_what_the_manifest_says() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[library.util]
type = \"shared\"
version = \"2.0.0\"
sources = [\"util.c\"]
include = [\"include\"]
install = true
install-headers = [\"include/util/util.h\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"util\"]
install = true
[executable.inner]
sources = [\"main.c\"]
deps = [\"util\"]
[library.deep]
type = \"shared\"
sources = [\"deep.c\"]
private-deps = [\"util\"]
install = \"lib/p/./deep\"
[executable.tool]
sources = [\"tool.c\"]
deps = [\"deep\"]
install = \"libexec/p\"
=== util.c
int util(void) { return 5; }
=== deep.c
int util(void);
int deep(void) { return util() + 1; }
=== tool.c
int deep(void);
int main(void) { return deep(); }
=== include/util/util.h
int util(void);
=== main.c
#include <util/util.h>
#include <stdio.h>
int main(void) { printf(\"%d\\n\", util()); return 0; }
",
    );
    let target = space.base().join("tools/usr");
    let install = || space.run(&["install", "--prefix"]).arg(&target).done();
    install().ok();
    for file in
        ["bin/app", "lib/libutil.so", "lib/libutil.so.2", "lib/libutil.so.2.0.0", "include/util/util.h"]
    {
        assert!(target.join(file).exists(), "no {file}");
    }
    assert!(!target.join("bin/inner").exists());
    let link = |name: &str| std::fs::read_link(target.join("lib").join(name)).unwrap();
    assert_eq!(link("libutil.so.2"), Path::new("libutil.so.2.0.0"));
    assert_eq!(link("libutil.so"), Path::new("libutil.so.2"));
    assert!(target.join("lib/libutil.so.2.0.0").symlink_metadata().unwrap().is_file());
    // It runs without the build directory.
    space.run(&["clean"]).done().ok();
    let output = Command::new(target.join("bin/app")).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "5\n", "{}", String::from_utf8_lossy(&output.stderr));
    // The prefix may be moved.
    let moved = space.base().join("tools/moved");
    std::fs::rename(&target, &moved).unwrap();
    let output = Command::new(moved.join("libexec/p/tool")).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    let staged =
        space.run(&["install", "--prefix", "/usr"]).env("DESTDIR", space.base().join("tools/stage")).done();
    staged.ok();
    assert!(space.base().join("tools/stage/usr/bin/app").exists());
}

#[test]
fn compile_commands_are_written_and_true() {
    if !require("g++") {
        return;
    }
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"main.c\", \"more.cc\"]
defines = ['TEXT=\"a b\"']
=== main.c
const char *text = TEXT;
int main(void) { return 0; }
=== more.cc
const char *more = TEXT;
",
    );
    let told = space.run(&["compdb"]).done();
    let list: serde_json::Value = serde_json::from_slice(&told.ok().stdout).unwrap();
    let entries = list.as_array().unwrap();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let directory = entry["directory"].as_str().unwrap();
        let words: Vec<&str> =
            entry["arguments"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        assert!(directory.starts_with('/'), "{entry}");
        let file = std::path::Path::new(directory).join(entry["file"].as_str().unwrap());
        assert!(file.is_file(), "{entry}");
        // The command works there.
        let status =
            Command::new(words[0]).args(&words[1..]).arg("-fsyntax-only").current_dir(directory).status();
        assert!(status.unwrap().success(), "{entry}");
    }
    space.run(&["compdb", "-o", "compile_commands.json"]).done().ok();
    let before = space.mtime("compile_commands.json");
    space.run(&["compdb", "-o", "compile_commands.json"]).done().ok();
    assert_eq!(space.mtime("compile_commands.json"), before, "unchanged, it is not written again");
}

#[test]
fn the_graph_is_written_for_people_and_programs() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[library.util]
sources = [\"util.c\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"util\"]
=== util.c
int util(void) { return 0; }
=== main.c
int util(void);
int main(void) { return util(); }
",
    );
    let dot = space.run(&["graph"]).done();
    let text = dot.ok().text();
    assert!(text.starts_with("digraph") && text.contains("libutil.a") && text.contains("main.c"), "{text}");
    let json = space.run(&["graph", "--as", "json"]).done();
    serde_json::from_slice::<serde_json::Value>(&json.ok().stdout).unwrap();
    assert!(!space.outputs().paths().any(|path| path.ends_with("app")), "nothing is built");
    if require("ninja") {
        let ninja = space.run(&["graph", "--as", "ninja"]).done();
        space.write("build.ninja", &ninja.ok().stdout);
        let output = Command::new("ninja").current_dir(space.root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn sizes_of_sections() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"main.c\"]
=== main.c
char bulk[123456];
int main(void) { return bulk[1]; }
",
    );
    let told = space.run(&["size"]).done();
    let text = told.ok().text();
    assert!(text.contains("app") && text.contains("bss") && text.contains("123"), "{}", told.story());
}

const TESTS: &str = "\
=== rekindle.toml
[project]
name = \"p\"
[test.passes]
sources = [\"passes.c\"]
[test.fails]
sources = [\"fails.c\"]
[test.crashes]
sources = [\"crashes.c\"]
[test.sleeps]
sources = [\"sleeps.c\"]
[test.takes-words]
sources = [\"words.c\"]
args = [\"one\", \"two\"]
env = { THREE = \"3\" }
=== passes.c
#include <stdio.h>
int main(void) { puts(\"a word of the one that passes\"); return 0; }
=== fails.c
#include <stdio.h>
int main(void) { puts(\"a word of <the one> that fails & more\"); return 3; }
=== crashes.c
#include <stdlib.h>
int main(void) { abort(); }
=== sleeps.c
#include <unistd.h>
int main(void) { sleep(30); return 0; }
=== words.c
#include <stdlib.h>
#include <string.h>
int main(int count, char **words) {
  return !(count == 3 && !strcmp(words[1], \"one\") && !strcmp(words[2], \"two\") && !strcmp(getenv(\"THREE\"), \"3\"));
}
";

#[test]
fn tests_run_in_parallel() {
    // Each waits for the file that the other one writes.
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[test.one]
sources = [\"meet.c\"]
args = [\"one\", \"two\"]
[test.two]
sources = [\"meet.c\"]
args = [\"two\", \"one\"]
=== meet.c
#include <fcntl.h>
#include <unistd.h>
int main(int count, char **words) {
  close(open(words[1], O_CREAT | O_WRONLY, 0666));
  while (access(words[2], F_OK)) usleep(1000);
  return 0;
}
",
    );
    space.run(&["test", "-j2", "--timeout", "30"]).done().ok();
    for name in ["one", "two"] {
        space.remove(name);
    }
    let alone = space.run(&["test", "-j1", "--timeout", "1"]).done();
    alone.exits(1);
    let told = alone.text() + &alone.stderr;
    assert!(told.contains("test one FAILED: ran out of time") && told.contains("test two ok"), "{told}");
}

#[test]
fn tests_that_fail_are_shown() {
    let space = project(TESTS);
    let run = space.run(&["test", "--timeout", "2", "--junit", "results.xml"]).done();
    let text = run.exits(1).text() + &run.stderr;
    assert!(text.contains("a word of <the one> that fails"), "{text}");
    assert!(!text.contains("a word of the one that passes"), "{text}");
    let xml = String::from_utf8(space.read("results.xml")).unwrap();
    for counts in ["<testsuites tests=\"5\" ", "  <testsuite name=\"p\" tests=\"5\" "] {
        let line = xml.lines().find(|line| line.starts_with(counts));
        let line = line.unwrap_or_else(|| panic!("no {counts} in {xml}"));
        assert!(line.contains(" failures=\"3\" errors=\"0\" skipped=\"0\" "), "{line}");
    }
    assert!(xml.contains("a word of &lt;the one&gt; that fails &amp; more"), "{xml}");
    let rows = [
        ("passes", ""),
        ("fails", "exited with code 3"),
        ("crashes", "was killed by signal 6 (SIGABRT)"),
        ("sleeps", "ran out of time after 2"),
        ("takes-words", ""),
    ];
    for (name, message) in rows {
        let (_, case) = xml.split_once(&format!("<testcase classname=\"p\" name=\"{name}\" ")).unwrap();
        let (case, _) = case.split_once("</testcase>").unwrap();
        let failure = case.split_once("<failure message=\"").map_or("", |(_, rest)| rest);
        assert_eq!(case.contains("<failure"), !message.is_empty(), "{case}");
        assert!(failure.starts_with(message), "{name}: {case}");
        let told = if message.is_empty() {
            format!("test {name} ok")
        } else {
            format!("test {name} FAILED: {message}")
        };
        assert!(text.contains(&told), "no `{told}` in {text}");
    }
}

#[test]
fn tests_are_filtered_by_name() {
    let space = project(TESTS);
    space.run(&["test", "--filter", "^(passes|takes)"]).done().ok();
    space.run(&["test", "passes"]).done().ok();
    space.run(&["test", "fails"]).done().exits(1);
    // Nothing else was built for it.
    assert!(!space.outputs().paths().any(|path| path.ends_with("sleeps")));
    // Tests are not part of a build.
    let space = project(TESTS);
    space.build(&[]).ok().assert_kinds("-", "-");
}

#[test]
fn profiles_set_flags() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"*.c\"]
[profile.checked]
inherits = \"debug\"
sanitize = [\"address\", \"undefined\"]
[profile.small]
inherits = \"release\"
optimize = \"s\"
lto = true
=== main.c
#include <stdio.h>
int twice(int);
int main(void) {
#ifdef NDEBUG
  printf(\"n\");
#endif
#ifdef __OPTIMIZE__
  printf(\"o\");
#endif
#ifdef __OPTIMIZE_SIZE__
  printf(\"s\");
#endif
#ifdef __SANITIZE_ADDRESS__
  printf(\"a\");
#endif
  printf(\"%d\\n\", twice(4));
  return 0;
}
=== twice.c
int twice(int n) { return 2 * n; }
",
    );
    for (profile, printed) in [("debug", "8"), ("release", "no8"), ("checked", "a8"), ("small", "nos8")] {
        let args = &["--profile", profile];
        space.build(args).ok().assert_kinds("2c 1l", "-");
        assert_eq!(space.prints(&format!("{profile}/app")), printed);
        space.build(args).ok().assert_work("-");
    }
    space.edit("twice.c", "2", "3");
    for profile in ["debug", "release", "checked", "small"] {
        space.build(&["--profile", profile]).ok().assert_work("1c 1l");
    }
    space.assert_like_clean(&["--profile", "small"]);
}

/// A command that takes part in the jobserver: a make with four targets that each need a token.
const MAKES: &str = "\
=== rekindle.toml
[project]
name = \"p\"
[command.made]
argv = [\"make\", \"-f\", \"inner.mk\", \"OUT={out}\"]
inputs = [\"inner.mk\"]
outputs = [\"made.c\"]
[executable.app]
sources = [\"main.c\", \"command:made\"]
=== inner.mk
$(OUT): a b c d
\tcat a b c d > /dev/null; echo 'int made(void) { return 1; }' > $@
a b c d:
\t@echo $(MAKEFLAGS) > $@; sleep 0.05
.INTERMEDIATE: a b c d
=== main.c
int made(void);
int main(void) { return !made(); }
";

#[test]
fn a_make_below_shares_our_jobs() {
    if !require("make") {
        return;
    }
    let space = project(MAKES);
    let built = space.build(&["-j2"]);
    built.ok().assert_kinds("2c 1l 1x", "-");
    assert!(!built.stderr.contains("jobserver unavailable"), "{}", built.story());
    space.execute(&space.output("app"), &[]).status.success().then_some(()).unwrap();
}

#[test]
fn below_a_make_we_share_its_jobs() {
    if !require("make") {
        return;
    }
    let space = project(MAKES);
    space.write("Makefile", "all:\n\t+$(REKINDLE) build --format json\n");
    let built = space.run(&[]).below("make", &["-s", "-j2"]);
    built.ok();
    assert!(!built.stderr.contains("jobserver unavailable"), "{}", built.story());
    assert!(space.output("app").is_file());
    space.build(&[]).ok().assert_work("-");
}

#[test]
fn a_link_that_cannot_be_made_of_what_is_there_fails_once_and_is_mended() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"*.c\"]
=== main.c
int missing(void);
int main(void) { return missing(); }
",
    );
    space.build(&[]).exits(1).says("missing");
    space.write("missing.c", "int missing(void) { return 0; }\n");
    space.build(&[]).ok().assert_work("1c 1l");
    space.assert_like_clean(&[]);
}

#[test]
fn data_that_the_compiler_reads_without_a_word() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"main.c\"]
=== main.c
#include <stdio.h>
__asm__(\".section .rodata\\n.globl blob\\nblob: .incbin \\\"blob.bin\\\"\\n.byte 0\\n.previous\");
extern const char blob[];
int main(void) { printf(\"%s\", blob); return 0; }
=== blob.bin
first
",
    );
    builds(&space, "1c 1l");
    assert_eq!(space.prints("app"), "first");
    edited(&space, "blob.bin", "first", "other", "1c 1l");
    assert_eq!(space.prints("app"), "other");
}

#[test]
fn dates_are_volatile_and_hold_while_their_inputs_hold() {
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[executable.app]
sources = [\"main.c\"]
=== main.c
#include <stdio.h>
int main(void) { puts(__DATE__ \" \" __TIME__); return 0; }
",
    );
    let built = builds(&space, "1c 1l");
    assert!(built.summary().number(&["actions", "volatile"]) >= 1, "{}", built.story());
}

#[test]
fn a_generated_header_is_there_for_all_units_and_an_input_of_those_that_read_it() {
    // `deps` says that the command comes first. Who reads what it makes, the depfiles say.
    let space = project(
        "\
=== rekindle.toml
[project]
name = \"p\"
[command.version]
argv = [\"cp\", \"{in}\", \"{out}\"]
inputs = [\"version.in\"]
outputs = [\"version.h\"]
[executable.app]
sources = [\"main.c\", \"other.c\"]
deps = [\"version\"]
=== version.in
#define VERSION 1
=== main.c
#include <stdio.h>
#include \"version.h\"
int other(void);
int main(void) { printf(\"%d %d\\n\", VERSION, other()); return 0; }
=== other.c
int other(void) { return 7; }
",
    );
    let built = builds(&space, "2c 1l 1x");
    let place = |text: &str| built.actions().iter().position(|action| action.is(text)).unwrap();
    assert!(place("custom version") < place("compile other.c"), "{}", built.story());
    space.edit("version.in", "1", "2");
    space.build(&[]).ok().assert_ran(&["custom version", "compile main.c", "link app"]);
    space.assert_like_clean(&[]);
    assert_eq!(space.prints("app"), "2 7");
}
