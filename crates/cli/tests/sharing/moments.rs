//! What happens in a workspace while others share with it.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use rekindle_testkit::{Built, Space, Tree, require};

use crate::place::Place;

const PROGRAM: &str = "\
=== rekindle.toml
[project]
name = 'p'
[library.l]
sources = ['l.c']
[executable.app]
sources = ['main.c']
deps = ['l']
=== main.c
#include \"h.h\"
int l(void);
int main(void) { return l() + N; }
=== l.c
int l(void) { return 0; }
=== h.h
#define N 1
";

/// A workspace of these files at a place of its own, which shares in `store`.
fn space(files: &str, store: &Path) -> Space {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.set_env("CC", "gcc");
    space.write_all(files);
    space.use_store(store);
    space
}

/// The outputs and the events of a build from nothing.
fn from_nothing(space: &Space, args: &[&str]) -> (Tree, Built) {
    space.remove_if_there(".rekindle");
    let built = space.build(args);
    (space.outputs(), built)
}

/// A build from nothing restores this much, and gives what a build gives that shares nothing.
#[track_caller]
fn restores(space: &mut Space, store: &Path, args: &[&str], restored: &str) {
    let (tree, built) = from_nothing(space, args);
    built.assert_restored(restored);
    space.use_no_store();
    let (clean, built) = from_nothing(space, args);
    built.ok();
    space.use_store(store);
    assert_eq!(tree.difference(&clean), "");
}

fn store() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("rekindle-test.").tempdir().unwrap()
}

/// What went wrong, as it was told.
fn errors(built: &Built) -> Vec<String> {
    let told = built.events.iter().filter(|event| event["event"] == "diagnostic");
    told.map(|event| event["message"].as_str().unwrap_or_default().to_string()).collect()
}

#[test]
fn what_fails_fails_everywhere_and_is_restored_nowhere() {
    let store = store();
    let files = PROGRAM.replace("#define N 1", "#define N (1 +");
    let [one, mut other] = [0, 1].map(|_| space(&files, store.path()));
    let (_, built) = from_nothing(&one, &[]);
    built.exits(1);
    let (_, shared) = from_nothing(&other, &[]);
    shared.exits(1);
    other.use_no_store();
    let (_, clean) = from_nothing(&other, &[]);
    assert!(!errors(&clean).is_empty());
    assert_eq!(errors(&shared), errors(&clean));
    other.use_store(store.path());
    other.write("h.h", "#define N 1\n");
    let (_, built) = from_nothing(&other, &[]);
    built.ok().assert_kinds("1c 1l", "1c 1a");
    restores(&mut other, store.path(), &[], "2c 1a 1l");
}

#[test]
fn what_is_done_to_a_restored_output_stays_there() {
    let store = store();
    let [one, mut other, mut third] = [0, 1, 2].map(|_| space(PROGRAM, store.path()));
    from_nothing(&one, &[]).1.ok();
    from_nothing(&other, &[]).1.assert_restored("2c 1a 1l");
    for name in ["main.c.o", "libl.a", "app"] {
        for space in [&one, &other] {
            // In place, as a tool does that strips or signs.
            let path = space.output(name);
            let mut content = fs::read(&path).unwrap();
            content.truncate(40);
            fs::write(&path, &content).unwrap();
        }
    }
    restores(&mut third, store.path(), &[], "2c 1a 1l");
    other.build(&[]).ok();
    restores(&mut other, store.path(), &[], "2c 1a 1l");
}

#[test]
fn profiles_share_what_they_have_in_common_and_nothing_else() {
    let store = store();
    let files =
        PROGRAM.replace("name = 'p'", "name = 'p'\n[profile.other]\n[profile.third]\ndefines = ['M=1']");
    let [one, mut other] = [0, 1].map(|_| space(&files, store.path()));
    from_nothing(&one, &[]).1.ok().assert_kinds("2c 1a 1l", "-");
    from_nothing(&one, &["--profile", "release"]).1.ok().assert_kinds("2c 1a 1l", "-");
    from_nothing(&one, &["--profile", "third"]).1.ok();
    for profile in ["debug", "release", "third"] {
        restores(&mut other, store.path(), &["--profile", profile], "2c 1a 1l");
    }
}

#[test]
fn an_archive_that_lies_there_already_is_replaced_and_not_added_to() {
    let store = store();
    let [one, mut other] = [0, 1].map(|_| space(PROGRAM, store.path()));
    for space in [&one, &other] {
        from_nothing(space, &[]).1.ok();
        let place = Place { space, slug: ".", toml: RefCell::default() };
        place.archive(".rekindle/build/debug/libl.a", "int stale(void) { return 1; }\n");
        // The library is made anew, whatever lies there.
        space.build(&[]).assert_restored("1a");
    }
    assert_eq!(other.outputs().difference(&one.outputs()), "");
    restores(&mut other, store.path(), &[], "2c 1a 1l");
}

/// A plugin of gcc that waits while there is a file `hold`.
const WAITS: &str = "\
int plugin_is_GPL_compatible;
int access(const char *, int), creat(const char *, int), usleep(unsigned);
int plugin_init(void *a, void *b) {
  if (access(\"hold\", 0) == 0) creat(\"reached\", 0644);
  while (access(\"hold\", 0) == 0) usleep(1000);
  return 0;
}
";

#[test]
fn a_header_that_is_edited_while_it_is_compiled_is_shared_by_nobody() {
    if !require("gcc") {
        return;
    }
    let store = store();
    let files = PROGRAM.replace("deps", "cflags = ['-fplugin=./waits.so']\ndeps");
    let [one, mut old, mut new] = [0, 1, 2].map(|_| {
        let space = space(&files, store.path());
        Place { space: &space, slug: ".", toml: RefCell::default() }.shared("waits.so", WAITS);
        space
    });
    new.write("h.h", "#define N 2\n");
    one.write("hold", "");
    let mut running = one.start_build(&[]);
    running.until_exists(&one.path("reached"));
    one.write("h.h", "#define N 2\n");
    one.remove("hold");
    running.wait().ok();
    for space in [&mut old, &mut new] {
        let (_, built) = from_nothing(space, &[]);
        let main = built.actions().into_iter().find(|action| action.is("compile main.c")).unwrap();
        assert_eq!(main.outcome, "ran", "{}", built.story());
        restores(space, store.path(), &[], "2c 1a 1l");
    }
    assert_ne!(old.outputs(), new.outputs());
}

#[test]
fn an_input_that_is_edited_while_a_command_runs_is_shared_by_nobody() {
    let store = store();
    let files = "\
=== rekindle.toml
[project]
name = 'p'
[command.c]
argv = ['sh', 'slow.sh', '{in}', '{out}']
inputs = ['in']
outputs = ['out']
=== slow.sh
if [ -e hold ]; then touch reached; fi
while [ -e hold ]; do sleep 0.01; done
cat $1 > $2
=== in
old
";
    let [one, mut old, mut new] = [0, 1, 2].map(|_| space(files, store.path()));
    new.write("in", "new\n");
    one.write("hold", "");
    let mut running = one.start_build(&[]);
    running.until_exists(&one.path("reached"));
    one.write("in", "new\n");
    one.remove("hold");
    running.wait().ok();
    for space in [&mut old, &mut new] {
        from_nothing(space, &[]).1.ok().assert_kinds("1x", "-");
        restores(space, store.path(), &[], "1x");
    }
}

#[test]
fn contents_that_alternate_at_one_place_are_all_found() {
    let store = store();
    let mut one = space(PROGRAM, store.path());
    for n in 1..4 {
        one.write("h.h", format!("#define N {n}\n"));
        from_nothing(&one, &[]).1.ok();
    }
    for n in [2, 1, 3, 1] {
        one.write("h.h", format!("#define N {n}\n"));
        restores(&mut one, store.path(), &[], "2c 1a 1l");
    }
}
