//! The project of these tests: two static libraries, a shared one, a program, a test, a command that makes a header,
//! headers that include others, a directory that comes first on the include path, and a unit that warns.

use rekindle_testkit::Space;

/// The manifest; `FLAGS` stands for those of every source.
const MANIFEST: &str = "\
[project]
name = \"snap\"
default = [\"app\", \"low\", \"mid\", \"shr\", \"check\"]

[command.words]
argv = [\"sh\", \"-c\", \"sed 's/^/#define WORD /' $0 > $1\", \"{in}\", \"{out}\"]
inputs = [\"words.txt\"]
outputs = [\"words.h\"]
env-from = [\"TASTE\"]

[library.low]
sources = [\"low/*.c\"]
include = [\"first\", \"include\"]

[library.mid]
sources = [\"mid/*.c\"]
deps = [\"low\"]
warnings = \"all\"

[library.shr]
type = \"shared\"
sources = [\"shr/*.c\"]
include = [\"shr\"]

[executable.app]
sources = [\"src/*.c\"]
deps = [\"mid\", \"shr\", \"words\"]

[test.check]
sources = [\"tests/*.c\"]
deps = [\"low\"]

[profile.debug]
debug = DEBUG
lto = LTO
cflags = [FLAGS]
";

const FILES: &str = "\
=== words.txt
7
=== include/base.h
/* base */
#include \"inner/deep.h\"
#define BASE 10
int low_one(void);
int low_two(void);
=== include/inner/deep.h
#include \"deeper.h\"
=== include/inner/deeper.h
#define DEEP 3
=== include/level.h
#define LEVEL 30
=== first/readme.txt
Headers here come first.
=== low/one.c
#include \"base.h\"
int low_one(void) { return BASE + 1; }
=== low/two.c
#include \"base.h\"
int low_two(void) { return DEEP * 2; }
=== mid/mid.c
#include \"base.h\"
#include \"level.h\"
int mid(void) { return low_one() + LEVEL; }
=== mid/warns.c
int warns(void) { int unused = 4; return 5; }
=== shr/shr.h
int shr(void);
=== shr/shr.c
#include \"shr.h\"
int shr(void) { return 50; }
=== src/main.c
#include \"base.h\"
#include \"shr.h\"
#include \"words.h\"
int mid(void);
int warns(void);
/* main */
int main(void) { return mid() + shr() + WORD + warns() == low_two(); }
=== src/more.c
#include \"level.h\"
int more(void) { return LEVEL; }
=== tests/check.c
#include \"base.h\"
int main(void) { return low_one() - BASE - 1; }
";

/// What a build of everything takes.
pub(crate) const ALL: &str = "8c 2a 3l 1x";

/// How it is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flavour {
    pub(crate) debug: bool,
    pub(crate) lto: bool,
    pub(crate) coverage: bool,
}

/// Nothing special.
pub(crate) const PLAIN: Flavour = Flavour { debug: false, lto: false, coverage: false };

/// The project, not built yet.
pub(crate) fn new(flavour: Flavour) -> Space {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(FILES);
    let flags = if flavour.coverage { "\"--coverage\"" } else { "" };
    let mut manifest = MANIFEST
        .replace("DEBUG", &flavour.debug.to_string())
        .replace("LTO", &flavour.lto.to_string())
        .replace("FLAGS", flags);
    if flavour.coverage {
        manifest.push_str("ldflags = [\"--coverage\"]\n");
    }
    space.write("rekindle.toml", manifest);
    for file in space.files() {
        space.age(file, -3600);
    }
    space.set_env("TASTE", "sweet");
    space
}
