//! `{in}`, `{out}` and the like in the words of a command.

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Plain text.
    Text(String),
    /// `{in}` (all) or `{in:N}` (one, from 0).
    In(Option<usize>),
    /// `{out}` or `{out:N}`.
    Out(Option<usize>),
    /// `{outdir}`: the directory of generated files.
    OutDir,
    /// `{depfile}`
    Depfile,
    /// `{target:NAME}`: the product of a target.
    Target(String),
}

/// Takes a word apart. Braces around anything else are text; `{{` before a placeholder's name is a plain `{`.
pub(crate) fn parse(word: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        text.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        if let Some(escaped) = behind.strip_prefix('{')
            && placeholder(escaped).is_some()
        {
            text.push('{');
            let end = escaped.find('}').map_or(escaped.len(), |end| end + 1);
            text.push_str(&escaped[..end]);
            rest = &escaped[end..];
            continue;
        }
        match placeholder(behind) {
            Some((part, length)) => {
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(part);
                rest = &behind[length..];
            }
            None => {
                text.push('{');
                rest = behind;
            }
        }
    }
    text.push_str(rest);
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// The placeholder whose opening brace stands before `text`, and how much of `text` it takes.
fn placeholder(text: &str) -> Option<(Part, usize)> {
    let end = text.find('}')?;
    let (name, argument) = match text[..end].split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (&text[..end], None),
    };
    let part = match (name, argument) {
        ("in", None) => Part::In(None),
        ("out", None) => Part::Out(None),
        ("in", Some(number)) => Part::In(Some(number.parse().ok()?)),
        ("out", Some(number)) => Part::Out(Some(number.parse().ok()?)),
        ("outdir", None) => Part::OutDir,
        ("depfile", None) => Part::Depfile,
        ("target", Some(name)) => Part::Target(name.to_string()),
        _ => return None,
    };
    Some((part, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_found_and_other_braces_are_text() {
        let text = |text: &str| Part::Text(text.into());
        assert_eq!(parse("--out={out:1}"), [text("--out="), Part::Out(Some(1))]);
        assert_eq!(parse("{in}"), [Part::In(None)]);
        assert_eq!(parse("{print $1}"), [text("{print $1}")]);
        assert_eq!(parse("a{{in}b"), [text("a{in}b")]);
        assert_eq!(parse("{{x}}"), [text("{{x}}")]);
        assert_eq!(parse("{target:gen}/{outdir}"), [Part::Target("gen".into()), text("/"), Part::OutDir]);
        assert_eq!(parse("{in"), [text("{in")]);
        assert_eq!(parse(""), [text("")]);
    }
}
