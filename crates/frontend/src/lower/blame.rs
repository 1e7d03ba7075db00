//! Which words of the manifest a toolchain could not do with: its errors name flags, and flags have places.

use rekindle_toolchain::ToolchainError;

use super::Lowering;
use crate::diagnostic::{Diagnostic, Report};
use crate::manifest::{Text, Toolchain};
use crate::project::{Instance, Project};

impl Lowering<'_> {
    /// Says that a toolchain cannot do what a target asks for, at the flag that it names, else at the target.
    pub(super) fn refused(&mut self, instance: &Instance, told: &str) {
        let first = told.lines().next().unwrap_or_default();
        let message = format!("`{}` cannot be built with `{}`: {first}", instance.name, instance.toolchain);
        let place = named(told, &self.texts(instance)).unwrap_or(&instance.name);
        self.report.push(with_rest(self.report.on(place, message), told));
    }

    /// Every flag and define that reaches an instance's commands, its own first.
    fn texts<'t>(&'t self, instance: &'t Instance) -> Vec<&'t Text> {
        let project = self.project;
        let below = self.libraries(instance);
        let below = below.iter().map(|at| &project.instances[*at].target);
        let mut texts = Vec::new();
        for target in std::iter::once(&instance.target).chain(below) {
            let lists = [&target.cflags, &target.cxxflags, &target.asflags, &target.ldflags];
            let more = [&target.private_ldflags, &target.defines, &target.private_defines];
            texts.extend(lists.into_iter().chain(more).flatten());
            for entry in &target.overrides {
                let lists = [&entry.cflags, &entry.cxxflags, &entry.asflags, &entry.defines];
                texts.extend(lists.into_iter().flatten());
            }
        }
        let settings = &project.settings;
        let lists = [&settings.cflags, &settings.cxxflags, &settings.asflags, &settings.ldflags];
        texts.extend(lists.into_iter().chain([&settings.defines]).flatten());
        if let Some(toolchain) = project.toolchains.get(&instance.toolchain) {
            texts.extend(flags(toolchain));
        }
        texts
    }
}

impl Project {
    /// What is wrong with a toolchain, at the words of the manifest that say so; `None` if the manifest does not
    /// speak of it.
    pub fn unfit(&self, toolchain: &str, error: &ToolchainError) -> Option<Diagnostic> {
        let (name, _) = self.manifest.toolchain.get_key_value(toolchain)?;
        let declared = self.toolchains.get(toolchain)?;
        let told = error.to_string();
        let compiler = declared.cc.as_ref();
        let place = match error {
            ToolchainError::NotFound { role, .. } | ToolchainError::NotThere { role, .. } => match *role {
                "C++ compiler" => declared.cxx.as_ref(),
                "archiver" => declared.ar.as_ref(),
                _ => compiler.or(declared.target.as_ref()),
            },
            ToolchainError::Words { text, .. } => {
                let given = [compiler, declared.cxx.as_ref(), declared.ar.as_ref()];
                given.into_iter().flatten().find(|word| word.get_ref() == text)
            }
            ToolchainError::Target { .. } => declared.target.as_ref(),
            ToolchainError::Failed { .. } => named(&told, &flags(declared)).or(compiler),
            _ => compiler,
        };
        let report = Report::new(self.source.clone());
        let first = told.lines().next().unwrap_or_default();
        Some(with_rest(report.on(place.unwrap_or(name), first), &told))
    }
}

/// The flags of a toolchain.
fn flags(toolchain: &Toolchain) -> Vec<&Text> {
    let Toolchain { flags, cflags, cxxflags, asflags, ldflags, .. } = toolchain;
    [flags, cflags, cxxflags, asflags, ldflags].into_iter().flatten().collect()
}

/// The line from which on a toolchain's error cites what a compiler said.
const SAID: &str = "it said: ";

/// The one of `texts` that an error of a toolchain names: the same word, else one that it is a part of. Of an error
/// that cites a compiler, only that counts, because the whole command is before it.
fn named<'t>(told: &str, texts: &[&'t Text]) -> Option<&'t Text> {
    let told = told.split_once(SAID).map_or(told, |(_, said)| said);
    let words: Vec<&str> =
        told.split(['`', '\'', '‘', '’']).skip(1).step_by(2).filter(|word| word.len() > 1).collect();
    let same = texts.iter().find(|text| words.contains(&text.get_ref().as_str()));
    let part = || {
        texts.iter().find(|text| {
            let mut pieces = text.get_ref().split([',', '=']);
            words.iter().any(|word| text.get_ref().starts_with(word) || pieces.any(|piece| piece == *word))
        })
    };
    same.or_else(part).copied()
}

/// Adds what an error of a toolchain says behind its first line: why, and what to do.
fn with_rest(found: Diagnostic, told: &str) -> Diagnostic {
    let (mut why, mut hint) = (Vec::new(), Vec::new());
    let mut cited = false;
    for line in told.lines().skip(1).map(str::trim) {
        cited |= line.starts_with(SAID);
        let explains = cited || ["searched for ", "asked for "].iter().any(|start| line.starts_with(start));
        if explains { why.push(line) } else { hint.push(line) }
    }
    let found = if why.is_empty() { found } else { found.why(why.join(" ")) };
    if hint.is_empty() { found } else { found.hint(hint.join(" ")) }
}
