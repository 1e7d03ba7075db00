//! `cargo xtask bench SCENARIO`: figures against other build engines and compiler caches, on projects of our own
//! making.

mod archives;
mod caches;
mod chart;
mod ci;
mod engine;
mod engines;
mod hits;
pub(crate) mod machine;
mod measure;
mod memory;
pub(crate) mod options;
mod project;
mod random;
mod recipes;
mod report;
mod rows;
mod session;
mod standin;
mod stats;
mod steps;
mod strace;
mod syscalls;
mod turns;
mod units;

use std::path::Path;

pub(crate) use measure::{child as measure, each};
use options::Options;

/// Runs a scenario.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let Some((scenario, rest)) = words.split_first() else {
        return Err(unknown("none"));
    };
    let run = match *scenario {
        "engine" => engine::run,
        "noop" => engine::run_noop,
        "hits" => hits::run,
        "memory" => memory::run,
        "syscalls" => syscalls::run,
        "ci" => ci::run,
        "archives" => archives::run,
        // Started by `ci` for each run of its floor.
        "read" => return ci::read(rest),
        other => return Err(unknown(other)),
    };
    run(root, &Options::parse(rest)?)
}

fn unknown(scenario: &str) -> String {
    format!("bench: {scenario} is no scenario; there are engine, noop, hits, memory, syscalls, ci, archives")
}
