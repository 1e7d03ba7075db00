//! The clock: how long ago this process began, and what time it is. What is shown as a duration comes from here.

use std::time::{Duration, Instant, SystemTime};

/// A stopwatch that was started when the process began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    begun: Instant,
}

impl Clock {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "this is the file that reads the clock")]
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now() }
    }

    /// How long it has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What time it is: the store writes down when its entries were last of use.
    #[expect(clippy::disallowed_methods, reason = "this is the file that reads the clock")]
    pub(crate) fn now() -> SystemTime {
        SystemTime::now()
    }
}
