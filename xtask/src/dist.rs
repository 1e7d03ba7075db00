//! `cargo xtask dist`: what is handed to people who do not build rekindle themselves: a static binary for Linux with
//! its completions, manual pages and licences in one archive, and the archive's SHA-256. The same commit gives the
//! same bytes again.

mod archive;
mod elf;
mod licences;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What is built for: the libraries of the system are in the binary (`crt-static`).
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The name of the system in the archive's name.
const SYSTEM: &str = "x86_64-linux";

/// The files of the project that go along.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// The script for each shell, and what that shell wants it to be called.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "rekindle.bash"), ("zsh", "_rekindle"), ("fish", "rekindle.fish")];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// This one, instead of building it.
    binary: Option<PathBuf>,
    /// Where the archive goes.
    out: Option<PathBuf>,
}

/// Builds, packs, and says what came out.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let wanted = parse(words)?;
    let out = wanted.out.unwrap_or_else(|| root.join("target/dist"));
    let binary = match wanted.binary {
        Some(binary) => binary,
        None => build(root)?,
    };
    let bytes = fs::read(&binary).map_err(|error| format!("read {}: {error}", binary.display()))?;
    elf::check_static(&bytes).map_err(|what| format!("{}: {what}", binary.display()))?;
    let licences = licences::collect(root, "rekindle-cli", TARGET)?;
    let archive = pack(root, &binary, &licences, time(root), &out)?;
    let size =
        fs::metadata(&archive).map_err(|error| format!("look at {}: {error}", archive.display()))?.len();
    println!("{}: {:.1} MB, and its .sha256 beside it", archive.display(), size as f64 / 1e6);
    Ok(())
}

fn parse(words: &[&str]) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let place = match *word {
            "--binary" => &mut wanted.binary,
            "--out" => &mut wanted.out,
            other => {
                return Err(format!("dist: `{other}` is not known; there are --binary PATH and --out DIR"));
            }
        };
        let value = words.next().ok_or_else(|| format!("dist: {word} wants a path"))?;
        *place = Some(PathBuf::from(value));
    }
    Ok(wanted)
}

/// Builds the binary: static, without symbols, and without the paths of this machine.
fn build(root: &Path) -> Result<PathBuf, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), PathBuf::from)
        .join("dist-build");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut flags: Vec<OsString> =
        ["-C", "target-feature=+crt-static", "-C", "strip=symbols"].map(Into::into).into();
    for (from, to) in [(Some(root.to_path_buf()), "/rekindle"), (home, "/cargo")] {
        let Some(from) = from else { continue };
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flags.push(flag);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--release", "--locked", "--package", "rekindle-cli", "--target", TARGET]);
    command.arg("--target-dir").arg(&target).current_dir(root);
    // Flags with blanks in them (a path) hold together only so.
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}".as_ref()));
    let status = command.status().map_err(|error| format!("start cargo build: {error}"))?;
    if !status.success() {
        return Err("cargo build has failed".to_owned());
    }
    Ok(target.join(TARGET).join("release/rekindle"))
}

/// The time that everything in the archive bears, in seconds since 1970: the commit's, unless somebody says another.
fn time(root: &Path) -> u64 {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok();
    let commit = || {
        let mut command = Command::new("git");
        command.args(["log", "-1", "--format=%ct"]).current_dir(root);
        let output = command.output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    said.or_else(commit).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Puts everything into a folder, and that into an archive in `out`; answers the archive's path.
fn pack(root: &Path, binary: &Path, licences: &str, time: u64, out: &Path) -> Result<PathBuf, String> {
    let name = format!("rekindle-{}-{SYSTEM}", version(binary)?);
    let scratch = out.join(".draft");
    remove(&scratch)?;
    let folder = scratch.join(&name);
    for paper in PAPERS {
        write(&folder.join(paper), &read(&root.join(paper))?)?;
    }
    write(&folder.join("LICENCES-OF-PARTS.txt"), licences.as_bytes())?;
    write(&folder.join("rekindle"), &read(binary)?)?;
    for (shell, file) in COMPLETIONS {
        let script = ask(Command::new(binary).args(["completions", shell]))?;
        write(&folder.join("completions").join(file), &script.stdout)?;
    }
    ask(Command::new(binary).arg("man").arg(folder.join("man/man1")))?;
    set_modes(&folder)?;
    let archive = archive::write(&scratch, &name, time, out)?;
    remove(&scratch)?;
    Ok(archive)
}

/// The version that a binary says it is.
fn version(binary: &Path) -> Result<String, String> {
    let said = String::from_utf8(ask(Command::new(binary).arg("--version"))?.stdout);
    let said = said.map_err(|_| format!("{}: its version is no text", binary.display()))?;
    let version = said.trim().strip_prefix("rekindle ").map(str::to_owned);
    version.ok_or_else(|| format!("{}: it says `{}` of its version", binary.display(), said.trim()))
}

/// Runs a command that must succeed.
fn ask(command: &mut Command) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("start {name}: {error}"))?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!("{name}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// Sets the modes of all files and folders, whatever the umask is.
fn set_modes(path: &Path) -> Result<(), String> {
    let trouble = |error: std::io::Error| format!("set the mode of {}: {error}", path.display());
    let runs = path.is_dir() || path.file_name().is_some_and(|name| name == "rekindle");
    let mode = if runs { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(trouble)?;
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(trouble)? {
            set_modes(&entry.map_err(trouble)?.path())?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("read {}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    fs::write(path, bytes).map_err(|error| format!("write {}: {error}", path.display()))
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in for rekindle: says its version, completions and manual pages.
    const STAND_IN: &str = "#!/bin/sh\ncase $1 in\n--version) echo rekindle 1.2.3 ;;\ncompletions) echo \"for $2\" ;;\n\
         man) mkdir -p $2; echo page >$2/rekindle.1; echo page >$2/rekindle-build.1 ;;\n*) exit 2 ;;\nesac\n";

    fn stand_in(folder: &Path, text: &str) -> PathBuf {
        // Another process writes it: a file that is open for writing, in a child too, cannot be executed.
        fs::write(folder.join("text"), text).unwrap();
        ask(Command::new("install")
            .args(["-m", "700"])
            .arg(folder.join("text"))
            .arg(folder.join("stand-in")))
        .unwrap();
        folder.join("stand-in")
    }

    fn root() -> PathBuf {
        crate::workspace()
    }

    fn listing(archive: &Path) -> String {
        let mut command = Command::new("tar");
        command.args(["--utc", "--full-time", "-tvzf"]).arg(archive);
        let text = String::from_utf8(ask(&mut command).unwrap().stdout).unwrap();
        let line = |line: &str| {
            let parts: Vec<&str> = line.split_whitespace().collect();
            // Without the sizes of files that change with the project.
            format!("{} {} {} {} {}\n", parts[0], parts[1], parts[3], parts[4], parts[5])
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn the_archive_holds_what_people_install_and_says_nothing_of_who_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let binary = stand_in(folder.path(), STAND_IN);
        let out = folder.path().join("out");
        let archive = pack(&root(), &binary, "MIT", 1_000_000_000, &out).unwrap();
        assert_eq!(archive, out.join("rekindle-1.2.3-x86_64-linux.tar.gz"));
        let top = "rekindle-1.2.3-x86_64-linux";
        let folder = |name: &str| format!("drwxr-xr-x 0/0 2001-09-09 01:46:40 {top}/{name}\n");
        let file = |name: &str| format!("-rw-r--r-- 0/0 2001-09-09 01:46:40 {top}/{name}\n");
        let expected = [
            folder(""),
            file("CHANGELOG.md"),
            file("LICENCES-OF-PARTS.txt"),
            file("LICENSE-APACHE"),
            file("LICENSE-MIT"),
            file("README.md"),
            folder("completions/"),
            file("completions/_rekindle"),
            file("completions/rekindle.bash"),
            file("completions/rekindle.fish"),
            folder("man/"),
            folder("man/man1/"),
            file("man/man1/rekindle-build.1"),
            file("man/man1/rekindle.1"),
            format!("-rwxr-xr-x 0/0 2001-09-09 01:46:40 {top}/rekindle\n"),
        ];
        assert_eq!(listing(&archive), expected.concat());
        let names: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn two_runs_give_the_same_bytes_and_the_sum_fits() {
        let folder = tempfile::tempdir().unwrap();
        let binary = stand_in(folder.path(), STAND_IN);
        let run = |out: &str| pack(&root(), &binary, "MIT", 1_000_000_000, &folder.path().join(out)).unwrap();
        let (one, two) = (run("one"), run("two"));
        assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap());
        let check = || {
            let mut command = Command::new("sha256sum");
            command.args(["--check", "--strict", "rekindle-1.2.3-x86_64-linux.tar.gz.sha256"]);
            ask(command.current_dir(folder.path().join("one")))
        };
        check().unwrap();
        fs::write(&one, "other").unwrap();
        check().unwrap_err();
    }

    #[test]
    fn a_binary_that_does_not_say_its_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let binary = stand_in(folder.path(), "#!/bin/sh\necho other 1.2.3\n");
        let refused = pack(&root(), &binary, "", 0, &folder.path().join("out")).unwrap_err();
        assert!(refused.ends_with("it says `other 1.2.3` of its version"), "{refused}");
    }

    #[test]
    fn what_is_asked_for_is_understood_or_refused() {
        let wanted = parse(&["--binary", "a", "--out", "b"]).unwrap();
        assert_eq!(wanted, Wanted { binary: Some("a".into()), out: Some("b".into()) });
        assert!(parse(&["--out"]).is_err() && parse(&["b"]).is_err());
    }
}
