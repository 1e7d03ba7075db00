//! What the caller answers for the actions that it was given.

use super::{NeedsFirst, RUNS, RunAgain, Scheduler, Then};
use crate::graph::ActionId;
use crate::state::State;

impl Scheduler {
    /// Answers for a judged action: it is up to date.
    pub fn fresh(&mut self, id: ActionId) {
        self.expect(id, &[State::Judging], "fresh");
        self.end(id, State::Fresh);
    }

    /// Answers for a judged action: it has to be made. It may be started.
    pub fn stale(&mut self, id: ActionId) {
        self.expect(id, &[State::Judging], "stale");
        match self.take_then(id) {
            Then::AsAnswered => self.queue_to_start(id),
            Then::Judge => self.queue_to_judge(id),
            Then::Skip => self.set(id, State::Skipped),
        }
    }

    /// Answers for a judged or a running action: its outputs were made before and are there again.
    pub fn restored(&mut self, id: ActionId) {
        self.expect(id, &[State::Judging, State::Running], "restored");
        self.end(id, State::Restored);
    }

    /// Answers for a running action: it succeeded.
    pub fn done(&mut self, id: ActionId) {
        self.expect(id, &[State::Running], "done");
        self.end(id, State::Ran);
    }

    /// Answers for a judged or a running action: it failed. All that depend on it are skipped.
    ///
    /// If something that it depends on changed since it was handed out (see [`Scheduler::rejudge`]), it has not
    /// failed but is judged again: [`Scheduler::state`] tells.
    pub fn failed(&mut self, id: ActionId) {
        self.expect(id, &[State::Judging, State::Running], "failed");
        self.leave(id);
        if self.take_then(id) == Then::Judge {
            self.queue_to_judge(id);
            return;
        }
        self.set(id, State::Failed);
        self.failures += 1;
        self.skip_dependents(id);
    }

    /// Answers for a judged action: what was recorded of it names outputs of `first`, so those come first. From
    /// now on it depends on them; those that were not wanted are wanted now.
    pub fn needs_first(&mut self, id: ActionId, first: &[ActionId]) -> NeedsFirst {
        self.expect(id, &[State::Judging], "in need of others");
        if let Some(with) = self.closes_cycle(id, first) {
            return NeedsFirst::Cycle { with };
        }
        self.depend(id, first);
        let node = &self.nodes[id.index()];
        if node.then == Then::Skip || self.any_lost(first) {
            self.lose(id);
            return NeedsFirst::Skipped;
        }
        if node.unsettled == 0 {
            return NeedsFirst::Ready;
        }
        self.take_then(id);
        self.set(id, State::Waiting);
        NeedsFirst::Waiting
    }

    /// Answers for a running action that has ended: it read outputs of `after` without depending on them. From now
    /// on it does, and it runs again behind them unless this run came after them anyway.
    ///
    /// This ends: each time but the last adds an edge, and after [`RunAgain::LIMIT`] runs it is given up.
    pub fn run_again(&mut self, id: ActionId, after: &[ActionId]) -> RunAgain {
        self.expect(id, &[State::Running], "to run again");
        if let Some(with) = self.closes_cycle(id, after) {
            return RunAgain::Cycle { with };
        }
        let node = &self.nodes[id.index()];
        let came_before = |first: &ActionId| {
            let first = &self.nodes[first.index()];
            first.state.is_settled() && first.settled < node.started
        };
        let not_needed = after.iter().all(came_before);
        if !not_needed && node.runs >= RUNS {
            return RunAgain::TooOften;
        }
        let skip = node.then == Then::Skip;
        self.depend(id, after);
        if skip || self.any_lost(after) {
            self.leave(id);
            self.lose(id);
            return RunAgain::Skipped;
        }
        if not_needed {
            return RunAgain::NotNeeded;
        }
        self.leave(id);
        self.take_then(id);
        if self.nodes[id.index()].unsettled == 0 {
            self.queue_to_start(id)
        } else {
            self.set(id, State::WaitingToRun)
        }
        RunAgain::Later
    }

    /// Tells that the outputs of something that `id` depends on are no longer what they were when `id` was judged.
    ///
    /// If it is settled, it is judged again, and what waits for it waits again; what is settled behind it is left
    /// so until the caller says the same of it. If it is with the caller, it is judged again after the answer, which
    /// then counts for nothing. If it has failed or was skipped, or was not judged yet, nothing happens.
    pub fn rejudge(&mut self, id: ActionId) {
        let node = &mut self.nodes[id.index()];
        match node.state {
            State::Fresh | State::Restored | State::Ran => self.reopen(id),
            State::Judging | State::Running if node.then == Then::AsAnswered => node.then = Then::Judge,
            State::ToStart => self.queue_to_judge(id),
            _ => {}
        }
    }

    #[track_caller]
    fn expect(&self, id: ActionId, states: &[State], answer: &str) {
        let state = self.state(id);
        assert!(states.contains(&state), "action {} cannot be {answer}: it is {state:?}", id.0);
    }
}
