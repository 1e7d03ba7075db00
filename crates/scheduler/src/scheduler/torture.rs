//! Random graphs, random answers, and a model beside the scheduler that knows no queues, no counters and no
//! shortcuts: only who depends on whom, who is settled, and who is lost.

use std::collections::BTreeSet;

use super::*;
use crate::samples::{Chance, graph};

/// A build as it will go, drawn from one seed.
struct Case {
    needs: Vec<Vec<u32>>,
    /// What the stamp of each names besides; it may close cycles.
    stamp_reads: Vec<Vec<ActionId>>,
    /// What a run of each reads besides; it may close cycles.
    run_reads: Vec<Vec<ActionId>>,
    stale: Vec<bool>,
    fails: Vec<bool>,
    pools: Vec<usize>,
    wanted: Vec<ActionId>,
    keep_going: Option<usize>,
    jobs: usize,
    /// Whether those that fail may fail when they are judged, too, and any that are judged again.
    judging_fails: bool,
    /// How many settled actions are judged again at most.
    reopenings: usize,
}

const DEPTHS: [usize; 2] = [1, 3];

impl Case {
    fn new(seed: u64, surprises: bool) -> (Self, Chance) {
        let mut chance = Chance(seed);
        let count = 2 + chance.below(24);
        let (most, near) = (1 + chance.below(5), 1 + chance.below(count));
        let needs = chance.needs(count, most, near);
        let reads = |chance: &mut Chance| -> Vec<Vec<ActionId>> {
            let some = |chance: &mut Chance| {
                let reads = if surprises && chance.percent(30) { 1 + chance.below(3) } else { 0 };
                (0..reads).map(|_| ActionId::at(chance.below(count))).collect()
            };
            (0..count).map(|_| some(chance)).collect()
        };
        let (staleness, failing) = (chance.below(101), [0, 0, 5, 30][chance.below(4)]);
        let case = Self {
            stamp_reads: reads(&mut chance),
            run_reads: reads(&mut chance),
            stale: (0..count).map(|_| chance.percent(staleness)).collect(),
            fails: (0..count).map(|_| chance.percent(failing)).collect(),
            pools: (0..count).map(|_| chance.below(DEPTHS.len() + 1)).collect(),
            wanted: (0..1 + chance.below(3)).map(|_| ActionId::at(chance.below(count))).collect(),
            keep_going: [None, Some(1), Some(usize::MAX)][chance.below(3)],
            jobs: 1 + chance.below(6),
            judging_fails: surprises,
            reopenings: if surprises { chance.below(8) } else { 0 },
            needs,
        };
        (case, chance)
    }

    fn graph(&self) -> Graph {
        let mut graph = graph(&self.needs, |at, action| {
            action.pool = self.pools[at].checked_sub(1).map(|pool| format!("pool {pool}"));
        });
        for (at, depth) in DEPTHS.iter().enumerate() {
            graph.set_pool(&format!("pool {at}"), *depth);
        }
        graph
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Open,
    Judging,
    Stale,
    Running,
    Settled,
    Failed,
    Skipped,
}

/// What must hold, kept the slow way.
struct Model {
    needs: Vec<BTreeSet<usize>>,
    wanted: BTreeSet<usize>,
    stands: Vec<Stands>,
    /// With the caller, and to be judged again or skipped when answered.
    again: Vec<bool>,
    doomed: Vec<bool>,
    /// How often each settled, and what that was for all when each last started.
    settled: Vec<usize>,
    seen: Vec<Vec<usize>>,
    judged: Vec<usize>,
    ran: Vec<usize>,
    may_judge: Vec<usize>,
    may_run: Vec<usize>,
    failures: usize,
}

impl Model {
    fn new(case: &Case) -> Self {
        let count = case.needs.len();
        let mut model = Self {
            needs: case.needs.iter().map(|needs| needs.iter().map(|need| *need as usize).collect()).collect(),
            wanted: BTreeSet::new(),
            stands: vec![Stands::Open; count],
            again: vec![false; count],
            doomed: vec![false; count],
            settled: vec![0; count],
            seen: vec![vec![]; count],
            judged: vec![0; count],
            ran: vec![0; count],
            may_judge: vec![1; count],
            may_run: vec![1; count],
            failures: 0,
        };
        for id in &case.wanted {
            model.want(id.index());
        }
        model
    }

    fn is_settled(&self, at: usize) -> bool {
        self.stands[at] == Stands::Settled
    }

    fn is_lost(&self, at: usize) -> bool {
        matches!(self.stands[at], Stands::Failed | Stands::Skipped)
    }

    fn is_with_caller(&self, at: usize) -> bool {
        matches!(self.stands[at], Stands::Judging | Stands::Running)
    }

    fn is_ready(&self, at: usize) -> bool {
        self.needs[at].iter().all(|need| self.is_settled(*need))
    }

    /// All that `at` depends on, and itself.
    fn all_needs(&self, at: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([at]);
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            open.extend(self.needs[at].iter().filter(|need| all.insert(**need)));
        }
        all
    }

    /// From the start of `at` to the end, over wanted actions.
    fn longest_way(&self, at: usize, scheduler: &Scheduler) -> u64 {
        let behind = self.wanted.iter().filter(|next| self.needs[**next].contains(&at));
        let tail = behind.map(|next| self.longest_way(*next, scheduler)).max().unwrap_or(0);
        scheduler.estimate(ActionId::at(at)) + tail
    }

    fn want(&mut self, at: usize) {
        for need in self.all_needs(at) {
            self.wanted.insert(need);
        }
        self.spread_loss();
    }

    /// Whoever depends on a lost one is lost, or will be when it is answered.
    fn spread_loss(&mut self) {
        for at in self.wanted.clone() {
            if self.is_lost(at) || !self.all_needs(at).iter().any(|need| *need != at && self.is_lost(*need)) {
                continue;
            }
            if self.is_with_caller(at) {
                self.doomed[at] = true;
            } else {
                self.stands[at] = Stands::Skipped;
            }
        }
    }

    fn depend(&mut self, id: ActionId, on: &[ActionId]) {
        for on in on {
            self.needs[id.index()].insert(on.index());
            self.want(on.index());
        }
        self.spread_loss();
    }

    fn hand_out(&mut self, id: ActionId, from: Stands, to: Stands, stopped: bool) {
        let at = id.index();
        assert!(!stopped, "{at} was handed out after the end");
        assert!(self.wanted.contains(&at), "{at} is not wanted");
        assert_eq!(self.stands[at], from, "{at} was handed out as {to:?}");
        for need in &self.needs[at] {
            assert!(self.is_settled(*need), "{at} was handed out as {to:?} before {need}");
        }
        self.stands[at] = to;
        let (count, may) = if to == Stands::Judging {
            (&mut self.judged, &self.may_judge)
        } else {
            (&mut self.ran, &self.may_run)
        };
        count[at] += 1;
        assert!(count[at] <= may[at], "{at} was handed out as {to:?} for the {}th time", count[at]);
        self.seen[at] = self.settled.clone();
    }

    /// The answer for one that is with the caller.
    fn answer(&mut self, id: ActionId, stands: Stands) {
        let at = id.index();
        let (again, doomed) = (std::mem::take(&mut self.again[at]), std::mem::take(&mut self.doomed[at]));
        self.stands[at] = match stands {
            Stands::Failed if doomed || !again => {
                self.failures += 1;
                Stands::Failed
            }
            _ if doomed => Stands::Skipped,
            _ if again => Stands::Open,
            other => other,
        };
        if again {
            self.may_judge[at] += 1;
            self.may_run[at] += 1;
        }
        if self.is_settled(at) {
            self.settled[at] += 1;
        }
        self.spread_loss();
    }

    fn rejudge(&mut self, id: ActionId) {
        let at = id.index();
        self.may_judge[at] += 1;
        self.may_run[at] += 1;
        match self.stands[at] {
            Stands::Judging | Stands::Running => self.again[at] = true,
            Stands::Stale if self.is_ready(at) => self.stands[at] = Stands::Open,
            Stands::Settled => {
                let ready: Vec<bool> = (0..self.needs.len()).map(|at| self.is_ready(at)).collect();
                self.stands[at] = Stands::Open;
                for (next, ready) in ready.into_iter().enumerate() {
                    match self.stands[next] {
                        _ if !self.needs[next].contains(&at) => {}
                        Stands::Judging | Stands::Running => self.again[next] = true,
                        Stands::Stale if ready => {
                            self.stands[next] = Stands::Open;
                            self.may_judge[next] += 1;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn agrees(&self, scheduler: &Scheduler) {
        for (at, stands) in self.stands.iter().enumerate() {
            let state = scheduler.state(ActionId::at(at));
            let same = match stands {
                Stands::Open if !self.wanted.contains(&at) => state == State::Unwanted,
                Stands::Open => state == if self.is_ready(at) { State::ToJudge } else { State::Waiting },
                Stands::Judging => state == State::Judging,
                Stands::Stale => {
                    state == if self.is_ready(at) { State::ToStart } else { State::WaitingToRun }
                }
                Stands::Running => state == State::Running,
                Stands::Settled => state.is_settled(),
                Stands::Failed => state == State::Failed,
                Stands::Skipped => state == State::Skipped,
            };
            assert!(same, "{at} is {state:?} and should be {stands:?}");
        }
        let progress = scheduler.progress();
        let count = |stands| self.wanted.iter().filter(|at| self.stands[**at] == stands).count();
        assert_eq!(progress.total(), self.wanted.len());
        assert_eq!(progress.settled(), count(Stands::Settled));
        assert_eq!((progress.failed, progress.skipped), (count(Stands::Failed), count(Stands::Skipped)));
        assert_eq!(progress.with_caller(), count(Stands::Judging) + count(Stands::Running));
    }
}

/// Both side by side.
struct Build<'c> {
    case: &'c Case,
    chance: Chance,
    scheduler: Scheduler,
    model: Model,
    handed: Vec<ActionId>,
    reopenings: usize,
    trace: Vec<(State, ActionId)>,
}

impl<'c> Build<'c> {
    fn new(case: &'c Case, chance: Chance) -> Self {
        let recorded = |id: ActionId| (!id.0.is_multiple_of(3)).then_some(u64::from(id.0 * 7919 % 50));
        let limits = Limits { keep_going: case.keep_going };
        let scheduler = Scheduler::new(&case.graph(), &case.wanted, recorded, limits);
        let model = Model::new(case);
        for at in &model.wanted {
            assert_eq!(scheduler.priority(ActionId::at(*at)), model.longest_way(*at, &scheduler));
        }
        Self {
            case,
            chance,
            scheduler,
            model,
            handed: Vec::new(),
            reopenings: case.reopenings,
            trace: Vec::new(),
        }
    }

    fn stopped(&self) -> bool {
        self.model.failures > self.case.keep_going.unwrap_or(0)
    }

    /// Builds to the end, with the caller's hands moving as chance has it.
    fn run(mut self) -> Self {
        for step in 0.. {
            assert!(step < 20_000, "the build has no end");
            self.model.agrees(&self.scheduler);
            let got = match self.chance.below(4) {
                0 => self.take_judge(),
                1 => self.take_start(),
                2 => self.maybe_reopen(),
                _ => self.answer_one(),
            };
            if got || self.take_judge() || self.take_start() || self.answer_one() {
                continue;
            }
            assert!(self.scheduler.finished(), "nothing can go on, and it is not finished");
            self.model.agrees(&self.scheduler);
            return self;
        }
        self
    }

    fn take_judge(&mut self) -> bool {
        let Some(id) = self.scheduler.next_judge() else { return false };
        self.model.hand_out(id, Stands::Open, Stands::Judging, self.stopped());
        self.hand(State::Judging, id)
    }

    fn take_start(&mut self) -> bool {
        let running = |at: &usize| self.model.stands[*at] == Stands::Running;
        if (0..self.case.needs.len()).filter(running).count() >= self.case.jobs {
            return false;
        }
        let Some(id) = self.scheduler.next_start() else { return false };
        self.model.hand_out(id, Stands::Stale, Stands::Running, self.stopped());
        for (pool, depth) in DEPTHS.iter().enumerate() {
            let in_pool = |at: &usize| self.case.pools[*at] == pool + 1;
            let running = |at: &usize| self.model.stands[*at] == Stands::Running;
            assert!((0..self.case.needs.len()).filter(in_pool).filter(running).count() <= *depth);
        }
        self.hand(State::Running, id)
    }

    fn hand(&mut self, state: State, id: ActionId) -> bool {
        assert!(!self.scheduler.finished());
        self.handed.push(id);
        self.trace.push((state, id));
        true
    }

    fn maybe_reopen(&mut self) -> bool {
        if self.reopenings == 0 || self.stopped() {
            return false;
        }
        self.reopenings -= 1;
        let id = ActionId::at(self.chance.below(self.case.needs.len()));
        self.scheduler.rejudge(id);
        self.model.rejudge(id);
        true
    }

    fn answer_one(&mut self) -> bool {
        if self.handed.is_empty() {
            return false;
        }
        let id = self.handed.swap_remove(self.chance.below(self.handed.len()));
        if self.scheduler.state(id) == State::Judging {
            self.answer_judge(id)
        } else {
            self.answer_run(id)
        }
        true
    }

    fn answer_judge(&mut self, id: ActionId) {
        let at = id.index();
        let reads = &self.case.stamp_reads[at];
        let depends = reads.iter().find(|read| self.model.all_needs(read.index()).contains(&at));
        if !reads.is_empty() {
            let found = self.scheduler.needs_first(id, reads);
            if let Some(with) = depends {
                assert_eq!(found, NeedsFirst::Cycle { with: *with });
            } else {
                self.model.depend(id, reads);
                let lost = self.model.doomed[at];
                let ready = self.model.is_ready(at);
                match found {
                    NeedsFirst::Skipped => {
                        assert!(lost);
                        return self.model.answer(id, Stands::Skipped);
                    }
                    NeedsFirst::Waiting => {
                        assert!(!lost && !ready);
                        self.model.may_judge[at] += 1;
                        self.model.again[at] = false;
                        return self.model.answer(id, Stands::Open);
                    }
                    NeedsFirst::Ready => assert!(!lost && ready),
                    NeedsFirst::Cycle { with } => panic!("{with:?} does not depend on {id:?}"),
                }
            }
        }
        let chance = if self.model.settled[at] > 0 { 30 } else { 10 * usize::from(self.case.fails[at]) };
        if self.case.judging_fails && self.chance.percent(chance) {
            self.scheduler.failed(id);
            self.model.answer(id, Stands::Failed);
        } else if self.case.stale[at] {
            self.scheduler.stale(id);
            self.model.answer(id, Stands::Stale);
        } else {
            if self.chance.percent(50) {
                self.scheduler.fresh(id)
            } else {
                self.scheduler.restored(id)
            }
            self.model.answer(id, Stands::Settled);
        }
    }

    fn answer_run(&mut self, id: ActionId) {
        let at = id.index();
        if self.case.fails[at] {
            self.scheduler.failed(id);
            return self.model.answer(id, Stands::Failed);
        }
        let reads = &self.case.run_reads[at];
        let depends = reads.iter().find(|read| self.model.all_needs(read.index()).contains(&at));
        let came_after = |read: &ActionId| {
            let read = read.index();
            self.model.is_settled(read)
                && self.model.seen[at][read] == self.model.settled[read]
                && self.model.settled[read] > 0
        };
        let came_after = reads.iter().all(came_after);
        let before = self.model.needs[at].clone();
        let found = self.scheduler.run_again(id, reads);
        match found {
            RunAgain::Cycle { with } => assert_eq!(Some(&with), depends),
            RunAgain::TooOften => assert!(!came_after && self.model.ran[at] >= RunAgain::LIMIT as usize),
            _ => {
                assert_eq!(depends, None);
                self.model.depend(id, reads);
                assert_eq!(found == RunAgain::Skipped, self.model.doomed[at]);
            }
        }
        match found {
            RunAgain::Skipped => self.model.answer(id, Stands::Skipped),
            RunAgain::Later => {
                assert!(!came_after && (self.model.needs[at] != before || self.case.reopenings > 0));
                self.model.may_run[at] += 1;
                self.model.again[at] = false;
                self.model.answer(id, Stands::Stale);
            }
            _ => {
                assert!(found != RunAgain::NotNeeded || came_after);
                self.scheduler.done(id);
                self.model.answer(id, Stands::Settled);
            }
        }
    }
}

#[test]
fn whatever_happens_the_scheduler_agrees_with_the_model_and_comes_to_an_end() {
    for seed in 0..3_000 {
        let (case, chance) = Case::new(seed, true);
        let build = Build::new(&case, chance).run();
        if !build.stopped() {
            assert_eq!(build.scheduler.progress().ended(), build.model.wanted.len(), "seed {seed}");
        }
    }
}

#[test]
fn the_same_input_gives_the_same_order() {
    for seed in 0..300 {
        let trace = || {
            let (case, chance) = Case::new(seed, true);
            Build::new(&case, chance).run().trace
        };
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}

/// How each action ends when nothing is found out on the way: a function of the graph alone.
fn oracle(case: &Case) -> Vec<State> {
    let mut ends: Vec<State> = Vec::new();
    for (at, needs) in case.needs.iter().enumerate() {
        let lost = needs.iter().any(|need| ends[*need as usize].is_lost());
        ends.push(match (lost, case.stale[at], case.fails[at]) {
            (true, ..) => State::Skipped,
            (false, true, true) => State::Failed,
            (false, true, false) => State::Ran,
            (false, false, _) => State::Fresh,
        });
    }
    ends
}

#[test]
fn how_it_ends_depends_on_the_graph_and_not_on_who_was_quick() {
    for seed in 0..1_000 {
        let (mut case, _) = Case::new(seed, false);
        for (jobs, luck) in [(1, 1), (8, 2), (8, 3)] {
            case.jobs = jobs;
            let build = Build::new(&case, Chance(seed * 4 + luck)).run();
            let wanted = build.model.wanted.iter().map(|at| (*at, build.scheduler.state(ActionId::at(*at))));
            for (at, state) in wanted {
                let end = oracle(&case)[at];
                if state.is_settled() || state.is_lost() || !build.stopped() {
                    let state = if state == State::Restored { State::Fresh } else { state };
                    assert_eq!(state, end, "action {at} of seed {seed}");
                }
            }
        }
    }
}
