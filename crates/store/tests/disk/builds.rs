//! Records of builds: which is the last one, and what they reach.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_store::disk::{Disk, Settings, Since};
use rekindle_store::{ActionCache, ActionResult, Build, Cas, Entry, Error, Origin, Product};
use rekindle_testkit::set_mtime;

/// A store whose reader's clock shows the time of its file system.
pub(crate) fn today(path: &Path) -> Disk {
    fs::create_dir_all(path).unwrap();
    let touched = tempfile::NamedTempFile::new_in(path.parent().unwrap()).unwrap();
    let now = touched.as_file().metadata().unwrap().modified().unwrap();
    Disk::open(path, Settings { now, limit: u64::MAX }).unwrap()
}

pub(crate) fn name(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// Puts a result called `text` with a blob and a set of its own, all of one name.
pub(crate) fn put(store: &Disk, text: &str) {
    let blob = Blob::of(text.as_bytes());
    store.put(&blob, text.as_bytes()).unwrap();
    store.put_set(&name(&format!("key of {text}")), text.as_bytes()).unwrap();
    let origin = Origin { key: name(&format!("key of {text}")), set: Some(name(text)), made_of: Vec::new() };
    put_made(store, text, &[text], Some(origin));
}

/// Puts a result called `text` that names blobs.
pub(crate) fn put_made(store: &Disk, text: &str, blobs: &[&str], origin: Option<Origin>) {
    let products = blobs.iter().map(|blob| Product { blob: Blob::of(blob.as_bytes()), executable: false });
    let made = ActionResult { products: products.collect(), origin, ..ActionResult::default() };
    store.put_entry(&name(text), &Entry::Made(made)).unwrap();
}

/// The record of a build that used these.
pub(crate) fn build(results: &[&str], notes: &[&str]) -> Build {
    let names = |texts: &[&str]| texts.iter().map(|text| name(text)).collect();
    let mut build = Build { results: names(results), notes: names(notes) };
    build.sort();
    build
}

pub(crate) fn record(store: &Path, name: &Digest) -> PathBuf {
    store.join("v2/builds").join(&name.hex()[..2]).join(name.hex())
}

pub(crate) fn ago(hours: u64) -> SystemTime {
    let dir = tempfile::tempdir().unwrap();
    fs::metadata(dir.path()).unwrap().modified().unwrap() - Duration::from_secs(3600 * hours)
}

/// Writes over a file that cannot be written, and leaves its time as it was.
pub(crate) fn spoil(path: &Path) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, "spoilt").unwrap();
    set_mtime(path, time);
}

fn last(store: &Disk) -> Digest {
    store.builds().unwrap()[0].1
}

#[test]
fn the_record_of_the_last_build_is_the_newest_however_quickly_builds_follow() {
    let dir = tempfile::tempdir().unwrap();
    let store = today(&dir.path().join("store"));
    assert_eq!(store.builds().unwrap(), []);
    let names: Vec<Digest> =
        (0..40).map(|number| store.put_build(&build(&[&number.to_string()], &[])).unwrap()).collect();
    let listed: Vec<Digest> = store.builds().unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(listed, names.iter().rev().copied().collect::<Vec<_>>());
    for name in [names[3], names[30], names[3]] {
        assert!(store.use_build(&name).unwrap());
        assert_eq!(last(&store), name, "a build that is done again is the last one");
    }
    assert_eq!(store.put_build(&build(&["7"], &[])).unwrap(), names[7]);
    assert_eq!((last(&store), store.builds().unwrap().len()), (names[7], 40));
    assert!(!store.use_build(&name("unknown")).unwrap());
    assert_eq!(last(&store), names[7]);
}

#[test]
fn the_last_build_is_the_last_one_though_the_machine_before_was_ahead_of_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    let before = store.put_build(&build(&["before"], &[])).unwrap();
    // The store was carried here from a machine whose clock is ten minutes ahead.
    let ahead = ago(0) + Duration::from_secs(600);
    set_mtime(&record(&path, &before), ahead);
    set_mtime(&path.join("v2/builds"), ahead);
    let here = store.put_build(&build(&["here"], &[])).unwrap();
    assert_eq!(last(&store), here);
    assert!(store.use_build(&before).unwrap());
    assert_eq!(last(&store), before);
    assert!(store.use_build(&here).unwrap());
    assert_eq!(last(&store), here);
}

#[test]
fn a_record_from_far_ahead_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    let wrong = store.put_build(&build(&["wrong"], &[])).unwrap();
    let far = ago(0) + Duration::from_secs(3600 * 24 * 365);
    set_mtime(&record(&path, &wrong), far);
    set_mtime(&path.join("v2/builds"), far);
    let right = store.put_build(&build(&["right"], &[])).unwrap();
    let builds = store.builds().unwrap();
    assert_eq!(builds.iter().map(|(_, name)| *name).collect::<Vec<_>>(), [right, wrong]);
    assert!(builds[0].0 < ago(0) + Duration::from_secs(60), "and the next is not put behind it");
    assert_eq!(builds[1].0, UNIX_EPOCH);
    assert!(store.use_build(&wrong).unwrap());
    assert_eq!(last(&store), wrong, "it is, once it was used again");
}

#[test]
fn each_result_is_told_and_what_is_damaged_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let store = today(&dir.path().join("store"));
    for text in ["a", "b", "c"] {
        put(&store, text);
    }
    store.put_entry(&name("d"), &Entry::Bound { roots: vec!["ws".into()], why: "so".into() }).unwrap();
    let path = dir.path().join("store/v2/results").join(&name("b").hex()[..2]).join(name("b").hex());
    spoil(&path);
    let mut told = Vec::new();
    store.each_result(&mut |name, entry| told.push((name, entry))).unwrap();
    told.sort_by_key(|(name, _)| *name);
    let mut expected: Vec<_> =
        ["a", "c", "d"].map(|text| (name(text), store.entry(&name(text)).unwrap().unwrap())).into();
    expected.sort_by_key(|(name, _)| *name);
    assert_eq!(told, expected);
    assert!(!path.exists() && store.stats().unwrap().damaged.files == 1);
}

#[test]
fn a_record_reaches_results_their_blobs_the_sets_that_they_came_from_and_notes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    for text in ["a", "b", "c"] {
        put(&store, text);
    }
    store.put_set(&name("key of a"), b"another set of this key").unwrap();
    store.put_entry(&name("d"), &Entry::Bound { roots: vec!["ws".into()], why: "so".into() }).unwrap();
    store.put_note(&name("n"), b"answer").unwrap();
    store.put_note(&name("o"), b"answer").unwrap();
    let older = store.put_build(&build(&["a", "b"], &["o"])).unwrap();
    set_mtime(&record(&path, &older), ago(5));
    let newer = store.put_build(&build(&["a", "d", "gone"], &["n"])).unwrap();

    let reached = store.reach(Some(Since::LastBuild)).unwrap();
    assert_eq!(Vec::from_iter(reached.builds), [newer]);
    assert_eq!(reached.results, [name("a"), name("d")].into());
    assert_eq!(reached.blobs, [(name("a"), 1)].into());
    assert_eq!(reached.sets, [(name("key of a"), name("a"))].into());
    assert_eq!(reached.notes, [name("n")].into());

    let both = store.reach(Some(Since::Time(ago(6)))).unwrap();
    assert_eq!(both.builds, [older, newer].into());
    assert_eq!(both.results, ["a", "b", "d"].map(name).into());
    assert_eq!(both.notes, ["n", "o"].map(name).into());
    assert_eq!(store.reach(Some(Since::Time(ago(4)))).unwrap().builds, [newer].into());

    let all = store.reach(None).unwrap();
    assert_eq!(all.results, ["a", "b", "c", "d"].map(name).into());
    assert_eq!(all.blobs, ["a", "b", "c"].map(|text| (name(text), 1)).into());
    assert_eq!((all.sets.len(), all.notes.len(), all.builds.len()), (4, 2, 2));
}

#[test]
fn where_no_build_has_left_a_record_nothing_is_said_to_be_reached() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    put(&store, "a");
    let refused = |since| {
        let error = store.reach(Some(since)).unwrap_err().to_string();
        error.replace(path.to_str().unwrap(), "STORE")
    };
    insta::assert_snapshot!(refused(Since::LastBuild), @"no build has recorded in STORE what it used");
    insta::assert_snapshot!(refused(Since::Time(UNIX_EPOCH)), @"no build has recorded in STORE what it used");
    let name = store.put_build(&build(&["a"], &[])).unwrap();
    set_mtime(&record(&path, &name), ago(5));
    insta::assert_snapshot!(refused(Since::Time(ago(4))), @"no build has recorded in STORE what it used since then");
}

#[test]
fn a_damaged_record_of_the_last_build_is_no_reason_to_go_by_an_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = today(&path);
    let names = ["a", "b", "c"].map(|text| {
        put(&store, text);
        store.put_build(&build(&[text], &[])).unwrap()
    });
    spoil(&record(&path, &names[2]));
    assert_eq!(last(&store), names[2]);
    let error = store.reach(Some(Since::LastBuild)).unwrap_err();
    let Error::LastBuild { path: named, .. } = &error else { panic!("{error}") };
    assert_eq!(*named, record(&path, &names[2]));
    assert!(
        error.to_string().ends_with("and is set aside: what the last build used is not known"),
        "{error}"
    );
    assert!(!named.exists() && store.stats().unwrap().damaged.files == 1);
    store.put_build(&build(&["c"], &[])).unwrap();
    spoil(&record(&path, &names[0]));
    let reached = store.reach(Some(Since::Time(UNIX_EPOCH))).unwrap();
    assert_eq!(reached.builds, [names[1], names[2]].into());
}
