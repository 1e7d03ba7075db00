//! What a build is asked to do: plain data from the command line and the environment.

use std::ffi::OsString;

use rekindle_fingerprint::files::PathId;

use crate::snapshot::Proved;

/// Whether commands run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Bring everything up to date.
    #[default]
    Build,
    /// Say what would run and why; change nothing.
    Plan,
}

/// Which restored files are written to the build directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Materialize {
    /// In a directory that has no stamps, and in one that was begun so, those that are asked for; else all.
    #[default]
    Auto,
    /// Those that are asked for, and what commands that run may read; the others stay in the store.
    Outputs,
    /// All.
    All,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The files that are wanted.
    pub outputs: Vec<PathId>,
    /// How many commands run at once; at least 1.
    pub jobs: usize,
    /// How many failures are tolerated before nothing new is started: 1 stops at the first, `None` never.
    pub failures: Option<usize>,
    /// Whether commands run.
    pub mode: Mode,
    /// Refuse to start any command: an action that is not fresh fails.
    pub forbid_spawn: bool,
    /// Whether the tools of archives that other build tools make have to be there, even if nothing has to be built.
    pub require_tools: bool,
    /// Which restored files are written.
    pub materialize: Materialize,
    /// Whether fresh actions that printed nothing are reported one by one; the others always are.
    pub report_fresh: bool,
    /// Whether the graph is the whole project: outputs of actions that are not in it are deleted. Where a part is left
    /// out (its compiler is not on this machine), what was built of it stays.
    pub whole: bool,
    /// Environment variables that every command gets and no key holds (`PATH`, `HOME`, ...). The engine adds
    /// `TMPDIR`, `PWD` and the jobserver's.
    pub passed: Vec<(OsString, OsString)>,
    /// `MAKEFLAGS` of the make that started us, whose jobserver limits us then.
    pub makeflags: Option<OsString>,
    /// Actions that are not in the graph because they were proved to be fresh.
    pub proved: Proved,
    /// This machine's own name for itself; results that hold on one machine only are bound to it.
    pub machine: Vec<u8>,
}

impl Default for Request {
    /// Nothing is asked for; one command at a time, the first failure ends the build.
    fn default() -> Self {
        Self {
            outputs: Vec::new(),
            jobs: 1,
            failures: Some(1),
            mode: Mode::Build,
            forbid_spawn: false,
            require_tools: false,
            materialize: Materialize::Auto,
            report_fresh: false,
            whole: true,
            passed: Vec::new(),
            makeflags: None,
            proved: Proved::default(),
            machine: Vec::new(),
        }
    }
}
