//! What an action gave, as plain data, and as bytes.

use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};

/// A file that an action made. Its name is the action's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// What is in it.
    pub blob: Blob,
    /// Whether it may be executed.
    pub executable: bool,
}

/// What an action gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionResult {
    /// The files that it made, in the order in which the action names its outputs.
    pub products: Vec<Product>,
    /// What its command printed, roots by name.
    pub printed: Vec<u8>,
    /// How long its command took, in milliseconds.
    pub duration_ms: u32,
    /// Where it came from; none if who put it did not say.
    pub origin: Option<Origin>,
}

/// Where a result came from: by what it is found, and of what it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The first-level key of its action.
    pub key: Digest,
    /// The digest of its input set under that key; none where everything that an action reads is declared.
    pub set: Option<Digest>,
    /// Of what it was made, for explanations. No look-up reads it, and nothing is concluded from it.
    pub made_of: Vec<u8>,
}

/// What is known of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// What it gave; so it is everywhere.
    Made(ActionResult),
    /// What it gives holds the absolute paths of the roots of these names, so each place of theirs has a result of its
    /// own.
    Bound {
        /// The names, sorted.
        roots: Vec<Box<str>>,
        /// What put the paths there, for people.
        why: String,
    },
}

impl Entry {
    /// Kind (1): 0 made, with the list of products (digest, size, executable), what was printed, the duration, and where
    /// it came from (an option: key, option of the set's digest, of what it was made); 1 bound, with the list of names
    /// and the reason.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        match self {
            Self::Made(result) => {
                e.u8(0).list(&result.products, |e, product| {
                    e.digest(&product.blob.digest).u64(product.blob.size).u8(u8::from(product.executable));
                });
                e.bytes(&result.printed).u32(result.duration_ms);
                e.option(result.origin.as_ref(), |e, origin| {
                    e.digest(&origin.key);
                    e.option(origin.set.as_ref(), |e, set| {
                        e.digest(set);
                    });
                    e.bytes(&origin.made_of);
                });
            }
            Self::Bound { roots, why } => {
                e.u8(1).list(roots, |e, root| {
                    e.bytes(root.as_bytes());
                });
                e.bytes(why.as_bytes());
            }
        }
        e.into_bytes()
    }

    /// Reads what [`Entry::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are no such encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut d = Decoder::new(bytes);
        let entry = match d.u8()? {
            0 => Self::Made(ActionResult {
                products: d.list(|d| {
                    let blob = Blob { digest: d.digest()?, size: d.u64()? };
                    let executable = match d.u8()? {
                        0 => false,
                        1 => true,
                        _ => return Err(Malformed),
                    };
                    Ok(Product { blob, executable })
                })?,
                printed: d.bytes()?.to_vec(),
                duration_ms: d.u32()?,
                origin: d.option(|d| {
                    let (key, set) = (d.digest()?, d.option(Decoder::digest)?);
                    Ok(Origin { key, set, made_of: d.bytes()?.to_vec() })
                })?,
            }),
            1 => Self::Bound { roots: d.list(|d| Ok(d.text()?.into()))?, why: d.text()?.to_string() },
            _ => return Err(Malformed),
        };
        d.end()?;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> [Entry; 3] {
        let products = vec![
            Product { blob: Blob::of(b"a"), executable: false },
            Product { blob: Blob::of(b"b"), executable: true },
        ];
        let origin =
            Origin { key: Digest::of(b"key"), set: Some(Digest::of(b"set")), made_of: b"flour".to_vec() };
        let made = ActionResult { products, printed: b"warning".to_vec(), duration_ms: 7, origin: None };
        [
            Entry::Made(made.clone()),
            Entry::Made(ActionResult { origin: Some(origin), ..made }),
            Entry::Bound { roots: vec!["build".into(), "ws".into()], why: "`__FILE__`".into() },
        ]
    }

    #[test]
    fn what_was_written_reads_back_and_nothing_shorter_or_longer_does() {
        for entry in samples() {
            let bytes = entry.encode();
            assert_eq!(Entry::decode(&bytes), Ok(entry));
            for end in 0..bytes.len() {
                assert_eq!(Entry::decode(&bytes[..end]), Err(Malformed));
            }
            assert_eq!(Entry::decode(&[&bytes[..], b"x"].concat()), Err(Malformed));
        }
    }
}
