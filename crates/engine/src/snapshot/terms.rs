//! What the proof of a snapshot depends on besides files, and what is told if it holds.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::consult::{Answer, Names, Question};
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::roots::{Root, RootId, Roots};
use rekindle_fingerprint::signature::{FileTime, Signature};

use crate::event::{ArchiveReport, Outcome, Remarks, Report};
use crate::record::MOST_ROOTS;
use rekindle_scheduler::ActionId;

/// What the proof depends on besides files, and what is told if it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The digest of all that the caller says a build depends on.
    pub(super) request: Digest,
    /// The roots in the order of their numbers; the first three are always the same.
    pub(super) roots: Vec<RootTerm>,
    /// Environment variables that lowering asked for, and the digests of their values.
    pub(super) variables: Vec<(Vec<u8>, Option<Digest>)>,
    /// The processor's digest, if some command is for this one.
    pub(super) processor: Option<Digest>,
    /// Where all roots lie. What a path in the manifest means may depend on that, and some results hold there alone.
    pub(super) places: Digest,
    /// What names all actions of which the build directory has stamps: what others leave is deleted by those who know.
    pub(super) keys: Digest,
    /// How many actions there are of each kind.
    pub(super) kinds: [u64; ActionKind::ALL.len()],
    /// What binds results: the reason, whether it is toolchains alone, and how many results.
    pub(super) bound: Vec<(String, bool, u64)>,
    /// How many results are volatile.
    pub(super) volatile: u64,
    /// How many results are local.
    pub(super) local: u64,
    /// How many outputs were left in the store.
    pub(super) left: u64,
    /// The name of the build's record in the store, if there is one.
    pub(super) build: Option<Digest>,
    /// How long the journal was, in bytes, when the snapshot was made of the whole.
    pub(super) journal: u64,
    /// What the caller wants back.
    pub(super) note: Vec<u8>,
}

/// A root and, if it names paths, where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RootTerm {
    pub(super) name: String,
    /// The directory, as a path below one of the first three roots; none for a root that the caller knows.
    pub(super) place: Option<Place>,
    /// Its other spellings.
    pub(super) spellings: Vec<Place>,
    /// Which of its subtrees belong to it.
    pub(super) within: Vec<PathBuf>,
}

/// A path below one of the first three roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    root: u8,
    rel: PathBuf,
}

impl Place {
    /// How an absolute path is written down.
    pub(super) fn of(path: &Path, roots: &Roots) -> Self {
        for (number, root) in [(1, Roots::BUILD), (0, Roots::WORKSPACE)] {
            if let Ok(rel) = path.strip_prefix(&roots.get(root).path) {
                return Self { root: number, rel: rel.into() };
            }
        }
        Self { root: 2, rel: path.strip_prefix("/").unwrap_or(path).into() }
    }

    /// The path, absolute.
    pub(super) fn absolute(&self, roots: &Roots) -> PathBuf {
        roots.get(RootId(u16::from(self.root))).path.join(&self.rel)
    }

    fn encode(&self, e: &mut Encoder) {
        e.u8(self.root).bytes(self.rel.as_os_str().as_bytes());
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let root = d.u8()?;
        let rel = path(d)?;
        if root > 2 || rel.is_absolute() { Err(Malformed) } else { Ok(Self { root, rel }) }
    }
}

fn path(d: &mut Decoder<'_>) -> Result<PathBuf, Malformed> {
    Ok(PathBuf::from(OsString::from_vec(d.bytes()?.to_vec())))
}

impl RootTerm {
    /// What is written down of a root. Those that `known` has are the caller's to place.
    pub(super) fn of(root: &Root, roots: &Roots, known: bool) -> Self {
        let place = (!known && root.is_placed()).then(|| Place::of(&root.path, roots));
        let spellings = if known {
            Vec::new()
        } else {
            root.spellings.iter().map(|path| Place::of(path, roots)).collect()
        };
        Self { name: root.name.clone(), place, spellings, within: root.within.clone() }
    }

    /// The root as it is here.
    pub(super) fn root(&self, roots: &Roots) -> Option<Root> {
        Some(Root {
            name: self.name.clone(),
            path: self.place.as_ref()?.absolute(roots),
            spellings: self.spellings.iter().map(|place| place.absolute(roots)).collect(),
            within: self.within.clone(),
        })
    }
}

/// The digest of where all roots lie: domain `rekindle places 1`, then the name, the path and the spellings of each, by
/// name.
pub(super) fn places(roots: &Roots) -> Digest {
    let mut all: Vec<&Root> = roots.iter().map(|(_, root)| root).filter(|root| root.is_placed()).collect();
    all.sort_by(|one, another| one.name.cmp(&another.name));
    let mut encoder = Encoder::for_digest("rekindle places 1");
    encoder.list(&all, |e, root| {
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        e.bytes(root.name.as_bytes()).bytes(&bytes(&root.path));
        e.list(&root.spellings, |e, path| {
            e.bytes(&bytes(path));
        });
    });
    encoder.finish()
}

/// The digest of what names actions: domain `rekindle keys 1`, then root and path of each, sorted.
pub(super) fn keys(keys: impl Iterator<Item = PathId>, files: &Files) -> Digest {
    let name = |key: PathId| {
        (files.roots().get(files.root(key)).name.as_str(), files.rel(key).as_os_str().as_bytes())
    };
    let mut all: Vec<(&str, &[u8])> = keys.map(name).collect();
    all.sort_unstable();
    let mut encoder = Encoder::for_digest("rekindle keys 1");
    encoder.list(&all, |e, (root, rel)| {
        e.bytes(root.as_bytes()).bytes(rel);
    });
    encoder.finish()
}

/// The digest of an environment variable's value: domain `rekindle variable 1`.
pub(super) fn value(value: &OsStr) -> Digest {
    Encoder::for_digest("rekindle variable 1").bytes(value.as_bytes()).finish()
}

impl Terms {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        e.digest(&self.request);
        e.list(&self.roots, |e, root| {
            e.bytes(root.name.as_bytes()).option(root.place.as_ref(), |e, place| place.encode(e));
            e.list(&root.spellings, |e, place| place.encode(e));
            e.list(&root.within, |e, path| {
                e.bytes(path.as_os_str().as_bytes());
            });
        });
        e.list(&self.variables, |e, (name, value)| {
            e.bytes(name).option(value.as_ref(), |e, value| {
                e.digest(value);
            });
        });
        e.option(self.processor.as_ref(), |e, digest| {
            e.digest(digest);
        });
        e.digest(&self.places).digest(&self.keys);
        for count in self.kinds {
            e.u64(count);
        }
        e.list(&self.bound, |e, (why, tools, count)| {
            e.bytes(why.as_bytes()).u8(u8::from(*tools)).u64(*count);
        });
        e.u64(self.volatile).u64(self.local).u64(self.left);
        e.option(self.build.as_ref(), |e, build| {
            e.digest(build);
        });
        e.u64(self.journal).bytes(&self.note);
        e.into_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut d = Decoder::new(bytes);
        let terms = Self {
            request: d.digest()?,
            roots: d.list(|d| {
                Ok(RootTerm {
                    name: d.text()?.to_string(),
                    place: d.option(Place::decode)?,
                    spellings: d.list(Place::decode)?,
                    within: d.list(path)?,
                })
            })?,
            variables: d.list(|d| Ok((d.bytes()?.to_vec(), d.option(Decoder::digest)?)))?,
            processor: d.option(Decoder::digest)?,
            places: d.digest()?,
            keys: d.digest()?,
            kinds: {
                let mut kinds = [0; ActionKind::ALL.len()];
                for count in &mut kinds {
                    *count = d.u64()?;
                }
                kinds
            },
            bound: d.list(|d| Ok((d.text()?.to_string(), d.u8()? != 0, d.u64()?)))?,
            volatile: d.u64()?,
            local: d.u64()?,
            left: d.u64()?,
            build: d.option(Decoder::digest)?,
            journal: d.u64()?,
            note: d.bytes()?.to_vec(),
        };
        d.end()?;
        // They are added up when they are told.
        let kinds = terms.kinds.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let bound = terms.bound.iter().try_fold(0_u64, |sum, (_, _, count)| sum.checked_add(*count));
        kinds.and(bound).filter(|_| terms.roots.len() < MOST_ROOTS).map(|_| terms).ok_or(Malformed)
    }
}

/// Something that was asked of the disk, and the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The number of the path.
    pub(super) path: u32,
    pub(super) question: Question,
    pub(super) answer: Kept,
}

impl Asked {
    /// Whether the answer is the directory with this number.
    pub(super) fn is(&self, directory: u32) -> bool {
        self.answer == Kept::Identity(directory)
    }
}

/// An answer as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Anything that says nothing of where roots lie.
    Plain(Answer),
    /// A canonical path.
    Path(Place),
    /// The directory is the one with this number: those with one number are one directory.
    Identity(u32),
}

/// Writes what was asked.
pub(super) fn encode_asked(asked: &[Asked]) -> Vec<u8> {
    let mut e = Encoder::new();
    e.list(asked, |e, asked| {
        let question = Question::ALL.iter().position(|one| *one == asked.question).unwrap_or_default();
        e.u32(asked.path).u8(question as u8);
        match &asked.answer {
            Kept::Path(place) => {
                e.u8(8);
                place.encode(e);
            }
            Kept::Identity(number) => {
                e.u8(9).u32(*number);
            }
            Kept::Plain(answer) => encode_answer(e, answer),
        }
    });
    e.into_bytes()
}

fn encode_answer(e: &mut Encoder, answer: &Answer) {
    match answer {
        Answer::Nothing => e.u8(0),
        Answer::Refused => e.u8(1),
        Answer::Directory => e.u8(2),
        Answer::File(mode) => e.u8(3).u32(*mode),
        Answer::Path(path) => e.u8(4).bytes(path.as_os_str().as_bytes()),
        Answer::Names(Names { digest, searched, all, signature }) => {
            e.u8(5).digest(digest).digest(searched).digest(all).option(*signature, encode_signature)
        }
        Answer::Content(blob) => e.u8(6).digest(&blob.digest).u64(blob.size),
        Answer::Identity(device, inode) => e.u8(7).u64(*device).u64(*inode),
    };
}

/// Reads what [`encode_asked`] wrote.
pub(super) fn decode_asked(bytes: &[u8]) -> Result<Vec<Asked>, Malformed> {
    let mut d = Decoder::new(bytes);
    let asked = d.list(|d| {
        let path_number = d.u32()?;
        let question = *Question::ALL.get(usize::from(d.u8()?)).ok_or(Malformed)?;
        let answer = match d.u8()? {
            0 => Kept::Plain(Answer::Nothing),
            1 => Kept::Plain(Answer::Refused),
            2 => Kept::Plain(Answer::Directory),
            3 => Kept::Plain(Answer::File(d.u32()?)),
            4 => Kept::Plain(Answer::Path(path(d)?)),
            5 => {
                let (digest, searched, all) = (d.digest()?, d.digest()?, d.digest()?);
                Kept::Plain(Answer::Names(Names {
                    digest,
                    searched,
                    all,
                    signature: d.option(decode_signature)?,
                }))
            }
            6 => Kept::Plain(Answer::Content(Blob { digest: d.digest()?, size: d.u64()? })),
            7 => Kept::Plain(Answer::Identity(d.u64()?, d.u64()?)),
            8 => Kept::Path(Place::decode(d)?),
            9 => Kept::Identity(d.u32()?),
            _ => return Err(Malformed),
        };
        Ok(Asked { path: path_number, question, answer })
    })?;
    d.end()?;
    Ok(asked)
}

fn encode_signature(e: &mut Encoder, signature: Signature) {
    let Signature { size, mtime, ctime, inode, mode } = signature;
    e.u64(size).u64(mtime.0.cast_unsigned()).u64(ctime.0.cast_unsigned()).u64(inode).u32(mode);
}

fn decode_signature(d: &mut Decoder<'_>) -> Result<Signature, Malformed> {
    Ok(Signature {
        size: d.u64()?,
        mtime: FileTime(d.u64()?.cast_signed()),
        ctime: FileTime(d.u64()?.cast_signed()),
        inode: d.u64()?,
        mode: d.u32()?,
    })
}

/// What a fresh action has to say in every build: it printed something when it ran, or another build tool made its archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replay {
    /// The number of the action in the snapshot.
    pub(super) action: u32,
    pub(super) kind: ActionKind,
    pub(super) name: String,
    pub(super) outputs: Vec<String>,
    /// What it printed, roots by name.
    pub(super) printed: Vec<u8>,
    pub(super) remarks: Remarks,
    /// The profile of an archive that another build tool makes, and how many files are watched; nothing for other kinds.
    pub(super) profile: Vec<(String, String)>,
    pub(super) watched: u64,
}

impl Replay {
    /// The report of the action as a build gives it in which it is fresh, and in which so many bytes of what it reads were
    /// read.
    pub(super) fn report(&self, roots: &Roots, hashed_bytes: u64) -> Report {
        let archive = (self.kind == ActionKind::AutoArchive).then(|| {
            let (profile, inputs) = (self.profile.clone(), self.watched);
            Box::new(ArchiveReport { profile, inputs, hashed_bytes, ..ArchiveReport::default() })
        });
        Report {
            id: ActionId(self.action),
            kind: self.kind,
            name: self.name.clone(),
            outputs: self.outputs.clone(),
            outcome: Outcome::Fresh,
            reasons: Vec::new(),
            ms: 0,
            printed: rekindle_fingerprint::printed::with_paths(&self.printed, roots),
            command: String::new(),
            failure: None,
            remarks: self.remarks.clone(),
            archive,
        }
    }
}

/// Writes what fresh actions have to say.
pub(super) fn encode_replays(replays: &[Replay]) -> Vec<u8> {
    let mut e = Encoder::new();
    e.list(replays, |e, replay| {
        e.u32(replay.action).u8(replay.kind.code()).bytes(replay.name.as_bytes());
        e.list(&replay.outputs, |e, output| {
            e.bytes(output.as_bytes());
        });
        e.bytes(&replay.printed);
        let Remarks { bound, bound_to_tools, volatile, local, unprovable: _, unrecorded: _ } =
            &replay.remarks;
        e.u8(u8::from(*bound_to_tools));
        for text in [bound, volatile, local] {
            e.option(text.as_deref(), |e, text| {
                e.bytes(text.as_bytes());
            });
        }
        if replay.kind == ActionKind::AutoArchive {
            e.list(&replay.profile, |e, (key, value)| {
                e.bytes(key.as_bytes()).bytes(value.as_bytes());
            });
            e.u64(replay.watched);
        }
    });
    e.into_bytes()
}

/// Reads what [`encode_replays`] wrote.
pub(super) fn decode_replays(bytes: &[u8]) -> Result<Vec<Replay>, Malformed> {
    let mut d = Decoder::new(bytes);
    let replays = d.list(|d| {
        let text = |d: &mut Decoder<'_>| d.option(|d| d.text().map(str::to_string));
        let (action, kind) = (d.u32()?, ActionKind::from_code(d.u8()?).ok_or(Malformed)?);
        let is_auto = kind == ActionKind::AutoArchive;
        Ok(Replay {
            action,
            kind,
            name: d.text()?.to_string(),
            outputs: d.list(|d| d.text().map(str::to_string))?,
            printed: d.bytes()?.to_vec(),
            remarks: {
                let bound_to_tools = d.u8()? != 0;
                let (bound, volatile, local) = (text(d)?, text(d)?, text(d)?);
                Remarks { bound, bound_to_tools, volatile, local, ..Remarks::default() }
            },
            profile: match is_auto {
                true => d.list(|d| Ok((d.text()?.to_string(), d.text()?.to_string())))?,
                false => Vec::new(),
            },
            watched: if is_auto { d.u64()? } else { 0 },
        })
    })?;
    d.end()?;
    Ok(replays)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> Roots {
        let mut roots = Roots::new("/w", "/w/out");
        let tools = Root { within: vec!["lib/gcc".into()], ..Root::new("tc.host", "/opt/tools") };
        let id = roots.add(tools).unwrap();
        roots.add_spelling(id, "/link/tools");
        roots
    }

    fn terms(roots: &Roots) -> Terms {
        Terms {
            request: Digest::of(b"request"),
            roots: roots.iter().map(|(id, root)| RootTerm::of(root, roots, id.0 < 3)).collect(),
            variables: vec![(b"A".to_vec(), Some(value(OsStr::new("1")))), (b"B".to_vec(), None)],
            processor: Some(Digest::of(b"processor")),
            places: places(roots),
            keys: Digest::of(b"keys"),
            kinds: [1, 2, 3, 4, 5],
            bound: vec![("`-g`".into(), true, 7)],
            volatile: 1,
            local: 2,
            left: 3,
            build: Some(Digest::of(b"build")),
            journal: 3,
            note: b"note".to_vec(),
        }
    }

    #[test]
    fn terms_that_cannot_be_counted_are_refused() {
        let sound = terms(&roots());
        let kinds = Terms { kinds: [u64::MAX, 1, 0, 0, 0], ..sound.clone() };
        let bound =
            Terms { bound: vec![("a".into(), true, u64::MAX), ("b".into(), false, 1)], ..sound.clone() };
        let many = Terms { roots: vec![sound.roots[0].clone(); MOST_ROOTS], ..sound };
        for terms in [kinds, bound, many] {
            assert_eq!(Terms::decode(&terms.encode()), Err(Malformed));
        }
    }

    #[test]
    fn terms_read_back_as_they_were_written() {
        let terms = terms(&roots());
        assert_eq!(Terms::decode(&terms.encode()), Ok(terms));
    }

    #[test]
    fn terms_that_end_early_are_refused() {
        let bytes = terms(&roots()).encode();
        for length in 0..bytes.len() {
            assert!(Terms::decode(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_root_lies_where_it_did_and_one_in_the_workspace_moves_with_it() {
        let mut roots = roots();
        roots.add(Root::new("sdk", "/w/sdk")).unwrap();
        let elsewhere = Roots::new("/v", "/v/out");
        let found = |name: &str| {
            let root = roots.get(roots.by_name(name).unwrap());
            RootTerm::of(root, &roots, false).root(&elsewhere).unwrap()
        };
        assert_eq!(found("sdk").path, Path::new("/v/sdk"));
        let tools = found("tc.host");
        assert_eq!(
            (tools.path.as_path(), &tools.spellings[..]),
            (Path::new("/opt/tools"), &["/link/tools".into()][..])
        );
        assert_eq!(tools.within, [Path::new("lib/gcc")]);
    }

    #[test]
    fn the_digest_of_places_changes_with_every_root_and_every_spelling() {
        let here = places(&roots());
        let moved = Roots::new("/v", "/v/out");
        let mut spelled = roots();
        spelled.add_spelling(Roots::WORKSPACE, "/home/me/w");
        let mut another = roots();
        another.add(Root::new("sdk", "/sdk")).unwrap();
        for roots in [moved, spelled, another] {
            assert_ne!(places(&roots), here);
        }
        assert_eq!(places(&roots()), here);
    }

    #[test]
    fn answers_and_replays_read_back_as_they_were_written() {
        let signature = Signature { size: 1, mtime: FileTime(2), ctime: FileTime(3), inode: 4, mode: 5 };
        let plain = [
            Answer::Nothing,
            Answer::Refused,
            Answer::Directory,
            Answer::File(0o755),
            Answer::Path("../x".into()),
            Answer::Names(Names { signature: Some(signature), ..Names::of(&[], None) }),
            Answer::Names(Names::of(&[], None)),
            Answer::Content(Blob::of(b"content")),
            Answer::Identity(6, 7),
        ];
        let mut kept: Vec<Kept> = plain.into_iter().map(Kept::Plain).collect();
        kept.extend([Kept::Path(Place::of(Path::new("/w/x"), &roots())), Kept::Identity(8)]);
        let asked: Vec<Asked> = kept
            .into_iter()
            .zip(Question::ALL.into_iter().cycle())
            .zip(0..)
            .map(|((answer, question), path)| Asked { path, question, answer })
            .collect();
        assert_eq!(decode_asked(&encode_asked(&asked)), Ok(asked));
        let remarks = Remarks { bound: Some("`-g`".into()), bound_to_tools: true, ..Remarks::default() };
        let replay = Replay {
            action: 1,
            kind: ActionKind::Link,
            name: "app".into(),
            outputs: vec!["build:app".into()],
            printed: b"warning".to_vec(),
            remarks,
            profile: Vec::new(),
            watched: 0,
        };
        let archive = Replay {
            action: 2,
            kind: ActionKind::AutoArchive,
            profile: vec![("features".into(), "crypto".into())],
            watched: 7,
            ..replay.clone()
        };
        let all = [replay, archive];
        assert_eq!(decode_replays(&encode_replays(&all)), Ok(all.to_vec()));
        let told = all.map(|replay| replay.report(&roots(), 5).archive.map(|archive| *archive));
        let profile = vec![("features".into(), "crypto".into())];
        let archive = ArchiveReport { profile, inputs: 7, hashed_bytes: 5, ..ArchiveReport::default() };
        assert_eq!(told, [None, Some(archive)]);
    }

    #[test]
    fn a_place_never_starts_at_the_top() {
        let mut e = Encoder::new();
        e.u8(0).bytes(b"/etc");
        assert_eq!(Place::decode(&mut Decoder::new(&e.into_bytes())), Err(Malformed));
        let mut e = Encoder::new();
        e.u8(3).bytes(b"etc");
        assert_eq!(Place::decode(&mut Decoder::new(&e.into_bytes())), Err(Malformed));
    }
}
