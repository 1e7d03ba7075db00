//! File descriptors that children get.

use std::os::fd::AsFd;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

use crate::error::Error;

/// Leaves `file` open in every child that is started from now on, under its number, for as long as `file` is open
/// here (its close-on-exec flag is cleared, once; no other thread's children can miss it or get it twice).
///
/// A locked file that is passed on so stays locked until the last child, and whatever it left behind, is gone, even
/// if this process is killed: keep in mind that a daemon which a child starts holds it too.
///
/// # Errors
/// [`Error::Setup`] if the system refuses.
pub fn inherit(file: impl AsFd) -> Result<(), Error> {
    let clear = || {
        let flags = fcntl_getfd(&file)?;
        fcntl_setfd(&file, flags - FdFlags::CLOEXEC)
    };
    clear().map_err(Error::setup("pass a file descriptor on"))
}
