"""Puts the parts together: one decoding of a whole message, and a second, forgiving look at single records of it."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from models.stream import ActivityEvent, Steps, finish
from service.core.parsing.categories import LeftOut
from service.core.parsing.envelope import is_crowded, split, split_elements
from service.core.parsing.lenient import loads
from service.core.parsing.reader import RecordReader
from service.core.parsing.records import Envelope, Extras, RawEnvelope, Record, adapt
from service.core.parsing.rejects import Refusal, Reject, RejectReason, reject
from service.core.parsing.salvage import BROKEN_RECORDS, LARGEST_RECORD, SHORTEST_RECORD, Fragment

SAMPLES: Final = 8
"""Rejects of one message that carry a sample; the rest are counted by reason, so that garbage stays cheap."""

_STEP: Final = 256  # records in the usual shape between two pauses; a second look costs as much as twenty of them
_SECOND_LOOK: Final = 20

_PLAIN = re.compile(rb'\s*+\{\s*+"records"\s*+:')


class Parsed(NamedTuple):
    """What one message held.

    Attributes
    ----------
    events
        Records that an identity may have done, in the order in which they stood.
    rejects
        Why records could not be read: a few one by one, in the order in which they stood, the rest counted by reason.
    left_out
        Records that were recognised and are none of our business, by `LeftOut`.
    records
        All of them together.
    """

    events: list[ActivityEvent]
    rejects: list[Reject]
    left_out: dict[str, int]
    records: int

    @property
    def rejected(self) -> int:
        """How many records could not be read."""
        return sum(reject.records for reject in self.rejects)


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

        Every record ends in exactly one place: ``records == len(events) + rejected + sum(left_out.values())``.
        """
        return finish(self.parse_steps(body))

    def parse_steps(self, body: bytes) -> Steps[Parsed]:
        """Do what `parse` does in steps: a message may hold a hundred thousand records, or have been made to cost.

        Notes
        -----
        What is spent on a message is bounded by counts, so that it is the same at each reading: after `BROKEN_RECORDS`
        rejects no record is looked at twice, and none that is longer than `LARGEST_RECORD`.
        """
        found = _Findings()
        if not _PLAIN.match(body) or is_crowded(body):
            return (yield from self._read_fragments(split(body), found))
        try:
            records = self._decode(body).records
        except (ValueError, RecursionError):
            return (yield from self._read_fragments(split(body), found))
        raws: list[msgspec.Raw] | None = None
        read, file = self._read, found.file
        for start in range(0, len(records), _STEP):
            for number, record in enumerate(records[start : start + _STEP], start):
                try:
                    file(read(record))
                except Refusal:
                    if raws is None:
                        raws = self._decode_raw(body).records
                    if found.rejected >= SAMPLES:  # many more may follow, and cost less by this way
                        return (yield from self._read_fragments(split_elements(raws[number:]), found))
                    self._look_again(bytes(raws[number]), found)
            if start:
                yield
        return found.parsed()

    def _read_fragments(self, fragments: Iterable[Fragment], found: "_Findings") -> Steps[Parsed]:
        work = 0
        for text, flaw, count in fragments:
            work += 1
            if flaw is not None:
                found.refuse(flaw, text, count)
            else:
                try:
                    found.file(self._read(self._decode_record(text)))
                except (ValueError, RecursionError, Refusal):
                    self._look_again(text, found)
                    work += _SECOND_LOOK + len(text) // 1024
            if work >= _STEP:
                work = 0
                yield
        return found.parsed()

    def _look_again(self, text: bytes, found: "_Findings") -> None:
        """Read one record forgivingly: any shape, any casing."""
        try:
            if found.rejected >= BROKEN_RECORDS:
                raise _NO_SECOND_LOOK
            found.file(self._read(*_forgiving(text)))
        except Refusal as refusal:
            found.refuse(refusal, text)


class _Findings:
    """What has been made of the records of one message so far.

    One is made for every message, of which most hold a single record: nothing is in it before there is need.
    """

    __slots__ = ("events", "left_out", "more", "rejected", "samples")

    def __init__(self) -> None:
        self.events: list[ActivityEvent] = []
        self.samples: list[Reject] = []
        self.more: dict[RejectReason, int] = {}
        self.left_out: dict[str, int] = {}
        self.rejected = 0

    def file(self, found: ActivityEvent | LeftOut) -> None:
        if isinstance(found, ActivityEvent):
            self.events.append(found)
        else:
            self.left_out[found] = self.left_out.get(found, 0) + 1

    def refuse(self, refusal: Refusal, text: bytes, count: int = 1) -> None:
        self.rejected += count
        if len(self.samples) < SAMPLES:
            self.samples.append(reject(refusal.reason, text, refusal.detail, count))
        else:
            self.more[refusal.reason] = self.more.get(refusal.reason, 0) + count

    def parsed(self) -> Parsed:
        rejects = self.samples
        if self.more:
            beside = f"beside {SAMPLES} that are shown"
            rejects = [*rejects, *(Reject(reason, "", beside, count) for reason, count in self.more.items())]
        records = len(self.events) + self.rejected
        if self.left_out:
            records += sum(self.left_out.values())
        return Parsed(self.events, rejects, self.left_out, records)


_NO_SECOND_LOOK = Refusal(RejectReason.GIVEN_UP, f"not looked at twice: {BROKEN_RECORDS} before it could not be read")


def _forgiving(text: bytes) -> tuple[Record, Extras]:
    if len(text) < SHORTEST_RECORD:
        raise Refusal(RejectReason.NOT_A_RECORD, "too short to say when and what")
    if len(text) > LARGEST_RECORD:
        raise Refusal(RejectReason.OVERSIZED, f"a record of more than {LARGEST_RECORD} bytes")
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
