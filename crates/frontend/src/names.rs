//! Names: that they can be file names, that no two targets share one, and that what they refer to is there. All of
//! it holds whatever is built.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Report;
use crate::evaluate::in_order;
use crate::manifest::{Archive, Command, Manifest, Target, Text};
use crate::project::is_plain_name;
use crate::when;

/// Names in a build directory that are not for programs, with any ending.
const RESERVED: [&str; 14] = [
    "running",
    "obj",
    "gen",
    "tmp",
    "roots",
    "toolchains",
    "journal",
    "lock",
    "marker",
    "kept",
    "snapshot",
    "durations",
    "store",
    "CACHEDIR",
];

/// Checks a manifest.
pub(crate) fn check(manifest: &Manifest, report: &mut Report) {
    let mut taken: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let targets =
        [("library", &manifest.library), ("executable", &manifest.executable), ("test", &manifest.test)];
    let sections = targets.iter().flat_map(|(section, names)| names.keys().map(|name| (*section, name)));
    let mut all: Vec<(&str, &Text)> =
        sections.chain(manifest.command.keys().map(|name| ("command", name))).collect();
    all.extend(manifest.archive.keys().map(|name| ("archive", name)));
    all.sort_by_key(|(_, name)| name.span().start);
    for (section, name) in all {
        check_name(name, report);
        if section == "executable" || section == "test" {
            check_program_name(name, report);
            if name.get_ref() == crate::lower::ARCHIVES && !manifest.archive.is_empty() {
                let found = report.on(name, format!("a program cannot be called `{name}` here"));
                report.push(
                    found.why("the copies of what other build tools make are in a directory of that name"),
                );
            }
        }
        if let Some((other, at)) = taken.get(name.get_ref().as_str()) {
            let (line, _) = report.source.position(*at);
            let found = report.on(name, format!("there are two targets called `{name}`"));
            let found = found.why(format!("[{other}.{name}] is on line {line}"));
            report.push(if section == "library" || *other == "library" {
                found.hint(format!(
                    "call one of them something else; `output = \"{name}\"` keeps the product's name"
                ))
            } else {
                found
            });
            continue;
        }
        taken.insert(name.get_ref(), (section, name.span().start));
    }
    for (section, names) in targets {
        for (name, target) in in_order(names) {
            check_target(section, name, target, manifest, report);
        }
    }
    for (name, command) in in_order(&manifest.command) {
        check_command(name, command, manifest, report);
    }
    for (name, archive) in in_order(&manifest.archive) {
        check_archive(name, archive, manifest, report);
    }
    for name in manifest.toolchain.keys() {
        check_name(name, report);
    }
    let known: Vec<&str> = taken.keys().copied().collect();
    for name in
        manifest.project.default.iter().flatten().filter(|name| !taken.contains_key(name.get_ref().as_str()))
    {
        let found = report.on(name, format!("the manifest has no target `{name}`"));
        report.push(found.suggest(name.get_ref(), known.iter().copied()));
    }
}

fn check_name(name: &Text, report: &mut Report) {
    if !is_plain_name(name.get_ref()) {
        let found = report.on(name, format!("`{name}` cannot be a name"));
        report.push(found.hint("use letters, digits, `_`, `-`, `.` and `+`, with no dot or dash in front"));
    }
}

/// Whether the build directory holds something else of that name.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == "timings.html" || RESERVED.contains(&name.split('.').next().unwrap_or(name))
}

fn check_program_name(name: &Text, report: &mut Report) {
    if is_reserved(name.get_ref()) {
        let found = report.on(name, format!("a program cannot be called `{name}`"));
        report.push(found.why("the build directory holds something else of that name"));
    }
}

fn check_target(section: &str, name: &Text, target: &Target, manifest: &Manifest, report: &mut Report) {
    if let Some(toolchain) = &target.toolchain
        && toolchain.get_ref() != crate::project::HOST
        && !toolchain.get_ref().contains("${")
        && !manifest.toolchain.contains_key(toolchain)
    {
        let found = report.on(toolchain, format!("the manifest has no toolchain `{toolchain}`"));
        let known = manifest.toolchain.keys().map(|name| name.get_ref().as_str()).chain(["host"]);
        report.push(found.suggest(toolchain.get_ref(), known));
    }
    if let Some(output) = &target.output
        && !output.get_ref().contains("${")
    {
        check_name(output, report);
        if section != "library" {
            check_program_name(output, report);
        }
    }
    check_pool(target.pool.as_ref(), manifest, report);
    when::check(target.when.as_ref(), manifest, report);
    for entry in &target.overrides {
        when::check(entry.when.as_ref(), manifest, report);
    }
    for addition in &target.also {
        when::check(addition.when.as_ref(), manifest, report);
    }
    let shared = target.r#type.as_ref().is_some_and(|kind| kind.get_ref() == "shared");
    for (key, value) in [("version", &target.version), ("soname", &target.soname)] {
        if let (Some(value), "library", false) = (value, section, shared) {
            let found = report.on(value, format!("[library.{name}] has a `{key}` and is no shared library"));
            report.push(found.hint("add `type = \"shared\"`"));
        }
    }
    if let (Some(program), Some(source)) = (&target.program, target.sources.first()) {
        let message = format!("[test.{name}] has both `sources` and a `program`");
        let found =
            report.on(if program.span().start > source.span().start { program } else { source }, message);
        report.push(found.hint("a test is built from sources, or runs an executable of this project"));
    }
}

fn check_command(name: &Text, command: &Command, manifest: &Manifest, report: &mut Report) {
    match (&command.argv, &command.shell) {
        (None, None) => {
            let found = report.on(name, format!("[command.{name}] has neither `argv` nor `shell`"));
            report.push(found.hint("add `argv = [\"program\", \"{in}\", \"{out}\"]`"));
        }
        (Some(_), Some(shell)) => {
            report.push(report.on(shell, format!("[command.{name}] has both `argv` and `shell`")));
        }
        (Some(argv), None) if argv.get_ref().is_empty() => {
            report.push(
                report
                    .on(argv, format!("`argv` in [command.{name}] is empty"))
                    .hint("its first word is the program"),
            );
        }
        _ => {}
    }
    if command.outputs.is_empty() {
        report
            .push(report.on(name, format!("[command.{name}] writes no file")).hint("name one in `outputs`"));
    }
    for empty in command.outputs.iter().filter(|output| output.get_ref().is_empty()) {
        report.push(report.on(empty, "an output needs a name"));
    }
    check_pool(command.pool.as_ref(), manifest, report);
    when::check(command.when.as_ref(), manifest, report);
}

/// The keys of [`Archive`] that hold only with some of the forms: the key, where it stands, the forms.
fn of_forms(archive: &Archive) -> Vec<(&'static str, Range<usize>, &'static [&'static str])> {
    const CARGO: &[&str] = &["cargo"];
    const CMAKE: &[&str] = &["cmake"];
    let text = |text: &Option<Text>| text.as_ref().map(Text::span);
    let keys = [
        ("package", text(&archive.package), CARGO),
        ("features", archive.features.as_ref().map(toml::Spanned::span), CARGO),
        ("default-features", archive.default_features.as_ref().map(toml::Spanned::span), CARGO),
        ("cargo-profile", text(&archive.cargo_profile), CARGO),
        ("target", text(&archive.target), CARGO),
        ("args", archive.args.first().map(Text::span), &["cargo", "make", "cmake"]),
        ("targets", archive.targets.as_ref().map(toml::Spanned::span), &["make", "cmake"]),
        ("definitions", archive.definitions.as_ref().map(toml::Spanned::span), CMAKE),
        ("configuration", text(&archive.configuration), CMAKE),
        ("generator", text(&archive.generator), CMAKE),
    ];
    keys.into_iter().filter_map(|(key, span, forms)| Some((key, span?, forms))).collect()
}

fn check_archive(name: &Text, archive: &Archive, manifest: &Manifest, report: &mut Report) {
    let forms = [("cargo", &archive.cargo), ("make", &archive.make), ("cmake", &archive.cmake)];
    let given: Vec<(&str, &Text)> =
        forms.into_iter().filter_map(|(form, text)| Some((form, text.as_ref()?))).collect();
    match (given.as_slice(), &archive.command) {
        ([], None) => {
            let found = report.on(name, format!("nothing says how `{name}` is made"));
            let found = found.why("[archive.NAME] has `cargo`, `make` or `cmake`, or else a `command`");
            report
                .push(found.hint("`cargo = \"DIR/Cargo.toml\"`, or `make = \"DIR\"`, or `cmake = \"DIR\"`"));
        }
        ([(first, _), (second, text), ..], _) => {
            let found = report.on(text, format!("[archive.{name}] has both `{first}` and `{second}`"));
            report.push(found.hint("make two archives of it"));
        }
        _ => {}
    }
    if let Some(command) = archive.command.as_ref().filter(|command| command.get_ref().is_empty()) {
        let found = report.on(command, format!("`command` in [archive.{name}] is empty"));
        report.push(found.hint("its first word is the program"));
    }
    for (key, span, forms) in of_forms(archive) {
        if !given.is_empty() && !given.iter().any(|(form, _)| forms.contains(form))
            || given.is_empty() && archive.command.is_some()
        {
            let list = forms.iter().map(|form| format!("`{form}`")).collect::<Vec<_>>().join(" or ");
            let found = report.at(&span, format!("`{key}` in [archive.{name}] counts only with {list}"));
            report.push(found.hint("write it as a word of `command`, or take it out"));
        }
    }
    let needs_outputs = archive.cargo.is_none() && (archive.command.is_some() || !given.is_empty());
    if archive.outputs.is_empty() && needs_outputs {
        let found = report.on(name, format!("[archive.{name}] names no file that it makes"));
        report.push(found.hint("name one: `outputs = [\"libNAME.a\"]`"));
    }
    if archive.inputs.is_empty() && given.is_empty() && archive.command.is_some() {
        let found = report.on(name, format!("[archive.{name}] names nothing that it reads"));
        report.push(found.hint("name the directory of its sources: `inputs = [\"DIR\"]`"));
    }
    let names = archive.env.keys().chain(&archive.env_from);
    for variable in names.filter(|name| name.get_ref().is_empty() || name.get_ref().contains(['=', '\0'])) {
        report.push(report.on(variable, format!("`{variable}` cannot be the name of a variable")));
    }
    check_pool(archive.pool.as_ref(), manifest, report);
    when::check(archive.when.as_ref(), manifest, report);
}

fn check_pool(pool: Option<&Text>, manifest: &Manifest, report: &mut Report) {
    let Some(pool) = pool.filter(|pool| !manifest.pool.contains_key(*pool)) else { return };
    let found = report.on(pool, format!("the manifest has no pool `{pool}`"));
    let known = manifest.pool.keys().map(|name| name.get_ref().as_str());
    report.push(if manifest.pool.is_empty() {
        found.hint(format!("declare it: `[pool]` and `{pool} = 1`"))
    } else {
        found.suggest(pool.get_ref(), known)
    });
}
