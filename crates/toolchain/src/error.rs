//! What can go wrong while a toolchain is looked for, and while a command is built for it.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use rekindle_fingerprint::roots::NameTaken;

use crate::variant::Variant;

/// No toolchain could be made of what the person asked for.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// No program was found.
    #[error("toolchain `{toolchain}`: no {role} was found\n  searched for {} in {}\n  {hint}", names.join(", "), shown(directories))]
    NotFound {
        /// The toolchain's name.
        toolchain: String,
        /// What was looked for: `C compiler`.
        role: &'static str,
        /// The names that were tried.
        names: Vec<String>,
        /// The directories of `PATH`.
        directories: Vec<PathBuf>,
        /// What to do about it.
        hint: String,
    },
    /// A program that was given by its path is not there.
    #[error("toolchain `{toolchain}`: the {role} {} is not there, or is not executable\n  {hint}", path.display())]
    NotThere {
        /// The toolchain's name.
        toolchain: String,
        /// What it was to be: `C compiler`.
        role: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What to do about it.
        hint: String,
    },
    /// `CC`, `CXX`, or the manifest's words for a program need a shell, or are empty.
    #[error(
        "toolchain `{toolchain}`: `{text}` is no command line\n  give a program and its arguments, with spaces between them"
    )]
    Words {
        /// The toolchain's name.
        toolchain: String,
        /// What was given.
        text: String,
    },
    /// A program does not answer as gcc or clang do.
    #[error("toolchain `{toolchain}`: {} is neither gcc nor clang\n  asked for its version, it said: {said}\n  name a gcc or clang as `cc` of the toolchain, or in CC", program.display())]
    Unknown {
        /// The toolchain's name.
        toolchain: String,
        /// The program.
        program: PathBuf,
        /// The first line of what it said.
        said: String,
    },
    /// The compiler lacks what rekindle needs.
    #[error("toolchain `{toolchain}`: {family} {version} is too old ({})\n  {family} {needed} or newer is needed", program.display())]
    TooOld {
        /// The toolchain's name.
        toolchain: String,
        /// The program.
        program: PathBuf,
        /// `gcc` or `clang`.
        family: &'static str,
        /// What it is.
        version: String,
        /// What it should be.
        needed: &'static str,
    },
    /// The compiler makes code for another machine.
    #[error("toolchain `{toolchain}`: {} makes code for {found}, not for {wanted}\n  name a compiler for {wanted} as `cc` of the toolchain", program.display())]
    Target {
        /// The toolchain's name.
        toolchain: String,
        /// The program.
        program: PathBuf,
        /// The target that it has.
        found: String,
        /// The target that was asked for.
        wanted: String,
    },
    /// A question to a program failed.
    #[error("toolchain `{toolchain}`: `{}` failed ({status})\n  it said: {said}", command(program, args))]
    Failed {
        /// The toolchain's name.
        toolchain: String,
        /// The program.
        program: PathBuf,
        /// Its arguments.
        args: Vec<OsString>,
        /// How it ended.
        status: String,
        /// What it said.
        said: String,
    },
    /// An answer lacks what it should hold.
    #[error(
        "toolchain `{toolchain}`: `{}` did not tell {missing}\n  it said: {said}",
        command(program, args)
    )]
    Answer {
        /// The toolchain's name.
        toolchain: String,
        /// The program.
        program: PathBuf,
        /// Its arguments.
        args: Vec<OsString>,
        /// What was to be learned.
        missing: &'static str,
        /// What it said.
        said: String,
    },
    /// A program could not be started.
    #[error("toolchain `{toolchain}`: cannot run {}: {source}", program.display())]
    Run {
        /// The toolchain's name.
        toolchain: String,
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the toolchain could not be read.
    #[error("toolchain `{toolchain}`: cannot read {}: {source}", path.display())]
    Read {
        /// The toolchain's name.
        toolchain: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A root that the toolchain needs has a name that is taken.
    #[error("toolchain `{toolchain}`: {source}")]
    Root {
        /// The toolchain's name.
        toolchain: String,
        /// Which.
        source: NameTaken,
    },
}

/// A command could not be built of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum FlagError {
    /// A flag does what rekindle does itself.
    #[error("the flag `{flag}` cannot be used: {reason}")]
    Owned {
        /// The flag.
        flag: String,
        /// What rekindle does instead.
        reason: &'static str,
    },
    /// A flag lacks its value.
    #[error("the flag `{flag}` needs a value behind it")]
    NoValue {
        /// The flag.
        flag: String,
    },
    /// A word that is no flag stands among the flags of a compile.
    #[error("`{word}` is not a flag\n  sources and libraries have their own places in the manifest")]
    NoFlag {
        /// The word.
        word: String,
    },
    /// A macro of the command line asks which files there are, so that nobody can tell by the sources what they ask.
    #[error(
        "the define `{value}` asks which files there are\n  write `#define` into a header instead, and include that"
    )]
    Define {
        /// The macro.
        value: String,
    },
    /// A response file could not be read.
    #[error("cannot read the response file {}: {source}", path.display())]
    ResponseFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A response file that the build may make, whose words would have to be known before.
    #[error(
        "the response file {} is in the build directory, where it may change while it is used\n  keep it among the sources",
        path.display()
    )]
    GeneratedResponseFile {
        /// The file.
        path: PathBuf,
    },
    /// Response files name each other, or too many of them.
    #[error("the response file {} is nested too deeply", path.display())]
    Nested {
        /// The file.
        path: PathBuf,
    },
    /// The toolchain lacks the program for this.
    #[error("toolchain `{toolchain}` has no {role}\n  {hint}")]
    NoProgram {
        /// The toolchain's name.
        toolchain: String,
        /// What is missing: `C++ compiler`.
        role: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// Flags that change where headers, libraries or programs are searched, and about which the compiler was not
    /// asked yet: see [`crate::Toolchain::learn`].
    #[error("the compiler was not asked yet about {0}")]
    Unprobed(Box<Variant>),
}

/// Building a command failed, or what had to be learned for it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The request.
    #[error(transparent)]
    Flag(#[from] FlagError),
    /// The compiler.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
}

fn shown(directories: &[PathBuf]) -> String {
    if directories.is_empty() {
        return "an empty PATH".into();
    }
    directories.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(":")
}

fn command(program: &std::path::Path, args: &[OsString]) -> String {
    let mut text = program.display().to_string();
    for arg in args {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}
