//! Ingredients as bytes. They are many and much alike, so they are kept short: numbers take as few bytes as they need,
//! a text says how much of the one before it begins with, a path is written once.
//!
//! Version (1 byte, [`VERSION`]); the rules' version and 1, or 0; the kind; the names of the roots; the paths in order
//! (number of the root, text); products, arguments, environment, directory; an option of the identity; the declared
//! inputs, the executables; the discovered inputs, the deferred ones; an option of what was searched; an option of the
//! way; an option of what it is bound to; and the contents of declared and discovered inputs, 8 bytes each, in their
//! order. A list is its length and its items. A path elsewhere is its number; in a sorted list, how much higher it is
//! than the one before. Inputs add a bit to the number: whether they are absent.

use std::sync::Arc;

use super::{BoundTo, Held, Ingredients, Named, Searched, Short, Text, Way};
use crate::action::{ActionKind, Identity};
use crate::encode::{Decoder, Encoder, Malformed};
use crate::scan::Probe;

/// The version of the encoding.
const VERSION: u8 = 1;
/// The version of the encoding of an identity's parts.
const PARTS: u8 = 1;
/// How much memory the ingredients of one result may take, about.
const MOST: usize = 64 << 20;
/// What an item of a list takes besides its text.
const ITEM: usize = 64;

/// Why ingredients cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing to read.
    #[error("it does not say of what it was made")]
    Silent,
    /// Another version wrote them.
    #[error("it was made by another rekindle")]
    OtherVersion,
    /// They make no sense.
    #[error("what it says of its making makes no sense")]
    Malformed,
}

impl From<Malformed> for Unreadable {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Writes short.
#[derive(Default)]
struct Out {
    e: Encoder,
}

impl Out {
    fn number(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.e.u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.e.u8((value & 0x7f) as u8);
    }

    fn raw(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.e.u8(*byte);
        }
    }

    /// A text behind another one.
    fn text(&mut self, before: &[u8], text: &[u8]) {
        let shared = before.iter().zip(text).take_while(|(a, b)| a == b).count();
        self.number(shared);
        self.number(text.len() - shared);
        self.raw(&text[shared..]);
    }

    fn texts<'t>(&mut self, texts: impl ExactSizeIterator<Item = &'t [u8]>) {
        self.number(texts.len());
        let mut before: &[u8] = &[];
        for text in texts {
            self.text(before, text);
            before = text;
        }
    }

    fn list(&mut self, numbers: &[usize]) {
        self.number(numbers.len());
        for number in numbers {
            self.number(*number);
        }
    }

    /// Numbers that rise.
    fn rising(&mut self, numbers: &[usize]) {
        self.number(numbers.len());
        let mut before = 0;
        for number in numbers {
            self.number(number - before);
            before = *number;
        }
    }

    fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.e.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

/// Every path that ingredients speak of, once and in order.
struct Table<'i> {
    names: Vec<&'i Named>,
}

impl<'i> Table<'i> {
    fn of(all: &'i Ingredients) -> Self {
        let inputs = all.declared.iter().chain(&all.discovered).map(|(name, _)| name);
        let mut names: Vec<&Named> = inputs.chain(&all.executables).chain(&all.deferred).collect();
        if let Some(searched) = &all.searched {
            names.extend(searched.dirs.iter().chain(&searched.from).chain(&searched.read));
            names.extend(searched.twins.iter().flat_map(|(dir, one)| [dir, one]));
            names.extend(searched.found.iter().map(|(dir, _)| dir));
        }
        names.sort_unstable();
        names.dedup();
        Self { names }
    }

    fn number(&self, name: &Named) -> usize {
        self.names.binary_search(&name).unwrap_or_default()
    }

    fn numbers(&self, names: &[Named]) -> Vec<usize> {
        names.iter().map(|name| self.number(name)).collect()
    }

    fn write(&self, out: &mut Out) {
        let mut roots: Vec<&Arc<str>> = self.names.iter().map(|name| &name.root).collect();
        roots.dedup();
        out.texts(roots.iter().map(|root| root.as_bytes()));
        out.number(self.names.len());
        let (mut root, mut before): (usize, &[u8]) = (0, &[]);
        for name in &self.names {
            while *roots[root] != name.root {
                root += 1;
            }
            out.number(root);
            out.text(before, &name.rel);
            before = &name.rel;
        }
    }
}

impl Ingredients {
    /// The same bytes for the same ingredients on every machine. What is still to come counts as absent.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Out::default();
        let table = Table::of(self);
        out.e.u8(VERSION);
        out.number(self.rules.map_or(0, |rules| rules as usize + 1));
        out.e.u8(self.kind.code());
        table.write(&mut out);
        out.texts(self.products.iter().map(|text| &**text));
        out.texts(self.argv.iter().map(|text| &**text));
        let env: Vec<&[u8]> = self.env.iter().flat_map(|(name, value)| [&**name, &**value]).collect();
        out.texts(env.into_iter());
        out.text(&[], &self.cwd);
        out.option(self.identity.as_ref(), |out, identity| out.raw(&identity.0));
        let marked = |(name, held): &(Named, Held)| (table.number(name), *held);
        let bit = |held: Held| usize::from(!matches!(held, Held::Content(_)));
        out.number(self.declared.len());
        for (number, held) in self.declared.iter().map(marked) {
            out.number(number << 1 | bit(held));
        }
        out.list(&table.numbers(&self.executables));
        out.number(self.discovered.len());
        let mut before = 0;
        for (number, held) in self.discovered.iter().map(marked) {
            out.number((number - before) << 1 | bit(held));
            before = number;
        }
        out.rising(&table.numbers(&self.deferred));
        out.option(self.searched.as_ref(), |out, searched| write_searched(out, searched, &table));
        out.option(self.way.as_ref(), write_way);
        out.option(self.bound.as_ref(), |out, bound| {
            out.texts(bound.roots.iter().map(|root| root.as_bytes()));
            out.raw(&bound.places.0);
        });
        for (_, held) in self.declared.iter().chain(&self.discovered) {
            if let Held::Content(short) = held {
                out.raw(&short.0);
            }
        }
        out.e.into_bytes()
    }

    /// Reads what [`Ingredients::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are no such encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (version, rest) = bytes.split_first().ok_or(Unreadable::Silent)?;
        if *version != VERSION {
            return Err(Unreadable::OtherVersion);
        }
        let mut read = In { d: Decoder::new(rest), left: MOST };
        let all = read.ingredients()?;
        read.d.end()?;
        Ok(all)
    }
}

fn write_searched(out: &mut Out, searched: &Searched, table: &Table<'_>) {
    out.list(&table.numbers(&searched.dirs));
    out.e.u8(u8::from(searched.near));
    out.rising(&table.numbers(&searched.from));
    out.rising(&table.numbers(&searched.read));
    out.texts(searched.probes.iter().map(|probe| &*probe.name));
    for probe in &searched.probes {
        out.e.u8(u8::from(probe.angled) | u8::from(probe.next) << 1);
    }
    out.number(searched.twins.len());
    for (dir, one) in &searched.twins {
        out.number(table.number(dir));
        out.number(table.number(one));
    }
    out.texts(searched.found.iter().map(|(_, name)| &**name));
    for (dir, _) in &searched.found {
        out.number(table.number(dir));
    }
}

fn write_way(out: &mut Out, way: &Way) {
    out.number(way.depfiles.len());
    out.raw(&way.depfiles);
    let [scan, incbin, later] = way.flags.map(u8::from);
    out.e.u8(scan | incbin << 1 | later << 2);
    out.texts(way.also_searched.iter().map(|name| &**name));
    out.number(usize::from(way.fixed));
    let places: Vec<&[u8]> = way.places.iter().flat_map(|(root, path)| [root.as_bytes(), path]).collect();
    out.texts(places.into_iter());
}

/// Reads what [`Out`] wrote; what it makes of it is bounded, however short the bytes are.
struct In<'b> {
    d: Decoder<'b>,
    /// How much memory may still be taken.
    left: usize,
}

impl In<'_> {
    fn spend(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.left = self.left.checked_sub(bytes).ok_or(Malformed)?;
        Ok(())
    }

    fn number(&mut self) -> Result<usize, Malformed> {
        let mut value = 0;
        for at in 0..5 {
            let byte = self.d.u8()?;
            value |= usize::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn short(&mut self) -> Result<Short, Malformed> {
        Ok(Short(self.d.u64()?.to_le_bytes()))
    }

    fn flags(&mut self, count: u32) -> Result<u8, Malformed> {
        let flags = self.d.u8()?;
        if u32::from(flags) >> count == 0 { Ok(flags) } else { Err(Malformed) }
    }

    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.number()?;
        self.spend(count.checked_mul(ITEM).ok_or(Malformed)?)?;
        (0..count).map(|_| item(self)).collect()
    }

    fn text(&mut self, before: &[u8]) -> Result<Text, Malformed> {
        let (shared, more) = (self.number()?, self.number()?);
        self.spend(shared.saturating_add(more))?;
        let mut text = before.get(..shared).ok_or(Malformed)?.to_vec();
        for _ in 0..more {
            text.push(self.d.u8()?);
        }
        Ok(text.into())
    }

    fn texts(&mut self) -> Result<Vec<Text>, Malformed> {
        let mut before: Text = Box::default();
        self.list(|read| {
            before = read.text(&before)?;
            Ok(before.clone())
        })
    }

    fn pairs(&mut self) -> Result<Vec<(Text, Text)>, Malformed> {
        let texts = self.texts()?;
        let (pairs, rest) = texts.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Malformed);
        }
        Ok(pairs.iter().map(|[name, value]| (name.clone(), value.clone())).collect())
    }

    fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.flags(1)? == 1 { read(self).map(Some) } else { Ok(None) }
    }

    fn named(&mut self, names: &[Named]) -> Result<Named, Malformed> {
        names.get(self.number()?).cloned().ok_or(Malformed)
    }

    fn rising(&mut self, names: &[Named]) -> Result<Vec<Named>, Malformed> {
        let mut at = 0usize;
        self.list(|read| {
            at = at.checked_add(read.number()?).ok_or(Malformed)?;
            names.get(at).cloned().ok_or(Malformed)
        })
    }

    fn names(&mut self) -> Result<Vec<Named>, Malformed> {
        let roots: Vec<Arc<str>> =
            self.texts()?.iter().map(|root| utf8(root).map(Arc::from)).collect::<Result<_, _>>()?;
        let mut before: Text = Box::default();
        self.list(|read| {
            let root = roots.get(read.number()?).ok_or(Malformed)?;
            before = read.text(&before)?;
            Ok(Named { root: Arc::clone(root), rel: before.as_ref().into() })
        })
    }

    /// Inputs without their contents. Those that are absent are marked.
    fn inputs(&mut self, names: &[Named], rise: bool) -> Result<Vec<(Named, Held)>, Malformed> {
        let mut before = 0usize;
        self.list(|read| {
            let marked = read.number()?;
            let at = before.checked_add(marked >> 1).ok_or(Malformed)?;
            before = if rise { at } else { 0 };
            let held = if marked & 1 == 1 { Held::Absent } else { Held::ToCome };
            Ok((names.get(at).cloned().ok_or(Malformed)?, held))
        })
    }

    fn contents(&mut self, inputs: &mut [(Named, Held)]) -> Result<(), Malformed> {
        for (_, held) in inputs.iter_mut().filter(|(_, held)| *held == Held::ToCome) {
            *held = Held::Content(self.short()?);
        }
        Ok(())
    }

    fn ingredients(&mut self) -> Result<Ingredients, Malformed> {
        let rules = self.number()?.checked_sub(1).map(u32::try_from).transpose().map_err(|_| Malformed)?;
        let kind = ActionKind::from_code(self.d.u8()?).ok_or(Malformed)?;
        let names = self.names()?;
        let mut all = Ingredients {
            rules,
            kind,
            products: self.texts()?,
            argv: self.texts()?,
            env: self.pairs()?,
            cwd: self.text(&[])?,
            identity: self.option(|read| read.d.digest())?,
            declared: self.inputs(&names, false)?,
            executables: self.list(|read| read.named(&names))?,
            discovered: self.inputs(&names, true)?,
            deferred: self.rising(&names)?,
            searched: self.option(|read| read.searched(&names))?,
            way: self.option(Self::way)?,
            bound: self.option(|read| {
                let roots = read.texts()?;
                let roots = roots.iter().map(|root| utf8(root).map(Box::from)).collect::<Result<_, _>>()?;
                Ok(BoundTo { roots, places: read.short()? })
            })?,
        };
        self.contents(&mut all.declared)?;
        self.contents(&mut all.discovered)?;
        Ok(all)
    }

    fn searched(&mut self, names: &[Named]) -> Result<Searched, Malformed> {
        let dirs = self.list(|read| read.named(names))?;
        let near = self.flags(1)? == 1;
        let (from, read) = (self.rising(names)?, self.rising(names)?);
        let asked = self.texts()?;
        let probe = |name: Text| {
            let flags = self.flags(2)?;
            Ok(Probe { name, angled: flags & 1 != 0, next: flags & 2 != 0 })
        };
        let probes = asked.into_iter().map(probe).collect::<Result<_, Malformed>>()?;
        let twins = self.list(|read| Ok((read.named(names)?, read.named(names)?)))?;
        let found = self.texts()?;
        let found =
            found.into_iter().map(|name| Ok((self.named(names)?, name))).collect::<Result<_, Malformed>>()?;
        Ok(Searched { dirs, near, from, read, probes, twins, found })
    }

    fn way(&mut self) -> Result<Way, Malformed> {
        let depfiles = self.list(|read| read.d.u8())?;
        let flags = self.flags(3)?;
        let also_searched = self.texts()?;
        let fixed = u16::try_from(self.number()?).map_err(|_| Malformed)?;
        let places = self.pairs()?.into_iter();
        let places =
            places.map(|(root, path)| Ok((utf8(&root)?.into(), path))).collect::<Result<_, Malformed>>()?;
        let flags = [flags & 1 != 0, flags & 2 != 0, flags & 4 != 0];
        Ok(Way { depfiles, flags, also_searched, fixed, places })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|_| Malformed)
}

/// Version (1), name, and the parts: text, 8 bytes.
pub(super) fn encode_parts(identity: &Identity) -> Vec<u8> {
    let mut out = Out::default();
    out.e.u8(PARTS);
    out.text(&[], identity.name.as_bytes());
    out.texts(identity.parts.iter().map(|part| part.name.as_bytes()));
    for part in &identity.parts {
        out.raw(&Short::from(&part.digest).0);
    }
    out.e.into_bytes()
}

/// Reads what [`super::encode_parts`] wrote.
///
/// # Errors
/// The bytes are no such encoding.
pub fn decode_parts(bytes: &[u8]) -> Result<Vec<(String, Short)>, Unreadable> {
    let (version, rest) = bytes.split_first().ok_or(Unreadable::Silent)?;
    if *version != PARTS {
        return Err(Unreadable::OtherVersion);
    }
    let mut read = In { d: Decoder::new(rest), left: MOST };
    read.text(&[])?;
    let names = read.texts()?;
    let parts = names
        .iter()
        .map(|name| Ok((utf8(name)?.to_string(), read.short()?)))
        .collect::<Result<Vec<_>, Malformed>>()?;
    read.d.end()?;
    Ok(parts)
}
