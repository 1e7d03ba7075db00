//! What rekindle writes for others to read: one format a file. Each is a function from data to text; only `atomic`
//! touches the disk.

pub(crate) mod atomic;
pub(crate) mod compdb;
pub(crate) mod dot;
pub(crate) mod graph_json;
pub(crate) mod junit;
pub(crate) mod ninja;

#[cfg(test)]
pub(crate) mod sample;

use std::ffi::OsString;

use rekindle_fingerprint::action::{Action, Spelling};
use rekindle_fingerprint::files::Files;

/// The program of an action and its arguments, as they are run.
fn argv(action: &Action, files: &Files) -> Vec<OsString> {
    let spelling = Spelling::new(files, action.cwd);
    action.argv.iter().map(|arg| arg.spell(files, &spelling)).collect()
}
