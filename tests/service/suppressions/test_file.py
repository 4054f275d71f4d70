"""The file of suppressions: the whole of it or nothing, and a line for each thing that is wrong."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.stream.windows import EPOCH
from service.core.alerting.suppressions import Suppression, UnusableSuppressions
from service.suppressions.entry import LONGEST, described
from service.suppressions.file import read_suppressions

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[3] / "config" / "suppressions.yaml"
WHOLE = """
suppressions:
  - actor: 0a1b
    action: Microsoft.Sql/*
    subscription: 0b1f6471-1bf0-4dda-aec3-cb9272f09590
    detector: rare_action
    from: 2026-03-01T08:00:00+01:00
    until: "2026-03-05T00:00:00Z"
    reason: 4711
    owner: ops
    learn: no
"""


def read(text: str | bytes) -> list[Suppression]:
    return read_suppressions(text if isinstance(text, bytes) else text.encode(), "s.yaml", NOW)


def refused(text: str | bytes) -> tuple[str, ...]:
    with pytest.raises(UnusableSuppressions) as error:
        read(text)
    return error.value.lines


def entry(**changes: str | None) -> str:
    """Return a file with one entry, some of its keys changed, or left out."""
    values: dict[str, str | None] = {
        "action": "a/*",
        "until": "2026-03-05T00:00:00Z",
        "reason": "why",
        "owner": "who",
        "learn": "true",
        **{key.rstrip("_"): value for key, value in changes.items()},
    }
    rows = [f"{key}: {value}" for key, value in values.items() if value is not None]
    return "suppressions:\n  - " + "\n    ".join(rows)


def test_every_key_is_understood_numbers_and_times_as_they_are_written() -> None:
    assert read(WHOLE) == [
        Suppression(
            actor="0a1b",
            action="Microsoft.Sql/*",
            subscription="0b1f6471-1bf0-4dda-aec3-cb9272f09590",
            detector="rare_action",
            begins=datetime(2026, 3, 1, 7, tzinfo=UTC),
            until=datetime(2026, 3, 5, tzinfo=UTC),
            reason="4711",
            owner="ops",
            learn=False,
        )
    ]


def test_without_a_beginning_there_is_none() -> None:
    assert read(entry())[0].begins == EPOCH


@pytest.mark.parametrize(
    "text", ["suppressions: []", "suppressions:", "suppressions:\n#  - actor: x\n", "\ufeffsuppressions: []"]
)
def test_there_may_be_none(text: str) -> None:
    assert read(text) == []


def test_the_example_is_valid_and_shows_every_key() -> None:
    entries = read_suppressions(EXAMPLE.read_bytes(), EXAMPLE.name, NOW)
    assert {key for one in entries for key, _ in described(one)} >= {"actor", "action", "subscription", "detector"}
    assert {one.learn for one in entries} == {True, False}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"until": None}, "until: is missing; should be a time with its offset such as"),
        ({"until": "tomorrow"}, "until: given 'tomorrow'; should be a time with its offset"),
        ({"until": "2026-03-05"}, "until: given '2026-03-05'; should be a time with its offset"),
        ({"until": "2026-03-05T00:00:00"}, "until: given '2026-03-05T00:00:00'; should be a time with its offset"),
        ({"until": "2026-02-30T00:00:00Z"}, "until: given '2026-02-30T00:00:00Z'; should be a time"),
        ({"until": "0001-01-01T00:00:00+09:00"}, "until: given '0001-01-01T00:00:00+09:00'; should be a time"),
        ({"until": "2026-06-01T00:00:00Z"}, "should be at most 90 days after now: renew it when due"),
        ({"from_": "9999-12-30T00:00:00Z"}, "should be later than from, 9999-12-30T00:00:00+00:00"),
        ({"from_": "2026-03-05T00:00:00Z"}, "should be later than from, 2026-03-05T00:00:00+00:00"),
        ({"from_": "[1]"}, "from: should be a time with its offset"),
        ({"learn": None}, "learn: is missing; should be true (what is covered becomes normal) or false"),
        ({"learn": "perhaps"}, "learn: given 'perhaps'; should be true"),
        ({"learn": "1"}, "learn: given '1'; should be true"),
        ({"reason": None}, "reason: is missing; should say why"),
        ({"reason": "' '"}, "reason: should be a text"),
        ({"owner": None}, "owner: is missing; should say who answers for it"),
        ({"owner": "x" * 501}, "owner: should have 500 characters at most"),
        ({"owner": '"a\\eb"'}, "owner: should have no control characters in it"),
        (
            {"action": None},
            "should name at least one of actor, action, subscription, detector: it would cover everything",
        ),
        ({"action": "'**'"}, "action: given '**'; should be an operation such as Microsoft.Compute/*"),
        ({"action": "{a: b}"}, "action: should be a text"),
        ({"actor": "'*'"}, "actor: should be one identity's id or name, as alerts show it, without any wildcard"),
        ({"subscription": "production"}, "given 'production'; should be a subscription's id such as"),
        ({"detector": "rare_actoin"}, "detector: given 'rare_actoin'; should be one of dormant, failure_spike"),
        ({"untill": "x"}, "'untill': no such key; did you mean until? (there are actor, action"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_place_what_was_given_and_what_may_be(
    changes: dict[str, str | None], line: str
) -> None:
    [said] = refused(entry(**changes))
    assert said.startswith("s.yaml: line 2, suppressions[0]")
    assert line in said


@pytest.mark.parametrize("key", ["actor", "reason", "owner"])
def test_names_of_people_are_not_repeated(key: str) -> None:
    assert "0verheard" not in "".join(refused(entry(**{key: f"'0verheard* {'x' * 500}'"})))


def test_what_is_repeated_is_short_and_on_one_line() -> None:
    [line] = refused(entry(until='"a\\nb' + "x" * 99 + '"'))
    assert f"given 'a?b{'x' * 37}…'" in line


def test_each_wrong_entry_is_named_and_one_of_them_is_enough() -> None:
    good, bad = entry().split("\n", 1)[1], entry(learn=None, owner=None).split("\n", 1)[1]
    lines = refused(f"suppressions:\n{good}\n{bad}\n  - 7\n")
    assert [line.split(": ")[1] for line in lines] == [
        "line 7, suppressions[1].owner",
        "line 7, suppressions[1].learn",
        "line 10, suppressions[2]",
    ]


def test_what_covers_the_same_from_the_same_time_is_there_once() -> None:
    first, second = (entry(action=action).split("\n", 1)[1] for action in ("a/*", "A/*"))
    [line] = refused(f"suppressions:\n{first}\n{second}")
    assert "suppressions[1]: covers what suppressions[0] covers" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "should be a mapping with the list suppressions: in it"),
        ("# nothing\n", "should be a mapping with the list suppressions: in it"),
        ("- a\n", "should be a mapping with the list suppressions: in it"),
        ("suppressions: []\nmore: 1", "'more': no such key"),
        ("suppressions: none", "suppressions: should be a list"),
        ("suppressions: [", "is not valid YAML at line 1, column 16"),
        ("suppressions:\n  - a: 1\n    a: 2", "is not valid YAML at line 3, column 5"),
        ("suppressions: [{[1]: 2}]", "is not valid YAML at line 1"),
        ("suppressions: [!!python/object:os.system {}]", "is not valid YAML at line 1"),
        ("suppressions: " + "[" * 1000, "is not valid YAML (it is nested too deeply, or an alias leads into itself)"),
        ("suppressions:\n" + "  - 1\n" * 1001, "has 1,001 entries; 1,000 at most are allowed"),
        (b"suppressions: \xff", "is not UTF-8 text"),
        (b"#" * 1_000_001, "has more than 1,000,000 bytes"),
        (b"suppressions: \x00", "is not valid YAML"),
    ],
)
def test_a_file_that_is_none_is_one_line(text: str | bytes, said: str) -> None:
    [line] = refused(text)
    assert line.startswith("s.yaml: ")
    assert said in line


def test_what_is_allowed_stays_allowed_and_a_window_of_the_future_may_be_as_long() -> None:
    text = entry(until=(NOW + LONGEST).isoformat()).encode()
    for later in (timedelta(0), timedelta(days=1000)):
        assert read_suppressions(text, "s.yaml", NOW + later)
    assert read(entry(from_="2027-01-01T00:00:00Z", until="2027-04-01T00:00:00Z"))
    assert "after from" in refused(entry(from_="2027-01-01T00:00:00Z", until="2027-04-02T00:00:00Z"))[0]
