//! Does the graph come to an end? Finds a cycle and writes it out.

use std::collections::VecDeque;

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use rekindle_fingerprint::files::{Files, PathId};

use crate::graph::{ActionId, Graph};

/// Actions that need each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} actions need each other", actions.len())]
pub struct Cycle {
    /// Each needs what the next one writes, and the last one what the first one writes. The first has the
    /// smallest number. An action that reads its own output is a cycle of one.
    pub actions: Vec<ActionId>,
}

impl Cycle {
    /// The cycle as a person reads it: a line for each step, in order, back to where it began.
    pub fn show(&self, graph: &Graph, files: &Files) -> String {
        let mut text = String::from("these actions need each other:");
        for (at, id) in self.actions.iter().enumerate() {
            let next = self.actions[(at + 1) % self.actions.len()];
            let name = &graph.action(*id).name;
            let through = through(graph, *id, next).map_or_else(String::new, |path| files.show(path));
            let from = &graph.action(next).name;
            text.push_str(&format!("\n  `{name}` needs `{through}`, which `{from}` writes"));
        }
        text
    }
}

/// The first input of `reader` that `writer` produces.
fn through(graph: &Graph, reader: ActionId, writer: ActionId) -> Option<PathId> {
    let action = graph.action(reader);
    let mut paths = action.inputs.iter().chain(&action.order_only);
    paths.find(|path| graph.producer(**path) == Some(writer)).copied()
}

impl Graph {
    /// Checks that no action needs itself, on any way.
    ///
    /// # Errors
    /// A cycle: a shortest one through the action with the smallest number that is on any.
    pub fn check(&self) -> Result<(), Cycle> {
        let mut needs: DiGraph<(), (), u32> = DiGraph::with_capacity(self.len(), self.len());
        for _ in 0..self.len() {
            needs.add_node(());
        }
        for (id, _) in self.actions() {
            for dependency in self.dependencies(id) {
                needs.add_edge(NodeIndex::from(id.0), NodeIndex::from(dependency.0), ());
            }
        }
        if toposort(&needs, None).is_ok() {
            return Ok(());
        }
        // Kosaraju's algorithm, because petgraph's Tarjan recurses and a chain of actions may be long.
        let knots = kosaraju_scc(&needs);
        let knotted = |knot: &Vec<NodeIndex>| knot.len() > 1 || needs.contains_edge(knot[0], knot[0]);
        match knots.into_iter().filter(knotted).flatten().min() {
            Some(first) => Err(Cycle { actions: self.shortest_cycle(ActionId::at(first.index())) }),
            None => Ok(()),
        }
    }

    /// A shortest cycle through `first`, by breadth-first search along the needs.
    fn shortest_cycle(&self, first: ActionId) -> Vec<ActionId> {
        let mut reached_from = vec![None; self.len()];
        let mut queue = VecDeque::from([first]);
        while let Some(id) = queue.pop_front() {
            for next in self.dependencies(id) {
                if next == first {
                    let mut cycle = vec![id];
                    while let Some(before) = reached_from[cycle[cycle.len() - 1].index()] {
                        cycle.push(before);
                    }
                    cycle.reverse();
                    return cycle;
                }
                if reached_from[next.index()].is_none() {
                    reached_from[next.index()] = Some(id);
                    queue.push_back(next);
                }
            }
        }
        vec![first]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::graph_and_files as graph;

    #[test]
    fn a_graph_without_a_cycle_passes_however_deep_it_is() {
        assert_eq!(graph(&[vec![], vec![0], vec![0, 1]]).0.check(), Ok(()));
        let chain: Vec<Vec<u32>> = (0..50_000).map(|n| if n == 0 { vec![] } else { vec![n - 1] }).collect();
        assert_eq!(graph(&chain).0.check(), Ok(()));
    }

    #[test]
    fn a_cycle_is_written_out_in_order() {
        let (graph, files) = graph(&[vec![], vec![0, 4], vec![1], vec![2], vec![0, 3]]);
        let cycle = graph.check().unwrap_err();
        insta::assert_snapshot!(cycle, @"4 actions need each other");
        insta::assert_snapshot!(cycle.show(&graph, &files), @r"
        these actions need each other:
          `make 1` needs `4.out`, which `make 4` writes
          `make 4` needs `3.out`, which `make 3` writes
          `make 3` needs `2.out`, which `make 2` writes
          `make 2` needs `1.out`, which `make 1` writes
        ");
    }

    #[test]
    fn of_several_cycles_a_shortest_through_the_first_action_is_shown() {
        let (graph, _) = graph(&[vec![], vec![2, 3], vec![4], vec![1], vec![1], vec![6], vec![5]]);
        assert_eq!(graph.check().unwrap_err().actions, [ActionId(1), ActionId(3)]);
    }

    #[test]
    fn an_action_that_reads_its_own_output_is_a_cycle() {
        let (graph, files) = graph(&[vec![], vec![0, 1]]);
        let cycle = graph.check().unwrap_err();
        assert_eq!(cycle.actions, [ActionId(1)]);
        insta::assert_snapshot!(cycle.show(&graph, &files), @r"
        these actions need each other:
          `make 1` needs `1.out`, which `make 1` writes
        ");
    }
}
