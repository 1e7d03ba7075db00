//! Names: what lies where in a store.
//!
//! ```text
//! CACHEDIR.TAG                 says that this is a store, and of which format
//! v2/blobs/ab/DIGEST           a blob
//! v2/results/ab/DIGEST         what is known of an action
//! v2/sets/ab/KEY/DIGEST        an input set under a first-level key
//! v2/notes/ab/DIGEST           a note
//! v2/builds/ab/DIGEST          the record of a build
//! v2/damaged/                  what was set aside
//! v2/tmp/                      what is being written
//! v2/usage                     about how much there is
//! v2/lock                      held by who trims
//! ```

use rekindle_fingerprint::digest::Digest;

/// The directory of this format in a store.
pub(crate) const VERSION: &str = "v2";

/// The directory of the format before it, which is of no use any more.
pub(crate) const OLDER: &str = "v1";

/// What a file of the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// What is known of an action.
    Result,
    /// An input set.
    Set,
    /// A note.
    Note,
    /// A blob.
    Blob,
    /// The record of a build.
    Build,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 5] = [Self::Result, Self::Set, Self::Note, Self::Blob, Self::Build];

    /// The directory of its files.
    pub(crate) const fn dir(self) -> &'static str {
        match self {
            Self::Result => "results",
            Self::Set => "sets",
            Self::Note => "notes",
            Self::Blob => "blobs",
            Self::Build => "builds",
        }
    }
}

/// Where a file of the store lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name {
    pub(crate) kind: Kind,
    /// The digest that it is found by; of an input set, its key.
    pub(crate) id: Digest,
    /// The digest of an input set.
    pub(crate) set: Option<Digest>,
}

impl Name {
    pub(crate) const fn of(kind: Kind, id: Digest) -> Self {
        Self { kind, id, set: None }
    }

    pub(crate) const fn set(key: Digest, set: Digest) -> Self {
        Self { kind: Kind::Set, id: key, set: Some(set) }
    }

    /// The directories on the way to it, from that of its kind on.
    pub(crate) fn dirs(&self) -> Vec<String> {
        let id = hex(&self.id);
        let shard = id[..2].to_string();
        if self.set.is_some() { vec![shard, id] } else { vec![shard] }
    }

    /// The last part of its path.
    pub(crate) fn file(&self) -> String {
        hex(self.set.as_ref().unwrap_or(&self.id))
    }

    /// Its path from the directory of its kind on.
    pub(crate) fn path(&self) -> String {
        let id = hex(&self.id);
        match &self.set {
            None => format!("{}/{id}", &id[..2]),
            Some(set) => format!("{}/{id}/{}", &id[..2], hex(set)),
        }
    }

    /// Its path in the store, for people.
    pub(crate) fn shown(&self) -> String {
        format!("{VERSION}/{}/{}", self.kind.dir(), self.path())
    }
}

/// The text of a digest; it is on the way of every look-up, so it does not go through a formatter.
pub(crate) fn hex(digest: &Digest) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = digest.0.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// Reads what [`hex`] wrote, and nothing else: names have one spelling.
pub(crate) fn digest(name: &[u8]) -> Option<Digest> {
    let digest = Digest::from_hex(std::str::from_utf8(name).ok()?)?;
    (hex(&digest).as_bytes() == name).then_some(digest)
}
