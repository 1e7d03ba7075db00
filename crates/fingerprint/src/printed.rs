//! What a command printed, kept without absolute paths: roots by name, expanded when it is shown again.

use std::os::unix::ffi::OsStrExt;

use crate::roots::{Root, Roots};

/// Starts and ends the name of a root; it does not occur in what compilers print, and is dropped if it does.
const MARK: u8 = 0x1f;

fn is_boundary(byte: Option<&u8>) -> bool {
    byte.is_none_or(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+')))
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
        let starts_a_path = *byte == b'/' && is_boundary(text[..text.len() - rest.len()].last());
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
}
