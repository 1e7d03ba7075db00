//! In what order?

mod edges;
mod priority;
mod queue;

#[cfg(test)]
mod samples;

pub mod cycle;
pub mod graph;
pub mod scheduler;
pub mod state;

pub use cycle::Cycle;
pub use graph::{ActionId, DuplicateOutput, Graph, Target, TargetKind};
pub use scheduler::{Limits, NeedsFirst, RunAgain, Scheduler};
pub use state::{Progress, State};
