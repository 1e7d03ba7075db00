//! Response files: arguments in a file, for command lines that are too long.
//!
//! gcc, g++, GNU ld and ar read `@FILE` by the rules of libiberty's `buildargv`, clang and lld by LLVM's "GNU command
//! line" rules. In both, blanks separate, quotes of either kind group, and a backslash makes any next character an
//! ordinary one. What is written here uses only the backslash, and `""` for an empty argument, which all of them read
//! alike.
//!
//! An argument that begins with `@` cannot be written: the reader takes it for a further response file if there is a
//! file of that name, quoted or not. Callers write such a file name as `./@name`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// The text of a response file that stands for these arguments, one a line.
pub fn response_file<'a>(args: impl IntoIterator<Item = &'a OsString>) -> Vec<u8> {
    let mut text = Vec::new();
    for arg in args {
        if arg.is_empty() {
            text.extend_from_slice(b"\"\"");
        }
        for &byte in arg.as_bytes() {
            if matches!(byte, b' ' | b'\t' | b'\n' | b'\x0b' | b'\x0c' | b'\r' | b'\\' | b'\'' | b'"') {
                text.push(b'\\');
            }
            text.push(byte);
        }
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_quotes_and_backslashes_are_escaped_and_nothing_else_is() {
        let args = ["-DA=\"x y\"", "C:\\dir", "", "it's", "-Wl,$ORIGIN:*?#"].map(OsString::from);
        insta::assert_snapshot!(String::from_utf8_lossy(&response_file(&args)), @r#"
        -DA=\"x\ y\"
        C:\\dir
        ""
        it\'s
        -Wl,$ORIGIN:*?#
        "#);
    }
}
