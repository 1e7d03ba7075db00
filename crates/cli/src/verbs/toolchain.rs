//! `rekindle toolchain`: which compilers were found, what stands for them in keys, and what that was made of.

use std::collections::BTreeSet;

use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_frontend::toolbox::Missing;
use rekindle_toolchain::Description;
use serde_json::json;

use crate::app::{App, Ended};
use crate::args::{Format, ToolchainVerb};
use crate::failure::Failure;
use crate::session::Survey;
use crate::toolchains::Found;

/// Lists toolchains, or shows one.
pub(super) fn toolchain(app: &mut App, what: &ToolchainVerb) -> Result<Ended, Failure> {
    let Survey { files, toolchains: Found { there, missing } } = Survey::new(app)?;
    match what {
        ToolchainVerb::List => {
            let names: BTreeSet<&String> = there.keys().chain(missing.keys()).collect();
            for name in names {
                let text = match (there.get(name), missing.get(name)) {
                    (Some(found), _) => told(app.format, &found.describe(&files), false),
                    (None, Some(lost)) if app.format == Format::Json => {
                        format!("{}\n", lost_object(name, lost))
                    }
                    (None, Some(lost)) => lost_line(name, lost),
                    (None, None) => continue,
                };
                app.answer(text)?;
            }
        }
        ToolchainVerb::Show { name } => match (there.get(name), missing.get(name)) {
            (Some(found), _) => app.answer(told(app.format, &found.describe(&files), true))?,
            (None, Some(lost)) => {
                let found = Diagnostic::request(name, "this toolchain is missing").why(&lost.why);
                return Err(lost.hint.iter().fold(found, |found, hint| found.hint(hint)).into());
            }
            (None, None) => {
                let found = Diagnostic::request(name, "no target of this project uses such a toolchain");
                let known = there.keys().chain(missing.keys()).map(String::as_str);
                return Err(found.suggest(name, known).into());
            }
        },
    }
    super::answered()
}

fn told(format: Format, one: &Description, whole: bool) -> String {
    match (format, whole) {
        (Format::Json, _) => format!("{}\n", object(one, whole)),
        (_, true) => shown(one),
        (_, false) => listed(one),
    }
}

/// A line about a toolchain that is not there.
fn lost_line(name: &str, lost: &Missing) -> String {
    format!("{name:<12} missing: {}\n", lost.why)
}

/// The object of one that is not there.
fn lost_object(name: &str, lost: &Missing) -> serde_json::Value {
    json!({
        "event": "toolchain",
        "name": name,
        "missing": lost.why,
        "family": null,
        "version": null,
        "target": null,
        "local": null,
        "programs": [],
        "roots": [],
        "identities": [],
    })
}

/// A line about a toolchain.
fn listed(one: &Description) -> String {
    let compiler = one.programs.first().map(|(_, path)| path.display().to_string()).unwrap_or_default();
    format!("{:<12} {} {}  {}  {compiler}\n", one.name, one.family, one.version, one.target)
}

/// Everything about a toolchain.
fn shown(one: &Description) -> String {
    let mut text = format!("{}: {} {} for {}\n", one.name, one.family, one.version, one.target);
    if let Some(why) = &one.local {
        text.push_str(&format!("  its results hold on this machine only: {why}\n"));
    }
    for (role, path) in &one.programs {
        text.push_str(&format!("  {role:<14} {}\n", path.display()));
    }
    for (name, path) in &one.roots {
        text.push_str(&format!("  root {name:<9} {}\n", path.display()));
    }
    for identity in &one.identities {
        text.push_str(&format!("\n  {}\n    identity {}\n", identity.name, identity.digest));
        for part in &identity.parts {
            text.push_str(&format!("    {:<30} {}\n", part.name, part.digest));
        }
    }
    text
}

fn object(one: &Description, whole: bool) -> serde_json::Value {
    let programs: Vec<_> = one
        .programs
        .iter()
        .map(|(role, path)| json!({ "role": role, "path": path.display().to_string() }))
        .collect();
    let roots: Vec<_> = one
        .roots
        .iter()
        .map(|(name, path)| json!({ "name": name, "path": path.display().to_string() }))
        .collect();
    let identities: Vec<_> = one
        .identities
        .iter()
        .map(|identity| {
            let parts =
                identity.parts.iter().map(|p| json!({ "name": p.name, "digest": p.digest.to_string() }));
            let parts: Vec<_> = parts.filter(|_| whole).collect();
            json!({ "name": identity.name, "digest": identity.digest.to_string(), "parts": parts })
        })
        .collect();
    json!({
        "event": "toolchain",
        "name": one.name,
        "missing": null,
        "family": one.family,
        "version": one.version,
        "target": one.target,
        "local": one.local,
        "programs": programs,
        "roots": roots,
        "identities": identities,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rekindle_fingerprint::action::{Identity, Part};
    use rekindle_fingerprint::digest::Digest;

    use super::*;

    fn sample() -> Description {
        let part = |name: &str| Part { name: name.into(), digest: Digest::of(name.as_bytes()) };
        let identity = Identity::new("gcc 12.2.0, compile C", vec![part("driver"), part("cc1")], Vec::new());
        Description {
            name: "host".into(),
            family: "gcc",
            version: "12.2.0".into(),
            target: "x86_64-linux-gnu".into(),
            local: Some("the compiler `cc` is a script".into()),
            programs: vec![("C compiler", "/usr/bin/gcc".into())],
            roots: vec![("tc.host".into(), "/usr".into())],
            identities: vec![Arc::new(identity)],
        }
    }

    #[test]
    fn one_that_is_missing_is_a_line_or_an_object_too() {
        let lost =
            Missing { why: "no C compiler was found: searched for `avr-gcc` on PATH".into(), hint: None };
        insta::assert_snapshot!(lost_line("avr", &lost), @"avr          missing: no C compiler was found: searched for `avr-gcc` on PATH");
        insta::assert_snapshot!(lost_object("avr", &lost).to_string(), @r#"{"event":"toolchain","family":null,"identities":[],"local":null,"missing":"no C compiler was found: searched for `avr-gcc` on PATH","name":"avr","programs":[],"roots":[],"target":null,"version":null}"#);
    }

    #[test]
    fn a_toolchain_is_a_line_a_page_or_an_object() {
        insta::assert_snapshot!(listed(&sample()), @"host         gcc 12.2.0  x86_64-linux-gnu  /usr/bin/gcc");
        insta::assert_snapshot!(shown(&sample()), @"
        host: gcc 12.2.0 for x86_64-linux-gnu
          its results hold on this machine only: the compiler `cc` is a script
          C compiler     /usr/bin/gcc
          root tc.host   /usr

          gcc 12.2.0, compile C
            identity 6e37fb618145b3a6e135391f2d04f5606cb4bcd50b48c1a11b0998c5b3a2d79d
            driver                         bb6f2f5117d7690122f64d2950ca874cd26fbe808e2e28dc9b914ebd22d7800b
            cc1                            78f1070cf21354fda3cfee2964a9ce48b5b32c47e69d7c25cf7b600ef3187056
        ");
        insta::assert_snapshot!(object(&sample(), true).to_string(), @r#"{"event":"toolchain","family":"gcc","identities":[{"digest":"6e37fb618145b3a6e135391f2d04f5606cb4bcd50b48c1a11b0998c5b3a2d79d","name":"gcc 12.2.0, compile C","parts":[{"digest":"bb6f2f5117d7690122f64d2950ca874cd26fbe808e2e28dc9b914ebd22d7800b","name":"driver"},{"digest":"78f1070cf21354fda3cfee2964a9ce48b5b32c47e69d7c25cf7b600ef3187056","name":"cc1"}]}],"local":"the compiler `cc` is a script","missing":null,"name":"host","programs":[{"path":"/usr/bin/gcc","role":"C compiler"}],"roots":[{"name":"tc.host","path":"/usr"}],"target":"x86_64-linux-gnu","version":"12.2.0"}"#);
    }
}
