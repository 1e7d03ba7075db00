//! What is to be done and how, once flags, variables and defaults have been weighed: a flag wins over a variable,
//! a variable over what is built in.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::ValueEnum;
use rekindle_frontend::load::Definition;

use crate::args::{Colour, Common, Format, Materialize, count, jobs};
use crate::environment::Environment;
use crate::failure::Failure;

/// The profile that is built if nobody says otherwise.
const PROFILE: &str = "debug";

/// The weighed settings that every verb shares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Where the search for the project begins; as the person spelled it, absolute.
    pub(crate) directory: PathBuf,
    /// The profile.
    pub(crate) profile: String,
    /// Whether somebody named the profile.
    pub(crate) profile_given: bool,
    /// How many commands run at once.
    pub(crate) jobs: usize,
    /// How many failures end the build; `None` if none does.
    pub(crate) failures: Option<usize>,
    /// Whether nothing is run.
    pub(crate) dry_run: bool,
    /// Whether commands are shown, and what was fresh.
    pub(crate) verbose: bool,
    /// Options of the manifest; of two for one name the later one counts.
    pub(crate) define: Vec<Definition>,
    /// The build directory, absolute, if somebody named one.
    pub(crate) build_dir: Option<PathBuf>,
    /// Whether and where results are shared.
    pub(crate) store: Sharing,
    /// Whether `--store` was given: `clean` removes what is in the store then, too.
    pub(crate) clean_store: bool,
    /// How to report.
    pub(crate) format: Format,
    /// Whether to use colours.
    pub(crate) colour: Colour,
    /// Whether to tell reasons.
    pub(crate) explain: bool,
    /// Whether and where a page is written that shows where the time went. Who asks for it wants to see the whole graph.
    pub(crate) timings: Option<Timings>,
    /// Whether every command is refused.
    pub(crate) forbid_spawn: bool,
    /// Whether the tools of archives have to be there in any case.
    pub(crate) require_tools: bool,
    /// Which restored files are written.
    pub(crate) materialize: Materialize,
}

/// Where the page of `--timings` is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Timings {
    /// In the build directory of the profile.
    InBuildDir,
    /// In this file; absolute.
    In(PathBuf),
}

/// What flags and variables say about the store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nothing: the manifest decides, and then what is built in.
    #[default]
    Unsaid,
    /// Results are not shared.
    Off,
    /// They are, in the manifest's store or in the one that is built in.
    On,
    /// They are, in this directory; absolute.
    In(PathBuf),
}

impl Settings {
    /// Weighs flags against variables.
    ///
    /// # Errors
    /// A variable, or a number, makes no sense.
    pub(crate) fn new(flags: &Common, environment: &Environment) -> Result<Self, Failure> {
        let jobs =
            flags.jobs.map_or_else(|| number(environment, "REKINDLE_JOBS", jobs), |jobs| Ok(Some(jobs)))?;
        let keep_going = flags
            .keep_going
            .map_or_else(|| number(environment, "REKINDLE_KEEP_GOING", count), |n| Ok(Some(n)))?;
        let profile =
            flags.profile.clone().map_or_else(|| text(environment, "REKINDLE_PROFILE"), |p| Ok(Some(p)))?;
        let build_dir =
            flags.build_dir.clone().or_else(|| environment.get("REKINDLE_BUILD_DIR").map(PathBuf::from));
        let mut define = defines(environment)?;
        define.extend(flags.define.iter().map(|words| Definition::flag(words)));
        let here = &environment.directory;
        Ok(Self {
            directory: flags
                .directory
                .as_ref()
                .map_or_else(|| here.clone(), |directory| here.join(directory)),
            profile_given: profile.is_some(),
            profile: profile.unwrap_or_else(|| PROFILE.to_string()),
            jobs: jobs.unwrap_or(environment.cores),
            failures: match keep_going {
                None => Some(1),
                Some(0) => None,
                some => some,
            },
            dry_run: flags.dry_run,
            verbose: truth(flags.verbose, environment, "REKINDLE_VERBOSE")?,
            define,
            build_dir: build_dir.map(|directory| here.join(directory)),
            store: sharing(flags, environment)?,
            clean_store: flags.store.is_some(),
            format: choice(flags.format, environment, "REKINDLE_FORMAT")?,
            colour: choice(flags.color, environment, "REKINDLE_COLOR")?,
            explain: truth(flags.explain, environment, "REKINDLE_EXPLAIN")?,
            timings: timings(flags, environment)?,
            forbid_spawn: truth(flags.forbid_spawn, environment, "REKINDLE_FORBID_SPAWN")?,
            require_tools: truth(flags.require_tools, environment, "REKINDLE_REQUIRE_TOOLS")?,
            materialize: choice(flags.materialize, environment, "REKINDLE_MATERIALIZE")?,
        })
    }
}

/// Whether and where results are shared, as far as flags and variables say.
fn sharing(flags: &Common, environment: &Environment) -> Result<Sharing, Failure> {
    let here = |directory: &OsStr| Sharing::In(environment.directory.join(directory));
    let named = flags.store.as_deref().filter(|directory| !directory.is_empty());
    match (named, flags.no_store) {
        (Some(_), Some(true)) => {
            let what = "`--store DIR` and `--no-store` contradict each other";
            return Err(Failure::input(what).hint("leave one of them out"));
        }
        (Some(directory), _) => return Ok(here(directory)),
        (None, Some(true)) => return Ok(Sharing::Off),
        (None, _) => {}
    }
    let off = truth_if_said(None, environment, "REKINDLE_NO_STORE")?.filter(|_| flags.no_store.is_none());
    let named = environment.get("REKINDLE_STORE");
    Ok(match (off, named) {
        (Some(true), _) => Sharing::Off,
        (_, Some(directory)) => here(directory),
        (Some(false), None) => Sharing::On,
        (None, None) if flags.no_store == Some(false) => Sharing::On,
        (None, None) => Sharing::Unsaid,
    })
}

/// Whether and where the page of `--timings` is written.
fn timings(flags: &Common, environment: &Environment) -> Result<Option<Timings>, Failure> {
    let at = |file: &OsStr| Timings::In(environment.directory.join(file));
    match (flags.timings.as_deref(), environment.get("REKINDLE_TIMINGS")) {
        (Some(file), _) if file.is_empty() => Ok(Some(Timings::InBuildDir)),
        (Some(file), _) => Ok(Some(at(file))),
        (None, Some(file)) => match truth_if_said(None, environment, "REKINDLE_TIMINGS") {
            Ok(said) => Ok(said.filter(|on| *on).map(|_| Timings::InBuildDir)),
            Err(_) => Ok(Some(at(file))),
        },
        (None, None) => Ok(None),
    }
}

fn wrong(name: &str, value: &OsStr, expected: &str) -> Failure {
    Failure::input(format!("the variable {name} is `{}`, and should be {expected}", value.display()))
}

fn text(environment: &Environment, name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = environment.get(name) else { return Ok(None) };
    match value.to_str() {
        Some(text) => Ok(Some(text.to_string())),
        None => Err(wrong(name, value, "UTF-8 text")),
    }
}

fn number(
    environment: &Environment,
    name: &str,
    parse: impl Fn(&str) -> Result<usize, String>,
) -> Result<Option<usize>, Failure> {
    let Some(value) = environment.get(name) else { return Ok(None) };
    match parse(value.to_str().unwrap_or_default()) {
        Ok(number) => Ok(Some(number)),
        Err(expected) => Err(wrong(name, value, &expected)),
    }
}

fn truth(flag: Option<bool>, environment: &Environment, name: &str) -> Result<bool, Failure> {
    Ok(truth_if_said(flag, environment, name)?.unwrap_or(false))
}

fn truth_if_said(flag: Option<bool>, environment: &Environment, name: &str) -> Result<Option<bool>, Failure> {
    if flag.is_some() {
        return Ok(flag);
    }
    let Some(value) = environment.get(name) else { return Ok(None) };
    match value.to_str() {
        Some("true" | "1" | "yes" | "on") => Ok(Some(true)),
        Some("false" | "0" | "no" | "off") => Ok(Some(false)),
        _ => Err(wrong(name, value, "`true` or `false`")),
    }
}

fn choice<T: ValueEnum + Default>(
    flag: Option<T>,
    environment: &Environment,
    name: &str,
) -> Result<T, Failure> {
    if let Some(flag) = flag {
        return Ok(flag);
    }
    let Some(value) = environment.get(name) else { return Ok(T::default()) };
    value.to_str().and_then(|text| T::from_str(text, false).ok()).ok_or_else(|| {
        let known: Vec<String> = T::value_variants()
            .iter()
            .filter_map(|variant| Some(format!("`{}`", variant.to_possible_value()?.get_name())))
            .collect();
        wrong(name, value, &format!("one of {}", known.join(", ")))
    })
}

fn defines(environment: &Environment) -> Result<Vec<Definition>, Failure> {
    let name = "REKINDLE_DEFINE";
    let list = text(environment, name)?.unwrap_or_default();
    let words = list.split(';').map(str::trim).filter(|words| !words.is_empty());
    let given = |words: &str| Definition {
        words: words.to_string(),
        shown: format!("the variable {name}, `{words}`"),
    };
    Ok(words.map(given).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let variables = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables, directory: "/home/me".into(), cores: 4, ..Environment::default() }
    }

    fn all() -> Environment {
        environment(&[
            ("REKINDLE_PROFILE", "release"),
            ("REKINDLE_JOBS", "7"),
            ("REKINDLE_KEEP_GOING", "0"),
            ("REKINDLE_VERBOSE", "1"),
            ("REKINDLE_DEFINE", "A=1; B=x y;"),
            ("REKINDLE_BUILD_DIR", "out"),
            ("REKINDLE_NO_STORE", "yes"),
            ("REKINDLE_FORMAT", "json"),
            ("REKINDLE_COLOR", "never"),
            ("REKINDLE_EXPLAIN", "true"),
            ("REKINDLE_TIMINGS", "yes"),
            ("REKINDLE_FORBID_SPAWN", "on"),
            ("REKINDLE_REQUIRE_TOOLS", "on"),
        ])
    }

    #[test]
    fn without_flags_and_variables_there_are_defaults() {
        let settings = Settings::new(&Common::default(), &environment(&[])).unwrap();
        insta::assert_snapshot!(format!("{settings:#?}"), @r#"
        Settings {
            directory: "/home/me",
            profile: "debug",
            profile_given: false,
            jobs: 4,
            failures: Some(
                1,
            ),
            dry_run: false,
            verbose: false,
            define: [],
            build_dir: None,
            store: Unsaid,
            clean_store: false,
            format: Auto,
            colour: Auto,
            explain: false,
            timings: None,
            forbid_spawn: false,
            require_tools: false,
            materialize: Auto,
        }
        "#);
    }

    #[test]
    fn a_variable_wins_over_the_default() {
        let settings = Settings::new(&Common::default(), &all()).unwrap();
        insta::assert_snapshot!(format!("{settings:#?}"), @r#"
        Settings {
            directory: "/home/me",
            profile: "release",
            profile_given: true,
            jobs: 7,
            failures: None,
            dry_run: false,
            verbose: true,
            define: [
                Definition {
                    words: "A=1",
                    shown: "the variable REKINDLE_DEFINE, `A=1`",
                },
                Definition {
                    words: "B=x y",
                    shown: "the variable REKINDLE_DEFINE, `B=x y`",
                },
            ],
            build_dir: Some(
                "/home/me/out",
            ),
            store: Off,
            clean_store: false,
            format: Json,
            colour: Never,
            explain: true,
            timings: Some(
                InBuildDir,
            ),
            forbid_spawn: true,
            require_tools: true,
            materialize: Auto,
        }
        "#);
    }

    #[test]
    fn a_flag_wins_over_its_variable() {
        let flags = Common {
            directory: Some("/elsewhere".into()),
            profile: Some("fast".into()),
            jobs: Some(2),
            keep_going: Some(3),
            dry_run: false,
            verbose: Some(false),
            define: vec!["A=2".into()],
            build_dir: Some("/out".into()),
            store: Some("/shared".into()),
            no_store: None,
            materialize: None,
            format: Some(Format::Plain),
            color: Some(Colour::Always),
            explain: Some(false),
            timings: Some("t.html".into()),
            forbid_spawn: Some(false),
            require_tools: Some(false),
        };
        let settings = Settings::new(&flags, &all()).unwrap();
        insta::assert_snapshot!(format!("{settings:#?}"), @r#"
        Settings {
            directory: "/elsewhere",
            profile: "fast",
            profile_given: true,
            jobs: 2,
            failures: Some(
                3,
            ),
            dry_run: false,
            verbose: false,
            define: [
                Definition {
                    words: "A=1",
                    shown: "the variable REKINDLE_DEFINE, `A=1`",
                },
                Definition {
                    words: "B=x y",
                    shown: "the variable REKINDLE_DEFINE, `B=x y`",
                },
                Definition {
                    words: "A=2",
                    shown: "-D A=2",
                },
            ],
            build_dir: Some(
                "/out",
            ),
            store: In(
                "/shared",
            ),
            clean_store: true,
            format: Plain,
            colour: Always,
            explain: false,
            timings: Some(
                In(
                    "/home/me/t.html",
                ),
            ),
            forbid_spawn: false,
            require_tools: false,
            materialize: Auto,
        }
        "#);
    }

    #[test]
    fn the_page_of_timings_is_written_where_a_flag_or_a_variable_says() {
        let timings = |words: &[&str], variables: &[(&str, &str)]| {
            timings(&flags(words), &environment(variables)).unwrap()
        };
        let at = |path: &str| Some(Timings::In(path.into()));
        assert_eq!(timings(&[], &[]), None);
        assert_eq!(timings(&["--timings"], &[]), Some(Timings::InBuildDir));
        assert_eq!(timings(&["--timings", "build"], &[]), Some(Timings::InBuildDir), "`build` is the verb");
        assert_eq!(timings(&["--timings=t.html"], &[("REKINDLE_TIMINGS", "false")]), at("/home/me/t.html"));
        assert_eq!(timings(&[], &[("REKINDLE_TIMINGS", "1")]), Some(Timings::InBuildDir));
        assert_eq!(timings(&[], &[("REKINDLE_TIMINGS", "off")]), None);
        assert_eq!(timings(&[], &[("REKINDLE_TIMINGS", "/tmp/x")]), at("/tmp/x"));
    }

    fn flags(words: &[&str]) -> Common {
        let words = std::iter::once("rekindle").chain(words.iter().copied());
        <crate::args::Cli as clap::Parser>::try_parse_from(words).unwrap().common
    }

    #[test]
    fn a_flag_wins_over_a_variable_about_the_store_too() {
        let sharing = |words: &[&str], variables: &[(&str, &str)]| {
            sharing(&flags(words), &environment(variables)).unwrap()
        };
        let (dir, off) = (("REKINDLE_STORE", "/shared"), ("REKINDLE_NO_STORE", "1"));
        let on = ("REKINDLE_NO_STORE", "0");
        let at = |path: &str| Sharing::In(path.into());
        assert_eq!(sharing(&[], &[]), Sharing::Unsaid);
        assert_eq!(sharing(&[], &[dir]), at("/shared"));
        assert_eq!(sharing(&[], &[dir, off]), Sharing::Off);
        assert_eq!(sharing(&[], &[dir, on]), at("/shared"));
        assert_eq!(sharing(&[], &[on]), Sharing::On);
        assert_eq!(sharing(&["--no-store"], &[dir]), Sharing::Off);
        assert_eq!(sharing(&["--no-store=false"], &[off]), Sharing::On);
        assert_eq!(sharing(&["--no-store=false"], &[dir, off]), at("/shared"));
        assert_eq!(sharing(&["--store", "mine"], &[dir, off]), at("/home/me/mine"));
        assert_eq!(sharing(&["clean", "--store"], &[dir]), at("/shared"));
        assert_eq!(sharing(&["clean", "--store"], &[]), Sharing::Unsaid);
        let asked = |words: &[&str]| Settings::new(&flags(words), &environment(&[dir])).unwrap().clean_store;
        assert!(asked(&["clean", "--store"]) && asked(&["clean", "--store=x"]) && !asked(&["clean"]));
    }

    #[test]
    fn what_makes_no_sense_about_the_store_is_refused() {
        let refused = |words: &[&str], variables: &[(&str, &str)]| {
            let failure = Settings::new(&flags(words), &environment(variables)).unwrap_err();
            format!("{} {}", failure.code(), failure.text())
        };
        let said = [
            refused(&["--no-store", "--store=x"], &[]),
            refused(&[], &[("REKINDLE_MATERIALIZE", "some")]),
            refused(&[], &[("REKINDLE_MATERIALIZE", "auto")]),
            refused(&[], &[("REKINDLE_NO_STORE", "perhaps")]),
        ];
        insta::assert_snapshot!(said.concat(), @"
        2 rekindle: `--store DIR` and `--no-store` contradict each other
          hint: leave one of them out
        2 rekindle: the variable REKINDLE_MATERIALIZE is `some`, and should be one of `outputs`, `all`
        2 rekindle: the variable REKINDLE_MATERIALIZE is `auto`, and should be one of `outputs`, `all`
        2 rekindle: the variable REKINDLE_NO_STORE is `perhaps`, and should be `true` or `false`
        ");
        let settings = |words: &[&str], variables: &[(&str, &str)]| {
            Settings::new(&flags(words), &environment(variables)).unwrap().materialize
        };
        let variable = ("REKINDLE_MATERIALIZE", "outputs");
        assert_eq!(settings(&[], &[]), Materialize::Auto);
        assert_eq!(settings(&[], &[variable]), Materialize::Outputs);
        assert_eq!(settings(&["--materialize", "all"], &[variable]), Materialize::All);
    }

    #[test]
    fn a_variable_that_makes_no_sense_is_refused_in_words() {
        let wrong = [
            ("REKINDLE_JOBS", "many"),
            ("REKINDLE_JOBS", "0"),
            ("REKINDLE_JOBS", "99999999999999999999"),
            ("REKINDLE_KEEP_GOING", "-1"),
            ("REKINDLE_VERBOSE", "perhaps"),
            ("REKINDLE_FORMAT", "yaml"),
            ("REKINDLE_COLOR", "red"),
        ];
        let said: Vec<String> = wrong
            .iter()
            .map(|pair| Settings::new(&Common::default(), &environment(&[*pair])).unwrap_err())
            .map(|failure| format!("{} {}", failure.code(), failure.text()))
            .collect();
        insta::assert_snapshot!(said.concat(), @"
        2 rekindle: the variable REKINDLE_JOBS is `many`, and should be a whole number from 1 on
        2 rekindle: the variable REKINDLE_JOBS is `0`, and should be a whole number from 1 on
        2 rekindle: the variable REKINDLE_JOBS is `99999999999999999999`, and should be a whole number from 1 on
        2 rekindle: the variable REKINDLE_KEEP_GOING is `-1`, and should be a whole number
        2 rekindle: the variable REKINDLE_VERBOSE is `perhaps`, and should be `true` or `false`
        2 rekindle: the variable REKINDLE_FORMAT is `yaml`, and should be one of `auto`, `plain`, `fancy`, `json`
        2 rekindle: the variable REKINDLE_COLOR is `red`, and should be one of `auto`, `always`, `never`
        ");
    }
}
