//! What real compilers make of our command lines: the same bytes wherever the project lies, and depfiles that name
//! what was read.
#![expect(clippy::disallowed_methods, reason = "tests read what compilers wrote")]

use crate::common::{Project, spec};
use rekindle_fingerprint::action::{Action, DepfileFormat};
use rekindle_testkit::require;
use rekindle_toolchain::request::{Archive, Include, Language, LinkInput, Lto, Precompiled};

const HEADER: &str =
    "#pragma once\n#include <stddef.h>\nstatic inline size_t twice(size_t n) { return 2 * n; }\n";
const C: &str = "#include \"inc/x.h\"\n#include \"gen.h\"\n\
    const char *where(void) { return __FILE__; }\nsize_t f(size_t n) { return twice(n) + GENERATED; }\n";
const ASSEMBLER: &str = "#include \"gen.h\"\n.text\nf: .long GENERATED\n.incbin \"data.bin\"\n";

/// A project with a source in each language, one of them generated.
fn project(name: &str) -> Project {
    let project = Project::named(name);
    project.write("inc/x.h", HEADER);
    project.write("a.c", C);
    project.write("a.cpp", C);
    project.write("a.S", ASSEMBLER);
    project.write("plain.s", ".text\ng: .long 1\n.include \"more.inc\"\n");
    project.write("more.inc", "h: .long 2\n");
    project.write("data.bin", "data");
    project.write("out/gen/gen.h", "#define GENERATED 7\n");
    project.write("out/gen/made.c", "#include \"gen.h\"\nint made(void) { return GENERATED; }\n");
    project
}

const SOURCES: [(&str, Language); 5] = [
    ("a.c", Language::C),
    ("a.cpp", Language::Cxx),
    ("a.S", Language::AssemblerCpp),
    ("plain.s", Language::Assembler),
    ("out/gen/made.c", Language::C),
];

/// Every object that `cc` makes of a project in a directory called `name`.
fn objects(name: &str, cc: &str, flags: &[&str], lto: Lto) -> Vec<(String, Vec<u8>)> {
    let mut project = project(name);
    let mut spec = spec(cc);
    spec.flags = flags.iter().map(|flag| (*flag).into()).collect();
    let mut toolchain = project.resolve(&spec).unwrap();
    let mut made = Vec::new();
    for (source, language) in SOURCES {
        let mut compile = project.compile(source, language);
        compile.mode.debug = true;
        compile.mode.lto = lto;
        compile.includes = vec![Include::Normal(project.path("out/gen"))];
        let action = project.compiled(&mut toolchain, &compile);
        assert_eq!(action.local, None);
        let bytes = project.made(&action);
        let base = project.dir.path().canonicalize().unwrap();
        let base = base.as_os_str().as_encoded_bytes();
        assert!(!bytes.windows(base.len()).any(|part| part == base), "{source} holds the workspace's path");
        made.push((source.to_string(), bytes));
    }
    made
}

fn same_in_two_places(cc: &str, flags: &[&str], lto: Lto) {
    if !require(cc) {
        return;
    }
    let one = objects("ws", cc, flags, lto);
    let other = objects("a/longer/way/ws2", cc, flags, lto);
    for ((source, one), (_, other)) in one.iter().zip(&other) {
        assert!(one == other, "{cc} {flags:?} {lto:?}: {source}");
    }
}

#[test]
fn objects_of_gcc_with_debug_information_are_the_same_in_two_places() {
    if !require("g++") {
        return;
    }
    same_in_two_places("gcc", &[], Lto::Off);
    same_in_two_places("gcc", &["-O2", "-ffunction-sections", "-gdwarf-4"], Lto::Full);
}

#[test]
fn objects_of_clang_with_debug_information_are_the_same_in_two_places() {
    same_in_two_places("clang", &[], Lto::Off);
    same_in_two_places("clang", &["-O2"], Lto::Full);
    same_in_two_places("clang", &["-gdwarf-4"], Lto::Thin);
}

#[test]
fn objects_of_an_old_cross_gcc_with_debug_information_are_the_same_in_two_places() {
    // There, `__FILE__` holds the name that the command line gives, which is relative.
    same_in_two_places("avr-gcc", &["-mmcu=atmega328p"], Lto::Off);
    same_in_two_places("avr-gcc", &["-mmcu=atmega328p", "-Os"], Lto::Full);
}

/// The text of all dependency files of an action that ran.
fn depfiles(project: &Project, action: &Action) -> String {
    let mut text = String::new();
    for depfile in &action.discovery.depfiles {
        let path = depfile.path().unwrap_or_else(|| panic!("{depfile:?}"));
        text.push_str(&std::fs::read_to_string(project.files.abs(path)).unwrap());
    }
    text
}

#[test]
fn what_a_compile_read_is_in_its_depfiles_also_what_assemblers_include() {
    if !require("g++") {
        return;
    }
    for (cc, incbin) in [("gcc", true), ("avr-gcc", true), ("clang", false)] {
        if !require(cc) {
            return;
        }
        let mut project = project("ws");
        let mut toolchain = project.toolchain(cc);
        for (source, language) in SOURCES {
            let mut compile = project.compile(source, language);
            compile.includes = vec![Include::Normal(project.path("out/gen"))];
            let action = project.compiled(&mut toolchain, &compile);
            project.made(&action);
            assert_eq!(action.discovery.incbin_in_depfile, incbin, "{cc} {source}");
            let text = depfiles(&project, &action);
            let expected: &[&str] = match source {
                "a.c" | "a.cpp" => &["inc/x.h", "out/gen/gen.h", "stddef.h"],
                "a.S" if incbin => &["out/gen/gen.h", "data.bin"],
                "a.S" => &["out/gen/gen.h"],
                "plain.s" if incbin => &["more.inc"],
                _ => &[],
            };
            for name in expected {
                assert!(text.contains(name), "{cc} {source}: {name} is not in\n{text}");
            }
        }
    }
}

#[test]
fn headers_are_searched_where_the_compiler_says() {
    for cc in ["gcc", "clang"] {
        if !require(cc) {
            return;
        }
        let mut project = project("ws");
        project.environment.insert("CPATH".into(), project.base.join("inc").into());
        let mut toolchain = project.toolchain(cc);
        let mut compile = project.compile("a.c", Language::C);
        compile.includes = vec![
            Include::Normal(project.path("one")),
            Include::System(project.path("two")),
            Include::Quote(project.path("three")),
        ];
        compile.flags = ["-idirafter", "four", "-I/usr/include"].map(Into::into).to_vec();
        let action = project.compiled(&mut toolchain, &compile);
        let search = action.discovery.search.unwrap();
        let shown: Vec<String> = search.dirs.iter().map(|dir| project.files.show(*dir)).collect();
        assert_eq!(shown[..4], ["three", "one", "inc", "two"], "{cc}");
        assert_eq!(shown.last().unwrap(), "four");
        assert_eq!(shown[shown.len() - 2], "/usr/include");
        assert!(shown.iter().any(|dir| dir.ends_with("/include") && dir.contains("lib")), "{shown:?}");
        // Without the compiler's own ones, it has to be asked again.
        compile.flags = vec!["-nostdinc".into()];
        let asked = project.prober.0;
        let action = project.compiled(&mut toolchain, &compile);
        assert!(project.prober.0 > asked);
        assert_eq!(action.discovery.search.unwrap().dirs.len(), 4);
    }
}

/// A program of two objects, an archive and a shared library.
fn program(project: &mut Project, cc: &str, lto: Lto) -> Action {
    project.write("main.c", "int f(void); int g(void); int main(void) { return f() + g() - 3; }\n");
    project.write("f.c", "int f(void) { return 1; }\n");
    project.write("g.c", "int g(void) { return 2; }\n");
    let mut toolchain = project.toolchain(cc);
    let mut objects = Vec::new();
    for source in ["main.c", "f.c", "g.c"] {
        let mut compile = project.compile(source, Language::C);
        compile.mode.lto = lto;
        compile.mode.debug = true;
        compile.pic = Some(true);
        let action = project.compiled(&mut toolchain, &compile);
        project.made(&action);
        objects.push(action.outputs[0]);
    }
    let cwd = project.cwd();
    let archive =
        Archive { objects: vec![objects[1]], archive: project.path("out/lib/libf.a"), lto: lto != Lto::Off };
    let archived = toolchain.archive(&mut project.files, &archive, cwd).unwrap();
    project.made(&archived);
    let mut shared = project.link("../lib/libg.so", Language::C);
    shared.output = project.path("out/lib/libg.so");
    shared.shared = true;
    shared.mode.lto = lto;
    shared.inputs = vec![LinkInput::File(objects[2])];
    let shared = project.linked(&mut toolchain, &shared);
    run_link(project, &shared);
    let mut link = project.link("program", Language::C);
    link.mode.lto = lto;
    link.inputs = vec![
        LinkInput::File(objects[0]),
        LinkInput::File(archive.archive),
        LinkInput::File(shared.outputs[0]),
    ];
    link.run_paths = vec![project.path("out/lib")];
    let link = project.linked(&mut toolchain, &link);
    run_link(project, &link);
    link
}

fn run_link(project: &Project, link: &Action) {
    let said = project.run(link).unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(said, "");
}

#[test]
fn a_linked_program_runs_and_is_the_same_in_two_places() {
    for cc in ["gcc", "clang"] {
        for lto in [Lto::Off, Lto::Full] {
            // clang's own plugin for GNU ld is another package; lld needs none.
            if !require(cc) || (cc == "clang" && lto == Lto::Full) {
                continue;
            }
            let mut made = Vec::new();
            for name in ["ws", "some/where/else"] {
                let mut project = Project::named(name);
                let link = program(&mut project, cc, lto);
                let text = depfiles(&project, &link);
                for name in ["out/obj/main.c.o", "libf.a", "libg.so", "crt1.o", "libc.so"] {
                    assert!(text.contains(name), "{cc} {lto:?}: {name} is not in\n{text}");
                }
                let output = project.files.abs(link.outputs[0]);
                let moved = project.base.join("moved");
                std::fs::rename(project.base.join("out"), &moved).unwrap();
                let at = moved.join(output.strip_prefix(project.base.join("out")).unwrap());
                assert!(std::process::Command::new(&at).status().unwrap().success());
                made.push(std::fs::read(at).unwrap());
            }
            assert!(made[0] == made[1], "{cc} {lto:?}");
        }
    }
}

#[test]
fn firmware_of_an_old_cross_gcc_with_link_time_optimization_is_the_same_in_two_places() {
    if !require("avr-gcc") {
        return;
    }
    let mut made = Vec::new();
    for name in ["ws", "some/where/else"] {
        let mut project = Project::named(name);
        project.write("main.c", "int f(void); int main(void) { return f(); }\n");
        project.write("f.cpp", "extern \"C\" int f() { return __FILE__[0]; }\n");
        let mut spec = spec("avr-gcc");
        spec.flags = vec!["-mmcu=atmega328p".into(), "-Os".into()];
        let mut toolchain = project.resolve(&spec).unwrap();
        let mut objects = Vec::new();
        for (source, language) in [("main.c", Language::C), ("f.cpp", Language::Cxx)] {
            let mut compile = project.compile(source, language);
            compile.mode.lto = Lto::Full;
            let action = project.compiled(&mut toolchain, &compile);
            made.push(project.made(&action));
            objects.push(action.outputs[0]);
        }
        let cwd = project.cwd();
        let archive = Archive { objects: vec![objects[1]], archive: project.path("out/libf.a"), lto: true };
        let archived = toolchain.archive(&mut project.files, &archive, cwd).unwrap();
        made.push(project.made(&archived));
        let mut link = project.link("firmware.elf", Language::Cxx);
        link.mode.lto = Lto::Full;
        link.inputs = vec![LinkInput::File(objects[0]), LinkInput::File(archive.archive)];
        let link = project.linked(&mut toolchain, &link);
        assert_eq!(link.discovery.depfiles, [DepfileFormat::Trace]);
        run_link(&project, &link);
        made.push(std::fs::read(project.files.abs(link.outputs[0])).unwrap());
    }
    let half = made.len() / 2;
    assert!(made[..half] == made[half..]);
}

#[test]
fn a_sysroot_is_a_root_of_its_own_and_is_searched() {
    let mut project = Project::new();
    let sysroot = project.dir.path().canonicalize().unwrap().join("sysroot");
    std::fs::create_dir_all(sysroot.join("usr/include")).unwrap();
    std::fs::write(sysroot.join("usr/include/only-here.h"), "#define HERE 1\n").unwrap();
    let mut cross = spec("gcc");
    cross.name = "cross".into();
    cross.sysroot = Some(sysroot.clone());
    let mut toolchain = project.resolve(&cross).unwrap();
    project.write("a.c", "#include <only-here.h>\nint f(void) { return HERE; }\n");
    let compile = project.compile("a.c", Language::C);
    let action = project.compiled(&mut toolchain, &compile);
    assert!(project.shown(&action).contains("--sysroot=<sys.cross>"));
    assert!(project.shown(&action).contains("-ffile-prefix-map=<sys.cross!>=/sys.cross"));
    let search = action.discovery.search.clone().unwrap();
    let shown: Vec<String> = search.dirs.iter().map(|dir| project.files.show(*dir)).collect();
    assert!(shown.contains(&"sys.cross:usr/include".to_string()), "{shown:?}");
    project.made(&action);
}

#[test]
fn libraries_are_searched_where_drivers_and_linkers_look() {
    let mut project = project("ws");
    let mut toolchain = project.toolchain("gcc");
    let mut link = project.link("p", Language::C);
    link.directories = vec![project.path("libs")];
    link.inputs = vec![LinkInput::System("z".into()), LinkInput::Flag("-l:exact.a".into())];
    link.flags = vec!["-L/opt/more".into()];
    let action = project.linked(&mut toolchain, &link);
    let search = action.discovery.search.unwrap();
    let shown: Vec<String> = search.dirs.iter().map(|dir| project.files.show(*dir)).collect();
    assert_eq!(shown[..2], ["libs", "/opt/more"]);
    for dir in ["/usr/lib", "/usr/local/lib"] {
        assert!(shown.iter().any(|known| known == dir), "{shown:?}");
    }
    let names: Vec<_> =
        action.discovery.also_searched.iter().map(|name| String::from_utf8_lossy(name)).collect();
    assert_eq!(names[..3], ["libz.so", "libz.a", "exact.a"]);
}

#[test]
fn a_precompiled_header_is_made_and_used_without_a_word() {
    if !require("g++") {
        return;
    }
    let languages = [("use.c", Language::C), ("use.cpp", Language::Cxx)];
    for (cc, ending) in [("gcc", "h.gch"), ("clang", "pch")] {
        if !require(cc) {
            return;
        }
        let mut project = Project::new();
        let mut toolchain = project.toolchain(cc);
        project.write("inc/all.h", "#pragma once\n#include \"nested.h\"\nstatic const int all = NESTED;\n");
        project.write("inc/nested.h", "#pragma once\n#define NESTED 3\n");
        for (name, language) in languages {
            project.write(name, "#include \"inc/all.h\"\nint f(void) { return all + NESTED; }\n");
            let mut make = project.compile("inc/all.h", language);
            make.makes_precompiled = true;
            make.object = project.path(&format!("out/pch/{name}/all.{ending}"));
            make.flags = vec!["-Wall".into(), "-Wextra".into()];
            let made = project.compiled(&mut toolchain, &make);
            assert_eq!(project.run(&made).unwrap(), "", "{cc} {name}");
            let text = depfiles(&project, &made);
            assert!(text.contains("inc/all.h") && text.contains("inc/nested.h"), "{cc} {name}: {text}");
            assert_eq!(made.inputs, [make.source]);
            let mut user = project.compile(name, language);
            user.precompiled = Some(Precompiled { product: make.object, header: make.source });
            user.flags = vec!["-H".into()];
            let action = project.compiled(&mut toolchain, &user);
            let said = project.run(&action).unwrap();
            // gcc tells so with `!`, and names no header that is in it.
            assert!(cc == "clang" || said.contains("! "), "{cc} {name}: {said}");
            assert!(!said.contains("nested.h"), "{cc} {name}: {said}");
            // Touched headers are as good as new ones, because times are in no product.
            let header = std::fs::File::open(project.base.join("inc/all.h")).unwrap();
            header.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            project.run(&action).unwrap();
        }
    }
}

#[test]
fn messages_keep_their_quotes_and_names() {
    for cc in ["gcc", "clang"] {
        if !require(cc) {
            return;
        }
        let mut project = Project::new();
        let mut toolchain = project.toolchain(cc);
        project.write("a.c", "int main(void) { return größe; }\n");
        let compile = project.compile("a.c", Language::C);
        let action = project.compiled(&mut toolchain, &compile);
        let said = project.run(&action).unwrap_err();
        assert!(said.contains("größe") && said.contains("\u{1b}["), "{said}");
    }
}
