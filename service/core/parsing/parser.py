"""Puts the parts together: one decoding of a whole message, and a second, forgiving look at single records of it."""

import re
from typing import Final, NamedTuple

import msgspec

from models.stream import ActivityEvent
from service.core.parsing.categories import LeftOut
from service.core.parsing.envelope import SHORTEST_RECORD, split
from service.core.parsing.lenient import loads
from service.core.parsing.reader import RecordReader
from service.core.parsing.records import Envelope, Extras, RawEnvelope, Record, adapt
from service.core.parsing.rejects import Refusal, Reject, RejectReason, reject
from service.core.parsing.salvage import Fragment

SAMPLES: Final = 32
"""Rejects of one message that carry a sample; the rest carry their reason alone, so that garbage stays cheap."""

_PLAIN = re.compile(rb'\s*+\{\s*+"records"\s*+:')


class Parsed(NamedTuple):
    """What one message held.

    Attributes
    ----------
    events
        Records that an identity may have done, in the order in which they stood.
    rejects
        Records that could not be read, likewise.
    left_out
        Records that were recognised and are none of our business, by `LeftOut`.
    records
        All of them together.
    """

    events: list[ActivityEvent]
    rejects: list[Reject]
    left_out: dict[str, int]
    records: int


class ActivityLogParser:
    """Reads Event Hubs messages of Azure Activity Log records.

    Parameters
    ----------
    cached
        Entries that each cache holds before it starts afresh.

    Examples
    --------
    >>> parsed = ActivityLogParser().parse(
    ...     b'{"records":[{"time":"2024-05-01T08:00:00.1234567Z","category":"Administrative","resultType":"Start",'
    ...     b'"operationName":"MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE","caller":"ann@contoso.com"}, 42]}'
    ... )
    >>> parsed.events[0].action, parsed.events[0].actor.name, parsed.rejects[0].reason.value, parsed.records
    ('microsoft.compute/virtualmachines/write', 'ann@contoso.com', 'not_a_record', 2)
    """

    def __init__(self, *, cached: int = 50_000) -> None:
        self._decode = msgspec.json.Decoder(Envelope).decode
        self._decode_record = msgspec.json.Decoder(Record).decode
        self._decode_raw = msgspec.json.Decoder(RawEnvelope).decode
        self._reader = RecordReader(cached=cached)
        self._read = self._reader.read

    def parse(self, body: bytes) -> Parsed:
        """Read one message; never raises.

        Every record ends in exactly one place: ``records == len(events) + len(rejects) + sum(left_out.values())``.
        """
        if not _PLAIN.match(body):
            return self._parse_fragments(split(body))
        try:
            records = self._decode(body).records
        except (ValueError, RecursionError):
            return self._parse_fragments(split(body))
        events: list[ActivityEvent] = []
        rejects: list[Reject] = []
        left_out: dict[str, int] = {}
        raws: list[msgspec.Raw] | None = None
        read, append = self._read, events.append
        for record in records:
            try:
                found = read(record)
            except Refusal:
                if raws is None:
                    raws = self._decode_raw(body).records
                done = len(events) + len(rejects) + sum(left_out.values())
                self._look_again(bytes(raws[done]), events, rejects, left_out)
                continue
            if isinstance(found, ActivityEvent):
                append(found)
            else:
                left_out[found] = left_out.get(found, 0) + 1
        return Parsed(events, rejects, left_out, len(records))

    def _parse_fragments(self, fragments: list[Fragment]) -> Parsed:
        events: list[ActivityEvent] = []
        rejects: list[Reject] = []
        left_out: dict[str, int] = {}
        for text, flaw in fragments:
            if flaw is not None:
                _refuse(flaw, text, rejects)
                continue
            try:
                _file(self._read(self._decode_record(text)), events, left_out)
            except (ValueError, RecursionError, Refusal):
                self._look_again(text, events, rejects, left_out)
        return Parsed(events, rejects, left_out, len(fragments))

    def _look_again(
        self, text: bytes, events: list[ActivityEvent], rejects: list[Reject], left_out: dict[str, int]
    ) -> None:
        """Read one record forgivingly: any shape, any casing."""
        try:
            _file(self._read(*_forgiving(text)), events, left_out)
        except Refusal as refusal:
            _refuse(refusal, text, rejects)


def _file(found: ActivityEvent | LeftOut, events: list[ActivityEvent], left_out: dict[str, int]) -> None:
    if isinstance(found, LeftOut):
        left_out[found] = left_out.get(found, 0) + 1
    else:
        events.append(found)


def _forgiving(text: bytes) -> tuple[Record, Extras]:
    if len(text) < SHORTEST_RECORD:
        raise Refusal(RejectReason.NOT_A_RECORD, "too short to say when and what")
    try:
        value = loads(text)
    except RecursionError as error:
        raise Refusal(RejectReason.TOO_DEEP, "nested too deeply") from error
    except ValueError as error:
        raise Refusal(RejectReason.MALFORMED, "not JSON, even after repair") from error
    if not isinstance(value, dict):
        raise Refusal(RejectReason.NOT_A_RECORD, "no object")
    record, extras = adapt(value)
    if not (record.time or record.operation_name or record.category):
        raise Refusal(RejectReason.NOT_A_RECORD, "neither time nor operation nor category")
    return record, extras


def _refuse(refusal: Refusal, text: bytes, rejects: list[Reject]) -> None:
    if len(rejects) < SAMPLES:
        rejects.append(reject(refusal.reason, text, refusal.detail))
    else:
        rejects.append(_UNSAMPLED[refusal.reason])


_UNSAMPLED = {reason: Reject(reason, "", f"more than {SAMPLES} rejects in one message") for reason in RejectReason}
