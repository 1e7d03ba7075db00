//! What goes into a pack comes out of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use rekindle_fingerprint::digest::Blob;
use rekindle_store::disk::Since;
use rekindle_store::pack::{Content, Error, Imported, Missing, Packed, export, import};
use rekindle_store::{ActionCache, Cas, Entry, Origin};
use rekindle_testkit::{Tree, require};

use crate::forge::{Sample, squeeze};
use crate::{blob_path, has, made, name, put, record, store, things, unfinished};

/// What [`Sample::good`] holds, as a store has it.
fn put_sample(disk: &rekindle_store::Disk) {
    for bytes in [&b"first"[..], b"the second"] {
        disk.put(&Blob::of(bytes), bytes).unwrap();
    }
    disk.put_set(&name("key"), b"set").unwrap();
    disk.put_note(&name("question"), b"answer").unwrap();
    let bound = Entry::Bound { roots: vec!["ws".into()], why: "a reason".into() };
    disk.put_entry(&name("bound"), &bound).unwrap();
    let origin = |set, made_of: &str| Origin { key: name("key"), set, made_of: made_of.into() };
    let first = made(&[b"first", b"the second"], Some(origin(Some(name("set")), "flour")));
    disk.put_entry(&name("first"), &first).unwrap();
    disk.put_entry(&name("second"), &made(&[b"the second"], Some(origin(None, "salt")))).unwrap();
    record(disk, &["bound", "first", "second"], &["question"]);
}

#[test]
fn a_pack_is_what_the_page_on_its_format_says() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    put_sample(&disk);
    let file = dir.path().join("pack");
    let packed = export(&disk, Some(Since::LastBuild), &file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let expected = Packed {
        results: 3,
        sets: 1,
        notes: 1,
        builds: 1,
        blobs: 2,
        bytes: 15,
        size: bytes.len() as u64,
        missing: Missing::default(),
    };
    assert_eq!(packed, expected);
    assert_eq!(zstd::stream::decode_all(&bytes[..]).unwrap(), Sample::good().archive());
    insta::assert_snapshot!(Sample::good().text(), @"
    rekindle pack 1
    version 0.1.0
    blobs 2
    bytes 15
    sets 1
    notes 1
    results 3
    builds 1
    ");
    // What was written by hand is read as what was packed is.
    let forged = dir.path().join("forged");
    fs::write(&forged, squeeze(&Sample::good().archive())).unwrap();
    let other = dir.path().join("other");
    let imported = import(&store(&other), &forged, Content::All).unwrap();
    let expected =
        Imported { results: 3, sets: 1, notes: 1, builds: 1, blobs: 2, bytes: 15, new_blobs: 2, left_out: 0 };
    assert_eq!(imported, expected);
    assert_eq!(things(&other).difference(&things(&dir.path().join("store"))), "");
}

#[test]
fn tar_lists_the_members_of_a_pack() {
    if !require("tar") || !require("zstd") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    put_sample(&disk);
    let file = dir.path().join("pack");
    export(&disk, None, &file).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a pack is looked at with other tools")]
    let listed = std::process::Command::new("tar").arg("--zstd").arg("-tf").arg(&file).output().unwrap();
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), "rekindle-pack\nindex\nblobs\n");
    assert_eq!(String::from_utf8(listed.stderr).unwrap(), "");
}

#[test]
fn everything_goes_from_one_store_to_another_and_the_same_pack_comes_out_there() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one"), dir.path().join("other"));
    let disk = store(&one);
    put_sample(&disk);
    for at in 0..300 {
        put(&disk, &format!("result {at}"));
    }
    let large: Vec<u8> = (0..3u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    disk.put(&Blob::of(&large), &large).unwrap();
    disk.put_entry(&name("large"), &made(&[&large, b""], None)).unwrap();
    disk.put(&Blob::of(b""), b"").unwrap();
    let gone = Origin { key: name("key"), set: Some(name("gone")), made_of: Vec::new() };
    disk.put_entry(&name("of a set that is gone"), &made(&[], Some(gone))).unwrap();
    for set in ["oldest", "newest", "newer"] {
        disk.put_set(&name("many"), set.as_bytes()).unwrap();
    }
    disk.put_set(&name("many"), b"newest").unwrap();
    for set in 0..70u8 {
        disk.put_set(&name("crowded"), &[set]).unwrap();
    }
    record(&disk, &["result 1"], &[]);
    record(&disk, &["result 2"], &[]);
    let file = dir.path().join("pack");
    let packed = export(&disk, None, &file).unwrap();
    assert_eq!((packed.builds, packed.missing), (3, Missing { sets: 0, ..Missing::default() }));
    let imported = import(&store(&other), &file, Content::All).unwrap();
    assert_eq!((imported.results, imported.new_blobs), (packed.results, packed.blobs));
    // Six of the sets are never read.
    let only = things(&other).difference(&things(&one));
    assert!(only.lines().count() == 6 && only.contains(&name("crowded").hex()), "{only}");
    assert_eq!(unfinished(&other), 0);
    let copy = store(&other);
    for key in ["many", "crowded"] {
        assert_eq!(copy.sets(&name(key)).unwrap(), disk.sets(&name(key)).unwrap());
    }
    let names = |disk: &rekindle_store::Disk| disk.builds().unwrap().into_iter().map(|build| build.1);
    assert!(names(&copy).eq(names(&disk)), "the order of builds");
    assert!(copy.verify().unwrap().damaged.is_empty());
    export(&copy, None, &dir.path().join("again")).unwrap();
    assert_eq!(fs::read(&file).unwrap(), fs::read(dir.path().join("again")).unwrap());
    // Into a store that has all of it.
    let imported = import(&copy, &file, Content::All).unwrap();
    assert_eq!((imported.results, imported.new_blobs), (packed.results, 0));
    assert_eq!(things(&other).difference(&things(&one)), only);
}

#[test]
fn the_pack_of_the_last_build_has_what_that_used_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    for text in ["a", "b", "c"] {
        put(&disk, text);
    }
    disk.put_note(&name("note"), b"note").unwrap();
    disk.put_note(&name("unused"), b"unused").unwrap();
    disk.put_set(&name("key of a"), b"another set").unwrap();
    disk.put_set(&name("key of a"), b"set of a").unwrap();
    record(&disk, &["b"], &["unused"]);
    record(&disk, &["a", "c"], &["note"]);
    let file = dir.path().join("pack");
    let packed = export(&disk, Some(Since::LastBuild), &file).unwrap();
    let Packed { results, sets, notes, builds, blobs, .. } = packed;
    assert_eq!((results, sets, notes, builds, blobs), (2, 2, 1, 1, 2));
    let other = store(&dir.path().join("other"));
    import(&other, &file, Content::All).unwrap();
    assert!(has(&other, "a") && has(&other, "c") && !has(&other, "b"));
    assert!(other.note(&name("note")).unwrap().is_some() && other.note(&name("unused")).unwrap().is_none());
}

#[test]
fn without_a_record_only_everything_can_be_packed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    put(&disk, "a");
    let file = dir.path().join("pack");
    let error = export(&disk, Some(Since::LastBuild), &file).unwrap_err();
    assert!(matches!(error, Error::Store(rekindle_store::Error::Unrecorded { .. })), "{error}");
    assert!(!file.exists());
    assert_eq!(export(&disk, None, &file).unwrap().results, 1);
}

#[test]
fn twelve_packs_merge_and_the_last_build_is_that_of_the_last_pack() {
    let dir = tempfile::tempdir().unwrap();
    let merged = store(&dir.path().join("merged"));
    let mut last = None;
    for job in 0..12 {
        let disk = store(&dir.path().join(format!("job {job}")));
        for text in ["shared".to_string(), format!("of {job}")] {
            put(&disk, &text);
        }
        last = Some(record(&disk, &["shared", &format!("of {job}")], &[]));
        let file = dir.path().join(format!("pack {job}"));
        export(&disk, Some(Since::LastBuild), &file).unwrap();
        let imported = import(&merged, &file, Content::All).unwrap();
        assert_eq!(imported.new_blobs, if job == 0 { 2 } else { 1 });
    }
    assert!(has(&merged, "shared") && (0..12).all(|job| has(&merged, &format!("of {job}"))));
    let builds = merged.builds().unwrap();
    assert_eq!((builds.len(), Some(builds[0].1)), (12, last));
}

#[test]
fn an_older_record_that_is_known_keeps_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, other) = (store(&dir.path().join("one")), store(&dir.path().join("other")));
    put(&disk, "a");
    put(&disk, "c");
    let old = record(&disk, &["a"], &[]);
    let last = record(&disk, &["c"], &[]);
    let file = dir.path().join("pack");
    export(&disk, None, &file).unwrap();
    put(&other, "a");
    put(&other, "b");
    assert_eq!(record(&other, &["a"], &[]), old);
    let own = record(&other, &["b"], &[]);
    import(&other, &file, Content::All).unwrap();
    let names: Vec<_> = other.builds().unwrap().into_iter().map(|build| build.1).collect();
    assert_eq!(names, [last, own, old]);
}

#[test]
fn what_is_gone_or_damaged_is_left_out_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let disk = store(&path);
    for text in ["good", "gone", "damaged", "shorter"] {
        put(&disk, text);
    }
    disk.put_entry(&name("both"), &made(&[b"good", b"gone"], None)).unwrap();
    record(&disk, &["good", "gone", "damaged", "shorter", "both", "never there"], &["never there"]);
    fs::remove_file(blob_path(&path, b"gone")).unwrap();
    for (text, wrong) in [("damaged", "damagee"), ("shorter", "short")] {
        fs::remove_file(blob_path(&path, text.as_bytes())).unwrap();
        fs::write(blob_path(&path, text.as_bytes()), wrong).unwrap();
    }
    let file = dir.path().join("pack");
    let packed = export(&disk, Some(Since::LastBuild), &file).unwrap();
    assert_eq!((packed.results, packed.blobs, packed.sets), (1, 1, 1));
    assert_eq!(packed.missing, Missing { results: 5, blobs: 3, sets: 0, notes: 1 });
    assert_eq!(disk.stats().unwrap().damaged.files, 1, "it was found on the way out");
    let other = store(&dir.path().join("other"));
    import(&other, &file, Content::All).unwrap();
    assert!(has(&other, "good") && other.verify().unwrap().damaged.is_empty());
}

#[test]
fn a_pack_appears_whole_in_the_place_of_another_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    put(&disk, "a");
    let file = dir.path().join("packs/pack");
    let error = export(&disk, None, &file).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    fs::create_dir(dir.path().join("packs")).unwrap();
    fs::write(&file, "another").unwrap();
    export(&disk, None, &file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(Tree::of(&dir.path().join("packs")).paths().count(), 1);
    fs::create_dir(dir.path().join("packs/directory")).unwrap();
    let error = export(&disk, None, &dir.path().join("packs/directory")).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path().join("packs")).unwrap().count(), 2);
}

#[test]
fn without_its_blobs_a_pack_says_what_was_made_of_what() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    put(&disk, "a");
    record(&disk, &["a"], &[]);
    let file = dir.path().join("pack");
    export(&disk, Some(Since::LastBuild), &file).unwrap();
    let other = store(&dir.path().join("other"));
    let imported = import(&other, &file, Content::WithoutBlobs).unwrap();
    assert_eq!((imported.results, imported.new_blobs), (1, 0));
    assert_eq!(other.entry(&name("a")).unwrap(), disk.entry(&name("a")).unwrap());
    assert!(!other.holds(&Blob::of(b"a")).unwrap());
    assert_eq!(other.builds().unwrap().len(), 1);
}

#[test]
fn importing_while_trims_and_builds_run_leaves_nothing_half_there() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    let texts: Vec<String> = (0..400).map(|at| format!("result {at}")).collect();
    for text in &texts {
        put(&disk, text);
    }
    let file = dir.path().join("pack");
    export(&disk, None, &file).unwrap();
    let path = dir.path().join("other");
    let other = store(&path);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let trimming = store(&path);
            while !done.load(Ordering::Relaxed) {
                trimming.trim(100_000).unwrap();
            }
        });
        scope.spawn(|| {
            let building = store(&path);
            for text in texts.iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                put(&building, text);
            }
        });
        for _ in 0..5 {
            import(&other, &file, Content::All).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(unfinished(&path), 0);
    assert!(other.verify().unwrap().damaged.is_empty());
    import(&other, &file, Content::All).unwrap();
    assert!(texts.iter().all(|text| has(&other, text)));
}

#[test]
fn what_a_killed_import_left_behind_goes_with_a_trim() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let disk = store(&path);
    let left = path.join("v2/tmp/import-abc");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("0"), "part of a blob").unwrap();
    disk.trim(u64::MAX).unwrap();
    assert!(left.exists(), "it may be in use");
    let old = fs::metadata(&left).unwrap().modified().unwrap() - std::time::Duration::from_secs(7200);
    rekindle_testkit::set_mtime(&left, old);
    disk.trim(u64::MAX).unwrap();
    assert_eq!(unfinished(&path), 0);
}
