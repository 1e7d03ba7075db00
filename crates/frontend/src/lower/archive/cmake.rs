//! The form `cmake`: a project that CMake configures and builds in a build tree of our own.
//!
//! The build tree goes by times, so it is deleted before each run: what comes out follows from the inputs alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::roots::RootId;

use super::Plan;
use super::make::words;
use crate::lower::Lowering;
use crate::manifest::{Scalar, Text};
use crate::project::Foreign;
use crate::reader::Found;

/// The generator that is taken if none is named.
const MAKEFILES: &str = "Unix Makefiles";

impl<'a> Lowering<'a> {
    /// The directory of a `CMakeLists.txt`.
    pub(super) fn cmake_directory(&mut self, text: &Text) -> Option<PathBuf> {
        let directory = self.directory_of(text)?;
        let directory = self.files.abs(directory);
        if !matches!(self.reader.probe(&directory.join("CMakeLists.txt")), Ok(Found::File)) {
            let found = self.report.on(text, format!("there is no CMakeLists.txt in `{text}`"));
            self.report.push(found.hint("name the directory of the project's own one"));
            return None;
        }
        Some(directory)
    }

    pub(super) fn cmake_plan(&mut self, foreign: &'a Foreign, directory: &Path, root: RootId) -> Plan {
        let archive = &foreign.archive;
        let source = self.files.path_abs(directory);
        let work = self.files.path(root, "");
        let mut plan = Plan::new(source);
        let generator = archive.generator.as_ref().map_or(MAKEFILES, |text| text.get_ref());
        let configuration = archive.configuration.as_ref().map_or("Release", |text| text.get_ref());
        let mut configure: Vec<Arg> = vec!["cmake".into(), "-S".into(), Self::absolute(source)];
        configure.extend(["-B".into(), Self::absolute(work), "-G".into(), Arg::text(generator)]);
        configure.push(format!("-DCMAKE_BUILD_TYPE={configuration}").into());
        for (name, value) in archive.definitions.iter().flat_map(|table| table.get_ref()) {
            let value = match value {
                Scalar::Bool(true) => "ON".to_string(),
                Scalar::Bool(false) => "OFF".to_string(),
                other => other.show(),
            };
            configure.push(self.flag(&format!("-D{name}={value}")));
        }
        plan.before = vec![configure];
        plan.argv = vec!["cmake".into(), "--build".into(), Self::absolute(work)];
        plan.argv.extend(["--config".into(), Arg::text(configuration)]);
        let targets = archive.targets.as_ref().map(|list| list.get_ref().as_slice()).unwrap_or_default();
        if !targets.is_empty() {
            plan.argv.push("--target".into());
            plan.argv.extend(targets.iter().map(|target| Arg::text(target.get_ref())));
            plan.fact("targets", words(targets));
        }
        plan.argv.extend(self.flags(&archive.args));
        let builder = if generator.starts_with("Ninja") { "ninja" } else { "make" };
        plan.tools.needed = vec!["cmake".into(), builder.into()];
        plan.tools.needed.extend(self.programs("CC", "cc"));
        plan.tools.needed.extend(self.programs("AR", "ar"));
        plan.tools.extra = self.programs("CXX", "c++");
        for name in ["CFLAGS", "CXXFLAGS"] {
            let given = self.project.request.environment.get(std::ffi::OsStr::new(name)).cloned();
            let start = given.map(|value| self.value(&value)).unwrap_or_default();
            let value = self.c_maps(start, &[(work, "work")]);
            plan.env.insert(OsString::from(name), value);
        }
        self.tree(&mut plan.watch, directory);
        plan.work = vec![work];
        plan.remove = vec![work];
        plan.fact("configuration", configuration);
        plan.fact("generator", generator);
        plan
    }
}
