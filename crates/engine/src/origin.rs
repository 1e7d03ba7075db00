//! Of what a result was made, for who wants to know why another machine has no such result.

use std::collections::BTreeMap;
use std::sync::Arc;

use rekindle_fingerprint::action::{Action, Identity};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::ingredients::{Ingredients, encode_parts, parts_name};
use rekindle_fingerprint::stamp::Stamp;
use rekindle_scheduler::Graph;
use rekindle_toolchain::Memo;

use crate::build_dir::BuildDir;

/// What is kept with a result in the store; see [`rekindle_store::Origin::made_of`].
pub(crate) fn made_of(action: &Action, stamp: &Stamp, files: &Files) -> Vec<u8> {
    Ingredients::of(action, stamp, files).encode()
}

/// The note that says of what parts an identity is made, and its name in a store. Results name identities by their
/// digests alone, because thousands of them have the same one.
pub fn identity_note(identity: &Identity) -> (Digest, Vec<u8>) {
    (parts_name(&identity.digest), encode_parts(identity))
}

/// Puts the notes of all toolchains of a graph into the store that a build directory shares results through, where they
/// are not there yet. They count as used by its build.
pub fn note_identities(dir: &mut BuildDir, graph: &Graph) {
    if dir.store.is_none() {
        return;
    }
    let identities = graph.actions().filter_map(|(_, action)| action.identity.as_ref());
    let each: BTreeMap<Digest, &Arc<Identity>> =
        identities.map(|identity| (identity.digest, identity)).collect();
    for identity in each.into_values() {
        let (name, note) = identity_note(identity);
        if dir.get(&name).is_none() {
            dir.put(name, note);
        }
    }
}
