//! Making room: what was not used for the longest time goes first.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use rekindle_fingerprint::digest::Digest;
use rustc_hash::FxHashMap;
use rustix::fs::{AtFlags, Mode, OFlags, fstat, futimens, statat, unlinkat};

use super::account::space;
use super::files::{DIRECTORY, Look, NOW, remove_each};
use super::layout::{Kind, Name, OLDER};
use super::sets::{Time, time};
use super::walk::{Count, Step, stat_in};
use super::{Disk, open_place, payload};
use crate::error::{At, Error};
use crate::result::Entry;

/// A trim that a build needs leaves so many percent of the limit, so that the next builds need none.
const PERCENT: u64 = 80;

/// What is being written for longer than this was left by a writer that died, in seconds.
const MAX_WRITING: i64 = 3600;

/// What was set aside is kept for so long, in seconds.
const MAX_ASIDE: i64 = 7 * 24 * 3600;

/// What a trim came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// What was removed.
    pub removed: Count,
    /// What is left.
    pub left: Count,
}

/// Something that goes as a whole: a file, or the sets under a key.
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) id: Digest,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) used: Time,
}

impl Disk {
    /// Removes the least recently used files until the store takes no more than `to` bytes, and what is of no use: what
    /// writers that died left behind, results whose blobs are gone, and what an older format left. Waits for another process that trims.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn trim(&self, to: u64) -> Result<Trimmed, Error> {
        let lock = self.lock_to_trim()?;
        self.trim_locked(&lock, to)
    }

    /// Waits until nobody else trims.
    pub(crate) fn lock_to_trim(&self) -> Result<File, Error> {
        let lock = self.lock_file()?;
        lock.lock().at("lock", &self.inner.join("lock"))?;
        Ok(lock)
    }

    /// Trims to 80 % of the limit if the store takes more than the limit. Costs next to nothing if it does not; does
    /// nothing if another process trims.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn trim_if_needed(&self) -> Result<Option<Trimmed>, Error> {
        if self.read_only {
            return Ok(None);
        }
        self.account.flush();
        let place = match fs::metadata(&self.inner) {
            Ok(data) => data.ino(),
            // Somebody removed the store meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("look at", &self.inner),
        };
        let is_older = fs::symlink_metadata(self.place.join(OLDER)).is_ok();
        if !is_older && self.account.total(place, self.now).is_some_and(|total| total <= self.limit) {
            return Ok(None);
        }
        let lock = self.lock_file()?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).at("lock", &self.inner.join("lock")),
        }
        if self.stats()?.total().bytes <= self.limit {
            let mut trimmed = Trimmed::default();
            self.sweep(&lock, &mut trimmed)?;
            self.remove_older(&mut trimmed);
            return Ok(None);
        }
        self.trim_locked(&lock, self.limit / 100 * PERCENT).map(Some)
    }

    fn lock_file(&self) -> Result<File, Error> {
        let path = self.inner.join("lock");
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).custom_flags(flags).open(&path).at("open", &path)
    }

    pub(crate) fn trim_locked(&self, lock: &File, to: u64) -> Result<Trimmed, Error> {
        let mut trimmed = Trimmed::default();
        self.sweep(lock, &mut trimmed)?;
        let mut items = self.items()?;
        let named = self.renew_named(&mut items);
        let aside = self.count_damaged();
        let mut total = items.iter().fold(aside.bytes, |sum, item| sum.saturating_add(item.bytes));
        if total > to {
            self.empty("damaged", i64::MAX, &mut trimmed);
            total = total.saturating_sub(aside.bytes);
        }
        items.sort_by_key(|item| (item.used, item.kind, item.id));
        let mut kept = Vec::new();
        for item in items {
            if total > to && self.remove_item(&item) {
                total = total.saturating_sub(item.bytes);
                trimmed.removed.files += item.files;
                trimmed.removed.bytes = trimmed.removed.bytes.saturating_add(item.bytes);
            } else {
                kept.push(item);
            }
        }
        for item in kept {
            let blobs = named.get(&item.id).filter(|_| item.kind == Kind::Result);
            let is_useless = blobs.is_some_and(|blobs| blobs.iter().any(|blob| !self.has_blob(blob)));
            if is_useless && self.remove_item(&item) {
                trimmed.removed.add(item.bytes);
            } else {
                trimmed.left.files += item.files;
                trimmed.left.bytes = trimmed.left.bytes.saturating_add(item.bytes);
            }
        }
        let aside = self.count_damaged();
        trimmed.left.files += aside.files;
        trimmed.left.bytes = trimmed.left.bytes.saturating_add(aside.bytes);
        self.account_for(trimmed.left.bytes);
        self.remove_older(&mut trimmed);
        Ok(trimmed)
    }

    /// Removes what an older format left: nobody who could read it would take a store with this mark.
    fn remove_older(&self, trimmed: &mut Trimmed) {
        let Ok(place) = open_place(&self.place) else { return };
        remove_each(&place, OLDER.as_ref(), &mut |size| trimmed.removed.add(space(size)));
    }

    /// The time of the store's file system, in seconds: that of the lock, which is touched. Needs no room on the disk.
    fn clock(&self, lock: &File) -> Result<i64, Error> {
        let path = self.inner.join("lock");
        futimens(lock, &NOW).map_err(std::io::Error::from).at("touch", &path)?;
        Ok(lock.metadata().at("look at", &path)?.mtime())
    }

    /// Writes down what the store takes, after it was counted.
    pub(crate) fn account_for(&self, total: u64) {
        if let Ok(data) = fs::metadata(&self.inner)
            && !self.read_only
        {
            self.account.set(data.ino(), self.now, total, &self.temporary);
        }
    }

    /// Removes what writers that died left behind, and what was set aside long ago.
    fn sweep(&self, lock: &File, trimmed: &mut Trimmed) -> Result<(), Error> {
        let clock = self.clock(lock)?;
        self.empty("tmp", clock.saturating_sub(MAX_WRITING), trimmed);
        self.empty("damaged", clock.saturating_sub(MAX_ASIDE), trimmed);
        Ok(())
    }

    /// Removes what lies in a directory and was last changed before `limit`.
    fn empty(&self, dir: &str, limit: i64, trimmed: &mut Trimmed) {
        let path = self.inner.join(dir);
        let Ok(dir) = rustix::fs::open(&path, DIRECTORY, Mode::empty()) else { return };
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            let Ok(data) = entry.metadata() else { continue };
            if data.mtime() < limit && super::files::remove(&dir, entry.file_name().as_ref()) {
                trimmed.removed.add(space(data.len()));
            }
        }
    }

    /// Everything that there is.
    pub(crate) fn items(&self) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        for kind in Kind::ALL {
            let mut sets = Count::default();
            self.walk(kind, &mut |step| match step {
                Step::File { name, dir } => {
                    let Some(stat) = stat_in(dir, &name) else { return };
                    let bytes = space(u64::try_from(stat.st_size).unwrap_or(0));
                    if kind == Kind::Set {
                        sets.add(bytes);
                    } else {
                        items.push(Item { kind, id: name.id, files: 1, bytes, used: time(&stat) });
                    }
                }
                Step::Key { key, dir } => {
                    let count = std::mem::take(&mut sets);
                    let used = fstat(dir).map_or((0, 0), |stat| time(&stat));
                    items.push(Item { kind, id: key, files: count.files, bytes: count.bytes, used });
                }
                Step::Stray { .. } => {}
            })?;
        }
        Ok(items)
    }

    /// A blob was used when a result that names it was. Gives the blobs of each result.
    fn renew_named(&self, items: &mut [Item]) -> FxHashMap<Digest, Vec<Digest>> {
        let mut named: FxHashMap<Digest, Vec<Digest>> = FxHashMap::default();
        let mut used: FxHashMap<Digest, Time> = FxHashMap::default();
        for item in items.iter().filter(|item| item.kind == Kind::Result) {
            let name = Name::of(Kind::Result, item.id);
            let Ok(Look::File(mut found)) = self.look(&name) else { continue };
            let entry = payload(&name, &mut found).ok().and_then(|payload| Entry::decode(&payload).ok());
            let Some(Entry::Made(result)) = entry else { continue };
            let blobs: Vec<Digest> = result.products.iter().map(|product| product.blob.digest).collect();
            for blob in &blobs {
                let used = used.entry(*blob).or_insert(item.used);
                *used = item.used.max(*used);
            }
            named.insert(item.id, blobs);
        }
        for item in items.iter_mut().filter(|item| item.kind == Kind::Blob) {
            item.used = used.get(&item.id).map_or(item.used, |used| item.used.max(*used));
        }
        named
    }

    fn has_blob(&self, blob: &Digest) -> bool {
        let name = Name::of(Kind::Blob, *blob);
        self.dir(Kind::Blob).is_some_and(|dir| statat(dir, name.path(), AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }

    /// Removes a file, or the sets under a key, unless it was used since it was looked at.
    pub(crate) fn remove_item(&self, item: &Item) -> bool {
        let name = Name::of(item.kind, item.id);
        if item.kind != Kind::Set {
            return self.remove_unless_used(&name, item.used);
        }
        let Ok(dir) = self.dir_of(&name) else { return true };
        let Ok(stat) = statat(&dir, name.file(), AtFlags::SYMLINK_NOFOLLOW) else { return true };
        if time(&stat) > item.used {
            return false;
        }
        let Ok(Some((key_dir, names))) = self.names_of_sets(&item.id) else { return false };
        for name in names {
            let _ = unlinkat(&key_dir, name.file(), AtFlags::empty());
        }
        // Another process may have put a set since; then its directory stays.
        let _ = unlinkat(&dir, name.file(), AtFlags::REMOVEDIR);
        true
    }

    /// Removes a file, unless its time is after `seen`.
    pub(crate) fn remove_unless_used(&self, name: &Name, seen: Time) -> bool {
        let Ok(dir) = self.dir_of(name) else { return true };
        let Ok(stat) = statat(&dir, name.file(), AtFlags::SYMLINK_NOFOLLOW) else { return true };
        time(&stat) <= seen && unlinkat(&dir, name.file(), AtFlags::empty()).is_ok()
    }
}
