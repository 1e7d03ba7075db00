//! `bench ci` from end to end, tiny: what goes from one runner to the other is as warm as its rows claim, and a row that
//! is not what it claims is an error.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Whether a program that the test needs is there; says so if not.
fn require(there: bool, what: &str) -> bool {
    let required = std::env::var_os("REKINDLE_TEST_REQUIRE").is_some_and(|value| value == "all");
    assert!(there || !required, "this test needs {what}, and REKINDLE_TEST_REQUIRE=all is set");
    if !there {
        // Written past the harness, which keeps to itself what tests print as long as they pass.
        let _ = writeln!(std::io::stderr(), "NOT RUN: `bench ci` from end to end (needs {what})");
    }
    there
}

/// rekindle, if it and all else that is needed is there.
fn rekindle() -> Option<PathBuf> {
    let runs = |name: &str| {
        let output = Command::new(name).arg("--version").output();
        require(output.is_ok_and(|output| output.status.success()), name)
    };
    let rekindle = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("rekindle");
    let built = require(rekindle.is_file(), "rekindle, built beside xtask");
    (built && ["ninja", "tar", "zstd"].into_iter().all(runs)).then_some(rekindle)
}

fn bench(out: &Path, rekindle: &Path, words: &[&str]) -> (Output, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["bench", "ci", "--quick", "--units", "16"]).args(words);
    command.arg("--rekindle").arg(rekindle).arg("--out").arg(out);
    let output = command.output().unwrap();
    let text = fs::read_to_string(out.join("ci.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output, serde_json::from_str(&text).unwrap())
}

/// The rows of an engine in a case, by what was carried.
fn rows<'a>(kept: &'a Value, case: &str, engine: &str) -> Vec<&'a Value> {
    let all = kept["rows"]["restored"].as_array().unwrap().iter();
    all.filter(|row| row["case"] == case && row["engine"] == engine).collect()
}

#[test]
fn a_second_runner_does_what_each_row_claims() {
    let Some(rekindle) = rekindle() else { return };
    let out = tempfile::tempdir().unwrap();
    let (output, kept) = bench(out.path(), &rekindle, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(kept["failed_checks"], json!([]));
    let ran = |row: &Value| {
        let run = &row["runs"][0];
        ["compiles", "archives", "links"].map(|kind| run[kind].as_u64().unwrap())
    };
    for (case, engine, count, least) in [
        ("cold", "ninja", 1, [17, 1, 1]),
        ("cold", "rekindle", 1, [17, 1, 1]),
        ("unchanged", "ninja", 1, [17, 1, 1]),
        ("unchanged", "rekindle", 3, [0, 0, 0]),
        ("one file changed", "rekindle", 3, [1, 1, 1]),
    ] {
        let rows = rows(&kept, case, engine);
        assert_eq!(rows.len(), count, "{case}, {engine}");
        for row in rows {
            assert_eq!(ran(row), least, "{row}");
            assert_eq!(row["products"], "equal", "{row}");
            assert_eq!(row["saved_bytes"].as_u64().unwrap() > 0, case != "cold", "{row}");
        }
    }
    let older = rows(&kept, "an older commit's cache", "rekindle");
    assert_eq!(
        ran(older[0]),
        [6, 1, 1],
        "three sources, and four that read a header, one of them among the three"
    );
    assert!(older.iter().all(|row| ran(row) == ran(older[0])));
    let sizes = &kept["rows"]["sizes"][0];
    assert_eq!(["store_bytes", "pack_bytes"].map(|name| sizes[name].as_array().unwrap().len()), [11, 11]);
    assert!(kept["rows"]["floors"][0]["read_and_hash_ms"]["median"].as_f64().unwrap() > 0.0);
    let chart = fs::read_to_string(out.path().join("ci.svg")).unwrap();
    assert!(chart.contains("one file changed"), "{chart}");
}

#[test]
fn a_runner_that_does_not_restore_or_gets_other_bytes_is_an_error() {
    let Some(rekindle) = rekindle() else { return };
    let out = tempfile::tempdir().unwrap();
    let liar = out.path().join("liar");
    // It imports nothing, and of builds that may run no command it spoils the program, or an object if all are wanted.
    let script = format!(
        "#!/bin/sh\n\
         if [ \"$1 $2\" = 'cache import' ]; then exit 0; fi\n\
         {0} \"$@\" || exit\n\
         case \"$*\" in\n\
         *--materialize*--forbid-spawn*) echo >> \"$(find .rekindle/build/release -name '*.o' | head -n 1)\" ;;\n\
         *--forbid-spawn*) echo >> .rekindle/build/release/program ;;\n\
         esac\n",
        rekindle.display()
    );
    fs::write(&liar, script).unwrap();
    fs::set_permissions(&liar, fs::Permissions::from_mode(0o755)).unwrap();
    let (output, kept) = bench(out.path(), &liar, &["--only", "unchanged"]);
    assert_eq!(output.status.code(), Some(1));
    let failed: Vec<&str> =
        kept["failed_checks"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    let of = |carried: &str| {
        let of: Vec<&&str> = failed.iter().filter(|why| why.contains(carried)).collect();
        assert!(!of.is_empty(), "{carried}: {failed:?}");
        of.into_iter().copied().collect::<Vec<_>>().join("\n")
    };
    for carried in ["rekindle, build directory:", "rekindle, store:"] {
        assert!(of(carried).contains("what was asked for is not what a cold build makes"), "{failed:?}");
        assert!(of(carried).contains("files that are not what a cold build makes: 1 of "), "{failed:?}");
    }
    assert!(of("rekindle, store:").contains(", as obj/"), "{failed:?}");
    assert!(of("rekindle, pack:").contains("it did not build"), "{failed:?}");
    let page = fs::read_to_string(out.path().join("ci.md")).unwrap();
    assert!(page.contains("**FAILED CHECK** unchanged"), "{page}");
}
