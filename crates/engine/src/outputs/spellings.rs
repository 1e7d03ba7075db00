//! How a file may spell a path: as bytes, as UTF-16 or UTF-32, and with what is special in it escaped.
//!
//! A spelling with `//` or `/./` or `x/..` inside is not sought. A tool gets the place of a root from us, from its
//! working directory or from the file system, and none of these spells it so; where the manifest or a source does, its
//! text is in the key and gives the same bytes in every place.

use std::collections::BTreeSet;

/// A path as some text format writes it, as the units of an encoding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    /// The bytes that are sought: from the first `/`, without the zeroes of wide characters at either end, so that
    /// both byte orders are the same.
    pub(super) bytes: Vec<u8>,
    /// How far behind the start of `bytes` the low byte of the next character stands.
    pub(super) next: usize,
    /// How many bytes a unit has.
    pub(super) width: usize,
}

impl Form {
    /// Whether it is so short that it is often the start of some other name.
    ///
    /// Then it counts only where no name goes on behind it. Else it counts everywhere: texts that are stored with their
    /// length (Rust's, LLVM's) have no end that would show, and another name may follow at once. What starts like the
    /// path of a root and is none (`project2` beside `project`) is taken for it then, which costs sharing and no more.
    pub(super) fn is_short(&self) -> bool {
        self.next < SHORT * self.width
    }
}

/// How many characters a path has that is no longer short.
const SHORT: usize = 8;

/// The texts that stand for the path `path`: itself, and what formats make of it that escape some characters. For
/// most paths there is only itself.
pub(super) fn texts(path: &[u8]) -> BTreeSet<Vec<u8>> {
    let plain = |byte: u8| vec![byte];
    let make = |byte: u8| match byte {
        b' ' | b'#' | b':' => vec![b'\\', byte],
        b'$' => b"$$".to_vec(),
        _ => plain(byte),
    };
    let quoted = |byte: u8| match byte {
        b'"' | b'\\' => vec![b'\\', byte],
        _ => plain(byte),
    };
    let octal = |byte: u8| if byte < 0x80 { quoted(byte) } else { format!("\\{byte:03o}").into_bytes() };
    let url = |byte: u8| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' => plain(byte),
        _ if byte.is_ascii_alphanumeric() => plain(byte),
        _ => format!("%{byte:02X}").into_bytes(),
    };
    let each =
        |escape: &dyn Fn(u8) -> Vec<u8>| path.iter().flat_map(|byte| escape(*byte)).collect::<Vec<u8>>();
    let mut texts: BTreeSet<Vec<u8>> =
        [each(&plain), each(&make), each(&quoted), each(&octal), each(&url)].into();
    if let Ok(text) = std::str::from_utf8(path) {
        let json = |unit: u16| match u8::try_from(unit) {
            Ok(byte) if byte < 0x80 => quoted(byte),
            _ => format!("\\u{unit:04x}").into_bytes(),
        };
        texts.insert(text.encode_utf16().flat_map(json).collect());
    }
    texts
}

/// The numbers of the characters of `text` in an encoding with units of `width` bytes. What is not UTF-8 is taken
/// byte by byte.
pub(super) fn units(text: &[u8], width: usize) -> Vec<u32> {
    match std::str::from_utf8(text) {
        Ok(text) if width == 2 => text.encode_utf16().map(u32::from).collect(),
        Ok(text) if width == 4 => text.chars().map(u32::from).collect(),
        _ => text.iter().map(|byte| u32::from(*byte)).collect(),
    }
}

/// Every form of the path `path`.
pub(super) fn forms(path: &[u8]) -> BTreeSet<Form> {
    let mut forms = BTreeSet::new();
    for text in texts(path) {
        for width in [2, 4] {
            let units = units(&text, width);
            let little = units.iter().flat_map(|unit| unit.to_le_bytes().into_iter().take(width));
            let big = units.iter().flat_map(|unit| unit.to_be_bytes().into_iter().skip(4 - width));
            for wide in [little.collect::<Vec<u8>>(), big.collect()] {
                let start = wide.iter().position(|byte| *byte != 0).unwrap_or(0);
                let end = wide.iter().rposition(|byte| *byte != 0).map_or(start, |last| last + 1);
                forms.insert(Form { bytes: wide[start..end].to_vec(), next: width * units.len(), width });
            }
        }
        forms.insert(Form { next: text.len(), width: 1, bytes: text });
    }
    // gcc makes one name of a whole path, below the directory in which it keeps profiles.
    let in_one_name = path.iter().map(|byte| if *byte == b'/' { b'#' } else { *byte });
    forms.insert(Form { next: path.len(), width: 1, bytes: in_one_name.collect() });
    forms
}

/// Whether `rest`, the characters behind a path, go on with the name of its last component. A dot or a dash does so
/// only if a letter, a digit or an underscore follows: else it ends a sentence or starts a suffix.
pub(super) fn goes_on(mut rest: impl Iterator<Item = u8>) -> bool {
    let first = rest.by_ref().take(MARKS).find(|byte| !matches!(byte, b'.' | b'-' | b'+'));
    first.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// How many characters behind a path [`goes_on`] looks at.
pub(super) const MARKS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_path_is_written_in_one_way_and_three_widths_and_as_a_name() {
        assert_eq!(texts(b"/home/a-b/c_d.e+f").len(), 2, "a URL escapes the plus sign");
        assert_eq!(
            forms(b"/w/a").into_iter().map(|form| form.bytes).collect::<Vec<_>>(),
            [b"#w#a".to_vec(), b"/\0\0\0w\0\0\0/\0\0\0a".to_vec(), b"/\0w\0/\0a".to_vec(), b"/w/a".to_vec(),]
        );
    }

    #[test]
    fn what_is_special_is_sought_as_formats_escape_it() {
        let texts = texts("/a b/é\"$".as_bytes());
        let shown: Vec<String> =
            texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
        assert_eq!(
            shown,
            [
                "/a b/\\303\\251\\\"$",
                "/a b/\\u00e9\\\"$",
                "/a b/é\"$",
                "/a b/é\\\"$",
                "/a%20b/%C3%A9%22%24",
                "/a\\ b/é\"$$",
            ]
        );
    }

    #[test]
    fn wide_characters_are_those_of_the_text_and_not_its_bytes() {
        let found: Vec<Vec<u8>> = forms("/é€x".as_bytes()).into_iter().map(|form| form.bytes).collect();
        assert!(
            found.contains(&b"/\0\xe9\0\xac\x20x".to_vec())
                && found.contains(&b"/\0\xe9\x20\xac\0x".to_vec())
        );
    }

    #[test]
    fn a_name_goes_on_with_what_names_are_made_of() {
        let on = |rest: &[u8]| goes_on(rest.iter().copied());
        assert!(on(b"2") && on(b"_x") && on(b"-new") && on(b".old/") && on(b"..a"));
        assert!(
            !on(b"")
                && !on(b"/x")
                && !on(b"\0a")
                && !on(b". The")
                && !on(b"-\0")
                && !on(b" a")
                && !on(b".....")
        );
    }
}
