//! What a command printed, kept without absolute paths: roots by name, expanded when it is shown again.

use std::os::unix::ffi::OsStrExt;

use crate::roots::{Root, Roots};

/// Starts and ends the name of a root; it does not occur in what compilers print, and is dropped if it does.
const MARK: u8 = 0x1f;

/// Starts what a terminal takes for a command and not for text.
const ESCAPE: u8 = 0x1b;

fn is_boundary(byte: Option<&u8>) -> bool {
    byte.is_none_or(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+')))
}

/// Whether an absolute path may start behind `before`: at a path boundary, behind a control sequence of a terminal
/// (one of another kind ends with no letter), or behind the letters of an option (`-I/usr/include`).
fn may_start(before: &[u8]) -> bool {
    is_boundary(before.last()) || ends_with_sequence(before) || ends_with_option(before)
}

/// Whether `text` ends with `ESC [`, digits and the like, and a final byte (ECMA-48, 5.4). Compilers colour the name of
/// a file so.
fn ends_with_sequence(text: &[u8]) -> bool {
    let Some((b'@'..=b'~', rest)) = text.split_last() else { return false };
    let parameters = rest.iter().rev().take_while(|byte| matches!(byte, b'0'..=b'?')).count();
    rest[..rest.len() - parameters].ends_with(&[ESCAPE, b'['])
}

/// Whether `text` ends with a dash and letters that start a word.
fn ends_with_option(text: &[u8]) -> bool {
    let letters = text.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let Some((b'-', before)) = text[..text.len() - letters].split_last() else { return false };
    let starts_a_word = |byte: &u8| {
        byte.is_ascii_whitespace()
            || matches!(byte, b'\'' | b'"' | b'`' | b',' | b':' | b';' | b'=' | b'(' | b'[')
    };
    before.last().is_none_or(starts_a_word) || ends_with_sequence(before)
}

/// Replaces the absolute path of every root that is no system root by the root's name, longest path first, where
/// it ends at a path boundary.
pub fn with_names(text: &[u8], roots: &Roots) -> Vec<u8> {
    let mut places: Vec<(&[u8], &Root)> = roots
        .iter()
        .filter(|(_, root)| root.is_placed() && !root.is_system())
        .flat_map(|(_, root)| {
            std::iter::once(&root.path).chain(&root.spellings).map(move |p| (p.as_os_str().as_bytes(), root))
        })
        .collect();
    places.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    let mut named = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.first() {
        let starts_a_path = *byte == b'/' && may_start(&text[..text.len() - rest.len()]);
        let hit =
            if starts_a_path { places.iter().find(|(path, _)| starts_with_path(rest, path)) } else { None };
        if let Some((path, root)) = hit {
            named.push(MARK);
            named.extend_from_slice(root.name.as_bytes());
            named.push(MARK);
            rest = &rest[path.len()..];
        } else {
            if *byte != MARK {
                named.push(*byte);
            }
            rest = &rest[1..];
        }
    }
    named
}

fn starts_with_path(text: &[u8], path: &[u8]) -> bool {
    text.starts_with(path) && is_boundary(text.get(path.len()))
}

/// Puts the absolute paths of the roots back. A name that no root has is shown in angle brackets.
pub fn with_paths(named: &[u8], roots: &Roots) -> Vec<u8> {
    let mut text = Vec::with_capacity(named.len());
    let mut parts = named.split(|byte| *byte == MARK);
    text.extend_from_slice(parts.next().unwrap_or_default());
    while let Some(name) = parts.next() {
        let root = std::str::from_utf8(name).ok().and_then(|name| roots.by_name(name));
        match root {
            Some(id) => text.extend_from_slice(roots.get(id).path.as_os_str().as_bytes()),
            None => {
                text.push(b'<');
                text.extend_from_slice(name);
                text.push(b'>');
            }
        }
        text.extend_from_slice(parts.next().unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_printed_in_one_place_is_shown_with_the_paths_of_another() {
        let here = Roots::new("/a/project", "/a/project/.rekindle/build/debug");
        let there = Roots::new("/b", "/b/out");
        let named = with_names(
            b"/a/project/x.c:1: /a/project2 /c/a/project in /a/project/.rekindle/build/debug/y",
            &here,
        );
        assert!(!named.starts_with(b"/a/project"));
        let shown = with_paths(&named, &there);
        assert_eq!(String::from_utf8(shown).unwrap(), "/b/x.c:1: /a/project2 /c/a/project in /b/out/y");
    }

    #[test]
    fn an_unknown_name_is_shown_and_a_mark_in_the_text_is_dropped() {
        let roots = Roots::new("/a", "/a/out");
        assert_eq!(with_paths(b"\x1fgone\x1f/x", &roots), b"<gone>/x");
        assert_eq!(with_names(b"a\x1fb", &roots), b"ab");
    }

    /// What `text` from `/a/project` is at `/b`.
    fn moved(text: &str) -> String {
        let (here, there) = (Roots::new("/a/project", "/a/out"), Roots::new("/b", "/c"));
        let named = with_names(text.as_bytes(), &here);
        String::from_utf8(with_paths(&named, &there)).unwrap()
    }

    #[test]
    fn a_path_starts_behind_a_control_sequence_of_a_terminal_and_ends_at_one() {
        for (here, there) in [
            // gcc, clang, a hyperlink ended by ST or by BEL.
            ("\x1b[01m\x1b[K/a/project/x.c:1:\x1b[m\x1b[K", "\x1b[01m\x1b[K/b/x.c:1:\x1b[m\x1b[K"),
            ("\x1b[1m/a/project/x.c:1:1: \x1b[0m", "\x1b[1m/b/x.c:1:1: \x1b[0m"),
            ("\x1b[38;5;1m/a/project\x1b[m\x1b[K", "\x1b[38;5;1m/b\x1b[m\x1b[K"),
            ("\x1b]8;;file:///a/project/x.c\x1b\\/a/project/x.c", "\x1b]8;;file:///b/x.c\x1b\\/b/x.c"),
            ("\x1b]8;;https://x\x07/a/project\x1b]8;;\x07", "\x1b]8;;https://x\x07/b\x1b]8;;\x07"),
        ] {
            assert_eq!(moved(here), there);
        }
        for kept in
            ["[K/a/project", "01m/a/project", "\x1b[/c/a/project", "\x1b[mc/a/project", "\x1bK/a/project"]
        {
            assert_eq!(moved(kept), kept, "no sequence ends there");
        }
    }

    #[test]
    fn a_path_starts_behind_the_letters_of_an_option() {
        for (here, there) in [
            ("-I/a/project/inc", "-I/b/inc"),
            ("cc -L/a/project -isystem/a/project/x", "cc -L/b -isystem/b/x"),
            ("'-L/a/project' -Wl,-L/a/project", "'-L/b' -Wl,-L/b"),
            ("\x1b[K-I/a/project", "\x1b[K-I/b"),
        ] {
            assert_eq!(moved(here), there);
        }
        for kept in [
            "I/a/project",
            "x-I/a/project",
            "/-I/a/project",
            "-I2/a/project",
            "-I./a/project",
            "_-I/a/project",
        ] {
            assert_eq!(moved(kept), kept, "that is another path");
        }
    }
}
