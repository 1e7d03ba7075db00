//! What other build tools are made of: `cargo`, `make`, `cmake` and what they run, by content. Nothing is asked and no
//! process is started; wrappers are followed as far as their text tells, and the proxies of `rustup` to the toolchain that
//! they run.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::action::Identity;
use rekindle_fingerprint::consult;
use rekindle_fingerprint::disk::NameKind;
use rekindle_fingerprint::files::Files;

use crate::desk::Desk;
use crate::elf::Binary;
use crate::environment::Environment;
use crate::error::ToolchainError;
use crate::find::{self, Name};
use crate::identity::Parts;
use crate::probe::{Answer, Memo, Prober};
use crate::rustup;

/// Which build tools are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// Programs that must be there: names that are searched on `PATH`, or paths (from the workspace).
    pub needed: Vec<OsString>,
    /// Programs that count if they are there.
    pub extra: Vec<OsString>,
    /// Where they run; a proxy of `rustup` goes by it.
    pub directory: PathBuf,
    /// The toolchain that a `+NAME` on the command line asks `rustup` for.
    pub plus: Option<String>,
    /// The target that Rust is built for, if that is another one than the host.
    pub target: Option<String>,
}

/// What was found out about build tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What they are made of; none if one is not there.
    pub identity: Option<Arc<Identity>>,
    /// The first one that is not there, for people.
    pub absent: Option<String>,
}

/// Finds out what `tools` are made of, in the `environment` that they run in. Signatures are kept in `memo`, so that nothing
/// is read again.
///
/// # Errors
/// A program that is there cannot be read.
pub fn tools(
    tools: &Tools,
    environment: &Environment,
    files: &mut Files,
    memo: &mut dyn Memo,
) -> Result<Found, ToolchainError> {
    let mut nobody = Nobody;
    let mut desk = Desk::new("build tools", environment, files, memo, &mut nobody);
    let mut work = Collecting { tools, parts: Parts::default(), known: BTreeSet::new() };
    let mut absent = None;
    for name in &tools.needed {
        match work.tool(name, &mut desk) {
            Ok(()) => {}
            Err(Stop::Absent(what)) => {
                absent = Some(what);
                break;
            }
            Err(Stop::Error(error)) => return Err(error),
        }
    }
    if absent.is_none() {
        for name in &tools.extra {
            match work.tool(name, &mut desk) {
                Ok(()) => {}
                Err(Stop::Absent(_)) => work.parts.text(&format!("{} (absent)", shown(name)), b""),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
    }
    desk.finish();
    let names: Vec<String> = tools.needed.iter().map(|name| shown(name)).collect();
    let identity = absent.is_none().then(|| work.parts.identity(names.join(", ")));
    Ok(Found { identity, absent })
}

/// Nobody is asked about build tools.
struct Nobody;

impl Prober for Nobody {
    fn run(&mut self, _: &Path, _: &[OsString], _: &Environment, _: &Path) -> io::Result<Answer> {
        Err(io::Error::other("build tools are not asked"))
    }
}

/// Why a tool could not be taken apart.
enum Stop {
    /// It, or what it runs, is not there.
    Absent(String),
    /// It cannot be read.
    Error(ToolchainError),
}

impl From<ToolchainError> for Stop {
    fn from(error: ToolchainError) -> Self {
        Self::Error(error)
    }
}

fn shown(name: &OsStr) -> String {
    let name = Path::new(name);
    name.file_name().unwrap_or(name.as_os_str()).to_string_lossy().into_owned()
}

/// Programs of GNU binutils that load plugins.
const BINUTILS: [&str; 4] = ["ar", "ranlib", "nm", "ld"];

struct Collecting<'t> {
    tools: &'t Tools,
    parts: Parts,
    /// Programs that were taken apart.
    known: BTreeSet<PathBuf>,
}

impl Collecting<'_> {
    /// Adds a tool with all that it is known to run.
    fn tool(&mut self, name: &OsStr, desk: &mut Desk<'_>) -> Result<(), Stop> {
        let Some(path) = find::on_path(name, desk) else { return Err(Stop::Absent(shown(name))) };
        let called = shown(name);
        if matches!(called.as_str(), "cargo" | "rustc" | "rustdoc") && rustup::is_proxy(&path, desk) {
            let found = rustup::toolchain(&self.tools.directory, self.tools.plus.as_deref(), desk);
            let directory = found.map_err(|what| Stop::Absent(format!("{called} ({what})")))?;
            return self.rust(&called, &directory.join("bin").join(&called), desk);
        }
        if called == "cargo" || called == "rustc" {
            return self.rust(&called, &path, desk);
        }
        if self.known.insert(path.clone()) {
            self.parts.program(&called, &path, desk)?;
            if Name::parse(OsStr::new(&called)).is_some() {
                self.compiler(&called, &path, desk)?;
            }
            let stem = called.rsplit('-').next().unwrap_or(&called);
            if BINUTILS.contains(&stem) {
                self.plugins(&path, desk)?;
            }
            if called == "cmake" {
                self.modules(&path, desk)?;
            }
        }
        Ok(())
    }

    /// Adds a program of Rust and, with it, the compiler beside it and its libraries.
    fn rust(&mut self, called: &str, path: &Path, desk: &mut Desk<'_>) -> Result<(), Stop> {
        if !desk.is_program(path) {
            return Err(Stop::Absent(called.to_string()));
        }
        if !self.known.insert(path.to_path_buf()) {
            return Ok(());
        }
        self.parts.program(called, path, desk)?;
        if called == "cargo" {
            let beside = path.with_file_name("rustc");
            return match desk.is_program(&beside) {
                true => self.rust("rustc", &beside, desk),
                false => self.tool(OsStr::new("rustc"), desk),
            };
        }
        let real = find::canonical(path);
        let prefix = real.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_path_buf();
        let targets = prefix.join("lib/rustlib");
        for target in consult::names(&targets).unwrap_or_default() {
            let name = target.name.to_string_lossy().into_owned();
            let is_target =
                target.kind != NameKind::File && consult::is_directory(&targets.join(&name).join("lib"));
            // What the host has is for build scripts and macros; every other target is only there if it is asked for.
            let is_host = name.starts_with(std::env::consts::ARCH) && name.contains("-linux-");
            if is_target && (is_host || self.tools.target.as_deref() == Some(&name)) {
                for part in ["lib", "bin"] {
                    let place = targets.join(&name).join(part);
                    self.parts.tree(&format!("rustlib/{name}/{part}"), &place, desk)?;
                }
            }
        }
        Ok(())
    }

    /// Adds what the driver of a C compiler runs, as far as its directories tell: those of every gcc that lies beside it,
    /// and the assembler and the linker that it would find.
    fn compiler(&mut self, called: &str, path: &Path, desk: &mut Desk<'_>) -> Result<(), Stop> {
        let real = find::canonical(path);
        let prefix = real.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_path_buf();
        for place in ["lib/gcc", "libexec/gcc", "lib64/gcc"] {
            let place = prefix.join(place);
            for target in consult::list(&place).unwrap_or_default() {
                for version in consult::list(&place.join(&target)).unwrap_or_default() {
                    self.gcc(&place.join(&target).join(version), desk)?;
                }
            }
        }
        let target = Name::parse(OsStr::new(called)).map_or("", |name| name.prefix).to_string();
        for name in ["as", "ld", "ld.bfd"] {
            let found = find::on_path(OsStr::new(&format!("{target}{name}")), desk)
                .or_else(|| find::on_path(OsStr::new(name), desk));
            if let Some(program) = found.filter(|program| self.known.insert(program.clone())) {
                self.parts.program(name, &program, desk)?;
            }
        }
        // A launcher such as ccache goes on to the next compiler of its name.
        let is_launcher = Name::parse(real.file_name().unwrap_or_default()).is_none();
        let next = if is_launcher { self.next_on_path(called, &real, desk) } else { None };
        match next.filter(|next| self.known.insert(next.clone())) {
            Some(next) => {
                self.parts.program(called, &next, desk)?;
                self.compiler(called, &next, desk)
            }
            None => Ok(()),
        }
    }

    /// Adds the programs in a directory of gcc.
    fn gcc(&mut self, directory: &Path, desk: &mut Desk<'_>) -> Result<(), Stop> {
        const PROGRAMS: [&str; 6] = ["cc1", "cc1plus", "collect2", "lto1", "lto-wrapper", "liblto_plugin.so"];
        for name in PROGRAMS {
            let program = directory.join(name);
            if desk.is_file(&program) && self.known.insert(program.clone()) {
                self.parts.program(name, &program, desk)?;
            }
        }
        let specs = directory.join("specs");
        if desk.is_file(&specs) {
            self.parts.file("specs", &specs, desk)?;
        }
        Ok(())
    }

    fn next_on_path(&self, called: &str, real: &Path, desk: &Desk<'_>) -> Option<PathBuf> {
        let path = find::path_variable(desk);
        let mut places = std::env::split_paths(&path).map(|directory| directory.join(called));
        places.find(|place| desk.is_program(place) && find::canonical(place) != real)
    }

    /// Adds the plugins of binutils.
    fn plugins(&mut self, path: &Path, desk: &mut Desk<'_>) -> Result<(), Stop> {
        if !matches!(desk.binary(path)?, Binary::Elf(_)) {
            return Ok(());
        }
        let real = find::canonical(path);
        let directory = real.parent().unwrap_or(Path::new("/")).join("../lib/bfd-plugins");
        let directory = find::canonical(&directory);
        if consult::is_directory(&directory) {
            self.parts.tree("bfd-plugins", &directory, desk)?;
        }
        Ok(())
    }

    /// Adds the modules that CMake reads when it runs.
    fn modules(&mut self, path: &Path, desk: &mut Desk<'_>) -> Result<(), Stop> {
        let real = find::canonical(path);
        let share = real.parent().and_then(Path::parent).unwrap_or(Path::new("/")).join("share");
        for entry in consult::list(&share).unwrap_or_default() {
            if entry.as_bytes() == b"cmake" || entry.as_bytes().starts_with(b"cmake-") {
                for part in ["Modules", "Templates"] {
                    let place = share.join(&entry).join(part);
                    if consult::is_directory(&place) {
                        self.parts.tree(&format!("cmake/{part}"), &place, desk)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "tools/tests.rs"]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests;
