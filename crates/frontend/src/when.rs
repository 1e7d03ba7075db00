//! Conditions: where something of the manifest counts.

use crate::diagnostic::{Report, nearest};
use crate::manifest::{Manifest, Several, Text, When};
use crate::options::{self, Values};
use crate::platform::{self, Platform};

/// What conditions are asked about.
#[derive(Clone, Debug)]
pub(crate) struct Context<'a> {
    /// What it is built for.
    pub(crate) platform: &'a Platform,
    /// The toolchain that builds it.
    pub(crate) toolchain: &'a str,
    /// The profile, then those that it inherits from.
    pub(crate) profiles: &'a [String],
    /// The options.
    pub(crate) options: &'a Values,
}

/// Whether a condition holds; no condition always does.
pub(crate) fn holds(when: Option<&When>, context: &Context<'_>) -> bool {
    let Some(when) = when else { return true };
    let any = |values: &Option<toml::Spanned<Several<String>>>, is: &dyn Fn(&str) -> bool| {
        values.as_ref().is_none_or(|values| values.get_ref().all().iter().any(|value| is(value)))
    };
    any(&when.os, &|os| os == context.platform.os)
        && any(&when.arch, &|arch| arch == context.platform.arch)
        && any(&when.toolchain, &|name| name == context.toolchain)
        && any(&when.profile, &|name| context.profiles.iter().any(|profile| profile == name))
        && when.option.iter().all(|(name, values)| {
            let value = context.options.get(name.get_ref());
            values.get_ref().all().iter().any(|wanted| Some(wanted) == value)
        })
        && when.not.as_deref().is_none_or(|not| !holds(Some(not), context))
}

/// A condition in words: `os = "linux", option.x = true`.
pub(crate) fn show(when: &When) -> String {
    let mut parts = Vec::new();
    let names =
        [("os", &when.os), ("arch", &when.arch), ("toolchain", &when.toolchain), ("profile", &when.profile)];
    for (name, values) in names {
        if let Some(values) = values {
            let list = values.get_ref().all().iter().map(|value| format!("{value:?}")).collect::<Vec<_>>();
            parts.push(format!("{name} = {}", list.join(" or ")));
        }
    }
    for (name, values) in &when.option {
        let list = values.get_ref().all().iter().map(crate::manifest::Scalar::show).collect::<Vec<_>>();
        parts.push(format!("option.{name} = {}", list.join(" or ")));
    }
    if let Some(not) = &when.not {
        parts.push(format!("not {{ {} }}", show(not)));
    }
    parts.join(", ")
}

/// Checks what a condition says of the platform. A toolchain may build for one that is not `known`, and where the list
/// of them is not `closed`, a name that is like none of them is believed.
fn check_platform(
    what: &str,
    values: Option<&toml::Spanned<Several<String>>>,
    known: &[&str],
    closed: bool,
    manifest: &Manifest,
    report: &mut Report,
) {
    let nobody = Platform { os: String::new(), arch: String::new() };
    let built_for = |name: &str| {
        manifest.toolchain.values().any(|toolchain| {
            let Platform { os, arch } = platform::of_toolchain(Some(toolchain), &nobody);
            if closed { os == name } else { arch == name }
        })
    };
    for value in values.iter().flat_map(|values| values.get_ref().all()) {
        let value = value.as_str();
        let alias = platform::ALIASES.iter().find(|(other, _)| *other == value).map(|(_, ours)| *ours);
        let near =
            alias.filter(|ours| known.contains(ours)).or_else(|| nearest(value, known.iter().copied()));
        if known.contains(&value) || built_for(value) || near.is_none() && !closed {
            continue;
        }
        let Some(place) = values else { continue };
        let found = report.on(place, format!("no {what} is called `{value}` here"));
        report.push(match near {
            Some(near) => found.hint(format!("did you mean `{near}`?")),
            None => found.suggest(value, known.iter().copied().take(8)),
        });
    }
}

/// Checks the names in a condition.
pub(crate) fn check(when: Option<&When>, manifest: &Manifest, report: &mut Report) {
    let Some(when) = when else { return };
    let built_in = |names: Vec<&'static str>, declared: Vec<&Text>| -> Vec<String> {
        let declared = declared.into_iter().map(|name| name.get_ref().clone());
        names.into_iter().map(str::to_string).chain(declared).collect()
    };
    let toolchains = built_in(vec!["host"], manifest.toolchain.keys().collect());
    let profiles = built_in(vec!["debug", "release"], manifest.profile.keys().collect());
    for (what, values, known) in
        [("toolchain", &when.toolchain, &toolchains), ("profile", &when.profile, &profiles)]
    {
        let Some(values) = values else { continue };
        for value in values.get_ref().all().iter().filter(|value| !known.contains(value)) {
            let found = report.on(values, format!("the manifest has no {what} `{value}`"));
            report.push(found.suggest(value, known.iter().map(String::as_str)));
        }
    }
    check_platform("operating system", when.os.as_ref(), &platform::SYSTEMS, true, manifest, report);
    check_platform("processor", when.arch.as_ref(), &platform::PROCESSORS, false, manifest, report);
    for (name, values) in &when.option {
        options::check_condition(&manifest.option, name, values, report);
    }
    check(when.not.as_deref(), manifest, report);
}
