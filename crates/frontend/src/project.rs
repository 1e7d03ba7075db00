//! The typed project: every target as it is in this build, with conditions decided, additions made, options put in,
//! and names turned into references.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::roots::Root;
use rekindle_toolchain::request::Spec;

use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::load::{Request, Wanted};
use crate::manifest::{Archive, Command, Manifest, Target, Text, Toolchain};
use crate::platform::Platform;
use crate::profile::Settings;
use crate::sharing::Sharing;

/// What a target makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A static library.
    Static,
    /// A shared library.
    Shared,
    /// Objects that are linked one by one.
    Object,
    /// A program.
    Program,
    /// A program that is a test.
    Test,
}

impl Kind {
    /// Whether others link it.
    pub fn is_library(self) -> bool {
        matches!(self, Self::Static | Self::Shared | Self::Object)
    }
}

/// A target, a command or an archive of another build tool, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Node {
    Target(usize),
    Command(usize),
    /// What another build tool makes.
    Archive(usize),
}

/// What something that is needed counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is used, and what is public in it is passed on.
    Public,
    /// It is used.
    Private,
    /// It must be there: a linker script that a command writes, a program that a command runs.
    Presence,
}

/// Something that another thing needs.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    /// What is needed.
    pub(crate) node: Node,
    /// What it counts for.
    pub(crate) purpose: Purpose,
    /// Where the manifest says so.
    pub(crate) place: Text,
}

/// A target for one toolchain.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) name: Text,
    pub(crate) kind: Kind,
    pub(crate) toolchain: String,
    /// Whether the toolchain is that of whatever uses it.
    pub(crate) follows: bool,
    /// The target with everything decided.
    pub(crate) target: Target,
    /// Libraries and commands of `deps`, the private ones first found last.
    pub(crate) needs: Vec<Need>,
}

impl Instance {
    /// How its directories are called: `NAME`, or `NAME@TOOLCHAIN`.
    pub(crate) fn place(&self) -> String {
        if self.is_aside() {
            format!("{}@{}", self.name, self.toolchain)
        } else {
            self.name.get_ref().clone()
        }
    }

    /// Whether it lies beside another instance of the same target.
    pub(crate) fn is_aside(&self) -> bool {
        self.follows && self.toolchain != HOST
    }
}

/// A command with everything decided.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    pub(crate) name: Text,
    pub(crate) command: Command,
    /// Targets of `deps` and of `{target:NAME}`, and commands whose outputs are inputs.
    pub(crate) needs: Vec<Need>,
}

/// What another build tool makes, with everything decided.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    pub(crate) name: Text,
    pub(crate) archive: Archive,
    /// Commands whose outputs are inputs.
    pub(crate) needs: Vec<Need>,
}

/// The toolchain that nobody has to name.
pub(crate) const HOST: &str = "host";

/// A toolchain that targets ask for.
#[derive(Clone, Debug)]
pub struct Needed {
    /// What the manifest says of it.
    pub spec: Spec,
    /// Whether a target that is wanted needs it.
    pub wanted: bool,
}

/// A project that was read and understood.
#[derive(Clone, Debug)]
pub struct Project {
    pub(crate) dir: PathBuf,
    pub(crate) source: Arc<Source>,
    pub(crate) manifest: Manifest,
    pub(crate) request: Request,
    pub(crate) settings: Settings,
    pub(crate) roots: BTreeMap<String, PathBuf>,
    pub(crate) sharing: Sharing,
    pub(crate) toolchains: BTreeMap<String, Toolchain>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) generators: Vec<Generator>,
    pub(crate) foreign: Vec<Foreign>,
    /// The commands by name.
    pub(crate) commands: HashMap<String, usize>,
    /// Which command writes a generated file.
    pub(crate) writers: HashMap<String, usize>,
    /// Names of targets and commands whose condition does not hold, and the condition.
    pub(crate) left_out: BTreeMap<String, String>,
    /// Environment variables that loading asked for, and what they were.
    pub(crate) variables: BTreeMap<OsString, Option<OsString>>,
}

impl Project {
    /// Its name.
    pub fn name(&self) -> &str {
        self.manifest.project.name.get_ref()
    }

    /// Its version.
    pub fn version(&self) -> Option<&str> {
        self.manifest.project.version.as_ref().map(|version| version.get_ref().as_str())
    }

    /// Its directory, canonical.
    pub fn directory(&self) -> &Path {
        &self.dir
    }

    /// The name of the profile that is built; the build directory of each is its own.
    pub fn profile(&self) -> &str {
        &self.request.profile
    }

    /// The roots that the manifest declares. Add them to the table of roots before anything else.
    pub fn roots(&self) -> Vec<Root> {
        self.roots.iter().map(|(name, path)| Root::new(name.as_str(), path)).collect()
    }

    /// What the manifest says about the store.
    pub fn sharing(&self) -> &Sharing {
        &self.sharing
    }

    /// What every toolchain builds for, as far as the manifest tells.
    pub fn platform(&self, toolchain: &str) -> Platform {
        crate::platform::of_toolchain(self.toolchains.get(toolchain), &self.request.host)
    }

    /// Every toolchain that a target of this build asks for, by name, and whether a wanted one does.
    ///
    /// # Errors
    /// Something was asked for that is not there.
    pub fn toolchains(&self) -> Result<Vec<Needed>, Diagnostics> {
        let wanted = self.closure(&self.wanted()?);
        let mut all: BTreeMap<&str, bool> = BTreeMap::new();
        for (at, instance) in self.instances.iter().enumerate() {
            *all.entry(&instance.toolchain).or_default() |= wanted.contains(&Node::Target(at));
        }
        Ok(all.into_iter().map(|(name, wanted)| Needed { spec: self.spec(name), wanted }).collect())
    }

    /// What the manifest says of the toolchain `name`.
    pub fn spec(&self, name: &str) -> Spec {
        let mut spec = Spec { name: name.to_string(), ..Spec::default() };
        let Some(declared) = self.toolchains.get(name) else { return spec };
        let text = |value: &Option<Text>| value.as_ref().map(|text| text.get_ref().clone());
        spec.cc = text(&declared.cc);
        spec.cxx = text(&declared.cxx);
        spec.ar = text(&declared.ar);
        spec.target = text(&declared.target);
        spec.sysroot = declared.sysroot.as_ref().map(|sysroot| self.dir.join(sysroot.get_ref()));
        spec.flags = declared.flags.iter().map(|flag| Arg::text(flag.get_ref())).collect();
        spec
    }

    /// Every name that can be asked for.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let targets = self.instances.iter().map(|instance| instance.name.get_ref().as_str());
        let commands = self.generators.iter().map(|command| command.name.get_ref().as_str());
        targets.chain(commands).chain(self.foreign.iter().map(|one| one.name.get_ref().as_str())).collect()
    }

    /// What is wanted: targets and commands, in order.
    pub(crate) fn wanted(&self) -> Result<Vec<Node>, Diagnostics> {
        let mut found = Vec::new();
        let mut wrong = Vec::new();
        match &self.request.wanted {
            Wanted::Names(names) => {
                for name in names {
                    match self.named(name) {
                        Ok(nodes) => found.extend(nodes),
                        Err(diagnostics) => wrong.extend(diagnostics.0),
                    }
                }
            }
            Wanted::Everything => found = self.nodes().collect(),
            Wanted::Tests => found = self.nodes().filter(|node| self.is_test(*node)).collect(),
            Wanted::Default => {
                let listed = self.listed_default();
                found = self.nodes().filter(|node| self.is_default(*node, listed.as_ref())).collect();
            }
        }
        if wrong.is_empty() { Ok(found) } else { Err(Diagnostics(wrong)) }
    }

    fn named(&self, name: &str) -> Result<Vec<Node>, Diagnostics> {
        let nodes: Vec<Node> = self.nodes().filter(|node| self.name_of(*node) == name).collect();
        if !nodes.is_empty() {
            return Ok(nodes);
        }
        if let Some(when) = self.left_out.get(name) {
            let found = Diagnostic::request(name, "this target is left out of this build");
            return Err(found.why(format!("it counts only when {when}")).into());
        }
        Err(Diagnostic::request(name, "the manifest has no such target").suggest(name, self.names()).into())
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        let commands = (0..self.generators.len()).map(Node::Command);
        (0..self.instances.len())
            .map(Node::Target)
            .chain(commands)
            .chain((0..self.foreign.len()).map(Node::Archive))
    }

    pub(crate) fn name_of(&self, node: Node) -> &str {
        self.text_of(node).get_ref()
    }

    /// The name of a node where the manifest gives it.
    pub(crate) fn text_of(&self, node: Node) -> &Text {
        match node {
            Node::Target(at) => &self.instances[at].name,
            Node::Command(at) => &self.generators[at].name,
            Node::Archive(at) => &self.foreign[at].name,
        }
    }

    pub(crate) fn needs_of(&self, node: Node) -> &[Need] {
        match node {
            Node::Target(at) => &self.instances[at].needs,
            Node::Command(at) => &self.generators[at].needs,
            Node::Archive(at) => &self.foreign[at].needs,
        }
    }

    fn is_test(&self, node: Node) -> bool {
        matches!(node, Node::Target(at) if self.instances[at].kind == Kind::Test)
    }

    /// The command that a source or input means: `command:NAME`, or the name of a generated file.
    pub(crate) fn writer_of(&self, text: &str) -> Option<usize> {
        match text.strip_prefix("command:") {
            Some(name) => self.commands.get(name).copied(),
            None => self.writers.get(&crate::evaluate::generated_name(text)).copied(),
        }
    }

    /// The names that the manifest says are built when nothing is asked for, if it says so.
    pub(crate) fn listed_default(&self) -> Option<HashSet<&str>> {
        let list = self.manifest.project.default.as_ref()?;
        Some(list.iter().map(|name| name.get_ref().as_str()).collect())
    }

    /// Whether it is built when nothing is asked for; `listed` is [`Project::listed_default`].
    pub(crate) fn is_default(&self, node: Node, listed: Option<&HashSet<&str>>) -> bool {
        if let Some(listed) = listed {
            return listed.contains(self.name_of(node));
        }
        let told = match node {
            Node::Target(at) => self.instances[at].target.default,
            Node::Command(at) => self.generators[at].command.default,
            Node::Archive(at) => self.foreign[at].archive.default,
        };
        told.unwrap_or(true) && !self.is_test(node)
    }

    /// `nodes` and everything that they need.
    pub(crate) fn closure(&self, nodes: &[Node]) -> BTreeSet<Node> {
        let mut found = BTreeSet::new();
        let mut open = nodes.to_vec();
        while let Some(node) = open.pop() {
            if found.insert(node) {
                open.extend(self.needs_of(node).iter().map(|need| need.node));
            }
        }
        found
    }
}

/// Whether `name` can be the name of a file of ours: letters, digits and `_ - . +`, without a dot or dash in front.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.+".contains(c);
    !name.is_empty() && name.chars().all(plain) && !name.starts_with(['.', '-'])
}
