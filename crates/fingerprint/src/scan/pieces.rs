//! The first pass: which files the careful pass has to read. Also words that are half of a name which counts, and that
//! nobody writes unless `##` makes it whole.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::Mentions;
use super::lex::{Spliced, is_word};

/// Names that `##` may put together, and what they are.
const JOINED: [(&str, Mentions); 6] = [
    ("__has_include", Mentions::HAS_INCLUDE),
    ("__has_include_next", Mentions::HAS_INCLUDE),
    ("__has_embed", Mentions::HAS_EMBED),
    ("__DATE__", Mentions::DATE),
    ("__TIME__", Mentions::TIME),
    ("__TIMESTAMP__", Mentions::TIMESTAMP),
];

/// The half that C++ libraries use for other names, and what would have to stand behind it.
const COMMON: (&str, [&str; 3]) = ("__has_", ["include", "include_next", "embed"]);

/// The assembler's statements, of which a word of assembler text or the end of a string may be the start.
const STATEMENTS: [&str; 2] = [".incbin", ".include"];

/// What the first pass looks for. A hit makes the second pass read the file.
const PATTERNS: [&str; 12] = [
    "__has_include",
    "embed",
    "incbin",
    "__DATE__",
    "__TIME__",
    "__TIMESTAMP__",
    "__FILE__",
    "__BASE_FILE__",
    "source_location",
    "__builtin_FILE",
    ".include",
    "../",
];

static FIRST_PASS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    // Assemblers read their statements in either case.
    AhoCorasick::builder().ascii_case_insensitive(true).build(PATTERNS).ok()
});

static HALVES: LazyLock<Vec<(&str, Mentions)>> = LazyLock::new(|| {
    let mut halves: Vec<(&str, Mentions)> = Vec::new();
    for (name, mention) in JOINED {
        // Of the two parts of a name, the one that stands nowhere else.
        let parts = (1..name.len()).map(|at| if at < 4 { &name[at..] } else { &name[..at] });
        let parts = parts.filter(|part| !["__has_include", COMMON.0].contains(part));
        halves.extend(parts.map(|part| (part, mention)));
    }
    halves
});

static RARE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let starts = STATEMENTS.iter().flat_map(|statement| (3..statement.len()).map(|end| &statement[..end]));
    let halves = HALVES.iter().map(|(half, _)| *half);
    AhoCorasick::new(halves.chain(starts).chain([COMMON.0, "asm", "dependency"]).chain(COMMON.1)).ok()
});

/// Of which names the word is a half that stands for nothing else.
pub(super) fn half_of(word: &[u8]) -> Mentions {
    let names = HALVES.iter().filter(|(half, _)| half.as_bytes() == word);
    names.fold(Mentions::default(), |all, (_, mention)| all | *mention)
}

/// Whether the word is the first half of names of which most are harmless.
pub(super) fn is_common_half(word: &[u8]) -> bool {
    word == COMMON.0.as_bytes()
}

/// Whether the word makes a question for headers of that first half.
pub(super) fn completes_common_half(word: &[u8]) -> bool {
    COMMON.1.iter().any(|end| end.as_bytes() == word)
}

/// Whether the bytes have anything that the second pass must look at.
pub(super) fn may_mention(bytes: &[u8]) -> bool {
    let has = |text: &[u8]| {
        FIRST_PASS.as_ref().is_none_or(|patterns| patterns.is_match(text)) || has_rare_word(text)
    };
    has(bytes) || includes_by_macro(bytes) || splits_words(bytes) && has(&Spliced::new(bytes).bytes)
}

/// Whether a half, the word `dependency`, or the word `asm` with any underscores, stands by itself.
fn has_rare_word(text: &[u8]) -> bool {
    let Some(rare) = RARE.as_ref() else { return true };
    rare.find_overlapping_iter(text).any(|found| {
        let before = text[..found.start()].last().copied().unwrap_or(b' ');
        let after = text.get(found.end()).copied().unwrap_or(b' ');
        if &text[found.range()] == b"asm" {
            return !before.is_ascii_alphanumeric() && !after.is_ascii_alphanumeric();
        }
        // As an argument of a macro, or behind `##`; nearly always it is a directive's.
        let as_operand = || {
            let mut before = text[..found.start()].iter().rev().filter(|b| !b.is_ascii_whitespace());
            match before.next() {
                Some(b'(' | b',') => true,
                Some(b'#') => before.next() == Some(&b'#'),
                _ => false,
            }
        };
        let whole = !is_word(before) && !is_word(after);
        whole && (!completes_common_half(&text[found.range()]) || as_operand())
    })
}

/// Whether an `#include` has no name behind it but a macro.
fn includes_by_macro(bytes: &[u8]) -> bool {
    let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t');
    [&b"include"[..], b"import"].into_iter().any(|word| {
        memchr::memmem::find_iter(bytes, word).any(|at| {
            let before = bytes[..at].iter().rev().find(|byte| !blank(byte));
            let rest = &bytes[at + word.len()..];
            let rest = rest.strip_prefix(b"_next").unwrap_or(rest);
            let named = rest.iter().find(|byte| !blank(byte));
            matches!(before, Some(b'#' | b':' | b'/'))
                && named.is_some_and(|byte| is_word(*byte) || matches!(byte, b'/' | b'\\'))
        })
    })
}

/// Whether a line that goes on in the next one may be cut within a word.
fn splits_words(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', bytes).any(|at| {
        let blanks = bytes[at + 1..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r')).count();
        let next = bytes.get(at + 2 + blanks).copied().unwrap_or(b' ');
        let before = bytes[..at].last().copied().unwrap_or(b' ');
        bytes.get(at + 1 + blanks) == Some(&b'\n')
            && !before.is_ascii_whitespace()
            && !next.is_ascii_whitespace()
    })
}

/// How much of the start of one of the assembler's statements `text` ends with, if that much stands by itself there.
pub(super) fn ends_in_statement(text: &[u8]) -> usize {
    let ends = |part: &[u8]| {
        text.strip_suffix(part)
            .is_some_and(|before| before.last().is_none_or(|byte| !is_word(*byte) && *byte != b'.'))
    };
    let lengths = STATEMENTS.iter().flat_map(|statement| (1..statement.len()).map(|end| &statement[..end]));
    lengths.filter(|part| ends(part.as_bytes())).map(str::len).max().unwrap_or(0)
}

/// Whether `text` starts with the end of one of the assembler's statements, and then the name of a file.
pub(super) fn starts_in_statement(text: &[u8]) -> bool {
    let mut ends =
        STATEMENTS.iter().flat_map(|statement| (1..statement.len() - 2).map(|at| &statement[at..]));
    ends.any(|end| {
        text.strip_prefix(end.as_bytes()).is_some_and(|rest| {
            let name = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
            name.is_none_or(|byte| matches!(byte, b'"' | b'\\' | b'%'))
        })
    })
}
