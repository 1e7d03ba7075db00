//! The same build told several times: `rekindle.toml`, and `NAME.ninja` for each engine that reads ninja's files.

use std::fmt::Write as _;
use std::path::Path;

use super::project::{MAIN, Project, archive_name, put, unit_path};

/// Where the outputs of an engine that reads ninja's files go.
pub(crate) fn ninja_out(engine: &str) -> String {
    format!("{engine}-out")
}

/// The build file of such an engine.
pub(crate) fn ninja_file(engine: &str) -> String {
    format!("{engine}.ninja")
}

/// The compiler and the archiver, as a command names them.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// The compiler and linker.
    pub(crate) cc: String,
    /// The archiver.
    pub(crate) ar: String,
}

/// One archive whose units get flags of their own.
#[derive(Clone, Debug)]
pub(crate) struct Flagged {
    /// Which one.
    pub(crate) archive: usize,
    /// The flags.
    pub(crate) flags: Vec<String>,
}

/// Writes all files under `root`.
pub(crate) fn write(
    root: &Path,
    project: &Project,
    tools: &Tools,
    ninjas: &[String],
    flagged: Option<&Flagged>,
) -> Result<(), String> {
    for engine in ninjas {
        put(root, &ninja_file(engine), &ninja(project, tools, &ninja_out(engine), flagged))?;
    }
    put(root, "rekindle.toml", &manifest(project, tools, flagged))
}

/// The description of each rule begins with the kind of its command: it is what these engines print, and counted from.
fn ninja(project: &Project, tools: &Tools, out: &str, flagged: Option<&Flagged>) -> String {
    let mut text = format!(
        "ninja_required_version = 1.10\nbuilddir = {out}\ncc = {}\nar = {}\ncflags =\n\n",
        tools.cc, tools.ar
    );
    text.push_str("rule compile\n  command = $cc -O2 $cflags -Iinclude -MD -MF $out.d -c $in -o $out\n");
    text.push_str("  description = compile $out\n  depfile = $out.d\n  deps = gcc\n");
    text.push_str("rule archive\n  command = $ar rcsD $out $in\n  description = archive $out\n");
    text.push_str("rule link\n  command = $cc -o $out $in\n  description = link $out\n\n");
    let mut archives = String::new();
    for archive in 0..project.archives() {
        let flags =
            flagged.filter(|flagged| flagged.archive == archive).map(|flagged| flagged.flags.join(" "));
        let mut objects = String::new();
        for unit in project.members(archive) {
            let source = unit_path(unit);
            let object = format!("{out}/{}.o", source.trim_end_matches(".c"));
            let _ = writeln!(text, "build {object}: compile {source}");
            if let Some(flags) = &flags {
                let _ = writeln!(text, "  cflags = {flags}");
            }
            let _ = write!(objects, " {object}");
        }
        let library = format!("{out}/lib{}.a", archive_name(archive));
        let _ = writeln!(text, "build {library}: archive{objects}");
        let _ = write!(archives, " {library}");
    }
    let _ = writeln!(text, "build {out}/main.o: compile {MAIN}");
    let _ = writeln!(text, "build {out}/program: link {out}/main.o{archives}");
    let _ = writeln!(text, "default {out}/program");
    text
}

fn manifest(project: &Project, tools: &Tools, flagged: Option<&Flagged>) -> String {
    let mut text = String::from("[project]\nname = \"bench\"\n\n");
    let _ = writeln!(text, "[toolchain.host]\ncc = '{}'\nar = '{}'\n", tools.cc, tools.ar);
    let names: Vec<String> = (0..project.archives()).map(archive_name).collect();
    for (archive, name) in names.iter().enumerate() {
        let _ = writeln!(text, "[library.{name}]\ntype = \"static\"\nsources = [\"src/{name}/*.c\"]");
        if let Some(flagged) = flagged.filter(|flagged| flagged.archive == archive) {
            let flags: Vec<String> = flagged.flags.iter().map(|flag| format!("'{flag}'")).collect();
            let _ = writeln!(text, "cflags = [{}]", flags.join(", "));
        }
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

    fn tools() -> Tools {
        Tools { cc: "/t/gcc".to_owned(), ar: "/t/ar".to_owned() }
    }

    #[test]
    fn both_recipes_name_every_archive_once() {
        let project = Project::new(Size { units: 250, headers: 60 });
        let ninja = ninja(&project, &tools(), "ninja-out", None);
        assert_eq!(ninja.matches(": archive").count(), 3);
        assert_eq!(ninja.matches(": compile").count(), 251);
        let manifest = manifest(&project, &tools(), None);
        assert_eq!(manifest.matches("[library.").count(), 3);
        assert!(manifest.ends_with("deps = [\"part000\", \"part001\", \"part002\"]\n"));
    }

    #[test]
    fn flags_of_one_archive_are_told_to_both_for_its_units_alone() {
        let project = Project::new(Size { units: 250, headers: 60 });
        let flagged = Flagged { archive: 2, flags: vec!["-O0".to_owned(), "-DX=1".to_owned()] };
        let ninja = ninja(&project, &tools(), "ninja-out", Some(&flagged));
        assert_eq!(ninja.matches("  cflags = -O0 -DX=1\n").count(), 50);
        let manifest = manifest(&project, &tools(), Some(&flagged));
        assert_eq!(manifest.matches("cflags = ['-O0', '-DX=1']\n").count(), 1);
    }
}
