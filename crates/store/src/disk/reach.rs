//! What records of builds reach: results, and through them blobs and input sets; and notes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use rekindle_fingerprint::digest::Digest;

use super::layout::{Kind, Name};
use super::walk::{Step, stat_in};
use super::{Disk, NO_SENSE, payload};
use crate::ActionCache;
use crate::error::Error;
use crate::result::Entry;

/// Which builds count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The last one alone.
    LastBuild,
    /// Those that were made, or made again, at this time or after it.
    Time(SystemTime),
}

/// The names of what is reached. Blobs, sets and notes may be gone already; everything may go at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Records of builds.
    pub builds: BTreeSet<Digest>,
    /// Results that can be read.
    pub results: BTreeSet<Digest>,
    /// Blobs, and their sizes.
    pub blobs: BTreeMap<Digest, u64>,
    /// Input sets: the key of each, and its own digest.
    pub sets: BTreeSet<(Digest, Digest)>,
    /// Notes.
    pub notes: BTreeSet<Digest>,
}

impl Disk {
    /// Gives each result that can be read. One that is damaged is set aside. None counts as used.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn each_result(&self, each: &mut dyn FnMut(Digest, Entry)) -> Result<(), Error> {
        let mut failed = Ok(());
        self.walk(Kind::Result, &mut |step| {
            let Step::File { name, .. } = step else { return };
            match self.peek(&name) {
                Ok(Some(entry)) => each(name.id, entry),
                Ok(None) => {}
                Err(error) => failed = Err(error),
            }
        })?;
        failed
    }

    /// The result called `name`, without using it; none if it is gone or damaged.
    pub(crate) fn peek(&self, name: &Name) -> Result<Option<Entry>, Error> {
        let mut found = match self.find(name) {
            Ok(Some(found)) => found,
            Ok(None) | Err(Error::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let entry = payload(name, &mut found)
            .and_then(|payload| Entry::decode(&payload).map_err(|_| NO_SENSE))
            .inspect_err(|what| drop(self.damaged(name, Some(&found.stat), what)));
        Ok(entry.ok())
    }

    /// What the records of builds since then reach, or, without a `since`, everything that is there. Nothing counts as
    /// used by this.
    ///
    /// # Errors
    /// The store cannot be read. No build since then has left a record ([`Error::Unrecorded`]), or that of the last
    /// build is damaged ([`Error::LastBuild`]).
    pub fn reach(&self, since: Option<Since>) -> Result<Reached, Error> {
        match since {
            None => self.reach_all(),
            Some(since) => self.reach_since(since),
        }
    }

    fn reach_all(&self) -> Result<Reached, Error> {
        let mut reached = Reached::default();
        self.each_result(&mut |name, _| {
            reached.results.insert(name);
        })?;
        for kind in [Kind::Set, Kind::Note, Kind::Blob, Kind::Build] {
            self.walk(kind, &mut |step| {
                let Step::File { name, dir } = step else { return };
                let Some(stat) = stat_in(dir, &name) else { return };
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                let _ = match (kind, name.set) {
                    (Kind::Blob, _) => reached.blobs.insert(name.id, size).is_none(),
                    (Kind::Set, Some(set)) => reached.sets.insert((name.id, set)),
                    (Kind::Note, _) => reached.notes.insert(name.id),
                    (Kind::Build, _) => reached.builds.insert(name.id),
                    (Kind::Set | Kind::Result, _) => false,
                };
            })?;
        }
        Ok(reached)
    }

    fn reach_since(&self, since: Since) -> Result<Reached, Error> {
        let unrecorded = |ever| Error::Unrecorded { path: self.place.clone(), ever };
        let builds = self.builds()?;
        let Some(&(last, _)) = builds.first() else { return Err(unrecorded(true)) };
        let since = match since {
            Since::LastBuild => last,
            Since::Time(time) => time,
        };
        let mut reached = Reached::default();
        for (time, name) in builds.into_iter().take_while(|(time, _)| *time >= since) {
            match self.build(&name) {
                Ok(Some(build)) => {
                    reached.builds.insert(name);
                    reached.results.extend(build.results);
                    reached.notes.extend(build.notes);
                }
                Ok(None) => {}
                Err(Error::Damaged { path, what }) if time == last => {
                    return Err(Error::LastBuild { path, what });
                }
                Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if reached.builds.is_empty() {
            return Err(unrecorded(false));
        }
        self.follow(&mut reached)?;
        Ok(reached)
    }

    /// Adds what the results name, and takes out those that are gone.
    fn follow(&self, reached: &mut Reached) -> Result<(), Error> {
        for id in std::mem::take(&mut reached.results) {
            if let Some(entry) = self.peek(&Name::of(Kind::Result, id))? {
                reached.add(id, entry);
            }
        }
        Ok(())
    }

    /// Adds the results that were not reached so far.
    pub(crate) fn follow_rest(&self, reached: &mut Reached) -> Result<(), Error> {
        let mut rest = Vec::new();
        self.walk(Kind::Result, &mut |step| {
            if let Step::File { name, .. } = step
                && !reached.results.contains(&name.id)
            {
                rest.push(name.id);
            }
        })?;
        for id in rest {
            if let Some(entry) = self.peek(&Name::of(Kind::Result, id))? {
                reached.add(id, entry);
            }
        }
        Ok(())
    }
}

impl Reached {
    fn add(&mut self, id: Digest, entry: Entry) {
        self.results.insert(id);
        if let Entry::Made(result) = entry {
            self.blobs.extend(result.products.iter().map(|product| (product.blob.digest, product.blob.size)));
            self.sets.extend(result.origin.and_then(|origin| Some((origin.key, origin.set?))));
        }
    }
}
