//! What a source mentions that no dependency file tells.

/// A literal `__has_include`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    /// The name that is asked for.
    pub name: Box<[u8]>,
    /// Whether it stands between `<` and `>`.
    pub angled: bool,
    /// Whether it is `__has_include_next`.
    pub next: bool,
}
