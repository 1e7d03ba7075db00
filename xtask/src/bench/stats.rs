//! Arithmetic on figures.

/// The middle, the smallest and the largest of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The middle value.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) least: f64,
    /// The largest.
    pub(crate) most: f64,
}

impl Spread {
    /// Of these figures; all 0 of nothing.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        match (sorted.first(), sorted.last()) {
            (Some(least), Some(most)) => Spread { median: middle(&sorted), least: *least, most: *most },
            _ => Spread { median: 0.0, least: 0.0, most: 0.0 },
        }
    }

    /// For a table.
    pub(crate) fn text(self) -> String {
        format!("{} ({}–{})", figure(self.median), figure(self.least), figure(self.most))
    }
}

/// The middle of sorted values, or the mean of the two in the middle.
fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match (sorted.len(), sorted.get(half)) {
        (_, None) => 0.0,
        (count, Some(upper)) if count % 2 == 0 => (sorted[half - 1] + upper) / 2.0,
        (_, Some(middle)) => *middle,
    }
}

/// How large one figure is as a multiple of another, if that means something.
pub(crate) fn ratio(value: f64, of: f64) -> Option<f64> {
    (of > 0.0 && value.is_finite()).then(|| value / of)
}

/// A ratio for people.
pub(crate) fn part(ratio: f64) -> String {
    let digits = match ratio {
        size if size >= 9.95 => 0,
        size if size >= 0.0995 => 2,
        _ => 3,
    };
    format!("{ratio:.digits$}")
}

/// A figure with three digits or all before the point, thousands set apart.
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        0.0 => 0,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    if digits > 0 { text } else { grouped(&text) }
}

/// A count, thousands set apart.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        let left = digits.len() - at;
        if at > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_not_the_mean() {
        assert_eq!(Spread::of([9.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 100.0]).median, 3.0);
        assert_eq!(Spread::of([]).median, 0.0);
    }

    #[test]
    fn a_spread_has_the_extremes() {
        let spread = Spread::of([5.0, 3.0, 10.0]);
        assert_eq!((spread.least, spread.most), (3.0, 10.0));
        assert_eq!(spread.text(), "5.00 (3.00–10.0)");
    }

    #[test]
    fn a_ratio_to_nothing_is_none() {
        assert_eq!(ratio(1.0, 4.0), Some(0.25));
        assert_eq!(ratio(1.0, 0.0), None);
    }

    #[test]
    fn a_ratio_has_two_digits_that_count() {
        let cases = [(12.34, "12"), (1.236, "1.24"), (0.151, "0.15"), (0.0612, "0.061")];
        for (value, text) in cases {
            assert_eq!(part(value), text);
        }
    }

    #[test]
    fn figures_have_three_digits_and_thousands_are_set_apart() {
        let cases = [
            (0.0, "0"),
            (0.0123, "0.012"),
            (1.0, "1.00"),
            (9.999, "10.0"),
            (42.25, "42.2"),
            (99.96, "100"),
            (999.6, "1,000"),
            (13_900.0, "13,900"),
            (1_234_567.0, "1,234,567"),
        ];
        for (value, text) in cases {
            assert_eq!(figure(value), text, "{value}");
        }
        assert_eq!((count(102), count(10_102)), ("102".to_owned(), "10,102".to_owned()));
    }
}
