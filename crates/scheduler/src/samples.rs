//! Graphs for tests, and chance that is the same on every machine.

use rekindle_fingerprint::action::{Action, ActionKind};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::Roots;

use crate::graph::Graph;

/// A graph in which action `n` writes `n.out` and reads the outputs of `needs[n]`, every second one order-only.
pub(crate) fn graph_and_files(needs: &[Vec<u32>]) -> (Graph, Files) {
    let mut files = Files::new(Roots::new("/w", "/w/b"));
    let mut graph = Graph::new();
    for (at, needs) in needs.iter().enumerate() {
        let output = files.path(Roots::WORKSPACE, format!("{at}.out"));
        let name = format!("make {at}");
        let mut action = Action::new(ActionKind::Custom, name, Vec::new(), output, vec![output]);
        for (nth, need) in needs.iter().enumerate() {
            let path = files.path(Roots::WORKSPACE, format!("{need}.out"));
            if nth % 2 == 0 {
                action.inputs.push(path)
            } else {
                action.order_only.push(path)
            };
        }
        graph.add(action).unwrap();
    }
    (graph, files)
}

/// The same without paths that anyone could show; `change` may change each action before it is added.
pub(crate) fn graph(needs: &[Vec<u32>], mut change: impl FnMut(usize, &mut Action)) -> Graph {
    let mut graph = Graph::new();
    for (at, needs) in needs.iter().enumerate() {
        let output = PathId(u32::try_from(at).unwrap());
        let mut action =
            Action::new(ActionKind::Compile, format!("make {at}"), Vec::new(), output, vec![output]);
        action.inputs = needs.iter().copied().map(PathId).collect();
        change(at, &mut action);
        graph.add(action).unwrap();
    }
    graph
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).unwrap()
    }

    /// Whether an event with this chance in a hundred happens.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// What each of `count` actions needs: up to `most` of the `near` ones before it.
    pub(crate) fn needs(&mut self, count: usize, most: usize, near: usize) -> Vec<Vec<u32>> {
        (0..count)
            .map(|at| {
                let needs = if at == 0 { 0 } else { self.below(most + 1) };
                (0..needs).map(|_| u32::try_from(at - 1 - self.below(at.min(near))).unwrap()).collect()
            })
            .collect()
    }
}
