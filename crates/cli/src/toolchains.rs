//! Toolchains of a build: found, asked what they are, and made to speak for the frontend.
//!
//! The frontend lowers with anything that turns requests into actions; a toolchain does, but may first have to ask its
//! compiler about flags that it has not met. The two are brought together here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use rekindle_engine::build_dir::BuildDir;
use rekindle_exec::{Command, Exit, Live};
use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_frontend::lower::{Lowered, lower};
use rekindle_frontend::project::Project;
use rekindle_frontend::toolbox::Toolbox;
use rekindle_toolchain::request::{Archive, Compile, Link};
use rekindle_toolchain::{
    Answer, BuildError, Environment, FlagError, Memo, Prober, Toolchain, ToolchainError, resolve,
};

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

/// The memory of a build directory, as toolchains use it.
struct Kept<'a>(&'a mut BuildDir);

impl Memo for Kept<'_> {
    fn get(&mut self, key: &Digest) -> Option<Vec<u8>> {
        self.0.history.memo(key)
    }

    fn put(&mut self, key: Digest, value: Vec<u8>) {
        self.0.history.set_memo(key, value);
    }
}

/// The toolchains that were found, with what they ask with.
struct Tools<'a> {
    found: Found,
    asker: Asker<'a>,
    memo: Kept<'a>,
    /// What went wrong while a toolchain learned, for it is no error of the manifest.
    broken: Option<ToolchainError>,
}

impl Tools<'_> {
    /// Lets a toolchain make an action, for which it may have to ask its compiler. Every command of ours runs in the
    /// project's directory.
    fn speak(
        &mut self,
        name: &str,
        files: &mut Files,
        say: impl Fn(&Toolchain, &mut Files, PathId) -> Result<Action, FlagError>,
    ) -> Result<Action, String> {
        let Some(toolchain) = self.found.get_mut(name) else {
            return Err(format!("there is no toolchain `{name}`"));
        };
        let cwd = files.path(Roots::WORKSPACE, "");
        match toolchain
            .learning(files, &mut self.memo, &mut self.asker, |toolchain, files| say(toolchain, files, cwd))
        {
            Ok(action) => Ok(action),
            Err(error) => {
                let text = error.to_string();
                if let BuildError::Toolchain(error) = error {
                    self.broken.get_or_insert(error);
                }
                Err(text)
            }
        }
    }
}

impl Toolbox for Tools<'_> {
    fn knows(&self, toolchain: &str) -> bool {
        self.found.contains_key(toolchain)
    }

    fn compile(&mut self, toolchain: &str, files: &mut Files, what: &Compile) -> Result<Action, String> {
        self.speak(toolchain, files, |toolchain, files, cwd| toolchain.compile(files, what, cwd))
    }

    fn archive(&mut self, toolchain: &str, files: &mut Files, what: &Archive) -> Result<Action, String> {
        self.speak(toolchain, files, |toolchain, files, cwd| toolchain.archive(files, what, cwd))
    }

    fn link(&mut self, toolchain: &str, files: &mut Files, what: &Link) -> Result<Action, String> {
        self.speak(toolchain, files, |toolchain, files, cwd| toolchain.link(files, what, cwd))
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
    let asker = Asker { live: &app.live, forbidden: app.settings.forbid_spawn, refused: None };
    let mut tools = Tools { found: Found::new(), asker, memo: Kept(dir), broken: None };
    let done = find(&app.environment.variables, project, files, &mut tools)
        .and_then(|()| Ok(lower(project, &mut tools, files)?));
    if let Some(program) = tools.asker.refused {
        let what = format!("{program} would have to be asked about itself, and --forbid-spawn forbids that");
        return Err(Failure::new(Kind::Failed, what));
    }
    match tools.broken {
        Some(error) => Err(error.into()),
        None => Ok((done?, tools.found)),
    }
}

fn find(
    variables: &Environment,
    project: &Project,
    files: &mut Files,
    tools: &mut Tools<'_>,
) -> Result<(), Failure> {
    for needed in project.toolchains()? {
        match resolve(&needed.spec, variables, files, &mut tools.memo, &mut tools.asker) {
            Ok(toolchain) => {
                tools.found.insert(needed.spec.name, toolchain);
            }
            // Nobody asked for what it would build; the frontend says what is left out.
            Err(_) if !needed.wanted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
