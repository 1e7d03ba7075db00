//! Two projects to which the same things happen. One builds from snapshots; of the other they are deleted before each
//! build. Whatever they tell and make has to be the same.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::fs;
use std::path::{Path, PathBuf};

use rekindle_testkit::{Built, Space};

use crate::kit::{self, build, clean_products, products, told};
use crate::project::{self, Flavour};

/// How much two builds must have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Like {
    /// All that they tell and make.
    All,
    /// What they make. What they did may differ: the journals of the two do (one was killed at another moment), or a proof
    /// outlived a stamp.
    Products,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Pair {
    /// Builds from snapshots.
    pub(crate) kept: Space,
    /// Always goes the whole way.
    pub(crate) whole: Space,
    /// What has happened, for a message.
    pub(crate) story: Vec<String>,
    /// The arguments of builds.
    args: Vec<String>,
    /// Whether what is made holds where it lies.
    bound: bool,
}

impl Pair {
    /// Two projects, not built yet. With a store, each has its own.
    pub(crate) fn new(flavour: Flavour, store: bool) -> Self {
        assert!(!(flavour.coverage && store), "the second is built in the place of the first one");
        let [mut kept, mut whole] = [project::new(flavour), project::new(flavour)];
        for space in [&mut kept, &mut whole].into_iter().filter(|_| store) {
            let place = space.base().join("store");
            space.use_store(&place);
        }
        Self {
            kept,
            whole,
            story: vec![format!("{flavour:?}, store: {store}")],
            args: Vec::new(),
            bound: flavour.coverage,
        }
    }

    /// Both builds take these arguments from here on.
    pub(crate) fn set_args(&mut self, args: &[&str]) {
        self.args = args.iter().map(ToString::to_string).collect();
    }

    /// Does the same to both.
    pub(crate) fn both(&mut self, what: impl Into<String>, change: impl Fn(&mut Space)) {
        self.story.push(what.into());
        change(&mut self.kept);
        change(&mut self.whole);
    }

    /// Builds both and compares them; if that went well, a second build of the first has nothing to do.
    #[track_caller]
    pub(crate) fn build(&mut self, like: Like) -> Built {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        kit::forget(&self.whole);
        let (kept, whole) = (build(&self.kept, &args), self.build_whole(&args));
        self.compare(&kept, &whole, like);
        if kept.code == 0 {
            let again = build(&self.kept, &args);
            let nothing = again.code == 0
                && again.summary().processes() == 0
                && again.summary().ran.total() + again.summary().restored.total() == 0;
            assert!(nothing, "{}\nthe next build had something to do:\n{}", self.tale(), again.story());
            let third = self.build_whole(&args);
            self.compare(&again, &third, Like::All);
        }
        kept
    }

    /// Builds the second; in the place of the first one if it matters where that is.
    #[track_caller]
    fn build_whole(&self, args: &[&str]) -> Built {
        if !self.bound {
            return build(&self.whole, args);
        }
        let aside = self.kept.base().join("aside");
        let (one, other) = (self.kept.root(), self.whole.root());
        fs::rename(&one, &aside).unwrap();
        fs::rename(&other, &one).unwrap();
        let built = build(&self.kept, args);
        fs::rename(&one, &other).unwrap();
        fs::rename(&aside, &one).unwrap();
        built
    }

    #[track_caller]
    fn compare(&self, kept: &Built, whole: &Built, like: Like) {
        let stories = || format!("{}\nby snapshot: {}\nwhole: {}", self.tale(), kept.story(), whole.story());
        assert!(!kept.stderr.contains("panicked") && !whole.stderr.contains("panicked"), "{}", stories());
        assert!(kept.code == whole.code, "exit codes differ\n{}", stories());
        if kept.code == 0 || like == Like::All {
            let difference = products(&self.kept).difference(&products(&self.whole));
            assert!(difference.is_empty(), "products differ:\n{difference}{}", stories());
        }
        if like == Like::All {
            let (one, another) =
                (told(&self.kept, kept), told(if self.bound { &self.kept } else { &self.whole }, whole));
            let only = |these: &[String], those: &[String]| -> String {
                let only = these.iter().filter(|line| !those.contains(line));
                only.map(|line| format!("  {line}\n")).collect()
            };
            assert!(
                one == another,
                "told by snapshot:\n{}told by the whole way:\n{}{}",
                only(&one, &another),
                only(&another, &one),
                stories()
            );
        }
    }

    /// Lets the first go the whole way once, so that both journals say the same.
    #[track_caller]
    pub(crate) fn align(&mut self) {
        kit::forget(&self.kept);
        self.build(Like::Products);
    }

    /// The products equal those of a build of the same files where nothing was built.
    #[track_caller]
    pub(crate) fn is_like_clean(&self) {
        if self.bound {
            return;
        }
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let mut here = products(&self.kept);
        let there = clean_products(&self.kept, &args);
        here.retain(|path| there.has_folder(path));
        let difference = here.difference(&there);
        assert!(difference.is_empty(), "{}\nunlike a clean build:\n{difference}", self.tale());
    }

    /// The products, by path below the build directory.
    pub(crate) fn outputs(&self) -> Vec<PathBuf> {
        products(&self.kept).paths().map(Path::to_path_buf).collect()
    }

    /// What has happened.
    pub(crate) fn tale(&self) -> String {
        format!("what was done:\n  {}", self.story.join("\n  "))
    }
}
