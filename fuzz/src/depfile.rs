//! Dependency files, and what linkers print under `-t`.

use rekindle_fingerprint::depfile::{self, Rule};

/// Reads `data` in each way in which rekindle reads what a command says that it read.
pub fn run(data: &[u8]) {
    if let Ok(read) = depfile::parse(data) {
        for rule in &read.rules {
            assert!(!rule.targets.is_empty(), "a rule without a target");
            reads_back(rule);
        }
        let kept = depfile::without(data, |_| false).expect("what was read is read again");
        assert_eq!(depfile::parse(&kept).map(|kept| names(&kept.rules)), Ok(names(&read.rules)));
        let left = depfile::without(data, |_| true).expect("what was read is read again");
        assert!(depfile::parse(&left).is_ok_and(|left| left.prerequisites().is_empty()));
    }
    let _ = depfile::parse_linker(data);
    let trace = depfile::parse_trace(data, |name| name.len() % 2 == 0);
    assert!(trace.other.len() <= data.len() && trace.files.len() + trace.gone.len() <= data.len());
}

/// What is formatted reads back, but for names with a line end in them.
fn reads_back(rule: &Rule) {
    let all = || rule.targets.iter().chain(&rule.prerequisites);
    if all().any(|name| name.contains(&b'\n')) {
        return;
    }
    let text = depfile::format(&rule.targets, &rule.prerequisites, false);
    let again = depfile::parse(&text).expect("what was formatted is read");
    let targets: Vec<_> = again.rules.iter().flat_map(|rule| rule.targets.clone()).collect();
    assert_eq!(targets, rule.targets, "{}", text.escape_ascii());
    for again in &again.rules {
        assert_eq!(again.prerequisites, rule.prerequisites, "{}", text.escape_ascii());
    }
}

fn names(rules: &[Rule]) -> Vec<Vec<u8>> {
    rules.iter().flat_map(|rule| &rule.prerequisites).cloned().collect()
}
