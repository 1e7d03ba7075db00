//! The same commands in two workspaces: what they make is the same, or holds the workspace's path where the scan of
//! outputs finds it, or is bound before it is made. Nothing differs in silence.

use crate::common::{Project, spec};
use rekindle_fingerprint::action::Action;
use rekindle_testkit::require;
use rekindle_toolchain::Toolchain;
use rekindle_toolchain::request::{Compile, Include, Language, LinkInput, Lto, Precompiled};

/// Two workspaces: the second has everything in its name that means something to a shell, to make, or to gcc.
const PLACES: [&str; 2] = ["ws", "it's a b:c%d$e#f\"é,g"];

/// One with the character that ends the left side of a map.
const EQUALS: &str = "a=b/ws=x";

/// What an output of two runs is.
#[derive(Debug, Clone, PartialEq)]
struct Made {
    name: String,
    bytes: Vec<u8>,
    holds: bool,
    exposed: bool,
}

#[expect(clippy::disallowed_methods, reason = "a test looks at what was written")]
fn made(project: &Project, action: &Action) -> Vec<Made> {
    project.run(action).unwrap_or_else(|said| panic!("{said}"));
    let place = project.base.as_os_str().as_encoded_bytes();
    let base = project.dir.path().canonicalize().unwrap();
    let base = base.as_os_str().as_encoded_bytes();
    let one = |output: &_| {
        let bytes = std::fs::read(project.files.abs(*output)).unwrap();
        let holds = |path: &[u8]| bytes.windows(path.len()).any(|part| part == path);
        let name = project.files.show(*output);
        // A part of the path that the scan does not find would be worse than all of it.
        let holds = holds(place) || holds(base);
        Made { name, holds, bytes, exposed: action.exposed.iter().any(|exposure| exposure.always) }
    };
    action.outputs.iter().map(one).collect()
}

/// What `build` makes in each of the places, in a word for each output; what differs in silence fails.
fn compared(cc: &str, places: &[&str], build: impl Fn(&mut Project, &mut Toolchain) -> Vec<Made>) -> String {
    let mut all = Vec::new();
    for place in places {
        let mut project = Project::named(place);
        for (name, text) in [
            ("src/a.c", "#include <stddef.h>\n#include \"x.h\"\nint f(int n) { return n + x(__FILE__); }\n"),
            (
                "inc/x.h",
                "#pragma once\nstatic inline int x(const char *name) { return name[0] + __FILE__[1]; }\n",
            ),
            ("src/b.cpp", "#include \"x.h\"\nint g() { return x(__FILE__); }\n"),
            ("s.S", "#include \"y.inc\"\n.text\n.globl s\ns: .long 1\n.include \"z.inc\"\n"),
            ("inc/y.inc", "#define Y 1\n"),
            ("z.inc", ".long 2\n"),
            ("main.c", "int f(int n); int main(int n, char **v) { (void) v; return f(n) > 7000; }\n"),
        ] {
            project.write(name, text);
        }
        let mut toolchain = project.resolve(&spec(cc)).unwrap();
        all.push(build(&mut project, &mut toolchain));
    }
    let (first, others) = all.split_first().unwrap();
    let mut words = Vec::new();
    for (at, one) in first.iter().enumerate() {
        let same = others.iter().all(|other| other[at].bytes == one.bytes);
        let bound = one.exposed && others.iter().all(|other| other[at].exposed);
        let found = one.holds && others.iter().all(|other| other[at].holds);
        let word = match (same, bound, found) {
            (true, false, false) => "same",
            (_, true, false) => "bound",
            (false, true, true) => "bound, and holds the path",
            (false, false, true) => "holds the path",
            _ => "DIFFERS IN SILENCE",
        };
        words.push(format!("{}: {word}", one.name));
    }
    let words = words.join("\n");
    assert!(!words.contains("SILENCE"), "{cc}\n{words}");
    words
}

/// A compile of each language with these flags.
fn objects(project: &mut Project, toolchain: &mut Toolchain, flags: &[&str], lto: Lto) -> Vec<Made> {
    let sources = [("src/a.c", Language::C), ("src/b.cpp", Language::Cxx), ("s.S", Language::AssemblerCpp)];
    let mut all = Vec::new();
    for (source, language) in sources {
        let compile = compile(project, source, language, flags, lto);
        let action = project.compiled(toolchain, &compile);
        assert_eq!(action.local, None, "{flags:?}");
        all.extend(made(project, &action));
    }
    all
}

fn compile(project: &mut Project, source: &str, language: Language, flags: &[&str], lto: Lto) -> Compile {
    let mut compile = project.compile(source, language);
    compile.includes = vec![Include::Normal(project.path("inc"))];
    compile.flags = flags.iter().map(|flag| (*flag).into()).collect();
    compile.mode.lto = lto;
    compile
}

/// An object file, and a program of it; both with debug information.
fn program(project: &mut Project, toolchain: &mut Toolchain, flags: &[&str], lto: Lto) -> Vec<Made> {
    let mut objects = Vec::new();
    let mut all = Vec::new();
    for source in ["src/a.c", "main.c"] {
        let mut compile = compile(project, source, Language::C, &["-O1"], lto);
        compile.mode.debug = true;
        let action = project.compiled(toolchain, &compile);
        all.extend(made(project, &action));
        objects.push(LinkInput::File(action.outputs[0]));
    }
    let mut link = project.link("p", Language::C);
    link.inputs = objects;
    link.mode.lto = lto;
    link.flags = ["-g"].iter().chain(flags).map(|flag| (*flag).into()).collect();
    if lto == Lto::Off {
        // With bytecode, it names temporary files.
        link.flags.push("-Wl,-Map=out/p.map".into());
    }
    let action = project.linked(toolchain, &link);
    all.extend(made(project, &action));
    all
}

fn table(cc: &str, rows: &[(&[&str], Lto)]) -> String {
    let mut text = Vec::new();
    for (flags, lto) in rows {
        let words = compared(cc, &PLACES, |project, toolchain| objects(project, toolchain, flags, *lto));
        text.push(format!("{flags:?} {lto:?}\n{words}"));
    }
    text.join("\n\n")
}

#[test]
fn side_files_of_gcc_are_the_same_or_bound() {
    if !require("g++") {
        return;
    }
    let rows: [(&[&str], Lto); 8] = [
        (&["-g", "-gsplit-dwarf"], Lto::Off),
        (&["-g3", "-gz"], Lto::Off),
        (&["-fstack-usage", "-fcallgraph-info"], Lto::Off),
        (&["-save-temps"], Lto::Off),
        (&["-g", "-save-temps"], Lto::Off),
        (&["--coverage"], Lto::Off),
        (&["-g", "-O2"], Lto::Full),
        (&["-fsanitize=undefined,address", "-g"], Lto::Off),
    ];
    insta::assert_snapshot!(table("gcc", &rows));
}

#[test]
fn side_files_of_clang_are_the_same_or_bound() {
    if !require("clang") {
        return;
    }
    let rows: [(&[&str], Lto); 7] = [
        (&["-g", "-gsplit-dwarf"], Lto::Off),
        (&["-g3", "-gz"], Lto::Off),
        (&["-fstack-usage"], Lto::Off),
        (&["-g", "-save-temps"], Lto::Off),
        (&["--coverage"], Lto::Off),
        (&["-g", "-O2"], Lto::Thin),
        (&["-fsanitize=undefined,address", "-g"], Lto::Off),
    ];
    insta::assert_snapshot!(table("clang", &rows));
}

#[test]
fn side_files_of_an_old_gcc_are_the_same_or_bound() {
    if !require("avr-gcc") {
        return;
    }
    let rows: [(&[&str], Lto); 5] = [
        (&["-g", "-mmcu=atmega328p"], Lto::Off),
        (&["-g3", "-gdwarf-4"], Lto::Off),
        (&["-fstack-usage", "-g"], Lto::Off),
        (&["-g", "-save-temps"], Lto::Off),
        (&["-g", "-Os"], Lto::Full),
    ];
    insta::assert_snapshot!(table("avr-gcc", &rows));
}

#[test]
fn programs_with_debug_information_are_the_same_also_by_way_of_bytecode() {
    for (cc, flags, modes) in [
        ("gcc", &[][..], &[Lto::Off, Lto::Full][..]),
        ("clang", &["-fuse-ld=lld"], &[Lto::Off, Lto::Full, Lto::Thin]),
        ("avr-gcc", &["-mmcu=atmega328p"], &[Lto::Off, Lto::Full]),
    ] {
        if !require(cc) || (cc == "clang" && !require("ld.lld")) {
            return;
        }
        for lto in modes {
            let words = compared(cc, &PLACES, |project, toolchain| program(project, toolchain, flags, *lto));
            assert!(words.lines().all(|line| line.ends_with(": same")), "{cc} {lto:?}\n{words}");
        }
    }
}

#[test]
fn a_workspace_whose_name_no_map_can_hold_makes_the_same_objects() {
    for cc in ["gcc", "clang", "avr-gcc"] {
        if !require(cc) {
            return;
        }
        for lto in [Lto::Off, Lto::Full] {
            let places = [EQUALS, "c=d"];
            let words = compared(cc, &places, |project, toolchain| objects(project, toolchain, &["-g"], lto));
            assert!(words.lines().all(|line| line.ends_with(": same")), "{cc} {lto:?}\n{words}");
        }
    }
}

#[test]
fn precompiled_headers_and_what_is_compiled_with_them() {
    let mut text = Vec::new();
    for (cc, ending) in [("gcc", "h.gch"), ("clang", "pch")] {
        if !require(cc) {
            return;
        }
        let build = |project: &mut Project, toolchain: &mut Toolchain| {
            let mut make = compile(project, "inc/x.h", Language::C, &["-g"], Lto::Off);
            make.makes_precompiled = true;
            make.object = project.path(&format!("out/pch/x.{ending}"));
            let action = project.compiled(toolchain, &make);
            let mut all = made(project, &action);
            let mut user = compile(project, "src/a.c", Language::C, &["-g"], Lto::Off);
            user.precompiled = Some(Precompiled { product: make.object, header: make.source });
            let action = project.compiled(toolchain, &user);
            all.extend(made(project, &action));
            // gcc's differ from run to run, so that all is well if the path is in neither.
            if cc == "gcc" {
                all[0].bytes.clear();
            }
            all
        };
        text.push(format!("{cc}\n{}", compared(cc, &PLACES, build)));
    }
    insta::assert_snapshot!(text.join("\n\n"));
}
