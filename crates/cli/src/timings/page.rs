//! The page: one HTML file with its style and its script in it. It asks for nothing from anywhere, and says everything
//! without its script.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use rekindle_engine::event::{BuildOutcome, StoreUse};
use rekindle_fingerprint::action::ActionKind;

use super::chart;
use super::html::{bytes, clip, duration, escape, milliseconds, moment, percent};
use super::record::{How, Record, Run};
use crate::reporter::{Closing, Heading};

/// How many rows the table of all that ran has at most.
const ROWS: usize = 1_000;
/// How many of the slowest are listed.
const SLOWEST: usize = 20;
/// How many reasons are listed, and how many that were put back.
const LISTED: usize = 200;
/// How many steps of the critical path are listed: as many from its end.
const STEPS: usize = 200;
/// How many failures are shown with what was printed.
const FAILURES: usize = 20;
/// How many characters of one name or reason are shown, and how many reasons of one action.
const TEXT: usize = 300;
const REASONS: usize = 3;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing is fetched from anywhere, whatever stands on the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'";

/// What is written down.
pub(super) struct Page<'a> {
    /// What was built.
    pub(super) heading: &'a Heading,
    /// How it ended.
    pub(super) closing: &'a Closing,
    /// What happened.
    pub(super) record: &'a Record,
    /// When it ended, since 1970 began.
    pub(super) ended: Duration,
}

impl Page<'_> {
    /// The whole document.
    pub(super) fn html(&self) -> String {
        let title = match self.heading.targets.as_slice() {
            [] => "the default targets".to_string(),
            targets => clip(&targets.join(", "), TEXT),
        };
        let (title, profile) = (escape(&title), escape(&self.heading.profile));
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>rekindle timings: {title} ({profile})</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <h1>Where the time went: {title}</h1>\n"
        );
        self.head(&mut page);
        self.failures(&mut page);
        if self.record.runs.is_empty() {
            page.push_str("<p>No command ran, and nothing was put back.</p>\n");
        } else {
            self.charts(&mut page);
            self.critical(&mut page);
            self.slowest(&mut page);
            self.kinds(&mut page);
            self.reasons(&mut page);
            self.restored(&mut page);
            self.all(&mut page);
        }
        let _ = write!(page, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
        page
    }

    fn commands(&self) -> impl Iterator<Item = &Run> {
        self.record.runs.iter().filter(|run| run.lane.is_some())
    }

    fn head(&self, page: &mut String) {
        let (Heading { profile, jobs, .. }, Closing { summary, wall, .. }) = (self.heading, self.closing);
        let counts = &summary.actions;
        let how = match (&self.closing.failure, summary.outcome) {
            (Some(_), _) => "<span class=\"bad\">It ended early.</span>".to_string(),
            (None, BuildOutcome::Interrupted) => "<span class=\"bad\">It was interrupted.</span>".to_string(),
            (None, BuildOutcome::Failed) => {
                format!("<span class=\"bad\">{} of {} actions failed.</span>", counts.failed, summary.total)
            }
            (None, BuildOutcome::Ok) => "Everything that was asked for is there.".to_string(),
        };
        let _ = writeln!(page, "<p class=\"soft\">{how} {}, rekindle {}.</p>", moment(self.ended), VERSION);
        page.push_str("<dl>");
        let mut fact = |name: &str, value: String, more: String| {
            let more = if more.is_empty() { more } else { format!("<small>{more}</small>") };
            let _ = write!(page, "<div><dt>{name}</dt><dd>{value}{more}</dd></div>");
        };
        let ran: u64 = self.commands().map(|run| run.ms).sum();
        let parallel = ran as f64 / (wall.as_secs_f64() * 1000.0).max(1.0);
        fact("wall time", duration(*wall), String::new());
        fact("time of commands", milliseconds(ran), format!("{parallel:.1} at once on average"));
        fact("jobs", jobs.to_string(), format!("{} ran at once at most", self.record.lanes));
        fact("profile", escape(profile), String::new());
        fact("actions", summary.total.to_string(), skipped(counts.skipped));
        fact("fresh", counts.fresh.to_string(), "nothing to do".into());
        fact("put back", counts.restored.to_string(), "without a command".into());
        fact("ran", counts.ran.to_string(), String::new());
        fact("failed", counts.failed.to_string(), String::new());
        fact("processes", summary.processes_spawned.to_string(), "probes of compilers included".into());
        let files = format!("{} read, {}", summary.files.hashed, bytes(summary.files.hashed_bytes));
        fact("files looked at", summary.files.signed.to_string(), files);
        match &summary.store {
            Some(StoreUse { hits, misses, stored, bytes_read, bytes_written, .. }) => {
                fact("found in the store", hits.to_string(), format!("{} read", bytes(*bytes_read)));
                fact("not found there", misses.to_string(), String::new());
                fact("added to it", stored.to_string(), format!("{} written", bytes(*bytes_written)));
            }
            None => fact("store", "none".into(), String::new()),
        }
        page.push_str("</dl>\n");
    }

    fn failures(&self, page: &mut String) {
        let failed: Vec<&Run> = self.record.runs.iter().filter(|run| run.how == How::Failed).collect();
        if failed.is_empty() {
            return;
        }
        page.push_str("<section id=\"failures\"><h2>What failed</h2>\n");
        for run in failed.iter().take(FAILURES) {
            let why = run.failure.as_deref().unwrap_or("it failed");
            let _ = writeln!(page, "<p><span class=\"bad\">{}</span>: {}</p>", name(run), text(why));
            if !run.printed.is_empty() {
                let _ = writeln!(page, "<pre>{}</pre>", escape(run.printed.trim_end()));
            }
        }
        not_shown(page, failed.len(), FAILURES, "failures");
        page.push_str("</section>\n");
    }

    fn charts(&self, page: &mut String) {
        let (timeline, left_out) = chart::timeline(self.record);
        page.push_str(
            "<section><h2>Timeline</h2>\n<p class=\"note\">A lane is a place in which one command runs at a time. A bar \
             ends when the result was recorded. Below, how many commands ran at once, and how many may.</p>\n",
        );
        page.push_str("<div class=\"legend\">");
        for kind in ActionKind::ALL {
            if let Some(run) = self.record.runs.iter().find(|run| run.kind == kind) {
                let class = chart::class(run);
                let class = class.split(' ').next().unwrap_or_default();
                let _ = write!(page, "<span><i class=\"{class}\"></i>{}</span>", kind_words(kind));
            }
        }
        if self.record.runs.iter().any(|run| run.how == How::Failed) {
            page.push_str("<span><i class=\"f\"></i>failed</span>");
        }
        page.push_str("<span><i class=\"k\"></i>critical path</span></div>\n");
        page.push_str(
            "<div class=\"tools\"><button id=\"out\" type=\"button\">narrower</button>\
             <button id=\"in\" type=\"button\">wider</button><button id=\"fit\" type=\"button\">all of it</button></div>\n",
        );
        let parallel = chart::parallel(self.record, self.heading.jobs);
        let _ = write!(page, "<div class=\"scroll\"><div id=\"wide\">\n{timeline}{parallel}</div></div>\n");
        page.push_str(
            "<div id=\"told\" aria-live=\"polite\">Point at a bar, or go through them with the arrow keys.</div>\n",
        );
        if left_out > 0 {
            let _ = writeln!(page, "<p class=\"note\">{left_out} bars are not drawn: the shortest ones.</p>");
        }
        page.push_str("</section>\n");
    }

    fn critical(&self, page: &mut String) {
        let path: Vec<&Run> = self.record.critical.iter().map(|at| &self.record.runs[*at]).collect();
        let Some(last) = path.last() else { return };
        page.push_str(
            "<section id=\"critical\"><h2>The critical path</h2>\n<p class=\"note\">What ended last, and before each \
             action the one that it waited for last. Only what shortens this chain shortens the build. Between two of \
             them there was waiting, for a free job or for rekindle. What was found fresh is passed over.</p>\n",
        );
        page.push_str(&columns(&["waited>", "took>", "action", ""]));
        let longest = path.iter().map(|run| long(run)).max().unwrap_or_default();
        let (mut took, mut waited, mut before) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let hidden = path.len().saturating_sub(STEPS);
        for (at, run) in path.iter().enumerate() {
            let gap = run.started.saturating_sub(before);
            (took, waited, before) = (took + long(run), waited + gap, run.ended);
            if at >= hidden {
                let _ = writeln!(
                    page,
                    "<tr><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}{}</td>{}</tr>",
                    duration(gap),
                    duration(long(run)),
                    name(run),
                    how(run),
                    length(run, long(run), longest)
                );
            }
        }
        let rest = self.record.wall.saturating_sub(last.ended);
        let _ = writeln!(
            page,
            "</tbody><tfoot><tr><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td>{} of {} actions; {} after the last one</td><td></td></tr></tfoot></table>",
            duration(waited),
            duration(took),
            path.len(),
            self.record.runs.len(),
            duration(rest)
        );
        if hidden > 0 {
            let _ = writeln!(page, "<p class=\"note\">The first {hidden} steps are not shown.</p>");
        }
        page.push_str("</section>\n");
    }

    fn slowest(&self, page: &mut String) {
        let mut runs: Vec<&Run> = self.commands().collect();
        if runs.is_empty() {
            return;
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.ms));
        let longest = Duration::from_millis(runs.first().map_or(0, |run| run.ms));
        page.push_str("<section id=\"slowest\"><h2>The slowest actions</h2>\n");
        page.push_str(&columns(&["took>", "action", ""]));
        for run in runs.iter().take(SLOWEST) {
            let _ = writeln!(
                page,
                "<tr><td class=\"n\">{}</td><td>{}{}</td>{}</tr>",
                milliseconds(run.ms),
                name(run),
                how(run),
                length(run, Duration::from_millis(run.ms), longest)
            );
        }
        page.push_str("</tbody></table></section>\n");
    }

    fn kinds(&self, page: &mut String) {
        page.push_str("<section id=\"kinds\"><h2>By kind</h2>\n");
        let all = ["kind", "commands>", "all together>", "on average>", "the longest>", "put back>"];
        page.push_str(&columns(&all));
        for kind in ActionKind::ALL {
            let of_kind = || self.record.runs.iter().filter(|run| run.kind == kind);
            let times: Vec<u64> = of_kind().filter(|run| run.lane.is_some()).map(|run| run.ms).collect();
            let restored = of_kind().filter(|run| run.how == How::Restored).count();
            if times.is_empty() && restored == 0 {
                continue;
            }
            let sum: u64 = times.iter().sum();
            let mean = sum.checked_div(times.len() as u64).unwrap_or(0);
            let longest = times.iter().copied().max().unwrap_or(0);
            let _ = write!(page, "<tr><td>{}</td><td class=\"n\">{}</td>", kind_words(kind), times.len());
            for ms in [sum, mean, longest] {
                let _ = write!(page, "<td class=\"n\">{}</td>", milliseconds(ms));
            }
            let _ = writeln!(page, "<td class=\"n\">{restored}</td></tr>");
        }
        page.push_str("</tbody></table></section>\n");
    }

    /// Each reason once, with how many actions it had run or put back.
    fn reasons(&self, page: &mut String) {
        let mut counts: HashMap<&str, (usize, &Run)> = HashMap::new();
        for run in &self.record.runs {
            for reason in &run.reasons {
                counts.entry(reason).or_insert((0, run)).0 += 1;
            }
        }
        if counts.is_empty() {
            return;
        }
        let mut counts: Vec<(&str, (usize, &Run))> = counts.into_iter().collect();
        counts.sort_by_key(|(reason, (count, _))| (std::cmp::Reverse(*count), *reason));
        page.push_str("<section id=\"reasons\"><h2>Why</h2>\n");
        page.push_str(&columns(&["actions>", "were not fresh because", "for example"]));
        for (reason, (count, example)) in counts.iter().take(LISTED) {
            let _ = writeln!(
                page,
                "<tr><td class=\"n\">{count}</td><td>{}</td><td>{}</td></tr>",
                text(reason),
                name(example)
            );
        }
        page.push_str("</tbody></table>");
        not_shown(page, counts.len(), LISTED, "reasons");
        page.push_str("</section>\n");
    }

    fn restored(&self, page: &mut String) {
        let restored: Vec<&Run> = self.record.runs.iter().filter(|run| run.how == How::Restored).collect();
        if restored.is_empty() {
            return;
        }
        page.push_str(
            "<section id=\"restored\"><h2>What was put back</h2>\n\
             <p class=\"note\">From the build directory or from the store; no command ran for it.</p>\n<p>",
        );
        let names: Vec<String> = restored.iter().take(LISTED).map(|run| name(run)).collect();
        let _ = writeln!(page, "{}</p>", names.join(" · "));
        not_shown(page, restored.len(), LISTED, "of them");
        page.push_str("</section>\n");
    }

    /// A row for each, the failed ones, those of the critical path and the longest first of all.
    fn all(&self, page: &mut String) {
        let mut runs: Vec<(usize, &Run)> = self.record.runs.iter().enumerate().collect();
        runs.sort_by_key(|(_, run)| {
            (!(run.critical || run.how == How::Failed), run.lane.is_none(), std::cmp::Reverse(run.ms))
        });
        runs.truncate(ROWS);
        runs.sort_by_key(|(at, _)| *at);
        page.push_str(
            "<section id=\"all\"><h2>Everything that ran or was put back</h2>\n\
             <div class=\"tools\"><label>Only with <input id=\"filter\" type=\"search\"></label> \
             <span id=\"found\" class=\"note\" aria-live=\"polite\"></span></div>\n",
        );
        page.push_str(&columns(&["from>", "took>", "action", "how", "why"]));
        for (_, run) in &runs {
            let took = if run.lane.is_some() { milliseconds(run.ms) } else { "-".into() };
            let mark = if run.critical { " *" } else { "" };
            let _ = writeln!(
                page,
                "<tr><td class=\"n\">{}</td><td class=\"n\">{took}</td><td>{}{mark}</td>\
                 <td class=\"w\">{}</td><td>{}</td></tr>",
                duration(run.started),
                name(run),
                run.how.words(),
                why(run)
            );
        }
        page.push_str("</tbody></table>\n<p class=\"note\">* is on the critical path.</p>\n");
        not_shown(page, self.record.runs.len(), ROWS, "rows, the shortest ones,");
        page.push_str("</section>\n");
    }
}

/// The beginning of a table. Columns of figures have a `>` behind their names.
fn columns(names: &[&str]) -> String {
    let cells = names.iter().map(|name| match name.strip_suffix('>') {
        Some(name) => format!("<th class=\"n\">{name}</th>"),
        None => format!("<th>{name}</th>"),
    });
    format!("<table><thead><tr>{}</tr></thead><tbody>\n", cells.collect::<String>())
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// From the start until it was done with.
fn long(run: &Run) -> Duration {
    run.ended.saturating_sub(run.started)
}

fn name(run: &Run) -> String {
    text(&run.title())
}

fn text(text: &str) -> String {
    escape(&clip(text, TEXT))
}

fn how(run: &Run) -> String {
    match run.how {
        How::Ran => String::new(),
        How::Failed => " <span class=\"bad\">failed</span>".into(),
        how => format!(" <span class=\"soft\">{}</span>", how.words()),
    }
}

fn why(run: &Run) -> String {
    let shown: Vec<String> = run.reasons.iter().take(REASONS).map(|reason| text(reason)).collect();
    let more = run.reasons.len().saturating_sub(REASONS);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    shown.join("; ") + &more
}

fn length(run: &Run, long: Duration, longest: Duration) -> String {
    let class = if run.how == How::Failed { "f".into() } else { chart::class(run) };
    let class = class.split(' ').next().unwrap_or_default().to_string();
    let width = percent(long.as_secs_f64(), longest.as_secs_f64());
    format!("<td class=\"len\"><i class=\"{class}\" style=\"width:{width}%\"></i></td>")
}

fn kind_words(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::Compile => "compile",
        ActionKind::Archive => "archive",
        ActionKind::Link => "link",
        ActionKind::Custom => "command",
        ActionKind::AutoArchive => "archive of another build tool",
    }
}

fn skipped(count: u64) -> String {
    if count > 0 { format!("{count} not reached") } else { String::new() }
}

fn not_shown(page: &mut String, all: usize, most: usize, what: &str) {
    if all > most {
        let _ = writeln!(page, "<p class=\"note\">{} {what} are not shown.</p>", all - most);
    }
}

#[cfg(test)]
mod tests {
    use rekindle_engine::event::Event;

    use super::*;
    use crate::reporter::samples;
    use crate::timings::record::Recorder;

    fn page(events: &[(Event, u64)], closing: &Closing, targets: &[&str]) -> String {
        let mut recorder = Recorder::default();
        events.iter().for_each(|(event, at)| recorder.event(event, Duration::from_millis(*at)));
        let record = recorder.close(closing.wall);
        let targets = targets.iter().map(|name| (*name).to_string()).collect();
        let heading = Heading { profile: "debug".into(), targets, jobs: 2, dry_run: false };
        let ended = Duration::from_secs(1_772_323_200);
        let html = Page { heading: &heading, closing, record: &record, ended }.html();
        html.replace(STYLE, "").replace(SCRIPT, "").replace(VERSION, "[VERSION]")
    }

    fn closing(named: &str) -> Closing {
        samples::closings().into_iter().find(|(name, _)| *name == named).unwrap().1
    }

    fn without_charts(page: &str) -> String {
        let (head, rest) = page.split_once("<svg").unwrap();
        let (_, tail) = rest.rsplit_once("</svg>").unwrap();
        format!("{head}...{tail}")
    }

    #[test]
    fn a_build_in_which_something_of_everything_happens() {
        let events = [
            (samples::restored(9, "old.c"), 5),
            (samples::started(1, "src/a.c"), 10),
            (samples::started(2, "src/<i>.c"), 20),
            (samples::ran(2, "src/<i>.c"), 160),
            (samples::ran(1, "src/a.c"), 900),
            (samples::started(4, "src/b.c"), 910),
            (samples::failed(), 1_100),
        ];
        insta::assert_snapshot!(without_charts(&page(&events, &closing("failed"), &["app"])), @r#"
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>rekindle timings: app (debug)</title>
        <style>
        </style>
        </head>
        <body>
        <h1>Where the time went: app</h1>
        <p class="soft"><span class="bad">1 of 12 actions failed.</span> 2026-03-01 00:00 UTC, rekindle [VERSION].</p>
        <dl><div><dt>wall time</dt><dd>1.24 s</dd></div><div><dt>time of commands</dt><dd>360 ms<small>0.3 at once on average</small></dd></div><div><dt>jobs</dt><dd>2<small>2 ran at once at most</small></dd></div><div><dt>profile</dt><dd>debug</dd></div><div><dt>actions</dt><dd>12<small>7 not reached</small></dd></div><div><dt>fresh</dt><dd>2<small>nothing to do</small></dd></div><div><dt>put back</dt><dd>0<small>without a command</small></dd></div><div><dt>ran</dt><dd>2</dd></div><div><dt>failed</dt><dd>1</dd></div><div><dt>processes</dt><dd>4<small>probes of compilers included</small></dd></div><div><dt>files looked at</dt><dd>1700<small>1 read, 5.1 kB</small></dd></div><div><dt>store</dt><dd>none</dd></div></dl>
        <section id="failures"><h2>What failed</h2>
        <p><span class="bad">compile src/b.c</span>: exit code 1</p>
        <pre>src/b.c:1: error: no</pre>
        </section>
        <section><h2>Timeline</h2>
        <p class="note">A lane is a place in which one command runs at a time. A bar ends when the result was recorded. Below, how many commands ran at once, and how many may.</p>
        <div class="legend"><span><i class="c"></i>compile</span><span><i class="f"></i>failed</span><span><i class="k"></i>critical path</span></div>
        <div class="tools"><button id="out" type="button">narrower</button><button id="in" type="button">wider</button><button id="fit" type="button">all of it</button></div>
        <div class="scroll"><div id="wide">
        ...</div>
        </div></div>
        <div id="told" aria-live="polite">Point at a bar, or go through them with the arrow keys.</div>
        </section>
        <section id="critical"><h2>The critical path</h2>
        <p class="note">What ended last, and before each action the one that it waited for last. Only what shortens this chain shortens the build. Between two of them there was waiting, for a free job or for rekindle. What was found fresh is passed over.</p>
        <table><thead><tr><th class="n">waited</th><th class="n">took</th><th>action</th><th></th></tr></thead><tbody>
        <tr><td class="n">910 ms</td><td class="n">190 ms</td><td>compile src/b.c <span class="bad">failed</span></td><td class="len"><i class="f" style="width:100%"></i></td></tr>
        </tbody><tfoot><tr><td class="n">910 ms</td><td class="n">190 ms</td><td>1 of 4 actions; 140 ms after the last one</td><td></td></tr></tfoot></table>
        </section>
        <section id="slowest"><h2>The slowest actions</h2>
        <table><thead><tr><th class="n">took</th><th>action</th><th></th></tr></thead><tbody>
        <tr><td class="n">120 ms</td><td>compile src/a.c</td><td class="len"><i class="c" style="width:100%"></i></td></tr>
        <tr><td class="n">120 ms</td><td>compile src/&lt;i&gt;.c</td><td class="len"><i class="c" style="width:100%"></i></td></tr>
        <tr><td class="n">120 ms</td><td>compile src/b.c <span class="bad">failed</span></td><td class="len"><i class="f" style="width:100%"></i></td></tr>
        </tbody></table></section>
        <section id="kinds"><h2>By kind</h2>
        <table><thead><tr><th>kind</th><th class="n">commands</th><th class="n">all together</th><th class="n">on average</th><th class="n">the longest</th><th class="n">put back</th></tr></thead><tbody>
        <tr><td>compile</td><td class="n">3</td><td class="n">360 ms</td><td class="n">120 ms</td><td class="n">120 ms</td><td class="n">1</td></tr>
        </tbody></table></section>
        <section id="reasons"><h2>Why</h2>
        <table><thead><tr><th class="n">actions</th><th>were not fresh because</th><th>for example</th></tr></thead><tbody>
        <tr><td class="n">4</td><td>not built here yet</td><td>compile old.c</td></tr>
        </tbody></table></section>
        <section id="restored"><h2>What was put back</h2>
        <p class="note">From the build directory or from the store; no command ran for it.</p>
        <p>compile old.c</p>
        </section>
        <section id="all"><h2>Everything that ran or was put back</h2>
        <div class="tools"><label>Only with <input id="filter" type="search"></label> <span id="found" class="note" aria-live="polite"></span></div>
        <table><thead><tr><th class="n">from</th><th class="n">took</th><th>action</th><th>how</th><th>why</th></tr></thead><tbody>
        <tr><td class="n">5 ms</td><td class="n">-</td><td>compile old.c</td><td class="w">put back</td><td>not built here yet</td></tr>
        <tr><td class="n">10 ms</td><td class="n">120 ms</td><td>compile src/a.c</td><td class="w">ran</td><td>not built here yet</td></tr>
        <tr><td class="n">20 ms</td><td class="n">120 ms</td><td>compile src/&lt;i&gt;.c</td><td class="w">ran</td><td>not built here yet</td></tr>
        <tr><td class="n">910 ms</td><td class="n">120 ms</td><td>compile src/b.c *</td><td class="w">failed</td><td>not built here yet</td></tr>
        </tbody></table>
        <p class="note">* is on the critical path.</p>
        </section>
        <script>
        </script>
        </body>
        </html>
        "#);
    }

    #[test]
    fn a_build_in_which_nothing_was_to_do() {
        insta::assert_snapshot!(page(&[], &closing("nothing to do"), &[]), @r#"
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>rekindle timings: the default targets (debug)</title>
        <style>
        </style>
        </head>
        <body>
        <h1>Where the time went: the default targets</h1>
        <p class="soft">Everything that was asked for is there. 2026-03-01 00:00 UTC, rekindle [VERSION].</p>
        <dl><div><dt>wall time</dt><dd>1.24 s</dd></div><div><dt>time of commands</dt><dd>0 ms<small>0.0 at once on average</small></dd></div><div><dt>jobs</dt><dd>2<small>0 ran at once at most</small></dd></div><div><dt>profile</dt><dd>debug</dd></div><div><dt>actions</dt><dd>116</dd></div><div><dt>fresh</dt><dd>116<small>nothing to do</small></dd></div><div><dt>put back</dt><dd>0<small>without a command</small></dd></div><div><dt>ran</dt><dd>0</dd></div><div><dt>failed</dt><dd>0</dd></div><div><dt>processes</dt><dd>4<small>probes of compilers included</small></dd></div><div><dt>files looked at</dt><dd>1700<small>1 read, 5.1 kB</small></dd></div><div><dt>store</dt><dd>none</dd></div></dl>
        <p>No command ran, and nothing was put back.</p>
        <script>
        </script>
        </body>
        </html>
        "#);
    }

    #[test]
    fn no_text_becomes_part_of_the_page() {
        let name = "</script><script>alert('\"x\"')</script><!--";
        let events = [(samples::started(1, name), 1), (samples::ran(1, name), 99)];
        let page = page(&events, &closing("one ran"), &[name]);
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert_eq!(page.matches("</script").count(), 1, "{page}");
        assert!(!page.contains("<!--") && page.contains("&lt;!--"), "{page}");
    }

    #[test]
    fn ten_thousand_actions_fit_into_five_megabytes_and_what_is_not_shown_is_said() {
        let mut events = Vec::new();
        for id in 0..10_000_u32 {
            let name = format!("src/some/directory/of/a/usual/depth/module_{id}/file_{id}.c");
            events.push((samples::started(id, &name), u64::from(id)));
            events.push((samples::ran(id, &name), u64::from(id) + 7));
        }
        let page = page(&events, &closing("one ran"), &[]);
        assert!(page.len() < 5_000_000, "{}", page.len());
        assert_eq!(page.matches("<rect ").count(), 10_000);
        assert!(page.contains("9000 rows, the shortest ones, are not shown."));
        assert!(page.matches("<tr>").count() < ROWS + 2 * LISTED);
    }
}
