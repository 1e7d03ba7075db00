//! The portable proof: what a snapshot says, without anything that belongs to one machine or one place, so that a build
//! directory or a store that was carried elsewhere proves there that nothing is to be done.
//!
//! It is made with the snapshot of a build that went the whole way, and says less: which paths were looked at, by the
//! names of their roots, and *one* digest of what they all held, in order; what else was asked of the disk; what else
//! decided (the request, the toolchains, variables, how the roots lie to each other). Who starts a build elsewhere loads
//! the manifest and finds the toolchains in the ordinary way, reads everything that is named here, and asks again. If all
//! of it is the same, every action would be judged fresh, or restored, and nothing is judged.
//!
//! **When that does not hold it is not made, or bound to its place.** What is local, volatile or unprovable is never
//! proved elsewhere. A bound result holds where its roots lie as they did. And lowering is not done again, so what it did
//! must not depend on where things lie: if the manifest or what else is text in it says `..` or the absolute path of a
//! root, or if anything was looked at that lies in no root, the proof holds only where all roots lie as they did.
//!
//! It is data, perhaps from elsewhere. Nothing is run, read as anything but bytes, or deleted because of it. It names
//! files to be written in one case alone: in an empty build directory the outputs that were asked for are taken out of
//! the store, each to a path below that directory which is none of ours. See `docs/format/portable.md`.

mod check;
mod format;
mod make;
mod place;
mod shelf;

use std::path::PathBuf;

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::disk::{self, NameKind};
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::roots::Roots;
use rekindle_store::Build;

pub use check::{Checked, Found, Here, SeenThere, Way};
pub(super) use make::Outputs;
pub use make::Travel;
pub use shelf::{is_there, read, remove};

/// What a portable proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portable {
    terms: Terms,
    inputs: Paths,
    /// What they all held.
    held: Digest,
    outputs: Paths,
    made: Digest,
    /// The outputs that lie at their places although others are left in the store.
    placed: Vec<Placed>,
    asked: Vec<Asked>,
    /// What actions have to say, as [`super::terms::encode_replays`] writes it.
    replays: Vec<u8>,
    /// What the build used of a store; for a proof that lies in a build directory.
    build: Option<Build>,
}

/// What it depends on besides files, and what is told if it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms {
    /// The digest of all that the caller says, portably.
    request: Digest,
    /// The digest of what the toolchains are.
    toolchains: Digest,
    /// How the roots lie to each other: see [`arrangement`].
    arrangement: Digest,
    /// Where all roots lie, if it holds there alone.
    places: Option<Digest>,
    /// The names of the roots of paths.
    roots: Vec<String>,
    variables: Vec<(Vec<u8>, Option<Digest>)>,
    processor: Option<Digest>,
    /// The roots that results are bound to, and where those lie.
    bound_to: Vec<(Vec<String>, Digest)>,
    /// What names all actions of which the build directory has stamps.
    keys: Digest,
    kinds: Vec<u64>,
    bound: Vec<(String, bool, u64)>,
    /// Whether a store has everything, so that it holds in an empty build directory too.
    in_store: bool,
    /// The name of the build's record.
    record: Digest,
}

/// Paths, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Paths {
    text: Vec<u8>,
    list: Vec<Path>,
}

/// A path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Path {
    /// The number of its root.
    root: u16,
    /// Whether a file lies there; else nothing does.
    there: bool,
    start: u32,
    length: u32,
}

/// An output that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Placed {
    /// Its number among the outputs.
    output: u32,
    blob: Blob,
    executable: bool,
}

/// Something that was asked of the disk, and the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    root: u16,
    rel: PathBuf,
    question: u8,
    answer: Said,
    /// Whether it is asked of a build directory alone that was carried: in an empty one the answer follows from what lies
    /// in it.
    carried: bool,
}

/// An answer that says nothing of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Refused,
    Directory,
    /// A file: its kind, and whether anybody may execute it.
    File(u32, bool),
    /// A link's text.
    Text(PathBuf),
    Names(Digest),
    /// A path below a root.
    Path(u16, PathBuf),
    /// The directory with this number.
    Identity(u32),
    /// A directory of ours above the build directory, in which nothing but ours is: see [`is_ours`].
    Ours,
}

/// Whether `path` is `.rekindle` or `.rekindle/build`, above the build directory at `build`, and holds nothing but
/// directories and a pack. Which profiles were built, and where a store is, is no affair of any build.
fn is_ours(path: &std::path::Path, build: &std::path::Path) -> bool {
    let builds = build.parent();
    let top = builds.and_then(std::path::Path::parent);
    let is_top = top.and_then(std::path::Path::file_name).is_some_and(|name| name == ".rekindle");
    let is_one = is_top && [builds, top].contains(&Some(path));
    let own = |name: &disk::Name| name.kind == NameKind::Directory || name.name == "rekindle.pack";
    is_one && disk::names(path).is_ok_and(|names| names.iter().all(own))
}

impl Paths {
    fn push(&mut self, root: u16, there: bool, rel: &[u8]) -> Option<()> {
        let start = u32::try_from(self.text.len()).ok()?;
        let length = u32::try_from(rel.len()).ok()?;
        self.text.extend_from_slice(rel);
        self.list.push(Path { root, there, start, length });
        Some(())
    }

    fn rel(&self, path: &Path) -> &[u8] {
        let start = path.start as usize;
        self.text.get(start..start + path.length as usize).unwrap_or_default()
    }
}

/// The digest of what paths held: domain `rekindle held 1`; for each, in order: 0 if nothing is there, else 1 or, if
/// anybody may execute it, 2; and then digest and size. The paths themselves are in the proof.
fn held(all: impl Iterator<Item = Option<(Blob, bool)>>) -> Digest {
    let mut e = Encoder::for_digest("rekindle held 1");
    for one in all {
        match one {
            None => e.u8(0),
            Some((blob, executable)) => e.u8(1 + u8::from(executable)).digest(&blob.digest).u64(blob.size),
        };
    }
    e.finish()
}

/// The digest of how roots lie to each other: domain `rekindle arrangement 1`; for each that names paths, by name: its
/// name, which subtrees belong to it, its path if that is a place of the system, and in which others it lies, and where there.
pub fn arrangement(roots: &Roots) -> Digest {
    use std::os::unix::ffi::OsStrExt;
    let counts = |root: &rekindle_fingerprint::roots::Root| root.is_placed() && root.names_paths();
    let others = roots.iter().filter(|(id, root)| *id != Roots::OUTSIDE && counts(root));
    let mut all: Vec<_> = others.collect();
    all.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
    let mut e = Encoder::for_digest("rekindle arrangement 1");
    for (id, root) in &all {
        e.bytes(root.name.as_bytes());
        e.list(&root.within, |e, within| {
            e.bytes(within.as_os_str().as_bytes());
        });
        e.bytes(if root.is_system() { root.path.as_os_str().as_bytes() } else { b"" });
        let mut within: Vec<(&str, &std::path::Path)> = Vec::new();
        for place in std::iter::once(&root.path).chain(&root.spellings) {
            for (_, other) in all.iter().filter(|(other, _)| other != id) {
                for base in std::iter::once(&other.path).chain(&other.spellings) {
                    let Ok(rel) = place.strip_prefix(base) else { continue };
                    if other.within.is_empty() || other.within.iter().any(|within| rel.starts_with(within)) {
                        within.push((&other.name, rel));
                    }
                }
            }
        }
        within.sort();
        within.dedup();
        e.list(&within, |e, (name, rel)| {
            e.bytes(name.as_bytes()).bytes(rel.as_os_str().as_bytes());
        });
    }
    e.finish()
}
