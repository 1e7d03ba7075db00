//! The graph for Graphviz: a box for each action, a rounded one for each target.

use rekindle_fingerprint::files::PathId;
use rekindle_scheduler::graph::{ActionId, Graph, Target};

use crate::reporter::title;

/// The actions `wanted` (by number) and the targets that they make, in the DOT language.
pub(crate) fn dot(graph: &Graph, wanted: &[ActionId]) -> String {
    let mut text = String::from("digraph rekindle {\n  rankdir = LR\n  node [shape = box]\n");
    for id in wanted {
        let action = graph.action(*id);
        text.push_str(&format!("  a{} [label = {}]\n", id.0, quoted(&title(action.kind, &action.name))));
    }
    for id in wanted {
        for dependency in graph.dependencies(*id) {
            text.push_str(&format!("  a{} -> a{}\n", dependency.0, id.0));
        }
    }
    let made = |target: &&Target| target.outputs.iter().any(|path| producer(graph, wanted, *path).is_some());
    for (at, target) in graph.targets().iter().filter(made).enumerate() {
        text.push_str(&format!("  t{at} [label = {}, shape = box, style = rounded]\n", quoted(&target.name)));
        let mut makers: Vec<u32> =
            target.outputs.iter().filter_map(|path| Some(producer(graph, wanted, *path)?.0)).collect();
        makers.sort_unstable();
        makers.dedup();
        for maker in makers {
            text.push_str(&format!("  a{maker} -> t{at}\n"));
        }
    }
    text.push_str("}\n");
    text
}

fn producer(graph: &Graph, wanted: &[ActionId], path: PathId) -> Option<ActionId> {
    graph.producer(path).filter(|id| wanted.binary_search(id).is_ok())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writers::sample;

    #[test]
    fn actions_are_boxes_in_the_order_in_which_they_must_run() {
        let (graph, _) = sample::graph();
        let all: Vec<ActionId> = graph.actions().map(|(id, _)| id).collect();
        insta::assert_snapshot!(dot(&graph, &all), @r#"
        digraph rekindle {
          rankdir = LR
          node [shape = box]
          a0 [label = "run table"]
          a1 [label = "compile src/a.c"]
          a2 [label = "link liba.so.1"]
          a0 -> a1
          a1 -> a2
          t0 [label = "a", shape = box, style = rounded]
          a2 -> t0
        }
        "#);
    }

    #[test]
    fn quotes_in_names_stay_inside() {
        assert_eq!(quoted("a\"b\\c"), r#""a\"b\\c""#);
    }
}
