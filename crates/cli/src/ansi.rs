//! Takes colours and other terminal sequences out of what commands print.
//!
//! The grammar is that of ECMA-48 ("Control Functions for Coded Character Sets"), as far as compilers use it: CSI
//! sequences, OSC strings (gcc's links), and escapes of two or three bytes. Everything else passes as it is, bytes
//! that are no UTF-8 too.

use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// `text` without terminal sequences. One that is cut off at the end is dropped.
pub(crate) fn strip(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
        plain.extend_from_slice(&rest[..at]);
        rest = behind_sequence(&rest[at + 1..]);
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// What follows the sequence whose ESC was just taken.
fn behind_sequence(text: &[u8]) -> &[u8] {
    match text.first() {
        None => text,
        // CSI: parameters and intermediates are 0x20 to 0x3f, the final byte is 0x40 to 0x7e.
        Some(b'[') => {
            let text = &text[1..];
            let end = text.iter().position(|byte| !(0x20..=0x3f).contains(byte)).unwrap_or(text.len());
            let is_final = text.get(end).is_some_and(|byte| (0x40..=0x7e).contains(byte));
            &text[if is_final { end + 1 } else { end }..]
        }
        // OSC, DCS, SOS, PM, APC: a string up to BEL or ESC \. One that never ends takes its line with it.
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            let end =
                text.iter().position(|byte| matches!(*byte, BELL | ESCAPE | b'\n')).unwrap_or(text.len());
            match text.get(end) {
                Some(&BELL) => &text[end + 1..],
                Some(&ESCAPE) if text.get(end + 1) == Some(&b'\\') => &text[end + 2..],
                _ => &text[end..],
            }
        }
        // Two bytes, with intermediates (0x20 to 0x2f) between them.
        Some(_) => {
            let end = text.iter().position(|byte| !(0x20..=0x2f).contains(byte)).unwrap_or(text.len());
            let is_final = text.get(end).is_some_and(|byte| (0x30..=0x7e).contains(byte));
            &text[if is_final { end + 1 } else { end }..]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        String::from_utf8(strip(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn colours_of_compilers_go_and_their_text_stays() {
        let gcc = "\x1b[01m\x1b[Ka.c:1:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kno\n";
        assert_eq!(plain(gcc), "a.c:1: error: no\n");
        assert_eq!(plain("\x1b[1ma.c:1:\x1b[0;1;31m error\x1b[0m"), "a.c:1: error");
    }

    #[test]
    fn links_go_whichever_way_they_end() {
        assert_eq!(plain("[\x1b]8;;https://e.org/x\x07-Wall\x1b]8;;\x07]"), "[-Wall]");
        assert_eq!(plain("[\x1b]8;;https://e.org/x\x1b\\-Wall\x1b]8;;\x1b\\]"), "[-Wall]");
    }

    #[test]
    fn what_is_cut_off_takes_nothing_else_with_it() {
        assert_eq!(plain("a\x1b"), "a");
        assert_eq!(plain("a\x1b[01;3"), "a");
        assert_eq!(plain("a\x1b[01;3\nb"), "a\nb");
        assert_eq!(plain("a\x1b]8;;http\nb"), "a\nb");
        assert_eq!(plain("a\x1b(Bb"), "ab");
    }

    #[test]
    fn bytes_that_are_no_text_pass() {
        assert_eq!(strip(b"\xff\x80\x1b[mz\xc3\x28").as_ref(), b"\xff\x80z\xc3\x28");
        assert!(matches!(strip(b"plain"), Cow::Borrowed(_)));
    }
}
