//! What is done before the build that is measured.

use super::project::Edit;

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    NoOp,
    /// One module gets another number.
    EditOne,
    /// Fifty modules do.
    EditMany,
    /// The library in Rust does.
    EditRuntime,
    /// One module is edited, that is built, and the old module put back.
    UndoOne,
    /// The same with the library in Rust.
    UndoRuntime,
    /// The sources are checked out elsewhere, and what can be carried there is.
    Elsewhere,
}

/// All, in the order in which they are measured.
pub(crate) const ALL: [Step; 7] = [
    Step::NoOp,
    Step::EditOne,
    Step::EditMany,
    Step::EditRuntime,
    Step::UndoOne,
    Step::UndoRuntime,
    Step::Elsewhere,
];

impl Step {
    /// In tables and charts, and for `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::NoOp => "no-op",
            Step::EditOne => "edit one module",
            Step::EditMany => "edit 50 modules",
            Step::EditRuntime => "edit the Rust library",
            Step::UndoOne => "A-B-A, one module",
            Step::UndoRuntime => "A-B-A, the Rust library",
            Step::Elsewhere => "restored elsewhere",
        }
    }

    /// What is edited.
    pub(crate) fn edit(self) -> Option<Edit> {
        match self {
            Step::NoOp | Step::Elsewhere => None,
            Step::EditOne | Step::UndoOne => Some(Edit::Modules(1)),
            Step::EditMany => Some(Edit::Modules(50)),
            Step::EditRuntime | Step::UndoRuntime => Some(Edit::Runtime),
        }
    }

    /// Whether it is built and undone before the build that counts.
    pub(crate) fn is_undone(self) -> bool {
        matches!(self, Step::UndoOne | Step::UndoRuntime)
    }

    /// Whether one of the archives changes.
    pub(crate) fn is_of_runtime(self) -> bool {
        self.edit() == Some(Edit::Runtime)
    }
}
