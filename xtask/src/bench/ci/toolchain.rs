//! Two copies of one toolchain at places whose names have nothing in common.

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::machine;
use crate::bench::measure;
use crate::bench::options::Compiler;
use crate::bench::{standin, steps};

/// What a build in C starts.
const PROGRAMS: [&str; 8] = ["gcc", "ar", "as", "ld", "ld.bfd", "nm", "ranlib", "gcc-ar"];

/// What of gcc's own folder a build in C has no use for, and is large.
const UNUSED: [&str; 9] =
    ["plugin", "cc1plus", "cc1obj", "f951", "gnat1", "d21", "g++-mapper-server", "libasan.a", "libtsan.a"];

/// The two copies; each has its programs in `bin`.
pub(crate) fn copies(root: &Path, scratch: &Path, compiler: Compiler) -> Result<(PathBuf, PathBuf), String> {
    let first = scratch.join("tools/first");
    let second = scratch.join("opt/another-place/for-the/toolchain");
    if second.is_dir() {
        steps::remove(&first)?;
        steps::remove(&second)?;
    }
    match compiler {
        Compiler::Standin => drop(standin::build(root, &first)?),
        Compiler::Gcc => gcc(&first)?,
    }
    copy(&first, &second)?;
    Ok((first, second))
}

/// The machine's gcc with all that belongs to it, as if it had been unpacked there. Headers and libraries of the
/// system stay where they are.
fn gcc(to: &Path) -> Result<(), String> {
    for name in PROGRAMS {
        let Some(found) = machine::on_path(name) else {
            return Err(format!("there is no {name}"));
        };
        copy(&real(&found)?, &to.join("bin").join(name))?;
    }
    let asked = measure::command("gcc").arg("-print-prog-name=cc1").output();
    let asked = asked.map_err(|error| format!("start gcc: {error}"))?;
    let cc1 = real(Path::new(String::from_utf8_lossy(&asked.stdout).trim()))?;
    let folder = cc1.parent().unwrap_or(&cc1);
    let below = folder.strip_prefix("/usr").map_err(|_| format!("{} is not below /usr", folder.display()))?;
    copy(folder, &to.join(below))
}

fn real(path: &Path) -> Result<PathBuf, String> {
    fs::canonicalize(path).map_err(|error| format!("find {}: {error}", path.display()))
}

/// Copies a file with its mode, or a folder with the files behind its links.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if from.is_dir() {
        let entries = fs::read_dir(from).map_err(|error| format!("read {}: {error}", from.display()))?;
        for entry in entries {
            let name = entry.map_err(|error| format!("read {}: {error}", from.display()))?.file_name();
            let is_wanted = !UNUSED.iter().any(|unused| name == *unused);
            // A link to a folder leads out, one to nothing is of no use.
            let path = from.join(&name);
            if is_wanted && (path.is_file() || (path.is_dir() && !path.is_symlink())) {
                copy(&path, &to.join(&name))?;
            }
        }
        return Ok(());
    }
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    fs::copy(from, to).map(drop).map_err(|error| format!("copy to {}: {error}", to.display()))
}
