//! Every key of the manifest, once. The checker, the JSON schema and the documentation's key list are made from,
//! or held against, this table; a test holds the serde types of `manifest.rs` against it.

mod archive;
mod table;

pub use table::SECTIONS;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number of at least this much.
    Integer(i64),
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// One of these numbers.
    Number(&'static [i64]),
    /// Any of these.
    Either(&'static [Self]),
    /// A table of names of the person's choice, each with a value of this kind.
    Names(&'static Self),
    /// A table with these keys.
    Table(&'static [Key]),
    /// A list of tables with these keys.
    Tables(&'static [Key]),
}

impl Kind {
    /// What it is, for a sentence: `a list of strings`.
    pub fn describe(self) -> String {
        let quoted =
            |words: &[&str]| words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Bool => "true or false".into(),
            Self::Integer(_) => "a whole number".into(),
            Self::Text => "a string".into(),
            Self::Texts => "a list of strings".into(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Number(numbers) => {
                let list = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!("one of {list}")
            }
            Self::Either(kinds) => kinds.iter().map(|kind| kind.describe()).collect::<Vec<_>>().join(" or "),
            Self::Names(value) => format!("a table of names, each with {}", value.describe()),
            Self::Table(_) => "a table".into(),
            Self::Tables(_) => "a list of tables".into(),
        }
    }
}

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// What holds if it is left out; empty if nothing does.
    pub default: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// Whether its table is wrong without it.
    pub required: bool,
}

/// One table of the manifest.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Its name: `library`.
    pub name: &'static str,
    /// What is in it.
    pub shape: Shape,
    /// What it is for.
    pub meaning: &'static str,
}

/// What a section holds.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// These keys: `[project]`.
    Keys(&'static [Key]),
    /// Tables with names of the person's choice, each with these keys: `[library.NAME]`.
    Named(&'static [Key]),
    /// Names of the person's choice, each with a value: `[roots]`.
    Values(Kind),
}

/// The section called `name`.
pub fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}
