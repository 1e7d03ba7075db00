//! Was this made before?
//!
//! **What it is.** Two things, each a trait: [`Cas`] keeps blobs under the digests of their content, [`ActionCache`]
//! keeps what actions gave under the digests of everything that they depend on. [`disk::Disk`] is both, in one
//! directory that many processes share without a daemon; [`memory::Memory`] is both for as long as a process lives,
//! and keeps the traits honest.
//!
//! **What it promises.** What is read is what was put: a blob is checked against its name, everything else against a
//! checksum that covers the name under which it lies. What does not match is never served; it is set aside
//! ([`Error::Damaged`]), and counts as absent from then on. Entries appear whole or not at all, and may go at any time.
//!
//! **What it does not know.** What a result means: compilers, files of a project, graphs. It never looks at a file
//! outside its own directory but for those that it is told to take ([`products`]) or to write.
//!
//! ```
//! use rekindle_fingerprint::digest::{Blob, Digest};
//! use rekindle_store::{ActionCache, ActionResult, Cas, Entry, Product, memory::Memory};
//!
//! # fn main() -> Result<(), rekindle_store::Error> {
//! let store = Memory::default();
//! let blob = Blob::of(b"object");
//! store.put(&blob, b"object")?;
//! let made = ActionResult { products: vec![Product { blob, executable: false }], ..ActionResult::default() };
//! let action = Digest::of(b"everything that it depends on");
//! store.put_entry(&action, &Entry::Made(made.clone()))?;
//! assert_eq!(store.entry(&action)?, Some(Entry::Made(made)));
//! assert_eq!(store.read(&blob)?.as_deref(), Some(&b"object"[..]));
//! # Ok(())
//! # }
//! ```

use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::{Blob, Digest};

pub mod build;
pub mod disk;
pub mod error;
pub mod memory;
pub mod pack;
pub mod products;
pub mod result;

pub use build::Build;
pub use disk::Disk;
pub use error::Error;
pub use result::{ActionResult, Entry, Origin, Product};

/// Blobs under the digests of their content (content-addressed storage).
pub trait Cas: Send + Sync {
    /// Whether a blob is there, as far as its name and size tell.
    ///
    /// # Errors
    /// The store cannot be read.
    fn holds(&self, blob: &Blob) -> Result<bool, Error>;

    /// The bytes of a blob; none if it is not there.
    ///
    /// # Errors
    /// The store cannot be read; [`Error::Damaged`] if the bytes are not those of the blob.
    fn read(&self, blob: &Blob) -> Result<Option<Vec<u8>>, Error>;

    /// Writes a blob to the file `to`, whose directory exists, in the place of what may be there, by an atomic rename.
    /// The file belongs to the caller: it can be written to, and what is done to it does not reach the store. Tells
    /// whether the blob was there; if not, nothing was touched.
    ///
    /// # Errors
    /// As [`Cas::read`]; or `to` cannot be written ([`Error::Place`]). Nothing was touched then either.
    fn write_to(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error>;

    /// As [`Cas::write_to`], for a file that the caller moves to its place when it is whole: `to` must not be there yet,
    /// and a process that is killed may leave it there in part.
    ///
    /// # Errors
    /// As [`Cas::write_to`]; nothing lies at `to` then.
    fn write_draft(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        self.write_to(blob, to, executable)
    }

    /// Puts a blob, whose content is `bytes`, and tells whether it was not there before.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put(&self, blob: &Blob, bytes: &[u8]) -> Result<bool, Error>;
}

/// What actions gave, under the digests of everything that they depend on.
pub trait ActionCache: Send + Sync {
    /// The input sets under a first-level key, the one that was put last first. What a set says is the caller's.
    ///
    /// # Errors
    /// The store cannot be read. A set that is damaged is set aside and left out.
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error>;

    /// Adds an input set under a first-level key; one that is there already becomes the newest.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error>;

    /// What is known of an action.
    ///
    /// # Errors
    /// The store cannot be read; [`Error::Damaged`].
    fn entry(&self, action: &Digest) -> Result<Option<Entry>, Error>;

    /// Puts what is known of an action, in the place of what was known. The blobs of a result are put before it.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_entry(&self, action: &Digest, entry: &Entry) -> Result<(), Error>;

    /// Forgets an action: a blob of its result is gone, say, or a person wants it so.
    ///
    /// # Errors
    /// The store cannot be written.
    fn remove_entry(&self, action: &Digest) -> Result<(), Error>;

    /// A note: an answer that a toolchain gave, under the digest of the question and of all that it depends on.
    ///
    /// # Errors
    /// The store cannot be read; [`Error::Damaged`].
    fn note(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error>;

    /// Puts a note, in the place of what is there.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_note(&self, key: &Digest, note: &[u8]) -> Result<(), Error>;

    /// Puts the record of a build, which is the last one then, and gives its name.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_build(&self, build: &Build) -> Result<Digest, Error>;

    /// The record of a build.
    ///
    /// # Errors
    /// The store cannot be read; [`Error::Damaged`].
    fn build(&self, name: &Digest) -> Result<Option<Build>, Error>;

    /// Says that a build which is recorded was done again, so that it is the last one; `false` if it is not recorded. In
    /// a store that cannot be written nothing is noted, and that is no error.
    ///
    /// # Errors
    /// The store cannot be read.
    fn use_build(&self, name: &Digest) -> Result<bool, Error>;
}

/// Both, and where it is.
pub trait Store: Cas + ActionCache {
    /// The directory that it lies in, for people; none if it lies in no directory.
    fn place(&self) -> Option<PathBuf>;
}
