//! `rekindle explain --compare`: why another place has no result for what would be made here, or would have none.
//!
//! The other place is a pack, a store, or a build directory. It is recognised by its mark, and only read: a pack is
//! brought into a store of its own that goes at the end, and of a build directory the journal is copied.

mod told;

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rekindle_engine::compare::{self as engine, Products, There};
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_scheduler::graph::ActionId;
use rekindle_store::disk::{Disk, Lies, Settings};
use rekindle_store::pack;
use tempfile::TempDir;

use crate::app::{App, Ended};
use crate::args::Format;
use crate::clock::Clock;
use crate::failure::{Failure, Kind, without_numbers};
use crate::session::Session;
use crate::store::{LIMIT, trouble};
use told::Told;

/// How a journal begins.
const JOURNAL: &[u8] = b"rekindle journal";

/// Compares the actions `ids` with what lies at `place`.
pub(super) fn compare(
    app: &mut App,
    session: &mut Session,
    place: &Path,
    ids: &[ActionId],
) -> Result<Ended, Failure> {
    let place = app.environment.directory.join(place);
    let Session { files, dir, lowered, .. } = session;
    let wanted = engine::products(&lowered.graph, files);
    let (kind, there) = read(&place, &wanted)?;
    let comparisons = engine::compare(&lowered.graph, files, &dir.history, &there, ids);
    let told = Told {
        graph: &lowered.graph,
        files,
        comparisons: &comparisons,
        with: format!("{kind} {}", place.display()),
        verbose: app.settings.verbose,
    };
    if there.silent > 0 {
        let of = format!("{} of {} results there", there.silent, there.results);
        app.reporter.note(&format!("{of} do not say of what they were made, or another rekindle made them"));
    }
    app.answer(if app.format == Format::Json { told.json() } else { told.text() })?;
    crate::verbs::answered()
}

/// What lies at a place, and what it has of the products that are `wanted`.
fn read(place: &Path, wanted: &Products) -> Result<(&'static str, There), Failure> {
    let data = fs::metadata(place).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Diagnostic::request(place.display().to_string(), "nothing is there").into(),
        _ => Failure::io("read", place.display(), &error),
    })?;
    if !data.is_dir() {
        return Ok(("the pack", of_pack(place, wanted)?));
    }
    let settings = Settings { now: Clock::now(), limit: LIMIT };
    match Disk::open_to_read(place, settings).map_err(|error| trouble(&error))? {
        Lies::Store(disk) => return Ok(("the store", of_store(&disk, wanted)?)),
        Lies::Older => {
            let what = Diagnostic::request(
                place.display().to_string(),
                "this is the store of an older rekindle, which does not say of what its results were made",
            );
            return Err(what.hint("build there with this rekindle, and compare then").into());
        }
        Lies::Other => {}
    }
    let journals = journals(place)?;
    if journals.is_empty() {
        let what = Diagnostic::request(
            place.display().to_string(),
            "this is no store, no pack and no build directory",
        );
        return Err(what
            .hint("`rekindle cache path` tells where a store lies; `rekindle cache export FILE` makes a pack")
            .into());
    }
    Ok(("the build directory", of_journals(&journals, wanted)?))
}

fn of_store(disk: &Disk, wanted: &Products) -> Result<There, Failure> {
    There::of_store(disk, wanted).map_err(|error| trouble(&error))
}

/// What a pack has: it is brought into a store for the moment, without the files that were made.
fn of_pack(file: &Path, wanted: &Products) -> Result<There, Failure> {
    let space = space()?;
    let store = space.path().join("store");
    let disk = Disk::open(&store, Settings { now: Clock::now(), limit: u64::MAX })
        .map_err(|error| trouble(&error))?;
    pack::import(&disk, file, pack::Content::WithoutBlobs).map_err(|error| no_pack(file, &error))?;
    of_store(&disk, wanted)
}

/// Why a pack cannot be read.
fn no_pack(file: &Path, error: &pack::Error) -> Failure {
    let shown = file.display().to_string();
    match error {
        pack::Error::Bad { what, .. } => {
            Diagnostic::request(shown, "this is no pack that can be used").why(what).into()
        }
        pack::Error::Newer { .. } => Diagnostic::request(shown, "a newer rekindle made this pack")
            .hint("use that newer rekindle")
            .into(),
        pack::Error::File { verb, path, source } => Failure::io(verb, path.display(), source),
        pack::Error::Store(error) => trouble(error),
        error => Failure::new(Kind::Trouble, without_numbers(&error.to_string())),
    }
}

/// The journals of a build directory: its own, or those of its profiles.
fn journals(place: &Path) -> Result<Vec<PathBuf>, Failure> {
    let own = place.join("journal");
    if is_journal(&own) {
        return Ok(vec![own]);
    }
    let failed = |error: std::io::Error| Failure::io("list", place.display(), &error);
    let mut journals = Vec::new();
    for entry in fs::read_dir(place).map_err(failed)? {
        let journal = entry.map_err(failed)?.path().join("journal");
        if is_journal(&journal) {
            journals.push(journal);
        }
    }
    journals.sort();
    Ok(journals)
}

fn is_journal(path: &Path) -> bool {
    let is_file = fs::symlink_metadata(path).is_ok_and(|data| data.is_file());
    let mut begins = Vec::new();
    let read = || fs::File::open(path)?.take(JOURNAL.len() as u64).read_to_end(&mut begins);
    is_file && { read }().is_ok() && begins == JOURNAL
}

/// What the journals of build directories say. Who opens a journal may mend it, so copies are opened.
fn of_journals(journals: &[PathBuf], wanted: &Products) -> Result<There, Failure> {
    let space = space()?;
    let mut there = There::default();
    for (at, journal) in journals.iter().enumerate() {
        let copy = space.path().join(at.to_string());
        fs::copy(journal, &copy).map_err(|error| Failure::io("copy", journal.display(), &error))?;
        there.add_journal(&copy, wanted)?;
    }
    Ok(there)
}

fn space() -> Result<TempDir, Failure> {
    TempDir::new().map_err(|error| Failure::io("create", "a temporary directory", &error))
}
