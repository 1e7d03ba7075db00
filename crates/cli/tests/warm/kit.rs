//! A small project, and numbers by chance.

use rekindle_testkit::{Built, Space};

/// A generator of numbers that are the same in every run (Steele, Lea, Flood: SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// A project of a few actions, one of each kind.
const PROJECT: &str = "\
=== rekindle.toml
[project]
name = \"p\"

[command.words]
argv = [\"sh\", \"words.sh\", \"{in}\", \"{out}\"]
inputs = [\"words.txt\"]
outputs = [\"words.c\"]

[library.util]
sources = [\"util/*.c\"]
include = [\"include\"]

[executable.app]
sources = [\"main.c\", \"command:words\"]
deps = [\"util\"]
=== words.txt
warm builds
=== words.sh
{ printf 'const char *words(void) { return \"'; tr -d '\\n' < \"$1\"; echo '\"; }'; } > \"$2\"
=== include/util.h
#define BASE 40
int one(void);
int two(void);
const char *words(void);
=== util/one.c
#include \"util.h\"
int one(void) { return BASE + 1; }
=== util/two.c
#include \"util.h\"
int two(void) { return BASE + 2; }
=== main.c
#include <stdio.h>
#include \"util.h\"
int main(void) {
  int unused_but_warned_of = 0;
  printf(\"%s %d %d\\n\", words(), one(), two());
  return 0;
}
";

/// What a build of all of it does.
pub(crate) const ALL: &str = "4c 1a 1l 1x";

/// The project, not built yet.
pub(crate) fn project() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(PROJECT);
    space
}

/// How often a run said something about its store.
pub(crate) fn notices(built: &Built) -> usize {
    let told = built.events.iter().filter(|event| event["event"] == "diagnostic");
    told.filter(|event| event["message"].as_str().is_some_and(|text| text.contains("store"))).count()
}
