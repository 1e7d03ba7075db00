//! The environment that commands run in: one table with three classes, and a reason for each variable.
//!
//! * *keyed*: it can change a result, so it is part of the key and is set to exactly what was keyed;
//! * *passed*: a program may need it, and it cannot change a result (or, as `PATH`, does so only through programs
//!   whose content is in the toolchain's identity), so it is handed on and not keyed;
//! * every other variable is removed.
//!
//! Besides, every command gets [`LOCALE`], so that messages (and what a script sorts) do not depend on the person.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rekindle_fingerprint::action::{ActionKind, Arg, Piece};
use rekindle_fingerprint::files::Files;

/// The environment variables of the person, as the command line found them.
pub type Environment = BTreeMap<OsString, OsString>;

/// The variable and the value that fix the language and the character set of every command. `C.UTF-8` keeps
/// messages untranslated and lets names that are not ASCII through.
pub const LOCALE: (&str, &str) = ("LC_ALL", "C.UTF-8");

/// What is done with a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// In the key of the kinds in this set, and set to the keyed value.
    Keyed(Kinds),
    /// Handed on, in no key.
    Passed,
}

/// A set of kinds of action. Custom commands are in every set, because they may run any compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    const COMPILE: Self = Self(1);
    const LINK: Self = Self(2);
    const COMPILE_AND_LINK: Self = Self(3);
    const ALL: Self = Self(7);

    /// Whether actions of `kind` are in the set.
    pub fn holds(self, kind: ActionKind) -> bool {
        let bit = match kind {
            ActionKind::Compile => 1,
            ActionKind::Link => 2,
            ActionKind::Archive => 4,
            ActionKind::Custom | ActionKind::AutoArchive => return true,
        };
        self.0 & bit != 0
    }
}

/// How a value is made of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It is no path.
    Text,
    /// It is one path.
    Path,
    /// It is a list of paths with colons between them.
    Paths,
    /// The same, and what is absolute stays so: it is used in other directories too than that of the command.
    Places,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name; a `*` at the end stands for any ending.
    pub name: &'static str,
    /// What is done with it.
    pub class: Class,
    /// What its value is made of.
    pub shape: Shape,
    /// Whether a keyed one is handed on to kinds too that are not keyed by it: what it does to them is in the identity
    /// of their programs by content.
    pub handed_on: bool,
    /// Why it is in this class.
    pub reason: &'static str,
}

const fn keyed(name: &'static str, kinds: Kinds, shape: Shape, reason: &'static str) -> Variable {
    Variable { name, class: Class::Keyed(kinds), shape, handed_on: false, reason }
}

const fn passed(name: &'static str, reason: &'static str) -> Variable {
    Variable { name, class: Class::Passed, shape: Shape::Text, handed_on: true, reason }
}

/// The table. Removed on purpose, for example: `DEPENDENCIES_OUTPUT` and `SUNPRO_DEPENDENCIES` (they take the place
/// of the depfile), `GCC_COLORS` and `LANG` (they would show in kept messages), `CFLAGS` and its like (front-ends
/// read them), `CCC_OVERRIDE_OPTIONS` (it edits the command line behind our back).
pub const TABLE: &[Variable] = &[
    keyed("CPATH", Kinds::COMPILE, Shape::Paths, "searched for headers, as by -I"),
    keyed("C_INCLUDE_PATH", Kinds::COMPILE, Shape::Paths, "searched for C headers, as by -isystem"),
    keyed("CPLUS_INCLUDE_PATH", Kinds::COMPILE, Shape::Paths, "searched for C++ headers, as by -isystem"),
    keyed("COMPILER_PATH", Kinds::COMPILE_AND_LINK, Shape::Paths, "searched for cc1, as and ld"),
    keyed(
        "GCC_EXEC_PREFIX",
        Kinds::COMPILE_AND_LINK,
        Shape::Text,
        "moves the search for cc1, as, ld and specs",
    ),
    keyed("LIBRARY_PATH", Kinds::LINK, Shape::Paths, "searched for libraries, as by -L"),
    keyed("LD_RUN_PATH", Kinds::LINK, Shape::Places, "becomes a run path of what is linked"),
    keyed("LDEMULATION", Kinds::LINK, Shape::Text, "picks the linker's emulation"),
    keyed("GNUTARGET", Kinds::ALL, Shape::Text, "picks the object format of binutils"),
    keyed("COLLECT_NO_DEMANGLE", Kinds::LINK, Shape::Text, "changes the linker's messages"),
    keyed("GCC_COMPARE_DEBUG", Kinds::COMPILE, Shape::Text, "compiles twice and compares"),
    keyed("SOURCE_DATE_EPOCH", Kinds::ALL, Shape::Text, "stands for the time in __DATE__ and __TIME__"),
    keyed("ZERO_AR_DATE", Kinds::ALL, Shape::Text, "takes the dates out of archives"),
    // Links search it for what shared libraries need; custom commands may run anything.
    Variable {
        handed_on: true,
        ..keyed("LD_LIBRARY_PATH", Kinds::LINK, Shape::Places, "picks the libraries that programs load")
    },
    keyed(
        "CLANG_CONFIG_FILE_SYSTEM_DIR",
        Kinds::COMPILE_AND_LINK,
        Shape::Path,
        "searched for clang's configuration",
    ),
    keyed(
        "CLANG_CONFIG_FILE_USER_DIR",
        Kinds::COMPILE_AND_LINK,
        Shape::Path,
        "searched for clang's configuration",
    ),
    keyed("CLANG_NO_DEFAULT_CONFIG", Kinds::COMPILE_AND_LINK, Shape::Text, "ignores clang's configuration"),
    passed("PATH", "what is found by it is in the toolchain's identity by content"),
    passed("TMPDIR", "only where temporary files lie"),
    passed("TMP", "only where temporary files lie"),
    passed("TEMP", "only where temporary files lie"),
    passed("HOME", "programs ask for it and no compiler reads below it"),
    passed("PWD", "the engine sets it to the directory in which the command runs"),
    passed("MAKEFLAGS", "the engine sets it to the jobserver's address"),
    passed("USER", "programs ask for it"),
    passed("LOGNAME", "programs ask for it"),
    passed("SHELL", "programs ask for it"),
    passed("XDG_RUNTIME_DIR", "only where sockets lie"),
    passed("XDG_CACHE_HOME", "only where caches lie"),
    passed("CCACHE_*", "settings of a wrapper, whose actions are local"),
    passed("SCCACHE_*", "settings of a wrapper, whose actions are local"),
    passed("DISTCC_*", "settings of a wrapper, whose actions are local"),
    passed("ICECC_*", "settings of a wrapper, whose actions are local"),
    passed("CARGO_HOME", "only where a build tool keeps what it downloaded"),
    passed("RUSTUP_HOME", "only where a build tool keeps its compilers"),
    passed("LD_PRELOAD", "test harnesses and sandboxes need it to reach their children"),
];

/// The row for a variable; `None` if it is removed.
pub fn variable(name: &OsStr) -> Option<&'static Variable> {
    TABLE.iter().find(|row| match row.name.as_bytes() {
        [prefix @ .., b'*'] => name.as_bytes().starts_with(prefix),
        whole => name.as_bytes() == whole,
    })
}

/// The keyed variables of `environment` for actions of `kind`, sorted by name, with [`LOCALE`]. Absolute paths in
/// them are named by their roots; a relative one stays as it is, for the command runs where it was meant.
pub fn keyed_for(environment: &Environment, kind: ActionKind, files: &mut Files) -> Vec<(OsString, Arg)> {
    let mut list: Vec<(OsString, Arg)> = environment
        .iter()
        .filter_map(|(name, value)| {
            let row = variable(name)?;
            let Class::Keyed(kinds) = row.class else { return None };
            kinds.holds(kind).then(|| (name.clone(), named(value, row.shape, files)))
        })
        .collect();
    list.push((LOCALE.0.into(), Arg::text(LOCALE.1)));
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

/// Whether a variable that is handed on reaches commands of `kind` without being in their keys.
pub fn reaches(name: &OsStr, kind: ActionKind) -> bool {
    variable(name).is_none_or(|row| match row.class {
        Class::Passed => true,
        Class::Keyed(kinds) => row.handed_on && !kinds.holds(kind),
    })
}

/// The variables of `environment` that are handed on, to the kinds of commands that [`reaches`] tells.
pub fn passed_on(environment: &Environment) -> impl Iterator<Item = (&OsString, &OsString)> {
    environment.iter().filter(|(name, _)| variable(name).is_some_and(|row| row.handed_on))
}

fn named(value: &OsStr, shape: Shape, files: &mut Files) -> Arg {
    let mut arg = Arg::default();
    let parts: Vec<&[u8]> = match shape {
        Shape::Text => return Arg::text(value),
        Shape::Path => vec![value.as_bytes()],
        Shape::Paths | Shape::Places => value.as_bytes().split(|byte| *byte == b':').collect(),
    };
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            arg = arg.then_text(":");
        }
        let path = Path::new(OsStr::from_bytes(part));
        arg = arg.then(match path.is_absolute() {
            true if shape == Shape::Places => Piece::Absolute(files.path_abs(path)),
            true => Piece::Path(files.path_abs(path)),
            false => Piece::Text(part.to_vec()),
        });
    }
    arg
}

#[cfg(test)]
mod tests {
    use super::*;
    use rekindle_fingerprint::action::Spelling;
    use rekindle_fingerprint::roots::Roots;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn shown(environment: &Environment, kind: ActionKind) -> Vec<String> {
        let mut files = Files::new(Roots::new("/w", "/w/out"));
        let cwd = files.path(Roots::WORKSPACE, "");
        let keyed = keyed_for(environment, kind, &mut files);
        let spelling = Spelling::new(&files, cwd);
        keyed
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8(value.name(&files, &spelling)).unwrap();
                format!("{}={value}", name.to_str().unwrap())
            })
            .collect()
    }

    #[test]
    fn each_kind_is_keyed_by_what_can_change_its_result() {
        let environment = environment(&[
            ("CPATH", "/w/include:rel:/opt/x"),
            ("LIBRARY_PATH", "/w/lib"),
            ("SOURCE_DATE_EPOCH", "1"),
            ("GCC_COLORS", "error=1"),
            ("PATH", "/bin"),
        ]);
        insta::assert_snapshot!(shown(&environment, ActionKind::Compile).join("\n"), @r"
        CPATH=include:rel:<outside>/opt/x
        LC_ALL=C.UTF-8
        SOURCE_DATE_EPOCH=1
        ");
        insta::assert_snapshot!(shown(&environment, ActionKind::Link).join("\n"), @r"
        LC_ALL=C.UTF-8
        LIBRARY_PATH=lib
        SOURCE_DATE_EPOCH=1
        ");
        assert_eq!(shown(&environment, ActionKind::Archive), ["LC_ALL=C.UTF-8", "SOURCE_DATE_EPOCH=1"]);
        assert_eq!(shown(&environment, ActionKind::Custom).len(), 4);
    }

    #[test]
    fn libraries_of_programs_key_links_and_custom_commands_and_reach_all() {
        let environment = environment(&[("LD_LIBRARY_PATH", "/w/lib:rel"), ("LD_RUN_PATH", "/w/lib")]);
        insta::assert_snapshot!(shown(&environment, ActionKind::Link).join("\n"), @r"
        LC_ALL=C.UTF-8
        LD_LIBRARY_PATH=<ws!>/lib:rel
        LD_RUN_PATH=<ws!>/lib
        ");
        assert_eq!(shown(&environment, ActionKind::Custom).len(), 3);
        for kind in [ActionKind::Compile, ActionKind::Archive] {
            assert_eq!(shown(&environment, kind), ["LC_ALL=C.UTF-8"]);
        }
        let names: Vec<_> = passed_on(&environment).map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["LD_LIBRARY_PATH"]);
        let reached = ActionKind::ALL.into_iter().filter(|kind| reaches(names[0].as_ref(), *kind));
        assert_eq!(reached.collect::<Vec<_>>(), [ActionKind::Compile, ActionKind::Archive]);
        assert!(reaches(OsStr::new("PATH"), ActionKind::Custom));
    }

    #[test]
    fn what_the_table_does_not_name_is_removed() {
        let environment =
            environment(&[("PATH", "/bin"), ("CCACHE_DIR", "/c"), ("DEPENDENCIES_OUTPUT", "x")]);
        let names: Vec<_> = passed_on(&environment).map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["CCACHE_DIR", "PATH"]);
        assert_eq!(variable(OsStr::new("DEPENDENCIES_OUTPUT")), None);
    }

    #[test]
    fn no_variable_is_in_the_table_twice() {
        let mut names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(TABLE.iter().all(|row| !row.reason.is_empty()));
    }
}
