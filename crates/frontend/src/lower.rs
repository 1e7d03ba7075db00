//! From the typed project to the scheduler's graph: every target becomes actions.

mod archive;
mod blame;
mod command;
mod compile;
mod install;
mod link;
mod missing;
mod modules;
mod packages;
mod partial;
mod paths;
mod precompile;
mod sources;
mod usage;

pub(crate) use archive::ARCHIVES;
pub use archive::environment::family;
pub use partial::lower_only;
#[cfg(test)]
pub(crate) use partial::tests::check_parts;
pub(crate) use sources::{FileKind, kind_of};

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use rekindle_fingerprint::action::{Action, Arg};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_scheduler::graph::{Graph, Target, TargetKind};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::diagnostic::{Diagnostic, Diagnostics, Report};
use crate::load::Wanted;
use crate::manifest::Text;
use crate::project::{HOST, Kind, Node, Project};
use crate::reader::Reader;
use crate::toolbox::Toolbox;
use archive::Brought;
use partial::Only;
use sources::Near;

/// How a test is run, beyond what [`Target`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// The name of the test's target.
    pub target: String,
    /// Where it is run.
    pub directory: PathBuf,
    /// After how many seconds it has failed.
    pub timeout: Option<u64>,
}

/// A project as a graph.
#[derive(Debug)]
pub struct Lowered {
    /// Actions, targets and pools.
    pub graph: Graph,
    /// The names of the targets that are wanted.
    pub wanted: Vec<String>,
    /// How tests are run.
    pub tests: Vec<TestRun>,
    /// What is worth knowing: targets that were left out because a toolchain is missing.
    pub notices: Vec<Diagnostic>,
    /// Targets that were left out, so that their products are nobody's and still not to be deleted.
    pub left_out: Vec<String>,
    /// Environment variables that loading and lowering asked for, and what they were. What they asked of the disk is in
    /// the record of [`rekindle_fingerprint::consult`].
    pub variables: BTreeMap<OsString, Option<OsString>>,
}

/// Lowers `project` with the toolchains that are there. The roots of `files` must be those of the workspace and of this
/// profile's build directory; the project's own roots are added.
///
/// # Errors
/// Everything that is wrong with the manifest and shows only now, with its places.
pub fn lower(project: &Project, tools: &mut dyn Toolbox, files: &mut Files) -> Result<Lowered, Diagnostics> {
    lowered(project, tools, files, None)
}

/// Lowers all of `project`, or as much of it as makes what is wanted.
fn lowered(
    project: &Project,
    tools: &mut dyn Toolbox,
    files: &mut Files,
    only: Option<Only>,
) -> Result<Lowered, Diagnostics> {
    let wanted = project.wanted()?;
    for root in project.roots() {
        let name = root.name.clone();
        if let Err(error) = files.roots_mut().add(root) {
            return Err(Diagnostic::file(&project.source.path, format!("root `{name}`: {error}")).into());
        }
    }
    let mut work = Lowering::new(project, tools, files, only);
    work.roots_of_build_tools();
    let needed = project.closure(&wanted);
    work.sysroots(&needed);
    if project.request.wanted != Wanted::Everything {
        work.runs = needed;
    }
    for node in work.order() {
        match node {
            Node::Target(at) => work.target(at),
            Node::Command(at) => work.command(at),
            Node::Archive(at) => work.foreign(at),
        }
    }
    if work.only.is_none() {
        work.nested_outputs();
        work.products_watched();
    }
    work.missing(&wanted);
    work.targets();
    work.finish(&wanted)
}

/// What others need to know of a target that was lowered.
#[derive(Clone, Debug, Default)]
struct Built {
    /// Whether its toolchain, or one below it, is missing.
    missing: Option<String>,
    /// Whether it has objects.
    filled: bool,
    /// What it compiled: its own objects, then those of object libraries it depends on. Known if somebody asks for them.
    objects: Vec<PathId>,
    /// The archive, shared library or program.
    product: Option<PathId>,
    /// The symbolic links beside a shared library.
    links: Vec<PathId>,
    /// Whether a C++ object is in it or below it.
    cxx: bool,
    /// What those who depend on it compile with.
    usage: usage::Usage,
    /// Shared libraries that it loads when it runs.
    runtime: Vec<PathId>,
    /// What the search path of packages and flags added.
    packages: crate::pkgconfig::Flags,
}

struct Lowering<'a> {
    project: &'a Project,
    tools: &'a mut dyn Toolbox,
    files: &'a mut Files,
    /// What is wanted, if that is not everything.
    only: Option<Only>,
    reader: Reader,
    report: Report,
    notices: Vec<Diagnostic>,
    graph: Graph,
    built: Vec<Built>,
    /// The outputs of every command.
    generated: Vec<Vec<PathId>>,
    /// What is known of each archive of another build tool.
    brought: Vec<Brought>,
    /// The toolchain that is missing for a command.
    unmade: Vec<Option<String>>,
    /// Whose each action is: the target's name and where the manifest says so.
    owners: Vec<&'a Text>,
    /// Directories that globs do not enter.
    skip: Vec<PathBuf>,
    /// Instances whose code is position independent because it goes into a shared library.
    pic: HashSet<String>,
    /// Where the last file of a glob lay.
    near: Option<Near>,
    /// The project's directory.
    workspace: PathId,
    /// What is sure to be asked to run if it is not fresh. Who wants everything wants to know of it, not to run it.
    runs: BTreeSet<Node>,
}

impl<'a> Lowering<'a> {
    fn new(
        project: &'a Project,
        tools: &'a mut dyn Toolbox,
        files: &'a mut Files,
        only: Option<Only>,
    ) -> Self {
        let workspace = files.path(Roots::WORKSPACE, "");
        let build = files.roots().get(Roots::BUILD).path.clone();
        let mut skip = vec![build.clone()];
        skip.extend(build.parent().filter(|parent| !project.dir.starts_with(parent)).map(PathBuf::from));
        Self {
            project,
            tools,
            files,
            only,
            reader: Reader::default(),
            report: Report::new(project.source.clone()),
            notices: Vec::new(),
            graph: Graph::new(),
            built: vec![Built::default(); project.instances.len()],
            generated: vec![Vec::new(); project.generators.len()],
            brought: vec![Brought::default(); project.foreign.len()],
            unmade: vec![None; project.generators.len()],
            owners: Vec::new(),
            skip,
            pic: compile::position_independent(project),
            near: None,
            workspace,
            runs: BTreeSet::new(),
        }
    }

    /// Every target and command, each behind what it needs.
    fn order(&self) -> Vec<Node> {
        let mut seen = HashSet::new();
        let mut order = Vec::new();
        for start in self.project.nodes() {
            let mut way = vec![(start, 0)];
            if !seen.insert(start) {
                continue;
            }
            while let Some((node, next)) = way.last_mut() {
                match self.project.needs_of(*node).get(*next) {
                    Some(need) => {
                        *next += 1;
                        if seen.insert(need.node) {
                            way.push((need.node, 0));
                        }
                    }
                    None => {
                        order.push(*node);
                        way.pop();
                    }
                }
            }
        }
        order
    }

    /// Adds an action for the target or command that `owner` names.
    fn add(&mut self, owner: &'a Text, action: Action) {
        for path in action.outputs.iter().chain(action.links.iter().map(|link| &link.0)) {
            if let Some(first) = self.graph.producer(*path) {
                let first = self.owners[first.index()];
                let shown = self.files.show(*path);
                let message = format!("`{shown}` is written by both `{first}` and `{owner}`");
                let (line, _) = self.report.source.position(first.span().start);
                let mut found = self.report.on(owner, message);
                if first != owner {
                    found = found.why(format!("`{first}` is on line {line}"));
                }
                self.report.push(found);
                return;
            }
        }
        match self.graph.add(action) {
            Ok(_) => self.owners.push(owner),
            Err(error) => {
                let message = error.show(self.files);
                self.report.push(self.report.on(owner, message));
            }
        }
    }

    fn target(&mut self, at: usize) {
        let project = self.project;
        let instance = &project.instances[at];
        if let Some(missing) = self.missing_toolchain(instance) {
            self.built[at].missing = Some(missing);
            return;
        }
        if let Some(program) = &instance.target.program {
            let named = instance.needs.iter().find(|need| need.place.span() == program.span());
            if let Some(Node::Target(program)) = named.map(|need| need.node) {
                let Built { product, runtime, .. } = self.built[program].clone();
                self.built[at].product = product;
                self.built[at].runtime = runtime;
            }
            return;
        }
        let complaints = self.report.found.len();
        let contents = self.contents(instance);
        let packages = self.packages(instance);
        let usage = self.usage(instance, &packages);
        self.refuse_modules(instance, &contents, &usage);
        let mut objects = match &contents.sources {
            Some(sources) => self.compile(instance, sources, &usage),
            None => Vec::new(),
        };
        for need in &instance.needs {
            if let Node::Target(dep) = need.node
                && project.instances[dep].kind == Kind::Object
            {
                objects.extend(self.built[dep].objects.iter().copied());
            }
        }
        dedup(&mut objects);
        let filled = contents.any || self.has_objects_below(instance);
        let below =
            instance.needs.iter().any(|need| matches!(need.node, Node::Target(dep) if self.built[dep].cxx && project.instances[dep].kind != Kind::Shared));
        let built = &mut self.built[at];
        built.cxx = contents.cxx || below;
        built.filled = filled;
        built.usage = usage.public;
        built.objects = objects;
        built.packages = packages;
        // A target without objects is worth a word only if nothing was said of its sources.
        self.product(at, self.report.found.len() == complaints);
    }

    /// Adds what a person can ask for.
    fn targets(&mut self) {
        let project = self.project;
        let listed = project.listed_default();
        let mut targets: Vec<(usize, Target)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for node in project.nodes() {
            let (place, target) = match node {
                Node::Target(at) if self.built[at].missing.is_none() => {
                    (project.instances[at].name.span().start, self.graph_target(at, listed.as_ref()))
                }
                Node::Command(at) if self.unmade[at].is_none() => {
                    (project.generators[at].name.span().start, self.graph_command(at, listed.as_ref()))
                }
                Node::Archive(at) => {
                    (project.foreign[at].name.span().start, self.graph_archive(at, listed.as_ref()))
                }
                _ => continue,
            };
            // One name stands for all toolchains that a library is built for, the host's first.
            match places.get(project.name_of(node)).and_then(|at| targets.get_mut(*at)) {
                Some((_, known)) => {
                    let aside = matches!(node, Node::Target(at) if project.instances[at].toolchain != HOST);
                    let mut both = [known.clone(), target];
                    if !aside {
                        both.reverse();
                    }
                    let [mut first, second] = both;
                    first.outputs.extend(second.outputs);
                    *known = first;
                }
                None => {
                    places.insert(project.name_of(node), targets.len());
                    targets.push((place, target));
                }
            }
        }
        targets.sort_by_key(|(place, _)| *place);
        for (_, target) in targets {
            self.graph.add_target(target);
        }
        for (name, depth) in &project.manifest.pool {
            self.graph.set_pool(name.get_ref(), *depth.get_ref() as usize);
        }
    }

    fn graph_target(&mut self, at: usize, listed: Option<&HashSet<&str>>) -> Target {
        let project = self.project;
        let instance = &project.instances[at];
        let built = &self.built[at];
        let mut outputs: Vec<PathId> = built.product.into_iter().collect();
        if instance.kind == Kind::Object {
            outputs.extend(&built.objects);
        }
        outputs.extend(&built.runtime);
        if instance.target.program.is_some() {
            // What a test needs besides its program must be there when it runs.
            for need in &instance.needs {
                match need.node {
                    Node::Command(at) => outputs.extend(&self.generated[at]),
                    Node::Archive(at) => outputs.extend(&self.brought[at].outputs),
                    Node::Target(_) => {}
                }
            }
        }
        dedup(&mut outputs);
        let text = |text: &Text| text.get_ref().clone();
        Target {
            name: instance.name.get_ref().clone(),
            kind: match instance.kind {
                Kind::Program => TargetKind::Program,
                Kind::Test => TargetKind::Test,
                Kind::Static | Kind::Shared | Kind::Object => TargetKind::Library,
            },
            outputs,
            default: project.is_default(Node::Target(at), listed),
            arguments: instance.target.args.iter().map(text).collect(),
            environment: instance.target.env.iter().map(|(name, value)| (text(name), text(value))).collect(),
            install: self.install(at),
        }
    }

    fn graph_command(&self, at: usize, listed: Option<&HashSet<&str>>) -> Target {
        let generator = &self.project.generators[at];
        Target {
            name: generator.name.get_ref().clone(),
            kind: TargetKind::Command,
            outputs: self.generated[at].clone(),
            default: self.project.is_default(Node::Command(at), listed),
            arguments: Vec::new(),
            environment: Vec::new(),
            install: Vec::new(),
        }
    }

    fn graph_archive(&self, at: usize, listed: Option<&HashSet<&str>>) -> Target {
        Target {
            name: self.project.foreign[at].name.get_ref().clone(),
            kind: TargetKind::Archive,
            outputs: self.brought[at].outputs.clone(),
            default: self.project.is_default(Node::Archive(at), listed),
            arguments: Vec::new(),
            environment: Vec::new(),
            install: Vec::new(),
        }
    }

    fn finish(mut self, wanted: &[Node]) -> Result<Lowered, Diagnostics> {
        let project = self.project;
        let mut names: Vec<String> = wanted.iter().map(|node| project.name_of(*node).to_string()).collect();
        names.dedup();
        let mut tests = Vec::new();
        let mut left_out = Vec::new();
        for (at, instance) in project.instances.iter().enumerate() {
            if self.built[at].missing.is_some() {
                left_out.push(instance.name.get_ref().clone());
            } else if instance.kind == Kind::Test {
                let directory = self.directory(instance.target.working_directory.as_ref());
                let directory = self.files.abs(directory);
                let target = instance.name.get_ref().clone();
                tests.push(TestRun { target, directory, timeout: instance.target.timeout });
            }
        }
        let mut variables = project.variables.clone();
        variables.extend(self.reader.variables);
        self.report.finish()?;
        let (graph, notices) = (self.graph, self.notices);
        Ok(Lowered { graph, wanted: names, tests, notices, left_out, variables })
    }

    /// The value of an environment variable.
    fn variable(&mut self, name: &str) -> Option<OsString> {
        self.reader.variable(&self.project.request.environment, OsStr::new(name))
    }

    /// How an action on a file is called: the file, without the root that it lies in if that is one of ours.
    fn plain_name(&self, path: PathId) -> String {
        if self.files.root(path) == Roots::BUILD {
            return self.files.rel(path).display().to_string();
        }
        self.files.show(path)
    }

    /// A flag of the person's. An absolute path of a root in it is named by its root.
    fn flag(&mut self, text: &str) -> Arg {
        paths::flag(self.files, text)
    }

    fn flags(&mut self, texts: &[Text]) -> Vec<Arg> {
        texts.iter().map(|text| paths::flag(self.files, text.get_ref())).collect()
    }
}

/// Keeps the first of each.
fn dedup<T: Copy + Eq + std::hash::Hash>(list: &mut Vec<T>) {
    if list.len() > 1 {
        let mut seen = FxHashSet::with_capacity_and_hasher(list.len(), FxBuildHasher);
        list.retain(|item| seen.insert(*item));
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
#[path = "lower/tests.rs"]
mod tests;
