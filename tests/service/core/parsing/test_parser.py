import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.core.parsing.lenient import loads
from service.core.parsing.parser import ActivityLogParser, Parsed
from service.core.parsing.records import adapt
from tests.service.core.parsing.samples import application, dump, human, message, record, rest

Json = Any

words = st.text(max_size=12)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
fields = [*record(), *rest(), "properties"]


@st.composite
def odd_records(draw: st.DrawFn) -> dict[str, Json]:
    base = draw(st.sampled_from([record(), rest(), record(application()), record(human(), category="Policy")]))
    for key in draw(st.lists(st.sampled_from(fields), max_size=3)):
        base[key] = draw(values)
    return base


def caches(parser: ActivityLogParser) -> list[dict[Any, Any]]:
    return [each for each in vars(parser._reader).values() if isinstance(each, dict)]


def balanced(parsed: Parsed) -> bool:
    return parsed.records == len(parsed.events) + parsed.rejected + sum(parsed.left_out.values())


@given(st.binary(max_size=500))
@example(b"[]")
def test_arbitrary_bytes_never_raise(body: bytes) -> None:
    parsed = ActivityLogParser().parse(body)

    assert balanced(parsed)
    assert parsed.events == []
    assert parsed.records >= 1 or set(body) <= set(b'[]," \t\r\n'), "only empty lists hold nothing"


@settings(max_examples=25)
@given(st.lists(odd_records(), max_size=4))
def test_any_json_in_any_field_ends_in_exactly_one_place(records: list[dict[str, Json]]) -> None:
    parsed = ActivityLogParser().parse(message(*records))

    assert balanced(parsed)
    assert parsed.records == len(records)


@settings(max_examples=25)
@given(st.lists(odd_records(), min_size=1, max_size=3), st.data())
def test_a_message_damaged_anywhere_never_raises(records: list[dict[str, Json]], data: st.DataObject) -> None:
    body = bytearray(message(*records))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[place] = data.draw(st.sampled_from(b'{}[]",:\\x\x00\xff\n'))

    assert balanced(ActivityLogParser().parse(bytes(body)))


@settings(max_examples=25)
@given(st.lists(odd_records(), min_size=1, max_size=4), st.integers(0, 4), st.binary(max_size=60))
def test_a_bad_record_never_costs_its_neighbours(records: list[dict[str, Json]], place: int, garbage: bytes) -> None:
    good = ActivityLogParser().parse(message(*records))
    texts = [dump(each) for each in records]
    texts.insert(min(place, len(texts)), b'{"time":' + garbage.translate(None, b"{}\"'\n") + b"\x00}")

    parsed = ActivityLogParser().parse(b'{"records":[' + b",".join(texts) + b"]}")

    assert parsed.events == good.events
    assert parsed.left_out == good.left_out


@settings(max_examples=25)
@given(st.lists(odd_records(), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_permuting_records_permutes_events(records: list[dict[str, Json]], chance: random.Random) -> None:
    shared = ActivityLogParser()
    shuffled = chance.sample(records, len(records))

    once, again = shared.parse(message(*records)), shared.parse(message(*shuffled))

    assert sorted(map(repr, once.events)) == sorted(map(repr, again.events))
    assert once.left_out == again.left_out
    assert len(once.rejects) == len(again.rejects)


@settings(max_examples=50)
@given(odd_records())
def test_the_hasty_and_the_forgiving_look_see_the_same(odd: dict[str, Json]) -> None:
    body = dump(odd)
    shown = ActivityLogParser().parse(b'{"records":[' + body + b"]}")
    alone = ActivityLogParser().parse(body) if len(body) > 100 and "records" not in odd else shown

    assert shown.events == alone.events
    assert shown.left_out == alone.left_out


@pytest.mark.parametrize("claims", [human(), application(), application(xms_mirid="/subscriptions/s/x/y")])
def test_the_usual_record_takes_one_look(claims: dict[str, str]) -> None:
    parser = ActivityLogParser()
    found = parser._reader.read(parser._decode(message(record(claims))).records[0])

    assert found == parser._reader.read(*adapt(loads(dump(record(claims)))))


@settings(max_examples=20)
@given(st.lists(st.sampled_from([record(), record(application()), rest(), record(time="x")]), max_size=6))
def test_forgetting_changes_nothing(records: list[dict[str, Json]]) -> None:
    class Forgetful(ActivityLogParser):
        def parse(self, body: bytes) -> Parsed:
            for cache in caches(self):
                cache.clear()
            return super().parse(body)

    forgetful, usual = Forgetful(), ActivityLogParser()
    for each in records:
        assert forgetful.parse(message(each)) == usual.parse(message(each))


def test_equal_actors_and_actions_are_one_object() -> None:
    first, second = ActivityLogParser().parse(message(record(), record(category="Write"))).events

    assert first.actor is second.actor
    assert first.action is second.action


def test_caches_are_bounded() -> None:
    parser = ActivityLogParser(cached=8)

    largest = 0
    for number in range(100):
        parser.parse(
            message(
                record(
                    application(appid=str(number)),
                    operationName=f"a/{number}",
                    callerIpAddress=f"203.0.113.{number}",
                    resourceId=f"/subscriptions/s{number}/x",
                    resultType=number,
                )
            )
        )

        largest = max(largest, *map(len, caches(parser)))

    assert largest == 8


@pytest.mark.parametrize(
    "status_message", [None, '{"error":{"code":"AuthorizationFailed"}}', {"error": {"code": "X"}}, 7]
)
def test_a_failure_does_not_send_the_whole_message_the_slow_way(status_message: Json) -> None:
    failed = record(resultType="Failure", properties={"statusCode": "Forbidden", "statusMessage": status_message})
    parser = ActivityLogParser()

    (decoded,) = parser._decode(message(failed)).records

    assert parser._reader.read(decoded) == parser._reader.read(*adapt(loads(dump(failed))))
