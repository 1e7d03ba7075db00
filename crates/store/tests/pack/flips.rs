//! A pack that was damaged on the way.

use std::fs;

use rekindle_store::pack::{Content, Error, import};

use rekindle_testkit::Tree;

use crate::forge::{Sample, squeeze};
use crate::{store, things, unfinished};

/// A store that is empty again after each try.
struct Tries {
    dir: tempfile::TempDir,
    empty: Tree,
}

impl Tries {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        drop(store(&dir.path().join("store")));
        let empty = things(&dir.path().join("store"));
        Self { dir, empty }
    }

    /// What a store holds that got `bytes`.
    fn take(&self, bytes: &[u8]) -> Result<Tree, Error> {
        let (path, file) = (self.dir.path().join("store"), self.dir.path().join("pack"));
        fs::write(&file, bytes).unwrap();
        let disk = store(&path);
        let done = import(&disk, &file, Content::All);
        let now = things(&path);
        assert_eq!(unfinished(&path), 0);
        if done.is_ok() {
            assert!(disk.verify().unwrap().damaged.is_empty());
            fs::remove_dir_all(path.join("v2")).unwrap();
        } else {
            assert_eq!(now.difference(&self.empty), "");
        }
        done.map(|_| now)
    }
}

#[test]
fn a_pack_that_is_cut_off_anywhere_is_refused() {
    let tries = Tries::new();
    let bytes = squeeze(&Sample::good().archive());
    for end in 0..bytes.len() {
        let error = tries.take(&bytes[..end]).unwrap_err();
        assert!(matches!(error, Error::Bad { .. }), "{end}: {error}");
    }
    tries.take(&bytes).unwrap();
}

#[test]
fn a_pack_with_a_bit_flipped_is_refused_or_gives_the_same() {
    let tries = Tries::new();
    let bytes = squeeze(&Sample::good().archive());
    let whole = tries.take(&bytes).unwrap();
    let mut same = 0;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match tries.take(&flipped) {
            Ok(taken) => {
                assert_eq!(taken.difference(&whole), "", "bit {bit}");
                same += 1;
            }
            Err(error) => {
                assert!(matches!(error, Error::Bad { .. } | Error::Newer { .. }), "bit {bit}: {error}");
            }
        }
    }
    // Some bits of tables of the compression make no difference.
    assert!(same < bytes.len() / 8, "{same} flips are not noticed");
}

#[test]
fn an_archive_with_a_byte_changed_is_refused_or_is_a_whole_pack_of_something_else() {
    let tries = Tries::new();
    let archive = Sample::good().archive();
    let mut others = 0;
    // Of each kind of byte; headers are tried bit by bit where they are read.
    for at in (0..archive.len()).filter(|at| archive[*at] != 0 || at % 16 == 0) {
        let mut changed = archive.clone();
        changed[at] ^= 0x41;
        match tries.take(&squeeze(&changed)) {
            Ok(_) => others += 1,
            Err(error) => {
                assert!(matches!(error, Error::Bad { .. } | Error::Newer { .. }), "byte {at}: {error}");
            }
        }
    }
    // Names of results, what they were made of, blobs: these may be any.
    assert!((50..500).contains(&others), "{others}");
}
