//! Packages of cargo: which of them belong together, read from their manifests. Nothing is asked of cargo.
//!
//! Source: the Cargo reference, "The Manifest Format", "Workspaces", "Specifying Dependencies" and "Overriding
//! Dependencies" (<https://doc.rust-lang.org/cargo/reference/>).

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use globset::GlobBuilder;
use rekindle_fingerprint::consult;
use rekindle_fingerprint::roots::normalize;
use toml::{Table, Value};

/// The name of a package's manifest.
pub(super) const MANIFEST: &str = "Cargo.toml";

/// Reads manifests, each once.
#[derive(Default)]
pub(super) struct Crates {
    read: HashMap<PathBuf, Option<Rc<Table>>>,
}

/// A package.
#[derive(Clone, Debug)]
pub(super) struct Package {
    /// Its directory.
    pub(super) directory: PathBuf,
    /// Its manifest.
    pub(super) table: Rc<Table>,
}

/// The packages that one is built from, besides those that cargo downloads.
pub(super) struct Closure {
    /// By directory.
    pub(super) packages: Vec<Package>,
    /// Whether something else than these is depended on.
    pub(super) is_open: bool,
}

impl Package {
    /// Its name.
    pub(super) fn name(&self) -> Option<&str> {
        self.table.get("package")?.get("name")?.as_str()
    }

    /// The name of the file that its library is, without `lib` and `.a`.
    pub(super) fn library(&self) -> Option<String> {
        let own = self.table.get("lib").and_then(|lib| lib.get("name")).and_then(Value::as_str);
        own.or_else(|| self.name()).map(|name| name.replace('-', "_"))
    }

    /// The crate types of its library.
    pub(super) fn crate_types(&self) -> Vec<&str> {
        let lib = self.table.get("lib");
        let types = lib.and_then(|lib| lib.get("crate-type").or_else(|| lib.get("crate_type")));
        types.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Whether a program is linked to build it: a build script, or a macro that the compiler loads.
    pub(super) fn links(&self) -> bool {
        let build = self.table.get("package").and_then(|package| package.get("build"));
        let has_script = match build {
            Some(Value::Boolean(false)) => false,
            Some(_) => true,
            None => consult::is_file(&self.directory.join("build.rs")),
        };
        let lib = self.table.get("lib");
        let is_macro = lib.and_then(|lib| lib.get("proc-macro").or_else(|| lib.get("proc_macro")));
        has_script || is_macro.and_then(Value::as_bool) == Some(true)
    }
}

/// `spelled`, from the directory `base`.
pub(super) fn joined(base: &Path, spelled: &str) -> PathBuf {
    normalize(base, Path::new(spelled), consult::is_link)
}

impl Crates {
    /// The manifest in a directory; none if there is none that can be read.
    pub(super) fn table(&mut self, directory: &Path) -> Option<Rc<Table>> {
        if let Some(known) = self.read.get(directory) {
            return known.clone();
        }
        let path = directory.join(MANIFEST);
        let bytes = if consult::is_file(&path) { consult::read(&path).ok() } else { None };
        let table = bytes.and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<Table>().ok()).map(Rc::new);
        self.read.insert(directory.to_path_buf(), table.clone());
        table
    }

    /// The package in a directory.
    pub(super) fn package(&mut self, directory: &Path) -> Option<Package> {
        let table = self.table(directory)?;
        table.contains_key("package").then(|| Package { directory: directory.to_path_buf(), table })
    }

    /// The directory of the workspace that the manifest in a directory belongs to: its own, if it is in none.
    pub(super) fn root(&mut self, directory: &Path) -> PathBuf {
        let Some(own) = self.table(directory) else { return directory.to_path_buf() };
        if own.contains_key("workspace") {
            return directory.to_path_buf();
        }
        if let Some(told) =
            own.get("package").and_then(|package| package.get("workspace")).and_then(Value::as_str)
        {
            return joined(directory, told);
        }
        let above = directory.ancestors().skip(1).find(|above| {
            let table = self.table(above);
            let Some(workspace) = table.as_ref().and_then(|table| table.get("workspace")) else {
                return false;
            };
            let excluded = workspace.get("exclude").and_then(Value::as_array).into_iter().flatten();
            !excluded.filter_map(Value::as_str).any(|out| directory.starts_with(joined(above, out)))
        });
        above.unwrap_or(directory).to_path_buf()
    }

    /// The packages of a workspace.
    pub(super) fn members(&mut self, root: &Path) -> Vec<Package> {
        let Some(table) = self.table(root) else { return Vec::new() };
        let mut found: BTreeMap<PathBuf, Package> = BTreeMap::new();
        let listed = table.get("workspace").and_then(|workspace| workspace.get("members"));
        let listed = listed.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let mut open: Vec<PathBuf> = vec![root.to_path_buf()];
        open.extend(listed.flat_map(|pattern| expanded(root, pattern)));
        while let Some(directory) = open.pop() {
            if found.contains_key(&directory) {
                continue;
            }
            if let Some(package) = self.package(&directory) {
                let paths = self.depends(&package, root).0;
                open.extend(paths.into_iter().filter(|path| path.starts_with(root)));
                found.insert(directory, package);
            }
        }
        found.into_values().collect()
    }

    /// The packages that `package` is built from: itself, its path dependencies, and what `[patch]` and `[replace]` of the
    /// workspace and `more` put in the place of others.
    pub(super) fn closure(&mut self, package: &Package, root: &Path, more: &[PathBuf]) -> Closure {
        let mut open = vec![package.directory.clone()];
        open.extend(more.iter().cloned());
        if let Some(table) = self.table(root) {
            let patches = table.get("patch").and_then(Value::as_table).into_iter().flat_map(Table::values);
            let tables = patches.chain(table.get("replace")).filter_map(Value::as_table);
            let entries = tables.flat_map(Table::values);
            open.extend(entries.filter_map(|entry| Some(joined(root, entry.get("path")?.as_str()?))));
        }
        let mut found: BTreeMap<PathBuf, Package> = BTreeMap::new();
        let mut is_open = false;
        while let Some(directory) = open.pop() {
            if found.contains_key(&directory) {
                continue;
            }
            if let Some(package) = self.package(&directory) {
                // One of another workspace inherits from that.
                let own = self.root(&directory);
                let (paths, others) = self.depends(&package, &own);
                is_open |= others;
                open.extend(paths);
                found.insert(directory, package);
            }
        }
        Closure { packages: found.into_values().collect(), is_open }
    }

    /// The directories of the path dependencies of a package, and whether it has others.
    fn depends(&mut self, package: &Package, root: &Path) -> (Vec<PathBuf>, bool) {
        const KINDS: [&str; 3] = ["dependencies", "build-dependencies", "build_dependencies"];
        let shared = self.table(root);
        let shared = shared.as_ref().and_then(|table| table.get("workspace")?.get("dependencies"));
        let targets =
            package.table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let tables = targets.filter_map(Value::as_table).chain([&*package.table]);
        let entries =
            tables.flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table())).flatten();
        let (mut paths, mut others) = (Vec::new(), false);
        for (name, entry) in entries {
            let own = entry.get("path").and_then(Value::as_str).map(|path| joined(&package.directory, path));
            let inherits = entry.get("workspace").and_then(Value::as_bool) == Some(true);
            let theirs = shared.filter(|_| inherits).and_then(|table| table.get(name)?.get("path")?.as_str());
            match own.or_else(|| theirs.map(|path| joined(root, path))) {
                Some(path) => paths.push(path),
                None => others = true,
            }
        }
        (paths, others)
    }
}

/// The directories that a pattern of `members` means.
fn expanded(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let mut places = vec![root.to_path_buf()];
    for part in Path::new(pattern).components() {
        let Component::Normal(name) = part else {
            places = places.iter().map(|place| joined(place, &part.as_os_str().to_string_lossy())).collect();
            continue;
        };
        places = places.iter().flat_map(|place| matching(place, name)).collect();
    }
    places
}

fn matching(place: &Path, name: &OsStr) -> Vec<PathBuf> {
    let text = name.to_string_lossy();
    if !text.contains(['*', '?', '[']) {
        return vec![place.join(name)];
    }
    let Ok(glob) = GlobBuilder::new(&text).literal_separator(true).build() else { return Vec::new() };
    let glob = glob.compile_matcher();
    let names = consult::list(place).unwrap_or_default();
    names.into_iter().filter(|name| glob.is_match(Path::new(name))).map(|name| place.join(name)).collect()
}

#[cfg(test)]
#[path = "crates/tests.rs"]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests;
