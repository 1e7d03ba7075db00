//! Finding toolchains: by name, by environment, by target; what stands between us and a compiler; what goes wrong.
#![expect(clippy::disallowed_methods, reason = "tests make their own programs")]

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::common::{Project, spec};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::roots::Roots;
use rekindle_testkit::require;
use rekindle_toolchain::request::{Language, Spec};
use rekindle_toolchain::{Answer, Environment, Family, Prober, Toolchain, resolve};

fn digests(toolchain: &Toolchain, project: &Project) -> Vec<String> {
    toolchain.describe(&project.files).identities.iter().map(|identity| identity.digest.hex()).collect()
}

fn parts(toolchain: &Toolchain, project: &Project, of: &str) -> Vec<String> {
    let identities = toolchain.describe(&project.files).identities;
    let identity = identities.iter().find(|identity| identity.name.ends_with(of)).unwrap();
    identity.parts.iter().map(|part| part.name.clone()).collect()
}

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn host() -> Spec {
    Spec { name: "host".into(), ..Spec::default() }
}

impl Project {
    fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.environment.insert(name.into(), value.as_ref().to_os_string());
    }

    /// What went wrong, with the places of this machine taken out.
    fn error(&mut self, spec: &Spec) -> String {
        let path = self.environment.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        let text = self.resolve(spec).unwrap_err().to_string();
        let text = if path.is_empty() { text } else { text.replace(path.to_str().unwrap(), "PATH") };
        text.replace(self.base.to_str().unwrap(), "WS")
    }
}

#[test]
fn the_hosts_compiler_is_found_and_a_second_time_nothing_is_asked_and_nothing_read() {
    if !require("g++") {
        return;
    }
    for cc in ["gcc", "clang", "avr-gcc"] {
        if !require(cc) {
            return;
        }
        let mut project = Project::new();
        let toolchain = project.toolchain(cc);
        assert_eq!(toolchain.local, None);
        assert!(toolchain.speaks(Language::Cxx));
        assert!(project.prober.0 > 0);
        let first = digests(&toolchain, &project);
        project.forget();
        let toolchain = project.toolchain(cc);
        assert_eq!(project.prober.0, 0);
        assert_eq!(project.files.cost().hashed, 0);
        assert_eq!(digests(&toolchain, &project), first);
    }
}

#[test]
fn everything_that_finding_a_toolchain_asked_is_written_down() {
    for cc in ["gcc", "clang", "avr-gcc"] {
        if !require(cc) {
            return;
        }
        let mut project = Project::new();
        let first = project.base.join("first");
        std::fs::create_dir(&first).unwrap();
        let path = project.environment[OsStr::new("PATH")].clone();
        let path = std::env::join_paths([first.clone()].into_iter().chain(std::env::split_paths(&path)));
        project.set("PATH", path.unwrap());
        // With and without a memory.
        for _ in 0..2 {
            project.forget();
            consult::begin();
            project.toolchain(cc);
            let record = consult::end().unwrap();
            assert!(!record.is_torn());
            let changed = || {
                let others = record
                    .iter()
                    .filter(|(path, question, answer)| !consult::ask(path, *question).agrees(answer));
                others.map(|(path, _, _)| path.to_path_buf()).collect::<Vec<_>>()
            };
            assert_eq!(changed(), Vec::<PathBuf>::new());
            for name in [cc, "ld"] {
                script(&first.join(name), "#!/bin/sh\n");
                // A compiler for another machine has a linker in a directory of its own.
                let asked = cc != "avr-gcc" || name == cc;
                assert_eq!(changed().contains(&first.join(name)), asked, "{cc}: {name}");
                std::fs::remove_file(first.join(name)).unwrap();
            }
        }
    }
}

#[test]
fn without_a_name_the_environment_says_which_compiler() {
    let mut project = Project::new();
    assert_eq!(project.resolve(&host()).unwrap().family, Family::Gcc);
    if !require("clang") {
        return;
    }
    project.forget();
    project.set("CC", "clang -m64");
    project.set("CXX", "clang++");
    let mut toolchain = project.resolve(&host()).unwrap();
    assert_eq!(toolchain.family, Family::Clang);
    project.write("a.c", "");
    let compile = project.compile("a.c", Language::C);
    let action = project.compiled(&mut toolchain, &compile);
    assert!(project.shown(&action).contains("\n-m64\n"));
    // Another toolchain than the host's does not listen to it.
    project.forget();
    let other = Spec { name: "other".into(), ..Spec::default() };
    assert_eq!(project.resolve(&other).unwrap().family, Family::Gcc);
}

#[test]
fn a_target_finds_its_gcc_or_is_told_to_clang() {
    let mut project = Project::new();
    if require("avr-gcc") {
        let flags = vec!["-mmcu=atmega328p".into()];
        let avr = Spec { name: "avr".into(), target: Some("avr".into()), flags, ..Spec::default() };
        let toolchain = project.resolve(&avr).unwrap();
        assert_eq!((toolchain.family, toolchain.target.as_str()), (Family::Gcc, "avr"));
        let link = parts(&toolchain, &project, "link C");
        assert!(link.contains(&"ldscripts".to_string()), "{link:?}");
        assert!(link.contains(&"specs-atmega328p".to_string()), "{link:?}");
        let shown: Vec<_> = toolchain.describe(&project.files).programs;
        assert!(shown.contains(&("archiver", PathBuf::from("/usr/lib/avr/bin/ar"))), "{shown:?}");
    }
    if require("clang") {
        project.forget();
        let mut arm = spec("clang");
        arm.name = "arm".into();
        arm.target = Some("armv7m-none-eabi".into());
        let mut toolchain = project.resolve(&arm).unwrap();
        assert_eq!(toolchain.target, "armv7m-none-unknown-eabi");
        project.write("a.c", "int f(void) { return 1; }\n");
        let compile = project.compile("a.c", Language::C);
        let action = project.compiled(&mut toolchain, &compile);
        let object = project.made(&action);
        assert_eq!(object[18], 40, "an object for ARM");
    }
}

#[test]
fn headers_of_the_compiler_have_the_same_name_wherever_it_is_installed() {
    let mut project = Project::new();
    let toolchain = project.toolchain("gcc");
    let include = std::process::Command::new("gcc").arg("-print-file-name=include").output().unwrap().stdout;
    let include = String::from_utf8(include).unwrap();
    let stddef = project.files.path_abs(&Path::new(include.trim()).join("stddef.h"));
    let named =
        (project.files.roots().get(project.files.root(stddef)).name.as_str(), project.files.rel(stddef));
    assert_eq!(named.0, "tc.host");
    assert!(named.1.starts_with("lib/gcc"));
    for (path, root) in [("/usr/include/stdio.h", "sys.host"), ("/opt/lib/x.h", "outside")] {
        let id = project.files.path_abs(Path::new(path));
        assert_eq!(project.files.roots().get(project.files.root(id)).name, root, "{path}");
    }
    let description = toolchain.describe(&project.files);
    let roots: Vec<&str> = description.roots.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(roots, ["tc.host", "sys.host"]);
    assert_eq!(project.files.roots().get(Roots::WORKSPACE).path, project.base);
}

#[test]
fn the_parts_of_the_hosts_compiler_are_named_for_people() {
    if !require("g++") {
        return;
    }
    let mut project = Project::new();
    let toolchain = project.toolchain("gcc");
    let programs = |of: &str, project: &Project| -> String {
        let parts = parts(&toolchain, project, of);
        parts.into_iter().filter(|name| !name.contains(".so")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(programs("compile C", &project), "driver cc1 as target");
    assert_eq!(programs("compile C++", &project), "driver cc1plus as target");
    assert_eq!(programs("assemble", &project), "driver as target");
    assert_eq!(programs("link C", &project), "driver target collect2 ld");
    assert_eq!(programs("archive", &project), "ar");
    let all = parts(&toolchain, &project, "compile C");
    assert!(all.iter().any(|name| name.starts_with("libbfd")), "{all:?}");
    assert!(!all.iter().any(|name| name.starts_with("libc.so")), "{all:?}");
}

#[test]
fn a_script_or_a_wrapper_works_and_makes_actions_local() {
    let mut project = Project::new();
    let wrapper = project.base.join("bin/gcc");
    script(&wrapper, "#!/bin/sh\nexec /usr/bin/gcc \"$@\"\n");
    let mut toolchain = project.toolchain(wrapper.to_str().unwrap());
    let reason = toolchain.local.clone().unwrap().replace(project.base.to_str().unwrap(), "WS");
    insta::assert_snapshot!(reason, @"the compiler `WS/bin/gcc` is a script");
    project.write("a.c", "int f(void) { return 1; }\n");
    let compile = project.compile("a.c", Language::C);
    let action = project.compiled(&mut toolchain, &compile);
    assert_eq!(action.local, toolchain.local);
    project.made(&action);
    if !require("ccache") {
        return;
    }
    project.forget();
    project.set("CC", "ccache gcc");
    project.set("CCACHE_DIR", project.base.join("ccache"));
    let mut toolchain = project.resolve(&host()).unwrap();
    insta::assert_snapshot!(toolchain.local.clone().unwrap(), @"the compiler is run by `/usr/bin/ccache`");
    let compile = project.compile("a.c", Language::C);
    let action = project.compiled(&mut toolchain, &compile);
    assert!(project.argv(&action)[0].to_str().unwrap().ends_with("/ccache"));
    assert!(project.argv(&action)[1].to_str().unwrap().contains("gcc"));
    project.forget();
    let link = project.base.join("links/gcc");
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink("/usr/bin/ccache", &link).unwrap();
    let toolchain = project.toolchain(link.to_str().unwrap());
    let reason = toolchain.local.clone().unwrap().replace(project.base.to_str().unwrap(), "WS");
    insta::assert_snapshot!(reason, @"the compiler `WS/links/gcc` is a wrapper, `/usr/bin/ccache`");
}

#[test]
fn an_archiver_can_be_named() {
    let mut project = Project::new();
    project.set("AR", "ar");
    let toolchain = project.resolve(&host()).unwrap();
    assert!(toolchain.describe(&project.files).programs.iter().any(|(role, _)| *role == "archiver"));
    project.forget();
    let mut named = spec("gcc");
    named.ar = Some("no-such-ar".into());
    insta::assert_snapshot!(project.error(&named), @"
    toolchain `host`: no archiver was found
      searched for no-such-ar in PATH
      install binutils, or give the archiver's path
    ");
}

#[test]
fn what_is_missing_is_said_with_where_it_was_searched_and_what_to_do() {
    let mut project = Project::new();
    insta::assert_snapshot!(project.error(&spec("no-such-cc")), @"
    toolchain `host`: no C compiler was found
      searched for no-such-cc in PATH
      name a compiler that is installed, or give its path
    ");
    insta::assert_snapshot!(project.error(&spec("tools/no-such-cc")), @"
    toolchain `host`: the C compiler WS/tools/no-such-cc is not there, or is not executable
      name a compiler that is installed, or give its path
    ");
    insta::assert_snapshot!(project.error(&spec("gcc; rm x")), @"
    toolchain `host`: `gcc; rm x` is no command line
      give a program and its arguments, with spaces between them
    ");
    insta::assert_snapshot!(project.error(&spec("/bin/true")), @"
    toolchain `host`: /usr/bin/true is neither gcc nor clang
      asked for its version, it said: nothing
      name a gcc or clang as `cc` of the toolchain, or in CC
    ");
    insta::assert_snapshot!(project.error(&spec("/bin/cat")), @"
    toolchain `host`: /usr/bin/cat is neither gcc nor clang
      asked for its version, it said: /usr/bin/cat: invalid option -- 'p'
      name a gcc or clang as `cc` of the toolchain, or in CC
    ");
    let target = Spec { name: "mips".into(), target: Some("mips-linux-gnu".into()), ..spec("gcc") };
    insta::assert_snapshot!(project.error(&target), @"
    toolchain `mips`: /usr/bin/x86_64-linux-gnu-gcc-12 makes code for x86_64-linux-gnu, not for mips-linux-gnu
      name a compiler for mips-linux-gnu as `cc` of the toolchain
    ");
    let empty = project.base.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    project.environment = Environment::from([("PATH".into(), empty.into())]);
    insta::assert_snapshot!(project.error(&host()), @"
    toolchain `host`: no C compiler was found
      searched for cc, gcc, clang in PATH
      install gcc or clang, or name a compiler in CC or as `cc` of the toolchain
    ");
    let cross = Spec { name: "mips".into(), target: Some("mips-linux-gnu".into()), ..Spec::default() };
    insta::assert_snapshot!(project.error(&cross), @"
    toolchain `mips`: no C compiler was found
      searched for mips-linux-gnu-gcc, clang in PATH
      install the cross compiler, or name it as `cc` of the toolchain
    ");
    project.environment.clear();
    insta::assert_snapshot!(project.error(&host()), @"
    toolchain `host`: no C compiler was found
      searched for cc, gcc, clang in an empty PATH
      install gcc or clang, or name a compiler in CC or as `cc` of the toolchain
    ");
}

/// Answers as a compiler of this version would.
struct Fake(&'static str);

impl Prober for Fake {
    fn run(&mut self, program: &Path, args: &[OsString], _: &Environment, _: &Path) -> io::Result<Answer> {
        if self.0.is_empty() {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied));
        }
        let dirs = args.last().is_some_and(|arg| arg == "-print-search-dirs");
        let (stdout, stderr) = match dirs {
            true if self.0.contains("fatal") => (String::new(), self.0.into()),
            true => {
                let bin = program.parent().unwrap().display();
                (format!("install: {bin}/\nprograms: ={bin}\nlibraries: ={bin}\n"), String::new())
            }
            false => (String::new(), format!("Target: avr\n{} \n", self.0)),
        };
        let fails = self.0.contains("fatal");
        Ok(Answer { status: Some(i32::from(fails)), stdout: stdout.into(), stderr: stderr.into() })
    }
}

#[test]
fn an_old_or_broken_compiler_is_refused() {
    let project = Project::new();
    let compiler = project.base.join("bin/gcc");
    std::fs::create_dir_all(compiler.parent().unwrap()).unwrap();
    std::fs::copy("/bin/true", &compiler).unwrap();
    std::fs::copy("/bin/true", compiler.with_file_name("cc1")).unwrap();
    let error = |says: &'static str| {
        let mut project = Project::new();
        let mut memo = std::collections::BTreeMap::new();
        let spec = spec(compiler.to_str().unwrap());
        let error = resolve(&spec, &project.environment, &mut project.files, &mut memo, &mut Fake(says));
        error.unwrap_err().to_string().replace(compiler.to_str().unwrap(), "WS/bin/gcc")
    };
    insta::assert_snapshot!(error("gcc version 4.8.5 (GCC)"), @"
    toolchain `host`: gcc 4.8.5 is too old (WS/bin/gcc)
      gcc 5.0 or newer is needed
    ");
    insta::assert_snapshot!(error("gcc: fatal error: specs file malformed"), @"
    toolchain `host`: `WS/bin/gcc -print-search-dirs` failed (exit code 1)
      it said: gcc: fatal error: specs file malformed
    ");
    insta::assert_snapshot!(error("something else"), @"
    toolchain `host`: WS/bin/gcc is neither gcc nor clang
      asked for its version, it said: Target: avr
      name a gcc or clang as `cc` of the toolchain, or in CC
    ");
    insta::assert_snapshot!(error(""), @"toolchain `host`: cannot run WS/bin/gcc: permission denied");
}

#[test]
fn a_compiler_without_its_parts_names_what_is_missing() {
    let mut project = Project::new();
    let alone = project.base.join("tc/bin/gcc");
    std::fs::create_dir_all(alone.parent().unwrap()).unwrap();
    std::fs::copy("/usr/bin/gcc", &alone).unwrap();
    project.environment = Environment::from([("PATH".into(), project.base.join("tc/bin").into())]);
    let text = project.resolve(&spec(alone.to_str().unwrap())).unwrap_err().to_string();
    assert!(text.starts_with("toolchain `host`: "), "{text}");
    assert!(text.contains("cc1"), "{text}");
}

#[test]
fn a_language_without_its_compiler_is_an_error_of_who_asks_for_it() {
    let mut project = Project::new();
    let alone = project.base.join("bin/gcc");
    std::fs::create_dir_all(alone.parent().unwrap()).unwrap();
    symlink("/usr/bin/gcc", &alone).unwrap();
    let mut named = spec("gcc");
    named.cxx = Some("no-such-cxx".into());
    insta::assert_snapshot!(project.error(&named), @"
    toolchain `host`: no C++ compiler was found
      searched for no-such-cxx in PATH
      name a compiler that is installed, or give its path
    ");
}
