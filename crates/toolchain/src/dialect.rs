//! How each family spells its flags: flat tables of rows, and the one way to look a word up in them. The tables are
//! closed: a flag that is in none makes an action local, because nobody knows what it reads, writes or embeds.

pub(crate) mod assembler;
pub(crate) mod clang;
pub(crate) mod common;
pub(crate) mod gcc;
pub(crate) mod linker;

/// How a flag takes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It has none: `-c`.
    Alone,
    /// Behind it in the same word: `-std=c11`.
    Joined,
    /// In the next word: `-include x.h`.
    Separate,
    /// Behind it, or in the next word: `-Idir`, `-I dir`.
    Either,
    /// None, or behind a `=`: `-flto`, `-flto=thin`.
    Optional,
}

/// In which commands a flag changes what is searched where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum In {
    /// In compiles.
    Compile,
    /// In links.
    Link,
    /// In both.
    Both,
}

/// Files that the compiler writes beside the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Debug information apart from the object.
    Debug,
    /// What else is handed from program to program.
    Saved,
    /// What coverage is counted for.
    Coverage,
    /// How much stack each function uses.
    Stack,
    /// Which function calls which.
    Calls,
    /// How long each step took.
    Times,
    /// What was optimized, and what was not.
    Record,
}

/// What a flag says of profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// One file is read for everything (clang); its value is that file, or its directory.
    Merged,
    /// A file is read for each object (gcc); its value is a directory.
    Counts,
    /// Samples are read from the working directory (gcc).
    Samples,
    /// Its value is the directory of gcc's counts, whoever asks for them.
    Apart,
    /// Its value is taken away from the beginning of the paths that become names in that directory.
    Prefix,
}

/// What a flag does besides changing the result, which every flag may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: its text in the key says all.
    Plain,
    /// Its value is a macro.
    Define,
    /// Its value is a directory that is searched for headers.
    Include(IncludeKind),
    /// Its value is what comes before the directories of other flags.
    IncludePrefix,
    /// Its value is the end of a directory that is searched for headers.
    IncludeBehindPrefix,
    /// Its value is a directory that is searched for libraries.
    LibraryDirectory,
    /// Its value is the name of a library that is searched.
    Library,
    /// Its value names a file that is read.
    Reads,
    /// It says that profiles are read, or where.
    Profile(Profile),
    /// Its value names a file that is written.
    Writes,
    /// Its value is a directory or another path that is spelled as such.
    Path,
    /// It makes the compiler write more files.
    Sides(&'static [Side]),
    /// It changes where something is searched, or which programs run.
    Selects(In),
    /// The same, and its value is a path.
    SelectsPath(In),
    /// It names the processor: `native` reads this machine's, and on most targets it picks a set of libraries.
    Processor,
    /// It turns link-time optimization on or off.
    Lto(bool),
    /// It maps a path prefix to another.
    PrefixMap,
    /// It names things by chance unless a seed is given, and writes these files.
    Chance(&'static [Side]),
    /// At a link, the driver reads this file of its libraries' directory.
    Spec(&'static str),
    /// What it does cannot be followed.
    Local(&'static str),
    /// Rekindle does this itself.
    Owned(&'static str),
    /// Its value is what the linker tells its plugin.
    PluginOption,
    /// Its value is words for the linker, with commas between them.
    LinkerList,
    /// Its value is one word for the linker.
    LinkerWord,
    /// Its value is words for the assembler, with commas between them.
    AssemblerList,
    /// Its value is one word for the assembler.
    AssemblerWord,
    /// Its value is words for the preprocessor, with commas between them.
    PreprocessorList,
    /// Its value is one word for the preprocessor.
    PreprocessorWord,
    /// Its value is one word for the compiler proper.
    CompilerWord,
}

/// Where in the order of header directories a directory comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IncludeKind {
    /// First, for quotes.
    Quote,
    /// In the order given.
    Normal,
    /// After the ones of the order.
    System,
    /// After the compiler's own.
    After,
    /// Nobody knows where in the order.
    Anywhere,
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) effect: Effect,
}

pub(crate) const fn row(name: &'static str, shape: Shape, effect: Effect) -> Row {
    Row { name, shape, effect }
}

/// The flags of a family.
pub(crate) struct Dialect {
    /// For people: `gcc`.
    pub(crate) name: &'static str,
    /// Rows, those of the family before those of all families.
    pub(crate) tables: &'static [&'static [Row]],
    /// Names for which `-fNAME` and `-fno-NAME` only change the code.
    pub(crate) toggles: &'static str,
    /// Names for which `-fNAME=VALUE` only changes the code.
    pub(crate) values: &'static str,
}

/// Where a flag's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// It has none.
    None,
    /// It starts at this byte of the word.
    At(usize),
    /// It is the next word.
    Next,
}

impl Dialect {
    /// What `word` does and where its value is; `None` if no table knows it.
    pub(crate) fn look_up(&self, word: &[u8]) -> Option<(Effect, Value)> {
        self.tables.iter().find_map(|table| in_rows(table, word)).or_else(|| self.in_families(word))
    }

    /// The flags that come in families of names.
    fn in_families(&self, word: &[u8]) -> Option<(Effect, Value)> {
        let text = std::str::from_utf8(word).ok()?;
        let plain = Some((Effect::Plain, Value::None));
        let listed = |list: &str, name: &str| list.split_ascii_whitespace().any(|known| known == name);
        if let Some(rest) = text.strip_prefix("-f") {
            if let Some((name, _)) = rest.split_once('=') {
                return if listed(self.values, name) { plain } else { None };
            }
            let name = rest.strip_prefix("no-").unwrap_or(rest);
            return if listed(self.toggles, name) { plain } else { None };
        }
        let rest = text.strip_prefix('-')?;
        let tail = rest.get(1..)?;
        let wordlike =
            |tail: &str| tail.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_+.=,:".contains(&b));
        let known = match rest.as_bytes()[0] {
            // No warning reads or writes a file.
            b'W' => wordlike(tail),
            // Nor does a choice of machine code, but for the rows of the tables.
            b'm' => !tail.is_empty() && wordlike(tail),
            b'O' => matches!(tail, "" | "s" | "g" | "z" | "fast") || tail.bytes().all(|b| b.is_ascii_digit()),
            b'R' => tail.starts_with("pass") && wordlike(tail),
            _ => false,
        };
        if known { plain } else { None }
    }
}

/// The row that fits best: the longest name.
pub(crate) fn in_rows(rows: &[Row], word: &[u8]) -> Option<(Effect, Value)> {
    let mut best: Option<(&Row, Value)> = None;
    for row in rows {
        let Some(rest) = word.strip_prefix(row.name.as_bytes()) else { continue };
        let value = match row.shape {
            Shape::Alone | Shape::Optional if rest.is_empty() => Value::None,
            Shape::Optional if rest[0] == b'=' => Value::At(row.name.len() + 1),
            Shape::Joined | Shape::Either if !rest.is_empty() => Value::At(row.name.len()),
            Shape::Separate | Shape::Either if rest.is_empty() => Value::Next,
            _ => continue,
        };
        if best.is_none_or(|(best, _)| row.name.len() > best.name.len()) {
            best = Some((row, value));
        }
    }
    best.map(|(row, value)| (row.effect, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gcc(word: &str) -> Option<(Effect, Value)> {
        gcc::GCC.look_up(word.as_bytes())
    }

    fn clang(word: &str) -> Option<(Effect, Value)> {
        clang::CLANG.look_up(word.as_bytes())
    }

    #[test]
    fn each_shape_is_found_with_its_value() {
        assert_eq!(gcc("-Idir"), Some((Effect::Include(IncludeKind::Normal), Value::At(2))));
        assert_eq!(gcc("-I"), Some((Effect::Include(IncludeKind::Normal), Value::Next)));
        assert_eq!(gcc("-include"), Some((Effect::Reads, Value::Next)));
        assert_eq!(gcc("-flto"), Some((Effect::Lto(true), Value::None)));
        assert_eq!(gcc("-flto=auto"), Some((Effect::Lto(true), Value::At(6))));
        assert_eq!(gcc("-std=c11"), Some((Effect::Plain, Value::At(5))));
        assert_eq!(gcc("-O2"), Some((Effect::Plain, Value::None)));
        assert_eq!(gcc("-Wno-error=format"), Some((Effect::Plain, Value::None)));
        assert_eq!(gcc("-Wl,-Map=x"), Some((Effect::LinkerList, Value::At(4))));
        assert_eq!(gcc("-mavx2"), Some((Effect::Plain, Value::None)));
        assert_eq!(gcc("-fno-exceptions"), Some((Effect::Plain, Value::None)));
        assert_eq!(gcc("-falign-functions=32"), Some((Effect::Plain, Value::None)));
    }

    #[test]
    fn the_tables_are_closed_and_each_family_has_its_own() {
        for word in ["-fxyz", "-fno-xyz", "-fxyz=1", "-gxyz", "-Oxyz", "--xyz", "-dxyz", "-qxyz"] {
            assert_eq!((gcc(word), clang(word)), (None, None), "{word}");
        }
        assert!(gcc("-fipa-pta").is_some() && clang("-fipa-pta").is_none());
        assert!(clang("-fstandalone-debug").is_some() && gcc("-fstandalone-debug").is_none());
    }

    #[test]
    fn no_table_has_a_row_twice() {
        for dialect in [&gcc::GCC, &clang::CLANG] {
            for table in dialect.tables {
                let mut names: Vec<_> =
                    table.iter().map(|row| (row.name, format!("{:?}", row.shape))).collect();
                names.sort();
                let count = names.len();
                names.dedup();
                assert_eq!(names.len(), count, "{}", dialect.name);
            }
        }
    }
}
