//! How many system calls a command makes, and of which kinds, by `strace -c -f`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::measure::{self, Line, Run};

/// How often each system call was made.
pub(crate) type Calls = BTreeMap<String, u64>;

/// Runs a command under strace; answers the calls of all its processes and threads, and what else the run gave.
pub(crate) fn count(strace: &Path, line: &Line, scratch: &Path) -> Result<(Calls, Run), String> {
    let file = scratch.join("strace");
    let mut words: Vec<OsString> =
        vec![strace.into(), "-c".into(), "-f".into(), "-o".into(), file.clone().into()];
    words.extend(line.words.iter().cloned());
    let run = measure::run(&Line { words, ..line.clone() }, scratch)?;
    let calls = parse(&measure::read(&file)?)?;
    Ok((calls, run))
}

/// Reads strace's table: `% time, seconds, usecs/call, calls, [errors,] syscall`.
fn parse(text: &str) -> Result<Calls, String> {
    let mut calls = Calls::new();
    let mut told = None;
    for line in text.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [first, _, _, count, .., name] = cells.as_slice() else { continue };
        if first.parse::<f64>().is_err() {
            continue;
        }
        let count: u64 = count.parse().map_err(|_| format!("strace's table: {line}"))?;
        if *name == "total" {
            told = Some(count);
        } else {
            *calls.entry((*name).to_owned()).or_default() += count;
        }
    }
    let sum = total(&calls);
    match told {
        Some(told) if told == sum => Ok(calls),
        Some(told) => Err(format!("strace's table: its total is {told}, its lines give {sum}")),
        None => Err("strace's table has no total".to_owned()),
    }
}

/// All calls.
pub(crate) fn total(calls: &Calls) -> u64 {
    calls.values().sum()
}

/// The most frequent ones, the most frequent first.
pub(crate) fn top(calls: &Calls, most: usize) -> Vec<(&str, u64)> {
    let mut found: Vec<(&str, u64)> = calls.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    found.truncate(most);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 90.01    0.001234           1      1200       200 newfstatat
  9.99    0.000100           5        20           openat
  0.00    0.000000           0         1           execve
------ ----------- ----------- --------- --------- ----------------
100.00    0.001334           1      1221       200 total
";

    #[test]
    fn the_table_of_strace_is_read_with_and_without_errors() {
        let calls = parse(TABLE).unwrap();
        assert_eq!(top(&calls, 2), [("newfstatat", 1200), ("openat", 20)]);
        assert_eq!((total(&calls), calls["execve"]), (1221, 1));
    }

    #[test]
    fn a_table_that_does_not_add_up_is_refused() {
        assert!(parse(&TABLE.replace("1221", "1222")).unwrap_err().contains("its lines give 1221"));
        assert!(parse("").is_err());
    }
}
