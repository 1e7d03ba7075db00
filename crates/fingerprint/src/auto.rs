//! Archives that another build tool makes: what the action of one says besides its command.
//!
//! It is an action as any other: its command, its keyed environment, its inputs (the files of its watch set, by path and
//! content, with their executable bits) and its outputs are where those of other actions are. What is only here is how the
//! tool is run so that what it gives follows from nothing else, and what a person calls the *profile*.
//!
//! The program of its commands is a path, or a name without a slash that whoever runs it searches on `PATH`: where a tool
//! lies is in no key. A directory of the tool's own is the root `work.NAME` of the archive `NAME`, which is always
//! spelled absolutely; its place, too, is in no key.

use std::path::PathBuf;

use crate::action::Arg;
use crate::files::PathId;
use crate::watch::WatchSet;

/// How another build tool is run, and what is taken of what it makes.
///
/// The tool leaves its products where it wants to (`made`); what others read are copies of them, the outputs of the
/// action. Between two runs nobody looks at what the tool left: it may be gone, or be that of another profile. An output that
/// is where the tool leaves it (a header among sources, which those beside it find first) is one as any other action's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoBuild {
    /// Commands that run before that of the action, in its directory and its environment, each if the one before
    /// succeeded. They are in the key as the action's own command is.
    pub before: Vec<Vec<Arg>>,
    /// Directories in which the tool works and that are nobody else's; they are made before it runs. What lies there is no
    /// input, whatever a depfile says of it: it was made of inputs.
    pub work: Vec<PathId>,
    /// What is deleted before it runs, files and whole directories, so that it does not take for done what it did for
    /// other inputs: everything lies in `work`, or is one of `made`.
    pub remove: Vec<PathId>,
    /// The same for whatever starts with a name in a directory (which lies in `work`).
    pub forget: Vec<(PathId, Vec<u8>)>,
    /// Where the tool leaves each output of the action, in the order of these.
    pub made: Vec<PathId>,
    /// Directories that no two builds may work in at once: those the tool writes to.
    pub locks: Vec<PathId>,
    /// Of what the inputs are the files: looked at again when the tool has ended.
    pub watch: WatchSet,
    /// What of [`WatchSet::exclude`] the tool leaves among its sources. One that it did not write in a run lay there before,
    /// and may be in what it made though no input tells of it.
    pub left: Vec<String>,
    /// What else the result is keyed by.
    pub facts: Vec<(Fact, Vec<u8>)>,
    /// The tool that is not on this machine. The identity of the action is that of its stamp then, or the only one under
    /// which the store has a result.
    pub absent: Option<String>,
    /// Whether it prints how it gets on, so that what it printed is not told again when nothing is built.
    pub chatters: bool,
}

impl AutoBuild {
    /// The keys of the profile with their values, for people.
    pub fn profile(&self) -> Vec<(String, String)> {
        let profile = self.facts.iter().filter_map(|(fact, value)| match fact {
            Fact::Profile(key) => Some((key.clone(), String::from_utf8_lossy(value).into_owned())),
            Fact::Link(_) => None,
        });
        profile.collect()
    }
}

/// Something that a result is keyed by, besides commands, environment and inputs; its value is text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// A key of the profile: `target`, `features`, `profile`, or one that a person chose.
    Profile(String),
    /// A symbolic link of the watch set, as it is shown; its value is the text of the link.
    Link(PathBuf),
}

impl Fact {
    /// What the name of a key of the profile starts with.
    pub const PROFILE: &'static str = "=profile ";
    /// What the name of a link starts with.
    pub const LINK: &'static str = "=link ";

    /// Its name among the variables of a [`crate::action::Command`]: it starts with `=`, as no variable's does.
    pub fn name(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        match self {
            Self::Profile(key) => [Self::PROFILE.as_bytes(), key.as_bytes()].concat(),
            Self::Link(path) => [Self::LINK.as_bytes(), path.as_os_str().as_bytes()].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_told_without_the_links_of_the_watch_set() {
        let facts = vec![
            (Fact::Profile("features".into()), b"crypto".to_vec()),
            (Fact::Link("src/link".into()), b"target".to_vec()),
            (Fact::Profile("lto".into()), Vec::new()),
        ];
        let auto = AutoBuild { facts, ..AutoBuild::default() };
        let told = [("features", "crypto"), ("lto", "")].map(|(key, value)| (key.into(), value.into()));
        assert_eq!(auto.profile(), told);
    }
}
