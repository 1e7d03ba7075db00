//! `${...}` in strings: options, and what is known of the project and the build.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diagnostic::Report;
use crate::manifest::{Archive, Command, Manifest, Override, Target, Text, Toolchain};
use crate::profile::Settings;
use crate::when::Context;

/// What strings may speak of.
pub(crate) struct Scope<'a> {
    /// What conditions are asked about, too.
    pub(crate) context: Context<'a>,
    /// The manifest.
    pub(crate) manifest: &'a Manifest,
    /// Declared roots, canonical.
    pub(crate) roots: &'a BTreeMap<String, PathBuf>,
}

impl Scope<'_> {
    fn value(&self, name: &str) -> Option<String> {
        if let Some(option) = name.strip_prefix("option.") {
            return self.context.options.get(option).map(crate::manifest::Scalar::show);
        }
        if let Some(root) = name.strip_prefix("root.") {
            return Some(self.roots.get(root)?.to_str()?.to_string());
        }
        match name {
            "project.name" => Some(self.manifest.project.name.get_ref().clone()),
            "project.version" => Some(self.manifest.project.version.as_ref()?.get_ref().clone()),
            "profile" => self.context.profiles.first().cloned(),
            "toolchain" => Some(self.context.toolchain.to_string()),
            "os" => Some(self.context.platform.os.clone()),
            "arch" => Some(self.context.platform.arch.clone()),
            _ => None,
        }
    }

    fn known(&self) -> Vec<String> {
        let mut known: Vec<String> =
            self.context.options.keys().map(|name| format!("option.{name}")).collect();
        known.extend(self.roots.keys().map(|name| format!("root.{name}")));
        known.push("project.name".into());
        known.extend(self.manifest.project.version.is_some().then(|| "project.version".to_string()));
        known.extend(["profile", "toolchain", "os", "arch"].map(str::to_string));
        known
    }

    /// Puts values in place of every `${...}`; `$${` is a plain `${`.
    pub(crate) fn expand(&self, text: &mut Text, report: &mut Report) {
        if !text.get_ref().contains("${") {
            return;
        }
        let mut result = String::new();
        let mut rest = text.get_ref().as_str();
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                result.push_str(&rest[..at - 1]);
                result.push_str("${");
                rest = &rest[at + 2..];
                continue;
            }
            result.push_str(&rest[..at]);
            let Some(end) = rest[at..].find('}') else {
                report.push(report.on(text, "`${` without a `}`").hint("write `$${` for a plain `${`"));
                return;
            };
            let name = &rest[at + 2..at + end];
            match self.value(name) {
                Some(value) => result.push_str(&value),
                None => {
                    let known = self.known();
                    let found = report.on(text, format!("nothing is called `${{{name}}}`"));
                    report.push(found.suggest(name, known.iter().map(String::as_str)));
                }
            }
            rest = &rest[at + end + 1..];
        }
        result.push_str(rest);
        *text.get_mut() = result;
    }

    pub(crate) fn target(&self, target: &mut Target, report: &mut Report) {
        let mut texts = Vec::new();
        texts.extend([&mut target.version, &mut target.soname, &mut target.c_std, &mut target.cxx_std]);
        texts.extend([
            &mut target.pch,
            &mut target.linker_script,
            &mut target.version_script,
            &mut target.output,
        ]);
        texts.extend([&mut target.program, &mut target.working_directory]);
        texts.into_iter().flatten().for_each(|text| self.expand(text, report));
        for list in lists(target) {
            list.iter_mut().for_each(|text| self.expand(text, report));
        }
        for list in [&mut target.args, &mut target.install_headers] {
            list.iter_mut().for_each(|text| self.expand(text, report));
        }
        target.env.values_mut().for_each(|text| self.expand(text, report));
        if let Some(install) = &mut target.install
            && let crate::manifest::Scalar::Text(place) = install.get_ref()
        {
            let mut text = Text::new(install.span(), place.clone());
            self.expand(&mut text, report);
            *install.get_mut() = crate::manifest::Scalar::Text(text.into_inner());
        }
        for Override { files, defines, cflags, cxxflags, asflags, .. } in &mut target.overrides {
            for list in [files, defines, cflags, cxxflags, asflags] {
                list.iter_mut().for_each(|text| self.expand(text, report));
            }
        }
    }

    pub(crate) fn command(&self, command: &mut Command, report: &mut Report) {
        let argv = command.argv.as_mut().map(toml::Spanned::get_mut).into_iter().flatten();
        argv.for_each(|text| self.expand(text, report));
        for list in [&mut command.inputs, &mut command.outputs, &mut command.deps] {
            list.iter_mut().for_each(|text| self.expand(text, report));
        }
        command.env.values_mut().for_each(|text| self.expand(text, report));
        for text in [&mut command.shell, &mut command.working_directory].into_iter().flatten() {
            self.expand(text, report);
        }
    }

    pub(crate) fn archive(&self, archive: &mut Archive, report: &mut Report) {
        let mut lists = vec![&mut archive.inputs, &mut archive.exclude, &mut archive.depfiles];
        lists.extend([
            &mut archive.outputs,
            &mut archive.include,
            &mut archive.defines,
            &mut archive.ldflags,
        ]);
        lists.extend([&mut archive.tools, &mut archive.args]);
        lists.extend(archive.system_libs.as_mut());
        let words = [&mut archive.command, &mut archive.features, &mut archive.targets];
        lists.extend(words.into_iter().flatten().map(toml::Spanned::get_mut));
        lists.into_iter().flatten().for_each(|text| self.expand(text, report));
        let mut texts = vec![&mut archive.cargo, &mut archive.make, &mut archive.cmake];
        texts.extend([&mut archive.working_directory, &mut archive.package, &mut archive.cargo_profile]);
        texts.extend([&mut archive.target, &mut archive.configuration, &mut archive.generator]);
        texts.into_iter().flatten().for_each(|text| self.expand(text, report));
        archive.env.values_mut().for_each(|text| self.expand(text, report));
        let definitions = archive.definitions.as_mut().map(|table| (table.span(), table.get_mut()));
        let definitions = definitions
            .into_iter()
            .flat_map(|(span, table)| table.values_mut().map(move |value| (span.clone(), value)));
        let profile = archive.profile.iter_mut().map(|(name, value)| (name.span(), value));
        for (span, value) in definitions.chain(profile) {
            if let crate::manifest::Scalar::Text(inner) = value {
                let mut text = Text::new(span, std::mem::take(inner));
                self.expand(&mut text, report);
                *inner = text.into_inner();
            }
        }
    }

    pub(crate) fn settings(&self, settings: &mut Settings, report: &mut Report) {
        let Settings { defines, cflags, cxxflags, asflags, ldflags, .. } = settings;
        for list in [defines, cflags, cxxflags, asflags, ldflags] {
            list.iter_mut().for_each(|text| self.expand(text, report));
        }
    }

    pub(crate) fn toolchain(&self, toolchain: &mut Toolchain, report: &mut Report) {
        let Toolchain { cc, cxx, ar, target, sysroot, flags, cflags, cxxflags, asflags, ldflags } = toolchain;
        [cc, cxx, ar, target, sysroot].into_iter().flatten().for_each(|text| self.expand(text, report));
        for list in [flags, cflags, cxxflags, asflags, ldflags] {
            list.iter_mut().for_each(|text| self.expand(text, report));
        }
    }
}

/// The lists to which `also` adds.
pub(crate) fn lists(target: &mut Target) -> [&mut Vec<Text>; 18] {
    [
        &mut target.sources,
        &mut target.exclude,
        &mut target.include,
        &mut target.private_include,
        &mut target.system_include,
        &mut target.defines,
        &mut target.private_defines,
        &mut target.deps,
        &mut target.private_deps,
        &mut target.whole_archive,
        &mut target.cflags,
        &mut target.cxxflags,
        &mut target.asflags,
        &mut target.ldflags,
        &mut target.private_ldflags,
        &mut target.system_libs,
        &mut target.library_dirs,
        &mut target.pkg_config,
    ]
}
