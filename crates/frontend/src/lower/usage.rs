//! What a target compiles with: its own include directories and defines, and what its dependencies make public.

use std::collections::HashSet;

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;
use rekindle_toolchain::request::Include;

use super::Lowering;
use super::paths::GENERATED;
use crate::manifest::Text;
use crate::pkgconfig::Flags;
use crate::project::{Instance, Node, Purpose};

/// What a source is compiled with because of the libraries and commands it uses.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    pub(super) includes: Vec<Include>,
    pub(super) defines: Vec<String>,
    pub(super) flags: Vec<Arg>,
    /// Generated files that must be there first.
    pub(super) generated: Vec<PathId>,
}

/// A target's usage: for itself, and for those who depend on it.
pub(super) struct Usages {
    pub(super) own: Usage,
    pub(super) public: Usage,
}

impl Usage {
    fn extend(&mut self, other: &Self) {
        self.includes.extend(other.includes.iter().copied());
        self.defines.extend(other.defines.iter().cloned());
        self.flags.extend(other.flags.iter().cloned());
        self.generated.extend(other.generated.iter().copied());
    }

    /// Keeps the first of each directory and file, and the last of each define.
    fn tidy(&mut self) {
        let mut seen = HashSet::new();
        self.includes.retain(|include| seen.insert(directory(*include)));
        super::dedup(&mut self.generated);
        let mut seen = HashSet::new();
        let mut last_first: Vec<String> =
            self.defines.drain(..).rev().filter(|d| seen.insert(d.clone())).collect();
        last_first.reverse();
        self.defines = last_first;
        let mut flags: Vec<Arg> = Vec::new();
        for flag in self.flags.drain(..) {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
        self.flags = flags;
    }
}

fn directory(include: Include) -> PathId {
    match include {
        Include::Quote(path) | Include::Normal(path) | Include::System(path) => path,
    }
}

impl Lowering<'_> {
    /// What `instance` compiles with. Order: its private directories, its public ones, generated files, those of
    /// its dependencies, packages, system directories.
    pub(super) fn usage(&mut self, instance: &Instance, packages: &Flags) -> Usages {
        let target = &instance.target;
        let mut own = Usage::default();
        let mut public = Usage::default();
        let private = self.include_dirs(&target.private_include);
        own.includes.extend(private.into_iter().map(Include::Normal));
        let shown: Vec<Include> =
            self.include_dirs(&target.include).into_iter().map(Include::Normal).collect();
        own.includes.extend(&shown);
        public.includes.extend(shown);
        let package = self.package_usage(packages);
        for need in instance.needs.iter().filter(|need| need.purpose != Purpose::Presence) {
            let theirs = match need.node {
                Node::Target(at) => self.built[at].usage.clone(),
                Node::Command(at) => self.command_usage(at),
                Node::Archive(at) => self.brought[at].usage.clone(),
            };
            own.extend(&theirs);
            if need.purpose == Purpose::Public {
                public.extend(&theirs);
            }
        }
        own.extend(&package);
        public.extend(&package);
        let system: Vec<Include> =
            self.include_dirs(&target.system_include).into_iter().map(Include::System).collect();
        own.includes.extend(&system);
        public.includes.extend(system);
        let text = |text: &Text| text.get_ref().clone();
        own.defines.extend(target.defines.iter().chain(&target.private_defines).map(text));
        public.defines.extend(target.defines.iter().map(text));
        own.tidy();
        public.tidy();
        Usages { own, public }
    }

    /// The directories that a key names; they may lie below `{outdir}`.
    fn include_dirs(&mut self, texts: &[Text]) -> Vec<PathId> {
        texts.iter().filter_map(|text| self.directory_of(text)).collect()
    }

    fn command_usage(&mut self, at: usize) -> Usage {
        let generated = self.generated[at].clone();
        let directory = self.files.path(Roots::BUILD, GENERATED);
        Usage { includes: vec![Include::Normal(directory)], generated, ..Usage::default() }
    }

    fn package_usage(&mut self, packages: &Flags) -> Usage {
        let mut usage = Usage { defines: packages.defines.clone(), ..Usage::default() };
        for directory in &packages.includes {
            usage.includes.push(Include::Normal(self.files.path_abs(directory)));
        }
        usage.flags = packages.compile.iter().map(|flag| super::paths::flag(self.files, flag)).collect();
        usage
    }
}
