//! What sources mention, held against compilers and every header that comes with them.
#![expect(clippy::disallowed_methods, reason = "tests make their own files and run real compilers")]

use super::*;
use crate::depfile;
use rekindle_testkit::require;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// What counts in C text, as short words.
fn c(text: &str) -> String {
    show(&scan(text.as_bytes(), Text::C))
}

fn asm(text: &str) -> String {
    show(&scan(text.as_bytes(), Text::Assembler))
}

fn show(scan: &Scan) -> String {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let quoted = |name: &[u8], angled| {
        if angled { format!("<{}>", text(name)) } else { format!("\"{}\"", text(name)) }
    };
    let mut out = Vec::new();
    for probe in &scan.probes {
        out.push(format!("{}{}", if probe.next { "next " } else { "" }, quoted(&probe.name, probe.angled)));
    }
    out.extend(scan.embeds.iter().map(|embed| format!("embed {}", quoted(&embed.name, embed.angled))));
    out.extend(scan.incbins.iter().map(|file| format!("incbin {}", text(&file.name))));
    out.extend(scan.asm_includes.iter().map(|file| format!("include {}", text(&file.name))));
    out.extend(scan.stepping.iter().map(|step| format!("step {}", quoted(&step.name, step.angled))));
    let words = [
        (Mentions::DATE, "date"),
        (Mentions::TIME, "time"),
        (Mentions::TIMESTAMP, "timestamp"),
        (Mentions::FILE, "file"),
        (Mentions::BASE_FILE, "base file"),
        (Mentions::SOURCE_LOCATION, "location"),
        (Mentions::BUILTIN_FILE, "builtin file"),
    ];
    out.extend(words.iter().filter(|(bit, _)| scan.mentions.any(*bit)).map(|(_, word)| (*word).to_string()));
    out.extend(scan.aliases.iter().map(|alias| format!("alias {}", text(alias))));
    out.extend(scan.unprovable.iter().chain(&scan.unprovable_assembly).cloned());
    out.join(", ")
}

#[test]
fn each_mention_is_found_alone() {
    let found = |text: &str| scan(text.as_bytes(), Text::C).mentions;
    assert_eq!(found("x = __DATE__;"), Mentions::DATE);
    assert_eq!(found("x = __TIME__;"), Mentions::TIME);
    assert_eq!(found("x = __TIMESTAMP__;"), Mentions::TIMESTAMP);
    assert_eq!(found("#define X f(__FILE__)"), Mentions::FILE);
    assert_eq!(found("x = __BASE_FILE__;"), Mentions::BASE_FILE);
    assert_eq!(found("std::source_location::current()"), Mentions::SOURCE_LOCATION);
    assert_eq!(found("x = __builtin_source_location();"), Mentions::SOURCE_LOCATION);
    assert_eq!(found("const char *f = __builtin_FILE()"), Mentions::BUILTIN_FILE);
    assert_eq!(found("#if __has_include(<a>)"), Mentions::HAS_INCLUDE);
    assert_eq!(found("#if __has_embed(<a>)"), Mentions::HAS_EMBED);
    assert_eq!(found("#embed <a>"), Mentions::EMBED);
    assert_eq!(found("asm(\".incbin \\\"a\\\"\");"), Mentions::INCBIN);
    assert_eq!(found("asm(\".include \\\"a\\\"\");"), Mentions::ASM_INCLUDE);
    assert_eq!(found("#include \"../a.h\""), Mentions::PARENT_STEP);
    assert_eq!(found("#pragma GCC dependency <a>"), Mentions::FILE_TIMES);
    assert_eq!(found("int x;"), Mentions::default());
}

#[test]
fn the_numbers_of_the_bits_are_those_that_are_persisted() {
    let all = [
        Mentions::HAS_INCLUDE,
        Mentions::HAS_EMBED,
        Mentions::EMBED,
        Mentions::INCBIN,
        Mentions::DATE,
        Mentions::TIME,
        Mentions::TIMESTAMP,
        Mentions::FILE,
        Mentions::BASE_FILE,
        Mentions::SOURCE_LOCATION,
        Mentions::BUILTIN_FILE,
        Mentions::ASM_INCLUDE,
        Mentions::PARENT_STEP,
        Mentions::COMPUTED_INCLUDE,
        Mentions::STEP_IN_MACRO,
        Mentions::FILE_TIMES,
    ];
    for (at, mention) in all.into_iter().enumerate() {
        assert_eq!(mention.bits(), 1 << at);
        assert_eq!(Mentions::from_bits(1 << at), mention);
    }
}

#[test]
fn comments_and_ordinary_strings_do_not_count() {
    for text in [
        "/* __DATE__ */",
        "/* a\n __DATE__ \n*/ int x;",
        "// __DATE__",
        "// a \\\n __DATE__",
        "/\\\n/ __DATE__",
        "/\\\n* __DATE__ *\\\n/",
        "x = \"__DATE__ \\\" __DATE__\";",
        "x = '\"'; y = \"__DATE__\";",
        "x = R\"(\" __DATE__ \\\")\";",
        "x = u8R\"end()\" __DATE__ )end\";",
        "x = 1'000'000; /* ' */ // __DATE__",
        "my__DATE__ __DATE__x $__DATE__",
        "#ifdef __DATE__\n#endif",
        "#if defined(__DATE__) && defined __TIME__\n#endif",
        "#error __DATE__",
        "/* #if __has_include(X) */",
        "// #embed X",
        "/* asm(\".incbin \" X) */",
        "// #include \"../x.h\"",
    ] {
        assert_eq!(c(text), "", "{text}");
    }
}

#[test]
fn what_stands_beside_comments_and_strings_counts() {
    for text in [
        "/* */ __DATE__",
        "/**/__DATE__/**/",
        "// a\n__DATE__",
        "__DA\\\nTE__ /* __DATE__ */",
        "\"/*\" __DATE__ \"*/\"",
        "\"\\\\\" __DATE__",
        "'\"' __DATE__ '\"'",
        "R\"(\\)\" __DATE__",
        "R\"x()\")x\" __DATE__",
        "1'0 __DATE__ 1'0",
        "L\"a\" __DATE__ \"\"",
        "\" unclosed\n__DATE__",
        "#error don't\n__DATE__",
        "#pragma message(__DATE__)",
        "#define D __DATE__",
        "%: define D __DATE__",
    ] {
        assert_eq!(c(text), "date", "{text}");
    }
}

#[test]
fn literal_probes_are_read() {
    let read = [
        "#if __has_include(<a/b.h>) && __has_include( \"c d.h\" )",
        "#elif !__has_include_next(<x.h>)",
        "#if defined(__has_include) && \\\n  __has_include (<x//y.h>) // z",
        "#define USE_TBB __has_include(<tbb/tbb.h>)",
        "  #  if /* a */ __has_include /* b */ ( /* c */ <d> )",
        "#if __has_include(<a>) || __has_include(<a>)",
    ];
    let shown = read.iter().fold(String::new(), |mut out, text| {
        writeln!(out, "{}", c(text)).unwrap();
        out
    });
    insta::assert_snapshot!(shown, @r#"
    <a/b.h>, "c d.h"
    next <x.h>
    <x//y.h>
    <tbb/tbb.h>
    <d>
    <a>
    "#);
}

#[test]
fn asking_whether_the_probe_exists_is_harmless() {
    for text in [
        "#ifdef __has_include",
        "#ifndef __has_include\n#define __has_include(x) 0\n#endif",
        "#if defined(__has_include)",
        "#if defined __has_include && 1",
        "#if !defined ( __has_include_next )",
        "#undef __has_include",
        "#define HAS defined(__has_include)",
        "int __has_include;",
    ] {
        assert_eq!(c(text), "", "{text}");
    }
}

#[test]
fn a_name_that_a_macro_makes_is_unprovable() {
    let cases = [
        "\n#if __has_include(HEADER)",
        "int a;\\\nint b;\n#define HAS(x) \\\n  __has_include(<lib/x>)",
        "#if __has_embed(DATA)",
        "#embed DATA",
        "asm(\".incbin \\\"\" DIR \"/a\\\"\");",
        "#define INCBIN(file) asm(\".incbin \" #file)",
        "asm(\".incbin \" XSTR(FILE));",
        "asm(\".macro m f\\n.incbin \\\"\\\\f\\\"\\n.endm\");",
        "asm(\".incbin %0\" :: \"i\"(x));",
        "asm(\".incbin \\\"\"\n#ifdef X\n\"a\"\n#else\n\"b\"\n#endif\n\"\\\"\");",
        "asm(\".include \" NAME);",
        "#define INCBIN_MACRO \".incbin\"\nasm(INCBIN_MACRO \" \\\"\" FILE \"\\\"\");",
        "#define INCBIN(file) asm(STRING(.incbin file))",
    ];
    let shown = cases.iter().fold(String::new(), |mut out, text| {
        writeln!(out, "{}", c(text)).unwrap();
        out
    });
    insta::assert_snapshot!(shown, @"
    line 2: a macro makes the name for `__has_include`
    line 4: the macro `HAS` gives `__has_include` a name that is not written there
    line 1: a macro makes the name for `__has_embed`
    line 1: a macro makes the name for `#embed`
    line 1: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.include`
    line 1: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.incbin`
    ");
}

#[test]
fn what_compares_the_times_of_files_is_unprovable() {
    let why = "line 1: `#pragma GCC dependency` compares the times of files";
    for text in [
        "#pragma GCC dependency \"parse.y\"",
        "  # pragma GCC /* the */ dependency <parse.y> a comment",
        "%:pragma clang dependency \"parse.y\"",
        "#pragma GCC depend\\\nency \"parse.y\"",
        "_Pragma(\"GCC dependency \\\"parse.y\\\"\")",
        "_Pragma(L\" clang  dependency <parse.y>\")",
        "_Pragma(R\"(GCC dependency \"parse.y\")\")",
        "DO(GCC dependency \"parse.y\")",
        "DO(GCC, dependency, NAME)",
        "__pragma(GCC dependency \"parse.y\")",
        "DO(SPACE, dependency \"parse.y\")",
        "#define DO GCC dependency \"parse.y\"",
        "#define DO dependency",
        "#define DO(file) dependency file",
        "#define DO \"GCC dependency \\\"parse.y\\\"\"",
    ] {
        assert_eq!(c(text), why, "{text}");
    }
    assert_eq!(asm("#pragma GCC dependency \"parse.y\""), why);
    assert_eq!(asm("_Pragma(\"GCC dependency \\\"parse.y\\\"\")"), why);
    for text in [
        "// #pragma GCC dependency \"parse.y\"",
        "int dependency = f(gcc, dependency);",
        "#define EACH(dependency) dependency",
        "#define EACH(list) for (auto dependency : list)",
        "puts(\"a dependency of GCC\");",
        "#pragma GCC diagnostic push",
        "struct dependency dependency;",
        "#define NEEDS dependency->needs",
    ] {
        assert_eq!(c(text), "", "{text}");
    }
    let plain = scan(b"# GCC dependency \"x\"\nGCC dependency \"x\"", Text::PlainAssembler);
    assert_eq!(plain.unprovable, None);
}

#[test]
fn the_first_unprovable_place_is_named() {
    insta::assert_snapshot!(c("#if __has_include(A)\n#endif\n#if __has_include(B)\n#endif"), @"line 1: a macro makes the name for `__has_include`");
}

#[test]
fn a_name_of_which_no_parameter_is_a_part_is_literal_in_a_macro_too() {
    assert_eq!(c("#define HAS(x) (x && __has_include(<lib/xy.h>))"), "<lib/xy.h>");
}

#[test]
fn assembler_statements_in_strings_are_read() {
    let cases = [
        "asm(\".incbin \\\"a.bin\\\"\");",
        "asm(\".section .rodata\\n\" \"x: .incbin\\t\\\"a b.bin\\\", 4, 8\\n\"\n/* c */ \".incbin \\\"\" \"d\" \"e\\\"\");",
        "asm(R\"(\n  .incbin \"raw.bin\"\n)\");",
        "#define X asm(\".incbin \\\"x.bin\\\"\")",
        "asm(\".include \\\"m.inc\\\"\");",
        "asm(\".incbin \\x22hex.bin\\042\");",
        "asm(STRING(.incbin \"stringified.bin\"));",
    ];
    let shown = cases.iter().fold(String::new(), |mut out, text| {
        writeln!(out, "{}", c(text)).unwrap();
        out
    });
    insta::assert_snapshot!(shown, @"
    incbin a.bin
    incbin a b.bin, incbin de
    incbin raw.bin
    incbin x.bin
    include m.inc
    incbin hex.bin
    incbin stringified.bin
    ");
}

#[test]
fn a_string_that_only_speaks_of_the_statement_is_harmless() {
    for text in [
        "add(\".incbin\", parse);",
        "printf(\"the .incbin directive\\n\");",
        "x = \"file.include \\\"a\\\"\";",
        "x = \"my.incbin \\\"a\\\"\";",
        "x = \".incbinary \\\"a\\\"\";",
        "void incbin(void);",
        "x.incbin = y.incbin + 1; struct s z = { .incbin = 1, .include = 2 };",
        "#include \"incbin.h\"",
    ] {
        assert_eq!(c(text), "", "{text}");
    }
}

#[test]
fn assembler_text_is_read_in_its_own_way() {
    let cases = [
        "  .incbin \"a.bin\"\n x: .incbin \"b.bin\",1\n .include \"m.inc\"",
        "/* .incbin \"a\" */ // .incbin \"b\"\n# .incbin \"c\"\n# don't .incbin \"d\"",
        "#if __has_include(<a.h>)\n .byte 'a, 'b', '\\'', '\"\n .incbin \"e\"\n#endif",
        ".macro m f\n .incbin \"\\f\"\n.endm",
        ".macro m f\n .incbin \\f\n.endm",
        "\n.incbin FILE",
        "#define DATA(f) .incbin #f",
        "#define DATA .incbin \"f\"",
        ".ascii \".incbin \\\"x\\\"\" ; .byte 1",
        "  .INCBIN \"upper\"\n .incbin_x \"y\"\n # __DATE__ it's\n .ascii __DATE__",
    ];
    let shown = cases.iter().fold(String::new(), |mut out, text| {
        writeln!(out, "{}", asm(text)).unwrap();
        out
    });
    insta::assert_snapshot!(shown, @"
    incbin a.bin, incbin b.bin, include m.inc

    <a.h>, incbin e
    line 2: a macro makes the name of a file for `.incbin`
    line 2: a macro makes the name of a file for `.incbin`
    line 2: a macro makes the name of a file for `.incbin`
    line 1: a macro makes the name of a file for `.incbin`
    incbin f

    incbin upper, date
    ");
}

#[test]
fn plain_assembler_text_knows_no_directives_and_no_block_comments() {
    let plain = |text: &str| show(&scan(text.as_bytes(), Text::PlainAssembler));
    assert_eq!(plain("# see /* x\n .incbin \"a\"\n"), "incbin a");
    assert_eq!(plain("#if __has_include(X)\n#define Y __DATE__\n"), "");
    assert_eq!(plain("# .incbin \"a\"\n"), "");
}

#[test]
fn embeds_and_parent_steps_are_read() {
    assert_eq!(c("#embed \"a.bin\" limit(4)\n# embed <b.bin>\n"), "embed \"a.bin\", embed <b.bin>");
    assert_eq!(c("#if __has_embed(\"a.bin\" limit(4))\n#endif"), "embed \"a.bin\"");
    assert_eq!(
        c("#include \"../a.h\"\n#include <b/../c.h>\n#include \"d..h\"\n"),
        "step \"../a.h\", step <b/../c.h>"
    );
}

#[test]
fn a_scan_reads_back_as_it_was_written_and_merges_without_repeating() {
    let text = "#if __has_include(<a>) || __has_include_next(\"b\") || __has_include(X)\n#embed <c>\n#endif\n\
        #include \"../d\"\nasm(\".incbin \\\"e\\\"\\n.include \\\"f\\\"\"); __DATE__";
    let scan = scan(text.as_bytes(), Text::C);
    insta::assert_snapshot!(show(&scan), @r#"<a>, next "b", embed <c>, incbin e, include f, step "../d", date, line 1: a macro makes the name for `__has_include`"#);
    let mut encoder = Encoder::new();
    scan.encode(&mut encoder);
    let bytes = encoder.into_bytes();
    let mut decoder = Decoder::new(&bytes);
    assert_eq!(Scan::decode(&mut decoder).as_ref(), Ok(&scan));
    decoder.end().unwrap();
    for length in 0..bytes.len() {
        assert!(Scan::decode(&mut Decoder::new(&bytes[..length])).is_err());
    }
    let mut merged = Scan::default();
    merged.merge(&scan);
    merged.merge(&scan);
    assert_eq!(merged, scan);
}

/// Every file below `dir`.
fn files_below(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

#[test]
fn no_header_that_comes_with_a_compiler_is_unprovable_or_volatile() {
    let mut files = Vec::new();
    for dir in ["/usr/include/c++", "/usr/include/x86_64-linux-gnu", "/usr/lib/clang", "/usr/lib/avr/include"]
    {
        files_below(Path::new(dir), &mut files);
    }
    let mut own = Vec::new();
    for dir in ["/usr/lib/gcc", "/usr/lib/gcc-cross", "/usr/lib/llvm-14/lib/clang"] {
        files_below(Path::new(dir), &mut own);
    }
    files.extend(own.into_iter().filter(|file| file.components().any(|part| part.as_os_str() == "include")));
    for file in files {
        let Ok(bytes) = fs::read(&file) else { continue };
        let scan = scan(&bytes, Text::C);
        let shown = show(&scan);
        let suspect = scan.unprovable.is_some() || scan.mentions.date().is_some();
        assert!(!suspect || bytes.contains(&0), "{}: {shown}", file.display());
    }
}

#[test]
fn every_header_that_common_includes_read_is_provable() {
    if !require("g++") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let headers = "vector string iostream cstdio stdatomic.h filesystem execution algorithm thread regex \
        memory_resource bits/stdc++.h limits.h stdint.h sys/mount.h sys/stat.h unistd.h assert.h";
    let text: String = headers.split_whitespace().map(|name| format!("#include <{name}>\n")).collect();
    fs::write(dir.path().join("a.cc"), text).unwrap();
    let done =
        Command::new("g++").args(["-std=c++20", "-M", "a.cc"]).current_dir(dir.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let depfile = depfile::parse(&done.stdout).unwrap();
    let mut all = Scan::default();
    for name in depfile.prerequisites() {
        let bytes = fs::read(dir.path().join(OsStr::from_bytes(name))).unwrap();
        all.merge(&scan(&bytes, Text::C));
    }
    assert!(depfile.prerequisites().len() > 100);
    assert_eq!(all.unprovable, None);
    assert!(all.mentions.date().is_none());
}

#[test]
fn the_assembler_reads_exactly_the_files_that_were_found() {
    if !require("g++") {
        return;
    }
    let sources = [
        ("a.c", "asm(\".incbin \\\"one.bin\\\"\"); /* asm(\".incbin \\\"two.bin\\\"\"); */"),
        (
            "b.c",
            "asm(\".section .rodata\\n\" \"x: .incb\" \"in \\\"one.bin\\\"; .incbin\\t\\\"two\" \".bin\\\",1\\n\");",
        ),
        ("c.S", " .incbin \"one.bin\"\n# .incbin \"two.bin\"\n// .incbin \"two.bin\"\n .include \"m.inc\"\n"),
        ("d.s", " .ascii \".incbin \\\"two.bin\\\"\"\nx: .incbin \"one.bin\" # two.bin\n"),
        ("e.cc", "asm(R\"(\n .incbin \"two.bin\"\n .include \"m.inc\"\n)\");"),
    ];
    let dir = tempfile::tempdir().unwrap();
    for name in ["one.bin", "two.bin", "m.inc"] {
        fs::write(dir.path().join(name), "\n\n\n").unwrap();
    }
    for (source, text) in sources {
        fs::write(dir.path().join(source), text).unwrap();
        let mut run = Command::new("gcc");
        let done = run
            .args(["-c", source, "-o", "out.o", "-Wa,--MD,out.d"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{source}: {}", String::from_utf8_lossy(&done.stderr));
        let depfile = depfile::parse(&fs::read(dir.path().join("out.d")).unwrap()).unwrap();
        let mut read: Vec<&[u8]> = depfile.prerequisites();
        read.retain(|name| name.ends_with(b".bin") || name.ends_with(b".inc"));
        read.sort_unstable();
        let how = match source.rsplit_once('.').unwrap().1 {
            "S" => Text::Assembler,
            "s" => Text::PlainAssembler,
            _ => Text::C,
        };
        let scan = scan(text.as_bytes(), how);
        let mut found: Vec<&[u8]> =
            scan.incbins.iter().chain(&scan.asm_includes).map(|file| &*file.name).collect();
        found.sort_unstable();
        assert_eq!(found, read, "{source}");
        assert_eq!(scan.unprovable, None, "{source}");
    }
}

#[test]
fn the_date_counts_exactly_where_gcc_warns_of_it() {
    if !require("g++") {
        return;
    }
    let pieces = [
        "__DATE__", "__DATE__", " ", " ", "\n", "\n", "\\\n", "\\ \n", "/*", "*/", "//", "/", "*", "\"", "'",
        "\\", "\\\"", "R\"(", ")\"", "u8", "1'0", "a", "0x1e+", "(", "%:", "<", "?", "L'", "L\"", "R\"x(",
        ")x\"",
    ];
    let mut state = 0x1234_5678_9abc_def1_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % below
    };
    let dir = tempfile::tempdir().unwrap();
    let mut texts = Vec::new();
    for at in 0..600 {
        let text: String = (0..3 + random(12)).map(|_| pieces[random(pieces.len())]).collect();
        fs::write(dir.path().join(format!("t{at}.cc")), &text).unwrap();
        texts.push(text);
    }
    let names: Vec<String> = (0..texts.len()).map(|at| format!("t{at}.cc")).collect();
    let mut run = Command::new("g++");
    let done = run.args(["-E", "-Wdate-time"]).args(&names).current_dir(dir.path()).output();
    let said = String::from_utf8_lossy(&done.unwrap().stderr).into_owned();
    let mut dated = 0;
    for (name, text) in names.iter().zip(&texts) {
        let gcc =
            said.lines().any(|line| line.starts_with(&format!("{name}:")) && line.contains("[-Wdate-time]"));
        dated += usize::from(gcc);
        assert_eq!(scan(text.as_bytes(), Text::C).mentions.date().is_some(), gcc, "{text:?}");
    }
    assert!(dated > 50, "{dated}");
}

#[test]
fn any_bytes_are_scanned_without_a_panic() {
    let pieces: [&[u8]; 26] = [
        b"#",
        b"define ",
        b"X",
        b"(",
        b")",
        b"__has_include",
        b"<",
        b">",
        b"\"",
        b"'",
        b"\\",
        b"\n",
        b"R\"",
        b".incbin ",
        b".include",
        b"include ",
        b"embed",
        b"if ",
        b"defined",
        b"/*",
        b"//",
        b"\\x",
        b"\xff",
        b"%",
        b"__has_embed",
        b"\0",
    ];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut text = Vec::new();
        for _ in 0..12 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.extend_from_slice(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
        }
        for how in [Text::C, Text::Assembler, Text::PlainAssembler] {
            careful::scan(&text, how, &[]);
        }
    }
}

#[test]
fn a_macro_that_stands_for_a_probe_is_an_alias_and_its_uses_are_probes() {
    assert_eq!(c("#define HAS __has_include\n"), "alias HAS");
    assert_eq!(c("#define HAS(x) __has_include(x)\n"), "alias HAS");
    assert_eq!(c("#define NEXT(x) __has_include_next(x)\n"), "alias NEXT");
    let with = |text: &str| show(&scan_with(text.as_bytes(), Text::C, &[b"HAS".as_slice().into()]));
    assert_eq!(with("#if HAS(<a.h>) && HAS(\"b.h\")\n#endif\n"), "<a.h>, \"b.h\"");
    assert_eq!(with("#ifndef HAS\n#define HAS(x) 0\n#endif\n#if defined(HAS)\n#endif\n"), "");
    assert_eq!(with("#define MORE(y) HAS(y)\n"), "alias MORE");
    assert!(c("#define HAS(a, b) __has_include(b)\n").starts_with("line 1: the macro `HAS` gives"));
    assert_eq!(with("#if HAS(NAME)\n"), "line 1: a macro makes the name for `HAS`");
    assert_eq!(with("/* HAS(NAME) */ int x;\n"), "");
}

#[test]
fn half_a_name_counts_as_the_whole_where_nothing_else_is_called_so() {
    let dates =
        ["CAT(__DA,TE__)", "__DATE ## __", "_ ## _DATE__", "#define D(x) __DA ## x", "CAT(__,DATE__)"];
    for text in dates {
        assert!(scan(text.as_bytes(), Text::C).mentions.any(Mentions::DATE), "{text}");
    }
    assert!(scan(b"CAT(__TIMEST,AMP__)", Text::C).mentions.any(Mentions::TIMESTAMP));
    let both = scan(b"\n#if CAT(__has_,include)(<x.h>)", Text::C);
    assert_eq!((both.asks, both.answers), (Some(2), Some(2)));
    let one = scan(b"#define HAS(x) __has_ ## x\n#include <x.h> // (include)", Text::C);
    assert_eq!((one.asks, one.answers), (Some(1), None));
    for text in ["#if CAT(__has_i,nclude)(<x.h>)", "#define A(x) __ ## x\n#if A(has_include)(<x.h>)"] {
        assert!(scan(text.as_bytes(), Text::C).unprovable.is_some(), "{text}");
    }
    for text in ["#if __has_inc\\\nlude(<x.h>)", "#if __has_inc\\  \nlude(<x.h>)"] {
        assert_eq!(c(text), "<x.h>");
    }
    for text in [
        "__TIMER",
        "TIME",
        "int __DATES;",
        "#if __has_attribute(x)",
        "#ifndef TIME__\n#define TIME__\n#endif",
    ] {
        assert_eq!(c(text), "", "{text}");
    }
}

#[test]
fn a_statement_of_the_assembler_that_a_macro_completes_is_unprovable() {
    let unknown = |text: &str| scan(text.as_bytes(), Text::C).unprovable_assembly.is_some();
    for text in [
        "#define INC \".inc\"\nasm(INC \"bin \\\"x\\\"\");",
        "asm(\".\" BIN \" \\\"x\\\"\");",
        "__asm__ volatile(INC \"bin \\\"x\\\"\");",
        "#define BIN(f) DOT \"incbin \\\"\" f \"\\\"\"",
    ] {
        assert!(unknown(text), "{text}");
    }
    assert_eq!(c("asm(\".inc\" \"bin \\\"x\\\"\");"), "incbin x");
    assert_eq!(c("asm(\".\" \"incbin \\\"x\\\"\");"), "incbin x");
    for text in
        ["puts(\"a.\" NL);", "asm(\"nop\" NL);", "x = \"file.in\" V;", "asm volatile(\"mov %0, x.\" ::);"]
    {
        assert!(!unknown(text), "{text}");
    }
    let assembler = |text: &str| scan(text.as_bytes(), Text::Assembler).unprovable_assembly.is_some();
    assert!(assembler("CAT(.inc,bin) \"x\""));
    assert!(!assembler("#include \"a.inc\"\n"));
}

#[test]
fn names_that_macros_make_and_that_step_up_are_told() {
    let all = |text: &str| scan(text.as_bytes(), Text::C);
    assert!(all("#include HEADER").mentions.any(Mentions::COMPUTED_INCLUDE));
    assert!(all("#  include_next /* */ HEADER").mentions.any(Mentions::COMPUTED_INCLUDE));
    assert!(!all("#include <a.h>\n#include \"b.h\"\n// __DATE__").mentions.any(Mentions::COMPUTED_INCLUDE));
    let steps = all("#define HEADER \"../x.h\"");
    assert_eq!(steps.macro_steps, [Probe { name: (*b"../x.h").into(), angled: false, next: false }]);
    for text in ["#define HEADER <../x.h>", "#define UP ../x.h", "#include S(../x.h)"] {
        assert!(all(text).mentions.any(Mentions::STEP_IN_MACRO), "{text}");
    }
    for text in
        ["#define LOG(...) log(\"../\", __VA_ARGS__)", "#define RANGE(a, b) a ... b", "#include \"../x.h\""]
    {
        assert!(!all(text).mentions.any(Mentions::STEP_IN_MACRO), "{text}");
    }
}

#[test]
fn the_headers_that_may_come_first_are_those_up_to_the_first_without_a_condition() {
    let first = |text: &str| {
        let first = first_includes(text.as_bytes());
        let names: Vec<_> =
            first.names.iter().map(|name| String::from_utf8_lossy(&name.name).into_owned()).collect();
        format!("{}{}", names.join(" "), if first.unknown { " ?" } else { "" })
    };
    assert_eq!(first("// #include \"n.h\"\n#include \"a.h\"\n#include <b.h>\n"), "a.h");
    assert_eq!(
        first("#ifdef X\n#include <x.h>\n#else\n#include <y.h>\n#endif\n#import <z.h>\n#include <b.h>"),
        "x.h y.h z.h"
    );
    assert_eq!(first("#define X 1\n#include X\n#include <b.h>"), " ?");
    assert_eq!(first("int x;\n"), "");
}
