//! `--timings`: a page that shows where the time of a build went. It is one file of HTML that needs nothing else.
//!
//! `record` collects what happened from the events, `critical` finds the chain that decided how long it took, `page`
//! and `chart` write it down, `html` keeps what is text from being anything else.

mod chart;
mod critical;
mod html;
mod page;
mod record;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rekindle_engine::event::Event;
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_scheduler::Graph;

use self::page::Page;
use self::record::Recorder;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::reporter::{Closing, Heading, Reporter, Testing};
use crate::testing::TestReport;
use crate::writers::atomic;

/// The name of the page where nobody gives one, in the build directory of the profile.
pub(crate) const NAME: &str = "timings.html";

/// A reporter that tells everything to another one, and writes the page at the end.
pub(crate) struct Timed {
    inner: Box<dyn Reporter>,
    heading: Heading,
    place: PathBuf,
    recorder: Recorder,
    trouble: Option<Failure>,
}

impl Timed {
    /// One that tells `inner`, and writes to `place` if anything is built.
    pub(crate) fn new(inner: Box<dyn Reporter>, heading: Heading, place: PathBuf) -> Self {
        Self { inner, heading, place, recorder: Recorder::default(), trouble: None }
    }

    fn write(&mut self, closing: &Closing) {
        if !self.recorder.knows_graph() {
            return;
        }
        let record = std::mem::take(&mut self.recorder).close(closing.wall);
        let since = Clock::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let page = Page { heading: &self.heading, closing, record: &record, ended: since }.html();
        match atomic::write(&self.place, page.as_bytes()) {
            Ok(()) => self.inner.note(&format!("where the time went: {}", self.place.display())),
            Err(failure) => self.trouble = Some(failure),
        }
    }
}

impl Reporter for Timed {
    fn graph(&mut self, graph: &Graph) {
        self.recorder.graph(graph);
        self.inner.graph(graph);
    }

    fn event(&mut self, event: &Event, at: Duration) {
        self.recorder.event(event, at);
        self.inner.event(event, at);
    }

    fn test(&mut self, report: &TestReport, at: Duration) {
        self.inner.test(report, at);
    }

    fn testing(&mut self, testing: &Testing, at: Duration) {
        self.inner.testing(testing, at);
    }

    fn note(&mut self, text: &str) {
        self.inner.note(text);
    }

    fn notice(&mut self, notice: &Diagnostic) {
        self.inner.notice(notice);
    }

    fn finish(&mut self, closing: &Closing) {
        self.write(closing);
        self.inner.finish(closing);
    }

    fn trouble(&mut self) -> Result<(), Failure> {
        self.inner.trouble()?;
        self.trouble.take().map_or(Ok(()), Err)
    }
}
