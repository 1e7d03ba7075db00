//! Reading: what nobody can go below who goes by content, and how products are compared.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A file's name below a folder, and its content's digest.
pub(crate) type Digests = BTreeMap<PathBuf, blake3::Hash>;

/// How many files a thread takes at once.
const CHUNK: usize = 64;

/// `xtask read FOLDER`: lists all files below a folder, reads and hashes each of them once on all cores, and says how
/// many they are and how large.
pub(crate) fn child(words: &[OsString]) -> Result<String, String> {
    let [folder] = words else {
        return Err("read: which folder?".to_owned());
    };
    let read = digests(Path::new(folder), &|_| true)?;
    let bytes: u64 = read.values().map(|(bytes, _)| bytes).sum();
    Ok(format!("{} {bytes}", read.len()))
}

/// The content of all files below a folder whose names, relative to it, are wanted.
pub(crate) fn contents(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Digests, String> {
    Ok(digests(folder, wanted)?.into_iter().map(|(path, (_, digest))| (path, digest)).collect())
}

fn digests(
    folder: &Path,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<BTreeMap<PathBuf, (u64, blake3::Hash)>, String> {
    let mut paths = Vec::new();
    list(folder, Path::new(""), wanted, &mut paths)?;
    let next = AtomicUsize::new(0);
    let all = Mutex::new(BTreeMap::new());
    let failed = Mutex::new(None);
    let work = || {
        let mut own = Vec::new();
        loop {
            let start = next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(chunk) =
                paths.get(start..paths.len().min(start + CHUNK)).filter(|chunk| !chunk.is_empty())
            else {
                break;
            };
            for path in chunk {
                match fs::read(folder.join(path)) {
                    Ok(bytes) => own.push((path.clone(), (bytes.len() as u64, blake3::hash(&bytes)))),
                    Err(error) => note(&failed, format!("read {}: {error}", path.display())),
                }
            }
        }
        if let Ok(mut all) = all.lock() {
            all.extend(own);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    match failed.into_inner().ok().flatten() {
        Some(why) => Err(why),
        None => all.into_inner().map_err(|_| "a thread that read files ended early".to_owned()),
    }
}

fn note(failed: &Mutex<Option<String>>, why: String) {
    if let Ok(mut failed) = failed.lock() {
        *failed = Some(why);
    }
}

/// Files and links to files, whose names are relative to `folder`.
fn list(
    folder: &Path,
    below: &Path,
    wanted: &dyn Fn(&Path) -> bool,
    found: &mut Vec<PathBuf>,
) -> Result<(), String> {
    let place = folder.join(below);
    let failed = |error: std::io::Error| format!("read {}: {error}", place.display());
    for entry in fs::read_dir(&place).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = below.join(entry.file_name());
        if !wanted(&path) {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            list(folder, &path, wanted, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// How many files of the first are not the same in the second, or are in one alone.
pub(crate) fn differing(one: &Digests, other: &Digests) -> Vec<PathBuf> {
    let of_one = one.iter().filter(|(path, digest)| other.get(*path) != Some(digest)).map(|(path, _)| path);
    of_one.chain(other.keys().filter(|path| !one.contains_key(*path))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::project::put;

    #[test]
    fn every_file_is_read_once_and_what_is_not_wanted_never() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..200 {
            put(folder.path(), &format!("a/{}/{number}", number % 7), "text").unwrap();
        }
        assert_eq!(child(&[folder.path().into()]).unwrap(), "200 800");
        let some = contents(folder.path(), &|path| !path.starts_with("a/3")).unwrap();
        assert_eq!(some.len(), 200 - (0..200).filter(|number| number % 7 == 3).count());
    }

    #[test]
    fn what_differs_or_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one/same", "1").unwrap();
        put(folder.path(), "one/other", "1").unwrap();
        put(folder.path(), "one/gone", "1").unwrap();
        put(folder.path(), "two/same", "1").unwrap();
        put(folder.path(), "two/other", "2").unwrap();
        put(folder.path(), "two/new", "1").unwrap();
        let [one, two] = ["one", "two"].map(|name| contents(&folder.path().join(name), &|_| true).unwrap());
        assert_eq!(differing(&one, &two), ["gone", "other", "new"].map(PathBuf::from));
        assert!(differing(&one, &one.clone()).is_empty());
    }
}
