//! `compile_commands.json`, as clang's "JSON Compilation Database Format Specification" has it.

use rekindle_fingerprint::action::{Action, ActionKind, DepfileFormat};
use rekindle_fingerprint::files::{Files, PathId};
use serde::Serialize;

use super::argv;

#[derive(Serialize)]
struct Entry {
    directory: String,
    file: String,
    arguments: Vec<String>,
    output: String,
}

/// The database of the compiles among `actions`. JSON is text: what is no UTF-8 in a path is replaced.
pub(crate) fn compdb<'a>(actions: impl Iterator<Item = &'a Action>, files: &Files) -> String {
    let compiles = actions.filter(|action| action.kind == ActionKind::Compile);
    let entries: Vec<Entry> = compiles.filter_map(|action| entry(action, files)).collect();
    // Plain structs always have a JSON form.
    let mut text = serde_json::to_string_pretty(&entries).unwrap_or_default();
    text.push('\n');
    text
}

fn entry(action: &Action, files: &Files) -> Option<Entry> {
    let cwd = files.abs(action.cwd);
    let shown = |path| {
        let path = files.abs(path);
        path.strip_prefix(&cwd).unwrap_or(&path).to_string_lossy().into_owned()
    };
    Some(Entry {
        directory: cwd.to_string_lossy().into_owned(),
        file: shown(*action.inputs.first()?),
        arguments: words(action, files),
        output: shown(*action.outputs.first()?),
    })
}

/// The flags by which a dialect asks for depfiles. They stand right before the depfile's name.
const FOR_DEPFILES: [&str; 4] = ["-MD", "-MF", "-Xassembler", "--MD"];

/// The command line without what only a build needs: its depfiles lie where nothing is before a build, and readers of
/// a database have their own.
fn words(action: &Action, files: &Files) -> Vec<String> {
    let depfiles: Vec<PathId> = action.discovery.depfiles.iter().filter_map(DepfileFormat::path).collect();
    let mut words: Vec<String> = Vec::new();
    for (arg, word) in action.argv.iter().zip(argv(action, files)) {
        if arg.paths().any(|path| depfiles.contains(&path)) {
            while words.last().is_some_and(|last| FOR_DEPFILES.contains(&last.as_str())) {
                words.pop();
            }
            continue;
        }
        words.push(word.to_string_lossy().into_owned());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writers::sample;

    #[test]
    fn every_compile_is_an_entry_without_what_only_a_build_needs() {
        let (graph, files) = sample::graph();
        insta::assert_snapshot!(compdb(graph.actions().map(|(_, action)| action), &files), @r#"
        [
          {
            "directory": "/home/me/my app",
            "file": "src/a.c",
            "arguments": [
              "/usr/bin/cc",
              "-c",
              "src/a.c",
              "-o",
              ".rekindle/build/debug/obj/a.o"
            ],
            "output": ".rekindle/build/debug/obj/a.o"
          }
        ]
        "#);
    }
}
