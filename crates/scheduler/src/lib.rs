//! In what order?

pub mod cycle;
pub mod graph;

pub use cycle::Cycle;
pub use graph::{ActionId, DuplicateOutput, Graph, Target, TargetKind};
