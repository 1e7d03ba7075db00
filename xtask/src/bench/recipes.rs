//! The same build told twice: `build.ninja` and `rekindle.toml`.

use std::fmt::Write as _;
use std::path::Path;

use super::project::{MAIN, Project, archive_name, put, unit_path};

/// Where ninja's outputs go.
pub(crate) const NINJA_OUT: &str = "ninja-out";

/// The stand-in under its two names.
pub(crate) struct Tools<'a> {
    /// The compiler and linker.
    pub(crate) cc: &'a Path,
    /// The archiver.
    pub(crate) ar: &'a Path,
}

/// Writes both files under `root`.
pub(crate) fn write(root: &Path, project: &Project, tools: &Tools<'_>) -> Result<(), String> {
    put(root, "build.ninja", &ninja(project, tools))?;
    put(root, "rekindle.toml", &manifest(project, tools))
}

fn ninja(project: &Project, tools: &Tools<'_>) -> String {
    let mut text = format!(
        "ninja_required_version = 1.10\nbuilddir = {NINJA_OUT}\ncc = {}\nar = {}\n\n",
        tools.cc.display(),
        tools.ar.display()
    );
    text.push_str("rule compile\n  command = $cc -O2 -Iinclude -MD -MF $out.d -c $in -o $out\n");
    text.push_str("  depfile = $out.d\n  deps = gcc\n");
    text.push_str("rule archive\n  command = $ar rcsD $out $in\n");
    text.push_str("rule link\n  command = $cc -o $out $in\n\n");
    let mut archives = String::new();
    for archive in 0..project.archives() {
        let mut objects = String::new();
        for unit in project.members(archive) {
            let source = unit_path(unit);
            let object = format!("{NINJA_OUT}/{}.o", source.trim_end_matches(".c"));
            let _ = writeln!(text, "build {object}: compile {source}");
            let _ = write!(objects, " {object}");
        }
        let library = format!("{NINJA_OUT}/lib{}.a", archive_name(archive));
        let _ = writeln!(text, "build {library}: archive{objects}");
        let _ = write!(archives, " {library}");
    }
    let _ = writeln!(text, "build {NINJA_OUT}/main.o: compile {MAIN}");
    let _ = writeln!(text, "build {NINJA_OUT}/program: link {NINJA_OUT}/main.o{archives}");
    let _ = writeln!(text, "default {NINJA_OUT}/program");
    text
}

fn manifest(project: &Project, tools: &Tools<'_>) -> String {
    let mut text = String::from("[project]\nname = \"bench\"\n\n");
    let _ =
        writeln!(text, "[toolchain.host]\ncc = '{}'\nar = '{}'\n", tools.cc.display(), tools.ar.display());
    let names: Vec<String> = (0..project.archives()).map(archive_name).collect();
    for name in &names {
        let _ = writeln!(text, "[library.{name}]\ntype = \"static\"\nsources = [\"src/{name}/*.c\"]");
        text.push_str("private-include = [\"include\"]\n\n");
    }
    let deps: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let _ = writeln!(text, "[executable.program]\nsources = [\"{MAIN}\"]\ndeps = [{}]", deps.join(", "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::project::Size;

    #[test]
    fn both_recipes_name_every_archive_once() {
        let project = Project::new(Size { units: 250, headers: 60 });
        let tools = Tools { cc: Path::new("/t/gcc"), ar: Path::new("/t/ar") };
        let ninja = ninja(&project, &tools);
        assert_eq!(ninja.matches(": archive").count(), 3);
        assert_eq!(ninja.matches(": compile").count(), 251);
        let manifest = manifest(&project, &tools);
        assert_eq!(manifest.matches("[library.").count(), 3);
        assert!(manifest.ends_with("deps = [\"part000\", \"part001\", \"part002\"]\n"));
    }
}
