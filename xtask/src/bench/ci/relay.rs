//! One project goes from the first runner to the second, again and again: everybody has a turn in each round, and each
//! turn begins with an empty machine, a fresh checkout and one file to restore from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::contender::{Carried, PACK, Who, cache_verb, store};
use super::floor::{Digests, differing};
use super::parcel::{self, BUILD_LOCAL, Parcel, STORE_LOCAL};
use super::project::{COMMITS, Commit, Project};
use super::rows::{Row, Sample};
use super::runner::Runner;
use crate::bench::caches::Cache;
use crate::bench::engines::{Count, Said};
use crate::bench::measure::{self, OWN, Run};
use crate::bench::stats::Spread;

/// The case of a cold build; the others are commits.
pub(crate) const COLD: &str = "cold";

/// How the cases are called, for `--only` too.
pub(crate) const CASES: [&str; 4] = [COLD, "unchanged", "one file changed", "an older commit's cache"];

/// A project, two runners, and who builds.
pub(crate) struct Relay<'a> {
    /// What is built.
    pub(crate) project: &'a Project,
    /// Where it is built first.
    pub(crate) first: Runner,
    /// Where it is restored.
    pub(crate) second: Runner,
    /// Everybody.
    pub(crate) who: Vec<Who>,
    /// Where parcels lie and figures pass through.
    pub(crate) scratch: PathBuf,
}

/// One way of building in one case.
struct Lane<'a> {
    who: &'a Who,
    carried: Carried,
    commit: Commit,
    parcel: Option<&'a Parcel>,
    reference: &'a Digests,
    row: Row,
}

/// What a family of engines makes of each commit in a cold build on the second runner.
type References = BTreeMap<(bool, Commit), Digests>;

impl Relay<'_> {
    /// Measures everything that is wanted; answers the rows and the floor.
    pub(crate) fn run(
        &self,
        wants: &dyn Fn(&str) -> bool,
        (cold, short): (usize, usize),
    ) -> Result<(Vec<Row>, Spread), String> {
        let references = self.references()?;
        let mut parcels = BTreeMap::new();
        for (at, who) in self.who.iter().enumerate() {
            eprintln!("bench:   {}: a cold build on the first runner, and saving", who.name());
            for (carried, parcel) in self.save(who, &references)? {
                parcels.insert((at, carried.name()), parcel);
            }
        }
        // Another machine has nothing of the first one, and nobody may find anything there.
        let _gone = self.first.vanish()?;
        let mut lanes = self.lanes(wants, &parcels, &references);
        let mut floors = Vec::new();
        for round in 0..cold.max(short) {
            eprintln!("bench:   round {} of {}", round + 1, cold.max(short));
            floors.push(self.floor()?);
            let count = lanes.len();
            for turn in 0..count {
                let lane = &mut lanes[(turn + round) % count];
                if round < if lane.row.case == COLD { cold } else { short } {
                    self.turn(lane)?;
                }
            }
        }
        let floor = Spread::of(floors);
        let row = |lane: Lane<'_>| Row { floor: floor.median, ..lane.row };
        Ok((lanes.into_iter().map(row).collect(), floor))
    }

    /// A cold build of each commit on the second runner, once by rekindle and once by ninja without a cache.
    fn references(&self) -> Result<References, String> {
        let mut found = BTreeMap::new();
        let plain = |who: &&Who| !matches!(who, Who::Ninja { cache: Some(_), .. });
        for who in self.who.iter().filter(plain) {
            let is_rekindle = matches!(who, Who::Rekindle(_));
            for commit in COMMITS {
                self.second.check_out(self.project, commit, Some(who))?;
                let run =
                    measure::run(&who.build(&self.second, &["--materialize", "all"], None), &self.scratch)?;
                self.is_cold(who, &self.second, &run)?;
                found.insert((is_rekindle, commit), who.products(&self.second, true)?);
            }
        }
        Ok(found)
    }

    /// Refuses to go on from a cold build that was none.
    fn is_cold(&self, who: &Who, runner: &Runner, run: &Run) -> Result<(), String> {
        let said = who.engine(runner).said(run)?;
        let all = self.project.recipe.all();
        if said.ran == all {
            Ok(())
        } else {
            Err(format!("{}: a cold build ran {}, not {all}", who.name(), said.ran))
        }
    }

    /// Builds on the first runner and saves what can be carried.
    fn save(&self, who: &Who, references: &References) -> Result<Vec<(Carried, Parcel)>, String> {
        let runner = &self.first;
        runner.check_out(self.project, Commit::Base, Some(who))?;
        let cache = who.cache(runner)?;
        if let Some(line) = who.prelude(runner, cache.as_ref()) {
            measure::run(&line, &self.scratch)?;
        }
        let run = measure::run(&who.build(runner, &["--materialize", "all"], cache.as_ref()), &self.scratch)?;
        self.is_cold(who, runner, &run)?;
        // A server writes to its cache until it has ended.
        drop(cache);
        if let Who::Rekindle(_) = who {
            let there = references.get(&(true, Commit::Base));
            let differ = there.map(|there| Ok::<_, String>(differing(&who.products(runner, true)?, there)));
            let differ = differ.transpose()?.unwrap_or_default();
            if !differ.is_empty() {
                return Err(format!("cold builds of the two runners differ: {differ:?}"));
            }
        }
        let file = |carried: Carried| {
            let name = format!("{}-{}.tar.zst", who.name(), carried.name()).replace([' ', '+'], "-");
            self.scratch.join(name)
        };
        let mut parcels = Vec::new();
        for carried in who.carries().iter().copied() {
            let (mut before, mut names, mut without) = (0.0, vec!["."], Vec::new());
            match (who, carried) {
                (Who::Rekindle(tool), Carried::Pack) => {
                    let words = ["export".into(), runner.cache.join(PACK).into()];
                    let run = measure::run(&cache_verb(tool, runner, &words), &self.scratch)?;
                    before = run.wall.as_secs_f64() * 1000.0;
                    names = vec![PACK];
                }
                (Who::Rekindle(_), Carried::Directory) => without.extend(BUILD_LOCAL),
                (Who::Rekindle(_), Carried::Store) => without.extend(STORE_LOCAL),
                _ => {}
            }
            let folder = who.folder(runner, carried);
            let mut parcel = parcel::pack(runner, &folder, &names, &without, &file(carried), &self.scratch)?;
            parcel.saving += before;
            parcels.push((carried, parcel));
        }
        Ok(parcels)
    }

    /// Every case of everybody.
    fn lanes<'a>(
        &'a self,
        wants: &dyn Fn(&str) -> bool,
        parcels: &'a BTreeMap<(usize, &str), Parcel>,
        references: &'a References,
    ) -> Vec<Lane<'a>> {
        let commits = [Commit::Base, Commit::Base, Commit::Edited, Commit::Newer];
        let mut lanes = Vec::new();
        for (case, commit) in CASES.into_iter().zip(commits).filter(|(case, _)| wants(case)) {
            for (at, who) in self.who.iter().enumerate() {
                let Some(reference) = references.get(&(matches!(who, Who::Rekindle(_)), commit)) else {
                    continue;
                };
                let carried = if case == COLD { &[Carried::Nothing] } else { who.carries() };
                for carried in carried.iter().copied() {
                    let parcel = parcels.get(&(at, carried.name()));
                    let row = Row {
                        size: self.project.name.clone(),
                        case: case.to_owned(),
                        who: who.name(),
                        carried,
                        saved: parcel.map_or(0, |parcel| parcel.bytes),
                        saving: parcel.map_or(0.0, |parcel| parcel.saving),
                        samples: Vec::new(),
                        products: "equal".to_owned(),
                        floor: 0.0,
                        large: self.project.is_large(),
                        failed: Vec::new(),
                    };
                    lanes.push(Lane { who, carried, commit, parcel, reference, row });
                }
            }
        }
        lanes
    }

    /// One measured run: an empty machine, a checkout, restoring, building.
    fn turn(&self, lane: &mut Lane<'_>) -> Result<(), String> {
        let (runner, who) = (&self.second, lane.who);
        runner.check_out(self.project, lane.commit, Some(who))?;
        sync()?;
        let mut spent = Spent::default();
        if let Some(parcel) = lane.parcel {
            for line in who.restore(runner, lane.carried, &parcel.file)? {
                spent.restore(&measure::run(&line, &self.scratch)?);
            }
        }
        let cache = who.cache(runner)?;
        if let Some(line) = who.prelude(runner, cache.as_ref()) {
            spent.build(&measure::run(&line, &self.scratch)?);
        }
        let before = hits(cache.as_ref())?;
        let more: &[&str] = if self.claim(lane) == Count::default() { &["--forbid-spawn"] } else { &[] };
        let run = match measure::run(&who.build(runner, more, cache.as_ref()), &self.scratch) {
            Ok(run) => run,
            Err(why) if !more.is_empty() => {
                lane.row.fail(format!("it did not build: {}", reason(&why)));
                return Ok(());
            }
            Err(why) => return Err(why),
        };
        spent.build(&run);
        let said = who.engine(runner).said(&run)?;
        let hits = hits(cache.as_ref())?.map(|after| after - before.unwrap_or(0));
        let servers = cache.as_ref().map_or(0.0, Cache::servers_cpu);
        let Spent { restore, build, cpu } = spent;
        lane.row.samples.push(Sample { restore, build, cpu: cpu + servers, said, hits });
        self.check(lane, said)
    }

    /// What has to run.
    fn claim(&self, lane: &Lane<'_>) -> Count {
        match (lane.who, lane.carried) {
            // All sources are newer than what was restored, and a compiler cache saves none of ninja's commands.
            (Who::Ninja { .. }, _) | (_, Carried::Nothing) => self.project.recipe.all(),
            (Who::Rekindle(_), _) => self.project.claim(lane.commit),
        }
    }

    /// Holds a run against what the row claims.
    fn check(&self, lane: &mut Lane<'_>, said: Said) -> Result<(), String> {
        let claim = self.claim(lane);
        if said.ran != claim {
            lane.row.fail(format!("ran {}; needed are {claim}", said.ran));
        }
        // Probes of the toolchain come on top in a cold build.
        let processes = said.processes.unwrap_or(claim.all());
        if processes < claim.all() || (lane.carried != Carried::Nothing && processes > claim.all()) {
            lane.row.fail(format!("started {processes} processes for {} commands", claim.all()));
        }
        let made = lane.who.products(&self.second, false)?;
        let is_wrong = |(path, digest): (&PathBuf, &blake3::Hash)| lane.reference.get(path) != Some(digest);
        if let Who::Ninja { .. } = lane.who {
            let differ = differing(&made, lane.reference).len();
            if differ > 0 {
                lane.row.products = format!("{differ} of {} differ", lane.reference.len());
            }
            return Ok(());
        }
        if made.is_empty() || made.iter().any(is_wrong) {
            lane.row.fail("what was asked for is not what a cold build makes".to_owned());
            lane.row.products = "differ".to_owned();
        }
        // Untimed: whoever wants all files gets them, no command runs for it, and they are the right ones.
        let line = lane.who.build(&self.second, &["--materialize", "all", "--forbid-spawn"], None);
        if let Err(why) = measure::run(&line, &self.scratch) {
            lane.row.fail(format!("afterwards, writing all files was not possible: {}", reason(&why)));
        }
        let differ = differing(&lane.who.products(&self.second, true)?, lane.reference);
        if !differ.is_empty() {
            lane.row.products = format!("{} of {} differ", differ.len(), lane.reference.len());
            let some: Vec<String> = differ.iter().take(3).map(|path| path.display().to_string()).collect();
            let count = format!("{} of {}", differ.len(), lane.reference.len());
            lane.row
                .fail(format!("files that are not what a cold build makes: {count}, as {}", some.join(", ")));
        }
        Ok(())
    }

    /// The time to list, read and hash all inputs once on all cores, in a fresh checkout.
    fn floor(&self) -> Result<f64, String> {
        self.second.check_out(self.project, Commit::Base, None)?;
        sync()?;
        let words = vec![OWN.into(), "bench".into(), "read".into(), (&self.second.work).into()];
        let run = measure::run(&self.second.line(words, Vec::new()), &self.scratch)?;
        Ok(run.wall.as_secs_f64() * 1000.0)
    }

    /// Where rekindle's store lies on the first runner.
    pub(crate) fn first_store(&self) -> PathBuf {
        store(&self.first)
    }

    /// Removes what it made.
    pub(crate) fn close(&self) -> Result<(), String> {
        self.first.remove()?;
        self.second.remove()
    }
}

/// Milliseconds.
#[derive(Default)]
struct Spent {
    restore: f64,
    build: f64,
    cpu: f64,
}

impl Spent {
    fn restore(&mut self, run: &Run) {
        self.restore += run.wall.as_secs_f64() * 1000.0;
        self.cpu += run.cpu.as_secs_f64() * 1000.0;
    }

    fn build(&mut self, run: &Run) {
        self.build += run.wall.as_secs_f64() * 1000.0;
        self.cpu += run.cpu.as_secs_f64() * 1000.0;
    }
}

fn hits(cache: Option<&Cache>) -> Result<Option<u64>, String> {
    cache.map(Cache::hits).transpose()
}

/// The line of a failed build that says why: what rekindle said, else the last one.
pub(crate) fn reason(why: &str) -> &str {
    let said = why.lines().find(|line| line.starts_with("rekindle: "));
    said.or_else(|| why.lines().next_back()).unwrap_or_default()
}

/// Lets the disk have all that was written.
fn sync() -> Result<(), String> {
    measure::command("sync").status().map(drop).map_err(|error| format!("sync: {error}"))
}

/// The folder of a project's parcels.
pub(crate) fn folder(scratch: &Path) -> Result<PathBuf, String> {
    let folder = scratch.join("parcels");
    crate::bench::steps::remove(&folder)?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_build_is_told_in_rekindles_words() {
        let why = "[..] ended with 2:\n{\"event\":1}\nrekindle: 3 commands would run\n  hint: x\nxtask: ended with 2";
        assert_eq!(reason(why), "rekindle: 3 commands would run");
        assert_eq!(reason("a\nb"), "b");
    }
}
