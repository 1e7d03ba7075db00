//! What enters a key is among the ingredients; and ingredients survive the bytes.

use std::fs;
use std::path::Path;

use super::*;
use crate::action::{Arg, Discovery, Part};
use crate::digest::Blob;
use crate::key::{ActionDigest, first_key};
use crate::lookup::{Hit, Search};
use crate::scan::Mentions;
use crate::stamp::Output;

/// An action that has run, with something of everything on which a result can depend.
struct Scene {
    _dir: tempfile::TempDir,
    files: Files,
    action: Action,
    discovered: Vec<(PathId, bool)>,
    deferred: Vec<PathId>,
    lookups: Lookups,
    bound: Option<Bound>,
}

fn probe(name: &str) -> Probe {
    Probe { name: name.as_bytes().into(), angled: false, next: false }
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for name in ["a.c", "b.c", "tool", "include/a.h", "include/b.h", "data.bin"] {
            fs::create_dir_all(base.join(name).parent().unwrap()).unwrap();
            fs::write(base.join(name), name).unwrap();
        }
        let mut files = Files::new(Roots::new(&base, base.join("out")));
        files.roots_mut().add(Root::new("sys.host", "/usr")).unwrap();
        let mut path = |name: &str| files.path(Roots::WORKSPACE, name);
        let (top, a, b, tool) = (path(""), path("a.c"), path("b.c"), path("tool"));
        let (include, header, other) = (path("include"), path("include/a.h"), path("include/b.h"));
        let (gone, data) = (path("gone.h"), path("data.bin"));
        let output = files.path(Roots::BUILD, "obj/a.o");
        let host = files.roots().by_name("sys.host").unwrap();
        let system = files.path(host, "include");
        let argv = ["cc", "-O2", "-DX=1", "-g"].map(Arg::from).to_vec();
        let mut action = Action::new(ActionKind::Custom, "a", argv, top, vec![output]);
        action.argv.push(Arg::path(a));
        action.env = vec![("CPATH".into(), "/opt".into()), ("LC_ALL".into(), "C".into())];
        action.inputs = vec![a, b, tool];
        let part = |name: &str, text: &str| Part { name: name.into(), digest: Digest::of(text.as_bytes()) };
        let parts = vec![part("cc1", "cc1"), part("as", "as")];
        action.identity = Some(Arc::new(Identity::new("gcc", parts, Vec::new())));
        let search = Search { dirs: vec![include, system], near: true };
        action.discovery = Discovery {
            depfiles: vec![DepfileFormat::Trace],
            search: Some(search.clone()),
            scan: true,
            also_searched: vec![b"libm.so".to_vec()],
            ..Discovery::default()
        };
        let hit = Hit { dir: include, name: b"a"[..].into(), file: true };
        let lookups = Lookups {
            search,
            twins: vec![(system, include)],
            from: vec![top],
            read: vec![header, other],
            probes: vec![probe("x.h")],
            hits: vec![hit],
            ..Lookups::default()
        };
        let discovered = vec![(header, true), (other, true), (gone, false), (data, true)];
        let mut scene =
            Self { _dir: dir, files, action, discovered, deferred: vec![data], lookups, bound: None };
        scene.look();
        scene
    }

    fn path(&mut self, name: &str) -> PathId {
        self.files.path(Roots::WORKSPACE, name)
    }

    fn edit(&mut self, name: &str) {
        let path = self.path(name);
        fs::write(self.files.abs(path), "edited").unwrap();
    }

    fn look(&mut self) {
        let all: Vec<PathId> = self.files.ids().collect();
        self.files.observe_again(&all);
    }

    fn stamp(&mut self) -> Stamp {
        self.look();
        let content = |path: PathId| self.files.content(path);
        let mut stamp = Stamp {
            kind: self.action.kind,
            identity: self.action.identity.as_ref().map(|identity| identity.digest),
            declared: self.action.inputs.iter().map(|path| (*path, content(*path).unwrap())).collect(),
            executables: self.action.executables(&self.files),
            discovered: self.discovered.iter().map(|(path, _)| (*path, content(*path))).collect(),
            lookups: self.action.discovery.search.as_ref().map(|_| self.lookups.clone()),
            deferred: self.deferred.clone(),
            outputs: Vec::<Output>::new(),
            links: Vec::new(),
            left: false,
            holds: self.bound.clone().map_or(Holds::Everywhere, Holds::AtRoots),
            volatile: None,
            unprovable: None,
            printed: Vec::new(),
            duration_ms: 0,
            shared: None,
            command: self.action.command(&mut self.files),
        };
        stamp.discovered.sort_unstable();
        stamp
    }

    fn ingredients(&mut self) -> Ingredients {
        let stamp = self.stamp();
        Ingredients::of(&self.action, &stamp, &self.files)
    }

    /// The name of its result.
    fn key(&mut self) -> ActionDigest {
        let stamp = self.stamp();
        let key = first_key(&self.action, &stamp.command, &self.files).unwrap();
        let set = crate::key::InputSet::of(&stamp);
        let digest = set.action_digest(key, stamp.lookups.as_ref(), &self.files).unwrap();
        self.bound.as_ref().map_or(digest, |bound| digest.bound(bound))
    }
}

type Change = (&'static str, fn(&mut Scene));

/// One for each ingredient.
const CHANGES: &[Change] = &[
    ("kind", |s| s.action.kind = ActionKind::AutoArchive),
    ("output", |s| {
        let more = s.files.path(Roots::BUILD, "obj/a.d");
        s.action.outputs.push(more);
    }),
    ("link", |s| {
        let link = s.files.path(Roots::BUILD, "a.so");
        s.action.links.push((link, "a.so.1".into()));
    }),
    ("toolchain", |s| {
        let part = Part { name: "cc1".into(), digest: Digest::of(b"another") };
        s.action.identity = Some(Arc::new(Identity::new("gcc", vec![part], Vec::new())));
    }),
    ("no toolchain", |s| s.action.identity = None),
    ("argument", |s| s.action.argv[2] = "-DX=2".into()),
    ("argument gone", |s| drop(s.action.argv.remove(3))),
    ("argument more", |s| s.action.argv.insert(1, "-Wall".into())),
    ("two arguments", |s| {
        s.action.argv[1] = "-O0".into();
        s.action.argv[3] = "-g3".into();
    }),
    ("order of arguments", |s| s.action.argv.swap(1, 3)),
    ("variable", |s| s.action.env[0].1 = "/srv".into()),
    ("variable gone", |s| drop(s.action.env.remove(0))),
    ("variable more", |s| s.action.env.push(("SOURCE_DATE_EPOCH".into(), "1".into()))),
    ("order of variables", |s| s.action.env.swap(0, 1)),
    ("directory", |s| {
        // Named absolutely, so that the arguments stay what they are.
        s.action.argv.pop();
        s.action.cwd = s.path("include");
        let a = s.path("a.c");
        s.action.argv.push(Arg::text("<").then_text("no"));
        s.action.argv.pop();
        s.action.argv.push(Arg::path(a));
    }),
    ("input edited", |s| s.edit("a.c")),
    ("input gone", |s| s.action.inputs.truncate(2)),
    ("input more", |s| {
        let more = s.path("data.bin");
        s.action.inputs.push(more);
    }),
    ("order of inputs", |s| s.action.inputs.swap(0, 1)),
    ("executable", |s| {
        use std::os::unix::fs::PermissionsExt;
        let tool = s.path("tool");
        fs::set_permissions(s.files.abs(tool), fs::Permissions::from_mode(0o755)).unwrap();
    }),
    ("header edited", |s| s.edit("include/a.h")),
    ("header appeared", |s| s.edit("gone.h")),
    ("header gone", |s| {
        let header = s.path("include/a.h");
        fs::remove_file(s.files.abs(header)).unwrap();
    }),
    ("header not read", |s| {
        s.discovered.remove(0);
        s.lookups.read.remove(0);
    }),
    ("not deferred", |s| s.deferred.clear()),
    ("how depfiles are read", |s| s.action.discovery.depfiles.clear()),
    ("scan", |s| s.action.discovery.scan = false),
    ("payloads in depfiles", |s| s.action.discovery.incbin_in_depfile = true),
    ("assembled later", |s| s.action.discovery.assembled_later = true),
    ("also searched", |s| s.action.discovery.also_searched.push(b"libc.so".to_vec())),
    ("fixed", |s| s.action.discovery.fixed = Mentions::DATE),
    ("no search", |s| s.action.discovery.search = None),
    ("search directory", |s| {
        let more = s.path("more");
        s.action.discovery.search.as_mut().unwrap().dirs.push(more);
    }),
    ("order of search", |s| s.action.discovery.search.as_mut().unwrap().dirs.swap(0, 1)),
    ("search near", |s| s.action.discovery.search.as_mut().unwrap().near = false),
    ("searched from", |s| s.lookups.from.clear()),
    ("read by search", |s| s.lookups.read.truncate(1)),
    ("probe", |s| s.lookups.probes.push(Probe { angled: true, next: true, ..probe("y.h") })),
    ("twin", |s| s.lookups.twins.clear()),
    ("found", |s| s.lookups.hits.clear()),
    ("system place", |s| {
        let root = s.files.roots_mut().add(Root::new("local", "/usr/local")).unwrap();
        let output = s.files.path(root, "lib/a");
        s.action.outputs.push(output);
    }),
    ("bound", |s| s.bound = Some(Bound::here(["sys.host".into()], "why", s.files.roots()))),
];

#[test]
fn whatever_changes_a_key_is_named_with_both_values() {
    let mut told = String::new();
    for (what, change) in CHANGES {
        let mut scene = Scene::new();
        let (key, there) = (scene.key(), scene.ingredients());
        change(&mut scene);
        assert_ne!(scene.key(), key, "{what} enters the key");
        let here = scene.ingredients();
        let differences = Ingredients::differences(&there, &here);
        assert!(!differences.is_empty(), "{what} is no ingredient");
        told.push_str(&format!("{what}\n"));
        for difference in differences {
            told.push_str(&format!("    {}\n", difference.show(scene.files.roots())));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_made_of_the_same_elsewhere_has_no_differences_and_the_same_bytes() {
    let (mut one, mut other) = (Scene::new(), Scene::new());
    assert_eq!(one.key(), other.key());
    let (one, other) = (one.ingredients(), other.ingredients());
    assert_eq!(Ingredients::differences(&one, &other), []);
    assert_eq!(one.encode(), other.encode());
}

#[test]
fn what_was_written_reads_back_and_nothing_shorter_or_longer_does() {
    let mut scene = Scene::new();
    let plain = scene.ingredients();
    scene.bound = Some(Bound::here(["ws".into(), "build".into()], "why", scene.files.roots()));
    scene.action.identity = None;
    scene.action.discovery.search = None;
    let stamp = scene.stamp();
    for all in [plain, scene.ingredients(), Ingredients::of_stamp(&stamp, &scene.files)] {
        let bytes = all.encode();
        assert_eq!(Ingredients::decode(&bytes), Ok(all));
        for end in 1..bytes.len() {
            assert_eq!(Ingredients::decode(&bytes[..end]), Err(Unreadable::Malformed), "{end}");
        }
        assert_eq!(Ingredients::decode(&[&bytes[..], b"x"].concat()), Err(Unreadable::Malformed));
        let other = [&[bytes[0] + 1], &bytes[1..]].concat();
        assert_eq!(Ingredients::decode(&other), Err(Unreadable::OtherVersion));
    }
    assert_eq!(Ingredients::decode(b""), Err(Unreadable::Silent));
}

#[test]
fn damaged_bytes_are_refused_or_read_and_never_panic() {
    let bytes = Scene::new().ingredients().encode();
    let mut read = 0;
    for at in 1..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            read += usize::from(Ingredients::decode(&damaged).is_ok());
        }
    }
    assert!(read > 0);
}

#[test]
fn a_few_bytes_do_not_grow_into_more_than_memory_holds() {
    let mut out = vec![1, 0, ActionKind::Compile.code(), 0, 0];
    // A text of half a megabyte, and a hundred thousand that begin with all of it.
    let number = |mut value: usize| {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    };
    out.extend(number(100_001));
    out.push(0);
    out.extend(number(500_000));
    out.extend(vec![b'x'; 500_000]);
    for _ in 0..100_000 {
        out.extend(number(500_000));
        out.push(0);
    }
    assert_eq!(Ingredients::decode(&out), Err(Unreadable::Malformed));
    let many = [&[1, 0, ActionKind::Compile.code(), 0][..], &number(0xffff_ffff)].concat();
    assert_eq!(Ingredients::decode(&many), Err(Unreadable::Malformed));
}

#[test]
fn what_a_stamp_alone_does_not_say_is_no_difference() {
    let mut scene = Scene::new();
    let stamp = scene.stamp();
    let (whole, alone) = (scene.ingredients(), Ingredients::of_stamp(&stamp, &scene.files));
    assert_eq!(Ingredients::differences(&alone, &whole), []);
    assert_eq!(Ingredients::differences(&whole, &alone), []);
}

#[test]
fn the_parts_of_a_toolchain_read_back_and_differ_by_name() {
    let part = |name: &str, text: &str| Part { name: name.into(), digest: Digest::of(text.as_bytes()) };
    let identity = |parts: Vec<Part>| Identity::new("gcc 12.2.0, compile C", parts, Vec::new());
    let there = identity(vec![part("cc1", "one"), part("as", "as"), part("ld", "ld")]);
    let here = identity(vec![part("cc1", "two"), part("as", "as"), part("specs", "specs")]);
    assert_ne!(parts_name(&there.digest), parts_name(&here.digest));
    let bytes = encode_parts(&there);
    for end in 1..bytes.len() {
        assert_eq!(decode_parts(&bytes[..end]), Err(Unreadable::Malformed));
    }
    assert_eq!(decode_parts(&[&bytes[..], b"x"].concat()), Err(Unreadable::Malformed));
    assert_eq!(decode_parts(&[9]), Err(Unreadable::OtherVersion));
    let (there, here) = (decode_parts(&bytes).unwrap(), decode_parts(&encode_parts(&here)).unwrap());
    let roots = Roots::new("/w", "/w/out");
    let told: Vec<String> = part_differences(&there, &here)
        .iter()
        .map(|difference| difference.show(&roots).to_string())
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn long_command_lines_differ_in_as_little_as_can_be() {
    let word = |text: String| text.into_bytes().into_boxed_slice();
    let mut scene = Scene::new();
    let mut there = scene.ingredients();
    let mut here = there.clone();
    there.argv = (0..40).map(|at| word(format!("-I{at}"))).collect();
    here.argv.clone_from(&there.argv);
    here.argv[3] = word("-Iother".into());
    here.argv.remove(20);
    here.argv.splice(30..30, (0..8).map(|at| word(format!("-L{at}"))));
    let roots = Roots::new("/w", "/w/out");
    let told: Vec<String> = Ingredients::differences(&there, &here)
        .iter()
        .map(|difference| difference.show(&roots).to_string())
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    // Too long for care: told as one.
    there.argv = (0..3000).map(|at| word(format!("-I{at}"))).collect();
    here.argv = (0..3000).map(|at| word(format!("-I{}", at * 2 + 1))).collect();
    assert_eq!(Ingredients::differences(&there, &here).len(), 1);
}

/// A compile with fifty headers, as they are met: what it takes to keep of what it was made.
#[test]
fn the_ingredients_of_a_compile_with_fifty_headers_take_less_than_two_kilobytes() {
    let mut files = Files::new(Roots::new("/home/me/project", "/home/me/project/.rekindle/build/debug"));
    files.roots_mut().add(Root::new("sys.host", "/")).unwrap();
    let host = files.roots().by_name("sys.host").unwrap();
    let top = files.path(Roots::WORKSPACE, "");
    let source = files.path(Roots::WORKSPACE, "src/parser/expression.c");
    let output = files.path(Roots::BUILD, "obj/app/src/parser/expression.c.o");
    let mut action = Action::new(ActionKind::Compile, "x", vec!["/usr/bin/gcc".into()], top, vec![output]);
    for word in ["-O2", "-g", "-Wall", "-Wextra", "-std=c11", "-DNDEBUG", "-DVERSION=\"1.2.3\"", "-c", "-MD"]
    {
        action.argv.push(word.into());
    }
    action.argv.extend([Arg::path(source), "-o".into(), Arg::path(output)]);
    action.env.push(("LC_ALL".into(), "C".into()));
    action.inputs = vec![source];
    action.identity = Some(Arc::new(Identity::new("gcc", Vec::new(), Vec::new())));
    let names = ["types", "wchar", "stdint-uintn", "select", "struct_mutex", "thread-shared-types", "endian"];
    let headers: Vec<PathId> = (0..50)
        .map(|at| match at % 2 {
            0 => files.path(Roots::WORKSPACE, format!("include/module{}/{}.h", at / 10, names[at % 7])),
            _ => files.path(host, format!("usr/include/x86_64-linux-gnu/bits/{}{at}.h", names[at % 7])),
        })
        .collect();
    let dirs: Vec<PathId> = ["include", "src"].map(|dir| files.path(Roots::WORKSPACE, dir)).to_vec();
    let search = Search { dirs, near: true };
    action.discovery.search = Some(search.clone());
    let content = files.content_id(Blob::of(b""));
    let contents: Vec<ContentId> =
        (0..50).map(|at| files.content_id(Blob::of(format!("{at}").as_bytes()))).collect();
    let stamp = Stamp {
        kind: action.kind,
        identity: action.identity.as_ref().map(|identity| identity.digest),
        declared: vec![(source, content)],
        executables: Vec::new(),
        discovered: headers.iter().copied().zip(contents.into_iter().map(Some)).collect(),
        lookups: Some(Lookups { search, from: vec![top], read: headers, ..Lookups::default() }),
        deferred: Vec::new(),
        outputs: Vec::new(),
        links: Vec::new(),
        left: false,
        holds: Holds::Everywhere,
        volatile: None,
        unprovable: None,
        printed: Vec::new(),
        duration_ms: 0,
        shared: None,
        command: action.command(&mut files),
    };
    let all = Ingredients::of(&action, &stamp, &files);
    let bytes = all.encode();
    assert!(bytes.len() < 2048, "{} bytes", bytes.len());
    assert_eq!(Ingredients::decode(&bytes), Ok(all));
    assert!(Path::new("/home/me").is_absolute() && !bytes.windows(8).any(|window| window == b"/home/me"));
}

#[test]
fn where_the_build_directory_lies_is_said_once() {
    let word = |text: &str| text.as_bytes().into();
    let mut there = Scene::new().ingredients();
    let mut here = there.clone();
    let argv = |dir: &str| {
        ["cc", "-MF", "OUT/tmp/a.d", "-I", "OUT", "-o", "OUT/obj/a.o", "OUTer"]
            .map(|text| word(&text.replace("OUT", dir)))
    };
    (there.argv, here.argv) = (argv("out/debug").to_vec(), argv("out/release").to_vec());
    let roots = Roots::new("/w", "/w/out");
    let told = |there: &Ingredients, here: &Ingredients| {
        let differences = Ingredients::differences(there, here);
        differences
            .iter()
            .map(|difference| difference.show(&roots).to_string())
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(told(&there, &here), @"
    build directory: `out/debug` there, `out/release` here
    arguments: `out/debuger` there, `out/releaseer` here
    ");
    here.argv.push(word("-g"));
    here.argv[7] = word("out/debuger");
    insta::assert_snapshot!(told(&there, &here), @"
    build directory: `out/debug` there, `out/release` here
    arguments: not there, `-g` here
    ");
}
