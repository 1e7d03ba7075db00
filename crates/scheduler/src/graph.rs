//! The neutral graph: actions, who produces which path, and the targets a person can name. Every front-end lowers
//! to it; nothing here knows a manifest.

use rekindle_fingerprint::action::Action;
use rekindle_fingerprint::files::{Files, PathId};
use rustc_hash::FxHashMap;

use crate::edges::post_order;

/// The number of an action in a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u32);

impl ActionId {
    /// The number as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).expect("fewer than 2^32 actions"))
    }
}

/// What a target is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// A program.
    Program,
    /// A program that `rekindle test` runs.
    Test,
    /// A static, shared or object library.
    Library,
    /// The outputs of a declared command.
    Command,
    /// What another build tool makes.
    Archive,
}

/// Something that a person can ask for by name.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: TargetKind,
    /// What is built when it is asked for; the first one is the product.
    pub outputs: Vec<PathId>,
    /// Whether it is built when nothing is asked for.
    pub default: bool,
    /// Arguments with which a test is run.
    pub arguments: Vec<String>,
    /// Environment variables that a test or a run gets on top.
    pub environment: Vec<(String, String)>,
    /// Where it is installed, relative to the prefix: (file, place).
    pub install: Vec<(PathId, std::path::PathBuf)>,
}

/// Two actions would write one path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{first_name}` and `{second_name}` write the same file")]
pub struct DuplicateOutput {
    /// What both would write.
    pub path: PathId,
    /// The action that was there first.
    pub first: ActionId,
    /// The name of the action that was there first.
    pub first_name: String,
    /// The name of the action that was not added.
    pub second_name: String,
}

impl DuplicateOutput {
    /// The error as a person reads it, with the path.
    pub fn show(&self, files: &Files) -> String {
        let Self { path, first_name, second_name, .. } = self;
        format!("`{}` is written by both `{first_name}` and `{second_name}`", files.show(*path))
    }
}

/// Actions and targets; paths by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    actions: Vec<Action>,
    producers: FxHashMap<PathId, ActionId>,
    targets: Vec<Target>,
    target_names: FxHashMap<String, usize>,
    pools: Vec<(String, usize)>,
}

impl Graph {
    /// A graph with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an action. Its outputs and its links are from now on produced by it.
    ///
    /// # Errors
    /// Another action produces one of those paths; the graph is then what it was. (An action may name one of its
    /// own paths twice.)
    pub fn add(&mut self, action: Action) -> Result<ActionId, DuplicateOutput> {
        let id = ActionId::at(self.actions.len());
        let taken = produced(&action).find_map(|path| self.producer(path).map(|first| (path, first)));
        if let Some((path, first)) = taken {
            let first_name = self.action(first).name.clone();
            return Err(DuplicateOutput { path, first, first_name, second_name: action.name });
        }
        self.producers.extend(produced(&action).map(|path| (path, id)));
        self.actions.push(action);
        Ok(id)
    }

    /// The action with a number that [`Graph::add`] gave.
    pub fn action(&self, id: ActionId) -> &Action {
        &self.actions[id.index()]
    }

    /// Every action with its number, in the order in which they were added.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = (ActionId, &Action)> {
        self.actions.iter().enumerate().map(|(at, action)| (ActionId::at(at), action))
    }

    /// How many actions there are.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether there is no action.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The action that writes `path`, or makes the symbolic link there. A path without one is a source.
    pub fn producer(&self, path: PathId) -> Option<ActionId> {
        self.producers.get(&path).copied()
    }

    /// Every path that an action produces, with the action, by action. (This is what
    /// [`Outputs::of`](rekindle_fingerprint::lookup) sorts by directory.)
    pub fn produced(&self) -> impl Iterator<Item = (PathId, ActionId)> + '_ {
        self.actions().flat_map(|(id, action)| produced(action).map(move |path| (path, id)))
    }

    /// The actions that must be settled before `id`: the producers of its inputs and of its order-only inputs,
    /// each once, by number.
    pub fn dependencies(&self, id: ActionId) -> Vec<ActionId> {
        let action = self.action(id);
        let paths = action.inputs.iter().chain(&action.order_only);
        let mut found: Vec<ActionId> = paths.filter_map(|path| self.producer(*path)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The actions that `outputs` need, each behind what it needs itself. The same question has the same
    /// answer; outputs that nothing produces ask for nothing.
    pub fn wanted(&self, outputs: &[PathId]) -> Vec<ActionId> {
        let roots: Vec<ActionId> = outputs.iter().filter_map(|path| self.producer(*path)).collect();
        self.closure(&roots)
    }

    /// `roots` and everything that they need, each behind what it needs itself: the post-order of a depth-first
    /// walk, so it is linear in the edges, and ends even on a cycle.
    pub fn closure(&self, roots: &[ActionId]) -> Vec<ActionId> {
        let mut entered = vec![false; self.len()];
        let enter = |id: ActionId| !std::mem::replace(&mut entered[id.index()], true);
        post_order(roots, enter, |id| self.dependencies(id).into_iter())
    }

    /// Adds something that a person can ask for. Of two with one name, [`Graph::target`] finds the first.
    pub fn add_target(&mut self, target: Target) {
        self.target_names.entry(target.name.clone()).or_insert(self.targets.len());
        self.targets.push(target);
    }

    /// The target with this name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.target_names.get(name).map(|at| &self.targets[*at])
    }

    /// Every target, in the order in which they were added.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Sets how many actions of the pool `name` may run at once; at least one may. The actions of a pool whose
    /// depth was never set run without a limit of their own.
    pub fn set_pool(&mut self, name: &str, depth: usize) {
        let depth = depth.max(1);
        match self.pools.iter_mut().find(|(known, _)| known == name) {
            Some(pool) => pool.1 = depth,
            None => self.pools.push((name.to_owned(), depth)),
        }
    }

    /// Every pool with its depth, in the order in which they were first set.
    pub fn pools(&self) -> impl ExactSizeIterator<Item = (&str, usize)> {
        self.pools.iter().map(|(name, depth)| (name.as_str(), *depth))
    }
}

/// What an action leaves at a path of its own: outputs and links.
fn produced(action: &Action) -> impl Iterator<Item = PathId> + '_ {
    action.outputs.iter().copied().chain(action.links.iter().map(|(link, _)| *link))
}

#[cfg(test)]
mod tests {
    use rekindle_fingerprint::action::ActionKind;
    use rekindle_fingerprint::roots::Roots;

    use super::*;

    fn action(name: &str, inputs: &[PathId], outputs: &[PathId]) -> Action {
        let mut action = Action::new(ActionKind::Custom, name, Vec::new(), PathId(0), outputs.to_vec());
        action.inputs = inputs.to_vec();
        action
    }

    const P: [PathId; 6] = [PathId(0), PathId(1), PathId(2), PathId(3), PathId(4), PathId(5)];

    #[test]
    fn a_path_has_one_producer_and_the_second_is_refused_without_a_trace() {
        let mut files = Files::new(Roots::new("/w", "/w/b"));
        let path = files.path(Roots::WORKSPACE, "gen/version.h");
        let other = files.path(Roots::WORKSPACE, "gen/other.h");
        let mut graph = Graph::new();
        let first = graph.add(action("version", &[], &[path, path])).unwrap();
        let error = graph.add(action("release", &[], &[other, path])).unwrap_err();
        insta::assert_snapshot!(error, @"`version` and `release` write the same file");
        insta::assert_snapshot!(error.show(&files), @"`gen/version.h` is written by both `version` and `release`");
        assert_eq!((error.first, graph.len()), (first, 1));
        assert_eq!(graph.producer(other), None);
    }

    #[test]
    fn a_link_is_a_product_like_an_output() {
        let mut graph = Graph::new();
        let mut shared = action("libx.so.1", &[], &[P[1]]);
        shared.links.push((P[2], "libx.so.1".into()));
        let id = graph.add(shared).unwrap();
        assert_eq!(graph.producer(P[2]), Some(id));
        assert_eq!(graph.add(action("other", &[], &[P[2]])).unwrap_err().first, id);
    }

    #[test]
    fn wanted_names_what_is_needed_behind_its_needs_and_nothing_else() {
        let mut graph = Graph::new();
        let link = graph.add(action("link", &[P[1], P[2]], &[P[3]])).unwrap();
        let one = graph.add(action("one", &[P[0], P[5]], &[P[1]])).unwrap();
        let two = graph.add(action("two", &[P[0]], &[P[2]])).unwrap();
        let alone = graph.add(action("alone", &[P[3]], &[P[4]])).unwrap();
        let mut header = action("header", &[], &[P[5]]);
        header.order_only = vec![P[2]];
        let header = graph.add(header).unwrap();
        assert_eq!(graph.wanted(&[P[3]]), [two, header, one, link]);
        assert_eq!(graph.dependencies(link), [one, two]);
        assert_eq!(graph.wanted(&[P[2], P[0]]), [two]);
        assert_eq!(graph.wanted(&[P[4], P[3]]).last(), Some(&alone));
    }

    #[test]
    fn an_action_that_makes_several_inputs_is_one_dependency() {
        let mut graph = Graph::new();
        let user = graph.add(action("user", &[P[1], P[0], P[2]], &[P[3]])).unwrap();
        let maker = graph.add(action("maker", &[], &[P[1], P[2]])).unwrap();
        assert_eq!(graph.dependencies(user), [maker]);
        let produced: Vec<_> = graph.produced().collect();
        assert_eq!(produced, [(P[3], user), (P[1], maker), (P[2], maker)]);
    }

    #[test]
    fn a_pool_keeps_its_last_depth_and_lets_at_least_one_run() {
        let mut graph = Graph::new();
        graph.set_pool("link", 3);
        graph.set_pool("console", 0);
        graph.set_pool("link", 2);
        assert_eq!(graph.pools().collect::<Vec<_>>(), [("link", 2), ("console", 1)]);
    }
}
