//! Which files a compiler writes beside the object, and what they are called.
//!
//! The names were found out by trying gcc 5.4 and 12.2 and clang 14 with every kind of source; the test in
//! `tests/sides.rs` tries again. `OBJECT` below is the object's path without its last extension, `SOURCE` the source's
//! name without its extension, in the object's directory.

use std::path::PathBuf;

use rekindle_fingerprint::files::{Files, PathId};

use crate::dialect::Side;
use crate::flags::Treated;
use crate::request::{Compile, Language};
use crate::toolchain::{Family, Toolchain};

/// The files, and what about them is not known.
#[derive(Debug, Default)]
pub(crate) struct SideFiles {
    pub(crate) files: Vec<PathId>,
    pub(crate) unknown: Option<String>,
}

impl Toolchain {
    /// The side files of a compile whose flags are `treated`.
    pub(crate) fn side_files(&self, request: &Compile, treated: &Treated, files: &mut Files) -> SideFiles {
        let lto = treated.lto.unwrap_or(false);
        let mut result = SideFiles::default();
        let mut names: Vec<PathBuf> = Vec::new();
        let object = files.rel(request.object).to_path_buf();
        let source = files.rel(request.source).to_path_buf();
        for side in &treated.sides {
            match self.names(*side, request.language, lto, treated.debug) {
                Names::Are(list) => {
                    for name in list {
                        names.push(match name {
                            Name::Object(extension) => object.with_extension(extension),
                            Name::Source(extension) => object
                                .with_file_name(source.file_name().unwrap_or_default())
                                .with_extension(extension),
                            Name::Both(extension) => {
                                let mut both = source.extension().unwrap_or_default().to_os_string();
                                both.push(extension);
                                object.with_extension(both)
                            }
                        });
                    }
                }
                Names::Unknown => {
                    let text =
                        format!("{}: nobody knows which files it writes in this combination", side.flag());
                    result.unknown.get_or_insert(text);
                }
            }
        }
        names.sort();
        names.dedup();
        let root = files.root(request.object);
        result.files = names.into_iter().map(|name| files.path(root, name)).collect();
        result
    }

    /// Why a link whose flags are `treated` holds only here: of what it compiles anew it writes files whose number and
    /// names follow from how it splits its work.
    pub(crate) fn sides_of_link(&self, treated: &Treated) -> Option<String> {
        let writes = |side: &Side| match self.family {
            Family::Gcc => *side != Side::Times,
            Family::Clang => matches!(side, Side::Debug | Side::Saved | Side::Record),
        };
        let side = treated.sides.iter().copied().filter(|_| treated.lto == Some(true)).find(writes)?;
        Some(format!("{}: its link writes files beside the program that are not known before", side.flag()))
    }

    fn names(&self, side: Side, language: Language, lto: bool, debug: bool) -> Names {
        let assembler = matches!(language, Language::Assembler | Language::AssemblerCpp);
        let preprocessed = if language == Language::Cxx { "ii" } else { "i" };
        match (side, self.family) {
            (Side::Debug, Family::Clang) if !assembler && (lto || !debug) => Names::none(),
            (Side::Debug, _) => Names::object("dwo"),
            (Side::Saved, _) if language == Language::Assembler => Names::none(),
            (Side::Saved, Family::Gcc) if assembler => Names::object("s"),
            (Side::Saved, Family::Gcc) => Names::Are(vec![Name::Object(preprocessed), Name::Object("s")]),
            (Side::Saved, Family::Clang) if assembler => Names::Are(vec![Name::Source("s")]),
            (Side::Saved, Family::Clang) if lto => Names::Unknown,
            (Side::Saved, Family::Clang) => {
                Names::Are(vec![Name::Source(preprocessed), Name::Source("bc"), Name::Source("s")])
            }
            // The others come from the compiler proper.
            _ if assembler => Names::none(),
            (Side::Coverage, _) => Names::object("gcno"),
            // Whether they are written now or at the link depends on the version.
            _ if lto => Names::Unknown,
            (Side::Stack, _) => Names::object("su"),
            (Side::Calls, _) => Names::object("ci"),
            (Side::Times, _) => Names::object("json"),
            (Side::Record, Family::Gcc) if self.version.at_least(11, 0) => {
                Names::Are(vec![Name::Both(".opt-record.json.gz")])
            }
            (Side::Record, Family::Gcc) => Names::Unknown,
            (Side::Record, Family::Clang) => Names::object("opt.yaml"),
        }
    }
}

enum Names {
    Are(Vec<Name>),
    Unknown,
}

enum Name {
    /// `OBJECT.extension`
    Object(&'static str),
    /// `SOURCE.extension`
    Source(&'static str),
    /// `OBJECT.`, the source's extension, and this.
    Both(&'static str),
}

impl Names {
    fn none() -> Self {
        Self::Are(Vec::new())
    }

    fn object(extension: &'static str) -> Self {
        Self::Are(vec![Name::Object(extension)])
    }
}

impl Side {
    fn flag(self) -> &'static str {
        match self {
            Self::Debug => "-gsplit-dwarf",
            Self::Saved => "-save-temps",
            Self::Coverage => "--coverage",
            Self::Stack => "-fstack-usage",
            Self::Calls => "-fcallgraph-info",
            Self::Times => "-ftime-trace",
            Self::Record => "-fsave-optimization-record",
        }
    }
}
