//! Prefix maps: the flags that keep this machine's paths out of what compilers write.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Arg, Piece};
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::{Root, RootId, Roots};

use crate::request::Language;
use crate::toolchain::{Family, Toolchain};

/// The working directory of every process, by the same name everywhere (Linux).
pub(crate) const HERE: &str = "/proc/self/cwd";

/// The maps of one command.
#[derive(Debug, Default)]
pub(crate) struct Maps {
    /// The flags.
    pub(crate) args: Vec<Arg>,
    /// The roots that they map.
    pub(crate) roots: Vec<RootId>,
    /// Whether they hold for `__FILE__` too, and not for debug information alone.
    pub(crate) names: bool,
    /// Whether the compiler is given [`HERE`] as the name of its working directory.
    pub(crate) hides: bool,
}

/// Whether a root is where another build tool works or keeps what it downloads: no compile of ours reads there.
fn is_of_build_tools(root: &Root) -> bool {
    root.name.starts_with("work.") || root.name == "home.cargo"
}

impl Maps {
    /// Whether everything below a root that lies in `root` has a name of its own in debug information.
    pub(crate) fn covers(&self, root: &Root, roots: &Roots) -> bool {
        self.roots.iter().any(|id| {
            let mapped = roots.get(*id);
            // Where a root lies in the workspace is in the command line.
            mapped.path == root.path || (*id == Roots::WORKSPACE && root.path.starts_with(&mapped.path))
        })
    }
}

impl Toolchain {
    /// Maps that take this machine's paths out of products: the workspace becomes `.`, and every other root that is
    /// not a place of the system becomes its name.
    ///
    /// gcc before 8 and clang before 10 map paths in debug information only; there `__FILE__` stays what it is.
    /// `keeps_directory` says that the product has to tell where it was made.
    pub(crate) fn maps(
        &self,
        language: Language,
        lto: bool,
        keeps_directory: bool,
        files: &mut Files,
    ) -> Maps {
        let newer = self.maps_names();
        let assembles = matches!(language, Language::Assembler | Language::AssemblerCpp);
        let mut flags: Vec<&str> = Vec::new();
        if newer && language != Language::Assembler {
            flags.push("-ffile-prefix-map=");
        }
        // gcc hands the wider flag to the assembler since 12 only; the older one always.
        if !newer || assembles {
            flags.push("-fdebug-prefix-map=");
        }
        let hides = !keeps_directory && self.hides_directory(lto, files.roots());
        let mut maps = Maps { names: newer, hides, ..Maps::default() };
        // Before 12, gcc writes these flags into bytecode, where they do what they are to prevent.
        if !(lto && self.family == Family::Gcc && !self.version.at_least(12, 0)) {
            for (root, new) in self.mapped_roots(files.roots()) {
                if hides && !newer && root == Roots::WORKSPACE {
                    continue;
                }
                let old = files.path(root, "");
                for flag in &flags {
                    maps.args.push(Arg::text(flag).then(Piece::Absolute(old)).then_text(&format!("={new}")));
                }
                maps.roots.push(root);
            }
        }
        if self.records_maps() && !maps.args.is_empty() {
            maps.args.push("-gno-record-gcc-switches".into());
        }
        if maps.hides {
            maps.args.push(Arg::text(format!("{}{HERE}=.", flags[0])));
        }
        // The directory in assembler's debug information is in no map of clang 14.
        if assembles && self.family == Family::Clang && self.version.at_least(13, 0) {
            maps.args.push("-fdebug-compilation-dir=.".into());
        }
        maps
    }

    /// The map for a command that reads no source, and has bytecode to turn into code.
    pub(crate) fn directory_map(&self) -> Maps {
        let flag = if self.maps_names() { "-ffile-prefix-map=" } else { "-fdebug-prefix-map=" };
        let args = vec![Arg::text(format!("{flag}{HERE}=."))];
        Maps { args, hides: true, ..Maps::default() }
    }

    /// Whether it has a flag that maps paths in `__FILE__` too.
    fn maps_names(&self) -> bool {
        match self.family {
            Family::Gcc => self.version.at_least(8, 0),
            Family::Clang => self.version.at_least(10, 0),
        }
    }

    /// Whether the compiler is given another name for its working directory, taken from `PWD` if that is the same
    /// directory: gcc writes it into bytecode, past all maps; before 8, it writes the map into debug information; and no
    /// map can name a workspace with a `=` in its path.
    fn hides_directory(&self, lto: bool, roots: &Roots) -> bool {
        (lto && self.family == Family::Gcc)
            || self.records_maps()
            || !can_be_mapped(&roots.get(Roots::WORKSPACE).path)
    }

    /// Whether its maps are among the flags that debug information tells.
    fn records_maps(&self) -> bool {
        self.family == Family::Gcc && !self.version.at_least(8, 0)
    }

    /// Whether of two maps that fit the later one is taken. clang before 17 takes the one with the shorter prefix.
    fn last_map_wins(&self) -> bool {
        self.family == Family::Gcc || self.version.at_least(17, 0)
    }

    /// The roots that are mapped, and what they become, in the order in which the maps are given. What lies in the
    /// workspace is covered by the workspace's map. Any other root that lies in another one, or holds the workspace,
    /// is mapped only if the compiler takes the last map that fits.
    fn mapped_roots(&self, roots: &Roots) -> Vec<(RootId, String)> {
        let is_own = |id| id == self.roots.install || id == self.roots.sysroot;
        let of_some_toolchain = |root: &Root| root.name.starts_with("tc.") || root.name.starts_with("sys.");
        let mut candidates: Vec<_> = roots
            .iter()
            .filter(|(id, root)| *id != Roots::OUTSIDE && root.is_placed() && !root.is_system())
            .filter(|(id, root)| root.within.is_empty() && (is_own(*id) || !of_some_toolchain(root)))
            .filter(|(_, root)| can_be_mapped(&root.path) && !is_of_build_tools(root))
            .collect();
        let workspace = &roots.get(Roots::WORKSPACE).path;
        let holds_workspace =
            |id: RootId, root: &Root| id != Roots::WORKSPACE && workspace.starts_with(&root.path);
        let last_wins = self.last_map_wins();
        candidates.retain(|(id, root)| last_wins || !holds_workspace(*id, root));
        let mut mapped = Vec::new();
        for (id, root) in &candidates {
            let mut holders = candidates
                .iter()
                .filter(|(_, other)| other.path != root.path && root.path.starts_with(&other.path));
            let unclear = holders.any(|(holder, _)| *holder == Roots::WORKSPACE || !last_wins);
            let twin = candidates.iter().any(|(other_id, other)| other.path == root.path && other_id < id);
            if *id == Roots::WORKSPACE {
                mapped.push((*id, ".".to_string()));
            } else if !unclear && !twin {
                mapped.push((*id, format!("/{}", root.name)));
            }
        }
        outer_first(mapped, roots)
    }
}

/// The same list with each root behind those that hold it. Where none does, the order stays what it is everywhere.
fn outer_first(list: Vec<(RootId, String)>, roots: &Roots) -> Vec<(RootId, String)> {
    let mut ordered: Vec<(RootId, String)> = Vec::with_capacity(list.len());
    for item in &list {
        let path = &roots.get(item.0).path;
        let mut chain: Vec<_> =
            list.iter().filter(|(id, _)| path.starts_with(&roots.get(*id).path)).collect();
        chain.sort_by_key(|(id, _)| roots.get(*id).path.as_os_str().len());
        for link in chain {
            if !ordered.contains(link) {
                ordered.push(link.clone());
            }
        }
    }
    ordered
}

/// Whether a map can name `path` as its left side: that ends at the first `=`.
fn can_be_mapped(path: &Path) -> bool {
    !path.as_os_str().as_bytes().contains(&b'=')
}
