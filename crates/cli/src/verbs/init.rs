//! `rekindle init`: a manifest for the sources that lie here. It is a beginning that builds; a person goes on from it.

use rekindle_frontend::init::manifest_for;

use crate::failure::Failure;
use crate::place::MANIFEST;
use crate::settings::Settings;
use crate::writers::atomic;

/// Writes the manifest into the directory; with `--dry-run`, shows it.
pub(super) fn init(settings: &Settings) -> Result<(), Failure> {
    let dir = &settings.directory;
    let file = dir.join(MANIFEST);
    if file.symlink_metadata().is_ok() {
        return Err(
            Failure::input(format!("`{}` is there already", file.display())).hint("nothing was changed")
        );
    }
    let text = manifest_for(dir)?;
    if settings.dry_run {
        return super::answer(text);
    }
    atomic::write(&file, text.as_bytes())?;
    super::answer(format!("wrote {}\n", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Common;
    use crate::environment::Environment;

    #[test]
    fn a_manifest_that_is_there_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let text = b"[project]\nname = \"x\"\n";
        atomic::write(&dir.path().join(MANIFEST), text).unwrap();
        let environment = Environment { directory: dir.path().into(), cores: 1, ..Environment::default() };
        let settings = Settings::new(&Common::default(), &environment).unwrap();
        let failure = init(&settings).unwrap_err();
        let shown = failure.text().replace(&*dir.path().to_string_lossy(), "DIR");
        insta::assert_snapshot!(shown, @"
        rekindle: `DIR/rekindle.toml` is there already
          hint: nothing was changed
        ");
        assert_eq!(failure.code(), 2);
        assert_eq!(std::fs::read(dir.path().join(MANIFEST)).unwrap(), text);
    }
}
