//! The roots that a toolchain adds: its own directory, and the one with its target's headers and libraries.

use std::path::{Path, PathBuf};

use rekindle_fingerprint::roots::{Root, RootId, Roots};

use crate::desk::Desk;
use crate::error::ToolchainError;
use crate::probe::Places;

/// What of `/` is the machine's own. Other software (`/opt`, home directories) lies in no root unless it is declared.
const SYSTEM: [&str; 8] = ["usr", "lib", "lib32", "lib64", "libx32", "bin", "sbin", "etc"];

/// The root of the machine's own headers, libraries and programs, shared by all toolchains without a sysroot.
pub(crate) const HOST_ROOT: &str = "sys.host";

/// The roots of one toolchain.
#[derive(Clone, Debug)]
pub(crate) struct TcRoots {
    /// Where it is installed.
    pub(crate) install: RootId,
    /// Where its target's headers and libraries are.
    pub(crate) sysroot: RootId,
    /// The directory of [`Self::install`].
    pub(crate) prefix: PathBuf,
    /// Whether others live in that directory too, so that only known parts of it are in the root.
    pub(crate) shared: bool,
}

/// The directory in which a program is installed: the parent of its `bin`.
fn prefix_of(program: &Path) -> PathBuf {
    let directory = program.parent().unwrap_or(Path::new("/"));
    match directory.file_name() {
        Some(name) if name == "bin" || name == "sbin" => {
            directory.parent().unwrap_or(directory).to_path_buf()
        }
        _ => directory.to_path_buf(),
    }
}

/// Adds the roots of a toolchain whose programs are `programs` (the C compiler first).
pub(crate) fn add(
    programs: &[&Path],
    sysroot: Option<&Path>,
    desk: &mut Desk<'_>,
) -> Result<TcRoots, ToolchainError> {
    let prefix = prefix_of(programs[0]);
    let roots = desk.files.roots();
    let holds = |id| roots.get(id).path.starts_with(&prefix);
    let shared = Root::new("", &prefix).is_system() || holds(Roots::WORKSPACE) || holds(Roots::BUILD);
    let host = Root { within: SYSTEM.iter().map(PathBuf::from).collect(), ..Root::new(HOST_ROOT, "/") };
    let name = desk.toolchain.to_string();
    let mut add = |root| {
        let added = desk.files.roots_mut().add(root);
        added.map_err(|source| ToolchainError::Root { toolchain: name.clone(), source })
    };
    let host = add(host)?;
    let target = match sysroot {
        // The host's name is taken by the machine itself.
        Some(path) if name == "host" => add(Root::new("sys.host-sysroot", path))?,
        Some(path) => add(Root::new(format!("sys.{name}"), path))?,
        None => host,
    };
    // A second resolve in one process finds the root as the first one left it.
    let known = desk.files.roots().by_name(&format!("tc.{name}"));
    let install = match known.filter(|id| desk.files.roots().get(*id).path == prefix) {
        Some(id) => id,
        None => {
            let within = programs.iter().filter_map(|path| path.strip_prefix(&prefix).ok());
            let within = if shared { within.map(Path::to_path_buf).collect() } else { Vec::new() };
            let root = Root { within, ..Root::new(format!("tc.{name}"), &prefix) };
            let added = desk.files.roots_mut().add(root);
            added.map_err(|source| ToolchainError::Root { toolchain: name.clone(), source })?
        }
    };
    let workspace = desk.workspace();
    let mut places = vec![("ws", workspace)];
    if !shared {
        places.push(("tc", prefix.clone()));
    }
    places.extend(sysroot.map(|path| ("sys", path.to_path_buf())));
    desk.places = Places::new(places);
    Ok(TcRoots { install, sysroot: target, prefix, shared })
}

impl TcRoots {
    /// Takes more of a shared directory into the root: what lies at `paths`. The table is made anew, because a root
    /// that is in it cannot be changed; every number stays what it was.
    pub(crate) fn widen(&self, paths: &[PathBuf], roots: &mut Roots) {
        if !self.shared {
            return;
        }
        let more: Vec<PathBuf> = paths
            .iter()
            .filter_map(|path| path.strip_prefix(&self.prefix).ok())
            .filter(|rel| !rel.as_os_str().is_empty())
            .map(Path::to_path_buf)
            .filter(|rel| !roots.get(self.install).within.contains(rel))
            .collect();
        if more.is_empty() {
            return;
        }
        let old: Vec<(RootId, Root)> = roots.iter().map(|(id, root)| (id, root.clone())).collect();
        let mut new = Roots::new(&roots.get(Roots::WORKSPACE).path, &roots.get(Roots::BUILD).path);
        for (id, mut root) in old {
            if id == self.install {
                root.within.extend(more.iter().cloned());
            }
            let spellings = root.spellings.clone();
            // The first three are there, under their names; every other name was accepted before.
            let added = if new.by_name(&root.name).is_some() { Ok(id) } else { new.add(root) };
            for spelling in spellings {
                new.add_spelling(added.as_ref().copied().unwrap_or(id), spelling);
            }
        }
        *roots = new;
    }
}

/// What of a shared prefix belongs to the gcc whose libraries are in `install` (`PREFIX/lib/gcc/TARGET/VERSION`).
pub(crate) fn of_gcc(prefix: &Path, install: &Path, is_cross: bool) -> Vec<PathBuf> {
    let mut names = install.iter().rev();
    let (Some(version), Some(target)) = (names.next(), names.next()) else { return vec![install.into()] };
    let mut paths = vec![
        install.to_path_buf(),
        prefix.join("libexec/gcc").join(target).join(version),
        prefix.join("include/c++").join(version),
        prefix.join("include").join(target).join("c++").join(version),
        prefix.join(target),
    ];
    if is_cross {
        paths.push(prefix.join("lib").join(target));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_parent_of_bin() {
        assert_eq!(prefix_of(Path::new("/usr/lib/llvm-14/bin/clang")), Path::new("/usr/lib/llvm-14"));
        assert_eq!(prefix_of(Path::new("/opt/gcc")), Path::new("/opt"));
    }

    #[test]
    fn a_shared_root_grows_and_every_number_stays() {
        let mut roots = Roots::new("/w", "/w/out");
        roots.add_spelling(Roots::WORKSPACE, "/link");
        let within = vec![PathBuf::from("bin/gcc")];
        let install = roots.add(Root { within, ..Root::new("tc.host", "/usr") }).unwrap();
        let other = roots.add(Root::new("sdk", "/sdk")).unwrap();
        let tc = TcRoots { install, sysroot: install, prefix: "/usr".into(), shared: true };
        let paths = of_gcc(Path::new("/usr"), Path::new("/usr/lib/gcc/avr/5"), true);
        tc.widen(&paths, &mut roots);
        tc.widen(&paths, &mut roots);
        assert_eq!(roots.locate(Path::new("/usr/lib/gcc/avr/5/include/stddef.h")).0, install);
        assert_eq!(roots.locate(Path::new("/usr/lib/avr/lib/crt.o")).0, install);
        assert_eq!(roots.locate(Path::new("/usr/lib/x.o")).0, Roots::OUTSIDE);
        assert_eq!(roots.locate(Path::new("/sdk/x")).0, other);
        assert_eq!(roots.locate(Path::new("/link/x")).0, Roots::WORKSPACE);
        assert_eq!(roots.get(install).within.len(), 1 + paths.len());
    }
}
