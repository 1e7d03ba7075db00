//! `bench archives` from end to end, tiny: every build is checked by its commands and by what its program prints, and a
//! build that is not what its row claims is an error.

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
        let _ = writeln!(std::io::stderr(), "NOT RUN: `bench archives` from end to end (needs {what})");
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
    (built && ["ninja", "make", "strace", "rustc"].into_iter().all(runs)).then_some(rekindle)
}

fn bench(out: &Path, rekindle: &Path, words: &[&str]) -> (Output, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["bench", "archives", "--quick", "--units", "4"]).args(words);
    command.arg("--rekindle").arg(rekindle).arg("--out").arg(out);
    let output = command.output().unwrap();
    let text = fs::read_to_string(out.join("archives.json"))
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output, serde_json::from_str(&text).unwrap())
}

/// How often an engine compiled, linked, and started another tool after a step.
fn ran(kept: &Value, step: &str, engine: &str) -> [u64; 3] {
    let mut rows = kept["rows"]["builds"].as_array().unwrap().iter();
    let row = rows.find(|row| row["step"] == step && row["engine"] == engine);
    let run = &row.unwrap_or_else(|| panic!("{step}, {engine}: {kept}"))["runs"][0];
    ["compiles", "links", "by_other_tools"].map(|kind| run[kind].as_u64().unwrap())
}

#[test]
fn every_step_runs_what_it_needs_and_each_program_prints_the_number_of_its_edit() {
    let Some(rekindle) = rekindle() else { return };
    let out = tempfile::tempdir().unwrap();
    let steps = [
        ("no-op", [0, 0, 2], [0, 0, 0]),
        ("edit one module", [1, 1, 2], [1, 1, 0]),
        ("edit the Rust library", [0, 1, 2], [0, 1, 1]),
        ("A-B-A, the Rust library", [0, 1, 2], [0, 0, 0]),
        ("restored elsewhere", [5, 1, 2], [0, 0, 0]),
    ];
    let words: Vec<&str> = steps.iter().flat_map(|(step, ..)| ["--only", step]).collect();
    let (output, kept) = bench(out.path(), &rekindle, &words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(kept["failed_checks"], json!([]));
    for (step, ninja, own) in steps {
        assert_eq!(ran(&kept, step, "ninja, other tools always run"), ninja, "{step}");
        assert_eq!(ran(&kept, step, "rekindle"), own, "{step}");
    }
    assert_eq!(ran(&kept, "restored elsewhere", "cargo, workspace"), [4, 0, 0]);
    let promises = kept["rows"]["promises"].as_array().unwrap();
    let programs = |promise: &&Value| promise["what"].as_str().unwrap().contains("programs");
    let programs: Vec<&Value> = promises.iter().filter(programs).collect();
    assert_eq!(programs.len(), 6, "{promises:?}");
    assert!(programs.iter().all(|promise| promise["holds"] == true), "{programs:?}");
    let chart = fs::read_to_string(out.path().join("archives.svg")).unwrap();
    assert!(chart.contains("restored elsewhere"), "{chart}");
}

#[test]
fn a_program_that_prints_another_number_is_an_error() {
    let Some(rekindle) = rekindle() else { return };
    let out = tempfile::tempdir().unwrap();
    let liar = out.path().join("liar");
    // From the third build on, when the cold one and the one that shows that nothing is left to do are over, it
    // spoils the program.
    let script = format!(
        "#!/bin/sh\n\
         {0} \"$@\" || exit\n\
         [ \"$1\" = build ] || exit 0\n\
         echo >> {1}\n\
         if [ \"$(wc -l < {1})\" -eq 3 ]; then\n\
         printf '#!/bin/sh\\necho 0000000000000001\\n' > .rekindle/build/release/app\n\
         fi\n",
        rekindle.display(),
        out.path().join("builds").display()
    );
    fs::write(&liar, script).unwrap();
    fs::set_permissions(&liar, fs::Permissions::from_mode(0o755)).unwrap();
    let (output, kept) = bench(out.path(), &liar, &["--only", "no-op"]);
    assert_eq!(output.status.code(), Some(1));
    let failed: Vec<&str> =
        kept["failed_checks"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    let told =
        failed.iter().any(|why| why.contains("no-op, rekindle: the program prints 0000000000000001, not "));
    assert!(told && failed.iter().all(|why| why.contains("rekindle")), "{failed:?}");
    let page = fs::read_to_string(out.path().join("archives.md")).unwrap();
    assert!(page.contains("**FAILED CHECK** no-op"), "{page}");
}
