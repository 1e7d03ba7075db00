//! What a figure was measured on, and with which versions.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::measure;

/// A program that is measured or measured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its name.
    pub(crate) name: String,
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// What it says of itself; none if it cannot be run.
    pub(crate) version: Option<String>,
}

impl Tool {
    /// Asks the program itself.
    pub(crate) fn ask(name: &str, path: &Path) -> Tool {
        Tool { name: name.to_owned(), path: path.to_path_buf(), version: version(path) }
    }

    /// `name version`, the name once.
    pub(crate) fn text(&self) -> String {
        let version = self.version.as_deref().unwrap_or("of an unknown version");
        let bare = version.strip_prefix(&self.name).map_or(version, str::trim_start);
        let bare = bare.trim_start_matches("-- ").trim_start_matches("version ");
        format!("{} {bare}", self.name)
    }
}

/// The first line that a program prints when it is asked for its version.
pub(crate) fn version(path: &Path) -> Option<String> {
    ["--version", "-V"].iter().find_map(|flag| {
        let output =
            measure::command(path).arg(flag).output().ok().filter(|output| output.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
    })
}

/// A program on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Processor, cores, memory, kernel and load, as JSON with strings and numbers.
pub(crate) fn describe(root: &Path) -> Value {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let commit = measure::command("git").args(["describe", "--always", "--dirty"]).current_dir(root).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    json!({
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": cores,
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": first_line("/proc/sys/kernel/osrelease"),
        "load_before": load(),
        "commit": commit.unwrap_or_default(),
    })
}

/// How many processes want to run, averaged over 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The machine on one line.
pub(crate) fn line(machine: &Value) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or("?").to_owned();
    let memory = text("memory").trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0 / 1024.0;
    let after =
        machine["load_after"].as_str().map(|load| format!(" before, {load} after")).unwrap_or_default();
    format!(
        "{}, {} cores, {memory:.0} GiB, Linux {}; load {}{after}",
        text("processor"),
        machine["cores"],
        text("kernel"),
        text("load_before"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_with_the_name_once() {
        let text = |name: &str, version: &str| {
            let version = Some(version.to_owned());
            Tool { name: name.to_owned(), path: PathBuf::new(), version }.text()
        };
        assert_eq!(text("ninja", "1.13.2"), "ninja 1.13.2");
        assert_eq!(text("ccache", "ccache version 4.7.5"), "ccache 4.7.5");
        assert_eq!(text("strace", "strace -- version 6.1"), "strace 6.1");
        assert_eq!(text("gcc", "gcc (Debian 12.2.0) 12.2.0"), "gcc (Debian 12.2.0) 12.2.0");
    }

    #[test]
    fn a_program_that_is_not_there_has_no_version() {
        assert_eq!(version(Path::new("/nowhere/ninja")), None);
    }
}
