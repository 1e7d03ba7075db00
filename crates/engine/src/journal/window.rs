//! A file read from front to back through a buffer that holds a small part of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much is read at once.
const CHUNK: usize = 256 << 10;

/// The bytes of a file from some place on.
pub(super) struct Window<'f> {
    file: &'f File,
    /// What was read, and room for more.
    buffer: Vec<u8>,
    /// Where in the buffer the bytes start that are still wanted.
    start: usize,
    /// Where in the buffer those end that were read.
    end: usize,
    /// Where in the file the next byte is read.
    next: u64,
    /// How long the file is.
    length: u64,
}

impl<'f> Window<'f> {
    /// The bytes of `file` between `from` and `length`.
    pub(super) fn new(file: &'f File, from: u64, length: u64) -> Self {
        Self { file, buffer: Vec::new(), start: 0, end: 0, next: from, length }
    }

    /// Where in the file the window stands.
    pub(super) fn at(&self) -> u64 {
        self.next - (self.end - self.start) as u64
    }

    /// The next `count` bytes; `None` if the file ends before.
    pub(super) fn ahead(&mut self, count: usize) -> io::Result<Option<&[u8]>> {
        if self.end - self.start < count && !self.fill(count)? {
            return Ok(None);
        }
        Ok(Some(&self.buffer[self.start..self.start + count]))
    }

    /// Goes on by `count` bytes that [`Window::ahead`] has given.
    pub(super) fn pass(&mut self, count: usize) {
        self.start += count;
    }

    /// Reads until `count` bytes are there. Nothing is allocated for bytes that the file does not have.
    fn fill(&mut self, count: usize) -> io::Result<bool> {
        let here = self.end - self.start;
        let left = self.length.saturating_sub(self.next);
        if left < (count - here) as u64 {
            return Ok(false);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, here);
        let more = usize::try_from(left).unwrap_or(usize::MAX).min(count.max(CHUNK) - here);
        if self.buffer.len() < here + more {
            self.buffer.resize(here + more, 0);
        }
        while self.end < count {
            match self.file.read_at(&mut self.buffer[self.end..here + more], self.next) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.end += read;
                    self.next += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
