//! Small C programs that stand in for compilers and tools that misbehave. A driver that is a script makes its
//! actions local, so these are programs.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::files::must;

/// The program that `source` (C) makes: compiled once, with gcc, and kept beside the test programs.
///
/// # Panics
/// It does not compile.
pub fn helper(name: &str, source: &str) -> PathBuf {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    let exe = must(std::env::current_exe(), "find", Path::new("this program"));
    let target = exe.parent().and_then(Path::parent).unwrap_or(&exe);
    let dir = target.join("testkit").join(format!("{:016x}", hasher.finish()));
    let program = dir.join(name);
    if program.is_file() {
        return program;
    }
    must(fs::create_dir_all(&dir), "create", &dir);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let part = dir.join(format!("{}.{serial}", std::process::id()));
    let (text, made) = (part.with_extension("c"), part.with_extension("out"));
    must(fs::write(&text, source), "write", &text);
    let output = Command::new("gcc").args(["-O1", "-w", "-o"]).arg(&made).arg(&text).output();
    let output = must(output, "run", Path::new("gcc"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    must(fs::rename(&made, &program), "rename", &made);
    let _ = fs::remove_file(&text);
    program
}
