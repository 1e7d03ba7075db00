//! Builds without the bytes: what is restored and read by nobody stays in the store.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rekindle_engine::event::Outcome;
use rekindle_engine::request::{Materialize, Mode};
use rekindle_exec::Live;
use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::memory::Memory;
use rekindle_store::{ActionCache, Build, Cas, Entry, Error, Store};

use crate::space::{Done, Space, Step, step};

/// A store that loses blobs.
#[derive(Default)]
pub(crate) struct Forgetful {
    inner: Memory,
    lost: Mutex<HashSet<Digest>>,
}

impl Forgetful {
    pub(crate) fn lose(&self, content: &str) {
        self.lost.lock().unwrap().insert(Digest::of(content.as_bytes()));
    }

    fn has_lost(&self, blob: &Blob) -> bool {
        self.lost.lock().unwrap().contains(&blob.digest)
    }
}

impl Cas for Forgetful {
    fn holds(&self, blob: &Blob) -> Result<bool, Error> {
        Ok(!self.has_lost(blob) && self.inner.holds(blob)?)
    }

    fn read(&self, blob: &Blob) -> Result<Option<Vec<u8>>, Error> {
        if self.has_lost(blob) { Ok(None) } else { self.inner.read(blob) }
    }

    fn write_to(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        Ok(!self.has_lost(blob) && self.inner.write_to(blob, to, executable)?)
    }

    fn put(&self, blob: &Blob, bytes: &[u8]) -> Result<bool, Error> {
        self.lost.lock().unwrap().remove(&blob.digest);
        self.inner.put(blob, bytes)
    }
}

impl ActionCache for Forgetful {
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        self.inner.sets(key)
    }

    fn put_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error> {
        self.inner.put_set(key, set)
    }

    fn entry(&self, action: &Digest) -> Result<Option<Entry>, Error> {
        self.inner.entry(action)
    }

    fn put_entry(&self, action: &Digest, entry: &Entry) -> Result<(), Error> {
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

    fn put_build(&self, build: &Build) -> Result<Digest, Error> {
        self.inner.put_build(build)
    }

    fn build(&self, name: &Digest) -> Result<Option<Build>, Error> {
        self.inner.build(name)
    }

    fn use_build(&self, name: &Digest) -> Result<bool, Error> {
        self.inner.use_build(name)
    }
}

impl Store for Forgetful {
    fn place(&self) -> Option<PathBuf> {
        None
    }
}

fn of_kind(kind: ActionKind, step: Step) -> Step {
    Step { kind: Some(kind), ..step }
}

fn compile(script: &str, input: &'static str, output: &'static str) -> Step {
    of_kind(ActionKind::Compile, step(script, &[input], &[output]))
}

/// Two objects, an archive of one of them, and a program of all.
fn project() -> Vec<Step> {
    vec![
        compile("grep -v '^#' a > out/a.o", "a", "a.o"),
        compile("grep -v '^#' b > out/b.o", "b", "b.o"),
        of_kind(ActionKind::Archive, step("cat out/b.o > out/b.a", &["build:b.o"], &["b.a"])),
        of_kind(
            ActionKind::Link,
            step("cat out/a.o out/b.a > out/app", &["build:a.o", "build:b.a"], &["app"]),
        ),
    ]
}

/// The project, built with a store, and the same at another place.
fn two() -> (Space, Space, Arc<Forgetful>) {
    two_of(project(), &[("a", "one\n"), ("b", "two\n")])
}

fn two_of(steps: Vec<Step>, files: &[(&str, &str)]) -> (Space, Space, Arc<Forgetful>) {
    let store = Arc::new(Forgetful::default());
    let mut spaces = [Space::new(steps.clone()), Space::new(steps)];
    for space in &mut spaces {
        space.store = Some(Arc::clone(&store) as Arc<dyn Store>);
        for (name, text) in files {
            space.write(name, text);
        }
    }
    let [mut here, mut there] = spaces;
    here.build();
    there.materialize = Materialize::Auto;
    (here, there, store)
}

fn build(space: &mut Space, wanted: &[&str]) -> Done {
    space.try_build_of(wanted, &Live::new().unwrap()).unwrap()
}

/// Builds the program and says what was not fresh.
fn app(space: &mut Space) -> Vec<String> {
    sorted(&build(space, &["app"]))
}

/// What was not fresh, by name.
fn sorted(done: &Done) -> Vec<String> {
    let mut told = done.told();
    told.sort();
    told
}

/// The files that were built and lie in the build directory.
fn lie(space: &Space) -> Vec<String> {
    let names =
        fs::read_dir(space.out("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| name.contains('.') && !name.contains("TAG") || name == "app").collect();
    names.sort();
    names
}

#[test]
fn what_is_restored_and_not_asked_for_stays_in_the_store() {
    let (_here, mut there, _store) = two();
    there.forbid_spawn = true;
    let done = build(&mut there, &["app"]);
    assert_eq!(sorted(&done), ["a.o restored", "app restored", "b.a restored", "b.o restored"]);
    assert_eq!((lie(&there), done.summary.left), (vec!["app".to_string()], 3));
    assert_eq!(there.read("out/app"), "one\ntwo\n");
    // And the next build knows it.
    let again = build(&mut there, &["app"]);
    assert_eq!((again.told().len(), again.summary.left, lie(&there)), (0, 3, vec!["app".to_string()]));
}

#[test]
fn a_command_that_must_run_finds_what_it_reads() {
    let (_here, mut there, _store) = two();
    app(&mut there);
    there.write("a", "three\n");
    assert_eq!(app(&mut there), ["a.o ran", "app ran"]);
    assert_eq!(
        (lie(&there), there.read("out/app")),
        (vec!["a.o".into(), "app".into(), "b.a".into()], "three\ntwo\n".into())
    );
    there.write("b", "four\n");
    assert_eq!(app(&mut there), ["app ran", "b.a ran", "b.o ran"]);
    assert_eq!(there.read("out/app"), "three\nfour\n");
}

#[test]
fn in_a_clean_directory_too_where_one_input_is_new() {
    let (_here, mut there, _store) = two();
    there.write("b", "four\n");
    let told = app(&mut there);
    assert_eq!(told, ["a.o restored", "app ran", "b.a ran", "b.o ran"]);
    assert_eq!(there.read("out/app"), "one\nfour\n");
}

#[test]
fn a_comment_stops_at_the_object_and_nothing_else_is_written() {
    let (_here, mut there, _store) = two();
    app(&mut there);
    there.write("a", "# a word\none\n");
    assert_eq!(app(&mut there), ["a.o ran"]);
    assert_eq!(lie(&there), ["a.o", "app"]);
}

#[test]
fn what_is_asked_for_later_is_written_then() {
    let (_here, mut there, _store) = two();
    app(&mut there);
    there.forbid_spawn = true;
    let done = build(&mut there, &["b.o"]);
    assert_eq!(
        (done.told(), done.reasons("b.o")),
        (vec!["b.o restored".into()], vec!["output `build:b.o` was left in the store".into()])
    );
    assert_eq!(lie(&there), ["app", "b.o"]);
    there.materialize = Materialize::All;
    assert_eq!(app(&mut there), ["a.o restored", "b.a restored"]);
    assert_eq!(lie(&there), ["a.o", "app", "b.a", "b.o"]);
    assert_eq!(app(&mut there), Vec::<String>::new());
}

#[test]
fn a_directory_that_was_begun_with_all_its_files_keeps_to_that() {
    let (mut here, mut there, _store) = two();
    there.materialize = Materialize::All;
    app(&mut there);
    assert_eq!(lie(&there), ["a.o", "app", "b.a", "b.o"]);
    there.materialize = Materialize::Auto;
    here.write("a", "five\n");
    here.build();
    there.write("a", "five\n");
    assert_eq!(app(&mut there), ["a.o restored", "app restored"]);
    assert_eq!(there.read("out/a.o"), "five\n");
}

#[test]
fn what_the_store_has_lost_is_made_again_in_the_same_build() {
    let (_here, mut there, store) = two();
    app(&mut there);
    store.lose("one\n");
    // Nobody needs it.
    assert_eq!(app(&mut there), Vec::<String>::new());
    there.write("b", "four\n");
    let done = build(&mut there, &["app"]);
    let told = sorted(&done);
    assert_eq!(told, ["a.o ran", "app ran", "b.a ran", "b.o ran"]);
    let ran = done.reports.iter().find(|report| report.name == "a.o" && report.outcome == Outcome::Ran);
    let reasons: Vec<String> = ran.unwrap().reasons.iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["output `build:a.o` was left in the store, and is gone from it"]);
    assert_eq!(there.read("out/app"), "one\nfour\n");
    let counts = done.summary.actions;
    assert_eq!((counts.ran, counts.fresh, counts.restored, done.summary.total), (4, 0, 0, 4));
    assert_eq!(app(&mut there), Vec::<String>::new());
}

#[test]
fn what_makes_what_was_lost_is_given_what_it_reads_and_that_may_be_lost_too() {
    let (_here, mut there, store) = two();
    app(&mut there);
    store.lose("two\n");
    there.write("a", "three\n");
    let done = build(&mut there, &["app"]);
    let told = sorted(&done);
    // The archive and the object have the same bytes: both are lost.
    assert_eq!(told, ["a.o ran", "app ran", "b.a ran", "b.o ran"]);
    assert_eq!((done.summary.actions.ran, done.summary.actions.fresh), (4, 0));
    assert_eq!(there.read("out/app"), "three\ntwo\n");
    assert_eq!(app(&mut there), Vec::<String>::new());
}

#[test]
fn if_what_was_lost_comes_out_otherwise_all_that_depends_on_it_is_judged_again() {
    let steps = vec![
        // What it gives depends on something that nobody declares.
        compile("cat a whim > out/a.o", "a", "a.o"),
        compile("cat b > out/b.o", "b", "b.o"),
        of_kind(ActionKind::Link, step("cat out/a.o > out/one", &["build:a.o"], &["one"])),
        of_kind(
            ActionKind::Link,
            step("cat out/a.o out/b.o > out/app", &["build:a.o", "build:b.o"], &["app"]),
        ),
    ];
    let (_here, mut there, store) = two_of(steps, &[("a", "one\n"), ("b", "two\n"), ("whim", "x\n")]);
    let both = ["one", "app"];
    build(&mut there, &both);
    store.lose("one\nx\n");
    there.write("whim", "y\n");
    there.write("b", "four\n");
    let told = sorted(&build(&mut there, &both));
    assert_eq!(told, ["a.o ran", "app ran", "b.o ran", "one ran"]);
    assert_eq!((there.read("out/one"), there.read("out/app")), ("one\ny\n".into(), "one\ny\nfour\n".into()));
    assert!(build(&mut there, &both).told().is_empty());
}

#[test]
fn without_its_store_a_directory_makes_again_what_was_left_there() {
    let (_here, mut there, _store) = two();
    app(&mut there);
    there.store = None;
    assert_eq!(app(&mut there), Vec::<String>::new());
    there.write("b", "four\n");
    let told = app(&mut there);
    assert_eq!(told, ["a.o ran", "app ran", "b.a ran", "b.o ran"]);
    assert_eq!(there.read("out/app"), "one\nfour\n");
}

#[test]
fn what_must_not_run_is_not_made_again_and_the_build_says_so() {
    let (_here, mut there, store) = two();
    app(&mut there);
    store.lose("one\n");
    there.write("b", "four\n");
    there.forbid_spawn = true;
    let done = build(&mut there, &["app"]);
    assert_eq!((done.told(), done.summary.processes_spawned), (vec!["b.o failed".to_string()], 0));
    assert_eq!(there.read("out/app"), "one\ntwo\n");
}

#[test]
fn what_custom_commands_write_and_side_outputs_are_never_left() {
    let mut steps = project();
    steps[0].outputs.push("a.gcno");
    steps[0].script = "cp a out/a.o; cp a out/a.gcno".into();
    steps.push(step("cp b out/gen.h", &["b"], &["gen.h"]));
    steps[1].order_only.push("build:gen.h");
    let (_here, mut there, _store) = two_of(steps, &[("a", "one\n"), ("b", "two\n")]);
    there.forbid_spawn = true;
    app(&mut there);
    assert_eq!(lie(&there), ["a.gcno", "a.o", "app", "gen.h"]);
}

#[test]
fn a_program_finds_the_shared_libraries_that_it_loads() {
    let mut steps = project();
    let so = step("cat out/b.o > out/b.so", &["build:b.o"], &["b.so"]);
    steps.push(of_kind(ActionKind::Link, Step { links: vec![("b.so.1", "b.so")], ..so }));
    let inner = of_kind(ActionKind::Link, step("cat out/b.o > out/in.so", &["build:b.o"], &["in.so"]));
    steps.push(inner);
    steps[4].inputs.push("build:in.so");
    steps[3].inputs.push("build:b.so");
    let (_here, mut there, _store) = two_of(steps, &[("a", "one\n"), ("b", "two\n")]);
    app(&mut there);
    assert_eq!(lie(&there), ["app", "b.so", "b.so.1", "in.so"]);
}

#[test]
fn what_lies_where_something_was_left_is_no_output() {
    let (_here, mut there, _store) = two();
    app(&mut there);
    there.write("out/a.o", "junk\n");
    assert_eq!(app(&mut there), ["a.o restored"]);
    assert_eq!(there.read("out/a.o"), "one\n");
    there.write("a", "# a word\none\n");
    there.write("out/b.a", "junk\n");
    there.write("b", "four\n");
    app(&mut there);
    assert_eq!(there.read("out/app"), "one\nfour\n");
}

#[test]
fn a_library_that_is_found_where_it_is_searched_is_written_before() {
    let mut steps = project();
    // The link declares the object alone, and finds the archive.
    steps[3] = Step {
        kind: Some(ActionKind::Link),
        order_only: vec!["build:b.a"],
        search: vec!["build:"],
        depfile: Some("tmp/app.d"),
        ..step(
            "cat out/a.o out/b.a > out/app || exit 1; echo 'out/app: out/a.o out/b.a' > out/tmp/app.d",
            &["build:a.o"],
            &["app"],
        )
    };
    let (_here, mut there, _store) = two_of(steps, &[("a", "one\n"), ("b", "two\n")]);
    app(&mut there);
    assert_eq!(lie(&there), ["app"]);
    there.write("a", "three\n");
    assert_eq!(app(&mut there), ["a.o ran", "app ran"]);
    assert_eq!(there.read("out/app"), "three\ntwo\n");
}

#[test]
fn a_plan_says_what_would_be_written_and_writes_nothing() {
    let (_here, mut there, _store) = two();
    app(&mut there);
    there.mode = Mode::Plan;
    there.materialize = Materialize::All;
    let told = app(&mut there);
    assert_eq!(
        (told, lie(&there)),
        (vec!["a.o restored".into(), "b.a restored".into(), "b.o restored".into()], vec!["app".to_string()])
    );
}

#[test]
fn what_a_command_that_is_asked_for_was_given_is_written_too() {
    let mut steps = project();
    steps.push(step("echo 'cat out/app' > out/app.sh", &["build:app"], &["app.sh"]));
    steps.push(step("echo a.o > out/thin.a", &["build:a.o"], &["thin.a"]));
    // One that makes something of them names them too.
    steps.push(step("cp out/app.sh out/all.sh", &["build:app.sh"], &["all.sh"]));
    let (_here, mut there, _store) = two_of(steps, &[("a", "one\n"), ("b", "two\n")]);
    there.forbid_spawn = true;
    build(&mut there, &["all.sh"]);
    assert_eq!(lie(&there), ["all.sh", "app", "app.sh"]);
    build(&mut there, &["thin.a"]);
    assert_eq!(lie(&there), ["a.o", "all.sh", "app", "app.sh", "thin.a"]);
}

#[test]
fn a_program_finds_what_is_loaded_by_a_library_that_a_command_made() {
    let mut steps = project();
    steps.push(of_kind(ActionKind::Link, step("cat out/b.o > out/in.so", &["build:b.o"], &["in.so"])));
    steps.push(step("cat out/in.so > out/patched.so", &["build:in.so"], &["patched.so"]));
    steps[3].inputs.push("build:patched.so");
    steps.push(step(
        "cat out/app out/in.so > out/run.txt; cat x >> out/run.txt",
        &["build:app", "x"],
        &["run.txt"],
    ));
    steps.push(compile("cat out/run.txt > out/c.o", "build:run.txt", "c.o"));
    let (_here, mut there, _store) = two_of(steps, &[("a", "one\n"), ("b", "two\n"), ("x", "x\n")]);
    app(&mut there);
    assert_eq!(lie(&there), ["app", "in.so", "patched.so"]);
    // A command that runs the program, too.
    fs::remove_dir_all(there.out("")).unwrap();
    there.write("x", "y\n");
    let done = build(&mut there, &["c.o"]);
    assert_eq!((done.summary.actions.failed, there.read("out/c.o")), (0, "one\ntwo\ntwo\ny\n".into()));
}

#[test]
fn what_an_object_leaves_for_its_link_to_read_is_written_before() {
    let mut steps = vec![
        compile("cp boot out/boot.o", "boot", "boot.o"),
        of_kind(ActionKind::Link, step("cat out/boot.o > out/boot.elf", &["build:boot.o"], &["boot.elf"])),
        Step { assembled_later: true, ..compile("echo asm > out/a.o", "a.s", "a.o") },
        compile("cp b out/b.o", "b", "b.o"),
        of_kind(ActionKind::Archive, step("cat out/a.o > out/l.a", &["build:a.o"], &["l.a"])),
        of_kind(
            ActionKind::Link,
            step("cat out/l.a out/b.o out/boot.elf > out/app", &["build:l.a", "build:b.o"], &["app"]),
        ),
    ];
    steps[2].order_only.push("build:boot.elf");
    let files = [("boot", "boot\n"), ("a.s", ".incbin \"out/boot.elf\"\n"), ("b", "two\n")];
    let (_here, mut there, _store) = two_of(steps, &files);
    there.write("b", "three\n");
    assert_eq!(
        app(&mut there),
        ["a.o restored", "app ran", "b.o ran", "boot.elf restored", "boot.o restored", "l.a restored"]
    );
    assert_eq!(there.read("out/app"), "asm\nthree\nboot\n");
}

#[test]
fn where_something_failed_and_others_go_on_what_was_lost_is_made_again_too() {
    let mut steps = project();
    steps.insert(0, compile("grep -v bad bad > out/bad.o", "bad", "bad.o"));
    let (_here, mut there, store) = two_of(steps, &[("a", "one\n"), ("b", "two\n"), ("bad", "good\n")]);
    let wanted = ["app", "bad.o"];
    build(&mut there, &wanted);
    store.lose("one\n");
    there.write("b", "four\n");
    there.write("bad", "bad\n");
    there.failures = None;
    there.jobs = 1;
    let done = build(&mut there, &wanted);
    assert_eq!(there.read("out/app"), "one\nfour\n");
    let counts = done.summary.actions;
    assert_eq!((counts.ran, counts.failed, counts.skipped), (4, 1, 0));
    assert_eq!(done.summary.processes_spawned, 5);
}

#[test]
fn what_cannot_be_known_is_made_once_in_a_build_that_begins_again() {
    let mut steps = project();
    steps.push(Step {
        scanned: true,
        depfile: Some("tmp/u.d"),
        ..compile("echo u >> runs; cat runs > out/u.o; echo out/u.o: u.c > out/tmp/u.d", "u.c", "u.o")
    });
    let files = [("a", "one\n"), ("b", "two\n"), ("u.c", "asm(\".incbin \" NAME);\n"), ("runs", "")];
    let (_here, mut there, store) = two_of(steps, &files);
    let wanted = ["u.o", "app"];
    let first = build(&mut there, &wanted);
    assert!(first.reports.iter().any(|report| report.remarks.unprovable.is_some()), "{:?}", first.told());
    there.write("runs", "");
    store.lose("one\n");
    there.write("b", "four\n");
    there.jobs = 1;
    let done = build(&mut there, &wanted);
    assert_eq!(there.read("out/app"), "one\nfour\n");
    assert_eq!((there.read("runs"), done.summary.processes_spawned), ("u\n".into(), 5));
}
