//! Signals to this process; in a file of its own, for they reach every thread of it.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rekindle_exec::{Command, Error, Finished, Interrupts, Live, run};
use rustix::process::{Signal, getpid, kill_process};

type Running = thread::JoinHandle<Result<Finished, Error>>;

const SOON: Duration = Duration::from_secs(20);

fn wait_for(path: &Path) {
    let end = Instant::now() + SOON;
    while !path.exists() {
        assert!(Instant::now() < end, "{} did not appear", path.display());
        thread::sleep(Duration::from_millis(5));
    }
}

/// A child that says when it is ready, and does not heed SIGTERM if `deaf`.
fn child(live: &Live, ready: &Path, deaf: bool) -> Running {
    let trap = if deaf { "trap '' TERM INT;" } else { "" };
    let script = format!("{trap} mkdir {}; while :; do sleep 0.1; done", ready.display());
    let command = Command::new("/bin/sh", "/").args(["-c", &script]).env("PATH", "/usr/bin:/bin");
    let live = live.clone();
    thread::spawn(move || run(&command, &live))
}

/// What came of the child, which has to end soon.
fn end_of(running: Running) -> Result<Finished, Error> {
    let end = Instant::now() + SOON;
    while !running.is_finished() {
        assert!(Instant::now() < end, "the child goes on");
        thread::sleep(Duration::from_millis(5));
    }
    running.join().unwrap()
}

/// One test, in steps, because a process has one set of signal handlers.
#[test]
fn a_signal_ends_the_children_and_a_second_one_kills_them_at_once() {
    let dir = tempfile::tempdir().unwrap();
    // Under `nohup`, a hangup is ignored from the start and stays so: the test below shows that.
    let heeded = [Signal::INT, Signal::TERM, Signal::HUP].into_iter().filter(|signal| !is_ignored(*signal));
    for (number, signal) in heeded.enumerate() {
        let live = Live::new().unwrap();
        let (sender, told) = channel();
        let interrupts = Interrupts::install(&live, Duration::from_secs(600), move |signal| {
            sender.send(signal).unwrap();
        });
        let ready = dir.path().join(number.to_string());
        let running = child(&live, &ready, false);
        wait_for(&ready);
        kill_process(getpid(), signal).unwrap();
        assert_eq!(told.recv_timeout(SOON).unwrap(), signal.as_raw());
        assert!(matches!(end_of(running), Err(Error::Interrupted)));
        assert!(live.is_closed());
        drop(interrupts);
        assert!(told.recv().is_err(), "the closure is gone");
    }

    let live = Live::new().unwrap();
    let (sender, told) = channel();
    let _interrupts = Interrupts::install(&live, Duration::from_secs(600), move |signal| {
        sender.send(signal).unwrap();
    });
    let ready = dir.path().join("deaf");
    let running = child(&live, &ready, true);
    wait_for(&ready);
    kill_process(getpid(), Signal::INT).unwrap();
    told.recv_timeout(SOON).unwrap();
    thread::sleep(Duration::from_millis(300));
    assert!(!running.is_finished(), "a deaf child has its grace");
    kill_process(getpid(), Signal::INT).unwrap();
    assert!(matches!(end_of(running), Err(Error::Interrupted)));
}

/// Whether whoever started this process made it ignore a signal.
fn is_ignored(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(ignored.trim(), 16).unwrap() >> (signal.as_raw() - 1) & 1 == 1
}

#[test]
fn a_signal_that_is_ignored_from_the_start_stays_ignored() {
    // `nohup` would redirect; the shell's trap is inherited just so.
    let this = fs::read_link("/proc/self/exe").unwrap();
    let script = "trap '' HUP; exec \"$0\" --ignored --exact is_told_no_hangup";
    let output = std::process::Command::new("/bin/sh").args(["-c", script]).arg(this).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "a part of a_signal_that_is_ignored_from_the_start_stays_ignored, which runs it"]
fn is_told_no_hangup() {
    if !is_ignored(Signal::HUP) {
        return; // Run by hand, without the trap.
    }
    let live = Live::new().unwrap();
    let (sender, told) = channel();
    let _interrupts = Interrupts::install(&live, Duration::ZERO, move |signal| sender.send(signal).unwrap());
    kill_process(getpid(), Signal::HUP).unwrap();
    thread::sleep(Duration::from_millis(100));
    kill_process(getpid(), Signal::TERM).unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap(), Signal::TERM.as_raw());
}
