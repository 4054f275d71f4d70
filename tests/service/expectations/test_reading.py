"""A file of tests is read whole or not at all, and each mistake is a line with its place and without what was typed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models.statistics import Severity
from service.expectations.models import MOST_ACTIVITIES, TestFile
from service.expectations.reading import LARGEST_TEST_FILE, TestFileError, read_tests

GOOD = """\
tests:
  - name: one
    history:
      - activities:
          - identity: ann
            operation: Microsoft.Web/sites/write
            at: 2026-03-02T09:00:00Z
    expect:
      - identity: ann
        alerts: high
"""


def mistakes(text: str | bytes) -> list[str]:
    with pytest.raises(TestFileError) as caught:
        read_tests(text if isinstance(text, bytes) else text.encode(), "t.yaml", played=True)
    return caught.value.lines


def test_one_value_will_do_where_there_may_be_several() -> None:
    [test] = read_tests(b"\xef\xbb\xbf" + GOOD.encode(), "t.yaml", played=True).tests
    assert test.history[0].activities
    [activity] = test.history[0].activities
    assert (activity.identity, activity.at) == (("ann",), (datetime(2026, 3, 2, 9, tzinfo=UTC),))
    assert test.expect[0].alerts is Severity.HIGH
    assert test.expect[0].title == "ann: alerts at least high"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("alerts: high", "alerts: hihg", "line 10, tests[0].expect[0].alerts: should be true, false or one of "),
        ("alerts: high", "alert: high", "line 10, tests[0].expect[0].alert: no such key"),
        ("        alerts: high\n", "", "line 9, tests[0].expect[0]: should expect something"),
        ("alerts: high", "score_below: secret", "line 10, tests[0].expect[0].score_below: should be a number"),
        ("alerts: high", "score_below: 101", "line 10, tests[0].expect[0].score_below: should be less than or equal"),
        ("alerts: high", "score_below: .nan", "line 10, tests[0].expect[0].score_below: should be"),
        (
            "alerts: high",
            "alerts: high\n        score_below: 40\n        score_at_least: 60",
            "line 11, tests[0].expect[0].score_below: should be more than score_at_least",
        ),
        ("alerts: high", "alerts: high\n        detector: rare", "line 11, tests[0].expect[0].detector: should be one"),
        ("alerts: high", "alerts: high\n        address: here", "line 11, tests[0].expect[0].address: should be an IP"),
        ("09:00:00Z", "09:00:00", "line 7, tests[0].history[0].activities[0].at: should be a time with its offset"),
        ("at: 2026-03-02T09:00:00Z", "at: soon", "line 7, tests[0].history[0].activities[0].at: should be a time"),
        ("at: 2026-03-02", "at: 9999-12-31", "line 7, tests[0].history[0].activities[0].at: leads past the end"),
        ("identity: ann\n            op", "op", "line 5, tests[0].history[0].activities[0].identity: is missing"),
        (
            "at: 2",
            "kind: guest\n            at: 2",
            "line 7, tests[0].history[0].activities[0].kind: should be one of human",
        ),
        (
            "at: 2",
            "days: 0\n            at: 2",
            "line 7, tests[0].history[0].activities[0].days: should be greater than",
        ),
        ("- activities:", "- files: a\n        activities:", "line 4, tests[0].history[0]: should have exactly one of"),
        ("  - name: one", "  - example: x\n    name: one", "line 2, tests[0].example: no such key"),
        (
            "- activities:",
            "- example: rare_action.talks\n      - activities:",
            "line 4, tests[0].history[0].example: should be one",
        ),
        ("name: one", "name: [one]", "line 2, tests[0].name: should be a text"),
        (
            "at: 2",
            "times: 10000\n            days: 100\n            at: 2",
            f"line 3, tests[0].history: its activities come to more than {MOST_ACTIVITIES:,} records",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_its_key(old: str, new: str, line: str) -> None:
    assert old in GOOD
    [told] = mistakes(GOOD.replace(old, new, 1))
    assert told.startswith(f"t.yaml: {line}")
    for typed in ("hihg", "secret", "soon", "talks", "here"):
        assert typed not in told


def test_all_mistakes_are_told_in_order_of_their_lines() -> None:
    told = mistakes(GOOD.replace("high", "loud").replace("ann", "[]", 1).replace("name:", "nmae:"))
    assert [one.partition(", ")[0] for one in told] == [f"t.yaml: line {line}" for line in (2, 2, 5, 10)]


def test_two_tests_of_one_name_could_not_be_told_apart() -> None:
    told = mistakes(GOOD + GOOD.removeprefix("tests:\n"))
    assert told == ["t.yaml: line 11, tests[1].name: is the name of another test as well"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "should be a mapping with the list tests"),
        (b"[]", "should be a mapping with the list tests"),
        (b"suppressions: []", "should be a mapping with the list tests"),
        (b"tests: 1", "should be a list"),
        (b"tests: []", "should not be empty"),
        (b"tests: []\ntests: []", "a key is there twice"),
        (b"tests:\n\t- name", "a tab, where YAML wants blanks"),
        (b"\xff\xfe\xfd", "is not UTF-8 text"),
        (b"tests: 2026-13-45", "has a date in it that is none"),
        (b"tests: &a [*a]", "should be a mapping"),
        (b"[" * 600, "is nested too deeply"),
        (b" " * (LARGEST_TEST_FILE + 1), "which is the most that is read"),
    ],
)
def test_what_is_no_file_of_tests_is_refused_in_a_line(data: bytes, said: str) -> None:
    [told] = mistakes(data)
    assert told.startswith("t.yaml: ")
    assert said in told


def test_an_expectation_reads_as_a_line() -> None:
    whole: dict[str, Any] = {
        "identity": "ann",
        "operation": "a/*",
        "at": "2026-03-02T10:00:00+01:00",
        "address": "198.51.100.7",
        "detector": "dormant",
        "alerts": False,
        "score_at_least": 10,
        "score_below": 40.5,
        "mentions": "days",
    }
    [test] = TestFile.model_validate({"tests": [{"name": "n", "expect": [whole]}]}).tests
    assert test.expect[0].title == (
        "ann a/* at 2026-03-02 09:00 from 198.51.100.7 by dormant: "
        "does not alert, scores at least 10, stays below 40.5, mentions 'days'"
    )


def test_only_a_test_that_is_played_needs_a_history() -> None:
    bare = b"tests:\n  - name: one\n    expect: [{identity: ann, alerts: true}]\n"
    assert read_tests(bare, "t.yaml", played=False).tests[0].history == ()
    assert mistakes(bare) == ["t.yaml: line 2, tests[0].history: is missing or empty"]


def test_what_an_alias_repeats_counts_where_it_stands_first() -> None:
    twice = "tests:\n  - &a\n    name: one\n    expect: [{identity: ann}]\n  - *a\n"
    told = mistakes(twice)
    assert {one.partition(", ")[0] for one in told} == {"t.yaml: line 2", "t.yaml: line 4"}
