"""Turns the SDK's events into the core's messages; any body passes, for judging it is the parser's work."""

from collections.abc import Iterable
from datetime import UTC
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
    """Return the body's bytes; those of AMQP values and sequences, which Azure Monitor never sends, as text."""
    body = event.body
    if event.body_type == AmqpMessageBodyType.DATA:
        return b"".join(cast("Iterable[bytes]", body))
    if isinstance(body, bytes):
        return body
    text = str(list(cast("Iterable[object]", body)) if event.body_type == AmqpMessageBodyType.SEQUENCE else body)
    return text.encode("utf-8", "replace")
