//! What every scenario needs: the programs, a folder to work in, a project on disk.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chart::Chart;
use super::engines::Engine as Contender;
use super::machine::{self, Tool};
use super::measure;
use super::options::{Compiler, Engine, Options};
use super::project::Project;
use super::recipes::Tools;
use super::report::{Report, Table};
use super::rows::{self, Row};
use super::standin;
use super::steps::{self, Tree};
use crate::peers;

/// Peers that wrap a compiler; all others that are named on the command line read ninja's build files.
pub(crate) const WRAPPERS: [&str; 3] = ["ccache", "sccache", "kache"];

/// The programs and the folder.
pub(crate) struct Session {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Where projects and scratch files lie.
    pub(crate) scratch: PathBuf,
    /// Ninja, newest first, and others that read its files; never empty.
    pub(crate) ninjas: Vec<Tool>,
    /// What is measured against it, unless the peers are alone.
    pub(crate) rekindle: Option<Tool>,
    machine: Value,
}

impl Session {
    /// Finds what is measured.
    pub(crate) fn open(root: &Path, options: &Options) -> Result<Session, String> {
        // Of this process alone: another bench or a test may run at the same time.
        let scratch = root.join("target/bench").join(format!("work-{}", std::process::id()));
        fs::create_dir_all(&scratch).map_err(|error| format!("create {}: {error}", scratch.display()))?;
        let ninja = peers::find(root, "ninja", &options.peers)
            .ok_or("there is no ninja: `cargo xtask peers` installs it, `--peer ninja=PATH` names one")?;
        let mut ninjas = vec![Tool::ask("ninja", &ninja)];
        for (name, path) in &options.peers {
            if name != "ninja" && !WRAPPERS.contains(&name.as_str()) {
                ninjas.push(Tool::ask(name, path));
            }
        }
        let rekindle = binary(root, &options.rekindle)?.map(|path| Tool::ask("rekindle", &path));
        for tool in ninjas.iter().chain(&rekindle) {
            if tool.version.is_none() {
                return Err(format!("{} does not run", tool.path.display()));
            }
        }
        Ok(Session { root: root.to_path_buf(), scratch, ninjas, rekindle, machine: machine::describe(root) })
    }

    /// The names of the engines that read ninja's build files.
    pub(crate) fn ninja_names(&self) -> Vec<String> {
        self.ninjas.iter().map(|tool| tool.name.clone()).collect()
    }

    /// What compiles and archives, by name.
    pub(crate) fn tools(&self, compiler: Compiler) -> Result<Tools, String> {
        match compiler {
            Compiler::Gcc => Ok(Tools { cc: "gcc".to_owned(), ar: "ar".to_owned() }),
            Compiler::Standin => {
                let standin = standin::build(&self.root, &self.scratch.join("standin"))?;
                Ok(Tools { cc: standin.cc.display().to_string(), ar: standin.ar.display().to_string() })
            }
        }
    }

    /// A fresh project.
    pub(crate) fn tree(&self, units: usize, compiler: Compiler) -> Result<Tree, String> {
        let place = self.scratch.join(format!("tree-{units}"));
        Tree::create(place, Project::of(units), self.tools(compiler)?, self.ninja_names())
    }

    /// Everybody who builds a tree, ninja first.
    pub(crate) fn contenders(&self, place: &Path) -> Vec<Contender> {
        let ninjas = self.ninjas.iter().map(|tool| Contender::ninja(&tool.name, &tool.path, place));
        let rekindle =
            self.rekindle.iter().map(|tool| Contender::rekindle(&tool.name, &tool.path, place, None));
        ninjas.chain(rekindle).collect()
    }

    /// A report with what this session knows; the scenario adds its figures.
    pub(crate) fn report(&self, scenario: &'static str, title: &str, chart: Chart) -> Report {
        Report {
            scenario,
            title: title.to_owned(),
            machine: self.machine.clone(),
            tools: self.ninjas.iter().chain(&self.rekindle).cloned().collect(),
            notes: Vec::new(),
            tables: Vec::new(),
            data: Value::Null,
            chart,
            failed: Vec::new(),
        }
    }

    /// Removes a project that is done with.
    pub(crate) fn close(&self, tree: &Tree) -> Result<(), String> {
        steps::remove(&tree.place)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(why) = steps::remove(&self.scratch) {
            eprintln!("bench: {why}");
        }
    }
}

/// Puts rows of timed runs into a report.
pub(crate) fn fill(report: &mut Report, rows: &[Row]) {
    let tables: Vec<Table> = rows::tables(rows);
    report.tables = tables;
    report.data = rows::json(rows);
    report.failed = rows.iter().flat_map(Row::failures).collect();
}

/// gcc, for the list of what ran.
pub(crate) fn gcc() -> Tool {
    Tool::ask("gcc", &machine::on_path("gcc").unwrap_or_else(|| PathBuf::from("gcc")))
}

/// `1,000 units, gcc`.
pub(crate) fn size_name(units: usize, compiler: Compiler) -> String {
    format!("{} units, {}", super::stats::count(units as u64), compiler.name())
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
            let mut command = measure::command(cargo);
            command.args(["build", "--release", "--quiet", "--package", "rekindle-cli"]).current_dir(root);
            let status = command.status().map_err(|error| format!("start cargo: {error}"))?;
            if !status.success() {
                return Err(format!("cargo build ended with {status}"));
            }
            Ok(Some(target_directory(root)?.join("release/rekindle")))
        }
    }
}
