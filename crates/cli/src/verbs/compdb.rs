//! `rekindle compdb`: compile_commands.json.

use std::path::Path;

use rekindle_frontend::load::Wanted;

use crate::app::{App, Ended};
use crate::failure::Failure;
use crate::session::Session;
use crate::writers::{atomic, compdb::compdb as write};

/// Writes the compiles that the targets need, or all.
pub(super) fn compdb(app: &mut App, targets: &[String], output: Option<&Path>) -> Result<Ended, Failure> {
    let wanted = if targets.is_empty() { Wanted::Everything } else { Wanted::Names(targets.to_vec()) };
    let session = Session::open(app, wanted)?;
    let graph = &session.lowered.graph;
    let mut ids = graph.wanted(&session.wanted_outputs());
    ids.sort_unstable();
    let text = write(ids.iter().map(|id| graph.action(*id)), &session.files);
    match output {
        None => app.answer(text)?,
        Some(file) => {
            atomic::write_changed(&app.environment.directory.join(file), text.as_bytes())?;
        }
    }
    super::answered()
}
