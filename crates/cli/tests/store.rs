//! The store as a person meets it: where it is, what is put there and comes from there, and the verbs about it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rekindle_testkit::{Built, Space, Tmpfs, Tree, is_root, require, require_root};

const MANIFEST: &str = "[project]\nname = \"p\"\n[library.util]\nsources = [\"util.c\"]\n\
     [executable.app]\nsources = [\"main.c\", \"command:table\"]\ndeps = [\"util\"]\n\
     [command.table]\nargv = [\"cp\", \"{in}\", \"{out}\"]\ninputs = [\"table.txt\"]\noutputs = [\"table.c\"]\n";

/// All of the work: a command, three compiles, an archive and a link.
const ALL: &str = "3c 1a 1l 1x";

fn space() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", MANIFEST);
    space.write("util.c", "int util(void) { return 40; }\n");
    space.write(
        "main.c",
        "int util(void);\nint table(void);\nint main(void) { return util() + table() - 42; }\n",
    );
    space.write("table.txt", "int table(void) { return 2; }\n");
    space
}

/// A project that shares results in a directory beside it.
fn sharing() -> (Space, PathBuf) {
    let mut space = space();
    let store = space.base().join("store");
    space.use_store(&store);
    (space, store)
}

fn answer(space: &Space, args: &[&str]) -> String {
    let built = space.run(args).done();
    format!(
        "$ rekindle {}\n{}{}({})\n",
        args.join(" "),
        redact(space, &built.text()),
        redact(space, &built.stderr),
        built.code
    )
}

/// Without places and digests, which differ from machine to machine.
fn redact(space: &Space, text: &str) -> String {
    let text = space.redact(text);
    let parts: Vec<&str> = text.split('/').collect();
    let digest = |part: &&str| part.len() >= 64 && part.bytes().take(64).all(|byte| byte.is_ascii_hexdigit());
    let shown = parts.iter().enumerate().map(|(at, part)| match parts.get(at + 1) {
        Some(next) if digest(next) => "[XX]".to_string(),
        _ if digest(part) => format!("[DIGEST]{}", &part[64..]),
        _ => (*part).to_string(),
    });
    shown.collect::<Vec<_>>().join("/")
}

/// How many files lie below a directory.
fn files_below(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

/// Every blob of a store.
fn blobs(store: &Path) -> Vec<PathBuf> {
    let below = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    below(store.join("v2/blobs")).flat_map(below).collect()
}

fn path_of(built: &Built) -> String {
    built.ok().store().path.unwrap_or_default()
}

#[test]
fn a_build_directory_that_is_gone_is_restored_without_a_process() {
    let (space, store) = sharing();
    let cold = space.build(&[]);
    cold.ok().assert_kinds(ALL, "-");
    let used = cold.store();
    assert_eq!((used.hits, used.misses, used.stored, used.bytes_read), (0, 6, 6, 0));
    assert_eq!(used.path.as_deref(), store.to_str());
    assert!(used.bytes_written > 1000);
    let outputs = space.outputs();
    space.remove(".rekindle");
    let warm = space.build(&["--forbid-spawn"]);
    warm.assert_restored(ALL);
    let used = warm.store();
    assert_eq!((used.hits, used.misses, used.stored, used.bytes_written), (6, 0, 0, 0));
    assert!(used.bytes_read > 1000);
    assert_eq!(space.outputs().difference(&outputs), "");
    space.build(&["--forbid-spawn"]).assert_restored("-");
    assert!(space.execute(&space.output("app"), &[]).status.success());
}

#[test]
fn another_workspace_gets_the_same_results() {
    let (space, _store) = sharing();
    space.build(&[]).ok();
    let other = space.copy_to_another_place();
    other.remove(".rekindle");
    other.build(&["--forbid-spawn"]).assert_restored(ALL);
    assert_eq!(other.outputs().difference(&space.outputs()), "");
    other.assert_like_clean(&["--no-store"]);
}

#[test]
fn where_the_store_is_said_by_flag_variable_manifest_or_default() {
    let mut space = space();
    space.use_no_store();
    let none = space.build(&[]);
    assert_eq!(none.ok().summary().store(), None);
    assert!(none.summary().event["store"].is_null());
    space.unset_env("REKINDLE_NO_STORE");
    let home = space.base().join("home");
    let there = |rel: &str| home.join(rel).display().to_string();
    assert_eq!(path_of(&space.build(&[])), there(".cache/rekindle"));
    space.set_env("XDG_CACHE_HOME", home.join("xdg"));
    assert_eq!(path_of(&space.build(&[])), there("xdg/rekindle"));
    space.write("rekindle.toml", format!("{MANIFEST}[store]\ndirectory = \"shared\"\n"));
    assert_eq!(path_of(&space.build(&[])), "shared");
    space.set_env("REKINDLE_STORE", home.join("variable"));
    assert_eq!(path_of(&space.build(&[])), there("variable"));
    assert_eq!(path_of(&space.build(&["--store", "flag"])), "flag");
    assert_eq!(space.build(&["--no-store"]).ok().summary().store(), None);
    space.unset_env("REKINDLE_STORE");
    space.write("rekindle.toml", format!("{MANIFEST}[store]\nenabled = false\n"));
    assert_eq!(space.build(&[]).ok().summary().store(), None);
    assert_eq!(path_of(&space.build(&["--no-store=false"])), there("xdg/rekindle"));
    assert_eq!(path_of(&space.build(&["--store", "flag"])), "flag");
}

#[test]
fn who_has_no_place_for_a_store_is_told_once_and_builds() {
    let mut space = space();
    space.unset_env("REKINDLE_NO_STORE");
    space.unset_env("HOME");
    let built = space.run(&["build"]).done();
    built.ok();
    let line = "results are not shared: neither XDG_CACHE_HOME nor HOME says where a store could be";
    assert_eq!(built.stderr.matches(line).count(), 1, "{}", built.story());
}

#[test]
fn what_only_tells_writes_nothing_into_the_store() {
    let (space, store) = sharing();
    space.run(&["explain"]).done().ok();
    space.run(&["build", "-n"]).done().ok();
    assert!(!store.exists(), "a plan makes no store");
    space.build(&[]).ok();
    // So that the compiler is asked again, and its answers would be put there.
    space.remove(store.join("v2/notes"));
    space.mkdir(store.join("v2/notes"));
    let before = Tree::of(&store);
    space.edit("util.c", "40", "41");
    space.remove(".rekindle");
    let plan = space.run(&["build", "-n", "--format", "json"]).done();
    // Of six actions, one compile reads another source; what is behind it cannot be known.
    assert_eq!(plan.ok().summary().number(&["actions", "restored"]), 3, "{}", plan.story());
    space.run(&["explain"]).done().ok();
    assert_eq!(Tree::of(&store).difference(&before), "");
}

#[test]
fn a_store_that_cannot_be_opened_is_told_and_the_build_goes_on() {
    let (mut space, store) = sharing();
    space.write(&store, "no directory");
    let mut told = answer(&space, &["build", "util"]);
    space.remove(&store);
    fs::create_dir_all(store.join("v2")).unwrap();
    space.write(store.join("notes.txt"), "mine");
    space.remove(".rekindle");
    told.push_str(&answer(&space, &["build", "util"]));
    told.push_str(&answer(&space, &["cache", "stats"]));
    space.use_store(&space.build_dir().join("debug/store"));
    told.push_str(&answer(&space, &["build", "util"]));
    insta::assert_snapshot!(told, @"
    $ rekindle build util
    rekindle: [SPACE]/store is no directory; the build goes on without the store
    [1/2] compile util.c
    [2/2] archive libutil.a
    rekindle: 2 actions: 2 ran ([TIME])
    (0)
    $ rekindle build util
    rekindle: [SPACE]/store is no store, and holds `v2`; the build goes on without the store
    [1/2] compile util.c
    [2/2] archive libutil.a
    rekindle: 2 actions: 2 ran ([TIME])
    (0)
    $ rekindle cache stats
    rekindle: [SPACE]/store is no store, and holds `v2`
      hint: name another directory with `--store DIR`
    (2)
    $ rekindle build util
    rekindle: results are not shared: [SPACE]/project/.rekindle/build/debug/store lies among build directories, and would be removed with them
    rekindle: nothing to do, 2 actions fresh ([TIME])
    (0)
    ");
}

#[test]
fn a_store_that_cannot_be_written_is_read_and_that_is_said() {
    if is_root() && !require_root() {
        return;
    }
    let (mut space, store) = sharing();
    space.build(&["util"]).ok();
    space.remove(".rekindle");
    if is_root() {
        space.give_to_nobody();
    }
    for dir in ["v2", "v2/tmp", "v2/blobs", "v2/results", "v2/sets", "v2/notes"] {
        fs::set_permissions(store.join(dir), fs::Permissions::from_mode(0o555)).unwrap();
    }
    let run = space.run(&["build", "--format", "json"]);
    let built = if is_root() { run.as_nobody().done() } else { run.done() };
    built.ok().says("cannot be written: results are only read from it");
    built.assert_kinds("2c 1l 1x", "1c 1a");
    let used = built.store();
    assert_eq!((used.hits, used.stored, used.bytes_written), (2, 0, 0));
}

#[test]
fn a_store_that_is_full_costs_a_notice() {
    if !require_root() {
        return;
    }
    let mut space = space();
    let disk = Tmpfs::mount(&space.base().join("small"), 64);
    let small = space.base().join("small/store");
    space.use_store(&small);
    let built = space.build(&[]);
    built.ok().assert_kinds(ALL, "-");
    built.says("No space left on device; the build goes on without the store");
    assert!(!built.stderr.contains("os error") && !built.stderr.contains("/tmp/."), "{}", built.stderr);
    space.build(&[]).assert_restored("-");
    drop(disk);
}

#[test]
fn a_damaged_blob_is_never_served() {
    let (space, store) = sharing();
    space.build(&[]).ok();
    space.remove(".rekindle");
    for blob in blobs(&store) {
        fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).unwrap();
        let mut bytes = fs::read(&blob).unwrap();
        bytes[0] ^= 1;
        space.write(&blob, bytes);
    }
    let built = space.build(&[]);
    built.ok().assert_kinds(ALL, "-").says("was damaged");
    space.assert_like_clean(&["--no-store"]);
    space.remove(".rekindle");
    space.build(&["--forbid-spawn"]).assert_restored(ALL);
}

#[test]
fn the_verbs_about_the_store() {
    let (space, store) = sharing();
    let mut told = answer(&space, &["cache", "stats"]);
    space.build(&["util"]).ok();
    told.push_str(&answer(&space, &["cache", "path"]));
    told.push_str(&answer(&space, &["cache", "path", "--format", "json"]));
    let stats = space.run(&["cache", "stats", "--format", "json"]).done();
    let object = &stats.ok().events[0];
    assert_eq!((&object["event"], &object["verb"]), (&"cache".into(), &"stats".into()));
    assert_eq!((&object["blobs"]["files"], &object["results"]["files"]), (&2.into(), &2.into()));
    assert!(answer(&space, &["cache", "verify"]).contains("all is well"));
    let blob = blobs(&store).remove(0);
    fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)).unwrap();
    space.write(&blob, "");
    told.push_str(&answer(&space, &["cache", "verify"]));
    assert!(answer(&space, &["cache", "verify"]).contains("all is well"));
    let trimmed = space.run(&["cache", "trim", "--max-size", "0", "--format", "json"]).done();
    assert_eq!(trimmed.ok().events[0]["left"]["files"], 0, "{}", trimmed.story());
    for args in
        [&["cache", "trim", "--max-size", "10"][..], &["cache", "stats", "--no-store"], &["build", "--store"]]
    {
        told.push_str(&answer(&space, args));
    }
    insta::assert_snapshot!(told, @r#"
    $ rekindle cache stats
    there is no store in [SPACE]/store yet
    (0)
    $ rekindle cache path
    [SPACE]/store
    (0)
    $ rekindle cache path --format json
    {"event":"cache","path":"[SPACE]/store","verb":"path"}
    (0)
    $ rekindle cache verify
    [SPACE]/store/v2/blobs/[XX]/[DIGEST]: its content is not what its name says
    rekindle: 1 file was damaged and set aside
      hint: what is missing is built again
    (3)
    $ rekindle cache trim --max-size 10
    error: invalid value '10' for '--max-size <SIZE>': it should be a number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB

    For more information, try '--help'.
    (2)
    $ rekindle cache stats --no-store
    rekindle: no store is used here
      hint: `--store DIR` names one that is not in use
    (2)
    $ rekindle build --store
    rekindle: `--store` has no directory
      hint: write `--store DIR`
    (2)
    "#);
}

#[test]
fn the_verbs_need_no_manifest_and_follow_one() {
    let mut space = space();
    space.unset_env("REKINDLE_NO_STORE");
    let path = |space: &Space, args: &[&str]| {
        let built = space.run(&["cache", "path"]).args(args).done();
        built.ok().text().trim().to_string()
    };
    let home = space.base().join("home");
    space.mkdir("../elsewhere");
    assert_eq!(path(&space, &["-C", "../elsewhere"]), home.join(".cache/rekindle").display().to_string());
    space.write("rekindle.toml", format!("{MANIFEST}[store]\ndirectory = \"mine\"\nmax-size = \"3 MiB\"\n"));
    assert_eq!(path(&space, &[]), space.path("mine").display().to_string());
    space.build(&[]).ok();
    let stats = space.run(&["cache", "stats", "--format", "json"]).done();
    assert_eq!(stats.ok().events[0]["limit"], 3 << 20);
}

#[test]
fn a_store_is_kept_below_its_limit() {
    let (space, _store) = sharing();
    space.write("rekindle.toml", format!("{MANIFEST}[store]\nmax-size = \"120 kB\"\n"));
    for round in 0..8 {
        space.write("util.c", format!("int util(void) {{ return 40; }}\nint padding[] = {{ {round} }};\n"));
        space.build(&[]).ok();
    }
    let stats = space.run(&["cache", "stats", "--format", "json"]).done();
    let total = stats.ok().events[0]["total"]["bytes"].as_u64().unwrap();
    assert!(total > 0 && total <= 120_000, "{total}");
}

#[test]
fn clean_takes_what_this_project_put_into_the_store_and_nothing_else() {
    let (space, store) = sharing();
    let other = space.copy_to_another_place();
    other.edit("util.c", "40", "41");
    other.build(&["util"]).ok();
    // What is bound has two names in the store.
    let bound = format!("deps = [\"util\"]\ncflags = [\"-DHERE=\\\"{}\\\"\"]", space.root().display());
    space.edit("rekindle.toml", "deps = [\"util\"]", &bound);
    space.edit("main.c", "int util(void);", "int util(void);\nconst char *here = HERE;");
    assert!(space.build(&[]).ok().summary().number(&["actions", "bound"]) >= 2);
    space.build(&["--profile", "release", "util"]).ok();
    let results = || files_below(&store.join("v2/results"));
    let all = results();
    assert!(all >= 2 + 6 + 2 + 2, "{all}");
    let told = answer(&space, &["clean", "--store", "-n"]);
    assert!(told.contains(&format!("would remove {} entries of [SPACE]/store\n", all - 2)), "{told}");
    assert_eq!(results(), all);
    let told = answer(&space, &["clean", "--store"]);
    assert!(told.contains(&format!("rekindle: removed {} entries of [SPACE]/store\n", all - 2)), "{told}");
    assert!(!space.path(".rekindle").exists());
    assert_eq!(results(), 2, "those of the other project");
    let told = answer(&space, &["clean", "--store"]);
    assert!(told.contains("rekindle: removed 0 entries of [SPACE]/store\n"), "{told}");
    space.build(&["--no-store=false"]).assert_kinds(ALL, "-");
    other.remove(".rekindle");
    other.build(&["util", "--forbid-spawn"]).assert_restored("1c 1a");
}

#[test]
fn a_command_that_says_so_is_not_shared() {
    let (space, _store) = sharing();
    space.write("rekindle.toml", format!("{MANIFEST}share = false\n"));
    space.build(&[]).ok();
    space.remove(".rekindle");
    space.build(&[]).ok().assert_work_and_restored("1x", "3c 1a 1l");
}

#[test]
fn a_result_that_holds_a_path_is_counted_with_what_puts_it_there() {
    let (space, _store) = sharing();
    let here = format!("-DHERE=\\\"{}\\\"", space.root().display());
    space.write(
        "rekindle.toml",
        format!("[project]\nname = \"p\"\n[library.l]\nsources = [\"?.c\"]\ncflags = [\"{here}\"]\n"),
    );
    for name in ["a.c", "b.c"] {
        space.write(name, "const char *here = HERE;\n");
    }
    space.write("c.c", "const char *when = __DATE__;\n");
    let mut told = answer(&space, &["build", "l", "-j1"]);
    told.push_str(&answer(&space, &["build", "l"]));
    let explained = answer(&space, &["explain"]);
    for line in [
        "a.c is fresh\n    note: its result is bound to absolute paths: `-DHERE=\"<ws>\"`\n",
        "c.c is fresh\n    note: its result holds the time at which it was made: `__DATE__` in `c.c`\n",
        "libl.a is fresh\n    note: its result is bound to absolute paths",
    ] {
        assert!(explained.contains(line), "{explained}");
    }
    let built = space.run(&["build", "--format", "json", "-v", "l"]).done();
    let summary = built.ok().summary().event;
    told.push_str(&redact(&space, &summary["bound_by"].to_string()));
    insta::assert_snapshot!(told, @r#"
    $ rekindle build l -j1
    [1/4] compile a.c
    [2/4] compile b.c
    rekindle: c.c is not shared: `__DATE__` in `c.c` puts the date or the time into it
    [3/4] compile c.c
    [4/4] archive libl.a
    rekindle: 4 actions: 4 ran ([TIME])
    rekindle: 3 results are bound to absolute paths:
    rekindle:   2 by `-DHERE="<ws>"`
    rekindle:   1 by what it wrote holds the path of `ws`
    (0)
    $ rekindle build l
    rekindle: nothing to do, 4 actions fresh ([TIME])
    (0)
    {"`-DHERE=\"<ws>\"`":2,"what it wrote holds the path of `ws`":1}
    "#);
}

/// The results that are bound, and the paths that bind them.
fn bound(built: &Built) -> (u64, String) {
    let summary = built.ok().summary();
    (summary.number(&["actions", "bound"]), summary.event["bound_by"].to_string())
}

#[test]
fn a_coloured_warning_with_an_absolute_path_is_shown_elsewhere_with_the_paths_of_that_place() {
    for compiler in ["gcc", "clang"] {
        if !require(compiler) {
            continue;
        }
        let (mut space, _store) = sharing();
        space.write(
            "rekindle.toml",
            "[project]\nname = \"p\"\n[library.l]\nsources = [\"command:gen\"]\nwarnings = \"all\"\n\
             [command.gen]\nargv = [\"cp\", \"{in}\", \"{out}\"]\ninputs = [\"gen.txt\"]\noutputs = [\"gen.c\"]\n",
        );
        space.write("gen.txt", "static int unused_thing;\nint f(void) { return 1; }\n");
        space.set_env("CC", compiler);
        let build = |space: &Space, args: &[&str]| {
            let dir = space.base().join("out");
            let args = [&["--build-dir", dir.to_str().unwrap(), "--color", "always"], args].concat();
            space.build(&args)
        };
        let first = build(&space, &[]);
        assert_eq!(bound(&first).0, 0, "{}", first.story());
        let printed = |built: &Built| -> String {
            built.events.iter().filter_map(|event| event["message"].as_str()).collect()
        };
        let own = |space: &Space| space.base().join("out/debug").display().to_string();
        let text = printed(&first);
        assert!(text.contains("unused_thing") && text.contains(&own(&space)), "{text}");
        let other = space.copy_to_another_place();
        let second = build(&other, &["--forbid-spawn"]);
        second.assert_restored("1c 1a 1x");
        assert_eq!(bound(&second).0, 0);
        let text = printed(&second);
        assert!(text.contains("unused_thing") && text.contains(&own(&other)), "{text}");
        assert!(!text.contains(&*space.base().to_string_lossy()), "{text}");
    }
}

const WRITES_HOME: &str = "[project]\nname = \"p\"\n\
     [command.home]\nshell = \"echo $HOME > {out}\"\noutputs = [\"home.txt\"]\n\
     [command.other]\nshell = \"echo 1 > {out}\"\noutputs = [\"other.txt\"]\n";

#[test]
fn a_command_that_writes_the_home_directory_runs_for_each_and_others_are_shared() {
    let (mut space, _store) = sharing();
    space.write("rekindle.toml", WRITES_HOME);
    let real = space.base().join("homes/a");
    space.mkdir(&real);
    space.symlink(&real, space.base().join("link"));
    let homes = [
        (real.clone(), "2x", "-"),
        (space.base().join("homes/b"), "1x", "1x"),
        // A spelling of a home that was there before is another text.
        (space.base().join("link"), "1x", "1x"),
        (space.base().join("homes//a/"), "1x", "1x"),
    ];
    for (home, ran, restored) in &homes {
        space.set_env("HOME", home);
        space.remove_if_there(".rekindle");
        let built = space.build(&[]);
        built.ok().assert_work_and_restored(ran, restored);
        assert_eq!(bound(&built), (1, "{\"what it wrote holds the path of `home`\":1}".into()));
        assert_eq!(fs::read(space.output("home.txt")).unwrap(), format!("{}\n", home.display()).into_bytes());
        space.build(&["--forbid-spawn"]).assert_restored("-");
    }
    // In one build directory, too.
    space.set_env("HOME", &homes[1].0);
    space.build(&[]).assert_work_and_restored("-", "1x");
}

#[test]
fn what_is_compiled_below_one_home_is_shared_with_another() {
    for compiler in ["gcc", "clang"] {
        if !require(compiler) || !require("g++") || !require("clang++") {
            continue;
        }
        let (mut space, _store) = sharing();
        space.set_env("CC", compiler);
        space.set_env("CXX", if compiler == "gcc" { "g++" } else { "clang++" });
        space.write_all(&format!(
            "=== rekindle.toml\n{MANIFEST}[executable.hello]\nsources = [\"hello.cpp\"]\n\
             === hello.cpp\n#include <iostream>\nint main() {{ std::cout << \"hello\\n\"; }}\n"
        ));
        // Everything lies below it.
        let base = space.base().to_path_buf();
        space.set_env("HOME", base);
        let first = space.build(&[]);
        assert_eq!(bound(&first).0, 0, "{}", first.story());
        let mut other = space.copy_to_another_place();
        other.remove(".rekindle");
        let base = other.base().to_path_buf();
        other.set_env("HOME", base);
        let second = other.build(&["--forbid-spawn"]);
        second.assert_restored("4c 1a 2l 1x");
        assert_eq!(bound(&second).0, 0, "{}", second.story());
        other.assert_like_clean(&["--no-store"]);
    }
}

#[test]
fn a_short_home_is_in_no_program_that_does_not_ask_for_it() {
    for (cc, cxx) in [("gcc", "g++"), ("clang", "clang++")] {
        if !require(cc) || !require(cxx) {
            continue;
        }
        let (mut space, _store) = sharing();
        space.write_all(
            "=== rekindle.toml\n[project]\nname = \"p\"\n[executable.c]\nsources = [\"c.c\"]\n\
             [executable.c-static]\nsources = [\"c.c\"]\nldflags = [\"-static\"]\n\
             [executable.cxx]\nsources = [\"cxx.cpp\"]\n\
             [executable.cxx-static]\nsources = [\"cxx.cpp\"]\nldflags = [\"-static\"]\n\
             === c.c\n#include <stdio.h>\nint main(void) { puts(\"hello\"); }\n\
             === cxx.cpp\n#include <iostream>\nint main() { std::cout << \"hello\\n\"; }\n",
        );
        space.set_env("CC", cc);
        space.set_env("CXX", cxx);
        space.set_env("HOME", "/root");
        let built = space.build(&[]);
        built.ok().assert_kinds("4c 4l", "-");
        assert_eq!(bound(&built), (0, "{}".into()), "{}", built.story());
    }
}

#[test]
fn the_project_and_the_build_directory_are_no_roots() {
    let space = space();
    space.write("rekindle.toml", format!("{MANIFEST}[roots]\nself = \"../project\"\n"));
    let mut told = answer(&space, &["build"]);
    space.write("rekindle.toml", format!("{MANIFEST}[roots]\nout = \".rekindle/build/debug\"\n"));
    space.mkdir(".rekindle/build/debug");
    told.push_str(&answer(&space, &["build"]));
    space.build(&["--build-dir", "../out"]).ok();
    insta::assert_snapshot!(told, @r#"
    $ rekindle build
    rekindle.toml:13:8: the root `self` is the project's own directory
      13 | self = "../project"
         |        ^^^^^^^^^^^^
         = why: it has a name already, and under two names its files would not be recognised after a move
         = hint: take the root out: results do not depend on where this directory lies
    (2)
    $ rekindle build
    rekindle.toml:13:7: the root `out` is the build directory
      13 | out = ".rekindle/build/debug"
         |       ^^^^^^^^^^^^^^^^^^^^^^^
         = why: it has a name already, and under two names its files would not be recognised after a move
         = hint: take the root out: results do not depend on where this directory lies
    (2)
    "#);
}

#[test]
fn a_clean_before_it_leaves_nothing_by_which_clean_would_find_entries() {
    let (space, store) = sharing();
    space.build(&["util"]).ok();
    let entries = files_below(&store.join("v2/results"));
    space.run(&["clean"]).done().ok();
    let told = answer(&space, &["clean", "--store"]);
    assert!(told.contains("rekindle: removed 0 entries of [SPACE]/store\n"), "{told}");
    assert_eq!(files_below(&store.join("v2/results")), entries);
    let help = space.run(&["clean", "--help"]).done().text();
    let said = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("`clean --store` removes what the build directories still know of"), "{said}");
}
