//! The project of these tests: an archive that cargo, make or CMake builds from two sources, a header and a header
//! behind a symbolic link, and a C program that is linked with it and prints what comes out.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rekindle_testkit::{Built, Running, Space, found, require, require_path};

/// What builds the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Cargo,
    Make,
    Cmake,
}

const PROGRAM: &str = "\
=== main.c
#include <stdio.h>
#include \"part.h\"
int main(void) { printf(\"%d %s\\n\", part_value(), part_names()); return 0; }
=== include/part.h
int part_value(void);
const char *part_names(void);
=== levels/five.h
5
=== levels/six.h
6
=== part/src/level.h
10
";

const CARGO: &str = "\
=== rekindle.toml
[project]
name = \"archives\"
[archive.part]
cargo = \"part/Cargo.toml\"
env-from = [\"LIB_ADD\"]
include = [\"include\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"part\"]
=== part/Cargo.toml
[package]
name = \"part\"
version = \"0.1.0\"
edition = \"2021\"
[lib]
crate-type = [\"staticlib\"]
[profile.release]
panic = \"abort\"
[workspace]
=== part/Cargo.lock
version = 4

[[package]]
name = \"part\"
version = \"0.1.0\"
=== part/src/lib.rs
//! A value that depends on all that is read.
mod one;
const NAMES: &core::ffi::CStr = c\"-\";
const fn digit(text: Option<&str>) -> i32 {
    match text {
        Some(text) if !text.is_empty() => (text.as_bytes()[0] - b'0') as i32,
        _ => 0,
    }
}
#[no_mangle]
pub extern \"C\" fn part_value() -> i32 {
    one::one() + 100 * include!(\"linked.h\") + digit(option_env!(\"LIB_ADD\")) + 1000 * digit(option_env!(\"LIB_TOOL\"))
}
#[no_mangle]
pub extern \"C\" fn part_names() -> *const core::ffi::c_char {
    NAMES.as_ptr()
}
=== part/src/one.rs
// It counts.
pub fn one() -> i32 { include!(\"level.h\") + 1 }
";

/// A build script that tells the names of the sources.
const LISTING: &str = "fn main() {
    let list = std::fs::read_dir(\"src\").unwrap();
    let mut names: Vec<_> = list.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(\".rs\"));
    names.sort();
    let out = std::env::var(\"OUT_DIR\").unwrap();
    std::fs::write(format!(\"{out}/names\"), format!(\"c\\\"{}\\\"\", names.join(\" \"))).unwrap();
}
";

const C: &str = "\
=== part/src/lib.c
int one(void);
static const int linked =
#include \"linked.h\"
;
int part_value(void) { return one() + 100 * linked + (ADD + 0) + 1000 * (TOOL + 0); }
const char *part_names(void) { return NAMES; }
=== part/src/one.c
// It counts.
static const int level =
#include \"level.h\"
;
int one(void) { return level + 1; }
";

const MAKE: &str = "\
=== rekindle.toml
[project]
name = \"archives\"
[archive.part]
make = \"part\"
outputs = [\"part/libpart.a\"]
env-from = [\"LIB_ADD\"]
include = [\"include\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"part\"]
=== part/Makefile
sources := $(sort $(wildcard src/*.c))
objects := $(sources:.c=.o)
defines = -DNAMES='\"$(notdir $(sources))\"' -DADD=$(LIB_ADD) -DTOOL=$(LIB_TOOL)
libpart.a: $(objects)
\t@$(AR) rcU $@ $(objects)
src/%.o: src/%.c src/level.h
\t@$(CC) -O1 $(defines) -c $< -o $@
";

const CMAKE: &str = "\
=== rekindle.toml
[project]
name = \"archives\"
[archive.part]
cmake = \"part\"
targets = [\"part\"]
outputs = [\"libpart.a\"]
env-from = [\"LIB_ADD\"]
include = [\"include\"]
[executable.app]
sources = [\"main.c\"]
deps = [\"part\"]
=== part/CMakeLists.txt
cmake_minimum_required(VERSION 3.13)
project(part C)
file(GLOB sources RELATIVE \"${CMAKE_CURRENT_SOURCE_DIR}\" src/[a-z]*.c)
list(SORT sources)
string(REPLACE \";\" \" \" names \"${sources}\")
string(REPLACE \"src/\" \"\" names \"${names}\")
add_library(part STATIC ${sources})
target_compile_definitions(part PRIVATE \"NAMES=\\\"${names}\\\"\" \"ADD=$ENV{LIB_ADD}\" \"TOOL=$ENV{LIB_TOOL}\")
";

/// The directory of the toolchain of Rust that runs these tests, not a proxy.
pub(crate) fn rust() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from(env!("CARGO")));
    Path::new(&cargo).parent().unwrap_or(Path::new("/")).to_path_buf()
}

impl Form {
    /// The name of the program that is run.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Make => "make",
            Self::Cmake => "cmake",
        }
    }

    /// Where that is.
    pub(crate) fn real(self) -> PathBuf {
        match self {
            Self::Cargo => rust().join("cargo"),
            other => found(other.tool()).unwrap_or_default(),
        }
    }

    /// How many commands one run of it takes: CMake configures, then builds.
    pub(crate) fn commands(self) -> u64 {
        if self == Self::Cmake { 2 } else { 1 }
    }

    /// A source, by name.
    pub(crate) fn source(self, name: &str) -> String {
        let ending = if self == Self::Cargo { "rs" } else { "c" };
        format!("part/src/{name}.{ending}")
    }

    /// The files that only its project has.
    fn files(self) -> [&'static str; 2] {
        match self {
            Self::Cargo => [CARGO, ""],
            Self::Make => [MAKE, C],
            Self::Cmake => [CMAKE, C],
        }
    }

    fn is_here(self) -> bool {
        match self {
            Self::Cargo => require_path(&self.real(), "cargo"),
            Self::Make => require("make"),
            Self::Cmake => require("cmake") && require("make"),
        }
    }
}

/// A project while it is played with.
pub(crate) struct Case {
    pub(crate) space: Space,
    pub(crate) form: Form,
}

/// When the tool stands still.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held {
    /// Before it has read anything.
    Before,
    /// When it has written its archive, before its process ends.
    After,
}

impl Held {
    fn file(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

impl Case {
    /// The project with a store of its own, not built yet; `None` if its tool is missing.
    pub(crate) fn new(form: Form) -> Option<Self> {
        if !form.is_here() {
            return None;
        }
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write_all(PROGRAM);
        for files in form.files() {
            space.write_all(&format!("{files}\n"));
        }
        space.symlink("../../levels/five.h", "part/src/linked.h");
        if form == Form::Cargo {
            space.put_on_path(&rust());
        }
        for file in space.files() {
            space.age(file, -3600);
        }
        let store = space.base().join("store");
        space.use_store(&store);
        Some(Self { space, form })
    }

    /// The same with a source that nothing calls; the names of all sources are in what is built.
    pub(crate) fn with_names(form: Form) -> Option<Self> {
        let case = Self::new(form)?;
        if form == Form::Cargo {
            case.space.write("part/build.rs", LISTING);
            let names = "include!(concat!(env!(\"OUT_DIR\"), \"/names\"))";
            case.space.edit("part/src/lib.rs", "c\"-\"", names);
        }
        case.write_source("two");
        Some(case)
    }

    /// Writes a source that nothing calls.
    pub(crate) fn write_source(&self, name: &str) {
        let text = match self.form {
            Form::Cargo => format!("pub fn {name}() -> i32 {{ 2 }}\n"),
            Form::Make | Form::Cmake => format!("int {name}(void) {{ return 2; }}\n"),
        };
        self.space.write(self.form.source(name), text);
    }

    /// Replaces a text in a source that is compiled.
    pub(crate) fn edit_source(&self, from: &str, to: &str) {
        self.space.edit(&self.form.source("one"), from, to);
    }

    /// Builds.
    #[track_caller]
    pub(crate) fn build(&self) -> Built {
        self.space.build(&[])
    }

    /// Builds, and that must succeed with exactly this much run and this much put back, and a process for each command.
    #[track_caller]
    pub(crate) fn does(&self, ran: &str, restored: &str) -> Built {
        let built = self.build();
        self.did(&built, ran, restored, 1);
        built
    }

    /// What a build did: its tool ran `times` for each archive that was built.
    #[track_caller]
    pub(crate) fn did(&self, built: &Built, ran: &str, restored: &str, times: u64) {
        built.ok().assert_kinds(ran, restored);
        let summary = built.summary();
        let of = |kind: &str| summary.number(&["kinds", kind, "ran"]);
        let expected = of("compile") + of("link") + of("auto_archive") * self.form.commands() * times;
        assert_eq!(summary.processes(), expected, "processes\n{}", built.story());
    }

    /// The first build, which also asks the compiler what it is.
    #[track_caller]
    pub(crate) fn first(&self) -> Built {
        let built = self.build();
        built.ok().assert_kinds("1b 1c 1l", "-");
        built
    }

    /// What the program prints.
    #[track_caller]
    pub(crate) fn prints(&self) -> String {
        self.space.prints("app")
    }

    /// All outputs equal a clean build's that shares nothing, and nothing is left to do.
    #[track_caller]
    pub(crate) fn is_settled(&self) {
        self.space.assert_like_clean(&["--no-store"]);
        self.does("-", "-");
    }

    /// The tool is a script from here on, which runs the real one with `LIB_TOOL` set to `value`.
    pub(crate) fn wrap_tool(&mut self, value: u32) {
        let script =
            format!("#!/bin/sh\nLIB_TOOL={value} exec {} \"$@\"\n", self.form.real().to_string_lossy());
        self.replace_tool(&script);
    }

    /// The tool is a script from here on that can be held.
    pub(crate) fn hold_tool(&mut self) {
        // It names no file of its own but the real tool: what a wrapper names is a part of it.
        let script = format!(
            "#!/bin/sh\ndir=${{0%/*}}/..\nhold() {{\n  [ -e $dir/$1 ] || return\n  : > $dir/reached\n  \
             while [ -e $dir/$1 ]; do sleep 0.01; done\n  rm -f $dir/reached\n}}\n\
             hold before\n{} \"$@\"\ncode=$?\n[ \"$1\" = -S ] || hold after\nexit $code\n",
            self.form.real().to_string_lossy(),
        );
        self.replace_tool(&script);
    }

    /// The tool is this script from here on, which lies before all others.
    pub(crate) fn replace_tool(&mut self, script: &str) {
        let (dir, program) = (self.tool("bin"), self.tool("bin").join(self.form.tool()));
        if !dir.exists() {
            self.space.put_on_path(&dir);
        }
        self.space.remove_if_there(&program);
        self.space.write_program(&program, script);
    }

    /// A path beside the project where tools of the test lie.
    pub(crate) fn tool(&self, name: &str) -> PathBuf {
        self.space.base().join("tools").join(name)
    }

    /// Begins a build, whose tool stands still when this returns.
    #[track_caller]
    pub(crate) fn start_held(&self, when: Held) -> Running {
        self.space.write(self.tool(when.file()), "");
        let mut running = self.space.start_build(&[]);
        running.until_exists(&self.tool("reached"));
        running
    }

    /// Lets the tool go on.
    pub(crate) fn let_go(&self) {
        for when in [Held::Before, Held::After] {
            self.space.remove_if_there(self.tool(when.file()));
        }
    }

    /// Kills a build whose tool stands still, and what it started.
    #[track_caller]
    pub(crate) fn kill(&self, mut running: Running) {
        let below = running.descendants();
        assert!(!below.is_empty(), "the tool does not run");
        running.kill();
        self.let_go();
        // It ends by itself: nothing keeps it any longer.
        for (id, _) in below {
            while Path::new(&format!("/proc/{id}")).exists() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
}
