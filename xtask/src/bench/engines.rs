//! The build engines that are measured: how each is called, what it leaves behind, and what it says it did.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::measure::{Line, Run};
use super::recipes;

/// How many commands of each kind ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Compiles.
    pub(crate) compiles: u64,
    /// Archives.
    pub(crate) archives: u64,
    /// Links.
    pub(crate) links: u64,
    /// Builds of archives by another build tool.
    pub(crate) external: u64,
}

impl Count {
    /// These many of each, and no other build tool.
    pub(crate) fn new(compiles: usize, archives: usize, links: usize) -> Count {
        Count { compiles: compiles as u64, archives: archives as u64, links: links as u64, external: 0 }
    }

    /// And these many builds by another tool.
    pub(crate) fn and_external(self, external: usize) -> Count {
        Count { external: external as u64, ..self }
    }

    /// All of them.
    pub(crate) fn all(self) -> u64 {
        self.compiles + self.archives + self.links + self.external
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{} compiles, {} archives, {} links", self.compiles, self.archives, self.links)?;
        if self.external > 0 { write!(to, ", {} by another tool", self.external) } else { Ok(()) }
    }
}

/// What an engine said it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// The commands that ran.
    pub(crate) ran: Count,
    /// What was put back from a store or from an earlier build.
    pub(crate) restored: u64,
    /// How many processes it started, if it counts them.
    pub(crate) processes: Option<u64>,
}

/// Whose way of speaking an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Reads ninja's build files, decides by modification times.
    Ninja,
    /// rekindle with `--format json`.
    Rekindle,
    /// rekindle for people: it tells only how many commands ran.
    Plain,
    /// cargo, whose commands are crates that it compiles.
    Cargo,
}

/// A build engine and how it is called.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    /// In tables and charts.
    pub(crate) name: String,
    /// Its command line.
    pub(crate) line: Line,
    /// What its output looks like.
    pub(crate) family: Family,
    /// What to delete before a cold build.
    pub(crate) leaves: Vec<PathBuf>,
}

impl Engine {
    /// One that reads ninja's build files.
    pub(crate) fn ninja(name: &str, program: &Path, place: &Path) -> Engine {
        let words = vec![program.into(), "-f".into(), recipes::ninja_file(name).into()];
        Engine {
            name: name.to_owned(),
            line: Line { words, directory: place.to_path_buf(), environment: Vec::new() },
            family: Family::Ninja,
            leaves: vec![place.join(recipes::ninja_out(name))],
        }
    }

    /// rekindle without a store, as ninja has none; with one, its directory goes before a cold build too.
    pub(crate) fn rekindle(name: &str, program: &Path, place: &Path, store: Option<&Path>) -> Engine {
        let mut words: Vec<OsString> = vec![program.into()];
        words.extend(["build", "--profile", "release", "--format", "json"].map(OsString::from));
        let mut leaves = vec![place.join(".rekindle")];
        match store {
            None => words.push("--no-store".into()),
            Some(store) => {
                words.extend([OsString::from("--store"), store.into()]);
                leaves.push(store.to_path_buf());
            }
        }
        Engine {
            name: name.to_owned(),
            line: Line { words, directory: place.to_path_buf(), environment: Vec::new() },
            family: Family::Rekindle,
            leaves,
        }
    }

    /// rekindle as a person sees it, in the given format, on a pseudo terminal or not.
    pub(crate) fn shown(name: &str, program: &Path, place: &Path, format: &str, terminal: bool) -> Engine {
        let command = format!("{} build --profile release --no-store --format {format}", program.display());
        let words = if terminal {
            let shell = format!("stty cols 120 rows 40; exec {command}");
            vec!["script".into(), "-qec".into(), shell.into(), "/dev/null".into()]
        } else {
            command.split(' ').map(OsString::from).collect()
        };
        Engine {
            name: name.to_owned(),
            line: Line { words, directory: place.to_path_buf(), environment: Vec::new() },
            family: Family::Plain,
            leaves: vec![place.join(".rekindle")],
        }
    }

    /// What it did, from what it printed.
    pub(crate) fn said(&self, run: &Run) -> Result<Said, String> {
        match self.family {
            Family::Ninja => Ok(ninja(&run.output)),
            Family::Rekindle => rekindle(&run.output),
            // On a terminal there is no standard error of its own.
            Family::Plain => plain(&[run.output.as_str(), &run.errors].concat()),
            Family::Cargo => Ok(cargo(&run.errors)),
        }
    }
}

/// `[7/9] compile x.o`, or without the square brackets.
fn ninja(output: &str) -> Said {
    let mut ran = Count::default();
    for line in output.lines() {
        let line = match line.strip_prefix('[') {
            Some(rest) => rest.split_once("] ").map_or("", |(_, rest)| rest),
            None => line,
        };
        match line.split(' ').next() {
            Some("compile") => ran.compiles += 1,
            Some("archive") => ran.archives += 1,
            Some("link") => ran.links += 1,
            Some("external") => ran.external += 1,
            _ => {}
        }
    }
    Said { ran, restored: 0, processes: None }
}

/// The summary is the last line.
fn rekindle(output: &str) -> Result<Said, String> {
    let last = output.lines().last().unwrap_or_default();
    let summary: Value =
        serde_json::from_str(last).map_err(|error| format!("rekindle's summary: {error}"))?;
    if summary["outcome"] != "ok" {
        return Err(format!("rekindle's summary: the outcome is {}", summary["outcome"]));
    }
    let number = |value: &Value, name: &str| {
        value.as_u64().ok_or_else(|| format!("rekindle's summary: there is no {name}"))
    };
    let ran = |kind: &str| number(&summary["kinds"][kind]["ran"], kind).unwrap_or(0);
    let count = Count {
        compiles: ran("compile"),
        archives: ran("archive"),
        links: ran("link"),
        external: ran("auto_archive"),
    };
    let all = number(&summary["actions"]["ran"], "actions.ran")?;
    if all != count.all() {
        return Err(format!("rekindle's summary: {all} actions ran, and of the known kinds {count}"));
    }
    Ok(Said {
        ran: count,
        restored: number(&summary["actions"]["restored"], "actions.restored")?,
        processes: Some(number(&summary["processes_spawned"], "processes_spawned")?),
    })
}

/// The last line says `rekindle: 6 actions: 6 ran (0.51 s)`; which kinds they were is not told and all counted as
/// compiles.
fn plain(output: &str) -> Result<Said, String> {
    let last = output.rsplit(['\n', '\r']).find(|line| line.contains("rekindle: ")).unwrap_or_default();
    let ran = last.split([':', ',']).find_map(|part| part.trim().split(" ran").next()?.parse().ok());
    let compiles = ran.ok_or_else(|| format!("rekindle's last line tells no number of commands: {last}"))?;
    let ran = Count { compiles, ..Count::default() };
    Ok(Said { ran, restored: 0, processes: None })
}

/// `   Compiling name v0.1.0 (...)` for each crate; what links it is the same command.
fn cargo(errors: &str) -> Said {
    let compiles = errors.lines().filter(|line| line.trim_start().starts_with("Compiling ")).count();
    Said { ran: Count::new(compiles, 0, 0), restored: 0, processes: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_counted_by_kind_from_what_ninja_prints() {
        let output = "[1/4] compile a.o\n[2/4] compile b.o\n[3/4] archive l.a\n[4/4] link p\n";
        assert_eq!(ninja(output).ran, Count::new(2, 1, 1));
        assert_eq!(ninja("ninja: no work to do.\n").ran, Count::default());
        assert_eq!(ninja("compile a.o\nexternal r.a\n").ran, Count::new(1, 0, 0).and_external(1));
    }

    #[test]
    fn commands_are_counted_by_kind_from_rekindles_summary() {
        let summary = r#"{"event":"summary","outcome":"ok","actions":{"ran":3,"restored":1},"kinds":{"compile":{"ran":2},"link":{"ran":1}},"processes_spawned":5}"#;
        let said = rekindle(&format!("{{\"event\":\"started\"}}\n{summary}\n")).unwrap();
        assert_eq!(said, Said { ran: Count::new(2, 0, 1), restored: 1, processes: Some(5) });
        assert!(rekindle("").is_err());
        assert!(rekindle(&summary.replace("\"ran\":3", "\"ran\":4")).is_err());
        assert!(rekindle(&summary.replace("\"ok\"", "\"failed\"")).is_err());
    }

    #[test]
    fn builds_by_other_tools_are_counted_and_told_where_there_are_any() {
        let summary = r#"{"outcome":"ok","actions":{"ran":2,"restored":0},"kinds":{"link":{"ran":1},"auto_archive":{"ran":1}},"processes_spawned":2}"#;
        let ran = rekindle(summary).unwrap().ran;
        assert_eq!(ran, Count::new(0, 0, 1).and_external(1));
        assert_eq!(ran.to_string(), "0 compiles, 0 archives, 1 links, 1 by another tool");
        assert_eq!(Count::new(1, 0, 1).to_string(), "1 compiles, 0 archives, 1 links");
    }

    #[test]
    fn crates_are_counted_from_what_cargo_prints() {
        let errors = "   Compiling runtime v0.1.0 (/p/runtime)\n   Compiling app v0.1.0 (/p)\n    Finished `dev` profile\n";
        assert_eq!(cargo(errors).ran, Count::new(2, 0, 0));
    }

    #[test]
    fn what_people_see_tells_how_many_ran() {
        let ran = |text: &str| plain(text).map(|said| said.ran.all());
        assert_eq!(ran("[1/2] link x\nrekindle: 6 actions: 6 ran (0.51 s)\n"), Ok(6));
        assert_eq!(ran("\r[0/6]\x1b[K\r\x1b[Krekindle: 9 actions: 3 fresh, 6 ran (0.52 s)\r\n"), Ok(6));
        assert!(ran("").is_err());
    }
}
