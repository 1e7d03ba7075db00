//! An archive as it is read: headers, names, contents, one behind the other.

use std::io::{self, BufRead, BufReader, Read};

use super::{ArError, Form, REGULAR, THIN};

/// How long a header is.
pub(super) const HEADER: usize = 60;

/// How long a name may be; Linux has no longer paths.
const LONGEST_NAME: usize = 1 << 12;

/// How long all long names of one archive may be together: many headers may name one and the same long name.
const MOST_NAMES: usize = 1 << 28;

/// The header of a member.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) raw: [u8; HEADER],
    /// How many bytes lie behind it.
    pub(super) size: u64,
    /// Where in the archive it starts.
    pub(super) at: u64,
}

/// What a header is the header of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A GNU symbol table.
    Symbols,
    /// Any other table whose name is no name of a member.
    OtherTable,
    /// The table of long names.
    Names,
    /// A member of this name.
    Named(Vec<u8>),
    /// A member whose name is that much of its content.
    Inside(u64),
    /// In a thin archive: the member whose header starts there in the archive of this name.
    Nested { archive: Vec<u8>, at: u64 },
}

impl Header {
    /// The header that `raw` is, at `at` of the archive.
    pub(super) fn new(raw: [u8; HEADER], at: u64) -> Result<Self, ArError> {
        let damaged = |what| ArError::Damaged { at, what };
        if !raw.ends_with(b"`\n") {
            return Err(damaged("there is no header of a member"));
        }
        let size = number(&raw[48..58]).ok_or_else(|| damaged("the size of the member is no number"))?;
        Ok(Self { raw, size, at })
    }

    /// The header of something that is `name`, as an archiver writes it that leaves dates and owners out.
    pub(super) fn made(name: &[u8], mode: &str, size: u64) -> [u8; HEADER] {
        let mut raw = [b' '; HEADER];
        let size = size.to_string();
        let fields: [(std::ops::Range<usize>, &[u8]); 7] = [
            (0..16, name),
            (16..28, b"0"),
            (28..34, b"0"),
            (34..40, b"0"),
            (40..48, mode.as_bytes()),
            (48..58, size.as_bytes()),
            (58..60, b"`\n"),
        ];
        for (field, text) in fields {
            raw[field].iter_mut().zip(text).for_each(|(to, byte)| *to = *byte);
        }
        raw
    }

    pub(super) fn damaged(&self, what: &'static str) -> ArError {
        ArError::Damaged { at: self.at, what }
    }

    /// Takes out date, owner and group, and the mode of a member. Tables have no mode, and the table of names has
    /// none of these.
    pub(super) fn normalise(&mut self) {
        let is_table = self.raw[0] == b'/' && !self.raw[1].is_ascii_digit();
        let fields: [(usize, usize, &[u8]); 4] =
            [(16, 28, b"0"), (28, 34, b"0"), (34, 40, b"0"), (40, 48, b"644")];
        for (start, end, text) in fields {
            let field = &mut self.raw[start..end];
            if is_table && (start == 40 || field.iter().all(|byte| *byte == b' ')) {
                continue;
            }
            field.fill(b' ');
            field[..text.len()].copy_from_slice(text);
        }
    }

    /// What it is the header of; `names` is the table of long names that came before.
    pub(super) fn kind(&self, names: &mut Names) -> Result<Kind, ArError> {
        let name = self.raw[..16].trim_ascii_end();
        if let Some(length) = name.strip_prefix(b"#1/") {
            let length = number(length).filter(|length| *length <= LONGEST_NAME as u64);
            return length.map(Kind::Inside).ok_or_else(|| self.damaged("the name's length is no number"));
        }
        match name {
            b"/" | b"/SYM64/" => Ok(Kind::Symbols),
            b"//" => Ok(Kind::Names),
            [b'/', b'0'..=b'9', ..] => self.long(&name[1..], names),
            [b'/', ..] => Ok(Kind::OtherTable),
            name => match name.strip_suffix(b"/").unwrap_or(name) {
                b"" => Err(self.damaged("the member has no name")),
                name => Ok(Kind::Named(name.to_vec())),
            },
        }
    }

    fn long(&self, reference: &[u8], names: &mut Names) -> Result<Kind, ArError> {
        // GNU ar leaves the slash of a name in the last byte if the name is as long as the field.
        let reference = reference.strip_suffix(b" /").unwrap_or(reference);
        let mut numbers = reference.splitn(2, |byte| *byte == b':');
        let name = numbers.next().and_then(number).and_then(|start| names.get(start));
        let name = name.ok_or_else(|| self.damaged("its name is not in the table of names"))?;
        match numbers.next() {
            None => Ok(Kind::Named(name)),
            Some(at) => {
                let at = number(at).ok_or_else(|| self.damaged("where its member lies is no number"))?;
                Ok(Kind::Nested { archive: name, at })
            }
        }
    }
}

/// Digits with blanks behind them.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.trim_ascii_end();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// A table of long names.
#[derive(Debug, Default)]
pub(super) struct Names {
    table: Vec<u8>,
    /// How many bytes were handed out.
    given: usize,
}

impl Names {
    /// The table is that one from here on.
    pub(super) fn set(&mut self, table: Vec<u8>) {
        self.table = table;
    }

    /// The name that starts at `start`: it ends in a newline, and a slash before that.
    fn get(&mut self, start: u64) -> Option<Vec<u8>> {
        let rest = self.table.get(usize::try_from(start).ok()?..)?;
        let rest = &rest[..rest.len().min(LONGEST_NAME)];
        // Some archivers end names by a zero.
        let name = &rest[..memchr::memchr2(b'\n', 0, rest)?];
        let name = name.strip_suffix(b"/").unwrap_or(name);
        self.given += name.len();
        (!name.is_empty() && self.given <= MOST_NAMES).then(|| name.to_vec())
    }
}

/// An archive, read from front to back.
pub(super) struct Source<R> {
    reader: BufReader<R>,
    at: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::at(reader, 0)
    }

    /// A source that starts there in the archive.
    pub(super) fn at(reader: R, at: u64) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, reader), at }
    }

    /// What it is, and the bytes that told.
    pub(super) fn form(&mut self) -> Result<(Form, Vec<u8>), ArError> {
        let start = self.at_most(REGULAR.len() as u64)?;
        let form = match &start {
            start if start == REGULAR => Form::Regular,
            start if start == THIN => Form::Thin,
            _ => Form::Other,
        };
        Ok((form, start))
    }

    /// Up to so many bytes: fewer if it ends.
    fn at_most(&mut self, size: u64) -> Result<Vec<u8>, ArError> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(size).read_to_end(&mut bytes).map_err(ArError::Read)?;
        self.at += bytes.len() as u64;
        Ok(bytes)
    }

    /// The next so many bytes.
    pub(super) fn take(&mut self, size: u64) -> Result<Vec<u8>, ArError> {
        let start = self.at;
        let bytes = self.at_most(size)?;
        if (bytes.len() as u64) < size {
            return Err(ArError::Damaged { at: start, what: CUT });
        }
        Ok(bytes)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> Result<Vec<u8>, ArError> {
        self.at_most(u64::MAX)
    }

    /// The next header; none at the end.
    pub(super) fn header(&mut self) -> Result<Option<Header>, ArError> {
        let at = self.at;
        let bytes = self.at_most(HEADER as u64)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let raw = bytes.try_into().map_err(|_| ArError::Damaged { at, what: CUT })?;
        Header::new(raw, at).map(Some)
    }

    /// The byte that makes a content of this size even; none if it is, or if the archive ends without one.
    pub(super) fn padding(&mut self, size: u64) -> Result<Option<u8>, ArError> {
        if size.is_multiple_of(2) { Ok(None) } else { Ok(self.at_most(1)?.first().copied()) }
    }

    /// Passes the next so many bytes on to `to`.
    pub(super) fn pass(
        &mut self,
        size: u64,
        to: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), ArError> {
        let start = self.at;
        if self.pass_at_most(size, to)? < size {
            return Err(ArError::Damaged { at: start, what: CUT });
        }
        Ok(())
    }

    /// Passes on all that is left.
    pub(super) fn pass_rest(&mut self, to: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), ArError> {
        self.pass_at_most(u64::MAX, to).map(drop)
    }

    fn pass_at_most(
        &mut self,
        size: u64,
        to: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<u64, ArError> {
        let mut left = size;
        while left > 0 {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ArError::Read(error)),
            };
            if buffer.is_empty() {
                break;
            }
            let count = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            to(&buffer[..count]).map_err(ArError::Write)?;
            self.reader.consume(count);
            left -= count as u64;
            self.at += count as u64;
        }
        Ok(size - left)
    }
}

const CUT: &str = "it ends in the middle of a member";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_digits_alone() {
        assert_eq!(number(b"10        "), Some(10));
        for text in [&b""[..], b"   ", b"+10", b"-1", b"1 0", b" 1", b"0x1", b"99999999999999999999"] {
            assert_eq!(number(text), None, "{}", text.escape_ascii());
        }
    }
}
