//! A directory for the files that a reader is to read.

use std::cell::OnceCell;
use std::path::Path;

use tempfile::TempDir;

thread_local! {
    static PLACE: OnceCell<TempDir> = const { OnceCell::new() };
}

/// Gives `work` a directory of this thread; what `work` leaves there is there the next time.
pub fn with<T>(work: impl FnOnce(&Path) -> T) -> T {
    PLACE.with(|place| {
        let dir = place.get_or_init(|| tempfile::tempdir().expect("a temporary directory"));
        work(&dir.path().canonicalize().expect("its own spelling"))
    })
}
