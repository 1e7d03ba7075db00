//! Which header a source may include first: the one for which gcc takes a precompiled one (`NAME.gch`) without a word,
//! wherever it searches `NAME`.

use super::lex::{Kind, Lexer, Spliced};
use super::{Probe, Text, add};

/// The headers of which one may be the first that a source includes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct First {
    /// Their names.
    pub names: Vec<Probe>,
    /// Whether a macro makes one of the names.
    pub unknown: bool,
}

/// Reads a C-family source up to the first `#include` that is in no condition.
pub fn first_includes(bytes: &[u8]) -> First {
    let spliced = Spliced::new(bytes);
    let mut tokens = Lexer::new(&spliced.bytes, Text::C, &[]);
    let mut first = First::default();
    let mut depth = 0_usize;
    let mut line_start = true;
    while let Some(token) = tokens.next() {
        let directive = line_start && token.kind == Kind::Mark(b'#');
        line_start = token.kind == Kind::LineEnd;
        if !directive {
            continue;
        }
        match tokens.next().map(|token| token.kind) {
            Some(Kind::Word(b"if" | b"ifdef" | b"ifndef")) => depth += 1,
            Some(Kind::Word(b"endif")) => depth = depth.saturating_sub(1),
            Some(Kind::Word(b"include" | b"include_next" | b"import")) => {
                match tokens.next().map(|token| token.kind) {
                    Some(Kind::Header { name, angled }) => {
                        add(&mut first.names, Probe { name: name.into(), angled, next: false });
                    }
                    _ => first.unknown = true,
                }
                if depth == 0 {
                    break;
                }
            }
            Some(Kind::LineEnd) => line_start = true,
            _ => {}
        }
    }
    first
}
