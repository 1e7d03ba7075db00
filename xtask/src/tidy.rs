//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy knows. Each check is a pure
//! function from text to problems, in a file of its own, with a sample that it catches.

mod arrows;
mod budget;
mod graphs;
mod links;
mod lock;

mod table;
mod text;
mod tokens;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// The file, relative to the workspace.
    path: String,
    /// Its line, from 1; 0 for the whole file.
    line: usize,
    /// What is wrong and what to do.
    what: String,
}

impl Problem {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Problem {
        Problem { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// A text file of the project.
pub(crate) struct Source {
    /// Relative to the workspace, with `/`.
    path: String,
    text: String,
}

/// Checks the whole tree and prints every breach.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let sources = sources(root)?;
    let mut problems = Vec::new();
    for source in &sources {
        problems.extend(text::check(source));
        if source.path.ends_with(".rs") {
            problems.extend(check_rust(source));
        }
        if source.path.ends_with(".md") {
            problems.extend(links::check(source, &|target| root.join(target).exists()));
        }
    }
    problems.extend(check_workspace(root, &sources)?);
    problems.sort();
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("tidy: {} files, nothing to say", sources.len());
            Ok(())
        }
        count => Err(format!("tidy: {count} problem(s) in {} files", sources.len())),
    }
}

/// The checks of one Rust file.
fn check_rust(source: &Source) -> Vec<Problem> {
    let file = match syn::parse_file(&source.text) {
        Ok(file) => file,
        Err(error) => return vec![Problem::new(&source.path, error.span().start().line, error.to_string())],
    };
    let mut problems = text::check_header(source);
    problems.extend(budget::check(source, &file));
    problems.extend(tokens::check(source));
    problems.extend(graphs::check(source, &file));
    problems
}

/// The checks that need the whole workspace.
fn check_workspace(root: &Path, sources: &[Source]) -> Result<Vec<Problem>, String> {
    let architecture = sources.iter().find(|source| source.path == table::ARCHITECTURE);
    let Some(architecture) = architecture else {
        return Ok(vec![Problem::new(table::ARCHITECTURE, 0, "is missing: it holds the table of arrows")]);
    };
    let metadata = metadata(root)?;
    let mut problems = arrows::check(&architecture.text, &metadata)?;
    problems.extend(tokens::check_unsafe(&architecture.text, sources));
    if let Some(lock) = sources.iter().find(|source| source.path == "Cargo.lock") {
        problems.extend(lock::check(&lock.text));
    }
    Ok(problems)
}

/// What cargo says of the workspace's packages, without their dependencies' own.
pub(crate) fn metadata(root: &Path) -> Result<serde_json::Value, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version=1", "--no-deps", "--offline"]).current_dir(root);
    let output = command.output().map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// What nobody wrote: inputs that fuzzing found. Some of them happen to be text.
const FOUND: &str = "fuzz/corpus/";

/// Every text file that git tracks or would track; a file that is not UTF-8 or holds a NUL is not text.
fn sources(root: &Path) -> Result<Vec<Source>, String> {
    let mut command = Command::new("git");
    // A clone that another user owns is listed too; listing runs nothing of it.
    command.arg("-c").arg(format!("safe.directory={}", root.display()));
    command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let output = command.output().map_err(|error| format!("git ls-files: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let list = String::from_utf8(output.stdout).map_err(|_| "git ls-files: a name is not UTF-8")?;
    let mut sources = Vec::new();
    for path in list.split_terminator('\0').filter(|path| !path.starts_with(FOUND)) {
        let bytes = match fs::read(root.join(path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("read {path}: {error}")),
        };
        if let Some(text) = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(sources)
}
