//! `bench ci`: a second runner restores what a first one saved. Only one file goes from one to the other; directories,
//! home, file times and the place of the toolchain differ. Restoring, building and the size of what was saved count.

mod contender;
mod floor;
mod growth;
mod parcel;
mod project;
mod recipe;
mod relay;
mod rows;
mod runner;
mod toolchain;

use std::ffi::OsString;
use std::path::Path;

use serde_json::json;

use super::chart::{Chart, Unit};
use super::machine::{self, Tool};
use super::options::{Compiler, Options};
use super::report::Table;
use super::session::{self, Session};
use super::stats::{self, Spread};
use crate::peers;
use contender::Who;
use growth::Growth;
use project::Project;
use relay::{CASES, Relay};
use rows::Row;
use runner::Runner;

/// The caches that are measured.
const CACHES: [&str; 2] = ["ccache", "sccache"];
/// For `--only`: sizes after builds and trims.
const SIZES: &str = "sizes";

/// `xtask bench read FOLDER`, started for each run of the floor.
pub(crate) fn read(words: &[&str]) -> Result<(), String> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    println!("{}", floor::child(&words)?);
    Ok(())
}

/// What is known when all is measured.
#[derive(Default)]
struct Found {
    rows: Vec<Row>,
    growths: Vec<Growth>,
    floors: Vec<(String, Spread)>,
    notes: Vec<String>,
}

/// What to build.
enum Plan {
    Generated(usize, Compiler),
    Corpus(String),
}

/// Runs the scenario.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let is_known = |only: &String| CASES.contains(&only.as_str()) || only == SIZES;
    if let Some(unknown) = options.only.iter().find(|only| !is_known(only)) {
        return Err(format!("bench: there is no case {unknown}; there are {}, {SIZES}", CASES.join(", ")));
    }
    let session = Session::open(root, options)?;
    let caches: Vec<Tool> = CACHES
        .iter()
        .filter_map(|name| Some(Tool::ask(name, &peers::find(root, name, &options.peers)?)))
        .filter(|tool| tool.version.is_some())
        .collect();
    let mut found = Found { notes: notes(&caches), ..Found::default() };
    for plan in plans(options) {
        one(&session, &caches, &plan, options, &mut found)?;
    }
    let title = "A restored build on another machine: ninja and rekindle";
    let chart = Chart {
        title: title.to_owned(),
        subtitle:
            "restoring and building, wall clock time, median; whiskers from fastest to slowest; how many commands ran"
                .to_owned(),
        unit: Unit::Milliseconds,
        panels: rows::panels(&found.rows),
        small: Vec::new(),
    };
    let mut report = session.report("ci", title, chart);
    report.tools.extend(caches);
    report.tools.push(session::gcc());
    for name in ["tar", "zstd"] {
        report.tools.extend(machine::on_path(name).map(|path| Tool::ask(name, &path)));
    }
    report.notes = found.notes;
    report.tables.extend(Some(bars(&found.rows, &found.growths)).filter(|bars| !bars.rows.is_empty()));
    for (size, _) in &found.floors {
        report.tables.push(rows::table(&found.rows, size));
    }
    report.tables.extend(found.growths.iter().map(Growth::table));
    let floors: Vec<_> = found
        .floors
        .iter()
        .map(|(size, floor)| json!({ "size": size, "read_and_hash_ms": super::rows::spread(*floor) }))
        .collect();
    report.data = json!({
        "restored": rows::json(&found.rows),
        "sizes": found.growths.iter().map(Growth::json).collect::<Vec<_>>(),
        "floors": floors,
    });
    report.failed = found.rows.iter().flat_map(Row::failures).collect();
    report.failed.extend(found.growths.iter().flat_map(|growth| growth.failed.iter().cloned()));
    // A folder of its own, which the page on the cache in CI names.
    let saved = options.save.then(|| root.join("docs/bench/ci"));
    report.finish(root, &Options { out: options.out.clone().or(saved), ..options.clone() })
}

/// Every case of one project.
fn one(
    session: &Session,
    caches: &[Tool],
    plan: &Plan,
    options: &Options,
    found: &mut Found,
) -> Result<(), String> {
    let project = match plan {
        Plan::Generated(units, compiler) => Project::generated(*units, *compiler, &session.scratch)?,
        Plan::Corpus(name) => Project::of_corpus(&session.root, name)?,
    };
    eprintln!("bench: {}", project.name);
    found.notes.push(format!("{}.", project.describe()));
    let (first, second) = toolchain::copies(&session.root, &session.scratch, project.compiler)?;
    let relay = Relay {
        first: Runner::first(&session.scratch, first),
        second: Runner::second(&session.scratch, second),
        who: who(session, caches, project.compiler),
        scratch: relay::folder(&session.scratch)?,
        project: &project,
    };
    let (cold, short) = if options.quick { (1, 1) } else { (3, 5) };
    let runs = (options.cold_runs.unwrap_or(cold), options.runs.unwrap_or(short));
    if CASES.iter().any(|case| options.wants(case)) {
        let (rows, floor) = relay.run(&|case| options.wants(case), runs)?;
        found.rows.extend(rows);
        found.floors.push((project.name.clone(), floor));
    }
    if let Some(tool) = session.rekindle.as_ref().filter(|_| options.wants(SIZES)) {
        found.growths.push(growth::find(&relay, tool)?);
    }
    relay.close()
}

/// Everybody who builds. The stand-in has no preprocessor, without which sccache does not know a compiler.
fn who(session: &Session, caches: &[Tool], compiler: Compiler) -> Vec<Who> {
    let ninja = session.ninjas[0].clone();
    let is_able = |cache: &&Tool| compiler == Compiler::Gcc || cache.name != "sccache";
    let cached = caches.iter().filter(is_able);
    let cached = cached.map(|cache| Who::Ninja { ninja: ninja.clone(), cache: Some(cache.clone()) });
    let plain = Who::Ninja { ninja: ninja.clone(), cache: None };
    std::iter::once(plain).chain(cached).chain(session.rekindle.iter().cloned().map(Who::Rekindle)).collect()
}

fn plans(options: &Options) -> Vec<Plan> {
    let compiler = |units: usize| {
        let own = if options.quick || units > 1_000 { Compiler::Standin } else { Compiler::Gcc };
        options.compiler.unwrap_or(own)
    };
    match options.units {
        None if options.corpus.is_some() => options.corpus.iter().cloned().map(Plan::Corpus).collect(),
        Some(units) => vec![Plan::Generated(units, compiler(units))],
        None if options.quick => vec![Plan::Generated(12, compiler(12))],
        None => vec![
            Plan::Corpus("lua".to_owned()),
            Plan::Corpus("zstd".to_owned()),
            Plan::Generated(500, compiler(500)),
            Plan::Generated(10_000, compiler(10_000)),
        ],
    }
}

/// What the figures are held against.
fn bars(rows: &[Row], growths: &[Growth]) -> Table {
    let head = ["what", "figure", "bar", ""].map(str::to_owned).to_vec();
    let mut table = Table { title: "What it must show".to_owned(), head, rows: Vec::new() };
    let mut line = |what: String, figure: Option<f64>, bar: f64| {
        let Some(figure) = figure else { return };
        let verdict = if figure <= bar { "holds" } else { "**does not hold**" };
        table.rows.push(vec![what, stats::part(figure), stats::part(bar), verdict.to_owned()]);
    };
    // What a process takes to start is more than a few files take to read.
    for row in rows.iter().filter(|row| row.large && row.who == "rekindle" && row.case == CASES[1]) {
        let what = format!(
            "{}, {} restored, nothing changed: the build, of reading all inputs",
            row.size,
            row.carried.name()
        );
        line(what, stats::ratio(row.build().median, row.floor), 2.0);
    }
    for growth in growths {
        let size = growth.size();
        line(format!("{size}: the pack, of `tar --zstd` of the objects alone"), growth.to_objects(), 1.2);
        let (store, pack) = growth.grown().unzip();
        let after = "edits, builds and trims: the largest";
        let what = |name: &str| format!("{size}, {} {after} {name}, of the first", growth::BUILDS);
        line(what("store, packed by tar"), store, 1.5);
        line(what("pack"), pack, 1.5);
    }
    table
}

fn notes(caches: &[Tool]) -> Vec<String> {
    let mut notes: Vec<String> = [
        "Two runners with other directories, home, temporary directory, user and `PATH`; the toolchain of the second is a copy \
         at another place. Nothing of the first one is there any more when the second one builds. Before each run it is emptied and the sources are written anew, in the other order, with \
         the times of that moment. What it restores from is one file made by `tar --zstd`; a pack is in such a file too. What was read or written a moment ago \
         is in memory.",
        "`restore` is unpacking and, of a pack, `rekindle cache import`; `build` is the build, with the start of sccache's server; \
         `to save` is what the first runner needs for packing (and exporting), once. A \
         runner's compiler cache or store lies in a directory of its own. All builds are for release; \
         rekindle writes what it does by default: programs, and no objects that nobody needs.",
        "`an older commit's cache`: the first runner built an older commit, in which three sources and, in generated projects, a header \
         were others. ninja has to run everything in each case, since all sources are newer than what was restored.",
        "Each run was checked: commands by kind against what the case needs, with `--forbid-spawn` where that is none; the \
         programs against those of a cold build of the same commit on the same runner; and for rekindle, after `--materialize=all`, which \
         may run nothing, every object and archive too. The cold builds of the two runners are equal.",
        "Reading all inputs: a process that lists all files of the checkout, reads and hashes (BLAKE3) each once on all \
         cores; its median is the unit of `of reading all inputs`.",
        "Settings. ccache: `base_dir`, `hash_dir=false`, `compiler_check=content`, `depend_mode`, `sloppiness=include_file_mtime,\
         include_file_ctime`, `compression=false` (tar compresses better). sccache: `SCCACHE_BASEDIRS` with workspace and \
         toolchain, and `SCCACHE_DIRECT=false`, because its direct mode names included files absolutely and finds nothing in \
         another directory (it is faster so). It is not measured with the stand-in compiler, which does not preprocess. ccache names the \
         toolchain's headers by where they lie, whatever its settings: a source that includes one of them (all of the corpus) \
         hits nothing when the toolchain is elsewhere.",
    ]
    .map(str::to_owned)
    .to_vec();
    let missing: Vec<&str> =
        CACHES.into_iter().filter(|name| !caches.iter().any(|tool| tool.name == *name)).collect();
    if !missing.is_empty() {
        notes.push(format!("Not installed, so not measured: {}.", missing.join(", ")));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use contender::Carried;
    use rows::tests::row;

    #[test]
    fn a_case_that_does_not_exist_is_named() {
        let options = Options::parse(&["--only", "no-op"]).unwrap();
        let error = run(Path::new("/nowhere"), &options).unwrap_err();
        assert!(error.contains("no case no-op; there are cold, unchanged"), "{error}");
    }

    #[test]
    fn a_bar_that_does_not_hold_says_so() {
        let rows = [row("rekindle", Carried::Store, &[3.0]), row("rekindle", Carried::Pack, &[5.0])];
        let table = bars(&rows, &[]);
        let verdicts: Vec<&str> = table.rows.iter().map(|row| row[3].as_str()).collect();
        assert_eq!(verdicts, ["holds", "**does not hold**"]);
        assert_eq!(table.rows[0][1], "1.50");
        let small = rows.map(|row| Row { large: false, ..row });
        assert!(bars(&small, &[]).rows.is_empty());
    }

    #[test]
    fn ten_thousand_units_have_the_stand_in_and_one_size_may_be_asked_for() {
        let of = |words: &[&str]| plans(&Options::parse(words).unwrap());
        assert_eq!(of(&[]).len(), 4);
        assert!(matches!(of(&["--units", "10_000"])[..], [Plan::Generated(10_000, Compiler::Standin)]));
        assert!(matches!(of(&["--units", "300"])[..], [Plan::Generated(300, Compiler::Gcc)]));
        assert!(matches!(&of(&["--corpus", "lua"])[..], [Plan::Corpus(name)] if name == "lua"));
        assert!(matches!(of(&["--quick"])[..], [Plan::Generated(12, Compiler::Standin)]));
    }
}
