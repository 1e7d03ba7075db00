//! Finds, reads and understands a manifest.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::consult;
use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::diagnostic::{Diagnostic, Diagnostics, Report, Source};
use crate::manifest::Manifest;
use crate::platform::Platform;
use crate::project::Project;
use crate::reader::{Found, Reader};

/// The name of the project file.
pub const FILE_NAME: &str = "rekindle.toml";

/// What is asked of the project. Plain data: whoever calls has read arguments and environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The profile.
    pub profile: String,
    /// Options as they were set; of two for one name the later counts.
    pub options: Vec<Definition>,
    /// What is to be built.
    pub wanted: Wanted,
    /// What the machine itself is.
    pub host: Platform,
    /// The environment, for pkg-config's search path and for commands that take a variable from the caller.
    pub environment: BTreeMap<OsString, OsString>,
}

impl Default for Request {
    fn default() -> Self {
        let host = Platform { os: std::env::consts::OS.into(), arch: std::env::consts::ARCH.into() };
        let (profile, options, environment) = ("debug".into(), Vec::new(), BTreeMap::new());
        Self { profile, options, wanted: Wanted::Default, host, environment }
    }
}

/// An option that was set, and how it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// `NAME=VALUE`, or `NAME` for a bool.
    pub words: String,
    /// What messages call it: `-D NAME=VALUE`, or the variable that said so.
    pub shown: String,
}

impl Definition {
    /// One that was given by the flag `-D`.
    pub fn flag(words: &str) -> Self {
        Self { words: words.to_string(), shown: format!("-D {words}") }
    }
}

/// What is to be built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// What the manifest says is built by default.
    #[default]
    Default,
    /// Every test.
    Tests,
    /// Every target.
    Everything,
    /// These targets.
    Names(Vec<String>),
}

/// Reads the project at `path`: a manifest, or the directory that holds `rekindle.toml`.
///
/// # Errors
/// Everything that is wrong with the manifest, with its places; all of it is the person's to mend.
pub fn load(path: &Path, request: &Request) -> Result<Project, Diagnostics> {
    let reader = Reader::default();
    // The path may be relative: which manifest is meant is the caller's affair.
    let (file, dir) = consult::off_the_record(|| locate(path, &mut Reader::default()))?;
    let bytes = consult::read(&dir.join(file.file_name().unwrap_or_default()))
        .map_err(|error| unreadable(&file, &error))?;
    let source = Arc::new(Source { path: file.clone(), text: text_of(&file, bytes)? });
    let mut report = Report::new(source.clone());
    let manifest = parse(&source, &mut report)?;
    let project = crate::evaluate::evaluate(manifest, dir, request, reader, &mut report);
    report.finish()?;
    Ok(project)
}

/// The manifest as it is shown, and its directory, canonical.
fn locate(path: &Path, reader: &mut Reader) -> Result<(PathBuf, PathBuf), Diagnostics> {
    let found =
        |reader: &mut Reader, path: &Path| reader.probe(path).map_err(|error| unreadable(path, &error));
    let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let file = match found(reader, here)? {
        Found::File => path.to_path_buf(),
        Found::Directory => {
            let inner = shorten(here).join(FILE_NAME);
            match found(reader, &inner)? {
                Found::File => inner,
                Found::Directory => {
                    return Err(
                        Diagnostic::file(&inner, "this is a directory, and should be the manifest").into()
                    );
                }
                Found::Nothing => {
                    let what = Diagnostic::file(&inner, "there is no manifest here");
                    return Err(what.hint("`rekindle init` writes one for the sources that lie here").into());
                }
            }
        }
        Found::Nothing => return Err(Diagnostic::file(path, "there is no such file").into()),
    };
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = consult::canonical(parent).map_err(|error| unreadable(parent, &error))?;
    Ok((file, dir))
}

fn shorten(path: &Path) -> &Path {
    if path == Path::new(".") { Path::new("") } else { path.strip_prefix("./").unwrap_or(path) }
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostics {
    Diagnostic::file(path, format!("cannot read this: {}", plain(error))).into()
}

/// What the system says, without its number.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn text_of(file: &Path, bytes: Vec<u8>) -> Result<String, Diagnostics> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        // What is valid has the same bytes in the lossy text.
        let source = Source { path: file.to_path_buf(), text };
        let wide = char::REPLACEMENT_CHARACTER.len_utf8();
        Diagnostic::at(&source, &(valid..valid + wide), "a manifest is UTF-8 text, and this byte is not")
            .hint("write file names that are not UTF-8 with a glob: `src/caf?.c`")
            .into()
    })
}

/// From text to the serde types. Everything that is wrong in form is reported at once.
fn parse(source: &Source, report: &mut Report) -> Result<Manifest, Diagnostics> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let end = source.text.len();
        let span = error.span().unwrap_or(end..end);
        let found = report.at(&span, syntax_message(error.message()));
        let first = (error.message() == "duplicate key")
            .then(|| first_given(&source.text, table.get_ref(), &span))
            .flatten();
        report.push(match first.map(|first| source.position(first)) {
            Some((line, column)) => found.why(format!("the first one is on line {line}, column {column}")),
            None => found,
        });
    }
    if !report.found.is_empty() {
        return Err(std::mem::replace(report, Report::new(report.source.clone())).into());
    }
    crate::check::check(table.get_ref(), report);
    if !report.found.is_empty() {
        return Err(std::mem::replace(report, Report::new(report.source.clone())).into());
    }
    let span = table.span();
    let value = toml::Spanned::new(span, DeValue::Table(table.into_inner()));
    Manifest::deserialize(ValueDeserializer::from(value)).map_err(|error| {
        Diagnostic::at(source, &error.span().unwrap_or(0..0), error.message().to_string()).into()
    })
}

/// Where the key that stands at `span` for the second time was given first: the one of the same path.
fn first_given(text: &str, table: &DeTable<'_>, span: &Range<usize>) -> Option<usize> {
    let begin = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line = text[begin..].lines().next()?;
    let mut before = text[..begin].split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some((*at - line.len(), line))
    });
    if let Some(path) = header(line) {
        let (at, line) = before.find(|(_, line)| header(line).as_ref() == Some(&path))?;
        return Some(at + line.rfind(path.last()?)?);
    }
    let path = before.filter_map(|(_, line)| header(line)).last().unwrap_or_default();
    let mut inner = table;
    for word in path {
        inner = inner.get(word)?.get_ref().as_table()?;
    }
    let (first, _) = inner.get_key_value(bare(text.get(span.clone())?))?;
    Some(first.span().start).filter(|first| *first < span.start)
}

/// The names in a line that begins a table, if it is a plain one.
fn header(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim_start().strip_prefix('[')?.split(']').next()?;
    Some(inner.split('.').map(bare).collect())
}

fn bare(word: &str) -> &str {
    word.trim().trim_matches(['"', '\''])
}

fn syntax_message(message: &str) -> String {
    match message {
        "duplicate key" => "this name was given before".to_string(),
        other => format!("this is not TOML: {other}"),
    }
}
