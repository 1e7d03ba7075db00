//! One live line on a terminal: how far the build is, what runs, and how long it should take. Failures, warnings and
//! notes go above it, in full. The line is gone when the build ends.
//!
//! What an event costs is bounded: it counts, under a lock that nobody holds while something is written. A thread of
//! its own draws, at most ten times a second and only what is new, so that a slow terminal holds up no build but by
//! the failures and warnings that it has to show.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rekindle_engine::event::Event;
use unicode_width::UnicodeWidthStr;

use super::tally::Tally;
use super::{Closing, Options, Reporter, Testing, wording};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::output::Stream;
use crate::testing::TestReport;

/// How long a drawn line stands at least.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes a line of the terminal away.
const CLEAR: &[u8] = b"\r\x1b[K";

/// The fancy reporter: what is known, what is shown, and a thread that brings the one to the other.
pub(crate) struct Fancy {
    shared: Arc<Shared>,
    stop: Option<mpsc::Sender<()>>,
    ticker: Option<JoinHandle<()>>,
}

impl Fancy {
    /// One that draws on `screen`. Not more than `jobs` commands run at once; `clock` is the one by which events are
    /// timed.
    pub(crate) fn new(screen: Screen, options: Options, jobs: usize, clock: Clock) -> Self {
        let shared = Arc::new(Shared::new(screen, options, jobs));
        let (stop, stopped) = mpsc::channel();
        let drawn = Arc::clone(&shared);
        let ticker = thread::Builder::new().name("status line".into()).spawn(move || {
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                drawn.draw(clock.elapsed());
            }
        });
        Self { shared, stop: Some(stop), ticker: ticker.ok() }
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(ticker) = self.ticker.take() {
            // It can only have died of a panic, which has been reported.
            let _joined = ticker.join();
        }
    }

    /// Without the thread the line is drawn when something happens; that is no reason to fail.
    fn draw_if_alone(&self, at: Duration) {
        if self.ticker.is_none() {
            self.shared.draw(at);
        }
    }
}

impl Drop for Fancy {
    fn drop(&mut self) {
        self.stop();
        lock(&self.shared.screen).clear();
    }
}

impl Reporter for Fancy {
    fn event(&mut self, event: &Event, at: Duration) {
        self.shared.event(event, at);
        self.draw_if_alone(at);
    }

    fn test(&mut self, report: &TestReport, at: Duration) {
        let text = wording::test(report, self.shared.options);
        lock(&self.shared.screen).above(&text);
        self.draw_if_alone(at);
    }

    fn testing(&mut self, testing: &Testing, at: Duration) {
        let Testing { done, total, running } = testing;
        let names = if running.is_empty() { String::new() } else { format!(": {}", running.join(", ")) };
        lock(&self.shared.state).instead = Some(format!("[{done}/{total}] testing{names}"));
        self.draw_if_alone(at);
    }

    fn note(&mut self, text: &str) {
        self.shared.note(text);
    }

    fn finish(&mut self, closing: &Closing) {
        self.stop();
        self.shared.finish(closing);
    }

    fn trouble(&mut self) -> Result<(), Failure> {
        lock(&self.shared.screen).stream.finish()
    }
}

/// What the events write and the drawing thread reads.
struct Shared {
    options: Options,
    /// Locked for as long as it takes to count.
    state: Mutex<State>,
    /// Locked for as long as it takes to write.
    screen: Mutex<Screen>,
}

/// A panic while one is locked leaves at worst a broken line.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new(screen: Screen, options: Options, jobs: usize) -> Self {
        let state = State { tally: Tally::default(), jobs, instead: None };
        Self { options, state: Mutex::new(state), screen: Mutex::new(screen) }
    }

    fn event(&self, event: &Event, at: Duration) {
        let mut state = lock(&self.state);
        state.tally.take(event, at);
        match event {
            Event::Waiting(waiting) => {
                state.instead = Some(format!("rekindle: {}", wording::waiting(waiting)));
            }
            Event::ToolIsBusy { archive, holder } => {
                drop(state);
                self.note(&wording::tool_is_busy(archive, holder));
            }
            Event::Started { .. } => state.instead = None,
            Event::Notice(text) => {
                drop(state);
                self.note(text);
            }
            Event::ActionFinished(report) => {
                let told = self.options.verbose
                    || self.options.explain && !report.reasons.is_empty()
                    || self.options.sharing && wording::is_kept_from_others(report);
                if told || wording::is_noteworthy(report) {
                    let counter = state.tally.counter();
                    drop(state);
                    let text = wording::finished(report, &counter, self.options);
                    lock(&self.screen).above(&text);
                }
            }
            Event::ActionStarted { .. } | Event::Progress(_) => {}
        }
    }

    fn note(&self, text: &str) {
        lock(&self.screen).above(format!("rekindle: {text}\n").as_bytes());
    }

    /// Draws the status line, if it says something new and the last one has stood long enough.
    fn draw(&self, at: Duration) {
        if !lock(&self.screen).may_draw(at) {
            return;
        }
        let line = lock(&self.state).line(at);
        lock(&self.screen).draw(&line, at);
    }

    fn finish(&self, closing: &Closing) {
        let text = wording::closing(closing, &lock(&self.state).tally.failed, self.options);
        lock(&self.screen).finish(text.as_bytes());
    }
}

/// What is known of the build.
struct State {
    tally: Tally,
    /// How many commands run at once.
    jobs: usize,
    /// What the status line says instead of how far the build is.
    instead: Option<String>,
}

impl State {
    /// What the status line should say.
    fn line(&self, at: Duration) -> String {
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        let Tally { total, running, restored, failed, .. } = &self.tally;
        if *total == 0 {
            return String::new();
        }
        let mut line = self.tally.counter();
        if !failed.is_empty() {
            line.push_str(&format!(" {} failed", failed.len()));
        }
        if *restored > 0 {
            line.push_str(&format!(" {restored} restored"));
        }
        if let Some(left) = self.tally.remaining(at, self.jobs)
            && !running.is_empty()
        {
            line.push_str(&format!(" {} left", short(left.as_secs())));
        }
        if !running.is_empty() {
            let names: Vec<&str> = running.iter().map(|running| running.title.as_str()).collect();
            line.push_str(&format!(" {} running: {}", running.len(), names.join(", ")));
        }
        line
    }
}

/// What is on the terminal.
pub(crate) struct Screen {
    stream: Stream,
    width: fn() -> usize,
    /// The line that stands there now.
    drawn: Option<String>,
    /// When it was drawn; the next one may be drawn a pause later.
    drawn_at: Option<Duration>,
    over: bool,
}

impl Screen {
    /// The one that `stream` leads to, whose width in columns is asked before each drawing.
    pub(crate) fn new(stream: Stream, width: fn() -> usize) -> Self {
        Self { stream, width, drawn: None, drawn_at: None, over: false }
    }

    /// Whether the last line has stood long enough.
    fn may_draw(&self, at: Duration) -> bool {
        !self.over && self.drawn_at.is_none_or(|before| at >= before + PAUSE)
    }

    /// Writes whole lines above the status line, which stays.
    fn above(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(text.len() + 200);
        if self.drawn.is_some() {
            bytes.extend_from_slice(CLEAR);
        }
        bytes.extend_from_slice(&self.stream.shown(text));
        bytes.extend_from_slice(self.drawn.as_ref().map_or("", String::as_str).as_bytes());
        self.stream.raw(&bytes);
    }

    /// Draws the status line, if that changes anything.
    fn draw(&mut self, line: &str, at: Duration) {
        if !self.may_draw(at) {
            return;
        }
        // One column stays free: some terminals wrap when the last one is written.
        let line = fit(line, (self.width)().saturating_sub(1));
        if line.is_empty() || self.drawn.as_ref() == Some(&line) {
            return;
        }
        self.stream.raw(format!("\r{line}\x1b[K").as_bytes());
        self.drawn = Some(line);
        self.drawn_at = Some(at);
    }

    /// Takes the status line away.
    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            self.stream.raw(CLEAR);
        }
    }

    /// Takes the status line away for good and writes the last lines.
    fn finish(&mut self, text: &[u8]) {
        self.over = true;
        self.clear();
        self.stream.write(text);
    }
}

/// `<1 s`, `14 s`, `2 min`.
fn short(seconds: u64) -> String {
    match seconds {
        0 => "<1 s".to_string(),
        1..100 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

/// `text` in at most `columns` columns, cut with an ellipsis. Characters that would move the cursor are left out.
fn fit(text: &str, columns: usize) -> String {
    let text: String = text.chars().filter(|char| !char.is_control()).collect();
    if text.width() <= columns {
        return text;
    }
    let mut line = String::new();
    let mut buffer = [0; 4];
    for char in text.chars() {
        if line.width() + char.encode_utf8(&mut buffer).width() + 1 > columns {
            break;
        }
        line.push(char);
    }
    if columns > 0 {
        line.push('\u{2026}');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::output::tests::Buffer;

    /// What would be on a terminal so wide, with a drawing after each event.
    struct Shown {
        buffer: Buffer,
        shared: Shared,
    }

    impl Shown {
        fn new(width: fn() -> usize) -> Self {
            let buffer = Buffer::default();
            let screen = Screen::new(buffer.stream(false), width);
            Self { buffer, shared: Shared::new(screen, Options::default(), 2) }
        }

        fn event(&self, event: &Event, at: u64) {
            self.shared.event(event, Duration::from_millis(at));
            self.draw(at);
        }

        fn draw(&self, at: u64) {
            self.shared.draw(Duration::from_millis(at));
        }

        fn take(&self) -> String {
            self.buffer.take()
        }
    }

    #[test]
    fn the_line_tells_how_far_what_runs_and_how_long() {
        let shown = Shown::new(|| 80);
        shown.event(&Event::Started { total: 12 }, 0);
        shown.event(&samples::started(1, "src/a.c"), 200);
        shown.event(&samples::progress(4, 28_700), 400);
        shown.event(&samples::started(2, "src/b.c"), 600);
        insta::assert_snapshot!(shown.take().replace('\u{23ce}', "\n"), @"

        [ 0/12]^[K
        [ 0/12] 1 running: compile src/a.c^[K
        [ 4/12] 14 s left 1 running: compile src/a.c^[K
        [ 4/12] 14 s left 2 running: compile src/a.c, compile src/b.c^[K
        ");
        shown.event(&samples::ran(1, "src/a.c"), 800);
        shown.draw(14_800);
        lock(&shown.shared.screen).clear();
        insta::assert_snapshot!(shown.take().replace('\u{23ce}', "\n"), @"

        [ 5/12] 14 s left 1 running: compile src/b.c^[K
        ^[K
        ");
    }

    #[test]
    fn it_is_drawn_at_most_ten_times_a_second_and_the_last_news_is_not_lost() {
        let shown = Shown::new(|| 80);
        shown.event(&Event::Started { total: 100_000 }, 0);
        shown.take();
        for id in 0..50_000 {
            // Ten in a millisecond, for five seconds, each with all that it brings.
            let at = u64::from(id) / 10;
            shown.event(&samples::started(id, "x.c"), at);
            shown.event(&samples::ran(id, "x.c"), at);
        }
        let text = shown.take();
        assert_eq!(text.matches('\u{23ce}').count(), 49, "{text}");
        shown.draw(5_000);
        assert_eq!(shown.take(), "\u{23ce}[ 50000/100000]^[K");
    }

    #[test]
    fn nothing_is_written_when_nothing_is_new() {
        let shown = Shown::new(|| 80);
        shown.event(&Event::Started { total: 12 }, 0);
        shown.take();
        for at in 1..100 {
            shown.draw(at * 1000);
        }
        assert_eq!(shown.take(), "");
    }

    /// Tells when a write begins, and ends it when it is told to.
    struct Slow {
        began: mpsc::Sender<()>,
        go_on: mpsc::Receiver<()>,
    }

    impl std::io::Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _test_is_over = self.began.send(());
            let _test_is_over = self.go_on.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_that_takes_nothing_holds_up_no_event() {
        let ((began, begins), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
        let stream = Stream::to(Slow { began, go_on: goes_on }, "error", false);
        let shared = Arc::new(Shared::new(Screen::new(stream, || 80), Options::default(), 2));
        shared.event(&Event::Started { total: 12 }, Duration::ZERO);
        let drawn = Arc::clone(&shared);
        let ticker = thread::spawn(move || drawn.draw(Duration::ZERO));
        begins.recv().unwrap();
        // The line is being written, and will be until this test lets it. If events waited for that, so would we.
        let (done, ended) = mpsc::channel();
        let builds = Arc::clone(&shared);
        let build = thread::spawn(move || {
            for id in 0..100 {
                builds.event(&samples::started(id, "x.c"), Duration::ZERO);
                builds.event(&samples::ran(id, "x.c"), Duration::ZERO);
            }
            let _sent = done.send(());
        });
        let held_up = ended.recv_timeout(Duration::from_secs(20)).is_err();
        drop(go_on);
        ticker.join().unwrap();
        build.join().unwrap();
        assert!(!held_up, "events waited for the terminal");
    }

    #[test]
    fn warnings_and_failures_go_above_the_line_in_full() {
        let shown = Shown::new(|| 80);
        shown.event(&Event::Started { total: 12 }, 0);
        shown.event(&samples::warned(), 10);
        shown.event(&samples::failed(), 20);
        shown.draw(110);
        insta::assert_snapshot!(shown.take(), @"
        ⏎[ 0/12]^[K⏎^[K[ 1/12] compile src/old.c (fresh)
        src/old.c:1: warning: dusty
        [ 0/12]⏎^[K[ 2/12] FAILED compile src/b.c: exit code 1
        src/b.c:1: error: no
        [ 0/12]⏎[ 2/12] 1 failed^[K
        ");
    }

    #[test]
    fn nothing_of_the_line_is_left_at_the_end() {
        let shown = Shown::new(|| 80);
        shown.event(&Event::Started { total: 12 }, 0);
        let (_, closing) = samples::closings().swap_remove(3);
        shown.shared.finish(&closing);
        shown.event(&samples::started(2, "src/b.c"), 600);
        insta::assert_snapshot!(shown.take(), @"⏎[ 0/12]^[K⏎^[Krekindle: 1 of 12 actions failed; 2 ran, 2 fresh, 7 not reached (1.24 s)");
    }

    #[test]
    fn who_is_waited_for_stands_in_the_line_until_the_build_starts() {
        let shown = Shown::new(|| 80);
        shown.event(&samples::waiting(), 0);
        shown.event(&Event::Started { total: 3 }, 200);
        insta::assert_snapshot!(shown.take(), @"⏎rekindle: waiting for another build in this build directory: process 41, rekin…^[K⏎[0/3]^[K");
    }

    #[test]
    fn a_line_never_gets_wider_than_the_terminal() {
        assert_eq!(fit("compile src/a.c", 15), "compile src/a.c");
        assert_eq!(fit("compile src/a.c", 14), "compile src/a\u{2026}");
        assert_eq!(fit("日本語", 5), "日本\u{2026}");
        assert_eq!(fit("日本語", 4), "日\u{2026}");
        assert_eq!(fit("a\tb\r\x1b[Kc", 9), "ab[Kc");
        assert_eq!(fit("abc", 0), "");
        let shown = Shown::new(|| 20);
        shown.event(&Event::Started { total: 12 }, 0);
        shown.event(&samples::started(1, "src/very/long/name.c"), 200);
        assert_eq!(shown.take(), "\u{23ce}[ 0/12]^[K\u{23ce}[ 0/12] 1 running:\u{2026}^[K");
    }
}
