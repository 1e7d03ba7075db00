//! Real projects, as `cargo xtask corpus` obtains them, built with real compilers: what is built is used, and what was
//! built is not built again. The corpus is pinned by checksum, so the counts are exact.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use rekindle_testkit::{Built, Space, copy_tree, require, require_path};

/// The largest project takes a compiler about a minute on one quiet core.
const PATIENCE: Duration = Duration::from_secs(900);

/// A project of the corpus.
#[derive(Clone, Copy)]
struct Project {
    name: &'static str,
    /// What is asked for; nothing is what the manifest has as default.
    targets: &'static [&'static str],
    /// What a clean build runs.
    all: &'static str,
    /// A header that many units read, and the compiles of those that do.
    header: (&'static str, &'static str),
    /// Uses what was built.
    uses: fn(&Space),
}

const LUA: Project =
    Project { name: "lua", targets: &[], all: "33c 1a 1l", header: ("lua.h", "33c"), uses: use_lua };
const ZSTD: Project =
    Project { name: "zstd", targets: &[], all: "32c 1a 1l", header: ("common/mem.h", "24c"), uses: use_zstd };
const SQLITE: Project = Project {
    name: "sqlite",
    targets: &["sqlite-run", "sqlite-run-shared"],
    all: "4c 1a 3l",
    header: ("sqlite3.h", "2c"),
    uses: use_sqlite,
};
const AWS_LC: Project = Project {
    name: "aws-lc",
    targets: &[],
    all: "545c 2a 1l",
    header: ("ssl/internal.h", "40c"),
    uses: use_aws_lc,
};

/// A copy of the project with the compilers `cc` and `cxx`, not built yet; `None` if it or they are missing.
fn space(project: Project, cc: &str, cxx: &str) -> Option<Space> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus").join(project.name);
    let what = format!("target/corpus/{}, which `cargo xtask corpus` makes", project.name);
    if !require(cc) || !require(cxx) || !require_path(&from, &what) {
        return None;
    }
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.set_env("CC", cc);
    space.set_env("CXX", cxx);
    space.remove("");
    copy_tree(&from, &space.root());
    // clang writes a digest of every header into debug information: there, an object tells of a comment.
    let manifest = String::from_utf8(space.read("rekindle.toml")).unwrap();
    space.write("rekindle.toml", format!("{manifest}\n[profile.plain]\ndebug = false\n"));
    Some(space)
}

#[track_caller]
fn build(space: &Space, project: Project, profile: &str) -> Built {
    let run = space.run(&["build", "--format", "json", "-v", "-j2", "--profile", profile]);
    let built = run.args(project.targets).within(PATIENCE).done();
    built.ok();
    built
}

/// A build that has nothing to run.
#[track_caller]
fn runs_nothing(space: &Space, project: Project, profile: &str, put_back: &str) {
    let built = build(space, project, profile);
    built.assert_work_and_restored("-", put_back);
    assert_eq!(built.summary().processes(), 0, "{}", built.story());
}

/// Builds, uses, and builds again after all that can happen to a tree and changes nothing, or nothing but a comment.
#[track_caller]
fn holds(project: Project, cc: &str, cxx: &str, profile: &str) {
    let Some(space) = space(project, cc, cxx) else { return };
    build(&space, project, profile).assert_kinds(project.all, "-");
    (project.uses)(&space);
    runs_nothing(&space, project, profile, "-");

    for file in space.files() {
        space.touch(file);
    }
    runs_nothing(&space, project, profile, "-");

    let (header, readers) = project.header;
    let before = space.read(header);
    space.write(header, [&before[..], b"\n/* A comment. */\n"].concat());
    build(&space, project, profile).assert_work(readers);
    space.write(header, before);
    runs_nothing(&space, project, profile, readers);
    runs_nothing(&space, project, profile, "-");

    let copy = space.copy_to_another_place();
    drop(space);
    runs_nothing(&copy, project, profile, "-");
    (project.uses)(&copy);
}

/// What a built program prints; it must succeed.
#[track_caller]
fn prints(space: &Space, program: &str, args: &[&str]) -> String {
    let output = space.execute(&space.output(program), args);
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn use_lua(space: &Space) {
    let tools = space.base().join("tools");
    let script = tools.join("script.lua");
    let text = "local words = {}\nfor word in (arg[1]):gmatch('%a+') do words[#words + 1] = word:upper() end\n\
                table.sort(words)\nprint(table.concat(words, ' '), 2 ^ 10, _VERSION)\n";
    fs::write(&script, text).unwrap();
    let printed = prints(space, "lua-run", &[script.to_str().unwrap(), "warm builds, cold machines"]);
    assert_eq!(printed, "BUILDS COLD MACHINES WARM\t1024.0\tLua 5.4\n");
    space.run(&["test", "--profile"]).args(&[profile_of(space)]).done().ok();
}

/// The profile that was built.
fn profile_of(space: &Space) -> &'static str {
    if space.build_dir().join("plain").is_dir() { "plain" } else { "debug" }
}

fn use_zstd(space: &Space) {
    let tools = space.base().join("tools");
    let path = |name: &str| tools.join(name).to_str().unwrap().to_owned();
    let (plain, packed, again) = (path("plain"), path("packed"), path("again"));
    let text: String = (0..20_000).map(|number| format!("line {number} of {}\n", number * number)).collect();
    fs::write(&plain, &text).unwrap();
    for level in ["1", "19"] {
        prints(space, "zstd-run", &["compress", &plain, &packed, level]);
        let bytes = fs::read(&packed).unwrap();
        // RFC 8878, 3.1.1: the magic number of a frame.
        assert_eq!(bytes[..4], 0xfd2f_b528_u32.to_le_bytes());
        assert!(bytes.len() < text.len() / 3, "{} of {} bytes", bytes.len(), text.len());
        prints(space, "zstd-run", &["decompress", &packed, &again]);
        assert!(fs::read(&again).unwrap() == text.as_bytes(), "what came back is what went in");
    }
}

fn use_sqlite(space: &Space) {
    for program in ["sqlite-run", "sqlite-run-shared"] {
        let database = space.base().join("tools").join(program).with_extension("db");
        let sql = [
            "create table if not exists t(a integer primary key, b text)",
            "delete from t",
            "insert into t(b) values ('one'), ('two'), ('three')",
            "create virtual table temp.words using fts5(text)",
            "insert into words values ('warm builds'), ('cold machines')",
        ];
        prints(space, program, &[&[database.to_str().unwrap()], &sql[..]].concat());
        let sql = [
            "select count(*), group_concat(b, '-') from (select b from t order by b)",
            "select upper(b) from t where a = 2",
        ];
        let printed = prints(space, program, &[&[database.to_str().unwrap()], &sql[..]].concat());
        assert_eq!(printed, "3|one-three-two\nTWO\n");
    }
}

fn use_aws_lc(space: &Space) {
    let printed = prints(space, "tls-run", &["sha256", "abc"]);
    // FIPS 180-4's example.
    assert_eq!(printed, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n");
    let printed = prints(space, "tls-run", &["handshake", "warm builds"]);
    assert!(printed.starts_with("TLSv1.3 TLS_") && printed.ends_with(": warm builds\n"), "{printed}");
}

#[test]
fn lua_with_gcc() {
    holds(LUA, "gcc", "g++", "debug");
}

#[test]
fn lua_with_clang() {
    holds(LUA, "clang", "clang++", "plain");
}

#[test]
fn zstd_with_gcc() {
    holds(ZSTD, "gcc", "g++", "debug");
}

#[test]
fn zstd_with_clang() {
    holds(ZSTD, "clang", "clang++", "plain");
}

#[test]
fn sqlite_with_gcc() {
    holds(SQLITE, "gcc", "g++", "debug");
}

#[test]
fn sqlite_with_clang() {
    holds(SQLITE, "clang", "clang++", "plain");
}

#[test]
fn aws_lc_with_gcc() {
    holds(AWS_LC, "gcc", "g++", "debug");
}
