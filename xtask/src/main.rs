//! The project's chores, one verb a file: `cargo xtask tidy`, `corpus`, `peers`, `bench`, `dist`, `fuzz`. Depends
//! on no workspace crate.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a chore reports to the person who ran it")]

mod bench;
mod corpus;
mod dist;
mod fuzz;
mod peers;
mod tidy;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy
           check the rules of the house: crate arrows, budgets, banned words, links
       cargo xtask corpus
           obtain real projects, pinned by checksum, in target/corpus
       cargo xtask peers [--without NAME]... [--peer NAME=PATH]... [--jobs N] [--list]
           install what rekindle is measured against, where registries carry it, and tell the versions
       cargo xtask dist [--binary PATH] [--out DIR]
           build a static binary and pack it with completions, manual pages and licences, into target/dist
       cargo xtask bench SCENARIO [OPTION...]
           measure rekindle against others, in turns in one run; table, JSON and chart go to target/bench
           engine    cold, no-op, touched, edited: 1,000 units with gcc, 10,000 and 100,000 with a stand-in
           noop      of engine: no-op and touch everything at 10,000 units
           hits      a warm hit per unit, against ccache, sccache, kache and a bare cp
           memory    peak memory of cold, no-op and touch everything at three sizes
           syscalls  system calls of a no-op, counted by strace
           ci        what a second runner does with what a first one saved, against ninja, ccache, sccache
           archives  archives that cargo and make build are linked: no-op, edited, undone, restored
           --units N          one size           --compiler gcc|standin   for it (hits: N of C, a quarter of C++;
                              archives: N modules)
           --corpus NAME      of ci: one project of the corpus
           --runs N           of short steps     --cold-runs N            of long ones
           --only STEP        of engine or archives, or CASE of ci, again and again
           --quick            tiny, to see that all works     --large   syscalls at 100,000 units too
           --save             results go to docs/bench        --out DIR results go there
           --rekindle PATH    this one instead of building it --peers-only  without rekindle
           --peer NAME=PATH   another ninja, ccache, sccache or kache; any other NAME reads ninja's files
       cargo xtask fuzz [TARGET]... [--seconds N] [--keep] [--list]
           give the readers of files what nobody wrote on purpose, for 60 s each (docs/fuzzing.md)
           --seconds N        for so long            --list   only name the targets
           --keep             put what reaches more into the corpora
";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["tidy"] => tidy::run(&workspace()),
        ["corpus"] => corpus::run(&workspace()),
        ["dist", rest @ ..] => dist::run(&workspace(), rest),
        ["fuzz", rest @ ..] => fuzz::run(&workspace(), rest),
        ["peers", rest @ ..] => peers::run(&workspace(), rest),
        ["bench", rest @ ..] => bench::run(&workspace(), rest),
        // Started by `bench` for each run that it measures.
        ["measure", ..] => bench::measure(&arguments[1..]),
        ["each", ..] => bench::each(&arguments[1..]),
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
