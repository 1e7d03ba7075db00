//! Tests of the history: written in several builds, whole, resumed and in part, it says what was said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use rekindle_fingerprint::action::{ActionKind, Command};
use rekindle_fingerprint::digest::Blob;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::{FileTime, Instant, Signature};
use rekindle_fingerprint::stamp::{Holds, Output};

use super::*;

/// xorshift64*, so that a failing seed can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }
}

const KEYS: usize = 5;
const SOURCES: usize = 6;
const DEVICE: u64 = 1;

fn table() -> Files {
    Files::new(Roots::new("/w", "/w/out"))
}

fn output(key: usize, files: &mut Files) -> PathId {
    files.path(Roots::BUILD, format!("out{key}"))
}

fn source(at: usize, files: &mut Files) -> PathId {
    files.path(Roots::WORKSPACE, format!("src/{at}.c"))
}

fn identity(n: usize) -> Identity {
    let parts = vec![Part { name: format!("cc{}", n % 3), digest: Digest::of(&[1, (n % 3) as u8]) }];
    Identity::new("cc", parts, Vec::new())
}

/// The stamp with a number: each has another set of paths, texts and contents.
fn stamp(n: usize, files: &mut Files) -> Stamp {
    let text = |text: String, files: &mut Files| files.text_id(text.as_bytes());
    let content = |n: usize, files: &mut Files| files.content_id(Blob::of(n.to_string().as_bytes()));
    Stamp {
        kind: ActionKind::Compile,
        command: Command {
            digest: Digest::of(&n.to_le_bytes()),
            argv: (0..n % 4).map(|word| text(format!("word{word}"), files)).collect(),
            env: Vec::new(),
            cwd: text(".".into(), files),
            produces: vec![text(format!("product{n}"), files)],
        },
        identity: Some(identity(n).digest),
        declared: vec![(source(n % SOURCES, files), content(n % 7, files))],
        executables: Vec::new(),
        discovered: vec![(source((n + 1) % SOURCES, files), None)],
        lookups: None,
        deferred: Vec::new(),
        outputs: vec![Output {
            path: output(n % KEYS, files),
            content: content(n, files),
            executable: false,
        }],
        left: false,
        links: Vec::new(),
        holds: Holds::Everywhere,
        volatile: None,
        unprovable: None,
        printed: b"a warning".to_vec(),
        duration_ms: u32::try_from(n).unwrap(),
        shared: None,
    }
}

fn prior(n: usize, files: &mut Files) -> Prior {
    let time = FileTime(i64::try_from(n).unwrap());
    let signature = Signature { size: 1, mtime: time, ctime: time, inode: 5, mode: 0o100_644 };
    Prior { signature, content: files.content_id(Blob::of(&[n as u8])), racy: false }
}

fn key_digest(n: usize) -> Digest {
    Digest::of(&[2, n as u8])
}

/// What a history is to know, in numbers that outlive a table of files.
#[derive(Clone, Debug, Default)]
struct Model {
    /// The stamps of the actions: current and previous.
    stamps: BTreeMap<usize, (usize, Option<usize>)>,
    started: BTreeMap<usize, Vec<usize>>,
    saved: BTreeMap<usize, usize>,
    identities: BTreeSet<usize>,
    memo: BTreeMap<usize, usize>,
}

impl Model {
    /// What it knows of these actions.
    fn base(&self, keys: &BTreeSet<usize>, files: &mut Files) -> Base {
        let of_keys = |key: &usize| keys.contains(key);
        let mut base = Base { complete: keys.len() == KEYS, ..Base::default() };
        for (key, (current, previous)) in self.stamps.iter().filter(|(key, _)| of_keys(key)) {
            let previous = previous.map(|n| stamp(n, files));
            let both = Generations::new(Some(stamp(*current, files)), previous);
            base.stamps.push((output(*key, files), both));
        }
        for (key, outputs) in self.started.iter().filter(|(key, _)| of_keys(key)) {
            let paths = outputs.iter().map(|at| output(*at, files)).collect();
            base.started.push((output(*key, files), paths));
        }
        base.signatures = self.saved.iter().map(|(at, n)| (source(*at, files), prior(*n, files))).collect();
        base.identities = self.identities.iter().map(|n| (identity(*n).digest, identity(*n).parts)).collect();
        base.memo = self.memo.iter().map(|(key, n)| (key_digest(*key), vec![*n as u8])).collect();
        base
    }

    /// Checks what the history says of these actions, and of everything else.
    fn check(&self, history: &mut History, keys: &BTreeSet<usize>, files: &mut Files, when: &str) {
        for key in keys {
            let path = output(*key, files);
            let known = self.stamps.get(key);
            let current = known.map(|(current, _)| stamp(*current, files));
            let previous = known.and_then(|(_, previous)| *previous).map(|n| stamp(n, files));
            assert_eq!(history.current(path), current.as_ref(), "{when}: the stamp of {key}");
            let said = history.generations(path).and_then(|both| both.previous.as_deref());
            assert_eq!(said, previous.as_ref(), "{when}: the previous stamp of {key}");
            let started = self
                .started
                .get(key)
                .map(|outputs| outputs.iter().map(|at| output(*at, files)).collect::<Vec<_>>());
            let said = history.unstamped().find(|(key, _)| *key == path).map(|(_, outputs)| outputs.to_vec());
            assert_eq!(said, started, "{when}: what {key} may have left");
        }
        let expected: BTreeMap<PathId, Prior> =
            self.saved.iter().map(|(at, n)| (source(*at, files), prior(*n, files))).collect();
        let said: BTreeMap<PathId, Prior> =
            history.signatures().map(|(path, prior)| (path, *prior)).collect();
        assert_eq!(said, expected, "{when}: signatures");
        for (path, prior) in expected {
            assert!(
                *files.seen(path) != Seen::Unknown || files.prior(path) == Some(&prior),
                "{when}: a prior"
            );
        }
        for n in 0..3 {
            let parts = self.identities.contains(&n).then(|| identity(n).parts);
            assert_eq!(history.parts(&identity(n).digest), parts, "{when}: identity {n}");
        }
        let memo: BTreeMap<_, _> =
            self.memo.iter().map(|(key, n)| (key_digest(*key), vec![*n as u8])).collect();
        let said: BTreeMap<_, _> =
            history.known.memo.iter().map(|(key, value)| (*key, value.clone())).collect();
        assert_eq!(said, memo, "{when}: answers");
    }

    /// What compaction leaves: `seen` were looked at by this build, `used` asked for.
    fn compact(&mut self, seen: &BTreeSet<usize>, used: &BTreeSet<usize>) {
        let all = self.stamps.values().flat_map(|(current, previous)| previous.iter().chain([current]));
        let all: Vec<usize> = all.copied().collect();
        let spoken = |at: &usize| all.iter().any(|n| n % SOURCES == *at || (n + 1) % SOURCES == *at);
        self.saved.retain(|at, _| spoken(at) || seen.contains(at));
        self.identities.retain(|n| all.iter().any(|stamp| stamp % 3 == *n));
        self.memo.retain(|key, _| used.contains(key));
    }
}

/// One build: what it knows of, what it has looked at and asked for.
struct Build<'a> {
    history: &'a mut History,
    files: &'a mut Files,
    model: &'a mut Model,
    keys: &'a BTreeSet<usize>,
    seen: BTreeSet<usize>,
    used: BTreeSet<usize>,
}

impl Build<'_> {
    fn step(&mut self, random: &mut Random) {
        let Self { history, files, model, .. } = self;
        let key = *self.keys.iter().nth(random.below(self.keys.len())).unwrap();
        let path = output(key, files);
        match random.below(9) {
            0..=2 => {
                let n = random.below(40) * KEYS + key;
                let before = Before::from_code(u8::try_from(random.below(3)).unwrap()).unwrap();
                history.know_identity(&identity(n));
                history.succeed(path, stamp(n, files), before, files).unwrap();
                model.identities.insert(n % 3);
                model.started.remove(&key);
                let old = model.stamps.remove(&key);
                let previous = match before {
                    Before::Dropped => None,
                    Before::Current => old.map(|(current, _)| current),
                    Before::Stays => old.and_then(|(_, previous)| previous),
                };
                model.stamps.insert(key, (n, previous));
            }
            3 => {
                history.forget(path, files).unwrap();
                model.stamps.remove(&key);
            }
            4 => {
                // One that no stamp speaks of.
                let paths = [path, output(key + KEYS, files)];
                history.start(path, &paths, files).unwrap();
                model.started.insert(key, vec![key, key + KEYS]);
            }
            5 => {
                history.cleared(path, files).unwrap();
                model.started.remove(&key);
            }
            6 => {
                let (key, n) = (random.below(4), random.below(3));
                history.set_memo(key_digest(key), vec![n as u8]);
                model.memo.insert(key, n);
                self.used.insert(key);
            }
            7 => {
                let key = random.below(4);
                let known = model.memo.get(&key).map(|n| vec![*n as u8]);
                assert_eq!(history.memo(&key_digest(key)), known);
                if known.is_some() {
                    self.used.insert(key);
                }
            }
            _ => {
                let (at, n) = (random.below(SOURCES), random.below(50));
                let Prior { signature, content, .. } = prior(n, files);
                let later = Instant { device: DEVICE, time: FileTime(1 << 40), granularity: 1 };
                let (id, blob) = (source(at, files), files.blob(content));
                files.record(id, signature, DEVICE, blob, later);
                self.seen.insert(at);
                model.saved.insert(at, n);
            }
        }
    }
}

struct Space {
    _dir: tempfile::TempDir,
    path: PathBuf,
}

impl Space {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { path: dir.path().join("journal"), _dir: dir }
    }
}

fn all_keys() -> BTreeSet<usize> {
    (0..KEYS).collect()
}

#[test]
fn builds_that_go_on_behind_marks_and_builds_that_read_all_write_one_history() {
    for seed in 1..=150u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let space = Space::new();
        let mut model = Model::default();
        // What somebody keeps elsewhere: what was known at a mark.
        let mut kept: Option<(Mark, Model)> = None;
        let mut rewritten = false;
        for build in 0..12 {
            let when = format!("seed {seed}, build {build}");
            let mut files = table();
            let mut keys: BTreeSet<usize> = (0..KEYS).filter(|_| random.below(3) > 0).collect();
            keys.insert(0);
            let resumed = match &kept {
                Some((mark, then)) if random.below(3) > 0 => {
                    let base = then.base(&keys, &mut files);
                    let resumed = History::resume(&space.path, *mark, base, &mut files).unwrap();
                    // The mark of a journal that was empty fits one that was rewritten, too.
                    assert!(resumed.is_some() || rewritten, "{when}: goes on");
                    resumed
                }
                _ => None,
            };
            let mut history = resumed.unwrap_or_else(|| {
                keys = all_keys();
                History::open(&space.path, &mut files).unwrap()
            });
            assert_eq!(history.is_partial(), keys.len() < KEYS, "{when}");
            assert!(build == 0 || !history.lost(), "{when}");
            model.check(&mut history, &keys, &mut files, &format!("{when}, opened"));
            let (seen, used) = (BTreeSet::new(), BTreeSet::new());
            let mut now = Build {
                history: &mut history,
                files: &mut files,
                model: &mut model,
                keys: &keys,
                seen,
                used,
            };
            for step in 0..random.below(12) {
                now.step(&mut random);
                if step == 5 && random.below(3) == 0 {
                    // Somebody takes a mark in the middle.
                    now.history.save(now.files).unwrap();
                    kept = Some((now.history.mark().unwrap(), now.model.clone()));
                    rewritten = false;
                }
            }
            now.history.save(now.files).unwrap();
            if random.below(4) == 0 {
                now.history.compact(now.files).unwrap();
                if keys.len() == KEYS {
                    now.model.compact(&now.seen, &now.used);
                    rewritten = true;
                }
            }
            if random.below(2) == 0 {
                kept = Some((history.mark().unwrap(), model.clone()));
                rewritten = false;
            }
            model.check(&mut history, &keys, &mut files, &format!("{when}, done"));
        }
        let mut files = table();
        let mut history = History::open(&space.path, &mut files).unwrap();
        model.check(&mut history, &all_keys(), &mut files, &format!("seed {seed}, at the end"));
    }
}

#[test]
fn a_build_that_says_nothing_new_writes_nothing() {
    let space = Space::new();
    let mut files = table();
    let mut history = History::open(&space.path, &mut files).unwrap();
    let key = output(1, &mut files);
    let made = stamp(1, &mut files);
    history.succeed(key, made, Before::Dropped, &files).unwrap();
    let mark = history.mark().unwrap();
    let before = fs::read(&space.path).unwrap();
    assert_eq!(mark.length, before.len() as u64);
    drop(history);
    History::open(&space.path, &mut table()).unwrap().save(&table()).unwrap();
    let mut files = table();
    let base = Base { complete: true, ..Base::default() };
    let mut history = History::resume(&space.path, mark, base, &mut files).unwrap().unwrap();
    history.save(&files).unwrap();
    assert_eq!(history.mark().unwrap(), mark);
    assert_eq!(fs::read(&space.path).unwrap(), before);
}

#[test]
fn what_follows_a_mark_is_read_without_what_stands_before_it_wherever_it_is_torn() {
    let space = Space::new();
    let mut files = table();
    let mut history = History::open(&space.path, &mut files).unwrap();
    let mut model = Model::default();
    let mut succeed = |history: &mut History, n: usize| {
        let key = output(n % KEYS, &mut files);
        let made = stamp(n, &mut files);
        history.succeed(key, made, Before::Dropped, &files).unwrap();
    };
    succeed(&mut history, 1);
    model.stamps.insert(1, (1, None));
    let mark = history.mark().unwrap();
    // The same paths and texts again, by a build that still knows their numbers.
    succeed(&mut history, 6);
    succeed(&mut history, 2);
    drop(history);
    let bytes = fs::read(&space.path).unwrap();
    let mut went_on = Vec::new();
    for length in usize::try_from(mark.length).unwrap()..=bytes.len() {
        fs::write(&space.path, &bytes[..length]).unwrap();
        let mut files = table();
        let base = model.base(&all_keys(), &mut files);
        let Some(history) = History::resume(&space.path, mark, base, &mut files).unwrap() else {
            assert_eq!(fs::metadata(&space.path).unwrap().len(), length as u64);
            // It is read whole then, and that finds the damage.
            assert!(History::open(&space.path, &mut table()).unwrap().lost());
            continue;
        };
        let numbers =
            [1, 2].map(|key| history.current(output(key, &mut files)).map(|stamp| stamp.duration_ms));
        if went_on.last() != Some(&numbers) {
            went_on.push(numbers);
        }
    }
    assert_eq!(went_on, [[Some(1), None], [Some(6), None], [Some(6), Some(2)]]);
}

#[test]
fn a_mark_within_an_epoch_is_not_gone_on_from() {
    let space = Space::new();
    let mut files = table();
    let mut history = History::open(&space.path, &mut files).unwrap();
    let [first, second] = [1, 2].map(|n| (output(n, &mut files), stamp(n, &mut files)));
    history.succeed(first.0, first.1, Before::Dropped, &files).unwrap();
    // As if somebody had looked at the file instead of asking for a mark.
    let bytes = fs::read(&space.path).unwrap();
    let mark = Mark { length: bytes.len() as u64, tail: *bytes.last_chunk().unwrap() };
    assert!(History::resume(&space.path, mark, Base::default(), &mut table()).unwrap().is_some());
    // A record that needs no numbers could be read; what it stands among could not.
    history.set_memo(key_digest(1), vec![1]);
    history.save(&files).unwrap();
    assert!(history.length() > mark.length);
    assert!(History::resume(&space.path, mark, Base::default(), &mut table()).unwrap().is_none());
    history.succeed(second.0, second.1, Before::Dropped, &files).unwrap();
    assert!(History::resume(&space.path, mark, Base::default(), &mut table()).unwrap().is_none());
}

#[test]
fn after_a_write_that_failed_nothing_is_spoken_of_that_was_not_written() {
    let space = Space::new();
    let mut files = table();
    let mut history = History::open(&space.path, &mut files).unwrap();
    let [first, second] = [1, 2].map(|n| (output(n, &mut files), stamp(n, &mut files)));
    let file = history.journal.swap(fs::File::open(&space.path).unwrap());
    assert!(history.succeed(first.0, first.1, Before::Dropped, &files).is_err());
    history.journal.swap(file);
    history.succeed(second.0, second.1, Before::Dropped, &files).unwrap();
    drop(history);
    let mut files = table();
    let history = History::open(&space.path, &mut files).unwrap();
    let known = [1, 2].map(|n| history.current(output(n, &mut files)).cloned());
    assert_eq!(known, [None, Some(stamp(2, &mut files))]);
    assert!(!history.lost());
}

#[test]
fn definitions_that_are_repeated_are_dead() {
    let space = Space::new();
    let mut lengths = Vec::new();
    for n in 0..4 {
        let mut files = table();
        let mut history = History::open(&space.path, &mut files).unwrap();
        lengths.push((history.known.dead, history.length()));
        let key = output(n, &mut files);
        // The same words and sources in every build.
        let made = Stamp { outputs: Vec::new(), ..stamp(12, &mut files) };
        history.succeed(key, made, Before::Dropped, &files).unwrap();
    }
    let mut files = table();
    let mut history = History::open(&space.path, &mut files).unwrap();
    let (dead, before) = (history.known.dead, history.length());
    history.compact(&files).unwrap();
    // But for the mark of the one epoch that is left, just that is gone.
    assert_eq!(before - dead, history.length() - length_of(&[]));
    assert!(dead > before / 4, "{dead} of {before}, {lengths:?}");
}

#[test]
fn a_journal_with_more_roots_than_can_be_told_apart_is_cut_off_there() {
    use rekindle_fingerprint::encode::Encoder;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut journal = Journal::open(&path, |_| true).unwrap();
    journal.append(11, &[]);
    for number in 0..crate::record::MOST_ROOTS {
        assert!(
            journal.append(1, &Encoder::new().bytes(format!("root{number}").as_bytes()).clone().into_bytes())
        );
    }
    journal.flush().unwrap();
    let wanted = FxHashSet::default();
    assert!(History::open_part(&path, &mut table(), &wanted, Vec::new()).unwrap().lost());
    let mut files = table();
    assert!(!History::open(&path, &mut files).unwrap().lost(), "the part has cut it off");
    assert_eq!(files.roots().iter().count(), crate::record::MOST_ROOTS);
}
