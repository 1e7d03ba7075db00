//! A snapshot that is being made: from nothing, or from the one before.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{Action, ActionKind};
use rekindle_fingerprint::auto::AutoBuild;
use rekindle_fingerprint::consult::Question;
use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::encode::Malformed;
use rekindle_fingerprint::files::{ContentId, Files, PathId, Seen};
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_fingerprint::signature::Signature;
use rekindle_fingerprint::stamp::Stamp;
use rustc_hash::{FxHashMap, FxHashSet};

use super::image::Image;
use super::layout::{self, ActionRecord, Kind, PathRecord, Section, StateRecord};
use super::terms::{Asked, Replay, RootTerm, Terms, decode_replays, encode_asked, encode_replays};
use crate::error::{At, Error};
use crate::settle::remarks_of;

/// Writes a file that is not there yet; what lies there (of a build that was killed, or a link that somebody put there) is
/// taken away first.
fn put_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(bytes)
}

/// Writes a file by way of a new one beside it.
pub(super) fn put_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let written = put_new(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// No number.
const NONE: u32 = u32::MAX;

/// See the module's documentation.
pub(super) struct Draft {
    pub(super) terms: Terms,
    pub(super) asked: Vec<Asked>,
    /// What actions have to say, by their numbers.
    replays: BTreeMap<u32, Replay>,
    paths: Vec<PathRecord>,
    text: Vec<u8>,
    states: Vec<StateRecord>,
    /// Numbers of paths that are looked at, neighbours together; those that came later are missing.
    order: Vec<u32>,
    contents: Vec<Blob>,
    actions: Vec<ActionRecord>,
    /// The paths of each action.
    lists: Vec<Vec<u32>>,
    /// The numbers of paths and contents of the running build, and of its roots.
    numbers: Vec<u32>,
    content_numbers: Vec<u32>,
    root_numbers: FxHashMap<RootId, u16>,
    /// Where each question stands; empty until that is asked.
    places: FxHashMap<(u32, Question), usize>,
    /// How many paths the snapshot of before has, and which they and its contents are; empty until that is asked.
    inherited: usize,
    /// Numbers of what the running build makes, and whether anything else turned out to be another thing than it was when
    /// all actions that are not in the running build were found fresh.
    remade: FxHashSet<u32>,
    pub(super) torn: bool,
    by_text: FxHashMap<(u16, Box<[u8]>), u32>,
    by_blob: FxHashMap<Blob, u32>,
}

impl Draft {
    /// One without anything in it.
    pub(super) fn new(terms: Terms) -> Self {
        Self {
            terms,
            asked: Vec::new(),
            replays: BTreeMap::new(),
            paths: Vec::new(),
            text: Vec::new(),
            states: Vec::new(),
            order: Vec::new(),
            contents: Vec::new(),
            actions: Vec::new(),
            lists: Vec::new(),
            numbers: Vec::new(),
            content_numbers: Vec::new(),
            root_numbers: FxHashMap::default(),
            places: FxHashMap::default(),
            inherited: 0,
            remade: FxHashSet::default(),
            torn: false,
            by_text: FxHashMap::default(),
            by_blob: FxHashMap::default(),
        }
    }

    /// One that says what `image` says.
    pub(super) fn of(image: &Image) -> Result<Self, Malformed> {
        let mut draft = Self::new(image.terms.clone());
        draft.asked = image.asked()?;
        draft.replays = image.replays()?.into_iter().map(|replay| (replay.action, replay)).collect();
        draft.inherited = image.paths();
        for number in 0..u32::try_from(image.paths()).map_err(|_| Malformed)? {
            let record = image.path_record(number).ok_or(Malformed)?;
            let text = image.text_of(number).ok_or(Malformed)?;
            let (start, length) = (draft.text.len(), text.len());
            draft.text.extend_from_slice(text);
            let place = |at: usize| u32::try_from(at).map_err(|_| Malformed);
            draft.paths.push(PathRecord { start: place(start)?, length: place(length)?, ..record });
            draft.states.push(image.state(number).ok_or(Malformed)?);
        }
        use rekindle_fingerprint::sweep::Table;
        draft.order = (0..image.len()).filter_map(|at| image.order(at)).collect();
        draft.contents = (0..image.contents()).filter_map(|at| image.content(at as u32)).collect();
        for number in 0..image.actions() {
            let record = image.action(number).ok_or(Malformed)?;
            draft.lists.push(image.list(&record).collect());
            draft.actions.push(record);
        }
        Ok(draft)
    }

    /// Takes over which number a path of the running build has here.
    pub(super) fn knows(&mut self, path: PathId, number: u32) {
        let at = path.0 as usize;
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, NONE);
        }
        self.numbers[at] = number;
    }

    /// The number of a path.
    pub(super) fn path(&mut self, path: PathId, files: &Files) -> u32 {
        if let Some(number) = self.numbers.get(path.0 as usize).filter(|number| **number != NONE) {
            return *number;
        }
        let root = self.root(files.root(path), files.roots());
        let text = files.rel(path).as_os_str().as_bytes();
        if let Some(number) = self.inherited_path(root, text) {
            self.knows(path, number);
            return number;
        }
        let number = self.push(root, text);
        self.knows(path, number);
        number
    }

    fn push(&mut self, root: u16, text: &[u8]) -> u32 {
        let record = PathRecord {
            root,
            kind: Kind::Unseen,
            lowers: false,
            start: u32::try_from(self.text.len()).unwrap_or(NONE),
            length: u32::try_from(text.len()).unwrap_or(NONE),
        };
        self.text.extend_from_slice(text);
        let number = u32::try_from(self.paths.len()).unwrap_or(NONE);
        self.paths.push(record);
        self.states.push(StateRecord::NONE);
        number
    }

    /// The number that a path had in the snapshot of before.
    fn inherited_path(&mut self, root: u16, text: &[u8]) -> Option<u32> {
        if self.by_text.is_empty() && self.inherited > 0 {
            let text =
                |path: &PathRecord| &self.text[path.start as usize..(path.start + path.length) as usize];
            let known = self.paths[..self.inherited].iter().zip(0..);
            self.by_text = known.map(|(path, number)| ((path.root, text(path).into()), number)).collect();
        }
        if self.inherited == 0 { None } else { self.by_text.get(&(root, text.into())).copied() }
    }

    /// The number of a content.
    fn blob(&mut self, blob: Blob) -> u32 {
        if self.by_blob.is_empty() {
            self.by_blob = self.contents.iter().copied().zip(0..).collect();
        }
        let next = u32::try_from(self.contents.len()).unwrap_or(NONE);
        let number = *self.by_blob.entry(blob).or_insert(next);
        if number == next {
            self.contents.push(blob);
        }
        number
    }

    fn root(&mut self, id: RootId, roots: &Roots) -> u16 {
        if let Some(number) = self.root_numbers.get(&id) {
            return *number;
        }
        let root = roots.get(id);
        let known = self.terms.roots.iter().position(|term| term.name == root.name);
        let number = known.unwrap_or_else(|| {
            self.terms.roots.push(RootTerm::of(root, roots, false));
            self.terms.roots.len() - 1
        });
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        self.root_numbers.insert(id, number);
        number
    }

    fn content(&mut self, content: ContentId, files: &Files) -> u32 {
        let at = content.0 as usize;
        if self.content_numbers.len() <= at {
            self.content_numbers.resize(at + 1, NONE);
        }
        if self.content_numbers[at] == NONE {
            self.content_numbers[at] = self.blob(files.blob(content));
        }
        self.content_numbers[at]
    }

    /// Notes what the running build saw at a path; `false` if that is nothing that can be looked at again.
    pub(super) fn see(&mut self, path: PathId, files: &Files) -> bool {
        let (kind, state) = match *files.seen(path) {
            Seen::Absent => (Kind::Absent, StateRecord::NONE),
            Seen::File { signature, content, racy } => {
                let content = self.content(content, files);
                (if racy { Kind::Racy } else { Kind::File }, StateRecord { signature, content })
            }
            // What lies in the store is found there by who needs it; nothing is to lie here.
            Seen::Left { .. } => (Kind::Absent, StateRecord::NONE),
            Seen::Unknown | Seen::Directory | Seen::Unreadable(_) => return false,
        };
        let number = self.path(path, files);
        self.torn |= (number as usize) < self.inherited
            && !self.remade.contains(&number)
            && self.is_another(number, kind, state);
        self.set(number, kind, state);
        true
    }

    /// Notes that the running build makes what lies at a path.
    pub(super) fn makes(&mut self, path: PathId, files: &Files) {
        let number = self.path(path, files);
        self.remade.insert(number);
    }

    /// Whether a path that was looked at is known to be something else.
    fn is_another(&self, number: u32, kind: Kind, state: StateRecord) -> bool {
        let at = number as usize;
        let (Some(then), Some(known)) = (self.paths.get(at), self.states.get(at)) else { return true };
        let is_file = |kind: Kind| matches!(kind, Kind::File | Kind::Racy);
        match then.kind {
            Kind::Unseen => false,
            Kind::Absent => is_file(kind),
            Kind::File | Kind::Racy => {
                !is_file(kind)
                    || known.content != state.content
                    || known.signature.executable() != state.signature.executable()
            }
        }
    }

    fn set(&mut self, number: u32, kind: Kind, state: StateRecord) {
        let at = number as usize;
        if let (Some(record), Some(place)) = (self.paths.get_mut(at), self.states.get_mut(at)) {
            record.kind = kind;
            *place = state;
        }
    }

    /// Notes that the content of a path decides what there is to build.
    pub(super) fn lowers(&mut self, number: u32) {
        if let Some(record) = self.paths.get_mut(number as usize) {
            record.lowers = true;
        }
    }

    /// Notes that a file has another signature and the content that it had.
    pub(super) fn touch(&mut self, number: u32, signature: Signature, racy: bool) {
        if let Some(state) = self.states.get(number as usize).copied() {
            let kind = if racy { Kind::Racy } else { Kind::File };
            self.set(number, kind, StateRecord { signature, ..state });
        }
    }

    /// Notes that a file holds something that it did not, or is gone.
    pub(super) fn change(&mut self, number: u32, file: Option<(Signature, Blob, bool)>) {
        let (kind, state) = match file {
            None => (Kind::Absent, StateRecord::NONE),
            Some((signature, blob, racy)) => {
                let content = self.blob(blob);
                (if racy { Kind::Racy } else { Kind::File }, StateRecord { signature, content })
            }
        };
        self.set(number, kind, state);
    }

    /// Adds an action, or, with a number, puts it in the place of the one that has it. Everything that its stamp speaks
    /// of must have been seen, with the content that the stamp has; else `false`.
    pub(super) fn action(
        &mut self,
        number: Option<usize>,
        action: &Action,
        stamp: &Stamp,
        files: &Files,
    ) -> bool {
        let holds = |path: PathId, content: Option<ContentId>| match (files.seen(path), content) {
            (Seen::File { content: now, .. } | Seen::Left { content: now, .. }, Some(then)) => *now == then,
            (Seen::Absent, None) => true,
            _ => false,
        };
        let mut all = stamp.outputs.iter().map(|output| (output.path, Some(output.content)));
        let mut declared = stamp.declared.iter().map(|(path, content)| (*path, Some(*content)));
        let mut discovered = stamp.discovered.iter().copied();
        let pairs = all.by_ref().chain(declared.by_ref()).chain(discovered.by_ref());
        let mut list =
            Vec::with_capacity(stamp.outputs.len() + stamp.declared.len() + stamp.discovered.len());
        for (path, content) in pairs {
            if !holds(path, content) || !self.see(path, files) {
                return false;
            }
            list.push(self.path(path, files));
        }
        let executable = |path| files.is_executable(path);
        if stamp.outputs.is_empty()
            || stamp.unprovable.is_some()
            || stamp.outputs.iter().any(|output| executable(output.path) != output.executable)
        {
            return false;
        }
        let remarks = remarks_of(stamp);
        let bound = remarks.bound.as_ref().map_or(0, |why| self.bound(why, remarks.bound_to_tools));
        let record = ActionRecord {
            start: 0,
            length: u32::try_from(list.len()).unwrap_or(NONE),
            outputs: u32::try_from(stamp.outputs.len()).unwrap_or(NONE),
            kind: ActionKind::ALL.iter().position(|kind| *kind == stamp.kind).unwrap_or_default() as u8,
            volatile: remarks.volatile.is_some(),
            local: remarks.local.is_some(),
            leaves: !stamp.deferred.is_empty(),
            bound,
        };
        let number = match number {
            Some(number) => {
                self.actions[number] = record;
                self.lists[number] = list;
                number
            }
            None => {
                self.actions.push(record);
                self.lists.push(list);
                self.actions.len() - 1
            }
        };
        self.replay(number, action, stamp, files);
        true
    }

    /// The number of a path that the running build has no number for; a new one each time.
    pub(super) fn number_of(&mut self, root: RootId, text: &[u8], roots: &Roots) -> u32 {
        let root = self.root(root, roots);
        self.push(root, text)
    }

    /// Notes what lies at a path, on which it depends whether anything is to be done.
    pub(super) fn found(
        &mut self,
        root: RootId,
        text: &[u8],
        file: Option<(Signature, Blob, bool)>,
        roots: &Roots,
    ) {
        let number = self.number_of(root, text, roots);
        self.change(number, file);
        self.lowers(number);
    }

    /// Takes over what actions have to say.
    pub(super) fn set_replays(&mut self, encoded: &[u8]) {
        let replays = decode_replays(encoded).unwrap_or_default();
        self.replays = replays.into_iter().map(|replay| (replay.action, replay)).collect();
    }

    /// What actions have to say.
    pub(super) fn all_replays(&self) -> Vec<Replay> {
        self.replays.values().cloned().collect()
    }

    /// How many paths there are.
    pub(super) fn count_of_paths(&self) -> u32 {
        u32::try_from(self.paths.len()).unwrap_or(NONE)
    }

    /// A path: the number of its root, and the rest.
    pub(super) fn place_of(&self, number: u32) -> (u16, &[u8]) {
        let Some(path) = self.paths.get(number as usize) else { return (u16::MAX, &[]) };
        let start = path.start as usize;
        (path.root, self.text.get(start..start + path.length as usize).unwrap_or_default())
    }

    /// What lies at a path.
    pub(super) fn kind_of(&self, number: u32) -> Kind {
        self.paths.get(number as usize).map_or(Kind::Unseen, |path| path.kind)
    }

    /// What is in a file, and whether it may be executed.
    pub(super) fn content_of(&self, number: u32) -> Option<(Blob, bool)> {
        let is_file = matches!(self.kind_of(number), Kind::File | Kind::Racy);
        let state = self.states.get(number as usize).filter(|_| is_file)?;
        Some((*self.contents.get(state.content as usize)?, state.signature.executable()))
    }

    /// Whether lowering has read a file.
    pub(super) fn is_text_of_lowering(&self, number: u32) -> bool {
        self.paths.get(number as usize).is_some_and(|path| path.lowers)
    }

    fn bound(&mut self, why: &str, tools: bool) -> u32 {
        let bound = &mut self.terms.bound;
        let known = bound.iter().position(|(known, of, _)| known == why && *of == tools);
        let at = known.unwrap_or_else(|| {
            bound.push((why.to_string(), tools, 0));
            bound.len() - 1
        });
        u32::try_from(at + 1).unwrap_or(0)
    }

    fn replay(&mut self, number: usize, action: &Action, stamp: &Stamp, files: &Files) {
        let number = u32::try_from(number).unwrap_or(NONE);
        self.replays.remove(&number);
        if !stamp.printed.is_empty() || action.auto.is_some() {
            let replay = Replay {
                action: number,
                kind: stamp.kind,
                name: action.name.clone(),
                outputs: stamp.outputs.iter().map(|output| files.show(output.path)).collect(),
                printed: stamp.printed.clone(),
                remarks: remarks_of(stamp),
                profile: action.auto.as_deref().map(AutoBuild::profile).unwrap_or_default(),
                watched: action.auto.as_ref().map_or(0, |_| action.inputs.len() as u64),
            };
            self.replays.insert(number, replay);
        }
    }

    /// Notes an answer of the disk, in the place of an earlier one to the same question.
    pub(super) fn ask(&mut self, asked: Asked) {
        if self.places.is_empty() {
            self.places =
                self.asked.iter().zip(0..).map(|(asked, at)| ((asked.path, asked.question), at)).collect();
        }
        match self.places.get(&(asked.path, asked.question)) {
            Some(at) => self.asked[*at] = asked,
            None => {
                self.places.insert((asked.path, asked.question), self.asked.len());
                self.asked.push(asked);
            }
        }
    }

    /// Writes it to `path`, by way of a new file beside it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(mut self, path: &Path) -> Result<(), Error> {
        let bytes = self.assemble();
        put_whole(path, &bytes).at("write", path)
    }

    fn assemble(&mut self) -> Vec<u8> {
        // Without actions, it was told what they are.
        if !self.actions.is_empty() {
            self.count();
        }
        let mut lists = Vec::with_capacity(self.lists.iter().map(Vec::len).sum());
        for (action, list) in self.actions.iter_mut().zip(&self.lists) {
            action.start = u32::try_from(lists.len()).unwrap_or(NONE);
            lists.extend_from_slice(list);
        }
        self.pass_over_what_nobody_has(&lists);
        self.put_in_order();
        let mut sections: [Vec<u8>; Section::COUNT] = Default::default();
        let mut put = |section: Section, bytes: Vec<u8>| sections[section as usize] = bytes;
        put(Section::Terms, self.terms.encode());
        put(Section::Paths, layout::section(&self.paths));
        put(Section::Text, std::mem::take(&mut self.text));
        put(Section::States, layout::section(&self.states));
        put(Section::Order, layout::section(&self.order));
        put(Section::Questions, encode_asked(&self.asked));
        put(Section::Replays, encode_replays(&self.replays.values().cloned().collect::<Vec<_>>()));
        put(Section::Contents, layout::section(&self.contents));
        put(Section::Actions, layout::section(&self.actions));
        put(Section::Lists, layout::section(&lists));
        layout::assemble(&sections)
    }

    /// What a summary says of the actions.
    pub(super) fn count(&mut self) {
        let terms = &mut self.terms;
        (terms.volatile, terms.local, terms.kinds) = (0, 0, [0; ActionKind::ALL.len()]);
        for (_, _, count) in &mut terms.bound {
            *count = 0;
        }
        for action in &self.actions {
            if let Some(count) = terms.kinds.get_mut(usize::from(action.kind)) {
                *count += 1;
            }
            terms.volatile += u64::from(action.volatile);
            terms.local += u64::from(action.local);
            if let Some((_, _, count)) =
                (action.bound as usize).checked_sub(1).and_then(|at| terms.bound.get_mut(at))
            {
                *count += 1;
            }
        }
    }

    /// A path that no action has any more, and that lowering did not look at, is not looked at by the next build.
    fn pass_over_what_nobody_has(&mut self, lists: &[u32]) {
        let mut had = vec![false; self.paths.len()];
        for number in lists {
            if let Some(had) = had.get_mut(*number as usize) {
                *had = true;
            }
        }
        for (path, _) in self.paths.iter_mut().zip(had).filter(|(path, had)| !had && !path.lowers) {
            path.kind = Kind::Unseen;
        }
    }

    /// Puts the paths that are looked at into an order in which neighbours stand together. What is in order stays.
    fn put_in_order(&mut self) {
        let mut there = vec![false; self.paths.len()];
        self.order
            .retain(|number| self.paths.get(*number as usize).is_some_and(|path| path.kind != Kind::Unseen));
        for number in &self.order {
            there[*number as usize] = true;
        }
        let looked_at = |at: &usize| self.paths[*at].kind != Kind::Unseen && !there[*at];
        let mut new: Vec<usize> = (0..self.paths.len()).filter(looked_at).collect();
        let text = |at: &usize| {
            let path = self.paths[*at];
            (path.root, &self.text[path.start as usize..(path.start + path.length) as usize])
        };
        new.sort_unstable_by(|one, another| text(one).cmp(&text(another)));
        self.order.extend(new.into_iter().map(|at| u32::try_from(at).unwrap_or(NONE)));
    }
}
