//! What `rekindle install` puts where, relative to the prefix.

use std::path::{Component, Path, PathBuf};

use rekindle_fingerprint::files::PathId;

use super::Lowering;
use crate::manifest::Scalar;
use crate::project::Instance;

/// Where an instance is installed, relative to the prefix and without `.`; `None` if it is not, or cannot be there.
pub(super) fn folder(instance: &Instance) -> Option<PathBuf> {
    let folder = match instance.target.install.as_ref()?.get_ref() {
        Scalar::Bool(true) if instance.kind.is_library() => "lib",
        Scalar::Bool(true) => "bin",
        Scalar::Text(folder) => folder,
        Scalar::Bool(false) | Scalar::Integer(_) => return None,
    };
    let parts = Path::new(folder).components().filter(|part| *part != Component::CurDir);
    parts.map(|part| if let Component::Normal(name) = part { Some(name) } else { None }).collect()
}

impl Lowering<'_> {
    /// The files of a target that are installed, each with its place. A shared library's symbolic links are among
    /// them, to be made again as links.
    pub(super) fn install(&mut self, at: usize) -> Vec<(PathId, PathBuf)> {
        let instance = &self.project.instances[at];
        let mut list = self.headers(at);
        let Some(text) = &instance.target.install else { return list };
        let Some(folder) = folder(instance) else {
            if *text.get_ref() != Scalar::Bool(false) {
                let found = self.report.on(text, "this place is outside the prefix");
                self.report.push(found.hint("write a directory relative to the prefix, without `..`"));
            }
            return list;
        };
        let built = &self.built[at];
        for path in built.product.iter().chain(&built.links) {
            let name = self.files.rel(*path).file_name().unwrap_or_default();
            list.push((*path, folder.join(name)));
        }
        list
    }

    fn headers(&mut self, at: usize) -> Vec<(PathId, PathBuf)> {
        let instance = &self.project.instances[at];
        let mut directories = Vec::new();
        for text in &instance.target.include {
            if let Some(directory) = self.directory_of(text) {
                directories.push(self.files.abs(directory));
            }
        }
        let mut list = Vec::new();
        for text in &instance.target.install_headers {
            for path in self.files_of(text, "header") {
                let inner = directories.iter().find_map(|directory| path.strip_prefix(directory).ok());
                let inner = inner.unwrap_or_else(|| Path::new(path.file_name().unwrap_or_default()));
                let place = Path::new("include").join(inner);
                list.push((self.files.path_abs(&path), place));
            }
        }
        list
    }
}
