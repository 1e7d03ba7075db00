//! Which files a target is made of.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_toolchain::request::Language;
use rustc_hash::FxHashSet;

use super::Lowering;
use crate::diagnostic::{Diagnostic, nearest};
use crate::evaluate::generated_name;
use crate::glob::{Pattern, is_pattern};
use crate::manifest::Text;
use crate::project::Instance;
use crate::reader::Found;

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// It is compiled.
    Source(Language),
    /// It is included.
    Header,
    /// It is linked as it is.
    Object,
    /// It cannot be built: why.
    Refused(&'static str),
    /// Nobody knows.
    Unknown,
}

/// The endings that [`kind_of`] knows as sources.
const ENDINGS: &str = "the name's ending says the language: `.c` is C; `.cc`, `.cpp`, `.cxx`, `.c++`, `.cp`, `.C`, `.CPP` are C++; `.S`, `.sx`, `.s` are assembler";

/// What `path` is, by its extension.
pub(crate) fn kind_of(path: &Path) -> FileKind {
    let Some(extension) = path.extension().and_then(OsStr::to_str) else { return FileKind::Unknown };
    match extension {
        "c" => FileKind::Source(Language::C),
        "cc" | "cpp" | "cxx" | "C" | "c++" | "cp" | "CPP" => FileKind::Source(Language::Cxx),
        "S" | "sx" => FileKind::Source(Language::AssemblerCpp),
        "s" => FileKind::Source(Language::Assembler),
        "h" | "hh" | "hpp" | "hxx" | "H" | "h++" | "inc" | "inl" | "ipp" | "tpp" | "def" => FileKind::Header,
        "o" | "a" | "so" | "obj" => FileKind::Object,
        "cppm" | "ixx" | "mpp" | "ccm" | "cxxm" | "c++m" => {
            FileKind::Refused("C++20 modules are not supported")
        }
        "m" | "mm" | "M" => FileKind::Refused("Objective-C is not supported"),
        _ => FileKind::Unknown,
    }
}

/// What to do about a file that is refused.
fn instead(path: &Path) -> &'static str {
    match path.extension().and_then(OsStr::to_str) {
        Some("m" | "mm" | "M") => {
            "compile it by a [command.NAME] whose output is an object, and have `command:NAME` among the `sources`"
        }
        _ => "make a header and a source of it",
    }
}

/// A file that a target is made of.
#[derive(Clone, Debug)]
pub(super) struct SourceFile {
    pub(super) path: PathId,
    /// Its language; none for an object or library that is linked as it is.
    pub(super) language: Option<Language>,
}

/// The directory of the file that was named last, because the next one most likely lies there too.
pub(super) struct Near {
    directory: PathBuf,
    root: RootId,
    rel: PathBuf,
    /// Whether what lies right in it may be in another root.
    is_mixed: bool,
}

impl Near {
    fn new(directory: &Path, roots: &Roots) -> Self {
        let (root, rel) = roots.locate(directory);
        let is_here = |place: &Path| place.parent() == Some(directory);
        let is_mixed = roots.iter().any(|(_, root)| {
            let mut places = std::iter::once(&root.path).chain(&root.spellings);
            places.any(|base| is_here(base) || root.within.iter().any(|inner| is_here(&base.join(inner))))
        });
        Self { directory: directory.to_path_buf(), root, rel: rel.to_path_buf(), is_mixed }
    }
}

impl Lowering<'_> {
    /// The files of a target in order, each once.
    pub(super) fn sources(&mut self, instance: &Instance) -> Vec<SourceFile> {
        let target = &instance.target;
        let mut exclude = Vec::new();
        for text in &target.exclude {
            exclude.extend(self.pattern(text));
        }
        self.near = None;
        let mut seen = FxHashSet::default();
        let mut list = Vec::new();
        for text in &target.sources {
            if let Some(generated) = self.generated_by(text) {
                for path in generated {
                    // What a command makes beside sources is for including.
                    let rel = self.files.rel(path).to_path_buf();
                    let language = match kind_of(&rel) {
                        FileKind::Source(language) => Some(language),
                        FileKind::Object => None,
                        FileKind::Refused(why) => {
                            let found = self.report.on(text, format!("`{}`: {why}", rel.display()));
                            self.report.push(found.hint(instead(&rel)));
                            continue;
                        }
                        FileKind::Header | FileKind::Unknown => continue,
                    };
                    if seen.insert(path) {
                        list.push(SourceFile { path, language });
                    }
                }
                continue;
            }
            for path in self.files_of(text, "source") {
                let id = self.path_of(text, &path);
                if exclude.iter().any(|pattern| pattern.matches(&path)) || !seen.insert(id) {
                    continue;
                }
                if let Some(language) = self.language(text, &path) {
                    list.push(SourceFile { path: id, language });
                }
            }
        }
        list
    }

    /// The number of a file that `text` named. What a glob without `..` finds
    /// has no other spelling.
    fn path_of(&mut self, text: &Text, path: &Path) -> PathId {
        let is_plain = |text: &str| !text.contains("./") && !text.contains("//");
        if !is_pattern(text.get_ref()) || !is_plain(text.get_ref()) {
            return self.files.path_abs(path);
        }
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
            return self.files.path_abs(path);
        };
        let near = match &self.near {
            Some(near) if near.directory.as_os_str() == directory.as_os_str() => near,
            _ => self.near.insert(Near::new(directory, self.files.roots())),
        };
        if near.is_mixed {
            return self.files.path_abs(path);
        }
        let rel = near.rel.join(name);
        self.files.path(near.root, rel)
    }

    /// The language of a file that `text` named: `None` if it is passed over, `Some(None)` if it is an object.
    fn language(&mut self, text: &Text, path: &Path) -> Option<Option<Language>> {
        let shown = path.strip_prefix(&self.project.dir).unwrap_or(path).display().to_string();
        match kind_of(path) {
            FileKind::Source(language) => return Some(Some(language)),
            FileKind::Object => return Some(None),
            FileKind::Header => {}
            FileKind::Refused(why) => {
                let found = self.report.on(text, format!("`{shown}`: {why}"));
                self.report.push(if is_pattern(text.get_ref()) {
                    found.hint(format!("name it in `exclude`, or {}", instead(path)))
                } else {
                    found.hint(instead(path))
                });
            }
            FileKind::Unknown => {
                let found = self.report.on(text, format!("`{shown}` is no source that this can compile"));
                let found = found.why(ENDINGS);
                self.report.push(if is_pattern(text.get_ref()) {
                    found.hint("make the glob narrower (`src/*.c`), or name the file in `exclude`")
                } else {
                    found
                });
            }
        }
        None
    }

    /// The outputs that `command:NAME`, or the name of a generated file, stands for.
    pub(super) fn generated_by(&self, text: &Text) -> Option<Vec<PathId>> {
        let command = self.project.writer_of(text.get_ref())?;
        Some(self.outputs_named(command, text))
    }

    /// All outputs of a command for `command:NAME`, else the one that is called `text`.
    fn outputs_named(&self, command: usize, text: &Text) -> Vec<PathId> {
        let outputs = &self.generated[command];
        if text.get_ref().starts_with("command:") {
            return outputs.clone();
        }
        let name = generated_name(text.get_ref());
        let declared = &self.project.generators[command].command.outputs;
        let at = declared.iter().position(|output| generated_name(output.get_ref()) == name);
        at.and_then(|at| outputs.get(at)).copied().into_iter().collect()
    }

    pub(super) fn pattern(&mut self, text: &Text) -> Option<Pattern> {
        match Pattern::new(&self.project.dir, text.get_ref()) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                self.report.push(self.report.on(text, format!("this glob cannot be read: {why}")));
                None
            }
        }
    }

    /// The files, absolute, that a glob or a name means. That there is none is reported.
    pub(super) fn files_of(&mut self, text: &Text, what: &str) -> Vec<PathBuf> {
        if !is_pattern(text.get_ref()) {
            return self.one_file(text, what).into_iter().collect();
        }
        let Some(pattern) = self.pattern(text) else { return Vec::new() };
        match pattern.find(&mut self.reader, &self.skip) {
            Ok(found) if found.is_empty() => {
                let literal = self.project.dir.join(text.get_ref());
                // A file may have a bracket in its name.
                if matches!(self.reader.probe(&literal), Ok(Found::File)) {
                    return vec![literal];
                }
                self.report.push(self.report.on(text, "no file matches this glob"));
                Vec::new()
            }
            Ok(found) => found,
            Err(unreadable) => {
                let shown = unreadable.path.display();
                let why = crate::load::plain(&unreadable.error);
                self.report.push(self.report.on(text, format!("cannot list `{shown}`: {why}")));
                Vec::new()
            }
        }
    }

    fn one_file(&mut self, text: &Text, what: &str) -> Option<PathBuf> {
        if text.get_ref().is_empty() {
            self.report.push(self.report.on(text, format!("an empty name is no {what}")));
            return None;
        }
        let path = self.project.dir.join(text.get_ref());
        match self.reader.probe(&path) {
            Ok(Found::File) => return Some(path),
            Ok(Found::Directory) => {
                let found = self.report.on(text, format!("`{text}` is a directory, and should be a {what}"));
                let several =
                    format!("write `{}/**` for the files in it", text.get_ref().trim_end_matches('/'));
                let many = what == "source" || what == "file";
                self.report.push(if many { found.hint(several) } else { found });
            }
            Ok(Found::Nothing) => {
                let found = self.report.on(text, format!("there is no file `{text}`"));
                let found = self.suggest_file(found, text);
                self.report.push(found);
            }
            Err(error) => {
                let why = crate::load::plain(&error);
                self.report.push(self.report.on(text, format!("cannot look at `{text}`: {why}")));
            }
        }
        None
    }

    /// Suggests a file or directory of almost the same name in the same place, or a generated one.
    pub(super) fn suggest_file(&mut self, found: Diagnostic, text: &Text) -> Diagnostic {
        let path = Path::new(text.get_ref());
        let (parent, name) =
            (path.parent().unwrap_or(Path::new("")), path.file_name().and_then(OsStr::to_str));
        let Some(name) = name else { return found };
        let here = self.reader.list(&self.project.dir.join(parent)).unwrap_or_default();
        let names: Vec<String> =
            here.iter().filter_map(|entry| entry.name.to_str().map(str::to_string)).collect();
        if let Some(near) = nearest(name, names.iter().map(String::as_str)) {
            return found.hint(format!("did you mean `{}`?", parent.join(near).display()));
        }
        let outputs = self.project.generators.iter().flat_map(|generator| &generator.command.outputs);
        match nearest(text.get_ref(), outputs.map(|output| output.get_ref().as_str())) {
            Some(near) => found.hint(format!("did you mean the generated file `{near}`?")),
            None => found,
        }
    }

    /// A directory that a path-valued key names. That it is not there is reported. `{outdir}` is the directory of
    /// generated files.
    pub(super) fn directory_of(&mut self, text: &Text) -> Option<PathId> {
        if let Some(inner) = text.get_ref().strip_prefix("{outdir}") {
            let inner = Path::new(super::paths::GENERATED).join(inner.trim_start_matches('/'));
            let build = self.files.roots().get(Roots::BUILD).path.clone();
            return Some(self.files.path_from(&build, &inner));
        }
        if text.get_ref().is_empty() {
            let found = self.report.on(text, "an empty name is no directory");
            self.report.push(found.hint("`.` is the project's own"));
            return None;
        }
        let path = self.project.dir.join(text.get_ref());
        match self.reader.probe(&path) {
            Ok(Found::Directory) => {
                return Some(self.files.path_from(&self.project.dir, Path::new(text.get_ref())));
            }
            Ok(Found::File) => {
                let found = self.report.on(text, format!("`{text}` is a file, and should be a directory"));
                self.report.push(found.hint("name the directory that it lies in"));
            }
            Ok(Found::Nothing) => {
                let found = self.report.on(text, format!("there is no directory `{text}`"));
                let found = self.suggest_file(found, text);
                let advice = "make it, or take it out; what a command generates is found without it";
                self.report.push(if found.hint.is_none() { found.hint(advice) } else { found });
            }
            Err(error) => {
                let why = crate::load::plain(&error);
                self.report.push(self.report.on(text, format!("cannot look at `{text}`: {why}")));
            }
        }
        None
    }

    /// The file that a key names, by its number: of the project, or generated.
    pub(super) fn file_of(&mut self, text: &Text, what: &str) -> Option<PathId> {
        if let Some(generated) = self.generated_by(text) {
            return generated.first().copied();
        }
        let path = self.one_file(text, what)?;
        Some(self.files.path_abs(&path))
    }

    /// A directory in which something is run: the project's unless told otherwise.
    pub(super) fn directory(&mut self, text: Option<&Text>) -> PathId {
        text.and_then(|text| self.directory_of(text)).unwrap_or(self.workspace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_of_a_source_is_told() {
        let told = |ending: &str| ENDINGS.contains(&format!("`.{ending}`"));
        for ending in ["c", "cc", "cpp", "cxx", "c++", "cp", "C", "CPP", "S", "sx", "s"] {
            assert!(
                matches!(kind_of(Path::new(&format!("a.{ending}"))), FileKind::Source(_)) && told(ending)
            );
        }
    }

    #[test]
    fn the_ending_says_what_a_file_is() {
        let kind = |name: &str| kind_of(Path::new(name));
        assert_eq!(kind("a.c"), FileKind::Source(Language::C));
        assert_eq!(kind("a.C"), FileKind::Source(Language::Cxx));
        assert_eq!(kind("a.S"), FileKind::Source(Language::AssemblerCpp));
        assert_eq!(kind("a.s"), FileKind::Source(Language::Assembler));
        assert_eq!(kind("a.h"), FileKind::Header);
        assert_eq!(kind("a.txt"), FileKind::Unknown);
        assert_eq!(kind("README"), FileKind::Unknown);
        assert!(matches!(kind("a.mm"), FileKind::Refused(_)));
        assert!(matches!(kind("a.cppm"), FileKind::Refused(_)));
    }
}
