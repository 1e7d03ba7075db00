//! The edits that a person makes between two builds, how each is taken back, and what a build after it has to run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::engines::{Count, Family};
use super::measure;
use super::project::{Project, archive_name, header_path, unit_path};
use super::recipes::{self, Flagged, Tools};

/// What is done before the build that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The outputs are deleted.
    Cold,
    /// Nothing.
    NoOp,
    /// Every source and header gets the present time, as in a fresh checkout.
    TouchAll,
    /// One source gets other code.
    EditLeaf,
    /// One source gets the present time.
    TouchLeaf,
    /// A header gets one more comment; no object changes by it.
    Comment,
    /// One archive's units get another flag.
    Flag,
    /// One source gets other code, that is built, and the old code is put back.
    Revert,
}

/// All, in the order in which they are measured.
pub(crate) const ALL: [Step; 8] = [
    Step::Cold,
    Step::NoOp,
    Step::TouchAll,
    Step::EditLeaf,
    Step::TouchLeaf,
    Step::Comment,
    Step::Flag,
    Step::Revert,
];

/// How many units read the header that gets a comment, as nearly as there is one.
const READERS: usize = 96;

impl Step {
    /// In tables and charts, and for `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Step::Cold => "cold",
            Step::NoOp => "no-op",
            Step::TouchAll => "touch everything",
            Step::EditLeaf => "edit one leaf",
            Step::TouchLeaf => "touch one leaf",
            Step::Comment => "comment in a header",
            Step::Flag => "edit a flag",
            Step::Revert => "revert",
        }
    }
}

/// A project on disk, as it was written, and what the steps change in it.
pub(crate) struct Tree {
    /// Where it lies.
    pub(crate) place: PathBuf,
    /// What it is made of.
    pub(crate) project: Project,
    /// What compiles it.
    pub(crate) tools: Tools,
    /// The engines that read ninja's build files.
    pub(crate) ninjas: Vec<String>,
    leaf: PathBuf,
    header: PathBuf,
    /// The units that read the header, and how many archives they are in.
    readers: (usize, usize),
    /// The archive that gets flags.
    archive: usize,
}

impl Tree {
    /// Writes the project to a fresh folder.
    pub(crate) fn create(
        place: PathBuf,
        project: Project,
        tools: Tools,
        ninjas: Vec<String>,
    ) -> Result<Tree, String> {
        remove(&place)?;
        project.write(&place)?;
        recipes::write(&place, &project, &tools, &ninjas, None)?;
        let units = project.size().units;
        let (header, readers) = project.header_read_by(READERS.min(units.div_ceil(4)));
        let mut archives: Vec<usize> = readers.iter().map(|unit| Project::archive_of(*unit)).collect();
        archives.dedup();
        Ok(Tree {
            leaf: place.join(unit_path(units / 2)),
            header: place.join(header_path(header)),
            readers: (readers.len(), archives.len()),
            archive: project.archives() / 2,
            place,
            project,
            tools,
            ninjas,
        })
    }

    /// What a build after the step must run. An engine that goes by times runs the wave to its end, and takes a touch
    /// for a change.
    pub(crate) fn expected(&self, step: Step, family: Family) -> Count {
        let by_time = family == Family::Ninja;
        let units = self.project.size().units;
        let everything = Count::new(units + 1, self.project.archives(), 1);
        let one = Count::new(1, 1, 1);
        let (readers, archives) = self.readers;
        match step {
            Step::Cold => everything,
            Step::NoOp => Count::default(),
            Step::TouchAll if by_time => everything,
            Step::TouchLeaf | Step::Revert if by_time => one,
            Step::TouchAll | Step::TouchLeaf | Step::Revert => Count::default(),
            Step::EditLeaf => one,
            Step::Comment if by_time => Count::new(readers, archives, 1),
            Step::Comment => Count::new(readers, 0, 0),
            Step::Flag => Count::new(self.project.members(self.archive).len(), 1, 1),
        }
    }

    /// Does what the step does to the sources. Each round makes another edit: what an earlier one gave is of no use.
    pub(crate) fn apply(&self, step: Step, round: usize) -> Result<(), String> {
        match step {
            Step::Cold | Step::NoOp => Ok(()),
            Step::TouchAll => {
                touch_below(&self.place.join("src"))?;
                touch_below(&self.place.join("include"))
            }
            Step::EditLeaf | Step::Revert => {
                replace(&self.leaf, "return x * 0 +", &format!("return x * 0 + {} +", 1_000_000 + round))
            }
            Step::TouchLeaf => touch(&self.leaf),
            Step::Comment => {
                let text = measure::read(&self.header)?;
                write(&self.header, &format!("{text}// comment {round}\n"))
            }
            // Every unit's object depends on it: else the archive of the round before would do.
            Step::Flag => self.recipes(Some(&Flagged {
                archive: self.archive,
                flags: vec![format!("-DROUND={}", 1_000 + round)],
            })),
        }
    }

    /// Takes it back. Times stay what they have become.
    pub(crate) fn restore(&self, step: Step, round: usize) -> Result<(), String> {
        match step {
            Step::Cold | Step::NoOp | Step::TouchAll | Step::TouchLeaf => Ok(()),
            Step::EditLeaf | Step::Revert => {
                replace(&self.leaf, &format!("return x * 0 + {} +", 1_000_000 + round), "return x * 0 +")
            }
            Step::Comment => replace(&self.header, &format!("// comment {round}\n"), ""),
            Step::Flag => self.recipes(None),
        }
    }

    fn recipes(&self, flagged: Option<&Flagged>) -> Result<(), String> {
        recipes::write(&self.place, &self.project, &self.tools, &self.ninjas, flagged)
    }

    /// The edited places, for a report.
    pub(crate) fn describe(&self) -> String {
        let size = self.project.size();
        format!(
            "{} units, {} headers, {} archives, {} pairs of a unit and a header that it reads; the comment goes into \
             a header of {} units in {} archives, the flag to {} ({} units)",
            super::stats::count(size.units as u64),
            super::stats::count(size.headers as u64),
            super::stats::count(self.project.archives() as u64),
            super::stats::count(self.project.reads() as u64),
            self.readers.0,
            self.readers.1,
            archive_name(self.archive),
            self.project.members(self.archive).len(),
        )
    }
}

/// Lets the file system's clock move on, so that what was just written is older than what comes now, as with a
/// person who saves and then types a command.
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// Removes a folder with all in it, or a file, or nothing.
pub(crate) fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("write {}: {error}", path.display()))
}

/// Replaces the first occurrence of a text that must be there.
fn replace(path: &Path, from: &str, to: &str) -> Result<(), String> {
    let text = measure::read(path)?;
    if !text.contains(from) {
        return Err(format!("{}: there is no `{from}` to replace", path.display()));
    }
    write(path, &text.replacen(from, to, 1))
}

fn touch(path: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("touch {}: {error}", path.display());
    let file = File::options().write(true).open(path).map_err(failed)?;
    file.set_modified(SystemTime::now()).map_err(failed)
}

fn touch_below(folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() { touch_below(&path)? } else { touch(&path)? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(folder: &Path) -> Tree {
        let tools = Tools { cc: "cc".to_owned(), ar: "ar".to_owned() };
        Tree::create(folder.join("tree"), Project::of(250), tools, vec!["ninja".to_owned()]).unwrap()
    }

    /// Every file's content.
    fn content(folder: &Path) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(content(&path));
            } else {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn each_step_is_taken_back_whole_and_no_two_rounds_are_alike() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        let before = content(&tree.place);
        for step in ALL {
            tree.apply(step, 1).unwrap();
            let first = content(&tree.place);
            tree.restore(step, 1).unwrap();
            assert_eq!(content(&tree.place), before, "{step:?}");
            let edits = matches!(step, Step::EditLeaf | Step::Comment | Step::Flag | Step::Revert);
            assert_eq!(first != before, edits, "{step:?}");
            tree.apply(step, 2).unwrap();
            assert_eq!(content(&tree.place) != first, edits, "{step:?}");
            tree.restore(step, 2).unwrap();
        }
    }

    #[test]
    fn touching_gives_sources_and_headers_the_present_time() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        for path in [&tree.leaf, &tree.header] {
            File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        tree.apply(Step::TouchAll, 0).unwrap();
        for path in [&tree.leaf, &tree.header] {
            assert!(fs::metadata(path).unwrap().modified().unwrap() > SystemTime::UNIX_EPOCH);
        }
    }

    #[test]
    fn what_content_needs_is_less_than_what_times_need() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        let both = |step| (tree.expected(step, Family::Ninja), tree.expected(step, Family::Rekindle));
        assert_eq!(both(Step::Cold), (Count::new(251, 3, 1), Count::new(251, 3, 1)));
        assert_eq!(both(Step::TouchAll), (Count::new(251, 3, 1), Count::default()));
        assert_eq!(both(Step::EditLeaf), (Count::new(1, 1, 1), Count::new(1, 1, 1)));
        let (ninja, rekindle) = both(Step::Comment);
        assert_eq!((rekindle.archives, rekindle.links), (0, 0));
        assert!(ninja.compiles == rekindle.compiles && ninja.links == 1, "{ninja}");
        assert_eq!(both(Step::Flag).0, Count::new(100, 1, 1));
    }
}
