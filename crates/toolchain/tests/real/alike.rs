//! What compiles have in common is put together once. A toolchain that was asked for other compiles before gives the
//! same command as one that was asked for nothing yet.

use crate::common::{Project, spec};
use rekindle_testkit::require;
use rekindle_toolchain::request::{Compile, Include, Language, Lto, Mode, Optimize, Precompiled, Warnings};

/// Compiles of which each differs from the first one in something, two of them in that and in their files.
fn compiles(project: &mut Project) -> Vec<Compile> {
    let plain = project.compile("src/a.c", Language::C);
    let (directory, header, other) =
        (project.path("include"), project.path("src/h.h"), project.path("src/other.h"));
    let outside = project.path("/elsewhere/src/a.c");
    let product = project.path("out/obj/h.h.gch");
    let mode = |optimize, debug, lto| Mode { optimize, debug, lto, sanitize: Vec::new() };
    let mut all = vec![
        plain.clone(),
        project.compile("src/b.c", Language::C),
        project.compile("src/a=b.c", Language::C),
        project.compile("src/x", Language::C),
        project.compile("src/a.s", Language::Assembler),
        project.compile("src/a.S", Language::AssemblerCpp),
        project.compile("src/a.cc", Language::Cxx),
        Compile { source: outside, ..plain.clone() },
        Compile { standard: Some("c99".into()), ..plain.clone() },
        Compile { mode: mode(Optimize::Two, false, Lto::Off), ..plain.clone() },
        Compile { mode: mode(Optimize::None, true, Lto::Off), ..plain.clone() },
        Compile { mode: mode(Optimize::Two, false, Lto::Full), ..plain.clone() },
        Compile { mode: Mode { sanitize: vec!["address".into()], ..Mode::default() }, ..plain.clone() },
        Compile { warnings: Warnings::All, ..plain.clone() },
        Compile { pic: Some(true), ..plain.clone() },
        Compile { pic: Some(false), ..plain.clone() },
        Compile { defines: vec!["A".into()], ..plain.clone() },
        Compile { includes: vec![Include::Normal(directory)], ..plain.clone() },
        Compile { includes: vec![Include::System(directory)], ..plain.clone() },
        Compile { forced: vec![header], ..plain.clone() },
        Compile { precompiled: Some(Precompiled { product, header }), ..plain.clone() },
        Compile { flags: vec!["--coverage".into()], ..plain.clone() },
        Compile { flags: vec!["-fno-such-flag".into()], ..plain.clone() },
        Compile { flags: vec!["-fstack-usage".into()], ..plain.clone() },
        Compile { order_only: vec![header], ..plain.clone() },
        Compile { makes_precompiled: true, source: header, object: product, ..plain.clone() },
        Compile { makes_precompiled: true, source: other, object: product, ..plain.clone() },
    ];
    for at in 0..all.len() {
        let (source, object) = (project.path("src/deep/z.c"), project.path("out/obj/deep/z.c.o"));
        let temporary = project.path("out/tmp/deep");
        all.push(Compile { source, object, temporary, ..all[at].clone() });
    }
    all
}

fn check(cc: &str) {
    let mut project = Project::new();
    project.write("include/x.h", "");
    let all = compiles(&mut project);
    let mut used = project.resolve(&spec(cc)).unwrap();
    let mut commands = std::collections::BTreeSet::new();
    // Twice, and the second time from the end, so that each comes behind others.
    for request in all.iter().chain(all.iter().rev()) {
        let mut fresh = project.resolve(&spec(cc)).unwrap();
        let expected = project.compiled(&mut fresh, request);
        let action = project.compiled(&mut used, request);
        assert_eq!(format!("{action:?}"), format!("{expected:?}"), "{request:?}");
        commands.insert(format!("{action:?}"));
    }
    let requests: std::collections::BTreeSet<String> =
        all.iter().map(|request| format!("{request:?}")).collect();
    assert_eq!(commands.len(), requests.len(), "each of them has a command of its own");
}

#[test]
fn what_was_asked_before_changes_no_command_of_gcc() {
    if require("gcc") && require("g++") {
        check("gcc");
    }
}

#[test]
fn what_was_asked_before_changes_no_command_of_clang() {
    if require("clang") {
        check("clang");
    }
}
