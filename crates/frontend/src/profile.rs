//! Profiles: what is built in, what the manifest changes, and what one inherits from another.

use rekindle_toolchain::request::{Lto, Mode, Optimize};

use crate::diagnostic::{Diagnostic, Report};
use crate::manifest::{Manifest, Profile, Scalar, Text};

/// A profile with everything it inherits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Its name, then those of the profiles it inherits from.
    pub(crate) names: Vec<String>,
    /// Optimization and the like.
    pub(crate) mode: Mode,
    pub(crate) defines: Vec<Text>,
    pub(crate) cflags: Vec<Text>,
    pub(crate) cxxflags: Vec<Text>,
    pub(crate) asflags: Vec<Text>,
    pub(crate) ldflags: Vec<Text>,
}

/// The names of the profiles that are there.
pub(crate) fn names(manifest: &Manifest) -> Vec<&str> {
    let mut names = vec!["debug", "release"];
    names.extend(
        manifest.profile.keys().map(|name| name.get_ref().as_str()).filter(|name| !is_built_in(name)),
    );
    names
}

fn is_built_in(name: &str) -> bool {
    name == "debug" || name == "release"
}

/// The profile called `name`. Every declared one is checked.
pub(crate) fn settings(manifest: &Manifest, name: &str, report: &mut Report) -> Settings {
    let known = names(manifest);
    for (declared, profile) in &manifest.profile {
        check(manifest, declared, profile, &known, report);
    }
    if !known.contains(&name) {
        let found =
            Diagnostic::request(format!("--profile {name}"), format!("the manifest has no profile `{name}`"));
        report.push(found.suggest(name, known));
    }
    let mut settings = Settings::default();
    for step in chain(manifest, name).iter().rev() {
        settings.names.insert(0, step.clone());
        built_in(step, &mut settings);
        if let Some(profile) = manifest.profile.get(step.as_str()) {
            apply(profile, &mut settings);
        }
    }
    settings
}

/// The profile, the one it inherits from, and so on. Ends where it would go round.
fn chain(manifest: &Manifest, name: &str) -> Vec<String> {
    let mut chain = vec![name.to_string()];
    while let Some(last) = chain.last() {
        let inherits = manifest.profile.get(last.as_str()).and_then(|profile| profile.inherits.as_ref());
        let next = match inherits {
            Some(next) => next.get_ref().clone(),
            None if is_built_in(last) => break,
            None => "debug".to_string(),
        };
        if chain.contains(&next) {
            break;
        }
        chain.push(next);
    }
    chain
}

fn check(manifest: &Manifest, name: &Text, profile: &Profile, known: &[&str], report: &mut Report) {
    if !crate::project::is_plain_name(name.get_ref()) {
        let found = report.on(name, format!("`{name}` cannot be the name of a profile"));
        report.push(
            found
                .why("the build directory of a profile has its name")
                .hint("use letters, digits, `_`, `-`, `.` and `+`"),
        );
    }
    let Some(inherits) = &profile.inherits else { return };
    if !known.contains(&inherits.get_ref().as_str()) {
        let found = report.on(inherits, format!("the manifest has no profile `{inherits}`"));
        report.push(found.suggest(inherits.get_ref(), known.iter().copied()));
        return;
    }
    let mut round = vec![name.get_ref().clone()];
    let mut at = inherits.get_ref().clone();
    while let Some(next) = manifest.profile.get(at.as_str()).and_then(|profile| profile.inherits.as_ref()) {
        if round.contains(&at) {
            break;
        }
        round.push(at);
        at = next.get_ref().clone();
    }
    // A round goes through several profiles, and is told at the one that stands first.
    let place =
        |name: &String| manifest.profile.get_key_value(name.as_str()).map(|(name, _)| name.span().start);
    if at == *name.get_ref() && round.iter().map(place).min() == Some(Some(name.span().start)) {
        round.push(at);
        let found =
            report.on(inherits, format!("profile `{name}` inherits from itself: {}", round.join(" → ")));
        report.push(found.hint("let one of them inherit from `debug` or `release`"));
    }
}

fn built_in(name: &str, settings: &mut Settings) {
    match name {
        "debug" => settings.mode.debug = true,
        "release" => {
            settings.mode.optimize = Optimize::Two;
            settings.defines.push(Text::new(0..0, "NDEBUG".to_string()));
        }
        _ => {}
    }
}

fn apply(profile: &Profile, settings: &mut Settings) {
    if let Some(optimize) = &profile.optimize {
        settings.mode.optimize = match optimize.show().as_str() {
            "1" => Optimize::One,
            "2" => Optimize::Two,
            "3" => Optimize::Three,
            "s" => Optimize::Size,
            "z" => Optimize::MinSize,
            "g" => Optimize::Debug,
            "fast" => Optimize::Fast,
            _ => Optimize::None,
        };
    }
    if let Some(debug) = profile.debug {
        settings.mode.debug = debug;
    }
    if let Some(lto) = &profile.lto {
        settings.mode.lto = match lto {
            Scalar::Bool(true) => Lto::Full,
            Scalar::Text(text) if text == "full" => Lto::Full,
            Scalar::Text(text) if text == "thin" => Lto::Thin,
            _ => Lto::Off,
        };
    }
    settings.mode.sanitize.extend(profile.sanitize.iter().map(|text| text.get_ref().clone()));
    settings.defines.extend(profile.defines.iter().cloned());
    settings.cflags.extend(profile.cflags.iter().cloned());
    settings.cxxflags.extend(profile.cxxflags.iter().cloned());
    settings.asflags.extend(profile.asflags.iter().cloned());
    settings.ldflags.extend(profile.ldflags.iter().cloned());
}
