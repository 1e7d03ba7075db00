//! What `--used-since` says: `last-build`, how long ago, or a date.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rekindle_store::disk::Since;
use toml_datetime::{Date, Datetime, Offset};

use crate::clock::Clock;

/// Reads the flag's value.
///
/// # Errors
/// What it should be.
pub(crate) fn flag(text: &str) -> Result<Since, String> {
    parse(text.trim(), Clock::now())
}

fn parse(text: &str, now: SystemTime) -> Result<Since, String> {
    if text == "last-build" {
        return Ok(Since::LastBuild);
    }
    if let Some(ago) = duration(text) {
        return Ok(Since::Time(now.checked_sub(ago).unwrap_or(UNIX_EPOCH)));
    }
    let time = match text.strip_prefix('@') {
        Some(seconds) => seconds.parse().ok().and_then(at),
        None => date(text)?,
    };
    match time {
        Some(time) if time > now => Err("it lies in the future".into()),
        Some(time) => Ok(Since::Time(time)),
        None => Err("it should be `last-build`, a duration (`30m`, `12h`, `7d`, `2 weeks`), or a date \
                     (`2026-11-20`, `2026-11-20T18:55:00Z`, `@SECONDS`)"
            .into()),
    }
}

/// A whole number and a unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (count, unit) = text.split_at(digits);
    let seconds: u64 = match unit.trim_start() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 24 * 3600,
        "w" | "week" | "weeks" => 7 * 24 * 3600,
        _ => return None,
    };
    count.parse().ok().and_then(|count: u64| count.checked_mul(seconds)).map(Duration::from_secs)
}

/// A date of RFC 3339, with a time or without one; none if it is something else.
fn date(text: &str) -> Result<Option<SystemTime>, String> {
    let Ok(Datetime { date: Some(date), time, offset }) = text.parse() else { return Ok(None) };
    let mut seconds = days(date) * 24 * 3600;
    if let Some(time) = time {
        let minutes = match offset {
            Some(Offset::Z) => 0,
            Some(Offset::Custom { minutes }) => i64::from(minutes),
            None => return Err("it should say in which time zone: `Z`, `+01:00`".into()),
        };
        let clock = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60;
        seconds += clock + i64::from(time.second.unwrap_or(0)) - minutes * 60;
    }
    // Nobody has built before 1970.
    Ok(at(u64::try_from(seconds).unwrap_or(0)))
}

fn at(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// The days from 1970-01-01 to a date.
fn days(date: Date) -> i64 {
    // Years that begin in March end with their leap day.
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let months = (month + 9) % 12;
    let to_year = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    to_year + (153 * months + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T18:55:00Z.
    const NOW: u64 = 1_795_200_900;

    fn read(text: &str) -> Result<Since, String> {
        parse(text, at(NOW).unwrap())
    }

    /// How many seconds ago.
    fn ago(text: &str) -> u64 {
        match read(text) {
            Ok(Since::Time(time)) => at(NOW).unwrap().duration_since(time).unwrap().as_secs(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        assert_eq!(read("last-build"), Ok(Since::LastBuild));
        for (text, seconds) in [
            ("0s", 0),
            ("90s", 90),
            ("1 second", 1),
            ("30m", 1800),
            ("30 min", 1800),
            ("12h", 43_200),
            ("1 day", 86_400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("2 weeks", 1_209_600),
            ("100000000w", 60_480_000_000_000),
        ] {
            assert_eq!(ago(text), seconds, "{text}");
        }
    }

    #[test]
    fn a_date_is_that_of_rfc_3339_and_one_without_a_time_begins_in_utc() {
        for (text, seconds) in [
            ("2026-11-20T18:55:00Z", 0),
            ("2026-11-20t18:54:59.5z", 1),
            ("2026-11-20 18:54Z", 60),
            ("2026-11-20T19:55:00+01:00", 0),
            ("2026-11-20T08:25:00-10:30", 0),
            ("2026-11-20", 68_100),
            ("2026-11-19", 68_100 + 86_400),
            ("@1795200000", 900),
            ("@0", NOW),
            ("1970-01-01", NOW),
            ("1969-12-31T23:00:00Z", NOW),
            ("1970-01-02", NOW - 86_400),
            ("2000-02-29", NOW - 951_782_400),
            ("2000-03-01", NOW - 951_868_800),
            ("2024-12-31T23:59:59Z", NOW - 1_735_689_599),
        ] {
            assert_eq!(ago(text), seconds, "{text}");
        }
    }

    #[test]
    fn everything_else_is_told_what_it_should_be() {
        let mut told = String::new();
        for text in ["2026-11-20T18:55:01Z", "2026-11-21", "@1795200901", "2026-11-20T18:55:00"] {
            told.push_str(&format!("{text}: {}\n", read(text).unwrap_err()));
        }
        insta::assert_snapshot!(told, @"
        2026-11-20T18:55:01Z: it lies in the future
        2026-11-21: it lies in the future
        @1795200901: it lies in the future
        2026-11-20T18:55:00: it should say in which time zone: `Z`, `+01:00`
        ");
        let wrong = [
            "",
            "90",
            "s",
            "-1h",
            "1.5h",
            "1 fortnight",
            "1h30m",
            "18:55:00",
            "2026-02-29",
            "2026-13-01",
            "20261120",
            "@",
            "@-1",
            "@x",
            "yesterday",
            "last build",
            "99999999999999999999s",
            "9999999999999999999w",
            "@99999999999999999999",
        ];
        for text in wrong {
            let error = read(text).unwrap_err();
            assert!(error.starts_with("it should be `last-build`, a duration"), "{text}: {error}");
        }
    }
}
