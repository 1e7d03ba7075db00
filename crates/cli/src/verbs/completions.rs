//! `rekindle completions`: the script that completes command lines.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;

/// Writes the script for `shell`.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    super::answer(script(shell))
}

fn script(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rekindle", &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_has_a_script_that_knows_the_verbs() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let text = String::from_utf8(script(shell)).unwrap();
            for word in ["build", "compdb", "explain", "forbid-spawn"] {
                assert!(text.contains(word), "{shell}: {word}");
            }
        }
    }
}
