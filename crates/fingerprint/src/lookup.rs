//! Where headers and libraries are searched, and which answers that search gave (law 5).

use crate::files::PathId;

/// Where headers or libraries are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The directories, in order.
    pub dirs: Vec<PathId>,
    /// Whether the directory of each file that was read is searched too.
    pub near: bool,
}
