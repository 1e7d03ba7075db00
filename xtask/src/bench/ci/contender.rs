//! Who builds, what of it is carried to the other runner, and how it is restored and built there.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::floor::{self, Digests};
use super::parcel;
use super::recipe::ENGINE;
use super::runner::Runner;
use crate::bench::caches::Cache;
use crate::bench::engines::Engine;
use crate::bench::machine::Tool;
use crate::bench::measure::Line;
use crate::bench::recipes;

/// What is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Nothing: a cold build.
    Nothing,
    /// The build directory.
    Directory,
    /// rekindle's store.
    Store,
    /// What `rekindle cache export` wrote.
    Pack,
    /// A compiler cache's directory.
    Cache,
}

impl Carried {
    /// In tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Carried::Nothing => "–",
            Carried::Directory => "build directory",
            Carried::Store => "store",
            Carried::Pack => "pack",
            Carried::Cache => "cache",
        }
    }
}

/// A program that builds.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    /// rekindle with a store.
    Rekindle(Tool),
    /// ninja, perhaps with a compiler cache.
    Ninja {
        /// The engine.
        ninja: Tool,
        /// ccache or sccache.
        cache: Option<Tool>,
    },
}

/// The part of a build directory of rekindle's that is not products.
const OWN: [&str; 9] =
    ["journal", "snapshots", "proofs", "kept", "tmp", "lock", "running", "marker", "CACHEDIR.TAG"];

impl Who {
    /// In tables and charts.
    pub(crate) fn name(&self) -> String {
        match self {
            Who::Rekindle(_) => "rekindle".to_owned(),
            Who::Ninja { cache: None, .. } => ENGINE.to_owned(),
            Who::Ninja { cache: Some(cache), .. } => format!("{ENGINE} + {}", cache.name),
        }
    }

    /// What can be carried of it.
    pub(crate) fn carries(&self) -> &'static [Carried] {
        match self {
            Who::Rekindle(_) => &[Carried::Directory, Carried::Store, Carried::Pack],
            Who::Ninja { cache: None, .. } => &[Carried::Directory],
            Who::Ninja { cache: Some(_), .. } => &[Carried::Cache],
        }
    }

    /// The wrapper of the compiler, as a build file names it.
    pub(crate) fn launcher(&self) -> Option<String> {
        match self {
            Who::Ninja { cache: Some(cache), .. } => Some(cache.path.display().to_string()),
            _ => None,
        }
    }

    /// The compiler cache at its place on a runner, with the settings that suit CI best.
    pub(crate) fn cache(&self, runner: &Runner) -> Result<Option<Cache>, String> {
        let Who::Ninja { cache: Some(tool), .. } = self else { return Ok(None) };
        let folder = runner.cache.join(&tool.name);
        fs::create_dir_all(&folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
        let text = |value: &str| OsString::from(value);
        let settings: Vec<(&str, OsString)> = if tool.name == "ccache" {
            vec![
                ("CCACHE_BASEDIR", runner.work.clone().into()),
                ("CCACHE_NOHASHDIR", text("1")),
                ("CCACHE_COMPILERCHECK", text("content")),
                ("CCACHE_DEPEND", text("1")),
                // A checkout of a moment ago is no reason to distrust it.
                ("CCACHE_SLOPPINESS", text("include_file_mtime,include_file_ctime")),
                // Its entries pack smaller together than one by one, and are read faster.
                ("CCACHE_NOCOMPRESS", text("1")),
                ("CCACHE_TEMPDIR", runner.temporary().into()),
            ]
        } else {
            let folders = format!("{}:{}", runner.work.display(), runner.toolchain.display());
            vec![
                ("SCCACHE_BASEDIRS", text(&folders)),
                // It names included files absolutely: nothing is found elsewhere, and it costs a look.
                ("SCCACHE_DIRECT", text("false")),
            ]
        };
        let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Some(Cache::at(&tool.name, &tool.path, &folder, settings)))
    }

    /// Who tells what was done from what was printed.
    pub(crate) fn engine(&self, runner: &Runner) -> Engine {
        match self {
            Who::Rekindle(tool) => Engine::rekindle("", &tool.path, &runner.work, Some(&store(runner))),
            Who::Ninja { ninja, .. } => Engine::ninja(ENGINE, &ninja.path, &runner.work),
        }
    }

    /// The build of a runner; `more` are words for rekindle.
    pub(crate) fn build(&self, runner: &Runner, more: &[&str], cache: Option<&Cache>) -> Line {
        let mut words = self.engine(runner).line.words;
        if let Who::Rekindle(_) = self {
            words.extend(more.iter().map(OsString::from));
        }
        runner.line(words, cache.map(Cache::environment).unwrap_or_default())
    }

    /// What comes before the build and counts as a part of it.
    pub(crate) fn prelude(&self, runner: &Runner, cache: Option<&Cache>) -> Option<Line> {
        let cache = cache.filter(|cache| cache.name == "sccache")?;
        let words = vec![self.launcher()?.into(), "--start-server".into()];
        Some(runner.line(words, cache.environment()))
    }

    /// The commands that restore what was carried.
    pub(crate) fn restore(
        &self,
        runner: &Runner,
        carried: Carried,
        file: &Path,
    ) -> Result<Vec<Line>, String> {
        let mut lines = Vec::new();
        match carried {
            Carried::Nothing => {}
            Carried::Pack => {
                lines.push(parcel::unpack(runner, file, &runner.cache)?);
                if let Who::Rekindle(tool) = self {
                    lines.push(cache_verb(tool, runner, &["import".into(), runner.cache.join(PACK).into()]));
                }
            }
            _ => lines.push(parcel::unpack(runner, file, &self.folder(runner, carried))?),
        }
        Ok(lines)
    }

    /// What is carried, as a folder.
    pub(crate) fn folder(&self, runner: &Runner, carried: Carried) -> PathBuf {
        match (self, carried) {
            (Who::Rekindle(_), Carried::Directory) => runner.work.join(".rekindle/build"),
            (Who::Rekindle(_), Carried::Store) => store(runner),
            (Who::Ninja { cache: Some(cache), .. }, Carried::Cache) => {
                runner.cache.join(&cache.name).join("store")
            }
            (Who::Ninja { .. }, Carried::Directory) => runner.work.join(recipes::ninja_out(ENGINE)),
            _ => runner.cache.clone(),
        }
    }

    /// The digests of what was built: the program, or with `all` also objects and archives.
    pub(crate) fn products(&self, runner: &Runner, all: bool) -> Result<Digests, String> {
        match self {
            Who::Rekindle(_) => {
                let folder = runner.work.join(".rekindle/build/release");
                let is_product = |path: &Path| {
                    let is_own = OWN.iter().any(|own| path.starts_with(own));
                    let is_between =
                        path.starts_with("obj") || path.extension().is_some_and(|end| end == "a");
                    !is_own && (all || !is_between)
                };
                floor::contents(&folder, &is_product)
            }
            Who::Ninja { .. } => {
                let folder = runner.work.join(recipes::ninja_out(ENGINE));
                let is_own = |path: &Path| {
                    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".ninja"))
                };
                floor::contents(&folder, &|path| !is_own(path))
            }
        }
    }
}

/// The name of a pack on a runner.
pub(crate) const PACK: &str = "rekindle.pack";

/// rekindle's store on a runner.
pub(crate) fn store(runner: &Runner) -> PathBuf {
    runner.cache.join("store")
}

/// `rekindle cache VERB`.
pub(crate) fn cache_verb(tool: &Tool, runner: &Runner, words: &[OsString]) -> Line {
    let mut all: Vec<OsString> = vec![(&tool.path).into(), "cache".into()];
    all.extend(words.iter().cloned());
    all.extend(["--store".into(), store(runner).into()]);
    runner.line(all, Vec::new())
}
