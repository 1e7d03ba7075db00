//! The table itself: flat data, in the order in which the documentation lists it.

use super::{Key, Kind, Section, Shape};

/// A key without a default.
pub(super) const fn key(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, default: "", meaning, required: false }
}

/// A key with a default.
pub(super) const fn with(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key { name, kind, default, meaning, required: false }
}

/// A key that must be there.
pub(super) const fn must(name: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { name, kind, default: "", meaning, required: true }
}

const TEXT_OR_TEXTS: Kind = Kind::Either(&[Kind::Text, Kind::Texts]);
pub(super) const VALUE: Kind = Kind::Either(&[Kind::Bool, Kind::Integer(i64::MIN), Kind::Text]);
const VALUES: Kind = Kind::Either(&[Kind::Bool, Kind::Integer(i64::MIN), Kind::Text, Kind::Texts]);
const OPTIMIZE: Kind = Kind::Either(&[Kind::Number(&[0, 1, 2, 3]), Kind::Choice(&["s", "z", "g", "fast"])]);
const WARNINGS: Kind = Kind::Choice(&["default", "none", "all", "extra", "error"]);

const CONDITION: &[Key] = &[
    key(
        "os",
        TEXT_OR_TEXTS,
        "The operating system that the target is built for: `linux`, `macos`, `windows`, `none` (bare metal).",
    ),
    key("arch", TEXT_OR_TEXTS, "The processor that it is built for: `x86_64`, `aarch64`, `arm`, `avr`, ..."),
    key("toolchain", TEXT_OR_TEXTS, "The name of the toolchain that builds it."),
    key("profile", TEXT_OR_TEXTS, "The profile that is built, or one that it inherits from."),
    key("option", Kind::Names(&VALUES), "Options and the values they must have."),
    key("not", Kind::Table(NOT), "A condition that must not hold."),
];

const NOT: &[Key] = &[
    key("os", TEXT_OR_TEXTS, "As above."),
    key("arch", TEXT_OR_TEXTS, "As above."),
    key("toolchain", TEXT_OR_TEXTS, "As above."),
    key("profile", TEXT_OR_TEXTS, "As above."),
    key("option", Kind::Names(&VALUES), "As above."),
];

pub(super) const WHEN: Key = key(
    "when",
    Kind::Table(CONDITION),
    "The condition under which this counts. Every key in it must hold; of a list, one.",
);

const SOURCES: Key = with(
    "sources",
    Kind::Texts,
    "[]",
    "Sources: files, globs, `command:NAME` for what a command generates, or the name of a generated file. Headers are passed over; `.o`, `.a` and `.so` files are linked as they are.",
);
const EXCLUDE: Key = with("exclude", Kind::Texts, "[]", "Files and globs that are taken out of `sources`.");
const INCLUDE: Key = with(
    "include",
    Kind::Texts,
    "[]",
    "Directories searched for headers, here and in everything that depends on this.",
);
const PRIVATE_INCLUDE: Key = with(
    "private-include",
    Kind::Texts,
    "[]",
    "Directories searched for headers, here only. They come before `include`.",
);
const SYSTEM_INCLUDE: Key = with(
    "system-include",
    Kind::Texts,
    "[]",
    "Like `include`, as system headers: searched last, and without warnings.",
);
const DEFINES: Key = with(
    "defines",
    Kind::Texts,
    "[]",
    "`NAME` or `NAME=VALUE`, here and in everything that depends on this.",
);
const PRIVATE_DEFINES: Key = with("private-defines", Kind::Texts, "[]", "`NAME` or `NAME=VALUE`, here only.");
const DEPS: Key = with(
    "deps",
    Kind::Texts,
    "[]",
    "Libraries that are linked, and commands whose generated headers are used. What is public in them is passed on.",
);
const PRIVATE_DEPS: Key = with(
    "private-deps",
    Kind::Texts,
    "[]",
    "Like `deps`, but their include directories and defines are not passed on.",
);
const C_STD: Key = with("c-std", Kind::Text, "the compiler's", "The C standard: `c11`, `gnu17`, ...");
const CXX_STD: Key =
    with("cxx-std", Kind::Text, "the compiler's", "The C++ standard: `c++17`, `gnu++20`, ...");
const WARN: Key = with(
    "warnings",
    WARNINGS,
    "\"default\"",
    "`none`, `all` (`-Wall`), `extra` (and `-Wextra`) or `error` (and `-Werror`).",
);
const CFLAGS: Key = with("cflags", Kind::Texts, "[]", "Flags for C sources.");
const CXXFLAGS: Key = with("cxxflags", Kind::Texts, "[]", "Flags for C++ sources.");
const ASFLAGS: Key = with("asflags", Kind::Texts, "[]", "Flags for assembler sources.");
const LDFLAGS: Key = with(
    "ldflags",
    Kind::Texts,
    "[]",
    "Flags for the link, and of a library for the links of everything that depends on it.",
);
const PRIVATE_LDFLAGS: Key =
    with("private-ldflags", Kind::Texts, "[]", "Flags for this target's own link only.");
const OVERRIDES: Key = with("overrides", Kind::Tables(OVERRIDE), "[]", "Flags for some of the sources.");
const SYSTEM_LIBS: Key = with(
    "system-libs",
    Kind::Texts,
    "[]",
    "Libraries of the system, by name: `m`, `pthread`. Those of a static library go to the links that use it.",
);
const LIBRARY_DIRS: Key = with(
    "library-dirs",
    Kind::Texts,
    "[]",
    "Directories in which `system-libs` are searched, before the toolchain's own.",
);
const PKG_CONFIG: Key = with(
    "pkg-config",
    Kind::Texts,
    "[]",
    "Packages described by a `.pc` file, perhaps with a version: `zlib`, `libpng >= 1.6`. No program is run for them.",
);
const WHOLE_ARCHIVE: Key = with(
    "whole-archive",
    Kind::Texts,
    "[]",
    "Those of the static libraries it depends on of which every member is linked, used or not.",
);
const ALSO: Key = with(
    "also",
    Kind::Tables(ALSO_KEYS),
    "[]",
    "Additions under a condition: a `when` and any of the keys that hold lists.",
);
const TOOLCHAIN: Key = key(
    "toolchain",
    Kind::Text,
    "The toolchain that builds it. Without one a program is built for `host`, and a library for whatever uses it.",
);
const PIC: Key = with(
    "pic",
    Kind::Bool,
    "as needed",
    "Whether the code is position independent. What goes into a shared library is, unless told otherwise.",
);
const PCH: Key =
    key("pch", Kind::Text, "A header that is precompiled and included before every C and C++ source.");
const LINKER_SCRIPT: Key = key("linker-script", Kind::Text, "The linker script.");
const VERSION_SCRIPT: Key =
    key("version-script", Kind::Text, "The script that says which symbols are exported.");
const OUTPUT: Key = with(
    "output",
    Kind::Text,
    "the target's name",
    "The product's name. A library's gets `lib` before and `.a` or `.so` behind.",
);
pub(super) const POOL: Key = key(
    "pool",
    Kind::Text,
    "The pool that limits how many of its kind run at once (for a target: its link or archive).",
);
pub(super) const DEFAULT: Key = with(
    "default",
    Kind::Bool,
    "true",
    "Whether it is built when nothing is asked for by name. Tests never are.",
);
const ARGS: Key = with("args", Kind::Texts, "[]", "Arguments with which it is run.");
const ENV: Key = with("env", Kind::Names(&Kind::Text), "{}", "Environment variables with which it is run.");
const INSTALL: Key = with(
    "install",
    Kind::Either(&[Kind::Bool, Kind::Text]),
    "false",
    "Whether `rekindle install` installs it; or the directory below the prefix (else `bin` for programs, `lib` for libraries).",
);

const OVERRIDE: &[Key] = &[
    must("files", Kind::Texts, "Which sources: files and globs. Each must match one."),
    DEFINES_HERE,
    CFLAGS,
    CXXFLAGS,
    ASFLAGS,
    WARN,
    WHEN,
];
const DEFINES_HERE: Key = with("defines", Kind::Texts, "[]", "`NAME` or `NAME=VALUE` for these sources.");

const ALSO_KEYS: &[Key] = &[
    WHEN,
    SOURCES,
    EXCLUDE,
    INCLUDE,
    PRIVATE_INCLUDE,
    SYSTEM_INCLUDE,
    DEFINES,
    PRIVATE_DEFINES,
    DEPS,
    PRIVATE_DEPS,
    WHOLE_ARCHIVE,
    CFLAGS,
    CXXFLAGS,
    ASFLAGS,
    LDFLAGS,
    PRIVATE_LDFLAGS,
    OVERRIDES,
    SYSTEM_LIBS,
    LIBRARY_DIRS,
    PKG_CONFIG,
];

const PROJECT: &[Key] = &[
    must("name", Kind::Text, "The project's name."),
    key("version", Kind::Text, "The project's version; `${project.version}` in strings."),
    with(
        "default",
        Kind::Texts,
        "every target but tests",
        "The targets that are built when nothing is asked for by name.",
    ),
];

const PROFILE: &[Key] = &[
    with(
        "inherits",
        Kind::Text,
        "\"debug\"",
        "The profile that this one adds to. Lists are appended, everything else is replaced. `debug` and `release` inherit nothing.",
    ),
    with("optimize", OPTIMIZE, "0, in release 2", "How much is optimized: the digit or letter behind `-O`."),
    with("debug", Kind::Bool, "true, in release false", "Whether there is debug information (`-g`)."),
    with(
        "lto",
        Kind::Either(&[Kind::Bool, Kind::Choice(&["off", "full", "thin"])]),
        "false",
        "Link-time optimization. `true` is `full`.",
    ),
    with("sanitize", Kind::Texts, "[]", "Sanitizers, as `-fsanitize=` names them."),
    with("defines", Kind::Texts, "[], in release [\"NDEBUG\"]", "`NAME` or `NAME=VALUE` for every source."),
    CFLAGS,
    CXXFLAGS,
    ASFLAGS,
    with("ldflags", Kind::Texts, "[]", "Flags for every link."),
];

const TOOLCHAINS: &[Key] = &[
    with(
        "cc",
        Kind::Text,
        "for `host`: `CC`, else what `PATH` has",
        "The C compiler: a name searched on `PATH`, or a path; arguments after spaces.",
    ),
    with("cxx", Kind::Text, "the C compiler's sibling", "The C++ compiler."),
    with("ar", Kind::Text, "the compiler's sibling", "The archiver."),
    key(
        "target",
        Kind::Text,
        "The target triple. With `cc` left out, `TRIPLE-gcc` is the compiler, else a `clang` that builds for it.",
    ),
    key("sysroot", Kind::Text, "The directory with the target's headers and libraries. It must be there."),
    with("flags", Kind::Texts, "[]", "Flags for every C and C++ source and every link: `-mmcu=atmega328p`."),
    CFLAGS,
    CXXFLAGS,
    ASFLAGS,
    with("ldflags", Kind::Texts, "[]", "Flags for every link."),
];

const LIBRARY: &[Key] = &[
    with(
        "type",
        Kind::Choice(&["static", "shared", "object"]),
        "\"static\"",
        "`static`: an archive. `shared`: a shared library. `object`: its objects are linked one by one. A static library without sources is only its headers.",
    ),
    key(
        "version",
        Kind::Text,
        "The version of a shared library: `1.2.0` makes `libNAME.so.1.2.0` and the links to it.",
    ),
    with(
        "soname",
        Kind::Text,
        "`libNAME.so.MAJOR`, without a version `libNAME.so`",
        "The name by which programs ask for a shared library when they start.",
    ),
    SOURCES,
    EXCLUDE,
    INCLUDE,
    PRIVATE_INCLUDE,
    SYSTEM_INCLUDE,
    DEFINES,
    PRIVATE_DEFINES,
    DEPS,
    PRIVATE_DEPS,
    WHOLE_ARCHIVE,
    C_STD,
    CXX_STD,
    WARN,
    CFLAGS,
    CXXFLAGS,
    ASFLAGS,
    LDFLAGS,
    PRIVATE_LDFLAGS,
    OVERRIDES,
    PCH,
    PIC,
    SYSTEM_LIBS,
    LIBRARY_DIRS,
    PKG_CONFIG,
    LINKER_SCRIPT,
    VERSION_SCRIPT,
    TOOLCHAIN,
    OUTPUT,
    POOL,
    DEFAULT,
    INSTALL,
    with(
        "install-headers",
        Kind::Texts,
        "[]",
        "Headers that are installed with it, below `include` as they lie below the include directory that holds them.",
    ),
    WHEN,
    ALSO,
];

const EXECUTABLE: &[Key] = &[
    SOURCES,
    EXCLUDE,
    INCLUDE,
    PRIVATE_INCLUDE,
    SYSTEM_INCLUDE,
    DEFINES,
    PRIVATE_DEFINES,
    DEPS,
    PRIVATE_DEPS,
    WHOLE_ARCHIVE,
    C_STD,
    CXX_STD,
    WARN,
    CFLAGS,
    CXXFLAGS,
    ASFLAGS,
    LDFLAGS,
    PRIVATE_LDFLAGS,
    OVERRIDES,
    PCH,
    PIC,
    SYSTEM_LIBS,
    LIBRARY_DIRS,
    PKG_CONFIG,
    LINKER_SCRIPT,
    VERSION_SCRIPT,
    TOOLCHAIN,
    OUTPUT,
    POOL,
    DEFAULT,
    INSTALL,
    ARGS,
    ENV,
    WHEN,
    ALSO,
];

const TEST: &[Key] = &[
    SOURCES,
    EXCLUDE,
    INCLUDE,
    PRIVATE_INCLUDE,
    SYSTEM_INCLUDE,
    DEFINES,
    PRIVATE_DEFINES,
    DEPS,
    PRIVATE_DEPS,
    WHOLE_ARCHIVE,
    C_STD,
    CXX_STD,
    WARN,
    CFLAGS,
    CXXFLAGS,
    ASFLAGS,
    LDFLAGS,
    PRIVATE_LDFLAGS,
    OVERRIDES,
    PCH,
    PIC,
    SYSTEM_LIBS,
    LIBRARY_DIRS,
    PKG_CONFIG,
    LINKER_SCRIPT,
    VERSION_SCRIPT,
    TOOLCHAIN,
    OUTPUT,
    POOL,
    key("program", Kind::Text, "The executable that is run, instead of one built from `sources`."),
    ARGS,
    ENV,
    key("timeout", Kind::Integer(1), "After how many seconds the test has failed."),
    with("working-directory", Kind::Text, "the project's directory", "Where it is run."),
    WHEN,
    ALSO,
];

const COMMAND: &[Key] = &[
    key("argv", Kind::Texts, "The program and its arguments, run without a shell. See *Placeholders*."),
    key("shell", Kind::Text, "Instead of `argv`: a line for `/bin/sh -c`."),
    with(
        "inputs",
        Kind::Texts,
        "[]",
        "The files that it reads: files, globs, `command:NAME`, or names of generated files.",
    ),
    must("outputs", Kind::Texts, "The files that it writes, below the directory of generated files."),
    with(
        "depfile",
        Kind::Either(&[Kind::Bool, Kind::Text]),
        "false",
        "Whether it writes a depfile in make syntax, at `{depfile}`; or the depfile's name below the directory of generated files.",
    ),
    with("deps", Kind::Texts, "[]", "Targets whose product it runs or reads."),
    with("env", Kind::Names(&Kind::Text), "{}", "Environment variables with which it is run."),
    with(
        "env-from",
        Kind::Texts,
        "[]",
        "Environment variables that are taken from the caller, and whose values count as inputs.",
    ),
    with(
        "working-directory",
        Kind::Text,
        "the project's directory",
        "Where it is run. `{outdir}` is the directory of generated files.",
    ),
    POOL,
    with(
        "share",
        Kind::Bool,
        "true",
        "Whether its result may be used elsewhere. A command that reads what it does not declare must not be shared.",
    ),
    DEFAULT,
    WHEN,
];

const OPTION: &[Key] = &[
    must("type", Kind::Choice(&["bool", "string", "int", "choice"]), "What its value is."),
    must("default", VALUE, "Its value if nobody sets one."),
    key("choices", Kind::Texts, "The values of a `choice`."),
    key("description", Kind::Text, "What it is for."),
];

const STORE: &[Key] = &[
    with("enabled", Kind::Bool, "true", "Whether results are shared. `false` is what `--no-store` says."),
    with(
        "directory",
        Kind::Text,
        "`rekindle` in the user's cache directory",
        "The directory in which results are shared, relative to the project's.",
    ),
    with(
        "max-size",
        Kind::Text,
        "\"10 GB\"",
        "How much the store holds: a number and a unit, `GB` or `GiB`. What was not used for the longest time goes.",
    ),
];

/// Every section.
pub static SECTIONS: &[Section] = &[
    Section {
        name: "project",
        shape: Shape::Keys(PROJECT),
        meaning: "The project as a whole. It must be there.",
    },
    Section { name: "library", shape: Shape::Named(LIBRARY), meaning: "A library." },
    Section { name: "executable", shape: Shape::Named(EXECUTABLE), meaning: "A program." },
    Section {
        name: "test",
        shape: Shape::Named(TEST),
        meaning: "A program that `rekindle test` builds and runs; it passes if it exits with 0.",
    },
    Section { name: "command", shape: Shape::Named(COMMAND), meaning: "A command that makes files." },
    Section {
        name: "archive",
        shape: Shape::Named(super::archive::ARCHIVE),
        meaning: "An archive that another build tool makes: cargo, make, CMake, or any command.",
    },
    Section {
        name: "profile",
        shape: Shape::Named(PROFILE),
        meaning: "A way to build. `debug` and `release` are there without being written; a table of that name changes them.",
    },
    Section {
        name: "toolchain",
        shape: Shape::Named(TOOLCHAINS),
        meaning: "A compiler and what belongs to it. `host` is there without being written.",
    },
    Section {
        name: "option",
        shape: Shape::Named(OPTION),
        meaning: "A value that a person sets with `-D NAME=VALUE`.",
    },
    Section {
        name: "roots",
        shape: Shape::Values(Kind::Text),
        meaning: "Directories outside the project that have a name: results do not depend on where they lie. `${root.NAME}` in strings.",
    },
    Section {
        name: "pool",
        shape: Shape::Values(Kind::Integer(1)),
        meaning: "How many actions of a pool run at once.",
    },
    Section {
        name: "store",
        shape: Shape::Keys(STORE),
        meaning: "Where results are shared with other build directories.",
    },
];
