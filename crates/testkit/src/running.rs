//! A run that goes on: watched, interrupted, killed.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::built::Built;
use crate::files::must;

/// After this long a test has failed, unless it said otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A run that goes on. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    args: Vec<String>,
    child: Child,
    status: Option<ExitStatus>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    /// Where the error stream is collected while it runs.
    heard: Arc<Mutex<Vec<u8>>>,
    /// After this long the test has failed.
    patience: Duration,
}

impl Running {
    pub(crate) fn of(args: Vec<String>, mut child: Child, patience: Duration) -> Self {
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let listener = Arc::clone(&heard);
        let stdout = child.stdout.take().map(|mut pipe| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = pipe.read_to_end(&mut bytes);
                bytes
            })
        });
        let stderr = child.stderr.take().map(|mut pipe| {
            thread::spawn(move || {
                let mut part = [0; 4096];
                while let Ok(count @ 1..) = pipe.read(&mut part) {
                    if let Ok(mut heard) = listener.lock() {
                        heard.extend_from_slice(&part[..count]);
                    }
                }
                Vec::new()
            })
        });
        Self { args, child, status: None, stdout, stderr, heard, patience }
    }

    /// Its process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal (to it alone, not to its children).
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    /// As Ctrl-C does: SIGINT.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// SIGKILL, and waits for it to be gone. What it started is left running.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.status = self.child.wait().ok();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// What it has said on standard error by now.
    pub fn heard(&self) -> String {
        self.heard.lock().map(|heard| String::from_utf8_lossy(&heard).into_owned()).unwrap_or_default()
    }

    /// The command lines of the processes that it started and that run now, and of those that they started.
    pub fn descendants(&self) -> Vec<(u32, String)> {
        descendants(self.id())
    }

    /// Waits until a process below it runs whose command line has all of `parts` in it; its process number.
    ///
    /// # Panics
    /// The run ends first, or nothing of the kind starts in a minute.
    #[track_caller]
    pub fn until_runs(&mut self, parts: &[&str]) -> u32 {
        let what = format!("a process with {parts:?} runs");
        self.until(&what, |running| {
            let all = running.descendants();
            all.into_iter().find(|(_, line)| parts.iter().all(|part| line.contains(part))).map(|(id, _)| id)
        })
    }

    /// Waits until a file is there.
    ///
    /// # Panics
    /// The run ends first, or it does not come in a minute.
    #[track_caller]
    pub fn until_exists(&mut self, path: &Path) {
        self.until(&format!("{} is there", path.display()), |_| path.exists().then_some(()));
    }

    /// Waits until `text` is heard on standard error.
    ///
    /// # Panics
    /// The run ends first, or it is not heard in a minute.
    #[track_caller]
    pub fn until_says(&mut self, text: &str) {
        self.until(&format!("it says `{text}`"), |running| running.heard().contains(text).then_some(()));
    }

    #[track_caller]
    fn until<T>(&mut self, what: &str, mut found: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            let ended = self.has_ended();
            if let Some(found) = found(self) {
                return found;
            }
            assert!(!ended, "the run ended before {what}: {}", self.heard());
            let patience = self.patience;
            assert!(start.elapsed() < patience, "{patience:?} passed before {what}: {}", self.heard());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// It takes longer than a minute.
    #[track_caller]
    pub fn wait(mut self) -> Built {
        let start = Instant::now();
        while !self.has_ended() {
            let patience = self.patience;
            assert!(start.elapsed() < patience, "it did not end in {patience:?}: {}", self.heard());
            thread::sleep(Duration::from_millis(1));
        }
        let bytes =
            |pipe: Option<JoinHandle<Vec<u8>>>| pipe.and_then(|pipe| pipe.join().ok()).unwrap_or_default();
        let stdout = bytes(self.stdout.take());
        bytes(self.stderr.take());
        let stderr = self.heard().into_bytes();
        let status = self.status.unwrap_or_default();
        Built::of(std::mem::take(&mut self.args), Output { status, stdout, stderr })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended() {
            let below = self.descendants();
            self.kill();
            for (id, _) in below {
                let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
                let _ = pid.map(|pid| rustix::process::kill_process(pid, Signal::KILL));
            }
        }
    }
}

/// Every process below `id`, with its command line.
fn descendants(id: u32) -> Vec<(u32, String)> {
    let proc = PathBuf::from("/proc");
    let mut parents = Vec::new();
    for entry in must(fs::read_dir(&proc), "list", &proc).flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // PID (NAME) STATE PARENT ...; the name may have anything in it.
        let mut fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        if state != Some("Z") {
            parents.push((pid, parent.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0)));
        }
    }
    let mut found = vec![id];
    let mut at = 0;
    while at < found.len() {
        let above = found[at];
        found.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
        at += 1;
    }
    let lines = found.into_iter().skip(1).map(|pid| {
        let line = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
        (pid, String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.collect()
}
