//! Threads that do for the main loop what waits for a disk: looking into the store, writing from it and to it.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rekindle_exec::Live;

use crate::session::Message;

/// What kind of thing is to be done; what stands first is done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The result of a command is put into the store: others wait for it. It is done even if the build ends.
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

/// What is to be done, by kind; of one kind in the order in which it was given.
#[derive(Default)]
struct Queue {
    tasks: [VecDeque<Task>; 3],
    /// Nothing more is to come.
    closed: bool,
}

/// A queue, and where threads wait until there is something in it.
#[derive(Default)]
struct Tray {
    queue: Mutex<Queue>,
    filled: Condvar,
}

impl Tray {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, task: Task) {
        self.queue().tasks[task.work as usize].push_back(task);
        self.filled.notify_one();
    }

    /// The next task; waits for one. Nothing once the queue is closed and empty.
    fn take(&self) -> Option<Task> {
        let mut queue = self.queue();
        loop {
            if let Some(task) = queue.tasks.iter_mut().find_map(VecDeque::pop_front) {
                return Some(task);
            }
            if queue.closed {
                return None;
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn close(&self) {
        self.queue().closed = true;
        self.filled.notify_all();
    }
}

/// As many threads as there are cores, started when there is something to do, and ended with the build.
pub(crate) struct Hands {
    tray: Arc<Tray>,
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
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Self { tray: Arc::default(), messages, stop, threads: Vec::new(), most }
    }

    /// From now on nothing new is begun, but for what must be done.
    pub(crate) fn stop(&self) {
        self.stop.stopped.store(true, Ordering::Relaxed);
    }

    /// Does `run` on one of the threads. What it gives reaches the main loop as a message; if it panics, what `lost`
    /// makes of that, and if it is not done because the build was stopped, what `lost` makes of nothing.
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
        if self.threads.is_empty() {
            let _ = self.messages.send(task.done(&self.stop));
        } else {
            self.tray.put(task);
        }
    }

    /// Starts one more thread; where that cannot be done, those that there are do it all.
    fn hire(&mut self) {
        let (tray, messages, stop) = (Arc::clone(&self.tray), self.messages.clone(), self.stop.clone());
        let work = move || {
            while let Some(task) = tray.take() {
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
        self.tray.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
