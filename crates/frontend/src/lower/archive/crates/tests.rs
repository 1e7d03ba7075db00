//! Packages on disk, and which of them belong together.

use std::fs;

use super::*;

struct Space {
    base: PathBuf,
    _dir: tempfile::TempDir,
}

impl Space {
    /// Manifests by the directories that they lie in.
    fn new(manifests: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for (place, text) in manifests {
            fs::create_dir_all(base.join(place)).unwrap();
            fs::write(base.join(place).join(MANIFEST), text).unwrap();
        }
        Self { base, _dir: dir }
    }

    fn shown(&self, packages: &[Package]) -> Vec<String> {
        let places = packages.iter().map(|package| package.directory.strip_prefix(&self.base).unwrap());
        places.map(|place| place.display().to_string()).collect()
    }

    /// The directories of what a package is built from, and whether others are needed.
    fn closure(&self, directory: &str) -> (Vec<String>, bool) {
        let mut crates = Crates::default();
        let directory = self.base.join(directory);
        let root = crates.root(&directory);
        let package = crates.package(&directory).unwrap();
        let closure = crates.closure(&package, &root, &[]);
        (self.shown(&closure.packages), closure.is_open)
    }
}

const NAMED: &str = "[package]\nname = \"x\"\n";

#[test]
fn path_dependencies_are_followed_wherever_they_are_named() {
    let main = "[package]\nname = \"main\"\n\
        [dependencies]\na = { path = \"../a\" }\ng = { workspace = true }\n\
        [build-dependencies]\nb = { path = \"../b\" }\n\
        [target.'cfg(unix)'.dependencies]\nc = { path = \"../c\" }\n\
        [dev-dependencies]\nd = { path = \"../d\" }\n";
    let root = "[workspace]\nmembers = [\"main\", \"a\"]\n[workspace.dependencies]\ng = { path = \"deep/g\" }\n\
        [patch.crates-io]\ne = { path = \"e\" }\n[replace]\n\"f:1.0\" = { path = \"f\" }\n";
    let inner = "[package]\nname = \"a\"\n[dependencies]\nh = { path = \"h\" }\n";
    let space = Space::new(&[
        ("", root),
        ("main", main),
        ("a", inner),
        ("a/h", NAMED),
        ("b", NAMED),
        ("c", NAMED),
        ("d", NAMED),
        ("e", NAMED),
        ("f", NAMED),
        ("deep/g", NAMED),
        ("other", NAMED),
    ]);
    let all = ["a", "a/h", "b", "c", "deep/g", "e", "f", "main"].map(String::from).to_vec();
    assert_eq!(space.closure("main"), (all, false));
}

#[test]
fn a_dependency_that_is_no_path_is_from_elsewhere() {
    for others in ["[dependencies]\nlibc = \"0.2\"\n", "[dependencies]\nx = { git = \"https://x\" }\n"] {
        let space = Space::new(&[("", &format!("{NAMED}{others}"))]);
        assert!(space.closure("").1, "{others}");
    }
}

#[test]
fn packages_that_need_each_other_are_each_there_once() {
    let a = "[package]\nname = \"a\"\n[dependencies]\nb = { path = \"../b\" }\n";
    let b = "[package]\nname = \"b\"\n[dependencies]\na = { path = \"../a\" }\n";
    let space = Space::new(&[("a", a), ("b", b)]);
    assert_eq!(space.closure("a").0, ["a", "b"]);
}

#[test]
fn the_workspace_is_the_nearest_one_above_that_does_not_exclude_the_package() {
    let space = Space::new(&[
        ("", "[workspace]\nexclude = [\"out\"]\nmembers = [\"in/*\"]\n"),
        ("in/a", NAMED),
        ("out/b", NAMED),
        ("told/c", "[package]\nname = \"c\"\nworkspace = \"../../other\"\n"),
        ("other", "[workspace]\n"),
        ("in/own", "[package]\nname = \"own\"\n[workspace]\n"),
    ]);
    let mut crates = Crates::default();
    let mut root = |place: &str| {
        let found = crates.root(&space.base.join(place));
        found.strip_prefix(&space.base).unwrap().display().to_string()
    };
    assert_eq!(root("in/a"), "");
    assert_eq!(root("out/b"), "out/b");
    assert_eq!(root("told/c"), "other");
    assert_eq!(root("in/own"), "in/own");
}

#[test]
fn members_are_those_that_globs_name_and_what_they_depend_on_below() {
    let space = Space::new(&[
        ("", "[workspace]\nmembers = [\"in/c*\", \"./one\"]\n"),
        ("in/ca", "[package]\nname = \"ca\"\n[dependencies]\nz = { path = \"z\" }\n"),
        ("in/ca/z", NAMED),
        ("in/dx", NAMED),
        ("one", NAMED),
    ]);
    let members = Crates::default().members(&space.base);
    assert_eq!(space.shown(&members), ["in/ca", "in/ca/z", "one"]);
}

#[test]
fn a_program_is_linked_for_a_build_script_and_for_a_macro() {
    let links = |text: &str, script: bool| {
        let space = Space::new(&[("", text)]);
        if script {
            fs::write(space.base.join("build.rs"), "").unwrap();
        }
        Crates::default().package(&space.base).unwrap().links()
    };
    assert!(!links(NAMED, false));
    assert!(links(NAMED, true));
    assert!(!links("[package]\nname = \"x\"\nbuild = false\n", true));
    assert!(links("[package]\nname = \"x\"\nbuild = \"make.rs\"\n", false));
    assert!(links("[package]\nname = \"x\"\n[lib]\nproc-macro = true\n", false));
}

#[test]
fn a_library_is_called_as_its_table_or_its_package_says() {
    let library = |text: &str| {
        let space = Space::new(&[("", text)]);
        Crates::default().package(&space.base).unwrap().library()
    };
    assert_eq!(library("[package]\nname = \"a-b\"\n").as_deref(), Some("a_b"));
    assert_eq!(library("[package]\nname = \"a-b\"\n[lib]\nname = \"c\"\n").as_deref(), Some("c"));
}
