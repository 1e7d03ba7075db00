//! The compression: one zstd frame that says how long its content is, with a checksum, and nothing before it or behind.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;
use zstd::zstd_safe::CParameter;

use super::error::Error;
use super::{WINDOW, most_in};

/// On 101 MB of objects, archives and programs (one core, zstd 1.5.7): level 3 gives 11.0 MB in 0.8 s, 6 gives 9.7 in
/// 1.5, 9 gives 9.3 in 1.3, 12 gives 9.2 in 2.7. Two threads are no faster at this window, and find less.
const LEVEL: i32 = 9;

/// The size of the table in which the search looks, as a power of two. With that of level 9 the pack is 14 % larger.
const TABLE: u32 = 24;

/// How a frame starts, and how many bytes its header takes at most.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const LONGEST_HEADER: usize = 18;

/// Writes a frame whose content is `length` bytes.
pub(super) fn writer<W: Write>(to: W, length: u64) -> io::Result<Encoder<'static, W>> {
    let mut encoder = Encoder::new(to, LEVEL)?;
    let parameters = [
        CParameter::WindowLog(WINDOW),
        CParameter::HashLog(TABLE),
        CParameter::EnableLongDistanceMatching(true),
        CParameter::ChecksumFlag(true),
    ];
    for parameter in parameters {
        encoder.set_parameter(parameter)?;
    }
    encoder.set_pledged_src_size(Some(length))?;
    Ok(encoder)
}

/// The content of a frame, as it comes.
pub(super) struct Frame<'p> {
    path: &'p Path,
    decoder: Decoder<'static, BufReader<File>>,
    left: u64,
}

impl<'p> Frame<'p> {
    /// Opens the file `path` and checks how it starts.
    pub(super) fn open(path: &'p Path) -> Result<Self, Error> {
        let bad = |what: &str| Error::bad(path, what);
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK;
        let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty());
        let file = File::from(file.map_err(io::Error::from).map_err(Error::file("open", path))?);
        let data = file.metadata().map_err(Error::file("look at", path))?;
        if !data.is_file() {
            return Err(bad("it is no file"));
        }
        let mut file = BufReader::with_capacity(128 << 10, file);
        let start = file.fill_buf().map_err(Error::file("read", path))?;
        let start = &start[..start.len().min(LONGEST_HEADER)];
        let left = check_header(start).map_err(bad)?;
        if left > most_in(data.len()) {
            return Err(bad("it says that it holds more than a pack of its size can"));
        }
        let mut decoder = Decoder::with_buffer(file).map_err(Error::file("read", path))?.single_frame();
        decoder.window_log_max(WINDOW).map_err(Error::file("read", path))?;
        Ok(Self { path, decoder, left })
    }

    /// The file.
    pub(super) fn path(&self) -> &'p Path {
        self.path
    }

    /// How much of the content has not come yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next bytes.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        let is_there = u64::try_from(buffer.len()).is_ok_and(|length| length <= self.left);
        if !is_there {
            return Err(Error::bad(self.path, EARLY));
        }
        self.decoder.read_exact(buffer).map_err(|error| trouble(self.path, error))?;
        self.left -= buffer.len() as u64;
        Ok(())
    }

    /// The next bytes, as many as there are to be. Room is made as they come.
    pub(super) fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let mut left = length;
        while left > 0 {
            let piece = usize::try_from(left).unwrap_or(usize::MAX).min(1 << 20);
            let start = bytes.len();
            bytes.resize(start + piece, 0);
            self.fill(&mut bytes[start..])?;
            left -= piece as u64;
        }
        Ok(bytes)
    }

    /// Succeeds if all of the content has come, its checksum matches, and nothing lies behind it.
    pub(super) fn end(mut self) -> Result<(), Error> {
        let more = self.decoder.read(&mut [0]).map_err(|error| trouble(self.path, error))?;
        let rest = self.decoder.finish();
        let rest = { rest }.fill_buf().map(<[u8]>::len).map_err(Error::file("read", self.path))?;
        if more == 0 && rest == 0 {
            Ok(())
        } else {
            Err(Error::bad(self.path, "something lies behind its end"))
        }
    }
}

const EARLY: &str = "it ends early";

/// Why a frame could not be read on.
fn trouble(path: &Path, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        Error::file("read", path)(error)
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        Error::bad(path, EARLY)
    } else {
        Error::bad(path, "its compressed data is damaged")
    }
}

/// How long the content of a frame is that starts like this (RFC 8878, 3.1.1.1).
fn check_header(start: &[u8]) -> Result<u64, &'static str> {
    let rest = start.strip_prefix(&MAGIC).ok_or("it is not compressed with zstd")?;
    let (&descriptor, rest) = rest.split_first().ok_or(EARLY)?;
    let (is_single, has_checksum) = (descriptor & 0x20 != 0, descriptor & 4 != 0);
    if !has_checksum {
        return Err("its compressed data has no checksum");
    }
    if descriptor & 3 != 0 {
        return Err("it needs a dictionary");
    }
    let (window, rest) = if is_single {
        (None, rest)
    } else {
        let (&window, rest) = rest.split_first().ok_or(EARLY)?;
        let base = 1u64 << (10 + (window >> 3));
        (Some(base + base / 8 * u64::from(window & 7)), rest)
    };
    let number = |bytes: usize| {
        let mut number = [0; 8];
        number[..bytes].copy_from_slice(rest.get(..bytes)?);
        Some(u64::from_le_bytes(number))
    };
    let length = match (descriptor >> 6, is_single) {
        (0, false) => return Err("it does not say how much it holds"),
        (0, true) => number(1),
        (1, _) => number(2).map(|number| number + 256),
        (2, _) => number(4),
        _ => number(8),
    };
    let length = length.ok_or(EARLY)?;
    if window.unwrap_or(length) > 1 << WINDOW {
        return Err("to unpack it takes more memory than a pack may ask for");
    }
    Ok(length)
}
