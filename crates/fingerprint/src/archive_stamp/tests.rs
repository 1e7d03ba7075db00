//! Stamps of archives that a test makes by hand.
#![expect(clippy::disallowed_methods, reason = "tests make their own files")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::*;
use crate::action::Part;
use crate::encode::Malformed;
use crate::signature::{FileTime, Instant};
use crate::watch::Tree;

/// A workspace with sources in `src`, and an archive that is made of them.
struct Space {
    _dir: tempfile::TempDir,
    base: PathBuf,
    profile: Vec<(String, Vec<u8>)>,
    tool: Option<Arc<Identity>>,
    holds: Vec<Box<str>>,
    stamp: Vec<u8>,
    /// How much later than the last change of `out/lib.a` a file was touched before anything was looked at.
    age: i64,
}

impl Space {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let profile = vec![("target".to_string(), b"x86_64".to_vec())];
        let mut space =
            Self { _dir: dir, base, profile, tool: None, holds: Vec::new(), stamp: Vec::new(), age: 1 << 40 };
        for (name, text) in [("src/a.rs", "a"), ("src/b/c.rs", "c"), ("run", "#!"), ("out/lib.a", "made")] {
            space.write(name, text);
        }
        space.link("a.rs", "src/link.rs");
        space.make();
        space
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.base.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, text: &str, name: &str) {
        let _ = fs::remove_file(self.base.join(name));
        symlink(text, self.base.join(name)).unwrap();
    }

    fn files(&self) -> Files {
        let mut files = Files::new(Roots::new(&self.base, self.base.join("out")));
        if let Ok(meta) = fs::metadata(self.base.join("out/lib.a")) {
            let time = FileTime(meta.ctime() * 1_000_000_000 + meta.ctime_nsec() + self.age);
            files.set_instant(Instant { device: meta.dev(), time, granularity: 10 });
        }
        files
    }

    fn archive(&self, files: &mut Files) -> Archive {
        let mut path = |name: &str| files.path_from(&self.base, Path::new(name));
        let trees = vec![Tree { dir: path("src"), only: Vec::new() }];
        let named = ["run", "Cargo.lock"].map(&mut path).to_vec();
        Archive {
            profile: self.profile.clone(),
            tool: self.tool.clone(),
            watch: WatchSet { trees, files: named, ..WatchSet::default() },
            outputs: vec![path("out/lib.a")],
            holds_paths_of: self.holds.clone(),
        }
    }

    fn look(&self, files: &mut Files) -> Look {
        let archive = self.archive(files);
        Look::new(&archive, files).unwrap()
    }

    fn make(&mut self) {
        let mut files = self.files();
        let look = self.look(&mut files);
        self.stamp = look.stamp(&mut files).unwrap().encode(&files);
        self.tick();
    }

    /// Waits until the clock of the file system has gone on: `files` says that nothing is racy, so what a test
    /// changes next must not have the times of what was recorded.
    fn tick(&self) {
        let probe = self.base.join("probe");
        let touched = || {
            fs::write(&probe, "").unwrap();
            let meta = fs::metadata(&probe).unwrap();
            (meta.ctime(), meta.ctime_nsec())
        };
        let began = touched();
        while touched() == began {
            std::thread::yield_now();
        }
        fs::remove_file(&probe).unwrap();
    }

    fn judge(&self) -> (Verdict, u64) {
        let mut files = self.files();
        let stamp = ArchiveStamp::decode(&self.stamp, &mut files).ok();
        let verdict = self.look(&mut files).judge(stamp.as_ref(), &mut files);
        (verdict, files.cost().hashed)
    }

    fn fresh(&self) -> bool {
        self.judge().0 == Verdict::Fresh
    }

    fn reasons(&self) -> String {
        match self.judge().0 {
            Verdict::Stale(reasons) => {
                reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ").replace('\n', " ")
            }
            verdict => format!("{verdict:?}"),
        }
    }
}

#[test]
fn nothing_is_read_again_while_signatures_hold() {
    let space = Space::new();
    assert_eq!(space.judge(), (Verdict::Fresh, 0));
}

#[test]
fn a_racy_signature_is_not_kept_and_one_that_is_not_racy_any_more_is() {
    let mut space = Space::new();
    space.age = 0;
    space.make();
    let racy = space.judge();
    assert_eq!(racy.0, Verdict::Fresh);
    assert!(racy.1 >= 1, "the archive at least is read again");
    space.age = 1 << 40;
    let mut files = space.files();
    let stamp = ArchiveStamp::decode(&space.stamp, &mut files).unwrap();
    assert_eq!(space.look(&mut files).judge(Some(&stamp), &mut files), Verdict::Fresh);
    space.stamp = stamp.encode(&files);
    assert_eq!(space.judge(), (Verdict::Fresh, 0));
}

#[test]
fn everything_that_an_archive_is_made_of_makes_it_stale_and_is_named() {
    type Change = (&'static str, fn(&mut Space));
    let changes: [Change; 16] = [
        ("edited", |s| s.write("src/a.rs", "A")),
        ("deleted", |s| fs::remove_file(s.base.join("src/b/c.rs")).unwrap()),
        ("renamed", |s| fs::rename(s.base.join("src/b/c.rs"), s.base.join("src/b/d.rs")).unwrap()),
        ("added", |s| s.write("src/new.rs", "")),
        ("a named file appeared", |s| s.write("Cargo.lock", "")),
        ("a named file went", |s| fs::remove_file(s.base.join("run")).unwrap()),
        ("executable", |s| {
            fs::set_permissions(s.base.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("link retargeted", |s| s.link("b/c.rs", "src/link.rs")),
        ("link to the same", |s| s.link("./a.rs", "src/link.rs")),
        ("profile", |s| s.profile[0].1 = b"arm".to_vec()),
        ("profile key", |s| s.profile.push(("features".into(), Vec::new()))),
        ("tool", |s| {
            let part = Part { name: "cargo".into(), digest: Digest::of(b"1") };
            s.tool = Some(Arc::new(Identity::new("cargo", vec![part], Vec::new())));
        }),
        ("place", |s| s.holds = vec!["ws".into()]),
        ("output truncated", |s| s.write("out/lib.a", "")),
        ("output deleted", |s| fs::remove_file(s.base.join("out/lib.a")).unwrap()),
        ("no stamp", |s| s.stamp.clear()),
    ];
    let mut told = String::new();
    for (name, change) in changes {
        let mut space = Space::new();
        change(&mut space);
        told += &format!("{name}: {}\n", space.reasons());
    }
    insta::assert_snapshot!(told, @r"
    edited: `src/a.rs` changed; `src/link.rs` changed
    deleted: input `src/b/c.rs` removed
    renamed: input `src/b/d.rs` added; input `src/b/c.rs` removed
    added: input `src/new.rs` added
    a named file appeared: input `Cargo.lock` added; `Cargo.lock` appeared
    a named file went: input `run` removed
    executable: `run` may be executed now
    link retargeted: link `src/link.rs` pointed to `a.rs`, points to `b/c.rs`; `src/link.rs` changed
    link to the same: link `src/link.rs` pointed to `a.rs`, points to `./a.rs`
    profile: profile key `target` was `x86_64`, is `arm`
    profile key: profile key `features` was unset, is ``
    tool: toolchain changed: cargo
    place: its result holds absolute paths, and the project lies elsewhere now
    output truncated: output `build:lib.a` was changed by someone else
    output deleted: output `build:lib.a` is missing
    no stamp: not built here yet
    ");
}

#[test]
fn what_does_not_matter_leaves_it_fresh() {
    let space = Space::new();
    space.write("src/a.rs", "a");
    space.write("src/.a.rs.swp", "");
    space.write("src/.git/HEAD", "");
    space.write("other/x", "");
    fs::create_dir(space.base.join("src/empty")).unwrap();
    assert!(space.fresh());
    space.write("src/a.rs", "A");
    space.write("src/a.rs", "a");
    assert!(space.fresh());
}

#[test]
fn what_changes_while_it_is_made_is_not_recorded() {
    type Change = (&'static str, fn(&Space));
    let changes: [Change; 6] = [
        ("src/a.rs, src/link.rs", |s| s.write("src/a.rs", "A")),
        ("src/n.rs", |s| s.write("src/n.rs", "")),
        ("src/b/c.rs", |s| fs::remove_file(s.base.join("src/b/c.rs")).unwrap()),
        ("src/link.rs", |s| s.link("./a.rs", "src/link.rs")),
        ("Cargo.lock", |s| s.write("Cargo.lock", "")),
        ("run", |s| fs::remove_file(s.base.join("run")).unwrap()),
    ];
    for (name, change) in changes {
        let space = Space::new();
        let mut files = space.files();
        let look = space.look(&mut files);
        change(&space);
        let error = look.stamp(&mut files).unwrap_err().to_string();
        assert_eq!(error, format!("changed while it was made: {name}; make it again"));
    }
}

#[test]
fn what_cannot_be_recorded_is_named() {
    let space = Space::new();
    let mut files = space.files();
    let look = space.look(&mut files);
    fs::remove_file(space.base.join("out/lib.a")).unwrap();
    assert_eq!(look.stamp(&mut files).unwrap_err().to_string(), "`build:lib.a` was not made");
    fs::create_dir(space.base.join("Cargo.lock")).unwrap();
    let mut files = space.files();
    let look = space.look(&mut files);
    let error = look.stamp(&mut files).unwrap_err().to_string();
    assert_eq!(error, "`Cargo.lock` is an input and no file that can be read");
    assert_eq!(look.name(&files), None);
}

#[test]
fn a_stamp_holds_where_the_workspace_is_moved_unless_it_holds_paths() {
    let name = |space: &Space| {
        let mut files = space.files();
        space.look(&mut files).name(&files).unwrap()
    };
    let (mut one, mut two) = (Space::new(), Space::new());
    assert_eq!(name(&one), name(&two));
    two.stamp.clone_from(&one.stamp);
    assert!(two.fresh());
    for space in [&mut one, &mut two] {
        space.holds = vec!["ws".into()];
        space.make();
        assert!(space.fresh());
    }
    assert_ne!(name(&one), name(&two));
    two.stamp.clone_from(&one.stamp);
    assert_eq!(two.reasons(), StaleReason::BoundElsewhere.to_string());
}

#[test]
fn the_bytes_are_the_same_for_the_same_and_read_back() {
    let mut space = Space::new();
    let part = Part { name: "cargo".into(), digest: Digest::of(b"1") };
    space.tool = Some(Arc::new(Identity::new("cargo", vec![part], Vec::new())));
    space.holds = vec!["ws".into(), "build".into()];
    let mut files = space.files();
    let look = space.look(&mut files);
    let stamp = look.stamp(&mut files).unwrap();
    let bytes = stamp.encode(&files);
    assert_eq!(ArchiveStamp::decode(&bytes, &mut files), Ok(stamp.clone()));
    let mut others = space.files();
    let read = ArchiveStamp::decode(&bytes, &mut others).unwrap();
    assert_eq!(space.look(&mut others).judge(Some(&read), &mut others), Verdict::Fresh);
    assert_eq!(read.encode(&others), bytes);
    assert_eq!(read.outputs().len(), 1);
    let here = space.base.to_str().unwrap().as_bytes();
    assert!(!bytes.windows(here.len()).any(|window| window == here), "no absolute path is in it");
}

#[test]
fn no_cut_and_no_flipped_bit_is_taken() {
    let space = Space::new();
    let bytes = &space.stamp;
    let mut files = space.files();
    for end in 0..bytes.len() {
        assert_eq!(ArchiveStamp::decode(&bytes[..end], &mut files), Err(Malformed), "{end}");
    }
    for at in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        assert_eq!(ArchiveStamp::decode(&bytes, &mut files), Err(Malformed), "{at}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert_eq!(ArchiveStamp::decode(&longer, &mut files), Err(Malformed));
}

#[test]
fn bytes_that_somebody_made_up_do_not_panic_and_lead_nowhere() {
    let space = Space::new();
    let content = &space.stamp[..space.stamp.len() - 32];
    let signed = |content: &[u8]| [content, &Digest::of(content).0].concat();
    assert_eq!(signed(content), space.stamp);
    for at in 0..content.len() {
        for value in [0, 1, 0x7f, 0xff, content[at].wrapping_add(1)] {
            let mut content = content.to_vec();
            content[at] = value;
            let mut files = space.files();
            if let Ok(stamp) = ArchiveStamp::decode(&signed(&content), &mut files) {
                space.look(&mut files).judge(Some(&stamp), &mut files);
            }
        }
    }
    for end in 0..content.len() {
        let mut files = space.files();
        assert_eq!(ArchiveStamp::decode(&signed(&content[..end]), &mut files), Err(Malformed));
    }
    let find = |what: &[u8]| content.windows(what.len()).position(|window| window == what).unwrap();
    for (what, with) in
        [(&b"src/a.rs"[..], &b"../../.x"[..]), (b"src/a.rs", b"/etc/xyz"), (b"src/a.rs", b"src/./rs")]
    {
        let mut content = content.to_vec();
        let at = find(what);
        content[at..at + what.len()].copy_from_slice(with);
        assert_eq!(ArchiveStamp::decode(&signed(&content), &mut space.files()), Err(Malformed));
    }
}

#[test]
fn a_signature_is_written_down_for_the_content_that_the_stamp_speaks_of_and_no_other() {
    let mut space = Space::new();
    let mut files = space.files();
    let stamp = space.look(&mut files).stamp(&mut files).unwrap();
    space.write("src/a.rs", "A");
    let path = files.path_from(&space.base, Path::new("src/a.rs"));
    files.observe_again(&[path]);
    space.stamp = stamp.encode(&files);
    assert_eq!(space.reasons(), "`src/a.rs` changed; `src/link.rs` changed");
}

#[test]
fn the_outputs_are_told_in_their_order() {
    let space = Space::new();
    let mut files = space.files();
    let look = space.look(&mut files);
    assert_eq!(look.outputs(), [files.path_from(&space.base, Path::new("out/lib.a"))]);
}
