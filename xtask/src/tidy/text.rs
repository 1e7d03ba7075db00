//! What holds for the text of any file: no blanks at line ends, no path of one person's machine, and a first line
//! that says what a Rust file is.

use super::{Problem, Source};

/// A file of at most this many lines needs no `//!`.
const TRIVIAL: usize = 20;

/// Where people keep their trees; such a path holds on one machine only.
const MACHINE_PATHS: [&str; 2] = [concat!("/", "work/"), concat!("/tmp/", "target-")];

/// Checks any text file.
pub(crate) fn check(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            problems.push(Problem::new(&source.path, at + 1, "blanks at the end of the line"));
        }
        for path in MACHINE_PATHS {
            if starts_a_path(line, path) {
                problems.push(Problem::new(&source.path, at + 1, format!("`{path}`: a path of one machine")));
            }
        }
    }
    if !source.text.is_empty() && !source.text.ends_with('\n') {
        problems.push(Problem::new(&source.path, source.text.lines().count(), "no newline at the end"));
    }
    problems
}

/// Whether `needle` begins a path somewhere in the line: `/home/me/lib/` does not hold the path `/lib/`.
fn starts_a_path(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "_.-~})>$*".contains(before))
    })
}

/// Checks that a Rust file opens with `//!`.
pub(crate) fn check_header(source: &Source) -> Vec<Problem> {
    if source.text.lines().count() <= TRIVIAL || source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![Problem::new(&source.path, 1, "does not open with `//!`: say what the file is about")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let source = Source { path: "x".to_owned(), text: text.to_owned() };
        check(&source).iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn blanks_at_line_ends_and_a_missing_newline_are_caught() {
        assert_eq!(lines("a\nb \nc\t\nd"), [2, 3, 4]);
        assert_eq!(lines("a\n b\n"), [0; 0]);
    }

    #[test]
    fn a_machine_path_is_caught_and_a_folder_of_that_name_is_not() {
        let machine = concat!("/", "work/main\n");
        assert_eq!(lines(machine), [1]);
        assert_eq!(lines(&format!("see `{machine}`\n")), [1]);
        assert_eq!(lines(&format!("/home/me{machine}")), [0; 0]);
    }

    #[test]
    fn a_long_file_without_a_header_is_caught() {
        let bare = Source { path: "x.rs".to_owned(), text: "fn a() {}\n".repeat(21) };
        assert_eq!(check_header(&bare).len(), 1);
        let headed = Source { path: "x.rs".to_owned(), text: format!("//! What.\n{}", bare.text) };
        assert_eq!(check_header(&headed), []);
        let short = Source { path: "x.rs".to_owned(), text: "fn a() {}\n".repeat(20) };
        assert_eq!(check_header(&short), []);
    }
}
