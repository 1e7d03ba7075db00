//! The neutral graph: actions, who produces which path, and the targets a person can name. Every front-end lowers
//! to it; nothing here knows a manifest.

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::files::PathId;
use rustc_hash::FxHashMap;

/// The number of an action in a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u32);

/// What a target is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A program.
    Program,
    /// A program that `rekindle test` runs.
    Test,
    /// A static, shared or object library.
    Library,
    /// The outputs of a declared command.
    Command,
}

/// Something that a person can ask for by name.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: TargetKind,
    /// What is built when it is asked for; the first one is the product.
    pub outputs: Vec<PathId>,
    /// Whether it is built when nothing is asked for.
    pub default: bool,
    /// Arguments with which a test is run.
    pub arguments: Vec<String>,
    /// Environment variables that a test or a run gets on top.
    pub environment: Vec<(String, String)>,
    /// Where it is installed, relative to the prefix: (file, place).
    pub install: Vec<(PathId, std::path::PathBuf)>,
}

/// Actions and targets; paths by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    actions: Vec<Action>,
    producers: FxHashMap<PathId, ActionId>,
    targets: Vec<Target>,
    pools: Vec<(String, usize)>,
}
