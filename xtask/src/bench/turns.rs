//! Engines build the same tree in turns, so that the machine's moods meet them all, and each run is held against what
//! it must have done.

use std::path::Path;
use std::time::Duration;

use super::engines::{Engine, Family, Said};
use super::measure;
use super::rows::{Row, Sample};
use super::steps::{self, Step, Tree};

/// How often an engine may build until it finds nothing to do.
const SETTLING: usize = 4;

/// A tree and who builds it.
pub(crate) struct Turns<'a> {
    /// What is built.
    pub(crate) tree: &'a Tree,
    /// Its size, as rows name it.
    pub(crate) size: &'a str,
    /// Where the figures of a run pass through.
    pub(crate) scratch: &'a Path,
}

impl Turns<'_> {
    /// Cold builds; whatever an engine leaves is deleted before each of them.
    pub(crate) fn cold(&self, name: &str, engines: &[Engine], runs: usize) -> Result<Vec<Row>, String> {
        let mut rows = self.rows(name, engines);
        for round in 0..runs {
            for at in order(engines.len(), round) {
                for place in &engines[at].leaves {
                    steps::remove(place)?;
                }
                // What earlier builds wrote should not be on its way to the disk while this one is timed.
                sync()?;
                let said = self.measured(&engines[at], &mut rows[at])?;
                self.check(Step::Cold, &engines[at], &said, &mut rows[at]);
            }
        }
        Ok(rows)
    }

    /// Any other step. All engines see the same edit, in an order that goes round; afterwards it is taken back and all
    /// of them build, untimed, until there is nothing to do.
    pub(crate) fn step(&self, step: Step, engines: &[Engine], runs: usize) -> Result<Vec<Row>, String> {
        let mut rows = self.rows(step.name(), engines);
        self.settle(engines)?;
        for round in 0..runs {
            self.tree.apply(step, round)?;
            steps::pause();
            if step == Step::Revert {
                for engine in engines {
                    measure::run(&engine.line, self.scratch)?;
                }
                self.tree.restore(step, round)?;
                steps::pause();
            }
            for at in order(engines.len(), round) {
                let said = self.measured(&engines[at], &mut rows[at])?;
                self.check(step, &engines[at], &said, &mut rows[at]);
            }
            if step != Step::Revert {
                self.tree.restore(step, round)?;
                steps::pause();
            }
            self.settle(engines)?;
        }
        Ok(rows)
    }

    fn rows(&self, step: &str, engines: &[Engine]) -> Vec<Row> {
        engines.iter().map(|engine| Row::new(self.size, step, &engine.name)).collect()
    }

    fn measured(&self, engine: &Engine, row: &mut Row) -> Result<Said, String> {
        let run = measure::run(&engine.line, self.scratch)?;
        let said = engine.said(&run)?;
        row.samples.push(Sample::new(&run, said));
        // The line is drawn a few times a second, so a build of a moment may have ended before it was.
        let is_long = run.wall > Duration::from_secs(2);
        if engine.name.contains("live") && is_long && !run.output.contains('\u{1b}') {
            row.fail("it showed nothing live".to_owned());
        }
        Ok(said)
    }

    /// Holds a run against what the step needs.
    fn check(&self, step: Step, engine: &Engine, said: &Said, row: &mut Row) {
        let expected = self.tree.expected(step, engine.family);
        if engine.family == Family::Plain {
            if said.ran.all() != expected.all() {
                row.fail(format!("ran {} commands, needed are {}", said.ran.all(), expected.all()));
            }
            return;
        }
        if said.ran != expected {
            row.fail(format!("ran {}; needed are {expected}", said.ran));
        }
        // Probes of the toolchain come on top in a cold build.
        let processes = said.processes.unwrap_or(expected.all());
        if processes < expected.all() || (step != Step::Cold && processes > expected.all()) {
            row.fail(format!("started {processes} processes for {} commands", expected.all()));
        }
    }

    /// Untimed builds until nothing is to be done.
    pub(crate) fn settle(&self, engines: &[Engine]) -> Result<(), String> {
        for engine in engines {
            let mut left = SETTLING;
            loop {
                let run = measure::run(&engine.line, self.scratch)?;
                if engine.said(&run)?.ran.all() == 0 {
                    break;
                }
                left -= 1;
                if left == 0 {
                    return Err(format!(
                        "{}: {SETTLING} builds in a row all found something to do",
                        engine.name
                    ));
                }
            }
        }
        sync()
    }
}

/// Who comes when: another one begins each round.
pub(crate) fn order(engines: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..engines).map(move |at| (at + round) % engines)
}

/// Lets the disk have all that was written.
pub(crate) fn sync() -> Result<(), String> {
    measure::command("sync").status().map(drop).map_err(|error| format!("sync: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_turn_each_round_and_another_one_begins() {
        let rounds: Vec<Vec<usize>> = (0..3).map(|round| order(3, round).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
    }
}
