//! Walks over directories that a test makes.

#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::fs::{CWD, FileType, Mode};

use super::*;
use crate::consult::Question;
use crate::roots::Root;

struct Space {
    _dir: tempfile::TempDir,
    base: PathBuf,
    files: Files,
}

impl Space {
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap().join("w");
        fs::create_dir(&base).unwrap();
        let space = Self { files: Files::new(Roots::new(&base, base.join("out"))), _dir: dir, base };
        for name in names {
            space.write(name, "");
        }
        space
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.base.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, text: &str, name: &str) {
        symlink(text, self.base.join(name)).unwrap();
    }

    fn path(&mut self, name: &str) -> PathId {
        self.files.path_from(&self.base, Path::new(name))
    }

    fn set(&mut self, dir: &str, only: &[&str], exclude: &[&str]) -> WatchSet {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_string()).collect();
        let tree = Tree { dir: self.path(dir), only: owned(only) };
        WatchSet { trees: vec![tree], exclude: owned(exclude), ..WatchSet::default() }
    }

    fn shown(&self, watched: &Watched) -> Vec<String> {
        watched.files.iter().map(|path| self.files.show(*path)).collect()
    }

    fn links(&self, watched: &Watched) -> Vec<String> {
        let line =
            |(path, text): &(PathId, PathBuf)| format!("{} -> {}", self.files.show(*path), text.display());
        watched.links.iter().map(line).collect()
    }

    fn walk(&mut self, set: &WatchSet) -> Watched {
        set.walk(&mut self.files).unwrap()
    }

    /// The files below the workspace but for what `exclude` says.
    fn all_but(&mut self, exclude: &[&str]) -> Vec<String> {
        let set = self.set(".", &[], exclude);
        let watched = self.walk(&set);
        self.shown(&watched)
    }

    fn refused(&mut self, set: &WatchSet) -> String {
        let error = set.walk(&mut self.files).unwrap_err();
        let text = error.to_string();
        assert!(error.into_inner().unwrap().is::<WatchError>());
        text.replace(&self.base.display().to_string(), "W")
    }
}

#[test]
fn everything_below_a_tree_is_watched_in_the_order_of_its_names() {
    let mut space =
        Space::new(&["src/b.c", "src/a/x.h", "src-2/y", "Makefile", ".cargo/config.toml", "tests/t.rs"]);
    assert_eq!(
        space.all_but(&[]),
        [".cargo/config.toml", "Makefile", "src-2/y", "src/a/x.h", "src/b.c", "tests/t.rs"]
    );
    let mut set = space.set("src", &[], &[]);
    let again = space.set("src/a", &[], &[]);
    set.trees.extend(again.trees);
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["src/a/x.h", "src/b.c"], "what two trees hold is there once");
}

#[test]
fn what_is_made_kept_beside_or_being_edited_is_not_watched_and_sources_of_such_names_are() {
    let mut space = Space::new(&[
        "Cargo.toml",
        "target/debug/x",
        "sub/Cargo.toml",
        "sub/target/x",
        "sub/src/target/mod.rs",
        "tests/target/data",
        "odd/target/x",
        "odd/target/CACHEDIR.TAG",
        ".git/HEAD",
        "vendor/v/.git",
        "vendor/v/.hg/x",
        "vendor/v/CVS/Root",
        "vendor/v/a.c",
        ".rekindle/build/x",
        ".a.c.swp",
        "a.c~",
        "#a.c#",
        "4913",
        ".DS_Store",
        "a.c",
        "crate/Cargo.toml/not-a-file",
        "crate/target/x",
        "tagged/x",
        "tagged/sub/x",
        "marked/CACHEDIR.TAG",
        "marked/x",
    ]);
    space.write("tagged/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n");
    space.link("user@host.1234", ".#a.c");
    let expected = [
        "Cargo.toml",
        "a.c",
        "crate/Cargo.toml/not-a-file",
        "crate/target/x",
        "marked/CACHEDIR.TAG",
        "marked/x",
        "sub/Cargo.toml",
        "sub/src/target/mod.rs",
        "tests/target/data",
        "vendor/v/a.c",
    ];
    assert_eq!(space.all_but(&[]), expected);
    let set = space.set(".", &[], &[]);
    assert_eq!(space.walk(&set).links, []);
}

#[test]
fn a_directory_that_is_named_is_watched_whatever_it_is_called() {
    let mut space = Space::new(&["Cargo.toml", "target/x", "out/y", "tagged/z"]);
    space.write("tagged/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
    for (dir, expected) in [("target", "target/x"), ("tagged", "tagged/z"), ("out", "build:y")] {
        let mut set = space.set(dir, &[], &[dir]);
        set.outside.push(space.path(dir));
        let watched = space.walk(&set);
        assert_eq!(space.shown(&watched).last().unwrap(), expected);
    }
}

#[test]
fn exclusions_and_what_is_outside_hold_for_all_below() {
    let mut space =
        Space::new(&["a/gen/x.c", "a/y.c", "a/y.log", "b/gen/z.c", "lib.a", "made/deep/m", "made2/n"]);
    assert_eq!(space.all_but(&["*.log", "a/gen", "made*"]), ["a/y.c", "b/gen/z.c", "lib.a"]);
    let mut set = space.set(".", &[], &[]);
    set.outside = vec![space.path("made"), space.path("lib.a"), space.path("not/there")];
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["a/gen/x.c", "a/y.c", "a/y.log", "b/gen/z.c", "made2/n"]);
}

#[test]
fn a_tree_with_globs_holds_the_files_that_they_mean() {
    let mut space = Space::new(&["src/a.c", "src/a.h", "src/x/b.c", "src/x/y/c.c", "src/x/y/c.txt"]);
    for (only, expected) in [
        (&["*.c"][..], &["src/a.c"][..]),
        (&["**/*.c"], &["src/a.c", "src/x/b.c", "src/x/y/c.c"]),
        (&["*.h", "x/*.c"], &["src/a.h", "src/x/b.c"]),
        (&["none"], &[]),
    ] {
        let set = space.set("src", only, &[]);
        let watched = space.walk(&set);
        assert_eq!(space.shown(&watched), expected, "{only:?}");
    }
}

#[test]
fn a_directory_out_of_reach_of_the_globs_is_not_even_listed() {
    let mut space = Space::new(&["src/a.c", "src/x/b.c"]);
    space.link("x", "src/link");
    let set = space.set("src", &["*.c"], &[]);
    consult::begin();
    let watched = space.walk(&set);
    let record = consult::end().unwrap();
    let listed = record.iter().filter(|(_, question, _)| *question == Question::Names);
    assert_eq!(listed.map(|(path, ..)| path).collect::<Vec<_>>(), [space.base.join("src")]);
    assert_eq!(watched.links, []);
}

#[test]
fn files_are_asked_for_by_the_names_of_their_directories_alone() {
    let mut space = Space::new(&["a.c", "x/b.c", "x/y/c.c"]);
    let set = space.set(".", &[], &[]);
    consult::begin();
    space.walk(&set);
    let record = consult::end().unwrap();
    let mut asked: Vec<_> = record
        .iter()
        .map(|(path, question, _)| (path.strip_prefix(&space.base).unwrap().display().to_string(), question))
        .collect();
    asked.sort();
    let expected = [
        ("", Question::What),
        ("", Question::Canonical),
        ("", Question::Names),
        ("x", Question::Names),
        ("x/y", Question::Names),
    ];
    assert_eq!(asked, expected.map(|(path, question)| (path.to_string(), question)));
}

#[test]
fn links_count_by_their_text_and_by_what_they_lead_to() {
    let mut space = Space::new(&["real/a.c", "src/own.c"]);
    space.link("../real/a.c", "src/file.c");
    space.link("../real", "src/dir");
    space.link("nowhere", "src/dangling");
    space.link("loop", "src/loop");
    space.link("/dev/zero", "src/endless");
    space.link("/dev/null", "src/null");
    let set = space.set("src", &[], &[]);
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["src/dir/a.c", "src/file.c", "src/null", "src/own.c"]);
    let links = space.links(&watched).join("\n");
    insta::assert_snapshot!(links, @r"
    src/dangling -> nowhere
    src/dir -> ../real
    src/endless -> /dev/zero
    src/file.c -> ../real/a.c
    src/loop -> loop
    src/null -> /dev/null
    ");
    let set = space.set("src", &["**/*.c"], &["null"]);
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["src/dir/a.c", "src/file.c", "src/own.c"]);
    assert_eq!(space.links(&watched), ["src/dir -> ../real", "src/file.c -> ../real/a.c"]);
}

#[test]
fn exclusions_hold_for_links_and_behind_them() {
    let mut space =
        Space::new(&["real/a.c", "real/made/m.c", "real/sub/b.c", "src/own.c", "Cargo.toml", "fast/x"]);
    space.link("../real", "src/dir");
    space.link("../real/sub", "src/sub");
    space.link("fast", "target");
    space.link("real/made", "again");
    let mut set = space.set(".", &[], &["sub/", "fast"]);
    set.outside.push(space.path("real/made"));
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["Cargo.toml", "real/a.c", "src/dir/a.c", "src/own.c"]);
    assert_eq!(space.links(&watched), ["again -> real/made", "src/dir -> ../real"]);
}

#[test]
fn a_link_that_leads_back_is_not_followed_and_one_that_leads_up_ends() {
    let mut space = Space::new(&["a/x.c", "a/b/y.c", "c/z.c"]);
    space.link("..", "a/b/up");
    space.link(".", "a/self");
    space.link("../..", "a/b/top");
    let set = space.set("a", &[], &[]);
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["a/b/top/c/z.c", "a/b/y.c", "a/x.c"]);
    assert_eq!(space.links(&watched), ["a/b/top -> ../..", "a/b/up -> ..", "a/self -> ."]);
}

#[test]
fn links_that_lead_everywhere_from_everywhere_end_in_an_error() {
    let mut space = Space::new(&[]);
    for one in 0..8 {
        fs::create_dir(space.base.join(format!("d{one}"))).unwrap();
        for other in 0..8 {
            space.link(&format!("../d{other}"), &format!("d{one}/l{other}"));
        }
    }
    let set = space.set(".", &[], &[]);
    insta::assert_snapshot!(space.refused(&set), @"symbolic links below `.`, which is watched, lead to more than 1024 directories, the same ones again and again; exclude those links");
}

#[test]
fn pipes_sockets_and_devices_are_no_files() {
    let mut space = Space::new(&["a.c"]);
    let _socket = std::os::unix::net::UnixListener::bind(space.base.join("socket")).unwrap();
    rustix::fs::mknodat(CWD, space.base.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    space.link("pipe", "link");
    let set = space.set(".", &[], &[]);
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["a.c"]);
    assert_eq!(space.links(&watched), ["link -> pipe"]);
}

#[test]
fn files_that_are_named_are_watched_there_or_not_and_whatever_excludes_them() {
    let mut space = Space::new(&["Cargo.toml", "target/x", "a.log"]);
    space.link("a.log", "link.log");
    let mut set = space.set(".", &[], &["*.log"]);
    set.files =
        ["link.log", "target/x", "not/there", "a.log", "Cargo.toml"].map(|name| space.path(name)).into();
    set.outside.push(space.path("a.log"));
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["Cargo.toml", "a.log", "link.log", "not/there", "target/x"]);
    assert_eq!(space.links(&watched), ["link.log -> a.log"]);
}

#[test]
fn a_file_has_the_name_of_the_root_that_it_lies_in() {
    let mut space = Space::new(&["a", "out/b", "sdk/include/c", "sdk/d", "sdk/e/f"]);
    let base = space.base.clone();
    let within = vec!["include".into(), "d".into()];
    let sdk = Root { within, ..Root::new("sdk", base.join("sdk")) };
    space.files.roots_mut().add(sdk).unwrap();
    let set = space.set(".", &[], &[]);
    let watched = space.walk(&set);
    assert_eq!(space.shown(&watched), ["build:b", "sdk:d", "sdk:include/c", "a", "sdk/e/f"]);
    for path in watched.files {
        assert_eq!(space.files.path_abs(&space.files.abs(path)), path);
    }
}

#[test]
fn what_cannot_be_walked_is_named_with_what_to_do() {
    let mut space = Space::new(&["file", "locked/x"]);
    let mut texts: Vec<String> = Vec::new();
    for (dir, only, exclude) in [
        ("no/such", &[][..], &[][..]),
        ("file", &[], &[]),
        (".", &["a["], &[]),
        (".", &[], &["../x"]),
        (".", &[], &["/"]),
    ] {
        let set = space.set(dir, only, exclude);
        texts.push(space.refused(&set));
    }
    insta::assert_snapshot!(texts.join("\n"), @r"
    cannot watch `no/such`: there is no such directory; create it, or take it out of the inputs
    cannot watch `file` as a directory: it is none; name it as a file
    `a[` is no pattern: unclosed character class; missing ']'
    `../x` is no pattern: a step `.` or `..` in it matches nothing
    `/` is no pattern: it is empty
    ");
    if rekindle_testkit::is_root() {
        return;
    }
    fs::set_permissions(space.base.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    let set = space.set(".", &[], &[]);
    insta::assert_snapshot!(space.refused(&set), @"cannot look into `locked`, which is watched: Permission denied (os error 13); make it readable, or exclude it");
    assert_eq!(space.all_but(&["locked"]), ["file"]);
    fs::set_permissions(space.base.join("locked"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_refusal_by_the_system_is_passed_on_with_its_kind() {
    let mut space = Space::new(&[]);
    let long = format!("{}/x", "a".repeat(300));
    let mut set = space.set(".", &[], &[]);
    set.trees[0].dir = space.path(&long);
    let error = set.walk(&mut space.files).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidFilename);
    assert!(error.to_string().starts_with("cannot look into `aaa"), "{error}");
}

#[test]
fn a_later_look_tells_what_came_went_and_was_turned() {
    let mut space = Space::new(&["a", "b", "c", "d/e"]);
    space.link("a", "to");
    space.link("b", "stays");
    space.link("nowhere", "gone");
    space.link("c", "file");
    let set = space.set(".", &[], &[]);
    let before = space.walk(&set);
    assert!(before.moved(&before, &space.files).is_empty());
    space.write("a", "other content is none of its business");
    let now = space.walk(&set);
    assert!(before.moved(&now, &space.files).is_empty());
    for name in ["b", "d/e", "gone", "to", "file", "stays"] {
        fs::remove_file(space.base.join(name)).unwrap();
    }
    space.write("d/n", "");
    space.write("file", "");
    space.link("c", "to");
    space.link("b", "stays");
    space.link("c", "fresh");
    let now = space.walk(&set);
    let moved = before.moved(&now, &space.files);
    let show =
        |paths: &[PathId]| paths.iter().map(|path| space.files.show(*path)).collect::<Vec<_>>().join(" ");
    let shown = [show(&moved.came), show(&moved.went), show(&moved.turned)];
    assert_eq!(shown, ["d/n fresh", "b d/e gone", "file to"]);
    assert!(!moved.is_empty());
}

#[test]
fn two_looks_saw_the_same_if_nothing_came_went_or_turned() {
    let path = vec![PathId(1)];
    assert!(Moved::default().is_empty());
    for moved in [
        Moved { came: path.clone(), ..Moved::default() },
        Moved { went: path.clone(), ..Moved::default() },
        Moved { turned: path, ..Moved::default() },
    ] {
        assert!(!moved.is_empty(), "{moved:?}");
    }
}
