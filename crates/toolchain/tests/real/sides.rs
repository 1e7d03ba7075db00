//! Side files: each one that a compiler writes beside an object is an output of the action, and nothing else is.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::common::Project;
use rekindle_testkit::require;
use rekindle_toolchain::request::Language;

fn names_in(project: &Project, directory: &str) -> BTreeSet<OsString> {
    #[expect(clippy::disallowed_methods, reason = "a test looks at what was written")]
    let Ok(entries) = std::fs::read_dir(project.base.join(directory)) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

fn check(cc: &str, flags: &str, sources: &[(&str, Language)]) {
    let mut project = Project::new();
    let mut toolchain = project.toolchain(cc);
    let place = flags.replace(' ', "");
    for (source, language) in sources {
        let text = match language {
            Language::C | Language::Cxx => "int f(int a) { return 2 * a; }\n",
            _ => ".text\nf: .long 7\n",
        };
        project.write(source, text);
        let before = names_in(&project, "");
        let mut compile = project.compile(source, *language);
        compile.object = project.path(&format!("out/x{place}/{source}/x.{source}.o"));
        compile.flags = flags.split(' ').map(Into::into).collect();
        let action = project.compiled(&mut toolchain, &compile);
        project.run(&action).unwrap_or_else(|said| panic!("{said}"));
        let declared: BTreeSet<OsString> = action
            .outputs
            .iter()
            .map(|output| project.files.rel(*output).file_name().unwrap().to_os_string())
            .collect();
        let written = names_in(&project, &format!("out/x{place}/{source}"));
        if action.local.is_none() {
            assert_eq!(declared, written, "{cc} {flags} {source}");
        } else {
            assert!(declared.is_subset(&written), "{cc} {flags} {source}: {declared:?} {written:?}");
        }
        assert_eq!(names_in(&project, ""), before, "{cc} {flags} {source}");
    }
}

const SOURCES: [(&str, Language); 4] = [
    ("a.c", Language::C),
    ("b.cpp", Language::Cxx),
    ("c.S", Language::AssemblerCpp),
    ("d.s", Language::Assembler),
];

const FLAGS: [&str; 12] = [
    "-O2",
    "-g -gsplit-dwarf",
    "-gsplit-dwarf",
    "-gsplit-dwarf -g0",
    "-gsplit-dwarf -g -flto",
    "-fstack-usage",
    "-fstack-usage -flto",
    "--coverage",
    "-ftest-coverage -fprofile-arcs",
    "--coverage -flto",
    "-save-temps=obj",
    "-save-temps",
];

#[test]
fn what_gcc_writes_beside_an_object_is_declared() {
    if !require("g++") {
        return;
    }
    for flags in FLAGS.into_iter().chain(["-fcallgraph-info", "-fsave-optimization-record -O2"]) {
        check("gcc", flags, &SOURCES);
    }
}

#[test]
fn what_clang_writes_beside_an_object_is_declared() {
    if !require("clang") {
        return;
    }
    for flags in
        FLAGS.into_iter().chain(["-ftime-trace", "-fsave-optimization-record -O2", "-save-temps=obj -flto"])
    {
        check("clang", flags, &SOURCES);
    }
}

#[test]
fn what_an_old_gcc_writes_beside_an_object_is_declared() {
    if !require("avr-gcc") {
        return;
    }
    for flags in FLAGS {
        check("avr-gcc", flags, &SOURCES);
    }
}
