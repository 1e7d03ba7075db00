//! A row of a matrix: one ingredient in which two workspaces differ, and what becomes of that.

use std::cell::RefCell;

use rekindle_testkit::Space;

use crate::place::Place;

/// With which tools a row is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tools {
    Gcc,
    Clang,
    Avr,
}

/// What has to become of an action of a row in another workspace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The ingredient, in words.
    pub(crate) name: &'static str,
    /// Its part of the manifest; without a `[`, keys of an object library of all C files of the directory.
    manifest: &'static str,
    /// Its files, as `Space::write_all` takes them; without a `===`, the content of `a.c`.
    pub(crate) files: &'static str,
    /// What is made besides, on both sides.
    more: Option<fn(&Place<'_>)>,
    /// How the one side differs from the other; `None` if it does not.
    differ: Option<fn(&Place<'_>)>,
    /// The actions that must not be restored where the ingredient differs.
    pub(crate) runs: &'static [&'static str],
    /// The actions that are not restored where nothing differs but the place.
    pub(crate) runs_elsewhere: &'static [&'static str],
    /// The actions that are not restored even where they were made.
    pub(crate) runs_always: &'static [&'static str],
    /// The outputs are alike in spite of the difference.
    pub(crate) alike: bool,
    /// Not all of the actions are there on both sides.
    pub(crate) lacking: bool,
    /// Files with this ending are not compared: no two runs make them alike.
    pub(crate) but: Option<&'static str>,
    /// Played with these tools only.
    only: Option<Tools>,
    /// Played with the compiler for AVR, too.
    avr: bool,
    /// Played in this profile only.
    profile: Option<&'static str>,
}

const NOTHING: Row = Row {
    name: "",
    manifest: "",
    files: "",
    more: None,
    differ: None,
    runs: &[],
    runs_elsewhere: &[],
    runs_always: &[],
    alike: false,
    lacking: false,
    but: None,
    only: None,
    avr: false,
    profile: None,
};

/// A row about an object library: keys of it, its files, and what differs.
pub(crate) const fn row(
    name: &'static str,
    manifest: &'static str,
    files: &'static str,
    differ: fn(&Place<'_>),
) -> Row {
    Row { name, manifest, files, differ: Some(differ), ..NOTHING }
}

/// A row in which nothing differs but the place.
pub(crate) const fn same(name: &'static str, manifest: &'static str, files: &'static str) -> Row {
    Row { name, manifest, files, ..NOTHING }
}

impl Row {
    /// The difference concerns these actions, and no others.
    pub(crate) const fn runs(self, runs: &'static [&'static str]) -> Self {
        Self { runs, ..self }
    }

    /// These actions are never restored in another place, but where they were made.
    pub(crate) const fn bound(self, bound: &'static [&'static str]) -> Self {
        let runs = if self.runs.is_empty() { bound } else { self.runs };
        Self { runs, runs_elsewhere: bound, ..self }
    }

    /// These actions are never restored.
    pub(crate) const fn never(self, never: &'static [&'static str]) -> Self {
        let runs = if self.runs.is_empty() { never } else { self.runs };
        Self { runs, runs_elsewhere: never, runs_always: never, ..self }
    }

    pub(crate) const fn alike(self) -> Self {
        Self { alike: true, ..self }
    }

    pub(crate) const fn lacking(self) -> Self {
        Self { lacking: true, ..self }
    }

    pub(crate) const fn but(self, ending: &'static str) -> Self {
        Self { but: Some(ending), ..self }
    }

    pub(crate) const fn more(self, more: fn(&Place<'_>)) -> Self {
        Self { more: Some(more), ..self }
    }

    pub(crate) const fn gcc(self) -> Self {
        Self { only: Some(Tools::Gcc), ..self }
    }

    pub(crate) const fn clang(self) -> Self {
        Self { only: Some(Tools::Clang), ..self }
    }

    /// With the compiler for AVR, too.
    pub(crate) const fn avr(self) -> Self {
        Self { avr: true, ..self }
    }

    pub(crate) const fn profile(self, profile: &'static str) -> Self {
        Self { profile: Some(profile), ..self }
    }

    pub(crate) fn differs(&self) -> bool {
        self.differ.is_some()
    }

    /// Whether it is played with these tools in this profile.
    pub(crate) fn is_for(&self, tools: Tools, profile: &str) -> bool {
        self.profile.is_none_or(|own| own == profile)
            && match tools {
                Tools::Avr => self.avr,
                _ => self.only.is_none_or(|only| only == tools),
            }
    }

    /// The name as a directory and a target have it.
    pub(crate) fn slug(&self) -> String {
        let words = self.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-").to_lowercase()
    }

    /// Writes its files, differing or not, and gives its part of the manifest.
    pub(crate) fn write(&self, space: &Space, tools: Tools, differing: bool) -> String {
        let slug = self.slug();
        let toml = if self.manifest.starts_with('[') {
            self.manifest.to_string()
        } else {
            let sources = if self.manifest.contains("sources =") { "" } else { "sources = ['$D/*.c']\n" };
            let toolchain = if tools == Tools::Avr { "toolchain = 'avr'\n" } else { "" };
            format!("[library.$D]\ntype = 'object'\n{sources}{toolchain}{}\n", self.manifest)
        };
        let place = Place { space, slug: &slug, toml: RefCell::new(toml) };
        if self.files.starts_with("===") {
            for part in self.files.split("=== ").skip(1) {
                let (name, content) = part.split_once('\n').unwrap_or((part, ""));
                place.write(name.trim(), content);
            }
        } else {
            place.write("a.c", self.files);
        }
        if let Some(more) = self.more {
            more(&place);
        }
        if differing && let Some(differ) = self.differ {
            differ(&place);
        }
        let toml = place.toml.borrow();
        place.expand(&toml)
    }
}
