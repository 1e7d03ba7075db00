//! Archives that another build tool makes; the tool is a shell script.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rekindle_engine::event::{BuildOutcome, Outcome};
use rekindle_exec::Live;
use rekindle_store::Store;
use rekindle_store::memory::Memory;

use crate::space::{Done, Space, Step, Tool, step};

const NOTHING: [&str; 0] = [];

/// `lib.a` is made in the sources of all of `src`; each run leaves a mark in `ran`.
fn archive() -> Step {
    Step {
        tool: Some(Tool {
            made: vec!["vendor/lib.a"],
            trees: vec!["src"],
            identity: Some("tool 1"),
            profile: vec![("target", "here")],
            work: Some(("work", "done-")),
            ..Tool::default()
        }),
        ..step("echo ran >> ran; mkdir -p vendor; cat src/* > vendor/lib.a", &[], &["lib.a"])
    }
}

/// A program that is linked with the copy.
fn program() -> Step {
    step("cat out/lib.a > out/program", &["build:lib.a"], &["program"])
}

fn project_with(archive: Step) -> Space {
    let mut space = Space::new(vec![archive, program()]);
    space.write("src/a", "one\n");
    space.write("src/b", "two\n");
    space
}

fn project() -> Space {
    project_with(archive())
}

fn tool(space: &mut Space) -> &mut Tool {
    space.steps[0].tool.as_mut().unwrap()
}

fn runs(space: &Space) -> usize {
    fs::read_to_string(space.root().join("ran")).map_or(0, |text| text.lines().count())
}

fn failure(done: &Done) -> String {
    let failed = done.reports.iter().find(|report| report.outcome == Outcome::Failed);
    failed.and_then(|report| report.failure.clone()).unwrap()
}

/// The project at another place, with the same store.
fn beside(space: &Space) -> Space {
    let mut other = Space::new(space.steps.clone());
    other.store = space.store.clone();
    other.write("src/a", "one\n");
    other.write("src/b", "two\n");
    other
}

#[test]
fn names_contents_and_modes_of_the_watched_files_count_and_nothing_else_does() {
    use std::os::unix::fs::PermissionsExt;
    let mut space = project();
    assert_eq!(space.told(), ["lib.a ran", "program ran"]);
    assert_eq!(space.read("out/program"), "one\ntwo\n");
    assert_eq!(space.told(), NOTHING);
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let a = space.root().join("src/a");
    fs::File::options().write(true).open(&a).unwrap().set_modified(old).unwrap();
    assert_eq!(space.told(), NOTHING);
    space.write("src/c", "three\n");
    let done = space.build();
    assert_eq!(
        (done.told(), done.reasons("lib.a")),
        (vec!["lib.a ran".into(), "program ran".into()], vec!["input `src/c` added".into()])
    );
    fs::rename(space.root().join("src/c"), space.root().join("src/d")).unwrap();
    let done = space.build();
    assert_eq!(done.told(), ["lib.a ran"], "the same bytes: nothing is linked");
    assert_eq!(done.reasons("lib.a"), ["input `src/d` added", "input `src/c` removed"]);
    fs::remove_file(space.root().join("src/d")).unwrap();
    assert_eq!(space.build().reasons("lib.a"), ["input `src/d` removed"]);
    fs::set_permissions(&a, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(space.build().reasons("lib.a"), ["`src/a` may be executed now"]);
}

#[test]
fn what_a_symbolic_link_says_and_what_it_leads_to_count() {
    let mut space = project();
    space.write("elsewhere/x", "x\n");
    space.write("elsewhere/y", "x\n");
    let link = space.root().join("src/link");
    std::os::unix::fs::symlink("../elsewhere/x", &link).unwrap();
    space.build();
    assert_eq!(space.told(), NOTHING);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("../elsewhere/y", &link).unwrap();
    let done = space.build();
    assert_eq!(
        done.reasons("lib.a"),
        ["link `src/link` pointed to `../elsewhere/x`, points to `../elsewhere/y`"]
    );
    space.write("elsewhere/y", "y\n");
    assert_eq!(space.build().reasons("lib.a"), ["`src/link` changed"]);
}

#[test]
fn the_profile_the_tool_and_the_commands_before_count() {
    let mut space = project();
    space.build();
    tool(&mut space).profile = vec![("target", "there")];
    assert_eq!(space.build().reasons("lib.a"), ["profile key `target` was `here`, is `there`"]);
    tool(&mut space).identity = Some("tool 2");
    assert_eq!(space.build().reasons("lib.a"), ["toolchain changed: tool: `tool`"]);
    tool(&mut space).before = vec!["echo before >> order"];
    assert_eq!(
        space.build().reasons("lib.a"),
        ["arguments changed: `/bin/sh` `-c` `echo before >> order` added"]
    );
    assert_eq!(space.read("order"), "before\n");
    tool(&mut space).before = vec!["echo before >> order; exit 3"];
    let done = space.build();
    assert_eq!(failure(&done), "it exited with code 3");
}

#[test]
fn others_read_the_copy_and_nobody_looks_at_what_the_tool_left() {
    let mut space = project();
    space.build();
    space.write("vendor/lib.a", "that of another profile");
    assert_eq!(space.told(), NOTHING);
    fs::remove_file(space.root().join("vendor/lib.a")).unwrap();
    assert_eq!(space.told(), NOTHING);
    fs::write(space.out("lib.a"), "cut").unwrap();
    assert_eq!(space.told(), ["lib.a ran"]);
    assert_eq!(space.read("out/lib.a"), "one\ntwo\n");
}

#[test]
fn before_the_tool_runs_its_product_and_what_it_did_for_other_inputs_are_gone() {
    let mut step = archive();
    step.script = "echo ran >> ran; ls work vendor > seen; mkdir -p vendor; cat src/* > vendor/lib.a".into();
    let mut space = project_with(step);
    for name in ["work/done-1", "work/done-2/deep", "work/kept", "vendor/lib.a", "vendor/other"] {
        space.write(name, "old");
    }
    space.build();
    assert_eq!(space.read("seen"), "vendor:\nother\n\nwork:\nkept\n");
}

#[test]
fn a_tool_that_fails_is_an_error_and_no_old_archive_serves() {
    let mut space = project();
    space.build();
    space.write("src/a", "wrong\n");
    space.steps[0].script = "echo said; exit 2".into();
    let done = space.build();
    assert_eq!(
        (done.summary.outcome, failure(&done).as_str()),
        (BuildOutcome::Failed, "it exited with code 2")
    );
    assert_eq!(done.told(), ["lib.a failed"], "nothing is linked");
    assert_eq!(space.build().told(), ["lib.a failed"]);
    space.write("src/a", "one\n");
    space.steps = project().steps;
    assert_eq!(space.told(), NOTHING, "undone: what was there is there");
}

#[test]
fn a_product_that_was_not_made_is_named_where_the_tool_leaves_it() {
    let mut space = project();
    space.steps[0].script = "true".into();
    let done = space.build();
    assert_eq!(failure(&done), "it succeeded but did not write `vendor/lib.a`");
}

#[test]
fn what_the_tool_says_it_read_counts_but_for_directories_and_what_is_not_there() {
    let mut step = archive();
    step.depfile = Some("tmp/lib.d");
    step.script = "mkdir -p vendor; cat src/* more > vendor/lib.a; \
                   echo 'lib.a: more src absent work/own' > out/tmp/lib.d; echo > work/own"
        .into();
    let mut space = project_with(step);
    space.write("more", "three\n");
    assert_eq!(space.told(), ["lib.a ran", "program ran"]);
    assert_eq!(space.told(), NOTHING);
    space.write("more", "four\n");
    let done = space.build();
    assert_eq!((done.told().len(), done.reasons("lib.a")), (2, vec!["`more` changed".into()]));
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn an_archive_of_the_same_members_links_nothing_and_one_that_is_cut_is_an_error() {
    let mut step = archive();
    let script =
        "echo ran >> ran; mkdir -p vendor; rm -f vendor/lib.a; cp src/a a.o; ar rcU vendor/lib.a a.o";
    step.script = script.into();
    let mut space = project_with(step);
    assert_eq!(space.told(), ["lib.a ran", "program ran"]);
    let made = fs::read(space.root().join("vendor/lib.a")).unwrap();
    assert_ne!(fs::read(space.out("lib.a")).unwrap(), made, "dates are taken out of the copy alone");
    space.write("src/b", "other\n");
    // So that the member has another date.
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(space.told(), ["lib.a ran"]);
    space.steps[0].script = format!("{script}; truncate -s -1 vendor/lib.a");
    let done = space.build();
    assert!(
        failure(&done).starts_with("what it made cannot be used: the archive is damaged at byte "),
        "{}",
        failure(&done)
    );
    assert_eq!(done.summary.outcome, BuildOutcome::Failed);
}

#[test]
fn an_input_that_changes_while_the_tool_runs_makes_it_run_again() {
    let mut step = archive();
    step.script = "echo ran >> ran; mkdir -p vendor; cat src/* > vendor/lib.a; \
                   test -e once || { touch once; echo other > src/a; }"
        .into();
    let mut space = project_with(step);
    assert_eq!(space.told(), ["lib.a ran", "program ran"]);
    assert_eq!((runs(&space), space.read("out/program")), (2, "other\ntwo\n".into()));
    assert_eq!(space.told(), NOTHING);
}

#[test]
fn inputs_that_never_rest_are_an_error_after_three_runs() {
    let mut step = archive();
    step.script = "echo ran >> ran; mkdir -p vendor; cat src/* > vendor/lib.a; echo more >> src/a".into();
    let mut space = project_with(step);
    let done = space.build();
    assert_eq!(runs(&space), 3);
    assert_eq!(
        failure(&done),
        "what it reads was changed while it ran, 3 times in a row: `src/a` was changed while the command ran"
    );
    assert!(!space.out("lib.a").exists());
}

#[test]
fn a_file_that_appears_while_the_tool_runs_is_an_error_that_names_it() {
    let mut step = archive();
    step.script =
        "echo ran >> ran; mkdir -p vendor; cat src/* > vendor/lib.a; test -e src/new || touch src/new".into();
    let mut space = project_with(step);
    let done = space.build();
    assert_eq!(
        failure(&done),
        "what it reads was changed while it ran: `src/new` appeared; build again (if the command makes it, name it below `exclude` or `outputs`)"
    );
    assert_eq!(runs(&space), 1);
    assert_eq!(space.told(), ["lib.a ran", "program ran"], "now it is among the inputs");
}

#[test]
fn without_the_tool_what_is_fresh_is_fresh_and_what_is_needed_names_it() {
    let mut space = project();
    space.build();
    tool(&mut space).identity = None;
    let done = space.build();
    assert_eq!(done.told(), NOTHING);
    assert_eq!(done.notices, ["lib.a: fresh, tool absent: `tool` is not on this machine"]);
    space.require_tools = true;
    let done = space.build();
    assert_eq!(failure(&done), "its tool `tool` is not on this machine, and --require-tools asks for it");
    assert!(done.summary.bad_input);
    space.require_tools = false;
    space.write("src/a", "other\n");
    let done = space.build();
    assert_eq!(
        failure(&done),
        "it has to be built, and its tool `tool` is not on this machine: install it, or add its directory to PATH"
    );
    assert!(done.summary.bad_input);
    assert_eq!(runs(&space), 1);
    tool(&mut space).identity = Some("tool 2");
    assert_eq!(space.build().reasons("lib.a"), ["toolchain changed: tool: `tool`", "`src/a` changed"]);
}

#[test]
fn without_the_tool_the_only_result_of_the_store_is_restored_and_several_are_an_error() {
    let mut here = project();
    here.store = Some(Arc::new(Memory::default()) as Arc<dyn Store>);
    here.build();
    let mut there = beside(&here);
    tool(&mut there).identity = None;
    let done = there.build();
    assert_eq!(done.told(), ["lib.a restored", "program restored"]);
    assert_eq!(done.notices, ["lib.a: restored, tool absent: `tool` is not on this machine"]);
    assert_eq!((there.read("out/program"), runs(&there)), ("one\ntwo\n".into(), 0));
    // With the tool again, it is the one that made it.
    tool(&mut there).identity = Some("tool 1");
    assert_eq!(there.told(), NOTHING);
    tool(&mut here).identity = Some("tool 2");
    assert_eq!(here.build().told(), ["lib.a ran"]);
    let mut elsewhere = beside(&here);
    tool(&mut elsewhere).identity = None;
    let done = elsewhere.build();
    let why = failure(&done);
    assert!(
        why.starts_with(
            "its tool `tool` is not on this machine, and the store has results of several ones: "
        ),
        "{why}"
    );
    // Which one is meant is told by what is recorded.
    tool(&mut here).identity = None;
    fs::remove_file(here.out("lib.a")).unwrap();
    assert_eq!(here.build().told(), ["lib.a restored"]);
}

#[test]
fn without_the_tool_what_another_one_made_before_is_not_put_back() {
    let mut space = project();
    space.build();
    space.write("src/a", "other\n");
    tool(&mut space).identity = Some("tool 2");
    space.build();
    space.write("src/a", "one\n");
    tool(&mut space).identity = None;
    let done = space.build();
    assert!(failure(&done).starts_with("it has to be built, and its tool `tool`"), "{}", failure(&done));
    tool(&mut space).identity = Some("tool 1");
    assert_eq!(space.told(), ["lib.a restored", "program restored"]);
}

#[test]
fn another_tool_never_gets_the_result_of_this_one() {
    let mut here = project();
    here.store = Some(Arc::new(Memory::default()) as Arc<dyn Store>);
    here.build();
    let mut there = beside(&here);
    tool(&mut there).identity = Some("tool 2");
    assert_eq!(there.told(), ["lib.a ran", "program restored"]);
    let mut there = beside(&here);
    tool(&mut there).profile = vec![("target", "there")];
    assert_eq!(there.told(), ["lib.a ran", "program restored"]);
}

#[test]
fn profiles_flip_and_each_is_built_once() {
    let mut space = project();
    space.store = Some(Arc::new(Memory::default()) as Arc<dyn Store>);
    for round in 0..4 {
        for target in ["here", "there"] {
            tool(&mut space).profile = vec![("target", target)];
            space.steps[0].script =
                format!("echo ran >> ran; mkdir -p vendor; (cat src/*; echo {target}) > vendor/lib.a");
            space.build();
            assert_eq!(space.read("out/program"), format!("one\ntwo\n{target}\n"));
            assert_eq!(runs(&space), if round == 0 && target == "here" { 1 } else { 2 });
        }
    }
}

/// Three builds in build directories of their own, whose tool works in the same place.
#[test]
fn of_three_builds_at_once_one_runs_the_tool_and_the_others_get_what_it_made() {
    let store = Arc::new(Memory::default());
    let place = tempfile::tempdir().unwrap();
    let shared = place.path().to_string_lossy().into_owned();
    let spaces: Vec<Space> = (0..3)
        .map(|_| {
            let mut step = archive();
            // One directory for all, reached by a link that no root maps.
            step.script = "echo ran >> work/ran; sleep 0.3; mkdir -p vendor; cat src/* > vendor/lib.a".into();
            let mut space = project_with(step);
            std::os::unix::fs::symlink(&shared, space.root().join("work")).unwrap();
            space.store = Some(Arc::clone(&store) as Arc<dyn Store>);
            space
        })
        .collect();
    let threads: Vec<_> = spaces
        .into_iter()
        .map(|mut space| std::thread::spawn(move || (space.build(), space.read("out/program"))))
        .collect();
    let done: Vec<(Done, String)> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let ran = fs::read_to_string(Path::new(&shared).join("ran")).unwrap();
    assert_eq!(ran.lines().count(), 1);
    assert!(done.iter().all(|(_, program)| program == "one\ntwo\n"));
    assert_eq!(done.iter().filter(|(done, _)| done.waited == ["lib.a"]).count(), 2);
    let restored = done.iter().filter(|(done, _)| done.told().contains(&"lib.a restored".to_string()));
    assert_eq!(restored.count(), 2);
}

#[test]
fn an_interrupted_build_does_not_wait_for_a_busy_tool() {
    let mut space = project();
    fs::create_dir(space.root().join("work")).unwrap();
    let other = fs::File::open(space.root().join("work")).unwrap();
    other.lock().unwrap();
    let live = Live::new().unwrap();
    let closer = live.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        closer.close();
    });
    let done = space.try_build_of(&[], &live).unwrap();
    thread.join().unwrap();
    assert_eq!(done.summary.outcome, BuildOutcome::Interrupted);
    assert_eq!(runs(&space), 0);
}

#[test]
fn what_is_told_of_an_archive_is_its_profile_its_inputs_and_what_was_read() {
    let mut space = project();
    let done = space.build();
    let report = |done: &Done| done.reports[0].archive.clone().unwrap();
    let first = report(&done);
    assert_eq!(first.profile, [("target".to_string(), "here".to_string())]);
    assert_eq!((first.inputs, first.hashed_bytes, first.commands), (2, 8, 1));
    std::thread::sleep(Duration::from_millis(50));
    space.build();
    let again = report(&space.build());
    assert_eq!((again.inputs, again.hashed_bytes, again.commands), (2, 0, 0));
}
