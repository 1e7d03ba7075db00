//! What follows from an answer for other actions: waves along the edges.

use super::{Scheduler, Then};
use crate::graph::ActionId;
use crate::state::State;

impl Scheduler {
    /// Makes `roots` and all that they need wanted.
    pub(super) fn want(&mut self, roots: &[ActionId]) {
        let Self { edges, nodes, progress, .. } = self;
        let order = edges.post_order(roots, |id| {
            let node = &mut nodes[id.index()];
            let first = node.state == State::Unwanted;
            if first {
                progress.moved(node.state, State::Waiting);
                node.state = State::Waiting;
                node.priority = node.estimate;
            }
            first
        });
        // Backwards, so that the way to the end of all that depend on an action is known before its own.
        for id in order.iter().rev() {
            let tail = self.nodes[id.index()].priority;
            for need in self.edges.needs(*id) {
                let need = &mut self.nodes[need.index()];
                need.priority = need.priority.max(need.estimate.saturating_add(tail));
            }
        }
        for id in order {
            let states = self.edges.needs(id).iter().map(|need| self.nodes[need.index()].state);
            let (mut unsettled, mut lost) = (0, false);
            for state in states {
                unsettled += usize::from(!state.is_settled());
                lost |= state.is_lost();
            }
            self.nodes[id.index()].unsettled = unsettled;
            if lost {
                self.set(id, State::Skipped);
            } else if unsettled == 0 {
                self.queue_to_judge(id);
            }
        }
    }

    /// The first of `first` that is `id` or depends on it.
    pub(super) fn closes_cycle(&mut self, id: ActionId, first: &[ActionId]) -> Option<ActionId> {
        // What is settled depends on settled actions alone, as long as none was judged again; `id` is not settled.
        let certain = |first: &ActionId| !self.reopened && self.nodes[first.index()].state.is_settled();
        let mut open = self.edges.missing(id, first);
        open.retain(|first| !certain(first));
        if open.is_empty() || !self.edges.leads(id, &open) {
            return None;
        }
        first.iter().copied().find(|first| open.contains(first) && self.edges.leads(id, &[*first]))
    }

    /// Lets `id`, which is with the caller, depend on `first`, none of which depends on it.
    pub(super) fn depend(&mut self, id: ActionId, first: &[ActionId]) {
        let missing = self.edges.missing(id, first);
        self.want(&missing);
        self.edges.add(id, &missing);
        let tail = self.nodes[id.index()].priority;
        for first in missing {
            if !self.nodes[first.index()].state.is_settled() {
                self.nodes[id.index()].unsettled += 1;
                self.raise(first, tail);
            }
        }
    }

    /// Makes `id` and what it waits for at least as urgent as something that lasts `tail` milliseconds from
    /// its start and now depends on `id`.
    fn raise(&mut self, id: ActionId, tail: u64) {
        let mut open = vec![(id, tail)];
        while let Some((id, tail)) = open.pop() {
            let node = &mut self.nodes[id.index()];
            let priority = node.estimate.saturating_add(tail);
            if node.state.is_settled() || node.priority >= priority {
                continue;
            }
            node.priority = priority;
            // The entry with the old priority stays behind in the queue and is dropped when it comes up.
            match node.state {
                State::ToJudge => self.judge.push(id, priority),
                State::ToStart => self.start.push(id, priority),
                State::Waiting | State::WaitingToRun => {
                    open.extend(self.edges.needs(id).iter().map(|need| (*need, priority)));
                }
                _ => {}
            }
        }
    }

    pub(super) fn any_lost(&self, ids: &[ActionId]) -> bool {
        ids.iter().any(|id| self.state(*id).is_lost())
    }

    /// Ends an action that is with the caller as the caller says, unless something came between.
    pub(super) fn end(&mut self, id: ActionId, state: State) {
        self.leave(id);
        match self.take_then(id) {
            Then::AsAnswered => self.settle(id, state),
            Then::Judge => self.queue_to_judge(id),
            Then::Skip => self.set(id, State::Skipped),
        }
    }

    /// Gives back the place in the pool of an action that is running.
    pub(super) fn leave(&mut self, id: ActionId) {
        if self.state(id) == State::Running {
            self.start.end(id);
        }
    }

    pub(super) fn take_then(&mut self, id: ActionId) -> Then {
        std::mem::replace(&mut self.nodes[id.index()].then, Then::AsAnswered)
    }

    /// Lets an action be judged as soon as all it depends on is settled.
    pub(super) fn queue_to_judge(&mut self, id: ActionId) {
        if self.nodes[id.index()].unsettled > 0 {
            self.set(id, State::Waiting);
        } else {
            self.set(id, State::ToJudge);
            self.judge.push(id, self.nodes[id.index()].priority);
        }
    }

    pub(super) fn queue_to_start(&mut self, id: ActionId) {
        self.set(id, State::ToStart);
        self.start.push(id, self.nodes[id.index()].priority);
    }

    fn settle(&mut self, id: ActionId, state: State) {
        self.set(id, state);
        self.nodes[id.index()].settled = self.next_tick();
        for next in self.edges.feeds(id).to_vec() {
            let node = &mut self.nodes[next.index()];
            if node.state == State::Unwanted {
                continue;
            }
            node.unsettled -= 1;
            match node.state {
                State::Waiting if node.unsettled == 0 => self.queue_to_judge(next),
                State::WaitingToRun if node.unsettled == 0 => self.queue_to_start(next),
                _ => {}
            }
        }
    }

    /// Takes back that an action is settled.
    pub(super) fn reopen(&mut self, id: ActionId) {
        self.reopened = true;
        for next in self.edges.feeds(id).to_vec() {
            let node = &mut self.nodes[next.index()];
            if node.state == State::Unwanted {
                continue;
            }
            node.unsettled += 1;
            match node.state {
                State::ToJudge | State::ToStart => self.set(next, State::Waiting),
                State::Judging | State::Running if node.then == Then::AsAnswered => node.then = Then::Judge,
                _ => {}
            }
        }
        self.queue_to_judge(id);
    }

    /// Skips an action that depends on one that was lost, and all that depend on it.
    pub(super) fn lose(&mut self, id: ActionId) {
        self.take_then(id);
        self.set(id, State::Skipped);
        self.skip_dependents(id);
    }

    /// Skips all that depend on `id`: at once, or, what is with the caller, when the caller answers.
    pub(super) fn skip_dependents(&mut self, id: ActionId) {
        let mut open = vec![id];
        while let Some(lost) = open.pop() {
            for next in self.edges.feeds(lost).to_vec() {
                let node = &mut self.nodes[next.index()];
                match node.state {
                    State::Unwanted | State::Failed | State::Skipped => continue,
                    State::Judging | State::Running if node.then == Then::Skip => continue,
                    State::Judging | State::Running => node.then = Then::Skip,
                    _ => self.set(next, State::Skipped),
                }
                open.push(next);
            }
        }
    }
}
