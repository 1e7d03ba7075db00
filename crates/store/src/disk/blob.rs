//! The content of blobs: copied and read, and digested on the way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::atomic::Ordering;

use rekindle_fingerprint::digest::{Blob, Digest};

use super::Disk;
use super::files::Found;

/// Blobs from this size on share their blocks with what is written from them, where the file system can do that.
const CLONE_FROM: u64 = 64 << 10;

/// Larger blobs are read in pieces of this size.
const PIECE: usize = 1 << 20;

pub(crate) const NOT_ITS_SIZE: &str = "it does not have its size";
pub(crate) const NOT_ITS_NAME: &str = "its content is not what its name says";
pub(crate) const UNREADABLE: &str = "it cannot be read";

/// Why a blob was not copied.
pub(crate) enum Copying {
    /// It is not what its name says.
    Wrong(&'static str),
    /// The copy cannot be written.
    To(io::Error),
}

impl Disk {
    /// Copies a blob. What was written is what was digested.
    pub(crate) fn copy(&self, blob: &Blob, from: &mut Found, to: &mut File) -> Result<(), Copying> {
        if from.size() != blob.size {
            return Err(Copying::Wrong(NOT_ITS_SIZE));
        }
        if blob.size >= CLONE_FROM && self.clone_file(&from.file, to) {
            let digest = pieces(to, blob.size, |_| Ok(())).map_err(Copying::To)?;
            let ends = to.metadata().is_ok_and(|now| now.len() == blob.size);
            return if digest == blob.digest && ends { Ok(()) } else { Err(Copying::Wrong(NOT_ITS_NAME)) };
        }
        let mut failed = None;
        let digest = pieces(&mut from.file, blob.size, |piece| {
            to.write_all(piece).map_err(|error| {
                let kind = error.kind();
                failed = Some(error);
                kind.into()
            })
        });
        match (digest, failed) {
            (_, Some(error)) => Err(Copying::To(error)),
            (Err(_), None) => Err(Copying::Wrong(UNREADABLE)),
            (Ok(digest), None) if digest == blob.digest => Ok(()),
            (Ok(_), None) => Err(Copying::Wrong(NOT_ITS_NAME)),
        }
    }

    /// Lets one file share the blocks of another, where the file system can do that.
    fn clone_file(&self, from: &File, to: &File) -> bool {
        if !self.clones.load(Ordering::Relaxed) {
            return false;
        }
        let cloned = rustix::fs::ioctl_ficlone(to, from).is_ok();
        // It is one file system to another in a whole build, so there is no need to ask again.
        self.clones.store(cloned, Ordering::Relaxed);
        cloned
    }
}

/// Reads `size` bytes, gives each piece to `each`, and tells their digest.
pub(crate) fn pieces(
    from: &mut File,
    size: u64,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    let mut left = usize::try_from(size).unwrap_or(usize::MAX);
    let mut buffer = vec![0; left.min(PIECE)];
    while left > 0 {
        let piece = left.min(PIECE);
        let piece = &mut buffer[..piece];
        from.read_exact(piece)?;
        hasher.update(piece);
        each(piece)?;
        left -= piece.len();
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// The bytes of a blob, checked.
pub(crate) fn read_blob(blob: &Blob, found: &mut Found) -> Result<Vec<u8>, &'static str> {
    if found.size() != blob.size {
        return Err(NOT_ITS_SIZE);
    }
    let bytes = found.bytes().map_err(|_| UNREADABLE)?;
    if Digest::of(&bytes) == blob.digest { Ok(bytes) } else { Err(NOT_ITS_NAME) }
}
