//! What can end a verb before its work is done: kind, words, advice and exit code, decided here for every error of
//! every crate.

use std::fmt;
use std::io;

use rekindle_engine::error::Error as EngineError;
use rekindle_frontend::diagnostic::{Diagnostic, Diagnostics};
use rekindle_toolchain::ToolchainError;

/// Whose fault it is; that decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An action, a test or a program failed.
    Failed,
    /// Usage, manifest or input is wrong: the person mends it.
    Input,
    /// rekindle itself, or the machine below it, is in trouble.
    Trouble,
    /// Somebody interrupted it.
    Interrupted,
}

impl Kind {
    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Input => 2,
            Self::Trouble => 3,
            Self::Interrupted => 130,
        }
    }
}

/// Why a verb ended early.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// Whose fault it is.
    pub(crate) kind: Kind,
    /// What went wrong, one sentence each; none if it has been told already.
    pub(crate) said: Vec<Said>,
}

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// A sentence, and what to do about it.
    Sentence {
        /// What went wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Something wrong with what the person wrote, with its place.
    Diagnostic(Box<Diagnostic>),
}

impl Failure {
    /// A failure in a sentence.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, said: vec![Said::Sentence { message: message.into(), hint: None }] }
    }

    /// Wrong usage or input.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// The system refused something.
    pub(crate) fn io(verb: &str, what: impl fmt::Display, error: &io::Error) -> Self {
        let failure = Self::new(Kind::Trouble, format!("cannot {verb} {what}: {}", plain(error)));
        match io_hint(error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// The same with advice, if it is a sentence.
    #[must_use]
    pub(crate) fn hint(mut self, advice: impl Into<String>) -> Self {
        if let Some(Said::Sentence { hint, .. }) = self.said.last_mut() {
            *hint = Some(advice.into());
        }
        self
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.kind.code()
    }

    /// All of it, as a person reads it; empty if it has been told.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (at, one) in self.said.iter().enumerate() {
            if at > 0 && matches!(one, Said::Diagnostic(_)) {
                text.push('\n');
            }
            match one {
                Said::Sentence { message, hint } => {
                    text.push_str(&format!("rekindle: {message}\n"));
                    if let Some(hint) = hint {
                        text.push_str(&format!("  hint: {hint}\n"));
                    }
                }
                Said::Diagnostic(diagnostic) => text.push_str(&diagnostic.to_string()),
            }
        }
        text
    }
}

/// What the system says, as a part of a sentence and without the number behind it.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    // Behind the number stands at most the name of a temporary file.
    let text = text.split(" (os error ").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A text without the numbers that stand behind what the system says, and the names of temporary files behind those.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut parts = text.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_string();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<i32>().is_ok() => {
                let name = rest.strip_prefix(" at path \"").and_then(|rest| rest.split_once('"'));
                plain.push_str(name.map_or(rest, |(_, rest)| rest));
            }
            _ => plain.push_str(&format!(" (os error {part}")),
        }
    }
    plain
}

fn io_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull => Some("the disk is full; `rekindle clean` removes what was built"),
        io::ErrorKind::QuotaExceeded => {
            Some("your quota is used up; `rekindle clean` removes what was built")
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            Some("the file system is read-only; `--build-dir DIR` builds elsewhere")
        }
        io::ErrorKind::PermissionDenied => Some("`--build-dir DIR` builds in another directory"),
        _ => None,
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let text = error.to_string();
        match error {
            EngineError::Io { verb, path, source } => Self::io(verb, path.display(), &source),
            EngineError::NewerFormat { .. } => Self::input(text)
                .hint("use that newer rekindle, or `rekindle clean`, or another `--build-dir`"),
            EngineError::Foreign { .. } => {
                Self::input(text).hint("`--build-dir DIR` builds in another directory")
            }
            EngineError::Orphans { .. } => Self::new(Kind::Trouble, text).hint("wait for them, or end them"),
            EngineError::Root(_) => {
                Self::input(text).hint("give the root another name in [roots] of the manifest")
            }
            EngineError::Cycle { .. } => Self::input(text),
            EngineError::Exec(inner) => inner.into(),
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(found: Diagnostics) -> Self {
        let said = found.0.into_iter().map(|one| Said::Diagnostic(Box::new(one))).collect();
        Self { kind: Kind::Input, said }
    }
}

impl From<Diagnostic> for Failure {
    fn from(found: Diagnostic) -> Self {
        Diagnostics(vec![found]).into()
    }
}

impl From<ToolchainError> for Failure {
    fn from(error: ToolchainError) -> Self {
        Self::input(without_numbers(&error.to_string()))
    }
}

impl From<rekindle_exec::Error> for Failure {
    fn from(error: rekindle_exec::Error) -> Self {
        match error {
            rekindle_exec::Error::Interrupted => Self::new(Kind::Interrupted, "interrupted"),
            other => Self::new(Kind::Trouble, without_numbers(&other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn full(verb: &'static str) -> EngineError {
        let source = io::Error::from_raw_os_error(28);
        EngineError::Io { verb, path: PathBuf::from(".rekindle/build/debug/journal"), source }
    }

    #[test]
    fn each_kind_has_the_exit_code_of_the_contract() {
        let codes = [Kind::Failed, Kind::Input, Kind::Trouble, Kind::Interrupted].map(Kind::code);
        assert_eq!(codes, [1, 2, 3, 130]);
    }

    #[test]
    fn every_error_of_the_engine_has_words_advice_and_a_code() {
        let path = || PathBuf::from(".rekindle/build/debug");
        let errors = [
            full("write"),
            EngineError::Io { verb: "create", path: path(), source: io::Error::from_raw_os_error(13) },
            EngineError::NewerFormat { path: path(), found: 9, known: 1 },
            EngineError::Foreign { path: path(), found: "notes".into() },
            EngineError::Orphans { path: path() },
            EngineError::Cycle {
                cycle: "these actions need each other:\n  `a` needs `a.h`, which `a` writes".into(),
            },
        ];
        let all: Vec<String> = errors
            .into_iter()
            .map(|error| {
                let failure = Failure::from(error);
                format!("{} {}", failure.code(), failure.text())
            })
            .collect();
        insta::assert_snapshot!(all.concat(), @"
        3 rekindle: cannot write .rekindle/build/debug/journal: no space left on device
          hint: the disk is full; `rekindle clean` removes what was built
        3 rekindle: cannot create .rekindle/build/debug: permission denied
          hint: `--build-dir DIR` builds in another directory
        2 rekindle: the build directory .rekindle/build/debug has format 9, and this rekindle knows formats up to 1
          hint: use that newer rekindle, or `rekindle clean`, or another `--build-dir`
        2 rekindle: .rekindle/build/debug is no build directory: it holds `notes`, which rekindle did not make
          hint: `--build-dir DIR` builds in another directory
        3 rekindle: commands of an earlier build that was killed still run in .rekindle/build/debug
          hint: wait for them, or end them
        2 rekindle: these actions need each other:
          `a` needs `a.h`, which `a` writes
        ");
    }

    #[test]
    fn diagnostics_keep_their_place_and_are_the_persons_to_mend() {
        let one =
            Diagnostic::request("buld", "the manifest has no such target").hint("did you mean `build`?");
        let two = Diagnostic::request("tst", "the manifest has no such target");
        let failure = Failure::from(Diagnostics(vec![one, two]));
        insta::assert_snapshot!(failure.text(), @"
        buld: the manifest has no such target
             = hint: did you mean `build`?

        tst: the manifest has no such target
        ");
        assert_eq!(failure.code(), 2);
    }

    #[test]
    fn what_the_system_says_has_no_number() {
        let said =
            "cannot run `a` in `b`: No such file or directory (os error 2)\n  hint (os error x) (os error";
        let full = "No space left on device (os error 28) at path \"/s/tmp/x\"; we go on";
        assert_eq!(without_numbers(full), "No space left on device; we go on");
        insta::assert_snapshot!(without_numbers(said), @"
        cannot run `a` in `b`: No such file or directory
          hint (os error x) (os error
        ");
        insta::assert_snapshot!(plain(&io::Error::from_raw_os_error(13)), @"permission denied");
    }

    #[test]
    fn an_interrupted_command_is_an_interruption() {
        assert_eq!(Failure::from(rekindle_exec::Error::Interrupted).code(), 130);
    }
}
