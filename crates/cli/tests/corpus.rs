//! Real projects, as `cargo xtask corpus` obtains them, built with real compilers: what is built is used, and what was
//! built is not built again, here or in another checkout with another copy of the compiler. The corpus is pinned by
//! checksum, so the counts are exact.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

#[path = "warm/copies.rs"]
mod copies;

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use copies::{Copy, Tool, assert_nowhere, use_copy};
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

/// A checkout that is built with a copy of a toolchain, and shares what it makes.
struct Place {
    space: Space,
    tool: Tool,
    shared: Rc<Space>,
}

/// A checkout of the project, not built yet; `None` if it or the tool is missing.
fn space(project: Project, tool: Tool) -> Option<Place> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus").join(project.name);
    let what = format!("target/corpus/{}, which `cargo xtask corpus` makes", project.name);
    if !tool.needs().iter().all(|tool| require(tool)) || !require_path(&from, &what) {
        return None;
    }
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    use_copy(&mut space, tool, Copy::First);
    let shared = Rc::new(Space::new("/bin/true"));
    space.use_store(&shared.path("store"));
    space.remove("");
    copy_tree(&from, &space.root());
    // clang writes a digest of every header into debug information: there, an object tells of a comment.
    let manifest = String::from_utf8(space.read("rekindle.toml")).unwrap();
    let profiles = "[profile.plain]\ndebug = false\n[profile.fast]\ninherits = \"release\"\ndebug = true\n";
    space.write("rekindle.toml", format!("{manifest}\n{profiles}"));
    Some(Place { space, tool, shared })
}

impl Place {
    /// The same elsewhere, with what was built: every file has a new time, the home is another.
    fn second(&self) -> Self {
        let mut space = self.space.copy_to_another_place();
        space.move_project("a checkout/elsewhere");
        Self { space, tool: self.tool, shared: Rc::clone(&self.shared) }
    }

    fn take_second_toolchain(&mut self) {
        self.space.set_env("PATH", "/usr/local/bin:/usr/bin:/bin");
        use_copy(&mut self.space, self.tool, Copy::Second);
    }
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
fn holds(project: Project, tool: Tool, profile: &str) {
    let Some(place) = space(project, tool) else { return };
    let space = &place.space;
    build(space, project, profile).assert_kinds(project.all, "-");
    (project.uses)(space);
    runs_nothing(space, project, profile, "-");

    for file in space.files() {
        space.touch(file);
    }
    runs_nothing(space, project, profile, "-");

    let (header, readers) = project.header;
    let before = space.read(header);
    space.write(header, [&before[..], b"\n/* A comment. */\n"].concat());
    build(space, project, profile).assert_work(readers);
    space.write(header, before);
    runs_nothing(space, project, profile, readers);
    runs_nothing(space, project, profile, "-");

    let second = place.second();
    runs_nothing(&second.space, project, profile, "-");
    (project.uses)(&second.space);
    second.space.remove(".rekindle");
    comes_back(second, place, project, profile);
}

/// Builds, and what was built is there in another checkout without a process.
#[track_caller]
fn travels(project: Project, tool: Tool, profile: &str) {
    let Some(place) = space(project, tool) else { return };
    build(&place.space, project, profile).assert_kinds(project.all, "-");
    (project.uses)(&place.space);
    let second = place.second();
    second.space.remove(".rekindle");
    comes_back(second, place, project, profile);
}

/// In a second checkout, where nothing is built, with another copy of the compiler and in another home, everything is
/// put back, and nothing there tells of the first.
#[track_caller]
fn comes_back(mut second: Place, first: Place, project: Project, profile: &str) {
    let outputs = first.space.outputs();
    let old = first.space.base().to_path_buf();
    drop(first);
    second.take_second_toolchain();
    let built = build(&second.space, project, profile);
    built.assert_restored(project.all);
    assert_eq!(built.summary().number(&["actions", "bound"]), 0, "{}", built.story());
    let difference = second.space.outputs().difference(&outputs);
    assert!(difference.is_empty(), "unlike the first (the second):\n{difference}");
    assert_nowhere(&second.space.path(".rekindle"), &[&old, &second.tool.copy(Copy::First)]);
    (project.uses)(&second.space);
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
    let is_there = |profile: &&&str| space.build_dir().join(profile).is_dir();
    ["plain", "fast", "debug"].iter().find(is_there).unwrap()
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

/// Debug with gcc, without debug information with clang; and, where it takes no minutes, everything between.
macro_rules! tests {
    ($($name:ident: $how:ident($project:expr, $tool:expr, $profile:literal);)*) => {
        $(#[test] fn $name() { $how($project, $tool, $profile); })*
    };
    (slow: $($name:ident: $how:ident($project:expr, $tool:expr, $profile:literal);)*) => {
        $(#[test] #[ignore = "takes a minute or more"] fn $name() { $how($project, $tool, $profile); })*
    };
}

tests! {
    lua_with_gcc: holds(LUA, Tool::Gcc, "debug");
    lua_with_clang: holds(LUA, Tool::Clang, "plain");
    lua_with_gcc_optimized: travels(LUA, Tool::Gcc, "fast");
    lua_with_clang_and_debug_information: travels(LUA, Tool::Clang, "debug");
    lua_with_clang_optimized: travels(LUA, Tool::Clang, "fast");
    zstd_with_gcc: holds(ZSTD, Tool::Gcc, "debug");
    zstd_with_clang: holds(ZSTD, Tool::Clang, "plain");
    sqlite_with_gcc: holds(SQLITE, Tool::Gcc, "debug");
    sqlite_with_clang: holds(SQLITE, Tool::Clang, "plain");
    aws_lc_with_gcc: holds(AWS_LC, Tool::Gcc, "debug");
}

tests! { slow:
    zstd_with_gcc_optimized: travels(ZSTD, Tool::Gcc, "fast");
    zstd_with_clang_and_debug_information: travels(ZSTD, Tool::Clang, "debug");
    zstd_with_clang_optimized: travels(ZSTD, Tool::Clang, "fast");
    sqlite_with_gcc_optimized: travels(SQLITE, Tool::Gcc, "fast");
    sqlite_with_clang_and_debug_information: travels(SQLITE, Tool::Clang, "debug");
    sqlite_with_clang_optimized: travels(SQLITE, Tool::Clang, "fast");
    aws_lc_with_gcc_optimized: travels(AWS_LC, Tool::Gcc, "fast");
    aws_lc_with_clang_and_debug_information: travels(AWS_LC, Tool::Clang, "debug");
    aws_lc_with_clang_optimized: travels(AWS_LC, Tool::Clang, "fast");
}
