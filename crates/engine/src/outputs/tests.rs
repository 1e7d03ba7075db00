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

/// One of each kind of output, with the script that made it.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let scripts = [
        ("gcc", "gcc -gdwarf-4 -gz=zlib -c a.c -o out"),
        ("gcc", "gcc -gdwarf-4 -gz=zlib-gnu -c a.c -o out"),
        ("gcc", "gcc -gdwarf-4 -c a.c -o o; objcopy --compress-debug-sections=zstd o out"),
        ("gcc", "gcc -flto -g -c a.c -o out"),
        ("gcc", "gcc -gdwarf-4 -gz=zlib -c a.c -o a.o; ar rcsD out a.o a.o"),
        ("gcc", "gcc -g a.c -o out"),
        ("clang", "clang -flto -g -c a.c -o out"),
        ("clang", "clang -fprofile-instr-generate -fcoverage-mapping -c a.c -o out"),
        ("clang", "clang --target=powerpc-linux-gnu -g -gz=zlib -c a.c -o out"),
        ("avr-gcc", "avr-gcc -flto -c a.c -o out"),
        ("gzip", "gzip -nc a.c >out"),
        ("zstd", "zstd -c a.c >out"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let there = scripts.into_iter().filter(|(tool, _)| rekindle_testkit::require(tool));
    let made = there
        .enumerate()
        .map(|(at, (_, script))| (script, written_in(&dir.path().join(at.to_string()), script)));
    made.collect()
}

/// Numbers that look like chance and are the same in every run.
fn chance(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 33).unwrap()
}

#[test]
fn what_is_cut_off_is_taken_to_hold_every_path() {
    let needles = Needles::of(&Roots::new("/nowhere/at-all", "/nowhere/build"));
    for (script, whole) in samples() {
        assert_eq!(needles.find(&whole), (Vec::new(), None), "{script}");
        if !whole.starts_with(b"\x7fELF") {
            continue;
        }
        for cut in [1, 2, 3, 5, 100].map(|part| whole.len() - whole.len().div_ceil(part).min(whole.len() - 4))
        {
            let (roots, opaque) = needles.find(&whole[..cut]);
            assert!(roots.len() == 2 && opaque.is_some(), "{cut} bytes of {}: {script}", whole.len());
        }
    }
}

#[test]
fn damaged_files_are_looked_into_without_harm() {
    let needles = Needles::of(&Roots::new("/nowhere/at-all", "/nowhere/build"));
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for (_, whole) in samples() {
        for _ in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..=chance(&mut state) % 8 {
                // Headers are hit as often as all the rest.
                let within =
                    if chance(&mut state).is_multiple_of(2) { bytes.len().min(128) } else { bytes.len() };
                bytes[chance(&mut state) % within] ^= 1 << (chance(&mut state) % 8);
            }
            if chance(&mut state).is_multiple_of(4) {
                bytes.truncate(chance(&mut state) % whole.len());
            }
            let (roots, opaque) = needles.find(&bytes);
            assert_eq!(roots.len(), if opaque.is_some() { 2 } else { 0 });
        }
    }
}

#[test]
fn what_unpacks_to_far_more_than_it_is_or_than_it_says_is_not_unpacked() {
    let needles = Needles::of(&Roots::new("/nowhere/at-all", "/nowhere/build"));
    let mut deflated = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..100 {
        io::Write::write_all(&mut deflated, &vec![0; 1 << 20]).unwrap();
    }
    let bomb = deflated.finish().unwrap();
    assert_eq!(needles.find(&bomb).1, Some("what is packed in it is too large"));
    // A frame of Zstandard that asks for 3.75 TB of memory.
    let greedy = needles.find(b"\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00");
    assert_eq!(greedy.1, Some("what is packed in it is damaged, or packed in a way that is not known"));
    if !rekindle_testkit::require("gcc") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let object = written_in(dir.path(), "gcc -gdwarf-4 -gz=zlib -c a.c -o out");
    // The header of a compressed section: its kind, four bytes, its size, its alignment; then what is packed.
    let is_header = |at: &[u8]| at.starts_with(b"\x01\0\0\0\0\0\0\0") && at[24] == 0x78;
    let header = object.windows(25).position(is_header).unwrap();
    for step in [1, 0xff] {
        let mut lying = object.clone();
        lying[header + 8] = lying[header + 8].wrapping_add(step);
        assert!(needles.find(&object).1.is_none() && needles.find(&lying).1.is_some());
    }
}

#[test]
fn sections_that_are_packed_in_a_way_not_known_are_taken_to_hold_every_path() {
    if !rekindle_testkit::require("gcc") {
        return;
    }
    let needles = Needles::of(&Roots::new("/nowhere/at-all", "/nowhere/build"));
    let dir = tempfile::tempdir().unwrap();
    let opaque = |section: &str| {
        let script = format!("gcc -c a.c -o a.o; objcopy --add-section {section}=a.c a.o out");
        needles.find(&written_in(dir.path(), &script)).1
    };
    let bytecode = Some("its bytecode is packed in a way that is not known");
    assert_eq!(opaque(".gnu.lto_opts.0.1234"), bytecode, "the body of a function `opts`");
    assert_eq!(opaque(".gnu.lto_.decls.1234"), bytecode);
    assert_eq!(opaque(".gnu_debugdata"), Some("one of its sections is packed in a way that is not known"));
    assert_eq!(opaque(".gnu.lto_.opts"), None);
    assert_eq!(opaque(".zdebug_str"), None);
    assert_eq!(opaque(".data.x"), None);
}

#[test]
fn archives_in_archives_have_an_end() {
    let needles = Needles::of(&Roots::new("/nowhere/at-all", "/nowhere/build"));
    let pack = |member: &[u8]| {
        let mut archive =
            format!("!<arch>\n{:<16}{:<32}{:<10}`\n", "member/", "0", member.len()).into_bytes();
        archive.extend(member);
        archive
    };
    let depth = |depth: usize| (0..depth).fold(b"text".to_vec(), |inner, _| pack(&inner));
    assert_eq!(needles.find(&depth(4)).1, None);
    assert_eq!(needles.find(&depth(5)).1, Some("archives lie too deep in archives in it"));
    assert!(
        needles
            .find(b"!<arch>\nnonsense that is longer than a header of a member is, and no such header")
            .1
            .is_some()
    );
}

#[test]
fn a_path_across_the_pieces_of_something_packed_is_found() {
    let needles = Needles::of(&Roots::new("/nowhere/at-all", "/nowhere/build"));
    for at in (256 << 10) - 40..(256 << 10) + 3 {
        for (path, count) in [("/nowhere/at-all", 1), ("/nowhere/at-al", 0)] {
            let mut deflated = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            io::Write::write_all(&mut deflated, &vec![b'x'; at]).unwrap();
            io::Write::write_all(&mut deflated, path.as_bytes()).unwrap();
            io::Write::write_all(&mut deflated, &vec![b'x'; 300 << 10]).unwrap();
            assert_eq!(needles.find(&deflated.finish().unwrap()).0.len(), count, "{path} at {at}");
        }
    }
}
