//! `bench archives`: a program of many modules that links archives made by other build tools. Who starts these tools in
//! every build, who goes by times, who builds it in Rust alone, and what the decision costs that goes by content.

mod contender;
mod project;
mod promises;
mod recipe;
mod rounds;
mod rows;
mod steps;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::chart::{Chart, Unit};
use super::machine::{self, Tool};
use super::options::{Compiler, Options};
use super::session::{self, Session};
use super::stats;
use contender::{Cargo, Contender};
use project::{LINES, Project, VENDORED};
use promises::{Chains, Promise};
use rounds::Rounds;
use rows::Row;
use steps::{ALL, Step};

/// How many modules there are, and how often the steps are measured.
struct Plan {
    modules: usize,
    no_op: usize,
    edits: usize,
    elsewhere: usize,
}

/// Modules of the project whose programs are counted beside those of the large one.
const FEW: usize = 10;

/// Runs the scenario.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    if let Some(unknown) =
        options.only.iter().find(|only| !ALL.iter().any(|step| step.name() == only.as_str()))
    {
        let steps: Vec<&str> = ALL.iter().map(|step| step.name()).collect();
        return Err(format!("bench: there is no step {unknown}; there are {}", steps.join(", ")));
    }
    if options.compiler == Some(Compiler::Standin) {
        return Err(
            "bench: archives runs what it builds, and what the stand-in makes does not run".to_owned()
        );
    }
    let session = Session::open(root, options)?;
    let strace = machine::on_path("strace");
    let cargo = Cargo::find()?;
    let plan = plan(options);
    let size = format!("{} modules", stats::count(plan.modules as u64));
    eprintln!("bench: {size}");
    let contenders = contender::all(&session, &cargo, &session.scratch)?;
    let rows = measure(&session, contenders.clone(), &size, &plan, strace.clone(), options)?;
    let mut promises = Vec::new();
    if let Some(strace) = &strace {
        promises = promises::all(&rows, Some(Chains::count(strace, &session.scratch)?));
        promises.extend(few(&session, &contenders, &rows, strace, options)?);
    } else {
        promises.extend(promises::all(&rows, None));
    }
    let mut report = session.report("archives", TITLE, chart(&rows, &size));
    report.tools.extend([session::gcc(), Tool::ask("cargo", &cargo.program)]);
    for name in ["make", "strace"] {
        report.tools.extend(machine::on_path(name).map(|path| Tool::ask(name, &path)));
    }
    report.notes = notes(plan.modules, strace.is_some());
    report.tables.extend(Some(promises::table(&promises)).filter(|table| !table.rows.is_empty()));
    report.tables.push(rows::table(&rows, &size));
    report.data = json!({ "builds": rows::json(&rows), "promises": promises::json(&promises) });
    report.failed = rows.iter().flat_map(Row::failures).collect();
    report.finish(root, options)
}

const TITLE: &str = "Archives of other build tools: ninja, make, cargo and rekindle";

fn plan(options: &Options) -> Plan {
    let modules = options.units.unwrap_or(if options.quick { 12 } else { 1_000 });
    let (no_op, edits, elsewhere) = if options.quick { (1, 1, 1) } else { (11, 7, 3) };
    Plan {
        modules,
        no_op: options.runs.unwrap_or(no_op),
        edits: options.runs.unwrap_or(edits),
        elsewhere: options.cold_runs.unwrap_or(elsewhere),
    }
}

/// Every step that is wanted.
fn measure(
    session: &Session,
    contenders: Vec<Contender>,
    size: &str,
    plan: &Plan,
    strace: Option<PathBuf>,
    options: &Options,
) -> Result<Vec<Row>, String> {
    let (project, ninjas) = (Project { modules: plan.modules }, session.ninja_names());
    let mut rounds = Rounds::begin(project, size.to_owned(), contenders, ninjas, strace, &session.scratch)?;
    let mut rows = Vec::new();
    for step in ALL.into_iter().filter(|step| options.wants(step.name())) {
        eprintln!("bench:   {}", step.name());
        let runs = match step {
            Step::NoOp => plan.no_op,
            Step::Elsewhere => plan.elsewhere,
            _ => plan.edits,
        };
        rows.extend(rounds.step(step, runs)?);
    }
    rounds.end()?;
    Ok(rows)
}

/// rekindle with few modules, under strace alone: neither a no-op nor an edit may start more with more of them.
fn few(
    session: &Session,
    contenders: &[Contender],
    rows: &[Row],
    strace: &Path,
    options: &Options,
) -> Result<Vec<Promise>, String> {
    let rekindle: Vec<Contender> = contenders.iter().filter(|one| one.is_rekindle()).cloned().collect();
    let steps = [Step::NoOp, Step::EditOne].into_iter().filter(|step| options.wants(step.name()));
    if rekindle.is_empty() || steps.clone().count() == 0 {
        return Ok(Vec::new());
    }
    let size = format!("{FEW} modules");
    eprintln!("bench: {size}, programs alone");
    let (project, strace) = (Project { modules: FEW }, Some(strace.to_path_buf()));
    let mut rounds = Rounds::begin(project, size, rekindle, session.ninja_names(), strace, &session.scratch)?;
    let mut small = Vec::new();
    for step in steps {
        small.extend(rounds.step(step, 0)?);
    }
    rounds.end()?;
    Ok(promises::at_other_size(&small, rows))
}

fn chart(rows: &[Row], size: &str) -> Chart {
    Chart {
        title: TITLE.to_owned(),
        subtitle: format!(
            "{size}, wall clock time, median; whiskers from the fastest to the slowest run; × as a multiple of the first bar"
        ),
        unit: Unit::Milliseconds,
        panels: rows::panels(rows, size),
        small: Vec::new(),
    }
}

fn notes(modules: usize, traced: bool) -> Vec<String> {
    let mut notes = vec![
        format!(
            "{} C modules of {LINES} lines, a `main` that calls all and prints a checksum, a static library in Rust that cargo \
             builds for release (no dependencies, the standard library in it), and one of {} C files that make builds. `-O2`. Everybody has a copy of \
             the tree: the other tools build in it. Edits are made in all copies at once, and each is one that nobody has built yet.",
            stats::count(modules as u64),
            VENDORED + 1,
        ),
        "`ninja, archives never built` links archives that somebody built before, and asks nobody whether they are right: it is the floor, \
         and takes no part where they change. `ninja, other tools always run` and `make` start cargo and make in every build \
         and link only if an archive got another time. rekindle has its store, as a person has."
            .to_owned(),
        format!(
            "cargo builds the same program in Rust alone, for `dev`, where its edits are fastest: all modules in one crate, and {} crates of up \
             to 50 modules; the archives are two crates more. cargo is called where it lies in its toolchain, by ninja and make too: a proxy would cost \
             them a process more. rekindle finds it as it is on `PATH`, and follows the proxy itself.",
            Project { modules }.parts()
        ),
        "`A-B-A` is the build after an edit was built and undone. `restored elsewhere` is the build in another directory whose sources were \
         written a moment ago, from what was carried there: everything that an engine ever made, with its times, and of \
         rekindle the store alone, without what belongs to one machine."
            .to_owned(),
        "CPU is user and system time of all processes. **Own CPU** is that of the one process that was started, with all its threads \
         and none of its children: before it is waited for, when it has ended, its clock is read (`clock_getcpuclockid`), which \
         counts in nanoseconds. For rekindle the rest of the CPU time is what compilers, linkers and other tools took, so \
         its own is what it costs to decide, to hash, and to store; a child counts from the moment it is forked. make and ninja start a shell for \
         a command, which is not in their own."
            .to_owned(),
        "Each build was checked: what ran, by kind, against what the step needs, and the program's checksum against the one \
         that a model of the program gives for the edits that are made."
            .to_owned(),
    ];
    notes.push(if traced {
        "Programs and system calls were counted by `strace -c -f` in one more build after such an edit, which is not timed. A program is an \
         `execve` that did not fail; the engine itself is one."
            .to_owned()
    } else {
        "Not installed, so programs and system calls are not counted: strace.".to_owned()
    });
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_does_not_exist_is_named_and_the_stand_in_is_refused() {
        let refused =
            |words: &[&str]| run(Path::new("/nowhere"), &Options::parse(words).unwrap()).unwrap_err();
        let error = refused(&["--only", "cold"]);
        assert!(error.contains("no step cold; there are no-op, edit one module"), "{error}");
        assert!(refused(&["--compiler", "standin"]).contains("does not run"));
    }

    #[test]
    fn the_size_and_the_runs_may_be_asked_for() {
        let of = |words: &[&str]| {
            let plan = plan(&Options::parse(words).unwrap());
            (plan.modules, plan.no_op, plan.edits, plan.elsewhere)
        };
        assert_eq!(of(&[]), (1_000, 11, 7, 3));
        assert_eq!(of(&["--quick"]), (12, 1, 1, 1));
        assert_eq!(of(&["--units", "300", "--runs", "5", "--cold-runs", "2"]), (300, 5, 5, 2));
    }
}
