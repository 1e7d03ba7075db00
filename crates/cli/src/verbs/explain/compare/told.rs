//! What a comparison came to, in words and in JSON.

use std::fmt::Write as _;

use rekindle_engine::compare::{Cause, Comparison, Verdict, groups};
use rekindle_fingerprint::files::Files;
use rekindle_fingerprint::ingredients::Value;
use rekindle_scheduler::Graph;
use rekindle_scheduler::graph::ActionId;
use serde_json::json;

use crate::reporter::title;

/// How many actions of a group are named without `-v`.
const NAMED: usize = 3;

/// What there is to tell.
pub(super) struct Told<'a> {
    pub(super) graph: &'a Graph,
    pub(super) files: &'a Files,
    pub(super) comparisons: &'a [Comparison],
    /// With what was compared.
    pub(super) with: String,
    /// Whether every action is named.
    pub(super) verbose: bool,
}

impl Told<'_> {
    /// For people: each difference once, with the actions that have it, causes first.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{} compared with {}\n", actions(self.comparisons.len()), self.with);
        let roots = self.files.roots();
        for group in groups(self.comparisons) {
            let _ = writeln!(text, "{}: {}", actions(group.ids.len()), group.difference.show(roots));
            self.list(&mut text, group.ids.iter().map(|id| self.title(*id)));
        }
        let of = |this: Verdict| self.all(move |verdict| (*verdict == this).then(Vec::new));
        let never = self.all(|verdict| match verdict {
            Verdict::NotShared(why) => Some(vec![why.clone()]),
            _ => None,
        });
        let other = of(Verdict::Same { other_bytes: true });
        for (one, many, group) in [
            ("was not made there", "were not made there", of(Verdict::NotThere)),
            ("is never shared", "are never shared", never),
            ("gave other files there from the same", "gave other files there from the same", other),
            ("differs by what follows", "differ by what follows", self.following()),
        ] {
            self.group(&mut text, if group.len() == 1 { one } else { many }, group);
        }
        let same = of(Verdict::Same { other_bytes: false }).len();
        if same == self.comparisons.len() {
            text.push_str("nothing differs\n");
        } else if same > 0 {
            let are = if same == 1 { "is" } else { "are" };
            let _ = writeln!(text, "{} {are} made of the same there", actions(same));
        }
        text
    }

    /// The actions that differ only because others do, and in what.
    fn following(&self) -> Vec<(ActionId, Vec<String>)> {
        self.all(|verdict| match verdict {
            Verdict::Differs(causes) if causes.iter().all(|cause| cause.follows.is_some()) => {
                Some(causes.iter().map(|cause| self.follows(cause)).collect())
            }
            _ => None,
        })
    }

    /// The actions with verdicts that `say` something of, and what it says.
    fn all(&self, say: impl Fn(&Verdict) -> Option<Vec<String>>) -> Vec<(ActionId, Vec<String>)> {
        self.comparisons.iter().filter_map(|one| Some((one.id, say(&one.verdict)?))).collect()
    }

    fn group(&self, text: &mut String, what: &str, group: Vec<(ActionId, Vec<String>)>) {
        if group.is_empty() {
            return;
        }
        let _ = writeln!(text, "{} {what}", actions(group.len()));
        let line = |(id, says): (ActionId, Vec<String>)| {
            // Without `-v`, one reason is enough.
            let shown = if self.verbose { says.len() } else { 1 };
            let more = says.len().saturating_sub(shown);
            let mut line = [self.title(id)].into_iter().chain(says.into_iter().take(shown));
            let line = line.by_ref().collect::<Vec<_>>().join("\n        ");
            if more == 0 { line } else { format!("{line}\n        and {more} more") }
        };
        self.list(text, group.into_iter().map(line));
    }

    fn list(&self, text: &mut String, names: impl ExactSizeIterator<Item = String>) {
        let all = names.len();
        // A line that says "1 more" says less than the one that it stands for.
        let shown = if self.verbose || all == NAMED + 1 { all } else { NAMED };
        for name in names.take(shown) {
            let _ = writeln!(text, "    {name}");
        }
        if all > shown {
            let _ = writeln!(text, "    and {} more (-v names them)", all - shown);
        }
    }

    fn title(&self, id: ActionId) -> String {
        let action = self.graph.action(id);
        title(action.kind, &action.name)
    }

    fn follows(&self, cause: &Cause) -> String {
        let difference = cause.difference.show(self.files.roots());
        match cause.follows {
            Some(from) => format!("{difference}; follows from {}", self.title(from)),
            None => difference.to_string(),
        }
    }

    /// For programs: an object a line and action.
    pub(super) fn json(&self) -> String {
        let mut text = String::new();
        for Comparison { id, verdict } in self.comparisons {
            let action = self.graph.action(*id);
            let outputs: Vec<String> = action.outputs.iter().map(|path| self.files.show(*path)).collect();
            let mut object = json!({
                "event": "comparison",
                "id": id.index(),
                "kind": action.kind.name(),
                "name": action.name,
                "outputs": outputs,
                "verdict": name(verdict),
            });
            match verdict {
                Verdict::Differs(causes) => {
                    object["differences"] = causes.iter().map(|cause| self.cause(cause)).collect();
                }
                Verdict::NotShared(why) => object["why"] = why.as_str().into(),
                Verdict::Same { .. } | Verdict::NotThere => {}
            }
            let _ = writeln!(text, "{object}");
        }
        text
    }

    fn cause(&self, cause: &Cause) -> serde_json::Value {
        let Cause { difference, follows } = cause;
        let roots = self.files.roots();
        json!({
            "what": difference.what.name(),
            "name": difference.name.show(roots),
            "there": value(&difference.there),
            "here": value(&difference.here),
            "text": difference.show(roots).to_string(),
            "follows": follows.map(ActionId::index),
        })
    }
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Same { other_bytes: false } => "same",
        Verdict::Same { other_bytes: true } => "other_files",
        Verdict::Differs(_) => "differs",
        Verdict::NotThere => "not_there",
        Verdict::NotShared(_) => "not_shared",
    }
}

fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::Missing => serde_json::Value::Null,
        Value::Present => true.into(),
        Value::Absent => json!({ "absent": true }),
        Value::Text(text) => text.as_str().into(),
        Value::Words(words) => words.clone().into(),
        Value::Content(short) => json!({ "content": short.to_string() }),
        Value::ToCome => json!({ "made_anew": true }),
    }
}

fn actions(count: usize) -> String {
    if count == 1 { "1 action".into() } else { format!("{count} actions") }
}
