//! The one door to freshness (law 7): an action, its stamp and what the disk says now go in; `Fresh`, or every
//! reason why not, comes out.

use std::collections::{HashMap, HashSet};

use crate::action::{Action, Command, Identity, Part};
use crate::auto::Fact;
use crate::digest::Digest;
use crate::files::{ContentId, Files, PathId, Seen, TextId};
use crate::lookup::{self, Listings, Search, World};
use crate::reason::StaleReason;
use crate::stamp::{Holds, Stamp};

/// What judging decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that the result depends on has changed, and the result is there.
    Fresh,
    /// It must be made again; every difference that was found.
    Stale(Vec<StaleReason>),
    /// The stamp names paths that other actions of this graph produce and that are not settled yet.
    NeedsFirst(Vec<PathId>),
}

/// What judging looks at besides the action and its stamp.
pub struct View<'a> {
    /// What the disk says, and what actions of this build wrote.
    pub files: &'a mut Files,
    /// Directory listings of this build.
    pub listings: &'a mut Listings,
    /// What the graph produces.
    pub world: &'a dyn World,
    /// Whether an action of this graph that is not settled yet produces a path.
    pub pending: &'a dyn Fn(PathId) -> bool,
    /// What an earlier identity was made of, for the explanation.
    pub parts: &'a dyn Fn(&Digest) -> Option<Vec<Part>>,
    /// Digest of this machine and of where the roots lie on it.
    pub machine: Digest,
}

/// Decides whether `action`, whose command is `now`, may be skipped.
pub fn judge(action: &Action, now: &Command, stamp: Option<&Stamp>, view: &mut View<'_>) -> Verdict {
    let Some(stamp) = stamp else { return Verdict::Stale(vec![StaleReason::NeverBuilt]) };
    let pending: Vec<PathId> = inputs_of(action, stamp).filter(|path| (view.pending)(*path)).collect();
    if !pending.is_empty() {
        return Verdict::NeedsFirst(pending);
    }
    let mut reasons = judge_inputs(action, now, stamp, view);
    judge_outputs(action, stamp, view, &mut reasons);
    if reasons.is_empty() { Verdict::Fresh } else { Verdict::Stale(reasons) }
}

/// The part of [`judge`] that leaves the outputs out: whether the stamp's result is the result that the action
/// would give now. An older stamp that passes says which content the outputs should have.
pub fn judge_inputs(action: &Action, now: &Command, stamp: &Stamp, view: &mut View<'_>) -> Vec<StaleReason> {
    let unseen: Vec<PathId> = stamp.paths().filter(|path| *view.files.seen(*path) == Seen::Unknown).collect();
    view.files.observe(&unseen);
    let mut reasons = Vec::new();
    if stamp.kind != action.kind {
        reasons.push(StaleReason::NeverBuilt);
    }
    judge_command(now, stamp, view.files, &mut reasons);
    if action.auto.as_ref().is_none_or(|auto| auto.absent.is_none()) {
        judge_identity(action.identity.as_deref(), stamp, view, &mut reasons);
    }
    judge_declared(action, stamp, view.files, &mut reasons);
    judge_modes(action, stamp, view.files, &mut reasons);
    judge_discovered(stamp, view.files, &mut reasons);
    judge_lookups(action, stamp, view, &mut reasons);
    judge_place(action, stamp, view, &mut reasons);
    reasons
}

fn inputs_of<'a>(action: &'a Action, stamp: &'a Stamp) -> impl Iterator<Item = PathId> + 'a {
    action.inputs.iter().copied().chain(stamp.discovered.iter().map(|(path, _)| *path))
}

fn text(files: &Files, id: TextId) -> String {
    String::from_utf8_lossy(files.text(id)).into_owned()
}

/// What of `before` is not in `now`, counted with repetition and in order.
fn missing(before: &[TextId], now: &[TextId], files: &Files) -> Vec<String> {
    let mut left: HashMap<TextId, usize> = HashMap::new();
    for id in now {
        *left.entry(*id).or_default() += 1;
    }
    let gone = before.iter().filter(|id| match left.get_mut(id) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    gone.map(|id| text(files, *id)).collect()
}

fn judge_command(now: &Command, stamp: &Stamp, files: &Files, reasons: &mut Vec<StaleReason>) {
    let before = &stamp.command;
    if before.digest == now.digest {
        return;
    }
    if before.argv != now.argv {
        reasons.push(StaleReason::ArgumentsChanged {
            removed: missing(&before.argv, &now.argv, files),
            added: missing(&now.argv, &before.argv, files),
        });
    }
    judge_environment(now, before, files, reasons);
    if before.cwd != now.cwd {
        reasons.push(StaleReason::DirectoryChanged {
            before: text(files, before.cwd),
            now: text(files, now.cwd),
        });
    }
    if before.produces != now.produces {
        reasons.push(StaleReason::ProductsChanged {
            removed: missing(&before.produces, &now.produces, files),
            added: missing(&now.produces, &before.produces, files),
        });
    }
    if reasons.is_empty() {
        reasons.push(StaleReason::NeverBuilt);
    }
}

/// The variables, and what else stands among them: see [`Fact::name`].
fn judge_environment(now: &Command, before: &Command, files: &Files, reasons: &mut Vec<StaleReason>) {
    let values = |env: &[(TextId, TextId)], name: TextId| {
        let values = env.iter().filter(|(key, _)| *key == name).map(|(_, value)| *value);
        values.collect::<Vec<TextId>>()
    };
    let mut names: Vec<TextId> = before.env.iter().chain(&now.env).map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let (was, is) = (values(&before.env, name), values(&now.env, name));
        if was == is {
            continue;
        }
        let first = |values: &[TextId]| values.first().map(|value| text(files, *value));
        let (before, now) = (first(&was), first(&is));
        let name = text(files, name);
        reasons.push(if let Some(key) = name.strip_prefix(Fact::PROFILE) {
            StaleReason::ProfileChanged { key: key.into(), before, now }
        } else if let Some(path) = name.strip_prefix(Fact::LINK) {
            StaleReason::LinkChanged { path: path.into(), before, now }
        } else if name.starts_with('=') {
            let (removed, added) = (missing(&was, &is, files), missing(&is, &was, files));
            StaleReason::ArgumentsChanged { removed, added }
        } else {
            StaleReason::EnvironmentChanged { name, before, now }
        });
    }
}

fn judge_identity(
    identity: Option<&Identity>,
    stamp: &Stamp,
    view: &View<'_>,
    reasons: &mut Vec<StaleReason>,
) {
    let digest = identity.map(|identity| identity.digest);
    if digest == stamp.identity {
        return;
    }
    let now = identity.map_or(&[][..], |identity| &identity.parts);
    let before = stamp.identity.and_then(|digest| (view.parts)(&digest));
    let parts = before.map_or_else(Vec::new, |before| {
        let names = before.iter().chain(now).filter(|part| !(before.contains(part) && now.contains(part)));
        let mut names: Vec<String> = names.map(|part| part.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    });
    let toolchain = identity.map_or_else(|| "none".to_string(), |identity| identity.name.clone());
    reasons.push(StaleReason::ToolchainChanged { toolchain, parts });
}

fn compare(path: PathId, then: ContentId, files: &Files, reasons: &mut Vec<StaleReason>) {
    match files.content(path) {
        Some(now) if now == then => {}
        Some(_) => reasons.push(StaleReason::InputChanged { path: files.show(path) }),
        None => reasons.push(StaleReason::InputGone { path: files.show(path) }),
    }
}

fn judge_declared(action: &Action, stamp: &Stamp, files: &Files, reasons: &mut Vec<StaleReason>) {
    let same_order = action.inputs.iter().eq(stamp.declared.iter().map(|(path, _)| path));
    if same_order {
        for (path, then) in &stamp.declared {
            compare(*path, *then, files, reasons);
        }
        return;
    }
    let before: HashMap<PathId, ContentId> = stamp.declared.iter().copied().collect();
    let found = reasons.len();
    for path in &action.inputs {
        match before.get(path) {
            Some(then) => compare(*path, *then, files, reasons),
            None => reasons.push(StaleReason::InputAdded { path: files.show(*path) }),
        }
    }
    let declared: HashSet<PathId> = action.inputs.iter().copied().collect();
    for (path, _) in &stamp.declared {
        if !declared.contains(path) {
            reasons.push(StaleReason::InputRemoved { path: files.show(*path) });
        }
    }
    if reasons.len() == found {
        reasons.push(StaleReason::InputsReordered);
    }
}

fn judge_modes(action: &Action, stamp: &Stamp, files: &Files, reasons: &mut Vec<StaleReason>) {
    let now: HashSet<PathId> = action.executables(files).into_iter().collect();
    let then: HashSet<PathId> = stamp.executables.iter().copied().collect();
    for path in action.inputs.iter().filter(|_| action.modes_count()) {
        let (was, is) = (then.contains(path), now.contains(path));
        // Of one that is new, or gone, enough is said already.
        let known = || stamp.declared.iter().any(|(declared, _)| declared == path);
        if was != is && files.content(*path).is_some() && known() {
            reasons.push(StaleReason::InputModeChanged { path: files.show(*path), executable: is });
        }
    }
}

fn judge_discovered(stamp: &Stamp, files: &Files, reasons: &mut Vec<StaleReason>) {
    for (path, then) in &stamp.discovered {
        match then {
            Some(then) => compare(*path, *then, files, reasons),
            None if *files.seen(*path) == Seen::Absent => {}
            None => reasons.push(StaleReason::InputAppeared { path: files.show(*path) }),
        }
    }
}

fn judge_lookups(action: &Action, stamp: &Stamp, view: &mut View<'_>, reasons: &mut Vec<StaleReason>) {
    let then = stamp.lookups.as_ref().map(|lookups| &lookups.search);
    let now = action.discovery.search.as_ref();
    if then != now {
        let dirs = |search: Option<&Search>| search.map_or_else(Vec::new, |search| search.dirs.clone());
        let beyond = |these: &[PathId], those: &[PathId], files: &Files| {
            these.iter().filter(|dir| !those.contains(dir)).map(|dir| files.show(*dir)).collect()
        };
        let (then, now) = (dirs(then), dirs(now));
        reasons.push(StaleReason::SearchChanged {
            removed: beyond(&then, &now, view.files),
            added: beyond(&now, &then, view.files),
        });
    }
    let Some(lookups) = &stamp.lookups else { return };
    for change in lookup::check(view.files, view.world, lookups, view.listings) {
        let name = String::from_utf8_lossy(&change.name).into_owned();
        let directory = view.files.show(change.dir);
        if name.is_empty() {
            let (added, removed) =
                if change.appeared { (vec![directory], vec![]) } else { (vec![], vec![directory]) };
            reasons.push(StaleReason::SearchChanged { removed, added });
            continue;
        }
        reasons.push(if change.appeared {
            StaleReason::LookupAppeared { name, directory }
        } else {
            StaleReason::LookupGone { name, directory }
        });
    }
}

fn judge_place(action: &Action, stamp: &Stamp, view: &View<'_>, reasons: &mut Vec<StaleReason>) {
    let holds = match &stamp.holds {
        Holds::Everywhere => action.local.is_none(),
        Holds::AtRoots(bound) => bound.holds(view.files.roots()) && action.local.is_none(),
        Holds::OnMachine(digest) => *digest == view.machine,
    };
    if !holds {
        reasons.push(StaleReason::BoundElsewhere);
    }
    if let Some(why) = &stamp.unprovable {
        reasons.push(StaleReason::Unprovable { why: why.clone() });
    }
}

fn judge_outputs(action: &Action, stamp: &Stamp, view: &mut View<'_>, reasons: &mut Vec<StaleReason>) {
    let files = &*view.files;
    for output in &stamp.outputs {
        let path = files.show(output.path);
        match files.seen(output.path) {
            Seen::File { signature, content, .. } => {
                if *content != output.content || signature.executable() != output.executable {
                    reasons.push(StaleReason::OutputChanged { path });
                }
            }
            // Who needs its bytes says so.
            Seen::Absent if stamp.left => {}
            Seen::Left { content, executable } => {
                if *content != output.content || *executable != output.executable {
                    reasons.push(StaleReason::OutputChanged { path });
                }
            }
            Seen::Absent => reasons.push(StaleReason::OutputMissing { path }),
            _ => reasons.push(StaleReason::OutputChanged { path }),
        }
    }
    for (link, target) in action.links.iter().filter(|_| !stamp.left) {
        if crate::disk::link_target(&files.abs(*link)).as_ref() != Some(target) {
            reasons.push(StaleReason::OutputChanged { path: files.show(*link) });
        }
    }
}
