//! Words that flags hand to other programs: the linker, the assembler, the preprocessor, clang's compiler proper.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Arg, Piece};
use rekindle_fingerprint::files::PathId;

use super::{Program, Reader, Treated, parts, shown};
use crate::dialect::{Effect, IncludeKind, Value, assembler, clang, in_rows, linker};
use crate::error::FlagError;

impl Reader<'_> {
    /// Takes words for another program; gives the word that carries them anew if a path is in it.
    pub(super) fn hand_on(
        &mut self,
        effect: Effect,
        carrier: &Arg,
        at: usize,
        value: Vec<u8>,
        treated: &mut Treated,
    ) -> Result<Option<Arg>, FlagError> {
        match effect {
            Effect::AssemblerList => treated.passed_on.assembler.extend(parts(&value)),
            Effect::PreprocessorList => treated.passed_on.preprocessor.extend(parts(&value)),
            Effect::AssemblerWord => treated.passed_on.assembler.push(value),
            Effect::PreprocessorWord => treated.passed_on.preprocessor.push(value),
            Effect::CompilerWord => {
                let why = "flag `-Xclang`: what it hands to the compiler proper is not followed";
                treated.local.get_or_insert_with(|| why.to_string());
                treated.passed_on.compiler.push(value);
            }
            _ => return self.for_linker(effect, carrier, at, &value, treated),
        }
        Ok(None)
    }

    /// Words for the linker: `-Wl,-Map=x`, or one behind `-Xlinker`.
    pub(super) fn for_linker(
        &mut self,
        effect: Effect,
        carrier: &Arg,
        at: usize,
        value: &[u8],
        treated: &mut Treated,
    ) -> Result<Option<Arg>, FlagError> {
        let words = if effect == Effect::LinkerList { parts(value) } else { vec![value.to_vec()] };
        let spelled = self.spell(carrier);
        let named: Vec<PathId> = carrier.paths().collect();
        let mut rebuilt = Arg(vec![Piece::Text(spelled[..at].to_vec())]);
        let mut written_down = false;
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                rebuilt.0.push(Piece::Text(b",".to_vec()));
            }
            // A flag that only changes the result may take no value after all.
            let waiting = treated
                .passed_on
                .linker
                .take()
                .filter(|effect| *effect != Effect::Plain || !word.starts_with(b"-"));
            let (effect, start) = match waiting {
                Some(effect) => (effect, 0),
                None if !word.starts_with(b"-") => {
                    self.file_if_there(word, treated);
                    rebuilt.0.push(Piece::Text(word.clone()));
                    continue;
                }
                None => match linker::look_up(word) {
                    Some((Effect::Owned(reason), _)) => {
                        return Err(FlagError::Owned { flag: shown(word), reason });
                    }
                    Some((effect @ Effect::Local(_), Value::Next)) => (effect, 0),
                    // The value is the next word, whichever flag that comes with.
                    Some((effect, Value::Next)) => {
                        treated.passed_on.linker = Some(effect);
                        rebuilt.0.push(Piece::Text(word.clone()));
                        continue;
                    }
                    Some((effect, Value::None)) => (effect, word.len()),
                    Some((effect, Value::At(start))) => (effect, start),
                    None => {
                        self.unknown(word, "the linker", treated);
                        self.existing_files(word, treated);
                        (Effect::Plain, word.len())
                    }
                },
            };
            written_down |= matches!(effect, Effect::Plain | Effect::PluginOption) && start < word.len();
            rebuilt.0.push(Piece::Text(word[..start].to_vec()));
            rebuilt.0.extend(self.linker_value(effect, &word[start..], treated));
        }
        // What came with paths of its own keeps them; those that the linker writes down (a run path) as they were given.
        Ok(match (named.is_empty(), written_down) {
            (true, _) => Some(rebuilt),
            (false, true) => Some(absolute(carrier)),
            (false, false) => None,
        })
    }

    pub(super) fn linker_value(&mut self, effect: Effect, value: &[u8], treated: &mut Treated) -> Vec<Piece> {
        if value.is_empty() {
            return Vec::new();
        }
        let text = vec![Piece::Text(value.to_vec())];
        let id = match effect {
            Effect::Reads | Effect::Writes | Effect::LibraryDirectory | Effect::Path => {
                let cwd = self.files.abs(self.cwd);
                self.files.path_from(&cwd, Path::new(OsStr::from_bytes(value)))
            }
            Effect::Library => {
                treated.libraries.push(value.to_vec());
                return text;
            }
            Effect::Local(reason) => {
                treated.local.get_or_insert_with(|| format!("linker flag `{}`: {reason}", shown(value)));
                self.existing_files(value, treated);
                return text;
            }
            _ => {
                if effect == Effect::PluginOption
                    && let Some(why) = linker::not_followed(value)
                {
                    let shown = shown(value);
                    treated.local.get_or_insert_with(|| format!("linker flag `-plugin-opt={shown}`: {why}"));
                    if why == linker::WRITES {
                        return text;
                    }
                }
                self.file_if_there(value, treated);
                self.existing_files(value, treated);
                return text;
            }
        };
        let dot = self.keeps_dot(value, id);
        match effect {
            Effect::Writes => treated.outputs.push(id),
            // The driver puts its own directories before those that it hands on.
            Effect::LibraryDirectory => treated.library_directories_anywhere.push(id),
            Effect::Reads if self.is_read(id) => treated.inputs.push(id),
            // A script's name without a slash is searched in the library directories.
            Effect::Reads if !value.contains(&b'/') => return text,
            _ => {}
        }
        match dot {
            true => vec![Piece::Text(b"./".to_vec()), Piece::Path(id)],
            false => vec![Piece::Path(id)],
        }
    }

    /// Words for other programs, in their order. They keep their spelling.
    pub(super) fn for_others(
        &mut self,
        words: &[Vec<u8>],
        program: Program,
        treated: &mut Treated,
    ) -> Result<(), FlagError> {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if !word.starts_with(b"-") {
                self.file_if_there(word, treated);
                continue;
            }
            let found = match program {
                Program::Assembler => in_rows(assembler::ASSEMBLER, word),
                Program::Preprocessor => self.dialect.look_up(word),
                Program::Compiler => in_rows(clang::PROPER, word).or_else(|| self.dialect.look_up(word)),
            };
            let Some((effect, value)) = found else {
                if program != Program::Compiler {
                    let whose =
                        if program == Program::Assembler { "the assembler" } else { self.dialect.name };
                    self.unknown(word, whose, treated);
                }
                self.existing_files(word, treated);
                self.existing_directories(word, treated);
                continue;
            };
            let value = match value {
                Value::None => Vec::new(),
                Value::At(at) => word[at..].to_vec(),
                Value::Next => words.next().cloned().unwrap_or_default(),
            };
            // They come to the program behind or before what comes to it otherwise.
            let effect = match effect {
                Effect::Include(_) => Effect::Include(IncludeKind::Anywhere),
                effect => effect,
            };
            let carrier = Arg(vec![Piece::Text(value.clone())]);
            self.apply(word, effect, &carrier, Some((0, value)), treated)?;
        }
        Ok(())
    }

    pub(super) fn unknown(&self, word: &[u8], whose: &str, treated: &mut Treated) {
        treated.local.get_or_insert_with(|| format!("flag `{}` is not in the table of {whose}", shown(word)));
    }
}

/// The same argument with its paths always spelled absolutely.
fn absolute(arg: &Arg) -> Arg {
    let always = |piece: &Piece| match piece {
        Piece::Path(path) => Piece::Absolute(*path),
        other => other.clone(),
    };
    Arg(arg.0.iter().map(always).collect())
}
