//! Counts along with a build: what has ended, what runs, what failed, how long the rest should take.

use std::time::Duration;

use rekindle_engine::event::{Event, Left, Outcome, Report};
use rekindle_scheduler::graph::ActionId;

/// The state of a build as far as its events tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Actions that have ended.
    pub(crate) done: usize,
    /// Actions that the targets need.
    pub(crate) total: usize,
    /// Actions whose outputs were put back.
    pub(crate) restored: usize,
    /// The commands that run now, the longest-running first.
    pub(crate) running: Vec<Running>,
    /// Titles of what failed.
    pub(crate) failed: Vec<String>,
    /// What is left by recorded durations, if enough is recorded.
    left: Option<Left>,
}

/// A command that runs.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    id: ActionId,
    /// What it is called.
    pub(crate) title: String,
    since: Duration,
    expected_ms: u64,
    way_ms: u64,
}

impl Running {
    /// How much of its expected time has gone by.
    fn used_ms(&self, at: Duration) -> u64 {
        let ran = at.saturating_sub(self.since).as_millis();
        u64::try_from(ran).unwrap_or(u64::MAX).min(self.expected_ms)
    }
}

impl Tally {
    /// Takes in one event.
    pub(crate) fn take(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Started { total } => self.total = *total,
            Event::ActionStarted { id, kind, name, expected_ms, way_ms, .. } => {
                // One that has to run again was never told to have ended.
                self.running.retain(|running| running.id != *id);
                let (title, expected_ms, way_ms) = (super::title(*kind, name), *expected_ms, *way_ms);
                self.running.push(Running { id: *id, title, since: at, expected_ms, way_ms });
            }
            Event::ActionFinished(report) => self.finished(report),
            Event::Progress(progress) => {
                // Fresh actions are not always told one by one, but they are counted here.
                self.done = progress.done;
                self.total = self.total.max(progress.total);
                self.left = progress.left;
            }
            Event::Waiting(_) | Event::ToolIsBusy { .. } | Event::Notice(_) => {}
        }
    }

    fn finished(&mut self, report: &Report) {
        if let Some(at) = self.running.iter().position(|running| running.id == report.id) {
            let running = self.running.remove(at);
            if let Some(left) = &mut self.left {
                left.work_ms = left.work_ms.saturating_sub(running.expected_ms);
            }
        }
        self.done += 1;
        self.total = self.total.max(self.done);
        match report.outcome {
            Outcome::Failed => self.failed.push(super::title(report.kind, &report.name)),
            Outcome::Restored => self.restored += 1,
            Outcome::Fresh | Outcome::Ran | Outcome::WouldRun => {}
        }
    }

    /// How long it should take from `at` to the end, if that can be told: what is left, spread over `jobs` commands at
    /// once, but no less than the longest chain of what is left.
    pub(crate) fn remaining(&self, at: Duration, jobs: usize) -> Option<Duration> {
        let Left { work_ms, way_ms } = self.left?;
        let used: u64 = self.running.iter().map(|running| running.used_ms(at)).sum();
        let spread = work_ms.saturating_sub(used) / jobs.max(1) as u64;
        let ways = self.running.iter().map(|running| running.way_ms.saturating_sub(running.used_ms(at)));
        Some(Duration::from_millis(spread.max(way_ms).max(ways.max().unwrap_or(0))))
    }

    /// `[3/12]`, as wide at the end as at the beginning.
    pub(crate) fn counter(&self) -> String {
        let width = self.total.to_string().len();
        format!("[{:>width$}/{}]", self.done, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn seconds(tally: &Tally, at: u64, jobs: usize) -> u64 {
        tally.remaining(Duration::from_secs(at), jobs).unwrap().as_secs()
    }

    fn take(tally: &mut Tally, events: &[Event], at: u64) {
        events.iter().for_each(|event| tally.take(event, Duration::from_secs(at)));
    }

    #[test]
    fn what_is_left_is_spread_over_the_jobs_and_what_running_commands_have_done_is_taken_off() {
        let mut tally = Tally::default();
        let (one, two) = (samples::expected(1, 10_000, 10_000), samples::expected(2, 10_000, 10_000));
        take(&mut tally, &[one, two, samples::left(40_000, 10_000)], 100);
        assert_eq!(seconds(&tally, 100, 2), 20);
        assert_eq!(seconds(&tally, 104, 2), 16);
        // News in between changes nothing about how long the two have run.
        take(&mut tally, &[samples::left(40_000, 10_000)], 104);
        assert_eq!(seconds(&tally, 104, 2), 16);
        // They take longer than they did: the rest stays as long as it is.
        assert_eq!(seconds(&tally, 130, 2), 10);
    }

    #[test]
    fn it_takes_at_least_as_long_as_the_longest_chain() {
        let mut tally = Tally::default();
        take(&mut tally, &[samples::expected(1, 2_000, 30_000), samples::left(40_000, 28_000)], 0);
        assert_eq!(seconds(&tally, 0, 64), 30);
        assert_eq!(seconds(&tally, 1, 64), 29);
        assert_eq!(seconds(&tally, 9, 64), 28, "what has not started takes as long as it takes");
    }

    #[test]
    fn an_end_never_makes_the_rest_longer() {
        for ran in [1, 3, 5, 9] {
            let mut tally = Tally::default();
            let one = samples::expected(1, 5_000, 5_000);
            take(&mut tally, &[one, samples::left(9_000, 4_000)], 0);
            let before = seconds(&tally, ran, 1);
            take(&mut tally, &[samples::ran(1, "x.c")], ran);
            let between = seconds(&tally, ran, 1);
            take(&mut tally, &[samples::left(4_000, 4_000)], ran);
            assert_eq!((between, seconds(&tally, ran, 1)), (4, 4));
            assert!(before >= 4, "{before}");
        }
    }

    #[test]
    fn a_command_that_runs_again_runs_once() {
        let mut tally = Tally::default();
        take(&mut tally, &[samples::started(1, "a.c"), samples::started(1, "a.c")], 0);
        assert_eq!(tally.running.len(), 1);
        take(&mut tally, &[samples::ran(1, "a.c")], 1);
        assert!(tally.running.is_empty());
    }

    #[test]
    fn where_little_is_recorded_nothing_is_said() {
        assert_eq!(Tally::default().remaining(Duration::ZERO, 4), None);
    }
}
