//! A first manifest for the sources that lie in a directory.
//!
//! A file that defines `main` is a program, or a test if its name or directory says so; all other sources are one
//! library that the programs use. Of a single program everything is part. Include directories are those in which the
//! headers lie that sources name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;
use rekindle_toolchain::request::Language;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::glob::Pattern;
use crate::lower::{FileKind, kind_of};
use crate::project::is_plain_name;
use crate::reader::Reader;

/// What lies in the directory, by paths relative to it.
#[derive(Default)]
struct Inventory {
    /// Sources with a `main`.
    programs: Vec<PathBuf>,
    /// All other sources.
    sources: Vec<PathBuf>,
    headers: BTreeSet<PathBuf>,
    /// What cannot be part of it, and why.
    refused: Vec<(PathBuf, &'static str)>,
    /// The names that sources and headers include, each with the directory of who does.
    included: BTreeSet<(PathBuf, String)>,
}

/// The text of a manifest for the sources in `dir`.
///
/// # Errors
/// There is no source that can be built, or the directory cannot be read.
pub fn manifest_for(dir: &Path) -> Result<String, Diagnostics> {
    let complain = |error: &std::io::Error| {
        Diagnostics::from(Diagnostic::file(dir, format!("cannot read this: {}", crate::load::plain(error))))
    };
    let base = consult::canonical(dir).map_err(|error| complain(&error))?;
    let mut reader = Reader::default();
    let skip = ["build", "target", "node_modules"].map(|name| base.join(name));
    let everything =
        Pattern::new(&base, "**").map_err(|why| Diagnostics::from(Diagnostic::file(dir, why)))?;
    let found = everything.find(&mut reader, &skip).map_err(|unreadable| complain(&unreadable.error))?;
    let inventory = take(&base, &found);
    if inventory.programs.is_empty() && inventory.sources.is_empty() {
        let found = Diagnostic::file(dir, "there are no C, C++ or assembler sources here");
        return Err(found.hint("write a `rekindle.toml` by hand; docs/manifest.md explains it").into());
    }
    let name = plain(base.file_name().and_then(OsStr::to_str).unwrap_or("project"));
    Ok(write(&name, &inventory))
}

fn take(base: &Path, found: &[PathBuf]) -> Inventory {
    let mut inventory = Inventory::default();
    for path in found {
        let Ok(rel) = path.strip_prefix(base) else { continue };
        let rel = rel.to_path_buf();
        let kind = kind_of(&rel);
        if !matches!(kind, FileKind::Source(_) | FileKind::Header | FileKind::Refused(_)) {
            continue;
        }
        if rel.to_str().is_none() {
            inventory.refused.push((rel, "its name is not UTF-8; name it with a glob"));
            continue;
        }
        if let FileKind::Refused(why) = kind {
            inventory.refused.push((rel, why));
            continue;
        }
        let text = consult::read(path).unwrap_or_default();
        let text = without_comments(&String::from_utf8_lossy(&text));
        let here = rel.parent().unwrap_or(Path::new("")).to_path_buf();
        inventory.included.extend(includes(&text).map(|name| (here.clone(), name)));
        match kind {
            FileKind::Source(Language::C | Language::Cxx) if has_main(&text) => inventory.programs.push(rel),
            FileKind::Source(_) => inventory.sources.push(rel),
            _ => drop(inventory.headers.insert(rel)),
        }
    }
    inventory
}

/// The text with comments and string literals blanked; `#include` lines keep theirs.
fn without_comments(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut in_block = false;
    for line in text.lines() {
        let mut rest = line;
        let keeps_strings = !in_block && line.trim_start().starts_with('#');
        while !rest.is_empty() {
            if in_block {
                let Some(end) = rest.find("*/") else { break };
                in_block = false;
                rest = &rest[end + 2..];
            } else if rest.starts_with("//") {
                break;
            } else if let Some(inner) = rest.strip_prefix("/*") {
                in_block = true;
                rest = inner;
            } else if rest.starts_with('"') && !keeps_strings {
                rest = behind_string(&rest[1..]);
                result.push_str("\"\"");
            } else {
                let mut chars = rest.chars();
                result.extend(chars.next());
                rest = chars.as_str();
            }
        }
        result.push('\n');
    }
    result
}

fn behind_string(text: &str) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// Whether a function `main` is defined: the word, a parameter list, an opening brace.
fn has_main(text: &str) -> bool {
    text.match_indices("main").any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + 4..].trim_start();
        let is_word =
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.' || c == '>' || c == ':');
        let Some(inner) = after.strip_prefix('(').filter(|_| is_word) else { return false };
        let mut depth = 1;
        for (end, c) in inner.char_indices() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let behind = inner[end + 1..].trim_start();
                return behind.starts_with('{') || behind.starts_with("->") || behind.starts_with("noexcept");
            }
        }
        false
    })
}

fn includes(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?.trim_start();
        let (open, close) = if rest.starts_with('"') { ('"', '"') } else { ('<', '>') };
        let inner = rest.strip_prefix(open)?;
        Some(inner[..inner.find(close)?].to_string())
    })
}

/// The directories that must be searched so that what is included is found: none for what lies beside its includer.
fn include_dirs(inventory: &Inventory) -> Vec<String> {
    let mut dirs = BTreeSet::new();
    for (here, name) in &inventory.included {
        if inventory.headers.contains(&here.join(name)) {
            continue;
        }
        let ending = Path::new(name);
        let mut places: Vec<PathBuf> = inventory
            .headers
            .iter()
            .filter(|header| header.ends_with(ending))
            .filter_map(|header| header.ancestors().nth(ending.components().count()).map(Path::to_path_buf))
            .collect();
        // The shortest way is the likeliest.
        places.sort_by_key(|place| (place.components().count(), place.clone()));
        dirs.extend(places.into_iter().next());
    }
    let name =
        |dir: PathBuf| if dir.as_os_str().is_empty() { ".".to_string() } else { dir.display().to_string() };
    dirs.into_iter().map(name).collect()
}

fn is_test(path: &Path) -> bool {
    let word = |text: &str| {
        text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|w| w == "test" || w == "tests")
    };
    path.iter().filter_map(OsStr::to_str).any(word)
}

/// Globs for `sources`, a directory and ending each; whatever they match too much is in the second list.
fn globs(sources: &[&PathBuf], others: &[&PathBuf]) -> (Vec<String>, Vec<String>) {
    let mut groups: BTreeMap<(PathBuf, String), Vec<&PathBuf>> = BTreeMap::new();
    for source in sources {
        groups.entry(place_of(source)).or_default().push(source);
    }
    let (mut globs, mut excluded) = (Vec::new(), Vec::new());
    for ((dir, extension), members) in groups {
        let here: Vec<&&PathBuf> =
            others.iter().filter(|other| place_of(other) == (dir.clone(), extension.clone())).collect();
        let special =
            |path: &Path| path.to_str().is_none_or(|text| text.contains(['*', '?', '[', '{', '\\']));
        if (members.len() == 1 && !here.is_empty()) || members.len() < here.len() || special(&dir) {
            globs.extend(members.iter().map(|member| escaped(member)));
        } else {
            globs.push(dir.join(format!("*.{extension}")).display().to_string());
            excluded.extend(here.iter().map(|other| escaped(other)));
        }
    }
    (globs, excluded)
}

/// A path as a pattern that means only it; a path without special characters is itself.
fn escaped(path: &Path) -> String {
    let text = path.display().to_string();
    if !text.contains(['*', '?', '[', '{', '\\']) {
        return text;
    }
    text.chars().flat_map(|c| "*?[{\\".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

fn place_of(path: &Path) -> (PathBuf, String) {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    (path.parent().unwrap_or(Path::new("")).to_path_buf(), extension.to_string())
}

fn plain(text: &str) -> String {
    let name: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.+".contains(c) { c } else { '-' }).collect();
    let name = name.trim_matches(['.', '-']).to_string();
    if is_plain_name(&name) { name } else { "project".into() }
}

fn list(items: &[String]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    let line = format!("[{}]", quoted.join(", "));
    if line.len() <= 90 { line } else { format!("[\n    {},\n]", quoted.join(",\n    ")) }
}

fn write(name: &str, inventory: &Inventory) -> String {
    let mut text = format!("[project]\nname = {name:?}\n");
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    for (path, why) in &inventory.refused {
        line(format!("# Left out: {} ({why})", path.display()));
    }
    let dirs = include_dirs(inventory);
    let programs: Vec<&PathBuf> = inventory.programs.iter().collect();
    let sources: Vec<&PathBuf> = inventory.sources.iter().collect();
    if let [program] = programs.as_slice()
        && !is_test(program)
    {
        let all: Vec<&PathBuf> = programs.iter().chain(&sources).copied().collect();
        let (globs, _) = globs(&all, &[]);
        line(format!("\n[executable.{}]\nsources = {}", free_name(name, &mut BTreeSet::new()), list(&globs)));
        if !dirs.is_empty() {
            line(format!("include = {}", list(&dirs)));
        }
        return text;
    }
    let mut taken = BTreeSet::new();
    let library = (!sources.is_empty()).then(|| {
        let name = plain(name);
        taken.insert(name.clone());
        name
    });
    if let Some(library) = &library {
        let (globs, excluded) = globs(&sources, &programs);
        line(format!("\n[library.{library}]\nsources = {}", list(&globs)));
        if !excluded.is_empty() {
            line(format!("exclude = {}", list(&excluded)));
        }
        if !dirs.is_empty() {
            line(format!("include = {}", list(&dirs)));
        }
    }
    for program in programs {
        let section = if is_test(program) { "test" } else { "executable" };
        let stem = program.file_stem().and_then(OsStr::to_str).unwrap_or("main");
        // A program called like its project may well have the same name as the library.
        let wanted = if stem == "main" { format!("{name}-main") } else { stem.to_string() };
        line(format!(
            "\n[{section}.{}]\nsources = {}",
            free_name(&wanted, &mut taken),
            list(&[escaped(program)])
        ));
        match &library {
            Some(library) => line(format!("deps = [{library:?}]")),
            None if !dirs.is_empty() => line(format!("include = {}", list(&dirs))),
            None => {}
        }
    }
    text
}

/// A name for a program that is not taken; as a TOML key.
fn free_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let base = plain(wanted);
    let base = if crate::names::is_reserved(&base) { format!("{base}-program") } else { base };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let name =
        std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(base);
    taken.insert(name.clone());
    let bare = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name } else { format!("{name:?}") }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
#[path = "tests/init.rs"]
mod tests;
