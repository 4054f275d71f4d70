from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpAnnotatedMessage

from service.core.messages import Message
from service.source.messages import message_of

ANNOTATIONS = {b"x-opt-sequence-number": 7, b"x-opt-offset": b"0:1024", b"x-opt-enqueued-time": 1_772_323_200_500}

RECORDS_OF_A_MAP = b'{"records": [{"a": "caf\\u00e9", "2": "00000000-0000-0000-0000-000000000007"}]}'


def event(annotations: dict[bytes, Any] = ANNOTATIONS, **body: Any) -> EventData:
    return EventData._from_message(None, AmqpAnnotatedMessage(annotations=annotations, **body))


def test_an_event_keeps_its_place_its_time_and_the_bytes_of_all_its_sections() -> None:
    assert message_of("3", event(data_body=[b'{"rec', b'ords":[]}'])) == Message(
        "3", 7, "0:1024", datetime(2026, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC), b'{"records":[]}'
    )


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"value_body": "caf\u00e9"}, "caf\u00e9".encode()),
        ({"value_body": "\ud800"}, b"?"),
        ({"value_body": b"\xff\xfe"}, b"\xff\xfe"),
        ({"value_body": None}, b"null"),
        ({"value_body": {"a": 1}}, b'{"a": 1}'),
        ({"value_body": {b"records": [{b"a": b"caf\xc3\xa9", 2: UUID(int=7)}]}}, RECORDS_OF_A_MAP),
        ({"value_body": datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=1)))}, b'"2026-03-01T01:00:00+00:00"'),
        ({"sequence_body": [[1, 2], [b"b"]]}, b'[1, 2, "b"]'),
    ],
)
def test_a_body_of_an_unexpected_kind_comes_through_as_what_json_would_have_said(
    body: dict[str, Any], data: bytes
) -> None:
    assert message_of("0", event(**body)).body == data


def test_a_body_that_json_cannot_say_is_refused_by_the_parser_and_not_by_us() -> None:
    deep: Any = "end"
    for _ in range(100_000):
        deep = [deep]
    assert message_of("0", event(value_body=deep)).body == b'"AMQP value: RecursionError"'
    early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    assert message_of("0", event(value_body=early)).body == b'"AMQP value: OverflowError"'


@pytest.mark.parametrize("missing", list(ANNOTATIONS))
def test_an_event_without_its_place_or_time_is_refused(missing: bytes) -> None:
    annotations = {name: value for name, value in ANNOTATIONS.items() if name != missing}
    with pytest.raises(ValueError, match="partition 0"):
        message_of("0", event(annotations, data_body=b"x"))
