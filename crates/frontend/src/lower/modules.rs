//! C++20 modules and clang's own are refused wherever a flag can come from: units that depend on each other through
//! module files have an order that nobody told us.

use rekindle_fingerprint::action::Piece;

use super::Lowering;
use super::partial::Contents;
use super::usage::Usages;
use crate::diagnostic::Diagnostic;
use crate::manifest::Text;
use crate::project::{HOST, Instance};

/// Whether a word of a compiler's command line turns modules on, or speaks of a module file.
fn is_module_flag(flag: &str) -> bool {
    let whole = ["-fcxx-modules", "--precompile", "-fimplicit-modules", "-fprebuilt-implicit-modules"];
    let begins = ["-fmodules", "-fmodule-", "-fprebuilt-module-path", "-fbuiltin-module-map", "-xc++-module"];
    whole.contains(&flag) || begins.iter().any(|start| flag.starts_with(start))
}

const HINT: &str = "take it out, and include headers instead of importing modules";

impl Lowering<'_> {
    /// Says which flag of an instance's compiles asks for modules, and where it stands.
    pub(super) fn refuse_modules(&mut self, instance: &Instance, contents: &Contents, usage: &Usages) {
        let project = self.project;
        let target = &instance.target;
        let settings = &project.settings;
        let mut texts: Vec<&Text> = Vec::new();
        if let Some(toolchain) = project.toolchains.get(&instance.toolchain) {
            texts.extend(toolchain.flags.iter().chain(&toolchain.cflags).chain(&toolchain.cxxflags));
            texts.extend(toolchain.cc.iter().chain(&toolchain.cxx));
        }
        texts.extend(settings.cflags.iter().chain(&settings.cxxflags));
        texts.extend(target.cflags.iter().chain(&target.cxxflags));
        texts.extend(target.overrides.iter().flat_map(|entry| entry.cflags.iter().chain(&entry.cxxflags)));
        for text in texts {
            if let Some(flag) = text.get_ref().split_whitespace().find(|word| is_module_flag(word)) {
                let message = format!("`{flag}`: C++20 modules are not supported");
                self.report.push(self.report.on(text, message).hint(HINT));
            }
        }
        self.refuse_modules_of_packages(instance, usage);
        if instance.toolchain == HOST && contents.compiled {
            self.refuse_modules_of_variables(contents.cxx);
        }
    }

    /// The same for the flags that packages add.
    fn refuse_modules_of_packages(&mut self, instance: &Instance, usage: &Usages) {
        let plain = |piece: &Piece| match piece {
            Piece::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Piece::Path(_) | Piece::Absolute(_) => String::new(),
        };
        for flag in &usage.own.flags {
            let flag = flag.0.first().map(plain).unwrap_or_default();
            if is_module_flag(&flag) {
                let message = format!("`{flag}` of a package: C++20 modules are not supported");
                self.report.push(self.report.on(&instance.name, message).hint(HINT));
            }
        }
    }

    /// The same for what `CC` and `CXX` say, where the manifest names no compiler.
    fn refuse_modules_of_variables(&mut self, cxx: bool) {
        let project = self.project;
        let host = project.toolchains.get(HOST);
        for (name, named) in [
            ("CC", host.is_some_and(|host| host.cc.is_some())),
            ("CXX", !cxx || host.is_some_and(|host| host.cc.is_some() || host.cxx.is_some())),
        ] {
            if named {
                continue;
            }
            let value = self.variable(name);
            let value = value.unwrap_or_default().to_string_lossy().into_owned();
            if let Some(flag) = value.split_whitespace().find(|word| is_module_flag(word)) {
                let message = format!("`{flag}`: C++20 modules are not supported");
                self.report.push(Diagnostic::request(format!("{name}={value}"), message).hint(HINT));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_module_flag;

    #[test]
    fn flags_that_turn_modules_on_are_told_from_those_that_turn_them_off() {
        let on = ["-fmodules", "-fmodules-ts", "-fmodule-header=user", "-fmodule-mapper=x", "--precompile"];
        assert!(on.into_iter().all(is_module_flag));
        let off =
            ["-fno-modules", "-fno-modules-ts", "-fno-implicit-modules", "-fmodulo-sched", "-std=c++20"];
        assert_eq!(off.into_iter().find(|flag| is_module_flag(flag)), None);
    }
}
