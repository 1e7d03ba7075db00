//! The two charts over time, as inline SVG: commands in their lanes, and how many ran at once. Places are in percent,
//! so that the page can be as wide as it likes while text and lines keep their size.

use std::fmt::Write as _;
use std::time::Duration;

use super::html::{clip, clip_front, duration, escape, milliseconds, percent};
use super::record::{How, Record, Run};

/// How many bars are drawn at most: the longest ones, and all of the critical path.
pub(super) const BARS: usize = 12_000;
/// From how many bars on there are no lines between them.
const MANY: usize = 400;
/// In how many steps the time is cut to tell how many commands ran.
const STEPS: usize = 500;
/// How much room there is above the lanes, for the time.
const TOP: usize = 22;
/// How many characters of a name fit into a bar that is as wide as the chart.
const LETTERS: f64 = 150.0;
/// How many characters of a title and of a reason a bar tells.
const TITLE: usize = 120;

/// How high a lane is, and the bar in it.
fn heights(lanes: usize) -> (usize, usize) {
    match lanes {
        0..=16 => (20, 16),
        17..=48 => (12, 10),
        _ => (6, 5),
    }
}

/// The letter for each kind in the style sheet.
pub(super) fn class(run: &Run) -> String {
    use rekindle_fingerprint::action::ActionKind;
    let kind = match run.kind {
        ActionKind::Compile => "c",
        ActionKind::Archive => "a",
        ActionKind::Link => "l",
        ActionKind::Custom => "x",
        ActionKind::AutoArchive => "b",
    };
    let how = match run.how {
        How::Failed => " f",
        How::CutOff => " u",
        How::Ran | How::Restored | How::Again => "",
    };
    format!("{kind}{how}{}", if run.critical { " k" } else { "" })
}

/// A distance between two marks of time so that there are about ten of them: 1, 2 or 5 with noughts behind.
fn tick(wall: Duration) -> Duration {
    let least = wall.as_secs_f64() / 10.0;
    let mut step = 0.001;
    while step < least {
        step = [2.0, 5.0, 10.0]
            .map(|by| by * step)
            .into_iter()
            .find(|next| *next >= least)
            .unwrap_or(10.0 * step);
    }
    Duration::from_secs_f64(step)
}

/// The timeline, and how many bars were left out.
pub(super) fn timeline(record: &Record) -> (String, usize) {
    let wall = record.wall.max(Duration::from_millis(1));
    let (pitch, thick) = heights(record.lanes);
    let lanes = TOP + record.lanes * pitch;
    let apart = record.runs.iter().any(|run| run.lane.is_none());
    let height = lanes + if apart { 42 } else { 4 };
    // Between many bars there is no room for lines.
    let class = if record.runs.len() > MANY { " class=\"many\"" } else { "" };
    let mut svg = format!(
        "<svg id=\"timeline\"{class} width=\"100%\" height=\"{height}\" role=\"img\" \
         aria-label=\"Timeline: each bar is a command, in the lane in which it ran\">\n"
    );
    let step = tick(wall);
    for mark in (0..).map(|at: u32| step * at).take_while(|at| *at <= wall) {
        let x = percent(mark.as_secs_f64(), wall.as_secs_f64());
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x}%\" x2=\"{x}%\" y1=\"14\" y2=\"{height}\"/>\
             <text class=\"mark\" x=\"{x}%\" dx=\"3\" y=\"11\">{}</text>",
            duration(mark)
        );
    }
    if apart {
        let _ = writeln!(
            svg,
            "<text class=\"mark\" x=\"0\" dx=\"3\" y=\"{}\">without a command</text>",
            lanes + 18
        );
    }
    let (mut drawn, left_out) = drawn(&record.runs);
    // What comes later lies above: the marks of the critical path.
    drawn.sort_by_key(|run| run.critical);
    for run in drawn {
        let y = run.lane.map_or(lanes + 24, |lane| TOP + lane * pitch);
        bar(&mut svg, run, wall, y, thick);
    }
    svg.push_str("</svg>\n");
    (svg, left_out)
}

/// The bars that are drawn, by time, and how many are not.
fn drawn(runs: &[Run]) -> (Vec<&Run>, usize) {
    let mut drawn: Vec<(usize, &Run)> = runs.iter().enumerate().collect();
    if drawn.len() > BARS {
        let counts = |run: &Run| run.critical || run.how == How::Failed;
        drawn
            .sort_by_key(|(_, run)| (!counts(run), std::cmp::Reverse(run.ended.saturating_sub(run.started))));
        drawn.truncate(BARS);
        drawn.sort_by_key(|(at, _)| *at);
    }
    (drawn.iter().map(|(_, run)| *run).collect(), runs.len() - drawn.len())
}

fn bar(svg: &mut String, run: &Run, wall: Duration, y: usize, thick: usize) {
    let (whole, long) = (wall.as_secs_f64(), run.ended.saturating_sub(run.started).as_secs_f64());
    let (x, width) = (percent(run.started.as_secs_f64(), whole), percent(long, whole));
    // A bar without any width would not be drawn at all.
    let width = if run.lane.is_none() || width == "0" { "3".to_string() } else { format!("{width}%") };
    let place = format!("x=\"{x}%\" y=\"{y}\" width=\"{width}\" height=\"{thick}\"");
    // Writing to a string cannot fail.
    let _ = write!(svg, "<rect class=\"{}\" {place}><title>{}</title></rect>", class(run), title(run));
    let letters = (LETTERS * long / whole) as usize;
    if thick == 16 && letters >= 5 && run.lane.is_some() {
        // A picture in the picture ends where the bar ends.
        let name = escape(&clip_front(&run.name, letters));
        let _ = write!(svg, "<svg class=\"name\" {place}><text x=\"4\" y=\"12\">{name}</text></svg>");
    }
    svg.push('\n');
}

/// All that a bar tells.
fn title(run: &Run) -> String {
    let mut text = format!("{}\n{}", clip(&run.title(), TITLE), run.how.words());
    if run.lane.is_some() {
        let _ = write!(text, ", {} from {}", milliseconds(run.ms), duration(run.started));
    }
    if run.critical {
        text.push_str(", on the critical path");
    }
    if let Some(why) = &run.failure {
        let _ = write!(text, "\n{}", clip(why, TITLE));
    }
    if let Some(reason) = run.reasons.first() {
        let _ = write!(text, "\nbecause {}", clip(reason, TITLE));
    }
    if run.reasons.len() > 1 {
        let _ = write!(text, " (and {} more)", run.reasons.len() - 1);
    }
    escape(&text)
}

/// How many commands ran in each step of the time, on average.
pub(super) fn running(record: &Record) -> Vec<f64> {
    let step = record.wall.max(Duration::from_millis(1)).as_secs_f64() / STEPS as f64;
    let mut counts = vec![0.0; STEPS];
    for run in record.runs.iter().filter(|run| run.lane.is_some()) {
        let (from, to) = (run.started.as_secs_f64() / step, run.ended.as_secs_f64() / step);
        let (first, last) = (from as usize, (to as usize).min(STEPS - 1));
        for (at, count) in counts.iter_mut().enumerate().take(last + 1).skip(first) {
            *count += (to.min(at as f64 + 1.0) - from.max(at as f64)).max(0.0);
        }
    }
    counts
}

/// How many commands ran at once, as an area below a line for the most that may.
pub(super) fn parallel(record: &Record, jobs: usize) -> String {
    // There is some room above the line.
    let most = 1.25 * record.lanes.max(jobs).max(1) as f64;
    let level = |count: f64| (1000.0 * (1.0 - count / most)).round() / 10.0;
    let mut path = String::from("M0 100");
    for (at, count) in running(record).iter().enumerate() {
        let _ = write!(path, "V{}H{}", level(*count), at + 1);
    }
    path.push_str("V100Z");
    let limit = level(jobs as f64);
    format!(
        "<div class=\"over\"><span>{jobs} {}</span><svg id=\"parallel\" width=\"100%\" height=\"90\" viewBox=\"0 0 {STEPS} 100\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"How many commands ran at once\"><path d=\"{path}\"/>\
         <line class=\"limit\" x1=\"0\" x2=\"{STEPS}\" y1=\"{limit}\" y2=\"{limit}\"/></svg></div>\n",
        if jobs == 1 { "job" } else { "jobs" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reporter::samples;
    use crate::timings::record::Recorder;

    fn record(events: &[(rekindle_engine::event::Event, u64)], wall: u64) -> Record {
        let mut recorder = Recorder::default();
        events.iter().for_each(|(event, at)| recorder.event(event, Duration::from_millis(*at)));
        recorder.close(Duration::from_millis(wall))
    }

    #[test]
    fn a_bar_lies_where_its_command_ran_and_says_all_about_it() {
        let events = [
            (samples::restored(9, "old.c"), 5),
            (samples::started(1, "src/<b>.c"), 10),
            (samples::started(2, "b.c"), 20),
            (samples::ran(1, "src/<b>.c"), 60),
            (samples::ran(2, "b.c"), 22),
        ];
        let (svg, left_out) = timeline(&record(&events, 100));
        insta::assert_snapshot!(svg, @r#"
        <svg id="timeline" width="100%" height="104" role="img" aria-label="Timeline: each bar is a command, in the lane in which it ran">
        <line class="grid" x1="0%" x2="0%" y1="14" y2="104"/><text class="mark" x="0%" dx="3" y="11">0 ms</text>
        <line class="grid" x1="10%" x2="10%" y1="14" y2="104"/><text class="mark" x="10%" dx="3" y="11">10 ms</text>
        <line class="grid" x1="20%" x2="20%" y1="14" y2="104"/><text class="mark" x="20%" dx="3" y="11">20 ms</text>
        <line class="grid" x1="30%" x2="30%" y1="14" y2="104"/><text class="mark" x="30%" dx="3" y="11">30 ms</text>
        <line class="grid" x1="40%" x2="40%" y1="14" y2="104"/><text class="mark" x="40%" dx="3" y="11">40 ms</text>
        <line class="grid" x1="50%" x2="50%" y1="14" y2="104"/><text class="mark" x="50%" dx="3" y="11">50 ms</text>
        <line class="grid" x1="60%" x2="60%" y1="14" y2="104"/><text class="mark" x="60%" dx="3" y="11">60 ms</text>
        <line class="grid" x1="70%" x2="70%" y1="14" y2="104"/><text class="mark" x="70%" dx="3" y="11">70 ms</text>
        <line class="grid" x1="80%" x2="80%" y1="14" y2="104"/><text class="mark" x="80%" dx="3" y="11">80 ms</text>
        <line class="grid" x1="90%" x2="90%" y1="14" y2="104"/><text class="mark" x="90%" dx="3" y="11">90 ms</text>
        <line class="grid" x1="100%" x2="100%" y1="14" y2="104"/><text class="mark" x="100%" dx="3" y="11">100 ms</text>
        <text class="mark" x="0" dx="3" y="80">without a command</text>
        <rect class="c" x="5%" y="86" width="3" height="16"><title>compile old.c
        put back
        because not built here yet</title></rect>
        <rect class="c" x="20%" y="42" width="2%" height="16"><title>compile b.c
        ran, 120 ms from 20 ms
        because not built here yet</title></rect>
        <rect class="c k" x="10%" y="22" width="50%" height="16"><title>compile src/&lt;b&gt;.c
        ran, 120 ms from 10 ms, on the critical path
        because not built here yet</title></rect><svg class="name" x="10%" y="22" width="50%" height="16"><text x="4" y="12">src/&lt;b&gt;.c</text></svg>
        </svg>
        "#);
        assert_eq!(left_out, 0);
    }

    #[test]
    fn marks_of_time_are_about_ten_round_figures() {
        let steps = [1, 41, 100, 1_240, 60_000, 754_000].map(|ms| duration(tick(Duration::from_millis(ms))));
        insta::assert_snapshot!(steps.join(", "), @"1 ms, 5 ms, 10 ms, 200 ms, 10.0 s, 1 min 40 s");
    }

    #[test]
    fn how_many_ran_is_an_average_of_each_step() {
        let events = [
            (samples::started(1, "a.c"), 100),
            (samples::started(2, "b.c"), 250),
            (samples::ran(1, "a.c"), 750),
            (samples::ran(2, "b.c"), 750),
        ];
        let counts = running(&record(&events, 1_000));
        let at = |part: f64| counts[(part * STEPS as f64) as usize];
        assert_eq!([at(0.05), at(0.15), at(0.5), at(0.8)].map(f64::round), [0.0, 1.0, 2.0, 0.0]);
        // Half of the time, and a bit more than half of it, on one chart: 0.65 and 0.5 of a second.
        let sum: f64 = counts.iter().sum();
        assert!((sum * 2.0 - 1150.0).abs() < 1.0, "{sum}");
    }

    #[test]
    fn of_too_many_bars_the_shortest_are_left_out() {
        let mut events = Vec::new();
        for id in 0..BARS as u32 + 10 {
            let at = u64::from(id) * 10;
            events.push((samples::started(id, "x.c"), at));
            // Every thousandth is the shortest.
            events.push((samples::ran(id, "x.c"), at + if id % 1000 == 7 { 1 } else { 5 }));
        }
        let record = record(&events, 200_000);
        let (drawn, left_out) = drawn(&record.runs);
        assert_eq!((drawn.len(), left_out), (BARS, 10));
        let short = drawn.iter().filter(|run| run.ms == 120 && run.id.0 % 1000 == 7).count();
        assert_eq!(short, 3, "of the thirteen shortest, ten are left out");
        assert!(drawn.is_sorted_by_key(|run| run.started));
    }
}
