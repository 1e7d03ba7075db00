//! What a build runs and what it does not, with commands of the shell.

use std::fs;
use std::sync::Arc;

use crate::space::{Done, Space, Step, step};
use rekindle_engine::build_dir::BuildDir;
use rekindle_engine::event::BuildOutcome;
use rekindle_engine::history::History;
use rekindle_engine::request::Mode;
use rekindle_exec::Live;
use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::Roots;
use rekindle_store::Store;
use rekindle_store::memory::Memory;

/// `b` is made of `a`, `a` of the file `in`, whose comments (`#` lines) do not reach `a`.
fn chain() -> Space {
    let mut space = Space::new(vec![
        step("grep -v '^#' in > out/a", &["in"], &["a"]),
        step("cat out/a out/a > out/b", &["build:a"], &["b"]),
    ]);
    space.write("in", "one\n");
    space
}

const NOTHING: [&str; 0] = [];

#[test]
fn the_second_build_starts_no_process() {
    let mut space = chain();
    assert_eq!(space.told(), ["a ran", "b ran"]);
    let second = space.build();
    assert_eq!(second.told(), NOTHING);
    assert_eq!((second.summary.processes_spawned, second.summary.actions.fresh), (0, 2));
}

#[test]
fn the_wave_stops_at_equal_content() {
    let mut space = chain();
    space.build();
    space.write("in", "# a comment\none\n");
    assert_eq!(space.told(), ["a ran"]);
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn touching_everything_runs_nothing() {
    let mut space = chain();
    space.build();
    for name in ["in", "out/a", "out/b"] {
        let text = space.read(name);
        space.write(name, &text);
    }
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn an_edit_that_is_undone_after_a_build_runs_nothing() {
    let mut space = chain();
    space.build();
    for _ in 0..3 {
        space.write("in", "two\n");
        space.build();
        assert_eq!(space.read("out/b"), "two\ntwo\n");
        space.write("in", "one\n");
        let back = space.build();
        assert_eq!(back.told(), ["a restored", "b restored"]);
        assert_eq!(back.summary.processes_spawned, 0);
        assert_eq!(space.read("out/b"), "one\none\n");
    }
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn a_kept_output_that_was_damaged_is_not_put_back() {
    let mut space = chain();
    space.build();
    space.write("in", "two\n");
    space.build();
    for entry in fs::read_dir(space.out("kept")).unwrap() {
        for kept in fs::read_dir(entry.unwrap().path()).unwrap() {
            fs::write(kept.unwrap().path(), "junk").unwrap();
        }
    }
    space.write("in", "one\n");
    assert_eq!(space.told(), ["a ran", "b ran"]);
    assert_eq!(space.read("out/b"), "one\none\n");
}

#[test]
fn a_failed_command_leaves_what_was_there_and_undoing_the_edit_runs_nothing() {
    let mut space = chain();
    space.build();
    space.steps[0].script = "grep -v '^#' in > out/a; ! grep -q bad in".into();
    space.build();
    space.write("in", "bad\n");
    let failed = space.build();
    assert_eq!(failed.told(), ["a failed"]);
    assert_eq!(failed.reports[0].failure.as_deref(), Some("it exited with code 1"));
    assert_eq!(failed.summary.outcome, BuildOutcome::Failed);
    assert_eq!(failed.summary.actions.skipped, 1);
    assert_eq!(space.read("out/a"), "one\n");
    space.write("in", "one\n");
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn an_output_that_is_missing_or_junk_is_made_again_and_nothing_else() {
    let mut space = chain();
    space.build();
    fs::remove_file(space.out("a")).unwrap();
    let again = space.build();
    assert_eq!(again.told(), ["a ran"]);
    assert_eq!(again.reasons("a"), ["output `build:a` is missing"]);
    space.write("out/b", "junk");
    let again = space.build();
    assert_eq!(again.told(), ["b ran"]);
    assert_eq!(again.reasons("b"), ["output `build:b` was changed by someone else"]);
}

#[test]
fn a_command_that_does_not_write_its_output_fails_and_says_which() {
    let mut space = Space::new(vec![step("true", &[], &["a"])]);
    let failed = space.build();
    assert_eq!(failed.reports[0].failure.as_deref(), Some("it succeeded but did not write `build:a`"));
}

#[test]
fn a_declared_depfile_that_was_not_written_is_an_error() {
    let mut space = Space::new(vec![Step {
        depfile: Some("tmp/a.d"),
        ..step("echo > out/a; touch out/b", &[], &["a", "b"])
    }]);
    let failed = space.build();
    let why = failed.reports[0].failure.as_deref();
    assert_eq!(why, Some("it succeeded but did not write its depfile `build:tmp/a.d`"));
    assert!(!space.out("a").exists(), "what it wrote is not left lying");
}

#[test]
fn what_a_depfile_names_is_an_input() {
    let mut space = Space::new(vec![Step {
        depfile: Some("tmp/a.d"),
        ..step("cat in h > out/a; echo 'out/a: in h' > out/tmp/a.d", &["in"], &["a"])
    }]);
    space.write("in", "in\n");
    space.write("h", "h\n");
    space.build();
    assert_eq!(space.told(), NOTHING);
    space.write("h", "other\n");
    let again = space.build();
    assert_eq!(again.reasons("a"), ["`h` changed"]);
    assert_eq!(space.read("out/a"), "in\nother\n");
}

#[test]
fn a_command_that_reads_what_another_makes_runs_again_behind_it() {
    let mut space = Space::new(vec![
        Step {
            depfile: Some("tmp/a.d"),
            ..step("cat out/g > out/a 2>/dev/null; echo 'out/a: out/g' > out/tmp/a.d", &["in"], &["a"])
        },
        step("sleep 0.2; cat in > out/g", &["in"], &["g"]),
    ]);
    space.write("in", "one\n");
    let first = space.build();
    assert_eq!(first.told(), ["g ran", "a ran"]);
    assert_eq!(space.read("out/a"), "one\n");
    assert_eq!(space.told(), NOTHING);
    space.write("in", "two\n");
    assert_eq!(space.told(), ["g ran", "a ran"]);
    assert_eq!(space.read("out/a"), "two\n");
}

#[test]
fn an_input_that_is_changed_while_the_command_runs_is_not_recorded() {
    let mut space = Space::new(vec![step("cat in > out/a; echo later > in", &["in"], &["a"])]);
    space.write("in", "first\n");
    let first = space.build();
    assert_eq!(first.told(), ["a ran"]);
    assert_eq!(
        first.reports[0].remarks.unrecorded.as_deref(),
        Some("`in` was changed while the command ran")
    );
    space.steps[0].script = "cat in > out/a".into();
    assert_eq!(space.told(), ["a ran"]);
    assert_eq!(space.read("out/a"), "later\n");
}

#[test]
fn an_input_that_another_command_looks_at_again_meanwhile_is_held_against_the_first_look() {
    let reads = step("cat h > out/x; sleep 0.6", &["h"], &["x"]);
    let edits = step("sleep 0.2; echo second > h; : > out/w", &[], &["w"]);
    let looks = Step { order_only: vec!["build:w"], ..step("cat h > out/y", &["h"], &["y"]) };
    let mut space = Space::new(vec![reads, edits, looks]);
    space.jobs = 2;
    space.write("h", "first\n");
    let first = space.build();
    let x = first.reports.iter().find(|report| report.name == "x").unwrap();
    assert_eq!(x.remarks.unrecorded.as_deref(), Some("`h` was changed while the command ran"));
    assert_eq!([space.read("out/x"), space.read("out/y")], ["first\n", "second\n"]);
    assert_eq!(space.told(), ["x ran"]);
    assert_eq!(space.read("out/x"), "second\n");
}

#[test]
fn a_discovered_input_that_is_written_while_the_command_runs_is_not_recorded() {
    let mut space = Space::new(vec![Step {
        depfile: Some("tmp/a.d"),
        ..step("cat h > out/a; echo later > h; echo 'out/a: h' > out/tmp/a.d", &[], &["a"])
    }]);
    space.write("h", "first\n");
    let first = space.build();
    let why = first.reports[0].remarks.unrecorded.clone();
    assert_eq!(why.as_deref(), Some("`h` was changed as the command started or later"));
}

#[test]
fn what_an_action_that_is_gone_wrote_is_deleted() {
    let mut space = chain();
    space.steps[1].links = vec![("link", "b")];
    space.build();
    assert_eq!(fs::read_link(space.out("link")).unwrap().to_str(), Some("b"));
    space.steps.pop();
    space.whole = false;
    space.build();
    assert!(space.out("b").exists(), "a part of the project says nothing of the rest");
    space.whole = true;
    space.build();
    assert!(!space.out("b").exists() && space.out("link").symlink_metadata().is_err());
    assert!(space.out("a").exists());
}

#[test]
fn a_journal_that_names_what_lies_elsewhere_deletes_nothing_there() {
    let mut space = chain();
    space.write("mine", "mine\n");
    space.build();
    let mut files = Files::new(Roots::new(space.root(), space.out("")));
    let mut history = History::open(&space.out("journal"), &mut files).unwrap();
    let elsewhere = files.path(Roots::BUILD, "tmp/../../mine");
    history.start(elsewhere, &[elsewhere], &files).unwrap();
    drop(history);
    space.build();
    assert_eq!(space.read("mine"), "mine\n");
}

#[test]
fn a_result_that_holds_the_path_of_the_workspace_is_bound_to_it() {
    let mut space = Space::new(vec![step("pwd > out/a", &[], &["a"]), step("echo hi > out/b", &[], &["b"])]);
    let first = space.build();
    assert_eq!(first.summary.bound, 1);
    assert_eq!(space.told(), NOTHING);
    let moved = tempfile::tempdir().unwrap();
    let place = moved.path().join("elsewhere");
    fs::rename(space.root(), &place).unwrap();
    fs::create_dir(space.dir.path()).unwrap();
    let mut there = Space { dir: tempfile::tempdir_in(moved.path()).unwrap(), ..space };
    fs::remove_dir(there.dir.path()).unwrap();
    fs::rename(&place, there.dir.path()).unwrap();
    let again = there.build();
    assert_eq!(again.told(), ["a ran"]);
    assert_eq!(again.reasons("a"), ["its result holds absolute paths, and the project lies elsewhere now"]);
    assert_eq!(there.read("out/a").trim(), there.root().to_str().unwrap());
}

/// Why the only action that failed did so.
fn failure(done: &Done) -> String {
    assert!(done.summary.bad_input, "the person is to blame");
    let mut failed = done.reports.iter().filter_map(|report| report.failure.clone());
    failed.next().expect("an action failed")
}

#[test]
fn a_missing_input_fails_its_action_and_is_named() {
    let mut space = Space::new(vec![step("cat in > out/a", &["in"], &["a"])]);
    assert_eq!(failure(&space.build()), "it needs `in`, which does not exist");
    fs::create_dir(space.root().join("in")).unwrap();
    assert_eq!(failure(&space.build()), "it needs `in`, which is a directory");
}

#[test]
fn keeping_going_builds_what_does_not_need_the_missing_input() {
    let mut space = chain();
    space.steps.insert(0, step("cat gone > out/g", &["gone"], &["g"]));
    space.jobs = 1;
    space.failures = None;
    let mut told = space.told();
    told.sort();
    assert_eq!(told, ["a ran", "b ran", "g failed"]);
}

#[test]
fn a_directory_in_the_place_of_an_output_is_an_error() {
    let mut space = Space::new(vec![step("echo > out/a", &[], &["a"])]);
    space.build();
    fs::remove_file(space.out("a")).unwrap();
    fs::create_dir_all(space.out("a/b")).unwrap();
    let why = failure(&space.build());
    assert!(why.starts_with("it cannot write `build:a`: what lies there cannot be replaced: "), "{why}");
}

#[test]
fn planning_changes_nothing_and_says_what_would_run() {
    let mut space = chain();
    space.mode = Mode::Plan;
    let planned = space.build();
    assert_eq!(planned.told(), ["a would_run", "b would_run"]);
    assert_eq!(planned.reasons("b"), ["not built here yet", "`build:a` will be built first"]);
    assert!(!space.out("a").exists());
    space.mode = Mode::Build;
    space.build();
    space.write("in", "two\n");
    space.build();
    space.write("in", "one\n");
    space.mode = Mode::Plan;
    let planned = space.build();
    assert_eq!(planned.told(), ["a restored", "b restored"]);
    assert_eq!(planned.summary.processes_spawned, 0);
    assert_eq!(space.read("out/b"), "two\ntwo\n");
}

#[test]
fn forbidding_processes_fails_what_would_run_and_passes_what_is_warm() {
    let mut space = chain();
    space.forbid_spawn = true;
    let cold = space.build();
    assert_eq!(cold.told(), ["a failed"]);
    assert_eq!(cold.summary.processes_spawned, 0);
    space.forbid_spawn = false;
    space.build();
    space.forbid_spawn = true;
    assert_eq!(space.build().summary.outcome, BuildOutcome::Ok);
}

#[test]
fn keeping_going_builds_what_does_not_need_the_failed_one() {
    let mut space = chain();
    space.steps.insert(0, step("false", &[], &["broken"]));
    space.jobs = 1;
    space.failures = None;
    let mut told = space.told();
    told.sort();
    assert_eq!(told, ["a ran", "b ran", "broken failed"]);
}

#[test]
fn an_interrupted_build_ends_its_commands_and_the_next_one_is_right() {
    let mut space = Space::new(vec![step("echo half > out/a; sleep 60; echo whole > out/a", &[], &["a"])]);
    let live = Live::new().unwrap();
    let end = live.clone();
    let killer = std::thread::spawn(move || {
        while end.running() == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        end.terminate(std::time::Duration::from_secs(1));
    });
    let done = space.try_build_of(&[], &live).unwrap();
    killer.join().unwrap();
    assert_eq!(done.summary.outcome, BuildOutcome::Interrupted);
    space.steps[0].script = "echo whole > out/a".into();
    assert_eq!(space.told(), ["a ran"]);
    assert_eq!(space.read("out/a"), "whole\n");
}

#[test]
fn a_local_action_is_told_once_and_holds_on_this_machine() {
    let mut space = chain();
    space.steps[0].local = Some("flag `-fodd` is not known");
    let first = space.build();
    assert_eq!(first.notices, ["a is built for this machine only: flag `-fodd` is not known"]);
    assert_eq!(first.summary.local, 1);
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn only_what_is_asked_for_is_built() {
    let mut space = chain();
    let live = Live::new().unwrap();
    assert_eq!(space.try_build_of(&["a"], &live).unwrap().told(), ["a ran"]);
    assert!(!space.out("b").exists());
}

#[test]
fn what_a_fresh_command_printed_is_told_again() {
    let mut space = Space::new(vec![step("echo \"warning: $PWD/x is odd\" >&2; echo > out/a", &[], &["a"])]);
    let printed = |done: &Done| String::from_utf8(done.reports[0].printed.clone()).unwrap();
    let first = printed(&space.build());
    let again = printed(&space.build());
    assert_eq!(first, again);
    assert_eq!(again, format!("warning: {}/x is odd\n", space.root().display()));
}

#[test]
fn an_output_that_somebody_changes_before_it_is_read_is_not_recorded_with_what_it_was() {
    let mut space = chain();
    // The second command changes its own input before it reads it, as somebody else could.
    space.steps[1].script = "echo changed > out/a; cat out/a > out/b".into();
    let first = space.build();
    assert_eq!(first.told(), ["a ran", "b ran"]);
    let why = first.reports[1].remarks.unrecorded.as_deref();
    assert_eq!(why, Some("`build:a` was changed while the command ran"));
    space.steps[1].script = "cat out/a > out/b".into();
    space.build();
    assert_eq!(space.read("out/b"), "one\n");
}

#[test]
fn actions_that_need_each_other_are_written_out() {
    let mut space = Space::new(vec![step("", &["build:b"], &["a"]), step("", &["build:a"], &["b"])]);
    let error = space.try_build().err().unwrap().to_string();
    insta::assert_snapshot!(error, @"
    these actions need each other:
      `a` needs `build:b`, which `b` writes
      `b` needs `build:a`, which `a` writes
    ");
}

#[test]
fn a_depfile_that_names_what_is_not_there_is_not_recorded() {
    let mut space = Space::new(vec![Step {
        depfile: Some("tmp/a.d"),
        ..step("echo > out/a; echo 'out/a: gone.h' > out/tmp/a.d", &[], &["a"])
    }]);
    let first = space.build();
    let why = first.reports[0].remarks.unrecorded.as_deref();
    assert_eq!(why, Some("it says that it read `gone.h`, which is not there"));
    assert_eq!(space.told(), ["a ran"]);
}

#[test]
fn a_new_name_where_headers_are_searched_is_judged_once_and_then_remembered() {
    let mut space = Space::new(vec![Step {
        depfile: Some("tmp/a.d"),
        search: vec!["inc1", "inc2"],
        ..step("cat inc2/h in > out/a; echo 'out/a: inc2/h in' > out/tmp/a.d", &["in"], &["a"])
    }]);
    for (name, text) in [("in", "one"), ("inc1/x.h", "x"), ("inc2/h", "h")] {
        space.write(name, text);
    }
    space.build();
    space.write("in", "two");
    space.build();
    let journal = |space: &Space| fs::metadata(space.out("journal")).unwrap().len();
    // So that no signature is racy any more and left to be written.
    std::thread::sleep(std::time::Duration::from_millis(50));
    space.build();
    let before = journal(&space);
    space.write("inc1/other.h", "");
    assert_eq!(space.told(), NOTHING);
    let remembered = journal(&space);
    assert!(remembered > before, "what was found out is written down");
    assert_eq!(space.told(), NOTHING);
    assert_eq!(journal(&space), remembered, "the second build had nothing to write down");
    space.write("in", "one");
    assert_eq!(space.told(), ["a restored"], "what was kept before is still known");
    space.write("inc1/h", "");
    assert_eq!(space.build().reasons("a"), ["`h` appeared in `inc1`"]);
}

/// A compile of `src/in.c`, whose assembler says that it read `in.c` and `payload`.
fn assembled(text: &str) -> Space {
    let script = "cat src/in.c > out/a; echo 'a.o: in.c payload' > out/tmp/a.d";
    let mut space =
        Space::new(vec![Step { assembler: Some("tmp/a.d"), ..step(script, &["src/in.c"], &["a"]) }]);
    space.write("src/in.c", text);
    space.write("payload", "one");
    space
}

#[test]
fn a_source_that_the_assembler_names_by_its_last_component_is_no_other_file() {
    let mut space = assembled("int x;\n");
    assert_eq!(space.build().reports[0].remarks.unrecorded, None);
    assert_eq!(space.told(), NOTHING);
    space.write("in.c", "another file of that name");
    assert_eq!(space.told(), NOTHING);
    space.write("payload", "two");
    assert_eq!(space.build().reasons("a"), ["`payload` changed"]);
}

#[test]
fn a_payload_that_is_called_as_the_source_counts() {
    let mut space = assembled("asm(\".incbin \" NAME);\n");
    space.write("in.c", "payload");
    space.build();
    assert_eq!(space.told(), NOTHING);
    space.write("in.c", "other payload");
    assert_eq!(space.build().reasons("a"), ["`in.c` changed"]);
}

#[test]
fn what_a_failed_command_wrote_is_not_left_lying() {
    let mut space = Space::new(vec![step("echo half > out/a; exit 3", &[], &["a"])]);
    assert_eq!(space.told(), ["a failed"]);
    assert!(!space.out("a").exists());
}

#[test]
fn what_was_written_without_a_stamp_goes_when_nobody_makes_it_any_more() {
    let mut space = chain();
    space.steps[0].script = "cat in > out/a; echo later > in".into();
    let first = space.build();
    assert!(first.reports[0].remarks.unrecorded.is_some());
    space.steps = vec![step("echo > out/c", &[], &["c"])];
    space.build();
    assert!(!space.out("a").exists());
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn what_is_assembled_only_at_the_link_is_an_input_of_the_link() {
    let compile = Step {
        assembled_later: true,
        ..step("grep -v payload src/in.c > out/o; true", &["src/in.c"], &["o"])
    };
    let archive = Step { kind: Some(ActionKind::Archive), ..step("cat out/o > out/l", &["build:o"], &["l"]) };
    let link =
        Step { kind: Some(ActionKind::Link), ..step("cat out/l payload > out/p", &["build:l"], &["p"]) };
    let mut space = Space::new(vec![compile, archive, link]);
    space.write("src/in.c", "asm(\".incbin \\\"payload\\\"\");\n");
    space.write("payload", "one");
    assert_eq!(space.told(), ["o ran", "l ran", "p ran"]);
    assert_eq!(space.told(), NOTHING);
    space.write("payload", "two");
    assert_eq!(space.told(), ["o ran", "p ran"]);
    assert_eq!(space.read("out/p"), "two");
}

#[test]
fn without_a_journal_what_nobody_makes_is_deleted_and_the_rest_is_built_again() {
    let mut space = chain();
    space.steps.push(step("echo > out/gen/x", &[], &["gen/x"]));
    space.build();
    fs::remove_file(space.out("journal")).unwrap();
    space.steps.pop();
    assert_eq!(space.told(), ["a ran", "b ran"]);
    assert!(!space.out("gen").exists());
}

#[test]
fn a_file_from_the_future_is_recorded_as_any_other() {
    let mut space = Space::new(vec![Step {
        depfile: Some("tmp/a.d"),
        ..step("cat h > out/a; echo 'out/a: h' > out/tmp/a.d", &[], &["a"])
    }]);
    space.write("h", "h");
    let future = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    fs::File::options().write(true).open(space.root().join("h")).unwrap().set_modified(future).unwrap();
    assert_eq!(space.build().reports[0].remarks.unrecorded, None);
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn what_another_action_makes_where_headers_are_searched_is_not_taken_to_have_been_there() {
    let mut space = Space::new(vec![
        Step {
            depfile: Some("tmp/a.d"),
            search: vec!["build:gen", "inc"],
            ..step("cat inc/h > out/a; echo 'out/a: inc/h' > out/tmp/a.d", &[], &["a"])
        },
        step("sleep 0.2; echo > out/gen/h", &[], &["gen/h"]),
    ]);
    space.write("inc/h", "h");
    let first = space.build();
    let report = first.reports.iter().find(|report| report.name == "a").unwrap();
    let why = report.remarks.unrecorded.as_deref();
    assert_eq!(why, Some("`build:gen/h`, which another action makes, is found where it searches"));
    assert_eq!(space.told(), ["a ran"]);
    assert_eq!(space.told(), NOTHING, "now it lay there when the command started");
}

#[test]
fn a_library_of_the_other_kind_that_appears_is_noticed() {
    let mut space = Space::new(vec![Step {
        depfile: Some("tmp/a.d"),
        search: vec!["lib"],
        kind: Some(ActionKind::Link),
        ..step("cat lib/libx.a > out/a; echo 'out/a: libx.a' > out/tmp/a.d", &[], &["a"])
    }]);
    space.write("lib/libx.a", "static");
    space.build();
    assert_eq!(space.told(), NOTHING, "a name without a directory is found where libraries are searched");
    space.write("lib/libx.so", "shared");
    assert_eq!(space.build().reasons("a"), ["`libx.so` appeared in `lib`"]);
}

#[test]
fn a_directory_that_holds_something_else_is_not_built_in() {
    let mut space = chain();
    space.write("out/tmp/notes", "mine");
    space.write("out/notes", "mine");
    let error = space.try_build().err().unwrap().to_string().replace(space.root().to_str().unwrap(), "P");
    assert_eq!(error, "P/out is no build directory: it holds `notes`, which rekindle did not make");
    assert_eq!(space.read("out/tmp/notes"), "mine");
    fs::remove_file(space.out("notes")).unwrap();
    fs::remove_dir_all(space.out("tmp")).unwrap();
    assert_eq!(space.told(), ["a ran", "b ran"], "an empty one is");
}

#[test]
fn many_builds_that_make_one_build_directory_at_once_all_work() {
    let space = chain();
    let out = space.root().join("out");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut files = Files::new(Roots::new(space.root(), &out));
                BuildDir::open(&out, &mut files, "one of many", |_| {}).map(drop).unwrap();
            });
        }
    });
}

#[test]
fn what_a_file_that_the_assembler_includes_makes_it_read_counts() {
    let mut space =
        Space::new(vec![Step { scanned: true, ..step("cat src/in.s inner > out/a", &["src/in.s"], &["a"]) }]);
    space.write("src/in.s", ".include \"outer\"\n");
    space.write("outer", ".INCBIN \"inner\"\n");
    space.write("inner", "one");
    space.build();
    assert_eq!(space.told(), NOTHING);
    space.write("inner", "two");
    assert_eq!(space.build().reasons("a"), ["`inner` changed"]);
}

#[test]
fn a_payload_that_another_action_makes_is_read_after_it_was_made() {
    // Nothing says that the second reads what the first makes but the text that is scanned, and the longer one starts
    // first.
    let makes = step("sleep 0.1; cat src/blob > out/blob", &["src/blob"], &["blob"]);
    let script = "sleep 0.3; cat src/in.s > out/a; cat out/blob >> out/a || true";
    let reads = Step { scanned: true, ..step(script, &["src/in.s"], &["a"]) };
    let mut space = Space::new(vec![makes, reads]);
    space.jobs = 1;
    space.write("src/blob", "one");
    space.write("src/in.s", "nop\n");
    space.build();
    space.write("src/in.s", ".incbin \"out/blob\"\n");
    space.write("src/blob", "two");
    assert_eq!(space.build().told(), ["blob ran", "a ran"]);
    assert_eq!(space.read("out/a"), ".incbin \"out/blob\"\ntwo");
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn what_a_link_made_for_itself_and_took_away_is_no_input() {
    let script = "cat src/in > out/p; echo 'p: src/in out/p.ltrans0.o' > out/p.d";
    let mut space = Space::new(vec![Step {
        kind: Some(ActionKind::Link),
        depfile: Some("p.d"),
        ..step(script, &["src/in"], &["p"])
    }]);
    space.write("src/in", "one");
    space.build();
    assert_eq!(space.told(), NOTHING);
    space.write("src/in", "two");
    assert_eq!(space.told(), ["p ran"]);
}

#[test]
fn a_link_of_what_was_not_recorded_is_not_believed_since_what_it_leaves_is_not_known() {
    let object = Step {
        assembled_later: true,
        kind: Some(ActionKind::Compile),
        ..step("cat src/in.s > out/o; echo more >> moves", &["src/in.s", "moves"], &["o"])
    };
    let link = Step { kind: Some(ActionKind::Link), ..step("cat out/o blob > out/p", &["build:o"], &["p"]) };
    let mut space = Space::new(vec![object, link]);
    space.write("src/in.s", ".incbin \"blob\"\n");
    space.write("moves", "");
    space.write("blob", "one");
    space.build();
    space.steps[0].script = "cat src/in.s > out/o".into();
    let second = space.build();
    assert_eq!(
        second.reasons("p"),
        ["what it reads cannot be known: what `o` leaves for the link was not recorded"]
    );
    assert_eq!(space.told(), NOTHING);
    space.write("blob", "two");
    assert_eq!(space.build().reasons("p"), ["`blob` changed"]);
}

#[test]
fn an_equal_object_that_leaves_another_file_for_the_link_is_linked_again() {
    let object = Step {
        assembled_later: true,
        kind: Some(ActionKind::Compile),
        ..step("echo same > out/o", &["src/in.s"], &["o"])
    };
    let archive = Step { kind: Some(ActionKind::Archive), ..step("cat out/o > out/l", &["build:o"], &["l"]) };
    let link =
        Step { kind: Some(ActionKind::Link), ..step("cat out/l one two > out/p", &["build:l"], &["p"]) };
    let mut space = Space::new(vec![object, archive, link]);
    for (name, text) in [("src/in.s", ".incbin \"one\"\n"), ("one", "1"), ("two", "2")] {
        space.write(name, text);
    }
    space.build();
    assert_eq!(space.told(), NOTHING);
    space.write("src/in.s", ".incbin \"two\"\n");
    let again = space.build();
    assert_eq!(again.reasons("l"), ["input `two` added"]);
    assert_eq!(again.reasons("p"), ["input `two` added"]);
    assert_eq!(space.told(), NOTHING);
    space.write("src/in.s", ".incbin \"one\"\n");
    space.build();
    space.write("one", "3");
    space.build();
    assert_eq!(space.read("out/p"), "same\n32");
}

#[test]
fn a_link_of_a_thin_archive_that_cannot_be_read_is_done_every_time() {
    let mut space = Space::new(vec![Step {
        kind: Some(ActionKind::Link),
        ..step("cat thin.a > out/p", &["thin.a"], &["p"])
    }]);
    space.write("thin.a", "!<thin>\nno header");
    space.build();
    assert_eq!(space.build().reasons("p"), ["what it reads cannot be known: `thin.a` is a thin archive"]);
}

#[test]
fn a_precompiled_header_is_not_read_as_text() {
    let mut space =
        Space::new(vec![Step { scanned: true, ..step("cat x.gch > out/a", &["src/in.c", "x.gch"], &["a"]) }]);
    space.write("src/in.c", "int x;\n");
    space.write("x.gch", "gpch __DATE__");
    assert_eq!(space.build().summary.volatile, 0);
    space.write("src/in.c", "const char *x = __DATE__;\n");
    assert_eq!(space.build().summary.volatile, 1);
}

#[test]
fn a_place_in_a_pool_is_filled_again_when_its_command_has_ended() {
    let pooled = |script: &str, name: &'static str| Step { pool: Some("one"), ..step(script, &[], &[name]) };
    let mut space = Space::new(vec![
        pooled("sleep 0.3; echo > out/a", "a"),
        pooled("echo > out/b", "b"),
        step("sleep 2; echo > out/y", &[], &["y"]),
    ]);
    assert_eq!(space.told(), ["a ran", "b ran", "y ran"]);
}

#[test]
fn what_comes_after_a_command_that_has_ended_is_started_before_what_is_less_urgent() {
    // The chain is the longest way; its first links are shorter than what nothing comes after. All but the first are
    // private, so that the store is not asked for them: only the result of the first is put there. (While it is asked
    // for the first, another one may start.)
    let step = |script: &str, input, name| Step { private: name != "1", ..step(script, &[input], &[name]) };
    let mut space = Space::new(vec![
        step("cat gate; sleep 0.3; echo > out/x", "gate", "x"),
        step("cat gate; sleep 0.3; echo > out/y", "gate", "y"),
        step("cat gate > out/1; sleep 0.1", "gate", "1"),
        step("cat out/1 > out/2; sleep 0.1", "build:1", "2"),
        step("cat out/2 > out/3; sleep 0.8", "build:2", "3"),
    ]);
    space.jobs = 1;
    for store in [None, Some(Arc::new(Memory::default()) as Arc<dyn Store>)] {
        space.store = store;
        space.write("gate", "one\n");
        space.build();
        // By now it is known how long each takes.
        space.write("gate", "two\n");
        let told = space.told();
        assert!(told.join(", ").contains("1 ran, 2 ran, 3 ran") && told.len() == 5, "{told:?}");
        fs::remove_dir_all(space.root().join("out")).unwrap();
    }
}

#[test]
fn a_directory_that_a_command_is_about_to_write_to_is_left_when_its_last_file_goes() {
    let former = "sleep 0.5; echo > out/e.txt; echo > out/sub/old.txt; echo > out/deps/old.txt";
    // It has started by the time at which the other one is taken in, and writes later.
    let late = "sleep 0.3; cp in out/sub/x.txt; echo out/sub/x.txt: in > out/deps/x.d";
    let mut space = Space::new(vec![
        step(former, &[], &["e.txt", "sub/old.txt", "deps/old.txt"]),
        Step { depfile: Some("deps/x.d"), ..step(late, &["in"], &["sub/x.txt"]) },
    ]);
    space.jobs = 1;
    space.write("in", "one\n");
    assert_eq!(space.told(), ["e.txt ran", "sub/x.txt ran"]);
    space.steps[0] = step("sleep 0.5; echo > out/e.txt", &[], &["e.txt"]);
    space.write("in", "two\n");
    let done = space.build();
    assert_eq!(done.told(), ["e.txt ran", "sub/x.txt ran"], "{:?}", done.reports[1].failure);
    assert_eq!(space.read("out/sub/x.txt"), "two\n");
    assert!(!space.out("sub/old.txt").exists());
    space.steps.pop();
    space.told();
    assert!(!space.out("sub").exists(), "nobody writes there any more");
}

#[test]
fn a_stamp_that_names_other_outputs_than_its_action_puts_nothing_there() {
    use rekindle_engine::history::{Before, History};
    use rekindle_fingerprint::files::Files;
    use rekindle_fingerprint::roots::Roots;

    let mut space = Space::new(vec![step("cat in > out/a", &["in"], &["a"])]);
    for text in ["one\n", "two\n"] {
        space.write("in", text);
        space.build();
    }
    space.write("victim", "mine\n");
    // Somebody else wrote the journal: the kept output of before belongs elsewhere.
    let mut files = Files::new(Roots::new(space.root(), space.out("")));
    let mut history = History::open(&space.out("journal"), &mut files).unwrap();
    let key = files.path(Roots::BUILD, "a");
    let both = history.generations(key).unwrap();
    let current = both.current.as_deref().unwrap().clone();
    let mut before = both.previous.as_deref().unwrap().clone();
    before.outputs[0].path = files.path(Roots::WORKSPACE, "victim");
    history.succeed(key, before, Before::Dropped, &files).unwrap();
    history.succeed(key, current, Before::Current, &files).unwrap();
    drop(history);
    space.write("in", "one\n");
    assert_eq!(space.told(), ["a ran"]);
    assert_eq!((space.read("victim"), space.read("out/a")), ("mine\n".into(), "one\n".into()));
}
