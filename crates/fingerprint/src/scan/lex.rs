//! Cuts C-family and assembler text into the few kinds of tokens that the careful pass tells apart: translation
//! phases 2 and 3 of the C standard (spliced lines, then comments, literals, names), without trigraphs.

use std::borrow::Cow;

use super::Text;

/// A token and where it starts in the spliced text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) at: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A name, in assembler text with its dots.
    Word(&'a [u8]),
    /// A string, escapes decoded; whether there were any.
    String { text: Vec<u8>, escaped: bool },
    /// The name behind `#include`, `#embed`, `__has_include(` and the like.
    Header { name: &'a [u8], angled: bool },
    /// Any other byte that is no blank. `%:` is `#`.
    Mark(u8),
    /// The end of a line that is not continued.
    LineEnd,
}

/// A text whose continued lines are joined.
pub(super) struct Spliced<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    /// Where, in `bytes`, a line end was taken out; sorted.
    joints: Vec<usize>,
}

impl<'a> Spliced<'a> {
    /// Joins lines that end in a backslash; as gcc and clang do, also if blanks follow it.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut joined = Vec::new();
        let mut joints = Vec::new();
        let mut rest = 0;
        for at in memchr::memchr_iter(b'\\', bytes) {
            let blanks = bytes[at + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
            let end = at + 1 + blanks;
            if at >= rest && bytes.get(end) == Some(&b'\n') {
                joined.extend_from_slice(&bytes[rest..at]);
                joints.push(joined.len());
                rest = end + 1;
            }
        }
        if joints.is_empty() {
            return Self::whole(bytes);
        }
        joined.extend_from_slice(&bytes[rest..]);
        Self { bytes: Cow::Owned(joined), joints }
    }

    /// The text as it is.
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), joints: Vec::new() }
    }

    /// The line, from 1, of a place in `bytes`.
    pub(super) fn line(&self, at: usize) -> usize {
        let ends = memchr::memchr_iter(b'\n', &self.bytes[..at.min(self.bytes.len())]).count();
        1 + ends + self.joints.partition_point(|joint| *joint <= at)
    }
}

/// Which name, if any, the next token may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    /// Behind the `#` of a directive.
    Hash,
    /// Where the name of a file is expected.
    Header,
    Other,
}

/// The tokens of `bytes`, which are spliced already.
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    text: Text,
    state: State,
    /// Names of macros that stand for `__has_include`.
    aliases: &'a [Box<[u8]>],
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blanks();
        let at = self.at;
        let first = *self.bytes.get(at)?;
        let header = if self.state == State::Header { self.header(first) } else { None };
        let kind = header.unwrap_or_else(|| self.token(first));
        self.state = self.state_after(&kind);
        Some(Token { kind, at })
    }
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], text: Text, aliases: &'a [Box<[u8]>]) -> Self {
        Self { bytes, at: 0, text, state: State::LineStart, aliases }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn state_after(&self, kind: &Kind<'_>) -> State {
        match (self.state, kind) {
            (_, Kind::LineEnd) => State::LineStart,
            (State::LineStart, Kind::Mark(b'#')) => State::Hash,
            (State::Hash, Kind::Word(b"include" | b"include_next" | b"import" | b"embed")) => State::Header,
            (_, Kind::Word(b"__has_include" | b"__has_include_next" | b"__has_embed")) => State::Header,
            (State::Header, Kind::Mark(b'(')) => State::Header,
            (_, Kind::Word(word)) if self.aliases.iter().any(|alias| **alias == **word) => State::Header,
            _ => State::Other,
        }
    }

    /// Skips blanks and comments, but no line ends outside comments.
    fn skip_blanks(&mut self) {
        loop {
            match self.rest() {
                [b' ' | b'\t' | b'\r' | 0x0b | 0x0c, ..] => self.at += 1,
                [b'/', b'*', ..] if self.text != Text::PlainAssembler => {
                    let inside = &self.bytes[self.at + 2..];
                    let end = memchr::memmem::find(inside, b"*/");
                    self.at = end.map_or(self.bytes.len(), |end| self.at + 4 + end);
                }
                [b'/', b'/', ..] => self.skip_line(),
                // What the assembler takes for a comment, or for a line number.
                [b'#', ..] if self.text == Text::PlainAssembler && self.state == State::LineStart => {
                    self.skip_line();
                }
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn header(&mut self, first: u8) -> Option<Kind<'a>> {
        let close = match first {
            b'<' => b'>',
            b'"' => b'"',
            _ => return None,
        };
        let inside = &self.bytes[self.at + 1..];
        let length = memchr::memchr2(close, b'\n', inside).filter(|end| inside[*end] == close)?;
        self.at += length + 2;
        Some(Kind::Header { name: &inside[..length], angled: first == b'<' })
    }

    fn token(&mut self, first: u8) -> Kind<'a> {
        let assembler = self.text != Text::C;
        match first {
            b'\n' => {
                self.at += 1;
                Kind::LineEnd
            }
            b'"' => self.string(),
            b'\'' => self.character(),
            b'0'..=b'9' => self.number(),
            b'.' if !assembler && self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number(),
            b'%' if !assembler && self.peek(1) == Some(b':') => {
                self.at += 2;
                Kind::Mark(b'#')
            }
            _ if is_word(first) || assembler && first == b'.' => self.word(),
            _ => {
                self.at += 1;
                Kind::Mark(first)
            }
        }
    }

    /// A name, or the string that it is the prefix of.
    fn word(&mut self) -> Kind<'a> {
        let assembler = self.text != Text::C;
        let rest = self.rest();
        let length = rest.iter().take_while(|b| is_word(**b) || assembler && **b == b'.').count();
        self.at += length;
        let word = &rest[..length];
        if self.peek(0) == Some(b'"') && !assembler {
            match word {
                b"R" | b"LR" | b"uR" | b"UR" | b"u8R" => return self.raw_string(),
                b"L" | b"u" | b"U" | b"u8" => return self.string(),
                _ => {}
            }
        }
        Kind::Word(word)
    }

    /// A preprocessing number, with its digit separators and signs of exponents.
    fn number(&mut self) -> Kind<'a> {
        let mut previous = 0;
        while let Some(byte) = self.peek(0) {
            let sign = matches!(byte, b'+' | b'-') && matches!(previous, b'e' | b'E' | b'p' | b'P');
            let separator = byte == b'\'' && self.text == Text::C && self.peek(1).is_some_and(is_word);
            if !(is_word(byte) || byte == b'.' || sign || separator) {
                break;
            }
            previous = byte;
            self.at += 1;
        }
        Kind::Mark(b'0')
    }

    /// A character, or in assembler text a quote and the character behind it.
    fn character(&mut self) -> Kind<'a> {
        self.at += 1;
        if self.text != Text::C {
            self.at += if self.peek(0) == Some(b'\\') { 2 } else { usize::from(self.peek(0) != Some(b'\n')) };
            self.at = self.at.min(self.bytes.len()) + usize::from(self.peek(0) == Some(b'\''));
            return Kind::Mark(b'\'');
        }
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => break,
                b'\'' => {
                    self.at += 1;
                    break;
                }
                b'\\' => self.at = (self.at + 2).min(self.bytes.len()),
                _ => self.at += 1,
            }
        }
        Kind::Mark(b'\'')
    }

    /// A string; one that is not closed ends with its line.
    fn string(&mut self) -> Kind<'a> {
        self.at += 1;
        let mut text = Vec::new();
        let mut escaped = false;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\n' => break,
                b'"' => {
                    self.at += 1;
                    break;
                }
                b'\\' => {
                    self.at += 1;
                    escaped = true;
                    self.escape(&mut text);
                }
                _ => {
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        Kind::String { text, escaped }
    }

    /// What stands behind a backslash in a string.
    fn escape(&mut self, text: &mut Vec<u8>) {
        let Some(byte) = self.peek(0).filter(|byte| *byte != b'\n') else { return };
        self.at += 1;
        let number = match byte {
            b'0'..=b'7' => {
                self.at -= 1;
                self.digits(8, 3)
            }
            b'x' => self.digits(16, usize::MAX),
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            b'e' => 27,
            other => other,
        };
        text.push(number);
    }

    fn digits(&mut self, radix: u32, most: usize) -> u8 {
        let mut value: u8 = 0;
        for _ in 0..most {
            let Some(digit) = self.peek(0).and_then(|byte| char::from(byte).to_digit(radix)) else { break };
            let shift = if radix == 16 { 4 } else { 3 };
            value = value << shift | digit.to_le_bytes()[0];
            self.at += 1;
        }
        value
    }

    /// `"delimiter(text)delimiter"`; an unclosed one ends with the file.
    fn raw_string(&mut self) -> Kind<'a> {
        let rest = &self.bytes[self.at + 1..];
        let open = rest.iter().take(17).position(|byte| *byte == b'(');
        let Some(open) = open else { return self.string() };
        let close = [b")", &rest[..open], b"\""].concat();
        let inside = &rest[open + 1..];
        let length = memchr::memmem::find(inside, &close);
        self.at += 2 + open + length.map_or(inside.len(), |length| length + close.len());
        let text = inside[..length.unwrap_or(inside.len())].to_vec();
        Kind::String { text, escaped: false }
    }
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}
