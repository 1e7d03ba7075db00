//! The command lines that each family is given.

use crate::common::{Project, spec};
use rekindle_fingerprint::action::Action;
use rekindle_testkit::require;
use rekindle_toolchain::request::{
    Archive, Include, Language, LinkInput, Lto, Mode, Optimize, Precompiled, Warnings,
};
use rekindle_toolchain::{Toolchain, without_depfiles};

/// A compile that uses everything, a plain one of assembler, an archive and a link.
fn all(project: &mut Project, toolchain: &mut Toolchain) -> String {
    for name in ["src/a.cpp", "src/b.S", "src/c.s", "inc/forced.h", "all.rsp", "v.map"] {
        project.write(name, "");
    }
    project.write("all.rsp", "-fno-common @more.rsp");
    project.write("more.rsp", "-DFROM='a file'");
    let mut compile = project.compile("src/a.cpp", Language::Cxx);
    compile.standard = Some("c++17".into());
    compile.mode = Mode { optimize: Optimize::Two, debug: true, lto: Lto::Thin, sanitize: Vec::new() };
    compile.warnings = Warnings::Extra;
    compile.pic = Some(true);
    compile.defines = vec!["A".into(), "B=\"x y\"".into()];
    compile.includes = vec![
        Include::Normal(project.path("inc")),
        Include::System(project.path("/usr/include/elsewhere")),
        Include::Quote(project.path("out/gen")),
    ];
    compile.forced = vec![project.path("inc/forced.h")];
    compile.flags = ["-I", "inc2", "@all.rsp", "-Wno-unused"].map(Into::into).to_vec();
    let mut shown = project.compiled(toolchain, &compile);
    let mut text = vec![project.shown(&shown)];
    for (source, language) in [("src/b.S", Language::AssemblerCpp), ("src/c.s", Language::Assembler)] {
        let mut compile = project.compile(source, language);
        compile.mode.debug = true;
        shown = project.compiled(toolchain, &compile);
        text.push(project.shown(&shown));
    }
    let cwd = project.cwd();
    let archive = Archive {
        objects: vec![project.path("out/a.o"), project.path("out/b.o")],
        archive: project.path("out/lib/libx.a"),
        lto: false,
    };
    shown = toolchain.archive(&mut project.files, &archive, cwd).unwrap();
    text.push(project.shown(&shown));
    let mut link = project.link("libx.so.1", Language::Cxx);
    link.shared = true;
    link.soname = Some("libx.so.1".into());
    link.inputs = vec![
        LinkInput::File(project.path("out/a.o")),
        LinkInput::WholeArchive(project.path("out/lib/libx.a")),
        LinkInput::System("m".into()),
    ];
    link.directories = vec![project.path("out/lib")];
    link.run_paths = vec![project.path("out/lib")];
    link.scripts = vec![project.path("v.map")];
    link.flags = ["-Wl,--version-script=v.map", "-Wl,-Map,out/x.map"].map(Into::into).to_vec();
    shown = project.linked(toolchain, &link);
    text.push(project.shown(&shown));
    text.join("\n\n")
}

#[test]
fn gcc_is_spoken_to_like_this() {
    if !require("g++") {
        return;
    }
    let mut project = Project::new();
    let mut toolchain = project.toolchain("gcc");
    insta::assert_snapshot!(all(&mut project, &mut toolchain), @r#"
    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -ffile-prefix-map=<ws!>=.
    -ffile-prefix-map=/proc/self/cwd=.
    -frandom-seed=2ab44ab21b42f8d3
    -O2
    -g
    -flto
    -std=c++17
    -Wall
    -Wextra
    -fPIC
    -DA
    -DB="x y"
    -Iinc
    -isystem
    <sys.host>/usr/include/elsewhere
    -iquote
    out/gen
    -include
    inc/forced.h
    -I
    inc2
    -fno-common
    -DFROM=a file
    -Wno-unused
    -MD
    -MF
    out/tmp/a.cpp.o-c29d9717d3.d
    -c
    src/a.cpp
    -o
    out/obj/src/a.cpp.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -ffile-prefix-map=<ws!>=.
    -fdebug-prefix-map=<ws!>=.
    -g
    -MD
    -MF
    out/tmp/b.S.o-e30320e45e.d
    -Xassembler
    --MD
    -Xassembler
    out/tmp/b.S.o-e30320e45e.as.d
    -c
    src/b.S
    -o
    out/obj/src/b.S.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -fdebug-prefix-map=<ws!>=.
    -g
    -Xassembler
    --MD
    -Xassembler
    out/tmp/c.s.o-c04c662663.as.d
    -c
    src/c.s
    -o
    out/obj/src/c.s.o

    rcsD
    out/lib/libx.a
    out/a.o
    out/b.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -o
    out/bin/libx.so.1
    -shared
    -Wl,-soname,libx.so.1
    -Lout/lib
    out/a.o
    -Wl,--whole-archive
    out/lib/libx.a
    -Wl,--no-whole-archive
    -lm
    -Wl,--version-script=v.map
    -Wl,-Map,out/x.map
    -Wl,-rpath,$ORIGIN/../lib
    -Wl,-rpath-link,out/lib
    -Xlinker
    --dependency-file=out/tmp/libx.so.1-4678a39185.link.d
    "#);
}

#[test]
fn clang_is_spoken_to_like_this() {
    if !require("clang") {
        return;
    }
    let mut project = Project::new();
    let mut toolchain = project.toolchain("clang");
    insta::assert_snapshot!(all(&mut project, &mut toolchain), @r#"
    -fdiagnostics-color=always
    -fmessage-length=0
    -ffile-prefix-map=<ws!>=.
    -ffile-prefix-map=<tc.host!>=/tc.host
    -O2
    -g
    -flto=thin
    -std=c++17
    -Wall
    -Wextra
    -fPIC
    -DA
    -DB="x y"
    -Iinc
    -isystem
    <sys.host>/usr/include/elsewhere
    -iquote
    out/gen
    -include
    inc/forced.h
    -I
    inc2
    -fno-common
    -DFROM=a file
    -Wno-unused
    -MD
    -MF
    out/tmp/a.cpp.o-c29d9717d3.d
    -c
    src/a.cpp
    -o
    out/obj/src/a.cpp.o

    -Wno-unused-command-line-argument
    -fdiagnostics-color=always
    -ffile-prefix-map=<ws!>=.
    -fdebug-prefix-map=<ws!>=.
    -ffile-prefix-map=<tc.host!>=/tc.host
    -fdebug-prefix-map=<tc.host!>=/tc.host
    -fdebug-compilation-dir=.
    -g
    -MD
    -MF
    out/tmp/b.S.o-e30320e45e.d
    -c
    src/b.S
    -o
    out/obj/src/b.S.o

    -Wno-unused-command-line-argument
    -fdiagnostics-color=always
    -fdebug-prefix-map=<ws!>=.
    -fdebug-prefix-map=<tc.host!>=/tc.host
    -fdebug-compilation-dir=.
    -g
    -c
    src/c.s
    -o
    out/obj/src/c.s.o

    rcsD
    out/lib/libx.a
    out/a.o
    out/b.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -o
    out/bin/libx.so.1
    -shared
    -Wl,-soname,libx.so.1
    -Lout/lib
    out/a.o
    -Wl,--whole-archive
    out/lib/libx.a
    -Wl,--no-whole-archive
    -lm
    -Wl,--version-script=v.map
    -Wl,-Map,out/x.map
    -Wl,-rpath,$ORIGIN/../lib
    -Wl,-rpath-link,out/lib
    -Xlinker
    --dependency-file=out/tmp/libx.so.1-4678a39185.link.d
    "#);
}

#[test]
fn an_old_cross_gcc_is_spoken_to_like_this() {
    if !require("avr-gcc") {
        return;
    }
    let mut project = Project::new();
    let mut firmware = spec("avr-gcc");
    firmware.name = "avr".into();
    firmware.flags = vec!["-mmcu=atmega328p".into()];
    let mut toolchain = project.resolve(&firmware).unwrap();
    insta::assert_snapshot!(all(&mut project, &mut toolchain), @r#"
    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -fdebug-prefix-map=/proc/self/cwd=.
    -frandom-seed=2ab44ab21b42f8d3
    -mmcu=atmega328p
    -O2
    -g
    -flto
    -std=c++17
    -Wall
    -Wextra
    -fPIC
    -DA
    -DB="x y"
    -Iinc
    -isystem
    <sys.host>/usr/include/elsewhere
    -iquote
    out/gen
    -include
    inc/forced.h
    -I
    inc2
    -fno-common
    -DFROM=a file
    -Wno-unused
    -MD
    -MF
    out/tmp/a.cpp.o-c29d9717d3.d
    -c
    src/a.cpp
    -o
    out/obj/src/a.cpp.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -fdebug-prefix-map=/proc/self/cwd=.
    -mmcu=atmega328p
    -g
    -MD
    -MF
    out/tmp/b.S.o-e30320e45e.d
    -Xassembler
    --MD
    -Xassembler
    out/tmp/b.S.o-e30320e45e.as.d
    -c
    src/b.S
    -o
    out/obj/src/b.S.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -fdebug-prefix-map=/proc/self/cwd=.
    -mmcu=atmega328p
    -g
    -Xassembler
    --MD
    -Xassembler
    out/tmp/c.s.o-c04c662663.as.d
    -c
    src/c.s
    -o
    out/obj/src/c.s.o

    rcsD
    out/lib/libx.a
    out/a.o
    out/b.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -o
    out/bin/libx.so.1
    -mmcu=atmega328p
    -shared
    -Wl,-soname,libx.so.1
    -Lout/lib
    out/a.o
    -Wl,--whole-archive
    out/lib/libx.a
    -Wl,--no-whole-archive
    -lm
    -Wl,--version-script=v.map
    -Wl,-Map,out/x.map
    -Wl,-rpath,$ORIGIN/../lib
    -Wl,-rpath-link,out/lib
    -Wl,-t
    "#);
}

#[test]
fn each_family_uses_a_precompiled_header_in_its_own_way() {
    let mut text = Vec::new();
    for (cc, name) in [("gcc", "all.h.gch"), ("clang", "all.pch")] {
        if !require(cc) {
            return;
        }
        let mut project = Project::new();
        let mut toolchain = project.toolchain(cc);
        project.write("inc/all.h", "");
        let mut make = project.compile("inc/all.h", Language::C);
        make.object = project.path(&format!("out/pch/{name}"));
        make.makes_precompiled = true;
        let made = project.compiled(&mut toolchain, &make);
        let mut user = project.compile("a.c", Language::C);
        user.precompiled = Some(Precompiled { product: make.object, header: make.source });
        let used = project.compiled(&mut toolchain, &user);
        assert!(used.inputs.contains(&make.object));
        text.push(project.shown(&made));
        text.push(project.shown(&used));
    }
    insta::assert_snapshot!(text.join("\n\n"), @"
    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -ffile-prefix-map=<ws!>=.
    -include
    inc/all.h
    -O0
    -MD
    -MF
    out/tmp/all.h.gch-dbb4127769.d
    -x
    c-header
    -c
    /dev/null
    -o
    out/pch/all.h.gch

    -fdiagnostics-color=always
    -fmessage-length=0
    -pipe
    -ffile-prefix-map=<ws!>=.
    -Winvalid-pch
    -include
    out/pch/all.h
    -O0
    -MD
    -MF
    out/tmp/a.c.o-d87b62794c.d
    -Xassembler
    --MD
    -Xassembler
    out/tmp/a.c.o-d87b62794c.as.d
    -c
    a.c
    -o
    out/obj/a.c.o

    -fdiagnostics-color=always
    -fmessage-length=0
    -ffile-prefix-map=<ws!>=.
    -ffile-prefix-map=<tc.host!>=/tc.host
    -Xclang
    -fno-pch-timestamp
    -O0
    -MD
    -MF
    out/tmp/all.pch-5bc2ea0dfb.d
    -x
    c-header
    -c
    inc/all.h
    -o
    out/pch/all.pch

    -fdiagnostics-color=always
    -fmessage-length=0
    -ffile-prefix-map=<ws!>=.
    -ffile-prefix-map=<tc.host!>=/tc.host
    -include-pch
    out/pch/all.pch
    -O0
    -MD
    -MF
    out/tmp/a.c.o-d87b62794c.d
    -c
    a.c
    -o
    out/obj/a.c.o
    ");
}

#[test]
fn a_command_for_others_asks_for_no_depfile() {
    let mut project = Project::new();
    let mut toolchain = project.toolchain("gcc");
    let mut compile = project.compile("a.c", Language::C);
    // The person's own word that looks alike stays.
    compile.flags = vec!["-DX".into(), "-Xassembler".into(), "--warn".into()];
    let action = project.compiled(&mut toolchain, &compile);
    assert_eq!(action.discovery.depfiles.len(), 2);
    let words: Vec<_> = without_depfiles(&action).into_iter().cloned().collect();
    let cut = Action { argv: words, ..action };
    assert!(
        project.shown(&cut).ends_with("-DX\n-Xassembler\n--warn\n-c\na.c\n-o\nout/obj/a.c.o"),
        "{}",
        project.shown(&cut)
    );
}
