//! The outputs of the stamp before the current one. They are moved aside before a command runs, so that a command
//! that fails leaves what was there, and an edit that is undone after a build costs no command.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::stamp::Stamp;

/// The kept outputs of one action.
pub(crate) struct Kept {
    dir: PathBuf,
}

/// Outputs that were moved aside while a command runs.
pub(crate) struct Aside {
    moved: Vec<(PathBuf, PathBuf)>,
}

impl Kept {
    /// Those of the action whose first output is `key`.
    pub(crate) fn of(base: &Path, key: PathId, files: &Files) -> Self {
        let name =
            [files.roots().get(files.root(key)).name.as_bytes(), b":", files.rel(key).as_os_str().as_bytes()];
        Self { dir: base.join(&Digest::of(&name.concat()).hex()[..32]) }
    }

    fn place(&self, generation: &str, index: usize) -> PathBuf {
        self.dir.join(format!("{generation}{index}"))
    }

    /// Clears the way for a command: what lies at its outputs is moved aside if it can be put back, else deleted.
    ///
    /// # Errors
    /// An output cannot be removed (a directory is there, or its directory is read-only).
    pub(crate) fn set_aside(&self, outputs: &[PathBuf]) -> io::Result<Aside> {
        let mut moved = Vec::new();
        for (index, output) in outputs.iter().enumerate() {
            let aside = self.place("aside", index);
            match fs::symlink_metadata(output) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
                Ok(meta) if meta.is_file() && self.rename_here(output, &aside) => {
                    moved.push((output.clone(), aside));
                }
                Ok(_) => fs::remove_file(output)?,
            }
        }
        Ok(Aside { moved })
    }

    fn rename_here(&self, output: &Path, aside: &Path) -> bool {
        fs::rename(output, aside).is_ok()
            || (fs::create_dir_all(&self.dir).is_ok() && fs::rename(output, aside).is_ok())
    }

    /// After success: what was moved aside becomes the previous generation if `worth` says that it is what the
    /// stamp of before vouched for; else it is dropped. Tells whether a previous generation is there now.
    pub(crate) fn keep(&self, aside: Aside, outputs: &[PathBuf], worth: bool) -> bool {
        let complete = worth && aside.moved.len() == outputs.len() && !outputs.is_empty();
        if !complete {
            self.clear();
            return false;
        }
        for index in 0..outputs.len() {
            let (from, to) = (self.place("aside", index), self.place("before", index));
            if fs::rename(&from, &to).is_err() {
                self.clear();
                return false;
            }
        }
        true
    }

    /// Puts the previous generation at the outputs of `stamp`, which it belongs to, after checking every byte; what
    /// lies there now is moved aside. `None` if it is not all there any more.
    pub(crate) fn restore(&self, stamp: &Stamp, files: &Files) -> Option<Aside> {
        for (index, output) in stamp.outputs.iter().enumerate() {
            let kept = self.place("before", index);
            let meta = fs::symlink_metadata(&kept).ok().filter(fs::Metadata::is_file)?;
            let executable = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o111 != 0;
            if executable != output.executable || disk::hash(&kept).ok()? != files.blob(output.content) {
                return None;
            }
        }
        let outputs: Vec<PathBuf> = stamp.outputs.iter().map(|output| files.abs(output.path)).collect();
        let aside = self.set_aside(&outputs).ok()?;
        for (index, output) in outputs.iter().enumerate() {
            let placed = output.parent().is_none_or(|dir| fs::create_dir_all(dir).is_ok())
                && fs::rename(self.place("before", index), output).is_ok();
            if !placed {
                aside.put_back();
                return None;
            }
        }
        Some(aside)
    }

    /// Drops everything that is kept for the action.
    pub(crate) fn clear(&self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

impl Aside {
    /// Whether nothing was there.
    pub(crate) fn is_empty(&self) -> bool {
        self.moved.is_empty()
    }

    /// After failure: what was there before is there again.
    pub(crate) fn put_back(self) {
        for (output, aside) in self.moved {
            let _ = fs::rename(aside, output);
        }
    }
}
