//! `#pragma GCC dependency "file"`: gcc and clang compare the times of two files, and warn. No depfile names the file,
//! and no digest tells its time. Also as `_Pragma`, whose text a macro may make.

use super::{Careful, Kind, Mentions, Text};

const WORD: &[u8] = b"dependency";

impl Careful<'_> {
    /// A word of ordinary text, of a pragma, or of a macro.
    pub(super) fn compares_times(&mut self, at: usize, end: usize, word: &[u8]) {
        if word != WORD || self.text == Text::PlainAssembler {
            return;
        }
        // As in `#pragma GCC dependency`, `DO(GCC dependency "x")` and `DO(GCC, dependency, "x")`.
        let mut before = self.tokens[..at].iter().rev().map(|token| &token.kind);
        let before =
            before.find(|kind| !matches!(kind, Kind::Mark(b'(' | b')' | b',' | b'#') | Kind::LineEnd));
        let behind = matches!(before, Some(Kind::Word(b"GCC" | b"clang")));
        if behind || matches!(self.kind(at + 1, end), Some(Kind::String { .. })) {
            self.times(at);
        }
    }

    /// A string, which may be the text of a `_Pragma`.
    pub(super) fn compares_times_in(&mut self, at: usize, text: &[u8]) {
        let text = text.trim_ascii_start();
        let pragma = [&b"GCC"[..], b"clang"].into_iter().find_map(|space| text.strip_prefix(space));
        if self.text != Text::PlainAssembler
            && pragma.is_some_and(|rest| memchr::memmem::find(rest, WORD).is_some())
        {
            self.times(at);
        }
    }

    /// A macro that stands for the word, and maybe for what comes behind it.
    pub(super) fn compares_times_by_macro(&mut self, body: usize, end: usize, parameters: &[&[u8]]) {
        let starts = self.word(body, end) == Some(WORD) && !parameters.contains(&WORD);
        if starts && matches!(self.kind(body + 1, end), None | Some(Kind::Word(_) | Kind::Mark(b'<'))) {
            self.times(body);
        }
    }

    fn times(&mut self, at: usize) {
        self.scan.mentions |= Mentions::FILE_TIMES;
        self.unprovable(at, "`#pragma GCC dependency` compares the times of files");
    }
}
