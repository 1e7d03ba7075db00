//! `compile_commands.json`, as clang's "JSON Compilation Database Format Specification" has it.

use rekindle_fingerprint::action::{Action, ActionKind, Spelling};
use rekindle_fingerprint::files::Files;
use rekindle_toolchain::without_depfiles;
use serde::Serialize;

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
    let spelling = Spelling::new(files, action.cwd);
    let words = without_depfiles(action);
    let arguments = words.iter().map(|word| word.spell(files, &spelling));
    Some(Entry {
        directory: cwd.to_string_lossy().into_owned(),
        file: shown(*action.inputs.first()?),
        arguments: arguments.map(|word| word.to_string_lossy().into_owned()).collect(),
        output: shown(*action.outputs.first()?),
    })
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
