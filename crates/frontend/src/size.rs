//! Sizes as people write them: `10 GB`, `512MiB`.

/// The units, with how many bytes each is.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// How many bytes `text` means: a number, perhaps with a fraction, and a unit. Capitals do not matter.
///
/// # Errors
/// What it should be instead, as a part of a sentence.
pub fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Err("a number and a unit, as in `10 GB` or `512 MiB`".into());
    }
    let zero = number.bytes().all(|digit| digit == b'0' || digit == b'.');
    let factor = match UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() && zero => 1,
        None => {
            let known: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
            return Err(format!("a number with one of the units {}", known.join(", ")));
        }
    };
    // Nine digits behind the point are more than anybody means, and cannot overflow.
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let nano = digits.parse::<u128>().unwrap_or(0);
    let bytes = whole.parse::<u128>().ok().and_then(|whole| {
        let whole = whole.checked_mul(u128::from(factor))?;
        whole.checked_add(nano * u128::from(factor) / 1_000_000_000)
    });
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).ok_or_else(|| "a smaller number".to_string())
}

/// `bytes` with the decimal unit in which it is short: `4.5 MB`.
pub fn show(bytes: u64) -> String {
    let units = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, factor)| bytes >= *factor) {
        None => format!("{bytes} B"),
        Some((unit, factor)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(factor);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_units_are_what_they_say() {
        for (text, bytes) in [
            ("10 GB", 10_000_000_000),
            ("10gb", 10_000_000_000),
            ("512 MiB", 512 << 20),
            ("1.5 GiB", 3 << 29),
            ("0.25kB", 250),
            ("7 B", 7),
            (" 2 TiB ", 2 << 40),
            ("0", 0),
            ("0.0", 0),
            ("18446744073709551615 B", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_told_what_it_should_be() {
        let wrong =
            ["", "10", "GB", "ten GB", "-1 GB", "1e3 B", "1. GB", "1.2.3 GB", "10 Gb/s", "99999999 TB"];
        let said: Vec<String> =
            wrong.iter().map(|text| format!("`{text}` should be {}", parse(text).unwrap_err())).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        `` should be a number and a unit, as in `10 GB` or `512 MiB`
        `10` should be a number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB
        `GB` should be a number and a unit, as in `10 GB` or `512 MiB`
        `ten GB` should be a number and a unit, as in `10 GB` or `512 MiB`
        `-1 GB` should be a number and a unit, as in `10 GB` or `512 MiB`
        `1e3 B` should be a number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB
        `1. GB` should be a number and a unit, as in `10 GB` or `512 MiB`
        `1.2.3 GB` should be a number and a unit, as in `10 GB` or `512 MiB`
        `10 Gb/s` should be a number with one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB
        `99999999 TB` should be a smaller number
        ");
    }

    #[test]
    fn a_size_is_shown_in_the_unit_in_which_it_is_short() {
        let shown = [0, 999, 1_000, 4_096, 98_500_000, 10_000_000_000, u64::MAX].map(show);
        insta::assert_snapshot!(shown.join(", "), @"0 B, 999 B, 1.0 kB, 4.0 kB, 98.5 MB, 10.0 GB, 18446744.0 TB");
    }
}
