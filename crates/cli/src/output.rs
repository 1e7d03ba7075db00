//! Standard output and standard error: the only file that opens them.
//!
//! A reader that went away (`rekindle graph | head`) is no error and ends nothing; every other trouble is kept, and
//! told at the end.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::ansi;
use crate::failure::{Failure, Kind, plain};

/// One of the two streams, or a buffer in tests.
pub(crate) struct Stream {
    sink: Box<dyn Write + Send>,
    name: &'static str,
    colour: bool,
    gone: bool,
    trouble: Option<io::Error>,
}

impl Stream {
    /// Standard output.
    #[expect(clippy::disallowed_methods, reason = "this is the file that opens the streams")]
    pub(crate) fn stdout(colour: bool) -> Self {
        Self::to(io::stdout(), "output", colour)
    }

    /// Standard error.
    #[expect(clippy::disallowed_methods, reason = "this is the file that opens the streams")]
    pub(crate) fn stderr(colour: bool) -> Self {
        Self::to(io::stderr(), "error", colour)
    }

    /// Any other place.
    pub(crate) fn to(sink: impl Write + Send + 'static, name: &'static str, colour: bool) -> Self {
        Self { sink: Box::new(sink), name, colour, gone: false, trouble: None }
    }

    /// Writes text, without colours if it takes none, and makes sure that it is out.
    pub(crate) fn write(&mut self, text: impl AsRef<[u8]>) {
        let text = self.shown(text.as_ref());
        self.raw(&text);
    }

    /// Text as it is written here: without colours if the stream takes none.
    pub(crate) fn shown<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        if self.colour { Cow::Borrowed(text) } else { ansi::strip(text) }
    }

    /// Writes bytes as they are.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if self.gone {
            return;
        }
        if let Err(error) = self.sink.write_all(bytes).and_then(|()| self.sink.flush()) {
            self.gone = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.trouble = Some(error);
            }
        }
    }

    /// What kept something from being written, if it was not that nobody reads any more.
    ///
    /// # Errors
    /// That.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        match self.trouble.take() {
            Some(error) => {
                let what = format!("cannot write standard {}: {}", self.name, plain(&error));
                Err(Failure::new(Kind::Trouble, what))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A buffer that tests read while a stream writes it.
    #[derive(Clone, Default)]
    pub(crate) struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        pub(crate) fn stream(&self, colour: bool) -> Stream {
            Stream::to(self.clone(), "output", colour)
        }

        /// What was written since the last call, with escapes made visible.
        pub(crate) fn take(&self) -> String {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(bytes).unwrap().replace('\x1b', "^").replace('\r', "\u{23ce}")
        }
    }

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Refuses(io::ErrorKind);

    impl Write for Refuses {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn colours_are_taken_out_for_a_stream_without_them() {
        let buffer = Buffer::default();
        buffer.stream(false).write("\x1b[1mbold\x1b[m");
        buffer.stream(true).write("\x1b[1mbold\x1b[m");
        assert_eq!(buffer.take(), "bold^[1mbold^[m");
    }

    #[test]
    fn a_reader_that_went_away_is_no_trouble_and_a_full_disk_is() {
        let mut stream = Stream::to(Refuses(io::ErrorKind::BrokenPipe), "output", false);
        stream.write("x");
        assert!(stream.finish().is_ok());
        let mut stream = Stream::to(Refuses(io::ErrorKind::StorageFull), "output", false);
        stream.write("x");
        stream.write("y");
        let failure = stream.finish().unwrap_err();
        insta::assert_snapshot!(failure.text(), @"rekindle: cannot write standard output: no storage space");
        assert_eq!(failure.code(), 3);
    }
}
