//! Ctrl-C and its kin.

use std::fs;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::error::Error;
use crate::live::Live;

/// Ends the children of a [`Live`] when this process is asked to end. Dropping it undoes that; the signals are then
/// without effect, for their default is not restored.
#[derive(Debug)]
pub struct Interrupts {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Interrupts {
    /// From now on SIGINT, SIGTERM and SIGHUP end the children: [`Live::terminate`] with `grace`, and at once when
    /// the same signal comes a second time. `on_signal` is told each signal first, on a thread of its own, and
    /// should return soon. A signal that was ignored when the process began (`nohup`, a shell's `&`) stays so.
    ///
    /// # Errors
    /// [`Error::Setup`] if the system refuses a handler or a thread.
    pub fn install(
        live: &Live,
        grace: Duration,
        mut on_signal: impl FnMut(i32) + Send + 'static,
    ) -> Result<Self, Error> {
        let ignored = ignored_signals();
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & mask(*signal) == 0);
        let mut signals = Signals::new(wanted).map_err(Error::setup("catch signals"))?;
        let handle = signals.handle();
        let live = live.clone();
        let thread = thread::Builder::new().name("signals".into()).spawn(move || {
            let mut seen = 0;
            for signal in signals.forever() {
                on_signal(signal);
                let again = seen & mask(signal) != 0;
                seen |= mask(signal);
                live.terminate(if again { Duration::ZERO } else { grace });
            }
        });
        Ok(Self { handle, thread: Some(thread.map_err(Error::setup("start a thread for signals"))?) })
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // It can only have died of a panic in the caller's closure, which has been reported.
            let _joined = thread.join();
        }
    }
}

fn mask(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The signals that this process ignores, as Linux tells (`SigIgn` in proc(5)); none where it does not.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    field.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
