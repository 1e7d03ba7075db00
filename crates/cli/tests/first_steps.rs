//! What a person does first: the README's commands, in a copy of `examples/hello`, and `rekindle init`.

use std::path::Path;

use rekindle_testkit::{Space, copy_tree};

fn hello() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.remove("");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello");
    copy_tree(&example, &space.root());
    space.remove_if_there(".rekindle");
    space
}

#[test]
fn one_command_builds_the_example_and_runs_it() {
    let space = hello();
    let run = space.run(&["run", "hello"]).done();
    assert_eq!(run.ok().text(), "Hello from rekindle\n", "{}", run.story());
}

#[test]
fn one_command_passes_its_tests() {
    let space = hello();
    let run = space.run(&["test"]).done();
    run.ok();
    assert!(run.text().contains("greet-test") || run.stderr.contains("greet-test"), "{}", run.story());
}

#[test]
fn without_a_verb_it_builds() {
    let space = hello();
    let built = space.run(&["--format", "json"]).done();
    built.ok().assert_kinds("3c 1a 1l 1x", "-");
    assert_eq!(space.prints("hello"), "Hello from rekindle");
    space.build(&[]).ok().assert_work("-");
}

#[test]
fn a_line_added_to_the_word_list_is_heard() {
    let space = hello();
    space.build(&[]).ok();
    let words = String::from_utf8(space.read("words/hello.txt")).unwrap();
    space.write("words/hello.txt", format!("{words}eo Saluton\n"));
    space.build(&[]).ok().assert_work("1x 1c 1a 1l");
    let run = space.run(&["run", "hello", "--", "eo"]).done();
    assert_eq!(run.ok().text(), "Saluton from rekindle\n");
    space.assert_like_clean(&[]);
}

#[test]
fn it_is_found_from_a_directory_below() {
    let space = hello();
    let run = space.run(&["-C", "src", "run", "hello"]).done();
    assert_eq!(run.ok().text(), "Hello from rekindle\n");
    assert!(!space.path("src/.rekindle").exists());
}

#[test]
fn run_gives_the_programs_own_exit_code() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.ends]\nsources = [\"ends.c\"]\n");
    space.write(
        "ends.c",
        "#include <stdlib.h>\nint main(int count, char **words) {\n  if (count > 1) abort();\n  return 42;\n}\n",
    );
    space.run(&["run", "ends"]).done().exits(42);
    space.run(&["run", "ends", "--", "now"]).done().exits(128 + 6);
    space.edit("ends.c", "42", "forty-two");
    space.run(&["run", "ends"]).done().exits(1).says("rekindle:");
}

#[test]
fn init_writes_a_manifest_that_builds_what_lies_there() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("src/main.c", "#include \"twice.h\"\nint main(void) { return twice(0); }\n");
    space.write("src/twice.c", "#include \"twice.h\"\nint twice(int n) { return 2 * n; }\n");
    space.write("src/twice.h", "int twice(int n);\n");
    space.run(&["init"]).done().ok();
    space.build(&[]).ok();
    assert!(space.build(&[]).assert_work("-").summary().fresh.total() >= 3);
    // A manifest that is there is not overwritten.
    let before = space.read("rekindle.toml");
    space.run(&["init"]).done().exits(2).says("rekindle.toml");
    assert_eq!(space.read("rekindle.toml"), before);
}

#[test]
fn clean_removes_the_build_directory_and_nothing_else() {
    let space = hello();
    let before = space.files();
    space.build(&[]).ok();
    space.run(&["clean"]).done().ok();
    assert!(!space.build_dir().exists());
    assert_eq!(space.files(), before);
    space.build(&[]).ok().assert_kinds("3c 1a 1l 1x", "-");
}

#[test]
fn help_and_version_need_no_project() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    for args in [
        &["--version"][..],
        &["--help"],
        &["help", "build"],
        &["help", "environment"],
        &["completions", "bash"],
        &["completions", "zsh"],
    ] {
        let run = space.run(args).done();
        assert!(!run.ok().stdout.is_empty(), "{}", run.story());
    }
    space.run(&["man", "pages"]).done().ok();
    assert!(space.path("pages/rekindle.1").exists());
}
