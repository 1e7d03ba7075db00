//! Making room by what builds used: what their records do not reach goes.

use rekindle_fingerprint::digest::Digest;

use super::Disk;
use super::account::space;
use super::layout::{Kind, Name};
use super::reach::{Reached, Since};
use super::sets::{Time, time};
use super::trim::{Item, Trimmed};
use super::walk::{Count, Step, stat_in};
use crate::error::Error;

/// An input set, when it was put, and what it takes.
type Set = (Name, Time, u64);

impl Disk {
    /// Removes everything that the records of builds since then do not reach, other records included; and then, as
    /// [`Disk::trim`] does, what was not used for longest, until the store takes no more than `to` bytes. Waits for
    /// another process that trims.
    ///
    /// What was written, or written down as used, since the trim looked at it stays. What a build uses that has not
    /// left its record yet may go; what it misses then is made again.
    ///
    /// # Errors
    /// The store cannot be read or written. No build since then has left a record ([`Error::Unrecorded`]), or that of
    /// the last build is damaged ([`Error::LastBuild`]): then nothing was removed.
    pub fn trim_used(&self, since: Since, to: u64) -> Result<Trimmed, Error> {
        let lock = self.lock_to_trim()?;
        // The records are read after the look: what a build has used that ends in between is reached.
        let items = self.items()?;
        let sets = self.sets_there()?;
        let reached = self.reach(Some(since))?;
        let removed = self.remove_rest(&items, &sets, reached)?;
        let mut trimmed = self.trim_locked(&lock, to)?;
        trimmed.removed.files += removed.files;
        trimmed.removed.bytes = trimmed.removed.bytes.saturating_add(removed.bytes);
        Ok(trimmed)
    }

    /// Removes what is not reached, of what was there at the look.
    fn remove_rest(&self, items: &[Item], sets: &[Set], mut reached: Reached) -> Result<Count, Error> {
        let mut removed = Count::default();
        // Results go first, so that hardly anybody finds one whose blobs are gone.
        self.remove_unreached(items, &reached, true, &mut removed);
        // Those that are left were used since the look.
        self.follow_rest(&mut reached)?;
        self.remove_unreached(items, &reached, false, &mut removed);
        self.remove_sets(sets, &reached, &mut removed);
        Ok(removed)
    }

    /// Removes results, or everything else.
    fn remove_unreached(&self, items: &[Item], reached: &Reached, results: bool, removed: &mut Count) {
        let those = items.iter().filter(|item| (item.kind == Kind::Result) == results);
        for item in those.filter(|item| !is_reached(item, reached)) {
            if self.remove_item(item) {
                removed.files += item.files;
                removed.bytes = removed.bytes.saturating_add(item.bytes);
            }
        }
    }

    /// Removes the sets that are not reached of keys that have some which are.
    fn remove_sets(&self, sets: &[Set], reached: &Reached, removed: &mut Count) {
        for (name, put, bytes) in sets.iter().filter(|(name, ..)| has_sets(reached, &name.id)) {
            let is_reached = name.set.is_some_and(|set| reached.sets.contains(&(name.id, set)));
            if !is_reached && self.remove_unless_used(name, *put) {
                removed.add(*bytes);
            }
        }
    }

    fn sets_there(&self) -> Result<Vec<Set>, Error> {
        let mut sets = Vec::new();
        self.walk(Kind::Set, &mut |step| {
            if let Step::File { name, dir } = step
                && let Some(stat) = stat_in(dir, &name)
            {
                sets.push((name, time(&stat), space(u64::try_from(stat.st_size).unwrap_or(0))));
            }
        })?;
        Ok(sets)
    }
}

fn is_reached(item: &Item, reached: &Reached) -> bool {
    match item.kind {
        Kind::Result => reached.results.contains(&item.id),
        Kind::Note => reached.notes.contains(&item.id),
        Kind::Blob => reached.blobs.contains_key(&item.id),
        Kind::Build => reached.builds.contains(&item.id),
        Kind::Set => has_sets(reached, &item.id),
    }
}

fn has_sets(reached: &Reached, key: &Digest) -> bool {
    let (first, last) = (Digest([0; 32]), Digest([0xff; 32]));
    reached.sets.range((*key, first)..=(*key, last)).next().is_some()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use rekindle_fingerprint::digest::Blob;
    use rustix::fs::{CWD, Timespec, Timestamps, utimensat};

    use super::*;
    use crate::disk::Settings;
    use crate::{ActionCache, ActionResult, Cas, Entry, Origin, Product};

    fn name(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn put(store: &Disk, text: &str, set: &str) {
        let products = vec![Product { blob: Blob::of(text.as_bytes()), executable: false }];
        let origin = Some(Origin { key: name("key"), set: Some(name(set)), made_of: Vec::new() });
        let made = ActionResult { products, origin, ..ActionResult::default() };
        store.put(&Blob::of(text.as_bytes()), text.as_bytes()).unwrap();
        store.put_set(&name("key"), set.as_bytes()).unwrap();
        store.put_entry(&name(text), &Entry::Made(made)).unwrap();
    }

    /// Lets everything in the store seem to be old.
    fn age(store: &Disk) {
        let old = Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
        let old = Timestamps { last_access: old, last_modification: old };
        let mut dirs = vec![store.inner.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(&dir).unwrap().map(Result::unwrap) {
                utimensat(CWD, entry.path(), &old, rustix::fs::AtFlags::empty()).unwrap();
                if entry.file_type().unwrap().is_dir() {
                    dirs.push(entry.path());
                }
            }
        }
    }

    #[test]
    fn what_was_written_or_used_since_the_look_stays_with_its_blobs_and_sets() {
        let dir = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + std::time::Duration::from_secs(2_000_000_000);
        let store = Disk::open(dir.path(), Settings { now, limit: u64::MAX }).unwrap();
        for text in ["used", "unused"] {
            put(&store, text, &format!("set of {text}"));
            store.put_note(&name(text), b"note").unwrap();
        }
        store.put(&Blob::of(b"new"), b"new").unwrap();
        store.put_set(&name("asked for"), b"set").unwrap();
        age(&store);
        let (items, sets) = (store.items().unwrap(), store.sets_there().unwrap());
        // A build runs now. It has a result that names a blob which was there, and uses another and a note.
        put(&store, "new", "set of new");
        assert!(
            store.entry(&name("used")).unwrap().is_some() && store.note(&name("used")).unwrap().is_some()
        );
        assert_eq!(store.sets(&name("asked for")).unwrap().len(), 1);
        let removed = store.remove_rest(&items, &sets, Reached::default()).unwrap();
        for text in ["used", "new"] {
            assert!(store.entry(&name(text)).unwrap().is_some(), "{text}");
            assert!(store.holds(&Blob::of(text.as_bytes())).unwrap(), "{text}");
        }
        assert_eq!(store.sets(&name("key")).unwrap(), [&b"set of new"[..], b"set of used"]);
        assert_eq!(store.sets(&name("asked for")).unwrap().len(), 1);
        assert!(store.note(&name("used")).unwrap().is_some());
        // The result, the blob, the set, the note.
        assert_eq!(removed.files, 4);
        assert_eq!(store.reach(None).unwrap().blobs.len(), 2);
    }
}
