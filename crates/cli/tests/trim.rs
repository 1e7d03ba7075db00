//! `rekindle cache trim --used-since`: a store that holds what builds use, and does not grow.

use std::path::{Path, PathBuf};

use rekindle_testkit::{Space, Tree};

/// Twelve units in a library, a program of one. Half of the units include the header.
const UNITS: u32 = 12;

fn sharing() -> (Space, PathBuf) {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    let sources: Vec<String> = (0..UNITS).map(|unit| format!("\"unit{unit}.c\"")).collect();
    space.write(
        "rekindle.toml",
        format!(
            "[project]\nname = \"p\"\n[library.units]\nsources = [{}]\n\
             [executable.app]\nsources = [\"main.c\"]\ndeps = [\"units\"]\n",
            sources.join(", ")
        ),
    );
    for unit in 0..UNITS {
        let include = if unit % 2 == 0 { "#include \"all.h\"\n" } else { "#define ALL 0\n" };
        space.write(
            format!("unit{unit}.c"),
            format!("{include}int unit{unit}(void) {{ return {unit} + ALL; }}\n"),
        );
    }
    space.write("all.h", "#define ALL 0\n");
    space.write("main.c", "int unit0(void);\nint main(void) { return unit0(); }\n");
    let store = space.base().join("store");
    space.use_store(&store);
    (space, store)
}

fn answer(space: &Space, args: &[&str]) -> String {
    let built = space.run(args).done();
    let code = built.code;
    format!(
        "$ rekindle {}\n{}{}({code})\n",
        args.join(" "),
        space.redact(&built.text()),
        space.redact(&built.stderr)
    )
}

/// What `cache stats` says of a kind: files and bytes.
fn stats(space: &Space, kind: &str) -> (u64, u64) {
    let stats = space.run(&["cache", "stats", "--format", "json"]).done();
    let count = &stats.ok().events[0][kind];
    (count["files"].as_u64().unwrap(), count["bytes"].as_u64().unwrap())
}

fn trim(space: &Space, when: &str) {
    space.run(&["cache", "trim", "--used-since", when]).done().ok();
}

/// Lets every record of a build that is new seem to be so many hours old.
fn age_records(space: &Space, store: &Path, hours: i64) {
    for shard in std::fs::read_dir(store.join("v2/builds")).unwrap().map(Result::unwrap) {
        for record in std::fs::read_dir(shard.path()).unwrap().map(Result::unwrap) {
            if space.mtime(record.path()).elapsed().is_ok_and(|age| age.as_secs() < 3600) {
                space.age(record.path(), -hours * 3600);
            }
        }
    }
}

#[test]
fn a_trim_to_the_last_build_leaves_it_warm_and_nothing_else() {
    let (space, store) = sharing();
    space.build(&[]).ok();
    let first = stats(&space, "total");
    space.edit("all.h", "ALL 0", "ALL 1");
    space.build(&[]).assert_work("6c 1a 1l");
    assert_eq!(stats(&space, "builds").0, 2);
    // The last build is the one after which nothing was to be done.
    space.build(&[]).assert_work("-");
    trim(&space, "last-build");
    let left = stats(&space, "total");
    assert_eq!((left.0, stats(&space, "builds").0), (first.0, 1));
    space.build(&["--forbid-spawn"]).assert_work("-");

    let other = space.copy_to_another_place();
    other.remove(".rekindle");
    other.build(&["--forbid-spawn", "--materialize", "all"]).assert_restored("13c 1a 1l");
    assert_eq!(other.outputs().difference(&space.outputs()), "");
    assert_eq!(stats(&space, "total").0, left.0, "it is the same build");
    other.edit("all.h", "ALL 1", "ALL 0");
    other.build(&[]).assert_work("6c 1a 1l");
    assert!(store.exists());
}

#[test]
fn after_ten_builds_with_edits_and_a_trim_each_the_store_holds_no_more_than_one_and_a_half_times_what_one_build_needs()
 {
    let (space, _store) = sharing();
    space.build(&[]).ok();
    let one = stats(&space, "total").1;
    let mut largest = 0;
    for round in 1..=10 {
        let file = format!("unit{}.c", round * 5 % UNITS);
        let text = String::from_utf8(space.read(&file)).unwrap();
        space.write(&file, format!("{text}int more{round}(void) {{ return {round}; }}\n"));
        if round % 3 == 0 {
            space.edit("all.h", &format!("ALL {}", round / 3 - 1), &format!("ALL {}", round / 3));
        }
        space.build(&[]).ok();
        trim(&space, "last-build");
        largest = largest.max(stats(&space, "total").1);
    }
    assert!(largest * 2 <= one * 3, "{largest} bytes, one build needs {one}");
    let other = space.copy_to_another_place();
    other.remove(".rekindle");
    other.build(&["--forbid-spawn", "--materialize", "all"]).assert_restored("13c 1a 1l");
    assert_eq!(other.outputs().difference(&space.outputs()), "");
}

#[test]
fn a_few_builds_without_a_trim_take_more_than_that() {
    let (space, _store) = sharing();
    space.build(&[]).ok();
    let one = stats(&space, "total").1;
    for round in 1..=5 {
        space.edit("all.h", &format!("ALL {}", round - 1), &format!("ALL {round}"));
        space.build(&[]).ok();
    }
    assert!(stats(&space, "total").1 * 2 > one * 3);
}

#[test]
fn a_trim_by_time_keeps_what_any_build_since_then_used() {
    let (space, store) = sharing();
    space.build(&[]).ok();
    age_records(&space, &store, 30);
    space.edit("all.h", "ALL 0", "ALL 1");
    space.build(&[]).ok();
    age_records(&space, &store, 10);
    space.edit("all.h", "ALL 1", "ALL 2");
    space.build(&[]).ok();
    for (when, left) in [("2 weeks", 3), ("@0", 3), ("24h", 2), ("30m", 1)] {
        trim(&space, when);
        assert_eq!(stats(&space, "builds").0, left, "{when}");
    }
    space.remove(".rekindle");
    space.build(&["--forbid-spawn"]).ok();
}

#[test]
fn what_a_trim_says() {
    let (space, store) = sharing();
    let mut told = answer(&space, &["cache", "trim", "--used-since", "last-build"]);
    space.build(&[]).ok();
    space.rename(store.join("v2/builds"), store.join("v2/elsewhere"));
    let before = Tree::of(&store.join("v2/blobs"));
    told.push_str(&answer(&space, &["cache", "trim", "--used-since", "last-build"]));
    told.push_str(&answer(&space, &["cache", "trim", "--used-since", "1h", "--max-size", "0 B"]));
    space.remove(store.join("v2/builds"));
    space.rename(store.join("v2/elsewhere"), store.join("v2/builds"));
    age_records(&space, &store, 5);
    told.push_str(&answer(&space, &["cache", "trim", "--used-since", "1h", "--format", "json"]));
    assert_eq!(Tree::of(&store.join("v2/blobs")).difference(&before), "");
    for when in ["2", "yesterday", "9999-12-31", "2026-11-20T18:55:00"] {
        told.push_str(&answer(&space, &["cache", "trim", "--used-since", when]));
    }
    space.build(&[]).ok();
    let json = space.run(&["cache", "trim", "--used-since", "last-build", "--format", "json"]).done();
    let object = &json.ok().events[0];
    assert_eq!((&object["event"], &object["verb"]), (&"cache".into(), &"trim".into()));
    assert_eq!(object["removed"]["files"], 0);
    assert_eq!(object["left"]["files"].as_u64(), Some(stats(&space, "total").0));
    // Both: what the last build used, and no more than that.
    let both = ["cache", "trim", "--used-since", "last-build", "--max-size", "0 B"];
    assert!(answer(&space, &both).contains("; 0 left, 0 B\n(0)"));
    insta::assert_snapshot!(told, @"
    $ rekindle cache trim --used-since last-build
    there is no store in [SPACE]/store yet
    (0)
    $ rekindle cache trim --used-since last-build
    rekindle: no build has recorded in [SPACE]/store what it used
      hint: build first: each build records what it uses
    (2)
    $ rekindle cache trim --used-since 1h --max-size 0 B
    rekindle: no build has recorded in [SPACE]/store what it used
      hint: build first: each build records what it uses
    (2)
    $ rekindle cache trim --used-since 1h --format json
    rekindle: no build has recorded in [SPACE]/store what it used since then
      hint: give an earlier time, or `last-build`, or build first
    (2)
    $ rekindle cache trim --used-since 2
    error: invalid value '2' for '--used-since <WHEN>': it should be `last-build`, a duration (`30m`, `12h`, `7d`, `2 weeks`), or a date (`2026-11-20`, `2026-11-20T18:55:00Z`, `@SECONDS`)

    For more information, try '--help'.
    (2)
    $ rekindle cache trim --used-since yesterday
    error: invalid value 'yesterday' for '--used-since <WHEN>': it should be `last-build`, a duration (`30m`, `12h`, `7d`, `2 weeks`), or a date (`2026-11-20`, `2026-11-20T18:55:00Z`, `@SECONDS`)

    For more information, try '--help'.
    (2)
    $ rekindle cache trim --used-since 9999-12-31
    error: invalid value '9999-12-31' for '--used-since <WHEN>': it lies in the future

    For more information, try '--help'.
    (2)
    $ rekindle cache trim --used-since 2026-11-20T18:55:00
    error: invalid value '2026-11-20T18:55:00' for '--used-since <WHEN>': it should say in which time zone: `Z`, `+01:00`

    For more information, try '--help'.
    (2)
    ");
}

#[test]
fn a_damaged_record_of_the_last_build_is_no_reason_to_trim_by_an_older_one() {
    let (space, store) = sharing();
    space.build(&[]).ok();
    age_records(&space, &store, 5);
    let older = Tree::of(&store.join("v2/builds"));
    space.edit("all.h", "ALL 0", "ALL 1");
    space.build(&[]).ok();
    let before = stats(&space, "blobs");
    let is_new = |path: &Path| path.is_file() && older.paths().all(|entry| !path.ends_with(entry));
    let shards = std::fs::read_dir(store.join("v2/builds")).unwrap().map(|shard| shard.unwrap().path());
    let records =
        shards.flat_map(|shard| std::fs::read_dir(shard).unwrap()).map(|record| record.unwrap().path());
    let record = records.filter(|record| is_new(record)).last().unwrap();
    let time = space.mtime(&record);
    space.remove(&record);
    space.write(&record, "damaged");
    space.set_mtime(&record, time);
    let told = space.run(&["cache", "trim", "--used-since", "last-build"]).done();
    told.exits(3).says("is set aside: what the last build used is not known");
    assert_eq!(stats(&space, "blobs"), before);
    // The next build records what it uses again, though there is nothing to do.
    space.build(&[]).assert_work("-");
    trim(&space, "last-build");
    assert_eq!(stats(&space, "builds").0, 1);
    space.remove(".rekindle");
    space.build(&["--forbid-spawn"]).ok();
}
