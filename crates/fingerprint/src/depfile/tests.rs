//! Dependency files, as real tools write and read them.
#![expect(clippy::disallowed_methods, reason = "tests make their own files and run real tools")]

use super::*;
use rekindle_testkit::require;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

fn rules(text: &[u8]) -> Vec<(Vec<String>, Vec<String>)> {
    let show = |names: &[Vec<u8>]| {
        names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>()
    };
    let depfile = parse(text).unwrap();
    depfile.rules.iter().map(|rule| (show(&rule.targets), show(&rule.prerequisites))).collect()
}

/// Reads `text` as one rule `t: ...` and shows its prerequisites.
fn names(text: &str) -> Vec<String> {
    let mut rules = rules(text.as_bytes());
    assert_eq!(rules.len(), 1, "{rules:?}");
    assert_eq!(rules[0].0, ["t"]);
    rules.remove(0).1
}

#[test]
fn lines_continue_behind_an_odd_backslash_with_either_line_end() {
    assert_eq!(names("t: a \\\n b \\\r\n c\r\n"), ["a", "b", "c"]);
    assert_eq!(names("t: a\\\nb"), ["a", "b"]);
    assert_eq!(names("t:\\\n a"), ["a"]);
    assert_eq!(names("t: a\\\\\n"), ["a\\"]);
}

#[test]
fn backslashes_before_a_blank_follow_the_rule_of_make() {
    assert_eq!(names(r"t: a\ b a\\ b a\\\ b a\\\\ b"), ["a b", "a\\", "b", "a\\ b", "a\\\\", "b"]);
    assert_eq!(names("t: a\\\tb"), ["a\tb"]);
    assert_eq!(names(r"t: a\b\\c"), [r"a\b\\c"]);
}

#[test]
fn a_hash_and_a_dollar_are_read_escaped_and_bare() {
    assert_eq!(names(r"t: a\#b a#b #c a\\#b"), ["a#b", "a#b", "#c", r"a\#b"]);
    assert_eq!(names("t: a$$b a$b $$$$ $"), ["a$b", "a$b", "$$", "$"]);
}

#[test]
fn a_colon_inside_a_name_does_not_end_the_targets() {
    let read = rules(b"C:\\out\\t.o a:b: C:/x.h d:\n");
    assert_eq!(read[0].0, ["C:\\out\\t.o", "a:b"]);
    assert_eq!(read[0].1, ["C:/x.h", "d:"]);
    assert_eq!(rules(b"a::\n")[0].0, ["a:"]);
    assert_eq!(rules(b"a\\:b: c\\:d\n"), [(vec!["a:b".into()], vec!["c:d".into()])]);
    assert_eq!(rules(b"t : a\n"), [(vec!["t".into()], vec!["a".into()])]);
}

#[test]
fn a_colon_without_a_blank_behind_it_is_found() {
    assert_eq!(rules(b"t.o:a.c b.h\n"), [(vec!["t.o".into()], vec!["a.c".into(), "b.h".into()])]);
    assert_eq!(rules(b"C:/t.o:a.c\n"), [(vec!["C:/t.o".into()], vec!["a.c".into()])]);
    assert_eq!(rules(b"t.o :a.c\n"), [(vec!["t.o".into()], vec!["a.c".into()])]);
}

#[test]
fn several_targets_and_rules_are_kept_apart() {
    let read = rules(b"a b: c d\n\nc:\n\nd:\n");
    assert_eq!(read.len(), 3);
    assert_eq!(read[0], (vec!["a".into(), "b".into()], vec!["c".into(), "d".into()]));
    assert_eq!(read[1], (vec!["c".into()], vec![]));
    let twice = parse(b"a: x y x\nb: y z\n").unwrap();
    assert_eq!(twice.prerequisites(), [b"x", b"y", b"z"]);
}

#[test]
fn an_empty_file_and_comments_hold_no_rules() {
    assert_eq!(parse(b"").unwrap(), Depfile::default());
    assert_eq!(parse(b" \n\r\n# t: a \\\n b: c\n  #x").unwrap(), Depfile::default());
    assert_eq!(rules(b"# made by hand\nt: a"), [(vec!["t".into()], vec!["a".into()])]);
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    assert_eq!(parse(b"t: \xff\xfe \xc3\xa9\n").unwrap().prerequisites(), [b"\xff\xfe", b"\xc3\xa9"]);
}

#[test]
fn what_is_no_rule_is_refused_with_its_place() {
    let refusal = |text: &[u8]| parse(text).unwrap_err().to_string();
    insta::assert_snapshot!(refusal(b"t: a\n\n  some words\n"), @"line 3, column 3: no `:` after these names");
    insta::assert_snapshot!(refusal(b"t: a\n : b\n"), @"line 2, column 2: no target before `:`");
    insta::assert_snapshot!(refusal(b":b\n"), @"line 1, column 1: no target before `:`");
    insta::assert_snapshot!(refusal(b"t: a\0b\n"), @"line 1, column 5: a zero byte");
    insta::assert_snapshot!(refusal(b"X = y\n"), @"line 1, column 1: no `:` after these names");
}

/// Names of random bytes that matter to the grammar, none with a line end or zero byte.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    fn name(&mut self) -> Vec<u8> {
        let bytes = b"ab\\\\\\ \t#$:%\"'\r\xff/";
        (0..=self.next(6)).map(|_| bytes[self.next(bytes.len())]).collect()
    }

    fn names(&mut self, least: usize) -> Vec<Vec<u8>> {
        (0..least + self.next(4)).map(|_| self.name()).collect()
    }
}

#[test]
fn any_names_without_line_ends_read_back_as_written() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..50_000 {
        let (targets, prerequisites) = (random.names(1), random.names(0));
        let text = format(&targets, &prerequisites, true);
        let read =
            parse(&text).unwrap_or_else(|error| panic!("{error}: {:?}", text.escape_ascii().to_string()));
        let shown = text.escape_ascii().to_string();
        let made: Vec<Vec<u8>> = read
            .rules
            .iter()
            .filter(|r| !r.prerequisites.is_empty() || prerequisites.is_empty())
            .flat_map(|r| r.targets.clone())
            .collect();
        assert_eq!(made, targets, "{shown}");
        assert_eq!(read.rules[0].prerequisites, prerequisites, "{shown}");
        let phony: Vec<_> = read
            .rules
            .iter()
            .filter(|rule| rule.prerequisites.is_empty())
            .flat_map(|r| r.targets.clone())
            .collect();
        if let Some((_, rest)) = prerequisites.split_first() {
            assert_eq!(phony, rest, "{shown}");
        }
    }
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut random = Random(1);
    let bytes = b"a\\\\ \t#$::\r\n\n\0";
    for _ in 0..50_000 {
        let text: Vec<u8> = (0..random.next(12)).map(|_| bytes[random.next(bytes.len())]).collect();
        let _ = parse(&text);
        let _ = parse_linker(&text);
        let _ = without(&text, |_| true);
    }
}

#[test]
fn the_depfile_of_a_person_is_ours_without_system_headers() {
    let ours = b"$(OUT)/a.o: a.c /usr/include/x.h \\\n my\\ own.h\n/usr/include/x.h:\nmy\\ own.h:\n";
    let theirs = without(ours, |name| name.starts_with(b"/usr/include")).unwrap();
    insta::assert_snapshot!(String::from_utf8(theirs).unwrap(), @r"
    $(OUT)/a.o: a.c \
     my\ own.h
    my\ own.h:
    ");
    assert_eq!(without(b"a.o:a.c\n", |_| false).unwrap(), b"a.o: a.c\n");
    // What looks like a drive's letter and is none, and a colon that belongs to a name.
    assert_eq!(without(b"p:\\", |_| false).unwrap(), b"p:\n");
    assert_eq!(without(b"a\\:b:c\n", |_| false).unwrap(), b"a\\:b: c\n");
}

/// Names that no tool writes ambiguously but for those that `ambiguous` says.
fn odd_names() -> Vec<&'static [u8]> {
    vec![
        b"a b",
        b"a#b",
        b"#a",
        b"a$b",
        b"$(a)",
        b"a\\b",
        b"a\\ b",
        b"a\\\\ b",
        b"a%b",
        b"a:b",
        b"a:",
        b"a'b",
        b"a\"b",
        b"\xc3\xa9",
        b"\xff\xfe",
        b"a\tb",
        b" a",
        b"a ",
        b"a\\\tb",
        b"a*b",
        b"a;b",
        b"a|b",
        b"a=b",
        b"~a",
        b"a\rb",
        b"a\\#b",
        b"a\\:b",
        b"a\\",
    ]
}

/// Runs `tool` on each odd name; `command` makes its arguments from the file and the depfile's name.
fn reads_back(
    tool: &str,
    content: &[u8],
    ambiguous: impl Fn(&[u8]) -> bool,
    read: impl Fn(&[u8]) -> Result<Depfile, DepfileError>,
    command: impl Fn(&mut Command, &OsStr),
) {
    for (at, name) in odd_names().into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let sub = dir.path().join("d");
        std::fs::create_dir(&sub).unwrap();
        let file = [b"d/", name].concat();
        let file = OsStr::from_bytes(&file);
        std::fs::write(dir.path().join(file), content).unwrap();
        std::fs::write(dir.path().join("t.c"), "int x;\n").unwrap();
        let mut run = Command::new(tool);
        command(run.current_dir(dir.path()), file);
        let done = run.output().unwrap();
        let shown = name.escape_ascii().to_string();
        if !done.status.success() {
            assert!(ambiguous(name), "{tool} {at} {shown}: {}", String::from_utf8_lossy(&done.stderr));
            continue;
        }
        let text = std::fs::read(dir.path().join("out.d")).unwrap();
        let read = read(&text).unwrap();
        let found = read.prerequisites().contains(&file.as_bytes());
        assert_eq!(found, !ambiguous(name), "{tool} {shown}: {}", text.escape_ascii());
        if ambiguous(name) {
            let there = |name: &[u8]| dir.path().join(Path::new(OsStr::from_bytes(name))).exists();
            assert!(read.prerequisites().iter().any(|name| !there(name)), "{tool} {shown} goes unnoticed");
        }
    }
}

fn compile(run: &mut Command, file: &OsStr) {
    run.arg("-include").arg(file).args(["-c", "t.c", "-o", "t.o", "-MD", "-MP", "-MF", "out.d"]);
}

#[test]
fn what_gcc_writes_reads_back() {
    let ambiguous = |name: &[u8]| matches!(name, b"a\\:b" | b"a\\");
    reads_back("gcc", b"\n", ambiguous, parse, compile);
}

#[test]
fn what_clang_writes_reads_back() {
    if !require("clang") {
        return;
    }
    let ambiguous =
        |name: &[u8]| name.contains(&b'\\') || name.contains(&b'\t') || name == b"a\"b" || name == b"a\rb";
    reads_back("clang", b"\n", ambiguous, parse, compile);
}

#[test]
fn what_the_assembler_writes_reads_back() {
    let ambiguous = |name: &[u8]| matches!(name, b"a\\#b" | b"a\\:b");
    reads_back("as", b"\n", ambiguous, parse, |run, file| {
        run.args(["--MD", "out.d", "-o", "t.o"]).arg(file);
    });
}

/// The bytes of an object that any linker here takes.
fn object() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("t.c"), "int x;\n").unwrap();
    let done = Command::new("gcc").args(["-c", "t.c"]).current_dir(dir.path()).status().unwrap();
    assert!(done.success());
    std::fs::read(dir.path().join("t.o")).unwrap()
}

#[test]
fn what_gnu_ld_writes_without_escapes_reads_back() {
    reads_back(
        "ld",
        &object(),
        |_| false,
        parse_linker,
        |run, file| {
            run.args(["-r", "--dependency-file=out.d", "-o", "an out"]).arg(file);
        },
    );
}

#[test]
fn what_lld_writes_reads_back() {
    if !require("ld.lld") {
        return;
    }
    let ambiguous = |name: &[u8]| name.contains(&b'\\') || name.contains(&b'\t');
    reads_back("ld.lld", &object(), ambiguous, parse_linker, |run, file| {
        run.args(["-r", "--dependency-file=out.d", "-o", "t.out"]).arg(file);
    });
}

#[test]
fn a_linker_file_of_gnu_ld_keeps_blanks_and_dollars() {
    let text = b"an out: \\\n  a b.o \\\n  c$$d.o\n\na b.o:\n\nc$$d.o:\n";
    let read = parse_linker(text).unwrap();
    assert_eq!(read.rules.len(), 3);
    assert_eq!(read.rules[0].targets, [b"an out"]);
    assert_eq!(read.prerequisites(), [b"a b.o".as_slice(), b"c$$d.o"]);
}

#[test]
fn a_trace_tells_files_archives_temporaries_and_words_apart() {
    let output =
        b"/bin/ld: mode avr2\n/lib/crt1.o\nsome (x) file.o\nlibf.a(f.o)\n(libg.a)g.o\n(libg.a)h.o\nlibf.a\n\
        /tmp/ccX.ltrans0.o\r\n\n/bin/ld: warning: odd (thing)\nmain.c:(.text+0x5): undefined\nlast";
    let there: [&[u8]; 6] = [b"/lib/crt1.o", b"some (x) file.o", b"libf.a", b"libg.a", b"last", b"some"];
    let trace = parse_trace(output, |name| there.contains(&name));
    let show =
        |names: &[Vec<u8>]| names.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect::<Vec<_>>();
    assert_eq!(show(&trace.files), ["/lib/crt1.o", "some (x) file.o", "libf.a", "libg.a", "last"]);
    assert_eq!(show(&trace.gone), ["/tmp/ccX.ltrans0.o"]);
    insta::assert_snapshot!(String::from_utf8(trace.other).unwrap(), @"

    /bin/ld: warning: odd (thing)
    main.c:(.text+0x5): undefined
    ");
}

#[test]
fn the_trace_of_a_real_link_names_every_object_and_archive() {
    let dir = tempfile::tempdir().unwrap();
    let run = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).current_dir(dir.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        [done.stdout, done.stderr].concat()
    };
    std::fs::write(dir.path().join("m.c"), "int f(void); int main(void) { return f(); }\n").unwrap();
    std::fs::write(dir.path().join("f.c"), "int f(void) { return 0; }\n").unwrap();
    run("gcc", &["-c", "m.c", "f.c"]);
    run("ar", &["rc", "libf(1).a", "f.o"]);
    let mut linkers = vec!["bfd"];
    linkers.extend(require("ld.lld").then_some("lld"));
    for linker in linkers {
        let output = run("gcc", &["m.o", "libf(1).a", "-o", "m", "-Wl,-t", &format!("-fuse-ld={linker}")]);
        let trace = parse_trace(&output, |name| dir.path().join(OsStr::from_bytes(name)).is_file());
        for name in [b"m.o".as_slice(), b"libf(1).a"] {
            assert!(trace.files.iter().any(|file| file == name), "{}", String::from_utf8_lossy(&output));
        }
        assert_eq!((trace.gone, trace.other), (vec![], vec![]));
    }
}

#[test]
fn an_empty_line_in_a_trace_is_kept() {
    assert_eq!(parse_trace(b"\n", |_| true).other, b"\n");
}
