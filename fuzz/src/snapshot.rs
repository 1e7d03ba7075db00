//! The snapshots of a build directory.
//!
//! The first part of the input is a list of changes to the header: place (2 bytes), value (1). The next three are the
//! terms, without those that have to be right for anything to be read: the roots; the variables and the processor; all
//! that follows the digest of the places. Then come the nine other sections. If the first part is of a length that no list of changes
//! has, the other parts are the file, as they are.

use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rekindle_engine::event::Summary;
use rekindle_engine::history::History;
use rekindle_engine::marker::Marker;
use rekindle_engine::snapshot::{self, Built, Caller, Part, Proof};
use rekindle_fingerprint::consult::Record;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::{Root, Roots};
use rekindle_fingerprint::signature::Instant;
use rekindle_scheduler::Graph;
use twox_hash::XxHash3_64;

use super::{parts, place};

/// The format, as `docs/format/snapshot.md` tells it.
const VERSION: u32 = 3;
/// How many sections there are.
const SECTIONS: usize = 10;
/// Magic, version and number of sections; place, length and checksum of each; checksum of all that.
const HEADER: usize = 16 + 4 + 4 + SECTIONS * 24 + 8;

/// The project, and what a build leaves of it, when it was built from `PATH=/usr/bin:/bin`. A snapshot of that holds here.
pub const PROJECT: [(&str, &str); 5] = [
    ("rekindle.toml", MANIFEST),
    ("in/a", "a\n"),
    ("in/b", "b\n"),
    (".rekindle/build/debug/gen/one", "a\n"),
    (".rekindle/build/debug/gen/two", "b\n"),
];

const MANIFEST: &str = r#"[project]
name = "two"

[command.one]
argv = ["sh", "-c", "echo said; cat {in} > {out}"]
inputs = ["in/a"]
outputs = ["one"]

[command.two]
argv = ["sh", "-c", "cat {in} > {out}"]
inputs = ["in/b"]
outputs = ["two"]
"#;

/// What came of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing is to be done.
    Holds,
    /// Some files of actions are not what they were.
    Part,
    /// The same, and the snapshot contradicts itself.
    Contradiction,
    /// It is worth nothing.
    Fails,
}

/// Makes a snapshot of `data` for a project of two commands, and asks whether it holds.
pub fn run(data: &[u8]) -> Found {
    place::with(|dir| {
        let (ws, build) = (dir.join("ws"), dir.join("ws/.rekindle/build/debug"));
        if !build.exists() {
            fs::create_dir_all(build.join("snapshots")).expect("a place to write to");
            for (name, text) in PROJECT {
                let path = ws.join(name);
                fs::create_dir_all(path.parent().expect("a directory")).expect("a place to write to");
                fs::write(path, text).expect("a place to write to");
            }
        }
        let roots = Roots::new(&ws, &build);
        let marker = Marker::open(&build.join("marker")).expect("a place to write to");
        let caller = Caller {
            request: Digest::of(b"request"),
            roots: &roots,
            variable: &|name| (name == "PATH").then(|| "/usr/bin:/bin".into()),
            processor: &|| Digest::of(b"processor"),
        };
        let path = snapshot::place(&build, &caller.request);
        fs::write(&path, file(data, &caller)).expect("a place to write to");
        let proof = snapshot::prove(&build, &|| marker.now(), &caller).expect("a place to write to");
        let names = |dir: &Path| fs::read_dir(dir).map_or(0, Iterator::count);
        assert_eq!((names(dir), names(&ws), names(&build)), (1, 3, 3), "nothing else lies there");
        assert_eq!(names(&build.join("snapshots")), 1, "nothing else lies there");
        match proof {
            Proof::Fails => Found::Fails,
            Proof::Holds(held) => {
                let kinds: u64 = held.summary.kinds.iter().fold(0, |sum, kind| sum.wrapping_add(kind.fresh));
                assert_eq!((held.summary.actions.fresh, held.summary.total), (kinds, kinds));
                Found::Holds
            }
            Proof::Part(part) => {
                let found =
                    adopt(&part, &roots, &build, &dir.join("journal"), marker.now().expect("a clock"));
                assert_eq!(names(&build.join("snapshots")), 1, "nothing else lies there");
                found
            }
        }
    })
}

/// Takes over what a snapshot says of the actions that are affected, and writes the one that would follow.
fn adopt(part: &Part, roots: &Roots, build: &Path, journal: &Path, now: Instant) -> Found {
    let mut files = Files::new(roots.clone());
    let Ok(adopted) = part.adopt(&mut files) else { return Found::Contradiction };
    assert!(adopted.stale.iter().all(|key| adopted.keys.contains(key)));
    assert!(!adopted.stale.is_empty(), "something has changed, and it is nobody's");
    assert!(adopted.saved.iter().all(|(path, _)| (path.0 as usize) < files.len()));
    let history = History::open(journal, &mut files).expect("an empty journal");
    let (graph, summary) = (Graph::new(), Summary::default());
    let built =
        Built { graph: &graph, outputs: &[], files: &mut files, history: &history, summary: &summary };
    snapshot::renew(build, part, &adopted, built, &Record::default(), None, now)
        .expect("a place to write to");
    let _ = fs::remove_file(journal);
    Found::Part
}

/// The file that an input stands for.
fn file(data: &[u8], caller: &Caller<'_>) -> Vec<u8> {
    let parts = parts::split(data);
    let Some((changes, parts)) = parts.split_first() else { return Vec::new() };
    if changes.len() % 3 != 0 {
        return parts.concat();
    }
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    let mut terms = caller.request.0.to_vec();
    terms.extend_from_slice(part(0));
    terms.extend_from_slice(part(1));
    terms.extend_from_slice(&places(part(0), caller.roots).unwrap_or(Digest([0; 32])).0);
    terms.extend_from_slice(part(2));
    let sections: Vec<&[u8]> = std::iter::once(&terms[..]).chain((3..12).map(part)).collect();
    assemble(&sections, changes)
}

/// Puts sections together, with a header that is right for them but for `changes`, and a checksum that is right for it.
fn assemble(sections: &[&[u8]], changes: &[u8]) -> Vec<u8> {
    let sum = |bytes: &[u8]| XxHash3_64::oneshot(bytes).to_le_bytes();
    let mut bytes = b"rekindlesnapshot".to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(SECTIONS).expect("few sections").to_le_bytes());
    let mut at = HEADER;
    for section in sections {
        bytes.extend_from_slice(&(at as u64).to_le_bytes());
        bytes.extend_from_slice(&(section.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&sum(section));
        at += section.len().next_multiple_of(8);
    }
    for change in changes.chunks_exact(3) {
        if let Some(byte) = bytes.get_mut(usize::from(u16::from_le_bytes([change[0], change[1]]))) {
            *byte = change[2];
        }
    }
    let header = sum(&bytes);
    bytes.extend_from_slice(&header);
    for section in sections {
        bytes.extend_from_slice(section);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    bytes
}

/// The digest of where the roots lie that `terms` tell of: of each that is placed, by name, its name, path and spellings.
fn places(terms: &[u8], known: &Roots) -> Result<Digest, Malformed> {
    let mut roots = known.clone();
    for root in read_roots(&mut Decoder::new(terms), known)? {
        match root {
            (name, None) => drop(roots.reserve(&name)),
            (_, Some(root)) => drop(roots.add(root).map_err(|_| Malformed)?),
        }
    }
    let mut placed: Vec<&Root> = roots.iter().map(|(_, root)| root).filter(|root| root.is_placed()).collect();
    placed.sort_by(|one, other| one.name.cmp(&other.name));
    let mut encoder = Encoder::for_digest("rekindle places 1");
    encoder.list(&placed, |e, root| {
        e.bytes(root.name.as_bytes()).bytes(root.path.as_os_str().as_bytes());
        e.list(&root.spellings, |e, path| {
            e.bytes(path.as_os_str().as_bytes());
        });
    });
    Ok(encoder.finish())
}

/// The names of roots, and where those lie that the caller does not know.
fn read_roots(d: &mut Decoder<'_>, known: &Roots) -> Result<Vec<(String, Option<Root>)>, Malformed> {
    let path = |d: &mut Decoder<'_>| Ok(PathBuf::from(std::ffi::OsString::from_vec(d.bytes()?.to_vec())));
    let below = |d: &mut Decoder<'_>| {
        let base = [Roots::WORKSPACE, Roots::BUILD, Roots::OUTSIDE];
        let base = *base.get(usize::from(d.u8()?)).ok_or(Malformed)?;
        Ok(known.get(base).path.join(path(d)?))
    };
    d.list(|d| {
        let name = d.text()?.to_string();
        let place = d.option(below)?;
        let (spellings, within) = (d.list(below)?, d.list(path)?);
        let root = place.map(|path| Root { name: name.clone(), path, spellings, within });
        Ok((name, root))
    })
}

/// The input that stands for a snapshot that a build has written; none if `file` is none.
pub fn input_of(file: &[u8]) -> Option<Vec<u8>> {
    let number = |at: usize| usize::try_from(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?)).ok();
    let mut sections = Vec::new();
    for section in 0..SECTIONS {
        let (start, length) = (number(24 + section * 24)?, number(32 + section * 24)?);
        sections.push(file.get(start..start.checked_add(length)?)?);
    }
    let (terms, others) = sections.split_first()?;
    let after_request = terms.get(32..)?;
    let known = Roots::new("/ws", "/ws/build");
    let rest = |read: &mut dyn FnMut(&mut Decoder<'_>) -> Result<(), Malformed>, from: &[u8]| {
        // A decoder does not tell where it is: what it has read ends where one byte less is too little.
        (0..=from.len()).find(|end| read(&mut Decoder::new(&from[..*end])).is_ok())
    };
    let roots = rest(&mut |d| read_roots(d, &known).map(drop), after_request)?;
    let (roots, after_roots) = after_request.split_at(roots);
    let mut variables = |d: &mut Decoder<'_>| {
        d.list(|d| Ok((d.bytes()?, d.option(Decoder::digest)?)))?;
        d.option(Decoder::digest).map(drop)
    };
    let variables = rest(&mut variables, after_roots)?;
    let (variables, after_variables) = after_roots.split_at(variables);
    let mut all = vec![&[][..], roots, variables, after_variables.get(32..)?];
    all.extend(others);
    Some(parts::join(&all))
}
