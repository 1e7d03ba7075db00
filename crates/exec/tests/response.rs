//! Response files as real tools read them.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rekindle_exec::{Command, Exit, Live, response_file, run};

const NASTY: &[&[u8]] = &[
    b"",
    b" ",
    b"a b",
    b"tab\there",
    b"line\nbreak",
    b"\x0b\x0c\r",
    b"\"quoted\"",
    b"it's",
    b"'\"",
    b"back\\slash",
    b"\\",
    b"\\\\\\ \\\"",
    b"$HOME `x` #c *?[a] {b} ; | & < > ~ ! ^",
    b"not-utf8-\xff\xfe",
    b"@at",
    b"-dash",
];

#[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
fn write(path: &Path, text: &[u8]) {
    fs::write(path, text).unwrap();
}

/// Has `driver` read a response file, and shows what it then gives its own compiler.
fn as_read_by(driver: &str) {
    let dir = tempfile::tempdir().unwrap();
    let wrapper = dir.path().join("show");
    write(&wrapper, b"#!/bin/sh\nprintf '%s\\0' \"$@\" > seen\n");
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
    write(&dir.path().join("empty.c"), b"");
    let mut args = vec![OsString::from("-S"), "empty.c".into(), "-o".into(), "out.s".into()];
    args.extend(["-wrapper".into(), wrapper.into_os_string()]);
    let values = NASTY.iter().map(|value| OsStr::from_bytes(value));
    args.extend(values.clone().flat_map(|value| {
        let mut define = OsString::from("N=");
        define.push(value);
        ["-D".into(), define]
    }));
    args.extend(["-D".into(), OsString::new()]);
    write(&dir.path().join("args"), &response_file(&args));
    let command = Command::new(driver, dir.path()).args(["@args"]).env("PATH", "/usr/bin:/bin");
    let finished = run(&command, &Live::new().unwrap()).unwrap();
    assert_eq!(finished.status, Exit::Code(0), "{}", String::from_utf8_lossy(&finished.errors));
    let seen = fs::read(dir.path().join("seen")).unwrap();
    let seen: Vec<&[u8]> = seen.split(|&byte| byte == 0).collect();
    let values: Vec<&[u8]> = seen.iter().filter_map(|arg| arg.strip_prefix(b"N=")).collect();
    assert_eq!(values, NASTY);
    assert!(seen.windows(2).any(|pair| pair == [&b"-D"[..], b""]), "the empty argument is lost");
}

#[test]
fn gcc_reads_back_every_nasty_argument() {
    as_read_by("/usr/bin/gcc");
}

/// Has `tool` read names of files that really are there; returns what it says on standard output.
fn with_nasty_files(tool: &str, before: &[&str], after: &[&str]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<OsString> = NASTY
        .iter()
        .filter(|name| !name.is_empty() && !name.starts_with(b"@") && !name.starts_with(b"-"))
        .map(|name| OsStr::from_bytes(&[name, &b".h"[..]].concat()).to_owned())
        .collect();
    for name in &names {
        write(&dir.path().join(name), b"int seen;\n");
    }
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let args = [words(before), names.clone(), words(after)].concat();
    write(&dir.path().join("args"), &response_file(&args));
    let command = Command::new(tool, dir.path()).args(["@args"]).env("PATH", "/usr/bin:/bin");
    let finished = run(&command, &Live::new().unwrap()).unwrap();
    assert_eq!(finished.status, Exit::Code(0), "{}", String::from_utf8_lossy(&finished.errors));
    finished.output
}

fn nasty_files() -> usize {
    NASTY.len() - 3
}

#[test]
fn ar_reads_back_every_nasty_file_name() {
    let listed = with_nasty_files("/usr/bin/ar", &["rcvS", "lib.a"], &[]);
    assert_eq!(listed.windows(4).filter(|at| at == b"a - ").count(), nasty_files());
}

#[test]
fn clang_reads_back_every_nasty_file_name() {
    if !rekindle_testkit::require("clang") {
        return;
    }
    let preprocessed = with_nasty_files("/usr/bin/clang", &["-E", "-P", "-x", "c"], &[]);
    let text = String::from_utf8(preprocessed).unwrap();
    assert_eq!(text.matches("int seen;").count(), nasty_files());
}
