//! Everything that lies in a store: counted, and checked.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::Digest;
use rustix::fs::{AtFlags, Dir, Mode, Stat, openat, statat};
use rustix::io::Errno;

use super::account::space;
use super::blob::{NOT_ITS_NAME, UNREADABLE, pieces};
use super::files::{DIRECTORY, Look, is_file};
use super::layout::{self, Kind, Name};
use super::{Disk, NO_SENSE, payload};
use crate::build::Build;
use crate::error::{At, Error};
use crate::result::Entry;

/// How many files, and the bytes that they take: each counts as whole blocks of 4 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Count {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// What is in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Contents of files.
    pub blobs: Count,
    /// What is known of actions.
    pub results: Count,
    /// Input sets.
    pub sets: Count,
    /// Answers that toolchains gave.
    pub notes: Count,
    /// Records of builds.
    pub builds: Count,
    /// What was set aside because it was damaged.
    pub damaged: Count,
    /// How much it may take.
    pub limit: u64,
}

impl Stats {
    /// All of it.
    pub fn total(&self) -> Count {
        let mut total = Count::default();
        for count in [self.blobs, self.results, self.sets, self.notes, self.builds, self.damaged] {
            total.files += count.files;
            total.bytes = total.bytes.saturating_add(count.bytes);
        }
        total
    }

    pub(crate) fn of(&mut self, kind: Kind) -> &mut Count {
        match kind {
            Kind::Result => &mut self.results,
            Kind::Set => &mut self.sets,
            Kind::Note => &mut self.notes,
            Kind::Blob => &mut self.blobs,
            Kind::Build => &mut self.builds,
        }
    }
}

/// A file that is not what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it lay.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: &'static str,
}

/// What a check of every file came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files that were read.
    pub checked: Count,
    /// What is not as it should be, and, if the store can be written, is set aside.
    pub damaged: Vec<Damage>,
}

/// What a walk comes upon.
pub(crate) enum Step<'a> {
    /// A file with a name of the store's.
    File { name: Name, dir: &'a OwnedFd },
    /// Something else.
    Stray { path: PathBuf, dir: &'a OwnedFd, name: &'a OsStr },
    /// All of the sets under a key were named.
    Key { key: Digest, dir: &'a OwnedFd },
}

impl Disk {
    /// Counts what is there.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn stats(&self) -> Result<Stats, Error> {
        let stats = self.count()?;
        self.account_for(stats.total().bytes);
        Ok(stats)
    }

    fn count(&self) -> Result<Stats, Error> {
        let mut stats = Stats { limit: self.limit, ..Stats::default() };
        for kind in Kind::ALL {
            self.walk(kind, &mut |step| {
                if let Step::File { name, dir } = step
                    && let Some(size) = size_in(dir, &name)
                {
                    stats.of(kind).add(space(size));
                }
            })?;
        }
        stats.damaged = self.count_damaged();
        Ok(stats)
    }

    /// Reads every file and checks it. What is damaged is set aside.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn verify(&self) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        for kind in Kind::ALL {
            self.walk(kind, &mut |step| match step {
                Step::File { name, .. } => match self.verify_file(&name) {
                    Ok(Some(size)) => verified.checked.add(space(size)),
                    Ok(None) => {}
                    Err(what) => verified.damaged.push(Damage { path: self.path_of(&name), what }),
                },
                Step::Stray { path, dir, name } => {
                    self.move_aside(kind, dir, name);
                    verified.damaged.push(Damage { path, what: "it is no file of the store" });
                }
                Step::Key { .. } => {}
            })?;
        }
        Ok(verified)
    }

    /// The size of a file that is as it should be; none if it is gone.
    fn verify_file(&self, name: &Name) -> Result<Option<u64>, &'static str> {
        let mut found = match self.look(name) {
            Ok(Look::Absent) => return Ok(None),
            Ok(Look::File(found)) => found,
            Ok(Look::Wrong(what)) => {
                self.damaged(name, None, what);
                return Err(what);
            }
            Err(_) => return Err(UNREADABLE),
        };
        let size = found.size();
        let checked = if name.kind == Kind::Blob {
            match pieces(&mut found.file, size, |_| Ok(())) {
                Ok(digest) if digest == name.id => Ok(()),
                Ok(_) => Err(NOT_ITS_NAME),
                Err(_) => Err(UNREADABLE),
            }
        } else {
            payload(name, &mut found).and_then(|payload| match (name.kind, name.set) {
                (Kind::Result, _) => Entry::decode(&payload).map(drop).map_err(|_| NO_SENSE),
                (Kind::Build, _) => match Build::decode(&payload) {
                    Ok(build) if build.name() == name.id => Ok(()),
                    _ => Err(NO_SENSE),
                },
                (_, Some(set)) if Digest::of(&payload) != set => Err(NOT_ITS_NAME),
                _ => Ok(()),
            })
        };
        checked.map(|()| Some(size)).inspect_err(|what| {
            self.damaged(name, Some(&found.stat), what);
        })
    }

    pub(crate) fn count_damaged(&self) -> Count {
        let mut count = Count::default();
        for entry in std::fs::read_dir(self.inner.join("damaged")).into_iter().flatten().flatten() {
            count.add(entry.metadata().map_or(0, |data| space(data.len())));
        }
        count
    }

    /// Goes through everything of a kind.
    pub(crate) fn walk(&self, kind: Kind, each: &mut dyn FnMut(Step<'_>)) -> Result<(), Error> {
        let Some(dir) = self.dir(kind) else { return Ok(()) };
        let top = self.inner.join(kind.dir());
        let is_shard = |name: &str| {
            name.len() == 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        directories(dir, &top, &is_shard, each, &mut |shard, dir, path, each| {
            let is_here = |name: &str| name.starts_with(shard) && layout::digest(name.as_bytes()).is_some();
            if kind != Kind::Set {
                return files(dir, path, each, |id| {
                    is_here(id).then(|| layout::digest(id.as_bytes()))?.map(|id| Name::of(kind, id))
                });
            }
            directories(dir, path, &is_here, each, &mut |key, dir, path, each| {
                let Some(key) = layout::digest(key.as_bytes()) else { return Ok(()) };
                files(dir, path, each, |set| layout::digest(set.as_bytes()).map(|set| Name::set(key, set)))?;
                each(Step::Key { key, dir });
                Ok(())
            })
        })
    }
}

type Each<'a> = dyn FnMut(Step<'_>) + 'a;
type Enter<'a> = dyn FnMut(&str, &OwnedFd, &Path, &mut Each<'_>) -> Result<(), Error> + 'a;

/// Enters the directories in `dir`, which lies at `path`, whose names are `fit`. Anything else is a stray.
fn directories(
    dir: &OwnedFd,
    path: &Path,
    fit: &dyn Fn(&str) -> bool,
    each: &mut Each<'_>,
    enter: &mut Enter<'_>,
) -> Result<(), Error> {
    for name in list(dir).at("list", path)? {
        let below = path.join(&name);
        let text = name.to_str().filter(|name| fit(name));
        let opened = text.ok_or(Errno::NOTDIR).and_then(|name| openat(dir, name, DIRECTORY, Mode::empty()));
        match opened {
            Ok(opened) => enter(text.unwrap_or_default(), &opened, &below, each)?,
            // It is gone by now.
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR | Errno::LOOP) => each(Step::Stray { path: below, dir, name: &name }),
            Err(error) => return Err(error.into()).at("open", &below),
        }
    }
    Ok(())
}

/// Tells of the files in `dir`, which lies at `path`.
fn files(
    dir: &OwnedFd,
    path: &Path,
    each: &mut Each<'_>,
    name_of: impl Fn(&str) -> Option<Name>,
) -> Result<(), Error> {
    for name in list(dir).at("list", path)? {
        match name.to_str().and_then(&name_of) {
            Some(name) => each(Step::File { name, dir }),
            None => each(Step::Stray { path: path.join(&name), dir, name: &name }),
        }
    }
    Ok(())
}

/// What the system says of a file in its directory; none if it is gone or no file.
pub(crate) fn stat_in(dir: &OwnedFd, name: &Name) -> Option<Stat> {
    statat(dir, name.file(), AtFlags::SYMLINK_NOFOLLOW).ok().filter(is_file)
}

fn size_in(dir: &OwnedFd, name: &Name) -> Option<u64> {
    stat_in(dir, name).and_then(|stat| u64::try_from(stat.st_size).ok())
}

/// The names in a directory, sorted.
fn list(dir: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    let entries = match Dir::read_from(dir) {
        Ok(entries) => entries,
        // It was removed since it was opened: a trim took it.
        Err(Errno::NOENT) => return Ok(names),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::NOENT) => break,
            Err(error) => return Err(error.into()),
        };
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            names.push(OsStr::from_bytes(name).to_os_string());
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_was_removed_since_it_was_opened_is_empty() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("gone");
        std::fs::create_dir(&path).unwrap();
        let dir = rustix::fs::open(&path, DIRECTORY, Mode::empty()).unwrap();
        std::fs::remove_dir(&path).unwrap();
        assert_eq!(list(&dir).unwrap(), Vec::<OsString>::new());
    }
}
