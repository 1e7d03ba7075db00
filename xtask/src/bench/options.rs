//! What the command line of `bench` asks for.

use std::path::PathBuf;

/// The options, the same for every scenario; one that a scenario has no use for changes nothing in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// One size instead of the scenario's own.
    pub(crate) units: Option<usize>,
    /// One project of the corpus instead.
    pub(crate) corpus: Option<String>,
    /// Which compiler the units are built with; by default the machine's gcc up to 1,000 units.
    pub(crate) compiler: Option<Compiler>,
    /// How often a short step is measured.
    pub(crate) runs: Option<usize>,
    /// How often a cold build is measured.
    pub(crate) cold_runs: Option<usize>,
    /// Tiny sizes, to see that everything works.
    pub(crate) quick: bool,
    /// The largest size too, where it is left out otherwise.
    pub(crate) large: bool,
    /// These steps alone; empty: all.
    pub(crate) only: Vec<String>,
    /// Whether the results are kept in `docs/bench`.
    pub(crate) save: bool,
    /// Where the results go instead.
    pub(crate) out: Option<PathBuf>,
    /// Which rekindle.
    pub(crate) rekindle: Engine,
    /// Programs that are named on the command line.
    pub(crate) peers: Vec<(String, PathBuf)>,
}

/// Which rekindle is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The one of this tree, built for release first.
    Build,
    /// This one.
    At(PathBuf),
    /// None: the peers alone.
    Without,
}

/// What compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compiler {
    /// The machine's gcc.
    Gcc,
    /// `xtask/standin/standin.c`.
    Standin,
}

impl Compiler {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Compiler::Gcc => "gcc",
            Compiler::Standin => "stand-in compiler",
        }
    }
}

impl Options {
    /// Reads the words behind the scenario's name.
    pub(crate) fn parse(words: &[&str]) -> Result<Options, String> {
        let mut options = Options {
            units: None,
            corpus: None,
            compiler: None,
            runs: None,
            cold_runs: None,
            quick: false,
            large: false,
            only: Vec::new(),
            save: false,
            out: None,
            rekindle: Engine::Build,
            peers: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--quick" => options.quick = true,
                "--large" => options.large = true,
                "--save" => options.save = true,
                "--peers-only" => options.rekindle = Engine::Without,
                "--units" | "--corpus" | "--compiler" | "--runs" | "--cold-runs" | "--only" | "--out"
                | "--rekindle" | "--peer" => {
                    let value = words.next().ok_or_else(|| format!("bench: {word} needs a value"))?;
                    options.set(word, value)?;
                }
                _ => return Err(format!("bench: there is no option {word}")),
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "--units" => self.units = Some(number(value)?),
            "--corpus" => self.corpus = Some(value.to_owned()),
            "--runs" => self.runs = Some(number(value)?),
            "--cold-runs" => self.cold_runs = Some(number(value)?),
            "--only" => self.only.push(value.to_owned()),
            "--out" => self.out = Some(PathBuf::from(value)),
            "--rekindle" => self.rekindle = Engine::At(PathBuf::from(value)),
            "--peer" => self.peers.push(peer(value)?),
            _ => {
                self.compiler = Some(match value {
                    "gcc" => Compiler::Gcc,
                    "standin" => Compiler::Standin,
                    _ => return Err(format!("bench: {value} is no compiler; there are gcc and standin")),
                });
            }
        }
        Ok(())
    }

    /// Whether a step is wanted.
    pub(crate) fn wants(&self, step: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == step)
    }
}

/// `NAME=PATH`.
pub(crate) fn peer(word: &str) -> Result<(String, PathBuf), String> {
    match word.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(path)))
        }
        _ => Err(format!("{word}: a peer is NAME=PATH")),
    }
}

fn number(word: &str) -> Result<usize, String> {
    match word.replace(['_', ','], "").parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("bench: {word} is not a number over 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let words =
            ["--units", "1_000", "--rekindle", "/x/rekindle", "--only", "no-op", "--compiler", "standin"];
        let options = Options::parse(&words).unwrap();
        assert_eq!((options.units, options.compiler), (Some(1000), Some(Compiler::Standin)));
        assert_eq!(options.rekindle, Engine::At(PathBuf::from("/x/rekindle")));
        assert!(options.wants("no-op") && !options.wants("cold"));
        assert_eq!(Options::parse(&["--peers-only"]).unwrap().rekindle, Engine::Without);
        let refused = |words: &[&str]| Options::parse(words).unwrap_err();
        assert_eq!(refused(&["--units", "0"]), "bench: 0 is not a number over 0");
        assert_eq!(refused(&["--runs"]), "bench: --runs needs a value");
        assert_eq!(refused(&["--fast"]), "bench: there is no option --fast");
        assert_eq!(refused(&["--compiler", "tcc"]), "bench: tcc is no compiler; there are gcc and standin");
    }

    #[test]
    fn a_peer_has_a_name_and_a_path() {
        assert_eq!(peer("n2=/x/n2"), Ok(("n2".to_owned(), PathBuf::from("/x/n2"))));
        assert_eq!(peer("n2").unwrap_err(), "n2: a peer is NAME=PATH");
        assert_eq!(peer("=x").unwrap_err(), "=x: a peer is NAME=PATH");
    }
}
