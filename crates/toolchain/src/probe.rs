//! Questions to compilers, and the memory of their answers: what is asked once is not asked again while what the
//! answer depends on is the same.
//!
//! An answer is kept under the content of the programs that gave it, the arguments and the keyed environment. With
//! it are kept the places on which it depends besides: files that were read, places where nothing was found.
//! Paths in answers are kept relative to the toolchain's directory, so a copy elsewhere knows them too.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::disk::Entry;
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};

use crate::environment::Environment;

/// What is remembered from one build to the next: bytes under a digest. An entry that is lost costs a question.
pub trait Memo {
    /// What was put under `key`.
    fn get(&mut self, key: &Digest) -> Option<Vec<u8>>;
    /// Puts `value` under `key`, in place of what is there.
    fn put(&mut self, key: Digest, value: Vec<u8>);
    /// What was put by [`Memo::put_here`]; never what came from elsewhere.
    fn get_here(&mut self, key: &Digest) -> Option<Vec<u8>> {
        self.get(key)
    }
    /// The same for what holds on this machine alone, and is of no use elsewhere.
    fn put_here(&mut self, key: Digest, value: Vec<u8>) {
        self.put(key, value);
    }
}

/// A memory that ends with the process.
impl Memo for BTreeMap<Digest, Vec<u8>> {
    fn get(&mut self, key: &Digest) -> Option<Vec<u8>> {
        BTreeMap::get(self, key).cloned()
    }

    fn put(&mut self, key: Digest, value: Vec<u8>) {
        self.insert(key, value);
    }
}

/// What a program that was asked said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its exit code; `None` if a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// Runs a program to ask it something. The engine does so with the processes that it counts.
pub trait Prober {
    /// Runs `program` (an absolute path) with `args` in the directory `cwd`, with the variables `env` and no others.
    ///
    /// # Errors
    /// It could not be started.
    fn run(&mut self, program: &Path, args: &[OsString], env: &Environment, cwd: &Path)
    -> io::Result<Answer>;
}

/// What was learned from an answer: lists of texts or paths under a name each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told(BTreeMap<String, Vec<OsString>>);

impl Told {
    pub(crate) fn add(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.0.entry(name.to_string()).or_default().push(value.as_ref().to_os_string());
    }

    /// The values under `name`.
    pub(crate) fn all(&self, name: &str) -> &[OsString] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The values under `name`, as paths.
    pub(crate) fn paths(&self, name: &str) -> impl Iterator<Item = &Path> {
        self.all(name).iter().map(Path::new)
    }

    /// The first value under `name`, if it is UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).first()?.to_str()
    }
}

/// A place on which an answer depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// Nothing is there.
    Absent(PathBuf),
    /// A directory is there.
    Directory(PathBuf),
    /// A file with this content is there.
    File(PathBuf, Digest),
    /// A directory with these names in it is there (none: it is absent or empty).
    Listing(PathBuf, Digest),
    /// Both lead to one directory.
    Same(PathBuf, PathBuf),
}

impl Around {
    /// What is at `path` now, for a place where a file was looked for.
    pub(crate) fn file(path: PathBuf) -> Self {
        match consult::stat(&path) {
            Ok(Entry::File(..)) => match consult::hash(&path) {
                Ok(blob) => Self::File(path, blob.digest),
                Err(_) => Self::Absent(path),
            },
            Ok(Entry::Directory(_)) => Self::Directory(path),
            Ok(Entry::Absent) | Err(_) => Self::Absent(path),
        }
    }

    /// The names in the directory `path` now.
    pub(crate) fn listing(path: PathBuf) -> Self {
        let mut encoder = Encoder::for_digest("rekindle listing 1");
        encoder.list(&consult::list(&path).unwrap_or_default(), |e, name| {
            e.bytes(name.as_bytes());
        });
        Self::Listing(path, encoder.finish())
    }

    /// That two directories are one and the same, if they are.
    pub(crate) fn same(one: &Path, other: &Path) -> Option<Self> {
        let (canonical, also) = (consult::canonical(one).ok()?, consult::canonical(other).ok()?);
        (canonical == also).then(|| Self::Same(one.to_path_buf(), other.to_path_buf()))
    }

    /// Whether it is still so; what `looked` holds was looked at a moment ago.
    fn holds(&self, looked: &mut Looked) -> bool {
        let (listing, path) = match self {
            Self::Same(one, other) => return Self::same(one, other).is_some(),
            Self::Absent(path) | Self::File(path, _) | Self::Directory(path) => (false, path),
            Self::Listing(path, _) => (true, path),
        };
        let look = || if listing { Self::listing(path.clone()) } else { Self::file(path.clone()) };
        looked.entry((listing, path.clone())).or_insert_with(look) == self
    }
}

/// What was looked at, and whether as a directory's listing.
pub(crate) type Looked = HashMap<(bool, PathBuf), Around>;

/// Places by whose names paths are kept, the longest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Vec<(&'static str, PathBuf)>);

/// Starts a path that is kept by the name of its place; no path holds it.
const MARK: u8 = 1;

impl Places {
    pub(crate) fn new(mut places: Vec<(&'static str, PathBuf)>) -> Self {
        places.sort_by_key(|(_, path)| std::cmp::Reverse(path.as_os_str().len()));
        Self(places)
    }

    /// `text`, with the place that it starts with by its name.
    pub(crate) fn hide(&self, text: &OsStr) -> Vec<u8> {
        for (name, place) in &self.0 {
            let Some(rest) = text.as_bytes().strip_prefix(place.as_os_str().as_bytes()) else { continue };
            if rest.is_empty() || rest[0] == b'/' {
                return [&[MARK], name.as_bytes(), &[MARK], rest].concat();
            }
        }
        text.as_bytes().to_vec()
    }

    /// What [`Self::hide`] was given.
    fn reveal(&self, bytes: &[u8]) -> Result<OsString, Malformed> {
        let Some(rest) = bytes.strip_prefix(&[MARK]) else { return Ok(OsString::from_vec(bytes.to_vec())) };
        let end = rest.iter().position(|byte| *byte == MARK).ok_or(Malformed)?;
        let (_, place) = self.0.iter().find(|(name, _)| name.as_bytes() == &rest[..end]).ok_or(Malformed)?;
        let mut path = place.as_os_str().to_os_string();
        path.push(OsStr::from_bytes(&rest[end + 1..]));
        Ok(path)
    }
}

/// What is remembered of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) told: Told,
    pub(crate) around: Vec<Around>,
}

impl Remembered {
    /// Whether every place is as it was when the question was asked.
    pub(crate) fn holds(&self, looked: &mut Looked) -> bool {
        self.around.iter().all(|around| around.holds(looked))
    }

    /// A list of names and values, then a list of places; paths by [`Places::hide`].
    pub(crate) fn encode(&self, places: &Places) -> Vec<u8> {
        let mut encoder = Encoder::new();
        let told: Vec<_> = self.told.0.iter().collect();
        encoder.list(&told, |e, (name, values)| {
            e.bytes(name.as_bytes());
            e.list(values, |e, value| {
                e.bytes(&places.hide(value));
            });
        });
        encoder.list(&self.around, |e, around| {
            let (kind, path, digest) = match around {
                Around::Same(one, other) => {
                    e.u8(4).bytes(&places.hide(one.as_os_str())).bytes(&places.hide(other.as_os_str()));
                    return;
                }
                Around::Absent(path) => (0, path, None),
                Around::Directory(path) => (1, path, None),
                Around::File(path, digest) => (2, path, Some(digest)),
                Around::Listing(path, digest) => (3, path, Some(digest)),
            };
            e.u8(kind).bytes(&places.hide(path.as_os_str())).option(digest, |e, digest| {
                e.digest(digest);
            });
        });
        encoder.into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8], places: &Places) -> Result<Self, Malformed> {
        let mut decoder = Decoder::new(bytes);
        let told = decoder.list(|d| {
            let name = d.text()?.to_string();
            Ok((name, d.list(|d| places.reveal(d.bytes()?))?))
        })?;
        let around = decoder.list(|d| {
            let kind = d.u8()?;
            let path = PathBuf::from(places.reveal(d.bytes()?)?);
            if kind == 4 {
                return Ok(Around::Same(path, PathBuf::from(places.reveal(d.bytes()?)?)));
            }
            Ok(match (kind, d.option(Decoder::digest)?) {
                (0, None) => Around::Absent(path),
                (1, None) => Around::Directory(path),
                (2, Some(digest)) => Around::File(path, digest),
                (3, Some(digest)) => Around::Listing(path, digest),
                _ => return Err(Malformed),
            })
        })?;
        Ok(Self { told: Told(told.into_iter().collect()), around })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(tc: &str) -> Places {
        Places::new(vec![("tc", tc.into()), ("ws", "/w".into())])
    }

    #[test]
    fn what_is_remembered_at_one_place_is_known_at_another() {
        let mut told = Told::default();
        told.add("include", "/opt/a/lib/gcc/include");
        told.add("include", "/usr/include");
        told.add("target", "avr");
        let around = vec![
            Around::Absent("/opt/a".into()),
            Around::File("/opt/ab/specs".into(), Digest::of(b"x")),
            Around::listing("/nowhere".into()),
            Around::Same("/opt/a/one".into(), "/usr/other".into()),
        ];
        let bytes = Remembered { told, around }.encode(&places("/opt/a"));
        assert!(!bytes.windows(7).any(|window| window == b"/opt/a/"));
        let elsewhere = Remembered::decode(&bytes, &places("/b")).unwrap();
        assert_eq!(elsewhere.told.all("include"), ["/b/lib/gcc/include", "/usr/include"]);
        assert_eq!(elsewhere.told.text("target"), Some("avr"));
        assert_eq!(elsewhere.around[0], Around::Absent("/b".into()));
        assert_eq!(elsewhere.around[1], Around::File("/opt/ab/specs".into(), Digest::of(b"x")));
        assert_eq!(elsewhere.around[3], Around::Same("/b/one".into(), "/usr/other".into()));
    }

    #[test]
    fn damaged_memories_are_refused() {
        let mut told = Told::default();
        told.add("include", "/w/x");
        let bytes = Remembered { told, around: vec![Around::Directory("/w".into())] }.encode(&places("/t"));
        for at in 0..bytes.len() {
            assert!(Remembered::decode(&bytes[..at], &places("/t")).is_err());
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn a_place_that_changed_no_longer_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("specs");
        let absent = Around::file(path.clone());
        let empty = Around::listing(dir.path().into());
        let holds = |around: &Around| around.holds(&mut HashMap::new());
        assert!(holds(&absent) && holds(&empty));
        std::fs::write(&path, "a").unwrap();
        let file = Around::file(path.clone());
        assert!(!holds(&absent) && !holds(&empty) && holds(&file));
        std::fs::write(&path, "b").unwrap();
        assert!(!holds(&file));
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        let same = Around::same(&link, &real).unwrap();
        assert!(holds(&same) && Around::same(&link, dir.path()).is_none());
        std::fs::remove_file(&link).unwrap();
        std::fs::create_dir(&link).unwrap();
        assert!(!holds(&same));
    }
}
