//! The toolchains of a build: found, and asked what they are, with the processes that are counted.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use rekindle_engine::build_dir::BuildDir;
use rekindle_exec::{Command, Exit, Live};
use rekindle_fingerprint::files::Files;
use rekindle_frontend::lower::{Lowered, lower};
use rekindle_frontend::project::Project;
use rekindle_frontend::toolbox::Toolchains;
use rekindle_toolchain::{Answer, Environment, Prober, Toolchain, resolve};

use crate::app::App;
use crate::failure::{Failure, Kind};

/// The toolchains of a build, by name.
pub(crate) type Found = BTreeMap<String, Toolchain>;

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

/// Finds the toolchains that the project's targets ask for and lowers the project with them.
///
/// # Errors
/// A toolchain that is wanted is missing or does not answer; the manifest turns out to be wrong.
pub(crate) fn lowered(
    app: &App,
    project: &Project,
    files: &mut Files,
    dir: &mut BuildDir,
) -> Result<(Lowered, Found), Failure> {
    let mut asker = Asker { live: &app.live, forbidden: app.settings.forbid_spawn, refused: None };
    let mut found = Found::new();
    let done = find(app, project, files, dir, &mut asker, &mut found).and_then(|()| {
        let mut tools = Toolchains { list: &mut found, memo: dir, prober: &mut asker };
        Ok(lower(project, &mut tools, files)?)
    });
    match asker.refused {
        // Whatever was said for want of an answer is beside the point.
        Some(program) => {
            let what =
                format!("{program} would have to be asked about itself, and --forbid-spawn forbids that");
            Err(Failure::new(Kind::Failed, what))
        }
        None => Ok((done?, found)),
    }
}

fn find(
    app: &App,
    project: &Project,
    files: &mut Files,
    dir: &mut BuildDir,
    asker: &mut Asker<'_>,
    found: &mut Found,
) -> Result<(), Failure> {
    for needed in project.toolchains()? {
        match resolve(&needed.spec, &app.environment.variables, files, dir, asker) {
            Ok(toolchain) => {
                found.insert(needed.spec.name, toolchain);
            }
            // Nobody asked for what it would build; the frontend says what is left out.
            Err(_) if !needed.wanted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
