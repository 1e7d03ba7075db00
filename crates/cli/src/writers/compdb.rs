//! `compile_commands.json`, as clang's "JSON Compilation Database Format Specification" has it.

use rekindle_fingerprint::action::{Action, ActionKind};
use rekindle_fingerprint::files::Files;
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
        arguments: argv(action, files).iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        output: shown(*action.outputs.first()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writers::sample;

    #[test]
    fn every_compile_is_an_entry_and_nothing_else_is() {
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
