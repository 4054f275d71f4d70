"""Messages that somebody made to cost: what is spent on each is bounded, and what can be read of it is read.

What would be quadratic runs into the time-out of a test.
"""

import gzip
from collections.abc import Callable

import pytest

from benchmarks.hostile import MIB, SHAPES
from service.core.parsing.envelope import MOST_VALUES, split
from service.core.parsing.loose import MOST_PAIRS, as_object
from service.core.parsing.parser import SAMPLES, ActivityLogParser, Parsed
from service.core.parsing.rejects import RejectReason, reject
from service.core.parsing.salvage import BROKEN_RECORDS, LARGEST_RECORD, SHORTEST_RECORD
from tests.service.core.parsing.samples import dump, message, record

pytestmark = pytest.mark.slow

MOST_REJECTS = SAMPLES + len(RejectReason)
GOOD = dump(record())


def read(body: bytes) -> Parsed:
    parsed = ActivityLogParser().parse(body)
    assert parsed.records == len(parsed.events) + parsed.rejected + sum(parsed.left_out.values())
    return parsed


@pytest.mark.parametrize("name", SHAPES)
def test_a_hostile_message_ends_in_few_rejects(name: str) -> None:
    assert len(read(SHAPES[name](MIB // 16)).rejects) <= MOST_REJECTS


@pytest.mark.integration
@pytest.mark.parametrize("name", SHAPES)
def test_a_hostile_message_of_a_mebibyte_does_too(name: str) -> None:
    assert len(read(SHAPES[name](MIB)).rejects) <= MOST_REJECTS


@pytest.mark.parametrize(
    "name", ["envelopes in records", "claims as broken texts", "packed: many members", "empty objects"]
)
def test_what_was_quadratic_is_not(name: str) -> None:
    assert read(SHAPES[name](MIB)).records >= 1


@pytest.mark.parametrize("made_of", [b"{}", b"x{}", b'{"time":'])
def test_after_many_broken_records_the_rest_of_a_broken_message_is_given_up_as_one(made_of: bytes) -> None:
    parsed = read(made_of * 100_000)

    assert BROKEN_RECORDS < parsed.rejected <= 2 * BROKEN_RECORDS + 1
    assert RejectReason.GIVEN_UP in {one.reason for one in parsed.rejects}


@pytest.mark.parametrize("frame", [b"[%s]", b'{"records":[%s]}', b'{"a":1,"records":[%s]}'])
def test_of_a_sound_message_every_empty_object_is_counted_and_what_stands_between_is_read(frame: bytes) -> None:
    parsed = read(frame % b",".join([b"{}"] * 5_000 + [GOOD] + [b"{}"] * 5_000 + [GOOD]))

    assert (len(parsed.events), parsed.rejected) == (2, 10_000)
    assert len(parsed.rejects) <= MOST_REJECTS


def test_empty_objects_on_a_line_each_are_counted_and_what_stands_between_is_read() -> None:
    parsed = read(b"\n".join([b"{}"] * 3_000 + [GOOD] + [b"[{}, 1]"] * 3_000 + [b'{"records":[]}']))

    assert (len(parsed.events), parsed.rejected) == (1, 9_000)


@pytest.mark.parametrize("joint", [b",", b"\n"])
def test_after_many_rejects_no_record_is_looked_at_twice_but_the_usual_ones_are_read(joint: bytes) -> None:
    bad, odd = dump(record(time="never")), GOOD.replace(b'"operationName"', b'"OPERATION_NAME"')
    bodies = [odd, *[bad] * BROKEN_RECORDS, odd, GOOD]
    body = joint.join(bodies) if joint == b"\n" else b'{"records":[%s]}' % joint.join(bodies)

    parsed = read(body)

    assert len(parsed.events) == 2
    assert parsed.rejected == BROKEN_RECORDS + 1
    assert sum(one.records for one in parsed.rejects if one.reason is RejectReason.GIVEN_UP) == 1


def test_few_rejects_show_what_was_refused_and_the_others_are_counted_by_reason() -> None:
    bad, worse = record(time="never"), record(operationName=None, identity=None)

    parsed = read(message(*[bad] * 300, *[worse] * 200, record()))

    assert [bool(one.sample) for one in parsed.rejects] == [True] * SAMPLES + [False] * 2
    assert [(one.reason, one.records) for one in parsed.rejects[SAMPLES:]] == [
        (RejectReason.BAD_TIME, 300 - SAMPLES),
        (RejectReason.NO_ACTION, 200),
    ]


def test_a_message_of_too_many_values_is_not_decoded() -> None:
    body = b'{"records":[' + b"{}," * MOST_VALUES + GOOD + b"]}"

    for each in (body, gzip.compress(body)):
        assert [one.reason for one in read(each).rejects] == [RejectReason.OVERSIZED]


def test_a_large_message_of_ordinary_records_is_no_such_message() -> None:
    assert len(list(split(b'{"records":[' + b",".join([GOOD] * 4_000) + b"]}"))) == 4_000


def test_a_record_longer_than_any_is_not_repaired() -> None:
    parsed = read(b'{"records":[{"time":1,"a":"' + b"x" * LARGEST_RECORD + b'"},' + GOOD + b"]}")

    assert [one.reason for one in parsed.rejects] == [RejectReason.OVERSIZED]
    assert len(parsed.events) == 1


def test_the_record_after_one_that_is_longer_than_any_and_broken_is_read() -> None:
    parsed = read(b'{"records":[{"time":"' + b"x" * 2 * LARGEST_RECORD + b"\n" + GOOD + b"]}")

    assert len(parsed.events) == 1


def test_of_a_list_of_pairs_as_many_are_read_as_a_token_may_have() -> None:
    pairs = [{"key": f"k{number}", "value": number} for number in range(2 * MOST_PAIRS)]

    assert len(as_object(pairs)) == MOST_PAIRS


@pytest.mark.parametrize("word", [b"a" * 4080 + b'"', b"a " * 2000 + b"b" * 96 + b'"'])
def test_the_ragged_end_of_a_sample_is_found_in_one_pass(word: bytes) -> None:
    sample = reject(RejectReason.MALFORMED, word * 400, "").sample

    assert sample


def test_a_detail_of_a_megabyte_is_cut_before_it_is_redacted() -> None:
    assert len(reject(RejectReason.BAD_TIME, b"", "1" * MIB).detail) <= 200


def test_a_message_that_takes_long_is_read_in_steps() -> None:
    def steps(body: bytes) -> int:
        return sum(1 for _ in ActivityLogParser().parse_steps(body))

    assert steps(message(record())) == 0
    many = b",".join([GOOD] * 2_000)
    shapes: list[Callable[[bytes], bytes]] = [
        lambda records: b'{"records":[%s]}' % records,
        lambda records: b'{"records":[%s,]}' % records,
        lambda records: b"[%s]" % records,
    ]
    for shape in shapes:
        assert steps(shape(many)) >= 6
    assert steps(b'{"records":[%s]}' % b",".join([dump(record(time="never"))] * 500)) >= 25


def test_shortest_record_has_room_for_a_time_and_a_name() -> None:
    assert len(b'{"time":"2024-05-01T08:00Z","operationName":"a/b"}') > SHORTEST_RECORD
