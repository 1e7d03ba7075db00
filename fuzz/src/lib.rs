//! What the fuzz targets do: each module takes bytes that nobody wrote on purpose to one reader, and checks what must
//! hold whatever they are. No reader panics, hangs, asks for memory without bound or writes where it should not; what
//! it understood, it writes and reads again as the same.
//!
//! Checksums keep a fuzzer out, so the targets whose files have them make files around the fuzzed bytes as the pages in
//! `docs/format` say: nothing in the readers knows of fuzzing. The same modules are compiled into a test of the command
//! line (`crates/cli/tests/corpora.rs`), which gives them every input in `corpus`.

pub mod depfile;
pub mod entry;
pub mod inputs;
pub mod journal;
pub mod manifest;
pub mod pack;
pub mod parts;
pub mod place;
pub mod portable;
pub mod snapshot;
pub mod store;
