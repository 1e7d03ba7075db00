//! What threads do with the store while the main loop goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rekindle_engine::event::BuildOutcome;
use rekindle_exec::Live;
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::memory::Memory;
use rekindle_store::{ActionCache, Cas, Entry, Error, Store};

use crate::space::{Done, Space, Step, step};

const NOTHING: [&str; 0] = [];

/// A store in memory that does something before some calls; what it says then is their answer, unless that is good.
struct Hooked {
    inner: Memory,
    before: Before,
}

type Before = Box<dyn Fn(Call) -> Result<(), Error> + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    /// A blob is put.
    Put,
    /// Input sets are asked for.
    Sets,
    /// An entry is asked for.
    Entry,
    /// A blob of this size is written to a file.
    WriteTo(u64),
    PutEntry,
    /// The entry is put by then.
    PutSet,
}

fn broken() -> Result<(), Error> {
    let source = std::io::Error::other("no space");
    Err(Error::Io { verb: "read", path: PathBuf::from("/store/x"), source })
}

impl Cas for Hooked {
    fn holds(&self, blob: &Blob) -> Result<bool, Error> {
        self.inner.holds(blob)
    }

    fn read(&self, blob: &Blob) -> Result<Option<Vec<u8>>, Error> {
        self.inner.read(blob)
    }

    fn write_to(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        (self.before)(Call::WriteTo(blob.size))?;
        self.inner.write_to(blob, to, executable)
    }

    fn put(&self, blob: &Blob, bytes: &[u8]) -> Result<bool, Error> {
        (self.before)(Call::Put)?;
        self.inner.put(blob, bytes)
    }
}

impl ActionCache for Hooked {
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        (self.before)(Call::Sets)?;
        self.inner.sets(key)
    }

    fn put_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error> {
        (self.before)(Call::PutSet)?;
        self.inner.put_set(key, set)
    }

    fn entry(&self, action: &Digest) -> Result<Option<Entry>, Error> {
        (self.before)(Call::Entry)?;
        self.inner.entry(action)
    }

    fn put_entry(&self, action: &Digest, entry: &Entry) -> Result<(), Error> {
        (self.before)(Call::PutEntry)?;
        self.inner.put_entry(action, entry)
    }

    fn remove_entry(&self, action: &Digest) -> Result<(), Error> {
        self.inner.remove_entry(action)
    }

    fn note(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.inner.note(key)
    }

    fn put_note(&self, key: &Digest, note: &[u8]) -> Result<(), Error> {
        self.inner.put_note(key, note)
    }

    fn put_build(&self, build: &rekindle_store::Build) -> Result<Digest, Error> {
        self.inner.put_build(build)
    }

    fn build(&self, name: &Digest) -> Result<Option<rekindle_store::Build>, Error> {
        self.inner.build(name)
    }

    fn use_build(&self, name: &Digest) -> Result<bool, Error> {
        self.inner.use_build(name)
    }
}

impl Store for Hooked {
    fn place(&self) -> Option<PathBuf> {
        None
    }
}

/// A project whose results are shared through a store that does `before` first.
fn hooked(steps: &[Step], before: impl Fn(Call) -> Result<(), Error> + Send + Sync + 'static) -> Space {
    let mut space = Space::new(steps.to_vec());
    space.store = Some(Arc::new(Hooked { inner: Memory::default(), before: Box::new(before) }));
    space.write("in", "in\n");
    space.write("h", "h\n");
    space
}

/// The same project and store at another place.
fn beside(space: &Space) -> Space {
    let mut other = Space::new(space.steps.clone());
    other.store = space.store.clone();
    other.write("in", "in\n");
    other.write("h", "h\n");
    other
}

/// Waits until `holds`, and tells whether that came.
fn waited(holds: impl Fn() -> bool) -> bool {
    for _ in 0..5_000 {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Writes `name` as `in` and what its depfile names are.
fn compile(name: &'static str, script: &str) -> Step {
    let depfile: &'static str = Box::leak(format!("tmp/{name}.d").into_boxed_str());
    let script = format!("{script}cat in h > out/{name}; echo 'out/{name}: in h' > out/tmp/{name}.d");
    Step { depfile: Some(depfile), ..step(&script, &["in"], &[name]) }
}

#[test]
fn results_that_do_not_need_each_other_are_restored_at_once() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let steps = [compile("a", ""), compile("b", "echo more > out/more; "), compile("c", ": ; ")];
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = (Arc::clone(&now), Arc::clone(&most));
    let here = hooked(&steps, move |call| {
        if let Call::WriteTo(_) = call {
            let (now, most) = &seen;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            waited(|| most.load(Ordering::SeqCst) >= cores.min(2));
            now.fetch_sub(1, Ordering::SeqCst);
        }
        Ok(())
    });
    let mut space = beside(&here);
    let mut here = here;
    here.build();
    let mut told = space.told();
    told.sort();
    assert_eq!(told, ["a restored", "b restored", "c restored"]);
    assert_eq!(most.load(Ordering::SeqCst), cores.min(2));
    assert_eq!(space.read("out/b"), "in\nh\n");
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn a_command_starts_while_the_result_of_the_last_one_is_put() {
    let steps = [compile("a", ""), compile("b", ": ; touch out/tmp/started; ")];
    let marker: Arc<Mutex<PathBuf>> = Arc::default();
    let (place, seen) = (Arc::clone(&marker), Arc::new(AtomicUsize::new(0)));
    let (puts, started_meanwhile) = (AtomicUsize::new(0), Arc::clone(&seen));
    let mut space = hooked(&steps, move |call| {
        if call == Call::PutSet && puts.fetch_add(1, Ordering::SeqCst) == 0 {
            let started = place.lock().unwrap().clone();
            seen.store(usize::from(waited(|| started.exists())), Ordering::SeqCst);
        }
        Ok(())
    });
    space.jobs = 1;
    *marker.lock().unwrap() = space.out("tmp/started");
    assert_eq!(space.told(), ["a ran", "b ran"]);
    assert_eq!(started_meanwhile.load(Ordering::SeqCst), 1, "the build does not wait for the store");
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn a_command_waits_for_an_input_that_is_being_restored() {
    let steps = [compile("a", ""), Step { private: true, ..step("cat out/a > out/b", &["build:a"], &["b"]) }];
    let here = hooked(&steps, |call| {
        if let Call::WriteTo(_) = call {
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    });
    let mut space = beside(&here);
    let mut here = here;
    here.build();
    assert_eq!(space.told(), ["a restored", "b ran"]);
    assert_eq!(space.read("out/b"), "in\nh\n");
}

#[test]
fn a_restore_that_fails_while_others_run_is_made_anew_and_harms_none_of_them() {
    // The results have sizes of their own: 5, 6 and 7 bytes.
    let step = |name: &'static str, more: &str| {
        let depfile: &'static str = Box::leak(format!("tmp/{name}.d").into_boxed_str());
        let script =
            format!("(cat in h; printf '{more}') > out/{name}; echo 'out/{name}: in h' > out/tmp/{name}.d");
        Step { depfile: Some(depfile), ..step(&script, &["in"], &[name]) }
    };
    let steps = [step("a", ""), step("b", "b"), step("c", "cc")];
    for size in [5, 6, 7] {
        let here = hooked(&steps, move |call| {
            std::thread::sleep(Duration::from_millis(20));
            let path = PathBuf::from("/store/x");
            match call {
                Call::WriteTo(of) if of == size => Err(Error::Damaged { path, what: "a test says so" }),
                _ => Ok(()),
            }
        });
        let mut space = beside(&here);
        let mut here = here;
        here.build();
        let mut told = space.told();
        told.sort();
        let outcome =
            |name: &str, own: u64| format!("{name} {}", if own == size { "ran" } else { "restored" });
        assert_eq!(told, [outcome("a", 5), outcome("b", 6), outcome("c", 7)]);
        let outputs = ["out/a", "out/b", "out/c"].map(|name| space.read(name));
        assert_eq!(outputs, ["in\nh\n", "in\nh\nb", "in\nh\ncc"]);
        assert_eq!(space.told(), NOTHING);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_kill_between_an_entry_and_its_stamp_leaves_what_the_next_build_accepts() {
    let root: Arc<Mutex<PathBuf>> = Arc::default();
    let left = tempfile::tempdir().unwrap();
    let (place, to) = (Arc::clone(&root), left.path().to_path_buf());
    let mut space = hooked(&[compile("a", "")], move |call| {
        let out = place.lock().unwrap().join("out");
        match call {
            // Before the entry, and between it and its set; the stamp comes behind both.
            Call::PutEntry => copy(&out, &to.join("neither")),
            Call::PutSet => copy(&out, &to.join("entry")),
            Call::Put | Call::Sets | Call::Entry | Call::WriteTo(_) => {}
        }
        Ok(())
    });
    *root.lock().unwrap() = space.root();
    assert_eq!(space.told(), ["a ran"]);
    for (name, shared) in [("neither", false), ("entry", false), ("entry", true)] {
        let mut other = Space::new(space.steps.clone());
        other.store = shared.then(|| space.store.clone()).flatten();
        other.write("in", "in\n");
        other.write("h", "h\n");
        copy(&left.path().join(name), &other.root().join("out"));
        let expected = if shared { "a restored" } else { "a ran" };
        assert_eq!(other.told(), [expected], "no stamp vouches for it before the store has it: {name}");
        assert_eq!(other.read("out/a"), "in\nh\n");
        assert_eq!(other.told(), NOTHING);
    }
}

#[test]
fn a_stamp_is_written_where_the_store_takes_nothing() {
    for at in [Call::PutEntry, Call::PutSet] {
        let mut space = hooked(&[compile("a", "")], move |call| if call == at { broken() } else { Ok(()) });
        let done = space.build();
        assert_eq!((done.told(), done.notices.len()), (vec!["a ran".into()], 1));
        assert_eq!(done.summary.store.unwrap().stored, 0);
        assert_eq!(space.told(), NOTHING);
    }
}

#[test]
fn what_a_build_wrote_is_not_read_again_by_the_next_one() {
    // A time that lies ahead makes it one that cannot be believed, and that can be once the second command has ended.
    let ahead = "cp in out/a; cp in out/x; touch -d @$(($(date +%s) + 1)) out/a out/x";
    let late = step("sleep 1.3; cat out/a > out/b", &["build:a"], &["b"]);
    let steps = [step(ahead, &["in"], &["a", "x"]), late];
    let mut space = hooked(&steps, |_| Ok(()));
    space.build();
    let next = space.build();
    assert_eq!(next.told(), NOTHING);
    assert!(next.summary.files.hashed <= 1, "only what was written last is: {:?}", next.summary.files);
}

#[test]
fn what_the_second_set_finds_is_for_the_inputs_that_its_key_was_made_of() {
    // Which files `a` reads beside `in` is in `list`.
    let script = "cat in $(cat list) > out/a; echo out/a: in list $(cat list) > out/tmp/a.d";
    let steps = [
        Step { depfile: Some("tmp/a.d"), ..step(script, &["in"], &["a"]) },
        Step { private: true, ..step("sleep 0.5; echo c > out/c", &["x"], &["c"]) },
        Step { private: true, ..step("touch out/tmp/started; cp in out/b", &["in", "build:c"], &["b"]) },
    ];
    let there: Arc<Mutex<Option<PathBuf>>> = Arc::default();
    let (place, b_started) = (Arc::clone(&there), Arc::new(AtomicUsize::new(0)));
    let started = Arc::clone(&b_started);
    let mut here = hooked(&steps, move |call| {
        if call == Call::Entry
            && let Some(root) = place.lock().unwrap().take()
        {
            fs::write(root.join("in"), "CHANGED\n").unwrap();
            started.store(usize::from(waited(|| root.join("out/tmp/started").exists())), Ordering::SeqCst);
        }
        Ok(())
    });
    for (name, text) in [("x", "x"), ("y", "y"), ("list", "x")] {
        here.write(name, text);
    }
    here.build();
    here.write("list", "y x");
    here.build();
    let mut space = beside(&here);
    for (name, text) in [("x", "x"), ("y", "other y"), ("list", "x")] {
        space.write(name, text);
    }
    *there.lock().unwrap() = Some(space.root());
    space.build();
    assert_eq!(
        b_started.load(Ordering::SeqCst),
        1,
        "the input is looked at again while the first set is tried"
    );
    space.build();
    assert_eq!(space.read("out/a"), "CHANGED\nx");
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn a_place_in_a_pool_is_filled_again_when_the_result_of_its_command_is_put() {
    let pooled = |script: &str, name: &'static str| Step { pool: Some("one"), ..step(script, &[], &[name]) };
    let steps = [
        pooled("sleep 0.3; echo > out/a", "a"),
        pooled("echo > out/b", "b"),
        Step { private: true, ..step("sleep 2; echo > out/y", &[], &["y"]) },
    ];
    let mut space = hooked(&steps, |_| {
        std::thread::sleep(Duration::from_millis(50));
        Ok(())
    });
    let mut told = space.told();
    // Which of the two is looked up first is the threads' affair; both end while the long one runs.
    told[..2].sort();
    assert_eq!(told, ["a ran", "b ran", "y ran"]);
}

/// What `with` gives, if it comes to an end at all.
fn in_time<T: Send + 'static>(with: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = mpsc::channel();
    std::thread::spawn(move || sender.send(with()));
    result.recv_timeout(Duration::from_secs(20)).expect("the build ends")
}

#[test]
fn a_panic_in_a_thread_ends_no_build_that_can_do_without_the_store() {
    for at in [Call::Sets, Call::Entry, Call::WriteTo(5), Call::PutEntry, Call::PutSet] {
        let armed = Arc::new(AtomicUsize::new(0));
        let is_armed = Arc::clone(&armed);
        let here = hooked(&[compile("a", "")], move |call| {
            assert!(call != at || is_armed.load(Ordering::SeqCst) == 0, "a test says so");
            Ok(())
        });
        let mut space = beside(&here);
        let mut here = here;
        if !matches!(at, Call::PutEntry | Call::PutSet) {
            here.build();
        }
        armed.store(1, Ordering::SeqCst);
        let (done, mut space) = in_time(move || (space.build(), space));
        assert_eq!(done.told(), ["a ran"], "{at:?}");
        assert!(done.notices[0].contains("a test says so"), "{at:?}: {:?}", done.notices);
        assert_eq!((space.read("out/a").as_str(), done.notices.len()), ("in\nh\n", 1));
        armed.store(0, Ordering::SeqCst);
        assert_eq!(space.told(), NOTHING, "{at:?}");
    }
}

#[test]
fn a_panic_in_the_thread_of_a_command_ends_the_build_with_an_error() {
    let steps = [compile("a", ""), step("sleep 0.3; echo > out/b", &[], &["b"])];
    let mut space = hooked(&steps, |call| {
        assert!(call != Call::Put, "a test says so");
        Ok(())
    });
    let (done, mut space) = in_time(move || (space.try_build().map(|done| done.told()), space));
    let error = done.unwrap_err().to_string();
    assert!(error.contains("out/a") && error.contains("a test says so"), "{error}");
    assert!(!space.out("a").exists(), "nobody knows what it is");
    space.store = None;
    space.build();
    assert_eq!(space.read("out/a"), "in\nh\n");
    assert_eq!(space.told(), NOTHING);
}

/// How many results of 30 are restored once `stop` has stopped the build from within a task of the store.
fn restored_after(first: Step, stop: impl Fn(&Live, &Path) + Send + Sync + 'static) -> (usize, Done) {
    let names: Vec<&'static str> = (0..30).map(|n| &*Box::leak(format!("a{n}").into_boxed_str())).collect();
    let steps: Vec<Step> = names.iter().map(|name| compile(name, "")).collect();
    let (count, live) = (Arc::new(AtomicUsize::new(0)), Live::new().unwrap());
    let (restored, to_stop) = (Arc::clone(&count), live.clone());
    let root: Arc<Mutex<PathBuf>> = Arc::default();
    let place = Arc::clone(&root);
    let mut here = hooked(&steps, move |call| {
        if let Call::WriteTo(_) = call {
            count.fetch_add(1, Ordering::SeqCst);
            stop(&to_stop, &place.lock().unwrap().clone());
        }
        Ok(())
    });
    here.build();
    let mut space = beside(&here);
    space.steps.insert(0, first);
    *root.lock().unwrap() = space.root();
    let done = space.try_build_of(&[], &live).unwrap();
    assert_eq!(
        space.build().summary.actions.restored + done.summary.actions.restored,
        30,
        "the rest is next"
    );
    (restored.load(Ordering::SeqCst) - usize::try_from(30 - done.summary.actions.restored).unwrap(), done)
}

#[test]
fn an_interrupt_does_not_wait_for_what_was_to_be_restored() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let (restored, done) = restored_after(step("echo > out/b", &[], &["b"]), |live, _| {
        // By then everything is asked for.
        std::thread::sleep(Duration::from_millis(200));
        live.close();
    });
    assert_eq!(done.summary.outcome, BuildOutcome::Interrupted);
    assert!((1..=cores).contains(&restored), "{restored}");
}

#[test]
fn a_failure_that_ends_the_build_does_not_wait_for_what_was_to_be_restored() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let fails_once = step("test -e again || { sleep 0.3; touch again; exit 1; }; echo > out/b", &[], &["b"]);
    let (restored, done) = restored_after(Step { private: true, ..fails_once }, |_, root| {
        waited(|| root.join("again").exists());
        // The main loop hears of it in no time.
        std::thread::sleep(Duration::from_millis(100));
    });
    assert_eq!((done.summary.outcome, done.summary.actions.failed), (BuildOutcome::Failed, 1));
    assert!((1..=cores).contains(&restored), "{restored}");
}

#[test]
fn the_result_of_a_command_is_put_before_what_waits_to_be_restored() {
    let names: Vec<&'static str> = (0..20).map(|n| &*Box::leak(format!("a{n}").into_boxed_str())).collect();
    let mut steps = vec![step("cp seed out/g", &["seed"], &["g"])];
    steps.extend(names.iter().map(|name| compile(name, "")));
    let (armed, written) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let before_put = Arc::new(AtomicUsize::new(0));
    let (is_armed, seen, at_put) = (Arc::clone(&armed), Arc::clone(&written), Arc::clone(&before_put));
    let mut here = hooked(&steps, move |call| {
        match call {
            Call::WriteTo(_) => {
                seen.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(100));
            }
            Call::PutEntry if is_armed.load(Ordering::SeqCst) == 1 => {
                at_put.store(seen.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            _ => {}
        }
        Ok(())
    });
    here.write("seed", "one");
    here.build();
    let mut space = beside(&here);
    space.write("seed", "two");
    armed.store(1, Ordering::SeqCst);
    let done = space.build();
    assert_eq!((done.summary.actions.ran, done.summary.actions.restored), (1, 20));
    assert_eq!(written.load(Ordering::SeqCst), 20);
    assert!((1..=10).contains(&before_put.load(Ordering::SeqCst)), "{before_put:?}");
}
