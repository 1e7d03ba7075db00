//! Counts along with a build: what has ended, what runs, what failed.

use std::time::Duration;

use rekindle_engine::event::{Event, Outcome, Report};
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
    /// Titles of the commands that run now, the longest-running first.
    pub(crate) running: Vec<(ActionId, String)>,
    /// Titles of what failed.
    pub(crate) failed: Vec<String>,
    /// When the work that is left should be done, if that can be told; measured like `at`.
    pub(crate) ends: Option<Duration>,
}

impl Tally {
    /// Takes in one event.
    pub(crate) fn take(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Started { total } => self.total = *total,
            Event::ActionStarted { id, kind, name, .. } => {
                self.running.push((*id, super::title(*kind, name)));
            }
            Event::ActionFinished(report) => self.finished(report),
            Event::Progress(progress) => {
                // Fresh actions are not always told one by one, but they are counted here.
                self.done = progress.done;
                self.total = self.total.max(progress.total);
                self.ends = progress.remaining_ms.map(|ms| at + Duration::from_millis(ms));
            }
            Event::Waiting(_) | Event::Notice(_) => {}
        }
    }

    fn finished(&mut self, report: &Report) {
        self.running.retain(|(id, _)| *id != report.id);
        self.done += 1;
        self.total = self.total.max(self.done);
        match report.outcome {
            Outcome::Failed => self.failed.push(super::title(report.kind, &report.name)),
            Outcome::Restored => self.restored += 1,
            Outcome::Fresh | Outcome::Ran | Outcome::WouldRun => {}
        }
    }

    /// `[3/12]`, as wide at the end as at the beginning.
    pub(crate) fn counter(&self) -> String {
        let width = self.total.to_string().len();
        format!("[{:>width$}/{}]", self.done, self.total)
    }
}
