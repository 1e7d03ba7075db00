//! What a build tells: to people, to scripts, and about what it would do.

use rekindle_testkit::{Space, require};

fn project() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write(
        "rekindle.toml",
        "[project]\nname = \"p\"\n[library.util]\nsources = [\"util.c\"]\n\
         [executable.app]\nsources = [\"main.c\"]\ndeps = [\"util\"]\nwarnings = \"all\"\n",
    );
    space.write("util.c", "#include \"util.h\"\nint util(void) { return UTIL; }\n");
    space.write("util.h", "#define UTIL 0\nint util(void);\n");
    space.write("main.c", "#include \"util.h\"\nint main(void) { return util(); }\n");
    space
}

#[test]
fn plain_lines() {
    // One action after the other: the order of others depends on how long they took.
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\n");
    space.write("main.c", "#include \"main.h\"\nint main(void) { return MAIN; }\n");
    space.write("main.h", "#define MAIN 0\n");
    let plain = |args: &[&str]| {
        let built = space.run(&["build", "--format", "plain"]).args(args).done();
        let (out, err) = (space.redact(&built.text()), space.redact(&built.stderr));
        format!("$ rekindle {}\n{out}{err}({})\n", [&["build"], args].concat().join(" "), built.code)
    };
    let mut told = plain(&[]);
    told.push_str(&plain(&[]));
    space.edit("main.h", "MAIN 0", "MAIN 1");
    told.push_str(&plain(&["-n"]));
    told.push_str(&plain(&["--forbid-spawn"]));
    told.push_str(&plain(&["--explain"]));
    space.edit("main.h", "MAIN 1", "MAIN 0");
    told.push_str(&plain(&["--explain"]));
    space.edit("main.h", "MAIN 0", "MAIN +");
    told.push_str(&plain(&[]));
    told.push_str(&plain(&["-k"]));
    insta::assert_snapshot!(told, @"
    $ rekindle build
    [1/2] compile main.c
    [2/2] link app
    rekindle: 2 actions: 2 ran ([TIME])
    (0)
    $ rekindle build
    rekindle: nothing to do, 2 actions fresh ([TIME])
    (0)
    $ rekindle build -n
    would compile main.c
    would link app
    rekindle: 2 actions: 2 would run ([TIME])
    (0)
    $ rekindle build --forbid-spawn
    [1/2] FAILED compile main.c: its command would have to run, and --forbid-spawn forbids that
        because `main.h` changed
    rekindle: 1 of 2 actions failed; 1 not reached ([TIME])
    (1)
    $ rekindle build --explain
    [1/2] compile main.c
        because `main.h` changed
    [2/2] link app
        because `build:obj/app/main.c.o` changed
    rekindle: 2 actions: 2 ran ([TIME])
    (0)
    $ rekindle build --explain
    rekindle: 2 actions: 2 restored ([TIME])
    (0)
    $ rekindle build
    [1/2] FAILED compile main.c: it exited with code 1
    main.c: In function ‘main’:
    main.c:2:29: error: expected expression before ‘;’ token
        2 | int main(void) { return MAIN; }
          |                             ^
    rekindle: 1 of 2 actions failed; 1 not reached ([TIME])
    (1)
    $ rekindle build -k
    [1/2] FAILED compile main.c: it exited with code 1
    main.c: In function ‘main’:
    main.c:2:29: error: expected expression before ‘;’ token
        2 | int main(void) { return MAIN; }
          |                             ^
    rekindle: 1 of 2 actions failed; 1 not reached ([TIME])
    (1)
    ");
}

#[test]
fn every_field_of_the_contract_is_there() {
    let space = project();
    let built = space.build(&[]);
    let summary = built.ok().summary().event;
    assert_eq!(summary["outcome"], "ok");
    for keys in [
        &["wall_ms"][..],
        &["actions", "total"],
        &["actions", "fresh"],
        &["actions", "restored"],
        &["actions", "ran"],
        &["actions", "failed"],
        &["actions", "bound"],
        &["actions", "volatile"],
        &["actions", "local"],
        &["processes_spawned"],
        &["files", "signed"],
        &["files", "hashed"],
        &["files", "hashed_bytes"],
    ] {
        let value = keys.iter().fold(&summary, |value, key| &value[*key]);
        assert!(value.is_u64(), "{keys:?} is {value}");
    }
    for kind in ["compile", "archive", "link", "custom", "auto_archive"] {
        assert!(summary["kinds"][kind].is_object(), "{kind}");
    }
    for outcome in ["fresh", "restored", "ran"] {
        assert!(summary["kinds"]["compile"][outcome].is_u64(), "{outcome}");
    }
    assert_eq!(summary["actions"]["total"], 4);
    assert_eq!(summary["actions"]["ran"], 4);
    assert_eq!(built.events.first().unwrap()["event"], "started");
    let actions = built.actions();
    assert_eq!(actions.len(), 4);
    for action in actions {
        assert!(action.event["id"].is_u64(), "{}", action.event);
        assert!(action.event["ms"].is_u64(), "{}", action.event);
        assert!(!action.event["reason"].is_null(), "{}", action.event);
        assert_eq!(action.outcome, "ran");
        for output in &action.outputs {
            assert!(!output.starts_with('/'), "an absolute path: {output}");
        }
    }
    let text = space.run(&["build", "--format", "json", "--profile", "release"]).done().text();
    assert!(!text.contains(&*space.base().to_string_lossy()), "an absolute path\n{text}");
}

#[test]
fn fresh_actions_are_told_only_when_asked() {
    let space = project();
    space.build(&[]).ok();
    let quiet = space.run(&["build", "--format", "json"]).done();
    assert!(quiet.ok().actions().is_empty(), "{}", quiet.story());
    let verbose = space.build(&[]);
    assert_eq!(verbose.actions().iter().filter(|action| action.outcome == "fresh").count(), 4);
}

#[test]
fn the_count_of_processes_is_what_the_kernel_saw() {
    if !require("strace") {
        return;
    }
    let space = project();
    let (built, programs) = space.run(&["build", "--format", "json"]).counting_programs();
    let counted = built.ok().summary().processes();
    // Children of children (cc1, as, ld) are not ours to count, so the kernel saw more.
    assert!(counted >= 4 && programs >= counted, "{counted} counted, {programs} seen");
    let (built, programs) = space.run(&["build", "--format", "json"]).counting_programs();
    assert_eq!((built.ok().assert_work("-").summary().processes(), programs), (0, 0));
}

#[test]
fn warnings_of_fresh_and_restored_actions_are_told_again() {
    let space = project();
    space.edit("main.c", "{ return", "{ int unused; return");
    let said = |args: &[&str]| {
        let built = space.run(&["build"]).args(args).done();
        let text = built.ok().text() + &built.stderr;
        text.matches("unused variable").count()
    };
    assert_eq!(said(&[]), 1);
    assert_eq!(said(&[]), 1, "of a fresh action");
    space.edit("main.c", "int unused;", "");
    assert_eq!(said(&[]), 0);
    space.edit("main.c", "{  return", "{ int unused; return");
    assert_eq!(said(&[]), 1, "of a restored action");
    space.build(&[]).ok().assert_work("-");
}

#[test]
fn warnings_are_diagnostics_in_json() {
    let space = project();
    space.edit("main.c", "{ return", "{ int unused; return");
    for _ in 0..2 {
        let built = space.build(&[]);
        let told = built.ok().events.iter().filter(|event| event["event"] == "diagnostic").count();
        assert_eq!(told, 1, "{}", built.story());
        assert!(built.text().contains("unused variable"), "{}", built.story());
        assert!(!built.text().contains("\\u001b"), "colours in JSON\n{}", built.story());
    }
}

#[test]
fn the_compilers_colours_are_kept_or_stripped_as_asked() {
    let space = project();
    space.edit("main.c", "{ return", "{ int unused; return");
    let escapes = |args: &[&str]| {
        let built = space.run(&["build"]).args(args).done();
        (built.ok().text() + &built.stderr).matches('\u{1b}').count()
    };
    assert_eq!(escapes(&[]), 0, "not on a terminal");
    assert!(escapes(&["--color", "always"]) > 2);
    assert_eq!(escapes(&["--color", "never"]), 0);
    // The choice is in no key.
    space.build(&["--color", "always"]).ok().assert_work("-");
    let forced = space.run(&["build"]).env("CLICOLOR_FORCE", "1").done();
    assert!((forced.text() + &forced.stderr).contains('\u{1b}'), "{}", forced.story());
}

#[test]
fn a_failing_compile_is_shown_and_its_command_when_asked() {
    let space = project();
    space.edit("main.c", "util()", "util(");
    let built = space.run(&["build"]).done();
    let text = built.exits(1).text() + &built.stderr;
    assert!(text.contains("main.c:2") && text.contains("error"), "{}", built.story());
    assert!(!text.contains("-MF"), "the command is not shown\n{}", built.story());
    let built = space.run(&["build", "-v"]).done();
    let text = built.exits(1).text() + &built.stderr;
    assert!(text.contains("-c main.c -o "), "the command is shown\n{}", built.story());
}

#[test]
fn explain_names_what_changed() {
    let space = project();
    space.build(&[]).ok();
    space.edit("util.h", "UTIL 0", "UTIL 1");
    let before = space.outputs();
    let told = space.run(&["explain"]).done();
    let text = told.ok().text() + &told.stderr;
    assert!(text.contains("`util.h` changed"), "{}", told.story());
    let of_one = space.run(&["explain", "main.c"]).done();
    let text = of_one.ok().text() + &of_one.stderr;
    assert!(text.contains("main.c") && !text.contains("compile util.c"), "{}", of_one.story());
    assert_eq!(before.difference(&space.outputs()), "", "nothing was run");
    let built = space.build(&["--explain"]);
    let reasons: Vec<_> = built.actions().iter().map(|action| action.event["reason"].to_string()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("util.h")), "{reasons:?}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let space = project();
    let dry = space.build(&["-n"]);
    dry.ok();
    assert!(space.outputs().is_empty(), "{:?}", space.outputs().paths().collect::<Vec<_>>());
    space.build(&[]).ok().assert_kinds("2c 1a 1l", "-");
    space.edit("util.h", "UTIL 0", "UTIL 1");
    let before = space.outputs();
    for _ in 0..2 {
        let dry = space.build(&["--dry-run"]);
        let told = dry.ok().actions();
        let would: Vec<_> = told.iter().filter(|action| action.outcome == "would_run").collect();
        assert!(would.iter().any(|action| action.is("compile util.c")), "{}", dry.story());
        assert_eq!(dry.summary().processes(), 0);
    }
    assert_eq!(before.difference(&space.outputs()), "");
    space.build(&[]).ok().assert_work("2c 1a 1l");
}

#[test]
fn a_build_that_must_not_run_anything_fails_if_it_would() {
    let space = project();
    let cold = space.build(&["--forbid-spawn"]);
    cold.exits(1);
    assert!(space.outputs().is_empty());
    space.build(&[]).ok();
    space.build(&["--forbid-spawn"]).ok().assert_work("-");
    space.touch("util.h");
    space.build(&["--forbid-spawn"]).ok().assert_work("-");
    space.edit("util.h", "UTIL 0", "UTIL 1");
    let failed = space.build(&["--forbid-spawn"]);
    failed.exits(1).says("--forbid-spawn");
    let reason =
        failed.actions().iter().find(|action| action.outcome == "failed").unwrap().event["reason"].clone();
    assert_eq!(reason["path"], "util.h");
    assert_eq!(failed.summary().processes(), 0);
    space.build(&[]).ok().assert_work("2c 1a 1l");
}

#[test]
fn a_failure_stops_the_build_unless_it_is_told_to_go_on() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    let mut manifest = String::from("[project]\nname = \"p\"\n");
    for number in 0..8 {
        manifest.push_str(&format!("[executable.p{number}]\nsources = [\"{number}.c\"]\n"));
        let body = if number % 2 == 0 { "int main(void) { return 0; }\n" } else { "#error no\n" };
        space.write(format!("{number}.c"), body);
    }
    space.write("rekindle.toml", manifest);
    let failed = |args: &[&str]| {
        let built = space.build(args);
        let summary = built.exits(1).summary();
        assert_eq!(summary.outcome, "failed");
        summary.number(&["actions", "failed"])
    };
    assert_eq!(failed(&["-j1"]), 1);
    assert_eq!(failed(&["-j1", "--keep-going=2"]), 2);
    assert_eq!(failed(&["-k"]), 4);
    for number in [0, 2, 4, 6] {
        assert!(space.output(&format!("p{number}")).is_file());
    }
}

#[test]
fn targets_that_are_asked_for_are_built_and_no_others() {
    let space = project();
    space.build(&["util"]).ok().assert_kinds("1c 1a", "-");
    space.build(&["app"]).ok().assert_kinds("1c 1l", "-");
}

#[test]
fn variables_speak_where_flags_are_silent() {
    let space = project();
    let run =
        |name: &str, value: &str, args: &[&str]| space.run(&["build"]).args(args).env(name, value).done();
    let json = run("REKINDLE_FORMAT", "json", &[]);
    json.ok().assert_kinds("2c 1a 1l", "-");
    let plain = run("REKINDLE_FORMAT", "json", &["--format", "plain"]);
    assert!(plain.ok().events.is_empty());
    run("REKINDLE_PROFILE", "release", &[]).ok();
    assert!(space.build_dir().join("release").is_dir());
    run("REKINDLE_BUILD_DIR", "out", &[]).ok();
    assert!(space.path("out/debug").is_dir());
    run("REKINDLE_FORBID_SPAWN", "true", &[]).ok();
    run("REKINDLE_JOBS", "none", &[]).exits(2).says("REKINDLE_JOBS");
}
