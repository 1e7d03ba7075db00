//! The form `cargo`: a package of Rust that is built as a static library.
//!
//! cargo goes by times where it looks at local packages, so what it remembers of these is forgotten before each run, and
//! it builds them again; what it downloaded and built of others stays. The maps that take this machine's paths out of
//! what it makes are given in addition to the project's own flags: see [`Flags`].

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::{Arg, Piece};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::{Root, RootId};

use super::Plan;
use super::config::{Config, Flags};
use super::crates::{Crates, MANIFEST, Package};
use super::make::words;
use crate::diagnostic::Diagnostic;
use crate::lower::Lowering;
use crate::manifest::Text;
use crate::project::Foreign;
use crate::reader::Found;

/// The name of the root that is cargo's own directory.
const HOME: &str = "home.cargo";

/// A package that is built, and where its workspace and its configuration are.
pub(super) struct Crate {
    package: Package,
    name: String,
    library: String,
    /// The directory of the workspace.
    root: PathBuf,
    /// The directory that cargo runs in.
    directory: PathBuf,
    config: Config,
    /// The target, if one is named somewhere.
    target: Option<String>,
    profile: String,
}

impl Crate {
    /// The name of the file that comes out.
    pub(super) fn library(&self) -> String {
        format!("lib{}.a", self.library)
    }

    /// Where that lies below cargo's target directory.
    pub(super) fn product(&self) -> PathBuf {
        self.place().join(self.library())
    }

    fn place(&self) -> PathBuf {
        Path::new(self.target.as_deref().unwrap_or("")).join(directory_of(&self.profile))
    }

    /// What a static library of Rust needs of the system.
    pub(super) fn system_libs(&self) -> Vec<String> {
        let target = self.target_or_host();
        // What the compiler says under `--print native-static-libs`.
        let list: &[&str] = match () {
            () if target.contains("-linux-gnu") => &["gcc_s", "util", "rt", "pthread", "m", "dl", "c"],
            () if target.contains("-linux-musl") => &[],
            () => &[],
        };
        list.iter().map(ToString::to_string).collect()
    }

    fn target_or_host(&self) -> String {
        self.target.clone().unwrap_or_else(host)
    }
}

/// The name of this machine as a target of Rust.
fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// The directory of a profile: two have other names than theirs.
fn directory_of(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

impl<'a> Lowering<'a> {
    /// The package that `cargo = "DIR/Cargo.toml"` and `package` mean.
    pub(super) fn crate_of(&mut self, foreign: &'a Foreign, text: &Text) -> Option<Crate> {
        let archive = &foreign.archive;
        let mut path = self.project.dir.join(text.get_ref());
        if matches!(self.reader.probe(&path), Ok(Found::Directory)) {
            path.push(MANIFEST);
        }
        if !matches!(self.reader.probe(&path), Ok(Found::File))
            || path.file_name() != Some(OsStr::new(MANIFEST))
        {
            let found = self.report.on(text, format!("there is no Cargo.toml at `{text}`"));
            self.report.push(found.hint("name the manifest of a package or a workspace: `DIR/Cargo.toml`"));
            return None;
        }
        let directory =
            self.files.path_from(&self.project.dir, path.strip_prefix(&self.project.dir).unwrap_or(&path));
        let directory = self.files.abs(directory).parent()?.to_path_buf();
        let mut crates = Crates::default();
        if crates.table(&directory).is_none() {
            self.report.push(self.report.on(text, format!("`{text}` cannot be read: it is not TOML")));
            return None;
        }
        let root = crates.root(&directory);
        let package = self.package_of(foreign, text, &mut crates, &directory, &root)?;
        let name = package.name().unwrap_or_default().to_string();
        if !package.crate_types().contains(&"staticlib") {
            let place = archive.package.as_ref().unwrap_or(text);
            let message = format!("the package `{name}` has no library of the crate type `staticlib`");
            let found = self.report.on(place, message);
            self.report
                .push(found.hint("write `crate-type = [\"staticlib\"]` below `[lib]` in its Cargo.toml"));
            return None;
        }
        let home = self.cargo_home();
        let config = Config::find(&directory, home.as_deref());
        let environment = &self.project.request.environment;
        let told = environment.get(OsStr::new("CARGO_BUILD_TARGET")).and_then(|value| value.to_str());
        let target = archive.target.as_ref().map(|text| text.get_ref().as_str());
        let target = target.or(told).or(config.text("build", "target")).map(str::to_string);
        let profile = archive.cargo_profile.as_ref().map_or("release", |text| text.get_ref()).to_string();
        let library = package.library().unwrap_or_default();
        Some(Crate { package, name, library, root, directory, config, target, profile })
    }

    fn package_of(
        &mut self,
        foreign: &'a Foreign,
        text: &Text,
        crates: &mut Crates,
        directory: &Path,
        root: &Path,
    ) -> Option<Package> {
        let own = crates.package(directory);
        let Some(wanted) = &foreign.archive.package else {
            if own.is_none() {
                let known = crates.members(root);
                let found =
                    self.report.on(text, format!("`{text}` is a workspace without a package of its own"));
                self.report.push(known_packages(found, &known, "name one by `package`"));
            }
            return own;
        };
        let known = crates.members(root);
        let is_it = |package: &Package| package.name() == Some(wanted.get_ref());
        let found = own.into_iter().chain(known.iter().cloned()).find(is_it);
        if found.is_none() {
            let message = format!("there is no package `{wanted}` in the workspace of `{text}`");
            let found = self.report.on(wanted, message);
            let names = known.iter().filter_map(Package::name);
            self.report.push(found.suggest(wanted.get_ref(), names));
        }
        found
    }

    /// Where cargo keeps what it downloads.
    fn cargo_home(&mut self) -> Option<PathBuf> {
        let given = self.variable("CARGO_HOME").filter(|value| !value.is_empty());
        let default = self.variable("HOME").filter(|value| !value.is_empty());
        let home = given.map(PathBuf::from).or_else(|| Some(Path::new(&default?).join(".cargo")))?;
        Some(self.project.dir.join(home))
    }

    /// Gives the directory of cargo a name, so that it is no part of keys where that is.
    pub(super) fn root_of_cargo(&mut self, foreign: &'a Foreign) {
        let Some(home) = self.cargo_home() else { return };
        let real = consult::canonical(&home).unwrap_or_else(|_| home.clone());
        match self.files.roots_mut().add(Root::new(HOME, real)) {
            Ok(id) => self.files.roots_mut().add_spelling(id, home),
            Err(error) => self.report.push(self.report.on(&foreign.name, error.to_string())),
        }
    }

    /// How a package is built.
    pub(super) fn cargo_plan(&mut self, foreign: &'a Foreign, found: &Crate, root: RootId) -> Option<Plan> {
        let mut crates = Crates::default();
        let closure = crates.closure(&found.package, &found.root, &found.config.replaced());
        let work = self.files.path(root, "");
        let mut plan = Plan::new(self.files.path_abs(&found.directory));
        let lock = found.root.join("Cargo.lock");
        // Of packages of the project alone it says nothing that their manifests do not; and cargo writes one if there is none.
        let is_locked = closure.is_open;
        if is_locked && !consult::is_file(&lock) {
            let shown = self.files.path_abs(&lock);
            let message = format!(
                "`{}` depends on packages of a registry, and there is no `{}`",
                found.name,
                self.files.show(shown)
            );
            let found = self.report.on(&foreign.name, message);
            let why =
                "which versions are taken would depend on the day, and on what the machine has downloaded";
            self.report.push(
                found.why(why).hint("run `cargo generate-lockfile`, and keep the file with the sources"),
            );
            return None;
        }
        plan.argv = self.cargo_command(foreign, found, work, is_locked);
        plan.work = vec![work];
        let own = self.files.path_abs(&found.root.join(MANIFEST));
        plan.watch.files.push(own);
        let lock = self.files.path_abs(&lock);
        if is_locked {
            plan.watch.files.push(lock)
        } else {
            plan.watch.outside.push(lock)
        }
        for place in found.directory.ancestors() {
            let names = ["rust-toolchain", "rust-toolchain.toml"].map(|name| place.join(name));
            for path in names.into_iter().filter(|path| consult::is_file(path)) {
                plan.watch.files.push(self.files.path_abs(&path));
            }
        }
        for (path, _) in &found.config.files {
            plan.watch.files.push(self.files.path_abs(path));
        }
        let links = closure.is_open || closure.packages.iter().any(Package::links);
        for package in &closure.packages {
            self.tree(&mut plan.watch, &package.directory);
            let start = format!("{}-", package.name().unwrap_or_default()).into_bytes();
            // What runs on this machine is built beside what is built for the target.
            let mut places = vec![found.place()];
            places.push(PathBuf::from(directory_of(&found.profile)));
            places.dedup();
            for place in places {
                // What build scripts left lies beside what is known of them.
                for name in [".fingerprint", "build"] {
                    plan.forget.push((self.files.path(root, place.join(name)), start.clone()));
                }
            }
            let own = self.files.path_abs(&crates.root(&package.directory).join(MANIFEST));
            if !plan.watch.files.contains(&own) {
                plan.watch.files.push(own);
            }
        }
        self.vendored(found, root, &mut plan);
        let depfile = self.files.path(root, found.product().with_extension("d"));
        plan.depfiles.push(depfile);
        self.cargo_tools(found, links, &mut plan);
        self.rust_maps(found, root, &mut plan);
        if links {
            self.c_flags(root, &mut plan);
        }
        self.cargo_facts(foreign, found, &mut plan);
        Some(plan)
    }

    /// Watches the sources that the configuration puts in the place of a registry's. cargo takes them for what never
    /// changes, so all that it knows is forgotten.
    fn vendored(&mut self, found: &Crate, root: RootId, plan: &mut Plan) {
        for directory in found.config.vendored().into_iter().filter(|place| consult::is_directory(place)) {
            self.tree(&mut plan.watch, &directory);
            for place in [found.place(), PathBuf::from(directory_of(&found.profile))] {
                for name in [".fingerprint", "build"] {
                    plan.forget.push((self.files.path(root, place.join(name)), Vec::new()));
                }
            }
        }
    }

    fn cargo_command(
        &mut self,
        foreign: &'a Foreign,
        found: &Crate,
        work: PathId,
        is_locked: bool,
    ) -> Vec<Arg> {
        let archive = &foreign.archive;
        let manifest = self.files.path_abs(&found.directory.join(MANIFEST));
        let mut argv: Vec<Arg> =
            ["cargo", "build", "--quiet", "--color", "never", "--manifest-path"].map(Arg::text).to_vec();
        argv.push(Arg::path(manifest));
        match found.profile.as_str() {
            "release" => argv.push("--release".into()),
            profile => argv.extend(["--profile".into(), Arg::text(profile)]),
        }
        argv.extend(["--target-dir".into(), Self::absolute(work)]);
        argv.extend(["--lib", "-p"].map(Arg::text));
        argv.push(Arg::text(&found.name));
        if let Some(features) = archive.features.as_ref().filter(|list| !list.get_ref().is_empty()) {
            let list: Vec<&str> = features.get_ref().iter().map(|text| text.get_ref().as_str()).collect();
            argv.extend(["--features".into(), Arg::text(list.join(","))]);
        }
        if archive.default_features.as_ref().is_some_and(|told| !told.get_ref()) {
            argv.push("--no-default-features".into());
        }
        if let Some(target) = &found.target {
            argv.extend(["--target".into(), Arg::text(target)]);
        }
        if is_locked {
            argv.push("--locked".into());
        }
        if found.config.text("build", "build-dir").is_some() {
            let start = Arg::text("build.build-dir='").then(Piece::Absolute(work)).then_text("'");
            argv.extend(["--config".into(), start]);
        }
        argv.extend(self.flags(&archive.args));
        argv
    }

    fn cargo_tools(&mut self, found: &Crate, links: bool, plan: &mut Plan) {
        plan.tools.needed = vec!["cargo".into()];
        plan.tools.target = Some(found.target_or_host());
        let target = found.target_or_host();
        for name in ["RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            for name in [name.to_string(), format!("CARGO_BUILD_{name}")] {
                let value = self.project.request.environment.get(OsStr::new(&name)).cloned();
                plan.tools.needed.extend(value.filter(|value| !value.is_empty()));
            }
        }
        plan.tools.needed.extend(found.config.programs(&target));
        let linker = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace(['-', '.'], "_"));
        let linker = self.project.request.environment.get(OsStr::new(&linker)).cloned();
        plan.tools.needed.extend(linker);
        if links {
            plan.tools.needed.extend(self.programs("CC", "cc"));
            plan.tools.extra.extend(self.programs("AR", "ar"));
            plan.tools.extra.extend(self.programs("CXX", "c++"));
        }
    }

    /// Takes the places of the project, of what cargo downloaded and of where it works out of what it makes.
    fn rust_maps(&mut self, found: &Crate, root: RootId, plan: &mut Plan) {
        let mut places = vec![(self.workspace, "/rekindle/ws")];
        let own = self.files.path_abs(&found.root);
        if !found.root.starts_with(&self.project.dir) {
            places.push((own, "/rekindle/crates"));
        }
        if let Some(home) = self.cargo_home() {
            places.push((self.files.path_abs(&home), "/rekindle/cargo"));
        }
        places.push((self.files.path(root, ""), "/rekindle/work"));
        let flags = found.config.flags(&self.project.request.environment, &found.target_or_host());
        let (start, gap, end) = match &flags {
            Flags::Variable("RUSTFLAGS") => ("", " ", ""),
            Flags::Variable(_) => ("", "\u{1f}", ""),
            Flags::Key(_, None) => ("'", "',", "'"),
            Flags::Key(_, Some(_)) => ("", " ", ""),
        };
        // Where a list is split at blanks, a path with one cannot stand in it; in no text of TOML can one with a quote.
        let is_split = gap == " ";
        places.retain(|(path, _)| self.is_plain(*path) || !is_split && !self.has_quote(*path));
        let mut maps = Arg::default();
        for (number, (path, name)) in places.into_iter().enumerate() {
            let before = if number > 0 { gap } else { "" };
            maps = maps.then_text(&format!("{before}{start}--remap-path-prefix="));
            maps = maps.then(Piece::Absolute(path)).then_text(&format!("={name}"));
        }
        if maps.0.is_empty() {
            return;
        }
        match flags {
            Flags::Variable(name) => {
                let given =
                    self.project.request.environment.get(OsStr::new(name)).cloned().unwrap_or_default();
                let mut value = self.value(&given);
                if !given.is_empty() {
                    value = value.then_text(gap);
                }
                value.0.extend(maps.0);
                plan.env.insert(OsString::from(name), value);
            }
            Flags::Key(key, None) => {
                let mut value = Arg::text(format!("{key}=["));
                value.0.extend(maps.0);
                plan.argv.extend(["--config".into(), value.then_text(&format!("{end}]"))]);
            }
            Flags::Key(key, Some(theirs)) if !theirs.contains(['\'', '\n']) => {
                let mut value = Arg::text(format!("{key}='{theirs} "));
                value.0.extend(maps.0);
                plan.argv.extend(["--config".into(), value.then_text("'")]);
            }
            Flags::Key(..) => {}
        }
    }

    fn has_quote(&self, path: PathId) -> bool {
        let path = self.place_near(path);
        let bytes = path.as_os_str().as_encoded_bytes();
        bytes.iter().any(|byte| *byte == b'\'' || byte.is_ascii_control()) || path.to_str().is_none()
    }

    /// The same for what build scripts have a C compiler make: behind the flags of each variable that holds any.
    fn c_flags(&mut self, root: RootId, plan: &mut Plan) {
        let is_flags = |name: &OsStr| {
            let name = name.to_str().unwrap_or_default();
            let plain = name.strip_prefix("TARGET_").or_else(|| name.strip_prefix("HOST_")).unwrap_or(name);
            ["CFLAGS", "CXXFLAGS"].into_iter().any(|base| {
                plain.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            })
        };
        let environment = &self.project.request.environment;
        let mut names: Vec<OsString> = environment.keys().filter(|name| is_flags(name)).cloned().collect();
        names.extend(["CFLAGS".into(), "CXXFLAGS".into()]);
        names.sort();
        names.dedup();
        let mut others = Vec::new();
        others.extend(self.cargo_home().map(|home| (self.files.path_abs(&home), "cargo")));
        others.push((self.files.path(root, ""), "work"));
        for name in names {
            let given = self.project.request.environment.get(&name).cloned();
            let start = given.map(|value| self.value(&value)).unwrap_or_default();
            let value = self.c_maps(start, &others);
            plan.env.insert(name, value);
        }
    }

    fn cargo_facts(&mut self, foreign: &'a Foreign, found: &Crate, plan: &mut Plan) {
        plan.fact("package", &found.name);
        plan.fact("cargo-profile", &found.profile);
        plan.fact("target", found.target_or_host());
        let features = foreign.archive.features.as_ref().map(|list| list.get_ref().as_slice());
        if let Some(features) = features.filter(|list| !list.is_empty()) {
            plan.fact("features", words(features));
        }
        if foreign.archive.default_features.as_ref().is_some_and(|told| !told.get_ref()) {
            plan.fact("default-features", "false");
        }
    }
}

/// Adds which packages there are.
fn known_packages(found: Diagnostic, known: &[Package], hint: &str) -> Diagnostic {
    let names: Vec<String> = known.iter().filter_map(Package::name).map(|name| format!("`{name}`")).collect();
    found.hint(if names.is_empty() { hint.to_string() } else { format!("{hint}: {}", names.join(", ")) })
}
