//! Which children are running, and the one switch that ends them all.
//!
//! Each child is ended and reaped by the thread that runs it, while its process id cannot have been given to
//! another process. `Live` therefore holds no ids: it says *that* all must end and by when, wakes every such thread
//! (they poll a pipe whose write end is dropped here), and waits until all have returned.

use std::io::{PipeReader, PipeWriter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;

/// What a grace amounts to that the clock cannot express.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

/// The children that run now. Clones speak of the same children.
#[derive(Clone, Debug)]
pub struct Live {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever a child is gone.
    gone: Condvar,
    spawned: AtomicU64,
    /// Becomes readable (end of file) when children are to end.
    alarm: PipeReader,
}

#[derive(Debug)]
struct State {
    running: usize,
    closed: bool,
    /// When children are to end: the instant after which they are killed.
    kill_at: Option<Instant>,
    alarm: Option<PipeWriter>,
}

impl Live {
    /// A registry without children.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system has no pipe for us.
    pub fn new() -> Result<Self, Error> {
        let (reader, writer) = std::io::pipe().map_err(Error::setup("make a pipe"))?;
        let state = State { running: 0, closed: false, kill_at: None, alarm: Some(writer) };
        let shared = Shared {
            state: Mutex::new(state),
            gone: Condvar::new(),
            spawned: AtomicU64::new(0),
            alarm: reader,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How many children were ever started through this registry.
    pub fn spawned(&self) -> u64 {
        self.shared.spawned.load(Ordering::Relaxed)
    }

    /// How many children run now.
    pub fn running(&self) -> usize {
        self.state().running
    }

    /// Whether further runs are refused.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Refuses further runs with [`Error::Interrupted`]; children that run now go on.
    pub fn close(&self) {
        self.state().closed = true;
    }

    /// Closes, sends SIGTERM to each child's group, and SIGKILL after `grace` to groups that are still there. Returns
    /// at once; an earlier instant of an earlier call stands. Each `run` returns [`Error::Interrupted`] once its
    /// child's whole group is gone.
    pub fn terminate(&self, grace: Duration) {
        let now = Instant::now();
        let kill_at = now.checked_add(grace).unwrap_or(now + FOR_EVER);
        let mut state = self.state();
        state.closed = true;
        state.kill_at = Some(state.kill_at.map_or(kill_at, |before| before.min(kill_at)));
        state.alarm = None;
    }

    /// [`Live::terminate`], then waits until every run has returned its child's last word.
    ///
    /// Not to be called by a thread that is to return from `run` itself.
    pub fn terminate_all(&self, grace: Duration) {
        self.terminate(grace);
        let mut state = self.state();
        while state.running > 0 {
            state = self.shared.gone.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// When the children that should have ended by now are killed; `None` while nobody asked for their end.
    pub(crate) fn kill_at(&self) -> Option<Instant> {
        self.state().kill_at
    }

    /// The pipe that becomes readable when children are to end.
    pub(crate) fn alarm(&self) -> &PipeReader {
        &self.shared.alarm
    }

    /// Announces a child that is about to be started.
    pub(crate) fn enter(&self) -> Result<Ticket<'_>, Error> {
        let mut state = self.state();
        if state.closed {
            return Err(Error::Interrupted);
        }
        state.running += 1;
        Ok(Ticket { live: self })
    }

    /// The state is a few plain values, right after each statement: a panic elsewhere cannot have spoilt it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One child's place in the registry, given back on drop.
pub(crate) struct Ticket<'a> {
    live: &'a Live,
}

impl Ticket<'_> {
    /// The child was started.
    pub(crate) fn started(&self) {
        self.live.shared.spawned.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.live.state().running -= 1;
        self.live.shared.gone.notify_all();
    }
}
