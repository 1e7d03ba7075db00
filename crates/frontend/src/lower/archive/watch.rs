//! What another build tool reads, from what the manifest says of it.

use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::watch::{Tree, WatchSet};

use super::Plan;
use crate::glob::is_pattern;
use crate::lower::Lowering;
use crate::manifest::Text;
use crate::project::Foreign;
use crate::reader::Found;

impl<'a> Lowering<'a> {
    /// Adds what `inputs` names, and takes out what is never one. What is not there is reported.
    pub(super) fn inputs_of(&mut self, foreign: &'a Foreign, plan: &mut Plan) -> Option<()> {
        let complaints = self.report.found.len();
        for text in &foreign.archive.inputs {
            if let Some(generated) = self.generated_by(text) {
                plan.generated.extend(generated);
            } else if is_pattern(text.get_ref()) && !self.is_there(text) {
                plan.watch.trees.extend(self.globbed(text));
            } else {
                self.named_input(text, &mut plan.watch);
            }
        }
        for place in self.skip.clone() {
            let place = self.files.path_abs(&place);
            plan.watch.outside.push(place);
        }
        (self.report.found.len() == complaints).then_some(())
    }

    fn is_there(&mut self, text: &Text) -> bool {
        let path = self.project.dir.join(text.get_ref());
        matches!(self.reader.probe(&path), Ok(Found::File | Found::Directory))
    }

    /// A file or a directory that `inputs` names.
    fn named_input(&mut self, text: &Text, watch: &mut WatchSet) {
        let path = self.project.dir.join(text.get_ref());
        let is_directory = matches!(self.reader.probe(&path), Ok(Found::Directory));
        if is_directory && !text.get_ref().is_empty() {
            let dir = self.files.path_from(&self.project.dir, Path::new(text.get_ref()));
            watch.trees.push(Tree { dir, only: Vec::new() });
            return;
        }
        watch.files.extend(self.file_of(text, "file or directory"));
    }

    /// The tree of a glob: the directory before its first wildcard, and what is behind that.
    fn globbed(&mut self, text: &Text) -> Option<Tree> {
        self.pattern(text)?;
        let mut parts = text.get_ref().split('/');
        let mut base = PathBuf::new();
        if text.get_ref().starts_with('/') {
            base.push("/");
        }
        let mut only: Vec<&str> = Vec::new();
        if text.get_ref().contains('{') {
            only.extend(parts.by_ref());
        }
        for part in parts {
            if only.is_empty() && !is_pattern(part) {
                base.push(part);
            } else {
                only.push(part);
            }
        }
        let path = self.project.dir.join(&base);
        if !matches!(self.reader.probe(&path), Ok(Found::Directory)) {
            let message = format!("there is no directory `{}`", base.display());
            self.report.push(self.report.on(text, message));
            return None;
        }
        let dir = self.files.path_from(&self.project.dir, &base);
        Some(Tree { dir, only: vec![only.join("/")] })
    }

    /// Adds a directory with all that is in it.
    pub(super) fn tree(&mut self, watch: &mut WatchSet, directory: &Path) {
        let dir = self.files.path_abs(directory);
        watch.trees.push(Tree { dir, only: Vec::new() });
    }

    /// Whether a watch set would watch `path` if it were there.
    pub(super) fn watches(&self, watch: &WatchSet, path: PathId) -> bool {
        let absolute = self.files.abs(path);
        let is_below = |dir: PathId| absolute.strip_prefix(self.files.abs(dir)).ok().map(Path::to_path_buf);
        if watch.files.contains(&path) {
            return true;
        }
        if watch.outside.iter().any(|outside| is_below(*outside).is_some()) {
            return false;
        }
        let name = Path::new(absolute.file_name().unwrap_or_default());
        let in_workspace = (self.files.root(path) == Roots::WORKSPACE).then(|| self.files.rel(path));
        let is_left_out = watch.exclude.iter().any(|glob| match glob.contains('/') {
            true => in_workspace.is_some_and(|rel| rel.ancestors().any(|above| fits(glob, above))),
            false => {
                fits(glob, name) || absolute.components().any(|part| fits(glob, Path::new(part.as_os_str())))
            }
        });
        !is_left_out
            && watch.trees.iter().any(|tree| {
                is_below(tree.dir).is_some_and(|inner| {
                    tree.only.is_empty() || tree.only.iter().any(|glob| fits(glob, &inner))
                })
            })
    }
}

fn fits(glob: &str, path: &Path) -> bool {
    let glob = GlobBuilder::new(glob).literal_separator(true).build();
    glob.is_ok_and(|glob| glob.compile_matcher().is_match(path))
}
