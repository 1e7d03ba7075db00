//! Many builds at once with one store.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rekindle_testkit::{Built, Running, Space, Tree};

use crate::kit::{Random, notices, project};

const WORKSPACES: u64 = 5;
const BUILDS: usize = 4;
const STATES: u64 = 4;

fn write_state(space: &Space, state: u64) {
    space.write(
        "include/util.h",
        format!(
            "#define BASE {}\nint one(void);\nint two(void);\nconst char *words(void);\n",
            40 + state % 2
        ),
    );
    space.write("words.txt", format!("state {state}\n"));
}

/// What a build without a store gives in each state; it is the same in every workspace.
fn clean() -> Vec<Tree> {
    let space = project();
    (0..STATES)
        .map(|state| {
            write_state(&space, state);
            space.remove_if_there(".rekindle");
            space.build(&[]).ok();
            space.outputs()
        })
        .collect()
}

/// Twenty builds of five workspaces at once, several times, while `meanwhile` is run again and again.
#[track_caller]
fn crowd(seed: u64, meanwhile: &[&[&str]]) -> Vec<Built> {
    let (clean, shared) = (clean(), Space::new(env!("CARGO_BIN_EXE_rekindle")));
    let spaces: Vec<Space> = (0..WORKSPACES)
        .map(|_| {
            let mut space = project();
            space.use_store(&shared.path("store"));
            space
        })
        .collect();
    let mut keeper = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    keeper.use_store(&shared.path("store"));
    let mut random = Random(seed);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for words in meanwhile {
            let (done, keeper) = (&done, &keeper);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    keeper.run(words).at_once().done().ok();
                }
            });
        }
        let mut all = Vec::new();
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..4 {
                all.extend(round_of(&spaces, &clean, &mut random, round));
            }
        }));
        done.store(true, Ordering::Relaxed);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
        all
    })
}

fn round_of(spaces: &[Space], clean: &[Tree], random: &mut Random, round: u32) -> Vec<Built> {
    let states: Vec<u64> = spaces
        .iter()
        .map(|space| {
            let state = random.below(STATES);
            write_state(space, state);
            if random.below(2) == 0 {
                space.remove_if_there(".rekindle");
            }
            state
        })
        .collect();
    let running: Vec<Running> = (0..BUILDS)
        .flat_map(|_| {
            spaces.iter().map(|space| space.run(&["build", "--format", "json", "-v"]).at_once().start())
        })
        .collect();
    let built: Vec<Built> = running.into_iter().map(Running::wait).collect();
    for built in &built {
        built.ok();
    }
    for (space, state) in spaces.iter().zip(&states) {
        let difference = space.outputs().difference(&clean[*state as usize]);
        assert!(
            difference.is_empty(),
            "round {round}, state {state}: unlike a clean build (the second):\n{difference}"
        );
        space.build(&[]).ok().assert_work("-");
    }
    built
}

#[test]
fn twenty_builds_of_five_workspaces_share_one_store() {
    let built = crowd(7, &[]);
    let sum = |count: fn(&Built) -> u64| built.iter().map(count).sum::<u64>();
    assert!(sum(|built| built.summary().restored.total()) > 0, "they shared something");
    for built in &built {
        assert_eq!(notices(built), 0, "{}", built.story());
    }
}

#[test]
fn twenty_builds_go_on_while_the_store_is_verified_and_trimmed_below_them() {
    let built = crowd(8, &[&["cache", "trim", "--max-size", "30kB"], &["cache", "verify"]]);
    for built in &built {
        assert!(!built.stderr.contains("damaged"), "{}", built.story());
    }
}
