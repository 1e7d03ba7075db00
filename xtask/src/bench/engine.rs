//! `bench engine`: cold builds, builds with nothing to do, and builds after the edits that people make, at three sizes.

use std::path::Path;

use super::chart::{Chart, Unit};
use super::engines::Engine;
use super::options::{Compiler, Options};
use super::rows::{self, Row};
use super::session::{self, Session};
use super::steps::{ALL, Step};
use super::turns::Turns;

/// What is measured at one size, and how often.
struct Plan {
    units: usize,
    compiler: Compiler,
    /// Steps that take long: cold, touch everything.
    long: usize,
    short: usize,
    /// Cold builds with a store and on a terminal too.
    variants: bool,
}

/// The steps `cold` with a store, and on a terminal.
const LIVE: &str = "cold, live";

/// Runs the scenario.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    measure_as("engine", "A build engine's work: ninja and rekindle in turns", root, options)
}

/// The part of it that was a scenario of its own: no-op and touch everything, 10,000 units.
pub(crate) fn run_noop(root: &Path, options: &Options) -> Result<(), String> {
    let only = ["no-op", "touch everything"].map(str::to_owned).to_vec();
    let options = Options { units: options.units.or(Some(10_000)), only, ..options.clone() };
    measure_as("noop", "Nothing to do: ninja and rekindle in turns", root, &options)
}

fn measure_as(name: &'static str, title: &str, root: &Path, options: &Options) -> Result<(), String> {
    if let Some(unknown) = options
        .only
        .iter()
        .find(|only| only.as_str() != LIVE && !ALL.iter().any(|step| step.name() == only.as_str()))
    {
        let steps: Vec<&str> = ALL.iter().map(|step| step.name()).chain([LIVE]).collect();
        return Err(format!("bench: there is no step {unknown}; there are {}", steps.join(", ")));
    }
    let session = Session::open(root, options)?;
    let (mut rows, mut notes, mut gcc) = (Vec::new(), notes(), false);
    for plan in plans(options) {
        let size = session::size_name(plan.units, plan.compiler);
        eprintln!("bench: {size}");
        let tree = session.tree(plan.units, plan.compiler)?;
        notes.push(format!("{size}: {}.", tree.describe()));
        let turns = Turns { tree: &tree, size: &size, scratch: &session.scratch };
        rows.extend(all_steps(&session, &turns, &plan, options)?);
        session.close(&tree)?;
        gcc |= plan.compiler == Compiler::Gcc;
    }
    let chart = Chart {
        title: title.to_owned(),
        subtitle: "wall clock time, median; whiskers from the fastest to the slowest run; × as a multiple of the first bar"
            .to_owned(),
        unit: Unit::Milliseconds,
        panels: rows::panels(&rows, Row::wall),
        small: Vec::new(),
    };
    let mut report = session.report(name, title, chart);
    report.tools.extend(gcc.then(session::gcc));
    report.notes = notes;
    session::fill(&mut report, &rows);
    report.finish(root, options)
}

/// The sizes and how often each step is measured at them.
fn plans(options: &Options) -> Vec<Plan> {
    let sizes = match options.units {
        Some(units) => vec![units],
        None if options.quick => vec![60],
        None => vec![1_000, 10_000, 100_000],
    };
    let plan = |units: usize| {
        let standin = options.quick || units > 1_000;
        let (long, short) = match units {
            _ if options.quick => (1, 2),
            0..=1_000 => (5, 11),
            1_001..=10_000 => (3, 11),
            _ => (1, 5),
        };
        Plan {
            units,
            compiler: options.compiler.unwrap_or(if standin { Compiler::Standin } else { Compiler::Gcc }),
            long: options.cold_runs.unwrap_or(long),
            short: options.runs.unwrap_or(short),
            variants: units <= 10_000,
        }
    };
    sizes.into_iter().map(plan).collect()
}

fn all_steps(
    session: &Session,
    turns: &Turns<'_>,
    plan: &Plan,
    options: &Options,
) -> Result<Vec<Row>, String> {
    let place = &turns.tree.place;
    let engines = session.contenders(place);
    let mut rows = Vec::new();
    for step in ALL.into_iter().filter(|step| options.wants(step.name())) {
        eprintln!("bench:   {}", step.name());
        rows.extend(match step {
            Step::Cold => {
                let mut engines = engines.clone();
                if let Some(rekindle) = session.rekindle.as_ref().filter(|_| plan.variants) {
                    let store = session.scratch.join("store");
                    let engine =
                        Engine::rekindle("rekindle, with store", &rekindle.path, place, Some(&store));
                    engines.push(engine);
                }
                turns.cold(step.name(), &engines, plan.long)?
            }
            Step::TouchAll => turns.step(step, &engines, plan.long)?,
            _ => turns.step(step, &engines, plan.short)?,
        });
    }
    if options.wants(LIVE) && plan.variants {
        rows.extend(live(session, turns, plan.long)?);
    }
    Ok(rows)
}

/// The same cold build with its output shown in three ways.
fn live(session: &Session, turns: &Turns<'_>, runs: usize) -> Result<Vec<Row>, String> {
    let Some(rekindle) = &session.rekindle else { return Ok(Vec::new()) };
    eprintln!("bench:   {LIVE}");
    let shown = |name: &str, format: &str, terminal: bool| {
        Engine::shown(name, &rekindle.path, &turns.tree.place, format, terminal)
    };
    let engines = [
        shown("rekindle, plain to a file", "plain", false),
        shown("rekindle, plain to a terminal", "plain", true),
        shown("rekindle, live on a terminal", "fancy", true),
    ];
    turns.cold(LIVE, &engines, runs)
}

fn notes() -> Vec<String> {
    [
        "All engines build the same tree, each into a folder of its own, in turns; in each round another one begins. \
         `-O2`, as many commands at once as there are cores. rekindle has no store unless the row says so, as ninja has none.",
        "An edit is seen by all engines in its round, is another one in each round, and is taken back afterwards; then \
         all build, untimed, until there is nothing to do. `revert` is the build after an edit was built and undone.",
        "CPU is user and system time of the engine and all its commands. Peak memory is that of the largest single \
         process: where gcc runs, that is gcc.",
        "Each run was checked against the commands that its step needs, by kind: rekindle must run the ones that other \
         content needs, ninja the ones that other times need. A row where that failed says so.",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_size_has_a_real_compiler_and_quick_ones_have_none() {
        let plans = |words: &[&str]| plans(&Options::parse(words).unwrap());
        let sizes: Vec<(usize, Compiler)> =
            plans(&[]).iter().map(|plan| (plan.units, plan.compiler)).collect();
        assert_eq!(
            sizes,
            [(1_000, Compiler::Gcc), (10_000, Compiler::Standin), (100_000, Compiler::Standin)]
        );
        assert_eq!(plans(&["--quick"])[0].compiler, Compiler::Standin);
        let one = plans(&["--units", "500", "--compiler", "standin", "--runs", "3"]);
        assert_eq!((one.len(), one[0].compiler, one[0].short), (1, Compiler::Standin, 3));
    }

    #[test]
    fn a_step_that_does_not_exist_is_named() {
        let options = Options::parse(&["--only", "noop"]).unwrap();
        let error = run(Path::new("/nowhere"), &options).unwrap_err();
        assert!(error.contains("no step noop; there are cold, no-op"), "{error}");
    }
}
