//! Stamps: what was true when an action last succeeded.

use crate::action::{ActionKind, Command};
use crate::digest::Digest;
use crate::encode::Encoder;
use crate::files::{ContentId, PathId};
use crate::key::ActionDigest;
use crate::lookup::Lookups;
use crate::roots::{Root, Roots};

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Holds {
    /// In any directory, on any machine.
    #[default]
    Everywhere,
    /// *Bound*: the absolute path of a root is in the result, so it holds where those roots lie as they did.
    AtRoots(Bound),
    /// *Local*: something in the command is beyond our knowledge, so it holds on this machine and at these roots.
    OnMachine(Digest),
}

/// To what a result is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The names of the roots whose absolute paths are in it, sorted.
    pub roots: Vec<Box<str>>,
    /// Where those lie: see [`places_digest`].
    pub places: Digest,
    /// What put them there, for people: a flag, a macro, or the command's output.
    pub why: String,
}

impl Bound {
    /// Bound to where the roots of these names lie now. A root that is not placed counts as one that lies nowhere.
    pub fn here(names: impl IntoIterator<Item = Box<str>>, why: impl Into<String>, roots: &Roots) -> Self {
        let mut names: Vec<Box<str>> = names.into_iter().collect();
        names.sort();
        names.dedup();
        Self { places: places_digest(roots, &names), roots: names, why: why.into() }
    }

    /// Whether its roots lie where they did.
    pub fn holds(&self, roots: &Roots) -> bool {
        places_digest(roots, &self.roots) == self.places
    }
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
    /// Those of them that may be executed, where that counts (see [`crate::action::Action::modes_count`]).
    pub executables: Vec<PathId>,
    /// What else it read, in path order; `None` for a path that it found absent.
    pub discovered: Vec<(PathId, Option<ContentId>)>,
    /// The answers that the search for headers or libraries gave.
    pub lookups: Option<Lookups>,
    /// Files that are read only when what it wrote is linked.
    pub deferred: Vec<PathId>,
    /// What it wrote.
    pub outputs: Vec<Output>,
    /// Whether that was left in the store when the result was taken from there: then it need not lie at its place.
    pub left: bool,
    /// The symbolic links that were made beside its outputs.
    pub links: Vec<PathId>,
    /// Where it holds.
    pub holds: Holds,
    /// What puts a date or a time into the result (the macro, and the file that has it), if anything does.
    pub volatile: Option<String>,
    /// Why what it read cannot be known; such a stamp is never fresh.
    pub unprovable: Option<String>,
    /// What the command printed, roots by name (see [`crate::printed`]).
    pub printed: Vec<u8>,
    /// How long the command took, in milliseconds.
    pub duration_ms: u32,
    /// Under which name its result can be shared; none if it must not be.
    pub shared: Option<ActionDigest>,
}

impl Stamp {
    /// Every path that judging this stamp looks at.
    pub fn paths(&self) -> impl Iterator<Item = PathId> + '_ {
        let declared = self.declared.iter().map(|(path, _)| *path);
        let discovered = self.discovered.iter().map(|(path, _)| *path);
        declared.chain(discovered).chain(self.outputs.iter().map(|output| output.path))
    }
}

/// The digest of where the roots called `names` lie: domain `rekindle roots 1`, then the name and the absolute path of
/// each, in the order given. A root that is not placed has the empty path.
pub fn places_digest(roots: &Roots, names: &[Box<str>]) -> Digest {
    use std::os::unix::ffi::OsStrExt;
    let mut encoder = Encoder::for_digest("rekindle roots 1");
    encoder.list(names, |e, name| {
        let root = roots.by_name(name).map(|id| roots.get(id)).filter(|root| root.is_placed());
        e.bytes(name.as_bytes()).bytes(root.map_or(&[][..], |root| root.path.as_os_str().as_bytes()));
    });
    encoder.finish()
}

/// The names of the roots whose absolute paths differ from one machine, or one checkout, to the next: all that are
/// placed and no system roots. One that names no path is not among them: an action does not change with it, and a
/// result that holds its path names it. Sorted.
pub fn places_of_people(roots: &Roots) -> Vec<Box<str>> {
    let own = |root: &&Root| root.is_placed() && !root.is_system() && root.names_paths();
    let mut names: Vec<Box<str>> =
        roots.iter().map(|(_, root)| root).filter(own).map(|root| root.name.as_str().into()).collect();
    names.sort();
    names
}

/// The digest of this machine and of where the roots lie on it: domain `rekindle machine 1`, the machine's own
/// name for itself, the digest of the roots.
pub fn machine_digest(machine: &[u8], roots: &Roots) -> Digest {
    let places = places_digest(roots, &places_of_people(roots));
    Encoder::for_digest("rekindle machine 1").bytes(machine).digest(&places).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(roots: &Roots) -> Digest {
        places_digest(roots, &places_of_people(roots))
    }

    #[test]
    fn the_digest_of_the_roots_moves_with_the_workspace_and_the_machine() {
        let here = Roots::new("/a", "/a/build");
        let there = Roots::new("/b", "/b/build");
        assert_ne!(places(&here), places(&there));
        assert_ne!(machine_digest(b"one", &here), machine_digest(b"two", &here));
        insta::assert_snapshot!(places(&here), @"1614f5d8670618ffaf35257c7af06bd3e074c5bf1dd8c5edbdee84efd30f47d1");
    }

    #[test]
    fn system_roots_do_not_count_as_places() {
        let plain = Roots::new("/a", "/a/build");
        let mut with_system = plain.clone();
        with_system.add(Root::new("sys.host", "/")).unwrap();
        assert_eq!(places(&plain), places(&with_system));
    }

    #[test]
    fn a_root_that_is_only_sought_does_not_count_as_a_place_and_binds_what_holds_it() {
        let plain = Roots::new("/a", "/a/build");
        let with_home = |home: &str| {
            let mut roots = plain.clone();
            roots.add(Root::only_sought("home", home)).unwrap();
            roots
        };
        assert_eq!(places(&plain), places(&with_home("/home/a")));
        let bound = Bound::here(["home".into()], "", &with_home("/home/a"));
        assert!(bound.holds(&with_home("/home/a")));
        assert!(!bound.holds(&with_home("/home/b")) && !bound.holds(&plain));
    }

    #[test]
    fn what_is_bound_to_one_root_does_not_care_where_another_lies() {
        let roots = |ws: &str, sdk: &str| {
            let mut roots = Roots::new(ws, "/build");
            roots.add(Root::new("sdk", sdk)).unwrap();
            roots
        };
        let bound = Bound::here(["ws".into()], "`__FILE__`", &roots("/a", "/sdk"));
        assert!(bound.holds(&roots("/a", "/elsewhere")));
        assert!(!bound.holds(&roots("/b", "/sdk")));
        let both = Bound::here(["ws".into(), "sdk".into()], "", &roots("/a", "/sdk"));
        assert!(!both.holds(&roots("/a", "/elsewhere")) && !both.holds(&Roots::new("/a", "/build")));
    }
}
