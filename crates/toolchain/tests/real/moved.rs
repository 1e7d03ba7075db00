//! A toolchain that lies elsewhere, a project that lies elsewhere, another person: the same keys, no question asked a
//! second time, the same bytes.
#![expect(clippy::disallowed_methods, reason = "tests copy compilers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Project, spec};
use crate::identity::{copy_of_clang, copy_of_gcc, real};
use rekindle_fingerprint::action::{Action, Exposure};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::key::first_key;
use rekindle_testkit::require;
use rekindle_toolchain::Toolchain;
use rekindle_toolchain::request::{Archive, Include, Language, LinkInput, Lto};

/// What was seen of a build in one place.
#[derive(Default)]
struct Seen {
    /// What keys and searches are made of, by the name of the action.
    keys: Vec<(String, String)>,
    /// What was made.
    made: Vec<(String, Vec<u8>)>,
    /// How often a program was asked something.
    asked: usize,
    /// To which roots something is bound before it is made.
    bound: BTreeSet<String>,
    /// Whether something was bound whatever is in it.
    tied: bool,
    memo: BTreeMap<Digest, Vec<u8>>,
}

/// A place with a compiler in it.
struct Place {
    dir: tempfile::TempDir,
    compiler: PathBuf,
    project: Project,
}

impl Place {
    /// A directory called `name` with a copy of a compiler in `tools`, and a project of somebody.
    fn new(name: &str, copy: fn(&Path) -> PathBuf) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let prefix = real(dir.path()).join(name).join("tools");
        let compiler = copy(&prefix);
        let mut project = Project::named(&format!("{name}/project"));
        let home = dir.path().join("home").join(name);
        let temporary = dir.path().join("scratch");
        for place in [&home, &temporary] {
            fs::create_dir_all(place).unwrap();
        }
        let path = project.environment[std::ffi::OsStr::new("PATH")].clone();
        let mut places = vec![home.clone()];
        places.extend(std::env::split_paths(&path));
        let path = std::env::join_paths(places).unwrap();
        for (variable, value) in [
            ("HOME", home.as_os_str()),
            ("TMPDIR", temporary.as_os_str()),
            ("PATH", &path),
            ("LD_LIBRARY_PATH", prefix.join("lib").as_os_str()),
        ] {
            project.environment.insert(variable.into(), value.into());
        }
        Self { dir, compiler, project }
    }

    fn toolchain(&mut self, flags: &[&str]) -> Toolchain {
        let mut spec = spec(self.compiler.to_str().unwrap());
        spec.name = "tc".into();
        spec.flags = flags.iter().map(|flag| (*flag).into()).collect();
        self.project.resolve(&spec).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Notes what is in the key of an action, and runs it.
    fn run(&mut self, action: &Action, seen: &mut Seen) {
        let project = &mut self.project;
        let name = action.name.clone();
        let command = action.command(&mut project.files);
        project.files.observe(&action.inputs);
        let key = first_key(action, &command, &project.files).unwrap_or_else(|| panic!("{name} has no key"));
        let key = (!seen.tied).then_some(key);
        let search = action.discovery.search.iter().flat_map(|search| &search.dirs);
        let search: Vec<String> = search.map(|dir| project.files.show(*dir)).collect();
        let exposed: Vec<&Exposure> = action.exposed.iter().collect();
        let roots = exposed.iter().map(|exposure| project.files.roots().get(exposure.root).name.clone());
        seen.bound.extend(roots);
        let identity = &action.identity.as_ref().unwrap().digest;
        let env: Vec<_> = action.env.iter().map(|(name, _)| name).collect();
        let shown = format!(
            "{}\n{env:?}\n{identity:?}\n{search:?}\n{:?}\n{key:?}\n{exposed:?}",
            project.shown(action),
            action.local
        );
        seen.keys.push((name.clone(), shown));
        project.run(action).unwrap_or_else(|said| panic!("{said}"));
        for output in &action.outputs {
            // What is made of a bound object is another thing elsewhere, because that is.
            seen.tied |= exposed.iter().any(|exposure| exposure.always);
            if seen.tied {
                continue;
            }
            let bytes = fs::read(project.files.abs(*output)).unwrap();
            for place in [self.dir.path(), project.dir.path()] {
                let place = real(place);
                let place = place.as_os_str().as_encoded_bytes();
                assert!(!bytes.windows(place.len()).any(|part| part == place), "{name} holds a path");
            }
            seen.made.push((project.files.show(*output), bytes));
        }
    }

    /// Builds everything with debug information; a program of one object and an archive.
    fn build(&mut self, flags: &[&str], lto: Lto, memo: BTreeMap<Digest, Vec<u8>>, links: bool) -> Seen {
        self.project.memo = memo;
        self.project.forget();
        let mut seen = Seen::default();
        let mut toolchain = self.toolchain(flags);
        self.project.write("inc/x.h", "#include <stddef.h>\nstatic inline size_t two(void) { return 2; }\n");
        let text = "#include \"x.h\"\nint f(void) { return (int) two() + __FILE__[0]; }\n";
        self.project.write("f.c", text);
        self.project.write("g.cpp", &text.replace("int f", "extern \"C\" int g"));
        self.project.write("s.S", ".text\n.globl s\ns: .long 1\n");
        self.project.write("main.c", "int f(void); int main(void) { return f(); }\n");
        let mut objects = Vec::new();
        let languages = [
            ("f.c", Language::C),
            ("g.cpp", Language::Cxx),
            ("s.S", Language::AssemblerCpp),
            ("main.c", Language::C),
        ];
        for (source, language) in languages {
            let mut compile = self.project.compile(source, language);
            compile.mode.debug = true;
            compile.mode.lto = lto;
            compile.includes = vec![Include::Normal(self.project.path("inc"))];
            let action = self.project.compiled(&mut toolchain, &compile);
            self.run(&action, &mut seen);
            objects.push(action.outputs[0]);
        }
        let cwd = self.project.cwd();
        let archive = Archive {
            objects: vec![objects[0]],
            archive: self.project.path("out/libf.a"),
            lto: lto != Lto::Off,
        };
        let archived = toolchain.archive(&mut self.project.files, &archive, cwd).unwrap();
        self.run(&archived, &mut seen);
        let mut link = self.project.link("p", Language::C);
        link.mode.lto = lto;
        link.mode.debug = true;
        link.flags = vec!["-g".into(), "-static-libgcc".into()];
        link.inputs = vec![LinkInput::File(objects[3]), LinkInput::File(archived.outputs[0])];
        if links {
            let action = self.project.linked(&mut toolchain, &link);
            self.run(&action, &mut seen);
        }
        seen.asked = self.project.prober.0;
        seen.memo = std::mem::take(&mut self.project.memo);
        seen
    }
}

fn the_same_in_two_places(
    cc: &str,
    copy: fn(&Path) -> PathBuf,
    flags: &[&str],
    lto: Lto,
    links: bool,
) -> Vec<String> {
    let mut one = Place::new("one", copy);
    let mut other = Place::new("quite/another", copy);
    let first = one.build(flags, lto, BTreeMap::new(), links);
    assert!(first.asked > 0);
    let second = other.build(flags, lto, first.memo, links);
    assert_eq!(first.bound, second.bound);
    for ((name, one), (_, other)) in first.keys.iter().zip(&second.keys) {
        assert_eq!(one, other, "{cc} {lto:?}: {name}");
    }
    assert_eq!(second.asked, 0, "{cc} {lto:?}: the second one is asked nothing");
    for ((name, one), (_, other)) in first.made.iter().zip(&second.made) {
        assert!(one == other, "{cc} {lto:?}: {name} differs");
    }
    first.bound.into_iter().collect()
}

#[test]
fn a_gcc_that_lies_elsewhere_is_the_same() {
    if !require("g++") {
        return;
    }
    for lto in [Lto::Off, Lto::Full] {
        let bound = the_same_in_two_places("gcc", copy_of_gcc, &["-O1"], lto, true);
        assert!(bound.is_empty(), "{bound:?}");
    }
}

#[test]
fn a_clang_that_lies_elsewhere_is_the_same() {
    if !require("clang") {
        return;
    }
    let copy = |prefix: &Path| copy_of_clang(prefix).clang;
    assert!(the_same_in_two_places("clang", copy, &["-O1"], Lto::Off, true).is_empty());
    // clang's plugin for GNU ld is another package.
    assert!(the_same_in_two_places("clang", copy, &["-O1"], Lto::Thin, false).is_empty());
}

/// A copy of Debian's gcc for AVR, with its headers and libraries for one processor.
fn copy_of_avr_gcc(prefix: &Path) -> PathBuf {
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::create_dir_all(prefix.join("lib/gcc/avr")).unwrap();
    let copy = |from: PathBuf, to: &str| {
        let copied = Command::new("cp").arg("-rL").arg(from).arg(prefix.join(to)).status().unwrap();
        assert!(copied.success());
    };
    for name in ["avr-gcc", "avr-g++", "avr-ar"] {
        copy(crate::identity::on_path(name), "bin");
    }
    let own = crate::identity::said("avr-gcc", &["-print-prog-name=cc1"]);
    let own = own.parent().unwrap().to_path_buf();
    let libraries = real(own.join("../../.."));
    copy(own, "lib/gcc/avr");
    copy(libraries.join("avr"), "lib");
    prefix.join("bin/avr-gcc")
}

#[test]
fn an_avr_gcc_that_lies_elsewhere_is_the_same() {
    if !require("avr-gcc") {
        return;
    }
    // It maps no `__FILE__`, so a file that asks for that binds its object; with bytecode every object is bound.
    let flags = ["-mmcu=atmega328p", "-Os", "-gdwarf-4"];
    assert_eq!(the_same_in_two_places("avr-gcc", copy_of_avr_gcc, &flags, Lto::Off, true), ["tc.tc"]);
    assert_eq!(the_same_in_two_places("avr-gcc", copy_of_avr_gcc, &flags, Lto::Full, true), ["tc.tc"]);
}

#[test]
fn an_answer_from_a_place_with_other_directories_is_not_believed() {
    if !require("g++") {
        return;
    }
    let mut one = Place::new("one", copy_of_gcc);
    let mut other = Place::new("other", copy_of_gcc);
    one.toolchain(&[]);
    other.project.memo = std::mem::take(&mut one.project.memo);
    other.project.forget();
    other.toolchain(&[]);
    assert_eq!(other.project.prober.0, 0);
    let own = crate::identity::said("gcc", &["-print-file-name=include"]);
    let version = own.parent().unwrap().file_name().unwrap();
    let target = crate::identity::said("gcc", &["-dumpmachine"]);
    let tools = other.compiler.ancestors().nth(2).unwrap();
    fs::create_dir(tools.join("lib/gcc").join(target).join(version).join("include-fixed")).unwrap();
    other.project.forget();
    other.toolchain(&[]);
    assert!(other.project.prober.0 > 0);
}
