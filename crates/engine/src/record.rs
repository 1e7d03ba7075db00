//! What the records of the journal say, as bytes: `docs/format/journal.md` is the same in words.

mod scout;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{ActionKind, Command, Part};
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};
use rekindle_fingerprint::files::{ContentId, Files, PathId, Prior, TextId};
use rekindle_fingerprint::key::ActionDigest;
use rekindle_fingerprint::lookup::Lookups;
use rekindle_fingerprint::roots::RootId;
use rekindle_fingerprint::signature::{FileTime, Signature};
use rekindle_fingerprint::stamp::{Bound, Holds, Output, Stamp};

use crate::history::Before;
use crate::journal::{FRAME, Journal, Record};

pub(crate) use scout::Scout;

/// Kinds of records. A number is never used again for something else.
mod kind {
    pub(super) const ROOT: u8 = 1;
    pub(super) const PATH: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const CONTENT: u8 = 4;
    pub(super) const STAMP: u8 = 5;
    pub(super) const FORGET: u8 = 6;
    pub(super) const SIGNATURE: u8 = 7;
    pub(super) const IDENTITY: u8 = 8;
    pub(super) const MEMO: u8 = 9;
    pub(super) const STARTED: u8 = 10;
    pub(super) const EPOCH: u8 = 11;
}

/// A record, read.
pub(crate) enum Entry {
    /// One of the tables by which later records are shortened grew. Or one started anew, or something was put into
    /// it that was in it before a new start: then this is dead.
    Definition { dead: bool },
    /// An action succeeded; `before` says what becomes of its previous stamp.
    Stamp { key: PathId, stamp: Box<Stamp>, before: Before },
    /// The stamps of an action are void.
    Forget(PathId),
    /// The command of an action starts, and may leave files at its outputs that no stamp speaks of; without outputs,
    /// there are none any more.
    Started(PathId, Vec<PathId>),
    /// A file had this signature and content.
    Signature(PathId, Prior),
    /// What an identity was made of.
    Identity(Digest, Vec<Part>),
    /// An answer that was found out about a toolchain.
    Memo(Digest, Vec<u8>),
}

/// What the numbers of one epoch mean, in one table.
struct Table<T> {
    now: Vec<T>,
    /// Whether a thing was in the table in any epoch, by its number in [`Files`].
    ever: Vec<bool>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { now: Vec::new(), ever: Vec::new() }
    }
}

impl<T> Table<T> {
    /// Gives the next number to `id`, which is the `at`th of its kind.
    fn push(&mut self, id: T, at: usize) -> Entry {
        self.now.push(id);
        if self.ever.len() <= at {
            self.ever.resize(at + 1, false);
        }
        Entry::Definition { dead: std::mem::replace(&mut self.ever[at], true) }
    }
}

/// Reads records; later ones speak in the numbers that earlier ones of the same epoch defined.
#[derive(Default)]
pub(crate) struct Reader {
    roots: Table<RootId>,
    paths: Table<PathId>,
    texts: Table<TextId>,
    contents: Table<ContentId>,
    /// Whether an epoch has to start before anything else.
    begins: bool,
}

fn nth<T: Copy>(table: &Table<T>, number: u32) -> Result<T, Malformed> {
    table.now.get(number as usize).copied().ok_or(Malformed)
}

/// A path of the journal never leads out of its root.
fn stays_below(rel: &Path) -> bool {
    use std::path::Component;
    // `..` may stand behind a link; it is never the first step.
    !matches!(rel.components().next(), Some(Component::ParentDir | Component::RootDir))
}

/// No project has so many roots. Beyond a number of 16 bits, one would mean more than one of them.
pub(crate) const MOST_ROOTS: usize = 4096;

/// Reads the name of a root.
fn root(d: &mut Decoder<'_>, files: &mut Files) -> Result<RootId, Malformed> {
    let id = files.roots_mut().reserve(d.text()?);
    if usize::from(id.0) < MOST_ROOTS { Ok(id) } else { Err(Malformed) }
}

impl Reader {
    /// A reader of what was appended behind a mark: that starts with a new epoch.
    pub(crate) fn behind_a_mark() -> Self {
        Self { begins: true, ..Self::default() }
    }

    fn new_epoch(&mut self) -> Entry {
        self.begins = false;
        self.roots.now.clear();
        self.paths.now.clear();
        self.texts.now.clear();
        self.contents.now.clear();
        Entry::Definition { dead: true }
    }

    /// Reads one record into `files`.
    pub(crate) fn read(&mut self, record: Record<'_>, files: &mut Files) -> Result<Entry, Malformed> {
        if self.begins && record.kind != kind::EPOCH {
            return Err(Malformed);
        }
        let mut d = Decoder::new(record.payload);
        let entry = match record.kind {
            kind::EPOCH => self.new_epoch(),
            kind::ROOT => {
                let id = root(&mut d, files)?;
                self.roots.push(id, usize::from(id.0))
            }
            kind::PATH => {
                let root = nth(&self.roots, d.u32()?)?;
                let rel = Path::new(OsStr::from_bytes(d.bytes()?));
                if !stays_below(rel) {
                    return Err(Malformed);
                }
                let id = files.path(root, rel);
                self.paths.push(id, id.0 as usize)
            }
            kind::TEXT => {
                let id = files.text_id(d.bytes()?);
                self.texts.push(id, id.0 as usize)
            }
            kind::CONTENT => {
                let id = files.content_id(Blob { digest: d.digest()?, size: d.u64()? });
                self.contents.push(id, id.0 as usize)
            }
            kind::STAMP => {
                let before = Before::from_code(d.u8()?).ok_or(Malformed)?;
                let key = self.path(&mut d)?;
                Entry::Stamp { key, stamp: Box::new(stamp(&mut d, self)?), before }
            }
            kind::FORGET => Entry::Forget(self.path(&mut d)?),
            kind::STARTED => Entry::Started(self.path(&mut d)?, d.list(|d| self.path(d))?),
            kind::SIGNATURE => {
                let path = self.path(&mut d)?;
                let content = self.content(&mut d)?;
                Entry::Signature(path, Prior { signature: signature(&mut d)?, content, racy: false })
            }
            kind::IDENTITY => identity(&mut d)?,
            kind::MEMO => Entry::Memo(d.digest()?, d.bytes()?.to_vec()),
            _ => return Err(Malformed),
        };
        d.end()?;
        Ok(entry)
    }

    fn path(&mut self, d: &mut Decoder<'_>) -> Result<PathId, Malformed> {
        self.path_numbered(d.u32()?)
    }

    fn content(&mut self, d: &mut Decoder<'_>) -> Result<ContentId, Malformed> {
        self.content_numbered(d.u32()?)
    }
}

impl Numbered for Reader {
    fn path_numbered(&mut self, number: u32) -> Result<PathId, Malformed> {
        nth(&self.paths, number)
    }

    fn text_numbered(&mut self, number: u32) -> Result<TextId, Malformed> {
        nth(&self.texts, number)
    }

    fn content_numbered(&mut self, number: u32) -> Result<ContentId, Malformed> {
        nth(&self.contents, number)
    }
}

/// What the numbers in a record mean.
pub(crate) trait Numbered {
    /// The path with a number.
    fn path_numbered(&mut self, number: u32) -> Result<PathId, Malformed>;

    /// The text with a number.
    fn text_numbered(&mut self, number: u32) -> Result<TextId, Malformed>;

    /// The content with a number.
    fn content_numbered(&mut self, number: u32) -> Result<ContentId, Malformed>;
}

/// Beside whether an output may be executed: whether it was left in the store.
const LEFT: u8 = 2;

/// Reads a stamp, whose numbers mean what `of` says.
pub(crate) fn stamp(d: &mut Decoder<'_>, of: &mut impl Numbered) -> Result<Stamp, Malformed> {
    let mut left = false;
    Ok(Stamp {
        kind: ActionKind::from_code(d.u8()?).ok_or(Malformed)?,
        command: Command {
            digest: d.digest()?,
            argv: d.list(|d| of.text_numbered(d.u32()?))?,
            env: d.list(|d| Ok((of.text_numbered(d.u32()?)?, of.text_numbered(d.u32()?)?)))?,
            cwd: of.text_numbered(d.u32()?)?,
            produces: d.list(|d| of.text_numbered(d.u32()?))?,
        },
        identity: d.option(Decoder::digest)?,
        declared: d.list(|d| Ok((of.path_numbered(d.u32()?)?, of.content_numbered(d.u32()?)?)))?,
        executables: d.list(|d| of.path_numbered(d.u32()?))?,
        discovered: d
            .list(|d| Ok((of.path_numbered(d.u32()?)?, d.option(|d| of.content_numbered(d.u32()?))?)))?,
        lookups: d.option(|d| Lookups::decode(d, |number| of.path_numbered(number).ok()))?,
        deferred: d.list(|d| of.path_numbered(d.u32()?))?,
        outputs: d.list(|d| {
            let (path, content) = (of.path_numbered(d.u32()?)?, of.content_numbered(d.u32()?)?);
            let executable = d.u8()?;
            left |= executable & LEFT != 0;
            Ok(Output { path, content, executable: executable & !LEFT != 0 })
        })?,
        left,
        links: d.list(|d| of.path_numbered(d.u32()?))?,
        holds: match d.u8()? {
            0 => Holds::Everywhere,
            1 => Holds::AtRoots(Bound {
                roots: d.list(|d| Ok(d.text()?.into()))?,
                places: d.digest()?,
                why: d.text()?.to_string(),
            }),
            2 => Holds::OnMachine(d.digest()?),
            _ => return Err(Malformed),
        },
        volatile: d.option(|d| d.text().map(str::to_string))?,
        unprovable: d.option(|d| d.text().map(str::to_string))?,
        printed: d.bytes()?.to_vec(),
        duration_ms: d.u32()?,
        shared: d.option(|d| d.digest().map(ActionDigest))?,
    })
}

/// Reads what an identity was made of.
fn identity(d: &mut Decoder<'_>) -> Result<Entry, Malformed> {
    let digest = d.digest()?;
    let part = |d: &mut Decoder<'_>| Ok(Part { name: d.text()?.to_string(), digest: d.digest()? });
    Ok(Entry::Identity(digest, d.list(part)?))
}

fn signature(d: &mut Decoder<'_>) -> Result<Signature, Malformed> {
    Ok(Signature {
        size: d.u64()?,
        mtime: FileTime(d.u64()?.cast_signed()),
        ctime: FileTime(d.u64()?.cast_signed()),
        inode: d.u64()?,
        mode: d.u32()?,
    })
}

/// The numbers that a journal gave to the things of one table.
#[derive(Default)]
struct Numbers {
    given: Vec<Option<u32>>,
    count: u32,
}

impl Numbers {
    fn get(&self, id: usize) -> Option<u32> {
        self.given.get(id).copied().flatten()
    }

    fn give(&mut self, id: usize) -> u32 {
        if self.given.len() <= id {
            self.given.resize(id + 1, None);
        }
        let number = self.count;
        self.given[id] = Some(number);
        self.count += 1;
        number
    }
}

/// Writes records, defining what they speak of when it is first spoken of in an epoch. What it appends starts with
/// an epoch of its own, so that it can be read without what stands before.
#[derive(Default)]
pub(crate) struct Writer {
    /// The epoch of the journal that the numbers belong to.
    epoch: Option<u32>,
    roots: Numbers,
    paths: Numbers,
    texts: Numbers,
    contents: Numbers,
}

impl Writer {
    /// Sees to it that an epoch has started. Every record is begun with this, before it speaks of anything.
    fn begin(&mut self, journal: &mut Journal) {
        if self.epoch != Some(journal.epoch()) {
            *self = Self { epoch: Some(journal.epoch()), ..Self::default() };
            journal.append(kind::EPOCH, &[]);
        }
    }

    fn path(&mut self, id: PathId, files: &Files, journal: &mut Journal) -> u32 {
        if let Some(number) = self.paths.get(id.0 as usize) {
            return number;
        }
        let root = files.root(id);
        let root_number = self.roots.get(usize::from(root.0)).unwrap_or_else(|| {
            journal.append(kind::ROOT, &encoded(|e| e.bytes(files.roots().get(root).name.as_bytes())));
            self.roots.give(usize::from(root.0))
        });
        let rel = files.rel(id).as_os_str().as_bytes();
        journal.append(kind::PATH, &encoded(|e| e.u32(root_number).bytes(rel)));
        self.paths.give(id.0 as usize)
    }

    fn text(&mut self, id: TextId, files: &Files, journal: &mut Journal) -> u32 {
        self.texts.get(id.0 as usize).unwrap_or_else(|| {
            journal.append(kind::TEXT, &encoded(|e| e.bytes(files.text(id))));
            self.texts.give(id.0 as usize)
        })
    }

    fn content(&mut self, id: ContentId, files: &Files, journal: &mut Journal) -> u32 {
        self.contents.get(id.0 as usize).unwrap_or_else(|| {
            let blob = files.blob(id);
            journal.append(kind::CONTENT, &encoded(|e| e.digest(&blob.digest).u64(blob.size)));
            self.contents.give(id.0 as usize)
        })
    }

    /// Appends a stamp; gives the length of the record.
    pub(crate) fn stamp(
        &mut self,
        key: PathId,
        stamp: &Stamp,
        before: Before,
        files: &Files,
        journal: &mut Journal,
    ) -> u64 {
        self.begin(journal);
        let mut e = Encoder::new();
        e.u8(before.code()).u32(self.path(key, files, journal)).u8(stamp.kind.code());
        let command = &stamp.command;
        e.digest(&command.digest);
        e.list(&command.argv, |e, id| {
            e.u32(self.text(*id, files, journal));
        });
        e.list(&command.env, |e, (name, value)| {
            e.u32(self.text(*name, files, journal)).u32(self.text(*value, files, journal));
        });
        e.u32(self.text(command.cwd, files, journal));
        e.list(&command.produces, |e, id| {
            e.u32(self.text(*id, files, journal));
        });
        e.option(stamp.identity, |e, digest| {
            e.digest(&digest);
        });
        e.list(&stamp.declared, |e, (path, content)| {
            e.u32(self.path(*path, files, journal)).u32(self.content(*content, files, journal));
        });
        e.list(&stamp.executables, |e, path| {
            e.u32(self.path(*path, files, journal));
        });
        e.list(&stamp.discovered, |e, (path, content)| {
            e.u32(self.path(*path, files, journal));
            e.option(*content, |e, content| {
                e.u32(self.content(content, files, journal));
            });
        });
        e.option(stamp.lookups.as_ref(), |e, lookups| {
            lookups.encode(e, |id| self.path(id, files, journal));
        });
        e.list(&stamp.deferred, |e, path| {
            e.u32(self.path(*path, files, journal));
        });
        e.list(&stamp.outputs, |e, output| {
            e.u32(self.path(output.path, files, journal));
            e.u32(self.content(output.content, files, journal));
            e.u8(u8::from(output.executable) | if stamp.left { LEFT } else { 0 });
        });
        e.list(&stamp.links, |e, link| {
            e.u32(self.path(*link, files, journal));
        });
        match &stamp.holds {
            Holds::Everywhere => e.u8(0),
            Holds::AtRoots(Bound { roots, places, why }) => {
                e.u8(1).list(roots, |e, root| {
                    e.bytes(root.as_bytes());
                });
                e.digest(places).bytes(why.as_bytes())
            }
            Holds::OnMachine(digest) => e.u8(2).digest(digest),
        };
        for why in [&stamp.volatile, &stamp.unprovable] {
            e.option(why.as_deref(), |e, why| {
                e.bytes(why.as_bytes());
            });
        }
        e.bytes(&stamp.printed).u32(stamp.duration_ms);
        e.option(stamp.shared, |e, digest| {
            e.digest(&digest.0);
        });
        append(journal, kind::STAMP, e)
    }

    /// Appends that the stamps of an action are void; gives the length of the record.
    pub(crate) fn forget(&mut self, key: PathId, files: &Files, journal: &mut Journal) -> u64 {
        self.begin(journal);
        let mut e = Encoder::new();
        e.u32(self.path(key, files, journal));
        append(journal, kind::FORGET, e)
    }

    /// Appends that a command starts that may leave files at `outputs`; gives the length of the record.
    pub(crate) fn started(
        &mut self,
        key: PathId,
        outputs: &[PathId],
        files: &Files,
        journal: &mut Journal,
    ) -> u64 {
        self.begin(journal);
        let mut e = Encoder::new();
        e.u32(self.path(key, files, journal)).list(outputs, |e, output| {
            e.u32(self.path(*output, files, journal));
        });
        append(journal, kind::STARTED, e)
    }

    /// Appends a signature; gives the length of the record.
    pub(crate) fn signature(
        &mut self,
        path: PathId,
        prior: &Prior,
        files: &Files,
        journal: &mut Journal,
    ) -> u64 {
        self.begin(journal);
        let number = self.path(path, files, journal);
        let content = self.content(prior.content, files, journal);
        let mut e = Encoder::new();
        let Signature { size, mtime, ctime, inode, mode } = prior.signature;
        e.u32(number).u32(content).u64(size).u64(mtime.0.cast_unsigned()).u64(ctime.0.cast_unsigned());
        e.u64(inode).u32(mode);
        append(journal, kind::SIGNATURE, e)
    }

    /// Appends what an identity was made of; gives the length of the record.
    pub(crate) fn identity(&mut self, digest: &Digest, parts: &[Part], journal: &mut Journal) -> u64 {
        self.begin(journal);
        let mut e = Encoder::new();
        e.digest(digest).list(parts, |e, part| {
            e.bytes(part.name.as_bytes()).digest(&part.digest);
        });
        append(journal, kind::IDENTITY, e)
    }

    /// Appends an answer about a toolchain; gives the length of the record.
    pub(crate) fn memo(&mut self, key: &Digest, value: &[u8], journal: &mut Journal) -> u64 {
        self.begin(journal);
        let mut e = Encoder::new();
        e.digest(key).bytes(value);
        append(journal, kind::MEMO, e)
    }
}

/// How many bytes of the journal a record with this payload is.
pub(crate) fn length_of(payload: &[u8]) -> u64 {
    (payload.len() + FRAME) as u64
}

fn append(journal: &mut Journal, kind: u8, e: Encoder) -> u64 {
    let payload = e.into_bytes();
    journal.append(kind, &payload);
    length_of(&payload)
}

fn encoded(write: impl FnOnce(&mut Encoder) -> &mut Encoder) -> Vec<u8> {
    let mut encoder = Encoder::new();
    write(&mut encoder);
    encoder.into_bytes()
}
