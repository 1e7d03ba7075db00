//! `cargo xtask corpus`: real projects to build. Their sources come in packages of the registry, fetched by cargo
//! and pinned by checksum; the manifest and a small program beside each are ours (`xtask/corpus`).

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A project of the corpus.
struct Pin {
    /// Its folder in `target/corpus`, and its manifest in `xtask/corpus`.
    name: &'static str,
    /// The package that carries the sources.
    package: &'static str,
    version: &'static str,
    /// SHA-256 of the package, as the lock file has it.
    checksum: &'static str,
    /// The folder of the package that becomes the project.
    root: &'static str,
    /// What of that folder is needed (an empty name: all of it); the rest stays away.
    keep: &'static [&'static str],
}

const PINS: &[Pin] = &[
    Pin {
        name: "lua",
        package: "lua-src",
        version: "551.1.0",
        checksum: "41d22b201501a536c0f5a96c7589b268b559172b20fb029064434e38ddcecb1f",
        root: "lua-5.4.9",
        keep: &[""],
    },
    Pin {
        name: "zstd",
        package: "zstd-sys",
        version: "2.1.2+zstd.1.5.7",
        checksum: "481ada9c543b2323cbb7bbdbb5249177fbf0188ed959ed2c15e4b22421c84ed3",
        root: "zstd/lib",
        keep: &[""],
    },
    Pin {
        name: "sqlite",
        package: "libsqlite3-sys",
        version: "0.39.1",
        checksum: "14a5f01b87b92705d07b433c06f96cbc764637d81a0bffb5734ce17cf0f9a2b3",
        root: "sqlite3",
        keep: &["sqlite3.c", "sqlite3.h", "sqlite3ext.h"],
    },
    Pin {
        name: "aws-lc",
        package: "aws-lc-sys",
        version: "0.47.0",
        checksum: "8bfbe32ac36b3c428696ce315464181bc4029d689fd58e3f2a4e58c252242f52",
        root: "aws-lc",
        keep: &[
            "LICENSE",
            "crypto",
            "generated-src/err_data.c",
            "generated-src/linux-x86_64",
            "include",
            "ssl",
            "third_party/fiat",
            "third_party/s2n-bignum/s2n-bignum_aws-lc.h",
            "third_party/s2n-bignum/s2n-bignum-imported/include",
            "third_party/s2n-bignum/s2n-bignum-imported/x86_att",
        ],
    },
];

/// Says in a project's folder which package it was made from.
const STAMP: &str = ".pinned";

/// Makes `target/corpus/NAME` for every project. What is there from the pinned package is left alone, apart from our
/// own files in it.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let corpus = root.join("target/corpus");
    let missing: Vec<&Pin> = PINS.iter().filter(|pin| !is_there(&corpus, pin)).collect();
    if !missing.is_empty() {
        let scratch = corpus.join(".fetch");
        remove(&scratch)?;
        let vendor = fetch(&scratch, &missing)?;
        for pin in missing {
            unpack(&vendor, &corpus, pin)?;
        }
        remove(&scratch)?;
    }
    for pin in PINS {
        let folder = corpus.join(pin.name);
        add_ours(&root.join("xtask/corpus"), &folder, pin)?;
        println!("{}: {} {}, {}", pin.name, pin.package, pin.version, folder.display());
    }
    Ok(())
}

fn stamp(pin: &Pin) -> String {
    format!("{} {} {}\n{} {}\n", pin.package, pin.version, pin.checksum, pin.root, pin.keep.join(" "))
}

fn is_there(corpus: &Path, pin: &Pin) -> bool {
    fs::read_to_string(corpus.join(pin.name).join(STAMP)).is_ok_and(|text| text == stamp(pin))
}

/// Lets cargo fetch the packages by way of a project that depends on them, checks what it locked, and answers the
/// folder with a folder for each package.
fn fetch(scratch: &Path, pins: &[&Pin]) -> Result<PathBuf, String> {
    let mut manifest =
        String::from("[package]\nname = \"corpus\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n");
    manifest.push_str("[lib]\npath = \"lib.rs\"\n\n[workspace]\n\n[dependencies]\n");
    for pin in pins {
        manifest.push_str(&format!(
            "{} = {{ version = \"={}\", default-features = false }}\n",
            pin.package,
            pin.version.split('+').next().unwrap_or(pin.version)
        ));
    }
    create_dir(scratch)?;
    write(&scratch.join("Cargo.toml"), &manifest)?;
    write(&scratch.join("lib.rs"), "")?;
    let vendor = scratch.join("vendor");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["vendor", "--quiet", "--versioned-dirs"]).arg(&vendor).current_dir(scratch);
    let output = command.output().map_err(|error| format!("start cargo vendor: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo vendor: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let lock = scratch.join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|error| format!("read {}: {error}", lock.display()))?;
    for pin in pins {
        check(&lock, pin)?;
    }
    Ok(vendor)
}

/// Whether the lock file names the pinned package with the pinned checksum. Cargo has held the package against it.
fn check(lock: &str, pin: &Pin) -> Result<(), String> {
    let name = format!("name = \"{}\"", pin.package);
    let entry = lock.split("[[package]]").find(|entry| entry.lines().any(|line| line == name));
    let entry = entry.ok_or_else(|| format!("{}: not locked by cargo", pin.package))?;
    let value = |key: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    if value("version") == pin.version && value("checksum") == pin.checksum {
        return Ok(());
    }
    Err(format!(
        "{}: pinned is {} with {}, fetched was {} with {}",
        pin.package,
        pin.version,
        pin.checksum,
        value("version"),
        value("checksum")
    ))
}

/// Copies what is kept of a package to its place; the folder appears with all of it or not at all.
fn unpack(vendor: &Path, corpus: &Path, pin: &Pin) -> Result<(), String> {
    let from = vendor.join(format!("{}-{}", pin.package, pin.version)).join(pin.root);
    let draft = corpus.join(format!(".{}.draft", pin.name));
    remove(&draft)?;
    for keep in pin.keep {
        copy(&from.join(keep), &draft.join(keep))?;
    }
    write(&draft.join(STAMP), &stamp(pin))?;
    let place = corpus.join(pin.name);
    remove(&place)?;
    fs::rename(&draft, &place).map_err(|error| format!("rename to {}: {error}", place.display()))
}

/// Puts our manifest and our program (in `ours/`) into a project.
fn add_ours(ours: &Path, folder: &Path, pin: &Pin) -> Result<(), String> {
    copy(&ours.join(format!("{}.toml", pin.name)), &folder.join("rekindle.toml"))?;
    copy(&ours.join(pin.name), &folder.join("ours"))
}

/// Copies a file, or a folder with all in it. A file that is there with the same content keeps its times.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if from.is_dir() {
        create_dir(to)?;
        let entries = fs::read_dir(from).map_err(|error| format!("read {}: {error}", from.display()))?;
        for entry in entries {
            let name = entry.map_err(|error| format!("read {}: {error}", from.display()))?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    let bytes = fs::read(from).map_err(|error| format!("read {}: {error}", from.display()))?;
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        create_dir(folder)?;
    }
    fs::write(to, bytes).map_err(|error| format!("write {}: {error}", to.display()))
}

fn create_dir(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("create {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("write {}: {error}", path.display()))
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: Pin = Pin {
        name: "x",
        package: "x-sys",
        version: "1.0.0",
        checksum: "abc",
        root: "src",
        keep: &["a.c", "inc"],
    };

    #[test]
    fn another_checksum_or_version_than_the_pinned_is_refused() {
        let lock = |version, checksum| {
            format!(
                "[[package]]\nname = \"y\"\n\n[[package]]\nname = \"x-sys\"\nversion = \"{version}\"\nchecksum = \"{checksum}\"\n"
            )
        };
        assert_eq!(check(&lock("1.0.0", "abc"), &PIN), Ok(()));
        let refused = "x-sys: pinned is 1.0.0 with abc, fetched was 1.0.0 with abd";
        assert_eq!(check(&lock("1.0.0", "abd"), &PIN), Err(refused.to_owned()));
        assert!(check(&lock("1.0.1", "abc"), &PIN).is_err());
        assert_eq!(check("", &PIN), Err("x-sys: not locked by cargo".to_owned()));
    }

    #[test]
    fn only_what_is_kept_is_unpacked_and_another_pin_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let (vendor, corpus) = (folder.path().join("vendor"), folder.path().join("corpus"));
        let package = vendor.join("x-sys-1.0.0/src");
        fs::create_dir_all(package.join("inc")).unwrap();
        for path in ["a.c", "b.c", "inc/a.h"] {
            fs::write(package.join(path), path).unwrap();
        }
        fs::create_dir_all(corpus.join("x")).unwrap();
        fs::write(corpus.join("x/old.c"), "").unwrap();
        unpack(&vendor, &corpus, &PIN).unwrap();
        assert!(corpus.join("x/a.c").is_file() && corpus.join("x/inc/a.h").is_file());
        assert!(!corpus.join("x/b.c").exists() && !corpus.join("x/old.c").exists());
        assert!(is_there(&corpus, &PIN));
        assert!(!is_there(&corpus, &Pin { checksum: "abd", ..PIN }));
        assert!(!is_there(&corpus, &Pin { keep: &["a.c"], ..PIN }));
    }

    #[test]
    fn every_project_has_a_manifest_and_a_program_of_ours() {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        for pin in PINS {
            assert!(ours.join(format!("{}.toml", pin.name)).is_file(), "{}", pin.name);
            assert!(ours.join(pin.name).is_dir(), "{}", pin.name);
        }
    }
}
