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
        let mut reached = self.reach(Some(since))?;
        let mut removed = Count::default();
        // Results go first, so that hardly anybody finds one whose blobs are gone.
        self.remove_unreached(&items, &reached, true, &mut removed);
        // Those that are left were used since the look.
        self.follow_rest(&mut reached)?;
        self.remove_unreached(&items, &reached, false, &mut removed);
        self.remove_sets(&sets, &reached, &mut removed);
        let mut trimmed = self.trim_locked(&lock, to)?;
        trimmed.removed.files += removed.files;
        trimmed.removed.bytes = trimmed.removed.bytes.saturating_add(removed.bytes);
        Ok(trimmed)
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
