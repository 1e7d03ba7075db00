//! Archives that real archivers wrote, and such as none would write.
#![expect(clippy::disallowed_methods, reason = "tests make their own files and run archivers")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rekindle_testkit::require;

use super::source::HEADER;
use super::*;

struct Space {
    dir: tempfile::TempDir,
}

impl Space {
    /// Objects of three sources, of which one has a long name and lies in a directory, and files that are no objects.
    fn new() -> Self {
        let space = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(space.path("sub")).unwrap();
        for (name, text) in [
            ("one", "int one(void) { return 1; }"),
            ("sub/a_name_that_is_longer_than_a_header_has_room", "int two(void) { return 2; } int two_too;"),
            ("exactly_13_ch", "int three(void) { return 3; }"),
        ] {
            fs::write(space.path(&format!("{name}.c")), text).unwrap();
            space.run("gcc", &["-c", &format!("{name}.c"), "-o", &format!("{name}.o")]);
        }
        for (name, size) in [("odd", 7), ("even", 8), ("none", 0), ("sub/another_name_without_end.txt", 1)] {
            fs::write(space.path(name), "x".repeat(size)).unwrap();
        }
        space
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, program: &str, args: &[&str]) {
        let done = Command::new(program).args(args).current_dir(self.dir.path()).output().unwrap();
        assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// The archive that `ar` makes with these flags, all files touched at a time of its own before.
    fn archive(&self, ar: &[&str], members: &[&str], age: u64) -> Vec<u8> {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + age);
        for member in members {
            let file = fs::File::options().write(true).open(self.path(member)).unwrap();
            file.set_modified(time + Duration::from_secs(member.len() as u64)).unwrap();
        }
        let _ = fs::remove_file(self.path("made.a"));
        self.run(ar[0], &[&ar[1..], &["made.a"], members].concat());
        fs::read(self.path("made.a")).unwrap()
    }

    fn normalised(&self, archive: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        normalise(archive, &mut out, &mut |path| fs::read(self.dir.path().join(path))).unwrap();
        out
    }

    fn members(&self, archive: &[u8]) -> Vec<Member> {
        members(archive, &mut |path| fs::read(self.dir.path().join(path))).unwrap().unwrap()
    }

    /// What a program says that links `archive`, in a directory where nothing else is.
    fn links(&self, archive: &[u8]) {
        let other = tempfile::tempdir().unwrap();
        let main = "int one(void), two(void), three(void); int main(void) { return one() * 100 + two() * 10 + three(); }";
        fs::write(other.path().join("main.c"), main).unwrap();
        fs::write(other.path().join("lib.a"), archive).unwrap();
        let run = |program: &str, args: &[&str]| {
            Command::new(program).args(args).current_dir(other.path()).status().unwrap()
        };
        assert!(run("gcc", &["main.c", "lib.a", "-o", "main"]).success());
        assert_eq!(run("./main", &[]).code(), Some(123));
    }
}

const OBJECTS: [&str; 3] = ["one.o", "sub/a_name_that_is_longer_than_a_header_has_room.o", "exactly_13_ch.o"];
const ALL: [&str; 7] = [
    "odd",
    "one.o",
    "sub/a_name_that_is_longer_than_a_header_has_room.o",
    "sub/another_name_without_end.txt",
    "none",
    "exactly_13_ch.o",
    "even",
];

fn never(_: &Path) -> io::Result<Vec<u8>> {
    panic!("a regular archive has its members in it")
}

fn names(members: &[Member]) -> Vec<String> {
    members.iter().map(|member| String::from_utf8(member.name.clone()).unwrap()).collect()
}

#[test]
fn an_archive_with_dates_becomes_the_one_that_ar_makes_without() {
    if !require("ar") {
        return;
    }
    let space = Space::new();
    for members in [&ALL[..], &OBJECTS, &["even", "odd"], &[]] {
        let plain = space.archive(&["ar", "rcD"], members, 0);
        let dated = space.archive(&["ar", "rcU"], members, 1);
        let later = space.archive(&["ar", "rcU"], members, 2);
        assert!(members.is_empty() || (dated != plain && dated != later));
        assert_eq!(space.normalised(&dated), plain);
        assert_eq!(space.normalised(&later), plain);
        assert_eq!(space.normalised(&plain), plain);
        assert_eq!(space.members(&dated), space.members(&plain));
    }
    space.links(&space.normalised(&space.archive(&["ar", "rcU"], &ALL, 3)));
}

#[test]
fn members_of_one_name_stay_apart_and_in_order() {
    if !require("ar") {
        return;
    }
    let space = Space::new();
    let twice = ["odd", "even", "odd"];
    let plain = space.archive(&["ar", "qcD"], &twice, 0);
    assert_eq!(space.normalised(&space.archive(&["ar", "qcU"], &twice, 1)), plain);
    let members = space.members(&plain);
    assert_eq!(names(&members), twice);
    assert_eq!(members[0], members[2]);
    assert_eq!(members[1].digest, Digest::of(b"xxxxxxxx"));
}

#[test]
fn many_members_with_many_names_are_read() {
    if !require("ar") {
        return;
    }
    let space = Space::new();
    let names: Vec<String> = (0..3000).map(|at| format!("a_member_of_a_large_archive_{at:05}")).collect();
    for (at, name) in names.iter().enumerate() {
        fs::write(space.path(name), "y".repeat(at % 5)).unwrap();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plain = space.archive(&["ar", "qcD"], &names, 0);
    let dated = space.archive(&["ar", "qcU"], &names, 1);
    assert_eq!(space.normalised(&dated), plain);
    assert_eq!(super::tests::names(&space.members(&dated)), names);
}

#[test]
fn a_thin_archive_becomes_the_regular_one_of_the_same_files() {
    if !require("ar") {
        return;
    }
    let space = Space::new();
    for members in [&ALL[..], &OBJECTS, &["odd", "even", "none"]] {
        let plain = space.archive(&["ar", "rcD"], members, 0);
        for thin in [&["ar", "rcTU"][..], &["ar", "rcTD"], &["llvm-ar", "rcTU"]] {
            if !require(thin[0]) {
                continue;
            }
            let thin = space.archive(thin, members, 1);
            assert!(thin.starts_with(THIN));
            assert_eq!(space.members(&thin), space.members(&plain));
            let made = space.normalised(&thin);
            assert!(made == plain, "{members:?}");
            let paths = thin_members(&thin).unwrap();
            assert_eq!(paths, members.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>());
        }
    }
    let thin = space.archive(&["ar", "rcTU"], &ALL, 2);
    space.links(&space.normalised(&thin));
}

#[test]
fn a_thin_archive_of_archives_becomes_a_regular_one_of_their_members() {
    if !require("ar") {
        return;
    }
    let space = Space::new();
    let inner = space.archive(&["ar", "rcD"], &ALL[..4], 0);
    fs::write(space.path("inner.a"), inner).unwrap();
    let thin = space.archive(&["ar", "rcTU"], &["inner.a", "none", "exactly_13_ch.o", "even"], 0);
    assert_eq!(thin_members(&thin).unwrap()[0], b"inner.a");
    let plain = space.archive(&["ar", "rcD"], &ALL, 0);
    assert_eq!(names(&space.members(&thin)), names(&space.members(&plain)));
    assert!(space.normalised(&thin) == plain);
    let mut reads = 0;
    normalise(&thin[..], io::sink(), &mut |path| {
        reads += 1;
        fs::read(space.path(path.to_str().unwrap()))
    })
    .unwrap();
    assert_eq!(reads, 4, "the inner archive is read once");
}

#[test]
fn archives_of_bsd_lose_their_dates_too() {
    if !require("llvm-ar") {
        return;
    }
    let space = Space::new();
    for format in ["--format=bsd", "--format=darwin"] {
        let one = space.archive(&["llvm-ar", format, "rcU"], &ALL, 1);
        let two = space.archive(&["llvm-ar", format, "rcU"], &ALL, 2);
        assert_ne!(one, two);
        let made = space.normalised(&one);
        assert_eq!(made, space.normalised(&two));
        assert_eq!(made.len(), one.len());
        assert_eq!(space.members(&one), space.members(&made));
        let plain = space.archive(&["ar", "rcD"], &ALL, 0);
        assert_eq!(names(&space.members(&one)), names(&space.members(&plain)));
        fs::write(space.path("made.a"), &made).unwrap();
        space.run("llvm-ar", &["t", "made.a"]);
    }
}

#[test]
fn members_are_the_same_exactly_if_the_normalised_archives_are() {
    if !require("ar") {
        return;
    }
    let space = Space::new();
    let mut archives = Vec::new();
    for members in [&ALL[..], &ALL[1..], &["odd", "even"], &["even", "odd"], &["odd", "even", "even"], &[]] {
        for age in [1, 2] {
            let archive = space.archive(&["ar", "qcU"], members, age);
            archives.push((space.members(&archive), space.normalised(&archive)));
        }
    }
    fs::write(space.path("odd"), "yyyyyyy").unwrap();
    let archive = space.archive(&["ar", "qcU"], &["odd", "even"], 1);
    archives.push((space.members(&archive), space.normalised(&archive)));
    for (at, (members, bytes)) in archives.iter().enumerate() {
        for (other, (other_members, other_bytes)) in archives.iter().enumerate() {
            assert_eq!(members == other_members, bytes == other_bytes, "{at} {other}");
        }
    }
}

#[test]
fn the_symbol_table_is_no_member() {
    if !require("ar") {
        return;
    }
    let space = Space::new();
    let with = space.archive(&["ar", "rcsD"], &OBJECTS, 0);
    let without = space.archive(&["ar", "rcSD"], &OBJECTS, 0);
    assert_ne!(with, without);
    assert_eq!(space.members(&with), space.members(&without));
}

#[test]
fn what_is_no_archive_is_copied_as_it_is() {
    for text in [&b""[..], b"!", b"!<arch>", b"!<arch>\r\n", b"\x7fELF and so on", b"<bigaf>\n"] {
        let mut out = Vec::new();
        assert_eq!(normalise(text, &mut out, &mut never).unwrap(), Form::Other);
        assert_eq!(out, text);
        assert_eq!(members(text, &mut never).unwrap(), None);
        assert_eq!(thin_members(text), None);
    }
}

fn header(name: &str, size: &str) -> String {
    format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 1_600_000_000, 1000, 1000, 100_664)
}

#[test]
fn what_is_damaged_is_refused_with_the_place() {
    let long = "n".repeat(5000) + "/\n";
    let archives = [
        format!("!<arch>\n{}abc", header("a/", "4")),
        format!("!<arch>\n{}abcd{}", header("a/", "4"), &header("b/", "1")[..59]),
        format!("!<arch>\n{}abcd!{}x", header("a/", "4"), header("b/", "1")),
        format!("!<arch>\n{}", header("a/", "-1")),
        format!("!<arch>\n{}", header("a/", "")),
        format!("!<arch>\n{}x", header("/", "9999999999")),
        format!("!<arch>\n{}ab", header("#1/3", "2")),
        format!("!<arch>\n{}ab", header("#1/x", "2")),
        format!("!<arch>\n{}ab", header("/7", "2")),
        format!("!<arch>\n{}{long}{}", header("//", "5002"), header("/0", "0")),
        format!("!<arch>\n{}ab", header("/", "2").replace('/', " ")),
        format!("!<thin>\n{}", header("/0", "2")),
        format!("!<thin>\n{}x/\n\n{}", header("//", "3"), header("/0:x", "2")),
        format!("!<thin>\n{}", header("sub//", "2")),
        format!("!<thin>\n{}", header("#1/4", "2")),
        format!("!<thin>\n{}\x7f\x7f\x7f\x7fx\0", header("/", "6")),
        format!("!<thin>\n{}\0\0\0\x01\0\0\0\x09x\0{}", header("/", "10"), header("x.o/", "4")),
        format!("!<thin>\n{}", header("x.o/", "5")),
        format!("!<thin>\n{}", header("absent.o/", "5")),
        format!("!<thin>\n{}x.o/\n\n{}", header("//", "5"), header("/0:8", "5")),
    ];
    let mut read = |path: &Path| match path.to_str() {
        Some("x.o") => Ok(b"four".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let told: Vec<String> = archives
        .iter()
        .map(|archive| {
            let normalised = normalise(archive.as_bytes(), io::sink(), &mut read).map(drop);
            let members = members(archive.as_bytes(), &mut read).map(drop);
            match (normalised, members) {
                (Ok(()), Ok(())) => panic!("{archive} is taken"),
                (Err(one), Err(two)) if one.to_string() == two.to_string() => format!("both: {one}"),
                (one, two) => {
                    let text = |result: Result<(), ArError>| result.err().map(|error| error.to_string());
                    format!("{:?} {:?}", text(one), text(two))
                }
            }
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    both: the archive is damaged at byte 68: it ends in the middle of a member
    both: the archive is damaged at byte 72: it ends in the middle of a member
    both: the archive is damaged at byte 72: there is no header of a member
    both: the archive is damaged at byte 8: the size of the member is no number
    both: the archive is damaged at byte 8: the size of the member is no number
    both: the archive is damaged at byte 68: it ends in the middle of a member
    None Some("the archive is damaged at byte 8: the name is longer than the member")
    None Some("the archive is damaged at byte 8: the name's length is no number")
    None Some("the archive is damaged at byte 8: its name is not in the table of names")
    None Some("the archive is damaged at byte 5070: its name is not in the table of names")
    None Some("the archive is damaged at byte 8: the member has no name")
    both: the archive is damaged at byte 8: its name is not in the table of names
    both: the archive is damaged at byte 72: where its member lies is no number
    both: the archive is damaged at byte 8: the member has no name
    both: the archive is damaged at byte 8: a thin archive has no such member
    both: the archive is damaged at byte 8: the symbol table is too short
    Some("the archive is damaged at byte 8: a symbol's member is not where the symbol table says") None
    both: `x.o`, a member of the thin archive, has 4 bytes where the archive says 5
    both: `absent.o`, a member of the thin archive, cannot be read: entity not found
    both: the archive is damaged at byte 74: it names a member of an archive that has none there
    "#);
}

#[test]
fn every_cut_of_an_archive_is_noticed_unless_it_is_between_members() {
    let regular = format!("!<arch>\n{}abc\n{}abcd", header("a/", "3"), header("b/", "4"));
    let thin = format!("!<thin>\n{}a.o/\n\n{}", header("//", "5"), header("/0", "4"));
    for (archive, whole) in [(regular, vec![8, 71, 72, 136]), (thin, vec![8, 73, 74, 134])] {
        let cut = |end: usize| {
            normalise(&archive.as_bytes()[..end], io::sink(), &mut |_| Ok(b"four".to_vec())).is_ok()
        };
        let accepted: Vec<usize> = (8..=archive.len()).filter(|end| cut(*end)).collect();
        assert_eq!(accepted, whole);
    }
}

#[test]
fn no_flipped_bit_of_an_archive_panics_and_contents_stay_whole() {
    // The member starts at 256.
    let tables = format!(
        "{}\0\0\0\x01\0\0\x01\0x\0{}{}a_very_long_name/\n",
        header("/", "110"),
        "y".repeat(100),
        header("//", "18")
    );
    let archives = [
        format!("!<arch>\n{tables}{}abcd", header("/0", "4")),
        format!("!<arch>\n{}name1234abc", header("#1/8", "11")),
        format!("!<thin>\n{tables}{}", header("/0", "4")),
        format!("!<thin>\n{}in.a/\n{}", header("//", "6"), header("/0:8", "4")),
    ];
    let inner = format!("!<arch>\n{}four", header("x.o/", "4"));
    let mut read =
        |path: &Path| Ok(if path == Path::new("in.a") { inner.as_bytes() } else { b"four" }.to_vec());
    for archive in archives {
        normalise(archive.as_bytes(), io::sink(), &mut read).unwrap();
        for at in 0..archive.len() * 8 {
            let mut bytes = archive.clone().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            let mut out = Vec::new();
            let form = normalise(&bytes[..], &mut out, &mut read);
            if matches!(form, Ok(Form::Regular | Form::Other)) {
                assert_eq!(out.len(), bytes.len());
            }
            let _ = (members(&bytes[..], &mut read), thin_members(&bytes));
        }
    }
}

/// An archive of one member that is never in memory.
struct Endless {
    start: Vec<u8>,
    zeros: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.start.is_empty() {
            let count = buffer.len().min(self.start.len());
            buffer[..count].copy_from_slice(&self.start[..count]);
            self.start.drain(..count);
            return Ok(count);
        }
        let count = usize::try_from(self.zeros).map_or(buffer.len(), |zeros| buffer.len().min(zeros));
        buffer[..count].fill(0);
        self.zeros -= count as u64;
        Ok(count)
    }
}

/// Counts what is written, and how much at once at most.
#[derive(Default)]
struct Counter {
    all: u64,
    most: usize,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.all += bytes.len() as u64;
        self.most = self.most.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_large_archive_goes_through_in_pieces() {
    let size = 300 << 20;
    let source = || Endless {
        start: format!("!<arch>\n{}", header("large/", &size.to_string())).into_bytes(),
        zeros: size,
    };
    let mut counter = Counter::default();
    normalise(source(), &mut counter, &mut never).unwrap();
    assert_eq!(counter.all, size + 68);
    assert!(counter.most <= 1 << 16);
}

#[test]
fn an_archive_that_cannot_be_read_or_written_says_so() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let archive = format!("!<arch>\n{}x\n", header("a/", "1"));
    let errors = [
        normalise(Broken, io::sink(), &mut never).unwrap_err(),
        normalise(archive.as_bytes(), Broken, &mut never).unwrap_err(),
        normalise(&b"text"[..], Broken, &mut never).unwrap_err(),
    ];
    let told = errors.map(|error| error.to_string());
    insta::assert_snapshot!(told.join("\n"), @r"
    the archive cannot be read: permission denied
    the copy of the archive cannot be written: no storage space
    the copy of the archive cannot be written: no storage space
    ");
}

#[test]
fn names_that_many_headers_share_are_bounded_together() {
    let mut names = source::Names::default();
    names.set([vec![b'n'; 4000], b"/\n".to_vec()].concat());
    let raw: [u8; HEADER] = header("/0", "0").into_bytes().try_into().unwrap();
    let header = source::Header::new(raw, 0).unwrap();
    let taken = (0..100_000).take_while(|_| header.kind(&mut names).is_ok()).count();
    assert_eq!(taken, (1 << 28) / 4000);
}
