//! Archive stamps for other tools: may the run of a build tool be skipped, whose products are made of the files below
//! some directories?
//!
//! A program that links what another tool builds (a compiler with a runtime library, say) asks here before it starts that
//! tool. It names the [`Archive`]: a *profile* (keys and values: target, features, the tool's digest, whatever changes what
//! comes out), a [`WatchSet`], the outputs. Then, in this order:
//!
//! 1. [`ArchiveStamp::decode`] what was kept; what cannot be read counts as none.
//! 2. [`Look::new`]: names and contents as they are before the tool runs. A file whose signature is known is not read.
//! 3. [`Look::judge`], which asks [`crate::judge`]: fresh, or every reason why not. If fresh, nothing is to be run.
//! 4. If stale: put the outputs in their places from a store, where [`Look::name`] names what the tool would give; else
//!    run the tool.
//! 5. [`Look::stamp`] checks that the inputs are still what they were (else the result is not recorded, and the tool is
//!    to be run again), and looks at the outputs.
//! 6. [`ArchiveStamp::encode`] and keep that, after a fresh verdict too: what was read anew has a signature now.
//!
//! The example `archive_stamp` of `rekindle-store` does all of it. The format has a page, `docs/format/archive-stamp.md`.

mod bytes;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::action::{Action, ActionKind, Command, Identity};
use crate::auto::{AutoBuild, Fact};
use crate::digest::Digest;
use crate::files::{ContentId, Files, PathId, Seen};
use crate::judge::{self, Verdict, View};
use crate::key::{self, ActionDigest, InputSet};
use crate::lookup::{Listings, Outputs};
use crate::reason::StaleReason;
use crate::roots::Roots;
use crate::stamp::{Bound, Holds, Output, Stamp};
use crate::watch::{WatchSet, Watched};

/// What another build tool makes, and of what.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// Everything that changes what comes out and is no file: target, features, arguments, variables.
    pub profile: Vec<(String, Vec<u8>)>,
    /// The tool by its content, if that is not in the profile.
    pub tool: Option<Arc<Identity>>,
    /// The files that are read.
    pub watch: WatchSet,
    /// The files that are written. They are never among those that are watched below a directory.
    pub outputs: Vec<PathId>,
    /// The names of the roots whose absolute paths are in what comes out: it holds only where they lie.
    pub holds_paths_of: Vec<Box<str>>,
}

/// An archive as it would be made now.
#[derive(Debug)]
pub struct Look {
    action: Action,
    command: Command,
    watch: WatchSet,
    watched: Watched,
    /// Files that are named and are not there.
    absent: Vec<PathId>,
    bound: Option<Bound>,
}

/// What was true when an archive was made last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveStamp {
    stamp: Stamp,
}

/// Why there is no stamp for what a tool has made.
#[derive(Debug, thiserror::Error)]
pub enum Unrecorded {
    /// The inputs are not what they were before it ran.
    #[error("changed while it was made: {}; make it again", paths.join(", "))]
    Moved {
        /// What changed, came or went.
        paths: Vec<String>,
    },
    /// An output is not there, or is no file that can be read.
    #[error("`{path}` was not made")]
    NoOutput {
        /// The output.
        path: String,
    },
    /// An input is no file that can be read, so nobody can tell when it changes.
    #[error("`{path}` is an input and no file that can be read")]
    NoInput {
        /// The input.
        path: String,
    },
    /// The names of the watch set cannot be looked up.
    #[error(transparent)]
    Watch(#[from] io::Error),
}

impl Look {
    /// Looks at everything that the archive is made of, before it is made.
    ///
    /// # Errors
    /// The names of the watch set cannot be looked up: see [`WatchSet::walk`].
    pub fn new(archive: &Archive, files: &mut Files) -> io::Result<Self> {
        let mut watch = archive.watch.clone();
        watch.outside.extend(&archive.outputs);
        let watched = watch.walk(files)?;
        files.observe(&watched.files);
        let (absent, inputs) = watched.files.iter().partition(|path| *files.seen(**path) == Seen::Absent);
        let cwd = files.path(Roots::WORKSPACE, "");
        let profile = archive.profile.iter().map(|(key, value)| (Fact::Profile(key.clone()), value.clone()));
        let links = watched.links.iter().map(|(path, text)| {
            use std::os::unix::ffi::OsStrExt;
            (Fact::Link(PathBuf::from(files.show(*path))), text.as_os_str().as_bytes().to_vec())
        });
        let facts = profile.chain(links).collect();
        let outputs = archive.outputs.clone();
        let mut action = Action::new(ActionKind::AutoArchive, "", Vec::new(), cwd, outputs);
        action.auto = Some(Box::new(AutoBuild { facts, ..AutoBuild::default() }));
        action.identity = archive.tool.clone();
        action.inputs = inputs;
        let command = action.command(files);
        let places = &archive.holds_paths_of;
        let bound =
            (!places.is_empty()).then(|| Bound::here(places.iter().cloned(), "what it says", files.roots()));
        Ok(Self { action, command, watch, watched, absent, bound })
    }

    /// Whether there is nothing to be made. Looks at the outputs.
    pub fn judge(&self, stamp: Option<&ArchiveStamp>, files: &mut Files) -> Verdict {
        let stamp = stamp.map(|stamp| &stamp.stamp);
        let mut view = View {
            files,
            listings: &mut Listings::default(),
            world: &Outputs::default(),
            pending: &|_| false,
            parts: &|_| None,
            // No archive stamp holds on one machine only.
            machine: Digest([0; 32]),
        };
        match judge::judge(&self.action, &self.command, stamp, &mut view) {
            Verdict::Stale(reasons) => Verdict::Stale(reasons),
            // What the stamp was bound to is bound to it in the stamp alone.
            Verdict::Fresh if stamp.is_some_and(|stamp| stamp.holds != self.holds()) => {
                Verdict::Stale(vec![StaleReason::BoundElsewhere])
            }
            verdict => verdict,
        }
    }

    /// The name of what would be made, in a store; none if an input is no file that can be read.
    pub fn name(&self, files: &Files) -> Option<ActionDigest> {
        let key = key::first_key(&self.action, &self.command, files)?;
        let name = InputSet::default().action_digest(key, None, files)?;
        Some(self.bound.as_ref().map_or(name, |bound| name.bound(bound)))
    }

    /// Where the outputs belong, in their order.
    pub fn outputs(&self) -> &[PathId] {
        &self.action.outputs
    }

    fn holds(&self) -> Holds {
        self.bound.clone().map_or(Holds::Everywhere, Holds::AtRoots)
    }

    /// The stamp of what was just made, or put in its place: if all of what it was made of is what it was when this look
    /// was taken.
    ///
    /// # Errors
    /// See [`Unrecorded`].
    pub fn stamp(&self, files: &mut Files) -> Result<ArchiveStamp, Unrecorded> {
        let names = self.watched.moved(&self.watch.walk(files)?, files);
        let mut moved = files.moved_since_seen(&self.action.inputs);
        moved.extend(files.moved_since_seen(&self.absent));
        moved.extend(names.came.into_iter().chain(names.went).chain(names.turned));
        if !moved.is_empty() {
            moved.sort_unstable();
            moved.dedup();
            return Err(Unrecorded::Moved { paths: moved.iter().map(|path| files.show(*path)).collect() });
        }
        files.observe_again(&self.action.outputs);
        let input = |path: &PathId| -> Result<(PathId, ContentId), Unrecorded> {
            let content = files.content(*path);
            Ok((*path, content.ok_or_else(|| Unrecorded::NoInput { path: files.show(*path) })?))
        };
        let output = |path: &PathId| {
            let content = files.content(*path);
            let content = content.ok_or_else(|| Unrecorded::NoOutput { path: files.show(*path) })?;
            Ok(Output { path: *path, content, executable: files.is_executable(*path) })
        };
        let declared = self.action.inputs.iter().map(input).collect::<Result<_, _>>()?;
        let outputs = self.action.outputs.iter().map(output).collect::<Result<_, Unrecorded>>()?;
        Ok(ArchiveStamp::new(Made {
            command: self.command.clone(),
            identity: self.action.identity.as_ref().map(|tool| tool.digest),
            declared,
            executables: self.action.executables(files),
            absent: self.absent.clone(),
            outputs,
            holds: self.holds(),
        }))
    }
}

/// What a stamp is made of.
struct Made {
    command: Command,
    identity: Option<Digest>,
    declared: Vec<(PathId, ContentId)>,
    executables: Vec<PathId>,
    absent: Vec<PathId>,
    outputs: Vec<Output>,
    holds: Holds,
}

impl ArchiveStamp {
    fn new(made: Made) -> Self {
        let stamp = Stamp {
            kind: ActionKind::AutoArchive,
            command: made.command,
            identity: made.identity,
            declared: made.declared,
            executables: made.executables,
            discovered: made.absent.into_iter().map(|path| (path, None)).collect(),
            lookups: None,
            deferred: Vec::new(),
            outputs: made.outputs,
            left: false,
            links: Vec::new(),
            holds: made.holds,
            volatile: None,
            unprovable: None,
            printed: Vec::new(),
            duration_ms: 0,
            shared: None,
        };
        Self { stamp }
    }

    /// The outputs as they were made.
    pub fn outputs(&self) -> &[Output] {
        &self.stamp.outputs
    }
}
