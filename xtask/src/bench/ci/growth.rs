//! Sizes: what is saved after a cold build, and after each of some builds with an edit and a trim in between.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::contender::{PACK, Who, cache_verb};
use super::parcel::{self, STORE_LOCAL};
use super::project::Commit;
use super::relay::{Relay, reason};
use crate::bench::engines::Count;
use crate::bench::machine::Tool;
use crate::bench::measure;
use crate::bench::report::Table;
use crate::bench::stats;
use crate::bench::steps;

/// Builds with an edit before each.
pub(crate) const BUILDS: usize = 10;

/// What was found.
pub(crate) struct Growth {
    size: String,
    /// `tar --zstd` of all objects.
    objects: u64,
    /// The same with archives and programs.
    products: u64,
    /// The store and the pack after each build and trim; the first is the cold build.
    sizes: Vec<(u64, u64)>,
    /// What was not as it should be.
    pub(crate) failed: Vec<String>,
}

/// Builds on the first runner, edits, trims and saves.
pub(crate) fn find(relay: &Relay<'_>, tool: &Tool) -> Result<Growth, String> {
    eprintln!("bench:   sizes: a cold build, and {BUILDS} more with edits and trims");
    let (runner, who, scratch) = (&relay.first, Who::Rekindle(tool.clone()), relay.scratch.as_path());
    runner.check_out(relay.project, Commit::Base, None)?;
    let mut growth = Growth {
        size: relay.project.name.clone(),
        objects: 0,
        products: 0,
        sizes: Vec::new(),
        failed: Vec::new(),
    };
    for round in 0..=BUILDS {
        if round > 0 {
            let (path, bytes) = relay.project.edit(round)?;
            runner.write(path, &bytes)?;
            steps::pause();
        }
        let run = measure::run(&who.build(runner, &["--materialize", "all"], None), scratch)?;
        let ran = who.engine(runner).said(&run)?.ran;
        let claim = if round == 0 { relay.project.recipe.all() } else { Count::new(1, 1, 1) };
        if ran != claim {
            growth
                .failed
                .push(format!("{}, build {round} of growth: ran {ran}; needed are {claim}", growth.size));
        }
        if round == 0 {
            let is_object = |path: &Path| path.extension().is_some_and(|ending| ending == "o");
            growth.objects = packed(relay, &who, &is_object)?;
            growth.products = packed(relay, &who, &|_| true)?;
        }
        let verb = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(std::ffi::OsString::from).collect();
            measure::run(&cache_verb(tool, runner, &words), scratch)
        };
        verb(&["trim", "--used-since", "last-build"])?;
        let store = relay.first_store();
        let file = scratch.join("growth.tar.zst");
        let saved = parcel::pack(runner, &store, &["."], &STORE_LOCAL, &file, scratch)?;
        let pack = runner.cache.join(PACK);
        let _ = fs::remove_file(&pack);
        verb(&["export", &pack.to_string_lossy()])?;
        growth.sizes.push((saved.bytes, parcel::size(&pack)?));
    }
    // What was kept is all that is needed.
    steps::remove(&runner.work.join(".rekindle"))?;
    if let Err(why) = measure::run(&who.build(runner, &["--forbid-spawn"], None), scratch) {
        let why = reason(&why);
        growth.failed.push(format!("{}: a build from what all the trims left: {why}", growth.size));
    }
    Ok(growth)
}

/// The size of `tar --zstd` of some of what was built.
fn packed(relay: &Relay<'_>, who: &Who, wanted: &dyn Fn(&Path) -> bool) -> Result<u64, String> {
    let folder = relay.first.work.join(".rekindle/build/release");
    let products = who.products(&relay.first, true)?;
    let names: Vec<String> =
        products.keys().filter(|path| wanted(path)).map(|path| path.display().to_string()).collect();
    let list = relay.scratch.join("names");
    fs::write(&list, names.join("\n") + "\n")
        .map_err(|error| format!("write {}: {error}", list.display()))?;
    let file = relay.scratch.join("objects.tar.zst");
    let from = list.to_string_lossy();
    let parcel = parcel::pack(&relay.first, &folder, &["-T", &from], &[], &file, &relay.scratch)?;
    Ok(parcel.bytes)
}

impl Growth {
    /// The project.
    pub(crate) fn size(&self) -> &str {
        &self.size
    }

    /// The pack after the cold build as a multiple of the packed objects.
    pub(crate) fn to_objects(&self) -> Option<f64> {
        stats::ratio(self.sizes.first()?.1 as f64, self.objects as f64)
    }

    /// The largest store and the largest pack as multiples of the first.
    pub(crate) fn grown(&self) -> Option<(f64, f64)> {
        let first = self.sizes.first()?;
        let most = |of: fn(&(u64, u64)) -> u64| self.sizes.iter().map(of).max().unwrap_or(0) as f64;
        Some((
            stats::ratio(most(|sizes| sizes.0), first.0 as f64)?,
            stats::ratio(most(|sizes| sizes.1), first.1 as f64)?,
        ))
    }

    /// For people.
    pub(crate) fn table(&self) -> Table {
        let megabytes = |bytes: u64| stats::figure(bytes as f64 / 1e6);
        let row = |(round, (store, pack)): (usize, &(u64, u64))| {
            let name = if round == 0 { "cold".to_owned() } else { format!("edit {round}") };
            vec![name, megabytes(*store), megabytes(*pack)]
        };
        let mut rows: Vec<Vec<String>> = self.sizes.iter().enumerate().map(row).collect();
        rows.push(vec!["objects alone, packed by tar".to_owned(), megabytes(self.objects), String::new()]);
        let name = "objects, archives and programs, packed by tar".to_owned();
        rows.push(vec![name, megabytes(self.products), String::new()]);
        Table {
            title: format!("{}: what is saved after each build and trim", self.size),
            head: ["build", "store, packed by tar, MB", "pack, MB"].map(str::to_owned).to_vec(),
            rows,
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "size": self.size,
            "objects_bytes": self.objects,
            "products_bytes": self.products,
            "store_bytes": self.sizes.iter().map(|sizes| sizes.0).collect::<Vec<_>>(),
            "pack_bytes": self.sizes.iter().map(|sizes| sizes.1).collect::<Vec<_>>(),
            "failed_checks": self.failed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_held_against_the_objects_and_against_the_first() {
        let growth = Growth {
            size: "2 units".to_owned(),
            objects: 1_000_000,
            products: 2_000_000,
            sizes: vec![(1_000, 1_100), (1_500, 1_210), (1_200, 1_100)]
                .into_iter()
                .map(|(store, pack)| (store * 1_000, pack * 1_000))
                .collect(),
            failed: Vec::new(),
        };
        assert_eq!((growth.to_objects(), growth.grown()), (Some(1.1), Some((1.5, 1.1))));
        let table = growth.table();
        assert_eq!(table.rows[1], ["edit 1", "1.50", "1.21"]);
        assert_eq!(table.rows.len(), 5);
    }
}
