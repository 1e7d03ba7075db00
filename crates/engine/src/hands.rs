//! Threads that do for the main loop what waits for a disk: looking into the store, writing from it and to it.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::session::Message;

/// Something to do, and what to say of it if that panics: the main loop waits for an answer.
struct Task {
    run: Box<dyn FnOnce() -> Message + Send>,
    lost: Box<dyn FnOnce(io::Error) -> Message + Send>,
}

impl Task {
    fn done(self) -> Message {
        let Self { run, lost } = self;
        unless_it_panics(run).unwrap_or_else(lost)
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
    threads: Vec<JoinHandle<()>>,
    most: usize,
}

impl Hands {
    /// No threads yet; what they have done goes to `messages`.
    pub(crate) fn new(messages: Sender<Message>) -> Self {
        let (queue, tasks) = channel();
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self { queue: Some(queue), tasks: Arc::new(Mutex::new(tasks)), messages, threads: Vec::new(), most }
    }

    /// Does `run` on one of the threads, in the order in which tasks are given. What it gives reaches the main loop as
    /// a message; if it panics, what `lost` makes of that.
    pub(crate) fn give(
        &mut self,
        run: impl FnOnce() -> Message + Send + 'static,
        lost: impl FnOnce(io::Error) -> Message + Send + 'static,
    ) {
        let task = Task { run: Box::new(run), lost: Box::new(lost) };
        if self.threads.len() < self.most {
            self.hire();
        }
        match self.queue.as_ref().filter(|_| !self.threads.is_empty()) {
            Some(queue) => {
                // The threads hold the other end for as long as we live.
                let _ = queue.send(task);
            }
            None => {
                let _ = self.messages.send(task.done());
            }
        }
    }

    /// Starts one more thread; where that cannot be done, those that there are do it all.
    fn hire(&mut self) {
        let (tasks, messages) = (Arc::clone(&self.tasks), self.messages.clone());
        let work = move || {
            loop {
                let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(task) = task else { return };
                if messages.send(task.done()).is_err() {
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
