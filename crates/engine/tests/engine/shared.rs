//! Results that other build directories have made, through a store in memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rekindle_engine::event::BuildOutcome;
use rekindle_engine::request::Mode;
use rekindle_exec::Live;
use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::Encoder;
use rekindle_store::memory::Memory;
use rekindle_store::{ActionCache, Cas, Entry, Error, Store};

use crate::space::{Done, Space, Step, step};

const NOTHING: [&str; 0] = [];

/// A project whose results are shared through `store`.
fn sharing(steps: &[Step], store: &Arc<impl Store + 'static>) -> Space {
    let mut space = Space::new(steps.to_vec());
    space.store = Some(Arc::clone(store) as Arc<dyn Store>);
    space
}

/// The same project at another place, with these files.
fn beside(space: &Space, files: &[(&str, &str)]) -> Space {
    let mut other = Space::new(space.steps.clone());
    other.store = space.store.clone();
    for (name, text) in files {
        other.write(name, text);
    }
    other
}

/// Hits, misses, put.
fn used(done: &Done) -> (u64, u64, u64) {
    let store = done.summary.store.as_ref().unwrap();
    (store.hits, store.misses, store.stored)
}

/// `a` is made of `in` and of what its depfile names, `h`, found in `inc`.
fn compile() -> Step {
    Step {
        depfile: Some("tmp/a.d"),
        search: vec!["early", "inc"],
        ..step("cat in inc/h > out/a; echo 'out/a: in inc/h' > out/tmp/a.d", &["in"], &["a"])
    }
}

fn compiled() -> Space {
    let mut space = sharing(&[compile()], &Arc::new(Memory::default()));
    space.write("in", "in\n");
    space.write("inc/h", "one\n");
    space
}

const FILES: [(&str, &str); 2] = [("in", "in\n"), ("inc/h", "one\n")];

#[test]
fn what_was_made_at_one_place_is_restored_at_another_and_nothing_is_started() {
    let chain = [
        step("grep -v '^#' in > out/a; printf run > out/x; chmod +x out/x", &["in"], &["a", "x"]),
        step("cat out/a out/a > out/b", &["build:a"], &["b"]),
    ];
    let mut here = sharing(&chain, &Arc::new(Memory::default()));
    here.write("in", "one\n");
    let first = here.build();
    assert_eq!((first.told(), used(&first)), (vec!["a ran".into(), "b ran".into()], (0, 2, 2)));
    assert_eq!(first.summary.store.as_ref().unwrap().bytes_written, 4 + 3 + 8);
    let mut there = beside(&here, &[("in", "one\n")]);
    there.forbid_spawn = true;
    let second = there.build();
    assert_eq!(second.told(), ["a restored", "b restored"]);
    assert_eq!((second.summary.processes_spawned, used(&second)), (0, (2, 0, 0)));
    assert_eq!(second.summary.store.as_ref().unwrap().bytes_read, 4 + 3 + 8);
    assert_eq!((there.read("out/a"), there.read("out/b")), ("one\n".into(), "one\none\n".into()));
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| fs::metadata(there.out(name)).unwrap().permissions().mode() & 0o111;
    assert_eq!((mode("a"), mode("x")), (0, 0o111));
    let third = there.build();
    assert_eq!((third.told().as_slice(), used(&third)), (&[][..], (0, 0, 0)), "what is fresh asks nobody");
}

#[test]
fn contents_of_a_header_that_alternate_are_all_restored() {
    let mut here = compiled();
    for text in ["one\n", "two\n", "three\n"] {
        here.write("inc/h", text);
        assert_eq!(here.told(), ["a ran"]);
    }
    let mut there = beside(&here, &FILES);
    for text in ["three\n", "one\n", "two\n", "three\n", "one\n"] {
        there.write("inc/h", text);
        let done = there.build();
        assert_eq!(done.told(), ["a restored"], "{text}");
        assert_eq!(there.read("out/a"), format!("in\n{text}"));
    }
    there.write("inc/h", "four\n");
    assert_eq!(there.told(), ["a ran"]);
    here.write("inc/h", "four\n");
    assert_eq!(here.told(), ["a restored"]);
}

#[test]
fn a_header_that_shadows_another_or_is_gone_is_another_result() {
    let mut here = compiled();
    here.build();
    let mut there = beside(&here, &FILES);
    there.write("early/h", "shadow\n");
    assert_eq!(there.told(), ["a ran"]);
    fs::remove_file(there.root().join("early/h")).unwrap();
    assert_eq!(there.told(), ["a restored"]);
    fs::remove_file(there.root().join("inc/h")).unwrap();
    assert_eq!(there.told(), ["a ran"], "it reads what is there now");
    fs::create_dir(there.root().join("inc/h")).unwrap();
    assert_ne!(there.told(), ["a restored"]);
}

#[test]
fn each_set_of_files_that_was_read_is_tried() {
    // Which files it reads is in a file that it reads.
    let script = "cat $(cat list) > out/a; echo out/a: list $(cat list) > out/tmp/a.d";
    let picky = Step { depfile: Some("tmp/a.d"), ..step(script, &[], &["a"]) };
    let mut here = sharing(&[picky], &Arc::new(Memory::default()));
    for (name, text) in [("x", "x"), ("y", "y"), ("list", "x")] {
        here.write(name, text);
    }
    here.build();
    here.write("list", "y x");
    here.build();
    let mut there = beside(&here, &[("x", "x"), ("y", "other y"), ("list", "x")]);
    assert_eq!((there.told(), there.read("out/a")), (vec!["a restored".into()], "x".into()));
    there.write("list", "y x");
    assert_eq!((there.told(), there.read("out/a")), (vec!["a ran".into()], "other yx".into()));
    there.write("y", "y");
    assert_eq!((there.told(), there.read("out/a")), (vec!["a restored".into()], "yx".into()));
}

/// `a` reads `gen/h`, which its depfile alone tells, and which `gen/h` makes of `text`.
fn generated() -> Space {
    let script = "cat in out/gen/h > out/a; echo 'out/a: in out/gen/h' > out/tmp/a.d";
    let reader = Step { depfile: Some("tmp/a.d"), ..step(script, &["in"], &["a"]) };
    let steps = [reader, step("sleep 0.1; cat text > out/gen/h", &["text"], &["gen/h"])];
    let mut space = sharing(&steps, &Arc::new(Memory::default()));
    space.write("in", "in\n");
    space.write("text", "one\n");
    space
}

#[test]
fn what_a_set_names_is_made_first() {
    let mut here = generated();
    assert_eq!(here.told(), ["gen/h ran", "a ran"]);
    let mut there = beside(&here, &[("in", "in\n"), ("text", "one\n")]);
    let done = there.build();
    assert_eq!(
        (done.told(), done.summary.processes_spawned),
        (vec!["gen/h restored".into(), "a restored".into()], 0)
    );
    assert_eq!(there.read("out/a"), "in\none\n");
    // A header of an earlier build lies there, and the set would be found to hold for it.
    there.write("text", "two\n");
    fs::remove_file(there.out("journal")).unwrap();
    assert_eq!(there.told(), ["gen/h ran", "a ran"]);
    assert_eq!(there.read("out/a"), "in\ntwo\n");
}

#[test]
fn what_nothing_else_wants_is_not_made_for_a_set_that_may_not_hold() {
    // Which files `a` reads is in a file that it reads; the set that was put last has a header that is made.
    let script = "cat $(cat list) > out/a; echo out/a: list $(cat list) > out/tmp/a.d";
    let reader =
        Step { depfile: Some("tmp/a.d"), order_only: vec!["build:gen/h"], ..step(script, &[], &["a"]) };
    let mut here =
        sharing(&[reader, step("cat text > out/gen/h", &["text"], &["gen/h"])], &Arc::new(Memory::default()));
    for (name, text) in [("in", "in\n"), ("text", "one\n"), ("list", "in")] {
        here.write(name, text);
        here.build();
    }
    here.write("list", "in out/gen/h");
    assert_eq!(here.told(), ["a ran"]);
    let mut there = beside(&here, &[("in", "in\n"), ("list", "in")]);
    there.steps[0].order_only.clear();
    there.steps[1].script = "exit 1".into();
    let done = there.try_build_of(&["a"], &Live::new().unwrap()).unwrap();
    assert_eq!((done.told(), done.summary.outcome), (vec!["a restored".into()], BuildOutcome::Ok));
    assert_eq!(there.read("out/a"), "in\n");
    // One that is needed is made all the same.
    there.write("list", "in out/gen/h");
    there.write("text", "one\n");
    there.steps[1].script = "cat text > out/gen/h".into();
    let done = there.try_build_of(&["a"], &Live::new().unwrap()).unwrap();
    assert_eq!(done.summary.outcome, BuildOutcome::Ok);
    assert_eq!(there.read("out/a"), "in\none\n");
    assert_eq!(there.told(), NOTHING);
}

#[test]
fn a_set_that_would_close_a_cycle_is_dropped() {
    let mut here = generated();
    here.build();
    // Here the header is made of `a`, and lies there as the set has it.
    let mut there = beside(&here, &[("in", "in\n"), ("out/gen/h", "one\n")]);
    there.steps[1] = step("cat out/a > out/gen/h", &["build:a"], &["gen/h"]);
    mark(&there);
    let done = there.build();
    assert_eq!(done.told(), ["a ran", "gen/h ran"]);
    assert_eq!((used(&done).0, done.summary.outcome), (0, BuildOutcome::Ok));
}

/// Marks the build directory of a project that was not built yet, so that what lies in it may lie there.
fn mark(space: &Space) {
    let mut other = Space::new(vec![step("true", &[], &["x"])]);
    other.build();
    fs::create_dir_all(space.out("")).unwrap();
    fs::copy(other.out("CACHEDIR.TAG"), space.out("CACHEDIR.TAG")).unwrap();
}

/// The bytes of a set that names one file.
fn set_of(root: &str, rel: &str) -> Vec<u8> {
    let mut e = Encoder::new();
    e.u64(1).bytes(root.as_bytes()).u64(1).u32(0).bytes(rel.as_bytes());
    e.u64(1).u32(0).u64(0).u8(0);
    e.into_bytes()
}

#[test]
fn sets_that_nobody_can_have_put_do_no_harm() {
    let store = Arc::new(Odd::new(|_, _| Rule::Answer));
    let mut here = sharing(&[compile()], &store);
    for (name, text) in FILES {
        here.write(name, text);
    }
    here.build();
    let lies = [
        set_of("build", "a"),
        set_of("ws", "out/a"),
        set_of("ws", "../secret"),
        set_of("nowhere", "x"),
        set_of("ws", "inc"),
        vec![0xff; 40],
        vec![],
    ];
    store.lies.lock().unwrap().extend(lies);
    let mut there = beside(&here, &FILES);
    assert_eq!(there.told(), ["a restored"], "the one that is true is found behind them");
    there.write("in", "other\n");
    assert_eq!(there.told(), ["a ran"]);
}

#[test]
fn a_set_of_another_project_that_names_files_that_are_not_here_does_no_harm() {
    let script = "cat in $(ls h-* 2>/dev/null) > out/a; echo out/a: in $(ls h-* 2>/dev/null) > out/tmp/a.d";
    let reader = Step { depfile: Some("tmp/a.d"), ..step(script, &["in"], &["a"]) };
    let mut here = sharing(&[reader], &Arc::new(Memory::default()));
    here.write("in", "in\n");
    here.write("h-only-here", "h\n");
    here.build();
    let mut there = beside(&here, &[("in", "in\n")]);
    let done = there.build();
    assert_eq!((done.told(), there.read("out/a")), (vec!["a ran".into()], "in\n".into()));
    assert!(!there.root().join("h-only-here").exists());
    assert_eq!(there.told(), NOTHING);
    assert_eq!(here.told(), NOTHING);
}

#[test]
fn what_must_not_be_shared_is_not_even_looked_for() {
    let refused = [
        Step { local: Some("a flag"), ..step("echo local > out/a", &["in"], &["a"]) },
        Step { private: true, ..step("echo private > out/a", &["in"], &["a"]) },
    ];
    for step in refused {
        let store = Arc::new(Odd::new(|_, _| Rule::Answer));
        let mut here = sharing(&[step], &store);
        here.write("in", "");
        assert_eq!(here.told(), ["a ran"]);
        let mut there = beside(&here, &[("in", "")]);
        let done = there.build();
        assert_eq!((done.told(), used(&done)), (vec!["a ran".into()], (0, 0, 0)));
        assert_eq!(store.said(), NOTHING);
    }
}

#[test]
fn what_was_shared_is_not_taken_by_an_action_that_is_local_or_private_now() {
    let mut here = sharing(&[step("cat in > out/a", &["in"], &["a"])], &Arc::new(Memory::default()));
    here.write("in", "");
    here.build();
    for change in [|step: &mut Step| step.local = Some("a flag"), |step: &mut Step| step.private = true] {
        let mut there = beside(&here, &[("in", "")]);
        change(&mut there.steps[0]);
        assert_eq!(there.told(), ["a ran"]);
    }
}

#[test]
fn what_is_volatile_or_unprovable_is_never_put() {
    for text in ["const char *x = __DATE__;\n", "asm(\".incbin \" NAME);\n"] {
        let scanned = Step { scanned: true, ..step("cat in.c > out/a", &["in.c"], &["a"]) };
        let store = Arc::new(Odd::new(|_, _| Rule::Answer));
        let mut here = sharing(&[scanned], &store);
        here.write("in.c", text);
        let done = here.build();
        let remarks = &done.reports[0].remarks;
        assert!(remarks.volatile.is_some() || remarks.unprovable.is_some());
        assert_eq!(used(&done), (0, 1, 0));
        assert!(!store.said().contains(&"put_entry") && !store.said().contains(&"put_set"));
        assert_eq!(beside(&here, &[("in.c", text)]).told(), ["a ran"]);
    }
}

#[test]
fn what_no_depfile_tells_is_in_the_set() {
    let scanned = Step { scanned: true, ..step("cat in.c payload > out/a", &["in.c"], &["a"]) };
    let mut here = sharing(&[scanned], &Arc::new(Memory::default()));
    let text = "asm(\".incbin \\\"payload\\\"\");\n";
    here.write("in.c", text);
    here.write("payload", "one");
    here.build();
    let mut there = beside(&here, &[("in.c", text), ("payload", "two")]);
    assert_eq!(there.told(), ["a ran"]);
    there.write("payload", "one");
    assert_eq!(there.told(), ["a restored"]);
    assert_eq!(there.read("out/a"), format!("{text}one"));
}

#[test]
fn what_holds_the_path_of_its_workspace_is_restored_at_that_place_only() {
    let mut here = sharing(&[step("pwd > out/a", &["in"], &["a"])], &Arc::new(Memory::default()));
    here.write("in", "");
    let first = here.build();
    assert_eq!((first.told(), used(&first)), (vec!["a ran".into()], (0, 1, 1)));
    assert!(first.reports[0].remarks.bound.is_some());
    let mut there = beside(&here, &[("in", "")]);
    assert_eq!(there.told(), ["a ran"]);
    assert_eq!(there.read("out/a"), format!("{}\n", there.root().display()));
    for space in [&mut here, &mut there] {
        fs::remove_dir_all(space.root().join("out")).unwrap();
        let again = space.build();
        assert_eq!((again.told(), again.summary.bound), (vec!["a restored".into()], 1));
        assert_eq!(space.read("out/a"), format!("{}\n", space.root().display()));
        assert_eq!(space.told(), NOTHING, "its stamp holds here");
    }
    // The build directory of one is carried to the other, stamps and all.
    for entry in ["a", "journal"] {
        fs::copy(here.out(entry), there.out(entry)).unwrap();
    }
    let carried = there.build();
    assert_eq!(carried.told(), ["a restored"], "{:?}", carried.reasons("a"));
    assert_eq!(there.read("out/a"), format!("{}\n", there.root().display()));
}

#[test]
fn what_was_printed_is_shown_again_with_the_paths_of_this_place() {
    let script = "echo \"$PWD/in:1: warning\"; echo > out/a";
    let mut here = sharing(&[step(script, &["in"], &["a"])], &Arc::new(Memory::default()));
    here.write("in", "");
    let shown = |space: &Space, done: &Done| {
        let printed = String::from_utf8(done.reports[0].printed.clone()).unwrap();
        assert_eq!(printed, format!("{}/in:1: warning\n", space.root().display()));
    };
    let first = here.build();
    shown(&here, &first);
    let mut there = beside(&here, &[("in", "")]);
    for outcome in ["a restored", "a fresh"] {
        let done = there.build();
        shown(&there, &done);
        assert_eq!(format!("a {}", done.reports[0].outcome.name()), outcome);
    }
}

#[test]
fn a_result_whose_blob_is_gone_is_made_and_put_anew() {
    let store = Arc::new(Odd::new(|_, _| Rule::Answer));
    let steps = [step("printf one > out/a; printf two > out/b", &["in"], &["a", "b"])];
    let mut here = sharing(&steps, &store);
    here.write("in", "");
    here.build();
    for blob in [b"one", b"two"] {
        for hidden in [false, true] {
            store.lose(blob, hidden);
            let mut there = beside(&here, &[("in", "")]);
            let done = there.build();
            assert_eq!((done.told(), used(&done)), (vec!["a ran".into()], (0, 1, 1)));
            assert_eq!((there.read("out/a"), there.read("out/b")), ("one".into(), "two".into()));
            assert_eq!(beside(&here, &[("in", "")]).told(), ["a restored"], "it was put anew");
        }
    }
}

#[test]
fn what_lies_at_the_outputs_survives_a_result_that_cannot_be_written_whole() {
    let store = Arc::new(Odd::new(|_, _| Rule::Answer));
    let script = "! grep -q bad in; printf one > out/a; printf two > out/b";
    let mut here = sharing(&[step(script, &["in"], &["a", "b"])], &store);
    here.write("in", "good");
    here.build();
    store.lose(b"two", true);
    let mut there = beside(&here, &[("in", "good")]);
    there.forbid_spawn = true;
    there.write("out/a", "mine a");
    there.write("out/b", "mine b");
    mark(&there);
    assert_eq!(there.told(), ["a failed"]);
    assert_eq!((there.read("out/a"), there.read("out/b")), ("mine a".into(), "mine b".into()));
    there.forbid_spawn = false;
    assert_eq!(there.told(), ["a ran"]);
}

/// How many calls a build makes to its store.
fn calls_of(build: impl Fn(&Arc<Odd>)) -> usize {
    let store = Arc::new(Odd::new(|_, _| Rule::Answer));
    build(&store);
    store.said().len()
}

fn torn() -> [Step; 3] {
    [compile(), step("cat out/a > out/b", &["build:a"], &["b"]), step("pwd > out/c", &[], &["c"])]
}

/// Two workspaces are built against `store`; whatever it does, both are right.
fn build_twice(store: &Arc<Odd>) -> Vec<String> {
    let mut notices = Vec::new();
    for _ in 0..2 {
        let mut space = sharing(&torn(), store);
        for (name, text) in FILES {
            space.write(name, text);
        }
        let done = space.build();
        assert_eq!(done.summary.outcome, BuildOutcome::Ok, "{:?}", done.told());
        assert_eq!((space.read("out/a"), space.read("out/b")), ("in\none\n".into(), "in\none\n".into()));
        assert_eq!(space.read("out/c"), format!("{}\n", space.root().display()));
        let again = space.build();
        assert_eq!(again.told(), NOTHING, "what was made stays made");
        assert!(done.notices.len() <= 1, "{:?}", done.notices);
        notices.extend(done.notices);
    }
    notices
}

#[test]
fn a_store_that_fails_at_any_call_stops_no_build_and_is_complained_of_once() {
    let calls = calls_of(|store| drop(build_twice(store)));
    assert!(calls > 20, "{calls}");
    for at in 0..calls {
        let fails = Arc::new(Odd::new(move |_, call| if call >= at { Rule::Fail } else { Rule::Answer }));
        let notices = build_twice(&fails);
        assert!(!notices.is_empty(), "call {at}");
        let text = "cannot read /store/x in the store: no space; the build goes on without the store";
        assert!(notices.iter().all(|notice| notice == text), "{notices:?}");
    }
}

#[test]
fn a_call_that_fails_once_or_finds_damage_harms_no_result() {
    let calls = calls_of(|store| drop(build_twice(store)));
    for at in 0..calls {
        for rule in [Rule::Fail, Rule::Damaged, Rule::Place] {
            let odd = Arc::new(Odd::new(move |_, call| if call == at { rule } else { Rule::Answer }));
            build_twice(&odd);
        }
    }
}

#[test]
fn a_plan_says_what_would_be_restored_and_writes_nothing() {
    let store = Arc::new(Odd::new(|_, _| Rule::Answer));
    let mut here = sharing(&torn(), &store);
    for (name, text) in FILES {
        here.write(name, text);
    }
    here.build();
    let mut there = beside(&here, &FILES);
    store.forget();
    there.mode = Mode::Plan;
    let plan = there.build();
    assert_eq!(sorted(plan.told()), ["a restored", "b restored", "c would_run"]);
    assert_eq!(plan.summary.processes_spawned, 0);
    assert!(!there.out("a").exists() && !there.out("b").exists());
    for call in store.said() {
        assert!(["sets", "entry", "holds"].contains(&call), "{call}");
    }
    there.mode = Mode::Build;
    assert_eq!(sorted(there.told()), ["a restored", "b restored", "c ran"]);
}

#[test]
fn a_plan_does_not_promise_what_a_file_that_will_be_made_anew_may_undo() {
    let mut here = generated();
    here.build();
    let mut there = beside(&here, &[("in", "in\n"), ("text", "two\n")]);
    // The header of an earlier build still lies there, and a result for it is in the store.
    there.write("out/gen/h", "one\n");
    mark(&there);
    there.mode = Mode::Plan;
    assert_eq!(there.told(), ["gen/h would_run", "a would_run"]);
}

fn sorted(mut told: Vec<String>) -> Vec<String> {
    told.sort();
    told
}

#[test]
fn an_output_that_was_edited_or_deleted_is_restored_and_the_store_is_not_touched_by_the_edit() {
    let mut here = compiled();
    here.build();
    for _ in 0..2 {
        here.write("out/a", "edited in place");
        let done = here.build();
        assert_eq!((done.told(), done.summary.processes_spawned), (vec!["a restored".into()], 0));
        assert_eq!(here.read("out/a"), "in\none\n");
        fs::remove_file(here.out("a")).unwrap();
        assert_eq!((here.told(), here.read("out/a")), (vec!["a restored".into()], "in\none\n".into()));
    }
    assert_eq!(here.told(), NOTHING);
}

#[test]
fn an_edit_that_is_undone_later_is_restored_too() {
    let mut here = compiled();
    for text in ["1", "2", "3"] {
        here.write("in", text);
        assert_eq!(here.told(), ["a ran"]);
    }
    here.write("in", "1");
    let done = here.build();
    assert_eq!((done.told(), here.read("out/a")), (vec!["a restored".into()], "1one\n".into()));
}

#[test]
fn a_command_that_fails_puts_nothing() {
    let store = Arc::new(Odd::new(|_, _| Rule::Answer));
    let mut here = sharing(&[step("echo half > out/a; exit 1", &["in"], &["a"])], &store);
    here.write("in", "");
    assert_eq!(here.told(), ["a failed"]);
    assert!(store.said().iter().all(|call| !call.starts_with("put")), "{:?}", store.said());
    assert_eq!(beside(&here, &[("in", "")]).told(), ["a failed"]);
}

#[test]
fn a_command_that_does_not_keep_its_promise_is_put_under_no_name() {
    let broken = [
        step("echo > out/a", &["in"], &["a", "b"]),
        Step { depfile: Some("tmp/a.d"), ..step("echo > out/a", &["in"], &["a"]) },
    ];
    for step in broken {
        let store = Arc::new(Odd::new(|_, _| Rule::Answer));
        let mut here = sharing(&[step], &store);
        here.write("in", "");
        assert_eq!(here.told(), ["a failed"]);
        assert!(!store.said().contains(&"put_entry") && !store.said().contains(&"put_set"));
    }
}

#[test]
fn a_command_that_moves_its_inputs_is_put_under_no_name() {
    let moving = [
        step("cat in > out/a; echo later > in", &["in"], &["a"]),
        Step {
            depfile: Some("tmp/a.d"),
            ..step("cat h > out/a; echo later > h; echo 'out/a: h' > out/tmp/a.d", &["in"], &["a"])
        },
        Step {
            depfile: Some("tmp/a.d"),
            search: vec!["early", "."],
            ..step("cat h > out/a; echo > early/h; echo 'out/a: h' > out/tmp/a.d", &["in"], &["a"])
        },
    ];
    let files = [("in", "first\n"), ("h", "first\n"), ("early/other", "")];
    for step in moving {
        let store = Arc::new(Odd::new(|_, _| Rule::Answer));
        let mut here = sharing(&[step], &store);
        for (name, text) in files {
            here.write(name, text);
        }
        let done = here.build();
        assert!(done.reports[0].remarks.unrecorded.is_some());
        assert!(!store.said().contains(&"put_entry") && !store.said().contains(&"put_set"));
        assert_eq!(beside(&here, &files).told(), ["a ran"]);
    }
}

#[test]
fn outputs_that_lie_there_already_are_not_written_again() {
    let mut here = sharing(
        &[step("cat in > out/a; cat in > out/b", &["in"], &["a", "b"])],
        &Arc::new(Memory::default()),
    );
    here.write("in", "one");
    here.build();
    use std::os::unix::fs::MetadataExt;
    let inode = |space: &Space, name: &str| fs::metadata(space.out(name)).unwrap().ino();
    let before = (inode(&here, "a"), inode(&here, "b"));
    // Without its journal the build directory knows nothing of what lies in it.
    fs::remove_file(here.out("journal")).unwrap();
    let done = here.build();
    assert_eq!(done.told(), ["a restored"]);
    assert_eq!(done.summary.store.as_ref().unwrap().bytes_read, 0);
    assert_eq!((inode(&here, "a"), inode(&here, "b")), before);
    assert_eq!(here.told(), NOTHING);
}

#[test]
fn one_output_that_lies_there_and_one_that_does_not_are_both_right_afterwards() {
    let mut here = sharing(
        &[step("cat in > out/a; cat in > out/b", &["in"], &["a", "b"])],
        &Arc::new(Memory::default()),
    );
    here.write("in", "one");
    here.build();
    here.write("out/b", "junk");
    assert_eq!(here.told(), ["a restored"]);
    assert_eq!((here.read("out/a"), here.read("out/b")), ("one".into(), "one".into()));
    // A bit that says that it may be executed is a part of what it is.
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(here.out("a"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(here.told(), ["a restored"]);
    assert_eq!(fs::metadata(here.out("a")).unwrap().permissions().mode() & 0o111, 0);
}

#[test]
fn links_beside_outputs_are_made_again() {
    let linked =
        Step { links: vec![("lib.so", "lib.so.1")], ..step("cat in > out/lib.so.1", &["in"], &["lib.so.1"]) };
    let mut here = sharing(&[linked], &Arc::new(Memory::default()));
    here.write("in", "one");
    here.build();
    let mut there = beside(&here, &[("in", "one")]);
    assert_eq!(there.told(), ["lib.so.1 restored"]);
    assert_eq!(fs::read_link(there.out("lib.so")).unwrap(), Path::new("lib.so.1"));
    assert_eq!(there.told(), NOTHING);
    there.steps[0].links[0].1 = "elsewhere";
    assert_eq!(there.told(), ["lib.so.1 ran"], "another target is another command");
}

#[test]
fn an_output_that_is_a_symbolic_link_is_not_shared_since_it_may_lead_elsewhere() {
    let steps = [step("ln -s ../in out/a", &["in"], &["a"])];
    let mut space = sharing(&steps, &Arc::new(Memory::default()));
    space.write("in", "x\n");
    assert_eq!(used(&space.build()), (0, 1, 0));
    let mut there = beside(&space, &[("in", "x\n")]);
    assert_eq!(there.told(), ["a ran"]);
    assert!(fs::symlink_metadata(there.out("a")).unwrap().is_symlink());
}

#[test]
fn a_link_takes_what_its_inputs_left_for_it_to_read() {
    let compile = Step {
        assembled_later: true,
        ..step("grep -v payload src/in.c > out/o; true", &["src/in.c"], &["o"])
    };
    let trace = "echo 'out/p: out/o' > out/tmp/p.d";
    let link = Step {
        kind: Some(ActionKind::Link),
        depfile: Some("tmp/p.d"),
        ..step(&format!("cat out/o payload > out/p; {trace}"), &["build:o"], &["p"])
    };
    let mut here = sharing(&[compile, link], &Arc::new(Memory::default()));
    let source = "asm(\".incbin \\\"payload\\\"\");\n";
    here.write("src/in.c", source);
    here.write("payload", "one");
    assert_eq!(here.told(), ["o ran", "p ran"]);
    let mut there = beside(&here, &[("src/in.c", source), ("payload", "two")]);
    assert_eq!((there.told(), there.read("out/p")), (vec!["o ran".into(), "p ran".into()], "two".into()));
    there.write("payload", "one");
    assert_eq!(sorted(there.told()), ["o restored", "p restored"]);
    assert_eq!(there.read("out/p"), "one");
    let mut third = beside(&here, &[("src/in.c", source), ("payload", "one")]);
    assert_eq!(third.told(), ["o restored", "p restored"]);
    third.write("payload", "three");
    assert!(third.told().contains(&"p ran".to_string()), "what was restored still says what is left to read");
    assert_eq!(third.read("out/p"), "three");
}

#[test]
fn what_was_restored_still_says_what_it_leaves_to_the_link() {
    let compile = Step {
        assembled_later: true,
        ..step("grep -v payload src/in.c > out/o; true", &["src/in.c"], &["o"])
    };
    let archive = Step { kind: Some(ActionKind::Archive), ..step("cat out/o > out/l", &["build:o"], &["l"]) };
    let link = |of: &'static str| Step {
        kind: Some(ActionKind::Link),
        depfile: Some("tmp/p.d"),
        ..step("cat payload > out/p; echo 'out/p:' > out/tmp/p.d", &[of], &["p"])
    };
    let source = "asm(\".incbin \\\"payload\\\"\");\n";
    for steps in [vec![compile.clone(), link("build:o")], vec![compile, archive, link("build:l")]] {
        let mut here = sharing(&steps, &Arc::new(Memory::default()));
        here.write("src/in.c", source);
        here.write("payload", "one");
        here.build();
        let mut there = beside(&here, &[("src/in.c", source), ("payload", "one")]);
        there.steps.last_mut().unwrap().script.push_str("; true");
        let first = there.told();
        assert_eq!(first.last().unwrap(), "p ran");
        assert!(first[..first.len() - 1].iter().all(|told| told.ends_with("restored")), "{first:?}");
        there.write("payload", "three");
        assert!(there.told().contains(&"p ran".to_string()), "it reads the payload too");
        assert_eq!(there.read("out/p"), "three");
    }
}

#[test]
fn a_link_is_not_taken_for_one_whose_inputs_left_nothing_to_read() {
    for source in ["asm(\".incbin \\\"payload\\\"\");\n", "asm(\".incbin \" NAME);\n"] {
        let compile = step("grep -v incbin src/in.c > out/o; true", &["src/in.c"], &["o"]);
        let link = Step {
            kind: Some(ActionKind::Link),
            depfile: Some("tmp/p.d"),
            ..step("cat out/o payload > out/p; echo 'out/p: out/o' > out/tmp/p.d", &["build:o"], &["p"])
        };
        let mut here = sharing(&[compile, link], &Arc::new(Memory::default()));
        let files = [("src/in.c", source), ("payload", "one")];
        for (name, text) in files {
            here.write(name, text);
        }
        here.build();
        assert_eq!(sorted(beside(&here, &files).told()), ["o restored", "p restored"]);
        let mut there = beside(&here, &[("src/in.c", source), ("payload", "two")]);
        there.steps[0].assembled_later = true;
        assert_eq!(there.told(), ["o ran", "p ran"], "{source}");
        assert_eq!(there.read("out/p"), "two");
    }
}

#[test]
fn two_results_under_one_name_agree_on_the_last() {
    // Which of two builds that run one command at once puts its result last does not matter: both are results.
    let mut here = sharing(&[step("cat in > out/a", &["in"], &["a"])], &Arc::new(Memory::default()));
    here.write("in", "one");
    let there = beside(&here, &[("in", "one")]);
    std::thread::scope(|scope| {
        for mut space in [here, there] {
            scope.spawn(move || {
                space.build();
                assert_eq!(space.read("out/a"), "one");
                assert_eq!(space.told(), NOTHING);
            });
        }
    });
}

/// What an [`Odd`] store does with a call.
#[derive(Clone, Copy)]
enum Rule {
    Answer,
    Fail,
    Damaged,
    Place,
}

type Rules = Box<dyn Fn(&'static str, usize) -> Rule + Send + Sync>;

/// A store in memory that writes down what it is asked for, loses blobs, and fails as it is told.
struct Odd {
    inner: Memory,
    rules: Rules,
    calls: AtomicUsize,
    said: Mutex<Vec<&'static str>>,
    /// Blobs that are gone, and whether that shows only when they are asked for.
    gone: Mutex<Vec<(Digest, bool)>>,
    /// Sets that it has under every key, before the others.
    lies: Mutex<Vec<Vec<u8>>>,
}

impl Odd {
    fn new(rules: impl Fn(&'static str, usize) -> Rule + Send + Sync + 'static) -> Self {
        Self {
            inner: Memory::default(),
            rules: Box::new(rules),
            calls: AtomicUsize::new(0),
            said: Mutex::default(),
            gone: Mutex::default(),
            lies: Mutex::default(),
        }
    }

    /// What it was asked for.
    fn said(&self) -> Vec<&'static str> {
        self.said.lock().unwrap().clone()
    }

    fn forget(&self) {
        self.said.lock().unwrap().clear();
    }

    /// The blob with these bytes is gone; with `hidden`, it only seems to be there.
    fn lose(&self, bytes: &[u8], hidden: bool) {
        self.gone.lock().unwrap().push((Digest::of(bytes), hidden));
    }

    fn is_gone(&self, blob: &Blob) -> Option<bool> {
        self.gone.lock().unwrap().iter().find(|(gone, _)| *gone == blob.digest).map(|(_, hidden)| *hidden)
    }

    fn call<T>(&self, name: &'static str, answer: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        self.said.lock().unwrap().push(name);
        let path = || PathBuf::from("/store/x");
        let source = || std::io::Error::other("no space");
        match (self.rules)(name, self.calls.fetch_add(1, Ordering::SeqCst)) {
            Rule::Answer => answer(),
            Rule::Fail => Err(Error::Io { verb: "read", path: path(), source: source() }),
            Rule::Damaged => Err(Error::Damaged { path: path(), what: "a test says so" }),
            Rule::Place => Err(Error::Place { verb: "write", path: path(), source: source() }),
        }
    }
}

impl Cas for Odd {
    fn holds(&self, blob: &Blob) -> Result<bool, Error> {
        self.call("holds", || match self.is_gone(blob) {
            Some(hidden) => Ok(hidden),
            None => self.inner.holds(blob),
        })
    }

    fn read(&self, blob: &Blob) -> Result<Option<Vec<u8>>, Error> {
        self.call("read", || if self.is_gone(blob).is_some() { Ok(None) } else { self.inner.read(blob) })
    }

    fn write_to(&self, blob: &Blob, to: &Path, executable: bool) -> Result<bool, Error> {
        self.call("write_to", || match self.is_gone(blob) {
            Some(_) => Ok(false),
            None => self.inner.write_to(blob, to, executable),
        })
    }

    fn put(&self, blob: &Blob, bytes: &[u8]) -> Result<bool, Error> {
        self.call("put", || {
            self.gone.lock().unwrap().retain(|(gone, _)| *gone != blob.digest);
            self.inner.put(blob, bytes)
        })
    }
}

impl ActionCache for Odd {
    fn sets(&self, key: &Digest) -> Result<Vec<Vec<u8>>, Error> {
        self.call("sets", || Ok([self.lies.lock().unwrap().clone(), self.inner.sets(key)?].concat()))
    }

    fn put_set(&self, key: &Digest, set: &[u8]) -> Result<(), Error> {
        self.call("put_set", || self.inner.put_set(key, set))
    }

    fn entry(&self, action: &Digest) -> Result<Option<Entry>, Error> {
        self.call("entry", || self.inner.entry(action))
    }

    fn put_entry(&self, action: &Digest, entry: &Entry) -> Result<(), Error> {
        self.call("put_entry", || self.inner.put_entry(action, entry))
    }

    fn remove_entry(&self, action: &Digest) -> Result<(), Error> {
        self.call("remove_entry", || self.inner.remove_entry(action))
    }

    fn note(&self, key: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.call("note", || self.inner.note(key))
    }

    fn put_note(&self, key: &Digest, note: &[u8]) -> Result<(), Error> {
        self.call("put_note", || self.inner.put_note(key, note))
    }

    fn put_build(&self, build: &rekindle_store::Build) -> Result<Digest, Error> {
        self.call("put_build", || self.inner.put_build(build))
    }

    fn build(&self, name: &Digest) -> Result<Option<rekindle_store::Build>, Error> {
        self.call("build", || self.inner.build(name))
    }

    fn use_build(&self, name: &Digest) -> Result<bool, Error> {
        self.call("use_build", || self.inner.use_build(name))
    }
}

impl Store for Odd {
    fn place(&self) -> Option<PathBuf> {
        None
    }
}
