//! Which absolute paths a command carries into its result, past all prefix maps.
//!
//! The output scan finds a path that stands in a product as it is. What it cannot find is in compressed bytecode, is
//! packed by bits (constants in LLVM's bytecode), or came into the code by way of `sizeof __FILE__` and the like; so
//! the result of a command that carries such a path is bound to the path's root whatever the scan says.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use rekindle_fingerprint::action::{Arg, Exposure, Piece, Spelling};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::{Root, RootId, Roots};

use crate::command::TMPDIR;
use crate::flags::Treated;
use crate::maps::Maps;
use crate::toolchain::{Family, Toolchain};

/// Flags by which the path of the counters' file comes into an object.
const COUNTERS: [&str; 4] = ["--coverage", "-coverage", "-fprofile-arcs", "-fprofile-generate"];

/// What the names of all flags that map paths end with.
const MAP: &[u8] = b"prefix-map";

/// Whether the program that is made writes counters to a file beside the object.
pub(crate) fn counts(args: &[Arg]) -> bool {
    counter(args).is_some()
}

/// The flag that makes it do so.
fn counter(args: &[Arg]) -> Option<&'static str> {
    let is_given = |flag: &&&str| {
        args.iter().any(|arg| match arg.0.first() {
            Some(Piece::Text(text)) => {
                let rest = text.strip_prefix(flag.as_bytes());
                rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'=')
            }
            _ => false,
        })
    };
    COUNTERS.iter().find(is_given).copied()
}

/// What of a command may show in its result.
pub(crate) struct Carried<'c> {
    pub(crate) treated: &'c Treated,
    /// The arguments that are looked at: not the program, its maps, and the names of what it writes.
    pub(crate) args: Vec<Arg>,
    /// The environment, likewise.
    pub(crate) env: &'c [(OsString, Arg)],
    /// The source, for a compile that has one.
    pub(crate) source: Option<PathId>,
    pub(crate) object: PathId,
    pub(crate) cwd: PathId,
    pub(crate) lto: bool,
    /// Whether the program that is made writes counters to a file beside the object.
    pub(crate) counts: bool,
    /// Whether headers are read.
    pub(crate) preprocessed: bool,
}

struct Finder<'f> {
    files: &'f Files,
    spelling: Spelling,
    found: Vec<Exposure>,
}

impl Finder<'_> {
    fn add(&mut self, root: RootId, by: impl Into<String>, always: bool) {
        let new = Exposure { root, by: by.into(), always };
        match self.found.iter_mut().find(|known| known.root == root) {
            Some(known) if known.always || !always => {}
            Some(known) => *known = new,
            None => self.found.push(new),
        }
    }

    fn root(&self, id: RootId) -> &Root {
        self.files.roots().get(id)
    }

    /// Whether a root's place differs from machine to machine.
    fn moves(&self, id: RootId) -> bool {
        let root = self.root(id);
        id != Roots::OUTSIDE && root.is_placed() && !root.is_system()
    }

    /// The roots that move and that an argument names absolutely, with the argument for people.
    fn absolute(&self, arg: &Arg) -> Vec<RootId> {
        let one = |piece: &Piece| match piece {
            Piece::Path(path) | Piece::Absolute(path) => {
                let spelled = Arg(vec![piece.clone()]).spell(self.files, &self.spelling);
                let root = self.files.root(*path);
                (spelled.as_bytes().starts_with(b"/") && self.moves(root)).then_some(root)
            }
            Piece::Text(_) => None,
        };
        arg.0.iter().filter_map(one).collect()
    }

    fn shown(&self, arg: &Arg) -> String {
        String::from_utf8_lossy(&arg.name(self.files, &self.spelling)).into_owned()
    }

    /// What it lies in besides: a map of that changes what shows of it.
    fn holders(&self, id: RootId, maps: &Maps) -> Vec<RootId> {
        let path = &self.root(id).path;
        maps.roots.iter().copied().filter(|holder| path.starts_with(&self.root(*holder).path)).collect()
    }
}

impl Toolchain {
    /// What a compile carries into its result.
    pub(crate) fn exposed_by_compile(
        &self,
        carried: &Carried<'_>,
        maps: &Maps,
        files: &Files,
    ) -> Vec<Exposure> {
        let mut finder = Finder { files, spelling: Spelling::new(files, carried.cwd), found: Vec::new() };
        let candidates = self.candidates(carried, &finder);
        let seen = carried.treated.debug || carried.lto;
        // Names of files for messages of a running program are in no map, and in bytecode nobody finds them.
        let checks = carried.lto && is_given(&carried.args, b"-fsanitize");
        for (root, by) in &candidates {
            if !maps.covers(finder.root(*root), files.roots()) {
                finder.add(*root, by.as_str(), seen);
                for holder in finder.holders(*root, maps) {
                    finder.add(holder, by.as_str(), seen);
                }
            } else if checks {
                finder.add(*root, "-fsanitize", true);
            } else if !maps.names {
                finder.add(*root, by.as_str(), false);
            }
        }
        let is_workspace_hidden = maps.hides || maps.roots.contains(&Roots::WORKSPACE);
        if seen && !is_workspace_hidden {
            finder.add(Roots::WORKSPACE, "the working directory", true);
        }
        if carried.counts {
            let object = Arg::path(carried.object);
            let root = finder.absolute(&object).first().copied().unwrap_or(Roots::WORKSPACE);
            finder.add(root, counter(&carried.args).unwrap_or("--coverage"), true);
        }
        if let Some(source) = carried.source.filter(|_| carried.lto && self.family == Family::Clang) {
            for root in finder.absolute(&Arg::path(source)) {
                finder.add(root, finder.shown(&Arg::path(source)), true);
            }
        }
        self.own_maps(&carried.args, &candidates, seen, &mut finder);
        finder.found
    }

    /// What a link carries into its result. What else comes into it from the command line is there as it is, and the
    /// scan finds it: bytecode has become code.
    pub(crate) fn exposed_by_link(&self, carried: &Carried<'_>, files: &Files) -> Vec<Exposure> {
        let mut finder = Finder { files, spelling: Spelling::new(files, carried.cwd), found: Vec::new() };
        for arg in carried.args.iter().filter(|arg| is_run_path(arg)) {
            for root in finder.absolute(arg) {
                finder.add(root, finder.shown(arg), true);
            }
        }
        for (name, value) in carried.env.iter().filter(|(name, _)| name == "LD_RUN_PATH") {
            for root in finder.absolute(value) {
                finder.add(root, name.to_string_lossy(), true);
            }
        }
        finder.found
    }

    /// The roots that may show in a compile's result, each with what carries it.
    fn candidates(&self, carried: &Carried<'_>, finder: &Finder<'_>) -> Vec<(RootId, String)> {
        let mut candidates: Vec<(RootId, String)> = Vec::new();
        let mut add = |root: RootId, by: String| {
            if !candidates.iter().any(|(known, _)| *known == root) {
                candidates.push((root, by));
            }
        };
        for arg in carried.args.iter().filter(|arg| !is_map(arg)) {
            for root in finder.absolute(arg) {
                add(root, finder.shown(arg));
            }
        }
        for (name, value) in carried.env.iter().filter(|(name, _)| name != TMPDIR) {
            for root in finder.absolute(value) {
                add(root, name.to_string_lossy().into_owned());
            }
        }
        let own = [self.roots.install, self.roots.sysroot];
        for root in own.into_iter().filter(|root| carried.preprocessed && finder.moves(*root)) {
            add(root, format!("the compiler's own headers, of {}", finder.root(root).name));
        }
        candidates
    }

    /// A person's own map that fits the start of a root's path, and not the whole, takes the place of ours, and what is
    /// left of the path shows.
    fn own_maps(&self, args: &[Arg], candidates: &[(RootId, String)], seen: bool, finder: &mut Finder<'_>) {
        let own = [self.roots.install, self.roots.sysroot].into_iter().filter(|root| finder.moves(*root));
        let roots: Vec<RootId> = candidates
            .iter()
            .map(|(root, _)| *root)
            .chain(own)
            .chain([Roots::WORKSPACE, Roots::BUILD])
            .collect();
        for (at, arg) in args.iter().enumerate().filter(|(_, arg)| is_map(arg)) {
            // The assembler's own flag may have its value in a word behind it.
            for word in &args[at..args.len().min(at + 4)] {
                let text = word.spell(finder.files, &finder.spelling);
                let text = text.as_bytes();
                let rest = position(text, MAP).map_or(text, |start| &text[start + MAP.len()..]);
                let value = rest.strip_prefix(b"=").or_else(|| rest.strip_prefix(b",")).unwrap_or(rest);
                let Some(end) = value.iter().position(|byte| *byte == b'=') else { continue };
                let old = &value[..end];
                for root in &roots {
                    let path = finder.root(*root).path.as_os_str().as_bytes();
                    if path.starts_with(old) && path != old {
                        finder.add(*root, finder.shown(arg), seen);
                    }
                }
            }
        }
    }
}

/// Whether a flag is given that starts so.
fn is_given(args: &[Arg], start: &[u8]) -> bool {
    args.iter().any(|arg| matches!(arg.0.first(), Some(Piece::Text(text)) if text.starts_with(start)))
}

fn is_map(arg: &Arg) -> bool {
    has_text(arg, MAP)
}

fn is_run_path(arg: &Arg) -> bool {
    has_text(arg, b"-rpath,") || has_text(arg, b"-rpath=")
}

fn has_text(arg: &Arg, wanted: &[u8]) -> bool {
    arg.0.iter().any(|piece| matches!(piece, Piece::Text(text) if position(text, wanted).is_some()))
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}
