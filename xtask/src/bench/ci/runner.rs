//! A machine that builds, as far as another one can be had here: directories, a home and an environment of its own, a
//! copy of the toolchain, and sources that were checked out a moment ago.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::contender::Who;
use super::project::{Commit, Project};
use super::recipe::ENGINE;
use crate::bench::measure::Line;
use crate::bench::project::put;
use crate::bench::{recipes, steps};

/// A runner.
pub(crate) struct Runner {
    /// All that is its own but for the toolchain.
    base: PathBuf,
    /// The checkout.
    pub(crate) work: PathBuf,
    /// Where caches and stores lie.
    pub(crate) cache: PathBuf,
    home: PathBuf,
    temporary: PathBuf,
    /// The toolchain; its programs are in `bin`.
    pub(crate) toolchain: PathBuf,
    user: &'static str,
    /// Whether files are written in the other order.
    backwards: bool,
}

impl Runner {
    /// The one whose build is saved.
    pub(crate) fn first(scratch: &Path, toolchain: PathBuf) -> Runner {
        let base = scratch.join("a");
        Runner {
            work: base.join("work/project"),
            cache: base.join("cache"),
            home: base.join("home/ada"),
            temporary: base.join("tmp"),
            toolchain,
            user: "ada",
            backwards: false,
            base,
        }
    }

    /// The one where it is restored.
    pub(crate) fn second(scratch: &Path, toolchain: PathBuf) -> Runner {
        let base = scratch.join("runner-2");
        Runner {
            work: base.join("builds/4711/checkout-of-it"),
            cache: base.join("var"),
            home: base.join("users/runneradmin"),
            temporary: base.join("temporary-files"),
            toolchain,
            user: "runneradmin",
            backwards: true,
            base,
        }
    }

    /// A machine without anything of the project, and then with its sources, each with a new time, and with a build
    /// file for ninja if it is to build.
    pub(crate) fn check_out(
        &self,
        project: &Project,
        commit: Commit,
        builder: Option<&Who>,
    ) -> Result<(), String> {
        steps::remove(&self.base)?;
        for folder in [&self.work, &self.cache, &self.home, &self.temporary] {
            fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
        }
        let files = project.files(commit);
        if self.backwards {
            files.rev().try_for_each(|(path, bytes)| self.write(path, bytes))?;
        } else {
            files.into_iter().try_for_each(|(path, bytes)| self.write(path, bytes))?;
        }
        if let Some(who @ Who::Ninja { .. }) = builder {
            let text = project.recipe.ninja(who.launcher().as_deref());
            put(&self.work, &recipes::ninja_file(ENGINE), &text)?;
        }
        steps::pause();
        Ok(())
    }

    /// Writes a file of the checkout.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.work.join(path);
        let folder = path.parent().unwrap_or(&self.work);
        fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
        fs::write(&path, bytes).map_err(|error| format!("write {}: {error}", path.display()))
    }

    /// A command of this runner, run in the checkout.
    pub(crate) fn line(&self, words: Vec<OsString>, more: Vec<(String, OsString)>) -> Line {
        let mut environment = self.environment();
        environment.extend(more);
        Line { words, directory: self.work.clone(), environment }
    }

    /// What differs from machine to machine.
    pub(crate) fn environment(&self) -> Vec<(String, OsString)> {
        let bin = self.toolchain.join("bin");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        let own = |name: &str, value: &Path| (name.to_owned(), value.as_os_str().to_owned());
        vec![
            own("HOME", &self.home),
            own("XDG_CACHE_HOME", &self.home.join(".cache")),
            own("TMPDIR", &self.temporary),
            own("USER", Path::new(self.user)),
            own("LOGNAME", Path::new(self.user)),
            own("HOSTNAME", Path::new(if self.backwards { "fv-az1337-42" } else { "fv-az7-1" })),
            own("PATH", Path::new(&path)),
        ]
    }

    /// Removes what is its own, and hides its toolchain until the answer is dropped.
    pub(crate) fn vanish(&self) -> Result<Vanished, String> {
        self.remove()?;
        let vanished =
            Vanished { place: self.toolchain.clone(), hidden: self.toolchain.with_extension("hidden") };
        fs::rename(&vanished.place, &vanished.hidden)
            .map_err(|error| format!("rename {}: {error}", vanished.place.display()))?;
        Ok(vanished)
    }

    /// Removes what is its own.
    pub(crate) fn remove(&self) -> Result<(), String> {
        steps::remove(&self.base)
    }

    /// Where a compiler may leave temporary files.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }
}

/// A toolchain that nobody can find.
pub(crate) struct Vanished {
    place: PathBuf,
    hidden: PathBuf,
}

impl Drop for Vanished {
    fn drop(&mut self) {
        if let Err(error) = fs::rename(&self.hidden, &self.place) {
            eprintln!("bench: rename {}: {error}", self.hidden.display());
        }
    }
}
