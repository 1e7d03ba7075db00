//! What did the user mean?
pub mod diagnostic;
pub mod keys;
pub mod load;
pub mod lower;
pub mod manifest;
pub mod platform;
pub mod project;
pub mod reader;
pub mod schema;
pub mod toolbox;

mod check;
mod cycle;
mod evaluate;
mod expand;
mod glob;
mod names;
mod options;
mod pkgconfig;
mod placeholder;
mod profile;
mod when;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod refusals;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod testing;
