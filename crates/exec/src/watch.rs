//! One child from start to end: its output is drained, its time measured, its group ended when it must be.
//!
//! Everything happens in one loop of the calling thread over `poll`: the pipes, the process itself (a pidfd), and
//! the alarm of [`Live`]. The child is only reaped when nothing will be signalled any more.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, waitid};

use crate::command::{Command, Exit, Finished};
use crate::error::Error;
use crate::live::Live;
use crate::spawn::{self, Started};

/// The longest output that is kept of each pipe, in bytes. More is read, so that the child does not block, and
/// counted in [`Finished::dropped`].
pub const OUTPUT_LIMIT: usize = 64 << 20;

/// How long a pipe is read on after the child exited, while another process holds it.
const LINGER: Duration = Duration::from_secs(1);

/// How long after SIGTERM a group that ran out of time is killed.
const TIMEOUT_GRACE: Duration = Duration::from_millis(500);

/// How long after SIGKILL we wait for a group that does not go (a process can hang inside the kernel).
const HOPELESS: Duration = Duration::from_secs(5);

/// How often we look where no file descriptor tells us.
const TICK: Duration = Duration::from_millis(5);

/// Runs the command and waits for its end, on the calling thread.
///
/// # Errors
/// [`Error::Interrupted`] when `live` is closed or ended the child, and whatever kept the child from starting.
/// A child that fails, dies or runs out of time is no error.
pub fn run(command: &Command, live: &Live) -> Result<Finished, Error> {
    let ticket = live.enter()?;
    let begun = Instant::now();
    let started = spawn::start(command)?;
    ticket.started();
    let mut watch = Watch::new(started, live, begun, command.timeout);
    let broken = |source| Error::Process { verb: "watch", program: command.program.clone(), source };
    let watched = watch.until_the_end().map_err(broken);
    let reaped = watch.reap().map_err(broken);
    watched?;
    let status = match watch.ending {
        Some(Ending::Interrupted) => return Err(Error::Interrupted),
        Some(Ending::TimedOut(_)) => Exit::TimedOut,
        None => reaped?,
    };
    Ok(watch.finish(status))
}

/// Why the group is being ended.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// Our time for it is up; it is killed at this instant.
    TimedOut(Instant),
    /// `Live` asked for it and knows the instant.
    Interrupted,
}

struct Watch<'a> {
    started: Started,
    pidfd: Option<OwnedFd>,
    live: &'a Live,
    begun: Instant,
    deadline: Option<Instant>,
    first: Vec<u8>,
    second: Vec<u8>,
    together: bool,
    dropped: u64,
    held: bool,
    exited: Option<Instant>,
    ending: Option<Ending>,
}

impl<'a> Watch<'a> {
    fn new(started: Started, live: &'a Live, begun: Instant, timeout: Option<Duration>) -> Self {
        // Old kernels have no pidfd; then we look every few milliseconds.
        let pidfd = pidfd_open(started.target.leader(), PidfdFlags::empty()).ok();
        let together = started.first.is_some() && started.second.is_none();
        Self {
            started,
            pidfd,
            live,
            begun,
            deadline: timeout.and_then(|timeout| begun.checked_add(timeout)),
            first: Vec::new(),
            second: Vec::new(),
            together,
            dropped: 0,
            held: false,
            exited: None,
            ending: None,
        }
    }

    fn until_the_end(&mut self) -> io::Result<()> {
        loop {
            self.wait_for_news()?;
            if self.exited.is_none() && has_exited(&self.started)? {
                self.exited = Some(Instant::now());
            }
            let now = Instant::now();
            self.begin_the_end(now);
            if self.is_over(now) {
                return Ok(());
            }
        }
    }

    /// Sleeps until a pipe, the process, the alarm or a deadline has something to say; reads what the pipes have.
    fn wait_for_news(&mut self) -> io::Result<()> {
        let mut fds = Vec::with_capacity(4);
        let mut add = |fd| {
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            fds.len() - 1
        };
        let first = self.started.first.as_ref().map(|pipe| add(pipe.as_fd()));
        let second = self.started.second.as_ref().map(|pipe| add(pipe.as_fd()));
        if self.exited.is_none()
            && let Some(pidfd) = &self.pidfd
        {
            add(pidfd.as_fd());
        }
        if self.ending.is_none() {
            add(self.live.alarm().as_fd());
        }
        let timeout = self.patience().map(|patience| Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(patience.subsec_nanos()),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let ready = |index: Option<usize>| index.is_some_and(|index| !fds[index].revents().is_empty());
        let (first, second) = (ready(first), ready(second));
        if first {
            self.dropped += drain(&mut self.started.first, &mut self.first)?;
        }
        if second {
            self.dropped += drain(&mut self.started.second, &mut self.second)?;
        }
        Ok(())
    }

    /// How long to sleep at most.
    fn patience(&self) -> Option<Duration> {
        if self.ending.is_some() || (self.exited.is_none() && self.pidfd.is_none()) {
            return Some(TICK);
        }
        let until = self.exited.map(|exited| exited + LINGER).or(self.deadline);
        until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Sends SIGTERM when the group has to end, and SIGKILL when it should have.
    fn begin_the_end(&mut self, now: Instant) {
        let target = self.started.target;
        if !matches!(self.ending, Some(Ending::Interrupted)) && self.live.kill_at().is_some() {
            target.send(Signal::TERM);
            self.ending = Some(Ending::Interrupted);
        }
        if self.ending.is_none()
            && self.exited.is_none()
            && self.deadline.is_some_and(|deadline| deadline <= now)
        {
            target.send(Signal::TERM);
            self.ending = Some(Ending::TimedOut(now + TIMEOUT_GRACE));
        }
        if self.kill_at().is_some_and(|kill_at| kill_at <= now) {
            target.send(Signal::KILL);
        }
    }

    fn kill_at(&self) -> Option<Instant> {
        match self.ending? {
            Ending::TimedOut(kill_at) => Some(kill_at),
            Ending::Interrupted => self.live.kill_at(),
        }
    }

    /// Whether there is nothing left to wait for.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.kill_at().is_some_and(|kill_at| kill_at + HOPELESS <= now) {
            return true;
        }
        let Some(exited) = self.exited else { return false };
        if self.ending.is_some() && self.started.target.has_followers() {
            return false;
        }
        let drained = self.started.first.is_none() && self.started.second.is_none();
        if drained || matches!(self.ending, Some(Ending::Interrupted)) {
            return true;
        }
        self.held = exited + LINGER <= now;
        self.held
    }

    /// Takes the dead child's status from the system, after which its number may be given away. One that could not
    /// be ended, or not be watched, is killed and left to the system.
    fn reap(&mut self) -> io::Result<Exit> {
        if self.exited.is_none() {
            self.started.target.send(Signal::KILL);
            self.started.child.try_wait()?;
            return Err(io::Error::other("it could not be ended"));
        }
        let status = self.started.child.wait()?;
        match (status.code(), status.signal()) {
            (Some(code), _) => Ok(Exit::Code(code)),
            (None, Some(signal)) => Ok(Exit::Signal(signal)),
            (None, None) => Err(io::Error::other("the system says neither code nor signal")),
        }
    }

    fn finish(self, status: Exit) -> Finished {
        let (output, errors, text) = match self.together {
            true => (Vec::new(), Vec::new(), self.first),
            false => (self.first, self.second, Vec::new()),
        };
        let wall = self.exited.unwrap_or_else(Instant::now).saturating_duration_since(self.begun);
        Finished { status, output, errors, text, dropped: self.dropped, held: self.held, wall }
    }
}

/// Whether the child is dead; it is not reaped.
fn has_exited(started: &Started) -> io::Result<bool> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    match waitid(WaitId::Pid(started.target.leader()), options) {
        Ok(status) => Ok(status.is_some()),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads once from a pipe that has something to say, and closes it at its end. Returns how many bytes were dropped.
fn drain(pipe: &mut Option<PipeReader>, buffer: &mut Vec<u8>) -> io::Result<u64> {
    let Some(reader) = pipe else { return Ok(0) };
    let mut chunk = [0; 64 << 10];
    match reader.read(&mut chunk) {
        Ok(0) => {
            *pipe = None;
            Ok(0)
        }
        Ok(length) => {
            let kept = length.min(OUTPUT_LIMIT.saturating_sub(buffer.len()));
            buffer.extend_from_slice(&chunk[..kept]);
            Ok((length - kept) as u64)
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error),
    }
}
