//! Finding compilers and their siblings by name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rekindle_fingerprint::action::Arg;
use rekindle_fingerprint::consult;

use crate::desk::Desk;
use crate::error::ToolchainError;
use crate::on_path::which;
use crate::request::Spec;

/// A compiler's name taken apart: `avr-` `gcc` `-5.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'n> {
    /// The target with its dash, or nothing.
    pub(crate) prefix: &'n str,
    /// `gcc`, `clang++`, ...
    pub(crate) stem: &'n str,
    /// The version with its dash, or nothing.
    pub(crate) suffix: &'n str,
}

const STEMS: [(&str, &str); 3] = [("gcc", "g++"), ("clang", "clang++"), ("cc", "c++")];

impl<'n> Name<'n> {
    /// Takes a file name apart; `None` if it is not a compiler's.
    pub(crate) fn parse(name: &'n OsStr) -> Option<Self> {
        let name = name.to_str()?;
        let version = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_digit() || c == '.')
        };
        let (rest, suffix) = match name.rsplit_once('-') {
            Some((rest, last)) if version(last) => (rest, &name[rest.len()..]),
            _ => (name, ""),
        };
        let start = rest.rfind('-').map_or(0, |at| at + 1);
        let (prefix, stem) = rest.split_at(start);
        STEMS.iter().any(|(c, cxx)| stem == *c || stem == *cxx).then_some(Self { prefix, stem, suffix })
    }

    /// Whether it is the C++ driver's name.
    pub(crate) fn is_cxx(self) -> bool {
        self.stem.ends_with("++")
    }

    /// The name of the C++ driver beside it.
    pub(crate) fn cxx(self) -> String {
        let stem = STEMS.iter().find(|(c, _)| *c == self.stem).map_or(self.stem, |(_, cxx)| cxx);
        format!("{}{stem}{}", self.prefix, self.suffix)
    }
}

/// A compiler as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The place at which the search ended, in the spelling of `PATH` or of the person.
    pub(crate) spelled: PathBuf,
    /// The same file, behind the links that mean nothing to it: this is what runs.
    pub(crate) program: PathBuf,
    /// A program such as `ccache` that runs it.
    pub(crate) launcher: Option<PathBuf>,
    /// The arguments that came with its name.
    pub(crate) words: Vec<Arg>,
}

/// The compilers of `spec`: the C compiler, and the C++ compiler if there is one.
pub(crate) fn compilers(spec: &Spec, desk: &Desk<'_>) -> Result<(Found, Option<Found>), ToolchainError> {
    let from_environment = |name: &str| {
        if spec.name != "host" {
            return None;
        }
        desk.environment.get(OsStr::new(name)).filter(|value| !value.is_empty()).cloned()
    };
    let given = |own: &Option<String>, name: &str| match own {
        Some(text) => Some(OsString::from(text)),
        // A person who sets the compiler in the manifest does not mean the environment's other compiler.
        None if spec.cc.is_some() && name != "CC" => None,
        None => from_environment(name),
    };
    let cc = match given(&spec.cc, "CC") {
        Some(text) => named(&text, "C compiler", desk)?,
        None => default(spec, desk)?,
    };
    let cxx = match given(&spec.cxx, "CXX") {
        Some(text) => Some(named(&text, "C++ compiler", desk)?),
        None => sibling_cxx(&cc, desk),
    };
    Ok((cc, cxx))
}

/// The program and arguments that a person wrote.
fn named(text: &OsStr, role: &'static str, desk: &Desk<'_>) -> Result<Found, ToolchainError> {
    let mut words = words(text, desk)?;
    let first = words.remove(0);
    let program = search(&[&first], role, "name a compiler that is installed, or give its path", desk)?;
    let is_compiler = program.file_name().and_then(Name::parse).is_some();
    let second = words.first().map(|word| Path::new(word).file_name().unwrap_or(word.as_os_str()));
    if !is_compiler && second.and_then(Name::parse).is_some() {
        let second = words.remove(0);
        let mut found = found(search(&[&second], role, "name a compiler that is installed", desk)?, words);
        found.launcher = Some(program);
        return Ok(found);
    }
    Ok(found(program, words))
}

fn words(text: &OsStr, desk: &Desk<'_>) -> Result<Vec<OsString>, ToolchainError> {
    let wrong = || ToolchainError::Words {
        toolchain: desk.toolchain.into(),
        text: text.to_string_lossy().into_owned(),
    };
    // A path that holds spaces is taken whole if it is there.
    if text.as_bytes().contains(&b'/') && desk.is_program(&desk.workspace().join(text)) {
        return Ok(vec![text.to_os_string()]);
    }
    match text.to_str() {
        Some(text) => {
            let words = rekindle_exec::split(text).filter(|words| !words.is_empty()).ok_or_else(wrong)?;
            Ok(words.into_iter().map(OsString::from).collect())
        }
        None => {
            let words: Vec<_> = text
                .as_bytes()
                .split(|byte| *byte == b' ')
                .filter(|word| !word.is_empty())
                .map(|word| OsStr::from_bytes(word).to_os_string())
                .collect();
            if words.is_empty() { Err(wrong()) } else { Ok(words) }
        }
    }
}

/// The compiler that nobody named.
fn default(spec: &Spec, desk: &Desk<'_>) -> Result<Found, ToolchainError> {
    let Some(target) = &spec.target else {
        let hint = "install gcc or clang, or name a compiler in CC or as `cc` of the toolchain";
        let names = ["cc", "gcc", "clang"].map(OsStr::new);
        return Ok(found(search(&names, "C compiler", hint, desk)?, Vec::new()));
    };
    let own = OsString::from(format!("{target}-gcc"));
    let hint = "install the cross compiler, or name it as `cc` of the toolchain";
    let program = search(&[&own, OsStr::new("clang")], "C compiler", hint, desk)?;
    Ok(found(program, Vec::new()))
}

fn found(spelled: PathBuf, words: Vec<OsString>) -> Found {
    let program = follow(&spelled);
    Found { spelled, program, launcher: None, words: words.iter().map(Arg::text).collect() }
}

fn search(
    names: &[&OsStr],
    role: &'static str,
    hint: &str,
    desk: &Desk<'_>,
) -> Result<PathBuf, ToolchainError> {
    if let [name] = names
        && name.as_bytes().contains(&b'/')
    {
        return on_path(name, desk).ok_or_else(|| ToolchainError::NotThere {
            toolchain: desk.toolchain.into(),
            role,
            path: desk.workspace().join(name),
            hint: hint.into(),
        });
    }
    names.iter().find_map(|name| on_path(name, desk)).ok_or_else(|| ToolchainError::NotFound {
        toolchain: desk.toolchain.into(),
        role,
        names: names.iter().map(|name| name.to_string_lossy().into_owned()).collect(),
        directories: path_directories(desk),
        hint: hint.into(),
    })
}

/// `PATH`, or nothing.
pub(crate) fn path_variable(desk: &Desk<'_>) -> OsString {
    desk.environment.get(OsStr::new("PATH")).cloned().unwrap_or_default()
}

/// The directories of `PATH`, for people.
pub(crate) fn path_directories(desk: &Desk<'_>) -> Vec<PathBuf> {
    let path = path_variable(desk);
    std::env::split_paths(&path).filter(|directory| !directory.as_os_str().is_empty()).collect()
}

/// Looks for `name` on `PATH`.
pub(crate) fn on_path(name: &OsStr, desk: &Desk<'_>) -> Option<PathBuf> {
    which(name, &path_variable(desk), &desk.workspace(), |place| desk.is_program(place))
}

/// Looks for the program `name` in `directories`, then on `PATH`.
pub(crate) fn in_directories(name: &str, directories: &[PathBuf], desk: &Desk<'_>) -> Option<PathBuf> {
    within(name, directories, desk).or_else(|| on_path(OsStr::new(name), desk))
}

/// Looks for the program `name` in `directories`.
pub(crate) fn within(name: &str, directories: &[PathBuf], desk: &Desk<'_>) -> Option<PathBuf> {
    directories.iter().map(|directory| directory.join(name)).find(|place| desk.is_program(place))
}

/// The files that a script's text names, as far as that can be read off: paths (from `/`, from its own directory, or
/// behind a variable that may stand for that), and programs on `PATH`. Each may be what it runs.
pub(crate) fn named_in_script(script: &Path, desk: &Desk<'_>) -> Vec<PathBuf> {
    const MOST: usize = 64;
    let text = consult::read(script).unwrap_or_default();
    let own = canonical(script).parent().unwrap_or(Path::new("/")).to_path_buf();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte) || byte >= 0x80;
    let mut found: Vec<PathBuf> = Vec::new();
    for word in text.split(|byte| !is_name(*byte)).filter(|word| !word.is_empty()) {
        let name = Path::new(OsStr::from_bytes(word));
        // Behind a variable, `/name` is below some directory.
        let below = OsStr::from_bytes(word.strip_prefix(b"/").unwrap_or(word));
        let by_path = || vec![name.to_path_buf(), own.join(below), desk.workspace().join(below)];
        let places = match word.contains(&b'/') {
            true => by_path(),
            false => on_path(OsStr::from_bytes(word), desk).into_iter().chain([own.join(name)]).collect(),
        };
        for place in places {
            let is_file = place.is_absolute() && desk.is_file(&place);
            if is_file && place != script && !found.contains(&place) && found.len() < MOST {
                found.push(place);
            }
        }
    }
    found
}

/// The C++ driver beside a C driver: in the directory where that was found, or where its links lead.
fn sibling_cxx(cc: &Found, desk: &Desk<'_>) -> Option<Found> {
    [&cc.spelled, &cc.program].into_iter().find_map(|place| {
        let name = Name::parse(place.file_name()?)?;
        let beside = place.parent()?.join(name.cxx());
        if !desk.is_program(&beside) {
            return None;
        }
        let mut cxx = found(beside, Vec::new());
        cxx.words = cc.words.clone();
        cxx.launcher = cc.launcher.clone();
        Some(cxx)
    })
}

/// A program beside a compiler, by the name that `of` makes from the compiler's.
pub(crate) fn sibling(compiler: &Found, of: impl Fn(Name<'_>) -> String, desk: &Desk<'_>) -> Option<PathBuf> {
    [&compiler.spelled, &compiler.program].into_iter().find_map(|place| {
        let name = Name::parse(place.file_name()?)?;
        let beside = place.parent()?.join(of(name));
        desk.is_program(&beside).then(|| canonical(&beside))
    })
}

/// The archiver that a person named, with its arguments.
pub(crate) fn archiver(text: &OsStr, desk: &Desk<'_>) -> Result<(PathBuf, Vec<Arg>), ToolchainError> {
    let mut words = words(text, desk)?;
    let first = words.remove(0);
    let program = search(&[&first], "archiver", "install binutils, or give the archiver's path", desk)?;
    Ok((follow_archiver(&program), words.iter().map(Arg::text).collect()))
}

/// Follows the links at `path` as long as the next name means the same to a compiler. A gcc takes nothing from its
/// name; a clang takes the language and the target from it; a wrapper takes everything.
pub(crate) fn follow(path: &Path) -> PathBuf {
    follow_while(path, |from, to| match (Name::parse(from), Name::parse(to)) {
        (Some(from), Some(to)) if from.stem.contains("clang") || to.stem.contains("clang") => {
            let plain = |name: Name<'_>| !from.stem.contains("clang") || name.prefix == from.prefix;
            from.is_cxx() == to.is_cxx() && plain(to)
        }
        (Some(from), Some(to)) => from.is_cxx() == to.is_cxx(),
        _ => false,
    })
}

/// The same for an archiver: `llvm-ar` may be a link to a program that is several.
pub(crate) fn follow_archiver(path: &Path) -> PathBuf {
    follow_while(path, |_, to| to.as_bytes().ends_with(b"ar"))
}

fn follow_while(path: &Path, same: impl Fn(&OsStr, &OsStr) -> bool) -> PathBuf {
    let mut place = in_real_directory(path);
    for _ in 0..40 {
        let Some(target) = consult::link_target(&place) else { break };
        let next = in_real_directory(&place.parent().unwrap_or(Path::new("/")).join(target));
        // What lies between, such as a link in /etc/alternatives, may have any name.
        let (Some(from), Some(to)) = (place.file_name(), next.file_name()) else { break };
        if !same(from, to) {
            break;
        }
        place = next;
    }
    place
}

fn in_real_directory(path: &Path) -> PathBuf {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => canonical(parent).join(name),
        _ => path.to_path_buf(),
    }
}

/// `path` without links in it; `path` itself if nothing is there.
pub(crate) fn canonical(path: &Path) -> PathBuf {
    consult::canonical(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compilers_name_is_taken_apart() {
        let parts = |name: &'static str| Name::parse(OsStr::new(name)).map(|n| (n.prefix, n.stem, n.suffix));
        assert_eq!(parts("gcc"), Some(("", "gcc", "")));
        assert_eq!(parts("x86_64-linux-gnu-g++-12"), Some(("x86_64-linux-gnu-", "g++", "-12")));
        assert_eq!(parts("clang++-14.0"), Some(("", "clang++", "-14.0")));
        assert_eq!(parts("avr-gcc"), Some(("avr-", "gcc", "")));
        assert_eq!(parts("ccache"), None);
        assert_eq!(parts("gcc-ar"), None);
        assert_eq!(Name::parse(OsStr::new("avr-gcc-5.4")).unwrap().cxx(), "avr-g++-5.4");
        assert_eq!(Name::parse(OsStr::new("cc")).unwrap().cxx(), "c++");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn links_are_followed_until_the_name_would_mean_something_else() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for name in ["clang", "gcc-12", "ccache"] {
            std::fs::write(base.join(name), "").unwrap();
        }
        let links = [
            ("cc", "gcc"),
            ("gcc", "gcc-12"),
            ("clang++", "clang"),
            ("avr-clang", "clang"),
            ("g++", "ccache"),
        ];
        for (link, target) in links {
            symlink(target, base.join(link)).unwrap();
        }
        let followed =
            |name: &str| follow(&base.join(name)).file_name().unwrap().to_str().unwrap().to_string();
        assert_eq!(followed("cc"), "gcc-12");
        assert_eq!(followed("clang++"), "clang++");
        assert_eq!(followed("avr-clang"), "avr-clang");
        assert_eq!(followed("g++"), "g++");
    }
}
