//! A store that was damaged: nothing wrong comes out of it, it says so, and what was damaged is made anew.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rekindle_testkit::{Built, Space, Tree, copy_tree};

use crate::kit::{ALL, Random, project};

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// All but its first half is gone.
    HalfGone,
    /// All of it is gone.
    Emptied,
    /// One byte too many.
    Longer,
    /// One bit is another.
    Flipped,
    /// Every byte is zero.
    Zeroed,
    /// It has the content of another file of its kind.
    Swapped,
    /// It is not there.
    Deleted,
    /// A directory is in its place.
    Directory,
    /// A link to itself is in its place.
    Loop,
}

const HARMS: [Harm; 9] = [
    Harm::HalfGone,
    Harm::Emptied,
    Harm::Longer,
    Harm::Flipped,
    Harm::Zeroed,
    Harm::Swapped,
    Harm::Deleted,
    Harm::Directory,
    Harm::Loop,
];

impl Harm {
    fn befalls(self, file: &Path, other: &Path, random: &mut Random) {
        let mut bytes = fs::read(file).unwrap();
        let length = bytes.len();
        match self {
            Self::HalfGone => bytes.truncate(length / 2),
            Self::Emptied => bytes.clear(),
            Self::Longer => bytes.push(0),
            Self::Flipped if length > 0 => {
                bytes[random.below(length as u64) as usize] ^= 1 << random.below(8);
            }
            Self::Flipped => bytes.push(1),
            Self::Zeroed => bytes.fill(0),
            Self::Swapped => bytes = fs::read(other).unwrap(),
            Self::Deleted | Self::Directory | Self::Loop => {}
        }
        fs::remove_file(file).unwrap();
        match self {
            Self::Deleted => {}
            Self::Directory => fs::create_dir(file).unwrap(),
            Self::Loop => std::os::unix::fs::symlink(file, file).unwrap(),
            _ => {
                fs::write(file, bytes).unwrap();
                fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap();
            }
        }
    }
}

/// A store in which a project was built, and what came out.
struct Filled {
    space: Space,
    clean: Tree,
    pristine: PathBuf,
    files: Vec<PathBuf>,
}

impl Filled {
    fn new() -> Self {
        let mut space = project();
        let store = space.base().join("store");
        space.use_store(&store);
        space.build(&[]).ok().assert_kinds(ALL, "-");
        let clean = space.outputs();
        space.assert_like_clean(&["--no-store"]);
        let pristine = space.base().join("pristine");
        copy_tree(&store, &pristine);
        let is_named = |path: &&Path| path.components().count() > 2;
        let files: Vec<PathBuf> =
            Tree::of(&pristine).paths().filter(is_named).map(Path::to_path_buf).collect();
        Self { space, clean, pristine, files }
    }

    fn store(&self) -> PathBuf {
        self.space.base().join("store")
    }

    /// The files of each kind: `v2/KIND/...`.
    fn kinds(&self) -> Vec<Vec<PathBuf>> {
        let mut kinds: Vec<Vec<PathBuf>> = Vec::new();
        for file in &self.files {
            let folder = |path: &Path| path.components().take(2).collect::<PathBuf>();
            match kinds.iter_mut().find(|kind| folder(&kind[0]) == folder(file)) {
                Some(kind) => kind.push(file.clone()),
                None => kinds.push(vec![file.clone()]),
            }
        }
        kinds
    }

    /// Harms these files of a whole store.
    fn harm(&self, harm: Harm, files: &[PathBuf], random: &mut Random) {
        fs::remove_dir_all(self.store()).unwrap();
        copy_tree(&self.pristine, &self.store());
        for (at, file) in files.iter().enumerate() {
            let other = &files[(at + 1) % files.len()];
            harm.befalls(&self.store().join(file), &self.pristine.join(other), random);
        }
    }

    /// Builds in a clean directory: right, whatever the store is like.
    #[track_caller]
    fn build_anew(&self, what: &str) -> Built {
        self.space.remove_if_there(".rekindle");
        let built = self.space.build_at_once(&[]);
        built.ok();
        let difference = self.space.outputs().difference(&self.clean);
        assert!(
            difference.is_empty(),
            "{what}: unlike a clean build (the second):\n{difference}{}",
            built.story()
        );
        built
    }
}

/// How often a run said that something was damaged.
fn complaints(built: &Built) -> usize {
    built.stderr.matches("was damaged").count()
}

#[test]
fn every_kind_of_file_harmed_in_every_way_is_noticed_and_made_anew() {
    let filled = Filled::new();
    let mut random = Random(3);
    let kinds = filled.kinds();
    assert_eq!(kinds.len(), 5, "blobs, builds, notes, results, sets: {kinds:#?}");
    let mut noticed = 0;
    for kind in &kinds {
        for harm in HARMS {
            filled.harm(harm, kind, &mut random);
            let what = format!("{harm:?}, all {} files like {}", kind.len(), kind[0].display());
            let first = filled.build_anew(&what);
            noticed += complaints(&first);
            let ran = first.summary().ran.total();
            // What ran was damaged, and that is told unless nothing was there any more.
            assert!(
                ran == 0 || harm == Harm::Deleted || first.stderr.contains("store"),
                "{what}\n{}",
                first.story()
            );
            let second = filled.build_anew(&what);
            second.assert_restored(ALL);
            assert_eq!(complaints(&second), 0, "{what}: once is enough\n{}", second.story());
        }
    }
    assert!(noticed > 0, "nothing was ever noticed");
}

#[test]
fn single_files_harmed_at_random_are_noticed_and_made_anew() {
    let filled = Filled::new();
    let mut random = Random(4);
    for round in 0..60 {
        let harm = HARMS[random.below(HARMS.len() as u64) as usize];
        let file = filled.files[random.below(filled.files.len() as u64) as usize].clone();
        let what = format!("round {round}: {harm:?}, {}", file.display());
        let mut alike = filled.kinds().into_iter().find(|kind| kind.contains(&file)).unwrap();
        alike.retain(|other| *other != file);
        // There is one record of a build alone.
        let other = (!alike.is_empty()).then(|| alike[random.below(alike.len() as u64) as usize].clone());
        let harmed: Vec<PathBuf> = [file].into_iter().chain(other).collect();
        filled.harm(harm, &harmed, &mut random);
        filled.build_anew(&what);
        filled.build_anew(&what).assert_restored(ALL);
    }
}

#[test]
fn what_was_damaged_is_kept_aside_and_verifying_finds_the_rest_whole() {
    let filled = Filled::new();
    let mut random = Random(5);
    for kind in filled.kinds() {
        filled.harm(Harm::Flipped, &kind, &mut random);
        let what = format!("all {} files like {}", kind.len(), kind[0].display());
        filled.build_anew(&what);
        let verified = filled.space.run(&["cache", "verify"]).done();
        verified.ok();
        filled.build_anew(&what).assert_restored(ALL);
    }
}

#[test]
fn what_the_store_keeps_for_itself_may_be_harmed_in_every_way_too() {
    let filled = Filled::new();
    let mut random = Random(6);
    // As a trim leaves it.
    fs::write(filled.pristine.join("v2/lock"), "").unwrap();
    for file in ["CACHEDIR.TAG", "v2/usage", "v2/lock"] {
        for harm in HARMS {
            let what = format!("{harm:?}, {file}");
            filled.harm(harm, &[PathBuf::from(file)], &mut random);
            let built = filled.build_anew(&what);
            // Without its tag it is no store any more, and that is told; nothing else is of use to a build.
            let is_told = built.stderr.contains("store");
            assert!(built.summary().ran.total() == 0 || is_told, "{what}\n{}", built.story());
            filled.build_anew(&what);
        }
    }
}
