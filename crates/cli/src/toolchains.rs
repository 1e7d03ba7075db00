//! The toolchains of a build: found, and asked what they are, with the processes that are counted.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use rekindle_engine::build_dir::BuildDir;
use rekindle_engine::origin::note_identities;
use rekindle_exec::{Command, Exit, Live};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_frontend::lower::{Lowered, lower, lower_only};
use rekindle_frontend::project::Project;
use rekindle_frontend::toolbox::{Missing, Toolchains};
use rekindle_toolchain::{Answer, Environment, Prober, Toolchain, ToolchainError, resolve};

use rustc_hash::FxHashSet;

use crate::app::App;
use crate::failure::{Failure, Kind, without_numbers};

/// The toolchains of a build, by name.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Those that are there.
    pub(crate) there: BTreeMap<String, Toolchain>,
    /// Those that are not, and why.
    pub(crate) missing: BTreeMap<String, Missing>,
}

/// Asks programs, with the processes that are counted and ended on Ctrl-C.
struct Asker<'a> {
    live: &'a Live,
    forbidden: bool,
    /// What was to be asked although nothing may run.
    refused: Option<String>,
}

impl Prober for Asker<'_> {
    fn run(
        &mut self,
        program: &Path,
        args: &[OsString],
        env: &Environment,
        cwd: &Path,
    ) -> io::Result<Answer> {
        if self.forbidden {
            self.refused = Some(program.display().to_string());
            return Err(io::Error::other("no command may run"));
        }
        let mut command = Command::new(program, cwd).args(args);
        command.env = env.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let ended = rekindle_exec::run(&command, self.live).map_err(io::Error::other)?;
        let status = match ended.status {
            Exit::Code(code) => Some(code),
            Exit::Signal(_) | Exit::TimedOut => None,
        };
        Ok(Answer { status, stdout: ended.output, stderr: ended.errors })
    }
}

impl Found {
    /// The digest of what they all are, wherever they lie: domain `rekindle toolchains 1`, [`Toolchain::standing`] of
    /// each by its name, the names of those that are missing.
    pub(crate) fn standing(&self, files: &mut Files) -> Digest {
        let mut e = Encoder::for_digest("rekindle toolchains 1");
        let all: Vec<Digest> = self.there.values().map(|toolchain| toolchain.standing(files)).collect();
        e.list(&all, |e, one| {
            e.digest(one);
        });
        let missing: Vec<&String> = self.missing.keys().collect();
        e.list(&missing, |e, name| {
            e.bytes(name.as_bytes());
        });
        e.finish()
    }
}

/// Finds the toolchains that the project's targets ask for.
///
/// # Errors
/// A toolchain that is wanted does not answer, or is missing where it must not be.
pub(crate) fn found(
    app: &App,
    project: &Project,
    files: &mut Files,
    dir: &mut BuildDir,
) -> Result<Found, Failure> {
    asking(app, |asker| find(app, project, files, dir, asker, false))
}

/// Lowers the project with the toolchains that were `found`; with `only`, no more of it than the actions that write one
/// of these files.
///
/// # Errors
/// A toolchain does not answer; the manifest turns out to be wrong.
pub(crate) fn lowered(
    app: &App,
    project: &Project,
    files: &mut Files,
    dir: &mut BuildDir,
    found: &mut Found,
    only: Option<&FxHashSet<PathId>>,
) -> Result<Lowered, Failure> {
    asking(app, |asker| {
        let (list, missing) = (&mut found.there, &found.missing);
        let mut toolchains = Toolchains { list, missing, memo: dir, prober: asker };
        let lowered = match only {
            Some(only) => lower_only(project, &mut toolchains, files, &|path| only.contains(&path))?,
            None => lower(project, &mut toolchains, files)?,
        };
        note_identities(dir, &lowered.graph);
        Ok(lowered)
    })
}

/// Finds the toolchains that the project's targets ask for. What is wrong with one is told of it, and ends nothing.
///
/// # Errors
/// A program would have to be asked, and nothing may run.
pub(crate) fn surveyed(
    app: &App,
    project: &Project,
    files: &mut Files,
    dir: &mut BuildDir,
) -> Result<Found, Failure> {
    asking(app, |asker| find(app, project, files, dir, asker, true))
}

/// Does `work`, in which programs are asked, if that is not forbidden.
fn asking<T>(app: &App, work: impl FnOnce(&mut Asker<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let mut asker = Asker { live: &app.live, forbidden: app.settings.forbid_spawn, refused: None };
    let done = work(&mut asker);
    match asker.refused {
        // Whatever was said for want of an answer is beside the point.
        Some(program) => {
            let what =
                format!("{program} would have to be asked about itself, and --forbid-spawn forbids that");
            Err(Failure::new(Kind::Failed, what))
        }
        None => done,
    }
}

/// Finds every toolchain. One that is not installed is the frontend's to judge, but for the host's; with `lenient`,
/// so is everything else that is wrong with one.
fn find(
    app: &App,
    project: &Project,
    files: &mut Files,
    dir: &mut BuildDir,
    asker: &mut Asker<'_>,
    lenient: bool,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    for needed in project.toolchains()? {
        match resolve(&needed.spec, &app.environment.variables, files, dir, asker) {
            Ok(toolchain) => {
                found.there.insert(needed.spec.name, toolchain);
            }
            Err(error) if lenient || !needed.wanted || may_be_missing(&needed.spec.name, &error) => {
                found.missing.insert(needed.spec.name, missing(&error));
            }
            Err(error) => {
                let told = project.unfit(&needed.spec.name, &error);
                return Err(told.map_or_else(|| error.into(), Failure::from));
            }
        }
    }
    Ok(found)
}

/// Whether a toolchain is just not installed.
fn may_be_missing(name: &str, error: &ToolchainError) -> bool {
    let absent = matches!(error, ToolchainError::NotFound { .. } | ToolchainError::NotThere { .. });
    absent && name != "host"
}

/// Why a toolchain cannot be used, in a sentence without its name.
fn missing(error: &ToolchainError) -> Missing {
    match error {
        ToolchainError::NotFound { role, names, hint, .. } => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let why = format!("no {role} was found: searched for {} on PATH", names.join(", "));
            Missing { why, hint: Some(hint.clone()) }
        }
        ToolchainError::NotThere { role, path, hint, .. } => {
            let why = format!("the {role} `{}` is not there, or is not executable", path.display());
            Missing { why, hint: Some(hint.clone()) }
        }
        other => {
            let text = without_numbers(&other.to_string());
            let first = text.lines().next().unwrap_or_default();
            let why = match first.strip_prefix("toolchain `").and_then(|rest| rest.split_once("`: ")) {
                Some((_, why)) => why,
                None => first,
            };
            Missing { why: why.to_string(), hint: None }
        }
    }
}
