//! How many system calls a command makes, and of which kinds, by `strace -c -f`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use super::measure::{self, Line, Run};

/// How often each system call was made.
pub(crate) type Calls = BTreeMap<String, u64>;

/// What strace counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// The calls.
    pub(crate) calls: Calls,
    /// The programs that were started: the calls for that which did not fail, as they do where a program is not there.
    pub(crate) programs: u64,
}

/// Runs a command under strace; answers the calls of all its processes and threads, and what else the run gave.
pub(crate) fn count(strace: &Path, line: &Line, scratch: &Path) -> Result<(Counted, Run), String> {
    let file = scratch.join("strace");
    let mut words: Vec<OsString> =
        vec![strace.into(), "-c".into(), "-f".into(), "-o".into(), file.clone().into()];
    words.extend(line.words.iter().cloned());
    let run = measure::run(&Line { words, ..line.clone() }, scratch)?;
    let counted = parse(&measure::read(&file)?)?;
    Ok((counted, run))
}

/// Reads strace's table: `% time, seconds, usecs/call, calls, [errors,] syscall`.
fn parse(text: &str) -> Result<Counted, String> {
    let mut found = Counted::default();
    let mut told = None;
    for line in text.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [first, _, _, count, errors @ .., name] = cells.as_slice() else { continue };
        if first.parse::<f64>().is_err() {
            continue;
        }
        let number = |cell: &str| cell.parse::<u64>().map_err(|_| format!("strace's table: {line}"));
        let count = number(count)?;
        let errors = errors.first().map_or(Ok(0), |errors| number(errors))?;
        match *name {
            "total" => {
                told = Some(count);
                continue;
            }
            "execve" | "execveat" => found.programs += count.saturating_sub(errors),
            _ => {}
        }
        *found.calls.entry((*name).to_owned()).or_default() += count;
    }
    let sum = total(&found.calls);
    match told {
        Some(told) if told == sum => Ok(found),
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
  0.00    0.000000           0         4         2 execve
------ ----------- ----------- --------- --------- ----------------
100.00    0.001334           1      1224       202 total
";

    #[test]
    fn the_table_of_strace_is_read_with_and_without_errors() {
        let Counted { calls, programs } = parse(TABLE).unwrap();
        assert_eq!(top(&calls, 2), [("newfstatat", 1200), ("openat", 20)]);
        assert_eq!((total(&calls), programs), (1224, 2));
    }

    #[test]
    fn a_table_that_does_not_add_up_is_refused() {
        assert!(parse(&TABLE.replace("1224", "1222")).unwrap_err().contains("its lines give 1224"));
        assert!(parse("").is_err());
    }
}
