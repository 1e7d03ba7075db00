//! What the command lines of all kinds have in common.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Piece};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::scan::Mentions;

use crate::maps::{HERE, Maps};
use crate::request::{Lto, Mode, Optimize};
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

/// A file in the scratch directory whose name no other product's has: its own name (see [`scratch_name`]), and an
/// ending.
pub(crate) fn scratch(temporary: PathId, product: PathId, ending: &str, files: &mut Files) -> PathId {
    let name = scratch_name(product, files);
    below(temporary, &with_ending(&name, ending), files)
}

/// The product's own name and a few digits of the digest of its whole name.
pub(crate) fn scratch_name(product: PathId, files: &Files) -> OsString {
    let full = full_name(product, files);
    let mut name = files.rel(product).file_name().unwrap_or_default().as_bytes().to_vec();
    name.truncate(180);
    name.push(b'-');
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]);
    name.extend(Digest::of(&full).0[..5].iter().flat_map(|byte| digits(*byte)));
    OsString::from_vec(name)
}

/// A name with an ending behind it.
pub(crate) fn with_ending(name: &OsStr, ending: &str) -> PathBuf {
    let mut whole = OsString::with_capacity(name.len() + ending.len());
    whole.push(name);
    whole.push(ending);
    PathBuf::from(whole)
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

/// Where temporary files lie; no path in it shows in a result.
pub(crate) const TMPDIR: &str = "TMPDIR";

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

    /// The keyed environment of a command; `maps` are those of its command line.
    pub(crate) fn env(&self, kind: ActionKind, maps: &Maps, files: &mut Files) -> Vec<(OsString, Arg)> {
        let mut env = crate::environment::keyed_for(&self.environment, kind, files);
        if maps.hides {
            env.push(("PWD".into(), HERE.into()));
            env.sort_by(|a, b| a.0.cmp(&b.0));
        }
        env
    }

    /// The directory for temporary files, named relatively where that can be: clang takes a `%` in it for something
    /// else, and gcc's parallel link writes it into a makefile.
    pub(crate) fn temporary(&self, directory: PathId, env: &mut Vec<(OsString, Arg)>) {
        env.push((TMPDIR.into(), Arg::path(directory)));
        env.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// The mentions of a date or a time that `SOURCE_DATE_EPOCH` stands for. gcc honours it since 7, but for
    /// `__TIMESTAMP__` (its manual, *Environment Variables*); clang since 16, for all three (its release notes).
    pub(crate) fn fixed_dates(&self) -> Mentions {
        let value = self.environment.get(OsStr::new("SOURCE_DATE_EPOCH"));
        // Neither takes anything but a number of seconds, at most until the year 9999.
        let is_time = value.is_some_and(|value| {
            let text = value.as_bytes();
            (1..=11).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
        });
        match self.family {
            Family::Gcc if is_time && self.version.at_least(7, 0) => Mentions::DATE | Mentions::TIME,
            Family::Clang if is_time && self.version.at_least(16, 0) => {
                Mentions::DATE | Mentions::TIME | Mentions::TIMESTAMP
            }
            _ => Mentions::default(),
        }
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
