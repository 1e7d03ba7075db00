//! What files mention that no depfile tells, each content scanned once a build.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::files::{ContentId, Files, PathId};
use rekindle_fingerprint::lookup::{self, Listings, Outputs};
use rekindle_fingerprint::scan::{self, Mentions, Probe, Scan, Text};
use rustc_hash::{FxHashMap, FxHashSet};

/// What all files that one action read mention together.
#[derive(Default)]
pub(crate) struct Mentioned {
    /// Names that were asked for, found or not.
    pub(crate) probes: Vec<Probe>,
    /// Files that the assembler or `#embed` read.
    pub(crate) payloads: Vec<PathId>,
    /// Files that are read only when the output is linked.
    pub(crate) deferred: Vec<PathId>,
    /// Some file may make the assembler read another.
    pub(crate) assembly: bool,
    /// The first macro that may put a date or a time into the result, and the file that has it.
    pub(crate) volatile: Option<String>,
    /// The first file that asks for its own name, and how: its path may be in the result.
    pub(crate) own_name: Option<String>,
    /// Why what is read cannot be known.
    pub(crate) unprovable: Option<String>,
}

/// What was scanned already, without aliases.
#[derive(Default)]
pub(crate) struct Scans {
    known: FxHashMap<(ContentId, Text), Rc<Scan>>,
}

impl Scans {
    /// What the files at `paths`, which `action` read, mention together.
    pub(crate) fn mentioned(
        &mut self,
        files: &mut Files,
        paths: &[PathId],
        action: &Action,
        world: &Outputs,
        listings: &mut Listings,
    ) -> Mentioned {
        let text = text_of(files, action);
        let mut all = Mentioned::default();
        let scans: Vec<(PathId, Rc<Scan>)> =
            paths.iter().filter_map(|path| Some((*path, self.scan(files, *path, text)?))).collect();
        let aliases = aliases(scans.iter().map(|(_, scan)| &**scan), &[]);
        if aliases.is_empty() {
            for (path, scan) in &scans {
                all.add(files, *path, action, scan);
                all.add_stepping(files, *path, scan, world, listings);
            }
        } else {
            for (path, scan) in scan_with_aliases(files, paths, text, aliases) {
                all.add(files, path, action, &scan);
                all.add_stepping(files, path, &scan, world, listings);
            }
        }
        if all.assembly {
            self.scan_payloads(files, action, &mut all);
        }
        all
    }

    /// What the assembler includes may make it read further files.
    fn scan_payloads(&mut self, files: &mut Files, action: &Action, all: &mut Mentioned) {
        let mut scanned = FxHashSet::default();
        while let Some(path) = all.payloads.iter().copied().find(|path| scanned.insert(*path)) {
            files.observe(&[path]);
            if let Some(scan) = self.scan(files, path, Text::PlainAssembler) {
                all.add(files, path, action, &scan);
            }
        }
        all.payloads.sort_unstable();
        all.payloads.dedup();
    }

    fn scan(&mut self, files: &Files, path: PathId, text: Text) -> Option<Rc<Scan>> {
        // A precompiled header is no text; the headers that it was made of are named beside it.
        if matches!(files.rel(path).extension().map(OsStr::as_bytes), Some(b"gch" | b"pch")) {
            return None;
        }
        let content = files.content(path)?;
        if let Some(known) = self.known.get(&(content, text)) {
            return Some(Rc::clone(known));
        }
        // If it was changed or deleted meanwhile, the check of the inputs tells; nothing of it is recorded then.
        let bytes = disk::read(&files.abs(path)).ok()?;
        let scanned = Rc::new(scan::scan(&bytes, text));
        self.known.insert((content, text), Rc::clone(&scanned));
        Some(scanned)
    }
}

/// Scans all files again, with the macros that stand for `__has_include` in any of them, until there is none new.
fn scan_with_aliases(
    files: &Files,
    paths: &[PathId],
    text: Text,
    mut known: Vec<Box<[u8]>>,
) -> Vec<(PathId, Scan)> {
    let read = |path: &PathId| Some((*path, disk::read(&files.abs(*path)).ok()?));
    let contents: Vec<(PathId, Vec<u8>)> = paths.iter().filter_map(read).collect();
    loop {
        let scans: Vec<(PathId, Scan)> =
            contents.iter().map(|(path, bytes)| (*path, scan::scan_with(bytes, text, &known))).collect();
        let more = aliases(scans.iter().map(|(_, scan)| scan), &known);
        if more.is_empty() {
            return scans;
        }
        known.extend(more);
    }
}

/// The aliases that `scans` found, but for those that are known.
fn aliases<'s>(scans: impl Iterator<Item = &'s Scan>, known: &[Box<[u8]>]) -> Vec<Box<[u8]>> {
    let mut found: Vec<Box<[u8]>> =
        scans.flat_map(|scan| &scan.aliases).filter(|alias| !known.contains(alias)).cloned().collect();
    found.sort_unstable();
    found.dedup();
    found
}

impl Mentioned {
    fn add(&mut self, files: &mut Files, path: PathId, action: &Action, scan: &Scan) {
        if scan.mentions.is_empty() {
            return;
        }
        self.assembly |= scan.mentions.any(Mentions::INCBIN | Mentions::ASM_INCLUDE);
        if let Some(name) = scan.mentions.without(action.discovery.fixed).date() {
            self.volatile.get_or_insert_with(|| format!("`{name}` in `{}`", files.show(path)));
        }
        if let Some(macro_name) = scan.mentions.own_name() {
            self.own_name.get_or_insert_with(|| format!("`{macro_name}` in `{}`", files.show(path)));
        }
        self.probes.extend(scan.probes.iter().cloned());
        let assembly = scan.unprovable_assembly.as_ref().filter(|_| !action.discovery.incbin_in_depfile);
        if let Some(why) = scan.unprovable.as_ref().or(assembly) {
            self.unprovable.get_or_insert_with(|| format!("{}: {why}", files.show(path)));
        }
        let embeds = scan.embeds.iter().map(|embed| (&embed.name, embed.angled));
        let by_assembler = scan.incbins.iter().chain(&scan.asm_includes).map(|name| (&name.name, false));
        let by_assembler = by_assembler.filter(|_| !action.discovery.incbin_in_depfile);
        for (name, angled) in embeds.chain(by_assembler) {
            self.payloads.extend(find(files, path, action, name));
            self.probes.push(Probe { name: name.clone(), angled, next: false });
        }
    }

    /// A name with `..` in it that is not found beside the file that includes it was searched, and no path that was
    /// read tells under which name.
    fn add_stepping(
        &mut self,
        files: &mut Files,
        path: PathId,
        scan: &Scan,
        world: &Outputs,
        listings: &mut Listings,
    ) {
        for name in &scan.stepping {
            if !lookup::is_beside(files, world, path, name, listings) {
                self.probes.push(name.clone());
            }
        }
    }
}

/// Where the payload `name` of a file is found: beside the file, in the working directory, or where headers are
/// searched. One that is nowhere stands in a branch that was not compiled.
fn find(files: &mut Files, path: PathId, action: &Action, name: &[u8]) -> Option<PathId> {
    let name = Path::new(OsStr::from_bytes(name));
    let beside = files.abs(path).parent().map(Path::to_path_buf);
    let searched = action.discovery.search.iter().flat_map(|search| &search.dirs).map(|dir| files.abs(*dir));
    let places: Vec<_> = beside.into_iter().chain([files.abs(action.cwd)]).chain(searched).collect();
    let found =
        places.into_iter().find(|dir| matches!(disk::stat(&dir.join(name)), Ok(disk::Entry::File(..))))?;
    Some(files.path_from(&found, name))
}

/// How the files of an action are read: headers as their source is.
fn text_of(files: &Files, action: &Action) -> Text {
    let source = action.inputs.first().and_then(|source| files.rel(*source).extension());
    match source.map(OsStr::as_bytes) {
        Some(b"s") => Text::PlainAssembler,
        Some(b"S" | b"sx") => Text::Assembler,
        _ => Text::C,
    }
}
