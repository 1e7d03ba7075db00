//! Whether a binary needs anything of the system that it runs on but the kernel.

/// The kind of the program header that names a loader.
const INTERPRETER: u32 = 3;

/// Refuses what is not an x86-64 program for Linux, and one that asks for a loader: it would need the libraries, too.
pub(super) fn check_static(bytes: &[u8]) -> Result<(), String> {
    // The magic number, 64 bits, little-endian; and, at 18, the machine.
    if !bytes.starts_with(b"\x7fELF\x02\x01") || number(bytes, 18, 2) != Some(62) {
        return Err("it is no program for Linux on x86-64".to_owned());
    }
    let headers = || {
        let (start, size, count) = (number(bytes, 32, 8)?, number(bytes, 54, 2)?, number(bytes, 56, 2)?);
        (0..count).map(|at| number(bytes, start.checked_add(at * size)?, 4)).collect::<Option<Vec<u64>>>()
    };
    match headers() {
        None => Err("it is cut off".to_owned()),
        Some(kinds) if kinds.contains(&INTERPRETER.into()) => {
            Err("it is not static: it asks for a loader".to_owned())
        }
        Some(_) => Ok(()),
    }
}

/// The number of `size` bytes at an offset.
fn number(bytes: &[u8], at: u64, size: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of a program with program headers of these kinds.
    fn program(kinds: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01".to_vec();
        bytes.resize(64, 0);
        (bytes[18], bytes[32], bytes[54], bytes[56]) = (62, 64, 56, kinds.len() as u8);
        for kind in kinds {
            bytes.push(*kind);
            bytes.resize(bytes.len() + 55, 0);
        }
        bytes
    }

    #[test]
    fn a_program_that_asks_for_a_loader_is_not_static() {
        assert_eq!(check_static(&program(&[1, 2, 6])), Ok(()));
        assert!(check_static(&program(&[6, 3, 1])).unwrap_err().contains("asks for a loader"));
        assert!(check_static(&std::fs::read("/bin/sh").unwrap()).is_err());
    }

    #[test]
    fn what_is_no_program_or_cut_off_is_refused() {
        assert!(check_static(b"#!/bin/sh\n").unwrap_err().contains("no program"));
        assert!(check_static(&program(&[1, 2])[..100]).unwrap_err().contains("cut off"));
        assert!(check_static(b"").is_err());
    }
}
