//! Keys: under which names a result is shared between directories, checkouts and machines.
//!
//! There are two levels, because what a compiler will read is known only once it has read it:
//!
//! 1. The [`FirstKey`] is made of what is known before: the command with roots by name, the toolchain's identity, the
//!    content of the declared inputs, where is searched.
//! 2. Under it lie [`InputSet`]s: which further files an action with this key has read, and what it searched. What
//!    those files hold *here*, and how those searches would go *here*, make the [`ActionDigest`], which names a result.
//!
//! (Microsoft's BuildXL calls them weak fingerprint, path set and strong fingerprint.) So contents that alternate at
//! one path find their results all, and a result is only ever found where every ingredient is the same. Nothing in a
//! key, a set or a digest is an absolute path of a root, but for one that lies at `/`, `/usr` or `/usr/local`; a file
//! in no root has its absolute path for a name.
//!
//! The table of what enters is at the top of the crate; [`RULES`] counts the changes of what is found out about
//! commands, so that a rekindle that knows better does not believe one that knew less.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::action::{Action, ActionKind, Arg, Command, DepfileFormat};
use crate::digest::Digest;
use crate::encode::{Decoder, Encoder, Malformed};
use crate::files::{Files, PathId, Seen};
use crate::lookup::{self, Listings, Lookups, World};
use crate::roots::{Root, RootId, Roots};
use crate::scan::Probe;
use crate::stamp::{Bound, Stamp};

/// What is known of how commands read their inputs. It is in every key; raise it whenever a command that is run the
/// same way would be found to depend on more than before.
pub const RULES: u32 = 1;

/// What is known of an action before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FirstKey(pub Digest);

/// Everything that a result depends on; it names the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionDigest(pub Digest);

impl ActionDigest {
    /// The name of a result that is bound to where some roots lie, beside those of other trees: domain
    /// `rekindle bound 1`, the action digest, the digest of the places.
    pub fn bound(self, bound: &Bound) -> Self {
        let mut encoder = Encoder::for_digest("rekindle bound 1");
        Self(encoder.digest(&self.0).digest(&bound.places).finish())
    }
}

/// A path by the name of its root.
fn name(encoder: &mut Encoder, path: PathId, files: &Files) {
    encoder.bytes(files.roots().get(files.root(path)).name.as_bytes());
    encoder.bytes(files.rel(path).as_os_str().as_bytes());
}

/// The first-level key of an action whose command is `now`; none if a declared input was not seen to be a file.
///
/// Domain `rekindle action 1`, [`RULES`], the digest of the command, that of the identity, the declared inputs in
/// order (name and content), those that may be executed where that counts, the directories that are searched, how it is found out what is read besides, and where
/// those of its roots lie that nothing maps (name and path). The identity of another build tool is not in it, but in the
/// input sets below it: so a machine without that tool finds for which ones there are results.
pub fn first_key(action: &Action, now: &Command, files: &Files) -> Option<FirstKey> {
    let mut e = Encoder::for_digest("rekindle action 1");
    e.u32(RULES).digest(&now.digest);
    e.option(action.identity.as_ref().filter(|_| !has_tool(action)), |e, identity| {
        e.digest(&identity.digest);
    });
    let inputs: Vec<(PathId, Digest)> =
        action.inputs.iter().map(|path| Some((*path, files.digest(*path)?))).collect::<Option<_>>()?;
    e.list(&inputs, |e, (path, digest)| {
        name(e, *path, files);
        e.digest(digest);
    });
    e.list(&action.executables(files), |e, path| name(e, *path, files));
    let discovery = &action.discovery;
    e.option(discovery.search.as_ref(), |e, search| {
        e.list(&search.dirs, |e, dir| name(e, *dir, files)).u8(u8::from(search.near));
    });
    e.list(&discovery.depfiles, |e, format| {
        e.u8(match format {
            DepfileFormat::Make(_) => 0,
            DepfileFormat::Assembler(_) => 1,
            DepfileFormat::Trace => 2,
        });
    });
    for flag in [discovery.scan, discovery.incbin_in_depfile, discovery.assembled_later] {
        e.u8(u8::from(flag));
    }
    e.list(&discovery.also_searched, |e, name| {
        e.bytes(name);
    });
    e.u32(u32::from(discovery.fixed.bits()));
    e.list(&at_system_places(action, files), |e, root| {
        e.bytes(root.name.as_bytes()).bytes(root.path.as_os_str().as_bytes());
    });
    Some(FirstKey(e.finish()))
}

/// The roots that an action names and that lie where every machine has a directory (`/usr`). Such a path is neither
/// mapped out of a result nor sought in it, and ways lead from one such place to another, so where it lies counts.
pub(crate) fn at_system_places<'f>(action: &Action, files: &'f Files) -> Vec<&'f Root> {
    let spelled = action.argv.iter().chain(action.env.iter().map(|(_, value)| value)).flat_map(Arg::paths);
    let written = action.outputs.iter().chain(action.links.iter().map(|(link, _)| link));
    let searched = action.discovery.search.iter().flat_map(|search| &search.dirs);
    let paths = action.inputs.iter().chain(written).chain(searched).copied();
    let mut roots: Vec<RootId> =
        spelled.chain(paths).chain([action.cwd]).map(|path| files.root(path)).collect();
    roots.sort_unstable();
    roots.dedup();
    let mut roots: Vec<&Root> = roots
        .into_iter()
        .filter(|id| *id != Roots::OUTSIDE)
        .map(|id| files.roots().get(id))
        .filter(|root| root.is_system())
        .collect();
    roots.sort_unstable_by_key(|root| &root.name);
    roots
}

/// Whether the identity of what runs is in the input sets of an action, and not in its first-level key.
fn has_tool(action: &Action) -> bool {
    action.kind == ActionKind::AutoArchive
}

/// Whether everything that an action reads is declared, so that its only input set is the empty one.
pub fn is_declared(action: &Action) -> bool {
    let discovery = &action.discovery;
    !has_tool(action)
        && discovery.depfiles.is_empty()
        && discovery.search.is_none()
        && !discovery.scan
        && discovery.maybe.is_empty()
}

/// What an action searched; where, its command says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// As [`Lookups::from`].
    pub from: Vec<PathId>,
    /// As [`Lookups::read`].
    pub read: Vec<PathId>,
    /// As [`Lookups::probes`].
    pub probes: Vec<Probe>,
}

/// Which files an action has read beyond its declared inputs, present or absent, and what it searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputSet {
    /// The files.
    pub paths: Vec<PathId>,
    /// Those among them that are read only when what the action wrote is linked.
    pub deferred: Vec<PathId>,
    /// What it searched, if it searched anything.
    pub asked: Option<Asked>,
    /// The identity of the build tool that ran; for auto-built archives alone.
    pub tool: Option<Digest>,
}

/// Behind its lists, a set says what it searched.
const ASKED: u8 = 1;

/// Behind that, a set has the digest of a tool.
const TOOL: u8 = 2;

impl InputSet {
    /// The set of an action that has run.
    pub fn of(stamp: &Stamp) -> Self {
        let paths: Vec<PathId> = stamp.discovered.iter().map(|(path, _)| *path).collect();
        let deferred = stamp.deferred.iter().copied().filter(|path| paths.contains(path)).collect();
        let asked = stamp.lookups.as_ref().map(|lookups| Asked {
            from: lookups.from.clone(),
            read: lookups.read.clone(),
            probes: lookups.probes.clone(),
        });
        let tool = stamp.identity.filter(|_| stamp.kind == ActionKind::AutoArchive);
        Self { paths, deferred, asked, tool }
    }

    /// The same bytes for the same set, on every machine: the names of the roots; every path (number of the root,
    /// relative path) in the order of these; then the lists of the set as numbers of paths, each sorted, without
    /// repetition; a byte that says what follows (1: what it searched, 2: its tool); the probes; the digest of the tool.
    pub fn encode(&self, files: &Files) -> Vec<u8> {
        let mut e = Encoder::new();
        let asked = self.asked.as_ref();
        let lists = [&self.paths, &self.deferred]
            .into_iter()
            .chain(asked.into_iter().flat_map(|asked| [&asked.from, &asked.read]));
        let named = |id: &PathId| {
            let root = files.roots().get(files.root(*id)).name.as_bytes();
            (root, files.rel(*id).as_os_str().as_bytes(), *id)
        };
        let mut paths: Vec<(&[u8], &[u8], PathId)> = lists.flatten().map(named).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut roots: Vec<&[u8]> = paths.iter().map(|(root, _, _)| *root).collect();
        roots.dedup();
        e.list(&roots, |e, root| {
            e.bytes(root);
        });
        e.list(&paths, |e, (root, rel, _)| {
            e.u32(number(roots.iter().position(|known| known == root))).bytes(rel);
        });
        let numbers: FxHashMap<PathId, u32> =
            paths.iter().enumerate().map(|(at, (_, _, id))| (*id, number(Some(at)))).collect();
        let list = |e: &mut Encoder, ids: &[PathId]| {
            let mut ids: Vec<u32> = ids.iter().map(|id| numbers[id]).collect();
            ids.sort_unstable();
            ids.dedup();
            e.list(&ids, |e, id| {
                e.u32(*id);
            });
        };
        list(&mut e, &self.paths);
        list(&mut e, &self.deferred);
        e.u8(if asked.is_some() { ASKED } else { 0 } | if self.tool.is_some() { TOOL } else { 0 });
        if let Some(asked) = asked {
            list(&mut e, &asked.from);
            list(&mut e, &asked.read);
            let mut probes: Vec<&Probe> = asked.probes.iter().collect();
            probes.sort_unstable_by_key(|probe| (&probe.name, probe.angled, probe.next));
            probes.dedup();
            e.list(&probes, |e, probe| {
                e.bytes(&probe.name).u8(u8::from(probe.angled)).u8(u8::from(probe.next));
            });
        }
        if let Some(tool) = &self.tool {
            e.digest(tool);
        }
        e.into_bytes()
    }

    /// Reads what [`InputSet::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are no such encoding, or speak of a root that this build does not have, or name a file otherwise than
    /// this build does (it lies in another root here): then what is known of it under its own name would be missed.
    pub fn decode(bytes: &[u8], files: &mut Files) -> Result<Self, Malformed> {
        let mut d = Decoder::new(bytes);
        let roots = d.list(|d| files.roots().by_name(d.text()?).ok_or(Malformed))?;
        let paths = d.list(|d| {
            let root = *roots.get(d.u32()? as usize).ok_or(Malformed)?;
            let rel = Path::new(OsStr::from_bytes(d.bytes()?));
            let base = files.roots().get(root).path.clone();
            let path = files.path_from(&base, rel);
            // So nothing leads out of its root, and a root that is not placed has no files.
            let is_its_name = files.root(path) == root && files.rel(path).as_os_str() == rel.as_os_str();
            if is_its_name { Ok(path) } else { Err(Malformed) }
        })?;
        let list = |d: &mut Decoder<'_>| d.list(|d| paths.get(d.u32()? as usize).copied().ok_or(Malformed));
        let flag = |d: &mut Decoder<'_>| match d.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        };
        let (paths, deferred) = (list(&mut d)?, list(&mut d)?);
        let has = d.u8()?;
        let (mut asked, mut tool) = (None, None);
        if has & ASKED != 0 {
            let (from, read) = (list(&mut d)?, list(&mut d)?);
            let probe =
                |d: &mut Decoder<'_>| Ok(Probe { name: d.bytes()?.into(), angled: flag(d)?, next: flag(d)? });
            asked = Some(Asked { from, read, probes: d.list(probe)? });
        }
        if has & TOOL != 0 {
            tool = Some(d.digest()?);
        }
        if has & !(ASKED | TOOL) != 0 {
            return Err(Malformed);
        }
        d.end()?;
        Ok(Self { paths, deferred, asked, tool })
    }

    /// What the searches of this set give here, where `action` would make them; none if it makes none. `before` is what
    /// they gave at some time: if the disk says the same, nothing is searched.
    pub fn search(
        &self,
        action: &Action,
        before: Option<&Lookups>,
        files: &mut Files,
        world: &dyn World,
        listings: &mut Listings,
    ) -> Option<Lookups> {
        let (asked, search) = (self.asked.as_ref()?, action.discovery.search.as_ref()?);
        let asked = lookup::Asked { search, from: &asked.from, read: &asked.read, probes: &asked.probes };
        let same = before.and_then(|before| lookup::same(files, world, before, &asked, listings));
        Some(same.unwrap_or_else(|| lookup::record(files, world, asked, listings)))
    }

    /// What names the result of an action with this first-level key where its files are as they were seen and its
    /// searches give `lookups`; none if a path is neither absent nor a file that can be read.
    ///
    /// Domain `rekindle result 1`, the key, the set, each path of the set in the order of its encoding (`0` absent, or
    /// `1` and its content), the directories that are searched under two names, then the names that are found where they are searched and were not read: directory, name.
    pub fn action_digest(
        &self,
        key: FirstKey,
        lookups: Option<&Lookups>,
        files: &Files,
    ) -> Option<ActionDigest> {
        let mut e = Encoder::for_digest("rekindle result 1");
        e.digest(&key.0).digest(&Digest::of(&self.encode(files)));
        let mut paths = self.paths.clone();
        paths.sort_unstable_by_key(|id| {
            (&files.roots().get(files.root(*id)).name, files.rel(*id).as_os_str())
        });
        paths.dedup();
        let mut contents = Vec::with_capacity(paths.len());
        for path in paths {
            contents.push(match files.seen(path) {
                Seen::Absent => None,
                Seen::File { content, .. } | Seen::Left { content, .. } => Some(files.blob(*content).digest),
                Seen::Unknown | Seen::Directory | Seen::Unreadable(_) => return None,
            });
        }
        e.list(&contents, |e, content| {
            e.option(content.as_ref(), |e, digest| {
                e.digest(digest);
            });
        });
        let found = lookups.into_iter().flat_map(|lookups| &lookups.hits).filter(|hit| hit.file);
        let twins = lookups.into_iter().flat_map(|lookups| &lookups.twins);
        let twins: Vec<(PathId, PathId)> = twins.copied().collect();
        e.list(&twins, |e, (dir, first)| {
            name(e, *dir, files);
            name(e, *first, files);
        });
        let mut found: Vec<_> = found
            .map(|hit| {
                let root = files.roots().get(files.root(hit.dir)).name.as_bytes();
                (root, files.rel(hit.dir).as_os_str().as_bytes(), &*hit.name)
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        e.list(&found, |e, (root, dir, name)| {
            e.bytes(root).bytes(dir).bytes(name);
        });
        Some(ActionDigest(e.finish()))
    }
}

fn number(position: Option<usize>) -> u32 {
    position.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
}
