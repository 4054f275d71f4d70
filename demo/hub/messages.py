"""An event as the hub keeps it: the sender's sections as they came, the broker's annotations in front of them.

A message is encoded once, when it is appended; sending it to a reader is a copy. Bodies are opaque.
Source: OASIS AMQP 1.0, part 3.2 (message format); annotation names from Microsoft's AMQP 1.0 protocol guide for
Service Bus and Event Hubs, https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from demo.hub.codec import DecodeError, decode, encode
from demo.hub.primitives import Described, Symbol, Timestamp, Ulong

BATCH_FORMAT = 0x80013700
"""Message format of a batch: each data section holds one encoded message."""

_HEADER, _DELIVERY, _ANNOTATIONS, _PROPERTIES, _APPLICATION, _DATA, _SEQUENCE, _VALUE, _FOOTER = range(0x70, 0x79)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_milliseconds(time: datetime) -> int:
    """Milliseconds since 1970 of an aware time, rounded down."""
    return (time - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """The aware UTC time of so many milliseconds since 1970."""
    return _EPOCH + milliseconds * _MILLISECOND


def section(descriptor: int, value: Any) -> bytes:
    """One encoded message section."""
    return b"\x00" + encode(Ulong(descriptor)) + encode(value)


def delivery_annotations(values: Mapping[str, Any]) -> bytes:
    """The section that a broker adds for one delivery only."""
    return section(_DELIVERY, {Symbol(key): value for key, value in values.items()})


class Draft(NamedTuple):
    """What a sender hands in: its annotations, and all that follows them, still encoded."""

    annotations: dict[Any, Any]
    rest: bytes

    @property
    def partition_key(self) -> str | None:
        """The key by which the sender wants the partition chosen."""
        key = self.annotations.get("x-opt-partition-key")
        return key if isinstance(key, str) else None


def draft(body: bytes, properties: Mapping[str, Any] | None = None, partition_key: str | None = None) -> Draft:
    """A message of our own making: one data section and, if given, application properties."""
    head = section(_APPLICATION, dict(properties)) if properties else b""
    return Draft({Symbol("x-opt-partition-key"): partition_key} if partition_key else {}, head + section(_DATA, body))


def _sections(payload: bytes) -> Iterator[tuple[int, Any, int, int]]:
    at = 0
    while at < len(payload):
        start = at
        value, at = decode(payload, at)
        if not isinstance(value, Described) or not isinstance(value.descriptor, int):
            raise DecodeError("a message holds something that is not a section")
        if not _HEADER <= value.descriptor <= _FOOTER:
            raise DecodeError(f"a message has no section {value.descriptor:#x}")
        yield int(value.descriptor), value.value, start, at


def parse(payload: bytes) -> Draft:
    """Split what a sender sent; header and delivery annotations were for this hop only and end here.

    Raises
    ------
    DecodeError
        When it is not a message, or has no body.
    """
    annotations: dict[Any, Any] = {}
    rest: list[bytes] = []
    has_body = False
    for descriptor, value, start, end in _sections(payload):
        if descriptor == _ANNOTATIONS:
            if not isinstance(value, dict) or not all(isinstance(key, Symbol) for key in value):
                raise DecodeError("message annotations are not a map of symbols")
            annotations = value
        elif descriptor >= _PROPERTIES:
            rest.append(payload[start:end])
            has_body |= descriptor in (_DATA, _SEQUENCE, _VALUE)
    if not has_body:
        raise DecodeError("a message without a body")
    return Draft(annotations, b"".join(rest))


def parse_transfer(payload: bytes, message_format: int) -> list[Draft]:
    """The messages of one delivery: one, or all of a batch, which share the batch's partition key.

    Raises
    ------
    DecodeError
        When it, or one of them, is malformed: then none is taken.
    """
    if message_format != BATCH_FORMAT:
        return [parse(payload)]
    outer: dict[Any, Any] = {}
    inner: list[bytes] = []
    for descriptor, value, _, _ in _sections(payload):
        if descriptor == _ANNOTATIONS:
            if not isinstance(value, dict):
                raise DecodeError("a batch's annotations are not a map")
            outer = {key: item for key, item in value.items() if key == "x-opt-partition-key"}
        elif descriptor == _DATA:
            if not isinstance(value, bytes):
                raise DecodeError("a batch holds something that is not a message")
            inner.append(value)
    drafts = [parse(one) for one in inner]
    return [one._replace(annotations=one.annotations | outer) for one in drafts]


class HubMessage:
    """A stored message.

    Attributes
    ----------
    sequence_number
        0, 1, 2, … within its partition.
    offset
        Where it stands in the partition, as opaque text.
    enqueued_ms
        When the hub took it, in milliseconds since 1970.
    payload
        The encoded message as a reader gets it.
    """

    __slots__ = ("enqueued_ms", "offset", "payload", "sequence_number")

    def __init__(self, sequence_number: int, offset: str, enqueued_ms: int, source: Draft) -> None:
        self.sequence_number = sequence_number
        self.offset = offset
        self.enqueued_ms = enqueued_ms
        annotations = dict(source.annotations)
        annotations[Symbol("x-opt-sequence-number")] = sequence_number
        annotations[Symbol("x-opt-offset")] = offset
        annotations[Symbol("x-opt-enqueued-time")] = Timestamp(enqueued_ms)
        self.payload = section(_ANNOTATIONS, annotations) + source.rest

    @property
    def enqueued_time(self) -> datetime:
        """When the hub took it, aware UTC."""
        return from_milliseconds(self.enqueued_ms)

    @property
    def body(self) -> bytes:
        """The data sections, joined; empty for a body of another kind."""
        return b"".join(value for descriptor, value, _, _ in _sections(self.payload) if descriptor == _DATA)

    @property
    def properties(self) -> dict[str, Any]:
        """The sender's application properties."""
        found = [value for descriptor, value, _, _ in _sections(self.payload) if descriptor == _APPLICATION]
        return dict(found[0]) if found else {}

    @property
    def partition_key(self) -> str | None:
        """The sender's partition key."""
        return parse(self.payload).partition_key


class Request(NamedTuple):
    """A question to a node such as ``$cbs``, which is answered with a message."""

    message_id: Any
    reply_to: str | None
    properties: dict[Any, Any]
    value: Any


def parse_request(payload: bytes) -> Request:
    """Read a request; raises `DecodeError` when it is not one."""
    found = {descriptor: value for descriptor, value, _, _ in _sections(payload)}
    properties = found.get(_PROPERTIES) or []
    application = found.get(_APPLICATION) or {}
    if not isinstance(properties, list) or not isinstance(application, dict):
        raise DecodeError("a request with malformed properties")
    fields = properties + [None] * 13
    return Request(fields[0], fields[4], application, found.get(_VALUE))


def response(request: Request, properties: Mapping[str, Any], value: Any) -> bytes:
    """The encoded answer to `request`, matched to it by the correlation id, which has its message id's type."""
    correlated = [None] * 5 + [request.message_id] + [None] * 7
    return section(_PROPERTIES, correlated) + section(_APPLICATION, dict(properties)) + section(_VALUE, value)
