//! Machines with programs of their own, and what they are made of.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::roots::Roots;

use super::*;

/// A machine with programs of its own.
struct Space {
    base: PathBuf,
    environment: Environment,
    memo: BTreeMap<Digest, Vec<u8>>,
    _dir: tempfile::TempDir,
}

impl Space {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("ws")).unwrap();
        let path = format!("{0}/first:{0}/bin", base.display());
        let environment =
            Environment::from([("PATH".into(), path.into()), ("HOME".into(), base.join("home").into())]);
        Self { base, environment, memo: BTreeMap::new(), _dir: dir }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.base.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A toolchain of rustup, and the proxies.
    fn rustup(&self) {
        self.write("bin/rustup", "rustup");
        symlink("rustup", self.base.join("bin/cargo")).unwrap();
        self.write("home/.rustup/settings.toml", "default_toolchain = \"one\"");
        for name in ["one", "two"] {
            self.write(&format!("home/.rustup/toolchains/{name}/bin/cargo"), "cargo");
            self.write(&format!("home/.rustup/toolchains/{name}/bin/rustc"), name);
            let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
            for target in [&host, "thumbv7em-none-eabi"] {
                self.write(
                    &format!("home/.rustup/toolchains/{name}/lib/rustlib/{target}/lib/libcore.rlib"),
                    "core",
                );
                fs::create_dir_all(
                    self.base.join(format!("home/.rustup/toolchains/{name}/lib/rustlib/{target}/bin")),
                )
                .unwrap();
            }
        }
    }

    fn find(&mut self, needed: &[&str], change: impl FnOnce(&mut Tools)) -> Found {
        let mut asked = Tools {
            needed: needed.iter().map(OsString::from).collect(),
            directory: self.base.join("ws"),
            ..Tools::default()
        };
        change(&mut asked);
        let workspace = self.base.join("ws");
        let mut files = Files::new(Roots::new(&workspace, workspace.join("build")));
        tools(&asked, &self.environment, &mut files, &mut self.memo).unwrap()
    }

    fn digest(&mut self, needed: &[&str]) -> Digest {
        let found = self.find(needed, |_| {});
        found.identity.unwrap_or_else(|| panic!("{:?} is absent", found.absent)).digest
    }
}

#[test]
fn one_that_is_absent_is_named_and_then_there_is_no_identity() {
    let mut space = Space::new();
    space.write("bin/make", "make");
    let found = space.find(&["make", "cc"], |_| {});
    assert_eq!((found.identity, found.absent.as_deref()), (None, Some("cc")));
    let without = space.find(&["make"], |tools| tools.extra = vec!["cc".into()]).identity.unwrap();
    space.write("bin/cc", "cc");
    let with = space.find(&["make"], |tools| tools.extra = vec!["cc".into()]).identity.unwrap();
    assert_ne!(without.digest, with.digest);
}

#[test]
fn the_same_content_elsewhere_is_the_same_tool_and_other_content_another() {
    let (mut one, mut two) = (Space::new(), Space::new());
    one.write("bin/make", "make");
    two.write("first/make", "make");
    assert_eq!(one.digest(&["make"]), two.digest(&["make"]));
    one.write("first/make", "another");
    assert_ne!(one.digest(&["make"]), two.digest(&["make"]));
}

#[test]
fn what_a_wrapper_names_is_part_of_it() {
    let mut space = Space::new();
    space.write("bin/make", "#!/bin/sh\nexec real-make \"$@\"\n");
    space.write("bin/real-make", "one");
    let before = space.digest(&["make"]);
    space.write("bin/real-make", "two");
    assert_ne!(before, space.digest(&["make"]));
}

#[test]
fn a_proxy_is_followed_to_the_toolchain_that_it_runs() {
    let mut space = Space::new();
    space.rustup();
    let one = space.digest(&["cargo"]);
    space.environment.insert("RUSTUP_TOOLCHAIN".into(), "two".into());
    let two = space.digest(&["cargo"]);
    assert_ne!(one, two);
    // What the proxy itself is does not count.
    space.write("bin/rustup", "a newer rustup");
    assert_eq!(two, space.digest(&["cargo"]));
    space.write("home/.rustup/toolchains/two/bin/rustc", "one");
    assert_eq!(one, space.digest(&["cargo"]));
    space.environment.insert("RUSTUP_TOOLCHAIN".into(), "three".into());
    let absent = space.find(&["cargo"], |_| {}).absent;
    assert_eq!(absent.as_deref(), Some("cargo (the toolchain `three` of rustup)"));
}

#[test]
fn a_proxy_may_be_a_copy_of_rustup() {
    let mut space = Space::new();
    space.rustup();
    let linked = space.digest(&["cargo"]);
    fs::remove_file(space.base.join("bin/cargo")).unwrap();
    fs::hard_link(space.base.join("bin/rustup"), space.base.join("bin/cargo")).unwrap();
    assert_eq!(linked, space.digest(&["cargo"]));
}

#[test]
fn the_libraries_of_the_host_and_of_the_target_count_and_no_others() {
    let mut space = Space::new();
    space.rustup();
    let place = "home/.rustup/toolchains/one/lib/rustlib/thumbv7em-none-eabi/lib/libcore.rlib";
    let target = |tools: &mut Tools| tools.target = Some("thumbv7em-none-eabi".into());
    let (host, cross) = (space.digest(&["cargo"]), space.find(&["cargo"], target).identity.unwrap());
    space.write(place, "other");
    assert_eq!(host, space.digest(&["cargo"]));
    assert_ne!(cross.digest, space.find(&["cargo"], target).identity.unwrap().digest);
    let own = format!(
        "home/.rustup/toolchains/one/lib/rustlib/{}-unknown-linux-gnu/lib/libcore.rlib",
        std::env::consts::ARCH
    );
    space.write(&own, "other");
    assert_ne!(host, space.digest(&["cargo"]));
}

#[test]
fn what_a_compiler_runs_and_what_cmake_reads_is_part_of_them() {
    let mut space = Space::new();
    for name in
        ["bin/cc", "bin/as", "bin/ld", "bin/cmake", "lib/gcc/x/12/cc1", "share/cmake-3.25/Modules/A.cmake"]
    {
        space.write(name, "old");
    }
    symlink("cc", space.base.join("bin/gcc")).unwrap();
    let changed = |space: &mut Space, tool: &str, name: &str| {
        let before = space.digest(&[tool]);
        space.write(name, &format!("new {name}"));
        before != space.digest(&[tool])
    };
    assert!(changed(&mut space, "cc", "lib/gcc/x/12/cc1"));
    assert!(changed(&mut space, "gcc", "bin/as"));
    assert!(changed(&mut space, "cc", "bin/ld"));
    assert!(changed(&mut space, "cc", "lib/gcc/x/12/cc1plus"));
    assert!(changed(&mut space, "cmake", "share/cmake-3.25/Modules/A.cmake"));
    assert!(changed(&mut space, "cmake", "share/cmake-3.25/Modules/New/B.cmake"));
    assert!(!changed(&mut space, "cmake", "lib/gcc/x/12/cc1"));
}

#[test]
fn a_launcher_goes_on_to_the_next_compiler_of_its_name() {
    let mut space = Space::new();
    space.write("first/ccache", "launcher");
    symlink("ccache", space.base.join("first/cc")).unwrap();
    space.write("bin/cc", "compiler");
    let before = space.digest(&["cc"]);
    space.write("bin/cc", "another");
    assert_ne!(before, space.digest(&["cc"]));
}

#[test]
fn the_second_time_nothing_is_read() {
    use rekindle_fingerprint::signature::{FileTime, Instant};
    use std::os::unix::fs::MetadataExt;
    let mut space = Space::new();
    space.rustup();
    let workspace = space.base.join("ws");
    let asked = Tools { needed: vec!["cargo".into()], directory: workspace.clone(), ..Tools::default() };
    let device = fs::metadata(&workspace).unwrap().dev();
    let mut hashed = || {
        let mut files = Files::new(Roots::new(&workspace, workspace.join("build")));
        // Long after the programs were written.
        files.set_instant(Instant { device, time: FileTime(i64::MAX), granularity: 1 });
        tools(&asked, &space.environment, &mut files, &mut space.memo).unwrap();
        files.cost().hashed
    };
    assert!(hashed() > 0);
    assert_eq!(hashed(), 0);
}
