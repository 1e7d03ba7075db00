//! What a compiler is asked about: one kind of command in one language, with the flags that change the answer.

use std::fmt;

use rekindle_fingerprint::action::{Arg, Piece};

use crate::request::Language;

/// Which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// A compile in this language.
    Compile(Language),
    /// A link with the driver of this language.
    Link(Language),
}

/// A command with those of its flags that change where headers, libraries or programs are searched, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variant {
    /// Which command.
    pub need: Need,
    /// The flags.
    pub words: Vec<Arg>,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.need {
            Need::Compile(language) => write!(f, "compiling {}", language.name())?,
            Need::Link(language) => write!(f, "linking {}", language.name())?,
        }
        for (at, word) in self.words.iter().enumerate() {
            f.write_str(if at == 0 { " with " } else { " " })?;
            for piece in &word.0 {
                match piece {
                    Piece::Text(text) => f.write_str(&String::from_utf8_lossy(text))?,
                    Piece::Path(_) | Piece::Absolute(_) => f.write_str("PATH")?,
                }
            }
        }
        Ok(())
    }
}

impl Language {
    /// For people: `C`, `C++`.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "C",
            Self::Cxx => "C++",
            Self::AssemblerCpp => "assembler with preprocessor",
            Self::Assembler => "assembler",
        }
    }
}
