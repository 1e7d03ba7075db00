//! What is published of the key table: a JSON schema for editors, and the key lists of the manual.

use serde_json::{Map, Value, json};

use crate::keys::{Key, Kind, SECTIONS, Section, Shape};

/// The JSON schema (draft 7) of `rekindle.toml`, for editors that complete and check TOML by one.
pub fn schema() -> String {
    let mut properties = Map::new();
    for section in SECTIONS {
        properties.insert(section.name.into(), section_schema(section));
    }
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "rekindle.toml",
        "description": "The manifest of a project that is built by rekindle.",
        "type": "object",
        "properties": properties,
        "required": ["project"],
        "additionalProperties": false,
    });
    // A value that was put together here can always be written.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    format!("{text}\n")
}

fn section_schema(section: &Section) -> Value {
    let mut schema = match section.shape {
        Shape::Keys(keys) => table(keys),
        Shape::Named(keys) => json!({ "type": "object", "additionalProperties": table(keys) }),
        Shape::Values(kind) => json!({ "type": "object", "additionalProperties": value(kind) }),
    };
    schema["description"] = section.meaning.into();
    schema
}

fn table(keys: &[Key]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = value(key.kind);
        let default =
            if key.default.is_empty() { String::new() } else { format!(" Default: {}.", key.default) };
        schema["description"] = format!("{}{default}", key.meaning).into();
        properties.insert(key.name.into(), schema);
    }
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn value(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Integer(i64::MIN) => json!({ "type": "integer" }),
        Kind::Integer(least) => json!({ "type": "integer", "minimum": least }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Number(numbers) => json!({ "enum": numbers }),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(|kind| value(*kind)).collect::<Vec<_>>() }),
        Kind::Names(inner) => json!({ "type": "object", "additionalProperties": value(*inner) }),
        Kind::Table(keys) => table(keys),
        Kind::Tables(keys) => json!({ "type": "array", "items": table(keys) }),
    }
}

/// The manual's list of the keys that the tables of a section have; and below it those of tables within.
pub fn key_list(section: &Section) -> String {
    match section.shape {
        Shape::Keys(keys) | Shape::Named(keys) => rows(keys),
        Shape::Values(kind) => format!("`NAME` = {}\n", kind.describe()),
    }
}

fn rows(keys: &[Key]) -> String {
    let mut text = String::from("| key | value | default | meaning |\n|---|---|---|---|\n");
    for key in keys {
        let name =
            if key.required { format!("`{}` (required)", key.name) } else { format!("`{}`", key.name) };
        let default = if key.default.is_empty() { "-".to_string() } else { backticked(key.default) };
        let kind = key.kind.describe().replace('|', "\\|");
        text += &format!("| {name} | {kind} | {default} | {} |\n", key.meaning);
    }
    text
}

/// A default that is a value is set as code; one that is a phrase is not.
fn backticked(default: &str) -> String {
    let first = default.split(", in ").next().unwrap_or(default);
    let is_value = first.starts_with(['[', '{', '"'])
        || ["true", "false"].contains(&first)
        || first.parse::<i64>().is_ok();
    if !is_value {
        return default.to_string();
    }
    match default.split_once(", in release ") {
        Some((debug, release)) => format!("`{debug}`, in `release` `{release}`"),
        None => format!("`{default}`"),
    }
}

/// The manual with its key lists made anew. A list stands between `<!-- keys NAME -->` and `<!-- end -->`, where
/// `NAME` is a section's, or a section's and a key's that holds tables (`library.also`).
pub fn manual(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("<!-- keys ") {
        let Some(head) = rest[start..].find("-->").map(|at| start + at + 3) else { break };
        let Some(end) = rest[head..].find("<!-- end -->").map(|at| head + at) else { break };
        let name = rest[start + 10..head - 3].trim();
        result.push_str(&rest[..head]);
        result.push('\n');
        result.push_str(&list_called(name).unwrap_or_default());
        rest = &rest[end..];
        let (mark, later) = rest.split_at("<!-- end -->".len());
        result.push_str(mark);
        rest = later;
    }
    result.push_str(rest);
    result
}

fn list_called(name: &str) -> Option<String> {
    let (section, key) = name.split_once('.').map_or((name, None), |(section, key)| (section, Some(key)));
    let section = crate::keys::section(section)?;
    let Some(key) = key else { return Some(key_list(section)) };
    let (Shape::Keys(keys) | Shape::Named(keys)) = section.shape else { return None };
    match keys.iter().find(|known| known.name == key)?.kind {
        Kind::Table(inner) | Kind::Tables(inner) => Some(rows(inner)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::DeserializeOwned;

    use super::*;
    use crate::keys::section;
    use crate::manifest;

    const MANUAL: &str = include_str!("../../../docs/manifest.md");
    const SCHEMA: &str = include_str!("../../../docs/rekindle.schema.json");

    /// The fields of a serde type, which its own error lists.
    fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
        let error = toml::from_str::<T>("no-such-field = 1").err().expect("unknown fields are denied");
        let expected = error.message().split_once("expected").expect("the fields are listed").1.to_string();
        expected.split('`').skip(1).step_by(2).map(str::to_string).collect()
    }

    fn keys_of(name: &str) -> &'static [Key] {
        match section(name).unwrap().shape {
            Shape::Keys(keys) | Shape::Named(keys) => keys,
            Shape::Values(_) => &[],
        }
    }

    fn names(keys: &[Key]) -> BTreeSet<String> {
        keys.iter().map(|key| key.name.to_string()).collect()
    }

    fn inner(section: &str, key: &str) -> &'static [Key] {
        match keys_of(section).iter().find(|known| known.name == key).unwrap().kind {
            Kind::Table(keys) | Kind::Tables(keys) => keys,
            other => panic!("{key} holds no tables but {other:?}"),
        }
    }

    #[test]
    fn the_key_table_and_the_serde_types_name_the_same_keys() {
        let sections: BTreeSet<String> = SECTIONS.iter().map(|section| section.name.to_string()).collect();
        assert_eq!(fields::<manifest::Manifest>(), sections);
        assert_eq!(fields::<manifest::Project>(), names(keys_of("project")));
        assert_eq!(fields::<manifest::Profile>(), names(keys_of("profile")));
        assert_eq!(fields::<manifest::Toolchain>(), names(keys_of("toolchain")));
        assert_eq!(fields::<manifest::Command>(), names(keys_of("command")));
        assert_eq!(fields::<manifest::Choice>(), names(keys_of("option")));
        assert_eq!(fields::<manifest::Store>(), names(keys_of("store")));
        assert_eq!(fields::<manifest::When>(), names(inner("library", "when")));
        assert_eq!(fields::<manifest::Override>(), names(inner("library", "overrides")));
        let mut targets = BTreeSet::new();
        for keys in [keys_of("library"), keys_of("executable"), keys_of("test"), inner("library", "also")] {
            targets.extend(names(keys));
        }
        assert_eq!(fields::<manifest::Target>(), targets);
    }

    #[test]
    fn everything_that_also_adds_is_added() {
        // `expand::lists` has the lists, and `overrides` and `when` are dealt with by name.
        let additions = inner("library", "also").len();
        assert_eq!(crate::expand::lists(&mut manifest::Target::default()).len() + 2, additions);
    }

    /// Values that a kind allows.
    fn samples(kind: Kind) -> Vec<String> {
        match kind {
            Kind::Bool => vec!["true".into(), "false".into()],
            Kind::Integer(least) => vec![least.max(0).to_string(), "7".into()],
            Kind::Text => vec!["\"x\"".into()],
            Kind::Texts => vec!["[]".into(), "[\"x\", \"y\"]".into()],
            Kind::Choice(words) => words.iter().map(|word| format!("\"{word}\"")).collect(),
            Kind::Number(numbers) => numbers.iter().map(ToString::to_string).collect(),
            Kind::Either(kinds) => kinds.iter().flat_map(|kind| samples(*kind)).collect(),
            Kind::Names(inner) => samples(*inner).iter().map(|value| format!("{{ a = {value} }}")).collect(),
            Kind::Table(keys) => tables(keys),
            Kind::Tables(keys) => tables(keys).iter().map(|table| format!("[{table}]")).collect(),
        }
    }

    fn tables(keys: &[Key]) -> Vec<String> {
        let required: Vec<String> = keys
            .iter()
            .filter(|key| key.required)
            .map(|key| format!("{} = {}", key.name, samples(key.kind)[0]))
            .collect();
        let with = |key: &Key, value: &str| {
            let mut all = required.clone();
            all.retain(|entry| !entry.starts_with(&format!("{} =", key.name)));
            all.push(format!("{} = {value}", key.name));
            format!("{{ {} }}", all.join(", "))
        };
        keys.iter()
            .flat_map(|key| samples(key.kind).into_iter().map(move |value| (key, value)))
            .map(|(key, value)| with(key, &value))
            .collect()
    }

    #[test]
    fn whatever_the_key_table_allows_the_serde_types_take() {
        let mut tried = 0;
        for section in SECTIONS {
            let bodies = match section.shape {
                Shape::Keys(keys) => tables(keys),
                Shape::Named(keys) => tables(keys).iter().map(|table| format!("{{ n = {table} }}")).collect(),
                Shape::Values(kind) => {
                    samples(kind).iter().map(|value| format!("{{ n = {value} }}")).collect()
                }
            };
            for body in bodies {
                let project = if section.name == "project" { "" } else { "project = { name = \"p\" }\n" };
                let text = format!("{project}{} = {body}\n", section.name);
                let table = toml::de::DeTable::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                let source = crate::diagnostic::Source { path: "m".into(), text: text.clone() };
                let mut report = crate::diagnostic::Report::new(std::sync::Arc::new(source));
                crate::check::check(table.get_ref(), &mut report);
                assert!(report.found.is_empty(), "{}", crate::diagnostic::Diagnostics::from(report));
                if let Err(error) = toml::from_str::<manifest::Manifest>(&text) {
                    panic!("{text}: {error}");
                }
                tried += 1;
            }
        }
        assert!(tried > 300, "only {tried} were tried");
    }

    #[test]
    fn the_manual_lists_every_key_as_the_table_has_it() {
        assert!(manual(MANUAL) == MANUAL, "run `cargo run -p rekindle-frontend --example publish`");
        for section in SECTIONS {
            assert!(
                MANUAL.contains(&format!("<!-- keys {} -->", section.name)),
                "{} is not listed",
                section.name
            );
            let (Shape::Keys(keys) | Shape::Named(keys)) = section.shape else { continue };
            for key in keys.iter().filter(|key| matches!(key.kind, Kind::Table(_) | Kind::Tables(_))) {
                let listed = MANUAL.lines().any(|line| {
                    line.starts_with("<!-- keys ") && line.contains(&format!(".{} -->", key.name))
                });
                assert!(listed, "the keys within {} are not listed", key.name);
            }
        }
    }

    #[test]
    fn every_manifest_in_the_manual_is_one() {
        let mut tried = 0;
        for block in MANUAL.split("```toml\n").skip(1) {
            let text = block.split("```").next().unwrap();
            let text = if text.contains("[project]") {
                text.to_string()
            } else {
                format!("[project]\nname = \"p\"\n{text}")
            };
            let table = toml::de::DeTable::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let source = crate::diagnostic::Source { path: "manual".into(), text: text.clone() };
            let mut report = crate::diagnostic::Report::new(std::sync::Arc::new(source));
            crate::check::check(table.get_ref(), &mut report);
            assert!(report.found.is_empty(), "{}", crate::diagnostic::Diagnostics::from(report));
            tried += 1;
        }
        assert!(tried > 10);
    }

    #[test]
    fn the_published_schema_is_the_table() {
        assert!(schema() == SCHEMA, "run `cargo run -p rekindle-frontend --example publish`");
    }
}
