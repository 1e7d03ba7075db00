//! Every relative link of a Markdown page leads to something.

use super::{Problem, Source};

/// Checks the links of a page; `exists` answers for a path relative to the workspace.
pub(crate) fn check(source: &Source, exists: &dyn Fn(&str) -> bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut fenced = false;
    for (at, line) in source.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in targets(&without_code(line)) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            match resolve(&source.path, file) {
                Some(path) if exists(&path) => {}
                _ => problems.push(Problem::new(
                    &source.path,
                    at + 1,
                    format!("link to {file}: nothing is there"),
                )),
            }
        }
    }
    problems
}

/// The line without what stands in back-quotes.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// What stands in the round brackets of `[text](target)` and after the colon of `[name]: target`.
fn targets(line: &str) -> Vec<String> {
    let mut found: Vec<String> = line
        .match_indices("](")
        .filter_map(|(at, open)| line[at + open.len()..].split([')', ' ']).next())
        .map(str::to_owned)
        .collect();
    if line.starts_with('[')
        && let Some((_, target)) = line.split_once("]: ")
    {
        found.extend(target.split(' ').next().map(str::to_owned));
    }
    found
}

/// The workspace path that a link on `page` leads to; `None` if it leads out of the workspace.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = match link.starts_with('/') {
        true => Vec::new(),
        false => page.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(),
    };
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        let page = Source { path: "docs/a.md".to_owned(), text: text.to_owned() };
        let exists = |path: &str| ["docs/b.md", "README.md"].contains(&path);
        check(&page, &exists).into_iter().map(|problem| problem.what).collect()
    }

    #[test]
    fn a_link_to_nothing_is_caught() {
        assert_eq!(broken("see [b](b.md), [c](c.md)\n"), ["link to c.md: nothing is there"]);
        assert_eq!(broken("[out](../../x.md)\n"), ["link to ../../x.md: nothing is there"]);
        assert_eq!(broken("[ref]: c.md\n"), ["link to c.md: nothing is there"]);
    }

    #[test]
    fn a_good_link_a_web_address_an_anchor_and_code_are_left_alone() {
        assert_eq!(
            broken("[b](b.md#part) [r](../README.md) [w](https://example.org/x) [a](#here)\n"),
            [""; 0]
        );
        assert_eq!(broken("`[x](nowhere)`\n```\n[x](nowhere)\n```\n"), [""; 0]);
    }
}
