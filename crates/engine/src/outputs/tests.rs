//! What compilers, assemblers, linkers and archivers write, and the paths that are found in it.

use super::*;
use rekindle_fingerprint::roots::Roots;

fn found(needles: &Needles, bytes: &[u8]) -> Vec<String> {
    needles.find(bytes).0.iter().map(ToString::to_string).collect()
}

#[test]
fn a_path_of_a_root_is_found_whatever_stands_around_it() {
    let needles = Needles::of(&Roots::new("/home/a/project", "/home/a/project/out"));
    let named = |bytes: &[u8]| found(&needles, bytes);
    assert_eq!(named(b"x/home/a/project/src\0"), ["ws"]);
    assert_eq!(named(b"/home/a/project"), ["ws"]);
    assert_eq!(named(b"x/home/a/project/out/src\0"), ["ws", "build"]);
    assert_eq!(named(b"/home/a/projectsrc/main.rs"), ["ws"], "texts without an end");
    assert_eq!(named(b"/home/a/projec/t /usr/include/stdio.h"), [""; 0]);
}

#[test]
fn a_short_path_is_found_only_whole() {
    let needles = Needles::of(&Roots::new("/w", "/w/out"));
    let named = |bytes: &[u8]| found(&needles, bytes);
    assert_eq!(named(b"bits/wchar.h /w-x /w.old/y"), [""; 0]);
    assert_eq!(named(b"bits/wchar.h -I/w."), ["ws"]);
    assert_eq!(named(b"/w/out/a.o"), ["ws", "build"]);
    assert_eq!(named(b"/wchar.h /w"), ["ws"]);
    for width in [2, 4] {
        for low in [0, width - 1] {
            let wide = |text: &str| -> Vec<u8> {
                let cells =
                    text.bytes().map(|byte| (0..width).map(move |at| if at == low { byte } else { 0 }));
                cells.flatten().collect()
            };
            assert_eq!(named(&wide("a/w/b")), ["ws"], "{low} of {width}");
            assert_eq!(named(&wide("a/w")), ["ws"], "{low} of {width}");
            assert_eq!(named(&wide("a/wchar.h/b")), [""; 0], "{low} of {width}");
        }
    }
}

/// Source text that is long enough for every packer to pack it, with the place where it is compiled in it: as
/// `__FILE__` if it is compiled by its absolute name, in debug information otherwise.
fn source() -> String {
    let function = |at: usize| {
        format!("int f{at}(int a) {{ int local{at} = a * {at}; return local{at} + (a << {}); }}\n", at % 7)
    };
    let functions: String = (0..60).map(function).collect();
    format!(
        "{functions}const char *opts(void) {{ return __FILE__; }}\nint main(void) {{ return f1(opts()[0]); }}\n"
    )
}

/// What a script of the shell, run in the directory `place` beside a source `a.c`, has written to `out`.
fn written_in(place: &Path, script: &str) -> Vec<u8> {
    std::fs::create_dir_all(place).unwrap();
    std::fs::write(place.join("a.c"), source()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test runs tools")]
    let output = std::process::Command::new("/bin/sh")
        .args(["-euc", script])
        .current_dir(place)
        .env("PWD", place)
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(place.join("out")).unwrap()
}

/// How the path shows in what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// In the plain bytes.
    Plainly,
    /// Not there.
    Inside,
}

/// Runs a script in two places, and looks in both outputs for the path of the first.
#[track_caller]
fn holds(tools: &[&str], script: &str, shows: Shows) {
    holds_at("the-place-where-it-was-made", tools, script, shows);
}

#[track_caller]
fn holds_at(name: &str, tools: &[&str], script: &str, shows: Shows) {
    if !tools.iter().all(|tool| rekindle_testkit::require(tool)) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join(name), dir.path().join("elsewhere/and-not-where-it-was-made"));
    let needles = Needles::of(&Roots::new(&here, "/nowhere/build"));
    let made_here = written_in(&here, script);
    let plain = memchr::memmem::find(&made_here, here.to_str().unwrap().as_bytes()).is_some();
    assert_eq!(plain, shows == Shows::Plainly, "whether the plain bytes show it: {script}");
    let (roots, opaque) = needles.find(&made_here);
    assert_eq!((roots.len(), opaque), (1, None), "made here: {script}");
    let (roots, opaque) = needles.find(&written_in(&there, script));
    assert_eq!((roots.len(), opaque), (0, None), "made elsewhere: {script}");
}

#[test]
fn compressed_debug_information_of_objects_is_looked_into() {
    holds(&["gcc"], "gcc -g -c a.c -o out", Shows::Plainly);
    holds(&["gcc"], "gcc -gdwarf-4 -gz=zlib -c a.c -o out", Shows::Inside);
    holds(&["gcc"], "gcc -g3 -gdwarf-4 -gz=zlib -c a.c -o out", Shows::Inside);
    holds(&["gcc"], "gcc -gdwarf-4 -gz=zlib-gnu -c a.c -o out", Shows::Inside);
    holds(&["gcc"], "gcc -gdwarf-4 -c a.c -o o; objcopy --compress-debug-sections=zstd o out", Shows::Inside);
    holds(&["clang"], "clang -gdwarf-4 -gz=zlib -c a.c -o out", Shows::Inside);
}

#[test]
fn objects_of_every_width_and_byte_order_are_looked_into() {
    for target in ["i686-linux-gnu", "powerpc-linux-gnu", "powerpc64-linux-gnu", "aarch64-linux-gnu"] {
        holds(
            &["clang"],
            &format!("clang --target={target} -gdwarf-4 -gz=zlib -c a.c -o out"),
            Shows::Inside,
        );
    }
}

#[test]
fn objects_for_avr_are_looked_into() {
    let avr = ["avr-gcc"];
    holds(&avr, "avr-gcc -g -c a.c -o out", Shows::Plainly);
    holds(&avr, "avr-gcc -gdwarf-4 -Wa,--compress-debug-sections -c a.c -o out", Shows::Inside);
    holds(&avr, "avr-gcc -flto -c \"$PWD/a.c\" -o out", Shows::Inside);
}

#[test]
fn programs_and_shared_libraries_are_looked_into() {
    holds(&["gcc"], "gcc -gdwarf-4 -gz=zlib a.c -o out", Shows::Inside);
    holds(&["gcc"], "gcc -gdwarf-4 -gz=zlib -shared -fPIC a.c -o out", Shows::Inside);
    holds(&["gcc"], "gcc -gdwarf-4 -gz=zlib-gnu a.c -o out", Shows::Inside);
    holds(&["gcc"], "gcc a.c -Wl,-rpath,\"$PWD/lib\" -o out", Shows::Plainly);
}

#[test]
fn split_debug_information_is_looked_into() {
    holds(&["gcc"], "gcc -g -gsplit-dwarf -c a.c -o a.o; mv a.dwo out", Shows::Plainly);
    holds(
        &["gcc"],
        "gcc -gdwarf-4 -gsplit-dwarf -c a.c -o a.o; objcopy --compress-debug-sections=zlib a.dwo out",
        Shows::Inside,
    );
}

#[test]
fn bytecode_of_gcc_is_looked_into() {
    holds(&["gcc"], "gcc -flto -c \"$PWD/a.c\" -o out", Shows::Inside);
    holds(&["gcc"], "gcc -flto -flto-compression-level=0 -c \"$PWD/a.c\" -o out", Shows::Inside);
    holds(&["gcc"], "gcc -flto -ffat-lto-objects -c \"$PWD/a.c\" -o out", Shows::Plainly);
    holds(&["gcc"], "gcc -flto -g -c a.c -o out", Shows::Plainly);
    holds(&["gcc"], "gcc -flto -gdwarf-4 -gz=zlib -c a.c -o out", Shows::Inside);
    holds(
        &["gcc"],
        "gcc -flto -DP=\"L\\\"$PWD\\\"\" -xc -c - -o out <<.\n__WCHAR_TYPE__ *p = P;\n.",
        Shows::Inside,
    );
}

#[test]
fn bitcode_is_looked_into() {
    let clang = ["clang"];
    for kind in ["-flto", "-flto=thin", "-flto -O2", "-fembed-bitcode"] {
        holds(&clang, &format!("clang {kind} -g -c a.c -o out"), Shows::Plainly);
    }
    holds(&clang, "clang -flto -c \"$PWD/a.c\" -o out", Shows::Plainly);
    holds(&clang, "clang -flto -DP=\"\\\"$PWD\\\"\" -xc -c - -o out <<.\nchar *p = P;\n.", Shows::Inside);
    holds(
        &clang,
        "clang -flto -DP=\"\\\"$PWD\\\"\" -xc -c - -o out <<.\nchar p[] = P \"\\xff\";\n.",
        Shows::Inside,
    );
    holds(&clang, "clang -flto -c -xc - -o out <<.\nasm(\".ident \\\"$PWD\\\"\");\n.", Shows::Inside);
    for unit in ["L", "u", "U"] {
        let source = "__CHAR16_TYPE__ *p = (void *)P;";
        let script = format!("clang -w -flto -DP=\"{unit}\\\"$PWD\\\"\" -xc -c - -o out <<.\n{source}\n.");
        holds(&clang, &script, Shows::Inside);
        let script = format!("clang -w -DP=\"{unit}\\\"$PWD\\\"\" -xc -c - -o out <<.\n{source}\n.");
        holds(&clang, &script, Shows::Inside);
    }
}

#[test]
fn coverage_maps_and_names_of_profiled_functions_are_looked_into() {
    let many = "for i in $(seq 50); do echo \"static int f$i(int a) { return a; } int g$i(int a) { return f$i(a); }\"; done >b.c;";
    let flags = "-fprofile-instr-generate -fcoverage-mapping -c \"$PWD/b.c\"";
    holds(&["clang"], &format!("{many} clang {flags} -o out"), Shows::Inside);
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("place");
    let needles = Needles::of(&Roots::new(&place, "/nowhere/build"));
    let bitcode = written_in(&place, &format!("{many} clang -flto {flags} -o out"));
    assert_eq!(needles.find(&bitcode).1, Some("it holds coverage maps or profiles as bitcode"));
}

#[test]
fn a_path_beyond_ascii_is_found_as_each_tool_writes_it() {
    let at = |tools: &[&str], script: &str, shows| holds_at("plaça de Sant Jaume", tools, script, shows);
    at(&["gcc"], "gcc -g -c a.c -o out", Shows::Plainly);
    at(&["gcc"], "gcc -g -S a.c -o out", Shows::Inside);
    at(&["gcc"], "gcc -DP=\"u\\\"$PWD\\\"\" -xc -c - -o out <<.\n__CHAR16_TYPE__ *p = P;\n.", Shows::Inside);
    at(&["clang"], "clang -flto -DP=\"\\\"$PWD\\\"\" -xc -c - -o out <<.\nchar *p = P;\n.", Shows::Inside);
    at(
        &["clang"],
        "clang -flto -DP=\"u\\\"$PWD\\\"\" -xc -c - -o out <<.\n__CHAR16_TYPE__ *p = P;\n.",
        Shows::Inside,
    );
    at(&["gcc"], "gcc -M -MT out \"$PWD/a.c\" >out", Shows::Inside);
    at(&["python3"], "python3 -c 'import json, os; print(json.dumps(os.getcwd()))' >out", Shows::Inside);
}

#[test]
fn precompiled_headers_are_looked_into() {
    holds(&["gcc"], "gcc -x c-header \"$PWD/a.c\" -o out", Shows::Plainly);
    holds(&["clang"], "clang -x c-header -DP=\"\\\"$PWD\\\"\" - -o out </dev/null", Shows::Plainly);
}

#[test]
fn members_of_archives_are_looked_into() {
    let object = "gcc -gdwarf-4 -gz=zlib -c a.c -o a-name-that-is-longer-than-any-header.o; echo text >n;";
    let member = "a-name-that-is-longer-than-any-header.o";
    holds(&["gcc"], &format!("{object} ar rcsD out n {member}"), Shows::Inside);
    holds(&["gcc"], &format!("{object} ar rcsD in.a n {member}; ar rcsD out in.a"), Shows::Inside);
    holds(&["gcc", "llvm-ar"], &format!("{object} llvm-ar --format=bsd rcsD out n {member}"), Shows::Inside);
    let bitcode = "echo 'char *p = P;' | clang -flto -DP=\"\\\"$PWD\\\"\" -xc -c - -o a.o; echo odd>n;";
    holds(&["clang", "llvm-ar"], &format!("{bitcode} llvm-ar rcsD out n a.o"), Shows::Inside);
}

#[test]
fn thin_archives_have_no_members_to_look_into() {
    if !rekindle_testkit::require("gcc") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("place");
    let bytes = written_in(&place, "gcc -gdwarf-4 -gz=zlib -c a.c -o a.o; ar rcsDT out a.o");
    let needles = Needles::of(&Roots::new(&place, "/nowhere/build"));
    assert_eq!(needles.find(&bytes), (Vec::new(), None));
}

#[test]
fn side_outputs_are_looked_into() {
    holds(&["gcc"], "gcc --coverage -c \"$PWD/a.c\" -o a.o; mv a.gcno out", Shows::Plainly);
    holds(&["gcc"], "gcc -MD -c \"$PWD/a.c\" -o a.o; mv a.d out", Shows::Plainly);
    holds(&["gcc", "gzip"], "gcc -g -c a.c -o a.o; gzip -nc a.o a.o >out", Shows::Inside);
    holds(&["gcc", "zstd"], "gcc -g -S a.c -o a.s; zstd -19 -c a.s >out; zstd -c a.s >>out", Shows::Inside);
}
