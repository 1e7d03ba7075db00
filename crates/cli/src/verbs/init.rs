//! `rekindle init`: a manifest for the sources that lie here. It is a beginning that builds; a person goes on from it.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::place::MANIFEST;
use crate::settings::Settings;
use crate::writers::atomic;

/// The endings of sources.
const SOURCES: [&str; 9] = ["c", "cc", "cpp", "cxx", "c++", "C", "S", "s", "sx"];

/// The endings of headers.
const HEADERS: [&str; 6] = ["h", "hh", "hpp", "hxx", "h++", "inc"];

/// Directories in which no source of the project lies.
const SKIPPED: [&str; 5] = ["build", "target", "node_modules", "out", "third_party"];

/// How deep directories are searched.
const DEPTH: usize = 12;

/// Writes the manifest into the directory.
pub(super) fn init(settings: &Settings) -> Result<(), Failure> {
    let dir = &settings.directory;
    let file = dir.join(MANIFEST);
    if file.symlink_metadata().is_ok() {
        return Err(
            Failure::input(format!("`{}` is there already", file.display())).hint("nothing was changed")
        );
    }
    let canonical = dir.canonicalize().unwrap_or_else(|_| dir.clone());
    let name = plain_name(&canonical.file_name().unwrap_or_default().to_string_lossy());
    let found =
        look(dir).map_err(|error| Failure::io("read", format_args!("`{}`", dir.display()), &error))?;
    let text = manifest(&name, &found);
    if settings.dry_run {
        return super::answer(text);
    }
    atomic::write(&file, text.as_bytes())?;
    let programs = found.sources.iter().filter(|source| source.has_main).count();
    super::answer(format!(
        "wrote {}: {} sources, {programs} with `main`\n",
        file.display(),
        found.sources.len()
    ))
}

/// What lies in a directory.
#[derive(Debug, Default)]
struct Found {
    sources: Vec<Source>,
    /// Directories with headers.
    includes: BTreeSet<PathBuf>,
    /// Sources whose names are no text, and cannot be written down.
    unnamed: usize,
}

#[derive(Debug)]
struct Source {
    path: String,
    has_main: bool,
}

impl Source {
    fn is_test(&self) -> bool {
        let path = Path::new(&self.path);
        let below = path.parent().is_some_and(|dir| dir.iter().any(|part| part == "test" || part == "tests"));
        let stem = stem(&self.path);
        below || stem.starts_with("test_") || stem.ends_with("_test") || stem.ends_with("-test")
    }
}

fn look(dir: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    walk(dir, Path::new(""), 0, &mut found)?;
    found.sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(top: &Path, inner: &Path, depth: usize, found: &mut Found) -> io::Result<()> {
    for entry in std::fs::read_dir(top.join(inner))? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let path = inner.join(&name);
        let shown = name.to_string_lossy();
        if shown.starts_with('.') {
            continue;
        }
        if kind.is_dir() && depth < DEPTH && !SKIPPED.contains(&shown.as_ref()) {
            walk(top, &path, depth + 1, found)?;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if kind.is_file() && HEADERS.contains(&ending) {
            found.includes.insert(inner.to_path_buf());
        }
        if kind.is_file() && SOURCES.contains(&ending) {
            match path.to_str() {
                Some(text) => {
                    let has_main = has_main(&std::fs::read(top.join(&path))?);
                    found.sources.push(Source { path: text.to_string(), has_main });
                }
                None => found.unnamed += 1,
            }
        }
    }
    Ok(())
}

/// Whether a source defines `main`: the word, then `(`, at the start of a line or behind `int` or `void`. Comments may
/// fool it; the person looks at the manifest anyway.
fn has_main(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.lines().any(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("extern \"C\"").unwrap_or(line).trim_start();
        let line = line.strip_prefix("int").or_else(|| line.strip_prefix("void")).unwrap_or(line);
        line.trim_start().strip_prefix("main").is_some_and(|rest| rest.trim_start().starts_with('('))
    })
}

fn stem(path: &str) -> &str {
    Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or(path)
}

/// A name that the manifest takes: letters, digits and `_ - . +`.
fn plain_name(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.+".contains(c) { c } else { '-' }).collect();
    let plain = plain.trim_start_matches(['.', '-']);
    if plain.is_empty() { "app".to_string() } else { plain.to_string() }
}

/// The manifest. Sources with `main` are programs, or tests by their place or name; the others are a library if
/// several programs share them, else part of the program.
fn manifest(name: &str, found: &Found) -> String {
    let mut text = format!("[project]\nname = {}\n", quoted(name));
    if found.unnamed > 0 {
        text.push_str(&format!(
            "# {} sources have names that are no UTF-8: reach them with a glob, `src/*.c`.\n",
            found.unnamed
        ));
    }
    let (programs, others): (Vec<&Source>, Vec<&Source>) =
        found.sources.iter().partition(|source| source.has_main);
    let shared: Vec<&str> =
        others.iter().filter(|source| !source.is_test()).map(|s| s.path.as_str()).collect();
    let includes: Vec<String> = found.includes.iter().map(|dir| dir.to_string_lossy().into_owned()).collect();
    let includes: Vec<&str> =
        includes.iter().map(|dir| if dir.is_empty() { "." } else { dir.as_str() }).collect();
    let mut names = BTreeSet::new();
    let is_library = !shared.is_empty() && programs.len() != 1;
    let library = is_library.then(|| fresh(name, &mut names));
    if let Some(library) = &library {
        text.push_str(&format!("\n[library.{library}]\n{}", list("sources", &shared)));
        text.push_str(&list("include", &includes));
    }
    for program in &programs {
        let is_test = program.is_test();
        let wanted = if programs.len() == 1 && !is_test { name } else { stem(&program.path) };
        let wanted = if wanted == "main" { name } else { wanted };
        let target = fresh(&plain_name(wanted), &mut names);
        let section = if is_test { "test" } else { "executable" };
        let mut sources = vec![program.path.as_str()];
        text.push_str(&format!("\n[{section}.{target}]\n"));
        match &library {
            Some(library) => {
                text.push_str(&list("sources", &sources));
                text.push_str(&list("deps", &[library.as_str()]));
            }
            None => {
                sources.extend(&shared);
                text.push_str(&list("sources", &sources));
                text.push_str(&list("include", &includes));
            }
        }
    }
    if found.sources.is_empty() {
        text.push_str(&format!("\n# No source was found. A program looks like this:\n# [executable.{}]\n# sources = [\"src/main.c\"]\n", plain_name(name)));
    }
    text
}

/// `name`, with a number if it is taken.
fn fresh(name: &str, names: &mut BTreeSet<String>) -> String {
    // In a table's name a dot would begin another table.
    let name = name.replace(['.', '+'], "-");
    let mut candidate = name.clone();
    let mut number = 2;
    while !names.insert(candidate.clone()) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}

fn list(key: &str, items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => format!("{key} = [{}]\n", quoted(one)),
        many => {
            let lines: String = many.iter().map(|item| format!("  {},\n", quoted(item))).collect();
            format!("{key} = [\n{lines}]\n")
        }
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(char))),
            // A person's glob would be read as one, and this is a name.
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            atomic::write(&path, text.as_bytes()).unwrap();
        }
        dir
    }

    fn written(name: &str, files: &[(&str, &str)]) -> String {
        manifest(name, &look(space(files).path()).unwrap())
    }

    #[test]
    fn one_program_takes_all_sources() {
        let files = [
            ("src/main.c", "#include <x.h>\nint main(void) { return 0; }\n"),
            ("src/x.c", "int remain(int x);\n"),
            ("include/x.h", ""),
            ("build/old.c", ""),
            (".git/x.c", ""),
        ];
        insta::assert_snapshot!(written("hello", &files), @r#"
        [project]
        name = "hello"

        [executable.hello]
        sources = [
          "src/main.c",
          "src/x.c",
        ]
        include = ["include"]
        "#);
    }

    #[test]
    fn what_programs_and_tests_share_is_a_library() {
        let files = [
            ("a.cpp", "int\nmain(int argc, char **argv)\n{\n}\n"),
            ("b.cpp", "extern \"C\" int main () {}"),
            ("lib/x.cpp", ""),
            ("lib/x.hpp", ""),
            ("tests/x.cpp", "void main(void) {}"),
        ];
        insta::assert_snapshot!(written("tools", &files), @r#"
        [project]
        name = "tools"

        [library.tools]
        sources = ["lib/x.cpp"]
        include = ["lib"]

        [executable.a]
        sources = ["a.cpp"]
        deps = ["tools"]

        [executable.b]
        sources = ["b.cpp"]
        deps = ["tools"]

        [test.x]
        sources = ["tests/x.cpp"]
        deps = ["tools"]
        "#);
    }

    #[test]
    fn an_empty_directory_gets_a_manifest_that_says_how() {
        insta::assert_snapshot!(written("my app", &[]), @r#"
        [project]
        name = "my app"

        # No source was found. A program looks like this:
        # [executable.my-app]
        # sources = ["src/main.c"]
        "#);
    }

    #[test]
    fn a_manifest_that_is_there_is_not_touched() {
        let dir = space(&[(MANIFEST, "[project]\nname = \"x\"\n")]);
        let environment =
            crate::environment::Environment { directory: dir.path().into(), cores: 1, ..Default::default() };
        let settings = Settings::new(&crate::args::Common::default(), &environment).unwrap();
        assert_eq!(init(&settings).unwrap_err().code(), 2);
        assert_eq!(std::fs::read_to_string(dir.path().join(MANIFEST)).unwrap(), "[project]\nname = \"x\"\n");
    }
}
