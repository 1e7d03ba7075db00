//! One build at a time in a build directory: a lock that says who holds it, and one that the commands of a build
//! hold, so that a build which follows a killed one waits for what that one left running.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{At, Error};

/// The lock of a build directory, held until it is dropped. The kernel drops it with the process, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    running: Running,
}

/// The lock that running commands inherit.
#[derive(Debug)]
struct Running {
    file: File,
    path: PathBuf,
}

/// What a build that has to wait is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Another build works in the directory.
    ForBuild {
        /// What it wrote about itself: process number and command.
        holder: String,
    },
    /// Commands of a build that was killed still run.
    ForOrphans,
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).at("open", path)
}

impl Lock {
    /// Takes the lock of the build directory `dir`. `holder` is what others are told about us; `waiting` is called
    /// once for each thing that has to be waited for.
    ///
    /// # Errors
    /// A lock file cannot be made or locked.
    pub fn take(dir: &Path, holder: &str, mut waiting: impl FnMut(Waiting)) -> Result<Self, Error> {
        let path = dir.join("lock");
        let mut file = open(&path)?;
        if !try_lock(&file, &path)? {
            let mut text = String::new();
            let _ = file.read_to_string(&mut text);
            let holder = text.lines().next().unwrap_or_default().trim().to_string();
            waiting(Waiting::ForBuild { holder });
            file.lock().at("lock", &path)?;
        }
        file.set_len(0).at("write", &path)?;
        file.rewind().at("write", &path)?;
        file.write_all(format!("{holder}\n").as_bytes()).at("write", &path)?;
        let path = dir.join("running");
        let running = Running { file: open(&path)?, path };
        if !try_lock(&running.file, &running.path)? {
            waiting(Waiting::ForOrphans);
            running.file.lock().at("lock", &running.path)?;
        }
        Ok(Self { _file: file, running })
    }

    /// The file that commands inherit, open and locked, for as long as they run.
    pub fn running(&self) -> &File {
        &self.running.file
    }
}

impl Drop for Lock {
    /// A build that ends in good order waits for its commands; whatever they left running (a daemon) is none of
    /// the next build's business, so the file that it holds is put away.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.running.path);
    }
}

fn try_lock(file: &File, path: &Path) -> Result<bool, Error> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(Error::Io { verb: "lock", path: path.to_path_buf(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn the_second_build_waits_and_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), "process 41", |_| panic!("nobody to wait for")).unwrap();
        let (tell, told) = mpsc::channel();
        let path = dir.path().to_path_buf();
        let second = thread::spawn(move || {
            Lock::take(&path, "process 42", |waiting| tell.send(waiting).unwrap()).map(drop)
        });
        let waiting = told.recv().unwrap();
        assert_eq!(waiting, Waiting::ForBuild { holder: "process 41".into() });
        drop(first);
        second.join().unwrap().unwrap();
    }

    #[test]
    fn a_build_waits_for_commands_that_a_killed_build_left_running() {
        let dir = tempfile::tempdir().unwrap();
        let orphan = open(&dir.path().join("running")).unwrap();
        orphan.lock().unwrap();
        let (tell, told) = mpsc::channel();
        let path = dir.path().to_path_buf();
        let build = thread::spawn(move || {
            Lock::take(&path, "process 42", |waiting| tell.send(waiting).unwrap()).map(drop)
        });
        assert_eq!(told.recv().unwrap(), Waiting::ForOrphans);
        drop(orphan);
        build.join().unwrap().unwrap();
    }

    #[test]
    fn what_a_build_that_ended_well_left_running_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), "process 41", |_| panic!("nobody to wait for")).unwrap();
        let daemon = first.running().try_clone().unwrap();
        drop(first);
        drop(Lock::take(dir.path(), "process 42", |_| panic!("nobody to wait for")).unwrap());
        drop(daemon);
    }
}
