//! Builds that are killed, interrupted, or two at once; and builds that do nothing, many times.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::time::{Duration, Instant};

use rekindle_testkit::{Space, Tree};

/// A generator of numbers that are the same in every run (Steele, Lea, Flood: SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

const MANIFEST: &str = "[project]
name = \"p\"

[command.words]
argv = [\"sh\", \"-c\", \"sed 's/.*/int word = &;/' $0 > $1\", \"{in}\", \"{out}\"]
inputs = [\"word.txt\"]
outputs = [\"word.c\"]

[library.util]
sources = [\"util/*.c\"]
include = [\"include\"]

[executable.app]
sources = [\"src/*.c\", \"command:words\"]
deps = [\"util\"]
";

/// A project of seven actions whose content depends on `state`.
fn write_state(space: &Space, state: u64) {
    space.write("rekindle.toml", MANIFEST);
    space.write("include/base.h", format!("#define BASE {}\n", state % 3));
    space.write("word.txt", format!("{state}\n"));
    space.write("util/one.c", "#include \"base.h\"\nint one(void) { return BASE; }\n");
    space.write("util/two.c", format!("int two(void) {{ return {}; }}\n", state / 2));
    let main = "#include <stdio.h>\nint one(void), two(void);\nextern int word;\n\
                int main(void) { printf(\"%d %d %d\\n\", one(), two(), word); return 0; }\n";
    space.write("src/main.c", format!("{main}/* {} */\n", state % 2));
    if state.is_multiple_of(2) {
        space.write("util/three.c", "#include \"base.h\"\nint three(void) { return 3 + BASE; }\n");
    } else {
        space.remove_if_there("util/three.c");
    }
}

#[test]
fn killed_at_fifty_moments_the_next_build_equals_a_clean_one() {
    const STATES: u64 = 5;
    let mut random = Random(29);
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    let mut longest = Duration::ZERO;
    let clean: Vec<Tree> = (0..STATES)
        .map(|state| {
            write_state(&space, state);
            space.remove_if_there(".rekindle");
            let start = Instant::now();
            space.build(&["-j2"]).ok();
            longest = longest.max(start.elapsed());
            space.outputs()
        })
        .collect();
    assert!(clean.windows(2).all(|pair| pair[0] != pair[1]), "the states differ");
    for round in 0..50 {
        let killed = random.below(STATES);
        // Some start from nothing, most from what is there.
        if random.below(5) == 0 {
            space.remove_if_there(".rekindle");
        }
        write_state(&space, killed);
        let mut running = space.start_build(&["-j2"]);
        let moment = Duration::from_micros(random.below(longest.as_micros() as u64 + 1));
        std::thread::sleep(moment);
        running.kill();
        let state = if random.below(2) == 0 { killed } else { random.below(STATES) };
        write_state(&space, state);
        let built = space.build(&["-j2"]);
        built.ok();
        let difference = space.outputs().difference(&clean[state as usize]);
        assert!(
            difference.is_empty(),
            "round {round}: killed after {moment:?} in state {killed}, built in state {state}; unlike a clean build \
             (the second):\n{difference}{}",
            built.story()
        );
        space.build(&["-j2"]).ok().assert_work("-");
    }
}

/// Removes the build directory, into which commands of a build that was killed may still write for a moment.
fn remove_when_commands_have_ended(space: &Space) {
    let place = space.path(".rekindle");
    let patience = Instant::now();
    while let Err(error) = std::fs::remove_dir_all(&place) {
        match error.kind() {
            std::io::ErrorKind::NotFound if !place.exists() => return,
            std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::NotFound => {}
            other => panic!("remove {}: {other}", place.display()),
        }
        assert!(patience.elapsed() < Duration::from_secs(30), "somebody goes on writing");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn killed_at_twenty_five_moments_a_store_gives_nothing_wrong() {
    const STATES: u64 = 5;
    let mut random = Random(31);
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    let store = space.base().join("store");
    let mut longest = Duration::ZERO;
    let clean: Vec<Tree> = (0..STATES)
        .map(|state| {
            write_state(&space, state);
            space.remove_if_there(".rekindle");
            let start = Instant::now();
            space.build(&["-j2"]).ok();
            longest = longest.max(start.elapsed());
            space.outputs()
        })
        .collect();
    space.use_store(&store);
    for round in 0..25 {
        // Some begin with an empty store, most with what is there, killed writers' leavings included.
        if random.below(5) == 0 && store.is_dir() {
            std::fs::remove_dir_all(&store).unwrap();
        }
        let state = random.below(STATES);
        write_state(&space, state);
        space.remove_if_there(".rekindle");
        let mut running = space.start_build(&["-j2"]);
        let moment = Duration::from_micros(random.below(longest.as_micros() as u64 + 1));
        std::thread::sleep(moment);
        running.kill();
        // A clean directory, so that all comes from the store that can; and once more.
        for again in [false, true] {
            remove_when_commands_have_ended(&space);
            let built = space.build(&["-j2"]);
            built.ok();
            let story =
                || format!("round {round}: killed after {moment:?} in state {state}\n{}", built.story());
            let difference = space.outputs().difference(&clean[state as usize]);
            assert!(difference.is_empty(), "unlike a clean build (the second):\n{difference}{}", story());
            assert!(!built.stderr.contains("damaged"), "a writer that dies leaves nothing half\n{}", story());
            let summary = built.summary();
            assert!(!again || summary.ran.total() + summary.processes() == 0, "{}", story());
        }
    }
    let left = space.run(&["cache", "verify"]).done();
    left.ok();
}

/// A project with a unit that takes the compiler about half a second.
fn slow() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"*.c\"]\n");
    space.write("main.c", "int slow1(int);\nint main(void) { return slow1(0); }\n");
    write_slow(&space, 1);
    space
}

fn write_slow(space: &Space, answer: u32) {
    let mut text = String::new();
    for number in 1..1500 {
        text.push_str(&format!("int slow{number}(int a) {{ return a * {number} + a / {answer}; }}\n"));
    }
    space.write("slow.c", text);
}

#[test]
fn of_two_builds_at_once_one_waits_and_says_for_whom() {
    let space = slow();
    let mut first = space.start_build(&[]);
    first.until_runs(&["slow.c"]);
    let holder = first.id().to_string();
    let mut second = space.start_build(&[]);
    second.until_says(&holder);
    let (first, second) = (first.wait(), second.wait());
    first.ok().assert_kinds("2c 1l", "-");
    second.ok().assert_work("-");
    space.assert_like_clean(&[]);
}

#[test]
fn builds_of_two_profiles_do_not_wait_for_each_other() {
    let space = slow();
    let mut first = space.start_build(&[]);
    first.until_runs(&["slow.c"]);
    let mut second = space.start_build(&["--profile", "release"]);
    second.until_runs(&["slow.c"]);
    first.wait().ok();
    second.wait().ok();
}

#[test]
fn a_build_waits_for_the_commands_that_a_killed_one_left() {
    let space = slow();
    space.build(&[]).ok();
    write_slow(&space, 2);
    let mut first = space.start_build(&[]);
    first.until_runs(&["slow.c"]);
    first.kill();
    write_slow(&space, 3);
    space.build(&[]).ok().assert_work("1c 1l");
    space.assert_like_clean(&[]);
}

#[test]
fn what_a_killed_command_wrote_goes_when_nobody_makes_it_any_more() {
    // A header that was generated, but never vouched for, hides one that lies there.
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    let header = |name: &str, wait: &str| {
        format!(
            "[command.{name}]\nargv = [\"sh\", \"-c\", \"echo '#define LEVEL 2' > $0{wait}\", \"{{out}}\"]\n\
             outputs = [\"{name}.h\"]\n"
        )
    };
    let manifest = |deps: &str| {
        format!(
            "[project]\nname = \"p\"\n[library.level-of-old]\ninclude = [\"include\"]\n[executable.app]\n\
             sources = [\"main.c\"]\ndeps = [\"other\", {deps} \"level-of-old\"]\n{}",
            header("other", "")
        )
    };
    space.write("include/level.h", "#define LEVEL 1\n");
    space.write("main.c", "#include \"level.h\"\nint main(void) { return LEVEL; }\n");
    space.write("rekindle.toml", manifest("\"level\",") + &header("level", "; exec sleep 30"));
    let mut running = space.start_build(&[]);
    let command = running.until_runs(&["sleep 30"]);
    while std::fs::read(format!("/proc/{command}/comm")).is_ok_and(|name| name != b"sleep\n") {
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill();
    let pid = rustix::process::Pid::from_raw(i32::try_from(command).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    space.write("rekindle.toml", manifest(""));
    space.build(&[]).ok();
    assert_eq!(space.execute(&space.output("app"), &[]).status.code(), Some(1));
    space.assert_like_clean(&[]);
}

#[test]
fn what_a_failed_command_wrote_is_not_left_lying() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write(
        "rekindle.toml",
        "[project]\nname = \"p\"\n[command.header]\nargv = [\"sh\", \"-c\", \"echo 1 > $0; exit 3\", \"{out}\"]\n\
         outputs = [\"level.h\"]\n",
    );
    space.build(&[]).exits(1);
    assert!(!space.outputs().paths().any(|path| path.ends_with("level.h")));
}

#[test]
fn interrupted_it_ends_its_children_and_gives_130() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let space = slow();
        let mut running = space.start_build(&[]);
        running.until_runs(&["slow.c"]);
        let children = running.descendants();
        running.signal(signal);
        let interrupted = running.wait();
        interrupted.exits(130);
        assert_eq!(interrupted.summary().outcome, "interrupted");
        for (id, line) in children {
            let alive =
                std::fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|now| !now.is_empty());
            assert!(!alive, "{id} still runs: {line}");
        }
        assert!(!space.outputs().paths().any(|path| path.ends_with("app")), "nothing half done is there");
        space.build(&[]).ok();
        space.assert_like_clean(&[]);
    }
}

#[test]
fn what_an_interrupted_command_wrote_is_not_left_lying() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.write(
            "rekindle.toml",
            "[project]\nname = \"p\"\n[command.half]\nargv = [\"sh\", \"half.sh\", \"{out:0}\", \"{out:1}\"]\n\
             outputs = [\"half.h\", \"other.h\"]\n",
        );
        // The second output is there whole, the first half; `reached` says so.
        space.write("half.sh", "echo 1 > $2; echo half > $1; : > reached; exec sleep 30\n");
        let mut running = space.start_build(&[]);
        running.until_exists(&space.path("reached"));
        assert!(space.outputs().paths().any(|path| path.ends_with("half.h")), "it has written");
        running.signal(signal);
        running.wait().exits(130);
        let rest = space.outputs();
        assert!(rest.is_empty(), "left by {signal:?}: {:?}", rest.paths().collect::<Vec<_>>());
        // And where there was a good one before, that is there again.
        space.write("half.sh", "echo good > $1; echo good > $2\n");
        space.build(&[]).ok().assert_work("1x");
        let good = space.outputs();
        space.remove("reached");
        space.write("half.sh", "echo 1 > $2; echo half > $1; : > reached; exec sleep 30\n");
        let mut running = space.start_build(&[]);
        running.until_exists(&space.path("reached"));
        running.signal(signal);
        running.wait().exits(130);
        assert_eq!(good.difference(&space.outputs()), "", "{signal:?}");
    }
}

#[test]
fn interrupted_twice_it_ends_all_the_same() {
    let space = slow();
    let mut running = space.start_build(&[]);
    running.until_runs(&["slow.c"]);
    running.interrupt();
    running.interrupt();
    running.wait().exits(130);
}

#[test]
fn edits_faster_than_the_clock_of_the_file_system_are_seen() {
    // Same size, no wait: only the guard against times that are too young tells these apart.
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\n");
    space.write("main.c", "#include \"main.h\"\nint main(void) { return A + B; }\n");
    for round in 10..40 {
        space.write("main.h", format!("#define A {round}\n#define B 10\n"));
        space.build_at_once(&[]).ok();
        let code = space.execute(&space.output("app"), &[]).status.code();
        assert_eq!(code, Some(round + 10));
        // While nothing but the time has passed, and with the time of before.
        let before = space.mtime("main.h");
        space.write("main.h", format!("#define A {round}\n#define B 20\n"));
        space.set_mtime("main.h", before);
        space.build_at_once(&[]).ok();
        let code = space.execute(&space.output("app"), &[]).status.code();
        assert_eq!(code, Some(round + 20));
    }
}

#[test]
fn the_tenth_build_that_does_nothing_costs_no_more_than_the_second() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    write_state(&space, 0);
    space.build(&[]).ok();
    let costs: Vec<_> = (0..10)
        .map(|_| {
            let built = space.build(&[]);
            let summary = built.ok().assert_work("-").summary();
            assert_eq!(summary.processes(), 0);
            let journal = std::fs::metadata(space.build_dir().join("debug/journal")).unwrap().len();
            (summary.number(&["files", "signed"]), summary.number(&["files", "hashed"]), journal)
        })
        .collect();
    assert!(costs[1..].iter().all(|cost| *cost == costs[1]), "signed, hashed, bytes of journal: {costs:?}");
    assert_eq!(costs[1].1, 0, "nothing is read twice");
}

#[test]
fn a_project_built_again_and_again_keeps_its_journal_small() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    write_state(&space, 0);
    space.build(&[]).ok();
    let length = || std::fs::metadata(space.build_dir().join("debug/journal")).unwrap().len();
    let before = length();
    for state in 0..20 {
        write_state(&space, state % 5);
        space.build(&[]).ok();
    }
    assert!(length() < before * 4 + (1 << 20), "{before} bytes became {}", length());
}
