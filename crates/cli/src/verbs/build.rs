//! `rekindle build`: bring targets up to date.

use rekindle_frontend::load::Wanted;

use crate::app::{App, Ended};
use crate::failure::Failure;
use crate::leave::leave;
use crate::session::{Begun, Session};

/// Builds the targets, or what is built by default.
pub(super) fn build(app: &mut App, targets: &[String]) -> Result<Ended, Failure> {
    match Session::begin(app, wanted(targets))? {
        Begun::Done(summary) => Ok(Ended::built(*summary)),
        Begun::Session(mut session) => {
            let built = session.build_wanted(app);
            leave(*session);
            Ok(Ended::built(built?))
        }
    }
}

/// What the frontend is to look for: these names, or the default.
pub(super) fn wanted(targets: &[String]) -> Wanted {
    if targets.is_empty() { Wanted::Default } else { Wanted::Names(targets.to_vec()) }
}
