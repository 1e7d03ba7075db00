//! The blobs of a pack as they come: digested, and kept aside until all of the pack proved good.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::{Blob, Digest};

use super::error::Error;
use super::frame::Frame;
use crate::disk::Disk;
use crate::error::At;

/// Blobs are read in pieces of this size. One that takes a single piece is not written if it is there already.
const PIECE: u64 = 1 << 20;

/// The blobs of a pack.
pub(super) struct Staged<'d> {
    disk: &'d Disk,
    dir: &'d Path,
    /// Each, and whether it lies in the directory, under its number.
    blobs: Vec<(Blob, bool)>,
}

impl<'d> Staged<'d> {
    /// Reads blobs of these sizes, and puts those into the directory `dir` that the store does not have, or none.
    pub(super) fn read(
        frame: &mut Frame<'_>,
        sizes: &[u64],
        disk: &'d Disk,
        dir: &'d Path,
        is_wanted: bool,
    ) -> Result<Self, Error> {
        let mut staged = Self { disk, dir, blobs: Vec::new() };
        for size in sizes {
            let blob = staged.next(frame, *size, is_wanted)?;
            staged.blobs.push(blob);
        }
        let mut names: Vec<Digest> = staged.blobs.iter().map(|(blob, _)| blob.digest).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::bad(frame.path(), "it has a blob twice"));
        }
        Ok(staged)
    }

    fn next(&self, frame: &mut Frame<'_>, size: u64, is_wanted: bool) -> Result<(Blob, bool), Error> {
        if size <= PIECE {
            let bytes = frame.bytes(size)?;
            let blob = Blob::of(&bytes);
            if !is_wanted || self.disk.blob_there(&blob)? {
                return Ok((blob, false));
            }
            let path = self.path(self.blobs.len());
            create(&path).and_then(|mut file| file.write_all(&bytes)).at("write", &path)?;
            return Ok((blob, true));
        }
        let path = self.path(self.blobs.len());
        let mut file = if is_wanted { Some(create(&path).at("write", &path)?) } else { None };
        let mut hasher = blake3::Hasher::new();
        let mut left = size;
        while left > 0 {
            let piece = frame.bytes(left.min(PIECE))?;
            hasher.update(&piece);
            if let Some(file) = &mut file {
                file.write_all(&piece).at("write", &path)?;
            }
            left -= piece.len() as u64;
        }
        let blob = Blob { digest: Digest(*hasher.finalize().as_bytes()), size };
        if is_wanted && self.disk.blob_there(&blob)? {
            fs::remove_file(&path).at("remove", &path)?;
            return Ok((blob, false));
        }
        Ok((blob, is_wanted))
    }

    fn path(&self, number: usize) -> PathBuf {
        self.dir.join(number.to_string())
    }

    /// Moves the blobs to their places, and tells how many there were to move.
    pub(super) fn settle(&self) -> Result<u64, Error> {
        let mut moved = 0;
        for (number, (blob, _)) in self.blobs.iter().enumerate().filter(|(_, (_, is_here))| *is_here) {
            self.disk.adopt_blob(blob, &self.path(number))?;
            moved += 1;
        }
        Ok(moved)
    }

    /// The blob of this number.
    pub(super) fn blob(&self, number: u32) -> Option<Blob> {
        self.blobs.get(number as usize).map(|(blob, _)| *blob)
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)
}
