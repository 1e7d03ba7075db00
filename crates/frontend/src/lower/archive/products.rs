//! What an archive's tool makes, and what others get of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_toolchain::request::Include;

use super::{ARCHIVES, Form};
use crate::lower::Lowering;
use crate::lower::paths::is_inside;
use crate::lower::usage::Usage;
use crate::manifest::Text;
use crate::project::Foreign;
use crate::reader::Found;

/// One file that a tool makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Product {
    /// Where the tool leaves it.
    pub(super) made: PathId,
    /// What others use.
    pub(super) copy: PathId,
    /// Its name: relative to the project, or to where the tool works.
    pub(super) name: PathBuf,
}

impl Product {
    /// Whether it is linked.
    pub(super) fn is_archive(&self) -> bool {
        self.name.extension().is_some_and(|ending| ending == "a")
    }
}

impl<'a> Lowering<'a> {
    /// What an archive makes, in the order of its outputs.
    pub(super) fn products_of(&mut self, foreign: &'a Foreign, form: &Form, root: RootId) -> Vec<Product> {
        let mut products: Vec<Product> = Vec::new();
        if let Form::Cargo(found) = form {
            let made = self.files.path(root, found.product());
            let name = PathBuf::from(found.library());
            products.push(self.product_at(foreign, made, name));
        }
        for text in &foreign.archive.outputs {
            let Some(made) = self.place_of(text, form, root) else { continue };
            let base =
                if matches!(form, Form::Cmake(_)) { self.files.path(root, "") } else { self.workspace };
            let name = self.files.rel(made);
            let name = name.strip_prefix(self.files.rel(base)).unwrap_or(name).to_path_buf();
            let product = self.product_at(foreign, made, name);
            if products.iter().any(|known| known.copy == product.copy) {
                self.report.push(self.report.on(text, format!("`{text}` is named twice in `outputs`")));
                continue;
            }
            let nested = products
                .iter()
                .find(|known| known.name.starts_with(&product.name) || product.name.starts_with(&known.name));
            if let Some(other) = nested {
                let message = format!("`{text}` and `{}` cannot both be files", other.name.display());
                self.report.push(self.report.on(text, message));
                continue;
            }
            products.push(product);
        }
        products
    }

    fn product_at(&mut self, foreign: &Foreign, made: PathId, name: PathBuf) -> Product {
        let place = Path::new(ARCHIVES).join(foreign.name.get_ref()).join(&name);
        Product { made, copy: self.files.path(Roots::BUILD, place), name }
    }

    /// Where the tool leaves a file that the manifest names.
    pub(super) fn place_of(&mut self, text: &Text, form: &Form, root: RootId) -> Option<PathId> {
        let in_tree = matches!(form, Form::Cmake(_));
        if text.get_ref().is_empty() || text.get_ref().ends_with('/') {
            let found = self.report.on(text, format!("`{text}` is no file's name"));
            self.report.push(found.hint("name every file that others use"));
            return None;
        }
        if !is_inside(text.get_ref()) {
            let what = if in_tree { "the build tree" } else { "the project" };
            let found = self.report.on(text, format!("`{text}` is outside {what}"));
            self.report.push(found.hint("write a relative name without `..`"));
            return None;
        }
        let rel: PathBuf = Path::new(text.get_ref()).components().filter(|part| !is_here(part)).collect();
        Some(match in_tree {
            true => self.files.path(root, rel),
            false => self.files.path_from(&self.project.dir, &rel),
        })
    }

    /// What those who depend on an archive compile with.
    pub(super) fn usage_of(&mut self, foreign: &'a Foreign, form: &Form, products: &[Product]) -> Usage {
        let archive = &foreign.archive;
        let mut usage = Usage {
            defines: archive.defines.iter().map(|text| text.get_ref().clone()).collect(),
            generated: products.iter().filter(|one| !one.is_archive()).map(|one| one.copy).collect(),
            ..Usage::default()
        };
        let own = Path::new(ARCHIVES).join(foreign.name.get_ref());
        for text in &archive.include {
            if let Some(inner) = text.get_ref().strip_prefix("{outdir}") {
                let build = self.files.roots().get(Roots::BUILD).path.clone();
                let place = self.files.path_from(&build, &own.join(inner.trim_start_matches('/')));
                usage.includes.push(Include::Normal(place));
                continue;
            }
            let path = self.files.path_from(&self.project.dir, Path::new(text.get_ref()));
            let rel = self.files.rel(path).to_path_buf();
            let is_ours = self.files.root(path) == Roots::WORKSPACE && !matches!(form, Form::Cmake(_));
            let holds = products.iter().any(|one| !one.is_archive() && one.name.starts_with(&rel));
            if is_ours && holds {
                let place = self.files.path(Roots::BUILD, own.join(&rel));
                usage.includes.push(Include::Normal(place));
                let there = self.project.dir.join(text.get_ref());
                if matches!(self.reader.probe(&there), Ok(Found::Nothing)) {
                    continue;
                }
            }
            usage.includes.extend(self.directory_of(text).map(Include::Normal));
        }
        usage
    }

    /// Says of what two archives make the same file, and what one makes that another one watches: nobody could say then in
    /// which order they run.
    pub(in crate::lower) fn products_watched(&mut self) {
        let project = self.project;
        let mut makers: BTreeMap<PathId, &Text> = BTreeMap::new();
        for (at, foreign) in project.foreign.iter().enumerate() {
            for product in self.brought[at].products.clone() {
                let shown = self.files.show(product.made);
                let place = named(foreign, &product);
                if let Some(first) = makers.insert(product.made, &foreign.name) {
                    let message = format!("`{shown}` is made by both `{first}` and `{}`", foreign.name);
                    self.report.push(self.report.on(place, message));
                    continue;
                }
                for (number, other) in project.foreign.iter().enumerate() {
                    if number == at || !self.watches(&self.brought[number].watch, product.made) {
                        continue;
                    }
                    let message =
                        format!("`{shown}` is made by `{}`, and `{}` watches it", foreign.name, other.name);
                    let found = self.report.on(place, message);
                    let found = found.why("it would be made again whenever the other one was");
                    let name = product.name.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    self.report.push(
                        found.hint(format!("add it to `exclude` of [archive.{}]: \"{name}\"", other.name)),
                    );
                }
            }
        }
    }
}

/// Where the manifest names a product, else what makes it.
fn named<'f>(foreign: &'f Foreign, product: &Product) -> &'f Text {
    let is_it = |text: &&Text| {
        let parts = Path::new(text.get_ref()).components();
        parts.filter(|part| !is_here(part)).collect::<PathBuf>() == product.name
    };
    foreign.archive.outputs.iter().find(is_it).unwrap_or(&foreign.name)
}

fn is_here(part: &std::path::Component<'_>) -> bool {
    *part == std::path::Component::CurDir
}
