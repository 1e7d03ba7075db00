//! What belongs to a package of cargo besides its own directory. Every edit keeps the time of before, so that whoever goes
//! by times is wrong.

use rekindle_testkit::{Space, require, require_path};

use crate::kit::rust;

const PROGRAM: &str = "\
=== rekindle.toml
[project]
name = \"p\"
[archive.rt]
cargo = \"rt/Cargo.toml\"
[executable.app]
sources = [\"main.c\"]
deps = [\"rt\"]
=== main.c
#include <stdio.h>
int val(void);
int main(void) { printf(\"%d\\n\", val()); }
=== rt/Cargo.toml
[package]
name = \"rt\"
version = \"0.1.0\"
edition = \"2021\"
[lib]
crate-type = [\"staticlib\"]
[profile.release]
panic = \"abort\"
[workspace]
";

/// The program with more files; none if there is no cargo.
fn project(files: &str) -> Option<Space> {
    if !require_path(&rust().join("cargo"), "cargo") {
        return None;
    }
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(PROGRAM);
    space.write_all(files);
    space.put_on_path(&rust());
    let store = space.base().join("store");
    space.use_store(&store);
    for file in space.files() {
        space.age(file, -3600);
    }
    Some(space)
}

/// Builds, and holds what the program prints against `value` and all outputs against a clean build's.
#[track_caller]
fn prints(space: &Space, value: &str) {
    space.build(&[]).ok();
    assert_eq!(space.prints("app").trim(), value);
    space.assert_like_clean(&["--no-store"]);
    space.build(&[]).ok().assert_work("-");
}

/// Changes a file behind the back of everybody who goes by times.
fn edit(space: &Space, file: &str, from: &str, to: &str) {
    space.edit(file, from, to);
    space.age(file, -3600);
}

#[test]
fn what_a_build_script_left_for_other_inputs_is_gone() {
    let files = "\
=== rt/build.rs
use std::{env, fs, path::Path};
fn main() {
    let out = Path::new(&env::var(\"OUT_DIR\").unwrap()).join(\"data\");
    fs::create_dir_all(&out).unwrap();
    for entry in fs::read_dir(\"data\").unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), out.join(entry.file_name())).unwrap();
    }
    println!(\"cargo:rustc-env=COUNT={}\", fs::read_dir(&out).unwrap().count());
    println!(\"cargo:rerun-if-changed=data\");
}
=== rt/src/lib.rs
#[no_mangle] pub extern \"C\" fn val() -> i32 { env!(\"COUNT\").parse().unwrap() }
=== rt/data/a
a
=== rt/data/b
b
";
    let Some(space) = project(files) else { return };
    prints(&space, "2");
    std::fs::remove_file(space.path("rt/data/b")).unwrap();
    prints(&space, "1");
}

#[test]
fn a_package_of_another_workspace_inherits_from_that() {
    let files = "\
=== rt/src/lib.rs
#[no_mangle] pub extern \"C\" fn val() -> i32 { y::value() }
=== other/Cargo.toml
[workspace]
members = [\"y\", \"z\"]
resolver = \"2\"
[workspace.package]
version = \"0.1.0\"
[workspace.dependencies]
z = { path = \"z\" }
=== other/y/Cargo.toml
[package]
name = \"y\"
version.workspace = true
[dependencies]
z.workspace = true
=== other/y/src/lib.rs
pub fn value() -> i32 { z::value() }
=== other/z/Cargo.toml
[package]
name = \"z\"
version.workspace = true
[features]
more = []
=== other/z/src/lib.rs
pub fn value() -> i32 { if cfg!(feature = \"more\") { 70 } else { 1 } }
";
    let Some(space) = project(files) else { return };
    let manifest = space.read("rt/Cargo.toml");
    space
        .write("rt/Cargo.toml", [&manifest[..], b"[dependencies]\ny = { path = \"../other/y\" }\n"].concat());
    prints(&space, "1");
    edit(&space, "other/z/src/lib.rs", "{ 1 }", "{ 2 }");
    prints(&space, "2");
    edit(&space, "other/Cargo.toml", "path = \"z\"", "path = \"z\", features = [\"more\"]");
    prints(&space, "70");
}

#[test]
fn sources_in_the_place_of_a_registry_are_watched() {
    let files = "\
=== rt/src/lib.rs
#[no_mangle] pub extern \"C\" fn val() -> i32 { y::value() }
=== rt/.cargo/config.toml
[source.crates-io]
replace-with = \"own\"
[source.own]
directory = \"../vendor\"
=== rt/Cargo.lock
version = 4

[[package]]
name = \"rt\"
version = \"0.1.0\"
dependencies = [
 \"y\",
]

[[package]]
name = \"y\"
version = \"1.0.0\"
source = \"registry+https://github.com/rust-lang/crates.io-index\"
=== vendor/y/Cargo.toml
[package]
name = \"y\"
version = \"1.0.0\"
edition = \"2021\"
=== vendor/y/.cargo-checksum.json
{\"files\":{}}
=== vendor/y/src/lib.rs
pub fn value() -> i32 { 1 }
";
    let Some(space) = project(files) else { return };
    let manifest = space.read("rt/Cargo.toml");
    space.write("rt/Cargo.toml", [&manifest[..], b"[dependencies]\ny = \"1\"\n"].concat());
    prints(&space, "1");
    edit(&space, "vendor/y/src/lib.rs", "{ 1 }", "{ 2 }");
    prints(&space, "2");
}

const FLAGGED: &str = "\
=== rt/src/lib.rs
#[no_mangle] pub extern \"C\" fn val() -> i32 { if cfg!(one) { 1 } else if cfg!(two) { 2 } else { 0 } }
";

#[test]
fn a_file_that_the_configuration_includes_is_watched() {
    let Some(space) = project(FLAGGED) else { return };
    space.write("rt/.cargo/config.toml", "include = [\"../../more.toml\"]\n");
    space.write("more.toml", "[build]\nrustflags = [\"--cfg\", \"one\"]\n");
    space.build(&[]).ok();
    let first = space.prints("app");
    edit(&space, "more.toml", "one", "two");
    space.build(&[]).ok().assert_kinds(if first.trim() == "1" { "1b 1l" } else { "1b" }, "-");
    // Versions of cargo before 1.94 leave it out.
    assert_eq!(space.prints("app").trim(), if first.trim() == "1" { "2" } else { "0" });
}

#[test]
fn a_wrapper_of_the_compiler_counts_however_it_is_named() {
    let Some(mut space) = project(FLAGGED) else { return };
    let wrapper = space.base().join("wrapper");
    let script =
        |name: &str| format!("#!/bin/sh\nprogram=$1\nshift\nexec \"$program\" \"$@\" --cfg {name}\n");
    space.write_program(&wrapper, script("one"));
    space.set_env("CARGO_BUILD_RUSTC_WRAPPER", wrapper.to_str().unwrap());
    prints(&space, "1");
    space.write_program(&wrapper, script("two"));
    prints(&space, "2");
}

#[test]
fn a_header_that_lay_there_by_hand_is_there_again_when_the_command_fails() {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(
        "\
=== rekindle.toml
[project]
name = \"p\"
[archive.v]
command = [\"sh\", \"build.sh\"]
working-directory = \"v\"
tools = [\"sh\"]
inputs = [\"v\"]
outputs = [\"v/libv.a\", \"v/v.h\"]
=== v/build.sh
exit 3
=== v/v.h
#define BY_HAND 1
",
    );
    let store = space.base().join("store");
    space.use_store(&store);
    space.build(&["v"]).exits(1);
    assert_eq!(space.read("v/v.h"), b"#define BY_HAND 1\n");
}

/// A library whose makefile takes in every object that lies there.
const ALL_OBJECTS: &str = "\
=== rekindle.toml
[project]
name = \"p\"
[archive.v]
make = \"v\"
outputs = [\"v/libv.a\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"v\"]
=== main.c
#include <stdio.h>
int val(void);
int main(void) { printf(\"%d\\n\", val()); }
=== v/Makefile
libv.a: $(patsubst %.c,%.o,$(wildcard *.c))
\t$(AR) rcs $@ *.o
=== v/a.c
int w(void);
int val(void) { return w(); }
=== v/b.c
int w(void) { return 10; }
";

#[test]
fn an_object_that_nobody_makes_any_more_is_told_of_and_its_archive_is_shared_with_nobody() {
    if !require("make") {
        return;
    }
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(ALL_OBJECTS);
    let store = space.base().join("store");
    space.use_store(&store);
    space.build(&[]).ok();
    assert_eq!(space.prints("app").trim(), "10");
    space.write("v/c.c", "int w(void) { return 20; }\n");
    std::fs::remove_file(space.path("v/b.c")).unwrap();
    let built = space.build(&[]);
    let event = built.ok().actions().into_iter().find(|action| action.kind == "auto_archive").unwrap().event;
    insta::assert_snapshot!(event["local"], @r#""`v/b.o` lay there before and was not made again, so it may be in the archive though it should not: delete it, or name it below `inputs`""#);
    // Another checkout has no such object: there the archive is made of its sources.
    let other = space.copy_to_another_place();
    std::fs::remove_file(other.path("v/b.o")).unwrap();
    other.remove_if_there(".rekindle");
    other.build(&[]).ok().assert_kinds("1b 1l", "1c");
    assert_eq!(other.prints("app").trim(), "20");
    // And here as well, once it is deleted and something is built.
    std::fs::remove_file(space.path("v/b.o")).unwrap();
    space.write("v/c.c", "int w(void) { return 30; }\n");
    space.build(&[]).ok();
    assert_eq!(space.prints("app").trim(), "30");
}
