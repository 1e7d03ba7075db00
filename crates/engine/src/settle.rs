//! Settling an action that needs no command: it is fresh, or what it was before its last run can be put back.

use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::judge::{Verdict, judge, judge_inputs};
use rekindle_fingerprint::lookup;
use rekindle_fingerprint::printed;
use rekindle_fingerprint::reason::StaleReason;
use rekindle_fingerprint::stamp::{Bound, Holds, Stamp};
use rekindle_scheduler::{ActionId, NeedsFirst};

use crate::event::{Outcome, Remarks};
use crate::history::Before;
use crate::kept::Kept;
use crate::session::Session;
use crate::shared::Looked;

impl Session<'_> {
    /// Judges an action: it is fresh, restored, waits for others, or may be started.
    pub(crate) fn settle(&mut self, id: ActionId) {
        let before = self.ended_before.get(&id).copied();
        if before == Some(Outcome::Failed) {
            // It was told before the build began again.
            self.scheduler.failed(id);
            self.count(id, Outcome::Failed, &Remarks::default());
            return self.progress();
        }
        if self.lacks_required_tool(id) {
            return;
        }
        match self.judge(id) {
            Some(Verdict::Fresh) => {
                let mut changes = self.planned_changes(id);
                if let Some(stamp) = self.dir.history.current(self.key(id)) {
                    changes.extend(self.newly_left(id, stamp));
                    let wanted = self.is_wanted_here(id, stamp).map(|path| self.files.show(path));
                    changes.extend(wanted.map(|path| match self.is_lost(id) {
                        true => StaleReason::OutputLost { path },
                        false => StaleReason::OutputLeft { path },
                    }));
                }
                if changes.is_empty() { self.fresh(id) } else { self.stale(id, changes) }
            }
            // In one build it is made once.
            Some(Verdict::Stale(reasons))
                if before == Some(Outcome::Ran)
                    && reasons.iter().all(|reason| matches!(reason, StaleReason::Unprovable { .. })) =>
            {
                self.fresh(id);
            }
            Some(Verdict::Stale(mut reasons)) => {
                reasons.extend(self.planned_changes(id));
                self.stale(id, reasons);
            }
            // It waits for others, or cannot be made because one of them failed.
            Some(Verdict::NeedsFirst(_)) | None => {}
        }
    }

    /// What the inputs of a link leave for it to read, or those of an archive for it to pass on, and did not when it was
    /// done: the objects are the same, and mean other files now.
    fn newly_left(&self, id: ActionId, stamp: &Stamp) -> Vec<StaleReason> {
        let action = self.graph.action(id);
        let is_link = action.kind == ActionKind::Link;
        if !is_link && action.kind != ActionKind::Archive {
            return Vec::new();
        }
        let read = stamp.discovered.iter().map(|(path, _)| *path);
        let producers =
            action.inputs.iter().copied().chain(read).filter_map(|path| self.graph.producer(path));
        let left = producers.filter_map(|producer| self.dir.history.current(self.key(producer)));
        let mut left: Vec<PathId> = left.flat_map(|stamp| stamp.deferred.iter().copied()).collect();
        left.sort_unstable();
        left.dedup();
        left.retain(|path| {
            let is_read =
                action.inputs.contains(path) || stamp.discovered.iter().any(|(read, _)| read == path);
            if is_link { !is_read } else { !stamp.deferred.contains(path) }
        });
        left.into_iter().map(|path| StaleReason::InputAdded { path: self.files.show(path) }).collect()
    }

    fn judge(&mut self, id: ActionId) -> Option<Verdict> {
        let key = self.key(id);
        let now = self.command(id);
        loop {
            let action = self.graph.action(id);
            let verdict = self.with_view(key, |view, current, _| judge(action, &now, current, view));
            let Verdict::NeedsFirst(paths) = verdict else { return Some(verdict) };
            let first: Vec<ActionId> = paths.iter().filter_map(|path| self.graph.producer(*path)).collect();
            match self.scheduler.needs_first(id, &first) {
                NeedsFirst::Ready => {}
                NeedsFirst::Waiting | NeedsFirst::Skipped => return None,
                // What it read then cannot come first now: the stamp is void.
                NeedsFirst::Cycle { .. } if !self.builds() => {
                    return Some(Verdict::Stale(vec![StaleReason::NeverBuilt]));
                }
                NeedsFirst::Cycle { .. } => {
                    if let Err(error) = self.dir.history.forget(key, self.files) {
                        self.give_up(error);
                    }
                }
            }
        }
    }

    fn fresh(&mut self, id: ActionId) {
        self.scheduler.fresh(id);
        self.leave_outputs(id);
        let key = self.key(id);
        self.refresh_lookups(key);
        let Some(stamp) = self.dir.history.current(key) else { return };
        let (remarks, named) = (remarks_of(stamp), stamp.printed.clone());
        let absent = self.graph.action(id).auto.as_ref().is_some_and(|auto| auto.absent.is_some());
        if named.is_empty() && !absent && !self.request.report_fresh {
            self.count(id, Outcome::Fresh, &remarks);
            return;
        }
        let mut report = self.report(id, Outcome::Fresh);
        report.printed = printed::with_paths(&named, self.files.roots());
        report.remarks = Remarks { local: report.remarks.local, ..remarks };
        self.finished(report);
    }

    /// A directory that is searched has other names than when the stamp was made, and no answer has changed: writes
    /// that down, so that the next build need not find out again.
    fn refresh_lookups(&mut self, key: PathId) {
        if !self.builds() {
            return;
        }
        let Self { dir, files, world, listings, .. } = self;
        let Some(stamp) = dir.history.current(key) else { return };
        let Some(lookups) = &stamp.lookups else { return };
        if !lookup::is_outdated(files, world, lookups, listings) {
            return;
        }
        let lookups = Some(lookup::refresh(files, world, lookups, listings));
        let stamp = Stamp { lookups, ..stamp.clone() };
        if let Err(error) = dir.history.succeed(key, stamp, Before::Stays, files) {
            self.give_up(error);
        }
    }

    /// Planning: the inputs that would be made anew before the action, with content that cannot be known yet.
    pub(crate) fn planned_changes(&self, id: ActionId) -> Vec<StaleReason> {
        if self.would_change.is_empty() {
            return Vec::new();
        }
        let action = self.graph.action(id);
        let discovered = self.dir.history.current(action.outputs[0]).into_iter();
        let discovered = discovered.flat_map(|stamp| stamp.discovered.iter().map(|(path, _)| *path));
        let mut changes: Vec<PathId> = action.inputs.iter().copied().chain(discovered).collect();
        changes.retain(|path| self.would_change.contains(path));
        changes.dedup();
        changes
            .into_iter()
            .map(|path| StaleReason::InputWillBeBuilt { path: self.files.show(path) })
            .collect()
    }

    fn stale(&mut self, id: ActionId, reasons: Vec<StaleReason>) {
        self.reasons.insert(id, reasons);
        let found = !self.is_lost(id) && (self.restore(id) || self.restore_shared(id) != Looked::Missed);
        if !found {
            self.needs_to_run(id);
        }
    }

    /// Puts the outputs of the previous stamp back, if that stamp's result is the one that is wanted now.
    fn restore(&mut self, id: ActionId) -> bool {
        let (key, now, action) = (self.key(id), self.command(id), self.graph.action(id));
        let (previous, intact) = self.with_view(key, |view, current, previous| {
            let holds = |stamp: &&Stamp| {
                let pending = stamp.discovered.iter().any(|(path, _)| (view.pending)(*path));
                // Of a tool that is not here, the one is meant that made what is recorded last.
                let absent = action.auto.as_ref().is_some_and(|auto| auto.absent.is_some());
                let other = absent && current.is_none_or(|current| current.identity != stamp.identity);
                // Whatever a journal says, nothing is put where the action does not write.
                let its_own = stamp.outputs.iter().map(|output| &output.path).eq(&action.outputs);
                its_own && !pending && !other && judge_inputs(action, &now, stamp, view).is_empty()
            };
            let previous = previous.filter(holds).cloned();
            let intact = current.is_some_and(|current| {
                current.outputs.iter().all(|output| view.files.content(output.path) == Some(output.content))
            });
            (previous, intact)
        });
        let Some(stamp) = previous.filter(|stamp| self.newly_left(id, stamp).is_empty()) else {
            return false;
        };
        if self.builds() {
            let kept = Kept::of(&self.dir.kept(), key, self.files);
            let Some(aside) = kept.restore(&stamp, self.files) else { return false };
            let kept_now = kept.keep(aside, &self.output_paths(id), intact);
            let outputs: Vec<PathId> = stamp.outputs.iter().map(|output| output.path).collect();
            self.files.observe_again(&outputs);
            if let Err(error) = self.make_links(id) {
                self.give_up(error);
            }
            if let Err(error) =
                self.dir.history.succeed(key, stamp.clone(), Before::of_current(kept_now), self.files)
            {
                self.give_up(error);
            }
        } else {
            for output in &stamp.outputs {
                self.files.assume(output.path, output.content, output.executable);
            }
        }
        self.scheduler.restored(id);
        let mut report = self.report(id, Outcome::Restored);
        report.printed = printed::with_paths(&stamp.printed, self.files.roots());
        report.remarks = Remarks { local: report.remarks.local, ..remarks_of(&stamp) };
        self.finished(report);
        true
    }

    /// Planning: takes it that the command ran and wrote something new.
    pub(crate) fn would_run(&mut self, id: ActionId) {
        self.would_change.extend(&self.graph.action(id).outputs);
        let report = self.report(id, Outcome::WouldRun);
        self.scheduler.done(id);
        self.finished(report);
    }
}

/// What a stamp says about its result.
pub(crate) fn remarks_of(stamp: &Stamp) -> Remarks {
    let bound = match &stamp.holds {
        Holds::AtRoots(bound) => Some(bound),
        _ => None,
    };
    Remarks {
        bound: bound.map(|bound| bound.why.clone()),
        bound_to_tools: bound.is_some_and(is_of_tools),
        volatile: stamp.volatile.clone(),
        unprovable: stamp.unprovable.clone(),
        local: matches!(stamp.holds, Holds::OnMachine(_)).then(|| "recorded so".to_string()),
        unrecorded: None,
    }
}

/// Whether a result is bound to nothing but where toolchains lie, which is no affair of the project.
fn is_of_tools(bound: &Bound) -> bool {
    let is_tool = |root: &str| root.starts_with("tc.") || root.starts_with("sys.");
    // What lies in the home directory holds its path too.
    let is_home = |root: &str| root.starts_with("home");
    bound.roots.iter().any(|root| is_tool(root))
        && bound.roots.iter().all(|root| is_tool(root) || is_home(root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_fingerprint::roots::Roots;

    #[test]
    fn what_is_bound_to_toolchains_alone_is_told_apart() {
        let of = |names: &[&str]| {
            let names = names.iter().map(|name| Box::from(*name));
            is_of_tools(&Bound::here(names, "a flag", &Roots::new("/w", "/w/out")))
        };
        assert!(of(&["tc.avr"]) && of(&["tc.avr", "sys.host"]) && of(&["tc.avr", "home"]));
        assert!(!of(&["ws"]) && !of(&["tc.avr", "ws"]) && !of(&["home"]));
    }
}
