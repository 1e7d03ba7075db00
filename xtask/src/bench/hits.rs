//! `bench hits`: what one warm hit costs when the object is wanted on disk, by a build engine with a store of its own
//! and by ninja with a compiler cache, against one `cp` process for each object.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::caches::Cache;
use super::chart::{Chart, Panel, Unit};
use super::engines::{Count, Engine, Said};
use super::machine::{self, Tool};
use super::measure::{self, Line};
use super::options::Options;
use super::rows::{self, Row, Sample};
use super::session::{self, Session, WRAPPERS};
use super::steps;
use super::units::{Language, Units, count_below};
use crate::peers;

/// Somebody who brings the objects back.
struct Contender {
    name: String,
    line: Line,
    /// What is deleted before each run.
    fresh: Vec<PathBuf>,
    way: Way,
}

/// How it does so, and how that is checked.
enum Way {
    /// One process for each line of a list.
    Each,
    /// Ninja runs a command for each object; with a cache, the cache has to tell a hit for each.
    Ninja(Option<Cache>),
    /// rekindle, from its store.
    Rekindle(Engine),
}

/// Runs the scenario.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let session = Session::open(root, options)?;
    let sizes = match options.units {
        Some(units) => (units, units.div_ceil(4)),
        None if options.quick => (12, 2),
        None => (200, 50),
    };
    let mut rows = Vec::new();
    let caches = caches(root, options);
    for (language, count) in [(Language::C, sizes.0), (Language::Cxx, sizes.1)] {
        let size = format!("{count} {} units", language.name());
        eprintln!("bench: {size}");
        let units = Units::create(session.scratch.join("units"), language, count)?;
        let runs = options.runs.unwrap_or(if options.quick { 2 } else { 11 });
        rows.extend(at_size(&session, &units, language, &caches, &size, runs)?);
        steps::remove(&units.place)?;
    }
    let title = "A warm hit, for each unit, the object wanted on disk";
    let mut report = session.report("hits", title, chart(title, &rows));
    report.tools.extend(caches.iter().cloned());
    report.tools.push(session::gcc());
    report.tools.extend(machine::on_path("cp").map(|path| Tool::ask("cp", &path)));
    report.notes = notes(&caches);
    session::fill(&mut report, &rows);
    report.finish(root, options)
}

/// The caches that are installed or named.
fn caches(root: &Path, options: &Options) -> Vec<Tool> {
    let found = |name: &&str| peers::find(root, name, &options.peers).map(|path| Tool::ask(name, &path));
    WRAPPERS.iter().filter_map(found).filter(|tool| tool.version.is_some()).collect()
}

fn chart(title: &str, rows: &[Row]) -> Chart {
    let panel = |what: &'static str, value| {
        rows::panels(rows, value)
            .into_iter()
            .map(move |panel| Panel { title: format!("{}: {what}", panel.title), ..panel })
    };
    let panels = panel("wall clock time a unit", Row::wall as fn(&Row) -> _)
        .chain(panel("CPU time a unit", Row::cpu as fn(&Row) -> _))
        .map(one_a_line)
        .collect();
    Chart {
        title: title.to_owned(),
        subtitle: "median; whiskers from the fastest to the slowest run; × as a multiple of the bare cp"
            .to_owned(),
        unit: Unit::Milliseconds,
        panels,
        small: Vec::new(),
    }
}

/// One group for each bar, so that every bar has its name in front.
fn one_a_line(panel: Panel) -> Panel {
    let groups = panel
        .groups
        .into_iter()
        .flat_map(|group| group.bars)
        .map(|bar| super::chart::Group { label: bar.series.clone(), bars: vec![bar] });
    Panel { title: panel.title, groups: groups.collect() }
}

fn at_size(
    session: &Session,
    units: &Units,
    language: Language,
    caches: &[Tool],
    size: &str,
    runs: usize,
) -> Result<Vec<Row>, String> {
    let ninja = &session.ninjas[0];
    let plain = ninja_line(ninja, units, "plain", Vec::new());
    units.compile_by("plain", language.compiler())?;
    measure::run(&plain, &session.scratch)?;
    let mut contenders = floors(session, units)?;
    for tool in caches {
        let cache = Cache::start(&tool.name, &tool.path, &session.scratch)?;
        units.compile_by(&tool.name, &cache.wrap(language.compiler()))?;
        contenders.push(Contender {
            name: format!("ninja + {}", tool.name),
            line: ninja_line(ninja, units, &tool.name, cache.environment()),
            fresh: vec![units.place.join(format!("{}-out", tool.name))],
            way: Way::Ninja(Some(cache)),
        });
    }
    if let Some(tool) = &session.rekindle {
        let store = session.scratch.join("store");
        steps::remove(&store)?;
        let engine = Engine::rekindle("rekindle", &tool.path, &units.place, Some(&store));
        let mut line = engine.line.clone();
        line.words.push("units".into());
        let fresh = vec![units.place.join(".rekindle")];
        contenders.push(Contender { name: "rekindle".to_owned(), line, fresh, way: Way::Rekindle(engine) });
    }
    measure_all(session, units, &contenders, size, runs)
}

/// `true` and `cp` once for each object, one after another, and ninja with `cp` for a compiler.
fn floors(session: &Session, units: &Units) -> Result<Vec<Contender>, String> {
    let each = |name: &str, program: &str, folder: &str, lines: Vec<String>| {
        let list = session.scratch.join(format!("list-{program}"));
        fs::write(&list, lines.join("\n")).map_err(|error| format!("write {}: {error}", list.display()))?;
        let program = machine::on_path(program).ok_or_else(|| format!("there is no {program}"))?;
        let words: Vec<OsString> = vec![measure::OWN.into(), "each".into(), list.into(), program.into()];
        Ok::<Contender, String>(Contender {
            name: name.to_owned(),
            line: Line { words, directory: units.place.clone(), environment: Vec::new() },
            fresh: vec![units.place.join(folder)],
            way: Way::Each,
        })
    };
    let copies = units
        .sources
        .iter()
        .enumerate()
        .map(|(at, source)| format!("{} cp-out/{at}.o", Units::object("plain", source)));
    let cp = each("cp, one by one", "cp", "cp-out", copies.collect())?;
    let bare = each("true, one by one", "true", "true-out", vec!["x".to_owned(); units.sources.len()])?;
    units.copy_by("copy", "plain")?;
    let ninja = Contender {
        name: "ninja + cp".to_owned(),
        line: ninja_line(&session.ninjas[0], units, "copy", Vec::new()),
        fresh: vec![units.place.join("copy-out")],
        way: Way::Ninja(None),
    };
    Ok(vec![cp, bare, ninja])
}

fn ninja_line(ninja: &Tool, units: &Units, name: &str, environment: Vec<(String, OsString)>) -> Line {
    let line = Engine::ninja(name, &ninja.path, &units.place).line;
    Line { environment, ..line }
}

fn measure_all(
    session: &Session,
    units: &Units,
    contenders: &[Contender],
    size: &str,
    runs: usize,
) -> Result<Vec<Row>, String> {
    // Nobody counts the first two: one fills the caches, one shows that they are warm.
    for contender in contenders.iter().chain(contenders) {
        clean(contender)?;
        measure::run(&contender.line, &session.scratch)?;
    }
    let mut rows: Vec<Row> =
        contenders.iter().map(|contender| Row::new(size, "warm hit, per unit", &contender.name)).collect();
    for round in 0..runs {
        for turn in 0..contenders.len() {
            let at = (turn + round) % contenders.len();
            one(session, units, &contenders[at], &mut rows[at])?;
        }
    }
    Ok(rows)
}

/// Deletes what a run makes. The folder of `cp` must be there before it.
fn clean(contender: &Contender) -> Result<(), String> {
    for folder in &contender.fresh {
        steps::remove(folder)?;
        if matches!(contender.way, Way::Each) {
            fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
        }
    }
    measure::command("sync").status().map(drop).map_err(|error| format!("sync: {error}"))
}

/// One measured run, its figures divided by the units, and whether each unit was a hit.
fn one(session: &Session, units: &Units, contender: &Contender, row: &mut Row) -> Result<(), String> {
    let count = units.sources.len();
    clean(contender)?;
    let cache = match &contender.way {
        Way::Ninja(cache) => cache.as_ref(),
        _ => None,
    };
    let before = cache.map(|cache| Ok::<_, String>((cache.hits()?, cache.servers_cpu()))).transpose()?;
    let run = measure::run(&contender.line, &session.scratch)?;
    let mut servers = 0.0;
    if let (Some(cache), Some((hits, cpu))) = (cache, before) {
        servers = cache.servers_cpu() - cpu;
        let hits = cache.hits()? - hits;
        if hits != count as u64 {
            row.fail(format!("{hits} hits for {count} units"));
        }
    }
    let all = Count::new(count, 0, 0);
    let said = match &contender.way {
        Way::Each => Said { ran: all, restored: 0, processes: Some(count as u64) },
        Way::Ninja(_) => Engine::ninja("", Path::new(""), &units.place).said(&run)?,
        Way::Rekindle(engine) => engine.said(&run)?,
    };
    match &contender.way {
        Way::Rekindle(_)
            if said.ran.all() > 0 || said.restored != count as u64 || said.processes != Some(0) =>
        {
            row.fail(format!("{} ran, {} were restored for {count} units", said.ran.all(), said.restored));
        }
        Way::Ninja(_) if said.ran != all => row.fail(format!("{} ran for {count} units", said.ran)),
        _ => {}
    }
    let there: usize = contender.fresh.iter().map(|folder| count_below(folder, "o")).sum();
    if there != count && !contender.name.starts_with("true") {
        row.fail(format!("{there} objects were there afterwards, for {count} units"));
    }
    let mut sample = Sample::new(&run, said);
    sample.wall /= count as f64;
    sample.cpu = (sample.cpu + servers) / count as f64;
    row.samples.push(sample);
    Ok(())
}

fn notes(caches: &[Tool]) -> Vec<String> {
    let mut notes: Vec<String> = [
        "Each run begins without outputs and with a warm store or cache, and ends with every object on disk. Times are divided by \
         the number of units; memory, commands and processes are those of the whole run.",
        "`cp, one by one` starts one `cp` process for each object, one after another; `true, one by one` starts `/bin/true` \
         as often, the floor of whoever needs a process for a unit. `ninja + cp` copies on all cores. The units: C with \
         about 50 small headers each, C++ with eight of the standard library's heavy headers; `-O2`.",
        "The caches have their default settings and an empty directory of their own. The CPU time of servers that they keep running is \
         added to theirs (to the nearest 10 ms of a run). Each run was checked: a hit for every unit as the cache counts them, every \
         object there; rekindle restored every unit and started no process.",
    ]
    .map(str::to_owned)
    .to_vec();
    let missing: Vec<&str> =
        WRAPPERS.into_iter().filter(|name| !caches.iter().any(|tool| tool.name == *name)).collect();
    if !missing.is_empty() {
        notes.push(format!("Not installed, so not measured: {}.", missing.join(", ")));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_is_not_installed_is_named_as_not_measured() {
        let there = |names: &[&str]| -> Vec<Tool> {
            let tool = |name: &&str| Tool { name: (*name).to_owned(), path: PathBuf::new(), version: None };
            names.iter().map(tool).collect()
        };
        let last = |names| notes(&there(names)).pop().unwrap();
        assert_eq!(last(&["ccache"]), "Not installed, so not measured: sccache, kache.");
        assert!(!last(&WRAPPERS).contains("not measured"));
    }

    #[test]
    fn every_bar_gets_a_line_with_its_name() {
        let rows = ["cp", "rekindle"].map(|name| Row::new("2 units", "warm hit", name));
        let labels = |panel: &Panel| panel.groups.iter().map(|group| group.label.clone()).collect::<Vec<_>>();
        let chart = chart("title", &rows);
        assert_eq!(chart.panels.len(), 2);
        assert!(chart.panels.iter().all(|panel| labels(panel) == ["cp", "rekindle"]));
    }
}
