//! A workspace as the rows of a matrix make it.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use rekindle_testkit::{Space, Tree};

/// The part of a workspace that belongs to one row: the directory and the targets called as the row is.
///
/// In what is written here, `$D` stands for the row's directory, relative to the workspace, and `$W` for the
/// workspace's absolute path.
pub(crate) struct Place<'a> {
    pub(crate) space: &'a Space,
    pub(crate) slug: &'a str,
    pub(crate) toml: RefCell<String>,
}

impl Place<'_> {
    /// What `$D` and `$W` stand for.
    pub(crate) fn expand(&self, text: &str) -> String {
        text.replace("$D", self.slug).replace("$W", &self.space.root().to_string_lossy())
    }

    /// A path below the row's directory.
    pub(crate) fn path(&self, rel: &str) -> PathBuf {
        self.space.path(self.slug).join(rel)
    }

    pub(crate) fn write(&self, rel: &str, content: &str) {
        self.space.write(self.path(&self.expand(rel)), self.expand(content));
    }

    /// Replaces text that stands in a file once.
    #[track_caller]
    pub(crate) fn edit(&self, rel: &str, from: &str, to: &str) {
        let path = Path::new(self.slug).join(rel);
        self.space.edit(path.to_str().unwrap(), from, to);
    }

    pub(crate) fn remove(&self, rel: &str) {
        self.space.remove(self.path(rel));
    }

    pub(crate) fn mkdir(&self, rel: &str) {
        self.space.mkdir(self.path(rel));
    }

    pub(crate) fn link(&self, target: &str, rel: &str) {
        self.space.symlink(target, self.path(rel));
    }

    /// Replaces text that stands once in the row's part of the manifest.
    #[track_caller]
    pub(crate) fn toml(&self, from: &str, to: &str) {
        let mut toml = self.toml.borrow_mut();
        assert_eq!(toml.matches(from).count(), 1, "`{from}` in {toml}");
        *toml = toml.replacen(from, to, 1);
    }

    /// Runs a tool below the row's directory, as somebody who made files there by other means.
    #[track_caller]
    pub(crate) fn tool(&self, words: &[&str]) {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.path("")).env("SOURCE_DATE_EPOCH", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// An object that was made elsewhere.
    #[track_caller]
    pub(crate) fn object(&self, rel: &str, source: &str) {
        self.write("made/source.c", source);
        self.path(rel).parent().map(fs::create_dir_all);
        self.tool(&["gcc", "-c", "-fPIC", "-o", rel, "made/source.c"]);
        self.remove("made");
    }

    /// A static library that was made elsewhere.
    #[track_caller]
    pub(crate) fn archive(&self, rel: &str, source: &str) {
        self.object("member.o", source);
        self.path(rel).parent().map(fs::create_dir_all);
        let _ = fs::remove_file(self.path(rel));
        self.tool(&["ar", "rcD", rel, "member.o"]);
        self.remove("member.o");
    }

    /// A shared library that was made elsewhere.
    #[track_caller]
    pub(crate) fn shared(&self, rel: &str, source: &str) {
        self.object("member.o", source);
        self.path(rel).parent().map(fs::create_dir_all);
        let name = Path::new(rel).file_name().unwrap().to_str().unwrap();
        let soname = format!("-Wl,-soname,{name}");
        self.tool(&["gcc", "-shared", "-nostdlib", &soname, "-o", rel, "member.o"]);
        self.remove("member.o");
    }
}

/// Gives every file and directory in the project one and the same old time, so that no time tells anything.
pub(crate) fn forget_times(space: &Space) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
    for path in Tree::of(&space.root()).paths() {
        let path = space.path(path);
        if path.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
            space.set_mtime(&path, time);
        }
    }
}
