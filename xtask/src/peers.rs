//! `cargo xtask peers`: installs what rekindle is measured against, from the registries that carry it, and tells the
//! versions. The engines that Debian has come from there, a newer ninja from PyPI, compiler caches from crates.io.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::machine::{self, Tool};
use crate::bench::options;

/// A registry and what a peer is called there.
enum Registry {
    /// A package of the distribution.
    Debian(&'static str),
    /// Into a virtual environment.
    Python(&'static str),
    /// By `cargo install`; features other than the ones named are left out if there is a list.
    Crates(&'static str, &'static [&'static str]),
}

struct Peer {
    /// Its name here, for `--peer` and `--without`.
    name: &'static str,
    program: &'static str,
    from: Registry,
}

/// What takes long comes last.
const PEERS: &[Peer] = &[
    Peer { name: "ninja-debian", program: "ninja", from: Registry::Debian("ninja-build") },
    Peer { name: "ccache", program: "ccache", from: Registry::Debian("ccache") },
    Peer { name: "samurai", program: "samu", from: Registry::Debian("samurai") },
    Peer { name: "tup", program: "tup", from: Registry::Debian("tup") },
    Peer { name: "make", program: "make", from: Registry::Debian("make") },
    Peer { name: "strace", program: "strace", from: Registry::Debian("strace") },
    Peer { name: "ninja", program: "ninja", from: Registry::Python("ninja") },
    // Its other features are storage on servers of many kinds.
    Peer {
        name: "sccache",
        program: "sccache",
        from: Registry::Crates("sccache", &["--no-default-features"]),
    },
    Peer { name: "kache", program: "kache", from: Registry::Crates("kache", &[]) },
];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Nothing is installed.
    list: bool,
    without: Vec<String>,
    jobs: Option<String>,
    named: Vec<(String, PathBuf)>,
}

/// Installs and lists.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let wanted = parse(words)?;
    let mut lines = Vec::new();
    for peer in PEERS.iter().filter(|peer| !wanted.without.iter().any(|name| name == peer.name)) {
        let named = wanted.named.iter().find(|(name, _)| name == peer.name);
        let failed = match (place(root, peer), named) {
            (None, None) if !wanted.list => install(root, peer, wanted.jobs.as_deref()).err(),
            _ => None,
        };
        lines.push(match named.map(|(_, path)| path.clone()).or_else(|| place(root, peer)) {
            Some(path) => told(peer.name, &path),
            None => format!(
                "{:<13} not installed{}",
                peer.name,
                failed.map(|why| format!(": {why}")).unwrap_or_default()
            ),
        });
    }
    let others = wanted.named.iter().filter(|(name, _)| !PEERS.iter().any(|peer| peer.name == name));
    lines.extend(others.map(|(name, path)| told(name, path)));
    println!("{}", lines.join("\n"));
    Ok(())
}

fn told(name: &str, path: &Path) -> String {
    let version = Tool::ask(name, path).version.unwrap_or_else(|| "does not run".to_owned());
    format!("{name:<13} {version:<40} {}", path.display())
}

fn parse(words: &[&str]) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("peers: {word} needs a value"));
        match *word {
            "--list" => wanted.list = true,
            "--without" => {
                let name = value()?;
                if !PEERS.iter().any(|peer| peer.name == *name) {
                    let names: Vec<&str> = PEERS.iter().map(|peer| peer.name).collect();
                    return Err(format!("peers: there is no {name}; there are {}", names.join(", ")));
                }
                wanted.without.push((*name).to_owned());
            }
            "--jobs" => wanted.jobs = Some((*value()?).to_owned()),
            "--peer" => wanted.named.push(options::peer(value()?)?),
            _ => return Err(format!("peers: there is no option {word}")),
        }
    }
    Ok(wanted)
}

/// The program of a peer: one that is named, one that was installed here, one on `PATH`.
pub(crate) fn find(root: &Path, name: &str, named: &[(String, PathBuf)]) -> Option<PathBuf> {
    if let Some((_, path)) = named.iter().find(|(other, _)| other == name) {
        return Some(path.clone());
    }
    let peer = PEERS.iter().find(|peer| peer.name == name)?;
    place(root, peer).or_else(|| machine::on_path(peer.program))
}

/// Where a peer lies if it was installed from its registry.
fn place(root: &Path, peer: &Peer) -> Option<PathBuf> {
    let path = match peer.from {
        Registry::Debian(_) => return machine::on_path(peer.program),
        Registry::Python(_) => folder(root).join("python/bin").join(peer.program),
        Registry::Crates(..) => folder(root).join("bin").join(peer.program),
    };
    path.is_file().then_some(path)
}

fn folder(root: &Path) -> PathBuf {
    root.join("target/bench/peers")
}

fn install(root: &Path, peer: &Peer, jobs: Option<&str>) -> Result<(), String> {
    eprintln!("peers: {}", peer.name);
    match peer.from {
        Registry::Debian(package) => {
            let apt = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package];
            // As root, or by way of sudo where that asks for nothing.
            let line =
                if is_root() { apt.to_vec() } else { [&["sudo", "--non-interactive"], &apt[..]].concat() };
            done(Command::new(line[0]).args(&line[1..]).env("DEBIAN_FRONTEND", "noninteractive"))
        }
        Registry::Python(package) => {
            let environment = folder(root).join("python");
            done(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            let pip = environment.join("bin/pip");
            done(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", package]))
        }
        Registry::Crates(package, flags) => {
            let install = |locked: &[&str]| {
                let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
                let mut command = Command::new(cargo);
                command.args(["install", "--quiet", "--root"]).arg(folder(root)).args(locked).args(flags);
                if let Some(jobs) = jobs {
                    command.args(["--jobs", jobs]);
                }
                done(command.arg(package))
            };
            // A mirror of the registry may not have all that the package's lock file names yet.
            install(&["--locked"]).or_else(|locked| {
                eprintln!("peers: {}: as locked: {locked}; trying without its lock file", peer.name);
                install(&[])
            })
        }
    }
}

/// Runs a command; if it fails, the line that it printed about that says why.
fn done(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("start {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("{program}: {}", reason(&text)))
}

/// The first line that is marked as an error, else the last one.
fn reason(text: &str) -> &str {
    let marked = text.lines().find(|line| line.starts_with("error") || line.starts_with("E: "));
    let line = marked.or_else(|| text.lines().rev().find(|line| !line.trim().is_empty()));
    line.map_or("no reason given", str::trim)
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_wrong_ones_are_named() {
        let wanted = parse(&["--without", "kache", "--peer", "n2=/x/n2", "--jobs", "1", "--list"]).unwrap();
        assert_eq!(wanted.without, ["kache"]);
        assert_eq!(wanted.named, [("n2".to_owned(), PathBuf::from("/x/n2"))]);
        assert_eq!((wanted.jobs.as_deref(), wanted.list), (Some("1"), true));
        assert!(
            parse(&["--without", "x"])
                .unwrap_err()
                .starts_with("peers: there is no x; there are ninja-debian")
        );
        assert_eq!(parse(&["--peer"]).unwrap_err(), "peers: --peer needs a value");
        assert_eq!(parse(&["x"]).unwrap_err(), "peers: there is no option x");
    }

    #[test]
    fn the_reason_is_the_line_that_is_marked_as_an_error() {
        assert_eq!(reason("Updating\nerror: no x\nnote: y\n"), "error: no x");
        assert_eq!(reason("one\ntwo\n\n"), "two");
        assert_eq!(reason(""), "no reason given");
    }

    #[test]
    fn a_named_peer_comes_before_an_installed_one_and_that_before_the_one_on_path() {
        let root = tempfile::tempdir().unwrap();
        let named = [("ninja".to_owned(), PathBuf::from("/x/ninja"))];
        assert_eq!(find(root.path(), "ninja", &named), Some(PathBuf::from("/x/ninja")));
        let installed = folder(root.path()).join("python/bin/ninja");
        std::fs::create_dir_all(installed.parent().unwrap()).unwrap();
        std::fs::write(&installed, "").unwrap();
        assert_eq!(find(root.path(), "ninja", &[]), Some(installed));
        assert_eq!(find(root.path(), "nobody", &[]), None);
    }
}
