//! The critical path: the chain of actions that decided when the build ended.

use std::collections::HashMap;
use std::time::Duration;

use rekindle_scheduler::{ActionId, Graph};

/// What each action needs, an action behind all that it needs.
pub(super) type Needs = Vec<(ActionId, Vec<ActionId>)>;

/// The needs of every action of a graph.
pub(super) fn needs(graph: &Graph) -> Needs {
    let all: Vec<ActionId> = graph.actions().map(|(id, _)| id).collect();
    graph.closure(&all).into_iter().map(|id| (id, graph.dependencies(id))).collect()
}

/// The chain that ended last: its last action is the one of `ended` that ended last, and before each stands the one that
/// ended last of those that it needed. An action that is not in `ended` was found fresh: it is passed over, but not what
/// it needs itself, for which it had to wait. Of two that ended at once, the one behind counts.
pub(super) fn chain(needs: &Needs, ended: &HashMap<ActionId, Duration>) -> Vec<ActionId> {
    let places: HashMap<ActionId, usize> = needs.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect();
    let rank = |id: &ActionId| (ended.get(id), places.get(id));
    // For each action, who ended last of those that it waited for.
    let mut before: HashMap<ActionId, ActionId> = HashMap::new();
    for (id, needed) in needs {
        let one = |needed: &ActionId| match ended.contains_key(needed) {
            true => Some(*needed),
            false => before.get(needed).copied(),
        };
        if let Some(last) = needed.iter().filter_map(one).max_by_key(rank) {
            before.insert(*id, last);
        }
    }
    let last = ended.keys().copied().max_by_key(rank);
    let mut chain: Vec<ActionId> = std::iter::successors(last, |id| before.get(id).copied()).collect();
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `c: a b` is an action with its needs.
    fn graph(lines: &[&str]) -> Needs {
        lines
            .iter()
            .map(|line| {
                let (id, needed) = line.split_once(':').unwrap();
                (named(id), needed.split_whitespace().map(named).collect())
            })
            .collect()
    }

    fn named(name: &str) -> ActionId {
        ActionId(u32::from(name.as_bytes()[0]))
    }

    fn chained(needs: &[&str], ended: &[(&str, u64)]) -> String {
        let ended = ended.iter().map(|(name, ms)| (named(name), Duration::from_millis(*ms))).collect();
        let chain = chain(&graph(needs), &ended);
        chain.iter().map(|id| char::from_u32(id.0).unwrap()).collect()
    }

    const DIAMOND: [&str; 5] = ["g:", "a: g", "b: g", "c:", "l: a b c"];

    #[test]
    fn before_each_stands_the_one_it_waited_for_last() {
        assert_eq!(chained(&DIAMOND, &[("g", 1), ("a", 5), ("b", 7), ("c", 6), ("l", 9)]), "gbl");
        assert_eq!(chained(&DIAMOND, &[("g", 1), ("a", 5), ("b", 7), ("c", 8), ("l", 9)]), "cl");
    }

    #[test]
    fn what_was_fresh_is_passed_over_and_what_it_waited_for_is_not() {
        assert_eq!(chained(&DIAMOND, &[("g", 1), ("l", 9)]), "gl");
        assert_eq!(chained(&DIAMOND, &[("l", 9)]), "l");
        assert_eq!(chained(&["a:", "b: a", "c: b", "d: c"], &[("a", 1), ("d", 9)]), "ad");
        assert_eq!(chained(&DIAMOND, &[]), "");
    }

    #[test]
    fn a_build_that_was_cut_short_ends_with_what_ended_last() {
        assert_eq!(chained(&DIAMOND, &[("g", 1), ("a", 5), ("c", 3)]), "ga");
    }

    #[test]
    fn of_two_that_ended_at_once_the_one_behind_counts() {
        assert_eq!(chained(&DIAMOND, &[("g", 4), ("a", 4), ("b", 4), ("c", 4), ("l", 4)]), "cl");
        assert_eq!(chained(&["a:", "b: a", "c: b"], &[("a", 4), ("b", 4), ("c", 4)]), "abc");
    }

    #[test]
    fn an_action_that_the_graph_does_not_know_is_a_chain_of_its_own() {
        assert_eq!(chained(&["a:"], &[("a", 4), ("z", 5)]), "z");
    }

    #[test]
    fn the_needs_of_a_graph_stand_before_what_needs_them() {
        let (graph, _) = crate::writers::sample::graph();
        let order = needs(&graph);
        let at = |id: ActionId| order.iter().position(|(one, _)| *one == id).unwrap();
        assert_eq!(order.len(), graph.len());
        for (id, needed) in &order {
            assert_eq!(*needed, graph.dependencies(*id));
            assert!(needed.iter().all(|one| at(*one) < at(*id)));
        }
    }
}
