//! The proof that no tool is spawned to find that it has nothing to do: one program with an archive by cargo, one by make and
//! one by CMake, without the tools, or with others in their place.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use rekindle_testkit::{Built, Run, Space, found, require, require_path};

use crate::kit::rust;

const FILES: &str = "\
=== rekindle.toml
[project]
name = \"three\"
[archive.rusty]
cargo = \"rusty/Cargo.toml\"
[archive.made]
make = \"made\"
outputs = [\"made/libmade.a\"]
[archive.configured]
cmake = \"configured\"
targets = [\"configured\"]
outputs = [\"libconfigured.a\"]
[executable.app]
sources = [\"src/*.c\"]
deps = [\"rusty\", \"made\", \"configured\"]
=== rusty/Cargo.toml
[package]
name = \"rusty\"
version = \"0.1.0\"
edition = \"2021\"
[lib]
crate-type = [\"staticlib\"]
[profile.release]
panic = \"abort\"
[workspace]
=== rusty/Cargo.lock
version = 4

[[package]]
name = \"rusty\"
version = \"0.1.0\"
=== rusty/src/lib.rs
#[no_mangle]
pub extern \"C\" fn rusty() -> u32 { 1 }
=== made/Makefile
libmade.a: made.o
\t$(AR) rcs $@ made.o
made.o: made.c
\t$(CC) -O1 -c made.c -o $@
=== made/made.c
unsigned made(void) { return 20; }
=== configured/CMakeLists.txt
cmake_minimum_required(VERSION 3.13)
project(configured C)
add_library(configured STATIC configured.c)
=== configured/configured.c
unsigned configured(void) { return 300; }
";

/// What the three archives add up to.
const ARCHIVES: u64 = 321;
/// The tools.
const TOOLS: [&str; 3] = ["cargo", "make", "cmake"];
/// What is left on `PATH` without them.
const REST: [&str; 10] = ["cc", "c++", "gcc", "g++", "ar", "as", "ld", "ranlib", "nm", "sh"];
/// One chain of the compiler (driver, compiler, assembler) and one of the linker (driver, its collect2, linker).
const CHAINS: u64 = 6;

/// The program, with its archives.
struct Three {
    space: Space,
    modules: u64,
}

impl Three {
    /// With this many modules of one line; not built yet. `None` if a tool is missing.
    fn new(modules: u64) -> Option<Self> {
        let all = require_path(&rust().join("cargo"), "cargo") && require("make") && require("cmake");
        if !all {
            return None;
        }
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write_all(FILES);
        let (mut main, mut sum) = (String::from("#include <stdio.h>\n"), String::new());
        for module in 0..modules {
            space.write(
                format!("src/m{module}.c"),
                format!("unsigned m{module}(void) {{ return {module}; }}\n"),
            );
            let _ = writeln!(main, "unsigned m{module}(void);");
            let _ = write!(sum, " + m{module}()");
        }
        let _ = writeln!(main, "unsigned rusty(void), made(void), configured(void);");
        let _ = writeln!(
            main,
            "int main(void) {{ printf(\"%u\\n\", rusty() + made() + configured(){sum}); return 0; }}"
        );
        space.write("src/main.c", main);
        let few = space.base().join("tools/few");
        space.mkdir(&few);
        for name in REST {
            if let Some(path) = found(name) {
                space.symlink(path, few.join(name));
            }
        }
        space.put_on_path(&rust());
        space.put_on_path(&few);
        let store = space.base().join("store");
        space.use_store(&store);
        Some(Self { space, modules })
    }

    /// Takes every tool off `PATH`.
    fn take_tools_away(&mut self) {
        let few = self.space.base().join("tools/few");
        self.space.set_env("PATH", few);
    }

    /// Programs with the names of the tools that leave a mark and fail, in a directory of their own.
    fn marks(&self) -> PathBuf {
        let dir = self.space.base().join("tools/marks");
        // Without a `rustc`, cargo would be one that lacks a part, which counts as absent.
        for name in TOOLS.into_iter().chain(["rustc"]) {
            let script = "#!/bin/sh\nlog=mark\necho ${0##*/} >> ${0%/*}/../$log\nexit 9\n";
            self.space.write_program(dir.join(name), script);
        }
        dir
    }

    fn mark(&self) -> PathBuf {
        self.space.base().join("tools/mark")
    }

    #[track_caller]
    fn first(&self) {
        let built = self.run().done();
        built.ok().assert_kinds(&format!("3b {}c 1l", self.modules + 1), "-");
        self.adds_up_to(0);
    }

    fn run(&self) -> Run<'_> {
        self.space.run(&["build", "--format", "json", "-v"]).within(Duration::from_secs(300))
    }

    /// What the program prints, with this much more than at first.
    #[track_caller]
    fn adds_up_to(&self, more: u64) {
        let modules: u64 = (0..self.modules).sum();
        assert_eq!(self.space.prints("app"), (ARCHIVES + modules + more).to_string());
    }

    /// A no-op, and the build after an edit of one module: neither runs more than it has to, by the summary and, if there
    /// is `strace`, by the programs that were executed.
    #[track_caller]
    fn no_op_and_edit(&self) -> Built {
        let count = |what: &str, expected: u64| -> Built {
            if !require("strace") {
                return self.run().done();
            }
            let (built, programs) = self.run().counting_programs();
            assert_eq!(programs, expected, "programs in {what}\n{}", built.story());
            built
        };
        let no_op = count("a no-op", 0);
        no_op.ok().assert_work("-");
        assert_eq!(no_op.summary().fresh.total(), self.modules + 5, "{}", no_op.story());
        self.adds_up_to(0);
        self.space.edit("src/m3.c", "return 3", "return 4");
        let edit = count("an edit", CHAINS);
        edit.ok().assert_work("1c 1l");
        self.adds_up_to(1);
        no_op
    }
}

#[test]
fn without_the_tools_on_path_a_no_op_and_an_edit_run_what_they_run_with_them() {
    let Some(mut three) = Three::new(10) else { return };
    three.first();
    three.take_tools_away();
    let no_op = three.no_op_and_edit();
    for (archive, tool) in [("rusty", "cargo"), ("made", "make"), ("configured", "cmake")] {
        no_op.says(&format!("{archive}: fresh, tool absent: `{tool}` is not on this machine"));
    }
}

#[test]
fn with_three_hundred_modules_no_more_programs_are_executed_than_with_ten() {
    let Some(mut three) = Three::new(300) else { return };
    three.first();
    three.take_tools_away();
    three.no_op_and_edit();
}

#[test]
#[ignore = "a thousand compiles take half a minute; three hundred show the same"]
fn with_a_thousand_modules_no_more_programs_are_executed_than_with_ten() {
    let Some(mut three) = Three::new(1000) else { return };
    three.first();
    three.take_tools_away();
    three.no_op_and_edit();
}

#[test]
fn with_the_tools_in_their_places_and_failing_ones_behind_them_nothing_but_compiler_and_linker_is_executed() {
    let Some(mut three) = Three::new(10) else { return };
    three.first();
    let marks = three.marks();
    let path = std::env::join_paths([
        three.space.base().join("tools/few"),
        rust(),
        "/usr/local/bin".into(),
        "/usr/bin".into(),
        "/bin".into(),
        marks,
    ]);
    three.space.set_env("PATH", path.unwrap());
    three.no_op_and_edit();
    assert!(!three.mark().exists(), "a program in the place of a tool was run");
}

/// The other way to read "replaced by a program that fails": what is found under the tool's name is another tool, so what the
/// tool made is stale. It is run, its failure is told, and the old archive is not linked.
#[test]
fn failing_programs_in_the_place_of_the_tools_are_other_tools_whose_failure_is_told() {
    let Some(mut three) = Three::new(10) else { return };
    three.first();
    let path =
        std::env::join_paths([rust(), "/usr/local/bin".into(), "/usr/bin".into(), "/bin".into()]).unwrap();
    let few = three.space.base().join("tools/few");
    let marks = three.marks();
    three.space.set_env("PATH", std::env::join_paths([&few, &marks]).unwrap());
    three.space.edit("src/m3.c", "return 3", "return 4");
    let built = three.run().args(&["-k"]).done();
    built.exits(1);
    let summary = built.summary();
    assert_eq!(summary.number(&["kinds", "auto_archive", "failed"]), 3, "{}", built.story());
    assert_eq!((summary.ran.total(), summary.number(&["kinds", "link", "ran"])), (1, 0), "{}", built.story());
    for archive in ["rusty", "made", "configured"] {
        let found = built.actions().into_iter().find(|action| action.event["name"] == archive).unwrap();
        assert_eq!(found.event["reasons"][0]["kind"], "toolchain_changed", "{}", found.event);
        assert_eq!(found.event["failure"], "it exited with code 9", "{}", found.event);
    }
    let mut ran: Vec<String> =
        String::from_utf8(three.space.read(three.mark())).unwrap().lines().map(Into::into).collect();
    ran.sort();
    assert_eq!(ran, ["cargo", "cmake", "make"]);
    // With the tools again nothing has to run but what was not reached.
    let mut all = few.into_os_string();
    all.push(":");
    all.push(path);
    three.space.set_env("PATH", all);
    let built = three.run().done();
    built.ok().assert_kinds("1l", "-");
    three.adds_up_to(1);
}

#[test]
fn what_was_made_elsewhere_is_put_back_without_the_tools() {
    let Some(three) = Three::new(10) else { return };
    three.first();
    let mut other = Three { space: three.space.copy_to_another_place(), modules: 10 };
    other.space.remove(".rekindle");
    other.space.move_project("another/workspace");
    let few = three.space.base().join("tools/few");
    other.space.set_env("PATH", few);
    let built = other.space.build(&["--forbid-spawn"]);
    built.assert_restored("3b 11c 1l").says("rusty: restored, tool absent: `cargo` is not on this machine");
    other.adds_up_to(0);
    other.no_op_and_edit();
}
