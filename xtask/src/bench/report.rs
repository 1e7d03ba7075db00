//! What a scenario found: on standard output, and as page, JSON and picture in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::chart::{self, Chart};
use super::machine::{self, Tool};
use super::options::Options;

/// A table with a heading.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Above it.
    pub(crate) title: String,
    /// The names of its columns.
    pub(crate) head: Vec<String>,
    /// Its cells.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.head);
        text.push_str(&format!("|{}\n", "---|".repeat(self.head.len())));
        text.extend(self.rows.iter().map(|row| line(row)));
        text
    }

    /// With columns under each other, for a terminal.
    fn plain(&self) -> String {
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = String::new();
        for row in all() {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            text.push_str(cells.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// All that a scenario has to say.
pub(crate) struct Report {
    /// Its name; the files are called so.
    pub(crate) scenario: &'static str,
    /// What it measures, in a line.
    pub(crate) title: String,
    /// The machine, from before the first run.
    pub(crate) machine: Value,
    /// What ran, with the versions that it told.
    pub(crate) tools: Vec<Tool>,
    /// What was built, what is counted how, what was left out.
    pub(crate) notes: Vec<String>,
    /// The figures for people.
    pub(crate) tables: Vec<Table>,
    /// The figures for programs.
    pub(crate) data: Value,
    /// The picture; the small print is added here.
    pub(crate) chart: Chart,
    /// What was not as it claims to be.
    pub(crate) failed: Vec<String>,
}

impl Report {
    /// Prints and writes all; failed checks are an error.
    pub(crate) fn finish(mut self, root: &Path, options: &Options) -> Result<(), String> {
        if let Some(machine) = self.machine.as_object_mut() {
            machine.insert("load_after".to_owned(), json!(machine::load()));
        }
        println!("\n{}\n{}\n{}\n", self.title, machine::line(&self.machine), self.versions());
        for note in &self.notes {
            println!("- {note}");
        }
        for table in &self.tables {
            println!("\n{}\n\n{}", table.title, table.plain());
        }
        let folder = folder(root, options);
        self.write(&folder)?;
        println!("written: {0}.md, {0}.json, {0}.svg in {1}", self.scenario, folder.display());
        if self.failed.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = self.failed.iter().map(|why| format!("\n  {why}")).collect();
        Err(format!(
            "{}: {} checks FAILED, these figures are not what they claim:{}",
            self.scenario,
            list.len(),
            list.concat()
        ))
    }

    fn versions(&self) -> String {
        let tools: Vec<String> = self.tools.iter().map(Tool::text).collect();
        tools.join("; ")
    }

    fn write(&mut self, folder: &Path) -> Result<(), String> {
        fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
        let write = |ending: &str, text: &str| {
            let path = folder.join(format!("{}.{ending}", self.scenario));
            fs::write(&path, text).map_err(|error| format!("write {}: {error}", path.display()))
        };
        write("md", &self.page())?;
        let kept = json!({
            "scenario": self.scenario,
            "machine": self.machine,
            "tools": self.tools.iter().map(|tool| json!({ "name": tool.name, "version": tool.version })).collect::<Vec<_>>(),
            "notes": self.notes,
            "failed_checks": self.failed,
            "rows": self.data,
        });
        let text = serde_json::to_string_pretty(&kept).map_err(|error| error.to_string())?;
        write("json", &(text + "\n"))?;
        let mut chart = self.chart.clone();
        chart.small.insert(0, self.versions());
        let commit = self.machine["commit"].as_str().unwrap_or("unknown");
        chart.small.push(format!("{}; commit {commit}", machine::line(&self.machine)));
        if !self.failed.is_empty() {
            chart.small.insert(0, format!("{} CHECKS FAILED: see the page", self.failed.len()));
        }
        write("svg", &chart::svg(&chart))
    }

    fn page(&self) -> String {
        let mut text = format!("# {}\n\n![{}]({}.svg)\n\n", self.title, self.title, self.scenario);
        text.push_str(&format!(
            "`cargo xtask bench {}`, commit {}. {}.\n\nMeasured: {}.\n\n",
            self.scenario,
            self.machine["commit"].as_str().unwrap_or("unknown"),
            machine::line(&self.machine),
            self.versions()
        ));
        for note in &self.notes {
            text.push_str(&format!("- {note}\n"));
        }
        if !self.failed.is_empty() {
            text.push_str("\n**Failed checks: these figures are not what they claim.**\n\n");
            text.extend(self.failed.iter().map(|why| format!("- {why}\n")));
        }
        for table in &self.tables {
            text.push_str(&format!("\n## {}\n\n{}", table.title, table.markdown()));
        }
        text
    }
}

/// Where the results go.
fn folder(root: &Path, options: &Options) -> PathBuf {
    match &options.out {
        Some(out) => out.clone(),
        None if options.save => root.join("docs/bench"),
        None => root.join("target/bench"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::chart::Unit;

    fn report(failed: &[&str]) -> Report {
        let table = Table {
            title: "size".to_owned(),
            head: vec!["step".to_owned(), "wall".to_owned()],
            rows: vec![vec!["no-op".to_owned(), "1.00".to_owned()]],
        };
        Report {
            scenario: "engine",
            title: "What it measures".to_owned(),
            machine: json!({ "cores": 2, "load_before": "0.1 0.2 0.3" }),
            tools: vec![Tool {
                name: "ninja".to_owned(),
                path: PathBuf::new(),
                version: Some("1.13.2".to_owned()),
            }],
            notes: vec!["a note".to_owned()],
            tables: vec![table],
            data: json!([]),
            chart: Chart {
                title: "t".to_owned(),
                subtitle: "s".to_owned(),
                unit: Unit::Count,
                panels: Vec::new(),
                small: Vec::new(),
            },
            failed: failed.iter().map(|why| (*why).to_owned()).collect(),
        }
    }

    fn options(out: &Path) -> Options {
        Options::parse(&["--out", out.to_str().unwrap()]).unwrap()
    }

    #[test]
    fn page_json_and_picture_name_the_versions() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(report(&[]).finish(Path::new("/nowhere"), &options(folder.path())), Ok(()));
        for ending in ["md", "json", "svg"] {
            let text = fs::read_to_string(folder.path().join(format!("engine.{ending}"))).unwrap();
            assert!(text.contains("1.13.2"), "{ending}: {text}");
        }
        let page = fs::read_to_string(folder.path().join("engine.md")).unwrap();
        assert!(page.contains("| step | wall |\n|---|---|\n| no-op | 1.00 |\n"), "{page}");
    }

    #[test]
    fn a_failed_check_is_an_error_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let error = report(&["ran 1"]).finish(Path::new("/nowhere"), &options(folder.path())).unwrap_err();
        assert!(error.contains("1 checks FAILED") && error.contains("ran 1"), "{error}");
        for ending in ["md", "json"] {
            let text = fs::read_to_string(folder.path().join(format!("engine.{ending}"))).unwrap();
            assert!(text.contains("ran 1"), "{ending}: {text}");
        }
        assert!(fs::read_to_string(folder.path().join("engine.svg")).unwrap().contains("CHECKS FAILED"));
    }
}
