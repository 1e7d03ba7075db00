//! Copies of toolchains, and the search for paths in what was built.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rekindle_testkit::{Space, Tree, copy_program, copy_tree, found};

/// A toolchain that can be copied as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Gcc,
    Clang,
    Avr,
}

/// Which of two copies of a toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copy {
    First,
    Second,
}

impl Tool {
    /// What has to be installed.
    pub(crate) fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Gcc => &["gcc", "g++"],
            // It finds the C++ library of g++.
            Self::Clang => &["clang", "clang++", "llvm-ar", "ld.lld", "g++"],
            Self::Avr => &["avr-gcc", "avr-objcopy"],
        }
    }

    /// The names of its C and C++ compiler.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Gcc => ("gcc", "g++"),
            Self::Clang => ("clang", "clang++"),
            Self::Avr => ("avr-gcc", "avr-g++"),
        }
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Gcc => {
                &["gcc", "g++", "ar", "as", "gcc-ar", "gcc-nm", "gcc-ranlib", "ld", "ld.bfd", "nm", "ranlib"]
            }
            Self::Clang => &["clang", "clang++", "llvm-ar", "ld.lld"],
            Self::Avr => &["avr-gcc", "avr-objcopy"],
        }
    }

    /// One of two copies of it, which lie beside the test programs and stay there: the directory that holds its `bin`.
    pub(crate) fn copy(self, which: Copy) -> PathBuf {
        let (driver, _) = self.names();
        let real = real(driver);
        let meta = fs::metadata(&real).unwrap();
        let mut hasher = DefaultHasher::new();
        (&real, meta.size(), meta.mtime(), 3).hash(&mut hasher);
        let exe = std::env::current_exe().unwrap();
        let base = exe.parent().unwrap().parent().unwrap().join("testkit");
        let place = match which {
            Copy::First => base.join(format!("{driver}-{:016x}", hasher.finish())),
            Copy::Second => base.join(format!("another/place-for-it/{driver}-{:016x}", hasher.finish())),
        };
        if place.is_dir() {
            return place;
        }
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let draft = tempfile_beside(&place);
        self.copy_to(&draft);
        // Whoever is first wins; both are alike.
        if fs::rename(&draft, &place).is_err() {
            fs::remove_dir_all(&draft).unwrap();
        }
        place
    }

    fn copy_to(self, to: &Path) {
        fs::create_dir_all(to.join("bin")).unwrap();
        for name in self.programs() {
            copy_program(&real(name), &to.join("bin").join(name));
        }
        let asked = |flag: &str| {
            let output = Command::new(self.names().0).arg(flag).output().unwrap();
            PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
        };
        match self {
            Self::Gcc => {
                copy_below_usr(asked("-print-prog-name=cc1").parent().unwrap(), to);
                let version = asked("-dumpversion");
                let machine = asked("-dumpmachine");
                copy_below_usr(&Path::new("/usr/include/c++").join(&version), to);
                copy_below_usr(&Path::new("/usr/include").join(machine).join("c++").join(version), to);
            }
            Self::Clang => {
                let from = asked("-print-resource-dir");
                let install = real("clang").parent().unwrap().parent().unwrap().to_path_buf();
                let rel = from.strip_prefix(&install).unwrap();
                copy_real(&from, &to.join(rel));
                copy_tree(&install.join("lib/LLVMgold.so"), &to.join("lib/LLVMgold.so"));
            }
            Self::Avr => {
                copy_below_usr(asked("-print-prog-name=cc1").parent().unwrap(), to);
                copy_real(Path::new("/usr/lib/avr"), &to.join("lib/avr"));
            }
        }
    }
}

/// The file behind the links at a program's name.
fn real(name: &str) -> PathBuf {
    found(name).unwrap().canonicalize().unwrap()
}

fn tempfile_beside(place: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    place.with_extension(format!("draft-{}-{serial}", std::process::id()))
}

/// What is not used, and large or a link out of the directory.
const UNUSED: [&str; 12] = [
    "plugin",
    "g++-mapper-server",
    "cc1obj",
    "f951",
    "gnat1",
    "d21",
    "libasan.a",
    "libtsan.a",
    "liblsan.a",
    "libobjc.a",
    "libobjc_gc.a",
    "install-tools",
];

fn copy_below_usr(from: &Path, to: &Path) {
    let from = from.canonicalize().unwrap();
    copy_real(&from, &to.join(from.strip_prefix("/usr").unwrap()));
}

/// Copies a directory with the files behind its links, where there are any.
fn copy_real(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        let path = from.join(&name);
        if UNUSED.iter().any(|unused| name == *unused) {
            continue;
        }
        if path.is_symlink() {
            if let Ok(real) = path.canonicalize()
                && real.is_file()
            {
                copy_tree(&real, &to.join(name));
            }
        } else if path.is_dir() {
            copy_real(&path, &to.join(name));
        } else {
            copy_tree(&path, &to.join(name));
        }
    }
}

/// Lets a project be built with one of two copies of a toolchain: nothing of the machine's own is named.
pub(crate) fn use_copy(space: &mut Space, tool: Tool, which: Copy) -> PathBuf {
    let place = tool.copy(which);
    let (cc, cxx) = tool.names();
    if tool != Tool::Avr {
        space.set_env("CC", place.join("bin").join(cc));
        space.set_env("CXX", place.join("bin").join(cxx));
    }
    space.put_on_path(&place.join("bin"));
    place
}

/// Fails if one of these paths is in a file below `dir`, also behind compressed debug sections and in members of
/// archives, or in a link.
#[track_caller]
pub(crate) fn assert_nowhere(dir: &Path, paths: &[&Path]) {
    let tree = Tree::of(dir);
    assert!(!tree.is_empty(), "nothing is in {}", dir.display());
    let scratch = tempfile_beside(dir);
    fs::create_dir(&scratch).unwrap();
    let mut seen = Vec::new();
    for (number, rel) in tree.paths().enumerate() {
        let path = dir.join(rel);
        if path.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            seen.extend(
                paths.iter().filter(|path| target.starts_with(path)).map(|_| rel.display().to_string()),
            );
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        if bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"!<arch>") {
            let name = format!("{number}-{}", rel.file_name().unwrap().to_string_lossy());
            let mut objcopy = Command::new("objcopy");
            objcopy.arg("--decompress-debug-sections").arg(&path).arg(scratch.join(name));
            // It does not know every machine; nothing is compressed there.
            objcopy.output().unwrap();
        }
    }
    let mut grep = Command::new("grep");
    grep.args(["-rlaF"]);
    for path in paths {
        grep.arg("-e").arg(path);
    }
    let output = grep.arg(dir).arg(&scratch).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{}", String::from_utf8_lossy(&output.stderr));
    seen.extend(String::from_utf8_lossy(&output.stdout).lines().map(str::to_string));
    fs::remove_dir_all(&scratch).unwrap();
    assert!(seen.is_empty(), "one of {paths:?} is in: {seen:#?}");
}
