//! Objects to archives, shared libraries and programs.
//!
//! On the link line whatever uses something stands before it: the target's own objects, then its libraries in the
//! order of a walk that puts each behind everything that depends on it, then libraries of the system.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;
use rekindle_toolchain::request::{Archive, Installed, Language, Link, LinkInput, Lto};

use super::archive::Brought;
use super::{Lowering, dedup};
use crate::manifest::Text;
use crate::project::{Instance, Kind, Node};

impl<'a> Lowering<'a> {
    /// Makes the product of an instance whose objects are there; `quiet` if nothing was wrong with its sources.
    pub(super) fn product(&mut self, at: usize, quiet: bool) {
        let project = self.project;
        let instance = &project.instances[at];
        match instance.kind {
            Kind::Object => {}
            // A library without objects is its headers and what it depends on.
            Kind::Static if !self.built[at].filled => {}
            Kind::Static => self.archive(at, instance),
            Kind::Shared | Kind::Program | Kind::Test => self.link(at, instance, quiet),
        }
    }

    fn output(&mut self, instance: &Instance, name: &str) -> PathId {
        let mut path = PathBuf::new();
        if instance.is_aside() {
            path = Path::new("toolchains").join(&instance.toolchain);
        }
        path.push(name);
        self.files.path(Roots::BUILD, path)
    }

    /// Where the product of an instance lies, and the links to it.
    pub(super) fn product_paths(&mut self, instance: &Instance) -> Vec<PathId> {
        let names = match instance.kind {
            Kind::Object => Vec::new(),
            Kind::Static => vec![archive_name(instance)],
            Kind::Shared | Kind::Program | Kind::Test => {
                let (file, _, links) = linked_names(instance);
                links.into_iter().map(|(link, _)| link).chain([file]).collect()
            }
        };
        names.iter().map(|name| self.output(instance, name)).collect()
    }

    fn archive(&mut self, at: usize, instance: &'a Instance) {
        let archive = self.output(instance, &archive_name(instance));
        self.built[at].product = Some(archive);
        if !self.wants(archive) {
            return;
        }
        let lto = self.project.settings.mode.lto != Lto::Off;
        let what = Archive { objects: self.built[at].objects.clone(), archive, lto };
        match self.tools.archive(&instance.toolchain, self.files, &what) {
            Ok(mut action) => {
                action.pool = pool(instance);
                action.name = self.plain_name(archive);
                self.add(&instance.name, action);
            }
            Err(why) => self.refused(instance, &why),
        }
    }

    fn link(&mut self, at: usize, instance: &'a Instance, quiet: bool) {
        let shared = instance.kind == Kind::Shared;
        if !self.built[at].filled && self.whole(instance).is_empty() {
            if quiet {
                let found =
                    self.report.on(&instance.name, format!("`{}` has nothing to link", instance.name));
                self.report.push(found.hint("name its sources: `sources = [\"src/*.c\"]`"));
            }
            return;
        }
        let (file, soname, chain) = linked_names(instance);
        let output = self.output(instance, &file);
        let links: Vec<(PathId, PathBuf)> =
            chain.into_iter().map(|(link, to)| (self.output(instance, &link), PathBuf::from(to))).collect();
        self.built[at].links = links.iter().map(|(link, _)| *link).collect();
        self.built[at].product = Some(output);
        if !self.wants_any(self.built[at].links.iter().copied().chain([output])) {
            self.built[at].runtime = self.loaded(instance);
            if shared {
                self.built[at].runtime.insert(0, output);
            }
            return;
        }
        let line = self.line(at, instance);
        let temporary = super::paths::temporary(&Path::new("obj").join(instance.place()).join("link"));
        let what = Link {
            output,
            shared,
            soname,
            language: if self.built[at].cxx { Language::Cxx } else { Language::C },
            temporary: self.files.path(Roots::BUILD, temporary),
            inputs: line.inputs,
            directories: line.directories,
            run_paths: line.run_paths,
            installed: self.installed(instance, &line.runtime),
            mode: self.project.settings.mode.clone(),
            scripts: line.scripts,
            flags: line.flags,
            links,
        };
        self.built[at].runtime = line.runtime;
        if shared {
            self.built[at].runtime.insert(0, output);
        }
        match self.tools.link(&instance.toolchain, self.files, &what) {
            Ok(mut action) => {
                action.pool = pool(instance);
                action.name = self.plain_name(what.output);
                self.add(&instance.name, action);
            }
            Err(why) => self.refused(instance, &why),
        }
    }

    /// Where an instance is installed, and the shared libraries of the project that it loads.
    fn installed(&self, instance: &Instance, runtime: &[PathId]) -> Option<Installed> {
        let directory = super::install::folder(instance)?;
        let mut run_paths = Vec::new();
        for library in runtime {
            let at = self.built.iter().position(|built| built.product == Some(*library));
            run_paths.extend(at.and_then(|at| super::install::folder(&self.project.instances[at])));
        }
        Some(Installed { directory, run_paths })
    }

    /// The libraries of which every member is linked.
    fn whole(&mut self, instance: &Instance) -> HashSet<Node> {
        let below = self.linked(instance);
        let mut whole = HashSet::new();
        let is_static = |node: Node| match node {
            Node::Target(at) => self.project.instances[at].kind == Kind::Static,
            Node::Command(_) | Node::Archive(_) => true,
        };
        for text in &instance.target.whole_archive {
            let node = below.iter().copied().find(|node| self.project.name_of(*node) == text.get_ref());
            match node {
                Some(node) if is_static(node) => drop(whole.insert(node)),
                Some(_) => {
                    self.report.push(self.report.on(text, format!("`{text}` is no static library")));
                }
                None => {
                    let found =
                        self.report.on(text, format!("`{}` does not depend on `{text}`", instance.name));
                    let known = below.iter().map(|node| self.project.name_of(*node));
                    let found = found.suggest(text.get_ref(), known);
                    self.report.push(found);
                }
            }
        }
        whole
    }

    /// The libraries of this project that `instance` links: see [`Self::linked`].
    pub(super) fn libraries(&self, instance: &Instance) -> Vec<usize> {
        let nodes = self.linked(instance).into_iter();
        nodes.filter_map(|node| if let Node::Target(at) = node { Some(at) } else { None }).collect()
    }

    /// Every library that `instance` links, each behind everything that depends on it, archives of other build tools too.
    /// What a shared library contains is not linked again; the libraries that it loads are found by itself.
    fn linked(&self, instance: &Instance) -> Vec<Node> {
        let project = self.project;
        let below = |node: Node| match node {
            Node::Target(at) if project.instances[at].kind != Kind::Shared => {
                targets_of(&project.instances[at])
            }
            _ => Vec::new(),
        };
        // The reverse of the post-order of a walk that visits the last first.
        let mut seen = HashSet::new();
        let mut order = Vec::new();
        for start in targets_of(instance).into_iter().rev() {
            if !seen.insert(start) {
                continue;
            }
            let mut way = vec![(start, below(start))];
            while let Some((at, open)) = way.last_mut() {
                match open.pop() {
                    Some(next) if seen.insert(next) => way.push((next, below(next))),
                    Some(_) => {}
                    None => {
                        order.push(*at);
                        way.pop();
                    }
                }
            }
        }
        order.reverse();
        order
    }

    fn line(&mut self, at: usize, instance: &Instance) -> Line {
        let project = self.project;
        let whole = self.whole(instance);
        let mut line = Line::default();
        line.inputs.extend(self.built[at].objects.iter().map(|object| LinkInput::File(*object)));
        let mut system = Vec::new();
        let mut passed_on = Vec::new();
        self.own_libraries(instance, &mut system, &mut line);
        let packages = self.built[at].packages.clone();
        self.package_libraries(&packages, &mut system, &mut line);
        for node in self.linked(instance) {
            let library = match node {
                Node::Target(library) => library,
                Node::Archive(at) => {
                    self.brought_libraries(at, whole.contains(&node), &mut system, &mut line);
                    passed_on.extend(project.foreign[at].archive.ldflags.iter().cloned());
                    continue;
                }
                Node::Command(_) => continue,
            };
            let theirs = &project.instances[library];
            let built = self.built[library].clone();
            line.runtime.extend(&built.runtime);
            match (theirs.kind, built.product) {
                (Kind::Static, Some(archive)) if whole.contains(&node) => {
                    line.inputs.push(LinkInput::WholeArchive(archive));
                }
                (Kind::Static | Kind::Shared, Some(product)) => line.inputs.push(LinkInput::File(product)),
                _ => {}
            }
            passed_on.extend(theirs.target.ldflags.iter().cloned());
            if theirs.kind != Kind::Shared {
                self.own_libraries(theirs, &mut system, &mut line);
                self.package_libraries(&built.packages, &mut system, &mut line);
            }
        }
        keep_last(&mut system);
        line.inputs.extend(system);
        dedup(&mut line.runtime);
        for library in line.runtime.clone() {
            let parent = self.files.rel(library).parent().unwrap_or(Path::new("")).to_path_buf();
            line.run_paths.push(self.files.path(Roots::BUILD, parent));
        }
        dedup(&mut line.run_paths);
        dedup(&mut line.directories);
        self.link_flags(instance, &passed_on, &mut line);
        line
    }

    fn own_libraries(&mut self, instance: &Instance, system: &mut Vec<LinkInput>, line: &mut Line) {
        let target = &instance.target;
        system.extend(target.system_libs.iter().map(|name| LinkInput::System(name.get_ref().clone())));
        for text in &target.library_dirs {
            line.directories.extend(self.directory_of(text));
        }
    }

    /// What another build tool made, and what it needs of the system.
    fn brought_libraries(&self, at: usize, whole: bool, system: &mut Vec<LinkInput>, line: &mut Line) {
        let Brought { linked, system_libs, .. } = &self.brought[at];
        let input = if whole { LinkInput::WholeArchive } else { LinkInput::File };
        line.inputs.extend(linked.iter().copied().map(input));
        system.extend(system_libs.iter().map(|name| LinkInput::System(name.clone())));
    }

    fn package_libraries(
        &mut self,
        packages: &crate::pkgconfig::Flags,
        system: &mut Vec<LinkInput>,
        line: &mut Line,
    ) {
        for directory in &packages.library_dirs {
            line.directories.push(self.files.path_abs(directory));
        }
        for word in &packages.link {
            system.push(match word.strip_prefix("-l") {
                Some(name) => LinkInput::System(name.to_string()),
                None => LinkInput::Flag(self.flag(word)),
            });
        }
    }

    /// Flags of the person's: the toolchain's, the profile's, the target's own, those that libraries pass on.
    fn link_flags(&mut self, instance: &Instance, passed_on: &[Text], line: &mut Line) {
        let project = self.project;
        if let Some(toolchain) = project.toolchains.get(&instance.toolchain) {
            line.flags.extend(self.flags(&toolchain.ldflags));
        }
        line.flags.extend(self.flags(&project.settings.ldflags));
        let target = &instance.target;
        line.flags.extend(self.flags(&target.private_ldflags));
        line.flags.extend(self.flags(&target.ldflags));
        line.flags.extend(self.flags(passed_on));
        if let Some(text) = &target.linker_script
            && let Some(script) = self.file_of(text, "linker script")
        {
            line.flags.push("-T".into());
            line.flags.push(Arg::path(script));
            line.scripts.push(script);
        }
        if let Some(text) = &target.version_script
            && let Some(script) = self.file_of(text, "version script")
        {
            line.flags.push(Arg::joined("-Wl,--version-script=", script));
            line.scripts.push(script);
        }
    }
}

/// What is on the link line.
#[derive(Default)]
struct Line {
    inputs: Vec<LinkInput>,
    directories: Vec<PathId>,
    run_paths: Vec<PathId>,
    runtime: Vec<PathId>,
    flags: Vec<Arg>,
    scripts: Vec<PathId>,
}

/// What is linked of what an instance needs.
fn targets_of(instance: &Instance) -> Vec<Node> {
    let nodes = instance.needs.iter().map(|need| need.node);
    nodes.filter(|node| !matches!(node, Node::Command(_))).collect()
}

fn pool(instance: &Instance) -> Option<String> {
    instance.target.pool.as_ref().map(|pool| pool.get_ref().clone())
}

/// Of libraries that several need, the last place is behind all of them.
fn keep_last(list: &mut Vec<LinkInput>) {
    let mut kept: Vec<LinkInput> = Vec::new();
    for input in list.drain(..).rev() {
        if !kept.contains(&input) {
            kept.push(input);
        }
    }
    kept.reverse();
    *list = kept;
}

/// The name of a product without what its kind adds.
pub(super) fn output_name(instance: &Instance) -> String {
    instance.target.output.as_ref().unwrap_or(&instance.name).get_ref().clone()
}

fn archive_name(instance: &Instance) -> String {
    format!("lib{}.a", output_name(instance))
}

/// As [`shared_names`], for whatever is linked.
fn linked_names(instance: &Instance) -> (String, Option<String>, Vec<(String, String)>) {
    let name = output_name(instance);
    if instance.kind == Kind::Shared {
        shared_names(&name, instance.target.version.as_ref(), instance.target.soname.as_ref())
    } else {
        (name, None, Vec::new())
    }
}

/// The file of a shared library, its soname, and the symbolic links to it (where, to what).
fn shared_names(
    name: &str,
    version: Option<&Text>,
    soname: Option<&Text>,
) -> (String, Option<String>, Vec<(String, String)>) {
    let plain = format!("lib{name}.so");
    let version = version.map(|version| version.get_ref().as_str());
    let major = version.map(|version| version.split('.').next().unwrap_or(version));
    let soname = match (soname, major) {
        (Some(soname), _) => soname.get_ref().clone(),
        (None, Some(major)) => format!("{plain}.{major}"),
        (None, None) => plain.clone(),
    };
    let file = version.map_or_else(|| plain.clone(), |version| format!("{plain}.{version}"));
    let mut links = Vec::new();
    let mut last = file.clone();
    for link in [&soname, &plain] {
        if *link != last && *link != file {
            links.push((link.clone(), last.clone()));
            last.clone_from(link);
        }
    }
    (file, Some(soname), links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_library_has_a_file_a_soname_and_links() {
        let text = |text: &str| Text::new(0..0, text.to_string());
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        let (file, soname, links) = shared_names("x", Some(&text("1.2.0")), None);
        assert_eq!((file.as_str(), soname.as_deref()), ("libx.so.1.2.0", Some("libx.so.1")));
        assert_eq!(links, [pair("libx.so.1", "libx.so.1.2.0"), pair("libx.so", "libx.so.1")]);
        assert_eq!(shared_names("x", None, None), ("libx.so".into(), Some("libx.so".into()), vec![]));
        let (file, _, links) = shared_names("x", Some(&text("2")), None);
        assert_eq!((file.as_str(), links), ("libx.so.2", vec![pair("libx.so", "libx.so.2")]));
        let (file, soname, links) = shared_names("x", None, Some(&text("libx.so.7")));
        assert_eq!((file.as_str(), soname.as_deref()), ("libx.so", Some("libx.so.7")));
        assert_eq!(links, [pair("libx.so.7", "libx.so")]);
    }
}
