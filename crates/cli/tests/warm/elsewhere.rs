//! Right sharing: what was built in one workspace is put back in another one, which lies elsewhere, belongs to somebody
//! else and is built with another copy of the compiler. No process is started, and nothing of the first place is left
//! in the second.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rekindle_testkit::{Built, Space, Tree, require};

use crate::copies::{Copy, Tool, assert_nowhere, use_copy};

/// A project with something of every kind in it.
const FILES: &str = "\
=== rekindle.toml
[project]
name = \"traveller\"

[library.util]
sources = [\"util/*.c\"]
include = [\"include\"]

[library.part]
type = \"shared\"
sources = [\"part/*.c\"]
include = [\"include\"]

[command.words]
argv = [\"sh\", \"words.sh\", \"{in}\", \"{out}\"]
inputs = [\"words.txt\"]
outputs = [\"words.c\"]

[command.digits]
argv = [\"{target:mkdigits}\", \"{out}\"]
outputs = [\"digits.h\"]

[executable.mkdigits]
sources = [\"mkdigits.c\"]
default = false

[executable.app]
sources = [\"src/*.c\", \"src/*.cc\", \"src/*.S\", \"command:words\"]
deps = [\"util\", \"part\", \"digits\"]
warnings = \"all\"

[profile.lto]
inherits = \"release\"
lto = true

[profile.traced]
inherits = \"lto\"
debug = true

[profile.packed]
inherits = \"debug\"
cflags = [\"-gz\"]
cxxflags = [\"-gz\"]
asflags = [\"-gz\"]
ldflags = [\"-gz\"]
=== words.txt
warm builds
=== words.sh
{ printf 'const char *words(void) { return \"'; tr -d '\\n' < \"$1\"; echo '\"; }'; } > \"$2\"
=== mkdigits.c
#include <stdio.h>
int main(int count, char **words) {
  FILE *file = fopen(words[count - 1], \"w\");
  fprintf(file, \"#define DIGITS %d\\n\", 40 + 2);
  return fclose(file);
}
=== include/util.h
#include <assert.h>
#include <stddef.h>
#ifdef __cplusplus
extern \"C\" {
#endif
size_t one(int value);
int two(int value);
int part(int value);
int plus(int value);
int low(void);
const char *words(void);
static inline const char *here(void) { return __FILE__; }
#ifdef __cplusplus
}
#endif
=== util/one.c
#include \"util.h\"
size_t one(int value) { assert(value > 0); return sizeof(here()) + value; }
=== util/two.c
#include \"util.h\"
int two(int value) { assert(value < 100); return value * 2; }
=== part/part.c
#include \"util.h\"
int part(int value) { assert(value != 7); return value + 7; }
=== src/main.c
#include <stdio.h>
#include \"util.h\"
#include \"digits.h\"
int main(void) {
  int unused;
  printf(\"%s %s %s \", words(), here(), __FILE__);
  printf(\"%d %d %d %d %d %d\\n\", (int)one(1), two(2), part(3), plus(4), low(), DIGITS);
  return 0;
}
=== src/plus.cc
#include <cassert>
#include <map>
#include <string>
#include \"util.h\"
int plus(int value) {
  std::map<std::string, int> map{{__FILE__, value}};
  assert(map.size() == 1);
  return map.at(__FILE__);
}
=== src/low.S
#include \"low.inc\"
.globl low
.type low, @function
low:
  mov $LOW, %eax
  ret
.size low, .-low
.section .note.GNU-stack,\"\",@progbits
=== src/low.inc
#define LOW 5
";

/// Its program prints this.
const SAYS: &str = "warm builds include/util.h src/main.c 9 4 10 4 5 42";

/// What a build of all of it does.
const ALL: &str = "8c 1a 3l 2x";

/// A workspace that is built with one copy of a toolchain, and the paths of which nothing may be seen elsewhere.
struct Place {
    space: Space,
    toolchain: PathBuf,
}

impl Place {
    /// One with `files`, which shares what it makes in `store`.
    fn first(tool: Tool, files: &str, store: &Path) -> Option<Self> {
        if !tool.needs().iter().all(|tool| require(tool)) {
            return None;
        }
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write_all(files);
        space.use_store(store);
        let toolchain = use_copy(&mut space, tool, Copy::First);
        Some(Self { space, toolchain })
    }

    /// The same files elsewhere, each with a new time, nothing built, in another home, with another copy of the
    /// toolchain.
    fn second(&self, tool: Tool, name: &str) -> Self {
        let mut space = self.space.copy_to_another_place();
        space.remove_if_there(".rekindle");
        space.move_project(name);
        space.set_env("PATH", "/usr/local/bin:/usr/bin:/bin");
        let toolchain = use_copy(&mut space, tool, Copy::Second);
        Self { space, toolchain }
    }

    #[track_caller]
    fn build(&self, args: &[&str]) -> Built {
        let built = self.space.build(args);
        built.ok();
        built
    }

    /// Nothing of this place is in `dir`.
    #[track_caller]
    fn is_nowhere_in(&self, dir: &Path) {
        assert_nowhere(dir, &[self.space.base(), &self.toolchain]);
    }
}

/// Builds in two places one after the other: in the second one, everything is put back.
#[track_caller]
fn moves(tool: Tool, files: &str, profile: &str, all: &str) -> Option<(Place, Place)> {
    let store = Space::new("/bin/true");
    let first = Place::first(tool, files, &store.path("store"))?;
    let profile = ["--profile", profile];
    let made = first.build(&profile);
    made.assert_kinds(all, "-");
    let summary = made.summary();
    let count = |name: &str| summary.number(&["actions", name]);
    assert_eq!((count("bound"), count("volatile"), count("local")), (0, 0, 0), "{}", made.story());

    // gcc's own programs do not get on with blanks when they optimize at the link.
    let name = if matches!(profile[1], "lto" | "traced") {
        "somewhere/else"
    } else {
        "somewhere/else/called otherwise"
    };
    let second = first.second(tool, name);
    let built = second.build(&[&profile[..], &["--forbid-spawn"]].concat());
    built.assert_restored(all);
    assert_eq!(built.summary().processes(), 0, "{}", built.story());
    first.is_nowhere_in(&second.space.path(".rekindle"));
    first.is_nowhere_in(&store.path("store"));
    second.is_nowhere_in(&store.path("store"));
    second.space.assert_like_clean(&[&profile[..], &["--no-store"]].concat());
    let difference = first.space.outputs().difference(&second.space.outputs());
    assert!(difference.is_empty(), "unlike the first (the second):\n{difference}");
    assert_eq!(warnings(&first, &made), warnings(&second, &built), "what was printed is printed again");
    second.build(&profile).assert_work("-");
    Some((first, second))
}

/// What compilers printed in a build, sorted.
fn warnings(place: &Place, built: &Built) -> Vec<String> {
    let told = built.events.iter().filter(|event| event["event"] == "diagnostic");
    let mut told: Vec<String> = told.map(|event| place.space.redact(&event["message"].to_string())).collect();
    told.sort();
    told
}

#[track_caller]
fn host(tool: Tool, profile: &str) {
    let Some((first, second)) = moves(tool, FILES, profile, ALL) else { return };
    for place in [&first, &second] {
        assert_eq!(place.space.prints("app"), SAYS);
    }
    if profile == "debug" || profile == "packed" {
        names_its_sources(&second);
    }
}

/// A debugger that is started in the workspace finds the sources.
#[track_caller]
fn names_its_sources(place: &Place) {
    if !require("gdb") {
        return;
    }
    let app = place.space.output("app");
    let mut gdb = Command::new("gdb");
    let asks =
        ["main", "one", "plus(int)", "low"].map(|function| ["-ex".to_string(), format!("list {function}")]);
    let output =
        gdb.args(["-nx", "-batch"]).args(asks.iter().flatten()).arg(&app).current_dir(place.space.root());
    let output = output.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    for line in ["int main(void) {", "size_t one(int value)", "int plus(int value) {", "mov $LOW, %eax"] {
        assert!(text.contains(line), "no `{line}` in what gdb shows:\n{text}");
    }
}

#[test]
fn gcc_with_debug_information() {
    host(Tool::Gcc, "debug");
}

#[test]
fn gcc_with_compressed_debug_information() {
    host(Tool::Gcc, "packed");
}

#[test]
fn gcc_optimized() {
    host(Tool::Gcc, "release");
}

#[test]
fn gcc_optimized_when_it_links() {
    host(Tool::Gcc, "lto");
}

#[test]
fn gcc_optimized_when_it_links_with_debug_information() {
    host(Tool::Gcc, "traced");
}

#[test]
fn clang_with_debug_information() {
    host(Tool::Clang, "debug");
}

#[test]
fn clang_with_compressed_debug_information() {
    host(Tool::Clang, "packed");
}

#[test]
fn clang_optimized() {
    host(Tool::Clang, "release");
}

#[test]
fn clang_optimized_when_it_links() {
    host(Tool::Clang, "lto");
}

#[test]
fn clang_optimized_when_it_links_with_debug_information() {
    host(Tool::Clang, "traced");
}

/// Firmware: a program for a small controller, and what is loaded into it.
const FIRMWARE: &str = "\
=== rekindle.toml
[project]
name = \"blinker\"

[toolchain.avr]
cc = \"avr-gcc\"
flags = [\"-mmcu=atmega328p\"]

[library.core]
toolchain = \"avr\"
sources = [\"core/*.c\"]
include = [\"core\"]

[executable.firmware]
toolchain = \"avr\"
sources = [\"firmware.c\", \"start.S\"]
deps = [\"core\"]
cflags = [\"-Os\"]
ldflags = [\"-Wl,--gc-sections\"]
output = \"firmware.elf\"

[command.hex]
argv = [\"avr-objcopy\", \"-O\", \"ihex\", \"-R\", \".eeprom\", \"{target:firmware}\", \"{out}\"]
outputs = [\"firmware.hex\"]
=== core/wait.h
#include <stdint.h>
void wait(uint8_t turns);
=== core/wait.c
#include <avr/io.h>
#include <util/delay_basic.h>
#include \"wait.h\"
void wait(uint8_t turns) { while (turns--) _delay_loop_1(200); }
=== firmware.c
#include <avr/io.h>
#include <avr/pgmspace.h>
#include \"wait.h\"
static const char name[] PROGMEM = \"blinker\";
uint8_t mark(void);
int main(void) {
  DDRB = 0xff;
  for (;;) {
    PORTB ^= pgm_read_byte(name) + mark();
    wait(200);
  }
}
=== start.S
#include <avr/io.h>
.global mark
mark:
  in r24, _SFR_IO_ADDR(PINB)
  ret
";

#[track_caller]
fn firmware(profile: &str) {
    let Some((first, second)) = moves(Tool::Avr, FIRMWARE, profile, "3c 1a 1l 1x") else { return };
    let hex = |place: &Place| place.space.read(place.space.output("firmware.hex"));
    assert!(hex(&second).starts_with(b":10") && hex(&first) == hex(&second));
}

#[test]
fn firmware_with_debug_information() {
    firmware("debug");
}

#[test]
fn firmware_optimized() {
    firmware("release");
}

#[test]
fn an_old_path_is_seen_wherever_it_is() {
    if !require("gcc") {
        return;
    }
    let space = Space::new("/bin/true");
    space.write("in/deep/text", format!("a path: {}/x\n", space.base().display()));
    let seen = |dir: &str, path: &Path| {
        let dir = space.path(dir);
        std::panic::catch_unwind(|| assert_nowhere(&dir, &[path])).is_err()
    };
    assert!(seen("in", space.base()));
    assert!(!seen("in", Path::new("/not/there")));
    space.mkdir("links");
    space.symlink(space.base(), "links/link");
    assert!(seen("links", space.base()));
    // What is behind compressed debug sections cannot be read as it is.
    space.write("main.c", "int main(void) { return 0; }\n");
    space.mkdir("packed");
    let mut gcc = Command::new("gcc");
    gcc.args(["-g", "-gz", "-c", "main.c", "-o", "packed/main.o"]).current_dir(space.root());
    assert!(gcc.status().unwrap().success());
    let root = space.root();
    let bytes = space.read("packed/main.o");
    assert!(!String::from_utf8_lossy(&bytes).contains(root.to_str().unwrap()));
    assert!(seen("packed", &root));
    assert!(!Tree::of(&space.path("packed")).is_empty());
}
