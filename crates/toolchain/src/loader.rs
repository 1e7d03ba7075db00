//! Which shared libraries a program loads, found as the dynamic loader finds them.
//!
//! Source: `ld.so(8)`. For a library without a slash in its name: the `DT_RPATH` of what needs it and of what loaded
//! that (unless it has a `DT_RUNPATH`), `LD_LIBRARY_PATH`, its `DT_RUNPATH`, the cache that `ldconfig` wrote, the
//! default directories. Left out is what the C library ships (see [`C_LIBRARY`]): every other program on the machine
//! runs on it too, and a toolchain copied to another machine meets another one there.
//!
//! Variants of a library for newer processors (`glibc-hwcaps`) are counted all, because any may be loaded.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;

use crate::desk::Desk;
use crate::elf::{Binary, Loads};
use crate::environment::Environment;
use crate::error::ToolchainError;
use crate::find;

/// The libraries of glibc and musl, by the start of their names. `libgcc_s` and `libstdc++` are not among them: they
/// come with a compiler, and a sort or a hash table in them may order what a compiler emits.
pub(crate) const C_LIBRARY: &[&str] = &[
    "libc.so.",
    "libm.so.",
    "libmvec.so.",
    "libpthread.so.",
    "libdl.so.",
    "librt.so.",
    "libutil.so.",
    "libresolv.so.",
    "libanl.so.",
    "libnsl.so.",
    "ld-linux",
    "ld64.so.",
    "linux-vdso.so.",
    "libc.musl-",
    "ld-musl-",
];

const DEFAULT: &[&str] =
    &["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

const CACHE: &str = "/etc/ld.so.cache";

/// How many libraries are followed; no program loads so many.
const LIMIT: usize = 1000;

/// A library that a program loads.
pub(crate) struct Library {
    /// The name by which it is needed.
    pub(crate) name: OsString,
    /// Where it lies; `None` if it was not found.
    pub(crate) path: Option<PathBuf>,
}

/// Finds libraries.
pub(crate) struct Loader {
    library_path: Vec<PathBuf>,
    cache: BTreeMap<OsString, Vec<PathBuf>>,
}

struct Object {
    loads: Loads,
    path: PathBuf,
    loaded_by: Option<usize>,
}

impl Loader {
    /// A loader in `environment`, for programs that run in `workspace`.
    pub(crate) fn new(environment: &Environment, workspace: &Path) -> Self {
        let library_path = environment.get(OsStr::new("LD_LIBRARY_PATH"));
        let library_path = library_path
            .filter(|value| !value.is_empty())
            .map(|value| split(value).map(|part| workspace.join(part)).collect())
            .unwrap_or_default();
        let cache = consult::read(Path::new(CACHE)).map(|bytes| read_cache(&bytes)).unwrap_or_default();
        Self { library_path, cache }
    }

    /// Everything but the C library that `program` loads, in the order in which the loader finds it.
    pub(crate) fn closure(
        &self,
        program: &Path,
        desk: &mut Desk<'_>,
    ) -> Result<Vec<Library>, ToolchainError> {
        let Binary::Elf(loads) = desk.binary(program)? else { return Ok(Vec::new()) };
        let mut objects = vec![Object { loads, path: program.to_path_buf(), loaded_by: None }];
        let mut found: Vec<Library> = Vec::new();
        let mut next = 0;
        while next < objects.len() && objects.len() < LIMIT {
            for name in objects[next].loads.needed.clone() {
                let in_c_library =
                    C_LIBRARY.iter().any(|start| name.as_bytes().starts_with(start.as_bytes()));
                if in_c_library || found.iter().any(|library| library.name == name) {
                    continue;
                }
                let mut places = self.find(&name, &objects, next, desk).into_iter();
                let Some((path, loads)) = places.next() else {
                    found.push(Library { name, path: None });
                    continue;
                };
                objects.push(Object { loads, path: path.clone(), loaded_by: Some(next) });
                found.push(Library { name: name.clone(), path: Some(path) });
                found.extend(places.map(|(path, _)| Library { name: name.clone(), path: Some(path) }));
            }
            next += 1;
        }
        Ok(found)
    }

    /// The library `name` that `objects[by]` needs, and its variants for other processors.
    fn find(
        &self,
        name: &OsStr,
        objects: &[Object],
        by: usize,
        desk: &mut Desk<'_>,
    ) -> Vec<(PathBuf, Loads)> {
        let wanted = &objects[by].loads;
        if name.as_bytes().contains(&b'/') {
            let path = desk.workspace().join(name);
            return fitting(&path, wanted, desk).map(|loads| (path, loads)).into_iter().collect();
        }
        let mut directories = Vec::new();
        if wanted.runpath.is_none() {
            let mut object = Some(by);
            while let Some(at) = object {
                directories.extend(run_path(objects[at].loads.rpath.as_deref(), &objects[at].path));
                object = objects[at].loaded_by;
            }
        }
        directories.extend(self.library_path.iter().cloned());
        directories.extend(run_path(wanted.runpath.as_deref(), &objects[by].path));
        let in_cache = self.cache.get(name).cloned().unwrap_or_default();
        let candidates = directories
            .iter()
            .flat_map(|directory| in_directory(directory, name))
            .chain(in_cache.iter().cloned())
            .chain(DEFAULT.iter().map(|directory| Path::new(directory).join(name)));
        let mut found: Vec<(PathBuf, Loads)> = Vec::new();
        for path in candidates {
            let main_found = found.iter().any(|(path, _)| !is_variant(path));
            if main_found && !is_variant(&path) {
                continue;
            }
            if let Some(loads) = fitting(&path, wanted, desk) {
                found.push((path, loads));
            }
        }
        // The one that every processor may load comes first.
        found.sort_by_key(|(path, _)| is_variant(path));
        found
    }
}

/// Where a library may lie in a directory: for newer processors, and for all.
fn in_directory(directory: &Path, name: &OsStr) -> Vec<PathBuf> {
    let variants = directory.join("glibc-hwcaps");
    let mut places: Vec<PathBuf> = consult::list(&variants)
        .unwrap_or_default()
        .iter()
        .map(|processor| variants.join(processor).join(name))
        .collect();
    places.push(directory.join(name));
    places
}

fn is_variant(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "glibc-hwcaps")
}

/// What the library at `path` loads, if one is there that is made for the same machine.
fn fitting(path: &Path, wanted: &Loads, desk: &mut Desk<'_>) -> Option<Loads> {
    if !desk.is_file(path) {
        return None;
    }
    match desk.binary(path).ok()? {
        Binary::Elf(loads) if loads.machine == wanted.machine && loads.wide == wanted.wide => Some(loads),
        _ => None,
    }
}

fn directory_of(path: &Path) -> PathBuf {
    find::canonical(path).parent().unwrap_or(Path::new("/")).to_path_buf()
}

fn split(value: &OsStr) -> impl Iterator<Item = &Path> {
    value.as_bytes().split(|byte| matches!(byte, b':' | b';')).map(|part| Path::new(OsStr::from_bytes(part)))
}

/// The directories of the run path of the file at `path`.
fn run_path(value: Option<&OsStr>, path: &Path) -> Vec<PathBuf> {
    value.map_or_else(Vec::new, |value| expand(Some(value), &directory_of(path)))
}

/// The directories of a run path; `$ORIGIN` is the directory of the file that has it.
fn expand(value: Option<&OsStr>, origin: &Path) -> Vec<PathBuf> {
    let Some(value) = value else { return Vec::new() };
    let replaced = |part: &Path| {
        let mut bytes = part.as_os_str().as_bytes().to_vec();
        for (name, text) in
            [("ORIGIN", origin.as_os_str().as_bytes()), ("LIB", b"lib"), ("PLATFORM", b"x86_64")]
        {
            for token in [format!("${{{name}}}"), format!("${name}")] {
                bytes = replace(&bytes, token.as_bytes(), text);
            }
        }
        PathBuf::from(OsString::from_vec(bytes))
    };
    split(value).filter(|part| !part.as_os_str().is_empty()).map(replaced).collect()
}

fn replace(bytes: &[u8], token: &[u8], text: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(token) {
            result.extend_from_slice(text);
            at += token.len();
        } else {
            result.push(bytes[at]);
            at += 1;
        }
    }
    result
}

/// Reads the cache of `ldconfig`: where each library lies, in the order in which the loader tries them.
///
/// The format is that of `struct cache_file_new` in glibc's `sysdeps/generic/dl-cache.h`: 20 bytes of magic and
/// version, the number of entries, 24 more bytes, then 24 bytes an entry, of which bytes 4 to 8 are the offset of its
/// name and 8 to 12 that of its path. Before it there may be a table in the older format, which has a magic of 12
/// bytes, a number of entries, and 12 bytes an entry; offsets count from the newer header.
fn read_cache(bytes: &[u8]) -> BTreeMap<OsString, Vec<PathBuf>> {
    const NEW: &[u8] = b"glibc-ld.so.cache1.1";
    const OLD: &[u8] = b"ld.so-1.7.0\0";
    let mut map: BTreeMap<OsString, Vec<PathBuf>> = BTreeMap::new();
    let number = |bytes: &[u8], at: usize| {
        let field = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(field.try_into().ok()?)).ok()
    };
    let start = match bytes.starts_with(OLD) {
        true => number(bytes, 12).map_or(0, |count| (16 + count.saturating_mul(12)).next_multiple_of(8)),
        false => 0,
    };
    let Some(bytes) = bytes.get(start..).filter(|bytes| bytes.starts_with(NEW)) else { return map };
    let text = |at: usize| {
        let rest = bytes.get(at..)?;
        Some(&rest[..rest.iter().position(|byte| *byte == 0)?])
    };
    for entry in 0..number(bytes, 20).unwrap_or(0) {
        let at = 48 + entry * 24;
        let (Some(name), Some(path)) = (number(bytes, at + 4), number(bytes, at + 8)) else { break };
        if let (Some(name), Some(path)) = (text(name), text(path)) {
            map.entry(OsStr::from_bytes(name).to_os_string())
                .or_default()
                .push(PathBuf::from(OsStr::from_bytes(path)));
        }
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_the_directory_of_the_file_that_names_it() {
        let expanded = expand(Some(OsStr::new("$ORIGIN/../lib:${ORIGIN}:/x")), Path::new("/opt/tc/bin"));
        assert_eq!(expanded, ["/opt/tc/bin/../lib", "/opt/tc/bin", "/x"].map(PathBuf::from));
    }

    #[test]
    fn this_machines_cache_is_read_and_a_cut_one_does_no_harm() {
        let Ok(bytes) = consult::read(Path::new(CACHE)) else { return };
        let cache = read_cache(&bytes);
        let c_library = &cache[OsStr::new("libc.so.6")];
        assert!(c_library.iter().any(|path| consult::is_file(path)), "{c_library:?}");
        for length in (0..bytes.len()).step_by(97) {
            read_cache(&bytes[..length]);
        }
    }
}
