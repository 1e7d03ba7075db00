//! What the two streams lead to: a terminal or not, how wide it is, and whether it takes colours.

use std::io::IsTerminal;

use crate::args::{Colour, Format};
use crate::environment::Environment;

/// A width for terminals that tell none.
const WIDTH: usize = 80;

/// What a stream leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Whether standard output is a terminal.
    pub(crate) stdout: bool,
    /// Whether standard error is a terminal.
    pub(crate) stderr: bool,
}

impl Terminal {
    /// Asks the system.
    #[expect(clippy::disallowed_methods, reason = "asks what they are, writes nothing")]
    pub(crate) fn look() -> Self {
        Self { stdout: std::io::stdout().is_terminal(), stderr: std::io::stderr().is_terminal() }
    }
}

/// How many columns standard error has now.
#[expect(clippy::disallowed_methods, reason = "asks what it is, writes nothing")]
pub(crate) fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .unwrap_or(WIDTH)
}

/// Whether a stream gets colours: as the flag says, else by `NO_COLOR` (no-color.org), `CLICOLOR_FORCE`
/// (bixense.com/clicolors), and by whether it is a terminal that can.
pub(crate) fn has_colour(asked: Colour, is_terminal: bool, environment: &Environment) -> bool {
    match asked {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if environment.get("NO_COLOR").is_some() => false,
        Colour::Auto if environment.get("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        Colour::Auto => is_terminal && !is_dumb(environment),
    }
}

/// The format in which a build is reported on a stream; never `Auto`.
pub(crate) fn format(asked: Format, is_terminal: bool, environment: &Environment) -> Format {
    match asked {
        Format::Auto if is_terminal && !is_dumb(environment) => Format::Fancy,
        Format::Auto => Format::Plain,
        other => other,
    }
}

fn is_dumb(environment: &Environment) -> bool {
    environment.get("TERM").is_none_or(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let variables = pairs.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables, ..Environment::default() }
    }

    #[test]
    fn a_flag_wins_over_no_color_and_that_over_clicolor_force_and_that_over_the_terminal() {
        let nothing = environment(&[("TERM", "xterm")]);
        let no = environment(&[("TERM", "xterm"), ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
        let force = environment(&[("CLICOLOR_FORCE", "1")]);
        let zero = environment(&[("TERM", "xterm"), ("CLICOLOR_FORCE", "0")]);
        assert!(has_colour(Colour::Auto, true, &nothing));
        assert!(!has_colour(Colour::Auto, false, &nothing));
        assert!(!has_colour(Colour::Auto, true, &environment(&[("TERM", "dumb")])));
        assert!(!has_colour(Colour::Auto, true, &no));
        assert!(has_colour(Colour::Auto, false, &force));
        assert!(!has_colour(Colour::Auto, false, &zero));
        assert!(has_colour(Colour::Always, false, &no));
        assert!(!has_colour(Colour::Never, true, &force));
    }

    #[test]
    fn the_live_line_is_for_terminals_that_can() {
        let xterm = environment(&[("TERM", "xterm")]);
        assert_eq!(format(Format::Auto, true, &xterm), Format::Fancy);
        assert_eq!(format(Format::Auto, false, &xterm), Format::Plain);
        assert_eq!(format(Format::Auto, true, &environment(&[("TERM", "dumb")])), Format::Plain);
        assert_eq!(format(Format::Json, true, &xterm), Format::Json);
        assert_eq!(format(Format::Fancy, false, &xterm), Format::Fancy);
    }
}
