//! Judge, restore or run, record: the build loop and the build directory that remembers.
pub mod build_dir;
pub mod error;
pub mod event;
pub mod history;
pub mod journal;
pub mod lock;
pub mod marker;
pub mod request;

mod kept;
mod record;
