//! What is wrong with what the person wrote: where, what, why, and what to do about it.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

/// The text of a manifest, and the name under which it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path as the person would name it.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

impl Source {
    /// The line and column (in characters), both from one, of a byte offset.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        (line, column)
    }

    fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        let (line, column) = self.position(span.start);
        let text = self.text.lines().nth(line - 1).unwrap_or("").to_string();
        let rest = text.chars().count().saturating_sub(column - 1);
        let wide = self
            .text
            .get(span.clone())
            .map_or(1, |marked| marked.lines().next().unwrap_or("").chars().count());
        Excerpt { line, column, text, width: wide.min(rest).max(1) }
    }
}

/// The line of a file that a diagnostic is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Its number, from one.
    pub line: usize,
    /// The column, in characters from one, where the trouble starts.
    pub column: usize,
    /// The whole line.
    pub text: String,
    /// How many characters the trouble spans on this line; at least one.
    pub width: usize,
}

/// Where the trouble is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file, and on which line if one can be said.
    File(PathBuf, Option<Excerpt>),
    /// In what was asked on the command line: the words that the person wrote.
    Request(String),
}

/// One thing that is wrong (or, as a notice, worth knowing).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// What is wrong, in a sentence.
    pub message: String,
    /// Why that is so, if it is not plain.
    pub why: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Something wrong with a whole file.
    pub fn file(path: &Path, message: impl Into<String>) -> Self {
        Self { place: Place::File(path.to_path_buf(), None), message: message.into(), why: None, hint: None }
    }

    /// Something wrong with a part of the manifest.
    pub fn at(source: &Source, span: &Range<usize>, message: impl Into<String>) -> Self {
        let place = Place::File(source.path.clone(), Some(source.excerpt(span)));
        Self { place, message: message.into(), why: None, hint: None }
    }

    /// Something wrong with what was asked.
    pub fn request(words: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: Place::Request(words.into()), message: message.into(), why: None, hint: None }
    }

    /// Its line and column; zeros if it has none.
    fn position(&self) -> (usize, usize) {
        match &self.place {
            Place::File(_, Some(excerpt)) => (excerpt.line, excerpt.column),
            _ => (0, 0),
        }
    }

    /// The same with a reason.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with `did you mean`, if one of `known` is like `word`, and else with a list of what is known.
    #[must_use]
    pub fn suggest<'k>(self, word: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        if let Some(near) = nearest(word, known.iter().copied()) {
            return self.hint(format!("did you mean `{near}`?"));
        }
        if known.is_empty() || known.len() > 12 {
            return self;
        }
        let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        self.hint(format!("known: {list}"))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gutter = 4;
        match &self.place {
            Place::Request(words) => writeln!(f, "{words}: {}", self.message)?,
            Place::File(path, None) => writeln!(f, "{}: {}", path.display(), self.message)?,
            Place::File(path, Some(excerpt)) => {
                let Excerpt { line, column, text, width } = excerpt;
                writeln!(f, "{}:{line}:{column}: {}", path.display(), self.message)?;
                gutter = gutter.max(line.to_string().len());
                let shown = format!("{line:>gutter$} | {text}");
                writeln!(f, "{}", shown.trim_end())?;
                // Tabs are kept, so that the caret stands under the text whatever a tab is worth.
                let lead: String =
                    text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                writeln!(f, "{:gutter$} | {lead}{}", "", "^".repeat(*width))?;
            }
        }
        if let Some(why) = &self.why {
            writeln!(f, "{:gutter$} = why: {why}", "")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "{:gutter$} = hint: {hint}", "")?;
        }
        Ok(())
    }
}

/// Everything that was found wrong. It is the person's to mend: exit code 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

/// Collects what is wrong, so that a person sees all of it in one go.
#[derive(Debug)]
pub(crate) struct Report {
    /// The manifest that is read.
    pub(crate) source: Arc<Source>,
    /// What was found so far.
    pub(crate) found: Vec<Diagnostic>,
    /// What was said already: a library may be looked at for several toolchains.
    said: HashSet<(usize, usize, String)>,
}

impl Report {
    pub(crate) fn new(source: Arc<Source>) -> Self {
        Self { source, found: Vec::new(), said: HashSet::new() }
    }

    /// Something wrong at `span`, to be refined and pushed.
    pub(crate) fn at(&self, span: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.source, span, message)
    }

    /// Something wrong at a value, to be refined and pushed.
    pub(crate) fn on<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> Diagnostic {
        self.at(&value.span(), message)
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        let (line, column) = diagnostic.position();
        if self.said.insert((line, column, diagnostic.message.clone())) {
            self.found.push(diagnostic);
        }
    }

    /// `Ok` if nothing was found.
    pub(crate) fn finish(self) -> Result<(), Diagnostics> {
        if self.found.is_empty() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Report> for Diagnostics {
    fn from(report: Report) -> Self {
        let mut found = report.found;
        found.sort_by_key(Diagnostic::position);
        Self(found)
    }
}

/// The one of `known` that a person who wrote `word` most likely meant.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let flat = |text: &str| text.to_lowercase().replace('_', "-");
    // What a word begins, or begins with, is as near as anything can be that is not nearly the same.
    let prefix = |a: &str, b: &str| a.len() > 2 && b.len() > 2 && (a.starts_with(b) || b.starts_with(a));
    let distance = |name: &str| {
        let distance = strsim::damerau_levenshtein(&flat(word), &flat(name));
        if prefix(&flat(word), &flat(name)) { distance.min(allowed) } else { distance }
    };
    known
        .into_iter()
        .filter(|name| *name != word)
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= allowed && *distance < name.chars().count())
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_place_line_caret_reason_and_advice() {
        let source = Source { path: "rekindle.toml".into(), text: "[project]\n\tnäme = \"x\" \r\n".into() };
        let at = source.text.find("\"x\"").unwrap();
        let one =
            Diagnostic::at(&source, &(at..at + 3), "that is no name").why("it is short").hint("add letters");
        insta::assert_snapshot!(one, @r#"
        rekindle.toml:2:9: that is no name
           2 | 	näme = "x"
             | 	       ^^^
             = why: it is short
             = hint: add letters
        "#);
    }

    #[test]
    fn the_end_of_the_text_has_a_place_too() {
        let source = Source { path: "m".into(), text: "a".into() };
        insta::assert_snapshot!(Diagnostic::at(&source, &(1..1), "it ends here"), @r"
        m:1:2: it ends here
           1 | a
             |  ^
        ");
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["sources", "exclude", "include", "cxx-std"];
        assert_eq!(nearest("sorces", known), Some("sources"));
        assert_eq!(nearest("cxx_std", known), Some("cxx-std"));
        assert_eq!(nearest("Include", known), Some("include"));
        assert_eq!(nearest("frobnicate", known), None);
    }
}
