//! Reading what gcc, clang and linkers say of themselves.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;

use crate::probe::{Answer, Around, Told};

/// Reads `-print-search-dirs`: `programs` and `libraries` (directories, whether they exist or not) and, from gcc
/// alone, `install`.
pub(crate) fn search_dirs(answer: &Answer) -> Result<Told, &'static str> {
    let mut told = Told::default();
    for line in answer.stdout.split(|byte| *byte == b'\n') {
        if let Some(path) = line.strip_prefix(b"install: ") {
            told.add("install", OsStr::from_bytes(path));
        }
        for name in ["programs", "libraries"] {
            let list = line.strip_prefix(format!("{name}: =").as_bytes());
            for path in list.into_iter().flat_map(|list| list.split(|byte| *byte == b':')) {
                let path = OsStr::from_bytes(path);
                if !path.is_empty() && !told.all(name).iter().any(|known| known == path) {
                    told.add(name, path);
                }
            }
        }
    }
    match told.all("libraries").is_empty() {
        true => Err("where it searches"),
        false => Ok(told),
    }
}

/// Reads `-E -v` of an empty source: `target`, `version`, `family`, `specs` and `config` (files that were read),
/// `include` (directories, in order), `vain` (directories that were not there), `twin` (those that are another one
/// under a second name), `gcc` (the installation of gcc whose
/// libraries a clang uses).
pub(crate) fn verbose(answer: &Answer) -> Result<Told, &'static str> {
    let mut told = Told::default();
    let mut listing = false;
    for line in answer.stderr.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        if line.starts_with(b"#include ") && line.ends_with(b"search starts here:") {
            listing = true;
        } else if line.starts_with(b"End of search list") {
            listing = false;
        } else if listing {
            if !line.ends_with(b" (framework directory)") {
                told.add("include", OsStr::from_bytes(line.trim_ascii()));
            }
        } else if let Some(rest) = line.strip_prefix(b"ignoring nonexistent directory \"") {
            told.add("vain", OsStr::from_bytes(rest.strip_suffix(b"\"").unwrap_or(rest)));
        } else if let Some(rest) = line.strip_prefix(b"ignoring duplicate directory \"") {
            told.add("twin", OsStr::from_bytes(rest.strip_suffix(b"\"").unwrap_or(rest)));
        } else if let Some(rest) = line.strip_prefix(b"Reading specs from ") {
            told.add("specs", OsStr::from_bytes(rest));
        } else if let Some(rest) = line.strip_prefix(b"Configuration file: ") {
            told.add("config", OsStr::from_bytes(rest));
        } else if let Some(rest) = line.strip_prefix(b"Selected GCC installation: ") {
            told.add("gcc", OsStr::from_bytes(rest));
        } else if let Some(rest) = text.strip_prefix("Target: ") {
            told.add("target", rest.trim());
        } else if told.text("version").is_none() {
            read_version(&text, &mut told);
        }
    }
    match (told.text("version"), told.text("target")) {
        (None, _) => Err("its version"),
        (_, None) => Err("its target"),
        _ => Ok(told),
    }
}

fn read_version(line: &str, told: &mut Told) {
    for family in ["gcc", "clang"] {
        let Some(at) = line.find(&format!("{family} version ")) else { continue };
        let version = line[at..].split_whitespace().nth(2).unwrap_or_default();
        // A build of clang from a checkout says `14.0.6git`, a vendor's `1:14.0.6-12`.
        let version = version.rsplit(':').next().unwrap_or_default();
        let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
        if end > 0 {
            told.add("version", &version[..end]);
            told.add("family", family);
        }
    }
}

/// Reads a linker's `--version`: its first line as `banner`.
pub(crate) fn banner(answer: &Answer) -> Result<Told, &'static str> {
    let mut told = Told::default();
    let line = answer.stdout.split(|byte| *byte == b'\n').next().unwrap_or_default();
    told.add("banner", OsStr::from_bytes(line));
    Ok(told)
}

/// Reads GNU ld's `--verbose`: `search` (directories; `=` or `$SYSROOT` at the start stands for the sysroot), and
/// `external` if the script that it would use comes from a file.
pub(crate) fn script(answer: &Answer) -> Result<Told, &'static str> {
    let mut told = Told::default();
    let text = String::from_utf8_lossy(&answer.stdout);
    if text.contains("using external linker script") {
        told.add("external", "yes");
    }
    for part in text.split("SEARCH_DIR(\"").skip(1) {
        if let Some(end) = part.find('"') {
            told.add("search", &part[..end]);
        }
    }
    Ok(told)
}

/// The places besides the driver on which the search directories of a gcc depend: the `specs` files that it reads
/// if they are there.
pub(crate) fn around_gcc(told: &Told) -> Vec<Around> {
    let mut places: Vec<PathBuf> = Vec::new();
    for directory in told.paths("install") {
        places.extend([directory.join("specs"), directory.join("../specs")]);
    }
    for directory in told.paths("libraries") {
        let place = directory.join("specs");
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.into_iter().map(Around::file).collect()
}

/// The places besides the driver on which the search directories of a clang depend: the installations of gcc among
/// which it chooses, and the configuration files that it would read.
pub(crate) fn around_clang(driver: &Path, target: Option<&str>, sysroot: &Path) -> Vec<Around> {
    let own = driver.parent().unwrap_or(Path::new("/"));
    let mut around = Vec::new();
    for base in [own.join(".."), sysroot.join("usr"), PathBuf::from("/opt/rh")] {
        for name in ["lib/gcc", "lib32/gcc", "lib64/gcc", "lib/gcc-cross", "."] {
            if name == "." && !base.ends_with("opt/rh") {
                continue;
            }
            let directory = base.join(name);
            for target in consult::list(&directory).unwrap_or_default() {
                around.push(Around::listing(directory.join(target)));
            }
            around.push(Around::listing(directory));
        }
    }
    let stem = driver.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut names = vec!["clang.cfg".to_string(), "clang++.cfg".into(), format!("{stem}.cfg")];
    if let Some((prefix, _)) = stem.rsplit_once('-') {
        names.push(format!("{prefix}.cfg"));
    }
    if let Some(target) = target {
        names.extend(["", "-clang", "-clang++"].map(|end| format!("{target}{end}.cfg")));
    }
    around.extend(names.iter().map(|name| Around::file(own.join(name))));
    around
}

/// The places on which the header directories depend besides.
pub(crate) fn around_headers(told: &Told) -> Vec<Around> {
    let vain = told.paths("vain").map(|path| Around::file(path.into()));
    let there = told.paths("include").map(|path| Around::file(path.into()));
    let read = told.paths("specs").chain(told.paths("config")).map(|path| Around::file(path.into()));
    let twins = told.paths("twin");
    let twins = twins.filter_map(|twin| told.paths("include").find_map(|other| Around::same(twin, other)));
    vain.chain(there).chain(read).chain(twins).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(stderr: &str, stdout: &str) -> Answer {
        Answer { status: Some(0), stdout: stdout.into(), stderr: stderr.into() }
    }

    #[test]
    fn the_search_directories_of_gcc_are_read_each_once() {
        let said = "install: /usr/lib/gcc/avr/5.4.0/\nprograms: =/a/:/b:/a/\nlibraries: =/l/../m/:/n\n";
        let told = search_dirs(&answer("", said)).unwrap();
        assert_eq!(told.all("programs"), ["/a/", "/b"]);
        assert_eq!(told.all("libraries"), ["/l/../m/", "/n"]);
        assert_eq!(told.text("install"), Some("/usr/lib/gcc/avr/5.4.0/"));
        assert_eq!(search_dirs(&answer("", "hello")), Err("where it searches"));
    }

    #[test]
    fn version_target_and_header_directories_are_read() {
        let said = "Reading specs from /s/specs-avr2\nTarget: avr\ngcc version 5.4.0 (GCC) \n\
            ignoring nonexistent directory \"/no such\"\nignoring duplicate directory \"/twin\"\n#include \"...\" search starts here:\n\
            #include <...> search starts here:\n /a/include\n /b dir\nEnd of search list.\n";
        let told = verbose(&answer(said, "")).unwrap();
        assert_eq!(told.all("include"), ["/a/include", "/b dir"]);
        assert_eq!(told.all("vain"), ["/no such"]);
        assert_eq!(told.all("twin"), ["/twin"]);
        assert_eq!(told.all("specs"), ["/s/specs-avr2"]);
        assert_eq!((told.text("family"), told.text("version")), (Some("gcc"), Some("5.4.0")));
        assert_eq!(told.text("target"), Some("avr"));
        let clang = verbose(&answer("Ubuntu clang version 1:14.0.6-12\nTarget: x\n", "")).unwrap();
        assert_eq!((clang.text("family"), clang.text("version")), (Some("clang"), Some("14.0.6")));
        assert_eq!(verbose(&answer("tcc version 1\n", "")), Err("its version"));
    }

    #[test]
    fn a_linkers_search_directories_are_read() {
        let said = "using internal linker script:\nSEARCH_DIR(\"=/usr/local/lib\"); SEARCH_DIR(\"/x\");\n";
        let told = script(&answer("", said)).unwrap();
        assert_eq!(told.all("search"), ["=/usr/local/lib", "/x"]);
        assert!(told.all("external").is_empty());
    }
}
