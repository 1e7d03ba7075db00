//! What a build reads that nobody tells it: each test hides something, changes it, and holds the next build against a
//! clean one.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::path::Path;
use std::process::Command;

use rekindle_testkit::{Built, Space, require};

/// A project of these files, built by `compiler`, in which a second build finds nothing to do. `lines` are those of
/// its one target, an executable of `main.c`.
#[track_caller]
fn project(compiler: &str, lines: &str, files: &str) -> Space {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.set_env("CC", compiler);
    let manifest = "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]";
    space.write("rekindle.toml", format!("{manifest}\n{lines}\n"));
    space.write_all(files);
    settled(&space);
    space
}

/// Builds, and finds nothing to do a second time.
#[track_caller]
fn settled(space: &Space) -> Built {
    let built = space.build(&[]);
    built.ok();
    space.build(&[]).ok().assert_work("-");
    built
}

/// What was changed is noticed: the program says so, and is what a clean build makes; then there is nothing to do.
#[track_caller]
fn says(space: &Space, text: &str) {
    space.build(&[]).ok();
    assert_eq!(space.prints("app"), text);
    space.assert_like_clean(&[]);
    space.build(&[]).ok().assert_work("-");
}

/// The compilers that are there.
fn compilers() -> impl Iterator<Item = &'static str> {
    ["gcc", "clang"].into_iter().filter(|compiler| require(compiler))
}

const PRINTS_V: &str = "\
=== main.c
#include <stdio.h>
#include <v.h>
int main(void) { printf(\"%d\\n\", V); return 0; }
=== old/v.h
#define V 1
";

#[test]
fn a_header_appears_in_a_directory_that_is_named_in_parts_or_through_another_flag() {
    for compiler in compilers() {
        let mut ways: Vec<&[&str]> = vec![
            &["-iprefix", "ne", "-iwithprefixbefore", "w", "-idirafter", "old"],
            &["-iprefix", "ne", "-iwithprefix", "w", "-idirafter", "old"],
            &["-Xpreprocessor", "-I", "-Xpreprocessor", "new", "-isystem", "old"],
            &["-Xpreprocessor", "-Inew", "-isystem", "old"],
            &["-Wp,-I,new", "-isystem", "old"],
            &["-Wp,-Inew", "-isystem", "old"],
        ];
        if compiler == "clang" {
            ways.push(&["-Xclang", "-internal-isystem", "-Xclang", "new", "-idirafter", "old"]);
            ways.push(&["-Xclang", "-I", "-Xclang", "new", "-isystem", "old"]);
            ways.push(&["-Xclang", "-Inew", "-isystem", "old"]);
        }
        for way in ways {
            let space = project(compiler, &format!("cflags = {way:?}"), PRINTS_V);
            assert_eq!(space.prints("app"), "1", "{way:?}");
            space.write("new/v.h", "#define V 2\n");
            says(&space, "2");
        }
    }
}

#[test]
fn a_directory_counted_from_nowhere_is_refused() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\ncflags = [\"-iwithprefix\", \"w\"]\n");
    space.write("main.c", "int main(void) { return 0; }\n");
    let built = space.build(&[]);
    assert!(built.code != 0);
    built.says("give -iprefix before it, or use -I");
}

#[test]
fn a_library_appears_in_a_directory_that_is_handed_to_the_linker_in_parts() {
    let library = |space: &Space, dir: &str, value: u32| {
        space.mkdir(dir);
        space.write("v.c", format!("int v(void) {{ return {value}; }}\n"));
        let object = space.path("v.o");
        let run =
            |command: &mut Command| assert!(command.current_dir(space.root()).status().unwrap().success());
        run(Command::new("gcc").args(["-c", "v.c", "-o"]).arg(&object));
        run(Command::new("ar").arg("rcsD").arg(space.path(dir).join("libv.a")).arg(&object));
    };
    for compiler in compilers() {
        for way in [
            &["-Xlinker", "-L", "-Xlinker", "new", "-Xlinker", "-L", "-Xlinker", "old"][..],
            &["-Xlinker", "-Lnew", "-Xlinker", "-Lold"],
            &["-Wl,-L,new,-L,old"],
            &["-Wl,-L", "-Wl,new", "-Wl,-Lold"],
        ] {
            let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
            library(&space, "old", 1);
            space.write(
                "main.c",
                "#include <stdio.h>\nint v(void);\nint main(void) { printf(\"%d\\n\", v()); return 0; }\n",
            );
            let flags = [way, &["-lv"]].concat();
            space.write(
                "rekindle.toml",
                format!("[project]\nname = \"p\"\n[toolchain.host]\ncc = {compiler:?}\n[executable.app]\nsources = [\"main.c\"]\nldflags = {flags:?}\n"),
            );
            settled(&space);
            assert_eq!(space.prints("app"), "1", "{way:?}");
            library(&space, "new", 2);
            says(&space, "2");
        }
    }
}

#[test]
fn a_map_that_is_asked_for_word_by_word_is_an_output() {
    let space = project(
        "gcc",
        "ldflags = [\"-Xlinker\", \"-Map\", \"-Xlinker\", \".rekindle/app.map\"]",
        "=== main.c\nint main(void) { return 0; }\n",
    );
    space.remove(".rekindle/app.map");
    assert_eq!(format!("{:?}", space.build(&[]).ok().summary().ran), "1l");
}

#[test]
fn what_appears_below_a_prefix_of_the_compiler_is_searched() {
    let files = PRINTS_V;
    let space = project("gcc", "cflags = [\"-Btools\", \"-idirafter\", \"old\"]", files);
    space.write("tools/include/v.h", "#define V 2\n");
    says(&space, "2");

    // The directory itself is there; the assembler in it appears.
    let space = project("gcc", "cflags = [\"-Btools\", \"-Iold\"]", &format!("{files}=== tools/readme\n"));
    space.write_program("tools/as", "#!/bin/sh\necho ran >> as.log\nexec as \"$@\"\n");
    assert_eq!(format!("{:?}", space.build(&[]).ok().summary().ran), "1c");
    assert!(space.path("as.log").exists());

    // clang does not say that it looks there for what every program is linked with.
    for compiler in compilers() {
        let space = project(
            compiler,
            "ldflags = [\"-Btools\"]",
            &format!("{files}=== tools/readme\n").replace("<v.h>", "\"old/v.h\""),
        );
        let found = Command::new("gcc").arg("-print-file-name=crti.o").output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        std::fs::copy(Path::new(found.trim()), space.path("tools/crti.o")).unwrap();
        assert_eq!(format!("{:?}", space.build(&[]).ok().summary().ran), "1l", "{compiler}");
    }
}

#[test]
fn a_header_of_the_flags_is_searched_as_the_person_spelled_it() {
    for compiler in compilers() {
        let space = project(
            compiler,
            "cflags = [\"-Ifirst/sub\", \"-Isecond/sub\", \"-include\", \"../v.h\"]",
            "\
=== main.c
#include <stdio.h>
int main(void) { printf(\"%d\\n\", V); return 0; }
=== second/v.h
#define V 1
=== second/sub/readme
=== first/sub/readme
",
        );
        assert_eq!(space.prints("app"), "1");
        space.write("first/v.h", "#define V 2\n");
        says(&space, "2");
        std::fs::write(space.base().join("v.h"), "#define V 3\n").unwrap();
        says(&space, "3");
    }
}

#[test]
fn a_name_that_starts_in_the_directory_itself_keeps_doing_so() {
    let space = project("gcc", "", "=== main.c\nint main(void) { return 0; }\n");
    space.write(
        "plug.c",
        "int plugin_is_GPL_compatible;\nint plugin_init(void *a, void *b) { return !(a && b); }\n",
    );
    let made = Command::new("gcc")
        .args(["-shared", "-fPIC", "plug.c", "-o", "x.so"])
        .current_dir(space.root())
        .status();
    assert!(made.unwrap().success());
    space.edit("rekindle.toml", "[\"main.c\"]", "[\"main.c\"]\ncflags = [\"-fplugin=./x.so\"]");
    settled(&space);
}

const INCLUDES_V: &str = "\
=== main.c
#include \"sub/v.h\"
#include <stdio.h>
int main(void) { printf(\"%d\\n\", V); return 0; }
=== second/sub/v.h
#define V 1
=== first/sub/readme
=== other.h
#define V 2
";

#[test]
fn a_precompiled_header_appears_where_the_first_header_is_searched() {
    if !require("gcc") {
        return;
    }
    let precompile = |space: &Space, to: &str| {
        let mut made = Command::new("gcc");
        made.args(["-x", "c-header", "-g", "other.h", "-o", to]);
        assert!(made.current_dir(space.root()).status().unwrap().success());
    };
    for place in ["second/sub/v.h.gch", "first/sub/v.h.gch"] {
        let flags = "cflags = [\"-Ifirst\", \"-Isecond\"]";
        let space = project("gcc", flags, INCLUDES_V);
        assert_eq!(space.prints("app"), "1");
        precompile(&space, place);
        says(&space, "2");
        space.edit("other.h", "2", "3");
        precompile(&space, place);
        says(&space, "3");
        space.remove(place);
        says(&space, "1");

        // A directory of several is never believed.
        let space = project("gcc", flags, INCLUDES_V);
        space.mkdir(place);
        precompile(&space, &format!("{place}/one"));
        space.build(&[]).ok();
        assert_eq!(space.prints("app"), "2");
        space.edit("other.h", "2", "3");
        precompile(&space, &format!("{place}/one"));
        space.build(&[]).ok();
        assert_eq!(space.prints("app"), "3");
    }
    // That of a header that the flags include.
    let space = project(
        "gcc",
        "cflags = [\"-Ifirst\", \"-Isecond\", \"-include\", \"sub/v.h\"]",
        &INCLUDES_V.replace("#include \"sub/v.h\"\n", ""),
    );
    precompile(&space, "first/sub/v.h.gch");
    says(&space, "2");
    // That of a name that a macro makes.
    let space = project(
        "gcc",
        "cflags = [\"-Ifirst\", \"-Isecond\", \"-DHEADER=<sub/v.h>\"]",
        &INCLUDES_V.replace("\"sub/v.h\"", "HEADER"),
    );
    precompile(&space, "first/sub/v.h.gch");
    says(&space, "2");
}

#[test]
fn a_precompiled_header_of_clang_appears_beside_a_header_of_the_flags() {
    if !require("clang") {
        return;
    }
    let space = project(
        "clang",
        "cflags = [\"-include\", \"v.h\"]",
        "\
=== main.c
#include <stdio.h>
int main(void) { printf(\"%d\\n\", V); return 0; }
=== v.h
#define V 1
=== other.h
#define V 2
",
    );
    let made = Command::new("clang")
        .args(["-x", "c-header", "-g", "other.h", "-o", "v.h.pch"])
        .current_dir(space.root())
        .status();
    assert!(made.unwrap().success());
    says(&space, "2");
}

#[test]
fn a_header_appears_whose_name_a_macro_makes_and_that_steps_up() {
    for compiler in compilers() {
        for (define, include, proved) in [
            ("#define HEADER \"../v.h\"", "HEADER", true),
            ("#define HEADER <../v.h>", "HEADER", false),
            ("#define UP(x) <../x>", "UP(v.h)", false),
        ] {
            let space = project_unproved(
                compiler,
                "cflags = [\"-Ifirst/sub\", \"-Isecond/sub\"]",
                &format!(
                    "\
=== main.c
{define}
#include <stdio.h>
#include {include}
int main(void) {{ printf(\"%d\\n\", V); return 0; }}
=== second/v.h
#define V 1
=== second/sub/readme
=== first/sub/readme
"
                ),
            );
            space.build(&[]).ok().assert_work(if proved { "-" } else { "1c" });
            space.write("first/v.h", "#define V 2\n");
            space.build(&[]).ok();
            assert_eq!(space.prints("app"), "2", "{compiler}: {define}");
        }
    }
}

/// As [`project`], but a second build may have something to do.
#[track_caller]
fn project_unproved(compiler: &str, lines: &str, files: &str) -> Space {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.set_env("CC", compiler);
    let manifest = "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]";
    space.write("rekindle.toml", format!("{manifest}\n{lines}\n"));
    space.write_all(files);
    space.build(&[]).ok();
    space
}

#[test]
fn a_header_that_is_asked_for_in_pieces_appears() {
    for compiler in compilers() {
        for asks in [
            "#define CAT(a, b) a##b\n#if CAT(__has_, include)(\"new.h\")",
            "#define CAT(a, b) a##b\n#if CAT(__has_inc, lude)(\"new.h\")",
            "#define ASK(x) __has_##x\n#if ASK(include)(\"new.h\")",
            "#if __has_inc\\\nlude(\"new.h\")",
        ] {
            let files = format!(
                "\
=== main.c
#include <stdio.h>
{asks}
#define V 2
#else
#define V 1
#endif
int main(void) {{ printf(\"%d\\n\", V); return 0; }}
"
            );
            let space = project_unproved(compiler, "", &files);
            assert_eq!(space.prints("app"), "1");
            space.write("new.h", "");
            space.build(&[]).ok();
            assert_eq!(space.prints("app"), "2", "{compiler}: {asks}");
        }
    }
}

#[test]
fn data_that_is_named_in_pieces_is_an_input() {
    for compiler in compilers() {
        for (text, proved) in [
            (
                "__asm__(\".section .rodata\\nblob: .\" \"inc\" \"bin \\\"blob.bin\\\"\\n.byte 0\\n.previous\");",
                true,
            ),
            (
                "__asm__(\".section .rodata\\nblob: .inc\\\nbin \\\"blob.bin\\\"\\n.byte 0\\n.previous\");",
                true,
            ),
            (
                "#define REST \"bin\"\n__asm__(\".section .rodata\\nblob: .inc\" REST \" \\\"blob.bin\\\"\\n.byte 0\\n.previous\");",
                false,
            ),
            (
                "#define INC \".inc\"\n__asm__(\".section .rodata\\nblob: \" INC \"bin \\\"blob.bin\\\"\\n.byte 0\\n.previous\");",
                false,
            ),
        ] {
            let files = format!(
                "\
=== main.c
#include <stdio.h>
__asm__(\".globl blob\");
{text}
extern const char blob[];
int main(void) {{ printf(\"%s\", blob); return 0; }}
=== blob.bin
first
"
            );
            let space = project_unproved(compiler, "", &files);
            assert_eq!(space.prints("app"), "first");
            if proved || compiler == "gcc" {
                space.build(&[]).ok().assert_work("-");
            }
            space.edit("blob.bin", "first", "other");
            space.build(&[]).ok();
            assert_eq!(space.prints("app"), "other", "{compiler}: {text}");
        }
    }
}

#[test]
fn a_date_that_is_put_together_is_volatile() {
    for compiler in compilers() {
        let files = "=== main.c\n#include <stdio.h>\n#define CAT(a, b) a##b\nint main(void) { puts(CAT(__TI, ME__)); return 0; }\n";
        let space = project_unproved(compiler, "", files);
        assert_eq!(space.build(&[]).ok().summary().number(&["actions", "volatile"]), 1, "{compiler}");
    }
}

#[test]
fn what_a_linker_script_includes_is_an_input_and_may_be_shadowed() {
    let script = "=== app.ld\nINCLUDE parts.ld\n=== second/parts.ld\nvalue = 1;\n";
    let source = "=== main.c\n#include <stdio.h>\nextern char value;\nint main(void) { printf(\"%d\\n\", (int)(unsigned long)&value); return 0; }\n";
    for linker in ["bfd"] {
        if !require("gcc") || !require(&format!("ld.{linker}")) {
            continue;
        }
        let lines = format!(
            "ldflags = [\"-fuse-ld={linker}\", \"-no-pie\", \"-Lfirst\", \"-Lsecond\", \"app.ld\"]\ncflags = [\"-fno-pie\"]"
        );
        let space = project("gcc", &lines, &format!("{source}{script}=== first/readme\n"));
        assert_eq!(space.prints("app"), "1", "{linker}");
        space.edit("second/parts.ld", "1", "2");
        says(&space, "2");
        space.write("first/parts.ld", "value = 3;\n");
        says(&space, "3");
        space.write("parts.ld", "value = 4;\n");
        says(&space, "4");
    }
}

#[test]
fn a_script_in_the_place_of_a_library_is_an_input() {
    let source = "=== main.c\n#include <stdio.h>\nextern char value;\nint main(void) { printf(\"%d\\n\", (int)(unsigned long)&value); return 0; }\n";
    for linker in ["bfd", "gold"] {
        if !require("gcc") || !require(&format!("ld.{linker}")) {
            continue;
        }
        let lines = format!(
            "ldflags = [\"-fuse-ld={linker}\", \"-no-pie\", \"-Llibs\", \"-lvalue\"]\ncflags = [\"-fno-pie\"]"
        );
        let space = project("gcc", &lines, &format!("{source}=== libs/libvalue.so\nvalue = 1;\n"));
        space.edit("libs/libvalue.so", "1", "2");
        says(&space, "2");
    }
}

#[test]
fn an_old_linker_that_names_no_scripts_is_followed() {
    if !require("avr-gcc") {
        return;
    }
    let space = project(
        "avr-gcc",
        "ldflags = [\"app.ld\", \"-Lsecond\"]",
        "\
=== main.c
extern char value;
unsigned place = (unsigned)&value;
int main(void) { return 0; }
=== app.ld
INCLUDE parts.ld
=== second/parts.ld
value = 1;
",
    );
    space.edit("second/parts.ld", "1", "2");
    assert_eq!(format!("{:?}", space.build(&[]).ok().summary().ran), "1l");
    space.assert_like_clean(&[]);
    space.write("parts.ld", "value = 3;\n");
    assert_eq!(format!("{:?}", space.build(&[]).ok().summary().ran), "1l");
    space.assert_like_clean(&[]);
    space.build(&[]).ok().assert_work("-");
}

#[test]
fn the_members_of_a_thin_archive_are_inputs() {
    let make = |space: &Space, value: u32| {
        space.write("lib/v.c", format!("int v(void) {{ return {value}; }}\n"));
        let run = |program: &str, args: &[&str]| {
            assert!(
                Command::new(program).args(args).current_dir(space.path("lib")).status().unwrap().success()
            );
        };
        run("gcc", &["-c", "v.c", "-o", "a_long_name_of_a_member.o"]);
        if value == 1 {
            run("ar", &["rcsTD", "libv.a", "a_long_name_of_a_member.o"]);
        }
    };
    for compiler in compilers() {
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.set_env("CC", compiler);
        space.write_all("=== lib/readme\n=== main.c\n#include <stdio.h>\nint v(void);\nint main(void) { printf(\"%d\\n\", v()); return 0; }\n");
        make(&space, 1);
        space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\nldflags = [\"-Llib\", \"-lv\"]\n");
        settled(&space);
        assert_eq!(space.prints("app"), "1");
        make(&space, 2);
        says(&space, "2");
    }
}

#[test]
fn a_script_that_a_wrapper_of_the_compiler_runs_is_an_input() {
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_program("tools/inner", "#!/bin/sh\nexec gcc -DV=1 \"$@\"\n");
    space.write_program("tools/gcc", "#!/bin/sh\nhere=$(dirname \"$0\")\nexec \"$here\"/inner \"$@\"\n");
    space.set_env("CC", space.path("tools/gcc"));
    space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\n");
    space.write("main.c", "#include <stdio.h>\nint main(void) { printf(\"%d\\n\", V); return 0; }\n");
    settled(&space);
    assert_eq!(space.prints("app"), "1");
    space.write_program("tools/inner", "#!/bin/sh\nexec gcc -DV=2 \"$@\"\n");
    says(&space, "2");
}

const PRINTS_D: &str = "\
=== main.c
#include <stdio.h>
#ifndef V
#define V 0
#endif
#ifdef LINKED
extern char q;
int main(void) { printf(\"%d\\n\", (int)(long)&q); return 0; }
#else
int main(void) { printf(\"%d\\n\", V); return 0; }
#endif
";

#[test]
fn words_that_the_linker_reads_from_a_file_count() {
    for compiler in compilers() {
        for (flag, words) in [
            ("-Wl,@all.rsp", "--defsym=q=1"),
            ("-Wl,--gc-sections,@all.rsp,-O1", "--defsym 'q'=1"),
            ("-Wl,@outer.rsp", "--defsym=q=1"),
            ("@outer.rsp", "-Wl,--defsym=q=1"),
            ("@driver.rsp", "--defsym=q=1"),
        ] {
            let space = project(
                compiler,
                &format!("cflags = [\"-DLINKED\", \"-fno-pie\"]\nldflags = [\"-no-pie\", {flag:?}]"),
                &format!(
                    "{PRINTS_D}=== outer.rsp\n@all.rsp\n=== driver.rsp\n-Wl,@outer.rsp\n=== all.rsp\n{words}\n"
                ),
            );
            assert_eq!(space.prints("app"), "1", "{compiler}: {flag}");
            space.edit("all.rsp", "=1", "=2");
            says(&space, "2");
        }
    }
}

#[test]
fn a_library_appears_in_a_directory_that_the_linker_reads_from_a_file() {
    let library = |space: &Space, dir: &str, value: u32| {
        space.mkdir(dir);
        space.write("v.c", format!("int v(void) {{ return {value}; }}\n"));
        let run = |command: &mut Command| {
            assert!(command.current_dir(space.root()).status().unwrap().success());
        };
        run(Command::new("gcc").args(["-c", "v.c", "-o", "v.o"]));
        run(Command::new("ar").arg("rcsD").arg(space.path(dir).join("libv.a")).arg("v.o"));
    };
    for compiler in compilers() {
        let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        library(&space, "old", 1);
        space.write_all("=== main.c\n#include <stdio.h>\nint v(void);\nint main(void) { printf(\"%d\\n\", v()); return 0; }\n=== l.rsp\n-Lnew -Lold -lv -rpath=a,b\n");
        space.write(
            "rekindle.toml",
            format!("[project]\nname = \"p\"\n[toolchain.host]\ncc = {compiler:?}\n[executable.app]\nsources = [\"main.c\"]\nldflags = [\"-Wl,@l.rsp\"]\n"),
        );
        settled(&space);
        assert_eq!(space.prints("app"), "1");
        library(&space, "new", 2);
        says(&space, "2");
    }
}

#[test]
fn words_that_the_preprocessor_reads_from_a_file_count() {
    for compiler in compilers() {
        for flags in [&["-Wp,@all.rsp"][..], &["-Wp,@outer.rsp,-DX"], &["-Xpreprocessor", "@all.rsp"]] {
            let files = format!("{PRINTS_D}=== outer.rsp\n@all.rsp\n=== all.rsp\n-DV=1\n");
            let space = project(compiler, &format!("cflags = {flags:?}"), &files);
            assert_eq!(space.prints("app"), "1", "{compiler}: {flags:?}");
            space.edit("all.rsp", "=1", "=2");
            says(&space, "2");
        }
        // A directory that is searched before another one.
        let files = format!("{PRINTS_V}=== all.rsp\n-I new\n");
        let space = project(compiler, "cflags = [\"-Wp,@all.rsp\", \"-isystem\", \"old\"]", &files);
        assert_eq!(space.prints("app"), "1");
        space.write("new/v.h", "#define V 2\n");
        says(&space, "2");
    }
}

#[test]
fn words_that_the_assembler_reads_from_a_file_count() {
    for compiler in compilers() {
        for (flag, words) in [
            ("-Wa,@all.rsp", "--defsym VALUE=1"),
            ("-Wa,-g,@outer.rsp", "--defsym VALUE=1"),
            ("-Wa,@all.rsp", "-Inew -Iold1 --defsym VALUE=1"),
        ] {
            let files = format!(
                "\
=== main.c
#include <stdio.h>
extern const unsigned char v;
__asm__(\".section .rodata\\n.globl v\\nv: .byte VALUE\\n.previous\");
int main(void) {{ printf(\"%d\\n\", v); return 0; }}
=== outer.rsp
@all.rsp
=== all.rsp
{words}
"
            );
            let own = if compiler == "clang" { "\"-fno-integrated-as\", " } else { "" };
            let space = project(compiler, &format!("cflags = [{own}{flag:?}]"), &files);
            assert_eq!(space.prints("app"), "1", "{compiler}: {flag}");
            space.edit("all.rsp", "VALUE=1", "VALUE=2");
            says(&space, "2");
        }
    }
}

#[test]
fn a_file_that_is_compared_by_its_time_proves_nothing() {
    for compiler in compilers() {
        for asks in [
            "#pragma GCC dependency \"grammar.y\"",
            "_Pragma(\"GCC dependency \\\"grammar.y\\\"\")",
            "#define DO(x) _Pragma(#x)\nDO(GCC dependency \"grammar.y\")",
        ] {
            let files = format!("=== main.c\n{asks}\nint main(void) {{ return 0; }}\n=== grammar.y\n\n");
            let space = project_unproved(compiler, "", &files);
            let built = space.build(&[]);
            built.ok().assert_work("1c");
            built.says("`#pragma GCC dependency` compares the times of files");
        }
    }
}

#[test]
fn words_that_the_archiver_reads_from_a_file_count() {
    if !require("gcc") {
        return;
    }
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.set_env("AR", "ar @ar.rsp");
    space.write_all(
        "\
=== rekindle.toml
[project]
name = \"p\"
[library.v]
sources = [\"v.c\"]
=== v.c
int v;
=== ar.rsp

",
    );
    settled(&space);
    space.write("ar.rsp", " \n \n");
    assert_eq!(format!("{:?}", space.build(&[]).ok().summary().ran), "1a");
}

#[test]
fn a_run_path_that_was_given_absolutely_stays_so() {
    for compiler in compilers() {
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.set_env("CC", compiler);
        let here = space.root();
        let ways = [
            format!("['-Wl,-rpath,{}/lib']", here.display()),
            format!("['-Xlinker', '-rpath', '-Xlinker', '{}/lib']", here.display()),
        ];
        for ldflags in ways {
            space.write(
                "rekindle.toml",
                format!("[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\nprivate-ldflags = {ldflags}\n"),
            );
            space.write("main.c", "int main(void) { return 0; }\n");
            settled(&space);
            let read = Command::new("readelf").arg("-d").arg(space.output("app")).output().unwrap();
            let said = String::from_utf8_lossy(&read.stdout).into_owned();
            assert!(
                said.contains(&format!("path: [{}/lib]", here.display())),
                "{compiler}: {ldflags}: {said}"
            );
        }
    }
}

/// A program whose machine code depends on how often what is done.
const COUNTED: &str = "\
=== main.c
static int __attribute__((noinline)) odd(int n) { return n * 3 + 1; }
static int __attribute__((noinline)) even(int n) { return n / 2; }
int main(int count, char **words) {
    (void)words;
    for (int n = 0; n < 1000; n++) {
        if (n % 10 == 0) count += odd(count); else count = even(count);
    }
    return count & 1;
}
";

/// Clang's profile of it by number of calls, at `place`.
fn write_merged_profile(space: &Space, place: &str, counts: [u32; 3]) {
    let [entry, odd, even] = counts;
    let text = format!(
        "# IR level Instrumentation Flag\n:ir\nmain\n742261418966908927\n2\n{even}\n{odd}\n\nother\n12345\n1\n{entry}\n"
    );
    space.write("profile.txt", text);
    if let Some(dir) = space.path(place).parent() {
        std::fs::create_dir_all(dir).unwrap();
    }
    let mut merge = Command::new("llvm-profdata");
    merge.arg("merge").arg(space.path("profile.txt")).arg("-o").arg(space.path(place));
    assert!(merge.status().unwrap().success());
}

#[test]
fn the_profile_that_clang_reads_unless_told_otherwise_is_an_input() {
    if !require("clang") || !require("llvm-profdata") {
        return;
    }
    for (flag, place) in [
        ("-fprofile-use", "default.profdata"),
        ("-fprofile-instr-use", "default.profdata"),
        ("-fprofile-use=", "default.profdata"),
        ("-fprofile-use=profiles", "profiles/default.profdata"),
    ] {
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        let store = space.base().join("store");
        space.use_store(&store);
        space.set_env("CC", "clang");
        write_merged_profile(&space, place, [1, 1, 9000]);
        space.write(
            "rekindle.toml",
            format!("[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\ncflags = [\"-O2\", \"-w\", \"{flag}\"]\n"),
        );
        space.write_all(COUNTED);
        settled(&space);
        // Another profile is another object, here and where the store is asked.
        write_merged_profile(&space, place, [9000, 9000, 1]);
        let other = space.copy_to_another_place();
        other.remove(".rekindle");
        assert!(compiles(&space), "{flag}");
        space.use_no_store();
        space.assert_like_clean(&[]);
        let elsewhere = other.build(&[]);
        elsewhere.ok();
        assert_eq!(format!("{:?}", elsewhere.summary().ran), "-", "{flag}: the same profile is shared");
        other.remove(".rekindle");
        write_merged_profile(&other, place, [7, 70, 700]);
        assert!(compiles(&other), "{flag}: another is not");
    }
}

#[test]
fn the_profile_that_a_link_of_bytecode_reads_is_an_input() {
    if !require("clang") || !require("ld.lld") || !require("llvm-profdata") {
        return;
    }
    let flags = "cflags = [\"-O2\", \"-flto\"]\nldflags = [\"-flto\", \"-fuse-ld=lld\", \"-fprofile-use\"]";
    let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.set_env("CC", "clang");
    write_merged_profile(&space, "default.profdata", [1, 1, 9000]);
    space.write(
        "rekindle.toml",
        format!("[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\n{flags}\n"),
    );
    space.write_all(COUNTED);
    settled(&space);
    write_merged_profile(&space, "default.profdata", [9000, 9000, 1]);
    space.build(&[]).ok().assert_work("1l");
}

/// Whether the next build compiles something; it may find that nothing has to be linked.
#[track_caller]
fn compiles(space: &Space) -> bool {
    format!("{:?}", space.build(&[]).ok().summary().ran).starts_with("1c")
}

/// The file of this ending in the build directory.
fn built_file(space: &Space, ending: &str) -> std::path::PathBuf {
    let mut waiting = vec![space.build_dir()];
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                return path;
            }
        }
    }
    panic!("no {ending} was built");
}

#[test]
fn counts_that_gcc_finds_beside_an_object_or_in_a_directory_are_inputs() {
    if !require("gcc") {
        return;
    }
    for flag in [
        "-fprofile-use",
        "-fbranch-probabilities",
        "-fprofile-use=counts",
        "-fprofile-use -fprofile-dir=counts",
    ] {
        let words: Vec<&str> = ["-O2", "-Wno-missing-profile"].into_iter().chain(flag.split(' ')).collect();
        let space = project("gcc", &format!("cflags = {words:?}"), COUNTED);
        let object = built_file(&space, ".o");
        let beside = object.with_extension("gcda");
        let counts = if flag.contains("counts") {
            // Its name is made of the absolute one beside the object.
            let name = beside.to_string_lossy().replace('/', "#");
            space.path("counts").join(name)
        } else {
            beside
        };
        std::fs::create_dir_all(counts.parent().unwrap()).unwrap();
        let before = std::fs::read(&object).unwrap();
        let (x, object_of_x) = (space.base().join("tmp/x"), space.base().join("tmp/x.o"));
        let run = |command: &mut Command| command.current_dir(space.root()).status().unwrap();
        run(Command::new("gcc").args(["-O2", "-fprofile-generate", "-c", "main.c", "-o"]).arg(&object_of_x));
        run(Command::new("gcc").arg("-fprofile-generate").arg(&object_of_x).arg("-o").arg(&x));
        run(&mut Command::new(&x));
        std::fs::copy(space.base().join("tmp/x.gcda"), &counts).unwrap();
        assert!(compiles(&space), "{flag}: it appeared");
        assert_ne!(std::fs::read(&object).unwrap(), before, "{flag}: it says something");
        space.build(&[]).ok().assert_work("-");
        std::fs::write(&counts, "no counts").unwrap();
        assert!(compiles(&space), "{flag}: it was changed");
        std::fs::remove_file(&counts).unwrap();
        assert!(compiles(&space), "{flag}: it went");
        assert_eq!(std::fs::read(&object).unwrap(), before, "{flag}: as in the beginning");
        space.build(&[]).ok().assert_work("-");
    }
}

#[test]
fn a_file_that_the_linkers_plugin_is_told_of_is_an_input() {
    if !require("clang") || !require("ld.lld") || !require("llvm-profdata") {
        return;
    }
    for words in [
        &["-Wl,-plugin-opt=cs-profile-path=p.profdata"][..],
        &["-Xlinker", "-plugin-opt=cs-profile-path=p.profdata"],
        &["-Xlinker", "--plugin-opt", "-Xlinker", "cs-profile-path=p.profdata"],
        &["-Wl,--lto-cs-profile-file=p.profdata"],
    ] {
        if words.contains(&"--plugin-opt") && !lld_takes(words) {
            continue;
        }
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        space.set_env("CC", "clang");
        write_merged_profile(&space, "p.profdata", [1, 1, 9000]);
        let ldflags = [&["-flto", "-fuse-ld=lld"], words].concat();
        space.write(
            "rekindle.toml",
            format!("[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\ncflags = [\"-O2\", \"-flto\"]\nldflags = {ldflags:?}\n"),
        );
        space.write_all(COUNTED);
        settled(&space);
        write_merged_profile(&space, "p.profdata", [9000, 9000, 1]);
        space.build(&[]).ok().assert_work("1l");
    }
}

/// Whether lld knows these words: it takes some values only behind `=`.
fn lld_takes(words: &[&str]) -> bool {
    let tried = Command::new("clang").args(["-fuse-ld=lld", "-Wl,--version"]).args(words).output().unwrap();
    tried.status.success()
}

#[test]
fn a_link_of_bytecode_that_writes_files_beside_the_program_is_for_this_machine() {
    let rows = [
        ("gcc", "-gsplit-dwarf", true),
        ("gcc", "-fstack-usage", true),
        ("gcc", "-fcallgraph-info", true),
        ("gcc", "-save-temps", true),
        ("gcc", "-fsave-optimization-record", true),
        ("gcc", "--coverage", true),
        ("gcc", "-g", false),
        ("clang", "-gsplit-dwarf", true),
        ("clang", "-fsave-optimization-record", true),
        ("clang", "-g", false),
    ];
    for (compiler, flag, writes) in rows {
        if !require(compiler) || !require("ld.lld") {
            continue;
        }
        for lto in ["-flto", "-O1"] {
            let lld = if compiler == "clang" { "\"-fuse-ld=lld\", " } else { "" };
            let lines = format!("cflags = [\"-w\", {lto:?}]\nldflags = [{lld}{lto:?}, {flag:?}]");
            let space = project(compiler, &lines, "=== main.c\nint main(void) { return 0; }\n");
            space.remove(".rekindle");
            let built = space.build(&[]);
            built.ok();
            let local = built.stderr.contains("writes files beside the program that are not known before");
            assert_eq!(local, writes && lto == "-flto", "{compiler} {lto} {flag}\n{}", built.stderr);
        }
    }
}

#[test]
fn what_the_linkers_plugin_writes_behind_the_build_is_for_this_machine() {
    if !require("clang") || !require("ld.lld") {
        return;
    }
    for words in ["-plugin-opt=save-temps", "-plugin-opt=obj-path=o.o", "-plugin-opt=dwo_dir=d"] {
        let lines = format!("cflags = [\"-flto\"]\nldflags = [\"-flto\", \"-fuse-ld=lld\", \"-Wl,{words}\"]");
        let space = project("clang", &lines, "=== main.c\nint main(void) { return 0; }\n");
        space.remove(".rekindle");
        space.build(&[]).ok().says("app is built for this machine only");
    }
}

#[test]
fn a_compiler_behind_ccache_gives_the_same_the_second_time() {
    if !require("gcc") || !require("ccache") {
        return;
    }
    for linked in [false, true] {
        let mut space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
        let cache = space.base().join("ccache");
        space.set_env("CCACHE_DIR", &cache);
        if linked {
            let ccache = rekindle_testkit::found("ccache").unwrap();
            let link = space.base().join("tools/gcc");
            std::os::unix::fs::symlink(ccache, &link).unwrap();
            space.set_env("CC", &link);
        } else {
            space.set_env("CC", "ccache gcc");
        }
        space.write("rekindle.toml", "[project]\nname = \"p\"\n[executable.app]\nsources = [\"main.c\"]\n");
        space.write("main.c", "int main(void) { return 0; }\n");
        settled(&space);
        space.remove(".rekindle");
        settled(&space);
        space.write_all(PAYLOAD);
        settled(&space);
        assert_eq!(space.prints("app"), "1");
        space.write("v.bin", "2");
        space.build(&[]).ok();
        assert_eq!(space.prints("app"), "2", "what an assembler reads is an input still");
    }
}

const PAYLOAD: &str = "\
=== main.c
#include <stdio.h>
__asm__(\".data\\nv: .incbin \\\"v.bin\\\"\\n.byte 0\\n.text\\n\");
extern char v[];
int main(void) { puts(v); return 0; }
=== v.bin
1";
