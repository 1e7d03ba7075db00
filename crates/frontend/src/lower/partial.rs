//! Lowering in part: only the actions that make something which is wanted.
//!
//! Whatever others need to know of a target is found out for each (where its product lies, what its dependents compile
//! with), and the rest only where something of it is wanted. What a whole lowering of the same project would refuse is
//! not looked for again.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path};

use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_scheduler::graph::Graph;
use rekindle_toolchain::request::Language;
use rustc_hash::FxHashSet;

use super::sources::{FileKind, SourceFile, kind_of};
use super::{Lowered, Lowering, lowered};
use crate::diagnostic::Diagnostics;
use crate::manifest::Text;
use crate::placeholder::{self, Part};
use crate::project::{Generator, Instance, Kind, Node, Project};
use crate::toolbox::Toolbox;

/// Lowers those actions of `project` of which `only` holds for something that they make, an output or a link. Each is
/// equal to that of [`lower`](super::lower), and they come in the same order. Targets, pools, notices and variables are
/// those of the whole project.
///
/// `only` is asked of the paths that `files` has when this is called: what is wanted has to be among them. The project
/// has to be one that was lowered as a whole before, and the disk the same: some of what that refuses is not looked for
/// here. If something is wanted that no product, object or output of a command is (a side file of a compiler, a
/// source), the whole project is lowered.
///
/// # Errors
/// As [`lower`](super::lower).
pub fn lower_only(
    project: &Project,
    tools: &mut dyn Toolbox,
    files: &mut Files,
    only: &dyn Fn(PathId) -> bool,
) -> Result<Lowered, Diagnostics> {
    let wanted: FxHashSet<PathId> = files.ids().filter(|path| only(*path)).collect();
    let part = lowered(project, tools, files, Some(Only::new(files, wanted.clone())))?;
    if wanted.iter().all(|path| part.graph.producer(*path).is_some()) {
        return Ok(part);
    }
    let whole = lowered(project, tools, files, None)?;
    Ok(Lowered { graph: reduced(&whole.graph, &wanted), ..whole })
}

/// What of a whole graph makes something that is wanted.
fn reduced(whole: &Graph, wanted: &FxHashSet<PathId>) -> Graph {
    let mut graph = Graph::new();
    for (_, action) in whole.actions() {
        let mut made = action.outputs.iter().chain(action.links.iter().map(|(link, _)| link));
        if made.any(|path| wanted.contains(path)) {
            graph.add(action.clone()).expect("the actions of a graph have different outputs");
        }
    }
    for target in whole.targets() {
        graph.add_target(target.clone());
    }
    for (name, depth) in whole.pools() {
        graph.set_pool(name, depth);
    }
    graph
}

/// What is wanted of a lowering in part.
pub(super) struct Only {
    paths: FxHashSet<PathId>,
    /// The directories of targets in which objects are wanted.
    places: FxHashSet<OsString>,
}

impl Only {
    fn new(files: &Files, paths: FxHashSet<PathId>) -> Self {
        let place = |path: &PathId| {
            let below = files.rel(*path).strip_prefix("obj").ok()?;
            match below.components().next()? {
                Component::Normal(place) if files.root(*path) == Roots::BUILD => Some(place.to_os_string()),
                _ => None,
            }
        };
        let places = paths.iter().filter_map(place).collect();
        Self { paths, places }
    }
}

/// What a target is made of.
pub(super) struct Contents {
    /// Its files; none if nobody asks for them.
    pub(super) sources: Option<Vec<SourceFile>>,
    /// Whether there are any.
    pub(super) any: bool,
    /// Whether one of them is compiled.
    pub(super) compiled: bool,
    /// Whether one of them is C++.
    pub(super) cxx: bool,
}

impl Contents {
    /// Adds a file of this kind; `None` if that says too little.
    fn add(&mut self, kind: FileKind) -> Option<()> {
        match kind {
            FileKind::Source(language) => {
                (self.any, self.compiled) = (true, true);
                self.cxx |= language == Language::Cxx;
            }
            FileKind::Object => self.any = true,
            FileKind::Header | FileKind::Unknown => {}
            FileKind::Refused(_) => return None,
        }
        Some(())
    }

    fn of(sources: Vec<SourceFile>) -> Self {
        let any = !sources.is_empty();
        let compiled = sources.iter().any(|source| source.language.is_some());
        let cxx = sources.iter().any(|source| source.language == Some(Language::Cxx));
        Self { sources: Some(sources), any, compiled, cxx }
    }
}

impl Lowering<'_> {
    /// Whether the action that makes `path` is wanted.
    pub(super) fn wants(&self, path: PathId) -> bool {
        self.only.as_ref().is_none_or(|only| only.paths.contains(&path))
    }

    /// Whether an action is wanted that makes one of these.
    pub(super) fn wants_any(&self, mut paths: impl Iterator<Item = PathId>) -> bool {
        paths.any(|path| self.wants(path))
    }

    /// What an instance is made of, as far as somebody asks for it.
    pub(super) fn contents(&mut self, instance: &Instance) -> Contents {
        match self.contents_by_name(instance) {
            Some(contents) => contents,
            None => Contents::of(self.sources(instance)),
        }
    }

    /// The same from what the manifest says alone; `None` if that does not do.
    fn contents_by_name(&mut self, instance: &Instance) -> Option<Contents> {
        let target = &instance.target;
        let whole = self.only.as_ref().is_none_or(|only| only.places.contains(OsStr::new(&instance.place())));
        if whole || instance.kind == Kind::Object || !target.exclude.is_empty() {
            return None;
        }
        if self.product_paths(instance).into_iter().any(|path| self.wants(path)) {
            return None;
        }
        let mut contents = Contents { sources: None, any: false, compiled: false, cxx: false };
        for text in &target.sources {
            match self.generated_by(text) {
                Some(generated) => {
                    for path in generated {
                        contents.add(kind_of(self.files.rel(path)))?;
                    }
                }
                // Whatever a name or a glob finds has the ending that it has itself, and it finds something.
                None => contents.add(kind_by_name(text)?)?,
            }
        }
        Some(contents)
    }

    /// The variables that lowering a command asks for.
    pub(super) fn variables_of(&mut self, generator: &Generator) {
        let command = &generator.command;
        let program = command.argv.iter().flat_map(toml::Spanned::get_ref).next();
        let is_searched = program.is_some_and(|word| {
            matches!(placeholder::parse(word.get_ref()).as_slice(), [Part::Text(text)] if !text.contains('/'))
        });
        if command.shell.is_some() || is_searched {
            self.variable("PATH");
        }
        for name in &command.env_from {
            self.variable(name.get_ref());
        }
    }

    /// The shared libraries that an instance loads when it runs.
    pub(super) fn loaded(&self, instance: &Instance) -> Vec<PathId> {
        let below = self.libraries(instance).into_iter();
        let mut loaded = below.flat_map(|at| self.built[at].runtime.iter().copied()).collect();
        super::dedup(&mut loaded);
        loaded
    }

    /// Whether an object library among what an instance needs has objects.
    pub(super) fn has_objects_below(&self, instance: &Instance) -> bool {
        let mut needs = instance.needs.iter();
        needs.any(|need| {
            matches!(need.node, Node::Target(dep)
                if self.project.instances[dep].kind == Kind::Object && !self.built[dep].objects.is_empty())
        })
    }
}

/// What all files are that a name or a glob means; `None` if it does not tell.
fn kind_by_name(text: &Text) -> Option<FileKind> {
    match kind_of(Path::new(text.get_ref())) {
        FileKind::Unknown | FileKind::Refused(_) => None,
        kind => Some(kind),
    }
}

#[cfg(test)]
#[path = "partial/tests.rs"]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
pub(crate) mod tests;
