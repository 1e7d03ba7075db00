//! Figures as a table to read and as JSON to keep.

use std::time::Duration;

use serde_json::{Value, json};

use super::measure::Run;

/// The runs of one engine in one scenario.
pub(crate) struct Row {
    /// What was done.
    pub(crate) scenario: &'static str,
    /// By whom.
    pub(crate) engine: &'static str,
    /// The runs, in order.
    pub(crate) runs: Vec<Run>,
    /// How many processes the engine started in each run, as far as it says.
    pub(crate) processes: Vec<u64>,
}

/// The Markdown table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| scenario | engine | runs | wall, ms (min–max) | CPU, ms (min–max) | peak memory, MiB | processes |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let wall: Vec<f64> = row.runs.iter().map(|run| milliseconds(run.wall)).collect();
        let cpu: Vec<f64> = row.runs.iter().map(|run| milliseconds(run.cpu)).collect();
        let memory: Vec<f64> = row.runs.iter().map(|run| run.memory as f64 / 1024.0).collect();
        let processes: Vec<f64> = row.processes.iter().map(|count| *count as f64).collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {:.1} | {:.0} |\n",
            row.scenario,
            row.engine,
            row.runs.len(),
            spread(&wall),
            spread(&cpu),
            median(&memory),
            median(&processes)
        ));
    }
    text
}

/// Every run of every row.
pub(crate) fn json(rows: &[Row]) -> Value {
    let rows = rows.iter().map(|row| {
        let runs: Vec<Value> = row
            .runs
            .iter()
            .zip(&row.processes)
            .map(|(run, processes)| {
                json!({
                    "wall_ms": milliseconds(run.wall),
                    "cpu_ms": milliseconds(run.cpu),
                    "peak_memory_kib": run.memory,
                    "processes": processes,
                })
            })
            .collect();
        json!({ "scenario": row.scenario, "engine": row.engine, "runs": runs })
    });
    Value::Array(rows.collect())
}

fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{:.1} ({least:.1}–{most:.1})", median(values))
}

/// The middle value, or the mean of the two in the middle; 0 of nothing.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match (sorted.len(), sorted.get(half)) {
        (_, None) => 0.0,
        (count, Some(upper)) if count % 2 == 0 => (sorted[half - 1] + upper) / 2.0,
        (_, Some(middle)) => *middle,
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_not_the_mean() {
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_row_shows_median_and_extremes() {
        let run = |ms| Run {
            wall: Duration::from_millis(ms),
            cpu: Duration::from_millis(2 * ms),
            memory: 2048,
            output: String::new(),
        };
        let row = Row {
            scenario: "no-op",
            engine: "ninja",
            runs: vec![run(5), run(3), run(10)],
            processes: vec![0, 0, 0],
        };
        let table = table(&[row]);
        assert_eq!(
            table.lines().last(),
            Some("| no-op | ninja | 3 | 5.0 (3.0–10.0) | 10.0 (6.0–20.0) | 2.0 | 0 |")
        );
    }
}
