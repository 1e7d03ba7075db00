//! Making a portable proof of what a snapshot is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rekindle_fingerprint::action::{Action, ActionKind};
use rekindle_fingerprint::consult::{Answer, Question};
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::disk;
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::{RootId, Roots};
use rekindle_fingerprint::stamp::{Holds, Stamp};
use rekindle_store::Build;

use super::super::draft::Draft;
use super::super::layout::Kind;
use super::super::terms::{self, Asked as AskedHere, Kept, encode_replays};
use super::{Asked, Paths, Placed, Portable, Said, Terms, arrangement, held, is_ours};

/// What the caller says of a build that may be proved elsewhere.
#[derive(Clone, Debug)]
pub struct Travel {
    /// The digest of all that it says a build depends on, portably.
    pub request: Digest,
    /// The digest of what the toolchains are.
    pub toolchains: Digest,
    /// What else was read as text that may name places: options, values of variables.
    pub words: Vec<OsString>,
    /// Variables that count although lowering did not ask for them.
    pub variables: Vec<(OsString, Option<OsString>)>,
    /// What the build used of a store.
    pub build: Build,
}

/// What actions tell that a snapshot does not keep.
#[derive(Default)]
pub(in super::super) struct Outputs {
    /// Content and executable bit of each output, by the number of its path.
    made: BTreeMap<u32, (Blob, bool)>,
    /// Those that lie at their places although others are left in the store.
    placed: BTreeSet<u32>,
    bound_to: BTreeSet<(Vec<String>, Digest)>,
    /// Whether a store has everything.
    in_store: bool,
    /// Whether anything holds on this machine alone, or cannot be proved by what is looked at.
    stays: bool,
}

impl Outputs {
    /// Of no action yet.
    pub(in super::super) fn new() -> Self {
        Self { in_store: true, ..Self::default() }
    }

    /// Takes in an action with its stamp. `lies` says whether its outputs lie at their places whatever is left.
    pub(in super::super) fn take(
        &mut self,
        action: &Action,
        stamp: &Stamp,
        lies: bool,
        draft: &mut Draft,
        files: &Files,
    ) {
        self.stays |= stamp.volatile.is_some()
            || stamp.unprovable.is_some()
            || action.local.is_some()
            || stamp.kind == ActionKind::AutoArchive
            || matches!(stamp.holds, Holds::OnMachine(_));
        self.in_store &= action.share && stamp.shared.is_some() && action.links.is_empty();
        if let Holds::AtRoots(bound) = &stamp.holds {
            let names = bound.roots.iter().map(ToString::to_string).collect();
            self.bound_to.insert((names, bound.places));
        }
        for output in &stamp.outputs {
            let number = draft.path(output.path, files);
            self.made.insert(number, (files.blob(output.content), output.executable));
            if lies {
                self.placed.insert(number);
            }
        }
    }

    /// The proof that follows from a draft which holds nothing of how toolchains were found; none if what was built can
    /// be proved nowhere else.
    ///
    /// `made` says of a directory of the build directory whether everything in it is of the graph's making.
    pub(in super::super) fn proof(
        self,
        draft: &Draft,
        roots: &Roots,
        travel: &Travel,
        made: &dyn Fn(&[u8]) -> bool,
    ) -> Option<Portable> {
        if self.stays {
            return None;
        }
        let mut maker =
            Maker { draft, roots, made, fixed: false, mentions_ours: false, in_store: self.in_store };
        maker.read_texts(&travel.words)?;
        let (inputs, held) = maker.inputs(&self.made)?;
        let (outputs, made, placed) = maker.outputs(&self.made, &self.placed)?;
        let asked = maker.asked()?;
        let terms = &draft.terms;
        let more = travel.variables.iter();
        let more = more.map(|(name, given)| (name.as_bytes().to_vec(), given.as_deref().map(terms::value)));
        Some(Portable {
            terms: Terms {
                request: travel.request,
                toolchains: travel.toolchains,
                arrangement: arrangement(roots),
                places: maker.fixed.then(|| terms::places(roots)),
                roots: terms.roots.iter().map(|root| root.name.clone()).collect(),
                variables: terms.variables.iter().cloned().chain(more).collect(),
                processor: terms.processor,
                bound_to: self.bound_to.into_iter().collect(),
                keys: terms.keys,
                kinds: terms.kinds.to_vec(),
                bound: terms.bound.clone(),
                in_store: maker.in_store,
                record: travel.build.name(),
            },
            inputs,
            held,
            outputs,
            made,
            placed,
            asked,
            replays: encode_replays(&draft.all_replays()),
            build: Some(travel.build.clone()),
        })
    }
}

struct Maker<'a> {
    draft: &'a Draft,
    roots: &'a Roots,
    made: &'a dyn Fn(&[u8]) -> bool,
    /// Whether it holds only where all roots lie as they do.
    fixed: bool,
    /// Whether a text speaks of `.rekindle`, so that what lies there may be somebody's.
    mentions_ours: bool,
    in_store: bool,
}

impl Maker<'_> {
    /// The number of the root that a path lies in, as the draft numbers it.
    fn root_number(&self, id: RootId) -> Option<u16> {
        let name = &self.roots.get(id).name;
        let at = self.draft.terms.roots.iter().position(|root| root.name == *name)?;
        u16::try_from(at).ok()
    }

    fn is(&self, root: u16, id: RootId) -> bool {
        self.draft.terms.roots.get(usize::from(root)).is_some_and(|term| term.name == self.roots.get(id).name)
    }

    /// In order: the root's number, the path.
    fn sorted(&self, numbers: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut all: Vec<u32> = numbers.collect();
        all.sort_unstable_by(|one, other| self.draft.place_of(*one).cmp(&self.draft.place_of(*other)));
        all
    }

    fn inputs(&mut self, made: &BTreeMap<u32, (Blob, bool)>) -> Option<(Paths, Digest)> {
        let looked_at = (0..self.draft.count_of_paths()).filter(|number| !made.contains_key(number));
        let numbers = self.sorted(looked_at.filter(|number| self.draft.kind_of(*number) != Kind::Unseen));
        let mut paths = Paths::default();
        let mut contents = Vec::with_capacity(numbers.len());
        for number in numbers {
            let (root, rel) = self.draft.place_of(number);
            self.fixed |= self.is(root, Roots::OUTSIDE);
            let content = match self.draft.kind_of(number) {
                Kind::Absent => None,
                _ => Some(self.draft.content_of(number)?),
            };
            // Nothing longer can be opened.
            paths.push(root, content.is_some(), rel).filter(|()| rel.len() < usize::from(u16::MAX))?;
            contents.push(content);
        }
        Some((paths, held(contents.into_iter())))
    }

    fn outputs(
        &self,
        made: &BTreeMap<u32, (Blob, bool)>,
        lie: &BTreeSet<u32>,
    ) -> Option<(Paths, Digest, Vec<Placed>)> {
        let numbers = self.sorted(made.keys().copied());
        let mut paths = Paths::default();
        let mut placed = Vec::new();
        for (at, number) in numbers.iter().enumerate() {
            let (root, rel) = self.draft.place_of(*number);
            if !self.is(root, Roots::BUILD) {
                return None;
            }
            paths.push(root, true, rel).filter(|()| rel.len() < usize::from(u16::MAX))?;
            let (blob, executable) = *made.get(number)?;
            if lie.contains(number) {
                placed.push(Placed { output: u32::try_from(at).ok()?, blob, executable });
            }
        }
        let all = numbers.iter().map(|number| made.get(number).copied());
        Some((paths, held(all), placed))
    }

    fn asked(&mut self) -> Option<Vec<Asked>> {
        let mut all = Vec::with_capacity(self.draft.asked.len());
        for asked in &self.draft.asked {
            let (root, rel) = self.draft.place_of(asked.path);
            self.fixed |= self.is(root, Roots::OUTSIDE);
            let carried = self.is(root, Roots::BUILD);
            // What lies in a build directory is not there in one that is empty; what a search finds of the graph's
            // making counts as there, and a directory that is made is no other one under a second name.
            let follows = match asked.answer {
                Kept::Plain(Answer::Names(..)) => (self.made)(rel),
                Kept::Identity(number) => {
                    self.draft.asked.iter().filter(|other| other.is(number)).count() == 1
                }
                _ => false,
            };
            self.in_store &= !carried || follows;
            let path = self.roots.get(Roots::WORKSPACE).path.join(OsStr::from_bytes(rel));
            let build = &self.roots.get(Roots::BUILD).path;
            let lists = asked.question == Question::Names && self.is(root, Roots::WORKSPACE);
            let ours = lists && !self.mentions_ours && is_ours(&path, build);
            let answer = if ours { Said::Ours } else { self.said(asked)? };
            let question = Question::ALL.iter().position(|one| *one == asked.question)?;
            let rel = PathBuf::from(OsString::from_vec(rel.to_vec()));
            all.push(Asked { root, rel, question: u8::try_from(question).ok()?, answer, carried });
        }
        all.sort_by(|one, other| {
            (one.root, &one.rel, one.question).cmp(&(other.root, &other.rel, other.question))
        });
        Some(all)
    }

    fn said(&mut self, asked: &AskedHere) -> Option<Said> {
        Some(match &asked.answer {
            Kept::Identity(number) => Said::Identity(*number),
            Kept::Path(place) => {
                let path = place.absolute(self.roots);
                let (id, rel) = self.roots.locate(&path);
                self.fixed |= id == Roots::OUTSIDE;
                Said::Path(self.root_number(id)?, rel.strip_prefix("/").unwrap_or(rel).to_path_buf())
            }
            Kept::Plain(answer) => said(answer)?,
        })
    }

    /// Looks whether anything that is text to lowering may mean another path elsewhere: a step up, or a root's own path.
    /// None if a text is not what was read.
    fn read_texts(&mut self, words: &[OsString]) -> Option<()> {
        let places = self.places_of_people();
        for word in words {
            self.read_text(word.as_bytes(), &places);
        }
        let draft = self.draft;
        for number in (0..draft.count_of_paths()).filter(|number| draft.is_text_of_lowering(*number)) {
            let Some((blob, _)) = draft.content_of(number) else { continue };
            let (root, rel) = draft.place_of(number);
            let name = &draft.terms.roots.get(usize::from(root))?.name;
            let root = self.roots.get(self.roots.by_name(name)?);
            // What is too large for a text of people is not looked into.
            if blob.size > LARGEST {
                (self.fixed, self.mentions_ours) = (true, true);
                continue;
            }
            let text = disk::read(&root.path.join(OsStr::from_bytes(rel))).ok()?;
            if Blob::of(&text) != blob {
                return None;
            }
            self.read_text(&text, &places);
        }
        Some(())
    }

    fn read_text(&mut self, text: &[u8], places: &[Vec<u8>]) {
        let holds = |what: &[u8]| memchr::memmem::find(text, what).is_some();
        let steps_up = [&b"../"[..], b"/..", b"\"..\"", b"'..'"].into_iter().any(holds) || text == b"..";
        self.fixed |= steps_up || places.iter().any(|place| holds(place));
        self.mentions_ours |= holds(b".rekindle");
    }

    /// The absolute paths of roots that are not places of the system, in every spelling.
    fn places_of_people(&self) -> Vec<Vec<u8>> {
        let own = self
            .roots
            .iter()
            .filter(|(id, root)| root.is_placed() && !root.is_system() && *id != Roots::OUTSIDE);
        let places = own.flat_map(|(_, root)| std::iter::once(&root.path).chain(&root.spellings));
        places.map(|path| path.as_os_str().as_bytes().to_vec()).collect()
    }
}

/// How large a file is at most that lowering reads as text: manifests and descriptions of packages.
const LARGEST: u64 = 4 << 20;

/// An answer without what belongs to one machine; none if nothing is left of it.
pub(super) fn said(answer: &Answer) -> Option<Said> {
    /// The bits of a mode that say what kind of file it is.
    const KIND: u32 = 0o170_000;
    Some(match answer {
        Answer::Nothing => Said::Nothing,
        Answer::Refused => Said::Refused,
        Answer::Directory => Said::Directory,
        Answer::File(mode) => Said::File(mode & KIND, mode & 0o111 != 0),
        Answer::Path(text) => Said::Text(text.clone()),
        Answer::Names(names) => Said::Names(names.digest),
        Answer::Content(_) | Answer::Identity(..) => return None,
    })
}
