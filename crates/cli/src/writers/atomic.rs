//! Files appear whole or not at all: written beside their place under another name, then renamed.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::failure::Failure;

/// The mode of what is no program.
pub(crate) const FILE: u32 = 0o644;

/// The mode of programs.
pub(crate) const PROGRAM: u32 = 0o755;

/// The directory that holds `path`.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn trouble<'p>(verb: &'static str, path: &'p Path) -> impl Fn(std::io::Error) -> Failure + 'p {
    move |error| Failure::io(verb, format_args!("`{}`", path.display()), &error)
}

fn beside(path: &Path) -> Result<NamedTempFile, Failure> {
    Builder::new().prefix(".rekindle-").tempfile_in(folder(path)).map_err(trouble("write", path))
}

fn settle(file: NamedTempFile, path: &Path, mode: u32) -> Result<(), Failure> {
    file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(trouble("write", path))?;
    file.persist(path).map_err(|error| trouble("write", path)(error.error))?;
    Ok(())
}

/// Writes a file.
///
/// # Errors
/// The system refuses; the file is then what it was.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = beside(path)?;
    file.write_all(bytes).map_err(trouble("write", path))?;
    settle(file, path, FILE)
}

/// Writes a file unless it has these bytes already, so that whoever watches it is not woken for nothing. Tells
/// whether it was written.
///
/// # Errors
/// As [`write()`].
pub(crate) fn write_changed(path: &Path, bytes: &[u8]) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    write(path, bytes).map(|()| true)
}

/// Copies a file: bytes, and whether it is a program. With `keep_links`, a symbolic link is made again with the same
/// text; else what it leads to is copied. The directories on the way are made.
///
/// # Errors
/// The system refuses; what lay at `to` is then what it was.
pub(crate) fn copy(from: &Path, to: &Path, keep_links: bool) -> Result<(), Failure> {
    fs::create_dir_all(folder(to)).map_err(trouble("create", folder(to)))?;
    let meta = if keep_links { fs::symlink_metadata(from) } else { fs::metadata(from) };
    let meta = meta.map_err(trouble("read", from))?;
    if meta.is_symlink() {
        let text = fs::read_link(from).map_err(trouble("read", from))?;
        return link(&text, to);
    }
    let mut source = fs::File::open(from).map_err(trouble("read", from))?;
    let mut file = beside(to)?;
    std::io::copy(&mut source, &mut file).map_err(trouble("write", to))?;
    let mode = if meta.permissions().mode() & 0o111 == 0 { FILE } else { PROGRAM };
    settle(file, to, mode)
}

/// Makes a symbolic link in the place of whatever lies there.
#[expect(clippy::disallowed_methods, reason = "this is the file that makes things appear by renaming")]
fn link(text: &Path, to: &Path) -> Result<(), Failure> {
    // A temporary file reserves a name that nobody else takes; the link takes its place.
    let name: PathBuf = beside(to)?.into_temp_path().to_path_buf();
    symlink(text, &name).map_err(trouble("create", to))?;
    fs::rename(&name, to).map_err(|error| {
        let _gone = fs::remove_file(&name);
        trouble("create", to)(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_written_only_if_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        assert!(write_changed(&path, b"1").unwrap());
        assert!(!write_changed(&path, b"1").unwrap());
        assert!(write_changed(&path, b"2").unwrap());
        assert_eq!((fs::read(&path).unwrap(), names(dir.path())), (b"2".to_vec(), vec!["a".to_string()]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FILE);
    }

    #[test]
    fn a_copy_keeps_what_is_a_program_and_what_is_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        write(&at("tool"), b"#!").unwrap();
        fs::set_permissions(at("tool"), Permissions::from_mode(0o700)).unwrap();
        symlink("tool", at("link")).unwrap();
        for _ in 0..2 {
            copy(&at("tool"), &at("to/bin/tool"), true).unwrap();
            copy(&at("link"), &at("to/bin/link"), true).unwrap();
            copy(&at("link"), &at("to/bin/followed"), false).unwrap();
        }
        assert_eq!(fs::metadata(at("to/bin/tool")).unwrap().permissions().mode() & 0o777, PROGRAM);
        assert_eq!(fs::read_link(at("to/bin/link")).unwrap(), Path::new("tool"));
        assert!(at("to/bin/followed").symlink_metadata().unwrap().is_file());
        assert_eq!(names(&at("to/bin")).len(), 3);
    }

    #[test]
    fn a_refusal_names_the_file() {
        let failure = write(Path::new("/proc/nowhere/x"), b"").unwrap_err();
        insta::assert_snapshot!(failure.text(), @"rekindle: cannot write `/proc/nowhere/x`: no such file or directory");
        assert_eq!(failure.code(), 3);
    }
}
