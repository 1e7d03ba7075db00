//! Precompiled headers: one for each of C and C++ that a target has sources in.

use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;
use rekindle_toolchain::request::{Language, Precompiled};

use super::Lowering;
use super::usage::Usages;
use crate::project::Instance;

/// The precompiled headers of a target.
#[derive(Default)]
pub(super) struct Headers {
    /// The header itself, which every source includes.
    pub(super) header: Option<PathId>,
    c: Option<Precompiled>,
    cxx: Option<Precompiled>,
}

impl Headers {
    /// What was made for a language.
    pub(super) fn made(&self, language: Language) -> Option<Precompiled> {
        match language {
            Language::C => self.c,
            Language::Cxx => self.cxx,
            Language::AssemblerCpp | Language::Assembler => None,
        }
    }
}

impl<'a> Lowering<'a> {
    /// Makes the precompiled header of an instance for each of its languages.
    pub(super) fn precompile(
        &mut self,
        instance: &'a Instance,
        languages: &[Language],
        usage: &Usages,
    ) -> Headers {
        let Some(text) = &instance.target.pch else { return Headers::default() };
        let Some(header) = self.file_of(text, "header") else { return Headers::default() };
        let mut headers = Headers { header: Some(header), ..Headers::default() };
        for language in languages {
            let (slot, folder) = match language {
                Language::C => (&mut headers.c, "c"),
                Language::Cxx => (&mut headers.cxx, "c++"),
                Language::AssemblerCpp | Language::Assembler => continue,
            };
            let name = self.files.rel(header).file_name().unwrap_or_default().to_os_string();
            let mut place =
                std::path::Path::new("obj").join(instance.place()).join("@pch").join(folder).join(name);
            place.as_mut_os_string().push(".gch");
            let product = self.files.path(Roots::BUILD, place);
            *slot = Some(Precompiled { product, header });
            if !self.wants(product) {
                continue;
            }
            let mut what = self.request(instance, header, *language, usage, product);
            what.makes_precompiled = true;
            self.add_compile(instance, &what);
        }
        headers
    }
}
