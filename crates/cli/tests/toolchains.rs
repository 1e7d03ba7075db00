//! A toolchain that is changed between two builds, part by part, while its version stays the same: exactly what
//! uses the part runs again. The parts are changed in a mount namespace, at their own places.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rekindle_testkit::{Space, copy_program, copy_tree, found, require, require_root};

const MANIFEST: &str = "[project]
name = \"p\"

[library.util]
sources = [\"util.c\"]

[executable.plain]
sources = [\"main.c\", \"cpp.S\", \"asm.s\"]
deps = [\"util\"]

[executable.plus]
sources = [\"plus.cc\"]
deps = [\"util\"]
";

/// Everything that runs when all of it runs.
const C: [&str; 2] = ["compile main.c", "compile util.c"];
const CXX: [&str; 1] = ["compile plus.cc"];
const ASM_CPP: [&str; 1] = ["compile cpp.S"];
const ASM: [&str; 1] = ["compile asm.s"];
const ARCHIVE: [&str; 1] = ["archive util"];
const LINK: [&str; 1] = ["link plain"];
const LINK_CXX: [&str; 1] = ["link plus"];

fn project(cc: &str) -> Space {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.set_env("CC", cc);
    space.write("rekindle.toml", MANIFEST);
    space.write("util.c", "int util(void) { return 0; }\n");
    space.write(
        "main.c",
        "#include <stddef.h>\nint util(void);\nint main(void) { return util() + (NULL != 0); }\n",
    );
    space.write("plus.cc", "extern \"C\" int util(void);\nint main() { return util(); }\n");
    let note = ".section .note.GNU-stack,\"\",@progbits\n";
    space.write("cpp.S", format!("#define NAME cpp\n.globl NAME\nNAME:\n  ret\n{note}"));
    space.write("asm.s", format!(".globl asm_\nasm_:\n  ret\n{note}"));
    space
}

/// Where a program that the compiler uses lies.
fn part(cc: &str, name: &str) -> PathBuf {
    let output = Command::new(cc).arg(format!("-print-prog-name={name}")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let path = PathBuf::from(text.trim());
    if path.is_absolute() { path } else { found(name).unwrap_or_else(|| panic!("{cc} has no {name}")) }
}

fn file(cc: &str, name: &str) -> PathBuf {
    let output = Command::new(cc).arg(format!("-print-file-name={name}")).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).canonicalize().unwrap()
}

/// The shared library of which `program` loads one whose name begins with `name`.
fn library(program: &Path, name: &str) -> PathBuf {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.split_whitespace().filter(|word| word.starts_with('/'));
    let is_it = |word: &&str| word.rsplit('/').next().is_some_and(|file| file.starts_with(name));
    PathBuf::from(words.find(is_it).unwrap_or_else(|| panic!("no {name} in {text}"))).canonicalize().unwrap()
}

/// Changes one byte of `path` in a way that does no harm, and holds what runs then against `expected`.
#[track_caller]
fn changes(space: &mut Space, path: &Path, expected: &[&[&str]]) {
    let mut content = fs::read(path).unwrap();
    // First the same content in another file: nothing has changed.
    space.overlay(path, &content);
    space.build(&[]).ok().assert_kinds("-", "-");
    content.push(b'\n');
    space.overlay(path, &content);
    let built = space.build(&[]);
    built.ok().assert_ran(&expected.concat());
    space.build(&[]).ok().assert_work("-");
    space.assert_like_clean(&[]);
    space.remove_overlays();
}

#[track_caller]
fn gcc_row(path: &dyn Fn() -> PathBuf, expected: &[&[&str]]) {
    if !require("g++") || !require_root() {
        return;
    }
    let mut space = project("gcc");
    space.build(&[]).ok().assert_kinds("5c 1a 2l", "-");
    changes(&mut space, &path(), expected);
}

fn bin(name: &str) -> PathBuf {
    found(name).unwrap().canonicalize().unwrap()
}

#[test]
fn driver() {
    gcc_row(&|| bin("gcc"), &[&C, &ASM_CPP, &ASM, &LINK]);
}

#[test]
fn cxx_driver() {
    gcc_row(&|| bin("g++"), &[&CXX, &LINK_CXX]);
}

#[test]
fn cc1() {
    gcc_row(&|| part("gcc", "cc1"), &[&C, &ASM_CPP]);
}

#[test]
fn cc1plus() {
    gcc_row(&|| part("gcc", "cc1plus"), &[&CXX]);
}

#[test]
fn assembler() {
    gcc_row(&|| bin("as"), &[&C, &CXX, &ASM_CPP, &ASM]);
}

#[test]
fn collect2() {
    gcc_row(&|| part("gcc", "collect2"), &[&LINK, &LINK_CXX]);
}

#[test]
fn linker() {
    gcc_row(&|| bin("ld"), &[&LINK, &LINK_CXX]);
}

#[test]
fn archiver() {
    gcc_row(&|| bin("ar"), &[&ARCHIVE]);
}

#[test]
fn library_of_the_assembler_the_archiver_and_the_linker() {
    gcc_row(&|| library(&bin("as"), "libbfd"), &[&C, &CXX, &ASM_CPP, &ASM, &ARCHIVE, &LINK, &LINK_CXX]);
}

#[test]
fn lto_plugin() {
    gcc_row(&|| file("gcc", "liblto_plugin.so"), &[&LINK, &LINK_CXX]);
}

#[test]
fn crt_object() {
    gcc_row(&|| file("gcc", "Scrt1.o"), &[&LINK, &LINK_CXX]);
}

#[test]
fn header_of_the_compiler() {
    gcc_row(&|| file("gcc", "include/stddef.h"), &[&["compile main.c"]]);
}

#[test]
fn library_that_the_compiler_links_in() {
    gcc_row(&|| file("gcc", "libgcc.a"), &[&LINK, &LINK_CXX]);
}

#[track_caller]
fn clang_row(name: &str, expected: &[&[&str]]) {
    // The archiver that goes with clang is another package's, and clang finds the C++ library of g++.
    let tools = ["clang", "clang++", "llvm-ar", "g++"];
    if !tools.into_iter().all(require) || !require_root() {
        return;
    }
    let mut space = project("clang");
    space.build(&[]).ok().assert_kinds("5c 1a 2l", "-");
    changes(&mut space, &library(&bin("clang"), name), expected);
}

#[test]
fn clangs_libllvm() {
    // Its archiver uses the library, too.
    clang_row("libLLVM", &[&C, &CXX, &ASM_CPP, &ASM, &ARCHIVE, &LINK, &LINK_CXX]);
}

#[test]
fn clangs_libclang_cpp() {
    clang_row("libclang-cpp", &[&C, &CXX, &ASM_CPP, &ASM, &LINK, &LINK_CXX]);
}

#[test]
fn specs_that_the_command_line_names() {
    if !require("g++") {
        return;
    }
    let space = project("gcc");
    space.write("my.specs", "%rename cc1_options old\n*cc1_options:\n-DONE=1 %(old)\n");
    space.edit("rekindle.toml", "[executable.plus]", "cflags = [\"-specs=my.specs\"]\n\n[executable.plus]");
    space.build(&[]).ok();
    space.edit("my.specs", "ONE=1", "ONE=2");
    let built = space.build(&[]);
    built.ok().assert_ran(&["compile main.c"]);
    space.assert_like_clean(&[]);
}

#[test]
fn a_new_assembler_earlier_on_the_path() {
    if !require("g++") {
        return;
    }
    let mut space = project("gcc");
    space.build(&[]).ok();
    let dir = space.base().join("tools/bin");
    space.mkdir(&dir);
    space.put_on_path(&dir);
    space.build(&[]).ok().assert_work("-");
    let mut content = fs::read(bin("as")).unwrap();
    content.push(b'\n');
    space.write_program(dir.join("as"), content);
    let built = space.build(&[]);
    built.ok().assert_ran(&[&C[..], &CXX, &ASM_CPP, &ASM].concat());
    space.assert_like_clean(&[]);
    // Gone again, what was there before is there again.
    space.remove(dir.join("as"));
    space.build(&[]).ok().assert_kinds("-", "5c");
}

/// A copy of gcc that works from wherever it lies.
fn copy_gcc(to: &Path) -> PathBuf {
    let inner = part("gcc", "cc1").parent().unwrap().to_path_buf();
    let copy = to.join(inner.strip_prefix("/usr").unwrap());
    fs::create_dir_all(to.join("bin")).unwrap();
    fs::create_dir_all(&copy).unwrap();
    for name in ["gcc", "ar"] {
        copy_program(&bin(name), &to.join("bin").join(name));
    }
    for entry in fs::read_dir(&inner).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let unused = ["cc1plus", "lto1", "g++-mapper-server", "plugin", "cc1obj", "f951", "gnat1", "d21"];
        if !unused.iter().any(|unused| name == *unused) {
            // Links lead out of the directory; what they lead to may not be installed.
            if let Ok(real) = entry.path().canonicalize() {
                copy_tree(&real, &copy.join(name));
            }
        }
    }
    to.join("bin/gcc")
}

#[test]
fn a_copy_of_the_toolchain_at_another_place_is_the_same_toolchain() {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[library.l]\nsources = [\"l.c\"]\n[executable.app]\nsources = [\"main.c\"]\ndeps = [\"l\"]\n");
    space.write("l.c", "#include <stddef.h>\nint l(void) { return NULL == 0; }\n");
    space.write(
        "main.c",
        "#include <stdio.h>\nint l(void);\nint main(void) { return printf(\"%d\\n\", l()) < 0; }\n",
    );
    let (one, two) = (space.base().join("tools/one"), space.base().join("tools/deeper/two"));
    let compiler = copy_gcc(&one);
    space.set_env("CC", &compiler);
    space.build(&[]).ok().assert_kinds("2c 1a 1l", "-");
    space.build(&[]).ok().assert_work("-");
    space.mkdir(space.base().join("tools/deeper"));
    fs::rename(&one, &two).unwrap();
    space.set_env("CC", two.join("bin/gcc"));
    space.build(&[]).ok().assert_kinds("-", "-");
    // Unpacked anew, every file has another time and number.
    copy_tree(&two, &one);
    space.set_env("CC", one.join("bin/gcc"));
    let built = space.build(&[]);
    built.ok().assert_kinds("-", "-");
    assert_eq!(built.summary().processes(), 0, "what the compiler answers is known\n{}", built.story());
    space.assert_like_clean(&[]);
}

#[test]
fn firmware_beside_programs_of_the_host() {
    if !require("avr-gcc") {
        return;
    }
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(
        "\
=== rekindle.toml
[project]
name = \"p\"

[toolchain.avr]
cc = \"avr-gcc\"
flags = [\"-mmcu=atmega328p\"]

[library.shared-code]
sources = [\"code.c\"]
include = [\".\"]

[executable.tool]
sources = [\"tool.c\"]
deps = [\"shared-code\"]

[executable.firmware]
toolchain = \"avr\"
sources = [\"firmware.c\", \"table.c\", \"start.S\"]
deps = [\"shared-code\", \"table\"]

[command.table]
argv = [\"{target:tool}\", \"{out}\"]
outputs = [\"table.h\"]
deps = [\"tool\"]
=== code.h
int code(int value);
=== code.c
#include \"code.h\"
int code(int value) { return value ^ 0x55; }
=== tool.c
#include <stdio.h>
#include \"code.h\"
int main(int count, char **words) {
  FILE *file = fopen(words[count - 1], \"w\");
  fprintf(file, \"#define TABLE %d\\n\", code(1));
  return fclose(file);
}
=== table.c
#include \"table.h\"
int table(void) { return TABLE; }
=== firmware.c
#include <avr/io.h>
#include \"code.h\"
int table(void);
int main(void) { PORTB = code(table()); for (;;) {} }
=== start.S
#include <avr/io.h>
.global start_
start_:
  in r24, _SFR_IO_ADDR(PINB)
  ret
",
    );
    space.build(&[]).ok().assert_kinds("6c 2a 2l 1x", "-");
    space.build(&[]).ok().assert_work("-");
    let machine = |name: &str| {
        let bytes = fs::read(space.output(name)).unwrap();
        u16::from_le_bytes([bytes[18], bytes[19]])
    };
    // e_machine of the ELF header: 62 is x86-64, 83 is AVR.
    assert_eq!((machine("tool"), machine("firmware")), (62, 83));
    space.edit("code.c", "0x55", "0x5a");
    // The library for both, the tool, what it writes, and what is made of that.
    space.build(&[]).ok().assert_work("3c 2a 2l 1x");
    space.assert_like_clean(&[]);
}

#[test]
fn only_the_firmware_is_built_again_when_its_compiler_changes() {
    if !require("avr-gcc") || !require_root() {
        return;
    }
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write(
        "rekindle.toml",
        "[project]\nname = \"p\"\n[toolchain.avr]\ncc = \"avr-gcc\"\nflags = [\"-mmcu=atmega328p\"]\n\
         [executable.host]\nsources = [\"a.c\"]\n[executable.firmware]\nsources = [\"a.c\"]\ntoolchain = \"avr\"\n",
    );
    space.write("a.c", "int main(void) { return 0; }\n");
    space.build(&[]).ok().assert_kinds("2c 2l", "-");
    let path = part("avr-gcc", "cc1").canonicalize().unwrap();
    let mut content = fs::read(&path).unwrap();
    content.push(b'\n');
    space.overlay(&path, &content);
    let built = space.build(&[]);
    built.ok().assert_kinds("1c", "-");
    built.assert_ran(&["compile a.c"]);
    space.assert_like_clean(&[]);
}

#[test]
fn toolchain_verbs_tell_what_was_found() {
    if !require("g++") {
        return;
    }
    let asked = |flag: &str| {
        let output = Command::new("gcc").arg(flag).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let (version, target) = (asked("-dumpfullversion"), asked("-dumpmachine"));
    let [gcc, gxx, ar] = ["gcc", "g++", "ar"].map(|name| bin(name).display().to_string());
    let space = project("gcc");
    let list = space.run(&["toolchain", "list"]).done();
    assert_eq!(list.ok().text(), format!("host         gcc {version}  {target}  {gcc}\n"));
    let show = space.run(&["toolchain", "show", "host"]).done();
    let text = show.ok().text();
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        format!("host: gcc {version} for {target}"),
        format!("  C compiler     {gcc}"),
        format!("  C++ compiler   {gxx}"),
        format!("  archiver       {ar}"),
    ];
    assert_eq!(lines[..4], expected, "{text}");
    // What the identity of each kind of action is made of, each part with its digest.
    let parts = |kind: &str| -> Vec<&str> {
        let head = format!("  gcc {version}, {kind}");
        let mut rest = lines.iter().skip_while(|line| **line != head).skip(1);
        assert!(rest.next().is_some_and(|line| line.starts_with("    identity ")), "{kind}\n{text}");
        let those = rest.map_while(|line| line.strip_prefix("    ")?.rsplit_once(' '));
        let named = those.map(|(name, digest)| {
            assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
            name.trim_end()
        });
        named.collect()
    };
    for (kind, programs, others) in [
        ("compile C", &["driver", "cc1", "as"][..], &["cc1plus", "ld", "collect2"][..]),
        ("compile C++", &["driver", "cc1plus", "as"], &["cc1", "ld", "collect2"]),
        ("link C", &["driver", "collect2", "ld"], &["cc1", "cc1plus", "as"]),
    ] {
        let found = parts(kind);
        assert!(programs.iter().all(|part| found.contains(part)), "{kind}: {found:?}\n{text}");
        assert!(!others.iter().any(|part| found.contains(part)), "{kind}: {found:?}\n{text}");
    }
    let unknown = space.run(&["toolchain", "show", "hots"]).done();
    insta::assert_snapshot!(unknown.exits(2).stderr, @"
    hots: no target of this project uses such a toolchain
         = hint: did you mean `host`?
    ");
}
