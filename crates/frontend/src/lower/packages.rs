//! The packages that a target asks for.

use std::ffi::OsStr;

use super::Lowering;
use crate::pkgconfig::{self, Flags};
use crate::project::{HOST, Instance};

impl Lowering<'_> {
    /// The flags of the packages of an instance.
    pub(super) fn packages(&mut self, instance: &Instance) -> Flags {
        let project = self.project;
        if instance.target.pkg_config.is_empty() {
            return Flags::default();
        }
        let spec = project.spec(&instance.toolchain);
        let platform = project.platform(&instance.toolchain);
        let triple = format!("{}-{}-gnu", platform.arch, platform.os);
        let reader = &mut self.reader;
        let variable = |name: &str| reader.variable(&project.request.environment, OsStr::new(name));
        let is_host = instance.toolchain == HOST || platform == project.request.host;
        let path = pkgconfig::search_path(variable, spec.sysroot.as_deref(), is_host, &triple);
        let mut wishes = Vec::new();
        for text in &instance.target.pkg_config {
            match pkgconfig::wishes(text.get_ref()) {
                Ok(found) => wishes.extend(found),
                Err(why) => self.report.push(self.report.on(text, why)),
            }
        }
        match pkgconfig::flags(&mut self.reader, &path, &wishes) {
            Ok(flags) => flags,
            Err(_) => {
                // Asked one by one, each says what is wrong with it.
                for text in &instance.target.pkg_config {
                    let one = pkgconfig::wishes(text.get_ref()).unwrap_or_default();
                    if let Err(why) = pkgconfig::flags(&mut self.reader, &path, &one) {
                        let places: Vec<String> = path
                            .directories
                            .iter()
                            .map(|directory| directory.display().to_string())
                            .collect();
                        let found = self.report.on(text, why);
                        let found = found.why(format!("searched in {}", places.join(":")));
                        self.report
                            .push(found.hint("PKG_CONFIG_PATH names directories that are searched first"));
                    }
                }
                Flags::default()
            }
        }
    }
}
