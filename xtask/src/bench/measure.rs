//! What one run of a command costs. Each command runs under a small process of its own, because the kernel adds up
//! the time and keeps the largest memory over *all* children that a process has waited for: with one child the
//! sums are that child's (its own children that it waited for included).

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

/// What a run cost and said.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// From just before the start to just after the end.
    pub(crate) wall: Duration,
    /// User and system time of the command and the children that it waited for.
    pub(crate) cpu: Duration,
    /// The largest resident set of any one of these processes, in KiB. Never below that of the measuring process
    /// (about 3 MiB), which the kernel counts until the command's own program is in place.
    pub(crate) memory: u64,
    /// Standard output.
    pub(crate) output: String,
    /// Standard error.
    pub(crate) errors: String,
}

/// A command line and where it runs.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Program and arguments.
    pub(crate) words: Vec<OsString>,
    /// The working directory.
    pub(crate) directory: PathBuf,
    /// Variables that are set besides the caller's own.
    pub(crate) environment: Vec<(String, OsString)>,
}

/// Variables that begin so are a person's settings of what is measured; none of them reaches it.
const SETTINGS: [&str; 5] = ["REKINDLE_", "NINJA_", "CCACHE_", "SCCACHE_", "KACHE_"];

/// A command with the environment of a bench.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if SETTINGS.iter().any(|head| name.as_encoded_bytes().starts_with(head.as_bytes())) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// This program, also where cargo has put another build of it in its place while a bench runs.
pub(crate) const OWN: &str = "/proc/self/exe";

/// Runs a command once; its output and the figures go through files in `scratch`.
pub(crate) fn run(line: &Line, scratch: &Path) -> Result<Run, String> {
    let (figures, output, errors) =
        (scratch.join("figures.json"), scratch.join("output"), scratch.join("errors"));
    let mut command = command(OWN);
    command.arg("measure").arg(&figures).args(&line.words).current_dir(&line.directory);
    command.envs(line.environment.iter().map(|(name, value)| (name, value)));
    command.stdout(create(&output)?).stderr(create(&errors)?);
    let status = command.status().map_err(|error| format!("start the measuring process: {error}"))?;
    if !status.success() {
        let said = [read(&output)?, read(&errors)?].concat();
        let tail: Vec<&str> = said.lines().rev().take(30).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(format!("{:?} ended with {status}:\n{}", line.words, tail.join("\n")));
    }
    let figures: Value = serde_json::from_str(&read(&figures)?).map_err(|error| error.to_string())?;
    let number = |name: &str| figures[name].as_u64().ok_or_else(|| format!("no figure {name}"));
    Ok(Run {
        wall: Duration::from_nanos(number("wall_ns")?),
        cpu: Duration::from_micros(number("cpu_us")?),
        memory: number("memory_kib")?,
        output: read(&output)?,
        errors: read(&errors)?,
    })
}

/// The measuring process: `xtask measure FIGURES PROGRAM [ARGUMENT...]`.
pub(crate) fn child(words: &[OsString]) -> Result<(), String> {
    let [figures, program, arguments @ ..] = words else {
        return Err("measure: which file, which program?".to_owned());
    };
    let mut command = Command::new(program);
    command.args(arguments);
    let start = Instant::now();
    let status = command.status().map_err(|error| format!("start {}: {error}", program.display()))?;
    let wall = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("getrusage: {error}"))?;
    let cpu = microseconds(usage.user_time()) + microseconds(usage.system_time());
    let found = json!({
        "wall_ns": u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        "cpu_us": cpu,
        "memory_kib": usage.max_rss(),
    });
    fs::write(figures, found.to_string()).map_err(|error| format!("write {}: {error}", figures.display()))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", program.display())) }
}

/// The floor of `hits`: `xtask each LIST PROGRAM`, which starts the program once for each line of the list, with the
/// words of that line, one after another.
pub(crate) fn each(words: &[OsString]) -> Result<(), String> {
    let [list, program] = words else {
        return Err("each: which list, which program?".to_owned());
    };
    for line in read(Path::new(list))?.lines() {
        let status = Command::new(program).args(line.split(' ')).status();
        let status = status.map_err(|error| format!("start {}: {error}", program.display()))?;
        if !status.success() {
            return Err(format!("{} {line} ended with {status}", program.display()));
        }
    }
    Ok(())
}

fn microseconds(time: nix::sys::time::TimeVal) -> i64 {
    time.tv_sec() * 1_000_000 + time.tv_usec()
}

fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("create {}: {error}", path.display()))
}

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
