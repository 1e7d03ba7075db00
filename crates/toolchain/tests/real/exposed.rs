//! Which results are bound before their commands run: nothing of an ordinary build, and whatever carries a path that no
//! map takes away.
#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

use crate::common::{Project, spec};
use rekindle_fingerprint::action::{Action, Exposure};
use rekindle_fingerprint::roots::Root;
use rekindle_fingerprint::scan::Mentions;
use rekindle_testkit::require;
use rekindle_toolchain::Toolchain;
use rekindle_toolchain::request::{Include, Language, Link, LinkInput, Lto};

/// The exposures of an action, one a line: the root, whether in every result, and the argument.
fn exposed(project: &Project, action: &Action) -> String {
    let line = |exposure: &Exposure| {
        let root = &project.files.roots().get(exposure.root).name;
        format!("{root} {} {}", if exposure.always { "always" } else { "by name" }, exposure.by)
    };
    let mut lines: Vec<String> = action.exposed.iter().map(line).collect();
    lines.sort();
    lines.join("\n")
}

/// A project with the toolchain `cc` and a declared root `sdk` beside the workspace.
fn with_sdk(cc: &str) -> (Project, Toolchain) {
    let mut project = Project::new();
    let sdk = project.dir.path().canonicalize().unwrap().join("more/sdk");
    std::fs::create_dir_all(sdk.join("include")).unwrap();
    std::fs::write(sdk.join("include/sdk.h"), "static inline const char *sdk(void) { return __FILE__; }\n")
        .unwrap();
    project.files.roots_mut().add(Root::new("sdk", sdk)).unwrap();
    project.write("a.c", "#include <sdk.h>\nconst char *f(void) { return sdk(); }\n");
    let toolchain = project.toolchain(cc);
    (project, toolchain)
}

/// A compile of `a.c` that includes from the root `sdk`.
fn of_sdk(project: &mut Project, toolchain: &mut Toolchain, debug: bool, lto: Lto, flags: &[&str]) -> Action {
    let sdk = project.dir.path().canonicalize().unwrap().join("more/sdk/include");
    let mut compile = project.compile("a.c", Language::C);
    compile.includes = vec![Include::Normal(project.path(sdk.to_str().unwrap()))];
    compile.mode.debug = debug;
    compile.mode.lto = lto;
    compile.flags = flags.iter().map(|flag| (*flag).into()).collect();
    project.compiled(toolchain, &compile)
}

#[test]
fn nothing_of_an_ordinary_build_within_a_workspace_is_bound() {
    for cc in ["gcc", "clang", "avr-gcc"] {
        if !require(cc) {
            return;
        }
        let mut project = Project::new();
        let mut toolchain = project.toolchain(cc);
        for lto in [Lto::Off, Lto::Thin, Lto::Full] {
            for debug in [false, true] {
                for (source, language) in
                    [("src/a.c", Language::C), ("a.S", Language::AssemblerCpp), ("a.s", Language::Assembler)]
                {
                    let mut compile = project.compile(source, language);
                    compile.includes = vec![
                        Include::Normal(project.path("include")),
                        Include::System(project.path("out/gen")),
                    ];
                    compile.mode.debug = debug;
                    compile.mode.lto = lto;
                    let action = project.compiled(&mut toolchain, &compile);
                    assert_eq!(exposed(&project, &action), "", "{cc} {lto:?} {debug} {source}");
                }
                let mut link = project.link("p", Language::C);
                link.inputs = vec![LinkInput::File(project.path("out/a.o")), LinkInput::System("m".into())];
                link.run_paths = vec![project.path("out/lib")];
                link.directories = vec![project.path("out/lib")];
                link.mode.lto = lto;
                link.mode.debug = debug;
                let action = project.linked(&mut toolchain, &link);
                assert_eq!(exposed(&project, &action), "", "{cc} {lto:?} {debug}");
            }
        }
    }
}

#[test]
fn what_a_map_covers_is_not_bound_and_what_none_covers_is() {
    for cc in ["gcc", "clang"] {
        if !require(cc) {
            return;
        }
        let (mut project, mut toolchain) = with_sdk(cc);
        for lto in [Lto::Off, Lto::Full] {
            let action = of_sdk(&mut project, &mut toolchain, true, lto, &[]);
            assert_eq!(exposed(&project, &action), "", "{cc} {lto:?}");
        }
        // A person's own map of the same directory is as good; one of a directory above shows what lies below it.
        let sdk = project.dir.path().canonicalize().unwrap().join("more/sdk");
        let whole = format!("-fdebug-prefix-map={}=/s", sdk.display());
        let action = of_sdk(&mut project, &mut toolchain, true, Lto::Off, &[&whole]);
        assert_eq!(exposed(&project, &action), "", "{cc}");
        let above = format!("-ffile-prefix-map={}=/x", project.dir.path().canonicalize().unwrap().display());
        let action = of_sdk(&mut project, &mut toolchain, true, Lto::Off, &[&above]);
        let lines = exposed(&project, &action);
        let roots: Vec<&str> = lines.lines().map(|line| line.split(" -").next().unwrap()).collect();
        assert_eq!(roots, ["build always", "sdk always", "ws always"], "{cc}: {lines}");
        // What runs with a sanitizer tells names of files that no map changed, and in bytecode nobody finds them.
        let action = of_sdk(&mut project, &mut toolchain, false, Lto::Full, &["-fsanitize=undefined"]);
        assert!(exposed(&project, &action).contains("sdk always -fsanitize"), "{cc}");
    }
}

#[test]
fn an_old_gcc_shows_other_roots_by_name_and_with_bytecode_always() {
    if !require("avr-gcc") {
        return;
    }
    let (mut project, mut toolchain) = with_sdk("avr-gcc");
    for (debug, lto, expected) in [
        (false, Lto::Off, "sdk by name -I<sdk>/include"),
        (true, Lto::Off, "sdk by name -I<sdk>/include"),
        (true, Lto::Full, "sdk always -I<sdk>/include"),
    ] {
        let action = of_sdk(&mut project, &mut toolchain, debug, lto, &[]);
        assert_eq!(exposed(&project, &action), expected, "{debug} {lto:?}");
        let made = project.made(&action);
        let sdk = project.dir.path().canonicalize().unwrap().join("more/sdk");
        let sdk = sdk.as_os_str().as_encoded_bytes();
        let holds = made.windows(sdk.len()).any(|part| part == sdk);
        // In bytecode the path is compressed, so that no scan finds it.
        assert_eq!(holds, lto == Lto::Off);
    }
}

#[test]
fn a_root_within_another_is_bound_where_it_is_not_known_which_map_is_taken() {
    for (cc, expected) in [("gcc", ""), ("clang", "outer always -I<sdk>/include\nsdk always -I<sdk>/include")]
    {
        if !require(cc) {
            return;
        }
        let (mut project, mut toolchain) = with_sdk(cc);
        let outer = project.dir.path().canonicalize().unwrap().join("more");
        project.files.roots_mut().add(Root::new("outer", &outer)).unwrap();
        let action = of_sdk(&mut project, &mut toolchain, true, Lto::Off, &[]);
        assert_eq!(exposed(&project, &action), expected, "{cc}");
        let made = project.made(&action);
        let holds = |text: &str| made.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds(outer.to_str().unwrap()));
        assert_eq!(holds("/outer/sdk/include/sdk.h"), cc == "clang", "{cc}");
    }
}

#[test]
fn run_paths_into_another_root_bind_a_link() {
    let (mut project, mut toolchain) = with_sdk("gcc");
    let sdk = project.dir.path().canonicalize().unwrap().join("more/sdk");
    let link = |project: &mut Project| {
        let run_paths = vec![project.path(sdk.to_str().unwrap())];
        let inputs = vec![LinkInput::File(project.path("out/a.o"))];
        Link { run_paths, inputs, ..project.link("p", Language::C) }
    };
    let request = link(&mut project);
    let action = project.linked(&mut toolchain, &request);
    assert_eq!(exposed(&project, &action), "sdk always -Wl,-rpath,<sdk!>");
    project.environment.insert("LD_RUN_PATH".into(), project.base.join("lib").into());
    let mut toolchain = project.toolchain("gcc");
    let request = project.link("p", Language::C);
    let action = project.linked(&mut toolchain, &request);
    assert_eq!(exposed(&project, &action), "ws always LD_RUN_PATH");
}

#[test]
fn objects_whose_program_writes_counters_are_bound_to_the_place_of_these() {
    for cc in ["gcc", "clang"] {
        if !require(cc) {
            return;
        }
        let mut project = Project::new();
        let mut toolchain = project.toolchain(cc);
        project.write("a.c", "int f(int n) { return n + 1; }\n");
        for lto in [Lto::Off, Lto::Full] {
            let mut compile = project.compile("a.c", Language::C);
            compile.flags = vec!["--coverage".into()];
            compile.mode.lto = lto;
            let action = project.compiled(&mut toolchain, &compile);
            let expected = "ws always --coverage";
            assert_eq!(exposed(&project, &action), expected, "{cc} {lto:?}");
            assert!(!action.env.iter().any(|(name, _)| name == "PWD"));
        }
    }
}

#[test]
fn a_date_is_fixed_where_the_compiler_honours_the_variable() {
    let dates = "const char *d = __DATE__ __TIME__;\n";
    let both = Mentions::DATE | Mentions::TIME;
    for (cc, fixed) in [("gcc", both), ("clang", Mentions::default()), ("avr-gcc", Mentions::default())] {
        if !require(cc) {
            return;
        }
        for (value, counts) in [("1000000000", true), ("", false), ("soon", false), ("-1", false)] {
            let mut project = Project::new();
            project.environment.insert("SOURCE_DATE_EPOCH".into(), value.into());
            project.write("a.c", dates);
            let mut toolchain = project.toolchain(cc);
            let compile = project.compile("a.c", Language::C);
            let action = project.compiled(&mut toolchain, &compile);
            let expected = if counts { fixed } else { Mentions::default() };
            assert_eq!(action.discovery.fixed, expected, "{cc} {value:?}");
            if counts {
                let made = project.made(&action);
                let wanted = b"Sep  9 200101:46:40";
                let honoured = made.windows(wanted.len()).any(|part| part == wanted);
                assert_eq!(honoured, !fixed.is_empty(), "{cc}");
            }
        }
        let mut project = Project::new();
        let mut toolchain = project.toolchain(cc);
        let compile = project.compile("a.c", Language::C);
        assert!(project.compiled(&mut toolchain, &compile).discovery.fixed.is_empty());
    }
}

#[test]
fn gcc_takes_the_time_of_a_file_from_the_file_whatever_the_variable_says() {
    let mut project = Project::new();
    project.environment.insert("SOURCE_DATE_EPOCH".into(), "1000000000".into());
    project.write("a.c", "const char *d = __TIMESTAMP__;\n");
    let mut toolchain = project.toolchain("gcc");
    let compile = project.compile("a.c", Language::C);
    let action = project.compiled(&mut toolchain, &compile);
    assert!(!action.discovery.fixed.any(Mentions::TIMESTAMP));
    let made = project.made(&action);
    assert!(!made.windows(4).any(|part| part == b"2001"));
}

#[test]
fn the_libraries_of_programs_are_keyed_for_links_alone() {
    let mut project = Project::new();
    project.environment.insert("LD_LIBRARY_PATH".into(), project.base.join("lib").into());
    let mut toolchain = project.toolchain(&spec("gcc").cc.unwrap());
    let named = |action: &Action| action.env.iter().any(|(name, _)| name == "LD_LIBRARY_PATH");
    let (compile, link) = (project.compile("a.c", Language::C), project.link("p", Language::C));
    assert!(!named(&project.compiled(&mut toolchain, &compile)));
    assert!(named(&project.linked(&mut toolchain, &link)));
}
