//! What the tests of this crate share: a project in a temporary directory, and a toolchain that only writes down
//! what it was asked for.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use rekindle_fingerprint::action::{Action, ActionKind, Arg, Identity, Part, Piece, Spelling};
use rekindle_fingerprint::auto::AutoBuild;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;
use rekindle_toolchain::request::{
    Archive, Compile, Include, Language, Link, LinkInput, Lto, Mode, Optimize, Warnings,
};

use rekindle_toolchain::Environment;
use rekindle_toolchain::tools::{Found, Tools};

use crate::diagnostic::Diagnostics;
use crate::load::{Definition, Request, Wanted, load};
use crate::lower::{Lowered, lower};
use crate::platform::Platform;
use crate::project::Project;
use crate::toolbox::{Missing, Toolbox};

/// A project on disk.
pub(crate) struct Space {
    /// Its directory, canonical.
    pub(crate) base: PathBuf,
    /// What is asked of it.
    pub(crate) request: Request,
    /// The toolchains that are there.
    pub(crate) toolchains: Vec<&'static str>,
    _dir: tempfile::TempDir,
}

/// A lowered project and its files.
pub(crate) struct Made {
    pub(crate) lowered: Lowered,
    pub(crate) files: Files,
}

impl Space {
    /// A project with a manifest, to which `[project]` is added, and empty files.
    pub(crate) fn new(manifest: &str, files: &[&str]) -> Self {
        let space = Self::raw(&format!("[project]\nname = \"p\"\n{manifest}"));
        for file in files {
            space.write(file, "");
        }
        space
    }

    /// A project with exactly this manifest.
    pub(crate) fn raw(manifest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let host = Platform { os: "linux".into(), arch: "x86_64".into() };
        let environment = BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let request = Request { host, environment, ..Request::default() };
        let space = Self { base, request, toolchains: vec!["host", "avr", "arm"], _dir: dir };
        space.write("rekindle.toml", manifest);
        space
    }

    /// Writes a file; a script can be run.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.base.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if name.ends_with(".sh") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// Asks for these targets.
    pub(crate) fn wanting(mut self, names: &[&str]) -> Self {
        self.request.wanted = Wanted::Names(names.iter().map(ToString::to_string).collect());
        self
    }

    /// Sets options.
    pub(crate) fn with(mut self, options: &[&str]) -> Self {
        self.request.options = options.iter().map(|words| Definition::flag(words)).collect();
        self
    }

    pub(crate) fn load(&self) -> Result<Project, Diagnostics> {
        load(&self.base, &self.request)
    }

    pub(crate) fn lower(&self) -> Result<Made, Diagnostics> {
        let project = self.load()?;
        let build = self.base.join(".rekindle/build").join(project.profile());
        let mut files = Files::new(Roots::new(&self.base, build));
        let lowered = lower(&project, &mut Written::new(self.toolchains.clone()), &mut files)?;
        Ok(Made { lowered, files })
    }

    /// What is wrong, with the directory taken out.
    pub(crate) fn errors(&self) -> String {
        let errors = self.lower().map(|_| ()).expect_err("something is wrong with this manifest");
        errors
            .to_string()
            .replace(&format!("{}/", self.base.display()), "")
            .replace(&self.base.display().to_string(), "")
    }

    /// Every command line, a line each.
    pub(crate) fn commands(&self) -> String {
        crate::lower::check_parts(self);
        self.lower().unwrap_or_else(|errors| panic!("{errors}")).commands(&self.base)
    }
}

impl Made {
    /// Every command line, a line each, and what else there is to an action.
    pub(crate) fn commands(&self, base: &std::path::Path) -> String {
        let mut text = String::new();
        for (_, action) in self.lowered.graph.actions() {
            text.push_str(&self.command(action));
            text.push('\n');
        }
        let text =
            text.replace(&format!("{}/", base.display()), "/P/").replace(&base.display().to_string(), "/P");
        // Where a tool works depends on what this machine has.
        let mut parts = text.split("/.archives/");
        let mut plain = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let (name, rest) = part.split_once('/').unwrap_or((part, ""));
            plain += &format!("/.archives/{name}/HEX{}", rest.get(16..).unwrap_or_default());
        }
        plain
    }

    /// What there is to the action of an archive besides its command, a line each.
    fn auto(&self, action: &Action, auto: &AutoBuild) -> String {
        let spelling = Spelling::new(&self.files, action.cwd);
        let name = |arg: &Arg| String::from_utf8_lossy(&arg.name(&self.files, &spelling)).into_owned();
        let show = |paths: &[PathId]| paths.iter().map(|path| self.files.show(*path)).collect::<Vec<_>>();
        let mut lines = Vec::new();
        let mut line = |what: &str, list: Vec<String>| {
            if !list.is_empty() {
                lines.push(format!("\n    {what}: {}", list.join(" ")));
            }
        };
        line("as", vec![action.argv.iter().map(name).collect::<Vec<_>>().join(" ")]);
        for before in &auto.before {
            line("before", before.iter().map(name).collect());
        }
        line("in", show(&[action.cwd]));
        line(
            "env",
            action.env.iter().map(|(key, value)| format!("{}={}", key.display(), name(value))).collect(),
        );
        line("tools", action.identity.iter().map(|identity| identity.name.clone()).collect());
        let trees = auto.watch.trees.iter();
        line("trees", trees.map(|tree| format!("{} {:?}", self.files.show(tree.dir), tree.only)).collect());
        line("files", show(&auto.watch.files));
        line("exclude", auto.watch.exclude.clone());
        line("outside", show(&auto.watch.outside));
        line("inputs", show(&action.inputs));
        line(
            "depfiles",
            show(&action.discovery.depfiles.iter().filter_map(|d| d.path()).collect::<Vec<_>>()),
        );
        line("made", show(&auto.made));
        line("outputs", show(&action.outputs));
        line("work", show(&auto.work));
        line("remove", show(&auto.remove));
        let forget = auto.forget.iter();
        line(
            "forget",
            forget
                .map(|(path, start)| {
                    format!("{}/{}*", self.files.show(*path), String::from_utf8_lossy(start))
                })
                .collect(),
        );
        line("locks", show(&auto.locks));
        let facts = auto.facts.iter();
        line(
            "facts",
            facts
                .map(|(fact, value)| {
                    let (fact, value) = (fact.name(), String::from_utf8_lossy(value).into_owned());
                    format!("{}={value}", String::from_utf8_lossy(&fact))
                })
                .collect(),
        );
        lines.concat()
    }

    fn command(&self, action: &Action) -> String {
        let spelling = Spelling::new(&self.files, action.cwd);
        let words =
            action.argv.iter().map(|arg| arg.spell(&self.files, &spelling).to_string_lossy().into_owned());
        let mut text = words.collect::<Vec<_>>().join(" ").replace(".rekindle/build/debug/", "B/");
        let show =
            |paths: &[PathId]| paths.iter().map(|path| self.files.show(*path)).collect::<Vec<_>>().join(" ");
        if !action.order_only.is_empty() {
            text += &format!("  | after {}", show(&action.order_only));
        }
        if let Some(auto) = &action.auto {
            text += &self.auto(action, auto);
        }
        if action.kind == ActionKind::Custom {
            text += &format!("  | in {} | out {}", show(&action.inputs), show(&action.outputs));
        }
        for (link, to) in &action.links {
            text += &format!("  | {} -> {}", self.files.show(*link), to.display());
        }
        text
    }
}

/// A toolchain that writes down what it was asked for, in a form like a command line.
pub(crate) struct Written {
    there: Vec<&'static str>,
    missing: Missing,
    /// The build tools that were asked for.
    pub(crate) tools: Vec<Tools>,
}

impl Written {
    pub(crate) fn new(there: Vec<&'static str>) -> Self {
        let (why, hint) =
            ("no C compiler was found: searched for `x-gcc` on PATH".into(), "install it".into());
        Self { there, missing: Missing { why, hint: Some(hint) }, tools: Vec::new() }
    }
}

fn mode(mode: &Mode) -> Vec<Arg> {
    let mut args: Vec<Arg> = Vec::new();
    match mode.optimize {
        Optimize::None => {}
        other => args.push(format!("-O:{other:?}").into()),
    }
    if mode.debug {
        args.push("-g".into());
    }
    if mode.lto != Lto::Off {
        args.push(format!("-flto:{:?}", mode.lto).into());
    }
    args.extend(mode.sanitize.iter().map(|name| format!("-fsanitize={name}").into()));
    args
}

impl Toolbox for Written {
    fn knows(&self, toolchain: &str) -> bool {
        self.there.contains(&toolchain)
    }

    fn missing(&self, toolchain: &str) -> Option<&Missing> {
        (!self.knows(toolchain)).then_some(&self.missing)
    }

    fn compile(&mut self, toolchain: &str, files: &mut Files, what: &Compile) -> Result<Action, String> {
        let driver = if what.language == Language::Cxx { "cxx" } else { "cc" };
        let mut argv: Vec<Arg> = vec![format!("{toolchain}-{driver}").into()];
        argv.extend(mode(&what.mode));
        argv.extend(what.standard.iter().map(|standard| format!("-std={standard}").into()));
        if what.warnings != Warnings::Default {
            argv.push(format!("-W:{:?}", what.warnings).into());
        }
        argv.extend(what.pic.map(|pic| if pic { "-fPIC".into() } else { "-fno-pic".into() }));
        argv.extend(what.defines.iter().map(|define| format!("-D{define}").into()));
        for include in &what.includes {
            argv.push(match include {
                Include::Quote(path) => Arg::joined("-iquote", *path),
                Include::Normal(path) => Arg::joined("-I", *path),
                Include::System(path) => Arg::joined("-isystem", *path),
            });
        }
        argv.extend(what.forced.iter().map(|path| Arg::joined("-include:", *path)));
        argv.extend(what.precompiled.iter().map(|made| Arg::joined("-pch:", made.product)));
        argv.extend(what.flags.iter().cloned());
        argv.push(if what.makes_precompiled { "-x-header".into() } else { "-c".into() });
        argv.extend([Arg::path(what.source), "-o".into(), Arg::path(what.object)]);
        let cwd = files.path(Roots::WORKSPACE, "");
        let mut action =
            Action::new(ActionKind::Compile, files.show(what.source), argv, cwd, vec![what.object]);
        action.inputs = vec![what.source];
        action.order_only.clone_from(&what.order_only);
        Ok(action)
    }

    fn archive(&mut self, toolchain: &str, files: &mut Files, what: &Archive) -> Result<Action, String> {
        let mut argv: Vec<Arg> = vec![format!("{toolchain}-ar").into(), Arg::path(what.archive)];
        argv.extend(what.objects.iter().map(|object| Arg::path(*object)));
        let cwd = files.path(Roots::WORKSPACE, "");
        let mut action =
            Action::new(ActionKind::Archive, files.show(what.archive), argv, cwd, vec![what.archive]);
        action.inputs.clone_from(&what.objects);
        Ok(action)
    }

    fn link(&mut self, toolchain: &str, files: &mut Files, what: &Link) -> Result<Action, String> {
        let driver = if what.language == Language::Cxx { "cxx" } else { "cc" };
        let mut argv: Vec<Arg> = vec![format!("{toolchain}-{driver}").into()];
        argv.extend(mode(&what.mode));
        if what.shared {
            argv.push("-shared".into());
        }
        argv.extend(what.soname.iter().map(|soname| format!("-soname={soname}").into()));
        argv.extend(["-o".into(), Arg::path(what.output)]);
        let mut inputs = what.scripts.clone();
        for input in &what.inputs {
            argv.push(match input {
                LinkInput::File(path) => Arg::path(*path),
                LinkInput::WholeArchive(path) => Arg::text("whole:").then(Piece::Path(*path)),
                LinkInput::System(name) => format!("-l{name}").into(),
                LinkInput::Flag(flag) => flag.clone(),
            });
            if let LinkInput::File(path) | LinkInput::WholeArchive(path) = input {
                inputs.push(*path);
            }
        }
        argv.extend(what.directories.iter().map(|path| Arg::joined("-L", *path)));
        argv.extend(what.run_paths.iter().map(|path| Arg::joined("-rpath:", *path)));
        argv.extend(what.flags.iter().cloned());
        let cwd = files.path(Roots::WORKSPACE, "");
        let mut action = Action::new(ActionKind::Link, files.show(what.output), argv, cwd, vec![what.output]);
        action.inputs = inputs;
        action.links.clone_from(&what.links);
        Ok(action)
    }

    fn build_tools(&mut self, _: &mut Files, what: &Tools, _: &Environment) -> Result<Found, String> {
        self.tools.push(what.clone());
        let names = |list: &[std::ffi::OsString]| {
            list.iter().map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        let text = format!("{} ({})", names(&what.needed), names(&what.extra));
        let parts = vec![Part { name: "tools".into(), digest: Digest::of(text.as_bytes()) }];
        Ok(Found { identity: Some(Arc::new(Identity::new(text, parts, Vec::new()))), absent: None })
    }
}
