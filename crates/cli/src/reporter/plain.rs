//! A line for each thing that happens, in the order in which it ends. For logs, pipes and simple terminals.

use std::time::Duration;

use rekindle_engine::event::Event;

use super::tally::Tally;
use super::{Closing, Options, Reporter, wording};
use crate::failure::Failure;
use crate::output::Stream;
use crate::testing::TestReport;

/// The plain reporter.
pub(crate) struct Plain {
    /// What happens to actions and tests.
    stream: Stream,
    /// Notes and the account; `None` if they go the same way.
    notes: Option<Stream>,
    options: Options,
    tally: Tally,
}

impl Plain {
    /// One that writes everything to `stream`.
    pub(crate) fn new(stream: Stream, options: Options) -> Self {
        Self { stream, notes: None, options, tally: Tally::default() }
    }

    /// One that writes notes and the account to another stream.
    pub(crate) fn apart(stream: Stream, notes: Stream, options: Options) -> Self {
        Self { stream, notes: Some(notes), options, tally: Tally::default() }
    }

    fn notes(&mut self) -> &mut Stream {
        self.notes.as_mut().unwrap_or(&mut self.stream)
    }
}

impl Reporter for Plain {
    fn event(&mut self, event: &Event, at: Duration) {
        self.tally.take(event, at);
        match event {
            Event::Waiting(waiting) => self.note(&wording::waiting(waiting)),
            Event::ToolIsBusy { archive, holder } => self.note(&wording::tool_is_busy(archive, holder)),
            Event::Notice(text) => self.note(text),
            Event::ActionFinished(report) => {
                let text = wording::finished(report, &self.tally.counter(), self.options);
                self.stream.write(text);
            }
            Event::Started { .. } | Event::ActionStarted { .. } | Event::Progress(_) => {}
        }
    }

    fn test(&mut self, report: &TestReport, _at: Duration) {
        self.stream.write(wording::test(report, self.options));
    }

    fn note(&mut self, text: &str) {
        self.notes().write(format!("rekindle: {text}\n"));
    }

    fn finish(&mut self, closing: &Closing) {
        let text = wording::closing(closing, &self.tally.failed, self.options);
        self.notes().write(text);
    }

    fn trouble(&mut self) -> Result<(), Failure> {
        self.stream.finish()?;
        self.notes().finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::output::tests::Buffer;

    fn shown(options: Options, play: impl FnOnce(&mut Plain)) -> String {
        let buffer = Buffer::default();
        play(&mut Plain::new(buffer.stream(false), options));
        buffer.take()
    }

    #[test]
    fn a_build_is_a_line_for_each_command_and_an_account() {
        let text = shown(Options::default(), samples::play);
        insta::assert_snapshot!(text, @"
        rekindle: waiting for another build in this build directory: process 41, rekindle test
        rekindle: the flag `-fmystery` is not known
        [ 2/12] compile src/old.c (fresh)
        src/old.c:1: warning: dusty
        [ 5/12] compile src/a.c
        [ 6/12] FAILED compile src/b.c: exit code 1
        src/b.c:1: error: no
        [ 7/12] compile src/c.c
            note: it counts for this build only: `src/c.h` changed while it ran
        rekindle: 1 of 12 actions failed; 2 ran, 2 fresh, 7 not reached (1.24 s)
        ");
    }

    #[test]
    fn verbose_shows_commands_and_what_was_fresh_and_explain_shows_reasons() {
        let text = shown(Options { verbose: true, explain: true, ..Options::default() }, samples::play);
        insta::assert_snapshot!(text, @"
        rekindle: waiting for another build in this build directory: process 41, rekindle test
        rekindle: the flag `-fmystery` is not known
        [ 1/12] compile src/quiet.c (fresh)
        [ 2/12] compile src/old.c (fresh)
        src/old.c:1: warning: dusty
        [ 5/12] compile src/a.c
            because `src/a.h` changed
            /usr/bin/cc -c src/a.c
        [ 6/12] FAILED compile src/b.c: exit code 1
            because not built here yet
            /usr/bin/cc -c src/b.c
        src/b.c:1: error: no
        [ 7/12] compile src/c.c
            /usr/bin/cc -c src/c.c
            note: it counts for this build only: `src/c.h` changed while it ran
            note: its result holds the time at which it was made: `__DATE__` in `src/c.c`
            note: its result holds on this machine only: the flag `-fmystery`
        rekindle: 1 of 12 actions failed; 2 ran, 2 fresh, 7 not reached (1.24 s)
        rekindle: 4 processes, 1700 files looked at, 1 read (5120 bytes), 1 result volatile
        ");
    }

    #[test]
    fn explain_tells_what_keeps_a_result_from_others_also_of_what_is_fresh() {
        let options = Options { explain: true, sharing: true, ..Options::default() };
        let text = shown(options, |plain| {
            plain.event(&samples::fresh(), Duration::ZERO);
            plain.event(&samples::bound(), Duration::ZERO);
            let (_, closing) = samples::closings().swap_remove(10);
            plain.finish(&closing);
        });
        insta::assert_snapshot!(text, @"
        compile src/where.c is fresh
            note: its result is bound to absolute paths: `__FILE__` in `src/where.c`
        rekindle: 16 actions: 1 ran, 15 restored (1.24 s)
        rekindle: 14 results are bound to absolute paths:
        rekindle:   7 by `b.cfg`
        rekindle:   4 by `c.cfg`
        rekindle:   2 by `-DHERE=<ws>`
        rekindle:   1 by something else; `rekindle explain` names it
        ");
        assert_eq!(shown(Options::default(), |plain| plain.event(&samples::bound(), Duration::ZERO)), "");
    }

    #[test]
    fn each_ending_has_its_account() {
        let endings = samples::closings();
        let text: Vec<String> = endings
            .iter()
            .map(|(name, closing)| {
                format!("-- {name}\n{}", shown(Options::default(), |plain| plain.finish(closing)))
            })
            .collect();
        insta::assert_snapshot!(text.concat(), @"
        -- one ran
        rekindle: 116 actions: 1 ran, 115 fresh (1.24 s)
        -- nothing to do
        rekindle: nothing to do, 116 actions fresh (1.24 s)
        -- dry run
        rekindle: 116 actions: 2 would run, 114 fresh (1.24 s)
        -- failed
        rekindle: 1 of 12 actions failed; 2 ran, 2 fresh, 7 not reached (1.24 s)
        -- interrupted
        rekindle: interrupted; 2 ran, 2 fresh, 7 not reached (1.24 s)
        -- tests passed
        rekindle: 3 tests passed (1.24 s)
        -- tests failed
        rekindle: 116 actions: 1 ran, 115 fresh (1.24 s)
        rekindle: 2 of 5 tests failed: bad, slow (1.24 s)
        -- no such target
        ap: the manifest has no such target
             = hint: did you mean `app`?
        -- trouble
        rekindle: cannot write the journal
          hint: buy a disk
        -- interrupted early
        rekindle: interrupted
        -- restored
        rekindle: 16 actions: 1 ran, 15 restored (1.24 s)
        rekindle: 14 results are bound to absolute paths:
        rekindle:   7 by `b.cfg`
        rekindle:   4 by `c.cfg`
        rekindle:   2 by `-DHERE=<ws>`
        rekindle:   1 by something else; `rekindle explain` names it
        ");
    }

    #[test]
    fn a_failed_test_shows_what_it_printed_and_one_that_passed_does_not() {
        let text = shown(Options::default(), |plain| {
            for report in samples::tests() {
                plain.test(&report, Duration::ZERO);
            }
        });
        insta::assert_snapshot!(text, @"
        test good ok (0.12 s)
        test bad FAILED: exited with code 3 (0.12 s)
        expected 1,
        found 2
        test slow FAILED: ran out of time after 0.12 s (0.12 s)
        test dead FAILED: was killed by signal 11 (SIGSEGV) (0.12 s)
        ouch
        test gone FAILED: cannot run `/w/gone`: there is no such file (0.12 s)
        ");
    }

    #[test]
    fn colours_of_commands_are_kept_where_there_are_colours() {
        let buffer = Buffer::default();
        let mut plain = Plain::new(buffer.stream(true), Options::default());
        plain.event(&samples::failed(), Duration::ZERO);
        insta::assert_snapshot!(buffer.take(), @"
        [1/1] ^[1;31mFAILED^[m compile src/b.c: exit code 1
        src/b.c:1: ^[1;31merror:^[m no
        ");
    }
}
