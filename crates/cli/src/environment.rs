//! The only file of rekindle that reads the environment: variables, arguments, working directory, and what the
//! machine calls itself. Everything else takes the values that are read here, once, at the start.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

/// A variable that rekindle itself understands, and the flag that wins over it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its flag.
    pub(crate) flag: &'static str,
    /// What it holds.
    pub(crate) meaning: &'static str,
}

const fn variable(name: &'static str, flag: &'static str, meaning: &'static str) -> Variable {
    Variable { name, flag, meaning }
}

/// Every variable with a flag. A flag wins over the variable, the variable over the manifest.
pub(crate) const VARIABLES: &[Variable] = &[
    variable("REKINDLE_PROFILE", "--profile", "the profile that is built"),
    variable("REKINDLE_JOBS", "--jobs", "how many commands run at once"),
    variable("REKINDLE_KEEP_GOING", "--keep-going", "after how many failures to stop; 0 is never"),
    variable("REKINDLE_VERBOSE", "--verbose", "true or false"),
    variable("REKINDLE_DEFINE", "-D", "options of the manifest: NAME=VALUE, several with `;` between them"),
    variable("REKINDLE_BUILD_DIR", "--build-dir", "the directory that is built in"),
    variable("REKINDLE_STORE", "--store", "the directory in which results are shared"),
    variable("REKINDLE_NO_STORE", "--no-store", "true or false"),
    variable("REKINDLE_MATERIALIZE", "--materialize", "which restored files are written: `outputs` or `all`"),
    variable("REKINDLE_FORMAT", "--format", "auto, plain, fancy or json"),
    variable("REKINDLE_COLOR", "--color", "auto, always or never"),
    variable("REKINDLE_EXPLAIN", "--explain", "true or false"),
    variable("REKINDLE_TIMINGS", "--timings", "true, false, or the file to write the page to"),
    variable("REKINDLE_FORBID_SPAWN", "--forbid-spawn", "true or false"),
    variable("REKINDLE_REQUIRE_TOOLS", "--require-tools", "true or false"),
];

/// Other variables that rekindle itself looks at.
pub(crate) const OTHERS: &[(&str, &str)] = &[
    ("CC, CXX, AR", "the host's compilers and archiver, where the manifest names none"),
    ("PATH", "where programs are searched"),
    ("MAKEFLAGS", "the jobserver of the make that started rekindle"),
    ("DESTDIR", "what `rekindle install` puts before the prefix"),
    ("NO_COLOR", "no colours, if it is set and not empty"),
    ("CLICOLOR_FORCE", "colours even where no terminal is, if it is set and not 0"),
    ("TERM", "`dumb` is a terminal without a live status line"),
    ("PWD", "how the current directory is spelled"),
    (
        "XDG_CACHE_HOME, HOME",
        "where the store is, if nobody says: rekindle in the cache directory, or ~/.cache",
    ),
];

/// What was found when the process began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// Every variable.
    pub(crate) variables: BTreeMap<OsString, OsString>,
    /// The working directory, spelled as `PWD` spells it if that is the same directory.
    pub(crate) directory: PathBuf,
    /// How many commands can run at once without waiting for each other.
    pub(crate) cores: usize,
    /// What this machine calls itself: its id, else its name.
    pub(crate) machine: Vec<u8>,
    /// The number of this process.
    pub(crate) process: u32,
    /// Size and time of change, in nanoseconds, of the program that runs: which build of rekindle it is.
    pub(crate) program: (u64, i64),
}

#[expect(clippy::disallowed_methods, reason = "this is the file that reads the environment")]
impl Environment {
    /// Reads it.
    ///
    /// # Errors
    /// The working directory is gone or may not be read.
    pub(crate) fn read() -> io::Result<Self> {
        let variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let directory = spelled(std::env::current_dir()?, variables.get(OsStr::new("PWD")));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            variables,
            directory,
            cores,
            machine: machine(),
            process: std::process::id(),
            program: program(),
        })
    }

    /// The words of the command line, with the program's own name.
    pub(crate) fn arguments() -> Vec<OsString> {
        std::env::args_os().collect()
    }
}

impl Environment {
    /// A variable's value; an empty one is none.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// The person's directory for what can be made again (XDG base directories), if one is set.
    pub(crate) fn user_cache(&self) -> Option<PathBuf> {
        let absolute = |name: &str| self.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))
    }
}

/// `directory` as `PWD` spells it, if that is the same place.
fn spelled(directory: PathBuf, pwd: Option<&OsString>) -> PathBuf {
    let Some(pwd) = pwd.map(PathBuf::from).filter(|pwd| pwd.is_absolute()) else { return directory };
    match pwd.canonicalize() {
        Ok(canonical) if directory.canonicalize().is_ok_and(|own| own == canonical) => pwd,
        _ => directory,
    }
}

/// The machine's id (systemd's machine-id(5)), else its host name.
fn machine() -> Vec<u8> {
    let id = std::fs::read("/etc/machine-id").unwrap_or_default();
    let id = id.trim_ascii();
    if id.is_empty() { rustix::system::uname().nodename().to_bytes().to_vec() } else { id.to_vec() }
}

/// The program that runs, as far as one file tells it from another.
fn program() -> (u64, i64) {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata("/proc/self/exe");
    meta.map_or((0, 0), |meta| {
        (meta.size(), meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec()))
    })
}

/// What `rekindle help environment` says.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Environment variables of rekindle, and the flag of each. A flag wins over its variable, and a variable over\nthe manifest. An empty variable counts as not set.\n\n",
    );
    for Variable { name, flag, meaning } in VARIABLES {
        text.push_str(&format!("  {name:<22} {flag:<15} {meaning}\n"));
    }
    text.push_str("\nOthers that rekindle looks at:\n\n");
    for (name, meaning) in OTHERS {
        text.push_str(&format!("  {name:<22} {meaning}\n"));
    }
    text.push_str("\nWhat commands get is another matter, decided for each of these variables:\n\n");
    for row in rekindle_toolchain::environment::TABLE {
        let class = match row.class {
            rekindle_toolchain::environment::Class::Keyed(_) => "in the key:",
            rekindle_toolchain::environment::Class::Passed => "passed on:",
        };
        text.push_str(&format!("  {:<28} {class:<12} {}\n", row.name, row.reason));
    }
    text.push_str("\nAll others are removed.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_has_a_flag_that_the_command_line_knows() {
        use clap::CommandFactory;
        let command = crate::args::Cli::command();
        for variable in VARIABLES {
            let known = command.get_arguments().any(|argument| {
                argument.get_long().is_some_and(|long| format!("--{long}") == variable.flag)
                    || argument.get_short().is_some_and(|short| format!("-{short}") == variable.flag)
            });
            assert!(known, "{}", variable.flag);
        }
    }

    #[test]
    fn help_lists_each_variable_with_its_flag() {
        let text = help();
        let own: Vec<&str> = text.lines().take_while(|line| !line.starts_with("What commands get")).collect();
        insta::assert_snapshot!(own.join("\n"), @"
        Environment variables of rekindle, and the flag of each. A flag wins over its variable, and a variable over
        the manifest. An empty variable counts as not set.

          REKINDLE_PROFILE       --profile       the profile that is built
          REKINDLE_JOBS          --jobs          how many commands run at once
          REKINDLE_KEEP_GOING    --keep-going    after how many failures to stop; 0 is never
          REKINDLE_VERBOSE       --verbose       true or false
          REKINDLE_DEFINE        -D              options of the manifest: NAME=VALUE, several with `;` between them
          REKINDLE_BUILD_DIR     --build-dir     the directory that is built in
          REKINDLE_STORE         --store         the directory in which results are shared
          REKINDLE_NO_STORE      --no-store      true or false
          REKINDLE_MATERIALIZE   --materialize   which restored files are written: `outputs` or `all`
          REKINDLE_FORMAT        --format        auto, plain, fancy or json
          REKINDLE_COLOR         --color         auto, always or never
          REKINDLE_EXPLAIN       --explain       true or false
          REKINDLE_TIMINGS       --timings       true, false, or the file to write the page to
          REKINDLE_FORBID_SPAWN  --forbid-spawn  true or false
          REKINDLE_REQUIRE_TOOLS --require-tools true or false

        Others that rekindle looks at:

          CC, CXX, AR            the host's compilers and archiver, where the manifest names none
          PATH                   where programs are searched
          MAKEFLAGS              the jobserver of the make that started rekindle
          DESTDIR                what `rekindle install` puts before the prefix
          NO_COLOR               no colours, if it is set and not empty
          CLICOLOR_FORCE         colours even where no terminal is, if it is set and not 0
          TERM                   `dumb` is a terminal without a live status line
          PWD                    how the current directory is spelled
          XDG_CACHE_HOME, HOME   where the store is, if nobody says: rekindle in the cache directory, or ~/.cache
        ");
    }

    #[test]
    fn the_directory_is_spelled_as_pwd_spells_it_only_if_it_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap().join("real");
        std::fs::create_dir(&real).unwrap();
        let link = dir.path().canonicalize().unwrap().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(spelled(real.clone(), Some(&link.clone().into())), link);
        assert_eq!(spelled(real.clone(), Some(&"/".into())), real);
        assert_eq!(spelled(real.clone(), Some(&"link".into())), real);
        assert_eq!(spelled(real.clone(), None), real);
    }

    #[test]
    fn the_cache_directory_is_the_one_that_is_set_or_lies_at_home() {
        let cache = |pairs: &[(&str, &str)]| {
            let variables = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
            Environment { variables, ..Environment::default() }.user_cache()
        };
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")]), Some("/c".into()));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "c"), ("HOME", "/h")]), Some("/h/.cache".into()));
        assert_eq!(cache(&[("XDG_CACHE_HOME", ""), ("HOME", "/h")]), Some("/h/.cache".into()));
        assert_eq!(cache(&[("HOME", "h")]), None);
        assert_eq!(cache(&[]), None);
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let mut environment = Environment::default();
        environment.variables.insert("A".into(), "".into());
        environment.variables.insert("B".into(), "x".into());
        assert_eq!((environment.get("A"), environment.get("B")), (None, Some(OsStr::new("x"))));
    }
}
