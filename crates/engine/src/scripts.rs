//! What a link reads besides objects and libraries: linker scripts, and the members of thin archives. Few linkers tell
//! of them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use rekindle_fingerprint::action::{Action, ActionKind, DepfileFormat};
use rekindle_fingerprint::ar;
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::{ContentId, Files, PathId};
use rekindle_fingerprint::scan::{Probe, Script, linker_script};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::scans::{Mentioned, is_content};
use crate::session::Session;

/// Linker scripts that were read in this build, by content; none for what is no text.
pub(crate) type Scripts = FxHashMap<ContentId, Option<Rc<Script>>>;

/// How what is no linker script starts: objects, archives, bytecode.
const BINARY: [&[u8]; 4] = [b"\x7fELF", ar::REGULAR, ar::THIN, b"BC\xc0\xde"];

impl Session<'_> {
    /// Adds what the linker scripts among the inputs of a link name.
    pub(crate) fn scripts(&mut self, action: &Action, discovered: &[PathId], all: &mut Mentioned) {
        let mut waiting: Vec<PathId> = action.inputs.iter().chain(discovered).copied().collect();
        // A linker that prints what it reads is silent about scripts.
        if action.discovery.depfiles.contains(&DepfileFormat::Trace) {
            for name in &action.discovery.also_searched {
                waiting.extend(places(self.files, action, None, name));
            }
        }
        let mut known = FxHashSet::default();
        let mut searched: Vec<PathId> = Vec::new();
        while let Some(path) = waiting.pop() {
            let made = self.graph.producer(path).map(|producer| self.graph.action(producer).kind);
            let may_be_text = match made {
                None => !self.is_made(path),
                Some(kind) => kind == ActionKind::Custom,
            };
            if !known.insert(path) || !may_be_text {
                continue;
            }
            let Some(script) = self.script(path) else { continue };
            all.payloads.push(path);
            for name in &script.includes {
                waiting.extend(places(self.files, action, Some(path), name));
            }
            all.probes.extend(script.includes.iter().chain(&script.inputs).flat_map(|name| asked(name)));
            for name in &script.directories {
                let name = name.strip_prefix(b"=").or_else(|| name.strip_prefix(b"$SYSROOT")).unwrap_or(name);
                let cwd = self.files.abs(action.cwd);
                searched.push(self.files.path_from(&cwd, Path::new(OsStr::from_bytes(name))));
            }
            if script.includes.iter().chain(&script.inputs).any(|name| !name.starts_with(b"/")) {
                all.from.push(action.cwd);
            }
        }
        // What was found in a directory that a script names was searched elsewhere before.
        for dir in &searched {
            let dir = self.files.abs(*dir);
            let below = discovered.iter().filter_map(|path| {
                let path = self.files.abs(*path);
                Some(path.strip_prefix(&dir).ok()?.as_os_str().as_bytes().into())
            });
            all.probes.extend(below.map(|name| Probe { name, angled: false, next: false }));
        }
        all.from.extend(searched);
        all.from.sort_unstable();
        all.from.dedup();
        all.payloads.retain(|path| !action.inputs.contains(path));
    }

    fn script(&mut self, path: PathId) -> Option<Rc<Script>> {
        self.files.observe(&[path]);
        let content = self.files.content(path)?;
        if let Some(script) = self.scans.scripts.get(&content) {
            return script.clone();
        }
        let place = self.files.abs(path);
        let text = !BINARY.iter().any(|start| disk::starts_with(&place, start));
        let bytes = text.then(|| disk::read(&place).ok()).flatten();
        let is_seen = match &bytes {
            Some(bytes) => is_content(self.files, content, bytes),
            None => self.files.moved_since_seen(&[path]).is_empty(),
        };
        let script = bytes.filter(|bytes| !bytes.contains(&0)).map(|bytes| Rc::new(linker_script(&bytes)));
        if is_seen {
            self.scans.scripts.insert(content, script.clone());
        }
        script
    }

    /// Adds the members of a thin archive that a link reads.
    pub(crate) fn thin_archive(&mut self, path: PathId, kind: ActionKind, all: &mut Mentioned) {
        let place = self.files.abs(path);
        if !disk::starts_with(&place, ar::THIN) {
            return;
        }
        let shown = self.files.show(path);
        let names = disk::read(&place).ok().and_then(|bytes| ar::thin_members(&bytes));
        // What an archiver makes of one names the same members again.
        let names = names.filter(|_| kind == ActionKind::Link);
        let dir = place.parent().unwrap_or(Path::new("/"));
        for name in names.iter().flatten() {
            let member = self.files.path_from(dir, Path::new(OsStr::from_bytes(name)));
            let nested = disk::starts_with(&self.files.abs(member), ar::THIN);
            if nested || self.graph.producer(member).is_some() {
                all.unprovable.get_or_insert_with(|| format!("`{shown}` is a thin archive of others"));
            }
            all.payloads.push(member);
        }
        if names.is_none() {
            all.unprovable.get_or_insert_with(|| format!("`{shown}` is a thin archive"));
        }
    }
}

/// Where a file that a script or the command names may lie: in the working directory, beside the script, or in a
/// directory that is searched. All of them, since the order is the linker's own.
fn places(files: &mut Files, action: &Action, script: Option<PathId>, name: &[u8]) -> Vec<PathId> {
    let name = Path::new(OsStr::from_bytes(name));
    let beside = script.and_then(|script| files.abs(script).parent().map(Path::to_path_buf));
    let searched = action.discovery.search.iter().flat_map(|search| &search.dirs).map(|dir| files.abs(*dir));
    let cwd = script.map(|_| files.abs(action.cwd));
    let mut dirs: Vec<_> = cwd.into_iter().chain(beside).chain(searched).collect();
    dirs.retain(|dir| matches!(disk::stat(&dir.join(name)), Ok(Entry::File(..))));
    dirs.iter().map(|dir| files.path_from(dir, name)).collect()
}

/// The names that a linker looks for where a script says `name`.
fn asked(name: &[u8]) -> Vec<Probe> {
    let names = match name.strip_prefix(b"-l") {
        Some(library) => [&b".so"[..], b".a"].map(|end| [&b"lib"[..], library, end].concat()).to_vec(),
        None if name.starts_with(b"/") => Vec::new(),
        None => vec![name.to_vec()],
    };
    names.into_iter().map(|name| Probe { name: name.into(), angled: false, next: false }).collect()
}
