//! Looking a program up on `PATH`, as a shell would.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The first file in the directories of `path_var` that is called `program` and is one by `is_program`. A name with a
/// slash is not searched, but taken from `cwd`. An empty part of `path_var` means `cwd`, and relative ones start there
/// (POSIX, "Other Environment Variables"). Links are not resolved.
pub(crate) fn which(
    program: &OsStr,
    path_var: &OsStr,
    cwd: &Path,
    is_program: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    if program.is_empty() {
        return None;
    }
    if program.as_bytes().contains(&b'/') {
        return Some(cwd.join(program)).filter(|place| is_program(place));
    }
    let directories = path_var.as_bytes().split(|byte| *byte == b':');
    directories
        .map(|directory| cwd.join(OsStr::from_bytes(directory)).join(program))
        .find(|place| is_program(place))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use rekindle_fingerprint::consult::{self, Question};

    use super::*;

    fn file(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn which(program: impl AsRef<OsStr>, path_var: impl AsRef<OsStr>, cwd: &Path) -> Option<PathBuf> {
        super::which(program.as_ref(), path_var.as_ref(), cwd, consult::is_runnable)
    }

    #[test]
    fn the_first_executable_file_is_found_and_every_place_up_to_it_is_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path();
        file(&cwd.join("plain/tool"), 0o644);
        file(&cwd.join("dir/tool/inside"), 0o755);
        file(&cwd.join("hit/tool"), 0o755);
        file(&cwd.join("later/tool"), 0o755);
        let path = format!("none:{0}/plain:dir::hit:later", cwd.display());
        consult::begin();
        assert_eq!(which("tool", &path, cwd), Some(cwd.join("hit/tool")));
        let record = consult::end().unwrap();
        let mut asked: Vec<_> = record.iter().map(|(path, question, _)| (path, question)).collect();
        asked.sort();
        let mut places = ["none/tool", "plain/tool", "dir/tool", "tool", "hit/tool"].map(|at| cwd.join(at));
        places.sort();
        assert_eq!(asked, places.each_ref().map(|place| (place.as_path(), Question::Runnable)));
    }

    #[test]
    fn an_empty_part_is_the_working_directory() {
        let dir = tempfile::tempdir().unwrap();
        file(&dir.path().join("tool"), 0o755);
        let found = Some(dir.path().join("tool"));
        for path in ["", ":none", "none:", "none::none"] {
            assert_eq!(which("tool", path, dir.path()), found, "{path:?}");
        }
        assert_eq!(which("tool", "none", dir.path()), None);
        assert_eq!(which("", "", dir.path()), None);
    }

    #[test]
    fn a_name_with_a_slash_is_taken_from_the_working_directory_and_not_searched() {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path();
        file(&cwd.join("bin/sub/tool"), 0o755);
        file(&cwd.join("bin/sub/text"), 0o644);
        let place = cwd.join("bin/sub/tool");
        assert_eq!(which("sub/tool", cwd.join("bin"), cwd), None);
        assert_eq!(which("bin/sub/tool", "", cwd), Some(place.clone()));
        assert_eq!(which("bin/sub/text", "", cwd), None);
        assert_eq!(which(&place, "", Path::new("/")), Some(place));
    }

    #[test]
    fn what_is_found_is_what_the_engine_would_run() {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path();
        file(&cwd.join("one/tool"), 0o600);
        file(&cwd.join("two/tool"), 0o500);
        file(&cwd.join("other"), 0o755);
        for name in ["tool", "other", "two/tool", "one/tool", "nothing", ""] {
            for path in ["one:two", "two:one", "", "one:", ":two"] {
                let run = rekindle_exec::which(OsStr::new(name), OsStr::new(path), cwd);
                assert_eq!(which(name, path, cwd), run, "{name:?} in {path:?}");
            }
        }
    }
}
