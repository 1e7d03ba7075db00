//! One build at a time in a build directory: a lock that says who holds it, and one that the commands of a build
//! hold, so that a build which follows a killed one waits for what that one left running.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{At, Error};

/// The lock of a build directory, held until it is dropped. The kernel drops it with the process, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    /// Where the lock is that running commands inherit.
    path: PathBuf,
    /// That lock, if it was made or found.
    running: Option<File>,
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
        let line = format!("{holder}\n");
        file.write_all_at(line.as_bytes(), 0).at("write", &path)?;
        file.set_len(line.len() as u64).at("write", &path)?;
        let mut lock = Self { _file: file, path: dir.join("running"), running: None };
        lock.wait_for_orphans(waiting)?;
        Ok(lock)
    }

    /// Waits for what a build that was killed left running. Without the file there is nothing of the kind, and while
    /// we hold the directory's lock nobody else makes it.
    fn wait_for_orphans(&mut self, mut waiting: impl FnMut(Waiting)) -> Result<(), Error> {
        let running = match OpenOptions::new().read(true).write(true).open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.at("open", &self.path)?,
        };
        if !try_lock(&running, &self.path)? {
            waiting(Waiting::ForOrphans);
            running.lock().at("lock", &self.path)?;
        }
        self.running = Some(running);
        Ok(())
    }

    /// The file that commands inherit, open and locked, for as long as they run. It is made before the first of them
    /// starts.
    ///
    /// # Errors
    /// It cannot be made or locked.
    pub fn running(&mut self) -> Result<&File, Error> {
        let running = match self.running.take() {
            Some(running) => running,
            None => {
                let running = open(&self.path)?;
                running.lock().at("lock", &self.path)?;
                running
            }
        };
        Ok(self.running.insert(running))
    }
}

impl Drop for Lock {
    /// A build that ends in good order waits for its commands; whatever they left running (a daemon) is none of
    /// the next build's business, so the file that it holds is put away.
    fn drop(&mut self) {
        if self.running.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
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
        let mut first = Lock::take(dir.path(), "process 41", |_| panic!("nobody to wait for")).unwrap();
        let daemon = first.running().unwrap().try_clone().unwrap();
        drop(first);
        drop(Lock::take(dir.path(), "process 42", |_| panic!("nobody to wait for")).unwrap());
        drop(daemon);
    }

    #[test]
    fn the_file_that_commands_hold_is_there_and_locked_from_before_the_first_one_to_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("running");
        let mut lock = Lock::take(dir.path(), "process 41", |_| panic!("nobody to wait for")).unwrap();
        assert!(!path.exists());
        lock.running().unwrap();
        lock.running().unwrap();
        assert!(!try_lock(&open(&path).unwrap(), &path).unwrap());
        drop(lock);
        assert!(!path.exists());
        // One that a killed build left is put away, too.
        drop(open(&path).unwrap());
        drop(Lock::take(dir.path(), "process 42", |_| panic!("nobody to wait for")).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_shorter_holder_leaves_nothing_of_a_longer_one() {
        let dir = tempfile::tempdir().unwrap();
        for holder in ["process 12345", "process 6"] {
            drop(Lock::take(dir.path(), holder, |_| panic!("nobody to wait for")).unwrap());
            assert_eq!(std::fs::read_to_string(dir.path().join("lock")).unwrap(), format!("{holder}\n"));
        }
    }
}
