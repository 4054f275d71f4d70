"""Messages in a task: from bytes to what the driver has to know of each, and what its shards are to observe."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

import msgspec

from models.stream import EPOCH, ActivityEvent
from service.core.coverage import SubscriptionArrival, by_subscription
from service.core.messages import Message
from service.core.parsing import ActivityLogParser, Parsed, Reject, RejectReason
from service.shards import Head, route
from service.spark.sources import Heartbeat, MessageBody
from service.spark.tenants import ShardKey

MOST_SAMPLES = 20
"""Rejected records of one tenant that a task shows one by one; of the others it gives the number."""

ParsedEvents = dict[int, list[ActivityEvent]]
"""Events of one shard, by the number of their message."""

_pack = msgspec.msgpack.Encoder().encode
unpack_events = msgspec.msgpack.Decoder(list[ActivityEvent]).decode
"""Returns the events that were packed."""
_PARSER = ActivityLogParser()


class ParsedMessage(NamedTuple):
    """A message, parsed.

    Attributes
    ----------
    origin
        The task that parsed it, and its number among what that has parsed.
    tenant, place, size
        Of the message; in bytes.
    head
        What the shards' driver has to know of it.
    records
        All that were found.
    rejects, left_out
        Those that could not be read, and those that are none of our business, by kind.
    subscriptions
        How many events it has of each, and the newest one's time.
    events
        What each shard elsewhere is to observe; packed, because it goes through many hands on its way.
    """

    origin: tuple[int, int]
    tenant: str
    place: int | str
    size: int
    head: Head
    records: int
    rejects: tuple[Reject, ...]
    left_out: Mapping[str, int]
    subscriptions: Mapping[str, SubscriptionArrival]
    events: Mapping[int, bytes]


def parse_messages(
    rows: Iterable[MessageBody | Heartbeat],
    horizons: Mapping[str, timedelta],
    shards: int,
    task: int = 0,
    here: Mapping[ShardKey, ParsedEvents] | None = None,
) -> Iterator[ParsedMessage | Heartbeat]:
    """Yield each message, parsed; heartbeats as they are, and nothing of a tenant without a horizon.

    Events of shards that are `here` are put there, by the message's number.
    """
    shown: Counter[str] = Counter()
    number = 0
    for row in rows:
        if isinstance(row, Heartbeat):
            yield row
        elif row.tenant in horizons:
            parsed = _parsed(row)
            place = row.place if isinstance(row.place, int) else 0
            enqueued = row.enqueued_time or max((event.time for event in parsed.events), default=EPOCH)
            message = Message(row.partition, place, str(place), enqueued, b"")
            head, by_shard = route(message, parsed.events, horizons[row.tenant], shards)
            elsewhere = dict[int, bytes]()
            for shard, events in by_shard.items():
                there = (here or {}).get(ShardKey(row.tenant, shard))
                if there is None:
                    elsewhere[shard] = _pack(events)
                else:
                    there[number] = events
            yield ParsedMessage(
                (task, number),
                row.tenant,
                row.place,
                len(row.body),
                head,
                parsed.records,
                tuple(_bounded(parsed.rejects, row.tenant, shown)),
                parsed.left_out,
                by_subscription(parsed.events),
                elsewhere,
            )
            number += 1


def _parsed(row: MessageBody) -> Parsed:
    try:
        return _PARSER.parse(row.body)
    except Exception as error:  # noqa: BLE001 - no message may end the job: what it was is counted, told and kept
        detail = (
            f"parsing ended with {type(error).__name__}: partition {row.partition}, {row.place}, {len(row.body)} bytes"
        )
        return Parsed([], [Reject(RejectReason.SET_ASIDE, "", detail)], {}, 1)


def _bounded(rejects: Iterable[Reject], tenant: str, shown: Counter[str]) -> Iterator[Reject]:
    others: Counter[RejectReason] = Counter()
    for reject in rejects:
        if (reject.sample or reject.records == 1) and shown[tenant] < MOST_SAMPLES:
            shown[tenant] += 1
            yield reject
        else:
            others[reject.reason] += reject.records
    for reason, number in sorted(others.items()):
        yield Reject(reason, "", "more of them, not shown one by one", number)
