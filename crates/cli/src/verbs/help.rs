//! `rekindle help`: a verb's long help, or the environment variables.

use clap::{Command, CommandFactory};
use rekindle_frontend::diagnostic::Diagnostic;

use crate::args::Cli;
use crate::environment;
use crate::failure::Failure;

/// The topic that is no verb.
const ENVIRONMENT: &str = "environment";

/// Tells about a topic, or about rekindle.
pub(super) fn help(topic: &[String]) -> Result<(), Failure> {
    super::answer(text(topic)?)
}

fn text(topic: &[String]) -> Result<String, Failure> {
    if topic == [ENVIRONMENT] {
        return Ok(environment::help());
    }
    let mut command = Cli::command();
    command.build();
    let mut here: &mut Command = &mut command;
    for word in topic {
        let known: Vec<String> = here.get_subcommands().map(|inner| inner.get_name().to_string()).collect();
        if !known.contains(word) {
            let what = Diagnostic::request(word, "there is no help about this");
            let names = known.iter().map(String::as_str).chain([ENVIRONMENT]);
            return Err(what.suggest(word, names).into());
        }
        here = match here.find_subcommand_mut(word) {
            Some(inner) => inner,
            None => return Err(Failure::input(format!("there is no help about `{word}`"))),
        };
    }
    Ok(here.render_long_help().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_is_not_there_is_refused_with_a_suggestion() {
        let failure = text(&["biuld".into()]).unwrap_err();
        insta::assert_snapshot!(failure.text(), @"
        biuld: there is no help about this
             = hint: did you mean `build`?
        ");
        assert_eq!(failure.code(), 2);
    }

    #[test]
    fn a_verb_of_a_verb_has_help_too() {
        let text = text(&["toolchain".into(), "show".into()]).unwrap();
        assert!(text.contains("Its name in the manifest"), "{text}");
    }
}
