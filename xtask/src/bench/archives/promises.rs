//! What the figures are held against.

use std::path::Path;

use serde_json::{Value, json};

use super::rows::Row;
use super::steps::Step;
use crate::bench::measure::Line;
use crate::bench::project::put;
use crate::bench::report::Table;
use crate::bench::stats;
use crate::bench::strace;

/// What a compile and a link start by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chains {
    /// Programs of one compile: the driver, the compiler, the assembler.
    compile: u64,
    /// Programs of one link.
    link: u64,
}

impl Chains {
    /// Counts them.
    pub(crate) fn count(strace: &Path, scratch: &Path) -> Result<Chains, String> {
        let folder = scratch.join("chains");
        put(&folder, "one.c", "int main(void) { return 0; }\n")?;
        let programs = |words: &str| {
            let words = words.split(' ').map(Into::into).collect();
            let line = Line { words, directory: folder.clone(), environment: Vec::new() };
            Ok::<_, String>(strace::count(strace, &line, scratch)?.0.programs)
        };
        Ok(Chains { compile: programs("gcc -O2 -c one.c -o one.o")?, link: programs("gcc -o one one.o")? })
    }
}

/// Something that is promised: a figure is at most so large.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Promise {
    what: String,
    figure: f64,
    bar: f64,
}

impl Promise {
    fn holds(&self) -> bool {
        self.figure <= self.bar
    }
}

/// All that the rows can tell.
pub(crate) fn all(rows: &[Row], chains: Option<Chains>) -> Vec<Promise> {
    let mut promises = Vec::new();
    for own in rows.iter().filter(|row| row.who == "rekindle" && !row.samples.is_empty()) {
        let size = &own.size;
        let mut add = |what: String, figure: Option<f64>, bar: f64| {
            let what = format!("{size}, {what}");
            promises.extend(figure.map(|figure| Promise { what, figure, bar }));
        };
        let same = |who: &str| {
            let same = rows.iter().filter(|row| row.size == own.size && row.step == own.step);
            same.clone().find(|row| row.who.starts_with(who))
        };
        let of = |other: &Row, value: fn(&Row) -> f64| stats::ratio(value(own), value(other));
        let wall: fn(&Row) -> f64 = |row| row.wall().median;
        let cpu: fn(&Row) -> f64 = |row| row.cpu().median;
        let step = own.step.as_str();
        let is = |wanted: Step| step == wanted.name();
        let programs = own.traced.map(|traced| traced.programs as f64);
        if is(Step::NoOp)
            && let Some(floor) = same("ninja, archives never built")
        {
            add(format!("{step}: wall, of ninja's that never builds the archives"), of(floor, wall), 1.0);
            add(format!("{step}: the same, what is aimed at"), of(floor, wall), 0.5);
            add(format!("{step}: CPU, of ninja's that never builds the archives"), of(floor, cpu), 1.0);
            add(format!("{step}: CPU, ms"), Some(cpu(own)), 10.0);
            add(format!("{step}: programs, rekindle itself counted"), programs, 1.0);
        }
        if is(Step::EditOne) {
            add(format!("{step}: CPU but the compiler's and the linker's, ms"), Some(own.own().median), 10.0);
            if let Some(chains) = chains {
                let bar = (1 + chains.compile + chains.link) as f64;
                add(
                    format!("{step}: programs; one compile and one link make {bar} with rekindle"),
                    programs,
                    bar,
                );
            }
        }
        if is(Step::NoOp) || is(Step::EditOne) {
            for twin in ["cargo, one crate", "cargo, workspace"] {
                let part = same(twin).and_then(|twin| of(twin, wall));
                add(format!("{step}: wall, of that of {twin}"), part, 1.0);
            }
        }
        if is(Step::UndoRuntime) || is(Step::Elsewhere) {
            add(format!("{step}: programs, rekindle itself counted"), programs, 1.0);
        }
    }
    promises
}

/// How the programs of an edit at another size compare: they are the same ones.
pub(crate) fn at_other_size(small: &[Row], rows: &[Row]) -> Vec<Promise> {
    let programs = |rows: &[Row], step: Step| {
        let row = rows.iter().find(|row| row.who == "rekindle" && row.step == step.name())?;
        Some((row.size.clone(), row.traced?.programs as f64))
    };
    let steps = [Step::NoOp, Step::EditOne].into_iter();
    let promise = |step: Step| {
        let ((small, few), (size, figure)) = (programs(small, step)?, programs(rows, step)?);
        let what = format!("{size}, {}: programs; with {small}, they are {few}", step.name());
        Some(Promise { what, figure, bar: few })
    };
    steps.filter_map(promise).collect()
}

/// For people.
pub(crate) fn table(promises: &[Promise]) -> Table {
    let head = ["what", "figure", "at most", ""].map(str::to_owned).to_vec();
    let cells = |promise: &Promise| {
        let verdict = if promise.holds() { "holds" } else { "**does not hold**" };
        vec![promise.what.clone(), number(promise.figure), number(promise.bar), verdict.to_owned()]
    };
    Table { title: "What it must show".to_owned(), head, rows: promises.iter().map(cells).collect() }
}

/// Counts have no digits behind the point.
fn number(value: f64) -> String {
    if value.fract() == 0.0 { stats::count(value as u64) } else { stats::part(value) }
}

/// For programs.
pub(crate) fn json(promises: &[Promise]) -> Value {
    let one = |promise: &Promise| json!({ "what": promise.what, "figure": promise.figure, "at_most": promise.bar, "holds": promise.holds() });
    Value::Array(promises.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::archives::rows::tests::row;

    #[test]
    fn a_promise_that_does_not_hold_says_so() {
        let rows = [
            row("no-op", "ninja, archives never built", 10.0, 9.0, 1),
            row("no-op", "cargo, one crate", 50.0, 9.0, 1),
            row("no-op", "rekindle", 6.0, 5.0, 1),
            row("edit one module", "cargo, one crate", 500.0, 9.0, 1),
            row("edit one module", "rekindle", 600.0, 5.5, 8),
        ];
        let promises = all(&rows, Some(Chains { compile: 3, link: 3 }));
        let verdicts: Vec<String> = table(&promises).rows.iter().map(|row| row.join(" | ")).collect();
        assert_eq!(
            verdicts,
            [
                "10 modules, no-op: wall, of ninja's that never builds the archives | 0.60 | 1 | holds",
                "10 modules, no-op: the same, what is aimed at | 0.60 | 0.50 | **does not hold**",
                "10 modules, no-op: CPU, of ninja's that never builds the archives | 0.60 | 1 | holds",
                "10 modules, no-op: CPU, ms | 12 | 10 | **does not hold**",
                "10 modules, no-op: programs, rekindle itself counted | 1 | 1 | holds",
                "10 modules, no-op: wall, of that of cargo, one crate | 0.12 | 1 | holds",
                "10 modules, edit one module: CPU but the compiler's and the linker's, ms | 5.50 | 10 | holds",
                "10 modules, edit one module: programs; one compile and one link make 7 with rekindle | 8 | 7 | \
                 **does not hold**",
                "10 modules, edit one module: wall, of that of cargo, one crate | 1.20 | 1 | **does not hold**",
            ]
        );
        assert_eq!(json(&promises)[1]["holds"], false);
        assert!(all(&rows[..2], None).is_empty());
    }

    #[test]
    fn programs_of_two_sizes_are_compared() {
        let (small, large) =
            ([row("no-op", "rekindle", 1.0, 1.0, 1)], [row("no-op", "rekindle", 9.0, 1.0, 2)]);
        let promises = at_other_size(&small, &large);
        assert_eq!(promises.len(), 1);
        assert!(!promises[0].holds() && at_other_size(&small, &small)[0].holds());
    }
}
