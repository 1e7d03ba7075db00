//! What is read of `.pc` files, held against what `pkg-config` itself says where it is installed.

use std::fs;

use super::*;

struct Packages {
    dir: tempfile::TempDir,
}

impl Packages {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(format!("{name}.pc")), text).unwrap();
        }
        Self { dir }
    }

    fn ask(&self, text: &str) -> Result<Flags, String> {
        let path = SearchPath { directories: vec![self.dir.path().to_path_buf()], sysroot: None };
        let answer = flags(&mut Reader::default(), &path, &wishes(text)?);
        answer.map_err(|why| why.replace(&self.dir.path().display().to_string(), "/D"))
    }

    fn show(&self, text: &str) -> String {
        let Flags { includes, defines, compile, library_dirs, link } =
            self.ask(text).unwrap_or_else(|why| panic!("{why}"));
        let mut words: Vec<String> = includes.iter().map(|path| format!("-I{}", path.display())).collect();
        words.extend(defines.iter().map(|define| format!("-D{define}")));
        words.extend(compile);
        words.push("|".into());
        words.extend(library_dirs.iter().map(|path| format!("-L{}", path.display())));
        words.extend(link);
        words.join(" ")
    }
}

const PNG: &str = "prefix=/opt/png\nlibdir=${prefix}/lib\nName: png\nDescription: x # comment\nVersion: 1.6.39\n\
                   Requires: zlib\nRequires.private: hidden\nLibs: -L${libdir} -lpng16 -lm\n\
                   Cflags: -I${prefix}/include/libpng16 -I /usr/include -DPNG=\\\"a\\ b\\\" \\\n  -pthread\n";
const ZLIB: &str = "Name: zlib\nVersion: 1.2.13\nLibs: -L/usr/lib -lz -lm\nCflags:\n";
const HIDDEN: &str = "Name: hidden\nVersion: 1\nLibs: -lhidden\nCflags: -I${pcfiledir}/inc -DH\n";

#[test]
fn variables_requirements_and_words_are_read() {
    let packages = Packages::new(&[("png", PNG), ("zlib", ZLIB), ("hidden", HIDDEN)]);
    let text = packages.show("png").replace(&packages.dir.path().display().to_string(), "/D");
    insta::assert_snapshot!(text, @r#"-I/opt/png/include/libpng16 -I/D/inc -DPNG="a b" -DH -pthread | -L/opt/png/lib -lpng16 -lz -lm"#);
    insta::assert_snapshot!(packages.show("zlib >= 1.2, zlib < 2"), @"| -lz -lm");
}

#[test]
fn what_is_required_publicly_later_is_linked() {
    let one = "Name: one\nVersion: 1\nRequires.private: two\nLibs: -lone\n";
    let two = "Name: two\nVersion: 1\nRequires: three\nLibs: -ltwo\n";
    let three = "Name: three\nVersion: 1\nLibs: -lthree\n";
    let packages = Packages::new(&[("one", one), ("two", two), ("three", three)]);
    insta::assert_snapshot!(packages.show("one"), @"| -lone");
    insta::assert_snapshot!(packages.show("one two"), @"| -lone -ltwo -lthree");
}

#[test]
fn what_is_wrong_is_said() {
    let packages = Packages::new(&[
        ("loop", "Name: loop\nVersion: 1\nRequires: loop\nLibs: -lloop\n"),
        ("lack", "Name: lack\nVersion: 1\nRequires: nothing\n"),
        ("variable", "Name: v\nLibs: ${nowhere}\n"),
        ("quote", "Name: q\nLibs: 'x\n"),
        ("bare", "Name: b\nCflags: -I\n"),
        ("old", "Name: old\nVersion: 1.9\n"),
        ("grow", "a=xxxxxxxxxxxxxxxx\nb=${a}${a}${a}${a}\nLibs: ${b}\n"),
    ]);
    assert_eq!(packages.show("loop"), "| -lloop");
    let say = |text: &str| packages.ask(text).unwrap_err();
    insta::assert_snapshot!(say("absent"), @"there is no package `absent`");
    insta::assert_snapshot!(say("lack"), @"there is no package `nothing`, which `lack` requires");
    insta::assert_snapshot!(say("variable"), @"`/D/variable.pc`: there is no variable `nowhere`");
    insta::assert_snapshot!(say("quote"), @"package `quote`, Libs: a quote is not closed");
    insta::assert_snapshot!(say("bare"), @"package `bare`: `-I` with nothing behind it");
    insta::assert_snapshot!(say("old >= 1.10"), @"package `old` has version 1.9, and should be >= 1.10");
    insta::assert_snapshot!(say("old >="), @"`>=` without a version behind it");
    insta::assert_snapshot!(say(">= 1"), @"`>=` without a package before it");
    assert!(packages.ask("grow").is_ok());
}

#[test]
fn values_that_double_are_stopped() {
    let mut text = String::from("a0=xxxxxxxx\n");
    for n in 1..40 {
        text += &format!("a{n}=${{a{}}}${{a{}}}\n", n - 1, n - 1);
    }
    let packages = Packages::new(&[("bomb", &text)]);
    assert_eq!(packages.ask("bomb").unwrap_err(), "`/D/bomb.pc`: a value grows too long");
}

#[test]
fn versions_compare_by_their_runs() {
    let ordered = ["0.9", "1", "1.0a", "1.0.1", "1.2.3", "1.2.10", "2beta", "2.1", "10"];
    for (at, older) in ordered.iter().enumerate() {
        assert_eq!(compare(older, older), Ordering::Equal);
        for newer in &ordered[at + 1..] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} and {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} and {older}");
        }
    }
    assert_eq!(compare("1.02", "1.2"), Ordering::Equal);
}

#[test]
fn a_sysroot_stands_before_paths_and_the_search() {
    let none = |_: &str| None;
    let path = search_path(none, Some(Path::new("/sys")), false, "avr-none-gnu");
    assert_eq!(path.directories[0], Path::new("/sys/usr/local/lib/avr-none-gnu/pkgconfig"));
    assert!(search_path(none, None, false, "avr-none-gnu").directories.is_empty());
    let set = |name: &str| match name {
        "PKG_CONFIG_PATH" => Some("/a:/b".into()),
        "PKG_CONFIG_LIBDIR" => Some("/c".into()),
        _ => None,
    };
    let path = search_path(set, None, true, "x86_64-linux-gnu");
    assert_eq!(path.directories, ["/a", "/b", "/c"].map(PathBuf::from));
    let packages = Packages::new(&[("png", PNG), ("zlib", ZLIB), ("hidden", HIDDEN)]);
    let path = SearchPath { directories: vec![packages.dir.path().into()], sysroot: Some("/sys".into()) };
    let found = flags(&mut Reader::default(), &path, &wishes("png").unwrap()).unwrap();
    assert_eq!(found.includes[0], Path::new("/sys/opt/png/include/libpng16"));
    assert_eq!(found.library_dirs[0], Path::new("/sys/opt/png/lib"));
}
