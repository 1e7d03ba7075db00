//! A person's flags: which files they read and write, what is refused, and what nobody knows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::common::Project;
use rekindle_fingerprint::action::{Action, Arg};
use rekindle_fingerprint::consult::{self, Question};
use rekindle_toolchain::request::{Language, LinkInput};
use rekindle_toolchain::{BuildError, FlagError, Toolchain};

fn args(flags: &[&str]) -> Vec<Arg> {
    flags.iter().map(|flag| Arg::text(*flag)).collect()
}

struct Asked {
    project: Project,
    toolchain: Toolchain,
}

impl Asked {
    fn new() -> Self {
        let mut project = Project::new();
        for name in ["a.c", "x.h", "s.specs", "p.so", "v.map", "l.ld", "list.txt", "obj.o", "data"] {
            project.write(name, "");
        }
        let toolchain = project.toolchain("gcc");
        Self { project, toolchain }
    }

    fn try_compile(&mut self, flags: Vec<Arg>) -> Result<Action, FlagError> {
        let mut compile = self.project.compile("a.c", Language::C);
        compile.flags = flags;
        let cwd = self.project.cwd();
        let project = &mut self.project;
        let built = self.toolchain.learning(
            &mut project.files,
            &mut project.memo,
            &mut project.prober,
            |toolchain, files| toolchain.compile(files, &compile, cwd),
        );
        built.map_err(|error| match error {
            BuildError::Flag(error) => error,
            BuildError::Toolchain(error) => panic!("{error}"),
        })
    }

    fn compile(&mut self, flags: &[&str]) -> Action {
        self.try_compile(args(flags)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn link(&mut self, flags: &[&str]) -> Action {
        let mut link = self.project.link("p", Language::C);
        link.flags = args(flags);
        link.inputs = vec![LinkInput::Flag("data".into())];
        self.project.linked(&mut self.toolchain, &link)
    }

    fn inputs(&self, action: &Action) -> String {
        let mut names: Vec<_> = action.inputs.iter().map(|id| self.project.files.show(*id)).collect();
        names.sort();
        names.join(" ")
    }

    fn outputs(&self, action: &Action) -> String {
        action.outputs.iter().map(|id| self.project.files.show(*id)).collect::<Vec<_>>().join(" ")
    }

    fn refused(&mut self, flags: &[&str]) -> String {
        self.try_compile(args(flags)).unwrap_err().to_string()
    }
}

#[test]
fn files_that_flags_name_are_inputs() {
    let mut asked = Asked::new();
    let rows = [
        (vec!["-include", "x.h"], "a.c x.h"),
        (vec!["-includex.h"], "a.c x.h"),
        (vec!["-imacros", "x.h"], "a.c x.h"),
        (vec!["-fplugin=./p.so"], "a.c p.so"),
        (vec!["-DNAME=x.h"], "a.c x.h"),
        (vec!["-D", "NAME=x.h"], "a.c x.h"),
        (vec!["-Wa,--defsym,x=1,list.txt"], "a.c list.txt"),
        (vec!["-Wp,-include,x.h"], "a.c x.h"),
        (vec!["-Xpreprocessor", "-includex.h"], "a.c x.h"),
        (vec!["-fauto-profile=data"], "a.c data"),
        (vec!["-include", "no-such.h"], "a.c"),
        (vec!["-fno-such=list.txt"], "a.c list.txt"),
    ];
    for (flags, expected) in rows {
        let action = asked.compile(&flags);
        assert_eq!(asked.inputs(&action), expected, "{flags:?}");
    }
    let action = asked.link(&[
        "-Wl,--version-script=v.map",
        "-T",
        "l.ld",
        "-Wl,--retain-symbols-file,list.txt",
        "obj.o",
    ]);
    assert_eq!(asked.inputs(&action), "data l.ld list.txt obj.o v.map");
    let action = asked.link(&["-Xlinker", "--dynamic-list", "-Xlinker", "list.txt", "-Wl,-T,l.ld"]);
    assert_eq!(asked.inputs(&action), "data l.ld list.txt");
}

#[test]
fn files_that_flags_write_are_outputs() {
    let mut asked = Asked::new();
    let action = asked.link(&["-Wl,-Map=out/p.map"]);
    assert_eq!(asked.outputs(&action), "build:bin/p build:p.map");
    let action = asked.link(&["-Wl,--gc-sections,-Map,out/p.map,-O1"]);
    assert_eq!(asked.outputs(&action), "build:bin/p build:p.map");
    assert!(asked.project.shown(&action).contains("-Wl,--gc-sections,-Map,out/p.map,-O1"));
    assert_eq!(action.local, None);
    let action = asked.compile(&["-aux-info", "out/a.X"]);
    assert_eq!(asked.outputs(&action), "build:obj/a.c.o build:a.X");
}

#[test]
fn a_flag_that_nobody_knows_makes_the_action_local_and_is_named() {
    let mut asked = Asked::new();
    let rows = [
        (vec!["-fxyz"], "flag `-fxyz` is not in the table of gcc"),
        (vec!["-O2", "-frob", "-fxyz"], "flag `-frob` is not in the table of gcc"),
        (vec!["-Wa,--frob"], "flag `--frob` is not in the table of the assembler"),
        (vec!["-Wp,-frob"], "flag `-frob` is not in the table of gcc"),
        (vec!["-wrapper", "gdb,--args"], "flag `-wrapper`: it runs the compiler's programs through another"),
        (vec!["-fdump-tree-all"], "flag `-fdump-tree-all`: it writes files whose names are not known before"),
    ];
    for (flags, expected) in rows {
        assert_eq!(asked.compile(&flags).local.as_deref(), Some(expected), "{flags:?}");
    }
    let action = asked.link(&["-Wl,--frobnicate"]);
    assert_eq!(action.local.as_deref(), Some("flag `--frobnicate` is not in the table of the linker"));
    let known = [
        "-O2",
        "-Wall",
        "-Wno-unused",
        "-fPIC",
        "-fno-exceptions",
        "-std=gnu11",
        "-mavx2",
        "-ggdb3",
        "-pipe",
        "-DA=\"b\"",
        "-UX",
        "--param=ssp-buffer-size=4",
        "-fstack-protector-strong",
        "-fvisibility=hidden",
        "-D_FORTIFY_SOURCE=2",
        "-Werror=format-security",
        "-funroll-loops",
        "-ffast-math",
        "-pthread",
        "-fopenmp",
        "-fsanitize=address,undefined",
        "-Wa,--noexecstack",
        "-Wa,-mrelax-relocations=no",
        "-gdwarf-4",
        "-g3",
    ];
    assert_eq!(asked.compile(&known).local, None);
    let known = [
        "-Wl,--gc-sections",
        "-Wl,-z,relro,-z,now",
        "-Wl,--as-needed",
        "-Wl,-rpath,/opt/x",
        "-rdynamic",
        "-s",
        "-Wl,--build-id=sha1",
        "-Wl,--hash-style=gnu",
        "-Wl,--start-group",
        "-lm",
        "-Wl,--end-group",
        "-static-libgcc",
        "-Wl,-Bstatic",
        "-l",
        "z",
        "-Wl,-soname,x.so",
        "-Wl,--wrap=malloc",
        "-u",
        "main",
        "-Wl,-e,main",
        "-no-pie",
        "-Wl,--print-memory-usage",
        "-nostartfiles",
        "-Wl,--defsym=a=1",
        "-Wl,-O1,--sort-common",
        "-pie",
    ];
    assert_eq!(asked.link(&known).local, None);
}

#[test]
fn what_rekindle_does_itself_is_refused() {
    let mut asked = Asked::new();
    insta::assert_snapshot!(asked.refused(&["-o", "x"]), @"the flag `-o` cannot be used: rekindle names the product");
    insta::assert_snapshot!(asked.refused(&["-MF", "x"]), @"the flag `-MF` cannot be used: rekindle asks for the depfile itself");
    insta::assert_snapshot!(asked.refused(&["-E"]), @"the flag `-E` cannot be used: rekindle picks what the compiler does");
    insta::assert_snapshot!(asked.refused(&["-xc++"]), @"the flag `-xc++` cannot be used: the language follows from the source's extension");
    insta::assert_snapshot!(asked.refused(&["-Wp,-MD,x.d"]), @"the flag `-MD` cannot be used: rekindle asks for the depfile itself");
    insta::assert_snapshot!(asked.refused(&["-Wa,--MD,x.d"]), @"the flag `--MD` cannot be used: rekindle asks for the depfile itself");
    insta::assert_snapshot!(asked.refused(&["-print-search-dirs"]), @"the flag `-print-search-dirs` cannot be used: it asks the compiler something instead of building");
    insta::assert_snapshot!(asked.refused(&["-O2", "-include"]), @"the flag `-include` needs a value behind it");
    insta::assert_snapshot!(asked.refused(&["b.c"]), @"
    `b.c` is not a flag
      sources and libraries have their own places in the manifest
    ");
    insta::assert_snapshot!(asked.refused(&["@no-such.rsp"]).replace(asked.project.base.to_str().unwrap(), "WS"), @"cannot read the response file WS/no-such.rsp: No such file or directory (os error 2)");
    insta::assert_snapshot!(asked.refused(&["-Wl,@no-such.rsp"]).replace(asked.project.base.to_str().unwrap(), "WS"), @"cannot read the response file WS/no-such.rsp: No such file or directory (os error 2)");
    asked.project.write("out/made.rsp", "-DA");
    insta::assert_snapshot!(asked.refused(&["@out/made.rsp"]).replace(asked.project.base.to_str().unwrap(), "WS"), @"
    the response file WS/out/made.rsp is in the build directory, where it may change while it is used
      keep it among the sources
    ");
    asked.project.write("loop.rsp", "@loop.rsp");
    insta::assert_snapshot!(asked.refused(&["@loop.rsp"]).replace(asked.project.base.to_str().unwrap(), "WS"), @"the response file WS/loop.rsp is nested too deeply");
}

#[test]
fn a_linker_flag_that_rekindle_gives_itself_is_named_and_not_its_value() {
    let mut project = Project::new();
    let toolchain = project.toolchain("gcc");
    for flags in [&["-Wl,-s,-o,x"][..], &["-Xlinker", "-o"]] {
        let mut link = project.link("p", Language::C);
        link.flags = args(flags);
        let cwd = project.cwd();
        let refused = toolchain.link(&mut project.files, &link, cwd).unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"the flag `-o` cannot be used: rekindle names the product");
        }
    }
}

#[test]
fn a_define_that_asks_which_files_there_are_is_refused() {
    let mut asked = Asked::new();
    insta::assert_snapshot!(asked.refused(&["-DHAS=__has_include"]), @"
    the define `HAS=__has_include` asks which files there are
      write `#define` into a header instead, and include that
    ");
    let refused = [
        &["-D", "HAS(x)=__has_include_next(x)"][..],
        &["--define-macro=HAS=__has_embed"],
        &["-Wp,-DHAS=__has_include"],
        &["-Xpreprocessor", "-DHAS=__has_include"],
        &["-D__has_include(x)=0"],
    ];
    for flags in refused {
        let said = asked.refused(flags);
        assert!(said.contains("asks which files there are"), "{flags:?}: {said}");
    }
    let mut compile = asked.project.compile("a.c", Language::C);
    compile.defines = vec!["HAS=__has_include".into()];
    let cwd = asked.project.cwd();
    let refused = asked.toolchain.compile(&mut asked.project.files, &compile, cwd).unwrap_err();
    assert!(matches!(refused, FlagError::Define { .. }), "{refused}");
    assert_eq!(asked.compile(&["-DHAS_INCLUDE=1", "-U__has_include"]).local, None);
}

#[test]
fn paths_of_the_workspace_are_named_however_they_are_spelled() {
    let mut asked = Asked::new();
    let base = asked.project.base.to_str().unwrap().to_string();
    let (header, directory) = (format!("{base}/x.h"), format!("-I{base}/inc"));
    let map = format!("-fmacro-prefix-map={base}/src=src");
    let action = asked.compile(&["-include", &header, &directory, "-I", "./more/../inc2", &map]);
    let shown = asked.project.shown(&action);
    assert!(!shown.contains(&base), "{shown}");
    assert!(
        shown.contains("-include\nx.h\n-Iinc\n-I\n./inc2\n-fmacro-prefix-map=<ws!>/src=src\n"),
        "{shown}"
    );
}

#[test]
fn response_files_are_opened_in_their_place() {
    let mut asked = Asked::new();
    asked.project.write("one.rsp", "-DB @two.rsp -DD");
    asked.project.write("two.rsp", "'-DC=with space'");
    let action = asked.compile(&["-DA", "@one.rsp", "-DE"]);
    assert!(asked.project.shown(&action).contains("-DA\n-DB\n-DC=with space\n-DD\n-DE\n"));
    assert_eq!(asked.inputs(&action), "a.c one.rsp two.rsp");
}

#[test]
fn response_files_that_other_programs_read_are_opened_in_their_place() {
    let mut asked = Asked::new();
    asked.project.write("one.rsp", "@two.rsp -I 'inc'");
    asked.project.write("two.rsp", "-DC=1");
    asked.project.write("comma.rsp", "-DC=a,b ''");
    asked.project.write("empty.rsp", "");
    let rows = [
        ("-Wp,-DA,@one.rsp,-DB", "-Wp,-DA,-DC=1,-I,inc,-DB\n", "a.c one.rsp two.rsp"),
        (
            "-Wp,-DA,@comma.rsp",
            "-Xpreprocessor\n-DA\n-Xpreprocessor\n-DC=a,b\n-Xpreprocessor\n\n",
            "a.c comma.rsp",
        ),
        ("-Wa,@one.rsp", "-Wa,-DC=1,-I,inc\n", "a.c one.rsp two.rsp"),
        ("-Wp,@", "-Wp,@\n", "a.c"),
        ("-fno-such=@one.rsp", "-fno-such=@one.rsp\n", "a.c one.rsp"),
    ];
    for (flag, expected, inputs) in rows {
        let action = asked.compile(&["-O1", flag, "-O2"]);
        let shown = asked.project.shown(&action);
        assert!(shown.contains(&format!("-O1\n{expected}-O2\n")), "{flag}: {shown}");
        assert_eq!(asked.inputs(&action), inputs, "{flag}");
    }
    let action = asked.compile(&["-O1", "-Wp,@empty.rsp", "-O2"]);
    assert!(asked.project.shown(&action).contains("-O1\n-O2\n"));
    asked.project.write("l.rsp", "-Map=out/p.map --version-script v.map --frobnicate");
    let action = asked.link(&["-Wl,--gc-sections,@l.rsp"]);
    assert_eq!(asked.inputs(&action), "data l.rsp v.map");
    assert_eq!(asked.outputs(&action), "build:bin/p build:p.map");
    assert_eq!(action.local.as_deref(), Some("flag `--frobnicate` is not in the table of the linker"));
}

#[test]
fn names_that_are_not_utf8_are_kept() {
    let mut asked = Asked::new();
    let odd = OsStr::from_bytes(b"od\xffd.h");
    let path = asked.project.base.join(odd);
    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    std::fs::write(&path, "").unwrap();
    let action = asked.try_compile(vec!["-include".into(), Arg::text(odd)]).unwrap();
    assert!(action.inputs.iter().any(|id| asked.project.files.abs(*id) == path));
    assert!(asked.project.argv(&action).iter().any(|word| word == odd));
}

#[test]
fn the_processors_digest_is_that_of_its_part() {
    let mut asked = Asked::new();
    let action = asked.compile(&["-march=native"]);
    let parts = &action.identity.as_ref().unwrap().parts;
    let found: Vec<_> =
        parts.iter().filter(|part| part.name == "processor").map(|part| part.digest).collect();
    assert_eq!(found, [rekindle_toolchain::processor()]);
}

#[test]
fn what_flags_ask_of_the_disk_is_written_down_but_not_whether_an_output_is_there_already() {
    let mut asked = Asked::new();
    let base = asked.project.base.clone();
    let mut questions = |link: bool, flags: &[&str]| {
        consult::begin();
        let _action = if link { asked.link(flags) } else { asked.compile(flags) };
        let record = consult::end().unwrap();
        let own = record.iter().filter(|(_, question, _)| *question != Question::Target);
        let own = own.filter_map(|(path, question, _)| Some((path.strip_prefix(&base).ok()?, question)));
        let mut own: Vec<_> = own.map(|(path, question)| (path.display().to_string(), question)).collect();
        own.sort();
        own
    };
    let what = |names: &[&str]| -> Vec<(String, Question)> {
        names.iter().map(|name| (name.to_string(), Question::What)).collect()
    };
    let precompiled = |name: &str, all: &[&str]| {
        let beside = [".gch", ".h.gch", ".h.pch", ".pch"].map(|ending| format!("{name}{ending}"));
        let mut all: Vec<&str> = beside.iter().map(String::as_str).chain(all.iter().copied()).collect();
        all.sort_unstable();
        what(&all)
    };
    assert_eq!(questions(false, &["-include", "x.h"]), precompiled("x", &["x.h"]));
    assert_eq!(questions(false, &["-include", "out/gen.h"]), precompiled("out/gen", &[]));
    assert_eq!(questions(true, &["-Wl,--version-script=v.map"]), what(&["v.map"]));
    assert_eq!(questions(true, &["-Wl,--version-script=out/v.map"]), []);
}

#[test]
fn a_processor_that_is_asked_for_is_in_the_identity_and_so_are_programs_that_flags_bring_in() {
    let mut asked = Asked::new();
    let parts = |action: &Action| -> Vec<String> {
        action.identity.as_ref().unwrap().parts.iter().map(|part| part.name.clone()).collect()
    };
    let plain = parts(&asked.compile(&[]));
    let has = |flags: &[&str], name: &str, asked: &mut Asked| {
        parts(&asked.compile(flags)).iter().any(|part| part == name)
    };
    assert!(!plain.iter().any(|part| part == "processor" || part == "objcopy"));
    assert!(has(&["-march=native"], "processor", &mut asked));
    assert!(has(&["-mtune=native"], "processor", &mut asked));
    assert!(!has(&["-march=x86-64"], "processor", &mut asked));
    assert!(has(&["-g", "-gsplit-dwarf"], "objcopy", &mut asked));
    asked.project.write("s.specs", "*one_more:\n-DA\n\n");
    assert!(has(&["-specs=s.specs"], "s.specs", &mut asked));
    let link = asked.link(&["-fopenmp"]);
    assert!(asked.inputs(&link).contains("libgomp.spec"));
}

#[test]
fn another_linker_is_another_identity() {
    let mut asked = Asked::new();
    let plain = asked.link(&[]);
    let gold = asked.link(&["-fuse-ld=gold"]);
    let parts: Vec<_> = gold.identity.as_ref().unwrap().parts.iter().map(|part| part.name.as_str()).collect();
    assert!(parts.contains(&"ld.gold"), "{parts:?}");
    assert_ne!(plain.identity, gold.identity);
    // gold writes no depfile, so its trace is read.
    assert!(asked.project.shown(&gold).ends_with("-Wl,-t"));
}

#[test]
fn profiles_that_are_read_if_they_are_there_are_known_by_name() {
    let names = |compiler: &str, version: &str, flags: &[&str]| {
        if !rekindle_testkit::require(compiler) {
            return version.to_string();
        }
        let mut asked = Asked::new();
        asked.project.forget();
        asked.toolchain = asked.project.toolchain(compiler);
        asked.project.write("merged", "");
        asked.project.write("dir/x", "");
        let action = asked.compile(flags);
        let base = asked.project.base.to_str().unwrap().replace('/', "#");
        let maybe = action.discovery.maybe.iter().map(|id| asked.project.files.show(*id).replace(&base, "W"));
        let mut maybe: Vec<String> = maybe.collect();
        maybe.sort();
        let inputs: Vec<_> = action.inputs[1..].iter().map(|id| asked.project.files.show(*id)).collect();
        format!("{} | {} | {}", maybe.join(" "), inputs.join(" "), action.local.unwrap_or_default())
    };
    let gcc =
        |flags: &[&str], expected: &str| assert_eq!(names("gcc", expected, flags), expected, "{flags:?}");
    let beside = "build:obj/a.c.gcda |  | ";
    gcc(&["-O2", "-fprofile-dir=dir"], " |  | ");
    gcc(&["-fprofile-use"], beside);
    gcc(&["-fbranch-probabilities"], beside);
    gcc(&["-fprofile-use", "-flto"], beside);
    gcc(&["-fauto-profile"], "fbdata.afdo |  | ");
    gcc(&["-fprofile-use=merged"], " | merged | ");
    let apart = "dir/#proc#self#cwd#out#obj#a.c.gcda dir/W#out#obj#a.c.gcda dir/out/obj/a.c.gcda";
    gcc(&["-fprofile-use=dir"], &format!("{apart} |  | profiles are searched in dir"));
    let clang =
        |flags: &[&str], expected: &str| assert_eq!(names("clang", expected, flags), expected, "{flags:?}");
    clang(&["-fprofile-use"], "default.profdata |  | ");
    clang(&["-fprofile-instr-use"], "default.profdata |  | ");
    clang(&["-fprofile-use="], "default.profdata |  | ");
    clang(&["-fprofile-use=dir"], "dir/default.profdata |  | ");
    clang(&["-fprofile-use=merged"], " | merged | ");
}

#[test]
fn what_the_linkers_plugin_is_told_is_followed_or_stays_here() {
    let mut asked = Asked::new();
    let rows = [
        ("-Wl,-plugin-opt=sample-profile=list.txt", "data list.txt", false),
        ("-Wl,-plugin-opt=-pass-through=-lgcc", "data", false),
        ("-Wl,-plugin-opt=O2", "data", false),
        ("-Wl,-plugin-opt,jobs=2", "data", false),
        ("-Wl,-plugin-opt,save-temps", "data", true),
        ("-Wl,-plugin-opt=stats-file=list.txt", "data", true),
        ("-Wl,-plugin-opt=-x=list.txt", "data list.txt", true),
        ("-Wl,-plugin-opt=dwo_dir=dir", "data", true),
        ("-Wl,-mllvm,-x=list.txt", "data list.txt", true),
        ("-Wl,--defsym=x=list.txt", "data list.txt", false),
    ];
    for (flag, inputs, local) in rows {
        let action = asked.link(&[flag]);
        assert_eq!((asked.inputs(&action).as_str(), action.local.is_some()), (inputs, local), "{flag}");
    }
}
