//! The files of one build: every path once, what was seen there, and what its content is. Each file is read at
//! most once a build, and not at all while an earlier signature of it is believed.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::consult;
use crate::digest::{Blob, Digest};
use crate::disk::{self, Entry};
use crate::roots::{RootId, Roots, normalize};
use crate::signature::{FileTime, Instant, Signature};

/// The number of a path in a [`Files`] table; it means nothing outside this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u32);

/// The number of a content in a [`Files`] table: two contents are equal exactly if their numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub u32);

/// The number of a text (an argument, a flag, a name) in a [`Files`] table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// What was seen at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nobody looked yet in this build.
    Unknown,
    /// Nothing is there.
    Absent,
    /// A directory is there.
    Directory,
    /// A file is there, with this signature and content.
    File {
        /// The signature under which the content was digested.
        signature: Signature,
        /// What is in it.
        content: ContentId,
        /// Whether the signature must not be believed by a later build.
        racy: bool,
    },
    /// Nothing is there, and a file with this content is: an action made it, and it was left in the store until somebody
    /// needs its bytes.
    Left {
        /// What would be in it.
        content: ContentId,
        /// Whether it would be one that may be executed.
        executable: bool,
    },
    /// It is there, and the system refused to let us read it.
    Unreadable(io::ErrorKind),
}

/// What an earlier build knew of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prior {
    /// The signature that the file had.
    pub signature: Signature,
    /// What was in it.
    pub content: ContentId,
    /// Whether the signature may not be believed.
    pub racy: bool,
}

/// What looking at files has cost, for the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Files whose signature was taken.
    pub signed: u64,
    /// Files that were read and digested.
    pub hashed: u64,
    /// How many bytes those had.
    pub hashed_bytes: u64,
}

struct Place {
    root: RootId,
    rel: PathBuf,
    seen: Seen,
    prior: Option<Prior>,
    /// Whether it was read to be digested.
    read: bool,
}

/// Every path that a build speaks of, and what was seen there.
pub struct Files {
    roots: Roots,
    places: Vec<Place>,
    /// For each root, its paths: by their bytes, for taking a path apart is slow.
    ids: Vec<FxHashMap<OsString, PathId>>,
    spelled: FxHashMap<OsString, PathId>,
    links: FxHashMap<OsString, bool>,
    blobs: Vec<Blob>,
    contents: FxHashMap<Blob, ContentId>,
    texts: Vec<Arc<[u8]>>,
    text_ids: FxHashMap<Arc<[u8]>, TextId>,
    instant: Option<Instant>,
    cost: Cost,
}

impl Files {
    /// An empty table over `roots`.
    pub fn new(roots: Roots) -> Self {
        Self {
            roots,
            places: Vec::new(),
            ids: Vec::new(),
            spelled: FxHashMap::default(),
            links: FxHashMap::default(),
            blobs: Vec::new(),
            contents: FxHashMap::default(),
            texts: Vec::new(),
            text_ids: FxHashMap::default(),
            instant: None,
            cost: Cost::default(),
        }
    }

    /// The roots by which paths are named.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The roots, to add to. Add them before paths below them are named.
    pub fn roots_mut(&mut self) -> &mut Roots {
        &mut self.roots
    }

    /// The path `rel` below `root`; `rel` must be normal (see [`normalize`]).
    pub fn path(&mut self, root: RootId, rel: impl AsRef<Path>) -> PathId {
        let rel = rel.as_ref();
        if let Some(id) = self.find(root, rel) {
            return id;
        }
        let id = PathId(u32::try_from(self.places.len()).expect("fewer than 2^32 paths"));
        self.places.push(Place {
            root,
            rel: rel.to_path_buf(),
            seen: Seen::Unknown,
            prior: None,
            read: false,
        });
        let at = usize::from(root.0);
        if self.ids.len() <= at {
            self.ids.resize_with(at + 1, FxHashMap::default);
        }
        self.ids[at].insert(rel.as_os_str().to_os_string(), id);
        id
    }

    /// The path that `spelled` means in the directory `base` (absolute). Links are looked up, so that `..` is
    /// taken out only where that changes nothing.
    pub fn path_from(&mut self, base: &Path, spelled: &Path) -> PathId {
        let joined = base.join(spelled);
        if let Some(id) = self.spelled.get(joined.as_os_str()) {
            return *id;
        }
        let links = &mut self.links;
        let normal = normalize(base, spelled, |path| {
            *links.entry(path.as_os_str().to_os_string()).or_insert_with(|| consult::is_link(path))
        });
        let (root, rel) = self.roots.locate(&normal);
        let rel = rel.to_path_buf();
        let id = self.path(root, rel);
        self.spelled.insert(joined.into_os_string(), id);
        id
    }

    /// The path of something absolute.
    pub fn path_abs(&mut self, absolute: &Path) -> PathId {
        self.path_from(Path::new("/"), absolute)
    }

    /// The path `rel` below `root` if anything spoke of it before.
    pub fn find(&self, root: RootId, rel: &Path) -> Option<PathId> {
        self.ids.get(usize::from(root.0))?.get(rel.as_os_str()).copied()
    }

    /// The root of a path.
    pub fn root(&self, id: PathId) -> RootId {
        self.places[id.0 as usize].root
    }

    /// The path relative to its root.
    pub fn rel(&self, id: PathId) -> &Path {
        &self.places[id.0 as usize].rel
    }

    /// Where the path lies on this machine. Below a root that nobody has placed, a path where nothing can be.
    pub fn abs(&self, id: PathId) -> PathBuf {
        let place = &self.places[id.0 as usize];
        let root = self.roots.get(place.root);
        if !root.is_placed() {
            return Path::new("/dev/null").join(&root.name).join(&place.rel);
        }
        let base = &root.path;
        if place.rel.as_os_str().is_empty() { base.clone() } else { base.join(&place.rel) }
    }

    /// How the path is shown to a person: relative in the workspace, absolute below a system root, else
    /// `root:relative`.
    pub fn show(&self, id: PathId) -> String {
        let place = &self.places[id.0 as usize];
        let root = self.roots.get(place.root);
        if place.root == Roots::WORKSPACE && !place.rel.as_os_str().is_empty() {
            return place.rel.display().to_string();
        }
        if root.is_system() {
            return self.abs(id).display().to_string();
        }
        format!("{}:{}", root.name, place.rel.display())
    }

    /// How many paths there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Every path.
    pub fn ids(&self) -> impl Iterator<Item = PathId> + use<> {
        (0..self.places.len()).map(|at| PathId(u32::try_from(at).unwrap_or(u32::MAX)))
    }

    /// Whether there is no path yet.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The number of a content.
    pub fn content_id(&mut self, blob: Blob) -> ContentId {
        *self.contents.entry(blob).or_insert_with(|| {
            self.blobs.push(blob);
            ContentId(u32::try_from(self.blobs.len() - 1).expect("fewer than 2^32 contents"))
        })
    }

    /// The digest and size of a content.
    pub fn blob(&self, content: ContentId) -> Blob {
        self.blobs[content.0 as usize]
    }

    /// The number of a text.
    pub fn text_id(&mut self, text: &[u8]) -> TextId {
        if let Some(id) = self.text_ids.get(text) {
            return *id;
        }
        let id = TextId(u32::try_from(self.texts.len()).expect("fewer than 2^32 texts"));
        let text: Arc<[u8]> = text.into();
        self.texts.push(text.clone());
        self.text_ids.insert(text, id);
        id
    }

    /// The text with a number.
    pub fn text(&self, id: TextId) -> &[u8] {
        &self.texts[id.0 as usize]
    }

    /// How many texts there are.
    pub fn text_count(&self) -> usize {
        self.texts.len()
    }

    /// How many contents there are.
    pub fn content_count(&self) -> usize {
        self.blobs.len()
    }

    /// Sets what an earlier build knew of a file.
    pub fn set_prior(&mut self, id: PathId, prior: Prior) {
        self.places[id.0 as usize].prior = Some(prior);
    }

    /// What an earlier build knew of a file.
    pub fn prior(&self, id: PathId) -> Option<&Prior> {
        self.places[id.0 as usize].prior.as_ref()
    }

    /// Sets the instant, taken just now from a file system's clock, against which files read from here on are
    /// judged to be racy. Without one every signature is racy.
    pub fn set_instant(&mut self, instant: Instant) {
        self.instant = Some(instant);
    }

    /// What was last seen at a path.
    pub fn seen(&self, id: PathId) -> &Seen {
        &self.places[id.0 as usize].seen
    }

    /// The content last seen at a path, or left in the store for it; `None` if no readable file was seen there.
    pub fn content(&self, id: PathId) -> Option<ContentId> {
        match self.seen(id) {
            Seen::File { content, .. } | Seen::Left { content, .. } => Some(*content),
            _ => None,
        }
    }

    /// Whether a file was last seen at a path that may be executed.
    pub fn is_executable(&self, id: PathId) -> bool {
        match self.seen(id) {
            Seen::File { signature, .. } => signature.executable(),
            Seen::Left { executable, .. } => *executable,
            _ => false,
        }
    }

    /// Whether what would lie at a path was left in the store.
    pub fn is_left(&self, id: PathId) -> bool {
        matches!(self.seen(id), Seen::Left { .. })
    }

    /// Notes that what would lie at a path, where nothing is, was left in the store.
    pub fn leave(&mut self, id: PathId, content: ContentId, executable: bool) {
        self.places[id.0 as usize].seen = Seen::Left { content, executable };
    }

    /// The digest of the content last seen at a path.
    pub fn digest(&self, id: PathId) -> Option<Digest> {
        self.content(id).map(|content| self.blob(content).digest)
    }

    /// Takes it that a file with this content lies at a path, for a build that is only planned.
    pub fn assume(&mut self, id: PathId, content: ContentId, executable: bool) {
        let mode = if executable { 0o100_755 } else { 0o100_644 };
        let (size, never) = (self.blob(content).size, FileTime(0));
        let signature = Signature { size, mtime: never, ctime: never, inode: 0, mode };
        self.places[id.0 as usize].seen = Seen::File { signature, content, racy: true };
    }

    /// Takes over what was seen at a path a moment ago, in this build and by other eyes: see [`crate::sweep`].
    pub fn adopt(&mut self, id: PathId, seen: Seen) {
        self.places[id.0 as usize].seen = seen;
    }

    /// Adds to what looking has cost what other eyes have spent.
    pub fn spent(&mut self, cost: Cost) {
        self.cost.signed += cost.signed;
        self.cost.hashed += cost.hashed;
        self.cost.hashed_bytes += cost.hashed_bytes;
    }

    /// What looking has cost so far.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// How many bytes of these files were read to be digested, each counted once.
    pub fn bytes_read(&self, ids: &[PathId]) -> u64 {
        let read = ids.iter().filter(|id| self.places[id.0 as usize].read);
        read.filter_map(|id| self.content(*id)).map(|content| self.blob(content).size).sum()
    }

    /// Forgets what was seen at a path, so that the next look goes to the disk.
    pub fn forget(&mut self, id: PathId) {
        let place = &mut self.places[id.0 as usize];
        if let Seen::File { signature, content, racy } = place.seen {
            place.prior = Some(Prior { signature, content, racy });
        }
        place.seen = Seen::Unknown;
    }

    /// Looks at every path that was not looked at yet, on all cores: stats it, and reads it unless an earlier
    /// signature is equal and not racy.
    pub fn observe(&mut self, ids: &[PathId]) {
        let mut fresh: Vec<PathId> =
            ids.iter().copied().filter(|id| *self.seen(*id) == Seen::Unknown).collect();
        fresh.sort_unstable();
        fresh.dedup();
        self.look(&fresh);
    }

    /// Looks again at every path: one whose signature is what it was, and was not racy, keeps its content unread.
    pub fn observe_again(&mut self, ids: &[PathId]) {
        for id in ids {
            self.forget(*id);
        }
        self.observe(ids);
    }

    fn look(&mut self, ids: &[PathId]) {
        let looks: Vec<Look> = ids
            .par_iter()
            .with_min_len(16)
            .map(|id| look_at(&self.abs(*id), self.places[id.0 as usize].prior.as_ref()))
            .collect();
        for (id, look) in ids.iter().zip(looks) {
            self.cost.signed += 1;
            let seen = match look {
                Look::Is(seen) => seen,
                Look::Read { signature, device, blob } => {
                    self.cost.hashed += 1;
                    self.cost.hashed_bytes += blob.size;
                    self.places[id.0 as usize].read = true;
                    let racy = self.instant.is_none_or(|instant| instant.makes_racy(device, &signature));
                    Seen::File { signature, content: self.content_id(blob), racy }
                }
            };
            self.places[id.0 as usize].seen = seen;
        }
    }

    /// Those of `ids` that are no longer what was seen: their whole signature, ctime included, differs now, they
    /// appeared or went away, or their signature was racy and reading them again gives another content. What was
    /// seen is kept; a racy signature that was read again is as good as the instant set last makes it.
    pub fn moved_since_seen(&mut self, ids: &[PathId]) -> Vec<PathId> {
        ids.iter().copied().filter(|id| self.has_moved(*id)).collect()
    }

    fn has_moved(&mut self, id: PathId) -> bool {
        self.cost.signed += 1;
        let path = self.abs(id);
        match (self.seen(id).clone(), disk::stat(&path)) {
            (Seen::File { signature, content, racy }, Ok(Entry::File(now, device))) => {
                if signature != now {
                    return true;
                }
                if !racy {
                    return false;
                }
                let Ok(blob) = disk::hash(&path) else { return true };
                self.cost.hashed += 1;
                self.cost.hashed_bytes += blob.size;
                if self.blob(content) != blob {
                    return true;
                }
                let racy = self.instant.is_none_or(|instant| instant.makes_racy(device, &signature));
                self.places[id.0 as usize].seen = Seen::File { signature, content, racy };
                false
            }
            (Seen::Absent | Seen::Left { .. }, Ok(Entry::Absent))
            | (Seen::Directory, Ok(Entry::Directory(_))) => false,
            (Seen::Unreadable(kind), Err(error)) => kind != error.kind(),
            _ => true,
        }
    }

    /// Records what is known of a file without looking again: another thread saw it.
    pub fn record(&mut self, id: PathId, signature: Signature, device: u64, blob: Blob, instant: Instant) {
        self.cost.signed += 1;
        self.cost.hashed += 1;
        self.cost.hashed_bytes += blob.size;
        let content = self.content_id(blob);
        let racy = instant.makes_racy(device, &signature);
        self.places[id.0 as usize].seen = Seen::File { signature, content, racy };
    }
}

enum Look {
    Is(Seen),
    Read { signature: Signature, device: u64, blob: Blob },
}

/// Stats, then reads. A file that changes after the `stat` shows another signature later, unless it changed within
/// the same tick, and then the signature is racy against the instant, which is older than the `stat`.
fn look_at(path: &Path, prior: Option<&Prior>) -> Look {
    let entry = match disk::stat(path) {
        Ok(entry) => entry,
        Err(error) => return Look::Is(Seen::Unreadable(error.kind())),
    };
    match entry {
        Entry::Absent => Look::Is(Seen::Absent),
        Entry::Directory(_) => Look::Is(Seen::Directory),
        Entry::File(signature, device) => {
            if let Some(prior) = prior
                && !prior.racy
                && prior.signature == signature
            {
                return Look::Is(Seen::File { signature, content: prior.content, racy: false });
            }
            match disk::hash(path) {
                Ok(blob) => Look::Read { signature, device, blob },
                Err(error) => Look::Is(Seen::Unreadable(error.kind())),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    struct Space {
        dir: tempfile::TempDir,
        files: Files,
    }

    impl Space {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let base = dir.path().canonicalize().unwrap();
            Self { files: Files::new(Roots::new(&base, base.join("out"))), dir }
        }

        fn write(&mut self, name: &str, text: &str) -> PathId {
            fs::write(self.dir.path().join(name), text).unwrap();
            self.files.path(Roots::WORKSPACE, name)
        }

        /// An instant that is `later` nanoseconds after the last change of `name`.
        fn instant_after(&mut self, name: &str, later: i64) {
            let meta = fs::metadata(self.dir.path().join(name)).unwrap();
            let time = meta.ctime() * 1_000_000_000 + meta.ctime_nsec() + later;
            self.files.set_instant(Instant { device: meta.dev(), time: FileTime(time), granularity: 10 });
        }
    }

    #[test]
    fn a_file_is_read_once_a_build_however_often_it_is_asked_for() {
        let mut space = Space::new();
        let id = space.write("a", "one");
        space.files.observe(&[id, id]);
        space.files.observe(&[id]);
        assert_eq!(space.files.cost(), Cost { signed: 1, hashed: 1, hashed_bytes: 3 });
        assert_eq!(space.files.digest(id), Some(Digest::of(b"one")));
    }

    #[test]
    fn an_equal_signature_that_is_not_racy_saves_the_reading() {
        let mut space = Space::new();
        let id = space.write("a", "one");
        space.instant_after("a", 11);
        space.files.observe(&[id]);
        space.files.observe_again(&[id]);
        assert_eq!(space.files.cost().hashed, 1);
    }

    #[test]
    fn a_racy_signature_is_not_believed_later() {
        let mut space = Space::new();
        let id = space.write("a", "one");
        space.instant_after("a", 10);
        space.files.observe(&[id]);
        space.files.observe_again(&[id]);
        assert_eq!(space.files.cost().hashed, 2);
    }

    #[test]
    fn without_an_instant_every_signature_is_racy() {
        let mut space = Space::new();
        let id = space.write("a", "one");
        space.files.observe(&[id]);
        assert!(matches!(space.files.seen(id), Seen::File { racy: true, .. }));
    }

    #[test]
    fn a_file_put_back_with_its_mtime_has_moved() {
        let mut space = Space::new();
        let id = space.write("a", "one");
        let path = space.dir.path().join("a");
        space.instant_after("a", 11);
        space.files.observe(&[id]);
        let mtime = fs::metadata(&path).unwrap().modified().unwrap();
        assert!(space.files.moved_since_seen(&[id]).is_empty());
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, "two").unwrap();
        fs::write(&path, "one").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(mtime).unwrap();
        assert_eq!(space.files.moved_since_seen(&[id]), [id]);
    }

    #[test]
    fn a_racy_file_that_reads_differently_has_moved_though_its_signature_holds() {
        let mut space = Space::new();
        let id = space.write("a", "one");
        space.files.observe(&[id]);
        let Seen::File { signature, racy, .. } = *space.files.seen(id) else { panic!("not seen") };
        let other = space.files.content_id(Blob::of(b"two"));
        space.files.places[id.0 as usize].seen = Seen::File { signature, content: other, racy };
        assert_eq!(space.files.moved_since_seen(&[id]), [id]);
    }

    #[test]
    fn a_path_is_shown_as_a_person_would_write_it() {
        let mut space = Space::new();
        let sys = space.files.roots_mut().add(crate::roots::Root::new("sys.host", "/")).unwrap();
        let shown = [
            space.files.path(Roots::WORKSPACE, "src/a.c"),
            space.files.path(Roots::BUILD, "obj/a.o"),
            space.files.path(sys, "usr/include/stdio.h"),
        ]
        .map(|id| space.files.show(id));
        assert_eq!(shown, ["src/a.c", "build:obj/a.o", "/usr/include/stdio.h"]);
    }
}
