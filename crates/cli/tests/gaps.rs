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
