//! The mark of a store. A directory that holds something else is not taken: in a store, files are removed.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::error::{At, Error};

/// The mark of this format. Backup tools know the first line (<https://bford.info/cachedir/>).
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory is a store of rekindle; backups may leave it out.\n\
    # store format 2\n";

/// The mark of the format before this one.
const OLDER: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory is a store of rekindle; backups may leave it out.\n\
    # store format 1\n";

/// Its name. What is being written starts with it too.
const NAME: &str = "CACHEDIR.TAG";

/// The line before the number of the format.
const FORMAT: &str = "\n# store format ";

/// What the mark of a directory says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is a store of this format.
    Own,
    /// It is a store of the format before this one.
    Older,
    /// It is none.
    None,
}

/// Marks the directory at `path` as a store of this format, unless it is one. A store of an older format is marked anew;
/// what it holds lies in a directory of its own, which this format does not look at. If it cannot be marked anew, it
/// stays what it is, and has nothing in it for us.
///
/// # Errors
/// It holds something else, a newer rekindle made it, or it cannot be written.
pub(crate) fn mark(path: &Path) -> Result<(), Error> {
    match read(path)? {
        Mark::Own => return Ok(()),
        Mark::Older => return renew(path).at("mark", path),
        Mark::None => {}
    }
    for entry in fs::read_dir(path).at("list", path)? {
        let name = entry.at("list", path)?.file_name();
        let begun = name.to_str().is_some_and(|name| name.starts_with(NAME) && name.len() > NAME.len());
        if begun {
            continue;
        }
        // Another process may have marked it and gone ahead since we looked.
        if read(path)? != Mark::None {
            return Ok(());
        }
        let found = name.to_string_lossy().into_owned();
        return Err(Error::Foreign { path: path.to_path_buf(), found });
    }
    write(path).at("mark", path)
}

/// Marks a store of an older format anew, if that is allowed.
fn renew(path: &Path) -> io::Result<()> {
    write(path).or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Ok(()),
        _ => Err(error),
    })
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix("CACHEDIR.TAG.")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(path)?;
    file.write_all(TAG.as_bytes())?;
    // Without its mark a store is foreign for ever, so this one file must outlive a crash of the machine.
    file.as_file().sync_all()?;
    file.persist(path.join(NAME))?;
    Ok(())
}

/// What the mark of the directory at `path` says.
///
/// # Errors
/// A newer rekindle made the store.
pub(crate) fn read(path: &Path) -> Result<Mark, Error> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let Ok(file) = rustix::fs::open(path.join(NAME), flags, Mode::empty()) else { return Ok(Mark::None) };
    let mut text = Vec::new();
    let read = fs::File::from(file).take(4096).read_to_end(&mut text);
    if read.is_err() {
        return Ok(Mark::None);
    }
    if text == TAG.as_bytes() {
        return Ok(Mark::Own);
    }
    if text == OLDER.as_bytes() {
        return Ok(Mark::Older);
    }
    let text = String::from_utf8_lossy(&text);
    let format = text.split_once(FORMAT).and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    match format {
        Some(format) if format > 2 => Err(Error::Newer { path: path.to_path_buf(), format }),
        _ => Ok(Mark::None),
    }
}
