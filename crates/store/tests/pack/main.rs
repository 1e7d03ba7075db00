//! Packs: what goes in comes out, and what is no pack is refused before anything of it is put.

mod flips;
mod forge;
mod good;
mod hostile;
mod room;

use std::fs;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::disk::{Disk, Settings};
use rekindle_store::{ActionCache, ActionResult, Build, Cas, Entry, Origin, Product};
use rekindle_testkit::Tree;

/// A store whose reader's clock shows the time of its file system.
fn store(path: &Path) -> Disk {
    limited(path, 1 << 40)
}

fn limited(path: &Path, limit: u64) -> Disk {
    fs::create_dir_all(path).unwrap();
    let touched = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    let now = touched.as_file().metadata().unwrap().modified().unwrap();
    Disk::open(path, Settings { now, limit }).unwrap()
}

fn name(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// A result that gave these files.
fn made(files: &[&[u8]], origin: Option<Origin>) -> Entry {
    let products = files.iter().zip([false, true].into_iter().cycle());
    let products = products.map(|(bytes, executable)| Product { blob: Blob::of(bytes), executable });
    Entry::Made(ActionResult {
        products: products.collect(),
        printed: b"warning: none\n".to_vec(),
        duration_ms: 12,
        origin,
    })
}

/// Puts a result called `text` with a blob and a set of its own.
fn put(store: &Disk, text: &str) {
    let key = name(&format!("key of {text}"));
    let set = format!("set of {text}");
    store.put(&Blob::of(text.as_bytes()), text.as_bytes()).unwrap();
    store.put_set(&key, set.as_bytes()).unwrap();
    let origin = Origin { key, set: Some(name(&set)), made_of: format!("made of {text}").into_bytes() };
    store.put_entry(&name(text), &made(&[text.as_bytes()], Some(origin))).unwrap();
}

/// Whether the result called `text` is there with all that [`put`] put.
fn has(store: &Disk, text: &str) -> bool {
    let Some(Entry::Made(entry)) = store.entry(&name(text)).unwrap() else { return false };
    assert_eq!(store.read(&entry.products[0].blob).unwrap().unwrap(), text.as_bytes());
    let key = entry.origin.unwrap().key;
    assert_eq!(store.sets(&key).unwrap(), [format!("set of {text}").into_bytes()]);
    true
}

/// Records a build that used these.
fn record(store: &Disk, results: &[&str], notes: &[&str]) -> Digest {
    let names = |texts: &[&str]| texts.iter().map(|text| name(text)).collect();
    let mut build = Build { results: names(results), notes: names(notes) };
    build.sort();
    store.put_build(&build).unwrap()
}

/// What lies in a store, but for its account.
fn things(store: &Path) -> Tree {
    let mut tree = Tree::of(store);
    tree.retain(|path| !path.ends_with("usage") && !path.ends_with("lock"));
    tree
}

/// How many files are being written.
fn unfinished(store: &Path) -> usize {
    fs::read_dir(store.join("v2/tmp")).unwrap().count()
}

fn blob_path(store: &Path, bytes: &[u8]) -> PathBuf {
    let hex = Digest::of(bytes).hex();
    store.join("v2/blobs").join(&hex[..2]).join(hex)
}
