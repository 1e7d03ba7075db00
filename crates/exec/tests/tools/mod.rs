//! Tools that a test needs and a machine may lack.

use std::path::Path;

/// Whether `tool` is installed. Says `NOT RUN` if not, and fails where every tool is required.
#[expect(clippy::disallowed_methods, reason = "a test asks its own environment")]
#[expect(clippy::print_stdout, reason = "a test that did not run has to say so")]
pub(crate) fn require(tool: &str) -> bool {
    if Path::new("/usr/bin").join(tool).exists() {
        return true;
    }
    let all = std::env::var_os("REKINDLE_TEST_REQUIRE").is_some_and(|value| value == "all");
    assert!(!all, "{tool} is required");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    println!("NOT RUN: {test} (needs {tool})");
    false
}
