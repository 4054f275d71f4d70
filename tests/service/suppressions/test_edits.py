"""Edits of the suppressions file change what they should, and not a letter more."""

from datetime import UTC, datetime, timedelta
from difflib import ndiff
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.alerting.suppressions import Suppression, UnusableSuppressions
from service.suppressions.edits import add, expire
from service.suppressions.file import read_suppressions

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ONE = Suppression("Ann", "a/*", "", "dormant", NOW, LATER, 'why: "that" #4711', "who", learn=False)
EXAMPLE = (Path(__file__).parents[3] / "config" / "suppressions.yaml").read_text()
OTHER = "- {action: b/*, until: 2026-03-05T00:00:00Z, reason: x, owner: y, learn: true}"

REST = "    until: 2026-03-05T00:00:00Z\n    owner: y\n    learn: true"


def read(text: str) -> list[Suppression]:
    return read_suppressions(text.encode(), "s.yaml", NOW)


def ids(text: str) -> list[str]:
    return [one.id for one in read(text)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "suppressions: []",
        "suppressions: [] # none\n",
        "# a\nsuppressions:\n# b\n",
        "suppressions:",
        f"suppressions:\n{OTHER}",
        f"suppressions:\n{OTHER} # so\n\n# the end",
        f"suppressions:\n    {OTHER}\n    # the end\n",
        f"suppressions:\n  - action: b/*\n{REST}\n    reason: |\n      x\n      z",
        EXAMPLE,
    ],
)
def test_an_entry_is_added_at_the_end_and_every_line_stays(text: str) -> None:
    before = read(text) if text.strip() else []
    after = add(text, ONE, "s.yaml", NOW)
    assert read(after) == [*before, ONE]
    gone = [line for line in ndiff(text.splitlines(), after.splitlines()) if line.startswith("- ")]
    assert [line for line in gone if line.strip("- ") and "[]" not in line] == []


@settings(max_examples=40, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    entry = ONE._replace(reason=" ".join(text.split()))
    try:
        after = add(EXAMPLE, entry, "s.yaml", NOW)
    except UnusableSuppressions:
        assert not entry.reason.isprintable() or not entry.reason
    else:
        assert read(after)[-1] == entry


def test_what_is_there_already_is_not_added() -> None:
    text = add("", ONE, "s.yaml", NOW)
    with pytest.raises(UnusableSuppressions, match=r"covers what suppressions\[0\] covers"):
        add(text, ONE._replace(until=LATER + timedelta(days=1)), "s.yaml", NOW)


@pytest.mark.parametrize("text", [f"suppressions: [{OTHER.removeprefix('- ')}]", "suppressions: [1]", "nothing"])
def test_what_cannot_be_added_to_is_refused(text: str) -> None:
    with pytest.raises(UnusableSuppressions, match=r"s\.yaml"):
        add(text, ONE, "s.yaml", NOW)


def test_an_entry_ends_now_and_nothing_else_changes() -> None:
    text = add(EXAMPLE, ONE, "s.yaml", NOW)
    late = NOW + timedelta(hours=1)
    ended = expire(text, ONE.id, "s.yaml", late)
    assert read(ended) == [*read(EXAMPLE), ONE._replace(until=late)]
    assert ended == text.replace("until: 2026-03-03T12:00:00Z", "until: 2026-03-02T13:00:00Z")
    assert ids(ended) == ids(text)


@pytest.mark.parametrize(
    ("wanted", "now", "why"),
    [
        ("00000000", NOW, "no suppression has the id 00000000; there are"),
        (ONE.id, LATER, "has expired already, 2026-03-03T12:00:00Z"),
        (ONE.id, NOW - timedelta(hours=1), "has not begun: take it out by hand, at line"),
    ],
)
def test_what_cannot_be_ended_is_said(wanted: str, now: datetime, why: str) -> None:
    with pytest.raises(UnusableSuppressions, match=why):
        expire(add(EXAMPLE, ONE, "s.yaml", NOW), wanted, "s.yaml", now)


def test_an_end_that_others_share_is_left_to_people() -> None:
    shared = "{action: b/*, until: &end 2026-03-05T00:00:00Z, reason: x, owner: y, learn: true}"
    text = f"suppressions:\n- {shared}\n- {shared.replace('b/', 'c/').replace('&end 2026-03-05T00:00:00Z', '*end')}\n"
    merged = f"suppressions:\n- &one {shared}\n- {{<<: *one, action: c/*}}\n"
    for written in (text, merged):
        for wanted in ids(written):
            with pytest.raises(UnusableSuppressions, match="by hand"):
                expire(written, wanted, "s.yaml", NOW)
