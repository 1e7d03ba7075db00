//! What `MAKEFLAGS` says of a jobserver, and whether it can be used.
//!
//! The protocol is that of the GNU make manual, "Sharing Job Slots with GNU make" (POSIX jobserver):
//! `--jobserver-auth=R,W` names two inherited file descriptors of a pipe, `--jobserver-auth=fifo:PATH` (make 4.4) a
//! named one; make before 4.2 wrote `--jobserver-fds=R,W`. The last such option counts, and options end at a word
//! `--`, behind which variables follow.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};

/// Why the jobserver of a surrounding make is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// There is none: no make around us, or one without `-j`.
    NotOffered,
    /// make keeps it from recipes that it does not take for a make of their own.
    Withheld,
    /// A file descriptor that should have been inherited was not.
    NotInherited(i32),
    /// A file descriptor, or the file in its place, is no pipe, or not open in the right direction.
    NotAPipe(String),
    /// The option cannot be understood.
    Unclear(String),
    /// The pipe cannot be opened.
    NotOpened {
        /// Its name.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
}

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HINT: &str = "write `+` before the recipe's command so that make passes its jobserver on";
        match self {
            Self::NotOffered => write!(f, "no jobserver is offered"),
            Self::Withheld => write!(f, "make withholds its jobserver; {HINT}"),
            Self::NotInherited(fd) => {
                write!(f, "the jobserver's file descriptor {fd} was not passed on; {HINT}")
            }
            Self::NotAPipe(name) => write!(f, "the jobserver's `{name}` is no pipe that can be used"),
            Self::Unclear(option) => write!(f, "cannot understand the jobserver option `{option}`"),
            Self::NotOpened { path, why } => {
                write!(f, "cannot open the jobserver's pipe `{}`: {why}", path.display())
            }
        }
    }
}

/// A jobserver as `MAKEFLAGS` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Inherited file descriptors to read from and to write to.
    Pipe(i32, i32),
    /// A named pipe.
    Fifo(PathBuf),
}

/// The jobserver that `makeflags` names.
pub(crate) fn named(makeflags: &OsStr) -> Result<Named, Fallback> {
    let words = makeflags.as_bytes().split(u8::is_ascii_whitespace).take_while(|word| word != b"--");
    let value = |word: &[u8]| {
        let options: [&[u8]; 2] = [b"--jobserver-auth=", b"--jobserver-fds="];
        options.iter().find_map(|option| word.strip_prefix(*option).map(<[u8]>::to_vec))
    };
    let Some(value) = words.filter_map(value).last() else { return Err(Fallback::NotOffered) };
    if let Some(path) = value.strip_prefix(b"fifo:") {
        return Ok(Named::Fifo(PathBuf::from(OsString::from_vec(path.to_vec()))));
    }
    let unclear = || Fallback::Unclear(String::from_utf8_lossy(&value).into_owned());
    let text = std::str::from_utf8(&value).map_err(|_| unclear())?;
    let (read, write) = text.split_once(',').ok_or_else(unclear)?;
    let number = |text: &str| text.parse::<i32>().map_err(|_| unclear());
    match (number(read)?, number(write)?) {
        (read, write) if read < 0 || write < 0 => Err(Fallback::Withheld),
        (read, write) => Ok(Named::Pipe(read, write)),
    }
}

/// Opens the named jobserver's two ends for ourselves alone: reading does not block, and no child inherits them.
///
/// A pipe is opened once more through `/proc`, which needs no claim to file descriptors that this program did not
/// make, and gives a file description whose non-blocking mode is ours only.
pub(crate) fn open(named: &Named) -> Result<(OwnedFd, OwnedFd), Fallback> {
    match named {
        Named::Pipe(read, write) => {
            check_inherited(*read, OFlags::RDONLY)?;
            check_inherited(*write, OFlags::WRONLY)?;
            Ok((open_end(&of_fd(*read), OFlags::RDONLY)?, open_end(&of_fd(*write), OFlags::WRONLY)?))
        }
        Named::Fifo(path) => {
            // Opened for both, so that it neither waits for a partner nor ever ends.
            Ok((open_end(path, OFlags::RDWR)?, open_end(path, OFlags::RDWR)?))
        }
    }
}

fn of_fd(fd: i32) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{fd}"))
}

/// Opens one end of a pipe anew, without blocking and closed on exec.
pub(crate) fn open_end(path: &Path, direction: OFlags) -> Result<OwnedFd, Fallback> {
    let not_opened = |error: rustix::io::Errno| Fallback::NotOpened {
        path: path.to_path_buf(),
        why: io::Error::from(error).to_string(),
    };
    let flags = direction | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let end = rustix::fs::open(path, flags, Mode::empty()).map_err(not_opened)?;
    let stat = rustix::fs::fstat(&end).map_err(not_opened)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => Ok(end),
        _ => Err(Fallback::NotAPipe(path.display().to_string())),
    }
}

/// Checks that `fd` is open, came through `exec` (one of our own making would close on exec), and is open in the
/// given direction. The format is that of `/proc/PID/fdinfo` in proc(5): `flags:` and an octal number.
fn check_inherited(fd: i32, direction: OFlags) -> Result<(), Fallback> {
    let info =
        fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).map_err(|_| Fallback::NotInherited(fd))?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    let flags = OFlags::from_bits_retain(flags.ok_or(Fallback::NotInherited(fd))?);
    if flags.contains(OFlags::CLOEXEC) {
        return Err(Fallback::NotInherited(fd));
    }
    let mode = flags & OFlags::RWMODE;
    if mode != direction && mode != OFlags::RDWR {
        return Err(Fallback::NotAPipe(format!("file descriptor {fd}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn the_last_option_before_the_variables_counts() {
        let cases = [
            ("", Err(Fallback::NotOffered)),
            (" -j2", Err(Fallback::NotOffered)),
            (" -j2 --jobserver-auth=3,4", Ok(Named::Pipe(3, 4))),
            ("k --jobserver-fds=5,6 -j", Ok(Named::Pipe(5, 6))),
            (" --jobserver-auth=3,4 --jobserver-auth=7,8 -- A=--jobserver-auth=1,2", Ok(Named::Pipe(7, 8))),
            (" -j --jobserver-auth=fifo:/tmp/GMfifo1", Ok(Named::Fifo("/tmp/GMfifo1".into()))),
            (" -j --jobserver-auth=-2,-2", Err(Fallback::Withheld)),
            (" -j --jobserver-auth=3;4", Err(Fallback::Unclear("3;4".into()))),
            (" -j --jobserver-auth=3,x", Err(Fallback::Unclear("3,x".into()))),
        ];
        for (makeflags, expected) in cases {
            assert_eq!(named(OsStr::new(makeflags)), expected, "{makeflags}");
        }
    }

    #[test]
    fn a_descriptor_that_we_opened_ourselves_is_not_mistaken_for_an_inherited_one() {
        let (reader, writer) = io::pipe().unwrap();
        let ours = Named::Pipe(reader.as_raw_fd(), writer.as_raw_fd());
        assert_eq!(open(&ours).unwrap_err(), Fallback::NotInherited(reader.as_raw_fd()));
        crate::inherit(&reader).unwrap();
        crate::inherit(&writer).unwrap();
        open(&ours).unwrap();
        let swapped = Named::Pipe(writer.as_raw_fd(), reader.as_raw_fd());
        let name = format!("file descriptor {}", writer.as_raw_fd());
        assert_eq!(open(&swapped).unwrap_err(), Fallback::NotAPipe(name));
    }

    #[test]
    fn a_closed_descriptor_or_a_file_is_no_jobserver() {
        assert_eq!(open(&Named::Pipe(987, 988)).unwrap_err(), Fallback::NotInherited(987));
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_path_buf();
        assert_eq!(
            open(&Named::Fifo(path.clone())).unwrap_err(),
            Fallback::NotAPipe(path.display().to_string())
        );
    }

    #[test]
    fn each_fallback_says_what_to_do_about_it() {
        let all = [
            Fallback::NotOffered,
            Fallback::Withheld,
            Fallback::NotInherited(3),
            Fallback::NotAPipe("file descriptor 3".into()),
            Fallback::Unclear("3;4".into()),
            Fallback::NotOpened {
                path: "/tmp/x".into(),
                why: "No such file or directory (os error 2)".into(),
            },
        ];
        let said: Vec<String> = all.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        no jobserver is offered
        make withholds its jobserver; write `+` before the recipe's command so that make passes its jobserver on
        the jobserver's file descriptor 3 was not passed on; write `+` before the recipe's command so that make passes its jobserver on
        the jobserver's `file descriptor 3` is no pipe that can be used
        cannot understand the jobserver option `3;4`
        cannot open the jobserver's pipe `/tmp/x`: No such file or directory (os error 2)
        ");
    }
}
