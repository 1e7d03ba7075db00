//! The store on disk: what damages it, who shares it, what makes room in it.

mod builds;
mod damage;
mod many;
mod place;
mod room;
mod small;
mod used;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::disk::{Disk, Settings};
use rekindle_store::{ActionCache, ActionResult, Cas, Entry, Error, Product};

/// A time long after that of every file in these tests, so that each use is worth writing down.
fn later() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1 << 33)
}

fn open(path: &Path, limit: u64) -> Result<Disk, Error> {
    Disk::open(path, Settings { now: later(), limit })
}

fn unlimited(path: &Path) -> Disk {
    open(path, u64::MAX).unwrap()
}

fn made(blobs: &[Blob]) -> Entry {
    let products = blobs.iter().map(|blob| Product { blob: *blob, executable: false });
    Entry::Made(ActionResult { products: products.collect(), ..ActionResult::default() })
}

/// One thing of each kind, made of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Thing {
    Blob(u32),
    Result(u32),
    Set(u32),
    Note(u32),
}

impl Thing {
    const fn all(number: u32) -> [Self; 4] {
        [Self::Blob(number), Self::Result(number), Self::Set(number), Self::Note(number)]
    }

    fn bytes(self) -> Vec<u8> {
        format!("{self:?}").repeat(3).into_bytes()
    }

    fn blob(self) -> Blob {
        Blob::of(&self.bytes())
    }

    fn key(self) -> Digest {
        Digest::of(&[&b"key of "[..], &self.bytes()].concat())
    }

    fn put(self, store: &Disk) -> Result<(), Error> {
        match self {
            Self::Blob(_) => store.put(&self.blob(), &self.bytes()).map(drop),
            Self::Result(_) => store.put_entry(&self.key(), &made(&[self.blob()])),
            Self::Set(_) => store.put_set(&self.key(), &self.bytes()),
            Self::Note(_) => store.put_note(&self.key(), &self.bytes()),
        }
    }

    /// Whether it is there, and then it is as it should be.
    fn get(self, store: &Disk) -> Result<bool, Error> {
        match self {
            Self::Blob(_) => {
                Ok(store.read(&self.blob())?.inspect(|got| assert_eq!(*got, self.bytes())).is_some())
            }
            Self::Result(_) => {
                Ok(store.entry(&self.key())?.inspect(|got| assert_eq!(*got, made(&[self.blob()]))).is_some())
            }
            Self::Set(_) => {
                Ok(store.sets(&self.key())?.first().inspect(|got| assert_eq!(**got, self.bytes())).is_some())
            }
            Self::Note(_) => {
                Ok(store.note(&self.key())?.inspect(|got| assert_eq!(*got, self.bytes())).is_some())
            }
        }
    }

    /// Its file, from the directory of the store on.
    fn path(self) -> PathBuf {
        let (dir, id) = match self {
            Self::Blob(_) => ("blobs", self.blob().digest),
            Self::Result(_) => ("results", self.key()),
            Self::Set(_) => ("sets", self.key()),
            Self::Note(_) => ("notes", self.key()),
        };
        let path = Path::new("v2").join(dir).join(&id.hex()[..2]).join(id.hex());
        if let Self::Set(_) = self { path.join(self.blob().digest.hex()) } else { path }
    }
}
