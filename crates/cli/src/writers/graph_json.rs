//! The graph as one JSON object, described in `docs/format/events.md`.

use rekindle_fingerprint::action::Spelling;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_scheduler::graph::{ActionId, Graph, TargetKind};
use serde::Serialize;

/// The number of the format; a reader refuses one that it does not know.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Whole<'a> {
    format: u32,
    actions: Vec<OneAction<'a>>,
    targets: Vec<OneTarget<'a>>,
    pools: Vec<Pool<'a>>,
}

#[derive(Serialize)]
struct OneAction<'a> {
    id: u32,
    kind: &'static str,
    name: &'a str,
    cwd: String,
    argv: Vec<String>,
    env: Vec<(String, String)>,
    inputs: Vec<String>,
    order_only: Vec<String>,
    outputs: Vec<String>,
    depfiles: Vec<String>,
    pool: Option<&'a str>,
    after: Vec<u32>,
}

#[derive(Serialize)]
struct OneTarget<'a> {
    name: &'a str,
    kind: &'static str,
    default: bool,
    outputs: Vec<String>,
}

#[derive(Serialize)]
struct Pool<'a> {
    name: &'a str,
    depth: usize,
}

/// The name of a kind of target.
pub(crate) fn kind(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Program => "program",
        TargetKind::Test => "test",
        TargetKind::Library => "library",
        TargetKind::Command => "command",
        TargetKind::Archive => "archive",
    }
}

/// The actions `wanted`, all targets, all pools. Paths are root-relative; arguments are named by roots, too, so that
/// the text is the same wherever the project lies.
pub(crate) fn graph_json(graph: &Graph, wanted: &[ActionId], files: &Files) -> String {
    let shown = |paths: &[PathId]| paths.iter().map(|path| files.show(*path)).collect::<Vec<String>>();
    let actions = wanted.iter().map(|id| {
        let action = graph.action(*id);
        let spelling = Spelling::new(files, action.cwd);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        OneAction {
            id: id.0,
            kind: action.kind.name(),
            name: &action.name,
            cwd: files.show(action.cwd),
            argv: action.argv.iter().map(|arg| text(arg.name(files, &spelling))).collect(),
            env: action
                .env
                .iter()
                .map(|(name, value)| {
                    (name.to_string_lossy().into_owned(), text(value.name(files, &spelling)))
                })
                .collect(),
            inputs: shown(&action.inputs),
            order_only: shown(&action.order_only),
            outputs: shown(&action.outputs),
            depfiles: action
                .discovery
                .depfiles
                .iter()
                .filter_map(|depfile| Some(files.show(depfile.path()?)))
                .collect(),
            pool: action.pool.as_deref(),
            after: graph.dependencies(*id).iter().map(|id| id.0).collect(),
        }
    });
    let targets = graph.targets().iter().map(|target| OneTarget {
        name: &target.name,
        kind: kind(target.kind),
        default: target.default,
        outputs: shown(&target.outputs),
    });
    let pools = graph.pools().map(|(name, depth)| Pool { name, depth });
    let whole = Whole {
        format: FORMAT,
        actions: actions.collect(),
        targets: targets.collect(),
        pools: pools.collect(),
    };
    // Plain structs always have a JSON form.
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writers::sample;

    #[test]
    fn the_graph_is_the_same_text_wherever_the_project_lies() {
        let (graph, files) = sample::graph();
        let all: Vec<ActionId> = graph.actions().map(|(id, _)| id).collect();
        let text = graph_json(&graph, &all, &files);
        assert!(!text.contains("/home/me"), "{text}");
        insta::assert_snapshot!(text, @r#"
        {
          "format": 1,
          "actions": [
            {
              "id": 0,
              "kind": "custom",
              "name": "table",
              "cwd": "ws:",
              "argv": [
                "/usr/bin/awk",
                "{ print $1 }",
                "table.txt"
              ],
              "env": [],
              "inputs": [
                "table.txt"
              ],
              "order_only": [],
              "outputs": [
                "build:gen/table.h"
              ],
              "depfiles": [],
              "pool": "slow",
              "after": []
            },
            {
              "id": 1,
              "kind": "compile",
              "name": "src/a.c",
              "cwd": "ws:",
              "argv": [
                "/usr/bin/cc",
                "-MD",
                "-MF",
                ".rekindle/build/debug/tmp/a.d",
                "-c",
                "src/a.c",
                "-o",
                ".rekindle/build/debug/obj/a.o"
              ],
              "env": [
                [
                  "LC_ALL",
                  "C.UTF-8"
                ]
              ],
              "inputs": [
                "src/a.c"
              ],
              "order_only": [
                "build:gen/table.h"
              ],
              "outputs": [
                "build:obj/a.o"
              ],
              "depfiles": [
                "build:tmp/a.d"
              ],
              "pool": null,
              "after": [
                0
              ]
            },
            {
              "id": 2,
              "kind": "link",
              "name": "liba.so.1",
              "cwd": "ws:",
              "argv": [
                "/usr/bin/cc",
                "-shared",
                ".rekindle/build/debug/obj/a.o",
                "-o",
                ".rekindle/build/debug/liba.so.1"
              ],
              "env": [],
              "inputs": [
                "build:obj/a.o"
              ],
              "order_only": [],
              "outputs": [
                "build:liba.so.1"
              ],
              "depfiles": [],
              "pool": null,
              "after": [
                1
              ]
            }
          ],
          "targets": [
            {
              "name": "a",
              "kind": "library",
              "default": true,
              "outputs": [
                "build:liba.so.1"
              ]
            }
          ],
          "pools": [
            {
              "name": "slow",
              "depth": 1
            }
          ]
        }
        "#);
    }
}
