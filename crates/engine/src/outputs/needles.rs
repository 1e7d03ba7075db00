//! The absolute paths that are sought in outputs, and the search for them in plain bytes: one pass for all.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind, Span, packed};
use rekindle_fingerprint::roots::Roots;

use super::bits::{self, PackedNeedles};
use super::inside;
use super::spellings::{self, Form, MARKS};

/// The absolute paths that make a result bound to where it was made.
#[derive(Clone, Debug)]
pub(crate) struct Needles(Arc<Sought>);

/// All that is sought.
#[derive(Debug)]
pub(super) struct Sought {
    /// The names of the roots.
    names: Vec<Arc<str>>,
    /// Every path of a root, by the number of its name.
    paths: Vec<(usize, Vec<u8>)>,
    /// Every form of these, sorted by its bytes, with the number of its name.
    forms: Vec<(Form, usize)>,
    /// Where the forms start that have the n-th pattern of the finder in front; they end where the next ones start.
    groups: Vec<usize>,
    finder: Finder,
    /// How many bytes must be there for a match that starts at the first one to be judged.
    reach: usize,
    packed: OnceLock<PackedNeedles>,
}

/// Finds the next place where one of several patterns is, none of which is the start of another.
enum Finder {
    Vector(packed::Searcher),
    Automaton(AhoCorasick),
    Nothing,
}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vector(_) => "Vector",
            Self::Automaton(_) => "Automaton",
            Self::Nothing => "Nothing",
        })
    }
}

impl Finder {
    fn new(patterns: &[&[u8]]) -> Self {
        if patterns.is_empty() {
            return Self::Nothing;
        }
        if let Some(searcher) = packed::Searcher::new(patterns) {
            return Self::Vector(searcher);
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(patterns);
        // It fails for patterns of gigabytes alone, and no system has such paths.
        automaton.map_or(Self::Nothing, Self::Automaton)
    }

    /// The next match in `bytes` from `at`: where it starts, and of which pattern.
    fn next(&self, bytes: &[u8], at: usize) -> Option<(usize, usize)> {
        let found = match self {
            Self::Vector(searcher) => searcher.find_in(bytes, Span::from(at..bytes.len())),
            Self::Automaton(automaton) => automaton.find(aho_corasick::Input::new(bytes).range(at..)),
            Self::Nothing => None,
        };
        found.map(|found| (found.start(), found.pattern().as_usize()))
    }
}

impl Needles {
    /// Those of every root that is placed and no system root, in every spelling.
    pub(crate) fn of(roots: &Roots) -> Self {
        use std::os::unix::ffi::OsStrExt;
        let own = || roots.iter().map(|(_, root)| root).filter(|root| root.is_placed() && !root.is_system());
        let names = own().map(|root| root.name.as_str().into()).collect();
        let paths = own().enumerate().flat_map(|(at, root)| {
            let all = std::iter::once(&root.path).chain(&root.spellings);
            all.map(move |path| (at, path.as_os_str().as_bytes().to_vec()))
        });
        Self(Arc::new(Sought::new(names, paths.collect())))
    }

    /// The names of the roots whose paths are in an output or may be, and in the latter case why that is not known.
    pub(crate) fn find(&self, bytes: &[u8]) -> (Vec<Arc<str>>, Option<&'static str>) {
        let mut search = self.search(inside::budget(bytes.len()));
        search.bytes(bytes);
        inside::search(&mut search, bytes);
        search.result()
    }

    /// A search that has found nothing yet.
    pub(super) fn search(&self, budget: u64) -> Search<'_> {
        let count = self.0.names.len();
        Search { sought: &self.0, held: vec![false; count], missing: count, opaque: None, budget }
    }
}

impl Sought {
    fn new(names: Vec<Arc<str>>, paths: Vec<(usize, Vec<u8>)>) -> Self {
        let of_path = |(root, path): &(usize, Vec<u8>)| {
            let root = *root;
            spellings::forms(path).into_iter().map(move |form| (form, root)).collect::<Vec<_>>()
        };
        let mut forms: Vec<(Form, usize)> = paths.iter().flat_map(of_path).collect();
        forms.sort();
        forms.dedup();
        let mut groups: Vec<usize> = Vec::new();
        for (at, (form, _)) in forms.iter().enumerate() {
            if !groups.last().is_some_and(|first| form.bytes.starts_with(&forms[*first].0.bytes)) {
                groups.push(at);
            }
        }
        let patterns: Vec<&[u8]> = groups.iter().map(|first| &*forms[*first].0.bytes).collect();
        let finder = Finder::new(&patterns);
        let reach = forms.iter().map(|(form, _)| form.next + 4 * MARKS).max().unwrap_or(0);
        Self { names, paths, forms, groups, finder, reach, packed: OnceLock::new() }
    }

    /// The forms that may be where the pattern of group `group` was found.
    fn group(&self, group: usize) -> &[(Form, usize)] {
        let end = self.groups.get(group + 1).copied().unwrap_or(self.forms.len());
        &self.forms[self.groups[group]..end]
    }
}

/// One output being searched.
pub(super) struct Search<'n> {
    sought: &'n Sought,
    /// For each root, whether its path was found.
    held: Vec<bool>,
    /// How many were not.
    missing: usize,
    /// Why some of the output could not be looked into; then it may hold every path.
    opaque: Option<&'static str>,
    /// How many bytes may still be looked at beyond the output's own.
    budget: u64,
}

impl Search<'_> {
    /// The names of the roots whose paths are in the output or may be, and in the latter case why.
    pub(super) fn result(self) -> (Vec<Arc<str>>, Option<&'static str>) {
        let all = self.opaque.is_some();
        let held = self.sought.names.iter().zip(&self.held).filter(|(_, held)| all || **held);
        (held.map(|(name, _)| name.clone()).collect(), self.opaque)
    }

    /// Whether there is nothing more to find out.
    pub(super) fn is_over(&self) -> bool {
        self.missing == 0 || self.opaque.is_some()
    }

    /// Something cannot be looked into.
    pub(super) fn give_up(&mut self, why: &'static str) {
        self.opaque.get_or_insert(why);
    }

    /// Accounts for `bytes` more to look at; `false` if that is too much.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        match self.budget.checked_sub(bytes as u64) {
            Some(left) => self.budget = left,
            None => self.give_up("what is packed in it is too large"),
        }
        self.opaque.is_none()
    }

    /// Looks at bytes that are all there is.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.starting_before(bytes, bytes.len());
    }

    /// Looks at the first bytes of more to come; gives how many of them, from the end, must stand before those.
    pub(super) fn first_bytes(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.len().saturating_sub(self.sought.reach);
        self.starting_before(bytes, end);
        bytes.len() - end
    }

    /// Looks at every place where `bytes` hold a path that starts before `end`.
    fn starting_before(&mut self, bytes: &[u8], end: usize) {
        let mut at = 0;
        while at < end && !self.is_over() {
            let Some((start, group)) = self.sought.finder.next(bytes, at) else { return };
            if start >= end {
                return;
            }
            for (form, root) in self.sought.group(group) {
                let rest = &bytes[start..];
                if !self.held[*root]
                    && rest.starts_with(&form.bytes)
                    && !(form.is_short()
                        && spellings::goes_on(rest.iter().skip(form.next).step_by(form.width).copied()))
                {
                    self.holds(*root);
                }
            }
            at = start + 1;
        }
    }

    /// The path of a root was found.
    fn holds(&mut self, root: usize) {
        if !std::mem::replace(&mut self.held[root], true) {
            self.missing -= 1;
        }
    }

    /// Looks at a stream of bits, as LLVM writes them.
    pub(super) fn bitstream(&mut self, bytes: &[u8]) {
        if bits::holds_packed_texts(bytes) {
            return self.give_up("it holds coverage maps or profiles as bitcode");
        }
        let packed = self.sought.packed.get_or_init(|| PackedNeedles::new(&self.sought.paths));
        for root in packed.find(bytes) {
            self.holds(root);
        }
    }
}
