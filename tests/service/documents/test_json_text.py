"""JSON is cut into its records wherever the pieces in which it comes end, and a broken one costs no neighbour."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.parsing.parser import ActivityLogParser
from service.documents import json_text
from service.documents.json_text import Elements, Where, batched_lines, locate
from tests.service.core.parsing.samples import record

LEAVES = st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\{}[],: \n', max_size=8)
BRANCHES = st.text("k}", max_size=2)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(BRANCHES, inner, max_size=3), max_leaves=6
)
RECORDS = st.lists(st.dictionaries(st.text("xyz", min_size=1, max_size=3), VALUES, max_size=4), max_size=12)


class Dribble(io.RawIOBase):
    """A stream that gives no more than so many bytes at once."""

    def __init__(self, text: bytes, most: int) -> None:
        self._text, self._most = text, most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        given, self._text = self._text[: self._most], self._text[self._most :]
        return given


def cut(text: bytes, where: Where | None = None, on_long: Any = None) -> list[bytes]:
    elements = Elements(io.BytesIO(text), where or locate(text), on_long or pytest.fail)  # type: ignore[arg-type]
    return [one for found in elements for one in found]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.documents.unpacking.CHUNK", 64)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("around", ["array", "records", "value", "hits", "rows"])
@settings(max_examples=25)
@given(records=RECORDS, chunk=st.integers(1, 200))
def test_every_record_comes_out_as_it_went_in(around: str, indent: int | None, records: list[Any], chunk: int) -> None:
    whole: dict[str, Any] = {
        "array": records,
        "records": {"a": "{]", "records": records},
        "value": {"value": records, "nextLink": "}"},
        "hits": {"took": 1, "hits": {"total": {"value": 1}, "hits": records}},
        "rows": {"tables": [{"columns": [{"name": "a"}], "rows": [[one] for one in records]}]},
    }
    text = json.dumps(whole[around], indent=indent).encode()
    where = locate(text)
    elements = Elements(Dribble(text, chunk), where, pytest.fail)  # type: ignore[arg-type]
    found = [json.loads(one) for texts in elements for one in texts]
    assert found == ([[one] for one in records] if around == "rows" else records)
    assert not elements.unfinished


@settings(max_examples=25)
@given(records=RECORDS, size=st.integers(1, 4), indent=st.sampled_from([None, 2]))
def test_documents_one_after_another_are_followed(records: list[Any], size: int, indent: int | None) -> None:
    plain = b"\n".join(json.dumps(one, indent=indent).encode() for one in records)
    assert [json.loads(one) for one in cut(plain, Where("documents", 0))] == records
    pages = [records[at : at + size] for at in range(0, len(records), size)]
    arrays = b"".join(json.dumps(page).encode() for page in pages)
    assert [json.loads(one) for one in cut(arrays, Where("array", 1))] == records


def damaged(kind: str, text: bytes) -> bytes:
    middle = text.index(b'"caller', len(text) // 2)
    brace = text.rindex(b"}", 0, middle)
    return {
        "a brace is missing": text[:brace] + text[brace + 1 :],
        "a quote too many": text[:middle] + b'"' + text[middle:],
        "a bracket of the wrong kind": text[:brace] + b"]" + text[brace + 1 :],
        "the end is missing": text[:middle],
    }[kind]


KINDS = ["a brace is missing", "a quote too many", "a bracket of the wrong kind", "the end is missing"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_broken_record_costs_no_neighbour(kind: str, indent: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.documents.unpacking.CHUNK", 4096)
    monkeypatch.setattr(json_text, "SUSPECT", 20_000)
    records = [record(correlationId=f"{number:036}") for number in range(60)]
    parser = ActivityLogParser()
    parsed = [parser.parse(text) for text in cut(damaged(kind, json.dumps(records, indent=indent).encode()))]
    events = [event for one in parsed for event in one.events]
    whole = 60 if kind != "the end is missing" else len(events) + 1
    assert len({event.correlation for event in events}) >= whole - 1 - (kind == "a quote too many")
    assert len(events) >= 29
    assert sum(len(one.rejects) for one in parsed) >= 1


def test_what_is_no_record_is_handed_on_too() -> None:
    records = [b'{"a":1}', b"42", b'{"b":2}', b'"text"', b"[3]", b'{"c":3}']
    found = cut(b"[" + b", ".join(records) + b"]")
    assert b"".join(found).replace(b" ", b"").replace(b",", b"") == b"".join(records)
    assert {b'{"a":1}', b'{"b":2}', b'{"c":3}'} <= set(found)


def test_a_text_that_ends_early_says_so() -> None:
    elements = Elements(io.BytesIO(b'[{"a":1},'), Where("array", 1), pytest.fail)  # type: ignore[arg-type]
    assert [one for found in elements for one in found] == [b'{"a":1}']
    assert elements.unfinished


def test_a_record_longer_than_any_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "LARGEST_TEXT", 1000)
    told: list[int] = []
    text = b'[{"a":1}, {"b":"' + b"x" * 5000 + b'"}, {"c":3}]'
    found = cut(text, on_long=told.append)
    assert found[0] == b'{"a":1}'
    assert told[0] == 2
    assert max(map(len, found)) < 2000


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=30), st.integers(1, 90))
def test_lines_keep_their_numbers(written: list[bytes], chunk: int) -> None:
    found = {
        first + at: line
        for first, texts in batched_lines(Dribble(b"\n".join(written), chunk), pytest.fail)  # type: ignore[arg-type]
        for at, line in enumerate(texts)
        if line
    }
    assert {number: line for number, line in enumerate(written, 1) if line} == found


def test_a_line_longer_than_any_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "LARGEST_TEXT", 500)
    told: list[int] = []
    text = b"one\n" + b"x" * 5000 + b"\nthree"
    assert [line for _, texts in batched_lines(io.BytesIO(text), told.append) for line in texts if line] == [
        b"one",
        b"three",
    ]
    assert told == [2]
