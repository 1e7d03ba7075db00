//! The state machine that says what to judge and what to start. It does nothing itself.

use crate::edges::Edges;
use crate::graph::{ActionId, Graph};
use crate::priority;
use crate::queue::{Pools, Queue};
use crate::state::{Progress, State};

mod answers;
mod moves;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;

/// How often one action is run in one build before its reads are taken to have no end.
const RUNS: u32 = 8;

/// What bounds a build besides the pools of its graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How many actions may fail while the rest is built on; `usize::MAX` for any number. Without it, the first
    /// failure ends the build, as `Some(0)` does: what runs is let finish, and nothing new is handed out.
    pub keep_going: Option<usize>,
}

/// What [`Scheduler::needs_first`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsFirst {
    /// All of them are settled: judge on. The action is still with the caller.
    Ready,
    /// The action waits for them, and is handed out for judging again behind them.
    Waiting,
    /// One of them has failed or was skipped, so the action is skipped.
    Skipped,
    /// `with` depends on the action, so it cannot come first. No edge was added, and the action is still with the
    /// caller, who drops the stamp or input set that asked for this.
    Cycle {
        /// The first of those asked for that depends on the action, or the action itself.
        with: ActionId,
    },
}

/// What [`Scheduler::run_again`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunAgain {
    /// All of them were settled before this run started, so it read what it should. The action is still running:
    /// the caller answers `done`.
    NotNeeded,
    /// This run does not count. The action is handed out by `next_start` again, behind them.
    Later,
    /// One of them has failed or was skipped, so this run does not count and the action is skipped.
    Skipped,
    /// `with` depends on the action, so it cannot come first. No edge was added; the action is still running. The
    /// caller may take the result for this build and must not record it.
    Cycle {
        /// The first of those asked for that depends on the action, or the action itself.
        with: ActionId,
    },
    /// It ran [`RunAgain::LIMIT`] times and still reads what comes later. The action is still running. The caller
    /// may take the result for this build and must not record it.
    TooOften,
}

impl RunAgain {
    /// How often an action is run in one build at most.
    pub const LIMIT: u32 = RUNS;
}

/// What becomes of an action that is with the caller, when the caller answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// What the caller says.
    AsAnswered,
    /// It is judged again: something it depends on changed meanwhile.
    Judge,
    /// It is skipped: something it depends on failed meanwhile.
    Skip,
}

struct Node {
    state: State,
    then: Then,
    /// How many of the actions that it depends on are not settled. Not kept while it is unwanted.
    unsettled: usize,
    /// How long it is taken to run, in milliseconds.
    estimate: u64,
    /// How long the longest way from its start to the end is taken to be, in milliseconds.
    priority: u64,
    runs: u32,
    /// The tick at which it last started.
    started: u64,
    /// The tick at which it last settled.
    settled: u64,
}

/// Says which action to judge and which to start, and is told what came of it.
///
/// The caller asks [`Scheduler::next_judge`] and [`Scheduler::next_start`] as often as it has hands free, and
/// answers for each action it was given, in any order, until [`Scheduler::finished`].
///
/// # Panics
/// Every method that answers for an action panics if the action is not with the caller in the state that the
/// method names: that is a mistake in the calling program, whatever the input.
pub struct Scheduler {
    nodes: Vec<Node>,
    edges: Edges,
    judge: Queue,
    start: Pools,
    progress: Progress,
    failures: usize,
    keep_going: usize,
    stopped: bool,
    /// Whether an action that was settled was ever judged again.
    reopened: bool,
    tick: u64,
}

impl Scheduler {
    /// A scheduler for the actions `wanted` of `graph` and all that they need. `duration` says how many
    /// milliseconds an action took when it last ran.
    ///
    /// [`Graph::check`] must have found no cycle: an action on one is never handed out.
    pub fn new(
        graph: &Graph,
        wanted: &[ActionId],
        duration: impl Fn(ActionId) -> Option<u64>,
        limits: Limits,
    ) -> Self {
        let node = |estimate| Node {
            state: State::Unwanted,
            then: Then::AsAnswered,
            unsettled: 0,
            estimate,
            priority: 0,
            runs: 0,
            started: 0,
            settled: 0,
        };
        let mut scheduler = Self {
            nodes: priority::estimates(graph, duration).into_iter().map(node).collect(),
            edges: Edges::new(graph),
            judge: Queue::default(),
            start: Pools::new(graph),
            progress: Progress::default(),
            failures: 0,
            keep_going: limits.keep_going.unwrap_or(0),
            stopped: false,
            reopened: false,
            tick: 0,
        };
        scheduler.want(wanted);
        scheduler
    }

    /// The next action to judge: all it depends on is settled. The most urgent one first, so that what takes
    /// longest is known to be stale first. `None` until something is answered, or for good.
    pub fn next_judge(&mut self) -> Option<ActionId> {
        if self.is_stopped() {
            return None;
        }
        let nodes = &self.nodes;
        let id = self.judge.pop(|id| nodes[id.index()].state == State::ToJudge)?;
        self.set(id, State::Judging);
        Some(id)
    }

    /// The next action to start: stale, all it depends on settled, its pool not full, and the longest way to the
    /// end of all such; of equal ones the smallest number. How many run at once is the caller's to limit: ask
    /// when there is a place. `None` until something is answered, or for good.
    pub fn next_start(&mut self) -> Option<ActionId> {
        if self.is_stopped() {
            return None;
        }
        let nodes = &self.nodes;
        let id = self.start.start(|id| nodes[id.index()].state == State::ToStart)?;
        self.set(id, State::Running);
        let tick = self.next_tick();
        let node = &mut self.nodes[id.index()];
        node.started = tick;
        node.runs += 1;
        Some(id)
    }

    /// The priority of the action that [`Scheduler::next_judge`] would give now.
    pub fn first_to_judge(&mut self) -> Option<u64> {
        let (stopped, nodes) = (self.is_stopped(), &self.nodes);
        self.judge.first(|id| !stopped && nodes[id.index()].state == State::ToJudge)
    }

    /// The priority of the action that [`Scheduler::next_start`] would give now.
    pub fn first_to_start(&mut self) -> Option<u64> {
        let (stopped, nodes) = (self.is_stopped(), &self.nodes);
        self.start.first(|id| !stopped && nodes[id.index()].state == State::ToStart)
    }

    /// Whether there is nothing more to do: nothing is with the caller, and nothing will be handed out.
    pub fn finished(&self) -> bool {
        let Progress { to_judge, to_start, .. } = self.progress;
        self.progress.with_caller() == 0 && (self.is_stopped() || to_judge + to_start == 0)
    }

    /// Hands out nothing new from here on, as after an interrupt. What is with the caller is still answered for.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether nothing new is handed out, because of [`Scheduler::stop`] or because more failed than may.
    pub fn is_stopped(&self) -> bool {
        self.stopped || self.failures > self.keep_going
    }

    /// Where an action stands.
    pub fn state(&self, id: ActionId) -> State {
        self.nodes[id.index()].state
    }

    /// How many wanted actions stand where.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// How long an action is taken to run, in milliseconds: as long as it ran last, else the mean of what is
    /// recorded of its kind, else a guess.
    pub fn estimate(&self, id: ActionId) -> u64 {
        self.nodes[id.index()].estimate
    }

    /// How long it is taken to last from the start of an action to the end of the build, on any number of cores,
    /// in milliseconds. Zero for an action that is not wanted.
    pub fn priority(&self, id: ActionId) -> u64 {
        self.nodes[id.index()].priority
    }

    /// Whether `to` is `from`, or depends on it over declared edges and those that were added.
    pub fn is_reachable(&mut self, from: ActionId, to: ActionId) -> bool {
        self.edges.leads(from, &[to])
    }

    /// How many edges were followed so far. It is what scheduling costs, and must stay linear.
    pub fn steps(&self) -> u64 {
        self.edges.steps()
    }

    fn set(&mut self, id: ActionId, state: State) {
        let node = &mut self.nodes[id.index()];
        self.progress.moved(node.state, state);
        node.state = state;
    }

    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }
}
