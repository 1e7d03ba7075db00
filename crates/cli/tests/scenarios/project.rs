//! The project of the scenarios: an archive of two units, of which the program uses one, a program of two, and
//! headers that one, two or three units read.

use rekindle_testkit::{Built, Space, require};

/// What the scenarios are run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    /// `gcc` or `clang`.
    pub(crate) cc: &'static str,
    /// Whether there is debug information.
    pub(crate) debug: bool,
}

impl Variant {
    /// clang writes a digest of every source and header into debug information, so that no edit goes unseen there.
    pub(crate) fn sees_comments(self) -> bool {
        self.cc == "clang" && self.debug
    }
}

const FILES: &str = "\
=== rekindle.toml
[project]
name = \"scenes\"

[library.util]
sources = [\"util/*.c\"]
include = [\"first\", \"include\"]

[executable.app]
sources = [\"src/*.c\"]
deps = [\"util\"]

[profile.plain]
debug = false
=== src/main.c
#include <stdio.h>
#include \"util.h\"
#include \"extra.h\"
#include \"level.h\"
/* It says hello. */
int main(void) {
  printf(\"%d %d %d\\n\", one(), extra(), LEVEL);
  return 0;
}
=== src/extra.c
#include \"extra.h\"
int extra(void) { return EXTRA; }
=== src/extra.h
/* It is extra. */
#define EXTRA 20
int extra(void);
=== util/one.c
#include \"util.h\"
int one(void) { return BASE + 1; }
=== util/two.c
#include \"util.h\"
int two(void) { return BASE * 2; }
=== include/util.h
/* It is useful. */
#define BASE 10
int one(void);
int two(void);
=== include/level.h
#define LEVEL 30
=== first/readme.txt
Headers in this directory come first.
";

/// A scenario while it is played.
pub(crate) struct Case {
    /// The project.
    pub(crate) space: Space,
    /// With what it is built.
    pub(crate) variant: Variant,
}

impl Case {
    /// The project, not built yet; `None` if its compiler is missing.
    pub(crate) fn new(variant: Variant) -> Option<Self> {
        if !require(variant.cc) {
            return None;
        }
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write_all(FILES);
        space.set_env("CC", variant.cc);
        for file in space.files() {
            space.age(file, -3600);
        }
        Some(Self { space, variant })
    }

    /// The arguments that choose the profile.
    pub(crate) fn profile(&self) -> &'static [&'static str] {
        if self.variant.debug { &["--profile", "debug"] } else { &["--profile", "plain"] }
    }

    /// Builds.
    #[track_caller]
    pub(crate) fn build(&self) -> Built {
        self.space.build(self.profile())
    }

    /// Builds, and that must succeed.
    #[track_caller]
    pub(crate) fn build_well(&self) -> Built {
        let built = self.build();
        built.ok();
        built
    }

    /// A source that takes the compiler some tenths of a second.
    pub(crate) fn write_slow(&self, answer: u32) {
        let count = if self.variant.cc == "clang" { 6000 } else { 2000 };
        let mut text = format!("int slow(void) {{ return {answer}; }}\n");
        for number in 1..count {
            text.push_str(&format!("int slow{number}(int a) {{ return a * {number} + a / {number}; }}\n"));
        }
        // clang maps its source into memory, where a file that gets shorter is its end: editors put new files.
        self.space.write("src/slow.c.new", text);
        self.space.rename("src/slow.c.new", "src/slow.c");
    }

    /// Builds, and calls `meanwhile` when the compiler has read the slow source and works on it.
    #[track_caller]
    pub(crate) fn build_and_meanwhile(&self, meanwhile: impl FnOnce(&Self)) -> Built {
        let mut running = self.space.start_build(self.profile());
        running.until_works(&["slow.c"]);
        meanwhile(self);
        running.wait()
    }
}
