//! Packs written by hand, so that a test can write any of their parts otherwise. It is a second reading of
//! `docs/format/pack.md`: what it writes of a good sample equals what the store writes, byte for byte.

use std::io::Write;

use rekindle_fingerprint::digest::Digest;
use rekindle_fingerprint::encode::Encoder;
use rekindle_store::Entry;

use crate::name;

/// A tar header, each part as a test wants it.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: &'static [u8],
    pub(crate) size: Vec<u8>,
    pub(crate) time: &'static [u8],
    pub(crate) kind: u8,
    pub(crate) link: &'static [u8],
    pub(crate) owner: &'static [u8],
    /// Added to the right checksum.
    pub(crate) sum: u32,
}

impl Header {
    pub(crate) fn of(name: &str, size: usize) -> Self {
        Self {
            name: name.as_bytes().to_vec(),
            mode: b"0000644\0",
            size: format!("{size:011o}\0").into_bytes(),
            time: b"00000000000\0",
            kind: b'0',
            link: b"",
            owner: b"",
            sum: 0,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        let parts: [(usize, &[u8]); 12] = [
            (0, &self.name),
            (100, self.mode),
            (108, b"0000000\0"),
            (116, b"0000000\0"),
            (124, &self.size),
            (136, self.time),
            (148, b"        "),
            (156, &[self.kind]),
            (157, self.link),
            (257, b"ustar\x0000"),
            (265, self.owner),
            (329, b"0000000\x000000000\0"),
        ];
        for (at, part) in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
        }
        let sum = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>() + self.sum;
        bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes
    }
}

/// A member of an archive: its header, what it holds, and whether that is filled up to the next block.
pub(crate) fn member(header: &Header, content: &[u8]) -> Vec<u8> {
    let mut bytes = header.bytes();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    member(&Header::of(name, content.len()), content)
}

/// The end of an archive.
pub(crate) const END: [u8; 1024] = [0; 1024];

/// Content as one frame of zstd, as packs have it.
pub(crate) fn squeeze(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.set_pledged_src_size(Some(content.len() as u64)).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A result of the sample.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: Digest,
    pub(crate) kind: u8,
    pub(crate) products: Vec<(u32, u8)>,
    pub(crate) made_of: Vec<u8>,
    /// The number of its set, of kind 1.
    pub(crate) set: u32,
    /// The keys of kinds 2 and 3.
    pub(crate) keys: Vec<Digest>,
    pub(crate) bound: Vec<u8>,
}

/// Keyed rows.
pub(crate) type Texts = Vec<(Digest, Vec<u8>)>;

/// Everything that a pack says, to be changed.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// What the text says: the format, and the numbers of blobs, bytes, sets, notes, results, builds.
    pub(crate) format: u64,
    pub(crate) counts: [u64; 6],
    pub(crate) sizes: Vec<u64>,
    pub(crate) blobs: Vec<u8>,
    pub(crate) sets: Texts,
    pub(crate) notes: Texts,
    pub(crate) results: Vec<Row>,
    pub(crate) builds: Vec<[Vec<u32>; 2]>,
    /// Added to the number of rows that each chunk says it has.
    pub(crate) rows: u64,
}

pub(crate) fn chunk(e: &Encoder) -> Vec<u8> {
    let bytes = e.clone().into_bytes();
    let mut chunk = (bytes.len() as u64).to_le_bytes().to_vec();
    chunk.extend(bytes);
    chunk
}

fn texts<'a>(e: &mut Encoder, texts: impl Iterator<Item = &'a [u8]> + Clone) {
    for text in texts.clone() {
        e.u32(text.len() as u32);
    }
    e.bytes(&texts.flatten().copied().collect::<Vec<u8>>());
}

fn numbers(e: &mut Encoder, numbers: impl Iterator<Item = u32>) {
    let mut last = 0u32;
    for number in numbers {
        e.u32(number.wrapping_sub(last));
        last = number;
    }
}

impl Sample {
    /// Two results with a blob each, one of them with a set, and one that is bound; a note; a build.
    pub(crate) fn good() -> Self {
        let row = |text: &str, kind, products: &[(u32, u8)]| Row {
            name: name(text),
            kind,
            products: products.to_vec(),
            made_of: Vec::new(),
            set: 0,
            keys: Vec::new(),
            bound: Vec::new(),
        };
        let bound = Entry::Bound { roots: vec!["ws".into()], why: "a reason".into() }.encode();
        let blobs = b"firstthe second".to_vec();
        Self {
            format: 1,
            counts: [2, blobs.len() as u64, 1, 1, 3, 1],
            sizes: vec![5, 10],
            blobs,
            sets: vec![(name("key"), b"set".to_vec())],
            notes: vec![(name("question"), b"answer".to_vec())],
            results: vec![
                Row { bound, ..row("bound", 4, &[]) },
                Row { made_of: b"flour".to_vec(), ..row("first", 1, &[(0, 0), (1, 1)]) },
                Row { made_of: b"salt".to_vec(), keys: vec![name("key")], ..row("second", 2, &[(1, 0)]) },
            ],
            builds: vec![[vec![0, 1, 2], vec![0]]],
            rows: 0,
        }
    }

    pub(crate) fn text(&self) -> String {
        let [blobs, bytes, sets, notes, results, builds] = self.counts;
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "rekindle pack {}\nversion {version}\nblobs {blobs}\nbytes {bytes}\nsets {sets}\nnotes {notes}\n\
             results {results}\nbuilds {builds}\n",
            self.format
        )
    }

    fn start(&self, rows: usize) -> Encoder {
        let mut e = Encoder::new();
        e.u64((rows as u64).wrapping_add(self.rows));
        e
    }

    pub(crate) fn blobs_chunk(&self) -> Vec<u8> {
        let mut e = self.start(self.sizes.len());
        for size in &self.sizes {
            e.u64(*size);
        }
        chunk(&e)
    }

    pub(crate) fn keyed_chunk(&self, rows: &Texts) -> Vec<u8> {
        let mut e = self.start(rows.len());
        for (key, _) in rows {
            e.digest(key);
        }
        texts(&mut e, rows.iter().map(|(_, text)| &text[..]));
        chunk(&e)
    }

    pub(crate) fn results_chunk(&self) -> Vec<u8> {
        let mut e = self.start(self.results.len());
        for row in &self.results {
            e.digest(&row.name);
        }
        for row in &self.results {
            e.u8(row.kind);
        }
        let made = || self.results.iter().filter(|row| row.kind != 4);
        for row in made() {
            e.u32(row.products.len() as u32).u32(12);
        }
        numbers(&mut e, made().flat_map(|row| row.products.iter().map(|(number, _)| *number)));
        for (_, executable) in made().flat_map(|row| &row.products) {
            e.u8(*executable);
        }
        texts(&mut e, made().map(|_| &b"warning: none\n"[..]));
        let origins = || made().filter(|row| row.kind != 0);
        texts(&mut e, origins().map(|row| &row.made_of[..]));
        let mut last = 0u32;
        for row in origins() {
            if row.kind == 1 {
                e.u32(row.set.wrapping_sub(last));
                last = row.set;
            }
            for key in &row.keys {
                e.digest(key);
            }
        }
        texts(&mut e, self.results.iter().filter(|row| row.kind == 4).map(|row| &row.bound[..]));
        chunk(&e)
    }

    pub(crate) fn builds_chunk(&self) -> Vec<u8> {
        let mut e = self.start(self.builds.len());
        for build in &self.builds {
            for list in build {
                e.u64(list.len() as u64);
                numbers(&mut e, list.iter().copied());
            }
        }
        chunk(&e)
    }

    pub(crate) fn index(&self) -> Vec<u8> {
        let mut index = self.blobs_chunk();
        index.extend(self.keyed_chunk(&self.sets));
        index.extend(self.keyed_chunk(&self.notes));
        index.extend(self.results_chunk());
        index.extend(self.builds_chunk());
        index
    }

    /// The archive.
    pub(crate) fn archive(&self) -> Vec<u8> {
        archive(&self.text(), &self.index(), &self.blobs)
    }
}

pub(crate) fn archive(text: &str, index: &[u8], blobs: &[u8]) -> Vec<u8> {
    [&file("rekindle-pack", text.as_bytes())[..], &file("index", index), &file("blobs", blobs), &END].concat()
}
