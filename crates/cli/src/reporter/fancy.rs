//! One live line on a terminal: how far the build is, what runs, and how long it should take. Failures, warnings and
//! notes go above it, in full. The line is redrawn at most ten times a second, and is gone when the build ends.

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

/// The fancy reporter: a [`Screen`], and a thread that redraws it when events come too fast, or not at all.
pub(crate) struct Fancy {
    screen: Arc<Mutex<Screen>>,
    stop: Option<mpsc::Sender<()>>,
    ticker: Option<JoinHandle<()>>,
}

impl Fancy {
    /// One that writes to `stream`, whose width in columns is asked before each drawing. `clock` is the one by which
    /// events are timed.
    pub(crate) fn new(stream: Stream, width: fn() -> usize, options: Options, clock: Clock) -> Self {
        let screen = Arc::new(Mutex::new(Screen::new(stream, width, options)));
        let (stop, stopped) = mpsc::channel();
        let shared = Arc::clone(&screen);
        // Without the thread the line is only drawn when something happens; that is no reason to fail.
        let ticker = thread::Builder::new().name("status line".into()).spawn(move || {
            while stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                lock(&shared).draw(clock.elapsed());
            }
        });
        Self { screen, stop: Some(stop), ticker: ticker.ok() }
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(ticker) = self.ticker.take() {
            // It can only have died of a panic, which has been reported.
            let _joined = ticker.join();
        }
    }
}

impl Drop for Fancy {
    fn drop(&mut self) {
        self.stop();
        lock(&self.screen).clear();
    }
}

/// A panic while the screen was drawn leaves at worst a broken line.
fn lock(screen: &Mutex<Screen>) -> MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter for Fancy {
    fn event(&mut self, event: &Event, at: Duration) {
        lock(&self.screen).event(event, at);
    }

    fn test(&mut self, report: &TestReport, at: Duration) {
        let mut screen = lock(&self.screen);
        let text = wording::test(report, screen.options);
        screen.above(&text, at);
    }

    fn testing(&mut self, testing: &Testing, at: Duration) {
        let mut screen = lock(&self.screen);
        let Testing { done, total, running } = testing;
        let names = if running.is_empty() { String::new() } else { format!(": {}", running.join(", ")) };
        screen.instead = Some(format!("[{done}/{total}] testing{names}"));
        screen.draw(at);
    }

    fn note(&mut self, text: &str) {
        let mut screen = lock(&self.screen);
        let at = screen.now;
        screen.above(format!("rekindle: {text}\n").as_bytes(), at);
    }

    fn finish(&mut self, closing: &Closing) {
        self.stop();
        lock(&self.screen).finish(closing);
    }

    fn trouble(&mut self) -> Result<(), Failure> {
        lock(&self.screen).stream.finish()
    }
}

/// What is on the terminal.
struct Screen {
    stream: Stream,
    width: fn() -> usize,
    options: Options,
    tally: Tally,
    /// What the status line says instead of how far the build is.
    instead: Option<String>,
    /// The line that stands there now.
    drawn: Option<String>,
    /// When it was drawn; the next one may be drawn a pause later.
    drawn_at: Option<Duration>,
    now: Duration,
    over: bool,
}

impl Screen {
    fn new(stream: Stream, width: fn() -> usize, options: Options) -> Self {
        Self {
            stream,
            width,
            options,
            tally: Tally::default(),
            instead: None,
            drawn: None,
            drawn_at: None,
            now: Duration::ZERO,
            over: false,
        }
    }

    fn event(&mut self, event: &Event, at: Duration) {
        self.tally.take(event, at);
        match event {
            Event::Waiting(waiting) => {
                self.instead = Some(format!("rekindle: {}", wording::waiting(waiting)));
                self.drawn_at = None;
            }
            Event::Started { .. } => self.instead = None,
            Event::Notice(text) => self.above(format!("rekindle: {text}\n").as_bytes(), at),
            Event::ActionFinished(report) => {
                let told = self.options.verbose
                    || self.options.explain && !report.reasons.is_empty()
                    || self.options.sharing && wording::is_kept_from_others(report);
                if told || wording::is_noteworthy(report) {
                    let text = wording::finished(report, &self.tally.counter(), self.options);
                    self.above(&text, at);
                }
            }
            Event::ActionStarted { .. } | Event::Progress(_) => {}
        }
        self.draw(at);
    }

    /// Writes whole lines above the status line.
    fn above(&mut self, text: &[u8], at: Duration) {
        if text.is_empty() {
            return;
        }
        self.clear();
        self.stream.write(text);
        self.drawn_at = None;
        self.draw(at);
    }

    /// Draws the status line, if it says something new and the last one has stood long enough.
    fn draw(&mut self, at: Duration) {
        self.now = at;
        if self.over || self.drawn_at.is_some_and(|before| at < before + PAUSE) {
            return;
        }
        // One column stays free: some terminals wrap when the last one is written.
        let line = fit(&self.line(at), (self.width)().saturating_sub(1));
        if line.is_empty() || self.drawn.as_ref() == Some(&line) {
            return;
        }
        self.stream.raw(format!("\r{line}\x1b[K").as_bytes());
        self.drawn = Some(line);
        self.drawn_at = Some(at);
    }

    /// What the status line should say.
    fn line(&self, at: Duration) -> String {
        if let Some(instead) = &self.instead {
            return instead.clone();
        }
        let Tally { total, running, restored, ends, failed, .. } = &self.tally;
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
        if let Some(ends) = ends
            && !running.is_empty()
        {
            let left = ends.saturating_sub(at).as_secs();
            line.push_str(&format!(" {} left", short(left)));
        }
        if !running.is_empty() {
            let names: Vec<&str> = running.iter().map(|(_, title)| title.as_str()).collect();
            line.push_str(&format!(" {} running: {}", running.len(), names.join(", ")));
        }
        line
    }

    /// Takes the status line away.
    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            self.stream.raw(b"\r\x1b[K");
        }
    }

    fn finish(&mut self, closing: &Closing) {
        self.over = true;
        self.clear();
        self.stream.write(wording::closing(closing, &self.tally.failed, self.options));
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

    fn screen(width: fn() -> usize) -> (Buffer, Screen) {
        let buffer = Buffer::default();
        let screen = Screen::new(buffer.stream(false), width, Options::default());
        (buffer, screen)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_line_tells_how_far_what_runs_and_how_long() {
        let (buffer, mut screen) = screen(|| 80);
        screen.event(&Event::Started { total: 12 }, ms(0));
        screen.event(&samples::started(1, "src/a.c"), ms(200));
        screen.event(&samples::progress(4, 14_300), ms(400));
        screen.event(&samples::started(2, "src/b.c"), ms(600));
        insta::assert_snapshot!(buffer.take().replace('\u{23ce}', "\n"), @"

        [ 0/12]^[K
        [ 0/12] 1 running: compile src/a.c^[K
        [ 4/12] 14 s left 1 running: compile src/a.c^[K
        [ 4/12] 14 s left 2 running: compile src/a.c, compile src/b.c^[K
        ");
        screen.event(&samples::ran(1, "src/a.c"), ms(800));
        screen.draw(ms(14_800));
        screen.clear();
        insta::assert_snapshot!(buffer.take().replace('\u{23ce}', "\n"), @"

        [ 5/12] 13 s left 1 running: compile src/b.c^[K
        [ 5/12] <1 s left 1 running: compile src/b.c^[K
        ^[K
        ");
    }

    #[test]
    fn it_is_drawn_at_most_ten_times_a_second_and_the_last_news_is_not_lost() {
        let (buffer, mut screen) = screen(|| 80);
        screen.event(&Event::Started { total: 1000 }, ms(0));
        for id in 0..100 {
            screen.event(&samples::ran(id, "x.c"), ms(u64::from(id)));
        }
        assert_eq!(buffer.take(), "\u{23ce}[   0/1000]^[K");
        screen.draw(ms(100));
        assert_eq!(buffer.take(), "\u{23ce}[ 100/1000]^[K");
        screen.draw(ms(300));
        assert_eq!(buffer.take(), "");
    }

    #[test]
    fn warnings_and_failures_go_above_the_line_in_full() {
        let (buffer, mut screen) = screen(|| 80);
        screen.event(&Event::Started { total: 12 }, ms(0));
        screen.event(&samples::warned(), ms(10));
        screen.event(&samples::failed(), ms(20));
        insta::assert_snapshot!(buffer.take(), @"
        ⏎[ 0/12]^[K⏎^[K[ 1/12] compile src/old.c (fresh)
        src/old.c:1: warning: dusty
        ⏎[ 1/12]^[K⏎^[K[ 2/12] FAILED compile src/b.c: exit code 1
        src/b.c:1: error: no
        ⏎[ 2/12] 1 failed^[K
        ");
    }

    #[test]
    fn nothing_of_the_line_is_left_at_the_end() {
        let (buffer, mut screen) = screen(|| 80);
        screen.event(&Event::Started { total: 12 }, ms(0));
        let (_, closing) = samples::closings().swap_remove(3);
        screen.finish(&closing);
        screen.event(&samples::started(2, "src/b.c"), ms(600));
        insta::assert_snapshot!(buffer.take(), @"⏎[ 0/12]^[K⏎^[Krekindle: 1 of 12 actions failed; 2 ran, 2 fresh, 7 not reached (1.24 s)");
    }

    #[test]
    fn who_is_waited_for_stands_in_the_line_until_the_build_starts() {
        let (buffer, mut screen) = screen(|| 80);
        screen.event(&samples::waiting(), ms(0));
        screen.event(&Event::Started { total: 3 }, ms(200));
        insta::assert_snapshot!(buffer.take(), @"⏎rekindle: waiting for another build in this build directory: process 41, rekin…^[K⏎[0/3]^[K");
    }

    #[test]
    fn a_line_never_gets_wider_than_the_terminal() {
        assert_eq!(fit("compile src/a.c", 15), "compile src/a.c");
        assert_eq!(fit("compile src/a.c", 14), "compile src/a\u{2026}");
        assert_eq!(fit("日本語", 5), "日本\u{2026}");
        assert_eq!(fit("日本語", 4), "日\u{2026}");
        assert_eq!(fit("a\tb\r\x1b[Kc", 9), "ab[Kc");
        assert_eq!(fit("abc", 0), "");
        let (buffer, mut screen) = screen(|| 20);
        screen.event(&Event::Started { total: 12 }, ms(0));
        screen.event(&samples::started(1, "src/very/long/name.c"), ms(200));
        assert_eq!(buffer.take(), "\u{23ce}[ 0/12]^[K\u{23ce}[ 0/12] 1 running:\u{2026}^[K");
    }
}
