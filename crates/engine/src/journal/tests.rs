//! Tests of the journal: what is torn, damaged, resumed.

use super::*;

impl Journal {
    /// Takes another file from here on; gives the one so far.
    pub(crate) fn swap(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }
}

fn read_all(path: &Path) -> Vec<(u8, Vec<u8>)> {
    let mut records = Vec::new();
    Journal::open(path, |record| {
        records.push((record.kind, record.payload.to_vec()));
        true
    })
    .unwrap();
    records
}

fn written(path: &Path) -> Vec<(u8, Vec<u8>)> {
    let mut journal = Journal::open(path, |_| true).unwrap();
    let records = vec![(1, b"one".to_vec()), (2, Vec::new()), (3, vec![0xff; 300])];
    for (kind, payload) in &records {
        journal.append(*kind, payload);
    }
    journal.flush().unwrap();
    records
}

#[test]
fn what_was_appended_reads_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let records = written(&path);
    assert_eq!(read_all(&path), records);
    assert_eq!(written(&path).len(), 3);
    assert_eq!(read_all(&path).len(), 6);
}

#[test]
fn a_torn_tail_is_cut_off_wherever_it_was_torn() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let records = written(&path);
    let bytes = fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let read = read_all(&path);
        assert!(read.len() < records.len() && read[..] == records[..read.len()], "torn at {length}");
        let more = written(&path);
        assert_eq!(read_all(&path).len(), read.len() + more.len(), "appending after a cut at {length}");
    }
}

#[test]
fn a_flipped_byte_is_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let records = written(&path);
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let read = read_all(&path);
        assert!(read.len() < records.len() && read[..] == records[..read.len()], "flipped at {at}");
    }
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&(VERSION + 1).to_le_bytes());
    bytes.extend_from_slice(&plain_sum(&bytes));
    bytes.extend_from_slice(b"from the future");
    fs::write(&path, &bytes).unwrap();
    let error = Journal::open(&path, |_| true).unwrap_err().to_string();
    let shown = error.replace(&dir.path().display().to_string(), "DIR");
    insta::assert_snapshot!(shown, @"the build directory DIR/journal has format 5, and this rekindle knows formats up to 4");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn rewriting_leaves_only_what_was_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    written(&path);
    let mut journal = Journal::open(&path, |_| true).unwrap();
    journal.rewrite(|new| assert!(new.append(9, b"all that is left"))).unwrap();
    journal.append(8, b"and more");
    journal.flush().unwrap();
    assert_eq!(read_all(&path), [(9, b"all that is left".to_vec()), (8, b"and more".to_vec())]);
    assert_eq!(journal.length(), fs::metadata(&path).unwrap().len());
}

/// A journal with two records, where it ended then, and what three more made of it.
fn grown(path: &Path) -> (Mark, Vec<u8>) {
    let mut journal = Journal::open(path, |_| true).unwrap();
    journal.append(1, b"before the mark");
    journal.append(2, b"this, too");
    journal.flush().unwrap();
    let mark = journal.mark();
    written(path);
    (mark, fs::read(path).unwrap())
}

/// What is read when `path` is resumed at `mark`; `None` if it cannot be.
fn resumed(path: &Path, mark: Mark) -> Option<Vec<u8>> {
    let mut kinds = Vec::new();
    let journal = Journal::resume(path, mark, |record| {
        kinds.push(record.kind);
        true
    });
    journal.unwrap().map(|_| kinds)
}

#[test]
fn only_what_stands_behind_the_mark_is_read_and_appended_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let (mark, mut bytes) = grown(&path);
    // Nobody looks at what stands before the mark's last record.
    bytes[HEADER] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let mut behind = Vec::new();
    let journal = Journal::resume(&path, mark, |record| {
        behind.push(record.kind);
        true
    });
    let mut journal = journal.unwrap().expect("the mark fits");
    assert_eq!(behind, [1, 2, 3]);
    assert!(!journal.lost());
    journal.append(7, b"appended");
    journal.flush().unwrap();
    bytes[HEADER] ^= 1;
    let appended = fs::read(&path).unwrap().split_off(bytes.len());
    fs::write(&path, [bytes, appended].concat()).unwrap();
    let kinds: Vec<u8> = read_all(&path).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [1, 2, 1, 2, 3, 7]);
}

#[test]
fn a_journal_that_is_torn_or_damaged_behind_the_mark_is_not_resumed_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let (mark, bytes) = grown(&path);
    let start = usize::try_from(mark.length).unwrap();
    let mut whole = Vec::new();
    for length in start..=bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        match resumed(&path, mark) {
            Some(kinds) => whole.push((length, kinds.len())),
            None => assert_eq!(fs::read(&path).unwrap(), bytes[..length]),
        }
    }
    let ends = [0, FRAME + 3, 2 * FRAME + 3, 3 * FRAME + 303].map(|end| start + end);
    assert_eq!(whole, [(ends[0], 0), (ends[1], 1), (ends[2], 2), (ends[3], 3)]);
    for at in start..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(resumed(&path, mark), None, "flipped at {at}");
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[test]
fn a_journal_that_does_not_hold_what_it_held_at_the_mark_is_not_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let (mark, bytes) = grown(&path);
    assert!(resumed(&path, mark).is_some());
    for length in 0..u64::try_from(bytes.len()).unwrap() + 9 {
        let fits = length == mark.length;
        assert_eq!(resumed(&path, Mark { length, ..mark }).is_some(), fits, "a mark at {length}");
    }
    assert_eq!(resumed(&path, Mark { length: u64::MAX, ..mark }), None);
    let start = usize::try_from(mark.length).unwrap();
    for length in 0..start {
        fs::write(&path, &bytes[..length]).unwrap();
        assert_eq!(resumed(&path, mark), None, "cut to {length}");
    }
    // The same record ends at the same place, behind another one.
    fs::remove_file(&path).unwrap();
    assert_eq!(resumed(&path, mark), None);
    let mut other = Journal::open(&path, |_| true).unwrap();
    other.append(1, b"before the Mark");
    other.append(2, b"this, too");
    other.flush().unwrap();
    assert_eq!(other.length(), mark.length);
    assert_eq!(resumed(&path, mark), None);
    let mut journal = Journal::open(&path, |_| true).unwrap();
    journal.rewrite(|new| assert!(new.append(9, &[0; 900]))).unwrap();
    assert_eq!(resumed(&path, mark), None);
}

#[test]
fn a_record_that_makes_no_sense_behind_the_mark_is_left_for_a_whole_reading() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let (mark, bytes) = grown(&path);
    assert!(Journal::resume(&path, mark, |record| record.kind != 3).unwrap().is_none());
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_record_out_of_its_place_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let records = written(&path);
    let bytes = fs::read(&path).unwrap();
    let second = HEADER + FRAME + 3;
    let twice = [&bytes[..second], &bytes[HEADER..]].concat();
    fs::write(&path, twice).unwrap();
    assert_eq!(read_all(&path), records[..1]);
    let without_the_first = [&bytes[..HEADER], &bytes[second..]].concat();
    fs::write(&path, without_the_first).unwrap();
    assert_eq!(read_all(&path), []);
}

#[test]
fn the_checksum_is_the_published_one() {
    // XXH3, 64 bits, of nothing: the seed is the checksum before.
    assert_eq!(u64::from_le_bytes(chained_sum([0; 8], b"")), 0x2d06_8005_38d3_94c2);
    assert_ne!(chained_sum([1, 0, 0, 0, 0, 0, 0, 0], b""), chained_sum([0; 8], b""));
}

#[test]
fn records_longer_than_what_is_read_at_once_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut journal = Journal::open(&path, |_| true).unwrap();
    let records: Vec<(u8, Vec<u8>)> =
        [1 << 20, 0, 300_000, 5, 1 << 18].map(|length| (4, vec![length as u8 ^ 0x5a; length])).into();
    for (kind, payload) in &records {
        assert!(journal.append(*kind, payload));
    }
    journal.flush().unwrap();
    assert_eq!(read_all(&path), records);
}

#[test]
fn a_length_that_the_file_cannot_have_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let records = written(&path);
    let bytes = fs::read(&path).unwrap();
    for length in [u32::MAX, 64 << 20, 1 << 20] {
        let torn = [&bytes[..], &length.to_le_bytes(), b"and little more"].concat();
        fs::write(&path, torn).unwrap();
        assert_eq!(read_all(&path), records);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

/// A journal as the format before has it.
fn of_format_2(records: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = [&MAGIC[..], &2u32.to_le_bytes()].concat();
    bytes.extend_from_slice(&plain_sum(&bytes));
    for (kind, payload) in records {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let framed = [&length[..], &[*kind], payload].concat();
        bytes.extend_from_slice(&framed);
        bytes.extend_from_slice(&plain_sum(&framed));
    }
    bytes
}

#[test]
fn a_journal_of_the_format_before_is_read_and_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let records = written(&dir.path().join("new"));
    let old = of_format_2(&records);
    for length in [old.len(), old.len() - 1] {
        fs::write(&path, &old[..length]).unwrap();
        let mut read = Vec::new();
        let mut journal = Journal::open(&path, |record| {
            read.push((record.kind, record.payload.to_vec()));
            true
        })
        .unwrap();
        let whole = length == old.len();
        assert_eq!(read, records[..if whole { 3 } else { 2 }]);
        assert_eq!(journal.lost(), !whole);
        journal.append(5, b"new");
        journal.flush().unwrap();
        read.push((5, b"new".to_vec()));
        assert_eq!(read_all(&path), read);
    }
}

#[test]
fn a_format_older_than_that_makes_an_empty_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut bytes = [&MAGIC[..], &1u32.to_le_bytes()].concat();
    bytes.extend_from_slice(&plain_sum(&bytes));
    fs::write(&path, bytes).unwrap();
    let journal = Journal::open(&path, |_| panic!("there is nothing to read")).unwrap();
    assert!(journal.lost());
    assert_eq!(fs::read(&path).unwrap(), header().0);
}
