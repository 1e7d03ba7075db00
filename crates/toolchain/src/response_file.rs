//! The words of a response file (`@file`), as gcc and clang read them.
//!
//! Source: GCC manual, "Overall Options": words stand between white space; a word may be quoted with `'` or `"`;
//! a backslash takes the meaning from the character behind it, in quotes too.

/// The words in `text`.
pub(crate) fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (byte, quote) {
            (b'\\', _) => word.get_or_insert_default().extend(bytes.next()),
            (b'\'' | b'"', None) => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (byte, Some(open)) if byte == open => quote = None,
            (byte, None) if byte.is_ascii_whitespace() || byte == 0x0b => words.extend(word.take()),
            (byte, _) => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<String> {
        words(text.as_bytes()).into_iter().map(|word| String::from_utf8(word).unwrap()).collect()
    }

    #[test]
    fn words_quotes_and_backslashes_are_read_as_compilers_do() {
        assert_eq!(
            split("-O2\n  -DA=\"b c\" 'd e'f\t-DQ=\\\"x\\\" \"\""),
            ["-O2", "-DA=b c", "d ef", "-DQ=\"x\"", ""]
        );
        assert_eq!(split(""), Vec::<String>::new());
        assert_eq!(split("'a\\'b'"), ["a'b"]);
    }
}
