//! The keys of `[archive.NAME]`.

use super::table::{DEFAULT, POOL, VALUE, WHEN, key, with};
use super::{Key, Kind};

const CARGO: Key = key(
    "cargo",
    Kind::Text,
    "Made by `cargo build`: the `Cargo.toml` of a package or a workspace. The package must have the crate type `staticlib`.",
);
const MAKE: Key = key("make", Kind::Text, "Made by GNU make: the directory of a `Makefile`.");
const CMAKE: Key = key("cmake", Kind::Text, "Made by CMake: the directory of a `CMakeLists.txt`.");
const COMMAND: Key = with(
    "command",
    Kind::Texts,
    "that of the form",
    "The program and its arguments, run without a shell. Without `cargo`, `make` or `cmake` it must be there.",
);
const WORKING_DIRECTORY: Key = with(
    "working-directory",
    Kind::Text,
    "that of the form, else the project's directory",
    "Where it is run.",
);
const TOOLS: Key = with(
    "tools",
    Kind::Texts,
    "those of the form",
    "Programs that it runs besides, by name (searched on `PATH`) or path: what they are made of is in the key. The command's own program always is.",
);
const ENV: Key = with("env", Kind::Names(&Kind::Text), "{}", "Environment variables with which it is run.");
const ENV_FROM: Key = with(
    "env-from",
    Kind::Texts,
    "those of the form",
    "Environment variables that are taken from the caller, and whose values count; that one is not set is a value too. It sees no other ones but `PATH`, `HOME` and the like.",
);
const PROFILE: Key = with(
    "profile",
    Kind::Names(&VALUE),
    "{}",
    "Names and values of your choice that are part of the key and tell builds apart in reports.",
);
const INPUTS: Key = with(
    "inputs",
    Kind::Texts,
    "those of the form",
    "What it reads: directories with all that is in them, files, globs, `command:NAME`. Names count, and links and executable bits do.",
);
const EXCLUDE: Key = with(
    "exclude",
    Kind::Texts,
    "those of the form",
    "What of the directories in `inputs` does not count: names, or globs relative to the project. Folders of version control systems, files of editors, nested `target` directories and its own `outputs` never do.",
);
const DEPFILES: Key = with(
    "depfiles",
    Kind::Texts,
    "those of the form",
    "Depfiles in make syntax that it writes, relative as `outputs` are: what they name is an input too.",
);
const OUTPUTS: Key = with(
    "outputs",
    Kind::Texts,
    "with `cargo` the package's library, which comes first",
    "The files that it makes and others use: archives, headers, generated files. Relative to the project, perhaps among the sources; with `cmake` relative to the build tree. Those that end with `.a` are linked.",
);
const INCLUDE: Key = with(
    "include",
    Kind::Texts,
    "[]",
    "Directories searched for headers in everything that depends on this. One that holds some of `outputs` may be named as it is there; `{outdir}` is where the copies of all `outputs` are.",
);
const DEFINES: Key =
    with("defines", Kind::Texts, "[]", "`NAME` or `NAME=VALUE`, in everything that depends on this.");
const SYSTEM_LIBS: Key = with(
    "system-libs",
    Kind::Texts,
    "with `cargo`, what a static library of Rust needs; else []",
    "Libraries of the system, by name, for the links that use it.",
);
const LDFLAGS: Key = with("ldflags", Kind::Texts, "[]", "Flags for the links that use it.");
const PACKAGE: Key =
    with("package", Kind::Text, "that of the `Cargo.toml`", "With `cargo`: the package, of a workspace.");
const FEATURES: Key = with("features", Kind::Texts, "[]", "With `cargo`: the features that are turned on.");
const DEFAULT_FEATURES: Key =
    with("default-features", Kind::Bool, "true", "With `cargo`: whether the default features are.");
const CARGO_PROFILE: Key = with("cargo-profile", Kind::Text, "\"release\"", "With `cargo`: its profile.");
const TARGET: Key =
    with("target", Kind::Text, "the host", "With `cargo`: the target triple that it is built for.");
const ARGS: Key = with("args", Kind::Texts, "[]", "More arguments for the form's command.");
const TARGETS: Key = with(
    "targets",
    Kind::Texts,
    "the first one, or all",
    "With `make` and `cmake`: the targets that are made.",
);
const DEFINITIONS: Key =
    with("definitions", Kind::Names(&VALUE), "{}", "With `cmake`: values for its cache, as by `-D`.");
const CONFIGURATION: Key = with("configuration", Kind::Text, "\"Release\"", "With `cmake`: the build type.");
const GENERATOR: Key =
    with("generator", Kind::Text, "\"Unix Makefiles\"", "With `cmake`: what builds, that or \"Ninja\".");
const SHARE: Key = with(
    "share",
    Kind::Bool,
    "true",
    "Whether its result may be used elsewhere. A command that reads what it does not declare must not be shared.",
);

/// The keys, in the order in which the documentation lists them.
pub(super) const ARCHIVE: &[Key] = &[
    CARGO,
    MAKE,
    CMAKE,
    COMMAND,
    WORKING_DIRECTORY,
    TOOLS,
    ENV,
    ENV_FROM,
    PROFILE,
    INPUTS,
    EXCLUDE,
    DEPFILES,
    OUTPUTS,
    INCLUDE,
    DEFINES,
    SYSTEM_LIBS,
    LDFLAGS,
    PACKAGE,
    FEATURES,
    DEFAULT_FEATURES,
    CARGO_PROFILE,
    TARGET,
    ARGS,
    TARGETS,
    DEFINITIONS,
    CONFIGURATION,
    GENERATOR,
    POOL,
    SHARE,
    DEFAULT,
    WHEN,
];
