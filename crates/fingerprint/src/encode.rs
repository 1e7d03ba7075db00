//! The canonical encoding: the one way in which values become bytes that are digested or kept on disk.
//!
//! * An integer is 8 bytes, little-endian (`u64`), or 4 (`u32`), or 1 (`u8`).
//! * A byte string is its length as `u64`, then the bytes. Text is its UTF-8 bytes.
//! * A list is its length as `u64`, then its items.
//! * A digest is its 32 bytes.
//! * An option is `0`, or `1` and the value.
//! * Every digest starts with a *domain*: a byte string that names what is digested and its version.
//!
//! So two different values never give the same bytes, and a value's bytes never depend on the platform.

use crate::digest::Digest;

/// Writes the canonical encoding into a buffer.
#[derive(Default, Clone, Debug)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An empty encoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// An encoder that starts with `domain`, as everything that is digested does.
    pub fn for_digest(domain: &str) -> Self {
        let mut encoder = Self::new();
        encoder.bytes(domain.as_bytes());
        encoder
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A length, then the bytes.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.u64(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// The 32 bytes of a digest.
    pub fn digest(&mut self, value: &Digest) -> &mut Self {
        self.bytes.extend_from_slice(&value.0);
        self
    }

    /// `0`, or `1` and what `write` writes.
    pub fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                write(self, value);
                self
            }
        }
    }

    /// A count, then every item.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.u64(items.len() as u64);
        for item in items {
            write(self, item);
        }
        self
    }

    /// The digest of what was written.
    pub fn finish(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The bytes that were written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// What was read is not the canonical encoding of the value that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data ends early or holds a value out of range")]
pub struct Malformed;

/// For how many items of a list room is made before any is read.
const MOST_AT_ONCE: usize = 1 << 16;

/// Reads the canonical encoding; every length is checked against what is left before anything is allocated.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A length, then the bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.u64()?).map_err(|_| Malformed)?;
        self.take(length)
    }

    /// A byte string that must be UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    /// The 32 bytes of a digest.
    pub fn digest(&mut self) -> Result<Digest, Malformed> {
        Ok(Digest(self.array()?))
    }

    /// An optional value.
    pub fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Malformed),
        }
    }

    /// A count, then every item. An item takes at least one byte, so a count beyond what is left is refused.
    pub fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = usize::try_from(self.u64()?).map_err(|_| Malformed)?;
        if count > self.rest.len() {
            return Err(Malformed);
        }
        // Exactly as long as it gets: lists are kept. A count that is too high for its items costs no more than this.
        let mut items = Vec::with_capacity(count.min(MOST_AT_ONCE));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// Succeeds when nothing is left over.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Encoder {
        let mut encoder = Encoder::for_digest("rekindle test 1");
        encoder.u8(7).u32(8).u64(9).bytes(b"ten").option(Some(11u64), |e, v| {
            e.u64(v);
        });
        encoder.option(None::<u64>, |e, v| {
            e.u64(v);
        });
        encoder.list(&[1u32, 2], |e, v| {
            e.u32(*v);
        });
        encoder.digest(&Digest::of(b"x"));
        encoder
    }

    #[test]
    fn the_encoding_has_a_golden_digest() {
        insta::assert_snapshot!(sample().finish().hex(), @"9675e0e9b4eb3553c17e509986fa37b7ed555789fc256f93747ff7cd53e71316");
    }

    #[test]
    fn what_was_written_reads_back() {
        let bytes = sample().into_bytes();
        let mut decoder = Decoder::new(&bytes);
        assert_eq!(decoder.text(), Ok("rekindle test 1"));
        assert_eq!((decoder.u8(), decoder.u32(), decoder.u64()), (Ok(7), Ok(8), Ok(9)));
        assert_eq!(decoder.bytes(), Ok(&b"ten"[..]));
        assert_eq!(decoder.option(Decoder::u64), Ok(Some(11)));
        assert_eq!(decoder.option(Decoder::u64), Ok(None));
        assert_eq!(decoder.list(Decoder::u32), Ok(vec![1, 2]));
        assert_eq!(decoder.digest(), Ok(Digest::of(b"x")));
        assert_eq!(decoder.end(), Ok(()));
    }

    #[test]
    fn a_length_beyond_the_data_is_refused_before_anything_is_allocated() {
        let mut encoder = Encoder::new();
        encoder.u64(u64::MAX);
        let bytes = encoder.into_bytes();
        assert_eq!(Decoder::new(&bytes).bytes(), Err(Malformed));
        assert_eq!(Decoder::new(&bytes).list(Decoder::u8), Err(Malformed));
    }

    #[test]
    fn neighbouring_strings_never_run_into_each_other() {
        let digest = |a: &[u8], b: &[u8]| Encoder::new().bytes(a).bytes(b).finish();
        assert_ne!(digest(b"ab", b"c"), digest(b"a", b"bc"));
    }
}
