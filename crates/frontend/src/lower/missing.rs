//! Toolchains that are not installed: who needs them, and whether that is an error or a notice.
//!
//! What is asked for by name must be built. Of what is built because nobody named anything, a target whose toolchain
//! is missing is left out with a notice, unless nothing would be left, or the toolchain is the host's.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Lowering;
use crate::diagnostic::Diagnostic;
use crate::load::Wanted;
use crate::manifest::Text;
use crate::project::{Generator, HOST, Instance, Node};
use crate::reader::Found;

/// How many names a message lists.
const NAMES: usize = 6;

impl Lowering<'_> {
    /// The toolchain that is missing for an instance or for what it needs.
    pub(super) fn missing_toolchain(&self, instance: &Instance) -> Option<String> {
        if !self.tools.knows(&instance.toolchain) {
            return Some(instance.toolchain.clone());
        }
        instance.needs.iter().find_map(|need| self.missing_of(need.node))
    }

    /// The toolchain that is missing for something that was lowered already.
    fn missing_of(&self, node: Node) -> Option<String> {
        match node {
            Node::Target(at) => self.built[at].missing.clone(),
            Node::Command(at) => self.unmade[at].clone(),
            Node::Archive(at) => {
                let needs = &self.project.foreign[at].needs;
                needs.iter().find_map(|need| self.missing_of(need.node))
            }
        }
    }

    /// The toolchain that is missing for what a command needs.
    pub(super) fn missing_below(&self, generator: &Generator) -> Option<String> {
        generator.needs.iter().find_map(|need| self.missing_of(need.node))
    }

    /// Says what is left out for want of a toolchain, or that it must not be.
    pub(super) fn missing(&mut self, wanted: &[Node]) {
        let project = self.project;
        // A library may be there for one toolchain and not for another; then its name is not left out.
        let there: HashSet<&str> = project
            .nodes()
            .filter(|node| self.missing_of(*node).is_none())
            .map(|node| project.name_of(node))
            .collect();
        let mut groups: BTreeMap<String, Vec<&Text>> = BTreeMap::new();
        for node in wanted.iter().filter(|node| !there.contains(project.name_of(**node))) {
            let Some(toolchain) = self.missing_of(*node) else { continue };
            let name = project.text_of(*node);
            let names = groups.entry(toolchain).or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let named = matches!(project.request.wanted, Wanted::Names(_));
        let nothing_left = wanted.iter().all(|node| !there.contains(project.name_of(*node)));
        for (toolchain, mut names) in groups {
            names.sort_by_key(|name| name.span().start);
            let is_error = named || nothing_left || toolchain == HOST;
            let found = self.lacking(&toolchain, &names, is_error);
            if is_error { self.report.push(found) } else { self.notices.push(found) }
        }
    }

    /// Says which toolchains of `needed` have a sysroot that is not there. Of one that is missing, the compiler is
    /// missed first.
    pub(super) fn sysroots(&mut self, needed: &BTreeSet<Node>) {
        let project = self.project;
        let instances = needed.iter().filter_map(|node| match node {
            Node::Target(at) => Some(&project.instances[*at].toolchain),
            Node::Command(_) | Node::Archive(_) => None,
        });
        for name in instances.collect::<BTreeSet<_>>() {
            let declared = project.toolchains.get(name).and_then(|toolchain| toolchain.sysroot.as_ref());
            let Some(text) = declared.filter(|_| self.tools.knows(name)) else { continue };
            let wrong = match self.reader.probe(&project.dir.join(text.get_ref())) {
                Ok(Found::Directory) => continue,
                Ok(Found::File) => format!("`{text}` is a file, and should be a directory"),
                Ok(Found::Nothing) => format!("there is no directory `{text}`"),
                Err(error) => format!("cannot look at `{text}`: {}", crate::load::plain(&error)),
            };
            let found = self.report.on(text, wrong);
            self.report
                .push(found.hint("`sysroot` is the directory with the target's headers and libraries"));
        }
    }

    fn lacking(&self, toolchain: &str, names: &[&Text], is_error: bool) -> Diagnostic {
        let mut list: Vec<String> = names.iter().take(NAMES).map(|name| format!("`{name}`")).collect();
        if names.len() > NAMES {
            list.push(format!("{} more", names.len() - NAMES));
        }
        let verb = match (is_error, names.len()) {
            (true, _) => "cannot be built",
            (false, 1) => "is left out",
            (false, _) => "are left out",
        };
        let message = format!("{} {verb}: the toolchain `{toolchain}` is missing", list.join(", "));
        let declared = self.project.manifest.toolchain.keys().find(|name| name.get_ref() == toolchain);
        let found = match declared.or(names.first().copied()) {
            Some(place) => self.report.on(place, message),
            None => Diagnostic::file(&self.report.source.path, message),
        };
        let Some(missing) = self.tools.missing(toolchain) else { return found };
        let found = found.why(&missing.why);
        match &missing.hint {
            Some(hint) => found.hint(hint),
            None => found,
        }
    }
}
