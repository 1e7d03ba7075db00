//! The licences of the packages that are in the binary: most ask that their text goes along with it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// How the files begin in which packages keep what has to go along.
const NAMES: [&str; 5] = ["license", "licence", "copying", "copyright", "notice"];

/// What the text begins with.
const HEAD: &str = "\
The program holds parts of the packages below, each under its own licence. It also holds parts of Rust's standard
library (MIT OR Apache-2.0) and of the GNU C Library (LGPL-2.1-or-later): with rekindle's sources, it can be linked
with another version of that.
";

/// Which package said a text first.
type Said = BTreeMap<Vec<u8>, String>;

/// The text of all of them: of every package that `package` is made of for `target`, but the workspace's own.
pub(super) fn collect(root: &Path, package: &str, target: &str) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", target])
        .current_dir(root);
    let output = super::ask(&mut command)?;
    let metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let (mut text, mut said) = (HEAD.to_owned(), Said::new());
    for id in made_of(&metadata, package)? {
        let found = array(&metadata["packages"]).iter().find(|package| package["id"] == id.as_str());
        let Some(package) = found.filter(|package| !package["source"].is_null()) else { continue };
        text.push_str(&section(package, &mut said)?);
    }
    Ok(text)
}

/// The packages that are linked into `package`, itself included: not what builds or tests it, nor what writes code.
fn made_of(metadata: &Value, package: &str) -> Result<BTreeSet<String>, String> {
    let first = array(&metadata["packages"]).iter().find(|entry| entry["name"] == package);
    let first = first
        .and_then(|entry| entry["id"].as_str())
        .ok_or_else(|| format!("there is no package {package}"))?;
    let (mut found, mut ahead) = (BTreeSet::new(), vec![first]);
    while let Some(id) = ahead.pop() {
        let entry = array(&metadata["packages"]).iter().find(|entry| entry["id"] == id);
        let targets = entry.map_or(&[][..], |entry| array(&entry["targets"]));
        let writes_code =
            targets.iter().any(|target| array(&target["kind"]).iter().any(|kind| kind == "proc-macro"));
        if writes_code || !found.insert(id.to_owned()) {
            continue;
        }
        let node = array(&metadata["resolve"]["nodes"]).iter().find(|node| node["id"] == id);
        let parts = node.map_or(&[][..], |node| array(&node["deps"])).iter();
        let linked = parts.filter(|part| array(&part["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()));
        ahead.extend(linked.filter_map(|part| part["pkg"].as_str()));
    }
    Ok(found)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What one package says. A text that another one said is not said again.
fn section(package: &Value, said: &mut Said) -> Result<String, String> {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    let mut section =
        format!("\n{}\n{} {}: {}\n", "=".repeat(80), text("name"), text("version"), text("license"));
    let folder = Path::new(text("manifest_path")).parent().unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).map_err(|error| format!("list {}: {error}", folder.display()))?;
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if NAMES.iter().any(|begin| name.to_lowercase().starts_with(begin)) {
            let bytes = super::read(&file)?;
            let first = said.entry(bytes.clone());
            if let Entry::Occupied(first) = &first {
                section.push_str(&format!("\n--- {name}: as {} ---\n", first.get()));
                continue;
            }
            first.or_insert(format!("{name} of {} {}", text("name"), text("version")));
            section
                .push_str(&format!("\n--- {name} ---\n\n{}\n", String::from_utf8_lossy(&bytes).trim_end()));
        }
    }
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_counts_and_what_builds_or_tests_does_not() {
        let metadata: Value = serde_json::from_str(
            r#"{"packages": [{"name": "a", "id": "a"}, {"name": "b", "id": "b"},
                             {"name": "d", "id": "d", "targets": [{"kind": ["proc-macro"]}]}],
                "resolve": {"nodes": [
                  {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": "dev"}, {"kind": null}]},
                                       {"pkg": "t", "dep_kinds": [{"kind": "dev"}]},
                                       {"pkg": "m", "dep_kinds": [{"kind": "build"}]}]},
                  {"id": "b", "deps": [{"pkg": "c", "dep_kinds": [{"kind": null}]},
                                       {"pkg": "d", "dep_kinds": [{"kind": null}]},
                                       {"pkg": "a", "dep_kinds": [{"kind": null}]}]}]}}"#,
        )
        .unwrap();
        let found = made_of(&metadata, "a").unwrap();
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(made_of(&metadata, "x").is_err());
    }

    #[test]
    fn the_texts_of_a_package_go_along_and_its_other_files_do_not() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("LICENSE-MIT", "may be used\n"), ("NOTICE", "by X"), ("Cargo.toml", "private")]
        {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let package = serde_json::json!({
            "name": "p", "version": "1.0.0", "license": "MIT", "manifest_path": folder.path().join("Cargo.toml"),
        });
        let mut said = Said::new();
        let text = |said: &mut Said| {
            let section = section(&package, said).unwrap();
            section.split_once("==\n").unwrap().1.to_owned()
        };
        let full = "p 1.0.0: MIT\n\n--- LICENSE-MIT ---\n\nmay be used\n\n--- NOTICE ---\n\nby X\n";
        assert_eq!(text(&mut said), full);
        // Again, only where it was said.
        let short = "p 1.0.0: MIT\n\n--- LICENSE-MIT: as LICENSE-MIT of p 1.0.0 ---\n\n--- NOTICE: as NOTICE of p 1.0.0 ---\n";
        assert_eq!(text(&mut said), short);
    }
}
