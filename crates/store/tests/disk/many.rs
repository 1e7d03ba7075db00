//! Many threads and processes that put, read, and trim one store at once.

use std::fs;
use std::path::Path;

use rekindle_store::{Cas, Disk};

use crate::{Thing, open};

/// Where the store is, for a process that the test below starts.
const STORE: &str = "REKINDLE_TEST_STORE";

/// So small that there is always something to trim.
const LIMIT: u64 = 120 * 4096;

/// What one thread does. What it reads is right or absent; nothing fails.
fn work(store: &Disk, to: &Path, seed: u32) {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    for round in 0..200 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let number = (state >> 16) % 40;
        for thing in Thing::all(number) {
            if (state >> 8).is_multiple_of(3) {
                thing.put(store).unwrap();
            } else {
                thing.get(store).unwrap();
            }
        }
        let blob = Thing::Blob(number);
        let made = to.join(format!("{seed}"));
        if store.write_to(&blob.blob(), &made, false).unwrap() {
            assert_eq!(fs::read(&made).unwrap(), blob.bytes());
        }
        match round % 50 {
            10 => drop(store.trim_if_needed().unwrap()),
            20 => drop(store.trim(60 * 4096).unwrap()),
            30 => assert!(store.verify().unwrap().damaged.is_empty()),
            _ => {}
        }
    }
}

fn threads(path: &Path, process: u32) {
    let to = tempfile::tempdir().unwrap();
    let store = open(path, LIMIT).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (store, to) = (&store, to.path());
            scope.spawn(move || work(store, to, process * 10 + thread));
        }
    });
}

#[test]
fn many_can_make_a_store_at_once() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let store = open(path, LIMIT).unwrap();
                    Thing::Note(number % 2).put(&store).unwrap();
                    assert!(!store.is_read_only() && Thing::Note(number % 2).get(&store).unwrap());
                });
            }
        });
    }
}

#[test]
fn many_threads_share_one_store() {
    let dir = tempfile::tempdir().unwrap();
    threads(&dir.path().join("store"), 1);
}

#[test]
#[ignore = "a part of the test below, which starts it"]
#[expect(clippy::disallowed_methods, reason = "it is told by its starter where the store is")]
fn one_process_of_many() {
    let path = std::env::var_os(STORE).expect("the store");
    threads(Path::new(&path), std::process::id());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the processes of this test are this test's own program")]
fn many_processes_share_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let start = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["many::one_process_of_many", "--exact", "--ignored"])
            .env(STORE, &path)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut processes: Vec<_> = (0..6).map(|_| start()).collect();
    // One of them dies in the middle of its work.
    std::thread::sleep(std::time::Duration::from_millis(150));
    let mut killed = processes.remove(0);
    killed.kill().unwrap();
    killed.wait().unwrap();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
    let store = open(&path, LIMIT).unwrap();
    assert!(store.verify().unwrap().damaged.is_empty());
    assert!(store.trim(0).unwrap().left.files == 0);
}
