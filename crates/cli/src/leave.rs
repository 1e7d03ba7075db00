//! At its end a process does not put back piece by piece what the kernel takes back at once.
//!
//! Only memory is left lying. What has an effect when it is dropped is dropped: the lock of the build directory and the
//! file that commands hold, the account of the store. The reporter, the signal handler and the children belong to
//! [`crate::app::App`], which is dropped as ever.

use crate::session::Session;

/// Ends a session that is followed by the end of the process.
pub(crate) fn leave(session: Session) {
    let Session { place, project, files, dir, lowered, .. } = session;
    dir.leave();
    std::mem::forget((place, project, files, lowered));
}
