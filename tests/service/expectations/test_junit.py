"""Results as JUnit XML: counts that a CI system adds up, and text that XML can hold."""

from xml.etree import ElementTree

from service.expectations.junit import junit_xml
from service.expectations.results import CheckedExpectation, Played

PLAYED = [
    Played(
        "a.yaml", "good", (CheckedExpectation("ann: alerts"), CheckedExpectation("ben: alerts", "it did <not> \x00"))
    ),
    Played("b.yaml", "unread", error="week.gz: No such file or directory"),
]


def test_each_test_is_a_suite_and_each_expectation_a_case() -> None:
    assert junit_xml(PLAYED).decode() == (
        """\
<?xml version='1.0' encoding='utf-8'?>
<testsuites tests="3" failures="1" errors="1">
  <testsuite name="a.yaml: good" tests="2" failures="1" errors="0">
    <testcase classname="good" name="ann: alerts" />
    <testcase classname="good" name="ben: alerts">
      <failure message="it did &lt;not&gt; \ufffd" />
    </testcase>
  </testsuite>
  <testsuite name="b.yaml: unread" tests="1" failures="0" errors="1">
    <testcase classname="b.yaml" name="unread">
      <error message="week.gz: No such file or directory" />
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def test_whatever_a_name_holds_it_is_xml() -> None:
    name = "".join(map(chr, range(0x20))) + "\x7f\ud800\ufffe]]>\"'&"
    [suite] = ElementTree.fromstring(junit_xml([Played("f", name)]))  # noqa: S314 - our own document
    assert suite.get("name", "").endswith("\x7f\ufffd\ufffd]]>\"'&")
