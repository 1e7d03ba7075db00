//! What a build used of the store, by name: what is recorded there, so that a store can be trimmed to what builds use.

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::stamp::{Holds, Stamp};
use rekindle_scheduler::Graph;
use rekindle_store::Build;

use crate::history::History;

/// Under which names the result of a stamp is in a store; none if it is not shared.
pub fn names_of(stamp: &Stamp) -> Vec<Digest> {
    let Some(shared) = stamp.shared else { return Vec::new() };
    match &stamp.holds {
        Holds::AtRoots(bound) => vec![shared.0, shared.bound(bound).0],
        Holds::Everywhere | Holds::OnMachine(_) => vec![shared.0],
    }
}

/// The names of the current results of the actions with these first outputs.
pub fn results(history: &History, keys: impl IntoIterator<Item = PathId>) -> Vec<Digest> {
    keys.into_iter().filter_map(|key| history.current(key)).flat_map(names_of).collect()
}

/// The record of a build of `outputs`: all results that these need, and the `notes` that were asked for.
pub fn record(graph: &Graph, outputs: &[PathId], history: &History, notes: Vec<Digest>) -> Build {
    let keys = graph.wanted(outputs).into_iter().filter_map(|id| graph.action(id).outputs.first().copied());
    let mut build = Build { results: results(history, keys), notes };
    build.sort();
    build
}

/// The record that follows from the one `before` when the results called `old` gave way to those called `new`.
pub fn follow(mut before: Build, mut old: Vec<Digest>, new: Vec<Digest>) -> Build {
    old.sort_unstable();
    before.results.retain(|name| old.binary_search(name).is_err());
    before.results.extend(new);
    before.sort();
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_built_anew_stays_in_the_record_that_follows() {
        let names = |texts: &[&str]| -> Vec<Digest> {
            texts.iter().map(|text| Digest::of(text.as_bytes())).collect()
        };
        let mut before = Build { results: names(&["a", "b", "c"]), notes: names(&["note"]) };
        before.sort();
        let mut expected = Build { results: names(&["a", "d", "e"]), notes: names(&["note"]) };
        expected.sort();
        // What is built anew to the same stays, too.
        assert_eq!(follow(before, names(&["b", "c", "a"]), names(&["d", "e", "a"])), expected);
    }
}
