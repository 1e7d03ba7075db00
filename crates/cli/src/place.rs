//! Where the project is: the directory that holds `rekindle.toml`, here or above, and where it is built.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::roots::{Root, Roots};
use rekindle_frontend::diagnostic::Diagnostic;
use rekindle_frontend::project::Project;

use crate::failure::{Failure, plain};
use crate::settings::Settings;

/// The name of a project's manifest.
pub(crate) const MANIFEST: &str = "rekindle.toml";

/// Where profiles are built, in the project.
const BUILD: &str = ".rekindle/build";

/// A project and where it is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The project's directory, canonical.
    pub(crate) workspace: PathBuf,
    /// The same as the person spelled it, absolute.
    pub(crate) spelled: PathBuf,
    /// The same as messages show it: relative, if the person was near.
    pub(crate) shown: PathBuf,
    /// Where all profiles are built, absolute, as the person spelled it.
    pub(crate) builds: PathBuf,
}

impl Place {
    /// Finds the project: in the directory that was named, or in the nearest one above that has a manifest.
    ///
    /// # Errors
    /// There is none, or a directory cannot be read.
    pub(crate) fn find(settings: &Settings, given: Option<&Path>) -> Result<Self, Failure> {
        if let Some(place) = Self::look(settings, given)? {
            return Ok(place);
        }
        let given = given.unwrap_or(Path::new("."));
        let what =
            Diagnostic::file(&given.join(MANIFEST), "there is no manifest here, nor in a directory above");
        Err(what
            .hint("`rekindle init` writes one for the sources that lie here; `-C DIR` looks in DIR")
            .into())
    }

    /// The same; none if there is no manifest.
    ///
    /// # Errors
    /// A directory cannot be read.
    pub(crate) fn look(settings: &Settings, given: Option<&Path>) -> Result<Option<Self>, Failure> {
        let start = &settings.directory;
        let canonical = start.canonicalize().map_err(|error| unreadable(start, &error))?;
        let given = given.unwrap_or(Path::new("."));
        for (up, workspace) in canonical.ancestors().enumerate() {
            if workspace.join(MANIFEST).symlink_metadata().is_err() {
                continue;
            }
            let ups: PathBuf = std::iter::repeat_n("..", up).collect();
            let shown = match given == Path::new(".") {
                true if up > 0 => ups,
                _ => given.join(ups),
            };
            // Behind a link, the directory above may be another one than that of the link.
            let spelled =
                start.ancestors().nth(up).filter(|dir| dir.canonicalize().is_ok_and(|dir| dir == workspace));
            let spelled = spelled.unwrap_or(workspace).to_path_buf();
            let builds = settings.build_dir.clone().unwrap_or_else(|| spelled.join(BUILD));
            return Ok(Some(Self { workspace: workspace.to_path_buf(), spelled, shown, builds }));
        }
        Ok(None)
    }

    /// The roots of a build of `profile`, whose build directory is made if it is not there: those that the manifest
    /// declares, and the person's `home` directory, whose path is only sought.
    ///
    /// # Errors
    /// The build directory cannot be made, or a declared root is one of the others.
    pub(crate) fn roots(
        &self,
        profile: &str,
        project: &Project,
        home: Option<&OsStr>,
    ) -> Result<Roots, Failure> {
        let spelled = self.builds.join(profile);
        let trouble = |error| {
            let failure = Failure::io("create", format_args!("`{}`", spelled.display()), &error);
            let in_the_way =
                spelled.ancestors().find(|path| path.symlink_metadata().is_ok_and(|meta| !meta.is_dir()));
            match in_the_way {
                Some(path) => failure.hint(format!(
                    "move `{}` away, which is no directory, or build elsewhere with `--build-dir DIR`",
                    path.display()
                )),
                None => failure,
            }
        };
        std::fs::create_dir_all(&spelled).map_err(trouble)?;
        let build = spelled.canonicalize().map_err(trouble)?;
        project.roots_are_not(&build)?;
        let mut roots = self.known_roots(profile, &build, home)?;
        for root in project.roots() {
            roots.add(root).map_err(rekindle_engine::error::Error::from)?;
        }
        Ok(roots)
    }

    /// Those of them that are known without the manifest; `build` is the build directory, canonical.
    ///
    /// # Errors
    /// None, as long as no two of them have one name.
    pub(crate) fn known_roots(
        &self,
        profile: &str,
        build: &Path,
        home: Option<&OsStr>,
    ) -> Result<Roots, Failure> {
        let mut roots = Roots::new(&self.workspace, build);
        roots.add_spelling(Roots::WORKSPACE, &self.spelled);
        roots.add_spelling(Roots::BUILD, self.builds.join(profile));
        for root in home.into_iter().flat_map(home_roots) {
            roots.add(root).map_err(rekindle_engine::error::Error::from)?;
        }
        Ok(roots)
    }
}

/// The home directory as the environment spells it, and where it is if that is another path: results are bound to the
/// one that they hold. A place of the system is none.
fn home_roots(home: &OsStr) -> Vec<Root> {
    if !Path::new(home).is_absolute() {
        return Vec::new();
    }
    let mut given = Root::only_sought("home", home);
    let plain: PathBuf = given.path.components().collect();
    let real = given.path.canonicalize().unwrap_or_else(|_| plain.clone());
    // A command may write every byte of `HOME`, and paths are compared without doubled slashes.
    if plain.as_os_str() != home {
        given.spellings.push(plain.clone());
    }
    let mut roots = vec![given];
    if real != plain {
        roots.push(Root::only_sought("home.real", real));
    }
    roots.retain(|root| !root.is_system());
    roots
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("cannot look for a project in `{}`", path.display());
    match error.kind() {
        io::ErrorKind::NotFound => Failure::input(format!("{text}: there is no such directory")),
        _ => Failure::input(format!("{text}: {}", plain(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Common;
    use crate::environment::Environment;
    use crate::writers::atomic;
    use rekindle_frontend::load::{Request, load};

    fn find(directory: &Path, given: Option<&str>) -> Result<Place, Failure> {
        let environment = Environment { directory: directory.into(), cores: 1, ..Environment::default() };
        let flags = Common { directory: given.map(PathBuf::from), ..Common::default() };
        Place::find(&Settings::new(&flags, &environment).unwrap(), given.map(Path::new))
    }

    #[test]
    fn the_nearest_manifest_counts_here_or_above() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("app/src/deep")).unwrap();
        atomic::write(&top.join("app").join(MANIFEST), b"").unwrap();
        for (from, given, shown) in [
            ("app", None, "."),
            ("app/src/deep", None, "../.."),
            ("", Some("app"), "app"),
            ("", Some("app/src"), "app/src/.."),
            ("app/src", Some(".."), ".."),
        ] {
            let place = find(&top.join(from), given).unwrap();
            assert_eq!((place.workspace, place.shown), (top.join("app"), shown.into()), "{from} {given:?}");
        }
        let failure = find(&top, None).unwrap_err();
        insta::assert_snapshot!(failure.text(), @"
        ./rekindle.toml: there is no manifest here, nor in a directory above
             = hint: `rekindle init` writes one for the sources that lie here; `-C DIR` looks in DIR
        ");
        let failure = find(Path::new("/"), Some("nowhere")).unwrap_err();
        insta::assert_snapshot!(failure.text(), @"rekindle: cannot look for a project in `/nowhere`: there is no such directory");
        assert_eq!(failure.code(), 2);
    }

    #[test]
    fn a_project_behind_a_link_is_known_by_both_spellings() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("real/src")).unwrap();
        atomic::write(&top.join("real").join(MANIFEST), b"[project]\nname = \"p\"\n").unwrap();
        std::os::unix::fs::symlink("real", top.join("link")).unwrap();
        let place = find(&top.join("link/src"), None).unwrap();
        assert_eq!((&place.workspace, &place.spelled), (&top.join("real"), &top.join("link")));
        let project = load(&place.workspace, &Request::default()).unwrap();
        let roots = place.roots("debug", &project, None).unwrap();
        assert_eq!(roots.get(Roots::BUILD).path, top.join("real/.rekindle/build/debug"));
        assert_eq!(roots.locate(&top.join("link/src/a.c")), (Roots::WORKSPACE, Path::new("src/a.c")));
        assert_eq!(roots.locate(&top.join("link/.rekindle/build/debug/x")), (Roots::BUILD, Path::new("x")));
    }

    #[test]
    fn the_home_directory_is_sought_as_it_is_spelled_and_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
        std::fs::create_dir(top.join("real")).unwrap();
        std::os::unix::fs::symlink("real", top.join("link")).unwrap();
        let sought = |home: &str| -> Vec<String> {
            let text = |path: &PathBuf| path.to_str().unwrap().replace(top.to_str().unwrap(), "");
            let paths = |root: &Root| -> Vec<String> {
                std::iter::once(&root.path).chain(&root.spellings).map(text).collect()
            };
            let one = |root: &Root| format!("{}: {}", root.name, paths(root).join(" "));
            home_roots(OsStr::new(home)).iter().map(one).collect()
        };
        let below = |rel: &str| format!("{}/{rel}", top.display());
        assert_eq!(sought(&below("real")), ["home: /real"]);
        assert_eq!(sought(&below("/real/")), ["home: //real/ /real"]);
        assert_eq!(sought(&below("link")), ["home: /link", "home.real: /real"]);
        assert_eq!(sought("/nowhere/at/all"), ["home: /nowhere/at/all"]);
        for none in ["", "relative", "/", "//", "/usr/", "/usr/local"] {
            assert_eq!(sought(none), [""; 0], "{none}");
        }
        assert!(home_roots(OsStr::new("/h")).iter().all(|root| !root.names_paths()));
    }
}
