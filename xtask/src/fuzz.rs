//! `cargo xtask fuzz`: gives the targets of `fuzz` bytes that nobody wrote on purpose, starting from what is in their
//! corpora. What was found on the way stays in `target/fuzz`; only with `--keep` does what reaches more go into the corpus.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How long each target runs if nobody says otherwise, in seconds.
const SECONDS: u64 = 60;

/// What no reader needs more of, and no input takes longer than.
const LIMITS: [&str; 4] = ["-rss_limit_mb=512", "-malloc_limit_mb=256", "-timeout=10", "-max_len=8192"];

/// What a person asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// The targets; none means all.
    targets: Vec<String>,
    seconds: u64,
    keep: bool,
}

/// Runs the targets that `words` name, one after the other.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let wanted = understand(words, &targets(root)?)?;
    if words.contains(&"--list") {
        wanted.targets.iter().for_each(|target| println!("{target}"));
        return Ok(());
    }
    require(&["cargo", "+nightly", "--version"], "rustup toolchain install nightly --profile minimal")?;
    require(&["cargo", "fuzz", "--version"], "cargo install cargo-fuzz")?;
    let failed: Vec<&String> =
        wanted.targets.iter().filter(|target| !fuzz(root, target, &wanted).unwrap_or(false)).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = failed.iter().map(|target| target.as_str()).collect();
    Err(format!("fuzz: {} found something, or did not start; see above", names.join(", ")))
}

/// The targets: the programs that `fuzz/Cargo.toml` names.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let dir = root.join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&dir).map_err(|error| format!("list {}: {error}", dir.display()))?;
    let names = entries.flatten().filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

fn understand(words: &[&str], known: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted { targets: Vec::new(), seconds: SECONDS, keep: false };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--list" => {}
            "--keep" => wanted.keep = true,
            "--seconds" => {
                let seconds =
                    words.next().and_then(|seconds| seconds.parse().ok()).filter(|seconds| *seconds > 0);
                wanted.seconds = seconds.ok_or("fuzz: --seconds needs a number")?;
            }
            name if known.iter().any(|known| known == name) => wanted.targets.push(name.to_owned()),
            other => return Err(format!("fuzz: no target `{other}`; there are {}", known.join(", "))),
        }
    }
    if wanted.targets.is_empty() {
        wanted.targets = known.to_vec();
    }
    Ok(wanted)
}

/// Sees to it that a tool is there.
fn require(command: &[&str], install: &str) -> Result<(), String> {
    let found =
        Command::new(command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!("fuzz: `{}` does not run; install it: {install}", command.join(" ")))
}

/// Runs one target; tells whether it found nothing.
fn fuzz(root: &Path, target: &str, wanted: &Wanted) -> Result<bool, String> {
    let work = root.join("target/fuzz");
    let place = |name: &str| -> Result<PathBuf, String> {
        let path = work.join(name).join(target);
        fs::create_dir_all(&path).map_err(|error| format!("make {}: {error}", path.display()))?;
        Ok(path)
    };
    let (corpus, grown, temporary) = (root.join("fuzz/corpus").join(target), place("corpus")?, place("tmp")?);
    println!("fuzz: {target}, {} s", wanted.seconds);
    let mut command = cargo_fuzz(root, &temporary);
    // The first directory takes what is new.
    command.arg("run").arg(target).arg(&grown).arg(&corpus).arg("--").args(LIMITS);
    command.arg(format!("-max_total_time={}", wanted.seconds)).arg("-print_final_stats=1");
    let mut done = status(&mut command)?;
    if done && wanted.keep {
        // Nothing leaves the first directory; what reaches code that nothing in it does comes in.
        let mut command = cargo_fuzz(root, &temporary);
        command.arg("run").arg(target).arg(&corpus).arg(&grown).arg("--").args(LIMITS);
        done = status(command.args(["-merge=1", "-use_counters=0"]))?;
    }
    let _ = fs::remove_dir_all(temporary);
    Ok(done)
}

fn cargo_fuzz(root: &Path, temporary: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz"]).current_dir(root.join("fuzz"));
    // What a target does is the same each time if one thread does it.
    command.env("TMPDIR", temporary).env("RAYON_NUM_THREADS", "1");
    command
}

fn status(command: &mut Command) -> Result<bool, String> {
    command.status().map(|status| status.success()).map_err(|error| format!("cargo fuzz: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        ["depfile", "journal"].map(str::to_owned).to_vec()
    }

    #[test]
    fn targets_are_named_and_without_a_name_all_are_meant() {
        let wanted = understand(&["journal", "--seconds", "600", "--keep"], &known()).unwrap();
        assert_eq!(wanted, Wanted { targets: vec!["journal".into()], seconds: 600, keep: true });
        assert_eq!(understand(&[], &known()).unwrap().targets, known());
    }

    #[test]
    fn an_unknown_target_and_no_number_are_refused() {
        let why = understand(&["jurnal"], &known()).unwrap_err();
        assert_eq!(why, "fuzz: no target `jurnal`; there are depfile, journal");
        assert!(understand(&["--seconds"], &known()).is_err());
        assert!(understand(&["--seconds", "0"], &known()).is_err());
    }

    #[test]
    fn what_is_missing_is_named_with_how_to_get_it() {
        let why = require(&["no-such-program-anywhere", "--version"], "get it").unwrap_err();
        assert_eq!(why, "fuzz: `no-such-program-anywhere --version` does not run; install it: get it");
        require(&["true"], "get it").unwrap();
    }

    #[test]
    fn every_target_has_a_program_a_corpus_and_a_line_in_the_page() {
        let root = crate::workspace();
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let page = fs::read_to_string(root.join("docs/fuzzing.md")).unwrap();
        let targets = targets(&root).unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
            assert!(page.contains(&format!("| `{target}` |")), "{target}");
            let inputs = fs::read_dir(root.join("fuzz/corpus").join(&target)).map_or(0, Iterator::count);
            assert!((1..300).contains(&inputs), "{target}: {inputs} inputs");
        }
    }
}
