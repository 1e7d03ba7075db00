//! One store for many: what was made in one place is put back in another, and a store that is damaged, full, read-only,
//! gone or crowded never costs more than time.

#[path = "warm/copies.rs"]
mod copies;
#[path = "warm/crowd.rs"]
mod crowd;
#[path = "warm/damage.rs"]
mod damage;
#[path = "warm/elsewhere.rs"]
mod elsewhere;
#[path = "warm/kit.rs"]
mod kit;
#[path = "warm/trouble.rs"]
mod trouble;
