//! The command line of a link.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Discovery, Piece};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::lookup::Search;
use rekindle_fingerprint::scan::Mentions;

use crate::command::{self, MESSAGES};
use crate::compile::{unique, with_anywhere};
use crate::error::FlagError;
use crate::exposed::Carried;
use crate::flags::{Phase, Treated};
use crate::learn::{Extra, Facts};
use crate::maps::Maps;
use crate::request::{Link, LinkInput, Lto};
use crate::toolchain::{Family, Toolchain};
use crate::variant::Need;

/// Libraries that drivers link without being told, so that their names are searched in every link.
const ALWAYS: [&str; 9] = ["gcc", "gcc_s", "gcc_eh", "c", "m", "stdc++", "c++", "pthread", "c_nonshared"];

impl Toolchain {
    /// The command that links a program or a shared library, run in `cwd`, the workspace.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn link(&self, files: &mut Files, request: &Link, cwd: PathId) -> Result<Action, FlagError> {
        let driver = self.driver(request.language)?;
        let before = self.link_flags(request, files);
        let (flags, split) = self.with_inputs(before, request);
        let treated = self.read_flags(flags, Phase::Link, cwd, files)?;
        let facts = self.facts(Need::Link(request.language), treated.selecting.clone())?.clone();
        let lto = treated.lto.unwrap_or(false);

        let mut argv = command::program(driver);
        argv.extend(MESSAGES.map(Arg::from));
        let mut maps = Maps::default();
        if lto && self.family == Family::Gcc {
            argv.push(command::seed(request.output, files));
            // The paths in bytecode were mapped when that was made; what is left is the directory.
            maps = self.directory_map();
            argv.extend(maps.args.iter().cloned());
            if !self.version.at_least(10, 0) {
                // Of parts, the names of temporary files would be in debug information. Without parallel jobs, which
                // came with 10, they save no time; and since 11 their names are made from the product's.
                argv.push("-flto-partition=none".into());
            }
        }
        argv.extend(["-o".into(), Arg::path(request.output)]);
        argv.extend(treated.args.iter().cloned());
        let run_paths = run_paths(request, files);
        argv.extend(run_paths.iter().cloned());
        let depfile = command::scratch(request.temporary, request.output, ".link.d", files);
        let traced = !facts.linker.as_ref().is_some_and(crate::learn::Linker::writes_depfile);
        let depfile = match traced {
            true => {
                argv.push("-Wl,-t".into());
                DepfileFormat::Trace
            }
            false => {
                argv.extend(["-Xlinker".into(), Arg::joined("--dependency-file=", depfile)]);
                DepfileFormat::Make(depfile)
            }
        };

        let mut outputs = vec![request.output];
        outputs.extend(treated.outputs.iter().copied());
        let mut action = Action::new(ActionKind::Link, files.show(request.output), argv, cwd, outputs);
        action.env = self.env(ActionKind::Link, &maps, files);
        if lto || self.family == Family::Clang {
            self.temporary(request.temporary, &mut action.env);
        }
        let carried = Carried {
            treated: &treated,
            args: treated.args.iter().chain(&run_paths).cloned().collect(),
            env: &action.env,
            source: None,
            object: request.output,
            cwd,
            lto,
            counts: false,
            preprocessed: false,
        };
        action.exposed = self.exposed_by_link(&carried, files);
        action.identity = Some(facts.identity(&Extra::of(&treated)));
        let mut inputs = split;
        inputs.extend(request.scripts.iter().copied());
        inputs.extend(treated.inputs.iter().copied());
        inputs.extend(spec_files(&treated, &facts, files));
        action.inputs = unique(inputs);
        action.links = request.links.clone();
        action.discovery = Discovery {
            depfiles: vec![depfile],
            search: Some(self.library_search(&treated, &facts, cwd, files)),
            scan: false,
            incbin_in_depfile: false,
            assembled_later: false,
            also_searched: searched_names(&treated),
            fixed: Mentions::default(),
            maybe: self.profiles(&treated, None, cwd, files),
        };
        let reasons = [&self.local, &treated.local, &facts.local, &self.sides_of_link(&treated)];
        action.local = reasons.into_iter().flatten().next().cloned();
        action.response_file = true;
        Ok(action)
    }

    fn link_flags(&self, request: &Link, files: &Files) -> Vec<Arg> {
        let mut flags = self.flags.clone();
        if request.mode.lto != Lto::Off {
            flags.extend(self.mode(&request.mode));
            if self.family == Family::Gcc && self.version.at_least(10, 0) {
                // As many jobs as the jobserver gives; the result is the same.
                flags.push("-flto=auto".into());
            }
        } else {
            flags.extend(self.lto_and_sanitizers(&request.mode));
        }
        if request.shared {
            flags.push("-shared".into());
            // Without one, the path by which it was linked would be looked for when a program starts.
            let own = files.rel(request.output).file_name().unwrap_or_default();
            let soname = request.soname.as_deref().map_or(own, OsStr::new);
            flags.push(Arg::text("-Wl,-soname,").then(Piece::Text(soname.as_bytes().to_vec())));
        }
        flags
    }

    /// The flags with everything that is linked in its place, and the files among that.
    fn with_inputs(&self, mut flags: Vec<Arg>, request: &Link) -> (Vec<Arg>, Vec<PathId>) {
        flags.extend(request.directories.iter().map(|directory| Arg::joined("-L", *directory)));
        let mut files = Vec::new();
        for input in &request.inputs {
            match input {
                LinkInput::File(path) => {
                    files.push(*path);
                    flags.push(Arg::path(*path));
                }
                LinkInput::WholeArchive(path) => {
                    files.push(*path);
                    let around = ["-Wl,--whole-archive", "-Wl,--no-whole-archive"].map(Arg::from);
                    let [start, end] = around;
                    flags.extend([start, Arg::path(*path), end]);
                }
                LinkInput::System(name) => flags.push(Arg::text(format!("-l{name}"))),
                LinkInput::Flag(flag) => flags.push(flag.clone()),
            }
        }
        flags.extend(request.flags.iter().cloned());
        (flags, files)
    }

    fn library_search(&self, treated: &Treated, facts: &Facts, cwd: PathId, files: &mut Files) -> Search {
        let mut dirs = treated.library_directories.clone();
        dirs.extend(self.variable_paths("LIBRARY_PATH", cwd, files));
        dirs.extend(facts.directories.iter().copied());
        let anywhere = treated.library_directories_anywhere.iter().copied();
        Search { dirs: with_anywhere(unique(dirs), anywhere), near: false }
    }
}

/// Run paths from where the product lies to the libraries that it loads, and the same directories for the linker,
/// which looks there for what those libraries load. Then the ways from where it is installed.
fn run_paths(request: &Link, files: &Files) -> Vec<Arg> {
    let mut args = Vec::new();
    for directory in &request.run_paths {
        let here = request.output;
        if files.root(here) == files.root(*directory) {
            let from = files.rel(here).parent().unwrap_or(Path::new(""));
            args.push(run_path(&way(from, files.rel(*directory))));
        } else {
            args.push(Arg::text("-Wl,-rpath,").then(Piece::Absolute(*directory)));
        }
        args.push(Arg::joined("-Wl,-rpath-link,", *directory));
    }
    if let Some(installed) = &request.installed {
        for directory in &installed.run_paths {
            let arg = run_path(&way(&installed.directory, directory));
            if !args.contains(&arg) {
                args.push(arg);
            }
        }
    }
    args
}

/// The run path of a way from where the product lies.
fn run_path(way: &Path) -> Arg {
    let mut text = b"-Wl,-rpath,$ORIGIN".to_vec();
    if !way.as_os_str().is_empty() {
        text.push(b'/');
        text.extend_from_slice(way.as_os_str().as_bytes());
    }
    Arg(vec![Piece::Text(text)])
}

/// The relative path from one directory to another; both are relative to the same root, without `..`.
fn way(from: &Path, to: &Path) -> PathBuf {
    let mut from = from.components().peekable();
    let mut to = to.components().peekable();
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    from.map(|_| Component::ParentDir).chain(to).collect()
}

/// Files such as `libgomp.spec`, which the driver reads from its directories for libraries.
fn spec_files(treated: &Treated, facts: &Facts, files: &mut Files) -> Vec<PathId> {
    let mut found = Vec::new();
    for name in &treated.specs {
        for directory in &facts.directories {
            let place = command::below(*directory, Path::new(name), files);
            if consult::is_file(&files.abs(place)) {
                found.push(place);
                break;
            }
        }
    }
    found
}

/// The names under which libraries are searched, whether they are found or not.
fn searched_names(treated: &Treated) -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    let given = treated.libraries.iter().map(Vec::as_slice);
    for library in given.chain(ALWAYS.iter().map(|name| name.as_bytes())) {
        let both = match library.strip_prefix(b":") {
            Some(exact) => vec![exact.to_vec()],
            None => [&b".so"[..], b".a"].map(|end| [&b"lib"[..], library, end].concat()).to_vec(),
        };
        for name in both {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_one_directory_to_another_is_relative() {
        let way = |from: &str, to: &str| {
            way(Path::new(from), Path::new(to)).into_os_string().into_string().unwrap()
        };
        assert_eq!(way("bin", "lib/x"), "../lib/x");
        assert_eq!(way("a/b", "a/c"), "../c");
        assert_eq!(way("a", "a"), "");
        assert_eq!(way("", "lib"), "lib");
    }
}
