//! How many packages `Cargo.lock` may hold.

use super::Problem;

/// The ceiling: about a quarter over what the workspace needed when it was set. A package more is a person more
/// to trust and seconds more in every clean build, so raising this is a decision, made here, with its reason.
const PACKAGES: usize = 120;

/// Checks the text of `Cargo.lock`.
pub(crate) fn check(lock: &str) -> Vec<Problem> {
    check_against(lock, PACKAGES)
}

fn check_against(lock: &str, ceiling: usize) -> Vec<Problem> {
    let count = lock.lines().filter(|line| *line == "[[package]]").count();
    if count <= ceiling {
        return Vec::new();
    }
    let what = format!(
        "{count} packages, over the ceiling of {ceiling}; drop one or raise it in xtask/src/tidy/lock.rs"
    );
    vec![Problem::new("Cargo.lock", 0, what)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_package_over_the_ceiling_is_caught() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\n\n[[package]]\nname = \"b\"\n";
        assert_eq!(check_against(lock, 2), []);
        let problems = check_against(lock, 1);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].what.starts_with("2 packages, over the ceiling of 1"));
    }
}
