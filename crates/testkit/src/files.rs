//! What tests do to files that the standard library has no one word for.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

/// Panics with verb and path unless `result` is fine.
#[track_caller]
pub(crate) fn must<T>(result: std::io::Result<T>, verb: &str, path: &Path) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("cannot {verb} {}: {error}", path.display()),
    }
}

/// Sets the modification time of a file or directory, and nothing else (the kernel sets its ctime).
pub fn set_mtime(path: &Path, time: SystemTime) {
    let file = OpenOptions::new().write(true).open(path).or_else(|_| File::open(path));
    let file = must(file, "open", path);
    must(file.set_times(FileTimes::new().set_modified(time)), "set the time of", path);
}

/// Copies a program, with its mode. Another process writes it: what this one writes may be open for a moment in a
/// child that another thread starts, and a file that is open for writing cannot be executed (`ETXTBSY`).
pub fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("cp").args(["--preserve=mode", "--"]).arg(from).arg(to).status();
    assert!(must(status, "copy", from).success(), "cannot copy {} to {}", from.display(), to.display());
}

/// Copies a directory tree with links and modes, and without times.
pub fn copy_tree(from: &Path, to: &Path) {
    let meta = must(fs::symlink_metadata(from), "look at", from);
    if meta.is_symlink() {
        let target = must(fs::read_link(from), "read", from);
        must(symlink(target, to), "link", to);
    } else if meta.is_dir() {
        must(fs::create_dir_all(to), "create", to);
        for entry in must(fs::read_dir(from), "list", from) {
            let entry = must(entry, "list", from);
            copy_tree(&entry.path(), &to.join(entry.file_name()));
        }
        must(fs::set_permissions(to, meta.permissions()), "set the mode of", to);
    } else if meta.is_file() && meta.mode() & 0o111 != 0 {
        copy_program(from, to);
    } else if meta.is_file() {
        must(fs::copy(from, to), "copy", from);
    }
}

/// Waits until a file that is written in `dir` now gets a later time than everything written there before: the
/// file system's clock has moved on by a tick. A build right after an edit may have to look twice; most tests
/// are not about that.
pub fn settle(dir: &Path) {
    let file = must(tempfile::NamedTempFile::new_in(dir), "write in", dir);
    let times = |path: &Path| {
        let meta = must(fs::metadata(path), "look at", path);
        (meta.mtime(), meta.mtime_nsec())
    };
    let before = times(file.path());
    for _ in 0..1000 {
        thread::sleep(Duration::from_millis(2));
        must(fs::write(file.path(), b"tick"), "write", file.path());
        if times(file.path()) > before {
            return;
        }
    }
    panic!("the clock of the file system of {} stands still", dir.display());
}
