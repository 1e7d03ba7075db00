//! The command line of a compile.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, OnceLock};

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Discovery, Exposure, Identity};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::lookup::Search;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::scan::Mentions;

use crate::command::{self, MESSAGES};
use crate::dialect::{IncludeKind, Side};
use crate::error::FlagError;
use crate::exposed::{Carried, counts};
use crate::flags::{Phase, Treated};
use crate::learn::{Extra, Facts};
use crate::maps::Maps;
use crate::request::{Compile, Include, Language, Lto, Warnings};
use crate::toolchain::{Family, Toolchain};
use crate::variant::Need;

/// The endings by which a compiler knows a language; others need `-x`.
const ENDINGS: [(Language, &[&str]); 4] = [
    (Language::C, &["c"]),
    (Language::Cxx, &["cc", "cpp", "cxx", "c++", "C", "CPP", "cp"]),
    (Language::AssemblerCpp, &["S", "sx"]),
    (Language::Assembler, &["s"]),
];

/// A file with nothing in it.
const EMPTY: &str = "/dev/null";

/// What compiles have in common that differ in source, object and scratch directory alone.
#[derive(Debug)]
pub(crate) struct Common {
    treated: Arc<Treated>,
    identity: Arc<Identity>,
    /// The program, how it shows messages, its maps.
    start: Vec<Arg>,
    maps: Maps,
    /// The flags that make or use a precompiled header, and what is read for them.
    precompiled: Vec<Arg>,
    precompiled_inputs: Vec<PathId>,
    env: Vec<(OsString, Arg)>,
    search: Search,
    fixed: Mentions,
    /// Whether the program that is made writes counters to a file beside the object.
    counts: bool,
    /// Whether an assembler runs that tells what it read.
    external: bool,
    local: Option<String>,
    /// What one exposes whose source has a relative name.
    exposed: OnceLock<Vec<Exposure>>,
}

/// A compile that was asked for, and what others have in common with it.
#[derive(Debug)]
pub(crate) struct Alike {
    request: Compile,
    cwd: PathId,
    /// How many roots there were, and how many of them somewhere.
    roots: (usize, usize),
    common: Arc<Common>,
}

/// How many kinds of compiles are kept in mind.
const KINDS: usize = 8;

/// Whether two compiles have a [`Common`].
fn are_alike(one: &Compile, other: &Compile) -> bool {
    let Compile { source: _, object: _, temporary: _, order_only: _, .. } = one;
    let Compile { language, standard, mode, warnings, pic, makes_precompiled, .. } = one;
    let Compile { defines, includes, forced, precompiled, flags, .. } = one;
    *language == other.language
        && *makes_precompiled == other.makes_precompiled
        && *pic == other.pic
        && *warnings == other.warnings
        && *precompiled == other.precompiled
        && *standard == other.standard
        && *mode == other.mode
        && *defines == other.defines
        && *includes == other.includes
        && *forced == other.forced
        && *flags == other.flags
}

impl Toolchain {
    /// The command that compiles one source (or makes a precompiled header), run in `cwd`, the workspace.
    ///
    /// # Errors
    /// A flag does what rekindle does itself or lacks its value; [`FlagError::Unprobed`] if the compiler has to be
    /// asked first.
    pub fn compile(&self, files: &mut Files, request: &Compile, cwd: PathId) -> Result<Action, FlagError> {
        let common = self.common(files, request, cwd)?;
        let treated = &common.treated;
        let mut argv = Vec::with_capacity(common.start.len() + treated.args.len() + 16);
        argv.extend_from_slice(&common.start);
        argv.extend(self.seed(request, treated, files));
        argv.extend_from_slice(&common.precompiled);
        argv.extend_from_slice(&treated.args);
        let scratch = command::scratch_name(request.object, files);
        let mut depfiles = Vec::new();
        if request.language != Language::Assembler {
            let depfile = command::below(request.temporary, &command::with_ending(&scratch, ".d"), files);
            argv.extend(["-MD".into(), "-MF".into(), Arg::path(depfile)]);
            depfiles.push(DepfileFormat::Make(depfile));
        }
        if common.external && !request.makes_precompiled {
            let depfile = command::below(request.temporary, &command::with_ending(&scratch, ".as.d"), files);
            for word in [Arg::from("--MD"), Arg::path(depfile)] {
                argv.extend(["-Xassembler".into(), word]);
            }
            depfiles.push(DepfileFormat::Assembler(depfile));
        }
        argv.extend(self.product(request, files));

        let mut outputs = vec![request.object];
        let sides = self.side_files(request, treated, files);
        outputs.extend(sides.files);
        outputs.extend(treated.outputs.iter().copied());
        let mut action = Action::new(ActionKind::Compile, files.show(request.source), argv, cwd, outputs);
        action.env.clone_from(&common.env);
        if self.family == Family::Clang {
            self.temporary(request.temporary, &mut action.env);
        }
        action.exposed = self.compile_exposes(request, &common, &action, files);
        action.identity = Some(common.identity.clone());
        let inputs = [request.source].into_iter().chain(common.precompiled_inputs.iter().copied());
        action.inputs = unique(inputs.chain(treated.inputs.iter().copied()).collect());
        action.order_only.clone_from(&request.order_only);
        action.discovery = Discovery {
            depfiles,
            search: Some(common.search.clone()),
            scan: true,
            incbin_in_depfile: common.external,
            assembled_later: treated.lto.unwrap_or(false) && is_compiled(request.language),
            also_searched: treated.searched.clone(),
            fixed: common.fixed,
            maybe: self.profiles(treated, Some(request.object), cwd, files),
        };
        action.local = common.local.clone().or(sides.unknown);
        action.response_file = true;
        Ok(action)
    }

    /// What a compile has in common with others, which is put together once.
    fn common(&self, files: &mut Files, request: &Compile, cwd: PathId) -> Result<Arc<Common>, FlagError> {
        if request.makes_precompiled {
            // Its source is among the flags.
            return self.in_common(files, request, cwd).map(Arc::new);
        }
        let placed = files.roots().iter().filter(|(_, root)| root.is_placed()).count();
        let roots = (files.roots().iter().count(), placed);
        let lock = || self.alike.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_known =
            |known: &&Alike| known.cwd == cwd && known.roots == roots && are_alike(&known.request, request);
        if let Some(known) = lock().iter().find(is_known) {
            return Ok(known.common.clone());
        }
        let common = Arc::new(self.in_common(files, request, cwd)?);
        let mut alike = lock();
        if alike.len() == KINDS {
            alike.pop();
        }
        alike.insert(0, Alike { request: request.clone(), cwd, roots, common: common.clone() });
        Ok(common)
    }

    fn in_common(&self, files: &mut Files, request: &Compile, cwd: PathId) -> Result<Common, FlagError> {
        let driver = self.driver(request.language)?;
        let treated = self.read_flags(self.compile_flags(request), Phase::Compile, cwd, files)?;
        let facts = self.facts(Need::Compile(request.language), treated.selecting.clone())?.clone();
        let lto = treated.lto.unwrap_or(false);
        let counts = is_compiled(request.language) && counts(&treated.args);
        let maps = self.maps(request.language, lto, counts, files);
        let mut start = command::program(driver);
        start.extend(self.manners(request, &treated));
        start.extend(maps.args.iter().cloned());
        let mut precompiled_inputs = Vec::new();
        let precompiled = match request.language {
            Language::Assembler => Vec::new(),
            _ => self.precompiled(request, &mut precompiled_inputs, files),
        };
        let local = [&self.local, &treated.local, &facts.local].into_iter().flatten().next().cloned();
        Ok(Common {
            identity: facts.identity(&Extra::of(&treated)),
            start,
            precompiled,
            precompiled_inputs,
            env: self.env(ActionKind::Compile, &maps, files),
            search: self.header_search(request, &treated, &facts, cwd, files),
            fixed: self.fixed_dates(),
            counts,
            // With link-time optimization, assembler's text is assembled at the link, and its flags are kept for that.
            // What stands between us and the compiler may put an object back without the assembler's depfile, as ccache
            // does.
            external: (self.family == Family::Gcc || treated.external_assembler)
                && !lto
                && self.local.is_none(),
            local,
            exposed: OnceLock::new(),
            maps,
            treated,
        })
    }

    fn compile_exposes(
        &self,
        request: &Compile,
        common: &Common,
        action: &Action,
        files: &Files,
    ) -> Vec<Exposure> {
        let find = || self.compile_carries(request, common, action, files);
        // A name that is spelled relatively exposes nothing, and one with a `=` may look like a map.
        let (cwd, source) = (files.rel(action.cwd), files.rel(request.source));
        let is_near = files.root(action.cwd) == Roots::WORKSPACE
            && cwd.as_os_str().is_empty()
            && files.root(request.source) == Roots::WORKSPACE
            && !source.as_os_str().as_bytes().contains(&b'=');
        if is_near && !common.counts { common.exposed.get_or_init(find).clone() } else { find() }
    }

    fn compile_carries(
        &self,
        request: &Compile,
        common: &Common,
        action: &Action,
        files: &Files,
    ) -> Vec<Exposure> {
        let treated = &*common.treated;
        let mut args = treated.args.clone();
        args.push(Arg::path(request.source));
        args.extend(request.precompiled.iter().map(|precompiled| Arg::path(precompiled.product)));
        let carried = Carried {
            treated,
            args,
            env: &action.env,
            source: Some(request.source),
            object: request.object,
            cwd: action.cwd,
            lto: treated.lto.unwrap_or(false),
            counts: common.counts,
            preprocessed: request.language != Language::Assembler,
        };
        self.exposed_by_compile(&carried, &common.maps, files)
    }

    /// All flags of a compile, ours before the person's.
    fn compile_flags(&self, request: &Compile) -> Vec<Arg> {
        let mut flags = self.flags.clone();
        flags.extend(self.mode(&request.mode));
        if matches!(request.language, Language::Assembler | Language::AssemblerCpp) {
            // An assembler takes no part in link-time optimization, and has nothing to sanitize.
            flags.truncate(self.flags.len());
            if request.mode.debug {
                flags.push("-g".into());
            }
        } else {
            flags.extend(request.standard.iter().map(|standard| Arg::text(format!("-std={standard}"))));
            let warnings: &[&str] = match request.warnings {
                Warnings::Default => &[],
                Warnings::None => &["-w"],
                Warnings::All => &["-Wall"],
                Warnings::Extra => &["-Wall", "-Wextra"],
                Warnings::Error => &["-Wall", "-Wextra", "-Werror"],
            };
            flags.extend(warnings.iter().map(|flag| Arg::from(*flag)));
        }
        flags.extend(request.pic.map(|pic| Arg::from(if pic { "-fPIC" } else { "-fPIE" })));
        if request.language != Language::Assembler {
            flags.extend(request.defines.iter().map(|define| Arg::text(format!("-D{define}"))));
        }
        for include in &request.includes {
            flags.extend(match include {
                Include::Quote(path) => vec!["-iquote".into(), Arg::path(*path)],
                Include::Normal(path) => vec![Arg::joined("-I", *path)],
                Include::System(path) => vec!["-isystem".into(), Arg::path(*path)],
            });
        }
        if request.language != Language::Assembler {
            for forced in &request.forced {
                flags.extend(["-include".into(), Arg::path(*forced)]);
            }
        }
        flags.extend(request.flags.iter().cloned());
        flags
    }

    /// How it is to show messages and to hand text to the assembler.
    fn manners(&self, request: &Compile, treated: &Treated) -> Vec<Arg> {
        let mut args: Vec<Arg> = MESSAGES.map(Arg::from).to_vec();
        match (self.family, request.language) {
            // In a file between the two, a name made by chance would show in depfiles and debug information.
            (Family::Gcc, _) if !treated.sides.contains(&Side::Saved) => args.push("-pipe".into()),
            // What is saved would hold the directory, and what is made of that would hold it past all maps.
            (Family::Gcc, _) => args.push("-fno-working-directory".into()),
            // What is said for all languages does not concern an assembler, which complains.
            (Family::Clang, Language::Assembler | Language::AssemblerCpp) => {
                args = vec!["-Wno-unused-command-line-argument".into(), MESSAGES[0].into()];
            }
            (Family::Clang, _) => {}
        }
        args
    }

    fn seed(&self, request: &Compile, treated: &Treated, files: &Files) -> Option<Arg> {
        let lto = treated.lto.unwrap_or(request.mode.lto != Lto::Off);
        (self.family == Family::Gcc && (lto || treated.chance)).then(|| command::seed(request.source, files))
    }

    /// The flags that make or use a precompiled header. gcc takes `NAME.gch` when it is told to include `NAME`, and
    /// says nothing if it cannot use it, but for the warning that is asked for.
    fn precompiled(&self, request: &Compile, inputs: &mut Vec<PathId>, files: &mut Files) -> Vec<Arg> {
        let mut args: Vec<Arg> = Vec::new();
        if request.makes_precompiled && self.family == Family::Clang {
            // The times of headers would be in the product, and be compared when it is used.
            args.extend(["-Xclang".into(), "-fno-pch-timestamp".into()]);
        }
        if request.makes_precompiled && self.family == Family::Gcc {
            args.extend(["-include".into(), Arg::path(request.source)]);
        }
        if let Some(precompiled) = request.precompiled {
            inputs.push(precompiled.product);
            match self.family {
                Family::Clang => args.extend(["-include-pch".into(), Arg::path(precompiled.product)]),
                Family::Gcc => {
                    let root = files.root(precompiled.product);
                    let header = files.rel(precompiled.product).with_extension("");
                    let header = files.path(root, header);
                    args.extend(["-Winvalid-pch".into(), "-include".into(), Arg::path(header)]);
                }
            }
        }
        args
    }

    /// `-c SOURCE -o OBJECT`, with the language where the ending does not tell it.
    fn product(&self, request: &Compile, files: &Files) -> Vec<Arg> {
        let mut args = Vec::new();
        let ending = files.rel(request.source).extension().unwrap_or_default();
        let known = ENDINGS.iter().any(|(language, endings)| {
            *language == request.language && endings.iter().any(|known| OsStr::new(known) == ending)
        });
        let language = match (request.language, request.makes_precompiled) {
            (Language::C, true) => Some("c-header"),
            (Language::Cxx, true) => Some("c++-header"),
            _ if known => None,
            (Language::C, false) => Some("c"),
            (Language::Cxx, false) => Some("c++"),
            (Language::AssemblerCpp, _) => Some("assembler-with-cpp"),
            (Language::Assembler, _) => Some("assembler"),
        };
        if let Some(language) = language {
            args.extend(["-x".into(), language.into()]);
        }
        // gcc warns of `#pragma once` in the file that it is given, so that it is given an empty one, which includes
        // the header.
        let source = match (request.makes_precompiled, self.family) {
            (true, Family::Gcc) => EMPTY.into(),
            _ => Arg::path(request.source),
        };
        args.extend(["-c".into(), source, "-o".into(), Arg::path(request.object)]);
        args
    }

    /// Where headers are searched: the directories of the command line and of the environment around the compiler's
    /// own, in the order in which gcc and clang search them.
    fn header_search(
        &self,
        request: &Compile,
        treated: &Treated,
        facts: &Facts,
        cwd: PathId,
        files: &mut Files,
    ) -> Search {
        let own = &facts.directories;
        let of = |wanted: IncludeKind| {
            let kinds = treated.includes.iter().filter(move |(kind, _)| *kind == wanted);
            // A directory that the compiler searches anyway keeps the compiler's place for it.
            kinds
                .map(|(_, path)| *path)
                .filter(move |path| wanted == IncludeKind::Quote || !own.contains(path))
        };
        let mut dirs: Vec<PathId> = of(IncludeKind::Quote).chain(of(IncludeKind::Normal)).collect();
        dirs.extend(self.variable_paths("CPATH", cwd, files));
        dirs.extend(of(IncludeKind::System));
        let variable = match request.language {
            Language::Cxx => "CPLUS_INCLUDE_PATH",
            _ => "C_INCLUDE_PATH",
        };
        dirs.extend(self.variable_paths(variable, cwd, files));
        dirs.extend(own.iter().copied());
        dirs.extend(of(IncludeKind::After));
        let anywhere = treated.includes.iter().filter(|(kind, _)| *kind == IncludeKind::Anywhere);
        Search { dirs: with_anywhere(unique(dirs), anywhere.map(|(_, path)| *path)), near: true }
    }
}

/// Directories in order, and those of which nobody knows where they come: first and last, which is how a search says
/// that.
pub(crate) fn with_anywhere(mut dirs: Vec<PathId>, anywhere: impl Iterator<Item = PathId>) -> Vec<PathId> {
    let anywhere = unique(anywhere.collect());
    dirs.retain(|dir| !anywhere.contains(dir));
    [anywhere.clone(), dirs, anywhere].concat()
}

fn is_compiled(language: Language) -> bool {
    matches!(language, Language::C | Language::Cxx)
}

/// The same list without what comes again.
pub(crate) fn unique(mut list: Vec<PathId>) -> Vec<PathId> {
    if list.len() < 2 {
        return list;
    }
    if let [one, other] = list.as_slice() {
        let is_one = one == other;
        list.truncate(if is_one { 1 } else { 2 });
        return list;
    }
    let mut seen = std::collections::HashSet::with_capacity(list.len());
    list.into_iter().filter(|id| seen.insert(*id)).collect()
}
