//! Input sets: one directory a key, one file a set. The file's time says when it was put, the directory's when any set
//! of the key was last asked for.

use std::cmp::Reverse;
use std::os::fd::OwnedFd;

use rekindle_fingerprint::digest::Digest;
use rustix::fs::{AtFlags, RawDir, Stat, Timespec, Timestamps, fstat, statat, utimensat};
use rustix::io::Errno;

use super::Disk;
use super::files::{DIRECTORY, NOW, open_below};
use super::layout::{self, Kind, Name};
use crate::error::{At, Error};

/// So many input sets are read under one key: the newest.
pub(crate) const MAX_SETS: usize = 64;

/// A directory is listed in pieces of this size, in bytes.
const LISTED: usize = 8 << 10;

/// When something was written or last used: seconds, nanoseconds.
pub(crate) type Time = (i64, i64);

pub(crate) fn time(stat: &Stat) -> Time {
    (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0))
}

/// The next time that there is.
pub(crate) fn just_after((seconds, nanos): Time) -> Timespec {
    let carry = nanos >= 999_999_999;
    let tv_nsec = if carry { 0 } else { nanos + 1 };
    Timespec { tv_sec: seconds.saturating_add(i64::from(carry)), tv_nsec }
}

impl Disk {
    /// The sets under a key, newest first.
    pub(crate) fn read_sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        let Some((dir, mut names)) = self.names_of_sets(key)? else { return Ok(Vec::new()) };
        if names.len() > MAX_SETS {
            names.sort_by_cached_key(|name| Reverse(time_in(&dir, name)));
            names.truncate(MAX_SETS);
        }
        let mut sets = Vec::new();
        for name in &names {
            match self.open_sealed(name) {
                Ok(Some((payload, found))) => sets.push((time(&found.stat), payload)),
                Ok(None) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if let Ok(stat) = fstat(&dir) {
            self.renew(&dir, &stat);
        }
        sets.sort_by(|one, other| other.cmp(one));
        Ok(sets.into_iter().map(|(_, payload)| payload).collect())
    }

    /// Adds a set, as the newest.
    pub(crate) fn add_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error> {
        let name = Name::set(*key, Digest::of(set));
        if self.put_sealed(&name, set)? {
            // It is the first of its key, so there are no others to come before.
            return Ok(());
        }
        let Some((dir, names)) = self.names_of_sets(key)? else { return Ok(()) };
        let others = names.iter().filter(|other| **other != name);
        let newest = others.filter_map(|other| time_in(&dir, other)).max();
        let own = time_in(&dir, &name);
        // The clock of a file system has ticks, and may be set back: what is put later comes first all the same.
        if let (Some(newest), Some(own)) = (newest, own)
            && own <= newest
        {
            let times = Timestamps { last_modification: just_after(newest), ..NOW };
            let _ = utimensat(&dir, name.file(), &times, AtFlags::SYMLINK_NOFOLLOW);
        }
        Ok(())
    }

    /// The names of the sets under a key, and their directory.
    pub(crate) fn names_of_sets(&self, key: &Digest) -> Result<Option<(OwnedFd, Vec<Name>)>, Error> {
        let Some(dir) = self.dir(Kind::Set) else { return Ok(None) };
        let name = Name::of(Kind::Set, *key);
        let shown = || self.path_of(&name);
        let dir = match open_below(dir, &name.path(), DIRECTORY) {
            Ok(dir) => dir,
            // What is no directory gives way when a set is put.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(error.into()).at("open", &shown()),
        };
        let mut names = Vec::new();
        // The descriptor is new, so it can be read as it is; that saves three system calls in every look-up.
        let mut buffer = Vec::with_capacity(LISTED);
        let mut entries = RawDir::new(&dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                // The directory was removed since it was opened: a trim took it.
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(error.into()).at("list", &shown()),
            };
            let set = layout::digest(entry.file_name().to_bytes());
            names.extend(set.map(|set| Name::set(*key, set)));
        }
        Ok(Some((dir, names)))
    }
}

/// When a set was put.
fn time_in(dir: &OwnedFd, name: &Name) -> Option<Time> {
    statat(dir, name.file(), AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| time(&stat))
}
