//! `rekindle`: arguments, environment, terminal and exit code around the crates that build.
//!
//! The flow of a build is in `session.rs`; each verb has a file in `verbs/`; what is told goes through `reporter/`.
//! The environment is read in `environment.rs` alone, the clock in `clock.rs`, the streams are opened in `output.rs`,
//! and what kind of error gives which exit code is decided in `failure.rs`.

mod ansi;
mod app;
mod args;
mod carried;
mod clock;
mod environment;
mod failure;
mod leave;
mod output;
mod place;
mod proof;
mod reporter;
mod session;
mod settings;
mod since;
mod store;
mod terminal;
mod testing;
mod timings;
mod toolchains;
mod verbs;
mod writers;

use std::process::ExitCode;

fn main() -> ExitCode {
    let clock = clock::Clock::start();
    ExitCode::from(verbs::run(clock))
}
