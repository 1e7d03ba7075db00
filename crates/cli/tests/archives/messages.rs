//! What a person sees.

use std::time::Duration;

use rekindle_testkit::{Built, Space, require};

use crate::kit::{Case, Form, Held};

/// What a run says, without what differs from run to run.
fn said(case: &Case, built: &Built) -> String {
    let text = case.space.redact(&format!("{}{}({})\n", built.text(), built.stderr, built.code));
    redact_hex(&text)
}

/// Without the digits of digests.
fn redact_hex(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_hexdigit() && !c.is_ascii_uppercase() {
            word.push(c);
            continue;
        }
        out.push_str(if word.len() >= 12 { "[HEX]" } else { &word });
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn make() -> Option<Case> {
    Case::new(Form::Make)
}

/// `PATH` without the tools.
fn take_tools_away(case: &mut Case) {
    let few = case.tool("few");
    case.space.mkdir(&few);
    for name in ["cc", "c++", "ar", "as", "ld"] {
        case.space.symlink(format!("/usr/bin/{name}"), few.join(name));
    }
    case.space.set_env("PATH", few);
}

#[test]
fn a_tool_that_is_absent_is_told_of_and_a_needed_build_names_it() {
    let Some(mut case) = make() else { return };
    case.first();
    take_tools_away(&mut case);
    insta::assert_snapshot!(said(&case, &case.space.run(&["build"]).done()), @r"
    rekindle: part: fresh, tool absent: `make` is not on this machine
    rekindle: nothing to do, 3 actions fresh ([TIME])
    (0)
    ");
    insta::assert_snapshot!(said(&case, &case.space.run(&["build", "--require-tools"]).done()), @r"
    [1/3] FAILED build archive part: its tool `make` is not on this machine, and --require-tools asks for it
    rekindle: 1 of 3 actions failed; 2 not reached ([TIME])
    (2)
    ");
    case.edit_source("+ 1", "+ 2");
    insta::assert_snapshot!(said(&case, &case.space.run(&["build"]).done()), @r"
    [1/3] FAILED build archive part: it has to be built, and its tool `make` is not on this machine: install it, or add its directory to PATH
    rekindle: 1 of 3 actions failed; 1 fresh, 1 not reached ([TIME])
    (2)
    ");
    insta::assert_snapshot!(said(&case, &case.space.run(&["explain"]).done()), @r"
    would build archive part
        because `part/src/one.c` changed
        5 inputs, 0 KB read
    would link app
        because `build:archive/part/part/libpart.a` will be built first
    rekindle: part: would_run, tool absent: `make` is not on this machine
    rekindle: 3 actions: 2 would run, 1 fresh ([TIME])
    (0)
    ");
}

#[test]
fn without_the_tool_results_of_several_ones_in_the_store_are_listed() {
    let Some(mut case) = make() else { return };
    case.wrap_tool(1);
    case.first();
    case.wrap_tool(2);
    case.build().ok();
    take_tools_away(&mut case);
    case.space.remove(".rekindle");
    // Which of the two comes first is left to the threads.
    let told = said(&case, &case.space.run(&["build", "-k"]).done()).replace("[2/3]", "[1/3]");
    insta::assert_snapshot!(told, @r"
    [1/3] FAILED build archive part: its tool `make` is not on this machine, and the store has results of several ones: [HEX], [HEX]; which of them is meant cannot be told: install `make`
    rekindle: 1 of 3 actions failed; 1 restored, 1 not reached ([TIME])
    (2)
    ");
}

#[test]
fn inputs_that_never_rest_are_an_error() {
    let Some(mut case) = make() else { return };
    let real = case.form.real();
    let script = format!(
        "#!/bin/sh\necho '// more' >> {}\nexec {} \"$@\"\n",
        case.space.path("part/src/one.c").to_string_lossy(),
        real.to_string_lossy()
    );
    case.replace_tool(&script);
    let built = case.space.run(&["build"]).done();
    insta::assert_snapshot!(said(&case, &built), @r"
    [1/3] compile main.c
    [2/3] FAILED build archive part: what it reads was changed while it ran, 3 times in a row: `part/src/one.c` was changed while the command ran
    rekindle: 1 of 3 actions failed; 1 ran, 1 not reached ([TIME])
    (1)
    ");
    assert_eq!(case.space.read("part/src/one.c").windows(7).filter(|part| part == b"// more").count(), 3);
}

#[test]
fn a_file_that_appears_while_the_tool_runs_is_an_error() {
    let Some(mut case) = make() else { return };
    case.hold_tool();
    case.first();
    case.edit_source("+ 1", "+ 2");
    case.space.write(case.tool("before"), "");
    let mut running = case.space.run(&["build"]).start();
    running.until_exists(&case.tool("reached"));
    case.space.write("part/src/new.txt", "");
    case.let_go();
    insta::assert_snapshot!(said(&case, &running.wait()), @r"
    [2/3] FAILED build archive part: what it reads was changed while it ran: `part/src/new.txt` appeared; build again (if the command makes it, name it below `exclude` or `outputs`)
    rekindle: 1 of 3 actions failed; 1 fresh, 1 not reached ([TIME])
    (1)
    ");
}

#[test]
fn explain_tells_what_changed() {
    let Some(mut case) = make() else { return };
    case.first();
    case.edit_source("+ 1", "+ 2");
    case.space.write("part/src/new.txt", "");
    case.space.symlink("../../levels/six.h", "part/src/linked.h");
    case.space.set_env("LIB_ADD", "7");
    insta::assert_snapshot!(said(&case, &case.space.run(&["explain", "part"]).done()), @r"
    would build archive part
        because link `part/src/linked.h` pointed to `../../levels/five.h`, points to `../../levels/six.h`
        because environment variable LIB_ADD was unset, is `7`
        because `part/src/linked.h` changed
        because input `part/src/new.txt` added
        because `part/src/one.c` changed
        6 inputs, 1 KB read
    rekindle: 1 action: 1 would run ([TIME])
    (0)
    ");
    case.space.run(&["build"]).done().ok();
    insta::assert_snapshot!(said(&case, &case.space.run(&["explain", "part"]).done()), @r"
    build archive part is fresh
        6 inputs, 0 KB read
    rekindle: nothing to do, 1 action fresh ([TIME])
    (0)
    ");
}

#[test]
fn the_event_of_an_archive_tells_all_that_is_known_of_it() {
    let Some(case) = Case::new(Form::Cargo) else { return };
    let built = case.first();
    let event = built.actions().into_iter().find(|action| action.kind == "auto_archive").unwrap().event;
    insta::assert_snapshot!(event["archive"], @r#"{"hashed_bytes":728,"inputs":5,"lock_wait_ms":0,"processes":1,"profile":{"cargo-profile":"release","package":"part","target":"x86_64-unknown-linux-gnu"},"tool_absent":null}"#);
    case.edit_source("+ 1", "+ 2");
    let built = case.build();
    let event = built.actions().into_iter().find(|action| action.kind == "auto_archive").unwrap().event;
    insta::assert_snapshot!(event["archive"], @r#"{"hashed_bytes":63,"inputs":5,"lock_wait_ms":0,"processes":1,"profile":{"cargo-profile":"release","package":"part","target":"x86_64-unknown-linux-gnu"},"tool_absent":null}"#);
    assert_eq!(event["outcome"], "ran");
    assert_eq!(event["reasons"][0]["path"], "part/src/one.rs");
}

#[test]
fn a_build_that_does_nothing_or_something_else_tells_of_the_archive_too() {
    let Some(case) = make() else { return };
    case.first();
    let told = |case: &Case| {
        let built = case.build();
        let event = built.actions().into_iter().find(|action| action.kind == "auto_archive").unwrap().event;
        format!(
            "{} {} {} {}",
            event["outcome"],
            event["archive"]["profile"],
            event["archive"]["inputs"],
            event["archive"]["hashed_bytes"]
        )
    };
    // Whatever was too young to be believed is old by now.
    std::thread::sleep(Duration::from_millis(50));
    case.build();
    let nothing = told(&case);
    insta::assert_snapshot!(nothing, @r#""fresh" {} 5 0"#);
    case.space.touch("part/src/one.c");
    insta::assert_snapshot!(told(&case), @r#""fresh" {} 5 97"#);
    std::thread::sleep(Duration::from_millis(50));
    case.build();
    let main = case.space.read("main.c");
    case.space.write("main.c", [&main[..], b"int more;\n"].concat());
    assert_eq!(told(&case), nothing);
}

#[test]
fn a_build_that_waits_says_for_whom() {
    let Some(mut case) = make() else { return };
    case.hold_tool();
    let first = case.start_held(Held::Before);
    let mut second = case.space.run(&["build", "--build-dir", "other"]).start();
    second.until_says("archive part: waiting for process");
    case.let_go();
    first.wait().ok().assert_kinds("1b 1c 1l", "-");
    let second = second.wait();
    second.ok().says("(rekindle), which works in the directories of its tool");
    let again = case.space.build(&["--build-dir", "other"]);
    again.ok().assert_work("-");
}

#[test]
fn an_archive_that_waits_for_another_one_of_the_same_build_says_so() {
    if !require("make") {
        return;
    }
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(
        "\
=== rekindle.toml
[project]
name = \"two\"
[archive.a]
make = \"part\"
targets = [\"liba.a\"]
outputs = [\"part/liba.a\"]
exclude = [\"libb.a\"]
[archive.b]
make = \"part\"
targets = [\"libb.a\"]
outputs = [\"part/libb.a\"]
exclude = [\"liba.a\"]
=== part/Makefile
lib%.a: %.c
\tsleep 0.3; $(CC) -c $< -o $*.o && $(AR) rcs $@ $*.o
=== part/a.c
int a;
=== part/b.c
int b;
",
    );
    let store = space.base().join("store");
    space.use_store(&store);
    let built = space.run(&["build", "-j2", "a", "b"]).done();
    let waits = built.ok().stderr.lines().find(|line| line.contains("waiting for"));
    let waits = waits.unwrap_or_default().replace("archive b", "archive a");
    insta::assert_snapshot!(waits, @"rekindle: archive a: waiting for another archive of this build, which works in the directories of its tool");
}
