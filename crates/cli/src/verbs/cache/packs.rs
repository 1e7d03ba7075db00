//! `rekindle cache export` and `import`: what builds used, in one file, and from there into another store.

use std::path::{Path, PathBuf};

use rekindle_frontend::size;
use rekindle_store::disk::{Disk, Since};
use rekindle_store::pack::{self, Content, Imported, Missing, Packed};
use serde_json::{Value, json};

use super::Answer;
use crate::failure::{Failure, Kind, without_numbers};
use crate::store::trouble;

/// Packs what builds used since then, or everything, into `file`, which lies in `directory` if it is relative.
pub(super) fn export(
    disk: &Disk,
    since: Option<Since>,
    file: &Path,
    directory: &Path,
) -> Result<Answer, Failure> {
    let packed = pack::export(disk, since, &directory.join(file)).map_err(failure)?;
    Ok(export_answer(&packed, file))
}

fn export_answer(packed: &Packed, file: &Path) -> Answer {
    let Packed { results, sets, notes, builds, blobs, bytes, size, missing } = packed;
    let file = file.display().to_string();
    let mut text = format!(
        "{results} results with {blobs} files, {}, packed into {file}: {}\n",
        size::show(*bytes),
        size::show(*size)
    );
    let gone = [
        (missing.results, "results"),
        (missing.blobs, "files"),
        (missing.sets, "input sets"),
        (missing.notes, "answers of toolchains"),
    ];
    let gone = gone.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{what} {count}"));
    let gone: Vec<String> = gone.collect();
    if !gone.is_empty() {
        text.push_str(&format!("left out, because the store has them no more: {}\n", gone.join(", ")));
    }
    let Missing { results: no_results, blobs: no_blobs, sets: no_sets, notes: no_notes } = missing;
    let object = json!({
        "verb": "export",
        "exists": true,
        "file": file,
        "size": size,
        "results": results,
        "blobs": { "files": blobs, "bytes": bytes },
        "sets": sets,
        "notes": notes,
        "builds": builds,
        "missing": { "results": no_results, "blobs": no_blobs, "sets": no_sets, "notes": no_notes },
    });
    Answer::new(text, object)
}

/// Nothing to pack.
pub(super) fn nothing_to_export(path: &Path) -> Failure {
    Failure::input(format!("there is no store in {} yet", path.display())).hint("build first")
}

/// Brings packs into the store, one after the other up to the first that is refused, and makes room if it has grown over
/// its limit.
pub(super) fn import(disk: &Disk, files: &[PathBuf], directory: &Path) -> Result<Answer, Failure> {
    let (mut text, mut packs, mut wrong) = (String::new(), Vec::new(), None);
    for file in files {
        match pack::import(disk, &directory.join(file), Content::All) {
            Ok(imported) => {
                let (line, object) = import_line(&imported, file);
                text.push_str(&line);
                packs.push(object);
            }
            Err(error) => {
                wrong = Some(failure(error));
                break;
            }
        }
    }
    disk.trim_if_needed().map_err(|error| trouble(&error))?;
    let object = json!({ "verb": "import", "exists": true, "packs": packs });
    Ok(Answer { text, object, failure: wrong })
}

fn import_line(imported: &Imported, file: &Path) -> (String, Value) {
    let Imported { results, sets, notes, builds, blobs, bytes, new_blobs, left_out } = imported;
    let file = file.display().to_string();
    let mut line = format!(
        "{results} results with {blobs} files, {}, came from {file}; {new_blobs} of the files are new\n",
        size::show(*bytes)
    );
    if *left_out > 0 {
        line.push_str(&format!("left out, because a file of theirs went meanwhile: {left_out} results\n"));
    }
    let object = json!({
        "file": file,
        "results": results,
        "blobs": { "files": blobs, "bytes": bytes, "new": new_blobs },
        "sets": sets,
        "notes": notes,
        "builds": builds,
        "left_out": left_out,
    });
    (line, object)
}

/// What is wrong with a pack, or with the store.
fn failure(error: pack::Error) -> Failure {
    let text = without_numbers(&error.to_string());
    match error {
        pack::Error::Bad { .. } => {
            Failure::input(text).hint("nothing of it was taken; pack it anew with `rekindle cache export`")
        }
        pack::Error::Newer { .. } => Failure::input(text).hint("use that newer rekindle, or pack anew"),
        pack::Error::TooLarge { path, holds, limit } => {
            let (holds, limit) = (size::show(holds), size::show(limit));
            let path = path.display();
            Failure::input(format!("{path} holds {holds}, and the store may take {limit}"))
                .hint("`max-size` in [store] of the manifest says how much that is")
        }
        pack::Error::TooMuch { .. } => Failure::input(text).hint("pack less with `--used-since`"),
        pack::Error::Restless => Failure::new(Kind::Trouble, text).hint("pack when nothing is trimmed"),
        pack::Error::File { ref source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::input(text)
        }
        pack::Error::File { .. } => Failure::new(Kind::Trouble, text),
        pack::Error::Store(rekindle_store::Error::Unrecorded { ever: true, .. }) => {
            Failure::input(text).hint("build first: each build records what it uses; or pack `--all`")
        }
        pack::Error::Store(error) => trouble(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(answer: &Answer) -> String {
        format!("{}{}\n", answer.text, answer.object)
    }

    #[test]
    fn what_was_packed_and_what_was_left_out_is_told() {
        let mut packed = Packed {
            results: 617,
            sets: 613,
            notes: 5,
            builds: 1,
            blobs: 618,
            bytes: 101_398_364,
            size: 9_302_152,
            missing: Missing::default(),
        };
        let mut all = told(&export_answer(&packed, Path::new("../warm.pack")));
        packed.missing = Missing { results: 3, blobs: 2, sets: 0, notes: 1 };
        all += &told(&export_answer(&packed, Path::new("../warm.pack")));
        insta::assert_snapshot!(all, @r#"
        617 results with 618 files, 101.3 MB, packed into ../warm.pack: 9.3 MB
        {"blobs":{"bytes":101398364,"files":618},"builds":1,"exists":true,"file":"../warm.pack","missing":{"blobs":0,"notes":0,"results":0,"sets":0},"notes":5,"results":617,"sets":613,"size":9302152,"verb":"export"}
        617 results with 618 files, 101.3 MB, packed into ../warm.pack: 9.3 MB
        left out, because the store has them no more: results 3, files 2, answers of toolchains 1
        {"blobs":{"bytes":101398364,"files":618},"builds":1,"exists":true,"file":"../warm.pack","missing":{"blobs":2,"notes":1,"results":3,"sets":0},"notes":5,"results":617,"sets":613,"size":9302152,"verb":"export"}
        "#);
    }

    #[test]
    fn what_came_from_a_pack_is_told() {
        let imported = Imported {
            results: 617,
            sets: 613,
            notes: 5,
            builds: 1,
            blobs: 618,
            bytes: 101_398_364,
            new_blobs: 12,
            left_out: 0,
        };
        let (line, object) = import_line(&imported, Path::new("a.pack"));
        let (other, _) = import_line(&Imported { left_out: 2, ..imported }, Path::new("b.pack"));
        insta::assert_snapshot!(format!("{line}{object}\n{other}"), @r#"
        617 results with 618 files, 101.3 MB, came from a.pack; 12 of the files are new
        {"blobs":{"bytes":101398364,"files":618,"new":12},"builds":1,"file":"a.pack","left_out":0,"notes":5,"results":617,"sets":613}
        617 results with 618 files, 101.3 MB, came from b.pack; 12 of the files are new
        left out, because a file of theirs went meanwhile: 2 results
        "#);
    }

    #[test]
    fn what_is_wrong_with_a_pack_has_words_advice_and_a_code() {
        let path = || PathBuf::from("a.pack");
        let io = |code| std::io::Error::from_raw_os_error(code);
        let store = rekindle_store::Error::Unrecorded { path: "/s".into(), ever: true };
        let errors = [
            pack::Error::Bad { path: path(), what: "it ends early".into() },
            pack::Error::Newer { path: path(), format: 2 },
            pack::Error::TooLarge { path: path(), holds: 12_000_000_000, limit: 10_000_000_000 },
            pack::Error::TooMuch { what: "has 2000000 blobs, and a pack holds at most 1048576".into() },
            pack::Error::Restless,
            pack::Error::File { verb: "open", path: path(), source: io(2) },
            pack::Error::File { verb: "write", path: path(), source: io(28) },
            pack::Error::Store(store),
            pack::Error::Store(rekindle_store::Error::Io {
                verb: "write in",
                path: "/s/v2/tmp".into(),
                source: std::io::ErrorKind::ReadOnlyFilesystem.into(),
            }),
        ];
        let all = errors.map(failure).map(|failure| format!("{} {}", failure.code(), failure.text()));
        insta::assert_snapshot!(all.concat(), @"
        2 rekindle: a.pack is no pack that can be used: it ends early
          hint: nothing of it was taken; pack it anew with `rekindle cache export`
        2 rekindle: a.pack was packed by a newer rekindle (its format is 2)
          hint: use that newer rekindle, or pack anew
        2 rekindle: a.pack holds 12.0 GB, and the store may take 10.0 GB
          hint: `max-size` in [store] of the manifest says how much that is
        2 rekindle: what is to be packed has 2000000 blobs, and a pack holds at most 1048576
          hint: pack less with `--used-since`
        3 rekindle: what is to be packed changes all the time
          hint: pack when nothing is trimmed
        2 rekindle: cannot open a.pack: No such file or directory
        3 rekindle: cannot write a.pack: No space left on device
        2 rekindle: no build has recorded in /s what it used
          hint: build first: each build records what it uses; or pack `--all`
        3 rekindle: cannot write in /s/v2/tmp in the store: read-only filesystem or storage medium
        ");
    }
}
