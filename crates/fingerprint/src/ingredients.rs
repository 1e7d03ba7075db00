//! Ingredients: of what a result was made, as plain data, for who wants to know why another place has no such result.
//!
//! Everything that enters a [`crate::key::FirstKey`] or an [`crate::key::ActionDigest`] is among them, so equal
//! ingredients mean equal keys, as far as short digests tell. Nothing is ever concluded from them: a result is found by
//! its digest alone, and these say in words what such a digest was made of. Contents are kept as [`Short`] digests, for
//! what looks like chance does not pack; texts are kept as they are.
//!
//! | ingredient | where a key has it |
//! |---|---|
//! | rules' version, kind, products, arguments, environment, directory | [`crate::key::RULES`], [`Command`] |
//! | the digest of the toolchain's identity; its parts are a note of their own ([`parts_name`]) | [`Action::identity`] |
//! | declared inputs and their contents, which may be executed | [`Action::inputs`] |
//! | discovered inputs and their contents, or that they are absent; which are read when linking | [`crate::key::InputSet`] |
//! | where is searched, from where, for what, what was read so, what is found | [`Lookups`] |
//! | how it is found out what is read | [`crate::action::Discovery`] |
//! | roots at system places; to which places the result is bound | key; [`Bound`] |

mod bytes;
mod differences;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::action::{Action, ActionKind, Command, DepfileFormat, Identity};
use crate::digest::Digest;
use crate::encode::Encoder;
use crate::files::{ContentId, Files, PathId, TextId};
use crate::key::{RULES, at_system_places};
use crate::lookup::{Lookups, Search};
use crate::roots::{Root, Roots};
use crate::scan::Probe;
use crate::stamp::{Bound, Holds, Stamp};

pub use bytes::{Unreadable, decode_parts};
pub use differences::{Difference, Name, Value, What};

/// The first bytes of a digest: enough to tell two contents apart for a person, and few enough to keep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Short(pub [u8; 8]);

impl From<&Digest> for Short {
    fn from(digest: &Digest) -> Self {
        let mut short = [0; 8];
        short.copy_from_slice(&digest.0[..8]);
        Self(short)
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A path by the name of its root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// The name of its root.
    pub root: Arc<str>,
    /// The rest of it.
    pub rel: Arc<[u8]>,
}

impl Named {
    /// How a person sees it: as [`Files::show`] does, where the root is known here.
    pub fn show(&self, roots: &Roots) -> String {
        let rel = String::from_utf8_lossy(&self.rel);
        let known = roots.by_name(&self.root).map(|id| roots.get(id));
        if self.root.as_ref() == roots.get(Roots::WORKSPACE).name {
            return if rel.is_empty() { ".".into() } else { rel.into_owned() };
        }
        match known {
            Some(root) if root.is_system() => root.path.join(&*rel).display().to_string(),
            _ => format!("{}:{rel}", self.root),
        }
    }
}

/// What a path held when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// Nothing is there.
    Absent,
    /// A file with this content.
    Content(Short),
    /// Nobody knows before another action has made it. Only who looks ahead has this; it is not kept.
    ToCome,
}

/// How it is found out what an action reads besides its declared inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// How each depfile is read: 0 make, 1 assembler, 2 trace.
    pub depfiles: Vec<u8>,
    /// Whether sources are scanned; whether depfiles name `.incbin` payloads; whether they are read by the link.
    pub flags: [bool; 3],
    /// Names that are searched besides.
    pub also_searched: Vec<Text>,
    /// Mentions of a time that is fixed.
    pub fixed: u16,
    /// The roots that lie where every machine has a directory, and where that is.
    pub places: Vec<(Box<str>, Text)>,
}

/// What was searched and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// The directories, in order.
    pub dirs: Vec<Named>,
    /// Whether the directory of each file that was read is searched too.
    pub near: bool,
    /// Directories that were searched before them.
    pub from: Vec<Named>,
    /// What was read by searching.
    pub read: Vec<Named>,
    /// What was asked for whether or not it was read.
    pub probes: Vec<Probe>,
    /// Directories that are others of them under a second name.
    pub twins: Vec<(Named, Named)>,
    /// Names that are found and were not read: directory, name.
    pub found: Vec<(Named, Text)>,
}

/// To what a result is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundTo {
    /// The names of the roots whose places are in it.
    pub roots: Vec<Box<str>>,
    /// Where those lie.
    pub places: Short,
}

/// A text as a key has it; it need not be UTF-8.
pub type Text = Box<[u8]>;

/// Of what a result was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingredients {
    /// What is known of how commands read their inputs; none if nobody wrote it down.
    pub rules: Option<u32>,
    /// What the action does.
    pub kind: ActionKind,
    /// What it writes: outputs, then links with their targets; as the key has them.
    pub products: Vec<Text>,
    /// Program and arguments, as the key has them.
    pub argv: Vec<Text>,
    /// Keyed environment variables and their values.
    pub env: Vec<(Text, Text)>,
    /// Working directory.
    pub cwd: Text,
    /// The digest of the toolchain's identity.
    pub identity: Option<Digest>,
    /// The declared inputs, in order.
    pub declared: Vec<(Named, Held)>,
    /// Those of them that may be executed, where that counts.
    pub executables: Vec<Named>,
    /// What else it read.
    pub discovered: Vec<(Named, Held)>,
    /// Those that are read only when what it wrote is linked.
    pub deferred: Vec<Named>,
    /// What was searched; none if nothing is.
    pub searched: Option<Searched>,
    /// How it is found out what it reads; none if nobody wrote it down.
    pub way: Option<Way>,
    /// To what it is bound; none if it holds everywhere.
    pub bound: Option<BoundTo>,
}

/// What is seen of an action, to make [`Ingredients`] of.
pub struct Sight<'a> {
    /// What it does.
    pub kind: ActionKind,
    /// Its command.
    pub command: &'a Command,
    /// The digest of its toolchain's identity.
    pub identity: Option<Digest>,
    /// The declared inputs, in order.
    pub declared: Vec<(PathId, Held)>,
    /// Those of them that may be executed.
    pub executables: &'a [PathId],
    /// What else it reads.
    pub discovered: Vec<(PathId, Held)>,
    /// What is read when linking.
    pub deferred: &'a [PathId],
    /// What its searches gave.
    pub lookups: Option<&'a Lookups>,
    /// To what its result is bound.
    pub bound: Option<&'a Bound>,
}

impl Ingredients {
    /// Those of an action that has run, or was restored, as its stamp says.
    pub fn of(action: &Action, stamp: &Stamp, files: &Files) -> Self {
        Self::seen(action, &Sight::of(stamp, files), files)
    }

    /// Those of an action as it is seen.
    pub fn seen(action: &Action, sight: &Sight<'_>, files: &Files) -> Self {
        let mut all = Self::from_sight(sight, files);
        let namer = Namer::new(files);
        all.rules = Some(RULES);
        all.way = Some(way(action, files));
        // The key has the search as the action says it.
        if let Some(search) = &action.discovery.search {
            let searched = all.searched.get_or_insert_default();
            searched.dirs = namer.all(&search.dirs);
            searched.near = search.near;
        }
        all
    }

    /// What a stamp alone says, whose action nobody has.
    pub fn of_stamp(stamp: &Stamp, files: &Files) -> Self {
        Self::from_sight(&Sight::of(stamp, files), files)
    }

    fn from_sight(sight: &Sight<'_>, files: &Files) -> Self {
        let namer = Namer::new(files);
        let text = |id: &TextId| Box::<[u8]>::from(files.text(*id));
        let command = sight.command;
        let deferred = sight
            .deferred
            .iter()
            .filter(|path| sight.discovered.iter().any(|(discovered, _)| discovered == *path));
        Self {
            rules: None,
            kind: sight.kind,
            products: command.produces.iter().map(text).collect(),
            argv: command.argv.iter().map(text).collect(),
            env: command.env.iter().map(|(name, value)| (text(name), text(value))).collect(),
            cwd: text(&command.cwd),
            identity: sight.identity,
            declared: namer.held(&sight.declared),
            executables: namer.all(sight.executables),
            discovered: sorted(namer.held(&sight.discovered)),
            deferred: sorted(deferred.map(|path| namer.name(*path)).collect()),
            searched: sight.lookups.map(|lookups| namer.searched(lookups)),
            way: None,
            bound: sight
                .bound
                .map(|bound| BoundTo { roots: bound.roots.clone(), places: Short::from(&bound.places) }),
        }
    }
}

impl<'a> Sight<'a> {
    /// What a stamp says.
    pub fn of(stamp: &'a Stamp, files: &Files) -> Self {
        let content = |content: ContentId| Held::Content(Short::from(&files.blob(content).digest));
        let discovered = stamp.discovered.iter();
        Self {
            kind: stamp.kind,
            command: &stamp.command,
            identity: stamp.identity,
            declared: stamp.declared.iter().map(|(path, held)| (*path, content(*held))).collect(),
            executables: &stamp.executables,
            discovered: discovered.map(|(path, held)| (*path, held.map_or(Held::Absent, content))).collect(),
            deferred: &stamp.deferred,
            lookups: stamp.lookups.as_ref(),
            bound: match &stamp.holds {
                Holds::AtRoots(bound) => Some(bound),
                Holds::Everywhere | Holds::OnMachine(_) => None,
            },
        }
    }
}

/// Names paths; the name of each root is kept once.
struct Namer<'f> {
    files: &'f Files,
    roots: Vec<Arc<str>>,
}

impl<'f> Namer<'f> {
    fn new(files: &'f Files) -> Self {
        Self { files, roots: files.roots().iter().map(|(_, root)| root.name.as_str().into()).collect() }
    }

    fn name(&self, path: PathId) -> Named {
        use std::os::unix::ffi::OsStrExt;
        Named {
            root: Arc::clone(&self.roots[usize::from(self.files.root(path).0)]),
            rel: self.files.rel(path).as_os_str().as_bytes().into(),
        }
    }

    fn all(&self, paths: &[PathId]) -> Vec<Named> {
        paths.iter().map(|path| self.name(*path)).collect()
    }

    fn held(&self, paths: &[(PathId, Held)]) -> Vec<(Named, Held)> {
        paths.iter().map(|(path, held)| (self.name(*path), *held)).collect()
    }

    fn searched(&self, lookups: &Lookups) -> Searched {
        let Search { dirs, near } = &lookups.search;
        let found = lookups.hits.iter().filter(|hit| hit.file);
        Searched {
            dirs: self.all(dirs),
            near: *near,
            from: sorted(self.all(&lookups.from)),
            read: sorted(self.all(&lookups.read)),
            probes: probes(&lookups.probes),
            twins: lookups.twins.iter().map(|(dir, one)| (self.name(*dir), self.name(*one))).collect(),
            found: sorted(found.map(|hit| (self.name(hit.dir), hit.name.clone())).collect()),
        }
    }
}

/// The same probes in the order of an input set.
fn probes(probes: &[Probe]) -> Vec<Probe> {
    let mut probes = probes.to_vec();
    probes.sort_unstable_by(|a, b| (&a.name, a.angled, a.next).cmp(&(&b.name, b.angled, b.next)));
    probes.dedup();
    probes
}

fn way(action: &Action, files: &Files) -> Way {
    use std::os::unix::ffi::OsStrExt;
    let discovery = &action.discovery;
    let place = |root: &Root| (root.name.as_str().into(), root.path.as_os_str().as_bytes().into());
    Way {
        depfiles: discovery.depfiles.iter().map(code).collect(),
        flags: [discovery.scan, discovery.incbin_in_depfile, discovery.assembled_later],
        also_searched: discovery.also_searched.iter().map(|name| name.as_slice().into()).collect(),
        fixed: discovery.fixed.bits(),
        places: at_system_places(action, files).into_iter().map(place).collect(),
    }
}

fn code(format: &DepfileFormat) -> u8 {
    match format {
        DepfileFormat::Make(_) => 0,
        DepfileFormat::Assembler(_) => 1,
        DepfileFormat::Trace => 2,
    }
}

/// The same list in its canonical order.
fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

/// The name under which a store notes of what parts the identity with this digest was made: domain `rekindle
/// identity parts 1`, the digest.
pub fn parts_name(identity: &Digest) -> Digest {
    Encoder::for_digest("rekindle identity parts 1").digest(identity).finish()
}

/// The note itself.
pub fn encode_parts(identity: &Identity) -> Vec<u8> {
    bytes::encode_parts(identity)
}

/// What differs between the parts of two toolchains.
pub fn part_differences(there: &[(String, Short)], here: &[(String, Short)]) -> Vec<Difference> {
    differences::parts(there, here)
}
