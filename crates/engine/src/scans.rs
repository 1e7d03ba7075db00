//! What files mention that no depfile tells, each content scanned once a build.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use rekindle_fingerprint::action::{Action, Piece};
use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::disk;
use rekindle_fingerprint::files::{ContentId, Files, PathId};
use rekindle_fingerprint::lookup::{self, Listings, Outputs, World};
use rekindle_fingerprint::roots::normalize;
use rekindle_fingerprint::scan::{self, First, Mentions, Probe, Scan, Text};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::scripts::Scripts;

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
    /// Directories in which a link searches before all others.
    pub(crate) from: Vec<PathId>,
    /// Why what is read cannot be known.
    pub(crate) unprovable: Option<String>,
    /// Where `__has_` stands alone, and where a word that makes it a question for headers.
    asks: Option<(PathId, usize)>,
    answers: Option<(PathId, usize)>,
    /// The first file that includes another whose name a macro makes.
    computed: Option<PathId>,
    /// The first file with a macro of which a name with `..` can be made, and such names as are written out.
    steps: Option<PathId>,
    macro_steps: Vec<Probe>,
}

/// What was scanned already, without aliases.
#[derive(Default)]
pub(crate) struct Scans {
    known: FxHashMap<(ContentId, Text), Rc<Scan>>,
    first: FxHashMap<ContentId, Rc<First>>,
    pub(crate) scripts: Scripts,
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
                all.add(files, *path, action, scan, world);
                all.add_stepping(files, *path, scan, world, listings);
            }
        } else {
            for (path, scan) in scan_with_aliases(files, paths, text, aliases) {
                all.add(files, path, action, &scan, world);
                all.add_stepping(files, path, &scan, world, listings);
            }
        }
        all.settle_halves(files);
        all.settle_steps(files, action);
        if text == Text::C {
            self.precompiled(files, paths, action, world, &mut all);
        }
        if all.assembly {
            self.scan_payloads(files, action, world, &mut all);
        }
        all
    }

    /// gcc takes `NAME.gch` for the first header that a source includes, if that is there and fits, wherever it
    /// searches that header; and says nothing.
    fn precompiled(
        &mut self,
        files: &mut Files,
        paths: &[PathId],
        action: &Action,
        world: &Outputs,
        all: &mut Mentioned,
    ) {
        let Some(source) = action.inputs.first().copied() else { return };
        let mut names: Vec<Probe> = self.first(files, source).map_or_else(Vec::new, |first| {
            let read = if first.unknown { paths } else { &[] };
            first.names.iter().cloned().chain(searched_as(files, read, action)).collect()
        });
        for name in &mut names {
            name.name = [&*name.name, b".gch"].concat().into();
        }
        let of_flags = action.discovery.also_searched.iter().filter(|name| name.ends_with(b".gch"));
        names.extend(of_flags.map(|name| Probe { name: name.as_slice().into(), angled: false, next: false }));
        for name in names {
            for found in find(files, source, action, &name.name, world, true) {
                match disk::stat(&files.abs(found)) {
                    Ok(disk::Entry::Directory(_)) => {
                        let shown = files.show(found);
                        let why = || format!("`{shown}` is a directory of precompiled headers");
                        all.unprovable.get_or_insert_with(why);
                    }
                    _ if paths.contains(&found) => {}
                    _ => all.payloads.push(found),
                }
            }
            all.probes.push(name);
        }
    }

    fn first(&mut self, files: &Files, source: PathId) -> Option<Rc<First>> {
        let content = files.content(source)?;
        if let Some(known) = self.first.get(&content) {
            return Some(Rc::clone(known));
        }
        let bytes = disk::read(&files.abs(source)).ok()?;
        let first = Rc::new(scan::first_includes(&bytes));
        if is_content(files, content, &bytes) {
            self.first.insert(content, Rc::clone(&first));
        }
        Some(first)
    }

    /// What the assembler includes may make it read further files.
    fn scan_payloads(&mut self, files: &mut Files, action: &Action, world: &Outputs, all: &mut Mentioned) {
        let mut scanned = FxHashSet::default();
        while let Some(path) = all.payloads.iter().copied().find(|path| scanned.insert(*path)) {
            files.observe(&[path]);
            if let Some(scan) = self.scan(files, path, Text::PlainAssembler) {
                all.add(files, path, action, &scan, world);
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
        if is_content(files, content, &bytes) {
            self.known.insert((content, text), Rc::clone(&scanned));
        }
        Some(scanned)
    }
}

/// Whether what was read now is the content that was seen then: else a file that was changed in between would speak for
/// others that have the content still.
pub(crate) fn is_content(files: &Files, content: ContentId, bytes: &[u8]) -> bool {
    Blob::of(bytes) == files.blob(content)
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
    fn add(&mut self, files: &mut Files, path: PathId, action: &Action, scan: &Scan, world: &Outputs) {
        let halves = [(scan.asks, &mut self.asks), (scan.answers, &mut self.answers)];
        for (line, first) in halves {
            if let Some(line) = line {
                first.get_or_insert((path, line));
            }
        }
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
        if scan.mentions.any(Mentions::COMPUTED_INCLUDE) {
            self.computed.get_or_insert(path);
        }
        if scan.mentions.any(Mentions::STEP_IN_MACRO) {
            self.steps.get_or_insert(path);
        }
        self.macro_steps.extend(scan.macro_steps.iter().cloned());
        self.probes.extend(scan.probes.iter().cloned());
        let assembly = scan.unprovable_assembly.as_ref().filter(|_| !action.discovery.incbin_in_depfile);
        if let Some(why) = scan.unprovable.as_ref().or(assembly) {
            self.unprovable.get_or_insert_with(|| format!("{}: {why}", files.show(path)));
        }
        let embeds = scan.embeds.iter().map(|embed| (&embed.name, embed.angled));
        let by_assembler = scan.incbins.iter().chain(&scan.asm_includes).map(|name| (&name.name, false));
        let by_assembler = by_assembler.filter(|_| !action.discovery.incbin_in_depfile);
        for (name, angled) in embeds.chain(by_assembler) {
            self.payloads.extend(find(files, path, action, name, world, false));
            self.probes.push(Probe { name: name.clone(), angled, next: false });
        }
    }

    /// `__has_` and `include`, which `##` may join.
    fn settle_halves(&mut self, files: &Files) {
        if let (Some((asks, line)), Some((answers, other))) = (self.asks, self.answers) {
            let (asks, answers) = (files.show(asks), files.show(answers));
            let why = || {
                format!(
                    "{asks}: line {line}: `__has_` may be made a question for headers by `##` and line {other} of `{answers}`"
                )
            };
            self.unprovable.get_or_insert_with(why);
        }
    }

    /// Where a macro makes the name of an `#include`, each name with `..` that a macro writes out may be it; one that
    /// cannot be read off may be any.
    fn settle_steps(&mut self, files: &Files, action: &Action) {
        let Some(computed) = self.computed else { return };
        self.probes.append(&mut self.macro_steps);
        let in_text = |piece: &Piece| match piece {
            Piece::Text(text) => memchr::memmem::find(text, b"../").is_some(),
            Piece::Path(_) | Piece::Absolute(_) => false,
        };
        let in_command = || action.argv.iter().skip(1).any(|arg| arg.0.len() == 1 && in_text(&arg.0[0]));
        let place = match self.steps {
            Some(path) => format!("`{}`", files.show(path)),
            None if in_command() => "the command".to_string(),
            None => return,
        };
        let shown = files.show(computed);
        let why =
            || format!("{shown}: a macro makes the name for `#include`, and `..` is in a macro of {place}");
        self.unprovable.get_or_insert_with(why);
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

/// Where the payload `name` of a file may be found: beside the file, in the working directory, or where headers are
/// searched; all of these, since who searches it has an order of his own. One that is nowhere stands in a branch that
/// was not compiled. What an action makes counts as there, for its command may just be running.
fn find(
    files: &mut Files,
    path: PathId,
    action: &Action,
    name: &[u8],
    world: &Outputs,
    directories: bool,
) -> Vec<PathId> {
    let name = Path::new(OsStr::from_bytes(name));
    let beside = files.abs(path).parent().map(Path::to_path_buf);
    let searched = action.discovery.search.iter().flat_map(|search| &search.dirs).map(|dir| files.abs(*dir));
    let places: Vec<_> = beside.into_iter().chain([files.abs(action.cwd)]).chain(searched).collect();
    let mut found = Vec::new();
    for dir in places {
        let is_there = match disk::stat(&dir.join(name)) {
            Ok(disk::Entry::File(..)) => true,
            Ok(disk::Entry::Directory(_)) => directories,
            _ => false,
        };
        if is_there || is_made(files, world, &normalize(&dir, name, disk::is_link)) {
            found.push(files.path_from(&dir, name));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether some action makes the file at `place`.
fn is_made(files: &Files, world: &Outputs, place: &Path) -> bool {
    let (root, rel) = files.roots().locate(place);
    let (Some(parent), Some(name)) = (rel.parent(), rel.file_name()) else { return false };
    files.find(root, parent).is_some_and(|dir| world.writes(dir, name.as_bytes()))
}

/// The names under which files may have been searched: seen from each directory that is searched, and alone.
fn searched_as(files: &Files, paths: &[PathId], action: &Action) -> Vec<Probe> {
    let dirs: Vec<_> =
        action.discovery.search.iter().flat_map(|search| &search.dirs).map(|dir| files.abs(*dir)).collect();
    let mut names: Vec<Probe> = Vec::new();
    for path in paths {
        let path = files.abs(*path);
        let below = dirs.iter().filter_map(|dir| path.strip_prefix(dir).ok().map(Path::as_os_str));
        for name in below.chain(path.file_name()) {
            let probe = Probe { name: name.as_bytes().into(), angled: false, next: false };
            if !names.contains(&probe) {
                names.push(probe);
            }
        }
    }
    names
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

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_fingerprint::roots::Roots;

    #[test]
    fn what_is_read_after_an_edit_is_not_taken_for_what_another_file_with_the_old_content_holds() {
        let dir = tempfile::tempdir().unwrap();
        let old = "#include \"old.h\"\nint x;\n";
        let edited = "#include \"new.h\"\nconst char *when = __DATE__;\n";
        let mut files = Files::new(Roots::new(dir.path(), dir.path().join("out")));
        let [one, copy] = ["one.c", "copy.c"].map(|name| {
            std::fs::write(dir.path().join(name), old).unwrap();
            files.path(Roots::WORKSPACE, name)
        });
        files.observe(&[one, copy]);
        std::fs::write(dir.path().join("one.c"), edited).unwrap();
        let mut scans = Scans::default();
        let mut holds = |path: PathId| {
            let first = scans.first(&files, path).unwrap();
            let date = scans.scan(&files, path, Text::C).unwrap().mentions.date().is_some();
            (first.names.iter().map(|probe| probe.name.to_vec()).collect::<Vec<_>>(), date)
        };
        // Who asks for the edited file has read that, and its inputs are seen to have moved.
        assert_eq!(holds(one), (vec![b"new.h".to_vec()], true));
        assert_eq!(holds(copy), (vec![b"old.h".to_vec()], false));
        assert_eq!(holds(one), (vec![b"old.h".to_vec()], false), "what is known of its content is told");
    }
}
