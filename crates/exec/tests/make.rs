//! The jobserver's protocol, spoken with a real GNU make on the other side.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rekindle_exec::{Command, Exit, Finished, Jobs, Live, Output, Token, run};

const SOON: Duration = Duration::from_secs(20);

/// A recipe that notes its start and end.
const JOB: &str = "echo + >> log; sleep 0.2; echo - >> log";

/// How many jobs the log tells of, and how many ran at once at most.
fn jobs_in(log: &Path) -> (usize, i32) {
    let text = fs::read_to_string(log).unwrap();
    let (mut running, mut most, mut all) = (0, 0, 0);
    for line in text.lines() {
        match line {
            "+" => (running, all) = (running + 1, all + 1),
            _ => running -= 1,
        }
        most = most.max(running);
    }
    assert_eq!(running, 0, "{text}");
    (all, most)
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn makefile(dir: &Path, text: &str) {
    fs::write(dir.join("Makefile"), text).unwrap();
}

fn make(dir: &Path) -> Command {
    let command = Command::new("/usr/bin/make", dir).env("PATH", "/usr/bin:/bin");
    Command { output: Output::Together, ..command }
}

fn check(finished: &Finished) {
    let text = String::from_utf8_lossy(&finished.text);
    assert_eq!(finished.status, Exit::Code(0), "{text}");
    assert!(!text.contains("jobserver") && !text.contains("INTERNAL"), "{text}");
}

fn told() -> (impl FnMut(Token) + Send + 'static, Receiver<Token>) {
    let (sender, receiver) = channel();
    (move |token| drop(sender.send(token)), receiver)
}

#[test]
fn makes_that_we_start_run_no_more_jobs_than_we_allow_in_total() {
    if !rekindle_testkit::require("make") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    makefile(dir.path(), &format!("all: a b c d e\na b c d e:\n\t@{JOB}\n"));
    let (arrived, tokens) = told();
    let jobs = Jobs::server(3, arrived).unwrap();
    let live = Live::new().unwrap();
    let command = make(dir.path()).env("MAKEFLAGS", jobs.makeflags().unwrap());
    jobs.request();
    let token = tokens.recv_timeout(SOON).unwrap();
    thread::scope(|scope| {
        let ours = scope.spawn(|| run(&command, &live).unwrap());
        let other = scope.spawn(|| run(&command, &live).unwrap());
        check(&ours.join().unwrap());
        check(&other.join().unwrap());
    });
    assert_eq!(jobs_in(&dir.path().join("log")), (10, 3));
    drop(token);
    // Every token has come back: both further ones can be had.
    jobs.request();
    jobs.request();
    let _all = [tokens.recv_timeout(SOON).unwrap(), tokens.recv_timeout(SOON).unwrap()];
}

#[test]
fn under_a_make_we_and_its_recipes_share_its_jobs() {
    if !rekindle_testkit::require("make") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let all = "all: client a b c\n";
    makefile(dir.path(), &format!("{all}client:\n\t+@$(ME)\na b c:\n\t@{JOB}\n"));
    check(&run(&make(dir.path()).args(["-j2", &me("is_a_client")]), &Live::new().unwrap()).unwrap());
    assert_eq!(jobs_in(&dir.path().join("log")), (7, 2));
}

#[test]
fn a_recipe_without_a_plus_gets_no_jobserver_and_is_told_why() {
    if !rekindle_testkit::require("make") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    makefile(dir.path(), "all:\n\t@$(ME)\n");
    let finished = run(&make(dir.path()).args(["-j2", &me("says_why_not")]), &Live::new().unwrap()).unwrap();
    assert_eq!(finished.status, Exit::Code(0), "{}", String::from_utf8_lossy(&finished.text));
    let said = fs::read_to_string(dir.path().join("why")).unwrap();
    assert!(
        said.ends_with("write `+` before the recipe's command so that make passes its jobserver on"),
        "{said}"
    );
}

/// A make variable with the command that runs one of the parts below.
fn me(part: &str) -> String {
    let this = fs::read_link("/proc/self/exe").unwrap();
    format!("ME={} --ignored --exact {part}", this.to_str().unwrap())
}

/// `MAKEFLAGS` and the working directory of a part; `None` if it is run by hand.
fn surroundings() -> Option<(OsString, PathBuf)> {
    let environment = fs::read("/proc/self/environ").unwrap();
    let makeflags =
        environment.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(b"MAKEFLAGS="))?;
    Some((OsString::from_vec(makeflags.to_vec()), fs::read_link("/proc/self/cwd").unwrap()))
}

#[test]
#[ignore = "a part of under_a_make_we_and_its_recipes_share_its_jobs, which runs it"]
fn is_a_client() {
    let Some((makeflags, cwd)) = surroundings() else { return };
    let (arrived, tokens) = told();
    let jobs = Jobs::client(&makeflags, 1, arrived).unwrap();
    assert_eq!(jobs.fallback(), None);
    let live = Live::new().unwrap();
    let job = Command::new("/bin/sh", cwd).args(["-c", JOB]).env("PATH", "/usr/bin:/bin");
    thread::scope(|scope| {
        let own = scope.spawn(|| run(&job, &live).unwrap());
        for _ in 0..2 {
            jobs.request();
            let token = tokens.recv_timeout(SOON).unwrap();
            let (job, live) = (&job, &live);
            scope.spawn(move || {
                assert_eq!(run(job, live).unwrap().status, Exit::Code(0));
                drop(token);
            });
        }
        own.join().unwrap();
        run(&job, &live).unwrap();
    });
}

#[test]
#[ignore = "a part of a_recipe_without_a_plus_gets_no_jobserver_and_is_told_why, which runs it"]
#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn says_why_not() {
    let Some((makeflags, cwd)) = surroundings() else { return };
    let (arrived, tokens) = told();
    let jobs = Jobs::client(&makeflags, 2, arrived).unwrap();
    jobs.request();
    let _own = tokens.recv_timeout(SOON).unwrap();
    fs::write(cwd.join("why"), jobs.fallback().unwrap().to_string()).unwrap();
}
