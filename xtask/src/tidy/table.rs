//! Tables of a Markdown page, as rows of plain cells.

/// The page that holds the tables.
pub(crate) const ARCHITECTURE: &str = "docs/architecture.md";

/// A row of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its line, from 1.
    pub(crate) line: usize,
    /// Its cells without blanks and back-quotes at their ends.
    pub(crate) cells: Vec<String>,
}

/// The rows, without head and rule, of the first table under the heading `## name`; `None` without heading or table.
pub(crate) fn under(page: &str, name: &str) -> Option<Vec<Row>> {
    let mut lines = page.lines().enumerate();
    lines.find(|(_, line)| line.strip_prefix("## ").is_some_and(|title| title.trim() == name))?;
    let rows: Vec<Row> = lines
        .take_while(|(_, line)| !line.starts_with("## "))
        .skip_while(|(_, line)| !line.starts_with('|'))
        .take_while(|(_, line)| line.starts_with('|'))
        .map(|(at, line)| Row { line: at + 1, cells: cells(line) })
        .collect();
    if rows.len() < 2 {
        return None;
    }
    Some(rows.into_iter().skip(2).collect())
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The words between back-quotes in a cell.
pub(crate) fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_under_a_heading_is_read_and_no_other() {
        let page = "# x\n\n| `no` | `no` |\n\n## Arrows\n\ntext\n\n| crate | may depend on |\n|---|---|\n| `a` | `b`, `c` |\n| `b` | - |\n\n## Next\n\n| x |\n|---|\n| y |\n";
        let rows = under(page, "Arrows").unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].line, quoted(&rows[0].cells[0]), quoted(&rows[0].cells[1])),
            (11, vec!["a"], vec!["b", "c"])
        );
        assert_eq!(quoted(&rows[1].cells[1]), Vec::<&str>::new());
        assert_eq!(under(page, "Unsafe"), None);
    }
}
