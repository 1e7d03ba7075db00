//! What lowering asks of toolchains: the command for each thing that is made.

use std::collections::BTreeMap;

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_toolchain::request::{Archive, Compile, Link};
use rekindle_toolchain::tools::{self, Tools};
use rekindle_toolchain::{Environment, FlagError, Memo, Prober, Toolchain};

/// The toolchains of a build, by the names that the manifest gives them.
pub trait Toolbox {
    /// Whether the toolchain is there.
    fn knows(&self, toolchain: &str) -> bool;

    /// Why a toolchain that is not there is not, if that is known.
    fn missing(&self, _toolchain: &str) -> Option<&Missing> {
        None
    }

    /// The action that makes an object, or a precompiled header, of a source.
    ///
    /// # Errors
    /// The toolchain cannot do that. The text says why, on its first line, and what to do on the others.
    fn compile(&mut self, toolchain: &str, files: &mut Files, what: &Compile) -> Result<Action, String>;

    /// The action that makes an archive of objects.
    ///
    /// # Errors
    /// As [`Toolbox::compile`].
    fn archive(&mut self, toolchain: &str, files: &mut Files, what: &Archive) -> Result<Action, String>;

    /// The action that makes a program or a shared library.
    ///
    /// # Errors
    /// As [`Toolbox::compile`].
    fn link(&mut self, toolchain: &str, files: &mut Files, what: &Link) -> Result<Action, String>;

    /// What other build tools are made of, in the environment that they run in. Who knows of none says that the first one
    /// is absent.
    ///
    /// # Errors
    /// One is there and cannot be read. The text says which.
    fn build_tools(
        &mut self,
        _files: &mut Files,
        what: &Tools,
        _environment: &Environment,
    ) -> Result<tools::Found, String> {
        let absent = what.needed.first().map(|name| name.to_string_lossy().into_owned());
        Ok(tools::Found { identity: None, absent })
    }
}

/// Why a toolchain is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// What was looked for, and where, in a sentence.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The toolchains that were resolved, with what it takes to ask them about flags that nobody asked about yet.
pub struct Toolchains<'a> {
    /// The toolchains by name.
    pub list: &'a mut BTreeMap<String, Toolchain>,
    /// Those that were looked for and are not there, by name.
    pub missing: &'a BTreeMap<String, Missing>,
    /// Where answers are kept.
    pub memo: &'a mut dyn Memo,
    /// How a program is asked.
    pub prober: &'a mut dyn Prober,
}

impl Toolchains<'_> {
    fn ask(
        &mut self,
        toolchain: &str,
        files: &mut Files,
        build: impl Fn(&Toolchain, &mut Files, PathId) -> Result<Action, FlagError>,
    ) -> Result<Action, String> {
        let found =
            self.list.get_mut(toolchain).ok_or_else(|| format!("there is no toolchain `{toolchain}`"))?;
        let cwd = files.path(Roots::WORKSPACE, "");
        let built =
            found.learning(files, self.memo, self.prober, |toolchain, files| build(toolchain, files, cwd));
        built.map_err(|error| error.to_string())
    }
}

impl Toolbox for Toolchains<'_> {
    fn knows(&self, toolchain: &str) -> bool {
        self.list.contains_key(toolchain)
    }

    fn missing(&self, toolchain: &str) -> Option<&Missing> {
        self.missing.get(toolchain)
    }

    fn compile(&mut self, toolchain: &str, files: &mut Files, what: &Compile) -> Result<Action, String> {
        self.ask(toolchain, files, |toolchain, files, cwd| toolchain.compile(files, what, cwd))
    }

    fn archive(&mut self, toolchain: &str, files: &mut Files, what: &Archive) -> Result<Action, String> {
        self.ask(toolchain, files, |toolchain, files, cwd| toolchain.archive(files, what, cwd))
    }

    fn link(&mut self, toolchain: &str, files: &mut Files, what: &Link) -> Result<Action, String> {
        self.ask(toolchain, files, |toolchain, files, cwd| toolchain.link(files, what, cwd))
    }

    fn build_tools(
        &mut self,
        files: &mut Files,
        what: &Tools,
        environment: &Environment,
    ) -> Result<tools::Found, String> {
        tools::tools(what, environment, files, self.memo).map_err(|error| error.to_string())
    }
}
