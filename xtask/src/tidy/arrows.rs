//! The arrows between crates, as cargo sees them, against the table in the architecture page. Both ways: an arrow
//! that the table does not grant is a breach, and a row or grant that the code does not use is a lie.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Problem;
use super::table::{self, ARCHITECTURE};

const PREFIX: &str = "rekindle-";
/// The package that only tests may use.
const TESTKIT: &str = "testkit";
/// The package that stands apart.
const XTASK: &str = "xtask";

/// What one crate depends on.
#[derive(Debug, Default)]
struct Arrows {
    normal: BTreeSet<String>,
    dev: BTreeSet<String>,
}

/// A row of the table.
struct Grant {
    line: usize,
    /// `None` for `all`.
    to: Option<BTreeSet<String>>,
}

/// Checks the answer of `cargo metadata --no-deps` against the text of the page.
pub(crate) fn check(page: &str, metadata: &Value) -> Result<Vec<Problem>, String> {
    let crates = crates(metadata).ok_or("cargo metadata: not in the shape that was expected")?;
    let Some(rows) = table::under(page, "Arrows") else {
        return Ok(vec![Problem::new(ARCHITECTURE, 0, "no table under a heading `## Arrows`")]);
    };
    let grants: BTreeMap<String, Grant> = rows.iter().filter_map(grant).collect();
    let mut problems = Vec::new();
    for (name, arrows) in &crates {
        problems.extend(check_crate(name, arrows, grants.get(name)));
    }
    for (name, grant) in &grants {
        if !crates.contains_key(name) {
            problems.push(Problem::new(ARCHITECTURE, grant.line, format!("there is no crate `{name}`")));
        }
    }
    Ok(problems)
}

fn check_crate(name: &str, arrows: &Arrows, grant: Option<&Grant>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let place = manifest(name);
    if arrows.normal.contains(TESTKIT) {
        problems.push(Problem::new(&place, 0, "`testkit` is for tests: make it a dev-dependency"));
    }
    if name == XTASK {
        for to in arrows.normal.union(&arrows.dev) {
            problems.push(Problem::new(
                &place,
                0,
                format!("xtask depends on no workspace crate, here on `{to}`"),
            ));
        }
        return problems;
    }
    let Some(grant) = grant else {
        if name != TESTKIT || !arrows.normal.is_empty() {
            problems.push(Problem::new(
                ARCHITECTURE,
                0,
                format!("the table of arrows has no row for `{name}`"),
            ));
        }
        return problems;
    };
    let Some(granted) = &grant.to else { return problems };
    let unfounded = arrows.normal.union(&arrows.dev).filter(|to| *to != TESTKIT && !granted.contains(*to));
    for to in unfounded {
        let what = format!("`{name}` depends on `{to}`, which the table in {ARCHITECTURE} does not grant");
        problems.push(Problem::new(&place, 0, what));
    }
    for to in granted.difference(&arrows.normal) {
        let what = format!("grants `{name}` an arrow to `{to}` that is not in {place}");
        problems.push(Problem::new(ARCHITECTURE, grant.line, what));
    }
    problems
}

fn manifest(name: &str) -> String {
    match name {
        XTASK => "xtask/Cargo.toml".to_owned(),
        name => format!("crates/{name}/Cargo.toml"),
    }
}

fn grant(row: &table::Row) -> Option<(String, Grant)> {
    let name = table::quoted(row.cells.first()?).first()?.to_string();
    let cell = row.cells.get(1)?;
    let to = (cell != "all").then(|| table::quoted(cell).into_iter().map(str::to_owned).collect());
    Some((name, Grant { line: row.line, to }))
}

/// Every package of the workspace by its short name, with its arrows to the others; `None` if the JSON is not
/// cargo's.
fn crates(metadata: &Value) -> Option<BTreeMap<String, Arrows>> {
    let mut crates = BTreeMap::new();
    for package in metadata["packages"].as_array()? {
        let mut arrows = Arrows::default();
        for dependency in package["dependencies"].as_array()? {
            if dependency["path"].is_null() {
                continue;
            }
            let to = short(dependency["name"].as_str()?);
            match dependency["kind"].as_str() {
                Some("dev") => arrows.dev.insert(to),
                _ => arrows.normal.insert(to),
            };
        }
        crates.insert(short(package["name"].as_str()?), arrows);
    }
    Some(crates)
}

fn short(package: &str) -> String {
    package.strip_prefix(PREFIX).unwrap_or(package).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "## Arrows\n\n| crate | may depend on |\n|---|---|\n| `a` | - |\n| `b` | `a` |\n| `cli` | all |\n";

    /// Problems for packages given as `name: dependency dev/dependency ...`.
    fn problems(page: &str, packages: &[&str]) -> Vec<String> {
        let packages: Vec<Value> = packages.iter().map(|line| package(line)).collect();
        let found = check(page, &serde_json::json!({ "packages": packages })).unwrap();
        found.iter().map(Problem::to_string).collect()
    }

    fn package(line: &str) -> Value {
        let (name, dependencies) = line.split_once(':').unwrap();
        let dependencies: Vec<Value> = dependencies
            .split_whitespace()
            .map(|word| match word.strip_prefix("dev/") {
                Some(word) => {
                    serde_json::json!({"name": format!("rekindle-{word}"), "path": "p", "kind": "dev"})
                }
                None => serde_json::json!({"name": format!("rekindle-{word}"), "path": "p", "kind": null}),
            })
            .collect();
        let name = if name == XTASK { name.to_owned() } else { format!("rekindle-{name}") };
        serde_json::json!({"name": name, "dependencies": dependencies})
    }

    #[test]
    fn a_tree_that_is_as_the_table_says_passes() {
        assert_eq!(problems(PAGE, &["a: dev/testkit", "b: a", "cli: a b", "testkit:", "xtask:"]), [""; 0]);
    }

    #[test]
    fn an_arrow_that_the_table_does_not_grant_is_caught() {
        let found = problems(PAGE, &["a: b", "b: a", "cli:"]);
        let expected =
            "crates/a/Cargo.toml: `a` depends on `b`, which the table in docs/architecture.md does not grant";
        assert_eq!(found, [expected]);
        assert_eq!(problems(PAGE, &["a: dev/b", "b: a", "cli:"]), [expected]);
    }

    #[test]
    fn a_grant_row_or_crate_that_is_on_one_side_only_is_caught() {
        let unused = "docs/architecture.md:6: grants `b` an arrow to `a` that is not in crates/b/Cargo.toml";
        assert_eq!(problems(PAGE, &["a:", "b:", "cli:"]), [unused]);
        assert_eq!(problems(PAGE, &["a:", "cli:"]), ["docs/architecture.md:6: there is no crate `b`"]);
        let rowless = "docs/architecture.md: the table of arrows has no row for `c`";
        assert_eq!(problems(PAGE, &["a:", "b: a", "c:", "cli:"]), [rowless]);
        assert_eq!(
            problems("no table", &["a:"]),
            ["docs/architecture.md: no table under a heading `## Arrows`"]
        );
    }

    #[test]
    fn testkit_outside_tests_and_an_arrow_of_xtask_are_caught() {
        let found = problems(PAGE, &["a: testkit", "b: a", "cli: testkit", "xtask: dev/a"]);
        assert_eq!(
            found,
            [
                "crates/a/Cargo.toml: `testkit` is for tests: make it a dev-dependency",
                "crates/cli/Cargo.toml: `testkit` is for tests: make it a dev-dependency",
                "xtask/Cargo.toml: xtask depends on no workspace crate, here on `a`",
            ]
        );
    }
}
