//! Reads `.pc` files as `pkg-config` does, without running it.
//!
//! The format: `name=value` lines set variables, `Name: value` lines set fields, `#` starts a comment, a backslash at
//! a line's end continues it, and `${name}` is a variable's value. `pcfiledir` is the file's directory. Fields that
//! count: `Version`, `Requires`, `Requires.private` (whose `Cflags` count too), `Cflags`, `Libs`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;

use crate::reader::{Found, Reader};

/// What packages add to commands. The order is that of the packages, each before what it requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `-I`
    pub(crate) includes: Vec<PathBuf>,
    /// `-D`
    pub(crate) defines: Vec<String>,
    /// Everything else in `Cflags`.
    pub(crate) compile: Vec<String>,
    /// `-L`
    pub(crate) library_dirs: Vec<PathBuf>,
    /// `-l`, and everything else in `Libs`, in order.
    pub(crate) link: Vec<String>,
}

/// Where packages are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SearchPath {
    /// The directories, in order.
    pub(crate) directories: Vec<PathBuf>,
    /// What is put before the paths in flags (`PKG_CONFIG_SYSROOT_DIR`, or the toolchain's).
    pub(crate) sysroot: Option<PathBuf>,
}

/// A package and perhaps the version it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) version: Option<(String, String)>,
}

struct Package {
    fields: BTreeMap<String, String>,
}

/// Splits `zlib, libpng >= 1.6` (commas may be missing).
pub(crate) fn wishes(text: &str) -> Result<Vec<Wish>, String> {
    let mut spaced = String::new();
    let mut last = ' ';
    for c in text.chars() {
        let is_operator = |c: char| "<>=!".contains(c);
        if is_operator(c) != is_operator(last) {
            spaced.push(' ');
        }
        spaced.push(if c == ',' { ' ' } else { c });
        last = c;
    }
    let mut words = spaced.split_whitespace().peekable();
    let mut wishes = Vec::new();
    while let Some(name) = words.next() {
        let is_operator = |word: &&str| ["=", "<", ">", "<=", ">=", "!="].contains(word);
        if is_operator(&name) {
            return Err(format!("`{name}` without a package before it"));
        }
        let is_like_one = |word: &&str| word.chars().all(|c| "<>=!".contains(c));
        if let Some(wrong) = words.peek().filter(|word| is_like_one(word) && !is_operator(word)) {
            return Err(format!("`{wrong}` is no comparison: those are =, <, >, <=, >= and !="));
        }
        let version = match words.next_if(is_operator) {
            None => None,
            Some(operator) => {
                let version =
                    words.next().ok_or_else(|| format!("`{operator}` without a version behind it"))?;
                Some((operator.to_string(), version.to_string()))
            }
        };
        wishes.push(Wish { name: name.to_string(), version });
    }
    Ok(wishes)
}

/// The flags of `packages` and of everything that they require.
///
/// # Errors
/// What is missing or wrong, in a sentence.
pub(crate) fn flags(reader: &mut Reader, path: &SearchPath, packages: &[Wish]) -> Result<Flags, String> {
    let mut work =
        Work { reader, path, order: Vec::new(), packages: BTreeMap::new(), private: BTreeSet::new() };
    for wish in packages {
        work.add(wish, None, false, 0)?;
    }
    work.collect()
}

struct Work<'a> {
    reader: &'a mut Reader,
    path: &'a SearchPath,
    /// Names in the order in which they were first required.
    order: Vec<String>,
    packages: BTreeMap<String, Package>,
    /// Those that are only privately required: their `Libs` do not count.
    private: BTreeSet<String>,
}

impl Work<'_> {
    fn add(&mut self, wish: &Wish, user: Option<&str>, private: bool, depth: usize) -> Result<(), String> {
        if depth > 100 {
            return Err(format!("package `{}`: requirements nest too deep", wish.name));
        }
        if let Some(known) = self.packages.get(&wish.name) {
            check_version(wish, known)?;
            if private || !self.private.remove(&wish.name) {
                return Ok(());
            }
        } else {
            let package = self.find(&wish.name, user)?;
            check_version(wish, &package)?;
            self.packages.insert(wish.name.clone(), package);
            self.order.push(wish.name.clone());
            if private {
                self.private.insert(wish.name.clone());
            }
        }
        for (field, is_private) in [("Requires", private), ("Requires.private", true)] {
            let text = self.packages.get(&wish.name).and_then(|package| package.fields.get(field)).cloned();
            let inner =
                wishes(&text.unwrap_or_default()).map_err(|why| format!("package `{}`: {why}", wish.name))?;
            for inner in inner {
                self.add(&inner, Some(&wish.name), is_private, depth + 1)?;
            }
        }
        Ok(())
    }

    fn find(&mut self, name: &str, user: Option<&str>) -> Result<Package, String> {
        for directory in &self.path.directories {
            let file = directory.join(format!("{name}.pc"));
            if !matches!(self.reader.probe(&file), Ok(Found::File)) {
                continue;
            }
            let shown = file.display();
            let bytes = consult::read(&file)
                .map_err(|e| format!("cannot read `{shown}`: {}", crate::load::plain(&e)))?;
            let text = String::from_utf8(bytes).map_err(|_| format!("`{shown}` is not UTF-8 text"))?;
            return parse(&text, &file);
        }
        let by = user.map(|user| format!(", which `{user}` requires")).unwrap_or_default();
        Err(format!("there is no package `{name}`{by}"))
    }

    fn collect(self) -> Result<Flags, String> {
        let mut flags = Flags::default();
        let system = |path: &Path, list: &[&str]| list.iter().any(|known| path == Path::new(known));
        for name in &self.order {
            let Some(package) = self.packages.get(name) else { continue };
            for (option, value) in words(package, "Cflags", name)? {
                let path = self.rooted(&value);
                match option.as_str() {
                    "-I" if system(&path, &["/usr/include"]) => {}
                    "-I" => push(&mut flags.includes, path),
                    "-D" => push(&mut flags.defines, value),
                    _ => push(&mut flags.compile, option + &value),
                }
            }
            if self.private.contains(name) {
                continue;
            }
            for (option, value) in words(package, "Libs", name)? {
                let path = self.rooted(&value);
                match option.as_str() {
                    "-L" if system(&path, &["/usr/lib", "/lib", "/usr/lib64", "/lib64"]) => {}
                    "-L" => push(&mut flags.library_dirs, path),
                    _ => flags.link.push(option + &value),
                }
            }
        }
        // A library that several name stands behind all of them.
        let mut kept: Vec<String> = Vec::new();
        for word in flags.link.drain(..).rev() {
            if !word.starts_with("-l") || !kept.contains(&word) {
                kept.push(word);
            }
        }
        kept.reverse();
        flags.link = kept;
        Ok(flags)
    }

    fn rooted(&self, value: &str) -> PathBuf {
        match &self.path.sysroot {
            Some(sysroot) if value.starts_with('/') && !Path::new(value).starts_with(sysroot) => {
                sysroot.join(value.trim_start_matches('/'))
            }
            _ => PathBuf::from(value),
        }
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn parse(text: &str, file: &Path) -> Result<Package, String> {
    let shown = file.display();
    let directory = file.parent().unwrap_or(Path::new("/")).to_str();
    let directory =
        directory.ok_or_else(|| format!("`{shown}` lies in a directory whose name is not UTF-8"))?;
    let mut variables = BTreeMap::from([
        ("pcfiledir".to_string(), directory.to_string()),
        ("pc_sysrootdir".to_string(), "/".to_string()),
    ]);
    let mut fields = BTreeMap::new();
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    for line in joined.lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        let end =
            line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(line.len());
        let (name, rest) = (&line[..end], line[end..].trim_start());
        if name.is_empty() {
            continue;
        }
        if let Some(value) = rest.strip_prefix('=') {
            let value = expand(value.trim(), &variables).map_err(|why| format!("`{shown}`: {why}"))?;
            variables.insert(name.to_string(), value);
        } else if let Some(value) = rest.strip_prefix(':') {
            let value = expand(value.trim(), &variables).map_err(|why| format!("`{shown}`: {why}"))?;
            let name = if name == "CFlags" { "Cflags" } else { name };
            fields.insert(name.to_string(), value);
        }
    }
    Ok(Package { fields })
}

fn expand(value: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(behind) = rest.strip_prefix("$$") {
            result.push('$');
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("${") {
            let end = behind.find('}').ok_or("`${` without a `}`")?;
            let name = &behind[..end];
            result.push_str(variables.get(name).ok_or_else(|| format!("there is no variable `{name}`"))?);
            if result.len() > 1 << 20 {
                return Err("a value grows too long".into());
            }
            rest = &behind[end + 1..];
        } else {
            result.push('$');
            rest = &rest[1..];
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// The words of a flags field, `-I`, `-L` and `-D` taken from what is behind them (`-I dir` too).
fn words(package: &Package, field: &str, name: &str) -> Result<Vec<(String, String)>, String> {
    let Some(text) = package.fields.get(field) else { return Ok(Vec::new()) };
    let mut words = split(text).map_err(|why| format!("package `{name}`, {field}: {why}"))?.into_iter();
    let mut pairs = Vec::new();
    while let Some(word) = words.next() {
        let option = ["-I", "-L", "-D"].into_iter().find(|option| word.starts_with(option));
        match option {
            Some(option) if word.len() == 2 => {
                let value = words
                    .next()
                    .ok_or_else(|| format!("package `{name}`: `{option}` with nothing behind it"))?;
                pairs.push((option.to_string(), value));
            }
            Some(option) => pairs.push((option.to_string(), word[2..].to_string())),
            None => pairs.push((String::new(), word)),
        }
    }
    Ok(pairs)
}

/// Splits as a shell does: blanks, quotes, backslashes.
fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    words.extend(word);
    Ok(words)
}

fn check_version(wish: &Wish, package: &Package) -> Result<(), String> {
    let Some((operator, wanted)) = &wish.version else { return Ok(()) };
    let has = package.fields.get("Version").map_or("", String::as_str);
    let order = compare(has, wanted);
    let holds = match operator.as_str() {
        "=" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        ">" => order == Ordering::Greater,
        "<=" => order != Ordering::Greater,
        _ => order != Ordering::Less,
    };
    if holds {
        Ok(())
    } else {
        Err(format!("package `{}` has version {has}, and should be {operator} {wanted}", wish.name))
    }
}

/// Compares versions by their runs of digits and of letters, as package managers do: a number is newer than letters,
/// and of two versions that begin alike the longer is newer.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (runs(a).into_iter(), runs(b).into_iter());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => {
                let is_number = |run: &str| run.starts_with(|c: char| c.is_ascii_digit());
                let order = match (is_number(a), is_number(b)) {
                    (true, true) => {
                        let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
                        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
                    }
                    (false, false) => a.cmp(b),
                    (a, b) => a.cmp(&b),
                };
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

fn runs(text: &str) -> Vec<&str> {
    let kind = |c: char| if c.is_ascii_digit() { 1 } else { u8::from(c.is_alphabetic()) * 2 };
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        if kind(first) != 0 {
            runs.push(&rest[..end]);
        }
        rest = &rest[end..];
    }
    runs
}

/// The search path for packages. A cross toolchain without a sysroot has only what the variables name.
///
/// `variable` gives `PKG_CONFIG_PATH`, `PKG_CONFIG_LIBDIR` and `PKG_CONFIG_SYSROOT_DIR`; `triple` names the
/// multi-architecture directory of the machine (`x86_64-linux-gnu`).
pub(crate) fn search_path(
    mut variable: impl FnMut(&str) -> Option<std::ffi::OsString>,
    sysroot: Option<&Path>,
    is_host: bool,
    triple: &str,
) -> SearchPath {
    let mut directories = Vec::new();
    if let Some(first) = variable("PKG_CONFIG_PATH") {
        directories.extend(std::env::split_paths(&first));
    }
    match variable("PKG_CONFIG_LIBDIR") {
        Some(instead) => directories.extend(std::env::split_paths(&instead)),
        None if is_host || sysroot.is_some() => {
            let base = sysroot.unwrap_or(Path::new("/"));
            for prefix in ["usr/local", "usr"] {
                for library in [format!("lib/{triple}"), "lib64".into(), "lib".into(), "share".into()] {
                    directories.push(base.join(prefix).join(library).join("pkgconfig"));
                }
            }
        }
        None => {}
    }
    directories.retain(|directory| directory.is_absolute());
    let told = variable("PKG_CONFIG_SYSROOT_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    SearchPath { directories, sysroot: told.or_else(|| sysroot.map(Path::to_path_buf)) }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
#[path = "tests/pkgconfig.rs"]
mod tests;
