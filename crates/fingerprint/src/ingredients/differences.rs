//! What differs between the ingredients of two results, by name and with both values.
//!
//! Ingredients come apart into facts (what, name, value). Facts that both sides have are no difference; the others are
//! paired by what they are about. Only lists whose order counts need more than that.

use std::collections::BTreeMap;
use std::fmt;

use super::{Held, Ingredients, Named, Searched, Short, Text, Way};
use crate::roots::Roots;

/// What kind of ingredient differs, from cause to effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// What rekindle knows of how commands read their inputs.
    Rules,
    /// What the action does.
    Kind,
    /// What it writes.
    Product,
    /// The toolchain, where it is not known of what parts it was made.
    Toolchain,
    /// A part of the toolchain.
    ToolchainPart,
    /// Where the build directory lies, seen from where the command runs.
    BuildDirectory,
    /// Arguments.
    Argument,
    /// The order of the arguments.
    ArgumentOrder,
    /// A variable of the keyed environment.
    Environment,
    /// The working directory.
    Directory,
    /// A declared input.
    Input,
    /// The order of the declared inputs.
    InputOrder,
    /// Whether an input may be executed.
    Executable,
    /// A file that was read besides.
    Discovered,
    /// Whether such a file is read only when linking.
    Deferred,
    /// How it is found out what is read.
    Discovery,
    /// A directory that is searched.
    SearchDirectory,
    /// The order of the directories.
    SearchOrder,
    /// A directory that is searched before those.
    SearchedFrom,
    /// A name that is searched whether or not it is read.
    SearchedFor,
    /// Whether a file was read by searching for it.
    ReadBySearch,
    /// A directory that is another one under a second name.
    SameDirectory,
    /// A name that is found in a directory and was not read there.
    Found,
    /// A root that lies where every machine has a directory.
    SystemPlace,
    /// To which places the result is bound.
    Bound,
}

impl What {
    /// Its name in JSON events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Kind => "kind",
            Self::Product => "product",
            Self::Toolchain => "toolchain",
            Self::ToolchainPart => "toolchain_part",
            Self::BuildDirectory => "build_directory",
            Self::Argument => "argument",
            Self::ArgumentOrder => "argument_order",
            Self::Environment => "environment",
            Self::Directory => "directory",
            Self::Input => "input",
            Self::InputOrder => "input_order",
            Self::Executable => "executable",
            Self::Discovered => "discovered",
            Self::Deferred => "deferred",
            Self::Discovery => "discovery",
            Self::SearchDirectory => "search_directory",
            Self::SearchOrder => "search_order",
            Self::SearchedFrom => "searched_from",
            Self::SearchedFor => "searched_for",
            Self::ReadBySearch => "read_by_search",
            Self::SameDirectory => "same_directory",
            Self::Found => "found",
            Self::SystemPlace => "system_place",
            Self::Bound => "bound",
        }
    }

    /// In words, before the name.
    fn words(self) -> &'static str {
        match self {
            Self::Rules => "the rules of rekindle",
            Self::Kind => "the kind of action",
            Self::Product => "product",
            Self::Toolchain => "the toolchain",
            Self::ToolchainPart => "toolchain part",
            Self::BuildDirectory => "build directory",
            Self::Argument => "arguments",
            Self::ArgumentOrder => "order of arguments",
            Self::Environment => "environment variable",
            Self::Directory => "working directory",
            Self::Input => "declared input",
            Self::InputOrder => "order of declared inputs",
            Self::Executable => "executable input",
            Self::Discovered => "discovered input",
            Self::Deferred => "input of the link behind it",
            Self::Discovery => "discovery of inputs",
            Self::SearchDirectory => "search directory",
            Self::SearchOrder => "order of search directories",
            Self::SearchedFrom => "directory searched first",
            Self::SearchedFor => "searched name",
            Self::ReadBySearch => "file found by searching",
            Self::SameDirectory => "second name of a search directory",
            Self::Found => "found name",
            Self::SystemPlace => "root at a place of the system",
            Self::Bound => "place that binds the result",
        }
    }

    /// How it is said that one side has no such thing.
    fn missing(self) -> &'static str {
        match self {
            Self::Environment => "not set",
            Self::Input => "not declared",
            Self::Discovered => "not read",
            Self::Bound | Self::Toolchain => "none",
            _ => "not",
        }
    }
}

/// By what name an ingredient goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// There is one of it.
    None,
    /// A text.
    Text(String),
    /// A path.
    Path(Named),
    /// A name in a directory.
    In(Named, String),
}

impl Name {
    fn text(bytes: &[u8]) -> Self {
        Self::Text(lossy(bytes))
    }

    /// How a person sees it; none if it needs no name.
    pub fn show(&self, roots: &Roots) -> Option<String> {
        match self {
            Self::None => None,
            Self::Text(text) => Some(text.clone()),
            Self::Path(path) => Some(path.show(roots)),
            Self::In(dir, name) => Some(format!("{name} in {}", dir.show(roots))),
        }
    }

    /// The path that it is, if it is one.
    pub fn path(&self) -> Option<&Named> {
        match self {
            Self::Path(path) => Some(path),
            _ => None,
        }
    }
}

/// What one side has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No such thing.
    Missing,
    /// It is one of them, and that is all there is to say.
    Present,
    /// A path at which nothing was.
    Absent,
    /// A text.
    Text(String),
    /// Arguments or names.
    Words(Vec<String>),
    /// A content.
    Content(Short),
    /// What an action will make, which nobody knows yet.
    ToCome,
}

impl From<Held> for Value {
    fn from(held: Held) -> Self {
        match held {
            Held::Absent => Self::Absent,
            Held::Content(short) => Self::Content(short),
            Held::ToCome => Self::ToCome,
        }
    }
}

/// How many words of a list are shown.
const SHOWN: usize = 6;

impl Value {
    fn show(&self, missing: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str(missing),
            Self::Present => Ok(()),
            Self::Absent => f.write_str("absent"),
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Words(words) if words.is_empty() => f.write_str("none"),
            Self::Words(words) => {
                for (at, word) in words.iter().take(SHOWN).enumerate() {
                    write!(f, "{}`{word}`", if at == 0 { "" } else { " " })?;
                }
                match words.len().checked_sub(SHOWN) {
                    Some(more) if more > 0 => write!(f, " and {more} more"),
                    _ => Ok(()),
                }
            }
            Self::Content(short) => write!(f, "{short}"),
            Self::ToCome => f.write_str("made anew"),
        }
    }
}

/// An ingredient that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Difference {
    /// What it is.
    pub what: What,
    /// Which one.
    pub name: Name,
    /// What it was there.
    pub there: Value,
    /// What it is here.
    pub here: Value,
}

impl Difference {
    fn new(what: What, name: Name, there: Value, here: Value) -> Self {
        Self { what, name, there, here }
    }

    /// In a line, paths as they are shown here.
    pub fn show<'a>(&'a self, roots: &'a Roots) -> impl fmt::Display + 'a {
        Shown { difference: self, roots }
    }
}

struct Shown<'a> {
    difference: &'a Difference,
    roots: &'a Roots,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { what, name, there, here } = self.difference;
        f.write_str(what.words())?;
        match name.show(self.roots) {
            Some(name) if matches!(what, What::Discovery | What::Bound) => write!(f, " ({name})")?,
            Some(name) => write!(f, " {name}")?,
            None => {}
        }
        for (value, place, before) in [(there, "there", ":"), (here, "here", ",")] {
            write!(f, "{before} ")?;
            value.show(what.missing(), f)?;
            write!(f, "{}{place}", if *value == Value::Present { "" } else { " " })?;
        }
        Ok(())
    }
}

type Fact = (What, Name, Value);

impl Ingredients {
    /// What differs between the ingredients of a result there and of one here, causes first. Nothing, if both are made
    /// of the same; what one of them does not know does not count.
    pub fn differences(there: &Self, here: &Self) -> Vec<Difference> {
        let mut all = commands(there, here);
        let inputs = |all: &Self| all.declared.iter().map(|(name, _)| shown(name)).collect::<Vec<_>>();
        let searched = |all: &Self| all.searched.iter().flat_map(|s| &s.dirs).map(shown).collect::<Vec<_>>();
        let texts = |texts: &[Text]| texts.iter().map(|text| lossy(text)).collect::<Vec<_>>();
        let set = |all: &Self| all.env.iter().map(|(name, _)| lossy(name)).collect::<Vec<_>>();
        all.extend(order(What::InputOrder, inputs(there), inputs(here)));
        all.extend(order(What::SearchOrder, searched(there), searched(here)));
        all.extend(order(What::Product, texts(&there.products), texts(&here.products)));
        all.extend(order(What::Environment, set(there), set(here)));
        let known =
            (there.rules.is_some() && here.rules.is_some(), there.way.is_some() && here.way.is_some());
        all.extend(unequal(there.facts(known), here.facts(known)));
        // Arguments stay in the order of the command line.
        all.sort_by(|a, b| (a.what, &a.name).cmp(&(b.what, &b.name)));
        let unlike: Vec<Name> =
            all.iter().filter(|d| d.what == What::Discovered).map(|d| d.name.clone()).collect();
        // How a file was found says nothing more where the file itself is another one.
        all.retain(|d| !matches!(d.what, What::ReadBySearch | What::Deferred) || !unlike.contains(&d.name));
        all
    }

    fn facts(&self, (rules, way): (bool, bool)) -> Vec<Fact> {
        let present = |what: What| move |name: &Named| (what, Name::Path(name.clone()), Value::Present);
        let held = |what: What| {
            move |(name, held): &(Named, Held)| (what, Name::Path(name.clone()), Value::from(*held))
        };
        let mut facts: Vec<Fact> = vec![
            (What::Kind, Name::None, Value::Text(self.kind.name().into())),
            (What::Directory, Name::None, Value::Text(lossy(&self.cwd))),
        ];
        if let Some(version) = self.rules.filter(|_| rules) {
            facts.push((What::Rules, Name::None, Value::Text(version.to_string())));
        }
        if let Some(identity) = &self.identity {
            facts.push((What::Toolchain, Name::None, Value::Content(identity.into())));
        }
        facts.extend(self.products.iter().map(|text| (What::Product, Name::text(text), Value::Present)));
        let variable =
            |(name, value): &(Text, Text)| (What::Environment, Name::text(name), Value::Text(lossy(value)));
        facts.extend(self.env.iter().map(variable));
        facts.extend(self.declared.iter().map(held(What::Input)));
        facts.extend(self.executables.iter().map(present(What::Executable)));
        facts.extend(self.discovered.iter().map(held(What::Discovered)));
        facts.extend(self.deferred.iter().map(present(What::Deferred)));
        if let Some(searched) = &self.searched {
            searched.facts(&mut facts);
        }
        if let Some(ways) = self.way.as_ref().filter(|_| way) {
            ways.facts(&mut facts);
        }
        if let Some(bound) = &self.bound {
            let roots = bound.roots.join(", ");
            facts.push((What::Bound, Name::Text(roots), Value::Content(bound.places)));
        }
        facts
    }
}

impl Searched {
    fn facts(&self, facts: &mut Vec<Fact>) {
        let near = if self.near { "near" } else { "far" };
        facts.push((What::Discovery, Name::Text("search".into()), Value::Text(near.into())));
        let lists = [
            (What::SearchDirectory, &self.dirs),
            (What::SearchedFrom, &self.from),
            (What::ReadBySearch, &self.read),
        ];
        for (what, names) in lists {
            facts.extend(names.iter().map(|name| (what, Name::Path(name.clone()), Value::Present)));
        }
        facts.extend(self.probes.iter().map(|probe| {
            let (open, close) = if probe.angled { ("<", ">") } else { ("\"", "\"") };
            let next = if probe.next { ", the next one" } else { "" };
            let name = format!("{open}{}{close}{next}", lossy(&probe.name));
            (What::SearchedFor, Name::Text(name), Value::Present)
        }));
        facts.extend(
            self.twins
                .iter()
                .map(|(dir, one)| (What::SameDirectory, Name::Path(dir.clone()), Value::Text(shown(one)))),
        );
        let found =
            |(dir, name): &(Named, Text)| (What::Found, Name::In(dir.clone(), lossy(name)), Value::Present);
        facts.extend(self.found.iter().map(found));
    }
}

impl Way {
    fn facts(&self, facts: &mut Vec<Fact>) {
        let mut fact =
            |name: &str, value: Value| facts.push((What::Discovery, Name::Text(name.into()), value));
        let formats = ["make", "assembler", "trace"];
        let format =
            |code: &u8| formats.get(usize::from(*code)).map_or("unknown", |format| format).to_string();
        fact("depfiles", Value::Words(self.depfiles.iter().map(format).collect()));
        let flags = ["sources are scanned", "depfiles name payloads", "assembled later"];
        for (name, _) in flags.into_iter().zip(self.flags).filter(|(_, set)| *set) {
            fact(name, Value::Present);
        }
        fact("also searched", Value::Words(self.also_searched.iter().map(|name| lossy(name)).collect()));
        fact("fixed times", Value::Text(self.fixed.to_string()));
        facts.extend(
            self.places.iter().map(|(root, path)| {
                (What::SystemPlace, Name::Text(root.to_string()), Value::Text(lossy(path)))
            }),
        );
    }
}

/// Of what parts two toolchains were made that differ.
pub(super) fn parts(there: &[(String, Short)], here: &[(String, Short)]) -> Vec<Difference> {
    let facts = |parts: &[(String, Short)]| -> Vec<Fact> {
        let part = |(name, content): &(String, Short)| {
            (What::ToolchainPart, Name::Text(name.clone()), Value::Content(*content))
        };
        parts.iter().map(part).collect()
    };
    unequal(facts(there), facts(here))
}

/// The facts that one side has and the other has not, paired.
fn unequal(there: Vec<Fact>, here: Vec<Fact>) -> Vec<Difference> {
    let mut about: BTreeMap<(What, Name), (Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for (what, name, value) in there {
        about.entry((what, name)).or_default().0.push(value);
    }
    for (what, name, value) in here {
        about.entry((what, name)).or_default().1.push(value);
    }
    let mut differences = Vec::new();
    for ((what, name), (mut there, mut here)) in about {
        let mut only_there = Vec::new();
        for value in there.drain(..) {
            match here.iter().position(|other| *other == value) {
                Some(at) => drop(here.remove(at)),
                None => only_there.push(value),
            }
        }
        let (mut there, mut here) = (only_there.into_iter(), here.into_iter());
        loop {
            match (there.next(), here.next()) {
                (None, None) => break,
                (there, here) => {
                    let value = |side: Option<Value>| side.unwrap_or(Value::Missing);
                    differences.push(Difference::new(what, name.clone(), value(there), value(here)));
                }
            }
        }
    }
    differences
}

/// The part of two lists that begins and ends with something unlike.
fn middle<'l, T: PartialEq>(there: &'l [T], here: &'l [T]) -> (&'l [T], &'l [T]) {
    let same = there.iter().zip(here).take_while(|(a, b)| a == b).count();
    let (there, here) = (&there[same..], &here[same..]);
    let same = there.iter().rev().zip(here.iter().rev()).take_while(|(a, b)| a == b).count();
    (&there[..there.len() - same], &here[..here.len() - same])
}

/// Whether two lists are the same but for their order.
fn alike<T: Ord>(there: &[T], here: &[T]) -> bool {
    let sorted = |list: &[T]| {
        let mut order: Vec<usize> = (0..list.len()).collect();
        order.sort_unstable_by(|a, b| list[*a].cmp(&list[*b]));
        order
    };
    there.len() == here.len() && sorted(there).into_iter().zip(sorted(here)).all(|(a, b)| there[a] == here[b])
}

fn order(what: What, there: Vec<String>, here: Vec<String>) -> Option<Difference> {
    if there == here || !alike(&there, &here) {
        return None;
    }
    let (there, here) = middle(&there, &here);
    Some(Difference::new(what, Name::None, Value::Words(there.to_vec()), Value::Words(here.to_vec())))
}

/// How many comparisons of arguments are made at most to pair them well.
const MOST: usize = 1 << 20;

/// What differs between the command lines of two actions. Where the build directory lies is said once, whatever many
/// paths in it are spelled so.
fn commands(there: &Ingredients, here: &Ingredients) -> Vec<Difference> {
    let (Some(from), Some(to)) = (there.build_directory(), here.build_directory()) else {
        return words(&there.argv, &here.argv);
    };
    if from == to {
        return words(&there.argv, &here.argv);
    }
    let moved: Vec<Text> = there.argv.iter().map(|word| replaced(word, from, to)).collect();
    let place =
        Difference::new(What::BuildDirectory, Name::None, Value::Text(lossy(from)), Value::Text(lossy(to)));
    std::iter::once(place).chain(words(&moved, &here.argv)).collect()
}

/// A word in which `from`, where it is a directory, gives way to `to`.
fn replaced(word: &[u8], from: &[u8], to: &[u8]) -> Text {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        match rest.strip_prefix(from) {
            Some(behind) if behind.is_empty() || behind[0] == b'/' => {
                out.extend_from_slice(to);
                rest = behind;
            }
            _ => {
                out.push(rest[0]);
                rest = &rest[1..];
            }
        }
    }
    out.into()
}

impl Ingredients {
    /// How the command line spells the build directory, as far as its products give that away.
    fn build_directory(&self) -> Option<&[u8]> {
        let product = self.products.iter().find_map(|product| product.strip_prefix(b"<build!>"))?;
        let found = self.argv.iter().find_map(|word| word.strip_suffix(product));
        found.filter(|directory| !directory.is_empty())
    }
}

/// What differs between two command lines.
fn words(there: &[Text], here: &[Text]) -> Vec<Difference> {
    let (there, here) = middle(there, here);
    let value = |words: &[Text]| match words {
        [] => Value::Missing,
        words => Value::Words(words.iter().map(|word| lossy(word)).collect()),
    };
    if there.is_empty() && here.is_empty() {
        return Vec::new();
    }
    if alike(there, here) {
        return vec![Difference::new(What::ArgumentOrder, Name::None, value(there), value(here))];
    }
    let hunks = if there.len().saturating_mul(here.len()) > MOST {
        vec![(0..there.len(), 0..here.len())]
    } else {
        hunks(there, here)
    };
    let hunk = |(from, to): (std::ops::Range<usize>, std::ops::Range<usize>)| {
        Difference::new(What::Argument, Name::None, value(&there[from]), value(&here[to]))
    };
    hunks.into_iter().map(hunk).collect()
}

type Hunk = (std::ops::Range<usize>, std::ops::Range<usize>);

/// Where two lists differ, if as much of them as can be is taken for the same.
fn hunks<T: PartialEq>(there: &[T], here: &[T]) -> Vec<Hunk> {
    let width = here.len() + 1;
    // How long the common part of what is left of both is.
    let mut common = vec![0u32; (there.len() + 1) * width];
    for a in (0..there.len()).rev() {
        for b in (0..here.len()).rev() {
            common[a * width + b] = if there[a] == here[b] {
                common[(a + 1) * width + b + 1] + 1
            } else {
                common[(a + 1) * width + b].max(common[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut begun = (0, 0);
    loop {
        let ends = a == there.len() && b == here.len();
        let same = a < there.len() && b < here.len() && there[a] == here[b];
        if (same || ends) && begun != (a, b) {
            hunks.push((begun.0..a, begun.1..b));
        }
        if ends {
            return hunks;
        }
        if same {
            (a, b) = (a + 1, b + 1);
            begun = (a, b);
        } else if b == here.len()
            || (a < there.len() && common[(a + 1) * width + b] >= common[a * width + b + 1])
        {
            a += 1;
        } else {
            b += 1;
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path in a list.
fn shown(name: &Named) -> String {
    let rel = lossy(&name.rel);
    match (name.root.as_ref(), rel.as_str()) {
        ("ws", "") => ".".into(),
        ("ws", _) => rel,
        (root, _) => format!("{root}:{rel}"),
    }
}
