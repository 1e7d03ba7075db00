//! The project's chores, one verb a file: `cargo xtask tidy`, `corpus`, `bench`. Depends on no workspace crate.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore reports to the person who ran it")]

mod bench;
mod corpus;
mod tidy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy
           check the rules of the house: crate arrows, budgets, banned words, links
       cargo xtask bench noop [--units N] [--headers N] [--runs K] [--json FILE] [--rekindle PATH | --ninja-only]
           measure no-op builds of a made-up project against ninja
       cargo xtask corpus
           obtain real projects, pinned by checksum, in target/corpus
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["tidy"] => tidy::run(&workspace()),
        ["corpus"] => corpus::run(&workspace()),
        ["bench", rest @ ..] => bench::run(&workspace(), rest),
        // Started by `bench` for each run that it measures.
        ["measure", ..] => bench::measure(&arguments[1..]),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace: the parent of this package's.
fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
