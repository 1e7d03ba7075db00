//! Every row of the crate's table of what a result depends on is flipped here, one at a time, and judged.
#![expect(clippy::disallowed_methods, reason = "tests make and change their own files")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use rekindle_fingerprint::action::{Action, ActionKind, Arg, Identity, Part};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::judge::{Verdict, View, judge};
use rekindle_fingerprint::lookup::{self, Listings, Outputs, Search};
use rekindle_fingerprint::roots::Roots;
use rekindle_fingerprint::scan::Probe;
use rekindle_fingerprint::stamp::{Bound, Holds, Output, Stamp, machine_digest};

/// A compile of `a.c`, which reads `inc2/h.h` through `-Iinc1 -Iinc2`, with its stamp and its files.
struct Bench {
    dir: tempfile::TempDir,
    /// Whether another action produces `inc2/h.h`, and has not settled.
    pending: bool,
}

const MACHINE: &[u8] = b"this machine";

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap(), pending: false };
        for dir in ["inc1", "inc2", "out"] {
            fs::create_dir(bench.at(dir)).unwrap();
        }
        bench.write("a.c", "#include <h.h>\n");
        bench.write("inc2/h.h", "int h;\n");
        bench.write("out/a.o", "object");
        symlink("a.o", bench.at("out/link")).unwrap();
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn files(&self) -> Files {
        Files::new(Roots::new(self.at(""), self.at("out")))
    }

    fn action(files: &mut Files) -> Action {
        let [source, object, link] =
            [(Roots::WORKSPACE, "a.c"), (Roots::BUILD, "a.o"), (Roots::BUILD, "link")]
                .map(|(r, p)| files.path(r, p));
        let dirs = ["inc1", "inc2"].map(|dir| files.path(Roots::WORKSPACE, dir)).to_vec();
        let cwd = files.path(Roots::WORKSPACE, "");
        let argv = vec!["cc".into(), "-O1".into(), "-DA".into(), Arg::path(source)];
        let mut action = Action::new(ActionKind::Compile, "a.c", argv, cwd, vec![object]);
        action.env = vec![("CPATH".into(), "x".into())];
        action.inputs = vec![source];
        action.links = vec![(link, "a.o".into())];
        action.identity = Some(Arc::new(identity(b"cc1 bytes")));
        action.discovery.search = Some(Search { dirs, near: true });
        action
    }

    /// The stamp that the action has right after it ran, in the numbers of `files`.
    fn stamp(files: &mut Files) -> Stamp {
        let action = Self::action(files);
        let header = files.path(Roots::WORKSPACE, "inc2/h.h");
        let absent = files.path(Roots::WORKSPACE, "inc2/absent.h");
        files.observe(&[action.inputs[0], header, action.outputs[0]]);
        let search = action.discovery.search.clone().unwrap();
        let world = Outputs::default();
        let probe = Probe { name: b"probed.h".as_slice().into(), angled: true, next: false };
        let asked = lookup::Asked { search: &search, from: &[action.cwd], read: &[header], probes: &[probe] };
        let lookups = lookup::record(files, &world, asked, &mut Listings::default());
        let content = |path: PathId| files.content(path).unwrap();
        Stamp {
            kind: action.kind,
            identity: action.identity.as_ref().map(|identity| identity.digest),
            declared: vec![(action.inputs[0], content(action.inputs[0]))],
            executables: Vec::new(),
            discovered: vec![(header, Some(content(header))), (absent, None)],
            lookups: Some(lookups),
            deferred: Vec::new(),
            outputs: vec![Output {
                path: action.outputs[0],
                content: content(action.outputs[0]),
                executable: false,
            }],
            left: false,
            links: vec![action.links[0].0],
            holds: Holds::Everywhere,
            volatile: None,
            unprovable: None,
            printed: Vec::new(),
            duration_ms: 1,
            shared: None,
            command: action.command(files),
        }
    }

    /// Judges after `disk` has changed the disk, `now` the action and `then` the stamp.
    fn judge(
        &self,
        disk: impl FnOnce(&Self),
        now: impl FnOnce(&mut Action, &mut Files),
        then: impl FnOnce(&mut Stamp, &mut Files),
    ) -> Vec<String> {
        let mut files = self.files();
        let mut stamp = Self::stamp(&mut files);
        disk(self);
        for path in files.ids() {
            files.forget(path);
        }
        let mut action = Self::action(&mut files);
        now(&mut action, &mut files);
        then(&mut stamp, &mut files);
        let command = action.command(&mut files);
        let header = files.path(Roots::WORKSPACE, "inc2/h.h");
        let pending = |path: PathId| self.pending && path == header;
        let machine = machine_digest(MACHINE, files.roots());
        let verdict = judge(
            &action,
            &command,
            Some(&stamp),
            &mut View {
                files: &mut files,
                listings: &mut Listings::default(),
                world: &Outputs::default(),
                pending: &pending,
                parts: &|digest| {
                    (*digest == identity(b"cc1 bytes").digest).then(|| identity(b"cc1 bytes").parts)
                },
                machine,
            },
        );
        match verdict {
            Verdict::Fresh => vec![],
            Verdict::Stale(reasons) => reasons.iter().map(ToString::to_string).collect(),
            Verdict::NeedsFirst(paths) => {
                paths.iter().map(|path| format!("needs {}", files.show(*path))).collect()
            }
        }
    }

    fn after_disk(disk: impl FnOnce(&Self)) -> Vec<String> {
        Self::new().judge(disk, |_, _| {}, |_, _| {})
    }

    fn after_action(now: impl FnOnce(&mut Action, &mut Files)) -> Vec<String> {
        Self::new().judge(|_| {}, now, |_, _| {})
    }

    fn after_stamp(then: impl FnOnce(&mut Stamp, &mut Files)) -> Vec<String> {
        Self::new().judge(|_| {}, |_, _| {}, then)
    }
}

fn identity(cc1: &[u8]) -> Identity {
    let part = |name: &str, bytes: &[u8]| Part { name: name.into(), digest: Digest::of(bytes) };
    Identity::new("gcc 12, compile C", vec![part("driver", b"gcc"), part("cc1", cc1)], Vec::new())
}

#[test]
fn nothing_changed_is_fresh() {
    assert_eq!(Bench::after_disk(|_| {}), Vec::<String>::new());
}

#[test]
fn times_and_inodes_do_not_count() {
    let rewritten = Bench::after_disk(|bench| {
        for name in ["a.c", "inc2/h.h", "out/a.o"] {
            let text = fs::read_to_string(bench.at(name)).unwrap();
            fs::remove_file(bench.at(name)).unwrap();
            bench.write(name, &text);
        }
    });
    assert_eq!(rewritten, Vec::<String>::new());
}

#[test]
fn each_argument_and_their_order_count() {
    let added = Bench::after_action(|action, _| action.argv.push("-g".into()));
    assert_eq!(added, ["arguments changed: `-g` added"]);
    let repeated = Bench::after_action(|action, _| action.argv.push("-DA".into()));
    assert_eq!(repeated, ["arguments changed: `-DA` added"]);
    let swapped = Bench::after_action(|action, _| action.argv.swap(1, 2));
    assert_eq!(swapped, ["arguments changed: the same ones in another order"]);
}

#[test]
fn each_keyed_variable_counts() {
    let changed = Bench::after_action(|action, _| action.env[0].1 = "y".into());
    assert_eq!(changed, ["environment variable CPATH was `x`, is `y`"]);
    let unset = Bench::after_action(|action, _| action.env.clear());
    assert_eq!(unset, ["environment variable CPATH was `x`, is unset"]);
}

#[test]
fn the_working_directory_counts() {
    let moved = Bench::after_action(|action, files| action.cwd = files.path(Roots::WORKSPACE, "inc1"));
    assert!(moved.contains(&"working directory was `<ws!>`, is `<ws!>/inc1`".to_string()), "{moved:?}");
}

#[test]
fn the_set_of_outputs_counts() {
    let more = Bench::after_action(|action, files| action.outputs.push(files.path(Roots::BUILD, "a.dwo")));
    assert_eq!(more, ["products changed: `<build!>/a.dwo` added"]);
}

#[test]
fn the_toolchain_counts_and_is_explained_by_its_part() {
    let replaced =
        Bench::after_action(|action, _| action.identity = Some(Arc::new(identity(b"other bytes"))));
    assert_eq!(replaced, ["toolchain changed: gcc 12, compile C: `cc1`"]);
    let unknown = Bench::after_stamp(|stamp, _| stamp.identity = Some(Digest::of(b"long ago")));
    assert_eq!(unknown, ["toolchain changed: gcc 12, compile C"]);
}

#[test]
fn declared_inputs_count_by_content_presence_and_order() {
    assert_eq!(Bench::after_disk(|bench| bench.write("a.c", "int x;\n")), ["`a.c` changed"]);
    let gone = Bench::after_disk(|bench| fs::remove_file(bench.at("a.c")).unwrap());
    assert_eq!(gone, ["`a.c` is gone"]);
    let header = |files: &mut Files| files.path(Roots::WORKSPACE, "inc2/h.h");
    let added = Bench::after_action(|action, files| action.inputs.push(header(files)));
    assert_eq!(added, ["input `inc2/h.h` added"]);
    let removed = Bench::after_action(|action, _| action.inputs.clear());
    assert_eq!(removed, ["input `a.c` removed"]);
    let both = |stamp: &mut Stamp, files: &mut Files| {
        let content = stamp.discovered[0].1.unwrap();
        stamp.declared.insert(0, (header(files), content));
    };
    let reordered = Bench::new().judge(|_| {}, |action, files| action.inputs.push(header(files)), both);
    assert_eq!(reordered, ["inputs are in another order"]);
}

#[test]
fn which_inputs_may_be_executed_counts_for_a_custom_command() {
    let judged = |kind: ActionKind, may: bool, might: bool| {
        let mode = if may { 0o755 } else { 0o644 };
        Bench::new().judge(
            |bench| fs::set_permissions(bench.at("a.c"), fs::Permissions::from_mode(mode)).unwrap(),
            |action, _| action.kind = kind,
            |stamp, _| {
                let input = stamp.declared[0].0;
                stamp.executables.extend(might.then_some(input));
            },
        )
    };
    let told = |may, might| {
        let mut told = judged(ActionKind::Custom, may, might);
        told.retain(|reason| reason.contains("executed"));
        told
    };
    assert_eq!(told(true, false), ["`a.c` may be executed now"]);
    assert_eq!(told(false, true), ["`a.c` may not be executed any more"]);
    assert!(told(true, true).is_empty() && told(false, false).is_empty());
    assert_eq!(judged(ActionKind::Compile, true, false), Vec::<String>::new());
}

#[test]
fn discovered_inputs_count_by_content_and_by_absence() {
    assert_eq!(Bench::after_disk(|bench| bench.write("inc2/h.h", "long h;\n")), ["`inc2/h.h` changed"]);
    let there = Bench::after_disk(|bench| bench.write("inc2/absent.h", ""));
    assert_eq!(there, ["`inc2/absent.h` appeared"]);
}

#[test]
fn a_header_that_shadows_another_counts() {
    let earlier = Bench::after_disk(|bench| bench.write("inc1/h.h", ""));
    assert_eq!(earlier, ["`h.h` appeared in `inc1`"]);
    let beside = Bench::after_disk(|bench| bench.write("h.h", ""));
    assert_eq!(beside.len(), 1, "{beside:?}");
    let unrelated = Bench::after_disk(|bench| bench.write("inc1/other.h", ""));
    assert_eq!(unrelated, Vec::<String>::new());
}

#[test]
fn the_directories_that_are_searched_count() {
    let more = Bench::after_action(|action, files| {
        let dir = files.path(Roots::WORKSPACE, "inc0");
        action.discovery.search.as_mut().unwrap().dirs.insert(0, dir);
    });
    assert_eq!(more, ["directories that are searched changed: `inc0` added"]);
    let swapped = Bench::after_action(|action, _| action.discovery.search.as_mut().unwrap().dirs.swap(0, 1));
    assert_eq!(swapped, ["directories that are searched changed: the same ones in another order"]);
}

#[test]
fn a_probed_header_that_appears_counts() {
    let appeared = Bench::after_disk(|bench| bench.write("inc1/probed.h", ""));
    assert_eq!(appeared, ["`probed.h` appeared in `inc1`"]);
}

#[test]
fn outputs_count_by_content_and_executable_bit() {
    let edited = Bench::after_disk(|bench| bench.write("out/a.o", "junk"));
    assert_eq!(edited, ["output `build:a.o` was changed by someone else"]);
    let gone = Bench::after_disk(|bench| fs::remove_file(bench.at("out/a.o")).unwrap());
    assert!(gone.contains(&"output `build:a.o` is missing".to_string()));
    let executable = Bench::after_disk(|bench| {
        fs::set_permissions(bench.at("out/a.o"), fs::Permissions::from_mode(0o755)).unwrap();
    });
    assert_eq!(executable, ["output `build:a.o` was changed by someone else"]);
    let relinked = Bench::after_disk(|bench| {
        fs::remove_file(bench.at("out/link")).unwrap();
        symlink("elsewhere", bench.at("out/link")).unwrap();
    });
    assert_eq!(relinked, ["output `build:link` was changed by someone else"]);
}

#[test]
fn a_bound_result_holds_only_where_its_roots_lie() {
    let here = Bench::after_stamp(|stamp, files| {
        stamp.holds = Holds::AtRoots(Bound::here(["ws".into()], "a flag", files.roots()));
    });
    assert_eq!(here, Vec::<String>::new());
    let elsewhere = Bench::after_stamp(|stamp, _| {
        let roots = Roots::new("/elsewhere", "/elsewhere/out");
        stamp.holds = Holds::AtRoots(Bound::here(["ws".into()], "a flag", &roots));
    });
    assert_eq!(elsewhere, ["its result holds absolute paths, and the project lies elsewhere now"]);
}

#[test]
fn a_local_result_holds_only_on_its_machine() {
    let machine = |name: &'static [u8]| {
        Bench::after_stamp(move |stamp, files| {
            stamp.holds = Holds::OnMachine(machine_digest(name, files.roots()))
        })
    };
    assert_eq!(machine(MACHINE), Vec::<String>::new());
    assert_eq!(machine(b"another").len(), 1);
    let now_local = Bench::after_action(|action, _| action.local = Some("a flag".into()));
    assert_eq!(now_local.len(), 1, "a stamp that was shared is not taken for a local action's");
}

#[test]
fn what_cannot_be_known_is_never_fresh() {
    let unprovable = Bench::after_stamp(|stamp, _| stamp.unprovable = Some("a macro".into()));
    assert_eq!(unprovable, ["what it reads cannot be known: a macro"]);
}

#[test]
fn what_another_action_makes_comes_first() {
    let bench = Bench { pending: true, ..Bench::new() };
    assert_eq!(bench.judge(|_| {}, |_, _| {}, |_, _| {}), ["needs inc2/h.h"]);
}
