//! A store on disk: its mark, its account, and its files, sealed as they are to be or not.
//!
//! Each part of the input is a file. Its first byte says which: 0 a result, 1 an input set, 2 a note, 3 the record of a
//! build, 4 a blob, 5 the account, 6 the mark, 7 something that belongs to no store; with 16 added, what follows is the whole file, else
//! it is what is sealed in it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::Encoder;
use rekindle_store::disk::{Disk, Settings};
use rekindle_store::{ActionCache as _, Build, Cas as _, Entry, Error};

use super::{parts, place};

/// The directory of the format, as `docs/format/store.md` tells it.
const VERSION: &str = "v2";
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This directory is a store of rekindle; backups may leave it out.\n\
    # store format 2\n";

/// What was served of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Results.
    pub entries: usize,
    /// Input sets.
    pub sets: usize,
    /// Notes.
    pub notes: usize,
    /// Records of builds.
    pub builds: usize,
    /// Blobs.
    pub blobs: usize,
}

/// A file of a store.
struct File<'d> {
    kind: u8,
    name: Digest,
    payload: &'d [u8],
    /// Whether what is in it is what its name says.
    sound: bool,
}

/// Makes a store of `data` and asks it for everything in it; what is served is what was sealed.
pub fn run(data: &[u8]) -> Found {
    let parts = parts::split(data);
    place::with(|dir| {
        let (store, own) = (dir.join("store"), dir.join("own"));
        let _ = fs::remove_dir_all(&store);
        fs::create_dir_all(store.join(VERSION)).expect("a place to write to");
        fs::create_dir_all(&own).expect("a place to write to");
        fs::write(store.join("CACHEDIR.TAG"), TAG).expect("a place to write to");
        let files: Vec<File<'_>> =
            (0..).zip(&parts).filter_map(|(number, part)| put(&store, number, part)).collect();
        let settings = Settings { now: UNIX_EPOCH + Duration::from_secs(1_700_000_000), limit: 1 << 20 };
        let found = match Disk::open(&store, settings) {
            Ok(disk) => ask_for_all(&disk, &files, &own),
            Err(Error::Newer { .. } | Error::Foreign { .. } | Error::Io { .. }) => Found::default(),
            Err(why) => panic!("{why}"),
        };
        let names = |dir: &Path| fs::read_dir(dir).map_or(0, Iterator::count);
        assert_eq!((names(dir), names(&own)), (2, 0), "nothing else lies there");
        found
    })
}

fn put<'d>(store: &Path, number: u32, part: &'d [u8]) -> Option<File<'d>> {
    let (kind, payload) = part.split_first()?;
    let (kind, raw) = (kind & 7, kind & 16 != 0);
    let name = match kind {
        1 | 3 | 4 => Digest::of(payload),
        _ => Digest::of(&number.to_le_bytes()),
    };
    let key = Digest::of(b"key");
    let hex = name.hex();
    let (path, bytes) = match kind {
        4 if raw => (format!("blobs/{}/{hex}", &hex[..2]), [payload, b"x"].concat()),
        4 => (format!("blobs/{}/{hex}", &hex[..2]), payload.to_vec()),
        5 => ("usage".into(), account(payload, &store.join(VERSION))),
        6 => ("../CACHEDIR.TAG".into(), payload.to_vec()),
        7 => (format!("results/{}/stray", &hex[..2]), payload.to_vec()),
        1 => {
            let dir = format!("sets/{}/{}", &key.hex()[..2], key.hex());
            (format!("{dir}/{hex}"), sealed("sets", &key, Some(&name), payload, raw))
        }
        _ => {
            let dir = ["results", "", "notes", "builds"][usize::from(kind)];
            (format!("{dir}/{}/{hex}", &hex[..2]), sealed(dir, &name, None, payload, raw))
        }
    };
    let path = store.join(VERSION).join(path);
    fs::create_dir_all(path.parent()?).expect("a place to write to");
    let sound = !raw && !path.exists();
    fs::write(path, bytes).expect("a place to write to");
    Some(File { kind, name, payload, sound })
}

/// An account, with the number of the store's directory where it says `PLACE`.
fn account(payload: &[u8], dir: &Path) -> Vec<u8> {
    let number = fs::metadata(dir).map_or(0, |data| data.ino()).to_string();
    let Some(at) = payload.windows(5).position(|word| word == b"PLACE") else { return payload.to_vec() };
    [&payload[..at], number.as_bytes(), &payload[at + 5..]].concat()
}

/// A sealed file; `raw` is taken as it is.
fn sealed(dir: &str, id: &Digest, set: Option<&Digest>, payload: &[u8], raw: bool) -> Vec<u8> {
    if raw {
        return payload.to_vec();
    }
    let mut bytes = b"rekindle store\x01\x00".to_vec();
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(payload);
    let mut e = Encoder::for_digest("rekindle sealed 1");
    e.bytes(dir.as_bytes()).digest(id);
    e.option(set, |e, set| {
        e.digest(set);
    });
    let sum = e.bytes(&bytes).finish();
    bytes.extend_from_slice(&sum.0);
    bytes
}

fn ask_for_all(disk: &Disk, files: &[File<'_>], own: &Path) -> Found {
    let mut found = Found::default();
    for file in files {
        match file.kind {
            0 => {
                let entry = served(disk.entry(&file.name), || disk.entry(&file.name));
                assert_eq!(entry, Entry::decode(file.payload).ok().filter(|_| file.sound));
                found.entries += usize::from(entry.is_some());
            }
            2 => {
                let note = served(disk.note(&file.name), || disk.note(&file.name));
                assert_eq!(note.as_deref(), Some(file.payload).filter(|_| file.sound));
                found.notes += usize::from(note.is_some());
            }
            3 => {
                let build = served(disk.build(&file.name), || disk.build(&file.name));
                let meant = || Build::decode(file.payload).ok().filter(|_| file.sound);
                assert!(build.is_none() || build == meant() || !file.sound);
                found.builds += usize::from(build.is_some());
                let _ = disk.use_build(&file.name);
            }
            4 => {
                let blob = Blob::of(file.payload);
                let bytes = served(disk.read(&blob), || disk.read(&blob));
                assert!(bytes.is_none() || bytes.as_deref() == Some(file.payload));
                found.blobs += usize::from(bytes.is_some());
                let to = own.join("blob");
                if disk.write_to(&blob, &to, false).is_ok_and(|written| written) {
                    assert_eq!(fs::read(&to).expect("what was written"), file.payload);
                    fs::remove_file(&to).expect("what was written");
                }
            }
            _ => {}
        }
    }
    found.sets = disk.sets(&Digest::of(b"key")).map_or(0, |sets| sets.len());
    let _ = disk.verify().map(|verified| verified.damaged.len());
    assert!(disk.verify().is_ok_and(|again| again.damaged.is_empty()), "what is damaged is set aside");
    let _ = disk.trim_if_needed();
    let _ = disk.stats();
    let left = disk.trim(0).expect("a place to write to").left;
    assert_eq!(left.bytes, 0);
    found
}

/// What a store serves; what is damaged is absent the second time.
fn served<T>(asked: Result<Option<T>, Error>, again: impl Fn() -> Result<Option<T>, Error>) -> Option<T> {
    match asked {
        Ok(served) => served,
        Err(Error::Damaged { .. }) => {
            assert!(again().is_ok_and(|served| served.is_none()), "what is damaged is set aside");
            None
        }
        Err(why) => panic!("{why}"),
    }
}

/// The input that stands for the files of a store, each by its path in the directory of the format.
pub fn input_of<'f>(files: impl IntoIterator<Item = (&'f Path, Vec<u8>)>) -> Vec<u8> {
    let part = |(path, bytes): (&Path, Vec<u8>)| {
        let kind = path.components().next()?.as_os_str().to_str()?;
        let kind = ["results", "sets", "notes", "builds", "blobs"].iter().position(|known| *known == kind)?;
        let inner = if kind == 4 { &bytes[..] } else { bytes.get(24..bytes.len().checked_sub(32)?)? };
        Some([&[u8::try_from(kind).ok()?], inner].concat())
    };
    parts::join(&files.into_iter().filter_map(part).collect::<Vec<_>>())
}
