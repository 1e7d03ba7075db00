//! From what a person says of a toolchain to the toolchain.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::Roots;

use crate::desk::Desk;
use crate::elf::Binary;
use crate::environment::Environment;
use crate::error::ToolchainError;
use crate::find::{self, Found, Name};
use crate::flags::Phase;
use crate::identity::{self, Parts};
use crate::learn::{self, Asker};
use crate::places::{self, TcRoots};
use crate::probe::{Memo, Prober, Told};
use crate::request::{Language, Spec};
use crate::toolchain::{Archiver, Driver, Family, Toolchain, Version};
use crate::variant::{Need, Variant};

/// The oldest gcc that is understood: older ones have no `-fdiagnostics-color`, and nobody tries them.
const OLDEST_GCC: (&str, u32) = ("5.0", 5);
/// The oldest clang that is understood.
const OLDEST_CLANG: (&str, u32) = ("7.0", 7);

/// Finds the toolchain that `spec` asks for, and learns what it is made of.
///
/// The person's `environment` counts for finding programs (`PATH`; `CC`, `CXX` and `AR` for the toolchain `host`) and
/// for what they load and read. Roots for its directories are added to `files`. Answers and the signatures of its
/// files are kept in `memo`: with a filled memory nothing is asked and nothing is read again.
///
/// # Errors
/// No compiler is found, it is none that is understood, or its parts cannot be read.
pub fn resolve(
    spec: &Spec,
    environment: &Environment,
    files: &mut Files,
    memo: &mut dyn Memo,
    prober: &mut dyn Prober,
) -> Result<Toolchain, ToolchainError> {
    let mut desk = Desk::new(&spec.name, environment, files, memo, prober);
    let (cc, cxx) = find::compilers(spec, &desk)?;
    let sysroot = spec.sysroot.as_ref().map(|path| find::canonical(&desk.workspace().join(path)));
    let given_ar = given_archiver(spec, &desk)?;
    let ar = given_ar.as_ref().map(|(path, _)| path.clone()).or_else(|| archiver_beside(&cc, &desk));
    let mut programs: Vec<&Path> = vec![&cc.program];
    programs.extend(cxx.as_ref().map(|cxx| cxx.program.as_path()));
    programs.extend(ar.as_deref());
    let roots = places::add(&programs, sysroot.as_deref(), &mut desk)?;

    let first = first_look(spec, &cc, &roots, &mut desk)?;
    let mut toolchain = Toolchain {
        name: spec.name.clone(),
        family: first.family,
        version: first.version,
        target: first.target,
        local: local(&cc, cxx.as_ref(), &mut desk)?,
        cc: first.driver,
        cxx: None,
        ar: None,
        roots,
        flags: first.words.into_iter().chain(spec.flags.iter().cloned()).collect(),
        environment: environment.clone(),
        processor: identity::processor_parts(),
        facts: HashMap::new(),
        read: Mutex::default(),
        alike: Mutex::default(),
    };
    if let Some(cxx) = cxx.filter(|_| first.has_cxx) {
        toolchain.cxx = Some(driver(&cxx, &mut desk)?);
    }
    toolchain.ar = archiver(&toolchain, &cc, given_ar, &first.told, &mut desk)?;
    learn_the_usual(&mut toolchain, &mut desk)?;
    desk.finish();
    Ok(toolchain)
}

struct First {
    family: Family,
    version: Version,
    target: String,
    driver: Driver,
    words: Vec<Arg>,
    told: Told,
    has_cxx: bool,
}

/// Asks the C compiler who it is.
fn first_look(
    spec: &Spec,
    cc: &Found,
    roots: &TcRoots,
    desk: &mut Desk<'_>,
) -> Result<First, ToolchainError> {
    let driver = driver(cc, desk)?;
    let sysroot = desk.files.roots().get(roots.sysroot).path.clone();
    let mut words = cc.words.clone();
    let is_clang = name_of(&find::canonical(&cc.program)).is_some_and(|stem| stem.contains("clang"));
    if let Some(target) = spec.target.as_ref().filter(|_| is_clang) {
        words.push(Arg::text(format!("--target={target}")));
    }
    if spec.sysroot.is_some() {
        let id = desk.files.path(roots.sysroot, "");
        words.push(Arg::joined("--sysroot=", id));
    }
    let asked = learn::spelled(&words, desk);
    let mut asker =
        Asker { family: Family::Clang, driver: &driver, words: asked, target: None, sysroot: &sysroot };
    let search = asker.search_dirs(desk).map_err(|error| unknown(error, &cc.program))?;
    asker.family = if search.all("install").is_empty() { Family::Clang } else { Family::Gcc };
    let family = asker.family;
    let guess = search.paths("install").next().and_then(|path| path.parent()).and_then(Path::file_name);
    let own = learn::own_places(&search, &guess.unwrap_or_default().to_string_lossy(), &roots.prefix);
    roots.widen(&own, desk.files.roots_mut());

    let mut parts = driver.parts.clone();
    let programs = learn::directories(&search, "programs", desk);
    let mut has_cxx = true;
    if family == Family::Gcc {
        let cc1 = find::in_directories("cc1", &programs, desk);
        let cc1 = cc1.ok_or_else(|| learn::missing("cc1", &programs, desk))?;
        parts.program("cc1", &cc1, desk)?;
        has_cxx = find::in_directories("cc1plus", &programs, desk).is_some();
    }
    let told =
        asker.verbose(Language::C, &parts, &search, desk).map_err(|error| unknown(error, &cc.program))?;
    let version = Version::parse(told.text("version").unwrap_or_default());
    let target = told.text("target").unwrap_or_default().to_string();
    check(spec, family, &version, &target, &cc.program)?;
    drop(asker);
    Ok(First { family, version, target, driver, words, told: search, has_cxx })
}

fn check(
    spec: &Spec,
    family: Family,
    version: &Version,
    target: &str,
    program: &Path,
) -> Result<(), ToolchainError> {
    let (needed, major) = if family == Family::Gcc { OLDEST_GCC } else { OLDEST_CLANG };
    if !version.at_least(major, 0) {
        return Err(ToolchainError::TooOld {
            toolchain: spec.name.clone(),
            program: program.into(),
            family: family.name(),
            version: version.to_string(),
            needed,
        });
    }
    // A clang takes any target, and says it in its own spelling.
    match &spec.target {
        Some(wanted) if family == Family::Gcc && wanted != target => Err(ToolchainError::Target {
            toolchain: spec.name.clone(),
            program: program.into(),
            found: target.to_string(),
            wanted: wanted.clone(),
        }),
        _ => Ok(()),
    }
}

/// A program that cannot answer is no compiler that is understood, unless it has a compiler's name: then it is broken.
fn unknown(error: ToolchainError, program: &Path) -> ToolchainError {
    match error {
        ToolchainError::Failed { .. } if name_of(program).is_some() => error,
        ToolchainError::Failed { toolchain, said, .. } | ToolchainError::Answer { toolchain, said, .. } => {
            ToolchainError::Unknown { toolchain, program: program.into(), said }
        }
        other => other,
    }
}

fn driver(found: &Found, desk: &mut Desk<'_>) -> Result<Driver, ToolchainError> {
    let mut parts = Parts::default();
    parts.program("driver", &found.program, desk)?;
    let launcher = found.launcher.as_ref().map(|path| desk.files.path_abs(path));
    let path = desk.files.path_abs(&found.program);
    Ok(Driver { path, absolute: found.program.clone(), launcher, parts })
}

fn name_of(program: &Path) -> Option<String> {
    Name::parse(program.file_name()?).map(|name| name.stem.to_string())
}

/// Why commands of these drivers hold only on this machine: something stands between them and the compiler.
fn local(cc: &Found, cxx: Option<&Found>, desk: &mut Desk<'_>) -> Result<Option<String>, ToolchainError> {
    for found in [Some(cc), cxx].into_iter().flatten() {
        if let Some(launcher) = &found.launcher {
            return Ok(Some(format!("the compiler is run by `{}`", launcher.display())));
        }
        let real = find::canonical(&found.program);
        let shown = found.spelled.display();
        match desk.binary(&found.program)? {
            Binary::Script => return Ok(Some(format!("the compiler `{shown}` is a script"))),
            Binary::Other => {
                return Ok(Some(format!("the compiler `{shown}` is no program of this machine")));
            }
            Binary::Elf(_) if name_of(&real).is_none() => {
                return Ok(Some(format!("the compiler `{shown}` is a wrapper, `{}`", real.display())));
            }
            Binary::Elf(_) => {}
        }
    }
    Ok(None)
}

fn given_archiver(spec: &Spec, desk: &Desk<'_>) -> Result<Option<(PathBuf, Vec<Arg>)>, ToolchainError> {
    let environment = || {
        let wanted = spec.name == "host" && spec.cc.is_none();
        desk.environment.get(OsStr::new("AR")).filter(|value| wanted && !value.is_empty())
    };
    match (&spec.ar, environment()) {
        (Some(text), _) => find::archiver(OsStr::new(text), desk).map(Some),
        (None, Some(text)) => find::archiver(text, desk).map(Some),
        (None, None) => Ok(None),
    }
}

/// The archiver beside a compiler: `llvm-ar` for a clang, which reads its bytecode, else `TARGET-ar`.
fn archiver_beside(cc: &Found, desk: &Desk<'_>) -> Option<PathBuf> {
    let llvm = |name: Name<'_>| format!("{}llvm-ar{}", name.prefix, name.suffix);
    let plain = |name: Name<'_>| format!("{}ar", name.prefix);
    let is_clang = name_of(&find::canonical(&cc.program)).is_some_and(|stem| stem.contains("clang"));
    let llvm = is_clang.then(|| find::sibling(cc, llvm, desk)).flatten();
    llvm.or_else(|| find::sibling(cc, plain, desk)).map(|path| find::follow_archiver(&path))
}

fn archiver(
    toolchain: &Toolchain,
    cc: &Found,
    given: Option<(PathBuf, Vec<Arg>)>,
    search: &Told,
    desk: &mut Desk<'_>,
) -> Result<Option<Archiver>, ToolchainError> {
    let programs = learn::directories(search, "programs", desk);
    let (absolute, words) = match given {
        Some(given) => given,
        None => {
            let found = archiver_beside(cc, desk)
                .or_else(|| find::within("ar", &programs, desk))
                .or_else(|| find::on_path(OsStr::new(&format!("{}-ar", toolchain.target)), desk))
                .or_else(|| find::on_path(OsStr::new("ar"), desk));
            let Some(found) = found else { return Ok(None) };
            (find::follow_archiver(&found), Vec::new())
        }
    };
    let is_llvm = absolute.file_name().is_some_and(|name| name.to_string_lossy().contains("llvm"));
    let mut parts = Parts::default();
    parts.program("ar", &absolute, desk)?;
    let mut lto = parts.clone();
    let mut plugin = None;
    if !is_llvm {
        let places = match toolchain.family {
            Family::Gcc => programs.iter().map(|directory| directory.join("liblto_plugin.so")).collect(),
            Family::Clang => {
                let bin = toolchain.cc.absolute.parent().map(Path::to_path_buf);
                bin.into_iter().map(|bin| bin.join("../lib/LLVMgold.so")).collect::<Vec<_>>()
            }
        };
        if let Some(path) = places.into_iter().find(|path| desk.is_file(path)) {
            let path = find::canonical(&path);
            lto.program("LTO plugin", &path, desk)?;
            plugin = Some(desk.files.path_abs(&path));
        }
    }
    let local = parts.script.clone().map(|script| format!("the archiver {script}"));
    Ok(Some(Archiver {
        path: desk.files.path_abs(&absolute),
        absolute,
        words,
        plugin,
        identity: parts.identity(format!("{} {}, archive", toolchain.family.name(), toolchain.version)),
        lto_identity: lto.identity(format!(
            "{} {}, archive, LTO",
            toolchain.family.name(),
            toolchain.version
        )),
        local,
    }))
}

/// Learns what nearly every project needs, so that building commands rarely has to ask.
fn learn_the_usual(toolchain: &mut Toolchain, desk: &mut Desk<'_>) -> Result<(), ToolchainError> {
    let cwd = desk.files.path(Roots::WORKSPACE, "");
    let mut needs = vec![
        (Need::Compile(Language::C), Phase::Compile),
        (Need::Compile(Language::AssemblerCpp), Phase::Compile),
        (Need::Compile(Language::Assembler), Phase::Compile),
        (Need::Link(Language::C), Phase::Link),
    ];
    if toolchain.cxx.is_some() {
        needs.push((Need::Compile(Language::Cxx), Phase::Compile));
        needs.push((Need::Link(Language::Cxx), Phase::Link));
    }
    for (need, phase) in needs {
        // Flags that cannot be read are an error of the first command that uses them, not of the toolchain.
        let Ok(treated) = toolchain.reader(phase, cwd, desk.files).read(&toolchain.flags) else { continue };
        match learn::learn(toolchain, &Variant { need, words: treated.selecting }, desk) {
            // Who only compiles needs no linker; the first link asks again, and then this is its error.
            Err(ToolchainError::NotFound { .. }) if need != Need::Compile(Language::C) => {}
            learned => learned?,
        }
    }
    Ok(())
}
