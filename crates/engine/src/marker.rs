//! The file system's own clock: a file in the build directory that is touched to learn what time it is there.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::signature::{FileTime, Instant};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use crate::error::{At, Error};

/// A file whose only content is its modification time.
#[derive(Debug)]
pub struct Marker {
    file: File,
    path: PathBuf,
}

impl Marker {
    /// Opens the marker at `path`, making it if need be.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file =
            fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).at("open", path)?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// What the file system's clock says now.
    ///
    /// # Errors
    /// The file cannot be touched.
    pub fn now(&self) -> Result<Instant, Error> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        futimens(&self.file, &Timestamps { last_access: now, last_modification: now })
            .map_err(Into::into)
            .at("touch", &self.path)?;
        let meta = self.file.metadata().at("stat", &self.path)?;
        let time = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
        Ok(Instant::of_touched_file(meta.dev(), FileTime(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_before_is_not_younger_than_the_marker() {
        let dir = tempfile::tempdir().unwrap();
        let marker = Marker::open(&dir.path().join("marker")).unwrap();
        let earlier = marker.now().unwrap();
        let later = marker.now().unwrap();
        assert!(earlier.time <= later.time);
        assert_eq!(earlier.device, later.device);
    }
}
