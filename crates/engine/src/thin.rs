//! Thin archives: their members lie beside them, each a file of its own, which the linker reads.

/// How a thin archive starts.
pub(crate) const MAGIC: &[u8] = b"!<thin>\n";

const HEADER: usize = 60;

/// The names of an archive's members, relative to the archive's directory; none if it cannot be read off.
///
/// The format is that of GNU `ar`: headers of 60 bytes, the name in the first 16 and the size in bytes 48 to 58. Only
/// the tables (`/`, `/SYM64/`, `//`) have their content behind the header; `//` holds the names, and `/N` in a header
/// is the one that starts at N.
pub(crate) fn members(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut at = MAGIC.len();
    let mut table: &[u8] = &[];
    let mut members: Vec<Vec<u8>> = Vec::new();
    bytes.strip_prefix(MAGIC)?;
    while at < bytes.len() {
        let header = bytes.get(at..at + HEADER)?;
        let name = header[..16].trim_ascii_end();
        let size: usize = std::str::from_utf8(&header[48..58]).ok()?.trim().parse().ok()?;
        at += HEADER;
        if matches!(name, b"/" | b"//" | b"/SYM64/") {
            let content = bytes.get(at..at.checked_add(size)?)?;
            if name == b"//" {
                table = content;
            }
            at += size.next_multiple_of(2);
            continue;
        }
        let member = match name.strip_prefix(b"/") {
            Some(offset) => {
                let digits = offset.split(|byte| *byte == b':').next()?;
                let offset: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
                let start = table.get(offset..)?;
                &start[..start.iter().position(|byte| *byte == b'\n')?]
            }
            None => name,
        };
        let member = member.strip_suffix(b"/").unwrap_or(member);
        if member.is_empty() {
            return None;
        }
        if !members.iter().any(|known| known == member) {
            members.push(member.to_vec());
        }
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, size: usize) -> String {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644)
    }

    #[test]
    fn members_are_named_by_the_table_and_none_has_content() {
        let table = "sub/first.o/\nb.o/\n";
        let text = format!(
            "!<thin>\n{}abc\n{}{table}{}{}{}",
            header("/", 4),
            header("//", table.len()),
            header("/0", 1000),
            header("/13", 7),
            header("/13:99", 7)
        );
        let shown: Vec<_> =
            members(text.as_bytes()).unwrap().into_iter().map(|m| String::from_utf8(m).unwrap()).collect();
        assert_eq!(shown, ["sub/first.o", "b.o"]);
    }

    #[test]
    fn what_is_cut_or_no_thin_archive_is_not_read() {
        let table = "a.o/\n";
        let text = format!("!<thin>\n{}{table}\n{}", header("//", table.len()), header("/0", 5));
        assert!(members(text.as_bytes()).is_some());
        for end in [4, 20, 70, text.len() - 1] {
            assert_eq!(members(&text.as_bytes()[..end]), None, "{end}");
        }
        assert_eq!(members(b"!<arch>\n"), None);
        assert_eq!(members(b"!<thin>\n"), Some(Vec::new()));
    }
}
