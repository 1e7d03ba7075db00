//! A toolchain: its programs, what they said of themselves, and what it shows of itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rekindle_fingerprint::action::{Arg, Identity, Spelling};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;

use crate::compile::Alike;
use crate::desk::Desk;
use crate::dialect::{Dialect, clang, gcc};
use crate::environment::Environment;
use crate::error::{BuildError, FlagError, ToolchainError};
use crate::flags::{Phase, Reader, Treated};
use crate::identity::Parts;
use crate::learn::{self, Extra, Facts};
use crate::places::TcRoots;
use crate::probe::{Memo, Prober};
use crate::request::Language;
use crate::variant::{Need, Variant};

/// The families of compilers that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The GNU compilers, for this machine or another.
    Gcc,
    /// LLVM's.
    Clang,
}

impl Family {
    /// `gcc` or `clang`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gcc => "gcc",
            Self::Clang => "clang",
        }
    }

    pub(crate) fn dialect(self) -> &'static Dialect {
        match self {
            Self::Gcc => &gcc::GCC,
            Self::Clang => &clang::CLANG,
        }
    }
}

/// A version, as numbers that compare.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub Vec<u32>);

impl Version {
    /// Reads `12.2.0`; what is no number ends it.
    pub fn parse(text: &str) -> Self {
        Self(text.split('.').map_while(|part| part.parse().ok()).collect())
    }

    /// Whether it is `major.minor` or newer.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.0.as_slice() >= [major, minor].as_slice() || (minor == 0 && self.0.first() >= Some(&major))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

/// A compiler driver.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    pub(crate) path: PathId,
    pub(crate) absolute: PathBuf,
    pub(crate) launcher: Option<PathId>,
    /// The driver and all libraries that it loads.
    pub(crate) parts: Parts,
}

/// An archiver.
#[derive(Clone, Debug)]
pub(crate) struct Archiver {
    pub(crate) path: PathId,
    pub(crate) absolute: PathBuf,
    pub(crate) words: Vec<Arg>,
    /// gcc's plugin, by which it reads bytecode.
    pub(crate) plugin: Option<PathId>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) lto_identity: Arc<Identity>,
    pub(crate) local: Option<String>,
}

/// Flags that were taken apart: for which kind of command, in which directory, and what came of them.
pub(crate) type Read = HashMap<(Phase, PathId, Vec<Arg>), Arc<Treated>>;

/// Which compiler this is, and how it speaks.
#[derive(Debug)]
pub struct Toolchain {
    /// Its name in the manifest.
    pub name: String,
    /// Its family.
    pub family: Family,
    /// The compiler's version.
    pub version: Version,
    /// What it makes code for.
    pub target: String,
    /// Why its actions hold only on this machine: its driver is a script or a wrapper.
    pub local: Option<String>,
    pub(crate) cc: Driver,
    pub(crate) cxx: Option<Driver>,
    pub(crate) ar: Option<Archiver>,
    pub(crate) roots: TcRoots,
    /// The flags that come with the compiler's name, the target and the sysroot, and those of the manifest.
    pub(crate) flags: Vec<Arg>,
    pub(crate) environment: Environment,
    pub(crate) processor: Parts,
    pub(crate) facts: HashMap<Variant, Arc<Facts>>,
    pub(crate) read: Mutex<Read>,
    pub(crate) alike: Mutex<Vec<Alike>>,
}

/// What a toolchain shows of itself.
#[derive(Clone, Debug)]
pub struct Description {
    /// Its name in the manifest.
    pub name: String,
    /// `gcc` or `clang`.
    pub family: &'static str,
    /// The compiler's version.
    pub version: String,
    /// What it makes code for.
    pub target: String,
    /// Why its actions hold only on this machine.
    pub local: Option<String>,
    /// What each program is for, and where it lies.
    pub programs: Vec<(&'static str, PathBuf)>,
    /// Its roots: their names, and where they are.
    pub roots: Vec<(String, PathBuf)>,
    /// What stands for it in keys, one for each kind of command and language.
    pub identities: Vec<Arc<Identity>>,
}

impl Toolchain {
    /// Asks the compiler about flags that it was not asked about yet: what [`FlagError::Unprobed`] names.
    ///
    /// # Errors
    /// The compiler does not answer, or its programs cannot be read.
    pub fn learn(
        &mut self,
        variant: &Variant,
        files: &mut Files,
        memo: &mut dyn Memo,
        prober: &mut dyn Prober,
    ) -> Result<(), ToolchainError> {
        let (name, environment) = (self.name.clone(), self.environment.clone());
        let mut desk = Desk::new(&name, &environment, files, memo, prober);
        desk.places = self.places(&desk);
        learn::learn(self, variant, &mut desk)?;
        desk.finish();
        Ok(())
    }

    /// Builds something with `build`, and learns whatever it turns out to need.
    ///
    /// # Errors
    /// Those of `build` and of [`Self::learn`].
    pub fn learning<T>(
        &mut self,
        files: &mut Files,
        memo: &mut dyn Memo,
        prober: &mut dyn Prober,
        mut build: impl FnMut(&Self, &mut Files) -> Result<T, FlagError>,
    ) -> Result<T, BuildError> {
        loop {
            match build(self, files) {
                Err(FlagError::Unprobed(variant)) if !self.facts.contains_key(&variant) => {
                    self.learn(&variant, files, memo, prober)?;
                }
                other => return Ok(other?),
            }
        }
    }

    /// Whether there is a compiler for `language`.
    pub fn speaks(&self, language: Language) -> bool {
        language != Language::Cxx || self.cxx.is_some()
    }

    /// What it shows of itself.
    pub fn describe(&self, files: &Files) -> Description {
        let mut programs = vec![("C compiler", self.cc.absolute.clone())];
        programs.extend(self.cxx.as_ref().map(|driver| ("C++ compiler", driver.absolute.clone())));
        programs.extend(self.ar.as_ref().map(|ar| ("archiver", ar.absolute.clone())));
        let mut ids = vec![self.roots.install, self.roots.sysroot];
        ids.dedup();
        let mut facts: Vec<_> = self.facts.iter().collect();
        facts.sort_by_key(|(variant, _)| (variant.need, variant.words.len()));
        let mut identities: Vec<Arc<Identity>> =
            facts.into_iter().map(|(_, facts)| facts.identity(&[])).collect();
        identities.extend(self.ar.as_ref().map(|ar| ar.identity.clone()));
        Description {
            name: self.name.clone(),
            family: self.family.name(),
            version: self.version.to_string(),
            target: self.target.clone(),
            local: self.local.clone(),
            programs,
            roots: ids
                .into_iter()
                .map(|id| files.roots().get(id))
                .map(|root| (root.name.clone(), root.path.clone()))
                .collect(),
            identities,
        }
    }

    /// The digest of what it is, and of what it says of itself, wherever it lies: domain `rekindle toolchain 1`; name,
    /// family, version, target, why it is local; its programs, their parts and the flags that come with them; what was
    /// learned of each kind of command. Paths are named by their roots. Two toolchains of which it is equal speak alike.
    pub fn standing(&self, files: &mut Files) -> Digest {
        let cwd = files.path(Roots::WORKSPACE, "");
        let spelling = Spelling::new(files, cwd);
        let name = |arg: &Arg| arg.name(files, &spelling);
        let path = |path: PathId| name(&Arg::path(path));
        let mut e = Encoder::for_digest("rekindle toolchain 1");
        for text in [&self.name, self.family.name(), &self.version.to_string(), &self.target] {
            e.bytes(text.as_bytes());
        }
        e.option(self.local.as_ref(), |e, why| {
            e.bytes(why.as_bytes());
        });
        for driver in [Some(&self.cc), self.cxx.as_ref()] {
            e.option(driver, |e, driver| {
                e.bytes(&path(driver.path)).digest(&driver.parts.identity(String::new()).digest);
                e.option(driver.launcher, |e, launcher| {
                    e.bytes(&path(launcher));
                });
            });
        }
        e.option(self.ar.as_ref(), |e, ar| {
            e.bytes(&path(ar.path)).digest(&ar.identity.digest).digest(&ar.lto_identity.digest);
            e.list(&ar.words, |e, word| {
                e.bytes(&name(word));
            });
            e.option(ar.plugin, |e, plugin| {
                e.bytes(&path(plugin));
            });
            e.u8(u8::from(ar.local.is_some()));
        });
        e.list(&self.flags, |e, flag| {
            e.bytes(&name(flag));
        });
        let words = |variant: &Variant| variant.words.iter().map(&name).collect::<Vec<_>>();
        let mut facts: Vec<_> = self.facts.iter().map(|(key, facts)| (key.need, words(key), facts)).collect();
        facts.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        e.list(&facts, |e, (need, words, facts)| {
            e.bytes(format!("{need:?}").as_bytes()).list(words, |e, word| {
                e.bytes(word);
            });
            let extras = [Extra::Lto, Extra::SplitDebug];
            e.digest(&facts.identity(&extras).digest).u8(u8::from(facts.local.is_some()));
            e.list(&facts.directories, |e, directory| {
                e.bytes(&path(*directory));
            });
        });
        e.finish()
    }

    /// The driver for `language`.
    pub(crate) fn driver(&self, language: Language) -> Result<&Driver, FlagError> {
        match language {
            Language::Cxx => self.cxx.as_ref().ok_or_else(|| FlagError::NoProgram {
                toolchain: self.name.clone(),
                role: "C++ compiler",
                hint: "install it, or name one as `cxx` of the toolchain or in CXX",
            }),
            _ => Ok(&self.cc),
        }
    }

    /// Takes `flags` apart; what was taken apart before is known.
    pub(crate) fn read_flags(
        &self,
        flags: Vec<Arg>,
        phase: Phase,
        cwd: PathId,
        files: &mut Files,
    ) -> Result<Arc<Treated>, FlagError> {
        let key = (phase, cwd, flags);
        let lock = || self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return Ok(known.clone());
        }
        let treated = Arc::new(self.reader(phase, cwd, files).read(&key.2)?);
        lock().insert(key, treated.clone());
        Ok(treated)
    }

    pub(crate) fn reader<'r>(&self, phase: Phase, cwd: PathId, files: &'r mut Files) -> Reader<'r> {
        let processor_selects =
            !["x86_64", "i386", "i486", "i586", "i686"].iter().any(|arch| self.target.starts_with(arch));
        let spelling = Spelling::new(files, cwd);
        Reader { dialect: self.family.dialect(), phase, processor_selects, cwd, spelling, files }
    }

    /// What was learned of a variant.
    pub(crate) fn facts(&self, need: Need, words: Vec<Arg>) -> Result<&Arc<Facts>, FlagError> {
        let variant = Variant { need, words };
        self.facts.get(&variant).ok_or_else(|| FlagError::Unprobed(Box::new(variant)))
    }

    /// Whether it makes code for another kind of machine than the one it runs on.
    pub(crate) fn is_cross(target: &str) -> bool {
        !(target.starts_with(std::env::consts::ARCH) && target.contains("linux"))
    }

    pub(crate) fn places(&self, desk: &Desk<'_>) -> crate::probe::Places {
        let mut places = vec![("ws", desk.workspace())];
        if !self.roots.shared {
            places.push(("tc", self.roots.prefix.clone()));
        }
        let sysroot = desk.files.roots().get(self.roots.sysroot).path.clone();
        if sysroot != Path::new("/") {
            places.push(("sys", sysroot));
        }
        crate::probe::Places::new(places)
    }
}
