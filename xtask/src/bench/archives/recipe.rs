//! How each engine is told to build it: `rekindle.toml`, files for ninja with the other tools and without them, a
//! Makefile, and the packages of cargo.

use std::fmt::Write as _;
use std::path::Path;

use super::project::{Form, Project, VENDORED, module_name, vendor_crate};
use crate::bench::project::put;
use crate::bench::recipes::{ninja_file, ninja_out};

/// The archive that cargo makes.
pub(crate) const RUNTIME: &str = "runtime/target/release/libruntime.a";
/// The archive that make makes.
pub(crate) const VENDOR: &str = "vendor/libvendor.a";
/// How cargo is called for it.
pub(crate) const CARGO: &str = "cargo build --release --offline --quiet --manifest-path runtime/Cargo.toml";
/// Where the Makefile puts objects and program.
pub(crate) const MAKE_OUT: &str = "make-out";
/// Of rekindle's build directory, the one of the profile.
pub(crate) const REKINDLE_OUT: &str = ".rekindle/build/release";

const COMPILE: &str = "gcc -O2 -DNDEBUG -Iinclude -Ivendor -MD -MF";

/// Writes what describes the build to every engine.
pub(crate) fn write(place: &Path, project: Project, form: Form, ninjas: &[String]) -> Result<(), String> {
    match form {
        Form::C => {
            put(place, "runtime/Cargo.toml", &staticlib())?;
            put(place, "runtime/Cargo.lock", LOCK)?;
            put(place, "vendor/Makefile", &vendor())?;
            put(place, "rekindle.toml", MANIFEST)?;
            put(place, "Makefile", &makefile())?;
            for engine in ninjas {
                for external in [false, true] {
                    put(place, &ninja_file(&variant(engine, external)), &ninja(project, engine, external))?;
                }
            }
            Ok(())
        }
        Form::Crate | Form::Workspace => twin(place, project, form),
    }
}

/// One file for ninja starts the other tools in every build, one not.
pub(crate) fn variant(engine: &str, external: bool) -> String {
    if external { format!("{engine}-external") } else { engine.to_owned() }
}

/// What cargo would write; a project keeps it with its sources.
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"runtime\"\nversion = \"0.1.0\"\n";

const MANIFEST: &str = r#"[project]
name = "bench"

[toolchain.host]
cc = "gcc"
ar = "ar"

[archive.runtime]
cargo = "runtime/Cargo.toml"

[archive.vendor]
make = "vendor"
targets = ["libvendor.a"]
outputs = ["vendor/libvendor.a"]
include = ["vendor"]

[executable.app]
sources = ["src/*.c"]
private-include = ["include"]
deps = ["runtime", "vendor"]
"#;

/// The first word of each description is the kind of the command: it is what is printed, and counted from.
fn ninja(project: Project, engine: &str, external: bool) -> String {
    let out = ninja_out(&variant(engine, external));
    let mut text = format!("ninja_required_version = 1.10\nbuilddir = {out}\n\n");
    let _ = writeln!(text, "rule compile\n  command = {COMPILE} $out.d -c $in -o $out");
    text.push_str("  description = compile $out\n  depfile = $out.d\n  deps = gcc\n");
    text.push_str("rule link\n  command = gcc -o $out $in\n  description = link $out\n\n");
    if external {
        text.push_str("rule external\n  command = $run\n  description = external $out\n  restat = 1\n");
        text.push_str("build always: phony\n");
        let _ = writeln!(text, "build {RUNTIME}: external always\n  run = {CARGO}");
        let _ = writeln!(text, "build {VENDOR}: external always\n  run = make -s -C vendor libvendor.a\n");
    }
    let mut objects = String::new();
    for name in (0..project.modules).map(module_name).chain(["main".to_owned()]) {
        let _ = writeln!(text, "build {out}/{name}.o: compile src/{name}.c");
        let _ = write!(objects, " {out}/{name}.o");
    }
    let _ = writeln!(text, "build {out}/app: link{objects} {RUNTIME} {VENDOR}\ndefault {out}/app");
    text
}

/// As ninja with the other tools: they are started in every build, and what they leave unchanged links nothing.
fn makefile() -> String {
    format!(
        "objects := $(patsubst src/%.c,{MAKE_OUT}/%.o,$(wildcard src/*.c))\n\n\
         {MAKE_OUT}/app: $(objects) {RUNTIME} {VENDOR}\n\t@echo link $@\n\t@gcc -o $@ $^\n\n\
         {MAKE_OUT}/%.o: src/%.c | {MAKE_OUT}\n\t@echo compile $@\n\t@{COMPILE} $@.d -c $< -o $@\n\n\
         {MAKE_OUT}:\n\t@mkdir -p $@\n\n\
         {RUNTIME}: always\n\t@echo external $@\n\t@+{CARGO}\n\n\
         {VENDOR}: always\n\t@echo external $@\n\t@$(MAKE) -s --no-print-directory -C vendor libvendor.a\n\n\
         always:\n.PHONY: always\n\n-include $(objects:=.d)\n"
    )
}

fn vendor() -> String {
    let objects: Vec<String> = (0..VENDORED).map(|part| format!("part_{part}.o")).collect();
    format!(
        "objects = mix.o {}\n\nlibvendor.a: $(objects)\n\trm -f $@\n\tar rcsD $@ $(objects)\n\n\
         %.o: %.c vendor.h\n\tgcc -O2 -c $< -o $@\n",
        objects.join(" ")
    )
}

/// A package is its own workspace: other ones lie above it.
fn package(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{more}")
}

fn staticlib() -> String {
    package("runtime", "\n[lib]\ncrate-type = [\"staticlib\"]\n\n[workspace]\n")
}

/// The program again, in Rust alone: the archives are crates that it depends on.
fn twin(place: &Path, project: Project, form: Form) -> Result<(), String> {
    for name in ["runtime", "vendor"] {
        put(place, &format!("{name}/Cargo.toml"), &package(name, ""))?;
    }
    put(place, "vendor/src/lib.rs", &vendor_crate())?;
    let parts = if form == Form::Workspace { project.parts() } else { 0 };
    let (mut needs, mut members) = (String::from("\n[dependencies]\n"), String::new());
    for name in ["runtime".to_owned(), "vendor".to_owned()].into_iter().chain((0..parts).map(part_name)) {
        let _ = writeln!(needs, "{name} = {{ path = \"{name}\" }}");
        let _ = write!(members, "\"{name}\", ");
    }
    let workspace = format!("\n[workspace]\nmembers = [{}]\n", members.trim_end_matches(", "));
    put(place, "Cargo.toml", &package("app", &(needs + &workspace)))?;
    let mut main = String::from("//! The program.\n\n");
    for part in 0..parts {
        put(place, &format!("{}/Cargo.toml", part_name(part)), &package(&part_name(part), ""))?;
        let mut root = String::from("//! Some modules of the program.\n\n");
        modules(&mut root, project.members(part), "pub ");
        put(place, &format!("{}/src/lib.rs", part_name(part)), &root)?;
    }
    if form == Form::Crate {
        modules(&mut main, 0..project.modules, "");
    }
    main.push_str("\nfn main() {\n    let mut x = 1;\n");
    for module in 0..project.modules {
        let name = module_name(module);
        match form {
            Form::Workspace => {
                let part =
                    part_name((0..parts).find(|part| project.members(*part).contains(&module)).unwrap_or(0));
                let _ = writeln!(main, "    x = {part}::{name}::{name}(x);");
            }
            _ => {
                let _ = writeln!(main, "    x = {name}::{name}(x);");
            }
        }
    }
    main.push_str("    println!(\"{:016x}\", vendor::vendor_mix(runtime::runtime_mix(x)));\n}\n");
    put(place, "src/main.rs", &main)
}

fn part_name(part: usize) -> String {
    format!("part_{part:02}")
}

fn modules(text: &mut String, modules: std::ops::Range<usize>, visibility: &str) {
    for module in modules {
        let _ = writeln!(text, "{visibility}mod {};", module_name(module));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ninja_starts_the_other_tools_in_one_of_its_files_alone() {
        let project = Project { modules: 3 };
        let (without, with) = (ninja(project, "ninja", false), ninja(project, "ninja", true));
        assert_eq!([&without, &with].map(|text| text.matches(": compile ").count()), [4, 4]);
        assert_eq!([&without, &with].map(|text| text.matches(": external ").count()), [0, 2]);
        assert!(with.contains("builddir = ninja-external-out\n"), "{with}");
    }

    #[test]
    fn the_workspace_has_a_crate_for_every_fifty_modules() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), Project { modules: 60 }, Form::Workspace, &[]).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("part_01/src/lib.rs").matches("pub mod ").count(), 10);
        assert!(read("src/main.rs").contains("x = part_01::module_0059::module_0059(x);"));
        assert_eq!(read("Cargo.toml").matches("path = ").count(), 4);
    }
}
