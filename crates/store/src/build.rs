//! What one build used, so that a store can be trimmed to what builds use, and what they use can be carried elsewhere.

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};

/// The record of a build: the names of everything in a store that it used. What these name in turn (blobs, input sets)
/// is reached through them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// The names of results, sorted: action digests, and the names of what is bound to a place.
    pub results: Vec<Digest>,
    /// The names of notes, sorted.
    pub notes: Vec<Digest>,
}

impl Build {
    /// Brings the names into their order, each once.
    pub fn sort(&mut self) {
        for names in [&mut self.results, &mut self.notes] {
            names.sort_unstable();
            names.dedup();
        }
    }

    /// The list of results, the list of notes: digests, sorted, without repetition.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        for names in [&self.results, &self.notes] {
            e.list(names, |e, name| {
                e.digest(name);
            });
        }
        e.into_bytes()
    }

    /// Reads what [`Build::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are no such encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut d = Decoder::new(bytes);
        let mut names = || {
            let names = d.list(Decoder::digest)?;
            if names.is_sorted_by(|one, next| one < next) { Ok(names) } else { Err(Malformed) }
        };
        let build = Self { results: names()?, notes: names()? };
        d.end()?;
        Ok(build)
    }

    /// Its name in a store: the digest of its encoding.
    pub fn name(&self) -> Digest {
        Digest::of(&self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_reads_back_and_nothing_shorter_longer_or_out_of_order_does() {
        let names = |texts: &[&str]| texts.iter().map(|text| Digest::of(text.as_bytes())).collect();
        let mut build = Build { results: names(&["a", "b", "c", "b"]), notes: names(&["d"]) };
        build.sort();
        assert_eq!((build.results.len(), build.notes.len()), (3, 1));
        let bytes = build.encode();
        assert_eq!(Build::decode(&bytes), Ok(build.clone()));
        for end in 0..bytes.len() {
            assert_eq!(Build::decode(&bytes[..end]), Err(Malformed));
        }
        assert_eq!(Build::decode(&[&bytes[..], b"x"].concat()), Err(Malformed));
        build.results.swap(0, 1);
        assert_eq!(Build::decode(&build.encode()), Err(Malformed));
    }
}
