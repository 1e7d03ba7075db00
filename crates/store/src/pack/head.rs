//! The first member: a short text for people and programs. It says of which format the rest is.

use super::FORMAT;

/// The longest text.
pub(super) const LONGEST: u64 = 4096;

/// What the text says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The version of the rekindle that packed it.
    pub(super) version: String,
    pub(super) blobs: u64,
    /// Of the blobs.
    pub(super) bytes: u64,
    pub(super) sets: u64,
    pub(super) notes: u64,
    pub(super) results: u64,
    pub(super) builds: u64,
}

/// What is wrong with a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Newer(u64),
    Bad(&'static str),
}

impl Head {
    /// A line `rekindle pack 1`, then a line for each field: its name, a space, what it is.
    pub(super) fn text(&self) -> String {
        let Self { version, blobs, bytes, sets, notes, results, builds } = self;
        format!(
            "rekindle pack {FORMAT}\nversion {version}\nblobs {blobs}\nbytes {bytes}\nsets {sets}\n\
             notes {notes}\nresults {results}\nbuilds {builds}\n"
        )
    }

    /// Reads what [`Head::text`] wrote, and nothing else.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Wrong> {
        const NO_TEXT: Wrong = Wrong::Bad("what it says about itself is not as a pack says it");
        let text = std::str::from_utf8(bytes).map_err(|_| NO_TEXT)?;
        let mut lines = text.lines();
        let first = lines.next().and_then(|line| line.strip_prefix("rekindle pack "));
        let format: u64 = first.and_then(|number| number.parse().ok()).ok_or(NO_TEXT)?;
        if format > FORMAT {
            return Err(Wrong::Newer(format));
        }
        if format < FORMAT {
            return Err(Wrong::Bad("its format is one that never was"));
        }
        let mut field = |name: &str| {
            lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' ')).ok_or(NO_TEXT)
        };
        let version = field("version")?.to_string();
        let mut number = |name: &str| field(name)?.parse().map_err(|_| NO_TEXT);
        let head = Self {
            version,
            blobs: number("blobs")?,
            bytes: number("bytes")?,
            sets: number("sets")?,
            notes: number("notes")?,
            results: number("results")?,
            builds: number("builds")?,
        };
        if head.text().as_bytes() == bytes { Ok(head) } else { Err(NO_TEXT) }
    }

    /// How many of each there are, with their names.
    pub(super) fn counts(&self) -> [(u64, &'static str); 5] {
        [
            (self.blobs, "blobs"),
            (self.sets, "input sets"),
            (self.notes, "notes"),
            (self.results, "results"),
            (self.builds, "records of builds"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Head {
        Head { version: "1.2.3".into(), blobs: 1, bytes: 2, sets: 3, notes: 4, results: 5, builds: 6 }
    }

    #[test]
    fn what_was_written_reads_back_and_nothing_else_does() {
        let text = sample().text();
        assert_eq!(Head::read(text.as_bytes()), Ok(sample()));
        for end in 0..text.len() {
            assert!(Head::read(&text.as_bytes()[..end]).is_err());
        }
        let others =
            [text.replace("sets 3", "sets 03"), text.replace("sets 3", "sets +3"), text.clone() + "\n", {
                text.replace('\n', "\r\n")
            }];
        for other in others {
            assert!(Head::read(other.as_bytes()).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_newer_format_is_told_whatever_follows() {
        assert_eq!(Head::read(b"rekindle pack 2\nanything"), Err(Wrong::Newer(2)));
        assert_eq!(
            Head::read(b"rekindle pack 0\nanything"),
            Err(Wrong::Bad("its format is one that never was"))
        );
    }
}
