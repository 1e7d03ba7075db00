//! `rekindle graph`: the graph for Graphviz, for programs, or for ninja.

use rekindle_scheduler::graph::ActionId;

use crate::app::{App, Ended};
use crate::args::GraphFormat;
use crate::failure::Failure;
use crate::session::Session;
use crate::writers::{dot::dot, graph_json::graph_json, ninja::ninja};

/// Writes the part of the graph that the targets need.
pub(super) fn graph(app: &mut App, targets: &[String], form: GraphFormat) -> Result<Ended, Failure> {
    let session = Session::open(app, super::build::wanted(targets))?;
    let graph = &session.lowered.graph;
    let mut wanted: Vec<ActionId> = graph.wanted(&session.wanted_outputs());
    wanted.sort_unstable();
    let text = match form {
        GraphFormat::Dot => dot(graph, &wanted).into_bytes(),
        GraphFormat::Json => graph_json(graph, &wanted, &session.files).into_bytes(),
        GraphFormat::Ninja => ninja(graph, &wanted, &session.files),
    };
    app.answer(text)?;
    super::answered()
}
