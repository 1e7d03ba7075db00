//! Runs tests in parallel and says how each ended.

use std::collections::VecDeque;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rekindle_exec::{Command, Exit, Live, Output};

use crate::failure::{Failure, Kind, without_numbers};
use crate::reporter::Testing;

/// A test that is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Test {
    /// The target's name.
    pub(crate) name: String,
    /// How it is run.
    pub(crate) command: Command,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestReport {
    /// The target's name.
    pub(crate) name: String,
    /// How its program ended, or why it could not be run.
    pub(crate) exit: Result<Exit, String>,
    /// Everything that it printed.
    pub(crate) output: Vec<u8>,
    /// How long it ran.
    pub(crate) wall: Duration,
}

impl TestReport {
    /// Whether it exited with 0.
    pub(crate) fn passed(&self) -> bool {
        self.exit.as_ref().is_ok_and(|exit| exit.success())
    }
}

/// What the threads that run tests tell.
enum News {
    Started(usize),
    Ended(usize, Result<TestReport, rekindle_exec::Error>),
}

/// Runs all tests, `jobs` at once, in the order given. `told` hears how far they are, and of each that has ended.
///
/// # Errors
/// Somebody interrupted them, or threads cannot be had.
pub(crate) fn run(
    tests: Vec<Test>,
    jobs: usize,
    live: &Live,
    mut told: impl FnMut(&Testing, Option<&TestReport>),
) -> Result<Vec<TestReport>, Failure> {
    let mut testing = Testing { done: 0, total: tests.len(), running: Vec::new() };
    let names: Vec<String> = tests.iter().map(|test| test.name.clone()).collect();
    let workers = jobs.clamp(1, tests.len().max(1));
    let queue: Mutex<VecDeque<(usize, Test)>> = Mutex::new(tests.into_iter().enumerate().collect());
    let (tell, news) = mpsc::channel();
    let mut reports: Vec<Option<TestReport>> = vec![None; names.len()];
    thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..workers {
            let (tell, queue) = (tell.clone(), &queue);
            let worker = thread::Builder::new().name("test".into());
            started += usize::from(worker.spawn_scoped(scope, move || work(queue, live, &tell)).is_ok());
        }
        drop(tell);
        if started == 0 {
            return Err(Failure::new(Kind::Trouble, "cannot start a thread to run tests"));
        }
        let mut interrupted = None;
        for item in news {
            match item {
                News::Started(at) => testing.running.push(names[at].clone()),
                News::Ended(at, ended) => {
                    testing.running.retain(|name| *name != names[at]);
                    testing.done += 1;
                    match ended {
                        Ok(report) => reports[at] = Some(report),
                        Err(error) => interrupted = Some(error),
                    }
                    told(&testing, reports[at].as_ref());
                    continue;
                }
            }
            told(&testing, None);
        }
        match interrupted {
            Some(error) => Err(error.into()),
            None => Ok(reports.into_iter().flatten().collect()),
        }
    })
}

fn work(queue: &Mutex<VecDeque<(usize, Test)>>, live: &Live, tell: &mpsc::Sender<News>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((at, test)) = next else { return };
        // Nobody hears us only if the main thread is panicking.
        let _heard = tell.send(News::Started(at));
        let ended = one(test, live);
        let stop = ended.is_err();
        let _heard = tell.send(News::Ended(at, ended));
        if stop {
            queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

fn one(test: Test, live: &Live) -> Result<TestReport, rekindle_exec::Error> {
    let Test { name, mut command } = test;
    command.output = Output::Together;
    match rekindle_exec::run(&command, live) {
        Ok(ended) => Ok(TestReport { name, exit: Ok(ended.status), output: ended.text, wall: ended.wall }),
        Err(rekindle_exec::Error::Interrupted) => Err(rekindle_exec::Error::Interrupted),
        Err(error) => Ok(TestReport {
            name,
            exit: Err(without_numbers(&error.to_string())),
            output: Vec::new(),
            wall: Duration::ZERO,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Test {
        Test { name: name.into(), command: Command::new("/bin/sh", "/").args(["-c", script]) }
    }

    #[test]
    fn every_test_ends_in_its_own_way_and_is_told_in_the_order_of_asking() {
        let mut slow = shell("slow", "sleep 60");
        slow.command.timeout = Some(Duration::from_millis(50));
        let missing = Test { name: "missing".into(), command: Command::new("/nonexistent/x", "/") };
        let tests = vec![
            shell("good", "echo fine"),
            shell("bad", "echo out; echo err >&2; exit 3"),
            slow,
            shell("dead", "kill -SEGV $$"),
            missing,
        ];
        let mut heard = 0;
        let reports =
            run(tests, 2, &Live::new().unwrap(), |_, report| heard += usize::from(report.is_some())).unwrap();
        let shown: Vec<String> = reports
            .iter()
            .map(|report| {
                format!("{} {:?} {:?}", report.name, report.exit, String::from_utf8_lossy(&report.output))
            })
            .collect();
        assert_eq!(heard, 5);
        insta::assert_snapshot!(shown.join("\n"), @r#"
        good Ok(Code(0)) "fine\n"
        bad Ok(Code(3)) "out\nerr\n"
        slow Ok(TimedOut) ""
        dead Ok(Signal(11)) ""
        missing Err("cannot run `/nonexistent/x`: there is no such file") ""
        "#);
    }

    #[test]
    fn as_many_run_at_once_as_there_are_jobs() {
        let tests = (0..6).map(|at| shell(&format!("t{at}"), "sleep 0.05")).collect();
        let mut most = 0;
        run(tests, 3, &Live::new().unwrap(), |testing, _| most = most.max(testing.running.len())).unwrap();
        assert!((1..=3).contains(&most), "{most}");
    }

    #[test]
    fn an_interruption_ends_all_of_them() {
        let live = Live::new().unwrap();
        let tests = (0..4).map(|at| shell(&format!("t{at}"), "sleep 60")).collect();
        let failure = run(tests, 2, &live, |_, _| live.terminate(Duration::ZERO)).unwrap_err();
        assert_eq!(failure.code(), 130);
    }
}
