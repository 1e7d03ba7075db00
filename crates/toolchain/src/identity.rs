//! What toolchains are made of (design law 3): programs with the libraries that they load, and what they read.

use std::path::Path;
use std::sync::Arc;

use rekindle_fingerprint::action::{Identity, Part};
use rekindle_fingerprint::consult;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk::{self, NameKind};
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::files::PathId;

use crate::desk::Desk;
use crate::elf::Binary;
use crate::error::ToolchainError;
use crate::find;

/// How deep a directory of a toolchain may be: links may lead round.
const DEEPEST: usize = 32;

/// A list of parts that grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    list: Vec<Part>,
    files: Vec<PathId>,
    /// A program that is a script may run anything.
    pub(crate) script: Option<String>,
}

impl Parts {
    /// Adds a program under `name`, and every library that it loads under the library's own name.
    pub(crate) fn program(
        &mut self,
        name: &str,
        path: &Path,
        desk: &mut Desk<'_>,
    ) -> Result<(), ToolchainError> {
        self.file(name, path, desk)?;
        if desk.binary(path)? == Binary::Script {
            self.script.get_or_insert_with(|| format!("`{}` is a script", path.display()));
            for named in find::named_in_script(path, desk) {
                let name = named.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let (_, digest) = desk.digest(&named)?;
                let known = self.list.iter().any(|part| part.name == name && part.digest == digest);
                match desk.binary(&named) {
                    _ if known => {}
                    Ok(Binary::Script) => self.program(&name, &named, desk)?,
                    _ => self.file(&name, &named, desk)?,
                }
            }
        }
        for library in desk.closure(path)?.iter() {
            let name = library.name.to_string_lossy();
            match &library.path {
                Some(path) => self.file(&name, path, desk)?,
                None => self.push(format!("{name} (missing)"), Digest::of(b"")),
            }
        }
        Ok(())
    }

    /// Adds a file under `name`.
    pub(crate) fn file(
        &mut self,
        name: &str,
        path: &Path,
        desk: &mut Desk<'_>,
    ) -> Result<(), ToolchainError> {
        let (id, digest) = desk.digest(path)?;
        self.push(name.to_string(), digest);
        if !self.files.contains(&id) {
            self.files.push(id);
        }
        Ok(())
    }

    /// Adds a text under `name`.
    pub(crate) fn text(&mut self, name: &str, text: &[u8]) {
        self.push(name.to_string(), Digest::of(text));
    }

    /// Adds all files of a directory whose names start with `start`, under one `name`.
    pub(crate) fn directory(
        &mut self,
        name: &str,
        path: &Path,
        start: &str,
        desk: &mut Desk<'_>,
    ) -> Result<(), ToolchainError> {
        let mut encoder = Encoder::for_digest("rekindle toolchain directory 1");
        for file in consult::list(path).map_err(|source| desk.unreadable(path, source))? {
            if !file.as_encoded_bytes().starts_with(start.as_bytes()) {
                continue;
            }
            let (id, digest) = desk.digest(&path.join(&file))?;
            encoder.bytes(file.as_encoded_bytes()).digest(&digest);
            self.files.push(id);
        }
        self.push(name.to_string(), encoder.finish());
        Ok(())
    }

    /// Adds all files below a directory, by their paths in it, under one `name`. Links are followed; what leads nowhere is
    /// left out, and so is a directory that is not there.
    pub(crate) fn tree(
        &mut self,
        name: &str,
        path: &Path,
        desk: &mut Desk<'_>,
    ) -> Result<(), ToolchainError> {
        let mut encoder = Encoder::for_digest("rekindle toolchain tree 1");
        let mut open = vec![(path.to_path_buf(), 0)];
        while let Some((directory, depth)) = open.pop() {
            for entry in consult::names(&directory).map_err(|source| desk.unreadable(&directory, source))? {
                let place = directory.join(&entry.name);
                let is_directory = match entry.kind {
                    NameKind::Directory => true,
                    NameKind::File | NameKind::Other => false,
                    NameKind::Link => consult::is_directory(&place),
                };
                if is_directory {
                    open.extend((depth < DEEPEST).then_some((place, depth + 1)));
                } else if entry.kind == NameKind::File || desk.is_file(&place) {
                    let (id, digest) = desk.digest(&place)?;
                    let inner = place.strip_prefix(path).unwrap_or(&place);
                    encoder.bytes(inner.as_os_str().as_encoded_bytes()).digest(&digest);
                    self.files.push(id);
                }
            }
        }
        self.push(name.to_string(), encoder.finish());
        Ok(())
    }

    /// Adds everything of `others`.
    pub(crate) fn and(mut self, others: &Self) -> Self {
        for part in &others.list {
            self.push(part.name.clone(), part.digest);
        }
        for file in &others.files {
            if !self.files.contains(file) {
                self.files.push(*file);
            }
        }
        self.script = self.script.or_else(|| others.script.clone());
        self
    }

    /// The digests of all parts.
    pub(crate) fn digests(&self) -> Vec<Digest> {
        self.list.iter().map(|part| part.digest).collect()
    }

    /// The identity that they make.
    pub(crate) fn identity(&self, name: String) -> Arc<Identity> {
        Arc::new(Identity::new(name, self.list.clone(), self.files.clone()))
    }

    fn push(&mut self, name: String, digest: Digest) {
        let part = Part { name, digest };
        if !self.list.contains(&part) {
            self.list.push(part);
        }
    }
}

/// The name of the part that stands for the processor of this machine.
pub const PROCESSOR: &str = "processor";

/// The digest of the part called `processor`, which is in each identity whose commands read what processor this
/// machine has (`-march=native`, `-mtune=native`). While it is the same, so are those parts.
pub fn processor() -> Digest {
    Digest::of(&processor_text())
}

/// That part alone.
pub(crate) fn processor_parts() -> Parts {
    let mut parts = Parts::default();
    parts.text(PROCESSOR, &processor_text());
    parts
}

/// What stands for the processor of this machine where a flag says `native`: what Linux tells of the first one, but
/// for what changes from moment to moment.
///
/// Linux's text holds what changes from moment to moment, so it is not asked through `consult`: who wants to know
/// whether the processor is still the same compares the digest.
#[expect(
    clippy::disallowed_methods,
    reason = "the text changes all the time; what is taken from it does not"
)]
fn processor_text() -> Vec<u8> {
    const STABLE: [&str; 7] =
        ["vendor_id", "cpu family", "model", "stepping", "cache size", "flags", "CPU part"];
    let text = disk::read(Path::new("/proc/cpuinfo")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let first = text.split("\n\n").next().unwrap_or_default();
    let stable: Vec<&str> = first
        .lines()
        .filter(|line| STABLE.contains(&line.split(':').next().unwrap_or_default().trim()))
        .collect();
    stable.join("\n").into_bytes()
}
