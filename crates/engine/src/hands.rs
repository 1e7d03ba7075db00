//! Threads that do for the main loop what waits for a disk: looking into the store, writing from it and to it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::session::Message;

type Task = Box<dyn FnOnce() -> Message + Send>;

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

    /// Does `task` on one of the threads, in the order in which tasks are given. What it gives reaches the main loop as
    /// a message.
    pub(crate) fn give(&mut self, task: impl FnOnce() -> Message + Send + 'static) {
        if self.threads.len() < self.most {
            self.hire();
        }
        match self.queue.as_ref().filter(|_| !self.threads.is_empty()) {
            Some(queue) => {
                // The threads hold the other end for as long as we live.
                let _ = queue.send(Box::new(task));
            }
            None => {
                let _ = self.messages.send(task());
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
                if messages.send(task()).is_err() {
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
