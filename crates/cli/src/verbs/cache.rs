//! `rekindle cache`: where the store is, what is in it, whether it is whole, making room in it, carrying it elsewhere.

mod packs;

use std::path::{Path, PathBuf};

use rekindle_frontend::load::{Wanted, load};
use rekindle_frontend::sharing::Sharing;
use rekindle_frontend::size;
use rekindle_store::disk::{Count, Disk, Since, Stats, Trimmed, Verified};
use serde_json::{Value, json};

use crate::args::{CacheVerb, Format};
use crate::environment::Environment;
use crate::failure::{Failure, Kind};
use crate::place;
use crate::session::load_request;
use crate::settings::Settings;
use crate::store::{self, LIMIT, Place, trouble};

/// Does what is asked with the store that a build here would use.
pub(super) fn cache(
    settings: &Settings,
    environment: &Environment,
    given: Option<&Path>,
    what: &CacheVerb,
) -> Result<(), Failure> {
    let (path, sharing) = find(settings, environment, given)?;
    let limit = sharing.max_size.unwrap_or(LIMIT);
    let answer = match what {
        CacheVerb::Path => Answer::new(format!("{}\n", path.display()), json!({ "verb": "path" })),
        CacheVerb::Import { files } => {
            packs::import(&store::open(&path, limit)?, files, &environment.directory)?
        }
        CacheVerb::Export { .. } if !path.exists() => return Err(packs::nothing_to_export(&path)),
        _ if !path.exists() => nothing(&path),
        CacheVerb::Export { file, all, used_since } => {
            let since = if *all { None } else { Some(used_since.unwrap_or(Since::LastBuild)) };
            packs::export(&store::open(&path, limit)?, since, file, &environment.directory)?
        }
        CacheVerb::Stats => stats(&store::open(&path, limit)?, limit)?,
        CacheVerb::Verify => verify(&store::open(&path, limit)?)?,
        CacheVerb::Trim { max_size, used_since } => {
            trim(&store::open(&path, limit)?, *used_since, max_size.unwrap_or(limit))?
        }
    };
    let Answer { text, mut object, failure } = answer;
    if settings.format == Format::Json {
        object["event"] = "cache".into();
        object["path"] = path.display().to_string().into();
        super::answer(format!("{object}\n"))?;
    } else {
        super::answer(text)?;
    }
    failure.map_or(Ok(()), Err)
}

/// What a verb says, and whether it is a failure.
struct Answer {
    text: String,
    object: Value,
    failure: Option<Failure>,
}

impl Answer {
    fn new(text: String, object: Value) -> Self {
        Self { text, object, failure: None }
    }
}

/// The store that a build here would use, and what the manifest says, if there is one.
pub(super) fn find(
    settings: &Settings,
    environment: &Environment,
    given: Option<&Path>,
) -> Result<(PathBuf, Sharing), Failure> {
    let sharing = match place::Place::look(settings, given)? {
        Some(place) => {
            let project = load(&place.shown, &load_request(settings, environment, Wanted::Default))?;
            project.sharing().clone()
        }
        None => Sharing::default(),
    };
    match Place::find(settings, environment, &sharing) {
        Place::At(path) | Place::Within(path) => Ok((path, sharing)),
        Place::Off => {
            let what = "no store is used here";
            Err(Failure::input(what).hint("`--store DIR` names one that is not in use"))
        }
        Place::Unknown => {
            let what = "there is no store: neither XDG_CACHE_HOME nor HOME says where it could be";
            Err(Failure::input(what).hint("`--store DIR` names one"))
        }
    }
}

/// Nothing was stored yet.
fn nothing(path: &Path) -> Answer {
    Answer::new(format!("there is no store in {} yet\n", path.display()), json!({ "exists": false }))
}

fn stats(disk: &Disk, limit: u64) -> Result<Answer, Failure> {
    let stats = disk.stats().map_err(|error| trouble(&error))?;
    Ok(stats_answer(&stats, limit, disk.is_read_only()))
}

fn stats_answer(stats: &Stats, limit: u64, read_only: bool) -> Answer {
    let rows = [
        ("outputs", "blobs", stats.blobs),
        ("results", "results", stats.results),
        ("input sets", "sets", stats.sets),
        ("toolchains' answers", "notes", stats.notes),
        ("records of builds", "builds", stats.builds),
        ("set aside, damaged", "damaged", stats.damaged),
    ];
    let mut object = json!({ "verb": "stats", "exists": true, "read_only": read_only, "limit": limit });
    let mut text = String::new();
    for (shown, name, count) in rows {
        text.push_str(&row(shown, count));
        object[name] = json!({ "files": count.files, "bytes": count.bytes });
    }
    let total = stats.total();
    object["total"] = json!({ "files": total.files, "bytes": total.bytes });
    text.push_str(&row("all", total));
    text.push_str(&format!("{:<20} {:>8}   {:>10}\n", "limit", "", size::show(limit)));
    if read_only {
        text.push_str("it can be read, and not written\n");
    }
    Answer::new(text, object)
}

fn row(name: &str, count: Count) -> String {
    format!("{name:<20} {:>8}   {:>10}\n", count.files, size::show(count.bytes))
}

fn verify(disk: &Disk) -> Result<Answer, Failure> {
    let verified = disk.verify().map_err(|error| trouble(&error))?;
    Ok(verify_answer(&verified, disk.is_read_only()))
}

fn verify_answer(verified: &Verified, read_only: bool) -> Answer {
    let Verified { checked, damaged } = verified;
    let list: Vec<Value> = damaged
        .iter()
        .map(|damage| json!({ "file": damage.path.display().to_string(), "what": damage.what }))
        .collect();
    let object = json!({
        "verb": "verify",
        "exists": true,
        "checked": { "files": checked.files, "bytes": checked.bytes },
        "damaged": list,
        "set_aside": !damaged.is_empty() && !read_only,
    });
    if damaged.is_empty() {
        let text = format!("all is well: {} files, {}\n", checked.files, size::show(checked.bytes));
        return Answer::new(text, object);
    }
    let text = damaged.iter().map(|damage| format!("{}: {}\n", damage.path.display(), damage.what)).collect();
    let files = if damaged.len() == 1 { "file was" } else { "files were" };
    let what = format!("{} {files} damaged", damaged.len());
    let failure = if read_only {
        Failure::new(Kind::Trouble, format!("{what}, and cannot be set aside: the store cannot be written"))
            .hint("what is damaged is never used")
    } else {
        Failure::new(Kind::Trouble, format!("{what} and set aside")).hint("what is missing is built again")
    };
    Answer { text, object, failure: Some(failure) }
}

fn trim(disk: &Disk, since: Option<Since>, to: u64) -> Result<Answer, Failure> {
    let trimmed = since.map_or_else(|| disk.trim(to), |since| disk.trim_used(since, to));
    Ok(trim_answer(&trimmed.map_err(|error| trouble(&error))?))
}

fn trim_answer(trimmed: &Trimmed) -> Answer {
    let Trimmed { removed, left } = trimmed;
    let text = format!(
        "{} files removed, {}; {} left, {}\n",
        removed.files,
        size::show(removed.bytes),
        left.files,
        size::show(left.bytes)
    );
    let count = |count: &Count| json!({ "files": count.files, "bytes": count.bytes });
    let object = json!({ "verb": "trim", "exists": true, "removed": count(removed), "left": count(left) });
    Answer::new(text, object)
}

#[cfg(test)]
mod tests {
    use rekindle_store::disk::Damage;

    use super::*;

    fn told(answer: &Answer) -> String {
        let failure = answer.failure.as_ref().map(|failure| format!("{} {}", failure.code(), failure.text()));
        format!("{}{}{}\n", answer.text, failure.unwrap_or_default(), answer.object)
    }

    #[test]
    fn what_is_in_a_store_is_a_table_or_an_object() {
        let count = |files, bytes| Count { files, bytes };
        let stats = Stats {
            blobs: count(1204, 98_500_000),
            results: count(1190, 4_874_240),
            sets: count(1100, 4_505_600),
            notes: count(12, 49_152),
            builds: count(3, 12_288),
            damaged: count(1, 4096),
            limit: 10_000_000_000,
        };
        insta::assert_snapshot!(told(&stats_answer(&stats, stats.limit, true)), @r#"
        outputs                  1204      98.5 MB
        results                  1190       4.8 MB
        input sets               1100       4.5 MB
        toolchains' answers        12      49.1 kB
        records of builds           3      12.2 kB
        set aside, damaged          1       4.0 kB
        all                      3510     107.9 MB
        limit                              10.0 GB
        it can be read, and not written
        {"blobs":{"bytes":98500000,"files":1204},"builds":{"bytes":12288,"files":3},"damaged":{"bytes":4096,"files":1},"exists":true,"limit":10000000000,"notes":{"bytes":49152,"files":12},"read_only":true,"results":{"bytes":4874240,"files":1190},"sets":{"bytes":4505600,"files":1100},"total":{"bytes":107945376,"files":3510},"verb":"stats"}
        "#);
    }

    #[test]
    fn what_a_trim_came_to_is_a_line_or_an_object() {
        let trimmed = Trimmed {
            removed: Count { files: 1204, bytes: 98_500_000 },
            left: Count { files: 3, bytes: 12_288 },
        };
        insta::assert_snapshot!(told(&trim_answer(&trimmed)), @r#"
        1204 files removed, 98.5 MB; 3 left, 12.2 kB
        {"exists":true,"left":{"bytes":12288,"files":3},"removed":{"bytes":98500000,"files":1204},"verb":"trim"}
        "#);
    }

    #[test]
    fn damage_is_listed_and_a_failure() {
        let checked = Count { files: 3, bytes: 12_288 };
        let damage = |name: &str| Damage { path: name.into(), what: "it does not have its size" };
        let all = [
            verify_answer(&Verified { checked, damaged: vec![] }, false),
            verify_answer(&Verified { checked, damaged: vec![damage("/s/v2/blobs/ab/abc")] }, false),
            verify_answer(&Verified { checked, damaged: vec![damage("/s/a"), damage("/s/b")] }, true),
        ];
        insta::assert_snapshot!(all.map(|answer| told(&answer)).join(""), @r#"
        all is well: 3 files, 12.2 kB
        {"checked":{"bytes":12288,"files":3},"damaged":[],"exists":true,"set_aside":false,"verb":"verify"}
        /s/v2/blobs/ab/abc: it does not have its size
        3 rekindle: 1 file was damaged and set aside
          hint: what is missing is built again
        {"checked":{"bytes":12288,"files":3},"damaged":[{"file":"/s/v2/blobs/ab/abc","what":"it does not have its size"}],"exists":true,"set_aside":true,"verb":"verify"}
        /s/a: it does not have its size
        /s/b: it does not have its size
        3 rekindle: 2 files were damaged, and cannot be set aside: the store cannot be written
          hint: what is damaged is never used
        {"checked":{"bytes":12288,"files":3},"damaged":[{"file":"/s/a","what":"it does not have its size"},{"file":"/s/b","what":"it does not have its size"}],"exists":true,"set_aside":false,"verb":"verify"}
        "#);
    }
}
