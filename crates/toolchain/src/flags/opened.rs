//! Response files (`@FILE`): their words are put in their place before anything else looks at the flags. The driver
//! opens its own; the linker, the assembler and the preprocessor open those that come to them behind `-Wl,`, `-Wa,` and
//! `-Wp,`. Each finds them from the directory in which it runs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Arg, Piece};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::files::PathId;

use super::{Reader, Treated, parts};
use crate::dialect::Effect;
use crate::error::FlagError;
use crate::response_file;

/// How deep response files may name each other.
const DEPTH: u8 = 8;

impl Reader<'_> {
    /// The flags with the words of the driver's response files in the place of their names.
    pub(super) fn open_response_files(
        &mut self,
        flags: &[Arg],
        treated: &mut Treated,
    ) -> Result<Vec<Arg>, FlagError> {
        let mut opened = Vec::with_capacity(flags.len());
        for flag in flags {
            match named(&self.spell(flag)) {
                Some(path) => {
                    let id = self.path_of(flag, 1, path);
                    opened.extend(self.words_in(id, treated, 0)?.into_iter().map(text));
                }
                None => opened.push(flag.clone()),
            }
        }
        Ok(opened)
    }

    /// The flags that hand on what `carrier` hands on from the byte `at`, with the words of response files in the
    /// place of their names; `None` if there are none.
    pub(super) fn open_words(
        &mut self,
        effect: Effect,
        carrier: &Arg,
        at: usize,
        value: &[u8],
        treated: &mut Treated,
    ) -> Result<Option<Vec<Arg>>, FlagError> {
        let (list, single) = match effect {
            Effect::LinkerList | Effect::LinkerWord => ("-Wl,", "-Xlinker"),
            Effect::AssemblerList | Effect::AssemblerWord => ("-Wa,", "-Xassembler"),
            Effect::PreprocessorList | Effect::PreprocessorWord => ("-Wp,", "-Xpreprocessor"),
            _ => return Ok(None),
        };
        let lists = matches!(effect, Effect::LinkerList | Effect::AssemblerList | Effect::PreprocessorList);
        let given = if lists { parts(value) } else { vec![value.to_vec()] };
        if !given.iter().any(|word| named(word).is_some()) {
            return Ok(None);
        }
        let mut words = Vec::new();
        for (index, word) in given.into_iter().enumerate() {
            match named(&word) {
                Some(path) => {
                    let id =
                        if index == 0 { self.path_of(carrier, at + 1, path) } else { self.path_here(path) };
                    words.extend(self.words_in(id, treated, 0)?);
                }
                None => words.push(word),
            }
        }
        // What has a comma in it would be cut there.
        let one_by_one = words.iter().any(|word| word.is_empty() || word.contains(&b','));
        Ok(Some(match (words.is_empty(), one_by_one) {
            (true, _) => Vec::new(),
            (false, true) => words.into_iter().flat_map(|word| [single.into(), text(word)]).collect(),
            (false, false) => vec![text([list.as_bytes(), &words.join(&b',')].concat())],
        }))
    }

    /// The words in a response file and in those that it names.
    fn words_in(&mut self, id: PathId, treated: &mut Treated, depth: u8) -> Result<Vec<Vec<u8>>, FlagError> {
        let path = self.files.abs(id);
        if depth > DEPTH {
            return Err(FlagError::Nested { path });
        }
        if self.is_generated(id) {
            return Err(FlagError::GeneratedResponseFile { path });
        }
        let bytes = consult::read(&path).map_err(|source| FlagError::ResponseFile { path, source })?;
        treated.inputs.push(id);
        let mut words = Vec::new();
        for word in response_file::words(&bytes) {
            match named(&word) {
                Some(path) => {
                    let id = self.path_here(path);
                    words.extend(self.words_in(id, treated, depth + 1)?);
                }
                None => words.push(word),
            }
        }
        Ok(words)
    }

    fn path_here(&mut self, path: &[u8]) -> PathId {
        let cwd = self.files.abs(self.cwd);
        self.files.path_from(&cwd, Path::new(OsStr::from_bytes(path)))
    }
}

/// The response file that a word names.
fn named(word: &[u8]) -> Option<&[u8]> {
    word.strip_prefix(b"@").filter(|path| !path.is_empty())
}

fn text(word: Vec<u8>) -> Arg {
    Arg(vec![Piece::Text(word)])
}
