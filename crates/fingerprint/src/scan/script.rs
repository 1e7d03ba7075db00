//! What a linker script names: further scripts, files that are linked, directories that are searched.

/// The names in a linker script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Scripts that it includes.
    pub includes: Vec<Box<[u8]>>,
    /// Files that it links (`-lNAME` for a library that is searched).
    pub inputs: Vec<Box<[u8]>>,
    /// Directories in which libraries are searched.
    pub directories: Vec<Box<[u8]>>,
}

/// Reads the script for GNU ld and the linkers that speak its language.
pub fn linker_script(bytes: &[u8]) -> Script {
    let mut words = Words { rest: bytes };
    let mut script = Script::default();
    while let Some(word) = words.next() {
        let list = match word {
            b"INCLUDE" => {
                script.includes.extend(words.next().map(Into::into));
                continue;
            }
            b"INPUT" | b"GROUP" | b"STARTUP" => &mut script.inputs,
            b"SEARCH_DIR" => &mut script.directories,
            _ => continue,
        };
        if words.next() != Some(b"(") {
            continue;
        }
        let mut depth = 1;
        while depth > 0 {
            match words.next() {
                Some(b"(") => depth += 1,
                Some(b")") => depth -= 1,
                Some(b"," | b";" | b"AS_NEEDED") => {}
                Some(name) => list.push(name.into()),
                None => break,
            }
        }
    }
    script
}

/// The words and marks of a script.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            let Some(comment) = self.rest.strip_prefix(b"/*") else { break };
            let end = memchr::memmem::find(comment, b"*/");
            self.rest = end.map_or(&[], |end| &comment[end + 2..]);
        }
        let is_mark = |byte: u8| matches!(byte, b'(' | b')' | b'{' | b'}' | b',' | b';' | b'"');
        let (word, rest) = match self.rest.split_first()? {
            (b'"', inside) => {
                let end = memchr::memchr(b'"', inside).unwrap_or(inside.len());
                (&inside[..end], inside.get(end + 1..).unwrap_or_default())
            }
            (mark, _) if is_mark(*mark) => self.rest.split_at(1),
            _ => {
                let end = self.rest.iter().position(|byte| byte.is_ascii_whitespace() || is_mark(*byte));
                self.rest.split_at(end.unwrap_or(self.rest.len()))
            }
        };
        self.rest = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_names_is_found_and_what_comments_name_is_not() {
        let shown = |text: &str| {
            let script = linker_script(text.as_bytes());
            [script.includes, script.inputs, script.directories].map(|list| {
                list.iter()
                    .map(|name| String::from_utf8_lossy(name).into_owned())
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        };
        assert_eq!(
            shown("/* INCLUDE no.ld */ INCLUDE a.ld\nSECTIONS { INCLUDE \"b c.ld\" ; }"),
            ["a.ld b c.ld", "", ""]
        );
        assert_eq!(
            shown("OUTPUT_FORMAT(elf64-x86-64)\nGROUP ( /l/libc.so.6 x.a,y.a AS_NEEDED ( -lz ) )\nINPUT(q)"),
            ["", "/l/libc.so.6 x.a y.a -lz q", ""]
        );
        assert_eq!(shown("SEARCH_DIR(\"=/usr/lib\"); SEARCH_DIR(libs)"), ["", "", "=/usr/lib libs"]);
        assert_eq!(shown("INPUT ( unclosed"), ["", "unclosed", ""]);
        assert_eq!(shown("/* unclosed"), ["", "", ""]);
    }
}
