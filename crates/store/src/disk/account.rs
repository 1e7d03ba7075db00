//! About how much there is: counted when the store is trimmed, added to by every process that puts something.
//!
//! `v2/usage` starts with a line `rekindle usage 1 PLACE COUNTED BYTES`: the inode of `v2`, so that a file that came
//! with a copy of another store is not believed; when the store was counted, in seconds; and what it took. Lines
//! `+BYTES` follow.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// So much may be put before it is written down.
const WRITE_AFTER: u64 = 4 << 20;

/// A longer account is counted anew.
const MAX_LENGTH: u64 = 256 << 10;

/// An older account is counted anew: seven days, in seconds.
const MAX_AGE: i64 = 7 * 24 * 3600;

/// Files take whole blocks of this size.
const BLOCK: u64 = 4096;

/// What a file of `size` bytes takes.
pub(crate) const fn space(size: u64) -> u64 {
    size.saturating_add(BLOCK - 1) / BLOCK * BLOCK
}

/// The account of one process.
#[derive(Debug)]
pub(crate) struct Account {
    path: PathBuf,
    pending: AtomicU64,
}

impl Account {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, pending: AtomicU64::new(0) }
    }

    /// A file of `size` bytes was put.
    pub(crate) fn add(&self, size: u64) {
        let space = space(size);
        let before = self.pending.fetch_add(space, Ordering::Relaxed);
        if before.saturating_add(space) >= WRITE_AFTER {
            self.flush();
        }
    }

    /// Writes down what was put.
    pub(crate) fn flush(&self) {
        let pending = self.pending.swap(0, Ordering::Relaxed);
        if pending == 0 {
            return;
        }
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().append(true).custom_flags(flags).open(&self.path);
        // Where there is none, the store is counted when it matters.
        if let Ok(mut file) = file {
            let _ = file.write_all(format!("+{pending}\n").as_bytes());
        }
    }

    /// About how much there is; none if that has to be counted.
    pub(crate) fn total(&self, place: u64, now: i64) -> Option<u64> {
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path).ok()?;
        let mut text = String::new();
        file.take(MAX_LENGTH).read_to_string(&mut text).ok()?;
        if text.len() as u64 == MAX_LENGTH || !text.ends_with('\n') {
            return None;
        }
        let mut lines = text.lines();
        let mut head = lines.next()?.strip_prefix("rekindle usage 1 ")?.split(' ');
        let (of, counted): (u64, i64) = (head.next()?.parse().ok()?, head.next()?.parse().ok()?);
        let mut total: u64 = head.next()?.parse().ok()?;
        if of != place || now.saturating_sub(counted).saturating_abs() > MAX_AGE {
            return None;
        }
        for line in lines {
            total = total.saturating_add(line.strip_prefix('+')?.parse().ok()?);
        }
        Some(total)
    }

    /// A store that was made just now holds nothing, and need not be counted.
    pub(crate) fn begin(&self, place: u64, now: i64) {
        // Where somebody else has begun it, or it cannot be written, it is counted when it matters.
        if let Ok(mut file) = OpenOptions::new().write(true).create_new(true).open(&self.path) {
            let _ = file.write_all(head(place, now, 0).as_bytes());
        }
    }

    /// Starts anew from what was counted. What others put in this moment may be lost from it; the next count finds it.
    pub(crate) fn set(&self, place: u64, now: i64, total: u64, temporary: &Path) {
        // What this process has put was counted.
        self.pending.store(0, Ordering::Relaxed);
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new()
                .prefix("")
                .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
                .tempfile_in(temporary)?;
            file.write_all(head(place, now, total).as_bytes())?;
            file.persist(&self.path)?;
            Ok(())
        };
        // Without an account the store is counted again.
        let _ = write();
    }
}

/// The first line of an account.
fn head(place: u64, now: i64, total: u64) -> String {
    format!("rekindle usage 1 {place} {now} {total}\n")
}

impl Drop for Account {
    fn drop(&mut self) {
        self.flush();
    }
}
