//! Threads that do for the main loop what waits for a disk: looking into the store, writing from it and to it.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rekindle_exec::Live;

use crate::session::Message;

/// What kind of thing is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The result of a command is put into the store; it is done even if the build ends.
    Put,
    /// The store is asked which files an action read.
    Ask,
    /// A result is taken out of the store.
    Restore,
}

/// Something to do, and what to say of it if it is not done or panics: the main loop waits for an answer.
struct Task {
    work: Work,
    run: Box<dyn FnOnce() -> Message + Send>,
    lost: Box<dyn FnOnce(Option<io::Error>) -> Message + Send>,
}

/// Whether nothing new is begun.
#[derive(Clone)]
struct Stop {
    stopped: Arc<AtomicBool>,
    live: Live,
}

impl Task {
    fn done(self, stop: &Stop) -> Message {
        let Self { work, run, lost } = self;
        if work != Work::Put && (stop.stopped.load(Ordering::Relaxed) || stop.live.is_closed()) {
            return lost(None);
        }
        unless_it_panics(run).unwrap_or_else(|error| lost(Some(error)))
    }
}

/// What `run` gives; where it panics, an error that says so. What it held is not looked at again then.
pub(crate) fn unless_it_panics<T>(run: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let said = |panic: &dyn Any| match panic.downcast_ref::<&str>() {
            Some(text) => (*text).to_string(),
            None => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
        };
        io::Error::other(format!("a thread of this program has panicked: {}", said(&*panic)))
    })
}

/// As many threads as there are cores, started when there is something to do, and ended with the build.
pub(crate) struct Hands {
    /// Where tasks come in; none once the threads are to end.
    queue: Option<Sender<Task>>,
    tasks: Arc<Mutex<Receiver<Task>>>,
    messages: Sender<Message>,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
    most: usize,
}

impl Hands {
    /// No threads yet; what they have done goes to `messages`. They begin nothing more once `live` is closed, but for
    /// what must be done.
    pub(crate) fn new(messages: Sender<Message>, live: &Live) -> Self {
        let stop = Stop { stopped: Arc::default(), live: live.clone() };
        let (queue, tasks) = channel();
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            queue: Some(queue),
            tasks: Arc::new(Mutex::new(tasks)),
            messages,
            stop,
            threads: Vec::new(),
            most,
        }
    }

    /// From now on nothing new is begun, but for what must be done.
    pub(crate) fn stop(&self) {
        self.stop.stopped.store(true, Ordering::Relaxed);
    }

    /// Does `run` on one of the threads, in the order in which tasks are given. What it gives reaches the main loop as
    /// a message; if it panics, what `lost` makes of that, and if it is not done because the build was stopped, what
    /// `lost` makes of nothing.
    pub(crate) fn give(
        &mut self,
        work: Work,
        run: impl FnOnce() -> Message + Send + 'static,
        lost: impl FnOnce(Option<io::Error>) -> Message + Send + 'static,
    ) {
        let task = Task { work, run: Box::new(run), lost: Box::new(lost) };
        if self.threads.len() < self.most {
            self.hire();
        }
        match self.queue.as_ref().filter(|_| !self.threads.is_empty()) {
            Some(queue) => {
                // The threads hold the other end for as long as we live.
                let _ = queue.send(task);
            }
            None => {
                let _ = self.messages.send(task.done(&self.stop));
            }
        }
    }

    /// Starts one more thread; where that cannot be done, those that there are do it all.
    fn hire(&mut self) {
        let (tasks, messages, stop) = (Arc::clone(&self.tasks), self.messages.clone(), self.stop.clone());
        let work = move || {
            loop {
                let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(task) = task else { return };
                if messages.send(task.done(&stop)).is_err() {
                    return;
                }
            }
        };
        match std::thread::Builder::new().name("store".into()).spawn(work) {
            Ok(thread) => self.threads.push(thread),
            Err(_) => self.most = self.threads.len(),
        }
    }
}

impl Drop for Hands {
    /// Waits until everything that was given is done: nothing is written any more once the build is over.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
