//! `cargo run --example seed BUILD_DIR STORE CORPUS`: makes inputs of what a build has left. BUILD_DIR is the build
//! directory of a profile, STORE the store that was used, CORPUS the folder with a folder for each target.
//! `seed project DIR` makes the project whose snapshot holds where its target looks at it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rekindle_fuzz::{journal, pack, portable, snapshot, store};
use rekindle_store::disk::{Disk, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if let [word, dir] = &arguments[..]
        && word == Path::new("project")
    {
        // What a build leaves is the build's to leave.
        for (name, text) in snapshot::PROJECT.iter().filter(|(name, _)| !name.starts_with('.')) {
            fs::create_dir_all(dir.join(name).parent().ok_or("no directory")?)?;
            fs::write(dir.join(name), text)?;
        }
        return Ok(());
    }
    let [build, place, corpus] = &arguments[..] else {
        return Err("usage: seed BUILD_DIR STORE CORPUS".into());
    };
    let put = |target: &str, name: &str, bytes: &[u8]| {
        fs::create_dir_all(corpus.join(target))?;
        fs::write(corpus.join(target).join(name), bytes)
    };
    put("journal", "built", &journal::input_of(&fs::read(build.join("journal"))?))?;
    for (number, entry) in (0..).zip(fs::read_dir(build.join("snapshots"))?) {
        let input = snapshot::input_of(&fs::read(entry?.path())?).ok_or("no snapshot")?;
        put("snapshot", &format!("built{number}"), &input)?;
    }
    for (number, entry) in (0..).zip(fs::read_dir(build.join("proofs"))?) {
        let input = portable::input_of(&fs::read(entry?.path())?).ok_or("no proof")?;
        put("portable", &format!("built{number}"), &input)?;
    }
    put("portable", "sound", &portable::sound())?;
    let packed = tempfile::NamedTempFile::new()?;
    let disk = Disk::open(place, Settings { now: UNIX_EPOCH, limit: u64::MAX })?;
    rekindle_store::pack::export(&disk, None, packed.path())?;
    let archive = zstd::decode_all(&fs::read(packed.path())?[..])?;
    put("pack", "built", &pack::input_of(&archive).ok_or("no pack")?)?;
    let (place, mut files) = (&place.join("v2"), Vec::new());
    collect(place, &mut files)?;
    files.sort();
    let relative: Vec<(&Path, Vec<u8>)> = files
        .iter()
        .map(|path| Ok((path.strip_prefix(place)?, fs::read(path)?)))
        .collect::<Result<_, Box<dyn Error>>>()?;
    for (number, (path, bytes)) in relative.iter().enumerate() {
        let sealed = || bytes.get(24..bytes.len().checked_sub(32)?);
        if path.starts_with("results") || path.starts_with("builds") {
            put("entry", &format!("built{number}"), sealed().ok_or("a short result")?)?;
        } else if path.starts_with("sets") {
            put("inputs", &format!("built{number}"), sealed().ok_or("a short set")?)?;
        }
    }
    let short = relative.into_iter().filter(|(_, bytes)| bytes.len() < 4096);
    put("store", "built", &store::input_of(short))?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}
