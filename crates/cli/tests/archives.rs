//! Archives that cargo, make and CMake build, linked into a C program: when their tools run, and when they do not.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

#[path = "archives/crowd.rs"]
mod crowd;
#[path = "archives/kit.rs"]
mod kit;
#[path = "archives/messages.rs"]
mod messages;
#[path = "archives/packages.rs"]
mod packages;
#[path = "archives/rows.rs"]
mod rows;
#[path = "archives/spawn.rs"]
mod spawn;
#[path = "archives/trouble.rs"]
mod trouble;
