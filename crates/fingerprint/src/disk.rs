//! The only file of this crate that touches the disk: it stats, reads and lists, and never writes.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags, RawDir};

use crate::digest::{Blob, Digest};
use crate::signature::{FileTime, Signature};

/// Files of at least this size are hashed on all cores, by BLAKE3's own parallel mode.
const LARGE: u64 = 4 << 20;

/// What lies at a path, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Nothing, or a link that leads nowhere.
    Absent,
    /// A directory.
    Directory(Signature),
    /// A file of any other kind, and the device that it is on.
    File(Signature, u64),
}

fn signature_of(meta: &fs::Metadata) -> Signature {
    let time = |seconds: i64, nanoseconds: i64| {
        FileTime(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    };
    Signature {
        size: meta.size(),
        mtime: time(meta.mtime(), meta.mtime_nsec()),
        ctime: time(meta.ctime(), meta.ctime_nsec()),
        inode: meta.ino(),
        mode: meta.mode(),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Linux's number of the device that is `/dev/null`.
const NULL: u64 = 0x103;

/// Stats `path`, following links. Only a regular file is one, and `/dev/null`: reading anything else may never end.
///
/// # Errors
/// Whatever the system says, but that nothing is there; and that something is there that is neither file nor directory.
pub fn stat(path: &Path) -> io::Result<Entry> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(Entry::Directory(signature_of(&meta))),
        Ok(meta) if meta.is_file() || meta.rdev() == NULL => Ok(Entry::File(signature_of(&meta), meta.dev())),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a directory")),
        Err(error) if is_absence(&error) => Ok(Entry::Absent),
        Err(error) => Err(error),
    }
}

/// The same, of what the system has said already.
pub(crate) fn entry_of(said: io::Result<rustix::fs::Stat>) -> io::Result<Entry> {
    let stat = match said {
        Ok(stat) => stat,
        Err(error) if is_absence(&error) => return Ok(Entry::Absent),
        Err(error) => return Err(error),
    };
    let time = |seconds: i64, nanoseconds: u64| {
        FileTime(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.cast_signed()))
    };
    let signature = Signature {
        size: stat.st_size.cast_unsigned(),
        mtime: time(stat.st_mtime, stat.st_mtime_nsec),
        ctime: time(stat.st_ctime, stat.st_ctime_nsec),
        inode: stat.st_ino,
        mode: stat.st_mode,
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Ok(Entry::Directory(signature)),
        FileType::RegularFile => Ok(Entry::File(signature, stat.st_dev)),
        _ if stat.st_rdev == NULL => Ok(Entry::File(signature, stat.st_dev)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a directory")),
    }
}

/// What the last component of a path is, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// The device that it is on.
    pub device: u64,
    /// When it was last changed, if it is a symbolic link.
    pub link: Option<FileTime>,
}

/// Stats `path`, and does not follow its last component.
///
/// # Errors
/// Whatever the system says.
pub fn own(path: &Path) -> io::Result<Own> {
    let meta = fs::symlink_metadata(path)?;
    Ok(Own { device: meta.dev(), link: meta.is_symlink().then(|| signature_of(&meta).ctime) })
}

/// Whether `path` itself is a symbolic link.
pub fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

/// What is one and the same directory under all its names: its device and inode; `None` if there is no directory.
pub fn directory_identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().filter(fs::Metadata::is_dir).map(|meta| (meta.dev(), meta.ino()))
}

/// The device that the file at `path` is on; `None` if nothing is there.
pub fn device(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|meta| meta.dev())
}

/// Where the symbolic link at `path` points; `None` if it is no link.
pub fn link_target(path: &Path) -> Option<PathBuf> {
    fs::read_link(path).ok()
}

/// The signature of the regular file at `path` if this process may execute it; `None` otherwise.
pub fn runnable(path: &Path) -> Option<Signature> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    rustix::fs::access(path, Access::EXEC_OK).ok()?;
    Some(signature_of(&meta))
}

/// Opens a file to read all of it. What is neither that nor a directory is refused, as by [`stat`].
fn open(path: &Path) -> io::Result<(File, fs::Metadata)> {
    // A pipe that nobody writes to is opened at once, and refused.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let meta = file.metadata()?;
    if meta.is_file() || meta.is_dir() || meta.rdev() == NULL {
        return Ok((file, meta));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a directory"))
}

/// Reads and digests a file. The size is that of what was read, not what `stat` said.
///
/// # Errors
/// Whatever the system says.
pub fn hash(path: &Path) -> io::Result<Blob> {
    let (mut file, meta) = open(path)?;
    let expected = meta.len();
    let mut hasher = blake3::Hasher::new();
    if expected >= LARGE {
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = read_full(&mut file, &mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update_rayon(&buffer[..count]);
        }
    } else {
        let mut buffer = [0; 64 << 10];
        loop {
            let count = read_full(&mut file, &mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
        }
    }
    Ok(Blob { digest: Digest(*hasher.finalize().as_bytes()), size: hasher.count() })
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads a whole file.
///
/// # Errors
/// Whatever the system says.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the file at `path` starts with these bytes; not if it cannot be read.
pub fn starts_with(path: &Path, bytes: &[u8]) -> bool {
    let mut start = vec![0; bytes.len()];
    open(path).and_then(|(mut file, _)| file.read_exact(&mut start)).is_ok() && start == bytes
}

/// The names in a directory, sorted; none for a directory that is absent or no directory.
///
/// # Errors
/// Whatever else the system says.
pub fn list(path: &Path) -> io::Result<Vec<OsString>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = entries.map(|entry| entry.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The name, any bytes.
    pub name: OsString,
    /// What it is, links not followed.
    pub kind: NameKind,
}

/// What a name in a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device: reading it may never end.
    Other,
}

/// The names in a directory and what they are, sorted; none for a directory that is absent or no directory.
///
/// # Errors
/// Whatever else the system says.
pub fn names(path: &Path) -> io::Result<Vec<Name>> {
    names_signed(path).0
}

/// The same, and the signature that the directory had before it was listed; `None` if there is none.
///
/// # Errors
/// As [`names`].
pub fn names_signed(path: &Path) -> (io::Result<Vec<Name>>, Option<Signature>) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let directory = match rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from) {
        Ok(directory) => directory,
        Err(error) if is_absence(&error) => return (Ok(Vec::new()), None),
        Err(error) => return (Err(error), directory_signature(path)),
    };
    let signature = match entry_of(rustix::fs::fstat(&directory).map_err(Into::into)) {
        Ok(Entry::Directory(signature)) => Some(signature),
        _ => None,
    };
    (names_in(&directory), signature)
}

/// How many bytes of a listing are read at once.
const LISTED: usize = 32 << 10;

fn names_in(directory: &OwnedFd) -> io::Result<Vec<Name>> {
    let mut buffer = Vec::with_capacity(LISTED);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not tell it here. What is gone meanwhile was there when it was listed.
            FileType::Unknown => rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            kind => kind,
        };
        let kind = match kind {
            FileType::Directory => NameKind::Directory,
            FileType::Symlink => NameKind::Link,
            FileType::RegularFile | FileType::Unknown => NameKind::File,
            _ => NameKind::Other,
        };
        names.push(Name { name: OsStr::from_bytes(name.to_bytes()).to_os_string(), kind });
    }
    names.sort_unstable();
    Ok(names)
}

/// The signature of the directory at `path`; `None` if there is none.
pub fn directory_signature(path: &Path) -> Option<Signature> {
    fs::metadata(path).ok().filter(fs::Metadata::is_dir).map(|meta| signature_of(&meta))
}

/// `path` without links in it.
///
/// # Errors
/// Whatever the system says; also that nothing is there.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::CWD;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_large_file_has_the_same_digest_as_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        let bytes: Vec<u8> = (0..LARGE + 12345).map(|i| (i % 251) as u8).collect();
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        fs::write(&path, &bytes).unwrap();
        assert_eq!(hash(&path).unwrap(), Blob::of(&bytes));
    }

    #[test]
    fn a_dangling_link_and_a_path_through_a_file_are_absent() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        symlink("nowhere", &link).unwrap();
        assert_eq!(stat(&link).unwrap(), Entry::Absent);
        assert_eq!(stat(&link.join("below")).unwrap(), Entry::Absent);
        symlink("loop", dir.path().join("loop")).unwrap();
        assert_eq!(stat(&dir.path().join("loop")).unwrap(), Entry::Absent);
    }

    #[test]
    fn what_may_never_end_is_not_taken_for_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for path in [&dir.path().join("socket"), Path::new("/dev/zero"), &pipe] {
            assert_eq!(stat(path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
        for path in [Path::new("/dev/zero"), &pipe] {
            assert_eq!(hash(path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            assert_eq!(read(path).unwrap_err().kind(), io::ErrorKind::InvalidInput);
            assert!(!starts_with(path, b"\0"));
        }
        let null = Path::new("/dev/null");
        assert!(matches!(stat(null), Ok(Entry::File(..))));
        assert_eq!((hash(null).unwrap(), read(null).unwrap()), (Blob::of(b""), Vec::new()));
        assert_eq!(read(dir.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn a_listing_names_everything_that_is_there_and_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path();
        // More than one buffer of them.
        for number in 0..2000 {
            fs::write(base.join(format!("a-file-with-some-name-{number:04}")), "").unwrap();
        }
        fs::create_dir(base.join("directory")).unwrap();
        symlink("directory", base.join("link")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(base.join("socket")).unwrap();
        let before = directory_signature(base);
        let (names, signature) = names_signed(base);
        let names = names.unwrap();
        assert_eq!(signature, before);
        assert!(names.is_sorted());
        assert_eq!(names.iter().map(|name| name.name.clone()).collect::<Vec<_>>(), list(base).unwrap());
        let last: Vec<_> = names[2000..].iter().map(|n| (n.name.to_str().unwrap(), n.kind)).collect();
        let kinds = [NameKind::Directory, NameKind::Link, NameKind::Other];
        assert_eq!(last, ["directory", "link", "socket"].into_iter().zip(kinds).collect::<Vec<_>>());
        assert!(names[..2000].iter().all(|name| name.kind == NameKind::File));
        for absent in ["nothing", "socket"] {
            let (names, signature) = names_signed(&base.join(absent));
            assert_eq!((names.unwrap(), signature), (Vec::new(), None));
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn only_a_regular_file_that_may_be_executed_is_runnable() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tool");
        assert_eq!(runnable(&path), None);
        fs::write(&path, "").unwrap();
        for (mode, runs) in [(0o644, false), (0o755, true), (0o700, true), (0o600, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let found = runnable(&path);
            assert_eq!(found.is_some(), runs, "{mode:o}");
            assert!(found.is_none_or(|found| found.mode & 0o777 == mode));
        }
        assert_eq!(runnable(dir.path()), None);
        symlink("tool", dir.path().join("link")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(runnable(&dir.path().join("link")).is_some());
    }

    #[test]
    fn links_are_told_from_what_they_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
        fs::create_dir_all(base.join("real")).unwrap();
        symlink("real", base.join("way")).unwrap();
        assert_eq!(own(&base.join("real")).unwrap().link, None);
        assert!(own(&base.join("way")).unwrap().link.is_some());
        assert!(own(&base.join("nowhere")).is_err());
    }
}
