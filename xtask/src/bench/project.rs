//! A project of any size, the same in every run: which unit includes which headers, and the files that say so.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::random::Random;

/// Headers in a folder that include each other, and units in an archive.
const GROUP: usize = 100;
/// A header includes at most this many earlier headers of its neighbourhood.
const NEIGHBOURS: usize = 3;
/// How far back the neighbourhood reaches.
const REACH: usize = 12;
/// A unit reads between these many headers, its includes' includes counted.
const READS: std::ops::Range<usize> = 30..70;

/// How large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Sources besides the one of the program.
    pub(crate) units: usize,
    /// Headers.
    pub(crate) headers: usize,
}

/// What includes what, by number.
pub(crate) struct Project {
    size: Size,
    /// The headers that each header includes.
    headers: Vec<Vec<usize>>,
    /// The headers that each unit includes.
    units: Vec<Vec<usize>>,
    /// Pairs of a unit and a header that it reads.
    reads: usize,
}

impl Project {
    /// Draws the includes; equal sizes give equal projects.
    pub(crate) fn new(size: Size) -> Project {
        let mut random = Random::new(0x72656b_696e646c65);
        let headers: Vec<Vec<usize>> =
            (0..size.headers).map(|header| neighbours(&mut random, header)).collect();
        let mut units = Vec::with_capacity(size.units);
        let mut reads = 0;
        for _ in 0..size.units {
            let wanted = (READS.start + random.below(READS.len())).min(size.headers);
            let (includes, read) = draw(&mut random, &headers, wanted);
            units.push(includes);
            reads += read;
        }
        Project { size, headers, units, reads }
    }

    /// The project of a number of units whose headers are read by 200 to 250 units each, some by half as many.
    pub(crate) fn of(units: usize) -> Project {
        let headers = if units > 1_000 { units / 5 } else { units / 4 };
        Project::new(Size { units, headers: headers.max(20) })
    }

    /// The size that was asked for.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// How many pairs of a unit and a header that it reads there are.
    pub(crate) fn reads(&self) -> usize {
        self.reads
    }

    /// The header that nearest to `wanted` units read, and these units.
    pub(crate) fn header_read_by(&self, wanted: usize) -> (usize, Vec<usize>) {
        let mut readers = vec![0_usize; self.headers.len()];
        let mut seen = vec![usize::MAX; self.headers.len()];
        for unit in 0..self.units.len() {
            self.visit(unit, &mut seen, &mut |header| readers[header] += 1);
        }
        let nearest = (0..readers.len()).min_by_key(|header| readers[*header].abs_diff(wanted)).unwrap_or(0);
        let mut units = Vec::new();
        seen.fill(usize::MAX);
        for unit in 0..self.units.len() {
            self.visit(unit, &mut seen, &mut |header| units.extend((header == nearest).then_some(unit)));
        }
        (nearest, units)
    }

    /// Calls back for each header that a unit reads; `seen` says of each header which unit was the last to read it.
    fn visit(&self, unit: usize, seen: &mut [usize], each: &mut dyn FnMut(usize)) {
        let mut open = self.units[unit].clone();
        while let Some(header) = open.pop() {
            if seen[header] != unit {
                seen[header] = unit;
                each(header);
                open.extend(&self.headers[header]);
            }
        }
    }

    /// The archive of a unit.
    pub(crate) fn archive_of(unit: usize) -> usize {
        unit / GROUP
    }

    /// How many files an engine has to look at: sources, headers, and what it makes of them.
    pub(crate) fn files(&self) -> usize {
        let sources = self.size.units + 1;
        2 * sources + self.size.headers + self.archives() + 1
    }

    /// How many archives hold the units.
    pub(crate) fn archives(&self) -> usize {
        self.size.units.div_ceil(GROUP)
    }

    /// The units of an archive.
    pub(crate) fn members(&self, archive: usize) -> std::ops::Range<usize> {
        archive * GROUP..((archive + 1) * GROUP).min(self.size.units)
    }

    /// Writes sources and headers under `root`.
    pub(crate) fn write(&self, root: &Path) -> Result<(), String> {
        for (header, includes) in self.headers.iter().enumerate() {
            put(root, &header_path(header), &header_text(header, includes))?;
        }
        for (unit, includes) in self.units.iter().enumerate() {
            put(root, &unit_path(unit), &unit_text(unit, includes))?;
        }
        put(root, MAIN, &self.main_text())
    }

    fn main_text(&self) -> String {
        let mut text = String::new();
        for archive in 0..self.archives() {
            let _ = writeln!(text, "int unit_{:05}(int);", archive * GROUP);
        }
        text.push_str("\nint main(void) {\n  int sum = 0;\n");
        for archive in 0..self.archives() {
            let _ = writeln!(text, "  sum += unit_{:05}({archive});", archive * GROUP);
        }
        text.push_str("  return sum == 0;\n}\n");
        text
    }
}

/// The source of the program.
pub(crate) const MAIN: &str = "src/main.c";

/// The name of an archive's target and folder.
pub(crate) fn archive_name(archive: usize) -> String {
    format!("part{archive:03}")
}

/// A unit's source.
pub(crate) fn unit_path(unit: usize) -> String {
    format!("src/{}/unit_{unit:05}.c", archive_name(unit / GROUP))
}

fn header_name(header: usize) -> String {
    format!("group{:02}/header_{header:04}.h", header / GROUP)
}

/// A header's place.
pub(crate) fn header_path(header: usize) -> String {
    format!("include/{}", header_name(header))
}

/// A few earlier headers nearby.
fn neighbours(random: &mut Random, header: usize) -> Vec<usize> {
    let reach = header.min(REACH);
    let mut found: Vec<usize> =
        (0..random.below(NEIGHBOURS + 1).min(reach)).map(|_| header - 1 - random.below(reach)).collect();
    // A neighbourhood that never ends would make every unit read everything before it.
    found.retain(|other| other / REACH == header / REACH);
    found.sort_unstable();
    found.dedup();
    found
}

/// Includes that make a unit read `wanted` headers or a few more, and how many they are.
fn draw(random: &mut Random, headers: &[Vec<usize>], wanted: usize) -> (Vec<usize>, usize) {
    let mut seen = vec![false; headers.len()];
    let (mut includes, mut read) = (Vec::new(), 0);
    while read < wanted {
        let header = random.below(headers.len());
        if seen[header] {
            continue;
        }
        includes.push(header);
        let mut open = vec![header];
        while let Some(header) = open.pop() {
            if !seen[header] {
                seen[header] = true;
                read += 1;
                open.extend(&headers[header]);
            }
        }
    }
    (includes, read)
}

/// Valid C of about 2 KB.
fn header_text(header: usize, includes: &[usize]) -> String {
    let mut text = format!("#ifndef HEADER_{header:04}_H\n#define HEADER_{header:04}_H\n\n");
    for include in includes {
        let _ = writeln!(text, "#include \"{}\"", header_name(*include));
    }
    for function in 0..32 {
        let _ = writeln!(text, "int header_{header:04}_function_{function:02}(int first, int second);");
    }
    let _ = writeln!(text, "#define HEADER_{header:04}_NUMBER {header}\n\n#endif");
    text
}

/// Valid C of about 2.5 KB.
fn unit_text(unit: usize, includes: &[usize]) -> String {
    let mut text = String::new();
    for include in includes {
        let _ = writeln!(text, "#include \"{}\"", header_name(*include));
    }
    for function in 0..24 {
        let _ = writeln!(
            text,
            "\nstatic int unit_{unit:05}_step_{function:02}(int x) {{\n  return x * {function} + {unit};\n}}"
        );
    }
    let _ = writeln!(text, "\nint unit_{unit:05}(int x) {{");
    for function in 0..24 {
        let _ = writeln!(text, "  x = unit_{unit:05}_step_{function:02}(x);");
    }
    text.push_str("#ifdef ROUND\n  x += ROUND;\n#endif\n  return x;\n}\n");
    text
}

/// Writes a file and the folders above it.
pub(crate) fn put(root: &Path, path: &str, text: &str) -> Result<(), String> {
    let path = root.join(path);
    let folder = path.parent().unwrap_or(root);
    fs::create_dir_all(folder).map_err(|error| format!("create {}: {error}", folder.display()))?;
    fs::write(&path, text).map_err(|error| format!("write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Size = Size { units: 250, headers: 200 };

    #[test]
    fn equal_sizes_give_equal_projects() {
        let (one, other) = (Project::new(SMALL), Project::new(SMALL));
        assert_eq!((&one.headers, &one.units), (&other.headers, &other.units));
    }

    #[test]
    fn a_unit_reads_about_fifty_headers() {
        let project = Project::new(SMALL);
        let average = project.reads() / SMALL.units;
        assert!((45..=58).contains(&average), "{average}");
    }

    #[test]
    fn headers_include_earlier_headers_only() {
        let project = Project::new(SMALL);
        for (header, includes) in project.headers.iter().enumerate() {
            assert!(includes.iter().all(|include| *include < header));
        }
        assert!(project.headers.iter().any(|includes| includes.len() > 1));
    }

    #[test]
    fn every_unit_is_in_one_archive() {
        let project = Project::new(SMALL);
        let members: Vec<usize> =
            (0..project.archives()).flat_map(|archive| project.members(archive)).collect();
        assert_eq!(members, (0..SMALL.units).collect::<Vec<_>>());
    }

    #[test]
    fn a_header_is_found_by_how_many_units_read_it() {
        let project = Project::of(1000);
        let (header, readers) = project.header_read_by(96);
        assert!((90..=102).contains(&readers.len()), "{}", readers.len());
        let direct = (0..1000).filter(|unit| project.units[*unit].contains(&header)).collect::<Vec<_>>();
        assert!(!direct.is_empty() && direct.iter().all(|unit| readers.contains(unit)));
        let all: usize = (0..250).map(|header| readers_of(&project, header)).sum();
        assert_eq!(all, project.reads());
    }

    fn readers_of(project: &Project, wanted: usize) -> usize {
        let mut seen = vec![usize::MAX; project.headers.len()];
        let mut count = 0;
        for unit in 0..project.units.len() {
            project.visit(unit, &mut seen, &mut |header| count += usize::from(header == wanted));
        }
        count
    }

    #[test]
    fn fewer_headers_than_a_unit_wants_do_not_hang() {
        assert_eq!(Project::new(Size { units: 3, headers: 4 }).reads(), 12);
    }
}
