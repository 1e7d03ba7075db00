//! Sources to objects.

use std::collections::HashSet;
use std::path::PathBuf;

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;
use rekindle_toolchain::request::{Compile, Language, Warnings};

use super::precompile::Headers;
use super::sources::SourceFile;
use super::usage::Usages;
use super::{Lowering, paths};
use crate::glob::Pattern;
use crate::manifest::{Override, Text};
use crate::project::{Instance, Kind, Node, Project};

/// An override whose globs were read.
struct Ready<'a> {
    entry: &'a Override,
    patterns: Vec<(Pattern, bool, &'a Text)>,
}

impl<'a> Lowering<'a> {
    /// Compiles every source of an instance whose object is wanted; gives all objects in order, those among the sources
    /// too.
    pub(super) fn compile(
        &mut self,
        instance: &'a Instance,
        sources: &[SourceFile],
        usage: &Usages,
    ) -> Vec<PathId> {
        let mut overrides: Vec<Ready<'_>> = Vec::new();
        for entry in &instance.target.overrides {
            let patterns =
                entry.files.iter().filter_map(|text| Some((self.pattern(text)?, false, text))).collect();
            overrides.push(Ready { entry, patterns });
        }
        let mut languages: Vec<Language> = sources.iter().filter_map(|source| source.language).collect();
        languages.sort_unstable();
        languages.dedup();
        let headers = self.precompile(instance, &languages, usage);
        let place = instance.place();
        let mut objects = Vec::with_capacity(sources.len());
        let mut bases: Vec<Compile> = Vec::new();
        for source in sources {
            let Some(language) = source.language else {
                objects.push(source.path);
                continue;
            };
            let object = self.object_of(&place, source.path);
            objects.push(object);
            if !self.wants(object) {
                continue;
            }
            let absolute = if overrides.is_empty() { PathBuf::new() } else { self.files.abs(source.path) };
            let mut applied: Vec<&Override> = Vec::new();
            for ready in &mut overrides {
                let mut hit = false;
                for (pattern, used, _) in &mut ready.patterns {
                    if pattern.matches(&absolute) {
                        *used = true;
                        hit = true;
                    }
                }
                if hit {
                    applied.push(ready.entry);
                }
            }
            // What holds for the whole target is put together once a language.
            let at = bases.iter().position(|base| base.language == language).unwrap_or(bases.len());
            if at == bases.len() {
                bases.push(self.request(instance, source.path, language, usage, object));
                self.include_precompiled(&mut bases[at], &headers, true);
            }
            let mut refined;
            let what = if applied.is_empty() {
                &mut bases[at]
            } else {
                refined = self.request(instance, source.path, language, usage, object);
                self.refine(&mut refined, &applied);
                self.include_precompiled(&mut refined, &headers, false);
                &mut refined
            };
            what.source = source.path;
            what.object = object;
            what.temporary = self.temporary_of(object);
            self.add_compile(instance, what);
        }
        let unused = overrides.iter().flat_map(|ready| &ready.patterns).filter(|(_, used, _)| !used);
        for (_, _, text) in unused.filter(|_| self.only.is_none()) {
            let message = format!("no source of `{}` matches this", instance.name);
            self.report.push(self.report.on(text, message));
        }
        objects
    }

    fn object_of(&mut self, place: &str, source: PathId) -> PathId {
        let object = paths::object(self.files, place, source);
        self.files.path(Roots::BUILD, &object)
    }

    fn temporary_of(&mut self, object: PathId) -> PathId {
        let temporary = paths::temporary(self.files.rel(object));
        self.files.path(Roots::BUILD, temporary)
    }

    /// Adds the overrides of one source.
    fn refine(&mut self, what: &mut Compile, overrides: &[&Override]) {
        for entry in overrides {
            what.defines.extend(entry.defines.iter().map(|text| text.get_ref().clone()));
            let flags =
                self.flags(of_language(what.language, &entry.cflags, &entry.cxxflags, &entry.asflags));
            what.flags.extend(flags);
            if let Some(warnings) = &entry.warnings {
                what.warnings = warnings_of(Some(warnings));
            }
        }
    }

    /// Has the target's precompiled header included; one that was made with other flags does not fit, and then the
    /// header itself is included.
    fn include_precompiled(&self, what: &mut Compile, headers: &Headers, fits: bool) {
        if let Some(header) = headers.header.filter(|_| matches!(what.language, Language::C | Language::Cxx))
        {
            what.precompiled = headers.made(what.language).filter(|_| fits);
            if what.precompiled.is_none() {
                what.forced.push(header);
            }
        }
    }

    /// A compile of `source` with everything that holds for the whole target.
    pub(super) fn request(
        &mut self,
        instance: &Instance,
        source: PathId,
        language: Language,
        usage: &Usages,
        object: PathId,
    ) -> Compile {
        let target = &instance.target;
        let standard = match language {
            Language::C => target.c_std.as_ref(),
            Language::Cxx => target.cxx_std.as_ref(),
            Language::AssemblerCpp | Language::Assembler => None,
        };
        let settings = &self.project.settings;
        let mut defines: Vec<String> = settings.defines.iter().map(|text| text.get_ref().clone()).collect();
        defines.extend(usage.own.defines.iter().cloned());
        Compile {
            source,
            language,
            object,
            temporary: self.temporary_of(object),
            standard: standard.map(|text| text.get_ref().clone()),
            mode: settings.mode.clone(),
            warnings: warnings_of(target.warnings.as_ref()),
            pic: target.pic.or_else(|| self.pic.contains(&(instance.place())).then_some(true)),
            defines,
            includes: usage.own.includes.clone(),
            forced: Vec::new(),
            precompiled: None,
            flags: self.compile_flags(instance, language, usage),
            order_only: usage.own.generated.clone(),
            makes_precompiled: false,
        }
    }

    /// The flags for a language: the toolchain's, the profile's, those of packages, the target's.
    fn compile_flags(&mut self, instance: &Instance, language: Language, usage: &Usages) -> Vec<Arg> {
        let project = self.project;
        let mut flags = Vec::new();
        if let Some(toolchain) = project.toolchains.get(&instance.toolchain) {
            let texts = of_language(language, &toolchain.cflags, &toolchain.cxxflags, &toolchain.asflags);
            flags.extend(self.flags(texts));
        }
        let settings = &project.settings;
        flags.extend(self.flags(of_language(
            language,
            &settings.cflags,
            &settings.cxxflags,
            &settings.asflags,
        )));
        if matches!(language, Language::C | Language::Cxx) {
            flags.extend(usage.own.flags.iter().cloned());
        }
        let target = &instance.target;
        flags.extend(self.flags(of_language(language, &target.cflags, &target.cxxflags, &target.asflags)));
        flags
    }

    pub(super) fn add_compile(&mut self, instance: &'a Instance, what: &Compile) {
        match self.tools.compile(&instance.toolchain, self.files, what) {
            Ok(mut action) => {
                action.name = self.plain_name(what.source);
                self.add(&instance.name, action);
            }
            Err(why) => self.refused(instance, &why),
        }
    }
}

fn of_language<'t>(language: Language, c: &'t [Text], cxx: &'t [Text], assembler: &'t [Text]) -> &'t [Text] {
    match language {
        Language::C => c,
        Language::Cxx => cxx,
        Language::AssemblerCpp | Language::Assembler => assembler,
    }
}

fn warnings_of(text: Option<&Text>) -> Warnings {
    match text.map(|text| text.get_ref().as_str()) {
        Some("none") => Warnings::None,
        Some("all") => Warnings::All,
        Some("extra") => Warnings::Extra,
        Some("error") => Warnings::Error,
        _ => Warnings::Default,
    }
}

/// The instances whose code goes into a shared library, by the names of their directories.
pub(super) fn position_independent(project: &Project) -> HashSet<String> {
    let mut open: Vec<usize> =
        (0..project.instances.len()).filter(|at| project.instances[*at].kind == Kind::Shared).collect();
    let mut found = HashSet::new();
    while let Some(at) = open.pop() {
        let instance = &project.instances[at];
        if found.insert(instance.place()) {
            open.extend(instance.needs.iter().filter_map(|need| match need.node {
                Node::Target(at) => Some(at),
                Node::Command(_) | Node::Archive(_) => None,
            }));
        }
    }
    found
}
