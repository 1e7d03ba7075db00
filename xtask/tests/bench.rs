//! `bench engine` from end to end, tiny, and that a row which is not what it claims is an error.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Whether a program that the test needs is there; says so if not.
fn require(there: bool, what: &str) -> bool {
    let required = std::env::var_os("REKINDLE_TEST_REQUIRE").is_some_and(|value| value == "all");
    assert!(there || !required, "this test needs {what}, and REKINDLE_TEST_REQUIRE=all is set");
    if !there {
        // Written past the harness, which keeps to itself what tests print as long as they pass.
        let _ = writeln!(std::io::stderr(), "NOT RUN: a bench from end to end (needs {what})");
    }
    there
}

fn ninja() -> bool {
    let runs = Command::new("ninja").arg("--version").output();
    require(runs.is_ok_and(|output| output.status.success()), "ninja")
}

fn bench(out: &Path, rekindle: &Path, words: &[&str]) -> (Output, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["bench", "engine", "--quick", "--units", "16", "--runs", "1"]).args(words);
    command.arg("--rekindle").arg(rekindle).arg("--out").arg(out);
    let output = command.output().unwrap();
    let text = fs::read_to_string(out.join("engine.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output, serde_json::from_str(&text).unwrap())
}

#[test]
fn a_tiny_bench_measures_every_step_and_every_check_holds() {
    let rekindle = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name("rekindle");
    if !ninja() || !require(rekindle.is_file(), "rekindle, built beside xtask") {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let (output, kept) = bench(out.path(), &rekindle, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(kept["failed_checks"], serde_json::json!([]));
    let rows = kept["rows"].as_array().unwrap();
    let ran = |step: &str, engine: &str| {
        let row = rows.iter().find(|row| row["step"] == step && row["engine"] == engine).unwrap();
        let run = &row["runs"][0];
        ["compiles", "archives", "links"].map(|kind| run[kind].as_u64().unwrap())
    };
    assert_eq!((ran("cold", "ninja"), ran("cold", "rekindle")), ([17, 1, 1], [17, 1, 1]));
    assert_eq!(
        (ran("touch everything", "ninja"), ran("touch everything", "rekindle")),
        ([17, 1, 1], [0, 0, 0])
    );
    assert_eq!(ran("edit one leaf", "rekindle"), [1, 1, 1]);
    assert!(fs::read_to_string(out.path().join("engine.svg")).unwrap().contains("touch everything"));
}

#[test]
fn an_engine_that_did_not_do_what_the_step_needs_is_an_error() {
    if !ninja() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let liar = out.path().join("rekindle");
    let summary = r#"{"outcome":"ok","actions":{"ran":0,"restored":0},"kinds":{},"processes_spawned":0}"#;
    fs::write(&liar, format!("#!/bin/sh\necho '{summary}'\n")).unwrap();
    fs::set_permissions(&liar, fs::Permissions::from_mode(0o755)).unwrap();
    let (output, kept) = bench(out.path(), &liar, &["--only", "no-op", "--only", "edit one leaf"]);
    assert_eq!(output.status.code(), Some(1));
    let failed: Vec<&str> =
        kept["failed_checks"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    assert_eq!(failed.len(), 2, "{failed:?}");
    assert!(failed[0].contains("edit one leaf, rekindle: ran 0 compiles"), "{failed:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("FAILED"));
    assert!(
        fs::read_to_string(out.path().join("engine.md")).unwrap().contains("**FAILED CHECK** edit one leaf")
    );
}
