//! A snapshot's file as bytes in memory, read by the kernel when they are looked at.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;
use rustix::fs::{Mode, OFlags};

/// The bytes of a file.
#[derive(Debug)]
pub(super) struct Mapped(Option<Mmap>);

impl Mapped {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// Whatever the system says.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Nothing but a file that lies there itself: opening another thing may never end.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the bytes must not change while they are mapped. A snapshot is written beside its place and renamed
        // there, and nobody writes to it or shortens it afterwards: not this build, which holds the lock of the build
        // directory, nor a later one. Every number in it is checked before it is used, so that bytes which somebody
        // changed from outside lead to a refusal or to another verdict, as they would in a file that is read.
        #[expect(unsafe_code, reason = "mapping a file; see above")]
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self(Some(map)))
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
