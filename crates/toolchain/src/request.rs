//! What a front-end asks of a toolchain: compile this, archive these, link that. Plain data; no dialect shows.

use std::path::PathBuf;

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::files::PathId;

/// The language of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// C.
    C,
    /// C++.
    Cxx,
    /// Assembler that is preprocessed (`.S`).
    AssemblerCpp,
    /// Assembler that is not (`.s`).
    Assembler,
}

/// How much the compiler optimizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimize {
    /// `-O0`
    #[default]
    None,
    /// `-Og`
    Debug,
    /// `-O1`
    One,
    /// `-O2`
    Two,
    /// `-O3`
    Three,
    /// `-Os`
    Size,
    /// `-Oz` where the compiler has it, else `-Os`
    MinSize,
    /// `-Ofast`
    Fast,
}

/// Link-time optimization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lto {
    /// None.
    #[default]
    Off,
    /// Whole-program (`-flto`).
    Full,
    /// Thin where the compiler has it, else whole-program.
    Thin,
}

/// How many warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Warnings {
    /// What the compiler gives by itself.
    #[default]
    Default,
    /// None (`-w`).
    None,
    /// `-Wall`
    All,
    /// `-Wall -Wextra`
    Extra,
    /// `-Wall -Wextra -Werror`
    Error,
}

/// What a profile sets for every command of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Optimization.
    pub optimize: Optimize,
    /// Debug information (`-g`).
    pub debug: bool,
    /// Link-time optimization; on compile and link.
    pub lto: Lto,
    /// Sanitizers, as `-fsanitize=` names them; on compile and link.
    pub sanitize: Vec<String>,
}

/// A directory that is searched for headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// `-iquote`
    Quote(PathId),
    /// `-I`
    Normal(PathId),
    /// `-isystem`
    System(PathId),
}

/// One source to one object.
#[derive(Clone, Debug)]
pub struct Compile {
    /// The source.
    pub source: PathId,
    /// Its language.
    pub language: Language,
    /// The object.
    pub object: PathId,
    /// Scratch directory in the build directory for depfiles: they lie at `temporary/NAME.d`, never among outputs.
    pub temporary: PathId,
    /// The language's standard, as `-std=` names it.
    pub standard: Option<String>,
    /// What the profile says.
    pub mode: Mode,
    /// How many warnings.
    pub warnings: Warnings,
    /// Whether the code goes into a shared library (`-fPIC`) or a program that may be one (`None`: the compiler's default).
    pub pic: Option<bool>,
    /// `NAME` or `NAME=VALUE`, in order.
    pub defines: Vec<String>,
    /// Where headers are searched, in order.
    pub includes: Vec<Include>,
    /// Headers that are included before the source (`-include`).
    pub forced: Vec<PathId>,
    /// A precompiled header: the header as the sources name it, and what [`Compile`] made of it.
    pub precompiled: Option<Precompiled>,
    /// The person's own flags, in order, last.
    pub flags: Vec<Arg>,
    /// Generated files that must be up to date first, and count if they turn out to be read.
    pub order_only: Vec<PathId>,
    /// Whether the product is a precompiled header instead of an object.
    pub makes_precompiled: bool,
}

/// A precompiled header that a compile uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Precompiled {
    /// The product of the action that made it (`NAME.h.gch`, `NAME.pch`).
    pub product: PathId,
    /// The header that it stands for.
    pub header: PathId,
}

/// Objects to a static archive.
#[derive(Clone, Debug)]
pub struct Archive {
    /// The objects, in order.
    pub objects: Vec<PathId>,
    /// The archive.
    pub archive: PathId,
    /// Whether the objects hold bytecode, so that the compiler's own `ar` wrapper with the LTO plugin is needed.
    pub lto: bool,
}

/// One thing on the link line, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkInput {
    /// An object, archive or shared library by its path.
    File(PathId),
    /// An archive of which every member is linked.
    WholeArchive(PathId),
    /// `-lNAME`, searched.
    System(String),
    /// A flag of a `.pc` file or of the person's, in its place.
    Flag(Arg),
}

/// Objects and libraries to a program or a shared library.
#[derive(Clone, Debug)]
pub struct Link {
    /// The product.
    pub output: PathId,
    /// Whether it is a shared library.
    pub shared: bool,
    /// Its soname, if it is a shared library.
    pub soname: Option<String>,
    /// The language whose driver links: C++ as soon as one object is.
    pub language: Language,
    /// Scratch directory in the build directory for depfiles.
    pub temporary: PathId,
    /// What is linked, in order.
    pub inputs: Vec<LinkInput>,
    /// Where `-l` searches (`-L`), in order.
    pub directories: Vec<PathId>,
    /// Directories (of the build) with shared libraries that the product loads: each becomes an `$ORIGIN` run path.
    pub run_paths: Vec<PathId>,
    /// Where the product is installed, if it is.
    pub installed: Option<Installed>,
    /// What the profile says.
    pub mode: Mode,
    /// Linker script and version script, and anything else that the command line names: inputs by content.
    pub scripts: Vec<PathId>,
    /// The person's own flags, in order, last.
    pub flags: Vec<Arg>,
    /// Symbolic links to make beside a shared library (`libx.so` -> `libx.so.1`).
    pub links: Vec<(PathId, PathBuf)>,
}

/// Where a product is installed. Directories are relative to the same one, without `.` and `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The product's own directory.
    pub directory: PathBuf,
    /// Those of shared libraries that it loads: each becomes an `$ORIGIN` run path behind those of the build.
    pub run_paths: Vec<PathBuf>,
}

/// What a person says of a toolchain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// Its name in the manifest; `host` for the one that nobody names.
    pub name: String,
    /// The C compiler: a name searched on `PATH`, or a path; with arguments after spaces, as in `CC`.
    pub cc: Option<String>,
    /// The C++ compiler; by default the C compiler's sibling.
    pub cxx: Option<String>,
    /// The archiver; by default the compiler's sibling.
    pub ar: Option<String>,
    /// The target triple, for clang's `--target` and for finding `TARGET-gcc`.
    pub target: Option<String>,
    /// The directory with the target's headers and libraries.
    pub sysroot: Option<PathBuf>,
    /// Flags for every C and C++ compile.
    pub flags: Vec<Arg>,
}
