//! The second member: what the pack holds, in chunks. A chunk holds rows of one kind, column by column, so that what
//! cannot be compressed (names) lies apart from what can.
//!
//! Everything is written as `encode.rs` of `rekindle-fingerprint` writes it. A chunk is a byte string; it starts with
//! the number of its rows. Numbers of blobs, sets and results are those of their order in the pack, and are written as
//! the difference to the one before (wrapping), which is 1 more often than not.

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};

use crate::result::Entry;

/// A chunk has at most so many rows.
pub(super) const MOST_ROWS: usize = 8192;

/// A result has at most so many products.
pub(super) const MOST_PRODUCTS: u32 = 1 << 20;

/// The results of a chunk have at most so many products.
const MOST_AT_ONCE: usize = 1 << 22;

/// A chunk of so many bytes is full.
pub(super) const FULL: usize = 4 << 20;

/// The longest chunk: one that is almost full, and the longest row, whose file in a store has at most 64 MiB.
pub(super) const LONGEST_CHUNK: u64 = 72 << 20;

/// A note, or an input set under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'a> {
    pub(super) key: Digest,
    pub(super) bytes: &'a [u8],
}

/// What is known of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) name: Digest,
    pub(super) known: Known<'a>,
}

/// What is known of an action: an [`Entry`] that names blobs and sets by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known<'a> {
    Made {
        /// The number of the blob, and whether it may be executed.
        products: Vec<(u32, bool)>,
        printed: &'a [u8],
        duration_ms: u32,
        origin: Option<(From, &'a [u8])>,
    },
    /// An entry of the other kind, encoded.
    Bound(&'a [u8]),
}

/// The key of a result, and its input set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// A set of the pack.
    Set(u32),
    /// It has none.
    Key(Digest),
    /// One that is not in the pack.
    Gone(Digest, Digest),
}

/// What a build used: numbers of results and of notes, each ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) results: Vec<u32>,
    pub(super) notes: Vec<u32>,
}

/// Numbers, each as the difference to the one before.
#[derive(Default)]
struct Numbers {
    last: u32,
}

impl Numbers {
    fn write(&mut self, e: &mut Encoder, number: u32) {
        e.u32(number.wrapping_sub(self.last));
        self.last = number;
    }

    fn read(&mut self, d: &mut Decoder<'_>) -> Result<u32, Malformed> {
        self.last = self.last.wrapping_add(d.u32()?);
        Ok(self.last)
    }
}

/// The lengths of byte strings, and all of them in a row.
fn write_texts<'a>(e: &mut Encoder, texts: impl Iterator<Item = &'a [u8]> + Clone) {
    for text in texts.clone() {
        e.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
    let all: Vec<u8> = texts.flatten().copied().collect();
    e.bytes(&all);
}

fn read_texts<'a>(d: &mut Decoder<'a>, count: usize) -> Result<Vec<&'a [u8]>, Malformed> {
    let lengths = many(count, || d.u32())?;
    let mut all = d.bytes()?;
    let mut take = |length: u32| {
        let (text, rest) = all.split_at_checked(usize::try_from(length).ok()?)?;
        all = rest;
        Some(text)
    };
    let texts: Option<Vec<&[u8]>> = lengths.into_iter().map(&mut take).collect();
    texts.filter(|_| all.is_empty()).ok_or(Malformed)
}

fn many<T>(count: usize, mut read: impl FnMut() -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(read()?);
    }
    Ok(items)
}

/// The number of rows.
fn rows(d: &mut Decoder<'_>) -> Result<usize, Malformed> {
    let rows = usize::try_from(d.u64()?).map_err(|_| Malformed)?;
    if (1..=MOST_ROWS).contains(&rows) { Ok(rows) } else { Err(Malformed) }
}

fn start(rows: usize) -> Encoder {
    let mut e = Encoder::new();
    e.u64(rows as u64);
    e
}

/// The sizes of blobs.
pub(super) fn write_blobs(sizes: &[u64]) -> Vec<u8> {
    let mut e = start(sizes.len());
    for size in sizes {
        e.u64(*size);
    }
    e.into_bytes()
}

pub(super) fn read_blobs(chunk: &[u8]) -> Result<Vec<u64>, Malformed> {
    let mut d = Decoder::new(chunk);
    let rows = rows(&mut d)?;
    let sizes = many(rows, || d.u64())?;
    d.end()?;
    Ok(sizes)
}

/// The keys of sets or notes, and the bytes of each.
pub(super) fn write_keyed(texts: &[Text<'_>]) -> Vec<u8> {
    let mut e = start(texts.len());
    for text in texts {
        e.digest(&text.key);
    }
    write_texts(&mut e, texts.iter().map(|text| text.bytes));
    e.into_bytes()
}

pub(super) fn read_keyed(chunk: &[u8]) -> Result<Vec<Text<'_>>, Malformed> {
    let mut d = Decoder::new(chunk);
    let rows = rows(&mut d)?;
    let keys = many(rows, || d.digest())?;
    let texts = read_texts(&mut d, rows)?;
    d.end()?;
    Ok(keys.into_iter().zip(texts).map(|(key, bytes)| Text { key, bytes }).collect())
}

/// Of each result: its name; its kind (0 made, of unknown origin; 1 from a set of the pack; 2 from a key alone; 3 from a
/// set that is not in the pack; 4 bound). Of those that were made: how many products; how long it took; the numbers of
/// all products; whether each may be executed; what was printed. Of those with an origin: of what they were made. Then
/// the numbers of sets, the keys of kind 2, the keys of kind 3 and their sets' digests, and the entries of kind 4.
pub(super) fn write_results(results: &[Row<'_>]) -> Vec<u8> {
    let mut e = start(results.len());
    for row in results {
        e.digest(&row.name);
    }
    for row in results {
        e.u8(match &row.known {
            Known::Made { origin: None, .. } => 0,
            Known::Made { origin: Some((From::Set(_), _)), .. } => 1,
            Known::Made { origin: Some((From::Key(_), _)), .. } => 2,
            Known::Made { origin: Some((From::Gone(..), _)), .. } => 3,
            Known::Bound(_) => 4,
        });
    }
    let made = || results.iter().map(|row| &row.known).filter(|known| matches!(known, Known::Made { .. }));
    let products = || {
        made().flat_map(|known| if let Known::Made { products, .. } = known { &products[..] } else { &[] })
    };
    for known in made() {
        if let Known::Made { products, duration_ms, .. } = known {
            e.u32(u32::try_from(products.len()).unwrap_or(u32::MAX)).u32(*duration_ms);
        }
    }
    let mut numbers = Numbers::default();
    for (number, _) in products() {
        numbers.write(&mut e, *number);
    }
    for (_, executable) in products() {
        e.u8(u8::from(*executable));
    }
    write_texts(
        &mut e,
        made().map(|known| if let Known::Made { printed, .. } = known { printed } else { &[][..] }),
    );
    let origins =
        || made().filter_map(|known| if let Known::Made { origin, .. } = known { *origin } else { None });
    write_texts(&mut e, origins().map(|(_, made_of)| made_of));
    let mut numbers = Numbers::default();
    for (from, _) in origins() {
        match from {
            From::Set(number) => numbers.write(&mut e, number),
            From::Key(key) => drop(e.digest(&key)),
            From::Gone(key, set) => drop(e.digest(&key).digest(&set)),
        }
    }
    write_texts(
        &mut e,
        results.iter().filter_map(|row| if let Known::Bound(entry) = row.known { Some(entry) } else { None }),
    );
    e.into_bytes()
}

pub(super) fn read_results(chunk: &[u8]) -> Result<Vec<Row<'_>>, Malformed> {
    let mut d = Decoder::new(chunk);
    let rows = rows(&mut d)?;
    let names = many(rows, || d.digest())?;
    let kinds = many(rows, || d.u8())?;
    if kinds.iter().any(|kind| *kind > 4) {
        return Err(Malformed);
    }
    let made = kinds.iter().filter(|kind| **kind != 4).count();
    let heads = many(made, || Ok((d.u32()?, d.u32()?)))?;
    let total: u64 = heads.iter().map(|(products, _)| u64::from(*products)).sum();
    let total = usize::try_from(total).map_err(|_| Malformed)?;
    if total > MOST_AT_ONCE || heads.iter().any(|(products, _)| *products > MOST_PRODUCTS) {
        return Err(Malformed);
    }
    let mut numbers = Numbers::default();
    let numbers = many(total, || numbers.read(&mut d))?;
    let flags = many(total, || match d.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    })?;
    let printed = read_texts(&mut d, made)?;
    let made_of = read_texts(&mut d, kinds.iter().filter(|kind| (1..=3).contains(*kind)).count())?;
    let mut sets = Numbers::default();
    let mut origins = Vec::new();
    for kind in kinds.iter().filter(|kind| (1..=3).contains(*kind)) {
        origins.push(match kind {
            1 => From::Set(sets.read(&mut d)?),
            2 => From::Key(d.digest()?),
            _ => From::Gone(d.digest()?, d.digest()?),
        });
    }
    let bound = read_texts(&mut d, rows - made)?;
    d.end()?;
    let mut products = numbers.into_iter().zip(flags);
    let (mut made, mut bound) = (heads.into_iter().zip(printed), bound.into_iter());
    let mut origins = origins.into_iter().zip(made_of);
    names
        .into_iter()
        .zip(kinds)
        .map(|(name, kind)| {
            let known = if kind == 4 {
                let entry = bound.next().ok_or(Malformed)?;
                if !matches!(Entry::decode(entry), Ok(Entry::Bound { .. })) {
                    return Err(Malformed);
                }
                Known::Bound(entry)
            } else {
                let ((count, duration_ms), printed) = made.next().ok_or(Malformed)?;
                let products =
                    products.by_ref().take(usize::try_from(count).map_err(|_| Malformed)?).collect();
                let origin = if kind == 0 { None } else { Some(origins.next().ok_or(Malformed)?) };
                Known::Made { products, printed, duration_ms, origin }
            };
            Ok(Row { name, known })
        })
        .collect()
}

/// Of each build the list of numbers of results, then that of notes.
pub(super) fn write_builds(builds: &[Used]) -> Vec<u8> {
    let mut e = start(builds.len());
    for build in builds {
        for list in [&build.results, &build.notes] {
            let mut numbers = Numbers::default();
            e.list(list, |e, number| numbers.write(e, *number));
        }
    }
    e.into_bytes()
}

pub(super) fn read_builds(chunk: &[u8]) -> Result<Vec<Used>, Malformed> {
    let mut d = Decoder::new(chunk);
    let rows = rows(&mut d)?;
    let builds = many(rows, || {
        let mut list = || {
            let mut numbers = Numbers::default();
            let list = d.list(|d| numbers.read(d))?;
            if list.is_sorted_by(|one, next| one < next) { Ok(list) } else { Err(Malformed) }
        };
        Ok(Used { results: list()?, notes: list()? })
    })?;
    d.end()?;
    Ok(builds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    fn results(bound: &[u8]) -> Vec<Row<'_>> {
        let made = |products: &[(u32, bool)], origin| Known::Made {
            products: products.to_vec(),
            printed: b"warning",
            duration_ms: 7,
            origin,
        };
        let known = [
            made(&[(0, true), (1, false)], None),
            made(&[], Some((From::Set(3), &b"flour"[..]))),
            Known::Bound(bound),
            made(&[(7, false)], Some((From::Key(digest("key")), b""))),
            made(&[(2, false)], Some((From::Gone(digest("key"), digest("set")), b"salt"))),
            made(&[(3, false)], Some((From::Set(2), b"flour"))),
        ];
        let names = known.into_iter().enumerate();
        names.map(|(at, known)| Row { name: digest(&at.to_string()), known }).collect()
    }

    fn bound() -> Vec<u8> {
        Entry::Bound { roots: vec!["ws".into()], why: "`__FILE__`".into() }.encode()
    }

    /// What was written reads back; nothing shorter or longer does.
    fn check<T>(chunk: &[u8], is_same: impl Fn(&[u8]) -> Result<bool, Malformed>, _: T) {
        assert_eq!(is_same(chunk), Ok(true));
        for end in 0..chunk.len() {
            assert_eq!(is_same(&chunk[..end]), Err(Malformed), "{end}");
        }
        assert_eq!(is_same(&[chunk, b"x"].concat()), Err(Malformed));
    }

    #[test]
    fn what_was_written_reads_back_and_nothing_shorter_or_longer_does() {
        let bound = bound();
        let results = results(&bound);
        check(&write_results(&results), |chunk| Ok(read_results(chunk)? == results), ());
        let sizes = [1, 0, u64::MAX];
        check(&write_blobs(&sizes), |chunk| Ok(read_blobs(chunk)? == sizes), ());
        let texts = [Text { key: digest("a"), bytes: b"" }, Text { key: digest("a"), bytes: b"long" }];
        check(&write_keyed(&texts), |chunk| Ok(read_keyed(chunk)? == texts), ());
        let builds = [Used { results: vec![0, 1, 9], notes: vec![4] }, Used::default()];
        check(&write_builds(&builds), |chunk| Ok(read_builds(chunk)? == builds), ());
    }

    #[test]
    fn numbers_of_a_build_that_do_not_ascend_are_refused() {
        for results in [vec![1, 1], vec![2, 1]] {
            assert_eq!(read_builds(&write_builds(&[Used { results, notes: vec![] }])), Err(Malformed));
        }
    }

    #[test]
    fn a_chunk_without_rows_or_with_too_many_is_refused() {
        assert_eq!(read_blobs(&write_blobs(&[])), Err(Malformed));
        assert!(read_blobs(&write_blobs(&[0; MOST_ROWS])).is_ok());
        assert_eq!(read_blobs(&write_blobs(&[0; MOST_ROWS + 1])), Err(Malformed));
    }

    #[test]
    fn what_is_not_bound_is_not_read_as_bound() {
        let made = Entry::Made(crate::ActionResult::default()).encode();
        let row = Row { name: digest("a"), known: Known::Bound(&made) };
        assert_eq!(read_results(&write_results(&[row])), Err(Malformed));
    }
}
