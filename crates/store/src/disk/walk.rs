//! Everything that lies in a store: counted, and checked.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::digest::Digest;
use rustix::fs::{AtFlags, Dir, Mode, Stat, openat, statat};
use rustix::io::Errno;

use super::account::space;
use super::files::{DIRECTORY, Look, is_file};
use super::layout::{self, Kind, Name, VERSION};
use super::{Disk, payload, pieces};
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
    /// What was set aside because it was damaged.
    pub damaged: Count,
    /// How much it may take.
    pub limit: u64,
}

impl Stats {
    /// All of it.
    pub fn total(&self) -> Count {
        let mut total = Count::default();
        for count in [self.blobs, self.results, self.sets, self.notes, self.damaged] {
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
    Stray { path: &'a Path },
    /// All of the sets under a key were named.
    Key { key: Digest, dir: &'a OwnedFd },
}

impl Disk {
    /// Counts what is there.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub fn stats(&self) -> Result<Stats, Error> {
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
            let mut strays = Vec::new();
            self.walk(kind, &mut |step| match step {
                Step::File { name, .. } => match self.verify_file(&name) {
                    Ok(Some(size)) => verified.checked.add(space(size)),
                    Ok(None) => {}
                    Err(what) => verified.damaged.push(Damage { path: self.path_of(&name), what }),
                },
                Step::Stray { path } => strays.push(path.to_path_buf()),
                Step::Key { .. } => {}
            })?;
            for path in strays {
                if let Some(dir) = self.dir(kind) {
                    self.move_aside(kind, dir, &path);
                }
                let path = self.place.join(VERSION).join(kind.dir()).join(path);
                verified.damaged.push(Damage { path, what: "it is no file of the store" });
            }
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
            Err(_) => return Err(super::UNREADABLE),
        };
        let size = found.size();
        let checked = if name.kind == Kind::Blob {
            match pieces(&mut found.file, size, |_| Ok(())) {
                Ok(digest) if digest == name.id => Ok(()),
                Ok(_) => Err(super::NOT_ITS_NAME),
                Err(_) => Err(super::UNREADABLE),
            }
        } else {
            payload(name, &mut found).and_then(|payload| match (name.kind, name.set) {
                (Kind::Result, _) => Entry::decode(&payload).map(drop).map_err(|_| super::NO_SENSE),
                (_, Some(set)) if Digest::of(&payload) != set => Err(super::NOT_ITS_NAME),
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
        for shard in list(dir).at("list", &top)? {
            let path = PathBuf::from(&shard);
            let shard_dir = is_shard(&shard).then(|| below(dir, &shard)).transpose().at("open", &top)?;
            let Some(shard_dir) = shard_dir.flatten() else {
                each(Step::Stray { path: &path });
                continue;
            };
            for file in list(&shard_dir).at("list", &top.join(&path))? {
                let path = path.join(&file);
                let id = layout::digest(file.as_bytes()).filter(|_| file.starts_with(&shard));
                match id {
                    None => each(Step::Stray { path: &path }),
                    Some(id) if kind != Kind::Set => {
                        each(Step::File { name: Name::of(kind, id), dir: &shard_dir });
                    }
                    Some(key) => match below(&shard_dir, &file).at("open", &top.join(&path))? {
                        None => each(Step::Stray { path: &path }),
                        Some(key_dir) => {
                            for file in list(&key_dir).at("list", &top.join(&path))? {
                                match layout::digest(file.as_bytes()) {
                                    Some(set) => {
                                        each(Step::File { name: Name::set(key, set), dir: &key_dir });
                                    }
                                    None => each(Step::Stray { path: &path.join(&file) }),
                                }
                            }
                            each(Step::Key { key, dir: &key_dir });
                        }
                    },
                }
            }
        }
        Ok(())
    }
}

fn is_shard(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What the system says of a file in its directory; none if it is gone or no file.
pub(crate) fn stat_in(dir: &OwnedFd, name: &Name) -> Option<Stat> {
    statat(dir, name.file(), AtFlags::SYMLINK_NOFOLLOW).ok().filter(is_file)
}

fn size_in(dir: &OwnedFd, name: &Name) -> Option<u64> {
    stat_in(dir, name).and_then(|stat| u64::try_from(stat.st_size).ok())
}

/// The directory `name`; none if it is something else.
fn below(dir: &OwnedFd, name: &str) -> io::Result<Option<OwnedFd>> {
    match openat(dir, name, DIRECTORY, Mode::empty()) {
        Ok(dir) => Ok(Some(dir)),
        Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The names in a directory, sorted. One that is not UTF-8 is nobody's, and shown as well as can be.
fn list(dir: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
