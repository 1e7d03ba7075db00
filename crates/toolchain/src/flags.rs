//! Takes a person's flags apart: which files they read and write, what they change in searches, and which of them
//! nobody knows. The flags themselves keep their order; only paths in them are named by their roots.

mod handed_on;
mod named;
mod opened;
mod profile;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::{Arg, Piece, Spelling};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::disk::Entry;
use rekindle_fingerprint::files::{Files, PathId};

use crate::dialect::{Dialect, Effect, In, IncludeKind, Side, Value};
use crate::error::FlagError;
use crate::profiles::Profiles;

/// Which command the flags are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Compile,
    Link,
}

/// Programs to which flags hand words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Preprocessor,
    /// clang's `-cc1`.
    Compiler,
    Assembler,
}

/// What flags amount to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Treated {
    /// The flags, response files opened, paths named.
    pub(crate) args: Vec<Arg>,
    /// Those that change what is searched where, in order.
    pub(crate) selecting: Vec<Arg>,
    /// Files that they name and that are read.
    pub(crate) inputs: Vec<PathId>,
    /// Files that they name and that are written.
    pub(crate) outputs: Vec<PathId>,
    /// Files that are written beside the object.
    pub(crate) sides: Vec<Side>,
    /// Directories that are searched for headers.
    pub(crate) includes: Vec<(IncludeKind, PathId)>,
    /// Directories that are searched for libraries.
    pub(crate) library_directories: Vec<PathId>,
    /// The same, where nobody knows before or behind which others.
    pub(crate) library_directories_anywhere: Vec<PathId>,
    /// Libraries that are searched.
    pub(crate) libraries: Vec<Vec<u8>>,
    /// Names of headers that are searched, and which of them are read does not show under these names.
    pub(crate) searched: Vec<Vec<u8>>,
    /// Files of the compiler's library directories that a link reads.
    pub(crate) specs: Vec<&'static str>,
    /// Whether the processor of this machine is asked.
    pub(crate) native: bool,
    /// Whether link-time optimization is turned on or off.
    pub(crate) lto: Option<bool>,
    /// Whether there is to be debug information.
    pub(crate) debug: bool,
    /// Where profiles are read.
    pub(crate) profiles: Profiles,
    /// Whether names are made by chance.
    pub(crate) chance: bool,
    /// Whether an assembler runs that is not the compiler's own.
    pub(crate) external_assembler: bool,
    /// The first flag that nobody can follow, and why.
    pub(crate) local: Option<String>,
    /// What comes before the directories of `-iwithprefix`.
    include_prefix: Option<Vec<u8>>,
    /// Words that came one by one, for the program that takes them.
    passed_on: PassedOn,
}

/// Words that flags hand on one by one; a flag of another program and its value are two of them.
#[derive(Clone, Debug, Default)]
struct PassedOn {
    preprocessor: Vec<Vec<u8>>,
    compiler: Vec<Vec<u8>>,
    assembler: Vec<Vec<u8>>,
    /// The linker's flag whose value comes with the next word.
    linker: Option<Effect>,
}

/// What flags are read with.
pub(crate) struct Reader<'r> {
    pub(crate) dialect: &'r Dialect,
    pub(crate) phase: Phase,
    /// Whether `-march=` and its like pick among sets of libraries.
    pub(crate) processor_selects: bool,
    /// The directory in which the command runs.
    pub(crate) cwd: PathId,
    /// How paths are spelled there.
    pub(crate) spelling: Spelling,
    pub(crate) files: &'r mut Files,
}

impl Reader<'_> {
    /// Takes `flags` apart.
    pub(crate) fn read(&mut self, flags: &[Arg]) -> Result<Treated, FlagError> {
        let mut treated = Treated::default();
        let flags = self.open_response_files(flags, &mut treated)?;
        let mut rest = flags.iter();
        while let Some(flag) = rest.next() {
            self.one(flag, &mut rest, &mut treated)?;
        }
        let words = std::mem::take(&mut treated.passed_on);
        self.for_others(&words.preprocessor, Program::Preprocessor, &mut treated)?;
        self.for_others(&words.compiler, Program::Compiler, &mut treated)?;
        self.for_others(&words.assembler, Program::Assembler, &mut treated)?;
        treated.inputs.sort_unstable();
        treated.inputs.dedup();
        Ok(treated)
    }

    fn one(
        &mut self,
        flag: &Arg,
        rest: &mut std::slice::Iter<'_, Arg>,
        treated: &mut Treated,
    ) -> Result<(), FlagError> {
        let text = self.spell(flag);
        if !text.starts_with(b"-") || text == b"-" {
            return self.no_flag(flag, &text, treated);
        }
        if let Some(debug) = debug(&text) {
            treated.debug = debug;
        }
        let Some((effect, value)) = self.dialect.look_up(&text) else {
            self.unknown(&text, self.dialect.name, treated);
            self.existing_files(&text, treated);
            self.existing_directories(&text, treated);
            treated.args.push(flag.clone());
            return Ok(());
        };
        let mut words = vec![flag.clone()];
        let (carrier, value) = match value {
            Value::None => (0, None),
            Value::At(at) => (0, Some((at, text[at..].to_vec()))),
            Value::Next => {
                let next = rest.next().ok_or_else(|| FlagError::NoValue { flag: shown(&text) })?;
                words.push(next.clone());
                (1, Some((0, self.spell(next))))
            }
        };
        if let Some((at, value)) = &value
            && let Some(opened) = self.open_words(effect, &words[carrier], *at, value, treated)?
        {
            let mut rest = opened.iter();
            while let Some(flag) = rest.next() {
                self.one(flag, &mut rest, treated)?;
            }
            return Ok(());
        }
        let rewritten = self.apply(&text, effect, &words[carrier].clone(), value, treated)?;
        if let Some(arg) = rewritten {
            words[carrier] = arg;
        }
        if self.selects(effect, &text) {
            treated.selecting.extend(words.iter().cloned());
        }
        treated.args.append(&mut words);
        Ok(())
    }

    /// Does what a flag's effect asks for; gives the word that carries the value anew if a path is in it.
    fn apply(
        &mut self,
        text: &[u8],
        effect: Effect,
        carrier: &Arg,
        value: Option<(usize, Vec<u8>)>,
        treated: &mut Treated,
    ) -> Result<Option<Arg>, FlagError> {
        let (at, value) = value.unwrap_or_default();
        match effect {
            Effect::Owned(reason) => return Err(FlagError::Owned { flag: shown(text), reason }),
            Effect::Local(reason) => {
                treated.local.get_or_insert_with(|| format!("flag `{}`: {reason}", shown(text)));
                self.existing_files(text, treated);
            }
            Effect::Include(kind) => return Ok(Some(self.include(kind, carrier, at, &value, treated))),
            Effect::IncludePrefix | Effect::IncludeBehindPrefix => {
                self.include_in_parts(effect, text, value, treated)?;
            }
            Effect::LibraryDirectory => {
                let (id, arg) = self.path(carrier, at, &value);
                treated.library_directories.push(id);
                return Ok(Some(arg));
            }
            Effect::Library => treated.libraries.push(value),
            Effect::Reads => {
                if matches!(text, b"-include" | b"--include" | b"--include=")
                    || text.starts_with(b"--include=")
                {
                    self.precompiled(&value, treated);
                }
                return Ok(self.reads(carrier, at, &value, treated));
            }
            Effect::Profile(kind) => return Ok(self.profile(kind, carrier, at, &value, treated)),
            Effect::Writes => {
                let (id, arg) = self.path(carrier, at, &value);
                treated.outputs.push(id);
                return Ok(Some(arg));
            }
            Effect::Path | Effect::SelectsPath(_) => return Ok(self.place(carrier, at, &value, treated)),
            Effect::Sides(sides) => {
                treated.sides.extend(sides);
                // Beside the object and not in the working directory, whatever the version does by itself.
                if *sides == [Side::Saved] {
                    return Ok(Some("-save-temps=obj".into()));
                }
            }
            Effect::Chance(sides) => {
                treated.chance = true;
                treated.sides.extend(sides);
            }
            Effect::Selects(_) => self.assembler_choice(text, treated),
            Effect::Processor => treated.native |= value == b"native",
            Effect::Lto(on) => treated.lto = Some(on),
            Effect::PrefixMap => return Ok(self.prefix_map(carrier, at, &value)),
            Effect::Spec(name) => treated.specs.push(name),
            Effect::LinkerList
            | Effect::LinkerWord
            | Effect::AssemblerList
            | Effect::AssemblerWord
            | Effect::PreprocessorList
            | Effect::PreprocessorWord
            | Effect::CompilerWord => return self.hand_on(effect, carrier, at, value, treated),
            // What a source then asks for is in no file that is looked at.
            Effect::Define if text_has(&value, b"__has_include") || text_has(&value, b"__has_embed") => {
                return Err(FlagError::Define { value: shown(&value) });
            }
            Effect::Plain | Effect::Define | Effect::PluginOption => {
                self.existing_files(text, treated);
                if at == 0 {
                    self.file_if_there(&value, treated);
                    self.existing_files(&value, treated);
                }
            }
        }
        Ok(None)
    }

    /// A directory that is named in parts, by flags of their own.
    fn include_in_parts(
        &mut self,
        effect: Effect,
        text: &[u8],
        value: Vec<u8>,
        treated: &mut Treated,
    ) -> Result<(), FlagError> {
        if effect == Effect::IncludePrefix {
            treated.include_prefix = Some(value);
            let shown = shown(text);
            treated.local.get_or_insert_with(|| format!("flag `{shown}`: it names directories in parts"));
            return Ok(());
        }
        let Some(prefix) = treated.include_prefix.clone() else {
            let reason = "it counts from a place in the compiler; give -iprefix before it, or use -I";
            return Err(FlagError::Owned { flag: shown(text), reason });
        };
        let directory = [prefix, value].concat();
        let carrier = Arg(vec![Piece::Text(directory.clone())]);
        self.include(IncludeKind::Anywhere, &carrier, 0, &directory, treated);
        Ok(())
    }

    /// A path that may be a file, a directory, or a name that the compiler searches.
    fn place(&mut self, carrier: &Arg, at: usize, value: &[u8], treated: &mut Treated) -> Option<Arg> {
        let (id, arg) = self.path(carrier, at, value);
        match self.there(id) {
            Some(Entry::File(..)) => treated.inputs.push(id),
            // Such as that of `-specs=nano.specs`: it stays as it is.
            None if !value.contains(&b'/') => return None,
            _ => {}
        }
        Some(arg)
    }

    fn no_flag(&mut self, flag: &Arg, text: &[u8], treated: &mut Treated) -> Result<(), FlagError> {
        if self.phase == Phase::Compile {
            return Err(FlagError::NoFlag { word: shown(text) });
        }
        // An object, an archive, a linker script.
        let (id, arg) = self.path(flag, 0, text);
        treated.inputs.push(id);
        treated.args.push(arg);
        Ok(())
    }

    fn include(
        &mut self,
        kind: IncludeKind,
        carrier: &Arg,
        at: usize,
        value: &[u8],
        treated: &mut Treated,
    ) -> Arg {
        // `=dir` lies below the sysroot, and only the compiler knows where that is; most have `/` for one.
        let below = value.strip_prefix(b"=").or_else(|| value.strip_prefix(b"$SYSROOT"));
        if let Some(below) = below {
            let text = String::from_utf8_lossy(value).into_owned();
            treated.local.get_or_insert_with(|| format!("flag `-I{text}` counts from the sysroot"));
            let id = self.files.path_abs(&Path::new("/").join(OsStr::from_bytes(below)));
            treated.includes.push((IncludeKind::Anywhere, id));
            return carrier.clone();
        }
        let (id, arg) = self.path(carrier, at, value);
        treated.includes.push((kind, id));
        arg
    }

    fn reads(&mut self, carrier: &Arg, at: usize, value: &[u8], treated: &mut Treated) -> Option<Arg> {
        if value.is_empty() {
            return None;
        }
        let (id, arg) = self.path(carrier, at, value);
        if self.is_read(id) {
            treated.inputs.push(id);
            return Some(arg);
        }
        // It is searched, as `-include` does in the directories for headers; the depfile names what was found.
        if !value.contains(&b'/') {
            return None;
        }
        // The same; but what was found shows under another name than was searched.
        if value.split(|byte| *byte == b'/').any(|part| part == b"..") {
            treated.searched.push(value.to_vec());
            return None;
        }
        Some(arg)
    }

    /// A precompiled header in the place of one that the flags include: gcc searches it where it searches that one,
    /// clang in the working directory. It may be a directory of several.
    fn precompiled(&mut self, value: &[u8], treated: &mut Treated) {
        let cwd = self.files.abs(self.cwd);
        let mut pch = Path::new(OsStr::from_bytes(value)).as_os_str().to_os_string();
        pch.push(".pch");
        let gch = [value, b".gch"].concat();
        let replaced =
            ["pch", "gch"].map(|ending| Path::new(OsStr::from_bytes(value)).with_extension(ending));
        let places = [PathBuf::from(pch), PathBuf::from(OsStr::from_bytes(&gch))].into_iter().chain(replaced);
        for place in places {
            match consult::stat(&cwd.join(&place)) {
                Ok(Entry::File(..)) => {
                    let id = self.files.path_from(&cwd, &place);
                    treated.inputs.push(id);
                }
                Ok(Entry::Directory(_)) => {
                    for name in consult::list(&cwd.join(&place)).unwrap_or_default() {
                        let id = self.files.path_from(&cwd, &place.join(name));
                        treated.inputs.push(id);
                    }
                }
                _ => {}
            }
        }
        treated.searched.push(gch);
    }

    fn prefix_map(&mut self, carrier: &Arg, at: usize, value: &[u8]) -> Option<Arg> {
        let equals = value.iter().position(|byte| *byte == b'=')?;
        let old = Path::new(OsStr::from_bytes(&value[..equals]));
        if !old.is_absolute() || carrier.paths().next().is_some() {
            return None;
        }
        let id = self.files.path_abs(old);
        // A prefix that is no clean path has to stay to the letter.
        if self.files.abs(id) != old {
            return None;
        }
        let spelled = self.spell(carrier);
        let mut arg = Arg(vec![Piece::Text(spelled[..at].to_vec()), Piece::Absolute(id)]);
        arg.0.push(Piece::Text(value[equals..].to_vec()));
        Some(arg)
    }

    fn assembler_choice(&mut self, text: &[u8], treated: &mut Treated) {
        if text.ends_with(b"integrated-as") {
            treated.external_assembler = text.windows(4).any(|part| part == b"-no-" || part == b"fno-");
        }
    }

    fn selects(&self, effect: Effect, text: &[u8]) -> bool {
        let wanted = match self.phase {
            Phase::Compile => In::Compile,
            Phase::Link => In::Link,
        };
        match effect {
            Effect::Selects(phase) | Effect::SelectsPath(phase) => phase == In::Both || phase == wanted,
            Effect::Processor => self.processor_selects && !text.starts_with(b"-mtune"),
            _ => false,
        }
    }
}

/// Whether a flag turns debug information on or off.
fn debug(flag: &[u8]) -> Option<bool> {
    let level = flag.strip_prefix(b"-g")?;
    let kinds: [&[u8]; 10] = [
        b"gdb",
        b"dwarf",
        b"line-tables-only",
        b"line-directives-only",
        b"mlt",
        b"lldb",
        b"sce",
        b"dbx",
        b"stabs",
        b"1",
    ];
    match level {
        b"0" | b"gdb0" => Some(false),
        b"" | b"2" | b"3" => Some(true),
        _ => kinds.iter().any(|kind| level.starts_with(kind)).then_some(true),
    }
}

/// The words of a list with commas between them.
fn parts(value: &[u8]) -> Vec<Vec<u8>> {
    value.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect()
}

fn text_has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
