//! Whether something needs itself.

use crate::diagnostic::Report;
use crate::project::{Foreign, Generator, Instance, Need, Node};

/// Reports every cycle that a walk in manifest order closes, written out.
pub(crate) fn check(
    instances: &[Instance],
    generators: &[Generator],
    foreign: &[Foreign],
    report: &mut Report,
) {
    let needs = |node: Node| -> &[Need] {
        match node {
            Node::Target(at) => &instances[at].needs,
            Node::Command(at) => &generators[at].needs,
            Node::Archive(at) => &foreign[at].needs,
        }
    };
    let name = |node: Node| match node {
        Node::Target(at) => instances[at].name.get_ref(),
        Node::Command(at) => generators[at].name.get_ref(),
        Node::Archive(at) => foreign[at].name.get_ref(),
    };
    let mut state = State {
        targets: vec![Mark::New; instances.len()],
        commands: vec![Mark::New; generators.len()],
        archives: vec![Mark::New; foreign.len()],
    };
    let commands = (0..generators.len()).map(Node::Command);
    let all =
        (0..instances.len()).map(Node::Target).chain(commands).chain((0..foreign.len()).map(Node::Archive));
    for start in all {
        if *state.of(start) != Mark::New {
            continue;
        }
        // The way from `start` to here: each node with the number of the need that is looked at next.
        let mut way = vec![(start, 0)];
        *state.of(start) = Mark::OnTheWay;
        while let Some((node, next)) = way.last_mut() {
            let Some(need) = needs(*node).get(*next) else {
                *state.of(*node) = Mark::Done;
                way.pop();
                continue;
            };
            *next += 1;
            match *state.of(need.node) {
                Mark::Done => {}
                Mark::New => {
                    *state.of(need.node) = Mark::OnTheWay;
                    way.push((need.node, 0));
                }
                Mark::OnTheWay => {
                    let from = way.iter().position(|(node, _)| *node == need.node).unwrap_or(0);
                    let mut round: Vec<&str> =
                        way[from..].iter().map(|(node, _)| name(*node).as_str()).collect();
                    round.push(name(need.node));
                    let message = format!("`{}` needs itself: {}", name(need.node), round.join(" → "));
                    report.push(report.on(&need.place, message));
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    OnTheWay,
    Done,
}

struct State {
    targets: Vec<Mark>,
    commands: Vec<Mark>,
    archives: Vec<Mark>,
}

impl State {
    fn of(&mut self, node: Node) -> &mut Mark {
        match node {
            Node::Target(at) => &mut self.targets[at],
            Node::Command(at) => &mut self.commands[at],
            Node::Archive(at) => &mut self.archives[at],
        }
    }
}
