//! `rekindle clean`: remove what was built, and nothing else.

use std::path::{Path, PathBuf};

use rekindle_engine::lock::{Lock, Waiting};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::output::Stream;
use crate::place::Place;
use crate::settings::Settings;

/// The file by which the engine marks a build directory (bford.info/cachedir), and one that only it writes.
const MARKS: [&str; 2] = ["CACHEDIR.TAG", "lock"];

/// Removes the build directories of all profiles, or that of one if one is named.
pub(super) fn clean(
    settings: &Settings,
    environment: &Environment,
    given: Option<&Path>,
) -> Result<(), Failure> {
    let place = Place::find(settings, given)?;
    let profile = settings.profile_given.then_some(settings.profile.as_str());
    let found = build_dirs(&place.builds, profile)?;
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
    if !settings.dry_run {
        remove_if_empty(&place.builds);
    }
    Ok(())
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

/// Waits for builds in the directory, then removes it.
#[expect(clippy::disallowed_methods, reason = "this is the verb that removes")]
fn remove(dir: &Path, environment: &Environment) -> Result<(), Failure> {
    let holder = format!("process {}", environment.process);
    let lock = Lock::take(dir, &holder, |waiting| {
        let words = match waiting {
            Waiting::ForBuild { holder } => format!("waiting for a build in {}: {holder}", dir.display()),
            Waiting::ForOrphans => "waiting for commands that a killed build left running".to_string(),
        };
        Stream::stderr(false).write(format!("rekindle: {words}\n"));
    })?;
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
