//! What a pack takes out of a store, and how it brings things into one. Nothing counts as used by being taken out.

use std::io::{self, Read};
use std::path::Path;

use rekindle_fingerprint::digest::{Blob, Digest};
use tempfile::TempDir;

use super::blob::pieces;
use super::files::{Found, Look};
use super::layout::{Kind, Name};
use super::sets::{Time, time};
use super::{Disk, payload};
use crate::error::{At, Error};
use crate::result::Entry;

/// So many bytes of a blob tell what it is like.
const HEAD: usize = 20;

/// How a blob starts; shorter ones are filled with zeros.
pub(crate) type Head = [u8; HEAD];

/// Why a blob was not taken out.
pub(crate) enum Taking {
    /// It is gone, or is not what its name says and was set aside.
    Gone,
    /// It could not be written where it was to go.
    To(io::Error),
    /// The store is in trouble.
    Store(Error),
}

impl Disk {
    /// How a blob starts; none if it is not there with its size.
    pub(crate) fn head_of(&self, blob: &Blob) -> Result<Option<Head>, Error> {
        let Some(mut found) = self.found(&Name::of(Kind::Blob, blob.digest))? else { return Ok(None) };
        let mut head = [0; HEAD];
        let length = usize::try_from(blob.size).unwrap_or(HEAD).min(HEAD);
        let is_read = found.size() == blob.size && found.file.read_exact(&mut head[..length]).is_ok();
        Ok(is_read.then_some(head))
    }

    /// Whether a blob is there with its size. It does not count as used.
    pub(crate) fn blob_there(&self, blob: &Blob) -> Result<bool, Error> {
        let found = self.found(&Name::of(Kind::Blob, blob.digest))?;
        Ok(found.is_some_and(|found| found.size() == blob.size))
    }

    /// Gives the bytes of a blob, and checks them.
    pub(crate) fn take_out(
        &self,
        blob: &Blob,
        mut to: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Taking> {
        let name = Name::of(Kind::Blob, blob.digest);
        let mut found = self.found(&name).map_err(Taking::Store)?.ok_or(Taking::Gone)?;
        let mut failed = None;
        let digest = pieces(&mut found.file, blob.size, |piece| {
            to(piece).map_err(|error| {
                let kind = error.kind();
                failed = Some(error);
                kind.into()
            })
        });
        if let Some(error) = failed {
            return Err(Taking::To(error));
        }
        if found.size() == blob.size && digest.is_ok_and(|digest| digest == blob.digest) {
            return Ok(());
        }
        let _ = self.damaged(&name, Some(&found.stat), super::blob::NOT_ITS_NAME);
        Err(Taking::Gone)
    }

    /// What is known of an action.
    pub(crate) fn entry_there(&self, action: &Digest) -> Result<Option<Entry>, Error> {
        self.peek(&Name::of(Kind::Result, *action))
    }

    /// An input set, and when it was put.
    pub(crate) fn set_there(&self, key: &Digest, set: &Digest) -> Result<Option<(Time, Vec<u8>)>, Error> {
        let there = self.sealed_there(&Name::set(*key, *set))?;
        Ok(there.filter(|(_, payload)| Digest::of(payload) == *set))
    }

    /// A note.
    pub(crate) fn note_there(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.sealed_there(&Name::of(Kind::Note, *key))?.map(|(_, payload)| payload))
    }

    /// Whether a record of a build is there.
    pub(crate) fn has_build(&self, name: &Digest) -> Result<bool, Error> {
        Ok(self.found(&Name::of(Kind::Build, *name))?.is_some())
    }

    fn sealed_there(&self, name: &Name) -> Result<Option<(Time, Vec<u8>)>, Error> {
        let Some(mut found) = self.found(name)? else { return Ok(None) };
        match payload(name, &mut found) {
            Ok(payload) => Ok(Some((time(&found.stat), payload))),
            Err(what) => {
                let _ = self.damaged(name, Some(&found.stat), what);
                Ok(None)
            }
        }
    }

    fn found(&self, name: &Name) -> Result<Option<Found>, Error> {
        match self.look(name)? {
            Look::File(found) => Ok(Some(found)),
            Look::Absent | Look::Wrong(_) => Ok(None),
        }
    }

    /// # Errors
    /// The store cannot be written.
    pub(crate) fn can_be_written(&self) -> Result<(), Error> {
        let refused = || Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem)).at("write in", &self.inner);
        if self.read_only { refused() } else { Ok(()) }
    }

    /// A directory for what comes into the store. It goes with what is left in it when this is dropped; if the process
    /// is killed, the trim removes it.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn staging(&self) -> Result<TempDir, Error> {
        let made = tempfile::Builder::new().prefix("import-").tempdir_in(&self.temporary);
        made.at("write in", &self.temporary)
    }

    /// How many bytes the store may take.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// How many bytes fit on the disk.
    pub(crate) fn free(&self) -> Result<u64, Error> {
        let stat = rustix::fs::statvfs(&self.temporary).map_err(io::Error::from);
        let stat = stat.at("look at", &self.temporary)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// That something does not fit on the disk.
    pub(crate) fn is_full(&self) -> Error {
        let source = io::ErrorKind::StorageFull.into();
        Error::Io { verb: "write in", path: self.temporary.clone(), source }
    }

    /// Takes over the file at `from`, which lies in a directory of [`Disk::staging`] and holds the bytes of the blob.
    ///
    /// # Errors
    /// The store cannot be written.
    pub(crate) fn adopt_blob(&self, blob: &Blob, from: &Path) -> Result<(), Error> {
        self.adopt(&Name::of(Kind::Blob, blob.digest), from)?;
        self.account_of(blob.size);
        Ok(())
    }
}
