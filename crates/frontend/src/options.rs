//! The values of options: declared defaults, and what `-D NAME=VALUE` sets.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::diagnostic::{Diagnostic, Report, nearest};
use crate::load::Definition;
use crate::manifest::{Choice, Named, Scalar};

/// The value of every option.
pub(crate) type Values = BTreeMap<String, Scalar>;

/// Takes the defaults, then what was set.
pub(crate) fn values(declared: &Named<Choice>, set: &[Definition], report: &mut Report) -> Values {
    let mut values = Values::new();
    for (name, option) in declared {
        if !is_name(name.get_ref()) {
            let found = report.on(name, format!("`{name}` cannot be the name of an option"));
            report.push(found.hint("use letters, digits, `_` and `-`"));
        }
        check_declaration(name.get_ref(), option, report);
        values.insert(name.get_ref().clone(), option.default.get_ref().clone());
    }
    for Definition { words, shown } in set {
        let (name, text) = match words.split_once('=') {
            Some((name, text)) => (name, Some(text)),
            None => (words.as_str(), None),
        };
        let Some(option) = declared.get(name) else {
            let found = Diagnostic::request(shown, format!("the manifest has no option `{name}`"));
            let known = declared.keys().map(|name| name.get_ref().as_str());
            report.push(if declared.is_empty() {
                found.hint("options are declared by `[option.NAME]`; a macro is defined by `defines`")
            } else {
                found.suggest(name, known)
            });
            continue;
        };
        match parse(option, text) {
            Ok(value) => {
                values.insert(name.to_string(), value);
            }
            Err(expected) => {
                let message = match text {
                    Some(text) => format!("option `{name}` cannot be `{text}`"),
                    None => format!("option `{name}` needs a value"),
                };
                let found = Diagnostic::request(shown, message);
                let choices = option.choices.iter().map(|choice| choice.get_ref().as_str());
                report.push(match text.and_then(|text| nearest(text, choices)) {
                    Some(near) => found.hint(format!("did you mean `{near}`?")),
                    None => found.hint(format!("it is {expected}")),
                });
            }
        }
    }
    values
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn check_declaration(name: &str, option: &Choice, report: &mut Report) {
    let kind = option.r#type.get_ref().as_str();
    match (kind, option.choices.first()) {
        ("choice", None) => {
            let found =
                report.on(&option.r#type, format!("[option.{name}] is a choice and has no `choices`"));
            report.push(found.hint("add `choices = [\"...\"]`"));
            return;
        }
        ("choice", Some(_)) | (_, None) => {}
        (_, Some(first)) => {
            report.push(
                report
                    .on(first, format!("[option.{name}] has `choices` and is no choice"))
                    .hint("write `type = \"choice\"`"),
            );
        }
    }
    if let Err(expected) = fits(option, option.default.get_ref()) {
        report.push(report.on(&option.default, format!("`default` in [option.{name}] should be {expected}")));
    }
}

/// Whether an option may have a value; if not, what it is.
pub(crate) fn fits(option: &Choice, value: &Scalar) -> Result<(), String> {
    let fits = match (option.r#type.get_ref().as_str(), value) {
        ("bool", Scalar::Bool(_)) | ("int", Scalar::Integer(_)) | ("string", Scalar::Text(_)) => true,
        ("choice", Scalar::Text(text)) => option.choices.iter().any(|choice| choice.get_ref() == text),
        _ => false,
    };
    if fits { Ok(()) } else { Err(expected(option)) }
}

fn expected(option: &Choice) -> String {
    match option.r#type.get_ref().as_str() {
        "bool" => "true or false".into(),
        "int" => "a whole number".into(),
        "choice" => {
            let list = option.choices.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>();
            format!("one of {}", list.join(", "))
        }
        _ => "a string".into(),
    }
}

/// A value as a manifest has it.
fn written(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Text(value) => format!("{value:?}"),
    }
}

fn parse(option: &Choice, text: Option<&str>) -> Result<Scalar, String> {
    let value = match (option.r#type.get_ref().as_str(), text) {
        ("bool", None | Some("true" | "1" | "on" | "yes")) => Scalar::Bool(true),
        ("bool", Some("false" | "0" | "off" | "no")) => Scalar::Bool(false),
        ("int", Some(text)) => Scalar::Integer(text.parse().map_err(|_| expected(option))?),
        ("string" | "choice", Some(text)) => Scalar::Text(text.to_string()),
        _ => return Err(expected(option)),
    };
    fits(option, &value)?;
    Ok(value)
}

/// Checks that conditions name options that are there, and values that they can have.
pub(crate) fn check_condition(
    declared: &Named<Choice>,
    name: &Spanned<String>,
    values: &Spanned<crate::manifest::Several<Scalar>>,
    report: &mut Report,
) {
    let Some(option) = declared.get(name.get_ref().as_str()) else {
        let found = report.on(name, format!("the manifest has no option `{name}`"));
        report.push(found.suggest(name.get_ref(), declared.keys().map(|name| name.get_ref().as_str())));
        return;
    };
    for value in values.get_ref().all() {
        if let Err(expected) = fits(option, value) {
            let found = report.on(values, format!("option `{name}` cannot be {}", written(value)));
            report.push(found.hint(format!("it is {expected}")));
        }
    }
}
