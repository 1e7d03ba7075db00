//! Why an action is not fresh: data first, a sentence second. The same walk that finds the difference makes the
//! reason, so what is explained cannot drift from what is decided.

use std::fmt;

/// One difference between an action as it is now and its stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaleReason {
    /// There is no stamp: the action never succeeded here.
    NeverBuilt,
    /// The command line differs.
    ArgumentsChanged {
        /// Arguments that are no longer there.
        removed: Vec<String>,
        /// Arguments that are new.
        added: Vec<String>,
    },
    /// A variable of the keyed environment differs.
    EnvironmentChanged {
        /// The variable.
        name: String,
        /// Its value then; `None` if it was not set.
        before: Option<String>,
        /// Its value now; `None` if it is not set.
        now: Option<String>,
    },
    /// A key of the profile of an auto-built archive differs.
    ProfileChanged {
        /// The key.
        key: String,
        /// Its value then; `None` if there was none.
        before: Option<String>,
        /// Its value now; `None` if there is none.
        now: Option<String>,
    },
    /// A symbolic link of a watch set points elsewhere, came, or went.
    LinkChanged {
        /// The link.
        path: String,
        /// Where it pointed then; `None` if it was not there.
        before: Option<String>,
        /// Where it points now; `None` if it is not there.
        now: Option<String>,
    },
    /// The command runs in another directory.
    DirectoryChanged {
        /// The directory then.
        before: String,
        /// The directory now.
        now: String,
    },
    /// What the command is to write differs.
    ProductsChanged {
        /// Files and links that it no longer writes.
        removed: Vec<String>,
        /// Files and links that it did not write.
        added: Vec<String>,
    },
    /// The toolchain is another one.
    ToolchainChanged {
        /// The identity: `gcc 12.2.0, compile C`.
        toolchain: String,
        /// The parts that differ; empty if it is not known any more what the old one was made of.
        parts: Vec<String>,
    },
    /// An input has other content.
    InputChanged {
        /// The input.
        path: String,
    },
    /// An input is not there, or no readable file.
    InputGone {
        /// The input.
        path: String,
    },
    /// An input of a custom command may be executed now, or may not any more.
    InputModeChanged {
        /// The input.
        path: String,
        /// Whether it may be executed now.
        executable: bool,
    },
    /// A path that was found absent is there now.
    InputAppeared {
        /// The path.
        path: String,
    },
    /// An input was declared since.
    InputAdded {
        /// The input.
        path: String,
    },
    /// An input is no longer declared.
    InputRemoved {
        /// The input.
        path: String,
    },
    /// The same inputs are declared in another order.
    InputsReordered,
    /// A header or library of this name is found in a directory that is searched and did not have it.
    LookupAppeared {
        /// The name that is searched.
        name: String,
        /// The directory that has it now.
        directory: String,
    },
    /// A header or library of this name is gone from a directory that is searched.
    LookupGone {
        /// The name that is searched.
        name: String,
        /// The directory that had it.
        directory: String,
    },
    /// Headers or libraries are searched in other directories, or in another order.
    SearchChanged {
        /// Directories that are no longer searched.
        removed: Vec<String>,
        /// Directories that were not searched.
        added: Vec<String>,
    },
    /// An output is not there.
    OutputMissing {
        /// The output.
        path: String,
    },
    /// An output was left in the store, and is wanted at its place now.
    OutputLeft {
        /// The output.
        path: String,
    },
    /// An output was left in the store, is needed, and is there no more.
    OutputLost {
        /// The output.
        path: String,
    },
    /// An output is not what the command wrote.
    OutputChanged {
        /// The output.
        path: String,
    },
    /// The result holds absolute paths and the roots lie elsewhere now, or on another machine.
    BoundElsewhere,
    /// What the command reads cannot be known.
    Unprovable {
        /// Why.
        why: String,
    },
    /// An input is made by an action that will run; said by `explain` and `--dry-run`, which run nothing.
    InputWillBeBuilt {
        /// The input.
        path: String,
    },
}

impl StaleReason {
    /// Its name in JSON events.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NeverBuilt => "never_built",
            Self::ArgumentsChanged { .. } => "arguments_changed",
            Self::EnvironmentChanged { .. } => "environment_changed",
            Self::ProfileChanged { .. } => "profile_changed",
            Self::LinkChanged { .. } => "link_changed",
            Self::DirectoryChanged { .. } => "directory_changed",
            Self::ProductsChanged { .. } => "products_changed",
            Self::ToolchainChanged { .. } => "toolchain_changed",
            Self::InputChanged { .. } => "input_changed",
            Self::InputGone { .. } => "input_gone",
            Self::InputModeChanged { .. } => "input_mode_changed",
            Self::InputAppeared { .. } => "input_appeared",
            Self::InputAdded { .. } => "input_added",
            Self::InputRemoved { .. } => "input_removed",
            Self::InputsReordered => "inputs_reordered",
            Self::LookupAppeared { .. } => "lookup_appeared",
            Self::LookupGone { .. } => "lookup_gone",
            Self::SearchChanged { .. } => "search_changed",
            Self::OutputMissing { .. } => "output_missing",
            Self::OutputLeft { .. } => "output_left",
            Self::OutputLost { .. } => "output_lost",
            Self::OutputChanged { .. } => "output_changed",
            Self::BoundElsewhere => "bound_elsewhere",
            Self::Unprovable { .. } => "unprovable",
            Self::InputWillBeBuilt { .. } => "input_will_be_built",
        }
    }

    /// The path it is about, if it is about one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::InputChanged { path }
            | Self::InputGone { path }
            | Self::InputModeChanged { path, .. }
            | Self::InputAppeared { path }
            | Self::InputAdded { path }
            | Self::InputRemoved { path }
            | Self::LinkChanged { path, .. }
            | Self::OutputMissing { path }
            | Self::OutputLeft { path }
            | Self::OutputLost { path }
            | Self::OutputChanged { path }
            | Self::InputWillBeBuilt { path } => Some(path),
            _ => None,
        }
    }
}

struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        for (at, text) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}`{text}`", if at == 0 { "" } else { " " })?;
        }
        if self.0.len() > SHOWN {
            write!(f, " and {} more", self.0.len() - SHOWN)?;
        }
        Ok(())
    }
}

fn difference(f: &mut fmt::Formatter<'_>, what: &str, removed: &[String], added: &[String]) -> fmt::Result {
    match (removed.is_empty(), added.is_empty()) {
        (true, true) => write!(f, "{what}: the same ones in another order"),
        (true, false) => write!(f, "{what}: {} added", Quoted(added)),
        (false, true) => write!(f, "{what}: {} removed", Quoted(removed)),
        (false, false) => write!(f, "{what}: {} became {}", Quoted(removed), Quoted(added)),
    }
}

/// How a value is shown that may be unset.
fn valued(value: &Option<String>) -> String {
    value.as_ref().map_or_else(|| "unset".to_string(), |value| format!("`{value}`"))
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverBuilt => f.write_str("not built here yet"),
            Self::ArgumentsChanged { removed, added } => difference(f, "arguments changed", removed, added),
            Self::EnvironmentChanged { name, before, now } => {
                write!(f, "environment variable {name} was {}, is {}", valued(before), valued(now))
            }
            Self::ProfileChanged { key, before, now } => {
                write!(f, "profile key `{key}` was {}, is {}", valued(before), valued(now))
            }
            Self::LinkChanged { path, before: None, .. } => write!(f, "link `{path}` appeared"),
            Self::LinkChanged { path, now: None, .. } => write!(f, "link `{path}` is gone"),
            Self::LinkChanged { path, before: Some(before), now: Some(now) } => {
                write!(f, "link `{path}` pointed to `{before}`, points to `{now}`")
            }
            Self::DirectoryChanged { before, now } => {
                write!(f, "working directory was `{before}`, is `{now}`")
            }
            Self::ProductsChanged { removed, added } => difference(f, "products changed", removed, added),
            Self::ToolchainChanged { toolchain, parts } if parts.is_empty() => {
                write!(f, "toolchain changed: {toolchain}")
            }
            Self::ToolchainChanged { toolchain, parts } => {
                write!(f, "toolchain changed: {toolchain}: {}", Quoted(parts))
            }
            Self::InputChanged { path } => write!(f, "`{path}` changed"),
            Self::InputGone { path } => write!(f, "`{path}` is gone"),
            Self::InputModeChanged { path, executable: true } => write!(f, "`{path}` may be executed now"),
            Self::InputModeChanged { path, .. } => write!(f, "`{path}` may not be executed any more"),
            Self::InputAppeared { path } => write!(f, "`{path}` appeared"),
            Self::InputAdded { path } => write!(f, "input `{path}` added"),
            Self::InputRemoved { path } => write!(f, "input `{path}` removed"),
            Self::InputsReordered => f.write_str("inputs are in another order"),
            Self::LookupAppeared { name, directory } => write!(f, "`{name}` appeared in `{directory}`"),
            Self::LookupGone { name, directory } => write!(f, "`{name}` is gone from `{directory}`"),
            Self::SearchChanged { removed, added } => {
                difference(f, "directories that are searched changed", removed, added)
            }
            Self::OutputMissing { path } => write!(f, "output `{path}` is missing"),
            Self::OutputLeft { path } => write!(f, "output `{path}` was left in the store"),
            Self::OutputLost { path } => {
                write!(f, "output `{path}` was left in the store, and is gone from it")
            }
            Self::OutputChanged { path } => write!(f, "output `{path}` was changed by someone else"),
            Self::BoundElsewhere => {
                f.write_str("its result holds absolute paths, and the project lies elsewhere now")
            }
            Self::Unprovable { why } => write!(f, "what it reads cannot be known: {why}"),
            Self::InputWillBeBuilt { path } => write!(f, "`{path}` will be built first"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_string()).collect()
    }

    #[test]
    fn every_reason_is_a_sentence_with_a_name() {
        let path = || "src/a.h".to_string();
        let reasons = [
            StaleReason::NeverBuilt,
            StaleReason::ArgumentsChanged { removed: texts(&["-O0"]), added: texts(&["-O2", "-g"]) },
            StaleReason::ArgumentsChanged {
                removed: vec![],
                added: texts(&["1", "2", "3", "4", "5", "6", "7"]),
            },
            StaleReason::ArgumentsChanged { removed: texts(&["-DA"]), added: vec![] },
            StaleReason::ArgumentsChanged { removed: vec![], added: vec![] },
            StaleReason::EnvironmentChanged { name: "CPATH".into(), before: None, now: Some("inc".into()) },
            StaleReason::ProfileChanged { key: "target".into(), before: None, now: Some("avr".into()) },
            StaleReason::LinkChanged { path: path(), before: Some("b.h".into()), now: Some("c.h".into()) },
            StaleReason::LinkChanged { path: path(), before: Some("b.h".into()), now: None },
            StaleReason::LinkChanged { path: path(), before: None, now: Some("c.h".into()) },
            StaleReason::DirectoryChanged { before: "<ws!>".into(), now: "<ws!>/sub".into() },
            StaleReason::ProductsChanged { removed: vec![], added: texts(&["<build!>/a.dwo"]) },
            StaleReason::ToolchainChanged {
                toolchain: "gcc 12.2.0, compile C".into(),
                parts: texts(&["cc1"]),
            },
            StaleReason::ToolchainChanged { toolchain: "gcc 12.2.0, compile C".into(), parts: vec![] },
            StaleReason::InputChanged { path: path() },
            StaleReason::InputGone { path: path() },
            StaleReason::InputModeChanged { path: path(), executable: true },
            StaleReason::InputModeChanged { path: path(), executable: false },
            StaleReason::InputAppeared { path: path() },
            StaleReason::InputAdded { path: path() },
            StaleReason::InputRemoved { path: path() },
            StaleReason::InputsReordered,
            StaleReason::LookupAppeared { name: "a.h".into(), directory: "inc1".into() },
            StaleReason::LookupGone { name: "a.h".into(), directory: "inc1".into() },
            StaleReason::SearchChanged { removed: vec![], added: texts(&["sr/usr/local/include"]) },
            StaleReason::OutputMissing { path: path() },
            StaleReason::OutputLeft { path: path() },
            StaleReason::OutputLost { path: path() },
            StaleReason::OutputChanged { path: path() },
            StaleReason::BoundElsewhere,
            StaleReason::Unprovable { why: "a.c:3: `__has_include` of a macro".into() },
            StaleReason::InputWillBeBuilt { path: path() },
        ];
        let lines: Vec<String> = reasons
            .iter()
            .map(|reason| format!("{}: {reason} [{}]", reason.name(), reason.path().unwrap_or("-")))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        never_built: not built here yet [-]
        arguments_changed: arguments changed: `-O0` became `-O2` `-g` [-]
        arguments_changed: arguments changed: `1` `2` `3` `4` `5` `6` and 1 more added [-]
        arguments_changed: arguments changed: `-DA` removed [-]
        arguments_changed: arguments changed: the same ones in another order [-]
        environment_changed: environment variable CPATH was unset, is `inc` [-]
        profile_changed: profile key `target` was unset, is `avr` [-]
        link_changed: link `src/a.h` pointed to `b.h`, points to `c.h` [src/a.h]
        link_changed: link `src/a.h` is gone [src/a.h]
        link_changed: link `src/a.h` appeared [src/a.h]
        directory_changed: working directory was `<ws!>`, is `<ws!>/sub` [-]
        products_changed: products changed: `<build!>/a.dwo` added [-]
        toolchain_changed: toolchain changed: gcc 12.2.0, compile C: `cc1` [-]
        toolchain_changed: toolchain changed: gcc 12.2.0, compile C [-]
        input_changed: `src/a.h` changed [src/a.h]
        input_gone: `src/a.h` is gone [src/a.h]
        input_mode_changed: `src/a.h` may be executed now [src/a.h]
        input_mode_changed: `src/a.h` may not be executed any more [src/a.h]
        input_appeared: `src/a.h` appeared [src/a.h]
        input_added: input `src/a.h` added [src/a.h]
        input_removed: input `src/a.h` removed [src/a.h]
        inputs_reordered: inputs are in another order [-]
        lookup_appeared: `a.h` appeared in `inc1` [-]
        lookup_gone: `a.h` is gone from `inc1` [-]
        search_changed: directories that are searched changed: `sr/usr/local/include` added [-]
        output_missing: output `src/a.h` is missing [src/a.h]
        output_left: output `src/a.h` was left in the store [src/a.h]
        output_lost: output `src/a.h` was left in the store, and is gone from it [src/a.h]
        output_changed: output `src/a.h` was changed by someone else [src/a.h]
        bound_elsewhere: its result holds absolute paths, and the project lies elsewhere now [-]
        unprovable: what it reads cannot be known: a.c:3: `__has_include` of a macro [-]
        input_will_be_built: `src/a.h` will be built first [src/a.h]
        ");
    }
}
