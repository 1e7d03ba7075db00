//! Variables of the environment that two workspaces differ in.

use std::process::Command;

use crate::Tools;
use crate::matrix::World;
use crate::row::row;
use crate::scenes::{PLACES, Scene, Which, play};

/// A program with headers in two directories and libraries in two.
const SMALL: &str = "\
=== rekindle.toml
[project]
name = 'p'
[executable.app]
sources = ['main.c']
=== main.c
int main(void) { return 0; }
";

/// The scene sets a variable in the first and the last workspace, and another value in the second one.
macro_rules! variable {
    ($name:literal, $files:expr, $variable:literal, $one:expr, $other:expr) => {
        Scene {
            row: row($name, "", $files, |_| {}),
            at: PLACES,
            prepare: |world, which| {
                let value: Option<&str> = if which == Which::Other { $other } else { $one };
                if let Some(value) = value {
                    let root = world.space.root().to_string_lossy().into_owned();
                    world.space.set_env($variable, value.replace("$W", &root));
                }
            },
        }
    };
}

const TWO_HEADERS: &str = "\
=== rekindle.toml
[project]
name = 'p'
[executable.app]
sources = ['main.c']
[executable.plus]
sources = ['plus.cc']
=== main.c
#include <h.h>
int main(void) { return N; }
=== plus.cc
int main() { return 0; }
=== h.h
#define N 3
=== one/h.h
#define N 1
=== two/h.h
#define N 2
";

const TWO_HEADERS_PLUS: &str = "\
=== rekindle.toml
[project]
name = 'p'
[executable.app]
sources = ['main.c']
[executable.plus]
sources = ['plus.cc']
=== plus.cc
#include <h.h>
int main(void) { return N; }
=== main.c
int main() { return 0; }
=== one/h.h
#define N 1
=== two/h.h
#define N 2
";

const DATED: &str = "\
=== rekindle.toml
[project]
name = 'p'
[executable.app]
sources = ['main.c']
=== main.c
const char *date = __DATE__;
int main(void) { return 0; }
";

const COMMAND: &str = "\
=== rekindle.toml
[project]
name = 'p'
[command.c]
shell = 'echo a $TEXT > {out}'
env-from = ['TEXT']
outputs = ['out']
";

const OTHER_COMMAND: &str = "\
=== rekindle.toml
[project]
name = 'p'
[command.c]
shell = 'echo a $TEXT > {out}'
outputs = ['out']
";

const C: &[&str] = &["compile main.c", "link app"];
const LINK: &[&str] = &["link app"];

const VARIABLES: &[Scene] = &[
    variable!("CPATH", TWO_HEADERS, "CPATH", Some("$W/one"), Some("$W/two")).runs(&[
        "compile main.c",
        "compile plus.cc",
        "link app",
    ]),
    variable!("CPATH, relative", TWO_HEADERS, "CPATH", Some("one"), Some("two")).runs(&[
        "compile main.c",
        "compile plus.cc",
        "link app",
    ]),
    variable!("CPATH, empty part", TWO_HEADERS, "CPATH", Some("$W/one"), Some(":$W/one")).runs(&[
        "compile main.c",
        "compile plus.cc",
        "link app",
    ]),
    variable!("C_INCLUDE_PATH", TWO_HEADERS, "C_INCLUDE_PATH", Some("$W/one:$W/two"), Some("$W/two:$W/one"))
        .runs(&["compile main.c", "compile plus.cc", "link app"]),
    variable!(
        "CPLUS_INCLUDE_PATH",
        TWO_HEADERS_PLUS,
        "CPLUS_INCLUDE_PATH",
        Some("$W/one:$W/two"),
        Some("$W/two:$W/one")
    )
    .runs(&["compile main.c", "compile plus.cc", "link plus"]),
    Scene {
        row: row("header that appears where CPATH has an empty part", "", TWO_HEADERS, |_| {}).runs(C),
        at: PLACES,
        prepare: |world, which| {
            world.space.set_env("CPATH", ":one");
            if which != Which::Other {
                world.space.remove("h.h");
            }
        },
    },
    Scene {
        row: row("library in LIBRARY_PATH", "", LIBRARIES, |_| {}).runs(LINK),
        at: PLACES,
        prepare: |world, which| {
            libraries(world);
            let (a, b) = if which == Which::Other { ("two", "one") } else { ("one", "two") };
            let root = world.space.root();
            world.space.set_env("LIBRARY_PATH", format!("{0}/{a}:{0}/{b}", root.display()));
        },
    },
    Scene {
        row: row("library that appears in LIBRARY_PATH", "", LIBRARIES, |_| {}).runs(LINK),
        at: PLACES,
        prepare: |world, which| {
            libraries(world);
            if which != Which::Other {
                world.space.remove("one/libx.a");
            }
            let root = world.space.root();
            world.space.set_env("LIBRARY_PATH", format!("{0}/one:{0}/two", root.display()));
        },
    },
    variable!("LD_RUN_PATH", SMALL, "LD_RUN_PATH", Some("/opt/one"), Some("/opt/two")).runs(LINK),
    variable!("SOURCE_DATE_EPOCH", SMALL, "SOURCE_DATE_EPOCH", Some("1000000000"), Some("1500000000"))
        .runs(C)
        .alike(),
    variable!(
        "SOURCE_DATE_EPOCH and a date",
        DATED,
        "SOURCE_DATE_EPOCH",
        Some("1000000000"),
        Some("1500000000")
    )
    .runs(C)
    .gcc(),
    variable!(
        "SOURCE_DATE_EPOCH that clang 14 does not know",
        DATED,
        "SOURCE_DATE_EPOCH",
        Some("1000000000"),
        Some("1500000000")
    )
    .runs(C)
    .never(&["compile main.c"])
    .alike()
    .clang(),
    variable!("GCC_EXEC_PREFIX", SMALL, "GCC_EXEC_PREFIX", None, Some("/usr/lib/gcc/")).runs(C).alike().gcc(),
    variable!("variable of a command", COMMAND, "TEXT", Some("one"), Some("two")).runs(&["custom"]),
    variable!("variable that a command does not name", OTHER_COMMAND, "TEXT", Some("one"), Some("two")),
    variable!("LANG", SMALL, "LANG", Some("C"), Some("de_DE.UTF-8")),
    variable!("CFLAGS", SMALL, "CFLAGS", Some("-O1"), Some("-O2")),
    variable!("DEPENDENCIES_OUTPUT", SMALL, "DEPENDENCIES_OUTPUT", None, Some("$W/deps")),
    variable!("GCC_COLORS", SMALL, "GCC_COLORS", None, Some("error=01;32")),
    variable!("USER", SMALL, "USER", Some("one"), Some("two")),
];

const LIBRARIES: &str = "\
=== rekindle.toml
[project]
name = 'p'
[executable.app]
sources = ['main.c']
system-libs = ['x']
=== main.c
int x(void);
int main(void) { return x(); }
=== one/x.c
int x(void) { return 1; }
=== two/x.c
int x(void) { return 2; }
";

fn libraries(world: &World) {
    for dir in ["one", "two"] {
        let script = format!("cd {dir} && gcc -c x.c && ar rcD libx.a x.o && rm x.o");
        let status = Command::new("sh").args(["-c", &script]).current_dir(world.space.root()).status();
        assert!(status.unwrap().success());
    }
}

/// What clang reads otherwise than gcc, or may: it takes long to find out what clang is made of.
const FOR_CLANG: &[&str] = &[
    "CPATH",
    "CPATH, empty part",
    "C_INCLUDE_PATH",
    "library that appears in LIBRARY_PATH",
    "SOURCE_DATE_EPOCH that clang 14 does not know",
];

#[test]
fn environment_with_gcc() {
    play(Tools::Gcc, "release", VARIABLES, &[]);
}

#[test]
fn environment_with_clang() {
    play(Tools::Clang, "release", VARIABLES, FOR_CLANG);
}
