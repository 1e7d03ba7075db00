//! Parts of a toolchain that are others in another workspace, under the same driver of the same version.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rekindle_testkit::{found, require_root};

use crate::Tools;
use crate::matrix::World;
use crate::row::{row, same};
use crate::scenes::{PLACES, Scene, Which, play};

/// Programs of C and C++ and assembler, and a library.
const PARTS: &str = "\
=== rekindle.toml
[project]
name = 'p'
[library.util]
sources = ['util.c']
[executable.app]
sources = ['main.c', 'asm.s']
deps = ['util']
[executable.plus]
sources = ['plus.cc']
=== util.c
int util(void) { return 0; }
=== main.c
#include <stddef.h>
int util(void);
int main(void) { return util() + (NULL != 0); }
=== plus.cc
int main() { return 0; }
=== asm.s
.globl asm_
asm_:
  ret
.section .note.GNU-stack,\"\",%progbits
";

/// Where a program that the compiler uses lies.
fn part(cc: &str, name: &str) -> PathBuf {
    let output = Command::new(cc).arg(format!("-print-prog-name={name}")).output().unwrap();
    let path = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    let path = if path.is_absolute() { path } else { found(name).unwrap() };
    path.canonicalize().unwrap()
}

fn file(cc: &str, name: &str) -> PathBuf {
    let output = Command::new(cc).arg(format!("-print-file-name={name}")).output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).canonicalize().unwrap()
}

/// A scene in which a file of the toolchain has one byte more in the other workspace, to no effect.
macro_rules! replaced {
    ($name:literal, $path:expr) => {
        Scene {
            row: row($name, "", PARTS, |_| {}).alike(),
            at: PLACES,
            prepare: |world, which| {
                if which == Which::Other {
                    let path: PathBuf = $path;
                    let mut content = fs::read(&path).unwrap();
                    content.push(b'\n');
                    world.space.overlay(&path, &content);
                }
            },
        }
    };
}

fn bin(name: &str) -> PathBuf {
    found(name).unwrap().canonicalize().unwrap()
}

const REPLACED: &[Scene] = &[
    replaced!("driver", bin("gcc"))
        .runs(&["compile main.c", "compile util.c", "compile asm.s", "link app"])
        .gcc(),
    replaced!("cc1", part("gcc", "cc1")).runs(&["compile main.c", "compile util.c"]).gcc(),
    replaced!("assembler", bin("as")).runs(&["compile"]).gcc(),
    replaced!("linker", bin("ld")).runs(&["link"]),
    replaced!("archiver", bin("ar")).runs(&["archive"]).gcc(),
    replaced!("header of the compiler", file("gcc", "include/stddef.h")).runs(&["compile main.c"]).gcc(),
    replaced!("object of the C library", file("gcc", "Scrt1.o")).runs(&["link"]),
    replaced!("compiler of clang", bin("clang")).runs(&["compile", "link"]).clang(),
    Scene {
        row: row("assembler earlier on the path", "", PARTS, |_| {}).runs(&["compile"]).alike().gcc(),
        at: PLACES,
        prepare: |world, which| {
            if which == Which::Other {
                let dir = other_assembler(world);
                world.space.put_on_path(&dir);
            }
        },
    },
    Scene {
        row: row("COMPILER_PATH", "", PARTS, |_| {}).runs(&["compile", "link"]).alike().gcc(),
        at: PLACES,
        prepare: |world, which| {
            if which == Which::Other {
                let dir = other_assembler(world);
                world.space.set_env("COMPILER_PATH", dir);
            }
        },
    },
    Scene {
        row: row("assembler in COMPILER_PATH", "", PARTS, |_| {}).runs(&["compile"]).alike().gcc(),
        at: PLACES,
        prepare: |world, which| {
            world.space.mkdir("bin");
            if which == Which::Other {
                let mut content = fs::read(bin("as")).unwrap();
                content.push(b'\n');
                world.space.write_program("bin/as", content);
            }
            world.space.set_env("COMPILER_PATH", world.space.path("bin"));
        },
    },
    Scene {
        row: same("empty directory on the path", "", PARTS),
        at: PLACES,
        prepare: |world, which| {
            if which == Which::Other {
                let dir = world.space.base().join("tools/none");
                world.space.mkdir(&dir);
                world.space.put_on_path(&dir);
            }
        },
    },
    Scene {
        row: same("other name of the compiler", "", PARTS).gcc(),
        at: PLACES,
        prepare: |world, which| {
            if which == Which::Other {
                world.space.set_env("CC", bin("gcc"));
            }
        },
    },
];

fn other_assembler(world: &World) -> PathBuf {
    let dir = world.space.base().join("tools/bin");
    world.space.mkdir(&dir);
    let mut content = fs::read(bin("as")).unwrap();
    content.push(b'\n');
    world.space.write_program(dir.join("as"), content);
    dir
}

#[test]
fn parts_of_gcc() {
    if require_root() {
        play(Tools::Gcc, "release", REPLACED, &[]);
    }
}

#[test]
fn parts_of_clang() {
    if require_root() {
        play(Tools::Clang, "release", REPLACED, &["compiler of clang", "linker"]);
    }
}
