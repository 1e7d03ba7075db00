//! What is learned of a compiler for one kind of command: where it searches, which programs it runs, and the
//! identity that these make.
//!
//! Programs are looked up here, in each build anew, in the directories that the compiler named; so an assembler that
//! appears earlier on `PATH` is found without asking anybody.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rekindle_fingerprint::action::{Arg, Identity, Spelling};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;

use crate::answers;
use crate::desk::{Desk, Question};
use crate::dialect::Side;
use crate::error::ToolchainError;
use crate::find;
use crate::flags::Treated;
use crate::identity::Parts;
use crate::places;
use crate::probe::{Around, Told};
use crate::request::Language;
use crate::toolchain::{Driver, Family, Toolchain, Version};
use crate::variant::{Need, Variant};

/// What was learned.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The compiler's own directories for headers or libraries, in order.
    pub(crate) directories: Vec<PathId>,
    name: String,
    parts: Parts,
    /// What is added for each of [`Extra`].
    extras: [Parts; 3],
    /// The identities for each set of extras, as far as they were asked for.
    identities: [OnceLock<Arc<Identity>>; 8],
    /// The linker, for a link.
    pub(crate) linker: Option<Linker>,
    /// Why it holds only on this machine.
    pub(crate) local: Option<String>,
}

/// What some flags add to an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// This machine's processor (`-march=native`).
    Processor,
    /// The programs of link-time optimization.
    Lto,
    /// The program that takes debug information out of an object.
    SplitDebug,
}

impl Extra {
    const ALL: [Self; 3] = [Self::Processor, Self::Lto, Self::SplitDebug];

    fn name(self) -> &'static str {
        match self {
            Self::Processor => "this processor",
            Self::Lto => "LTO",
            Self::SplitDebug => "split debug information",
        }
    }

    /// What a command with these flags adds.
    pub(crate) fn of(treated: &Treated) -> Vec<Self> {
        let wanted = [treated.native, treated.lto.unwrap_or(false), treated.sides.contains(&Side::Debug)];
        Self::ALL.into_iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(extra, _)| extra).collect()
    }
}

/// A linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Linker {
    pub(crate) flavor: Flavor,
    pub(crate) version: Version,
}

/// The kinds of linkers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    Gnu,
    Gold,
    Lld,
    Mold,
    Other,
}

impl Facts {
    /// The identity for a command.
    pub(crate) fn identity(&self, extras: &[Extra]) -> Arc<Identity> {
        let set = extras.iter().fold(0, |set, extra| set | 1 << *extra as usize);
        let identity = self.identities[set].get_or_init(|| {
            let (mut name, mut parts) = (self.name.clone(), self.parts.clone());
            for (extra, more) in Extra::ALL.into_iter().zip(&self.extras) {
                if set & 1 << extra as usize != 0 {
                    name = format!("{name}, {}", extra.name());
                    parts = parts.and(more);
                }
            }
            parts.identity(name)
        });
        identity.clone()
    }
}

impl Linker {
    /// Whether it writes the files that it read into a file in make syntax, with `--dependency-file=`: GNU ld since
    /// 2.35, lld since 11 (their release notes), mold always, gold never.
    pub(crate) fn writes_depfile(&self) -> bool {
        match self.flavor {
            Flavor::Gnu => self.version.at_least(2, 35),
            Flavor::Lld => self.version.at_least(11, 0),
            Flavor::Mold => true,
            Flavor::Gold | Flavor::Other => false,
        }
    }
}

/// What a compiler is asked with: everything but the answers.
pub(crate) struct Asker<'a> {
    pub(crate) family: Family,
    pub(crate) driver: &'a Driver,
    pub(crate) words: Vec<OsString>,
    pub(crate) target: Option<&'a str>,
    pub(crate) sysroot: &'a Path,
}

impl Asker<'_> {
    fn question(&self, more: &[&str], by: &Parts) -> Question<'_> {
        let mut args = self.words.clone();
        args.extend(more.iter().map(OsString::from));
        Question { program: &self.driver.absolute, args, answered_by: by.digests(), may_fail: false }
    }

    /// Where it searches for programs and libraries.
    pub(crate) fn search_dirs(&self, desk: &mut Desk<'_>) -> Result<Told, ToolchainError> {
        let question = self.question(&["-print-search-dirs"], &self.driver.parts);
        let driver = self.driver.absolute.clone();
        let prefixes = self.prefixes(desk);
        desk.ask(&question, answers::search_dirs, |told| {
            let mut around = match told.all("install").is_empty() {
                true => answers::around_clang(&driver, self.target, self.sysroot),
                false => answers::around_gcc(told),
            };
            around.extend(prefixes.into_iter().map(Around::file));
            around
        })
    }

    /// The values of `-B`: directories that are searched for programs, libraries and, in `include` below them, headers.
    /// Where no directory lies, the value is the start of names.
    fn prefixes(&self, desk: &Desk<'_>) -> Vec<PathBuf> {
        let mut values: Vec<&[u8]> = Vec::new();
        let mut words = self.words.iter().map(|word| word.as_bytes());
        while let Some(word) = words.next() {
            match word.strip_prefix(b"-B") {
                Some(b"") => values.extend(words.next()),
                Some(value) => values.push(value),
                None => {}
            }
        }
        let workspace = desk.workspace();
        values.into_iter().map(|value| workspace.join(OsStr::from_bytes(value))).collect()
    }

    /// What must not come or go for the same directories of headers to be searched behind `-B`.
    fn around_prefixes(&self, search: &Told, desk: &Desk<'_>) -> Vec<Around> {
        let mut places = self.prefixes(desk);
        let own: Vec<PathBuf> = directories(search, "programs", desk);
        let below = |place: &PathBuf| places.iter().any(|prefix| starts(place, prefix));
        let own: Vec<PathBuf> = own.into_iter().filter(below).collect();
        for place in own {
            places.extend(["include", "include-fixed"].map(|name| {
                let mut text = place.clone().into_os_string();
                text.push(name);
                PathBuf::from(text)
            }));
        }
        places.into_iter().map(Around::file).collect()
    }

    /// Its version, its target, and where it searches for headers of `language`.
    pub(crate) fn verbose(
        &self,
        language: Language,
        by: &Parts,
        search: &Told,
        desk: &mut Desk<'_>,
    ) -> Result<Told, ToolchainError> {
        let name = match language {
            Language::C => "c",
            Language::Cxx => "c++",
            Language::AssemblerCpp | Language::Assembler => "assembler-with-cpp",
        };
        let question = self.question(&["-E", "-v", "-x", name, "/dev/null"], by);
        let driver = self.driver.absolute.clone();
        let prefixes = self.around_prefixes(search, desk);
        desk.ask(&question, answers::verbose, |told| {
            let mut around = answers::around_headers(told);
            around.extend(prefixes);
            around.extend(match self.family {
                Family::Clang => answers::around_clang(&driver, told.text("target"), self.sysroot),
                Family::Gcc => answers::around_gcc(search),
            });
            around
        })
    }
}

/// Whether the text of `path` starts with that of `prefix`.
fn starts(path: &Path, prefix: &Path) -> bool {
    path.as_os_str().as_bytes().starts_with(prefix.as_os_str().as_bytes())
}

/// The directories under `name`, absolute.
pub(crate) fn directories(told: &Told, name: &str, desk: &Desk<'_>) -> Vec<PathBuf> {
    let workspace = desk.workspace();
    told.paths(name).map(|path| workspace.join(path)).collect()
}

/// The program of gcc that compiles `language`.
pub(crate) fn compiler_proper(language: Language) -> Option<&'static str> {
    match language {
        Language::C | Language::AssemblerCpp => Some("cc1"),
        Language::Cxx => Some("cc1plus"),
        Language::Assembler => None,
    }
}

/// Learns what `variant` needs and keeps it in `toolchain`.
pub(crate) fn learn(
    toolchain: &mut Toolchain,
    variant: &Variant,
    desk: &mut Desk<'_>,
) -> Result<(), ToolchainError> {
    let (Need::Compile(language) | Need::Link(language)) = variant.need;
    let driver = match language {
        Language::Cxx => toolchain.cxx.clone().unwrap_or_else(|| toolchain.cc.clone()),
        _ => toolchain.cc.clone(),
    };
    let words = spelled(&variant.words, desk);
    let sysroot = desk.files.roots().get(toolchain.roots.sysroot).path.clone();
    let target = toolchain.target.clone();
    let asker =
        Asker { family: toolchain.family, driver: &driver, words, target: Some(&target), sysroot: &sysroot };
    let search = asker.search_dirs(desk)?;
    let mut learner = Learner { asker, search, desk };
    let learned = match variant.need {
        Need::Compile(language) => learner.compile(language)?,
        Need::Link(_) => learner.link()?,
    };
    let named = match variant.need {
        Need::Compile(Language::C) => "compile C",
        Need::Compile(Language::Cxx) => "compile C++",
        Need::Compile(Language::AssemblerCpp) => "assemble, with preprocessor",
        Need::Compile(Language::Assembler) => "assemble",
        Need::Link(Language::Cxx) => "link C++",
        Need::Link(_) => "link C",
    };
    let name = format!("{} {}, {named}", toolchain.family.name(), toolchain.version);
    let facts = learned.facts(&name, &toolchain.processor);
    toolchain.facts.insert(variant.clone(), Arc::new(facts));
    Ok(())
}

#[derive(Default)]
struct Learned {
    directories: Vec<PathId>,
    parts: Parts,
    /// What is added for link-time optimization, and for debug information apart.
    lto: Parts,
    split: Parts,
    linker: Option<Linker>,
}

impl Learned {
    fn facts(self, name: &str, processor: &Parts) -> Facts {
        let scripts = [&self.parts.script, &self.lto.script, &self.split.script];
        let local = scripts.into_iter().flatten().next().cloned();
        Facts {
            local,
            directories: self.directories,
            name: name.to_string(),
            parts: self.parts,
            extras: [processor.clone(), self.lto, self.split],
            identities: Default::default(),
            linker: self.linker,
        }
    }
}

struct Learner<'l, 'd> {
    asker: Asker<'l>,
    search: Told,
    desk: &'l mut Desk<'d>,
}

impl Learner<'_, '_> {
    fn programs(&self) -> Vec<PathBuf> {
        directories(&self.search, "programs", self.desk)
    }

    fn add(&mut self, parts: &mut Parts, name: &str, path: &Path) -> Result<(), ToolchainError> {
        parts.program(name, path, self.desk)
    }

    /// A program that the compiler runs: in its own directories, then on `PATH`.
    fn add_found(&mut self, parts: &mut Parts, name: &str) -> Result<(), ToolchainError> {
        let programs = self.programs();
        let path = find::in_directories(name, &programs, self.desk)
            .ok_or_else(|| missing(name, &programs, self.desk))?;
        self.add(parts, name, &path)
    }

    fn named(&mut self, paths: impl IntoIterator<Item = PathBuf>) -> Vec<PathId> {
        let workspace = self.desk.workspace();
        let mut ids = Vec::new();
        for path in paths {
            let id = self.desk.files.path_from(&workspace, &path);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    fn has_word(&self, wanted: &[&str]) -> bool {
        self.asker.words.iter().any(|word| wanted.iter().any(|name| word == name))
    }

    fn compile(&mut self, language: Language) -> Result<Learned, ToolchainError> {
        let mut parts = self.asker.driver.parts.clone();
        if self.asker.family == Family::Gcc
            && let Some(name) = compiler_proper(language)
        {
            self.add_found(&mut parts, name)?;
        }
        let told = self.asker.verbose(language, &parts, &self.search, self.desk);
        // Without a compiler proper there is nobody who could tell about headers, and nobody who reads any.
        let told = match (language, told) {
            (Language::Assembler, Err(_)) => Told::default(),
            (_, told) => told?,
        };
        let external = self.has_word(&["-no-integrated-as", "-fno-integrated-as"]);
        if self.asker.family == Family::Gcc || external {
            self.add_found(&mut parts, "as")?;
        }
        self.configuration(&told, &mut parts)?;
        let mut split = Parts::default();
        if self.asker.family == Family::Gcc
            && let Some(path) = find::in_directories("objcopy", &self.programs(), self.desk)
        {
            self.add(&mut split, "objcopy", &path)?;
        }
        let include = told.paths("include").map(Path::to_path_buf).collect::<Vec<_>>();
        let directories = self.named(include);
        Ok(Learned { directories, parts, split, ..Learned::default() })
    }

    /// What the driver read besides, and the target.
    fn configuration(&mut self, told: &Told, parts: &mut Parts) -> Result<(), ToolchainError> {
        let workspace = self.desk.workspace();
        for path in told.paths("specs").chain(told.paths("config")) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            parts.file(&name, &workspace.join(path), self.desk)?;
        }
        let target = told.text("target").or(self.asker.target).unwrap_or_default();
        parts.text("target", target.as_bytes());
        Ok(())
    }

    fn link(&mut self) -> Result<Learned, ToolchainError> {
        let mut parts = self.asker.driver.parts.clone();
        let mut lto = Parts::default();
        let programs = self.programs();
        // What the driver reads shows when it compiles; the language does not matter for that.
        let mut by = parts.clone();
        if self.asker.family == Family::Gcc {
            let name = compiler_proper(Language::C).unwrap_or_default();
            if let Some(path) = find::in_directories(name, &programs, self.desk) {
                self.add(&mut by, name, &path)?;
            }
        }
        let told = self.asker.verbose(Language::C, &by, &self.search, self.desk)?;
        self.configuration(&told, &mut parts)?;
        let mut linker_parts = Parts::default();
        let (name, path) = self.linker_program(&programs)?;
        self.add(&mut linker_parts, &name, &path)?;
        let linker = self.banner(&path, &linker_parts)?;
        match self.asker.family {
            Family::Gcc => {
                self.add_found(&mut parts, "collect2")?;
                if let Some(plugin) = find::within("liblto_plugin.so", &programs, self.desk)
                    .or_else(|| file_within("liblto_plugin.so", &programs, self.desk))
                {
                    self.add(&mut parts, "liblto_plugin.so", &plugin)?;
                    for name in ["lto-wrapper", "lto1", "as"] {
                        if let Some(path) = find::in_directories(name, &programs, self.desk) {
                            self.add(&mut lto, name, &path)?;
                        }
                    }
                }
            }
            Family::Clang => {
                let prefix = self.asker.driver.absolute.parent().map(|bin| bin.join("../lib"));
                if linker.flavor != Flavor::Lld
                    && let Some(plugin) = prefix.and_then(|lib| file_within("LLVMgold.so", &[lib], self.desk))
                {
                    self.add(&mut lto, "LLVMgold.so", &plugin)?;
                }
            }
        }
        let mut directories = directories(&self.search, "libraries", self.desk);
        if self.asker.family == Family::Clang {
            // It does not tell that it looks there for what it links by itself.
            directories.splice(0..0, self.asker.prefixes(self.desk));
        }
        if linker.flavor == Flavor::Gnu {
            directories.extend(self.script(&path, &linker_parts, &mut parts)?);
        }
        let directories = self.named(directories);
        let parts = parts.and(&linker_parts);
        Ok(Learned { directories, parts, lto, linker: Some(linker), ..Learned::default() })
    }

    /// The linker that the driver runs, found as it finds it.
    ///
    /// gcc runs `collect2`, which takes the first of `real-ld`, `collect-ld` and `ld` in the directories for programs,
    /// and else `ld` on `PATH`, with the target before it in a cross compiler (`gcc/collect2.c`). clang takes
    /// `TARGET-ld` or `ld` there, and else on `PATH`. `-fuse-ld=NAME` makes it `ld.NAME`.
    fn linker_program(&self, programs: &[PathBuf]) -> Result<(String, PathBuf), ToolchainError> {
        let workspace = self.desk.workspace();
        let last = |start: &str| {
            let words = self.asker.words.iter().rev();
            words.filter_map(|word| word.as_bytes().strip_prefix(start.as_bytes())).next()
        };
        if let Some(path) = last("--ld-path=") {
            let path = workspace.join(OsStr::from_bytes(path));
            return Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
        }
        let name = match last("-fuse-ld=") {
            Some(path) if path.starts_with(b"/") => {
                let path = PathBuf::from(OsStr::from_bytes(path));
                return Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path));
            }
            Some(b"ld") | Some(b"") | None => "ld".to_string(),
            Some(name) => format!("ld.{}", String::from_utf8_lossy(name)),
        };
        let target = self.asker.target.unwrap_or_default();
        let prefixed = format!("{target}-{name}");
        let (own, on_path): (Vec<&str>, Vec<&str>) = match self.asker.family {
            Family::Gcc if Toolchain::is_cross(target) => {
                (vec!["real-ld", "collect-ld", &name], vec![&prefixed])
            }
            Family::Gcc => (vec!["real-ld", "collect-ld", &name], vec![&name]),
            Family::Clang => (vec![&prefixed, &name], vec![&prefixed, &name]),
        };
        let in_directory = match self.asker.family {
            Family::Gcc => own.iter().find_map(|name| find::within(name, programs, self.desk)),
            // clang looks for all names in one directory before it goes to the next.
            Family::Clang => programs.iter().find_map(|directory| {
                own.iter().find_map(|name| find::within(name, std::slice::from_ref(directory), self.desk))
            }),
        };
        in_directory
            .or_else(|| on_path.iter().find_map(|name| find::on_path(OsStr::new(name), self.desk)))
            .map(|path| (name.clone(), path))
            .ok_or_else(|| missing(&name, programs, self.desk))
    }

    fn banner(&mut self, linker: &Path, parts: &Parts) -> Result<Linker, ToolchainError> {
        let question = Question {
            program: linker,
            args: vec!["--version".into()],
            answered_by: parts.digests(),
            may_fail: true,
        };
        let told = self.desk.ask(&question, answers::banner, |_| Vec::new())?;
        Ok(read_banner(told.text("banner").unwrap_or_default()))
    }

    /// The directories that GNU ld searches by itself. If its script comes from a file, that is a part too.
    fn script(
        &mut self,
        linker: &Path,
        by: &Parts,
        parts: &mut Parts,
    ) -> Result<Vec<PathBuf>, ToolchainError> {
        let mut question = self.asker.question(&["-nostdlib", "-Wl,--verbose", "-o", "/dev/null"], by);
        question.answered_by.extend(self.asker.driver.parts.digests());
        question.may_fail = true;
        let told = self.desk.ask(&question, answers::script, |_| Vec::new())?;
        if !told.all("external").is_empty() {
            // `ld` looks beside its own directory first, and then in the directories for libraries.
            let beside = find::canonical(linker).parent().map(|bin| bin.join("../lib/ldscripts"));
            let others = directories(&self.search, "libraries", self.desk);
            let others = others.iter().map(|directory| directory.join("ldscripts"));
            if let Some(directory) = beside.into_iter().chain(others).find(|path| consult::is_directory(path))
            {
                parts.directory("ldscripts", &directory, "", self.desk)?;
            }
        }
        let sysroot = self.asker.sysroot.to_path_buf();
        let expand = |path: &Path| {
            let bytes = path.as_os_str().as_bytes();
            let below = bytes.strip_prefix(b"=").or_else(|| bytes.strip_prefix(b"$SYSROOT"));
            match below {
                Some(below) => {
                    let below = Path::new(OsStr::from_bytes(below));
                    sysroot.join(below.strip_prefix("/").unwrap_or(below))
                }
                None => path.to_path_buf(),
            }
        };
        Ok(told.paths("search").map(expand).collect())
    }
}

fn file_within(name: &str, directories: &[PathBuf], desk: &Desk<'_>) -> Option<PathBuf> {
    directories.iter().map(|directory| directory.join(name)).find(|path| desk.is_file(path))
}

pub(crate) fn missing(name: &str, directories: &[PathBuf], desk: &Desk<'_>) -> ToolchainError {
    let mut all = directories.to_vec();
    all.extend(find::path_directories(desk));
    ToolchainError::NotFound {
        toolchain: desk.toolchain.into(),
        role: "program that the compiler runs",
        names: vec![name.to_string()],
        directories: all,
        hint: "parts of the compiler are not installed; install its package, or binutils, again".into(),
    }
}

fn read_banner(banner: &str) -> Linker {
    let flavor = match banner {
        _ if banner.starts_with("GNU ld") => Flavor::Gnu,
        _ if banner.starts_with("GNU gold") => Flavor::Gold,
        _ if banner.contains("LLD ") => Flavor::Lld,
        _ if banner.starts_with("mold ") => Flavor::Mold,
        _ => Flavor::Other,
    };
    // The version of GNU ld is the last word; that of the others comes behind their names.
    let word = match flavor {
        Flavor::Lld => banner.split("LLD ").nth(1).and_then(|rest| rest.split_whitespace().next()),
        Flavor::Mold => banner.split_whitespace().nth(1),
        _ => banner.split_whitespace().next_back(),
    };
    Linker { flavor, version: Version::parse(word.unwrap_or_default()) }
}

/// What of a shared prefix belongs to this compiler, as far as its answers tell.
pub(crate) fn own_places(told: &Told, target: &str, prefix: &Path) -> Vec<PathBuf> {
    if let Some(install) = told.paths("install").next() {
        return places::of_gcc(prefix, &find::canonical(install), Toolchain::is_cross(target));
    }
    // The first library directory of a clang is its own: `PREFIX/lib/clang/VERSION`.
    told.paths("libraries").take(1).map(find::canonical).collect()
}

/// The words of a command that is asked about itself.
pub(crate) fn spelled(words: &[Arg], desk: &mut Desk<'_>) -> Vec<OsString> {
    let workspace = desk.files.path(Roots::WORKSPACE, "");
    let spelling = Spelling::new(desk.files, workspace);
    words.iter().map(|word| word.spell(desk.files, &spelling)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linkers_tell_their_kind_and_version() {
        let read = |banner: &str| {
            let linker = read_banner(banner);
            (linker.flavor, linker.version.to_string(), linker.writes_depfile())
        };
        assert_eq!(read("GNU ld (GNU Binutils for Debian) 2.40"), (Flavor::Gnu, "2.40".into(), true));
        assert_eq!(read("GNU ld (GNU Binutils) 2.26.20160125"), (Flavor::Gnu, "2.26.20160125".into(), false));
        assert_eq!(read("GNU gold (GNU Binutils 2.40) 1.16"), (Flavor::Gold, "1.16".into(), false));
        let lld = read("Debian LLD 14.0.6 (compatible with GNU linkers)");
        assert_eq!(lld, (Flavor::Lld, "14.0.6".into(), true));
        assert_eq!(read("mold 2.4.0 (compatible with GNU ld)").0, Flavor::Mold);
        assert_eq!(read("").0, Flavor::Other);
    }
}
