//! Who depends on whom: the declared edges, and those that turn up during a build. It knows no states.

use crate::graph::{ActionId, Graph};

/// The edges between the actions of a graph, both ways. They never close a cycle if the graph has none and
/// every added edge was first asked about with [`Edges::leads`].
pub(crate) struct Edges {
    /// What an action depends on, by number.
    needs: Vec<Vec<ActionId>>,
    /// What depends on an action.
    feeds: Vec<Vec<ActionId>>,
    search: Search,
    steps: u64,
}

/// One side of a search: what it has still to look at, and how many edges it has followed.
#[derive(Default)]
struct Side {
    open: Vec<ActionId>,
    followed: usize,
}

/// Marks that are cleared by counting up, so that a search costs what it visits and not the whole graph.
struct Search {
    round: u32,
    forward: Vec<u32>,
    backward: Vec<u32>,
}

impl Edges {
    /// The declared edges of `graph`, order-only ones too.
    pub(crate) fn new(graph: &Graph) -> Self {
        let needs: Vec<Vec<ActionId>> = graph.actions().map(|(id, _)| graph.dependencies(id)).collect();
        let mut feeds = vec![Vec::new(); graph.len()];
        let mut steps = 0;
        for (at, needed) in needs.iter().enumerate() {
            steps += needed.len() as u64;
            for need in needed {
                feeds[need.index()].push(ActionId::at(at));
            }
        }
        let marks = vec![0; graph.len()];
        Self { needs, feeds, search: Search { round: 0, forward: marks.clone(), backward: marks }, steps }
    }

    /// What `id` depends on, by number. Counted as followed.
    pub(crate) fn needs(&mut self, id: ActionId) -> &[ActionId] {
        let needs = &self.needs[id.index()];
        self.steps += needs.len() as u64;
        needs
    }

    /// What depends on `id`. Counted as followed.
    pub(crate) fn feeds(&mut self, id: ActionId) -> &[ActionId] {
        let feeds = &self.feeds[id.index()];
        self.steps += feeds.len() as u64;
        feeds
    }

    /// `roots` and what they need, each behind what it needs itself, as far as `enter` says of an action that it
    /// is met for the first time.
    pub(crate) fn post_order(
        &mut self,
        roots: &[ActionId],
        enter: impl FnMut(ActionId) -> bool,
    ) -> Vec<ActionId> {
        let mut steps = 0;
        let needs = |id: ActionId| {
            steps += self.needs[id.index()].len() as u64;
            self.needs[id.index()].iter().copied()
        };
        let order = post_order(roots, enter, needs);
        self.steps += steps;
        order
    }

    /// How many edges were followed so far.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// Those of `needs` on which `id` does not yet depend directly, by number.
    pub(crate) fn missing(&self, id: ActionId, needs: &[ActionId]) -> Vec<ActionId> {
        let known = &self.needs[id.index()];
        let mut missing: Vec<ActionId> =
            needs.iter().copied().filter(|need| known.binary_search(need).is_err()).collect();
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    /// Lets `id` depend on `needs`, which [`Edges::missing`] gave.
    pub(crate) fn add(&mut self, id: ActionId, needs: &[ActionId]) {
        for need in needs {
            self.feeds[need.index()].push(id);
        }
        let known = &mut self.needs[id.index()];
        known.extend_from_slice(needs);
        known.sort_unstable();
        self.steps += needs.len() as u64;
    }

    /// Whether one of `to` is `from` or depends on it, directly or on a way.
    ///
    /// Searches from both ends, always where less was followed, and stops when either end has seen all there is:
    /// so it costs about twice the smaller of what depends on `from` and what `to` depend on.
    pub(crate) fn leads(&mut self, from: ActionId, to: &[ActionId]) -> bool {
        if to.contains(&from) || to.iter().any(|to| self.needs[to.index()].binary_search(&from).is_ok()) {
            return true;
        }
        let Search { round, forward, backward } = &mut self.search;
        *round += 1;
        forward[from.index()] = *round;
        let mut ahead = Side { open: vec![from], followed: 0 };
        let mut behind = Side::default();
        for to in to {
            if std::mem::replace(&mut backward[to.index()], *round) != *round {
                behind.open.push(*to);
            }
        }
        loop {
            let met = match (ahead.next_cost(&self.feeds), behind.next_cost(&self.needs)) {
                (Some(fore), Some(back)) if fore <= back => {
                    ahead.step(&self.feeds, forward, backward, *round)
                }
                (Some(_), Some(_)) => behind.step(&self.needs, backward, forward, *round),
                _ => false,
            };
            if met || ahead.open.is_empty() || behind.open.is_empty() {
                self.steps += (ahead.followed + behind.followed) as u64;
                return met;
            }
        }
    }
}

/// The post-order of a depth-first walk from `roots` along `needs`: each action behind what it needs. `enter` says
/// whether an action is met for the first time. Linear in the edges, and without recursion; it ends on a cycle too.
pub(crate) fn post_order<N: Iterator<Item = ActionId>>(
    roots: &[ActionId],
    mut enter: impl FnMut(ActionId) -> bool,
    mut needs: impl FnMut(ActionId) -> N,
) -> Vec<ActionId> {
    let mut order = Vec::new();
    let mut walk: Vec<(ActionId, N)> = Vec::new();
    for root in roots {
        if enter(*root) {
            walk.push((*root, needs(*root)));
        }
        while let Some((id, rest)) = walk.last_mut() {
            let id = *id;
            match rest.find(|next| enter(*next)) {
                Some(next) => walk.push((next, needs(next))),
                None => {
                    order.push(id);
                    walk.pop();
                }
            }
        }
    }
    order
}

impl Side {
    /// How many edges will have been followed after the next step.
    fn next_cost(&self, edges: &[Vec<ActionId>]) -> Option<usize> {
        self.open.last().map(|id| self.followed + edges[id.index()].len())
    }

    /// Follows the edges of one action; says whether that met what the other side has seen.
    fn step(&mut self, edges: &[Vec<ActionId>], mine: &mut [u32], theirs: &[u32], round: u32) -> bool {
        let Some(id) = self.open.pop() else { return false };
        for next in &edges[id.index()] {
            self.followed += 1;
            if theirs[next.index()] == round {
                return true;
            }
            if std::mem::replace(&mut mine[next.index()], round) != round {
                self.open.push(*next);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{Chance, graph};

    fn edges(needs: &[Vec<u32>]) -> Edges {
        Edges::new(&graph(needs, |_, _| {}))
    }

    #[test]
    fn a_way_is_found_exactly_where_there_is_one_while_edges_are_added() {
        for seed in 0..200 {
            let mut chance = Chance(seed);
            let count = 2 + chance.below(20);
            let mut edges = edges(&chance.needs(count, 2, count));
            for _ in 0..30 {
                let (from, to) = (ActionId::at(chance.below(count)), ActionId::at(chance.below(count)));
                let all = post_order(&[to], |_| true, |id| edges.needs[id.index()].clone().into_iter());
                let way = edges.leads(from, &[to]);
                assert_eq!(way, all.contains(&from), "from {from:?} to {to:?}, seed {seed}");
                if !edges.leads(to, &[from]) {
                    let missing = edges.missing(to, &[from, from]);
                    edges.add(to, &missing);
                }
            }
        }
    }

    #[test]
    fn an_edge_is_there_once_however_often_and_in_whatever_order_it_is_added() {
        let mut edges = edges(&vec![vec![]; 6]);
        for needs in [[5, 1], [3, 5], [1, 2], [2, 3]] {
            let missing = edges.missing(ActionId(0), &needs.map(ActionId));
            edges.add(ActionId(0), &missing);
        }
        assert_eq!(edges.needs(ActionId(0)), [1, 2, 3, 5].map(ActionId));
        assert_eq!(edges.feeds(ActionId(5)), [ActionId(0)]);
    }

    #[test]
    fn a_search_costs_what_its_smaller_end_has() {
        // 0 feeds 1 to 1,000, which feed 1,001. 1,002 is fed by 1,003 alone.
        let mut needs = vec![vec![]];
        needs.extend(vec![vec![0]; 1_000]);
        needs.push((1..=1_000).collect());
        needs.extend([vec![1_003], vec![]]);
        let mut edges = edges(&needs);
        let before = edges.steps();
        assert!(!edges.leads(ActionId(0), &[ActionId(1_002)]));
        assert!(!edges.leads(ActionId(1_003), &[ActionId(1_001)]));
        let cost = edges.steps() - before;
        assert!(cost <= 10, "{cost} steps");
    }
}
