//! cargo's configuration: which files count, and what of them we have to know to add to it rather than to replace it.
//!
//! Source: the Cargo reference, "Configuration" (<https://doc.rust-lang.org/cargo/reference/config.html>). Of the places
//! where flags for the compiler are given, the first that has any counts alone: `CARGO_ENCODED_RUSTFLAGS`, `RUSTFLAGS`, all
//! of `target.*.rustflags` that apply, `build.rustflags`. Within the last two, lists of several files and of `--config` are
//! joined, and a string takes the place of the string of a file further away.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;
use toml::{Table, Value};

use super::crates::joined;

/// The configuration for a directory.
#[derive(Default)]
pub(super) struct Config {
    /// The files, nearest first.
    pub(super) files: Vec<(PathBuf, Table)>,
}

/// Where flags for the compiler have to be given so that those of the project keep counting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flags {
    /// Behind those in this variable.
    Variable(&'static str),
    /// As `--config` with this key: as a list, or as a string behind this one.
    Key(&'static str, Option<String>),
}

impl Config {
    /// The files that count for `directory`: below it and each directory above, and in cargo's own.
    pub(super) fn find(directory: &Path, cargo_home: Option<&Path>) -> Self {
        let mut places: Vec<PathBuf> = directory.ancestors().map(|above| above.join(".cargo")).collect();
        places.extend(cargo_home.map(Path::to_path_buf).filter(|home| !places.contains(home)));
        let mut files = Vec::new();
        for place in places {
            // The older name wins.
            let found = ["config", "config.toml"]
                .into_iter()
                .map(|name| place.join(name))
                .find(|path| consult::is_file(path));
            files.extend(found.into_iter().flat_map(|path| read(path, 0)));
        }
        Self { files }
    }

    /// Directories with sources that are taken in the place of a registry.
    pub(super) fn vendored(&self) -> Vec<PathBuf> {
        let sources = |(path, file): &(PathBuf, Table)| {
            let base = path.parent().and_then(Path::parent).map(Path::to_path_buf);
            let sources = file.get("source").and_then(Value::as_table).cloned().unwrap_or_default();
            let places = sources.into_iter().filter_map(move |(_, source)| {
                Some(joined(base.as_deref()?, source.get("directory")?.as_str()?))
            });
            places.collect::<Vec<_>>()
        };
        self.files.iter().flat_map(sources).collect()
    }

    fn values(&self, table: &str, key: &str) -> Vec<(&Path, &Value)> {
        let files = self.files.iter();
        files.filter_map(|(path, file)| Some((path.as_path(), file.get(table)?.get(key)?))).collect()
    }

    /// The nearest text of a key.
    pub(super) fn text(&self, table: &str, key: &str) -> Option<&str> {
        self.values(table, key).into_iter().find_map(|(_, value)| value.as_str())
    }

    /// Directories of packages that are taken in the place of others.
    pub(super) fn replaced(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (path, file) in &self.files {
            let Some(base) = path.parent().and_then(Path::parent) else { continue };
            let listed = file.get("paths").and_then(Value::as_array).into_iter().flatten();
            found.extend(listed.filter_map(|place| Some(joined(base, place.as_str()?))));
            let patches = file.get("patch").and_then(Value::as_table).into_iter().flat_map(Table::values);
            let entries = patches.filter_map(Value::as_table).flat_map(Table::values);
            found.extend(entries.filter_map(|entry| Some(joined(base, entry.get("path")?.as_str()?))));
        }
        found
    }

    /// Programs that it names: the linker for a target, wrappers of the compiler.
    pub(super) fn programs(&self, target: &str) -> Vec<OsString> {
        let mut found = Vec::new();
        for key in ["rustc", "rustc-wrapper", "rustc-workspace-wrapper"] {
            let values = self.values("build", key).into_iter();
            found.extend(values.filter_map(|(path, value)| program(path, value)).take(1));
        }
        for (path, file) in &self.files {
            let own = file.get("target").and_then(|targets| targets.get(target)?.get("linker"));
            found.extend(own.and_then(|linker| program(path, linker)));
        }
        found
    }

    /// Where flags have to be given when `target` is built in this environment.
    pub(super) fn flags(&self, environment: &BTreeMap<OsString, OsString>, target: &str) -> Flags {
        let is_set = |name: &str| environment.contains_key(OsStr::new(name));
        let has_any = |name: &str| {
            environment.get(OsStr::new(name)).is_some_and(|value| !value.to_string_lossy().trim().is_empty())
        };
        if let Some(name) = ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"].into_iter().find(|name| is_set(name)) {
            return Flags::Variable(name);
        }
        let own = format!("CARGO_TARGET_{}_RUSTFLAGS", target.to_uppercase().replace(['-', '.'], "_"));
        let targets = self.files.iter().filter_map(|(_, file)| file.get("target")?.as_table()).flatten();
        // Where all lists are empty, those of `build` count.
        let mut given = targets.filter(|(_, table)| table.get("rustflags").is_some_and(has_flags));
        let applies = |name: &str| name == target || cfg_holds(name, target) == Some(true);
        if has_any(&own) || given.any(|(name, _)| applies(name)) {
            return Flags::Key("target.'cfg(all())'.rustflags", None);
        }
        let nearest = self.values("build", "rustflags").first().and_then(|(_, value)| value.as_str());
        Flags::Key("build.rustflags", nearest.map(str::to_string))
    }
}

/// A file, and the ones that it includes, which count less.
fn read(path: PathBuf, depth: usize) -> Vec<(PathBuf, Table)> {
    /// Files that include each other are cargo's to refuse.
    const DEEPEST: usize = 16;
    let text = consult::read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // One that is no TOML is cargo's to refuse.
    let table: Table = text.and_then(|text| text.parse().ok()).unwrap_or_default();
    let include = table.get("include");
    let listed = include.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let spelled = include
        .into_iter()
        .chain(listed)
        .filter_map(|one| one.as_str().or_else(|| one.get("path").and_then(Value::as_str)));
    let base = path.parent().unwrap_or(Path::new("/"));
    // The last one counts most.
    let included: Vec<PathBuf> = spelled.map(|text| joined(base, text)).rev().collect();
    let mut files = vec![(path, table)];
    if depth < DEEPEST {
        files.extend(included.into_iter().flat_map(|path| read(path, depth + 1)));
    }
    files
}

/// Whether flags are not an empty list of them.
fn has_flags(flags: &Value) -> bool {
    match flags {
        Value::Array(list) => !list.is_empty(),
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}

/// A program in a configuration file: a name, or a path from the directory that holds `.cargo`.
fn program(file: &Path, value: &Value) -> Option<OsString> {
    let text = value.as_str().filter(|text| !text.is_empty())?;
    let base = file.parent()?.parent()?;
    Some(if text.contains('/') { joined(base, text).into() } else { text.into() })
}

/// Whether `cfg(...)` holds for a target, as far as its name tells.
fn cfg_holds(text: &str, target: &str) -> Option<bool> {
    let inner = text.trim().strip_prefix("cfg(")?.strip_suffix(')')?;
    holds(inner.trim(), target)
}

fn holds(text: &str, target: &str) -> Option<bool> {
    let call = |name: &str| text.strip_prefix(name)?.trim_start().strip_prefix('(')?.strip_suffix(')');
    if let Some(inner) = call("not") {
        return holds(inner.trim(), target).map(|is| !is);
    }
    if let Some(inner) = call("all") {
        let each: Vec<Option<bool>> = split(inner).into_iter().map(|part| holds(part, target)).collect();
        return if each.contains(&Some(false)) {
            Some(false)
        } else {
            each.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
        };
    }
    if let Some(inner) = call("any") {
        let each: Vec<Option<bool>> = split(inner).into_iter().map(|part| holds(part, target)).collect();
        return if each.contains(&Some(true)) {
            Some(true)
        } else {
            each.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
        };
    }
    let parts: Vec<&str> = target.split('-').collect();
    let has = |word: &str| parts.contains(&word);
    let is_unix = has("linux") || has("darwin") || parts.iter().any(|part| part.ends_with("bsd"));
    match text.split_once('=').map(|(key, value)| (key.trim(), value.trim().trim_matches('"'))) {
        None if text == "unix" => Some(is_unix),
        None if text == "windows" => Some(has("windows")),
        Some(("target_os", os)) => Some(has(os) || os == "macos" && has("darwin")),
        Some(("target_arch", arch)) => Some(parts.first() == Some(&arch)),
        Some(("target_family", "unix")) => Some(is_unix),
        Some(("target_env", env)) => Some(parts.last().is_some_and(|last| last.starts_with(env))),
        _ => None,
    }
}

/// The parts between commas that are in no parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0_i32, 0);
    let mut parts = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "x86_64-unknown-linux-gnu";

    fn config(texts: &[&str]) -> Config {
        let file = |text: &&str| (PathBuf::from("/p/.cargo/config.toml"), text.parse().unwrap());
        Config { files: texts.iter().map(file).collect() }
    }

    fn flags(texts: &[&str], variables: &[(&str, &str)]) -> Flags {
        let environment = variables.iter().map(|(name, value)| (name.into(), value.into())).collect();
        config(texts).flags(&environment, HOST)
    }

    #[test]
    fn flags_go_where_those_of_the_project_are() {
        let build = "[build]\nrustflags = [\"-Cx\"]";
        let string = "[build]\nrustflags = \"-Cx\"";
        let target = "[target.x86_64-unknown-linux-gnu]\nrustflags = [\"-Cy\"]";
        let other = "[target.wasm32-unknown-unknown]\nrustflags = [\"-Cy\"]";
        let cfg = "[target.'cfg(all(unix, target_os = \"linux\"))']\nrustflags = [\"-Cy\"]";
        let list = Flags::Key("build.rustflags", None);
        let all = Flags::Key("target.'cfg(all())'.rustflags", None);
        assert_eq!(flags(&[], &[]), list);
        assert_eq!(flags(&[build], &[]), list);
        assert_eq!(flags(&[string, build], &[]), Flags::Key("build.rustflags", Some("-Cx".into())));
        assert_eq!(flags(&[build, target], &[]), all);
        assert_eq!(flags(&[other, build], &[]), list);
        assert_eq!(flags(&[cfg], &[]), all);
        assert_eq!(flags(&[target], &[("RUSTFLAGS", "")]), Flags::Variable("RUSTFLAGS"));
        let both = [("RUSTFLAGS", ""), ("CARGO_ENCODED_RUSTFLAGS", "-Cz")];
        assert_eq!(flags(&[target], &both), Flags::Variable("CARGO_ENCODED_RUSTFLAGS"));
        assert_eq!(flags(&[build], &[("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-Cx")]), all);
        // What is empty is none.
        let empty = "[target.x86_64-unknown-linux-gnu]\nrustflags = []";
        assert_eq!(flags(&[build, empty], &[("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", " ")]), list);
    }

    #[test]
    fn conditions_hold_as_far_as_the_name_of_a_target_tells() {
        let is = |text: &str| cfg_holds(text, HOST);
        assert_eq!(is("cfg(unix)"), Some(true));
        assert_eq!(is("cfg(windows)"), Some(false));
        assert_eq!(is("cfg(all())"), Some(true));
        assert_eq!(is("cfg(any())"), Some(false));
        assert_eq!(is("cfg(not(any(windows, target_os = \"macos\")))"), Some(true));
        assert_eq!(is("cfg(target_arch = \"aarch64\")"), Some(false));
        assert_eq!(is("cfg(target_feature = \"avx2\")"), None);
        assert_eq!(is("cfg(all(unix, target_feature = \"avx2\"))"), None);
        assert_eq!(is("cfg(any(unix, target_feature = \"avx2\"))"), Some(true));
        assert_eq!(is("x86_64-unknown-linux-gnu"), None);
    }

    #[test]
    fn programs_and_replaced_packages_are_found_from_the_directory_above() {
        let text = "paths = [\"vendor/a\"]\n[build]\nrustc-wrapper = \"tools/wrap\"\n[target.x86_64-unknown-linux-gnu]\nlinker = \"clang\"\n[patch.crates-io]\nb = { path = \"b\" }";
        let config = config(&[text]);
        assert_eq!(config.programs(HOST), ["/p/tools/wrap", "clang"]);
        assert_eq!(config.replaced(), [Path::new("/p/vendor/a"), Path::new("/p/b")]);
    }
}
