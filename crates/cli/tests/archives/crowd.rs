//! Several builds at once, and several profiles side by side.

use rekindle_testkit::{Built, Running};

use crate::kit::{Case, Form};

/// How many archives were built, and how many put back, by all of these builds.
#[track_caller]
fn archives(builds: &[Built]) -> (u64, u64) {
    let count = |outcome: &str| {
        builds.iter().map(|built| built.ok().summary().number(&["kinds", "auto_archive", outcome])).sum()
    };
    (count("ran"), count("restored"))
}

fn wait(running: Vec<Running>) -> Vec<Built> {
    running.into_iter().map(Running::wait).collect()
}

/// The tool, which counts how often it is run. (Where a wrapper names a file, that is a part of it: this one does not.)
fn counted(form: Form) -> Option<Case> {
    let mut case = Case::new(form)?;
    let real = form.real();
    let script = format!(
        "#!/bin/sh\nlog=runs\necho ran >> ${{0%/*}}/../$log\nexec {} \"$@\"\n",
        real.to_string_lossy()
    );
    case.replace_tool(&script);
    Some(case)
}

fn runs(case: &Case) -> u64 {
    let text = String::from_utf8(case.space.read(case.tool("runs"))).unwrap();
    text.lines().count() as u64 / case.form.commands()
}

fn three_profiles_at_once(form: Form) {
    let Some(case) = counted(form) else { return };
    let manifest = case.space.read("rekindle.toml");
    case.space.write("rekindle.toml", [&manifest[..], b"[profile.third]\ncflags = [\"-O1\"]\n"].concat());
    let start = |profile| case.space.start_build(&["--profile", profile]);
    let builds = wait(["debug", "release", "third"].map(start).into());
    assert_eq!((archives(&builds), runs(&case)), ((1, 2), 1), "{}", builds[0].story());
    for profile in ["debug", "release", "third"] {
        assert!(case.space.prints(&format!("{profile}/app")).starts_with("511 "));
    }
}

fn three_build_directories_at_once(form: Form) {
    let Some(case) = counted(form) else { return };
    let names = ["one", "two", "three"];
    let builds = wait(names.map(|name| case.space.start_build(&["--build-dir", name])).into());
    assert_eq!((archives(&builds), runs(&case)), ((1, 2), 1), "{}", builds[0].story());
    let trees = names.map(|name| rekindle_testkit::Tree::of_outputs(&case.space.path(name)));
    assert!(!trees[0].is_empty());
    for tree in &trees[1..] {
        let difference = trees[0].difference(tree);
        assert!(difference.is_empty(), "{difference}");
    }
}

fn a_profile_that_is_flipped_four_times_is_built_once_each(form: Form) {
    let Some(mut case) = counted(form) else { return };
    for (round, value) in ["1", "2", "1", "2", "1"].into_iter().enumerate() {
        case.space.set_env("LIB_ADD", value);
        let built = case.build();
        match round {
            0 => built.ok().assert_kinds("1b 1c 1l", "-"),
            1 => built.ok().assert_kinds("1b 1l", "-"),
            _ => built.assert_restored("1b 1l"),
        };
        assert!(case.prints().starts_with(if value == "1" { "512 " } else { "513 " }));
    }
    assert_eq!(runs(&case), 2);
    case.is_settled();
}

macro_rules! each_tool {
    ($($name:ident)*) => {
        each_tool!(cargo, Form::Cargo, $($name)*);
        each_tool!(make, Form::Make, $($name)*);
        each_tool!(cmake, Form::Cmake, $($name)*);
    };
    ($module:ident, $form:expr, $($name:ident)*) => {
        mod $module {
            use crate::kit::Form;
            $(
                #[test]
                fn $name() {
                    super::$name($form);
                }
            )*
        }
    };
}

each_tool! {
    three_profiles_at_once
    three_build_directories_at_once
    a_profile_that_is_flipped_four_times_is_built_once_each
}
