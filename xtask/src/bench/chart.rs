//! A bar chart as SVG text: self-contained, readable on light and dark ground.

use std::fmt::Write as _;

use super::stats::{Spread, figure};

/// What a value is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds, shown as seconds from 1,000 on.
    Milliseconds,
    /// Mebibytes.
    Mebibytes,
    /// A plain number.
    Count,
}

impl Unit {
    fn text(self, value: f64) -> String {
        match self {
            Unit::Milliseconds if value >= 999.5 => format!("{} s", figure(value / 1000.0)),
            Unit::Milliseconds => format!("{} ms", figure(value)),
            Unit::Mebibytes => format!("{} MiB", figure(value)),
            Unit::Count => figure(value.round()),
        }
    }

    /// For a line of the grid: no digits that are not needed.
    fn tick(self, value: f64) -> String {
        let bare = |value: f64| {
            if value >= 1.0 {
                figure(value.round()).replace(".00", "").replace(".0", "")
            } else {
                value.to_string()
            }
        };
        match self {
            Unit::Milliseconds if value >= 1000.0 => format!("{} s", bare(value / 1000.0)),
            Unit::Milliseconds => format!("{} ms", bare(value)),
            Unit::Mebibytes => format!("{} MiB", bare(value)),
            Unit::Count => bare(value),
        }
    }
}

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// Whose it is; gives the colour.
    pub(crate) series: String,
    /// How long it is, and how far the runs were apart.
    pub(crate) value: Spread,
    /// Behind the value.
    pub(crate) note: String,
}

/// Bars that are compared with each other.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// In front of them.
    pub(crate) label: String,
    /// In order.
    pub(crate) bars: Vec<Bar>,
}

/// Groups under a heading.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// The heading.
    pub(crate) title: String,
    /// In order.
    pub(crate) groups: Vec<Group>,
}

/// The whole picture.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    /// The heading.
    pub(crate) title: String,
    /// What the bars show, below it.
    pub(crate) subtitle: String,
    /// What the values are in.
    pub(crate) unit: Unit,
    /// In order.
    pub(crate) panels: Vec<Panel>,
    /// Small print.
    pub(crate) small: Vec<String>,
}

const WIDTH: f64 = 880.0;
const LEFT: f64 = 178.0;
const RIGHT: f64 = 690.0;
const BAR: f64 = 13.0;
const BAR_STEP: f64 = 16.0;
const GROUP_GAP: f64 = 9.0;
/// How many colours the style has.
const COLOURS: usize = 8;
/// Characters of small print on a line.
const SMALL_LINE: usize = 138;
/// Values further apart than this are shown on a logarithmic scale.
const LINEAR_REACH: f64 = 40.0;

const STYLE: &str = "\
.ground{fill:#ffffff;stroke:#d0d7de}.text{fill:#1f2328}.dim{fill:#59636e}.grid{stroke:#d8dee4}.whisker{stroke:#1f2328}
.s0{fill:#8c959f}.s1{fill:#d9480f}.s2{fill:#f0a35e}.s3{fill:#1b7c83}.s4{fill:#8250df}.s5{fill:#4d8a2f}.s6{fill:#bf3989}.s7{fill:#0969da}
text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}
@media (prefers-color-scheme:dark){
.ground{fill:#0d1117;stroke:#3d444d}.text{fill:#f0f6fc}.dim{fill:#9198a1}.grid{stroke:#2a313c}.whisker{stroke:#f0f6fc}
.s0{fill:#7d8590}.s1{fill:#f76707}.s2{fill:#b86e2a}.s3{fill:#2aa5ad}.s4{fill:#a371f7}.s5{fill:#6bb04a}.s6{fill:#db61a2}.s7{fill:#4493f8}}
";

/// The picture as text.
pub(crate) fn svg(chart: &Chart) -> String {
    let scale = Scale::of(chart);
    let series = series(chart);
    let mut body = String::new();
    text(&mut body, 20.0, 32.0, "text", "font-size=\"18\" font-weight=\"600\"", &chart.title);
    let how = if scale.logarithmic { "logarithmic scale" } else { "linear scale" };
    let subtitle = format!("{}; {how}", chart.subtitle);
    text(&mut body, 20.0, 52.0, "dim", "font-size=\"12\"", &subtitle);
    // Where each bar has its name in front, colours need none.
    let named = chart
        .panels
        .iter()
        .flat_map(|panel| &panel.groups)
        .all(|group| group.bars.iter().all(|bar| bar.series == group.label));
    let mut y = legend(&mut body, &series, !named) + 18.0;
    for panel in &chart.panels {
        y = draw_panel(&mut body, panel, &scale, &series, y);
    }
    y += 6.0;
    for line in chart.small.iter().flat_map(|line| wrap(line, SMALL_LINE)) {
        text(&mut body, 20.0, y, "dim", "font-size=\"10.5\"", &line);
        y += 14.0;
    }
    let height = y + 4.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n<style>\n{STYLE}</style>\n<rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n{body}</svg>\n",
        escape(&chart.title),
        WIDTH - 1.0,
        height - 1.0
    )
}

/// The names of all series, in order of appearance, each with its colour: the same one in every chart for the two that
/// are in every chart.
fn series(chart: &Chart) -> Vec<(&str, usize)> {
    let mut names: Vec<(&str, usize)> = Vec::new();
    let mut others = (2..COLOURS).cycle();
    for bar in bars(chart) {
        let name = bar.series.as_str();
        if !names.iter().any(|(other, _)| *other == name) {
            let colour = match name {
                "ninja" => 0,
                "rekindle" => 1,
                _ => others.next().unwrap_or(2),
            };
            names.push((name, colour));
        }
    }
    names
}

fn bars(chart: &Chart) -> impl Iterator<Item = &Bar> {
    chart.panels.iter().flat_map(|panel| &panel.groups).flat_map(|group| &group.bars)
}

/// The names of the colours, on as many lines as they need; answers where the last one ends.
fn legend(body: &mut String, series: &[(&str, usize)], needed: bool) -> f64 {
    let (mut x, mut y) = (20.0, 74.0);
    if !needed {
        return y - 18.0;
    }
    for (name, colour) in series {
        let width = 34.0 + 6.7 * name.chars().count() as f64;
        if x + width > WIDTH {
            (x, y) = (20.0, y + 18.0);
        }
        let _ = writeln!(
            body,
            "<rect class=\"s{colour}\" x=\"{x}\" y=\"{}\" width=\"11\" height=\"11\" rx=\"2\"/>",
            y - 10.0
        );
        text(body, x + 16.0, y, "text", "font-size=\"12\"", name);
        x += width;
    }
    y
}

/// Draws a panel from `top` on; answers where the next one begins.
fn draw_panel(body: &mut String, panel: &Panel, scale: &Scale, series: &[(&str, usize)], top: f64) -> f64 {
    let first = top + 24.0;
    let rows: f64 =
        panel.groups.iter().map(|group| group.bars.len() as f64 * BAR_STEP + GROUP_GAP).sum::<f64>();
    let bottom = first + rows;
    text(body, 20.0, top + 12.0, "text", "font-size=\"13\" font-weight=\"600\"", &panel.title);
    for tick in scale.ticks() {
        let x = scale.at(tick);
        let _ = writeln!(
            body,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>",
            first - 4.0
        );
        let label = scale.unit.tick(tick);
        text(body, x, bottom + 12.0, "dim", "font-size=\"10\" text-anchor=\"middle\"", &label);
    }
    let mut y = first;
    for group in &panel.groups {
        let middle = y + (group.bars.len() as f64 * BAR_STEP - (BAR_STEP - BAR)) / 2.0 + 4.0;
        text(body, LEFT - 10.0, middle, "text", "font-size=\"12\" text-anchor=\"end\"", &group.label);
        for bar in &group.bars {
            let colour = series.iter().find(|(name, _)| *name == bar.series).map_or(0, |(_, colour)| *colour);
            draw_bar(body, bar, scale, colour, y);
            y += BAR_STEP;
        }
        y += GROUP_GAP;
    }
    bottom + 34.0
}

fn draw_bar(body: &mut String, bar: &Bar, scale: &Scale, colour: usize, y: f64) {
    let end = scale.at(bar.value.median).max(LEFT + 1.0);
    let _ = writeln!(
        body,
        "<rect class=\"s{colour}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"1.5\"/>",
        end - LEFT
    );
    let (low, high) = (scale.at(bar.value.least), scale.at(bar.value.most));
    let middle = y + BAR / 2.0;
    if high - low > 1.5 {
        let _ = writeln!(
            body,
            "<path class=\"whisker\" fill=\"none\" stroke-width=\"1\" d=\"M{low:.1} {middle:.1}H{high:.1}M{low:.1} {:.1}v6M{high:.1} {:.1}v6\"/>",
            middle - 3.0,
            middle - 3.0
        );
    }
    let value = scale.unit.text(bar.value.median);
    let label = if bar.note.is_empty() { value } else { format!("{value} · {}", bar.note) };
    text(body, end.max(high) + 6.0, middle + 4.0, "text", "font-size=\"11\"", &label);
}

fn text(body: &mut String, x: f64, y: f64, class: &str, attributes: &str, content: &str) {
    let content = escape(content);
    let _ = writeln!(body, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{content}</text>");
}

/// What XML wants of text.
pub(crate) fn escape(content: &str) -> String {
    content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Lines of at most so many characters, broken between words.
fn wrap(content: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in content.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// From values to places.
struct Scale {
    unit: Unit,
    logarithmic: bool,
    low: f64,
    high: f64,
}

impl Scale {
    /// One for all panels, so that they can be compared.
    fn of(chart: &Chart) -> Scale {
        let values = bars(chart).map(|bar| bar.value.median).filter(|value| *value > 0.0);
        let (least, most) =
            values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        let extreme = bars(chart).map(|bar| bar.value.most).fold(most, f64::max);
        if most > 0.0 && most / least > LINEAR_REACH {
            // A bar of the smallest value should still be one that can be seen.
            let low = 10_f64.powf((least * 0.6).log10().floor());
            return Scale { unit: chart.unit, logarithmic: true, low, high: extreme };
        }
        Scale {
            unit: chart.unit,
            logarithmic: false,
            low: 0.0,
            high: if extreme > 0.0 { extreme } else { 1.0 },
        }
    }

    /// The place of a value, never left of the axis.
    fn at(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            value / self.high
        };
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Where the grid has lines.
    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let mut ticks = vec![self.low];
            while let Some(next) = ticks.last().map(|last| last * 10.0).filter(|next| *next <= self.high) {
                ticks.push(next);
            }
            return ticks;
        }
        let rough = self.high / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].iter().map(|part| part * power).find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        (0..=10).map(|at| f64::from(at) * step).take_while(|tick| *tick <= self.high).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[f64]) -> Chart {
        let bar = |value: &f64| Bar {
            series: "a & b".to_owned(),
            value: Spread { median: *value, least: *value, most: *value },
            note: "<note>".to_owned(),
        };
        let group = Group { label: "group".to_owned(), bars: values.iter().map(bar).collect() };
        let panel = Panel { title: "\"panel\"".to_owned(), groups: vec![group] };
        Chart {
            title: "title".to_owned(),
            subtitle: "subtitle".to_owned(),
            unit: Unit::Milliseconds,
            panels: vec![panel],
            small: vec!["small print".to_owned()],
        }
    }

    #[test]
    fn text_is_escaped_wherever_it_stands() {
        assert_eq!(escape("<a href=\"x\">&"), "&lt;a href=&quot;x&quot;&gt;&amp;");
        let text = svg(&chart(&[1.0, 2.0]));
        assert!(
            text.contains("a &amp; b") && text.contains("&lt;note&gt;") && text.contains("&quot;panel&quot;")
        );
        assert!(!text.contains("a & b") && !text.contains("<note>"));
    }

    #[test]
    fn values_far_apart_get_a_logarithmic_scale() {
        assert!(svg(&chart(&[1.0, 39.0])).contains("linear scale"));
        let text = svg(&chart(&[1.0, 5_000.0]));
        assert!(text.contains("logarithmic scale"));
        assert!(text.contains(">10 ms<") && text.contains(">1 s<") && text.contains("5.00 s"));
    }

    #[test]
    fn places_grow_with_values_and_stay_inside() {
        for values in [[2.0, 4.0], [1.0, 1000.0]] {
            let scale = Scale::of(&chart(&values));
            assert!(LEFT <= scale.at(values[0]) && scale.at(values[0]) < scale.at(values[1]));
            assert_eq!(scale.at(values[1]), RIGHT);
            assert_eq!(scale.at(0.0), LEFT);
        }
        let linear = Scale::of(&chart(&[2.0, 4.0]));
        assert_eq!(linear.at(2.0) - LEFT, (RIGHT - LEFT) / 2.0);
        assert_eq!(linear.ticks(), [0.0, 1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn the_two_of_every_chart_have_their_colours_and_no_other_has_them() {
        let mut chart = chart(&[1.0, 1.0, 1.0, 1.0]);
        for (bar, name) in chart.panels[0].groups[0].bars.iter_mut().zip(["cp", "rekindle", "true", "ninja"])
        {
            bar.series = name.to_owned();
        }
        assert_eq!(series(&chart), [("cp", 2), ("rekindle", 1), ("true", 3), ("ninja", 0)]);
    }

    #[test]
    fn a_bar_that_has_its_name_in_front_needs_no_legend() {
        let mut chart = chart(&[1.0]);
        assert_eq!(svg(&chart).matches("a &amp; b").count(), 1);
        chart.panels[0].groups[0].label = "a & b".to_owned();
        assert_eq!(svg(&chart).matches("a &amp; b").count(), 1);
    }

    #[test]
    fn nothing_to_show_is_no_error() {
        assert!(svg(&chart(&[])).starts_with("<svg") && svg(&chart(&[0.0])).contains("0 ms"));
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a", 7), ["a"]);
    }
}
