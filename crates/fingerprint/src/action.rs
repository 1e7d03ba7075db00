//! An action: one command with everything that its result depends on, as plain data.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use crate::auto::AutoBuild;
use crate::digest::Digest;
use crate::encode::Encoder;
use crate::files::{Files, PathId, TextId};
use crate::lookup::Search;
use crate::roots::{Root, RootId};
use crate::scan::Mentions;

/// What an action does. It is part of the key and of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    /// One source to one object (a precompiled header too).
    Compile,
    /// Objects to a static archive.
    Archive,
    /// Objects and libraries to a program or a shared library.
    Link,
    /// A command that the manifest declares, and our own helpers such as `objcopy`.
    Custom,
    /// An archive that another build tool makes.
    AutoArchive,
}

impl ActionKind {
    /// Every kind, in the order in which they are counted.
    pub const ALL: [Self; 5] = [Self::Compile, Self::Archive, Self::Link, Self::Custom, Self::AutoArchive];

    /// Its name in JSON events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::Archive => "archive",
            Self::Link => "link",
            Self::Custom => "custom",
            Self::AutoArchive => "auto_archive",
        }
    }

    /// Its number in digests and on disk; never reused.
    pub fn code(self) -> u8 {
        match self {
            Self::Compile => 1,
            Self::Archive => 2,
            Self::Link => 3,
            Self::Custom => 4,
            Self::AutoArchive => 5,
        }
    }

    /// The kind with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Text that is the same on every machine.
    Text(Vec<u8>),
    /// A path, spelled relative to the working directory if it lies below it, else absolutely.
    Path(PathId),
    /// A path that is always spelled absolutely (the left side of a prefix map).
    Absolute(PathId),
}

/// An argument, or the value of an environment variable: text with named paths in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Arg(pub Vec<Piece>);

impl Arg {
    /// An argument that is only text.
    pub fn text(text: impl AsRef<OsStr>) -> Self {
        Self(vec![Piece::Text(text.as_ref().as_bytes().to_vec())])
    }

    /// An argument that is only a path.
    pub fn path(path: PathId) -> Self {
        Self(vec![Piece::Path(path)])
    }

    /// Text with a path behind it, as in `-Iinclude`.
    pub fn joined(text: &str, path: PathId) -> Self {
        Self::text(text).then(Piece::Path(path))
    }

    /// The same argument with a piece behind it.
    #[must_use]
    pub fn then(mut self, piece: Piece) -> Self {
        self.0.push(piece);
        self
    }

    /// The same argument with text behind it.
    #[must_use]
    pub fn then_text(self, text: &str) -> Self {
        self.then(Piece::Text(text.as_bytes().to_vec()))
    }

    /// The paths in it.
    pub fn paths(&self) -> impl Iterator<Item = PathId> + '_ {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Path(path) | Piece::Absolute(path) => Some(*path),
            Piece::Text(_) => None,
        })
    }

    /// How the command line spells it.
    pub fn spell(&self, files: &Files, spelling: &Spelling) -> OsString {
        let mut bytes = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text),
                Piece::Path(path) if spelling.relative(files, *path, &mut bytes) => {}
                Piece::Path(path) | Piece::Absolute(path) => {
                    bytes.extend_from_slice(files.abs(*path).as_os_str().as_bytes());
                }
            }
        }
        OsString::from_vec(bytes)
    }

    /// How keys and stamps spell it: with roots by name. A path that the command line spells relatively is
    /// written with that relative spelling, because it may show in the result; one that is spelled absolutely
    /// is `<root>/relative`, and one that always is, `<root!>/relative`.
    pub fn name(&self, files: &Files, spelling: &Spelling) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in &self.0 {
            let (path, mark) = match piece {
                Piece::Text(text) => {
                    // The one character that a name starts with is doubled, so no text looks like a name.
                    for byte in text {
                        bytes.extend(std::iter::repeat_n(*byte, if *byte == b'<' { 2 } else { 1 }));
                    }
                    continue;
                }
                Piece::Path(path) if spelling.relative(files, *path, &mut bytes) => continue,
                Piece::Path(path) => (*path, ">"),
                Piece::Absolute(path) => (*path, "!>"),
            };
            bytes.push(b'<');
            bytes.extend_from_slice(files.roots().get(files.root(path)).name.as_bytes());
            bytes.extend_from_slice(mark.as_bytes());
            if !files.rel(path).as_os_str().is_empty() {
                bytes.push(b'/');
                bytes.extend_from_slice(files.rel(path).as_os_str().as_bytes());
            }
        }
        bytes
    }
}

/// How paths are spelled in a working directory: relatively below it, else absolutely.
#[derive(Clone, Debug)]
pub struct Spelling {
    /// For each root, how its paths come to be relative to the directory.
    roots: Vec<Relation>,
}

/// Where a root lies, seen from the working directory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Relation {
    /// At it or below it: what leads from the directory to the root.
    Below(PathBuf),
    /// Above it: what leads from the root to the directory.
    Above(PathBuf),
    /// Elsewhere, or nobody knows.
    Elsewhere,
}

impl Spelling {
    /// For the working directory `cwd`.
    pub fn new(files: &Files, cwd: PathId) -> Self {
        let cwd = files.abs(cwd);
        let relation = |root: &Root| {
            if !root.is_placed() {
                Relation::Elsewhere
            } else if let Ok(below) = root.path.strip_prefix(&cwd) {
                Relation::Below(below.to_path_buf())
            } else if let Ok(above) = cwd.strip_prefix(&root.path) {
                Relation::Above(above.to_path_buf())
            } else {
                Relation::Elsewhere
            }
        };
        Self { roots: files.roots().iter().map(|(_, root)| relation(root)).collect() }
    }

    /// Appends the relative spelling of `path`; `false` (and nothing appended) if it lies elsewhere.
    fn relative(&self, files: &Files, path: PathId, into: &mut Vec<u8>) -> bool {
        let rel = files.rel(path);
        let (base, rest) = match self.roots.get(usize::from(files.root(path).0)) {
            Some(Relation::Below(base)) => (base.as_os_str().as_bytes(), rel),
            Some(Relation::Above(way)) => match rel.strip_prefix(way) {
                Ok(rest) => (&b""[..], rest),
                Err(_) => return false,
            },
            _ => return false,
        };
        let rest = rest.as_os_str().as_bytes();
        // A name that starts with a dash would be taken for a flag.
        if base.is_empty() && (rest.is_empty() || rest[0] == b'-') {
            into.extend_from_slice(if rest.is_empty() { b"." } else { b"./" });
        }
        into.extend_from_slice(base);
        if !base.is_empty() && !rest.is_empty() {
            into.push(b'/');
        }
        into.extend_from_slice(rest);
        true
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

/// One ingredient of a toolchain's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is: `cc1`, `as`, `libLLVM-14.so.1`, `specs`, `target`.
    pub name: String,
    /// Its content (or that of a text that stands for it).
    pub digest: Digest,
}

/// What stands for a toolchain in keys: one per toolchain, kind of action and language (law 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// For people: `gcc 12.2.0, compile C`.
    pub name: String,
    /// The digest of its parts.
    pub digest: Digest,
    /// What it was made of.
    pub parts: Vec<Part>,
    /// The files among its parts: checked again after a command ran.
    pub files: Vec<PathId>,
}

impl Identity {
    /// The identity that `parts` make.
    pub fn new(name: impl Into<String>, parts: Vec<Part>, files: Vec<PathId>) -> Self {
        let mut encoder = Encoder::for_digest("rekindle toolchain identity 1");
        encoder.list(&parts, |e, part| {
            e.bytes(part.name.as_bytes()).digest(&part.digest);
        });
        Self { name: name.into(), digest: encoder.finish(), parts, files }
    }
}

/// How a command tells what it read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DepfileFormat {
    /// A file in make syntax. It is an error if the command did not write it.
    Make(PathId),
    /// The same, written by GNU as (`--MD`) for text that a compiler gave it: it names the compiler's source by its
    /// last component alone, wherever that lies.
    Assembler(PathId),
    /// Lines of the command's output, as `ld --trace` prints them; they are taken out of what is shown.
    Trace,
}

impl DepfileFormat {
    /// The file that the command writes, if it does.
    pub fn path(&self) -> Option<PathId> {
        match self {
            Self::Make(path) | Self::Assembler(path) => Some(*path),
            Self::Trace => None,
        }
    }
}

/// What an action reads beyond its declared inputs, and how that is found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// The files or lines in which the command tells what it read. Empty: the declared inputs are complete.
    pub depfiles: Vec<DepfileFormat>,
    /// Where headers or libraries are searched, so that one that appears earlier is noticed (law 5).
    pub search: Option<Search>,
    /// Whether the files that were read are C-family or assembler text, to be scanned for what no depfile tells.
    pub scan: bool,
    /// Whether `.incbin` payloads are named by the depfiles (GNU as does, clang's own assembler does not).
    pub incbin_in_depfile: bool,
    /// Whether inline assembler is kept as text until the output is linked (link-time optimization), so that it is the
    /// link that reads what `.incbin` names.
    pub assembled_later: bool,
    /// Names that were searched besides those of files that were read (`libm.so` where `libm.a` was found).
    pub also_searched: Vec<Vec<u8>>,
    /// Files that it reads if they are there, and tells nobody of. They follow from the command.
    pub maybe: Vec<PathId>,
    /// Mentions of a date or a time whose value the keyed environment fixes (`SOURCE_DATE_EPOCH`, where the compiler
    /// honours it), so that they make no result volatile.
    pub fixed: Mentions,
}

/// An absolute path on the command line that no prefix map takes out of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The root that it lies in.
    pub root: RootId,
    /// The argument that carries it, for people; roots by name.
    pub by: String,
    /// Whether it is taken to be in every result (bytecode, debug information); else only in that of files which ask
    /// for their own names (`__FILE__` and the like).
    pub always: bool,
}

/// One command with everything that its result depends on.
#[derive(Clone, Debug)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// For people: `src/main.c`, `libutil.a`; shown behind the kind.
    pub name: String,
    /// The program and its arguments. The program is a path, or text for the file system's own absolute name.
    pub argv: Vec<Arg>,
    /// The keyed part of the environment, sorted by name. What is passed but not keyed is added by the engine.
    pub env: Vec<(OsString, Arg)>,
    /// The directory in which it runs.
    pub cwd: PathId,
    /// The toolchain that runs; none for a custom command, whose program is an input.
    pub identity: Option<Arc<Identity>>,
    /// Files that it reads for certain, in order.
    pub inputs: Vec<PathId>,
    /// Files that must be up to date before it starts, and count only if it turns out to read them.
    pub order_only: Vec<PathId>,
    /// Files that it writes. The first one names the action in the journal.
    pub outputs: Vec<PathId>,
    /// Symbolic links that are made when it has succeeded: where, and the text of the link.
    pub links: Vec<(PathId, PathBuf)>,
    /// How it tells what else it read.
    pub discovery: Discovery,
    /// Why its result holds only on this machine and at these paths (a flag that no table knows).
    pub local: Option<String>,
    /// Whether its result may be shared if nothing else forbids that; a person may say no.
    pub share: bool,
    /// Absolute paths that it carries into its result, as far as that is known before it runs.
    pub exposed: Vec<Exposure>,
    /// The pool that limits how many of its kind run at once.
    pub pool: Option<String>,
    /// Whether its program understands `@file`, so that a long command line can be passed in one.
    pub response_file: bool,
    /// How another build tool is run; for [`ActionKind::AutoArchive`] alone.
    pub auto: Option<Box<AutoBuild>>,
}

impl Action {
    /// An action with a kind, a name, a command line, a working directory and outputs, and nothing else.
    pub fn new(
        kind: ActionKind,
        name: impl Into<String>,
        argv: Vec<Arg>,
        cwd: PathId,
        outputs: Vec<PathId>,
    ) -> Self {
        Self {
            kind,
            name: name.into(),
            argv,
            env: Vec::new(),
            cwd,
            identity: None,
            inputs: Vec::new(),
            order_only: Vec::new(),
            outputs,
            links: Vec::new(),
            discovery: Discovery::default(),
            local: None,
            share: true,
            exposed: Vec::new(),
            pool: None,
            response_file: false,
            auto: None,
        }
    }

    /// Whether it matters which of its inputs may be executed. A compiler does not look; a command of a person's may
    /// run them, or copy them with their modes.
    pub fn modes_count(&self) -> bool {
        matches!(self.kind, ActionKind::Custom | ActionKind::AutoArchive)
    }

    /// The declared inputs that may be executed, as they were seen last, where that counts.
    pub fn executables(&self, files: &Files) -> Vec<PathId> {
        let inputs = self.inputs.iter().copied().filter(|_| self.modes_count());
        inputs.filter(|path| files.is_executable(*path)).collect()
    }

    /// Its command as keys and stamps hold it.
    pub fn command(&self, files: &mut Files) -> Command {
        let spelling = Spelling::new(files, self.cwd);
        self.command_spelled(files, &spelling)
    }

    /// [`Action::command`] with a [`Spelling`] for its working directory that is at hand.
    pub fn command_spelled(&self, files: &mut Files, spelling: &Spelling) -> Command {
        let mut name = |arg: &Arg| {
            let text = arg.name(files, spelling);
            files.text_id(&text)
        };
        let argv = self.argv.iter().map(&mut name).collect();
        let values: Vec<TextId> = self.env.iter().map(|(_, value)| name(value)).collect();
        let before = self.auto.iter().flat_map(|auto| &auto.before);
        let before: Vec<Vec<TextId>> = before.map(|words| words.iter().map(&mut name).collect()).collect();
        let cwd = name(&Arg(vec![Piece::Absolute(self.cwd)]));
        let products = self.outputs.iter().map(|output| Arg(vec![Piece::Absolute(*output)]));
        let links = self.links.iter().map(|(link, target)| {
            let target = target.as_os_str().as_bytes().to_vec();
            Arg(vec![Piece::Absolute(*link)]).then_text(" -> ").then(Piece::Text(target))
        });
        let produces = products.chain(links).map(|product| name(&product)).collect();
        let env = self.env.iter().zip(values);
        let mut env: Vec<(TextId, TextId)> =
            env.map(|((key, _), value)| (files.text_id(key.as_bytes()), value)).collect();
        for (at, words) in before.into_iter().enumerate() {
            let number = files.text_id(format!("=before {at}").as_bytes());
            env.extend(words.into_iter().map(|word| (number, word)));
        }
        let facts = self.auto.iter().flat_map(|auto| &auto.facts);
        env.extend(facts.map(|(fact, value)| (files.text_id(&fact.name()), files.text_id(value))));
        Command::new(self.kind, argv, env, cwd, produces, files)
    }
}

/// A command as keys and stamps hold it: every path by the name of its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The digest of everything below, and of the kind.
    pub digest: Digest,
    /// Program and arguments.
    pub argv: Vec<TextId>,
    /// Keyed environment variables and their values.
    pub env: Vec<(TextId, TextId)>,
    /// Working directory.
    pub cwd: TextId,
    /// What it writes: outputs, then links with their targets.
    pub produces: Vec<TextId>,
}

impl Command {
    /// Digests a command: domain `rekindle command 1`, kind, argv, environment, directory, products, each text in full.
    pub fn new(
        kind: ActionKind,
        argv: Vec<TextId>,
        env: Vec<(TextId, TextId)>,
        cwd: TextId,
        produces: Vec<TextId>,
        files: &Files,
    ) -> Self {
        let mut encoder = Encoder::for_digest("rekindle command 1");
        let text = |encoder: &mut Encoder, id: TextId| {
            encoder.bytes(files.text(id));
        };
        encoder.u8(kind.code());
        encoder.list(&argv, |e, id| text(e, *id));
        encoder.list(&env, |e, (name, value)| {
            text(e, *name);
            text(e, *value);
        });
        text(&mut encoder, cwd);
        encoder.list(&produces, |e, id| text(e, *id));
        Self { digest: encoder.finish(), argv, env, cwd, produces }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::Roots;

    fn files() -> Files {
        let mut files = Files::new(Roots::new("/w", "/w/.rekindle/build/debug"));
        files.path(Roots::WORKSPACE, "");
        files
    }

    fn shown(arg: &Arg, files: &Files) -> (String, String) {
        let cwd = files.find(Roots::WORKSPACE, std::path::Path::new("")).unwrap();
        let spelling = Spelling::new(files, cwd);
        let spelled = arg.spell(files, &spelling).into_string().unwrap();
        (spelled, String::from_utf8(arg.name(files, &spelling)).unwrap())
    }

    #[test]
    fn a_path_below_the_working_directory_is_spelled_relatively_and_any_other_by_its_root() {
        let mut files = files();
        let source = files.path(Roots::WORKSPACE, "src/a.c");
        let foreign = files.path(Roots::OUTSIDE, "opt/x.h");
        let top = files.path(Roots::WORKSPACE, "");
        let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
        assert_eq!(shown(&Arg::path(source), &files), pair("src/a.c", "src/a.c"));
        assert_eq!(shown(&Arg::joined("-I", foreign), &files), pair("-I/opt/x.h", "-I<outside>/opt/x.h"));
        let map = Arg::text("-ffile-prefix-map=").then(Piece::Absolute(top)).then_text("=.");
        assert_eq!(shown(&map, &files), pair("-ffile-prefix-map=/w=.", "-ffile-prefix-map=<ws!>=."));
        assert_eq!(shown(&Arg::joined("-I", top), &files), pair("-I.", "-I."));
    }

    #[test]
    fn a_root_below_the_working_directory_is_spelled_from_there_and_one_above_it_absolutely() {
        let mut files = files();
        let object = files.path(Roots::BUILD, "obj/a.o");
        let sub = files.path(Roots::WORKSPACE, "sub");
        let beside = files.path(Roots::WORKSPACE, "src/a.c");
        let within = files.path(Roots::WORKSPACE, "sub/a.c");
        assert_eq!(shown(&Arg::path(object), &files).1, ".rekindle/build/debug/obj/a.o");
        let spelling = Spelling::new(&files, sub);
        let spelled = |path: PathId| Arg::path(path).spell(&files, &spelling).into_string().unwrap();
        assert_eq!([spelled(within), spelled(beside), spelled(sub)], ["a.c", "/w/src/a.c", "."]);
        assert_eq!(spelled(object), "/w/.rekindle/build/debug/obj/a.o");
    }

    #[test]
    fn text_never_looks_like_a_named_root() {
        let mut files = files();
        let foreign = files.path(Roots::OUTSIDE, "opt");
        let named = shown(&Arg::path(foreign), &files).1;
        assert_ne!(shown(&Arg::text(&named), &files).1, named);
    }

    #[test]
    fn a_source_that_starts_with_a_dash_is_not_taken_for_a_flag() {
        let mut files = files();
        let odd = files.path(Roots::WORKSPACE, "-x.c");
        assert_eq!(shown(&Arg::path(odd), &files).0, "./-x.c");
    }

    #[test]
    fn the_command_digest_is_golden_and_moves_with_the_workspace() {
        let mut digests = Vec::new();
        for base in ["/w", "/elsewhere"] {
            let mut files = Files::new(Roots::new(base, format!("{base}/.rekindle/build/debug")));
            let source = files.path(Roots::WORKSPACE, "a.c");
            let object = files.path(Roots::BUILD, "obj/a.o");
            let top = files.path(Roots::WORKSPACE, "");
            let argv = vec!["cc".into(), "-c".into(), Arg::path(source), "-o".into(), Arg::path(object)];
            let mut action = Action::new(ActionKind::Compile, "a.c", argv, top, vec![object]);
            action.env.push(("LC_ALL".into(), "C".into()));
            digests.push(action.command(&mut files).digest);
        }
        assert_eq!(digests[0], digests[1]);
        insta::assert_snapshot!(digests[0], @"af1b04ba4d833f9b2c24e59c746efae7b94fb7d6d9aad9a2fda4a4a9ee744521");
    }
}
