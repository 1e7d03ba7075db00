//! Input sets: the payload of a set in a store.

use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::key::InputSet;
use rekindle_fingerprint::roots::{Root, RootId, Roots};

/// Decodes `data` where no file lies; what a set says stays the same, and so does its name.
pub fn run(data: &[u8]) {
    let mut roots = Roots::new("/no/ws", "/no/ws/build");
    roots.add(Root { within: vec!["lib".into()], ..Root::new("tc.host", "/no/tools") }).expect("a new root");
    roots.reserve("unplaced");
    let mut files = Files::new(roots);
    let Ok(set) = InputSet::decode(data, &mut files) else { return };
    for path in all(&set) {
        let root = files.roots().get(files.root(path));
        assert!(root.is_placed() && files.abs(path).starts_with(&root.path), "{}", files.show(path));
    }
    let bytes = set.encode(&files);
    let again = InputSet::decode(&bytes, &mut files).expect("what was encoded is decoded");
    assert_eq!(bytes, again.encode(&files), "{set:?}");
    assert_eq!(sorted(&set, &files), sorted(&again, &files));
}

fn all(set: &InputSet) -> Vec<PathId> {
    let asked = set.asked.iter().flat_map(|asked| asked.from.iter().chain(&asked.read));
    set.paths.iter().chain(&set.deferred).chain(asked).copied().collect()
}

/// Its paths by name, each once.
fn sorted(set: &InputSet, files: &Files) -> Vec<(RootId, std::path::PathBuf)> {
    let mut names: Vec<_> =
        all(set).iter().map(|path| (files.root(*path), files.rel(*path).to_path_buf())).collect();
    names.sort();
    names.dedup();
    names
}
