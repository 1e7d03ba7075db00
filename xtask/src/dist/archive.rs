//! A folder as one compressed archive whose bytes depend on nothing but the folder's files: names in order, one time,
//! one owner. Its SHA-256 lies beside it as `sha256sum --check` reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packs the folder `name` of `place` into `NAME.tar.gz` in `out`, and writes `NAME.tar.gz.sha256`.
pub(super) fn write(place: &Path, name: &str, time: u64, out: &Path) -> Result<PathBuf, String> {
    let file = format!("{name}.tar.gz");
    let draft = place.join(&file);
    let trouble = |error: std::io::Error| format!("write {}: {error}", draft.display());
    let mut tar = Command::new("tar");
    tar.args(["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.arg(format!("--mtime=@{time}")).arg("-C").arg(place).arg(name).env("LC_ALL", "C");
    let mut tar = tar.stdout(Stdio::piped()).spawn().map_err(|error| format!("start tar: {error}"))?;
    let mut gzip = Command::new("gzip");
    gzip.args(["--best", "--no-name", "--stdout"]).env_remove("GZIP");
    gzip.stdin(tar.stdout.take().map_or_else(Stdio::null, Stdio::from));
    gzip.stdout(fs::File::create(&draft).map_err(trouble)?);
    let compressed = gzip.status().map_err(|error| format!("start gzip: {error}"))?;
    let packed = tar.wait().map_err(|error| format!("wait for tar: {error}"))?;
    if !compressed.success() || !packed.success() {
        return Err(format!("tar: {packed}, gzip: {compressed}"));
    }
    let sum = super::ask(Command::new("sha256sum").arg(&file).current_dir(place))?.stdout;
    let (path, sums) = (out.join(&file), out.join(format!("{file}.sha256")));
    super::write(&sums, &sum)?;
    fs::rename(&draft, &path).map_err(|error| format!("rename to {}: {error}", path.display()))?;
    Ok(path)
}
