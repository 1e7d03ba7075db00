//! Queues by urgency, and pools that limit how many run at once. It knows no states: an entry that no longer
//! holds is dropped when it comes up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::graph::{ActionId, Graph};

/// Actions, the most urgent first, and of equally urgent ones the smallest number.
#[derive(Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<(u64, Reverse<ActionId>)>,
}

impl Queue {
    pub(crate) fn push(&mut self, id: ActionId, priority: u64) {
        self.heap.push((priority, Reverse(id)));
    }

    /// The first entry that `holds`; those before it are dropped.
    fn peek(&mut self, holds: impl Fn(ActionId) -> bool) -> Option<(u64, Reverse<ActionId>)> {
        loop {
            let first = *self.heap.peek()?;
            if holds(first.1.0) {
                return Some(first);
            }
            self.heap.pop();
        }
    }

    /// How urgent the first entry is that `holds`.
    pub(crate) fn first(&mut self, holds: impl Fn(ActionId) -> bool) -> Option<u64> {
        self.peek(holds).map(|(priority, _)| priority)
    }

    /// Takes the first entry that `holds`.
    pub(crate) fn pop(&mut self, holds: impl Fn(ActionId) -> bool) -> Option<ActionId> {
        self.peek(holds)?;
        self.heap.pop().map(|(_, Reverse(id))| id)
    }
}

struct Pool {
    depth: usize,
    running: usize,
    queue: Queue,
}

/// What may start, by pool. The first pool is that of all actions without a limit.
pub(crate) struct Pools {
    pools: Vec<Pool>,
    of: Vec<usize>,
}

impl Pools {
    pub(crate) fn new(graph: &Graph) -> Self {
        let depths = std::iter::once(usize::MAX).chain(graph.pools().map(|(_, depth)| depth));
        let pools = depths.map(|depth| Pool { depth, running: 0, queue: Queue::default() }).collect();
        let number = |name: &str| graph.pools().position(|(known, _)| known == name).map_or(0, |at| at + 1);
        let of = graph.actions().map(|(_, action)| action.pool.as_deref().map_or(0, number)).collect();
        Self { pools, of }
    }

    pub(crate) fn push(&mut self, id: ActionId, priority: u64) {
        self.pools[self.of[id.index()]].queue.push(id, priority);
    }

    /// How urgent the action is that [`Pools::start`] would take.
    pub(crate) fn first(&mut self, holds: impl Fn(ActionId) -> bool) -> Option<u64> {
        let open = self.pools.iter_mut().filter(|pool| pool.running < pool.depth);
        open.filter_map(|pool| pool.queue.first(&holds)).max()
    }

    /// Takes the most urgent action that `holds` and whose pool has a place, and gives it that place.
    pub(crate) fn start(&mut self, holds: impl Fn(ActionId) -> bool) -> Option<ActionId> {
        let open = self.pools.iter_mut().filter(|pool| pool.running < pool.depth);
        let (_, pool) =
            open.filter_map(|pool| Some((pool.queue.peek(&holds)?, pool))).max_by_key(|(first, _)| *first)?;
        pool.running += 1;
        pool.queue.pop(&holds)
    }

    /// Gives the place of `id` back.
    pub(crate) fn end(&mut self, id: ActionId) {
        self.pools[self.of[id.index()]].running -= 1;
    }
}
