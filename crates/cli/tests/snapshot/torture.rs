//! Whatever happens to a project between builds, a build from a snapshot does what the whole way does.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use rekindle_testkit::{Space, copy_program};

use crate::kit::{self, Random};
use crate::pair::{Like, Pair};
use crate::project::Flavour;

/// The project's own files that are edited.
const SOURCES: [&str; 8] = [
    "low/one.c",
    "low/two.c",
    "mid/mid.c",
    "mid/warns.c",
    "shr/shr.c",
    "src/main.c",
    "src/more.c",
    "tests/check.c",
];
const HEADERS: [&str; 4] = ["include/base.h", "include/inner/deeper.h", "include/level.h", "shr/shr.h"];

/// What can happen.
const HAPPENINGS: [fn(&mut Pair, &mut Random); 27] = [
    nothing,
    touch,
    touch_all,
    edit_source,
    edit_header,
    edit_command_input,
    comment,
    revert,
    delete_and_recreate,
    shadow,
    rename,
    change_flag,
    damage_output,
    delete_output,
    link_output,
    directory_output,
    change_mode,
    environment,
    unkeyed_environment,
    move_tree,
    copy_tree,
    broken_source,
    killed,
    damaged_snapshot,
    old_snapshot,
    other_target,
    new_source,
];

#[derive(Debug)]
struct Plan {
    seed: u64,
    steps: u32,
    flavour: Flavour,
    store: bool,
}

fn torture(plan: &Plan) {
    let mut random = Random(plan.seed);
    let mut pair = Pair::new(plan.flavour, plan.store);
    pair.story.push(format!("{plan:?}"));
    pair.build(Like::All).ok();
    for step in 0..plan.steps {
        random.pick(&HAPPENINGS)(&mut pair, &mut random);
        while random.below(3) == 0 {
            random.pick(&HAPPENINGS)(&mut pair, &mut random);
        }
        let built = pair.build(Like::All);
        assert_eq!(built.code, 0, "{}\n{}", pair.tale(), built.story());
        if step % 8 == 7 || step + 1 == plan.steps {
            pair.is_like_clean();
        }
    }
}

fn nothing(pair: &mut Pair, _: &mut Random) {
    pair.story.push("nothing".into());
}

fn a_file(random: &mut Random) -> &'static str {
    if random.below(3) == 0 {
        random.pick::<&'static str>(&HEADERS)
    } else {
        random.pick::<&'static str>(&SOURCES)
    }
}

fn touch(pair: &mut Pair, random: &mut Random) {
    let file = a_file(random);
    pair.both(format!("touch {file}"), |space| space.touch(file));
}

fn touch_all(pair: &mut Pair, _: &mut Random) {
    pair.both("touch everything", |space| {
        for file in space.files() {
            space.touch(file);
        }
        let outputs: Vec<_> = kit::products(space).paths().map(Path::to_path_buf).collect();
        for output in outputs {
            let path = space.build_dir().join(output);
            if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()) {
                space.touch(path);
            }
        }
    });
}

/// Appends to a file.
fn append(space: &Space, file: &str, text: &str) {
    let mut content = String::from_utf8(space.read(file)).unwrap();
    content.push_str(text);
    space.write(file, content);
}

fn edit_source(pair: &mut Pair, random: &mut Random) {
    let (file, number) = (*random.pick(&SOURCES), random.below(1_000_000));
    let text = format!("int edit_{number}(void) {{ return {number}; }}\n");
    pair.both(format!("add edit_{number} to {file}"), |space| append(space, file, &text));
}

fn edit_header(pair: &mut Pair, random: &mut Random) {
    let (file, number) = (*random.pick(&HEADERS), random.below(1_000_000));
    let text = format!("static const int head_{number} __attribute__((unused, used)) = {number};\n");
    pair.both(format!("add head_{number} to {file}"), |space| append(space, file, &text));
}

fn edit_command_input(pair: &mut Pair, random: &mut Random) {
    let number = random.below(3);
    pair.both(format!("words.txt is {number}"), |space| space.write("words.txt", format!("{number}\n")));
}

fn comment(pair: &mut Pair, random: &mut Random) {
    let (file, number) = (a_file(random), random.below(1000));
    pair.both(format!("comment {number} in {file}"), |space| {
        append(space, file, &format!("/* {number} */\n"))
    });
}

fn revert(pair: &mut Pair, random: &mut Random) {
    let (file, number) = (a_file(random), random.below(1000));
    let before = pair.kept.read(file);
    let text = format!("static int back_{number} __attribute__((unused, used)) = {number};\n");
    pair.both(format!("add back_{number} to {file}"), |space| append(space, file, &text));
    if random.below(2) == 0 {
        let built = pair.build(Like::All);
        assert_eq!(built.code, 0, "{}", pair.tale());
    }
    pair.both(format!("revert {file}"), |space| space.write(file, &before));
}

fn delete_and_recreate(pair: &mut Pair, random: &mut Random) {
    let file = a_file(random);
    let before = pair.kept.read(file);
    pair.both(format!("delete {file}"), |space| space.remove(file));
    if random.below(2) == 0 {
        pair.build(Like::All);
    }
    pair.both(format!("recreate {file}"), |space| space.write(file, &before));
}

fn shadow(pair: &mut Pair, random: &mut Random) {
    let number = random.below(50);
    match random.below(3) {
        0 => pair.both("no shadow", |space| space.remove_if_there("first/level.h")),
        1 => pair.both(format!("shadow level.h with {number}"), |space| {
            space.write("first/level.h", format!("#define LEVEL {number}\n"));
        }),
        _ => pair.both(format!("shadow inner/deeper.h with {number}"), |space| {
            space.write("first/inner/deeper.h", format!("#define DEEP {number}\n"));
        }),
    }
}

fn rename(pair: &mut Pair, _: &mut Random) {
    let (old, new) = ("src/more.c", "src/fewer.c");
    pair.both("rename src/more.c", |space| space.rename(old, new));
    pair.build(Like::All).ok();
    pair.both("rename it back", |space| space.rename(new, old));
}

fn new_source(pair: &mut Pair, random: &mut Random) {
    let number = random.below(1000);
    pair.both("a new source", |space| {
        space.write("low/new.c", format!("int low_new(void) {{ return {number}; }}\n"));
    });
    if random.below(2) == 0 {
        pair.build(Like::All).ok();
    }
    pair.both("it is gone", |space| space.remove("low/new.c"));
}

fn change_flag(pair: &mut Pair, random: &mut Random) {
    let before = pair.kept.read("rekindle.toml");
    let number = random.below(10);
    pair.both("another flag", |space| {
        append(space, "rekindle.toml", &format!("defines = [\"EXTRA={number}\"]\n"));
    });
    pair.build(Like::All).ok();
    pair.both("the flags of before", |space| space.write("rekindle.toml", &before));
}

/// An output that is a file.
fn an_output(pair: &Pair, random: &mut Random) -> std::path::PathBuf {
    let outputs = pair.outputs();
    let is_file = |path: &&std::path::PathBuf| {
        let path = pair.kept.build_dir().join(path);
        fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
    };
    let files: Vec<_> = outputs.iter().filter(is_file).cloned().collect();
    random.pick(&files).clone()
}

fn damage_output(pair: &mut Pair, random: &mut Random) {
    let output = an_output(pair, random);
    let whole = random.below(2) == 0;
    pair.both(format!("junk in {}", output.display()), |space| {
        let path = space.build_dir().join(&output);
        let mut bytes = fs::read(&path).unwrap();
        if whole {
            bytes = b"junk".to_vec();
        } else {
            let middle = bytes.len() / 2;
            bytes.truncate(middle);
        }
        // A file that is running, or is shared, is not written to.
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    });
}

fn delete_output(pair: &mut Pair, random: &mut Random) {
    let output = an_output(pair, random);
    pair.both(format!("delete {}", output.display()), |space| space.remove(space.build_dir().join(&output)));
}

/// A link is taken for the file behind it, as long as that is the right one.
fn link_output(pair: &mut Pair, random: &mut Random) {
    let output = an_output(pair, random);
    pair.both(format!("link to a copy of {}", output.display()), |space| {
        let (path, copy) = (space.build_dir().join(&output), space.path(".rekindle/copy"));
        let _ = fs::remove_file(&copy);
        copy_program(&path, &copy);
        fs::remove_file(&path).unwrap();
        let up: std::path::PathBuf = std::iter::repeat_n("..", output.components().count()).collect();
        symlink(up.join("copy"), &path).unwrap();
    });
    pair.build(Like::All).ok();
    if random.below(2) == 0 {
        pair.both("another file behind it", |space| space.write(".rekindle/copy", "other"));
        pair.build(Like::All).ok();
    }
    pair.both("delete the link", |space| space.remove_if_there(space.build_dir().join(&output)));
}

fn directory_output(pair: &mut Pair, random: &mut Random) {
    let output = an_output(pair, random);
    pair.both(format!("a directory in the place of {}", output.display()), |space| {
        let path = space.build_dir().join(&output);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
    });
    pair.build(Like::All);
    pair.both("the directory is gone", |space| {
        let path = space.build_dir().join(&output);
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
    });
}

fn change_mode(pair: &mut Pair, random: &mut Random) {
    let mode = *random.pick(&[0o644, 0o755, 0o600, 0o700]);
    let path = if random.below(2) == 0 {
        Path::new(a_file(random)).to_path_buf()
    } else {
        Path::new(".rekindle/build").join(an_output(pair, random))
    };
    pair.both(format!("chmod {mode:o} {}", path.display()), |space| {
        fs::set_permissions(space.path(&path), fs::Permissions::from_mode(mode)).unwrap();
    });
}

/// A variable that counts, for one build, and back.
fn environment(pair: &mut Pair, random: &mut Random) {
    let (name, value) = *random.pick(&[("CPATH", "first"), ("TASTE", "sour"), ("GCC_COLORS", "")]);
    let back = (name == "TASTE").then_some("sweet");
    pair.both(format!("{name}={value}"), |space| space.set_env(name, value));
    // A proof may have outlived a stamp.
    pair.build(Like::Products).ok();
    pair.both(format!("{name} as before"), |space| match back {
        Some(value) => space.set_env(name, value),
        None => space.unset_env(name),
    });
    pair.build(Like::Products).ok();
    pair.align();
}

fn unkeyed_environment(pair: &mut Pair, random: &mut Random) {
    match random.below(3) {
        0 => pair.both("another HOME", |space| {
            let home = space.base().join("tmp/home");
            fs::create_dir_all(&home).unwrap();
            space.set_env("HOME", home);
        }),
        1 => pair.both("an empty directory before others on PATH", |space| {
            let empty = space.base().join("tmp/empty");
            fs::create_dir_all(&empty).unwrap();
            space.put_on_path(&empty);
        }),
        _ => pair.both("PS1", |space| space.set_env("PS1", "$ ")),
    }
}

fn move_tree(pair: &mut Pair, random: &mut Random) {
    let place = format!("moved/to/{}", random.below(3));
    if pair.kept.root().ends_with(&place) {
        return;
    }
    pair.both(format!("move to {place}"), |space| space.move_project(&place));
}

fn copy_tree(pair: &mut Pair, _: &mut Random) {
    pair.both("copy everything without times", |space| space.copy_without_times());
}

fn broken_source(pair: &mut Pair, random: &mut Random) {
    let file = a_file(random);
    let before = pair.kept.read(file);
    pair.both(format!("break {file}"), |space| append(space, file, "int broken(void) { return ;;; } }\n"));
    let built = pair.build(Like::All);
    assert_ne!(built.code, 0, "{}", pair.tale());
    match random.below(3) {
        0 => {
            pair.build(Like::All);
        }
        1 => {
            let other = *random.pick(&SOURCES);
            if other != file {
                pair.both(format!("edit {other}, too"), |space| append(space, other, "/* meanwhile */\n"));
                pair.build(Like::All);
            }
        }
        _ => {}
    }
    pair.both(format!("mend {file}"), |space| space.write(file, &before));
}

fn killed(pair: &mut Pair, random: &mut Random) {
    edit_header(pair, random);
    let moment = Duration::from_millis(random.below(400));
    pair.story.push(format!("killed after {moment:?}"));
    kit::forget(&pair.whole);
    for space in [&pair.kept, &pair.whole] {
        let mut running = kit::start(space, &[]);
        std::thread::sleep(moment);
        running.kill();
        // What it started ends by itself.
        std::thread::sleep(Duration::from_millis(300));
    }
    if random.below(3) == 0 {
        edit_source(pair, random);
    }
    // The two were not killed at one moment.
    pair.build(Like::Products).ok();
}

fn damaged_snapshot(pair: &mut Pair, random: &mut Random) {
    for path in kit::all(&pair.kept) {
        let mut bytes = kit::bytes_of(&path);
        let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
        if random.below(2) == 0 {
            bytes[at] ^= 1 << random.below(8);
        } else {
            bytes.truncate(at);
        }
        pair.story.push(format!("damage the snapshot at {at}"));
        fs::write(&path, bytes).unwrap();
    }
    if random.below(2) == 0 {
        edit_source(pair, random);
    }
}

fn old_snapshot(pair: &mut Pair, random: &mut Random) {
    let old: Vec<_> = kit::all(&pair.kept).into_iter().map(|path| (kit::bytes_of(&path), path)).collect();
    match random.below(3) {
        0 => edit_source(pair, random),
        1 => edit_header(pair, random),
        _ => new_source(pair, random),
    };
    pair.build(Like::All).ok();
    pair.story.push("the snapshot of before".into());
    for (bytes, path) in old {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    if random.below(2) == 0 {
        edit_source(pair, random);
    }
}

/// Another request in between.
fn other_target(pair: &mut Pair, random: &mut Random) {
    const REQUESTS: [&[&str]; 4] = [&["low"], &["app"], &["check"], &["--profile", "release"]];
    let args = random.pick::<&[&str]>(&REQUESTS);
    if random.below(2) == 0 {
        edit_header(pair, random);
    }
    pair.story.push(format!("build {args:?}"));
    pair.set_args(args);
    pair.build(Like::All).ok();
    pair.story.push("build everything".into());
    pair.set_args(&[]);
}

const fn flavour(seed: u64) -> Flavour {
    Flavour { debug: seed % 2 == 1, lto: seed % 5 == 2, coverage: seed % 5 == 4 }
}

#[test]
fn twelve_things_happen_and_nobody_can_tell() {
    torture(&Plan { seed: 1, steps: 12, flavour: flavour(1), store: false });
}

#[test]
fn twelve_things_happen_with_a_store_and_nobody_can_tell() {
    torture(&Plan { seed: 2, steps: 12, flavour: flavour(0), store: true });
}

#[test]
#[ignore = "takes half an hour; REKINDLE_TORTURE_SEEDS picks seeds: `100..140`"]
fn many_things_happen_and_nobody_can_tell() {
    let text = std::env::var("REKINDLE_TORTURE_SEEDS").unwrap_or_else(|_| "100..140".into());
    let (first, last) = text.split_once("..").expect("two numbers with two dots between them");
    for seed in first.parse().unwrap()..last.parse().unwrap() {
        torture(&Plan {
            seed,
            steps: 40,
            flavour: flavour(seed),
            store: seed % 3 == 0 && !flavour(seed).coverage,
        });
    }
}
