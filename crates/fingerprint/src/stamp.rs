//! Stamps: what was true when an action last succeeded.

use crate::action::{ActionKind, Command};
use crate::digest::Digest;
use crate::encode::Encoder;
use crate::files::{ContentId, PathId};
use crate::lookup::Lookups;
use crate::roots::Roots;

/// A file that an action wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Where.
    pub path: PathId,
    /// What is in it.
    pub content: ContentId,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Where a stamp holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holds {
    /// In any directory, on any machine.
    #[default]
    Everywhere,
    /// *Bound*: a root's absolute path is in the result, so it holds where the roots have this digest.
    AtRoots(Digest),
    /// *Local*: something in the command is beyond our knowledge, so it holds on this machine and at these roots.
    OnMachine(Digest),
}

/// What was true when an action last succeeded (a verifying trace, as "Build Systems à la Carte" calls it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What the action did.
    pub kind: ActionKind,
    /// The command that ran.
    pub command: Command,
    /// Digest of the identity of the toolchain that ran.
    pub identity: Option<Digest>,
    /// The declared inputs, in order.
    pub declared: Vec<(PathId, ContentId)>,
    /// What else it read, in path order; `None` for a path that it found absent.
    pub discovered: Vec<(PathId, Option<ContentId>)>,
    /// The answers that the search for headers or libraries gave.
    pub lookups: Option<Lookups>,
    /// Files that are read only when what it wrote is linked.
    pub deferred: Vec<PathId>,
    /// What it wrote.
    pub outputs: Vec<Output>,
    /// The symbolic links that were made beside its outputs.
    pub links: Vec<PathId>,
    /// Where it holds.
    pub holds: Holds,
    /// A date, a time or the like is in the result.
    pub volatile: bool,
    /// Why what it read cannot be known; such a stamp is never fresh.
    pub unprovable: Option<String>,
    /// What the command printed, roots by name (see [`crate::printed`]).
    pub printed: Vec<u8>,
    /// How long the command took, in milliseconds.
    pub duration_ms: u32,
}

impl Stamp {
    /// Every path that judging this stamp looks at.
    pub fn paths(&self) -> impl Iterator<Item = PathId> + '_ {
        let declared = self.declared.iter().map(|(path, _)| *path);
        let discovered = self.discovered.iter().map(|(path, _)| *path);
        declared.chain(discovered).chain(self.outputs.iter().map(|output| output.path))
    }
}

/// The digest of where the roots lie: domain `rekindle roots 1`, then name and absolute path of every root that is
/// no system root, in the order of their names.
pub fn roots_digest(roots: &Roots) -> Digest {
    use std::os::unix::ffi::OsStrExt;
    let mut places: Vec<_> =
        roots.iter().map(|(_, root)| root).filter(|root| root.is_placed() && !root.is_system()).collect();
    places.sort_by(|a, b| a.name.cmp(&b.name));
    let mut encoder = Encoder::for_digest("rekindle roots 1");
    encoder.list(&places, |e, root| {
        e.bytes(root.name.as_bytes()).bytes(root.path.as_os_str().as_bytes());
    });
    encoder.finish()
}

/// The digest of this machine and of where the roots lie on it: domain `rekindle machine 1`, the machine's own
/// name for itself, the digest of the roots.
pub fn machine_digest(machine: &[u8], roots: &Roots) -> Digest {
    Encoder::for_digest("rekindle machine 1").bytes(machine).digest(&roots_digest(roots)).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_the_roots_moves_with_the_workspace_and_the_machine() {
        let here = Roots::new("/a", "/a/build");
        let there = Roots::new("/b", "/b/build");
        assert_ne!(roots_digest(&here), roots_digest(&there));
        assert_ne!(machine_digest(b"one", &here), machine_digest(b"two", &here));
        insta::assert_snapshot!(roots_digest(&here), @"1614f5d8670618ffaf35257c7af06bd3e074c5bf1dd8c5edbdee84efd30f47d1");
    }

    #[test]
    fn system_roots_do_not_count_as_places() {
        let plain = Roots::new("/a", "/a/build");
        let mut with_system = plain.clone();
        with_system.add(crate::roots::Root::new("sys.host", "/")).unwrap();
        assert_eq!(roots_digest(&plain), roots_digest(&with_system));
    }
}
