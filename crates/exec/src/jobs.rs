//! How many commands may run at once: tokens, shared with other programs through GNU make's jobserver.
//!
//! One token is always ours and is never seen: it is the slot that this process itself was started in. Each further
//! one is a byte in a pipe (see `makeflags.rs`). Whoever reads a byte may run one command more and writes the same
//! byte back. Without other programs to share with, the pipe is private and all else is the same.

use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::error::Error;
use crate::fds::inherit;
use crate::makeflags::{self, Fallback};

/// Most commands at once. Their tokens fit into a pipe of one page, the least that Linux gives.
pub const MOST_JOBS: usize = 4096;

/// The byte that stands for a token of a jobserver of ours.
const TOKEN: u8 = b'+';

/// A source of tokens for a main loop that waits for messages: [`Jobs::request`] returns at once, and the closure
/// given at construction is told each [`Token`] when it comes, on a thread that belongs to the source.
#[derive(Debug)]
pub struct Jobs {
    shared: Arc<Shared>,
    makeflags: Option<OsString>,
    fallback: Option<Fallback>,
    helper: Option<JoinHandle<()>>,
    /// Its end tells the helper to end.
    stop: Option<PipeWriter>,
    /// The file descriptors whose numbers children know.
    _inherited: Option<(PipeReader, PipeWriter)>,
    /// The fifo of ours, removed on drop.
    fifo: Option<PathBuf>,
}

/// The right to run one command more. Dropping it gives it back.
#[derive(Debug)]
pub struct Token {
    byte: u8,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Does not block.
    read: OwnedFd,
    write: OwnedFd,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: usize,
    stopped: bool,
}

impl Jobs {
    /// `jobs` commands at once (1 to [`MOST_JOBS`]), shared with children: they inherit a pipe, whose numbers are in
    /// [`Jobs::makeflags`]. Every make since 3.78 understands it, and so do cargo and `gcc -flto=jobserver`.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system refuses a pipe or a thread.
    pub fn server(jobs: usize, arrived: impl FnMut(Token) + Send + 'static) -> Result<Self, Error> {
        let jobs = jobs.clamp(1, MOST_JOBS);
        let (reader, writer) = io::pipe().map_err(Error::setup("make a pipe"))?;
        put_tokens(&writer, jobs)?;
        inherit(&reader)?;
        inherit(&writer)?;
        // Children share the file description of `reader`, so that has to keep blocking: we read through another.
        let own = format!("/proc/self/fd/{}", reader.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let read = rustix::fs::open(own, flags, Mode::empty()).map_err(Error::setup("open a pipe again"))?;
        let write = writer.as_fd().try_clone_to_owned().map_err(Error::setup("duplicate a pipe"))?;
        let makeflags = format!(" -j{jobs} --jobserver-auth={},{}", reader.as_raw_fd(), writer.as_raw_fd());
        let mut this = Self::begin(read, write, arrived)?;
        this.makeflags = Some(makeflags.into());
        this._inherited = Some((reader, writer));
        Ok(this)
    }

    /// Like [`Jobs::server`], with a named pipe that is made at `path` and removed on drop: for children that
    /// understand nothing else (ninja 1.13). make before 4.4 does not understand it.
    ///
    /// # Errors
    /// [`Error::Fifo`] if there is something at `path`, or `path` is relative or has blanks, which `MAKEFLAGS` cannot
    /// carry; [`Error::Setup`] if the system refuses a thread.
    pub fn server_at(
        path: &Path,
        jobs: usize,
        arrived: impl FnMut(Token) + Send + 'static,
    ) -> Result<Self, Error> {
        let jobs = jobs.clamp(1, MOST_JOBS);
        let failed = |verb, source: io::Error| Error::Fifo { verb, path: path.to_path_buf(), source };
        if !path.is_absolute() || path.as_os_str().as_bytes().iter().any(u8::is_ascii_whitespace) {
            let why = "the path is not absolute or holds blanks";
            return Err(failed("make", io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, path, FileType::Fifo, mode, 0)
            .map_err(|error| failed("make", error.into()))?;
        let open = || {
            makeflags::open_end(path, OFlags::RDWR)
                .map_err(|why| failed("open", io::Error::other(why.to_string())))
        };
        let (read, write) = (open()?, open()?);
        put_tokens(&write, jobs)?;
        let mut makeflags = OsString::from(format!(" -j{jobs} --jobserver-auth=fifo:"));
        makeflags.push(path);
        let mut this = Self::begin(read, write, arrived)?;
        this.makeflags = Some(makeflags);
        this.fifo = Some(path.to_path_buf());
        Ok(this)
    }

    /// As many commands as the make around us lets us have, by the value of the variable `MAKEFLAGS`; where it offers
    /// nothing that can be used, [`Jobs::none`] with `jobs`, and [`Jobs::fallback`] says why.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system refuses a pipe or a thread.
    pub fn client(
        makeflags: &OsStr,
        jobs: usize,
        arrived: impl FnMut(Token) + Send + 'static,
    ) -> Result<Self, Error> {
        match makeflags::named(makeflags).and_then(|named| makeflags::open(&named)) {
            Ok((read, write)) => {
                let mut this = Self::begin(read, write, arrived)?;
                this.makeflags = Some(makeflags.to_os_string());
                Ok(this)
            }
            Err(why) => {
                let mut this = Self::none(jobs, arrived)?;
                this.fallback = Some(why);
                Ok(this)
            }
        }
    }

    /// `jobs` commands at once (1 to [`MOST_JOBS`]), shared with nobody.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system refuses a pipe or a thread.
    pub fn none(jobs: usize, arrived: impl FnMut(Token) + Send + 'static) -> Result<Self, Error> {
        let (reader, writer) = io::pipe().map_err(Error::setup("make a pipe"))?;
        put_tokens(&writer, jobs.clamp(1, MOST_JOBS))?;
        rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).map_err(Error::setup("set a pipe's mode"))?;
        Self::begin(reader.into(), writer.into(), arrived)
    }

    fn begin(
        read: OwnedFd,
        write: OwnedFd,
        arrived: impl FnMut(Token) + Send + 'static,
    ) -> Result<Self, Error> {
        let (stopped, stop) = io::pipe().map_err(Error::setup("make a pipe"))?;
        let shared =
            Arc::new(Shared { read, write, state: Mutex::new(State::default()), changed: Condvar::new() });
        let helper = thread::Builder::new().name("jobserver".into()).spawn({
            let shared = Arc::clone(&shared);
            move || serve(&shared, &stopped, arrived)
        });
        let helper = helper.map_err(Error::setup("start a thread for the jobserver"))?;
        Ok(Self {
            shared,
            makeflags: None,
            fallback: None,
            helper: Some(helper),
            stop: Some(stop),
            _inherited: None,
            fifo: None,
        })
    }

    /// Asks for one token more. A request stays until a token has come or it is withdrawn.
    pub fn request(&self) {
        self.shared.state().requests += 1;
        self.shared.changed.notify_all();
    }

    /// Takes all requests back that have not been answered. A token may still be on its way to the closure.
    pub fn withdraw(&self) {
        self.shared.state().requests = 0;
    }

    /// What children find in `MAKEFLAGS`. Without a value the variable must not be passed on: it would name
    /// a jobserver that they cannot reach.
    pub fn makeflags(&self) -> Option<&OsStr> {
        self.makeflags.as_deref()
    }

    /// Why [`Jobs::client`] is none.
    pub fn fallback(&self) -> Option<&Fallback> {
        self.fallback.as_ref()
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.changed.notify_all();
        self.stop = None;
        if let Some(helper) = self.helper.take()
            && helper.thread().id() != thread::current().id()
        {
            // It can only have died of a panic in the caller's closure, which has been reported.
            let _joined = helper.join();
        }
        if let Some(path) = &self.fifo {
            // If it is gone already, so much the better.
            let _removed = rustix::fs::unlink(path);
        }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // The byte came out of this pipe, so there is room. If nobody can read it any more, nobody misses it.
        while rustix::io::write(&self.shared.write, &[self.byte]) == Err(Errno::INTR) {}
    }
}

impl Shared {
    /// The state is two plain values, right after each statement: a panic elsewhere cannot have spoilt it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills the pipe with all tokens but the one that is always ours.
fn put_tokens(pipe: impl AsFd, jobs: usize) -> Result<(), Error> {
    let mut tokens: &[u8] = &[TOKEN; MOST_JOBS][1..jobs];
    while !tokens.is_empty() {
        match rustix::io::write(&pipe, tokens) {
            Ok(written) => tokens = &tokens[written..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(Error::setup("fill a pipe")(error)),
        }
    }
    Ok(())
}

/// Answers requests until told to stop, or until the pipe is of no more use (then the one token that is always ours
/// has to do).
fn serve(shared: &Arc<Shared>, stopped: &PipeReader, mut arrived: impl FnMut(Token)) {
    loop {
        let mut state = shared.state();
        while state.requests == 0 && !state.stopped {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return;
        }
        drop(state);
        let mut fds = [PollFd::new(&shared.read, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) if !fds[1].revents().is_empty() => return,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        match take(shared) {
            Ok(Some(token)) => arrived(token),
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// One token, if it is still asked for and nobody was faster.
fn take(shared: &Arc<Shared>) -> Result<Option<Token>, Errno> {
    let mut state = shared.state();
    if state.requests == 0 {
        return Ok(None);
    }
    let mut byte = [0];
    match rustix::io::read(&shared.read, &mut byte) {
        Ok(1..) => {
            state.requests -= 1;
            Ok(Some(Token { byte: byte[0], shared: Arc::clone(shared) }))
        }
        Ok(0) => Err(Errno::PIPE),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    const NEVER: Duration = Duration::from_millis(50);

    fn none(jobs: usize) -> (Jobs, Receiver<Token>) {
        let (sender, receiver) = channel();
        (Jobs::none(jobs, move |token| drop(sender.send(token))).unwrap(), receiver)
    }

    #[test]
    fn one_token_is_ours_so_n_jobs_give_n_minus_one() {
        let (jobs, tokens) = none(3);
        (0..3).for_each(|_| jobs.request());
        let held = [tokens.recv_timeout(SOON).unwrap(), tokens.recv_timeout(SOON).unwrap()];
        assert!(tokens.recv_timeout(NEVER).is_err());
        drop(held);
        let _third = tokens.recv_timeout(SOON).unwrap();
    }

    #[test]
    fn a_withdrawn_request_takes_no_token() {
        let (jobs, tokens) = none(2);
        jobs.request();
        let held = tokens.recv_timeout(SOON).unwrap();
        jobs.request();
        jobs.withdraw();
        drop(held);
        assert!(tokens.recv_timeout(NEVER).is_err());
        jobs.request();
        tokens.recv_timeout(SOON).unwrap();
    }

    #[test]
    fn zero_and_far_too_many_jobs_are_bounded() {
        let (jobs, tokens) = none(0);
        jobs.request();
        assert!(tokens.recv_timeout(NEVER).is_err());
        let (jobs, tokens) = none(usize::MAX);
        jobs.request();
        tokens.recv_timeout(SOON).unwrap();
    }

    #[test]
    fn tokens_may_outlive_their_source() {
        let (jobs, tokens) = none(2);
        jobs.request();
        let token = tokens.recv_timeout(SOON).unwrap();
        drop(jobs);
        drop(token);
    }

    #[test]
    fn a_fifo_serves_a_client_that_is_told_its_name_and_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        let server = Jobs::server_at(&path, 2, |_| {}).unwrap();
        let (sender, tokens) = channel();
        let makeflags = server.makeflags().unwrap();
        let client = Jobs::client(makeflags, 1, move |token| drop(sender.send(token))).unwrap();
        assert_eq!((client.fallback(), client.makeflags()), (None, Some(makeflags)));
        client.request();
        client.request();
        let _held = tokens.recv_timeout(SOON).unwrap();
        assert!(tokens.recv_timeout(NEVER).is_err());
        drop(server);
        assert!(!path.exists());
    }

    #[test]
    fn a_fifo_at_a_path_that_makeflags_cannot_carry_is_refused() {
        let error = Jobs::server_at(Path::new("/tmp/a b"), 2, |_| {}).unwrap_err();
        insta::assert_snapshot!(error, @"cannot make the jobserver's fifo `/tmp/a b`: the path is not absolute or holds blanks");
    }

    #[test]
    fn a_client_without_a_jobserver_has_its_own_and_says_why() {
        let (sender, tokens) = channel();
        let jobs = Jobs::client(OsStr::new(" -j2 --jobserver-auth=987,988"), 2, move |token| {
            drop(sender.send(token));
        })
        .unwrap();
        assert_eq!(jobs.fallback(), Some(&Fallback::NotInherited(987)));
        assert_eq!(jobs.makeflags(), None);
        jobs.request();
        tokens.recv_timeout(SOON).unwrap();
    }
}
