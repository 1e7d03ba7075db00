//! What the command line takes, and what it says of itself.

use std::time::Duration;

use clap::CommandFactory;

use super::*;

fn parse(words: &[&str]) -> Result<Cli, String> {
    let words = std::iter::once("rekindle").chain(words.iter().copied());
    Cli::try_parse_from(words).map_err(|error| error.to_string())
}

/// The text without the blanks that clap leaves at the ends of lines.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn common(words: &[&str]) -> Common {
    parse(words).unwrap().common
}

#[test]
fn the_table_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn common_flags_stand_before_or_behind_the_verb() {
    let flags = ["-C", "d", "-j4", "-k=3", "-nv", "-DA=1", "-DB", "--color", "never", "--format", "json"];
    let before = [&flags[..], &["build", "x"]].concat();
    let behind = [&["build", "x"], &flags[..]].concat();
    assert_eq!(common(&before), common(&behind));
    assert_eq!(common(&flags), common(&behind), "no verb is `build`");
    let Common { directory, jobs, keep_going, dry_run, verbose, define, .. } = common(&behind);
    assert_eq!((directory, jobs, keep_going), (Some("d".into()), Some(4), Some(3)));
    assert_eq!((dry_run, verbose, define), (true, Some(true), vec!["A=1".into(), "B".into()]));
}

#[test]
fn a_switch_can_be_switched_off_again_by_its_flag() {
    assert_eq!(common(&[]).explain, None);
    assert_eq!(common(&["--explain"]).explain, Some(true));
    assert_eq!(common(&["--explain=false"]).explain, Some(false));
    assert_eq!(common(&["-k"]).keep_going, Some(0));
    assert_eq!(common(&["-k", "build"]).keep_going, Some(0), "`build` is the verb, not the number");
}

#[test]
fn what_stands_behind_two_dashes_belongs_to_the_program() {
    let Some(Verb::Run { target, arguments }) = parse(&["run", "app", "--", "-v", "x"]).unwrap().verb else {
        panic!("run");
    };
    assert_eq!((target.as_str(), arguments), ("app", vec!["-v".into(), "x".into()]));
    assert!(parse(&["run", "app", "x"]).is_err());
}

#[test]
fn seconds_may_have_a_fraction_and_are_more_than_none() {
    let timeout = |text: &str| match parse(&["test", "--timeout", text]).map(|cli| cli.verb) {
        Ok(Some(Verb::Test(args))) => args.timeout,
        _ => None,
    };
    assert_eq!(timeout("2.5"), Some(Duration::from_millis(2500)));
    assert_eq!((timeout("0"), timeout("-1"), timeout("inf"), timeout("x")), (None, None, None, None));
}

#[test]
fn wrong_usage_is_said_in_words() {
    let wrong: [&[&str]; 9] = [
        &["biuld"],
        &["build", "--jbos", "3"],
        &["-j", "many"],
        &["-j0"],
        &["--keep-going=x"],
        &["-k=-1"],
        &["test", "--timeout", "x"],
        &["--format", "yaml"],
        &["install"],
    ];
    let said: Vec<String> = wrong.iter().map(|words| parse(words).unwrap_err()).collect();
    insta::assert_snapshot!(said.join("----\n"), @"
    error: unrecognized subcommand 'biuld'

      tip: a similar subcommand exists: 'build'

    Usage: rekindle [OPTIONS] [COMMAND]

    For more information, try '--help'.
    ----
    error: unexpected argument '--jbos' found

      tip: a similar argument exists: '--jobs'

    Usage: rekindle build --jobs <N> [TARGET]...

    For more information, try '--help'.
    ----
    error: invalid value 'many' for '--jobs <N>': it should be a whole number from 1 on

    For more information, try '--help'.
    ----
    error: invalid value '0' for '--jobs <N>': it should be a whole number from 1 on

    For more information, try '--help'.
    ----
    error: invalid value 'x' for '--keep-going[=<N>]': it should be a whole number

    For more information, try '--help'.
    ----
    error: invalid value '-1' for '--keep-going[=<N>]': it should be a whole number

    For more information, try '--help'.
    ----
    error: invalid value 'x' for '--timeout <S>': it should be a number of seconds

    For more information, try '--help'.
    ----
    error: invalid value 'yaml' for '--format <FORMAT>'
      [possible values: auto, plain, fancy, json]

    For more information, try '--help'.
    ----
    error: the following required arguments were not provided:
      --prefix <DIR>

    Usage: rekindle install --prefix <DIR> [TARGET]...

    For more information, try '--help'.
    ");
}

#[test]
fn the_help_of_rekindle() {
    insta::assert_snapshot!(trimmed(&Cli::command().term_width(100).render_long_help().to_string()), @"
    Builds C and C++ projects; what is done once is not done again

    Usage: rekindle [OPTIONS] [COMMAND]

    Commands:
      build        Build targets, or everything that is built by default
      run          Build a program and run it
      test         Build tests and run them in parallel
      clean        Remove the build directory
      explain      Tell why the next build would run what it would run
      graph        Write the graph of actions
      compdb       Write compile_commands.json, as editors and analysers read it
      size         Build programs and tell the sizes of their sections
      toolchain    Tell about toolchains
      cache        Look after the store, in which results are shared
      install      Build targets and install them
      init         Write a manifest for the sources that lie here
      completions  Write a script that completes command lines
      man          Write the manual pages
      help         Tell about a command, or about `environment`

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Common options:
      -C <DIR>
              Look for the project in DIR instead of the current directory

          --profile <NAME>
              Build this profile: debug, release, or one of the manifest's [default: debug]

      -j, --jobs <N>
              Run at most N commands at once [default: as many as there are cores]

      -k, --keep-going[=<N>]
              Go on after a failure with what does not depend on it, until N failed [default N: no
              limit]

      -n, --dry-run
              Tell what would run, and run nothing

      -v, --verbose[=<BOOL>]
              Show commands, and what was fresh

      -D <NAME=VALUE>
              Set an option of the manifest

          --build-dir <DIR>
              Build below DIR [default: .rekindle/build in the project]

          --store [<DIR>]
              Share results in DIR [default: rekindle in your cache directory]; `clean --store` removes
              what the build directories still know of

          --no-store[=<BOOL>]
              Share no results

          --materialize <outputs|all>
              Which restored files are written: those that are asked for and what commands read
              (`outputs`), or `all` [default: `outputs` in a build directory that was begun with
              restored results, else `all`]

          --format <FORMAT>
              How to report: fancy on a terminal, plain lines elsewhere, or one JSON object a line

              Possible values:
              - auto:  Fancy on a terminal, else plain
              - plain: A line for each thing that happens
              - fancy: One live status line, failures in full
              - json:  One JSON object a line on standard output

          --color <WHEN>
              Whether to use colours

              Possible values:
              - auto:   On a terminal, unless NO_COLOR is set
              - always: Always
              - never:  Never

          --explain[=<BOOL>]
              Tell why each action that is not fresh is not

          --timings[=<FILE>]
              Write a page that shows where the time of a build went, to FILE [default FILE:
              timings.html in the build directory]

          --forbid-spawn[=<BOOL>]
              Fail instead of running any command: proof that nothing was to be done

          --require-tools[=<BOOL>]
              Fail where the tool of an archive is missing, even if nothing has to be built

    Without a command, `rekindle` builds.
    `rekindle help environment` lists the environment variables, `rekindle help COMMAND` tells more
    about a command.
    Exit codes: 0 done, 1 something failed, 2 wrong usage or input, 3 rekindle is in trouble, 130
    interrupted.
    ");
}

#[test]
fn the_help_of_every_verb() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut text = String::new();
    for verb in command.get_subcommands_mut() {
        let long = verb.render_long_help().to_string();
        // The common options are the same for all, and stand in the help of rekindle.
        let own = long.split("Common options:").next().unwrap_or(&long).trim_end();
        text.push_str(&format!("==== {}\n{own}\n", verb.get_name()));
    }
    insta::assert_snapshot!(trimmed(&text), @"
    ==== build
    Build targets, or everything that is built by default

    Usage: rekindle build [OPTIONS] [TARGET]...

    Arguments:
      [TARGET]...
              What to build

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== run
    Build a program and run it

    The exit code is the program's own, or 128 and the number of the signal that ended it. A build that
    failed before gives 1, and says so on standard error.

    Usage: rekindle run [OPTIONS] <TARGET> [-- <ARGS>...]

    Arguments:
      <TARGET>
              The program

      [ARGS]...
              The program's arguments

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== test
    Build tests and run them in parallel

    What a test prints is shown if it fails. The exit code is 1 if one failed.

    Usage: rekindle test [OPTIONS] [TARGET]...

    Arguments:
      [TARGET]...
              Which tests [default: all]

    Options:
          --filter <RE>
              Only tests whose name matches this regular expression

          --timeout <S>
              End tests that take longer than S seconds [default: what the manifest says]

          --junit <FILE>
              Write the results to FILE in JUnit's format

      -h, --help
              Print help (see a summary with '-h')
    ==== clean
    Remove the build directory

    With `--profile`, only that profile's part of it. With `--store`, what it put into the store goes,
    too.

    Usage: rekindle clean [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== explain
    Tell why the next build would run what it would run

    Nothing is run. A FILE asks for the actions that write or read it.

    Usage: rekindle explain [OPTIONS] [TARGET|FILE]...

    Arguments:
      [TARGET|FILE]...
              Targets or files to tell about

    Options:
          --compare <PACK|DIR>
              Tell instead what differs from what was made elsewhere: in a pack, in the directory of a
              store, or in a build directory

      -h, --help
              Print help (see a summary with '-h')
    ==== graph
    Write the graph of actions

    Usage: rekindle graph [OPTIONS] [TARGET]...

    Arguments:
      [TARGET]...
              What to write it for

    Options:
          --as <FORMAT>
              How to write it

              Possible values:
              - dot:   For Graphviz
              - json:  Actions, files and targets as one JSON object
              - ninja: A build.ninja that runs the same commands

              [default: dot]

      -h, --help
              Print help (see a summary with '-h')
    ==== compdb
    Write compile_commands.json, as editors and analysers read it

    Usage: rekindle compdb [OPTIONS] [TARGET]...

    Arguments:
      [TARGET]...
              What to write it for [default: every target]

    Options:
      -o, --output <FILE>
              Write to FILE, if it changes; else to standard output

      -h, --help
              Print help (see a summary with '-h')
    ==== size
    Build programs and tell the sizes of their sections

    Usage: rekindle size [OPTIONS] [TARGET]...

    Arguments:
      [TARGET]...
              Which ones [default: every program that is built by default]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== toolchain
    Tell about toolchains

    Usage: rekindle toolchain [OPTIONS] <COMMAND>

    Commands:
      list  Tell which toolchains this project uses, and what was found
      show  Tell what one was found to be, its identities, and what they were made of

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== cache
    Look after the store, in which results are shared

    Usage: rekindle cache [OPTIONS] <COMMAND>

    Commands:
      path    Tell where the store is
      stats   Tell what is in it
      verify  Read all of it, and set aside what is damaged
      trim    Make room: what was not used for the longest time goes
      export  Pack what the last build used into FILE, to be carried elsewhere
      import  Add what was packed elsewhere to the store

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== install
    Build targets and install them

    Usage: rekindle install [OPTIONS] --prefix <DIR> [TARGET]...

    Arguments:
      [TARGET]...
              Which targets [default: everything that the manifest installs]

    Options:
          --prefix <DIR>
              Install below DIR; the variable DESTDIR is put before it

      -h, --help
              Print help (see a summary with '-h')
    ==== init
    Write a manifest for the sources that lie here

    Usage: rekindle init [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== completions
    Write a script that completes command lines

    Usage: rekindle completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>
              For this shell

              [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== man
    Write the manual pages

    Usage: rekindle man [OPTIONS] <DIR>

    Arguments:
      <DIR>
              Into this directory

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ==== help
    Tell about a command, or about `environment`

    Usage: rekindle help [OPTIONS] [COMMAND]...

    Arguments:
      [COMMAND]...
              A command, or `environment`

    Options:
      -h, --help
              Print help (see a summary with '-h')
    ");
}
