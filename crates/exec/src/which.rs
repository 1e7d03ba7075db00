//! Finding a program by name, as a shell would.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// What a search for a program found, and where it looked before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The program; absolute if `cwd` is. Links are not resolved.
    pub found: Option<PathBuf>,
    /// Places that come before it and held no program. One that appears there would be taken instead.
    pub missed: Vec<PathBuf>,
}

/// The file that running `program` would execute: an executable file (not a directory) in the first directory of
/// `path_var` that has one. A name with a slash is not searched, but taken from `cwd`.
pub fn which(program: &OsStr, path_var: &OsStr, cwd: &Path) -> Option<PathBuf> {
    searched(program, path_var, cwd).found
}

/// [`which`], with the places that were tried in vain. An empty part of `path_var` means `cwd`, and relative ones
/// start there (POSIX, "Other Environment Variables").
pub fn searched(program: &OsStr, path_var: &OsStr, cwd: &Path) -> Search {
    let mut missed = Vec::new();
    if program.is_empty() {
        return Search { found: None, missed };
    }
    let has_slash = program.as_bytes().contains(&b'/');
    let directories: Vec<&[u8]> = match has_slash {
        true => vec![b""],
        false => path_var.as_bytes().split(|&byte| byte == b':').collect(),
    };
    for directory in directories {
        let directory = match directory {
            b"" => cwd.to_path_buf(),
            given => cwd.join(OsStr::from_bytes(given)),
        };
        let place = directory.join(program);
        if is_program(&place) {
            return Search { found: Some(place), missed };
        }
        missed.push(place);
    }
    Search { found: None, missed }
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn file(path: &Path, mode: u32) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_executable_file_is_found_and_the_places_before_it_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path();
        file(&cwd.join("plain/tool"), 0o644);
        file(&cwd.join("dir/tool/inside"), 0o755);
        file(&cwd.join("hit/tool"), 0o755);
        file(&cwd.join("later/tool"), 0o755);
        let path = format!("none:{0}/plain:dir::hit:later", cwd.display());
        let search = searched(OsStr::new("tool"), OsStr::new(&path), cwd);
        assert_eq!(search.found, Some(cwd.join("hit/tool")));
        let missed = ["none/tool", "plain/tool", "dir/tool", "tool"].map(|place| cwd.join(place));
        assert_eq!(search.missed, missed);
    }

    #[test]
    fn a_name_with_a_slash_is_taken_from_the_working_directory_and_not_searched() {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path();
        file(&cwd.join("bin/sub/tool"), 0o755);
        let path = cwd.join("bin");
        assert_eq!(which(OsStr::new("sub/tool"), path.as_os_str(), cwd), None);
        assert_eq!(which(OsStr::new("bin/sub/tool"), OsStr::new(""), cwd), Some(cwd.join("bin/sub/tool")));
        let absolute = cwd.join("bin/sub/tool");
        assert_eq!(which(absolute.as_os_str(), OsStr::new(""), Path::new("/")), Some(absolute));
    }

    #[test]
    fn an_absent_program_names_every_place_and_an_empty_name_none() {
        let search = searched(OsStr::new("no-such-tool"), OsStr::new("/bin:/usr/bin"), Path::new("/"));
        assert_eq!(search.found, None);
        assert_eq!(search.missed, ["/bin/no-such-tool", "/usr/bin/no-such-tool"].map(PathBuf::from));
        assert_eq!(which(OsStr::new(""), OsStr::new("/bin"), Path::new("/")), None);
    }

    #[test]
    fn names_that_are_not_utf8_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let name = OsStr::from_bytes(b"t\xff");
        file(&dir.path().join(name), 0o755);
        assert_eq!(which(name, dir.path().as_os_str(), Path::new("/")), Some(dir.path().join(name)));
    }
}
