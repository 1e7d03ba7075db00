//! Of what a result was made, for who wants to know why another machine has no such result.

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::stamp::Stamp;

/// What is kept with a result in the store; see [`rekindle_store::Origin::made_of`].
pub(crate) fn made_of(_action: &Action, _stamp: &Stamp, _files: &Files) -> Vec<u8> {
    Vec::new()
}
