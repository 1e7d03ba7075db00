//! Process groups: to signal one, and to see who is left in it.
//!
//! Every call needs the group's leader to be a child that was not reaped yet: only so long is the number ours.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Whom a signal for a child is meant for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The child leads a group of its own.
    Group(Pid),
    /// The child is in our group.
    Alone(Pid),
}

impl Target {
    /// The child itself.
    pub(crate) fn leader(self) -> Pid {
        match self {
            Self::Group(pid) | Self::Alone(pid) => pid,
        }
    }

    /// Sends the signal. That nobody is there any more is no error, and nothing else can go wrong for children of
    /// ours but that they have become another user, who then has to be left alone.
    pub(crate) fn send(self, signal: Signal) {
        let _sent = match self {
            Self::Group(pid) => kill_process_group(pid, signal),
            Self::Alone(pid) => kill_process(pid, signal),
        };
    }

    /// Whether a member other than the leader is alive. A dead member that nobody has reaped does not count: in
    /// a container whose first process reaps nobody it would stay for ever. Without `/proc` the answer is no.
    pub(crate) fn has_followers(self) -> bool {
        let Self::Group(group) = self else { return false };
        let group = group.as_raw_nonzero().get();
        let Ok(processes) = fs::read_dir("/proc") else { return false };
        processes.flatten().any(|process| {
            let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
                return false;
            };
            pid != group
                && fs::read(process.path().join("stat")).is_ok_and(|stat| alive_in(&stat) == Some(group))
        })
    }
}

/// The process group in a line of `/proc/PID/stat`; `None` for a process that is dead. The format is that of
/// proc(5): `pid (name) state ppid pgrp ...`, where the name may hold blanks and parentheses.
fn alive_in(stat: &[u8]) -> Option<i32> {
    let after_name = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let mut fields = std::str::from_utf8(&stat[after_name..]).ok()?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::alive_in;

    #[test]
    fn the_group_is_read_behind_a_name_with_parentheses_and_non_utf8() {
        assert_eq!(alive_in(b"42 (a) b\xff (c) S 1 77 3 0 -1"), Some(77));
    }

    #[test]
    fn the_dead_are_in_no_group() {
        assert_eq!(alive_in(b"42 (sh) Z 1 77 3 0 -1"), None);
        assert_eq!(alive_in(b""), None);
    }
}
