//! `cargo xtask bench SCENARIO`: figures against other build engines, on a project of our own making.

mod machine;
mod measure;
mod noop;
mod project;
mod random;
mod recipes;
mod report;
mod standin;

use std::path::{Path, PathBuf};

pub(crate) use measure::child as measure;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Options {
    units: usize,
    headers: usize,
    runs: usize,
    json: Option<PathBuf>,
    rekindle: Engine,
}

/// Which rekindle is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Engine {
    /// The one of this tree, built for release first.
    Build,
    /// This one.
    At(PathBuf),
    /// None: ninja alone.
    Without,
}

/// Runs a scenario.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    match words {
        ["noop", rest @ ..] => noop::run(root, &parse(rest)?),
        _ => Err("bench: which scenario? There is `noop`".to_owned()),
    }
}

fn parse(words: &[&str]) -> Result<Options, String> {
    let mut options = Options { units: 10_000, headers: 2_000, runs: 9, json: None, rekindle: Engine::Build };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--ninja-only" {
            options.rekindle = Engine::Without;
            continue;
        }
        if !["--units", "--headers", "--runs", "--json", "--rekindle"].contains(word) {
            return Err(format!("bench: there is no option {word}"));
        }
        let value = words.next().ok_or_else(|| format!("bench: {word} needs a value"))?;
        match *word {
            "--units" => options.units = number(value)?,
            "--headers" => options.headers = number(value)?,
            "--runs" => options.runs = number(value)?,
            "--json" => options.json = Some(PathBuf::from(value)),
            _ => options.rekindle = Engine::At(PathBuf::from(value)),
        }
    }
    Ok(options)
}

fn number(word: &str) -> Result<usize, String> {
    match word.replace('_', "").parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("bench: {word} is not a number over 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let options = parse(&["--units", "1_000", "--rekindle", "/x/rekindle"]).unwrap();
        assert_eq!((options.units, options.headers), (1000, 2000));
        assert_eq!(options.rekindle, Engine::At(PathBuf::from("/x/rekindle")));
        assert_eq!(parse(&["--ninja-only"]).unwrap().rekindle, Engine::Without);
        assert_eq!(parse(&["--units", "0"]).unwrap_err(), "bench: 0 is not a number over 0");
        assert_eq!(parse(&["--runs"]).unwrap_err(), "bench: --runs needs a value");
        assert_eq!(parse(&["--fast"]).unwrap_err(), "bench: there is no option --fast");
    }
}
