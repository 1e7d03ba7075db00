//! How long an action will take, and so how urgent it is.
//!
//! The rule is HLFET, "highest level first with estimated times": of the actions that may start, the one with the
//! longest way to the end goes first (T. L. Adam, K. M. Chandy, J. R. Dickson: A comparison of list schedules for
//! parallel processing systems, CACM 17(12), 1974).

use rekindle_fingerprint::action::ActionKind;

use crate::graph::{ActionId, Graph};

/// How long an action is taken to run if nothing is known of its kind, in milliseconds. Only the proportions
/// matter, and only until the first build has recorded what is true here.
fn guess(kind: ActionKind) -> u64 {
    match kind {
        ActionKind::Compile => 400,
        ActionKind::Archive => 30,
        ActionKind::Link => 300,
        ActionKind::Custom => 200,
        ActionKind::AutoArchive => 20_000,
    }
}

/// How long each action is taken to run, in milliseconds and never zero: as long as it ran last, else the mean
/// of what is recorded of its kind, else a guess.
pub(crate) fn estimates(graph: &Graph, recorded: impl Fn(ActionId) -> Option<u64>) -> Vec<u64> {
    let recorded: Vec<Option<u64>> = graph.actions().map(|(id, _)| recorded(id)).collect();
    let mut unknown = ActionKind::ALL.map(|kind| (kind, guess(kind)));
    for (kind, estimate) in &mut unknown {
        let known = graph.actions().zip(&recorded).filter(|((_, action), _)| action.kind == *kind);
        let (sum, count) = known
            .filter_map(|(_, ms)| *ms)
            .fold((0_u64, 0_u64), |(sum, count), ms| (sum.saturating_add(ms), count + 1));
        *estimate = sum.checked_div(count).unwrap_or(*estimate);
    }
    let of_kind =
        |wanted: ActionKind| unknown.iter().find(|(kind, _)| *kind == wanted).map_or(1, |(_, ms)| *ms);
    graph
        .actions()
        .zip(recorded)
        .map(|((_, action), ms)| ms.unwrap_or_else(|| of_kind(action.kind)).max(1))
        .collect()
}
