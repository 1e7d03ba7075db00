//! How a portable proof is written: see `docs/format/portable.md`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rekindle_fingerprint::action::ActionKind;
use rekindle_fingerprint::consult::Question;
use rekindle_fingerprint::digest::{Blob, Digest};
use rekindle_fingerprint::encode::{Decoder, Encoder, Malformed};
use rekindle_store::Build;
use twox_hash::XxHash3_64;

use super::{Asked, Path, Paths, Placed, Portable, Said, Terms};
use crate::build_dir::OWN;
use crate::record::MOST_ROOTS;

/// Starts every portable proof.
const MAGIC: &[u8; 16] = b"rekindleportable";
/// The format that this rekindle writes and reads. A proof of another one counts as none.
const VERSION: u32 = 1;
/// How long all paths of one list are at most, written out: each is written as what it has not in common with the one before.
const LONGEST: usize = 64 << 20;

impl Portable {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        self.terms.encode(&mut e);
        self.inputs.encode(&mut e);
        e.digest(&self.held);
        self.outputs.encode(&mut e);
        e.digest(&self.made);
        e.list(&self.placed, |e, placed| {
            e.u32(placed.output).digest(&placed.blob.digest).u64(placed.blob.size);
            e.u8(u8::from(placed.executable));
        });
        e.list(&self.asked, |e, asked| asked.encode(e));
        e.bytes(&self.replays);
        e.option(self.build.as_ref(), |e, build| {
            e.bytes(&build.encode());
        });
        let payload = e.into_bytes();
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&payload);
        let sum = XxHash3_64::oneshot(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Reads what [`Portable::encode`] wrote.
    ///
    /// # Errors
    /// It is damaged, of another format, or names what no proof names.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (said, sum) = bytes.split_last_chunk::<8>().ok_or(Malformed)?;
        if XxHash3_64::oneshot(said).to_le_bytes() != *sum {
            return Err(Malformed);
        }
        let rest = said.strip_prefix(MAGIC).ok_or(Malformed)?;
        let payload = rest.strip_prefix(&VERSION.to_le_bytes()).ok_or(Malformed)?;
        let mut d = Decoder::new(payload);
        let proof = Self {
            terms: Terms::decode(&mut d)?,
            inputs: Paths::decode(&mut d)?,
            held: d.digest()?,
            outputs: Paths::decode(&mut d)?,
            made: d.digest()?,
            placed: d.list(|d| {
                Ok(Placed {
                    output: d.u32()?,
                    blob: Blob { digest: d.digest()?, size: d.u64()? },
                    executable: flag(d)?,
                })
            })?,
            asked: d.list(Asked::decode)?,
            replays: d.bytes()?.to_vec(),
            build: d.option(|d| Build::decode(d.bytes()?))?,
        };
        d.end()?;
        if proof.is_sound() { Ok(proof) } else { Err(Malformed) }
    }

    /// Whether all numbers are numbers of something, and outputs lie where outputs may lie.
    fn is_sound(&self) -> bool {
        let root = |root: u16| usize::from(root) < self.terms.roots.len();
        let build = self.terms.roots.iter().position(|name| name == "build");
        let paths = self.inputs.list.iter().chain(&self.outputs.list);
        let asked = |asked: &Asked| {
            let names = !matches!(&asked.answer, Said::Path(number, _) if !root(*number));
            let is_build = build == Some(usize::from(asked.root));
            let is_question = usize::from(asked.question) < Question::ALL.len();
            names && root(asked.root) && is_question && (!asked.carried || is_build)
        };
        let own = |output: &Path| {
            let is_build = build == Some(usize::from(output.root));
            output.there && is_build && is_output(self.outputs.rel(output))
        };
        paths.into_iter().all(|path| root(path.root))
            && self.inputs.list.iter().all(|path| is_relative(self.inputs.rel(path)))
            && self.outputs.list.iter().all(own)
            && self.placed.iter().all(|placed| (placed.output as usize) < self.outputs.list.len())
            && self.placed.is_sorted_by(|one, next| one.output < next.output)
            && self.asked.iter().all(asked)
            && self.asked.iter().all(|asked| is_relative(asked.rel.as_os_str().as_bytes()))
            && super::super::terms::decode_replays(&self.replays).is_ok()
    }
}

/// Whether a path stays below its root, as far as its start tells.
fn is_relative(rel: &[u8]) -> bool {
    !rel.starts_with(b"/") && rel != b".." && !rel.starts_with(b"../") && !rel.contains(&0)
}

/// Whether an output may lie at this path of a build directory: no step leads anywhere else, and it is none of ours.
fn is_output(rel: &[u8]) -> bool {
    let mut steps = rel.split(|byte| *byte == b'/');
    let is_step = |step: &[u8]| !step.is_empty() && step != b"." && step != b".." && !step.contains(&0);
    let first = rel.split(|byte| *byte == b'/').next().unwrap_or_default();
    steps.all(is_step) && !OWN.iter().any(|own| own.as_bytes() == first)
}

fn flag(d: &mut Decoder<'_>) -> Result<bool, Malformed> {
    match d.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed),
    }
}

fn root(d: &mut Decoder<'_>) -> Result<u16, Malformed> {
    u16::try_from(d.u32()?).map_err(|_| Malformed)
}

fn path(d: &mut Decoder<'_>) -> Result<PathBuf, Malformed> {
    Ok(PathBuf::from(OsString::from_vec(d.bytes()?.to_vec())))
}

impl Terms {
    fn encode(&self, e: &mut Encoder) {
        let digest = |e: &mut Encoder, digest: &Digest| {
            e.digest(digest);
        };
        e.digest(&self.request).digest(&self.toolchains).digest(&self.arrangement);
        e.option(self.places.as_ref(), digest);
        e.list(&self.roots, |e, name| {
            e.bytes(name.as_bytes());
        });
        e.list(&self.variables, |e, (name, value)| {
            e.bytes(name).option(value.as_ref(), digest);
        });
        e.option(self.processor.as_ref(), digest);
        e.list(&self.bound_to, |e, (names, places)| {
            e.list(names, |e, name| {
                e.bytes(name.as_bytes());
            });
            e.digest(places);
        });
        e.digest(&self.keys);
        e.list(&self.kinds, |e, count| {
            e.u64(*count);
        });
        e.list(&self.bound, |e, (why, tools, count)| {
            e.bytes(why.as_bytes()).u8(u8::from(*tools)).u64(*count);
        });
        e.u8(u8::from(self.in_store)).digest(&self.record);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let text = |d: &mut Decoder<'_>| d.text().map(str::to_string);
        let terms = Self {
            request: d.digest()?,
            toolchains: d.digest()?,
            arrangement: d.digest()?,
            places: d.option(Decoder::digest)?,
            roots: d.list(text)?,
            variables: d.list(|d| Ok((d.bytes()?.to_vec(), d.option(Decoder::digest)?)))?,
            processor: d.option(Decoder::digest)?,
            bound_to: d.list(|d| Ok((d.list(text)?, d.digest()?)))?,
            keys: d.digest()?,
            kinds: d.list(Decoder::u64)?,
            bound: d.list(|d| Ok((text(d)?, flag(d)?, d.u64()?)))?,
            in_store: flag(d)?,
            record: d.digest()?,
        };
        // They are added up when they are told.
        let kinds = terms.kinds.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        let bound = terms.bound.iter().try_fold(0_u64, |sum, (_, _, count)| sum.checked_add(*count));
        let fits = terms.kinds.len() == ActionKind::ALL.len() && terms.roots.len() < MOST_ROOTS;
        kinds.and(bound).filter(|_| fits).map(|_| terms).ok_or(Malformed)
    }
}

impl Paths {
    /// Each as what it has not in common with the one before: root (2 bytes), whether it is there (1), how many bytes
    /// are those of the one before (1), how many follow (2), and these.
    fn encode(&self, e: &mut Encoder) {
        let mut bytes = Vec::with_capacity(self.list.len() * 16);
        let mut before: &[u8] = &[];
        for path in &self.list {
            let rel = self.rel(path);
            let common = rel.iter().zip(before).take(255).take_while(|(one, other)| one == other).count();
            bytes.extend_from_slice(&path.root.to_le_bytes());
            bytes.extend_from_slice(&[u8::from(path.there), u8::try_from(common).unwrap_or_default()]);
            // Longer ones are not written: see `make`.
            bytes.extend_from_slice(&u16::try_from(rel.len() - common).unwrap_or_default().to_le_bytes());
            bytes.extend_from_slice(&rel[common..]);
            before = rel;
        }
        e.bytes(&bytes);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut rest = d.bytes()?;
        let mut paths = Self::default();
        let mut before = 0..0;
        while let Some((head, behind)) = rest.split_first_chunk::<6>() {
            let [root, root_high, there, common, length, length_high] = *head;
            let own = usize::from(u16::from_le_bytes([length, length_high]));
            let (own, behind) = behind.split_at_checked(own).ok_or(Malformed)?;
            let common = usize::from(common);
            if common > before.len() || there > 1 || paths.text.len() + common + own.len() > LONGEST {
                return Err(Malformed);
            }
            let start = paths.text.len();
            paths.text.extend_from_within(before.start..before.start + common);
            paths.text.extend_from_slice(own);
            before = start..paths.text.len();
            let place = |at: usize| u32::try_from(at).map_err(|_| Malformed);
            paths.list.push(Path {
                root: u16::from_le_bytes([root, root_high]),
                there: there == 1,
                start: place(start)?,
                length: place(before.len())?,
            });
            rest = behind;
        }
        if rest.is_empty() { Ok(paths) } else { Err(Malformed) }
    }
}

impl Asked {
    fn encode(&self, e: &mut Encoder) {
        e.u32(self.root.into()).bytes(self.rel.as_os_str().as_bytes()).u8(self.question);
        match &self.answer {
            Said::Nothing => e.u8(0),
            Said::Refused => e.u8(1),
            Said::Directory => e.u8(2),
            Said::File(kind, executable) => e.u8(3).u32(*kind).u8(u8::from(*executable)),
            Said::Text(text) => e.u8(4).bytes(text.as_os_str().as_bytes()),
            Said::Names(digest) => e.u8(5).digest(digest),
            Said::Path(root, rel) => e.u8(6).u32((*root).into()).bytes(rel.as_os_str().as_bytes()),
            Said::Identity(number) => e.u8(7).u32(*number),
            Said::Ours => e.u8(8),
        };
        e.u8(u8::from(self.carried));
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            root: root(d)?,
            rel: path(d)?,
            question: d.u8()?,
            answer: match d.u8()? {
                0 => Said::Nothing,
                1 => Said::Refused,
                2 => Said::Directory,
                3 => Said::File(d.u32()?, flag(d)?),
                4 => Said::Text(path(d)?),
                5 => Said::Names(d.digest()?),
                6 => Said::Path(root(d)?, path(d)?),
                7 => Said::Identity(d.u32()?),
                8 => Said::Ours,
                _ => return Err(Malformed),
            },
            carried: flag(d)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(all: &[(u16, bool, &str)]) -> Paths {
        let mut paths = Paths::default();
        for (root, there, rel) in all {
            paths.push(*root, *there, rel.as_bytes()).unwrap();
        }
        paths
    }

    pub(crate) fn proof() -> Portable {
        let answers = [
            Said::Nothing,
            Said::Refused,
            Said::Directory,
            Said::File(0o100_000, true),
            Said::Text("../x".into()),
            Said::Names(Digest::of(b"names")),
            Said::Path(1, "x".into()),
            Said::Identity(3),
            Said::Ours,
        ];
        let ask = |(answer, question): (Said, u8)| {
            let carried = question == 3;
            Asked { root: u16::from(carried), rel: "dir".into(), question, answer, carried }
        };
        Portable {
            terms: Terms {
                request: Digest::of(b"request"),
                toolchains: Digest::of(b"toolchains"),
                arrangement: Digest::of(b"arrangement"),
                places: Some(Digest::of(b"places")),
                roots: vec!["ws".into(), "build".into()],
                variables: vec![(b"A".to_vec(), None), (b"B".to_vec(), Some(Digest::of(b"b")))],
                processor: Some(Digest::of(b"processor")),
                bound_to: vec![(vec!["ws".into()], Digest::of(b"there"))],
                keys: Digest::of(b"keys"),
                kinds: vec![1, 2, 3, 4, 5],
                bound: vec![("`-g`".into(), true, 1)],
                in_store: true,
                record: Digest::of(b"record"),
            },
            inputs: paths(&[(0, true, "src/a.c"), (0, false, "src/a.h"), (0, true, "src")]),
            held: Digest::of(b"held"),
            outputs: paths(&[(1, true, "app"), (1, true, "obj/a.o")]),
            made: Digest::of(b"made"),
            placed: vec![Placed { output: 0, blob: Blob::of(b"app"), executable: true }],
            asked: answers.into_iter().zip((0..7).cycle()).map(ask).collect(),
            replays: super::super::super::terms::encode_replays(&[]),
            build: Some(Build::default()),
        }
    }

    #[test]
    fn a_proof_reads_back_as_it_was_written_and_no_part_of_it_does() {
        let bytes = proof().encode();
        assert_eq!(Portable::decode(&bytes), Ok(proof()));
        for length in 0..bytes.len() {
            assert_eq!(Portable::decode(&bytes[..length]), Err(Malformed), "{length}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(Portable::decode(&other), Err(Malformed), "{at}");
        }
    }

    #[test]
    fn no_output_of_a_proof_lies_outside_of_the_build_directory_or_is_one_of_our_files() {
        let bad = [
            "", ".", "..", "a/../b", "/etc/x", "a//b", "./a", "a/", "journal", "lock", "tmp/x", "kept/a",
            "a\0b",
        ];
        for rel in bad.into_iter().chain(OWN) {
            let outputs = paths(&[(1, true, rel)]);
            let forged = Portable { outputs, placed: Vec::new(), ..proof() };
            assert_eq!(Portable::decode(&forged.encode()), Err(Malformed), "{rel}");
        }
        let elsewhere = Portable { outputs: paths(&[(0, true, "app"), (1, true, "b")]), ..proof() };
        assert_eq!(Portable::decode(&elsewhere.encode()), Err(Malformed));
    }

    #[test]
    fn numbers_of_nothing_and_ways_out_are_refused() {
        let mut placed = proof();
        placed.placed[0].output = 2;
        let mut asked = proof();
        asked.asked[0].root = 2;
        let mut question = proof();
        question.asked[0].question = 7;
        let mut answer = proof();
        answer.asked[6].answer = Said::Path(2, "x".into());
        let root = Portable { inputs: paths(&[(2, true, "a")]), ..proof() };
        let way = Portable { inputs: paths(&[(0, true, "../a")]), ..proof() };
        let top = Portable { inputs: paths(&[(0, true, "/a")]), ..proof() };
        let mut counts = proof();
        counts.terms.kinds = vec![u64::MAX, 1, 0, 0, 0];
        let mut kinds = proof();
        kinds.terms.kinds = vec![1; 4];
        for forged in [placed, asked, question, answer, root, way, top, counts, kinds] {
            assert_eq!(Portable::decode(&forged.encode()), Err(Malformed));
        }
    }

    #[test]
    fn many_paths_that_are_long_by_what_they_have_in_common_are_refused() {
        let long = "x".repeat(255);
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&[0, 0, 1, 0, 255, 0]);
        bytes.extend_from_slice(long.as_bytes());
        for _ in 0..LONGEST / 255 {
            bytes.extend_from_slice(&[0, 0, 1, 255, 0, 0]);
        }
        let mut e = Encoder::new();
        e.bytes(&bytes);
        assert_eq!(Paths::decode(&mut Decoder::new(&e.into_bytes())), Err(Malformed));
    }
}
