"""The journal's lines: written and read back, and what is damaged named, passed over and never believed."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.verdicts import journal
from service.core.verdicts.journal import line_of, read_journal
from service.core.verdicts.verdict import Verdict, VerdictKind
from tests.fakes.hostile_names import KNOWN
from tests.fakes.verdicts import judged, verdict


def read(*lines: bytes) -> journal.Journal:
    return read_journal((f"line {number}", line) for number, line in enumerate(lines, 1))


def test_what_was_written_is_read_each_once() -> None:
    some = verdict(), verdict(VerdictKind.MALICIOUS, why="it was not her")
    assert read(*map(line_of, some), line_of(some[0]), b"\n", b"").verdicts == some


# What has no UTF-8 is in no alert: parsing sees to it.
@pytest.mark.parametrize("name", [one for one in KNOWN if not any("\ud800" <= letter <= "\udfff" for letter in one)])
def test_a_hostile_name_stays_on_its_line(name: str) -> None:
    cell = judged(action=name)
    one = verdict(VerdictKind.BENIGN, cell, actor_name=name, actor_id=name)
    line = line_of(one)
    assert line.count(b"\n") == 1
    assert read(line).verdicts == (one,)


def altered(line: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(line), **changes}).encode()


GOOD = line_of(verdict())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (GOOD[:-40], "is no JSON: damaged, or not written to its end"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "is no verdict"),
        (b'{"id": 7}', "is no verdict"),
        (b"1" * 1_000_001, "has more than 1,000,000 bytes"),
        (altered(GOOD, format=2), "was written by a newer version: format '2'"),
        (altered(GOOD, id="0"), "was changed after it was written"),
        (GOOD.replace(b"she has asked", b"he has asked."), "was changed after it was written"),
        (altered(GOOD, verdict={**verdict().model_dump(mode="json"), "kind": "good"}), "field 'kind'"),
        (altered(GOOD, verdict="ann@example.com"), "verdict: field ''"),
    ],
)
def test_what_is_damaged_is_named_and_the_rest_is_read(line: bytes, said: str) -> None:
    other = verdict(VerdictKind.DUPLICATE)
    found = read(line, line_of(other))
    assert found.verdicts == (other,)
    [problem] = found.problems
    assert problem.startswith("line 1: ")
    assert said in problem
    assert "\n" not in problem
    assert "ann@" not in problem


def test_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_VERDICTS", 2)
    lines = [line_of(verdict(at=verdict().at + timedelta(seconds=n))) for n in range(4)]
    found = read(*lines)
    assert len(found.verdicts) == 2
    assert found.problems == ("line 3: is beyond the 2 verdicts that are read",)


@given(st.binary(max_size=200))
def test_nothing_but_a_verdict_is_taken_for_one(noise: bytes) -> None:
    found = read(noise)
    assert found.verdicts == ()
    assert all(isinstance(one, Verdict) for one in read(noise, GOOD).verdicts)
