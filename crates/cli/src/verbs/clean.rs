//! `rekindle clean`: remove what was built, and nothing else.

use std::path::{Path, PathBuf};

use rekindle_engine::build_dir::BuildDir;
use rekindle_engine::lock::{Lock, Waiting};
use rekindle_engine::used::names_of;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::Roots;
use rekindle_store::{ActionCache, Disk};

use super::cache;
use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::Stream;
use crate::place::Place;
use crate::settings::Settings;
use crate::store;

/// The file by which the engine marks a build directory (bford.info/cachedir), and one that only it writes.
const MARKS: [&str; 2] = ["CACHEDIR.TAG", "lock"];

/// Where other build tools work, beside the directories of profiles.
const TOOLS: &str = rekindle_frontend::lower::TOOLS;

/// Removes the build directories of all profiles, or that of one if one is named.
pub(super) fn clean(
    settings: &Settings,
    environment: &Environment,
    given: Option<&Path>,
) -> Result<(), Failure> {
    let place = Place::find(settings, given)?;
    let profile = settings.profile_given.then_some(settings.profile.as_str());
    let found = build_dirs(&place.builds, profile)?;
    if settings.clean_store {
        clean_store(settings, environment, given, &place, &found)?;
    }
    for dir in &found {
        if settings.dry_run {
            super::answer(format!("would remove {}\n", dir.display()))?;
            continue;
        }
        remove(dir, environment)?;
        if settings.verbose {
            Stream::stderr(false).write(format!("rekindle: removed {}\n", dir.display()));
        }
    }
    if profile.is_none() {
        clean_tools(settings, &place.builds.join(TOOLS))?;
    }
    if !settings.dry_run {
        remove_if_empty(&place.builds);
    }
    Ok(())
}

/// Removes what other build tools left where they worked for archives, of all profiles.
#[expect(clippy::disallowed_methods, reason = "this is the verb that removes")]
fn clean_tools(settings: &Settings, path: &Path) -> Result<(), Failure> {
    // A link is not ours, and never followed.
    if !path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(());
    }
    if settings.dry_run {
        return super::answer(format!("would remove {}\n", path.display()));
    }
    let removed = std::fs::remove_dir_all(path);
    removed.map_err(|error| Failure::io("remove", format_args!("`{}`", path.display()), &error))
}

/// The directories below `builds` that the engine made.
fn build_dirs(builds: &Path, profile: Option<&str>) -> Result<Vec<PathBuf>, Failure> {
    let trouble = |error: &std::io::Error| Failure::io("read", format_args!("`{}`", builds.display()), error);
    let entries = match std::fs::read_dir(builds) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(trouble(&error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| trouble(&error))?;
        let path = entry.path();
        let is_named = profile.is_none_or(|profile| entry.file_name() == *profile);
        // A link is never followed: what it leads to is not ours to remove.
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_named && is_dir && MARKS.iter().all(|mark| path.join(mark).is_file()) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Removes from the store what the stamps in these build directories say was shared.
fn clean_store(
    settings: &Settings,
    environment: &Environment,
    given: Option<&Path>,
    place: &Place,
    dirs: &[PathBuf],
) -> Result<(), Failure> {
    let (path, sharing) = cache::find(settings, environment, given)?;
    let mut names: Vec<Digest> = Vec::new();
    for dir in dirs {
        names.extend(shared_by(dir, place, environment)?);
    }
    names.sort_unstable();
    names.dedup();
    let mut removed = 0;
    if path.exists() {
        let disk = store::open(&path, sharing.max_size.unwrap_or(store::LIMIT))?;
        for name in &names {
            removed +=
                u64::from(forget(&disk, name, settings.dry_run).map_err(|error| store::trouble(&error))?);
        }
    }
    let entries = if removed == 1 { "entry" } else { "entries" };
    if settings.dry_run {
        return super::answer(format!("would remove {removed} {entries} of {}\n", path.display()));
    }
    Stream::stderr(false).write(format!("rekindle: removed {removed} {entries} of {}\n", path.display()));
    Ok(())
}

/// Removes an entry, or only looks for it; tells whether it was there.
fn forget(disk: &Disk, name: &Digest, dry_run: bool) -> Result<bool, rekindle_store::Error> {
    // One that is damaged is set aside by the look, and so it is gone as well.
    let there = disk.entry(name).is_ok_and(|entry| entry.is_some());
    if there && !dry_run {
        disk.remove_entry(name)?;
    }
    Ok(there)
}

/// The names in the store of everything that a build directory remembers.
fn shared_by(dir: &Path, place: &Place, environment: &Environment) -> Result<Vec<Digest>, Failure> {
    let mut files = Files::new(Roots::new(&place.workspace, dir));
    let holder = format!("process {}", environment.process);
    let build = BuildDir::open(dir, &mut files, &holder, |waiting| tell(dir, &waiting))?;
    let keys: Vec<_> = build.history.keys().collect();
    let stamps = keys.iter().filter_map(|key| build.history.generations(*key));
    let stamps = stamps.flat_map(|both| both.current.iter().chain(&both.previous));
    Ok(stamps.flat_map(|stamp| names_of(stamp)).collect())
}

/// Says for whom is waited.
fn tell(dir: &Path, waiting: &Waiting) {
    let words = match waiting {
        Waiting::ForBuild { holder } => format!("waiting for a build in {}: {holder}", dir.display()),
        Waiting::ForOrphans => "waiting for commands that a killed build left running".to_string(),
    };
    Stream::stderr(false).write(format!("rekindle: {words}\n"));
}

/// Waits for builds in the directory, then removes it.
#[expect(clippy::disallowed_methods, reason = "this is the verb that removes")]
fn remove(dir: &Path, environment: &Environment) -> Result<(), Failure> {
    let holder = format!("process {}", environment.process);
    let lock = Lock::take(dir, &holder, |waiting| tell(dir, &waiting))?;
    let removed = std::fs::remove_dir_all(dir);
    drop(lock);
    removed.map_err(|error| Failure::io("remove", format_args!("`{}`", dir.display()), &error))
}

/// Removes the directory of build directories, and `.rekindle` above it, if nothing else is in them.
fn remove_if_empty(builds: &Path) {
    if std::fs::remove_dir(builds).is_ok()
        && let Some(parent) = builds.parent().filter(|parent| parent.ends_with(".rekindle"))
    {
        // What is not empty stays, and that is no error.
        let _removed = std::fs::remove_dir(parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writers::atomic;

    fn build_dir(path: &Path) {
        std::fs::create_dir_all(path).unwrap();
        for mark in MARKS {
            atomic::write(&path.join(mark), b"").unwrap();
        }
    }

    #[test]
    fn only_what_the_engine_made_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let builds = dir.path().join(".rekindle/build");
        build_dir(&builds.join("debug"));
        build_dir(&builds.join("release"));
        build_dir(&dir.path().join("elsewhere"));
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), builds.join("link")).unwrap();
        std::fs::create_dir(builds.join("mine")).unwrap();
        let names = |profile| -> Vec<String> {
            let found = build_dirs(&builds, profile).unwrap();
            found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_string()).collect()
        };
        assert_eq!(names(None), ["debug", "release"]);
        assert_eq!(names(Some("release")), ["release"]);
        remove(&builds.join("debug"), &Environment::default()).unwrap();
        assert_eq!(names(None), ["release"]);
        remove_if_empty(&builds);
        assert!(builds.join("mine").is_dir());
    }

    #[test]
    fn there_is_nothing_to_remove_where_nothing_was_built() {
        assert_eq!(build_dirs(Path::new("/nonexistent/build"), None).unwrap(), Vec::<PathBuf>::new());
    }
}
