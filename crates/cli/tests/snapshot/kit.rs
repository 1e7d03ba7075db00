//! What all of these tests do: build without `-v`, which takes the whole way, and read what was told.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::path::{Path, PathBuf};

use rekindle_testkit::{Built, Running, Space, Tree};
use serde_json::Value;

/// A generator of numbers that are the same in every run (Steele, Lea, Flood: SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// `rekindle build --format json`, as a snapshot can answer it. One command after the other, and all of them: which
/// failure is met first is not promised.
#[track_caller]
pub(crate) fn build(space: &Space, args: &[&str]) -> Built {
    space.run(&["build", "--format", "json", "-j1", "-k"]).args(args).done()
}

/// The same, and lets it run.
pub(crate) fn start(space: &Space, args: &[&str]) -> Running {
    space.run(&["build", "--format", "json"]).args(args).start()
}

/// Where the snapshots of a profile lie.
pub(crate) fn directory(space: &Space, profile: &str) -> PathBuf {
    space.build_dir().join(profile).join("snapshots")
}

/// The snapshots of the profile `debug`, by name.
pub(crate) fn all(space: &Space) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory(space, "debug")).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    all.sort();
    all
}

/// The only snapshot of the profile `debug`.
#[track_caller]
pub(crate) fn one(space: &Space) -> PathBuf {
    match &all(space)[..] {
        [one] => one.clone(),
        other => panic!("{} snapshots: {other:?}", other.len()),
    }
}

/// Takes all snapshots away.
pub(crate) fn forget(space: &Space) {
    for profile in fs::read_dir(space.build_dir()).into_iter().flatten().flatten() {
        let _ = fs::remove_dir_all(profile.path().join("snapshots"));
    }
}

/// The outputs, without snapshots.
pub(crate) fn products(space: &Space) -> Tree {
    let mut tree = space.outputs();
    tree.retain(|path| path.components().nth(1).is_none_or(|part| part.as_os_str() != "snapshots"));
    tree
}

/// The outputs of a build of the same files elsewhere, where nothing was built.
#[track_caller]
pub(crate) fn clean_products(space: &Space, args: &[&str]) -> Tree {
    let mut other = space.copy_to_another_place();
    other.use_no_store();
    other.remove_if_there(".rekindle");
    build(&other, args).ok();
    products(&other)
}

/// All that was told, without what no two builds have alike: times, numbers, what looking has cost, places. In order of
/// the text: which of two commands is told first is not promised.
pub(crate) fn told(space: &Space, built: &Built) -> Vec<String> {
    let mut lines = Vec::new();
    for event in &built.events {
        let mut event = event.clone();
        for key in ["id", "action", "ms", "wall_ms", "files", "processes_spawned"] {
            if let Some(object) = event.as_object_mut() {
                object.remove(key);
            }
        }
        if let Some(store) = event.get_mut("store").and_then(Value::as_object_mut) {
            store.remove("path");
        }
        lines.push(plain(space, &event.to_string()));
    }
    lines.sort();
    let said = built.stderr.lines().map(|line| plain(space, &space.redact(without_number(line))));
    let mut said: Vec<String> = said.collect();
    said.sort();
    lines.extend(said);
    lines
}

/// A line of progress without its number.
pub(crate) fn without_number(line: &str) -> &str {
    line.split_once("] ").filter(|(number, _)| number.starts_with('[')).map_or(line, |(_, rest)| rest)
}

/// A text without the place of this run, nor the names that gcc takes for what it throws away.
fn plain(space: &Space, text: &str) -> String {
    let text = text.replace(&*space.base().to_string_lossy(), "[SPACE]");
    let mut parts = text.split("/cc");
    let mut plain = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let is_name = part.len() > 6 && part.as_bytes()[..6].iter().all(u8::is_ascii_alphanumeric);
        plain.push_str(if is_name { "/ccNAME" } else { "/cc" });
        plain.push_str(if is_name { &part[6..] } else { part });
    }
    plain
}

/// What is in a file.
pub(crate) fn bytes_of(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}
