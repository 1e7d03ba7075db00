//! Whether the manifest has only the keys of the key table, with values of the right kind.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Report};
use crate::keys::{Key, Kind, SECTIONS, Shape, section};

/// Checks a whole manifest.
pub(crate) fn check(table: &DeTable<'_>, report: &mut Report) {
    for (name, value) in table {
        let Some(section) = section(name.get_ref()) else {
            unknown(report, name, "the manifest has no table", SECTIONS.iter().map(|section| section.name));
            continue;
        };
        let Some(inner) = value.get_ref().as_table() else {
            let found = article(value.get_ref());
            let message = format!("`{}` is {found}, and should be a table", section.name);
            report.push(
                report.on(name, message).hint(format!("write `[{}]`", header(section.name, section.shape))),
            );
            continue;
        };
        match section.shape {
            Shape::Keys(keys) => {
                check_keys(inner, keys, &format!("[{}]", section.name), &name.span(), report)
            }
            Shape::Named(keys) => check_named(inner, section.name, keys, report),
            Shape::Values(kind) => {
                for (key, value) in inner {
                    check_value(value, kind, key.get_ref(), &format!("[{}]", section.name), report);
                }
            }
        }
    }
    if !table.contains_key("project") {
        let diagnostic = Diagnostic::at(&report.source, &(0..0), "the manifest has no [project] table");
        report.push(diagnostic.hint("begin it with `[project]` and `name = \"...\"`"));
    }
}

fn header(name: &str, shape: Shape) -> String {
    match shape {
        Shape::Named(_) => format!("{name}.NAME"),
        Shape::Keys(_) | Shape::Values(_) => name.to_string(),
    }
}

fn check_named(table: &DeTable<'_>, section: &str, keys: &[Key], report: &mut Report) {
    for (name, value) in table {
        if let Some(inner) = value.get_ref().as_table() {
            check_keys(inner, keys, &format!("[{section}.{name}]"), &name.span(), report);
            continue;
        }
        let message = format!(
            "[{section}] has tables with names of your choice, and `{name}` is {}",
            article(value.get_ref())
        );
        let is_key = keys.iter().any(|key| key.name == name.get_ref());
        let hint = if is_key {
            format!("write `[{section}.NAME]` above it")
        } else {
            format!("write `[{section}.{name}]`")
        };
        report.push(report.on(name, message).hint(hint));
    }
}

fn check_keys(table: &DeTable<'_>, keys: &[Key], place: &str, span: &Range<usize>, report: &mut Report) {
    for (name, value) in table {
        match keys.iter().find(|key| key.name == name.get_ref()) {
            Some(key) => check_value(value, key.kind, key.name, place, report),
            None => unknown(report, name, &format!("{place} has no key"), keys.iter().map(|key| key.name)),
        }
    }
    for key in keys.iter().filter(|key| key.required && !table.contains_key(key.name)) {
        let message = format!("{place} has no `{}`", key.name);
        report.push(report.at(span, message).hint(format!("`{}` is {}", key.name, key.kind.describe())));
    }
}

fn unknown<'k>(
    report: &mut Report,
    name: &Spanned<toml::de::DeString<'_>>,
    message: &str,
    known: impl Iterator<Item = &'k str>,
) {
    let found = report.on(name, format!("{message} `{name}`")).suggest(name.get_ref(), known);
    report.push(found);
}

fn check_value(value: &Spanned<DeValue<'_>>, kind: Kind, name: &str, place: &str, report: &mut Report) {
    match (kind, value.get_ref()) {
        (Kind::Table(keys), DeValue::Table(table)) => {
            check_keys(table, keys, &format!("`{name}` in {place}"), &value.span(), report);
        }
        (Kind::Tables(keys), DeValue::Array(list)) => {
            for entry in list.iter() {
                if let Some(table) = entry.get_ref().as_table() {
                    check_keys(table, keys, &format!("`{name}` in {place}"), &entry.span(), report);
                } else {
                    wrong(entry, "a table", &format!("an entry of `{name}` in {place}"), report);
                }
            }
        }
        (Kind::Names(kind), DeValue::Table(table)) => {
            for (key, value) in table {
                check_value(value, *kind, key.get_ref(), &format!("`{name}` in {place}"), report);
            }
        }
        (Kind::Texts, DeValue::Array(list)) => {
            for entry in list.iter().filter(|entry| !entry.get_ref().is_str()) {
                wrong(entry, "a string", &format!("an entry of `{name}` in {place}"), report);
            }
        }
        (kind, value_ref) if fits(kind, value_ref) => {}
        (kind, _) => wrong_value(value, kind, name, place, report),
    }
}

/// Whether a value without tables in it is of a kind.
fn fits(kind: Kind, value: &DeValue<'_>) -> bool {
    let integer = |value: &DeValue<'_>| {
        value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
    };
    match kind {
        Kind::Bool => value.is_bool(),
        Kind::Integer(least) => {
            integer(value).is_some_and(|number| number >= least && number <= i64::from(u32::MAX))
        }
        Kind::Text => value.is_str(),
        Kind::Texts => value.as_array().is_some_and(|list| list.iter().all(|entry| entry.get_ref().is_str())),
        Kind::Choice(words) => value.as_str().is_some_and(|text| words.contains(&text)),
        Kind::Number(numbers) => integer(value).is_some_and(|number| numbers.contains(&number)),
        Kind::Either(kinds) => kinds.iter().any(|kind| fits(*kind, value)),
        Kind::Names(_) | Kind::Table(_) | Kind::Tables(_) => false,
    }
}

fn wrong_value(value: &Spanned<DeValue<'_>>, kind: Kind, name: &str, place: &str, report: &mut Report) {
    let what = format!("`{name}` in {place}");
    let words = choices(kind);
    let diagnostic = match value.get_ref() {
        DeValue::String(text) if !words.is_empty() => {
            let found = report.on(value, format!("{what} cannot be \"{text}\""));
            match crate::diagnostic::nearest(text, words.iter().copied()) {
                Some(near) => found.hint(format!("did you mean \"{near}\"?")),
                None => found.hint(format!("it is {}", kind.describe())),
            }
        }
        DeValue::String(text) if matches!(kind, Kind::Texts) => {
            let found = report.on(value, format!("{what} is a list of strings, and this is a string"));
            found.hint(format!("write `{name} = [{text:?}]`"))
        }
        DeValue::Integer(number)
            if matches!(kind, Kind::Integer(_) | Kind::Number(_)) || !words.is_empty() =>
        {
            let least =
                if let Kind::Integer(least) = kind { format!(" from {least} on") } else { String::new() };
            report
                .on(value, format!("{what} cannot be {number}"))
                .hint(format!("it is {}{least}", kind.describe()))
        }
        DeValue::Table(_) if matches!(kind, Kind::Tables(_)) => {
            let found = report.on(value, format!("{what} is a list of tables, and this is one table"));
            found.hint(format!("write `{name} = [{{ ... }}]`"))
        }
        _ => return wrong(value, &kind.describe(), &what, report),
    };
    report.push(diagnostic);
}

fn wrong(value: &Spanned<DeValue<'_>>, expected: &str, what: &str, report: &mut Report) {
    let found = article(value.get_ref());
    report.push(report.on(value, format!("{what} should be {expected}, and is {found}")));
}

fn choices(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::Choice(words) => words.to_vec(),
        Kind::Either(kinds) if !kinds.iter().any(|kind| matches!(kind, Kind::Text)) => {
            kinds.iter().flat_map(|kind| choices(*kind)).collect()
        }
        _ => Vec::new(),
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
