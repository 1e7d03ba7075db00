//! `rekindle explain`: why the next build would run what it would run. Nothing is run.

mod compare;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;

use rekindle_engine::event::Event;
use rekindle_engine::request::Mode;
use rekindle_fingerprint::files::PathId;
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_frontend::load::Wanted;
use rekindle_scheduler::graph::{ActionId, Graph};

use crate::app::{App, Ended};
use crate::failure::Failure;
use crate::session::Session;

/// Explains everything that is built by default, or the actions of these targets, or those that write or read these
/// files. With a place to `compare` with, tells what differs there.
pub(super) fn explain(app: &mut App, what: &[OsString], compare: Option<&Path>) -> Result<Ended, Failure> {
    let (mut session, ids) = asked(app, what)?;
    if let Some(place) = compare {
        let ids = ids.unwrap_or_else(|| session.lowered.graph.wanted(&session.wanted_outputs()));
        return compare::compare(app, &mut session, place, &ids);
    }
    let Some(ids) = ids else {
        let outputs = session.wanted_outputs();
        return Ok(Ended::built(session.build(app, Mode::Plan, outputs, |_| true)?));
    };
    let graph = &session.lowered.graph;
    let outputs = wanted(graph, what, &ids);
    let summary = session.build(app, Mode::Plan, outputs, |event| match event {
        Event::ActionFinished(report) => ids.binary_search(&report.id).is_ok(),
        _ => true,
    })?;
    Ok(Ended::built(summary))
}

/// What a build would be asked for: the products of the targets among `what`, and what comes last of the actions `ids`. What
/// these need is not asked for, and may have been left in the store.
fn wanted(graph: &Graph, what: &[OsString], ids: &[ActionId]) -> Vec<PathId> {
    let targets = what.iter().filter_map(|word| graph.target(word.to_str()?));
    let mut outputs: Vec<PathId> = targets.flat_map(|target| target.outputs.iter().copied()).collect();
    let needed: HashSet<ActionId> = ids.iter().flat_map(|id| graph.dependencies(*id)).collect();
    let last = ids.iter().filter(|id| !needed.contains(id));
    outputs.extend(last.flat_map(|id| graph.action(*id).outputs.iter().copied()));
    outputs
}

/// The project, and the actions that are asked for, by number; none if it is all that is built by default.
fn asked(app: &mut App, what: &[OsString]) -> Result<(Session, Option<Vec<ActionId>>), Failure> {
    if what.is_empty() {
        return Ok((Session::open(app, Wanted::Default)?, None));
    }
    let mut session = Session::open(app, Wanted::Everything)?;
    let mut ids: Vec<ActionId> = Vec::new();
    for word in what {
        ids.extend(asked_for(app, &mut session, word)?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok((session, Some(ids)))
}

/// The actions of a target with all that they need, or those that have to do with a file.
fn asked_for(app: &App, session: &mut Session, word: &OsString) -> Result<Vec<ActionId>, Failure> {
    let graph = &session.lowered.graph;
    if let Some(target) = word.to_str().and_then(|name| graph.target(name)) {
        return Ok(graph.wanted(&target.outputs));
    }
    let path = session.files.path_from(&app.environment.directory, word.as_ref());
    let touched = touching(session, path);
    if touched.is_empty() {
        let shown = word.display().to_string();
        let what =
            Diagnostic::request(&shown, "this is no target, and no file that an action writes or reads");
        let names = session.lowered.graph.targets().iter().map(|target| target.name.as_str());
        return Err(what.suggest(&shown, names).into());
    }
    Ok(touched)
}

/// The actions that write `path`, are declared to read it, or read it when they last ran.
fn touching(session: &Session, path: PathId) -> Vec<ActionId> {
    let graph = &session.lowered.graph;
    let reads = |id: &ActionId| {
        let action = graph.action(*id);
        let declared = action.inputs.iter().chain(&action.order_only).any(|input| *input == path);
        let stamp = action.outputs.first().and_then(|key| session.dir.history.current(*key));
        declared || stamp.is_some_and(|stamp| stamp.paths().any(|seen| seen == path))
    };
    let producer = graph.producer(path);
    graph.actions().map(|(id, _)| id).filter(|id| producer == Some(*id) || reads(id)).collect()
}
