//! The units of `bench hits`: plain C, and C++ that includes a handful of the standard library's heavy headers. All
//! that is wanted of them are their objects.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::project::{Project, put, unit_path};
use super::recipes;
use super::steps;

/// A language's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// About 50 small headers each.
    C,
    /// Standard headers of tens of thousands of lines.
    Cxx,
}

const HEADERS: [&str; 8] =
    ["algorithm", "functional", "iostream", "map", "memory", "regex", "string", "vector"];

impl Language {
    /// What compiles it.
    pub(crate) fn compiler(self) -> &'static str {
        match self {
            Language::C => "gcc",
            Language::Cxx => "g++",
        }
    }

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::C => "C",
            Language::Cxx => "heavy C++",
        }
    }
}

/// Units on disk.
pub(crate) struct Units {
    /// Where they lie.
    pub(crate) place: PathBuf,
    /// Each one's source.
    pub(crate) sources: Vec<String>,
}

impl Units {
    /// Writes them and rekindle's manifest to a fresh folder.
    pub(crate) fn create(place: PathBuf, language: Language, count: usize) -> Result<Units, String> {
        steps::remove(&place)?;
        let sources: Vec<String> = match language {
            Language::C => {
                Project::of(count).write(&place)?;
                (0..count).map(unit_path).collect()
            }
            Language::Cxx => (0..count).map(|unit| format!("src/unit_{unit:03}.cc")).collect(),
        };
        if language == Language::Cxx {
            for (unit, source) in sources.iter().enumerate() {
                put(&place, source, &cxx(unit))?;
            }
            put(&place, "include/empty.h", "")?;
        }
        put(&place, "rekindle.toml", &manifest(&sources))?;
        Ok(Units { place, sources })
    }

    /// The object of a unit in an engine's folder.
    pub(crate) fn object(engine: &str, source: &str) -> String {
        let stem = source.rsplit_once('.').map_or(source, |(stem, _)| stem);
        format!("{}/{stem}.o", recipes::ninja_out(engine))
    }

    /// A build file for ninja that makes every object by a compiler, which may be wrapped.
    pub(crate) fn compile_by(&self, engine: &str, compiler: &str) -> Result<(), String> {
        let command = format!("{compiler} -O2 -Iinclude -MD -MF $out.d -c $in -o $out");
        self.ninja(engine, &format!("  command = {command}\n  depfile = $out.d\n  deps = gcc\n"), |source| {
            source.to_owned()
        })
    }

    /// One that copies every object of another engine.
    pub(crate) fn copy_by(&self, engine: &str, from: &str) -> Result<(), String> {
        self.ninja(engine, "  command = cp $in $out\n", |source| Units::object(from, source))
    }

    fn ninja(&self, engine: &str, rule: &str, input: impl Fn(&str) -> String) -> Result<(), String> {
        let mut text = format!("builddir = {}\n\nrule compile\n{rule}", recipes::ninja_out(engine));
        text.push_str("  description = compile $out\n\n");
        for source in &self.sources {
            let _ = writeln!(text, "build {}: compile {}", Units::object(engine, source), input(source));
        }
        put(&self.place, &recipes::ninja_file(engine), &text)
    }
}

/// How many files with this ending lie below a folder.
pub(crate) fn count_below(folder: &Path, ending: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |path: PathBuf| {
        if path.is_dir() {
            return count_below(&path, ending);
        }
        usize::from(path.extension().is_some_and(|found| found == ending))
    };
    entries.flatten().map(|entry| count(entry.path())).sum()
}

fn manifest(sources: &[String]) -> String {
    let sources: Vec<String> = sources.iter().map(|source| format!("\"{source}\"")).collect();
    format!(
        "[project]\nname = \"hits\"\n\n[toolchain.host]\ncc = \"gcc\"\ncxx = \"g++\"\n\n[library.units]\ntype = \"object\"\nsources = [{}]\ninclude = [\"include\"]\n",
        sources.join(", ")
    )
}

/// A unit that uses what it includes a little.
fn cxx(unit: usize) -> String {
    let mut text: String = HEADERS.iter().map(|header| format!("#include <{header}>\n")).collect();
    let _ = write!(
        text,
        "\nint unit_{unit:03}(const std::string &text) {{
  std::map<std::string, std::vector<int>> seen;
  std::regex word(\"[a-z]+{unit}\");
  for (std::sregex_iterator at(text.begin(), text.end(), word), end; at != end; ++at) seen[at->str()].push_back({unit});
  auto all = std::make_unique<std::vector<int>>();
  for (const auto &entry : seen) all->insert(all->end(), entry.second.begin(), entry.second.end());
  std::sort(all->begin(), all->end(), std::greater<int>());
  std::cout << all->size() << '\\n';
  return all->empty() ? {unit} : all->front();
}}
"
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_has_an_object_in_each_build_file() {
        let folder = tempfile::tempdir().unwrap();
        for (language, ending) in [(Language::C, ".c"), (Language::Cxx, ".cc")] {
            let units = Units::create(folder.path().join(language.compiler()), language, 3).unwrap();
            assert!(units.sources.iter().all(|source| source.ends_with(ending)));
            units.compile_by("plain", "gcc").unwrap();
            units.copy_by("copy", "plain").unwrap();
            let text = std::fs::read_to_string(units.place.join("copy.ninja")).unwrap();
            for source in &units.sources {
                let line = format!(
                    "build {}: compile {}\n",
                    Units::object("copy", source),
                    Units::object("plain", source)
                );
                assert!(text.contains(&line), "{text}");
            }
        }
    }

    #[test]
    fn files_are_counted_by_ending_at_any_depth() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "a/b/c.o", "").unwrap();
        put(folder.path(), "d.o", "").unwrap();
        put(folder.path(), "e.d", "").unwrap();
        assert_eq!(count_below(folder.path(), "o"), 2);
    }
}
