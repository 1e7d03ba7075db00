//! Paths in flags: which files and directories they name, and how they are spelled.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::{Arg, Piece};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::disk::Entry;
use rekindle_fingerprint::files::PathId;
use rekindle_fingerprint::roots::Roots;

use super::{Phase, Reader, Treated};
use crate::dialect::IncludeKind;

impl Reader<'_> {
    /// Every part of a word behind `=` or `,` that names a file is an input.
    pub(super) fn existing_files(&mut self, word: &[u8], treated: &mut Treated) {
        for (at, byte) in word.iter().enumerate() {
            if matches!(byte, b'=' | b',') {
                let rest = &word[at + 1..];
                let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
                let name = &rest[..end];
                self.file_if_there(name, treated);
                // Whatever takes the word may read its words from there.
                self.file_if_there(name.strip_prefix(b"@").unwrap_or_default(), treated);
            }
        }
    }

    /// Every directory that a word names behind `=` or `,` may be one that is searched.
    pub(super) fn existing_directories(&mut self, word: &[u8], treated: &mut Treated) {
        let cwd = self.files.abs(self.cwd);
        for part in word.split(|byte| matches!(byte, b'=' | b',')).skip(1) {
            let name = Path::new(OsStr::from_bytes(part));
            if part.is_empty() || part.contains(&0) {
                continue;
            }
            if consult::is_directory(&cwd.join(name)) {
                let id = self.files.path_from(&cwd, name);
                match self.phase {
                    Phase::Compile => treated.includes.push((IncludeKind::Anywhere, id)),
                    Phase::Link => treated.library_directories_anywhere.push(id),
                }
            }
        }
    }

    pub(super) fn file_if_there(&mut self, text: &[u8], treated: &mut Treated) {
        if text.is_empty() || text.contains(&0) {
            return;
        }
        let cwd = self.files.abs(self.cwd);
        if consult::is_file(&cwd.join(OsStr::from_bytes(text))) {
            let id = self.files.path_from(&cwd, Path::new(OsStr::from_bytes(text)));
            treated.inputs.push(id);
        }
    }

    pub(super) fn there(&self, id: PathId) -> Option<Entry> {
        consult::stat(&self.files.abs(id)).ok().filter(|entry| *entry != Entry::Absent)
    }

    /// Whether what a flag names is a file that is there, or one that a command makes. Of that it is not asked whether
    /// it is there already: it makes no difference.
    pub(super) fn is_read(&self, id: PathId) -> bool {
        self.is_generated(id) || matches!(self.there(id), Some(Entry::File(..)))
    }

    pub(super) fn is_generated(&self, id: PathId) -> bool {
        self.files.root(id) == Roots::BUILD
    }

    /// The path that the value of `carrier` names, and `carrier` with that path named by its root.
    pub(super) fn path(&mut self, carrier: &Arg, at: usize, value: &[u8]) -> (PathId, Arg) {
        let id = self.path_of(carrier, at, value);
        let spelled = self.spell(carrier);
        let mut arg = Arg::default();
        if at > 0 {
            arg.0.push(Piece::Text(spelled[..at].to_vec()));
        }
        if carrier.paths().next().is_none() && self.keeps_dot(value, id) {
            arg.0.push(Piece::Text(b"./".to_vec()));
        }
        arg.0.push(Piece::Path(id));
        (id, arg)
    }

    /// Whether a path that a person started with `./` is to start so: without it, some names are searched elsewhere
    /// (`-fplugin=./x.so`). One that has to be spelled absolutely cannot.
    pub(super) fn keeps_dot(&self, value: &[u8], id: PathId) -> bool {
        value.starts_with(b"./") && {
            let plain = Arg::path(id).spell(self.files, &self.spelling);
            !plain.as_bytes().starts_with(b"/") && !plain.as_bytes().starts_with(b".")
        }
    }

    pub(super) fn path_of(&mut self, carrier: &Arg, at: usize, value: &[u8]) -> PathId {
        // What is named already is taken as it is, without looking at the disk.
        match carrier.0.as_slice() {
            [Piece::Path(id) | Piece::Absolute(id)] if at == 0 => return *id,
            [Piece::Text(text), Piece::Path(id) | Piece::Absolute(id)] if text.len() == at => return *id,
            _ => {}
        }
        let cwd: PathBuf = self.files.abs(self.cwd);
        self.files.path_from(&cwd, Path::new(OsStr::from_bytes(value)))
    }

    pub(super) fn spell(&self, arg: &Arg) -> Vec<u8> {
        arg.spell(self.files, &self.spelling).as_bytes().to_vec()
    }
}
