//! What happens between two builds, and what the second one does about it: for each of the three tools, what ran, what was
//! put back, how many processes that took, what the program prints, all bytes equal to a clean build's, and nothing left
//! to do for a third one. A wrong program and a needless run both fail a row.

use std::time::{Duration, SystemTime};

use crate::kit::{Case, Form, Held};

/// Builds, changes, builds.
#[track_caller]
fn play(case: Option<Case>, change: impl FnOnce(&mut Case), (ran, restored): (&str, &str), prints: &str) {
    let Some(mut case) = case else { return };
    case.first();
    let (first, first_printed) = (case.space.outputs(), case.prints());
    assert!(first_printed.starts_with("511 "), "{first_printed}");
    change(&mut case);
    case.does(ran, restored);
    let printed = case.prints();
    assert!(format!("{printed} ").starts_with(&format!("{prints} ")), "`{printed}`, not `{prints}`");
    if printed == first_printed {
        let difference = case.space.outputs().difference(&first);
        assert!(
            difference.is_empty(),
            "unlike the first build, which was a clean one (the second):\n{difference}"
        );
        case.does("-", "-");
    } else {
        case.is_settled();
    }
}

#[track_caller]
fn settle(case: &Case, prints: &str) {
    let printed = case.prints();
    assert!(format!("{printed} ").starts_with(&format!("{prints} ")), "`{printed}`, not `{prints}`");
    case.is_settled();
    assert_eq!(case.prints(), printed);
}

/// Nothing has to be done.
const NOTHING: (&str, &str) = ("-", "-");
/// The tool runs, and what it made is linked.
const BUILT: (&str, &str) = ("1b 1l", "-");

fn plain(form: Form, change: impl FnOnce(&mut Case), work: (&str, &str), prints: &str) {
    play(Case::new(form), change, work, prints);
}

/// In a project where the names of sources count.
fn named(form: Form, change: impl FnOnce(&mut Case), names: &[&str]) {
    let ending = if form == Form::Cargo { "rs" } else { "c" };
    let names = names.iter().map(|name| format!("{name}.{ending}"));
    let prints = format!("511 {}", names.collect::<Vec<_>>().join(" "));
    play(Case::with_names(form), change, BUILT, &prints);
}

fn every_input(case: &Case, mut change: impl FnMut(&std::path::Path)) {
    for file in case.space.files() {
        change(&file);
    }
}

fn no_change(form: Form) {
    plain(form, |_| {}, NOTHING, "511");
}

fn every_input_touched(form: Form) {
    plain(form, |case| every_input(case, |file| case.space.touch(file)), NOTHING, "511");
}

fn source_edited(form: Form) {
    plain(form, |case| case.edit_source("+ 1", "+ 2"), BUILT, "512");
}

fn source_edited_with_an_mtime_older_than_the_archive(form: Form) {
    let change = |case: &mut Case| {
        case.edit_source("+ 1", "+ 2");
        case.space.age(form.source("one"), -86_400);
    };
    plain(form, change, BUILT, "512");
}

fn header_edited(form: Form) {
    plain(form, |case| case.space.edit("part/src/level.h", "10", "20"), BUILT, "521");
}

/// Everything that was built gets this age, in seconds from now.
fn age_what_was_built(case: &Case, seconds: i64) {
    let mut dirs = vec![case.space.build_dir()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap().flatten() {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => dirs.push(entry.path()),
                kind if kind.is_file() => case.space.age(entry.path(), seconds),
                _ => {}
            }
        }
    }
}

fn cached_archive_older_than_a_fresh_checkout_of_the_same(form: Form) {
    let change = |case: &mut Case| {
        age_what_was_built(case, -86_400);
        every_input(case, |file| case.space.touch(file));
    };
    plain(form, change, NOTHING, "511");
}

fn cached_archive_newer_than_a_changed_checkout(form: Form) {
    let change = |case: &mut Case| {
        case.edit_source("+ 1", "+ 2");
        every_input(case, |file| case.space.age(file, -86_400));
        age_what_was_built(case, 60);
    };
    plain(form, change, BUILT, "512");
}

fn source_deleted(form: Form) {
    named(form, |case| case.space.remove(form.source("two")), &["lib", "one"]);
}

fn source_renamed(form: Form) {
    named(form, |case| case.space.rename(form.source("two"), form.source("six")), &["lib", "one", "six"]);
}

fn source_added_with_an_old_mtime(form: Form) {
    let change = |case: &mut Case| {
        case.write_source("six");
        case.space.age(form.source("six"), -864_000);
    };
    named(form, change, &["lib", "one", "six", "two"]);
}

fn tool_changed_at_the_same_path(form: Form) {
    let Some(mut case) = Case::new(form) else { return };
    case.wrap_tool(1);
    case.first();
    assert!(case.prints().starts_with("1511 "));
    let script = case.tool("bin").join(form.tool());
    let before = case.space.mtime(&script);
    case.wrap_tool(2);
    case.space.set_mtime(&script, before);
    let built = case.does(BUILT.0, BUILT.1);
    let archive = built.actions().into_iter().find(|action| action.kind == "auto_archive").unwrap();
    let reasons = &archive.event["reasons"];
    assert_eq!(reasons[0]["kind"], "toolchain_changed", "{reasons}");
    settle(&case, "2511");
}

fn variable_in_the_profile_changed(form: Form) {
    plain(form, |case| case.space.set_env("LIB_ADD", "7"), BUILT, "518");
}

fn variable_set_to_nothing_is_not_an_unset_one(form: Form) {
    // It is another profile, and the same program.
    plain(form, |case| case.space.set_env("LIB_ADD", ""), ("1b", "-"), "511");
}

fn symlink_retargeted(form: Form) {
    let change = |case: &mut Case| case.space.symlink("../../levels/six.h", "part/src/linked.h");
    plain(form, change, BUILT, "611");
}

fn target_of_a_symlink_edited_with_its_mtime_kept(form: Form) {
    let change = |case: &mut Case| {
        let before = case.space.mtime("levels/five.h");
        case.space.edit("levels/five.h", "5", "7");
        case.space.set_mtime("levels/five.h", before);
    };
    plain(form, change, BUILT, "711");
}

fn archive_clobbered_by_another_profile(form: Form) {
    let Some(mut case) = Case::new(form) else { return };
    case.first();
    case.space.set_env("LIB_ADD", "7");
    case.space.build(&["--profile", "release"]).ok().assert_kinds("1b 1c 1l", "-");
    case.space.unset_env("LIB_ADD");
    if form == Form::Make {
        // make has one place for its archive, and there is the other one.
        case.space.write("part/libpart.a", "junk");
    }
    case.does("-", "-");
    let printed = case.space.prints("debug/app");
    assert!(printed.starts_with("511"), "{printed}");
    case.is_settled();
    let printed = case.space.prints("release/app");
    assert!(printed.starts_with("518 "), "{printed}");
}

fn archive_truncated(form: Form) {
    let change = |case: &mut Case| {
        let archive = case.space.output("libpart.a");
        let bytes = case.space.read(&archive);
        case.space.write(&archive, &bytes[..bytes.len() / 2]);
    };
    plain(form, change, ("-", "1b"), "511");
    // Where nothing is shared, the tool makes it again, and nothing is linked.
    let Some(mut case) = Case::new(form) else { return };
    case.space.use_no_store();
    play(Some(case), change, ("1b", "-"), "511");
}

fn archive_deleted(form: Form) {
    let change = |case: &mut Case| case.space.remove(case.space.output("libpart.a"));
    plain(form, change, ("-", "1b"), "511");
    let Some(mut case) = Case::new(form) else { return };
    case.space.use_no_store();
    play(Some(case), change, ("1b", "-"), "511");
}

fn input_with_an_mtime_in_the_future(form: Form) {
    let change = |case: &mut Case| {
        case.edit_source("+ 1", "+ 2");
        case.space.age(form.source("one"), 86_400);
    };
    plain(form, change, BUILT, "512");
}

fn editor_swap_file_appears(form: Form) {
    let change = |case: &mut Case| {
        for name in [".one.c.swp", "one.c~", "#one.c#"] {
            case.space.write(format!("part/src/{name}"), "swapped");
        }
        case.space.symlink("me@here.41:17", "part/src/.#one.c");
    };
    plain(form, change, NOTHING, "511");
}

fn nested_target_directory_appears(form: Form) {
    let change = |case: &mut Case| {
        case.space.write("part/target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
        case.space.write("part/target/debug/deps/part.d", "part.d:\n");
        case.space.write("part/src/target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
        case.space.write("part/src/target/release/libpart.a", "!<arch>\n");
    };
    plain(form, change, NOTHING, "511");
}

fn edited_and_reverted(form: Form) {
    let change = |case: &mut Case| {
        case.edit_source("+ 1", "+ 2");
        case.does(BUILT.0, BUILT.1);
        case.edit_source("+ 2", "+ 1");
    };
    plain(form, change, ("-", "1b 1l"), "511");
}

fn input_edited_while_the_tool_runs(form: Form) {
    for when in [Held::Before, Held::After] {
        let Some(mut case) = Case::new(form) else { return };
        case.hold_tool();
        case.first();
        case.edit_source("+ 1", "+ 2");
        let running = case.start_held(when);
        case.edit_source("+ 2", "+ 3");
        case.let_go();
        let built = running.wait();
        // It ran twice, and what it made of what was there in the end is what counts.
        case.did(&built, BUILT.0, BUILT.1, 2);
        settle(&case, "513");
    }
}

fn tree_moved_to_another_directory(form: Form) {
    let Some(mut case) = Case::new(form) else { return };
    case.first();
    case.space.move_project("else/where/project");
    case.does("-", "-");
    settle(&case, "511");
}

/// Flags that programs split at blanks cannot name such a place, so that C compilers do without maps there, and these
/// archives are built once more, to the same. cargo is told otherwise.
fn tree_moved_to_a_directory_with_a_blank(form: Form) {
    let Some(mut case) = Case::new(form) else { return };
    case.first();
    case.space.move_project("else/where/project of mine");
    case.does(if form == Form::Cargo { "-" } else { "1b" }, "-");
    settle(&case, "511");
}

fn killed_after_the_archive_was_written_then_built(form: Form) {
    let Some(mut case) = Case::new(form) else { return };
    case.hold_tool();
    case.first();
    case.edit_source("+ 1", "+ 2");
    case.kill(case.start_held(Held::After));
    case.does(BUILT.0, BUILT.1);
    settle(&case, "512");
}

fn killed_then_reverted_with_the_mtime_kept(form: Form) {
    for shared in [true, false] {
        let Some(mut case) = Case::new(form) else { return };
        case.hold_tool();
        if !shared {
            case.space.use_no_store();
        }
        case.first();
        let before = case.space.mtime(form.source("one"));
        case.edit_source("+ 1", "+ 2");
        case.space.set_mtime(form.source("one"), before);
        case.kill(case.start_held(Held::After));
        case.edit_source("+ 2", "+ 1");
        case.space.set_mtime(form.source("one"), before);
        // Its stamp was gone before the tool ran.
        let (ran, restored) = if shared { ("-", "1b") } else { ("1b", "-") };
        case.does(ran, restored);
        settle(&case, "511");
    }
}

/// What was made here is put back in another directory, by another user, with new times: without the tool or any other
/// process.
fn restored_elsewhere(form: Form) {
    let Some(case) = Case::new(form) else { return };
    case.first();
    let mut other = Case { space: case.space.copy_to_another_place(), form };
    other.space.remove(".rekindle");
    other.space.remove_if_there("part/libpart.a");
    other.space.move_project("another/workspace");
    let new = SystemTime::now() - Duration::from_secs(5);
    every_input(&other, |file| other.space.set_mtime(file, new));
    let built = other.space.build(&["--forbid-spawn"]);
    built.ok().assert_restored("1b 1c 1l");
    assert!(other.prints().starts_with("511"));
    let difference = case.space.outputs().difference(&other.space.outputs());
    assert!(difference.is_empty(), "not what was made here (the first):\n{difference}");
    other.is_settled();
}

/// A test for each row and tool: `cargo::source_edited`.
macro_rules! rows {
    ($($row:ident)*) => {
        rows!(cargo, Form::Cargo, $($row)*);
        rows!(make, Form::Make, $($row)*);
        rows!(cmake, Form::Cmake, $($row)*);
    };
    ($module:ident, $form:expr, $($row:ident)*) => {
        mod $module {
            use crate::kit::Form;
            $(
                #[test]
                fn $row() {
                    super::$row($form);
                }
            )*
        }
    };
}

rows! {
    no_change
    every_input_touched
    source_edited
    source_edited_with_an_mtime_older_than_the_archive
    header_edited
    cached_archive_older_than_a_fresh_checkout_of_the_same
    cached_archive_newer_than_a_changed_checkout
    source_deleted
    source_renamed
    source_added_with_an_old_mtime
    tool_changed_at_the_same_path
    variable_in_the_profile_changed
    variable_set_to_nothing_is_not_an_unset_one
    symlink_retargeted
    target_of_a_symlink_edited_with_its_mtime_kept
    archive_clobbered_by_another_profile
    archive_truncated
    archive_deleted
    input_with_an_mtime_in_the_future
    editor_swap_file_appears
    nested_target_directory_appears
    edited_and_reverted
    input_edited_while_the_tool_runs
    tree_moved_to_another_directory
    tree_moved_to_a_directory_with_a_blank
    killed_after_the_archive_was_written_then_built
    killed_then_reverted_with_the_mtime_kept
    restored_elsewhere
}
