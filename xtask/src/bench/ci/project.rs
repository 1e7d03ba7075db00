//! What is built, at three commits: the one whose build was saved, one with one file changed, and a newer one with a
//! few. All files are held in memory, so that a checkout is fresh however often it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::recipe::Recipe;
use crate::bench::engines::Count;
use crate::bench::options::Compiler;
use crate::bench::project::{self as generated, MAIN, archive_name, unit_path};
use crate::bench::recipes::{self, Tools};
use crate::bench::{measure, session, steps};
use crate::corpus;

/// How many units of a generated project read the header that differs in the newer commit; a quarter of them, where
/// they are few.
const READERS: usize = 8;
/// That header, in which nothing is that the units need.
const FEW: (&str, &str) = ("include/few.h", "#ifndef FEW_H\n#define FEW_H\n\nint few(int);\n\n#endif\n");

/// Which state of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Commit {
    /// What was built by the first runner.
    Base,
    /// One source is another one.
    Edited,
    /// Three sources are others, and a header that few units read, where there are headers of our own.
    Newer,
}

/// All of them.
pub(crate) const COMMITS: [Commit; 3] = [Commit::Base, Commit::Edited, Commit::Newer];

/// What is different in a commit, and what has to run for it.
struct Change {
    files: BTreeMap<String, Vec<u8>>,
    claim: Count,
}

/// A project in memory.
pub(crate) struct Project {
    /// Its size and compiler, or its name.
    pub(crate) name: String,
    /// What compiles it.
    pub(crate) compiler: Compiler,
    /// How ninja builds it.
    pub(crate) recipe: Recipe,
    files: Vec<(String, Vec<u8>)>,
    edited: Change,
    newer: Change,
    /// The sources that the edits of `growth` go into, one after another.
    sources: Vec<String>,
}

impl Project {
    /// One of our own making.
    pub(crate) fn generated(units: usize, compiler: Compiler, scratch: &Path) -> Result<Project, String> {
        let project = generated::Project::of(units);
        let place = scratch.join("origin");
        steps::remove(&place)?;
        project.write(&place)?;
        // Both runners find theirs on PATH.
        let tools = Tools { cc: "gcc".to_owned(), ar: "ar".to_owned() };
        recipes::write(&place, &project, &tools, &[], None)?;
        let wanted = READERS.min(units.div_ceil(4));
        let readers: BTreeSet<usize> = (0..wanted).map(|at| (2 * at + 1) * units / (2 * wanted)).collect();
        for path in readers.iter().map(|unit| unit_path(*unit)) {
            let text = measure::read(&place.join(&path))?;
            generated::put(&place, &path, &format!("#include \"few.h\"\n{text}"))?;
        }
        generated::put(&place, FEW.0, FEW.1)?;
        let files = load(&place)?;
        steps::remove(&place)?;
        let archives = 0..project.archives();
        let recipe = Recipe {
            flags: "-Iinclude".to_owned(),
            libraries: archives
                .map(|archive| (archive_name(archive), project.members(archive).map(unit_path).collect()))
                .collect(),
            main: MAIN.to_owned(),
            libs: String::new(),
        };
        let edited = changed(&files, [units / 2].map(unit_path), None, Count::new(1, 1, 1))?;
        let others = BTreeSet::from([0, units / 3, 2 * units / 3]);
        let run: BTreeSet<usize> = others.iter().copied().chain(readers).collect();
        let archives: BTreeSet<usize> =
            run.iter().map(|unit| generated::Project::archive_of(*unit)).collect();
        let claim = Count::new(run.len(), archives.len(), 1);
        let newer = changed(&files, others.into_iter().map(unit_path), Some(FEW.0.to_owned()), claim)?;
        let sources = (0..units).map(unit_path).collect();
        let name = session::size_name(units, compiler);
        Ok(Project { name, compiler, recipe, files, edited, newer, sources })
    }

    /// One of the corpus.
    pub(crate) fn of_corpus(root: &Path, name: &str) -> Result<Project, String> {
        if !root.join("target/corpus").join(name).join("rekindle.toml").is_file() {
            corpus::run(root)?;
        }
        let mut files = load(&root.join("target/corpus").join(name))?;
        for (path, bytes) in &mut files {
            if path == "rekindle.toml" {
                bytes.extend_from_slice(b"\n[toolchain.host]\ncc = 'gcc'\nar = 'ar'\n");
            }
        }
        let (folders, flags, libs): (&[&str], _, _) = match name {
            "lua" => (&[""], "-std=gnu99 -DLUA_USE_LINUX -DLUA_COMPAT_5_3 -Wall -I.", "-Wl,-E -lm -ldl"),
            "zstd" => (
                &["common/", "compress/", "decompress/", "dictBuilder/"],
                "-DZSTD_MULTITHREAD -DXXH_NAMESPACE=ZSTD_ -Wa,--noexecstack -I.",
                "-lpthread",
            ),
            _ => return Err(format!("bench: {name} is not measured here; there are lua and zstd")),
        };
        let is_source = |path: &str| {
            let (folder, file) =
                path.rsplit_once('/').map_or(("", path), |(dir, _)| path.split_at(dir.len() + 1));
            folders.contains(&folder) && (file.ends_with(".c") || file.ends_with(".S"))
        };
        let all: Vec<String> =
            files.iter().map(|(path, _)| path).filter(|path| is_source(path)).cloned().collect();
        let sources: Vec<String> = all.iter().filter(|path| path.ends_with(".c")).cloned().collect();
        let some = |part: usize| sources[part * sources.len() / 4].clone();
        let edited = changed(&files, [some(2)], None, Count::new(1, 1, 1))?;
        let newer = changed(&files, [some(0), some(1), some(3)], None, Count::new(3, 1, 1))?;
        let recipe = Recipe {
            flags: flags.to_owned(),
            libraries: vec![(name.to_owned(), all)],
            main: "ours/main.c".to_owned(),
            libs: libs.to_owned(),
        };
        let units = recipe.all().compiles;
        let name = format!("{name}, {units} units, gcc");
        Ok(Project { name, compiler: Compiler::Gcc, recipe, files, edited, newer, sources })
    }

    /// What has to run at a commit when what the base commit left is all there. At the base commit, nothing.
    pub(crate) fn claim(&self, commit: Commit) -> Count {
        match commit {
            Commit::Base => Count::default(),
            Commit::Edited => self.edited.claim,
            Commit::Newer => self.newer.claim,
        }
    }

    /// Every file of a commit.
    pub(crate) fn files(&self, commit: Commit) -> impl DoubleEndedIterator<Item = (&str, &[u8])> {
        let change = match commit {
            Commit::Base => None,
            Commit::Edited => Some(&self.edited),
            Commit::Newer => Some(&self.newer),
        };
        self.files.iter().map(move |(path, bytes)| {
            let bytes = change.and_then(|change| change.files.get(path)).unwrap_or(bytes);
            (path.as_str(), bytes.as_slice())
        })
    }

    /// A source that is edited in a round of `growth`, and what it is then.
    pub(crate) fn edit(&self, round: usize) -> Result<(&str, Vec<u8>), String> {
        let path = &self.sources[(7 * round + 1) % self.sources.len()];
        let (_, bytes) = self.files.iter().find(|(other, _)| other == path).ok_or("no such source")?;
        Ok((path, edit(path, bytes, 100 + round)?))
    }

    /// Whether it is so large that starting a process is nothing beside reading its files.
    pub(crate) fn is_large(&self) -> bool {
        self.recipe.all().compiles >= 10_000
    }

    /// For the notes.
    pub(crate) fn describe(&self) -> String {
        let bytes: usize = self.files.iter().map(|(_, bytes)| bytes.len()).sum();
        format!(
            "{}: {} files, {:.1} MB; a newer commit needs {}",
            self.name,
            self.files.len(),
            bytes as f64 / 1e6,
            self.newer.claim
        )
    }
}

/// Gives sources and perhaps a header another content, which shows in every object that is made of them.
fn changed(
    files: &[(String, Vec<u8>)],
    sources: impl IntoIterator<Item = String>,
    header: Option<String>,
    claim: Count,
) -> Result<Change, String> {
    let paths: BTreeSet<String> = sources.into_iter().chain(header).collect();
    let mut found = BTreeMap::new();
    for (number, path) in paths.into_iter().enumerate() {
        let (_, bytes) =
            files.iter().find(|(other, _)| *other == path).ok_or(format!("there is no {path}"))?;
        let bytes = edit(&path, bytes, number)?;
        found.insert(path, bytes);
    }
    Ok(Change { files: found, claim })
}

/// One more variable, within the guard of a header.
fn edit(path: &str, bytes: &[u8], number: usize) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(bytes);
    if !path.ends_with(".h") {
        return Ok(format!("{text}\nint ci_edit_{number} = {number};\n").into_bytes());
    }
    let (head, tail) = text.rsplit_once("#endif").ok_or(format!("{path} has no guard"))?;
    let line = format!("static int ci_edit_{number} __attribute__((used)) = {number};\n");
    Ok(format!("{head}{line}#endif{tail}").into_bytes())
}

/// Every file below a folder, by name, but for those whose names begin with a dot.
fn load(folder: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut found = Vec::new();
    add(folder, "", &mut found)?;
    found.sort();
    Ok(found)
}

fn add(folder: &Path, head: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            add(&path, &format!("{head}{name}/"), found)?;
        } else {
            let bytes = fs::read(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
            found.push((format!("{head}{name}"), bytes));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_differs_in_the_files_that_its_claim_is_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::generated(250, Compiler::Gcc, folder.path()).unwrap();
        let differ = |commit| {
            let pairs = project.files(Commit::Base).zip(project.files(commit));
            pairs.filter(|(one, other)| one.1 != other.1).map(|(one, _)| one.0.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(differ(Commit::Edited), [unit_path(125)]);
        let newer = differ(Commit::Newer);
        assert_eq!(newer.len(), 4);
        assert_eq!(newer.iter().filter(|path| path.ends_with(".h")).count(), 1);
        let claim = project.claim(Commit::Newer);
        let readers =
            project.files(Commit::Base).filter(|(_, bytes)| bytes.starts_with(b"#include \"few.h\""));
        assert_eq!((readers.count(), claim), (8, Count::new(11, 3, 1)));
        assert_eq!(project.claim(Commit::Base), Count::default());
    }

    #[test]
    fn a_header_is_edited_within_its_guard() {
        let text = edit("a.h", b"#ifndef A\n#define A\n#endif\n", 3).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.ends_with("static int ci_edit_3 __attribute__((used)) = 3;\n#endif\n"), "{text}");
        assert!(edit("a.h", b"int x;\n", 3).is_err());
    }

    #[test]
    fn each_round_edits_another_source() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::generated(12, Compiler::Gcc, folder.path()).unwrap();
        let paths: BTreeSet<String> =
            (0..10).map(|round| project.edit(round).unwrap().0.to_owned()).collect();
        assert_eq!(paths.len(), 10);
    }
}
