//! A compiler that links a runtime which another tool builds: the tool is started only if what it would make is neither
//! here nor in the store. `cargo run -p rekindle-store --example archive_stamp` does that in a temporary directory.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, thread};

use rekindle_fingerprint::archive_stamp::{Archive, ArchiveStamp, Look};
use rekindle_fingerprint::disk::{self, Entry};
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::judge::Verdict;
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::signature::Instant;
use rekindle_fingerprint::watch::{Tree, WatchSet};
use rekindle_store::memory::Memory;
use rekindle_store::{Product, Store, products};

type Failure = Box<dyn std::error::Error>;

/// What was done for an archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Fresh,
    Restored,
    /// Why.
    Built(Vec<String>),
}

/// What a runtime is made of: the files below `runtime`, `Cargo.lock`, and which features it has.
fn archive(files: &mut Files, features: &str) -> Archive {
    let runtime = files.path(Roots::WORKSPACE, "runtime");
    let trees = vec![Tree { dir: runtime, only: Vec::new() }];
    let watch =
        WatchSet { trees, files: vec![files.path(Roots::WORKSPACE, "Cargo.lock")], ..WatchSet::default() };
    let profile = vec![("features".into(), features.into())];
    Archive { profile, watch, outputs: vec![files.path(Roots::BUILD, "libruntime.a")], ..Archive::default() }
}

/// Brings `out/libruntime.a` of the project at `base` (canonical) up to date, which `tool` makes.
pub(crate) fn runtime(
    base: &Path,
    store: &dyn Store,
    features: &str,
    tool: &mut dyn FnMut() -> io::Result<()>,
) -> Result<Done, Failure> {
    let kept = base.join("out/libruntime.stamp");
    let mut files = Files::new(Roots::new(base, base.join("out")));
    files.set_instant(clock(&base.join("out"))?);
    let archive = archive(&mut files, features);
    let stamp = fs::read(&kept).ok().and_then(|bytes| ArchiveStamp::decode(&bytes, &mut files).ok());
    let look = Look::new(&archive, &mut files)?;
    let reasons = match look.judge(stamp.as_ref(), &mut files) {
        Verdict::Stale(reasons) => reasons,
        _ => return keep(&kept, stamp.as_ref(), &files).map(|()| Done::Fresh),
    };
    let _ = fs::remove_file(&kept);
    let name = look.name(&files).ok_or("an input cannot be read")?.0;
    let places: Vec<PathBuf> = look.outputs().iter().map(|path| files.abs(*path)).collect();
    let restored = products::write(store, &name, &places)?;
    if !restored {
        tool()?;
    }
    // What was written within a tick of the clock would be read again by the next run.
    thread::sleep(Duration::from_millis(25));
    files.set_instant(clock(&base.join("out"))?);
    // An error says which inputs changed meanwhile: then nothing is recorded, and the tool is to be run again.
    let stamp = look.stamp(&mut files)?;
    if !restored {
        let made = stamp
            .outputs()
            .iter()
            .map(|output| Product { blob: files.blob(output.content), executable: output.executable });
        products::put(store, &name, &places.into_iter().zip(made).collect::<Vec<_>>())?;
    }
    keep(&kept, Some(&stamp), &files)?;
    let told = reasons.iter().map(ToString::to_string).collect();
    Ok(if restored { Done::Restored } else { Done::Built(told) })
}

/// Writes a stamp by an atomic rename, with the signatures that are known by now; if that is news.
fn keep(kept: &Path, stamp: Option<&ArchiveStamp>, files: &Files) -> Result<(), Failure> {
    let Some(bytes) = stamp.map(|stamp| stamp.encode(files)) else { return Ok(()) };
    if fs::read(kept).ok().as_deref() != Some(&bytes) {
        fs::write(kept.with_extension("new"), bytes)?;
        fs::rename(kept.with_extension("new"), kept)?;
    }
    Ok(())
}

/// What the clock of the file system says on which `dir` lies.
fn clock(dir: &Path) -> io::Result<Instant> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("marker"), "now")?;
    match disk::stat(&dir.join("marker"))? {
        Entry::File(signature, device) => Ok(Instant::of_touched_file(device, signature.mtime)),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let base = dir.path().canonicalize()?;
    fs::create_dir(base.join("runtime"))?;
    fs::write(base.join("runtime/lib.rs"), "pub fn f() {}")?;
    let store = Memory::default();
    for features in ["net", "net", "crypto", "net"] {
        let mut tool = || fs::write(base.join("out/libruntime.a"), features);
        println!("{features}: {:?}", runtime(&base, &store, features, &mut tool)?);
    }
    Ok(())
}
