//! Words that code may not hold. Comments and strings are not code, so this goes by tokens.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::table::{self, ARCHITECTURE};
use super::{Problem, Source};

/// A word of the code and where it stands.
struct Word {
    text: String,
    line: usize,
    /// What follows it is `!`.
    bang: bool,
    /// What follows it is an open round bracket.
    call: bool,
    /// It stands in the square brackets of an attribute.
    attribute: bool,
}

/// Checks one Rust file for `allow` attributes and for `todo!`.
pub(crate) fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for word in words(&source.text) {
        if word.text == "allow" && word.attribute && word.call {
            let what = "an `allow` attribute: use `#[expect(lint, reason = \"...\")]`";
            problems.push(Problem::new(&source.path, word.line, what));
        }
        if word.text == "todo" && word.bang {
            problems.push(Problem::new(&source.path, word.line, "a `todo!`: finish it or leave it out"));
        }
    }
    problems
}

/// Checks that the word `unsafe` is in the code of exactly the files that the page lists under `## Unsafe`.
pub(crate) fn check_unsafe(page: &str, sources: &[Source]) -> Vec<Problem> {
    let rows = table::under(page, "Unsafe").unwrap_or_default();
    let listed: Vec<(usize, &str)> =
        rows.iter().filter_map(|row| Some((row.line, *table::quoted(row.cells.first()?).first()?))).collect();
    let mut problems = Vec::new();
    let mut used = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with(".rs")) {
        let Some(word) = words(&source.text).into_iter().find(|word| word.text == "unsafe") else { continue };
        used.push(source.path.as_str());
        if !listed.iter().any(|(_, file)| *file == source.path) {
            let what = format!("`unsafe` in a file that is not listed under `## Unsafe` in {ARCHITECTURE}");
            problems.push(Problem::new(&source.path, word.line, what));
        }
    }
    for (line, file) in listed {
        if !used.contains(&file) {
            problems.push(Problem::new(ARCHITECTURE, line, format!("there is no `unsafe` in {file}")));
        }
    }
    problems
}

/// Every identifier of a Rust file; none if the text is not Rust (another check says so).
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    if let Ok(stream) = text.parse::<TokenStream>() {
        collect(stream, false, &mut words);
    }
    words
}

fn collect(stream: TokenStream, attribute: bool, words: &mut Vec<Word>) {
    let mut tokens = stream.into_iter().peekable();
    let mut hash = false;
    while let Some(token) = tokens.next() {
        let opens = hash;
        hash = match &token {
            TokenTree::Punct(mark) => mark.as_char() == '#' || (hash && mark.as_char() == '!'),
            _ => false,
        };
        match token {
            TokenTree::Ident(ident) => words.push(Word {
                text: ident.to_string(),
                line: ident.span().start().line,
                bang: matches!(tokens.peek(), Some(TokenTree::Punct(mark)) if mark.as_char() == '!'),
                call: matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis),
                attribute,
            }),
            TokenTree::Group(group) => {
                let bracket = group.delimiter() == Delimiter::Bracket;
                collect(group.stream(), attribute || (opens && bracket), words);
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn lines(text: &str) -> Vec<usize> {
        check(&source("x.rs", text)).iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn an_allow_attribute_is_caught_in_each_of_its_forms() {
        assert_eq!(lines("#[allow(dead_code)]\nfn a() {}\n"), [1]);
        assert_eq!(lines("#![allow(dead_code)]\n"), [1]);
        assert_eq!(lines("fn a() {}\n#[cfg_attr(test, allow(dead_code))]\nfn b() {}\n"), [2]);
        assert_eq!(
            lines("// #[allow(x)]\nfn a() { allow(\"#[allow(x)]\") }\n#[expect(dead_code)]\nfn b() {}\n"),
            [0; 0]
        );
    }

    #[test]
    fn a_todo_is_caught_and_the_word_in_prose_is_not() {
        assert_eq!(lines("fn a() {\n    todo!()\n}\n"), [2]);
        assert_eq!(lines("// todo!()\nfn a() { let todo = \"todo!\"; }\n"), [0; 0]);
    }

    #[test]
    fn unsafe_outside_the_listed_files_is_caught_and_so_is_a_listed_file_without_any() {
        let page = "## Unsafe\n\n| file | why |\n|---|---|\n| `a.rs` | fork |\n| `c.rs` | map |\n";
        let sources = [
            source("a.rs", "fn a() { unsafe { x() } }\n"),
            source("b.rs", "\nfn b() { unsafe { x() } }\n"),
            source("c.rs", "// unsafe\n"),
        ];
        let found: Vec<String> = check_unsafe(page, &sources).iter().map(Problem::to_string).collect();
        assert_eq!(
            found,
            [
                "b.rs:2: `unsafe` in a file that is not listed under `## Unsafe` in docs/architecture.md",
                "docs/architecture.md:6: there is no `unsafe` in c.rs",
            ]
        );
    }
}
