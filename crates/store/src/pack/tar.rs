//! The headers of a pack's members: of each there is one spelling, so a header is read by writing it anew.

/// A member starts and ends at a multiple of this.
pub(super) const BLOCK: usize = 512;

/// What follows the last member: two blocks of zeros.
pub(super) const END: usize = 2 * BLOCK;

pub(super) type Header = [u8; BLOCK];

/// From here on a size does not fit in eleven octal digits.
const OCTAL_END: u64 = 1 << 33;

/// The header of the file `name`: mode 644, no owner, no time.
pub(super) fn header(name: &str, size: u64) -> Header {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < OCTAL_END {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        // As GNU tar writes it: a mark, then the number, its highest byte first.
        put(124, &[0x80]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum = sum(&header);
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// The sum of all bytes, those of the checksum counted as spaces.
fn sum(header: &Header) -> u32 {
    let bytes = header.iter().enumerate();
    bytes.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum()
}

/// The size of the member `name`, whose header this is to be.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(found: &Header, name: &str) -> Result<u64, String> {
    if found.iter().all(|byte| *byte == 0) {
        return Err(format!("it ends before its member `{name}`"));
    }
    if &found[257..262] != b"ustar" {
        return Err(format!("it holds no tar archive where its member `{name}` is to be"));
    }
    if octal(&found[148..154]) != Some(u64::from(sum(found))) {
        return Err(format!("the checksum before its member `{name}` does not match"));
    }
    if found[156] != b'0' {
        return Err(format!("{} stands where its member `{name}` is to be", kind(found[156])));
    }
    let end = found[..100].iter().position(|byte| *byte == 0).unwrap_or(100);
    if &found[..end] != name.as_bytes() {
        let other = String::from_utf8_lossy(&found[..end]).into_owned();
        return Err(format!("its member {other:?} stands where `{name}` is to be"));
    }
    let size =
        size(&found[124..136]).ok_or_else(|| format!("the size of its member `{name}` is no number"))?;
    if *found != header(name, size) {
        return Err(format!("what stands before its member `{name}` is not as a pack has it"));
    }
    Ok(size)
}

fn kind(flag: u8) -> &'static str {
    match flag {
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'5' => "a directory",
        b'6' => "a FIFO",
        b'L' | b'K' => "a long name",
        b'x' | b'g' => "an extended header",
        b'S' => "a sparse file",
        _ => "something unknown",
    }
}

fn size(field: &[u8]) -> Option<u64> {
    if field[0] == 0x80 && field[1..4] == [0; 3] {
        return field[4..].try_into().ok().map(u64::from_be_bytes);
    }
    octal(&field[..11])
}

fn octal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| match digit {
        b'0'..=b'7' => Some(number << 3 | u64::from(digit - b'0')),
        _ => None,
    })
}

/// How many bytes follow one of `size` bytes up to the next multiple of a block.
pub(super) fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK - over }
}

/// How long an archive of members of these sizes is; none if that is beyond all numbers.
pub(super) fn length(sizes: [u64; 3]) -> Option<u64> {
    sizes.iter().try_fold(END as u64, |sum, size| {
        sum.checked_add(BLOCK as u64)?.checked_add(*size)?.checked_add(padding(*size) as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_was_written_reads_back_whatever_its_size() {
        for size in [0, 1, 511, 512, OCTAL_END - 1, OCTAL_END, u64::MAX] {
            assert_eq!(read(&header("blobs", size), "blobs"), Ok(size));
        }
    }

    #[test]
    fn a_header_that_differs_in_any_bit_is_refused() {
        for size in [1234, OCTAL_END] {
            let good = header("blobs", size);
            for bit in 0..BLOCK * 8 {
                let mut bad = good;
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(read(&bad, "blobs").is_err(), "bit {bit}");
                // Also where the checksum fits.
                let sum = sum(&bad);
                bad[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
                let size = read(&bad, "blobs");
                assert!(size.is_err() || bad == header("blobs", size.unwrap()), "bit {bit}");
            }
        }
    }

    #[test]
    fn an_archive_is_as_long_as_its_parts() {
        assert_eq!(length([0, 0, 0]), Some(3 * 512 + 1024));
        assert_eq!(length([1, 512, 513]), Some(3 * 512 + 1024 + 512 + 512 + 1024));
        assert_eq!(length([0, 0, u64::MAX]), None);
    }
}
