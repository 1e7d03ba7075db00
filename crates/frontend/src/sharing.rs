//! `[store]`: whether and where results are shared.

use std::path::{Path, PathBuf};

use crate::diagnostic::Report;
use crate::manifest::Store;
use crate::size;

/// What the manifest says about the store. Flags and variables win over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    /// Whether results are shared, if it says so.
    pub enabled: Option<bool>,
    /// The directory in which they are, absolute.
    pub directory: Option<PathBuf>,
    /// How many bytes the store may hold.
    pub max_size: Option<u64>,
}

/// What `[store]` of the manifest in `dir` says.
pub(crate) fn sharing(store: Option<&Store>, dir: &Path, report: &mut Report) -> Sharing {
    let Some(store) = store else { return Sharing::default() };
    let directory = store.directory.as_ref().map(|text| {
        let name = text.get_ref();
        if name.is_empty() || name.contains("${") || name.starts_with('~') {
            let found = report.on(text, format!("`{name}` cannot be the directory of the store"));
            report.push(found.hint("write a path, relative to the project's directory or absolute"));
        }
        dir.join(name)
    });
    let max_size = store.max_size.as_ref().and_then(|text| match size::parse(text.get_ref()) {
        Ok(0) => {
            let found = report.on(text, "a store of no size holds nothing");
            report.push(found.hint("`enabled = false` shares no results"));
            None
        }
        Ok(bytes) => Some(bytes),
        Err(expected) => {
            let found = report.on(text, format!("`max-size` in [store] cannot be \"{text}\""));
            report.push(found.hint(format!("it should be {expected}")));
            None
        }
    });
    Sharing { enabled: store.enabled, directory, max_size }
}
