//! What restoring and building took, as rows of a table, of JSON and of a chart.

use serde_json::{Value, json};

use super::contender::Carried;
use crate::bench::chart::{Bar, Group, Panel};
use crate::bench::engines::Said;
use crate::bench::report::Table;
use crate::bench::rows::spread;
use crate::bench::stats::{self, Spread};

/// One run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Unpacking and importing, in milliseconds.
    pub(crate) restore: f64,
    /// Building, in milliseconds; starting a cache's server is a part of it.
    pub(crate) build: f64,
    /// User and system time of both, in milliseconds.
    pub(crate) cpu: f64,
    /// What the engine said it did.
    pub(crate) said: Said,
    /// Hits as a compiler cache counts them.
    pub(crate) hits: Option<u64>,
}

/// The runs of one way of building in one case of one project.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The project.
    pub(crate) size: String,
    /// What the second runner checked out, and what there was to restore.
    pub(crate) case: String,
    /// Who built.
    pub(crate) who: String,
    /// What was carried.
    pub(crate) carried: Carried,
    /// Its size in bytes.
    pub(crate) saved: u64,
    /// How long it took to save, in milliseconds.
    pub(crate) saving: f64,
    /// In order.
    pub(crate) samples: Vec<Sample>,
    /// Whether what was built is what a cold build makes.
    pub(crate) products: String,
    /// The time to read and hash all inputs once, in milliseconds.
    pub(crate) floor: f64,
    /// Whether the project is large enough for what is promised of restored builds.
    pub(crate) large: bool,
    /// What was not as the row claims.
    pub(crate) failed: Vec<String>,
}

impl Row {
    /// Notes what was not as it should be, once.
    pub(crate) fn fail(&mut self, why: String) {
        if !self.failed.contains(&why) {
            self.failed.push(why);
        }
    }

    fn of(&self, value: impl Fn(&Sample) -> f64) -> Spread {
        Spread::of(self.samples.iter().map(value))
    }

    /// Restoring and building.
    pub(crate) fn whole(&self) -> Spread {
        self.of(|sample| sample.restore + sample.build)
    }

    /// Building alone.
    pub(crate) fn build(&self) -> Spread {
        self.of(|sample| sample.build)
    }

    fn label(&self) -> String {
        match self.carried {
            Carried::Nothing | Carried::Cache => self.who.clone(),
            carried => format!("{}, {}", self.who, carried.name()),
        }
    }

    /// What failed, with the place.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> + '_ {
        self.failed.iter().map(|why| format!("{}, {}, {}: {why}", self.size, self.case, self.label()))
    }

    fn hits(&self) -> Option<u64> {
        self.samples.iter().filter_map(|sample| sample.hits).min()
    }

    fn cells(&self, first: Option<f64>) -> Vec<String> {
        let ran = self.of(|sample| sample.said.ran.all() as f64);
        let commands = stats::count(ran.median as u64);
        let against = |value: f64| stats::ratio(value, self.floor).map_or_else(String::new, stats::part);
        let case = if self.failed.is_empty() {
            self.case.clone()
        } else {
            format!("**FAILED CHECK** {}", self.case)
        };
        vec![
            case,
            self.who.clone(),
            self.carried.name().to_owned(),
            self.samples.len().to_string(),
            stats::figure(self.of(|sample| sample.restore).median),
            self.build().text(),
            self.whole().text(),
            first
                .and_then(|first| stats::ratio(self.whole().median, first))
                .map_or_else(String::new, stats::part),
            format!("{} / {}", against(self.build().median), against(self.whole().median)),
            stats::figure(self.of(|sample| sample.cpu).median),
            match self.hits() {
                Some(hits) => format!("{commands}, {} hits", stats::count(hits)),
                None => commands,
            },
            self.products.clone(),
            if self.saved == 0 { "–".to_owned() } else { stats::figure(self.saved as f64 / 1e6) },
            if self.saved == 0 { "–".to_owned() } else { stats::figure(self.saving) },
        ]
    }

    fn json(&self) -> Value {
        let run = |sample: &Sample| {
            json!({
                "restore_ms": sample.restore,
                "build_ms": sample.build,
                "cpu_ms": sample.cpu,
                "compiles": sample.said.ran.compiles,
                "archives": sample.said.ran.archives,
                "links": sample.said.ran.links,
                "restored": sample.said.restored,
                "processes": sample.said.processes,
                "hits": sample.hits,
            })
        };
        json!({
            "size": self.size,
            "case": self.case,
            "engine": self.who,
            "carried": self.carried.name(),
            "saved_bytes": self.saved,
            "save_ms": self.saving,
            "restore_ms": spread(self.of(|sample| sample.restore)),
            "build_ms": spread(self.build()),
            "whole_ms": spread(self.whole()),
            "floor_ms": self.floor,
            "products": self.products,
            "failed_checks": self.failed,
            "runs": self.samples.iter().map(run).collect::<Vec<_>>(),
        })
    }
}

/// Every run of every row.
pub(crate) fn json(rows: &[Row]) -> Value {
    Value::Array(rows.iter().map(Row::json).collect())
}

/// The table of a project. Rows are compared with plain ninja's of the same case.
pub(crate) fn table(rows: &[Row], size: &str) -> Table {
    let head = ["case", "who", "carried", "runs", "restore, ms", "build, ms (min–max)", "both, ms (min–max)"];
    let more = [
        "of ninja's",
        "build / both, of reading all inputs",
        "CPU, ms",
        "commands",
        "products",
        "saved, MB",
        "to save, ms",
    ];
    let of_ninja = |case: &str| {
        let row = rows.iter().find(|row| row.size == size && row.case == case && row.who == "ninja");
        row.map(|row| row.whole().median)
    };
    Table {
        title: size.to_owned(),
        head: head.iter().chain(&more).map(|word| (*word).to_owned()).collect(),
        rows: rows.iter().filter(|row| row.size == size).map(|row| row.cells(of_ninja(&row.case))).collect(),
    }
}

/// A panel for each project, a group for each case.
pub(crate) fn panels(rows: &[Row]) -> Vec<Panel> {
    let mut panels: Vec<Panel> = Vec::new();
    for row in rows {
        if panels.last().is_none_or(|panel| panel.title != row.size) {
            panels.push(Panel { title: row.size.clone(), groups: Vec::new() });
        }
        let Some(panel) = panels.last_mut() else { continue };
        if panel.groups.last().is_none_or(|group| group.label != row.case) {
            panel.groups.push(Group { label: row.case.clone(), bars: Vec::new() });
        }
        let ran = row.of(|sample| sample.said.ran.all() as f64).median;
        let mut note = format!("{} ran", stats::count(ran as u64));
        if !row.failed.is_empty() {
            note.push_str(" FAILED CHECK");
        }
        // Nothing carried has the colour of its engine, and so has what ninja can carry.
        let series = if row.who == "ninja" { row.who.clone() } else { row.label() };
        if let Some(group) = panel.groups.last_mut() {
            group.bars.push(Bar { series, value: row.whole(), note });
        }
    }
    panels
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bench::engines::Count;

    pub(crate) fn row(who: &str, carried: Carried, walls: &[f64]) -> Row {
        let sample = |build: &f64| Sample {
            restore: 1.0,
            build: *build,
            cpu: 2.0,
            said: Said { ran: Count::new(1, 0, 0), restored: 0, processes: None },
            hits: (carried == Carried::Cache).then_some(4),
        };
        Row {
            size: "10 units".to_owned(),
            case: "unchanged".to_owned(),
            who: who.to_owned(),
            carried,
            saved: 2_500_000,
            saving: 5.0,
            samples: walls.iter().map(sample).collect(),
            products: "equal".to_owned(),
            floor: 2.0,
            large: true,
            failed: Vec::new(),
        }
    }

    #[test]
    fn a_row_counts_restoring_and_is_held_against_ninja_and_the_floor() {
        let rows = [
            row("ninja", Carried::Directory, &[9.0]),
            row("ninja + ccache", Carried::Cache, &[3.0, 4.0, 5.0]),
        ];
        let table = table(&rows, "10 units");
        assert_eq!(
            table.rows[1].join(" | "),
            "unchanged | ninja + ccache | cache | 3 | 1.00 | 4.00 (3.00–5.00) | 5.00 (4.00–6.00) | 0.50 | \
             2.00 / 2.50 | 2.00 | 1, 4 hits | equal | 2.50 | 5.00"
        );
        assert_eq!(table.head.len(), table.rows[1].len());
    }

    #[test]
    fn a_failed_check_is_loud_in_table_chart_and_json() {
        let mut rows = [row("rekindle", Carried::Pack, &[5.0])];
        rows[0].fail("ran 1".to_owned());
        rows[0].fail("ran 1".to_owned());
        assert_eq!(table(&rows, "10 units").rows[0][0], "**FAILED CHECK** unchanged");
        assert!(panels(&rows)[0].groups[0].bars[0].note.ends_with("FAILED CHECK"));
        assert_eq!(json(&rows)[0]["failed_checks"][0], "ran 1");
        assert_eq!(rows[0].failures().collect::<Vec<_>>(), ["10 units, unchanged, rekindle, pack: ran 1"]);
    }
}
