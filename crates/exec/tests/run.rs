//! What becomes of children: their codes, signals, time, output, and their descendants.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rekindle_exec::{Command, Error, Exit, Finished, Live, Output, Stdin, run};

fn sh(script: &str) -> Command {
    Command::new("/bin/sh", "/").args(["-c", script]).env("PATH", "/usr/bin:/bin")
}

fn alone(command: &Command) -> Result<Finished, Error> {
    run(command, &Live::new().unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn script(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Waits until `path` holds a line, and returns it.
fn line_of(path: &Path) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => assert!(Instant::now() < end, "nothing was written to {}", path.display()),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process is there and not merely unreaped.
fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Paths in messages depend on the machine; this shows those below `dir` as `DIR/...`.
fn said(error: &Error, dir: &Path) -> String {
    error.to_string().replace(&dir.display().to_string(), "DIR")
}

#[test]
fn a_child_s_code_and_its_killing_signal_are_told() {
    assert_eq!(alone(&sh("exit 0")).unwrap().status, Exit::Code(0));
    assert_eq!(alone(&sh("exit 255")).unwrap().status, Exit::Code(255));
    assert_eq!(alone(&sh("kill -SEGV $$")).unwrap().status, Exit::Signal(11));
    assert_eq!(alone(&sh("kill -KILL $$")).unwrap().status, Exit::Signal(9));
    assert!(Exit::Code(0).success() && !Exit::Code(1).success() && !Exit::TimedOut.success());
}

#[test]
fn each_way_to_end_is_said_in_words() {
    let ways = [Exit::Code(1), Exit::Signal(11), Exit::Signal(64), Exit::TimedOut].map(|way| way.to_string());
    insta::assert_snapshot!(ways.join("\n"), @r"
    exited with code 1
    was killed by signal 11 (SIGSEGV)
    was killed by signal 64
    ran out of time
    ");
}

#[test]
fn output_and_errors_are_kept_apart_when_asked() {
    let finished = alone(&sh("echo out; echo err >&2; echo out2")).unwrap();
    assert_eq!((&finished.output[..], &finished.errors[..]), (&b"out\nout2\n"[..], &b"err\n"[..]));
    assert!(finished.text.is_empty() && !finished.held);
}

#[test]
fn output_together_is_in_the_order_of_writing() {
    let command =
        Command { output: Output::Together, ..sh("for i in 1 2 3; do echo o$i; echo e$i >&2; done") };
    let finished = alone(&command).unwrap();
    assert_eq!(finished.text, b"o1\ne1\no2\ne2\no3\ne3\n");
    assert!(finished.output.is_empty() && finished.errors.is_empty());
}

#[test]
fn two_megabytes_on_both_pipes_do_not_block() {
    let write = "head -c 2097152 /dev/zero";
    let finished = alone(&sh(&format!("{write} >&2; {write}; {write} >&2"))).unwrap();
    assert_eq!((finished.output.len(), finished.errors.len()), (2 << 20, 4 << 20));
    assert_eq!(finished.dropped, 0);
}

#[test]
fn output_beyond_the_limit_is_read_and_dropped() {
    let more = rekindle_exec::OUTPUT_LIMIT + 5;
    let finished = alone(&sh(&format!("head -c {more} /dev/zero"))).unwrap();
    assert_eq!((finished.output.len(), finished.dropped), (rekindle_exec::OUTPUT_LIMIT, 5));
    assert_eq!(finished.status, Exit::Code(0));
}

#[test]
fn a_child_reads_nothing_and_sees_only_the_environment_it_was_given() {
    let finished =
        alone(&Command::new("/usr/bin/env", "/").env("B", "1").env("A", "x").env("B", "2")).unwrap();
    assert_eq!(finished.output, b"A=x\nB=2\n");
    assert_eq!(alone(&sh("cat")).unwrap().output, b"");
}

#[test]
fn bytes_that_are_not_utf8_reach_the_child_in_arguments_environment_and_directory() {
    let dir = tempfile::tempdir().unwrap();
    let cwd = dir.path().join(OsStr::from_bytes(b"d\xff\xfe"));
    fs::create_dir(&cwd).unwrap();
    let mut command = sh("printf '%s|%s|' \"$1\" \"$V\"; pwd");
    command.cwd.clone_from(&cwd);
    let arg = std::ffi::OsString::from_vec(b"a\xff".to_vec());
    let command = command.args([OsStr::new("sh").to_owned(), arg]).env("V", OsStr::from_bytes(b"v\xfe"));
    let mut expected = b"a\xff|v\xfe|".to_vec();
    expected.extend_from_slice(fs::canonicalize(&cwd).unwrap().as_os_str().as_bytes());
    expected.push(b'\n');
    assert_eq!(alone(&command).unwrap().output, expected);
}

#[test]
fn a_relative_program_is_taken_from_the_working_directory_and_never_from_path() {
    let dir = tempfile::tempdir().unwrap();
    script(&dir.path().join("true"), "#!/bin/sh\necho \"mine $0\"\n", 0o755);
    let command = |program: &str| Command::new(program, dir.path()).env("PATH", "/usr/bin:/bin");
    assert_eq!(alone(&command("./true")).unwrap().output, b"mine ./true\n");
    assert_eq!(alone(&command("true")).unwrap().output, b"mine ./true\n");
    assert!(matches!(alone(&command("false")).unwrap_err(), Error::NotFound { .. }));
}

#[test]
fn argv_0_is_the_program_as_it_was_spelled() {
    let shell = Command::new("../bin/sh", "/usr").args(["-c", "tr '\\0' '\\n' </proc/$$/cmdline | head -1"]);
    let finished = alone(&shell.env("PATH", "/usr/bin:/bin")).unwrap();
    assert_eq!(finished.output, b"../bin/sh\n");
}

#[test]
fn what_cannot_be_run_is_said_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let here = |name: &str| dir.path().join(name);
    script(&here("plain"), "#!/bin/sh\n", 0o644);
    script(&here("headless"), "echo x\n", 0o755);
    script(&here("orphan"), "#!/no/such/interpreter\n", 0o755);
    let failed =
        |program: PathBuf, cwd: PathBuf| said(&alone(&Command::new(program, cwd)).unwrap_err(), dir.path());
    let all = [
        failed(here("absent"), here("")),
        failed(PathBuf::from("absent"), here("")),
        failed(here("plain/tool"), here("")),
        failed(here("plain"), here("")),
        failed(here(""), here("")),
        failed(here("headless"), here("")),
        failed(here("orphan"), here("")),
        failed(PathBuf::from("/bin/true"), here("absent")),
        failed(PathBuf::from("/bin/true"), here("plain")),
        said(&alone(&Command::new("/bin/true", "/").args(["a\0b"])).unwrap_err(), dir.path()),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    cannot run `DIR/absent`: there is no such file
    cannot run `DIR/absent`: there is no such file
    cannot run `DIR/plain/tool`: there is no such file
    cannot run `DIR/plain`: it is not executable
    cannot run `DIR/`: it is a directory
    cannot run `DIR/headless`: it is neither a program of this machine nor a script with a `#!` line
    cannot run `DIR/orphan`: the interpreter that its first line or its header names does not exist
    cannot run `/bin/true` in `DIR/absent`: No such file or directory (os error 2)
    cannot run `/bin/true` in `DIR/plain`: Not a directory (os error 20)
    cannot run `/bin/true`: its command line, environment or working directory holds a NUL byte
    ");
}

#[test]
fn a_command_line_that_the_system_refuses_is_a_typed_error() {
    let long = Command::new("/bin/true", "/").args(["x".repeat(rekindle_exec::LONGEST_ARGUMENT)]);
    assert!(!rekindle_exec::fits(&long.program, &long.args, &long.env));
    let error = alone(&long).unwrap_err();
    assert!(matches!(error, Error::TooLong { .. }));
    insta::assert_snapshot!(error, @"cannot run `/bin/true`: the command line and environment of 131083 bytes are longer than the system takes");
    let many = Command::new("/bin/true", "/").args(vec!["x".repeat(100_000); 70]);
    assert!(!rekindle_exec::fits(&many.program, &many.args, &many.env));
    assert!(matches!(alone(&many).unwrap_err(), Error::TooLong { .. }));
}

#[test]
fn a_command_line_that_fits_is_taken_up_to_the_last_argument() {
    let mut most = Command::new("/bin/true", "/");
    loop {
        most.args.push("x".repeat(8000).into());
        if !rekindle_exec::fits(&most.program, &most.args, &most.env) {
            break;
        }
        assert!(most.args.len() < 2000, "there has to be an end");
    }
    most.args.pop();
    assert!(most.args.len() > 10);
    assert_eq!(alone(&most).unwrap().status, Exit::Code(0));
}

#[test]
fn a_program_that_another_thread_has_just_written_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tool");
    script(&path, "#!/bin/sh\necho ran\n", 0o755);
    let open = fs::OpenOptions::new().append(true).open(&path).unwrap();
    let closer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        drop(open);
    });
    assert_eq!(alone(&Command::new(&path, "/")).unwrap().output, b"ran\n");
    closer.join().unwrap();
}

#[test]
fn time_runs_out_for_the_child_and_its_descendants() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("echo before; sleep 100 & echo $! > {}; sleep 100", pid.display());
    let command = Command { timeout: Some(Duration::from_millis(300)), ..sh(&script) };
    let begun = Instant::now();
    let finished = alone(&command).unwrap();
    assert_eq!((finished.status, &finished.output[..]), (Exit::TimedOut, &b"before\n"[..]));
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert!(finished.wall >= Duration::from_millis(300));
    assert!(!is_alive(&line_of(&pid)));
}

#[test]
fn a_child_that_ignores_sigterm_is_killed_when_its_time_is_up() {
    let script = "trap '' TERM; while :; do sleep 100; done";
    let command = Command { timeout: Some(Duration::from_millis(100)), ..sh(script) };
    assert_eq!(alone(&command).unwrap().status, Exit::TimedOut);
}

#[test]
fn a_child_that_ends_in_time_is_not_disturbed() {
    let command = Command { timeout: Some(Duration::from_secs(60)), ..sh("exit 4") };
    assert_eq!(alone(&command).unwrap().status, Exit::Code(4));
}

#[test]
fn a_descendant_that_keeps_the_pipe_is_not_waited_for_long_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let begun = Instant::now();
    let finished =
        alone(&sh(&format!("sleep 100 & echo $! > {}; echo done; exit 7", pid.display()))).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!((finished.status, &finished.output[..]), (Exit::Code(7), &b"done\n"[..]));
    assert!(finished.held);
    assert!(finished.wall < Duration::from_secs(1), "the wait for the pipe is not the child's time");
    let pid = line_of(&pid);
    assert!(is_alive(&pid));
    alone(&sh(&format!("kill {pid}"))).unwrap();
}

#[test]
fn a_descendant_that_writes_shortly_after_the_child_is_heard() {
    let finished = alone(&sh("(sleep 0.2; echo late) & echo early")).unwrap();
    assert_eq!((&finished.output[..], finished.held), (&b"early\nlate\n"[..], false));
}

#[test]
fn all_children_and_grandchildren_end_together_and_later_runs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let live = Live::new().unwrap();
    let runs: Vec<_> = (0..3)
        .map(|number| {
            let (live, pid) = (live.clone(), dir.path().join(number.to_string()));
            // The grandchild is deaf to SIGTERM, and no pipe shows that it is still there.
            let deaf = "(trap '' TERM; exec sleep 100) >/dev/null 2>&1 & echo $!";
            let script = format!("{deaf} > {}; sleep 100", pid.display());
            thread::spawn(move || run(&sh(&script), &live))
        })
        .collect();
    let pids: Vec<String> = (0..3).map(|number| line_of(&dir.path().join(number.to_string()))).collect();
    assert!(pids.iter().all(|pid| is_alive(pid)));
    assert_eq!((live.running(), live.spawned()), (3, 3));
    live.terminate_all(Duration::from_millis(200));
    assert!(!pids.iter().any(|pid| is_alive(pid)), "orphans of {pids:?}");
    assert_eq!(live.running(), 0);
    for result in runs {
        assert!(matches!(result.join().unwrap(), Err(Error::Interrupted)));
    }
    assert!(matches!(run(&sh("exit 0"), &live), Err(Error::Interrupted)));
    assert_eq!(live.spawned(), 3);
}

#[test]
fn a_child_has_the_grace_to_clean_up() {
    let dir = tempfile::tempdir().unwrap();
    let (ready, cleaned) = (dir.path().join("ready"), dir.path().join("cleaned"));
    let trap = format!("trap 'sleep 0.2; echo yes > {}; exit 0' TERM", cleaned.display());
    let script = format!("{trap}; echo > {}; while :; do sleep 0.05; done", ready.display());
    let live = Live::new().unwrap();
    let child = thread::spawn({
        let live = live.clone();
        move || run(&sh(&script), &live)
    });
    line_of(&ready);
    live.terminate_all(Duration::MAX);
    assert_eq!(line_of(&cleaned), "yes");
    assert!(matches!(child.join().unwrap(), Err(Error::Interrupted)), "an ended child has not succeeded");
}

#[test]
fn closing_refuses_new_runs_and_lets_old_ones_finish() {
    let dir = tempfile::tempdir().unwrap();
    let (ready, go) = (dir.path().join("ready"), dir.path().join("go"));
    let script = format!("echo > {}; while ! [ -e {} ]; do sleep 0.02; done", ready.display(), go.display());
    let live = Live::new().unwrap();
    let child = thread::spawn({
        let live = live.clone();
        move || run(&sh(&script), &live)
    });
    line_of(&ready);
    live.close();
    assert!(live.is_closed());
    assert!(matches!(run(&sh("exit 0"), &live), Err(Error::Interrupted)));
    fs::create_dir(&go).unwrap();
    assert_eq!(child.join().unwrap().unwrap().status, Exit::Code(0));
}

#[test]
fn a_child_that_could_not_be_started_is_not_counted() {
    let live = Live::new().unwrap();
    assert!(run(&Command::new("/no/such/program", "/"), &live).is_err());
    assert_eq!((live.spawned(), live.running()), (0, 0));
}

#[test]
fn a_child_leads_a_group_of_its_own_unless_it_shares_our_input() {
    let group = "read _ _ _ _ group _ < /proc/$$/stat; echo $group $$";
    let told = |stdin| {
        let finished = alone(&Command { stdin, ..sh(group) }).unwrap();
        let text = String::from_utf8(finished.output).unwrap();
        let (group, pid) = text.trim().split_once(' ').unwrap();
        group == pid
    };
    assert!(told(Stdin::Null));
    assert!(!told(Stdin::Inherit));
}

#[test]
fn a_file_passed_on_stays_locked_while_a_descendant_lives() {
    let dir = tempfile::tempdir().unwrap();
    let (lock, pid) = (dir.path().join("lock"), dir.path().join("pid"));
    script(&lock, "", 0o644);
    let file = fs::File::open(&lock).unwrap();
    file.lock().unwrap();
    rekindle_exec::inherit(&file).unwrap();
    let detached = format!("sleep 100 >/dev/null 2>&1 & echo $! > {}", pid.display());
    assert!(!alone(&sh(&detached)).unwrap().held);
    drop(file);
    let again = fs::File::open(&lock).unwrap();
    assert!(again.try_lock().is_err(), "the descendant holds the lock");
    alone(&sh(&format!("kill {}", line_of(&pid)))).unwrap();
    again.lock().unwrap();
}
