//! From the manifest to the typed project: decides conditions, makes additions, puts values in, and turns names into
//! references.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;

use crate::diagnostic::Report;
use crate::expand::{Scope, lists};
use crate::load::Request;
use crate::manifest::{Command, Manifest, Named, Target, Text, Toolchain};
use crate::options::{self, Values};
use crate::placeholder::{self, Part};
use crate::platform::{self, Platform};
use crate::profile;
use crate::project::{Foreign, Generator, HOST, Instance, Kind, Need, Node, Project, Purpose};
use crate::reader::Reader;
use crate::roots;
use crate::sharing::sharing;
use crate::when::{self, Context};

/// Evaluates a manifest. What is wrong goes to `report`; the project counts only if nothing is.
pub(crate) fn evaluate(
    manifest: Manifest,
    dir: PathBuf,
    request: &Request,
    mut reader: Reader,
    report: &mut Report,
) -> Project {
    crate::names::check(&manifest, report);
    let values = options::values(&manifest.option, &request.options, report);
    let roots = roots::declared(&manifest, &dir, &mut reader, report);
    let sharing = sharing(manifest.store.as_ref(), &dir, report);
    let mut settings = profile::settings(&manifest, &request.profile, report);
    let profiles = settings.names.clone();
    let base = Base { manifest: &manifest, request, values: &values, roots: &roots, profiles: &profiles };
    base.scope(HOST, &request.host).settings(&mut settings, report);
    let toolchains = base.toolchains(report);
    let mut work = Evaluation::new(base, &toolchains, report);
    work.commands();
    work.archives();
    work.targets();
    let Evaluation { instances, generators, foreign, left_out, writers, commands, .. } = work;
    crate::cycle::check(&instances, &generators, &foreign, report);
    let variables = reader.variables;
    let source = report.source.clone();
    let request = request.clone();
    Project {
        dir,
        source,
        request,
        settings,
        roots,
        sharing,
        toolchains,
        instances,
        generators,
        foreign,
        commands,
        writers,
        left_out,
        variables,
        manifest,
    }
}

/// What every part of the evaluation reads.
#[derive(Clone, Copy)]
struct Base<'a> {
    manifest: &'a Manifest,
    request: &'a Request,
    values: &'a Values,
    roots: &'a BTreeMap<String, PathBuf>,
    profiles: &'a [String],
}

impl<'a> Base<'a> {
    fn scope(self, toolchain: &'a str, platform: &'a Platform) -> Scope<'a> {
        let context = Context { platform, toolchain, profiles: self.profiles, options: self.values };
        Scope { context, manifest: self.manifest, roots: self.roots }
    }

    fn toolchains(self, report: &mut Report) -> BTreeMap<String, Toolchain> {
        let mut toolchains = BTreeMap::new();
        for (name, toolchain) in &self.manifest.toolchain {
            let mut toolchain = toolchain.clone();
            self.scope(name.get_ref(), &self.request.host).toolchain(&mut toolchain, report);
            toolchains.insert(name.get_ref().clone(), toolchain);
        }
        toolchains
    }
}

struct Evaluation<'a> {
    base: Base<'a>,
    toolchains: &'a BTreeMap<String, Toolchain>,
    report: &'a mut Report,
    instances: Vec<Instance>,
    generators: Vec<Generator>,
    foreign: Vec<Foreign>,
    left_out: BTreeMap<String, String>,
    /// Which command writes a generated file.
    writers: HashMap<String, usize>,
    /// The commands that are there, by name.
    commands: HashMap<String, usize>,
    /// The instance of a target for a toolchain; none if its condition does not hold.
    known: HashMap<(String, String), Option<usize>>,
    /// The instances of a target; it is there as soon as one was tried.
    named: HashMap<String, Vec<usize>>,
    /// Instances whose needs are not known yet.
    open: VecDeque<usize>,
}

impl<'a> Evaluation<'a> {
    fn new(base: Base<'a>, toolchains: &'a BTreeMap<String, Toolchain>, report: &'a mut Report) -> Self {
        Self {
            base,
            toolchains,
            report,
            instances: Vec::new(),
            generators: Vec::new(),
            foreign: Vec::new(),
            left_out: BTreeMap::new(),
            writers: HashMap::new(),
            commands: HashMap::new(),
            known: HashMap::new(),
            named: HashMap::new(),
            open: VecDeque::new(),
        }
    }

    /// Evaluates every command, without what it needs.
    fn commands(&mut self) {
        let manifest = self.base.manifest;
        for (name, command) in in_order(&manifest.command) {
            let scope = self.base.scope(HOST, &self.base.request.host);
            if !when::holds(command.when.as_ref(), &scope.context) {
                self.leave_out(name, command.when.as_ref());
                continue;
            }
            let mut command = command.clone();
            scope.command(&mut command, self.report);
            let at = self.generators.len();
            self.commands.insert(name.get_ref().clone(), at);
            for output in command.outputs.iter().filter(|output| !output.get_ref().is_empty()) {
                self.writers.entry(generated_name(output.get_ref())).or_insert(at);
            }
            self.generators.push(Generator { name: name.clone(), command, needs: Vec::new() });
        }
    }

    /// Evaluates every archive of another build tool.
    fn archives(&mut self) {
        let manifest = self.base.manifest;
        for (name, archive) in in_order(&manifest.archive) {
            let scope = self.base.scope(HOST, &self.base.request.host);
            if !when::holds(archive.when.as_ref(), &scope.context) {
                self.leave_out(name, archive.when.as_ref());
                continue;
            }
            let mut archive = archive.clone();
            scope.archive(&mut archive, self.report);
            let mut needs = Vec::new();
            for input in &archive.inputs {
                if let Some(at) = self.writer(input) {
                    let (node, place) = (Node::Command(at), input.clone());
                    needs.push(Need { node, purpose: Purpose::Presence, place });
                }
            }
            self.foreign.push(Foreign { name: name.clone(), archive, needs });
        }
    }

    /// The archive that a dependency means.
    fn archive(&self, name: &str) -> Option<Node> {
        self.foreign.iter().position(|foreign| foreign.name.get_ref() == name).map(Node::Archive)
    }

    fn leave_out(&mut self, name: &Text, when: Option<&crate::manifest::When>) {
        self.left_out.insert(name.get_ref().clone(), when.map(when::show).unwrap_or_default());
    }

    /// Makes every instance: first those whose toolchain is settled, then libraries for whatever uses them, then
    /// libraries that nothing uses.
    fn targets(&mut self) {
        let manifest = self.base.manifest;
        for (name, target) in in_order(&manifest.executable).into_iter().chain(in_order(&manifest.test)) {
            let toolchain = self.declared_toolchain(target).unwrap_or_else(|| HOST.to_string());
            self.instance(name, target, &toolchain);
        }
        for (name, target) in in_order(&manifest.library) {
            if let Some(toolchain) = self.declared_toolchain(target) {
                self.instance(name, target, &toolchain);
            }
        }
        self.settle();
        for at in 0..self.generators.len() {
            self.command_needs(at);
            self.settle();
        }
        for (name, target) in in_order(&manifest.library) {
            if !self.named.contains_key(name.get_ref()) {
                self.instance(name, target, HOST);
                self.settle();
            }
        }
    }

    fn settle(&mut self) {
        while let Some(at) = self.open.pop_front() {
            self.needs(at);
        }
    }

    fn declared_toolchain(&mut self, target: &Target) -> Option<String> {
        let mut name = target.toolchain.clone()?;
        self.base.scope(HOST, &self.base.request.host).expand(&mut name, self.report);
        Some(name.into_inner())
    }

    /// The instance of a target for a toolchain.
    fn instance(&mut self, name: &Text, target: &Target, toolchain: &str) -> Option<usize> {
        let key = (name.get_ref().clone(), toolchain.to_string());
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        self.named.entry(name.get_ref().clone()).or_default();
        if let Some(place) = &target.toolchain
            && toolchain != HOST
            && !self.toolchains.contains_key(toolchain)
        {
            let found = self.report.on(place, format!("the manifest has no toolchain `{toolchain}`"));
            let known = self.toolchains.keys().map(String::as_str).chain([HOST]);
            self.report.push(found.suggest(toolchain, known));
        }
        let platform = platform::of_toolchain(self.toolchains.get(toolchain), &self.base.request.host);
        let scope = self.base.scope(toolchain, &platform);
        if !when::holds(target.when.as_ref(), &scope.context) {
            self.leave_out(name, target.when.as_ref());
            self.known.insert(key, None);
            return None;
        }
        let follows = target.toolchain.is_none();
        let mut target = target.clone();
        for addition in std::mem::take(&mut target.also) {
            if when::holds(addition.when.as_ref(), &scope.context) {
                add(&mut target, addition);
            }
        }
        target.overrides.retain(|entry| when::holds(entry.when.as_ref(), &scope.context));
        scope.target(&mut target, self.report);
        let kind = self.kind(name, &target);
        let at = self.instances.len();
        let toolchain = toolchain.to_string();
        self.instances.push(Instance {
            name: name.clone(),
            kind,
            toolchain,
            follows,
            target,
            needs: Vec::new(),
        });
        self.known.insert(key, Some(at));
        self.named.entry(name.get_ref().clone()).or_default().push(at);
        self.open.push_back(at);
        Some(at)
    }

    fn kind(&self, name: &Text, target: &Target) -> Kind {
        let manifest = self.base.manifest;
        if manifest.executable.contains_key(name) {
            return Kind::Program;
        }
        if manifest.test.contains_key(name) {
            return Kind::Test;
        }
        match target.r#type.as_ref().map(|kind| kind.get_ref().as_str()) {
            Some("shared") => Kind::Shared,
            Some("object") => Kind::Object,
            _ => Kind::Static,
        }
    }

    /// Finds what an instance needs.
    fn needs(&mut self, at: usize) {
        let Instance { name, toolchain, target, .. } = self.instances[at].clone();
        let mut needs = Vec::new();
        for (list, purpose) in [(&target.deps, Purpose::Public), (&target.private_deps, Purpose::Private)] {
            for dep in list {
                if let Some(node) = self.dep(&name, dep, &toolchain) {
                    needs.push(Need { node, purpose, place: dep.clone() });
                }
            }
        }
        for source in &target.sources {
            if let Some(at) = self.writer(source) {
                needs.push(Need { node: Node::Command(at), purpose: Purpose::Public, place: source.clone() });
            }
        }
        for file in [&target.pch, &target.linker_script, &target.version_script].into_iter().flatten() {
            if let Some(at) = self.writer(file) {
                needs.push(Need { node: Node::Command(at), purpose: Purpose::Presence, place: file.clone() });
            }
        }
        if let Some(program) = &target.program {
            match self.base.manifest.executable.get_key_value(program.get_ref().as_str()) {
                Some((name, executable)) => {
                    let toolchain = self.declared_toolchain(executable).unwrap_or_else(|| HOST.to_string());
                    if let Some(at) = self.instance(&name.clone(), executable, &toolchain) {
                        needs.push(Need {
                            node: Node::Target(at),
                            purpose: Purpose::Presence,
                            place: program.clone(),
                        });
                    }
                }
                None => {
                    let known = self.base.manifest.executable.keys().map(|name| name.get_ref().as_str());
                    let found =
                        self.report.on(program, format!("the manifest has no executable `{program}`"));
                    self.report.push(found.suggest(program.get_ref(), known));
                }
            }
        }
        self.instances[at].needs = needs;
    }

    /// What `dep` of a target stands for.
    fn dep(&mut self, user: &Text, dep: &Text, toolchain: &str) -> Option<Node> {
        let manifest = self.base.manifest;
        if let Some((name, library)) = manifest.library.get_key_value(dep.get_ref().as_str()) {
            let theirs = self.declared_toolchain(library).unwrap_or_else(|| toolchain.to_string());
            if theirs != toolchain {
                let message = format!("`{user}` is built with `{toolchain}`, and `{dep}` with `{theirs}`");
                let found = self.report.on(dep, message);
                self.report.push(found.hint(format!(
                    "without a `toolchain` in [library.{dep}], it is built with that of whatever uses it"
                )));
                return None;
            }
            let at = self.instance(name, library, toolchain);
            return self.present(dep, at.map(Node::Target));
        }
        if manifest.command.contains_key(dep.get_ref().as_str()) {
            let at = self.commands.get(dep.get_ref()).copied();
            return self.present(dep, at.map(Node::Command));
        }
        if manifest.archive.contains_key(dep.get_ref().as_str()) {
            return self.present(dep, self.archive(dep.get_ref()));
        }
        let found = self
            .report
            .on(dep, format!("`{user}` depends on `{dep}`, and there is no such library or command"));
        let is_program = manifest.executable.contains_key(dep.get_ref().as_str());
        self.report.push(if is_program || manifest.test.contains_key(dep.get_ref().as_str()) {
            found
                .why("a program cannot be linked")
                .hint("a [command.NAME] can run it: `{target:NAME}` in its `argv`")
        } else {
            let known = manifest.library.keys().chain(manifest.command.keys()).chain(manifest.archive.keys());
            found.suggest(
                dep.get_ref(),
                known.map(|name| name.get_ref().as_str()).filter(|name| *name != user.get_ref()),
            )
        });
        None
    }

    fn present(&mut self, dep: &Text, node: Option<Node>) -> Option<Node> {
        if node.is_none() {
            let found = self.report.on(dep, format!("`{dep}` is left out of this build"));
            let when = self.left_out.get(dep.get_ref()).cloned().unwrap_or_default();
            let found = found.why(format!("it counts only when {when}"));
            self.report.push(found.hint("name it in an `also` with the same `when`"));
        }
        node
    }

    /// The command that a source or input means: `command:NAME`, or the name of a generated file.
    fn writer(&mut self, source: &Text) -> Option<usize> {
        let Some(name) = source.get_ref().strip_prefix("command:") else {
            return self.writers.get(&generated_name(source.get_ref())).copied();
        };
        if let Some(at) = self.commands.get(name) {
            return Some(*at);
        }
        if self.base.manifest.command.contains_key(name) {
            let dep = Text::new(source.span(), name.to_string());
            self.present(&dep, None);
            return None;
        }
        let known = self.base.manifest.command.keys().map(|name| name.get_ref().as_str());
        let found = self.report.on(source, format!("the manifest has no command `{name}`"));
        self.report.push(found.suggest(name, known));
        None
    }

    /// Finds what a command needs.
    fn command_needs(&mut self, at: usize) {
        let Generator { name, command, .. } = self.generators[at].clone();
        let mut asked: Vec<Text> = command.deps.clone();
        for word in words(&command) {
            for part in placeholder::parse(word.get_ref()) {
                if let Part::Target(target) = part {
                    asked.push(Text::new(word.span(), target));
                }
            }
        }
        let mut needs: Vec<Need> = Vec::new();
        let mut need = |node: Node, place: &Text| {
            needs.push(Need { node, purpose: Purpose::Presence, place: place.clone() })
        };
        for dep in asked {
            if let Some(node) = self.product(&name, &dep) {
                need(node, &dep);
            }
        }
        for input in &command.inputs {
            if let Some(writer) = self.writer(input) {
                need(Node::Command(writer), input);
            }
        }
        self.generators[at].needs = needs;
    }

    /// What a command means by the name of a target.
    fn product(&mut self, user: &Text, dep: &Text) -> Option<Node> {
        let manifest = self.base.manifest;
        let key = dep.get_ref().as_str();
        if manifest.command.contains_key(key) {
            let at = self.commands.get(dep.get_ref()).copied();
            return self.present(dep, at.map(Node::Command));
        }
        if manifest.archive.contains_key(key) {
            return self.present(dep, self.archive(key));
        }
        let sections = [&manifest.executable, &manifest.library, &manifest.test];
        let Some((name, target)) = sections.iter().find_map(|section| section.get_key_value(key)) else {
            let known = sections.iter().flat_map(|section| section.keys()).chain(manifest.command.keys());
            let known = known.chain(manifest.archive.keys());
            let found = self.report.on(dep, format!("`{user}` needs `{dep}`, and there is no such target"));
            self.report.push(found.suggest(
                key,
                known.map(|name| name.get_ref().as_str()).filter(|name| *name != user.get_ref()),
            ));
            return None;
        };
        let existing = self.named.get(key).cloned().unwrap_or_default();
        let at = match (self.declared_toolchain(target), existing.as_slice()) {
            (None, [only]) => Some(*only),
            (toolchain, _) => self.instance(name, target, toolchain.as_deref().unwrap_or(HOST)),
        };
        self.present(dep, at.map(Node::Target))
    }
}

/// The words of a command, whichever way it is given.
pub(crate) fn words(command: &Command) -> Vec<&Text> {
    let argv = command.argv.iter().flat_map(toml::Spanned::get_ref);
    let (env, shell) = (command.env.values(), command.shell.iter());
    argv.chain(shell).chain(env).collect()
}

/// A generated file's name without what changes nothing.
pub(crate) fn generated_name(name: &str) -> String {
    name.trim_start_matches("./").to_string()
}

/// In the order in which the manifest has them.
pub(crate) fn in_order<V>(named: &Named<V>) -> Vec<(&Text, &V)> {
    let mut list: Vec<_> = named.iter().collect();
    list.sort_by_key(|(name, _)| name.span().start);
    list
}

/// Makes an addition.
fn add(target: &mut Target, mut addition: Target) {
    for (list, more) in lists(target).into_iter().zip(lists(&mut addition)) {
        list.append(more);
    }
    target.overrides.append(&mut addition.overrides);
}
