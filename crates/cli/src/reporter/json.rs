//! One JSON object a line on standard output, for programs; people read standard error beside it. The format is
//! described in `docs/format/events.md`, and only ever grows.

use std::collections::BTreeMap;
use std::time::Duration;

use rekindle_engine::event::{ArchiveReport, Counts, Event, Outcome, Report, StoreUse, Summary};
use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::reason::StaleReason;
use rekindle_frontend::diagnostic::{Diagnostic, Place};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::plain::Plain;
use super::{Closing, Heading, Options, Reporter, wording};
use crate::ansi;
use crate::failure::{Failure, Kind, Said};
use crate::output::Stream;
use crate::testing::TestReport;

/// The JSON reporter.
pub(crate) struct Json {
    stream: Stream,
    human: Plain,
    heading: Heading,
    options: Options,
}

impl Json {
    /// One that writes objects to `stream` and lets `human` tell people.
    pub(crate) fn new(stream: Stream, human: Plain, heading: Heading, options: Options) -> Self {
        Self { stream, human, heading, options }
    }

    fn line(&mut self, object: &impl Serialize) {
        // Plain structs and maps with text keys always have a JSON form.
        if let Ok(mut line) = serde_json::to_vec(object) {
            line.push(b'\n');
            self.stream.raw(&line);
        }
    }

    fn diagnostic(&mut self, severity: &'static str, message: &str) {
        self.line(&Told { severity, message: message.to_string(), ..Told::default() });
    }

    fn action(&mut self, report: &Report) {
        let bound = self.options.sharing && wording::is_kept_from_others(report);
        let told = self.options.verbose || self.options.fresh || bound || report.archive.is_some();
        if report.outcome != Outcome::Fresh || told {
            let remarks = &report.remarks;
            self.line(&Action {
                event: "action",
                id: report.id.0,
                kind: report.kind.name(),
                name: &report.name,
                outputs: &report.outputs,
                outcome: report.outcome.name(),
                reason: report.reasons.first().map(reason),
                reasons: report.reasons.iter().map(reason).collect(),
                ms: report.ms,
                failure: report.failure.as_deref(),
                bound: remarks.bound.as_deref(),
                volatile: remarks.volatile.is_some(),
                volatile_by: remarks.volatile.as_deref(),
                local: remarks.local.as_deref(),
                unprovable: remarks.unprovable.as_deref(),
                unrecorded: remarks.unrecorded.as_deref(),
                archive: report.archive.as_deref().map(archive),
            });
        }
        if !report.printed.is_empty() {
            let severity = if report.outcome == Outcome::Failed { "error" } else { "warning" };
            self.line(&Told {
                severity,
                message: text(&report.printed),
                action: Some(report.id.0),
                ..Told::default()
            });
        }
    }
}

#[derive(Serialize)]
struct Action<'a> {
    event: &'static str,
    id: u32,
    kind: &'static str,
    name: &'a str,
    outputs: &'a [String],
    outcome: &'static str,
    reason: Option<Value>,
    reasons: Vec<Value>,
    ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    volatile: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    volatile_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unprovable: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unrecorded: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<Value>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename = "diagnostic")]
struct Told {
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            severity: "note",
            message: String::new(),
            action: None,
            file: None,
            line: None,
            column: None,
            request: None,
            why: None,
            hint: None,
        }
    }
}

#[derive(Serialize)]
struct Started<'a> {
    event: &'static str,
    version: &'static str,
    profile: &'a str,
    targets: &'a [String],
    jobs: usize,
    dry_run: bool,
    total: usize,
}

#[derive(Serialize)]
struct TestEnded<'a> {
    event: &'static str,
    name: &'a str,
    outcome: &'static str,
    how: String,
    ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

#[derive(Serialize)]
struct Ended<'a> {
    event: &'static str,
    outcome: &'static str,
    exit_code: u8,
    wall_ms: u64,
    actions: Actions,
    kinds: Kinds,
    processes_spawned: u64,
    files: FileCost,
    bound_by: &'a BTreeMap<String, u64>,
    store: Option<Shared>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tests: Option<Tests<'a>>,
}

#[derive(Serialize)]
struct Actions {
    total: u64,
    fresh: u64,
    restored: u64,
    ran: u64,
    failed: u64,
    skipped: u64,
    would_run: u64,
    bound: u64,
    volatile: u64,
    local: u64,
    left: u64,
}

#[derive(Serialize)]
struct OfKind {
    fresh: u64,
    restored: u64,
    ran: u64,
    failed: u64,
    skipped: u64,
    would_run: u64,
}

#[derive(Serialize)]
struct Kinds {
    compile: OfKind,
    archive: OfKind,
    link: OfKind,
    custom: OfKind,
    auto_archive: OfKind,
}

#[derive(Serialize)]
struct FileCost {
    signed: u64,
    hashed: u64,
    hashed_bytes: u64,
}

#[derive(Serialize)]
struct Shared {
    hits: u64,
    misses: u64,
    stored: u64,
    bytes_read: u64,
    bytes_written: u64,
    path: Option<String>,
}

#[derive(Serialize)]
struct Tests<'a> {
    total: usize,
    passed: usize,
    failed: &'a [String],
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a command printed, for people who read JSON: without colours, and as well as UTF-8 can say it.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&ansi::strip(bytes)).into_owned()
}

/// What is told of an archive that another build tool makes.
fn archive(archive: &ArchiveReport) -> Value {
    let profile: Map<String, Value> =
        archive.profile.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    json!({
        "profile": profile,
        "inputs": archive.inputs,
        "hashed_bytes": archive.hashed_bytes,
        "lock_wait_ms": archive.lock_wait_ms,
        "processes": archive.commands,
        "tool_absent": archive.absent,
    })
}

/// A reason as data: its name, what it is about, and the sentence.
fn reason(reason: &StaleReason) -> Value {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| {
        fields.insert(key.to_string(), value);
    };
    put("kind", reason.name().into());
    put("text", reason.to_string().into());
    if let Some(path) = reason.path() {
        put("path", path.into());
    }
    match reason {
        StaleReason::ArgumentsChanged { removed, added }
        | StaleReason::ProductsChanged { removed, added } => {
            put("removed", json!(removed));
            put("added", json!(added));
        }
        StaleReason::EnvironmentChanged { name, before, now } => {
            put("name", json!(name));
            put("before", json!(before));
            put("now", json!(now));
        }
        StaleReason::ProfileChanged { key, before, now } => {
            put("key", json!(key));
            put("before", json!(before));
            put("now", json!(now));
        }
        StaleReason::LinkChanged { before, now, .. } => {
            put("before", json!(before));
            put("now", json!(now));
        }
        StaleReason::DirectoryChanged { before, now } => {
            put("before", json!(before));
            put("now", json!(now));
        }
        StaleReason::ToolchainChanged { toolchain, parts } => {
            put("toolchain", json!(toolchain));
            put("parts", json!(parts));
        }
        StaleReason::LookupAppeared { name, directory } | StaleReason::LookupGone { name, directory } => {
            put("name", json!(name));
            put("directory", json!(directory));
        }
        StaleReason::Unprovable { why } => put("why", json!(why)),
        _ => {}
    }
    Value::Object(fields)
}

fn told(said: &Said) -> Told {
    match said {
        Said::Sentence { message, hint } => {
            Told { severity: "error", message: message.clone(), hint: hint.clone(), ..Told::default() }
        }
        Said::Diagnostic(diagnostic) => placed(diagnostic),
    }
}

fn placed(diagnostic: &Diagnostic) -> Told {
    let Diagnostic { place, message, why, hint } = diagnostic;
    let mut told = Told {
        severity: "error",
        message: message.clone(),
        why: why.clone(),
        hint: hint.clone(),
        ..Told::default()
    };
    match place {
        Place::Request(words) => told.request = Some(words.clone()),
        Place::File(path, excerpt) => {
            told.file = Some(path.display().to_string());
            told.line = excerpt.as_ref().map(|excerpt| excerpt.line);
            told.column = excerpt.as_ref().map(|excerpt| excerpt.column);
        }
    }
    told
}

fn of_kind(summary: &Summary, kind: ActionKind) -> OfKind {
    let at = ActionKind::ALL.iter().position(|known| *known == kind);
    let counts = at.map_or_else(Counts::default, |at| summary.kinds[at]);
    let Counts { fresh, restored, ran, failed, skipped, would_run } = counts;
    OfKind { fresh, restored, ran, failed, skipped, would_run }
}

fn ended(closing: &Closing) -> Ended<'_> {
    let Closing { summary, failure, tests, wall, code, .. } = closing;
    let outcome = match failure {
        Some(Failure { kind: Kind::Interrupted, .. }) => "interrupted",
        Some(Failure { kind: Kind::Failed, .. }) => "failed",
        Some(_) => "error",
        None if tests.as_ref().is_some_and(|tests| !tests.failed.is_empty()) => "failed",
        None => summary.outcome.name(),
    };
    let Counts { fresh, restored, ran, failed, skipped, would_run } = summary.actions;
    let Summary { total, bound, volatile, local, left, .. } = *summary;
    Ended {
        event: "summary",
        outcome,
        exit_code: *code,
        wall_ms: millis(*wall),
        actions: Actions {
            total,
            fresh,
            restored,
            ran,
            failed,
            skipped,
            would_run,
            bound,
            volatile,
            local,
            left,
        },
        kinds: Kinds {
            compile: of_kind(summary, ActionKind::Compile),
            archive: of_kind(summary, ActionKind::Archive),
            link: of_kind(summary, ActionKind::Link),
            custom: of_kind(summary, ActionKind::Custom),
            auto_archive: of_kind(summary, ActionKind::AutoArchive),
        },
        processes_spawned: summary.processes_spawned,
        files: FileCost {
            signed: summary.files.signed,
            hashed: summary.files.hashed,
            hashed_bytes: summary.files.hashed_bytes,
        },
        bound_by: &summary.bound_by,
        store: summary.store.as_ref().map(shared),
        tests: tests.as_ref().map(|tests| Tests {
            total: tests.passed + tests.failed.len(),
            passed: tests.passed,
            failed: &tests.failed,
        }),
    }
}

fn shared(used: &StoreUse) -> Shared {
    let StoreUse { place, hits, misses, stored, bytes_read, bytes_written, failed: _ } = used;
    Shared {
        hits: *hits,
        misses: *misses,
        stored: *stored,
        bytes_read: *bytes_read,
        bytes_written: *bytes_written,
        path: place.as_ref().map(|path| path.display().to_string()),
    }
}

impl Reporter for Json {
    fn event(&mut self, event: &Event, at: Duration) {
        self.human.event(event, at);
        match event {
            Event::Waiting(waiting) => self.diagnostic("note", &wording::waiting(waiting)),
            Event::ToolIsBusy { archive, holder } => {
                self.diagnostic("note", &wording::tool_is_busy(archive, holder));
            }
            Event::Notice(text) => self.diagnostic("note", text),
            Event::Started { total } => {
                let Heading { profile, targets, jobs, dry_run } = self.heading.clone();
                self.line(&Started {
                    event: "started",
                    version: env!("CARGO_PKG_VERSION"),
                    profile: &profile,
                    targets: &targets,
                    jobs,
                    dry_run,
                    total: *total,
                });
            }
            Event::ActionFinished(report) => self.action(report),
            Event::ActionStarted { .. } | Event::Progress(_) => {}
        }
    }

    fn test(&mut self, report: &TestReport, at: Duration) {
        self.human.test(report, at);
        let passed = report.passed();
        let shown = !passed || self.options.verbose;
        self.line(&TestEnded {
            event: "test",
            name: &report.name,
            outcome: if passed { "passed" } else { "failed" },
            how: wording::outcome_of_test(report),
            ms: millis(report.wall),
            output: shown.then(|| text(&report.output)),
        });
    }

    fn note(&mut self, text: &str) {
        self.human.note(text);
        self.diagnostic("note", text);
    }

    fn notice(&mut self, notice: &Diagnostic) {
        self.human.notice(notice);
        self.line(&Told { severity: "note", ..placed(notice) });
    }

    fn finish(&mut self, closing: &Closing) {
        for said in closing.failure.iter().flat_map(|failure| &failure.said) {
            self.line(&told(said));
        }
        self.line(&ended(closing));
        self.human.finish(closing);
    }

    fn trouble(&mut self) -> Result<(), Failure> {
        self.stream.finish().and(self.human.trouble())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::output::tests::Buffer;

    fn shown(options: Options, play: impl FnOnce(&mut Json)) -> (String, String) {
        let (out, err) = (Buffer::default(), Buffer::default());
        let heading =
            Heading { profile: "debug".into(), targets: vec!["app".into()], jobs: 4, dry_run: false };
        let human = Plain::new(err.stream(false), Options::default());
        play(&mut Json::new(out.stream(false), human, heading, options));
        (out.take(), err.take())
    }

    #[test]
    fn each_event_is_one_object_on_one_line_and_the_summary_is_last() {
        let (out, err) = shown(Options::default(), samples::play);
        for line in out.lines() {
            assert!(serde_json::from_str::<Value>(line).unwrap().is_object(), "{line}");
        }
        assert!(err.contains("FAILED"), "people read standard error");
        insta::assert_snapshot!(out, @r#"
        {"event":"diagnostic","severity":"note","message":"waiting for another build in this build directory: process 41, rekindle test"}
        {"event":"started","version":"0.1.0","profile":"debug","targets":["app"],"jobs":4,"dry_run":false,"total":12}
        {"event":"diagnostic","severity":"note","message":"the flag `-fmystery` is not known"}
        {"event":"diagnostic","severity":"warning","message":"src/old.c:1: warning: dusty\n","action":2}
        {"event":"action","id":3,"kind":"compile","name":"src/a.c","outputs":["build:obj/src/a.c.o"],"outcome":"ran","reason":{"kind":"input_changed","path":"src/a.h","text":"`src/a.h` changed"},"reasons":[{"kind":"input_changed","path":"src/a.h","text":"`src/a.h` changed"}],"ms":120}
        {"event":"action","id":4,"kind":"compile","name":"src/b.c","outputs":["build:obj/src/b.c.o"],"outcome":"failed","reason":{"kind":"never_built","text":"not built here yet"},"reasons":[{"kind":"never_built","text":"not built here yet"}],"ms":120,"failure":"exit code 1"}
        {"event":"diagnostic","severity":"error","message":"src/b.c:1: error: no","action":4}
        {"event":"action","id":5,"kind":"compile","name":"src/c.c","outputs":["build:obj/src/c.c.o"],"outcome":"ran","reason":null,"reasons":[],"ms":120,"volatile":true,"volatile_by":"`__DATE__` in `src/c.c`","local":"the flag `-fmystery`","unrecorded":"`src/c.h` changed while it ran"}
        {"event":"summary","outcome":"failed","exit_code":1,"wall_ms":1240,"actions":{"total":12,"fresh":2,"restored":0,"ran":2,"failed":1,"skipped":7,"would_run":0,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":115,"restored":0,"ran":1,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null}
        "#);
    }

    #[test]
    fn a_notice_is_an_object_with_its_place_and_a_line_for_people() {
        let source = rekindle_frontend::diagnostic::Source {
            path: "rekindle.toml".into(),
            text: "[toolchain.avr]\n".into(),
        };
        let notice = Diagnostic::at(&source, &(11..14), "`fw` is left out: the toolchain `avr` is missing")
            .why("no C compiler was found: searched for `avr-gcc` on PATH")
            .hint("install it");
        let (out, err) = shown(Options::default(), |json| json.notice(&notice));
        insta::assert_snapshot!(out, @r#"{"event":"diagnostic","severity":"note","message":"`fw` is left out: the toolchain `avr` is missing","file":"rekindle.toml","line":1,"column":12,"why":"no C compiler was found: searched for `avr-gcc` on PATH","hint":"install it"}"#);
        insta::assert_snapshot!(err, @"rekindle: rekindle.toml:1:12: `fw` is left out: the toolchain `avr` is missing (no C compiler was found: searched for `avr-gcc` on PATH)");
    }

    #[test]
    fn fresh_actions_are_told_when_asked_for() {
        let (out, _) = shown(Options { verbose: true, ..Options::default() }, |json| {
            json.event(&samples::fresh(), Duration::ZERO);
        });
        insta::assert_snapshot!(out, @r#"{"event":"action","id":1,"kind":"compile","name":"src/quiet.c","outputs":["build:obj/src/quiet.c.o"],"outcome":"fresh","reason":null,"reasons":[],"ms":0}"#);
    }

    #[test]
    fn what_ended_a_build_early_is_a_diagnostic_with_its_place() {
        let (out, _) = shown(Options::default(), |json| {
            for (_, closing) in samples::closings() {
                json.finish(&closing);
            }
        });
        insta::assert_snapshot!(out, @r#"
        {"event":"summary","outcome":"ok","exit_code":0,"wall_ms":1240,"actions":{"total":116,"fresh":115,"restored":0,"ran":1,"failed":0,"skipped":0,"would_run":0,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":115,"restored":0,"ran":1,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null}
        {"event":"summary","outcome":"ok","exit_code":0,"wall_ms":1240,"actions":{"total":116,"fresh":116,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null}
        {"event":"summary","outcome":"ok","exit_code":0,"wall_ms":1240,"actions":{"total":116,"fresh":114,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":2,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null}
        {"event":"summary","outcome":"failed","exit_code":1,"wall_ms":1240,"actions":{"total":12,"fresh":2,"restored":0,"ran":2,"failed":1,"skipped":7,"would_run":0,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":115,"restored":0,"ran":1,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null}
        {"event":"summary","outcome":"interrupted","exit_code":130,"wall_ms":1240,"actions":{"total":12,"fresh":2,"restored":0,"ran":2,"failed":1,"skipped":7,"would_run":0,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":115,"restored":0,"ran":1,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null}
        {"event":"summary","outcome":"ok","exit_code":0,"wall_ms":1240,"actions":{"total":116,"fresh":116,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null,"tests":{"total":3,"passed":3,"failed":[]}}
        {"event":"summary","outcome":"failed","exit_code":1,"wall_ms":1240,"actions":{"total":116,"fresh":115,"restored":0,"ran":1,"failed":0,"skipped":0,"would_run":0,"bound":0,"volatile":1,"local":0,"left":0},"kinds":{"compile":{"fresh":115,"restored":0,"ran":1,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":4,"files":{"signed":1700,"hashed":1,"hashed_bytes":5120},"bound_by":{},"store":null,"tests":{"total":5,"passed":3,"failed":["bad","slow"]}}
        {"event":"diagnostic","severity":"error","message":"the manifest has no such target","request":"ap","hint":"did you mean `app`?"}
        {"event":"summary","outcome":"error","exit_code":2,"wall_ms":1240,"actions":{"total":0,"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0,"bound":0,"volatile":0,"local":0,"left":0},"kinds":{"compile":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":0,"files":{"signed":0,"hashed":0,"hashed_bytes":0},"bound_by":{},"store":null}
        {"event":"diagnostic","severity":"error","message":"cannot write the journal","hint":"buy a disk"}
        {"event":"summary","outcome":"error","exit_code":3,"wall_ms":1240,"actions":{"total":0,"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0,"bound":0,"volatile":0,"local":0,"left":0},"kinds":{"compile":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":0,"files":{"signed":0,"hashed":0,"hashed_bytes":0},"bound_by":{},"store":null}
        {"event":"diagnostic","severity":"error","message":"interrupted"}
        {"event":"summary","outcome":"interrupted","exit_code":130,"wall_ms":1240,"actions":{"total":0,"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0,"bound":0,"volatile":0,"local":0,"left":0},"kinds":{"compile":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":0,"files":{"signed":0,"hashed":0,"hashed_bytes":0},"bound_by":{},"store":null}
        {"event":"summary","outcome":"ok","exit_code":0,"wall_ms":1240,"actions":{"total":16,"fresh":0,"restored":15,"ran":1,"failed":0,"skipped":0,"would_run":0,"bound":14,"volatile":0,"local":0,"left":0},"kinds":{"compile":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"link":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"custom":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0},"auto_archive":{"fresh":0,"restored":0,"ran":0,"failed":0,"skipped":0,"would_run":0}},"processes_spawned":0,"files":{"signed":0,"hashed":0,"hashed_bytes":0},"bound_by":{"`-DHERE=<ws>`":2,"`__FILE__` in `src/a.c`":1,"`b.cfg`":7,"`c.cfg`":4},"store":{"hits":15,"misses":1,"stored":1,"bytes_read":40960,"bytes_written":512,"path":"/home/me/.cache/rekindle"}}
        "#);
    }

    #[test]
    fn tests_are_events() {
        let (out, _) = shown(Options::default(), |json| {
            for report in samples::tests() {
                json.test(&report, Duration::ZERO);
            }
        });
        insta::assert_snapshot!(out, @r#"
        {"event":"test","name":"good","outcome":"passed","how":"ok","ms":120}
        {"event":"test","name":"bad","outcome":"failed","how":"exited with code 3","ms":120,"output":"expected 1,\nfound 2"}
        {"event":"test","name":"slow","outcome":"failed","how":"ran out of time after 0.12 s","ms":120,"output":""}
        {"event":"test","name":"dead","outcome":"failed","how":"was killed by signal 11 (SIGSEGV)","ms":120,"output":"ouch\n"}
        {"event":"test","name":"gone","outcome":"failed","how":"cannot run `/w/gone`: there is no such file","ms":120,"output":""}
        "#);
    }

    #[test]
    fn a_reason_is_data_and_a_sentence() {
        let changed =
            StaleReason::EnvironmentChanged { name: "CPATH".into(), before: None, now: Some("x".into()) };
        insta::assert_snapshot!(reason(&changed).to_string(), @r#"{"before":null,"kind":"environment_changed","name":"CPATH","now":"x","text":"environment variable CPATH was unset, is `x`"}"#);
    }

    #[test]
    fn a_changed_profile_and_a_changed_link_say_both_values() {
        let profile =
            StaleReason::ProfileChanged { key: "target".into(), before: None, now: Some("x".into()) };
        insta::assert_snapshot!(reason(&profile).to_string(), @r#"{"before":null,"key":"target","kind":"profile_changed","now":"x","text":"profile key `target` was unset, is `x`"}"#);
        let link = StaleReason::LinkChanged { path: "a".into(), before: Some("b".into()), now: None };
        insta::assert_snapshot!(reason(&link).to_string(), @r#"{"before":"b","kind":"link_changed","now":null,"path":"a","text":"link `a` is gone"}"#);
    }

    #[test]
    fn an_archive_is_told_with_its_profile_and_its_costs() {
        let report = ArchiveReport {
            profile: vec![("target".into(), "avr".into())],
            inputs: 12,
            hashed_bytes: 40,
            lock_wait_ms: 15,
            commands: 2,
            absent: Some("cargo".into()),
        };
        insta::assert_snapshot!(archive(&report).to_string(), @r#"{"hashed_bytes":40,"inputs":12,"lock_wait_ms":15,"processes":2,"profile":{"target":"avr"},"tool_absent":"cargo"}"#);
    }
}
