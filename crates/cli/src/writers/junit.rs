//! Test results in JUnit's XML, in the form that CI servers agree on (the schema of Jenkins' xUnit plugin): one suite,
//! a case for each test, `failure` if its program failed, `error` if it could not be run.

use std::fmt::Write;
use std::time::Duration;

use crate::ansi;
use crate::reporter::outcome_of_test;
use crate::testing::TestReport;

/// The document.
pub(crate) fn junit(suite: &str, reports: &[TestReport], wall: Duration) -> String {
    let broken = |report: &&TestReport| report.exit.is_err();
    let (errors, bad) =
        (reports.iter().filter(broken).count(), reports.iter().filter(|r| !r.passed()).count());
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{errors}\" skipped=\"0\" time=\"{}\"",
        reports.len(),
        bad - errors,
        seconds(wall)
    );
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!("<testsuites {counts}>\n  <testsuite name=\"{}\" {counts}>\n", attribute(suite)));
    for report in reports {
        case(&mut text, suite, report);
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, suite: &str, report: &TestReport) {
    let (suite, name) = (attribute(suite), attribute(&report.name));
    let time = seconds(report.wall);
    text.push_str(&format!("    <testcase classname=\"{suite}\" name=\"{name}\" time=\"{time}\">\n"));
    if !report.passed() {
        let element = if report.exit.is_err() { "error" } else { "failure" };
        let message = attribute(&outcome_of_test(report));
        text.push_str(&format!("      <{element} message=\"{message}\"/>\n"));
    }
    let output = String::from_utf8_lossy(&ansi::strip(&report.output)).into_owned();
    if !output.is_empty() {
        text.push_str(&format!("      <system-out>{}</system-out>\n", content(&output)));
    }
    text.push_str("    </testcase>\n");
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// Text between tags. Characters that XML 1.0 does not have (section 2.2) are replaced.
fn content(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A bare one would be read as a line feed.
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(char),
            '\0'..'\x20' | '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            char => escaped.push(char),
        }
    }
    escaped
}

/// Text between double quotes.
fn attribute(text: &str) -> String {
    let mut escaped = String::new();
    for char in content(text).chars() {
        match char {
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => {
                // Writing to a string cannot fail.
                let _written = write!(escaped, "&#{};", u32::from(char));
            }
            char => escaped.push(char),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use rekindle_exec::Exit;

    use super::*;

    fn report(name: &str, exit: Result<Exit, String>, output: &[u8]) -> TestReport {
        TestReport { name: name.into(), exit, output: output.to_vec(), wall: Duration::from_millis(1234) }
    }

    #[test]
    fn results_are_cases_of_one_suite() {
        let reports = [
            report("good", Ok(Exit::Code(0)), b""),
            report("bad", Ok(Exit::Code(3)), b"1 < 2 && \x1b[31m\"no\"\x1b[m\n\x00\xff"),
            report("dead", Ok(Exit::Signal(11)), b""),
            report("gone", Err("cannot run `x`: there is no such file".into()), b""),
        ];
        insta::assert_snapshot!(junit("my \"app\"", &reports, Duration::from_millis(2500)), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites tests="4" failures="2" errors="1" skipped="0" time="2.500">
          <testsuite name="my &quot;app&quot;" tests="4" failures="2" errors="1" skipped="0" time="2.500">
            <testcase classname="my &quot;app&quot;" name="good" time="1.234">
            </testcase>
            <testcase classname="my &quot;app&quot;" name="bad" time="1.234">
              <failure message="exited with code 3"/>
              <system-out>1 &lt; 2 &amp;&amp; "no"
        ��</system-out>
            </testcase>
            <testcase classname="my &quot;app&quot;" name="dead" time="1.234">
              <failure message="was killed by signal 11 (SIGSEGV)"/>
            </testcase>
            <testcase classname="my &quot;app&quot;" name="gone" time="1.234">
              <error message="cannot run `x`: there is no such file"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
