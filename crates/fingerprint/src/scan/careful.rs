//! The second pass: which mentions count, and what they name.

mod times;

use std::ops::Range;

use super::lex::{Kind, Lexer, Spliced, Token};
use super::{Embed, Incbin, Mentions, Probe, Scan, Text, add, pieces};

/// Reads the text with care. `aliases` are macros of any file of the action that stand for `__has_include`.
pub(super) fn scan(bytes: &[u8], text: Text, aliases: &[Box<[u8]>]) -> Scan {
    let spliced = if text == Text::PlainAssembler { Spliced::whole(bytes) } else { Spliced::new(bytes) };
    let tokens: Vec<Token<'_>> = Lexer::new(&spliced.bytes, text, aliases).collect();
    let mut careful = Careful {
        tokens: &tokens,
        source: &spliced,
        text,
        aliases,
        in_macro: false,
        in_asm: false,
        scan: Scan::default(),
    };
    careful.file();
    careful.scan
}

/// The two statements by which an assembler reads another file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Incbin,
    Include,
}

impl Reads {
    const BOTH: [Self; 2] = [Self::Incbin, Self::Include];

    fn statement(self) -> &'static str {
        match self {
            Self::Incbin => ".incbin",
            Self::Include => ".include",
        }
    }
}

struct Careful<'a> {
    tokens: &'a [Token<'a>],
    source: &'a Spliced<'a>,
    text: Text,
    aliases: &'a [Box<[u8]>],
    /// Whether the tokens that are read are those of a macro.
    in_macro: bool,
    /// Whether the tokens that are read stand behind `asm`, up to the next semicolon.
    in_asm: bool,
    scan: Scan,
}

impl<'a> Careful<'a> {
    fn file(&mut self) {
        let mut at = 0;
        let mut line_start = true;
        while at < self.tokens.len() {
            match &self.tokens[at].kind {
                Kind::LineEnd => {
                    line_start = true;
                    at += 1;
                }
                Kind::Mark(b'#') if line_start && self.text != Text::PlainAssembler => {
                    let length =
                        self.tokens[at..].iter().take_while(|token| token.kind != Kind::LineEnd).count();
                    self.directive(at + 1..at + length);
                    at += length;
                }
                _ => {
                    at = self.item(at, self.tokens.len());
                    // A joined string may end behind any number of line ends.
                    line_start = self.tokens[..at].last().is_some_and(|token| token.kind == Kind::LineEnd);
                }
            }
        }
    }

    fn kind(&self, at: usize, end: usize) -> Option<&'a Kind<'a>> {
        (at < end).then(|| self.tokens.get(at).map(|token| &token.kind)).flatten()
    }

    fn word(&self, at: usize, end: usize) -> Option<&'a [u8]> {
        match self.kind(at, end) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn mark(&self, at: usize, end: usize) -> Option<u8> {
        match self.kind(at, end) {
            Some(Kind::Mark(mark)) => Some(*mark),
            _ => None,
        }
    }

    /// Notes that a name cannot be known; the first reason is kept.
    fn unprovable(&mut self, at: usize, what: &str) {
        if self.scan.unprovable.is_none() {
            self.scan.unprovable = Some(format!("line {}: {what}", self.line(at)));
        }
    }

    fn line(&self, at: usize) -> usize {
        self.source.line(self.tokens.get(at).map_or(0, |token| token.at))
    }

    /// One token of ordinary text, or a whole joined string; returns where the next one is.
    fn item(&mut self, at: usize, end: usize) -> usize {
        match self.kind(at, end) {
            Some(Kind::Word(word)) => {
                self.mention(at, word);
                self.compares_times(at, end, word);
                self.in_asm |= matches!(*word, b"asm" | b"__asm" | b"__asm__");
                if self.text != Text::C {
                    self.statement(at, end, word);
                }
                at + 1
            }
            Some(Kind::String { text, .. }) => {
                self.compares_times_in(at, text);
                if self.text == Text::C { self.joined_string(at, end) } else { at + 1 }
            }
            Some(Kind::Mark(b'.')) => self.stringified_statement(at, end),
            Some(Kind::Mark(b';')) => {
                self.in_asm = false;
                at + 1
            }
            _ => at + 1,
        }
    }

    fn mention(&mut self, at: usize, word: &[u8]) {
        if pieces::is_common_half(word) || pieces::completes_common_half(word) && self.is_operand(at) {
            let line = self.line(at);
            let halves =
                if pieces::is_common_half(word) { &mut self.scan.asks } else { &mut self.scan.answers };
            halves.get_or_insert(line);
        }
        let half = pieces::half_of(word);
        if half.any(Mentions::HAS_INCLUDE | Mentions::HAS_EMBED) {
            let word = String::from_utf8_lossy(word);
            self.unprovable(at, &format!("`{word}` may be made a question for headers by `##`"));
        }
        self.scan.mentions |= half;
        self.scan.mentions |= match word {
            b"__DATE__" => Mentions::DATE,
            b"__TIME__" => Mentions::TIME,
            b"__TIMESTAMP__" => Mentions::TIMESTAMP,
            b"__FILE__" => Mentions::FILE,
            b"__BASE_FILE__" => Mentions::BASE_FILE,
            b"source_location" | b"__builtin_source_location" => Mentions::SOURCE_LOCATION,
            b"__builtin_FILE" => Mentions::BUILTIN_FILE,
            _ => Mentions::default(),
        };
    }

    /// Whether the token is an argument of a macro, or stands behind `##`.
    fn is_operand(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).and_then(|at| self.mark(at, self.tokens.len()));
        matches!(before(1), Some(b'(' | b',')) || before(1) == Some(b'#') && before(2) == Some(b'#')
    }

    fn reads(&mut self, what: Reads, name: &[u8]) {
        let (mention, list) = match what {
            Reads::Incbin => (Mentions::INCBIN, &mut self.scan.incbins),
            Reads::Include => (Mentions::ASM_INCLUDE, &mut self.scan.asm_includes),
        };
        self.scan.mentions |= mention;
        add(list, Incbin { name: name.into() });
    }

    fn reads_unknown(&mut self, what: Reads, at: usize) {
        self.scan.mentions |= match what {
            Reads::Incbin => Mentions::INCBIN,
            Reads::Include => Mentions::ASM_INCLUDE,
        };
        if self.scan.unprovable_assembly.is_none() {
            let line = self.line(at);
            let what = what.statement();
            self.scan.unprovable_assembly =
                Some(format!("line {line}: a macro makes the name of a file for `{what}`"));
        }
    }

    /// A word of assembler text: the file that it makes the assembler read, if it does.
    fn statement(&mut self, at: usize, end: usize, word: &[u8]) {
        let Some(what) =
            Reads::BOTH.into_iter().find(|what| word.eq_ignore_ascii_case(what.statement().as_bytes()))
        else {
            // `##` may put the rest of the word behind it.
            if word.len() > 3 && pieces::ends_in_statement(word) == word.len() {
                self.reads_unknown(Reads::Incbin, at);
            }
            return;
        };
        match self.kind(at + 1, end) {
            Some(Kind::String { text, escaped: false }) => self.reads(what, text),
            None | Some(Kind::LineEnd) => {}
            Some(_) => self.reads_unknown(what, at),
        }
    }

    /// A dot of C text: `STRING(.incbin "file")` makes assembler text too.
    fn stringified_statement(&mut self, at: usize, end: usize) -> usize {
        let word = self.word(at + 1, end).filter(|_| self.tokens[at + 1].at == self.tokens[at].at + 1);
        let what =
            word.and_then(|word| Reads::BOTH.into_iter().find(|w| &w.statement().as_bytes()[1..] == word));
        match (what, self.kind(at + 2, end)) {
            (Some(what), Some(Kind::String { text, escaped: false })) => self.reads(what, text),
            (Some(what), Some(Kind::String { .. } | Kind::Word(_) | Kind::Mark(b'#'))) => {
                self.reads_unknown(what, at);
            }
            _ => {}
        }
        at + 1
    }

    /// Adjacent strings are one; it may be assembler text.
    fn joined_string(&mut self, start: usize, end: usize) -> usize {
        let mut joined = Vec::new();
        let mut behind = start;
        let mut at = start;
        loop {
            match self.kind(at, end) {
                Some(Kind::String { text, .. }) => {
                    joined.extend_from_slice(text);
                    behind = at + 1;
                }
                Some(Kind::LineEnd) => {}
                _ => break,
            }
            at += 1;
        }
        let goes_on = matches!(self.kind(at, end), Some(Kind::Word(_) | Kind::Mark(b'#')));
        // A macro that ends with the statement's word is followed by a name where it is used.
        let goes_on = goes_on || self.in_macro && at >= end;
        for what in Reads::BOTH {
            self.inline_statements(start, what, &joined, goes_on);
        }
        self.split_statement(start, &joined, goes_on);
        behind
    }

    /// A string that is assembler text, or may be, and starts or ends within a statement's word, the rest of which a
    /// macro gives.
    fn split_statement(&mut self, at: usize, text: &[u8], goes_on: bool) {
        let least = match (self.in_asm, self.in_macro) {
            (true, _) => 1,
            (false, true) => 3,
            (false, false) => return,
        };
        let before = at.checked_sub(1).and_then(|at| self.tokens.get(at)).map(|token| &token.kind);
        let continues = matches!(before, Some(Kind::Word(_) | Kind::Mark(b')')));
        if goes_on && pieces::ends_in_statement(text) >= least
            || continues && pieces::starts_in_statement(text)
        {
            self.reads_unknown(Reads::Incbin, at);
        }
    }

    /// The files that `text`, if it is assembler text, makes the assembler read.
    fn inline_statements(&mut self, at: usize, what: Reads, text: &[u8], goes_on: bool) {
        let statement = what.statement().as_bytes();
        for found in memchr::memmem::find_iter(text, statement) {
            let before = text[..found].last().copied().unwrap_or(b'\n');
            let behind = &text[found + statement.len()..];
            if is_part_of_name(before) || behind.first().is_some_and(|byte| is_part_of_name(*byte)) {
                continue;
            }
            let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            match behind[blanks..].split_first() {
                None if goes_on => self.reads_unknown(what, at),
                Some((b'"', rest)) => match rest.iter().position(|byte| *byte == b'"') {
                    Some(length) if !rest[..length].iter().any(|byte| matches!(byte, b'\\' | b'%')) => {
                        self.reads(what, &rest[..length]);
                    }
                    _ => self.reads_unknown(what, at),
                },
                Some((b'\\' | b'%', _)) => self.reads_unknown(what, at),
                _ => {}
            }
        }
    }

    fn directive(&mut self, line: Range<usize>) {
        self.in_asm = false;
        let end = line.end;
        let body = line.start + 1;
        match self.word(line.start, end) {
            Some(name @ (b"include" | b"include_next" | b"import")) => self.include(body, end, name),
            Some(b"embed") => {
                self.scan.mentions |= Mentions::EMBED;
                match self.kind(body, end) {
                    Some(Kind::Header { name, angled }) => self.embed(name, *angled),
                    _ => self.unprovable(line.start, "a macro makes the name for `#embed`"),
                }
            }
            Some(b"define") => self.define(body, end),
            Some(b"if" | b"elif") => self.tokens_of(body, end, None),
            Some(b"pragma" | b"line" | b"ident") => {
                let mut at = body;
                while at < end {
                    at = self.item(at, end);
                }
            }
            // `#ifdef` and its like ask whether a macro is there, not what it says. In assembler text, `#` starts a
            // comment too. What else there is does not expand macros, or is an error where it is compiled.
            _ => {}
        }
    }

    fn include(&mut self, at: usize, end: usize, directive: &[u8]) {
        if !matches!(self.kind(at, end), Some(Kind::Header { .. })) {
            self.scan.mentions |= Mentions::COMPUTED_INCLUDE;
            self.steps_in_macro(at, end);
        }
        if let Some(Kind::Header { name, angled }) = self.kind(at, end)
            && steps_up(name)
        {
            self.scan.mentions |= Mentions::PARENT_STEP;
            let next = directive == b"include_next";
            add(&mut self.scan.stepping, Probe { name: (*name).into(), angled: *angled, next });
        }
    }

    fn embed(&mut self, name: &[u8], angled: bool) {
        add(&mut self.scan.embeds, Embed { name: name.into(), angled });
    }

    fn define(&mut self, at: usize, end: usize) {
        let Some(name) = self.word(at, end).filter(|name| !self.is_probe(name)) else { return };
        let mut body = at + 1;
        let mut parameters = Vec::new();
        let adjacent = self.tokens.get(body).is_some_and(|token| token.at == self.tokens[at].at + name.len());
        if self.mark(body, end) == Some(b'(') && adjacent {
            while body < end && self.mark(body, end) != Some(b')') {
                parameters.extend(self.word(body, end));
                body += 1;
            }
        }
        self.steps_in_macro(body, end);
        let text = body + usize::from(self.mark(body, end) == Some(b')'));
        self.compares_times_by_macro(text, end, &parameters);
        self.in_macro = true;
        self.tokens_of(body, end, Some(&Macro { name, parameters }));
        self.in_macro = false;
        self.in_asm = false;
    }

    /// Names with a `..` that a macro may make an `#include` of: whole strings, and what is written without quotes.
    fn steps_in_macro(&mut self, start: usize, end: usize) {
        let dot = |at: usize| self.mark(at, end) == Some(b'.');
        let next_to = |at: usize| self.tokens[at].at + 1 == self.tokens[at + 1].at;
        let steps = |at: usize| {
            let three = dot(at + 2) && next_to(at + 1) || at > start && dot(at - 1) && next_to(at - 1);
            dot(at) && dot(at + 1) && next_to(at) && !three
        };
        let word = |at: usize| self.word(at, end).is_some_and(|word| word == b"..");
        if (start..end).any(|at| steps(at) || word(at)) {
            self.scan.mentions |= Mentions::STEP_IN_MACRO;
        }
        for at in start..end {
            if let Some(Kind::String { text, .. }) = self.kind(at, end)
                && steps_up(text)
            {
                self.scan.mentions |= Mentions::PARENT_STEP;
                let name = text.as_slice().into();
                add(&mut self.scan.macro_steps, Probe { name, angled: false, next: false });
            }
        }
    }

    /// The tokens of a condition, or of a macro.
    fn tokens_of(&mut self, start: usize, end: usize, of: Option<&Macro<'_>>) {
        let mut at = start;
        while at < end {
            at = match self.word(at, end) {
                Some(b"defined") => self.behind_defined(at, end),
                Some(word) if self.is_probe(word) => self.probe(at, end, word, of),
                _ => self.item(at, end),
            };
        }
    }

    /// Behind `defined X` or `defined(X)`.
    fn behind_defined(&self, at: usize, end: usize) -> usize {
        if self.mark(at + 1, end) == Some(b'(') { at + 4 } else { at + 2 }
    }

    fn probe(&mut self, at: usize, end: usize, word: &[u8], of: Option<&Macro<'_>>) -> usize {
        let embeds = word == b"__has_embed";
        self.scan.mentions |= if embeds { Mentions::HAS_EMBED } else { Mentions::HAS_INCLUDE };
        let operand = if self.mark(at + 1, end) == Some(b'(') { at + 2 } else { at + 1 };
        if let Some(Kind::Header { name, angled }) = self.kind(operand, end)
            && !(*angled && of.is_some_and(|of| of.makes(name)))
        {
            if embeds {
                self.embed(name, *angled);
            } else {
                let next = word == b"__has_include_next";
                add(&mut self.scan.probes, Probe { name: (*name).into(), angled: *angled, next });
            }
            return operand + 1;
        }
        if !embeds
            && let Some(of) = of
            && self.passes_on(operand, end, of)
        {
            add(&mut self.scan.aliases, of.name.into());
            return operand;
        }
        let word = String::from_utf8_lossy(word);
        match of {
            Some(of) => {
                let name = String::from_utf8_lossy(of.name);
                self.unprovable(
                    at,
                    &format!("the macro `{name}` gives `{word}` a name that is not written there"),
                );
            }
            None => self.unprovable(at, &format!("a macro makes the name for `{word}`")),
        }
        operand
    }
}

impl Careful<'_> {
    fn is_probe(&self, word: &[u8]) -> bool {
        let known = matches!(word, b"__has_include" | b"__has_include_next" | b"__has_embed");
        known || self.aliases.iter().any(|alias| **alias == *word)
    }

    /// Whether a macro gives a probe no name (`#define HAS __has_include`) or its own,
    /// only parameter (`#define HAS(x) __has_include(x)`): then the names stand where the macro is used.
    fn passes_on(&self, operand: usize, end: usize, of: &Macro<'_>) -> bool {
        match self.word(operand, end) {
            Some(word) => of.parameters == [word] && self.mark(operand + 1, end) == Some(b')'),
            None => operand >= end && of.parameters.is_empty(),
        }
    }
}

/// The macro that a directive defines.
struct Macro<'a> {
    name: &'a [u8],
    parameters: Vec<&'a [u8]>,
}

impl Macro<'_> {
    /// Whether a parameter stands in a name between `<` and `>`, where it is replaced.
    fn makes(&self, angled: &[u8]) -> bool {
        let mut words = angled.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
        words.any(|word| !word.is_empty() && self.parameters.contains(&word))
    }
}

fn steps_up(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'/').any(|part| part == b"..")
}

fn is_part_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$')
}
