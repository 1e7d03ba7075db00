//! The command line as it is typed: parsed purely, before anything of the world is looked at.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use rekindle_store::disk::Since;

const AFTER_HELP: &str = "\
Without a command, `rekindle` builds.
`rekindle help environment` lists the environment variables, `rekindle help COMMAND` tells more about a command.
Exit codes: 0 done, 1 something failed, 2 wrong usage or input, 3 rekindle is in trouble, 130 interrupted.";

/// Builds C and C++ projects; what is done once is not done again.
#[derive(Debug, Parser)]
#[command(name = "rekindle", version, disable_help_subcommand = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// What every verb understands.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do; build if nothing is said.
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// The flags that every verb understands. Those that are not given are `None`, so that a variable can speak.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Look for the project in DIR instead of the current directory
    #[arg(short = 'C', value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub(crate) directory: Option<PathBuf>,
    /// Build this profile: debug, release, or one of the manifest's [default: debug]
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,
    /// Run at most N commands at once [default: as many as there are cores]
    #[arg(short, long, value_name = "N", global = true, value_parser = flag_jobs)]
    pub(crate) jobs: Option<usize>,
    /// Go on after a failure with what does not depend on it, until N failed [default N: no limit]
    #[arg(short, long, value_name = "N", global = true, num_args = 0..=1, require_equals = true, default_missing_value = "0", value_parser = flag_count)]
    pub(crate) keep_going: Option<usize>,
    /// Tell what would run, and run nothing
    #[arg(short = 'n', long, global = true)]
    pub(crate) dry_run: bool,
    /// Show commands, and what was fresh
    #[arg(short, long, value_name = "BOOL", hide_possible_values = true, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) verbose: Option<bool>,
    /// Set an option of the manifest
    #[arg(short = 'D', value_name = "NAME=VALUE", global = true)]
    pub(crate) define: Vec<String>,
    /// Build below DIR [default: .rekindle/build in the project]
    #[arg(long, value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub(crate) build_dir: Option<PathBuf>,
    /// Share results in DIR [default: rekindle in your cache directory]; `clean --store` removes what the build
    /// directories still know of
    // Without a DIR it is empty, and means the store that counts.
    #[arg(long, value_name = "DIR", global = true, num_args = 0..=1, default_missing_value = "", hide_default_value = true, value_hint = ValueHint::DirPath)]
    pub(crate) store: Option<OsString>,
    /// Share no results
    #[arg(long, value_name = "BOOL", hide_possible_values = true, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) no_store: Option<bool>,
    /// Which restored files are written: those that are asked for and what commands read (`outputs`), or `all` [default:
    /// `outputs` in a build directory that was begun with restored results, else `all`]
    #[arg(long, value_name = "outputs|all", hide_possible_values = true, global = true)]
    pub(crate) materialize: Option<Materialize>,
    /// How to report: fancy on a terminal, plain lines elsewhere, or one JSON object a line
    #[arg(long, value_name = "FORMAT", global = true)]
    pub(crate) format: Option<Format>,
    /// Whether to use colours
    #[arg(long, value_name = "WHEN", global = true)]
    pub(crate) color: Option<Colour>,
    /// Tell why each action that is not fresh is not
    #[arg(long, value_name = "BOOL", hide_possible_values = true, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) explain: Option<bool>,
    /// Write a page that shows where the time of a build went, to FILE [default FILE: timings.html in the build directory]
    #[arg(long, value_name = "FILE", global = true, num_args = 0..=1, require_equals = true, default_missing_value = "", hide_default_value = true, value_hint = ValueHint::FilePath)]
    // Without a FILE it is empty.
    pub(crate) timings: Option<OsString>,
    /// Fail instead of running any command: proof that nothing was to be done
    #[arg(long, value_name = "BOOL", hide_possible_values = true, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) forbid_spawn: Option<bool>,
    /// Fail where the tool of an archive is missing, even if nothing has to be built
    #[arg(long, value_name = "BOOL", hide_possible_values = true, global = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) require_tools: Option<bool>,
}

/// How a build is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Fancy on a terminal, else plain
    #[default]
    Auto,
    /// A line for each thing that happens
    Plain,
    /// One live status line, failures in full
    Fancy,
    /// One JSON object a line on standard output
    Json,
}

/// Which restored files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Materialize {
    /// What is asked for, where the build directory was begun so, else all
    #[default]
    #[value(skip)]
    Auto,
    /// What is asked for, and what commands that run read
    Outputs,
    /// Everything
    All,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For Graphviz
    #[default]
    Dot,
    /// Actions, files and targets as one JSON object
    Json,
    /// A build.ninja that runs the same commands
    Ninja,
}

/// A verb and what only it understands.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Build targets, or everything that is built by default
    Build {
        /// What to build
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
    },
    /// Build a program and run it
    ///
    /// The exit code is the program's own, or 128 and the number of the signal that ended it. A build that failed
    /// before gives 1, and says so on standard error.
    Run {
        /// The program
        #[arg(value_name = "TARGET")]
        target: String,
        /// The program's arguments
        #[arg(value_name = "ARGS", last = true)]
        arguments: Vec<OsString>,
    },
    /// Build tests and run them in parallel
    ///
    /// What a test prints is shown if it fails. The exit code is 1 if one failed.
    Test(TestArgs),
    /// Remove the build directory
    ///
    /// With `--profile`, only that profile's part of it. With `--store`, what it put into the store goes, too.
    Clean,
    /// Tell why the next build would run what it would run
    ///
    /// Nothing is run. A FILE asks for the actions that write or read it.
    Explain {
        /// Targets or files to tell about
        #[arg(value_name = "TARGET|FILE")]
        what: Vec<OsString>,
        /// Tell instead what differs from what was made elsewhere: in a pack, in the directory of a store, or in a build
        /// directory
        #[arg(long, value_name = "PACK|DIR", value_hint = ValueHint::AnyPath)]
        compare: Option<PathBuf>,
    },
    /// Write the graph of actions
    Graph {
        /// What to write it for
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// How to write it
        #[arg(long = "as", value_name = "FORMAT", default_value = "dot")]
        form: GraphFormat,
    },
    /// Write compile_commands.json, as editors and analysers read it
    Compdb {
        /// What to write it for [default: every target]
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
        /// Write to FILE, if it changes; else to standard output
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Build programs and tell the sizes of their sections
    Size {
        /// Which ones [default: every program that is built by default]
        #[arg(value_name = "TARGET")]
        targets: Vec<String>,
    },
    /// Tell about toolchains
    Toolchain {
        /// What to tell
        #[command(subcommand)]
        what: ToolchainVerb,
    },
    /// Look after the store, in which results are shared
    Cache {
        /// What to do
        #[command(subcommand)]
        what: CacheVerb,
    },
    /// Build targets and install them
    Install(InstallArgs),
    /// Write a manifest for the sources that lie here
    Init,
    /// Write a script that completes command lines
    Completions {
        /// For this shell
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// Into this directory
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
    /// Tell about a command, or about `environment`
    Help {
        /// A command, or `environment`
        #[arg(value_name = "COMMAND")]
        topic: Vec<String>,
    },
}

/// What `test` understands.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub(crate) struct TestArgs {
    /// Which tests [default: all]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Only tests whose name matches this regular expression
    #[arg(long, value_name = "RE")]
    pub(crate) filter: Option<String>,
    /// End tests that take longer than S seconds [default: what the manifest says]
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// Write the results to FILE in JUnit's format
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) junit: Option<PathBuf>,
}

/// What `install` understands.
#[derive(Args, Clone, Debug, PartialEq)]
pub(crate) struct InstallArgs {
    /// Which targets [default: everything that the manifest installs]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// Install below DIR; the variable DESTDIR is put before it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) prefix: PathBuf,
}

/// What `toolchain` can tell.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolchainVerb {
    /// Tell which toolchains this project uses, and what was found
    List,
    /// Tell what one was found to be, its identities, and what they were made of
    Show {
        /// Its name in the manifest; `host` is always there
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// What `cache` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheVerb {
    /// Tell where the store is
    Path,
    /// Tell what is in it
    Stats,
    /// Read all of it, and set aside what is damaged
    ///
    /// The exit code is 3 if something was.
    Verify,
    /// Make room: what was not used for the longest time goes
    Trim {
        /// Until the store takes SIZE: `5 GB`, `512 MiB` [default: its limit]
        #[arg(long, value_name = "SIZE", value_parser = flag_size)]
        max_size: Option<u64>,
        /// Before that, remove what was used by no build since WHEN: `last-build` (keeps what the last build used),
        /// a duration (`30m`, `12h`, `7d`), or a date (`2026-11-20`, `2026-11-20T18:55:00Z`, `@SECONDS`)
        #[arg(long, value_name = "WHEN", value_parser = crate::since::flag)]
        used_since: Option<Since>,
    },
    /// Pack what the last build used into FILE, to be carried elsewhere
    Export {
        /// The file, a tar archive in zstd; what is there is replaced
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Pack everything that is in the store
        #[arg(long, conflicts_with = "used_since")]
        all: bool,
        /// Pack what builds used since WHEN: `last-build`, a duration (`30m`, `12h`, `7d`), or a date (`2026-11-20`,
        /// `2026-11-20T18:55:00Z`, `@SECONDS`) [default: last-build]
        #[arg(long, value_name = "WHEN", value_parser = crate::since::flag)]
        used_since: Option<Since>,
    },
    /// Add what was packed elsewhere to the store
    ///
    /// Several packs are merged: those of the jobs of a matrix, say.
    Import {
        /// The files
        #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
        files: Vec<PathBuf>,
    },
}

/// How many commands run at once.
pub(crate) fn jobs(text: &str) -> Result<usize, String> {
    let wrong = || "a whole number from 1 on".to_string();
    text.parse().ok().filter(|jobs| *jobs > 0).ok_or_else(wrong)
}

/// How many of something.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "a whole number".to_string())
}

fn flag_jobs(text: &str) -> Result<usize, String> {
    jobs(text).map_err(|expected| format!("it should be {expected}"))
}

fn flag_size(text: &str) -> Result<u64, String> {
    rekindle_frontend::size::parse(text).map_err(|expected| format!("it should be {expected}"))
}

fn flag_count(text: &str) -> Result<usize, String> {
    count(text).map_err(|expected| format!("it should be {expected}"))
}

/// A duration in seconds, perhaps with a fraction.
fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let value: f64 = text.parse().map_err(|_| "it should be a number of seconds".to_string())?;
    match std::time::Duration::try_from_secs_f64(value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it should be a number of seconds above 0".to_string()),
    }
}

#[cfg(test)]
#[path = "args/tests.rs"]
mod tests;
