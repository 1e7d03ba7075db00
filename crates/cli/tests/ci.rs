//! What a CI is given: the GitHub action, played step by step as its YAML says, the recipes for other CIs, and that
//! all of it is well-formed. None of it has been run on GitHub or GitLab.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

#[path = "ci/action.rs"]
mod action;
#[path = "ci/runner.rs"]
mod runner;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rekindle_testkit::{Tree, require};
use runner::{Caches, PROJECT, Runner};
use tempfile::TempDir;

const REKINDLE: &str = env!("CARGO_BIN_EXE_rekindle");

/// Fails if a command would run.
const WARM: &str = "rekindle build --forbid-spawn --format json";

/// A project: a library, a program that uses it, and another program.
fn project() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write(
        "rekindle.toml",
        "[project]\nname = \"p\"\n[library.util]\nsources = [\"util.c\"]\n\
         [executable.app]\nsources = [\"main.c\"]\ndeps = [\"util\"]\n[executable.other]\nsources = [\"other.c\"]\n",
    );
    write("util.c", "int util(void) { return 0; }\n");
    write("main.c", "int util(void);\nint main(void) { return util(); }\n");
    write("other.c", "int main(void) { return 1; }\n");
    dir
}

/// The inputs of the setup action for a test, and more.
fn inputs<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("binary", REKINDLE)], more].concat()
}

/// A job: set up, run the scripts, save. Answers what the two actions said.
fn job(runner: &mut Runner, more: &[(&str, &str)], scripts: &[&str]) -> (bool, bool) {
    let setup = runner.uses("setup", &inputs(more));
    for script in scripts {
        runner.ok(script);
    }
    let save = runner.uses("save", &[]);
    (setup["cache-hit"] == "true", save["saved"] == "true")
}

/// What a build made, without what belongs to rekindle.
fn products(runner: &Runner) -> Tree {
    Tree::of_outputs(&runner.workspace().join(".rekindle/build"))
}

/// Every file below `dir` of the project with this end.
fn files(dir: &str, end: &str) -> Vec<PathBuf> {
    let below = Tree::of(&Path::new(PROJECT).join(dir));
    let paths = below.paths().filter(|path| path.to_string_lossy().ends_with(end));
    let found: Vec<PathBuf> = paths.map(|path| Path::new(PROJECT).join(dir).join(path)).collect();
    assert!(!found.is_empty(), "no {end} in {dir}");
    found
}

#[test]
fn the_yaml_is_what_github_and_gitlab_take() {
    if !require("check-jsonschema") {
        return;
    }
    for (schema, dir, end) in [
        ("vendor.github-actions", ".github/actions", "action.yml"),
        ("vendor.github-workflows", "examples/ci", "github.yml"),
        ("vendor.gitlab-ci", "examples/ci", "gitlab-ci.yml"),
    ] {
        let mut command = Command::new("check-jsonschema");
        let output = command.args(["--builtin-schema", schema]).args(files(dir, end)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn shellcheck_has_nothing_to_say_about_the_scripts() {
    if !require("shellcheck") {
        return;
    }
    let mut command = Command::new("shellcheck");
    command.args(files(".github", ".sh")).args(files("examples/ci", ".sh"));
    let output = command.arg(Path::new(PROJECT).join(".ci/run")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_script_stops_at_the_first_failure_and_every_action_is_pinned() {
    for script in [files(".github", ".sh"), files("examples/ci", ".sh")].concat() {
        let text = fs::read_to_string(&script).unwrap();
        assert!(text.contains("\nset -euo pipefail\n"), "{}", script.display());
    }
    for name in ["setup", "save"] {
        let action = action::Action::read(&Path::new(PROJECT).join(".github/actions").join(name));
        for step in &action.steps {
            let (uses, run) = (step.get("uses"), step.get("run"));
            let script =
                run.strip_prefix("bash \"$GITHUB_ACTION_PATH/").and_then(|rest| rest.strip_suffix('"'));
            let pinned = uses.split_once('@').is_some_and(|(_, commit)| commit.len() == 40);
            assert!(pinned || script.is_some_and(|name| name.ends_with(".sh")), "{uses}{run}");
        }
    }
}

/// A first job builds, a second one on another machine in another place runs nothing and has the same products.
fn carries(what: &str) {
    let (project, caches) = (project(), Caches::default());
    let mut first = Runner::new(&caches, project.path(), 1);
    assert_eq!(job(&mut first, &[("cache", what)], &["rekindle build"]), (false, true), "{}", first.said);
    let cold = products(&first);
    let mut second = Runner::new(&caches, project.path(), 2);
    let setup = second.uses("setup", &inputs(&[("cache", what)]));
    assert_eq!(setup["cache-hit"], "true", "{}", second.said);
    assert_eq!(setup["cache-matched-key"], caches.keys()[0]);
    assert_eq!(setup["store-path"], second.workspace().join(".rekindle/store").display().to_string());
    assert_eq!(setup["build-path"], second.workspace().join(".rekindle/build").display().to_string());
    second.ok(WARM);
    second.ok("rekindle build --forbid-spawn --materialize=all && ./.rekindle/build/debug/app");
    assert_eq!(products(&second).difference(&cold), "");
}

#[test]
fn a_store_carried_to_another_runner_makes_its_build_warm() {
    carries("store");
}

#[test]
fn a_build_directory_carried_to_another_runner_makes_its_build_warm() {
    carries("build");
}

#[test]
fn a_store_and_a_build_directory_carried_to_another_runner_make_its_build_warm() {
    carries("both");
}

#[test]
fn a_pack_carried_to_another_runner_makes_its_build_warm() {
    carries("pack");
}

#[test]
fn nothing_of_one_machine_alone_is_saved() {
    let (project, caches) = (project(), Caches::default());
    let mut first = Runner::new(&caches, project.path(), 1);
    job(&mut first, &[("cache", "both")], &["rekindle build", "touch -d '1 hour' main.c", "rekindle build"]);
    let mut second = Runner::new(&caches, project.path(), 2);
    assert_eq!(second.uses("setup", &inputs(&[("cache", "both")]))["cache-hit"], "true", "{}", first.said);
    let restored = Tree::of(&second.workspace().join(".rekindle"));
    let parts = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let own = ["lock", "running", "marker", "usage", "tmp", "kept", "snapshots", "damaged"];
    let found: Vec<&Path> = restored
        .paths()
        .filter(|path| parts(path).iter().any(|part| own.iter().any(|own| part == own)))
        .collect();
    assert_eq!(found, [] as [&Path; 0]);
}

#[test]
fn what_all_builds_of_a_job_used_is_kept_and_what_none_used_is_not() {
    let (project, caches) = (project(), Caches::default());
    let both = ["rekindle build", "rekindle build --profile release"];
    job(&mut Runner::new(&caches, project.path(), 1), &[], &both);
    // A commit later: one unit is another one.
    fs::write(project.path().join("other.c"), "int main(void) { return 2; }\n").unwrap();
    let mut second = Runner::new(&caches, project.path(), 2);
    assert_eq!(job(&mut second, &[], &both), (true, true), "{}", second.said);
    let mut third = Runner::new(&caches, project.path(), 3);
    third.uses("setup", &inputs(&[]));
    assert!(third.ok("rekindle build").contains("6 restored"), "{}", third.said);
    third.ok("rekindle build --profile release --forbid-spawn");
    third.ok("echo 'int main(void) { return 1; }' >other.c");
    // The unit of the first commit was used by nobody in the second.
    assert!(!third.run(WARM).status.success(), "{}", third.said);
}

#[test]
fn a_job_that_changes_nothing_saves_nothing() {
    let (project, caches) = (project(), Caches::default());
    job(&mut Runner::new(&caches, project.path(), 1), &[], &["rekindle build"]);
    let mut second = Runner::new(&caches, project.path(), 2);
    assert_eq!(job(&mut second, &[], &["rekindle build"]), (true, false), "{}", second.said);
    assert!(second.said.contains("nothing is saved: what was restored is all there is"));
    let mut third = Runner::new(&caches, project.path(), 3);
    assert_eq!(job(&mut third, &[], &["true"]), (true, false), "{}", third.said);
    assert!(third.said.contains("nothing is saved: no build was recorded in this job"));
    assert_eq!(caches.keys().len(), 1);
}

#[test]
fn a_job_that_failed_saves_what_it_built_and_drops_nothing() {
    let (project, caches) = (project(), Caches::default());
    job(&mut Runner::new(&caches, project.path(), 1), &[], &["rekindle build"]);
    let mut second = Runner::new(&caches, project.path(), 2).with("job.status", "failure");
    let edit = "sed -i s/1/3/ other.c";
    assert_eq!(job(&mut second, &[], &[edit, "rekindle build other"]), (true, true), "{}", second.said);
    let mut third = Runner::new(&caches, project.path(), 3);
    third.uses("setup", &inputs(&[]));
    third.ok(&format!("{WARM} && {edit} && {WARM}"));
    let mut fourth = Runner::new(&caches, project.path(), 4).with("job.status", "cancelled");
    assert_eq!(job(&mut fourth, &[], &["sed -i s/1/4/ other.c", "rekindle build"]), (true, false));
}

#[test]
fn code_of_others_restores_and_saves_nothing() {
    let own = ("github.event.pull_request.head.repo.full_name", "o/p");
    let foreign = ("github.event.pull_request.head.repo.full_name", "stranger/p");
    let none = ("github.event.pull_request.head.repo.full_name", "");
    let (project, caches) = (project(), Caches::default());
    job(&mut Runner::new(&caches, project.path(), 1), &[], &["rekindle build"]);
    let mut run = 1;
    for (event, head, save, saves) in [
        ("push", none, "auto", true),
        ("schedule", none, "auto", true),
        ("workflow_dispatch", none, "pull-requests", true),
        ("push", none, "never", false),
        ("pull_request", own, "auto", false),
        ("pull_request", own, "pull-requests", true),
        ("pull_request", foreign, "auto", false),
        ("pull_request", foreign, "pull-requests", false),
        ("pull_request", none, "pull-requests", false),
        ("pull_request_target", own, "pull-requests", false),
        ("pull_request_target", foreign, "pull-requests", false),
        ("workflow_run", none, "pull-requests", false),
        ("issue_comment", none, "pull-requests", false),
        ("something_new", none, "pull-requests", false),
    ] {
        run += 1;
        let mut runner =
            Runner::new(&caches, project.path(), run).with("github.event_name", event).with(head.0, head.1);
        let edit = format!("echo 'int x{run};' >>other.c");
        let done = job(&mut runner, &[("save", save)], &[&edit, "rekindle build"]);
        assert_eq!(done, (true, saves), "{event} {head:?} {save}: {}", runner.said);
    }
}

#[test]
fn a_key_finds_what_is_most_alike_and_is_never_written_twice() {
    let (project, caches) = (project(), Caches::default());
    let key = |runner: Runner, more: &[(&str, &str)]| {
        let mut runner = runner;
        runner.uses("setup", &inputs(more))["cache-key"].clone()
    };
    let new = |run| Runner::new(&caches, project.path(), run);
    let one = key(new(1), &[]);
    let parts: Vec<&str> = one.split('/').collect();
    assert_eq!(parts[..5], ["rekindle", env!("CARGO_PKG_VERSION"), "Linux-X64", "store", "default"]);
    assert_eq!((parts.len(), parts[8]), (9, "1-1"));
    // Which part of the key each difference shows in.
    let differs = |other: &str| -> Vec<usize> {
        let other: Vec<&str> = other.split('/').collect();
        assert_eq!(parts.len(), other.len());
        (0..parts.len()).filter(|at| parts[*at] != other[*at]).collect()
    };
    assert_eq!(differs(&key(new(2), &[])), [8]);
    assert_eq!(differs(&key(new(1).with("GITHUB_RUN_ATTEMPT", "2"), &[])), [8]);
    assert_eq!(differs(&key(new(1).with("toJSON(matrix)", "{\"a\": 1}"), &[])), [6]);
    assert_eq!(differs(&key(new(1).with("GITHUB_JOB", "test"), &[])), [6]);
    assert_eq!(differs(&key(new(1).with("RUNNER_ARCH", "ARM64"), &[])), [2]);
    assert_eq!(differs(&key(new(1), &[("cache", "pack")])), [3]);
    assert_eq!(differs(&key(new(1), &[("key", "mine")])), [4]);
    fs::create_dir(project.path().join("sub")).unwrap();
    fs::write(project.path().join("sub/rekindle.toml"), "").unwrap();
    assert_eq!(differs(&key(new(1), &[])), [7]);
}

#[test]
fn another_toolchain_has_another_key_and_still_finds_the_nearest() {
    if !require("clang") {
        return;
    }
    let (project, caches) = (project(), Caches::default());
    let mut first = Runner::new(&caches, project.path(), 1);
    job(&mut first, &[], &["rekindle build"]);
    let mut second = Runner::new(&caches, project.path(), 2);
    second.ok("mkdir ../bin && ln -s \"$(command -v clang)\" ../bin/cc");
    let bin = second.workspace().join("../bin").display().to_string();
    second.path.push(bin);
    let setup = second.uses("setup", &inputs(&[]));
    let parts = |key: &str| key.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (one, two) = (parts(&setup["cache-matched-key"]), parts(&setup["cache-key"]));
    assert_ne!(one[5], two[5], "{}", second.said);
    assert_eq!((&one[..5], one[6] == two[6]), (&two[..5], true));
}

#[test]
fn inputs_that_make_no_sense_are_refused_with_a_sentence() {
    let (project, caches) = (project(), Caches::default());
    for (name, value, said) in [
        ("cache", "everything", "cache is store, pack, build, both or none, not everything"),
        ("save", "always", "save is auto, pull-requests or never, not always"),
        ("key", "a/b", "key is made of"),
        ("key", "", "key is made of"),
        ("key", "a\nkey=b", "key is made of"),
        ("working-directory", "/etc", "working-directory is a plain path"),
        ("working-directory", "a/../..", "working-directory is a plain path"),
        ("working-directory", "a\npath=b", "working-directory is a plain path"),
        ("working-directory", "none", "there is no such directory"),
        ("binary", "none", "no program is there"),
    ] {
        let mut runner = Runner::new(&caches, project.path(), 1);
        let answer = runner.tries("setup", &[&inputs(&[]), &[(name, value)][..]].concat());
        let error = answer.expect_err(value);
        assert!(error.contains("::error::rekindle: ") && error.contains(said), "{name}={value:?}: {error}");
    }
    let mut runner = Runner::new(&caches, project.path(), 1);
    assert!(runner.tries("save", &[]).expect_err("not set up").contains("the setup action was not called"));
    assert_eq!(job(&mut runner, &[("cache", "none")], &["rekindle build"]), (false, false));
}

#[test]
fn a_project_below_the_workspace_has_its_cache_there() {
    let (inner, outer, caches) = (project(), tempfile::tempdir().unwrap(), Caches::default());
    rekindle_testkit::copy_tree(inner.path(), &outer.path().join("a b/c"));
    let more = [("working-directory", "a b/./c")];
    let mut first = Runner::new(&caches, outer.path(), 1);
    assert_eq!(job(&mut first, &more, &["rekindle -C 'a b/c' build"]), (false, true), "{}", first.said);
    let mut second = Runner::new(&caches, outer.path(), 2);
    let setup = second.uses("setup", &inputs(&more));
    assert_eq!(setup["store-path"], second.workspace().join("a b/c/.rekindle/store").display().to_string());
    second.ok("cd 'a b/c' && rekindle build --forbid-spawn");
}

#[test]
fn a_pack_that_is_damaged_is_not_used_and_the_job_builds() {
    let (project, caches) = (project(), Caches::default());
    let more = [("cache", "pack")];
    job(&mut Runner::new(&caches, project.path(), 1), &more, &["rekindle build"]);
    caches.damage(".rekindle/rekindle.pack");
    let mut second = Runner::new(&caches, project.path(), 2);
    assert_eq!(job(&mut second, &more, &["rekindle build"]), (false, true), "{}", second.said);
    assert!(second.said.contains("::warning::rekindle: the pack that was restored is not used"));
}

#[test]
fn packs_of_a_matrix_become_one_cache_in_a_job_that_builds_nothing() {
    let (project, caches) = (project(), Caches::default());
    let packs = tempfile::tempdir().unwrap();
    let parts = [("key", "parts"), ("save", "never")];
    for (run, target) in [(1, "app"), (2, "other")] {
        let mut part = Runner::new(&caches, project.path(), run).with("toJSON(matrix)", target);
        let pack = packs.path().join(target);
        let export = format!("rekindle cache export {}", pack.display());
        assert_eq!(job(&mut part, &parts, &[&format!("rekindle build {target}"), &export]), (false, false));
    }
    let mut merge = Runner::new(&caches, project.path(), 3).with("GITHUB_JOB", "merge");
    let import = format!("rekindle cache import {}/*", packs.path().display());
    assert_eq!(job(&mut merge, &parts[..1], &[&import]), (false, true), "{}", merge.said);
    for (run, target) in [(4, "app"), (5, "other")] {
        let mut part = Runner::new(&caches, project.path(), run).with("toJSON(matrix)", target);
        assert_eq!(part.uses("setup", &inputs(&parts))["cache-hit"], "true", "{}", part.said);
        part.ok(&format!("rekindle build {target} --forbid-spawn"));
    }
}

#[test]
fn rekindle_is_built_once_from_the_actions_own_checkout() {
    let (project, caches) = (project(), Caches::default());
    let new = |run| {
        let mut runner = Runner::new(&caches, project.path(), run);
        let cargo = "#!/bin/sh\necho \"cargo $*, in $PWD\"\nroot=${7}\nmkdir -p $root/bin\n";
        let place = runner.temp().join("tools");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("cargo.text"), format!("{cargo}cp {REKINDLE} $root/bin/rekindle\n")).unwrap();
        fs::write(place.join("rustc.text"), "#!/bin/sh\necho rustc 1.99\n").unwrap();
        let make = "for tool in cargo rustc; do install -m 755 $RUNNER_TEMP/tools/$tool.text $RUNNER_TEMP/tools/$tool; done";
        runner.ok(make);
        runner.path.push(place.display().to_string());
        runner
    };
    let mut first = new(1);
    let setup = first.uses("setup", &[]);
    assert_eq!(setup["version"], env!("CARGO_PKG_VERSION"));
    let place = first.temp().join("rekindle").display().to_string();
    let checkout = fs::canonicalize(PROJECT).unwrap();
    let said =
        format!("cargo install --locked --force --path crates/cli --root {place}, in {}", checkout.display());
    assert!(first.said.contains(&said), "{}", first.said);
    first.ok("rekindle --version");
    assert!(caches.keys()[0].starts_with("rekindle-binary/Linux-X64/"));
    // The cache is found by the text of the path, and on GitHub's runners that is the same everywhere.
    let mut second = new(2);
    second.uses("setup", &[]);
    assert!(second.said.contains("cargo install"));
    let mut third = new(3).with("github.event_name", "pull_request");
    third.uses("setup", &[]);
    assert_eq!(caches.keys().len(), 1, "a pull request saves no program either");
}

#[test]
fn a_plain_script_reads_what_the_last_run_left_and_leaves_it_for_the_next() {
    let (project, caches) = (project(), Caches::default());
    let shared = tempfile::tempdir().unwrap();
    let pack = shared.path().join("packs/p.pack");
    let script = Path::new(PROJECT).join("examples/ci/build.sh");
    let run = |run, before: &str| {
        let mut runner = Runner::new(&caches, project.path(), run);
        runner.path.push(Path::new(REKINDLE).parent().unwrap().display().to_string());
        runner.ok(&format!("export PACK='{}'; {before} bash '{}'", pack.display(), script.display()))
    };
    assert!(run(1, "").contains("6 ran"));
    let left = fs::read(&pack).unwrap();
    assert!(run(2, "export READ_ONLY=1; echo 'int x;' >>other.c;").contains("2 ran"));
    assert!(fs::read(&pack).unwrap() == left, "a run that only reads has written");
    run(3, "export REKINDLE_FORBID_SPAWN=true;");
}
