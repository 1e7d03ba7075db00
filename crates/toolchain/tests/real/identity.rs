//! What a toolchain's identities are made of: one byte is changed in each of its files, in a copy, and exactly the
//! identities that use the file change.
#![expect(clippy::disallowed_methods, reason = "tests copy and change compilers")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Project, spec};
use rekindle_fingerprint::digest::Digest;
use rekindle_testkit::require;
use rekindle_toolchain::Toolchain;
use rekindle_toolchain::request::{Archive, Language, Lto};

/// Every identity by its name.
type Identities = BTreeMap<String, Digest>;

/// The identities of the toolchain `cc` in a new project with this environment.
fn identities(cc: &Path, libraries: &Path) -> Identities {
    let mut project = Project::new();
    project.environment.insert("LD_LIBRARY_PATH".into(), libraries.into());
    of(&mut project, cc)
}

fn of(project: &mut Project, cc: &Path) -> Identities {
    let mut toolchain =
        project.resolve(&spec(cc.to_str().unwrap())).unwrap_or_else(|error| panic!("{error}"));
    all(project, &mut toolchain)
}

fn all(project: &mut Project, toolchain: &mut Toolchain) -> Identities {
    let description = toolchain.describe(&project.files);
    let mut found: Identities =
        description.identities.iter().map(|identity| (short(&identity.name), identity.digest)).collect();
    let mut link = project.link("p", Language::C);
    link.mode.lto = Lto::Full;
    let action = project.linked(toolchain, &link);
    found.insert("link, LTO".into(), action.identity.unwrap().digest);
    let cwd = project.cwd();
    let request = Archive { objects: Vec::new(), archive: project.path("out/x.a"), lto: true };
    let archive = toolchain.archive(&mut project.files, &request, cwd).unwrap();
    found.insert("archive, LTO".into(), archive.identity.unwrap().digest);
    found
}

fn short(name: &str) -> String {
    name.split_once(", ").unwrap().1.to_string()
}

/// The names of the identities that differ.
fn changed(before: &Identities, after: &Identities) -> Vec<String> {
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    before.iter().filter(|(name, digest)| after[*name] != **digest).map(|(name, _)| name.clone()).collect()
}

pub(crate) fn said(program: &str, args: &[&str]) -> PathBuf {
    let output = Command::new(program).args(args).env("LC_ALL", "C").output().unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A file of the machine, wherever links lead.
pub(crate) fn real(path: impl AsRef<Path>) -> PathBuf {
    path.as_ref().canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

pub(crate) fn on_path(name: &str) -> PathBuf {
    rekindle_testkit::found(name).unwrap_or_else(|| panic!("{name} is not installed"))
}

/// The library `name` that `program` loads.
pub(crate) fn library(program: &Path, name: &str) -> PathBuf {
    let listed = Command::new("ldd").arg(program).output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    let line =
        listed.lines().find(|line| line.trim().starts_with(name)).unwrap_or_else(|| panic!("{listed}"));
    PathBuf::from(line.split_whitespace().nth(2).unwrap())
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(real(from), to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Changes a byte near the end of a file, where neither headers nor code are, and keeps its size and times.
fn flip(path: &Path) {
    let times = fs::metadata(path).unwrap();
    let mut file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::End(-1)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::End(-1)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
    file.set_modified(times.modified().unwrap()).unwrap();
}

/// A copy of the host's gcc and binutils below `prefix`; libraries lie in `prefix/lib`.
pub(crate) fn copy_of_gcc(prefix: &Path) -> PathBuf {
    let proper = |name: &str| said("gcc", &[&format!("-print-prog-name={name}")]);
    let target = said("gcc", &["-dumpmachine"]);
    let own = proper("cc1");
    let own = own.parent().unwrap();
    let version = own.file_name().unwrap();
    let to = prefix.join("lib/gcc").join(&target).join(version);
    for name in ["gcc", "g++"] {
        copy(&on_path(name), &prefix.join("bin").join(name));
    }
    for name in ["cc1", "cc1plus", "collect2", "lto-wrapper", "lto1", "liblto_plugin.so"] {
        copy(&own.join(name), &to.join(name));
    }
    for name in ["as", "ld", "ar"] {
        copy(&on_path(name), &prefix.join(&target).join("bin").join(name));
        copy(&on_path(name), &prefix.join("bin").join(name));
    }
    for entry in fs::read_dir(own.join("include")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            copy(&entry.path(), &to.join("include").join(entry.file_name()));
        }
    }
    for name in ["crtbegin.o", "crtend.o", "crtbeginS.o", "crtendS.o", "libgcc.a", "libgcc_eh.a"] {
        copy(&own.join(name), &to.join(name));
    }
    copy(&said("gcc", &["-print-file-name=crt1.o"]), &prefix.join("lib/crt1.o"));
    let bfd = library(&on_path("as"), "libbfd");
    copy(&bfd, &prefix.join("lib").join(bfd.file_name().unwrap()));
    prefix.join("bin/gcc")
}

/// A copy of clang.
pub(crate) struct Clang {
    pub(crate) clang: PathBuf,
    pub(crate) libraries: Vec<PathBuf>,
    pub(crate) stddef: PathBuf,
}

/// A copy of the host's clang, its archiver and GNU ld below `prefix`; libraries lie in `prefix/lib`.
pub(crate) fn copy_of_clang(prefix: &Path) -> Clang {
    let clang = prefix.join("bin/clang");
    copy(&on_path("clang"), &clang);
    symlink("clang", prefix.join("bin/clang++")).unwrap();
    copy(&on_path("llvm-ar"), &prefix.join("bin/llvm-ar"));
    copy(&on_path("ld"), &prefix.join("bin/ld"));
    let headers = said("clang", &["-print-resource-dir"]).join("include/stddef.h");
    let resources = headers.ancestors().nth(2).unwrap().file_name().unwrap();
    let stddef = prefix.join("lib/clang").join(resources).join("include/stddef.h");
    copy(&headers, &stddef);
    let nested = "__stddef_max_align_t.h";
    copy(&headers.with_file_name(nested), &stddef.with_file_name(nested));
    let mut libraries = Vec::new();
    for name in ["libLLVM", "libclang-cpp"] {
        let library = library(&real(on_path("clang")), name);
        libraries.push(prefix.join("lib").join(library.file_name().unwrap()));
        copy(&library, &libraries[libraries.len() - 1]);
    }
    Clang { clang, libraries, stddef }
}

/// The one file below `prefix` with this name, or a name that starts so.
fn file(prefix: &Path, name: &str) -> PathBuf {
    let found =
        Command::new("find").arg(prefix).args(["-name", &format!("{name}*"), "-type", "f"]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let mut all: Vec<&str> = found.lines().collect();
    all.sort_by_key(|path| path.len());
    PathBuf::from(*all.first().unwrap_or_else(|| panic!("no {name}")))
}

const COMPILES: [&str; 4] = ["assemble", "assemble, with preprocessor", "compile C", "compile C++"];
const LINKS: [&str; 3] = ["link C", "link C++", "link, LTO"];
const ARCHIVES: [&str; 2] = ["archive", "archive, LTO"];

fn sorted(lists: &[&[&str]]) -> Vec<String> {
    let mut all: Vec<String> = lists.concat().iter().map(|name| name.to_string()).collect();
    all.sort();
    all
}

#[test]
fn a_byte_in_a_part_of_gcc_changes_exactly_the_identities_that_use_it() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prefix = real(dir.path()).join("tc");
    let gcc = copy_of_gcc(&prefix);
    let libraries = prefix.join("lib");
    let target = said("gcc", &["-dumpmachine"]);
    let bin = prefix.join(&target).join("bin");
    let before = identities(&gcc, &libraries);
    let c_driver =
        sorted(&[&["assemble", "assemble, with preprocessor", "compile C", "link C", "link, LTO"]]);
    let rows: Vec<(PathBuf, Vec<String>)> = vec![
        (gcc.clone(), c_driver),
        (prefix.join("bin/g++"), sorted(&[&["compile C++", "link C++"]])),
        (file(&prefix, "cc1"), sorted(&[&["assemble, with preprocessor", "compile C"]])),
        (file(&prefix, "cc1plus"), sorted(&[&["compile C++"]])),
        (bin.join("as"), sorted(&[&COMPILES, &["link, LTO"]])),
        (bin.join("ld"), sorted(&[&LINKS])),
        (prefix.join("bin/ar"), sorted(&[&ARCHIVES])),
        (file(&prefix, "libbfd"), sorted(&[&COMPILES, &LINKS, &ARCHIVES])),
        (file(&prefix, "collect2"), sorted(&[&LINKS])),
        (file(&prefix, "liblto_plugin"), sorted(&[&LINKS, &["archive, LTO"]])),
        (file(&prefix, "lto1"), sorted(&[&["link, LTO"]])),
        (file(&prefix, "lto-wrapper"), sorted(&[&["link, LTO"]])),
        (file(&prefix, "stddef.h"), Vec::new()),
        (file(&prefix, "crt1.o"), Vec::new()),
        (file(&prefix, "crtbegin.o"), Vec::new()),
        (file(&prefix, "libgcc.a"), Vec::new()),
    ];
    let version = said(gcc.to_str().unwrap(), &["--version"]);
    for (path, expected) in rows {
        flip(&path);
        assert_eq!(changed(&before, &identities(&gcc, &libraries)), expected, "{}", path.display());
        assert_eq!(said(gcc.to_str().unwrap(), &["--version"]), version);
        flip(&path);
    }
    assert_eq!(changed(&before, &identities(&gcc, &libraries)), Vec::<String>::new());
}

#[test]
fn a_specs_file_changes_the_identities_of_all_that_the_driver_does_and_is_noticed_without_being_asked() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prefix = real(dir.path()).join("tc");
    let gcc = copy_of_gcc(&prefix);
    let mut project = Project::new();
    project.environment.insert("LD_LIBRARY_PATH".into(), prefix.join("lib").into());
    let before = of(&mut project, &gcc);
    let drivers = sorted(&[&COMPILES, &LINKS]);
    // It appears, it changes, it goes.
    let specs = file(&prefix, "cc1plus").with_file_name("specs");
    fs::write(&specs, "*one_more:\n-DA\n\n").unwrap();
    project.forget();
    let with = of(&mut project, &gcc);
    assert_eq!(changed(&before, &with), drivers);
    fs::write(&specs, "*one_more:\n-DB\n\n").unwrap();
    project.forget();
    assert_eq!(changed(&with, &of(&mut project, &gcc)), drivers);
    fs::remove_file(&specs).unwrap();
    project.forget();
    assert_eq!(changed(&before, &of(&mut project, &gcc)), Vec::<String>::new());
}

#[test]
fn a_copy_elsewhere_has_the_same_identities_and_nobody_has_to_be_asked() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (real(dir.path()).join("tc"), real(dir.path()).join("a/longer/way/to/it"));
    let gcc = copy_of_gcc(&one);
    let mut project = Project::new();
    project.environment.insert("LD_LIBRARY_PATH".into(), one.join("lib").into());
    let before = of(&mut project, &gcc);
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    assert!(Command::new("cp").arg("-r").arg(&one).arg(&other).status().unwrap().success());
    fs::remove_dir_all(&one).unwrap();
    project.environment.insert("LD_LIBRARY_PATH".into(), other.join("lib").into());
    project.forget();
    assert_eq!(changed(&before, &of(&mut project, &other.join("bin/gcc"))), Vec::<String>::new());
    assert_eq!(project.prober.0, 0);
    for value in project.memo.values() {
        let base = real(dir.path());
        let base = base.as_os_str().as_encoded_bytes();
        assert!(!value.windows(base.len()).any(|part| part == base), "an absolute path is remembered");
    }
}

#[test]
fn a_touch_changes_nothing() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prefix = real(dir.path()).join("tc");
    let gcc = copy_of_gcc(&prefix);
    let mut project = Project::new();
    project.environment.insert("LD_LIBRARY_PATH".into(), prefix.join("lib").into());
    let before = of(&mut project, &gcc);
    for name in ["cc1plus", "gcc", "as", "ld"] {
        let file = fs::File::options().write(true).open(file(&prefix, name)).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
    project.forget();
    assert_eq!(changed(&before, &of(&mut project, &gcc)), Vec::<String>::new());
    assert_eq!(project.prober.0, 0);
    assert!(project.files.cost().hashed > 0);
}

#[test]
fn an_assembler_that_appears_earlier_on_path_changes_compiles() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let early = real(dir.path());
    let mut project = Project::new();
    let old = project.environment[std::ffi::OsStr::new("PATH")].clone();
    let mut path = early.clone().into_os_string();
    path.push(":");
    path.push(&old);
    project.environment.insert("PATH".into(), path);
    let gcc = on_path("gcc");
    let before = of(&mut project, &gcc);
    let script = early.join("as");
    fs::write(&script, "#!/bin/sh\nexec /usr/bin/as \"$@\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    project.forget();
    assert_eq!(changed(&before, &of(&mut project, &gcc)), sorted(&[&COMPILES, &["link, LTO"]]));
    assert_eq!(project.prober.0, 0);
}

#[test]
fn a_program_that_appears_where_the_compiler_looks_first_changes_what_runs_it() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prefix = real(dir.path()).join("tc");
    let gcc = copy_of_gcc(&prefix);
    let mut project = Project::new();
    project.environment.insert("LD_LIBRARY_PATH".into(), prefix.join("lib").into());
    let before = of(&mut project, &gcc);
    let own = file(&prefix, "cc1plus");
    let place = |name: &str| own.with_file_name(name);
    let rows: [(&str, Vec<String>); 3] = [
        ("as", sorted(&[&COMPILES, &["link, LTO"]])),
        ("collect-ld", sorted(&[&LINKS])),
        ("real-ld", sorted(&[&LINKS])),
    ];
    for (name, expected) in rows {
        copy(Path::new("/bin/true"), &place(name));
        // The stand-in says nothing that a linker says, and that is an answer too.
        project.forget();
        assert_eq!(changed(&before, &of(&mut project, &gcc)), expected, "{name}");
        fs::remove_file(place(name)).unwrap();
    }
    let early = prefix.join("early");
    copy(Path::new("/bin/true"), &early.join("as"));
    project.environment.insert("COMPILER_PATH".into(), early.into());
    project.forget();
    assert_eq!(changed(&before, &of(&mut project, &gcc)), sorted(&[&COMPILES, &["link, LTO"]]));
}

#[test]
fn a_header_directory_that_was_missing_is_searched_once_it_is_there() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prefix = real(dir.path()).join("tc");
    let gcc = copy_of_gcc(&prefix);
    let mut project = Project::new();
    project.environment.insert("LD_LIBRARY_PATH".into(), prefix.join("lib").into());
    let searched = |project: &mut Project| -> Vec<String> {
        project.forget();
        let mut toolchain = project.resolve(&spec(gcc.to_str().unwrap())).unwrap();
        let compile = project.compile("a.c", Language::C);
        let search = project.compiled(&mut toolchain, &compile).discovery.search.unwrap();
        search.dirs.iter().map(|dir| project.files.show(*dir)).collect()
    };
    let before = searched(&mut project);
    assert_eq!(searched(&mut project), before);
    assert_eq!(project.prober.0, 0);
    fs::create_dir(file(&prefix, "cc1plus").with_file_name("include-fixed")).unwrap();
    let after = searched(&mut project);
    assert!(project.prober.0 > 0);
    assert!(
        after.iter().any(|dir| dir.starts_with("tc.host:") && dir.ends_with("include-fixed")),
        "{after:?}"
    );
    assert!(!before.iter().any(|dir| dir.ends_with("include-fixed")), "{before:?}");
}

#[test]
fn a_byte_in_a_part_of_clang_changes_exactly_the_identities_that_use_it() {
    if !require("clang") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prefix = real(dir.path()).join("tc");
    let Clang { clang, libraries: files, stddef } = copy_of_clang(&prefix);
    let libraries = prefix.join("lib");
    let before = identities(&clang, &libraries);
    let drivers = sorted(&[&COMPILES, &LINKS]);
    let rows = [
        (clang.clone(), drivers.clone()),
        (files[0].clone(), sorted(&[&COMPILES, &LINKS, &ARCHIVES])),
        (files[1].clone(), drivers),
        (prefix.join("bin/ld"), sorted(&[&LINKS])),
        (prefix.join("bin/llvm-ar"), sorted(&[&ARCHIVES])),
        (stddef, Vec::new()),
    ];
    for (path, expected) in rows {
        flip(&path);
        assert_eq!(changed(&before, &identities(&clang, &libraries)), expected, "{}", path.display());
        flip(&path);
    }
    assert_eq!(changed(&before, &identities(&clang, &libraries)), Vec::<String>::new());
}
