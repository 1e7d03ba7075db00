//! Text for HTML: whatever a name, a reason or a compiler holds, it stays text.

use std::time::Duration;

/// Text between tags and between quotes. What would be invisible, or turn the text around it, is replaced.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(char),
            // Controls, and the marks that change the direction of text (Unicode Standard Annex 9).
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            char if char.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            char => escaped.push(char),
        }
    }
    escaped
}

/// The text in at most `most` characters: of one that is longer, both ends.
pub(super) fn clip(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_string();
    }
    let head = most.saturating_sub(1) / 2;
    let tail = most.saturating_sub(1) - head;
    let begin: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{begin}\u{2026}{end}")
}

/// A file is known by the end of its path: `…/deep/name.c` in at most `most` characters.
pub(super) fn clip_front(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_string();
    }
    let end: String = text.chars().skip(length - most.saturating_sub(1)).collect();
    format!("\u{2026}{end}")
}

/// `41 ms`, `1.24 s`, `2 min 5 s`.
pub(super) fn duration(duration: Duration) -> String {
    let (whole, seconds) = (duration.as_secs(), duration.as_secs_f64());
    match duration.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        1000..10_000 => format!("{seconds:.2} s"),
        10_000..100_000 => format!("{seconds:.1} s"),
        _ if whole < 3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// The same of milliseconds.
pub(super) fn milliseconds(ms: u64) -> String {
    duration(Duration::from_millis(ms))
}

/// `5.1 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.2} GB", value / 1e9),
    }
}

/// A part of a whole in percent, as short as it can be written.
pub(super) fn percent(part: f64, whole: f64) -> String {
    let value = if whole > 0.0 { (100.0 * part / whole).clamp(0.0, 100.0) } else { 0.0 };
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A moment since 1970 began, as `2026-01-31 14:05 UTC`. (The days are counted as in "chrono-Compatible Low-Level Date
/// Algorithms" by Howard Hinnant: in eras of 400 years that begin in March.)
pub(super) fn moment(since: Duration) -> String {
    let (minutes, days) = (since.as_secs() / 60 % 1440, since.as_secs() / 86_400 + 719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_stays_text() {
        let names =
            ["<script>alert(1)</script>", "a\" onload='x'", "&lt;", "\u{1b}[31m\0\u{202e}c.elif", "日本 é"];
        insta::assert_snapshot!(names.map(escape).join("\n"), @"
        &lt;script&gt;alert(1)&lt;/script&gt;
        a&quot; onload=&#39;x&#39;
        &amp;lt;
        �[31m��c.elif
        日本 é
        ");
    }

    #[test]
    fn long_text_keeps_its_ends_and_a_path_its_last_part() {
        assert_eq!((clip("short", 5), clip("0123456789", 7)), ("short".into(), "012\u{2026}789".into()));
        assert_eq!(clip("日本語日本語", 3), "日\u{2026}語");
        assert_eq!(clip_front("src/deep/name.c", 8), "\u{2026}/name.c");
        assert_eq!((clip("ab", 0), clip_front("ab", 0)), ("\u{2026}".into(), "\u{2026}".into()));
    }

    #[test]
    fn figures_are_as_exact_as_they_help() {
        let shown = [0, 41, 1_240, 59_940, 125_000, 7_260_000].map(milliseconds);
        insta::assert_snapshot!(shown.join(", "), @"0 ms, 41 ms, 1.24 s, 59.9 s, 2 min 5 s, 2 h 1 min");
        insta::assert_snapshot!([0, 999, 20_480, 5_100_000, 10_000_000_000].map(bytes).join(", "), @"0 bytes, 999 bytes, 20.5 kB, 5.1 MB, 10.00 GB");
        let parts = [(1.0, 3.0), (0.0, 5.0), (5.0, 5.0), (7.0, 5.0), (1.0, 0.0)];
        insta::assert_snapshot!(parts.map(|(part, whole)| percent(part, whole)).join(", "), @"33.333, 0, 100, 100, 0");
    }

    #[test]
    fn a_moment_has_its_date() {
        let at = |seconds| moment(Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00 UTC");
        assert_eq!(at(951_782_399), "2000-02-28 23:59 UTC");
        assert_eq!(at(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(at(1_772_323_200), "2026-03-01 00:00 UTC");
        assert_eq!(at(4_107_542_399), "2100-02-28 23:59 UTC");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00 UTC");
    }
}
