//! Tools and inputs that not every machine has: a test that needs one says so, and is listed as not run where it is missing.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

/// The directories in which tests look for tools, and the `PATH` of every command that a [`crate::Space`] runs.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Set to `all`, a missing tool is a failure.
const REQUIRE: &str = "REKINDLE_TEST_REQUIRE";

/// Where `tool` lies, if it is installed.
pub fn found(tool: &str) -> Option<PathBuf> {
    env::split_paths(PATH).map(|dir| dir.join(tool)).find(|path| path.is_file())
}

/// Whether `tool` is installed. If not, prints that the running test was not run.
///
/// # Panics
/// It is missing and `REKINDLE_TEST_REQUIRE=all` is set.
#[must_use = "a test that lacks its tool returns"]
pub fn require(tool: &str) -> bool {
    found(tool).is_some() || missing(tool)
}

/// Whether the directory or file `path` is there, `what` in words. If not, prints that the running test was not run.
///
/// # Panics
/// It is missing and `REKINDLE_TEST_REQUIRE=all` is set.
#[must_use = "a test that lacks its input returns"]
pub fn require_path(path: &Path, what: &str) -> bool {
    path.exists() || missing(what)
}

/// Whether this process is root and may mount. If not, prints that the running test was not run.
///
/// # Panics
/// It is not and `REKINDLE_TEST_REQUIRE=all` is set.
#[must_use = "a test that lacks its rights returns"]
pub fn require_root() -> bool {
    (is_root() && crate::disk::may_mount()) || missing("root with the right to mount")
}

/// Whether this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn missing(what: &str) -> bool {
    let current = thread::current();
    let test = current.name().unwrap_or("a test");
    assert!(
        env::var_os(REQUIRE).is_none_or(|value| value != "all"),
        "{test} needs {what}, and {REQUIRE}=all is set"
    );
    // Written past the harness, which keeps what tests print to itself as long as they pass.
    let _ = writeln!(io::stderr(), "NOT RUN: {test} (needs {what})");
    false
}
