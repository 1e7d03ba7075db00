//! Making the stamp of a command that has succeeded: what it read is scanned for what no depfile tells, and the
//! answers that its searches gave are written down.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Action, ActionKind, Piece};
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::lookup::{self, Asked, Lookups};
use rekindle_fingerprint::scan::Probe;
use rekindle_fingerprint::stamp::{Holds, Output, Stamp};
use rekindle_scheduler::ActionId;
use rustc_hash::FxHashSet;

use crate::finish::Success;
use crate::scans::Mentioned;
use crate::session::Session;
use crate::start::Running;

impl Session<'_> {
    /// The stamp of a command that has succeeded.
    ///
    /// # Errors
    /// Why it cannot be recorded: a directory that is searched was changed while it ran.
    pub(crate) fn recorded(
        &mut self,
        id: ActionId,
        running: &Running,
        success: &Success,
        mentioned: Mentioned,
    ) -> Result<Stamp, String> {
        let action = self.graph.action(id);
        let lookups = self.lookups(id, running, success, &mentioned)?;
        let content = |path: &PathId| self.files.content(*path);
        let mut declared = Vec::with_capacity(action.inputs.len());
        for path in &action.inputs {
            let seen = content(path).ok_or_else(|| format!("`{}` is gone", self.files.show(*path)))?;
            declared.push((*path, seen));
        }
        let outputs = action.outputs.iter().zip(&success.made).filter_map(|(path, made)| {
            Some(Output { path: *path, content: content(path)?, executable: made.signature.executable() })
        });
        let bound = self.bound(action, success, &mentioned);
        let stamp = Stamp {
            kind: action.kind,
            identity: action.identity.as_ref().map(|identity| identity.digest),
            declared,
            executables: action.executables(self.files),
            discovered: success.discovered.iter().map(|path| (*path, content(path))).collect(),
            lookups,
            deferred: mentioned.deferred,
            outputs: outputs.collect(),
            left: false,
            links: action.links.iter().map(|(link, _)| *link).collect(),
            holds: match (&action.local, bound) {
                _ if self.leftover(id).is_some() => Holds::OnMachine(self.machine),
                (Some(_), _) => Holds::OnMachine(self.machine),
                (None, Some(bound)) => Holds::AtRoots(bound),
                (None, None) => Holds::Everywhere,
            },
            volatile: mentioned.volatile,
            unprovable: mentioned.unprovable,
            printed: match action.auto.as_ref().is_some_and(|auto| auto.chatters) {
                true => Vec::new(),
                false => self.named(&success.printed),
            },
            duration_ms: u32::try_from(success.ms).unwrap_or(u32::MAX),
            shared: None,
            command: self.command(id),
        };
        Ok(stamp)
    }

    /// The objects that a link is given by their paths, which are many: those that compilers make here.
    fn objects(&self, action: &Action) -> FxHashSet<PathId> {
        if action.kind != ActionKind::Link || searches_objects(action) {
            return FxHashSet::default();
        }
        let is_object = |path: &&PathId| {
            self.files.rel(**path).extension().is_some_and(|ending| ending == "o") && self.is_made(**path)
        };
        action.inputs.iter().filter(is_object).copied().collect()
    }

    /// What keeps the result of another build tool on this machine.
    pub(crate) fn leftover(&self, id: ActionId) -> Option<&String> {
        self.tools.get(&id)?.leftover.as_ref()
    }

    fn lookups(
        &mut self,
        id: ActionId,
        running: &Running,
        success: &Success,
        mentioned: &Mentioned,
    ) -> Result<Option<Lookups>, String> {
        let (action, key) = (self.graph.action(id), self.key(id));
        let Some(search) = &action.discovery.search else { return Ok(None) };
        let from = if search.near { directories(self.files, action) } else { mentioned.from.clone() };
        let mut probes = mentioned.probes.clone();
        let also = action.discovery.also_searched.iter();
        probes.extend(also.map(|name| searched(name)));
        if action.kind == ActionKind::Link {
            probes.extend(success.named.iter().filter_map(|path| other_kind(self.files.rel(*path))));
        }
        // A source is named on the command line, not searched, and so are objects; so is whatever else a link is given by
        // its path, which does no harm there.
        let source = action.inputs.first().filter(|_| search.near);
        let objects = self.objects(action);
        let is_given = |path: &PathId| Some(path) == source || objects.contains(path);
        let read: Vec<PathId> = success.named.iter().copied().filter(|path| !is_given(path)).collect();
        let before = self.dir.history.current(key).and_then(|stamp| stamp.lookups.as_ref());
        let (files, world, listings) = (&mut *self.files, &self.world, &mut self.listings);
        let asked = Asked { search, from: &from, read: &read, probes: &probes };
        let before = before.and_then(|before| lookup::same(files, world, before, &asked, listings));
        let lookups = before.unwrap_or_else(|| lookup::record(files, world, asked, listings));
        let moved = lookup::unsettled(files, world, &lookups, listings, running.before.time);
        if let Some(change) = moved.first() {
            let name = String::from_utf8_lossy(&change.name).into_owned();
            let directory = self.files.show(change.dir);
            return Err(format!(
                "`{name}` was searched in `{directory}`, which was changed while the command ran"
            ));
        }
        // What another action makes counts as there; the command has seen it only if it lay there when it started.
        let unread = lookups.hits.iter().filter(|hit| hit.file);
        for hit in unread {
            let place = files.abs(hit.dir).join(OsStr::from_bytes(&hit.name));
            let path = files.path_abs(&place);
            let made = self
                .graph
                .producer(path)
                .is_some_and(|producer| self.graph.action(producer).outputs != action.outputs);
            if made && !lay_there(&place, running) {
                let shown = files.show(path);
                return Err(format!("`{shown}`, which another action makes, is found where it searches"));
            }
        }
        Ok(Some(lookups))
    }
}

/// Whether a linker may be told to search for an object: nobody does that, but `-l:x.o` does it, and what a file of
/// arguments says is not looked at.
fn searches_objects(action: &Action) -> bool {
    let pieces = action.argv.iter().flat_map(|arg| &arg.0);
    pieces.into_iter().any(|piece| match piece {
        Piece::Text(text) => text.starts_with(b"@") || text.windows(3).any(|part| part == b"-l:"),
        _ => false,
    })
}

/// Whether a file lay at `place` before the command started, and was not changed since.
fn lay_there(place: &Path, running: &Running) -> bool {
    match disk::stat(place) {
        Ok(Entry::File(signature, device)) => !running.before.is_younger(device, &signature),
        _ => false,
    }
}

fn searched(name: &[u8]) -> Probe {
    Probe { name: name.into(), angled: true, next: false }
}

/// Of a library that was read, the name of its other kind: `libx.so` is preferred where `libx.a` was found, or the
/// other way round, whoever asked for it.
fn other_kind(library: &Path) -> Option<Probe> {
    let name = library.file_name()?.as_bytes();
    let stem = name.strip_prefix(b"lib")?;
    let (stem, other) = match stem.strip_suffix(b".a") {
        Some(stem) => (stem, &b".so"[..]),
        None => (stem.strip_suffix(b".so")?, &b".a"[..]),
    };
    Some(searched(&[b"lib", stem, other].concat()))
}

/// The directories of an action's declared inputs, and its working directory.
pub(crate) fn directories(files: &mut Files, action: &Action) -> Vec<PathId> {
    let mut dirs: Vec<PathId> = Vec::new();
    for input in &action.inputs {
        let (root, rel) = (files.root(*input), files.rel(*input).to_path_buf());
        if let Some(parent) = rel.parent() {
            dirs.push(files.path(root, parent));
        }
    }
    dirs.push(action.cwd);
    dirs.sort_unstable();
    dirs.dedup();
    dirs
}

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_fingerprint::action::Arg;
    use rekindle_fingerprint::roots::Roots;

    #[test]
    fn an_object_is_searched_if_an_argument_says_so_or_may_say_so() {
        let mut files = Files::new(Roots::new("/ws", "/ws/out"));
        let object = files.path(Roots::BUILD, Path::new("obj/x.c.o"));
        let mut searches = |arguments: &[&str]| {
            let mut argv = vec![Arg::text("cc"), Arg::path(object)];
            argv.extend(arguments.iter().map(Arg::text));
            let cwd = files.path(Roots::WORKSPACE, Path::new(""));
            searches_objects(&Action::new(ActionKind::Link, "app", argv, cwd, Vec::new()))
        };
        for given in [&["-lx", "-Lobj", "-o", "x-l.o"][..], &["-Wl,-soname,x.so"]] {
            assert!(!searches(given), "{given:?}");
        }
        for given in [&["-l:x.c.o"][..], &["-Wl,-l:x.c.o"], &["-lx", "@more"]] {
            assert!(searches(given), "{given:?}");
        }
    }
}
