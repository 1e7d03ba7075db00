//! Writes what is made from the key table: `docs/rekindle.schema.json`, and the key lists in `docs/manifest.md`.

use std::fs;
use std::path::Path;

use rekindle_frontend::schema::{manual, schema};

#[expect(clippy::disallowed_methods, reason = "this is a tool for who changes the key table")]
fn main() -> std::io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::write(docs.join("rekindle.schema.json"), schema())?;
    let page = docs.join("manifest.md");
    fs::write(&page, manual(&fs::read_to_string(&page)?))
}
