//! What one run of a command costs. Each command runs under a small process of its own, because the kernel adds up
//! the time and keeps the largest memory over *all* children that a process has waited for: with one child the
//! sums are that child's (its own children that it waited for included).

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// What a run cost and said.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// From just before the start to just after the end.
    pub(crate) wall: Duration,
    /// User and system time of the command and the children that it waited for.
    pub(crate) cpu: Duration,
    /// The part of it that is the command's own, all its threads included, and none of its children's.
    pub(crate) own: Duration,
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

/// The same of cargo and make, which also tell each other so what they do: this program is started by cargo. What is
/// measured begins without any of it. The programs of a bench's own may need them: cargo's target directory is one.
const CALLERS: [&str; 7] = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"];
/// Of these, where things lie on this machine.
const PLACES: [&str; 1] = ["CARGO_HOME"];

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
    for (name, _) in std::env::vars_os().filter(|(name, _)| comes_from_a_caller(name.as_encoded_bytes())) {
        command.env_remove(name);
    }
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
        own: Duration::from_nanos(number("own_ns")?),
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
    let mut child = command.spawn().map_err(|error| format!("start {}: {error}", program.display()))?;
    let own = own_time(child.id())?;
    let wall = start.elapsed();
    let status = child.wait().map_err(|error| format!("wait for {}: {error}", program.display()))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("getrusage: {error}"))?;
    let cpu = microseconds(usage.user_time()) + microseconds(usage.system_time());
    let found = json!({
        "wall_ns": u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
        "cpu_us": cpu,
        "own_ns": own,
        "memory_kib": usage.max_rss(),
    });
    fs::write(figures, found.to_string()).map_err(|error| format!("write {}: {error}", figures.display()))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", program.display())) }
}

/// Waits until a child has ended and answers what its own threads took, in nanoseconds: its clock can be read as long as
/// nobody has fetched its status. The usage that comes with the status counts its children too.
fn own_time(child: u32) -> Result<u64, String> {
    let failed = |error| format!("the clock of a process: {error}");
    let child = Pid::from_raw(i32::try_from(child).map_err(|error| error.to_string())?);
    waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).map_err(failed)?;
    let clock = clock_getcpuclockid(child).map_err(failed)?;
    let own = Duration::from(clock_gettime(clock).map_err(failed)?);
    Ok(u64::try_from(own.as_nanos()).unwrap_or(u64::MAX))
}

/// Whether a variable is what a cargo or a make that started this program had to say.
fn comes_from_a_caller(name: &[u8]) -> bool {
    let is = |head: &&str| {
        let rest = name.strip_prefix(head.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"_"))
    };
    CALLERS.iter().any(is) && !PLACES.iter().any(|place| name == place.as_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures of a shell script.
    fn figures(script: &str) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("figures");
        let words = [file.as_os_str().to_owned(), "sh".into(), "-c".into(), script.into()];
        child(&words).unwrap();
        serde_json::from_str(&read(&file).unwrap()).unwrap()
    }

    const BUSY: &str = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";

    #[test]
    fn what_a_commands_children_take_is_in_its_time_and_not_in_its_own() {
        // The sum is over all children of this process: other tests' too. So only its own time is told apart here.
        let own = |script: &str| figures(script)["own_ns"].as_u64().unwrap();
        let (bare, with_child) = (own(BUSY), own(&format!("sh -c '{BUSY}'; true")));
        assert!(bare > 5 * with_child, "alone {bare} ns, by a child {with_child} ns");
        let all = figures(&format!("sh -c '{BUSY}'; true"))["cpu_us"].as_u64().unwrap() * 1000;
        assert!(all > bare / 2, "{all} ns of {bare}");
    }

    #[test]
    fn what_cargo_and_make_tell_each_other_reaches_nobody() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_TARGET_DIR", "RUSTFLAGS", "RUSTC_WRAPPER", "MAKEFLAGS"]
        {
            assert!(comes_from_a_caller(name.as_bytes()), "{name}");
        }
        for name in ["CARGO_HOME", "RUSTUP_TOOLCHAIN", "CARGOES", "PATH"] {
            assert!(!comes_from_a_caller(name.as_bytes()), "{name}");
        }
    }
}
