//! The form `make`: a directory with a makefile that GNU make builds.
//!
//! make goes by times, which say nothing after a checkout, so everything is made again (`--always-make`) and what it made
//! before is deleted. Objects and the like that it leaves among the sources do not count, unless they are named.
//!
//! The map that takes this machine's paths out of objects comes behind the compiler's name (`CC`), not into `CFLAGS`:
//! a makefile that says `CFLAGS ?= -O2` would lose its own flags. One that sets `CC` itself does without the map.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::Arg;

use super::Plan;
use crate::lower::Lowering;
use crate::manifest::Text;
use crate::project::Foreign;
use crate::reader::Found;

/// The names of the file that make looks for.
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// What make and the programs that it runs leave among the sources.
const LEFT: [&str; 4] = ["*.o", "*.lo", "*.d", ".libs"];

impl<'a> Lowering<'a> {
    /// The directory of a makefile.
    pub(super) fn make_directory(&mut self, text: &Text) -> Option<PathBuf> {
        let directory = self.directory_of(text)?;
        let directory = self.files.abs(directory);
        // A rule may be told where the makefile is, by `args`.
        let found =
            MAKEFILES.iter().any(|name| matches!(self.reader.probe(&directory.join(name)), Ok(Found::File)));
        if !found {
            let found = self.report.on(text, format!("there is no Makefile in `{text}`"));
            self.report.push(found.hint("name the directory in which `make` is run"));
            return None;
        }
        Some(directory)
    }

    pub(super) fn make_plan(&mut self, foreign: &'a Foreign, directory: &Path) -> Plan {
        let archive = &foreign.archive;
        let mut plan = Plan::new(self.files.path_abs(directory));
        let targets = archive.targets.as_ref().map(toml::Spanned::get_ref);
        plan.argv = vec!["make".into(), "--always-make".into(), "--silent".into()];
        plan.argv.extend(self.flags(&archive.args));
        let targets = targets.map(Vec::as_slice).unwrap_or_default();
        plan.argv.extend(targets.iter().map(|target| Arg::text(target.get_ref())));
        plan.tools.needed = vec!["make".into()];
        plan.tools.needed.extend(self.programs("CC", "cc"));
        plan.tools.needed.extend(self.programs("AR", "ar"));
        plan.tools.extra = self.programs("CXX", "c++");
        for (name, default) in [("CC", "cc"), ("CXX", "c++")] {
            let given = self.variable(name).filter(|value| !value.is_empty());
            let start = self.value(given.as_deref().unwrap_or(default.as_ref()));
            let value = self.c_maps(start, &[]);
            plan.env.insert(OsString::from(name), value);
        }
        self.tree(&mut plan.watch, directory);
        plan.left = LEFT.map(str::to_string).to_vec();
        plan.watch.exclude.clone_from(&plan.left);
        if !targets.is_empty() {
            plan.fact("targets", words(targets));
        }
        plan
    }
}

/// Words for people.
pub(super) fn words(texts: &[Text]) -> String {
    texts.iter().map(|text| text.get_ref().as_str()).collect::<Vec<_>>().join(" ")
}
