//! What the builds took, as rows of a table, of JSON and of a chart.

use serde_json::{Value, json};

use crate::bench::chart::{Bar, Group, Panel};
use crate::bench::engines::Said;
use crate::bench::measure::Run;
use crate::bench::report::Table;
use crate::bench::rows::spread;
use crate::bench::stats::{self, Spread};

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Wall clock time in milliseconds.
    pub(crate) wall: f64,
    /// User and system time of all processes, in milliseconds.
    pub(crate) cpu: f64,
    /// That of the one process that was started.
    pub(crate) own: f64,
    /// The largest resident set of any one process, in MiB.
    pub(crate) memory: f64,
    /// What it said it did.
    pub(crate) said: Said,
}

impl Sample {
    /// From a run and what was said in it.
    pub(crate) fn new(run: &Run, said: Said) -> Sample {
        Sample {
            wall: run.wall.as_secs_f64() * 1000.0,
            cpu: run.cpu.as_secs_f64() * 1000.0,
            own: run.own.as_secs_f64() * 1000.0,
            memory: run.memory as f64 / 1024.0,
            said,
        }
    }
}

/// What strace counted in one more run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traced {
    /// Programs that were started, its own among them.
    pub(crate) programs: u64,
    /// System calls of all processes.
    pub(crate) calls: u64,
}

/// The runs of somebody after a step.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The size.
    pub(crate) size: String,
    /// What was done before.
    pub(crate) step: String,
    /// Who built.
    pub(crate) who: String,
    /// In order.
    pub(crate) samples: Vec<Sample>,
    /// Of the run under strace.
    pub(crate) traced: Option<Traced>,
    /// What was not as the row claims.
    pub(crate) failed: Vec<String>,
}

impl Row {
    /// Without a run yet.
    pub(crate) fn new(size: &str, step: &str, who: &str) -> Row {
        Row {
            size: size.to_owned(),
            step: step.to_owned(),
            who: who.to_owned(),
            samples: Vec::new(),
            traced: None,
            failed: Vec::new(),
        }
    }

    /// Notes what was not as it should be, once.
    pub(crate) fn fail(&mut self, why: String) {
        if !self.failed.contains(&why) {
            self.failed.push(why);
        }
    }

    fn of(&self, value: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(value))
    }

    /// Wall clock time.
    pub(crate) fn wall(&self) -> Spread {
        self.of(|sample| sample.wall)
    }

    /// User and system time of all processes.
    pub(crate) fn cpu(&self) -> Spread {
        self.of(|sample| sample.cpu)
    }

    /// That of the one process that was started.
    pub(crate) fn own(&self) -> Spread {
        self.of(|sample| sample.own)
    }

    /// What failed, with the place.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> + '_ {
        self.failed.iter().map(|why| format!("{}, {}, {}: {why}", self.size, self.step, self.who))
    }

    fn ran(&self) -> String {
        let Some(ran) = self.samples.last().map(|sample| sample.said.ran) else { return "–".to_owned() };
        if self.who.starts_with("cargo") {
            return format!("{} crates", stats::count(ran.compiles));
        }
        format!("{} / {} / {}", stats::count(ran.compiles), ran.links, ran.external)
    }

    fn cells(&self, first: &Row) -> Vec<String> {
        let part = |value: fn(&Row) -> Spread| {
            let ratio = stats::ratio(value(self).median, value(first).median);
            ratio.filter(|_| first.who != self.who).map_or_else(String::new, stats::part)
        };
        let traced = |value: fn(Traced) -> u64| {
            self.traced.map_or_else(|| "–".to_owned(), |traced| stats::count(value(traced)))
        };
        let mark = if self.failed.is_empty() { "" } else { "**FAILED CHECK** " };
        vec![
            format!("{mark}{}", self.step),
            self.who.clone(),
            self.samples.len().to_string(),
            self.wall().text(),
            part(Row::wall),
            self.cpu().text(),
            part(Row::cpu),
            self.own().text(),
            stats::figure(self.of(|sample| sample.memory).median),
            self.ran(),
            traced(|traced| traced.programs),
            traced(|traced| traced.calls),
        ]
    }

    fn json(&self) -> Value {
        let run = |sample: &Sample| {
            json!({
                "wall_ms": sample.wall,
                "cpu_ms": sample.cpu,
                "own_cpu_ms": sample.own,
                "peak_memory_mib": sample.memory,
                "compiles": sample.said.ran.compiles,
                "links": sample.said.ran.links,
                "by_other_tools": sample.said.ran.external,
                "restored": sample.said.restored,
                "processes": sample.said.processes,
            })
        };
        json!({
            "size": self.size,
            "step": self.step,
            "engine": self.who,
            "wall_ms": spread(self.wall()),
            "cpu_ms": spread(self.cpu()),
            "own_cpu_ms": spread(self.own()),
            "programs": self.traced.map(|traced| traced.programs),
            "system_calls": self.traced.map(|traced| traced.calls),
            "failed_checks": self.failed,
            "runs": self.samples.iter().map(run).collect::<Vec<_>>(),
        })
    }
}

/// Every run of every row.
pub(crate) fn json(rows: &[Row]) -> Value {
    Value::Array(rows.iter().map(Row::json).collect())
}

/// The first row of the same size and step: what the others are compared with.
fn first<'a>(rows: &'a [Row], row: &'a Row) -> &'a Row {
    rows.iter().find(|other| other.size == row.size && other.step == row.step).unwrap_or(row)
}

/// All rows of a size.
pub(crate) fn table(rows: &[Row], size: &str) -> Table {
    let head = ["step", "who", "runs", "wall, ms (min–max)", "of the first", "CPU, ms (min–max)"];
    let more = [
        "of the first",
        "own CPU, ms (min–max)",
        "peak MiB",
        "ran (compiles / links / other tools)",
        "programs",
        "system calls",
    ];
    Table {
        title: size.to_owned(),
        head: head.iter().chain(&more).map(|word| (*word).to_owned()).collect(),
        rows: rows.iter().filter(|row| row.size == size).map(|row| row.cells(first(rows, row))).collect(),
    }
}

/// A panel for each step, a line for each row.
pub(crate) fn panels(rows: &[Row], size: &str) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for row in rows.iter().filter(|row| row.size == size) {
        if panels.last().is_none_or(|panel| panel.title != row.step) {
            panels.push(Panel { title: row.step.clone(), groups: Vec::new() });
        }
        let ratio = stats::ratio(row.wall().median, first(rows, row).wall().median);
        let mut note = ratio
            .filter(|_| first(rows, row).who != row.who)
            .map(|part| format!("×{}", stats::part(part)))
            .unwrap_or_default();
        if !row.failed.is_empty() {
            note.push_str(" FAILED CHECK");
        }
        // The names in front are short.
        let label = row
            .who
            .replace("archives never built", "no tools")
            .replace("other tools always run", "tools run");
        let bar = Bar { series: label.clone(), value: row.wall(), note };
        if let Some(panel) = panels.last_mut() {
            panel.groups.push(Group { label, bars: vec![bar] });
        }
    }
    panels
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bench::engines::Count;

    pub(crate) fn row(step: &str, who: &str, wall: f64, own: f64, programs: u64) -> Row {
        let said = Said { ran: Count::new(1, 0, 1), restored: 0, processes: None };
        let sample = Sample { wall, cpu: 2.0 * wall, own, memory: 2.0, said };
        Row {
            samples: vec![sample],
            traced: Some(Traced { programs, calls: 1234 }),
            ..Row::new("10 modules", step, who)
        }
    }

    #[test]
    fn a_row_shows_its_own_time_and_its_part_of_the_first() {
        let rows = [row("no-op", "ninja", 4.0, 3.0, 9), row("no-op", "rekindle", 2.0, 1.0, 1)];
        let table = table(&rows, "10 modules");
        assert_eq!(
            table.rows[1].join(" | "),
            "no-op | rekindle | 1 | 2.00 (2.00–2.00) | 0.50 | 4.00 (4.00–4.00) | 0.50 | 1.00 (1.00–1.00) | 2.00 | \
             1 / 1 / 0 | 1 | 1,234"
        );
        assert_eq!((table.head.len(), table.rows[0][4].as_str()), (table.rows[1].len(), ""));
        let cargo = row("no-op", "cargo, workspace", 4.0, 3.0, 9);
        assert_eq!(cargo.ran(), "1 crates");
    }

    #[test]
    fn a_failed_check_is_loud_in_table_chart_and_json() {
        let mut rows = [row("no-op", "rekindle", 2.0, 1.0, 1)];
        rows[0].fail("ran 1".to_owned());
        rows[0].fail("ran 1".to_owned());
        assert_eq!(table(&rows, "10 modules").rows[0][0], "**FAILED CHECK** no-op");
        assert!(panels(&rows, "10 modules")[0].groups[0].bars[0].note.ends_with("FAILED CHECK"));
        assert_eq!(json(&rows)[0]["failed_checks"][0], "ran 1");
        assert_eq!(rows[0].failures().collect::<Vec<_>>(), ["10 modules, no-op, rekindle: ran 1"]);
    }
}
