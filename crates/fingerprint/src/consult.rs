//! What loading, finding toolchains, lowering and searching ask of the disk besides the content of [`crate::files::Files`]:
//! the questions, the answers, and a record of both.
//!
//! Everything that decides *what* a build would do, and is not an input of an action, goes through here. While a record
//! is kept ([`begin`] to [`end`], for the thread that asks), no caller can forget to write down what it looked at; so a
//! later build may skip all of that work if every answer is still the same. [`crate::disk`] is the same without a record,
//! for what a build looks at more than once on purpose: inputs, outputs, and what may have moved meanwhile.

use std::cell::RefCell;
use std::collections::hash_map::Entry as MapEntry;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::digest::{Blob, Digest};
use crate::disk::{self, Entry, Name};
use crate::encode::Encoder;
use crate::signature::{Instant, Signature};

/// What was asked of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// What lies there, links followed.
    What,
    /// Where the symbolic link there points.
    Target,
    /// Its spelling without links.
    Canonical,
    /// The names in the directory.
    Names,
    /// The content of the file.
    Content,
    /// Which directory it is under all its names.
    Identity,
    /// Whether it is a regular file that this process may execute.
    Runnable,
}

impl Question {
    /// All of them; the place of one is its number in what is persisted.
    pub const ALL: [Self; 7] = [
        Self::What,
        Self::Target,
        Self::Canonical,
        Self::Names,
        Self::Content,
        Self::Identity,
        Self::Runnable,
    ];
}

/// What the disk said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing of the kind that was asked for is there.
    Nothing,
    /// The system refused.
    Refused,
    /// A directory.
    Directory,
    /// A file, with these type and permission bits.
    File(u32),
    /// Another path.
    Path(PathBuf),
    /// These names.
    Names(Names),
    /// This content.
    Content(Blob),
    /// This device and inode.
    Identity(u64, u64),
}

/// What a directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The digest of the names and of what each of them is: domain `rekindle names 1`, then each name, sorted, with a byte
    /// (0 file, 1 directory, 2 link, 3 neither of these).
    pub digest: Digest,
    /// The digest by which searches go, of the names that are searched: see [`listing`].
    pub searched: Digest,
    /// The same of all names.
    pub all: Digest,
    /// The signature that the directory had before it was listed; none if that is not known, or worth nothing.
    pub signature: Option<Signature>,
}

impl Names {
    /// What a listing comes to.
    pub fn of(names: &[Name], signature: Option<Signature>) -> Self {
        let mut encoder = Encoder::for_digest("rekindle names 1");
        encoder.list(names, |e, name| {
            e.bytes(name.name.as_bytes()).u8(name.kind as u8);
        });
        let all: Vec<&[u8]> = names.iter().map(|name| name.name.as_bytes()).collect();
        let searched: Vec<&[u8]> = all.iter().copied().filter(|name| !is_passed_over(name)).collect();
        Self { digest: encoder.finish(), searched: listing(&searched), all: listing(&all), signature }
    }
}

/// The digest of sorted names: domain `rekindle listing 1`, then the list of them.
pub fn listing(names: &[impl AsRef<[u8]>]) -> Digest {
    let mut encoder = Encoder::for_digest("rekindle listing 1");
    encoder.list(names, |e, name| {
        e.bytes(name.as_ref());
    });
    encoder.finish()
}

/// Endings of names that searches pass over: files that are hardly ever included, and that come and go.
const PASSED_OVER: [&[u8]; 24] = [
    b"o", b"obj", b"d", b"dwo", b"su", b"gcda", b"gcno", b"c", b"cc", b"cpp", b"cxx", b"m", b"mm", b"s",
    b"S", b"swp", b"tmp", b"bak", b"orig", b"rej", b"md", b"txt", b"log", b"py",
];

/// Whether the digest of a listing leaves out this name of a file or directory, so that its coming and going disturbs
/// nothing: it starts with a dot, ends in `~`, or has the ending of an object, a source, an editor's file and the like.
/// Such a name can be searched all the same (`#include "part.c"`); then the digest of all names is kept.
pub fn is_passed_over(name: &[u8]) -> bool {
    let ending = name.iter().rposition(|byte| *byte == b'.').map(|at| &name[at + 1..]);
    name.starts_with(b".")
        || name.ends_with(b"~")
        || ending.is_some_and(|ending| PASSED_OVER.contains(&ending))
}

impl Answer {
    /// Whether it says the same. When a directory was changed does not matter while its names are the same.
    pub fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Names(one), Self::Names(another)) => one.digest == another.digest,
            _ => self == other,
        }
    }
}

/// Questions and their answers.
#[derive(Clone, Debug, Default)]
pub struct Record {
    answers: FxHashMap<(PathBuf, Question), Answer>,
    torn: bool,
    began: Option<Instant>,
}

impl Record {
    /// Every question with its answer, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, Question, &Answer)> {
        self.answers.iter().map(|((path, question), answer)| (path.as_path(), *question, answer))
    }

    /// Whether a question was answered in two ways: something changed between, and nothing follows from the record.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// Whether `path` is a directory that has the names still which it had when it was asked for them, as far as its
    /// signature tells; if that may tell nothing, no.
    pub fn is_unchanged(&self, path: &Path, names: &Names) -> bool {
        let Some((began, then)) = self.began.zip(names.signature) else { return false };
        // It was listed later than the record began: no change since can have left it this signature.
        let tells = disk::device(path).is_some_and(|device| !began.makes_racy(device, &then));
        tells && disk::directory_signature(path) == Some(then)
    }

    fn add(&mut self, path: &Path, question: Question, answer: Answer) {
        match self.answers.entry((path.to_path_buf(), question)) {
            MapEntry::Occupied(known) => self.torn |= !known.get().agrees(&answer),
            MapEntry::Vacant(place) => {
                place.insert(answer);
            }
        }
    }
}

thread_local! {
    static RECORD: RefCell<Option<Record>> = const { RefCell::new(None) };
}

/// From here on, what this thread asks is written down. A record that was begun before is dropped.
pub fn begin() {
    RECORD.set(Some(Record::default()));
}

/// The same, where the clock of the file system into which is written is known ([`Record::is_unchanged`] goes by it).
pub fn begin_at(now: Instant) {
    RECORD.set(Some(Record { began: Some(now), ..Record::default() }));
}

/// What was asked since [`begin`]; none if that was not called.
pub fn end() -> Option<Record> {
    RECORD.take()
}

/// Does `work` off the record: it looks for what the caller names in its own words, and looks for anew in every build.
pub fn off_the_record<T>(work: impl FnOnce() -> T) -> T {
    let record = RECORD.take();
    let done = work();
    RECORD.set(record);
    done
}

fn note(path: &Path, question: Question, answer: impl FnOnce() -> Answer) {
    RECORD.with_borrow_mut(|record| {
        if let Some(record) = record {
            record.add(path, question, answer());
        }
    });
}

/// Asks again, without a record.
pub fn ask(path: &Path, question: Question) -> Answer {
    match question {
        Question::What => what(&disk::stat(path)),
        Question::Target => disk::link_target(path).map_or(Answer::Nothing, Answer::Path),
        Question::Canonical => disk::canonical(path).map_or(Answer::Nothing, Answer::Path),
        Question::Names => {
            let (names, signature) = disk::names_signed(path);
            listed(&names, signature)
        }
        Question::Content => content(&disk::hash(path)),
        Question::Identity => disk::directory_identity(path)
            .map_or(Answer::Nothing, |(device, inode)| Answer::Identity(device, inode)),
        Question::Runnable => runs(disk::runnable(path)),
    }
}

fn what(entry: &io::Result<Entry>) -> Answer {
    match entry {
        Ok(Entry::Absent) => Answer::Nothing,
        Ok(Entry::Directory(_)) => Answer::Directory,
        Ok(Entry::File(signature, _)) => Answer::File(signature.mode),
        Err(_) => Answer::Refused,
    }
}

fn listed(names: &io::Result<Vec<Name>>, signature: Option<Signature>) -> Answer {
    names.as_ref().map_or(Answer::Refused, |names| Answer::Names(Names::of(names, signature)))
}

fn runs(signature: Option<Signature>) -> Answer {
    signature.map_or(Answer::Nothing, |signature| Answer::File(signature.mode))
}

fn content(blob: &io::Result<Blob>) -> Answer {
    match blob {
        Ok(blob) => Answer::Content(*blob),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::Nothing,
        Err(_) => Answer::Refused,
    }
}

/// As [`disk::stat`]. The answer that counts is what lies there and its mode; who needs more of the signature asks
/// [`crate::files::Files`].
///
/// # Errors
/// As [`disk::stat`].
pub fn stat(path: &Path) -> io::Result<Entry> {
    let entry = disk::stat(path);
    note(path, Question::What, || what(&entry));
    entry
}

/// Whether a file lies at `path`.
pub fn is_file(path: &Path) -> bool {
    matches!(stat(path), Ok(Entry::File(..)))
}

/// Whether a directory lies at `path`.
pub fn is_directory(path: &Path) -> bool {
    matches!(stat(path), Ok(Entry::Directory(_)))
}

/// Whether a file that somebody may execute lies at `path`.
pub fn is_program(path: &Path) -> bool {
    matches!(stat(path), Ok(Entry::File(signature, _)) if signature.executable())
}

/// As [`disk::link_target`].
pub fn link_target(path: &Path) -> Option<PathBuf> {
    let target = disk::link_target(path);
    note(path, Question::Target, || target.clone().map_or(Answer::Nothing, Answer::Path));
    target
}

/// As [`disk::is_link`].
pub fn is_link(path: &Path) -> bool {
    link_target(path).is_some()
}

/// As [`disk::canonical`].
///
/// # Errors
/// As [`disk::canonical`].
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    let canonical = disk::canonical(path);
    note(path, Question::Canonical, || {
        canonical.as_ref().map_or(Answer::Nothing, |path| Answer::Path(path.clone()))
    });
    canonical
}

/// As [`disk::runnable`]; whether there is one.
pub fn is_runnable(path: &Path) -> bool {
    let signature = disk::runnable(path);
    note(path, Question::Runnable, || runs(signature));
    signature.is_some()
}

/// As [`disk::names`].
///
/// # Errors
/// As [`disk::names`].
pub fn names(path: &Path) -> io::Result<Vec<Name>> {
    names_signed(path).0
}

/// As [`disk::names_signed`].
///
/// # Errors
/// As [`disk::names_signed`].
pub fn names_signed(path: &Path) -> (io::Result<Vec<Name>>, Option<Signature>) {
    let (names, signature) = disk::names_signed(path);
    note(path, Question::Names, || listed(&names, signature));
    (names, signature)
}

/// As [`disk::list`].
///
/// # Errors
/// As [`disk::list`].
pub fn list(path: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    Ok(names(path)?.into_iter().map(|name| name.name).collect())
}

/// As [`disk::read`].
///
/// # Errors
/// As [`disk::read`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let bytes = disk::read(path);
    note(path, Question::Content, || match &bytes {
        Ok(bytes) => Answer::Content(Blob::of(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::Nothing,
        Err(_) => Answer::Refused,
    });
    bytes
}

/// As [`disk::hash`].
///
/// # Errors
/// As [`disk::hash`].
pub fn hash(path: &Path) -> io::Result<Blob> {
    let blob = disk::hash(path);
    note(path, Question::Content, || content(&blob));
    blob
}

/// As [`disk::directory_identity`].
pub fn directory_identity(path: &Path) -> Option<(u64, u64)> {
    let identity = disk::directory_identity(path);
    note(path, Question::Identity, || {
        identity.map_or(Answer::Nothing, |(device, inode)| Answer::Identity(device, inode))
    });
    identity
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use super::*;
    use crate::signature::FileTime;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// Asks everything of `path`, for a record.
    fn ask_all(path: &Path) -> Record {
        begin();
        let _ = (
            stat(path),
            link_target(path),
            canonical(path),
            names(path),
            read(path),
            directory_identity(path),
            is_runnable(path),
        );
        end().unwrap()
    }

    #[test]
    fn every_question_is_written_down_with_the_answer_that_asking_again_gives() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::write(base.join("file"), "text").unwrap();
        fs::create_dir(base.join("directory")).unwrap();
        symlink("file", base.join("link")).unwrap();
        for name in ["file", "directory", "link", "nothing"] {
            let record = ask_all(&base.join(name));
            assert_eq!(record.iter().count(), Question::ALL.len(), "{name}");
            for (path, question, answer) in record.iter() {
                assert!(ask(path, question).agrees(answer), "{name} {question:?}: {answer:?}");
            }
            assert!(!record.is_torn());
        }
    }

    #[test]
    fn an_answer_that_changed_no_longer_agrees() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let path = base.join("thing");
        let absent = ask_all(&path);
        fs::write(&path, "text").unwrap();
        let file = ask_all(&path);
        let differ = |one: &Record| {
            let mut differ: Vec<Question> = one
                .iter()
                .filter(|(path, question, answer)| !ask(path, *question).agrees(answer))
                .map(|(_, question, _)| question)
                .collect();
            differ.sort();
            differ
        };
        assert_eq!(differ(&absent), [Question::What, Question::Canonical, Question::Content]);
        fs::write(&path, "next").unwrap();
        assert_eq!(differ(&file), [Question::Content]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(differ(&file), [Question::What, Question::Content, Question::Runnable]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::write(path.join("a"), "").unwrap();
        let directory = ask_all(&path);
        fs::write(path.join("b"), "").unwrap();
        assert_eq!(differ(&directory), [Question::Names]);
    }

    #[test]
    fn two_answers_to_one_question_tear_the_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        begin();
        assert!(!is_file(&path));
        fs::write(&path, "").unwrap();
        assert!(is_file(&path));
        assert!(end().unwrap().is_torn());
        assert!(end().is_none());
    }

    #[test]
    fn what_is_off_the_record_is_not_kept_and_the_record_goes_on() {
        begin();
        assert!(!is_file(Path::new("/nowhere/one")));
        assert!(!off_the_record(|| is_file(Path::new("/nowhere/two"))));
        assert!(!is_file(Path::new("/nowhere/three")));
        let record = end().unwrap();
        let mut asked: Vec<&Path> = record.iter().map(|(path, _, _)| path).collect();
        asked.sort();
        assert_eq!(asked, [Path::new("/nowhere/one"), Path::new("/nowhere/three")]);
    }

    #[test]
    fn a_directory_is_unchanged_if_its_signature_is_and_tells_of_every_change_since_it_was_listed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "").unwrap();
        let changed = disk::directory_signature(dir.path()).unwrap().last_change();
        let device = disk::device(dir.path()).unwrap();
        let listed = |began: Option<i64>| {
            let now = |later| Instant { device, time: FileTime(changed.0 + later), granularity: 10 };
            began.map_or_else(begin, |later| begin_at(now(later)));
            let _ = names(dir.path());
            let record = end().unwrap();
            let names = record.iter().find_map(|(_, _, answer)| match answer {
                Answer::Names(names) => Some(names.clone()),
                _ => None,
            });
            (record, names.unwrap())
        };
        let is_unchanged = |(record, names): &(Record, Names)| record.is_unchanged(dir.path(), names);
        assert!(!is_unchanged(&listed(None)), "nobody knows when it was listed");
        assert!(!is_unchanged(&listed(Some(5))), "what changes within the tick does not show");
        let old = listed(Some(1_000));
        assert!(is_unchanged(&old));
        let names = Names { signature: None, ..old.1.clone() };
        assert!(!old.0.is_unchanged(dir.path(), &names));
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::remove_file(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a"), "").unwrap();
        assert!(!is_unchanged(&old), "the names are the same, and it cannot be told");
    }

    #[test]
    fn what_is_passed_over_has_a_place_in_one_digest_and_none_in_the_other() {
        let name = |name: &str| Name { name: name.into(), kind: disk::NameKind::File };
        let before = Names::of(&[name("a.h")], None);
        let source = Names::of(&[name("a.h"), name("b.c")], None);
        let header = Names::of(&[name("a.h"), name("b.h")], None);
        assert!(before.searched == source.searched && before.all != source.all);
        assert!(before.searched != header.searched && before.all != header.all);
        assert!(before.digest != source.digest);
        assert_eq!(before.searched, listing(&["a.h"]));
        let signed = Names { signature: disk::directory_signature(Path::new("/")), ..before.clone() };
        assert!(signed != before && Answer::Names(signed).agrees(&Answer::Names(before.clone())));
        assert!(!Answer::Names(source).agrees(&Answer::Names(before)));
    }

    #[test]
    fn without_a_record_nothing_is_kept() {
        assert!(!is_file(Path::new("/nowhere")));
        assert!(end().is_none());
    }
}
