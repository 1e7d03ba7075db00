//! A program of many modules with two archives that other build tools make, and its twins in Rust alone: what is in it,
//! what it computes, and the edits. All of them print the same number for the same edits, and so does the model here.

use std::fmt::Write as _;
use std::path::Path;

use crate::bench::project::put;

/// Every module has so many lines.
pub(crate) const LINES: usize = 100;
/// Functions of a module that its public one calls.
const STEPS: usize = 22;
/// Sources of the library that make builds.
pub(crate) const VENDORED: usize = 10;
/// Modules in a crate of the workspace.
const IN_A_CRATE: usize = 50;
/// Of FNV-1a.
const PRIME: u64 = 0x100_0000_01b3;

/// Which edits are made: 0 is none, and every other number gives another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    modules: Vec<u64>,
    runtime: u64,
}

/// An edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Of so many modules, spread over all.
    Modules(usize),
    /// Of the library in Rust.
    Runtime,
}

/// In what the modules are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// C, with the archives.
    C,
    /// Rust, all modules in one crate.
    Crate,
    /// Rust, in crates of 50 modules.
    Workspace,
}

/// The project, by its number of modules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Project {
    /// How many.
    pub(crate) modules: usize,
}

impl State {
    /// As it is written first.
    pub(crate) fn new(project: Project) -> State {
        State { modules: vec![0; project.modules], runtime: 0 }
    }

    /// What the program prints.
    pub(crate) fn checksum(&self) -> String {
        let sum = self.modules.iter().enumerate().fold(1, |x, (at, salt)| module(at, *salt, x));
        format!("{:016x}", (0..VENDORED).fold(runtime(self.runtime, sum), |x, part| vendored(part, x)))
    }
}

impl Edit {
    /// The modules that it changes.
    pub(crate) fn modules(self, project: Project) -> Vec<usize> {
        match self {
            Edit::Runtime => Vec::new(),
            Edit::Modules(count) => {
                let count = count.min(project.modules);
                // In the middle of equal stretches.
                (0..count).map(|at| (2 * at + 1) * project.modules / (2 * count)).collect()
            }
        }
    }
}

impl Project {
    /// Makes an edit in the model and in the tree at `place`; 0 takes it back.
    pub(crate) fn edit(
        self,
        state: &mut State,
        edit: Edit,
        salt: u64,
        places: &[(&Path, Form)],
    ) -> Result<(), String> {
        let modules = edit.modules(self);
        for module in &modules {
            if let Some(now) = state.modules.get_mut(*module) {
                *now = salt;
            }
        }
        if edit == Edit::Runtime {
            state.runtime = salt;
        }
        for (place, form) in places {
            for module in &modules {
                put(place, &self.module_path(*module, *form), &module_text(*module, salt, *form))?;
            }
            if edit == Edit::Runtime {
                put(place, RUNTIME, &runtime_text(salt, *form))?;
            }
        }
        Ok(())
    }

    /// Crates of the workspace that hold modules.
    pub(crate) fn parts(self) -> usize {
        self.modules.div_ceil(IN_A_CRATE)
    }

    /// The modules of one of them.
    pub(crate) fn members(self, part: usize) -> std::ops::Range<usize> {
        part * IN_A_CRATE..((part + 1) * IN_A_CRATE).min(self.modules)
    }

    /// The crates of the workspace that an edit changes.
    pub(crate) fn parts_of(self, edit: Edit) -> usize {
        let mut parts: Vec<usize> =
            edit.modules(self).into_iter().map(|module| module / IN_A_CRATE).collect();
        parts.dedup();
        parts.len()
    }

    fn module_path(self, module: usize, form: Form) -> String {
        let name = module_name(module);
        match form {
            Form::C => format!("src/{name}.c"),
            Form::Crate => format!("src/{name}.rs"),
            Form::Workspace => format!("part_{:02}/src/{name}.rs", module / IN_A_CRATE),
        }
    }

    /// Writes the sources of a form, in the state that is given.
    pub(crate) fn write(self, place: &Path, form: Form, state: &State) -> Result<(), String> {
        for (module, salt) in state.modules.iter().enumerate() {
            put(place, &self.module_path(module, form), &module_text(module, *salt, form))?;
        }
        put(place, RUNTIME, &runtime_text(state.runtime, form))?;
        if form == Form::C {
            put(place, "include/app.h", &self.header())?;
            put(place, "src/main.c", &self.main())?;
            put(place, "vendor/vendor.h", &vendor_header())?;
            for part in 0..VENDORED {
                put(place, &format!("vendor/part_{part}.c"), &vendor_text(part))?;
            }
            put(place, "vendor/mix.c", &vendor_mix())?;
        }
        Ok(())
    }

    fn header(self) -> String {
        "#ifndef APP_H\n#define APP_H\n\n#include <stdint.h>\n\n/* Of the library in Rust. */\n\
         uint64_t runtime_mix(uint64_t x);\n\n#endif\n"
            .to_owned()
    }

    fn main(self) -> String {
        let mut text = String::from(
            "#include <inttypes.h>\n#include <stdio.h>\n\n#include \"app.h\"\n#include \"vendor.h\"\n\n",
        );
        for module in 0..self.modules {
            let _ = writeln!(text, "uint64_t {}(uint64_t x);", module_name(module));
        }
        text.push_str("\nint main(void) {\n  uint64_t x = 1;\n");
        for module in 0..self.modules {
            let _ = writeln!(text, "  x = {}(x);", module_name(module));
        }
        text.push_str("  printf(\"%016\" PRIx64 \"\\n\", vendor_mix(runtime_mix(x)));\n  return 0;\n}\n");
        text
    }
}

/// The one source of the library in Rust.
const RUNTIME: &str = "runtime/src/lib.rs";

/// Of a module, its file and its function.
pub(crate) fn module_name(module: usize) -> String {
    format!("module_{module:04}")
}

/// The numbers of a module's step: a factor, which is odd, and what is added. No two numbers give one: all edits are told
/// apart at the end. A branch keeps optimizers from making much of it, which is not what is measured.
fn numbers(module: usize, step: usize) -> (u64, u64) {
    let seed = (module * STEPS + step) as u64;
    (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, seed + 1)
}

fn module(module: usize, salt: u64, x: u64) -> u64 {
    (0..STEPS).fold(x.wrapping_add(salt), |x, step| {
        let (factor, more) = numbers(module, step);
        let next = if x & 1 == 1 { x ^ (factor - 1) } else { x.wrapping_mul(factor) };
        next.wrapping_add(more)
    })
}

fn runtime(salt: u64, x: u64) -> u64 {
    format!("{x:016x}")
        .bytes()
        .fold(x.wrapping_add(salt), |x, byte| (x ^ u64::from(byte)).wrapping_mul(PRIME))
}

fn vendored(part: usize, x: u64) -> u64 {
    (x ^ (x >> 9)).wrapping_mul(PRIME).wrapping_add(part as u64)
}

/// A module of [`LINES`] lines.
fn module_text(module: usize, salt: u64, form: Form) -> String {
    let name = module_name(module);
    let is_c = form == Form::C;
    let mut text = match is_c {
        true => format!("#include \"app.h\"\n\nstatic const uint64_t salt = {salt}u;\n\n"),
        false => format!("//! A module of the program.\n\nconst SALT: u64 = {salt};\n\n"),
    };
    for step in 0..STEPS {
        let (factor, more) = numbers(module, step);
        let even = factor - 1;
        let _ = match is_c {
            true => writeln!(
                text,
                "static uint64_t step_{step:02}(uint64_t x) {{\n  return (x & 1 ? x ^ {even}u : x * {factor}u) + {more}u;\n}}\n"
            ),
            false => writeln!(
                text,
                "fn step_{step:02}(x: u64) -> u64 {{\n    (if x & 1 == 1 {{ x ^ {even} }} else {{ x.wrapping_mul({factor}) }}).wrapping_add({more})\n}}\n"
            ),
        };
    }
    let (head, assign) = match is_c {
        true => (format!("uint64_t {name}(uint64_t x) {{\n  x = x + salt;\n"), "  x ="),
        false => {
            (format!("pub fn {name}(x: u64) -> u64 {{\n    let x = x.wrapping_add(SALT);\n"), "    let x =")
        }
    };
    text.push_str(&head);
    for chunk in (0..STEPS).collect::<Vec<_>>().chunks(STEPS.div_ceil(4)) {
        let calls: String = chunk.iter().rev().map(|step| format!("step_{step:02}(")).collect();
        let _ = writeln!(text, "{assign} {calls}x{};", ")".repeat(chunk.len()));
    }
    text.push_str(if is_c { "  return x;\n}\n" } else { "    x\n}\n" });
    text
}

fn runtime_text(salt: u64, form: Form) -> String {
    let (attribute, call) =
        if form == Form::C { ("#[unsafe(no_mangle)]\n", "extern \"C\" ") } else { ("", "") };
    format!(
        "//! The library in Rust.\n\nconst SALT: u64 = {salt};\n\n/// Mixes the digits of a number into it.\n\
         {attribute}pub {call}fn runtime_mix(x: u64) -> u64 {{\n    let digits = format!(\"{{x:016x}}\");\n    \
         digits.bytes().fold(x.wrapping_add(SALT), |x, byte| (x ^ u64::from(byte)).wrapping_mul({PRIME}))\n}}\n"
    )
}

fn vendor_header() -> String {
    let mut text = String::from(
        "#ifndef VENDOR_H\n#define VENDOR_H\n\n#include <stdint.h>\n\nuint64_t vendor_mix(uint64_t x);\n",
    );
    for part in 0..VENDORED {
        let _ = writeln!(text, "uint64_t vendor_part_{part}(uint64_t x);");
    }
    text.push_str("\n#endif\n");
    text
}

fn vendor_text(part: usize) -> String {
    format!(
        "#include \"vendor.h\"\n\nuint64_t vendor_part_{part}(uint64_t x) {{\n  return (x ^ (x >> 9)) * {PRIME}u + {part}u;\n}}\n"
    )
}

fn vendor_mix() -> String {
    let calls: String = (0..VENDORED).rev().map(|part| format!("vendor_part_{part}(")).collect();
    format!(
        "#include \"vendor.h\"\n\nuint64_t vendor_mix(uint64_t x) {{\n  return {calls}x{};\n}}\n",
        ")".repeat(VENDORED)
    )
}

/// The library that make builds, as a crate of the twins.
pub(crate) fn vendor_crate() -> String {
    format!(
        "//! What make builds of C elsewhere.\n\n/// Mixes a number.\npub fn vendor_mix(x: u64) -> u64 {{\n    \
         (0..{VENDORED}).fold(x, |x, part| (x ^ (x >> 9)).wrapping_mul({PRIME}).wrapping_add(part))\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_module_has_a_hundred_lines_in_each_language() {
        for form in [Form::C, Form::Crate, Form::Workspace] {
            assert_eq!(module_text(7, 3, form).lines().count(), LINES, "{form:?}");
        }
    }

    #[test]
    fn every_edit_gives_another_number_and_undone_it_gives_the_first() {
        let project = Project { modules: 120 };
        let mut state = State::new(project);
        let mut seen = vec![state.checksum()];
        for (salt, edit) in [Edit::Modules(1), Edit::Modules(50), Edit::Runtime].into_iter().enumerate() {
            project.edit(&mut state, edit, salt as u64 + 1, &[]).unwrap();
            seen.push(state.checksum());
            project.edit(&mut state, edit, 0, &[]).unwrap();
            assert_eq!(state.checksum(), seen[0]);
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn edits_are_spread_and_touch_the_crates_that_they_are_in() {
        let project = Project { modules: 1000 };
        let modules = Edit::Modules(50).modules(project);
        assert_eq!((modules.len(), modules[0], modules[49]), (50, 10, 990));
        assert_eq!(Edit::Modules(1).modules(project), [500]);
        let parts = [Edit::Modules(1), Edit::Modules(50), Edit::Runtime].map(|edit| project.parts_of(edit));
        assert_eq!((project.parts(), parts), (20, [1, 20, 0]));
        assert_eq!(Edit::Modules(50).modules(Project { modules: 12 }).len(), 12);
        assert_eq!(Project { modules: 60 }.members(1), 50..60);
    }

    #[test]
    fn an_edit_changes_the_files_that_it_is_of_and_is_taken_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { modules: 3 };
        let mut state = State::new(project);
        project.write(folder.path(), Form::C, &state).unwrap();
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let before = ["src/module_0001.c", RUNTIME].map(read);
        let places = [(folder.path(), Form::C)];
        for (edit, file) in [(Edit::Modules(1), 0), (Edit::Runtime, 1)] {
            project.edit(&mut state, edit, 5, &places).unwrap();
            let after = ["src/module_0001.c", RUNTIME].map(read);
            assert_eq!([after[0] != before[0], after[1] != before[1]], [file == 0, file == 1]);
            project.edit(&mut state, edit, 0, &places).unwrap();
            assert_eq!(["src/module_0001.c", RUNTIME].map(read), before);
        }
    }
}
