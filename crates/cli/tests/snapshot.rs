//! What an earlier build has left to prove from: a build that starts from a snapshot does what one without it does, and a
//! snapshot that is damaged, old or somebody else's costs no more than time.

#[path = "snapshot/claims.rs"]
mod claims;
#[path = "snapshot/damage.rs"]
mod damage;
#[path = "snapshot/elsewhere.rs"]
mod elsewhere;
#[path = "snapshot/kit.rs"]
mod kit;
#[path = "snapshot/pair.rs"]
mod pair;
#[path = "snapshot/project.rs"]
mod project;
#[path = "snapshot/torture.rs"]
mod torture;
