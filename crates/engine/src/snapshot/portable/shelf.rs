//! The portable proofs in a build directory: one for each request that was made lately.

use std::fs;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk;

use super::super::draft::put_whole;
use super::super::{MOST, all_in, own_directory};
use super::Portable;
use crate::error::{At, Error};

/// Their directory in a build directory.
const DIRECTORY: &str = "proofs";
/// How large one is at most; what is larger counts as none.
const LARGEST: u64 = 64 << 20;

/// Where the proof for a request lies.
fn place(build: &Path, request: &Digest) -> PathBuf {
    build.join(DIRECTORY).join(&request.hex()[..16])
}

/// Whether there is a proof for a request in the build directory at `build`.
pub fn is_there(build: &Path, request: &Digest) -> bool {
    place(build, request).symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST)
}

/// The proof for a request in the build directory at `build`; none if there is none that can be read.
pub fn read(build: &Path, request: &Digest) -> Option<Portable> {
    let path = place(build, request);
    if !is_there(build, request) {
        return None;
    }
    Portable::decode(&disk::read(&path).ok()?).ok()
}

/// Removes the proof for a request, which is not true any more.
pub fn remove(build: &Path, request: &Digest) {
    let _ = fs::remove_file(place(build, request));
}

impl Portable {
    /// Writes it into the build directory at `build`. Those that know of other actions go, and the oldest.
    pub(in super::super) fn keep(&self, build: &Path) -> Result<(), Error> {
        let path = place(build, &self.terms.request);
        let directory = build.join(DIRECTORY);
        own_directory(&directory)?;
        let mut others = Vec::new();
        for other in all_in(&directory).into_iter().filter(|other| *other != path) {
            let bytes = disk::read(&other).unwrap_or_default();
            match Self::decode(&bytes) {
                Ok(proof) if proof.terms.keys == self.terms.keys => {
                    let changed = fs::symlink_metadata(&other).and_then(|meta| meta.modified()).ok();
                    others.push((changed, other));
                }
                _ => drop(fs::remove_file(other)),
            }
        }
        others.sort();
        let over = others.len().saturating_sub(MOST - 1);
        for (_, other) in others.into_iter().take(over) {
            let _ = fs::remove_file(other);
        }
        put_whole(&path, &self.encode()).at("write", &path)
    }

    /// As it goes into a store; none if it is of no use there. A store has the record of the build.
    pub fn for_store(&self) -> Option<Vec<u8>> {
        let proof = || Self { build: None, ..self.clone() };
        self.terms.in_store.then(|| proof().encode())
    }
}
