//! Files with a checksum that covers what they are and where they lie.
//!
//! A blob needs none: it lies under the digest of its content. All other files are sealed.

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Encoder;

use super::layout::Name;

/// How a sealed file starts: what it is, and the version of its format.
const MAGIC: [u8; 16] = *b"rekindle store\x01\x00";

/// Before the payload: the magic, and the length of the payload.
const HEAD: usize = MAGIC.len() + 8;

/// After the payload: the checksum.
const TAIL: usize = 32;

/// The longest payload that is kept, and that is read.
pub(crate) const MAX_PAYLOAD: usize = 64 << 20;

/// The longest sealed file.
pub(crate) const MAX_SEALED: u64 = (HEAD + MAX_PAYLOAD + TAIL) as u64;

/// Domain `rekindle sealed 1`, the directory of the kind, the digest that it is found by, the digest of an input set
/// (an option), and everything in the file before the checksum.
fn checksum(name: &Name, before: &[u8]) -> Digest {
    let mut e = Encoder::for_digest("rekindle sealed 1");
    e.bytes(name.kind.dir().as_bytes()).digest(&name.id);
    e.option(name.set.as_ref(), |e, set| {
        e.digest(set);
    });
    e.bytes(before);
    e.finish()
}

/// The bytes of the file called `name` that holds `payload`.
pub(crate) fn seal(name: &Name, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + payload.len() + TAIL);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(payload);
    let sum = checksum(name, &bytes);
    bytes.extend_from_slice(&sum.0);
    bytes
}

/// The payload of the file called `name`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn open<'a>(name: &Name, bytes: &'a [u8]) -> Result<&'a [u8], &'static str> {
    let (before, sum) = bytes.split_at_checked(bytes.len().wrapping_sub(TAIL)).ok_or("it is too short")?;
    let (head, payload) = before.split_at_checked(HEAD).ok_or("it is too short")?;
    if !head.starts_with(&MAGIC) {
        return Err("it does not start as such a file does");
    }
    if head[MAGIC.len()..] != (payload.len() as u64).to_le_bytes() {
        return Err("its length is not what it says");
    }
    if checksum(name, before).0 != *sum {
        return Err("its checksum does not match");
    }
    Ok(payload)
}
