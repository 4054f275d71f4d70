"""Turns the SDK's events into the core's messages; any body passes, for judging it is the parser's work."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from azure.eventhub import EventData
from azure.eventhub.amqp import AmqpMessageBodyType

from service.core.messages import Message


def message_of(partition: str, event: EventData) -> Message:
    """Return one event as the core knows it.

    Raises
    ------
    ValueError
        If sequence number, offset or enqueued time are missing, which the hub writes on every event.
    """
    sequence_number, offset, enqueued = event.sequence_number, event.offset, event.enqueued_time
    if sequence_number is None or offset is None or enqueued is None:
        raise ValueError(f"partition {partition}: an event without sequence number, offset or time is not the hub's")
    return Message(partition, sequence_number, offset, enqueued.astimezone(UTC), _body(event))


def _body(event: EventData) -> bytes:
    """Return the body's bytes; those of AMQP values and sequences, which Azure Monitor never sends, as JSON."""
    body = event.body
    if event.body_type == AmqpMessageBodyType.DATA:
        return b"".join(cast("Iterable[bytes]", body))
    if event.body_type == AmqpMessageBodyType.SEQUENCE:
        body = [item for section in cast("Iterable[Iterable[object]]", body) for item in section]
    if isinstance(body, bytes):
        return body
    try:
        return (body if isinstance(body, str) else json.dumps(_plain(body))).encode("utf-8", "replace")
    except (RecursionError, ValueError, OverflowError) as error:
        # Nested without end, a time before all calendars: no record, but the message has a position all the same.
        return json.dumps(f"AMQP value: {type(error).__name__}").encode()


def _plain(value: object) -> object:
    """Return an AMQP value as JSON knows it; keys and texts may come as bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    return value if isinstance(value, str | int | float | None) else str(value)
