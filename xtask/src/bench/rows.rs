//! Measured runs as rows: of a table to read, of JSON to keep, of a chart to look at.

use serde_json::{Value, json};

use super::chart::{Bar, Group, Panel};
use super::engines::Said;
use super::measure::Run;
use super::report::Table;
use super::stats::{self, Spread};

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Wall clock time in milliseconds.
    pub(crate) wall: f64,
    /// User and system time in milliseconds.
    pub(crate) cpu: f64,
    /// The largest resident set of any one process, in MiB.
    pub(crate) memory: f64,
    /// What the engine said it did.
    pub(crate) said: Said,
}

impl Sample {
    /// From a run and what was said in it.
    pub(crate) fn new(run: &Run, said: Said) -> Sample {
        Sample {
            wall: run.wall.as_secs_f64() * 1000.0,
            cpu: run.cpu.as_secs_f64() * 1000.0,
            memory: run.memory as f64 / 1024.0,
            said,
        }
    }
}

/// The runs of one engine in one step at one size.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The size and the compiler.
    pub(crate) size: String,
    /// What was done before.
    pub(crate) step: String,
    /// Who built.
    pub(crate) engine: String,
    /// In order.
    pub(crate) samples: Vec<Sample>,
    /// What was not as the row claims.
    pub(crate) failed: Vec<String>,
}

impl Row {
    /// Without a run yet.
    pub(crate) fn new(size: &str, step: &str, engine: &str) -> Row {
        Row {
            size: size.to_owned(),
            step: step.to_owned(),
            engine: engine.to_owned(),
            samples: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// Notes what was not as it should be, once.
    pub(crate) fn fail(&mut self, why: String) {
        if !self.failed.contains(&why) {
            self.failed.push(why);
        }
    }

    /// Wall clock time.
    pub(crate) fn wall(&self) -> Spread {
        Spread::of(self.samples.iter().map(|sample| sample.wall))
    }

    /// User and system time.
    pub(crate) fn cpu(&self) -> Spread {
        Spread::of(self.samples.iter().map(|sample| sample.cpu))
    }

    /// Peak memory.
    pub(crate) fn memory(&self) -> Spread {
        Spread::of(self.samples.iter().map(|sample| sample.memory))
    }

    fn processes(&self) -> String {
        let counts: Option<Vec<f64>> =
            self.samples.iter().map(|sample| sample.said.processes.map(|count| count as f64)).collect();
        counts.map_or_else(|| "–".to_owned(), |counts| stats::count(Spread::of(counts).median as u64))
    }

    /// What failed, with the place.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> + '_ {
        self.failed.iter().map(|why| format!("{}, {}, {}: {why}", self.size, self.step, self.engine))
    }

    fn json(&self) -> Value {
        let runs: Vec<Value> = self
            .samples
            .iter()
            .map(|sample| {
                json!({
                    "wall_ms": sample.wall,
                    "cpu_ms": sample.cpu,
                    "peak_memory_mib": sample.memory,
                    "compiles": sample.said.ran.compiles,
                    "archives": sample.said.ran.archives,
                    "links": sample.said.ran.links,
                    "restored": sample.said.restored,
                    "processes": sample.said.processes,
                })
            })
            .collect();
        json!({
            "size": self.size,
            "step": self.step,
            "engine": self.engine,
            "wall_ms": spread(self.wall()),
            "cpu_ms": spread(self.cpu()),
            "peak_memory_mib": spread(self.memory()),
            "failed_checks": self.failed,
            "runs": runs,
        })
    }
}

/// A spread as JSON.
pub(crate) fn spread(spread: Spread) -> Value {
    json!({ "median": spread.median, "min": spread.least, "max": spread.most })
}

/// Every run of every row.
pub(crate) fn json(rows: &[Row]) -> Value {
    Value::Array(rows.iter().map(Row::json).collect())
}

/// The rows of the same size and step as this one, in order.
fn peers<'a>(rows: &'a [Row], row: &Row) -> Vec<&'a Row> {
    rows.iter().filter(|other| other.size == row.size && other.step == row.step).collect()
}

/// How much of the first engine's time a row took, if it is not the first itself.
fn part(rows: &[Row], row: &Row, value: fn(&Row) -> Spread) -> Option<f64> {
    let first = *peers(rows, row).first()?;
    if first.engine == row.engine { None } else { stats::ratio(value(row).median, value(first).median) }
}

/// A table for each size.
pub(crate) fn tables(rows: &[Row]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let head = ["step", "engine", "runs", "wall, ms (min–max)", "of the first", "CPU, ms (min–max)"];
    let more = ["of the first", "peak MiB", "commands", "processes"];
    for row in rows {
        if tables.last().is_none_or(|table| table.title != row.size) {
            tables.push(Table {
                title: row.size.clone(),
                head: head.iter().chain(&more).map(|word| (*word).to_owned()).collect(),
                rows: Vec::new(),
            });
        }
        let ratio = |value| part(rows, row, value).map_or_else(String::new, stats::part);
        let commands = Spread::of(row.samples.iter().map(|sample| sample.said.ran.all() as f64));
        let mut cells = vec![
            row.step.clone(),
            row.engine.clone(),
            row.samples.len().to_string(),
            row.wall().text(),
            ratio(Row::wall),
            row.cpu().text(),
            ratio(Row::cpu),
            stats::figure(row.memory().median),
            stats::count(commands.median as u64),
            row.processes(),
        ];
        if !row.failed.is_empty() {
            cells[0] = format!("**FAILED CHECK** {}", row.step);
        }
        if let Some(table) = tables.last_mut() {
            table.rows.push(cells);
        }
    }
    tables
}

/// A panel for each size, a group for each step.
pub(crate) fn panels(rows: &[Row], value: fn(&Row) -> Spread) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for row in rows {
        if panels.last().is_none_or(|panel| panel.title != row.size) {
            panels.push(Panel { title: row.size.clone(), groups: Vec::new() });
        }
        let Some(panel) = panels.last_mut() else { continue };
        if panel.groups.last().is_none_or(|group| group.label != row.step) {
            panel.groups.push(Group { label: row.step.clone(), bars: Vec::new() });
        }
        let mut note =
            part(rows, row, value).map(|part| format!("×{}", stats::part(part))).unwrap_or_default();
        if !row.failed.is_empty() {
            note.push_str(" FAILED CHECK");
        }
        let bar = Bar { series: row.engine.clone(), value: value(row), note };
        if let Some(group) = panel.groups.last_mut() {
            group.bars.push(bar);
        }
    }
    panels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::engines::Count;

    fn row(engine: &str, walls: &[f64]) -> Row {
        let mut row = Row::new("10 units", "no-op", engine);
        row.samples = walls
            .iter()
            .map(|wall| Sample {
                wall: *wall,
                cpu: 2.0 * wall,
                memory: 2.0,
                said: Said { ran: Count::new(1, 0, 0), restored: 0, processes: Some(4) },
            })
            .collect();
        row
    }

    #[test]
    fn a_row_shows_median_extremes_and_its_part_of_the_first() {
        let rows = [row("ninja", &[5.0, 3.0, 10.0]), row("rekindle", &[2.0, 1.0, 3.0])];
        let tables = tables(&rows);
        assert_eq!(tables.len(), 1);
        assert_eq!(
            tables[0].rows[1].join(" | "),
            "no-op | rekindle | 3 | 2.00 (1.00–3.00) | 0.40 | 4.00 (2.00–6.00) | 0.40 | 2.00 | 1 | 4"
        );
        assert_eq!(tables[0].rows[0][4], "");
    }

    #[test]
    fn a_failed_check_is_loud_in_table_chart_and_json() {
        let mut rows = [row("ninja", &[5.0]), row("rekindle", &[2.0])];
        rows[1].fail("ran 1".to_owned());
        rows[1].fail("ran 1".to_owned());
        assert_eq!(tables(&rows)[0].rows[1][0], "**FAILED CHECK** no-op");
        assert!(panels(&rows, Row::wall)[0].groups[0].bars[1].note.ends_with("FAILED CHECK"));
        assert_eq!(json(&rows)[1]["failed_checks"][0], "ran 1");
        assert_eq!(rows[1].failures().collect::<Vec<_>>(), ["10 units, no-op, rekindle: ran 1"]);
    }
}
