//! `rekindle install`: build, then put programs, libraries and headers below a prefix.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;
use rekindle_frontend::load::Wanted;

use crate::app::{App, Ended};
use crate::args::InstallArgs;
use crate::failure::Failure;
use crate::session::Session;
use crate::writers::atomic;

/// Builds and installs.
pub(super) fn install(app: &mut App, args: &InstallArgs) -> Result<Ended, Failure> {
    let wanted =
        if args.targets.is_empty() { Wanted::Everything } else { Wanted::Names(args.targets.clone()) };
    let mut session = Session::open(app, wanted)?;
    let targets: Vec<_> =
        session.wanted().into_iter().filter(|target| !target.install.is_empty()).cloned().collect();
    if targets.is_empty() {
        let what = if args.targets.is_empty() {
            "the manifest installs nothing"
        } else {
            "none of these targets is installed"
        };
        return Err(Failure::input(what).hint("write `install = true` in the target's table of the manifest"));
    }
    let graph = &session.lowered.graph;
    let made = |path: &PathId| graph.producer(*path).is_some();
    let installed =
        targets.iter().flat_map(|target| target.install.iter().map(|(file, _)| *file)).filter(made);
    let outputs = targets.iter().flat_map(|target| target.outputs.clone()).chain(installed).collect();
    let ended = Ended::built(session.build_outputs(app, outputs)?);
    if !ended.is_ok() {
        return Ok(ended);
    }
    let prefix = staged(app.environment.get("DESTDIR"), &app.environment.directory.join(&args.prefix));
    for (file, place) in targets.iter().flat_map(|target| &target.install) {
        let to = prefix.join(place);
        if app.settings.dry_run {
            app.answer(line("would install", &to))?;
            continue;
        }
        // The links beside a shared library are ours; a link among the sources stands for what it leads to.
        let keep_links = session.files.root(*file) == Roots::BUILD;
        atomic::copy(&session.files.abs(*file), &to, keep_links)?;
        app.reporter.note(&format!("installed {}", to.display()));
    }
    Ok(ended)
}

fn line(words: &str, path: &Path) -> String {
    format!("{words} {}\n", path.display())
}

/// The prefix below `DESTDIR`, as the GNU coding standards have it: the text is put before the prefix.
fn staged(destdir: Option<&OsStr>, prefix: &Path) -> PathBuf {
    let Some(destdir) = destdir else { return prefix.to_path_buf() };
    let mut staged = OsString::from(destdir);
    staged.push(prefix);
    PathBuf::from(staged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destdir_is_put_before_the_prefix() {
        assert_eq!(staged(None, Path::new("/usr")), Path::new("/usr"));
        assert_eq!(staged(Some(OsStr::new("/tmp/stage")), Path::new("/usr")), Path::new("/tmp/stage/usr"));
        assert_eq!(staged(Some(OsStr::new("/tmp/stage/")), Path::new("/usr")), Path::new("/tmp/stage/usr"));
    }
}
