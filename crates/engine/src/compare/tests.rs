//! What is there, and what can be said of it.

use rekindle_fingerprint::action::{Action, ActionKind, Arg, Identity, Part};
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::roots::Roots;
use rekindle_store::disk::Settings;
use rekindle_store::{ActionCache, ActionResult, Build, Disk, Entry, Origin, Product};

use super::*;
use crate::origin::identity_note;

struct Place {
    dir: tempfile::TempDir,
    files: Files,
    graph: Graph,
    history: History,
    store: Disk,
}

fn part(name: &str, text: &str) -> Part {
    Part { name: name.into(), digest: Digest::of(text.as_bytes()) }
}

impl Place {
    /// A source, what is made of it, and what is made of that.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        std::fs::write(base.join("a.c"), "int a;").unwrap();
        let mut files = Files::new(Roots::new(&base, base.join("out")));
        let (top, source) = (files.path(Roots::WORKSPACE, ""), files.path(Roots::WORKSPACE, "a.c"));
        let (object, program) = (files.path(Roots::BUILD, "a.o"), files.path(Roots::BUILD, "a"));
        let action = |kind, name, from, to| {
            let argv = vec!["cc".into(), Arg::path(from), "-o".into(), Arg::path(to)];
            let identity = Identity::new("cc", vec![part("cc1", "here"), part("as", "as")], Vec::new());
            let mut action = Action::new(kind, name, argv, top, vec![to]);
            action.inputs = vec![from];
            action.identity = Some(identity.into());
            action
        };
        let mut graph = Graph::new();
        graph.add(action(ActionKind::Compile, "a.c", source, object)).unwrap();
        graph.add(action(ActionKind::Link, "a", object, program)).unwrap();
        let history = History::open(&base.join("journal"), &mut files).unwrap();
        let settings = Settings { now: std::time::UNIX_EPOCH, limit: u64::MAX };
        let store = Disk::open(&base.join("store"), settings).unwrap();
        Self { dir, files, graph, history, store }
    }

    /// What an action would be made of here if what it reads holds this.
    fn made_of(&mut self, at: usize, text: &str) -> Ingredients {
        let (_, action) = self.graph.actions().nth(at).unwrap();
        let command = action.command(&mut self.files);
        let held = Held::Content(Short::from(&Digest::of(text.as_bytes())));
        let sight = Sight {
            kind: action.kind,
            command: &command,
            identity: action.identity.as_ref().map(|identity| identity.digest),
            declared: action.inputs.iter().map(|path| (*path, held)).collect(),
            executables: &[],
            discovered: Vec::new(),
            deferred: &[],
            lookups: None,
            bound: None,
        };
        Ingredients::seen(action, &sight, &self.files)
    }

    fn put(&self, name: &str, made_of: Vec<u8>, gives: &str) -> Digest {
        let name = Digest::of(name.as_bytes());
        let products = vec![Product { blob: Blob::of(gives.as_bytes()), executable: false }];
        let origin = Some(Origin { key: name, set: None, made_of });
        let result = ActionResult { products, origin, ..ActionResult::default() };
        self.store.put_entry(&name, &Entry::Made(result)).unwrap();
        name
    }

    fn compare(&mut self) -> (Vec<Verdict>, usize) {
        let wanted = products(&self.graph, &mut self.files);
        let there = There::of_store(&self.store, &wanted).unwrap();
        let ids: Vec<ActionId> = self.graph.actions().map(|(id, _)| id).collect();
        let all = compare(&self.graph, &mut self.files, &self.history, &there, &ids);
        (all.into_iter().map(|one| one.verdict).collect(), there.silent)
    }

    fn told(&self, verdict: &Verdict) -> Vec<(String, Option<usize>)> {
        let Verdict::Differs(causes) = verdict else { panic!("{verdict:?}") };
        let told = |cause: &Cause| {
            let text = cause.difference.show(self.files.roots()).to_string();
            (text, cause.follows.map(ActionId::index))
        };
        causes.iter().map(told).collect()
    }
}

const SAME: Verdict = Verdict::Same { other_bytes: false };

#[test]
fn what_is_made_of_the_same_there_is_what_others_read_here() {
    let mut place = Place::new();
    let (compile, link) = (place.made_of(0, "int a;"), place.made_of(1, "object"));
    place.put("compile", compile.encode(), "object");
    place.put("link", link.encode(), "program");
    assert_eq!(place.compare(), (vec![SAME, SAME], 0));
    // Nothing is known of what the link would read, once the object is not the same.
    std::fs::write(place.dir.path().join("a.c"), "int b;").unwrap();
    let source = place.files.path(Roots::WORKSPACE, "a.c");
    place.files.forget(source);
    let (verdicts, _) = place.compare();
    assert_eq!(place.told(&verdicts[0])[0].1, None);
    assert_eq!(place.told(&verdicts[1])[0].1, Some(0));
}

#[test]
fn results_that_do_not_say_of_what_they_were_made_are_counted_and_compared_with_nothing() {
    let mut place = Place::new();
    let mut other = place.made_of(0, "int a;").encode();
    other[0] += 1;
    place.put("silent", Vec::new(), "object");
    place.put("another version", other, "object");
    place.put("no sense", vec![1, 2, 3], "object");
    let nothing = Entry::Made(ActionResult::default());
    place.store.put_entry(&Digest::of(b"no origin"), &nothing).unwrap();
    assert_eq!(place.compare(), (vec![Verdict::NotThere, Verdict::NotThere], 4));
}

#[test]
fn the_parts_of_a_toolchain_are_told_if_they_were_noted_and_else_that_it_is_another() {
    let mut place = Place::new();
    let identity = Identity::new("cc", vec![part("cc1", "there"), part("as", "as")], Vec::new());
    let made = Ingredients { identity: Some(identity.digest), ..place.made_of(0, "int a;") };
    place.put("compile", made.encode(), "object");
    let (verdicts, _) = place.compare();
    let told = place.told(&verdicts[0]);
    assert!(told.len() == 1 && told[0].0.starts_with("the toolchain: "), "{told:?}");
    let (name, note) = identity_note(&identity);
    place.store.put_note(&name, &note).unwrap();
    let (verdicts, _) = place.compare();
    let told = place.told(&verdicts[0]);
    assert!(told.len() == 1 && told[0].0.starts_with("toolchain part cc1: "), "{told:?}");
    let Verdict::Differs(causes) = &verdicts[0] else { panic!() };
    assert_ne!(causes[0].difference.there, causes[0].difference.here);
}

#[test]
fn of_counterparts_that_are_as_near_the_one_that_the_last_build_used_is_taken() {
    for last in ["one", "two"] {
        let mut place = Place::new();
        let mut names = Vec::new();
        for text in ["one", "two"] {
            let made = place.made_of(0, text);
            names.push((text, place.put(text, made.encode(), text)));
        }
        for (text, name) in &names {
            if *text == last {
                place.store.put_build(&Build { results: vec![*name], notes: Vec::new() }).unwrap();
            }
        }
        let (verdicts, _) = place.compare();
        let Verdict::Differs(causes) = &verdicts[0] else { panic!("{verdicts:?}") };
        assert_eq!(causes[0].difference.there, Value::Content(Short::from(&Digest::of(last.as_bytes()))));
    }
}

#[test]
fn a_name_that_leads_out_of_its_root_is_no_path_here() {
    let mut place = Place::new();
    let mut made = place.made_of(0, "int a;");
    for rel in ["../../etc/passwd", "/etc/passwd", "out/a.o"] {
        let name = Named { root: "ws".into(), rel: rel.as_bytes().into() };
        made.discovered = vec![(name.clone(), Held::Absent)];
        place.put("compile", made.encode(), "object");
        let (verdicts, _) = place.compare();
        let Verdict::Differs(causes) = &verdicts[0] else { panic!("{rel}: {verdicts:?}") };
        let difference = &causes[0].difference;
        assert_eq!((&difference.name, &difference.here), (&Name::Path(name), &Value::Missing), "{rel}");
    }
}
