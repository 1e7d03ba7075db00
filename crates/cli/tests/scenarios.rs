//! What changes between two builds, and what the second one does about it. Each row is a scenario: what runs and
//! what is put back without a command, counted by kind (`c`ompile, `a`rchive, `l`ink, custom command `x`), with the
//! result equal to a clean build's, byte for byte, and nothing left to do for a third one.
//!
//! Every row is played with gcc and clang, with and without debug information; and then with a store, in two places in
//! turns: what was there before, here or there, is put back without a command, also in a clean directory.

#[path = "scenarios/played.rs"]
mod played;
#[path = "scenarios/project.rs"]
mod project;

use std::time::{Duration, SystemTime};

use project::{Case, Variant};
use rekindle_testkit::Built;

/// What a build does: what runs, and what is put back.
type Work = (&'static str, &'static str);

/// What the project takes.
const ALL: &str = "4c 1a 1l";

/// Builds, changes, builds, and holds that build against the row, a clean build and a third one.
fn play(variant: Variant, change: fn(&mut Case), work: fn(Variant) -> Work) {
    let Some(mut case) = Case::new(variant) else { return };
    case.build_well().assert_kinds(ALL, "-");
    if !variant.store {
        change(&mut case);
        settle_row(&case, work(variant));
        return;
    }
    let mut other = case.elsewhere();
    other.build_well().assert_restored(ALL);
    let (files, outputs) = (case.files(), case.space.outputs());
    change(&mut case);
    settle_row(&case, work(variant));
    // The same change elsewhere, and back again in both places.
    change(&mut other);
    other.is_known();
    other.is_like_clean();
    for case in [&case, &other] {
        case.put_files(&files);
        case.is_known();
        let difference = case.space.outputs().difference(&outputs);
        assert!(difference.is_empty(), "not what was there before (the second):\n{difference}");
    }
}

#[track_caller]
pub(crate) fn settle_row(case: &Case, (ran, put_back): Work) -> Built {
    let second = case.build_well();
    second.assert_work_and_restored(ran, put_back);
    case.is_like_clean();
    let third = case.build_well();
    assert_eq!(third.assert_work("-").summary().processes(), 0, "{}", third.story());
    if case.variant.store {
        let outputs = case.space.outputs();
        case.space.run(&["clean"]).done().ok();
        case.is_known();
        let other = case.elsewhere();
        other.is_known();
        for space in [&case.space, &other.space] {
            let difference = outputs.difference(&space.outputs());
            assert!(difference.is_empty(), "unlike before (the first):\n{difference}");
        }
    }
    second
}

/// A test for each row and variant: `gcc_debug::source_edited`.
macro_rules! scenarios {
    ($($name:ident: $play:expr;)*) => {
        scenarios!(gcc_plain, Variant { cc: "gcc", debug: false, store: false }, $($name: $play;)*);
        scenarios!(gcc_debug, Variant { cc: "gcc", debug: true, store: false }, $($name: $play;)*);
        scenarios!(clang_plain, Variant { cc: "clang", debug: false, store: false }, $($name: $play;)*);
        scenarios!(clang_debug, Variant { cc: "clang", debug: true, store: false }, $($name: $play;)*);
        scenarios!(gcc_shared, Variant { cc: "gcc", debug: true, store: true }, $($name: $play;)*);
        scenarios!(clang_shared, Variant { cc: "clang", debug: true, store: true }, $($name: $play;)*);
    };
    ($module:ident, $variant:expr, $($name:ident: $play:expr;)*) => {
        mod $module {
            use crate::*;
            $(
                #[test]
                fn $name() {
                    let row: fn(Variant) = $play;
                    row($variant);
                }
            )*
        }
    };
}

/// A row: the change, what runs then, and perhaps what is put back. What is `known` is put back where there is a store.
macro_rules! row {
    ($change:expr, known $work:literal) => {
        |variant| play(variant, $change, |variant| if variant.store { ("-", $work) } else { ($work, "-") })
    };
    ($change:expr, $ran:literal) => {
        row!($change, $ran, "-")
    };
    ($change:expr, $ran:literal, $put_back:literal) => {
        |variant| play(variant, $change, |_| ($ran, $put_back))
    };
    ($change:expr, else $work:expr) => {
        |variant| play(variant, $change, $work)
    };
}

/// The rows that every engine was tried with.
mod known {
    scenarios! {
        no_op: row!(|_| {}, "-");
        source_touched: row!(|case| case.space.touch("src/main.c"), "-");
        header_touched: row!(|case| case.space.touch("include/util.h"), "-");
        comment_edited_in_a_source: row!(|case| case.space.edit("src/main.c", "hello", "howdy"),
            else |variant| if variant.sees_comments() { ("1c 1l", "-") } else { ("1c", "-") });
        source_edited: row!(|case| case.space.edit("src/main.c", "return 0", "return 1"), "1c 1l");
        header_edited: row!(|case| case.space.edit("src/extra.h", "20", "21"), "2c 1l");
        header_of_the_archive_edited: row!(|case| case.space.edit("include/util.h", "10", "11"),
            "3c 1a 1l");
        new_content_with_an_older_mtime: row!(played::new_content_with_an_older_mtime, "1c 1l");
        new_content_with_the_same_mtime_and_size: row!(played::new_content_with_the_same_mtime_and_size, "1c 1l");
        source_edited_while_its_compile_runs: played::source_edited_while_its_compile_runs;
        object_replaced_by_hand: row!(|case| played::replace(case, "compile main.c", "compile extra.c"), known "1c");
        program_overwritten_by_hand: row!(|case| played::overwrite(case, "link app", b"junk"), known "1l");
        object_deleted: row!(|case| played::delete(case, "compile main.c"), known "1c");
        program_deleted: row!(|case| played::delete(case, "link app"), known "1l");
        flags_changed: row!(played::add_flags, "4c 1a 1l");
        comment_added_to_the_project_file: row!(|case| {
            case.space.edit("rekindle.toml", "[profile.plain]", "# It is plain.\n[profile.plain]");
        }, "-");
        compiler_replaced_in_place: played::compiler_replaced_in_place;
        header_deleted_with_its_include: played::header_deleted_with_its_include;
        new_header_shadows_an_old_one: row!(|case| case.space.write("first/level.h", "#define LEVEL 31\n"), "1c 1l");
        unit_removed_from_an_archive: row!(|case| case.space.remove("util/two.c"), "1a 1l");
        compile_killed_with_a_partial_object: played::compile_killed_with_a_partial_object;
        compile_failed_and_edit_undone: row!(|case| {
            case.space.edit("src/main.c", "return 0;", "return 0");
            let failed = case.build();
            failed.exits(1).says("main.c");
            assert_eq!(failed.summary().number(&["actions", "failed"]), 1, "{}", failed.story());
            case.space.edit("src/main.c", "return 0", "return 0;");
        }, "-");
        edited_built_and_reverted: row!(|case| {
            case.space.edit("src/main.c", "return 0", "return 1");
            case.runs("1c 1l");
            case.space.edit("src/main.c", "return 1", "return 0");
        }, "-", "1c 1l");
        all_touched: row!(|case| {
            for file in case.space.files() {
                case.space.touch(file);
            }
        }, "-");
        branch_switched_and_back_without_a_build: row!(played::branch_switched_and_back, "-");
        whole_second_mtimes: row!(played::whole_second_mtimes, "-");
        all_copied_without_mtimes: row!(|case| case.space.copy_without_times(), "-");
        tree_moved: row!(|case| case.space.move_project("else/where/project of mine"), "-");
        source_mtime_in_the_future: row!(|case| {
            case.space.edit("src/main.c", "return 0", "return 1");
            case.space.age("src/main.c", 86_400);
            case.runs("1c 1l");
        }, "-");
        compiler_wrote_no_depfile_then_a_header_edited: played::compiler_wrote_no_depfile;
    }
}

/// Rows beyond those.
mod beyond {
    scenarios! {
        header_comment_edited: row!(|case| case.space.edit("include/util.h", "useful", "needed"), "3c");
        comment_line_added_to_a_source: row!(|case| case.space.edit("src/main.c", "hello.", "hello\n   and more."),
            else |variant| if variant.debug { ("1c 1l", "-") } else { ("1c", "-") });
        header_with_new_content_and_an_mtime_of_2001: row!(|case| {
            case.space.edit("src/extra.h", "20", "21");
            case.space.set_mtime("src/extra.h", SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        }, "2c 1l");
        header_with_new_content_of_the_same_size_and_mtime: row!(|case| {
            let before = case.space.mtime("src/extra.h");
            case.space.edit("src/extra.h", "20", "21");
            case.space.set_mtime("src/extra.h", before);
        }, "2c 1l");
        object_overwritten_with_junk: row!(|case| played::overwrite(case, "compile one.c", b"junk"), known "1c");
        object_truncated: row!(|case| played::truncate(case, "compile one.c"), known "1c");
        archive_deleted: row!(|case| played::delete(case, "archive util"), known "1a");
        archive_overwritten_with_junk: row!(|case| played::overwrite(case, "archive util", b"!<arch>\n"), known "1a");
        archive_truncated: row!(|case| played::truncate(case, "archive util"), known "1a");
        program_truncated: row!(|case| played::truncate(case, "link app"), known "1l");
        every_output_deleted: row!(|case| {
            for action in ["compile main.c", "compile extra.c", "compile one.c", "compile two.c", "archive util", "link app"] {
                played::delete(case, action);
            }
        }, known "4c 1a 1l");
        flag_changed_and_changed_back: row!(|case| {
            played::add_flags(case);
            case.runs("4c 1a 1l");
            case.space.edit("rekindle.toml", played::FLAGS, "debug = ");
            case.space.edit("rekindle.toml", played::MORE_FLAGS, "");
        }, "-", "4c 1a 1l");
        environment_variable_in_the_key_changed: row!(|case| case.space.set_env("CPATH", "first"), "4c");
        environment_variable_that_no_command_reads_changed: row!(|case| case.space.set_env("PS1", "$ "), "-");
        source_renamed: row!(|case| case.space.rename("src/extra.c", "src/more.c"), "1c 1l");
        file_added_to_a_glob: row!(|case| {
            case.space.write("util/three.c", "int three(void) { return 3; }\n");
            case.space.age("util/three.c", -86_400);
        }, "1c 1a 1l");
        two_sources_swapped: row!(|case| {
            case.space.rename("util/one.c", "util/swap");
            case.space.rename("util/two.c", "util/one.c");
            case.space.rename("util/swap", "util/two.c");
        }, "2c 1a 1l");
        symlink_to_a_source_retargeted: played::symlink_to_a_source_retargeted;
        symlink_to_a_header_retargeted: played::symlink_to_a_header_retargeted;
        include_directory_that_is_a_symlink_retargeted: played::include_directory_retargeted;
        generated_header_changed: played::generated_header_changed;
        linked_system_library_replaced: played::linked_system_library_replaced;
        linked_shared_library_replaced_shadowed_and_gone:
            played::linked_shared_library_replaced_shadowed_and_gone;
        linker_script_changed: played::linker_script_changed;
        source_edited_before_its_compile_reads_it: played::source_edited_before_its_compile_reads_it;
        source_edited_while_its_compile_runs_and_put_back: played::source_edited_and_put_back;
        header_edited_while_its_compile_runs: played::header_edited_while_its_compile_runs;
        declared_depfile_not_written: played::declared_depfile_not_written;
        include_directory_that_was_missing_appears: played::include_directory_appears;
        has_include_answers_otherwise: played::has_include_answers_otherwise;
    }
}
