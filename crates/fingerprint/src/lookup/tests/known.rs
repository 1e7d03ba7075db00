//! Directories of which it is known what they hold, so that they are not listed.

use super::*;
use crate::consult::Names;
use crate::disk;

/// Listings that know these directories as they are now.
fn knowing(space: &mut Space, dirs: &[&str]) -> Listings {
    let mut listings = Listings::default();
    for (dir, id) in dirs.iter().zip(space.ids(dirs)) {
        let (names, signature) = disk::names_signed(&space.at(dir));
        listings.know(id, Names::of(&names.unwrap(), signature));
    }
    listings
}

const SEARCHED: [&str; 4] = ["src", "i1", "i2", "i1/sys"];

fn sample() -> (Space, Lookups) {
    let mut space = Space::new(&["src/a.c", "i1/sys/o.h", "i1/p.h", "i2/x.h"]);
    let lookups = space.record(&["i1", "i2"], &["i2/x.h"], &[probe("p.h", true), probe("sys/q.h", true)]);
    assert!(lookups.hits.iter().any(|hit| &*hit.name == b"p.h"), "one answer is asked of the disk");
    (space, lookups)
}

#[test]
fn what_is_known_is_not_listed_and_gives_the_same_answer() {
    let (mut space, lookups) = sample();
    let mut listings = knowing(&mut space, &SEARCHED);
    let dirs = space.ids(&SEARCHED);
    listings.look(&space.files, &Nothing, &dirs);
    assert!(!is_outdated(&mut space.files, &Nothing, &lookups, &mut listings));
    assert_eq!(check(&mut space.files, &Nothing, &lookups, &mut listings), []);
    assert_eq!(listings.len(), 0);
}

#[test]
fn names_that_are_known_and_are_others_are_searched() {
    for (appears, expected) in
        [("i1/x.h", vec!["+i1: x.h"]), ("src/x.h", vec!["+src: x.h"]), ("i1/sys/q.h", vec!["+i1: sys/q.h"])]
    {
        let (mut space, lookups) = sample();
        space.write(appears, "");
        let mut listings = knowing(&mut space, &SEARCHED);
        let changes = check(&mut space.files, &Nothing, &lookups, &mut listings);
        assert_eq!(changes.iter().map(|change| space.show(change)).collect::<Vec<_>>(), expected);
        assert_eq!(listings.len(), 1, "the one that has other names");
    }
}

#[test]
fn a_file_that_becomes_a_directory_is_noticed_though_the_names_are_the_same() {
    let (mut space, lookups) = sample();
    fs::remove_file(space.at("i1/p.h")).unwrap();
    fs::create_dir(space.at("i1/p.h")).unwrap();
    let mut listings = knowing(&mut space, &SEARCHED);
    let changes = check(&mut space.files, &Nothing, &lookups, &mut listings);
    assert_eq!(changes.iter().map(|change| space.show(change)).collect::<Vec<_>>(), ["-i1: p.h"]);
    assert_eq!(listings.len(), 0);
}

#[test]
fn what_actions_make_counts_as_there_though_it_is_not_known() {
    let (mut space, lookups) = sample();
    let output = space.ids(&["i1/x.h"]);
    let world = Outputs::of(&mut space.files, output);
    let mut listings = knowing(&mut space, &SEARCHED);
    let changes = check(&mut space.files, &world, &lookups, &mut listings);
    assert_eq!(changes.iter().map(|change| space.show(change)).collect::<Vec<_>>(), ["+i1: x.h"]);
}

#[test]
fn a_search_that_asks_for_the_same_is_not_made_again() {
    let (mut space, lookups) = sample();
    let mut listings = knowing(&mut space, &SEARCHED);
    let search = space.search(&["i1", "i2"]);
    let (from, read, other) = (space.ids(&["src"]), space.ids(&["i2/x.h"]), space.ids(&["i1/p.h"]));
    let probes = [probe("sys/q.h", true), probe("p.h", true)];
    let asked = Asked { search: &search, from: &from, read: &read, probes: &probes };
    let same = |space: &mut Space, asked: &Asked<'_>, listings: &mut Listings| {
        same(&mut space.files, &Nothing, &lookups, asked, listings)
    };
    assert_eq!(same(&mut space, &asked, &mut listings).as_ref(), Some(&lookups));
    assert_eq!(listings.len(), 0);
    let elsewhere = space.search(&["i2", "i1"]);
    for others in [
        Asked { search: &elsewhere, ..asked },
        Asked { from: &[], ..asked },
        Asked { read: &other, ..asked },
        Asked { probes: &probes[..1], ..asked },
    ] {
        assert_eq!(same(&mut space, &others, &mut listings), None, "{others:?}");
    }
    space.write("i1/more.h", "");
    let mut listings = knowing(&mut space, &SEARCHED);
    assert_eq!(same(&mut space, &asked, &mut listings), None, "a directory holds another name");
}

#[test]
fn what_was_known_before_a_command_and_changed_while_it_ran_is_unsettled() {
    // What appears; what is unsettled if nothing was listed, and if something was listed behind the command.
    let cases: [(&str, &[&str], &[&str]); 5] = [
        ("", &[], &[]),
        ("i1/x.h", &["+i1: x.h"], &["+i1: x.h", "-i1: sys/q.h"]),
        ("i1/unrelated.h", &[], &["-i1: sys/q.h"]),
        ("i1/sys/q.h", &["+i1: sys/q.h"], &["+i1: sys/q.h"]),
        ("i3/x.h", &[], &[]),
    ];
    for (appears, expected, listed) in cases {
        let (mut space, before) = sample();
        space.write("i3/y.h", "");
        let mut listings = knowing(&mut space, &SEARCHED);
        let marker = marker(&space);
        if !appears.is_empty() {
            space.write(appears, "");
        }
        let search = space.search(&["i1", "i2"]);
        let (from, read) = (space.ids(&["src"]), space.ids(&["i2/x.h"]));
        let asked = Asked { search: &search, from: &from, read: &read, probes: &before.probes };
        let show = |space: &Space, changes: &[LookupChange]| {
            changes.iter().map(|change| space.show(change)).collect::<Vec<_>>()
        };
        let changes = unsettled(&mut space.files, &Nothing, &before, &mut listings, marker);
        assert_eq!(show(&space, &changes), expected, "{appears}");
        let lookups = record(&mut space.files, &Nothing, asked, &mut listings);
        let changes = unsettled(&mut space.files, &Nothing, &lookups, &mut listings, marker);
        assert_eq!(show(&space, &changes), listed, "{appears}");
    }
}

#[test]
fn a_way_that_leads_through_what_is_known_is_found_without_a_listing() {
    let mut space = Space::new(&["src/a.c", "i1/sys/o.h", "i2/sys/x.h", "i3/other.h"]);
    symlink("nowhere", space.at("i3/sys")).unwrap();
    let dirs = ["i1", "i2", "i3"];
    let lookups = space.record(&dirs, &["i2/sys/x.h"], &[probe("sys/q.h", true)]);
    let searched = ["src", "i1", "i2", "i3", "i1/sys", "i2/sys", "i3/sys"];
    let mut listings = knowing(&mut space, &searched);
    let marker = marker(&space);
    space.write("i3/more.h", "");
    let changes = unsettled(&mut space.files, &Nothing, &lookups, &mut listings, marker);
    assert_eq!(changes, []);
    assert_eq!(listings.len(), 0);
}

#[test]
fn what_no_listing_tells_of_is_asked_again_though_no_directory_has_changed() {
    for by in [Vec::new(), SEARCHED.to_vec()] {
        let mut space = Space::new(&["src/a.c", "i1/sys/o.h", "i1/p.h", "i2/x.h", "other/o.h"]);
        let lookups = space.record(&["i1", "i2"], &["i2/x.h"], &[probe("../other/p.h", true)]);
        let mut listings = knowing(&mut space, &by);
        let dirs = space.ids(&SEARCHED);
        listings.look(&space.files, &Nothing, &dirs);
        assert_eq!(check(&mut space.files, &Nothing, &lookups, &mut listings), []);
        let marker = marker(&space);
        space.write("other/p.h", "");
        let changes = unsettled(&mut space.files, &Nothing, &lookups, &mut listings, marker);
        let changes: Vec<String> = changes.iter().map(|change| space.show(change)).collect();
        assert_eq!(changes, ["+i1: ../other/p.h", "+i2: ../other/p.h"]);
    }
}

#[test]
fn what_changed_between_what_is_known_and_the_command_is_not_taken_for_what_the_command_saw() {
    // Asked for and there before; what happens to it behind what is known; whether the search was made before it, too.
    for (there, asked_before) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut space = Space::new(&["src/a.c", "i1/o.h", "i2/x.h"]);
        if there {
            space.write("i1/p.h", "");
        }
        let before = space.record(&["i1", "i2"], &["i2/x.h"], &[probe("p.h", true)]);
        let mut listings = knowing(&mut space, &["src", "i1", "i2"]);
        if asked_before {
            assert_eq!(check(&mut space.files, &Nothing, &before, &mut listings), []);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        if there {
            fs::remove_file(space.at("i1/p.h")).unwrap();
        } else {
            space.write("i1/p.h", "");
        }
        let marker = marker(&space);
        let search = space.search(&["i1", "i2"]);
        let (from, read) = (space.ids(&["src"]), space.ids(&["i2/x.h"]));
        let asked = Asked { search: &search, from: &from, read: &read, probes: &before.probes };
        assert_eq!(same(&mut space.files, &Nothing, &before, &asked, &mut listings), None);
        let lookups = record(&mut space.files, &Nothing, asked, &mut listings);
        let changes = unsettled(&mut space.files, &Nothing, &lookups, &mut listings, marker);
        let holds = lookups.hits.iter().any(|hit| &*hit.name == b"p.h" && hit.file) != there;
        assert!(holds || !changes.is_empty(), "there before: {there}, asked before: {asked_before}");
    }
}

#[test]
fn an_answer_that_the_disk_gave_before_the_command_is_asked_again_where_a_directory_has_changed() {
    let mut space = Space::new(&["src/a.c", "i1/p.h/in", "i2/x.h"]);
    let before = space.record(&["i1", "i2"], &["i2/x.h"], &[probe("p.h", true)]);
    assert!(before.hits.iter().any(|hit| &*hit.name == b"p.h" && !hit.file), "a directory is no header");
    let mut listings = knowing(&mut space, &["src", "i1", "i2"]);
    assert_eq!(check(&mut space.files, &Nothing, &before, &mut listings), []);
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::remove_dir_all(space.at("i1/p.h")).unwrap();
    space.write("i1/p.h", "");
    let marker = marker(&space);
    let search = space.search(&["i1", "i2"]);
    let (from, read) = (space.ids(&["src"]), space.ids(&["i2/x.h"]));
    let asked = Asked { search: &search, from: &from, read: &read, probes: &before.probes };
    let lookups = record(&mut space.files, &Nothing, asked, &mut listings);
    let changes = unsettled(&mut space.files, &Nothing, &lookups, &mut listings, marker);
    assert_eq!(changes.iter().map(|change| space.show(change)).collect::<Vec<_>>(), ["+i1: p.h"]);
}
