//! What the command lines of all kinds have in common.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Piece};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::{Root, RootId, Roots};

use crate::request::{Language, Lto, Mode, Optimize};
use crate::toolchain::{Driver, Family, Toolchain};

/// The flags by which a compiler is asked for depfiles. They stand right before the depfile's name.
const FOR_DEPFILES: [&[u8]; 4] = [b"-MD", b"-MF", b"-Xassembler", b"--MD"];

/// The command line of a compile without what only a build needs: its depfiles lie where nothing is before a build,
/// and whoever else reads the command has depfiles of its own.
pub fn without_depfiles(action: &Action) -> Vec<&Arg> {
    let depfiles: Vec<PathId> = action.discovery.depfiles.iter().filter_map(DepfileFormat::path).collect();
    let asks =
        |arg: &Arg| matches!(arg.0.as_slice(), [Piece::Text(text)] if FOR_DEPFILES.contains(&&text[..]));
    let mut words: Vec<&Arg> = Vec::new();
    for arg in &action.argv {
        if !arg.paths().any(|path| depfiles.contains(&path)) {
            words.push(arg);
            continue;
        }
        while words.last().is_some_and(|last| asks(last)) {
            words.pop();
        }
    }
    words
}

/// The program of a command line.
pub(crate) fn program(driver: &Driver) -> Vec<Arg> {
    driver.launcher.into_iter().chain([driver.path]).map(Arg::path).collect()
}

/// A file in the scratch directory whose name no other product's has: the product's own name, a few digits of the
/// digest of its whole name, and an ending.
pub(crate) fn scratch(temporary: PathId, product: PathId, ending: &str, files: &mut Files) -> PathId {
    let full = full_name(product, files);
    let mut name = files.rel(product).file_name().unwrap_or_default().as_bytes().to_vec();
    name.truncate(180);
    name.extend_from_slice(format!("-{}{ending}", &Digest::of(&full).hex()[..10]).as_bytes());
    below(temporary, Path::new(OsStr::from_bytes(&name)), files)
}

/// What names a path on every machine.
pub(crate) fn full_name(path: PathId, files: &Files) -> Vec<u8> {
    let root = &files.roots().get(files.root(path)).name;
    [root.as_bytes(), b":", files.rel(path).as_os_str().as_bytes()].concat()
}

/// The path `name` below a directory.
pub(crate) fn below(directory: PathId, name: &Path, files: &mut Files) -> PathId {
    let (root, rel) = (files.root(directory), files.rel(directory).join(name));
    files.path(root, rel)
}

/// The seed that takes the place of chance: made from the path's name.
pub(crate) fn seed(path: PathId, files: &Files) -> Arg {
    Arg::text(format!("-frandom-seed={}", &Digest::of(&full_name(path, files)).hex()[..16]))
}

/// The working directory of every process, by the same name everywhere (Linux).
const HERE: &str = "/proc/self/cwd";

/// Text for people, and the same on every machine.
pub(crate) const MESSAGES: [&str; 2] = ["-fdiagnostics-color=always", "-fmessage-length=0"];

impl Toolchain {
    /// `-O2`, `-flto`, ... of a profile.
    pub(crate) fn mode(&self, mode: &Mode) -> Vec<Arg> {
        let mut args = vec![Arg::text(self.optimize(mode.optimize))];
        if mode.debug {
            args.push("-g".into());
        }
        args.extend(self.lto_and_sanitizers(mode));
        args
    }

    fn optimize(&self, optimize: Optimize) -> &'static str {
        match optimize {
            Optimize::None => "-O0",
            Optimize::Debug => "-Og",
            Optimize::One => "-O1",
            Optimize::Two => "-O2",
            Optimize::Three => "-O3",
            Optimize::MinSize if self.family == Family::Clang || self.version.at_least(12, 0) => "-Oz",
            Optimize::Size | Optimize::MinSize => "-Os",
            Optimize::Fast => "-Ofast",
        }
    }

    /// What of a profile both compiles and links are told.
    pub(crate) fn lto_and_sanitizers(&self, mode: &Mode) -> Vec<Arg> {
        let mut args = Vec::new();
        match (mode.lto, self.family) {
            (Lto::Off, _) => {}
            (Lto::Thin, Family::Clang) => args.push("-flto=thin".into()),
            (Lto::Full | Lto::Thin, _) => args.push("-flto".into()),
        }
        if !mode.sanitize.is_empty() {
            args.push(Arg::text(format!("-fsanitize={}", mode.sanitize.join(","))));
        }
        args
    }

    /// Flags that keep this machine's paths out of products: the workspace becomes `.`, and every other root that is
    /// not a place of the system becomes its name.
    ///
    /// gcc before 8 and clang before 10 map paths in debug information only; there `__FILE__` stays what it is.
    pub(crate) fn prefix_maps(&self, language: Language, lto: bool, files: &mut Files) -> Vec<Arg> {
        let newer = match self.family {
            Family::Gcc => self.version.at_least(8, 0),
            Family::Clang => self.version.at_least(10, 0),
        };
        let assembles = matches!(language, Language::Assembler | Language::AssemblerCpp);
        let mut flags: Vec<&str> = Vec::new();
        if newer && language != Language::Assembler {
            flags.push("-ffile-prefix-map=");
        }
        // gcc hands the wider flag to the assembler since 12 only; the older one always.
        if !newer || assembles {
            flags.push("-fdebug-prefix-map=");
        }
        let mut maps = Vec::new();
        for (root, new) in self.mapped_roots(files) {
            let old = files.path(root, "");
            // Before 12, gcc writes these flags into bytecode, where they do what they are to prevent.
            if lto && self.family == Family::Gcc && !self.version.at_least(12, 0) {
                continue;
            }
            for flag in &flags {
                maps.push(Arg::text(flag).then(Piece::Absolute(old)).then_text(&format!("={new}")));
            }
        }
        if self.hides_directory(lto) {
            maps.push(Arg::text(format!("{}{HERE}=.", flags[0])));
        }
        // The directory in assembler's debug information is in no map of clang 14.
        if assembles && self.family == Family::Clang && self.version.at_least(13, 0) {
            maps.push("-fdebug-compilation-dir=.".into());
        }
        maps
    }

    /// Whether the compiler is given another name for its working directory: gcc writes that into bytecode, past all
    /// maps, and takes it from `PWD` if that is the same directory.
    pub(crate) fn hides_directory(&self, lto: bool) -> bool {
        lto && self.family == Family::Gcc
    }

    /// The keyed environment of a command.
    pub(crate) fn env(&self, kind: ActionKind, lto: bool, files: &mut Files) -> Vec<(OsString, Arg)> {
        let mut env = crate::environment::keyed_for(&self.environment, kind, files);
        if self.hides_directory(lto) {
            env.push(("PWD".into(), HERE.into()));
            env.sort_by(|a, b| a.0.cmp(&b.0));
        }
        env
    }

    /// The directories of an environment variable.
    pub(crate) fn variable_paths(&self, name: &str, cwd: PathId, files: &mut Files) -> Vec<PathId> {
        let Some(value) = self.environment.get(OsStr::new(name)).filter(|value| !value.is_empty()) else {
            return Vec::new();
        };
        let cwd = files.abs(cwd);
        // An empty part means the working directory.
        let parts = value.as_bytes().split(|byte| *byte == b':');
        parts.map(|part| files.path_from(&cwd, Path::new(OsStr::from_bytes(part)))).collect()
    }
}

impl Toolchain {
    /// The roots that are mapped, and what they become. One that lies in another is covered by that one's map, because
    /// which of two maps that fit is taken differs between compilers.
    fn mapped_roots(&self, files: &Files) -> Vec<(RootId, String)> {
        let roots = files.roots();
        let is_own = |id| id == self.roots.install || id == self.roots.sysroot;
        let of_some_toolchain = |root: &Root| root.name.starts_with("tc.") || root.name.starts_with("sys.");
        let candidates: Vec<_> = roots
            .iter()
            .filter(|(id, root)| *id != Roots::OUTSIDE && root.is_placed() && !root.is_system())
            .filter(|(id, root)| root.within.is_empty() && (is_own(*id) || !of_some_toolchain(root)))
            .collect();
        let workspace = &roots.get(Roots::WORKSPACE).path;
        let mut mapped = Vec::new();
        for (id, root) in &candidates {
            let covered = candidates
                .iter()
                .any(|(_, other)| other.path != root.path && root.path.starts_with(&other.path));
            let twin = candidates.iter().any(|(other_id, other)| other.path == root.path && other_id < id);
            // The map of what holds the workspace would change the workspace's own paths.
            let holds_workspace = *id != Roots::WORKSPACE && workspace.starts_with(&root.path);
            let is_workspace = *id == Roots::WORKSPACE;
            if is_workspace || !(covered || twin || holds_workspace) {
                mapped.push((*id, if is_workspace { ".".to_string() } else { format!("/{}", root.name) }));
            }
        }
        mapped
    }
}
