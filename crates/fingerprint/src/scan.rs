//! What a source or header *mentions* that no dependency file tells: headers that it asks for without including them,
//! files that the assembler or `#embed` reads, the date, its own name, files whose times are compared.
//!
//! Two passes. The first looks for a few byte strings, and most files have none. The second reads the text with care,
//! so that a mention in a comment or in an ordinary string does not count. It does not evaluate conditions: what stands
//! in a branch that is not compiled counts too, which can only cost a rebuild. Nor does it expand macros: half a name,
//! as in `__DA ## TE__` or `".inc" BIN`, is taken for the whole where nothing else is called so.

mod careful;
mod first;
mod lex;
mod pieces;
mod script;
#[cfg(test)]
mod tests;

use std::ops::{BitOr, BitOrAssign};

use crate::encode::{Decoder, Encoder, Malformed};

pub use first::{First, first_includes};
pub use script::{Script, linker_script};

/// A set of the things that a file mentions. The numbers of the bits are persisted and never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mentions(u16);

impl Mentions {
    /// `__has_include` or `__has_include_next`, asking for something.
    pub const HAS_INCLUDE: Self = Self(1 << 0);
    /// `__has_embed`, asking for something.
    pub const HAS_EMBED: Self = Self(1 << 1);
    /// `#embed`.
    pub const EMBED: Self = Self(1 << 2);
    /// `.incbin`, in assembler text or in a string.
    pub const INCBIN: Self = Self(1 << 3);
    /// `__DATE__`.
    pub const DATE: Self = Self(1 << 4);
    /// `__TIME__`.
    pub const TIME: Self = Self(1 << 5);
    /// `__TIMESTAMP__`.
    pub const TIMESTAMP: Self = Self(1 << 6);
    /// `__FILE__`.
    pub const FILE: Self = Self(1 << 7);
    /// `__BASE_FILE__`.
    pub const BASE_FILE: Self = Self(1 << 8);
    /// `source_location`, or the builtin behind it.
    pub const SOURCE_LOCATION: Self = Self(1 << 9);
    /// `__builtin_FILE`.
    pub const BUILTIN_FILE: Self = Self(1 << 10);
    /// The assembler's `.include`, in assembler text or in a string.
    pub const ASM_INCLUDE: Self = Self(1 << 11);
    /// An `#include` whose name has a `..` in it.
    pub const PARENT_STEP: Self = Self(1 << 12);

    /// An `#include` whose name a macro makes.
    pub const COMPUTED_INCLUDE: Self = Self(1 << 13);
    /// A macro with a `..` in it, of which a name may be made.
    pub const STEP_IN_MACRO: Self = Self(1 << 14);

    /// `#pragma GCC dependency`, which compares the times of files.
    pub const FILE_TIMES: Self = Self(1 << 15);

    /// The set as it is persisted.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The set that was persisted as `bits`, each of which means something.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Whether nothing is mentioned.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any of `other` is mentioned.
    pub fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// How the date or a time may come into the result.
    pub fn date(self) -> Option<&'static str> {
        let names = [(Self::DATE, "__DATE__"), (Self::TIME, "__TIME__"), (Self::TIMESTAMP, "__TIMESTAMP__")];
        names.into_iter().find(|(mention, _)| self.any(*mention)).map(|(_, name)| name)
    }

    /// These but for `others`.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// How the name of the file, as the compiler was given it, may come into the result.
    pub fn own_name(self) -> Option<&'static str> {
        let names = [
            (Self::FILE, "__FILE__"),
            (Self::BASE_FILE, "__BASE_FILE__"),
            (Self::SOURCE_LOCATION, "source_location"),
            (Self::BUILTIN_FILE, "__builtin_FILE"),
        ];
        names.into_iter().find(|(mention, _)| self.any(*mention)).map(|(_, name)| name)
    }
}

impl BitOr for Mentions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Mentions {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// How a text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// C, C++ and their headers.
    C,
    /// Assembler text that is preprocessed (`.S`), and every header that it includes.
    Assembler,
    /// Assembler text that is not preprocessed (`.s`). A mention in a comment may count.
    PlainAssembler,
}

/// A name that is asked for whether or not it is read: a literal `__has_include`, or an `#include` with a `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// The name that is asked for.
    pub name: Box<[u8]>,
    /// Whether it stands between `<` and `>`.
    pub angled: bool,
    /// Whether the search goes on behind the directory of the file that asks (`__has_include_next`).
    pub next: bool,
}

/// A literal `#embed` or `__has_embed`: a file whose bytes become part of the result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Embed {
    /// The name of the file.
    pub name: Box<[u8]>,
    /// Whether it stands between `<` and `>`.
    pub angled: bool,
}

/// A file that the assembler is told to read: by `.incbin`, its bytes, or by `.include`, its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Incbin {
    /// The name of the file.
    pub name: Box<[u8]>,
}

/// What a file mentions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Everything that counts.
    pub mentions: Mentions,
    /// Each literal `__has_include` once.
    pub probes: Vec<Probe>,
    /// Each literal `#embed` and `__has_embed` once.
    pub embeds: Vec<Embed>,
    /// Each literal `.incbin` once.
    pub incbins: Vec<Incbin>,
    /// Each literal `.include` of the assembler once.
    pub asm_includes: Vec<Incbin>,
    /// Each `#include` with a `..` in its name once. Where no such file lies beside the file that includes it, it was
    /// searched, and no path that was read shows under which name.
    pub stepping: Vec<Probe>,
    /// Each string of a macro that would be such a name once: it is one if some file has an `#include` whose name a
    /// macro makes.
    pub macro_steps: Vec<Probe>,
    /// Macros that stand for `__has_include`: the names that it is given stand where they are used, maybe in another
    /// file (see [`scan_with`]).
    pub aliases: Vec<Box<[u8]>>,
    /// The first line with `__has_` alone, of which `##` makes many harmless names.
    pub asks: Option<usize>,
    /// The first line with a word, such as `include`, that would make it a question for headers: in any file of the
    /// action.
    pub answers: Option<usize>,
    /// The first place where a name cannot be known, since a macro makes it, or where the times of files are compared.
    pub unprovable: Option<String>,
    /// The first place where the name of a file that the assembler reads cannot be known, unless the assembler says it.
    pub unprovable_assembly: Option<String>,
}

/// Finds out what a file mentions.
pub fn scan(bytes: &[u8], text: Text) -> Scan {
    if pieces::may_mention(bytes) { careful::scan(bytes, text, &[]) } else { Scan::default() }
}

/// Finds out what a file mentions when macros called `aliases`, which files of the same action define, stand for
/// `__has_include`. It may find further aliases; scan all files again until none is new.
pub fn scan_with(bytes: &[u8], text: Text, aliases: &[Box<[u8]>]) -> Scan {
    let uses = aliases.iter().any(|alias| memchr::memmem::find(bytes, alias).is_some());
    if uses { careful::scan(bytes, text, aliases) } else { scan(bytes, text) }
}

impl Scan {
    /// Adds what another file of the same action mentions.
    pub fn merge(&mut self, other: &Self) {
        self.mentions |= other.mentions;
        add_all(&mut self.probes, &other.probes);
        add_all(&mut self.embeds, &other.embeds);
        add_all(&mut self.incbins, &other.incbins);
        add_all(&mut self.asm_includes, &other.asm_includes);
        add_all(&mut self.stepping, &other.stepping);
        add_all(&mut self.macro_steps, &other.macro_steps);
        add_all(&mut self.aliases, &other.aliases);
        self.asks = self.asks.or(other.asks);
        self.answers = self.answers.or(other.answers);
        if self.unprovable.is_none() {
            self.unprovable.clone_from(&other.unprovable);
        }
        if self.unprovable_assembly.is_none() {
            self.unprovable_assembly.clone_from(&other.unprovable_assembly);
        }
    }

    /// Writes the canonical encoding: mentions as `u32`, then the lists in their order, aliases last, then the two reasons.
    pub fn encode(&self, encoder: &mut Encoder) {
        let flag = |e: &mut Encoder, value: bool| {
            e.u8(u8::from(value));
        };
        encoder.u32(u32::from(self.mentions.0));
        encoder.list(&self.probes, |e, probe| {
            flag(e.bytes(&probe.name).u8(u8::from(probe.angled)), probe.next);
        });
        encoder.list(&self.embeds, |e, embed| flag(e.bytes(&embed.name), embed.angled));
        for list in [&self.incbins, &self.asm_includes] {
            encoder.list(list, |e, file| {
                e.bytes(&file.name);
            });
        }
        for list in [&self.stepping, &self.macro_steps] {
            encoder.list(list, |e, probe| {
                flag(e.bytes(&probe.name).u8(u8::from(probe.angled)), probe.next);
            });
        }
        encoder.list(&self.aliases, |e, alias| {
            e.bytes(alias);
        });
        for line in [self.asks, self.answers] {
            encoder.option(line.as_ref(), |e, line| {
                e.u64(*line as u64);
            });
        }
        for why in [&self.unprovable, &self.unprovable_assembly] {
            encoder.option(why.as_ref(), |e, why| {
                e.bytes(why.as_bytes());
            });
        }
    }

    /// Reads what [`Scan::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are no such encoding.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Malformed> {
        fn flag(d: &mut Decoder<'_>) -> Result<bool, Malformed> {
            match d.u8()? {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(Malformed),
            }
        }
        fn probe(d: &mut Decoder<'_>) -> Result<Probe, Malformed> {
            Ok(Probe { name: d.bytes()?.into(), angled: flag(d)?, next: flag(d)? })
        }
        fn incbin(d: &mut Decoder<'_>) -> Result<Incbin, Malformed> {
            Ok(Incbin { name: d.bytes()?.into() })
        }
        let line = |d: &mut Decoder<'_>| d.option(|d| usize::try_from(d.u64()?).map_err(|_| Malformed));
        let bits = u16::try_from(decoder.u32()?).map_err(|_| Malformed)?;
        Ok(Self {
            mentions: Mentions::from_bits(bits),
            probes: decoder.list(probe)?,
            embeds: decoder.list(|d| Ok(Embed { name: d.bytes()?.into(), angled: flag(d)? }))?,
            incbins: decoder.list(incbin)?,
            asm_includes: decoder.list(incbin)?,
            stepping: decoder.list(probe)?,
            macro_steps: decoder.list(probe)?,
            aliases: decoder.list(|d| Ok(d.bytes()?.into()))?,
            asks: line(decoder)?,
            answers: line(decoder)?,
            unprovable: decoder.option(|d| d.text().map(str::to_owned))?,
            unprovable_assembly: decoder.option(|d| d.text().map(str::to_owned))?,
        })
    }
}

/// Adds the items that are not there yet.
fn add_all<T: Clone + PartialEq>(list: &mut Vec<T>, more: &[T]) {
    for item in more {
        add(list, item.clone());
    }
}

/// Adds an item if it is not there yet.
fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
