//! Where an action stands, and how many stand where. The whole scheduler turns on this one enum.

/// Where an action stands. Each sentence says what holds while it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing that is wanted needs it. It is never handed out, and in no count.
    Unwanted,
    /// Something it depends on is not settled, and nothing it depends on has failed. It will be judged.
    Waiting,
    /// All it depends on is settled. `next_judge` will hand it out.
    ToJudge,
    /// `next_judge` has handed it out. The caller owes `fresh`, `stale`, `restored`, `needs_first` or `failed`.
    Judging,
    /// It ran and has to run again, and something it depends on is not settled. It will not be judged.
    WaitingToRun,
    /// All it depends on is settled, and it was judged stale or has to run again. `next_start` will hand it out.
    ToStart,
    /// `next_start` has handed it out, and it holds a place in its pool. The caller owes `done`, `restored`,
    /// `run_again` or `failed`.
    Running,
    /// Settled: its outputs are up to date, and were so before.
    Fresh,
    /// Settled: its outputs were made before, and taken from where they were kept.
    Restored,
    /// Settled: it ran and succeeded.
    Ran,
    /// It ended without outputs that anyone may use. Final.
    Failed,
    /// Something it depends on has failed or was skipped. Final.
    Skipped,
}

impl State {
    /// Whether its outputs may be read.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Fresh | Self::Restored | Self::Ran)
    }

    /// Whether its outputs will never come.
    pub fn is_lost(self) -> bool {
        matches!(self, Self::Failed | Self::Skipped)
    }

    /// Whether the caller has it and owes an answer.
    pub fn is_with_caller(self) -> bool {
        matches!(self, Self::Judging | Self::Running)
    }
}

/// How many wanted actions stand where. The sum of all is the total; what a build discovers that it needs adds to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// [`State::Waiting`] and [`State::WaitingToRun`].
    pub waiting: usize,
    /// [`State::ToJudge`].
    pub to_judge: usize,
    /// [`State::Judging`].
    pub judging: usize,
    /// [`State::ToStart`].
    pub to_start: usize,
    /// [`State::Running`].
    pub running: usize,
    /// [`State::Fresh`].
    pub fresh: usize,
    /// [`State::Restored`].
    pub restored: usize,
    /// [`State::Ran`].
    pub ran: usize,
    /// [`State::Failed`].
    pub failed: usize,
    /// [`State::Skipped`].
    pub skipped: usize,
}

impl Progress {
    /// All wanted actions.
    pub fn total(&self) -> usize {
        self.waiting + self.to_judge + self.judging + self.to_start + self.running + self.ended()
    }

    /// Those whose outputs may be read.
    pub fn settled(&self) -> usize {
        self.fresh + self.restored + self.ran
    }

    /// Those with which nothing more will be done.
    pub fn ended(&self) -> usize {
        self.settled() + self.failed + self.skipped
    }

    /// Those that are with the caller, who owes an answer.
    pub fn with_caller(&self) -> usize {
        self.judging + self.running
    }

    pub(crate) fn moved(&mut self, from: State, to: State) {
        if let Some(count) = self.count(from) {
            *count -= 1;
        }
        if let Some(count) = self.count(to) {
            *count += 1;
        }
    }

    fn count(&mut self, state: State) -> Option<&mut usize> {
        Some(match state {
            State::Unwanted => return None,
            State::Waiting | State::WaitingToRun => &mut self.waiting,
            State::ToJudge => &mut self.to_judge,
            State::Judging => &mut self.judging,
            State::ToStart => &mut self.to_start,
            State::Running => &mut self.running,
            State::Fresh => &mut self.fresh,
            State::Restored => &mut self.restored,
            State::Ran => &mut self.ran,
            State::Failed => &mut self.failed,
            State::Skipped => &mut self.skipped,
        })
    }
}
