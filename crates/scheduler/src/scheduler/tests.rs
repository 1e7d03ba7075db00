//! What each answer leads to, on graphs small enough to read; and what scheduling costs on a large one.

use super::*;
use crate::samples::graph;

/// A scheduler for all of a graph in which action `n` reads the outputs of `needs[n]`.
fn scheduler(needs: &[Vec<u32>], ms: &[u64], limits: Limits) -> Scheduler {
    let graph = graph(needs, |_, _| {});
    let all: Vec<ActionId> = graph.actions().map(|(id, _)| id).collect();
    Scheduler::new(&graph, &all, |id| ms.get(id.index()).copied(), limits)
}

fn plain(needs: &[Vec<u32>]) -> Scheduler {
    scheduler(needs, &[], Limits::default())
}

fn id(number: u32) -> ActionId {
    ActionId(number)
}

/// Takes whatever is to be judged, and calls all of it stale.
fn judge_all_stale(scheduler: &mut Scheduler) {
    while let Some(id) = scheduler.next_judge() {
        scheduler.stale(id);
    }
}

/// Runs `first` through, which must be what is started next.
fn run(scheduler: &mut Scheduler, first: u32) {
    judge_all_stale(scheduler);
    assert_eq!(scheduler.next_start(), Some(id(first)));
    scheduler.done(id(first));
}

#[test]
fn an_action_is_judged_when_all_its_inputs_are_settled_and_not_before() {
    let mut scheduler = plain(&[vec![], vec![], vec![0, 1]]);
    assert_eq!((scheduler.next_judge(), scheduler.next_judge()), (Some(id(0)), Some(id(1))));
    assert_eq!(scheduler.next_judge(), None);
    scheduler.fresh(id(1));
    assert_eq!(scheduler.next_judge(), None);
    scheduler.restored(id(0));
    assert_eq!(scheduler.next_judge(), Some(id(2)));
    assert!(!scheduler.finished());
    scheduler.fresh(id(2));
    assert!(scheduler.finished());
    let expected = Progress { fresh: 2, restored: 1, ..Progress::default() };
    assert_eq!(scheduler.progress(), expected);
}

#[test]
fn only_what_is_wanted_is_handed_out() {
    let graph = graph(&[vec![], vec![], vec![0]], |_, _| {});
    let mut scheduler = Scheduler::new(&graph, &[id(2), id(2)], |_| None, Limits::default());
    assert_eq!((scheduler.next_judge(), scheduler.next_judge()), (Some(id(0)), None));
    assert_eq!((scheduler.progress().total(), scheduler.state(id(1))), (2, State::Unwanted));
}

#[test]
fn the_longest_way_to_the_end_starts_first_and_then_the_smallest_number() {
    // 0 is long itself; 2 is short with a long way behind it; 1 and 3 are alike.
    let needs = [vec![], vec![], vec![], vec![], vec![2], vec![4]];
    let mut scheduler = scheduler(&needs, &[50, 10, 10, 10, 40, 40], Limits::default());
    judge_all_stale(&mut scheduler);
    let order: Vec<u32> = std::iter::from_fn(|| scheduler.next_start()).map(|id| id.0).collect();
    assert_eq!(order, [2, 0, 1, 3]);
    assert_eq!((scheduler.priority(id(2)), scheduler.priority(id(4))), (90, 80));
}

#[test]
fn an_action_without_a_record_counts_as_the_mean_of_its_kind() {
    use rekindle_fingerprint::action::ActionKind;
    let graph = graph(&vec![vec![]; 5], |at, action| {
        action.kind = if at < 3 { ActionKind::Compile } else { ActionKind::Link };
    });
    let recorded = |id: ActionId| [Some(100), Some(300), None, Some(0), None][id.index()];
    let scheduler = Scheduler::new(&graph, &[], recorded, Limits::default());
    let estimates: Vec<u64> = graph.actions().map(|(id, _)| scheduler.estimate(id)).collect();
    assert_eq!(estimates, [100, 300, 200, 1, 1]);
}

#[test]
fn a_full_pool_lets_less_urgent_actions_of_others_pass() {
    let mut graph = graph(&vec![vec![]; 4], |at, action| {
        action.pool = [Some("link"), Some("link"), None, Some("unset")][at].map(String::from);
    });
    graph.set_pool("link", 1);
    let all = [id(0), id(1), id(2), id(3)];
    let mut scheduler = Scheduler::new(&graph, &all, |id| Some(100 - u64::from(id.0)), Limits::default());
    judge_all_stale(&mut scheduler);
    assert_eq!([scheduler.next_start(), scheduler.next_start()], [Some(id(0)), Some(id(2))]);
    assert_eq!([scheduler.next_start(), scheduler.next_start()], [Some(id(3)), None]);
    scheduler.done(id(0));
    assert_eq!(scheduler.next_start(), Some(id(1)));
}

#[test]
fn the_first_failure_ends_the_build_but_what_runs_is_answered_for() {
    let mut scheduler = plain(&[vec![], vec![], vec![], vec![0], vec![3], vec![1]]);
    judge_all_stale(&mut scheduler);
    assert!(scheduler.next_start().is_some() && scheduler.next_start().is_some());
    scheduler.failed(id(0));
    assert_eq!((scheduler.next_start(), scheduler.finished()), (None, false));
    scheduler.done(id(1));
    assert_eq!((scheduler.next_judge(), scheduler.finished()), (None, true));
    let expected =
        Progress { failed: 1, skipped: 2, ran: 1, to_start: 1, to_judge: 1, ..Progress::default() };
    assert_eq!(scheduler.progress(), expected);
}

#[test]
fn keep_going_allows_as_many_failures_as_it_says() {
    let needs = vec![vec![]; 4];
    for (keep_going, started) in [(None, 1), (Some(0), 1), (Some(1), 2), (Some(usize::MAX), 4)] {
        let mut scheduler = scheduler(&needs, &[], Limits { keep_going });
        judge_all_stale(&mut scheduler);
        let mut count = 0;
        while let Some(id) = scheduler.next_start() {
            scheduler.failed(id);
            count += 1;
        }
        assert_eq!((count, scheduler.finished()), (started, true), "{keep_going:?}");
    }
}

#[test]
fn a_discovered_need_comes_first_and_is_built_though_nobody_asked() {
    // 2 reads what 1 makes out of what 0 makes, and only its stamp knows.
    let graph = graph(&[vec![], vec![0], vec![], vec![2]], |_, _| {});
    let mut scheduler = Scheduler::new(&graph, &[id(3)], |_| None, Limits::default());
    assert_eq!(scheduler.next_judge(), Some(id(2)));
    assert_eq!(scheduler.needs_first(id(2), &[id(1), id(1)]), NeedsFirst::Waiting);
    assert_eq!(scheduler.progress().total(), 4);
    assert!(scheduler.is_reachable(id(0), id(3)) && !scheduler.is_reachable(id(3), id(0)));
    assert!(scheduler.priority(id(1)) > scheduler.priority(id(2)));
    run(&mut scheduler, 0);
    run(&mut scheduler, 1);
    assert_eq!(scheduler.next_judge(), Some(id(2)));
    assert_eq!(scheduler.needs_first(id(2), &[id(1), id(0)]), NeedsFirst::Ready);
    scheduler.fresh(id(2));
    run(&mut scheduler, 3);
    assert!(scheduler.finished());
}

#[test]
fn what_an_urgent_action_turns_out_to_need_becomes_as_urgent() {
    // 0 is long and finds out that it needs 3, which needs 2; 1 was more urgent than those.
    let new = || scheduler(&[vec![], vec![], vec![], vec![2]], &[900, 50, 10, 10], Limits::default());
    let mut to_judge = new();
    assert_eq!(to_judge.next_judge(), Some(id(0)));
    assert_eq!(to_judge.needs_first(id(0), &[id(3)]), NeedsFirst::Waiting);
    assert_eq!((to_judge.priority(id(3)), to_judge.priority(id(2))), (910, 920));
    assert_eq!([to_judge.next_judge(), to_judge.next_judge()], [Some(id(2)), Some(id(1))]);
    let mut to_start = new();
    assert_eq!(to_start.next_judge(), Some(id(0)));
    judge_all_stale(&mut to_start);
    assert_eq!(to_start.needs_first(id(0), &[id(3)]), NeedsFirst::Waiting);
    assert_eq!([to_start.next_start(), to_start.next_start()], [Some(id(2)), Some(id(1))]);
}

#[test]
fn a_discovered_need_that_would_close_a_cycle_adds_no_edge() {
    let mut scheduler = plain(&[vec![], vec![0], vec![1], vec![]]);
    assert_eq!(scheduler.next_judge(), Some(id(0)));
    let found = scheduler.needs_first(id(0), &[id(3), id(2), id(1)]);
    assert_eq!(found, NeedsFirst::Cycle { with: id(2) });
    assert_eq!(scheduler.needs_first(id(0), &[id(0)]), NeedsFirst::Cycle { with: id(0) });
    assert!(!scheduler.is_reachable(id(3), id(0)));
    scheduler.stale(id(0));
    run(&mut scheduler, 0);
}

#[test]
fn a_discovered_need_that_nobody_wanted_may_close_a_cycle_too() {
    let graph = graph(&[vec![], vec![0]], |_, _| {});
    let mut scheduler = Scheduler::new(&graph, &[id(0)], |_| None, Limits::default());
    assert_eq!(scheduler.next_judge(), Some(id(0)));
    assert_eq!(scheduler.needs_first(id(0), &[id(1)]), NeedsFirst::Cycle { with: id(1) });
    assert_eq!(scheduler.state(id(1)), State::Unwanted);
}

#[test]
fn a_discovered_need_that_failed_skips_the_action() {
    let mut scheduler = scheduler(&[vec![], vec![], vec![1]], &[], Limits { keep_going: Some(1) });
    assert_eq!((scheduler.next_judge(), scheduler.next_judge()), (Some(id(1)), Some(id(0))));
    scheduler.failed(id(0));
    assert_eq!(scheduler.needs_first(id(1), &[id(0)]), NeedsFirst::Skipped);
    assert!(scheduler.finished());
    assert_eq!(scheduler.progress(), Progress { failed: 1, skipped: 2, ..Progress::default() });
}

#[test]
fn a_run_that_read_what_came_later_runs_again_behind_it_without_being_judged() {
    let mut scheduler = plain(&[vec![], vec![], vec![0]]);
    judge_all_stale(&mut scheduler);
    assert_eq!((scheduler.next_start(), scheduler.next_start()), (Some(id(0)), Some(id(1))));
    assert_eq!(scheduler.run_again(id(0), &[id(1)]), RunAgain::Later);
    assert_eq!((scheduler.state(id(0)), scheduler.next_start()), (State::WaitingToRun, None));
    scheduler.done(id(1));
    assert_eq!((scheduler.next_judge(), scheduler.next_start()), (None, Some(id(0))));
    assert_eq!(scheduler.run_again(id(0), &[id(1)]), RunAgain::NotNeeded);
    scheduler.done(id(0));
    assert_eq!(scheduler.next_judge(), Some(id(2)));
}

#[test]
fn a_run_that_came_behind_what_it_read_counts() {
    let mut scheduler = plain(&[vec![], vec![], vec![]]);
    run(&mut scheduler, 0);
    assert_eq!((scheduler.next_start(), scheduler.next_start()), (Some(id(1)), Some(id(2))));
    assert_eq!(scheduler.run_again(id(1), &[id(0)]), RunAgain::NotNeeded);
    assert!(scheduler.is_reachable(id(0), id(1)));
    // Settled by now, but not when the run started.
    scheduler.done(id(1));
    assert_eq!(scheduler.run_again(id(2), &[id(0), id(1)]), RunAgain::Later);
    assert_eq!(scheduler.next_start(), Some(id(2)));
}

#[test]
fn a_run_that_read_what_depends_on_it_is_told_so() {
    let mut scheduler = plain(&[vec![], vec![0]]);
    judge_all_stale(&mut scheduler);
    assert_eq!(scheduler.next_start(), Some(id(0)));
    assert_eq!(scheduler.run_again(id(0), &[id(1)]), RunAgain::Cycle { with: id(1) });
    scheduler.done(id(0));
    assert_eq!(scheduler.state(id(0)), State::Ran);
}

#[test]
fn an_action_that_never_stops_reading_what_comes_later_is_given_up() {
    let mut scheduler = scheduler(&vec![vec![]; 12], &[1000], Limits::default());
    judge_all_stale(&mut scheduler);
    for round in 1..=RunAgain::LIMIT {
        assert_eq!(scheduler.next_start(), Some(id(0)));
        let expected = if round < RunAgain::LIMIT { RunAgain::Later } else { RunAgain::TooOften };
        assert_eq!(scheduler.run_again(id(0), &[id(round)]), expected);
        if expected == RunAgain::Later {
            run(&mut scheduler, round);
        }
    }
    scheduler.done(id(0));
}

#[test]
fn dependents_of_a_changed_output_are_judged_again_and_what_waits_for_them_waits() {
    let mut scheduler = plain(&[vec![], vec![0], vec![1]]);
    for at in 0..2 {
        assert_eq!(scheduler.next_judge(), Some(id(at)));
        scheduler.fresh(id(at));
    }
    assert_eq!(scheduler.next_judge(), Some(id(2)));
    // The bytes of 0 are needed after all, and come out otherwise.
    scheduler.rejudge(id(0));
    run(&mut scheduler, 0);
    scheduler.rejudge(id(1));
    scheduler.fresh(id(2));
    assert_eq!(scheduler.state(id(2)), State::Waiting);
    run(&mut scheduler, 1);
    run(&mut scheduler, 2);
    assert!(scheduler.finished());
}

#[test]
fn a_failure_on_what_changed_meanwhile_is_no_failure() {
    let mut scheduler = plain(&[vec![], vec![0]]);
    run(&mut scheduler, 0);
    judge_all_stale(&mut scheduler);
    assert_eq!(scheduler.next_start(), Some(id(1)));
    scheduler.rejudge(id(1));
    scheduler.failed(id(1));
    assert_eq!((scheduler.state(id(1)), scheduler.is_stopped()), (State::ToJudge, false));
}

#[test]
fn nothing_is_handed_out_after_stop() {
    let mut scheduler = plain(&[vec![], vec![]]);
    assert_eq!(scheduler.next_judge(), Some(id(0)));
    scheduler.stop();
    assert_eq!((scheduler.next_judge(), scheduler.finished()), (None, false));
    scheduler.stale(id(0));
    assert_eq!((scheduler.next_start(), scheduler.finished()), (None, true));
}

#[test]
#[should_panic(expected = "action 0 cannot be done: it is Judging")]
fn an_answer_for_an_action_that_is_not_with_the_caller_is_a_mistake() {
    let mut scheduler = plain(&[vec![]]);
    scheduler.next_judge();
    scheduler.done(id(0));
}

/// 2,000 generated headers, 10,000 units that read 50 of them each, 100 archives and a program; the headers
/// declared or not.
fn large(declared: bool) -> (Graph, Vec<Vec<ActionId>>) {
    let reads = |unit: u32| (0..50).map(move |nth| (unit * 37 + nth * nth * 11) % 2_000);
    let mut needs: Vec<Vec<u32>> = vec![vec![]; 2_000];
    needs.extend((0..10_000).map(|unit| if declared { reads(unit).collect() } else { vec![] }));
    needs.extend((0..100).map(|archive| (0..100).map(|unit| 2_000 + archive * 100 + unit).collect()));
    needs.push((12_000..12_100).collect());
    let mut stamps = vec![vec![]; needs.len()];
    for unit in 0..10_000 {
        stamps[2_000 + unit as usize] = reads(unit).map(ActionId).collect();
    }
    (graph(&needs, |_, _| {}), stamps)
}

/// Edges of [`large`], at most: 500,000 to the headers, 10,000 to the archives, 100 to the program.
const LARGE: u64 = 510_100;

/// Builds all of it, all stale, and says how many edges were followed.
fn steps(graph: &Graph, stamps: &[Vec<ActionId>], wanted: &[ActionId]) -> u64 {
    let mut scheduler = Scheduler::new(graph, wanted, |id| Some(u64::from(id.0 % 97)), Limits::default());
    let mut judged = 0;
    while !scheduler.finished() {
        while let Some(id) = scheduler.next_judge() {
            judged += 1;
            match scheduler.needs_first(id, &stamps[id.index()]) {
                NeedsFirst::Ready => scheduler.stale(id),
                other => assert_eq!(other, NeedsFirst::Waiting),
            }
        }
        if let Some(id) = scheduler.next_start() {
            scheduler.done(id);
        }
    }
    assert_eq!(scheduler.progress().ran, graph.len());
    assert!(judged <= 2 * graph.len());
    scheduler.steps()
}

#[test]
fn scheduling_is_linear_in_the_edges() {
    let (graph, stamps) = large(true);
    let steps = steps(&graph, &stamps, &[id(12_100)]);
    assert!(steps <= 6 * LARGE, "{steps} steps for at most {LARGE} edges");
}

#[test]
fn edges_found_on_the_way_cost_no_more_than_declared_ones() {
    let (graph, stamps) = large(false);
    // All are wanted: units and headers are judged in one row, and the units find out what they need.
    let all: Vec<ActionId> = graph.actions().map(|(id, _)| id).collect();
    let wanted_all = steps(&graph, &stamps, &all);
    assert!(wanted_all <= 6 * LARGE, "{wanted_all} steps for at most {LARGE} edges");
    // Nobody asks for the headers: the stamps bring them in.
    let brought_in = steps(&graph, &stamps, &[id(12_100)]);
    assert!(brought_in <= 6 * LARGE, "{brought_in} steps for at most {LARGE} edges");
}

#[test]
fn it_is_told_how_urgent_the_next_one_is() {
    let mut scheduler = scheduler(&[vec![], vec![], vec![1]], &[5, 2, 9], Limits::default());
    assert_eq!((scheduler.first_to_judge(), scheduler.first_to_start()), (Some(11), None));
    scheduler.next_judge();
    scheduler.stale(id(1));
    assert_eq!((scheduler.first_to_judge(), scheduler.first_to_start()), (Some(5), Some(11)));
    run(&mut scheduler, 1);
    assert_eq!((scheduler.first_to_judge(), scheduler.first_to_start()), (Some(9), Some(5)));
    scheduler.stop();
    assert_eq!((scheduler.first_to_judge(), scheduler.first_to_start()), (None, None));
}
