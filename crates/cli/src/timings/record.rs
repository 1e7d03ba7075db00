//! What happened in a build, collected from its events.

use std::collections::HashMap;
use std::time::Duration;

use rekindle_engine::event::{Event, Outcome, Report};
use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::reason::StaleReason;
use rekindle_scheduler::{ActionId, Graph};

use super::critical::{self, Needs};

/// How many characters of what a failed command printed are kept.
const PRINTED: usize = 4_000;

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Its command ran and succeeded.
    Ran,
    /// It was put back.
    Restored,
    /// It failed.
    Failed,
    /// Its command ran, and had to run again.
    Again,
    /// The build ended before it did.
    CutOff,
}

impl How {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Restored => "put back",
            Self::Failed => "failed",
            Self::Again => "ran, and had to run again",
            Self::CutOff => "was cut off",
        }
    }
}

/// Something that took time: a command that ran, or a result that was put back.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Its action.
    pub(super) id: ActionId,
    /// What it does.
    pub(super) kind: ActionKind,
    /// The action's name.
    pub(super) name: String,
    /// How it ended.
    pub(super) how: How,
    /// When it started; of what was put back, when that was told.
    pub(super) started: Duration,
    /// When it was done with: its command had ended and its result was recorded.
    pub(super) ended: Duration,
    /// How long its command ran, in milliseconds.
    pub(super) ms: u64,
    /// The lane in which it ran; none if no command did.
    pub(super) lane: Option<usize>,
    /// Why it was not fresh.
    pub(super) reasons: Vec<String>,
    /// If it failed: what was wrong.
    pub(super) failure: Option<String>,
    /// If it failed: what its command printed.
    pub(super) printed: String,
    /// Whether it is on the critical path.
    pub(super) critical: bool,
}

impl Run {
    /// `compile src/a.c`.
    pub(super) fn title(&self) -> String {
        crate::reporter::title(self.kind, &self.name)
    }
}

/// All of it, when the build has ended.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// What took time, in the order in which it started.
    pub(super) runs: Vec<Run>,
    /// Which of them are the critical path, the first one first.
    pub(super) critical: Vec<usize>,
    /// How many commands ran at once at most.
    pub(super) lanes: usize,
    /// From the start of the process to its end.
    pub(super) wall: Duration,
}

/// Takes events in.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    needs: Option<Needs>,
    runs: Vec<Run>,
    /// By action, which of them runs.
    open: HashMap<ActionId, usize>,
    /// Which lanes are taken.
    lanes: Vec<bool>,
}

impl Recorder {
    /// The graph that is built.
    pub(super) fn graph(&mut self, graph: &Graph) {
        self.needs = Some(critical::needs(graph));
    }

    /// Whether a build began.
    pub(super) fn knows_graph(&self) -> bool {
        self.needs.is_some()
    }

    /// Takes in one event.
    pub(super) fn event(&mut self, event: &Event, at: Duration) {
        match event {
            Event::ActionStarted { id, kind, name, reasons, .. } => {
                self.end(*id, How::Again, at);
                let lane = self.take_lane();
                self.open.insert(*id, self.runs.len());
                self.runs.push(Run {
                    id: *id,
                    kind: *kind,
                    name: name.clone(),
                    how: How::CutOff,
                    started: at,
                    ended: at,
                    ms: 0,
                    lane: Some(lane),
                    reasons: words(reasons),
                    failure: None,
                    printed: String::new(),
                    critical: false,
                });
            }
            Event::ActionFinished(report) => self.finished(report, at),
            _ => {}
        }
    }

    fn finished(&mut self, report: &Report, at: Duration) {
        let how = match report.outcome {
            Outcome::Ran => How::Ran,
            Outcome::Restored => How::Restored,
            Outcome::Failed => How::Failed,
            Outcome::Fresh | Outcome::WouldRun => return,
        };
        let place = self.end(report.id, how, at).unwrap_or_else(|| {
            self.runs.push(Run {
                id: report.id,
                kind: report.kind,
                name: report.name.clone(),
                how,
                started: at,
                ended: at,
                ms: 0,
                lane: None,
                reasons: words(&report.reasons),
                failure: None,
                printed: String::new(),
                critical: false,
            });
            self.runs.len() - 1
        });
        let run = &mut self.runs[place];
        run.ms = report.ms;
        if how == How::Failed {
            run.failure.clone_from(&report.failure);
            let printed = crate::ansi::strip(&report.printed);
            run.printed = super::html::clip(&String::from_utf8_lossy(&printed), PRINTED);
        }
    }

    /// Ends what runs of an action, if anything does.
    fn end(&mut self, id: ActionId, how: How, at: Duration) -> Option<usize> {
        let place = self.open.remove(&id)?;
        let run = &mut self.runs[place];
        (run.how, run.ended) = (how, at);
        run.ms = u64::try_from(at.saturating_sub(run.started).as_millis()).unwrap_or(u64::MAX);
        if let Some(lane) = run.lane {
            self.lanes[lane] = false;
        }
        Some(place)
    }

    fn take_lane(&mut self) -> usize {
        let lane = self.lanes.iter().position(|taken| !taken).unwrap_or_else(|| {
            self.lanes.push(false);
            self.lanes.len() - 1
        });
        self.lanes[lane] = true;
        lane
    }

    /// The build has ended. What runs still was cut off.
    pub(super) fn close(mut self, wall: Duration) -> Record {
        let open: Vec<ActionId> = self.open.keys().copied().collect();
        for id in open {
            self.end(id, How::CutOff, wall);
        }
        // The last run of an action is the one that others waited for.
        let last: HashMap<ActionId, usize> =
            self.runs.iter().enumerate().map(|(place, run)| (run.id, place)).collect();
        let ended = last.iter().map(|(id, place)| (*id, self.runs[*place].ended)).collect();
        let chain = critical::chain(&self.needs.unwrap_or_default(), &ended);
        let critical: Vec<usize> = chain.iter().map(|id| last[id]).collect();
        for place in &critical {
            self.runs[*place].critical = true;
        }
        Record { runs: self.runs, critical, lanes: self.lanes.len(), wall }
    }
}

fn words(reasons: &[StaleReason]) -> Vec<String> {
    reasons.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporter::samples;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn told(record: &Record) -> String {
        let line = |run: &Run| {
            let lane = run.lane.map_or("-".into(), |lane| lane.to_string());
            let (from, to) = (run.started.as_millis(), run.ended.as_millis());
            format!(
                "{lane} {from}..{to} {} {} ms {} {:?}\n",
                run.title(),
                run.ms,
                run.how.words(),
                run.reasons
            )
        };
        record.runs.iter().map(line).collect()
    }

    #[test]
    fn commands_lie_in_lanes_and_what_is_put_back_in_none() {
        let mut recorder = Recorder::default();
        let mut event = |event: Event, at| recorder.event(&event, ms(at));
        event(Event::Started { total: 6 }, 0);
        event(samples::restored(9, "old.c"), 5);
        event(samples::fresh(), 6);
        event(samples::started(1, "a.c"), 10);
        event(samples::started(2, "b.c"), 20);
        event(samples::ran(1, "a.c"), 140);
        event(samples::started(3, "c.c"), 150);
        event(samples::ran(2, "b.c"), 160);
        event(samples::ran(3, "c.c"), 300);
        event(samples::failed(), 310);
        let record = recorder.close(ms(400));
        insta::assert_snapshot!(told(&record), @r#"
        - 5..5 compile old.c 0 ms put back ["not built here yet"]
        0 10..140 compile a.c 120 ms ran ["not built here yet"]
        1 20..160 compile b.c 120 ms ran ["not built here yet"]
        0 150..300 compile c.c 120 ms ran ["not built here yet"]
        - 310..310 compile src/b.c 120 ms failed ["not built here yet"]
        "#);
        assert_eq!(record.lanes, 2);
        let failed = record.runs.last().unwrap();
        assert_eq!(failed.failure.as_deref(), Some("exit code 1"));
        assert_eq!(failed.printed, "src/b.c:1: error: no");
    }

    #[test]
    fn what_runs_at_the_end_was_cut_off_and_what_ran_again_ran_twice() {
        let mut recorder = Recorder::default();
        let mut event = |event: Event, at| recorder.event(&event, ms(at));
        event(samples::started(1, "a.c"), 10);
        event(samples::started(1, "a.c"), 50);
        event(samples::started(2, "b.c"), 60);
        event(samples::ran(1, "a.c"), 90);
        let record = recorder.close(ms(100));
        insta::assert_snapshot!(told(&record), @r#"
        0 10..50 compile a.c 40 ms ran, and had to run again ["not built here yet"]
        0 50..90 compile a.c 120 ms ran ["not built here yet"]
        1 60..100 compile b.c 40 ms was cut off ["not built here yet"]
        "#);
        assert_eq!(record.critical, [2], "what was cut off ended last");
        assert!(record.runs[2].critical && !record.runs[0].critical);
    }
}
