//! `bench memory`: the most memory that an engine held, at three sizes. The stand-in compiles, which is smaller than
//! any engine, so that the largest process is the engine.

use std::path::Path;

use super::chart::{Bar, Chart, Group, Panel, Unit};
use super::options::{Compiler, Options};
use super::rows::Row;
use super::session::{self, Session};
use super::stats;
use super::steps::Step;
use super::turns::Turns;

const STEPS: [Step; 3] = [Step::Cold, Step::NoOp, Step::TouchAll];

/// Runs the scenario.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let session = Session::open(root, options)?;
    let sizes = match options.units {
        Some(units) => vec![units],
        None if options.quick => vec![60, 200],
        None => vec![1_000, 10_000, 100_000],
    };
    let mut rows = Vec::new();
    for units in &sizes {
        let size = session::size_name(*units, Compiler::Standin);
        eprintln!("bench: {size}");
        let tree = session.tree(*units, Compiler::Standin)?;
        let turns = Turns { tree: &tree, size: &size, scratch: &session.scratch };
        let engines = session.contenders(&tree.place);
        for step in STEPS {
            eprintln!("bench:   {}", step.name());
            rows.extend(match step {
                Step::Cold => turns.cold(step.name(), &engines, options.cold_runs.unwrap_or(1))?,
                Step::TouchAll => turns.step(step, &engines, options.cold_runs.unwrap_or(1))?,
                _ => turns.step(step, &engines, options.runs.unwrap_or(5))?,
            });
        }
        session.close(&tree)?;
    }
    let title = "Peak memory: ninja and rekindle";
    let chart = Chart {
        title: title.to_owned(),
        subtitle: "largest resident set, median; × as a multiple of the first bar".to_owned(),
        unit: Unit::Mebibytes,
        panels: STEPS.iter().map(|step| panel(&rows, *step)).collect(),
        small: Vec::new(),
    };
    let mut report = session.report("memory", title, chart);
    report.notes = vec![
        "Peak memory is the largest resident set of any one process, as the kernel counts it (`ru_maxrss`); the \
         compiler is a stand-in of about 1 MiB. What a memory map shows of a file counts as resident while it is in use. No figure can be below the measuring \
         process's, about 3 MiB."
            .to_owned(),
    ];
    session::fill(&mut report, &rows);
    report.finish(root, options)
}

/// A group for each size.
fn panel(rows: &[Row], step: Step) -> Panel {
    let mut groups: Vec<Group> = Vec::new();
    let mut first = 0.0;
    for row in rows.iter().filter(|row| row.step == step.name()) {
        let label = row.size.split(',').take(row.size.matches(',').count()).collect::<Vec<_>>().join(",");
        if groups.last().is_none_or(|group| group.label != label) {
            groups.push(Group { label, bars: Vec::new() });
            first = 0.0;
        }
        let value = row.memory();
        let note = stats::ratio(value.median, first).map(|part| format!("×{}", stats::part(part)));
        if first == 0.0 {
            first = value.median;
        }
        if let Some(group) = groups.last_mut() {
            group.bars.push(Bar { series: row.engine.clone(), value, note: note.unwrap_or_default() });
        }
    }
    Panel { title: step.name().to_owned(), groups }
}
