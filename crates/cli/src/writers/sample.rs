//! A made-up graph for the tests of the writers: a generated header, a compile, a shared library with a link.

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat};
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::roots::Roots;
use rekindle_scheduler::graph::{Graph, Target, TargetKind};

/// The graph, of a project at `/home/me/my app`.
pub(crate) fn graph() -> (Graph, Files) {
    let mut files = Files::new(Roots::new("/home/me/my app", "/home/me/my app/.rekindle/build/debug"));
    let cwd = files.path(Roots::WORKSPACE, "");
    let (table, source) =
        (files.path(Roots::WORKSPACE, "table.txt"), files.path(Roots::WORKSPACE, "src/a.c"));
    let (header, object) = (files.path(Roots::BUILD, "gen/table.h"), files.path(Roots::BUILD, "obj/a.o"));
    let (depfile, library) = (files.path(Roots::BUILD, "tmp/a.d"), files.path(Roots::BUILD, "liba.so.1"));
    let link = files.path(Roots::BUILD, "liba.so");

    let argv = vec!["/usr/bin/awk".into(), "{ print $1 }".into(), Arg::path(table)];
    let mut generate = Action::new(ActionKind::Custom, "table", argv, cwd, vec![header]);
    generate.inputs = vec![table];
    generate.pool = Some("slow".into());
    let mut argv: Vec<Arg> = vec!["/usr/bin/cc".into(), "-MD".into(), "-MF".into(), Arg::path(depfile)];
    argv.extend(["-c".into(), Arg::path(source), "-o".into(), Arg::path(object)]);
    let mut compile = Action::new(ActionKind::Compile, "src/a.c", argv, cwd, vec![object]);
    compile.inputs = vec![source];
    compile.order_only = vec![header];
    compile.env = vec![("LC_ALL".into(), "C.UTF-8".into())];
    compile.discovery.depfiles = vec![DepfileFormat::Make(depfile)];
    let argv =
        vec!["/usr/bin/cc".into(), "-shared".into(), Arg::path(object), "-o".into(), Arg::path(library)];
    let mut shared = Action::new(ActionKind::Link, "liba.so.1", argv, cwd, vec![library]);
    shared.inputs = vec![object];
    shared.links = vec![(link, "liba.so.1".into())];

    let mut graph = Graph::new();
    graph.set_pool("slow", 1);
    for action in [generate, compile, shared] {
        graph.add(action).unwrap();
    }
    graph.add_target(Target {
        name: "a".into(),
        kind: TargetKind::Library,
        outputs: vec![library],
        default: true,
        arguments: Vec::new(),
        environment: Vec::new(),
        install: Vec::new(),
    });
    (graph, files)
}
