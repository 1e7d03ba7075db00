//! The example `archive_stamp`, which shows how another tool uses archive stamps, does what it says.

#[path = "../examples/archive_stamp.rs"]
#[expect(dead_code, reason = "the example's own `main` is not called here")]
mod example;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use example::{Done, runtime};
use rekindle_store::disk::{Disk, Settings};
use rekindle_store::memory::Memory;
use rekindle_store::{Error, Store};

struct Project {
    _dir: tempfile::TempDir,
    base: PathBuf,
    runs: u32,
}

impl Project {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir(base.join("runtime")).unwrap();
        fs::write(base.join("runtime/lib.rs"), "one").unwrap();
        Self { _dir: dir, base, runs: 0 }
    }

    /// The tool makes an archive that holds what is in `lib.rs`, and the features.
    fn build(&mut self, store: &dyn Store, features: &str) -> Done {
        let (base, runs) = (self.base.clone(), &mut self.runs);
        let done = runtime(&base, store, features, &mut || {
            *runs += 1;
            fs::write(base.join("out/libruntime.a"), expected(&base, features))
        });
        let done = done.unwrap();
        assert_eq!(fs::read_to_string(base.join("out/libruntime.a")).unwrap(), expected(&base, features));
        done
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.base.join(name), text).unwrap();
    }
}

fn expected(base: &Path, features: &str) -> String {
    fs::read_to_string(base.join("runtime/lib.rs")).unwrap() + features
}

fn built(reason: &str) -> Done {
    Done::Built(vec![reason.into()])
}

#[test]
fn the_tool_runs_only_for_what_is_neither_here_nor_in_the_store() {
    let store = Memory::default();
    let mut here = Project::new();
    assert_eq!(here.build(&store, "net"), built("not built here yet"));
    assert_eq!(here.build(&store, "net"), Done::Fresh);
    here.write("runtime/lib.rs", "two");
    assert_eq!(here.build(&store, "net"), built("`runtime/lib.rs` changed"));
    here.write("runtime/lib.rs", "one");
    assert_eq!(here.build(&store, "net"), Done::Restored);
    here.write("out/libruntime.a", "clobbered");
    assert_eq!(here.build(&store, "net"), Done::Restored);
    here.write("runtime/more.rs", "");
    assert_eq!(here.build(&store, "net"), built("input `runtime/more.rs` added"));
    fs::remove_file(here.base.join("runtime/more.rs")).unwrap();
    here.write("out/libruntime.stamp", "no stamp");
    assert_eq!(here.build(&store, "net"), Done::Restored);
    for _ in 0..2 {
        here.build(&store, "crypto");
        here.build(&store, "net");
    }
    assert_eq!(here.runs, 4);
    let mut there = Project::new();
    assert_eq!(there.build(&store, "net"), Done::Restored);
    assert_eq!(there.build(&store, "net"), Done::Fresh);
    assert_eq!(there.runs, 0);
}

#[test]
fn a_store_on_disk_serves_other_directories_too() -> Result<(), Error> {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { now: SystemTime::UNIX_EPOCH, limit: u64::MAX };
    let store = Disk::open(&dir.path().join("store"), settings)?;
    let (mut here, mut there) = (Project::new(), Project::new());
    assert_eq!(here.build(&store, "net"), built("not built here yet"));
    fs::rename(here.base.join("out"), there.base.join("out")).unwrap();
    assert_eq!(there.build(&store, "net"), Done::Fresh, "the whole directory was carried over");
    fs::remove_dir_all(there.base.join("out")).unwrap();
    assert_eq!(there.build(&store, "net"), Done::Restored);
    Ok(())
}

#[test]
fn an_archive_is_hashed_once_and_not_in_the_next_run() {
    use rekindle_fingerprint::{archive_stamp::ArchiveStamp, files::Files, roots::Roots};
    let store = Memory::default();
    let mut here = Project::new();
    here.build(&store, "net");
    let bytes = fs::read(here.base.join("out/libruntime.stamp")).unwrap();
    let mut files = Files::new(Roots::new(&here.base, here.base.join("out")));
    let stamp = ArchiveStamp::decode(&bytes, &mut files).unwrap();
    let archive = stamp.outputs()[0].path;
    files.observe(&[archive]);
    assert_eq!((files.cost().signed, files.cost().hashed), (1, 0));
}

#[test]
fn what_changes_while_the_tool_runs_is_not_recorded_and_a_failing_tool_leaves_no_stamp() {
    let store = Memory::default();
    let mut here = Project::new();
    here.build(&store, "net");
    let base = here.base.clone();
    let mut meddled = || {
        fs::write(base.join("out/libruntime.a"), "of the old text")?;
        fs::write(base.join("runtime/lib.rs"), "three")
    };
    here.write("runtime/lib.rs", "two");
    let error = runtime(&here.base, &store, "net", &mut meddled).unwrap_err().to_string();
    assert_eq!(error, "changed while it was made: runtime/lib.rs; make it again");
    assert!(!base.join("out/libruntime.stamp").exists());
    let mut fails = || Err(std::io::ErrorKind::Other.into());
    assert!(runtime(&here.base, &store, "net", &mut fails).is_err());
    assert_eq!(here.build(&store, "net"), built("not built here yet"));
}
