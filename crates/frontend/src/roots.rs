//! `[roots]`: directories that have a name, so that results do not depend on where they lie.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;

use crate::diagnostic::{Diagnostic, Diagnostics, Report};
use crate::manifest::Manifest;
use crate::project::{Project, is_plain_name};
use crate::reader::{Found, Reader};

/// Why a root cannot lie where another one does that has a name in every project.
const WHY: &str = "it has a name already, and under two names its files would not be recognised after a move";
const HINT: &str = "take the root out: results do not depend on where this directory lies";

/// The declared roots, canonical.
pub(crate) fn declared(
    manifest: &Manifest,
    dir: &Path,
    reader: &mut Reader,
    report: &mut Report,
) -> BTreeMap<String, PathBuf> {
    let mut roots = BTreeMap::new();
    for (name, place) in &manifest.roots {
        let taken = ["ws", "build", "outside", "home"].contains(&name.get_ref().as_str());
        if taken || !is_plain_name(name.get_ref()) || name.get_ref().contains('.') {
            let found = report.on(name, format!("`{name}` cannot be the name of a root"));
            report.push(
                found.hint("use letters, digits, `_` and `-`; `ws`, `build`, `outside` and `home` are taken"),
            );
        }
        let path = dir.join(place.get_ref());
        match reader.probe(&path).ok() {
            Some(Found::Directory) => match consult::canonical(&path) {
                Ok(path) if path == dir => {
                    let found = report.on(place, format!("the root `{name}` is the project's own directory"));
                    report.push(found.why(WHY).hint(HINT));
                }
                Ok(path) => drop(roots.insert(name.get_ref().clone(), path)),
                Err(error) => report.push(report.on(place, crate::load::plain(&error))),
            },
            _ => {
                let found = report.on(place, format!("there is no directory `{place}`"));
                report.push(found.hint("make it, or name one that is there"));
            }
        }
    }
    roots
}

impl Project {
    /// Checks that no declared root is the build directory `build`, canonical.
    ///
    /// # Errors
    /// One is.
    pub fn roots_are_not(&self, build: &Path) -> Result<(), Diagnostics> {
        let is_build = |name: &str| self.roots.get(name).is_some_and(|path| path == build);
        let found = self.manifest.roots.iter().find(|(name, _)| is_build(name.get_ref()));
        let Some((name, place)) = found else { return Ok(()) };
        let what = format!("the root `{name}` is the build directory");
        Err(Diagnostic::at(&self.source, &place.span(), what).why(WHY).hint(HINT).into())
    }
}
