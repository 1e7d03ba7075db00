//! Which toolchain of Rust a proxy of `rustup` runs, read off from what `rustup` itself would read: nothing is asked.
//!
//! Source: the rustup book, "Overrides" and "Toolchains" (<https://rust-lang.github.io/rustup/overrides.html>). What counts
//! first is `+NAME` on the command line, then `RUSTUP_TOOLCHAIN`, then, from the directory upwards, an override in
//! `settings.toml` and a `rust-toolchain.toml` or `rust-toolchain` (in one directory in that order), then the default.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::consult;
use toml::{Table, Value};

use crate::desk::Desk;
use crate::find;

/// The names of the files that say which toolchain a directory wants. A file of the older name wins over one of the other.
const FILES: [&str; 2] = ["rust-toolchain", "rust-toolchain.toml"];

/// Whether the program at `path` is a proxy: a link to `rustup`, or the same file under another name.
pub(crate) fn is_proxy(path: &Path, desk: &mut Desk<'_>) -> bool {
    let real = find::canonical(path);
    if real.file_name() == Some(OsStr::new("rustup")) {
        return true;
    }
    let beside = real.with_file_name("rustup");
    if !desk.is_program(&beside) {
        return false;
    }
    match (desk.digest(&real), desk.digest(&beside)) {
        (Ok((_, one)), Ok((_, another))) => one == another,
        _ => false,
    }
}

/// The directory of the toolchain that a proxy runs in `directory`; `plus` is the `NAME` of a `+NAME`.
///
/// # Errors
/// There is none; the text says which.
pub(crate) fn toolchain(directory: &Path, plus: Option<&str>, desk: &Desk<'_>) -> Result<PathBuf, String> {
    let home = home(desk).ok_or("a toolchain: neither RUSTUP_HOME nor HOME is set")?;
    let settings = read(&home.join("settings.toml")).unwrap_or_default();
    let variable = desk.environment.get(OsStr::new("RUSTUP_TOOLCHAIN")).filter(|value| !value.is_empty());
    let named =
        plus.map(str::to_string).or_else(|| variable.map(|value| value.to_string_lossy().into_owned()));
    let wanted = match named {
        Some(name) => Some(Wanted::Name(name)),
        None => from_directories(directory, &settings)
            .or_else(|| Some(Wanted::Name(settings.get("default_toolchain")?.as_str()?.to_string()))),
    };
    match wanted {
        Some(Wanted::Path(path)) if consult::is_directory(&path) => Ok(path),
        Some(Wanted::Path(path)) => Err(format!("the toolchain `{}`", path.display())),
        Some(Wanted::Name(name)) => {
            installed(&home, &name, &settings).ok_or(format!("the toolchain `{name}` of rustup"))
        }
        None => Err("a default toolchain of rustup".into()),
    }
}

/// What a directory wants.
enum Wanted {
    /// A toolchain by its name.
    Name(String),
    /// One that lies here.
    Path(PathBuf),
}

fn home(desk: &Desk<'_>) -> Option<PathBuf> {
    let variable = |name: &str| desk.environment.get(OsStr::new(name)).filter(|value| !value.is_empty());
    let given = variable("RUSTUP_HOME").map(|home| desk.workspace().join(home));
    given.or_else(|| Some(Path::new(variable("HOME")?).join(".rustup")))
}

fn read(path: &Path) -> Option<Table> {
    String::from_utf8(consult::read(path).ok()?).ok()?.parse().ok()
}

/// What `directory` or one above it wants.
fn from_directories(directory: &Path, settings: &Table) -> Option<Wanted> {
    let overrides = settings.get("overrides").and_then(Value::as_table);
    directory.ancestors().find_map(|place| {
        let own =
            overrides.and_then(|table| table.get(std::str::from_utf8(place.as_os_str().as_bytes()).ok()?));
        if let Some(name) = own.and_then(Value::as_str) {
            return Some(Wanted::Name(name.to_string()));
        }
        FILES.iter().find_map(|name| from_file(&place.join(name)))
    })
}

/// What a toolchain file wants: a name in one line, or a table.
fn from_file(path: &Path) -> Option<Wanted> {
    if !consult::is_file(path) {
        return None;
    }
    let text = String::from_utf8(consult::read(path).ok()?).ok()?;
    let is_plain = !path.ends_with("rust-toolchain.toml") && text.trim().lines().count() == 1;
    if is_plain && !text.contains(['[', '=']) {
        return Some(Wanted::Name(text.trim().to_string()));
    }
    let table: Table = text.parse().ok()?;
    let toolchain = table.get("toolchain")?;
    let path_of = |text: &str| Wanted::Path(path.parent().unwrap_or(Path::new("/")).join(text));
    let given = toolchain.get("path").and_then(Value::as_str).map(path_of);
    given.or_else(|| Some(Wanted::Name(toolchain.get("channel")?.as_str()?.to_string())))
}

/// Where the toolchain `name` lies: a name without the host has it added.
fn installed(home: &Path, name: &str, settings: &Table) -> Option<PathBuf> {
    let toolchains = home.join("toolchains");
    let there = |name: &str| Some(toolchains.join(name)).filter(|path| consult::is_directory(path));
    let safe = !name.is_empty() && !name.contains('/') && name != "..";
    let host = settings.get("default_host_triple").and_then(Value::as_str).map(str::to_string);
    let host = host.unwrap_or_else(|| format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    there(name).or_else(|| there(&format!("{name}-{host}"))).filter(|_| safe)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make their own files")]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::fs;
    use std::io;

    use rekindle_fingerprint::files::Files;
    use rekindle_fingerprint::roots::Roots;

    use super::*;
    use crate::environment::Environment;
    use crate::probe::{Answer, Prober};

    /// Nothing is asked.
    struct Nobody;

    impl Prober for Nobody {
        fn run(&mut self, _: &Path, _: &[OsString], _: &Environment, _: &Path) -> io::Result<Answer> {
            panic!("a program was asked");
        }
    }

    struct Space {
        base: PathBuf,
        environment: Environment,
        _dir: tempfile::TempDir,
    }

    impl Space {
        fn new(settings: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let base = dir.path().canonicalize().unwrap();
            for name in ["stable-x86_64-unknown-linux-gnu", "nightly-x86_64-unknown-linux-gnu", "mine"] {
                fs::create_dir_all(base.join("home/toolchains").join(name)).unwrap();
            }
            fs::create_dir_all(base.join("ws/inner/deep")).unwrap();
            fs::write(base.join("home/settings.toml"), settings.replace("BASE", &base.display().to_string()))
                .unwrap();
            let environment = Environment::from([("RUSTUP_HOME".into(), base.join("home").into())]);
            Self { base, environment, _dir: dir }
        }

        fn with(mut self, name: &str, value: &str) -> Self {
            self.environment.insert(name.into(), value.into());
            self
        }

        fn file(self, name: &str, text: &str) -> Self {
            fs::write(self.base.join("ws").join(name), text).unwrap();
            self
        }

        fn found(&self, directory: &str, plus: Option<&str>) -> String {
            let workspace = self.base.join("ws");
            let mut files = Files::new(Roots::new(&workspace, workspace.join("build")));
            let mut memo = BTreeMap::new();
            let mut nobody = Nobody;
            let desk = Desk::new("tools", &self.environment, &mut files, &mut memo, &mut nobody);
            match toolchain(&workspace.join(directory), plus, &desk) {
                Ok(path) => path.strip_prefix(&self.base).unwrap().display().to_string(),
                Err(what) => format!("no {what}"),
            }
        }
    }

    const DEFAULT: &str =
        "default_toolchain = \"stable\"\ndefault_host_triple = \"x86_64-unknown-linux-gnu\"\n";
    const STABLE: &str = "home/toolchains/stable-x86_64-unknown-linux-gnu";
    const NIGHTLY: &str = "home/toolchains/nightly-x86_64-unknown-linux-gnu";

    #[test]
    fn the_default_counts_where_nothing_else_does() {
        assert_eq!(Space::new(DEFAULT).found("inner", None), STABLE);
        assert_eq!(Space::new("").found("inner", None), "no a default toolchain of rustup");
        assert_eq!(
            Space::new("default_toolchain = 1\n[[").found("", None),
            "no a default toolchain of rustup"
        );
    }

    #[test]
    fn the_nearest_of_overrides_and_toolchain_files_counts() {
        let settings = format!("{DEFAULT}[overrides]\n\"BASE/ws/inner\" = \"nightly\"\n");
        let space = Space::new(&settings).file("inner/rust-toolchain", "stable\n");
        assert_eq!(space.found("inner/deep", None), NIGHTLY);
        let space = space.file("inner/deep/rust-toolchain.toml", "[toolchain]\nchannel = \"mine\"\n");
        assert_eq!(space.found("inner/deep", None), "home/toolchains/mine");
        let space = space.file("inner/deep/rust-toolchain", "stable\n");
        assert_eq!(space.found("inner/deep", None), STABLE);
        assert_eq!(space.found("", None), STABLE);
    }

    #[test]
    fn a_toolchain_file_may_name_a_directory() {
        let space = Space::new(DEFAULT).file("rust-toolchain.toml", "[toolchain]\npath = \"inner\"\n");
        assert_eq!(space.found("inner/deep", None), "ws/inner");
    }

    #[test]
    fn the_variable_wins_over_files_and_the_command_line_over_the_variable() {
        let space = Space::new(DEFAULT).file("rust-toolchain", "mine").with("RUSTUP_TOOLCHAIN", "nightly");
        assert_eq!(space.found("", None), NIGHTLY);
        assert_eq!(space.found("", Some("mine")), "home/toolchains/mine");
        assert_eq!(space.with("RUSTUP_TOOLCHAIN", "").found("", None), "home/toolchains/mine");
    }

    #[test]
    fn one_that_is_not_installed_is_named() {
        assert_eq!(Space::new(DEFAULT).found("", Some("1.2.3")), "no the toolchain `1.2.3` of rustup");
        assert_eq!(
            Space::new(DEFAULT).found("", Some("../toolchains/mine")),
            "no the toolchain `../toolchains/mine` of rustup"
        );
    }
}
