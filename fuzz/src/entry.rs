//! What a store knows of an action, and what one build used: the payloads of a result and of a record.

use rekindle_store::{Build, Entry};

/// Decodes `data` as both; what it means has one spelling, and the names of a record are in order.
pub fn run(data: &[u8]) {
    if let Ok(entry) = Entry::decode(data) {
        assert_eq!(entry.encode(), data, "{entry:?}");
    }
    if let Ok(build) = Build::decode(data) {
        assert_eq!(build.encode(), data, "{build:?}");
        let mut sorted = build.clone();
        sorted.sort();
        assert_eq!(sorted, build);
    }
}
