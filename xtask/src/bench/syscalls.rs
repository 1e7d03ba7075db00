//! `bench syscalls`: the system calls of a build with nothing to do. They must grow as the files do.

use std::path::Path;

use serde_json::{Value, json};

use super::chart::{Bar, Chart, Group, Panel, Unit};
use super::machine::{self, Tool};
use super::options::{Compiler, Options};
use super::report::Table;
use super::session::{self, Session};
use super::stats::{self, Spread};
use super::strace;
use super::turns::Turns;

/// What one engine did at one size.
struct Counted {
    size: String,
    engine: String,
    files: usize,
    counted: strace::Counted,
    failed: Option<String>,
}

/// Kinds of calls that are told by name.
const TOP: usize = 10;

/// Runs the scenario.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let strace = machine::on_path("strace").ok_or("there is no strace: `cargo xtask peers` installs it")?;
    let session = Session::open(root, options)?;
    let mut sizes = match options.units {
        Some(units) => vec![units],
        None if options.quick => vec![60, 200],
        None => vec![1_000, 10_000],
    };
    sizes.extend(options.large.then_some(100_000));
    let mut found = Vec::new();
    for units in sizes {
        found.extend(at_size(&session, &strace, units)?);
    }
    let title = "System calls of a build with nothing to do: ninja and rekindle";
    let chart = Chart {
        title: title.to_owned(),
        subtitle: "counted by strace over all threads; behind the dot: calls a file".to_owned(),
        unit: Unit::Count,
        panels: panels(&found),
        small: Vec::new(),
    };
    let mut report = session.report("syscalls", title, chart);
    report.tools.push(Tool::ask("strace", &strace));
    report.notes = vec![
        "`strace -c -f` of one build with nothing to do, the stand-in's objects; files are sources, headers, objects, \
         archives and the program. `execve` counts the engine itself: 1 is no process besides it."
            .to_owned(),
    ];
    report.tables =
        std::iter::once(totals(&found)).chain(sizes_of(&found).map(|size| by_name(&found, size))).collect();
    report.data = Value::Array(found.iter().map(data).collect());
    report.failed = found.iter().filter_map(|one| one.failed.clone()).collect();
    report.finish(root, options)
}

fn at_size(session: &Session, strace: &Path, units: usize) -> Result<Vec<Counted>, String> {
    let size = session::size_name(units, Compiler::Standin);
    eprintln!("bench: {size}");
    let tree = session.tree(units, Compiler::Standin)?;
    let engines = session.contenders(&tree.place);
    let turns = Turns { tree: &tree, size: &size, scratch: &session.scratch };
    // Builds all, and then once more than is needed.
    turns.settle(&engines)?;
    turns.settle(&engines)?;
    let mut found = Vec::new();
    for engine in &engines {
        let (counted, run) = strace::count(strace, &engine.line, &session.scratch)?;
        let ran = engine.said(&run)?.ran.all();
        let processes = counted.programs;
        let failed = (ran > 0 || processes > 1).then(|| {
            format!(
                "{size}, {}: {ran} commands and {processes} programs ran in a build with nothing to do",
                engine.name
            )
        });
        found.push(Counted {
            size: size.clone(),
            engine: engine.name.clone(),
            files: tree.project.files(),
            counted,
            failed,
        });
    }
    session.close(&tree)?;
    Ok(found)
}

fn per_file(one: &Counted) -> f64 {
    strace::total(&one.counted.calls) as f64 / one.files as f64
}

fn totals(found: &[Counted]) -> Table {
    let head = ["size", "engine", "files", "calls", "calls a file", "execve"];
    let row = |one: &Counted| {
        let size =
            if one.failed.is_some() { format!("**FAILED CHECK** {}", one.size) } else { one.size.clone() };
        vec![
            size,
            one.engine.clone(),
            stats::count(one.files as u64),
            stats::count(strace::total(&one.counted.calls)),
            stats::figure(per_file(one)),
            stats::count(one.counted.programs),
        ]
    };
    Table {
        title: "In all".to_owned(),
        head: head.iter().map(|word| (*word).to_owned()).collect(),
        rows: found.iter().map(row).collect(),
    }
}

fn sizes_of(found: &[Counted]) -> impl Iterator<Item = &str> {
    let mut sizes: Vec<&str> = found.iter().map(|one| one.size.as_str()).collect();
    sizes.dedup();
    sizes.into_iter()
}

/// The most frequent calls of each engine, side by side.
fn by_name(found: &[Counted], size: &str) -> Table {
    let engines: Vec<&Counted> = found.iter().filter(|one| one.size == size).collect();
    let lists: Vec<Vec<(&str, u64)>> =
        engines.iter().map(|one| strace::top(&one.counted.calls, TOP)).collect();
    let cell = |list: &Vec<(&str, u64)>, at: usize| {
        list.get(at).map_or_else(String::new, |(name, count)| format!("{name} {}", stats::count(*count)))
    };
    Table {
        title: format!("The most frequent, {size}"),
        head: engines.iter().map(|one| one.engine.clone()).collect(),
        rows: (0..TOP).map(|at| lists.iter().map(|list| cell(list, at)).collect()).collect(),
    }
}

fn panels(found: &[Counted]) -> Vec<Panel> {
    let bar = |one: &Counted| {
        let value = Spread::of([strace::total(&one.counted.calls) as f64]);
        Bar { series: one.engine.clone(), value, note: format!("{} a file", stats::figure(per_file(one))) }
    };
    let group = |size: &str| Group {
        label: size.split(" units").next().unwrap_or_default().to_owned() + " units",
        bars: found.iter().filter(|one| one.size == size).map(bar).collect(),
    };
    vec![Panel { title: "No-op, all calls".to_owned(), groups: sizes_of(found).map(group).collect() }]
}

fn data(one: &Counted) -> Value {
    json!({
        "size": one.size,
        "step": "no-op",
        "engine": one.engine,
        "files": one.files,
        "calls": strace::total(&one.counted.calls),
        "calls_per_file": per_file(one),
        "processes": one.counted.programs,
        "by_name": one.counted.calls,
        "failed_checks": one.failed,
    })
}
