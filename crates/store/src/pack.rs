//! Packs: what builds used, taken out of one store into one file, and brought into another.
//!
//! A pack is a tar archive in zstd with three members; `docs/format/pack.md` is its format. It holds nothing of the
//! machine that made it: no times, owners, places. What is in it is not believed: names are made of what came, not read.
//!
//! ```
//! use std::time::UNIX_EPOCH;
//!
//! use rekindle_fingerprint::digest::Blob;
//! use rekindle_store::disk::{Disk, Settings};
//! use rekindle_store::{ActionCache, ActionResult, Cas, Entry, Product, pack};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let settings = Settings { now: UNIX_EPOCH, limit: 1 << 30 };
//! let store = Disk::open(&dir.path().join("store"), settings)?;
//! let blob = Blob::of(b"object");
//! store.put(&blob, b"object")?;
//! let made = ActionResult { products: vec![Product { blob, executable: false }], ..ActionResult::default() };
//! store.put_entry(&blob.digest, &Entry::Made(made))?;
//!
//! let file = dir.path().join("pack");
//! pack::export(&store, None, &file)?;
//! let other = Disk::open(&dir.path().join("other"), settings)?;
//! pack::import(&other, &file, pack::Content::All)?;
//! assert_eq!(other.read(&blob)?.as_deref(), Some(&b"object"[..]));
//! # Ok(())
//! # }
//! ```

mod error;
mod export;
mod frame;
mod head;
mod import;
mod index;
mod plan;
mod stage;
mod survey;
mod tar;

pub use error::Error;
pub use export::{Missing, Packed, export};
pub use import::{Content, Imported, import};

/// The number of the format.
const FORMAT: u64 = 1;

/// The members, in their order.
const MEMBERS: [&str; 3] = ["rekindle-pack", "index", "blobs"];

/// A pack has at most so many blobs, so many results, and so on.
const MOST: u64 = 1 << 20;

/// All results and records of builds together name at most so many things. In a store each takes up to 41 bytes, in a
/// pack 4 that may shrink to nothing.
const MOST_NAMED: u64 = 1 << 26;

/// What a thing that is named takes in a store.
const NAMED: u64 = 41;

/// The longest index.
const LONGEST_INDEX: u64 = 4 << 30;

/// The window of the compression: 2 to this many bytes are what a reader needs.
const WINDOW: u32 = 27;

/// A pack of `size` bytes holds at most so many: more is not what compilers write, but a bomb.
const fn most_in(size: u64) -> u64 {
    size.saturating_mul(1000).saturating_add(64 << 20)
}
