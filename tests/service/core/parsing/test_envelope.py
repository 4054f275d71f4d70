import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.parsing.envelope import LARGEST_MESSAGE, split
from service.core.parsing.parser import ActivityLogParser
from service.core.parsing.rejects import RejectReason
from service.core.parsing.salvage import BROKEN_RECORDS
from tests.service.core.parsing.samples import dump, message, record, rest

A = record(resultType="Start")
B = record(resultType="Success")
C = record(resultType="Failure")
ALL_THREE = ["Start", "Success", "Failure"]


def results(body: bytes) -> list[str]:
    return [event.result for event in ActivityLogParser().parse(body).events]


def pretty(*records: object) -> bytes:
    return json.dumps({"records": records}, indent=4).encode()


WELL_FORMED = {
    "envelope": message(A, B, C),
    "pretty envelope": pretty(A, B, C),
    "other casing": message(A, B, C).replace(b'"records"', b'"Records"', 1),
    "members before the records": b'{"source":"x",' + message(A, B, C)[1:],
    "array": dump([A, B, C]),
    "REST list": dump({"value": [A, B, C], "nextLink": "https://example.invalid/"}),
    "array of envelopes": dump([{"records": [A]}, {"records": [B, C]}]),
    "a record a line": b"\n".join(map(dump, (A, B, C))) + b"\r\n",
    "an envelope a line": message(A) + b"\n" + message(B, C),
    "documents without new lines": dump(A) + dump(B) + dump(C),
    "pretty documents without new lines": b"".join(json.dumps(each, indent=1).encode() for each in (A, B, C)),
    "byte-order mark": b"\xef\xbb\xbf" + message(A, B, C),
    "UTF-16": message(A, B, C).decode().encode("utf-16"),
    "JSON in a JSON string": dump(message(A, B, C).decode()),
    "records as JSON strings": dump({"records": [json.dumps(A), json.dumps(B), C]}),
    "blanks and zero bytes around": b" \n" + message(A, B, C) + b"\0\0\n",
}
MALFORMED = {
    "trailing commas": message(A, B, C).replace(b"}]}", b"},]}").replace(b'"}},', b'",}},'),
    "single quotes": repr({"records": [A, B, C]}).encode(),
    "single-quoted properties": message(A, B, C).replace(
        b'"entity":', b"""'owner':'Ann \\"A\\" {B','n':None,'t':True,"entity":""", 1
    ),
    "raw control characters": message(A, B, C).replace(b'"Information"', b'"Infor\n\tmation\x01"'),
    "empty member": message(A, B, C).replace(b'"level"', b'"":"","level"'),
    "a bad escape": message(A, B, C).replace(b'"Information"', rb'"C:\Users\x"'),
    "a lone surrogate": message(A, B, C).replace(b'"Information"', rb'"\ud800"'),
    "bytes that are not UTF-8": message(A, B, C).replace(b'"203.0.113.7"', b'"203.0.113.7\xff"'),
    "no closing of the envelope": message(A, B, C)[:-2],
    "a closing too many": message(A, B, C) + b"]}",
}


@pytest.mark.parametrize("shape", [*WELL_FORMED, *MALFORMED])
def test_every_shape_gives_all_its_records(shape: str) -> None:
    body = {**WELL_FORMED, **MALFORMED}[shape]

    parsed = ActivityLogParser().parse(body)

    assert [event.result for event in parsed.events] == ALL_THREE
    assert (parsed.rejects, parsed.records) == ([], 3)


@pytest.mark.parametrize("body", [dump(A), dump(rest()), json.dumps(A, indent=2).encode()])
def test_a_bare_record_is_a_message_of_one(body: bytes) -> None:
    assert ActivityLogParser().parse(body).records == 1
    assert len(results(body)) == 1


def broken_quote(text: bytes) -> bytes:
    return text.replace(b'"Administrative"', b'"Administrative', 1)


def missing_brace(text: bytes) -> bytes:
    return text[:-1]


def garbled(text: bytes) -> bytes:
    return text.replace(b":", b" = ", 3)


def too_deep(text: bytes) -> bytes:
    return text[:-1] + b',"x":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"


def an_extra_brace(text: bytes) -> bytes:
    return text + b"}"


@pytest.mark.parametrize("damage", [broken_quote, missing_brace, garbled, too_deep])
@pytest.mark.parametrize("frame", [b'{"records":[%s]}', b"[%s]", b"%s"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_broken_record_costs_none_of_its_neighbours(
    damage: Callable[[bytes], bytes], frame: bytes, place: int
) -> None:
    records = [dump(A), dump(B), dump(C)]
    records[place] = damage(records[place])
    joint = b"\n" if frame == b"%s" else b","

    parsed = ActivityLogParser().parse(frame % joint.join(records))

    assert [event.result for event in parsed.events] == ALL_THREE[:place] + ALL_THREE[place + 1 :]
    assert len(parsed.rejects) == 1


def test_a_brace_too_many_costs_nothing() -> None:
    assert results(b'{"records":[' + an_extra_brace(dump(A)) + b"," + dump(B) + b"]}") == ALL_THREE[:2]


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_message_cut_anywhere_keeps_the_records_before_the_cut(cut: int) -> None:
    whole = message(A, B, C)
    cut = cut % len(whole)
    before = sum(whole.index(b'"resultType":"%s"' % word) < cut for word in (b"Start", b"Success", b"Failure"))

    parsed = ActivityLogParser().parse(whole[:cut])

    assert len(parsed.events) >= max(0, before - 1)
    assert [event.result for event in parsed.events] == ALL_THREE[: len(parsed.events)]
    assert parsed.records >= 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", RejectReason.NOT_JSON),
        (b" \r\n", RejectReason.NOT_JSON),
        (b"hello", RejectReason.NOT_JSON),
        (b"42", RejectReason.NOT_JSON),
        (b"\x00\x01\x02\xff", RejectReason.NOT_JSON),
        (b'"just text"', RejectReason.NOT_JSON),
        (b'{"records":' + b"[" * 100_000, RejectReason.NOT_JSON),
        (b'{"records":[7]}', RejectReason.NOT_A_RECORD),
        (b'{"records":[{}]}', RejectReason.NOT_A_RECORD),
        (b'{"records":[null,"x",[[]]]}', RejectReason.NOT_A_RECORD),
        (b'{"some":"other json document that is none of ours"}', RejectReason.NOT_A_RECORD),
        (b'{"records":[' + dump(A)[:-40], RejectReason.TRUNCATED),
        (b" " * (LARGEST_MESSAGE + 1), RejectReason.OVERSIZED),
    ],
)
def test_what_is_no_record_is_rejected_for_its_reason(body: bytes, reason: RejectReason) -> None:
    parsed = ActivityLogParser().parse(body)

    assert parsed.events == []
    assert {reject.reason for reject in parsed.rejects} == {reason}


def test_an_envelope_without_records_is_no_fault() -> None:
    assert ActivityLogParser().parse(b'{"records":[]}') == ([], [], {}, 0)


@pytest.mark.parametrize(
    "hostile",
    [
        b'{"records":[' + b"{" * 50_000,
        b'{"records":[' + b'{"time":' * 10_000,
        b'{"records":[' + b'{"time":"' * 10_000,
        b'{"records":[' + b'{"time":x},' * 10_000 + b"{",
        b"{'records':[" + b"{'time':'x'," * 10_000,
        b'{"records":[' + b'"\\' * 50_000,
        b'{"records":[{"a":"' + b"\\" * 100_000,
        b'{"records":[{"a":1' + b", " * 50_000 + b"x",
        b"{\n" * 20_000,
        b"{" + b" " * 100_000,
        b'"' + b'{\\"a\\":' * 10_000 + b'"',
    ],
    ids=range(11),
)
def test_hostile_messages_end_in_few_rejects_and_in_linear_time(hostile: bytes) -> None:
    parsed = ActivityLogParser().parse(hostile)  # quadratic work would run into the time-out

    assert parsed.events == []
    assert 1 <= parsed.rejected <= BROKEN_RECORDS + 1


@given(st.binary(max_size=300) | st.text(alphabet="{}[]\"\\:,' \nrecordst1", max_size=200).map(str.encode))
def test_splitting_never_raises_and_always_says_something(body: bytes) -> None:
    fragments = list(split(body))

    assert fragments or body.strip().startswith((b"[", b"{"))
    assert all(fragment.flaw is not None or fragment.text for fragment in fragments)
