//! Small disks, and files replaced in place for one process tree only. Both take root with the right to mount.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::files::must;

/// Mounts pairs of its arguments over each other, up to `--`, then becomes the rest.
const BIND: &str =
    r#"while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 99; shift 2; done; shift; exec "$@""#;

/// A file that lies in the place of another one, in its own mount namespace: the other file is never touched.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// What is seen.
    pub with: PathBuf,
    /// Where it is seen.
    pub over: PathBuf,
}

/// `program`, to be run where the overlays hold.
pub(crate) fn command(program: &Path, overlays: &[Overlay]) -> Command {
    if overlays.is_empty() {
        return Command::new(program);
    }
    let mut command = Command::new("/usr/bin/unshare");
    command.args(["-m", "/bin/sh", "-c", BIND, "sh"]);
    for overlay in overlays {
        command.args([&overlay.with, &overlay.over]);
    }
    command.arg("--").arg(program);
    command
}

/// Whether this process may make a mount namespace and mount in it.
pub(crate) fn may_mount() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let script = "mount -t tmpfs none /mnt";
        let output = Command::new("/usr/bin/unshare").args(["-m", "/bin/sh", "-c", script]).output();
        output.is_ok_and(|output| output.status.success())
    })
}

/// A small file system in memory, mounted while this lives.
#[derive(Debug)]
pub struct Tmpfs {
    path: PathBuf,
}

impl Tmpfs {
    /// Mounts one of `kilobytes` at `path`, which is created.
    ///
    /// # Panics
    /// It cannot be mounted: ask [`crate::require_root`] first.
    pub fn mount(path: &Path, kilobytes: u32) -> Self {
        must(std::fs::create_dir_all(path), "create", path);
        let size = format!("size={kilobytes}k,mode=755");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(path).status();
        assert!(must(status, "mount", path).success(), "cannot mount {}", path.display());
        Self { path: path.to_path_buf() }
    }

    /// Gives it another size.
    ///
    /// # Panics
    /// It cannot be mounted anew.
    pub fn resize(&self, kilobytes: u32) {
        let size = format!("remount,size={kilobytes}k");
        let status = Command::new("mount").args(["-o", &size]).arg(&self.path).status();
        assert!(must(status, "remount", &self.path).success(), "cannot remount {}", self.path.display());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

#[cfg(test)]
mod tests {
    use crate::{Space, Tmpfs, require_root};

    #[test]
    fn an_overlay_is_seen_by_a_run_and_by_nobody_else() {
        if !require_root() {
            return;
        }
        let mut space = Space::new("/bin/cat");
        space.write("file", "below");
        let file = space.path("file");
        space.overlay(&file, b"above");
        assert_eq!(space.run(&["file"]).done().ok().text(), "above");
        assert_eq!(space.read("file"), b"below");
    }

    #[test]
    fn a_small_disk_is_full_soon() {
        if !require_root() {
            return;
        }
        let space = Space::new("/bin/true");
        let disk = Tmpfs::mount(&space.path("disk"), 16);
        assert!(std::fs::write(space.path("disk/file"), [0; 20_000]).is_err());
        disk.resize(64);
        space.write("disk/file", [0; 20_000]);
    }
}
