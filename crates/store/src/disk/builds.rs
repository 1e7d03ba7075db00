//! Records of builds: which there are, and which is that of the last build.
//!
//! The file's time says when a build last used what the record names. Clocks of several machines may differ, and a store
//! travels between them, so a record gets a time after that of the one before it; that time is kept as the time of the
//! directory of all records.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rekindle_fingerprint::digest::Digest;
use rustix::fs::{AtFlags, Stat, Timespec, Timestamps, fstat, futimens, statat, utimensat};

use super::Disk;
use super::files::NOW;
use super::layout::{Kind, Name};
use super::sets::{just_after, time};
use super::walk::{Step, stat_in};
use crate::error::Error;

/// So far apart two clocks may be, in seconds. A time that is further ahead is not believed.
const MAX_AHEAD: i64 = 3600;

impl Disk {
    /// The records of builds, that of the last build first: when each was last written down as used, and its name. A time
    /// that lies more than an hour ahead is not believed; such a record counts as the oldest.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn builds(&self) -> Result<Vec<(SystemTime, Digest)>, Error> {
        let mut builds = Vec::new();
        self.walk(Kind::Build, &mut |step| {
            if let Step::File { name, dir } = step
                && let Some(stat) = stat_in(dir, &name)
            {
                builds.push((self.believed(&stat), name.id));
            }
        })?;
        builds.sort_unstable_by_key(|build| Reverse(*build));
        Ok(builds)
    }

    fn believed(&self, stat: &Stat) -> SystemTime {
        let (seconds, nanos) = time(stat);
        if seconds > self.now.saturating_add(MAX_AHEAD) {
            return UNIX_EPOCH;
        }
        let since = u64::try_from(seconds).ok().zip(u32::try_from(nanos).ok());
        since
            .and_then(|(seconds, nanos)| UNIX_EPOCH.checked_add(Duration::new(seconds, nanos)))
            .unwrap_or(UNIX_EPOCH)
    }

    /// Lets a record be the last one. `make` writes it or its time, and says whether it is there.
    pub(crate) fn make_last(
        &self,
        name: &Name,
        make: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let all = self.dir(Kind::Build).filter(|_| !self.read_only);
        let last = all.and_then(|all| fstat(all).ok());
        let made = make()?;
        let (Some(all), Some(last), true) = (all, last, made) else { return Ok(made) };
        let Ok(dir) = self.dir_of(name) else { return Ok(made) };
        let Ok(own) = statat(&dir, name.file(), AtFlags::SYMLINK_NOFOLLOW) else { return Ok(made) };
        let (own, last) = (time(&own), time(&last));
        let is_near = last.0.saturating_sub(own.0) <= MAX_AHEAD;
        let mut times = Timestamps { last_modification: Timespec { tv_sec: own.0, tv_nsec: own.1 }, ..NOW };
        if own <= last && is_near {
            times.last_modification = just_after(last);
            let _ = utimensat(&dir, name.file(), &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        let _ = futimens(all, &times);
        Ok(made)
    }
}
