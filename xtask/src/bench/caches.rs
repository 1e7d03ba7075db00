//! Compiler caches: how each is given a directory of its own, started, asked for its hits, and stopped.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::measure;
use super::steps;

/// Whose cache a process serves, so that servers that were started in passing can be found.
const MARK: &str = "XTASK_BENCH_CACHE";

/// A compiler cache with an empty directory.
pub(crate) struct Cache {
    /// ccache, sccache or kache.
    pub(crate) name: String,
    program: PathBuf,
    folder: PathBuf,
    settings: Vec<(String, OsString)>,
}

impl Cache {
    /// Empties the directory and starts a server if there is one.
    pub(crate) fn start(name: &str, program: &Path, scratch: &Path) -> Result<Cache, String> {
        let cache = Cache::at(name, program, &scratch.join(format!("cache-{name}")), Vec::new());
        steps::remove(&cache.folder)?;
        fs::create_dir_all(&cache.folder)
            .map_err(|error| format!("create {}: {error}", cache.folder.display()))?;
        if name == "sccache" {
            cache.ask(&["--start-server"])?;
        }
        Ok(cache)
    }

    /// One with settings in a directory that stays as it is; a server is for the caller to start.
    pub(crate) fn at(name: &str, program: &Path, folder: &Path, settings: Vec<(String, OsString)>) -> Cache {
        Cache {
            name: name.to_owned(),
            program: program.to_path_buf(),
            folder: folder.to_path_buf(),
            settings,
        }
    }

    /// What its programs must find set.
    pub(crate) fn environment(&self) -> Vec<(String, OsString)> {
        let folder = |name: &str| self.folder.join(name).into_os_string();
        let own = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, place)| ((*name).to_owned(), folder(place))).collect::<Vec<_>>()
        };
        let mut variables = match self.name.as_str() {
            "ccache" => own(&[("CCACHE_DIR", "store")]),
            "sccache" => own(&[("SCCACHE_DIR", "store"), ("SCCACHE_SERVER_UDS", "socket")]),
            _ => own(&[
                ("KACHE_CACHE_DIR", "store"),
                ("KACHE_RUNTIME_DIR", "run"),
                ("KACHE_CONFIG", "config.toml"),
            ]),
        };
        variables.extend(self.settings.iter().cloned());
        variables.push((MARK.to_owned(), self.folder.clone().into_os_string()));
        variables
    }

    /// The compiler as a command names it.
    pub(crate) fn wrap(&self, compiler: &str) -> String {
        format!("{} {compiler}", self.program.display())
    }

    /// How many hits there were since it was started.
    pub(crate) fn hits(&self) -> Result<u64, String> {
        match self.name.as_str() {
            "ccache" => Ok(ccache_hits(&self.ask(&["--print-stats"])?)),
            "sccache" => sccache_hits(&self.ask(&["--show-stats", "--stats-format", "json"])?),
            _ => kache_hits(&self.ask(&["stats", "--json"])?),
        }
    }

    fn ask(&self, words: &[&str]) -> Result<String, String> {
        let output = measure::command(&self.program).args(words).envs(self.environment()).output();
        let output = output.map_err(|error| format!("start {}: {error}", self.program.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{} {}: {}", self.name, words.join(" "), said.trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// User and system time in milliseconds of servers that run for this cache, and of the compilers that they ran; they
    /// are nobody's children.
    pub(crate) fn servers_cpu(&self) -> f64 {
        // A tick is 10 ms on every Linux that this runs on (USER_HZ).
        servers(&self.folder).iter().filter_map(|process| ticks(process)).sum::<u64>() as f64 * 10.0
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // It may be gone already, and there is nobody left to tell.
        let _ = match self.name.as_str() {
            "sccache" => self.ask(&["--stop-server"]),
            "kache" => self.ask(&["daemon", "stop"]),
            _ => Ok(String::new()),
        };
    }
}

/// The places in `/proc` of the processes that have a cache's mark.
fn servers(folder: &Path) -> Vec<PathBuf> {
    let mark = [MARK.as_bytes(), b"=", folder.as_os_str().as_encoded_bytes()].concat();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let marked = |place: &PathBuf| {
        let environment = fs::read(place.join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    };
    entries.flatten().map(|entry| entry.path()).filter(marked).collect()
}

/// The ticks that a process ran, and those of its children that it waited for, from `/proc/ID/stat`.
fn ticks(process: &Path) -> Option<u64> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    // The name before the bracket may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

fn ccache_hits(text: &str) -> u64 {
    let value = |line: &str| {
        let (name, value) = line.split_once('\t')?;
        ["direct_cache_hit", "preprocessed_cache_hit"].contains(&name).then(|| value.parse::<u64>().ok())?
    };
    text.lines().filter_map(value).sum()
}

fn sccache_hits(text: &str) -> Result<u64, String> {
    let stats: Value = serde_json::from_str(text).map_err(|error| format!("sccache's stats: {error}"))?;
    let counts =
        stats["stats"]["cache_hits"]["counts"].as_object().ok_or("sccache's stats: no cache_hits")?;
    Ok(counts.values().filter_map(Value::as_u64).sum())
}

fn kache_hits(text: &str) -> Result<u64, String> {
    let stats: Value = serde_json::from_str(text).map_err(|error| format!("kache's stats: {error}"))?;
    let found = field(&stats, "local_hits");
    found.ok_or_else(|| format!("kache's stats have no local_hits: {}", &text[..text.len().min(600)]))
}

/// The number of this name, wherever it stands.
fn field(value: &Value, name: &str) -> Option<u64> {
    match value {
        Value::Object(fields) => fields
            .get(name)
            .and_then(Value::as_u64)
            .or_else(|| fields.values().find_map(|value| field(value, name))),
        Value::Array(values) => values.iter().find_map(|value| field(value, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_read_from_what_each_cache_says() {
        let text = "cache_miss\t4\ndirect_cache_hit\t10\npreprocessed_cache_hit\t1\n";
        assert_eq!(ccache_hits(text), 11);
        let text = r#"{"stats":{"cache_hits":{"counts":{"C/C++":7,"Rust":0}}}}"#;
        assert_eq!(sccache_hits(text), Ok(7));
        assert!(sccache_hits("{}").is_err());
        assert_eq!(kache_hits(r#"{"data":{"events":{"local_hits":5}}}"#), Ok(5));
        assert!(kache_hits("{}").is_err());
    }

    #[test]
    fn the_time_of_a_process_is_read_past_any_name() {
        let folder = tempfile::tempdir().unwrap();
        let text = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 30 12 5 1 20 0 1 0 100 0 0\n";
        fs::write(folder.path().join("stat"), text).unwrap();
        assert_eq!(ticks(folder.path()), Some(48));
    }

    #[test]
    fn a_process_with_the_mark_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = measure::command("sleep").arg("60").env(MARK, folder.path()).spawn().unwrap();
        let found = servers(folder.path());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, [PathBuf::from(format!("/proc/{}", child.id()))]);
    }
}
