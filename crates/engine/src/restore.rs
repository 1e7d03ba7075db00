//! Taking one result out of the store and putting its files to their places: what a thread of its own does while the
//! main loop goes on.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::disk::{self, Entry as OnDisk};
use rekindle_fingerprint::key::ActionDigest;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::Signature;
use rekindle_fingerprint::stamp::Bound;
use rekindle_store::{ActionResult, Entry, Error as StoreError, Product, Store};

use crate::kept::{Aside, Kept};

/// Where the files of a result go.
pub(crate) struct Places {
    /// What was seen there: content, and whether it may be executed.
    pub(crate) here: Vec<Option<(Blob, bool)>>,
    pub(crate) outputs: Vec<PathBuf>,
    /// Where they are written first: in the directory of temporary files, which the next build empties if this one is
    /// killed.
    pub(crate) drafts: Vec<PathBuf>,
    pub(crate) kept: Kept,
    /// Whether what lies at the outputs is what the stamp so far vouches for.
    pub(crate) intact: bool,
    /// Whether there is a stamp so far.
    pub(crate) had_stamp: bool,
}

/// What a thread needs to take out a result.
pub(crate) struct Retrieval {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) roots: Arc<Roots>,
    pub(crate) digest: ActionDigest,
    /// Where its files go; none if they stay where they are.
    pub(crate) places: Option<Places>,
}

/// What the store has under an action digest.
pub(crate) struct Held {
    pub(crate) result: ActionResult,
    pub(crate) bound: Option<Bound>,
}

/// The files of a result that lie at their places now.
pub(crate) struct Placed {
    /// What each of them is now; none if it is gone again.
    pub(crate) files: Vec<Option<(Signature, u64)>>,
    /// Whether the outputs of the stamp so far were kept.
    pub(crate) keeps: bool,
}

/// Where the files of a result are.
pub(crate) enum Lies {
    /// At their places, and they were before.
    There,
    /// At their places now.
    Placed(Placed),
    /// Nowhere else.
    InTheStore,
}

/// What came of it.
pub(crate) struct Retrieved {
    /// The result.
    pub(crate) found: Option<(Held, Lies)>,
    /// What went wrong with the store.
    pub(crate) errors: Vec<StoreError>,
}

impl Retrieval {
    pub(crate) fn run(self) -> Retrieved {
        let mut errors = Vec::new();
        let found = self.retrieve().unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let outputs = self.places.as_ref().map_or(1, |places| places.outputs.len());
        let Some(held) = found.filter(|held| held.result.products.len() == outputs) else {
            return Retrieved { found: None, errors };
        };
        let Some(places) = &self.places else {
            return Retrieved { found: Some((held, Lies::InTheStore)), errors };
        };
        let products = &held.result.products;
        let lies_there = |(here, product): (&Option<(Blob, bool)>, &Product)| {
            *here == Some((product.blob, product.executable))
        };
        if places.here.iter().zip(products).all(lies_there) {
            return Retrieved { found: Some((held, Lies::There)), errors };
        }
        let wrote = self.write_drafts(&places.drafts, &held, &mut errors);
        let placed = if wrote { places.place() } else { None };
        if placed.is_none() {
            // They would take room that the command needs.
            remove_all(&places.drafts);
        }
        Retrieved { found: placed.map(|placed| (held, Lies::Placed(placed))), errors }
    }

    fn retrieve(&self) -> Result<Option<Held>, StoreError> {
        held(&*self.store, &self.digest, &self.roots)
    }

    /// Writes the products of a result beside their places; `false` if that cannot be done.
    fn write_drafts(&self, drafts: &[PathBuf], held: &Held, errors: &mut Vec<StoreError>) -> bool {
        for (draft, product) in drafts.iter().zip(&held.result.products) {
            let wrote = self.store.write_draft(&product.blob, draft, product.executable);
            let is_gone = matches!(wrote, Ok(false) | Err(StoreError::Damaged { .. }));
            match wrote {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => errors.push(error),
            }
            if is_gone {
                // Who makes it next puts it anew.
                let name = held.bound.as_ref().map_or(self.digest, |bound| self.digest.bound(bound));
                errors.extend(self.store.remove_entry(&name.0).err());
            }
            return false;
        }
        true
    }
}

/// What the store has under an action digest, for where the roots lie here.
pub(crate) fn held(
    store: &dyn Store,
    digest: &ActionDigest,
    roots: &Roots,
) -> Result<Option<Held>, StoreError> {
    match store.entry(&digest.0)? {
        Some(Entry::Made(result)) => Ok(Some(Held { result, bound: None })),
        Some(Entry::Bound { roots: names, why }) => {
            let here = Bound::here(names, why, roots);
            match store.entry(&digest.bound(&here).0)? {
                Some(Entry::Made(result)) => Ok(Some(Held { result, bound: Some(here) })),
                _ => Ok(None),
            }
        }
        None => Ok(None),
    }
}

impl Places {
    /// Moves the drafts to their places. Nothing if one cannot be placed; then what was there before is there again.
    fn place(&self) -> Option<Placed> {
        // What is in the way and cannot be moved is in the way of the command too, which says so.
        let aside = self.kept.set_aside(&self.outputs).ok()?;
        for (draft, output) in self.drafts.iter().zip(&self.outputs) {
            if move_to(draft, output).is_err() {
                remove_all(&self.outputs);
                aside.put_back();
                return None;
            }
        }
        let seen = |output: &PathBuf| match disk::stat(output) {
            Ok(OnDisk::File(signature, device)) => Some((signature, device)),
            _ => None,
        };
        let files = self.outputs.iter().map(seen).collect();
        Some(Placed { files, keeps: self.keep(aside) })
    }

    fn keep(&self, aside: Aside) -> bool {
        // In a new directory nothing was kept, and there is nothing to look for.
        (self.had_stamp || !aside.is_empty()) && self.kept.keep(aside, &self.outputs, self.intact)
    }
}

/// Renames a file into a directory, which is made if need be.
fn move_to(from: &PathBuf, to: &PathBuf) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(dir) = to.parent() {
                fs::create_dir_all(dir)?;
            }
            fs::rename(from, to)
        }
        renamed => renamed,
    }
}

/// Removes files that may be there.
fn remove_all(files: &[PathBuf]) {
    for file in files {
        let _ = fs::remove_file(file);
    }
}
