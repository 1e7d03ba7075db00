//! `--timings`: the page, as a browser shows it.

#![expect(clippy::disallowed_methods, reason = "a test is a world of its own")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rekindle_testkit::{Built, Space, require, require_path};

/// A project of a generated header, three units, a library and a program.
fn project() -> Space {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write_all(
        "=== rekindle.toml
[project]
name = 'p'
[command.table]
argv = ['cp', '{in}', '{out}']
inputs = ['table.txt']
outputs = ['table.h']
[library.util]
sources = ['src/one.c', 'src/two.c']
[executable.app]
sources = ['src/main.c']
deps = ['util', 'table']
=== table.txt
#define TABLE 0
=== src/one.c
int one(void) { return 0; }
=== src/two.c
int two(void) { return 0; }
=== src/main.c
#include \"table.h\"
int one(void);
int main(void) { return one() + TABLE; }
",
    );
    space
}

/// The page of the last build where nobody named a file.
fn page(space: &Space) -> PathBuf {
    space.build_dir().join("debug/timings.html")
}

/// Where Debian's package has it.
const CHROMIUM: &str = "/usr/bin/chromium";

/// Whether there is a browser. A test that needs one and has none says how to get it.
fn has_browser() -> bool {
    require_path(Path::new(CHROMIUM), "Chromium (`apt-get install chromium`)")
}

/// Runs Chromium without a window, a network or a past.
#[track_caller]
fn chromium(space: &Space, words: &[&str], page: &Path) -> Built {
    let profile = format!("--user-data-dir={}", space.base().join("tmp/chromium").display());
    let mut all = vec!["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
    all.extend(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    all.extend(["--disable-dev-shm-usage", "--enable-logging=stderr", profile.as_str()]);
    all.extend(words);
    let url = format!("file://{}", page.display());
    all.push(&url);
    space.run(&[]).at_once().within(Duration::from_secs(180)).below(CHROMIUM, &all)
}

/// The elements that the page is made of. What a name or a compiler adds is none.
const ELEMENTS: [&str; 40] = [
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "small", "dl", "div", "dt",
    "dd", "section", "table", "thead", "tbody", "tfoot", "tr", "th", "td", "i", "pre", "button", "label",
    "input", "svg", "line", "text", "rect", "path", "script", "!DOCTYPE", "a", "b", "br", "em", "ul",
];

/// What a browser makes of a page, after its script has run: without errors, and with nothing fetched.
#[track_caller]
fn shown(space: &Space, page: &Path) -> String {
    let built = chromium(space, &["--dump-dom"], page);
    let dom = built.text();
    assert!(dom.contains("</html>"), "{}", built.story());
    let console: Vec<&str> = built.stderr.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "the page complains: {console:?}");
    let head = &dom[..dom.find("<head>").unwrap_or(0)];
    assert!(head.contains("data-ready=\"") && !head.contains("data-error"), "the script ended: {head}");
    let mut scripts = 0;
    for tag in without(&without(&dom, "style"), "script").split('<').skip(1) {
        let tag = &tag[..tag.find('>').unwrap_or(tag.len())];
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap_or_default();
        assert!(ELEMENTS.contains(&name), "<{tag}>");
        let fetches = tag.contains("src=") || tag.contains("href=");
        let runs = tag.split_whitespace().any(|word| word.starts_with("on") && word.contains('='));
        assert!(!fetches && !runs, "<{tag}>");
        scripts += usize::from(tag == "script");
    }
    assert_eq!(scripts, 1);
    dom
}

/// The page without what stands in elements whose text is no HTML.
fn without(dom: &str, name: &str) -> String {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let Some((head, rest)) = dom.split_once(&begin) else { return dom.to_string() };
    let (_, tail) = rest.split_once(&end).unwrap_or((rest, ""));
    format!("{head}{begin}{end}{tail}")
}

/// What stands in the element with this id.
#[track_caller]
fn part<'p>(dom: &'p str, id: &str) -> &'p str {
    let from = dom.find(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no #{id} in {dom}"));
    let end = dom[from..].find("</section>").map_or(dom.len(), |at| from + at);
    &dom[from..end]
}

/// The titles of the bars.
fn bars(dom: &str) -> Vec<String> {
    let titles = part(dom, "timeline").split("<rect ").skip(1);
    titles
        .filter_map(|bar| Some(bar.split_once("<title>")?.1.split_once("</title>")?.0.to_string()))
        .collect()
}

/// The first lines of the titles, sorted.
fn names(dom: &str) -> Vec<String> {
    let mut names: Vec<String> =
        bars(dom).iter().filter_map(|title| title.lines().next().map(str::to_string)).collect();
    names.sort();
    names
}

/// The page's text in one element: what stands between its tags, as a person reads it.
fn text(part: &str) -> String {
    let pieces = part.split('<').map(|piece| piece.split_once('>').map_or("", |(_, text)| text));
    let text: String = pieces.collect::<Vec<_>>().join(" ");
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// What is done once is done before anything else.
const ACTIONS: [&str; 6] = [
    "archive libutil.a",
    "compile src/main.c",
    "compile src/one.c",
    "compile src/two.c",
    "link app",
    "run table",
];

#[test]
fn each_action_has_its_bar_and_the_critical_path_is_named() {
    if !has_browser() || !require("gcc") {
        return;
    }
    let space = project();
    space.build(&["--timings"]).ok().assert_kinds("3c 1a 1l 1x", "-");
    let dom = shown(&space, &page(&space));
    assert_eq!(names(&dom), ACTIONS);
    assert!(bars(&dom).iter().all(|title| title.contains("because not built here yet")), "{:?}", bars(&dom));
    assert_eq!(
        part(&dom, "timeline").matches(" k\"").count(),
        part(&dom, "critical").matches("<tr>").count() - 2
    );
    let path = text(part(&dom, "critical"));
    assert!(path.contains("link app") && path.contains("took"), "{path}");
    let rows = text(part(&dom, "all"));
    assert!(ACTIONS.iter().all(|action| rows.contains(action)), "{rows}");
    assert!(text(part(&dom, "slowest")).contains("compile src/main.c"));

    // The header is generated before the unit that reads it, and the unit compiled before the program is linked.
    space.edit("table.txt", "TABLE 0", "TABLE 1");
    space.build(&["--timings"]).ok().assert_kinds("1c 1l 1x", "-");
    let dom = shown(&space, &page(&space));
    let path = text(part(&dom, "critical"));
    let places = ["run table", "compile src/main.c", "link app"].map(|action| path.find(action));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{path}");
    assert!(text(part(&dom, "reasons")).contains("`table.txt` changed"), "{}", part(&dom, "reasons"));

    space.edit("table.txt", "TABLE 1", "TABLE 0");
    space.build(&["--timings"]).ok().assert_restored("1c 1l 1x");
    let dom = shown(&space, &page(&space));
    assert_eq!(names(&dom), ["compile src/main.c", "link app", "run table"]);
    assert!(
        text(part(&dom, "restored")).contains("compile src/main.c · link app"),
        "{}",
        part(&dom, "restored")
    );

    space.build(&["--timings"]).ok().assert_work("-");
    assert!(shown(&space, &page(&space)).contains("No command ran, and nothing was put back."));
}

/// An image that cannot be loaded runs what stands in `onerror`, wherever it becomes part of a page.
const HOSTILE: &str = "<img src=x onerror=document.documentElement.dataset.error=1>";

#[test]
fn hostile_names_and_what_a_compiler_prints_are_text() {
    if !has_browser() || !require("gcc") {
        return;
    }
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    let names = [HOSTILE, "\"'><svg onload=x>", "<script>x<!--", "&lt;b&gt;", "a{b}\u{202e}c", "日本"];
    for (at, name) in names.iter().enumerate() {
        space.write(format!("src/{name}.c"), format!("int f{at}(void) {{ return 0; }}\n"));
    }
    let broken = OsStr::from_bytes(b"\xff\xfe<b>.c");
    space.write(Path::new("src").join(broken), "int broken(void) { return 0; }\n");
    space.write("main.c", "int main(void) { return 0; }\n");
    let manifest = "[project]\nname = '<b>'\n[executable.x]\nsources = ['main.c', 'src/*.c']\n";
    space.write("rekindle.toml", manifest);
    let built = space.build(&["--timings"]);
    built.ok();
    let dom = shown(&space, &page(&space));
    assert_eq!(bars(&dom).len(), names.len() + 3, "{:?}", bars(&dom));
    let all = text(part(&dom, "all"));
    assert!(all.contains(&format!("compile src/{HOSTILE}.c")) && all.contains("link x"), "{all}");

    space.write("main.c", format!("#error </pre></script><script>x</script>{HOSTILE}\n"));
    space.build(&["--timings"]).exits(1);
    let dom = shown(&space, &page(&space));
    let failures = text(part(&dom, "failures"));
    assert!(
        failures.contains("</pre></script><script>x</script>") && failures.contains(HOSTILE),
        "{failures}"
    );
}

#[test]
fn a_page_is_shown_in_light_and_dark() {
    if !has_browser() || !require("gcc") {
        return;
    }
    let space = project();
    space.build(&["--timings"]).ok();
    let picture = |name: &str, words: &[&str]| {
        let file = space.base().join("tmp").join(name);
        let flag = format!("--screenshot={}", file.display());
        chromium(&space, &[words, &["--window-size=1200,900", flag.as_str()]].concat(), &page(&space));
        fs::read(&file).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let (light, dark) =
        (picture("light.png", &[]), picture("dark.png", &["--blink-settings=preferredColorScheme=0"]));
    assert!(light.starts_with(b"\x89PNG") && light.len() > 10_000, "{}", light.len());
    assert!(dark.starts_with(b"\x89PNG") && dark != light);
}

#[test]
fn where_it_is_written_is_told_and_what_keeps_it_from_being_written_is_too() {
    let mut space = project();
    let plain = |space: &Space, args: &[&str]| {
        let built = space.run(args).done();
        let err =
            built.stderr.lines().filter(|line| line.starts_with("rekindle:") || line.starts_with("  hint"));
        let err: String = err.map(|line| format!("{line}\n")).collect();
        format!("$ rekindle {}\n{}({})\n", args.join(" "), space.redact(&err), built.code)
    };
    let mut told = plain(&space, &["--timings"]);
    told.push_str(&plain(&space, &["run", "app", "--timings=../t.html"]));
    told.push_str(&plain(&space, &["--timings=nowhere/t.html"]));
    fs::remove_file(page(&space)).unwrap();
    told.push_str(&plain(&space, &["-n", "--timings"]));
    told.push_str(&plain(&space, &["explain", "--timings"]));
    told.push_str(&plain(&space, &["build", "nonsense", "--timings"]));
    assert!(!page(&space).exists(), "nothing was built");
    space.set_env("REKINDLE_TIMINGS", "true");
    told.push_str(&plain(&space, &["test"]));
    space.set_env("REKINDLE_TIMINGS", "var.html");
    told.push_str(&plain(&space, &["install", "--prefix", "../there"]));
    told.push_str(&plain(&space, &["build", "util"]));
    insta::assert_snapshot!(told, @"
    $ rekindle --timings
    rekindle: where the time went: [SPACE]/project/.rekindle/build/debug/timings.html
    rekindle: 6 actions: 6 ran ([TIME])
    (0)
    $ rekindle run app --timings=../t.html
    rekindle: where the time went: [SPACE]/project/../t.html
    (0)
    $ rekindle --timings=nowhere/t.html
    rekindle: nothing to do, 6 actions fresh ([TIME])
    rekindle: cannot write `[SPACE]/project/nowhere/t.html`: no such file or directory
    (3)
    $ rekindle -n --timings
    rekindle: nothing to do, 6 actions fresh ([TIME])
    (0)
    $ rekindle explain --timings
    rekindle: nothing to do, 6 actions fresh ([TIME])
    (0)
    $ rekindle build nonsense --timings
    (2)
    $ rekindle test
    rekindle: where the time went: [SPACE]/project/.rekindle/build/debug/timings.html
    rekindle: 0 tests passed ([TIME])
    (0)
    $ rekindle install --prefix ../there
    rekindle: the manifest installs nothing
      hint: write `install = true` in the target's table of the manifest
    (2)
    $ rekindle build util
    rekindle: where the time went: [SPACE]/project/var.html
    rekindle: nothing to do, 3 actions fresh ([TIME])
    (0)
    ");
    assert!(space.path("../t.html").is_file() && space.path("var.html").is_file());
    let json = space.build(&["--timings"]);
    let note =
        json.events.iter().find(|event| event["severity"] == "note").map(|event| event["message"].clone());
    let expected = format!("where the time went: {}", page(&space).display());
    assert_eq!(note.as_ref().and_then(|text| text.as_str()), Some(expected.as_str()));
}

#[test]
fn a_build_that_is_interrupted_writes_its_page() {
    let space = Space::new(env!("CARGO_BIN_EXE_rekindle"));
    space.write(
        "rekindle.toml",
        "[project]\nname = 'p'\n[command.wait]\nargv = ['sleep', '600']\noutputs = ['never']\n",
    );
    let mut running = space.start_build(&["wait", "--timings"]);
    running.until_runs(&["sleep", "600"]);
    running.interrupt();
    running.wait().exits(130);
    let page = fs::read_to_string(page(&space)).unwrap();
    assert!(page.contains("It was interrupted."), "{page}");
    assert!(page.contains("run wait"), "{page}");
}

#[test]
fn a_page_in_the_build_directory_is_in_nobodys_way() {
    let space = project();
    space.build(&["--timings"]).ok();
    space.build(&[]).ok().assert_work("-");
    assert!(page(&space).is_file(), "it stays until the next one");
    let text = fs::read_to_string(space.path("rekindle.toml")).unwrap();
    space.write("rekindle.toml", text.replace("executable.app]", "executable.'timings.html']"));
    let built = space.run(&["build"]).done();
    assert_eq!(built.code, 2, "{}", built.story());
    assert!(built.stderr.contains("a program cannot be called `timings.html`"), "{}", built.stderr);
    space.write("rekindle.toml", text);
    space.run(&["clean"]).done().ok();
    assert!(!space.build_dir().exists());
}
