//! Packs as a person meets them: what one machine built is carried to another in one file.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rekindle_testkit::{Space, Tree, copy_tree, require, require_path, require_root};

const MANIFEST: &str = "[project]\nname = \"p\"\n[library.util]\nsources = [\"util/*.c\"]\ninclude = [\"include\"]\n\
     [executable.app]\nsources = [\"main.c\", \"command:table\"]\ndeps = [\"util\"]\n\
     [command.table]\nargv = [\"cp\", \"{in}\", \"{out}\"]\ninputs = [\"table.txt\"]\noutputs = [\"table.c\"]\n";

/// How many files `util` has.
const UNITS: usize = 12;

/// A project, and the store that it uses.
fn project() -> (Space, PathBuf) {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", MANIFEST);
    space.write("include/util.h", "#include <stdio.h>\n#include <stdlib.h>\n#define BASE 3\n");
    let mut main = "int table(void);\n".to_string();
    for unit in 0..UNITS {
        let body =
            format!("int util{unit}(int n) {{ printf(\"%d\\n\", n * {unit}); return BASE + {unit}; }}\n");
        space.write(format!("util/u{unit}.c"), format!("#include \"util.h\"\n{body}"));
        main += &format!("int util{unit}(int n);\n");
    }
    main += "int main(void) { return util0(1) + util1(2) + table() == 9 ? 0 : 1; }\n";
    space.write("main.c", main);
    space.write("table.txt", "int table(void) { return 2; }\n");
    let store = space.base().join("store");
    space.use_store(&store);
    (space, store)
}

/// The same project on another machine, without what was built, and with an empty store.
fn elsewhere(space: &Space) -> (Space, PathBuf) {
    let mut other = space.copy_to_another_place();
    other.remove_if_there(".rekindle");
    other.move_project("checked/out/elsewhere");
    let store = other.base().join("home/the store");
    other.use_store(&store);
    (other, store)
}

fn cache(space: &Space, args: &[&str]) -> rekindle_testkit::Built {
    space.run(&["cache"]).args(args).done()
}

#[track_caller]
fn export(space: &Space, args: &[&str]) -> PathBuf {
    let file = space.base().join("warm.pack");
    let mut all = vec!["export", file.to_str().unwrap()];
    all.extend(args);
    cache(space, &all).ok();
    file
}

fn import<'a>(space: &Space, files: impl IntoIterator<Item = &'a Path>) -> rekindle_testkit::Built {
    let mut args = vec!["import"];
    args.extend(files.into_iter().map(|file| file.to_str().unwrap()));
    cache(space, &args)
}

/// What lies in a store, but for its account.
fn things(store: &Path) -> Tree {
    let mut tree = Tree::of(store);
    // Nor what somebody who was killed has begun to write beside it.
    let begun = |path: &Path| path.to_string_lossy().starts_with("CACHEDIR.TAG.");
    tree.retain(|path| !path.ends_with("usage") && !path.ends_with("lock") && !begun(path));
    tree
}

#[test]
fn a_build_is_warm_from_a_pack_on_another_machine() {
    if !require("gcc") {
        return;
    }
    let (space, _) = project();
    space.build(&[]).ok();
    space.edit("util/u3.c", "n * 3", "n * 33");
    space.build(&[]).ok();
    let pack = export(&space, &[]);
    let (other, _) = elsewhere(&space);
    import(&other, [&*pack]).ok();
    let warm = other.build(&["--forbid-spawn", "--materialize", "all"]);
    warm.ok().assert_restored("14c 1a 1l 1x");
    assert_eq!(other.outputs().difference(&space.outputs()), "");
    // The pack has nothing of the build before the edit.
    other.edit("util/u3.c", "n * 33", "n * 3");
    other.build(&[]).ok().assert_ran(&["compile util/u3.c", "archive libutil.a", "link app"]);
    let everything = export(&space, &["--all"]);
    import(&other, [&*everything]).ok();
    other.remove(".rekindle");
    other.build(&["--forbid-spawn"]).ok();
}

#[test]
fn a_no_op_and_a_build_without_the_bytes_leave_a_record_to_pack() {
    if !require("gcc") {
        return;
    }
    let (space, _) = project();
    space.build(&[]).ok();
    let first = fs::read(export(&space, &[])).unwrap();
    space.build(&[]).ok();
    assert_eq!(fs::read(export(&space, &[])).unwrap(), first, "the same things give the same bytes");
    let (mut other, _) = elsewhere(&space);
    import(&other, [&*space.base().join("warm.pack")]).ok();
    other.leave_bytes();
    other.build(&["--forbid-spawn"]).ok();
    assert_eq!(fs::read(export(&other, &[])).unwrap(), first, "nothing is of a machine");
}

#[test]
fn the_packs_of_the_jobs_of_a_matrix_merge_and_every_job_is_warm() {
    if !require("gcc") {
        return;
    }
    let (space, _) = project();
    let jobs: Vec<String> = (0..12).map(|job| format!("#define BASE {job}\n")).collect();
    let write = |space: &Space, job: &str| {
        space.write("include/util.h", format!("#include <stdio.h>\n#include <stdlib.h>\n{job}"));
    };
    let mut packs = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let (mut machine, store) = elsewhere(&space);
        write(&machine, job);
        // Jobs that ran before are no help to those that come after.
        assert!(!store.exists());
        machine.use_store(&store);
        machine.build(&[]).ok();
        let pack = space.base().join(format!("job {number}.pack"));
        fs::copy(export(&machine, &[]), &pack).unwrap();
        packs.push(pack);
    }
    let (merged, _) = elsewhere(&space);
    let said = import(&merged, packs.iter().map(PathBuf::as_path));
    assert_eq!(said.ok().text().lines().count(), 12);
    for job in &jobs {
        write(&merged, job);
        merged.remove_if_there(".rekindle");
        merged.build(&["--forbid-spawn"]).ok();
    }
}

#[test]
fn what_is_said_about_packs() {
    if !require("gcc") {
        return;
    }
    let (space, store) = project();
    let said = |args: &[&str]| {
        let built = cache(&space, args);
        let text = space.redact(&(built.text() + &built.stderr));
        format!("$ rekindle cache {}\n{text}({})\n", args.join(" "), built.code)
    };
    let mut all = said(&["export", "a.pack"]);
    all += &said(&["export"]);
    all += &said(&["import"]);
    all += &said(&["export", "a.pack", "--all", "--used-since", "1d"]);
    all += &said(&["import", "absent.pack"]);
    space.write("none.pack", "no pack");
    all += &said(&["import", "none.pack"]);
    all += &said(&["export", "a.pack"]);
    space.build(&[]).ok();
    all += &said(&["export", "nowhere/a.pack"]);
    all += &said(&["export", "a.pack", "--used-since", "@0"]);
    all += &said(&["import", "a.pack", "none.pack"]);
    for result in Tree::of(&store.join("v2/results")).paths().take(2) {
        fs::remove_file(store.join("v2/results").join(result)).unwrap();
    }
    all += &said(&["export", "a.pack"]);
    // Sizes depend on the compiler.
    let all = all
        .lines()
        .map(|line| match line.split_once(" files, ") {
            Some((before, rest)) if rest.contains("packed into") => format!("{before} files, [SIZE], packed"),
            Some((before, rest)) => format!("{before} files, [SIZE], {}", rest.split_once(", ").unwrap().1),
            None => line.to_string(),
        })
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(all, @"
    $ rekindle cache export a.pack
    rekindle: there is no store in [SPACE]/store yet
      hint: build first
    (2)
    $ rekindle cache export
    error: the following required arguments were not provided:
      <FILE>

    Usage: rekindle cache export <FILE>

    For more information, try '--help'.
    (2)
    $ rekindle cache import
    error: the following required arguments were not provided:
      <FILE>...

    Usage: rekindle cache import <FILE>...

    For more information, try '--help'.
    (2)
    $ rekindle cache export a.pack --all --used-since 1d
    error: the argument '--all' cannot be used with '--used-since <WHEN>'

    Usage: rekindle cache export --all <FILE>

    For more information, try '--help'.
    (2)
    $ rekindle cache import absent.pack
    rekindle: cannot open [SPACE]/project/absent.pack: No such file or directory
    (2)
    $ rekindle cache import none.pack
    rekindle: [SPACE]/project/none.pack is no pack that can be used: it is not compressed with zstd
      hint: nothing of it was taken; pack it anew with `rekindle cache export`
    (2)
    $ rekindle cache export a.pack
    rekindle: no build has recorded in [SPACE]/store what it used
      hint: build first: each build records what it uses; or pack `--all`
    (2)
    $ rekindle cache export nowhere/a.pack
    rekindle: cannot write [SPACE]/project/nowhere/a.pack: No such file or directory
    (2)
    $ rekindle cache export a.pack --used-since @0
    17 results with 17 files, [SIZE], packed
    (0)
    $ rekindle cache import a.pack none.pack
    17 results with 17 files, [SIZE], came from a.pack; 0 of the files are new
    rekindle: [SPACE]/project/none.pack is no pack that can be used: it is not compressed with zstd
      hint: nothing of it was taken; pack it anew with `rekindle cache export`
    (2)
    $ rekindle cache export a.pack
    15 results with 15 files, [SIZE], packed
    left out, because the store has them no more: results 2
    (0)
    ");
    let told = cache(&space, &["import", "a.pack", "--format", "json"]);
    assert!(told.ok().text().starts_with("{\"event\":\"cache\""), "{}", told.text());
}

#[test]
fn a_pack_can_be_read_by_who_may_and_what_comes_from_it_too() {
    if !require("gcc") || !require_root() {
        return;
    }
    let (space, _) = project();
    space.build(&[]).ok();
    let pack = export(&space, &[]);
    assert_eq!(fs::metadata(&pack).unwrap().permissions().mode() & 0o777, 0o644);
    let (mut other, store) = elsewhere(&space);
    let there = other.base().join("warm.pack");
    fs::copy(&pack, &there).unwrap();
    other.give_to_nobody();
    other.run(&["cache", "import", there.to_str().unwrap()]).as_nobody().done().ok();
    other.run(&["build", "--forbid-spawn"]).as_nobody().done().ok();
    // The next store can be read and not written, by that user.
    fs::set_permissions(store.join("v2/tmp"), fs::Permissions::from_mode(0o555)).unwrap();
    let refused = other.run(&["cache", "import", there.to_str().unwrap()]).as_nobody().done();
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    let again = other.base().join("tmp/again.pack");
    let exported = other.run(&["cache", "export", again.to_str().unwrap()]).as_nobody().done();
    assert_eq!(exported.code, 0, "{}", exported.stderr);
}

#[test]
fn an_import_that_is_killed_at_any_moment_leaves_nothing_wrong() {
    if !require("gcc") {
        return;
    }
    let (space, store) = project();
    space.build(&[]).ok();
    // So many that it takes a while.
    for unit in 0..15 {
        space.edit("util/u5.c", "n *", &format!("{unit} + n *"));
        space.build(&[]).ok();
    }
    let pack = export(&space, &["--all"]);
    let (other, to) = elsewhere(&space);
    let start = Instant::now();
    import(&other, [&*pack]).ok();
    let whole = start.elapsed();
    let all = things(&to);
    assert_eq!(all.difference(&things(&store)), "");
    let mut killed = 0;
    for moment in 0..24 {
        fs::remove_dir_all(&to).unwrap();
        let mut running = other.run(&["cache", "import", pack.to_str().unwrap()]).at_once().start();
        std::thread::sleep(whole * moment / 24);
        killed += usize::from(!running.has_ended());
        running.kill();
        running.wait();
        if to.join("v2").exists() {
            let verified = cache(&other, &["verify"]);
            assert_eq!(verified.code, 0, "{}{}", verified.text(), verified.stderr);
        }
        // What is there can be used, and whatever is missing is built.
        if moment % 8 == 0 {
            other.remove_if_there(".rekindle");
            other.build(&[]).ok();
            assert_eq!(other.outputs().difference(&space.outputs()), "");
        }
        import(&other, [&*pack]).ok();
        for entry in fs::read_dir(to.join("v2/tmp")).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
        if moment % 8 != 0 {
            assert_eq!(things(&to).difference(&all), "", "moment {moment}");
        }
    }
    assert!(killed > 6, "only {killed} of 24 were killed");
}

/// A frame of zstd whose content are zeros after `start`: each block says one byte and how often it comes.
fn zeros(start: &[u8], length: u64) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xc4, 17 << 3];
    frame.extend((start.len() as u64 + length).to_le_bytes());
    frame.extend(&((start.len() as u32) << 3).to_le_bytes()[..3]);
    frame.extend(start);
    let mut left = length;
    while left > 0 {
        let block = left.min(128 << 10);
        left -= block;
        let head = u32::from(left == 0) | 1 << 1 | (block as u32) << 3;
        frame.extend(&head.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame.extend([0; 4]);
    frame
}

/// A tar header of a plain file.
fn header(name: &str, size: u64) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    let size = format!("{size:011o}\0");
    let parts: [(usize, &[u8]); 8] = [
        (0, name.as_bytes()),
        (100, b"0000644\x000000000\x000000000\0"),
        (124, size.as_bytes()),
        (136, b"00000000000\0"),
        (148, b"        "),
        (156, b"0"),
        (257, b"ustar\x0000"),
        (329, b"0000000\x000000000\0"),
    ];
    for (at, part) in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
    }
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes
}

#[test]
fn bombs_take_neither_memory_nor_time() {
    let (space, store) = project();
    let text = |bytes: u64| {
        let text = format!(
            "rekindle pack 1\nversion 0.1.0\nblobs 1\nbytes {bytes}\nsets 1\nnotes 0\nresults 0\nbuilds 0\n"
        );
        let mut member = header("rekindle-pack", text.len() as u64);
        member.extend(text.as_bytes());
        member.resize(1024, 0);
        member
    };
    // The bytes behind a frame's size let a bomb be as large as the ratio allows.
    let large = 900 << 20;
    let padded = |mut frame: Vec<u8>| {
        frame.resize(frame.len().max(1 << 20), 0);
        frame
    };
    let bombs = [
        ("as a text", padded(zeros(&header("rekindle-pack", large), large))),
        ("as an index", padded(zeros(&[text(15), header("index", large)].concat(), large))),
        (
            "as a chunk",
            padded(zeros(
                &[text(15), header("index", large), (72u64 << 20).to_le_bytes().to_vec()].concat(),
                large,
            )),
        ),
        (
            "as blobs",
            padded(zeros(&[text(large), header("index", 0), header("blobs", large)].concat(), large)),
        ),
        ("of 10 GB", padded(zeros(&text(10 << 30), 10 << 30))),
        ("as a window", [&[0x28, 0xb5, 0x2f, 0xfd, 0x84, 0xf8][..], &[0xff; 1000]].concat()),
    ];
    space.write("main.c", "int main(void) { return 0; }\n");
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[command.a]\nargv = [\"cp\", \"{in}\", \"{out}\"]\ninputs = [\"main.c\"]\noutputs = [\"a\"]\n");
    space.build(&[]).ok();
    let mut said = String::new();
    for (what, bomb) in bombs {
        space.write("bomb", &bomb);
        let outside = || {
            let mut tree = Tree::of(space.base());
            tree.retain(|path| !path.starts_with("store"));
            tree
        };
        let (before, stored) = (outside(), things(&store));
        let start = Instant::now();
        let command = format!("ulimit -v 500000; exec {} cache import bomb", env!("CARGO_BIN_EXE_rekindle"));
        let output = Command::new("/bin/sh")
            .args(["-c", &command])
            .current_dir(space.root())
            .env_clear()
            .env("REKINDLE_STORE", &store)
            .output()
            .unwrap();
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: {:?}", start.elapsed());
        assert_eq!(output.status.code(), Some(2), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(outside().difference(&before), "", "{what}");
        assert_eq!(things(&store).difference(&stored), "", "{what}");
        assert_eq!(fs::read_dir(store.join("v2/tmp")).unwrap().count(), 0, "{what}");
        let first = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_string();
        said += &format!("{what}: {}\n", space.redact(&first));
    }
    insta::assert_snapshot!(said, @"
    as a text: rekindle: [SPACE]/project/bomb is no pack that can be used: its member `rekindle-pack` is longer than it can be
    as an index: rekindle: [SPACE]/project/bomb is no pack that can be used: its blobs are not as they should be: a part of the index makes no sense
    as a chunk: rekindle: [SPACE]/project/bomb is no pack that can be used: its blobs are not as they should be: a part of the index makes no sense
    as blobs: rekindle: [SPACE]/project/bomb is no pack that can be used: its blobs are not as they should be: the index ends before them
    of 10 GB: rekindle: [SPACE]/project/bomb is no pack that can be used: it says that it holds more than a pack of its size can
    as a window: rekindle: [SPACE]/project/bomb is no pack that can be used: to unpack it takes more memory than a pack may ask for
    ");
}

/// The real projects, if somebody has fetched them.
fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus").join(name)
}

#[test]
fn a_pack_of_the_last_build_is_no_larger_than_1_2_times_tar_zstd_of_the_objects() {
    let (lua, zstd) = (corpus("lua"), corpus("zstd"));
    let has_both =
        require_path(&lua, "the corpus of cargo xtask corpus") && require_path(&zstd, "the corpus");
    if !has_both || !["gcc", "g++", "tar", "zstd"].iter().all(|tool| require(tool)) {
        return;
    }
    for from in [lua, zstd] {
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        fs::remove_dir(space.root()).unwrap();
        copy_tree(&from, &space.root());
        space.remove_if_there(".rekindle");
        let store = space.base().join("store");
        space.use_store(&store);
        space.build(&[]).ok();
        let pack = fs::metadata(export(&space, &[])).unwrap().len();
        let outputs = space.outputs();
        let objects: Vec<&Path> =
            outputs.paths().filter(|path| path.extension().is_some_and(|end| end == "o")).collect();
        assert!(objects.len() > 25, "{}", objects.len());
        let archive = space.base().join("objects.tar.zst");
        let packed = Command::new("tar")
            .arg("--zstd")
            .arg("-cf")
            .arg(&archive)
            .arg("-C")
            .arg(space.build_dir())
            .args(objects)
            .status()
            .unwrap();
        assert!(packed.success());
        let objects = fs::metadata(&archive).unwrap().len();
        assert!(
            pack * 10 <= objects * 12,
            "{}: a pack of {pack} bytes, objects of {objects}",
            from.display()
        );
    }
}
