//! A project of shell commands in a temporary directory, built through the engine's public face.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_engine::build::build;
use rekindle_engine::build_dir::BuildDir;
use rekindle_engine::error::Error;
use rekindle_engine::event::{Event, Outcome, Report, Summary};
use rekindle_engine::request::{Materialize, Mode, Request};
use rekindle_exec::Live;
use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Identity, Part};
use rekindle_fingerprint::auto::{AutoBuild, Fact};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::lookup::Search;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::watch::Tree;
use rekindle_scheduler::Graph;
use rekindle_store::Store;

/// A shell command: `sh -c SCRIPT` in the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    pub(crate) script: String,
    pub(crate) inputs: Vec<&'static str>,
    pub(crate) order_only: Vec<&'static str>,
    pub(crate) outputs: Vec<&'static str>,
    pub(crate) depfile: Option<&'static str>,
    /// As `depfile`, but as GNU as writes it.
    pub(crate) assembler: Option<&'static str>,
    /// Whether what it reads is scanned.
    pub(crate) scanned: bool,
    /// Whether it is a compile whose inline assembler is read at the link.
    pub(crate) assembled_later: bool,
    /// What it is instead of a custom command.
    pub(crate) kind: Option<ActionKind>,
    pub(crate) search: Vec<&'static str>,
    pub(crate) local: Option<&'static str>,
    pub(crate) links: Vec<(&'static str, &'static str)>,
    /// Whether its result is not to be shared.
    pub(crate) private: bool,
    /// The pool that it is in; one command of it runs at once.
    pub(crate) pool: Option<&'static str>,
    /// If it is an archive that another build tool makes: how.
    pub(crate) tool: Option<Tool>,
}

/// Another build tool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tool {
    /// Where it leaves the outputs, in the workspace.
    pub(crate) made: Vec<&'static str>,
    /// Directories whose files it reads.
    pub(crate) trees: Vec<&'static str>,
    /// Its identity; none if it is not here.
    pub(crate) identity: Option<&'static str>,
    /// Keys of the profile.
    pub(crate) profile: Vec<(&'static str, &'static str)>,
    /// Scripts that run before.
    pub(crate) before: Vec<&'static str>,
    /// Its directory, in the workspace; and what starts with which name there is deleted before it runs.
    pub(crate) work: Option<(&'static str, &'static str)>,
}

impl Tool {
    fn lower(&self, action: &mut Action, files: &mut Files) {
        let mut locate = |name: &str| files.path(Roots::WORKSPACE, name);
        let work: Vec<PathId> = self.work.iter().map(|(dir, _)| locate(dir)).collect();
        let mut auto = AutoBuild {
            before: self
                .before
                .iter()
                .map(|script| vec!["/bin/sh".into(), "-c".into(), Arg::text(script)])
                .collect(),
            remove: self.made.iter().map(|name| locate(name)).collect(),
            forget: self.work.iter().map(|(dir, start)| (locate(dir), start.as_bytes().to_vec())).collect(),
            made: self.made.iter().map(|name| locate(name)).collect(),
            locks: [action.cwd].into_iter().chain(work.iter().copied()).collect(),
            absent: self.identity.is_none().then(|| "tool".to_string()),
            work,
            ..AutoBuild::default()
        };
        auto.watch.trees = self.trees.iter().map(|dir| Tree { dir: locate(dir), only: Vec::new() }).collect();
        auto.watch.outside.clone_from(&auto.made);
        let watched = auto.watch.walk(files).unwrap();
        action.inputs.extend(watched.files);
        auto.facts = watched
            .links
            .iter()
            .map(|(link, to)| {
                (Fact::Link(files.show(*link).into()), to.as_os_str().as_encoded_bytes().to_vec())
            })
            .collect();
        let profile = self.profile.iter();
        auto.facts
            .extend(profile.map(|(key, value)| (Fact::Profile((*key).into()), value.as_bytes().to_vec())));
        action.identity = self.identity.map(|text| {
            let part = Part { name: "tool".into(), digest: Digest::of(text.as_bytes()) };
            Arc::new(Identity::new("tool", vec![part], Vec::new()))
        });
        action.kind = ActionKind::AutoArchive;
        action.auto = Some(Box::new(auto));
    }
}

/// `script` reads `inputs` (workspace, or build directory after `build:`) and writes `outputs` (build directory).
pub(crate) fn step(script: &str, inputs: &[&'static str], outputs: &[&'static str]) -> Step {
    Step { script: script.into(), inputs: inputs.to_vec(), outputs: outputs.to_vec(), ..Step::default() }
}

pub(crate) struct Space {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) steps: Vec<Step>,
    pub(crate) mode: Mode,
    pub(crate) forbid_spawn: bool,
    pub(crate) require_tools: bool,
    pub(crate) materialize: Materialize,
    pub(crate) failures: Option<usize>,
    pub(crate) jobs: usize,
    pub(crate) whole: bool,
    /// Where results are shared.
    pub(crate) store: Option<Arc<dyn Store>>,
}

/// What a build did.
pub(crate) struct Done {
    pub(crate) summary: Summary,
    pub(crate) reports: Vec<Report>,
    pub(crate) notices: Vec<String>,
    /// Which archives waited for others.
    pub(crate) waited: Vec<String>,
}

impl Done {
    /// `name outcome` of every action that was not fresh, in the order in which they ended.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = self.reports.iter().filter(|report| report.outcome != Outcome::Fresh);
        told.map(|report| format!("{} {}", report.name, report.outcome.name())).collect()
    }

    /// Why the action that writes `name` was not fresh.
    pub(crate) fn reasons(&self, name: &str) -> Vec<String> {
        let report = self.reports.iter().find(|report| report.name == name).expect("the action is reported");
        report.reasons.iter().map(ToString::to_string).collect()
    }
}

impl Space {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut space = Self {
            dir,
            steps,
            mode: Mode::Build,
            forbid_spawn: false,
            require_tools: false,
            materialize: Materialize::All,
            failures: Some(1),
            jobs: 2,
            whole: true,
            store: None,
        };
        space.write("README", "a project");
        space
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub(crate) fn out(&self, name: &str) -> PathBuf {
        self.root().join("out").join(name)
    }

    pub(crate) fn write(&mut self, name: &str, text: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root().join(name)).unwrap()
    }

    fn lower(&self, files: &mut Files) -> Graph {
        let mut graph = Graph::new();
        let cwd = files.path(Roots::WORKSPACE, "");
        for step in &self.steps {
            let mut locate = |name: &str| match name.strip_prefix("build:") {
                Some(rel) => files.path(Roots::BUILD, rel),
                None => files.path(Roots::WORKSPACE, name),
            };
            let outputs: Vec<PathId> =
                step.outputs.iter().map(|name| locate(&format!("build:{name}"))).collect();
            let argv = vec!["/bin/sh".into(), "-c".into(), Arg::text(&step.script)];
            let mut action = Action::new(ActionKind::Custom, step.outputs[0], argv, cwd, outputs);
            action.inputs = step.inputs.iter().map(|name| locate(name)).collect();
            action.order_only = step.order_only.iter().map(|name| locate(name)).collect();
            action.local = step.local.map(ToString::to_string);
            action.share = !step.private;
            action.pool = step.pool.map(ToString::to_string);
            if let Some(pool) = step.pool {
                graph.set_pool(pool, 1);
            }
            action.links = step
                .links
                .iter()
                .map(|(link, to)| (locate(&format!("build:{link}")), PathBuf::from(to)))
                .collect();
            if let Some(depfile) = step.depfile {
                action.discovery.depfiles = vec![DepfileFormat::Make(locate(&format!("build:{depfile}")))];
            }
            if let Some(depfile) = step.assembler {
                action.discovery.scan = true;
                action.discovery.incbin_in_depfile = true;
                action.discovery.depfiles.push(DepfileFormat::Assembler(locate(&format!("build:{depfile}"))));
            }
            action.discovery.scan |= step.scanned;
            if step.assembled_later {
                action.discovery.scan = true;
                action.discovery.assembled_later = true;
            }
            action.kind = step.kind.unwrap_or(action.kind);
            if !step.search.is_empty() {
                let dirs = step.search.iter().map(|dir| locate(dir)).collect();
                action.discovery.search = Some(Search { dirs, near: false });
            }
            if let Some(tool) = &step.tool {
                tool.lower(&mut action, files);
            }
            graph.add(action).unwrap();
        }
        graph
    }

    pub(crate) fn try_build_of(&mut self, wanted: &[&str], live: &Live) -> Result<Done, Error> {
        let build_path = self.root().join("out");
        let mut files = Files::new(Roots::new(self.root(), &build_path));
        let mut dir = BuildDir::open(&build_path, &mut files, "a test", |_| {})?;
        if let Some(store) = &self.store {
            dir.share(Arc::clone(store));
        }
        let graph = self.lower(&mut files);
        let outputs: Vec<PathId> = graph
            .produced()
            .map(|(path, _)| path)
            .filter(|path| wanted.is_empty() || wanted.iter().any(|name| files.rel(*path) == Path::new(name)))
            .collect();
        let request = Request {
            outputs,
            jobs: self.jobs,
            failures: self.failures,
            mode: self.mode,
            forbid_spawn: self.forbid_spawn,
            require_tools: self.require_tools,
            materialize: self.materialize,
            report_fresh: true,
            whole: self.whole,
            passed: vec![("PATH".into(), "/usr/bin:/bin".into())],
            makeflags: None,
            proved: Default::default(),
            machine: b"this machine".to_vec(),
        };
        let (mut reports, mut notices, mut waited) = (Vec::new(), Vec::new(), Vec::new());
        let summary = build(&mut dir, &graph, &mut files, &request, live, &mut |event| match event {
            Event::ActionFinished(report) => reports.push(*report),
            Event::Notice(text) => notices.push(text),
            Event::ToolIsBusy { archive, .. } => waited.push(archive),
            _ => {}
        })?;
        Ok(Done { summary, reports, notices, waited })
    }

    pub(crate) fn try_build(&mut self) -> Result<Done, Error> {
        self.try_build_of(&[], &Live::new().unwrap())
    }

    pub(crate) fn build(&mut self) -> Done {
        self.try_build().unwrap()
    }

    /// Builds and says what was not fresh.
    pub(crate) fn told(&mut self) -> Vec<String> {
        self.build().told()
    }
}
