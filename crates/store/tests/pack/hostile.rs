//! Files that are no packs, and packs that somebody made to do harm. Each is refused with a sentence, the store is to
//! the byte what it was, nothing lies outside of it that was not there, and none takes long.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use rekindle_fingerprint::encode::Encoder;
use rekindle_store::ActionCache;
use rekindle_store::pack::{Content, Error, import};
use rekindle_testkit::Tree;

use crate::forge::{END, Header, Sample, archive, chunk, file, member, squeeze};
use crate::{name, put, record, store};

/// Longer than any of them takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

type Case = (&'static str, Vec<u8>);

/// Tries each, into a store that holds something, and tells what was said.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "how long a refusal takes is what is tested")]
fn refused(cases: Vec<Case>) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("place/store");
    fs::create_dir_all(&path).unwrap();
    let disk = store(&path);
    put(&disk, "first");
    disk.put_set(&name("key"), b"another").unwrap();
    record(&disk, &["first"], &[]);
    let pack = dir.path().join("place/pack");
    let mut said = String::new();
    for (what, bytes) in cases {
        fs::write(&pack, bytes).unwrap();
        let before = Tree::of(dir.path());
        let start = Instant::now();
        let error = import(&disk, &pack, Content::All).unwrap_err();
        assert!(start.elapsed() < PATIENCE, "{what} took {:?}", start.elapsed());
        assert!(matches!(error, Error::Bad { .. } | Error::Newer { .. }), "{what}: {error:?}");
        assert_eq!(Tree::of(dir.path()).difference(&before), "", "{what}");
        let error = error.to_string();
        let shown = pack.display().to_string();
        assert!(error.starts_with(&shown), "{what}: {error}");
        said.push_str(&format!(
            "{what}: {}\n",
            error[shown.len()..].trim_start_matches(" is no pack that can be used: ")
        ));
    }
    said
}

fn good() -> Vec<u8> {
    squeeze(&Sample::good().archive())
}

/// How long the header of the good frame is: one segment, with a checksum, and two bytes that say how much it holds, less
/// 256.
const HEADER: usize = 7;

/// A frame that starts with these bytes after its magic, and goes on with those of a good one.
fn frame(header: &[u8]) -> Vec<u8> {
    [&[0x28, 0xb5, 0x2f, 0xfd], header, &good()[HEADER..]].concat()
}

/// A frame of zeros: each block says one byte and how often it comes.
fn zeros(length: u64) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xc4, 17 << 3];
    frame.extend(length.to_le_bytes());
    let mut left = length;
    while left > 0 {
        let block = left.min(128 << 10);
        left -= block;
        let head = u32::from(left == 0) | 1 << 1 | (block as u32) << 3;
        frame.extend(&head.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame.extend([0; 4]);
    frame
}

#[test]
fn what_is_not_one_frame_of_zstd_that_says_what_it_holds_is_refused() {
    assert_eq!(good()[4], 0x64, "the header is as the constant says");
    let length = u16::from_le_bytes([good()[5], good()[6]]);
    let [low, high] = length.to_le_bytes();
    let says = |length: u16| frame(&[&[0x64][..], &length.to_le_bytes()].concat());
    let mut checksum = good();
    *checksum.last_mut().unwrap() ^= 1;
    let mut plain = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    plain.include_checksum(true).unwrap();
    plain.write_all(&Sample::good().archive()).unwrap();
    let plain = plain.finish().unwrap();
    let cases = vec![
        ("an empty file", Vec::new()),
        ("a text", b"rekindle pack 1\n".to_vec()),
        ("gzip", vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
        ("an archive that is not compressed", Sample::good().archive()),
        ("the start of a frame", good()[..7].to_vec()),
        ("half a frame", good()[..good().len() / 2].to_vec()),
        ("garbage behind the frame", [&good()[..], b"x"].concat()),
        ("a second frame", [good(), good()].concat()),
        ("a skippable frame behind", [&good()[..], &[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]].concat()),
        ("a skippable frame before", [&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0], &good()[..]].concat()),
        ("a skippable frame of 4 GB", vec![0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff]),
        ("a window of 256 MiB", frame(&[0x44, 18 << 3, low, high])),
        ("a window of 3.75 TiB", frame(&[0x44, 0xff, low, high])),
        ("one segment of 2 GB", frame(&[0xa4, 0, 0, 0, 0x80])),
        ("one segment of 16 EB", frame(&[0xe4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
        ("no size", plain),
        ("no checksum", frame(&[0x60, low, high])),
        ("a dictionary", frame(&[0x65, 1, low, high])),
        ("a reserved bit", frame(&[0x6c, low, high])),
        ("more said than there is", says(length + 512)),
        ("less said than there is", says(length - 512)),
        ("a wrong checksum", checksum),
        ("10 GB of zeros", zeros(10 << 30)),
        ("60 MB of zeros", zeros(60 << 20)),
    ];
    insta::assert_snapshot!(refused(cases), @"
    an empty file: it is not compressed with zstd
    a text: it is not compressed with zstd
    gzip: it is not compressed with zstd
    an archive that is not compressed: it is not compressed with zstd
    the start of a frame: it ends early
    half a frame: it ends early
    garbage behind the frame: something lies behind its end
    a second frame: something lies behind its end
    a skippable frame behind: something lies behind its end
    a skippable frame before: it is not compressed with zstd
    a skippable frame of 4 GB: it is not compressed with zstd
    a window of 256 MiB: to unpack it takes more memory than a pack may ask for
    a window of 3.75 TiB: to unpack it takes more memory than a pack may ask for
    one segment of 2 GB: to unpack it takes more memory than a pack may ask for
    one segment of 16 EB: to unpack it takes more memory than a pack may ask for
    no size: it does not say how much it holds
    no checksum: its compressed data has no checksum
    a dictionary: it needs a dictionary
    a reserved bit: its compressed data is damaged
    more said than there is: its compressed data is damaged
    less said than there is: its compressed data is damaged
    a wrong checksum: its compressed data is damaged
    10 GB of zeros: it says that it holds more than a pack of its size can
    60 MB of zeros: it ends before its member `rekindle-pack`
    ");
}

/// The good archive with something else in the place of a member's header.
fn with_header(at: usize, change: impl Fn(&mut Header)) -> Vec<u8> {
    let sample = Sample::good();
    let (text, index) = (sample.text().into_bytes(), sample.index());
    let parts = [("rekindle-pack", &text), ("index", &index), ("blobs", &sample.blobs)];
    let mut bytes = Vec::new();
    for (number, (name, content)) in parts.into_iter().enumerate() {
        let mut header = Header::of(name, content.len());
        if number == at {
            change(&mut header);
        }
        bytes.extend(member(&header, content));
    }
    bytes.extend(END);
    squeeze(&bytes)
}

#[test]
fn what_is_not_an_archive_of_these_three_members_is_refused() {
    let sample = Sample::good();
    let text = file("rekindle-pack", sample.text().as_bytes());
    let (index, blobs) = (file("index", &sample.index()), file("blobs", &sample.blobs));
    let all = |parts: &[&[u8]]| squeeze(&parts.concat());
    let mut padding = sample.archive();
    padding[1000] = 1;
    let mut end = sample.archive();
    *end.last_mut().unwrap() = 1;
    let cases = vec![
        ("nothing in the frame", squeeze(b"")),
        ("a text in the frame", squeeze(&b"rekindle pack 1\n".repeat(100))),
        ("zeros in the frame", squeeze(&[0; 10240])),
        ("the index first", all(&[&index, &text, &blobs, &END])),
        ("the blobs before the index", all(&[&text, &blobs, &index, &END])),
        ("no index", all(&[&text, &blobs, &END])),
        ("no blobs", all(&[&text, &index, &END])),
        ("the text alone", all(&[&text, &END])),
        ("two indexes", all(&[&text, &index, &index, &blobs, &END])),
        ("two texts", all(&[&text, &text, &index, &blobs, &END])),
        ("a fourth member", all(&[&text, &index, &blobs, &file("more", b"more"), &END])),
        ("no end", all(&[&text, &index, &blobs])),
        ("half an end", all(&[&text, &index, &blobs, &END[..512]])),
        ("more zeros behind the end", all(&[&text, &index, &blobs, &END, &END])),
        ("something behind the end", all(&[&text, &index, &blobs, &END, b"x"])),
        ("something in the end", squeeze(&end)),
        ("something behind a member", squeeze(&padding)),
        ("an archive cut off", squeeze(&sample.archive()[..1700])),
    ];
    insta::assert_snapshot!(refused(cases), @r#"
    nothing in the frame: it ends early
    a text in the frame: it holds no tar archive where its member `rekindle-pack` is to be
    zeros in the frame: it ends before its member `rekindle-pack`
    the index first: its member "index" stands where `rekindle-pack` is to be
    the blobs before the index: its member "blobs" stands where `index` is to be
    no index: its member "blobs" stands where `index` is to be
    no blobs: it ends before its member `blobs`
    the text alone: it ends before its member `index`
    two indexes: its member "index" stands where `blobs` is to be
    two texts: its member "rekindle-pack" stands where `index` is to be
    a fourth member: something lies behind one of its members
    no end: it ends early
    half an end: it ends early
    more zeros behind the end: something lies behind its end
    something behind the end: something lies behind its end
    something in the end: something lies behind one of its members
    something behind a member: something lies behind one of its members
    an archive cut off: its member `index` is longer than it can be
    "#);
}

#[test]
fn a_member_that_is_not_the_plain_file_of_its_name_is_refused() {
    let named = |name: &'static [u8]| with_header(1, move |header| header.name = name.to_vec());
    let kind = |kind: u8| with_header(1, move |header| header.kind = kind);
    let linked = |kind: u8| {
        with_header(1, move |header| {
            header.kind = kind;
            header.link = b"/etc/passwd";
        })
    };
    let special = |kind: u8, size: &'static [u8]| {
        with_header(1, move |header| {
            header.name = b"././@LongLink".to_vec();
            header.kind = kind;
            header.size = size.to_vec();
        })
    };
    let sized = |size: &'static [u8]| with_header(2, move |header| header.size = size.to_vec());
    let cases = vec![
        ("another name", named(b"other")),
        ("a name in a directory", named(b"v2/results/ab/index")),
        ("a name that leads up", named(b"../../index")),
        ("an absolute name", named(b"/etc/cron.d/index")),
        ("a name that starts here", named(b"./index")),
        ("no name", named(b"")),
        ("a name that goes on behind a zero", named(b"index\0x")),
        ("a name that is no UTF-8", named(b"ind\xffex")),
        ("a name that a terminal would act on", named(b"\x1b[2Jindex")),
        ("a symbolic link", linked(b'2')),
        ("a hard link", linked(b'1')),
        ("a character device", kind(b'3')),
        ("a block device", kind(b'4')),
        ("a directory", kind(b'5')),
        ("a FIFO", kind(b'6')),
        ("a contiguous file", kind(b'7')),
        ("a file of old", kind(0)),
        ("a sparse file", kind(b'S')),
        ("a volume", kind(b'V')),
        ("a long name of 4 GB", special(b'L', b"37777777777\0")),
        ("a long link of 4 GB", special(b'K', b"37777777777\0")),
        ("an extended header of 8 GB", special(b'x', b"77777777777\0")),
        ("a global header", special(b'g', b"00000000000\0")),
        ("a plain file with a link", with_header(1, |header| header.link = b"/etc/passwd")),
        ("a program", with_header(1, |header| header.mode = b"0004755\0")),
        ("a time", with_header(1, |header| header.time = b"14700000000\0")),
        ("an owner", with_header(1, |header| header.owner = b"root")),
        ("a wrong checksum", with_header(1, |header| header.sum = 1)),
        ("a negative size", sized(&[0xff; 12])),
        ("a size of 16 EB", sized(&[0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
        ("a size beyond all numbers", sized(&[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15])),
        ("a small size in the way of large ones", sized(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15])),
        ("a size that is no number", sized(b"0000000000x\0")),
        ("a decimal size", sized(b"00000000019\0")),
        ("a size in spaces", sized(b"         17 \0"[..12].as_ref())),
        ("no size", sized(&[0; 12])),
        ("a size beyond the end", sized(b"00000010000\0")),
        ("a size of 8 GB", sized(b"77777777777\0")),
        ("a smaller size", sized(b"00000000016\0")),
    ];
    insta::assert_snapshot!(refused(cases), @r#"
    another name: its member "other" stands where `index` is to be
    a name in a directory: its member "v2/results/ab/index" stands where `index` is to be
    a name that leads up: its member "../../index" stands where `index` is to be
    an absolute name: its member "/etc/cron.d/index" stands where `index` is to be
    a name that starts here: its member "./index" stands where `index` is to be
    no name: its member "" stands where `index` is to be
    a name that goes on behind a zero: what stands before its member `index` is not as a pack has it
    a name that is no UTF-8: its member "ind�ex" stands where `index` is to be
    a name that a terminal would act on: its member "\u{1b}[2Jindex" stands where `index` is to be
    a symbolic link: a symbolic link stands where its member `index` is to be
    a hard link: a hard link stands where its member `index` is to be
    a character device: a device stands where its member `index` is to be
    a block device: a device stands where its member `index` is to be
    a directory: a directory stands where its member `index` is to be
    a FIFO: a FIFO stands where its member `index` is to be
    a contiguous file: something unknown stands where its member `index` is to be
    a file of old: something unknown stands where its member `index` is to be
    a sparse file: a sparse file stands where its member `index` is to be
    a volume: something unknown stands where its member `index` is to be
    a long name of 4 GB: a long name stands where its member `index` is to be
    a long link of 4 GB: a long name stands where its member `index` is to be
    an extended header of 8 GB: an extended header stands where its member `index` is to be
    a global header: an extended header stands where its member `index` is to be
    a plain file with a link: what stands before its member `index` is not as a pack has it
    a program: what stands before its member `index` is not as a pack has it
    a time: what stands before its member `index` is not as a pack has it
    an owner: what stands before its member `index` is not as a pack has it
    a wrong checksum: the checksum before its member `index` does not match
    a negative size: the size of its member `blobs` is no number
    a size of 16 EB: its member `blobs` is longer than it can be
    a size beyond all numbers: the size of its member `blobs` is no number
    a small size in the way of large ones: what stands before its member `blobs` is not as a pack has it
    a size that is no number: the size of its member `blobs` is no number
    a decimal size: the size of its member `blobs` is no number
    a size in spaces: the size of its member `blobs` is no number
    no size: the size of its member `blobs` is no number
    a size beyond the end: its member `blobs` is longer than it can be
    a size of 8 GB: its member `blobs` is longer than it can be
    a smaller size: its blobs are not as many bytes as it says
    "#);
}

fn sample(change: impl Fn(&mut Sample)) -> Vec<u8> {
    let mut sample = Sample::good();
    change(&mut sample);
    squeeze(&sample.archive())
}

fn with_text(text: &str) -> Vec<u8> {
    squeeze(&archive(text, &Sample::good().index(), &Sample::good().blobs))
}

#[test]
fn a_text_that_is_not_that_of_this_format_is_refused() {
    let good = Sample::good().text();
    let not_utf8 = [
        &file("rekindle-pack", b"rekindle pack 1\nversion \xff\n")[..],
        &file("index", &Sample::good().index()),
        &file("blobs", &Sample::good().blobs),
        &END,
    ];
    let counted = |at: usize, count: u64| sample(move |sample| sample.counts[at] = count);
    let cases = vec![
        ("a newer format", sample(|sample| sample.format = 2)),
        ("a newer format of another build", with_text("rekindle pack 17\nand more\n")),
        ("the newest format", sample(|sample| sample.format = u64::MAX)),
        ("format 0", sample(|sample| sample.format = 0)),
        ("a format beyond all numbers", with_text("rekindle pack 99999999999999999999\n")),
        ("no text", with_text("")),
        ("another text", with_text("hello\n")),
        ("a text that is no UTF-8", squeeze(&not_utf8.concat())),
        ("a line more", with_text(&(good.clone() + "more 1\n"))),
        ("a line less", with_text(good.rsplit_once("builds").unwrap().0)),
        ("a number with a zero before it", with_text(&good.replace("results 3", "results 03"))),
        ("a negative number", with_text(&good.replace("results 3", "results -3"))),
        ("a text of 60 MB", with_text(&"x".repeat(60 << 20))),
        ("as many blobs as there are numbers", counted(0, u64::MAX)),
        ("too many sets", counted(2, (1 << 20) + 1)),
        ("as many notes as may be", counted(3, 1 << 20)),
        ("as many bytes as there are numbers", counted(1, u64::MAX)),
        ("a byte more", counted(1, 16)),
        ("a byte less", counted(1, 14)),
        ("a blob more", counted(0, 3)),
        ("a blob less", counted(0, 1)),
        ("a set less", counted(2, 0)),
        ("a result more", counted(4, 4)),
        ("a result less", counted(4, 2)),
        ("a build more", counted(5, 2)),
        ("no build", counted(5, 0)),
    ];
    insta::assert_snapshot!(refused(cases), @"
    a newer format:  was packed by a newer rekindle (its format is 2)
    a newer format of another build:  was packed by a newer rekindle (its format is 17)
    the newest format:  was packed by a newer rekindle (its format is 18446744073709551615)
    format 0: its format is one that never was
    a format beyond all numbers: what it says about itself is not as a pack says it
    no text: what it says about itself is not as a pack says it
    another text: what it says about itself is not as a pack says it
    a text that is no UTF-8: what it says about itself is not as a pack says it
    a line more: what it says about itself is not as a pack says it
    a line less: what it says about itself is not as a pack says it
    a number with a zero before it: what it says about itself is not as a pack says it
    a negative number: what it says about itself is not as a pack says it
    a text of 60 MB: its member `rekindle-pack` is longer than it can be
    as many blobs as there are numbers: it says that it has 18446744073709551615 blobs, beyond 1048576
    too many sets: it says that it has 1048577 input sets, beyond 1048576
    as many notes as may be: its notes are not as they should be: a part of the index makes no sense
    as many bytes as there are numbers: it says that its blobs are more bytes than it holds
    a byte more: its blobs are not as many bytes as it says
    a byte less: its blobs are not as many bytes as it says
    a blob more: its blobs are not as they should be: a part of the index makes no sense
    a blob less: its blobs are not as they should be: there are more than it says
    a set less: its results are not as they should be: a part of the index makes no sense
    a result more: its results are not as they should be: a part of the index makes no sense
    a result less: its results are not as they should be: there are more than it says
    a build more: its records of builds are not as they should be: the index ends before them
    no build: its index goes on behind its end
    ");
}

/// The good index with other chunks.
fn with_index(index: &[u8]) -> Vec<u8> {
    let sample = Sample::good();
    squeeze(&archive(&sample.text(), index, &sample.blobs))
}

#[test]
fn an_index_that_is_not_what_it_says_is_refused() {
    let good = Sample::good().index();
    let patched = |at: usize, bytes: &[u8]| {
        let mut index = good.clone();
        index[at..at + bytes.len()].copy_from_slice(bytes);
        with_index(&index)
    };
    let blobs = Sample::good().blobs_chunk().len();
    let cases = vec![
        ("no index", with_index(b"")),
        ("an index of one byte", with_index(b"x")),
        ("an index cut off", with_index(&good[..good.len() - 1])),
        ("an index cut off between two parts", with_index(&good[..blobs])),
        ("an index that goes on", with_index(&[&good[..], b"x"].concat())),
        ("a part more", with_index(&[&good[..], &Sample::good().builds_chunk()].concat())),
        ("a part as long as there are numbers", patched(0, &[0xff; 8])),
        ("a part of 73 MiB", patched(0, &(73u64 << 20).to_le_bytes())),
        ("a part beyond the end", patched(0, &(1u64 << 20).to_le_bytes())),
        ("an empty part", with_index(&[&[0; 8], &good[..]].concat())),
        ("a part without rows", with_index(&[&chunk(Encoder::new().u64(0))[..], &good].concat())),
        ("60 MB of zeros as a part", {
            let part = [&(60u64 << 20).to_le_bytes()[..], &vec![0; 60 << 20]].concat();
            with_index(&part)
        }),
        ("more rows than there are", sample(|sample| sample.rows = 1)),
        ("fewer rows than there are", sample(|sample| sample.rows = u64::MAX)),
        ("as many rows as there are numbers", patched(8, &[0xff; 8])),
        ("a text longer than all texts", patched(blobs + 48, &[0xff; 4])),
        ("texts longer than the part", patched(blobs + 52, &[0xff; 8])),
    ];
    insta::assert_snapshot!(refused(cases), @"
    no index: its blobs are not as they should be: the index ends before them
    an index of one byte: its blobs are not as they should be: the index ends before them
    an index cut off: its records of builds are not as they should be: the index ends before they do
    an index cut off between two parts: its input sets are not as they should be: the index ends before them
    an index that goes on: its index goes on behind its end
    a part more: its index goes on behind its end
    a part as long as there are numbers: its blobs are not as they should be: a part of the index is too long
    a part of 73 MiB: its blobs are not as they should be: a part of the index is too long
    a part beyond the end: its blobs are not as they should be: the index ends before they do
    an empty part: its blobs are not as they should be: a part of the index makes no sense
    a part without rows: its blobs are not as they should be: a part of the index makes no sense
    60 MB of zeros as a part: its blobs are not as they should be: a part of the index makes no sense
    more rows than there are: its blobs are not as they should be: a part of the index makes no sense
    fewer rows than there are: its blobs are not as they should be: a part of the index makes no sense
    as many rows as there are numbers: its blobs are not as they should be: a part of the index makes no sense
    a text longer than all texts: its input sets are not as they should be: a part of the index makes no sense
    texts longer than the part: its input sets are not as they should be: a part of the index makes no sense
    ");
}

#[test]
fn what_names_what_there_is_not_or_something_twice_is_refused() {
    let twice = |sample: &mut Sample| {
        sample.blobs = b"firstfirst".to_vec();
        sample.sizes = vec![5, 5];
        sample.counts[1] = 10;
    };
    let cases = vec![
        ("a result of a blob that there is not", sample(|sample| sample.results[1].products[0].0 = 2)),
        ("a result of the last number", sample(|sample| sample.results[1].products[0].0 = u32::MAX)),
        ("a result of a set that there is not", sample(|sample| sample.results[1].set = 1)),
        ("a result of the last set", sample(|sample| sample.results[1].set = u32::MAX)),
        ("a result twice", sample(|sample| sample.results[2].name = name("first"))),
        ("a result of no kind", sample(|sample| sample.results[2].kind = 5)),
        ("a product that is neither program nor file", sample(|sample| sample.results[1].products[0].1 = 2)),
        ("a bound result that is none", sample(|sample| sample.results[0].bound = b"bound".to_vec())),
        ("a bound result that was made", sample(|sample| sample.results[0].bound = vec![0; 21])),
        ("a bound result that goes on", sample(|sample| sample.results[0].bound.push(0))),
        (
            "a set twice",
            sample(|sample| {
                sample.sets.push(sample.sets[0].clone());
                sample.counts[2] = 2;
            }),
        ),
        (
            "a note twice",
            sample(|sample| {
                sample.notes.push((name("question"), b"another answer".to_vec()));
                sample.counts[3] = 2;
            }),
        ),
        ("a blob twice", sample(twice)),
        (
            "a blob of no result",
            sample(|sample| {
                sample.results[1].products.pop();
                sample.results[2].products[0].0 = 0;
            }),
        ),
        ("sizes beyond all numbers", sample(|sample| sample.sizes = vec![u64::MAX, 16])),
        ("sizes that are not those of the blobs", sample(|sample| sample.sizes = vec![5, 11])),
        ("blobs shorter than stated", sample(|sample| sample.blobs.truncate(14))),
        ("blobs longer than stated", sample(|sample| sample.blobs.push(b'x'))),
        (
            "65 sets of a key",
            sample(|sample| {
                sample.sets.extend((0..64u8).map(|at| (name("key"), vec![at])));
                sample.counts[2] = 65;
            }),
        ),
        (
            "a result of a million and one products",
            sample(|sample| {
                sample.results[1].products = vec![(0, 0); (1 << 20) + 1];
            }),
        ),
        ("a build of a result that there is not", sample(|sample| sample.builds[0][0].push(3))),
        ("a build of the last number", sample(|sample| sample.builds[0][0].push(u32::MAX))),
        ("a build of a note that there is not", sample(|sample| sample.builds[0][1].push(1))),
        ("a build that names a result twice", sample(|sample| sample.builds[0][0] = vec![1, 1])),
        ("a build whose numbers descend", sample(|sample| sample.builds[0][0] = vec![2, 0])),
        (
            "a build twice",
            sample(|sample| {
                sample.builds.push(sample.builds[0].clone());
                sample.counts[5] = 2;
            }),
        ),
    ];
    insta::assert_snapshot!(refused(cases), @"
    a result of a blob that there is not: its results are not as they should be: one names a blob that there is not
    a result of the last number: its results are not as they should be: one names a blob that there is not
    a result of a set that there is not: its results are not as they should be: one names an input set that there is not
    a result of the last set: its results are not as they should be: one names an input set that there is not
    a result twice: its index names something twice
    a result of no kind: its results are not as they should be: a part of the index makes no sense
    a product that is neither program nor file: its results are not as they should be: a part of the index makes no sense
    a bound result that is none: its results are not as they should be: a part of the index makes no sense
    a bound result that was made: its results are not as they should be: a part of the index makes no sense
    a bound result that goes on: its results are not as they should be: a part of the index makes no sense
    a set twice: its index names something twice
    a note twice: its index names something twice
    a blob twice: it has a blob twice
    a blob of no result: it has a blob that no result names
    sizes beyond all numbers: its blobs are not as many bytes as it says
    sizes that are not those of the blobs: its blobs are not as many bytes as it says
    blobs shorter than stated: its blobs are not as many bytes as it says
    blobs longer than stated: its blobs are not as many bytes as it says
    65 sets of a key: it has more input sets of one key than are ever read
    a result of a million and one products: its results are not as they should be: a part of the index makes no sense
    a build of a result that there is not: its records of builds are not as they should be: one names a number that there is not
    a build of the last number: its records of builds are not as they should be: one names a number that there is not
    a build of a note that there is not: its records of builds are not as they should be: one names a number that there is not
    a build that names a result twice: its records of builds are not as they should be: a part of the index makes no sense
    a build whose numbers descend: its records of builds are not as they should be: a part of the index makes no sense
    a build twice: its index names something twice
    ");
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let disk = store(&dir.path().join("store"));
    let fifo = dir.path().join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for path in [fifo.as_path(), dir.path(), "/dev/zero".as_ref()] {
        let error = import(&disk, path, Content::All).unwrap_err();
        assert!(error.to_string().ends_with("it is no file"), "{error}");
    }
    let error = import(&disk, &dir.path().join("absent"), Content::All).unwrap_err();
    assert!(matches!(error, Error::File { verb: "open", .. }), "{error}");
}

/// Who may write packs may choose what is in a store; whatever that is, it is sealed and found as the store has it.
#[test]
fn what_a_pack_may_say_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let disk = store(&path);
    let cases: Vec<Case> = vec![
        ("sets that make no sense", sample(|sample| sample.sets[0].1 = vec![0xff; 100])),
        ("blobs split elsewhere", sample(|sample| sample.sizes = vec![6, 9])),
        ("a build of nothing", sample(|sample| sample.builds[0] = [vec![], vec![]])),
        (
            "a set that is not in the pack",
            sample(|sample| {
                sample.results[1].kind = 3;
                sample.results[1].keys = vec![name("key"), name("elsewhere")];
            }),
        ),
    ];
    for (what, bytes) in cases {
        fs::write(dir.path().join("pack"), bytes).unwrap();
        import(&disk, &dir.path().join("pack"), Content::All)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(disk.verify().unwrap().damaged.is_empty(), "{what}");
    }
}
