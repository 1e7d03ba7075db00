//! `bench noop`: how long an engine needs to find out that nothing is to be done. Ninja and rekindle build the same
//! project in the same tree, in turns, so that the machine's moods meet both.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::measure::{self, Line};
use super::project::{Project, Size};
use super::recipes::{self, Tools};
use super::report::{self, Row};
use super::{Engine, Options, machine, standin};

/// A build engine and how it is called.
struct Contender {
    name: &'static str,
    line: Line,
    /// How many processes a run started, from its standard output.
    processes: fn(&str) -> Result<u64, String>,
}

/// Makes the project, measures and reports.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let rekindle = binary(root, &options.rekindle)?;
    let bench = root.join("target/bench");
    let place = bench.join(format!("noop-{}-{}", options.units, options.headers));
    let project = prepare(root, &bench, &place, options)?;
    println!("{}", describe(&project));
    let machine = machine::describe(root, rekindle.as_deref());
    println!("{}\n", machine::line(&machine));
    let rows = measure_all(&contenders(&place, rekindle.as_deref()), &place, &bench, options.runs)?;
    println!("{}", report::table(&rows));
    let path = options.json.clone().unwrap_or_else(|| bench.join("noop.json"));
    let kept = json!({ "machine": machine, "project": shape(&project), "rows": report::json(&rows) });
    let text = serde_json::to_string_pretty(&kept).map_err(|error| error.to_string())?;
    fs::write(&path, text + "\n").map_err(|error| format!("write {}: {error}", path.display()))?;
    println!("every run: {}", path.display());
    Ok(())
}

/// A fresh project with both recipes.
fn prepare(root: &Path, bench: &Path, place: &Path, options: &Options) -> Result<Project, String> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("remove {}: {error}", place.display()));
        }
        _ => {}
    }
    let standin = standin::build(root, &bench.join("standin"))?;
    let project = Project::new(Size { units: options.units, headers: options.headers });
    project.write(place)?;
    recipes::write(place, &project, &Tools { cc: &standin.cc, ar: &standin.ar })?;
    Ok(project)
}

/// All scenarios, in order; within each the contenders take turns.
fn measure_all(
    contenders: &[Contender],
    place: &Path,
    bench: &Path,
    runs: usize,
) -> Result<Vec<Row>, String> {
    // A cold build writes to disk; let that be over before anything else is timed.
    let settle = || Command::new("sync").status().map(drop).map_err(|error| format!("sync: {error}"));
    let mut rows = scenario("cold", contenders, bench, 1, &settle)?;
    warm_up(contenders, bench, &settle)?;
    rows.extend(scenario("no-op", contenders, bench, runs, &|| Ok(()))?);
    let touched = runs.div_ceil(3);
    rows.extend(scenario("touch everything", contenders, bench, touched, &|| {
        touch(&place.join("src"))?;
        touch(&place.join("include"))
    })?);
    warm_up(contenders, bench, &settle)?;
    rows.extend(scenario("no-op again", contenders, bench, runs, &|| Ok(()))?);
    Ok(rows)
}

fn scenario(
    name: &'static str,
    contenders: &[Contender],
    scratch: &Path,
    runs: usize,
    before: &dyn Fn() -> Result<(), String>,
) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = contenders
        .iter()
        .map(|contender| Row {
            scenario: name,
            engine: contender.name,
            runs: Vec::new(),
            processes: Vec::new(),
        })
        .collect();
    for _ in 0..runs {
        for (row, contender) in rows.iter_mut().zip(contenders) {
            before()?;
            let run = measure::run(&contender.line, scratch)?;
            row.processes.push((contender.processes)(&run.output)?);
            row.runs.push(run);
        }
    }
    Ok(rows)
}

/// Two runs of each that nobody counts.
fn warm_up(
    contenders: &[Contender],
    scratch: &Path,
    before: &dyn Fn() -> Result<(), String>,
) -> Result<(), String> {
    before()?;
    for contender in contenders.iter().chain(contenders) {
        measure::run(&contender.line, scratch)?;
    }
    Ok(())
}

fn contenders(place: &Path, rekindle: Option<&Path>) -> Vec<Contender> {
    let line = |words: &[&str], program: OsString| Line {
        words: std::iter::once(program).chain(words.iter().map(OsString::from)).collect(),
        directory: place.to_path_buf(),
    };
    let mut contenders =
        vec![Contender { name: "ninja", line: line(&[], "ninja".into()), processes: ninja_processes }];
    if let Some(rekindle) = rekindle {
        let words = ["build", "--profile", "release", "--no-store", "--format", "json"];
        contenders.push(Contender {
            name: "rekindle",
            line: line(&words, rekindle.into()),
            processes: rekindle_processes,
        });
    }
    contenders
}

/// Ninja counts its commands on its status lines: `[7/9] ...`.
fn ninja_processes(output: &str) -> Result<u64, String> {
    let last = output.lines().rev().find_map(|line| line.strip_prefix('[')?.split_once('/'));
    match last {
        Some((done, _)) => done.parse().map_err(|_| format!("ninja's status line: {done}")),
        None => Ok(0),
    }
}

/// rekindle says so in its summary.
fn rekindle_processes(output: &str) -> Result<u64, String> {
    let last = output.lines().last().unwrap_or_default();
    let summary: Value =
        serde_json::from_str(last).map_err(|error| format!("rekindle's summary: {error}"))?;
    summary["processes_spawned"].as_u64().ok_or_else(|| "rekindle's summary: no processes_spawned".to_owned())
}

/// Gives every file under a folder the present time, as a fresh checkout does.
fn touch(folder: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: std::io::Error| format!("touch {}: {error}", path.display());
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let path = entry.map_err(|error| failed(folder, error))?.path();
        if path.is_dir() {
            touch(&path)?;
        } else {
            let file = File::options().write(true).open(&path).map_err(|error| failed(&path, error))?;
            file.set_modified(SystemTime::now()).map_err(|error| failed(&path, error))?;
        }
    }
    Ok(())
}

/// The folder that cargo builds into.
fn target_directory(root: &Path) -> Result<PathBuf, String> {
    let metadata = crate::tidy::metadata(root)?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata: no target_directory")?;
    Ok(PathBuf::from(target))
}

/// The rekindle to measure.
fn binary(root: &Path, engine: &Engine) -> Result<Option<PathBuf>, String> {
    match engine {
        Engine::Without => Ok(None),
        Engine::At(path) => {
            let found = fs::canonicalize(path).map_err(|error| format!("find {}: {error}", path.display()));
            found.map(Some)
        }
        Engine::Build => {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut command = Command::new(cargo);
            command.args(["build", "--release", "--quiet", "--package", "rekindle-cli"]).current_dir(root);
            let status = command.status().map_err(|error| format!("start cargo: {error}"))?;
            if !status.success() {
                return Err(format!("cargo build ended with {status}"));
            }
            Ok(Some(target_directory(root)?.join("release/rekindle")))
        }
    }
}

fn shape(project: &Project) -> Value {
    json!({
        "units": project.size().units,
        "headers": project.size().headers,
        "archives": project.archives(),
        "header_reads": project.reads(),
        "headers_per_unit": average(project),
    })
}

fn describe(project: &Project) -> String {
    format!(
        "{} units, {} headers, {} archives; {:.1} headers a unit, {} (unit, header) pairs",
        project.size().units,
        project.size().headers,
        project.archives(),
        average(project),
        project.reads()
    )
}

fn average(project: &Project) -> f64 {
    project.reads() as f64 / project.size().units as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_from_what_the_engines_say() {
        assert_eq!(ninja_processes("[1/3] a\n[2/3] b\n[3/3] c\n"), Ok(3));
        assert_eq!(ninja_processes("ninja: no work to do.\n"), Ok(0));
        let output = "{\"event\":\"started\"}\n{\"event\":\"summary\",\"processes_spawned\":4}\n";
        assert_eq!(rekindle_processes(output), Ok(4));
        assert!(rekindle_processes("").is_err());
    }

    #[test]
    fn touching_changes_the_time_and_not_the_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        let path = folder.path().join("a/b.c");
        fs::write(&path, "int a;\n").unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        touch(folder.path()).unwrap();
        assert!(fs::metadata(&path).unwrap().modified().unwrap() > SystemTime::UNIX_EPOCH);
        assert_eq!(fs::read_to_string(&path).unwrap(), "int a;\n");
    }
}
