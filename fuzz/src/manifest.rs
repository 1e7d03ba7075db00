//! `rekindle.toml`, and what is wrong with it.

use std::fs;

use rekindle_frontend::load::{self, Request};

use super::place;

/// Loads `data` as a manifest; whatever is wrong with it can be told.
pub fn run(data: &[u8]) {
    place::with(|dir| {
        fs::write(dir.join(load::FILE_NAME), data).expect("a place to write to");
        match load::load(dir, &Request::default()) {
            Ok(project) => {
                let _ = project.toolchains().map(|toolchains| toolchains.len());
            }
            Err(wrong) => assert!(!wrong.to_string().is_empty()),
        }
    });
}
