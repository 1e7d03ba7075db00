//! Payloads whose names lead out of a root: `.incbin` and the like, which no depfile tells.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::{Files, PathId};

use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_fingerprint::scan::Probe;

use crate::bound;

/// The names with `..` among `probes` that lead, from a place where a payload is searched, to a file that lies in
/// another root, and the two roots.
pub(crate) fn payloads(
    files: &Files,
    action: &Action,
    read: &[PathId],
    probes: &[Probe],
) -> Vec<(String, [RootId; 2])> {
    let name = |probe: &Probe| PathBuf::from(OsStr::from_bytes(&probe.name));
    let steps = |name: &PathBuf| name.components().any(|component| component == Component::ParentDir);
    let names: Vec<PathBuf> = probes.iter().map(name).filter(steps).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let beside = read.iter().filter_map(|path| files.abs(*path).parent().map(Path::to_path_buf));
    let searched = action.discovery.search.iter().flat_map(|search| &search.dirs).map(|dir| files.abs(*dir));
    let mut dirs: Vec<PathBuf> = beside.chain(searched).chain([files.abs(action.cwd)]).collect();
    dirs.sort_unstable();
    dirs.dedup();
    let mut out = Vec::new();
    for name in names {
        let is_file = |dir: &&PathBuf| matches!(disk::stat(&dir.join(&name)), Ok(Entry::File(..)));
        let found = dirs.iter().filter(is_file);
        out.extend(
            found.filter_map(|dir| Some((name.display().to_string(), bound::steps_out(files, dir, &name)?))),
        );
    }
    out
}

/// Payloads of a link that lie in no root: its inputs left them for it to read, and under which names is known no
/// longer.
pub(crate) fn left_for_link(files: &Files, payloads: &[PathId]) -> Vec<(String, [RootId; 2])> {
    let outside = payloads.iter().filter(|path| files.root(**path) == Roots::OUTSIDE);
    outside.map(|path| (files.show(*path).to_string(), [Roots::WORKSPACE, Roots::OUTSIDE])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_fingerprint::action::ActionKind;

    #[test]
    fn a_payload_that_lies_outside_of_the_root_that_names_it_steps_out() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("ws");
        std::fs::create_dir_all(workspace.join("src/sub")).unwrap();
        for file in ["blob", "ws/inside", "ws/src/a.c"] {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        let mut files = Files::new(Roots::new(&workspace, workspace.join("out")));
        let (cwd, source) = (files.path(Roots::WORKSPACE, ""), files.path(Roots::WORKSPACE, "src/a.c"));
        let action = Action::new(ActionKind::Compile, "a.c", Vec::new(), cwd, Vec::new());
        let out = |name: &str| {
            let probe = Probe { name: name.as_bytes().into(), angled: false, next: false };
            payloads(&files, &action, &[source], &[probe])
                .into_iter()
                .map(|(_, roots)| roots)
                .collect::<Vec<_>>()
        };
        let two = [Roots::WORKSPACE, Roots::OUTSIDE];
        assert_eq!(out("../blob"), [two], "from the working directory");
        assert_eq!(out("../../blob"), [two], "beside the source");
        assert_eq!(out("sub/../../../blob"), [two]);
        assert!(out("../inside").is_empty() && out("../nowhere").is_empty() && out("inside").is_empty());
        let blob = files.path_from(&workspace, Path::new("../blob"));
        assert_eq!(left_for_link(&files, &[source]), []);
        assert_eq!(left_for_link(&files, &[source, blob])[0].1, two);
    }
}
