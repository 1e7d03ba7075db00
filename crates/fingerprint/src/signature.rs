//! File signatures: what `stat` says. They only let us skip reading a file again; they enter no digest (law 1).

/// A time of a file, in nanoseconds since the epoch, as the file system keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub i64);

/// What `stat` says of a file. Two signatures are compared for equality, never for order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Length in bytes.
    pub size: u64,
    /// When the content was last modified.
    pub mtime: FileTime,
    /// When content or metadata were last changed; no program can set it.
    pub ctime: FileTime,
    /// Number of the inode.
    pub inode: u64,
    /// Type and permission bits.
    pub mode: u32,
}

impl Signature {
    /// The later of the two times.
    pub fn last_change(&self) -> FileTime {
        self.mtime.max(self.ctime)
    }

    /// Whether anybody may execute the file.
    pub fn executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

/// An instant of one file system's own clock: the times of a file that was touched there.
///
/// The instant is taken *before* files are read, so a file whose last change is clearly older cannot have been
/// changed since without its signature showing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant {
    /// Device number of the file system whose clock this is.
    pub device: u64,
    /// What that clock said.
    pub time: FileTime,
    /// How far apart two changes must be, in nanoseconds, to be told apart there.
    pub granularity: i64,
}

/// Granularity that is assumed where a file system keeps whole seconds, and for every file system whose own
/// clock we cannot ask (we write nowhere but into the build directory): FAT keeps two seconds.
pub const COARSE: i64 = 2_000_000_000;

/// Granularity that is assumed where a file system keeps fractions of a second. Linux stamps files with the
/// time of the last timer tick, and a tick is at most 10 ms long (`CONFIG_HZ=100`).
pub const TICK: i64 = 10_000_000;

impl Instant {
    /// The instant at which a file got `time`; a whole number of seconds is taken as a sign of a coarse clock.
    pub fn of_touched_file(device: u64, time: FileTime) -> Self {
        let granularity = if time.0 % 1_000_000_000 == 0 { COARSE } else { TICK };
        Self { device, time, granularity }
    }

    /// Whether a file on `device` may have been changed at the instant or later. Its ctime alone tells: no program can
    /// set that, while an mtime may well lie in the future.
    pub fn is_younger(&self, device: u64, signature: &Signature) -> bool {
        let granularity = if device == self.device { self.granularity } else { COARSE };
        signature.ctime.0.saturating_add(granularity) >= self.time.0
    }

    /// Whether a file on `device` with this signature may have been changed after the instant without the
    /// signature showing it: then the signature is *racy* and is not believed by a later build.
    pub fn makes_racy(&self, device: u64, signature: &Signature) -> bool {
        let granularity = if device == self.device { self.granularity } else { COARSE };
        signature.last_change().0.saturating_add(granularity) >= self.time.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed_at(time: i64) -> Signature {
        Signature { size: 1, mtime: FileTime(0), ctime: FileTime(time), inode: 1, mode: 0o100_644 }
    }

    #[test]
    fn a_file_changed_within_one_tick_of_the_instant_is_racy() {
        let instant = Instant::of_touched_file(1, FileTime(50_000_000_001));
        assert!(instant.makes_racy(1, &changed_at(50_000_000_001)));
        assert!(instant.makes_racy(1, &changed_at(50_000_000_001 - TICK)));
        assert!(!instant.makes_racy(1, &changed_at(50_000_000_000 - TICK)));
    }

    #[test]
    fn an_mtime_from_the_future_makes_no_file_younger_than_the_instant() {
        let instant = Instant::of_touched_file(1, FileTime(50_000_000_001));
        let signature = Signature { mtime: FileTime(i64::MAX), ..changed_at(1) };
        assert!(!instant.is_younger(1, &signature) && instant.makes_racy(1, &signature));
        assert!(instant.is_younger(1, &changed_at(50_000_000_001)));
    }

    #[test]
    fn a_coarse_or_foreign_clock_needs_two_seconds() {
        let coarse = Instant::of_touched_file(1, FileTime(50_000_000_000));
        assert!(coarse.makes_racy(1, &changed_at(48_000_000_000)));
        assert!(!coarse.makes_racy(1, &changed_at(47_999_999_999)));
        let fine = Instant::of_touched_file(1, FileTime(50_000_000_001));
        assert!(fine.makes_racy(2, &changed_at(48_500_000_000)));
    }

    #[test]
    fn the_later_of_mtime_and_ctime_counts() {
        let back_dated = Signature { mtime: FileTime(1), ..changed_at(9) };
        assert_eq!(back_dated.last_change(), FileTime(9));
        let from_the_future = Signature { mtime: FileTime(99), ..changed_at(9) };
        assert_eq!(from_the_future.last_change(), FileTime(99));
    }
}
