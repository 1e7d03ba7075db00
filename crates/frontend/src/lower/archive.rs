//! Archives that other build tools make: how the tool is run, what it reads, and what others get of it.
//!
//! A form (`cargo`, `make`, `cmake`) fills in a [`Plan`], and the keys of the manifest add to it. The tool leaves its
//! products where it wants to; others link copies, below `archive/NAME` in the build directory of the profile, and find
//! headers there or among the sources.
//! Where a tool has a directory of its own to work in, that is the root `work.NAME`: it lies beside the profiles, and
//! its place follows from all that keys the result but the content of inputs, so that no two profiles share one. No key
//! tells its place, so that a tool that is absent (and of which nobody knows what it is made of) changes none.

mod cargo;
mod cmake;
mod config;
mod crates;
pub(crate) mod environment;
mod make;
mod products;
mod watch;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Piece, Spelling};
use rekindle_fingerprint::auto::{AutoBuild, Fact};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::{Root, RootId, Roots};
use rekindle_fingerprint::watch::{WatchSet, Watched};
use rekindle_toolchain::tools::Tools;

use super::usage::Usage;
use super::{Lowering, paths};
use crate::manifest::Text;
use crate::project::Foreign;
use products::Product;

/// The directory, beside the build directories of profiles, below which other build tools work. No profile is called so.
pub const TOOLS: &str = ".archives";

/// The directory of the copies, in the build directory of a profile.
pub(crate) const ARCHIVES: &str = "archive";

/// What others need to know of an archive.
#[derive(Clone, Debug, Default)]
pub(super) struct Brought {
    /// The copies of its outputs.
    pub(super) outputs: Vec<PathId>,
    /// Those of them that are linked.
    pub(super) linked: Vec<PathId>,
    /// Libraries of the system that are linked with it.
    pub(super) system_libs: Vec<String>,
    /// What those who depend on it compile with.
    pub(super) usage: Usage,
    /// What it makes, where the tool leaves it.
    products: Vec<Product>,
    /// What is watched.
    watch: WatchSet,
}

/// Which tool makes an archive, as far as others have to know.
enum Form {
    /// Any command.
    Command,
    Cargo(Box<cargo::Crate>),
    Make(PathBuf),
    Cmake(PathBuf),
}

/// How an archive is made.
struct Plan {
    /// Where the command runs.
    directory: PathId,
    argv: Vec<Arg>,
    before: Vec<Vec<Arg>>,
    tools: Tools,
    /// Variables that the form sets.
    env: BTreeMap<OsString, Arg>,
    watch: WatchSet,
    /// See [`AutoBuild::left`].
    left: Vec<String>,
    /// Inputs that commands make.
    generated: Vec<PathId>,
    work: Vec<PathId>,
    remove: Vec<PathId>,
    forget: Vec<(PathId, Vec<u8>)>,
    locks: Vec<PathId>,
    depfiles: Vec<PathId>,
    /// The keys of the profile that people are told of.
    facts: Vec<(String, String)>,
}

impl Plan {
    fn new(directory: PathId) -> Self {
        Self {
            directory,
            argv: Vec::new(),
            before: Vec::new(),
            tools: Tools::default(),
            env: BTreeMap::new(),
            watch: WatchSet::default(),
            left: Vec::new(),
            generated: Vec::new(),
            work: Vec::new(),
            remove: Vec::new(),
            forget: Vec::new(),
            locks: Vec::new(),
            depfiles: Vec::new(),
            facts: Vec::new(),
        }
    }

    fn fact(&mut self, key: &str, value: impl Into<String>) {
        self.facts.push((key.to_string(), value.into()));
    }
}

impl<'a> Lowering<'a> {
    /// Names where other build tools keep what they download, before anything below is named.
    pub(super) fn roots_of_build_tools(&mut self) {
        let foreign = self.project.foreign.iter().find(|foreign| foreign.archive.cargo.is_some());
        if let Some(foreign) = foreign {
            self.root_of_cargo(foreign);
        }
    }

    /// Lowers an archive of another build tool.
    pub(super) fn foreign(&mut self, at: usize) {
        let project = self.project;
        let foreign = &project.foreign[at];
        let root = self.files.roots_mut().reserve(&format!("work.{}", foreign.name));
        let Some(form) = self.form(foreign) else { return };
        self.variables_of_form(foreign, &form);
        let products = self.products_of(foreign, &form, root);
        let outputs: Vec<PathId> = products.iter().map(|product| product.copy).collect();
        let brought = &mut self.brought[at];
        brought.outputs.clone_from(&outputs);
        brought.linked = products.iter().filter(|product| product.is_archive()).map(|p| p.copy).collect();
        brought.system_libs = match (&foreign.archive.system_libs, &form) {
            (Some(given), _) => given.iter().map(|name| name.get_ref().clone()).collect(),
            (None, Form::Cargo(found)) => found.system_libs(),
            (None, _) => Vec::new(),
        };
        let usage = self.usage_of(foreign, &form, &products);
        self.brought[at].usage = usage;
        self.brought[at].products.clone_from(&products);
        if outputs.is_empty() || !self.wants_any(outputs.iter().copied()) {
            return;
        }
        let Some(mut plan) = self.plan(foreign, &form, root, &products) else { return };
        plan.watch.outside.extend(products.iter().map(|product| product.made));
        self.brought[at].watch.clone_from(&plan.watch);
        let Some(watched) = self.walk(foreign, &plan.watch) else { return };
        if let Some(action) = self.auto_action(foreign, &form, root, plan, products, watched) {
            self.add(&foreign.name, action);
        }
    }

    /// Which form it has. That there is nothing of it is reported.
    fn form(&mut self, foreign: &'a Foreign) -> Option<Form> {
        let archive = &foreign.archive;
        match (&archive.cargo, &archive.make, &archive.cmake) {
            (Some(text), ..) => self.crate_of(foreign, text).map(|found| Form::Cargo(Box::new(found))),
            (None, Some(text), _) => self.make_directory(text).map(Form::Make),
            (None, None, Some(text)) => self.cmake_directory(text).map(Form::Cmake),
            (None, None, None) => Some(Form::Command),
        }
    }

    /// How it is made: what the form says, with what the manifest adds.
    fn plan(
        &mut self,
        foreign: &'a Foreign,
        form: &Form,
        root: RootId,
        products: &[Product],
    ) -> Option<Plan> {
        let archive = &foreign.archive;
        let mut plan = match form {
            Form::Command => Plan::new(self.workspace),
            Form::Cargo(found) => self.cargo_plan(foreign, found, root)?,
            Form::Make(directory) => self.make_plan(foreign, directory),
            Form::Cmake(directory) => self.cmake_plan(foreign, directory, root),
        };
        if let Some(text) = &archive.working_directory {
            plan.directory = self.directory_of(text)?;
        }
        if let Some(command) = &archive.command {
            plan.argv = self.given_command(command.get_ref(), &mut plan.tools);
        }
        for tool in &archive.tools {
            plan.tools.needed.push(tool.get_ref().into());
        }
        plan.tools.extra.extend(programs_named(foreign));
        plan.tools.directory = self.files.abs(plan.directory);
        self.inputs_of(foreign, &mut plan)?;
        plan.watch.exclude.extend(archive.exclude.iter().map(|text| text.get_ref().clone()));
        for text in &archive.depfiles {
            let product = self.place_of(text, form, root)?;
            plan.depfiles.push(product);
            plan.watch.outside.push(product);
        }
        plan.remove
            .extend(products.iter().map(|product| product.made).filter(|made| self.is_removed(form, *made)));
        plan.locks.push(plan.directory);
        let among = products.iter().filter(|product| self.files.root(product.made) != root);
        let among: Vec<PathId> = among.map(|product| product.made).collect();
        plan.locks.extend(among.into_iter().filter_map(|made| self.holder(made)));
        for (key, value) in &archive.profile {
            plan.fact(key.get_ref(), value.show());
        }
        Some(plan)
    }

    /// Whether what a tool left is deleted before it runs again. cargo knows by itself that its product is out of date, and
    /// CMake's lies in what is deleted as a whole; where any command leaves things is the person's.
    fn is_removed(&self, form: &Form, made: PathId) -> bool {
        match form {
            Form::Make(_) => true,
            Form::Command | Form::Cargo(_) | Form::Cmake(_) => {
                matches!(form, Form::Command) && self.files.root(made) == Roots::WORKSPACE
            }
        }
    }

    /// The directory that something lies in.
    fn holder(&mut self, path: PathId) -> Option<PathId> {
        let (root, rel) = (self.files.root(path), self.files.rel(path).parent()?.to_path_buf());
        Some(self.files.path(root, rel))
    }

    /// The words of a person's own command. A program with a slash in its name lies in the project.
    fn given_command(&mut self, words: &[Text], tools: &mut Tools) -> Vec<Arg> {
        let mut argv = Vec::new();
        for (number, word) in words.iter().enumerate() {
            let text = word.get_ref();
            if number > 0 {
                argv.push(self.flag(text));
            } else if text.contains('/') && !text.starts_with('/') {
                let program = self.files.path_from(&self.project.dir, Path::new(text));
                argv.push(Arg(vec![Piece::Absolute(program)]));
            } else {
                argv.push(Arg::text(text));
            }
        }
        let mut names = words.iter().map(|word| word.get_ref().as_str());
        tools.needed.splice(0..0, names.next().map(OsString::from));
        tools.plus = names.next().and_then(|word| word.strip_prefix('+')).map(str::to_string);
        argv
    }

    /// The names of what is watched. What is wrong with it is reported.
    fn walk(&mut self, foreign: &'a Foreign, watch: &WatchSet) -> Option<Watched> {
        match watch.walk(self.files) {
            Ok(watched) => Some(watched),
            Err(error) => {
                let place = foreign.archive.inputs.first().or(foreign.archive.exclude.first());
                let message = format!("cannot look through what `{}` reads: {error}", foreign.name);
                self.report.push(self.report.on(place.unwrap_or(&foreign.name), message));
                None
            }
        }
    }

    fn auto_action(
        &mut self,
        foreign: &'a Foreign,
        form: &Form,
        root: RootId,
        plan: Plan,
        products: Vec<Product>,
        watched: Watched,
    ) -> Option<Action> {
        let env = self.environment_of(foreign, form, &plan);
        let found = match self.tools.build_tools(self.files, &plan.tools, &self.seen_by_tools(&env)) {
            Ok(found) => found,
            Err(why) => {
                let first = why.lines().next().unwrap_or_default();
                let message = format!("`{}` cannot be made: {first}", foreign.name);
                self.report.push(self.report.on(&foreign.name, message));
                return None;
            }
        };
        let (outputs, made) = products.into_iter().map(|product| (product.copy, product.made)).unzip();
        let mut facts: Vec<(Fact, Vec<u8>)> = Vec::new();
        for (key, value) in plan.facts {
            facts.push((Fact::Profile(key), value.into_bytes()));
        }
        for (link, text) in &watched.links {
            let shown = PathBuf::from(self.files.show(*link));
            facts.push((Fact::Link(shown), text.as_os_str().as_bytes().to_vec()));
        }
        facts.sort();
        let mut action =
            Action::new(ActionKind::AutoArchive, foreign.name.get_ref(), plan.argv, plan.directory, outputs);
        action.env = env.into_iter().collect();
        action.identity = found.identity;
        action.inputs = watched.files;
        action.inputs.extend(plan.generated);
        super::dedup(&mut action.inputs);
        action.discovery.depfiles = plan.depfiles.into_iter().map(DepfileFormat::Make).collect();
        action.pool = foreign.archive.pool.as_ref().map(|pool| pool.get_ref().clone());
        action.share = foreign.archive.share != Some(false);
        let mut auto = AutoBuild {
            before: plan.before,
            work: plan.work,
            remove: plan.remove,
            forget: plan.forget,
            made,
            locks: plan.locks,
            watch: plan.watch,
            left: plan.left,
            facts,
            absent: found.absent,
            chatters: matches!(form, Form::Cmake(_)),
        };
        super::dedup(&mut auto.remove);
        self.place_work(foreign, root, &action, &auto)?;
        auto.locks.extend(&auto.work);
        super::dedup(&mut auto.locks);
        action.auto = Some(Box::new(auto));
        Some(action)
    }

    /// Says where the root of its working directory lies.
    fn place_work(
        &mut self,
        foreign: &'a Foreign,
        root: RootId,
        action: &Action,
        auto: &AutoBuild,
    ) -> Option<()> {
        let profile = self.profile_digest(action, auto);
        let build = self.files.roots().get(Roots::BUILD).path.clone();
        let above = build.parent().unwrap_or(&build);
        let place = above.join(TOOLS).join(foreign.name.get_ref()).join(&profile.hex()[..16]);
        let name = self.files.roots().get(root).name.clone();
        if let Err(error) = self.files.roots_mut().add(Root::new(name, place)) {
            self.report.push(self.report.on(&foreign.name, error.to_string()));
            return None;
        }
        Some(())
    }

    /// The digest of all that keys the result but the content of inputs: domain `rekindle archive profile 1`; the identity
    /// of the tools if they are there; the commands; the environment; directory, outputs and facts.
    fn profile_digest(&self, action: &Action, auto: &AutoBuild) -> Digest {
        let spelling = Spelling::new(self.files, action.cwd);
        let name = |arg: &Arg| arg.name(self.files, &spelling);
        let mut e = Encoder::for_digest("rekindle archive profile 1");
        e.option(action.identity.as_ref(), |e, identity| {
            e.digest(&identity.digest);
        });
        let mut commands: Vec<&Vec<Arg>> = auto.before.iter().collect();
        commands.push(&action.argv);
        e.list(&commands, |e, command| {
            e.list(command, |e, word| {
                e.bytes(&name(word));
            });
        });
        e.list(&action.env, |e, (key, value)| {
            e.bytes(key.as_bytes()).bytes(&name(value));
        });
        e.bytes(&name(&Arg(vec![Piece::Absolute(action.cwd)])));
        e.list(&action.outputs, |e, output| {
            e.bytes(self.files.rel(*output).as_os_str().as_bytes());
        });
        let facts: Vec<_> = auto.facts.iter().filter(|(fact, _)| matches!(fact, Fact::Profile(_))).collect();
        e.list(&facts, |e, (fact, value)| {
            e.bytes(&fact.name()).bytes(value);
        });
        e.finish()
    }

    /// The programs that a variable such as `CC` names, else these.
    fn programs(&mut self, variable: &str, default: &str) -> Vec<OsString> {
        let value = self.variable(variable).filter(|value| !value.is_empty());
        let text = value.as_deref().map_or(default.into(), OsStr::to_string_lossy);
        let words = text.split_whitespace().filter(|word| !word.starts_with('-') && !word.contains('='));
        words.map(OsString::from).collect()
    }

    /// Whether a path can stand in a flag that is split at blanks.
    fn is_plain(&self, path: PathId) -> bool {
        let path = self.place_near(path);
        path.as_os_str()
            .as_bytes()
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@%,:~".contains(byte) || *byte >= 0x80)
    }

    /// Where a path lies, or, if its root is placed only when its whole profile is known, the directory that it is placed
    /// beside: what matters is what characters are in it.
    fn place_near(&self, path: PathId) -> PathBuf {
        let is_placed = self.files.roots().get(self.files.root(path)).is_placed();
        if is_placed { self.files.abs(path) } else { self.files.roots().get(Roots::BUILD).path.clone() }
    }

    /// The flags by which a C compiler takes the places of the project and of other directories out of what it makes, behind
    /// `start`. A map with a blank or a `=` in its path cannot be given so.
    fn c_maps(&mut self, start: Arg, others: &[(PathId, &str)]) -> Arg {
        let mut arg = start;
        for (path, name) in [(self.workspace, ".")].iter().chain(others) {
            let (path, name) = (*path, *name);
            if !self.is_plain(path) {
                continue;
            }
            let gap = if arg.0.is_empty() { "" } else { " " };
            let flag = format!("{gap}-ffile-prefix-map=");
            arg = arg.then_text(&flag).then(Piece::Absolute(path)).then_text(&format!("={name}"));
        }
        arg
    }

    /// An absolute path as a word, named by its root.
    fn absolute(path: PathId) -> Arg {
        Arg(vec![Piece::Absolute(path)])
    }

    /// A value of a variable: absolute paths of roots are named by these.
    fn value(&mut self, value: &OsStr) -> Arg {
        let Some(text) = value.to_str() else { return Arg::text(value) };
        let pieces = paths::flag(self.files, text).0.into_iter().map(|piece| match piece {
            Piece::Path(path) => Piece::Absolute(path),
            other => other,
        });
        Arg(pieces.collect())
    }
}

/// The programs that the manifest itself names, by variables of the environment, of make or of CMake's cache.
fn programs_named(foreign: &Foreign) -> Vec<OsString> {
    let archive = &foreign.archive;
    let env = archive.env.iter().map(|(name, value)| (name.get_ref().clone(), value.get_ref().clone()));
    let args = archive.args.iter().filter_map(|text| {
        let (name, value) = text.get_ref().split_once('=')?;
        let name = name.strip_prefix("-D").unwrap_or(name);
        Some((name.split(':').next().unwrap_or(name).to_string(), value.to_string()))
    });
    let table = archive.definitions.iter().flat_map(|table| table.get_ref());
    let definitions = table.map(|(name, value)| (name.clone(), value.show()));
    let all = env.chain(args).chain(definitions).filter(|(name, _)| names_a_program(name.as_str()));
    let values: Vec<String> = all.map(|(_, value)| value).collect();
    let words = values.iter().flat_map(|value| value.split([' ', ';']));
    words.filter(|word| !word.is_empty() && !word.starts_with('-')).map(OsString::from).collect()
}

/// Whether the value of a variable is a program: `CC`, `CC_arm_none_eabi`, `CMAKE_C_COMPILER`, `RUSTC_WRAPPER`.
fn names_a_program(name: &str) -> bool {
    const PLAIN: [&str; 9] = ["CC", "CXX", "AR", "AS", "LD", "NM", "RANLIB", "OBJCOPY", "RUSTC"];
    const ENDS: [&str; 6] = ["_COMPILER", "_LAUNCHER", "_LINKER", "_AR", "_RANLIB", "_WRAPPER"];
    let name = name.strip_prefix("HOST_").or_else(|| name.strip_prefix("TARGET_")).unwrap_or(name);
    let is_plain = |plain: &str| {
        name.strip_prefix(plain).is_some_and(|rest| {
            rest.is_empty() || ["CC", "CXX", "AR"].contains(&plain) && rest.starts_with('_')
        })
    };
    PLAIN.iter().any(|plain| is_plain(plain)) || ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
#[path = "archive/tests.rs"]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests;
