//! Every ingredient of a key is flipped here, one at a time; no two of them may give one name. What must not count
//! is changed too.
#![expect(clippy::disallowed_methods, reason = "tests make and change their own files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rekindle_fingerprint::action::{Action, ActionKind, Arg, DepfileFormat, Identity, Part, Piece};
use rekindle_fingerprint::auto::{AutoBuild, Fact};
use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Encoder;
use rekindle_fingerprint::files::{Files, PathId};
use rekindle_fingerprint::key::{ActionDigest, Asked, FirstKey, InputSet, RULES, first_key, is_declared};
use rekindle_fingerprint::lookup::{Listings, Outputs, Search};
use rekindle_fingerprint::roots::{Root, Roots};
use rekindle_fingerprint::scan::{Mentions, Probe};
use rekindle_fingerprint::stamp::{Bound, Holds, Stamp};

/// A compile of `src/a.c` with two declared inputs, which has read `inc2/h.h` through `-Iinc1 -Iinc2` and found
/// `inc2/absent.h` absent.
struct Bench {
    dir: tempfile::TempDir,
}

/// The names that an action has somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Names {
    key: Option<FirstKey>,
    digest: Option<ActionDigest>,
}

type Flip<T> = (&'static str, fn(&mut T, &mut Files));

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        for dir in ["src", "inc1", "inc2", "out"] {
            fs::create_dir(bench.at(dir)).unwrap();
        }
        bench.write("src/a.c", "#include <h.h>\n");
        bench.write("src/list", "a list\n");
        bench.write("inc2/h.h", "int h;\n");
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    fn files(&self) -> Files {
        Files::new(Roots::new(self.at(""), self.at("out")))
    }

    fn action(files: &mut Files) -> Action {
        let [source, list] = ["src/a.c", "src/list"].map(|name| files.path(Roots::WORKSPACE, name));
        let [object, link, depfile] = ["a.o", "link", "tmp/a.d"].map(|name| files.path(Roots::BUILD, name));
        let dirs = ["inc1", "inc2"].map(|dir| files.path(Roots::WORKSPACE, dir)).to_vec();
        let cwd = files.path(Roots::WORKSPACE, "");
        let argv = vec!["cc".into(), "-O1".into(), "-DA".into(), Arg::path(source)];
        let mut action = Action::new(ActionKind::Compile, "a.c", argv, cwd, vec![object]);
        action.env = vec![("CPATH".into(), "x".into()), ("LANG".into(), "C".into())];
        action.inputs = vec![source, list];
        action.links = vec![(link, "a.o".into())];
        action.identity = Some(Arc::new(identity(b"cc1 bytes")));
        action.discovery.search = Some(Search { dirs, near: true });
        action.discovery.depfiles = vec![DepfileFormat::Make(depfile)];
        action.discovery.scan = true;
        action.discovery.also_searched = vec![b"libm.so".to_vec()];
        action
    }

    /// What the action has read.
    fn set(files: &mut Files) -> InputSet {
        let [header, absent, beside] =
            ["inc2/h.h", "inc2/absent.h", "src"].map(|name| files.path(Roots::WORKSPACE, name));
        let probe = Probe { name: b"probed.h".as_slice().into(), angled: true, next: false };
        let asked = Asked { from: vec![beside], read: vec![header], probes: vec![probe] };
        InputSet { paths: vec![header, absent], deferred: vec![], asked: Some(asked), tool: None }
    }

    fn names_in(files: &mut Files, action: &Action, set: &InputSet) -> Names {
        files.observe(&action.inputs);
        files.observe(&set.paths);
        let command = action.command(files);
        let key = first_key(action, &command, files);
        let lookups = set.search(action, None, files, &Outputs::default(), &mut Listings::default());
        assert_eq!(lookups.is_some(), action.discovery.search.is_some() && set.asked.is_some());
        let digest = key.and_then(|key| set.action_digest(key, lookups.as_ref(), files));
        Names { key, digest }
    }

    /// The names after `change` has changed the action, and `and` the set.
    fn names_after(
        &self,
        change: impl FnOnce(&mut Action, &mut Files),
        and: impl FnOnce(&mut InputSet, &mut Files),
    ) -> Names {
        let mut files = self.files();
        let mut action = Self::action(&mut files);
        change(&mut action, &mut files);
        let mut set = Self::set(&mut files);
        and(&mut set, &mut files);
        Self::names_in(&mut files, &action, &set)
    }

    fn names(&self) -> Names {
        self.names_after(|_, _| {}, |_, _| {})
    }
}

fn identity(cc1: &[u8]) -> Identity {
    let part = |name: &str, bytes: &[u8]| Part { name: name.into(), digest: Digest::of(bytes) };
    Identity::new("gcc 12, compile C", vec![part("driver", b"gcc"), part("cc1", cc1)], Vec::new())
}

/// Remembers names, and refuses one that something else has already.
#[derive(Default)]
struct Distinct {
    known: BTreeMap<Digest, String>,
}

impl Distinct {
    fn add(&mut self, digest: Digest, what: &str) {
        if let Some(other) = self.known.insert(digest, what.to_string()) {
            panic!("`{what}` has the name of `{other}`");
        }
    }
}

fn search(action: &mut Action) -> &mut Search {
    action.discovery.search.as_mut().unwrap()
}

fn in_ws(files: &mut Files, name: &str) -> PathId {
    files.path(Roots::WORKSPACE, name)
}

fn swapped_environment(action: &mut Action) {
    let (name, value) = action.env[0].clone();
    action.env[0] = (action.env[1].0.clone(), value);
    action.env[1].0 = name;
}

/// Everything that is known of an action before it runs.
const ACTION: &[Flip<Action>] = &[
    ("the kind", |action, _| action.kind = ActionKind::Custom),
    ("an argument more", |action, _| action.argv.push("-g".into())),
    ("an argument less", |action, _| drop(action.argv.remove(2))),
    ("another argument", |action, _| action.argv[2] = "-DB".into()),
    ("the order of the arguments", |action, _| action.argv.swap(1, 2)),
    ("two arguments as one", |action, _| {
        action.argv[1] = "-O1-DA".into();
        action.argv.remove(2);
    }),
    ("a path as an argument that is always absolute", |action, _| {
        let source = action.inputs[0];
        action.argv[3] = Arg(vec![Piece::Absolute(source)]);
    }),
    ("the value of a variable", |action, _| action.env[0].1 = "y".into()),
    ("the name of a variable", |action, _| action.env[0].0 = "C_INCLUDE_PATH".into()),
    ("a variable less", |action, _| drop(action.env.remove(0))),
    ("the values of two variables swapped", |action, _| swapped_environment(action)),
    ("the working directory", |action, files| action.cwd = in_ws(files, "src")),
    ("an output more", |action, files| action.outputs.push(files.path(Roots::BUILD, "a.dwo"))),
    ("the name of the output", |action, files| action.outputs[0] = files.path(Roots::BUILD, "b.o")),
    ("the root of the output", |action, files| action.outputs[0] = in_ws(files, "a.o")),
    ("a link less", |action, _| action.links.clear()),
    ("the name of a link", |action, files| action.links[0].0 = files.path(Roots::BUILD, "other")),
    ("the target of a link", |action, _| action.links[0].1 = "b.o".into()),
    ("the toolchain", |action, _| action.identity = Some(Arc::new(identity(b"other bytes")))),
    ("no toolchain", |action, _| action.identity = None),
    ("an input more", |action, files| action.inputs.push(in_ws(files, "inc2/h.h"))),
    ("an input less", |action, _| action.inputs.truncate(1)),
    ("the order of the inputs", |action, _| action.inputs.swap(0, 1)),
    ("a search directory more", |action, files| {
        let dir = in_ws(files, "inc0");
        search(action).dirs.push(dir);
    }),
    ("a search directory less", |action, _| search(action).dirs.truncate(1)),
    ("the order of the search directories", |action, _| search(action).dirs.swap(0, 1)),
    ("not searched beside the includer", |action, _| search(action).near = false),
    ("not searched at all", |action, _| action.discovery.search = None),
    ("another kind of depfile", |action, files| {
        action.discovery.depfiles = vec![DepfileFormat::Assembler(files.path(Roots::BUILD, "tmp/a.d"))];
    }),
    ("a trace", |action, _| action.discovery.depfiles = vec![DepfileFormat::Trace]),
    ("a depfile more", |action, _| action.discovery.depfiles.push(DepfileFormat::Trace)),
    ("no depfile", |action, _| action.discovery.depfiles.clear()),
    ("not scanned", |action, _| action.discovery.scan = false),
    ("payloads in the depfile", |action, _| action.discovery.incbin_in_depfile = true),
    ("assembled later", |action, _| action.discovery.assembled_later = true),
    ("another name that is searched", |action, _| {
        action.discovery.also_searched[0] = b"libm.a".to_vec();
    }),
    ("a name more that is searched", |action, _| action.discovery.also_searched.push(b"libm.a".to_vec())),
    ("a date that is fixed", |action, _| {
        action.discovery.fixed = Mentions::DATE;
    }),
    ("a time that is fixed", |action, _| {
        action.discovery.fixed = Mentions::TIME;
    }),
];

#[test]
fn each_ingredient_of_an_action_gives_it_another_first_key() {
    let bench = Bench::new();
    let mut distinct = Distinct::default();
    distinct.add(bench.names().key.unwrap().0, "the action");
    for (what, flip) in ACTION {
        distinct.add(bench.names_after(flip, |_, _| {}).key.unwrap().0, what);
    }
}

#[test]
fn what_changes_the_first_key_changes_the_action_digest() {
    let bench = Bench::new();
    let mut distinct = Distinct::default();
    distinct.add(bench.names().digest.unwrap().0, "the action");
    for (what, flip) in ACTION {
        distinct.add(bench.names_after(flip, |_, _| {}).digest.unwrap().0, what);
    }
}

#[test]
fn a_declared_input_counts_by_content_and_by_name() {
    let bench = Bench::new();
    let mut distinct = Distinct::default();
    distinct.add(bench.names().key.unwrap().0, "the action");
    bench.write("src/list", "another list\n");
    distinct.add(bench.names().key.unwrap().0, "another content");
    bench.write("src/list", "a list\n");
    bench.write("src/list2", "a list\n");
    let renamed = bench.names_after(|action, files| action.inputs[1] = in_ws(files, "src/list2"), |_, _| {});
    distinct.add(renamed.key.unwrap().0, "another name");
    bench.write("out/src/list", "a list\n");
    let elsewhere = |action: &mut Action, files: &mut Files| {
        action.inputs[1] = files.path(Roots::BUILD, "src/list");
    };
    distinct.add(bench.names_after(elsewhere, |_, _| {}).key.unwrap().0, "another root");
    // The contents of two inputs swapped.
    bench.write("src/list", "#include <h.h>\n");
    bench.write("src/a.c", "a list\n");
    distinct.add(bench.names().key.unwrap().0, "contents swapped");
}

#[test]
fn without_a_declared_input_there_is_no_key() {
    let bench = Bench::new();
    fs::remove_file(bench.at("src/list")).unwrap();
    assert_eq!(bench.names(), Names { key: None, digest: None });
    fs::create_dir(bench.at("src/list")).unwrap();
    assert_eq!(bench.names(), Names { key: None, digest: None });
}

type Change = (&'static str, fn(&Bench));

/// What an action has read, and what of it changes.
const READ: &[Change] = &[
    ("another header", |bench| bench.write("inc2/h.h", "long h;\n")),
    ("an empty header", |bench| bench.write("inc2/h.h", "")),
    ("no header", |bench| fs::remove_file(bench.at("inc2/h.h")).unwrap()),
    ("a header that was absent", |bench| bench.write("inc2/absent.h", "")),
    ("a header that was absent, with text", |bench| bench.write("inc2/absent.h", "int a;\n")),
    ("a header earlier on the search path", |bench| bench.write("inc1/h.h", "")),
    ("a header beside the source", |bench| bench.write("src/h.h", "")),
    ("a probed header in the first directory", |bench| bench.write("inc1/probed.h", "")),
    ("a probed header in the second directory", |bench| bench.write("inc2/probed.h", "")),
    ("a probed header in both", |bench| {
        bench.write("inc1/probed.h", "");
        bench.write("inc2/probed.h", "");
    }),
];

#[test]
fn each_file_that_was_read_or_searched_gives_another_action_digest_under_the_same_first_key() {
    let mut distinct = Distinct::default();
    let plain = Bench::new().names();
    distinct.add(plain.digest.unwrap().0, "the files as they were");
    for (what, change) in READ {
        let bench = Bench::new();
        change(&bench);
        let names = bench.names();
        assert_eq!(names.key, plain.key, "{what} is found out later");
        distinct.add(names.digest.unwrap().0, what);
    }
}

#[test]
fn where_a_directory_lies_instead_of_a_file_nothing_is_shared() {
    for name in ["inc2/h.h", "inc2/absent.h"] {
        let bench = Bench::new();
        let _ = fs::remove_file(bench.at(name));
        fs::create_dir(bench.at(name)).unwrap();
        assert!(bench.names().key.is_some());
        assert_eq!(bench.names().digest, None, "{name}");
    }
}

#[test]
fn a_file_that_nobody_looked_at_or_could_read_names_no_result() {
    let bench = Bench::new();
    let mut files = bench.files();
    let action = Bench::action(&mut files);
    let set = Bench::set(&mut files);
    let names = Bench::names_in(&mut files, &action, &set);
    let key = names.key.unwrap();
    files.forget(set.paths[0]);
    assert_eq!(set.action_digest(key, None, &files), None);
    // A name with a zero byte is none that the system can be asked for.
    let odd = files.path(Roots::WORKSPACE, "inc2/\0");
    files.observe(&[odd]);
    let set = InputSet { paths: vec![odd], ..InputSet::default() };
    assert_eq!(set.action_digest(key, None, &files), None);
}

/// What an input set is made of.
const SET: &[Flip<InputSet>] = &[
    ("a path more", |set, files| set.paths.push(in_ws(files, "inc2/x.h"))),
    ("a path less", |set, _| set.paths.truncate(1)),
    ("the other path alone", |set, _| set.paths = set.paths.split_off(1)),
    ("a deferred path", |set, _| set.deferred.push(set.paths[0])),
    ("the other one deferred", |set, _| set.deferred.push(set.paths[1])),
    ("nothing asked", |set, _| set.asked = None),
    ("another includer", |set, files| set.asked.as_mut().unwrap().from[0] = in_ws(files, "inc1")),
    ("no includer", |set, _| set.asked.as_mut().unwrap().from.clear()),
    ("another one read", |set, _| set.asked.as_mut().unwrap().read[0] = set.paths[1]),
    ("none read", |set, _| set.asked.as_mut().unwrap().read.clear()),
    ("another probe", |set, _| set.asked.as_mut().unwrap().probes[0].name = b"other.h".as_slice().into()),
    ("a quoted probe", |set, _| set.asked.as_mut().unwrap().probes[0].angled = false),
    ("a probe of what comes next", |set, _| set.asked.as_mut().unwrap().probes[0].next = true),
    ("no probe", |set, _| set.asked.as_mut().unwrap().probes.clear()),
];

#[test]
fn each_part_of_a_set_is_in_its_encoding_and_in_the_digest() {
    let bench = Bench::new();
    let (mut encodings, mut digests) = (Distinct::default(), Distinct::default());
    let same: Flip<InputSet> = ("the set", |_, _| {});
    for (what, flip) in std::iter::once(&same).chain(SET) {
        let mut files = bench.files();
        let action = Bench::action(&mut files);
        let mut set = Bench::set(&mut files);
        flip(&mut set, &mut files);
        encodings.add(Digest::of(&set.encode(&files)), what);
        let names = Bench::names_in(&mut files, &action, &set);
        digests.add(names.digest.unwrap().0, what);
        let decoded = InputSet::decode(&set.encode(&files), &mut files).unwrap();
        assert_eq!(decoded.encode(&files), set.encode(&files), "{what}");
    }
}

#[test]
fn names_do_not_move_with_the_workspace_nor_with_times_numbers_order_or_other_roots() {
    let bench = Bench::new();
    let names = bench.names();
    assert!(names.digest.is_some());
    assert_eq!(Bench::new().names(), names, "the workspace lies elsewhere");
    for name in ["src/a.c", "src/list", "inc2/h.h"] {
        let file = fs::File::options().write(true).open(bench.at(name)).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    }
    assert_eq!(bench.names(), names, "times changed");
    let order = |set: &mut InputSet, files: &mut Files| {
        set.paths.reverse();
        let again = set.paths[0];
        set.paths.push(again);
        let asked = set.asked.as_mut().unwrap();
        let twice = asked.probes[0].clone();
        asked.probes.push(twice);
        let beside = in_ws(files, "src");
        asked.from.push(beside);
    };
    assert_eq!(bench.names_after(|_, _| {}, order), names, "order and repetition");
    let mut files = bench.files();
    files.roots_mut().add(Root::new("home", "/home/someone")).unwrap();
    files.roots_mut().add(Root::new("sdk", "/opt/sdk")).unwrap();
    for at in 0..50 {
        files.path(Roots::WORKSPACE, format!("other/{at}"));
    }
    let set = Bench::set(&mut files);
    let action = Bench::action(&mut files);
    assert_eq!(Bench::names_in(&mut files, &action, &set), names, "other numbers, other roots");
    bench.write("inc1/unrelated.h", "");
    bench.write("out/a.o", "object");
    assert_eq!(bench.names(), names, "files that nobody asked for");
}

#[test]
fn where_a_root_lies_counts_only_where_nothing_maps_it_out_of_results() {
    let bench = Bench::new();
    let key = |root: &str, place: &str, kind: ActionKind, names: fn(&mut Action, PathId)| {
        let mut files = bench.files();
        let id = files.roots_mut().add(Root::new(root, place)).unwrap();
        let mut action = Bench::action(&mut files);
        action.kind = kind;
        names(&mut action, files.path(id, "x"));
        let set = Bench::set(&mut files);
        Bench::names_in(&mut files, &action, &set).key.unwrap().0
    };
    let named: [fn(&mut Action, PathId); 6] = [
        |action, path| action.argv.push(Arg::path(path)),
        |action, path| action.env.push(("X".into(), Arg::path(path))),
        |action, path| action.cwd = path,
        |action, path| search(action).dirs.push(path),
        |action, path| action.outputs.push(path),
        |action, path| action.links[0].0 = path,
    ];
    let compile = ActionKind::Compile;
    for names in named {
        let mut distinct = Distinct::default();
        for place in ["/opt/sdk", "/usr", "/usr/local", "/"] {
            distinct.add(key("sdk", place, compile, names), place);
        }
        assert_eq!(key("sdk", "/opt/sdk", compile, names), key("sdk", "/home/sdk", compile, names));
        assert_ne!(key("tc.gcc", "/usr", compile, names), key("tc.gcc", "/usr/local", compile, names));
        assert_ne!(key("sys.gcc", "/usr", compile, names), key("sys.gcc", "/", compile, names));
        for kind in [ActionKind::Link, ActionKind::Archive] {
            assert_ne!(key("tc.gcc", "/usr", kind, names), key("tc.gcc", "/usr/local", kind, names));
            assert_ne!(key("sdk", "/usr", kind, names), key("sdk", "/usr/local", kind, names));
        }
    }
    let unnamed: fn(&mut Action, PathId) = |_, _| {};
    assert_eq!(key("sdk", "/usr", compile, unnamed), bench.names().key.unwrap().0);
}

#[test]
fn whether_two_names_are_one_directory_counts() {
    let bench = Bench::new();
    bench.write("twin/x.h", "");
    let with_twin = |action: &mut Action, files: &mut Files| search(action).dirs.push(in_ws(files, "twin"));
    let apart = bench.names_after(with_twin, |_, _| {});
    fs::remove_dir_all(bench.at("twin")).unwrap();
    std::os::unix::fs::symlink("inc1", bench.at("twin")).unwrap();
    let same = bench.names_after(with_twin, |_, _| {});
    assert_eq!(apart.key, same.key);
    assert_ne!(apart.digest, same.digest);
}

#[test]
fn which_inputs_may_be_executed_counts_for_custom_commands_alone() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let key = |kind: ActionKind| {
        let mut files = bench.files();
        let set = Bench::set(&mut files);
        let mut action = Bench::action(&mut files);
        action.kind = kind;
        Bench::names_in(&mut files, &action, &set).key.unwrap().0
    };
    let before = ActionKind::ALL.map(key);
    let source = bench.at("src/a.c");
    fs::set_permissions(&source, fs::Permissions::from_mode(0o755)).unwrap();
    let changed: Vec<ActionKind> = ActionKind::ALL
        .into_iter()
        .zip(before)
        .filter(|(kind, was)| key(*kind) != *was)
        .map(|(kind, _)| kind)
        .collect();
    assert_eq!(changed, [ActionKind::Custom, ActionKind::AutoArchive]);
}

#[test]
fn what_is_kept_apart_from_the_result_is_in_no_key() {
    let bench = Bench::new();
    let names = bench.names();
    let flips: &[Flip<Action>] = &[
        ("its name", |action, _| action.name = "another".into()),
        ("what comes before it", |action, files| action.order_only.push(in_ws(files, "src/list"))),
        ("its pool", |action, _| action.pool = Some("link".into())),
        ("how its arguments are passed", |action, _| action.response_file = true),
        ("where its depfile lies", |action, files| {
            action.discovery.depfiles = vec![DepfileFormat::Make(files.path(Roots::BUILD, "tmp/b.d"))];
        }),
    ];
    for (what, flip) in flips {
        assert_eq!(bench.names_after(flip, |_, _| {}), names, "{what}");
    }
}

#[test]
fn the_names_are_golden() {
    let bench = Bench::new();
    let mut files = bench.files();
    let (action, set) = (Bench::action(&mut files), Bench::set(&mut files));
    let names = Bench::names_in(&mut files, &action, &set);
    bench.write("inc1/probed.h", "");
    let found = bench.names();
    let bound = Bound::here(["ws".into()], "`__FILE__`", &Roots::new("/w", "/w/out"));
    // A change of one of these is a change of the format: `RULES`, or the domain in `key.rs`, goes up with it.
    let golden = format!(
        "rules {RULES}\nkey {}\nset {}\nresult {}\nwith what was found {}\nbound {}",
        names.key.unwrap().0,
        Digest::of(&set.encode(&files)),
        names.digest.unwrap().0,
        found.digest.unwrap().0,
        ActionDigest(Digest::of(b"action")).bound(&bound).0,
    );
    insta::assert_snapshot!(golden, @"
    rules 1
    key 570b9102823291822252dfd75d0ae59cd5cdf1fba1cef952d949a1b4add14997
    set c939cd30581aa05c317b279bea15c57377c9aacfb5d8e948320cc62640ece673
    result 800b6d89848790da22ad65a20df37c726a02ba5db5ee822c2f35e0ea3b0fb35a
    with what was found bd2a487a3b2490d5946c8c7de76341d4b383a2ff59368b56712180ad5da1b241
    bound 186b117dfaeff63498b9caf52f513bb3b14fd953fd6884ac41544c852ac835ec
    ");
}

#[test]
fn the_bytes_of_a_set_are_what_its_documentation_says() {
    let mut files = Files::new(Roots::new("/w", "/w/out"));
    let set = Bench::set(&mut files);
    let mut e = Encoder::new();
    let number = |e: &mut Encoder, n: &u32| {
        e.u32(*n);
    };
    e.list(&["ws"], |e, root| {
        e.bytes(root.as_bytes());
    });
    e.list(&["inc2/absent.h", "inc2/h.h", "src"], |e, rel| {
        e.u32(0).bytes(rel.as_bytes());
    });
    e.list(&[0, 1], number).list(&[], number).u8(1).list(&[2], number).list(&[1], number);
    e.u64(1).bytes(b"probed.h").u8(1).u8(0);
    assert_eq!(set.encode(&files), e.into_bytes());
}

#[test]
fn what_is_bound_has_another_name_in_each_place_and_only_there() {
    let digest = ActionDigest(Digest::of(b"action"));
    let bound = |names: &[&str], why: &str, ws: &str, sdk: &str| {
        let mut roots = Roots::new(ws, "/build");
        roots.add(Root::new("sdk", sdk)).unwrap();
        digest.bound(&Bound::here(names.iter().map(|name| (*name).into()), why, &roots))
    };
    let here = bound(&["ws"], "a flag", "/a", "/sdk");
    assert_ne!(here, digest);
    assert_eq!(here, bound(&["ws", "ws"], "a macro", "/a", "/elsewhere"), "the place alone counts");
    let mut distinct = Distinct::default();
    distinct.add(here.0, "bound to the workspace");
    distinct.add(bound(&["ws"], "a flag", "/b", "/sdk").0, "it lies elsewhere");
    distinct.add(bound(&["sdk"], "a flag", "/a", "/sdk").0, "bound to another root");
    distinct.add(bound(&["sdk"], "a flag", "/a", "/a").0, "that lies there too");
    distinct.add(bound(&["ws", "sdk"], "a flag", "/a", "/sdk").0, "bound to both");
    distinct.add(bound(&["sdk", "ws"], "a flag", "/sdk", "/a").0, "which are swapped");
    assert_eq!(bound(&["ws", "sdk"], "", "/a", "/sdk"), bound(&["sdk", "ws"], "", "/a", "/sdk"));
    let other = ActionDigest(Digest::of(b"other"));
    let places = Bound::here(["ws".into()], "", &Roots::new("/a", "/build"));
    assert_ne!(other.bound(&places), digest.bound(&places));
}

#[test]
fn only_an_action_that_reads_nothing_else_is_declared() {
    let mut files = Bench::new().files();
    let mut action = Bench::action(&mut files);
    action.discovery = Default::default();
    assert!(is_declared(&action));
    let full = Bench::action(&mut files).discovery;
    action.discovery.search = full.search;
    assert!(!is_declared(&action));
    action.discovery = Default::default();
    action.discovery.depfiles = full.depfiles;
    assert!(!is_declared(&action));
    action.discovery = Default::default();
    action.discovery.scan = true;
    assert!(!is_declared(&action), "a scan may find what no depfile tells");
}

#[test]
fn the_set_of_a_stamp_is_what_it_discovered_and_searched() {
    let bench = Bench::new();
    let mut files = bench.files();
    let (action, set) = (Bench::action(&mut files), Bench::set(&mut files));
    files.observe(&action.inputs);
    files.observe(&set.paths);
    let lookups = set.search(&action, None, &mut files, &Outputs::default(), &mut Listings::default());
    let foreign = in_ws(&mut files, "not/discovered");
    let stamp = Stamp {
        kind: action.kind,
        command: action.command(&mut files),
        identity: None,
        declared: vec![],
        executables: vec![],
        discovered: set.paths.iter().map(|path| (*path, files.content(*path))).collect(),
        lookups,
        deferred: vec![set.paths[0], foreign],
        outputs: vec![],
        left: false,
        links: vec![],
        holds: Holds::Everywhere,
        volatile: Default::default(),
        unprovable: None,
        printed: vec![],
        duration_ms: 1,
        shared: None,
    };
    let expected = InputSet { deferred: vec![set.paths[0]], ..set };
    assert_eq!(InputSet::of(&stamp), expected, "what is deferred is among what was read");
}

/// The same action as an archive that another build tool makes.
fn as_archive(action: &mut Action, facts: &[(Fact, &str)], before: &[&str]) {
    action.kind = ActionKind::AutoArchive;
    action.auto = Some(Box::new(AutoBuild {
        facts: facts.iter().map(|(fact, value)| (fact.clone(), value.as_bytes().to_vec())).collect(),
        before: before.iter().map(|word| vec![Arg::text(word)]).collect(),
        ..AutoBuild::default()
    }));
}

#[test]
fn the_tool_of_an_archive_is_in_the_second_name_and_not_in_the_first() {
    let bench = Bench::new();
    let named = |bytes: &'static [u8], tool: Option<Digest>| {
        bench.names_after(
            |action, _| {
                as_archive(action, &[], &[]);
                action.identity = Some(Arc::new(identity(bytes)));
            },
            |set, _| set.tool = tool,
        )
    };
    let (one, two) = (Digest::of(b"tool 1"), Digest::of(b"tool 2"));
    let first = named(b"one", Some(one));
    assert_eq!(named(b"two", Some(one)), first, "the action's own identity is in neither");
    let second = named(b"one", Some(two));
    assert_eq!(second.key, first.key);
    assert_ne!(second.digest, first.digest);
    assert_ne!(named(b"one", None).digest, first.digest);
}

#[test]
fn each_fact_and_each_word_of_a_command_before_is_in_the_key_of_an_archive() {
    let bench = Bench::new();
    let mut distinct = Distinct::default();
    let profile = |key: &str| Fact::Profile(key.into());
    let link = Fact::Link("a b".into());
    type Row<'r> = (&'r [(Fact, &'r str)], &'r [&'r str]);
    let rows: [Row<'_>; 9] = [
        (&[], &[]),
        (&[(profile("a"), "1")], &[]),
        (&[(profile("a"), "2")], &[]),
        (&[(profile("b"), "1")], &[]),
        (&[(profile("a"), "")], &[]),
        (&[(link.clone(), "1")], &[]),
        (&[(link, "2")], &[]),
        (&[], &["1"]),
        (&[], &["1", "1"]),
    ];
    for (facts, before) in rows {
        let names = bench.names_after(|action, _| as_archive(action, facts, before), |_, _| {});
        distinct.add(names.key.unwrap().0, &format!("{facts:?} {before:?}"));
    }
}

#[test]
fn whatever_an_archive_reads_its_only_input_set_names_its_tool() {
    let bench = Bench::new();
    let mut files = bench.files();
    let mut action = Bench::action(&mut files);
    action.discovery = Default::default();
    assert!(is_declared(&action));
    as_archive(&mut action, &[], &[]);
    assert!(!is_declared(&action));
}

/// A generator of numbers that gives the same ones every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn some<T: Copy>(&mut self, of: &[T]) -> Vec<T> {
        let count = self.below(of.len() + 1);
        (0..count).map(|_| of[self.below(of.len())]).collect()
    }
}

const ROOTS: [&str; 5] = ["ws", "build", "outside", "sdk", "tc.gcc-12"];

/// Roots of [`ROOTS`], in another order and at other places each time.
fn placed(at: &str, dice: &mut Dice) -> Roots {
    let mut roots = Roots::new(format!("{at}/ws"), format!("{at}/ws/out"));
    let mut others = vec!["sdk", "tc.gcc-12", "unrelated"];
    while !others.is_empty() {
        let name = others.remove(dice.below(others.len()));
        roots.add(Root::new(name, format!("{at}/roots/{name}"))).unwrap();
    }
    roots
}

fn random_path(dice: &mut Dice, files: &mut Files) -> PathId {
    use std::os::unix::ffi::OsStrExt;
    let parts: [&[u8]; 8] =
        [b"a", b"b.h", b"inc", "gr\u{fc}n".as_bytes(), b"with space", b"\xff\xfe", b"$x:%#", b"..."];
    let root = files.roots().by_name(ROOTS[dice.below(ROOTS.len())]).unwrap();
    let count = dice.below(4);
    let rel: Vec<&[u8]> = (0..count).map(|_| parts[dice.below(parts.len())]).collect();
    files.path(root, Path::new(std::ffi::OsStr::from_bytes(&rel.join(&b'/'))))
}

fn random_set(dice: &mut Dice, files: &mut Files) -> InputSet {
    let count = 1 + dice.below(12);
    let all: Vec<PathId> = (0..count).map(|_| random_path(dice, files)).collect();
    let paths = dice.some(&all);
    let deferred = if paths.is_empty() { vec![] } else { dice.some(&paths) };
    let names: [&[u8]; 4] = [b"p.h", b"sys/p.h", b"", b"\xff"];
    let asked = (dice.below(3) > 0).then(|| Asked {
        from: dice.some(&all),
        read: dice.some(&all),
        probes: (0..dice.below(4))
            .map(|_| Probe {
                name: names[dice.below(4)].into(),
                angled: dice.below(2) == 0,
                next: dice.below(2) == 0,
            })
            .collect(),
    });
    let tool = (dice.below(2) == 0).then(|| Digest::of(&dice.next().to_le_bytes()));
    InputSet { paths, deferred, asked, tool }
}

/// What a set says, in words that have no numbers.
fn spelled(set: &InputSet, files: &Files) -> String {
    let name = |id: &PathId| (files.roots().get(files.root(*id)).name.clone(), files.rel(*id).to_path_buf());
    let sorted = |ids: &[PathId]| {
        let mut names: Vec<_> = ids.iter().map(name).collect();
        names.sort();
        names.dedup();
        names
    };
    let asked = set.asked.as_ref().map(|asked| {
        let mut probes: Vec<_> = asked.probes.iter().map(|p| (p.name.clone(), p.angled, p.next)).collect();
        probes.sort();
        probes.dedup();
        (sorted(&asked.from), sorted(&asked.read), probes)
    });
    format!("{:?} {:?} {asked:?}", sorted(&set.paths), sorted(&set.deferred))
}

#[test]
fn any_set_reads_back_where_everything_has_another_number_and_place() {
    let mut dice = Dice(1);
    let mut encodings: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for _ in 0..2000 {
        let mut here = Files::new(placed("/here", &mut dice));
        let set = random_set(&mut dice, &mut here);
        let bytes = set.encode(&here);
        let mut there = Files::new(placed("/over/there", &mut dice));
        for _ in 0..dice.below(20) {
            random_path(&mut dice, &mut there);
        }
        let decoded = InputSet::decode(&bytes, &mut there).unwrap();
        assert_eq!(spelled(&decoded, &there), spelled(&set, &here));
        assert_eq!(decoded.encode(&there), bytes);
        let text = spelled(&set, &here);
        let known = encodings.entry(bytes).or_insert_with(|| text.clone());
        assert_eq!(*known, text, "one encoding, one set");
    }
    assert!(encodings.len() > 1000, "the sets differ");
}

#[test]
fn a_set_that_is_cut_or_has_more_behind_it_is_refused() {
    let mut dice = Dice(2);
    for _ in 0..50 {
        let mut files = Files::new(placed("/here", &mut dice));
        let bytes = random_set(&mut dice, &mut files).encode(&files);
        for end in 0..bytes.len() {
            assert!(InputSet::decode(&bytes[..end], &mut files).is_err(), "cut at {end}");
        }
        assert!(InputSet::decode(&[&bytes[..], b"\0"].concat(), &mut files).is_err());
    }
}

#[test]
fn bytes_that_are_no_set_are_refused_or_stay_within_the_roots() {
    let mut dice = Dice(3);
    let mut refused = 0;
    for round in 0..4000 {
        let mut files = Files::new(placed("/here", &mut dice));
        let mut bytes = if round % 4 == 0 {
            (0..dice.below(80)).map(|_| dice.next().to_le_bytes()[0]).collect()
        } else {
            random_set(&mut dice, &mut files).encode(&files)
        };
        for _ in 0..=dice.below(3) {
            if !bytes.is_empty() {
                let at = dice.below(bytes.len());
                bytes[at] = dice.next().to_le_bytes()[0];
            }
        }
        let Ok(set) = InputSet::decode(&bytes, &mut files) else {
            refused += 1;
            continue;
        };
        let asked = set.asked.iter().flat_map(|asked| asked.from.iter().chain(&asked.read));
        for path in set.paths.iter().chain(&set.deferred).chain(asked) {
            let root = &files.roots().get(files.root(*path)).path;
            assert!(files.abs(*path).starts_with(root));
            assert!(!files.rel(*path).starts_with("..") && files.rel(*path).is_relative());
        }
    }
    assert!(refused > 1000, "{refused}");
}

/// The bytes of a set that reads one file.
fn one_path(root: &str, rel: &str) -> Vec<u8> {
    let mut e = Encoder::new();
    e.list(&[root], |e, root| {
        e.bytes(root.as_bytes());
    });
    e.list(&[rel], |e, rel| {
        e.u32(0).bytes(rel.as_bytes());
    });
    let number = |e: &mut Encoder, n: &u32| {
        e.u32(*n);
    };
    e.list(&[0], number).list(&[], number).u8(0);
    e.into_bytes()
}

#[test]
fn a_set_names_files_of_this_build_by_the_names_that_this_build_gives_them_or_is_refused() {
    let mut roots = Roots::new("/home/a/ws", "/home/a/ws/out");
    roots.reserve("sdk");
    let within = vec!["lib/gcc".into()];
    roots.add(Root { within, ..Root::new("tc.host", "/usr") }).unwrap();
    let files = || Files::new(roots.clone());
    let taken = |root: &str, rel: &str| {
        let mut files = files();
        let set = InputSet::decode(&one_path(root, rel), &mut files).ok()?;
        assert_eq!(set.encode(&files), one_path(root, rel));
        Some(files.show(set.paths[0]))
    };
    assert_eq!(taken("ws", "inc/h.h").as_deref(), Some("inc/h.h"));
    assert_eq!(taken("ws", "").as_deref(), Some("ws:"));
    assert_eq!(taken("build", "gen/h.h").as_deref(), Some("build:gen/h.h"));
    assert_eq!(taken("outside", "opt/h.h").as_deref(), Some("/opt/h.h"));
    assert_eq!(taken("tc.host", "lib/gcc/stddef.h").as_deref(), Some("/usr/lib/gcc/stddef.h"));
    let refused = [
        ("unknown", "h.h"),
        ("sdk", "h.h"),
        ("ws", "../h.h"),
        ("ws", "inc/../../h.h"),
        ("ws", "/etc/passwd"),
        ("ws", "."),
        ("ws", "./h.h"),
        ("ws", "inc//h.h"),
        ("ws", "inc/"),
        ("ws", "inc/./h.h"),
        ("ws", "inc/../h.h"),
        ("ws", "out/gen/h.h"),
        ("outside", "home/a/ws/h.h"),
        ("outside", "home/a/ws/out/h.h"),
        ("outside", "usr/lib/gcc/stddef.h"),
        ("tc.host", "include/stdio.h"),
        ("", "h.h"),
    ];
    for (root, rel) in refused {
        assert_eq!(taken(root, rel), None, "{root}:{rel}");
    }
}

#[test]
fn a_step_up_behind_a_link_is_kept_and_one_behind_a_directory_is_refused() {
    let bench = Bench::new();
    std::os::unix::fs::symlink("inc2", bench.at("link")).unwrap();
    let mut files = bench.files();
    let decoded = InputSet::decode(&one_path("ws", "link/../h.h"), &mut files).unwrap();
    assert_eq!(files.rel(decoded.paths[0]), Path::new("link/../h.h"));
    assert!(InputSet::decode(&one_path("ws", "inc2/../h.h"), &mut files).is_err());
}

#[test]
fn a_number_that_stands_for_nothing_is_refused() {
    let mut e = Encoder::new();
    e.u64(1).bytes(b"ws").u64(1).u32(1).bytes(b"h.h").u64(0).u64(0).u8(0);
    let mut files = Files::new(Roots::new("/w", "/w/out"));
    assert!(InputSet::decode(&e.into_bytes(), &mut files).is_err(), "a root");
    let mut e = Encoder::new();
    e.u64(1).bytes(b"ws").u64(1).u32(0).bytes(b"h.h").u64(1).u32(1).u64(0).u8(0);
    assert!(InputSet::decode(&e.into_bytes(), &mut files).is_err(), "a path");
    let probe = |angled: u8, next: u8| {
        let mut e = Encoder::new();
        e.u64(0).u64(0).u64(0).u64(0).u8(1).u64(0).u64(0).u64(1).bytes(b"p").u8(angled).u8(next);
        e.into_bytes()
    };
    assert!(InputSet::decode(&probe(1, 0), &mut files).is_ok());
    assert!(InputSet::decode(&probe(2, 0), &mut files).is_err(), "a flag");
    assert!(InputSet::decode(&probe(0, 2), &mut files).is_err(), "a flag");
}
