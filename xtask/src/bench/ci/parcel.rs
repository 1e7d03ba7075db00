//! What goes from one runner to the other: one file, made by `tar --zstd`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::runner::Runner;
use crate::bench::measure::{self, Line};

/// What of a build directory belongs to one machine; the action that saves leaves it out too.
pub(crate) const BUILD_LOCAL: [&str; 6] =
    ["./*/tmp", "./*/kept", "./*/snapshots", "./*/lock", "./*/running", "./*/marker"];
/// The same of a store.
pub(crate) const STORE_LOCAL: [&str; 4] = ["./v*/tmp", "./v*/damaged", "./v*/usage", "./v*/lock"];

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    /// Where it lies.
    pub(crate) file: PathBuf,
    /// How large it is.
    pub(crate) bytes: u64,
    /// How long it took to make, in milliseconds.
    pub(crate) saving: f64,
}

/// Packs these names of a folder; `before` is what was spent until then.
pub(crate) fn pack(
    runner: &Runner,
    folder: &Path,
    names: &[&str],
    without: &[&str],
    file: &Path,
    scratch: &Path,
) -> Result<Parcel, String> {
    let mut words: Vec<OsString> =
        ["tar", "--zstd", "--anchored", "--no-wildcards-match-slash"].map(OsString::from).into();
    words.extend(without.iter().map(|name| format!("--exclude={name}").into()));
    words.extend([OsString::from("-cf"), file.into(), "-C".into(), folder.into()]);
    words.extend(names.iter().map(OsString::from));
    let run = measure::run(&runner.line(words, Vec::new()), scratch)?;
    Ok(Parcel { file: file.to_path_buf(), bytes: size(file)?, saving: run.wall.as_secs_f64() * 1000.0 })
}

/// Unpacks it into a folder that is there.
pub(crate) fn unpack(runner: &Runner, file: &Path, folder: &Path) -> Result<Line, String> {
    fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    let words = vec!["tar".into(), "--zstd".into(), "-xf".into(), file.into(), "-C".into(), folder.into()];
    Ok(runner.line(words, Vec::new()))
}

/// The size of a file.
pub(crate) fn size(file: &Path) -> Result<u64, String> {
    let about = fs::metadata(file).map_err(|error| format!("stat {}: {error}", file.display()))?;
    Ok(about.len())
}
