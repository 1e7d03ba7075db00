//! What a figure was measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Processor, cores, memory, kernel, load and versions, as JSON with strings and numbers.
pub(crate) fn describe(root: &Path, rekindle: Option<&Path>) -> Value {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": cores,
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": first_line("/proc/sys/kernel/osrelease"),
        "load_before": first_line("/proc/loadavg"),
        "ninja": says("ninja", &["--version"], root),
        "rekindle": rekindle.map(|path| says(path, &["--version"], root)),
        "commit": says("git", &["describe", "--always", "--dirty"], root),
    })
}

/// The same on one line.
pub(crate) fn line(machine: &Value) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or("?").to_owned();
    let rekindle = machine["rekindle"].as_str().map(|version| format!(", {version}")).unwrap_or_default();
    format!(
        "{}, {} cores, {}, Linux {}, load {}; ninja {}{rekindle} at {}",
        text("processor"),
        machine["cores"],
        text("memory"),
        text("kernel"),
        text("load_before").split(' ').next().unwrap_or_default(),
        text("ninja"),
        text("commit")
    )
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// The value after the colon of the first line that begins with `name`.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
}

/// The first line that a program prints; a program that cannot be run says "none".
fn says(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str], directory: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(directory).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    text.lines().next().unwrap_or("none").to_owned()
}
