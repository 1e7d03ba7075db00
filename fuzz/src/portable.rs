//! Portable proofs.
//!
//! The input is the payload, without what has to be right for anything to be looked at: the request, the toolchains, the
//! arrangement, and where roots have to lie.

use std::fs;
use std::path::Path;

use rekindle_engine::snapshot::portable::{Found as Checked, Here, Portable, Way, arrangement};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::{FileTime, Instant};
use twox_hash::XxHash3_64;

use super::place;
use super::snapshot::PROJECT;

/// The format, as `docs/format/portable.md` tells it.
const VERSION: u32 = 1;

/// What came of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It cannot be read.
    Malformed,
    /// Something is not as it says.
    Fails,
    /// All is as it says.
    Holds,
}

/// Makes a proof of `data` for the project of snapshots, and asks whether it holds where that was built.
pub fn run(data: &[u8]) -> Found {
    place::with(|dir| {
        let (ws, build) = (dir.join("ws"), dir.join("ws/.rekindle/build/debug"));
        if !build.exists() {
            for (name, text) in PROJECT {
                let path = ws.join(name);
                fs::create_dir_all(path.parent().expect("a directory")).expect("a place to write to");
                fs::write(path, text).expect("a place to write to");
            }
        }
        let roots = Roots::new(&ws, &build);
        let Ok(proof) = Portable::decode(&file(data, &roots)) else { return Found::Malformed };
        let again = Portable::decode(&proof.encode());
        assert_eq!(again.as_ref(), Ok(&proof), "written and read again, it says something else");
        let names = |dir: &Path| fs::read_dir(dir).map_or(0, Iterator::count);
        let before = (names(dir), names(&ws), names(&build));
        let found = [Way::Full, Way::Empty].map(|way| {
            let here = Here {
                request: Digest::of(b"request"),
                toolchains: Digest::of(b"toolchains"),
                roots: &roots,
                variable: &|name| (name == "PATH").then(|| "/usr/bin:/bin".into()),
                processor: &|| Digest::of(b"processor"),
                instant: Instant::of_touched_file(0, FileTime(1)),
                way,
            };
            match proof.clone().check(&here) {
                Checked::Fails(_) => Found::Fails,
                Checked::Holds(checked) => {
                    let summary = checked.summary();
                    let kinds = summary.kinds.iter().map(|kind| kind.fresh + kind.restored);
                    assert_eq!(kinds.sum::<u64>(), summary.total);
                    drop(checked.reports(&roots));
                    Found::Holds
                }
            }
        });
        assert_eq!((names(dir), names(&ws), names(&build)), before, "nothing is written");
        if found.contains(&Found::Holds) { Found::Holds } else { Found::Fails }
    })
}

/// The file that an input stands for.
fn file(data: &[u8], roots: &Roots) -> Vec<u8> {
    let mut bytes = b"rekindleportable".to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    for digest in [Digest::of(b"request"), Digest::of(b"toolchains"), arrangement(roots)] {
        bytes.extend_from_slice(&digest.0);
    }
    bytes.push(0);
    bytes.extend_from_slice(data);
    let sum = XxHash3_64::oneshot(&bytes).to_le_bytes();
    bytes.extend_from_slice(&sum);
    bytes
}

/// An input that stands for a proof which holds, made as the page on the format says.
pub fn sound() -> Vec<u8> {
    let held = |names: &[&str]| {
        let mut e = Encoder::for_digest("rekindle held 1");
        for name in names {
            let text = PROJECT.iter().find(|(path, _)| path.ends_with(name)).map_or("", |(_, text)| text);
            e.u8(1).digest(&Digest::of(text.as_bytes())).u64(text.len() as u64);
        }
        e.finish()
    };
    let path = |root: u8, common: u8, rest: &str| {
        let length = u8::try_from(rest.len()).expect("a short name");
        [&[root, 0, 1, common, length, 0], rest.as_bytes()].concat()
    };
    let mut e = Encoder::new();
    e.list(&["ws", "build"], |e, name| {
        e.bytes(name.as_bytes());
    });
    e.list(&["PATH"], |e, name| {
        let value = Encoder::for_digest("rekindle variable 1").bytes(b"/usr/bin:/bin").finish();
        e.bytes(name.as_bytes()).u8(1).digest(&value);
    });
    e.u8(0).u64(0).digest(&Digest::of(b"keys"));
    e.list(&[0, 0, 0, 2, 0], |e, count| {
        e.u64(*count);
    });
    e.u64(0).u8(1).digest(&Digest::of(b"record"));
    e.bytes(&[path(0, 0, "in/a"), path(0, 3, "b"), path(0, 0, "rekindle.toml")].concat());
    e.digest(&held(&["in/a", "in/b", "rekindle.toml"]));
    e.bytes(&[path(1, 0, "gen/one"), path(1, 4, "two")].concat()).digest(&held(&["gen/one", "gen/two"]));
    e.u64(1).u32(0).digest(&Digest::of(b"a\n")).u64(2).u8(0);
    // Whether `in` is a directory, and that nothing is called `none`.
    e.u64(2).u32(0).bytes(b"in").u8(0).u8(2).u8(0);
    e.u32(0).bytes(b"none").u8(0).u8(0).u8(0);
    e.bytes(&0_u64.to_le_bytes()).u8(0);
    e.into_bytes()
}

/// The input that stands for a proof that a build has written; none if `file` is none.
pub fn input_of(file: &[u8]) -> Option<Vec<u8>> {
    let payload = file.get(20 + 96..file.len().checked_sub(8)?)?;
    let (option, rest) = payload.split_first()?;
    Some(rest.get(if *option == 0 { 0 } else { 32 }..)?.to_vec())
}
